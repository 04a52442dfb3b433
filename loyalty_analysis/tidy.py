"""Estimates as rows of result tables: the same columns everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from loyalty_analysis.clusters import cr2
from loyalty_analysis.inference import Estimate, Sample
from loyalty_analysis.moments import Array

CONTRASTS = [
    "estimand", "outcome", "term", "versus", "group", "estimate", "std_error", "df", "p_value",
    "conf_low", "conf_high", "n", "model", "df_satterthwaite", "latent", "latent_std_error",
    "latent_df", "latent_low", "latent_high", "through", "sets",
]  # fmt: skip
"""Columns of contrasts.csv."""


def numbers(found: Estimate, n: int) -> dict[str, Array | int]:
    """Columns of an estimate: estimate, std_error, df, statistic, p_value, ends of the interval, n.

    Examples
    --------
    >>> one = Estimate(np.array([0.5]), np.array([[0.01]]), 100.0, "influence")
    >>> {name: np.round(value, 2) for name, value in numbers(one, 103).items()}["conf_low"]
    array([0.3])
    """
    low, high = found.interval()
    with np.errstate(divide="ignore", invalid="ignore"):  # an exact fit has no error
        statistic = found.values / found.std_error
    return {
        "estimate": found.values,
        "std_error": found.std_error,
        "df": np.broadcast_to(np.asarray(found.df, dtype=float), len(found.values)).copy(),
        "statistic": statistic,
        "p_value": found.p_value(),
        "conf_low": low,
        "conf_high": high,
        "n": n,
    }


def latent_columns(prefix: str, twin: Estimate | None, count: int) -> dict[str, Array]:
    """Columns of an error-corrected twin: its value, error, df and interval, or no numbers.

    Examples
    --------
    >>> list(latent_columns("latent", None, 1))
    ['latent', 'latent_std_error', 'latent_df', 'latent_low', 'latent_high']
    """
    names = [prefix, *(f"{prefix}_{end}" for end in ("std_error", "df", "low", "high"))]
    if twin is None:
        return dict.fromkeys(names, np.full(count, np.nan))
    df = np.full(count, float(twin.df))
    return dict(zip(names, (twin.values, twin.std_error, df, *twin.interval()), strict=True))


def contrast_rows(
    found: Estimate, n: int, df_satterthwaite: Array | float = np.nan,
    twin: Estimate | None = None, **columns: object,
) -> pd.DataFrame:  # fmt: skip
    """Rows of contrasts.csv; ``columns`` say what is compared.

    Examples
    --------
    >>> one = Estimate(np.array([0.5]), np.array([[0.01]]), 100.0, "influence")
    >>> known = {"estimand": "indirect", "outcome": "loyalty", "term": "image", "model": "loyalty"}
    >>> contrast_rows(one, 103, **known)[["term", "versus", "estimate"]]
        term versus  estimate
    0  image              0.5
    """
    text = {"versus": "", "group": "", "through": "", "sets": ""}
    known = numbers(found, n) | latent_columns("latent", twin, len(found.values))
    return pd.DataFrame({**text, **columns, **known, "df_satterthwaite": df_satterthwaite})[
        CONTRASTS
    ]


def of_small_groups(found: Estimate, counts: Sequence[int]) -> Estimate:
    """Contrasts of groups, with no more degrees of freedom than the smallest of each has.

    With the respondents of all groups less their number, intervals of a contrast with twelve
    respondents of another spread covered 92.5%; with those of the twelve 94.9% (1,500 surveys).

    Examples
    --------
    >>> one = Estimate(np.array([0.5]), np.array([[0.01]]), 100.0, "influence")
    >>> of_small_groups(one, [12]).df
    array([11.])
    """
    if found.method != "influence":  # clusters are fewer than respondents
        return found
    return replace(found, df=np.minimum(found.df, np.asarray(counts) - 1.0))


def df_of(sample: Sample, groups: Sequence[str]) -> float:
    """Degrees of freedom of slopes of some groups; the others lend them their SDs, no more.

    Clusters that hold any of these groups minus one; without clusters respondents minus columns.

    Examples
    --------
    >>> from loyalty_analysis.moments import Moments
    >>> rows = np.random.default_rng(1).normal(size=(12, 2))
    >>> known = {"": Moments.from_rows(("x", "y"), rows)}
    >>> df_of(Sample(("x", "y"), known, {"": rows}), [""])
    10.0
    """
    if sample.clusters is None:
        return float(sum(sample.moments[group].n - len(sample.columns) for group in groups))
    labels = np.concatenate([sample.clusters[group] for group in groups])
    return float(len(np.unique(labels)) - 1)


def satterthwaite(sample: Sample, contrast: Array, groups: Sequence[str] = ("",)) -> Array | float:
    """Satterthwaite degrees of freedom of contrasts of slopes, every slope free in each group.

    Parameters
    ----------
    sample : Sample
        The terms, and the outcome last.
    contrast : ndarray, shape (q, terms x groups)
        One column for each term of each group, per SD of the term in the sample.
    groups : sequence of str

    Returns
    -------
    ndarray, shape (q,), or nan
        Not a number without clusters.

    Examples
    --------
    >>> rows = np.random.default_rng(1).normal(size=(12, 2))
    >>> shops = {"": np.repeat(["a", "b", "c", "d"], 3)}
    >>> from loyalty_analysis.moments import Moments
    >>> known = {"": Moments.from_rows(("x", "y"), rows)}
    >>> clustered = Sample(("x", "y"), known, {"": rows}, clusters=shops)
    >>> float(satterthwaite(clustered, np.eye(1))[0].round(1))
    2.1
    """
    if sample.clusters is None or sample.rows is None:
        return np.nan
    size = sample.pooled.sd[:-1]
    blocks = [(sample.rows[g][:, :-1] - sample.moments[g].mean[:-1]) / size for g in groups]
    ones = [np.ones((len(block), 1)) for block in blocks]
    x = np.hstack([block_diag(*blocks), block_diag(*ones)])
    padded = np.hstack([contrast, np.zeros((len(contrast), len(groups)))])
    clusters = np.concatenate([sample.clusters[g] for g in groups])
    weights = None
    if sample.weights is not None:
        weights = np.concatenate([sample.weights[g] for g in groups])
    # A category that nobody in a group has leaves a column of zeros.
    varies = x.any(axis=0)
    return cr2(x[:, varies], np.zeros(len(x)), clusters, weights, padded[:, varies]).df
