"""Levels of satisfaction: contrasts equal to R's and to plain regressions, truth recovered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from golden_data import FOLDER, write_study
from level_study import ASKED, LADDER, NAMES, STEPS, answers, claim_of, ladder_survey

from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import influence, single, vectorized
from loyalty_analysis.level_steps import compared_outcomes, steps
from loyalty_analysis.levels import (
    compared,
    level_contrast,
    level_contrasts,
    level_indicators,
    level_of,
    levels_sample,
    sides_of,
    why_no_levels,
)
from loyalty_analysis.moments import Moments
from loyalty_analysis.survey import Survey, read_survey

QUANTITIES = [*NAMES[1:], "acceleration", "halves", "pooled", "penalty"]
MODEL = """
[model]
drivers = ["x2", "x3"]
outcomes = { y1 = "attitude" }
controls = ["x1", "region"]

[levels]
measure = "m"
cuts = [2.0249257, 2.7730593, 3.4821243, 4.4344098]
"""


def golden(case: str, quantity: str) -> pd.Series:
    table = pd.read_csv(FOLDER / "levels.csv", keep_default_na=False)
    rows = table.query("case == @case and quantity == @quantity")
    return rows.set_index("term")["value"]


@pytest.fixture(scope="module")
def surveys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Survey]:
    designs = {"plain": "", "weighted": 'weight = "w"', "store": 'cluster = "store"'}
    designs["weighted.store"] = 'weight = "w"\ncluster = "store"'
    return {
        name: read_survey(write_study(tmp_path_factory.mktemp("golden"), MODEL, design))
        for name, design in designs.items()
    }


@pytest.mark.parametrize("case", ["plain", "weighted"])
def test_contrasts_and_adjusted_means_equal_emmeans(case: str, surveys: dict[str, Any]) -> None:
    asked = [claim.model_copy(update={"outcome": "y1"}) for claim in ASKED]
    found = level_contrasts(surveys[case], asked)["estimate"]
    np.testing.assert_allclose(found, golden(case, "estimate")[QUANTITIES], rtol=1e-9)
    table = steps(surveys[case])
    np.testing.assert_allclose(table["mean"], golden(case, "mean")[list(NAMES)], rtol=1e-9)
    np.testing.assert_allclose(
        table["step"][1:], golden(case, "estimate")[list(NAMES[1:])], rtol=1e-9
    )


@pytest.mark.parametrize("case", ["plain", "weighted"])
def test_shares_and_sd_count_in_the_errors_as_the_complex_step_in_r_says(
    case: str, surveys: dict[str, Any]
) -> None:
    sample, names, controls = levels_sample(surveys[case], "y1")
    sides = [sides_of(claim, NAMES) for claim in ASKED]
    function = vectorized(lambda moments: compared(moments, "y1", names, controls, sides))
    values = influence(single(function), sample, correct=False)[""]
    errors = np.sqrt((values**2).sum(axis=0))
    np.testing.assert_allclose(errors, golden(case, "influence")[QUANTITIES], rtol=1e-9)


@pytest.mark.parametrize("case", ["plain", "weighted"])
def test_errors_of_few_clusters_equal_a_plain_jackknife_in_r(
    case: str, surveys: dict[str, Any]
) -> None:
    survey = surveys["store" if case == "plain" else "weighted.store"]
    asked = [claim.model_copy(update={"outcome": "y1"}) for claim in ASKED]
    found = level_contrasts(survey, asked)
    wanted = golden(case, "jackknife.store")
    np.testing.assert_allclose(found["std_error"], wanted[QUANTITIES], rtol=1e-8)
    assert (found["df"] == 11).all() and found["df_satterthwaite"].between(1, 11).all()
    table = steps(survey)
    half = (table["mean_high"] - table["mean_low"]) / 2 / 2.200985160082949  # t on 11, .975
    means = [f"mean {name}" for name in NAMES]
    np.testing.assert_allclose(half, wanted[means], rtol=1e-8)
    np.testing.assert_allclose(table["df_satterthwaite"][1:], found["df_satterthwaite"][:4])


def test_contrasts_equal_a_plain_regression(tmp_path: Path) -> None:
    survey, frame = ladder_survey(tmp_path), answers()
    fit = smf.ols("repurchase ~ C(level) + age + C(gender)", frame).fit(cov_type="HC3")
    means = np.append(0, fit.params.filter(like="level").to_numpy())
    share = frame["level"].value_counts(normalize=True).sort_index().to_numpy()
    above = means[2:] @ share[2:] / share[2:].sum()
    wanted = [
        *np.diff(means), means[3] - 2 * means[2] + means[1],
        (means[4] - means[2]) / 2 - (means[2] - means[0]) / 2,
        above - means[1], -(means[0] - means[1]) - (means[2] - means[1]),
    ]  # fmt: skip
    found = level_contrasts(survey, ASKED)
    np.testing.assert_allclose(found["estimate"] * frame["repurchase"].std(), wanted, rtol=1e-10)
    # The SD is estimated too, so the errors are close to those of the slopes, not equal.
    plain = fit.t_test("C(level)[T.5] - C(level)[T.4] = 0").sd.item() / frame["repurchase"].std()
    assert found["std_error"][3] == pytest.approx(plain, rel=0.03)
    assert found["term"].eq("level").all() and found["model"].eq("repurchase.levels").all()
    assert found["versus"][4] == "delights - exceeds | exceeds - meets"


def test_the_planted_ladder_is_covered(tmp_path: Path) -> None:
    frame = answers(4000, seed=3)
    survey = ladder_survey(tmp_path, frame=frame)
    found = level_contrasts(survey, ASKED)
    size = frame["repurchase"].std()
    truth = np.diff(LADDER) / size
    assert (np.abs(found["estimate"][:4] - truth) < 3 * found["std_error"][:4]).all()
    accelerates = found.set_index("versus").loc["delights - exceeds | exceeds - meets"]
    assert accelerates["conf_low"] < 0.2 / size < accelerates["conf_high"]


def test_intervals_cover_the_truth_of_a_pooled_contrast() -> None:
    """Shares are sampled, so they count: 95% intervals of a pooled contrast cover it."""
    from loyalty_analysis.inference import Sample, estimate

    claim = claim_of("mean_difference", "high + mid", "low")
    names, shares, means = ["low", "mid", "high"], [0.3, 0.5, 0.2], np.array([0.0, 0.2, 2.0])
    pooled = (0.5 * 0.2 + 0.2 * 2.0) / 0.7
    spread = np.sqrt(shares @ means**2 - (shares @ means) ** 2 + 1)
    rng, hits = np.random.default_rng(5), 0
    for _ in range(400):
        place = rng.choice(3, 200, p=shares)
        rows = np.column_stack([place == 1, place == 2, means[place] + rng.normal(size=200)])
        columns = ("level[mid]", "level[high]", "y")
        sample = Sample(columns, {"": Moments.from_rows(columns, rows)}, {"": rows.astype(float)})
        function = vectorized(lambda moments: level_contrast(moments, "y", names, [], claim))
        low, high = estimate(single(function), sample).interval()
        hits += low[0] < pooled / spread < high[0]
    assert 0.92 < hits / 400 < 0.98


def test_leading_dimensions_are_kept(tmp_path: Path) -> None:
    survey = ladder_survey(tmp_path)
    assert survey.frame is not None
    frame = level_indicators(level_of(survey)).assign(repurchase=survey.frame["repurchase"])
    one = Moments.from_frame(frame)
    many = Moments(one.columns, *(np.stack([getattr(one, k)] * 3) for k in
                                  ("n", "weight", "weight_squared", "mean", "cross")))  # fmt: skip
    for claim in ASKED:
        value = level_contrast(one, "repurchase", NAMES, [], claim)
        assert value.shape == (1,)
        np.testing.assert_allclose(
            level_contrast(many, "repurchase", NAMES, [], claim), np.tile(value, (3, 1))
        )


# ---- what can be asked ------------------------------------------------------------------------


def test_reasons_name_what_is_missing(tmp_path: Path) -> None:
    frame = answers()
    few = frame["level"] == 5
    frame.loc[few & (few.cumsum() > 3), "level"] = 4
    survey = ladder_survey(tmp_path, frame=frame)
    assert why_no_levels(STEPS[3], survey) == "missing_level: amazes"
    assert why_no_levels(STEPS[2], survey) == ""
    assert why_no_levels(claim_of("step_difference", "upper", "lower"), survey) == (
        "missing_level: amazes"
    )
    assert why_no_levels(claim_of("mean_difference", "delights + amazes", "meets"), survey) == ""
    assert why_no_levels(claim_of("steps", "thrills", "meets"), survey) == "unknown_level: thrills"
    broken = claim_of("step_difference", "delights", "exceeds - meets")
    assert why_no_levels(broken, survey) == "unknown_level: delights"
    found = level_contrasts(survey, [*ASKED, *STEPS])
    assert len(found) == 6 and not found["versus"].str.contains("amazes | del").all()
    table = steps(survey).query("outcome == 'repurchase'")
    assert table["level"].tolist() == list(NAMES[:4])


def test_a_level_without_anyone_is_left_out(tmp_path: Path) -> None:
    frame = answers()
    frame["level"] = frame["level"].replace({1: 2, 3: 4})
    survey = ladder_survey(tmp_path, frame=frame)
    assert [bool(why_no_levels(claim, survey)) for claim in STEPS] == [True, True, True, False]
    table = steps(survey).query("outcome == 'repurchase'")
    assert table["level"].tolist() == ["meets", "delights", "amazes"]
    assert table["step"].notna().tolist() == [False, False, True]
    pooled = claim_of("mean_difference", "exceeds + delights + amazes", "meets")
    assert level_contrasts(survey, [pooled])["estimate"].notna().all()


def test_two_levels_have_no_middle(tmp_path: Path) -> None:
    cut = {"levels": {"measure": "satisfaction", "cuts": [4], "names": ["low", "high"]}}
    survey = ladder_survey(tmp_path, cut | {"model.drivers": ["level"]})
    halves = claim_of("step_difference", "upper", "lower")
    assert why_no_levels(halves, survey) == "unknown_level: upper, lower"
    assert len(steps(survey).query("outcome == 'repurchase'")) == 2
    assert len(level_contrasts(survey, [claim_of("steps", "high", "low"), halves])) == 1


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        ("abc", {"c": 1.0, "b": -2.0, "a": 1.0}),
        ("abcd", {"d": 1.0, "c": -1.0, "b": -1.0, "a": 1.0}),
        ("abcde", {"e": 0.5, "c": -1.0, "a": 0.5}),
        ("abcdef", {"f": 0.5, "d": -0.5, "c": -0.5, "a": 0.5}),
    ],
)
def test_halves_are_mean_steps_above_and_below_the_middle(
    names: str, wanted: dict[str, float]
) -> None:
    for versus, sign in ((("upper", "lower"), 1), (("lower", "upper"), -1)):
        counted: dict[str, float] = {}
        for weight, (level,) in sides_of(claim_of("step_difference", *versus), list(names)):
            counted[level] = counted.get(level, 0) + sign * weight
        assert counted == wanted


def test_levels_are_cut_at_or_above_the_threshold(tmp_path: Path) -> None:
    cut = {"levels": {"measure": "satisfaction", "cuts": [3, 5.5], "names": ["a", "b", "c"]}}
    survey = ladder_survey(tmp_path, cut)
    assert survey.frame is not None
    levels, scores = level_of(survey), survey.frame["satisfaction"]
    assert scores[levels == "a"].max() < 3 == scores[levels == "b"].min()
    assert scores[levels == "c"].min() == 6
    assert levels.cat.ordered


def test_an_answer_between_levels_is_refused(tmp_path: Path) -> None:
    frame = answers()
    frame["level"] = frame["level"].astype(float)
    frame.loc[3, "level"] = 2.5
    survey = ladder_survey(tmp_path, frame=frame)
    with pytest.raises(DataError, match=r"'level' holds 2\.5.*levels\.cuts"):
        level_of(survey)


def test_without_levels_or_respondents_there_is_nothing(tmp_path: Path) -> None:
    bank = read_survey("bank_customers")
    assert why_no_levels(STEPS[0], bank) == "missing_construct: level"
    assert steps(bank).empty and level_contrasts(bank, STEPS).empty
    held = bank.study.model_copy(update={"levels": ladder_survey(tmp_path).study.levels})
    moments = Survey(held, bank.moments, bank.scaled, bank.attrition, bank.n_read)
    assert why_no_levels(STEPS[0], moments) == "needs_respondents"


def test_a_level_in_one_cluster_is_not_shown(tmp_path: Path) -> None:
    frame = answers()
    frame.loc[frame["level"] == 5, "shop"] = 3
    survey = ladder_survey(tmp_path, {"design": {"cluster": "shop"}}, frame)
    assert why_no_levels(STEPS[3], survey) == "missing_level: amazes"
    assert "amazes" not in set(steps(survey)["level"])


def test_the_ladder_says_who_stands_where(tmp_path: Path) -> None:
    survey, frame = ladder_survey(tmp_path, {"design": {"weight": "w"}}), answers()
    table = steps(survey)
    assert compared_outcomes(survey) == ("repurchase", "price_tolerance", "staying", "search")
    assert table["outcome"].drop_duplicates().tolist() == list(compared_outcomes(survey))
    own = table[table["outcome"] == "staying"]
    assert own["n"].tolist() == frame["level"].value_counts().sort_index().tolist()
    weighted = frame.groupby("level")["w"].sum() / frame["w"].sum()
    np.testing.assert_allclose(own["share"], weighted)
    assert (own["kind"] == "behaviour").all()
    assert own["top_share"].isna().all(), "a yes or no has no ceiling"
    top = frame.assign(top=frame["w"] * (frame["search"] == 7)).groupby("level")[["top", "w"]]
    own = table[table["outcome"] == "search"]
    np.testing.assert_allclose(own["top_share"], top.sum().eval("top / w"))


def test_a_control_that_is_the_level_is_left_out_of_its_own_equation(tmp_path: Path) -> None:
    survey = ladder_survey(tmp_path, {"model.controls": ["age", "level"]})
    assert levels_sample(survey, "repurchase")[2] == ["age"]


def test_outcomes_can_be_chosen(tmp_path: Path) -> None:
    survey = ladder_survey(tmp_path, {"levels.outcomes": ["search", "repurchase"]})
    assert compared_outcomes(survey) == ("repurchase", "search")
