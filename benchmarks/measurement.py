"""Time the measurement half beside lavaan, semopy and semTools, in turn, and write measurement.md.

Every side is one process that stays up and is timed from inside, so that no start-up counts; sides
take turns, one repetition each, after an uncounted round. Ratios are medians of paired ratios.
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
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded; children inherit it

import numpy as np
import pandas as pd

from loyalty_analysis.bootstrap import bootstrap
from loyalty_analysis.inference import Sample, single
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.sem_fit import fit_model
from loyalty_analysis.sem_indices import fit_indices
from loyalty_analysis.sem_ladder import ladder, step_fits
from loyalty_analysis.sem_results import estimates
from loyalty_analysis.validity import htmt

HERE = Path(__file__).resolve().parent
ROOT, WORK = HERE.parent, HERE / "work"
STUDY = "data/rice_simulated/study.toml"
SEMOPY = """
import sys, time, warnings
import pandas as pd, semopy
warnings.filterwarnings("ignore")
print("semopy", semopy.__version__, flush=True)
frame, model = pd.read_csv(sys.argv[1]), sys.argv[2]
for _ in sys.stdin:
    began = time.perf_counter()
    fitted = semopy.Model(model)
    fitted.fit(frame)
    fitted.inspect(), semopy.calc_stats(fitted)
    print(time.perf_counter() - began, flush=True)
"""
TEXT = """\
# Speed of the measurement half

Made by `python benchmarks/measurement.py --semopy-python PYTHON`, one BLAS thread everywhere
(`OMP_NUM_THREADS=1`), {cores} cores, load average {before:.1f} before and {after:.1f} after;
{versions}.

Every side is timed inside a process that stays up (commands: whole, with start-up). Sides take
turns, one repetition each, {rounds} rounds of the first pair and {few} of the others, after one
that does not count; the figures are medians, the ratio that of paired ratios. *processor* is what
ours would take on a machine of its own. lavaan: `cfa()` and `fitMeasures()` of every fit; ours
gives the standardized solution with errors and the difference tests as well. Only ratios travel
between machines.

{table}
"""
Task = Callable[[], float]


@dataclass
class Worker:
    """A process that answers each line with seconds; its first line says what it is."""

    command: list[str]
    process: subprocess.Popen[str] = field(init=False)
    greeting: str = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.greeting = " ".join(self.process.stdout.readline().split())

    def seconds(self, task: str) -> float:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(task, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.command[0]} failed at {task}")
        return float(answer)


class Taken(NamedTuple):
    """Seconds on the clock, and those that a processor worked for this process and commands."""

    seconds: float
    processor: float


@dataclass(frozen=True)
class Row:
    """One line of the table; no other side where there is nothing to compare with."""

    what: str
    ours: Taken
    bound: float | None
    other: str = ""
    theirs: float | None = None
    ratio: float | None = None

    @property
    def cells(self) -> list[str]:
        theirs = "" if self.theirs is None else f"{self.theirs:.3g}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2g}"
        if self.bound is not None:
            bound, met = f"{self.bound:g} s", self.ours.seconds <= self.bound
        else:
            bound, met = "no slower", self.ratio is not None and self.ratio <= 1
        unknown = self.bound is None and self.ratio is None
        verdict = "not measured" if unknown else "yes" if met else "no"
        own = [f"{self.ours.seconds:.3g}", f"{self.ours.processor:.3g}"]
        return [self.what, *own, self.other, theirs, ratio, bound, verdict]


def names(factors: int, items: int) -> dict[str, list[str]]:
    return {f"f{i + 1}": [f"x{i + 1}_{j + 1}" for j in range(items)] for i in range(factors)}


def script(model: dict[str, list[str]]) -> str:
    return "\n".join(f"{factor} =~ {' + '.join(items)}" for factor, items in model.items())


def survey(n: int, items: int, seed: int) -> pd.DataFrame:
    """Simulated answers: five factors that correlate .4, loadings .7."""
    random, model = np.random.default_rng(seed), names(5, items)
    factors = random.multivariate_normal(np.zeros(5), 0.4 + 0.6 * np.eye(5), n)
    answers = 0.7 * np.repeat(factors, items, axis=1) + random.normal(0, 0.51**0.5, (n, 5 * items))
    return pd.DataFrame(answers, columns=[name for own in model.values() for name in own])


def timed(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def cfa(frame: pd.DataFrame, model: str) -> None:
    fit = fit_model(model, Moments.from_frame(frame))
    estimates(fit), fit_indices(fit)


def invariance(frame: pd.DataFrame, model: str, *, robust: bool) -> None:
    columns = tuple(frame.columns.drop("country"))
    parts = {str(name): part[list(columns)].to_numpy() for name, part in frame.groupby("country")}
    moments = {name: Moments.from_rows(columns, rows) for name, rows in parts.items()}
    ladder(step_fits(model, Sample(columns, moments, parts), robust=robust))


def ratios(frame: pd.DataFrame) -> None:
    """Percentile intervals of HTMT and HTMT2 of every pair, as the package reports them."""
    columns, rows, upper = tuple(frame.columns), frame.to_numpy(), np.triu_indices(5, 1)

    def function(moments: Moments) -> Array:
        kinds = (
            htmt(moments.correlation, [3] * 5, geometric=kind)[upper] for kind in (False, True)
        )
        return np.concatenate(list(kinds))

    sample = Sample(columns, {"": Moments.from_rows(columns, rows)}, {"": rows})
    bootstrap(single(function), sample, 2000).interval()


def judge(*options: str) -> float:
    command = [str(Path(sys.executable).parent / "loyalty"), "judge", STUDY, *options]
    command += ["--out", str(WORK / "judge"), "--quiet"]
    fresh = {name: value for name, value in os.environ.items() if name != "LOYALTY_MEMORY"}
    run = partial(subprocess.run, command, cwd=ROOT, env=fresh, stdout=subprocess.DEVNULL)
    return timed(lambda: run(check=True))


def worked() -> float:
    """Processor seconds so far, commands that have ended included."""
    return sum(os.times()[:4])


def in_turn(sides: dict[str, Task], rounds: int) -> dict[str, list[Taken]]:
    """What every side takes, one repetition each round, after one that does not count."""
    print(f"{', '.join(sides)}: {rounds} rounds ...", flush=True)
    found: dict[str, list[Taken]] = {name: [] for name in sides}
    for counted in range(rounds + 1):
        for name, side in sides.items():
            before = worked()
            taken = Taken(side(), worked() - before)
            if counted:
                found[name].append(taken)
    return found


def typical(taken: list[Taken]) -> Taken:
    return Taken(*map(statistics.median, zip(*taken, strict=True)))


def in_pairs(
    what: str, ours: Task, others: dict[str, Task | None], rounds: int, bound: float | None
) -> list[Row]:
    """A row for each other side; those that are not there are said to be not measured."""
    present = {name: task for name, task in others.items() if task is not None}
    taken = in_turn({"ours": ours} | present, rounds)
    own, found = typical(taken["ours"]), []
    for name in others or [""]:
        if name not in present:
            found.append(Row(what, own, bound, f"{name}: not measured" if name else ""))
            continue
        pairs = zip(taken["ours"], taken[name], strict=True)
        ratio = statistics.median(a.seconds / b.seconds for a, b in pairs)
        found.append(Row(what, own, bound, name, typical(taken[name]).seconds, ratio))
    return found


def beside_slow(
    what: str, ours: Callable[[], None], other: str, theirs: Task | None, rounds: int, bound: float
) -> Row:
    """A row whose other side takes a minute or more, so that once is enough."""
    own = typical(in_turn({"ours": partial(timed, ours)}, rounds)["ours"])
    if theirs is None:
        return Row(what, own, bound, f"{other}: not measured")
    print(f"{other} ...", flush=True)
    seconds = theirs()
    return Row(what, own, bound, other, seconds, own.seconds / seconds)


def semtools(r: Worker | None) -> tuple[str, Task | None]:
    """All replicates where they take less than five minutes, else 50 and a multiple."""
    if r is None or "semTools" not in r.greeting:
        return "semTools", None
    if 40 * r.seconds("htmt50") < 300:
        return "semTools, HTMT alone, once", partial(r.seconds, "htmt2000")
    return "semTools, HTMT alone, 50 replicates x 40", lambda: 40 * r.seconds("htmt50")


def made(semopy_python: str | None) -> tuple[dict[str, pd.DataFrame], Worker | None, Worker | None]:
    """The data, and the processes of the other sides."""
    frames = {"cfa": survey(5000, 4, 1), "ladder": survey(9000, 4, 2), "htmt": survey(9000, 3, 3)}
    frames["ladder"]["country"] = [f"c{i}" for i in np.arange(9000) % 10]
    WORK.mkdir(exist_ok=True)
    files = {name: str(WORK / f"{name}.csv") for name in frames}
    for name, frame in frames.items():
        frame.to_csv(files[name], index=False)
    rscript = shutil.which("Rscript")
    r = Worker([rscript, str(HERE / "measurement.R"), *files.values()]) if rscript else None
    arguments = ["-c", SEMOPY, files["cfa"], script(names(5, 4))]
    return frames, r, Worker([semopy_python, *arguments]) if semopy_python else None


def measured(semopy_python: str | None, rounds: int) -> tuple[list[Row], list[str]]:
    """Every row, and what it was measured with."""
    frames, r, semopy = made(semopy_python)

    def lavaan(task: str) -> Task | None:
        return partial(r.seconds, task) if r and "lavaan" in r.greeting else None

    model, few = script(names(5, 4)), max(rounds // 8, 3)
    rows = in_pairs(
        "CFA, 5 factors x 4 items, n = 5,000: estimates, errors, all fit indices",
        lambda: timed(lambda: cfa(frames["cfa"], model)),
        {"lavaan": lavaan("cfa"), "semopy": partial(semopy.seconds, "cfa") if semopy else None},
        rounds, None,
    )  # fmt: skip
    for kind, task in (("ML", "ladder"), ("MLR, as the suite fits respondents", "ladder_robust")):
        ours = partial(invariance, frames["ladder"], model, robust=task != "ladder")
        what = f"invariance ladder, 4 steps, 10 countries of 900, 5 x 4 items: {kind}"
        rows.append(beside_slow(what, ours, "lavaan, four fits, once", lavaan(task), few, 3))
    what = "HTMT and HTMT2 with 2,000 bootstrap replicates, 5 x 3 items, n = 9,000"
    rows.append(beside_slow(what, partial(ratios, frames["htmt"]), *semtools(r), few, 1))
    for what, options, bound in (
        ("no claim compares groups", ("--set", "contrasts={}"), 6),
        ("with invariance across sectors", (), 12),
        ("everything (`--all`), with invariance across sectors and countries", ("--all",), 12),
    ):
        what = f"`loyalty judge`, 9,000 respondents: {what}"
        rows += in_pairs(what, partial(judge, *options), {}, few, bound)
    greetings = [side.greeting for side in (r, semopy) if side]
    return rows, [*greetings, f"Python {platform.python_version()}", f"numpy {np.__version__}"]


def table(rows: list[Row]) -> str:
    head = ["what", "ours (s)", "processor (s)", "other", "other (s)", "ours / other", "bound",
            "met"]  # fmt: skip
    lines = [head, ["---"] * len(head), *(row.cells for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="counted rounds of the first pair")
    parser.add_argument(
        "--semopy-python", help="a Python that has semopy; without it, no row of it"
    )
    asked = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    before = os.getloadavg()[0]
    rows, versions = measured(asked.semopy_python, asked.rounds)
    text = TEXT.format(
        cores=os.cpu_count(), before=before, after=os.getloadavg()[0],
        versions=", ".join(versions), rounds=asked.rounds, few=max(asked.rounds // 8, 3),
        table=table(rows),
    )  # fmt: skip
    (HERE / "measurement.md").write_text(text, encoding="utf-8")
    shutil.rmtree(WORK, ignore_errors=True)
    print(text)


if __name__ == "__main__":
    main()
