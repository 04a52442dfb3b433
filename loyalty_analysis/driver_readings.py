"""What the drivers account for, in short paragraphs of computed sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import importance_finding, leaders, priorities
from loyalty_analysis.formatting import capitalised, listing, number, percent
from loyalty_analysis.prose import Prose, prose
from loyalty_analysis.sentences import range_of

_SHOWN = 3
"""Drivers that are read with their interval; the others are summed."""


def drivers_reading(drivers: pd.DataFrame | None, study: Any) -> Prose:
    """Read each driver's share of the explained variance, and which ranks can be told apart.

    Parameters
    ----------
    drivers : pandas.DataFrame or None
        As in results/drivers.csv; None where there is no such table.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": "loyalty", "term": ["image", "value"], "share": [0.3, 0.1], "r2": 0.4}
    >>> row |= {"share_low": [0.25, 0.05], "share_high": [0.35, 0.15], "r2_controls": 0.0}
    >>> row |= {"rank": [1, 2], "lead": [0.2, None], "lead_low": [0.1, None], "sign": "+"}
    >>> row |= {"lead_high": [0.3, None], "p_first": [1.0, 0.0], "latent": None}
    >>> print(drivers_reading(pd.DataFrame(row), load_study("bank_customers")).sentences[0])
    Of the 40% of the variance of loyalty that is explained, image accounts for 30 points (95%
    interval 25 to 35) and perceived value for 10 (5 to 15).
    """
    if drivers is None:
        return prose(["There are no shares of explained variance to read."])
    said: list[str] = []
    for outcome, first in leaders(drivers).iterrows():
        rows = drivers[drivers["outcome"] == outcome].sort_values("rank", kind="stable")
        said += [_share_sentence(rows, study), _lead_sentence(first, study)]
        said += [_signs(rows, study), _corrected(rows, study)]
    return prose([*said, "These are shares of explained variance, not of what would change."
                  if len(said) else "", _credit(study)])  # fmt: skip


def _credit(study: Any) -> str:
    if not study.model.mediator:
        return ""
    mediator = capitalised(named(study.model.mediator, study))
    return f"{mediator}, the mediator, takes credit for what works through it."


def _share_sentence(rows: pd.DataFrame, study: Any) -> str:
    """Split the explained variance of one outcome among its drivers, in points."""
    digits = 0 if (rows["share_high"] - rows["share_low"]).median() > 0.02 else 1
    points = [number(100 * share, digits) for share in rows["share"]]
    parts = []
    for place, row in enumerate(rows.head(_SHOWN).itertuples()):
        ends = f"{number(100 * row.share_low, digits)} to {number(100 * row.share_high, digits)}"
        unit, words = ("", "") if place else (" points", "95% interval ")
        verb = "" if place else "accounts "
        parts.append(f"{named(row.term, study)} {verb}for {points[place]}{unit} ({words}{ends})")
    rest = rows["share"].iloc[_SHOWN:]
    if len(rest) == 1:
        parts.append(f"{named(rows['term'].iloc[-1], study)} for {points[-1]}")
    elif len(rest):
        parts.append(f"the other {len(rest)} drivers for {number(100 * rest.sum(), digits)}")
    controls = rows["r2_controls"].iloc[0]
    parts += [f"controls for {number(100 * controls, digits)}"] if controls > 0 else []
    outcome = named(rows["outcome"].iloc[0], study)
    explained = percent(rows["r2"].iloc[0], digits)
    return (
        f"Of the {explained} of the variance of {outcome} that is explained, {listing(parts, 9)}."
    )


def _lead_sentence(first: pd.Series, study: Any) -> str:
    """Say whether the first rank can be told from the second, and how often it is first."""
    if not first["second"]:
        return ""
    leader, second = named(first["term"], study), named(first["second"], study)
    lead, low, high = (number(100 * first[name], 1) for name in ("lead", "lead_low", "lead_high"))
    apart = f"{lead} points (95% interval {low} to {high})"
    known = not np.isnan(first["p_first"])
    often = f"; first in {percent(first['p_first'])} of bootstrap replicates" if known else ""
    if first["told"]:
        return f"{capitalised(leader)} leads {second} by {apart}{often}."
    if known:
        often = f"; {leader} is{often[1:]}"
    return f"Ranks 1 and 2, {leader} and {second}, cannot be separated: {apart}{often}."


def _signs(rows: pd.DataFrame, study: Any) -> str:
    """Give back the direction that shares have lost."""
    outcome = named(rows["outcome"].iloc[0], study)
    signs = rows["sign"].fillna("")
    lower = [named(term, study) for term in rows["term"][signs == "-"]]
    untold = [named(term, study) for term in rows["term"][signs == ""]]
    said = [f"with lower {outcome}: {listing(lower, 9)}"] if lower else []
    said += [f"in a direction that cannot be told: {listing(untold, 9)}"] if untold else []
    return (
        f"A share has no direction; beside the others these go {'; '.join(said)}." if said else ""
    )


def _corrected(rows: pd.DataFrame, study: Any) -> str:
    """Say whose share is largest when corrected for measurement error."""
    known = rows[rows["latent"].notna()]
    if known.empty:
        return ""
    top = known.loc[known["latent"].idxmax()]
    same = top["term"] == rows["term"].iloc[0]
    value = f"{number(100 * top['latent'], 0)} points"
    ends = f"95% interval {number(100 * top['latent_low'], 0)} to {number(100 * top['latent_high'], 0)}"
    which = f"{'the largest is still' if same else 'the largest is instead'} that of "
    return f"Corrected for measurement error, {which}{named(top['term'], study)}: {value} ({ends})."


def importance_performance_reading(
    importance_performance: pd.DataFrame | None, study: Any
) -> Prose:
    """Read the largest total effects beside the scores of what they belong to.

    Parameters
    ----------
    importance_performance : pandas.DataFrame or None
        As in results/importance_performance.csv; None where no construct can be put on 0 to 100.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": "loyalty", "term": ["image", "value"], "effect": [0.4, 0.2]}
    >>> row |= {"effect_low": [0.35, 0.1], "effect_high": [0.45, 0.3], "score": [50.0, 70.0]}
    >>> table = pd.DataFrame(row | {"score_low": [48.0, 69.0], "score_high": [52.0, 71.0]})
    >>> print(importance_performance_reading(table, load_study("bank_customers")).sentences[0])
    Loyalty: the largest total effect is that of image; one point more of 100 goes with 0.40 points
    more (95% interval 0.35 to 0.45), at a mean score of 50. Larger than average at a lower score:
    image.
    """
    if importance_performance is None:
        return prose(
            ["No map: it needs means, and constructs with a declared scale (min and max)."]
        )
    table = priorities(importance_performance, study)
    shown = {*table["term"]}
    missing = [named(name, study) for name in study.model.drivers if name not in shown]
    return prose(
        [
            *[_map_sentence(part, study) for _, part in table.groupby("outcome", sort=False)],
            f"Left out, as their scale is not declared: {listing(missing, 9)}." if missing else "",
            "An average is that of the constructs shown; the intervals of effect and score lie "
            "clear of it where a construct is named.",
        ]
    )


def _map_sentence(part: pd.DataFrame, study: Any) -> str:
    top = part.loc[part["gain"].idxmax()]
    label = capitalised(named(top["outcome"], study))
    leaving = top["gain"] * top["effect"] < 0
    which = "most negative" if leaving else "largest"
    unit = "less" if top["effect"] < 0 else "more"
    said = (
        f"{label}: the {which} total effect is that of {named(top['term'], study)}; one point more "
        f"of 100 goes with {number(abs(top['effect']))} points {unit} "
        f"({range_of(top['effect_low'], top['effect_high'])}), at a mean score of "
        f"{number(top['score'], 0)}."
    )
    names = [named(term, study) for term in part.loc[part["priority"], "term"]]
    if not names:
        return f"{said} No construct clearly has a larger effect than average at a lower score."
    return f"{said} Larger than average at a lower score: {listing(names, 9)}."


def drivers_conclusion(results: Mapping[str, pd.DataFrame], study: Any) -> Prose:
    """Close on the drivers: what the largest share is, and whether it can be told from the next.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(drivers_conclusion({}, load_study("bank_customers")))
    There are no shares of explained variance to read.
    """
    table = results.get("drivers")
    if table is None:
        return drivers_reading(None, study)
    said: list[str] = []
    for outcome, first in leaders(table).iterrows():
        rows = table[table["outcome"] == outcome].sort_values("rank", kind="stable")
        said += [_share_sentence(rows, study), _lead_sentence(first, study)]
    if "importance_performance" in results:
        said.append(f"{importance_finding(results['importance_performance'], study)}.")
    return prose(said)
