"""Importance and performance: what goes with one point more of a driver, and where it stands."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.preparation import possible_answers
from loyalty_analysis.regression import check_equation
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey


@one_thread
def importance_performance(survey: Survey) -> pd.DataFrame:
    """Set the total effect of each driver on an outcome against its mean score.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    DataFrame
        One row per outcome and driver (the mediator with its slope beside the drivers): outcome,
        term, effect, effect_low, effect_high (points of the outcome per point of the driver, both
        on 0 to 100; a net promoter score in its own points), score, score_low, score_high (mean, 0
        to 100), n. Constructs without a declared scale are left out.

    References
    ----------
    Martilla & James (1977), Journal of Marketing 41(1), 77-79; Ringle & Sarstedt (2016),
    Industrial Management & Data Systems 116, 1865-1886.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> found = importance_performance(read_survey("mobile_customers"))
    >>> found[["term", "effect", "score"]].round(2)
               term  effect  score
    0    competence    0.09  68.37
    1   likeability    0.52  57.28
    2  satisfaction    0.62  74.06
    """
    study = survey.study
    chosen = [e for e in equations(study) if e.kind in ("total", "direct")]
    tables = [table for one in chosen if len(table := _rows(survey, one))]
    columns = ["outcome", "term", "effect", "effect_low", "effect_high", "score", "score_low",
               "score_high", "n"]  # fmt: skip
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    order = {name: at for at, name in enumerate(study.model.outcomes)}
    return found.sort_values("outcome", key=lambda o: o.map(order), kind="stable")[
        columns
    ].reset_index(drop=True)


def _rows(survey: Survey, equation: Equation) -> pd.DataFrame:
    study = survey.study
    asked = [study.model.mediator] if equation.kind == "direct" else list(study.model.drivers)
    reach = {name: _reach(study, str(name)) for name in (*asked, equation.outcome)}
    names = [str(name) for name in asked if reach[name]]
    # A net promoter score is known by its own points, from -100 to 100.
    promoters = study.constructs[equation.outcome].score == "nps"
    onto = 100.0 if promoters else reach[equation.outcome]
    if not names or onto is None:
        return pd.DataFrame()
    terms = survey.terms(equation.terms)
    check_equation(survey.moments, terms, equation.model)
    lowest = np.array([_ends(study, name)[0] for name in names])
    width = np.array([reach[name] for name in names], dtype=float)
    index = [terms.index(name) for name in names]

    @vectorized
    def values(moments: Moments) -> Array:
        effect = slopes(moments, equation.outcome, terms)[..., index] * width / onto
        score = (moments[names].mean - lowest) / width * 100
        # Means stand alone where only cross-products are varied.
        return np.concatenate(np.broadcast_arrays(effect, score), axis=-1)

    found = estimate(single(values), survey.sample([*terms, equation.outcome]))
    columns = np.split(np.column_stack([found.values, *found.interval()]), 2)
    effect = pd.DataFrame(columns[0], columns=["effect", "effect_low", "effect_high"])
    score = pd.DataFrame(columns[1], columns=["score", "score_low", "score_high"])
    table = pd.concat([effect, score], axis=1)
    return table.assign(outcome=equation.outcome, term=names, n=survey.n)


def _ends(study: Study, name: str) -> Array:
    return possible_answers(study, name)[[0, -1]]


def _reach(study: Study, name: str) -> float | None:
    """Width of the scale of a construct; None where none is declared."""
    scale = study.scale_of(name)
    if scale.min is None or scale.max is None or scale.max <= scale.min:
        return None
    low, high = _ends(study, name)
    return float(high - low)
