"""Slopes along a moderator: known ends recovered, a plain second computation, numbers from R."""

from __future__ import annotations

from pathlib import Path

import golden_data
import numpy as np
import pandas as pd
import pytest
from pillar_study import answers, pillar_survey
from scipy.optimize import brentq

from loyalty_analysis.clusters import cr2
from loyalty_analysis.equations import equation_of
from loyalty_analysis.inference import Estimate
from loyalty_analysis.moderated import (
    conditional_slopes,
    moderated,
    moderation_regions,
    pairs,
)
from loyalty_analysis.regions import (
    adjusted_critical_value,
    at_values,
    critical_value,
    region,
)
from loyalty_analysis.survey import Survey, read_survey

GOLDEN = pd.read_csv(Path(__file__).parent / "golden" / "regions.csv")
MODEL = """
[model]
drivers = ["x1", "x2", "x3"]
outcomes = { y1 = "attitude", m = "attitude" }
controls = ["region"]
"""


@pytest.fixture(scope="module")
def pillars(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return pillar_survey(tmp_path_factory.mktemp("pillars"), answers(seed=2)).model("pillars")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("block", [b for b in GOLDEN["block"].unique() if "." in b])
def test_regions_equal_those_of_r(tmp_path: Path, block: str, weighted: bool) -> None:
    outcome, term, moderator = block.split(".")
    design = 'weight = "w"' if weighted else ""
    survey = read_survey(golden_data.write_study(tmp_path, MODEL, design))
    equation = equation_of(survey.study, "total", outcome)
    assert equation is not None
    found = moderated(survey, equation, term, moderator)
    assert found is not None
    case = GOLDEN["case"] == ("weighted" if weighted else "plain")
    expected = GOLDEN[case & (GOLDEN["block"] == block)].set_index("quantity")["value"]
    points = at_values(found.line, found.places)
    # HC3 of weighted fits agrees to rounding, the roots of the quadratic to what rounding leaves.
    for place, value, error in zip(
        ("low", "mean", "high"), points.values, points.std_error, strict=True
    ):
        assert value == pytest.approx(expected[f"{place}.slope"], rel=1e-8)
        assert error == pytest.approx(expected[f"{place}.std_error"], rel=1e-8)
    for rule in ("plain", "adjusted"):
        critical = {
            "plain": critical_value(found.line.df),
            "adjusted": adjusted_critical_value(found.line, found.span),
        }[rule]
        assert critical == pytest.approx(expected[f"{rule}.critical"], rel=1e-9)
        ends = region(found.line, found.span, critical)["end"].to_numpy()[:-1] + found.mean
        wanted = expected[[k for k in expected.index if k.startswith(f"{rule}.end")]]
        assert ends == pytest.approx(wanted.to_numpy(), rel=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_ends_are_where_the_interval_touches_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(2, 2)) * 0.2
    line = Estimate(rng.normal(size=2), root @ root.T + 1e-4 * np.eye(2), 80.0, "HC3")
    table = region(line, (-3.0, 3.0))

    def distance(at: float) -> float:
        point = at_values(line, np.array([at]))
        return float(abs(point.values[0]) - critical_value(80.0) * point.std_error[0])

    grid = np.linspace(-3, 3, 4001)
    signs = np.sign([distance(at) for at in grid])
    changes = np.flatnonzero(signs[1:] != signs[:-1])
    plain = [brentq(distance, grid[k], grid[k + 1]) for k in changes]
    assert table["end"].to_numpy()[:-1] == pytest.approx(plain, abs=1e-9)
    for row in table.itertuples():
        middle = at_values(line, np.array([(row.start + row.end) / 2])).values[0]
        told = distance((row.start + row.end) / 2) > 0
        assert row.side == (np.sign(middle) if told else 0)


def test_a_slope_without_error_changes_sign_where_it_is_zero() -> None:
    line = Estimate(np.array([0.2, -0.1]), np.full((2, 2), 1e-16), 100.0, "HC3")
    table = region(line, (-5.0, 5.0))
    assert table["side"].tolist() in ([1, 0, -1], [1, -1])
    assert table["end"].iloc[0] == pytest.approx(2.0, abs=1e-6)


def test_known_ends_are_recovered() -> None:
    """Slope .4 - .2 z: with growing n the region closes in on z = 2."""
    rng = np.random.default_rng(3)
    gaps = []
    for n in (400, 40000):
        x, z = rng.normal(size=(2, n))
        y = 0.4 * x - 0.2 * x * z + rng.normal(size=n)
        design = np.column_stack([np.ones(n), x, z, x * z])
        slopes, rest, *_ = np.linalg.lstsq(design, y, rcond=None)
        spread = np.linalg.inv(design.T @ design) * rest[0] / (n - 4)
        line = Estimate(slopes[[1, 3]], spread[np.ix_([1, 3], [1, 3])], n - 4.0, "classical")
        table = region(line, (-4.0, 4.0))
        assert table["side"].tolist() == [1, 0, -1]
        gaps.append(table["end"].iloc[1] - table["start"].iloc[1])
        assert table["start"].iloc[1] < 2 < table["end"].iloc[1]
    assert gaps[1] < gaps[0] / 5


def test_the_adjusted_rule_finds_less_where_there_is_nothing() -> None:
    """Of draws without any slope, the plain region finds something in more than 5%."""
    rng = np.random.default_rng(4)
    spread = np.diag([0.01, 0.01])
    found = {"plain": 0, "adjusted": 0}
    for _ in range(400):
        line = Estimate(rng.multivariate_normal([0, 0], spread), spread, 500.0, "HC3")
        plain = region(line, (-3.0, 3.0))
        adjusted = region(line, (-3.0, 3.0), adjusted_critical_value(line, (-3.0, 3.0)))
        found["plain"] += bool((plain["side"] != 0).any())
        found["adjusted"] += bool((adjusted["side"] != 0).any())
    assert found["plain"] > 0.08 * 400
    assert found["adjusted"] <= 0.05 * 400 + 2 * np.sqrt(400 * 0.05 * 0.95)


def test_pillars_of_a_study(pillars: Survey) -> None:
    assert ("satisfaction", "switching_financial") in pairs(pillars)
    assert ("switching_logistical", "tenure") in pairs(pillars)
    regions, slopes = moderation_regions(pillars), conditional_slopes(pillars)
    assert set(regions["outcome"]) == {"repurchase", "advocacy"}
    key = {"outcome": "repurchase", "term": "satisfaction", "moderator": "switching_financial"}
    own = regions[(regions[list(key)] == list(key.values())).all(axis=1)]
    # Planted: the slope falls by .25 per latent SD.
    assert own["change_low"].iloc[0] < -0.25 / 1.05 < own["change_high"].iloc[0] + 0.02
    assert own["change_p"].iloc[0] < 1e-6
    plain = own[own["rule"] == "plain"]
    assert (plain["start"].to_numpy()[1:] == plain["end"].to_numpy()[:-1]).all()
    assert plain["share"].sum() <= 1 + 1e-9
    three = slopes[(slopes[list(key)] == list(key.values())).all(axis=1)].set_index("at")
    assert three.loc["low", "estimate"] > three.loc["mean", "estimate"]
    assert three.loc["mean", "estimate"] > three.loc["high", "estimate"]


def test_no_end_of_a_range_is_one_respondents_answer(tmp_path: Path) -> None:
    frame = answers(seed=2)
    frame.loc[0, "tenure"] = 97.3
    table = moderation_regions(pillar_survey(tmp_path, frame).model("pillars"))
    own = table[table["moderator"] == "tenure"]
    assert own["end"].max() < 21
    assert not (table["share"] < 10 / 600).any()


def test_clusters_lend_their_degrees_of_freedom(tmp_path: Path) -> None:
    frame = answers(seed=2)
    survey = pillar_survey(tmp_path, frame, {"design": {"cluster": "shop"}}).model("pillars")
    equation = equation_of(survey.study, "total", "repurchase")
    assert equation is not None and survey.frame is not None
    found = moderated(survey, equation, "satisfaction", "switching_financial")
    assert found is not None and found.line.method == "CR2" and found.line.df < 11
    # By hand: the product centred where the slope is wanted.
    terms = list(survey.terms(equation.terms))
    x = survey.frame[terms].to_numpy()
    at = survey.frame["switching_financial"].mean() + survey.frame["switching_financial"].std()
    product = survey.frame["satisfaction"] * (survey.frame["switching_financial"] - at)
    design = np.column_stack([np.ones(len(x)), x, product])
    y = survey.frame["repurchase"].to_numpy()
    slopes = np.linalg.lstsq(design, y, rcond=None)[0]
    errors = cr2(design, y - design @ slopes, np.asarray(survey.clusters))
    place = 1 + terms.index("satisfaction")
    point = at_values(found.line, found.places[2:])
    assert point.values[0] == pytest.approx(slopes[place], rel=1e-8)
    assert point.std_error[0] == pytest.approx(np.sqrt(errors.covariance[place, place]), rel=1e-8)
    assert found.line.df <= errors.df[place] + 1e-6


def test_what_cannot_be_followed_is_left_out(tmp_path: Path, pillars: Survey) -> None:
    equation = equation_of(pillars.study, "total", "repurchase")
    assert equation is not None
    assert moderated(pillars, equation, "satisfaction", "alternatives_shown") is None
    assert moderated(pillars, equation, "satisfaction", "satisfaction") is None
    assert moderation_regions(pillar_survey(tmp_path)).empty
    assert moderation_regions(read_survey("bank_customers")).empty
