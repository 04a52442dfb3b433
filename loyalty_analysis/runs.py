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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd

from loyalty_analysis.comparison import (
    NO_VERDICTS,
    VERDICTS,
    changes,
    read_verdicts,
    verdict_counts,
    write_results,
)
from loyalty_analysis.errors import RunError
from loyalty_analysis.manifest import (
    MANIFEST,
    file_hashes,
    first_manifest,
    now,
    read_manifest,
    without_paths,
    write_json,
)
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey, read_survey

OWNER, LATEST, FAILED = "owner.json", "latest", ".failed"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]{4}")
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


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Attributes
    ----------
    folder : pathlib.Path
        Where it lies.
    survey : Survey
    verdicts : DataFrame
    changed : DataFrame
        Verdicts that differ from the last good run, as :func:`changes` gives them.
    seconds : dict of str to float
        Time of each step, and ``total``.
    """

    folder: Path
    survey: Survey
    verdicts: pd.DataFrame
    changed: pd.DataFrame
    seconds: dict[str, float]


class Clock:
    """Seconds of every step of a run, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside the ``with`` block."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 3)

    def total(self) -> float:
        """Seconds since the clock was made."""
        return round(time.monotonic() - self._began, 3)


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
    clock : Clock
        Whose seconds the manifest will report.

    Attributes
    ----------
    id : str
        The run id.
    folder : pathlib.Path
        Where to write.
    final, failed : pathlib.Path
        Where the run will be found, if all goes well and if not.
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
        self,
        out: str | Path,
        survey: Survey,
        verb: str,
        parameters: Mapping[str, Any],
        clock: Clock,
    ) -> None:
        self.id = new_run_id()
        self.home = Path(out) / survey.study.name
        self.folder = self.home / f".{self.id}.partial"
        self.final = self.home / self.id
        self.failed = self.home / f"{self.id}{FAILED}"
        self.previous = last_good(out, survey.study.name)
        self.changed = changes(NO_VERDICTS, NO_VERDICTS)
        self.manifest = first_manifest(self.id, verb, survey, parameters, out)
        self.clock = clock

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
            self._finish(self.failed, state="failed")
        else:
            shutil.rmtree(self.folder)

    def changes(self) -> pd.DataFrame:
        """Compare the verdicts written so far with those of the last good run."""
        if self.previous is None or not (self.folder / VERDICTS).is_file():
            return changes(NO_VERDICTS, NO_VERDICTS)
        return changes(read_verdicts(self.previous), read_verdicts(self.folder))

    def finished(self, survey: Survey, verdicts: pd.DataFrame) -> Run:
        """Hand over what the run found, once it is complete."""
        return Run(self.final, survey, verdicts, self.changed, self.manifest["seconds"])

    def _finish(self, final: Path, state: str) -> None:
        if (self.folder / VERDICTS).is_file():
            self.manifest["verdicts"] = verdict_counts(read_verdicts(self.folder))
            self.changed = self.changes()
            columns = ["claim_set", "claim", "outcome", "before", "now"]
            self.manifest["changes"] = self.changed[columns].to_dict("records")
        self.manifest["seconds"] = {**self.clock.seconds, "total": self.clock.total()}
        hashes = file_hashes(self.folder, skip=(MANIFEST, OWNER))
        self.manifest |= {"state": state, "finished": now(), "files": hashes}
        write_json(self.folder / MANIFEST, self.manifest)
        (self.folder / OWNER).unlink()
        self.folder.rename(final)


def judge_run(
    study: str | Path | Study,
    out: str | Path = "reports",
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    *,
    everything: bool = False,
) -> Run:
    """Judge a study and keep results and verdicts as a run: numbers only, no page.

    Parameters
    ----------
    study : str, pathlib.Path or Study
        A study file, its folder, or the name of a shipped study.
    out : path
        Folder that collects the runs.
    settings : sequence of str
        Changes to the study as ``"table.key=value"``.
    data, where : str
        Another data file; a further filter.
    everything : bool
        Also estimate what no claim needs.

    Returns
    -------
    Run

    Raises
    ------
    StudyError, DataError, ClaimError
        Before anything is written.
    RunError
        When the folder cannot be written.
    """
    from loyalty_analysis.analysis import analyse
    from loyalty_analysis.claims import load_claims
    from loyalty_analysis.pages import index
    from loyalty_analysis.verdicts import judge

    clock = Clock()
    with clock.step("survey"):
        survey = read_survey(study, settings, data or None, where or None)
        load_claims(survey.study)  # bad claims stop here, before a folder is made
    asked = parameters_of(study, settings, data, where)
    with RunFolder(out, survey, "judge", asked, clock) as run:
        with clock.step("analysis"):
            results = analyse(survey, everything=everything)
        with clock.step("verdicts"):
            verdicts = judge(survey, results)
        write_results(run.folder, results, verdicts)
    index(out)
    return run.finished(survey, verdicts)


def parameters_of(
    study: str | Path | Study, settings: Sequence[str], data: str | Path, where: str
) -> dict[str, Any]:
    """Put what was asked for into the parameters of a run and of its notebooks.

    Examples
    --------
    >>> parameters_of("bank", ["model.controls=[]"], "", "")
    {'study': 'bank', 'settings': ['model.controls=[]'], 'data': '', 'where': ''}
    """
    named, before = (study.path, study.settings) if isinstance(study, Study) else (study, ())
    changed = [*before, *settings]
    return {"study": str(named), "settings": changed, "data": str(data), "where": where}


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
    message = without_paths(str(error)) or "interrupted"
    return {"type": type(error).__name__, "message": message, **where}
