"""What pillars, their moderators, habit and search come to, in computed sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loyalty_analysis.captions import named, twin_side
from loyalty_analysis.driver_readings import drivers_reading
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.effect_readings import mediation_reading
from loyalty_analysis.formatting import capitalised, listing, number, percent
from loyalty_analysis.habit import HABIT, SATISFACTION
from loyalty_analysis.moderated import COST, TENURE
from loyalty_analysis.pillar_captions import KEYS, LEVEL, changing
from loyalty_analysis.pillars import PILLARS, further_models, pillar_view
from loyalty_analysis.prose import Prose, paragraphs, prose
from loyalty_analysis.sentences import joined, range_of, told_side
from loyalty_analysis.slope_readings import slopes_by_equation
from loyalty_analysis.survey import Survey

_MOST = 4


def pillars_reading(survey: Survey) -> Prose:
    """Say which further models a study declares, and plainly where it has none of pillars.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(pillars_reading(read_survey("bank_customers")))
    This study declares no [models.pillars]: its pillars are not measured side by side, so nothing
    is said about them. It declares no other further model.
    """
    others = [part for part in further_models(survey.study) if part != PILLARS]
    if PILLARS in survey.study.parts:
        names = [named(name, survey.study) for name in survey.study.models[PILLARS].drivers]
        said = f"The pillars stand side by side as {len(names)} drivers: {listing(names, 9)}."
    else:
        said = (
            "This study declares no [models.pillars]: its pillars are not measured side by side, "
            "so nothing is said about them."
        )
    spoken = [name.replace("_", " ") for name in others]
    more = f"Other further models: {listing(spoken, 9)}." if others else ""
    return prose([said, more or "It declares no other further model."])


def further_reading(frames: Mapping[str, pd.DataFrame], survey: Survey) -> Prose:
    """Read a further model: its drivers' slopes, its paths, sums of slopes, shares.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Results of the model.
    survey : Survey
        The view of the model.
    """
    study = survey.study
    table = frames["regression"]
    kinds = ("mediator", "total", "path")
    slopes = [said for kind in kinds for said in slopes_by_equation(survey, table, kind)]
    shares = drivers_reading(frames["drivers"], study).sentences if "drivers" in frames else ()
    sums = sums_reading(frames.get("contrasts"), study).sentences
    through: tuple[str, ...] = ()
    if len(frames.get("mediation", ())):
        through = mediation_reading(frames["mediation"], study).sentences
    start = f"Model '{study.part.replace('_', ' ')}'."
    return paragraphs([start], *slopes, _unlike(table, study), sums, shares, through)


def _unlike(table: pd.DataFrame, study: Any) -> list[str]:
    """Slopes that are told from zero only with, or only without, the correction for error."""
    terms = {*study.model.drivers, *(term for right in study.paths.values() for term in right)}
    known = table[table["term"].isin(terms)].dropna(subset=["beta", "beta_latent"])
    if known.empty:
        return ["No slope could be corrected for measurement error."]
    apart = [row for row in known.itertuples() if told_side(row) != twin_side(row)]
    names = [f"{named(row.term, study)} on {named(row.outcome, study)}" for row in apart]
    if not names:
        return ["Corrected for measurement error, the same slopes can be told from zero."]
    return [f"Told from zero with or without a correction for measurement error, not both: "
            f"{listing(dict.fromkeys(names), 6)}."]  # fmt: skip


def sums_reading(contrasts: pd.DataFrame | None, study: Any) -> Prose:
    """Read what several drivers go with together, where a claim asks for it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"estimand": "total", "term": "image + value", "outcome": ["loyalty"], "latent": 0.5}
    >>> row |= {"estimate": 0.4, "conf_low": 0.3, "conf_high": 0.5, "latent_low": 0.4}
    >>> print(sums_reading(pd.DataFrame(row | {"latent_high": 0.6}), load_study("bank_customers")))
    One SD more of image and perceived value at once goes with 0.40 SD more loyalty (95% interval
    0.30 to 0.50; corrected for measurement error 0.50, 95% interval 0.40 to 0.60).
    """
    if contrasts is None or contrasts.empty:
        return prose([])
    rows = contrasts[
        contrasts["estimand"].isin(["total", "direct", "path"])
        & contrasts["term"].str.contains("+", regex=False)
    ]
    said = []
    for row in rows.itertuples():
        twin = f"; corrected for measurement error {number(row.latent)}, "
        twin += range_of(row.latent_low, row.latent_high)
        ends = f"{range_of(row.conf_low, row.conf_high)}{twin if row.latent == row.latent else ''}"
        what, outcome = f"one SD more of {joined(row.term, study)}", named(row.outcome, study)
        if row.conf_low <= 0 <= row.conf_high:
            said.append(
                f"Whether {what} at once goes with more or less {outcome} cannot be told "
                f"({number(row.estimate)} SD, {ends})."
            )
            continue
        more = "more" if row.estimate > 0 else "less"
        size = number(abs(row.estimate))
        said.append(f"{capitalised(what)} at once goes with {size} SD {more} {outcome} ({ends}).")
    return prose(said)


def regions_reading(
    regions: pd.DataFrame | None, conditional_slopes: pd.DataFrame | None, survey: Survey
) -> Prose:
    """Say which slopes change with a moderator, by how much, and where they can be told from zero.

    Exploratory; says what is missing where there is nothing.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(regions_reading(None, None, read_survey("bank_customers")))
    No slope can be followed along a moderator: this takes respondents.
    """
    if regions is None or conditional_slopes is None:
        what = listing(_missing(survey), 9) or "more respondents"
        return prose([f"No slope can be followed along a moderator: this takes {what}."])
    study, told = pillar_view(survey).study, changing(regions)
    count = len(regions.drop_duplicates(KEYS))
    start = (
        f"Exploratory: {count} slopes were followed along a moderator, and about "
        f"{number(count * LEVEL, 1)} would appear to change by luck alone (p < {number(LEVEL)}, "
        f"unadjusted). {len(told) or 'None'} can be told to."
    )
    said = [
        _change(row, regions, conditional_slopes, study) for _, row in told.head(_MOST).iterrows()
    ]
    rest = f"{len(told) - _MOST} more are in results/regions.csv." if len(told) > _MOST else ""
    rule = (
        "Regions are those of a false discovery rate of 5% over the range (Esarey and Sumner "
        "2018); the plain ones, which find too much, are in results/regions.csv beside them. "
        "One moderator stands in an equation at a time, so that one may take credit for another "
        "that goes with it. Products of scores are not corrected for measurement error, which "
        "shrinks them."
    )
    return paragraphs([start], [*said, rest], [rule])


def _missing(survey: Survey) -> list[str]:
    """What a study lacks for slopes along moderators."""
    if survey.frame is None:
        return ["respondents"]
    drivers = pillar_view(survey).study.model.drivers
    said = [] if SATISFACTION in drivers else ["satisfaction as a driver of [models.pillars]"]
    if not any(name.startswith(COST) for name in drivers):
        said.append(f"drivers named {COST}… there")
    if TENURE not in survey.frame:
        said.append(f"{TENURE} among the moderators")
    return said


def _change(
    row: pd.Series, regions: pd.DataFrame, slopes: pd.DataFrame, study: Any
) -> str:  # fmt: skip
    term, outcome, by = (named(row[key], study) for key in ("term", "outcome", "moderator"))
    own = (slopes[KEYS] == row[KEYS].tolist()).all(axis=1)
    ends = slopes[own].set_index("at").loc[["low", "high"]]
    values = [
        f"{number(end.estimate)} at {number(end.value, 1)} "
        f"({range_of(end.conf_low, end.conf_high)})"
        for end in ends.itertuples()
    ]
    way = "higher" if row["change"] > 0 else "lower"
    same = (regions[KEYS] == row[KEYS].tolist()).all(axis=1) & (regions["rule"] == "adjusted")
    return (
        f"{capitalised(term)} on {outcome}: with each point of {by} its slope is "
        f"{number(abs(row['change']), 3)} {way}; {values[0]} and {values[1]}, an SD below and "
        f"above the mean. {_where(regions[same])}"
    )


def _where(segments: pd.DataFrame) -> str:
    """Say in which part of the range a slope lies above and below zero."""
    said = []
    for sign, way in ((1, "above"), (-1, "below")):
        for one in segments[segments["side"] == sign].itertuples():
            inside = "fewer than ten" if one.share != one.share else percent(one.share)
            who = "" if inside == "100%" else f" ({inside} of the respondents)"
            said.append(f"{way} zero from {number(one.start, 1)} to {number(one.end, 1)}{who}")
    return (
        f"It can be told to lie {listing(said, 9)}."
        if said
        else "Nowhere can it be told from zero."
    )


def habit_reading(habit_search: pd.DataFrame | None, study: Any) -> Prose:
    """Say whether habit goes with less search at equal satisfaction, and whether that varies.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(habit_reading(None, load_study("bank_customers")))
    Habit and search cannot be compared: the model needs habitual, satisfaction and search.
    """
    if habit_search is None:
        needs = "the model needs habitual, satisfaction and search"
        return prose([f"Habit and search cannot be compared: {needs}."])
    rows = habit_search.set_index("term")
    side = dict(zip(rows.index, sides(rows), strict=True))
    habit, satisfied = named(HABIT, study), named(SATISFACTION, study)
    row, outcome = rows.loc[HABIT], named(rows["outcome"].iloc[0], study)
    ends = range_of(row["conf_low"], row["conf_high"])
    ways = {1: f"more {outcome}", -1: f"less {outcome}"}
    if side[HABIT]:
        size = f"{number(abs(row['estimate']))} SD {ways[side[HABIT]]} ({ends})"
        said = [f"At equal {satisfied}, one SD more {habit} goes with {size}."]
    else:
        said = [f"At equal {satisfied}, whether {habit} goes with more or less {outcome} cannot be "
                f"told ({number(row['estimate'])}, {ends})."]  # fmt: skip
    pair = f"{HABIT}:{SATISFACTION}"
    if pair in rows.index:
        product = rows.loc[pair]
        ends = range_of(product["conf_low"], product["conf_high"])
        size = f"{number(product['estimate'])} per SD, {ends}"
        way = {1: "is higher", 0: "cannot be told to differ", -1: "is lower"}[side[pair]]
        said.append(f"Exploratory: that slope {way} where {satisfied} is higher ({size}).")
    return prose(said)
