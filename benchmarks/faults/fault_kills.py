"""SIGKILL to the main process of a report, or a batch, at random moments."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from fault_place import GROUPS, Ended, Place, copied
from fault_trial import Case

CHANGED = GROUPS[:3]
"""Groups of a batch whose data change before the fault."""
KILLED = {-signal.SIGKILL, 0}


def after(seconds: float) -> Case:
    """A kill so many seconds after the start."""

    def do(place: Place) -> Ended:
        place.write(2, CHANGED)
        command = place.start("--workers", "2")
        time.sleep(seconds)
        command.kill()
        return command.ended()

    return Case("SIGKILL to the run", do, KILLED, heals=True)


def at_step(number: int) -> Case:
    """A kill right before a step on disk."""

    def do(place: Place) -> Ended:
        place.write(2, CHANGED)
        return place.run("--workers", "2", step=number)

    return Case("SIGKILL to the run", do, KILLED, heals=True)


def usual(template: Place, folder: Path) -> tuple[float, int]:
    """Seconds that a run takes, and how many steps on disk its main process takes."""
    place = copied(template, folder)
    place.write(2, CHANGED)
    began = time.monotonic()
    ended = place.run("--workers", "2", step=0)
    if ended.code or ended.problems:
        raise RuntimeError(f"no fault, and yet: {ended}")
    return time.monotonic() - began, len((folder / "steps").read_text().splitlines())


def moments(template: Place, folder: Path, count: int, seed: int) -> list[Case]:
    """Half of the kills at random times, half at random steps on disk."""
    chance = random.Random(seed)
    seconds, steps = usual(template, folder)
    timed = [after(chance.uniform(0, seconds)) for _ in range(count - count // 2)]
    drawn = chance.sample(range(1, steps + 1), min(count // 2, steps))
    return timed + [at_step(number) for number in drawn]
