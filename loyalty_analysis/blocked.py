"""Runs that must not go on: bad data, columns or codes that changed, a gate that failed.

Where a report stands already, a blocked run is kept beside it, so that its page can say why it is
not newer. Where none stands, nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from loyalty_analysis.data_schema import schema
from loyalty_analysis.disclosure import disclosures, in_words, registered_secrets
from loyalty_analysis.errors import InputError, LoyaltyError
from loyalty_analysis.formatting import capitalised, listing
from loyalty_analysis.inputs import Inputs
from loyalty_analysis.manifest import (
    FORMAT,
    MANIFEST,
    command_line,
    file_hashes,
    now,
    portable,
    read_manifest,
    versions,
    write_json,
)
from loyalty_analysis.pages import environment, index
from loyalty_analysis.published import FAILED, BlockedError, last_good, new_run_id
from loyalty_analysis.run_folder import WITHHELD, described
from loyalty_analysis.runs import parameters_of
from loyalty_analysis.schema_changes import schema_changes
from loyalty_analysis.served import serve
from loyalty_analysis.study import Study, find_study, load_study

if TYPE_CHECKING:
    from loyalty_analysis.report import Options


@contextmanager
def recorded(
    study: str | Path | Study,
    out: str | Path,
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    home: Path | None = None,
    asked: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """Keep a run that bad input stops inside the ``with`` block, where a report stands already.

    Parameters
    ----------
    study, settings, data, where
        As they were asked for.
    out : path
        Folder of all reports.
    home : pathlib.Path, optional
        Where the runs lie; default the study's folder in ``out``.
    asked : mapping, optional
        The parameters of the run, where they are known.

    Raises
    ------
    InputError, BlockedError
        The very error that stopped it.
    """
    try:
        yield
    except (InputError, BlockedError) as error:
        with suppress(LoyaltyError, OSError):  # the error itself is what has to be told
            there = home or Path(out) / folder_name(study)
            if last_good(there) is not None:
                known = asked or parameters_of(study, settings, data, where)
                keep_blocked(there, error, known, out, _loaded(study))
                if there.parent == Path(out):
                    index(out)
        raise


def keep_blocked(
    home: Path,
    error: LoyaltyError,
    parameters: Mapping[str, Any],
    out: str | Path = "reports",
    study: Study | None = None,
) -> Path:
    """Write the run folder of a run that was blocked before it could begin: manifest and page.

    Parameters
    ----------
    home : pathlib.Path
        Where the runs lie.
    error : LoyaltyError
    parameters : mapping
        As they were asked for.
    out : path
        Folder of all reports.
    study : Study, optional
        Where it could be read: its data address may refer to secrets.

    Returns
    -------
    pathlib.Path
        ``<run id>.failed``.
    """
    run, good = new_run_id(home=home), last_good(home)
    named = read_manifest(good)["study"] if good else {"name": home.name, "title": home.name}
    asked = {name: portable(value) for name, value in parameters.items()}
    manifest = {
        "format": FORMAT,
        "run": run,
        "verb": "report",
        "state": "blocked",
        "study": named,
        "parameters": asked,
        "command": command_line("report", asked, portable(out)),
        "versions": versions(),
        "started": now(),
        "finished": now(),
        "seconds": {},
        "verdicts": {},
        "error": described(error),
    }
    folder = home / f".{run}.partial"
    folder.mkdir(parents=True)
    _write(folder, manifest, str(error), good)
    if disclosures(folder, registered_secrets(study, os.environ), None):
        kept = {"type": type(error).__name__, "message": WITHHELD}
        manifest |= {"parameters": {}, "command": "", "error": kept}
        _write(folder, manifest, capitalised(WITHHELD), good)
    kept_as = folder.rename(home / f"{run}{FAILED}")
    serve(home)
    return kept_as


def publishable(error: BaseException) -> dict[str, Any]:
    """Say of an error what may stand in ``batch.json``: not a secret, not an e-mail address.

    Examples
    --------
    >>> publishable(BlockedError("the file of ann@example.org is empty"))["message"]
    'what went wrong is not kept: it would give a secret or a respondent away'
    """
    said = described(error)
    if in_words(said["message"], registered_secrets(None, os.environ)):
        return {"type": type(error).__name__, "message": WITHHELD}
    return said


def _write(folder: Path, manifest: dict[str, Any], said: str, good: Path | None) -> None:
    """Write page and manifest of a blocked run."""
    page = environment().get_template("blocked.html.j2")
    html = page.render(manifest=manifest, lines=said.splitlines(), standing=_standing(good))
    (folder / "index.html").write_text(html, encoding="utf-8")
    write_json(folder / MANIFEST, manifest | {"files": file_hashes(folder, skip=[MANIFEST])})


def changed_columns(
    inputs: Inputs, before: Mapping[str, Any] | None, options: Options
) -> dict[str, Any]:
    """Compare the columns and codes of the data with those of the last good run, before any model.

    Parameters
    ----------
    inputs : Inputs
    before : mapping or None
        What the last good run said of its columns.
    options : Options
        ``told`` is told of every change that the error does not name, ``accept_changes`` lets
        those pass that would block.

    Returns
    -------
    dict
        What the manifest says: schema, data_changes.

    Raises
    ------
    BlockedError
        Naming every change after which numbers would no longer mean the same.
    """
    if inputs.table is None:
        return {}
    found = schema(inputs.table, inputs.study)
    changes = schema_changes(before, found) if before else []
    stops = [change.sentence for change in changes if change.blocks]
    refused = bool(stops) and not options.accept_changes
    for change in changes:
        if not (refused and change.blocks):  # the error names those
            options.told(f"Since the last run: {change.sentence}")
    if refused:
        head = f"{inputs.study.address.name}: it changed since the last good run."
        remedy = "Correct the file; or, where it is right, run once with --accept-changes."
        raise BlockedError("\n".join([head, *stops, remedy]))
    return {"schema": found, "data_changes": [change.sentence for change in changes]}


def blocked_by_gates(study: Study, results: Mapping[str, pd.DataFrame]) -> None:
    """Stop a run whose measurement fails a gate, where the study asks for that.

    Raises
    ------
    BlockedError
        Naming the gates, see ``reports.block_on_gates``.
    """
    if not study.reports.block_on_gates:
        return
    gates = results["gates"]
    failed = gates[~gates["passes"].astype(bool) & ~gates["warns"].astype(bool)]
    if len(failed):
        named = [f"{row.gate} of {row.about}" for row in failed.itertuples()]
        raise BlockedError(
            f"{study.path.name}: gates failed and reports.block_on_gates is set: "
            f"{listing(named, 9)}. Mend the measurement, or turn gates into warnings (gates.warn)."
        )


def schema_of_last(home: Path) -> dict[str, Any] | None:
    """What the last good run said of the columns of its data; None where there is none.

    Examples
    --------
    >>> schema_of_last(Path("no such folder")) is None
    True
    """
    good = last_good(home)
    return read_manifest(good).get("schema") if good else None


def _loaded(study: str | Path | Study) -> Study | None:
    with suppress(LoyaltyError):
        return study if isinstance(study, Study) else load_study(study)
    return None


def folder_name(study: str | Path | Study) -> str:
    """Name of the folder of a study among all reports, also of one that cannot be read."""
    return study.name if isinstance(study, Study) else find_study(study).resolve().parent.name


def _standing(good: Path | None) -> dict[str, Any] | None:
    if good is None:
        return None
    page = (good / "index.html").is_file()
    return {"run": good.name, "started": read_manifest(good)["started"], "page": page}
