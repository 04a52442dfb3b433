"""What a mixed model is held against before it is believed: least squares, group by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from loyalty_analysis.clusters import cr2
from loyalty_analysis.moments import Array
from loyalty_analysis.reml import Mixed

_SAME = 1e-6
"""Relative difference up to which two computations of one number are the same."""


class Slopes(NamedTuple):
    """Slopes of several terms with their errors."""

    values: Array
    std_error: Array
    df: Array


def cross_check(
    x: Array, y: Array, groups: Array, random: Sequence[int], found: Mixed
) -> list[str]:
    """Hold a mixed model against generalized and ordinary least squares; empty when it stands.

    Its slopes must be those of generalized least squares with the variances it reports, computed
    from the respondents; its likelihood must be the one these have, and not below that of a model
    without random part. statsmodels' MixedLM fails it where it returns a slope of exactly zero as
    ``converged`` (statsmodels issue 10239).

    Parameters
    ----------
    x, y, groups, random
        As in :func:`reml.fit_mixed`.
    found : Mixed
        From whichever program.

    Returns
    -------
    list of str
        What failed.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from loyalty_analysis.reml import fit_mixed
    >>> rng = np.random.default_rng(1)
    >>> groups = np.repeat(np.arange(10), 20)
    >>> x = np.column_stack([np.ones(200), rng.normal(size=10)[groups]])
    >>> y = x @ [1.0, 0.5] + rng.normal(size=200)
    >>> found = fit_mixed(x, y, groups)
    >>> cross_check(x, y, groups, [0], found)
    []
    >>> cross_check(x, y, groups, [0], replace(found, slopes=np.zeros(2)))
    ['its slopes are not those of generalized least squares with its variances']
    """
    slopes, likelihood = _generalized(x, y, groups, list(random), found.random, found.residual)
    nothing = np.zeros_like(found.random)
    residual = float(np.linalg.lstsq(x, y, rcond=None)[1][0]) / (len(y) - x.shape[1])
    least = _generalized(x, y, groups, list(random), nothing, residual)[1]
    problems = []
    scale = np.fmax(np.abs(slopes), found.std_error)
    if not (np.abs(found.slopes - slopes) <= _SAME * scale).all():
        problems.append("its slopes are not those of generalized least squares with its variances")
    if not abs(found.log_likelihood - likelihood) <= _SAME * max(1.0, abs(likelihood)):
        problems.append("its likelihood is not the one that its variances have")
    if not likelihood >= least - _SAME * max(1.0, abs(least)):
        problems.append("its likelihood is below that of no random part at all")
    return problems


def _generalized(
    x: Array, y: Array, groups: Array, random: list[int], covariance: Array, residual: float
) -> tuple[Array, float]:
    """Slopes by generalized least squares with known variances, and the restricted likelihood.

    The rows of each group are made independent: only the span of its random columns is changed.
    """
    size, directions = np.linalg.eigh(covariance / residual)
    root = directions * np.sqrt(np.maximum(size, 0))
    rows = np.column_stack([x, y])
    white, log_det = np.empty_like(rows), 0.0
    for group in np.unique(groups):
        inside = groups == group
        basis, stretch, _ = np.linalg.svd(rows[inside][:, random] @ root, full_matrices=False)
        inner = basis.T @ rows[inside]
        change = 1 / np.sqrt(1 + stretch**2) - 1
        white[inside] = rows[inside] + (basis * change) @ inner
        log_det += float(np.log1p(stretch**2).sum())
    q, r = np.linalg.qr(white[:, :-1])
    slopes = np.linalg.solve(r, q.T @ white[:, -1])
    rest = float(np.sum((white[:, -1] - white[:, :-1] @ slopes) ** 2))
    known = (len(y) - x.shape[1]) * np.log(2 * np.pi * residual) + log_det
    log_det_x = 2 * float(np.log(np.abs(np.diag(r))).sum())
    return slopes, -(known + log_det_x + rest / residual) / 2


def within_slopes(x: Array, y: Array, groups: Array) -> Slopes:
    """Slopes with a fixed effect for every group, errors clustered by group (CR2).

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Terms without intercept. Those that do not vary within groups get no number.
    y, groups : ndarray, shape (n,)

    References
    ----------
    Pustejovsky & Tipton (2018), theorem 2: taking fixed effects of the clusters out first leaves
    CR2 as it is. Checked against the regression with an indicator for every group.

    Examples
    --------
    >>> groups = np.array([0, 0, 0, 1, 1, 1])
    >>> x, y = np.array([1.0, 2.0, 4.0, 1.0, 3.0, 4.0]), np.array([1.0, 2.0, 4.0, 8.0, 9.0, 11.0])
    >>> within_slopes(np.column_stack([x, groups]), y, groups).values.round(2)
    array([0.96,  nan])
    """
    _, code = np.unique(groups, return_inverse=True)
    counts = np.bincount(code)

    def centred(column: Array) -> Array:
        return column - (np.bincount(code, column) / counts)[code]

    inner = np.column_stack([centred(column) for column in x.T])
    varies = (inner**2).sum(axis=0) > 1e-12 * ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    unknown = np.full(x.shape[1], np.nan)
    found = Slopes(unknown, unknown.copy(), unknown.copy())
    if varies.any():
        rows, left = inner[:, varies], centred(y)
        slopes = np.linalg.lstsq(rows, left, rcond=None)[0]
        errors = cr2(rows, left - rows @ slopes, groups)
        found.values[varies], found.df[varies] = slopes, errors.df
        found.std_error[varies] = np.sqrt(np.diag(errors.covariance))
    return found
