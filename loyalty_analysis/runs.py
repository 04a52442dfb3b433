"""Run folders: a run appears under its name only when complete, and the last good one stays.

``OUT/<study>/.<run id>.partial`` while it is written, ``OUT/<study>/<run id>`` once complete,
``OUT/<study>/<run id>.failed`` when something went wrong, and ``OUT/<study>/latest`` beside them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import VERDICT_MARKS
from loyalty_analysis.manifest import (
    MANIFEST,
    file_hashes,
    first_manifest,
    now,
    read_manifest,
    without_paths,
    write_json,
)
from loyalty_analysis.survey import Survey

OWNER, LATEST, VERDICTS, ABSENT = "owner.json", "latest", "verdicts.csv", "absent"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]{4}")
_NUMBERS = ("negligible", "estimate", "conf_low", "conf_high", "p_value", "p_holm", "n")
_MINUTE, _DAY = 60.0, 86_400.0


def new_run_id(at: datetime | None = None) -> str:
    """Name a run: UTC to the second and four random characters, so that names sort by time.

    Examples
    --------
    >>> new_run_id(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))[:-4]
    '20261121T093000Z-'
    """
    stamp = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    return f"{stamp}-{''.join(secrets.choice(letters) for _ in range(4))}"


class RunFolder:
    """A folder that is written aside and takes its final name only when all went well.

    Used as a context. Leaving it normally writes the manifest, renames the folder and moves
    ``latest``; leaving it by an exception keeps what there is as ``<run id>.failed`` (nothing,
    if nothing was written) and touches neither earlier runs nor ``latest``.

    Parameters
    ----------
    out : path
        Folder of all reports.
    survey : Survey
        The survey as analysed.
    verb : str
        The command: ``"judge"`` or ``"report"``.
    parameters : mapping
        What the user asked for, in the user's words: study, settings, data, where.

    Attributes
    ----------
    id : str
        The run id.
    folder : pathlib.Path
        Where to write.
    final : pathlib.Path
        Where the run will be found.
    previous : pathlib.Path or None
        The last good run.
    manifest : dict
        What manifest.json will say; more may be added.

    Raises
    ------
    RunError
        When the folder cannot be written.
    """

    def __init__(
        self, out: str | Path, survey: Survey, verb: str, parameters: Mapping[str, Any]
    ) -> None:
        self.id = new_run_id()
        self.home = Path(out) / survey.study.name
        self.folder = self.home / f".{self.id}.partial"
        self.final = self.home / self.id
        self.previous = last_good(out, survey.study.name)
        self.manifest = first_manifest(self.id, verb, survey, parameters, out)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        latest = self.home / LATEST
        if latest.is_dir() and not latest.is_symlink():
            raise RunError(
                f"{latest}: a folder stands where the link to the last good run goes. Rename it."
            )
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            sweep(self.home)
            self.folder.mkdir()
            write_json(self.folder / OWNER, {"pid": os.getpid(), "host": socket.gethostname()})
        except OSError as error:
            raise RunError(
                f"{self.home}: cannot be written ({error.strerror}). "
                "Choose another folder with --out."
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._finish(self.final, state="ok")
            _point_to(self.final)
        elif any(path.is_file() and path.name != OWNER for path in self.folder.rglob("*")):
            self.manifest["error"] = _described(error)
            self._finish(self.home / f"{self.id}.failed", state="failed")
        else:
            shutil.rmtree(self.folder)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step of the run; its seconds go into the manifest."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.manifest["seconds"][name] = round(time.monotonic() - began, 3)

    def changes(self) -> pd.DataFrame:
        """Compare the verdicts written so far with those of the last good run."""
        if self.previous is None or not (self.folder / VERDICTS).is_file():
            return changes(_NO_VERDICTS, _NO_VERDICTS)
        return changes(read_verdicts(self.previous), read_verdicts(self.folder))

    def _finish(self, final: Path, state: str) -> None:
        if (self.folder / VERDICTS).is_file():
            self.manifest["verdicts"] = verdict_counts(read_verdicts(self.folder))
            changed = self.changes()[["claim_set", "claim", "outcome", "before", "now"]]
            self.manifest["changes"] = changed.to_dict("records")
        self.manifest["seconds"]["total"] = round(time.monotonic() - self._began, 3)
        hashes = file_hashes(self.folder, skip=(MANIFEST, OWNER))
        self.manifest |= {"state": state, "finished": now(), "files": hashes}
        write_json(self.folder / MANIFEST, self.manifest)
        (self.folder / OWNER).unlink()
        self.folder.rename(final)


def write_results(
    folder: Path, results: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame
) -> None:
    """Write ``results/<name>.csv`` and ``verdicts.csv``: UTF-8, every digit, columns as they are.

    Parameters
    ----------
    folder : pathlib.Path
        A run folder.
    results : mapping of str to DataFrame
        What :func:`loyalty_analysis.analysis.analyse` returned.
    verdicts : DataFrame
        What :func:`loyalty_analysis.verdicts.judge` returned.
    """
    (folder / "results").mkdir(exist_ok=True)
    files = {f"results/{name}.csv": frame for name, frame in results.items()}
    for name, frame in {**files, VERDICTS: verdicts}.items():
        frame.to_csv(folder / name, index=False, encoding="utf-8", lineterminator="\n")


def read_verdicts(run: Path) -> pd.DataFrame:
    """Read the verdicts of a run; empty text stays text."""
    frame = pd.read_csv(run / VERDICTS, dtype={"claim": str, "part": str})
    text = {name: frame[name].fillna("") for name in frame.columns if name not in _NUMBERS}
    return frame.assign(**text)


def runs(home: Path) -> list[Path]:
    """List the complete runs in a study's folder, the latest first."""
    if not home.is_dir():
        return []
    named = [path for path in home.iterdir() if _RUN_ID.fullmatch(path.name)]
    good = [path for path in named if read_manifest(path).get("state") == "ok"]
    return sorted(good, reverse=True)


def last_good(out: str | Path, study: str) -> Path | None:
    """Find the last good run of a study.

    Parameters
    ----------
    out : path
        Folder of all reports.
    study : str
        Folder name of the study.

    Returns
    -------
    pathlib.Path or None
        What ``latest`` points to; the newest complete run when ``latest`` points nowhere.
    """
    latest = Path(out) / study / LATEST
    name = ""
    if latest.is_symlink():
        name = latest.readlink().name
    elif latest.is_file():
        name = latest.read_text(encoding="utf-8").strip()
    complete = runs(Path(out) / study)
    pointed = [run for run in complete if run.name == name]
    return next(iter([*pointed, *complete]), None)


def changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare two verdict tables: every claim and outcome whose verdict changed.

    Parameters
    ----------
    before, after : DataFrame
        Verdict tables, as in verdicts.csv. Rows of parts are left out.

    Returns
    -------
    DataFrame
        claim_set, claim, outcome, text, before, now, estimate_before, estimate_now; a claim that
        one of the two runs does not have is ``absent`` there.

    Examples
    --------
    >>> table = pd.DataFrame({"claim_set": ["press"], "claim": ["R2"], "part": [""],
    ...     "outcome": ["satisfaction"], "text": ["..."], "estimate": [0.3]})
    >>> changes(table.assign(verdict="inconclusive"), table.assign(verdict="supported"))["now"][0]
    'supported'
    """
    keys = ["claim_set", "claim", "outcome"]
    sides = [_whole_claims(frame, keys) for frame in (before, after)]
    both = sides[0].merge(sides[1], on=keys, how="outer", suffixes=("_before", "_now"))
    both["before"] = both["verdict_before"].fillna(ABSENT)
    both["now"] = both["verdict_now"].fillna(ABSENT)
    both["text"] = both["text_now"].fillna(both["text_before"])
    columns = [*keys, "text", "before", "now", "estimate_before", "estimate_now"]
    return both.loc[both["before"] != both["now"], columns].reset_index(drop=True)


_KEPT = ["claim_set", "claim", "outcome", "text", "verdict"]
_NO_VERDICTS = pd.DataFrame(columns=[*_KEPT, "part", "estimate"], dtype=str)


def _whole_claims(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    whole = frame[frame["part"].fillna("") == ""]
    return whole[[*_KEPT, "estimate"]].fillna(dict.fromkeys(keys, ""))


def verdict_counts(verdicts: pd.DataFrame) -> dict[str, int]:
    """Count claims and outcomes by verdict, rows of parts left out, in the order readers need."""
    whole = verdicts.loc[verdicts["part"].fillna("") == "", "verdict"]
    return {verdict: int((whole == verdict).sum()) for verdict in VERDICT_MARKS}


def index(out: str | Path) -> Path:
    """Write ``OUT/index.html``: every study, its latest run and its earlier ones.

    Parameters
    ----------
    out : path
        Folder of all reports.

    Returns
    -------
    pathlib.Path
        The page.
    """
    from jinja2 import Environment, PackageLoader  # only pages need it

    out = Path(out)
    homes = [path for path in sorted(out.iterdir()) if path.is_dir() and runs(path)]
    studies = [{"name": home.name, "runs": [_entry(run) for run in runs(home)]} for home in homes]
    pages = Environment(loader=PackageLoader("loyalty_analysis"), autoescape=True)
    html = pages.get_template("index.html.j2").render(studies=studies, marks=VERDICT_MARKS)
    aside = out / f".index.{secrets.token_hex(4)}.link"
    aside.write_text(html, encoding="utf-8")
    return aside.replace(out / "index.html")


def _entry(run: Path) -> dict[str, Any]:
    return {**read_manifest(run), "page": (run / "index.html").is_file()}


def sweep(home: Path) -> None:
    """Remove what killed runs left behind in a study's folder, once their process is gone."""
    for leftover in home.glob(".*.partial"):
        if not _in_use(leftover):
            doomed = home / f".{secrets.token_hex(8)}.partial"
            with suppress(FileNotFoundError):  # another run was faster
                shutil.rmtree(leftover.rename(doomed))
    for link in home.glob(".*.link"):
        if time.time() - link.lstat().st_mtime > _MINUTE:
            link.unlink(missing_ok=True)


def _in_use(folder: Path) -> bool:
    try:
        age = time.time() - folder.stat().st_mtime
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return folder.is_dir() and age < _MINUTE  # just made, its owner not written yet
    except json.JSONDecodeError:
        return age < _MINUTE
    if owner["host"] != socket.gethostname():
        return age < _DAY
    return _alive(int(owner["pid"]))


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there signal 0 would interrupt the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _point_to(run: Path) -> None:
    """Move ``latest`` in one step; where links are not allowed it is a file with the name."""
    aside = run.with_name(f".{run.name}.link")
    try:
        aside.symlink_to(run.name, target_is_directory=True)
    except (OSError, NotImplementedError):
        aside.write_text(run.name + "\n", encoding="utf-8")
    aside.replace(run.with_name(LATEST))


def _described(error: BaseException) -> dict[str, Any]:
    where = {name: getattr(error, name, None) for name in ("notebook", "cell")}
    return {"type": type(error).__name__, "message": without_paths(str(error)), **where}
