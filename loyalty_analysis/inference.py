"""Standard errors of any smooth function of Moments, by one mechanism.

A function of Moments is given once; its respondent-wise influence values follow by the delta
method on (weight, means, cross-products). Summed within clusters and weighted, they give robust
covariances. Few clusters use the jackknife over clusters; moments without respondents use normal
theory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from loyalty_analysis.errors import DataError
from loyalty_analysis.moments import Array, Moments

Function = Callable[[Mapping[str, Moments]], Array]
F = TypeVar("F", bound=Callable[..., Any])
FEW_CLUSTERS = 50
_STEP = 1e-30


def vectorized(function: F) -> F:
    """Mark a function of Moments that keeps leading dimensions: many samples in one call.

    Derivatives and resamples then take one call instead of one for each.

    Examples
    --------
    >>> means = vectorized(lambda groups: groups[""].mean)
    >>> is_vectorized(means), is_vectorized(len)
    (True, False)
    """
    function.vectorized = True  # type: ignore[attr-defined]
    return function


def is_vectorized(function: object) -> bool:
    """Whether a function was marked by :func:`vectorized`."""
    return getattr(function, "vectorized", False)


@dataclass(frozen=True)
class Sample:
    """Respondents of some columns, split into groups, or their moments alone.

    Attributes
    ----------
    columns : tuple of str
    moments : dict of str to Moments
        Moments of each group; a sample that is not split has one group, ``""``.
    rows : dict of str to ndarray, or None
        Respondents of each group, shape (n, k); None when only moments are known.
    weights, clusters : dict of str to ndarray
        Weight and cluster label of each respondent, where declared.
    """

    columns: tuple[str, ...]
    moments: dict[str, Moments]
    rows: dict[str, Array] | None = None
    weights: dict[str, Array] | None = None
    clusters: dict[str, Array] | None = None

    def __getitem__(self, names: Sequence[str]) -> Sample:
        """Select columns."""
        index = next(iter(self.moments.values())).index(names)
        rows = self.rows and {group: rows[:, index] for group, rows in self.rows.items()}
        moments = {group: part[names] for group, part in self.moments.items()}
        return replace(self, columns=tuple(names), moments=moments, rows=rows)

    @property
    def n(self) -> int:
        """Respondents in all groups."""
        return sum(part.n for part in self.moments.values())

    @property
    def pooled(self) -> Moments:
        """Moments of all groups together."""
        return pooled(self.moments)

    @property
    def cluster_names(self) -> Array:
        """Distinct cluster labels of all groups."""
        if self.clusters is None:
            return np.array([])
        return np.unique(np.concatenate(list(self.clusters.values())))


def pooled(groups: Mapping[str, Moments]) -> Moments:
    """Moments of several groups together.

    Examples
    --------
    >>> rows = np.array([[1.0], [3.0], [8.0]])
    >>> groups = {"a": Moments.from_rows(["x"], rows[:1]), "b": Moments.from_rows(["x"], rows[1:])}
    >>> pooled(groups).n, pooled(groups).mean
    (3, array([4.]))
    """
    first, *rest = groups.values()
    for part in rest:
        first = first + part
    return first


@dataclass(frozen=True)
class Estimate:
    """Values of a function of Moments with their covariance.

    Attributes
    ----------
    values : ndarray, shape (q,)
    covariance : ndarray, shape (q, q)
    df : float or ndarray, shape (q,)
        Degrees of freedom of the t interval.
    method : str
        ``influence``, ``clusters summed``, ``jackknife over clusters`` or ``normal theory``.
    """

    values: Array
    covariance: Array
    df: Array | float
    method: str

    @property
    def std_error(self) -> Array:
        """Standard errors."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))

    def combine(self, matrix: Array) -> Estimate:
        """Linear combinations ``matrix @ values``, with their covariance."""
        covariance = matrix @ self.covariance @ matrix.T
        return replace(self, values=matrix @ self.values, covariance=covariance)

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Two-sided t intervals: low ends and high ends."""
        from scipy.special import stdtrit

        half = stdtrit(self.df, 0.5 + level / 2) * self.std_error
        return self.values - half, self.values + half

    def p_value(self, null: float = 0.0) -> Array:
        """Two-sided p values of the null value."""
        with np.errstate(divide="ignore", invalid="ignore"):  # an exact fit has no error
            return t_p_value((self.values - null) / self.std_error, self.df)


def t_p_value(statistic: Array | float, df: Array | float) -> Array:
    """Two-sided p value of a t statistic.

    Examples
    --------
    >>> round(float(t_p_value(2.0, 10.0)), 4)
    0.0734
    """
    from scipy.special import stdtr

    return 2 * stdtr(df, -np.abs(statistic))


def gradient(function: Function, groups: Mapping[str, Moments], group: str) -> Gradient:
    """Differentiate a function of Moments by the complex step, exact to rounding.

    Parameters
    ----------
    function : callable
        Takes the moments of each group, returns an array of q values; it must use operations that
        are analytic (sums, products, ratios, roots, linear solves), not absolute values.
    groups : mapping of str to Moments
    group : str
        The group whose moments are varied.

    Returns
    -------
    Gradient

    References
    ----------
    Squire & Trapp (1998), SIAM Review 40, 110-112.

    Examples
    --------
    >>> groups = {"": Moments.from_rows(["x", "y"], np.array([[1.0, 2.0], [3.0, 5.0]]))}
    >>> gradient(lambda given: given[""].mean[:1] * given[""].mean[1:], groups, "").mean
    array([[3.5, 2. ]])
    """
    part = groups[group]
    k = len(part.columns)
    a, b = np.tril_indices(k)
    weight = np.full(1 + k + len(a), part.weight, dtype=complex)
    mean = np.tile(part.mean.astype(complex), (len(weight), 1))
    cross = np.tile(part.cross.astype(complex), (len(weight), 1, 1))
    weight[0] += 1j * _STEP
    mean[1 + np.arange(k), np.arange(k)] += 1j * _STEP
    pairs = 1 + k + np.arange(len(a))
    cross[pairs, a, b] = cross[pairs, b, a] = part.cross[a, b] + 1j * _STEP
    if is_vectorized(function):
        moved = function({**groups, group: replace(part, weight=weight, mean=mean, cross=cross)})
    else:
        steps = zip(weight, mean, cross, strict=True)
        each = (replace(part, weight=w, mean=m, cross=c) for w, m, c in steps)
        moved = np.array([function({**groups, group: one}) for one in each])
    slope = np.imag(moved) / _STEP
    # Half of the joint slope for each of the two equal entries off the diagonal.
    joint = slope[1 + k :] / np.where(a == b, 1, 2)[:, None]
    products = np.zeros((slope.shape[1], k, k))
    products[:, a, b] = products[:, b, a] = joint.T
    return Gradient(slope[0], slope[1 : 1 + k].T, products)


@dataclass(frozen=True)
class Gradient:
    """Slopes of q values in the weight (q,), the means (q, k) and the cross-products (q, k, k)."""

    weight: Array
    mean: Array
    cross: Array


def influence(function: Function, sample: Sample, correct: bool = True) -> dict[str, Array]:
    """Influence of each respondent on each value of a function of Moments.

    Parameters
    ----------
    function : callable
        See :func:`gradient`; it should not change when every weight is multiplied by one number.
    sample : Sample
        Must hold respondents.
    correct : bool
        Divide by one minus the respondent's leverage, which turns the infinitesimal jackknife into
        a close copy of the jackknife (as HC3 does for slopes).

    Returns
    -------
    dict of str to ndarray, shape (n, q)
        By group. Without correction they sum to zero.

    References
    ----------
    Hampel (1974), JASA 69, 383-393; MacKinnon & White (1985), J. Econometrics 29, 305-325 for the
    leverage correction.

    Examples
    --------
    >>> rows = np.array([[1.0], [2.0], [6.0]])
    >>> sample = Sample(("x",), {"": Moments.from_rows(["x"], rows)}, {"": rows})
    >>> influence(single(lambda moments: moments.mean), sample, correct=False)[""].ravel().round(2)
    array([-0.67, -0.33,  1.  ])
    """
    if sample.rows is None:
        raise DataError("influence values need respondents; this study is known by moments only.")
    found = {}
    for group, rows in sample.rows.items():
        part = sample.moments[group]
        slope = gradient(function, sample.moments, group)
        weights = np.ones(len(rows)) if sample.weights is None else sample.weights[group]
        centred = rows - part.mean
        values = (
            slope.weight + centred @ slope.mean.T / part.weight + _quadratic(centred, slope.cross)
        )
        values *= weights[:, None]
        if correct:
            values /= (1 - _leverage(centred, part, weights))[:, None]
        found[group] = values
    return found


def _quadratic(centred: Array, matrices: Array) -> Array:
    """Quadratic form of each row with each symmetric matrix, by one product for all matrices."""
    a, b = np.tril_indices(centred.shape[1])
    weights = matrices[:, a, b].T * np.where(a == b, 1, 2)[:, None]
    step = max(2**21 // len(a), 1)
    parts = [centred[at : at + step] for at in range(0, len(centred), step)]
    return np.concatenate([(part[:, a] * part[:, b]) @ weights for part in parts])


def _leverage(centred: Array, part: Moments, weights: Array) -> Array:
    size = np.sqrt(np.diag(part.cross))
    size = np.where(size > 0, size, 1.0)
    # In the correlation metric, so that the cut of pinv does not depend on the columns' units.
    inverse = np.linalg.pinv(part.cross / np.outer(size, size), hermitian=True)
    distance = np.einsum("ij,ij->i", (centred / size) @ inverse, centred / size)
    leverage = weights * (1 / part.weight + distance)
    # Whom a column singles out is fitted exactly: there is nothing left to correct.
    return np.where(leverage < 0.99, leverage, 0.0)


def estimate(function: Function, sample: Sample) -> Estimate:
    """Evaluate a function of Moments and find the covariance its data allow.

    Parameters
    ----------
    function : callable
        Takes a mapping of group to Moments, returns q values.
    sample : Sample

    Returns
    -------
    Estimate
        Respondents: influence values, t with n minus the number of columns. At least 50 clusters:
        influence values summed by cluster; fewer: the jackknife over clusters; both with t on the
        clusters minus one. Moments alone: normal theory.

    Notes
    -----
    Checked against lavaan (standardized solution: normal theory, robust, clustered, weighted) and
    a plain loop over clusters in R; coverage by simulation in the tests.

    Examples
    --------
    >>> rows = np.random.default_rng(1).normal(size=(200, 2))
    >>> sample = Sample(("x", "y"), {"": Moments.from_rows(("x", "y"), rows)}, {"": rows})
    >>> result = estimate(lambda groups: groups[""].correlation[0, 1:], sample)
    >>> result.method
    'influence'
    """
    values = np.asarray(function(sample.moments))
    if sample.rows is None:
        return Estimate(values, _normal_theory(function, sample), _residual_df(sample), NORMAL)
    if sample.clusters is None:
        rows = np.concatenate(list(influence(function, sample).values()))
        covariance = rows.T @ rows * (len(rows) / (len(rows) - 1))
        return Estimate(values, covariance, _residual_df(sample), "influence")
    count = len(sample.cluster_names)
    if count < 2:
        raise DataError("only one cluster in the analysis sample: errors cannot be clustered.")
    if count < FEW_CLUSTERS:
        covariance = jackknife(function, sample)
        return Estimate(values, covariance, count - 1, "jackknife over clusters")
    sums = _cluster_sums(influence(function, sample), sample)
    covariance = sums.T @ sums * (count / (count - 1))
    return Estimate(values, covariance, count - 1, "clusters summed")


NORMAL = "normal theory"


def _residual_df(sample: Sample) -> float:
    return float(sample.n - len(sample.columns) * len(sample.moments))


def _cluster_sums(values: dict[str, Array], sample: Sample) -> Array:
    assert sample.clusters is not None
    labels = np.concatenate([sample.clusters[group] for group in values])
    _, code = np.unique(labels, return_inverse=True)
    rows = np.concatenate(list(values.values()))
    sums = np.zeros((code.max() + 1, rows.shape[1]))
    np.add.at(sums, code, rows)
    return sums


def jackknife(function: Function, sample: Sample) -> Array:
    """Covariance of a function of Moments by leaving out one cluster at a time.

    Returns
    -------
    ndarray, shape (q, q)
        ``(G - 1) / G`` times the cross-products of the G leave-one-out values about their mean.

    References
    ----------
    Shao & Tu (1995), The Jackknife and Bootstrap, section 2.1, with clusters as the units.

    Examples
    --------
    >>> rows, shops = np.array([[1.0], [3.0], [4.0], [8.0]]), np.array(["a", "a", "b", "b"])
    >>> sample = Sample(
    ...     ("x",), {"": Moments.from_rows(["x"], rows)}, {"": rows}, clusters={"": shops}
    ... )
    >>> jackknife(single(lambda moments: moments.mean), sample)
    array([[4.]])
    """
    parts = {group: _by_cluster(sample, group) for group in sample.moments}
    values = np.array([_leave_out(function, parts, name) for name in sample.cluster_names])
    centred = values - values.mean(axis=0)
    return centred.T @ centred * ((len(values) - 1) / len(values))


def _by_cluster(sample: Sample, group: str) -> dict[object, Moments]:
    assert sample.rows is not None and sample.clusters is not None
    labels, rows = sample.clusters[group], sample.rows[group]
    weights = None if sample.weights is None else sample.weights[group]
    return {
        name: Moments.from_rows(
            sample.columns,
            rows[labels == name],
            None if weights is None else weights[labels == name],
        )
        for name in np.unique(labels)
    }


def _leave_out(function: Function, parts: dict[str, dict[object, Moments]], name: object) -> Array:
    rest = {
        group: {str(label): part for label, part in cells.items() if label != name}
        for group, cells in parts.items()
    }
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            # A group that is gone with its cluster stops only who asks for it.
            left = {group: pooled(cells) for group, cells in rest.items() if cells}
            values = np.asarray(function(left))
    except (np.linalg.LinAlgError, KeyError, ValueError):
        values = np.array([np.nan])
    if np.isfinite(values).all():
        return values
    raise DataError(
        "without one of its clusters the model cannot be estimated, so its errors cannot be "
        "clustered: a group or a column lives in that cluster alone. Take it out of the model, "
        "or merge the cluster with another."
    )


def _normal_theory(function: Function, sample: Sample) -> Array:
    """Delta method under multivariate normality, scaled by n / residual df.

    Cov(S_ab, S_cd) = (S_ac S_bd + S_ad S_bc) / n (Anderson 2003, theorem 3.4.4).
    """
    total = None
    for group, part in sample.moments.items():
        slope = gradient(function, sample.moments, group)
        spread = part.cross / part.weight
        mean = slope.mean @ spread @ slope.mean.T
        scaled = np.einsum("qab,bc->qac", slope.cross * part.weight, spread)
        products = 2 * np.einsum("qab,rba->qr", scaled, scaled)
        here = (mean + products) / part.n
        total = here if total is None else total + here
    assert total is not None
    return total * sample.n / _residual_df(sample)


def single(function: Callable[[Moments], Array]) -> Function:
    """Turn a function of one Moments into one of a sample that is not split into groups.

    Examples
    --------
    >>> groups = {"": Moments.from_rows(["x"], np.array([[1.0], [3.0]]))}
    >>> single(lambda moments: moments.mean)(groups)
    array([2.])
    """

    def of_one(groups: Mapping[str, Moments]) -> Array:
        return function(groups[""])

    return vectorized(of_one) if is_vectorized(function) else of_one
