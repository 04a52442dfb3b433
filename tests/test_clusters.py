"""CR2 and Satterthwaite degrees of freedom against clubSandwich and the textbook formula."""

import numpy as np
import pandas as pd
import pytest
from golden_data import INTERCEPT, TERMS, golden, survey, weights
from scipy import stats

from loyalty_analysis.clusters import ClusterErrors, cr2
from loyalty_analysis.moments import Array

# Two different factorizations of the same closed form, both good to about 1e-11.
CLOSED = 1e-8
each_weighting = pytest.mark.parametrize("weighted", [False, True])
each_unit = pytest.mark.parametrize("unit", ["store", "team"])


def design(columns: tuple[str, ...] = TERMS) -> Array:
    return np.column_stack([np.ones(len(survey())), survey()[list(columns)]])


def fitted(x: Array, outcome: str, weight: Array | None) -> tuple[Array, Array]:
    root = np.sqrt(np.ones(len(x)) if weight is None else weight)
    y = survey()[outcome].to_numpy()
    slopes = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    return slopes, y - x @ slopes


def textbook(
    x: Array, residuals: Array, clusters: Array, weight: Array | None, contrast: Array
) -> tuple[Array, Array]:
    """Pustejovsky & Tipton (2018), eqs. 5-11: n x n matrices, equal and independent errors."""
    w = np.diag(np.ones(len(x)) if weight is None else weight)
    bread = np.linalg.inv(x.T @ w @ x)
    maker = np.eye(len(x)) - x @ bread @ x.T @ w
    meat, shadows = np.zeros((len(contrast), len(contrast))), []
    for name in np.unique(clusters):
        inside = clusters == name
        values, vectors = np.linalg.eigh(maker[inside] @ maker[inside].T)
        kept = values > 1e-10
        adjust = vectors[:, kept] / np.sqrt(values[kept]) @ vectors[:, kept].T
        into = contrast @ bread @ x[inside].T @ w[np.ix_(inside, inside)] @ adjust
        score = into @ residuals[inside]
        meat += np.outer(score, score)
        shadows.append(into @ maker[inside])
    df = []
    for row in range(len(contrast)):
        p = np.array([shadow[row] for shadow in shadows])
        products = p @ p.T
        df.append(np.trace(products) ** 2 / (products**2).sum())
    return meat, np.array(df)


def assert_textbook(
    x: Array, residuals: Array, clusters: Array, weight: Array | None, contrast: Array | None
) -> ClusterErrors:
    found = cr2(x, residuals, clusters, weight, contrast)
    plain = np.eye(x.shape[1]) if contrast is None else contrast
    covariance, df = textbook(x, residuals, clusters, weight, plain)
    unit = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    np.testing.assert_allclose(found.covariance / unit, covariance / unit, rtol=0, atol=CLOSED)
    np.testing.assert_allclose(found.df, df, rtol=CLOSED)
    return found


@pytest.mark.parametrize("outcome", ["y1", "y2"])
@each_weighting
@each_unit
def test_club_sandwich(outcome: str, weighted: bool, unit: str) -> None:
    names = [INTERCEPT, *TERMS]
    slopes, residuals = fitted(design(), outcome, weights(weighted))
    clusters = survey()[unit].to_numpy(dtype=str)
    found = cr2(design(), residuals, clusters, weights(weighted))
    error = np.sqrt(np.diag(found.covariance))
    t = slopes / error
    half = stats.t.ppf(0.975, found.df) * error
    table = pd.DataFrame(
        {
            "conf_high": slopes + half,
            "conf_low": slopes - half,
            "df": found.df,
            "p_value": 2 * stats.t.sf(np.abs(t), found.df),
            "statistic": t,
            "std_error": error,
        },
        index=names,
    )
    model = f"{outcome}.weighted" if weighted else outcome
    wanted = golden(model, f"CR2.{unit}").loc[names]
    pd.testing.assert_frame_equal(table, wanted, check_names=False, rtol=CLOSED, atol=0)
    assert found.clusters == {"store": 12, "team": 60}[unit]


def test_weights_do_not_stand_for_inverse_variances() -> None:
    """The other working model gives clearly other errors, so the test above tells them apart."""
    names = [INTERCEPT, *TERMS]
    _, residuals = fitted(design(), "y1", weights(True))
    found = cr2(design(), residuals, survey()["store"].to_numpy(dtype=str), weights(True))
    other = golden("y1.weighted", "CR2.store.inverse_weight").loc[names, "std_error"]
    assert np.abs(np.sqrt(np.diag(found.covariance)) / other - 1).max() > 1e-3


@each_weighting
@each_unit
@pytest.mark.parametrize("combined", [False, True])
def test_textbook_formula(weighted: bool, unit: str, combined: bool) -> None:
    columns = ("x1", "x3", "m", *TERMS[4:])
    x = design(columns)
    _, residuals = fitted(x, "y1", weights(weighted))
    # A difference of two slopes, a sum of three, and one slope.
    contrast = np.array([[0, 1, -1, 0, 0, 0], [1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1.0]])
    clusters = survey()[unit].to_numpy(dtype=str)
    assert_textbook(x, residuals, clusters, weights(weighted), contrast if combined else None)


@each_weighting
def test_every_respondent_a_cluster(weighted: bool) -> None:
    """Clusters of one: CR2 is HC2, when weights are equal."""
    x = design(("x1", "m"))
    _, residuals = fitted(x, "y1", weights(weighted))
    found = assert_textbook(x, residuals, np.arange(len(x)), weights(weighted), None)
    if not weighted:
        bread = np.linalg.inv(x.T @ x)
        leverage = np.einsum("ij,jk,ik->i", x, bread, x)
        scores = x * (residuals / np.sqrt(1 - leverage))[:, None]
        np.testing.assert_allclose(found.covariance, bread @ scores.T @ scores @ bread, rtol=CLOSED)


def test_a_cluster_the_model_fits_exactly() -> None:
    """An indicator of one store leaves a direction without residual variance in that store."""
    clusters = survey()["store"].to_numpy(dtype=str)
    x = np.column_stack([design(("x1", "m")), clusters == "s03"])
    _, residuals = fitted(x, "y1", None)
    assert_textbook(x, residuals, clusters, None, None)


@each_weighting
def test_a_contrast_is_a_row_of_the_whole(weighted: bool) -> None:
    x, clusters = design(), survey()["store"].to_numpy(dtype=str)
    _, residuals = fitted(x, "y1", weights(weighted))
    whole = cr2(x, residuals, clusters, weights(weighted))
    contrast = np.zeros((2, 7))
    contrast[0, 2], contrast[1, [1, 3]] = 1.0, [1.0, -1.0]
    found = cr2(x, residuals, clusters, weights(weighted), contrast)
    np.testing.assert_allclose(
        found.covariance, contrast @ whole.covariance @ contrast.T, rtol=CLOSED
    )
    assert found.df[0] == pytest.approx(whole.df[2], rel=CLOSED)


def test_units_and_names_do_not_matter() -> None:
    """Slopes per other units, weights times a number, clusters renamed: errors scale, df stay."""
    x, w = design(), weights(True)
    assert w is not None
    clusters = survey()["store"].to_numpy(dtype=str)
    _, residuals = fitted(x, "y1", w)
    units = np.array([1, 1e3, 1e-3, 10, 1, 5, 1])
    found = cr2(x * units, residuals, pd.factorize(clusters[::-1])[0][::-1], 7 * w)
    wanted = cr2(x, residuals, clusters, w)
    np.testing.assert_allclose(
        found.covariance * np.outer(units, units), wanted.covariance, rtol=CLOSED
    )
    np.testing.assert_allclose(found.df, wanted.df, rtol=CLOSED)
