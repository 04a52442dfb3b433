"""How far numbers that rest on random draws may move although nothing has changed.

Four kinds of numbers in a run's tables depend on random draws. Two of them reach no verdict and no
gate: percentile intervals of effects and ranks of drivers. Three do: the upper limit of a
bootstrapped HTMT, which is its gate; the ends of indirect effects, which are quantiles of drawn
products; and the lead of a structure over its rivals, which depends on how respondents were dealt
into folds.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot, sqrt

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

SURE = 3.29
"""Standard errors beyond which a difference is no accident of the draws: one in a thousand."""
HTMT_REPLICATES = 2000
"""Replicates behind the interval of an HTMT (the default of `validity.discriminant`)."""
PRODUCT_DRAWS = 20_000
"""Draws behind the ends of an indirect effect (`mediation.product_interval`)."""
FOLDS = 0.20
"""Spread over ways to deal folds, in standard errors of a lead; 0.16 was the most seen."""
_ENDS = ("conf_low", "conf_high", "twin_low", "twin_high")
_TAIL = 0.025
_Z = -float(ndtri(_TAIL))


def end_error(estimate: float, end: float, draws: int) -> float:
    """Standard error, due to the number of draws alone, of one end of a 95% percentile interval.

    ``sqrt(p (1 - p) / B)`` over the density there, that of a normal distribution which has its end
    as far from the estimate (David & Nagaraja 2003, Order Statistics, section 10.2).

    Parameters
    ----------
    estimate, end : float
    draws : int

    Returns
    -------
    float
        0 where there is no interval.

    Examples
    --------
    >>> round(end_error(0.85, 0.91, 2000), 4)
    0.0018
    """
    density = np.exp(-(_Z**2) / 2) / sqrt(2 * np.pi)
    found = abs(end - estimate) / _Z * sqrt(_TAIL * (1 - _TAIL) / draws) / density
    return float(found) if np.isfinite(found) else 0.0


def gate_errors(gates: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Put the Monte Carlo error of every gate's value beside it: above 0 for bootstrapped HTMT.

    Parameters
    ----------
    gates : DataFrame
        Of :func:`gates.gates`: gate, about.
    pairs : DataFrame
        Of :func:`validity.discriminant`: a, b, htmt, htmt_low, htmt_high, method.

    Returns
    -------
    DataFrame
        The gates with a column ``error``.

    Examples
    --------
    >>> gates = pd.DataFrame({"gate": ["htmt", "reliability"], "about": ["a and b", "a"]})
    >>> pairs = pd.DataFrame({"a": ["a"], "b": ["b"], "htmt": [0.85], "htmt_low": [0.79],
    ...     "htmt_high": [0.91], "method": ["bootstrap"]})
    >>> gate_errors(gates, pairs)["error"].round(4).tolist()
    [0.0018, 0.0]
    """
    drawn = pairs[pairs["method"].str.startswith("bootstrap")]
    errors = {
        f"{row.a} and {row.b}": end_error(row.htmt, row.htmt_high, HTMT_REPLICATES)
        for row in drawn.itertuples()
    }
    htmt = gates["gate"] == "htmt"
    return gates.assign(error=gates["about"].map(errors).where(htmt).fillna(0.0).astype(float))


def claim_errors(verdicts: pd.DataFrame, contrasts: pd.DataFrame) -> pd.DataFrame:
    """Put the Monte Carlo error of the ends of every verdict's interval beside them.

    Parameters
    ----------
    verdicts : DataFrame
        As in verdicts.csv.
    contrasts : DataFrame
        estimand, outcome, term, estimate, latent, latent_low, latent_high: the error-corrected
        twin of an indirect effect has ends of its own, which its verdict needs too.

    Returns
    -------
    DataFrame
        The verdicts with twin_low and twin_high, and with the errors of four ends: conf_low_error,
        conf_high_error, twin_low_error, twin_high_error; 0 where nothing was drawn.
    """
    indirect = contrasts[contrasts["estimand"] == "indirect"]
    twins = {
        (row.outcome, row.term, row.estimate): (row.latent, row.latent_low, row.latent_high)
        for row in indirect.itertuples()
    }
    added = []
    for row in verdicts.itertuples():
        own, twin = (row.estimate, row.conf_low, row.conf_high), (np.nan,) * 3
        errors = (0.0, 0.0)
        if row.estimand == "indirect":
            errors = _ends(*own)
            twin = twins.get((row.outcome, row.term, row.estimate), twin)
        elif row.estimand == "rival_models":
            errors = (FOLDS * lead_error(row.conf_low, row.conf_high),) * 2
        added.append((*twin[1:], *errors, *_ends(*twin)))
    names = ["twin_low", "twin_high", *(f"{end}_error" for end in _ENDS)]
    table = pd.DataFrame(added, verdicts.index, names, dtype=float)
    return pd.concat([verdicts, table], axis=1)


def _ends(estimate: float, low: float, high: float) -> tuple[float, float]:
    return end_error(estimate, low, PRODUCT_DRAWS), end_error(estimate, high, PRODUCT_DRAWS)


def lead_error(low: float, high: float) -> float:
    """Standard error that a symmetric 95% interval implies; 0 where there is none.

    Examples
    --------
    >>> lead_error(-1.96, 1.96) == lead_error(0.0, 3.92), lead_error(float("nan"), 1.0)
    (True, 0.0)
    """
    found = (high - low) / 2 / _Z
    return found if np.isfinite(found) else 0.0


def gate_unsettled(row: pd.Series) -> bool:
    """Whether a gate's value now lies so near its limit that other draws may say otherwise.

    Parameters
    ----------
    row : Series
        value_now, limit_now, error_before, error_now.

    Examples
    --------
    >>> near = {"value_now": 0.903, "limit_now": 0.9, "error_before": 0.002, "error_now": 0.002}
    >>> gate_unsettled(pd.Series(near)), gate_unsettled(pd.Series(near | {"value_now": 0.92}))
    (True, False)
    """
    margin = SURE * hypot(row["error_before"], row["error_now"])
    return bool(margin > 0 and abs(row["value_now"] - row["limit_now"]) <= margin)


def ends_unsettled(before: pd.Series, now: pd.Series) -> bool:
    """Whether all that tells two rows of a claim apart are drawn ends that lie near a bound.

    Parameters
    ----------
    before, now : Series
        Rows of :func:`claim_errors`: the same claim, outcome and part in two runs.

    Returns
    -------
    bool
        False where an end that crossed zero or the smallest effect of interest now lies farther
        from it than Monte Carlo error explains, or where none crossed.
    """
    if "poor_fit" in f"{before['reason']} {now['reason']}":
        return False
    near = list(_crossings(before, now))
    return bool(near) and all(near)


def _crossings(before: pd.Series, now: pd.Series) -> Iterator[bool]:
    """For every bound that an end came to or crossed: whether it now lies within the margin."""
    bounds = (0.0, now["negligible"], -now["negligible"])
    for end in _ENDS:
        margin = SURE * hypot(before[f"{end}_error"], now[f"{end}_error"])
        for bound in bounds:
            if _side(before[end], bound) != _side(now[end], bound):
                yield margin > 0 and abs(now[end] - bound) <= margin
    if (before["p_holm"] < 0.05) != (now["p_holm"] < 0.05):
        yield now["estimand"] == "rival_models" and _p_unsettled(now)


def _side(end: float, bound: float) -> float | None:
    """On which side of a bound an end lies, 0 on it; None where there is no end."""
    return None if np.isnan(end) else float(np.sign(end - bound))


def _p_unsettled(now: pd.Series) -> bool:
    """Whether an adjusted p would be on the other side of .05 had the folds been dealt anew."""
    if not 0 < now["p_value"] < 1:
        return False
    times = now["p_holm"] / now["p_value"]
    z, margin = -float(ndtri(now["p_value"] / 2)), SURE * sqrt(2) * FOLDS
    least, most = (2 * float(ndtr(-at)) * times for at in (z + margin, z - margin))
    return least < 0.05 <= most
