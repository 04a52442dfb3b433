"""What a survey is refused for: every function returns problems in sentences, none when sound.

Each sentence names the column, what was found, what is allowed and what to do. No sentence shows a
respondent: counts, codes and row numbers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.equations import equations
from loyalty_analysis.errors import did_you_mean
from loyalty_analysis.measurement import item_rest
from loyalty_analysis.moments import LARGEST, SMALLEST, Moments, collinear, still
from loyalty_analysis.preparation import (
    SMALLEST_GROUP,
    as_numbers,
    as_text,
    design_names,
    scaled_weights,
)
from loyalty_analysis.readers import words_taken_as_missing
from loyalty_analysis.study import Study

MOST_LEVELS = 50
"""More texts than this in a control are no categories."""


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
                f"column '{item}' holds text in {_rows(len(text))} ({quoted(text)}); answers must "
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
    """Show up to three different values, each cut to 20 characters.

    Examples
    --------
    >>> quoted(["often", "often", "now and then, but never on Sundays"])
    "'often', 'now and then, but n…'"
    """
    numbers = (f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    different = list(dict.fromkeys(numbers))
    shown = [text if len(text) <= 20 else text[:19] + "…" for text in different[:3]]
    return ", ".join(map(repr, shown))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def direction_problems(items: pd.DataFrame, study: Study) -> tuple[list[str], list[str]]:
    """Items that run against the others of their construct, reversed ones turned already.

    Returns
    -------
    tuple of list of str
        Problems: the upper 95% limit of the item-rest correlation is below zero. Warnings: the
        correlation is negative.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("mobile_customers")
    >>> names = [item for construct in study.constructs for item in study.items_of(construct)]
    >>> items = pd.DataFrame(dict.fromkeys(names, [1.0, 3, 4, 6, 7]))
    >>> items["cusl_3"] = [7.0, 6, 4, 2, 1]
    >>> print(direction_problems(items, study)[0][0])
    items of 'loyalty' run against the others: 'cusl_3' (item-rest correlation -0.99, 95%
    -1.00 to -0.79). Correct the coding, or list those that were asked the other way round in
    constructs.loyalty.reversed.
    """
    problems, warnings = [], []
    for name in study.constructs:
        scale, answered = study.scale_of(name), items[list(study.items_of(name))]
        answered = answered[(answered >= scale.min) & (answered <= scale.max)].dropna()
        if answered.shape[1] > 1 and len(answered) > 3:
            against, doubtful = _against(Moments.from_frame(answered), study, name)
            problems += against
            warnings += doubtful
    return problems, warnings


def direction_problems_of_moments(known: Moments, study: Study) -> tuple[list[str], list[str]]:
    """The same for a study known by the moments of its items, as they were answered.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> high, low = [1.0, 3, 4, 6, 7], [7.0, 6, 4, 2, 1]
    >>> items = pd.DataFrame({"cusl_1": high, "cusl_2": [2.0, 3, 3, 5, 7], "cusl_3": low})
    >>> known = Moments.from_frame(items)
    >>> print(direction_problems_of_moments(known, load_study("mobile_customers"))[0][0])
    items of 'loyalty' run against the others: 'cusl_3' (item-rest correlation -0.98, 95%
    -1.00 to -0.66). Correct the coding, or list those that were asked the other way round in
    constructs.loyalty.reversed.
    """
    problems, warnings = [], []
    for name, construct in study.constructs.items():
        items = study.items_of(name)
        if len(items) > 1 and name not in known.columns and not set(items) - set(known.columns):
            signs = np.diag([-1.0 if item in construct.reversed else 1.0 for item in items])
            against, doubtful = _against(known[items].linear(signs, items), study, name)
            problems += against
            warnings += doubtful
    return problems, warnings


def _against(moments: Moments, study: Study, name: str) -> tuple[list[str], list[str]]:
    declared = study.constructs[name].reversed
    rows = list(zip(moments.columns, *item_rest(moments), strict=True))
    worst = sorted((row for row in rows if row[3] < 0), key=lambda row: row[1])
    doubtful = [row for row in rows if row[1] < 0 <= row[3]]
    warnings = [
        f"item '{item}' of '{name}' hardly goes with the others ({_correlation(r, low, high)}): is "
        "it reversed, or does it measure something else?"
        for item, r, low, high in doubtful
    ]
    if not worst:
        return [], warnings
    marks = dict.fromkeys(declared, "declared reversed; ")
    shown = ", ".join(
        f"'{item}' ({marks.get(item, '')}{_correlation(r, low, high)})"
        for item, r, low, high in worst
    )
    remedy = f"list those that were asked the other way round in constructs.{name}.reversed"
    if declared and {row[0] for row in worst} & set(declared):
        remedy = f"constructs.{name}.reversed must list exactly those asked the other way round"
    return [
        f"items of '{name}' run against the others: {shown}. Correct the coding, or {remedy}."
    ], (warnings)


def _correlation(r: float, low: float, high: float) -> str:
    return f"item-rest correlation {r:.2f}, 95% {low:.2f} to {high:.2f}"


def weight_problems(raw: pd.DataFrame, study: Study) -> list[str]:
    """Weights that are not positive numbers.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"w": [1.2, 0, -1]})
    >>> print(weight_problems(raw, load_study("rice_simulated"))[0])
    weight column 'w' holds '0', '-1' in 2 rows; weights must be positive numbers. Correct
    them, or filter these rows out with design.where.
    """
    weight = study.design.weight
    if not weight or weight not in raw.columns:
        return []
    values = as_numbers(raw[weight])
    wrong = raw[weight][(values.isna() & raw[weight].notna()) | (values <= 0) | np.isinf(values)]
    if not len(wrong):
        return []
    return [
        f"weight column '{weight}' holds {quoted(wrong)} in {_rows(len(wrong))}; weights must be "
        "positive numbers. Correct them, or filter these rows out with design.where."
    ]


def control_problems(raw: pd.DataFrame, study: Study) -> list[str]:
    """Controls and moderators that mix numbers with text, or hold texts that are no categories.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"age": [31, 40, "unknown"]})
    >>> print(control_problems(raw, load_study("rice_simulated"))[0])
    column 'age' (model.controls) holds text in 1 row ('unknown') and numbers elsewhere. Leave
    these cells empty when missing, or write categories as text throughout.
    """
    problems = []
    for name, key in design_names(study).items():
        if key not in ("model.controls", "model.moderators") or name not in raw.columns:
            continue
        values, text = raw[name].dropna(), _texts(raw[name])
        if 0 < len(text) <= len(values) / 2:
            problems.append(
                f"column '{name}' ({key}) holds text in {_rows(len(text))} ({quoted(text)}) and "
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
        if key in ("model.controls", "model.moderators"):
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
    categories = [
        name for name in design_names(study) if len(_texts(raw[name])) and raw[name].isna().any()
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
    return [
        f"column '{design.respondent}' repeats {again.sum()} times (data rows {numbers}{more}). "
        "Respondents must be unique, or unique with design.wave or design.cluster."
    ]


def sample_problems(
    sample: pd.DataFrame, study: Study, cluster: str | None, attrition: pd.DataFrame
) -> list[str]:
    """What is wrong with the analysis sample: too small, one cluster, columns that do not vary.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> costs = pd.DataFrame({"rule": ["age missing"], "alone": [12]})
    >>> sample = pd.DataFrame({"age": [31, 40]})
    >>> print(sample_problems(sample, load_study("rice_simulated"), None, costs)[0])
    fewer than 10 respondents are complete on every model column, and 10 are the least that is
    analysed. The costliest is 'age missing'. Widen the filter, or use fewer columns.
    """
    if len(sample) < SMALLEST_GROUP:
        count = (
            f"fewer than {SMALLEST_GROUP} respondents are" if len(sample) else "no respondent is"
        )
        costs = attrition[attrition["rule"].str.endswith(" missing") & (attrition["alone"] > 0)]
        costliest = (
            f"The costliest is '{costs.loc[costs['alone'].idxmax(), 'rule']}'. "
            if len(costs)
            else ""
        )
        return [
            f"{count} complete on every model column, and {SMALLEST_GROUP} are the least that is "
            f"analysed. {costliest}Widen the filter, or use fewer columns."
        ]
    problems = []
    if cluster and sample[cluster].nunique() < 2:
        problems.append(
            f"column '{cluster}' holds one cluster only in the analysis sample. Remove "
            "design.cluster, or widen the filter."
        )
    problems += _dominated(sample, study)
    model = study.model
    used = list(dict.fromkeys([*study.model_constructs, *model.controls, *model.moderators]))
    problems += _called_like_categories(sample[used])
    return problems + [p for name in used for p in _unusable(sample[name], study)]


def _called_like_categories(sample: pd.DataFrame) -> list[str]:
    """Columns that would be overwritten by the indicator of a category."""
    return [
        f"column '{name}' has the name of a category of '{other}'. Rename it in the file."
        for name in sample
        for other in sample
        if str(name).startswith(f"{other}[")
        and any(f"{other}[{level}]" == name for level in set(as_text(sample[other])))
    ]


def _dominated(sample: pd.DataFrame, study: Study) -> list[str]:
    """Whether a few respondents carry nearly all the weight."""
    weights = scaled_weights(sample, study)
    effective = SMALLEST_GROUP if weights is None else len(weights) ** 2 / float(weights @ weights)
    if effective >= SMALLEST_GROUP:
        return []
    return [
        f"weight column '{study.design.weight}': so few carry nearly all the weight that the "
        f"sample counts as {effective:.1f} respondents (Kish's effective number), and "
        f"{SMALLEST_GROUP} are the least that is analysed. Correct or trim the weights."
    ]


def _unusable(values: pd.Series, study: Study) -> list[str]:
    """Why a column cannot stand in an equation: not varying, not finite, or no number."""
    name = str(values.name)
    if values.nunique() < 2:
        return [
            f"'{name}' is {values.iloc[0]} for everyone in the analysis sample. Take it out "
            "of the model, or widen the filter."
        ]
    if pd.api.types.is_float_dtype(values):
        if np.isinf(values).any():
            return [f"column '{name}' holds an infinite number. Filter such rows out."]
        low, high = values.min(), values.max()
        if max(-low, high) > LARGEST or high - low < SMALLEST:
            return [
                f"column '{name}' runs from {low:g} to {high:g}; sizes from {SMALLEST:g} to "
                f"{LARGEST:g} can be calculated with. Change its unit."
            ]
    text = not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
    if text and name in study.model.moderators and values.nunique() > 2:
        return [
            f"model.moderators: '{name}' has {values.nunique()} levels. A moderator is a number or "
            "has two levels; make it a control, or filter with design.where."
        ]
    return []


def equation_problems(
    moments: Moments, study: Study, terms: Mapping[str, Sequence[str]]
) -> tuple[list[str], list[str]]:
    """Equations that cannot be estimated, or that leave nothing to estimate.

    Parameters
    ----------
    moments : Moments
        Of every model column.
    study : Study
    terms : mapping
        Columns of each equation, by its model name.

    Returns
    -------
    tuple of list of str
        Problems: fewer respondents than parameters, columns that hardly vary or carry the same
        information.
        Warnings: an outcome that is an exact combination of the columns.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> terms = {equation.model: equation.terms for equation in equations(survey.study)}
    >>> print(equation_problems(replace(survey.moments, n=6), survey.study, terms)[0][0])
    loyalty.direct: 6 respondents for 6 parameters. Use fewer terms or more respondents.
    """
    problems: dict[str, list[str]] = {}
    warnings: dict[str, None] = {}
    for equation in equations(study):
        columns, outcome = terms[equation.model], equation.outcome
        if short := shortage(moments, columns):
            problems.setdefault(short, []).append(equation.model)
        elif constant := still(moments, [*columns, outcome]):
            text = f"{', '.join(constant)} varies so little beside its mean that it is rounding. "
            problems.setdefault(text + "Subtract a constant.", []).append(equation.model)
        elif same := collinear(moments, columns):
            text = f"{', '.join(same)} are collinear (they carry the same information); take one "
            problems.setdefault(text + "of them out of the model.", []).append(equation.model)
        elif exact := collinear(moments, [*columns, outcome]):
            others = ", ".join(name for name in exact if name != outcome)
            warnings[
                f"{outcome} is an exact combination of {others}: are they one answer twice?"
            ] = None
    return [f"{', '.join(models)}: {text}" for text, models in problems.items()], list(warnings)


def shortage(moments: Moments, terms: Sequence[str]) -> str:
    """Say that an equation has fewer respondents than parameters; empty when it has enough.

    Examples
    --------
    >>> shortage(Moments.from_frame(pd.DataFrame({"x": [1.0, 2.0]})), ["x"])
    '2 respondents for 2 parameters. Use fewer terms or more respondents.'
    """
    if moments.n > len(terms) + 1:
        return ""
    return (
        f"{moments.n} respondents for {len(terms) + 1} parameters. "
        "Use fewer terms or more respondents."
    )
