"""What columns beside the items are refused for, or warned of: weights, times, controls, names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.cells import found_in, often, rows_of, texts
from loyalty_analysis.filters import columns_of
from loyalty_analysis.preparation import SMALLEST_GROUP, as_numbers, design_names, quality_names
from loyalty_analysis.raw_tables import Table, words_taken_as_missing
from loyalty_analysis.study import Study

MOST_LEVELS = 50
"""More texts than this in a control are no categories."""


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
        f"weight column '{weight}' holds what is no weight in {found_in(wrong)}; weights must be "
        "positive numbers. Correct them, or filter these rows out with design.where."
    ]


def quality_problems(raw: pd.DataFrame, study: Study) -> list[str]:
    """Answer times that are none, and a marker that is no number.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["quality.seconds=duration"])
    >>> print(quality_problems(pd.DataFrame({"duration": [312, -1]}), study)[0])
    column 'duration' (quality.seconds) holds what is no answer time in 1 row (data row 2: '-1');
    answer times are seconds, 0 or more. Correct these cells, or leave them empty when missing.
    """
    problems = []
    for name, key in quality_names(study).items():
        if name not in raw.columns:
            continue
        values, timed = as_numbers(raw[name]), key == "quality.seconds"
        wrong = (values.isna() & raw[name].notna()) | np.isinf(values) | (timed & (values < 0))
        what = "answer time" if timed else "answer"
        if wrong.any():
            allowed = "answer times are seconds, 0 or more" if timed else "answers must be numbers"
            problems.append(
                f"column '{name}' ({key}) holds what is no {what} in {found_in(raw[name][wrong])}; "
                f"{allowed}. Correct these cells, or leave them empty when missing."
            )
        elif values.isna().all():
            problems.append(
                f"column '{name}' ({key}) holds no {what} at all. Correct the file, or take "
                f"{key} out of the study."
            )
    return problems


def marker_problems(sample: pd.DataFrame, study: Study) -> list[str]:
    """A marker that too few of the analysed respondents answered, or all of them alike.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["quality.marker=colour"])
    >>> print(marker_problems(pd.DataFrame({"colour": [4.0] * 12}), study)[0])
    quality.marker: 'colour' is the same for everyone in the analysis sample, so it goes with
    nothing. Take it out of the study, or widen the filter.
    """
    marker = study.quality.marker
    if not marker:
        return []
    values = sample[marker].dropna()
    remedy = "Take it out of the study, or widen the filter."
    if len(values) < SMALLEST_GROUP:
        return [
            f"quality.marker: fewer than {SMALLEST_GROUP} of the analysed respondents have an "
            f"answer to '{marker}', and {SMALLEST_GROUP} are the least that is shown. {remedy}"
        ]
    if values.nunique() < 2:
        return [
            f"quality.marker: '{marker}' is the same for everyone in the analysis sample, so it "
            f"goes with nothing. {remedy}"
        ]
    return []


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
        values, text = raw[name].dropna(), texts(raw[name])
        if 0 < len(text) <= len(values) / 2:
            problems.append(
                f"column '{name}' ({key}) holds text in {found_in(text)} and "
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
    """Other numbers that hold a missing code of ``[scale]``, which is of items only.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"country": "XA", "age": [31, -99], "gender": "male"})
    >>> print(coding_warnings(raw, load_study("rice_simulated"))[0])
    column 'age' (model.controls) holds -99 in 1 row, taken as a number: the missing codes of
    [scale] are those of items. Leave these cells empty if they mean missing.
    """
    found = []
    asked = ("model.controls", "model.moderators", "design.weight", "quality.marker")
    for name, key in (design_names(study) | quality_names(study)).items():
        if name in raw and key in asked:
            for code in study.scale.missing:
                if count := int((as_numbers(raw[name]) == code).sum()):
                    found.append(
                        f"column '{name}' ({key}) holds {code:g} in {rows_of(count)}, taken as a "
                        "number: the missing codes of [scale] are those of items. Leave these "
                        "cells empty if they mean missing."
                    )
    return found


def missing_word_warnings(table: Table, study: Study) -> list[str]:
    """Categories that could mean something by NA or null, which is read as no answer.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> raw = pd.DataFrame(dict.fromkeys(design_names(study), ["a", "b"]))
    >>> missing_word_warnings(Table(raw), study)
    []
    """
    raw = table.frame
    asked = {*design_names(study), *columns_of(study.design.where or "")} & set(raw.columns)
    categories = [
        name for name in raw if name in asked and len(texts(raw[name])) and raw[name].isna().any()
    ]
    if not categories:
        return []
    found = words_taken_as_missing(table, categories)
    return [
        f"column '{name}' holds {word!r} in {rows_of(count)}, read as missing. Write it another "
        "way if it is a category."
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
    times = often(int(again.sum()))
    return [
        f"column '{design.respondent}' repeats {times} (data rows {numbers}{more}). "
        "Respondents must be unique, or unique with design.wave or design.cluster."
    ]
