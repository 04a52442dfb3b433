"""Titles of the figures of pillars and captive customers, made from the numbers drawn."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.formatting import capitalised, listing, number
from loyalty_analysis.rules import LEAST_DF
from loyalty_analysis.sentences import told_side

LEVEL = 0.05
PLACES = {"low": "An SD below the mean", "mean": "At the mean", "high": "An SD above: captive"}
"""Places on the scale of forced commitment."""
KEYS = ["model", "outcome", "term", "moderator"]


def changing(regions: pd.DataFrame) -> pd.DataFrame:
    """Slopes whose change with the moderator can be told from zero, the largest change first.

    One row for each, by 5% unadjusted and with four degrees of freedom.

    Examples
    --------
    >>> row = {"model": "y.total", "outcome": "y", "term": "a", "moderator": ["b", "c"], "df": 9.0}
    >>> changing(pd.DataFrame(row | {"change_p": [0.01, 0.2], "change_beta": 0.1}))["moderator"][0]
    'b'
    """
    each = regions.drop_duplicates(KEYS)
    told = each[(each["change_p"] < LEVEL) & (each["df"] >= LEAST_DF)]
    return told.sort_values("change_beta", key=abs, ascending=False, kind="stable")


def moderation_finding(regions: pd.DataFrame, study: Any) -> str:
    """Say how many slopes change with a moderator, and which changes most.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"model": "y.total", "outcome": "loyalty", "term": "satisfaction", "df": 9.0}
    >>> row |= {"moderator": ["price"], "change": 0.1, "change_p": 0.01, "change_beta": 0.1}
    >>> print(moderation_finding(pd.DataFrame(row), load_study("bank_customers")))
    Exploratory: 1 of 1 slopes changes with its moderator; most: satisfaction on loyalty, higher
    with price
    """
    count, told = len(regions.drop_duplicates(KEYS)), changing(regions)
    if told.empty:
        return f"Exploratory: of {count} slopes, none can be told to change with its moderator"
    first = told.iloc[0]
    way = "higher" if first["change"] > 0 else "lower"
    verb = "changes with its" if len(told) == 1 else "change with their"
    return (
        f"Exploratory: {len(told)} of {count} slopes {verb} moderator; most: "
        f"{named(first['term'], study)} on {named(first['outcome'], study)}, {way} with "
        f"{named(first['moderator'], study)}"
    )


def captive_finding(captive: pd.DataFrame, study: Any) -> str:
    """Say for which outcomes captive customers who are shown alternatives stand higher or lower.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": ["loyalty"], "quantity": "difference", "at": "high", "df": 90.0}
    >>> row |= {"conf_low": 0.1, "conf_high": 0.3}
    >>> print(captive_finding(pd.DataFrame(row), load_study("bank_customers")))
    Captive customers who are shown alternatives stand higher in loyalty
    """
    rows = captive[(captive["quantity"] == "difference") & (captive["at"] == "high")]
    side = sides(rows)
    said = [
        f"{way} in {listing([named(name, study) for name in rows['outcome'][side == sign]], 9)}"
        for sign, way in ((1, "higher"), (-1, "lower"))
        if (side == sign).any()
    ]
    if not said:
        return "Captive customers who are shown alternatives cannot be told from the others"
    return f"Captive customers who are shown alternatives stand {' and '.join(said)}"


def antecedents_finding(paths: pd.DataFrame, study: Any) -> str:
    """Say what goes most with each construct that has an equation of its own.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": "image", "term": ["price", "value"], "beta": [0.4, 0.2]}
    >>> row = pd.DataFrame(row | {"beta_low": 0.1, "beta_high": 0.6})
    >>> antecedents_finding(row, load_study("bank_customers"))
    'Goes most with image: price (0.40)'
    """
    said = []
    for outcome, rows in paths.groupby("outcome", sort=False):
        told = rows[[told_side(row) != 0 for row in rows.itertuples()]]
        first = told.loc[told["beta"].abs().idxmax()] if len(told) else None
        most = "nothing that can be told" if first is None else (
            f"{named(first['term'], study)} ({number(first['beta'])})"
        )  # fmt: skip
        said.append(f"with {named(str(outcome), study)}: {most}")
    return capitalised(f"goes most {listing(said, 9)}")
