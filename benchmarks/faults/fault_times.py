"""Clocks that go backwards, runs beside each other, data that change meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable

from fault_kernels import DIES, SLOW
from fault_place import GROUPS, Ended, Place
from fault_trial import Case, manifest

BACK = -2 * 86_400.0


def together(count: int, *options: str) -> Callable[[Place], Ended]:
    """Start several runs at once; the worst exit code counts."""

    def do(place: Place) -> Ended:
        ended = [one.ended() for one in [place.start(*options, cell=SLOW) for _ in range(count)]]
        worst = max(ended, key=lambda one: one.code)
        problems = [line for one in ended for line in one.problems]
        if 0 not in {one.code for one in ended}:
            problems.append("none of them came to its end")
        if len(set(noted := place.noted())) != len(noted):
            problems.append(f"something was made twice: {noted}")
        return Ended(worst.code, worst.said, problems)

    return do


def changed_meanwhile(place: Place) -> Ended:
    """Change the data once notebooks run: the report is of the data as they were read."""
    command = place.start(cell=SLOW)
    while not place.noted() and command.process.poll() is None:
        time.sleep(0.02)
    place.write(3)
    return command.ended()


def changed_while_read(place: Place) -> Ended:
    """Exchange two versions of the data as fast as can be until the report stands."""
    command, version, known = place.start(), 2, set()
    while command.process.poll() is None:
        version = 5 - version
        place.write(version)
        known.add(place.data())
    ended = command.ended()
    said = manifest(place.home / place.latest()[place.home])["data"]["sha256"]
    if said not in known and ended.code == 0:
        ended.problems.append("the hash in the manifest is of no version of the data")
    place.write(4)
    return ended


SINGLE = [
    Case("the clock goes back two days", lambda p: p.run(clock=BACK), {0}, heals=True),
    Case(
        "the same, and the run fails", lambda p: p.run(clock=BACK, cell=DIES), {1}, {"died"},
        says="the kernel died",
    ),
    Case("two runs at once", together(2), {0}, heals=True),
    Case("five runs at once", together(5), {0}, heals=True),
    Case(
        "two runs at once, `--if-busy leave`", together(2, "--if-busy", "leave"), {1}, heals=True,
        says="another run is under way",
    ),
    Case("the data change once they are read", changed_meanwhile, {0}, heals=True, rest=2),
    Case(
        "the data change while they are read", changed_while_read, {0, 1, 2}, {"blocked"},
        heals=True, rest=2,
    ),
]  # fmt: skip
BATCH = [
    Case("the clock goes back two days", lambda p: p.run(clock=BACK), {0}, heals=True),
    Case("two batches at once", together(2), {0}, heals=True),
    Case(
        "two batches at once, `--if-busy leave`", together(2, "--if-busy", "leave"), {1},
        heals=True, says="another run is under way",
    ),
    Case(
        "the data change once they are read", changed_meanwhile, {0}, heals=True,
        rest=2 * len(GROUPS),
    ),
]  # fmt: skip
