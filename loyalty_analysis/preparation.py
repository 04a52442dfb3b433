"""From a raw file to an analysis sample: what is checked, scored, removed and coded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.study import Study

SMALLEST_GROUP = 10
"""Groups of fewer respondents are not analysed, and nothing about them is shown."""


def answers_of(raw: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Items as numbers, as they were answered: declared codes, text and absent columns missing.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> raw = pd.DataFrame({"aff1": [4, -99, "often"]})
    >>> answers_of(raw, load_study("rice_simulated"))["aff1"].tolist()
    [4.0, nan, nan]
    """
    columns = {}
    for name in study.constructs:
        for item in study.items_of(name):
            values = as_numbers(raw[item]) if item in raw.columns else np.nan
            values = pd.Series(values, index=raw.index, dtype=float)
            columns[item] = values.where(~values.isin(study.scale_of(name).missing))
    return pd.DataFrame(columns, index=raw.index)


def as_numbers(values: pd.Series) -> pd.Series:
    """Cells as numbers: text is missing, what no float can hold is infinite.

    Examples
    --------
    >>> list(as_numbers(pd.Series([10**400, "4", "often"], dtype=object)))
    [inf, 4.0, nan]
    """
    if values.dtype == object:  # whole numbers beyond 64 bits
        values = values.astype(str).where(values.notna())
    return pd.to_numeric(values, errors="coerce").astype(float)


def reversed_items(answers: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Items that all point the same way: those declared reversed are turned.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> reversed_items(answers_of(pd.DataFrame({"aff3": [1, 4, 6]}), study), study)["aff3"].tolist()
    [7.0, 4.0, 2.0]
    """
    items = answers.copy()
    for name, construct in study.constructs.items():
        for item in construct.reversed:
            items[item] = turned(study, name) - answers[item]
    return items


def turned(study: Study, construct: str) -> float:
    """What an item is subtracted from to reverse it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> turned(load_study("rice_simulated"), "affective")
    8.0
    """
    scale = study.scale_of(construct)
    assert scale.min is not None and scale.max is not None
    return scale.min + scale.max


def recoded_items(items: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Items as they are analysed: those of constructs with a ``score`` other than the mean recoded.

    References
    ----------
    Reichheld (2003), Harvard Business Review 81(12), 46-54, for promoters and detractors.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["constructs.usability={score = 'top_box'}"])
    >>> items = pd.DataFrame({"usability": [7.0, 6.0, None]})
    >>> recoded_items(items, study)["usability"].tolist()
    [1.0, 0.0, nan]
    """
    found = items.copy()
    for name, construct in study.constructs.items():
        [item, *_] = study.items_of(name)
        if construct.score == "nps":
            new = 100.0 * (items[item] >= 9) - 100.0 * (items[item] <= 6)
        elif construct.score == "top_box":
            high = study.scale_of(name).max
            assert high is not None
            new = 1.0 * (items[item] > high - (construct.top or 1))
        else:
            continue
        found[item] = new.where(items[item].notna())
    return found


def possible_answers(study: Study, construct: str) -> Array:
    """What an item of a construct can be once recoded, low to high; of a wide scale the ends only.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> possible_answers(load_study("rice_simulated"), "search")
    array([1., 2., 3., 4., 5., 6., 7.])
    >>> scored = "constructs.search={items = ['sea1'], min = 0, max = 10, score = 'nps'}"
    >>> possible_answers(load_study("rice_simulated", [scored]), "search")
    array([-100.,    0.,  100.])
    """
    recoded = {"nps": [-100.0, 0.0, 100.0], "top_box": [0.0, 1.0]}
    scale, score = study.scale_of(construct), study.constructs[construct].score
    if score in recoded:
        return np.array(recoded[score])
    assert scale.min is not None and scale.max is not None
    between = np.arange(scale.min, scale.max) if scale.max - scale.min <= 10 else [scale.min]
    return np.array([*between, scale.max], dtype=float)


def score_problems(answers: pd.DataFrame, study: Study) -> list[str]:
    """Answers between the points of a scale, where a study counts the highest answers.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["constructs.usability={score = 'top_box'}"])
    >>> print(score_problems(pd.DataFrame({"usability": [6.5, 7.0]}), study)[0])
    column 'usability' holds 1 answer that is no whole number, and constructs.usability.score =
    'top_box' counts whole ones. Correct the file, or remove score.
    """
    problems = []
    for name, construct in study.constructs.items():
        [item, *_] = study.items_of(name)
        between = 0 if construct.score == "mean" else int((answers[item] % 1 > 0).sum())
        if between:
            many = "1 answer that is" if between == 1 else f"{between:,} answers that are"
            problems.append(
                f"column '{item}' holds {many} no whole number, and constructs.{name}.score = "
                f"'{construct.score}' counts whole ones. Correct the file, or remove score."
            )
    return problems


def scored(items: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Row means of the answered items; missing when fewer than the rule asks are answered.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> raw = pd.DataFrame({"aff1": [5, 5], "aff2": [6, None], "aff3": [7, 7]})
    >>> scored(answers_of(raw, study), study)["affective"].tolist()
    [6.0, nan]
    """
    scores = {}
    for name in study.constructs:
        answers = items[list(study.items_of(name))]
        needed = study.scale_of(name).min_items or answers.shape[1]
        enough = answers.notna().sum(axis=1) >= min(needed, answers.shape[1])
        scores[name] = answers.mean(axis=1).where(enough)
    return pd.DataFrame(scores, index=items.index)


def variables_of(known: Moments, study: Study, name: str) -> tuple[str, ...]:
    """Variables of a table of moments that a construct or column follows from.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> known = Moments.from_frame(pd.DataFrame({"loyalty": [4.0, 5.0]}))
    >>> study = load_study("mobile_customers")
    >>> variables_of(known, study, "loyalty"), variables_of(known, study, "satisfaction")
    (('loyalty',), ('cusa',))
    """
    by_name = name in known.columns or name not in study.constructs
    return (name,) if by_name else study.items_of(name)


def scored_moments(known: Moments, study: Study, names: Sequence[str]) -> Moments:
    """Moments of scores, which follow from those of their items.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> items = pd.DataFrame({"cusl_1": [1.0, 5], "cusl_2": [2.0, 6], "cusl_3": [3.0, 7]})
    >>> known = Moments.from_frame(items)
    >>> scored_moments(known, load_study("mobile_customers"), ["loyalty"]).mean
    array([4.])
    """
    matrix, offset = np.zeros((len(names), len(known.columns))), np.zeros(len(names))
    for row, name in enumerate(names):
        items = variables_of(known, study, name)
        for item in items:
            against = name in study.constructs and item in study.constructs[name].reversed
            matrix[row, known.columns.index(item)] = (-1.0 if against else 1.0) / len(items)
            offset[row] += turned(study, name) / len(items) if against else 0.0
    return known.linear(matrix, names, offset)


def design_names(study: Study) -> dict[str, str]:
    """Name the columns outside constructs, and the key of the study that asks for each.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> named = design_names(load_study("rice_simulated"))
    >>> named["industry"], named["age"]
    ('design.cluster', 'model.controls')
    """
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


def quality_names(study: Study) -> dict[str, str]:
    """Name the columns that ``[quality]`` asks for, which nobody has to be complete on.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> quality_names(load_study("rice_simulated", ["quality.seconds=duration"]))
    {'duration': 'quality.seconds'}
    """
    named = {}
    for key in ("seconds", "marker"):
        column = getattr(study.quality, key)
        if column and column not in study.constructs:
            named[column] = f"quality.{key}"
    return named


def design_columns(raw: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Columns outside the constructs; weights, answer times and a marker as numbers.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> raw = pd.DataFrame(dict.fromkeys(design_names(study), ["2.5", "heavy"]))
    >>> design_columns(raw, study)["w"].tolist()
    [2.5, nan]
    """
    names = dict.fromkeys([*design_names(study), *quality_names(study)])
    numeric = [name for name in (study.design.weight, *quality_names(study)) if name]
    return raw[list(names)].assign(**{name: as_numbers(raw[name]) for name in numeric})


def scaled_weights(sample: pd.DataFrame, study: Study) -> Array | None:
    """Weights scaled to sum to the number of rows; None without a weight column.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> scaled_weights(pd.DataFrame({"w": [1.0, 3.0]}), load_study("rice_simulated"))
    array([0.5, 1.5])
    """
    if study.design.weight is None:
        return None
    values = sample[study.design.weight].to_numpy(dtype=float)
    # Shares of the largest first: very large weights have no sum, very small ones no digits.
    shares = values / values.max(initial=0)
    return shares * (len(shares) / shares.sum())


def cluster_of(sample: pd.DataFrame, study: Study) -> str | None:
    """Name the column whose respondents are not independent.

    Answers of one person over waves are not: then the person is the cluster.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> cluster_of(pd.DataFrame({"id": [1, 1, 2]}), load_study("rice_simulated"))
    'industry'
    """
    design = study.design
    repeated = design.respondent and sample[design.respondent].duplicated().any()
    return design.cluster or (design.respondent if repeated else None)


def model_columns(
    sample: pd.DataFrame, study: Study
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Numeric columns of every equation; text and booleans become indicators of their levels.

    The first level in the alphabet that is no small group is the one that others are compared with.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("mobile_customers", ["model.controls=['sector']"])
    >>> scores = pd.DataFrame(dict.fromkeys(study.model_constructs, [4.0, 5.0, 6.0]))
    >>> columns, levels = model_columns(scores.assign(sector=["goods", "services", "goods"]), study)
    >>> levels, columns["sector[services]"].tolist()
    ({'sector': ('goods', 'services')}, [0.0, 1.0, 0.0])
    """
    columns: dict[str, pd.Series] = {name: sample[name] for name in study.analysed}
    levels: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys([*study.model.controls, *study.model.moderators]):
        if name in study.constructs:
            continue
        values = sample[name]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            columns[name] = values.astype(float)
            continue
        text = as_text(values)
        counts = text.value_counts()
        # A small group is no yardstick for the others: every difference would show it.
        levels[name] = tuple(sorted(counts.index, key=lambda x: (counts[x] < SMALLEST_GROUP, x)))
        for level in levels[name][1:]:
            columns[f"{name}[{level}]"] = (text == level).astype(float)
    return pd.DataFrame(columns), levels


def as_text(values: pd.Series) -> pd.Series:
    """Labels as text; whole numbers without a decimal point, however the file stored them.

    Examples
    --------
    >>> list(as_text(pd.Series([1.0, 2.0])))
    ['1', '2']
    """
    if pd.api.types.is_float_dtype(values):
        known = values.dropna()
        # Beyond 2**53 floats are whole by rounding only.
        if ((known % 1 == 0) & (known.abs() < 2**53)).all():
            values = values.astype("Int64")
    return values.astype(str)
