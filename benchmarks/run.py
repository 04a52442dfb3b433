"""Time the commands beside what one would use instead, in turn, and print ratios.

`make bench` runs this and writes benchmarks/results.md. Each pair is measured alternately (A, B, A,
B, ...) after one uncounted round, so that a machine whose speed drifts does not favour either side.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT, WORK = HERE.parent, HERE / "work"
STUDY = "data/rice_simulated/study.toml"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Run:
    """Wall-clock seconds and peak memory (MB) of one process and its children."""

    seconds: float
    megabytes: float


def run(command: Sequence[str]) -> Run:
    """Run a command to its end; a failure stops the benchmark."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Run(seconds, usage.ru_maxrss / 1024)


def judge() -> Run:
    return run([str(BIN / "loyalty"), "judge", STUDY, "--out", str(WORK / "judge"), "--quiet"])


def imports() -> Run:
    return run([sys.executable, "-c", "import pandas, statsmodels.api"])


def report() -> Run:
    return run([str(BIN / "loyalty"), "report", STUDY, "--out", str(WORK / "report"), "--quiet"])


def papermill_and_nbconvert() -> Run:
    """The same notebooks by the two command lines a user has today, one after the other."""
    from loyalty_analysis.report_notebooks import REPORT_NOTEBOOKS

    folder = WORK / "plain"
    folder.mkdir(parents=True, exist_ok=True)
    runs = []
    for name in REPORT_NOTEBOOKS:
        done = str(folder / f"{name}.ipynb")
        papermill = [str(BIN / "papermill"), f"notebooks/{name}.ipynb", done, "-p", "study", STUDY]
        runs.append(run([*papermill, "--no-progress-bar", "--log-level", "ERROR"]))
        nbconvert = [str(BIN / "jupyter"), "nbconvert", "--to", "html", "--log-level", "ERROR"]
        runs.append(run([*nbconvert, done]))
    return Run(sum(r.seconds for r in runs), max(r.megabytes for r in runs))


def side_by_side(
    name: str, ours: Callable[[], Run], theirs: Callable[[], Run], rounds: int
) -> list[str]:
    """Alternate two commands and report medians and the median of the paired ratios."""
    print(f"{name}: {rounds} rounds ...", flush=True)
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    a = statistics.median(pair[0].seconds for pair in pairs)
    b = statistics.median(pair[1].seconds for pair in pairs)
    ratio = statistics.median(pair[0].seconds / pair[1].seconds for pair in pairs)
    memory = max(pair[0].megabytes for pair in pairs)
    return [name, f"{a:.2f}", f"{b:.2f}", f"{ratio:.2f}", f"{1 / ratio:.2f}", f"{memory:.0f}"]


def table(rows: Sequence[Sequence[str]]) -> str:
    head = ["pair", "ours (s)", "other (s)", "ours / other", "other / ours", "our peak (MB)"]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each pair")
    rounds = parser.parse_args().rounds
    shutil.rmtree(WORK, ignore_errors=True)
    pairs = {
        "judge against importing pandas and statsmodels": (judge, imports),
        "report against papermill and nbconvert": (report, papermill_and_nbconvert),
    }
    rows = [side_by_side(name, *pair, rounds) for name, pair in pairs.items()]
    text = (
        "# Side-by-side timings\n\nMade by `make bench`: medians of "
        f"{rounds} alternating rounds, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {STUDY}. Only ratios travel between machines. Peak memory "
        "is the largest single process.\n\n" + table(rows) + "\n"
    )
    (HERE / "results.md").write_text(text, encoding="utf-8")
    shutil.rmtree(WORK, ignore_errors=True)
    print(text)


if __name__ == "__main__":
    main()
