"""Relative importance: how much of an outcome's variance each driver accounts for.

The share of a driver is its gain in explained variance, averaged over all orders in which drivers
can enter (LMG; the Shapley value of R squared). Drivers may be joined into sets that enter
together. Everything is a function of the covariances that controls leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import factorial

import numpy as np

from loyalty_analysis.moments import Array, Moments, residuals

MOST_EXACT = 15
"""With more drivers or sets than this, orders are sampled."""
ORDERINGS = 200
"""About how many orders are sampled, their reverses not counted."""
_NOTHING = 1e-10
_AT_A_TIME = 2048


@dataclass(frozen=True)
class Players:
    """Drivers or sets of drivers that share the explained variance of an outcome.

    Attributes
    ----------
    sets : tuple of tuple of str
        Columns of each; they enter together.
    """

    sets: tuple[tuple[str, ...], ...]

    @property
    def columns(self) -> list[str]:
        """Columns of all sets, in their order."""
        return [column for members in self.sets for column in members]

    @property
    def joined(self) -> str:
        """The sets of several columns, in words."""
        return "; ".join(" + ".join(members) for members in self.sets if len(members) > 1)

    @cached_property
    def orderings(self) -> Array | None:
        """Sampled orders, always the same ones; None where all orders are counted.

        Blocks of one random order, turned round step by step so that each player stands once in
        each place, and the reverses of these.
        """
        count = len(self.sets)
        if count <= MOST_EXACT:
            return None
        random = np.random.Generator(np.random.Philox(key=20))
        turned = (np.arange(count) + np.arange(count)[:, None]) % count
        blocks = [random.permutation(count)[turned] for _ in range(max(ORDERINGS // count, 10))]
        return np.concatenate([np.concatenate([one, one[:, ::-1]]) for one in blocks])

    @cached_property
    def _bounds(self) -> list[int]:
        return [0, *accumulate(len(members) for members in self.sets)]

    @cached_property
    def subsets(self) -> tuple[Array, Array]:
        """Subsets of players, and how much the residual variance of each counts for each share."""
        count = len(self.sets)
        if self.orderings is None:
            inside = (np.arange(2**count)[:, None] >> np.arange(count)[::-1]) & 1 == 1
            size = inside.sum(axis=1)[:, None]
            return inside, np.where(inside, -_weight(size - 1, count), _weight(size, count))
        place = np.argsort(self.orderings, axis=1)
        inside = place[:, None, :] < np.arange(count + 1)[:, None]
        entered = np.zeros(inside.shape)
        entered[:, :-1] += place[:, None, :] == np.arange(count)[:, None]
        entered[:, 1:] -= place[:, None, :] == np.arange(count)[:, None]
        return inside.reshape(-1, count), entered.reshape(-1, count) / len(place)


def _weight(size: Array, count: int) -> Array:
    """Share of orders in which just a given subset of that size enters before a player."""
    known = [factorial(s) * factorial(count - 1 - s) / factorial(count) for s in range(count)]
    return np.array([*known, 0.0, 0.0])[size]


def left_over(moments: Moments, outcome: str, players: Players, controls: Sequence[str]) -> Array:
    """Covariances that the controls leave, the outcome last, as shares of its whole variance."""
    columns = [*players.columns, outcome]
    total = moments[[outcome]].cross
    return residuals(moments, columns, controls).cross / total


def shares(moments: Moments, outcome: str, players: Players, controls: Sequence[str] = ()) -> Array:
    """Share of the outcome's whole variance that each player accounts for beyond the controls.

    Parameters
    ----------
    moments : Moments
    outcome : str
    players : Players
    controls : sequence of str
        In the equation before every player.

    Returns
    -------
    ndarray, shape (len(players.sets),)
        They add up to R squared less that of the controls. Leading dimensions of the moments are
        kept. A complex step is answered in closed form: the derivative of a residual variance is
        the outer product of the coefficients of its residual.

    References
    ----------
    Lindeman, Merenda & Gold (1980), Introduction to Bivariate and Multivariate Analysis, p. 119;
    Grömping (2006), Journal of Statistical Software 17(1); sampled orders: Castro, Gómez & Tejada
    (2009), Computers & Operations Research 36, 1726-1730; in balanced blocks: Mitchell et al.
    (2022), Journal of Machine Learning Research 23(43).

    Notes
    -----
    Checked against ``relaimpo::calc.relimp`` (1e-8) and a plain loop over all orders.

    Examples
    --------
    >>> known = Moments(("a", "b", "y"), 100, 100.0, 100.0, np.zeros(3), np.array(
    ...     [[1.0, 0.5, 0.6], [0.5, 1.0, 0.4], [0.6, 0.4, 1.0]]))
    >>> shares(known, "y", Players((("a",), ("b",)))).round(3)
    array([0.287, 0.087])
    """
    cross = left_over(moments, outcome, players, controls)
    if not np.iscomplexobj(cross):
        return _shares(cross, players)
    first = cross.real.reshape(-1, *cross.shape[-2:])[0]
    slope = _derivative(first, players)
    return _shares(first, players) + 1j * np.einsum("jab,...ab->...j", slope, cross.imag)


def _shares(cross: Array, players: Players) -> Array:
    if players.orderings is None:
        return residual_variances(cross, players) @ players.subsets[1]
    return gains(cross, players).mean(axis=-2)


def residual_variances(cross: Array, players: Players) -> Array:
    """Residual variance of the last column given each subset of players.

    Players are taken in or left out one after the other, in all their subsets at once.

    Parameters
    ----------
    cross : ndarray, shape (k, k)
        Columns of the players in order, then the outcome; leading dimensions are kept.
    players : Players

    Returns
    -------
    ndarray, shape (2 ** len(players.sets),)
        The first player is the highest binary digit of a subset's number.

    Examples
    --------
    >>> cross = np.array([[1.0, 0.5, 0.6], [0.5, 1.0, 0.4], [0.6, 0.4, 1.0]])
    >>> residual_variances(cross, Players((("a",), ("b",)))).round(3)
    array([1.   , 0.84 , 0.64 , 0.627])
    """
    found = cross[..., None, :, :]
    floor = _NOTHING * np.diagonal(cross, axis1=-2, axis2=-1)[..., None, :]
    for members in players.sets:
        without = taken = found
        for _ in members:
            pivot = taken[..., 0, 0]
            # A column that those before it determine adds nothing.
            inverse = np.where(pivot > floor[..., 0], 1 / np.where(pivot == 0, 1, pivot), 0)
            row = taken[..., 0, 1:]
            drop = (inverse[..., None] * row)[..., :, None] * row[..., None, :]
            taken, without = taken[..., 1:, 1:] - drop, without[..., 1:, 1:]
            floor = floor[..., 1:]
        both = np.stack([without, taken], axis=-3)
        found = both.reshape(*both.shape[:-4], -1, *both.shape[-2:])
    return found[..., 0, 0]


def gains(cross: Array, players: Players) -> Array:
    """What each player adds to the explained variance in each sampled order.

    Returns
    -------
    ndarray, shape (orders, players)
        From the Cholesky factor of the columns in that order: the squares of its last row.
    """
    assert players.orderings is not None
    k, count = cross.shape[-1], len(players.sets)
    places = [np.arange(a, b) for a, b in zip(players._bounds, players._bounds[1:], strict=False)]
    owner = np.repeat(np.arange(count), [len(place) for place in places])
    size = np.sqrt(np.diagonal(cross, axis1=-2, axis2=-1))
    correlation = cross / (size[..., :, None] * size[..., None, :])
    correlation[..., -1, -1] += 1  # room for an outcome that is explained in full
    found = np.zeros((*cross.shape[:-2], len(players.orderings), count))
    for at, order in enumerate(players.orderings):
        index = np.concatenate([*(places[player] for player in order), [k - 1]])
        factor = np.linalg.cholesky(correlation[..., index[:, None], index])
        for column, player in enumerate(owner[index[:-1]]):
            found[..., at, player] += factor[..., -1, column] ** 2
    return found * cross[..., -1, -1, None, None]


def _derivative(cross: Array, players: Players) -> Array:
    """Derivative of each share in the covariances: players x k x k."""
    inside, counts = players.subsets
    columns = np.repeat(inside, np.diff(players._bounds), axis=1)
    k = len(cross)
    found = np.zeros((len(players.sets), k, k))
    for at in range(0, len(columns), _AT_A_TIME):
        chosen, weight = columns[at : at + _AT_A_TIME], counts[at : at + _AT_A_TIME]
        both = chosen[:, :, None] & chosen[:, None, :]
        x = np.where(both, cross[:-1, :-1], 0) + ~chosen[:, :, None] * np.eye(k - 1)
        slope = np.linalg.solve(x, (chosen * cross[:-1, -1])[..., None])[..., 0]
        residual = np.hstack([-slope, np.ones((len(slope), 1))])
        for player in range(len(found)):
            found[player] += (residual * weight[:, player, None]).T @ residual
    return found


def alone_and_last(cross: Array, players: Players) -> tuple[Array, Array]:
    """What each player explains alone, and what it adds when it enters last.

    Examples
    --------
    >>> cross = np.array([[1.0, 0.5, 0.6], [0.5, 1.0, 0.4], [0.6, 0.4, 1.0]])
    >>> [found.round(3) for found in alone_and_last(cross, Players((("a",), ("b",))))]
    [array([0.36, 0.16]), array([0.213, 0.013])]
    """
    count = len(players.sets)
    whole = Players((tuple(players.columns),))
    full = residual_variances(cross, whole)[..., 1]
    first: list[Array] = []
    last: list[Array] = []
    for player in range(count):
        own = list(range(players._bounds[player], players._bounds[player + 1]))
        rest = [at for at in range(players._bounds[-1]) if at not in own]
        for chosen, found in ((own, first), (rest, last)):
            index = np.array([*chosen, -1])
            part = cross[..., index[:, None], index]
            found.append(residual_variances(part, Players((tuple(map(str, chosen)),)))[..., 1])
    nothing = cross[..., -1, -1]
    return (
        np.stack([nothing - one for one in first], axis=-1),
        np.stack([one - full for one in last], axis=-1),
    )


def johnson_weights(cross: Array) -> Array:
    """Johnson's relative weights of single columns for the last one (Genizi's decomposition).

    References
    ----------
    Johnson (2000), Multivariate Behavioral Research 35, 1-19; Genizi (1993), Statistica Sinica 3,
    407-420. Checked against ``relaimpo``'s genizi (1e-8).

    Examples
    --------
    >>> cross = np.array([[1.0, 0.5, 0.6], [0.5, 1.0, 0.4], [0.6, 0.4, 1.0]])
    >>> johnson_weights(cross).round(3)
    array([0.287, 0.087])
    """
    size = np.sqrt(np.diag(cross))
    correlation = cross / np.outer(size, size)
    values, vectors = np.linalg.eigh(correlation[:-1, :-1])
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    onto = np.linalg.lstsq(root, correlation[:-1, -1], rcond=None)[0]
    return root**2 @ onto**2 * cross[-1, -1]
