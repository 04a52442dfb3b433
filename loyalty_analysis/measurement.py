"""What the items of a construct say about each other, from their moments."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import chdtrc, fdtri, ndtri

from loyalty_analysis.errors import DataError
from loyalty_analysis.moments import Array, Moments, collinear


def cronbach_alpha(covariance: Array) -> Any:
    """Cronbach's alpha from the covariances of items that point the same way.

    Of correlations it is the standardized alpha; for two items that is Spearman-Brown's coefficient
    (Eisinga, te Grotenhuis & Pelzer 2013, Int. J. Public Health 58, 637-642).

    Examples
    --------
    >>> round(float(cronbach_alpha(np.array([[1.0, 0.5], [0.5, 1.0]]))), 4)
    0.6667
    """
    k = len(covariance)
    return k / (k - 1) * (1 - np.trace(covariance) / covariance.sum())


def feldt_interval(alpha: float, n: float, items: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of alpha under normality.

    Parameters
    ----------
    alpha : float
    n : float
        Respondents.
    items : int
    level : float

    Returns
    -------
    tuple of float
        Low and high end: (1 - alpha) / (1 - population alpha) has the F distribution with
        (n - 1)(items - 1) and n - 1 degrees of freedom.

    References
    ----------
    Feldt, Woodruff & Salih (1987), Applied Psychological Measurement 11, 93-103.

    Examples
    --------
    >>> [round(end, 3) for end in feldt_interval(0.8, 200, 4)]
    [0.751, 0.842]
    """
    tail = (1 - level) / 2
    df = n - 1, (n - 1) * (items - 1)
    low, high = (1 - (1 - alpha) * float(fdtri(*df, p)) for p in (1 - tail, tail))
    return low, high


def alpha_if_dropped(covariance: Array) -> Array:
    """Alpha of the other items, item by item; not a number where one item would be left.

    Examples
    --------
    >>> alpha_if_dropped(np.array([[1, 0.5, 0.2], [0.5, 1, 0.2], [0.2, 0.2, 1]])).round(3)
    array([0.333, 0.333, 0.667])
    """
    k = len(covariance)
    if k < 3:
        return np.full(k, np.nan)
    kept = [np.delete(np.arange(k), item) for item in range(k)]
    return np.array([cronbach_alpha(covariance[np.ix_(rest, rest)]) for rest in kept])


def omega(loadings: Array, total: float) -> float:
    """Share of the variance of the sum of the items that their factor accounts for.

    Parameters
    ----------
    loadings : ndarray, shape (items,)
        In units of the items, the factor's variance 1.
    total : float
        Variance of the sum of the items: observed (divisor n), or as the model has it, which is
        ``loadings.sum() ** 2`` and the sum of the error covariances.

    References
    ----------
    McDonald (1999), Test Theory, eq. 6.20; both totals as semTools::compRelSEM.

    Examples
    --------
    >>> round(omega(np.array([0.7, 0.8, 0.6]), 2.1**2 + 1.51), 4)
    0.7449
    """
    return float(loadings.sum() ** 2 / total)


def composite_reliability(loadings: Array) -> float:
    """Omega of standardized items, from standardized loadings.

    References
    ----------
    Fornell & Larcker (1981), Journal of Marketing Research 18, 39-50, eq. 10.

    Examples
    --------
    >>> round(composite_reliability(np.array([0.7, 0.8, 0.6])), 4)
    0.7449
    """
    return omega(loadings, float(loadings.sum() ** 2 + (1 - loadings**2).sum()))


def average_variance_extracted(loadings: Array, variances: Array | float = 1.0) -> float:
    """Share of the variance of the items that their factor accounts for.

    Parameters
    ----------
    loadings : ndarray, shape (items,)
        Standardized; or in units of the items, with their variances.
    variances : ndarray, optional
        Variances of the items (divisor n), for the version of semTools::AVE.

    References
    ----------
    Fornell & Larcker (1981), eq. 11.

    Examples
    --------
    >>> round(average_variance_extracted(np.array([0.7, 0.8, 0.6])), 4)
    0.4967
    """
    return float((loadings**2).sum() / (np.ones(len(loadings)) * variances).sum())


def item_rest(moments: Moments) -> tuple[Array, Array, Array]:
    """Correlate each item with the sum of the others, with 95% intervals.

    Parameters
    ----------
    moments : Moments
        Of the items of one construct, all pointing the same way.

    Returns
    -------
    tuple of ndarray, each of shape (items,)
        Correlations, low ends, high ends; not a number where the others do not vary. The intervals
        are Fisher's, with n - 3.

    Notes
    -----
    The "corrected item-total correlation" of Nunnally & Bernstein (1994, p. 304).

    Examples
    --------
    >>> items = np.array([[1, 2, 5], [2, 2, 4], [3, 4, 3], [4, 5, 1], [5, 4, 2.0]])
    >>> item_rest(Moments.from_rows(["a", "b", "c"], items))[0].round(2)
    array([-0.58, -0.26, -0.96])
    """
    own, total = np.diag(moments.cross), moments.cross.sum(axis=0)
    rest = moments.cross.sum() - 2 * total + own
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.clip((total - own) / np.sqrt(own * np.where(rest > 0, rest, np.nan)), -1, 1)
        centre = np.arctanh(found)
        half = ndtri(0.975) / np.sqrt(max(moments.n - 3, 0))
    return found, np.tanh(centre - half), np.tanh(centre + half)


def refuse_degenerate(moments: Moments) -> None:
    """Raise where correlations of the items do not exist, or have no inverse.

    Raises
    ------
    DataError
        Too few respondents, items that do not vary, items that repeat each other: named.

    Examples
    --------
    >>> items = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    >>> refuse_degenerate(Moments.from_rows(["a", "b"], items))
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.DataError: a, b repeat each other; take one of them out.
    """
    k, n = len(moments.columns), moments.n
    if n <= k:
        raise DataError(f"{n} respondents answered all {k} items; more are needed than items.")
    spread = np.diag(moments.cross) / moments.weight
    if still := [c for c, s in zip(moments.columns, spread, strict=True) if s <= 1e-12]:
        raise DataError(f"{', '.join(still)} does not vary; take it out of its construct.")
    if shared := collinear(moments, moments.columns):
        raise DataError(f"{', '.join(shared)} repeat each other; take one of them out.")


def sampling_adequacy(moments: Moments) -> tuple[float, Array]:
    """Kaiser's measure of sampling adequacy (KMO), of all items together and of each.

    Returns
    -------
    tuple of float and ndarray
        Squared correlations over squared correlations and squared partial correlations.

    References
    ----------
    Kaiser & Rice (1974), Educational and Psychological Measurement 34, 111-117.

    Examples
    --------
    >>> items = np.array([[1, 2, 1], [2, 2, 4], [3, 4, 3], [4, 5, 3], [5, 4, 5.0]])
    >>> round(sampling_adequacy(Moments.from_rows(["a", "b", "c"], items))[0], 2)
    0.38
    """
    refuse_degenerate(moments)
    correlation = moments.correlation
    inverse = np.linalg.inv(correlation)
    root = np.sqrt(np.diag(inverse))
    away = 1 - np.eye(len(correlation))
    plain, partial = correlation**2 * away, (inverse / np.outer(root, root)) ** 2 * away
    both = plain + partial
    return float(plain.sum() / both.sum()), plain.sum(axis=0) / both.sum(axis=0)


def bartlett(moments: Moments) -> tuple[float, int, float]:
    """Test that no two items are correlated: chi-square, degrees of freedom, p value.

    References
    ----------
    Bartlett (1951), Biometrika 38, 337-344; normality is assumed.

    Examples
    --------
    >>> items = np.array([[1, 2, 1], [2, 2, 4], [3, 4, 3], [4, 5, 3], [5, 4, 5.0]])
    >>> bartlett(Moments.from_rows(["a", "b", "c"], items))[1]
    3
    """
    refuse_degenerate(moments)
    k = len(moments.columns)
    factor = moments.n - 1 - (2 * k + 5) / 6
    chi2 = float(-factor * np.linalg.slogdet(moments.correlation)[1])
    df = k * (k - 1) // 2
    return chi2, df, float(chdtrc(df, chi2))
