"""Which way items point: those that run against the others of their construct."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.measurement import item_rest
from loyalty_analysis.moments import Moments
from loyalty_analysis.study import Study


def direction_problems(items: pd.DataFrame, study: Study) -> tuple[list[str], list[str]]:
    """Items that run against the others of their construct, reversed ones turned already.

    Returns
    -------
    tuple of list of str
        Problems: the upper 95% limit of the item-rest correlation is below zero. Warnings: the
        correlation is negative.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("mobile_customers")
    >>> names = [item for construct in study.constructs for item in study.items_of(construct)]
    >>> items = pd.DataFrame(dict.fromkeys(names, [1.0, 3, 4, 6, 7]))
    >>> items["cusl_3"] = [7.0, 6, 4, 2, 1]
    >>> print(direction_problems(items, study)[0][0])
    items of 'loyalty' run against the others: 'cusl_3' (item-rest correlation -0.99, 95%
    -1.00 to -0.79). Correct the coding, or list those that were asked the other way round in
    constructs.loyalty.reversed; items that are not meant to go together make constructs of their
    own.
    """
    problems, warnings = [], []
    for name in study.constructs:
        scale, answered = study.scale_of(name), items[list(study.items_of(name))]
        answered = answered[(answered >= scale.min) & (answered <= scale.max)]
        if answered.shape[1] > 1:
            against, doubtful = _against(with_the_rest(answered), study, name)
            problems += against
            warnings += doubtful
    return problems, warnings


def direction_problems_of_moments(known: Moments, study: Study) -> tuple[list[str], list[str]]:
    """The same for a study known by the moments of its items, as they were answered.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> high, low = [1.0, 3, 4, 6, 7], [7.0, 6, 4, 2, 1]
    >>> items = pd.DataFrame({"cusl_1": high, "cusl_2": [2.0, 3, 3, 5, 7], "cusl_3": low})
    >>> known = Moments.from_frame(items)
    >>> print(direction_problems_of_moments(known, load_study("mobile_customers"))[0][0])
    items of 'loyalty' run against the others: 'cusl_3' (item-rest correlation -0.98, 95%
    -1.00 to -0.66). Correct the coding, or list those that were asked the other way round in
    constructs.loyalty.reversed; items that are not meant to go together make constructs of their
    own.
    """
    problems, warnings = [], []
    for name, construct in study.constructs.items():
        items = study.items_of(name)
        if len(items) > 1 and name not in known.columns and not set(items) - set(known.columns):
            signs = np.diag([-1.0 if item in construct.reversed else 1.0 for item in items])
            moments = known[items].linear(signs, items)
            rows = zip(items, *item_rest(moments), strict=True)
            against, doubtful = _against(list(rows), study, name)
            problems += against
            warnings += doubtful
    return problems, warnings


Row = tuple[str, float, float, float]
"""An item, its item-rest correlation, and the ends of the interval."""


def with_the_rest(answered: pd.DataFrame) -> list[Row]:
    """Correlate each item with the mean of the others that the same respondent answered.

    Examples
    --------
    >>> items = pd.DataFrame({"a": [1.0, 3, 4, 6, 7], "b": [2.0, 3, 3, 5, 7]})
    >>> [(item, round(r, 2)) for item, r, low, high in with_the_rest(items)]
    [('a', 0.94), ('b', 0.94)]
    """
    rows: list[Row] = []
    for item in answered:
        rest = answered.drop(columns=item).mean(axis=1).rename("rest")
        pairs = pd.concat([answered[item], rest], axis=1).dropna()
        if len(pairs) > 3:
            r, low, high = (float(values[0]) for values in item_rest(Moments.from_frame(pairs)))
            rows.append((str(item), r, low, high))
    return rows


def _against(rows: list[Row], study: Study, name: str) -> tuple[list[str], list[str]]:
    declared = study.constructs[name].reversed
    worst = sorted((row for row in rows if row[3] < 0), key=lambda row: row[1])
    doubtful = [row for row in rows if row[1] < 0 <= row[3]]
    warnings = [
        f"item '{item}' of '{name}' hardly goes with the others ({_correlation(r, low, high)}): is "
        "it reversed, or does it measure something else?"
        for item, r, low, high in doubtful
    ]
    if not worst:
        return [], warnings
    marks = dict.fromkeys(declared, "declared reversed; ")
    shown = ", ".join(
        f"'{item}' ({marks.get(item, '')}{_correlation(r, low, high)})"
        for item, r, low, high in worst
    )
    remedy = f"list those that were asked the other way round in constructs.{name}.reversed"
    if declared and {row[0] for row in worst} & set(declared):
        remedy = f"constructs.{name}.reversed must list exactly those asked the other way round"
    # What else is doubtful there follows from the items that run against it.
    return [
        f"items of '{name}' run against the others: {shown}. Correct the coding, or {remedy}; "
        "items that are not meant to go together make constructs of their own."
    ], []


def _correlation(r: float, low: float, high: float) -> str:
    return f"item-rest correlation {r:.2f}, 95% {low:.2f} to {high:.2f}"
