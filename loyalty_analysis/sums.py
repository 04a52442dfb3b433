"""Sums of slopes: what several drivers, written ``a + b``, go with together in one equation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.claims import SLOPES, Claim, members_of
from loyalty_analysis.equations import Equation, equation_of
from loyalty_analysis.moments import one_thread
from loyalty_analysis.regression import standardized
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import contrast_rows, satterthwaite
from loyalty_analysis.twins import Twins


@one_thread
def slope_sums(
    survey: Survey, claims: Sequence[Claim], latent: Twins | None = None
) -> list[pd.DataFrame]:
    """Estimate the sums of slopes that claims ask for, each once, as rows of contrasts.csv.

    Parameters
    ----------
    survey : Survey
    claims : sequence of Claim
        Single claims (parts spelled out); those of another estimand, or of one driver, are passed.
    latent : Twins, optional
        For error-corrected twins.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="total", outcome="loyalty", sign="+",
    ...               term="quality + value")
    >>> [table] = slope_sums(read_survey("bank_customers"), [claim])
    >>> table[["estimand", "term", "model", "estimate"]].round(2)
      estimand             term          model  estimate
    0    total  quality + value  loyalty.total      0.71
    """
    asked = {
        (claim.estimand, outcome, claim.term): claim
        for claim in claims
        if claim.estimand in SLOPES and len(members_of(claim.term)) > 1
        for outcome in claim.outcomes(survey.study)
    }
    found = []
    for estimand, outcome, term in asked:
        equation = equation_of(survey.study, estimand, outcome)
        if equation is not None and set(members_of(term)) <= set(equation.focal):
            found.append(slope_sum(survey, equation, estimand, term, latent))
    return found


def slope_sum(
    survey: Survey, equation: Equation, estimand: str, term: str, latent: Twins | None = None
) -> pd.DataFrame:
    """Add up the standardized slopes of a set of drivers in one equation.

    What goes with one SD more of each of them at once.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> equation = equation_of(survey.study, "total", "loyalty")
    >>> found = slope_sum(survey, equation, "total", "competence + likeability")
    >>> found["estimate"].round(2).tolist()
    [0.63]
    """
    names = survey.terms(equation.terms)
    members = members_of(term)
    matrix = np.array([[float(name in members) for name in names]])
    return contrast_rows(
        standardized(survey, equation).combine(matrix),
        survey.n,
        satterthwaite(survey.sample([*names, equation.outcome]), matrix),
        None if latent is None else latent.slopes(equation, names).combine(matrix),
        estimand=estimand,
        outcome=equation.outcome,
        term=[term],
        model=equation.model,
    )
