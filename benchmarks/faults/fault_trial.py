"""One fault, from the data that changed to the run after it; everything that is wrong is listed."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_place import GROUPS, RUN, Ended, Place, copied, hashes

LINKED = re.compile(rf'href="({RUN.pattern})/verdicts.csv')
BANNER = 'class="banner late"'
STATES = ("failed", "died", "timed_out", "cancelled", "blocked")
Fault = Callable[[Place], Ended]


@dataclass
class Case:
    """A fault and what has to come of it.

    Attributes
    ----------
    name : str
    do : callable
        Does it, and tells how the command ended.
    codes : set of int
        Exit codes that are right.
    states : set of str
        What manifests of runs that were not finished may say; empty: there is none.
    heals : bool
        Whether the run may end well in spite of it.
    says : str
        What has to stand on the error stream.
    cure : callable
        What is done before the next run, so that it can succeed.
    changed : tuple of str, optional
        Groups whose data change before the fault; default three of the five.
    rest : int, optional
        Notebooks that the next run executes; default those of reports that were not made.
    mute : bool
        Whether there may be no room for a page to say that a run failed.
    """

    name: str
    do: Fault
    codes: set[int]
    states: set[str] = field(default_factory=set)
    heals: bool = False
    says: str = ""
    cure: Callable[[Place], object] = lambda place: None
    changed: tuple[str, ...] = GROUPS[:3]
    rest: int | None = None
    mute: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass
class Found:
    """What a fault came to."""

    name: str
    code: int
    states: list[str]
    new: int = 0
    executed: int = 0
    said: str = ""
    problems: list[str] = field(default_factory=list)


class Before:
    """How a place was before the fault."""

    def __init__(self, place: Place) -> None:
        self.good, self.latest = place.good(), place.latest()
        self.failed = set(place.out.rglob("*.failed"))


def manifest(run: Path) -> dict[str, Any]:
    """Read what a run says of itself."""
    return dict(json.loads((run / "manifest.json").read_text(encoding="utf-8")))


def damage(place: Place, before: Before) -> list[str]:
    """Earlier runs that are not the same byte for byte."""
    return [f"{run.name} was damaged" for run, was in before.good.items() if hashes(run) != was]


def untrue(run: Path, ok: bool) -> list[str]:
    """What a run says of itself that is not so."""
    found = hashes(run)
    found.pop("manifest.json", None)
    said = manifest(run)
    went = {one["state"] for one in said.get("notebooks", [])}
    wrong = [] if said["files"] == found else [f"{run.name}: files are not as the manifest says"]
    if (said["state"] == "ok") != ok or (not ok and said["state"] not in STATES):
        wrong.append(f"{run.name}: state {said['state']}")
    if ok and (went != {"ok"} or not (run / "index.html").is_file()):
        wrong.append(f"{run.name}: not whole, and yet ok")
    return wrong


def lies(place: Place) -> list[str]:
    """What runs say of themselves that is not so."""
    good = [line for run in place.good() for line in untrue(run, ok=True)]
    failed = [line for run in place.out.rglob("*.failed") for line in untrue(run, ok=False)]
    return good + failed


def misled(place: Place, before: Before, settled: bool) -> list[str]:
    """What `latest` and the page to serve have wrong."""
    wrong, good = [], place.good()
    for home, latest in place.latest().items():
        was = before.latest.get(home)
        new = {run.name for run in good if run.parent == home and run not in before.good}
        if latest not in new and (latest != was or (settled and new)):
            wrong.append(f"latest of {home.name}: {latest}")
        shown = set(LINKED.findall((home / "index.html").read_text(encoding="utf-8")))
        if shown != {latest} and (settled or shown != {was}):
            wrong.append(f"page of {home.name} shows {shown}, latest is {latest}")
    missing = before.latest.keys() - place.latest().keys()
    return [*wrong, *(f"no latest in {home.name}" for home in missing)]


def silent(place: Place, before: Before) -> list[str]:
    """Pages that do not say that a later run failed, or say so of one that did not."""
    wrong = []
    for home, latest in place.latest().items():
        late = bool(set(home.glob("*.failed")) - before.failed) and latest == before.latest.get(
            home
        )
        shown = BANNER in (home / "index.html").read_text(encoding="utf-8")
        if shown != late:
            wrong.append(f"banner of {home.name}: {shown}")
    return wrong


def batch_lies(place: Place) -> list[str]:
    """Groups of which a batch that ended says that they are ok though they are not."""
    wrong = []
    for path in place.out.rglob("batch.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        latest = {home.name: name for home, name in place.latest().items()}
        ok = [group for group in record["groups"] if group["state"] in ("ok", "unchanged")]
        wrong += [
            f"batch.json: {group['folder']} is {group['state']} with {group['run']}"
            for group in ok
            if group["run"] != latest.get(group["folder"])
        ]
    return wrong


def settled(place: Place, before: Before) -> list[str]:
    """What is wrong once a run has come to its end without a fault."""
    wrong = [f"left: {name}" for name in place.hidden()]
    wrong += damage(place, before) + lies(place) + misled(place, before, settled=True)
    return wrong + silent(place, before) + batch_lies(place)


def new_homes(place: Place, before: Before) -> set[Path]:
    """Folders in which a new run stands that ended well."""
    return {run.parent for run in place.good() if run not in before.good}


def attempt(template: Place, case: Case, folder: Path, expected: Mapping[str, str]) -> Found:
    """Change the data, do one fault, look, run again, look again.

    `expected` are hashes of the verdicts of a run without a fault, by the folder of the reports.
    """
    place = copied(template, folder)
    before = Before(place)
    place.write(2, case.changed)
    ended = case.do(place)
    found = Found(case.name, ended.code, new_states(place, before), said=ended.said)
    found.problems = ended.problems + damage(place, before) + lies(place)
    found.problems += misled(place, before, settled=False) + unexpected(case, ended, found)
    if ended.code != -signal.SIGKILL:
        found.problems += [] if case.mute else silent(place, before)
        found.problems += batch_lies(place)
    done = new_homes(place, before)
    found.new = len(done)
    case.cure(place)
    missing = (reports(place, case) - len(done)) * len(place.names)
    again(place, before, found, missing if case.rest is None else case.rest)
    if case.rest is None and case.changed:
        found.problems += different(place, expected)
    if not found.problems:
        shutil.rmtree(folder)
    return found


def reports(place: Place, case: Case) -> int:
    """How many reports have to be made once the data have changed."""
    return len(case.changed) if place.options else bool(case.changed)


def again(place: Place, before: Before, found: Found, missing: int) -> None:
    """Run once more, without a fault: only what is missing, and nothing is left."""
    place.executed()
    place.age()
    ended = place.run()
    found.executed = len(place.executed())
    found.problems += ended.problems + settled(place, before)
    if ended.code:
        found.problems.append(f"the next run ended with {ended.code}: {ended.said}")
    if found.executed != missing:
        found.problems.append(f"the next run executed {found.executed}, not {missing}")


def different(place: Place, expected: Mapping[str, str]) -> list[str]:
    """Verdicts that are not those of a run without a fault."""
    found = place.verdicts()
    return [f"other verdicts in {name}" for name in found if found[name] != expected.get(name)]


def new_states(place: Place, before: Before) -> list[str]:
    """What new runs say of themselves."""
    failed = set(place.out.rglob("*.failed")) - before.failed
    good = [run for run in place.good() if run not in before.good]
    return sorted(manifest(run)["state"] for run in [*failed, *good])


def unexpected(case: Case, ended: Ended, found: Found) -> list[str]:
    """How a command ended otherwise than it should."""
    wrong = []
    if ended.code not in case.codes:
        wrong.append(f"exit code {ended.code}: {ended.said}")
    if not set(found.states) <= case.states | ({"ok"} if case.heals else set()):
        wrong.append(f"states {found.states}")
    if case.says not in ended.said:
        wrong.append(f"does not say {case.says!r}: {ended.said}")
    return wrong
