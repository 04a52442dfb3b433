"""Bias-reduced cluster-robust errors (CR2) with Satterthwaite degrees of freedom.

Everything is done with matrices as small as the number of columns, so that clusters of thousands
of respondents cost no more than small ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyalty_analysis.moments import Array


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
    w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    weighted = x * w[:, None]
    bread = np.linalg.inv(x.T @ weighted)
    middle = bread @ (weighted.T @ weighted) @ bread
    chosen = np.eye(x.shape[1]) if contrast is None else contrast
    labels, code = np.unique(clusters, return_inverse=True)
    score, own, shadow, back = [], [], [], []
    for number in range(len(labels)):
        inside = code == number
        adjusted = _adjust(x[inside], weighted[inside], bread, middle) @ bread @ chosen.T
        score.append(adjusted.T @ residuals[inside])
        own.append(np.einsum("ij,ij->j", adjusted, adjusted))
        shadow.append(bread @ (x[inside].T @ adjusted))
        back.append(weighted[inside].T @ adjusted)
    meat = np.array(score)
    df = _satterthwaite(np.array(own), np.array(shadow), np.array(back), weighted.T @ weighted)
    return ClusterErrors(meat.T @ meat, df, len(labels))


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


def _satterthwaite(own: Array, shadow: Array, back: Array, squares: Array) -> Array:
    """Degrees of freedom of each combination under independent, equal errors."""
    df = np.empty(own.shape[1])
    for j in range(own.shape[1]):
        q, v = shadow[:, :, j], back[:, :, j]
        crossed = v @ q.T
        products = np.diag(own[:, j]) - crossed - crossed.T + q @ squares @ q.T
        df[j] = np.trace(products) ** 2 / np.sum(products**2)
    return df
