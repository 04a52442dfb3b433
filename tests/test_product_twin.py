"""Slopes of products freed of error: R's numbers, a plain second computation, a planted truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factory import REMOVE
from type_study import answered, golden, typed_survey

from loyalty_analysis.contrasts import interaction
from loyalty_analysis.inference import Estimate, Sample, estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.product_twin import (
    Errors,
    corrected_product,
    interaction_twin,
    respondents,
)
from loyalty_analysis.survey import read_survey

R = golden()
PAIR = "attitude:patronage"
DESIGNS = {"plain": {}, "weights": {"design.weight": "w"}, "cluster": {"design.cluster": "team"}}


@pytest.mark.parametrize("case", list(DESIGNS))
@pytest.mark.parametrize("outcome", ["advocacy", "search"])
def test_twins_agree_with_r(tmp_path: Path, case: str, outcome: str) -> None:
    survey = typed_survey(tmp_path, DESIGNS[case]).model("types")
    found = interaction_twin(survey, outcome, PAIR)
    wanted = R.loc[f"twin.{case}", outcome].loc[PAIR]
    assert found is not None
    assert found.values[0] == pytest.approx(wanted["value"], rel=1e-9)
    # R leaves out one respondent at a time and centres anew: so the centre's error is in ours too.
    rel = {"plain": 0.02, "weights": 0.03, "cluster": 1e-9}[case]
    assert found.std_error[0] == pytest.approx(wanted["error"], rel=rel)


def test_twins_agree_with_a_latent_model_of_one_indicator(tmp_path: Path) -> None:
    """Ping's model in lavaan has divisor n; products of indicators assume other reliabilities."""
    found = interaction_twin(typed_survey(tmp_path).model("types"), "advocacy", PAIR)
    assert found is not None
    assert found.values[0] == pytest.approx(R["value"].loc["ping", "advocacy", PAIR], abs=1e-4)
    assert found.values[0] == pytest.approx(R["value"].loc["indprod", "advocacy", PAIR], abs=0.05)


def drawn(rng: np.random.Generator, n: int, slope: float, items: int = 3) -> tuple[Array, Errors]:
    """Scores with a reliability of .7: x, y, a third term, the product of x and y, the outcome."""
    x, y = np.linalg.cholesky([[1, 0.4], [0.4, 1]]) @ rng.normal(size=(2, n))
    z = 0.3 * x + 0.8 * rng.normal(size=n)
    outcome = 0.4 * x + 0.3 * y + 0.2 * z + slope * x * y + 0.8 * rng.normal(size=n)
    answers = []
    for truth in (x, y, z, outcome):
        error = np.sqrt(truth.var() * 0.3 / 0.7 * items)
        answers.append(truth[:, None] + error * rng.normal(size=(n, items)))
    x, y, z, outcome = (own.mean(axis=1) for own in answers)
    rows = np.column_stack([x, y, z, (x - x.mean()) * (y - y.mean()), outcome, *answers])
    known = {name: tuple(f"{name}{k}" for k in range(items)) for name in "xyzt"}
    return rows, Errors(known, {})


def twin_of(rows: Array, errors: Errors) -> Estimate:
    columns = ("x", "y", "z", "x:y", "t", *(i for own in errors.items.values() for i in own))
    centre = rows[:, :2].mean(axis=0)

    @vectorized
    def values(moments: Moments) -> Array:
        terms = ["x", "y", "z", "x:y"]
        return corrected_product(moments, "t", terms, ("x", "y"), centre, errors, ["x", "y"])

    sample = Sample(columns, {"": Moments.from_rows(columns, rows)}, {"": rows})
    return estimate(single(values), sample)


@pytest.mark.slow
def test_a_planted_slope_is_recovered_and_covered() -> None:
    rng = np.random.default_rng(7)
    # var(t): .4 x + .3 y + .2 z + .15 xy + .8 e, with cov(x, y) = .4 and z = .3 x + .8 e.
    linear = (0.46**2 + 0.3**2 + 2 * 0.46 * 0.3 * 0.4) + 0.16**2 + 0.64
    truth = 0.15 / np.sqrt(linear + 0.15**2 * (1 + 0.4**2))
    found = [twin_of(*drawn(rng, 500, 0.15)) for _ in range(400)]
    values = np.array([one.values[0] for one in found])
    assert abs(values.mean() - truth) < 3 * values.std() / 20
    ends = np.array([one.interval() for one in found])[:, :, 0]
    assert 0.92 < np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])) < 0.98
    errors = np.array([one.std_error[0] for one in found])
    assert errors.mean() == pytest.approx(values.std(), rel=0.12)


def test_without_error_it_is_the_plain_slope(tmp_path: Path) -> None:
    sure = {f"constructs.{name}": {"items": [item], "reliability": 1.0}
            for name, item in {"attitude": "att1", "patronage": "pat1", "advocacy": "adv1",
                               "search": "sea1"}.items()}  # fmt: skip
    survey = typed_survey(tmp_path, sure).model("types")
    plain, twin = interaction(survey, "advocacy", PAIR), interaction_twin(survey, "advocacy", PAIR)
    assert plain is not None and twin is not None
    assert twin.values[0] == pytest.approx(plain["estimate"].iloc[0], rel=1e-9)
    assert twin.std_error[0] == pytest.approx(plain["std_error"].iloc[0], rel=1e-6)


def test_the_centre_does_not_matter() -> None:
    rows, errors = drawn(np.random.default_rng(2), 300, 0.2)
    columns = ("x", "y", "z", "x:y", "t", *(i for own in errors.items.values() for i in own))
    found = []
    for centre in (np.zeros(2), np.array([0.7, -1.3])):
        moved = rows.copy()
        moved[:, 3] = (rows[:, 0] - centre[0]) * (rows[:, 1] - centre[1])
        known = Moments.from_rows(columns, moved)
        terms = ["x", "y", "z", "x:y"]
        found.append(corrected_product(known, "t", terms, ("x", "y"), centre, errors, ["x"])[0])
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_twins_that_cannot_be_had(tmp_path: Path) -> None:
    undeclared = {"constructs.patronage": {"items": ["pat1"]}}
    survey = typed_survey(tmp_path / "one", undeclared).model("types")
    assert interaction_twin(survey, "advocacy", PAIR) is None
    outcome = typed_survey(tmp_path / "two", {"constructs.search.reliability": REMOVE})
    assert interaction_twin(outcome.model("types"), "search", PAIR) is None
    recorded = {"constructs.search.reliability": REMOVE, "model.outcomes.search": "behaviour"}
    behaviour = typed_survey(tmp_path / "three", recorded).model("types")
    assert interaction_twin(behaviour, "search", PAIR) is not None
    assert interaction_twin(read_survey("bank_customers"), "loyalty", "image:value") is None


def test_errors_that_would_leave_no_variance_leave_no_number(tmp_path: Path) -> None:
    poor = {
        "constructs.attitude": {"items": ["att1"], "reliability": 0.1},
        "constructs.patronage": {"items": ["pat1"], "reliability": 0.1},
    }
    for name, changes in DESIGNS.items():
        survey = typed_survey(tmp_path / name, poor | changes).model("types")
        found = interaction_twin(survey, "advocacy", PAIR)
        assert found is not None and np.isnan(found.values).all() and np.isnan(found.std_error)


def test_respondents_who_skipped_an_item_are_left_out(tmp_path: Path) -> None:
    frame = answered().astype({"att1": float})
    frame.loc[:39, "att1"] = np.nan
    survey = typed_survey(tmp_path / "all", {"scale.min_items": 1, "design.weight": "w"}, frame)
    assert survey.n == 420
    found = interaction_twin(survey.model("types"), "advocacy", PAIR)
    rest = typed_survey(tmp_path / "rest", {"design.weight": "w"}, frame[40:])
    wanted = interaction_twin(rest.model("types"), "advocacy", PAIR)
    assert found is not None and wanted is not None
    pd.testing.assert_series_equal(pd.Series(found.values), pd.Series(wanted.values))
    assert found.df == wanted.df
    assert respondents(survey, np.ones(420, dtype=bool)) is survey
