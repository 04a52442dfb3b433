"""Run folders: a run appears under its name only when complete, and the last good one stays.

``OUT/<study>/.<run id>.partial`` while it is written, ``OUT/<study>/<run id>`` once complete and
verified, ``OUT/<study>/<run id>.failed`` when something went wrong, ``OUT/<study>/latest`` beside
them, and ``OUT/<study>/index.html``, the page to serve.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loyalty_analysis.comparison import (
    CHANGES,
    NO_VERDICTS,
    VERDICTS,
    answer_changes,
    changes,
    read_verdicts,
    verdict_counts,
)
from loyalty_analysis.disclosure import disclosures, registered_secrets
from loyalty_analysis.errors import LoyaltyError, RunError
from loyalty_analysis.leftovers import claim, release
from loyalty_analysis.manifest import (
    MANIFEST,
    file_hashes,
    first_line,
    first_manifest,
    now,
    without_paths,
    write_json,
)
from loyalty_analysis.preparation import as_text
from loyalty_analysis.published import (
    FAILED,
    LATEST,
    BlockedError,
    last_good,
    new_run_id,
    point_to,
    retire,
    verify,
)
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.served import serve, settle
from loyalty_analysis.survey import Survey

WITHHELD = "what went wrong is not kept: it would give a secret or a respondent away"
FIRST: dict[str, Any] = {
    "format": 1,
    "compared_with": None,
    "differing": [],
    "answer_changed": False,
    **{kind: [] for kind in ("verdicts", "signs", "ranks", "gates", "within_monte_carlo")},
    "n": {},
    "claims": {"new": [], "gone": [], "reworded": []},
}
"""What changes.json says of a run that is the first of its study."""


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

    Used as a context. Leaving it normally writes the manifest, verifies what is there, renames the
    folder and moves ``latest``; leaving it by an exception, Ctrl-C included, or with something that
    must not be published, keeps what there is as ``<run id>.failed`` (nothing, if nothing was
    written) and touches neither earlier runs nor ``latest``.

    A process killed at any point leaves one of three states: before the rename, names that begin
    with ``.<run id>.``, which no reader looks at and the next run sweeps; after it, a complete run
    that ``latest`` does not name yet; after ``latest`` has moved (in one step, too), the new run.
    Nothing of an earlier run is ever opened for writing.

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
    home : path, optional
        Where the runs lie; default the study's folder in ``out``.
    keep : int
        Good runs that stay, this one included; 0: all of them.
    more : mapping
        What the manifest says beside: key, schema.
    table : Table, optional
        The data file as read: nobody in it may be recognised in what is published.

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
    changed : DataFrame
        Verdicts that differ from the last good run, once the run is complete.
    changes : dict
        What changes.json says.
    asked : dict
        The parameters.

    Raises
    ------
    RunError
        When the folder cannot be written.
    BlockedError
        When it holds what must not be published.
    """

    def __init__(
        self,
        out: str | Path,
        survey: Survey,
        verb: str,
        parameters: Mapping[str, Any],
        clock: Clock,
        *,
        home: Path | None = None,
        keep: int = 0,
        more: Mapping[str, Any] | None = None,
        table: Table | None = None,
    ) -> None:
        self.home = home or Path(out) / survey.study.name
        self.id = new_run_id(home=self.home)
        self.folder = self.home / f".{self.id}.partial"
        self.final = self.home / self.id
        self.failed = self.home / f"{self.id}{FAILED}"
        self.previous = last_good(self.home)
        self.changed = changes(NO_VERDICTS, NO_VERDICTS)
        self.changes: dict[str, Any] = {}
        self._unfinished = False
        self.survey, self.table, self.clock, self.keep = survey, table, clock, keep
        self.asked = dict(parameters)
        self.manifest = first_manifest(self.id, verb, survey, parameters, out) | {
            "waves": _waves(survey),
            **(more or {}),
        }

    def __enter__(self) -> Self:
        latest = self.home / LATEST
        if latest.is_dir() and not latest.is_symlink():
            raise RunError(
                f"{latest}: a folder stands where the link to the last good run goes. Rename it."
            )
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            settle(self.home)
            self.previous = last_good(self.home)  # another run may have come to its end
            claim(self.home, self.id)
            self.folder.mkdir()
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
        try:
            if error is None:
                self._publish()
            else:
                self._keep_failed(error)
        finally:
            if not self._unfinished:
                with suppress(OSError):
                    release(self.home, self.id)
        if isinstance(error, OSError | MemoryError):
            raise RunError(of_the_system(error)) from None

    def files(self) -> list[str]:
        """List what was written so far, by its path inside the folder."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        names = (path.relative_to(self.folder).as_posix() for path in paths)
        return sorted(name for name in names if name != MANIFEST)

    def compare(self) -> dict[str, Any]:
        """Compare what was written so far with the last good run, once; writes changes.json.

        Returns
        -------
        dict
            Empty when there is no earlier run, or no verdict yet.
        """
        if (self.folder / CHANGES).is_file() or not (self.folder / VERDICTS).is_file():
            return self.changes
        if self.previous is not None:
            write_json(self.folder / MANIFEST, self.manifest)  # settings and data are compared, too
            self.changes = answer_changes(self.previous, self.folder)
            self.changed = changes(read_verdicts(self.previous), read_verdicts(self.folder))
        write_json(self.folder / CHANGES, self.changes or FIRST)
        return self.changes

    def _publish(self) -> None:
        """Verify, take the final name, move ``latest`` last; what fails before fails the run."""
        try:
            if (self.folder / VERDICTS).is_file():
                self.manifest["verdicts"] = verdict_counts(read_verdicts(self.folder))
                found = self.compare()
                self.manifest["changes"] = [
                    {name: row[name] for name in ("claim_set", "claim", "outcome", "before", "now")}
                    for row in found.get("verdicts", [])
                ]
            self._write_manifest("ok")
            verify(self.folder, self.survey, self.table)
            self.folder.rename(self.final)
        except BaseException as error:
            self._keep_failed(error)
            if isinstance(error, OSError | MemoryError):
                raise RunError(of_the_system(error)) from None
            raise
        self._unfinished = True  # if this process does not come to the end, the next one does it
        try:
            point_to(self.final)
            retire(self.home, self.keep)
            serve(self.home)
        except OSError as error:
            problem = of_the_system(error)
            raise RunError(f"{self.final} is complete, but its pages are not: {problem}") from None
        self._unfinished = False

    def _keep_failed(self, error: BaseException) -> None:
        """Keep what there is under the name of a run that failed, as far as it can be kept."""
        if not self.files():
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        self.manifest["error"] = described(error)
        self._unfinished = True  # what there is no room for, the next run does, or sweeps
        with suppress(OSError):  # a full disk: what went wrong is said by the error itself
            if isinstance(error, BlockedError | OSError):
                _emptied(self.folder)
            self._write_manifest(state_of(error))
            self._withhold(state_of(error))
            self.folder.rename(self.failed)
            serve(self.home)
            self._unfinished = False

    def _withhold(self, state: str) -> None:
        """Keep of a run that failed nothing that would give a secret or a respondent away."""
        known = registered_secrets(self.survey.study, os.environ)
        if not disclosures(self.folder, known, self.survey, self.table):
            return
        _emptied(self.folder)
        self.manifest |= {"parameters": {}, "command": "", "notebooks": []}
        if not isinstance(self.manifest["error"], dict) or state != BlockedError.state:
            kind = (self.manifest["error"] or {}).get("type")
            self.manifest["error"] = {"type": kind, "message": WITHHELD}
        self._write_manifest(state)

    def _write_manifest(self, state: str) -> None:
        self.manifest["seconds"] = {**self.clock.seconds, "total": self.clock.total()}
        hashes = file_hashes(self.folder, skip=[MANIFEST])
        self.manifest |= {"state": state, "finished": now(), "files": hashes}
        write_json(self.folder / MANIFEST, self.manifest)


def state_of(error: BaseException) -> str:
    """Name the state of a run that ends with this error: its own, if it knows one.

    Examples
    --------
    >>> state_of(KeyboardInterrupt()), state_of(ValueError()), state_of(BlockedError("no"))
    ('cancelled', 'failed', 'blocked')
    """
    known = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
    return str(getattr(error, "state", known))


def described(error: BaseException) -> dict[str, Any]:
    """Say of an error what a manifest may hold: its type, what it says, where it was.

    Examples
    --------
    >>> described(RunError("the disk is full"))["message"]
    'the disk is full'
    """
    where = {name: getattr(error, name, None) for name in ("notebook", "cell")}
    said = str(error) if isinstance(error, LoyaltyError) else first_line(str(error))
    message = without_paths(said) or "interrupted"
    return {"type": type(error).__name__, "message": message, **where}


def _waves(survey: Survey) -> list[str]:
    """Waves that were analysed: runs of the same ones are no independent samples."""
    wave = survey.study.design.wave
    if wave is None or survey.frame is None:
        return []
    return sorted(map(str, as_text(survey.frame[wave]).unique()))


def _emptied(folder: Path) -> None:
    """Leave nothing in a folder: it holds what must not be read, or there is no room for it."""
    for path in folder.iterdir():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def of_the_system(error: OSError | MemoryError) -> str:
    """Say in words what the system refused, and what to do.

    Examples
    --------
    >>> of_the_system(OSError(28, "No space left on device"))
    'No space left on device. Make room or choose another folder with --out.'
    """
    if isinstance(error, MemoryError):
        return "out of memory. Analyse fewer respondents at a time, or use fewer --workers."
    named = f"{error.filename}: " if error.filename else ""
    return f"{named}{error.strerror or error}. Make room or choose another folder with --out."
