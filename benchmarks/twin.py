"""The case for the error-corrected twin: how often a construct "adds uniquely" that adds nothing.

Two constructs correlate .7; the outcome depends on the first alone. Every construct is measured by
four parallel items of reliability .5, so alpha is .8 exactly (Spearman-Brown: 4 x .5 / 2.5). The
claim is judged by the scores alone, and as the suite judges it: scores and twin have to agree.
Writes twin.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

if __name__ == "__main__":  # before numpy is loaded; workers inherit it
    os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from scipy.stats import beta

from loyalty_analysis.analysis import twins_or_none
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.evidence import findings
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.regression import regression
from loyalty_analysis.rules import SUPPORTED, p_value, rule
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge

HERE = Path(__file__).resolve().parent
SEED, ITEMS, CORRELATION, FIRST, BOUND = 2026, 4, 0.7, 0.6, 0.10
CONSTRUCTS = ("first", "second", "outcome")
SIGNS = {"plus": "+", "any": "any"}
STUDY = """\
title = "Two constructs that overlap"
data = "survey.csv"
origin = "simulated"
claims = ["plus.toml", "any.toml"]

[scale]
min = -100
max = 100

[constructs]
{constructs}

[model]
drivers = ["first", "second"]
outcomes = {{ outcome = "attitude" }}
"""
CLAIM = """\
title = "The second adds uniquely"
source = "own"

[[claim]]
id = "{name}"
text = "The second adds uniquely."
estimand = "total"
outcome = "outcome"
term = "second"
versus = ["first"]
sign = "{sign}"
"""


TEXT = """\
# The case for the error-corrected twin

Two constructs correlate .7. The outcome has a slope of .6 on the first, and on the second the
slope below: none, or .2. Every construct is measured by four parallel items of reliability .5, so
its alpha is .8 exactly. The claim: *the second adds uniquely* (`total` of the second, beside the
first; smallest effect of interest .10), once with the sign `+`, once with `any`, which asks for an
interval wholly beyond .10 in either direction; each is judged by itself.

Share of {samples} samples in which it comes out *supported*, with its 95% interval: by the slope of
the scores alone, and by the suite, where scores and their error-corrected twin have to
agree. *Slope of scores* is what the scores have in the population, without any sampling:
measurement error lends the second construct part of what belongs to the first. Gates play no part
here: alpha and the ratio of correlations are far from their limits. The latent model failed in
{failed} samples.

`python benchmarks/twin.py --samples {count}` makes this table again (seed {seed}).

{table}
"""


@dataclass(frozen=True)
class Case:
    """Samples of one size from one population: ``slope`` is what the second construct has."""

    slope: float
    n: int

    @property
    def latent(self) -> Array:
        """Correlations of the constructs: first, second, outcome."""
        own = np.array([[1.0, CORRELATION], [CORRELATION, 1.0]])
        return np.block([[own, (y := own @ [[FIRST], [self.slope]])], [y.T, np.ones((1, 1))]])

    def respondents(self, number: int) -> pd.DataFrame:
        """Answers of sample ``number``."""
        random = np.random.default_rng([SEED, round(100 * self.slope), self.n, number])
        latent = random.normal(size=(self.n, 3)) @ np.linalg.cholesky(self.latent).T
        answers = np.repeat(latent, ITEMS, axis=1) + random.normal(size=(self.n, 3 * ITEMS))
        return pd.DataFrame(answers, columns=[i for name in CONSTRUCTS for i in items(name)])

    @property
    def composite(self) -> float:
        """What the second construct's scores have in the population: a slope without sampling."""
        scores = 0.8 * self.latent + 0.2 * np.eye(3)
        return float(np.linalg.solve(scores[:2, :2], scores[:2, 2])[1])


def items(construct: str) -> list[str]:
    return [f"{construct}{number}" for number in range(1, ITEMS + 1)]


def written(folder: Path, case: Case) -> Path:
    """A study of this case in a folder of its own, with its first sample."""
    study = folder / f"{case.slope}_{case.n}"
    study.mkdir()
    constructs = "\n".join(f"{one} = {{ items = {items(one)} }}" for one in CONSTRUCTS)
    (study / "study.toml").write_text(STUDY.format(constructs=constructs), encoding="utf-8")
    for name, sign in SIGNS.items():
        claim = CLAIM.format(name=name, sign=sign)
        (study / f"{name}.toml").write_text(claim, encoding="utf-8")
    case.respondents(0).to_csv(study / "survey.csv", index=False)
    return study


@cache
def template(study: Path) -> Survey:
    """The survey as it is read from disk; further samples take its place in memory."""
    return read_survey(study)


def surveyed(study: Path, case: Case, number: int) -> Survey:
    """A sample as a survey."""
    answers, known = case.respondents(number), template(study)
    scores = pd.DataFrame({one: answers[items(one)].mean(axis=1) for one in CONSTRUCTS})
    moments = Moments.from_frame(scores[list(known.moments.columns)])
    return replace(known, items=answers, frame=scores, moments=moments)


def judged(study: Path, case: Case, number: int) -> dict[str, object]:
    """Slopes of one sample, and what scores alone and the suite say of each claim."""
    survey = surveyed(study, case, number)
    latent = twins_or_none(survey)
    results = {"regression": regression(survey, latent), "contrasts": contrasts(survey, (), latent)}
    found, key = findings(results), ("slope", "outcome.total", "second")
    own = found.known[key]
    row: dict[str, object] = {"scores": own.estimate, "failed": key not in found.twins}
    row["twin"] = found.twins[key].estimate if key in found.twins else np.nan
    verdicts = judge(survey, results).set_index("claim")
    for name, sign in SIGNS.items():
        alone = rule(own, sign, BOUND, p_value(own, sign, BOUND))
        row[f"{name} alone"] = alone.verdict == SUPPORTED
        row[f"{name} suite"] = verdicts.loc[name, "verdict"] == SUPPORTED
    return row


def campaign(cases: Sequence[Case], samples: int, workers: int = 1) -> dict[Case, pd.DataFrame]:
    """Judge many samples of each case; row i is sample i + 1, whoever made it."""
    with tempfile.TemporaryDirectory() as name:
        studies = {case: written(Path(name), case) for case in cases}
        if workers == 1:
            return {c: pd.DataFrame([judged(study, c, i + 1) for i in range(samples)])
                    for c, study in studies.items()}  # fmt: skip
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            found = {}
            for case, study in studies.items():
                print(case, "...", flush=True)
                rows = pool.map(partial(judged, study, case), range(1, samples + 1), chunksize=25)
                found[case] = pd.DataFrame(list(rows))
            return found


def share(column: pd.Series) -> str:
    """A share in percent with its 95% interval (Clopper & Pearson)."""
    n, count = len(column), int(column.sum())
    low = beta.ppf(0.025, count, n - count + 1) if count else 0.0
    high = beta.ppf(0.975, count + 1, n - count) if count < n else 1.0
    return f"{100 * count / n:.1f}% ({100 * low:.1f} to {100 * high:.1f})"


def lines(found: dict[Case, pd.DataFrame]) -> list[list[str]]:
    rows = []
    for case, table in found.items():
        about = [f"{case.slope:g}", f"{case.composite:.3f}", f"{case.n:,}"]
        about += [f"{table['scores'].mean():.3f}", f"{table['twin'].mean():.3f}"]
        for name, sign in SIGNS.items():
            kinds = [share(table[f"{name} {kind}"]) for kind in ("alone", "suite")]
            rows.append([*about, sign, *kinds])
    return rows


def page(found: dict[Case, pd.DataFrame], samples: int) -> str:
    head = ["slope", "slope of scores", "n", "mean, scores", "mean, twin", "sign",
            "scores alone", "the suite"]  # fmt: skip
    table = [head, ["---"] * len(head), *lines(found)]
    failed = sum(int(one["failed"].sum()) for one in found.values())
    shown = "\n".join("| " + " | ".join(line) + " |" for line in table)
    return TEXT.format(samples=f"{samples:,}", count=samples, failed=failed, seed=SEED, table=shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000, help="samples of each case")
    asked = parser.parse_args()
    cases = [Case(slope, n) for slope in (0.0, 0.2) for n in (300, 1000, 9000)]
    text = page(campaign(cases, asked.samples, workers=2), asked.samples)
    (HERE / "twin.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
