"""Tasks for workers of tests: functions of a module, for another process to find."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def double(task: int) -> int:
    """Come back at once."""
    return 2 * task


def number(task: object) -> int:
    """Tell the process."""
    return os.getpid()


def slow_then_number(seconds: float) -> int:
    """Come back after some time."""
    time.sleep(seconds)
    return os.getpid()


def lose_once(path: str) -> None:
    """Lose the process the first time."""
    with Path(path).open("a") as log:
        log.write(f"{os.getpid()}\n")
    if len(Path(path).read_text().split()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def lose_ones(task: tuple[str, int, bool]) -> None:
    """Lose the process every time, for some tasks."""
    path, which, lost = task
    with Path(path).open("a") as log:
        log.write(f"{which}\n")
    if lost:
        os.kill(os.getpid(), signal.SIGKILL)


def hang(path: str) -> None:
    """Never come back, after writing which process this is; at once without a path."""
    if path:
        aside = Path(f"{path}.aside")
        aside.write_text(str(os.getpid()))
        aside.replace(path)
        time.sleep(3600)


def refuse(task: str) -> str:
    """Raise, for one task."""
    if task == "refuse":
        raise SystemExit(3)
    return task
