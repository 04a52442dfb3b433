"""What a survey file is refused for: every function returns problems in sentences, none when sound.

Each sentence names the column, what was found, what is allowed and what to do. No sentence shows a
respondent: counts, codes and row numbers only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.cells import found_in, often, texts
from loyalty_analysis.errors import did_you_mean
from loyalty_analysis.moments import Moments
from loyalty_analysis.preparation import design_names, quality_names, variables_of
from loyalty_analysis.study import Study


def column_problems(raw: pd.DataFrame, study: Study) -> list[str]:
    """Columns that the study names and the file lacks.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> column_problems(pd.DataFrame({"af1": [4]}), load_study("rice_simulated"))[0]
    "column 'aff1' (an item of affective) is missing. Did you mean 'af1'?"
    """
    wanted = {
        item: f"an item of {name}" for name in study.constructs for item in study.items_of(name)
    }
    for names in (design_names(study), quality_names(study)):
        wanted |= {name: key for name, key in names.items() if name not in wanted}
    return [
        f"column '{name}' ({why}) is missing. {did_you_mean(name, raw.columns)}"
        for name, why in wanted.items()
        if name not in raw.columns
    ]


def variable_problems(known: Moments, study: Study, names: Sequence[str]) -> list[str]:
    """Variables that the study needs and a table of moments lacks.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> known = Moments.from_frame(pd.DataFrame({"cus": [4.0, 5.0]}))
    >>> variable_problems(known, load_study("mobile_customers"), ["satisfaction"])
    ["'cusa' (of satisfaction) is not among the variables. Did you mean 'cus'?"]
    """
    return [
        f"'{item}' (of {name}) is not among the variables. {did_you_mean(item, known.columns)}"
        for name in names
        for item in variables_of(known, study, name)
        if item not in known.columns
    ]


def answer_problems(
    raw: pd.DataFrame, answers: pd.DataFrame, study: Study, words: Mapping[str, str] | None = None
) -> list[str]:
    """Items that hold text, nothing, answers off the scale, or one answer only.

    Parameters
    ----------
    raw : DataFrame
        As read.
    answers : DataFrame
        The items as numbers, declared codes and text missing.
    study : Study
    words : mapping, optional
        By item, why its answers in words are no numbers of its scale.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"aff1": [1, 77, 5, 77]})
    >>> print(answer_problems(raw, raw, load_study("rice_simulated"))[0])
    column 'aff1' holds 77 (2 times), outside the scale 1 to 7 of 'affective'. Declare the code in
    'missing', or correct the scale.
    """
    found = [
        problem
        for name in study.constructs
        for problem in _construct_problems(raw, answers, study, name, words or {})
    ]
    return [text for _, text in sorted(found, key=lambda problem: problem[0])]


def _construct_problems(
    raw: pd.DataFrame, answers: pd.DataFrame, study: Study, name: str, words: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    items = [item for item in study.items_of(name) if item in raw.columns]
    silent = [item for item in items if answers[item].isna().all() and not len(texts(raw[item]))]
    if silent:
        columns = " and ".join(f"'{item}'" for item in silent)
        verb = "hold" if len(silent) > 1 else "holds"
        whole = f"all items of {name}" if len(silent) == len(items) else f"of {name}"
        noun = "columns" if len(silent) > 1 else "column"
        yield (
            0,
            (
                f"{noun} {columns} ({whole}) {verb} no answer at all. Correct the file, or take "
                f"{'the construct' if len(silent) == len(items) else 'the item'} out of the study."
            ),
        )
    for item in items:
        if item in words:
            yield 1, words[item]
        elif item not in silent:
            yield from _item_problems(raw[item], answers[item], study, name)


def _item_problems(
    raw: pd.Series, values: pd.Series, study: Study, construct: str
) -> Iterator[tuple[int, str]]:
    item, scale = values.name, study.scale_of(construct)
    if len(text := texts(raw)):
        yield (
            1,
            (
                f"column '{item}' holds text in {found_in(text)}; answers must "
                "be numbers. Code them, list answers in words, lowest first, as scale.answers, or "
                "leave them empty when missing."
            ),
        )
        return
    low, high = scale.min, scale.max
    off = values[(values < low) | (values > high) | np.isinf(values)]
    if len(off):
        counts = off.value_counts()
        shown = ", ".join(f"{value:g} ({often(count)})" for value, count in counts.head(5).items())
        more = f" and {len(counts) - 5} other values" if len(counts) > 5 else ""
        yield (
            2,
            (
                f"column '{item}' holds {shown}{more}, outside the scale {low:g} to {high:g} of "
                f"'{construct}'. Declare the code in 'missing', or correct the scale."
            ),
        )
    elif values.min() == values.max():
        yield (
            3,
            (
                f"column '{item}' holds {values.min():g} only: an item must vary. Take it out of "
                f"constructs.{construct}.items, or widen the filter."
            ),
        )
