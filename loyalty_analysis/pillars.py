"""The pillars of a study: its further models, and what is looked at beside them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from loyalty_analysis.captive import captive
from loyalty_analysis.experiment import balance, treatment_effects
from loyalty_analysis.habit import habit_and_search
from loyalty_analysis.moderated import conditional_slopes, moderation_regions
from loyalty_analysis.study import TYPES, Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.twins import Twins

PILLARS = "pillars"
"""Name of the further model that holds the pillars side by side."""


def further_models(study: Study) -> tuple[str, ...]:
    """Further models that are read as such; the one of types has a notebook of its own.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> further_models(load_study("rice_simulated", ["models.few={drivers = ['forced']}"]))
    ('few',)
    """
    return tuple(part for part in study.parts if part not in ("", TYPES))


def pillar_view(survey: Survey) -> Survey:
    """The survey with the model of the pillars; as it is where the study declares none."""
    return survey.model(PILLARS) if PILLARS in survey.study.parts else survey


def pillar_frames(survey: Survey, latent: Twins | None = None) -> dict[str, pd.DataFrame]:
    """Slopes that change with moderators, captive customers, habit and search, an experiment.

    Parameters
    ----------
    survey : Survey
    latent : Twins, optional
        Of the study's own model, for habit and search.

    Returns
    -------
    dict of str to DataFrame
        Those that have rows: regions, conditional_slopes (:mod:`moderated`), captive
        (:mod:`captive`), habit_search (:mod:`habit`), balance, experiment (:mod:`experiment`).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> pillar_frames(read_survey("bank_customers"))
    {}
    """
    view = pillar_view(survey)
    found = {
        "regions": moderation_regions(view),
        "conditional_slopes": conditional_slopes(view),
        "captive": captive(survey),
        "habit_search": habit_and_search(survey, latent),
        "balance": balance(survey),
        "experiment": treatment_effects(survey),
    }
    return {name: frame for name, frame in found.items() if len(frame)}


def own_names(frames: Mapping[str, pd.DataFrame], name: str, part: str) -> pd.DataFrame:
    """A frame of a further model with its models named as in a study of its own.

    Examples
    --------
    >>> table = pd.DataFrame({"model": ["few/search.total"]})
    >>> own_names({"regression": table}, "regression", "few")["model"].tolist()
    ['search.total']
    """
    table = frames[name]
    return table.assign(model=table["model"].str.removeprefix(f"{part}/"))
