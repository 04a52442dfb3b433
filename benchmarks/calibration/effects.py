"""Coverage of the intervals of indirect effects, shares of variance and slope differences.

Simulated surveys with skewed drivers, errors that spread with them, selection that weights undo,
and clusters whose intercepts and slopes vary; population values come from one very large draw.
Also: how often an indirect effect through a mediator that does nothing is called supported, with
constructs measured without error and with scales of a few noisy items. Writes effects.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

if __name__ == "__main__":  # before numpy is loaded; workers inherit it
    os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from scipy.stats import beta as beta_distribution
from scipy.stats import binom

from loyalty_analysis.claims import Claim
from loyalty_analysis.contrasts import slope_differences
from loyalty_analysis.drivers import drivers, share_differences
from loyalty_analysis.equations import equations
from loyalty_analysis.inference import pooled
from loyalty_analysis.mediation import chain, indirect
from loyalty_analysis.moments import Array, Moments, slopes
from loyalty_analysis.rules import SUPPORTED, Evidence, p_value, rule
from loyalty_analysis.shares import Players, shares
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge

HERE = Path(__file__).resolve().parent
SEED, POPULATION, BLOCK = 2027, 4_000_000, 200_000
COLUMNS = ("a", "b", "m", "y")
STUDY = """\
title = "Calibration"
data = "survey.csv"
origin = "simulated"
claims = ["rice_paper"]

[constructs]
a = {}
b = {}
m = {}
y = {}

[scale]
min = -1000
max = 1000

[model]
drivers = ["a", "b"]
mediator = "m"
outcomes = { y = "attitude" }

[design]
groups = ["side"]
"""
CONTRAST = '\n[contrasts.side]\na = "right"\nb = "left"\n'
THROUGH = Claim(
    id="i", text="", estimand="indirect", outcome="y", term="a", through=("m",), sign="+"
)
LEAD = Claim(
    id="s", text="", estimand="share_difference", outcome="y", term="m", versus=("a",), sign="+"
)
CLAIMS = """\
title = "A mediator that does nothing"
source = "own"

[[claim]]
id = "I1"
text = "a works on y through m."
estimand = "indirect"
outcome = "y"
term = "a"
through = ["m"]
sign = "+"
"""
ASKED = 3
"""So many of these have a coverage to reach; the shares are shown beside them."""
ESTIMANDS = ("indirect effect", "share difference", "slope difference", "share of m", "share of b")


@dataclass(frozen=True)
class Design:
    """How respondents are drawn: number, weights, clusters, what the mediator does, noisy items."""

    name: str
    n: int
    weights: bool = False
    clusters: int = 0
    onward: float = 0.3
    items: int = 0

    @property
    def keys(self) -> str:
        """The design's lines of the study file."""
        lines = ['weight = "w"'] if self.weights else []
        return "\n".join([*lines, *(['cluster = "shop"'] if self.clusters else [])])

    @property
    def least(self) -> float:
        """Coverage that is asked for: 95%, or 90% with fewer than 30 clusters."""
        return 0.90 if 0 < self.clusters < 30 else 0.95


DESIGNS = (
    Design("150 respondents", 150),
    Design("1,000 respondents", 1000),
    Design("300 respondents, weighted", 300, weights=True),
    Design("60 clusters, 480 respondents", 480, clusters=60),
    Design("60 clusters, 480 respondents, weighted", 480, weights=True, clusters=60),
    Design("20 clusters, 400 respondents", 400, clusters=20),
    Design("8 clusters, 800 respondents", 800, clusters=8),
)
NULLS = (
    Design("300 respondents", 300, onward=0.0),
    Design("1,000 respondents", 1000, onward=0.0),
    Design("20 clusters, 400 respondents", 400, clusters=20, onward=0.0),
    Design("500 respondents, three noisy items each", 500, onward=0.0, items=3),
    Design("1,000 respondents, three noisy items each", 1000, onward=0.0, items=3),
)
NOISE = 1.3
"""SD of an item's error beside a construct of SD 1 to 1.6: Cronbach's alpha about .7 to .8."""


def drawn(design: Design, n: int, clusters: int, random: np.random.Generator) -> pd.DataFrame:
    """Respondents of a design, some clusters several times larger than others."""
    label = np.zeros(n, dtype=int)
    shift = np.zeros((1, 4))
    side = random.integers(0, 2, n)
    if clusters:
        size = random.dirichlet(np.tile([1.0, 2.0, 3.0, 6.0], -(-clusters // 4))[:clusters] * 3)
        label = random.choice(clusters, n, p=size)
        label[: 2 * clusters] = np.repeat(np.arange(clusters), 2)
        # Intercepts and slopes vary between clusters; a cluster is on one side.
        shift, side = random.normal(0, [0.25, 0.25, 0.08, 0.08], (clusters, 4)), label % 2
    common = random.normal(size=n)
    a = random.exponential(size=n) - 1 + 0.5 * common
    b = random.normal(size=n) * random.choice([0.7, 1.5], n, p=[0.7, 0.3]) + 0.5 * common
    own = shift[label if clusters else np.zeros(n, dtype=int)]
    spread = 0.8 + 0.2 * np.abs(a)
    m = (0.4 + own[:, 2]) * a + 0.2 * b + own[:, 0] + spread * random.normal(size=n)
    rest = (0.2 + 0.2 * side + own[:, 3]) * a + 0.1 * b + own[:, 1]
    y = design.onward * m + rest + spread * random.normal(size=n)
    frame = pd.DataFrame({"a": a, "b": b, "m": m, "y": y, "shop": label.astype(str)})
    return frame.assign(side=np.where(side == 1, "right", "left"))


def sampled(design: Design, random: np.random.Generator) -> pd.DataFrame:
    """Respondents of one survey: with weights, those low on a and y answer more often."""
    if not design.weights:
        return drawn(design, design.n, design.clusters, random).assign(w=1.0)
    frame = drawn(design, 4 * design.n, design.clusters, random)
    chance = np.exp(-0.3 * frame["a"] - 0.2 * frame["y"]).clip(0.2, 3) / 3
    chosen = np.flatnonzero(random.random(len(frame)) < chance)[: design.n]
    return frame.iloc[chosen].assign(w=1 / chance.iloc[chosen]).reset_index(drop=True)


@cache
def truth(design: Design, population: int = POPULATION) -> Array:
    """Population values of the three estimands."""
    parts: dict[str, Moments] = {}
    for block in range(-(-population // BLOCK)):
        random = np.random.default_rng([SEED, 999, block])
        clusters = BLOCK // 20 if design.clusters else 0
        frame = drawn(design, BLOCK, clusters, random)
        for name, rows in frame.groupby("side"):
            part = Moments.from_frame(rows[list(COLUMNS)])
            parts[str(name)] = parts[str(name)] + part if str(name) in parts else part
    whole = pooled(parts)
    explained = shares(whole, "y", Players((("m",), ("a",), ("b",))))
    gap = slopes(parts["right"], "y", ["a", "b"]) - slopes(parts["left"], "y", ["a", "b"])
    size = whole[["a", "y"]].size
    through = chain(whole, ["a", "m", "y"], [["b"], ["b"]])[0]
    difference = gap[0] * size[0] / size[1]
    return np.array([through, explained[0] - explained[1], difference, explained[0], explained[2]])


@cache
def template(design: Design) -> Survey:
    """The study of a design, read once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        path.write_text(f"{STUDY}{design.keys}\n{CONTRAST}", encoding="utf-8")
        frame = sampled(design, np.random.default_rng(SEED))
        frame.to_csv(Path(folder) / "survey.csv", index=False)
        return read_survey(path)


def surveyed(design: Design, seed: int) -> Survey:
    """One simulated survey."""
    base = template(design)
    frame = sampled(design, np.random.default_rng([SEED, seed]))
    assert base.frame is not None
    frame = frame[list(base.frame.columns)]
    weights = frame["w"].to_numpy() * (len(frame) / frame["w"].sum()) if design.weights else None
    moments = Moments.from_frame(frame[list(base.moments.columns)], weights)
    return replace(base, frame=frame, moments=moments)


def intervals(survey: Survey) -> Array:
    """Estimate, low end and high end of each estimand."""
    through, lead = indirect(survey, THROUGH, "y"), share_differences(survey, LEAD, "y")
    total = next(one for one in equations(survey.study) if one.model == "y.total")
    gap = slope_differences(survey, total, "side")
    rows = [table.iloc[0] for table in (through, lead, gap) if table is not None]
    found = [[row["estimate"], row["conf_low"], row["conf_high"]] for row in rows]
    own = drivers(survey).set_index("term")
    return np.array(
        [*found, *own.loc[["m", "b"], ["share", "share_low", "share_high"]].to_numpy().tolist()]
    )


def covered(design: Design, seed: int) -> Array:
    """Whether each interval holds the population value, lies below it or above it; estimates."""
    found, wanted = intervals(surveyed(design, seed)), truth(design)
    below, above = found[:, 2] < wanted, wanted < found[:, 1]
    return np.stack([~(below | above), below, above, found[:, 0]])


def called_supported(design: Design, seed: int) -> bool:
    """Whether an indirect effect comes out supported, as a claim by itself."""
    if design.items:
        return _measured(design, seed)
    table = indirect(surveyed(design, seed), THROUGH, "y")
    assert table is not None
    row = table.iloc[0]
    least = row["df"] if np.isnan(row["df_satterthwaite"]) else row["df_satterthwaite"]
    one = Evidence(row["estimate"], row["std_error"], row["df"], row["conf_low"], row["conf_high"],
                   int(row["n"]), min(row["df"], least))  # fmt: skip
    bound = THROUGH.bound
    return rule(one, "+", bound, p_value(one, "+", bound)).verdict == SUPPORTED


def _measured(design: Design, seed: int) -> bool:
    """The verdict of the suite where each construct is the mean of noisy items."""
    random = np.random.default_rng([SEED, seed, 5])
    frame = sampled(design, random)
    with tempfile.TemporaryDirectory() as folder:
        text = STUDY
        for name in COLUMNS:
            items = [f"{name}{item}" for item in range(design.items)]
            noise = NOISE * random.normal(size=(len(frame), design.items))
            frame[items] = frame[[name]].to_numpy() + noise
            text = text.replace(f"{name} = {{}}", f"{name} = {{ items = {items} }}")
        text = text.replace('"rice_paper"', '"own.toml"').replace('groups = ["side"]', "")
        frame.drop(columns=[*COLUMNS]).to_csv(Path(folder) / "survey.csv", index=False)
        (Path(folder) / "study.toml").write_text(text, encoding="utf-8")
        (Path(folder) / "own.toml").write_text(CLAIMS, encoding="utf-8")
        return str(judge(read_survey(folder))["verdict"].item()) == SUPPORTED


def limits(least: float, count: int) -> float:
    """Lowest share whose 99.9% interval still contains what is asked for."""
    return float(binom.ppf(0.0005, count, least) / count)


def interval_of(hits: int, count: int) -> tuple[float, float]:
    """95% interval of a share (Clopper & Pearson 1934)."""
    low = beta_distribution.ppf(0.025, hits, count - hits + 1) if hits else 0.0
    high = beta_distribution.ppf(0.975, hits + 1, count - hits) if hits < count else 1.0
    return float(low), float(high)


def campaign(surveys: int, workers: int) -> str:
    """The page with both tables."""
    context = get_context("spawn")
    rows, nulls = [], []
    chunk = max(surveys // (4 * workers), 1)
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for design in DESIGNS:
            chunk = max(surveys // (4 * workers), 1)
            found = np.array(
                list(pool.map(partial(covered, design), range(surveys), chunksize=chunk))
            )
            for at, (name, value) in enumerate(zip(ESTIMANDS, truth(design), strict=True)):
                share = found[:, 0, at].mean()
                upper = 1 - binom.ppf(0.0005, surveys, 0.05) / surveys
                ok = limits(design.least, surveys) <= share and (
                    design.least < 0.95 or share <= upper
                )
                rows.append(
                    f"| {design.name} | {name} | {value:.3f} | {found[:, 3, at].mean():.3f} | "
                    f"{found[:, 1, at].mean():.1%} | {found[:, 2, at].mean():.1%} | {share:.1%} | "
                    f"{('yes' if ok else 'no') if at < ASKED else '–'} |"
                )
        for design in NULLS:
            count = surveys // 5 if design.items else surveys
            hits = sum(pool.map(partial(called_supported, design), range(count), chunksize=chunk))
            low, high = interval_of(hits, count)
            nulls.append(f"| {design.name} | {hits / count:.1%} ({low:.1%} to {high:.1%}) |")
    return PAGE.format(
        surveys=f"{surveys:,}", few_surveys=surveys // 5, seed=SEED,
        low=f"{limits(0.95, surveys):.1%}", few=f"{limits(0.90, surveys):.1%}",
        rows="\n".join(rows), nulls="\n".join(nulls),
    )  # fmt: skip


PAGE = """\
# Coverage of 95% intervals

Share of {surveys} simulated surveys whose interval holds the population value. Drivers are skewed,
errors spread with them. With weights, those low on a and y answer more often. Clusters differ in
size several times over, their intercepts and slopes vary, and the two sides that are contrasted are
properties of clusters.
Asked for: 95%, or 90% with fewer than 30 clusters; *as asked* says whether the binomial 99.9%
interval contains it (at least {low}, with few clusters {few}).

`python benchmarks/calibration/effects.py --surveys 1000` makes this page again (seed {seed}).

*Below* and *above*: intervals that lie below the population value, and above it. Shares by
themselves stand beside what was asked for: small ones are estimated too large in small samples.

| design | estimand | population | mean estimate | below | above | coverage | as asked |
| --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

## A mediator that does nothing

Share of surveys in which *a works on y through m* comes out supported although y does not depend on
m (95% interval in brackets); at most 5% is asked for. With noisy items ({few_surveys} surveys) the
claim is judged as the suite judges it: scores and their error-corrected twin have to agree.

| design | supported |
| --- | --- |
{nulls}
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--surveys", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    page = campaign(asked.surveys, asked.workers)
    (HERE / "effects.md").write_text(page, encoding="utf-8")
    print(page)
