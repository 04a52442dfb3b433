"""The survey: data checked against its study. A Survey cannot exist unchecked.

Making one is the validation: declared missing codes, off-scale answers, reversed items, scores, one
analysis sample, and an attrition table that says what each rule cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError, StudyError, did_you_mean, raise_all
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.readers import read_moments, read_table
from loyalty_analysis.study import Study, contradictions, load_study


@dataclass(frozen=True, eq=False)
class Survey:
    """A checked survey.

    Attributes
    ----------
    study : Study
    moments : Moments
        Of every model column, analysis sample, weights honoured.
    scaled : frozenset of str
        Columns that standardized slopes divide by their SD (categories are not).
    attrition : DataFrame
        rule, removed, left, alone (what the rule would remove by itself), kind (``step``, or
        ``comparison`` for the sample that a half-of-items rule would keep).
    frame, items : DataFrame or None
        Analysis sample: scores, controls and design columns; items, reversed where declared.
        None for a study known by its moments.
    n_read : int
        Rows in the data file.

    Examples
    --------
    >>> survey = read_survey("bank_customers")
    >>> survey.n, survey.has_respondents
    (250, False)
    """

    study: Study
    moments: Moments
    scaled: frozenset[str]
    attrition: pd.DataFrame
    n_read: int
    frame: pd.DataFrame | None = None
    items: pd.DataFrame | None = None
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    item_moments: Moments | None = None
    cluster: str | None = None

    def __repr__(self) -> str:
        """Never a respondent: title and counts."""
        return f"Survey({self.study.title!r}, {self.n} respondents analysed of {self.n_read})"

    @property
    def n(self) -> int:
        """Respondents analysed."""
        return self.moments.n

    @property
    def has_respondents(self) -> bool:
        """Whether respondents are at hand, or their moments only."""
        return self.frame is not None

    @property
    def effective_n(self) -> float:
        """Kish's effective number of respondents."""
        return self.moments.effective_n

    @cached_property
    def weights(self) -> Array | None:
        """Weights of the analysis sample, scaled to sum to n; None without a weight column."""
        return None if self.frame is None else _weights(self.frame, self.study)

    @cached_property
    def clusters(self) -> Array | None:
        """Cluster labels of the analysis sample; None without clusters."""
        if self.frame is None or self.cluster is None:
            return None
        return as_text(self.frame[self.cluster]).to_numpy(dtype=str)

    @property
    def n_clusters(self) -> int | None:
        """Number of clusters, None without clusters."""
        return None if self.clusters is None else len(np.unique(self.clusters))

    def terms(self, names: Sequence[str]) -> tuple[str, ...]:
        """Columns that stand for names in an equation: a category becomes its indicators."""
        found: list[str] = []
        for name in names:
            others = self.levels.get(name, ())[1:]
            found += [f"{name}[{level}]" for level in others] if others else [name]
        return tuple(found)

    def sample(
        self, columns: Sequence[str], by: str | None = None, extra: pd.DataFrame | None = None
    ) -> Sample:
        """Sample of some columns, split by a group column when asked.

        Parameters
        ----------
        columns : sequence of str
            Model columns, or columns of ``extra``.
        by : str, optional
            Group column.
        extra : DataFrame, optional
            Further columns made from the analysis sample, such as products.

        Returns
        -------
        Sample
        """
        names = tuple(columns)
        if self.frame is None:
            return Sample(names, {"": self.moments[names]})
        frame = self.frame if extra is None else pd.concat([self.frame, extra], axis=1)
        rows = frame[list(names)].to_numpy(dtype=float)
        group = as_text(self.frame[by]).to_numpy(dtype=str) if by else np.full(len(rows), "")
        keep = {str(label): group == label for label in np.unique(group)}

        def split(values: Array) -> dict[str, Array]:
            return {label: values[inside] for label, inside in keep.items()}

        weights = None if self.weights is None else split(self.weights)
        clusters = None if self.clusters is None else split(self.clusters)
        parts = {
            label: Moments.from_rows(names, part, None if weights is None else weights[label])
            for label, part in split(rows).items()
        }
        return Sample(names, parts, split(rows), weights, clusters)


def read_survey(
    study: str | Path | Study,
    settings: Sequence[str] = (),
    data: str | Path | None = None,
    where: str | None = None,
) -> Survey:
    """Read a study and its data, and check one against the other.

    Parameters
    ----------
    study : str, pathlib.Path or Study
        A study file, its folder, the name of a shipped study, or a loaded study.
    settings : sequence of str
        Changes to the study as ``"table.key=value"``.
    data : path, optional
        Another data file for the same study.
    where : str, optional
        A further filter, such as ``"country == 'US'"``, beside the study's own.

    Returns
    -------
    Survey

    Raises
    ------
    StudyError, DataError
        Every problem found, worst first, each naming file, column, finding and remedy.

    Examples
    --------
    >>> read_survey("bank_customers").moments.columns[:2]
    ('image', 'expectation')
    """
    loaded = load_study(study, settings)
    changes: dict[str, object] = {}
    if data:
        changes["data"] = str(Path(data).resolve())
    if where:
        own = loaded.design.where
        both = f"({own}) and ({where})" if own else where
        changes["design"] = loaded.design.model_copy(update={"where": both})
    if changes:
        loaded = loaded.model_copy(update=changes)
        raise_all(StudyError, str(loaded.path), contradictions(loaded))
    return survey_from_moments(loaded) if loaded.from_moments else survey_from_rows(loaded)


def survey_from_moments(study: Study) -> Survey:
    """Check a moments file against its study; score moments follow from item moments."""
    known = read_moments(study.data_path)
    used = [*study.model_constructs, *study.model.controls, *study.model.moderators]
    names = tuple(dict.fromkeys(used))
    problems, matrix, offset = [], np.zeros((len(names), len(known.columns))), np.zeros(len(names))
    for row, name in enumerate(names):
        items = study.items_of(name) if name in study.constructs else (name,)
        items = (name,) if name in known.columns else items
        for item in items:
            if item not in known.columns:
                hint = did_you_mean(item, known.columns)
                problems.append(f"'{item}' (of {name}) is not among the variables. {hint}")
                continue
            sign = (
                -1.0
                if name in study.constructs and item in study.constructs[name].reversed
                else 1.0
            )
            matrix[row, known.columns.index(item)] = sign / len(items)
            offset[row] += _turned(study, name) / len(items) if sign < 0 else 0.0
    raise_all(DataError, str(study.data_path), problems)
    moments = known.linear(matrix, names, offset)
    attrition = pd.DataFrame(
        {"rule": ["published moments"], "removed": 0, "left": known.n, "alone": 0, "kind": "step"}
    )
    return Survey(study, moments, frozenset(names), attrition, known.n, item_moments=known)


def _turned(study: Study, construct: str) -> float:
    """What an item is subtracted from to reverse it."""
    scale = study.scale_of(construct)
    assert scale.min is not None and scale.max is not None
    return scale.min + scale.max


def survey_from_rows(study: Study) -> Survey:
    """Check respondents against their study and keep the analysis sample."""
    raw = read_table(study.data_path)
    n_read = len(raw)
    _require_columns(raw, study)
    kept = _filtered(raw, study)
    items = _checked_items(kept, study)
    frame = pd.concat([_scores(items, study), _design_columns(kept, study)], axis=1)
    attrition, complete = _attrition(frame, study, n_read, len(kept), items)
    sample, items = frame[complete], items[complete]
    if len(sample) == 0:
        costs = attrition[attrition["rule"].str.endswith(" missing")]
        raise DataError(
            f"{study.data_path}: no respondent is complete on every model column. "
            f"The costliest is '{costs.loc[costs['alone'].idxmax(), 'rule']}'."
        )
    cluster = _check_respondents(sample, study)
    if cluster and sample[cluster].nunique() < 2:
        raise DataError(
            f"{study.data_path}: column '{cluster}' holds one cluster only in the analysis sample. "
            "Remove design.cluster, or widen the filter."
        )
    numeric, levels = _model_columns(sample, study)
    used = [name for name in numeric.columns if name not in sample.columns]
    sample = pd.concat([sample, numeric[used]], axis=1).reset_index(drop=True)
    scaled = frozenset(name for name in numeric.columns if name not in used)
    moments = Moments.from_frame(numeric, _weights(sample, study))
    return Survey(
        study, moments, scaled, attrition, n_read, sample, items.reset_index(drop=True), levels,
        cluster=cluster,
    )  # fmt: skip


def _weights(sample: pd.DataFrame, study: Study) -> Array | None:
    if study.design.weight is None:
        return None
    values = sample[study.design.weight].to_numpy(dtype=float)
    return values * (len(values) / values.sum())


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


def _require_columns(raw: pd.DataFrame, study: Study) -> None:
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


def _filtered(raw: pd.DataFrame, study: Study) -> pd.DataFrame:
    where = study.design.where
    if not where:
        return raw
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
        raise DataError(f"{study.data_path}: the filter {where!r} leaves no respondent.")
    return raw[inside]


def _checked_items(raw: pd.DataFrame, study: Study) -> pd.DataFrame:
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
            columns[item] = _turned(study, name) - values if item in construct.reversed else values
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


def _scores(items: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Row means of the answered items; missing when fewer than the rule asks are answered."""
    scores = {}
    for name in study.constructs:
        answers = items[list(study.items_of(name))]
        needed = study.scale_of(name).min_items or answers.shape[1]
        enough = answers.notna().sum(axis=1) >= min(needed, answers.shape[1])
        scores[name] = answers.mean(axis=1).where(enough)
    return pd.DataFrame(scores, index=items.index)


def _design_columns(raw: pd.DataFrame, study: Study) -> pd.DataFrame:
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


def _attrition(
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


def _check_respondents(sample: pd.DataFrame, study: Study) -> str | None:
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


def _model_columns(
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
