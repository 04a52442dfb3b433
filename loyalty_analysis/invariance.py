"""Measurement invariance of a study: whether its items mean the same in every group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.factors import Factors, factors
from loyalty_analysis.inference import FEW_CLUSTERS
from loyalty_analysis.moments import one_thread
from loyalty_analysis.preparation import as_text
from loyalty_analysis.sem_ladder import SMALLEST, ladder, partial_metric, step_fits
from loyalty_analysis.sem_model import ModelError
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

COLUMNS = (
    "group", "step", "chi2", "df", "cfi", "rmsea", "srmr", "delta_cfi", "delta_rmsea",
    "delta_srmr", "chi2_difference", "df_difference", "p_value", "admissible", "holds", "levels",
    "n", "freed", "enough", "note",
)  # fmt: skip


@one_thread
def invariance(survey: Survey, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Test whether groups answered the same questionnaire.

    Parameters
    ----------
    survey : Survey
    columns : sequence of str, optional
        Group columns; by default every one that the study declares. Where the study contrasts two
        of more groups, these two are also compared by themselves (``group`` as `pair` names it).

    Returns
    -------
    DataFrame
        One row per group column and step (see :func:`sem_ladder.ladder`): group, step, chi2, df,
        cfi, rmsea, srmr, delta_cfi, delta_rmsea, delta_srmr, chi2_difference, df_difference,
        p_value, admissible, holds, levels, n; on the metric row where it does not hold, ``freed``
        (items whose loadings had to differ, where letting them differ is enough) and ``enough`` (1
        where it is, and each construct keeps two others). No p values with fewer than 50 clusters.
        Where nothing can be assessed: one row, step empty, and the reason in ``note``. Constructs
        with one item are left out, groups of fewer than 50 too.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> len(invariance(read_survey("mobile_customers")))
    0
    """
    if survey.frame is None:
        return pd.DataFrame(columns=list(COLUMNS))
    asked = survey.study.design.groups if columns is None else columns
    tables = [table for column in asked for table in _tables(survey, column)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def pair(column: str, sides: Sequence[str]) -> str:
    """Name the two contrasted groups of a column.

    Examples
    --------
    >>> pair("country", ("DE", "US"))
    'country (DE, US)'
    """
    return f"{column} ({', '.join(sides)})"


def decisive(study: Study, table: pd.DataFrame, column: str) -> str:
    """The rows that decide whether a column's contrast may be judged: the pair's, if it has any."""
    contrast = study.contrasts.get(column)
    own = pair(column, contrast.sides) if contrast else column
    return own if own in set(table["group"]) else column


def _tables(survey: Survey, column: str) -> list[pd.DataFrame]:
    levels = compared_levels(survey, column)
    found = [_column(survey, column, levels, column)]
    contrast = survey.study.contrasts.get(column)
    if contrast and set(contrast.sides) < set(levels):
        sides = contrast.sides
        found.append(_column(survey, column, list(sides), pair(column, sides)))
    return found


def _column(survey: Survey, column: str, levels: list[str], label: str) -> pd.DataFrame:
    study = survey.study
    names = [name for name in study.model_constructs if len(study.items_of(name)) > 1]
    if not names:
        return _not_assessed(label, "no construct has two items or more")
    if len(levels) < 2:
        return _not_assessed(label, f"fewer than two groups of {SMALLEST} respondents")
    found = factors(survey, names)
    try:
        return _ladder(found, column, levels, label)
    except (DataError, ModelError) as error:
        return _not_assessed(label, found.named(str(error)))


def compared_levels(survey: Survey, column: str) -> list[str]:
    """Groups of a column that have enough respondents to be compared.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> compared_levels(read_survey("rice_simulated"), "sector")
    ['goods', 'services']
    """
    assert survey.frame is not None
    counts = as_text(survey.frame[column]).value_counts()
    return sorted(str(level) for level in counts.index[counts >= SMALLEST])


def _ladder(found: Factors, column: str, levels: Sequence[str], label: str) -> pd.DataFrame:
    sample = found.sample(by=column, keep=levels)
    assert sample.rows is not None
    holes = any(bool(np.isnan(rows).any()) for rows in sample.rows.values())
    fits = step_fits(found.script(), sample, robust=True, missing="ml" if holes else "listwise")
    table = ladder(fits)
    n = sum(len(rows) for rows in sample.rows.values())
    table = table.assign(group=label, levels=", ".join(levels), n=n, freed="", note="")
    table["enough"] = np.nan
    if not table.loc[table["step"] == "metric", "holds"].item() and table["holds"].iloc[0]:
        partial = partial_metric(fits)
        at = table["step"] == "metric"
        if partial.holds:  # otherwise what the search tried says nothing
            table.loc[at, "freed"] = found.named(", ".join(key[2] for key in partial.freed))
        table.loc[at, "enough"] = float(partial.holds and partial.enough)
    clusters = len(sample.cluster_names)
    if 0 < clusters < FEW_CLUSTERS:  # a robust test of many restrictions needs as many clusters
        table["p_value"] = np.nan
    return table[list(COLUMNS)]


def _not_assessed(column: str, why: str) -> pd.DataFrame:
    row: dict[str, Any] = {"group": column, "step": "", "holds": False, "freed": "", "levels": ""}
    return pd.DataFrame([row | {"note": why}], columns=list(COLUMNS))
