"""From a raw file to an analysis sample: what is checked, scored, removed and coded."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError, StudyError, did_you_mean, raise_all
from loyalty_analysis.moments import Array
from loyalty_analysis.study import Study


def require_columns(raw: pd.DataFrame, study: Study) -> None:
    """Refuse a file that lacks a column the study names."""
    problems = []
    for name in study.constructs:
        for item in study.items_of(name):
            if item not in raw.columns:
                hint = did_you_mean(item, raw.columns)
                problems.append(f"column '{item}' (an item of {name}) is missing. {hint}")
    for column, key in _design_names(study).items():
        if column not in raw.columns:
            hint = did_you_mean(column, raw.columns)
            problems.append(f"column '{column}' ({key}) is missing. {hint}")
    raise_all(DataError, str(study.data_path), problems)


def filtered(raw: pd.DataFrame, where: str, path: str) -> pd.DataFrame:
    """Keep the rows that a filter says yes to."""
    remedy = "Write a comparison of columns such as \"country == 'US' and age > 30\"."
    if "@" in where or "__" in where:
        raise StudyError(f"filter {where!r}: '@' and '__' are not allowed in a filter. {remedy}")
    try:
        inside = raw.eval(where, engine="python")
    except pd.errors.UndefinedVariableError as error:
        name = str(error).split("'")[1]
        hint = f"no column is called '{name}'. {did_you_mean(name, raw.columns)}"
        raise StudyError(f"filter {where!r} cannot be applied: {hint}") from None
    except Exception as error:
        hint = f"{type(error).__name__}: {error}"
        raise StudyError(f"filter {where!r} cannot be applied ({hint}). {remedy}") from None
    # Anything but yes or no for each row would select rows by their number.
    if not isinstance(inside, pd.Series) or not pd.api.types.is_bool_dtype(inside):
        raise StudyError(f"filter {where!r} does not say yes or no for each row. {remedy}")
    if not inside.any():
        raise DataError(f"{path}: the filter {where!r} leaves no respondent.")
    return raw[inside]


def checked_items(raw: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Items as numbers: missing codes removed, reversed where declared, off-scale refused."""
    columns, problems = {}, []
    for name, construct in study.constructs.items():
        scale = study.scale_of(name)
        for item in study.items_of(name):
            values = pd.to_numeric(raw[item], errors="coerce").astype(float)
            text = raw[item][values.isna() & raw[item].notna()]
            if len(text):
                found = ", ".join(repr(str(value)) for value in text.unique()[:3])
                problems.append(
                    f"column '{item}' holds text in {len(text)} rows ({found}); answers must be "
                    "numbers. Code them, or leave them empty when missing."
                )
                continue
            values = values.where(~values.isin(scale.missing))
            problems += _answer_problems(values, item, name, scale.min, scale.max)
            columns[item] = turned(study, name) - values if item in construct.reversed else values
    raise_all(DataError, str(study.data_path), problems)
    return pd.DataFrame(columns, index=raw.index)


def _answer_problems(
    values: pd.Series, item: str, construct: str, low: float | None, high: float | None
) -> list[str]:
    off = values[(values < low) | (values > high) | np.isinf(values)]
    if len(off):
        counts = off.value_counts().head(5)
        found = ", ".join(f"{value:g} ({count} times)" for value, count in counts.items())
        return [
            f"column '{item}' holds {found}, outside the scale {low:g} to {high:g} of "
            f"'{construct}'. Declare the code in 'missing', or correct the scale."
        ]
    if values.notna().sum() == 0:
        return [f"column '{item}' (an item of {construct}) holds no answer at all."]
    if values.min() == values.max():
        return [f"column '{item}' holds {values.min():g} only: an item must vary."]
    return []


def turned(study: Study, construct: str) -> float:
    """What an item is subtracted from to reverse it."""
    scale = study.scale_of(construct)
    assert scale.min is not None and scale.max is not None
    return scale.min + scale.max


def scored(items: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Row means of the answered items; missing when fewer than the rule asks are answered."""
    scores = {}
    for name in study.constructs:
        answers = items[list(study.items_of(name))]
        needed = study.scale_of(name).min_items or answers.shape[1]
        enough = answers.notna().sum(axis=1) >= min(needed, answers.shape[1])
        scores[name] = answers.mean(axis=1).where(enough)
    return pd.DataFrame(scores, index=items.index)


def _design_names(study: Study) -> dict[str, str]:
    """Columns outside constructs and the key of the study that asks for each."""
    design, model = study.design, study.model
    named: dict[str, str] = {}
    for key in ("respondent", "weight", "cluster", "wave"):
        column = getattr(design, key)
        if column:
            named[column] = f"design.{key}"
    named |= dict.fromkeys(design.groups, "design.groups")
    for key in ("controls", "moderators"):
        for column in getattr(model, key):
            if column not in study.constructs:
                named[column] = f"model.{key}"
    return named


def design_columns(raw: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Columns outside the constructs; weights as positive numbers."""
    frame = raw[list(_design_names(study))].copy()
    weight = study.design.weight
    if weight:
        values = pd.to_numeric(frame[weight], errors="coerce")
        wrong = raw[weight][
            (values.isna() & raw[weight].notna()) | (values <= 0) | np.isinf(values)
        ]
        if len(wrong):
            found = ", ".join(str(value) for value in wrong.unique()[:3])
            raise DataError(
                f"{study.data_path}: weight column '{weight}' holds {found} in {len(wrong)} rows; "
                "weights must be positive numbers. Filter these rows out with design.where."
            )
        frame[weight] = values
    return frame


def scaled_weights(sample: pd.DataFrame, study: Study) -> Array | None:
    """Weights scaled to sum to the number of rows; None without a weight column."""
    if study.design.weight is None:
        return None
    values = sample[study.design.weight].to_numpy(dtype=float)
    return values * (len(values) / values.sum())


def attrition_of(
    frame: pd.DataFrame, study: Study, n_read: int, n_kept: int, items: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series]:
    """What each rule removes, in order; and which rows are complete."""
    rows: list[tuple[str, int, int, int]] = [("rows read", 0, n_read, 0)]
    if study.design.where:
        rows.append((f"where {study.design.where}", n_read - n_kept, n_kept, n_read - n_kept))
    complete = pd.Series(True, index=frame.index)
    design = [name for name in _design_names(study) if name != study.design.respondent]
    for name in [*study.model_constructs, *design]:
        present = frame[name].notna()
        removed = int((complete & ~present).sum())
        complete &= present
        rows.append((f"{name} missing", removed, int(complete.sum()), int((~present).sum())))
    table = pd.DataFrame(rows, columns=["rule", "removed", "left", "alone"]).assign(kind="step")
    kept = int((half_rule(items, study) & frame[design].notna().all(axis=1)).sum())
    half = ("if half of the items were enough", len(frame) - kept, kept, len(frame) - kept)
    table.loc[len(table)] = [*half, "comparison"]
    return table, complete


def half_rule(items: pd.DataFrame, study: Study) -> pd.Series:
    """Rows that would be kept if half of each construct's items were enough for its score."""
    kept = pd.Series(True, index=items.index)
    for name in study.model_constructs:
        answered = items[list(study.items_of(name))].notna()
        kept &= answered.sum(axis=1) >= np.ceil(answered.shape[1] / 2)
    return kept


def check_respondents(sample: pd.DataFrame, study: Study) -> str | None:
    """Respondents must be unique, unless waves or clusters explain repeats; return the cluster."""
    design = study.design
    if not design.respondent:
        return design.cluster
    if not sample[design.respondent].duplicated().any():
        return design.cluster
    explained = [column for column in (design.wave, design.cluster) if column]
    repeated = sample[sample.duplicated([design.respondent, *explained])]
    if not explained or len(repeated):
        shown = ", ".join(str(value) for value in repeated[design.respondent].unique()[:3])
        raise DataError(
            f"{study.data_path}: column '{design.respondent}' repeats {len(repeated)} times "
            f"({shown}). Respondents must be unique, or unique with design.wave or design.cluster."
        )
    # Answers of one person over waves are not independent: the person is the cluster.
    return design.cluster or design.respondent


def model_columns(
    sample: pd.DataFrame, study: Study
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Numeric columns of every equation; text and booleans become indicators of their levels."""
    used = [*study.model_constructs, *study.model.controls, *study.model.moderators]
    problems = [problem for name in dict.fromkeys(used) for problem in _unusable(sample[name])]
    raise_all(DataError, str(study.data_path), problems)
    columns: dict[str, pd.Series] = {name: sample[name] for name in study.model_constructs}
    levels: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys([*study.model.controls, *study.model.moderators]):
        if name in study.constructs:
            continue
        values = sample[name]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            columns[name] = values.astype(float)
            continue
        text = as_text(values)
        levels[name] = tuple(sorted(text.unique()))
        if name in study.model.moderators and len(levels[name]) > 2:
            problems.append(
                f"model.moderators: '{name}' has {len(levels[name])} levels. A moderator is a "
                "number or has two levels; make it a control, or filter with design.where."
            )
        for level in levels[name][1:]:
            columns[f"{name}[{level}]"] = (text == level).astype(float)
    raise_all(DataError, str(study.data_path), problems)
    return pd.DataFrame(columns), levels


def _unusable(values: pd.Series) -> list[str]:
    """Why a column cannot stand in an equation: it does not vary, or is not finite."""
    if values.nunique() < 2:
        return [
            f"'{values.name}' is {values.iloc[0]} for everyone in the analysis sample. Take it out "
            "of the model, or widen the filter."
        ]
    if pd.api.types.is_float_dtype(values) and np.isinf(values).any():
        return [f"column '{values.name}' holds an infinite number. Filter such rows out."]
    return []


def as_text(values: pd.Series) -> pd.Series:
    """Labels as text; whole numbers without a decimal point, however the file stored them.

    Examples
    --------
    >>> list(as_text(pd.Series([1.0, 2.0])))
    ['1', '2']
    """
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype(str)
