"""What an analysis sample is refused for, once the file is sound: problems in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.equations import every_equation
from loyalty_analysis.moments import LARGEST, SMALLEST, Moments, collinear, shortage, still
from loyalty_analysis.preparation import SMALLEST_GROUP, as_text, scaled_weights
from loyalty_analysis.study import Study


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
        by_rule = attrition["rule"].str.endswith((" missing", " excluded"))
        costs = attrition[by_rule & (attrition["alone"] > 0)]
        costliest = (
            f"The costliest is '{costs.loc[costs['alone'].idxmax(), 'rule']}'. "
            if len(costs)
            else ""
        )
        fewer = "exclude fewer, " if study.quality.exclude else ""
        return [
            f"{count} complete on every model column, and {SMALLEST_GROUP} are the least that is "
            f"analysed. {costliest}Widen the filter, {fewer}or use fewer columns."
        ]
    problems = []
    if cluster and sample[cluster].nunique() < 2:
        problems.append(
            f"column '{cluster}' holds one cluster only in the analysis sample. Remove "
            "design.cluster, or widen the filter."
        )
    problems += _dominated(sample, study)
    model = study.model
    used = list(dict.fromkeys([*study.analysed, *model.controls, *model.moderators]))
    problems += _called_like_categories(sample[used])
    problems += [] if cluster else _too_rare(sample, study)
    return problems + [p for name in used for p in _unusable(sample[name], study)]


def _too_rare(sample: pd.DataFrame, study: Study) -> list[str]:
    """Categories of one respondent, whose slope has no robust error."""
    found = []
    for name in dict.fromkeys([*study.model.controls, *study.model.moderators]):
        values = sample[name]
        text = not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
        if name not in study.constructs and text and as_text(values).value_counts().min() < 2:
            found.append(
                f"column '{name}' holds a category too rare to be held constant. Merge it with "
                "another, or leave its cells empty."
            )
    return found


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


def published_problems(known: Moments, study: Study) -> list[str]:
    """Means and SDs that no answers on the declared scale can have, and too few respondents.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> known = Moments.from_frame(pd.DataFrame({"cusa": [52.0, 51.0] * 5}))
    >>> print(published_problems(known, load_study("mobile_customers"))[0])
    the mean of cusa is 51.5, outside the scale 1 to 7 of 'satisfaction'. Compare it with the
    printed table, or correct the scale.
    """
    problems = []
    if known.n < SMALLEST_GROUP:
        problems.append(f"n is {known.n}; {SMALLEST_GROUP} are the least that is analysed.")
    sizes = dict(zip(known.columns, zip(known.mean, known.sd, strict=True), strict=True))
    for name in study.constructs:
        low, high = study.scale_of(name).min, study.scale_of(name).max
        for variable in {name: None, **dict.fromkeys(study.items_of(name))}:
            if variable not in sizes or low is None or high is None:
                continue
            mean, sd = sizes[variable]
            # As far from the mean as answers can be: all of them at the ends of the scale.
            most = max((high - mean) * (mean - low) * known.n / (known.n - 1), 0.0) ** 0.5
            scale = f"the scale {low:g} to {high:g} of '{name}'"
            remedy = "Compare it with the printed table, or correct the scale."
            if not low <= mean <= high:
                problems.append(f"the mean of {variable} is {mean:g}, outside {scale}. {remedy}")
            elif sd > most + 0.01 * (high - low):  # printed numbers are rounded
                problems.append(
                    f"the sd of {variable} is {sd:g}, and with its mean of {mean:g} {scale} allows "
                    f"{most:.2f} at most. {remedy}"
                )
    return problems


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
    >>> terms = {equation.model: equation.terms for equation in every_equation(survey.study)}
    >>> print(equation_problems(replace(survey.moments, n=6), survey.study, terms)[0][0])
    loyalty.direct: 6 respondents for 6 parameters. Use fewer terms or more respondents.
    """
    problems: dict[str, list[str]] = {}
    warnings: dict[str, None] = {}
    for equation in every_equation(study):
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
