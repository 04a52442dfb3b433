"""The tables of the report: finished results in display form, each with its n and its notes.

Each function takes a result frame with the columns of its file in ``results/`` and returns a Great
Table. Nothing is estimated here, and the file holds every digit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.categorical_tables import categorical_table
from loyalty_analysis.effect_tables import (
    drivers_table,
    mediation_groups_table,
    mediation_table,
    orders_table,
)
from loyalty_analysis.formatting import VERDICT_MARKS, capitalised, number
from loyalty_analysis.group_tables import (
    group_means_table,
    mixed_table,
    moderation_table,
    simple_slopes_table,
)
from loyalty_analysis.measurement_tables import (
    gates_table,
    items_table,
    quality_table,
    reliability_table,
)
from loyalty_analysis.model_tables import contrasts_table, diagnostics_table, regression_table
from loyalty_analysis.sentences import explain, rule_label
from loyalty_analysis.structure_tables import invariance_table, structures_table
from loyalty_analysis.typesetting import SIMULATED, Table, about_sample, estimates, typeset

__all__ = [
    "attrition_table",
    "categorical_table",
    "contrasts_table",
    "correlations_table",
    "descriptives_table",
    "diagnostics_table",
    "drivers_table",
    "gates_table",
    "group_means_table",
    "invariance_table",
    "items_table",
    "mediation_groups_table",
    "mediation_table",
    "mixed_table",
    "moderation_table",
    "orders_table",
    "quality_table",
    "regression_table",
    "reliability_table",
    "simple_slopes_table",
    "structures_table",
    "verdict_summary",
]

_KINDS = {
    "driver": "Drivers",
    "mediator": "Mediator",
    "outcome": "Outcomes",
    "moderator": "Moderators",
    "other": "Other",
}


def descriptives_table(descriptives: pd.DataFrame, study: Any) -> Table:
    """Print mean, spread and reliability of every construct.

    Parameters
    ----------
    descriptives : pandas.DataFrame
        As in results/descriptives.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.descriptives import descriptives
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> table = descriptives_table(descriptives(survey), survey.study)
    >>> "Perceived value" in table.as_raw_html()
    True
    """
    kinds = {kind: place for place, kind in enumerate(_KINDS)}
    order = descriptives["kind"].map(kinds).fillna(len(kinds)).argsort(kind="stable")
    rows = descriptives.iloc[order]
    cells = pd.DataFrame(
        {
            "row": rows["label"],
            "group": [_KINDS.get(kind, capitalised(kind)) for kind in rows["kind"]],
            "items": [number(items, 0) for items in rows["items"]],
            "mean": [number(mean) for mean in rows["mean"]],
            "sd": [number(sd) for sd in rows["sd"]],
            "range": [_range(row.minimum, row.maximum) for row in rows.itertuples()],
            "skewness": [number(skewness) for skewness in rows["skewness"]],
            "alpha": [number(alpha) for alpha in rows["alpha"]],
            "n": [number(n, 0) for n in rows["n"]],
        }
    )
    heads = {
        "row": "Construct",
        "items": "Items",
        "mean": "Mean",
        "sd": "SD",
        "range": "Range",
        "skewness": "Skewness",
        "alpha": "Alpha",
        "n": "n",
    }
    notes = [
        "Scores are means of a construct's items, in scale points, reversed items turned round. "
        "Alpha: Cronbach's, raw; – for single items and where items are not known.",
        about_sample(rows["n"], study),
    ]
    return typeset("descriptives", cells, "Constructs", notes, heads=heads)


def _range(low: Any, high: Any) -> str:
    ends = number(low), number(high)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def attrition_table(attrition: pd.DataFrame, study: Any) -> Table:
    """Print which rule cost how many respondents.

    Parameters
    ----------
    attrition : pandas.DataFrame
        As in results/attrition.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> "published moments" in attrition_table(survey.attrition, survey.study).as_raw_html()
    True
    """
    cells = pd.DataFrame({"row": [rule_label(rule, study) for rule in attrition["rule"]]})
    heads = {"row": "Rule", "removed": "Removed", "alone": "By itself", "left": "Left (n)"}
    for column in ("removed", "alone", "left"):
        if column in attrition:
            cells[column] = [number(count, 0) for count in attrition[column]]
    notes = ["Each rule is applied to what the one above it left."]
    if "alone" in attrition:
        notes.append("By itself: what the rule would remove if it were the only one.")
    if "kind" in attrition and (attrition["kind"] == "comparison").any():
        names = {"step": "Analysis sample", "comparison": "For comparison, not used"}
        cells["group"] = [names.get(kind, capitalised(kind)) for kind in attrition["kind"]]
    notes.append(SIMULATED if study.is_simulated else "")
    return typeset("attrition", cells, "From rows read to respondents analysed", notes, heads=heads)


def correlations_table(correlations: pd.DataFrame, study: Any) -> Table:
    """Print the correlations between constructs as a lower triangle, columns by number.

    Parameters
    ----------
    correlations : pandas.DataFrame
        As in results/correlations.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.regression import correlations
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> table = correlations_table(correlations(survey), survey.study)
    >>> "1. Image" in table.as_raw_html()
    True
    """
    found = {frozenset((pair.a, pair.b)): pair.r for pair in correlations.itertuples()}
    known = [*correlations["a"], *correlations["b"]]
    names = sorted(dict.fromkeys(known), key=_model_order(study))
    columns = {str(place): name for place, name in enumerate(names[:-1], 1)}
    cells = pd.DataFrame({"row": [f"{k}. {study.label(name)}" for k, name in enumerate(names, 1)]})
    for place, (column, name) in enumerate(columns.items()):
        values = [number(found.get(frozenset((name, other)), np.nan)) for other in names]
        cells[column] = ["" if row <= place else value for row, value in enumerate(values)]
    heads = {"row": "Construct", **{column: column for column in columns}}
    kind = "Weighted correlations" if study.design.weight else "Correlations"
    notes = [f"{kind} of scores.", about_sample(correlations["n"], study)]
    return typeset("correlations", cells, "Correlations", notes, heads=heads)


def _model_order(study: Any) -> Callable[[str], int]:
    """Sort key: drivers, mediator, outcomes, moderators, then whatever else there is."""
    model = study.model
    order = [*model.drivers, model.mediator, *model.outcomes, *model.moderators]
    return lambda name: order.index(name) if name in order else len(order)


def verdict_summary(verdicts: pd.DataFrame, study: Any = None) -> Table:
    """Print every verdict compactly: claim, what was found, verdict, and why.

    Parameters
    ----------
    verdicts : pandas.DataFrame
        As in verdicts.csv; rows of parts are left out.
    study : Study, optional
        For the labels of the outcomes.

    Returns
    -------
    Table

    Examples
    --------
    >>> verdicts = pd.DataFrame(
    ...     {"claim_set": ["rivals"], "claim": ["V4"], "part": [""], "outcome": ["loyalty"],
    ...      "text": ["Satisfaction adds nothing once commitment is in."], "estimate": [0.26],
    ...      "conf_low": [0.2], "conf_high": [0.32], "verdict": ["contradicted"], "reason": [""],
    ...      "n": [9000]}
    ... )
    >>> "0.26 [0.20, 0.32]" in verdict_summary(verdicts).as_raw_html()
    True
    """
    rows = verdicts[verdicts["part"].fillna("").astype(str) == ""]
    cells = pd.DataFrame(
        {
            "row": rows["claim"],
            "group": [capitalised(name.replace("_", " ")) for name in rows["claim_set"]],
            "text": rows["text"],
            "outcome": [_outcome(name, study) for name in rows["outcome"].fillna("")],
            "estimate": estimates(rows, ["estimate", "conf_low", "conf_high"], digits=2),
            "verdict": [f"{VERDICT_MARKS[word].glyph}\u00a0{word}" for word in rows["verdict"]],
            "reason": [explain(reason) for reason in rows["reason"].fillna("")],
            "n": [number(n, 0) for n in rows["n"]],
        }
    )
    heads = {
        "row": "Id",
        "text": "Claim",
        "outcome": "Outcome",
        "estimate": "Estimate [95% interval]",
        "verdict": "Verdict",
        "reason": "Why",
        "n": "n",
    }
    words = ["text", "outcome", "verdict", "reason"]
    notes = ["The unit of an estimate depends on its claim; verdicts.csv says which it is."]
    if study is not None and study.is_simulated:
        notes.append(SIMULATED)
    return typeset("verdicts", cells, "Verdicts", notes, heads=heads, words=words)


def _outcome(name: str, study: Any) -> str:
    return capitalised(name.replace("_", " ")) if study is None else study.label(name)
