"""SIGKILL to the main process of a report, or a batch, at random moments."""

from __future__ import annotations

import random
import signal
import time

from fault_place import GROUPS, Ended, Place
from fault_trial import Case

KILLED = {-signal.SIGKILL, 0}
LAST = 8  # steps on disk in which a report is published: each of them is tried


def after(seconds: float, name: str) -> Case:
    """A kill so many seconds after the start."""

    def do(place: Place) -> Ended:
        command = place.start()
        time.sleep(seconds)
        command.process.kill()
        return command.ended()

    return Case(name, do, KILLED, heals=True)


def at_step(number: int, name: str) -> Case:
    """A kill right before a step on disk."""

    def do(place: Place) -> Ended:
        return place.run(step=number)

    return Case(name, do, KILLED, heals=True)


def moments(name: str, seconds: float, steps: int, count: int, seed: int) -> list[Case]:
    """Kills at random times, at random steps on disk, and at each of the last steps."""
    chance = random.Random(seed)
    last = list(range(steps - LAST + 1, steps + 1))[:count]
    half = (count - len(last)) // 2
    drawn = chance.sample(range(1, steps - LAST + 1), half)
    timed = [after(chance.uniform(0, seconds), name) for _ in range(count - len(last) - half)]
    return timed + [at_step(number, name) for number in [*drawn, *last]]


def at_share(share: float) -> Case:
    """A kill once so much of a batch is made."""

    def do(place: Place) -> Ended:
        command = place.start()
        wanted = share * len(GROUPS) * len(place.names)
        while len(place.noted()) < wanted and command.process.poll() is None:
            time.sleep(0.02)
        command.process.kill()
        return command.ended()

    return Case(f"SIGKILL to a batch at {share:.0%}", do, KILLED, heals=True, changed=GROUPS)
