"""What the drivers come to: who leads, what has room to rise, and titles in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import on, sides
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import capitalised, listing, number

_LEAD = ("lead_low", "lead_high")


def leaders(drivers: pd.DataFrame) -> pd.DataFrame:
    """One row per outcome: the driver of rank 1, and whether its lead can be told.

    Parameters
    ----------
    drivers : pandas.DataFrame
        As in results/drivers.csv.

    Returns
    -------
    DataFrame
        Index outcome; the columns of the file, ``second`` (the driver of rank 2, empty when there
        is none), ``told``.

    Raises
    ------
    RunError
        When the table is empty.

    Examples
    --------
    >>> row = {"outcome": "loyalty", "term": ["image", "value"], "rank": [2, 1]}
    >>> table = pd.DataFrame(row | {"lead_low": [None, -0.1], "lead_high": [None, 0.2]})
    >>> leaders(table)[["term", "second", "told"]].to_numpy().tolist()
    [['value', 'image', False]]
    """
    if drivers.empty:
        raise RunError("results/drivers.csv holds no share to show.")
    ordered = drivers.sort_values("rank", kind="stable").groupby("outcome", sort=False)
    first = ordered.nth(0).set_index("outcome", drop=False)
    first["second"] = ordered.nth(1).set_index("outcome")["term"].reindex(first.index).fillna("")
    first["leads"] = sides(first, _LEAD) > 0
    first["told"] = (first["leads"] & first.get("ahead", True)) | (first["second"] == "")
    return first.reindex(dict.fromkeys(drivers["outcome"]))


def shares_finding(drivers: pd.DataFrame, study: Any) -> str:
    """Say which driver has the largest share of each outcome's explained variance.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = {"outcome": "loyalty", "term": ["image", "value"], "share": [0.2, 0.1]}
    >>> table |= {"rank": [1, 2], "lead": [0.1, None], "lead_low": [0.05, None]}
    >>> table = pd.DataFrame(table | {"lead_high": [0.15, None]})
    >>> print(shares_finding(table, load_study("bank_customers")))
    Largest share of explained variance: image for loyalty
    """
    first = leaders(drivers)
    told = first[first["told"]]
    if len(first) > 3:
        most = told["term"].value_counts().head(1)
        names = [f"; most often: {named(str(name), study)} ({n})" for name, n in most.items()]
        return (
            f"For {len(told)} of {len(first)} outcomes one driver clearly has the largest share of "
            f"explained variance{''.join(names)}"
        )
    said = []
    if len(told):
        said.append(f"Largest share of explained variance: {_by_term(told, study)}")
    if not first["told"].all():
        pairs = [
            f"for {named(row['outcome'], study)} ({named(row['term'], study)}, "
            f"{named(row['second'], study)})"
            for _, row in first[~first["told"]].iterrows()
        ]
        said.append(f"ranks 1 and 2 cannot be separated {listing(pairs)}")
    return capitalised("; ".join(said))


def _by_term(rows: pd.DataFrame, study: Any) -> str:
    """Name each term with its outcomes, or with their number when there are many."""
    parts = []
    for term, outcomes in rows.groupby("term", sort=False)["outcome"]:
        names = [named(name, study) for name in outcomes]
        where = f"for {listing(names)}" if len(study.model.outcomes) <= 3 else f"({len(names)})"
        parts.append(f"{named(str(term), study)} {where}")
    return listing(parts)


def priorities(importance_performance: pd.DataFrame, study: Any) -> pd.DataFrame:
    """Mark the constructs with a larger total effect than average and a lower score than average.

    For an outcome of leaving, an effect counts as the larger the more negative it is. Averages are
    those of the constructs shown; an interval that includes its average tells nothing.

    Parameters
    ----------
    importance_performance : pandas.DataFrame
        As in results/importance_performance.csv.
    study : Study

    Returns
    -------
    DataFrame
        The table with ``gain`` (the total effect, turned for outcomes of leaving), ``mean_effect``,
        ``mean_score`` and ``priority``.

    Raises
    ------
    RunError
        When the table is empty.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = {"outcome": "loyalty", "term": ["image", "value"], "effect": [0.4, 0.2]}
    >>> table |= {"effect_low": [0.35, 0.1], "effect_high": [0.45, 0.3], "score": [50.0, 70.0]}
    >>> table = pd.DataFrame(table | {"score_low": [48.0, 69.0], "score_high": [52.0, 71.0]})
    >>> priorities(table, load_study("bank_customers"))["priority"].to_list()
    [True, False]
    """
    if importance_performance.empty:
        raise RunError(
            "results/importance_performance.csv holds no construct: only those with a declared "
            "scale (min and max) can be put on 0 to 100. Leave this figure out."
        )
    table = importance_performance.reset_index(drop=True)
    leaving = table["outcome"].map(dict(study.model.outcomes)) == "leaving"
    way = np.where(leaving, -1.0, 1.0)
    means = table.groupby("outcome")[["effect", "score"]].transform("mean")
    worst = table["effect_low"].mask(leaving, -table["effect_high"])
    table = table.assign(
        gain=way * table["effect"], mean_effect=means["effect"], mean_score=means["score"]
    )
    strong = worst > np.maximum(way * means["effect"], 0.0)
    return table.assign(priority=strong & (table["score_high"] < means["score"]))


def importance_finding(importance_performance: pd.DataFrame, study: Any) -> str:
    """Name the constructs with a large total effect and a low score, or the largest effect.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = {"outcome": "loyalty", "term": ["image", "value"], "effect": [0.4, 0.2]}
    >>> table |= {"effect_low": [0.35, 0.1], "effect_high": [0.45, 0.3], "score": [50.0, 70.0]}
    >>> table = pd.DataFrame(table | {"score_low": [48.0, 69.0], "score_high": [52.0, 71.0]})
    >>> print(importance_finding(table, load_study("bank_customers")))
    Larger total effect than average at a lower score: image for loyalty
    """
    table = priorities(importance_performance, study)
    chosen = table[table["priority"]]
    if len(chosen):
        return f"Larger total effect than average at a lower score: {_by_term(chosen, study)}"
    top = table.loc[table["gain"].idxmax()]
    return (
        "No construct clearly has a larger total effect than average at a lower score; largest: "
        f"{on(top, study)} ({number(top['effect'])})"
    )
