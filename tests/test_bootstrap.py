"""The bootstrap against plain resampling, closed forms, and itself with other workers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from loyalty_analysis import bootstrap as module
from loyalty_analysis.bootstrap import Bootstrap, Resamples, bootstrap, resampled
from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Sample, estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, slopes

COLUMNS = ("x", "y", "z")


def make_sample(n: int = 300, seed: int = 1, weighted: bool = False, groups: int = 1) -> Sample:
    random = np.random.default_rng(seed)
    factor = random.normal(size=(n, 1))
    rows = 1000 + factor + random.normal(size=(n, 3))
    weights = random.uniform(0.2, 3, n) if weighted else np.ones(n)
    label = np.arange(n) % groups
    inside = {str(g): label == g for g in range(groups)}
    return Sample(
        COLUMNS,
        {g: Moments.from_rows(COLUMNS, rows[i], weights[i]) for g, i in inside.items()},
        {g: rows[i] for g, i in inside.items()},
        {g: weights[i] for g, i in inside.items()} if weighted else None,
    )


def clustered(sample: Sample, size: int) -> Sample:
    assert sample.rows is not None
    labels = {g: np.array([f"c{i // size}" for i in range(len(r))]) for g, r in sample.rows.items()}
    return Sample(sample.columns, sample.moments, sample.rows, sample.weights, labels)


def means_and_correlations(groups: Mapping[str, Moments]) -> Array:
    pooled = list(groups.values())
    return np.concatenate([np.r_[m.mean, m.correlation[np.triu_indices(3, 1)]] for m in pooled])


def apart(stack: Mapping[str, Moments]) -> list[dict[str, Moments]]:
    """The replicates of a block, one by one."""
    count = len(next(iter(stack.values())).n)
    return [{group: module._one(part, r) for group, part in stack.items()} for r in range(count)]


def plainly(sample: Sample, counts: Array) -> dict[str, Moments]:
    """The resample as anyone would make it: rows repeated as often as their unit was drawn."""
    assert sample.rows is not None
    if sample.clusters is None:
        sizes = np.cumsum([len(rows) for rows in sample.rows.values()])[:-1]
        drawn = dict(zip(sample.rows, np.split(counts.astype(int), sizes), strict=True))
    else:
        names = list(sample.cluster_names)
        drawn = {
            g: np.array([int(counts[names.index(c)]) for c in labels])
            for g, labels in sample.clusters.items()
        }
    return {
        g: Moments.from_rows(
            sample.columns,
            np.repeat(rows, drawn[g], axis=0),
            None if sample.weights is None else np.repeat(sample.weights[g], drawn[g]),
        )
        for g, rows in sample.rows.items()
    }


@pytest.mark.parametrize("kept", [True, False], ids=["products kept", "products made again"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("cluster", [None, 7])
def test_equal_to_a_plain_loop_over_rows(
    monkeypatch: pytest.MonkeyPatch, weighted: bool, groups: int, cluster: int | None, kept: bool
) -> None:
    if not kept:
        monkeypatch.setattr(module, "_KEPT", 5000)
    sample = make_sample(600, weighted=weighted, groups=groups)
    sample = clustered(sample, cluster) if cluster else sample
    resamples = Resamples(sample, 5)
    counts = resamples.counts(2)
    assert (counts.sum(axis=1) == resamples.units).all()
    for row, found in zip(counts[:20], apart(resamples.moments(2)), strict=False):
        for group, wanted in plainly(sample, row).items():
            part = found[group]
            assert part.n == wanted.n
            np.testing.assert_allclose(part.weight, wanted.weight, rtol=1e-10)
            np.testing.assert_allclose(part.weight_squared, wanted.weight_squared, rtol=1e-10)
            np.testing.assert_allclose(part.mean, wanted.mean, rtol=1e-10)
            np.testing.assert_allclose(part.cross, wanted.cross, rtol=1e-10)


@pytest.mark.parametrize("cluster", [None, 5])
def test_same_numbers_for_any_workers_and_any_order(cluster: int | None) -> None:
    sample = make_sample(400)
    sample = clustered(sample, cluster) if cluster else sample
    one, two, eight = (
        bootstrap(means_and_correlations, sample, 600, seed=3, workers=workers).replicates
        for workers in (1, 2, 8)
    )
    assert (one == two).all() and (one == eight).all()
    resamples = Resamples(sample, 3)
    with threadpool_limits(1, "blas"):
        backwards = {
            block: [means_and_correlations(g) for g in apart(resamples.moments(block))]
            for block in reversed(range(-(-600 // resamples.size)))
        }
    joined = np.concatenate([backwards[block] for block in sorted(backwards)])[:600]
    assert (joined == one).all()


def test_more_replicates_begin_with_the_fewer() -> None:
    sample = make_sample(100)
    few, many = (bootstrap(means_and_correlations, sample, b).replicates for b in (50, 500))
    assert (many[:50] == few).all()


@pytest.mark.parametrize("units", [399, 400, 1000])
def test_counts_are_those_of_drawing_with_replacement(units: int) -> None:
    """Multinomial: sums, shares of each count, variances and covariances; 5 standard errors."""
    resamples = Resamples(make_sample(units), 11)
    counts = np.concatenate([resamples.counts(block) for block in range(40)]).astype(int)
    assert (counts.sum(axis=1) == units).all()
    expected = stats.binom.pmf(np.arange(5), units, 1 / units)
    shares = np.array([(counts == k).mean() for k in range(5)])
    assert (abs(shares - expected) < 5 * np.sqrt(expected / counts.size)).all()
    # Each unit alike: chi-squared of how often it was drawn over all replicates.
    totals = counts.sum(axis=0)
    chi2 = ((totals - len(counts)) ** 2 / len(counts)).sum()
    assert stats.chi2.cdf(chi2, units - 1) < 1 - 1e-6
    # A resample's share of the first half of the units varies as a binomial share does.
    half = counts[:, : units // 2].sum(axis=1)
    wanted = units * (units // 2 / units) * (1 - units // 2 / units)
    assert half.var() == pytest.approx(wanted, rel=5 * np.sqrt(2 / len(counts)))


def test_a_draw_shared_by_several_functions() -> None:
    sample = make_sample(500)
    drawn = resampled(sample, 300, seed=4, workers=2)
    own = bootstrap(means_and_correlations, sample, 300, seed=4).replicates
    shared = bootstrap(means_and_correlations, sample, drawn=drawn).replicates
    assert shared.shape == (300, 6) and (own == shared).all()


def test_vectorized_functions_give_what_single_calls_give() -> None:
    sample = make_sample(450)

    @vectorized
    def partial(groups: Mapping[str, Moments]) -> Array:
        return slopes(groups["0"], "z", ["x", "y"])

    found = bootstrap(partial, sample, 200)
    plain = bootstrap(lambda groups: slopes(groups["0"], "z", ["x", "y"]), sample, 200)
    np.testing.assert_allclose(found.replicates, plain.replicates, rtol=1e-12)
    assert found.failed.sum() == 0


def test_one_replicate_without_a_solution_fails_alone() -> None:
    sample = make_sample(50)

    @vectorized
    def partial(groups: Mapping[str, Moments]) -> Array:
        return slopes(groups["0"], "z", ["x", "y"])

    drawn = resampled(sample, 200)
    drawn["0"].cross[7] = np.ones((3, 3))
    found = bootstrap(partial, sample, drawn=drawn)
    assert np.isnan(found.replicates[7]).all()
    assert found.failed.tolist() == [1, 1]


def test_streams_of_blocks_and_seeds_differ() -> None:
    sample = make_sample(100)
    first, second = Resamples(sample, 1), Resamples(sample, 2)
    assert (first.counts(0) != first.counts(1)).any()
    assert (first.counts(0) != second.counts(0)).any()


def test_standard_errors_of_a_mean_and_a_correlation() -> None:
    sample = make_sample(500)
    found = bootstrap(means_and_correlations, sample, 4000)
    moments = sample.pooled
    # The SD of 4,000 replicates is within 5 x 1.1% of its target.
    np.testing.assert_allclose(
        found.std_error[:3], np.sqrt(np.diag(moments.cross)) / moments.n, rtol=0.06
    )
    robust = estimate(means_and_correlations, sample)
    np.testing.assert_allclose(found.std_error, robust.std_error, rtol=0.08)


def test_clusters_are_drawn_whole() -> None:
    """Rows copied four times over: drawn one by one they would halve the standard errors."""
    sample = make_sample(200)
    assert sample.rows is not None
    rows = np.repeat(sample.rows["0"], 4, axis=0)
    labels = {"0": np.repeat(np.arange(200), 4).astype(str)}
    copied = Sample(COLUMNS, {"0": Moments.from_rows(COLUMNS, rows)}, {"0": rows}, None, labels)
    found = bootstrap(means_and_correlations, copied, 2000)
    assert found.method == "bootstrap over clusters"
    wanted = bootstrap(means_and_correlations, sample, 2000)
    np.testing.assert_allclose(found.std_error, wanted.std_error, rtol=0.1)


def test_every_equation_of_a_replicate_shares_one_resample() -> None:
    """total = direct + indirect holds in each replicate, not on average only."""

    def effects(m: Moments) -> Array:
        total = slopes(m, "z", ["x"])[0]
        direct, second = slopes(m, "z", ["x", "y"])
        return np.array([total, direct, slopes(m, "y", ["x"])[0] * second])

    total, direct, indirect = bootstrap(single(effects), renamed(), 300).replicates.T
    np.testing.assert_allclose(total, direct + indirect, rtol=1e-9)


def renamed() -> Sample:
    sample = make_sample()
    assert sample.rows is not None
    return Sample(COLUMNS, {"": sample.moments["0"]}, {"": sample.rows["0"]})


@pytest.mark.slow
def test_coverage() -> None:
    """95% intervals of a mean and a correlation cover in 92% to 98% of 400 samples."""
    covered = []
    for seed in range(400):
        low, high = bootstrap(means_and_correlations, make_sample(150, seed), 300).interval()
        truth = np.array([1000, 1000, 1000, 0.5, 0.5, 0.5])
        covered.append((low <= truth) & (truth <= high))
    assert np.mean(covered, axis=0) == pytest.approx(0.95, abs=0.03)


def test_interval_and_p_value_are_order_statistics() -> None:
    values = np.arange(1.0, 4000.0)[:, None]  # B = 3999: ranks 100 and 3900 are the ends
    found = Bootstrap(np.array([2000.0]), np.random.default_rng(1).permutation(values), "")
    low, high = found.interval()
    assert (low[0], high[0]) == pytest.approx((100, 3900))
    assert found.p_value(0)[0] == 2 / 4000
    assert found.p_value(100)[0] == 2 * 101 / 4000
    assert found.p_value(2000)[0] == 1


def test_monte_carlo_error_is_that_of_repeated_bootstraps() -> None:
    sample, lows, errors = make_sample(100), [], []
    for seed in range(40):
        found = bootstrap(means_and_correlations, sample, 250, seed)
        lows.append(found.interval()[0])
        errors.append(found.monte_carlo_error()[0])
    # An SD from 40 is within 4 x 11%, the error itself is an estimate too.
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(lows, axis=0), rtol=0.5)
    fine = bootstrap(means_and_correlations, sample, 4000).monte_carlo_error()[0]
    np.testing.assert_allclose(fine * 4, np.mean(errors, axis=0), rtol=0.5)


def test_failures_are_counted_value_by_value() -> None:
    calls = iter(range(10**6))

    def sometimes(groups: Mapping[str, Moments]) -> Array:
        call = next(calls)  # call 0 is the sample itself
        if call and call % 10 == 0:
            raise np.linalg.LinAlgError("singular")
        if call and call % 10 == 1:
            raise DataError("no such column")
        return np.array([1.0 + call, np.nan if call % 10 == 2 and call else 1.0])

    found = bootstrap(sometimes, make_sample(), 100)
    assert list(found.failed) == [20, 30]
    assert np.isfinite(found.interval()[0]).all()


def test_other_errors_are_not_swallowed() -> None:
    def wrong(groups: Mapping[str, Moments]) -> Array:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bootstrap(wrong, make_sample(), 10)


def test_a_group_that_is_empty_in_a_resample_fails_there() -> None:
    sample = make_sample(40)
    assert sample.rows is not None
    rows = {"a": sample.rows["0"][:37], "b": sample.rows["0"][37:]}
    split = Sample(COLUMNS, {g: Moments.from_rows(COLUMNS, r) for g, r in rows.items()}, rows)
    found = bootstrap(lambda groups: groups["b"].mean, split, 500)
    # 500 resamples, each without the three with probability (37/40)^40 = 4.4%.
    assert 5 <= found.failed[0] <= 45
    assert np.isfinite(found.std_error).all()


def test_all_failed_is_no_number() -> None:
    found = Bootstrap(np.array([1.0]), np.full((100, 1), np.nan), "bootstrap")
    assert found.failed[0] == 100
    numbers = [found.std_error, *found.interval(), *found.monte_carlo_error(), found.p_value()]
    assert np.isnan(numbers).all()


def test_refused_without_respondents_and_with_one_cluster() -> None:
    sample = make_sample(50)
    with pytest.raises(DataError, match="known by moments only"):
        bootstrap(means_and_correlations, Sample(COLUMNS, sample.moments), 10)
    with pytest.raises(DataError, match="cannot be resampled"):
        bootstrap(means_and_correlations, clustered(sample, 50), 10)
