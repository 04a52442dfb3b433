"""Answers in words while a study is drafted: numbers where the order is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from loyalty_analysis.answer_words import in_numbers
from loyalty_analysis.draft_names import Stem
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.study import Study
from loyalty_analysis.study_tables import Construct, Model, Scale

_POINTS = (5, 7)
_MOST_WORDS = 11


def with_numbers(table: Table) -> tuple[Table, set[str]]:
    """Put numbers in the place of answers in words of a known order, as reading the study will.

    Returns
    -------
    Table, set of str
        The table, value labels for both ends of what was mapped; the columns that were.

    Examples
    --------
    >>> words = ["Agree", "Disagree", "Strongly agree"]
    >>> table, mapped = with_numbers(Table(pd.DataFrame({"q1": words, "city": ["A", "B", "C"]})))
    >>> table.frame["q1"].tolist(), sorted(mapped)
    ([4.0, 2.0, 5.0], ['q1'])
    """
    texts = [str(n) for n in table.frame if not pd.api.types.is_numeric_dtype(table.frame[n])]
    texts = [name for name in texts if 1 < table.frame[name].nunique() <= _MOST_WORDS]
    found: dict[str, pd.Series] = {}
    ends: dict[str, dict[object, str]] = {}
    for points in _POINTS:
        left = [name for name in texts if name not in found]
        if not left:
            break
        numbers, _, problems = in_numbers(table.frame[left], _study(left, points))
        for name in left:
            if name not in problems and pd.api.types.is_numeric_dtype(numbers[name]):
                found[name] = numbers[name]
                ends[name] = {1.0: "lowest", float(points): "highest"}
    labels = {**table.value_labels, **ends}
    return replace(table, frame=table.frame.assign(**found), value_labels=labels), set(found)


def _study(items: list[str], points: int) -> Study:
    names = {f"c{number}": Construct(items=(item,)) for number, item in enumerate(items)}
    return Study.model_construct(
        constructs=names, scale=Scale(min=1.0, max=float(points)), model=Model.model_construct()
    )


def unordered(frame: pd.DataFrame, named: Mapping[str, Stem]) -> dict[str, str]:
    """Items by name whose answers are words of no known order, and what to do about each.

    Examples
    --------
    >>> from loyalty_analysis.draft_names import stems
    >>> frame = pd.DataFrame({"q1": ["ja", "nein", "eher"], "q2": ["ja", "eher", "nein"]})
    >>> list(unordered(frame, stems(["q1", "q2"])))
    ['q1', 'q2']
    """
    by_stem: dict[str, list[str]] = {}
    for name in map(str, frame):
        is_text = not pd.api.types.is_numeric_dtype(frame[name])
        if is_text and 2 < frame[name].nunique() <= _MOST_WORDS:
            by_stem.setdefault(named[name].text, []).append(name)
    why = (
        "answers in words of no known order: make a construct of them with answers = [...], "
        "lowest first"
    )
    return {name: why for names in by_stem.values() if len(names) > 1 for name in names}
