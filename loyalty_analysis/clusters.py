"""Bias-reduced cluster-robust errors (CR2): Satterthwaite degrees of freedom, Hotelling's test.

Everything is done with matrices as small as the number of columns, so that clusters of thousands
of respondents cost no more than small ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from loyalty_analysis.moments import Array

_MOST_WORK = 1e9
"""Multiplications up to which every pair of clusters enters the degrees of freedom of a test."""


@dataclass(frozen=True)
class ClusterErrors:
    """Covariance of the slopes and the degrees of freedom of each.

    Attributes
    ----------
    covariance : ndarray, shape (k, k)
    df : ndarray, shape (k,)
    clusters : int
        Number of clusters.
    """

    covariance: Array
    df: Array
    clusters: int


@dataclass(frozen=True)
class Wald:
    """A test that several combinations of slopes are zero: F on df1 and df2 degrees of freedom."""

    statistic: float
    df1: float
    df2: float

    @property
    def p_value(self) -> float:
        """Not a number where the degrees of freedom leave no test."""
        return float(fdtrc(self.df1, self.df2, self.statistic)) if self.df2 > 0 else np.nan


def cr2(
    x: Array,
    residuals: Array,
    clusters: Array,
    weights: Array | None = None,
    contrast: Array | None = None,
) -> ClusterErrors:
    """Compute CR2 covariance and Satterthwaite degrees of freedom of least-squares slopes.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Design matrix with its intercept column, of full rank.
    residuals : ndarray, shape (n,)
        ``y - x @ slopes`` of the (weighted) least-squares fit.
    clusters : ndarray, shape (n,)
        Cluster labels.
    weights : ndarray, shape (n,), optional
        Probability weights. The working model is equal variances, so the weights do not stand for
        inverse variances.
    contrast : ndarray, shape (q, k), optional
        Linear combinations of the slopes; the identity by default.

    Returns
    -------
    ClusterErrors

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28, 169-181; Pustejovsky & Tipton (2018), Journal of
    Business & Economic Statistics 36, 672-683, eqs. 8-11. Checked against clubSandwich.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.column_stack([np.ones(60), rng.normal(size=60)])
    >>> e = rng.normal(size=60)
    >>> e = e - x @ np.linalg.lstsq(x, e, rcond=None)[0]
    >>> cr2(x, e, np.repeat(np.arange(6), 10)).clusters
    6
    """
    chosen = np.eye(x.shape[1]) if contrast is None else contrast
    scores = _scores(x, residuals, clusters, weights, chosen)
    return ClusterErrors(scores.value.T @ scores.value, scores.satterthwaite(), len(scores.value))


def hotelling(
    x: Array,
    residuals: Array,
    clusters: Array,
    weights: Array | None,
    contrast: Array,
    values: Array,
) -> Wald:
    """Test that combinations of slopes are all zero, with CR2 errors of few clusters.

    The approximate Hotelling T-squared test (AHT, also HTZ): the CR2 covariance is taken as a
    Wishart matrix whose degrees of freedom match its total variance under independent, equal
    errors.

    Parameters
    ----------
    x, residuals, clusters, weights : ndarray
        As in :func:`cr2`.
    contrast : ndarray, shape (q, k)
    values : ndarray, shape (q,)
        ``contrast @ slopes``.

    Returns
    -------
    Wald
        ``df2`` is zero or negative, and there is no p value, where the clusters are too few for as
        many combinations; all but ``df1`` is not a number where the errors of some combination do
        not exist at all.

    References
    ----------
    Pustejovsky & Tipton (2018), section 3.2; Zhang (2013). Equal to ``Wald_test(test = "HTZ")`` of
    clubSandwich; where the pairs of clusters are too many to be counted (1e9 multiplications),
    those of two different clusters, which matter little then, are left out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.column_stack([np.ones(60), rng.normal(size=(60, 2))])
    >>> e = rng.normal(size=60)
    >>> slopes = np.linalg.lstsq(x, e, rcond=None)[0]
    >>> shops, both = np.repeat(np.arange(6), 10), np.eye(3)[1:]
    >>> test = hotelling(x, e - x @ slopes, shops, None, both, both @ slopes)
    >>> test.df1, round(test.df2, 1)
    (2.0, 3.1)
    """
    q = len(contrast)
    scores = _scores(x, residuals, clusters, weights, contrast)
    size, directions = np.linalg.eigh(scores.expected())
    nothing = Wald(np.nan, float(q), np.nan)
    if size[0] <= 1e-10 * size[-1]:
        return nothing
    white = scores.combined(directions / np.sqrt(size))
    df = q * (q + 1) / white.total_variance()
    if q > len(white.value) or df <= q - 1:
        return Wald(np.nan, float(q), df - q + 1)
    distance = (values @ directions) / np.sqrt(size)
    squared = float(distance @ np.linalg.solve(white.value.T @ white.value, distance))
    return Wald((df - q + 1) / df * squared / q, float(q), df - q + 1)


@dataclass(frozen=True)
class _Scores:
    """What each cluster adds to each combination, and the covariance of these under equal errors.

    Of clusters i and j it is ``own_i [i = j] - cross_i' shadow_j - shadow_i' cross_j``.
    """

    value: Array  # (clusters, q)
    own: Array  # (clusters, q, q)
    shadow: Array  # (clusters, k, q)
    cross: Array  # (clusters, k, q)

    def combined(self, matrix: Array) -> _Scores:
        own = matrix.T @ self.own @ matrix
        return _Scores(self.value @ matrix, own, self.shadow @ matrix, self.cross @ matrix)

    def satterthwaite(self) -> Array:
        df = np.empty(self.value.shape[1])
        for j in range(len(df)):
            products = self.cross[:, :, j] @ self.shadow[:, :, j].T
            products = np.diag(self.own[:, j, j]) - products - products.T
            df[j] = np.trace(products) ** 2 / np.sum(products**2)
        return df

    def expected(self) -> Array:
        """Covariance that these combinations have under independent, equal errors."""
        crossed = np.einsum("iks,ikt->st", self.cross, self.shadow)
        return self.own.sum(axis=0) - crossed - crossed.T

    def total_variance(self) -> float:
        """Sum of the variances of all entries of the sum of ``value value'``."""
        clusters, k, q = self.shadow.shape
        every = clusters**2 * q**2 * k <= _MOST_WORK
        total = 0.0
        for i in range(clusters):
            others = np.arange(clusters) if every else np.array([i])
            block = -np.einsum("ks,jkt->jst", self.cross[i], self.shadow[others], optimize=True)
            block -= np.einsum("ks,jkt->jst", self.shadow[i], self.cross[others], optimize=True)
            block[others == i] += self.own[i]
            total += np.sum(np.trace(block, axis1=1, axis2=2) ** 2)
            total += np.einsum("jst,jts->", block, block)
        return float(total)


def _scores(
    x: Array, residuals: Array, clusters: Array, weights: Array | None, contrast: Array
) -> _Scores:
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    weighted = x * w[:, None]
    bread = np.linalg.inv(x.T @ weighted)
    squares = weighted.T @ weighted
    middle = bread @ squares @ bread
    labels, code = np.unique(clusters, return_inverse=True)
    value, own, shadow, cross = [], [], [], []
    for number in range(len(labels)):
        inside = code == number
        adjusted = _adjust(x[inside], weighted[inside], bread, middle) @ bread @ contrast.T
        value.append(adjusted.T @ residuals[inside])
        own.append(adjusted.T @ adjusted)
        shadow.append(bread @ (x[inside].T @ adjusted))
        cross.append(weighted[inside].T @ adjusted - squares @ shadow[-1] / 2)
    return _Scores(*(np.array(part) for part in (value, own, shadow, cross)))


def _adjust(x: Array, weighted: Array, bread: Array, middle: Array) -> Array:
    """Apply the cluster's symmetric adjustment matrix to its weighted rows.

    The residual covariance of a cluster is the identity plus a change that lives in the span of
    ``[x, weighted]``: its inverse root is found there.
    """
    basis = _orthonormal(np.hstack([x, weighted]))
    a, b = basis.T @ x, basis.T @ weighted
    change = a @ middle @ a.T - a @ bread @ b.T - b @ bread @ a.T
    values, vectors = np.linalg.eigh(np.eye(len(change)) + change)
    # A direction the model fits exactly has no residual variance: it gets no weight.
    root = np.where(values > 1e-10, 1 / np.sqrt(np.maximum(values, 1e-300)), 0.0)
    inner = (vectors * root) @ vectors.T - np.eye(len(change))
    return weighted + basis @ (inner @ b)


def _orthonormal(columns: Array) -> Array:
    left, size, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, size > size[0] * 1e-10]
