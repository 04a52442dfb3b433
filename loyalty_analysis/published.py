"""Published runs: how they are named, what is verified first, which one ``latest`` means."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from loyalty_analysis.disclosure import disclosures, registered_secrets
from loyalty_analysis.errors import RunError
from loyalty_analysis.manifest import MANIFEST, file_hashes, read_manifest, sha256
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.survey import Survey

LATEST, FAILED = "latest", ".failed"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]{4}")
_STAMP, _NAMED = "%Y%m%dT%H%M%SZ", re.compile(r"\.?(\d{8}T\d{6}Z)-[0-9a-z]{4}(?:\.|$)")
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EROFS}


class BlockedError(RunError):
    """A run must not be published: its data, its columns, its gates or what it would disclose."""

    state = "blocked"


def new_run_id(at: datetime | None = None, home: Path | None = None) -> str:
    """Name a run: UTC to the second and four random characters, so that names sort by time.

    Parameters
    ----------
    at : datetime, optional
        Default now.
    home : pathlib.Path, optional
        A folder of runs, of which the new one is to be the last: where the clock was set back, or
        two runs fall into one second, it is named a second after the last one there.

    Examples
    --------
    >>> new_run_id(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))[:-4]
    '20261121T093000Z-'
    """
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    found = [_NAMED.match(path.name) for path in home.iterdir()] if home and home.is_dir() else []
    stamps = [datetime.strptime(f"{one[1]}+0000", f"{_STAMP}%z") for one in found if one]
    stamp = max([moment, *(last + timedelta(seconds=1) for last in stamps)]).strftime(_STAMP)
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    return f"{stamp}-{''.join(secrets.choice(letters) for _ in range(4))}"


def runs(home: Path) -> list[Path]:
    """List the complete runs in a study's folder, the latest first.

    Examples
    --------
    >>> runs(Path("no such folder"))
    []
    """
    if not home.is_dir():
        return []
    named = [path for path in home.iterdir() if _RUN_ID.fullmatch(path.name)]
    good = [path for path in named if read_manifest(path).get("state") == "ok"]
    return sorted(good, reverse=True)


def last_good(home: str | Path) -> Path | None:
    """Find the last good run of a study.

    Parameters
    ----------
    home : path
        The folder of its runs, such as ``reports/bank_customers``.

    Returns
    -------
    pathlib.Path or None
        What ``latest`` points to; the newest complete run when ``latest`` points nowhere.

    Examples
    --------
    >>> last_good("no such folder") is None
    True
    """
    latest = Path(home) / LATEST
    name = ""
    if latest.is_symlink():
        name = latest.readlink().name
    elif latest.is_file():
        name = latest.read_text(encoding="utf-8").strip()
    complete = runs(Path(home))
    pointed = [run for run in complete if run.name == name]
    return next(iter([*pointed, *complete]), None)


def point_to(run: Path) -> None:
    """Move ``latest`` in one step; where links are not allowed it is a file with the name.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     run = Path(home, "20261121T093000Z-abcd")
    ...     run.mkdir()
    ...     point_to(run)
    ...     Path(home, LATEST).exists()
    True
    """
    aside = run.with_name(f".{run.name}.link")
    aside.unlink(missing_ok=True)  # a run that was killed may have come this far
    try:
        aside.symlink_to(run.name, target_is_directory=True)
    except (OSError, NotImplementedError) as error:
        if getattr(error, "errno", None) in _FULL:  # links are allowed, there is no room for one
            raise
        aside.write_text(run.name + "\n", encoding="utf-8")
    aside.replace(run.with_name(LATEST))


def verify(folder: Path, survey: Survey, table: Table | None = None) -> None:
    """Refuse to publish what is not whole, or says what must not be said.

    Every file as its hash in the manifest says; of a report every notebook executed, without an
    error in any output, and a page; no secret, no e-mail address, no respondent.

    Parameters
    ----------
    folder : pathlib.Path
        A run folder with its manifest.
    survey : Survey
    table : Table, optional
        The data file as read.

    Raises
    ------
    RunError
        Naming every file that is missing, damaged or holds an error.
    BlockedError
        When something would be disclosed.
    """
    manifest = read_manifest(folder)
    hashes = file_hashes(folder, skip=[MANIFEST])
    problems = [name for name, digest in manifest["files"].items() if hashes.get(name) != digest]
    problems += unfinished_pages(folder, manifest)
    if problems:
        raise RunError(f"this run cannot be published: {'; '.join(problems)}.")
    known = registered_secrets(survey.study, os.environ)
    found = disclosures(folder, known, survey, table)
    if found:
        raise BlockedError("nothing is published: " + "; ".join(found))


def unfinished_pages(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Name what a report lacks: its page, notebooks that were not executed or hold an error.

    Examples
    --------
    >>> unfinished_pages(Path("no such folder"), {"verb": "report", "notebooks": [{"name": "x"}]})
    ['index.html is missing', 'notebooks/x.ipynb is missing']
    """
    if manifest.get("verb") != "report":
        return []
    names = [f"notebooks/{one['name']}.ipynb" for one in manifest.get("notebooks", [])]
    missing = [name for name in ("index.html", *names) if not (folder / name).is_file()]
    present = [name for name in names if name not in missing]
    return [f"{name} is missing" for name in missing] + [
        f"{name} holds an error" for name in present if _holds_error(folder / name)
    ]


def _holds_error(path: Path) -> bool:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return any(output["output_type"] == "error" for output in outputs)


def intact(run: Path, key: str) -> bool:
    """Whether a report was made with a key, and its page and verdicts are still as they were.

    Examples
    --------
    >>> intact(Path("no such run"), "key")
    False
    """
    manifest = read_manifest(run)
    if manifest.get("key") != key:
        return False
    known = manifest.get("files", {})
    return all(sha256(run / name) == known.get(name, "") for name in ("index.html", "verdicts.csv"))


def retire(home: Path, keep: int) -> list[str]:
    """Remove the oldest runs of a study, so that so many good ones stay; 0 keeps all.

    What ``latest`` means always stays, and so does the last good run with a page. Runs that failed
    go with the good ones before them.

    Returns
    -------
    list of str
        Names of what was removed.

    Examples
    --------
    >>> retire(Path("no such folder"), 3)
    []
    """
    good = runs(home)
    if not keep or len(good) <= keep:
        return []
    paged = [run for run in good if (run / "index.html").is_file()]
    stays = {*good[:keep], *paged[:1], last_good(home)}
    failed = [path for path in home.glob(f"*{FAILED}") if path.name < good[keep - 1].name]
    gone = sorted({*good[keep:], *failed} - stays)
    for path in gone:  # a hidden name first: a kill in between leaves what the next run sweeps
        aside = path.rename(path.with_name(f".{path.name.removesuffix(FAILED)}.retired"))
        shutil.rmtree(aside, ignore_errors=True)
    return [path.name for path in gone]
