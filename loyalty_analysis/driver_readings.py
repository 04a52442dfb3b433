"""What the drivers account for, in short paragraphs of computed sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.driver_captions import importance_finding, leaders, priorities
from loyalty_analysis.formatting import capitalised, listing, number, percent
from loyalty_analysis.prose import Prose, few_resampled, paragraphs, prose
from loyalty_analysis.sentences import range_of

_WIDE = 0.5  # a corrected interval this wide, of the whole variance, ranks nothing
_CORRECTED = (
    "the same driver has the largest share",
    "another driver has the largest share",
    "shares are too uncertain to rank",
)
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
    >>> row |= {"latent_low": None, "latent_high": None}
    >>> print(drivers_reading(pd.DataFrame(row), load_study("bank_customers")).sentences[0])
    Of the 40% of the variance of loyalty that is explained, image accounts for 30 points (95%
    interval 25 to 35) and perceived value for 10 (5 to 15).
    """
    if drivers is None:
        return prose(["There are no shares of explained variance to read."])
    shares = "These are shares of explained variance; they have no direction and do not say what "
    return paragraphs(
        *(
            [_share_sentence(rows, study), _lead_sentence(first, study), _signs(rows, study)]
            for first, rows in _by_outcome(drivers)
        ),
        [
            few_resampled(drivers) if drivers["p_first"].notna().any() else "",
            _corrected(drivers, study),
            f"{shares}would change.",
            _credit(study),
        ],
    )


def _by_outcome(drivers: pd.DataFrame) -> list[tuple[pd.Series, pd.DataFrame]]:
    """The leader of every outcome, with all rows of the outcome by rank."""
    ordered = drivers.sort_values("rank", kind="stable")
    return [
        (first, ordered[ordered["outcome"] == outcome])
        for outcome, first in leaders(drivers).iterrows()
    ]


def _credit(study: Any) -> str:
    if not study.model.mediator:
        return ""
    mediator = capitalised(named(study.model.mediator, study))
    return f"{mediator}, the mediator, is credited with what it shares with the drivers before it."


def _share_sentence(rows: pd.DataFrame, study: Any) -> str:
    """Split the explained variance of one outcome among its drivers, in points."""
    digits = 0 if (rows["share_high"] - rows["share_low"]).median() > 0.02 else 1
    explained, controls = (
        round(100 * rows[name].iloc[0], digits) for name in ("r2", "r2_controls")
    )
    parts = []
    for place, row in enumerate(rows.head(_SHOWN).itertuples()):
        share, low, high = (
            number(100 * end, digits) for end in (row.share, row.share_low, row.share_high)
        )
        words = f"for {share} ({low} to {high})"
        if place == 0:
            words = f"accounts for {share} points (95% interval {low} to {high})"
        parts.append(f"{named(row.term, study)} {words}")
    rest = rows["share"].iloc[_SHOWN:]
    name = named(rows["term"].iloc[-1], study) if len(rest) == 1 else f"{len(rest)} others"
    # What is printed adds up: the others get what is left of the rounded whole.
    told = sum(round(100 * share, digits) for share in rows["share"].iloc[:_SHOWN])
    left = explained - controls - told
    parts += [f"{name} for {number(left, digits)}"] if len(rest) else []
    parts += [f"controls for {number(controls, digits)}"] if controls > 0 else []
    outcome = named(rows["outcome"].iloc[0], study)
    return (
        f"Of the {number(explained, digits)}% of the variance of {outcome} that is explained, "
        f"{listing(parts, 9)}."
    )


def _lead_sentence(first: pd.Series, study: Any) -> str:
    """Say whether the first rank can be told from the second, and how often it is first."""
    if not first["second"]:
        return ""
    leader, second = named(first["term"], study), named(first["second"], study)
    lead, low, high = (number(100 * first[name], 1) for name in ("lead", "lead_low", "lead_high"))
    size = f"{lead} points (95% interval {low} to {high})"
    often = ""
    if not np.isnan(first["p_first"]):
        share = "more than 99%" if first["p_first"] > 0.99 else percent(first["p_first"])
        often = f"; {leader} is first in {share} of bootstrap replicates"
    if first["told"]:
        return f"{capitalised(leader)} leads {second} by {size}{often}."
    if first["leads"]:
        return (
            f"{capitalised(leader)} leads {second} by {size}, but cannot be told from every other "
            f"driver{often}."
        )
    return (
        f"Ranks 1 and 2, {leader} and {second}, cannot be separated: they lie {size} apart{often}."
    )


def _signs(rows: pd.DataFrame, study: Any) -> str:
    """Give back the direction that shares have lost."""
    outcome, signs = named(rows["outcome"].iloc[0], study), rows["sign"].fillna("")
    lower, untold = (
        f"all {len(rows)}"
        if len(rows) > 1 and (signs == sign).all()
        else listing((named(term, study) for term in rows["term"][signs == sign]), 9)
        for sign in ("-", "")
    )
    said = [f"with lower {outcome}: {lower}"] if lower else []
    said += [f"in a direction that cannot be told: {untold}"] if untold else []
    return f"Beside the others these go {'; '.join(said)}." if said else ""


def _corrected(drivers: pd.DataFrame, study: Any) -> str:
    """Say where another driver has the largest share when corrected for measurement error."""
    known = drivers.dropna(subset=["latent", "latent_low", "latent_high"])
    if known.empty:
        return "No share could be corrected for measurement error."
    top = known.loc[known.groupby("outcome", sort=False)["latent"].idxmax()].set_index("outcome")
    first = leaders(drivers)["term"].reindex(top.index)
    fate = (
        (top["term"] != first).astype(int).mask(top["latent_high"] - top["latent_low"] > _WIDE, 2)
    )
    said = []
    for way, words in enumerate(_CORRECTED):
        chosen = top.index[fate == way]
        names = listing(
            f"{named(str(name), study)}{f' ({named(top.term[name], study)})' if way == 1 else ''}"
            for name in chosen
        )
        every = "each outcome" if len(chosen) == len(top) > 1 and way != 1 else names
        said += [f"{words} for {every}"] if names else []
    return f"Corrected for measurement error, {'; '.join(said)}."


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
    return paragraphs(
        *([_map_sentence(part, study)] for _, part in table.groupby("outcome", sort=False)),
        [
            f"Left out, as their scale is not declared: {listing(missing, 9)}." if missing else "",
            "An average is that of the constructs shown; the intervals of effect and score lie "
            "clear of it where a construct is named.",
        ],
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
    """Close on the drivers: the largest share of each outcome, and whether it can be told.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(drivers_conclusion({}, load_study("bank_customers")))
    There are no shares of explained variance to read.
    """
    table = results.get("drivers")
    if table is None:
        return drivers_reading(None, study)
    said = []
    for first, rows in _by_outcome(table):
        told = "more than any other" if first["told"] else "not to be told from the next"
        share = _share_sentence(rows.head(1).assign(r2_controls=0.0), study).rstrip(".")
        said.append(f"{share}, {told}." if first["second"] else f"{share}.")
    if "importance_performance" in results:
        said.append(f"{importance_finding(results['importance_performance'], study)}.")
    return prose([*said, _credit(study)])
