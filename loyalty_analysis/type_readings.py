"""What loyalty types and mutual loyalty come to, in short paragraphs of computed sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.formatting import capitalised, estimate, listing, number
from loyalty_analysis.mediation import THROUGH
from loyalty_analysis.mixtures import ABSENT
from loyalty_analysis.prose import Prose, paragraphs, prose
from loyalty_analysis.survey import Survey
from loyalty_analysis.type_captions import (
    NAMES,
    band_finding,
    mixture_finding,
    share_words,
    shares_of,
    shown_outcome,
)
from loyalty_analysis.type_words import CUSTOMERS

_ENDS = ["estimate", "conf_low", "conf_high"]
_SURE = 0.8  # relative entropy from which classes are usually called well separated
_PERCEIVED = (
    "What the brand put in is what customers perceived: without a record of it this tests "
    "perceived reciprocity only."
)


def needs_types(survey: Survey, what: str) -> Prose:
    """Say that something cannot be shown, for want of types or of respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> str(needs_types(read_survey("bank_customers"), "The map of customers"))
    'The map of customers needs respondents; this study is known by its moments only.'
    >>> str(needs_types(read_survey("rice_simulated"), "The map of customers"))
    'The map of customers needs attitude and patronage; the study declares no [types].'
    """
    if not survey.has_respondents:
        return prose([f"{what} needs respondents; this study is known by its moments only."])
    if survey.study.types is None:
        return prose([f"{what} needs attitude and patronage; the study declares no [types]."])
    return prose([f"{what} needs ten respondents in every type; there are not."])


def types_reading(types: pd.DataFrame, study: Any) -> Prose:
    """Read the shares of the types, and the main outcome in the highest and the lowest of them.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"type": ["none", "premium"], "variable": "advocacy", "share": [0.6, 0.4]}
    >>> row |= {"share_low": [0.55, 0.35], "share_high": [0.65, 0.45], "mean": [4.0, 5.0]}
    >>> table = pd.DataFrame(row | {"conf_low": [3.9, 4.9], "conf_high": [4.1, 5.1]})
    >>> print(types_reading(table, load_study("rice_simulated")))
    Of all customers 60% [55, 65] have no loyalty and 40% [35, 45] premium loyalty. Mean advocacy
    runs from 4.00 [3.90, 4.10] among customers without loyalty to 5.00 [4.90, 5.10] among premium
    customers.
    """
    shares = shares_of(types)
    known = shares[shares["share"].notna()]
    if known.empty:
        return prose(["No type has ten respondents."])
    listed = [f"{share_words(row)} {NAMES[str(name)]}" for name, row in known.iterrows()]
    listed[0] = listed[0].replace(f" {NAMES[str(known.index[0])]}", "", 1)
    first = f"{listed[0]} have {NAMES[str(known.index[0])]}"
    outcome = shown_outcome(types.rename(columns={"variable": "outcome"}), study)
    means = types[(types["variable"] == outcome) & types["mean"].notna()].set_index("type")
    low, high = means["mean"].idxmin(), means["mean"].idxmax()
    small = [NAMES[str(name)] for name in shares.index if name not in known.index]
    return prose(
        [
            f"Of all customers {listing([first, *listed[1:]], 4)}.",
            f"Mean {named(outcome, study)} runs from {_mean(means, low)} to {_mean(means, high)}."
            if low != high
            else "",
            f"Under ten respondents, and so not shown: {listing(small)}." if small else "",
        ]
    )


def _mean(means: pd.DataFrame, name: str) -> str:
    ends = means.loc[name, ["mean", "conf_low", "conf_high"]]
    return f"{estimate(*ends)} among {CUSTOMERS[name]}"


def type_slopes_reading(
    type_slopes: pd.DataFrame, contrasts: pd.DataFrame | None, study: Any
) -> Prose:
    """Read the interaction, the primary model, on the main outcome and on the others.

    Parameters
    ----------
    type_slopes : pandas.DataFrame
        As in results/type_slopes.csv.
    contrasts : pandas.DataFrame or None
        Rows of results/contrasts.csv, for the standardized product and its twin.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": "advocacy", "term": "affective", "at": ["low", "mean", "high", "change"]}
    >>> row |= {"estimate": [0.1, 0.2, 0.3, 0.1], "conf_low": 0.05, "conf_high": 0.35, "df": 90.0}
    >>> both = pd.concat([pd.DataFrame(row), pd.DataFrame(row | {"term": "habitual"})])
    >>> print(type_slopes_reading(both, None, load_study("rice_simulated")))
    Where habitual commitment is one SD below its mean, one point more affective commitment goes
    with 0.10 [0.05, 0.35] points more advocacy; one SD above, with 0.30 [0.05, 0.35]. That the
    slope changes can be told from zero.
    """
    own, other = dict.fromkeys(type_slopes["term"])
    outcome = shown_outcome(type_slopes, study)
    rows = type_slopes[type_slopes["term"] == own]
    slopes = rows[rows["outcome"] == outcome].set_index("at")
    change = rows[rows["at"] == "change"]
    side = dict(zip(change["outcome"], sides(change), strict=True))
    told = "can be told" if side[outcome] else "cannot be told"
    beside = {
        way: [named(name, study) for name, one in side.items() if one == sign and name != outcome]
        for way, sign in (("rises", 1), ("falls", -1), ("cannot be told to change", 0))
    }
    others = [f"it {way} for {listing(names, 6)}" for way, names in beside.items() if names]
    return prose(
        [
            f"Where {named(other, study)} is one SD below its mean, one point more "
            f"{named(own, study)} goes with {estimate(*slopes.loc['low', _ENDS])} points more "
            f"{named(outcome, study)}; one SD above, with {estimate(*slopes.loc['high', _ENDS])}.",
            f"That the slope changes {told} from zero.",
            f"Elsewhere {'; '.join(others)}." if others else "",
            _product(contrasts, f"{own}:{other}", outcome),
        ]
    )


def _product(contrasts: pd.DataFrame | None, pair: str, outcome: str) -> str:
    """Standardized slope of the product, with what it is once error is taken out."""
    if contrasts is None or contrasts.empty:
        return ""
    rows = contrasts[(contrasts["estimand"] == "interaction") & (contrasts["term"] == pair)]
    rows = rows[rows["outcome"] == outcome]
    if rows.empty:
        return ""
    row = rows.iloc[0]
    said = f"Standardized slope of the product: {estimate(*row[_ENDS])}"
    if pd.isna(row["latent_low"]):
        return f"{said}; what measurement error does to it is not known."
    twin = estimate(*row[["latent", "latent_low", "latent_high"]])
    return f"{said}; corrected for measurement error {twin}."


def band_reading(type_band: pd.DataFrame, study: Any) -> Prose:
    """Say how shares and steps move with the cuts.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> share = {"quantity": "share", "outcome": "", "term": "premium", "estimate": [0.2, 0.4]}
    >>> step = {"quantity": "contrast", "outcome": "advocacy", "term": "premium - latent"}
    >>> step |= {"estimate": [0.2, 0.3], "conf_low": 0.1, "conf_high": 0.4}
    >>> both = pd.concat([pd.DataFrame(share), pd.DataFrame(step)])
    >>> print(band_reading(both, load_study("rice_simulated")))
    Moved cuts make premium loyalty 20 to 40% of customers. Advocacy: premium above latent at 2 of
    2 pairs of cuts.
    """
    shares = type_band[type_band["quantity"] == "share"]
    ends = shares.groupby("term", sort=False)["estimate"].agg(["min", "max"]).dropna() * 100
    said = [
        f"{NAMES[str(name)]} {number(row['min'], 0)} to {number(row['max'], 0)}%"
        for name, row in ends.iterrows()
    ]
    moved = f"Moved cuts make {listing(said, 4)} of customers." if said else ""
    return prose([moved, f"{band_finding(type_band, study)}."])


def mixture_reading(mixture: pd.DataFrame, study: Any) -> Prose:
    """Say how many classes the scores suggest, and how sure it is who belongs to which.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"classes": [1, 2], "best": [False, True], "agreement": [0.0, 0.31],
    ...                       "entropy": [None, 0.6], "bic": [10.0, 8.0], "n": 90, "note": ""})
    >>> print(mixture_reading(table, load_study("rice_simulated")))
    Two classes fit the scores best; their agreement with the four types is 0.31 of 1. Their
    relative entropy is 0.60: they overlap, and describe how scores spread rather than kinds of
    customers.
    """
    note = next(filter(None, mixture["note"]), "")
    if mixture["classes"].isna().all():
        return prose([f"A mixture {ABSENT}."])
    best = mixture[mixture["best"].astype(bool)].iloc[0]
    sure = (
        "most customers belong to one of them clearly"
        if best["entropy"] >= _SURE
        else "they overlap, and describe how scores spread rather than kinds of customers"
    )
    return prose(
        [
            f"{mixture_finding(mixture)}.",
            f"Their relative entropy is {number(best['entropy'])}: {sure}."
            if best["classes"] > 1
            else "",
            f"Every respondent counts once: {note}." if note else "",
        ]
    )


def reciprocity_reading(reciprocity: pd.DataFrame | None, study: Any) -> Prose:
    """Read the chain from brand investment to giving back, and mutual loyalty beside.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> str(reciprocity_reading(None, load_study("rice_simulated")))
    'The study measures no chain from brand investment to reciprocation.'
    """
    if reciprocity is None or reciprocity.empty:
        return prose(["The study measures no chain from brand investment to reciprocation."])
    chains = reciprocity[reciprocity["effect"] == "chain"]
    perceived = len(chains) and set(chains["source"]) == {"perceived"}
    return paragraphs(
        [*_chains(chains, reciprocity, study), _PERCEIVED if perceived else ""],
        [_beside(reciprocity[reciprocity["effect"] == "slope"], study)],
    )


def _chains(chains: pd.DataFrame, table: pd.DataFrame, study: Any) -> Iterator[str]:
    if chains.empty:
        yield "The study measures no chain from brand investment to reciprocation."
    for side, (_, row) in zip(sides(chains), chains.iterrows(), strict=True):
        through = [named(name, study) for name in row["through"].split(THROUGH)]
        yield (
            f"{str(row['source']).capitalize()}: one SD more {named(row['term'], study)} goes with "
            f"{number(abs(row['estimate']), 3)} SD {'more' if row['estimate'] > 0 else 'less'} "
            f"{named(row['outcome'], study)} by way of {' and then '.join(through)} "
            f"(95% interval {number(row['conf_low'], 3)} to {number(row['conf_high'], 3)})"
            f"{'' if side else '; it cannot be told from zero'}."
        )
        links = table[(table["effect"] == "link") & (table["source"] == row["source"])]
        open_ones = [
            f"{named(one.term, study)} to {named(one.outcome, study)}"
            for one, told in zip(links.itertuples(), sides(links), strict=True)
            if not told
        ]
        if open_ones:
            yield f"Links that cannot be told from zero: {listing(open_ones)}."


def _beside(slopes: pd.DataFrame, study: Any) -> str:
    """What mutual loyalty adds to affective commitment, on every outcome."""
    rows = slopes[slopes["term"] == "mutual_loyalty"]
    if rows.empty:
        return ""
    other = slopes[slopes["term"] == "affective"].set_index("outcome")["estimate"]
    said = [
        f"{estimate(*row[_ENDS])} on {named(row['outcome'], study)} (affective commitment "
        f"{number(other[row['outcome']])})"
        for _, row in rows.iterrows()
    ]
    term = capitalised(named("mutual_loyalty", study))
    return f"{term} beside affective commitment: standardized slopes {listing(said, 5)}."
