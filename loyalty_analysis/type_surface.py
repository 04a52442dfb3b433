"""The primary model of loyalty types in scale points: fitted outcomes and simple slopes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.equations import equation_of
from loyalty_analysis.inference import Estimate, estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, slopes
from loyalty_analysis.regression import check_equation
from loyalty_analysis.study import TYPES as VIEW
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import numbers

PLACES = {"low": -1.0, "mean": 0.0, "high": 1.0}
"""Where simple slopes are taken: SDs from the mean."""
_GRID = np.arange(-6, 7) / 3


def plane(moments: Moments, outcome: str, terms: Sequence[str], centre: Array) -> Array:
    """Intercept at a centre, both slopes there, and that of the product.

    Parameters
    ----------
    moments : Moments
        Of terms and outcome.
    outcome : str
    terms : sequence of str
        Attitude, patronage and their product, both taken from the centre; then controls.
    centre : ndarray, shape (len(terms) - 1,)
        Of attitude, patronage and controls.

    Returns
    -------
    ndarray, shape (4,)
        Leading dimensions of the moments are kept.

    Examples
    --------
    >>> grid = np.array([[a, p, a * p, 1 + 2 * a + 3 * p + 4 * a * p]
    ...                  for a in (-1.0, 0, 1) for p in (-1.0, 0, 1)])
    >>> known = Moments.from_rows(["a", "p", "a:p", "y"], grid)
    >>> plane(known, "y", ["a", "p", "a:p"], np.zeros(2)).round(6)
    array([1., 2., 3., 4.])
    """
    found = slopes(moments, outcome, terms)
    place = np.concatenate([centre[:2], [0.0], centre[2:]])
    away = place - moments[list(terms)].mean
    mean = moments[[outcome]].mean[..., 0]
    intercept = mean + (found * away).sum(axis=-1)
    return np.concatenate([intercept[..., None], found[..., :3]], axis=-1)


def _fitted(survey: Survey, outcome: str) -> tuple[Estimate, Array, Array]:
    """The plane of one outcome at the means, with the means and SDs of both scores."""
    view = survey.model(VIEW)
    equation = equation_of(view.study, "interaction", outcome)
    assert equation is not None and view.frame is not None
    terms = list(view.terms(equation.terms))
    known = view.moments[terms]
    pair = ":".join(terms[:2])
    centred = view.frame[terms[:2]] - known.mean[:2]
    made = pd.DataFrame({pair: centred.iloc[:, 0] * centred.iloc[:, 1]})
    columns = (*terms[:2], pair, *terms[2:])
    sample = view.sample([*columns, outcome], extra=made)
    check_equation(sample.moments[""], columns, f"{outcome}, {pair}")

    @vectorized
    def values(moments: Moments) -> Array:
        return plane(moments, outcome, columns, known.mean)

    return estimate(single(values), sample), known.mean[:2], known.sd[:2]


def surface(survey: Survey) -> pd.DataFrame:
    """Outcomes that attitude, patronage and their product fit, controls at their means.

    Returns
    -------
    DataFrame
        One row per outcome and point of a grid from two SDs below the means to two above, as far
        as anybody's scores reach: outcome, attitude, patronage, attitude_sds, patronage_sds,
        fitted, conf_low, conf_high (points of the outcome), n, outcome_mean, outcome_sd.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = "types={attitude='affective', patronage='habitual', attitude_cut=4.5, "
    >>> survey = read_survey("rice_simulated", [asked + "patronage_cut=4.5}"])
    >>> table = surface(survey).query("outcome == 'advocacy' and attitude_sds == 0")
    >>> table[["patronage_sds", "fitted"]].iloc[[0, 6, -1]].round(2).values.tolist()
    [[-2.0, 4.24], [0.0, 4.49], [2.0, 4.74]]
    """
    return pd.concat(
        [_surface(survey, outcome) for outcome in survey.model(VIEW).study.model.outcomes],
        ignore_index=True,
    )


def _surface(survey: Survey, outcome: str) -> pd.DataFrame:
    found, centre, sd = _fitted(survey, outcome)
    one, other = (axis.ravel() for axis in np.meshgrid(_GRID, _GRID, indexing="ij"))
    away = np.column_stack([one, other]) * sd
    asked, frame = survey.study.types, survey.frame
    assert asked is not None and frame is not None
    scores = frame[[asked.attitude, asked.patronage]].to_numpy(float)
    at = centre + away
    inside = ((at >= scores.min(axis=0)) & (at <= scores.max(axis=0))).all(axis=1)
    a, p = away[inside].T
    known = survey.sample([outcome]).moments[""]
    fit = found.combine(np.column_stack([np.ones(len(a)), a, p, a * p]))
    low, high = fit.interval()
    return pd.DataFrame(
        {
            "outcome": outcome, "attitude": at[inside, 0], "patronage": at[inside, 1],
            "attitude_sds": one[inside], "patronage_sds": other[inside], "fitted": fit.values,
            "conf_low": low, "conf_high": high, "n": survey.n,
            "outcome_mean": known.mean[0], "outcome_sd": known.sd[0],
        }
    )  # fmt: skip


def type_slopes(survey: Survey) -> pd.DataFrame:
    """Slope of each score where the other is one SD below its mean, at it, and one SD above.

    Returns
    -------
    DataFrame
        outcome, term (the score whose slope it is), at (low, mean, high; ``change``: by how much
        the slope grows with one SD more of the other), given (the other score, in points),
        estimate (points of the outcome per point of the term), std_error, df, statistic, p_value,
        conf_low, conf_high, n.

    References
    ----------
    Aiken & West (1991), Multiple Regression: Testing and Interpreting Interactions, chapter 2.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = "types={attitude='affective', patronage='habitual', attitude_cut=4.5, "
    >>> survey = read_survey("rice_simulated", [asked + "patronage_cut=4.5}"])
    >>> type_slopes(survey)[["outcome", "term", "at", "estimate"]].round(2).head(3)
          outcome       term    at  estimate
    0  repurchase  affective   low      0.47
    1  repurchase  affective  mean      0.47
    2  repurchase  affective  high      0.46
    """
    view = survey.model(VIEW).study.model
    tables = []
    for outcome in view.outcomes:
        found, centre, sd = _fitted(survey, outcome)
        for own, term in enumerate(view.drivers):
            other = 1 - own
            away = np.array(list(PLACES.values())) * sd[other]
            matrix = np.zeros((len(away) + 1, 4))
            matrix[:-1, 1 + own], matrix[:-1, 3], matrix[-1, 3] = 1, away, sd[other]
            given = [*(centre[other] + away), np.nan]
            keys = {"outcome": outcome, "term": term, "at": [*PLACES, "change"], "given": given}
            tables.append(pd.DataFrame(keys | numbers(found.combine(matrix), survey.n)))
    return pd.concat(tables, ignore_index=True)
