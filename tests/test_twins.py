"""Slopes corrected for measurement error: equal to lavaan's, near the truth, and used by claims.

The campaign at the end keeps a claim from being supported by measurement error alone.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import survey_of
from latent import LOADINGS, drawn, equal, implied, published, redrawn, study_of
from scipy.stats import binom

from loyalty_analysis.cfa import measurement_model
from loyalty_analysis.equations import equations
from loyalty_analysis.inference import Estimate
from loyalty_analysis.moments import Moments
from loyalty_analysis.regression import regression, standardized
from loyalty_analysis.sem_fit import fit_model
from loyalty_analysis.sem_results import estimates
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.twins import Twins, twins
from loyalty_analysis.verdicts import judge

GOLDEN = Path(__file__).parent / "golden"
MEASURED = {
    "image": ["i1", "i2", "i3"], "value": ["v1", "v2", "v3"], "satisfaction": ["s1"],
    "loyalty": ["l1", "l2"],
}  # fmt: skip
STUDY = study_of(
    MEASURED,
    scale={"min": 1, "max": 7},
    model={"drivers": ["image", "value"], "mediator": "satisfaction",
           "outcomes": {"loyalty": "intention"}, "controls": ["age", "region"]},
)  # fmt: skip
STUDY["constructs"]["satisfaction"]["reliability"] = 0.8
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "weights": {"design.weight": "w"},
    "cluster": {"design.cluster": "team"},
    "cluster_weights": {"design.cluster": "team", "design.weight": "w"},
    "missing": {"scale.min_items": 1},
}
COLUMNS = ["model", "term", "beta_latent", "beta_latent_std_error"]


def respondents() -> pd.DataFrame:
    """The simulated respondents of golden/twins_survey.csv."""
    return pd.read_csv(GOLDEN / "twins_survey.csv")


def with_holes() -> pd.DataFrame:
    """The same with the answers missing that golden/twins.R leaves out."""
    frame = respondents().astype({"i2": float, "v3": float, "l2": float})
    number = frame["id"]
    frame.loc[(number % 7 == 0) & (frame["i1"] > 3), "i2"] = np.nan
    frame.loc[number % 5 == 0, "v3"] = np.nan
    frame.loc[(number % 6 == 0) & (frame["s1"] < 5), "l2"] = np.nan
    return frame


def surveyed(
    folder: Path, changes: Mapping[str, Any] | None = None, frame: pd.DataFrame | None = None
) -> Survey:
    return survey_of(folder, changes, respondents() if frame is None else frame, study=STUDY)


def table(survey: Survey) -> pd.DataFrame:
    """Twins as regression.csv has them."""
    return regression(survey, twins(survey)).dropna(subset="beta")


def of_outcome(latent: Twins, model: str) -> Estimate:
    survey = latent.factors.survey
    [equation] = [e for e in equations(survey.study) if e.model == model]
    return latent.slopes(equation, survey.terms(equation.terms))


@pytest.mark.parametrize("case", ["moments", *CASES])
def test_slopes_equal_those_of_lavaan(tmp_path: Path, case: str) -> None:
    if case == "moments":
        survey = read_survey("mobile_customers")
    else:
        frame = with_holes() if case == "missing" else respondents()
        survey = surveyed(tmp_path, CASES[case], frame)
    golden = pd.read_csv(GOLDEN / "twins.csv").query("case == @case")
    both = table(survey)[COLUMNS].merge(golden, on=["model", "term"], validate="1:1")
    assert len(both) == len(golden) == len(table(survey))
    np.testing.assert_allclose(both["beta_latent"], both["beta"], atol=1e-4)
    # lavaan knows the error variance of the single item, the suite its reliability: see below.
    several = both["model"].str.endswith(".total")
    np.testing.assert_allclose(
        both.loc[several, "beta_latent_std_error"], both.loc[several, "std_error"], rtol=1e-3
    )
    assert (both["beta_latent_std_error"] / both["std_error"]).between(0.9, 1.2).all()


def test_errors_of_a_single_item_are_those_of_repeated_surveys(tmp_path: Path) -> None:
    """An error variance taken as known would leave out that it was found in the sample."""
    truth = pd.DataFrame([[1, 0.7], [0.7, 1]], list("xy"), list("xy"))
    items = implied(truth, 3)
    keep = ["x1", "y1", "y2", "y3"]
    share = LOADINGS[0] ** 2
    single = {"items": ["x1"], "reliability": share}
    constructs = {"x": single, "y": {"items": ["y1", "y2", "y3"]}}
    first = drawn(items, 300)[keep]
    known = survey_of(tmp_path, study={**study_of("xy"), "constructs": constructs}, frame=first)
    found = []
    for seed in range(150):
        frame = drawn(items, 300, seed)[keep]
        found.append(of_outcome(twins(redrawn(known, frame)), "y.total"))
    values, errors = (np.array([getattr(one, k)[0] for one in found])
                      for k in ("values", "std_error"))  # fmt: skip
    assert values.mean() == pytest.approx(0.7, abs=0.02)
    assert 0.88 < errors.mean() / values.std(ddof=1) < 1.15


def test_an_interval_is_its_estimate_and_error(tmp_path: Path) -> None:
    found = twins(surveyed(tmp_path, CASES["cluster"]))
    slopes = of_outcome(found, "satisfaction")
    assert (slopes.method, slopes.df, found.df) == ("latent model", 59, 59)
    assert twins(surveyed(tmp_path)).df == 360 - 7  # columns of the latent model


SCRIPT = """
image =~ i1 + i2 + i3; value =~ v1 + v2 + v3; loyalty =~ l1 + l2
s1 ~ image + value + age + south + west
loyalty ~ image + value + s1 + age + south + west
image ~ age + south + west; value ~ age + south + west; image ~~ value
"""
PLAIN = ["image", "value", "s1", "age", "south", "west"]


def plain_slopes(frame: pd.DataFrame) -> np.ndarray:
    """Slopes of loyalty.direct from the equations themselves, satisfaction free of error."""
    own = frame.assign(south=frame["region"] == "south", west=frame["region"] == "west")
    items = [item for own_items in MEASURED.values() for item in own_items]
    rows = own[[*items, *PLAIN[3:]]].astype(float)
    model = SCRIPT if rows["west"].any() else SCRIPT.replace(" + west", "")
    data = Moments.from_frame(rows.loc[:, rows.any()])
    found = estimates(fit_model(model, data, fixed_covariates=False))
    chosen = found[(found["lhs"] == "loyalty") & (found["op"] == "~")].set_index("rhs")
    slopes = chosen["standardized"].reindex(PLAIN).fillna(0.0)
    units = rows[["south", "west"]].std().replace(0, 1)
    slopes[["south", "west"]] /= units
    return slopes.to_numpy()


@pytest.mark.parametrize("alone", [False, True])
def test_few_clusters_are_left_out_one_by_one(tmp_path: Path, alone: bool) -> None:
    """Also where a category lives in one of them: without it, its slope is 0."""
    frame = respondents().assign(team=np.arange(360) % 12)
    if alone:
        frame["region"] = np.where(frame["team"] == 3, "west", frame["region"])
        frame.loc[(frame["team"] != 3) & (frame["region"] == "west"), "region"] = "north"
    perfect = {"design.cluster": "team", "constructs.satisfaction.reliability": 1.0}
    survey = surveyed(tmp_path, perfect, frame)
    found = of_outcome(twins(survey), "loyalty.direct")
    assert (found.method, found.df) == ("jackknife over clusters", 11)
    np.testing.assert_allclose(found.values, plain_slopes(frame), atol=1e-6)
    each = np.array([plain_slopes(frame[frame["team"] != team]) for team in range(12)])
    away = each - each.mean(axis=0)
    np.testing.assert_allclose(found.covariance, away.T @ away * 11 / 12, rtol=1e-3, atol=1e-9)
    rows = table(survey).query("model == 'loyalty.direct'").set_index("term")
    assert (rows.index[rows["beta_latent_std_error"].isna()] == "region[west]").all()
    assert rows["beta_latent_low"].isna().sum() == rows["beta_latent_high"].isna().sum() == alone
    assert rows["beta_latent"].notna().all()


def test_without_error_the_twin_is_the_slope_of_the_scores(tmp_path: Path) -> None:
    """Single items of reliability 1, weighted, with categories."""
    single = {"image": ["i1"], "value": ["v1"], "satisfaction": ["s1"], "loyalty": ["l1"]}
    study = study_of(single, scale=STUDY["scale"], model=STUDY["model"])
    for construct in study["constructs"].values():
        construct["reliability"] = 1.0
    survey = survey_of(tmp_path, {"design.weight": "w"}, respondents(), study=study)
    latent = twins(survey)
    for equation in equations(survey.study):
        terms, scores = survey.terms(equation.terms), standardized(survey, equation)
        found = latent.slopes(equation, terms)
        np.testing.assert_allclose(found.values, scores.values, atol=1e-6)
        np.testing.assert_allclose(found.std_error, scores.std_error, rtol=0.08)


# Known truth

THREE = equal("abc", 0.5).to_numpy().copy()
THREE[2, :2] = THREE[:2, 2] = 0.35, 0.55
TRUTH = pd.DataFrame(THREE, list("aby"), list("aby"))
SLOPES = np.linalg.solve(THREE[:2, :2], THREE[:2, 2])


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """A survey of two constructs and an outcome, to be drawn again."""
    frame = drawn(implied(TRUTH), 100)
    return survey_of(tmp_path_factory.mktemp("known"), {}, frame, study=study_of("aby"))


def test_slopes_of_a_large_sample_are_near_the_truth(known: Survey) -> None:
    survey = redrawn(known, drawn(implied(TRUTH), 20_000, seed=3))
    found = of_outcome(twins(survey), "y.total")
    assert (np.abs(found.values - SLOPES) < 4 * found.std_error).all()
    assert (found.std_error < 0.02).all()
    scores = standardized(survey, equations(survey.study)[0]).values
    assert (np.abs(scores - SLOPES) > 3 * found.std_error).all()  # error lends from one to another


def test_a_construct_points_where_most_of_its_items_do(tmp_path: Path) -> None:
    """The first item measures something else, a trifle against the others: no slope turns."""
    correlation = implied(TRUTH)
    correlation.loc["a1", ["a2", "a3"]] = correlation.loc[["a2", "a3"], "a1"] = -0.05
    rest = correlation.columns[3:]
    correlation.loc["a1", rest] = correlation.loc[rest, "a1"] = 0.0
    study = study_of("aby")
    survey = published(tmp_path, correlation, 400, study)
    found = of_outcome(twins(survey), "y.total")
    assert (found.values > 0.05).all()
    correlations = measurement_model(survey).correlations()
    assert correlations is not None and (correlations > 0).all(axis=None)


def test_incomplete_answers_leave_the_truth(known: Survey) -> None:
    """A third of some items is missing where another is high: complete cases would be biased."""
    frame = drawn(implied(TRUTH), 8000, seed=4)
    survey, rng = redrawn(known, frame), np.random.default_rng(5)
    assert survey.items is not None
    holes = survey.items.copy()
    for item, other in {"a2": "y1", "b3": "a1", "y3": "y1"}.items():
        holes.loc[(frame[other] > 0) & (rng.random(8000) < 0.65), item] = np.nan
    incomplete = twins(replace(survey, items=holes))
    found, whole = (of_outcome(one, "y.total") for one in (incomplete, twins(survey)))
    assert incomplete.fit.data.missing and incomplete.fit.data.n == 8000
    assert (np.abs(found.values - SLOPES) < 4 * found.std_error).all()
    assert (found.std_error > whole.std_error).all()


def test_intervals_cover_the_truth(known: Survey) -> None:
    rng, draws, correlation = np.random.default_rng(6), 100, implied(TRUTH)
    hits = np.zeros(2)
    for _ in range(draws):
        low, high = of_outcome(
            twins(redrawn(known, drawn(correlation, 300, rng))), "y.total"
        ).interval()
        hits += (low < SLOPES) & (high > SLOPES)
    assert (binom.ppf(0.001, draws, 0.95) <= hits).all()
    assert (hits <= binom.ppf(0.999, draws, 0.95)).all()


# The campaign

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "twin.py"


@pytest.fixture(scope="module")
def twin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("twin", BENCHMARK)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["twin"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_what_the_scores_have_where_the_construct_has_nothing(twin: ModuleType) -> None:
    """Correlations .56, .48 and .336 of scores with alpha .8: (.336 - .56 x .48) / (1 - .56^2)."""
    assert twin.Case(0.0, 1000).composite == pytest.approx((0.336 - 0.56 * 0.48) / (1 - 0.56**2))


def test_overlap_and_error_do_not_pass_for_a_contribution(twin: ModuleType) -> None:
    """The second construct adds nothing, and its scores say that it does: 60 samples, n = 1,000.

    The bounds are those of a thousand samples in benchmarks/twin.md, with room for 60 of them.
    """
    case = twin.Case(0.0, 1000)
    found = twin.campaign([case], samples=60)[case]
    assert not found["failed"].any()
    assert found["plus alone"].sum() > binom.ppf(0.999, 60, 0.2)
    for sign in twin.SIGNS:
        assert found[f"{sign} suite"].sum() <= binom.ppf(0.999, 60, 0.05)
    error = found["twin"].std() / 60**0.5
    assert abs(found["twin"].mean()) < 4 * error < found["scores"].mean()


def test_a_contribution_is_still_seen(twin: ModuleType) -> None:
    case = twin.Case(0.2, 9000)
    found = twin.campaign([case], samples=5)[case]
    assert found["plus alone"].all() and found["plus suite"].all()
    assert found["twin"].mean() == pytest.approx(0.2, abs=0.05)


def test_the_campaign_says_what_the_whole_suite_says(twin: ModuleType, tmp_path: Path) -> None:
    """It leaves out what these claims do not need, gates among it."""
    case = twin.Case(0.0, 1000)
    study = twin.written(tmp_path, case)
    for number in (1, 2):
        whole = judge(twin.surveyed(study, case, number)).set_index("claim")["verdict"]
        short = twin.judged(study, case, number)
        assert {name: verdict == "supported" for name, verdict in whole.items()} == {
            name: short[f"{name} suite"] for name in twin.SIGNS
        }
