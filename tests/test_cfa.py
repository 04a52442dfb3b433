"""The measurement model of a study: what it recovers, and what it says where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import survey_of
from latent import LOADINGS, drawn, equal, implied, items_of, published, study_of

from loyalty_analysis.cfa import (
    LOADING_COLUMNS,
    Measured,
    cfa_fit,
    cfa_loadings,
    measurement_model,
)
from loyalty_analysis.factors import factors
from loyalty_analysis.sem_indices import FIT_COLUMNS

THREE = equal("abc", 0.5)


def changed(truth: pd.DataFrame, a: str, b: str, r: float) -> pd.DataFrame:
    """The same correlations but one."""
    found = truth.copy()
    found.loc[a, b] = found.loc[b, a] = r
    return found


def measured(folder: Path, items: pd.DataFrame, n: int = 400, **tables: Any) -> Measured:
    """The model of constructs a, b, ... of three items each, from their correlations."""
    names = list(dict.fromkeys(name[0] for name in items))
    constructs = {name: [item for item in items if item[0] == name] for name in names}
    return measurement_model(published(folder, items, n, study_of(constructs, **tables)))


def test_loadings_and_correlations_come_back(tmp_path: Path) -> None:
    found = measured(tmp_path, implied(THREE))
    table = cfa_loadings(found)
    assert list(table) == list(LOADING_COLUMNS)
    np.testing.assert_allclose(table["standardized"], np.tile(LOADINGS[:3], 3), atol=1e-6)
    np.testing.assert_allclose(table["r2"], table["standardized"] ** 2, atol=1e-6)
    correlations = found.correlations()
    assert correlations is not None and list(correlations) == ["a", "b", "c"]
    np.testing.assert_allclose(correlations, THREE, atol=1e-6)
    loads, errors = found.loadings()["b"]
    np.testing.assert_allclose(loads**2 + errors, 399 / 400, atol=1e-6)  # SDs have divisor n - 1
    row = cfa_fit(found).iloc[0]
    assert row["chi2"] == pytest.approx(0, abs=1e-6) and row["df"] == 24
    assert row["admissible"] and not row["problem"] and found.offending() == {}


def test_a_single_item_stands_at_its_declared_reliability(tmp_path: Path) -> None:
    items = implied(THREE).drop(index=["c2", "c3"], columns=["c2", "c3"])
    study = study_of({"a": items_of("a"), "b": items_of("b"), "c": ["c1"]})
    study["constructs"]["c"]["reliability"] = LOADINGS[0] ** 2
    found = measurement_model(published(tmp_path, items, 400, study))
    correlations = found.correlations()
    assert correlations is not None
    np.testing.assert_allclose(correlations, THREE, atol=1e-6)
    assert "c" not in found.loadings()
    row = cfa_loadings(found).set_index("item").loc["c1"]
    assert row["standardized"] == pytest.approx(LOADINGS[0], abs=1e-6)


def test_a_negative_error_variance_is_named(tmp_path: Path) -> None:
    """Correlations .8, .8 and .5 within: the factor would explain 128% of the first item."""
    items = implied(THREE)
    within = changed(changed(changed(items, "a1", "a2", 0.8), "a1", "a3", 0.8), "a2", "a3", 0.5)
    found = measured(tmp_path, within)
    assert found.offending() == {"a": "negative error variance of a1"}
    row = cfa_fit(found).iloc[0]
    assert not row["admissible"] and row["problem"] == "negative variance of a1"


def test_a_latent_correlation_beyond_one_names_both(tmp_path: Path) -> None:
    """Items go with those of the other construct more than with their own."""
    found = measured(tmp_path, implied(changed(THREE, "a", "b", 1.05)))
    offending = found.offending()
    assert list(offending) == ["a", "b"]
    assert offending["a"] == "its latent correlations cannot be (with b)"
    correlations = found.correlations()
    assert correlations is not None and correlations.loc["a", "b"] == pytest.approx(1.05, abs=1e-5)
    assert "latent variables are not positive definite" in cfa_fit(found)["problem"][0]


def test_three_correlations_that_no_data_can_have_together(tmp_path: Path) -> None:
    """Each of .95, .95 and .5 is possible, the three of them are not; d is not among them."""
    truth = changed(changed(equal("abcd", 0.5), "a", "b", 0.95), "a", "c", 0.95)
    truth.loc["d", list("abc")] = truth.loc[list("abc"), "d"] = 0.2
    found = measured(tmp_path, implied(truth))
    assert list(found.offending()) == ["a", "b", "c"]
    assert "with b, c" in found.offending()["a"]


def test_every_inseparable_construct_is_named(tmp_path: Path) -> None:
    """Two pairs apart from each other, and thirteen constructs that are one."""
    truth = changed(changed(equal("abcde", 0.2), "a", "b", 1.04), "c", "d", 1.02)
    assert list(measured(tmp_path / "pairs", implied(truth)).offending()) == list("abcd")
    same = equal("abcdefghijklm", 1.01)
    assert len(measured(tmp_path / "all", implied(same)).offending()) == 13


def test_two_items_that_go_with_nothing_else_have_no_solution(tmp_path: Path) -> None:
    found = measured(tmp_path, implied(equal("ab", 0.0), 2))
    assert found.fit is None and found.failed and "not identified" in found.problem
    assert list(found.offending()) == ["a", "b"]
    assert found.correlations() is None and found.loadings() == {}
    table = cfa_fit(found)
    assert table["problem"][0] == found.problem and table["chi2"].isna().all()
    assert cfa_loadings(found).empty and list(cfa_loadings(found)) == list(LOADING_COLUMNS)


def test_one_factor_with_two_items_is_not_identified(tmp_path: Path) -> None:
    survey = published(tmp_path, implied(equal("ab", 0.4), 2), 200, study_of({
        "a": ["a1", "a2"], "b": ["b1", "b2"]}))  # fmt: skip
    found = measurement_model(survey, ["a"])
    assert found.failed and "is not identified" in found.problem
    assert measurement_model(survey).offending() == {}


def test_data_that_carry_no_model_offend_nobody(tmp_path: Path) -> None:
    """What is wrong with the data is said once; no construct is to blame."""
    frame = drawn(implied(THREE), 200).assign(a2=lambda table: table["a1"])
    found = measurement_model(survey_of(tmp_path / "a", {}, frame, study=study_of("abc")))
    assert found.fit is None and not found.failed and found.offending() == {}
    assert found.problem.startswith("a1, a2 repeat each other")
    few = survey_of(
        tmp_path / "b", {}, drawn(implied(equal("abcd", 0.5)), 12), study=study_of("abcd")
    )
    assert measurement_model(few).problem.startswith("12 respondents for 12 items")


def test_only_single_items_have_no_model(tmp_path: Path) -> None:
    study = study_of({"a": ["a"], "b": ["b"]})
    found = measurement_model(published(tmp_path, equal("ab", 0.5), 100, study))
    assert found.problem == "no construct has two items or more" and not found.failed
    assert cfa_fit(found)[["model", "problem"]].values.tolist() == [["measurement", found.problem]]


NAMES = {
    "qualité perçue": ["é 1", "é 2", "qualité perçue"],  # spaces, accents, its own name
    "2nd": ["1", "11", "1.1"],  # digits first
    "ζ": ["ξ1", "ξ2", "ξ-1"],
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    frame = drawn(implied(THREE), 300)
    frame.columns = pd.Index([item for items in NAMES.values() for item in items])
    survey = survey_of(tmp_path_factory.mktemp("odd"), {}, frame, study=study_of(NAMES))
    return measurement_model(survey)


def test_names_that_lavaan_cannot_read(odd: Measured) -> None:
    aliases = [*odd.factors.factor.values(), *odd.factors.column.values()]
    assert len({alias.lower() for alias in aliases}) == len(aliases) == 12
    assert all(alias.isascii() and alias[0].isalpha() and " " not in alias for alias in aliases)
    table = cfa_loadings(odd).groupby("construct", sort=False)["item"].agg(list)
    assert table.to_dict() == NAMES
    correlations = odd.correlations()
    assert correlations is not None and list(correlations) == list(NAMES)


def test_names_of_the_study_come_back_in_messages(odd: Measured, tmp_path: Path) -> None:
    own = odd.factors.column
    said = f"nobody answered {own['é 2']} and {own['ξ-1']} together; drop {own['1']}."
    assert odd.named(said) == "nobody answered é 2 and ξ-1 together; drop 1."
    frame = drawn(implied(THREE), 300)
    frame.columns = pd.Index([item for items in NAMES.values() for item in items])
    frame["é 2"] = frame["é 1"]
    broken = measurement_model(survey_of(tmp_path, {}, frame, study=study_of(NAMES)))
    assert broken.problem.startswith("é 1, é 2 repeat each other")


def test_incomplete_answers_enter_with_what_was_answered(tmp_path: Path) -> None:
    frame = drawn(implied(THREE), 400, seed=2)
    frame.loc[frame.index % 4 == 0, "a2"] = np.nan
    survey = survey_of(tmp_path, {"scale.min_items": 2}, frame, study=study_of("abc"))
    found = measurement_model(survey)
    row = cfa_fit(found).iloc[0]
    assert (row["n"], row["estimator"], row["df"]) == (400, "FIML, robust", 24)
    table = cfa_loadings(found)
    assert (
        np.abs(table["standardized"] - np.tile(LOADINGS[:3], 3)) < 4 * table["standardized_error"]
    ).all()
    whole = survey_of(tmp_path / "whole", {}, drawn(implied(THREE), 400, 2), study=study_of("abc"))
    complete = cfa_loadings(measurement_model(whole))
    wider = table["standardized_error"] / complete["standardized_error"]
    assert wider[1] > 1.05 and 0.95 < wider[8] < 1.05


def test_rivals_stand_below_the_measurement_model(tmp_path: Path) -> None:
    found = measured(tmp_path, implied(THREE))
    rivals = pd.DataFrame({"model": ["3 factors", "1 factor"], "bic": [1.0, 2.0], "cv_error": 0.1})
    table = cfa_fit(found, rivals)
    assert table["model"].tolist() == ["measurement", "3 factors", "1 factor"]
    assert list(cfa_fit(found)) == ["model", *FIT_COLUMNS] and "cv_error" in table
    assert list(cfa_fit(found, pd.DataFrame())) == ["model", *FIT_COLUMNS]


def test_a_score_known_by_its_moments_stands_for_its_items(tmp_path: Path) -> None:
    items = implied(THREE)
    known = items.drop(index=items_of("c"), columns=items_of("c"))
    known.loc["c"] = known["c"] = 0.3
    known.loc["c", "c"] = 1.0
    survey = published(tmp_path, known, 300, study_of("abc"))
    found = factors(survey, ["a", "b", "c"])
    assert found.items["c"] == ("c",) and found.items["a"] == ("a1", "a2", "a3")
    assert measurement_model(survey).offending() == {}
