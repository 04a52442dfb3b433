"""Do every fault to `loyalty report`, look at what is left, and write the table faults.md.

Each fault is really done to the real command, on a tiny study with tiny notebooks, beside a report
that is good; then the data are as they will be, and the command runs once more.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import fault_disks
import fault_kernels
import fault_kills
import fault_times
from fault_place import HERE, Place, copied, made
from fault_trial import Case, Found, attempt

SEED = 2026
NAMES = ("one", "two")
LOST = "killed by SIGKILL"


@dataclass(frozen=True)
class Kind:
    """A single report or a batch: good reports, and what a run without a fault finds."""

    name: str
    template: Place
    work: Path
    expected: dict[str, str]
    seconds: float
    steps: int


def kind(name: str, work: Path, by: Sequence[str] = ()) -> Kind:
    """Make good reports, and run once without a fault."""
    template = made(work / name, NAMES, by)
    place = copied(template, work / f"{name}-usual")
    place.write(2, Case.changed)
    began = time.monotonic()
    ended = place.run(step=0)
    if ended.code or ended.problems:
        raise SystemExit(f"without a fault: {ended}")
    steps = len((place.folder / "steps").read_text().splitlines())
    return Kind(name, template, work, place.verdicts(), time.monotonic() - began, steps)


def whole(work: Path, template: Place) -> Kind:
    """Good reports of which the data of all groups change."""
    place = copied(template, work / "whole")
    place.write(2)
    ended = place.run()
    if ended.code or ended.problems:
        raise SystemExit(f"without a fault: {ended}")
    return Kind("a batch", template, work, place.verdicts(), 0, 0)


def plan(work: Path, kills: int, seed: int) -> list[tuple[Kind, Case]]:
    """Every case with the kind of report it is done to."""
    single, batch = kind("a report", work), kind("a batch", work, ["brand"])
    all_of_it = whole(work, batch.template)
    killed = [
        (one, case)
        for one, number in ((single, kills - kills // 2), (batch, kills // 2))
        for case in fault_kills.moments(
            "SIGKILL to the run, at a random moment", one.seconds, one.steps, number, seed
        )
    ]
    disks = fault_disks.FULL + fault_disks.READ_ONLY if not fault_disks.why_not() else []
    alone = [*fault_kernels.SINGLE, *fault_times.SINGLE, *disks]
    by_group = [*fault_kernels.BATCH, *fault_times.BATCH, *disks[1:-1:3]]
    return [
        *killed,
        (all_of_it, fault_kills.at_share(0.6)),
        *((single, case) for case in alone),
        *((batch, case) for case in by_group),
    ]


def done(planned: Sequence[tuple[Kind, Case]], work: Path) -> list[tuple[str, Found]]:
    """Do every case, two at a time; the name of its kind, and what it came to."""

    def one(number: int) -> tuple[str, Found]:
        kind, case = planned[number]
        found = attempt(kind.template, case, work / f"case-{number}", kind.expected)
        said = "; ".join(found.problems) or "as it should be"
        print(f"{number + 1}/{len(planned)} {kind.name}: {case.name}: {said}", file=sys.stderr)
        return kind.name, found

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(len(planned))))


def counted(values: Iterable[object]) -> str:
    """Write how often there was what."""
    counts = Counter(str(value) for value in values)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{value} ({count})" for value, count in sorted(counts.items()))


def row(kind: str, name: str, found: Sequence[Found]) -> str:
    """One line of the table: all tries of one fault."""
    codes = counted(LOST if one.code < 0 else one.code for one in found)
    states = counted(", ".join(sorted(set(one.states))) or "none" for one in found)
    executed = sorted({one.executed for one in found})
    range_ = "-".join(str(n) for n in dict.fromkeys([executed[0], executed[-1]]))
    wrong = sum(bool(one.problems) for one in found)
    sound = len(found) - wrong
    return f"| {name} | {kind} | {len(found)} | {codes} | {states} | {range_} | {sound} |"


def table(found: Sequence[tuple[str, Found]], command: str) -> str:
    """The findings as Markdown."""
    groups: dict[tuple[str, str], list[Found]] = {}
    for kind, one in found:
        groups.setdefault((kind, one.name), []).append(one)
    rows = [row(kind, name, tries) for (kind, name), tries in groups.items()]
    sound = sum(not one.problems for _, one in found)
    why = fault_disks.why_not()
    skipped = f"\nLeft out: full and read-only disks ({why}).\n" if why else ""
    return TEXT.format(
        command=command,
        rows="\n".join(rows),
        count=len(found),
        sound=sound,
        skipped=skipped,
        room=", ".join(map(str, fault_disks.ROOM)),
    )


TEXT = (HERE / "faults.template.md").read_text(encoding="utf-8")


def main() -> int:
    """Do what is asked for; 1 when anything was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", default="", help="faults whose name holds this; writes no table")
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="faults-"))
    planned = plan(work, asked.kills, asked.seed)
    found = done([one for one in planned if asked.only in one[1].name], work)
    text = table(found, f"python benchmarks/faults/faults.py --kills {asked.kills}")
    print(text)
    if any(one.problems for _, one in found):
        print(f"What was left is in {work}.", file=sys.stderr)
        return 1
    shutil.rmtree(work)
    if not asked.only:
        (HERE / "faults.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
