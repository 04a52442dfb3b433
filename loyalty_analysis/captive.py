"""Captive customers: what forced commitment goes with where alternatives are shown, and not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.contrasts import interaction
from loyalty_analysis.equations import Equation, product_equation
from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.regression import check_equation
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import numbers, satterthwaite

FORCED, SHOWN, SEARCH = "forced", "alternatives_shown", "search"
COLUMNS = [
    "outcome", "quantity", "at", "estimate", "std_error", "df", "statistic", "p_value", "conf_low",
    "conf_high", "n", "model", "df_satterthwaite", "outcome_sd",
]  # fmt: skip
QUANTITIES = [
    ("slope", "not shown"), ("slope", "shown"), ("difference", "low"), ("difference", "mean"),
    ("difference", "high"), ("mean", "not shown"), ("mean", "shown"),
]  # fmt: skip


def lacking(survey: Survey, shown: str = SHOWN) -> str:
    """Say what is missing to compare captive customers; empty when nothing is.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> lacking(read_survey("bank_customers"))
    'respondents, not their moments only'
    """
    study, frame = survey.study, survey.frame
    if frame is None:
        return "respondents, not their moments only"
    if FORCED not in study.model.drivers:
        return f"'{FORCED}' among the drivers"
    known = {*study.model.drivers, *study.model.moderators, *study.model.controls}
    columns = survey.terms([shown])
    if shown not in known:
        return f"'{shown}' among the moderators"
    if len(columns) > 1 or frame[columns[0]].nunique() != 2:
        return f"two levels of '{shown}'"
    if frame[columns[0]].value_counts().min() < SMALLEST_GROUP:
        return f"{SMALLEST_GROUP} respondents in both levels of '{shown}'"
    return ""


@one_thread
def captive(survey: Survey, shown: str = SHOWN) -> pd.DataFrame:
    """Compare what forced commitment goes with where alternatives are shown and where not.

    Captive customers are those with forced commitment one SD above the mean: a place on a
    continuous scale, no group that is cut out.

    Parameters
    ----------
    survey : Survey
        With ``forced`` among its drivers.
    shown : str
        A moderator, control or driver of two levels; the higher one is *shown*.

    Returns
    -------
    DataFrame
        One row per outcome that is not leaving, and search, and quantity: outcome; quantity
        (``interaction``: the standardized slope of the product; ``slope`` of forced commitment,
        ``difference`` shown less not shown, ``mean`` among captive customers, all in points, every
        other term at its mean); at (``not shown``, ``shown``; for differences ``low``, ``mean``,
        ``high`` forced commitment, an SD apart); estimate, std_error, df, statistic, p_value,
        conf_low, conf_high, n, model, df_satterthwaite, outcome_sd (what turns points into SDs).
        Empty where something is lacking.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> captive(read_survey("bank_customers")).empty
    True
    """
    if lacking(survey, shown):
        return pd.DataFrame(columns=COLUMNS)
    study = survey.study
    outcomes = [*study.loyalty, *(name for name in [SEARCH] if name in study.model.outcomes)]
    tables = []
    for outcome in outcomes:
        equation = product_equation(study, outcome, [FORCED, shown])
        product = interaction(survey, outcome, f"{FORCED}:{shown}")
        if equation is not None and product is not None:
            statistic = product["estimate"] / product["std_error"]
            size = float(survey.moments[[outcome]].sd[0])
            product = product.assign(quantity="interaction", at="", statistic=statistic)
            table = pd.concat([product, _in_points(survey, equation, shown)])
            tables.append(table.assign(outcome_sd=size)[COLUMNS])
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _in_points(survey: Survey, equation: Equation, shown: str) -> pd.DataFrame:
    """Simple slopes, differences and means of one outcome, as functions of its moments."""
    assert survey.frame is not None
    outcome, [split] = equation.outcome, survey.terms([shown])
    off, on = np.sort(survey.frame[split].unique()).astype(float)
    product = f"{FORCED}:{shown}"
    terms = tuple(dict.fromkeys([*survey.terms([*equation.terms, FORCED]), split, product]))
    pair = [FORCED, split]
    centre = Moments.from_frame(survey.frame[pair], survey.weights).mean
    centred = survey.frame[pair] - centre
    extra = pd.DataFrame({product: centred[FORCED] * centred[split]})
    sample = survey.sample([*terms, outcome], extra=extra)
    check_equation(sample.moments[""], terms, f"{outcome}, {product}")
    places = [terms.index(name) for name in (FORCED, split, product)]

    @vectorized
    def values(moments: Moments) -> Array:
        found = slopes(moments, outcome, terms)
        forced, shift, change = (found[..., place] for place in places)
        means = moments[[FORCED, split, product, outcome]].mean
        spread = moments[[FORCED]].sd[..., 0]

        def slope(level: float) -> Array:
            return forced + change * (level - centre[1])

        def difference(away: float) -> Array:
            return (on - off) * (shift + change * (means[..., 0] + away * spread - centre[0]))

        def mean(level: float) -> Array:
            at = means[..., 0] + spread - centre[0], level - centre[1]
            moved = forced * spread + shift * (level - means[..., 1])
            return means[..., 3] + moved + change * (at[0] * at[1] - means[..., 2])

        each = [slope(off), slope(on), *(difference(k) for k in (-1, 0, 1)), mean(off), mean(on)]
        return np.stack(each, axis=-1)

    found = estimate(single(values), sample)
    quantity, at = zip(*QUANTITIES, strict=True)
    named = {"outcome": outcome, "quantity": quantity, "at": at, "model": equation.model}
    spread = sample.moments[""].sd[places]
    contrast = np.zeros((len(QUANTITIES), len(terms)))
    below, above = off - centre[1], on - centre[1]
    contrast[:, places] = [
        (1, 0, below), (1, 0, above), (0, 1, -spread[0]), (0, 1, 0), (0, 1, spread[0]),
        (spread[0], below, spread[0] * below), (spread[0], above, spread[0] * above),
    ] / spread  # fmt: skip
    least = satterthwaite(sample, contrast)
    return pd.DataFrame({**named, **numbers(found, survey.n), "df_satterthwaite": least})
