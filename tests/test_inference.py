"""Standard errors of functions of Moments: derivatives, lavaan, the jackknife, invariances."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from golden_data import DRIVERS, DUMMIES, TERMS, golden, sample
from scipy import stats

from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import (
    FEW_CLUSTERS,
    Estimate,
    Function,
    Sample,
    estimate,
    gradient,
    influence,
    jackknife,
    pooled,
    single,
)
from loyalty_analysis.moments import Array, Moments, slopes, standardized_slopes

COLUMNS = (*DRIVERS, "y1")
ALL = (*TERMS, "y1")
# lavaan takes observed information and the delta method of standardized slopes from numerical
# differences: errors to 3e-8 (tests/golden/README.md). Everything else is closed form.
LAVAAN, CLOSED = 1e-7, 1e-9


def standardized(moments: Moments) -> Array:
    return standardized_slopes(moments, "y1", DRIVERS, frozenset(DRIVERS))


def with_region(moments: Moments) -> Array:
    return standardized_slopes(moments, "y1", TERMS, frozenset(DRIVERS))


def correlations(moments: Moments) -> Array:
    return moments.correlation[-1, :-1]


def means_over_sd(moments: Moments) -> Array:
    return moments.mean / moments.sd


def group_gap(groups: Mapping[str, Moments]) -> Array:
    size = np.sqrt(np.diag(pooled(groups).cross))
    gap = slopes(groups["goods"], "y1", DRIVERS) - slopes(groups["services"], "y1", DRIVERS)
    return gap * size[:-1] / size[-1]


FUNCTIONS: dict[str, tuple[Function, tuple[str, ...], str | None]] = {
    "standardized": (single(standardized), COLUMNS, None),
    "with region": (single(with_region), ALL, None),
    "correlations": (single(correlations), COLUMNS, None),
    "means over SD": (single(means_over_sd), COLUMNS, None),
    "group gap": (group_gap, COLUMNS, "sector"),
}
each_function = pytest.mark.parametrize("name", FUNCTIONS)
each_weighting = pytest.mark.parametrize("weighted", [False, True])


def weighted_sample(name: str, weighted: bool, cluster: str | None = None) -> Sample:
    _, columns, by = FUNCTIONS[name]
    return sample(columns, weighted, cluster, by)


# ---- derivatives -----------------------------------------------------------------------------


@each_function
def test_gradient_against_finite_differences(name: str) -> None:
    function, groups = FUNCTIONS[name][0], weighted_sample(name, True).moments
    for group, part in groups.items():
        size = np.sqrt(np.diag(part.cross))

        def central(
            step: float, group: str = group, part: Moments = part, **change: Array | float
        ) -> Array:
            def at(sign: int) -> Array:
                moved = {key: getattr(part, key) + sign * value for key, value in change.items()}
                return function({**groups, group: replace(part, **moved)})

            return (at(1) - at(-1)) / (2 * step)

        found = gradient(function, groups, group)
        # A central difference with step h has an error of about h^2 + 1e-16 / h: 1e-10 at best.
        h = 1e-6
        step = h * part.weight
        np.testing.assert_allclose(
            found.weight * part.weight, central(h, weight=step), rtol=0, atol=1e-8
        )
        for a, unit in enumerate(np.eye(len(size))):
            moved = central(h, mean=h * size[a] * unit)
            np.testing.assert_allclose(found.mean[:, a] * size[a], moved, rtol=0, atol=1e-8)
            for b in range(a + 1):
                scale = size[a] * size[b]
                both = np.zeros((len(size), len(size)))
                both[a, b] = both[b, a] = h * scale
                joint = found.cross[:, a, b] * scale * (1 if a == b else 2)
                np.testing.assert_allclose(joint, central(h, cross=both), rtol=0, atol=1e-8)


@each_function
@each_weighting
def test_influence_is_the_slope_in_each_weight(name: str, weighted: bool) -> None:
    """w_i times the central difference of the function in the weight of respondent i."""
    function, whole = FUNCTIONS[name][0], weighted_sample(name, weighted)
    found = influence(function, whole, correct=False)
    assert whole.rows is not None
    for group, rows in whole.rows.items():
        own = np.ones(len(rows)) if whole.weights is None else whole.weights[group]
        for i in (0, 7, len(rows) - 1):
            values = []
            for sign in (1, -1):
                changed = own.copy()
                changed[i] += sign * 1e-5
                part = Moments.from_rows(whole.columns, rows, changed)
                # The weights change, not the number of respondents.
                values.append(function({**whole.moments, group: part}))
            slope = (values[0] - values[1]) / 2e-5
            # h^2 + 1e-16 / h with h = 1e-5, beside influence values of about 1e-2.
            np.testing.assert_allclose(found[group][i], own[i] * slope, rtol=0, atol=1e-9)


@each_function
@each_weighting
def test_uncorrected_influence_sums_to_zero(name: str, weighted: bool) -> None:
    whole = weighted_sample(name, weighted)
    values = np.concatenate(list(influence(FUNCTIONS[name][0], whole, correct=False).values()))
    # 240 values of about 1e-2, each right to rounding.
    np.testing.assert_allclose(values.sum(axis=0), 0, atol=1e-12)


@each_weighting
def test_correction_divides_by_one_minus_leverage(weighted: bool) -> None:
    whole = sample(COLUMNS, weighted)
    assert whole.rows is not None
    w = np.ones(whole.n) if whole.weights is None else whole.weights[""]
    design = np.column_stack([np.ones(whole.n), whole.rows[""]]) * np.sqrt(w)[:, None]
    leverage = np.diag(design @ np.linalg.pinv(design))
    plain = influence(single(standardized), whole, correct=False)[""]
    corrected = influence(single(standardized), whole)[""]
    np.testing.assert_allclose(corrected, plain / (1 - leverage)[:, None], rtol=CLOSED)


# ---- against lavaan and R --------------------------------------------------------------------


def uncorrected(function: Function, whole: Sample, cluster: str | None = None) -> pd.Series:
    values = np.concatenate(list(influence(function, whole, correct=False).values()))
    if cluster:
        labels = sample(COLUMNS, cluster=cluster).clusters
        assert labels is not None
        values = pd.DataFrame(values).groupby(labels[""]).sum().to_numpy()
    return np.sqrt((values**2).sum(axis=0))


def test_normal_theory_agrees_with_lavaan_ml() -> None:
    whole = replace(sample(COLUMNS), rows=None)
    found = estimate(single(standardized), whole)
    wanted = golden("y1.standardized", "lavaan.ML.expected").loc[list(DRIVERS)]
    # lavaan divides by n; ours by the residual degrees of freedom, 240 less 5 columns.
    assert found.df == 235
    undone = found.std_error / np.sqrt(240 / 235)
    np.testing.assert_allclose(found.values, wanted["estimate"], rtol=CLOSED)
    np.testing.assert_allclose(undone, wanted["std_error"], rtol=LAVAAN)
    assert found.method == "normal theory"


@pytest.mark.parametrize(
    ("model", "weighted", "function", "columns"),
    [
        ("y1.standardized", False, standardized, COLUMNS),
        ("y1.standardized.weighted", True, standardized, COLUMNS),
        ("y1.standardized.region", False, with_region, ALL),
        ("y1.standardized.region.weighted", True, with_region, ALL),
    ],
)
def test_robust_errors_agree_with_lavaan_mlr_and_r(
    model: str, weighted: bool, function: object, columns: tuple[str, ...]
) -> None:
    """Without leverage and n / (n - 1), which lavaan does not have."""
    terms = list(columns[:-1])
    statistic = single(function)  # type: ignore[arg-type]
    whole = sample(columns, weighted)
    errors = uncorrected(statistic, whole)
    own = golden(model, "influence").loc[terms]
    np.testing.assert_allclose(statistic(whole.moments), own["estimate"], rtol=CLOSED)
    np.testing.assert_allclose(errors, own["std_error"], rtol=CLOSED)
    lavaan = golden(model, "lavaan.MLR").loc[list(DRIVERS)]
    np.testing.assert_allclose(errors[:4], lavaan["std_error"], rtol=LAVAAN)
    for unit in ("store", "team"):
        summed = golden(model, f"influence.{unit}").loc[terms, "std_error"]
        np.testing.assert_allclose(uncorrected(statistic, whole, unit), summed, rtol=CLOSED)


def test_estimate_applies_leverage_and_small_sample_factor() -> None:
    whole = sample(COLUMNS, weighted=True)
    found = estimate(single(standardized), whole)
    corrected = influence(single(standardized), whole)[""]
    np.testing.assert_allclose(
        found.covariance, corrected.T @ corrected * 240 / 239, rtol=1e-13, atol=1e-18
    )
    assert (found.method, found.df) == ("influence", 235)
    # Correction only ever widens; with 240 respondents by a few per cent.
    ratio = found.std_error / uncorrected(single(standardized), whole)
    assert (ratio > 1).all()
    assert (ratio < 1.1).all()


@pytest.mark.parametrize("model", ["y1.standardized", "y1.standardized.weighted"])
def test_clusters_summed_agree_with_r(model: str) -> None:
    weighted = model.endswith("weighted")
    whole = sample(COLUMNS, weighted, cluster="team")
    found = estimate(single(standardized), whole)
    assert len(whole.cluster_names) == 60 >= FEW_CLUSTERS
    assert (found.method, found.df) == ("clusters summed", 59)
    own = golden(model, "influence.team").loc[list(DRIVERS), "std_error"]
    plain = summed(single(standardized), whole)
    np.testing.assert_allclose(plain, own, rtol=CLOSED)
    if not weighted:
        lavaan = golden(model, "lavaan.MLR.team").loc[list(DRIVERS), "std_error"]
        # lavaan's carries G / (G - 1); the plain sums do not.
        np.testing.assert_allclose(plain * np.sqrt(60 / 59), lavaan, rtol=LAVAAN)
    # The leverage correction adds a few per cent (5 columns, 240 respondents).
    assert (found.std_error / plain > 1.0).all() and (found.std_error / plain < 1.1).all()


def summed(function: Function, whole: Sample) -> np.ndarray:
    """Errors from influence values without the leverage correction, summed by cluster."""
    assert whole.clusters is not None
    values = influence(function, whole, correct=False)[""]
    totals = pd.DataFrame(values).groupby(whole.clusters[""]).sum().to_numpy()
    return np.sqrt((totals**2).sum(axis=0))


@each_weighting
@pytest.mark.parametrize("unit", ["store", "team"])
def test_jackknife_agrees_with_a_loop_in_r(unit: str, weighted: bool) -> None:
    model = "y1.standardized.weighted" if weighted else "y1.standardized"
    whole = sample(COLUMNS, weighted, cluster=unit)
    wanted = golden(model, f"jackknife.{unit}").loc[list(DRIVERS)]
    covariance = jackknife(single(standardized), whole)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), wanted["std_error"], rtol=CLOSED)
    if unit == "store":
        found = estimate(single(standardized), whole)
        low, high = found.interval()
        assert found.method == "jackknife over clusters"
        table = pd.DataFrame(
            {
                "conf_high": high,
                "conf_low": low,
                "df": found.df,
                "estimate": found.values,
                "std_error": found.std_error,
            },
            index=list(DRIVERS),
        )
        pd.testing.assert_frame_equal(
            table, wanted[table.columns], check_names=False, check_dtype=False, rtol=CLOSED
        )


# ---- invariances -----------------------------------------------------------------------------


def test_repeated_respondents_add_no_information() -> None:
    """Every respondent twice, clustered by respondent: the errors of one copy each."""
    once = sample(COLUMNS)
    assert once.rows is not None
    rows, name = np.repeat(once.rows[""], 2, axis=0), np.repeat(np.arange(240), 2).astype(str)
    twice = Sample(COLUMNS, {"": Moments.from_rows(COLUMNS, rows)}, {"": rows}, None, {"": name})
    found = estimate(single(standardized), twice)
    plain = uncorrected(single(standardized), once)
    np.testing.assert_allclose(found.values, standardized(once.moments[""]), rtol=CLOSED)
    np.testing.assert_allclose(summed(single(standardized), twice), plain, rtol=CLOSED)
    # Each copy has half the leverage, so the correction is a little smaller than once.
    assert (found.std_error / plain > 1.0).all() and (found.std_error / plain < 1.1).all()
    # Taken for 480 respondents they would claim 1 / sqrt(2) of that.
    naive = estimate(single(standardized), replace(twice, clusters=None))
    assert (naive.std_error < 0.8 * found.std_error).all()


def test_weights_of_two_stand_for_nothing() -> None:
    plain = sample(COLUMNS)
    assert plain.rows is not None
    double = np.full(240, 2.0)
    parts = {"": Moments.from_rows(COLUMNS, plain.rows[""], double)}
    found = estimate(single(standardized), replace(plain, moments=parts, weights={"": double}))
    wanted = estimate(single(standardized), plain)
    np.testing.assert_allclose(found.values, wanted.values, rtol=CLOSED)
    np.testing.assert_allclose(found.covariance, wanted.covariance, rtol=CLOSED)


DESIGNS: dict[str, tuple[str | None, bool, bool]] = {
    "influence": (None, True, True),
    "clusters summed": ("team", True, True),
    "jackknife over clusters": ("store", True, True),
    "normal theory": (None, False, False),
}


@pytest.mark.parametrize("method", DESIGNS)
@pytest.mark.parametrize("factors", [(1e-6, 1e6, 1, 1e3, 1e-3), (1e8, 1, 1e-8, 1, 1)])
def test_units_of_columns_do_not_matter(method: str, factors: tuple[float, ...]) -> None:
    cluster, weighted, respondents = DESIGNS[method]
    plain = sample(COLUMNS, weighted, cluster)
    assert plain.rows is not None
    rows = plain.rows[""] * np.array(factors) + np.array([0, 5, 0, -1, 2])
    weight = plain.weights[""] if plain.weights else None
    scaled = replace(plain, moments={"": Moments.from_rows(COLUMNS, rows, weight)}, rows={"": rows})
    if not respondents:
        plain, scaled = replace(plain, rows=None), replace(scaled, rows=None)
    found, wanted = (estimate(single(standardized), one) for one in (scaled, plain))
    assert found.method == wanted.method == method
    # Adding 5 to a column of SD 1e-8 leaves 8 digits of its differences.
    shifted_away = 1e-6 if min(factors) < 1e-7 else 1e-8
    np.testing.assert_allclose(found.values, wanted.values, rtol=shifted_away)
    np.testing.assert_allclose(found.std_error, wanted.std_error, rtol=shifted_away)


def test_order_of_respondents_does_not_matter() -> None:
    plain = sample(COLUMNS, True, "store")
    assert plain.rows is not None and plain.weights is not None and plain.clusters is not None
    order = np.random.default_rng(1).permutation(240)
    rows, weight = plain.rows[""][order], plain.weights[""][order]
    mixed = Sample(
        COLUMNS,
        {"": Moments.from_rows(COLUMNS, rows, weight)},
        {"": rows},
        {"": weight},
        {"": plain.clusters[""][order]},
    )
    found, wanted = (estimate(single(standardized), one) for one in (mixed, plain))
    np.testing.assert_allclose(found.covariance, wanted.covariance, rtol=CLOSED)


# ---- refusals, intervals ---------------------------------------------------------------------


def test_influence_needs_respondents() -> None:
    with pytest.raises(DataError, match="need respondents"):
        influence(single(standardized), replace(sample(COLUMNS), rows=None))


def test_one_cluster_is_refused() -> None:
    whole = replace(sample(COLUMNS), clusters={"": np.full(240, "only")})
    with pytest.raises(DataError, match="only one cluster"):
        estimate(single(standardized), whole)


def test_a_group_within_one_cluster_is_refused() -> None:
    whole = sample(COLUMNS, cluster="store", by="sector")
    assert whole.clusters is not None
    goods = np.full(len(whole.clusters["goods"]), "s01")
    with pytest.raises(DataError, match="without one of its clusters the model cannot"):
        estimate(group_gap, replace(whole, clusters={**whole.clusters, "goods": goods}))


def test_intervals_p_values_and_combinations() -> None:
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    found = Estimate(np.array([0.5, -0.2]), covariance, 12.0, "influence")
    low, high = found.interval()
    reference = stats.t(12)
    # Two implementations of the t distribution.
    np.testing.assert_allclose(high - found.values, reference.ppf(0.975) * np.array([0.2, 0.3]))
    np.testing.assert_allclose(low + high, 2 * found.values)
    np.testing.assert_allclose(
        found.p_value(0.1), 2 * reference.sf(np.abs([0.4 / 0.2, -0.3 / 0.3]))
    )
    gap = found.combine(np.array([[1.0, -1.0]]))
    np.testing.assert_allclose(gap.values, [0.7])
    np.testing.assert_allclose(gap.std_error, [np.sqrt(0.04 + 0.09 - 2 * 0.01)])
    assert (gap.df, gap.method) == (12.0, "influence")


def test_unused_categories_have_no_influence() -> None:
    """A category nobody has: slope 0, error 0, and no nan anywhere."""
    whole = sample(("x1", *DUMMIES, "y1"))
    assert whole.rows is not None
    rows = whole.rows[""][whole.rows[""][:, 2] == 0]
    names = whole.columns
    part = Sample(names, {"": Moments.from_rows(names, rows)}, {"": rows})

    def function(moments: Moments) -> Array:
        return standardized_slopes(moments, "y1", names[:-1], frozenset(["x1"]))

    found = estimate(single(function), part)
    assert found.values[2] == 0
    assert found.std_error[2] == 0
    assert np.isfinite(found.covariance).all()
