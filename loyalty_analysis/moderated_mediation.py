"""Moderated mediation: indirect effects within groups, and how far they differ between groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from loyalty_analysis.inference import Sample, estimate, pooled, vectorized
from loyalty_analysis.mediation import Columns, columns_of, effects
from loyalty_analysis.moments import Array, Moments, one_thread
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import df_of, numbers, satterthwaite


@one_thread
def mediation_groups(survey: Survey) -> pd.DataFrame:
    """Indirect effects in each level of every group column, and their declared contrasts.

    Returns
    -------
    DataFrame
        group, level (a level, or ``a - b`` of a contrast), driver, mediator, outcome, estimate (by
        the SDs of the whole sample), std_error, df, statistic, p_value, conf_low, conf_high, n,
        df_satterthwaite (the least of the slopes behind it; empty without clusters). Every slope
        is free in each level; levels with too few respondents or clusters are left out. Empty
        without mediator, groups or respondents.

    References
    ----------
    Hayes (2015), Multivariate Behavioral Research 50, 1-22 (index of moderated mediation).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> mediation_groups(read_survey("mobile_customers")).empty
    True
    """
    design = columns_of(survey)
    if design is None or survey.frame is None:
        return pd.DataFrame()
    tables = [_in_groups(design, column) for column in survey.study.design.groups]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _in_groups(design: Columns, column: str) -> pd.DataFrame:
    survey = design.survey
    levels = survey.usable_levels(column, len(design.drivers) + len(design.controls) + 1)
    if len(levels) < 2:
        return pd.DataFrame()
    # A category that nobody in a level has leaves its slope at zero there.
    sample = survey.sample(design.all, by=column)
    drivers, outcomes = design.drivers, design.outcomes

    @vectorized
    def values(groups: Mapping[str, Moments]) -> Array:
        size = pooled(groups)[[*drivers, *outcomes]].size
        found = []
        for level, (at, outcome) in product(levels, enumerate(outcomes)):
            each = effects(groups[level], drivers, design.mediator, outcome, design.controls)
            unit = size[..., : len(drivers)] / size[..., len(drivers) + at, None]
            found.append(each[..., 1, :] * unit)
        # Only one group's moments are varied at a time; the others have no leading dimensions.
        return np.concatenate(np.broadcast_arrays(*found), axis=-1)

    found = estimate(values, sample)
    width = len(drivers) * len(outcomes)
    blocks = {level: np.eye(len(levels))[at] for at, level in enumerate(levels)}
    sides = {level: [level] for level in levels}
    contrast = survey.study.contrasts.get(column)
    if contrast and set(contrast.sides) <= set(levels):
        name = " - ".join(contrast.sides)
        blocks[name] = blocks[contrast.sides[0]] - blocks[contrast.sides[1]]
        sides[name] = list(contrast.sides)
    tables = []
    for label, weights in blocks.items():
        df = df_of(sample, sides[label])
        part = replace(found.combine(np.kron(weights, np.eye(width))), df=df)
        n = sum(sample.moments[side].n for side in sides[label])
        keys = pd.DataFrame(product(outcomes, drivers), columns=["outcome", "driver"])
        least = _least_df(design, sample, sides[label])
        tables.append(keys.assign(level=label, **numbers(part, n), df_satterthwaite=least))
    table = pd.concat(tables, ignore_index=True).assign(group=column, mediator=design.mediator)
    return table[["group", "level", "driver", "mediator", "outcome", *table.columns[3:-2]]]


def _least_df(design: Columns, sample: Sample, sides: Sequence[str]) -> Array | float:
    """Least Satterthwaite degrees of freedom of the slopes or differences behind each effect."""
    if sample.clusters is None:
        return np.nan
    first = [*design.drivers, *design.controls]
    second = [design.mediator, *first]
    one = np.eye(len(first))[: len(design.drivers)]
    last = np.eye(len(second))[:1]
    turn = [1, -1][: len(sides)]
    to_mediator = satterthwaite(sample[[*first, design.mediator]], np.kron(turn, one), sides)
    found = []
    for outcome in design.outcomes:
        onwards = satterthwaite(sample[[*second, outcome]], np.kron(turn, last), sides)
        found.append(np.minimum(to_mediator, onwards))
    return np.concatenate(found)
