"""The bootstrap of any function of Moments: resampled weights, one resample for every equation.

Drawing respondents with replacement gives each of them a count. Counts times the table of products
of the columns are the moments of the resamples, a block of replicates in one matrix product. Whole
clusters are drawn the same way, from products summed by cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from loyalty_analysis.errors import DataError, LoyaltyError
from loyalty_analysis.inference import Function, Sample
from loyalty_analysis.moments import Array, Moments

REPLICATES = 5000
_KEPT = 2**25
"""Products of this many cells (256 MB) are kept for all blocks; more are made again for each."""


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
    >>> resamples.counts(block=0).sum(axis=1)[:3], next(resamples.moments(block=0))[""].n
    (array([200., 200., 200.]), 200)
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
        return int(np.clip(2**22 // self.units, 8, 128))

    def counts(self, block: int) -> Array:
        """How often each unit is drawn: replicates of the block x units."""
        key = np.random.SeedSequence(self.seed).generate_state(2, np.uint64)
        random = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, block]))
        counts = np.empty((self.size, self.units))
        for row in counts:
            drawn = random.integers(self.units, size=self.units)
            row[:] = np.bincount(drawn, minlength=self.units)
        return counts

    def moments(self, block: int) -> Iterator[dict[str, Moments]]:
        """Moments by group of every replicate of a block."""
        counts = self.counts(block)
        groups = {part.group: list(part.moments(counts)) for part in self._parts}
        for found in zip(*groups.values(), strict=True):
            yield dict(zip(groups, found, strict=True))


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
        step = max(_KEPT // (16 * self.width), 1)
        self.slices = [slice(at, at + step) for at in range(0, len(codes), step)]
        self.units, self.kept = codes, None
        if sample.clusters is not None:
            self.units, own = np.unique(codes, return_inverse=True)
            self.kept = self._by_cluster(own)
        elif len(self.slices) <= 16:
            self.kept = np.concatenate([self._products(rows) for rows in self.slices])

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

    def moments(self, counts: Array) -> Iterator[Moments]:
        mine = counts if len(self.units) == counts.shape[1] else counts[:, self.units]
        if self.kept is not None:
            sums = mine @ self.kept
        else:
            sums = np.zeros((len(mine), self.width))
            for rows in self.slices:
                sums += mine[:, rows] @ self._products(rows)
        k = len(self.columns)
        n, weight, squared = sums[:, :3].T
        with np.errstate(divide="ignore", invalid="ignore"):  # a group may be empty in a resample
            mean = sums[:, 3 : 3 + k] / weight[:, None]
        cross = np.empty((len(sums), k, k))
        a, b = self.upper
        cross[:, a, b] = cross[:, b, a] = sums[:, 3 + k :]
        cross -= weight[:, None, None] * mean[:, :, None] * mean[:, None, :]
        for r, centre in enumerate(self.centre + mean):
            total, square = float(weight[r]), float(squared[r])
            yield Moments(self.columns, round(n[r]), total, square, centre, cross[r])


def bootstrap(
    function: Function,
    sample: Sample,
    replicates: int = REPLICATES,
    seed: int = 1,
    workers: int = 1,
) -> Bootstrap:
    """Resample respondents, or whole clusters where declared, and evaluate a function each time.

    Parameters
    ----------
    function : callable
        Takes a mapping of group to Moments, returns q values; see :func:`inference.single`.
    sample : Sample
        With respondents. Groups are not resampled apart: their sizes vary, as in the population.
    replicates : int
        Resamples; 5,000 make the Monte Carlo error of an end about a 25th of the standard error.
    seed : int
    workers : int
        Threads; of use where the function is dear. The numbers do not depend on it, bit for bit.

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
    resamples = Resamples(sample, seed)

    def block(number: int) -> Array:
        with np.errstate(all="ignore"):
            found = [_value(function, groups, values) for groups in resamples.moments(number)]
        return np.array(found).reshape(len(found), len(values))

    blocks = range(-(-replicates // resamples.size))
    # One thread per product: how BLAS shares one out decides its last bits.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        found = np.concatenate(list(pool.map(block, blocks)))[:replicates]
    over = "" if sample.clusters is None else " over clusters"
    return Bootstrap(values, found, f"bootstrap{over}")


def _value(function: Function, groups: dict[str, Moments], like: Array) -> Array:
    try:
        found = np.asarray(function(groups), dtype=float)
    except (np.linalg.LinAlgError, LoyaltyError):
        return np.full(like.shape, np.nan)
    return np.where(np.isfinite(found), found, np.nan)
