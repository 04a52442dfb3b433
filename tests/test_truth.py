"""Known truth: what was planted is found again, and intervals cover as often as they say."""

import tomllib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2

from loyalty_analysis.analysis import single_claims
from loyalty_analysis.contrasts import contrasts, differences, slope_differences
from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.inference import Sample, estimate, influence, single
from loyalty_analysis.moments import Moments, standardized_slopes
from loyalty_analysis.regression import standardized
from loyalty_analysis.resources import shipped
from loyalty_analysis.respondents import TRUTH, blocks, scores
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.truth import KINDS, SEED, planted_verdicts, population
from loyalty_analysis.verdicts import judge
from loyalty_analysis.worlds import RICE

Coverage = Callable[[np.random.Generator], tuple[Sample, np.ndarray]]


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("rice_simulated")


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    path = shipped("data") / "rice_simulated" / "truth.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def changed(study: Study, **design: Any) -> Study:
    """The study with another design, and not one of its other words changed."""
    return study.model_copy(update={"design": study.design.model_copy(update=design)})


@pytest.fixture(scope="module")
def survey(study: Study) -> Survey:
    """The shipped survey without clusters.

    Its eight industries are the same ones as in the population, so all sampling error is among
    respondents; the study itself reads them as eight of many.
    """
    return read_survey(changed(study, cluster=None))


def sampled_share(survey: Survey, truth: dict[str, Any]) -> float:
    """What the error of the truth's own draw adds to a variance."""
    return 1 + survey.n / float(truth["draw"]["respondents"])


def deviations(
    survey: Survey, truth: dict[str, Any]
) -> tuple[list[tuple[str, str]], np.ndarray, np.ndarray]:
    """Every standardized slope minus its population value, with their joint covariance."""
    names, gaps, stacked = [], [], []
    for equation in equations(survey.study):
        terms = survey.terms(equation.terms)
        found = standardized(survey, equation).values
        expected = [truth["population"][equation.model][term] for term in terms]
        stacked.append(respondent_influence(survey, equation, terms))
        gaps.append(found - expected)
        names += [(equation.model, term) for term in terms]
    values = np.hstack(stacked)
    covariance = values.T @ values * (survey.n / (survey.n - 1)) * sampled_share(survey, truth)
    return names, np.concatenate(gaps), covariance


def respondent_influence(survey: Survey, equation: Equation, terms: tuple[str, ...]) -> np.ndarray:
    def slopes(moments: Moments) -> np.ndarray:
        return standardized_slopes(moments, equation.outcome, terms, survey.scaled)

    # Without the correction for leverage, which differs between equations, what holds between
    # slopes in every sample holds between their influence values.
    sample = survey.sample([*terms, equation.outcome])
    return influence(single(slopes), sample, correct=False)[""]


def joint_p_value(gap: np.ndarray, covariance: np.ndarray, rank: int) -> float:
    """P value of all deviations together, on the directions that can vary."""
    size = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(size, size))
    kept = values > 1e-8 * values.max()
    assert kept.sum() == rank
    statistic = np.sum((vectors[:, kept].T @ (gap / size)) ** 2 / values[kept])
    return float(chi2.sf(statistic, rank))


def test_every_slope_agrees_with_the_population(survey: Survey, truth: dict[str, Any]) -> None:
    names, gap, covariance = deviations(survey, truth)
    z = pd.Series(gap / np.sqrt(np.diag(covariance)), index=pd.MultiIndex.from_tuples(names))
    assert len(z) == 16 + 3 * (16 + 17)
    assert z.abs().max() < 4, z[z.abs() > 3]
    # In every sample a total slope is the direct one plus satisfaction's slope times its own path:
    # the 3 x 16 total slopes add no direction.
    assert joint_p_value(gap, covariance, rank=16 + 3 * 17) > 0.001


def test_slopes_without_weights_do_not_agree(study: Study, truth: dict[str, Any]) -> None:
    unweighted = read_survey(changed(study, cluster=None, weight=None))
    _, gap, covariance = deviations(unweighted, truth)
    assert joint_p_value(gap, covariance, rank=16 + 3 * 17) < 0.001


def test_sector_differences_agree_with_the_population(
    survey: Survey, truth: dict[str, Any]
) -> None:
    z = []
    for equation in equations(survey.study):
        if equation.kind in ("mediator", "total"):
            table = slope_differences(survey, equation, "sector").set_index("term")
            expected = pd.Series(truth["slope_differences"][equation.model])
            z.append((table["estimate"] - expected) / table["std_error"])
    together = pd.concat(z) / np.sqrt(sampled_share(survey, truth))
    assert len(together) == 4 * 5
    assert together.abs().max() < 4


def test_rival_differences_agree_with_the_population(survey: Survey, truth: dict[str, Any]) -> None:
    by_name = {equation.model: equation for equation in equations(survey.study)}
    z = []
    for model, expected in truth["differences"].items():
        rivals = [pair.removeprefix("affective - ") for pair in expected]
        table = differences(survey, by_name[model], "affective", rivals)
        z.append((table["estimate"] - list(expected.values())) / table["std_error"])
    together = pd.concat(z) / np.sqrt(sampled_share(survey, truth))
    assert len(together) == 3 * 4
    assert together.abs().max() < 4


def test_indirect_effects_and_leads_lie_about_the_truth(
    study: Study, truth: dict[str, Any]
) -> None:
    """What claims ask for, in the shipped survey, in its own standard errors."""
    survey = read_survey(study)
    asked = ("indirect", "largest_share")
    claims = [claim for claim in single_claims(study) if claim.estimand in asked]
    table = contrasts(survey, claims)
    table = table[table["estimand"].isin(asked)]
    z = []
    for row in table.itertuples():
        kind = "indirect" if row.estimand == "indirect" else "share_differences"
        name = f"{row.term} -> {row.through}" if row.through else f"{row.term} - {row.versus}"
        z.append((row.estimate - truth[kind][row.model][name]) / row.std_error)
    assert len(z) == 2 + 2 * 5
    assert np.abs(z).max() < 4


def weighted_slopes(
    columns: dict[str, np.ndarray], weight: np.ndarray, outcome: str, terms: list[str]
) -> np.ndarray:
    """Standardized slopes the long way: z-scores by weighted means and SDs, then least squares."""

    def z_score(name: str) -> np.ndarray:
        centred = columns[name] - np.average(columns[name], weights=weight)
        return centred / np.sqrt(np.average(centred**2, weights=weight))

    left = [columns[term] if "[" in term else z_score(term) for term in terms]
    design = np.column_stack([np.ones(len(weight)), *left])
    root = np.sqrt(weight)
    return np.linalg.lstsq(design * root[:, None], z_score(outcome) * root)[0][1:]


def test_population_values_agree_with_least_squares(study: Study) -> None:
    n = 25_000  # three blocks, the last one short
    values, _ = population(RICE, study, n)
    drawn = [part for part, _ in blocks(RICE, n, SEED, TRUTH)]
    weight = np.concatenate([part.weight for part in drawn])
    parts = [scores(RICE, part) for part in drawn]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    assert len(weight) == n
    for equation in equations(study):
        keys = [key for key in values if key[:2] == ("population", equation.model)]
        expected = weighted_slopes(columns, weight, equation.outcome, [key[2] for key in keys])
        found = [values[key] for key in keys]
        # The SD of the package divides by n - 1, which slopes of categories see.
        np.testing.assert_allclose(found, expected, rtol=1 / n, atol=1e-12)
    # Indirect effects are products of these slopes.
    first = values["population", "satisfaction", "affective"]
    for outcome in ("repurchase", "advocacy"):
        onward = values["population", f"{outcome}.direct", "satisfaction"]
        through = values["indirect", f"{outcome}.direct", "affective -> satisfaction"]
        assert through == pytest.approx(first * onward, rel=1e-9)


def test_planted_verdicts_are_what_the_world_intends(study: Study, truth: dict[str, Any]) -> None:
    values = {
        (k, m, t): v for k in KINDS for m, rows in truth.get(k, {}).items() for t, v in rows.items()
    }
    deserved = planted_verdicts(study, values)
    found = {key: one.verdict for key, one in deserved.items()}
    written = {(c, on): one for c, rows in truth["planted"].items() for on, one in rows.items()}
    assert found == written
    claims = {f"{c} {outcome}".strip(): one for (c, outcome), one in found.items() if "." not in c}
    assert claims == {name: verdict for name, (verdict, _) in RICE.planted.items()}
    assert set(claims.values()) == {"supported", "contradicted", "negligible"}


@pytest.fixture(scope="module")
def verdicts(study: Study) -> pd.DataFrame:
    table = judge(read_survey(study))
    return table[table["verdict"] != "not testable"]


def test_no_verdict_is_opposite_to_what_was_planted(
    verdicts: pd.DataFrame, truth: dict[str, Any]
) -> None:
    names = verdicts["claim"] + ("." + verdicts["part"]).where(verdicts["part"] != "", "")
    planted = [truth["planted"][n][o] for n, o in zip(names, verdicts["outcome"], strict=True)]
    assert len(planted) == sum(len(rows) for rows in truth["planted"].values())
    wrong = verdicts[(verdicts["verdict"] != "inconclusive") & (verdicts["verdict"] != planted)]
    assert wrong.empty, wrong[["claim", "part", "outcome", "verdict"]]
    assert set(verdicts["verdict"]) == {"supported", "contradicted", "negligible", "inconclusive"}


def test_eight_industries_cannot_tell_everything(verdicts: pd.DataFrame) -> None:
    open_claims = verdicts[(verdicts["part"] == "") & (verdicts["verdict"] == "inconclusive")]
    assert "P5" in set(open_claims["claim"])


# Two skewed or heavy-tailed, heteroskedastic columns, an outcome, and the slopes they have.
NAMES, TERMS, SLOPES, ERROR = ("a", "b", "y"), ("a", "b"), np.array([0.4, 0.3]), 0.8


def answers(rng: np.random.Generator, n: int, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """Rows of a (exponential), b (correlated .5) and y, whose error grows with a and has t tails.

    ``shift`` is added to a, b and, times the error's size, to y's error.
    """
    noise = np.broadcast_to(shift, (n, 3))
    own = rng.exponential(size=n) - 1
    a, b = own + noise[:, 0], own / 2 + np.sqrt(0.75) * rng.standard_normal(n) + noise[:, 1]
    tails = rng.standard_t(8, size=n) / np.sqrt(8 / 6)
    error = ERROR * (np.sqrt(1 + own / 2) * tails + noise[:, 2])
    return np.column_stack([a, b, SLOPES[0] * a + SLOPES[1] * b + error])


def true_slopes(between: float = 0.0) -> np.ndarray:
    """Standardized slopes; a, b and the error each get the variance between clusters on top."""
    size = 1 + between
    explained = size * (SLOPES @ SLOPES) + 2 * SLOPES.prod() * 0.5
    return SLOPES * np.sqrt(size / (explained + ERROR**2 * size))


def plain(rng: np.random.Generator) -> tuple[Sample, np.ndarray]:
    rows = answers(rng, 150)
    return Sample(NAMES, {"": Moments.from_rows(NAMES, rows)}, {"": rows}), true_slopes()


def weighted(rng: np.random.Generator) -> tuple[Sample, np.ndarray]:
    """Respondents high on a answer three times as often; weights undo it."""
    everybody = answers(rng, 300)
    chance = np.where(everybody[:, 0] > 0, 0.9, 0.3)
    kept = rng.random(300) < chance
    rows, weights = everybody[kept], 1 / chance[kept]
    moments = {"": Moments.from_rows(NAMES, rows, weights)}
    return Sample(NAMES, moments, {"": rows}, {"": weights}), true_slopes()


def clustered(clusters: int, each: int) -> Coverage:
    """One fifth of the variance of a, b and the error lies between clusters."""

    def draw(rng: np.random.Generator) -> tuple[Sample, np.ndarray]:
        labels = np.repeat(np.arange(clusters), each)
        shift = np.sqrt(0.25) * rng.standard_normal((clusters, 3))[labels]
        rows = answers(rng, clusters * each, shift)
        moments = {"": Moments.from_rows(NAMES, rows)}
        sample = Sample(NAMES, moments, {"": rows}, None, {"": labels})
        return sample, true_slopes(between=0.25)

    return draw


@pytest.mark.slow
@pytest.mark.parametrize(
    ("draw", "method"),
    [
        pytest.param(plain, "influence", id="150 respondents"),
        pytest.param(weighted, "influence", id="180 respondents with weights"),
        pytest.param(clustered(60, 5), "clusters summed", id="60 clusters"),
        pytest.param(clustered(12, 15), "jackknife over clusters", id="12 clusters"),
    ],
)
def test_intervals_of_standardized_slopes_cover_them(draw: Coverage, method: str) -> None:
    rng, draws = np.random.default_rng(2015), 1000
    scaled = frozenset(NAMES)
    hits = np.zeros(len(TERMS), dtype=int)
    for _ in range(draws):
        sample, expected = draw(rng)
        found = estimate(single(lambda m: standardized_slopes(m, "y", TERMS, scaled)), sample)
        assert found.method == method
        low, high = found.interval()
        hits += (low <= expected) & (expected <= high)
    # The exact 99.9% interval holds 95% when neither tail of Binomial(draws, .95) is below .0005.
    tails = np.minimum(binom.cdf(hits, draws, 0.95), binom.sf(hits - 1, draws, 0.95))
    assert (tails > 0.0005).all(), f"covered {hits / draws} of {draws} draws"
