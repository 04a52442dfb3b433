"""Invariance and rival structures on groups whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sem_golden

from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Moments
from loyalty_analysis.sem_indices import difference_test, fit_indices
from loyalty_analysis.sem_ladder import STEPS, ladder, partial_metric, step_fits
from loyalty_analysis.sem_model import model_script
from loyalty_analysis.sem_rivals import rivals, structures

THREE = {f: [f"{f}{k}" for k in range(4)] for f in "abc"}
ITEMS = tuple(item for items in THREE.values() for item in items)
LOADING = np.tile([0.9, 0.8, 0.7, 0.8], 3)


def group(
    seed: int, n: int = 700, loading: np.ndarray = LOADING, shift: np.ndarray | float = 0.0,
    r: float = 0.5,
) -> np.ndarray:  # fmt: skip
    random = np.random.default_rng(seed)
    factors = random.normal(size=(n, 3)) @ np.linalg.cholesky(r + (1 - r) * np.eye(3)).T
    return np.repeat(factors, 4, axis=1) * loading + shift + 0.6 * random.normal(size=(n, 12))


def moments(*parts: np.ndarray) -> dict[str, Moments]:
    return {f"g{k}": Moments.from_rows(ITEMS, rows) for k, rows in enumerate(parts)}


def changed(place: int, new: float, base: np.ndarray = LOADING) -> np.ndarray:
    other = base.copy()
    other[place] = new
    return other


def test_invariant_groups_pass_every_step() -> None:
    fits = step_fits(model_script(THREE), moments(group(1), group(2)))
    table = ladder(fits)
    assert table["step"].tolist() == list(STEPS)
    assert table["holds"].all() and table["admissible"].all()
    assert (table["p_value"].dropna() > 0.001).all()
    assert table["df"].tolist() == [102, 111, 120, 132]
    assert partial_metric(fits).freed == ()


@pytest.mark.parametrize("place", [0, 6])
def test_a_loading_that_differs_is_named(place: int) -> None:
    """Also when it is the first item of its construct."""
    bad = group(4, loading=changed(place, 0.2))
    fits = step_fits(model_script(THREE), moments(group(3), bad))
    assert ladder(fits)["holds"].tolist() == [True, False, False, False]
    found = partial_metric(fits)
    item = ITEMS[place]
    assert found.freed == ((item[0], "=~", item),)
    assert found.holds and found.enough


def test_an_intercept_that_differs_breaks_the_scalar_step() -> None:
    moved = group(6, shift=np.eye(12)[5] * 0.8)
    table = ladder(step_fits(model_script(THREE), moments(group(5), moved)))
    assert table["holds"].tolist() == [True, True, False, False]


def test_error_variances_that_differ_break_the_strict_step() -> None:
    noisy = group(8) + np.random.default_rng(9).normal(size=(700, 12)) * (np.arange(12) < 6)
    table = ladder(step_fits(model_script(THREE), moments(group(7), noisy)))
    assert table["holds"].tolist() == [True, True, True, False]


def test_ten_groups_have_wider_limits_at_the_metric_step() -> None:
    slightly = [group(20 + k, loading=changed(1, 0.62 if k % 2 else 0.95)) for k in range(10)]
    many = ladder(step_fits(model_script(THREE), moments(*slightly)))
    few = ladder(step_fits(model_script(THREE), moments(*slightly[:2])))
    assert -many["delta_cfi"][1] <= 0.020 and many["delta_rmsea"][1] <= 0.030
    assert many["holds"][1]
    within = -few["delta_cfi"][1] <= 0.010 and few["delta_rmsea"][1] <= 0.015
    assert few["holds"][1] == within


def test_robust_ladder_uses_robust_indices() -> None:
    names = ["step_configural", "step_metric", "step_scalar", "step_strict"]
    fits = {name.removeprefix("step_"): sem_golden.fitted(name) for name in names}
    table = ladder(fits)
    assert table["cfi"][1] == fit_indices(fits["metric"])["cfi_robust"]
    test = difference_test(fits["configural"], fits["metric"])
    assert table["p_value"][1] == test["p_value"]


def test_names_of_rival_structures() -> None:
    names = ("affective", "normative", "economic", "forced", "habitual")
    pairs = [["economic", "forced", "habitual"], ["economic", "forced"], ["habitual", "economic"]]
    constructs = {name: [f"{name}{k}" for k in range(3)] for name in names}
    found = structures(constructs, [[pair] for pair in pairs])
    assert list(found) == [
        "5 factors",
        "3 factors: economic + forced + habitual",
        "4 factors: economic + forced",
        "4 factors: habitual + economic",
        "1 factor",
        "second order",
    ]
    with pytest.raises(StudyError, match="no constructs"):
        structures(THREE, [[("a", "z")]])


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    rows = group(31, n=600)
    clusters = {"": np.repeat(np.arange(200), 3)}
    sample = Sample(ITEMS, moments(rows), {"": rows}, None, clusters)
    return rivals(structures(THREE, [[("a", "b")]]), sample, folds=5, seed=7)


def test_the_true_structure_beats_its_rivals(compared: pd.DataFrame) -> None:
    table = compared.set_index("model")
    best = table.loc["3 factors"]
    for rival in ("2 factors: a + b", "1 factor"):
        assert best["aic"] < table.loc[rival, "aic"] and best["bic"] < table.loc[rival, "bic"]
        assert table.loc[rival, "cv_difference"] > 4 * table.loc[rival, "cv_error"]
        assert table.loc[rival, "p_value_difference"] < 1e-6
    assert table["df_difference"].tolist()[1:] == [2, 3]
    assert best["cfi"] > 0.99 and (table["problem"] == "").all()
    assert (table["admissible"]).all()


def test_the_seed_decides_the_folds(compared: pd.DataFrame) -> None:
    rows = group(31, n=600)
    sample = Sample(ITEMS, moments(rows), {"": rows}, None, {"": np.repeat(np.arange(200), 3)})
    scripts = structures(THREE, [[("a", "b")]])
    again = rivals(scripts, sample, folds=5, seed=7)
    pd.testing.assert_frame_equal(compared, again)
    other = rivals(scripts, sample, folds=5, seed=8)
    assert other["cv_log_likelihood"][0] != again["cv_log_likelihood"][0]


def test_one_factor_is_not_beaten_when_it_is_true() -> None:
    rows = group(41, n=600, r=0.98)
    sample = Sample(ITEMS, moments(rows), {"": rows})
    table = rivals(structures(THREE), sample)
    assert abs(table["cv_difference"][1]) < 3 * table["cv_error"][1] + 5


def test_moments_alone_have_no_cross_validation() -> None:
    table = rivals(structures(THREE), moments(group(1))["g0"])
    assert "cv_log_likelihood" not in table
    with pytest.raises(DataError, match="one group at a time"):
        rivals(structures(THREE), moments(group(1), group(2)))  # type: ignore[arg-type]
