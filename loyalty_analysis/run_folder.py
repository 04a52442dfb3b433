"""Run folders: a run appears under its name only when complete, and the last good one stays.

``OUT/<study>/.<run id>.partial`` while it is written, ``OUT/<study>/<run id>`` once complete,
``OUT/<study>/<run id>.failed`` when something went wrong, and ``OUT/<study>/latest`` beside them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
)
from loyalty_analysis.errors import LoyaltyError, RunError
from loyalty_analysis.leftovers import claim, release, sweep
from loyalty_analysis.manifest import (
    MANIFEST,
    file_hashes,
    first_line,
    first_manifest,
    now,
    without_paths,
    write_json,
)
from loyalty_analysis.published import FAILED, LATEST, last_good, new_run_id, point_to
from loyalty_analysis.survey import Survey


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
    ``latest``; leaving it by an exception, Ctrl-C included, keeps what there is as ``<run
    id>.failed`` (nothing, if nothing was written) and touches neither earlier runs nor ``latest``.

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
        if error is None:
            self._finish(self.final, "ok")
            point_to(self.final)
        elif self.files():
            self.manifest["error"] = _described(error)
            self._finish(self.failed, state_of(error))
        else:
            shutil.rmtree(self.folder)
        release(self.home, self.id)

    def files(self) -> list[str]:
        """List what was written so far, by its path inside the folder."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)

    def changes(self) -> pd.DataFrame:
        """Compare the verdicts written so far with those of the last good run."""
        if self.previous is None or not (self.folder / VERDICTS).is_file():
            return changes(NO_VERDICTS, NO_VERDICTS)
        return changes(read_verdicts(self.previous), read_verdicts(self.folder))

    def _finish(self, final: Path, state: str) -> None:
        if state == "ok" and (self.folder / VERDICTS).is_file():
            self.manifest["verdicts"] = verdict_counts(read_verdicts(self.folder))
            self.changed = self.changes()
            columns = ["claim_set", "claim", "outcome", "before", "now"]
            self.manifest["changes"] = self.changed[columns].to_dict("records")
        self.manifest["seconds"] = {**self.clock.seconds, "total": self.clock.total()}
        hashes = file_hashes(self.folder, skip=[MANIFEST])
        self.manifest |= {"state": state, "finished": now(), "files": hashes}
        write_json(self.folder / MANIFEST, self.manifest)
        self.folder.rename(final)


def state_of(error: BaseException) -> str:
    """Name the state of a run that ends with this error: its own, if it knows one.

    Examples
    --------
    >>> state_of(KeyboardInterrupt()), state_of(ValueError())
    ('cancelled', 'failed')
    """
    stopped = isinstance(error, KeyboardInterrupt)
    return "cancelled" if stopped else getattr(error, "state", "failed")


def _described(error: BaseException) -> dict[str, Any]:
    where = {name: getattr(error, name, None) for name in ("notebook", "cell")}
    said = str(error) if isinstance(error, LoyaltyError) else first_line(str(error))
    message = without_paths(said) or "interrupted"
    return {"type": type(error).__name__, "message": message, **where}
