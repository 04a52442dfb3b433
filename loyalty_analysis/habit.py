"""Habit and search: whether habitual buyers search less at equal satisfaction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.contrasts import interaction
from loyalty_analysis.equations import equation_of
from loyalty_analysis.moments import one_thread
from loyalty_analysis.regression import standardized
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import CONTRASTS, contrast_rows, satterthwaite
from loyalty_analysis.twins import Twins

HABIT, SATISFACTION, SEARCH = "habitual", "satisfaction", "search"


@one_thread
def habit_and_search(survey: Survey, latent: Twins | None = None) -> pd.DataFrame:
    """Slopes of habit and satisfaction on search, and whether one changes with the other.

    All drivers stand beside, the mediator among them. Exploratory.

    Parameters
    ----------
    survey : Survey
    latent : Twins, optional
        For error-corrected twins of the slopes.

    Returns
    -------
    DataFrame
        Rows as in contrasts.csv: ``total`` of ``habitual`` and of ``satisfaction``,
        ``interaction`` of ``habitual:satisfaction`` (standardized; no twin). Empty where one of the
        three is no part of the model, or there are no respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> habit_and_search(read_survey("bank_customers")).empty
    True
    """
    model = survey.study.model
    drivers = (*model.drivers, *([model.mediator] if model.mediator else []))
    if (
        survey.frame is None
        or SEARCH not in model.outcomes
        or not {HABIT, SATISFACTION} <= set(drivers)
    ):
        return pd.DataFrame(columns=CONTRASTS)
    beside = model.model_copy(update={"drivers": drivers, "mediator": None})
    view = replace(survey, study=survey.study.model_copy(update={"model": beside}))
    equation = equation_of(view.study, "total", SEARCH)
    assert equation is not None
    names = view.terms(equation.terms)
    matrix = np.eye(len(names))[[names.index(HABIT), names.index(SATISFACTION)]]
    slopes = contrast_rows(
        standardized(view, equation).combine(matrix),
        view.n,
        satterthwaite(view.sample([*names, SEARCH]), matrix),
        None if latent is None else latent.slopes(equation, names).combine(matrix),
        estimand="total",
        outcome=SEARCH,
        term=[HABIT, SATISFACTION],
        model=equation.model,
    )
    product = interaction(view, SEARCH, f"{HABIT}:{SATISFACTION}")
    return pd.concat([slopes, *([product] if product is not None else [])], ignore_index=True)
