"""The survey: data checked against its study. A Survey cannot exist unchecked.

Making one is the validation: declared missing codes, off-scale answers, reversed items, scores, one
analysis sample, and an attrition table that says what each rule cost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from loyalty_analysis import memory
from loyalty_analysis.addresses import absolute
from loyalty_analysis.answer_words import in_numbers
from loyalty_analysis.arms import arm_problems
from loyalty_analysis.attrition import attrition_of
from loyalty_analysis.careless import exclusions
from loyalty_analysis.checks import answer_problems, column_problems, variable_problems
from loyalty_analysis.contradictions import contradictions, present
from loyalty_analysis.design_checks import (
    coding_warnings,
    control_problems,
    marker_problems,
    missing_word_warnings,
    quality_problems,
    respondent_problems,
    weight_problems,
)
from loyalty_analysis.directions import direction_problems, direction_problems_of_moments
from loyalty_analysis.equations import every_equation
from loyalty_analysis.errors import DataError, StudyError, raise_all
from loyalty_analysis.filters import columns_of, filtered
from loyalty_analysis.formats import read_file
from loyalty_analysis.holdout import held_out
from loyalty_analysis.inference import Sample
from loyalty_analysis.labelled import named_levels, short_labels, without_codes
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.preparation import (
    SMALLEST_GROUP,
    answers_of,
    as_text,
    cluster_of,
    design_columns,
    design_names,
    model_columns,
    quality_names,
    recoded_items,
    reversed_items,
    scaled_weights,
    score_problems,
    scored,
    scored_moments,
)
from loyalty_analysis.raw_tables import Table, labels_of
from loyalty_analysis.readers import read_moments
from loyalty_analysis.sample_checks import equation_problems, published_problems, sample_problems
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.text_files import swallowed_lines


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
        Analysis sample: scores, controls and design columns; items, reversed or recoded where
        declared.
        None for a study known by its moments.
    n_read : int
        Rows in the data file.
    warnings : tuple of str
        What looks wrong and yet may be meant.
    notes : tuple of str
        How the file was read: separator, sheet, answers in words, codes that it declares missing.
    digest : str
        Hash of rows that came from a server; empty for a file, which has one of its own.

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
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    digest: str = ""

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
        return None if self.frame is None else scaled_weights(self.frame, self.study)

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

    @cached_property
    def small_groups(self) -> frozenset[str]:
        """Terms whose slope would show a group of fewer than ten respondents: none is shown."""
        if self.frame is None:
            return frozenset()
        names = [name for name in self.moments.columns if name not in self.study.constructs]
        counts = {name: self.frame[name].value_counts() for name in names}
        return frozenset(
            name for name, n in counts.items() if len(n) == 2 and n.min() < SMALLEST_GROUP
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the equations of its own model, categories split."""
        model = self.study.model
        names = [*self.study.model_constructs, *model.controls, *model.moderators]
        return tuple(dict.fromkeys(self.terms(names)))

    def model(self, part: str) -> Survey:
        """The same respondents with a further model of the study (:meth:`Study.view`).

        Examples
        --------
        >>> few = "models.few={drivers = ['image']}"
        >>> read_survey("bank_customers", [few]).model("few").moments.columns
        ('image', 'loyalty')
        """
        if not part:
            return self
        if part not in self._views:
            view = replace(self, study=self.study.view(part))
            self._views[part] = replace(view, moments=self.moments[view.columns])
        return self._views[part]

    @cached_property
    def _views(self) -> dict[str, Survey]:
        """Views that were asked for."""
        return {}

    def terms(self, names: Sequence[str]) -> tuple[str, ...]:
        """Columns that stand for names in an equation: a category becomes its indicators."""
        found: list[str] = []
        for name in names:
            others = self.levels.get(name, ())[1:]
            found += [f"{name}[{level}]" for level in others] if others else [name]
        return tuple(found)

    def usable_levels(self, column: str, terms: int) -> list[str]:
        """Levels of a group column with enough respondents for that many terms, and two clusters.

        Never fewer than ten respondents.
        """
        assert self.frame is not None
        groups = as_text(self.frame[column])
        counts = groups.value_counts()
        enough = counts.index[counts >= max(terms + 2, SMALLEST_GROUP)]
        clusters = self.clusters if self.clusters is not None else np.arange(len(groups))
        return sorted(str(level) for level in enough if len(set(clusters[groups == level])) > 1)

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
    handed = memory.handed_over(study, settings, data, where)
    if handed is not None:  # in a notebook of a report: the survey that its run has read
        return handed
    return survey_of(*declared(study, settings, data, where))


def declared(
    study: str | Path | Study,
    settings: Sequence[str] = (),
    data: str | Path | None = None,
    where: str | None = None,
) -> tuple[Study, tuple[str, ...]]:
    """Read a study as it was asked for, and the filters on its respondents; no data yet.

    Examples
    --------
    >>> study, filters = declared("rice_simulated", where="age > 30")
    >>> study.design.where, filters
    ('age > 30', ('age > 30',))
    """
    loaded = load_study(study, settings)
    filters = tuple(one for one in (loaded.design.where, where) if one)
    changes: dict[str, object] = {}
    if data:
        changes["data"] = absolute(data)
    if where:
        both = " and ".join(f"({one})" for one in filters) if len(filters) > 1 else where
        changes["design"] = loaded.design.model_copy(update={"where": both})
    if changes:
        loaded = loaded.model_copy(update=changes)
        raise_all(StudyError, str(loaded.path), contradictions(loaded))
    return loaded, filters


def read_table(study: Study, filters: Sequence[str] = (), also: Sequence[str] = ()) -> Table:
    """Read the data file of a study as it is stored: what it and its filters ask for, and more.

    Examples
    --------
    >>> read_table(load_study("rice_simulated"))
    Table(9000 rows, 34 columns)
    """
    return read_file(study.data, study.path.parent, [*asked_columns(study, filters), *also])


def survey_of(study: Study, filters: Sequence[str] = (), table: Table | None = None) -> Survey:
    """Check the data of a study against it: its moments, or a file that may have been read before.

    Examples
    --------
    >>> survey_of(load_study("bank_customers")).n
    250
    """
    if study.from_moments:
        return survey_from_moments(study)
    return prepared(study, filters, table).sampled()


def survey_from_moments(study: Study) -> Survey:
    """Check a moments file against its study; score moments follow from item moments.

    Examples
    --------
    >>> survey = survey_from_moments(load_study("mobile_customers"))
    >>> survey.item_moments.columns[:2], survey.moments.columns[:2]
    (('comp_1', 'comp_2'), ('competence', 'likeability'))
    """
    known, path = read_moments(study.data_path), str(study.data_path)
    used = [*study.analysed, *study.model.controls, *study.model.moderators]
    names = tuple(dict.fromkeys(used))
    lacking = variable_problems(known, study, (*names, *present(study.quality.marker)))
    opposed, warnings = direction_problems_of_moments(known, study)
    raise_all(DataError, path, [*lacking, *opposed, *published_problems(known, study)])
    moments = scored_moments(known, study, names)
    terms = {equation.model: equation.terms for equation in every_equation(study)}
    unfit, odd = equation_problems(moments, study, terms)
    raise_all(DataError, path, unfit)
    attrition = pd.DataFrame(
        {"rule": ["published moments"], "removed": 0, "left": known.n, "alone": 0, "kind": "step"}
    )
    return Survey(
        study, moments, frozenset(names), attrition, known.n, item_moments=known,
        warnings=(*warnings, *odd),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Prepared:
    """A file that was read and checked, before it is known who is complete on what.

    Attributes
    ----------
    study : Study
        With the labels of the file.
    n_read, apart : int
        Rows of the file; those a hold-out sets aside.
    frame, items, excluded : DataFrame
        Scores and design columns, items, and who is left out for careless answers, of the rows that
        the filter keeps.
    warnings, notes : tuple of str
    digest : str
    """

    study: Study
    n_read: int
    apart: int
    frame: pd.DataFrame
    items: pd.DataFrame
    excluded: pd.DataFrame
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    digest: str

    def __repr__(self) -> str:
        """Never a respondent: title and counts."""
        return f"Prepared({self.study.title!r}, {len(self.frame)} rows of {self.n_read})"

    def sampled(self, study: Study | None = None) -> Survey:
        """Keep the analysis sample of the study, or of another model of the same constructs."""
        return _sampled(self, study or self.study)


def prepared(study: Study, filters: Sequence[str], table: Table | None = None) -> Prepared:
    """Read respondents (or take what was read before), check them against their study, score them.

    Examples
    --------
    >>> prepared(load_study("rice_simulated"), [])
    Prepared('Simulated respondents in the shape of the Rice study', 9000 rows of 9000)
    """
    path = str(study.address)
    table = table or read_table(study, filters)
    study = study.model_copy(update={"file_labels": short_labels(table)})
    raw, declared = without_codes(table)
    raw, mapped, words = in_numbers(raw, study)
    kept = raw
    if study.holdout:
        kept = raw[held_out(raw, study) == study.is_held_out]
    apart = len(raw) - len(kept)
    for one in filters:
        kept = filtered(kept, one, path)
    kept, named = named_levels(kept, table, study)
    kept = _named(kept, table, study)
    answers = answers_of(kept, study)
    excluded = exclusions(answers, kept, study)
    items, warnings = _checked_items(kept, table, answers, excluded, study, words)
    warnings += [*table.warnings, *swallowed_lines(raw)]
    frame = pd.concat([scored(items, study), design_columns(kept, study)], axis=1)
    return Prepared(
        study, len(raw), apart, frame, items, excluded, tuple(warnings),
        (*table.notes, *declared, *mapped, *named),
        "" if study.address.file else _digest(table.frame),
    )  # fmt: skip


def _sampled(rows: Prepared, study: Study) -> Survey:
    """The analysis sample: respondents complete on every column of the study's models."""
    frame, items, path = rows.frame, rows.items, str(study.address)
    attrition, complete = attrition_of(frame, study, rows.n_read, rows.excluded, items, rows.apart)
    sample, items = frame[complete], items[complete]
    raise_all(DataError, path, respondent_problems(sample, study))
    cluster = cluster_of(sample, study)
    raise_all(DataError, path, sample_problems(sample, study, cluster, attrition))
    raise_all(DataError, path, arm_problems(sample, study))
    raise_all(DataError, path, marker_problems(sample, study))
    numeric, levels = model_columns(sample, study)
    used = [name for name in numeric.columns if name not in sample.columns]
    sample = pd.concat([sample, numeric[used]], axis=1).reset_index(drop=True)
    survey = Survey(
        study,
        Moments.from_frame(numeric, scaled_weights(sample, study)),
        frozenset(name for name in numeric.columns if name not in used),
        attrition,
        rows.n_read,
        sample,
        items.reset_index(drop=True),
        levels,
        cluster=cluster,
        notes=rows.notes,
        digest=rows.digest,
    )
    terms = {equation.model: survey.terms(equation.terms) for equation in every_equation(study)}
    unfit, odd = equation_problems(survey.moments, study, terms)
    raise_all(DataError, path, unfit)
    return replace(survey, warnings=(*rows.warnings, *odd))


def asked_columns(study: Study, filters: Sequence[str] = ()) -> list[str]:
    """Columns that a study and its filters need of a data file.

    Examples
    --------
    >>> asked_columns(load_study("rice_simulated"))[:2]
    ['aff1', 'aff2']
    """
    items = [item for name in study.constructs for item in study.items_of(name)]
    filtering = [name for one in filters for name in columns_of(one)]
    return list(dict.fromkeys([*items, *design_names(study), *quality_names(study), *filtering]))


def _digest(frame: pd.DataFrame) -> str:
    """Hash of rows, whatever their order: servers promise none."""
    rows = np.sort(pd.util.hash_pandas_object(frame, index=False).to_numpy())
    return hashlib.sha256("|".join(map(str, frame.columns)).encode() + rows.tobytes()).hexdigest()


def _named(kept: pd.DataFrame, table: Table, study: Study) -> pd.DataFrame:
    """Identifiers and groups as they are written in the file: 01 and 1 are two of them."""
    design = study.design
    numbers = {*study.model.controls, *study.model.moderators, design.weight}
    names = {design.respondent, design.cluster, design.wave, *design.groups} - numbers - {None}
    known = [name for name in kept if name in names and pd.api.types.is_numeric_dtype(kept[name])]
    if not known:
        return kept
    written = labels_of(table, known).loc[kept.index]
    return kept.assign(**written.where(kept[known].notna()))


def _checked_items(
    kept: pd.DataFrame,
    table: Table,
    answers: pd.DataFrame,
    excluded: pd.DataFrame,
    study: Study,
    words: Mapping[str, str],
) -> tuple[pd.DataFrame, list[str]]:
    """Items as they are analysed, and warnings; every problem of the file at once."""
    lacking = column_problems(kept, study)
    doubts = [*table.warnings, *(f"How it was read: {note}." for note in table.notes)]
    problems = [
        *(doubts if lacking else []),
        *lacking,
        *answer_problems(kept, answers, study, words),
        *score_problems(answers, study),
        *weight_problems(kept, study),
        *control_problems(kept, study),
        *quality_problems(kept, study),
    ]
    items = recoded_items(reversed_items(answers, study), study)
    against, warnings = direction_problems(items[~excluded.any(axis=1)], study)
    problems += against
    if problems:
        problems += respondent_problems(kept, study)
    raise_all(DataError, str(study.address), problems)
    return items, [*warnings, *coding_warnings(kept, study), *missing_word_warnings(table, study)]
