"""Where a slope that changes with a moderator can be told from zero: Johnson-Neyman regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.inference import Estimate, t_p_value
from loyalty_analysis.moments import Array

LEVEL = 0.05


def critical_value(df: Array | float, level: float = LEVEL) -> float:
    """What a t statistic must exceed at one value of the moderator.

    Examples
    --------
    >>> round(critical_value(100.0), 3)
    1.984
    """
    return float(stdtrit(np.min(df), 1 - level / 2))


def adjusted_critical_value(
    line: Estimate, span: tuple[float, float], level: float = LEVEL, points: int = 1001
) -> float:
    """What a t statistic must exceed for few of the values called told to be called so by luck.

    Parameters
    ----------
    line : Estimate
        The slope where the moderator is zero, and its change per unit of the moderator.
    span : tuple of float
        Range of the moderator.
    level : float
        Bound of the false discovery rate (Benjamini & Hochberg 1995) over the range.
    points : int
        Values, evenly over the range.

    References
    ----------
    Esarey & Sumner (2018), Comparative Political Studies 51, 1144-1176: asked at every value of a
    range, the plain region finds too much.

    Examples
    --------
    >>> line = Estimate(np.array([0.2, 0.3]), np.diag([0.01, 0.01]), 100.0, "influence")
    >>> round(adjusted_critical_value(line, (-2.0, 2.0)), 3)
    2.297
    """
    at, spread = np.linspace(*span, points), line.covariance
    error = np.sqrt(spread[0, 0] + 2 * at * spread[0, 1] + at**2 * spread[1, 1])
    p = np.sort(t_p_value((line.values[0] + line.values[1] * at) / error, line.df))
    rank = np.arange(1, points + 1)
    below = rank[p <= level * rank / points]
    return critical_value(line.df, level * float(below.max(initial=1)) / points)


def at_values(line: Estimate, values: Array) -> Estimate:
    """The slope at values of the moderator.

    Examples
    --------
    >>> line = Estimate(np.array([0.2, 0.3]), np.diag([0.01, 0.01]), 100.0, "influence")
    >>> at_values(line, np.array([0.0, 1.0])).values
    array([0.2, 0.5])
    """
    return line.combine(np.column_stack([np.ones(len(values)), values]))


def region(
    line: Estimate, span: tuple[float, float], critical: float | None = None
) -> pd.DataFrame:
    """Split a range of the moderator where the slope begins or ceases to be told from zero.

    The squared slope equals the squared critical value times its variance at the roots of a
    quadratic.

    Parameters
    ----------
    line : Estimate
        The slope where the moderator is zero, and its change per unit of the moderator.
    span : tuple of float
        Range of the moderator.
    critical : float, optional
        Critical value of the t statistic; by default that of 5% at one value.

    Returns
    -------
    DataFrame
        start, end, side (1 or -1 where the slope is told to be above or below zero, else 0), from
        the lower end of the range to the upper.

    References
    ----------
    Johnson & Neyman (1936); Bauer & Curran (2005), Multivariate Behavioral Research 40, 373-400.
    Checked against the formula in R.

    Examples
    --------
    >>> line = Estimate(np.array([0.2, 0.3]), np.diag([0.01, 0.0025]), 100.0, "influence")
    >>> region(line, (-2.0, 2.0)).round(2)
       start   end  side
    0  -2.00 -1.49    -1
    1  -1.49 -0.01     0
    2  -0.01  2.00     1
    """
    critical = critical_value(line.df) if critical is None else critical
    (slope, change), spread = line.values, critical**2 * line.covariance
    quadratic = [
        change**2 - spread[1, 1],
        2 * (slope * change - spread[0, 1]),
        slope**2 - spread[0, 0],
    ]
    roots = np.roots(quadratic)
    cuts = np.sort(roots[np.isreal(roots)].real)
    edges = np.array([span[0], *cuts[(cuts > span[0]) & (cuts < span[1])], span[1]])
    middle = at_values(line, (edges[1:] + edges[:-1]) / 2)
    told = np.abs(middle.values) > critical * middle.std_error
    side = np.where(told, np.sign(middle.values), 0).astype(int)
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "side": side})
