"""The ladder of satisfaction: adjusted mean of every outcome per level, and the step to it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.levels import adjusted, compared, degrees, enough, level_of, levels_sample
from loyalty_analysis.moments import Array, Moments, one_thread
from loyalty_analysis.preparation import possible_answers
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import numbers

STEPS = [
    "outcome", "kind", "level", "n", "share", "mean", "mean_low", "mean_high", "step", "std_error",
    "df", "p_value", "conf_low", "conf_high", "df_satterthwaite", "top_share",
]  # fmt: skip
"""Columns of steps.csv."""
KINDS = ("intention", "attitude", "behaviour", "leaving")
"""Kinds of outcome in the order they are shown: what people say first, then what they do."""


@one_thread
def steps(survey: Survey) -> pd.DataFrame:
    """Adjusted mean of every outcome on every level, and the step from the level below.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    DataFrame
        outcome, kind (of the outcome), level, n, share (of respondents, weighted), mean (in points,
        controls at their means), mean_low, mean_high, step (to the level below, in SDs of the
        outcome), std_error, df, p_value, conf_low, conf_high, df_satterthwaite (with clusters),
        top_share (of the level's respondents, those with the highest score the scale allows; empty
        for a yes or no).
        Levels of fewer than ten respondents, or in one cluster alone, have no row, and the level
        above has no step. Empty without levels or respondents.

    Notes
    -----
    Means and steps are functions of the moments of ``outcome ~ levels + controls``; their errors
    count that shares, controls and the SD are sampled too. Equal to emmeans in R (weights
    proportional).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> table = steps(read_survey("rice_simulated", [cut]))
    >>> table.head(3)[["outcome", "level", "mean", "step", "top_share"]].round(2)
          outcome level  mean  step  top_share
    0  repurchase   low  3.32   NaN       0.00
    1  repurchase   mid  4.25  0.72       0.01
    2  repurchase  high  5.18  0.71       0.09
    """
    levels = survey.study.levels
    if levels is None or not survey.has_respondents:
        return pd.DataFrame(columns=STEPS)
    names = level_of(survey)
    shown = [name for name in levels.names if enough(names == name, survey)]
    tables = [_ladder(survey, outcome, names, shown) for outcome in compared_outcomes(survey)]
    return pd.concat(tables, ignore_index=True).reindex(columns=STEPS)


def compared_outcomes(survey: Survey) -> tuple[str, ...]:
    """Outcomes that levels are compared on, by kind: intention, attitude, behaviour, leaving.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> compared_outcomes(read_survey("rice_simulated"))
    ('repurchase', 'advocacy', 'search')
    """
    study = survey.study
    kinds = study.model.outcomes
    chosen = (study.levels.outcomes if study.levels else ()) or tuple(kinds)
    return tuple(sorted(chosen, key=lambda name: KINDS.index(kinds[name])))


def _ladder(survey: Survey, outcome: str, levels: pd.Series, shown: list[str]) -> pd.DataFrame:
    sample, names, controls = levels_sample(survey, outcome)
    pairs = [((1.0, (b,)), (-1.0, (a,))) for a, b in pairwise(names)]

    @vectorized
    def values(moments: Moments) -> Array:
        mean, share = adjusted(moments, outcome, names, controls)
        middle = moments[[outcome]].mean - (mean * share).sum(axis=-1, keepdims=True)
        if not pairs:
            return middle + mean
        return np.concatenate(
            [middle + mean, compared(moments, outcome, names, controls, pairs)], axis=-1
        )

    found = estimate(single(values), sample)
    k = len(names)
    whole = np.eye(2 * k - 1)
    means = pd.DataFrame(numbers(found.combine(whole[:k]), survey.n))
    rises = pd.DataFrame(numbers(found.combine(whole[k:]), survey.n)).drop(columns="n")
    rises = rises.rename(columns={"estimate": "step"}).assign(level=names[1:])
    rises["df_satterthwaite"] = degrees(sample, names, pairs) if pairs else np.nan
    table = pd.DataFrame({"level": names, "mean": means["estimate"]})
    table = table.assign(mean_low=means["conf_low"], mean_high=means["conf_high"])
    table = table.merge(rises, on="level", how="left")
    table = table.merge(_counts(survey, outcome, levels), on="level")
    declared = list(levels.cat.categories)
    below = dict(zip(declared[1:], declared, strict=False))
    hidden = [below.get(name) not in shown for name in table["level"]]
    table.loc[hidden, [name for name in rises if name != "level"]] = np.nan
    kept = table[table["level"].isin(shown)]
    return kept.assign(outcome=outcome, kind=survey.study.model.outcomes[outcome])


def _counts(survey: Survey, outcome: str, levels: pd.Series) -> pd.DataFrame:
    """Respondents on each level, their share, and how many of them are at the top of the scale."""
    weights = np.ones(survey.n) if survey.weights is None else survey.weights
    top = at_top(survey, outcome)
    groups = pd.DataFrame({"w": weights, "top": weights * top}).groupby(levels.astype(str))
    sums = groups.sum(min_count=1)
    return pd.DataFrame(
        {
            "level": sums.index,
            "n": groups.size().to_numpy(),
            "share": (sums["w"] / weights.sum()).to_numpy(),
            "top_share": (sums["top"] / sums["w"]).to_numpy(),
        }
    )


def at_top(survey: Survey, outcome: str) -> Array:
    """Who has the highest score that an outcome can take: 1 or 0; no numbers for a yes or no.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> float(at_top(read_survey("rice_simulated"), "repurchase").mean().round(3))
    0.053
    """
    assert survey.frame is not None
    scores = survey.frame[outcome].to_numpy(dtype=float)
    if len(np.unique(scores)) <= 2:  # its mean is a share, not a score that could rise further
        return np.full(len(scores), np.nan)
    return np.where(scores > possible_answers(survey.study, outcome)[-1] - 1e-9, 1.0, 0.0)
