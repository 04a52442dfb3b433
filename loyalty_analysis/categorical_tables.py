"""Table of outcomes of one item: average changes of the logit beside the slopes of a line."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.categorical_readings import equation_label, notes_of
from loyalty_analysis.formatting import number, p_value
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset

_HEADS = {
    "row": "Term",
    "change": "Average change [95% interval]",
    "p": "p",
    "top": "Highest answer [95% interval]",
    "linear": "Linear slope [95% interval]",
}


def categorical_table(categorical: pd.DataFrame, study: Any) -> Table:
    """Print average changes of each logit, and the linear slopes of the same terms.

    Parameters
    ----------
    categorical : pandas.DataFrame
        As in results/categorical.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.categorical import categorical
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["constructs.search={items = ['sea1']}"])
    >>> table = categorical_table(categorical(survey), survey.study)
    >>> "Search, without satisfaction in the equation (ordered logit" in table.as_raw_html()
    True
    """
    rows = categorical[categorical["quantity"].isin(["scale points", "probability"])]
    key, ends = ["model", "term"], ["estimate", "conf_low", "conf_high"]
    top = categorical.loc[categorical["quantity"] == "top box", [*key, *ends]]
    rows = rows.merge(top, on=key, how="left", suffixes=("", "_top"))
    cells = pd.DataFrame(
        {
            "row": [study.label(term) for term in rows["term"]],
            "change": estimates(rows, ends),
            "p": [p_value(p) for p in rows["p_value"]],
            "top": estimates(rows, [f"{end}_top" for end in ends]),
            "linear": estimates(rows, ["linear", "linear_low", "linear_high"]),
            "group": [_group(row, study) for row in rows.itertuples()],
        }
    )
    if top.empty:
        cells = cells.drop(columns="top")
    if rows.empty:
        cells = pd.DataFrame([{**dict.fromkeys(cells, ""), "row": "None estimated"}])
    weight = study.design.weight
    notes = [
        f"Logit and ordered logit by maximum likelihood"
        f"{f' (probability weights {weight})' if weight else ''}; robust standard errors, clusters "
        "summed where there are any. Controls are held constant and not shown.",
        "Average change per point of the term, respondents as they are: of the expected answer in "
        "points (ordered logit), of the probability of the higher of two answers (logit). Linear "
        "slope: least squares, in the same unit. Log odds: results/categorical.csv.",
        "" if top.empty else "Highest answer: average change of its probability.",
        " ".join(notes_of(categorical, study)),
        about_sample(categorical["n"], study),
    ]
    return typeset("categorical", cells, "Outcomes of one item", notes, heads=_HEADS)


def _group(row: Any, study: Any) -> str:
    count = f"n\u00a0=\u00a0{number(row.n, 0)}"
    return f"{equation_label(row.model, row.outcome, study)} ({row.kind}, {count})"
