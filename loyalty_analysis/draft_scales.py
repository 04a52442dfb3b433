"""Which answers items can hold: the ends of the scale, and codes that mean no answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyalty_analysis.preparation import as_numbers

# Low and high ends that are asked for in practice, short scales first.
_CUSTOMARY = (
    (0, 1), (1, 2), (1, 3), (0, 2), (-1, 1), (1, 4), (0, 3), (1, 5), (0, 4), (-2, 2), (1, 6),
    (0, 5), (1, 7), (0, 6), (-3, 3), (1, 9), (0, 8), (-4, 4), (1, 10), (0, 10), (1, 11), (-5, 5),
    (1, 100), (0, 100),
)  # fmt: skip
_USUAL_CODES = frozenset(
    [8, 9, *range(95, 100), *range(995, 1000), *range(9995, 10000), 66, 77, 88, 777, 888, 99999]
)
_MANY = 200
_NO_ANSWER = re.compile(
    r"don'?t know|do not know|no (answer|opinion|response)|refus|not (applicable|asked|stated)"
    r"|\bn/?a\b|missing|prefer not|skipped|can'?t say|weiss nicht|weiß nicht|keine angabe",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Answers:
    """What the items of a group hold: ends of the scale, codes of no answer, and the reasons."""

    low: float
    high: float
    codes: tuple[float, ...] = ()
    scale_why: str = ""
    codes_why: str = ""


def is_rating(values: pd.Series) -> bool:
    """Whether a column could hold answers on a scale: whole numbers, few of them.

    Examples
    --------
    >>> is_rating(pd.Series([1, 4, 7, 3, -99])), is_rating(pd.Series([1.25, 4])), is_rating(
    ...     pd.Series(range(40)))
    (True, False, False)
    """
    if values.dtype.kind not in "iuf":
        return False
    known = values.dropna()
    distinct = known.unique()
    whole = np.isfinite(distinct).all() and (distinct % 1 == 0).all()
    return bool(whole and 2 < len(distinct) <= 16)


def labelled_codes(labels: Mapping[object, str]) -> dict[float, str]:
    """Codes whose label says that there is no answer.

    Examples
    --------
    >>> labelled_codes({1.0: "Never", 8.0: "Don't know"})
    {8.0: "Don't know"}
    """
    found = {}
    for code, label in labels.items():
        if isinstance(code, int | float) and _NO_ANSWER.search(label.replace("’", "'")):
            found[float(code)] = label
    return found


def answers_of_group(
    items: pd.DataFrame,
    value_labels: Mapping[str, Mapping[object, str]],
    declared: Mapping[str, Sequence[object]],
) -> Answers:
    """Tell answers from codes of no answer, and find the scale that holds the answers.

    Parameters
    ----------
    items : DataFrame
        Items that are asked alike.
    value_labels, declared : mapping
        Labels of codes, and codes that the file declares as no answer, by column.

    Examples
    --------
    >>> items = pd.DataFrame({"a": [1, 2, 5, 99], "b": [4, 3, 99, 99]})
    >>> found = answers_of_group(items, {}, {})
    >>> found.low, found.high, found.codes, found.codes_why
    (1, 5, (99.0,), 'far from the other answers')
    """
    labels = {code: text for name in items for code, text in value_labels.get(name, {}).items()}
    numbers = pd.concat([as_numbers(items[name]) for name in items]).dropna()
    given = set(_known([code for name in items for code in declared.get(name, ())]))
    said = labelled_codes(labels)
    rest = sorted(set(numbers[~numbers.isin({*given, *said})]))
    far = _far(rest, many=len(numbers) >= _MANY)
    core = [value for value in rest if value not in far]
    ends = [code for code in _known(labels) if code not in {*given, *said, *far}]
    low, high = _customary(core or rest or [1.0, 5.0], ends)
    reasons = [
        "declared in the file" if given else "",
        f"labelled {', '.join(repr(text) for text in dict.fromkeys(said.values()))}"
        if said
        else "",
        "far from the other answers" if far else "",
    ]
    codes = tuple(sorted({*given, *said, *far}))
    seen = (
        f"answers run from {min(core or rest):g} to {max(core or rest):g}" if rest else "no answer"
    )
    why = "labels name both ends" if {low, high} <= set(ends) else seen
    return Answers(low, high, codes, why, ", ".join(filter(None, reasons)))


def _known(codes: Iterable[object]) -> list[float]:
    return [float(code) for code in codes if isinstance(code, int | float) and np.isfinite(code)]


def _far(values: Sequence[float], many: bool) -> set[float]:
    """Values apart from the run of answers: negative ones beside positive, usual codes past a gap.

    Among few answers a gap of one does not count: it may be an answer that nobody gave.
    """
    whole = [value for value in values if value >= 0]
    negative = [value for value in values if value < 0]
    found: set[float] = set()
    symmetric = bool(negative) and -min(negative) <= max([*whole, 0]) <= 5 and len(negative) > 1
    if whole and not symmetric:
        found |= set(negative)
    top = 0
    step = 1 if many else 2
    while top + 1 < len(whole) and whole[top + 1] - whole[top] <= step:
        top += 1
    beyond = whole[top + 1 :]
    apart = len(beyond) <= 5 and top > 0 and beyond and beyond[0] - whole[top] >= (2 if many else 3)
    if apart and (set(beyond) <= _USUAL_CODES or beyond[0] >= 3 * whole[top]):
        found |= set(beyond)
    return found


def _customary(values: Sequence[float], labelled: Sequence[float]) -> tuple[float, float]:
    """The shortest customary scale that holds all answers and labelled ends."""
    low, high = min([*values, *labelled]), max([*values, *labelled])
    if len(labelled) > 1 and {low, high} <= set(labelled):
        return low, high
    fitting = [ends for ends in _CUSTOMARY if ends[0] <= low and high <= ends[1]]
    return min(fitting, key=lambda ends: (ends[1] - ends[0], -ends[0]), default=(low, high))


def pooled(groups: Sequence[Answers], sizes: Sequence[int]) -> tuple[float, float]:
    """The scale most items are asked on.

    Groups whose answers stop one point short of a longer scale that others use are taken for it:
    nobody may have chosen the end.

    Examples
    --------
    >>> pooled([Answers(1, 7), Answers(1, 6), Answers(0, 10)], [4, 5, 3])
    (1, 7)
    """
    counts: dict[tuple[float, float], int] = {}
    for group, size in zip(groups, sizes, strict=True):
        counts[group.low, group.high] = counts.get((group.low, group.high), 0) + size
    for ends in sorted(counts):
        longer = [other for other in counts if other != ends and _within(ends, other)]
        if longer:
            counts[max(longer, key=lambda other: counts[other])] += counts.pop(ends)
    return max(counts, key=lambda ends: counts[ends])


def _within(ends: tuple[float, float], other: tuple[float, float]) -> bool:
    return 0 <= ends[0] - other[0] <= 1 and 0 <= other[1] - ends[1] <= 1


def on_scale(own: Answers, general: tuple[float, float]) -> tuple[float, float]:
    """The scale of a group beside the general one: its own only where it clearly differs.

    Examples
    --------
    >>> on_scale(Answers(1, 6), (1, 7)), on_scale(Answers(1, 5), (1, 7))
    ((1, 7), (1, 5))
    """
    labelled = own.scale_why.startswith("labels")
    close = _within((own.low, own.high), general)
    return general if close and not labelled else (own.low, own.high)
