"""What killed runs leave behind: known by its name and its owner, removed once the owner is gone.

Everything a run writes before it is complete has a name that begins with ``.<run id>.``, and beside
it lies ``.<run id>.owner``: the first thing to come and the last to go.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from loyalty_analysis.manifest import write_json

MINUTE, DAY = 60.0, 86_400.0
_HIDDEN = re.compile(r"\.(\d{8}T\d{6}Z-[0-9a-z]{4})\.")


def claim(home: Path, run: str) -> None:
    """Say which process a run belongs to, in one step, before anything else of it is there.

    Parameters
    ----------
    home : pathlib.Path
        A study's folder of runs.
    run : str
        Run id.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     claim(Path(home), "20261121T093000Z-abcd")
    ...     [path.name for path in Path(home).iterdir()]
    ['.20261121T093000Z-abcd.owner']
    """
    facts = {"pid": os.getpid(), "began": _began(os.getpid()), "host": socket.gethostname()}
    aside = home / f".{run}.owner-{secrets.token_hex(4)}"
    write_json(aside, facts)
    aside.replace(_owner(home, run))


def release(home: Path, run: str) -> None:
    """Say that a run has left nothing behind.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     claim(Path(home), "20261121T093000Z-abcd")
    ...     release(Path(home), "20261121T093000Z-abcd")
    ...     list(Path(home).iterdir())
    []
    """
    _owner(home, run).unlink(missing_ok=True)


def sweep(home: Path) -> None:
    """Remove what killed runs left behind in a study's folder, once their process is gone.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     claim(Path(home), "20261121T093000Z-abcd")
    ...     sweep(Path(home))  # its process, this one, is still there
    ...     [path.name for path in Path(home).iterdir()]
    ['.20261121T093000Z-abcd.owner']
    """
    hidden: dict[str, list[Path]] = {}
    for path in home.iterdir():
        if found := _HIDDEN.match(path.name):
            hidden.setdefault(found.group(1), []).append(path)
    for run, paths in hidden.items():
        if not _in_use(home, run, paths):
            for path in sorted(paths, key=_owner(home, run).__eq__):  # the owner last
                _remove(path)


def abandoned(home: Path) -> list[str]:
    """List the runs whose process is gone before it had said that nothing of it is left behind.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     claim(Path(home), "20261121T093000Z-abcd")
    ...     abandoned(Path(home))  # its process, this one, is still there
    []
    """
    found = (_HIDDEN.match(path.name) for path in home.glob(".*.owner"))
    named = sorted(one.group(1) for one in found if one)
    return [run for run in named if not _in_use(home, run, [_owner(home, run)])]


def sweep_aside(folder: Path, pattern: str) -> None:
    """Remove files that were written aside over a minute ago and never took their place.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     aside = Path(folder, ".index.1f")
    ...     aside.touch()
    ...     os.utime(aside, (0, 0))
    ...     sweep_aside(Path(folder), ".index.*")
    ...     aside.exists()
    False
    """
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):  # another run was faster
            if time.time() - path.lstat().st_mtime > MINUTE:
                path.unlink()


def _owner(home: Path, run: str) -> Path:
    return home / f".{run}.owner"


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):  # another run was faster
        if path.is_dir() and not path.is_symlink():
            # renamed first, so that two runs that sweep do not get in each other's way
            shutil.rmtree(path.rename(path.with_name(f"{path.name}-{secrets.token_hex(4)}")))
        else:
            path.unlink()


def _in_use(home: Path, run: str, paths: Iterable[Path]) -> bool:
    try:
        owner = json.loads(_owner(home, run).read_text(encoding="utf-8"))
        age = time.time() - _owner(home, run).stat().st_mtime
    except FileNotFoundError:  # not of our making, or on a network drive that is a little behind
        return any(_age(path) < MINUTE for path in paths)
    if owner["host"] != socket.gethostname():
        return age < DAY
    return _alive(int(owner["pid"]), owner["began"])


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return MINUTE


def _alive(pid: int, began: str | None) -> bool:
    """Whether a process is still there, and still the same: numbers are given out again."""
    now = _began(pid)
    if began is not None and now is not None and now != began:
        return False
    if os.name == "nt":  # there signal 0 would interrupt the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _began(pid: int) -> str | None:
    """When a process started, in ticks since the machine did; None where that is not told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
