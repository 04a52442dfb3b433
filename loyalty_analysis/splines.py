"""Restricted cubic splines, and how well an equation predicts those it was not fitted to."""

from __future__ import annotations

import numpy as np

from loyalty_analysis.inference import Sample, pooled
from loyalty_analysis.moments import Array, Moments, collinear, shortage, slopes, still

_FOLDS = 10


def spline_knots(x: Array) -> Array:
    """Knots of a restricted cubic spline: five quantiles, or four of a score of few values.

    Parameters
    ----------
    x : ndarray
        Scores; five different values at least.

    Notes
    -----
    Quantiles .05, .275, .5, .725, .95 from ten different values on, else .05, .35, .65, .95
    (Harrell 2015, Regression Modeling Strategies, 2nd ed., table 2.3). Where so many share a score
    that quantiles coincide, those of the different values instead.

    Examples
    --------
    >>> spline_knots(np.repeat(np.arange(1.0, 8.0), 3)).round(2).tolist()
    [1.0, 3.0, 5.0, 7.0]
    """
    values = np.unique(x)
    at = np.linspace(0.05, 0.95, 5 if len(values) >= 10 else 4)
    knots = np.quantile(x, at)
    return knots if (np.diff(knots) > 0).all() else np.quantile(values, at)


def spline_basis(x: Array, knots: Array) -> Array:
    """Terms of a restricted cubic spline: the score itself, and cubes that are linear in the tails.

    Parameters
    ----------
    x : ndarray, shape (n,)
    knots : ndarray, shape (k,)
        Ascending.

    Returns
    -------
    ndarray, shape (n, k - 1)

    References
    ----------
    Durrleman & Simon (1989), Statistics in Medicine 8, 551-561. Equal to ``rcspline.eval`` of Hmisc
    in R with ``inclx = TRUE``.

    Examples
    --------
    >>> spline_basis(np.array([1.0, 3.0, 9.0]), np.array([2.0, 4.0, 6.0])).round(3)
    array([[1.   , 0.   ],
           [3.   , 0.062],
           [9.   , 7.5  ]])
    """
    first, before, last = knots[0], knots[-2], knots[-1]

    def cube(at: float) -> Array:
        return np.maximum(x - at, 0) ** 3

    bent = [
        cube(knot)
        - cube(before) * (last - knot) / (last - before)
        + cube(last) * (before - knot) / (last - before)
        for knot in knots[:-2]
    ]
    return np.column_stack([x, *(one / (last - first) ** 2 for one in bent)])


def folds(n: int, clusters: Array | None = None, seed: int = 1) -> Array:
    """Deal respondents, or whole clusters, out to ten folds.

    Examples
    --------
    >>> np.bincount(folds(25)).tolist()
    [3, 3, 3, 3, 3, 2, 2, 2, 2, 2]
    """
    names, which = np.unique(np.arange(n) if clusters is None else clusters, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % _FOLDS)[which.ravel()]


def decided(moments: Moments, terms: list[str]) -> bool:
    """Whether these respondents decide the slopes of an equation; who does not vary has none.

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0]])
    >>> decided(Moments.from_rows(["a", "b"], rows), ["a", "b"])
    False
    """
    flat = still(moments, terms) if terms else []
    kept = [term for term in terms if term not in flat]
    return not shortage(moments, kept) and not (kept and collinear(moments, kept))


def losses_left_out(sample: Sample, fold: Array) -> Array:
    """Squared error of predicting every respondent from those in other folds.

    Parameters
    ----------
    sample : Sample
        Terms, and the outcome last; respondents, not split into groups.
    fold : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
        Not a number where the other folds do not decide the equation.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 40)
    >>> rows = np.column_stack([x, 2 * x])
    >>> known = Sample(("x", "y"), {"": Moments.from_rows(("x", "y"), rows)}, {"": rows})
    >>> bool(losses_left_out(known, folds(40)).max() < 1e-12)
    True
    """
    assert sample.rows is not None
    rows = sample.rows[""]
    weights = np.ones(len(rows)) if sample.weights is None else sample.weights[""]
    parts = {
        str(k): Moments.from_rows(sample.columns, rows[fold == k], weights[fold == k])
        for k in np.unique(fold)
    }
    *terms, outcome = sample.columns
    losses = np.full(len(rows), np.nan)
    for k in parts if len(parts) > 1 else ():
        others = pooled({name: part for name, part in parts.items() if name != k})
        if decided(others, terms):
            own = rows[fold == int(k)] - others.mean
            errors = own[:, -1] - own[:, :-1] @ slopes(others, outcome, terms)
            losses[fold == int(k)] = errors**2
    return losses


def mean_loss(
    losses: Array, weights: Array | None = None, clusters: Array | None = None
) -> tuple[float, float]:
    """Weighted mean of losses, or of their differences, and its standard error.

    Respondents, or clusters, are taken as independent, though they share the data fitted to.

    Examples
    --------
    >>> mean_loss(np.array([1.0, 2.0, 3.0, 6.0]))
    (3.0, 1.0801234497346435)
    """
    share = np.ones(len(losses)) if weights is None else weights
    share = share / share.sum()
    mean = float(share @ losses)
    units = np.arange(len(losses)) if clusters is None else clusters
    which = np.unique(units, return_inverse=True)[1].ravel()
    sums = np.bincount(which, share * (losses - mean))
    return mean, float(np.sqrt(sums @ sums * len(sums) / (len(sums) - 1)))
