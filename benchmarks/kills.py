"""Kill `loyalty report` at random moments, again and again, and look whether anything is lost.

A good report is made first. Then the main process of another one is sent SIGKILL, which no program
can catch, at a moment drawn evenly from the time a report takes and a little more. After each kill:
every earlier report must be the same byte for byte, `latest` must name a complete run, and no
process of the killed run may be left. In the end one ordinary run must clean up. Writes kills.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
STUDY = "mobile_customers"
SEED = 2026
PATIENCE = 10.0  # seconds in which the kernels of a killed run must be gone
PHASES = {
    "start": "before the run had a folder",
    "notebooks": "while notebooks ran",
    "page": "while the page was written",
    "complete": "after the run was complete, or before `latest` moved",
    "over": "after the command had ended",
}


@dataclass
class Tally:
    """What was found after the kills so far."""

    phases: Counter[str] = field(default_factory=Counter)
    leftovers: Counter[str] = field(default_factory=Counter)
    intact: Counter[str] = field(default_factory=Counter)
    strays: int = 0
    slowest: float = 0.0


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


class Report:
    """`loyalty report`, as a process whose descendants can be recognised."""

    def __init__(self, out: Path, temporary: Path) -> None:
        self.mark = f"LOYALTY_KILLS={uuid.uuid4().hex}"
        name, _, token = self.mark.partition("=")
        self.process = subprocess.Popen(
            [str(Path(sys.executable).parent / "loyalty"), "report", STUDY, "--out", str(out)],
            env={**os.environ, name: token, "TMPDIR": str(temporary)},
            stdout=subprocess.DEVNULL,
        )

    def left(self) -> int:
        """Count the processes of this run that are still there."""
        found = 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                found += self.mark.encode() in (process / "environ").read_bytes()
            except OSError:  # gone, or somebody else's
                continue
        return found


def until(true: Callable[[], bool]) -> float:
    """Wait until something is true; how long it took, infinite when it took too long."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > PATIENCE:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - began


def runs(home: Path) -> set[str]:
    """Names of the runs that are published."""
    return {path.name for path in home.glob("[0-9]*")}


def hidden(out: Path, temporary: Path) -> set[Path]:
    """Everything that killed runs left behind."""
    return {*(out / STUDY).glob(".*"), *out.glob(".*"), *temporary.iterdir()}


def phase(new: set[str], left: set[Path], ended: bool) -> str:
    """Where the kill fell, from what it left on disk."""
    if new:
        return "over" if ended else "complete"
    for path in left:
        if path.suffix == ".partial":
            return "page" if (path / "figures").exists() else "notebooks"
    return "start"


def sound(run: Path) -> bool:
    """Whether a run is complete: its manifest says so, and knows every file as it is."""
    found = hashes(run)
    found.pop("manifest.json", None)
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return manifest["state"] == "ok" and manifest["files"] == found


def kill_once(out: Path, temporary: Path, moment: float, tally: Tally) -> bool:
    """Kill one report and look at what is left; say whether it was still there to be killed.

    Leftovers of the one before are swept by it.
    """
    home = out / STUDY
    before, latest = runs(home), (home / "latest").readlink().name
    was, old = {name: hashes(home / name) for name in before}, hidden(out, temporary)
    report = Report(out, temporary)
    time.sleep(moment)
    ended = report.process.poll() is not None
    report.process.kill()
    report.process.wait()
    gone = until(lambda: report.left() == 0)
    tally.slowest = max(tally.slowest, gone)
    tally.strays += gone == float("inf")
    now, new = (home / "latest").readlink().name, runs(home) - before
    left = hidden(out, temporary) - old
    fell = phase(new, left, ended)
    kept = all(hashes(home / name) == was[name] for name in before)
    pointed = now == latest or now in new
    tally.phases[fell] += 1
    tally.intact[fell] += kept and pointed and all(sound(home / name) for name in new)
    tally.leftovers[fell] += bool(left)
    return not ended


def campaign(kills: int, seed: int) -> str:
    """Make a good report, kill `kills` others, clean up; the table."""
    chance, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory(prefix="kills-") as work:
        out, temporary = Path(work) / "reports", Path(work) / "temporary"
        temporary.mkdir()
        usual = max(ordinary(out, temporary) for _ in range(3))
        done = 0
        while done < kills:
            moment = chance.uniform(0, usual)
            if kill_once(out, temporary, moment, tally):
                done += 1
            else:  # it took less than that, and was not killed
                usual = (usual + moment) / 2
            told = f"{done} of {kills} kills, {sum(tally.intact.values())} intact"
            print(f"\r{told}, {tally.strays} with kernels left ", end="", file=sys.stderr)
        print(file=sys.stderr)
        time.sleep(60 if any(out.glob(".index.*")) else 0)  # younger ones could be in use
        ordinary(out, temporary)
        swept = not hidden(out, temporary)
    return table(kills, tally, swept)


def ordinary(out: Path, temporary: Path) -> float:
    """Make one report to its end; the seconds it took."""
    began = time.monotonic()
    if Report(out, temporary).process.wait():
        raise SystemExit("a report failed without being killed")
    return time.monotonic() - began


def table(kills: int, tally: Tally, swept: bool) -> str:
    """The findings as Markdown."""
    command = f"python benchmarks/kills.py --kills {kills}"
    lines = [
        "# Killed reports\n",
        f"`loyalty report {STUDY}` was killed {kills} times (SIGKILL to its main process, which",
        "no program can catch), at moments drawn evenly from the time a report takes. Reports that",
        "had ended by then were looked at too, and are not counted among them.",
        f"`{command}` makes this table again.\n",
        "| the kill fell | kills | intact | left something for the next run to remove |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {words} | {tally.phases[name]} | {tally.intact[name]} | {tally.leftovers[name]} |"
        for name, words in PHASES.items()
    ]
    counted = [tally.phases, tally.intact, tally.leftovers]
    total = [sum(counts.values()) - counts["over"] for counts in counted]
    lines += [
        f"| **killed** | **{total[0]}** | **{total[1]}** | **{total[2]}** |\n",
        "Intact: every file of every earlier run is the same byte for byte, `latest` names the run",
        "it named before or the new one, and a new run agrees with its own manifest.\n",
        f"Kills after which a kernel was left for more than {PATIENCE:g} s: {tally.strays}. "
        f"The last one to leave took {tally.slowest:.1f} s.",
        f"One ordinary run at the end removed {'' if swept else 'NOT '}every leftover.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    text = campaign(options.kills, options.seed)
    (HERE / "kills.md").write_text(text, encoding="utf-8")
    print(text)
