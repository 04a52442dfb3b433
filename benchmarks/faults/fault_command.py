"""The command `loyalty`, with tiny notebooks in place of the shipped ones, and a fault if asked.

The faults that cannot be done from outside are done here, as `FAULT` asks in the environment: a
clock that is wrong, a SIGKILL at the n-th step on disk. Worker processes import this file, too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from itertools import count
from pathlib import Path
from typing import Any

STEPS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link")
ASKED: dict[str, Any] = json.loads(os.environ.get("FAULT", "{}"))


def tiny_notebooks(folder: str, names: list[str]) -> None:
    """Let reports consist of these notebooks; those who ask later get them from here."""
    from loyalty_analysis import report_notebooks

    report_notebooks.notebooks_folder = lambda: Path(folder)
    report_notebooks.notebooks_of = lambda study: tuple(names)


def wrong_clock(seconds: float) -> None:
    """Let the program's clock be wrong by so many seconds."""
    from loyalty_analysis import manifest, published

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    right = time.time
    time.time = lambda: right() + seconds
    for module in (manifest, published):
        vars(module)["datetime"] = Wrong


def killed_at(step: int, folder: str) -> None:
    """Kill this process right before its n-th step on disk below a folder; 0 only counts them."""
    counted, log = count(1), os.environ["FAULT_STEPS"]

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
        if not (writes or event in STEPS) or not _below(arguments, folder):
            return
        number = next(counted)
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)
        if not step:
            _note(log, f"{number} {event}")

    sys.addaudithook(look)


def _below(arguments: tuple[Any, ...], folder: str) -> bool:
    named = [os.fspath(one) for one in arguments[:2] if isinstance(one, str | os.PathLike)]
    return any(str(name).startswith(folder) for name in named)


def _note(log: str, line: str) -> None:
    place = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(place, f"{line}\n".encode())
    os.close(place)


def prepare() -> None:
    """Do what is asked for in this process, be it the command or one of its workers."""
    tiny_notebooks(ASKED["notebooks"], ASKED["names"])
    faults: dict[str, Callable[[Any], None]] = {"clock": wrong_clock}
    for name, do in faults.items():
        if name in ASKED:
            do(ASKED[name])


if __name__ in ("__main__", "__mp_main__") and ASKED:
    prepare()

if __name__ == "__main__":
    from loyalty_analysis.cli import main

    if "step" in ASKED:
        killed_at(ASKED["step"], ASKED["out"])
    main(sys.argv[1:])
