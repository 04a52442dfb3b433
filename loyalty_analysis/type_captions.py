"""What loyalty types come to, in words: titles made from the numbers drawn."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.formatting import capitalised, interval, listing, number, percent

NAMES = {
    "none": "no loyalty",
    "inertia": "inertia",
    "latent": "latent loyalty",
    "premium": "premium loyalty",
}
"""Types as they are printed."""


def known(table: pd.DataFrame | None, column: str, quantity: str = "") -> bool:
    """Whether a frame is there and has any number in a column (for a quantity, where named).

    Examples
    --------
    >>> known(None, "n"), known(pd.DataFrame({"n": [None, 12.0]}), "n")
    (False, True)
    """
    if table is None:
        return False
    rows = table[table["quantity"] == quantity] if quantity else table
    return bool(rows[column].notna().any())


def shares_of(types: pd.DataFrame) -> pd.DataFrame:
    """Number and share of every type, by type.

    Examples
    --------
    >>> table = pd.DataFrame({"type": ["none", "none"], "variable": ["a", "b"], "share": 0.4})
    >>> shares_of(table)["share"].to_dict()
    {'none': 0.4}
    """
    return types.drop_duplicates("type").set_index("type")


def share_words(row: pd.Series) -> str:
    """A share with its interval, as it stands in a sentence.

    Examples
    --------
    >>> share_words(pd.Series({"share": 0.3, "share_low": 0.28, "share_high": 0.32}))
    '30% [28, 32]'
    """
    ends = interval(100 * row["share_low"], 100 * row["share_high"], 0)
    return f"{percent(row['share'])} {ends}" if pd.notna(row["share"]) else "–"


def shown_outcome(table: pd.DataFrame, study: Any) -> str:
    """The outcome that types are shown by: the first that is an attitude, else the first.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"outcome": ["", "repurchase", "advocacy"]})
    >>> shown_outcome(table, load_study("rice_simulated"))
    'advocacy'
    """
    names = [name for name in dict.fromkeys(table["outcome"]) if name]
    kinds = study.model.outcomes
    return str(next((name for name in names if kinds.get(name) == "attitude"), names[0]))


def share_finding(types: pd.DataFrame, type_band: pd.DataFrame) -> str:
    """Say how many customers are of each type, and how much that depends on the cuts.

    Examples
    --------
    >>> table = pd.DataFrame({"type": ["none", "premium"], "variable": "a", "share": [0.7, 0.3]})
    >>> band = pd.DataFrame({"quantity": "share", "term": "premium", "estimate": [0.2, 0.45]})
    >>> share_finding(table, band)
    '70% no loyalty and 30% premium loyalty; with other cuts premium loyalty is 20% to 45%'
    """
    shares = shares_of(types)["share"].dropna().sort_values(ascending=False)
    if shares.empty:
        return "No type has ten respondents"
    said = listing([f"{percent(share)} {NAMES[str(name)]}" for name, share in shares.items()], 4)
    first = "premium" if "premium" in shares else str(shares.index[0])
    moved = type_band[(type_band["quantity"] == "share") & (type_band["term"] == first)]["estimate"]
    ends = " to ".join(dict.fromkeys(percent(end) for end in (moved.min(), moved.max())))
    return f"{said}; with other cuts {NAMES[first]} is {ends}"


def slopes_finding(type_slopes: pd.DataFrame, study: Any) -> str:
    """Say for which outcomes the slope of attitude changes with patronage.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": "advocacy", "at": "change", "df": 90.0, "conf_low": 0.1, "conf_high": 0.2}
    >>> table = pd.DataFrame([row | {"term": "affective"}, row | {"term": "habitual"}])
    >>> print(slopes_finding(table, load_study("rice_simulated")))
    The slope of affective commitment rises with habitual commitment for advocacy
    """
    own, other = (named(name, study) for name in dict.fromkeys(type_slopes["term"]))
    rows = type_slopes[type_slopes["at"] == "change"].drop_duplicates("outcome")
    side, said = sides(rows), []
    for one, way in ((1, "rises"), (-1, "falls")):
        names = [named(name, study) for name in rows.loc[side == one, "outcome"]]
        if names:
            said.append(f"{way} with {other} for {listing(names, 4)}")
    if not said:
        return f"Whether the slope of {own} changes with {other} cannot be told"
    return f"The slope of {own} {' and '.join(said)}"


def step_counts(type_band: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """For each step between types: at how many pairs of cuts it is above zero, below, and known.

    Examples
    --------
    >>> row = {"quantity": "contrast", "outcome": "y", "term": "premium - latent"}
    >>> table = pd.DataFrame(row | {"conf_low": [0.1, -0.1], "conf_high": 0.3, "estimate": 0.2})
    >>> step_counts(table, "y").values.tolist()
    [[1, 0, 2]]
    """
    rows = type_band[(type_band["quantity"] == "contrast") & (type_band["outcome"] == outcome)]
    found = pd.DataFrame(
        {
            "term": rows["term"], "above": rows["conf_low"] > 0, "below": rows["conf_high"] < 0,
            "known": rows["estimate"].notna(),
        }
    )  # fmt: skip
    return found.groupby("term", sort=False).sum()


def band_finding(type_band: pd.DataFrame, study: Any) -> str:
    """Say for the main outcome which steps between types hold wherever the cuts are put.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"quantity": "contrast", "outcome": "advocacy", "term": "premium - latent"}
    >>> table = pd.DataFrame(row | {"conf_low": [0.1, 0.2], "conf_high": 0.3, "estimate": 0.25})
    >>> band_finding(table, load_study("rice_simulated"))
    'Advocacy: premium above latent at 2 of 2 pairs of cuts'
    """
    outcome, said = shown_outcome(type_band, study), []
    label = capitalised(named(outcome, study))
    counts = step_counts(type_band, outcome)
    known = int(counts["known"].max())
    if not known:
        return f"{label}: no pair of cuts leaves ten respondents in every type"
    for term, row in counts.iterrows():
        upper, lower = str(term).split(" - ")
        way = "below" if row["below"] > row["above"] else "above"
        said.append(f"{upper} {way} {lower} at {row[way]}")
    return f"{label}: {listing(said, 4)} of {known} pairs of cuts"


def mixture_finding(mixture: pd.DataFrame) -> str:
    """Say how many classes the scores suggest, and how far these are the four types.

    Examples
    --------
    >>> table = pd.DataFrame({"classes": [1, 2], "best": [False, True], "agreement": [0.0, 0.31],
    ...                       "entropy": [None, 0.6], "bic": [10.0, 8.0], "n": 90})
    >>> mixture_finding(table)
    'Two classes fit the scores best; their agreement with the four types is 0.31 of 1'
    """
    best = mixture[mixture["best"].astype(bool)].iloc[0]
    count = ("One class fits", "Two", "Three", "Four", "Five", "Six")[int(best["classes"]) - 1]
    if best["classes"] == 1:
        return f"{count} the scores best: no groups of customers lie apart"
    return (
        f"{count} classes fit the scores best; their agreement with the four types is "
        f"{number(best['agreement'])} of 1"
    )
