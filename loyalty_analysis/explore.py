"""Exploring a survey: what a choice of outcome, drivers, group, filter and weights shows at once.

Only what is shown is computed, on scores alone. Whatever is chosen after seeing the data is
exploratory, and everything here says so. The panel itself is :mod:`explore_panel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.analysis import single_claims
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.drivers import drivers
from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.errors import DataError
from loyalty_analysis.figures import Figure, forest
from loyalty_analysis.formats import read_file
from loyalty_analysis.inference import estimate, pooled, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.plotting import QUIET, house_style
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.regression import regression
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Prepared, Survey, prepared
from loyalty_analysis.tidy import df_of, numbers
from loyalty_analysis.verdicts import judge_scores

EXPLORATORY = (
    "Exploratory: chosen after seeing these data. Verdicts are those of scores alone, without "
    "gates and not corrected for measurement error: loyalty judge need not confirm them, and only "
    "a hold-out or a new wave can."
)
"""What stands above everything that is explored."""


@dataclass(frozen=True)
class Choice:
    """What an analyst looks at.

    Attributes
    ----------
    outcome : str
        The mediator, or an outcome of the model.
    drivers : tuple of str
        Constructs that stand together in the equation, the controls of the study beside them.
    group : str
        Column of groups whose slopes are shown apart; empty for none.
    where : str
        Filter, in place of the study's own; empty for none.
    weight : str
        Column of weights; empty for none.
    """

    outcome: str
    drivers: tuple[str, ...]
    group: str = ""
    where: str = ""
    weight: str = ""


@dataclass(frozen=True, eq=False)
class Shown:
    """What a choice shows.

    Attributes
    ----------
    survey : Survey
        The analysis sample of the choice.
    equation : Equation
    slopes : DataFrame
        Rows of :func:`regression.regression` for the equation.
    groups : DataFrame
        Slopes within each group in SDs of the whole sample: group, term, estimate, std_error, df,
        statistic, p_value, conf_low, conf_high, n. Empty without a group.
    shares : DataFrame
        As of :func:`drivers.drivers`.
    verdicts : DataFrame
        As of :func:`verdicts.judge_scores`.
    """

    survey: Survey
    equation: Equation
    slopes: pd.DataFrame
    groups: pd.DataFrame
    shares: pd.DataFrame
    verdicts: pd.DataFrame

    def figure(self) -> Figure:
        """The slopes as a forest, marked as exploratory."""
        drawn = forest(self.slopes, self.survey.study)
        with house_style():
            about: dict[str, Any] = {"fontsize": 6, "color": QUIET, "ha": "left", "va": "center"}
            drawn.figure.text(0.001, 0.5, "exploratory", rotation=90, **about)
        return replace(drawn, alt=f"Exploratory. {drawn.title}.")


@dataclass
class Explored:
    """The respondents of a survey, ready for one choice after the other.

    Filters are applied when the file is read, so that they mean what they mean in a study file;
    what was read for the last ones is kept.

    Raises
    ------
    DataError
        When there are no respondents, or they are a hold-out.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> shop = Explored(read_survey("rice_simulated"))
    >>> choice = replace(shop.first, drivers=("affective", "forced"))
    >>> shop.show(choice).slopes[["model", "term", "beta"]].round(2).iloc[1:3]
                  model       term  beta
    1  repurchase.total  affective  0.47
    2  repurchase.total     forced -0.09
    """

    survey: Survey
    _kept: dict[str, Prepared] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        study = self.survey.study
        if not self.survey.has_respondents:
            raise DataError(
                f"{study.address}: known by its moments only; exploring needs respondents."
            )
        if study.is_held_out:
            raise DataError(
                f"{study.path}: these respondents were held out to judge what is found on the "
                "others. Read it with the setting exploratory=false to explore those."
            )

    @property
    def first(self) -> Choice:
        """What the study itself declares, on its first outcome."""
        study = self.survey.study
        design = study.design
        return Choice(
            next(iter(study.model.outcomes)), study.model.drivers, "", design.where or "",
            design.weight or "",
        )  # fmt: skip

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What may be chosen as the outcome."""
        model = self.survey.study.model
        return (*model.outcomes, *([model.mediator] if model.mediator else []))

    def drivers(self, outcome: str) -> tuple[str, ...]:
        """What may be chosen as a driver of an outcome: every other construct that is none."""
        study = self.survey.study
        aside = {outcome, *study.model.outcomes, *study.model.controls, study.quality.marker}
        return tuple(name for name in study.constructs if name not in aside)

    def rows(self, where: str) -> Prepared:
        """Respondents that a filter keeps, read once."""
        if where not in self._kept:
            study = self.survey.study
            design = study.design.model_copy(update={"where": where or None})
            filtering = study.model_copy(update={"design": design})
            self._kept = {**dict(list(self._kept.items())[-2:])}
            self._kept[where] = prepared(filtering, [where] if where else [], self._table)
        return self._kept[where]

    @cached_property
    def _table(self) -> Table:
        study = self.survey.study
        return read_file(study.data, study.path.parent)

    @one_thread
    def show(self, choice: Choice) -> Shown:
        """Compute what a choice shows, and nothing else.

        Raises
        ------
        DataError, StudyError
            When the choice cannot be analysed.
        """
        rows = self.rows(choice.where)
        survey = rows.sampled(chosen(rows.study, choice))
        own = _of_outcome(survey, choice.outcome)
        equation = next(one for one in equations(own.study) if one.outcome == choice.outcome)
        found = regression(own)
        singles = [
            one for one in single_claims(own.study) if choice.outcome in one.outcomes(own.study)
        ]
        known = {"regression": found, "contrasts": contrasts(own, singles, None, everything=False)}
        return Shown(
            survey,
            equation,
            found[found["model"] == equation.model].reset_index(drop=True),
            _group_slopes(own, equation, choice.group),
            drivers(_as_outcome(own, choice.outcome)),
            judge_scores(own, known, choice.outcome),
        )


def chosen(study: Study, choice: Choice) -> Study:
    """Make the study that a choice is: one outcome, or the mediator with every outcome.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = chosen(load_study("rice_simulated"), Choice("search", ("forced",)))
    >>> dict(study.model.outcomes), study.model.mediator, study.design.weight
    ({'search': 'leaving'}, 'satisfaction', None)
    """
    model = study.model
    mediator = None if model.mediator in choice.drivers else model.mediator
    kinds = model.outcomes
    if choice.outcome != model.mediator:
        kinds = {choice.outcome: kinds[choice.outcome]}
    own = {"drivers": choice.drivers, "mediator": mediator, "outcomes": kinds, "moderators": ()}
    group = {"groups": (choice.group,) if choice.group else ()}
    design = {**group, "weight": choice.weight or None, "where": choice.where or None}
    nothing: dict[str, Any] = {
        "models": {},
        "paths": {},
        "levels": None,
        "types": None,
        "experiment": None,
    }
    return study.model_copy(
        update={
            **nothing,
            "model": model.model_copy(update=own),
            "design": study.design.model_copy(update=design),
            "contrasts": {k: v for k, v in study.contrasts.items() if k == choice.group},
        }
    )


def _with_model(survey: Survey, **changes: Any) -> Survey:
    model = survey.study.model.model_copy(update=changes)
    return replace(survey, study=survey.study.model_copy(update={"model": model}))


def _of_outcome(survey: Survey, outcome: str) -> Survey:
    """The survey with no more equations than a look at one outcome needs."""
    model = survey.study.model
    return _with_model(survey, outcomes={}) if outcome == model.mediator else survey


def _as_outcome(survey: Survey, outcome: str) -> Survey:
    """The survey with the mediator as an outcome, where that is looked at."""
    if outcome != survey.study.model.mediator:
        return survey
    return _with_model(survey, mediator=None, outcomes={outcome: "attitude"})


def _group_slopes(survey: Survey, equation: Equation, column: str) -> pd.DataFrame:
    """Slopes of the drivers within each group, every slope free, in SDs of the whole sample."""
    if not column:
        return pd.DataFrame({"group": [], "term": []})
    terms, outcome = survey.terms(equation.terms), equation.outcome
    focal = [terms.index(name) for name in equation.focal]
    sample = survey.sample([*terms, outcome], by=column)
    tables = []
    for level in survey.usable_levels(column, len(terms)):

        @vectorized
        def values(groups: Mapping[str, Moments], level: str = level) -> Array:
            size = pooled(groups).size
            found = slopes(groups[level], outcome, terms)
            return (found * size[..., :-1] / size[..., -1:])[..., focal]

        try:
            found = replace(estimate(values, sample), df=df_of(sample, [level]))
        except (DataError, np.linalg.LinAlgError):
            continue  # its data do not decide the slopes
        own = numbers(found, sample.moments[level].n)
        tables.append(pd.DataFrame({"group": level, "term": list(equation.focal), **own}))
    return pd.concat(tables, ignore_index=True) if tables else _group_slopes(survey, equation, "")
