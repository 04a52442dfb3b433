"""Answers in words, such as "Strongly agree", as numbers of a scale: declared or known orders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from loyalty_analysis.cells import found_in, texts
from loyalty_analysis.errors import shown

if TYPE_CHECKING:
    from loyalty_analysis.study import Study
    from loyalty_analysis.study_tables import Scale

_NEUTRAL = "neutral|neither|neither nor|undecided|"
# Lowest first; a column may use one wording of a point, not two.
ORDERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "agreement": (
        ("strongly disagree|completely disagree|totally disagree|fully disagree",
         "disagree|somewhat disagree|mostly disagree|tend to disagree",
         _NEUTRAL + "neither agree nor disagree|neither disagree nor agree",
         "agree|somewhat agree|mostly agree|tend to agree",
         "strongly agree|completely agree|totally agree|fully agree"),
        ("strongly disagree|completely disagree|totally disagree|fully disagree",
         "disagree|moderately disagree|mostly disagree",
         "somewhat disagree|slightly disagree",
         _NEUTRAL + "neither agree nor disagree|neither disagree nor agree",
         "somewhat agree|slightly agree",
         "agree|moderately agree|mostly agree",
         "strongly agree|completely agree|totally agree|fully agree"),
    ),
    "satisfaction": (
        ("very dissatisfied|extremely dissatisfied|completely dissatisfied|very unsatisfied",
         "dissatisfied|somewhat dissatisfied|unsatisfied",
         _NEUTRAL + "neither satisfied nor dissatisfied|neither dissatisfied nor satisfied",
         "satisfied|somewhat satisfied",
         "very satisfied|extremely satisfied|completely satisfied"),
        ("very dissatisfied|extremely dissatisfied|completely dissatisfied",
         "dissatisfied|moderately dissatisfied|mostly dissatisfied",
         "somewhat dissatisfied|slightly dissatisfied",
         _NEUTRAL + "neither satisfied nor dissatisfied|neither dissatisfied nor satisfied",
         "somewhat satisfied|slightly satisfied",
         "satisfied|moderately satisfied|mostly satisfied",
         "very satisfied|extremely satisfied|completely satisfied"),
    ),
    "likelihood": (
        ("very unlikely|extremely unlikely|definitely not",
         "unlikely|somewhat unlikely|probably not",
         _NEUTRAL + "neither likely nor unlikely|neither unlikely nor likely|might or might not",
         "likely|somewhat likely|probably|probably yes",
         "very likely|extremely likely|definitely|definitely yes"),
        ("very unlikely|extremely unlikely",
         "unlikely|moderately unlikely",
         "somewhat unlikely|slightly unlikely",
         _NEUTRAL + "neither likely nor unlikely|neither unlikely nor likely",
         "somewhat likely|slightly likely",
         "likely|moderately likely",
         "very likely|extremely likely"),
    ),
    "frequency": (
        ("never", "rarely|seldom|almost never", "sometimes|occasionally",
         "often|frequently|very often|usually|almost always", "always|every time"),
        ("never", "rarely|seldom|almost never", "occasionally", "sometimes", "often|frequently",
         "usually|very often|almost always", "always|every time"),
    ),
}  # fmt: skip
"""Orders that are recognised: five points, seven points."""


def in_numbers(raw: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, list[str], dict[str, str]]:
    """Put numbers of the scale in the place of answers in words.

    Parameters
    ----------
    raw : DataFrame
        As read.
    study : Study

    Returns
    -------
    DataFrame, list of str, dict
        The same rows; what was mapped; by item, what cannot be.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["scale.max=5"])
    >>> raw = pd.DataFrame({"aff1": ["Agree", None, "Strongly disagree"]})
    >>> mapped, notes, problems = in_numbers(raw, study)
    >>> mapped["aff1"].tolist()
    [4.0, nan, 1.0]
    >>> print(notes[0])
    answers in words of aff1 were taken as 1 to 5 (agreement: 1 = Strongly disagree, 4 = Agree)
    """
    found: dict[str, pd.Series] = {}
    taken: dict[str, list[str]] = {}
    problems: dict[str, str] = {}
    for name in study.constructs:
        for item in study.items_of(name):
            if item not in raw or not len(words := texts(raw[item])):
                continue
            scale = study.scale_of(name)
            codes, said = _codes(raw[item], words, scale, f"column '{item}'", name)
            if codes is None:
                problems |= {item: said} if said else {}
                continue
            numbers = raw[item].map(lambda cell, codes=codes: codes.get(_plain(cell), cell))
            found[item] = pd.to_numeric(numbers).astype(float)
            taken.setdefault(said, []).append(item)
    notes = [f"answers in words of {', '.join(items)} were taken as {said}"
             for said, items in taken.items()]  # fmt: skip
    return raw.assign(**found) if found else raw, notes, problems


def _codes(
    values: pd.Series, words: pd.Series, scale: Scale, where: str, construct: str
) -> tuple[dict[str, float] | None, str]:
    """Number of each answer and what to say of it; or no numbers, and why if it can be said."""
    known = {_plain(word): str(word).strip() for word in words.unique()}
    if scale.answers:
        order = [[_plain(word)] for word in scale.answers]
        foreign = words[~words.map(_plain).isin({word for [word] in order})]
        if len(foreign):
            return None, (
                f"{where} holds text in {found_in(foreign)} that is none of the declared answers "
                f"of '{construct}' ({', '.join(map(shown, scale.answers))}). Correct the file or "
                "answers, or leave these cells empty when missing."
            )
        return _numbered(order, known, scale, "declared")
    if scale.min is None or scale.max is None or len(words) < values.notna().sum():
        return None, ""
    points = scale.max - scale.min + 1
    fitting = [
        (kind, split) for kind, orders in ORDERS.items() for split in map(_wordings, orders)
        if _fits(known, split)
    ]  # fmt: skip
    chosen = [(kind, order) for kind, order in fitting if len(order) == points]
    shorter = [order for _, order in fitting if len(order) < points]
    if chosen and not shorter:
        kind, order = chosen[0]
        return _numbered(order, known, scale, kind)
    if fitting:
        listed = " or ".join(str(n) for n in sorted({len(order) for _, order in fitting}))
        return None, (
            f"{where} holds answers in words of a scale of {listed} points, and the scale of "
            f"'{construct}' is {scale.min:g} to {scale.max:g}. Correct min and max, or list the "
            "answers, lowest first, as answers in [scale] or in the construct."
        )
    return None, ""


def _numbered(
    order: Sequence[Sequence[str]], known: dict[str, str], scale: Scale, kind: str
) -> tuple[dict[str, float], str]:
    low = 1.0 if scale.min is None else scale.min
    codes = {word: low + place for place, point in enumerate(order) for word in point}
    used = sorted((codes[word], text) for word, text in known.items())
    listed = ", ".join(f"{code:g} = {text}" for code, text in used)
    return codes, f"{low:g} to {low + len(order) - 1:g} ({kind}: {listed})"


def _wordings(order: Sequence[str]) -> list[list[str]]:
    return [[_plain(word) for word in point.split("|") if word] for point in order]


def _fits(known: dict[str, str], order: Sequence[Sequence[str]]) -> bool:
    """Whether every word has its point, and no point two words."""
    held = [sum(word in point for word in known) for point in order]
    return max(held) == 1 and sum(held) == len(known)


def _plain(word: object) -> str:
    r"""A wording without case, full stop and superfluous spaces.

    Examples
    --------
    >>> _plain(" Strongly  Agree. ")
    'strongly agree'
    """
    return re.sub(r"[\s\u00a0_-]+", " ", str(word)).strip(" .").casefold()
