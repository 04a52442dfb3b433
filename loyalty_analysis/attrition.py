"""Attrition: what each rule costs, from the rows of a file to the analysis sample."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.holdout import split_rule
from loyalty_analysis.preparation import design_names
from loyalty_analysis.study import Study


def attrition_of(
    frame: pd.DataFrame,
    study: Study,
    n_read: int,
    excluded: pd.DataFrame,
    items: pd.DataFrame,
    apart: int = 0,
) -> tuple[pd.DataFrame, pd.Series]:
    """What each rule removes, in order; and which rows are complete.

    Parameters
    ----------
    frame : DataFrame
        Scores and design columns of the rows that the filter keeps.
    study : Study
    n_read : int
        Rows of the file.
    excluded : DataFrame of bool
        See :func:`loyalty_analysis.careless.exclusions`.
    items : DataFrame
    apart : int
        Rows set aside by a hold-out.

    Returns
    -------
    tuple
        Table of rule, removed, left, alone and kind; which rows pass every rule.

    Examples
    --------
    >>> from loyalty_analysis.preparation import scored
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("mobile_customers")
    >>> names = [item for construct in study.constructs for item in study.items_of(construct)]
    >>> items = pd.DataFrame(dict.fromkeys(names, [5.0, 6.0])).assign(cusl_1=[np.nan, 6.0])
    >>> frame, nobody = scored(items, study), pd.DataFrame(index=items.index)
    >>> attrition_of(frame, study, 2, nobody, items)[0][["rule", "left"]].tail(2)
                                   rule  left
    4                   loyalty missing     1
    5  if half of the items were enough     2
    """
    rows: list[tuple[str, int, int, int]] = [("rows read", 0, n_read, 0)]
    if study.holdout:
        rows.append((split_rule(study), apart, n_read - apart, apart))
    if study.design.where:
        filtered = n_read - apart - len(frame)
        rows.append((f"where {study.design.where}", filtered, len(frame), filtered))
    design = [name for name in design_names(study) if name != study.design.respondent]
    passes = {f"{rule} excluded": ~excluded[rule] for rule in excluded}
    for name in [*study.analysed, *design]:
        passes[f"{name} missing"] = frame[name].notna()
    complete = pd.Series(True, index=frame.index)
    for rule, passed in passes.items():
        removed = int((complete & ~passed).sum())
        complete &= passed
        rows.append((rule, removed, int(complete.sum()), int((~passed).sum())))
    table = pd.DataFrame(rows, columns=["rule", "removed", "left", "alone"]).assign(kind="step")
    careful = ~excluded.any(axis=1)
    kept = int((careful & half_rule(items, study) & frame[design].notna().all(axis=1)).sum())
    lost = int(careful.sum()) - kept
    table.loc[len(table)] = ["if half of the items were enough", lost, kept, lost, "comparison"]
    return table, complete


def half_rule(items: pd.DataFrame, study: Study) -> pd.Series:
    """Rows that would be kept if half of each construct's items were enough for its score.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("mobile_customers")
    >>> names = [item for construct in study.constructs for item in study.items_of(construct)]
    >>> items = pd.DataFrame(dict.fromkeys(names, [5.0, 6.0]))
    >>> half_rule(items.assign(cusl_1=np.nan, cusl_2=[5.0, np.nan]), study).tolist()
    [True, False]
    """
    kept = pd.Series(True, index=items.index)
    for name in study.analysed:
        answered = items[list(study.items_of(name))].notna()
        kept &= answered.sum(axis=1) >= np.ceil(answered.shape[1] / 2)
    return kept
