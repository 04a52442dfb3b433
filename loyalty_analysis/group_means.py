"""Means of scores in every level of a group, and tests that they are the same."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.clusters import cr2
from loyalty_analysis.group_levels import levels_of
from loyalty_analysis.groups import equality, joint
from loyalty_analysis.moments import Array, one_thread
from loyalty_analysis.survey import Survey

MEANS = [
    "group", "level", "construct", "n", "mean", "sd", "std_error", "df", "conf_low", "conf_high",
]  # fmt: skip
TESTS = [
    "group", "construct", "test", "statistic", "df1", "df2", "p_value", "size", "size_name", "note",
]  # fmt: skip
_CLASSICAL = "anova, welch, kruskal, levene, welch_t and mann_whitney"


@one_thread
def group_means(survey: Survey) -> pd.DataFrame:
    """Mean and spread of every construct in each level of each group column.

    Returns
    -------
    DataFrame
        group, level, construct, n, mean, sd, std_error, df, conf_low, conf_high. Errors: from the
        level's own SD with n - 1 degrees of freedom; with weights the same from weighted
        deviations; with clusters CR2 and Satterthwaite's, empty where a level lives in one
        cluster. Levels of fewer than ten respondents are left out. Empty without groups or
        respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.groups=['sector']"])
    >>> table = group_means(survey).query("construct == 'search'")
    >>> table.head(2)[["level", "mean"]].round(2).values.tolist()
    [['goods', 3.42], ['services', 3.44]]
    """
    if survey.frame is None:
        return pd.DataFrame(columns=MEANS)
    tables = [
        _means(survey, column, construct)
        for column in survey.study.design.groups
        for construct in survey.study.model_constructs
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=MEANS)


def _means(survey: Survey, column: str, construct: str) -> pd.DataFrame:
    levels = levels_of(survey, column, construct)
    if not levels.names:
        return pd.DataFrame(columns=MEANS)
    whole = joint(levels)
    every = np.eye(len(levels.names))
    n = np.array([levels.sample.moments[name].n for name in levels.names])
    if whole.clusters is None:
        error, df = np.sqrt((whole.scores(every, power=0.5) ** 2).sum(axis=0)), n - 1.0
    else:
        known = np.array([levels.clusters_in(name) != 1 for name in levels.names])
        with np.errstate(invalid="ignore"):
            found = cr2(whole.x, whole.residuals, whole.clusters, whole.weights)
        error, df = np.sqrt(np.diag(found.covariance)), np.where(known, found.df, np.nan)
    half = stdtrit(df, 0.975) * error
    return pd.DataFrame(
        {
            "group": column, "level": levels.names, "construct": construct, "n": n,
            "mean": whole.values,
            "sd": [float(levels.sample.moments[name].sd[0]) for name in levels.names],
            "std_error": error, "df": df, "conf_low": whole.values - half,
            "conf_high": whole.values + half,
        }
    )  # fmt: skip


@one_thread
def group_tests(survey: Survey) -> pd.DataFrame:
    """Test whether the means of every construct are the same in all levels of a group column.

    Returns
    -------
    DataFrame
        group, construct, test, statistic, df1, df2, p_value, size, size_name, note. Tests: see
        :func:`classical_tests`; they know neither weights nor clusters. With either, they are
        refused by name in ``note`` and there is one row, ``wald``: all means equal, with HC3, or
        with CR2 and the approximate Hotelling test where clusters are declared. Empty without
        groups or respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.groups=['sector']"])
    >>> table = group_tests(survey)
    >>> table.loc[0, ["group", "construct", "test"]].tolist()
    ['sector', 'affective', 'wald']
    """
    if survey.frame is None:
        return pd.DataFrame(columns=TESTS)
    declared = [
        f"{what} ({name})"
        for what, name in (("weights", survey.study.design.weight), ("clusters", survey.cluster))
        if name
    ]
    refused = f"{_CLASSICAL} cannot honour {' and '.join(declared)}" if declared else ""
    tables = [
        _tests(survey, column, construct, refused)
        for column in survey.study.design.groups
        for construct in survey.study.model_constructs
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=TESTS)


def _tests(survey: Survey, column: str, construct: str, refused: str) -> pd.DataFrame:
    levels = levels_of(survey, column, construct)
    rows = levels.sample.rows
    assert rows is not None
    if refused or len(levels.names) < 2:
        test, note, _ = equality(levels)
        found = [Comparison("wald", test.statistic, test.df1, test.df2, test.p_value)]
    else:
        found, note = classical_tests([rows[name][:, 0] for name in levels.names]), levels.note
    table = pd.DataFrame(found).assign(group=column, construct=construct)
    return table.assign(note="; ".join(filter(None, [refused, note])))[TESTS]


class Comparison(NamedTuple):
    """A test that several samples agree, with a size of their difference where it has one."""

    test: str
    statistic: float
    df1: float
    df2: float
    p_value: float
    size: float = np.nan
    size_name: str = ""


def classical_tests(samples: Sequence[Array]) -> list[Comparison]:
    """Test whether independent respondents of several levels answered alike.

    Parameters
    ----------
    samples : sequence of ndarray
        Scores of each level, two levels at least.

    Returns
    -------
    list of Comparison
        ``anova`` (size: eta squared), ``welch`` (no equal variances), ``kruskal`` (ranks),
        ``levene`` (spread around the medians); of two levels also ``welch_t`` (size: Cohen's d by
        the pooled SD) and ``mann_whitney`` (ranks, with continuity correction), first minus second.

    Notes
    -----
    Equal to R's ``aov``, ``oneway.test``, ``kruskal.test``, ``t.test``, ``wilcox.test`` and
    ``car::leveneTest``.

    Examples
    --------
    >>> found = classical_tests([np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 6.0])])
    >>> [one.test for one in found][-2:], round(found[0].size, 3)
    (['welch_t', 'mann_whitney'], 0.467)
    """
    from scipy import stats
    from statsmodels.stats.oneway import anova_oneway

    n, k = sum(map(len, samples)), len(samples)
    within = np.sum([((one - one.mean()) ** 2).sum() for one in samples])
    everyone = np.concatenate(samples)
    with warnings.catch_warnings():  # levels without any spread
        warnings.simplefilter("ignore", RuntimeWarning)
        share = 1 - within / np.sum((everyone - everyone.mean()) ** 2)
        equal, unequal = (anova_oneway(samples, use_var=kind) for kind in ("equal", "unequal"))
        ranks = stats.kruskal(*samples)
        levene = stats.levene(*samples, center="median")
        pair = _pair(samples[0], samples[1], within / (n - 2)) if k == 2 else []
    return [
        Comparison(
            "anova", equal.statistic, k - 1, n - k, equal.pvalue, float(share), "eta squared"
        ),
        Comparison("welch", unequal.statistic, k - 1, unequal.df[1], unequal.pvalue),
        Comparison("kruskal", ranks.statistic, k - 1, np.nan, ranks.pvalue),
        Comparison("levene", levene.statistic, k - 1, n - k, levene.pvalue),
        *pair,
    ]


def _pair(first: Array, second: Array, variance: float) -> list[Comparison]:
    """Tests of two levels; ``variance`` is that within them."""
    from scipy import stats

    t = stats.ttest_ind(first, second, equal_var=False)
    gap = float((first.mean() - second.mean()) / np.sqrt(variance))
    u = stats.mannwhitneyu(first, second, method="asymptotic")
    return [
        Comparison("welch_t", t.statistic, t.df, np.nan, t.pvalue, gap, "Cohen's d"),
        Comparison("mann_whitney", u.statistic, np.nan, np.nan, u.pvalue),
    ]
