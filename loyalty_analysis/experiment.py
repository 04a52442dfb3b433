"""A randomised treatment: balance of its arms, its effect, and who it works for.

Only here, and only of the treatment that a study declares as randomised, is anything causal said.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.arms import arm_problems
from loyalty_analysis.captive import COLUMNS, FORCED, captive
from loyalty_analysis.claims import Claim
from loyalty_analysis.clusters import Wald, hotelling
from loyalty_analysis.errors import DataError, raise_all
from loyalty_analysis.formatting import capitalised, in_sentence
from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, collinear, one_thread, slopes
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.regression import fit_rows
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import numbers, satterthwaite

BALANCE = [
    "covariate", "kind", "untreated", "treated", "difference", "statistic", "df1", "df2",
    "p_value", "n_untreated", "n_treated",
]  # fmt: skip
OMNIBUS = "all covariates"


def treatment_of(survey: Survey) -> str:
    """The column of the randomised treatment, both arms checked; empty where none is declared.

    Raises
    ------
    DataError
        When an arm is missing, or has fewer than ten respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> treatment_of(read_survey("bank_customers"))
    ''
    """
    study = survey.study
    if study.experiment is None or survey.frame is None:
        return ""
    raise_all(DataError, str(study.address), arm_problems(survey.frame, study))
    return study.experiment.treatment


@one_thread
def balance(survey: Survey) -> pd.DataFrame:
    """Compare the arms of a randomised treatment on what it cannot have changed, and on drivers.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    DataFrame
        One row per covariate: covariate; kind (``before``: controls and other moderators;
        ``driver``: constructs that may have been asked after the treatment, and then show its
        effect rather than luck); untreated, treated (means); difference (in SDs, the root of the
        mean of both arms' variances); n_untreated, n_treated. Last, ``all covariates`` (kind
        ``omnibus``): whether those from before predict the treatment (statistic F on df1 and df2,
        p_value; HC3, or the approximate Hotelling test with clusters). Empty without
        ``[experiment]``. A category of fewer than ten respondents in an arm is not shown.

    References
    ----------
    Austin (2009), Statistics in Medicine 28, 3083-3107 (standardized differences); Hansen & Bowers
    (2008), Statistical Science 23, 219-236 (one test for all of them).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> balance(read_survey("bank_customers")).empty
    True
    """
    treatment = treatment_of(survey)
    if not treatment:
        return pd.DataFrame(columns=BALANCE)
    model = survey.study.model
    before = _before(survey, treatment)
    drivers = [name for name in model.drivers if name not in (*before, treatment)]
    sample = survey.sample([*before, *drivers], by=treatment)
    off, on = (sample.moments[arm] for arm in sorted(sample.moments, key=float))
    spread = np.sqrt((off.sd**2 + on.sd**2) / 2)
    gap = on.mean - off.mean
    with np.errstate(divide="ignore", invalid="ignore"):
        table = pd.DataFrame({
            "covariate": sample.columns,
            "kind": ["before"] * len(before) + ["driver"] * len(drivers),
            "untreated": off.mean,
            "treated": on.mean,
            "difference": np.where(gap == 0, 0, gap / spread),
            "n_untreated": off.n,
            "n_treated": on.n,
        })  # fmt: skip
    table = table[[not _small(survey, name, treatment) for name in sample.columns]]
    test = _omnibus(survey, treatment, before)
    if test is None:
        return table.reindex(columns=BALANCE).reset_index(drop=True)
    last = {"covariate": OMNIBUS, "kind": "omnibus", "statistic": test.statistic,
            "df1": test.df1, "df2": test.df2, "p_value": test.p_value,
            "n_untreated": off.n, "n_treated": on.n}  # fmt: skip
    return pd.concat([table, pd.DataFrame([last])], ignore_index=True).reindex(columns=BALANCE)


def _before(survey: Survey, treatment: str) -> list[str]:
    """Columns of controls and other moderators that vary by themselves."""
    model = survey.study.model
    names = [name for name in (*model.controls, *model.moderators) if name != treatment]
    columns = list(dict.fromkeys(survey.terms(names)))
    known = survey.sample(columns).moments[""] if columns else None
    twice = collinear(known, columns)[1:] if known is not None else []
    return [name for name in columns if name not in twice]


def _small(survey: Survey, name: str, treatment: str) -> bool:
    """Whether a category has fewer than ten respondents, or all but so few, in an arm."""
    if name in survey.scaled:
        return False
    assert survey.frame is not None
    cells = survey.frame.groupby([treatment, name]).size().unstack(fill_value=0)
    return bool((cells < SMALLEST_GROUP).any(axis=None))


def _omnibus(survey: Survey, treatment: str, before: list[str]) -> Wald | None:
    """Test that nothing from before the treatment predicts it."""
    if not before:
        return None
    assert survey.frame is not None
    found = fit_rows(survey.frame, treatment, tuple(before), survey.weights, survey.clusters)
    assert found.design is not None and found.residuals is not None
    values, contrast = found.slopes[1:], np.eye(len(found.slopes))[1:]
    if survey.clusters is not None:
        design = found.design, found.residuals, survey.clusters, survey.weights
        return hotelling(*design, contrast, values)
    squared = float(values @ np.linalg.solve(found.covariance[1:, 1:], values))
    return Wald(squared / len(values), float(len(values)), float(found.df_residual))


@one_thread
def treatment_effects(survey: Survey) -> pd.DataFrame:
    """Estimate what a randomised treatment causes, and whether it differs with forced commitment.

    Beside the treatment (and forced commitment with its product) stand the controls alone: drivers
    may have been asked after it, and would take part of its effect away.

    Returns
    -------
    DataFrame
        Columns and quantities of :func:`captive.captive`, and ``effect``: treated less untreated,
        in points, on every outcome; model ``<outcome>.experiment``. Empty without ``[experiment]``.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> treatment_effects(read_survey("bank_customers")).empty
    True
    """
    treatment = treatment_of(survey)
    if not treatment:
        return pd.DataFrame(columns=COLUMNS)
    study = survey.study
    tables = [_effect(survey, name, treatment) for name in study.model.outcomes]
    # Without forced commitment the table of captive customers is empty.
    drivers = [FORCED] if FORCED in study.model.drivers else [treatment]
    alone = {"drivers": tuple(drivers), "mediator": None, "moderators": (treatment,)}
    view = study.model_copy(update={"model": study.model.model_copy(update=alone), "paths": {}})
    by_forced = captive(replace(survey, study=view), treatment)
    named = by_forced.assign(model=by_forced["outcome"].astype(str) + ".experiment")
    return pd.concat([*tables, *([named] if len(named) else [])], ignore_index=True)


def _effect(survey: Survey, outcome: str, treatment: str) -> pd.DataFrame:
    controls = [name for name in survey.study.model.controls if name != treatment]
    terms = tuple(dict.fromkeys([treatment, *survey.terms(controls)]))
    sample = survey.sample([*terms, outcome])

    @vectorized
    def values(moments: Moments) -> Array:
        return slopes(moments, outcome, terms)[..., :1]

    spread = sample.moments[""].sd
    contrast = np.eye(len(terms))[:1] / spread[0]
    return pd.DataFrame({
        "outcome": outcome, "quantity": "effect", "at": "",
        **numbers(estimate(single(values), sample), survey.n),
        "model": f"{outcome}.experiment",
        "df_satterthwaite": satterthwaite(sample, contrast),
        "outcome_sd": spread[-1],
    })[COLUMNS]  # fmt: skip


def causal_words(study: Study, claim: Claim) -> str:
    """What may be said causally of a claim; empty unless it is about a randomised treatment.

    Parameters
    ----------
    study : Study
    claim : Claim
        An interaction of the treatment that ``[experiment]`` declares with something measured.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> claim = Claim(id="x", text="", estimand="interaction", outcome="y", sign="+",
    ...               term="forced:treated")
    >>> causal_words(load_study("rice_simulated"), claim)
    ''
    >>> study = load_study("rice_simulated", [
    ...     "model.moderators=['treated']", "experiment.treatment=treated",
    ... ])
    >>> print(causal_words(study, claim))
    Treated was randomised, so a difference between its arms is one that it causes; that the
    difference changes with forced commitment, which was measured and not randomised, is moderation
    of a causal effect.
    """
    sides = claim.term.split(":")
    treatment = study.experiment.treatment if study.experiment else ""
    if claim.estimand != "interaction" or treatment not in sides:
        return ""
    [other] = [in_sentence(study.label(side)) for side in sides if side != treatment]
    return (
        f"{capitalised(study.label(treatment))} was randomised, so a difference between its arms "
        f"is one that it causes; that the difference changes with {other}, which was measured and "
        "not randomised, is moderation of a causal effect."
    )
