"""What a survey file is refused for: every function returns problems in sentences, none when sound.

Each sentence names the column, what was found, what is allowed and what to do. No sentence shows a
respondent: counts, codes and row numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from loyalty_analysis.errors import did_you_mean
from loyalty_analysis.filters import columns_of
from loyalty_analysis.preparation import SMALLEST_GROUP, as_numbers, design_names
from loyalty_analysis.readers import words_taken_as_missing
from loyalty_analysis.study import Study

MOST_LEVELS = 50
"""More texts than this in a control are no categories."""


# Numbers and signs of no answer; anything else could be somebody's words.
_HARMLESS = (
    r"(?i)-?\d{1,6}([.,]\d{1,4})?|-?inf|nan|n\.?[ak/]\.?|k\.?a\.?|none|unknown|missing"
    r"|true|false|[-–.?*x]+"
)


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
    wanted |= {name: key for name, key in design_names(study).items() if name not in wanted}
    return [
        f"column '{name}' ({why}) is missing. {did_you_mean(name, raw.columns)}"
        for name, why in wanted.items()
        if name not in raw.columns
    ]


def answer_problems(raw: pd.DataFrame, answers: pd.DataFrame, study: Study) -> list[str]:
    """Items that hold text, nothing, answers off the scale, or one answer only.

    Parameters
    ----------
    raw : DataFrame
        As read.
    answers : DataFrame
        The items as numbers, declared codes and text missing.
    study : Study

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
        for problem in _construct_problems(raw, answers, study, name)
    ]
    return [text for _, text in sorted(found, key=lambda problem: problem[0])]


def _construct_problems(
    raw: pd.DataFrame, answers: pd.DataFrame, study: Study, name: str
) -> Iterator[tuple[int, str]]:
    items = [item for item in study.items_of(name) if item in raw.columns]
    silent = [item for item in items if answers[item].isna().all() and not len(_texts(raw[item]))]
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
        if item not in silent:
            yield from _item_problems(raw[item], answers[item], study, name)


def _item_problems(
    raw: pd.Series, values: pd.Series, study: Study, construct: str
) -> Iterator[tuple[int, str]]:
    item, scale = values.name, study.scale_of(construct)
    if len(text := _texts(raw)):
        yield (
            1,
            (
                f"column '{item}' holds text in {_found(text)}; answers must "
                "be numbers. Code them, or leave them empty when missing."
            ),
        )
        return
    low, high = scale.min, scale.max
    off = values[(values < low) | (values > high) | np.isinf(values)]
    if len(off):
        counts = off.value_counts()
        shown = ", ".join(f"{value:g} ({_times(count)})" for value, count in counts.head(5).items())
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


def _texts(values: pd.Series) -> pd.Series:
    """Cells that hold something, but no number."""
    return values[as_numbers(values).isna() & values.notna()]


def quoted(values: Iterable[object]) -> str:
    """Show up to three values that name nobody: numbers, signs of no answer, what ten people said.

    Examples
    --------
    >>> quoted(["4,5", "n.a.", "Anna"] + ["now and then, but never on Sundays"] * 10)
    "'now and then, but n…', '4,5', 'n.a.'"
    """
    cells = pd.Series([f"{v:g}" if isinstance(v, float) else str(v) for v in values], dtype=str)
    counts = cells.value_counts()
    several = counts.index[(counts >= SMALLEST_GROUP) | counts.index.str.fullmatch(_HARMLESS)]
    return ", ".join(repr(text if len(text) <= 20 else text[:19] + "…") for text in several[:3])


def _found(cells: pd.Series) -> str:
    """Say in how many rows, in which first, and what they hold where that names nobody."""
    numbers = ", ".join(str(row + 1) for row in cells.index[:3]) + (", …" if len(cells) > 3 else "")
    held = quoted(cells)
    rows = f"{_rows(len(cells))} (data row{'s' if len(cells) > 1 else ''} {numbers}"
    return f"{rows}: {held})" if held else f"{rows})"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def weight_problems(raw: pd.DataFrame, study: Study) -> list[str]:
    """Weights that are not positive numbers.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"w": [1.2, 0, -1]})
    >>> print(weight_problems(raw, load_study("rice_simulated"))[0])
    weight column 'w' holds what is no weight in 2 rows (data rows 2, 3: '0', '-1'); weights must
    be positive numbers. Correct them, or filter these rows out with design.where.
    """
    weight = study.design.weight
    if not weight or weight not in raw.columns:
        return []
    values = as_numbers(raw[weight])
    wrong = raw[weight][(values.isna() & raw[weight].notna()) | (values <= 0) | np.isinf(values)]
    if not len(wrong):
        return []
    return [
        f"weight column '{weight}' holds what is no weight in {_found(wrong)}; weights must be "
        "positive numbers. Correct them, or filter these rows out with design.where."
    ]


def control_problems(raw: pd.DataFrame, study: Study) -> list[str]:
    """Controls and moderators that mix numbers with text, or hold texts that are no categories.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"age": [31, 40, "unknown"]})
    >>> print(control_problems(raw, load_study("rice_simulated"))[0])
    column 'age' (model.controls) holds text in 1 row (data row 3: 'unknown') and numbers
    elsewhere. Leave these cells empty when missing, or write categories as text throughout.
    """
    problems = []
    for name, key in design_names(study).items():
        if key not in ("model.controls", "model.moderators") or name not in raw.columns:
            continue
        values, text = raw[name].dropna(), _texts(raw[name])
        if 0 < len(text) <= len(values) / 2:
            problems.append(
                f"column '{name}' ({key}) holds text in {_found(text)} and "
                "numbers elsewhere. Leave these cells empty when missing, or write categories as "
                "text throughout."
            )
        elif len(text) and values.nunique() > MOST_LEVELS:
            problems.append(
                f"column '{name}' ({key}) holds {values.nunique()} different texts; a category has "
                f"at most {MOST_LEVELS}. Merge some, or take it out of the model."
            )
    return problems


def coding_warnings(raw: pd.DataFrame, study: Study) -> list[str]:
    """Controls and moderators that hold a missing code of ``[scale]``, which is of items only.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"country": "XA", "age": [31, -99], "gender": "male"})
    >>> print(coding_warnings(raw, load_study("rice_simulated"))[0])
    column 'age' (model.controls) holds -99 in 1 row, taken as a number: the missing codes of
    [scale] are those of items. Leave these cells empty if they mean missing.
    """
    found = []
    for name, key in design_names(study).items():
        if name in raw and key in ("model.controls", "model.moderators", "design.weight"):
            for code in study.scale.missing:
                if count := int((as_numbers(raw[name]) == code).sum()):
                    found.append(
                        f"column '{name}' ({key}) holds {code:g} in {_rows(count)}, taken as a "
                        "number: the missing codes of [scale] are those of items. Leave these "
                        "cells empty if they mean missing."
                    )
    return found


def missing_word_warnings(raw: pd.DataFrame, study: Study) -> list[str]:
    """Categories that could mean something by NA or null, which is read as no answer.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> missing_word_warnings(pd.DataFrame(dict.fromkeys(design_names(study), ["a", "b"])), study)
    []
    """
    asked = {*design_names(study), *columns_of(study.design.where or "")} & set(raw.columns)
    categories = [
        name for name in raw if name in asked and len(_texts(raw[name])) and raw[name].isna().any()
    ]
    if not categories:
        return []
    found = words_taken_as_missing(study.data_path, categories)
    return [
        f"column '{name}' holds {word!r} in {_rows(count)}, read as missing. Write it another way "
        "if it is a category."
        for name, words in found.items()
        for word, count in words.items()
    ]


def respondent_problems(rows: pd.DataFrame, study: Study) -> list[str]:
    """Respondents that repeat, though neither waves nor clusters explain it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> rows = pd.DataFrame({"id": [1, 2, 2, 2], "industry": "retail"})
    >>> print(respondent_problems(rows, load_study("rice_simulated"))[0])
    column 'id' repeats 2 times (data rows 3, 4). Respondents must be unique, or unique with
    design.wave or design.cluster.
    """
    design = study.design
    if not design.respondent or design.respondent not in rows.columns:
        return []
    explained = [name for name in (design.wave, design.cluster) if name and name in rows.columns]
    again = rows.duplicated([design.respondent, *explained]) & rows[design.respondent].notna()
    if not again.any():
        return []
    # Rows by number, never by name: an identifier in a log is a person in a log.
    numbers = ", ".join(str(index + 1) for index in rows.index[again][:3])
    more = ", …" if again.sum() > 3 else ""
    times = _times(int(again.sum()))
    return [
        f"column '{design.respondent}' repeats {times} (data rows {numbers}{more}). "
        "Respondents must be unique, or unique with design.wave or design.cluster."
    ]
