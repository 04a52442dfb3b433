"""How reliably each construct is measured, and by which items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.inference import Sample, estimate, single
from loyalty_analysis.measurement import (
    alpha_if_dropped,
    average_variance_extracted,
    composite_reliability,
    cronbach_alpha,
    feldt_interval,
    item_rest,
    omega,
)
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.survey import Survey

Loadings = Mapping[str, Array]
"""By construct: loadings (factor variance 1) and error variances of its items, in their units."""
_NUMBERS = (
    "alpha", "alpha_low", "alpha_high", "omega", "composite_reliability", "ave",
    "alpha_standardized", "mean_r", "declared",
)  # fmt: skip


def item_sample(survey: Survey, constructs: Sequence[str]) -> Sample | None:
    """Items of some constructs, all pointing their way, of respondents who answered every one.

    Parameters
    ----------
    survey : Survey
    constructs : sequence of str

    Returns
    -------
    Sample or None
        Moments alone where no respondents are at hand; None where only scores are known.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> sample = item_sample(read_survey("mobile_customers"), ["loyalty"])
    >>> sample.columns, sample.n
    (('cusl_1', 'cusl_2', 'cusl_3'), 336)
    """
    study = survey.study
    items = tuple(item for name in constructs for item in study.items_of(name))
    if survey.items is None:
        known = survey.item_moments
        if known is None or set(items) - set(known.columns):
            return None
        # Published item moments are as answered: reversed items still point the other way.
        turned = {item for name in constructs for item in study.constructs[name].reversed}
        signs = np.diag([-1.0 if item in turned else 1.0 for item in items])
        return Sample(items, {"": known[items].linear(signs, items)})
    rows = survey.items[list(items)].to_numpy(dtype=float)
    kept = ~np.isnan(rows).any(axis=1)
    weights = None if survey.weights is None else survey.weights[kept]
    part = Moments.from_rows(items, rows[kept], weights)
    return Sample(
        items,
        {"": part},
        {"": rows[kept]},
        None if weights is None else {"": weights},
        None if survey.clusters is None else {"": survey.clusters[kept]},
    )


def one_factor(moments: Moments) -> Array:
    """Loadings and error variances of a single factor behind some items, by maximum likelihood.

    Returns
    -------
    ndarray, shape (2, items)

    Raises
    ------
    LoyaltyError
        With fewer than three items, or where the items do not allow it.

    Examples
    --------
    >>> items = np.random.default_rng(1).normal(size=(200, 4)) + np.linspace(-2, 2, 200)[:, None]
    >>> one_factor(Moments.from_rows(["a", "b", "c", "d"], items)).shape
    (2, 4)
    """
    from loyalty_analysis.sem_fit import fit_model
    from loyalty_analysis.sem_model import model_script

    script = model_script({"common": moments.columns})
    fit = fit_model(script, moments, standardized_factors=True)
    found = {(row.op, row.rhs): fit.theta[row.free] for row in fit.rows if row.free >= 0}
    return np.array([[found[op, item] for item in moments.columns] for op in ("=~", "~~")])


def reliability(survey: Survey, loadings: Loadings | None = None) -> pd.DataFrame:
    """Estimate the reliability of the score of every construct of the model.

    Parameters
    ----------
    survey : Survey
    loadings : mapping, optional
        Of a joint model, see `Loadings`; a construct it leaves out, and which has three items or
        more, gets a one-factor model of its own.

    Returns
    -------
    DataFrame
        construct, items (count), n (who answered them all), alpha, alpha_low, alpha_high (95%;
        Feldt's, or from influence values on the scale of log(1 - alpha) where there are weights or
        clusters), omega (observed variance of the sum), composite_reliability and ave (standardized
        loadings), alpha_standardized, mean_r (mean correlation of the items), declared (what the
        study assumes), method (of the interval), note (what cannot be assessed, and why).

    Notes
    -----
    Checked against psych::alpha, semTools::compRelSEM and semTools::AVE. The interval on the log
    scale: Bonett (2002), Journal of Educational and Behavioral Statistics 27, 335-340.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = reliability(read_survey("mobile_customers")).set_index("construct")
    >>> table.loc["loyalty", ["alpha", "omega"]].astype(float).round(3).to_list()
    [0.834, 0.851]
    """
    rows = [_construct_row(survey, name, loadings or {}) for name in survey.study.model_constructs]
    return pd.DataFrame(rows)


def _construct_row(survey: Survey, name: str, loadings: Loadings) -> dict[str, object]:
    items, declared = survey.study.items_of(name), survey.study.constructs[name].reliability
    row: dict[str, object] = {"construct": name, "items": len(items), "n": survey.n}
    row |= dict.fromkeys(_NUMBERS, np.nan) | {"method": "", "note": ""}
    if len(items) == 1:
        assumed = "none is declared" if declared is None else f"{declared:g} is declared"
        return row | {
            "declared": np.nan if declared is None else declared,
            "note": f"not assessable: one item; {assumed}",
        }
    sample = item_sample(survey, [name])
    if sample is None:
        return row | {"note": "not assessable: the moments of its items are not known"}
    row["n"] = sample.n
    moments = sample.moments[""]
    still = np.diag(moments.cross) <= 1e-12 * max(moments.weight, 1)
    if sample.n < 3 or still.any():
        why = ", ".join(np.array(items)[still]) + " does not vary" if still.any() else "n below 3"
        return row | {"note": f"not assessable: {why}"}
    return row | _alphas(sample) | _of_loadings(moments, loadings.get(name))


def _alphas(sample: Sample) -> dict[str, object]:
    moments = sample.moments[""]
    k, correlation = len(moments.columns), moments.correlation
    alpha = float(cronbach_alpha(moments.cross))
    ends, method = feldt_interval(alpha, sample.n, k), "Feldt"
    if (sample.weights or sample.clusters) and alpha < 1:
        found = estimate(single(lambda m: np.log([1 - cronbach_alpha(m.cross)])), sample)
        low, high = found.interval()
        ends, method = (1 - float(np.exp(high[0])), 1 - float(np.exp(low[0]))), found.method
    return {
        "alpha": alpha,
        "alpha_low": ends[0],
        "alpha_high": ends[1],
        "alpha_standardized": float(cronbach_alpha(correlation)),
        "mean_r": (correlation.sum() - k) / (k * (k - 1)),
        "method": method,
    }


def _of_loadings(moments: Moments, known: Array | None) -> dict[str, object]:
    if known is None and len(moments.columns) == 2:
        return {"note": "two items: alpha_standardized is Spearman-Brown's; "
                        "omega and AVE are not assessable without a joint model"}  # fmt: skip
    try:
        found = one_factor(moments) if known is None else known
    except LoyaltyError as error:
        return {"note": f"omega and AVE not assessable: {error}"}
    loads, errors = found
    if (errors < 0).any():
        worst = moments.columns[int(np.argmin(errors))]
        return {"note": f"omega and AVE not assessable: error variance of {worst} is negative"}
    standardized = loads / np.sqrt(loads**2 + errors)
    return {
        "omega": omega(loads, float(moments.cross.sum() / moments.weight)),
        "composite_reliability": composite_reliability(standardized),
        "ave": average_variance_extracted(standardized),
    }


def item_statistics(survey: Survey) -> pd.DataFrame:
    """Describe every item of a construct with two or more.

    Returns
    -------
    DataFrame
        construct, item, n, mean, sd, item_rest (correlation with the sum of the others), its 95%
        ends item_rest_low and item_rest_high, alpha_if_dropped.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = item_statistics(read_survey("mobile_customers")).set_index("item")
    >>> float(table.loc["cusl_1", "item_rest"].round(2))
    0.64
    """
    tables = []
    for name in survey.study.model_constructs:
        sample = item_sample(survey, [name])
        if sample is None or len(sample.columns) < 2 or sample.n < SMALLEST_GROUP:
            continue
        part = sample.moments[""]
        rest, low, high = item_rest(part)
        table = {
            "construct": name, "item": part.columns, "n": part.n, "mean": part.mean, "sd": part.sd,
            "item_rest": rest, "item_rest_low": low, "item_rest_high": high,
            "alpha_if_dropped": alpha_if_dropped(part.cross),
        }  # fmt: skip
        tables.append(pd.DataFrame(table))
    names = ["construct", "item", "n", "mean", "sd", "item_rest", "item_rest_low",
             "item_rest_high", "alpha_if_dropped"]  # fmt: skip
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)
