"""The bootstrap of any function of Moments: resampled weights, one resample for every equation.

Drawing respondents with replacement gives each of them a count. Counts times the table of products
of the columns are the moments of the resamples, a block of replicates in one matrix product. Whole
clusters are drawn the same way, from products summed by cluster. Counts are drawn as Poisson
numbers from a table and filled up to the sample's size, which takes less time than drawing
respondents one by one and has the same distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty_analysis.errors import DataError, LoyaltyError
from loyalty_analysis.inference import Function, Sample, is_vectorized
from loyalty_analysis.moments import ARRAYS, Array, Moments

REPLICATES, SEED = 5000, 1
_KEPT = 2**26
"""Products of this many cells (512 MB) are kept for all blocks; more are made again for each."""
MOST_FAILED = 0.05
"""Share of replicates without a number above which nothing is read off the others."""
_FEW = 400
"""Fewer units than this are drawn one by one."""


@dataclass(frozen=True)
class Bootstrap:
    """Values of a function of Moments with their replicates.

    Attributes
    ----------
    values : ndarray, shape (q,)
        In the sample itself.
    replicates : ndarray, shape (B, q)
        In each resample; not a number where the function failed there.
    method : str
        ``bootstrap`` or ``bootstrap over clusters``.
    """

    values: Array
    replicates: Array
    method: str

    @property
    def failed(self) -> Array:
        """How many replicates gave no finite number, for each value; they are left out below."""
        return np.isnan(self.replicates).sum(axis=0)

    @property
    def sound(self) -> bool:
        """Whether few enough failed for the rest to speak for all: at most `MOST_FAILED`."""
        return bool((self.failed <= MOST_FAILED * len(self.replicates)).all())

    @property
    def std_error(self) -> Array:
        """Standard deviations of the replicates."""
        return np.array([column.std(ddof=1) for column in self._columns()])

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Percentile intervals: low ends and high ends.

        The ends are the (B + 1) alpha / 2 -th order statistics from below and above, so that an
        interval leaves zero out when the p value is below alpha (Davison & Hinkley 1997, Bootstrap
        Methods and their Application, eq. 5.6).
        """
        tail = (1 - level) / 2
        return self._quantiles(tail), self._quantiles(1 - tail)

    def monte_carlo_error(self, level: float = 0.95) -> tuple[Array, Array]:
        """Standard error of each end that is due to the number of replicates alone.

        Half the distance of the order statistics one binomial standard deviation of the rank,
        sqrt(B p (1 - p)), to either side (David & Nagaraja 2003, Order Statistics, section 7.1).
        """
        tail = (1 - level) / 2
        count = np.maximum(len(self.replicates) - self.failed, 1)
        step = np.sqrt(tail * (1 - tail) / count)
        low, high = (
            (self._quantiles(p + step) - self._quantiles(np.maximum(p - step, 0))) / 2
            for p in (tail, 1 - tail)
        )
        return low, high

    def p_value(self, null: float = 0.0) -> Array:
        """Two-sided p values of the null value: 2 min(1 + #<=, 1 + #>=) / (B + 1), at most 1."""
        below = 1 + (self.replicates <= null).sum(axis=0)
        above = 1 + (self.replicates >= null).sum(axis=0)
        count = len(self.replicates) - self.failed
        found = np.minimum(2 * np.minimum(below, above) / (count + 1), 1.0)
        return np.where(count > 0, found, np.nan)

    def _columns(self) -> list[Array]:
        """Replicates of each value that did not fail; two nan where fewer than two are left."""
        kept = [column[np.isfinite(column)] for column in self.replicates.T]
        return [column if len(column) > 1 else np.full(2, np.nan) for column in kept]

    def _quantiles(self, share: Array | float) -> Array:
        shares = np.broadcast_to(np.minimum(share, 1.0), self.values.shape)
        pairs = zip(self._columns(), shares, strict=True)
        return np.array([np.quantile(column, p, method="weibull") for column, p in pairs])


@dataclass(frozen=True)
class Resamples:
    """Moments of resamples, block by block; any block can be made by itself.

    Attributes
    ----------
    sample : Sample
        With respondents.
    seed : int

    Notes
    -----
    Block b draws from the Philox generator with the seed as its key and b as the high word of its
    counter (Salmon et al. 2011, SC11): streams that never meet. The size of a block depends on the
    number of units alone. So replicate r is the same numbers whoever makes it, and in whatever
    order, and also when more replicates are asked for.

    Examples
    --------
    >>> rows = np.random.default_rng(1).normal(size=(200, 2))
    >>> sample = Sample(("x", "y"), {"": Moments.from_rows(("x", "y"), rows)}, {"": rows})
    >>> resamples = Resamples(sample, seed=1)
    >>> resamples.counts(block=0).sum(axis=1)[:3], resamples.moments(block=0)[""].mean.shape
    (array([200, 200, 200]), (128, 2))
    """

    sample: Sample
    seed: int
    units: int = field(init=False)
    _parts: list[_Part] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sample = self.sample
        if sample.rows is None:
            raise DataError("the bootstrap needs respondents; this study is known by moments only.")
        sizes = [len(rows) for rows in sample.rows.values()]
        if sample.clusters is None:
            codes, units = np.arange(sum(sizes)), sum(sizes)
        else:
            labels = np.concatenate([sample.clusters[group] for group in sample.rows])
            names, codes = np.unique(labels, return_inverse=True)
            units = len(names)
        if units < 2:
            raise DataError("one respondent or cluster alone cannot be resampled.")
        split = np.split(codes, np.cumsum(sizes)[:-1])
        parts = [_Part(sample, group, code) for group, code in zip(sample.rows, split, strict=True)]
        object.__setattr__(self, "units", units)
        object.__setattr__(self, "_parts", parts)

    @property
    def size(self) -> int:
        """Replicates in a block."""
        return int(np.clip(2**25 // self.units, 8, 128))

    def counts(self, block: int) -> Array:
        """How often each unit is drawn: replicates of the block x units."""
        key = np.random.SeedSequence(self.seed).generate_state(2, np.uint64)
        random = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, block]))
        if self.units < _FEW:
            drawn = random.integers(self.units, size=(self.size, self.units))
            drawn += np.arange(self.size)[:, None] * self.units
            return _tally(drawn.ravel(), self.size, self.units)
        counts = _poisson(random, self.size, self.units)
        short = self.units - counts.sum(axis=1, dtype=np.int64)
        for row in np.flatnonzero(short < 0):  # about once in a thousand million
            counts[row], short[row] = 0, self.units
        rest = random.integers(self.units, size=short.sum())
        cells = np.repeat(np.arange(self.size) * self.units, short) + rest
        return counts + _tally(cells, self.size, self.units).astype(np.uint8)

    def moments(self, block: int) -> dict[str, Moments]:
        """Moments by group, replicates of the block as leading dimension."""
        counts = self.counts(block)
        return {part.group: part.moments(counts) for part in self._parts}


def _tally(cells: Array, rows: int, units: int) -> Array:
    """Count how often each cell of a table was drawn."""
    return np.bincount(cells, minlength=rows * units).reshape(rows, units)


def _poisson(random: np.random.Generator, rows: int, units: int) -> Array:
    """Independent Poisson numbers whose sum almost never exceeds the number of units.

    Given their sum they are multinomial, and filled up by draws one by one they still are. Sixteen
    random bits find most of them in a table; where they do not decide, further bits do.
    """
    mean = 1 - 6 / np.sqrt(units)
    table, ends = _poisson_table(mean)
    words = -(-rows * units // 4)
    bits = random.bit_generator.random_raw(words).view(np.uint16)[: rows * units]
    counts = np.empty(len(bits), dtype=np.uint8)
    table.take(bits, mode="clip", out=counts)
    open_cells = np.flatnonzero(counts == 255)
    exact = (bits[open_cells] + random.random(len(open_cells))) / 65536
    counts[open_cells] = np.searchsorted(ends, exact, side="right")
    return counts.reshape(rows, units)


@cache
def _poisson_table(mean: float) -> tuple[Array, Array]:
    """Poisson numbers by the first 16 bits of a uniform one, 255 where these do not decide."""
    from scipy.special import pdtr

    ends = pdtr(np.arange(60), mean)
    low = np.searchsorted(ends, np.arange(65536) / 65536, side="right")
    high = np.searchsorted(ends, np.arange(1, 65537) / 65536, side="left")
    return np.where(low == high, low, 255).astype(np.uint8), ends


class _Part:
    """One group of respondents: sums of products of its columns in every resample."""

    def __init__(self, sample: Sample, group: str, codes: Array) -> None:
        assert sample.rows is not None
        self.group, self.columns = group, sample.columns
        weights = None if sample.weights is None else sample.weights[group]
        self.weights = np.ones(len(codes)) if weights is None else weights
        # Centred first: sums of squares about a far away origin would lose their digits.
        self.centre = sample.moments[group].mean
        self.centred = sample.rows[group] - self.centre
        k = len(self.columns)
        self.upper = np.triu_indices(k)
        self.width = 3 + k + len(self.upper[0])
        step = max(2**21 // self.width, 1)
        self.slices = [slice(at, at + step) for at in range(0, len(codes), step)]
        self.units, self.kept = codes, None
        if sample.clusters is not None:
            self.units, own = np.unique(codes, return_inverse=True)
            self.kept, self.slices = self._by_cluster(own), [slice(None)]
        elif len(codes) * self.width <= _KEPT:
            self.kept = np.empty((len(codes), self.width))
            for rows in self.slices:
                self.kept[rows] = self._products(rows)

    def _products(self, rows: slice) -> Array:
        """Columns 1, w, w squared, w x, and w x y of every pair."""
        x, w = self.centred[rows], self.weights[rows, None]
        a, b = self.upper
        return np.hstack([np.ones_like(w), w, w * w, w * x, w * x[:, a] * x[:, b]])

    def _by_cluster(self, own: Array) -> Array:
        sums = np.zeros((len(self.units), self.width))
        for rows in self.slices:
            np.add.at(sums, own[rows], self._products(rows))
        return sums

    def moments(self, counts: Array) -> Moments:
        mine = counts if len(self.units) == counts.shape[1] else counts[:, self.units]
        sums = np.zeros((len(mine), self.width))
        for rows in self.slices:
            products = self._products(rows) if self.kept is None else self.kept[rows]
            sums += mine[:, rows].astype(float) @ products
        k = len(self.columns)
        n, weight, squared = sums[:, :3].T
        with np.errstate(divide="ignore", invalid="ignore"):  # a group may be empty in a resample
            mean = sums[:, 3 : 3 + k] / weight[:, None]
        cross = np.empty((len(sums), k, k))
        a, b = self.upper
        cross[:, a, b] = cross[:, b, a] = sums[:, 3 + k :]
        cross -= weight[:, None, None] * mean[:, :, None] * mean[:, None, :]
        return Moments(self.columns, np.rint(n), weight, squared, self.centre + mean, cross)


def resampled(
    sample: Sample, replicates: int = REPLICATES, seed: int = SEED, workers: int = 1
) -> dict[str, Moments]:
    """Moments of every resample, to be used by several functions: one draw for all of them.

    Returns
    -------
    dict of str to Moments
        By group, replicates as leading dimension.

    Examples
    --------
    >>> rows = np.random.default_rng(1).normal(size=(200, 2))
    >>> sample = Sample(("x", "y"), {"": Moments.from_rows(("x", "y"), rows)}, {"": rows})
    >>> resampled(sample, 1000)[""].cross.shape
    (1000, 2, 2)
    """
    resamples = Resamples(sample, seed)
    blocks = range(-(-replicates // resamples.size))
    # One thread per product: how BLAS shares one out decides its last bits.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(resamples.moments, blocks))
    return {
        group: _joined([one[group] for one in found]).some(slice(replicates))
        for group in sample.moments
    }


def _joined(parts: list[Moments]) -> Moments:
    arrays = [np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS]
    return Moments(parts[0].columns, *arrays)


def bootstrap(
    function: Function,
    sample: Sample,
    replicates: int = REPLICATES,
    seed: int = SEED,
    workers: int = 1,
    drawn: Mapping[str, Moments] | None = None,
) -> Bootstrap:
    """Resample respondents, or whole clusters where declared, and evaluate a function each time.

    Parameters
    ----------
    function : callable
        Takes a mapping of group to Moments, returns q values; see :func:`inference.single`. One
        call for a block of replicates where it is :func:`inference.vectorized`.
    sample : Sample
        With respondents. Groups are not resampled apart: their sizes vary, as in the population.
    replicates : int
        Resamples; 5,000 make the Monte Carlo error of an end about a 25th of the standard error.
    seed : int
    workers : int
        Threads; of use where the function is dear. The numbers do not depend on it, bit for bit.
    drawn : mapping of str to Moments, optional
        Of :func:`resampled`, instead of a draw of its own; it may hold further columns.

    Returns
    -------
    Bootstrap

    Raises
    ------
    DataError
        Without respondents, or with one cluster only.

    Notes
    -----
    A replicate in which the function raises LinAlgError or an error of this package, or returns
    something that is not finite, has failed: it is counted in ``failed``, never hidden. Efron &
    Tibshirani (1993), An Introduction to the Bootstrap; clusters: Field & Welsh (2007), JRSS B 69,
    369-390. Percentile intervals, since bias correction is liberal for products of slopes.

    Examples
    --------
    >>> rows = np.random.default_rng(1).normal(size=(200, 2))
    >>> sample = Sample(("x", "y"), {"": Moments.from_rows(("x", "y"), rows)}, {"": rows})
    >>> found = bootstrap(lambda groups: groups[""].correlation[0, 1:], sample, 1000)
    >>> float(found.std_error[0].round(2)), int(found.failed[0])
    (0.08, 0)
    """
    values = np.asarray(function(sample.moments), dtype=float)
    resamples = Resamples(sample, seed) if drawn is None else None
    size = resamples.size if resamples else 128
    if drawn is not None:
        replicates = len(next(iter(drawn.values())).n)

    def block(number: int) -> Array:
        with np.errstate(all="ignore"):
            if resamples:
                return _values(function, resamples.moments(number), values)
            assert drawn is not None
            part = slice(number * size, (number + 1) * size)
            stack = {group: all_of.some(part) for group, all_of in drawn.items()}
            return _values(function, stack, values)

    blocks = range(-(-replicates // size))
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        found = np.concatenate(list(pool.map(block, blocks)))[:replicates]
    over = "" if sample.clusters is None else " over clusters"
    return Bootstrap(values, found, f"bootstrap{over}")


def _values(function: Function, stack: dict[str, Moments], like: Array) -> Array:
    """Values in each replicate of a stack; not a number where there is none."""
    if is_vectorized(function):
        with suppress(np.linalg.LinAlgError):  # one replicate without a solution stops them all
            found = np.asarray(function(stack), dtype=float)
            return np.where(np.isfinite(found), found, np.nan)
    count = len(next(iter(stack.values())).n)
    # One by one; still as stacks of one, where the function checks each of them for collinearity.
    at_once = is_vectorized(function)
    each = (
        {g: part.some(slice(r, r + 1)) if at_once else _one(part, r) for g, part in stack.items()}
        for r in range(count)
    )
    return np.array([_value(function, groups, like) for groups in each]).reshape(count, len(like))


def _one(stack: Moments, r: int) -> Moments:
    return replace(stack.some(r), n=round(stack.n[r]), weight=float(stack.weight[r]))


def _value(function: Function, groups: dict[str, Moments], like: Array) -> Array:
    try:
        found = np.asarray(function(groups), dtype=float).reshape(like.shape)
    except (np.linalg.LinAlgError, LoyaltyError):
        return np.full(like.shape, np.nan)
    return np.where(np.isfinite(found), found, np.nan)
