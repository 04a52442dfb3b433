"""Mixed models by restricted maximum likelihood: intercepts and slopes that vary over groups.

Everything follows from the cross-products of each group, so that large groups cost no more than
small ones, and variances of zero need no special case. statsmodels' MixedLM says ``converged`` far
below the maximum (see the tests), and returns slopes of exactly zero where a variance vanishes
(statsmodels issue 10239).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from loyalty_analysis.errors import DataError
from loyalty_analysis.moments import Array

_STEP = 1e-30


@dataclass(frozen=True)
class Mixed:
    """A mixed model of greatest restricted likelihood.

    Attributes
    ----------
    slopes, std_error, df : ndarray, shape (p,)
        Fixed part, with Satterthwaite degrees of freedom.
    random : ndarray, shape (q, q)
        Covariance of the random part over groups.
    residual : float
        Variance within groups.
    log_likelihood : float
        Restricted.
    """

    slopes: Array
    std_error: Array
    df: Array
    random: Array
    residual: float
    log_likelihood: float


def fit_mixed(
    x: Array, y: Array, groups: Array, random: Sequence[int] = (0,), full: bool = False
) -> Mixed:
    """Fit ``y = x b + x[random] u + e`` with u normal over groups, e normal, by REML.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Fixed part with its intercept column, of full rank.
    y : ndarray, shape (n,)
    groups : ndarray, shape (n,)
        Group labels.
    random : sequence of int
        Columns of x whose slopes vary over groups.
    full : bool
        Let random slopes correlate; else they are independent.

    Returns
    -------
    Mixed

    Raises
    ------
    DataError
        When the likelihood has no maximum that can be found.

    References
    ----------
    Bates, Maechler, Bolker & Walker (2015), Journal of Statistical Software 67(1), eqs. 38-42 for
    the likelihood; Kuznetsova, Brockhoff & Christensen (2017), Journal of Statistical Software
    82(13), section 2.3 for the degrees of freedom. Checked against lme4 and lmerTest.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> groups = np.repeat(np.arange(20), 30)
    >>> x = np.column_stack([np.ones(600), rng.normal(size=600)])
    >>> y = (x @ [1.0, 0.5]) + 0.5 * rng.normal(size=20)[groups] + rng.normal(size=600)
    >>> found = fit_mixed(x, y, groups)
    >>> found.slopes.round(1), np.sqrt(np.diag(found.random)).round(1)
    (array([1. , 0.6]), array([0.4]))
    """
    likelihood = _Likelihood(_products(x, y, groups), tuple(random), full, x.shape[1], len(y))
    theta = likelihood.highest()
    parameters = np.append(theta, np.log(likelihood.variance(theta)))
    # An even function of a spread of zero: its variance does not move the errors there.
    spread = 2 * np.linalg.pinv(_curvature(likelihood.deviance, parameters), hermitian=True)
    moved = _gradient(likelihood.variances, parameters)
    found = likelihood.variances(parameters)
    with np.errstate(divide="ignore"):
        df = 2 * found**2 / np.einsum("ja,jk,ka->a", moved, spread, moved)
    factor, residual = likelihood.factor(theta), float(np.exp(parameters[-1]))
    return Mixed(
        likelihood.slopes(theta), np.sqrt(found), df, residual * factor @ factor.T, residual,
        -float(likelihood.deviance(parameters)) / 2,
    )  # fmt: skip


def _products(x: Array, y: Array, groups: Array) -> Array:
    """Cross-products of the columns of x, and y, in each group."""
    order = np.argsort(groups, kind="stable")
    rows = np.column_stack([x, y])[order]
    first = np.unique(groups[order], return_index=True)[1][1:]
    return np.array([part.T @ part for part in np.split(rows, first)])


@dataclass(frozen=True)
class _Likelihood:
    """The restricted likelihood as a function of theta, the entries of a factor of the covariance.

    Relative to the residual variance, as in lme4. Arrays may have leading dimensions.
    """

    products: Array
    random: tuple[int, ...]
    full: bool
    p: int
    n: int

    @property
    def entries(self) -> tuple[Array, Array]:
        q = len(self.random)
        rows, columns = np.tril_indices(q) if self.full else np.diag_indices(q)
        return rows, columns

    def factor(self, theta: Array) -> Array:
        q = len(self.random)
        matrix = np.zeros((*theta.shape[:-1], q, q), dtype=theta.dtype)
        matrix[..., *self.entries] = theta
        return matrix

    def parts(self, theta: Array) -> tuple[Array, Array]:
        """Log determinants of the groups, and what is left of all products."""
        factor = self.factor(theta)[..., None, :, :]
        turned = np.swapaxes(factor, -1, -2)
        rows = self.products[:, self.random]
        inner = turned @ rows[..., self.random] @ factor + np.eye(len(self.random))
        shared = turned @ rows
        left = self.products - np.swapaxes(shared, -1, -2) @ np.linalg.solve(inner, shared)
        return _log_det(inner).sum(axis=-1), left.sum(axis=-3)

    def slopes(self, theta: Array) -> Array:
        left = self.parts(theta)[1]
        return np.linalg.solve(left[..., :-1, :-1], left[..., :-1, -1:])[..., 0]

    def rest(self, left: Array) -> Array:
        """Weighted sum of squares around the fixed part."""
        slopes = np.linalg.solve(left[..., :-1, :-1], left[..., :-1, -1:])
        return left[..., -1, -1] - (left[..., -1:, :-1] @ slopes)[..., 0, 0]

    def variance(self, theta: Array) -> Array:
        return self.rest(self.parts(theta)[1]) / (self.n - self.p)

    def profile(self, theta: Array) -> Array:
        """Deviance at the best residual variance."""
        dets, left = self.parts(theta)
        known = np.log(2 * np.pi * self.rest(left) / (self.n - self.p))
        return dets + _log_det(left[..., :-1, :-1]) + (self.n - self.p) * (1 + known)

    def deviance(self, parameters: Array) -> Array:
        """Minus twice the restricted log-likelihood of theta and the log residual variance."""
        theta, log_variance = parameters[..., :-1], parameters[..., -1]
        dets, left = self.parts(theta)
        dets = dets + _log_det(left[..., :-1, :-1])
        known = np.log(2 * np.pi) + log_variance
        return dets + (self.n - self.p) * known + self.rest(left) / np.exp(log_variance)

    def variances(self, parameters: Array) -> Array:
        """Squared standard errors of the slopes."""
        left = self.parts(parameters[..., :-1])[1]
        inverse = np.linalg.inv(left[..., :-1, :-1])
        diagonal = np.diagonal(inverse, axis1=-2, axis2=-1)
        return np.exp(parameters[..., -1:]) * diagonal

    def highest(self) -> Array:
        """Theta of the greatest likelihood; refuse when none is found."""
        from scipy.optimize import minimize

        rows, columns = self.entries
        size = np.diagonal(self.products, axis1=1, axis2=2).sum(axis=0) / self.n
        # Random parts that each account for some of the variance, whatever the columns' units.
        start = np.where(rows == columns, 0.3 / np.sqrt(size[list(self.random)])[rows], 0.0)
        found = minimize(
            self.profile, start, jac=lambda theta: _gradient(self.profile, theta),
            hess=lambda theta: _curvature(self.profile, theta), method="trust-exact",
            options={"gtol": 1e-5 * np.sqrt(self.n), "maxiter": 500},
        )  # fmt: skip
        theta, gain = found.x, np.inf
        # There values of the likelihood differ by rounding only; its derivatives still tell.
        for _ in range(5):
            slope, curve = _gradient(self.profile, theta), _curvature(self.profile, theta)
            step = np.linalg.pinv(curve, rcond=1e-10, hermitian=True) @ slope
            theta, gain = theta - step, float(slope @ step)
        bends = np.linalg.eigvalsh(curve)
        if not abs(gain) < 1e-8 or bends[0] < -1e-6 * bends[-1]:
            raise DataError("the likelihood of the mixed model has no maximum that can be found")
        return theta


def _log_det(matrix: Array) -> Array:
    sign, size = np.linalg.slogdet(matrix)
    return size + np.log(sign) if np.iscomplexobj(matrix) else size


def _gradient(function: Callable[[Array], Array], at: Array) -> Array:
    """Derivatives by the complex step, exact to rounding: one row for each parameter."""
    return np.imag(function(at + 1j * _STEP * np.eye(len(at)))) / _STEP


def _curvature(function: Callable[[Array], Array], at: Array) -> Array:
    """Second derivatives: differences of exact first ones."""
    k, h = len(at), 1e-4
    shifted = at + h * np.stack([np.eye(k), -np.eye(k)])[:, :, None]
    up, down = np.imag(function(shifted + 1j * _STEP * np.eye(k))) / _STEP
    return (up - down + (up - down).T) / (4 * h)
