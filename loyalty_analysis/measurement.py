"""What the items of a construct say about each other, from their moments."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from loyalty_analysis.moments import Array, Moments


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
