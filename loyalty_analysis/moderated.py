"""Slopes that change with a moderator, and where they can be told from zero.

Exploratory throughout: no claim is judged on this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyalty_analysis.clusters import cr2
from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.inference import Estimate
from loyalty_analysis.moments import Array, Moments, one_thread
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.regions import adjusted_critical_value, at_values, critical_value, region
from loyalty_analysis.regression import fit_rows
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import numbers

SATISFACTION, TENURE, COST = "satisfaction", "tenure", "switching_"
_KEYS = ["model", "outcome", "term", "moderator"]
REGIONS = [
    *_KEYS, "rule", "critical", "start", "end", "side", "share", "change", "change_low",
    "change_high", "change_p", "change_beta", "df", "n",
]  # fmt: skip
SLOPES = [
    *_KEYS, "at", "value", "estimate", "std_error", "df", "statistic", "p_value", "conf_low",
    "conf_high", "n",
]  # fmt: skip
_POINTS = 25
_FEWEST = 30  # respondents; the range runs from the tenth lowest to the tenth highest


@dataclass(frozen=True)
class Moderated:
    """A slope that changes with a moderator, in one equation.

    Attributes
    ----------
    equation : Equation
    term, moderator : str
    line : Estimate
        Raw slope at the mean of the moderator, and its change per point; HC3 or CR2 errors, with
        clusters the least degrees of freedom of low, mean and high.
    values, weights : ndarray
        The moderator of each respondent, from its mean.
    mean, sd : float
        Of the moderator.
    unit : float
        What turns the change into SDs.
    """

    equation: Equation
    term: str
    moderator: str
    line: Estimate
    values: Array
    weights: Array
    mean: float
    sd: float
    unit: float

    @property
    def span(self) -> tuple[float, float]:
        """From the tenth lowest to the tenth highest value: no end is one respondent's own."""
        ordered = np.sort(self.values)
        return float(ordered[SMALLEST_GROUP - 1]), float(ordered[-SMALLEST_GROUP])

    @property
    def named(self) -> dict[str, object]:
        """Columns that say what it is."""
        return {"model": self.equation.model, "outcome": self.equation.outcome,
                "term": self.term, "moderator": self.moderator}  # fmt: skip

    @property
    def places(self) -> Array:
        """Low, mean and high: an SD below the mean, the mean, an SD above it, within the range."""
        return np.clip([-self.sd, 0.0, self.sd], *self.span)


def moderated(
    survey: Survey, equation: Equation, term: str, moderator: str
) -> Moderated | None:  # fmt: skip
    """Fit one equation with the product of a term and a moderator.

    Returns
    -------
    Moderated or None
        None where there are no respondents, or the moderator has not three values that vary over
        the respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["model.controls=['age']"])
    >>> found = moderated(survey, equations(survey.study)[1], "forced", "age")
    >>> found.line.method, found.span[0] < 0 < found.span[1]
    ('CR2', True)
    """
    frame = survey.frame
    if frame is None or not {term, moderator} <= set(frame.columns) or moderator == term:
        return None
    values = frame[moderator]
    if not pd.api.types.is_numeric_dtype(values) or values.nunique() < 3 or survey.n < _FEWEST:
        return None
    product = f"{term}:{moderator}"
    terms = tuple(dict.fromkeys([*survey.terms(equation.terms), moderator, product]))
    columns = [term, moderator, equation.outcome]
    known = Moments.from_frame(frame[columns], survey.weights)
    centred = frame[[term, moderator]] - known.mean[:2]
    sample = frame.assign(**centred, **{product: centred[term] * centred[moderator]})
    fitted = fit_rows(sample, equation.outcome, terms, survey.weights, survey.clusters)
    both = [fitted.terms.index(term), fitted.terms.index(product)]
    line = Estimate(
        fitted.slopes[both], fitted.covariance[np.ix_(both, both)], float(fitted.df[0]),
        fitted.errors,
    )  # fmt: skip
    sizes = known.sd
    found = Moderated(
        equation, term, moderator, line, centred[moderator].to_numpy(),
        np.ones(survey.n) if survey.weights is None else survey.weights, float(known.mean[1]),
        float(sizes[1]), float(sizes[0] * sizes[1] / sizes[2]),
    )  # fmt: skip
    if found.span[0] >= found.span[1]:
        return None
    if survey.clusters is not None:
        contrast = np.zeros((3, len(fitted.terms)))
        contrast[:, both] = np.column_stack([np.ones(3), found.places])
        assert fitted.design is not None and fitted.residuals is not None
        df = cr2(fitted.design, fitted.residuals, survey.clusters, survey.weights, contrast).df
        found = replace(found, line=replace(line, df=float(min(df.min(), fitted.df[both].min()))))
    return found


def pairs(survey: Survey) -> list[tuple[str, str]]:
    """Which slope is asked to change with what: satisfaction with costs and tenure, costs with it.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> pairs(read_survey("bank_customers"))
    []
    """
    drivers = survey.study.model.drivers
    costs = [name for name in drivers if name.startswith(COST)]
    tenure = [TENURE] if survey.frame is not None and TENURE in survey.frame else []
    first = [SATISFACTION] if SATISFACTION in drivers else []
    return [*((one, by) for one in first for by in [*costs, *tenure]),
            *((one, by) for one in costs for by in tenure)]  # fmt: skip


@one_thread
def moderated_slopes(survey: Survey) -> list[Moderated]:
    """Every slope that :func:`pairs` asks about, on each outcome that is not leaving."""
    totals = [one for one in equations(survey.study) if one.kind == "total"]
    asked = [
        moderated(survey, equation, term, moderator)
        for equation in totals if equation.outcome in survey.study.loyalty
        for term, moderator in pairs(survey)
    ]  # fmt: skip
    return [one for one in asked if one is not None]


def moderation_regions(survey: Survey) -> pd.DataFrame:
    """Regions of moderators in which slopes can be told from zero. Exploratory.

    Of satisfaction by each kind of switching costs and by tenure, and of each kind of switching
    costs by tenure (claim B8, Blut et al. 2015), on every outcome that is not leaving.

    Parameters
    ----------
    survey : Survey
        With ``satisfaction`` and ``switching_...`` among its drivers, as the further model
        ``pillars`` has them; ``tenure`` a moderator or control.

    Returns
    -------
    DataFrame
        One row per equation, slope, rule and segment of the moderator's range: model, outcome,
        term, moderator; rule (``plain``: 5% at each value; ``adjusted``: a false discovery rate of
        5% over the range), critical (value of t); start, end (raw units of the moderator; the range
        runs from the tenth lowest to the tenth highest respondent); side (1, -1, 0 not told);
        share (of respondents inside; empty for fewer than ten); change, change_low, change_high,
        change_p, change_beta (of the slope per point of the moderator, the last in SDs); df, n.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> moderation_regions(read_survey("bank_customers")).empty
    True
    """
    tables = [_segments(one) for one in moderated_slopes(survey)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=REGIONS)


def _segments(one: Moderated) -> pd.DataFrame:
    rules = {
        "plain": critical_value(one.line.df),
        "adjusted": adjusted_critical_value(one.line, one.span),
    }
    low, high = one.line.interval()
    change = {
        "change": one.line.values[1], "change_low": low[1], "change_high": high[1],
        "change_p": one.line.p_value()[1], "change_beta": one.line.values[1] * one.unit,
        "df": one.line.df, "n": len(one.values),
    }  # fmt: skip
    tables = []
    for rule, critical in rules.items():
        table = region(one.line, one.span, critical)
        share = [_share(one, *ends) for ends in table[["start", "end"]].to_numpy()]
        ends = {"start": table["start"] + one.mean, "end": table["end"] + one.mean}
        known = {**one.named, "rule": rule, "critical": critical, "share": share, **change}
        tables.append(table.assign(**ends, **known))
    return pd.concat(tables)[REGIONS]


def _share(one: Moderated, start: float, end: float) -> float:
    low, high = one.span
    above = (one.values >= start) | (start <= low)
    inside = above & ((one.values < end) | (end >= high))
    if inside.sum() < SMALLEST_GROUP:
        return np.nan
    return float(one.weights[inside].sum() / one.weights.sum())


def conditional_slopes(survey: Survey) -> pd.DataFrame:
    """Slopes at values of their moderators. Exploratory.

    Returns
    -------
    DataFrame
        model, outcome, term, moderator; at (``low``, ``mean``, ``high``: an SD below the mean, the
        mean, an SD above; empty for the values between which a figure draws a line); value (of the
        moderator); estimate (points of the outcome per point of the term), std_error, df,
        statistic, p_value, conf_low, conf_high (at that value alone), n.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> conditional_slopes(read_survey("bank_customers")).empty
    True
    """
    tables = []
    for one in moderated_slopes(survey):
        values = np.concatenate([one.places, np.linspace(*one.span, _POINTS)])
        found = numbers(at_values(one.line, values), len(one.values))
        at = ["low", "mean", "high", *[""] * _POINTS]
        known = {**one.named, "at": at, "value": values + one.mean, **found}
        tables.append(pd.DataFrame(known)[SLOPES])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SLOPES)
