"""Time indirect effects and shares of explained variance, and write effects_speed.md.

By influence values and by the bootstrap, beside pingouin and lavaan. Sides take turns, one
repetition each, after an uncounted round; figures are the fastest of the rounds, since other work
on a machine only ever adds. Peak memory and first calls are those of a process of their own.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is loaded; children inherit it

import numpy as np
import pandas as pd
from measurement import Worker, timed

from loyalty_analysis.bootstrap import REPLICATES, Resamples, bootstrap, resampled
from loyalty_analysis.inference import Estimate, Function, Sample, estimate, single, vectorized
from loyalty_analysis.mediation import effects, mediation, product_interval
from loyalty_analysis.moments import Array, Moments, slopes
from loyalty_analysis.shares import Players, shares
from loyalty_analysis.survey import read_survey

HERE = Path(__file__).resolve().parent
DRIVERS = ("affective", "normative", "economic", "forced", "habitual")
MEDIATOR, OUTCOMES = "satisfaction", ("repurchase", "advocacy", "search")
COLUMNS = (*DRIVERS, MEDIATOR, *OUTCOMES)
RESPONDENTS, MILLION, TIMED_IN_LAVAAN = 9000, 1_000_000, 50
STUDY = f"""\
title = "Speed"
data = "survey.csv"
origin = "simulated"
claims = ["rice_paper"]
scale = {{ min = -100, max = 100 }}

[constructs]
{"".join(f"{name} = {{}}{chr(10)}" for name in COLUMNS)}
[model]
drivers = {list(DRIVERS)}
mediator = "{MEDIATOR}"
outcomes = {{ repurchase = "intention", advocacy = "attitude", search = "leaving" }}
"""
PINGOUIN = """
import sys, time
import pandas as pd, pingouin
print("pingouin", pingouin.__version__, flush=True)
frame, (m, y, x, *others) = pd.read_csv(sys.argv[1]), sys.argv[2:]
def found(replicates):
    options = dict(x=x, m=m, y=y, covar=others, n_boot=replicates, seed=1)
    return pingouin.mediation_analysis(frame, **options)
for task in sys.stdin:
    began = time.perf_counter()
    if task.strip() == "indirect":
        print(found(10).set_index("path").loc["Indirect", "coef"], flush=True)
    else:
        found(int(task))
        print(time.perf_counter() - began, flush=True)
"""
TEXT = """\
# Speed of mediation and of shares of explained variance

Made by `python benchmarks/effects_speed.py --pingouin-python PYTHON`, one BLAS thread everywhere
(`OMP_NUM_THREADS=1`), {cores} cores, load average {before:.1f} before and {after:.1f} after;
{versions}.

Simulated answers of 9,000 respondents to nine columns: five drivers, a mediator, three outcomes.
*Fifteen effects* are the indirect effects of every driver on every outcome, all drivers in every
equation. Every side is timed inside a process that stays up; sides take turns, one repetition
each, after one that does not count. Figures are the fastest of {rounds} rounds ({few} beside
pingouin and lavaan), since other work on a machine only ever adds.

{asked}
{missed}
pingouin does one of the fifteen (the other four drivers as `covar`), all {replicates:,} replicates.
lavaan does the fifteen in one model (`sem`, `se = "bootstrap"`, defined parameters): {timed}
replicates are timed, the fit by itself is taken off, and the rest multiplied up to
{replicates:,}. Both use one core, as they do unless asked.
{agreement}

## How far from drawing alone

The bootstrap has to draw {replicates:,} x 9,000 counts; nothing that draws can be faster than that.
One thread, processor seconds.

{floor}

{distance}
"""


class Taken(NamedTuple):
    """Seconds on the clock, and those that a processor worked for this process."""

    seconds: float
    processor: float


@dataclass(frozen=True)
class Row:
    """One line of the first table: nan is not measured, without a bound it is only stated."""

    what: str
    found: float
    unit: str
    bound: float | None = None
    least: bool = False
    where: str = ""
    """Where the time goes; on the page when it is more than asked."""

    @property
    def cells(self) -> list[str]:
        found = f"{self.found:.3g} {self.unit}"
        if self.bound is None:
            return [self.what, found, "", ""]
        asked = f"at {'least' if self.least else 'most'} {self.bound:g} {self.unit}"
        if math.isnan(self.found):
            return [self.what, "", asked, "not measured"]
        met = self.found >= self.bound if self.least else self.found <= self.bound
        return [self.what, found, asked, "yes" if met else "no"]


def answers(n: int) -> Array:
    """Answers to the nine columns; the drivers correlate .3."""
    random = np.random.default_rng(1)
    rows = random.normal(size=(n, len(COLUMNS)))
    drivers, mediator, outcomes = rows[:, :5], rows[:, 5], rows[:, 6:]
    drivers += random.normal(0, 0.65, (n, 1))
    mediator += drivers @ [0.4, 0.2, 0.1, -0.2, 0.1]
    outcomes += drivers @ random.normal(0, 0.2, (5, 3)) + mediator[:, None] * [0.5, 0.4, -0.3]
    return rows


def sample_of(columns: tuple[str, ...], rows: Array) -> Sample:
    return Sample(columns, {"": Moments.from_rows(columns, rows)}, {"": rows})


def with_drivers(count: int) -> Sample:
    """That many drivers and an outcome."""
    random = np.random.default_rng(count)
    x = random.normal(size=(RESPONDENTS, count)) + random.normal(0, 0.65, (RESPONDENTS, 1))
    y = x @ random.uniform(0.1, 0.5, count) + random.normal(0, 2, RESPONDENTS)
    return sample_of((*(f"x{i + 1}" for i in range(count)), "y"), np.column_stack([x, y]))


@vectorized
def fifteen(groups: Mapping[str, Moments]) -> Array:
    """The indirect effect of every driver on every outcome."""
    each = [effects(groups[""], DRIVERS, MEDIATOR, outcome, ()) for outcome in OUTCOMES]
    return np.concatenate([one[..., 1, :] for one in each], axis=-1)


@vectorized
def eight(groups: Mapping[str, Moments]) -> Array:
    """The slopes whose products the fifteen effects are: five to the mediator, three from it."""
    to = slopes(groups[""], MEDIATOR, DRIVERS)
    onward = [slopes(groups[""], outcome, (MEDIATOR, *DRIVERS))[..., :1] for outcome in OUTCOMES]
    return np.concatenate([to, *onward], axis=-1)


def product_intervals(found: Estimate) -> list[tuple[float, float]]:
    """Intervals of the fifteen effects as the suite reports them, from the eight slopes."""
    pairs = [np.eye(8)[[to, onward]] for onward in (5, 6, 7) for to in range(5)]
    return [product_interval(found.combine(pair)) for pair in pairs]


def lmg(sample: Sample) -> Function:
    """Shares of all drivers; nobody has listed their subsets yet."""
    *drivers, outcome = sample.columns
    players = Players(tuple((name,) for name in drivers))
    return single(vectorized(lambda moments: shares(moments, outcome, players)))


def replicated(function: Function, sample: Sample, workers: int) -> tuple[Array, Array]:
    """Percentile intervals as the suite finds them: one draw that any function may use."""
    drawn = resampled(sample, workers=workers)
    return bootstrap(function, sample, workers=workers, drawn=drawn).interval()


def fastest(sides: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Taken]:
    """The best of each side, in turn; one that answers with seconds has timed itself."""
    print(f"{', '.join(sides)}: {rounds} rounds ...", flush=True)
    found: dict[str, list[Taken]] = {name: [] for name in sides}
    for counted in range(rounds + 1):
        for name, side in sides.items():
            began, before = time.perf_counter(), time.process_time()
            told = side()
            taken = Taken(time.perf_counter() - began, time.process_time() - before)
            if counted:
                found[name].append(Taken(told, told) if isinstance(told, float) else taken)
    return {name: Taken(*map(min, zip(*all_of, strict=True))) for name, all_of in found.items()}


def in_fresh(function: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """What a function answers in a process of its own."""
    print(f"{function.__name__} ...", flush=True)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function).result()


def of_a_million() -> tuple[float, float]:
    """Seconds of the bootstrap of a million respondents, and peak memory of its process in GB."""
    sample = sample_of(COLUMNS, answers(MILLION))
    seconds = timed(lambda: replicated(fifteen, sample, 2))
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def of_fifteen_drivers() -> tuple[float, float]:
    """Milliseconds of the first call in a process, and of the best of 20 more."""
    sample = with_drivers(15)
    function = lmg(sample)
    first, *more = (1e3 * timed(lambda: function(sample.moments)) for _ in range(21))
    return first, min(more)


@contextmanager
def at_work(python: str | None) -> Iterator[tuple[Path, dict[str, Worker]]]:
    """A folder with the study, and the processes of pingouin and lavaan that have read it."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "study.toml").write_text(STUDY, encoding="utf-8")
        file, rscript = f"{name}/survey.csv", shutil.which("Rscript")
        pd.DataFrame(answers(RESPONDENTS), columns=list(COLUMNS)).to_csv(file, index=False)
        others = {}
        if python:
            names = [MEDIATOR, OUTCOMES[0], *DRIVERS]
            others["pingouin"] = Worker([python, "-c", PINGOUIN, file, *names])
        if rscript:
            others["lavaan"] = Worker([rscript, str(HERE / "effects_speed.R"), file])
        yield Path(name), {key: one for key, one in others.items() if key in one.greeting}


def effects_rows(folder: Path, rounds: int) -> list[Row]:
    survey = read_survey(folder)
    sample, ten = survey.sample(COLUMNS), with_drivers(10)
    links = estimate(eight, sample)
    found = fastest(
        {
            "influence": lambda: estimate(fifteen, sample),
            "with intervals": lambda: product_intervals(estimate(eight, sample)),
            "intervals": lambda: product_intervals(links),
            "mediation": lambda: mediation(survey),
            "two workers": lambda: replicated(fifteen, sample, 2),
            "by itself": lambda: bootstrap(fifteen, sample, workers=2).interval(),
            "one worker": lambda: replicated(fifteen, sample, 1),
            "LMG": lambda: replicated(lmg(ten), ten, 2),
            "LMG, one worker": lambda: replicated(lmg(ten), ten, 1),
        },
        rounds,
    )
    seconds = {name: taken.seconds for name, taken in found.items()}
    million, memory = in_fresh(of_a_million)
    first, best = in_fresh(of_fifteen_drivers)
    whole = "`mediation(survey)`: direct, indirect, total, two scales, shares mediated (90 rows)"
    resamples = f"{REPLICATES:,} replicates"
    where = f"{1e3 * seconds['intervals']:.3g} ms of it are fifteen calls of `product_interval`"
    return [
        Row("fifteen effects with standard errors, by influence values",
            1e3 * seconds["influence"], "ms", 50),
        Row("the same with the skewed intervals that the suite reports",
            1e3 * seconds["with intervals"], "ms", 50, where=where),
        Row(whole, 1e3 * seconds["mediation"], "ms"),
        Row(f"fifteen effects, {resamples}, two workers: `resampled`, `bootstrap`",
            seconds["two workers"], "s", 1),
        Row("the same by `bootstrap` alone", seconds["by itself"], "s", 1),
        Row("the same, one worker", seconds["one worker"], "s"),
        Row(f"fifteen effects, {resamples}, 1,000,000 respondents: peak memory", memory, "GB", 2),
        Row("the same, two workers: time", million, "s"),
        Row(f"LMG shares of 10 drivers, {resamples}, two workers", seconds["LMG"], "s", 5),
        Row("the same, one worker", seconds["LMG, one worker"], "s"),
        Row("LMG shares of 15 drivers: first call of a process", first, "ms", 100),
        Row("the same, best of 20 more", best, "ms", 100),
    ]  # fmt: skip


def beside_rows(others: Mapping[str, Worker], rounds: int) -> list[Row]:
    """How many times as fast as the others, in rounds of their own."""
    tasks = {"pingouin": f"{REPLICATES}", "lavaan": f"{TIMED_IN_LAVAAN} {REPLICATES}"}
    sample = sample_of(COLUMNS, answers(RESPONDENTS))
    sides: dict[str, Callable[[], Any]] = {"ours": lambda: replicated(fifteen, sample, 2)}
    sides |= {name: partial(other.seconds, tasks[name]) for name, other in others.items()}
    found = {name: taken.seconds for name, taken in fastest(sides, rounds).items()}

    def row(name: str, does: str, bound: float) -> Row:
        ours, theirs = found["ours"], found.get(name, math.nan)
        what = f"ours ({ours:.3g} s) beside {name} {does} ({theirs:.3g} s)"
        return Row(what, theirs / ours, "times as fast", bound, least=True)

    return [
        row("pingouin", "doing one of the fifteen", 20),
        row("lavaan", "doing the fifteen, extrapolated", 100),
    ]


def agreement(others: Mapping[str, Worker]) -> str:
    """That all sides estimate the same; a benchmark of something else is none."""
    ours = float(fifteen(sample_of(COLUMNS, answers(RESPONDENTS)).moments)[0])
    away = max((abs(other.seconds("indirect") - ours) for other in others.values()), default=0.0)
    if away > 1e-6:
        raise SystemExit(f"the sides differ by {away:g} in the first indirect effect")
    return f"The first effect ({ours:.4f}) differs by at most {away:.0e} between the sides."


def plainly_drawn() -> None:
    random = np.random.default_rng(1)
    for _ in range(REPLICATES):
        np.bincount(random.integers(RESPONDENTS, size=RESPONDENTS), minlength=RESPONDENTS)


def floor(rounds: int) -> tuple[list[list[str]], str]:
    """What each part of the bootstrap takes, and how far the whole is from drawing alone."""
    sample = sample_of(COLUMNS, answers(RESPONDENTS))
    resamples, drawn = Resamples(sample, 1), resampled(sample)
    blocks, counts = range(-(-REPLICATES // resamples.size)), resamples.counts(0)
    products = np.ones((RESPONDENTS, 3 + len(COLUMNS) * (len(COLUMNS) + 3) // 2))
    found = fastest(
        {
            "numpy": plainly_drawn,
            "drawing": lambda: [resamples.counts(block).shape for block in blocks],
            "product": lambda: [counts.astype(float) @ products for _ in blocks],
            "functions": lambda: bootstrap(fifteen, sample, drawn=drawn).interval(),
            "whole": lambda: replicated(fifteen, sample, 1),
        },
        rounds,
    )
    numpy, drawing, product, functions, whole = (taken.processor for taken in found.values())
    parts = {
        "numpy's plain way of drawing (`integers`, `bincount`), not used": numpy,
        "our drawing (`Resamples.counts`: Poisson numbers from a table)": drawing,
        "counts times products of columns": product,
        "the functions and their intervals": functions,
        "the rest: moments from sums": whole - drawing - product - functions,
        "the whole": whole,
    }
    rows = [[name, f"{taken:.3f}", f"{taken / whole:.0%}"] for name, taken in parts.items()]
    return rows, (
        f"The whole takes {whole / drawing:.1f} times as long as its drawing, and "
        f"{whole / numpy:.1f} times as long as numpy's\nplain drawing alone, with which it would "
        f"take {whole - drawing + numpy:.2f} s instead of {whole:.2f} s. Our drawing takes\n"
        f"{drawing / numpy:.0%} of the time of numpy's: so far was the floor lowered."
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def missed(rows: list[Row]) -> str:
    """A line on each row that is not as asked and says where its time goes."""
    named = [row for row in rows if row.cells[-1] == "no" and row.where]
    return "".join(f"\nNot as asked: {row.what}: {row.where}.\n" for row in named)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of what takes no minute")
    parser.add_argument("--pingouin-python", help="a Python that has pingouin; else no row of it")
    asked = parser.parse_args()
    few, before = max(asked.rounds // 5, 2), os.getloadavg()[0]
    with at_work(asked.pingouin_python) as (folder, others):
        rows = effects_rows(folder, asked.rounds) + beside_rows(others, few)
        same = agreement(others)
    parts, distance = floor(asked.rounds)
    greetings = [other.greeting for other in others.values()]
    versions = [*greetings, f"Python {platform.python_version()}", f"numpy {np.__version__}"]
    text = TEXT.format(
        cores=os.cpu_count(), before=before, after=os.getloadavg()[0],
        versions=", ".join(versions), rounds=asked.rounds, few=few, replicates=REPLICATES,
        timed=TIMED_IN_LAVAAN, agreement=same, distance=distance,
        missed=missed(rows),
        asked=table(["what", "found", "asked", "as asked"], [row.cells for row in rows]),
        floor=table(["part", "seconds", "of the whole"], parts),
    )  # fmt: skip
    (HERE / "effects_speed.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
