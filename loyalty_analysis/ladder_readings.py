"""What levels of satisfaction come to, in short paragraphs of computed sentences."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.formatting import capitalised, listing, number, percent
from loyalty_analysis.level_captions import MANY_AT_TOP, SHAPES, latent_way, returns, told_steps
from loyalty_analysis.level_steps import KINDS
from loyalty_analysis.levels import level_of
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.prose import Prose, paragraphs, prose
from loyalty_analysis.sentences import range_of

_HEADS = {
    "intention": "What customers say they will do",
    "attitude": "What they think",
    "behaviour": "What was recorded",
    "leaving": "How open they are to a better offer",
}
_WAYS = {
    "diminish": "returns to {score} diminish",
    "grow": "returns to {score} grow",
    "steady": "no bend in the returns to {score} can be told",
    "vary": "returns to {score} bend, not in one way",
}
_BEHIND = "behind the answers, where there is no ceiling,"


def levels_reading(survey: Any) -> Prose:
    """Say how levels were measured, and who stands on them; or that none are declared.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> print(levels_reading(read_survey("rice_simulated", [cut])))
    Levels are cut from satisfaction at 3 and 5. Respondents: low 362, mid 3,155 and high 4,161.
    """
    levels, study = survey.study.levels, survey.study
    if levels is None or not survey.has_respondents:
        return needs_levels(survey, "This section")
    label, cuts = named(levels.measure, study), listing((f"{cut:g}" for cut in levels.cuts), 9)
    how = f"cut from {label} at {cuts}" if cuts else f"asked as such ({label})"
    counts = level_of(survey).value_counts(sort=False)
    told = [f"{name} {n:,}" for name, n in counts.items() if n >= SMALLEST_GROUP]
    few = [str(name) for name, n in counts.items() if n < SMALLEST_GROUP]
    said = [f"Levels are {how}.", f"Respondents: {listing(told, 9)}." if told else ""]
    said.append(f"Fewer than ten, and not shown: {listing(few, 9)}." if few else "")
    return prose(said)


def needs_levels(survey: Any, what: str) -> Prose:
    """Say why there is nothing about levels: none declared, moments only, or nothing to compare.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(needs_levels(read_survey("bank_customers"), "The ladder"))
    The ladder needs levels of satisfaction, and the study declares none: see [levels] in
    data/README.md.
    """
    if survey.study.levels is None:
        why = "levels of satisfaction, and the study declares none: see [levels] in data/README.md."
    elif not survey.has_respondents:
        why = "respondents, and this study is known by its moments only."
    else:
        why = "levels of ten respondents, and a score of five different values."
    return prose([f"{what} needs {why}"])


def ladder_reading(steps: pd.DataFrame | None, study: Any) -> Prose:
    """Say for every outcome how far it rises over the levels, intention and behaviour apart.

    Parameters
    ----------
    steps : pandas.DataFrame or None
        As in results/steps.csv.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.level_steps import steps
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> survey = read_survey("rice_simulated", [cut])
    >>> print(ladder_reading(steps(survey), survey.study).sentences[0])
    What customers say they will do: repurchase intention rises from 3.32 points at low to 5.18 at
    high, 1.43 SDs; largest step: to mid (0.72 SDs).
    """
    if steps is None:
        return prose([])
    parts = []
    for kind in (kind for kind in KINDS if kind in set(steps["kind"])):
        part = steps[steps["kind"] == kind]
        said = [_climb(str(name), own, study) for name, own in part.groupby("outcome", sort=False)]
        parts.append([f"{_HEADS[kind]}: {said[0]}", *map(capitalised, said[1:])])
    return paragraphs(*parts, [_apart(steps, study), _ceiling(steps, study)])


def _climb(outcome: str, part: pd.DataFrame, study: Any) -> str:
    """How an outcome goes from the lowest level shown to the highest, and its steps."""
    label, first, last = named(outcome, study), part.iloc[0], part.iloc[-1]
    if len(part) == 1:
        return f"{label} is known at {first['level']} only."
    gap = last["mean"] - first["mean"]
    known = told_steps(part)
    told = known[known["side"] != 0]
    # One way throughout, or else only the two ends are told of: their difference has no interval.
    one_way = told["side"].nunique() == 1 and told["side"].iloc[0] * gap >= 0.005
    way = ("rises" if gap > 0 else "falls") if one_way else "goes"
    said = f"{label} {way} from {number(first['mean'])} points at {first['level']} to "
    said += f"{number(last['mean'])} at {last['level']}"
    if len(known) == len(part) - 1:
        total = known["step"].sum()
        said += f", {number(abs(total) if one_way else total)} SDs"
    if told.empty:
        return f"{said}; no single step can be told from zero."
    most = told.loc[told["step"].abs().idxmax()]
    said += f"; largest step: to {most['level']} ({number(most['step'])} SDs)"
    against = told[told["side"] != (1 if gap > 0 else -1)]
    open_ones = known[known["side"] == 0]
    said += f"; against the others: to {listing(against['level'], 9)}" if len(against) else ""
    said += f"; not told from zero: to {listing(open_ones['level'], 9)}" if len(open_ones) else ""
    return f"{said}."


def _apart(steps: pd.DataFrame, study: Any) -> str:
    """Compare how far intentions and recorded behaviour climb."""
    climbs = {}
    for kind in ("intention", "behaviour"):
        part = told_steps(steps[steps["kind"] == kind])
        climbs[kind] = listing(
            (f"{number(size)} SDs ({named(str(name), study)})"
             for name, size in part.groupby("outcome", sort=False)["step"].sum().items()), 9,
        )  # fmt: skip
    if not all(climbs.values()):
        return ""
    return (
        f"Judged apart: over the steps shown, intention changes by {climbs['intention']}, recorded "
        f"behaviour by {climbs['behaviour']}; what is said need not be done."
    )


def _ceiling(steps: pd.DataFrame, study: Any) -> str:
    many = steps[steps["top_share"] > MANY_AT_TOP]
    if many.empty:
        return ""
    rows = many.loc[many.groupby("outcome", sort=False)["top_share"].idxmax()]
    said = [
        f"{named(row.outcome, study)} ({percent(row.top_share)} at {row.level})"
        for row in rows.itertuples()
    ]
    return (
        f"Many have the highest score that the scale allows: {listing(said, 9)}; steps up there "
        "may look smaller than they are."
    )


def curves_reading(curves: pd.DataFrame | None, study: Any) -> Prose:
    """Say for every outcome which shape predicts best, and what a ceiling has to do with it.

    Parameters
    ----------
    curves : pandas.DataFrame or None
        As in results/curves.csv.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.curves import curves
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> survey = read_survey("rice_simulated", [cut])
    >>> print(curves_reading(curves(survey)[0], survey.study).sentences[0])
    Repurchase intention: no bend in the returns to satisfaction can be told: no other shape
    predicts those left out better than a straight line by two errors.
    """
    if curves is None:
        return prose([])
    table = returns(curves)
    return paragraphs(*([_returns(row, study)] for row in table.itertuples()))


def _returns(row: Any, study: Any) -> str:
    score = named(row.score, study)
    said = f"{capitalised(named(row.outcome, study))}: {_WAYS[row.way].format(score=score)}"
    if row.way == "steady":
        said += ": no other shape predicts those left out better than a straight line by two errors"
        if row.bend_low > 0 or row.bend_high < 0:
            said += (
                f", though the bend of a quadratic, {number(row.bend)} SDs per SD "
                f"({range_of(row.bend_low, row.bend_high)}), leaves out zero"
            )
    elif row.way == "vary":
        said += f"; {SHAPES[row.shape]} predicts those left out best"
    else:
        ends = f"{number(row.bend_low)} to {number(row.bend_high)}"
        said += (
            f": the slope is {number(abs(row.bend))} SDs per SD "
            f"{'higher' if row.bend > 0 else 'lower'} one SD above the mean than one SD below (95% "
            f"interval {ends}), and {SHAPES[row.shape]} predicts those left out best"
        )
    if row.ceiling > MANY_AT_TOP:
        said += f". {percent(row.ceiling)} have the highest score, so gains may look smaller than "
        said += "they are"
        said += f"; {_BEHIND} {behind}" if (behind := _behind(latent_way(row), row.way)) else ""
    return f"{said}."


def _behind(latent: str, way: str) -> str:
    """What returns do where there is no ceiling, beside what they do in points."""
    if latent == "steady":
        return "no bend can be told either" if way == "steady" else "no bend can be told"
    return f"they {latent}{' too' if latent == way else ''}" if latent else ""
