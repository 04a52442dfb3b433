"""Outcomes of one item as what they are: ordered or binary answers, beside the straight line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.errors import DataError
from loyalty_analysis.formatting import listing
from loyalty_analysis.inference import Estimate
from loyalty_analysis.logit import OrderedLogit, ordered_logit
from loyalty_analysis.moments import Array, one_thread
from loyalty_analysis.preparation import SMALLEST_GROUP, possible_answers
from loyalty_analysis.regression import fit
from loyalty_analysis.rules import LEAST_DF
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import numbers

COLUMNS = (
    "model", "outcome", "kind", "term", "quantity", "estimate", "std_error", "df", "statistic",
    "p_value", "conf_low", "conf_high", "n", "linear", "linear_low", "linear_high", "note",
)  # fmt: skip
_MOST_ANSWERS = 11


@one_thread
def categorical(survey: Survey) -> pd.DataFrame:
    """Estimate every equation whose outcome is one item by a logit, ordered where it has to be.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    DataFrame
        model, outcome, kind (``logit``: two answers; ``ordered logit``: three to eleven, whole
        numbers), term (drivers and mediator; controls are held constant), quantity, estimate,
        std_error, df, statistic, p_value, conf_low, conf_high, n, linear, linear_low, linear_high
        (the slope of the same term in the linear model of the same outcome, and its interval), note
        (sentences; a row with nothing else where an equation cannot be had). Quantities, per point
        of the term: ``coefficient`` (log odds of a higher answer), ``probability`` (average change
        of the probability of the higher of two answers; ``linear`` is then a change of it too),
        ``scale points`` (of the expected answer), ``top box`` (of the probability of the highest
        answer of the scale). Other outcomes, paths, and studies without respondents have no rows.

    Notes
    -----
    Weights are honoured. Errors are the robust sandwich, t on n minus parameters; with G clusters
    the linearised jackknife over them, t on G - 1, and a note where that is under four: with 8 to
    60 clusters they cover .93 to .98 of true values, also for terms that only vary between clusters
    (1,000 draws). Errors of average changes count the terms as sampled too. Checked against glm,
    polr and sandwich in R, average changes by moving the weight of each respondent there, clusters
    against the formula in plain code and fits without each of them.

    References
    ----------
    Huber (1967), Proc. Fifth Berkeley Symposium 1, 221-233; Binder (1983), International
    Statistical Review 51, 279-292 (weights); MacKinnon, Nielsen & Webb (2024), arXiv:2406.00650
    (clusters); Long & Freese (2014), Regression Models for Categorical Dependent Variables Using
    Stata, 3rd ed., ch. 4, 6 and 7 (average changes).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> one = "constructs.search={items = ['sea1'], score = 'top_box', top = 3}"
    >>> table = categorical(read_survey("rice_simulated", [one]))
    >>> table.query("model == 'search.total' and term == 'forced'")[
    ...     ["kind", "quantity", "estimate", "linear"]
    ... ].round(3)
        kind     quantity  estimate  linear
    3  logit  coefficient    -0.066   -0.01
    8  logit  probability    -0.010   -0.01
    """
    tables = [
        table
        for equation in equations(survey.study)
        if equation.kind != "path" and len(survey.study.items_of(equation.outcome)) == 1
        for table in _tables(survey, equation)
    ]
    found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return found.reindex(columns=list(COLUMNS))


def _tables(survey: Survey, equation: Equation) -> list[pd.DataFrame]:
    """One table for each quantity of an equation, one that only says why there is none, or none."""
    if survey.frame is None:
        return []
    answers, outcome = survey.frame[equation.outcome].to_numpy(float), equation.outcome
    points, codes = np.unique(answers, return_inverse=True)
    binary = len(points) == 2
    if not binary and (len(points) > _MOST_ANSWERS or (points % 1).any()):
        return []
    kind = "logit" if binary else "ordered logit"
    about = {"model": equation.model, "outcome": outcome, "kind": kind}
    terms = survey.terms(equation.terms)
    x = survey.frame[list(terms)].to_numpy(float)
    counted, note = _counted(answers, points, possible_answers(survey.study, outcome))
    try:
        if not counted:
            raise DataError(note)
        model = ordered_logit(x, codes, survey.weights, survey.clusters, terms)
        estimates = _estimates(model, counted)
    except DataError as problem:
        reason = {"term": "", "quantity": "", "n": survey.n, "note": f"Not estimated: {problem}."}
        return [pd.DataFrame([about | reason])]
    if survey.n_clusters is not None and survey.n_clusters - 1 < LEAST_DF:
        few = f"Too few clusters ({survey.n_clusters}) stand behind its intervals to tell a side."
        note = f"{note} {few}".strip()
    lines = _lines(survey, equation, points[-1] - points[0] if binary else 1.0)
    focal = np.eye(x.shape[1])[: len(equation.focal)]
    return [
        lines.assign(
            **about,
            **{"quantity": quantity, "note": note} | numbers(found.combine(focal), survey.n),
        )
        for quantity, found in estimates.items()
    ]


def _counted(answers: Array, points: Array, possible: Array) -> tuple[dict[str, Array], str]:
    """What each answer counts in an average change, and what has to be said of the answers."""
    unseen = [f"{answer:g}" for answer in possible if answer not in points and len(possible) > 2]
    note = f"Nobody answered {listing(unseen, _MOST_ANSWERS)}." if unseen else ""
    few = f"fewer than {SMALLEST_GROUP} gave"
    if len(points) == 2:
        if min(np.count_nonzero(answers == point) for point in points) < SMALLEST_GROUP:
            return {}, f"{few} one of the two answers"
        return {"probability": np.array([0.0, 1.0])}, note
    if np.count_nonzero(answers == possible[-1]) < SMALLEST_GROUP:
        return {"scale points": points}, f"{note} No top box: {few} the highest answer.".strip()
    return {"scale points": points, "top box": 1.0 * (points == possible[-1])}, note


def _estimates(model: OrderedLogit, counted: dict[str, Array]) -> dict[str, Estimate]:
    """Coefficients and average changes with their robust covariance."""
    found = {"coefficient": (model.slopes, model.influence[:, : len(model.slopes)])}
    found |= {quantity: model.changes(counts) for quantity, counts in counted.items()}
    return {name: model.robust(*both) for name, both in found.items()}


def _lines(survey: Survey, equation: Equation, unit: float) -> pd.DataFrame:
    """Slopes of drivers and mediator in the linear model, in units of the outcome."""
    line = fit(survey, equation)
    half = stdtrit(line.df, 0.975) * line.std_error
    ends = {
        "linear": line.slopes,
        "linear_low": line.slopes - half,
        "linear_high": line.slopes + half,
    }
    shown = slice(1, 1 + len(equation.focal))
    chosen = {name: values[shown] / unit for name, values in ends.items()}
    return pd.DataFrame({"term": equation.focal, **chosen})
