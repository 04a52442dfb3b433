"""Moments: counts, means and centred cross-products, the narrow waist of the whole analysis.

Everything with a closed form (slopes, correlations, indirect effects, shares) is a function of
Moments, so a printed correlation table is enough input. Moments of parts merge by addition. Arrays
may have leading dimensions, the moments of many samples at once: derivatives and resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from loyalty_analysis.errors import CollinearError, DataError

Array = np.ndarray[Any, np.dtype[Any]]
# Share of a column's variance that must be its own, 1e-5 of its length. R's lm asks 1e-7 of the
# length; but it works on the columns, while rounding enters cross-products as a share of 1e-14 or
# more. At this bound slopes still have four digits.
TOLERANCE = 1e-10
ARRAYS = ("n", "weight", "weight_squared", "mean", "cross")
SMALLEST, LARGEST = 1e-50, 1e50
"""Sizes of numbers that can be calculated with: their fourth powers are numbers too."""


P = ParamSpec("P")
R = TypeVar("R")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function use one BLAS thread.

    The matrices are small: BLAS threads gain nothing, and where other work shares the cores they
    wait for each other, many times longer than they compute.
    """

    @wraps(function)
    def limited(*arguments: P.args, **options: P.kwargs) -> R:
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*arguments, **options)

    return limited


@dataclass(frozen=True)
class Moments:
    """Counts, means and centred cross-products of columns.

    Attributes
    ----------
    columns : tuple of str
        Names, in the order of the arrays.
    n : int
        Respondents.
    weight, weight_squared : float
        Sum of the weights and of their squares (``n`` and ``n`` without weights).
    mean : ndarray, shape (k,)
        Weighted means.
    cross : ndarray, shape (k, k)
        Weighted sums of products of deviations from the means.

    All but the columns may have leading dimensions: the moments of many samples at once.

    Notes
    -----
    Merging uses the pairwise update of Chan, Golub & LeVeque (1983, The American Statistician 37,
    eq. 2.1). Checked against long-double arithmetic on columns with mean 1e6 and SD 1.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0, 7.0]})
    >>> moments = Moments.from_frame(frame)
    >>> merged = Moments.from_frame(frame[:1]) + Moments.from_frame(frame[1:])
    >>> bool(np.allclose(merged.cross, moments.cross))
    True
    """

    columns: tuple[str, ...]
    n: Any
    weight: Any
    weight_squared: Any
    mean: Array
    cross: Array

    @classmethod
    def from_rows(
        cls, columns: Sequence[str], rows: Array, weights: Array | None = None
    ) -> Moments:
        """Compute moments of the rows of an array, one row per respondent."""
        n = len(rows)
        weight = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
        total = float(weight.sum())
        if n == 0:
            k = len(columns)
            return cls(tuple(columns), 0, 0.0, 0.0, np.zeros(k), np.zeros((k, k)))
        # Two shifts: the first row removes the bulk, the mean of the rest removes what is left.
        shifted = rows - rows[0]
        offset = weight @ shifted / total
        centred = shifted - offset
        rest = weight @ centred / total
        cross = (centred * weight[:, None]).T @ centred - total * np.outer(rest, rest)
        squared = float(weight @ weight)
        return cls(tuple(columns), n, total, squared, rows[0] + (offset + rest), cross)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, weights: Array | None = None) -> Moments:
        """Compute moments of every column of a complete numeric frame."""
        return cls.from_rows(list(frame.columns), frame.to_numpy(dtype=float), weights)

    def __add__(self, other: Moments) -> Moments:
        """Merge the moments of two sets of respondents."""
        if np.ndim(self.n) == np.ndim(other.n) == 0 and not self.n * other.n:
            return other if self.n == 0 else self
        if self.columns != other.columns:
            raise DataError(f"moments of {self.columns} and {other.columns} cannot be merged.")
        weight = np.asarray(self.weight + other.weight)
        gap = other.mean - self.mean
        shared = np.asarray(self.weight * other.weight / weight)[..., None, None]
        between = gap[..., :, None] * gap[..., None, :] * shared
        return Moments(
            self.columns,
            self.n + other.n,
            weight[()],
            self.weight_squared + other.weight_squared,
            self.mean + gap * (other.weight / weight)[..., None],
            self.cross + other.cross + between,
        )

    def __getitem__(self, names: Sequence[str]) -> Moments:
        """Select columns."""
        index = self.index(names)
        cross = self.cross[..., np.array(index)[:, None], index]
        return replace(self, columns=tuple(names), mean=self.mean[..., index], cross=cross)

    def some(self, which: slice | int) -> Moments:
        """Some of many samples: a slice of the leading dimension, or one of them."""
        return Moments(self.columns, *(getattr(self, name)[which] for name in ARRAYS))

    def index(self, names: Sequence[str]) -> list[int]:
        """Positions of columns; an unknown name is an error."""
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise DataError(f"moments have no column {', '.join(unknown)}.")
        return [self.columns.index(name) for name in names]

    def linear(self, matrix: Array, names: Sequence[str], offset: Array | float = 0.0) -> Moments:
        """Moments of linear combinations: ``matrix @ columns + offset``.

        So the moments of scores follow from those of items.
        """
        cross = matrix @ self.cross @ matrix.T
        mean = matrix @ self.mean + offset
        return replace(self, columns=tuple(names), mean=mean, cross=cross)

    @property
    def covariance(self) -> Array:
        """Covariances; weights scaled to sum to n, divisor n - 1."""
        scale = np.asarray(self.n / (self.n - 1) / self.weight)
        return self.cross * scale[..., None, None]

    @property
    def sd(self) -> Array:
        """Standard deviations, divisor n - 1."""
        return np.sqrt(np.diagonal(self.covariance, axis1=-2, axis2=-1))

    @property
    def size(self) -> Array:
        """Roots of the sums of squares: SDs up to a factor that all columns share."""
        return np.sqrt(np.diagonal(self.cross, axis1=-2, axis2=-1))

    @property
    def correlation(self) -> Array:
        """Correlations."""
        return self.cross / (self.size[..., :, None] * self.size[..., None, :])

    @property
    def effective_n(self) -> float:
        """Kish's effective number of respondents, (sum w)^2 / sum w^2."""
        return float(self.weight**2 / self.weight_squared)


def slopes(moments: Moments, outcome: str, terms: Sequence[str]) -> Array:
    """Least-squares slopes of an outcome on terms, intercept included.

    Parameters
    ----------
    moments : Moments
        Holds the outcome and every term.
    outcome : str
    terms : sequence of str

    Returns
    -------
    ndarray, shape (len(terms),)
        Raw slopes, in units of the outcome per unit of the term.

    Examples
    --------
    >>> moments = Moments.from_frame(pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [3.0, 5.0, 7.0]}))
    >>> slopes(moments, "y", ["x"])
    array([2.])
    """
    y = moments.index([outcome])[0]
    found, varies = _solved(moments, terms, moments.cross[..., y : y + 1])
    short = np.asarray(moments.n <= varies.sum(axis=-1))
    if short.ndim == 0 and short:
        raise np.linalg.LinAlgError(f"{moments.n} respondents for {varies.sum() + 1} parameters")
    return np.where(short[..., None], np.nan, found[..., 0]) if short.any() else found[..., 0]


def _solved(moments: Moments, terms: Sequence[str], cross: Array) -> tuple[Array, Array]:
    """Slopes on the terms of columns given by their cross-products; which terms vary."""
    index = np.array(moments.index(terms), dtype=int)
    spread = np.diagonal(moments.cross, axis1=-2, axis2=-1)[..., index]
    # A category that nobody here has (its column is constant) gets the slope 0.
    varies = spread.real > 0
    # Solving in the correlation metric keeps columns of very different size apart.
    root = np.sqrt(np.where(varies, spread, 1))
    x = moments.cross[..., index[:, None], index]
    scaled = x / (root[..., :, None] * root[..., None, :]) + ~varies[..., None] * np.eye(len(index))
    shared = cross[..., index, :] * (varies / root)[..., None]
    if scaled.ndim == 2:
        return _one_solved(scaled, shared, terms) / root[:, None], varies
    # In one of many samples terms may be collinear: its slopes are rounding, not numbers.
    inverse = np.linalg.inv(scaled)
    own = np.diagonal(inverse, axis1=-2, axis2=-1).real
    known = np.asarray(((own > 0) & (own < 1 / TOLERANCE)).all(axis=-1))
    return np.where(known[..., None, None], inverse @ shared / root[..., None], np.nan), varies


def _one_solved(scaled: Array, shared: Array, terms: Sequence[str]) -> Array:
    """Solve for one sample, where indicators of a category may have come to say the same.

    Without a cluster that alone holds a category's first level, the others add up to one. What
    else is in the equation is told all the same; a term that is not becomes not a number.
    """
    if np.iscomplexobj(scaled):
        return np.linalg.solve(scaled, shared)
    size, vectors = np.linalg.eigh(scaled)
    null = vectors[:, size <= TOLERANCE]
    if not null.size:
        return np.linalg.solve(scaled, shared)
    kept = vectors[:, size > TOLERANCE]
    found = kept @ ((kept.T @ shared) / size[size > TOLERANCE, None])
    # Of a category only differences between levels that are there mean anything.
    construct = np.array(["[" not in term for term in terms])
    found[construct & (np.abs(null).max(axis=1) > 1e-6)] = np.nan
    return found


def residuals(moments: Moments, columns: Sequence[str], terms: Sequence[str]) -> Moments:
    """Moments of what terms leave unexplained of columns: their residuals, means of zero.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 1.0, 4.0, 3.0]})
    >>> residuals(Moments.from_frame(frame), ["y"], ["x"]).cross.round(2)
    array([[3.2]])
    """
    chosen = moments[columns]
    if not terms:
        return chosen
    index = np.array(moments.index(columns))
    shared = moments.cross[..., index]
    given = shared[..., np.array(moments.index(terms)), :]
    cross = chosen.cross - _turned(_solved(moments, terms, shared)[0]) @ given
    return replace(chosen, mean=np.zeros_like(chosen.mean), cross=(cross + _turned(cross)) / 2)


def _turned(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def standardized_slopes(
    moments: Moments, outcome: str, terms: Sequence[str], scaled: frozenset[str]
) -> Array:
    """Slopes in SDs of the outcome per SD of the term; unscaled terms (categories) per unit.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [30.0, 50.0, 70.0]})
    >>> standardized_slopes(Moments.from_frame(frame), "y", ["x"], frozenset({"x"}))
    array([1.])
    """
    # cross is W times the variance for every column alike, so only ratios of its roots matter,
    # except for unscaled terms, whose unit is the answer itself.
    size = moments[[*terms, outcome]].size
    unit = np.sqrt(np.asarray(moments.weight * (moments.n - 1) / moments.n))[..., None]
    factor = np.where([term in scaled for term in terms], size[..., :-1], unit)
    return slopes(moments, outcome, terms) * factor / size[..., -1:]


def r_squared(moments: Moments, outcome: str, terms: Sequence[str]) -> float:
    """Share of the outcome's variance that the terms account for.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 1.0, 4.0, 3.0]})
    >>> round(r_squared(Moments.from_frame(frame), "y", ["x"]), 4)
    0.36
    """
    x, y = moments.index(terms), moments.index([outcome])[0]
    return float(slopes(moments, outcome, terms) @ moments.cross[x, y] / moments.cross[y, y])


def variance_inflation(moments: Moments, terms: Sequence[str]) -> Array:
    """Variance inflation factors: the diagonal of the inverse correlations of the terms.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [2.0, 1.0, 4.0, 3.0]})
    >>> variance_inflation(Moments.from_frame(frame), ["a", "b"]).round(4)
    array([1.5625, 1.5625])
    """
    return np.diag(np.linalg.inv(moments[terms].correlation))


def shortage(moments: Moments, terms: Sequence[str]) -> str:
    """Say that an equation has fewer respondents than parameters; empty when it has enough.

    Examples
    --------
    >>> shortage(Moments.from_frame(pd.DataFrame({"x": [1.0, 2.0]})), ["x"])
    '2 respondents for 2 parameters. Use fewer terms or more respondents.'
    """
    if moments.n > len(terms) + 1:
        return ""
    return (
        f"{moments.n} respondents for {len(terms) + 1} parameters. "
        "Use fewer terms or more respondents."
    )


def refuse_collinear(moments: Moments, terms: Sequence[str], where: str) -> None:
    """Raise when a term is constant, or a combination of the others.

    Raises
    ------
    CollinearError
        Naming the columns that carry the same information.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 5.0, 5.0]})
    >>> refuse_collinear(Moments.from_frame(frame), ["a", "b"], "quality")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.CollinearError: quality: b does not vary in the analysis sample; ...
    """
    if constant := still(moments, terms):
        raise CollinearError(
            f"{where}: {', '.join(constant)} does not vary in the analysis sample; "
            "take it out of the model."
        )
    if shared := collinear(moments, terms):
        raise CollinearError(
            f"{where}: {', '.join(shared)} are collinear (they carry the same information); "
            "take one of them out of the model."
        )


def still(moments: Moments, columns: Sequence[str]) -> list[str]:
    """Name the columns that do not vary, or so little beside their mean that it is rounding.

    Examples
    --------
    >>> still(Moments.from_frame(pd.DataFrame({"a": [1.0, 2, 3], "b": [5.0, 5, 5]})), ["a", "b"])
    ['b']
    """
    chosen = moments[columns]
    spread = np.sqrt(np.diag(chosen.cross) / chosen.weight)
    floor = 1e-12 * np.abs(chosen.mean)
    return [c for c, s, f in zip(columns, spread, floor, strict=True) if s <= f]


def collinear(moments: Moments, terms: Sequence[str]) -> list[str]:
    """Name the columns of which one is a combination of the others; none of them constant.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [2.0, 4, 6, 8], "c": [1.0, 0, 0, 1]})
    >>> collinear(Moments.from_frame(frame), ["a", "b", "c"])
    ['a', 'b']
    """
    shares = _own_shares(moments[terms].correlation)
    return [term for term, share in zip(terms, shares, strict=True) if share < TOLERANCE]


def _own_shares(correlation: Array) -> Array:
    """Share of each column's variance that no combination of the others accounts for."""
    values, vectors = np.linalg.eigh(correlation)
    # Rounding can leave the eigenvalue of an exact combination at zero or below.
    return 1 / (vectors**2 @ (1 / np.maximum(values, np.finfo(float).eps)))
