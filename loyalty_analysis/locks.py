"""One run at a time in a folder: a lock that the system lets go of when its process dies.

The lock is the system's (``flock``), so a killed run never blocks the next one. The file says who
holds it; a file that still names somebody when it can be locked is what a killed run left.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal

from loyalty_analysis.errors import RunError

try:
    import fcntl
except ImportError:  # Windows: there a lock is a file that is open, see _take
    fcntl = None  # type: ignore[assignment]

Busy = Literal["wait", "leave"]
"""What a second run does: wait for its turn, or leave at once."""

LOCK = ".lock"
EVERY = 0.2  # seconds between two looks at a lock that is held


class BusyError(RunError):
    """Another run is under way in the same folder, and this one was told to leave."""

    state = "cancelled"


@contextmanager
def only_one(
    folder: Path,
    busy: Busy = "wait",
    told: Callable[[str], object] = lambda sentence: None,
) -> Iterator[str]:
    """Hold the lock of a folder inside the ``with`` block.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is not there.
    busy : {"wait", "leave"}
        What to do while another run holds it.
    told : callable
        Told once, in words, who is waited for.

    Yields
    ------
    str
        What a killed run left behind, in words; empty when the last one ended well.

    Raises
    ------
    BusyError
        When another run is under way and ``busy`` is ``"leave"``.
    RunError
        When the folder cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, only_one(Path(folder)):
    ...     with only_one(Path(folder), "leave"):
    ...         pass
    Traceback (most recent call last):
        ...
    loyalty_analysis.locks.BusyError: ...: another run is under way ...
    """
    with _opened(folder) as file:
        _wait(file, folder, busy, told)
        left = _owner(file)
        _write(file, {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()})
        try:
            yield f"the run of {_words(left)} was killed" if left else ""
        finally:
            _write(file, {})


def held(folder: Path) -> bool:
    """Say whether a run is under way in a folder.

    Examples
    --------
    >>> held(Path("no such folder"))
    False
    """
    if not (folder / LOCK).is_file():
        return False
    with (folder / LOCK).open("r+", encoding="utf-8") as file:
        return not _take(file)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes out of a ``with`` block, however long it takes; says nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, alone(Path(folder, "one.lock")):
    ...     pass
    """
    with path.open("a+", encoding="utf-8") as file:
        while not _take(file):
            time.sleep(EVERY / 4)
        yield


def _opened(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be written ({error.strerror}). Choose another folder with --out."
        ) from None


def _wait(file: IO[str], folder: Path, busy: Busy, told: Callable[[str], object]) -> None:
    waited = False
    while not _take(file):
        who = f"{folder}: another run is under way ({_words(_owner(file))})"
        if busy == "leave":
            raise BusyError(f"{who}. Nothing was done, as --if-busy leave asks.")
        if not waited:
            told(f"{who}; waiting for it.")
        waited = True
        time.sleep(EVERY)


def _take(file: IO[str]) -> bool:
    """Try to lock an open file; the lock goes with the file, or with the process."""
    if fcntl is None:
        import msvcrt

        file.seek(1_000_000)  # a place beyond the text, which stays readable
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a drive without locks: runs are safe beside each other, if not in turn
        return True
    return True


def _owner(file: IO[str]) -> dict[str, Any]:
    file.seek(0)
    with suppress(ValueError):
        return dict(json.loads(file.read() or "{}"))
    return {}


def _write(file: IO[str], owner: dict[str, Any]) -> None:
    # not through the file's buffer, which would try again when the file is closed
    with suppress(OSError):  # a full disk: the lock itself needs no room
        os.truncate(file.fileno(), 0)
        os.write(file.fileno(), json.dumps(owner).encode() if owner else b"")


def _words(owner: dict[str, Any]) -> str:
    if not owner:
        return "it has just begun"
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(owner.get("since", 0)))
    where = "" if owner.get("host") == socket.gethostname() else " on another machine"
    return f"process {owner.get('pid')}{where}, since {since}"
