"""What captive customers and experiments come to, in computed sentences.

Causal words stand in :func:`experiment_reading` alone, and only for a randomised treatment.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.captive import FORCED, SHOWN, lacking
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.experiment import OMNIBUS
from loyalty_analysis.formatting import capitalised, listing, number, p_value
from loyalty_analysis.prose import Prose, paragraphs, prose
from loyalty_analysis.sentences import range_of
from loyalty_analysis.survey import Survey

IMBALANCE = 0.10
"""Standardized difference from which arms are called unlike (Austin 2009)."""


def captive_reading(captive: pd.DataFrame | None, survey: Survey) -> Prose:
    """Read what forced commitment goes with where alternatives are shown and where not.

    Parameters
    ----------
    captive : pandas.DataFrame or None
        As in results/captive.csv.
    survey : Survey

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(captive_reading(None, read_survey("bank_customers")))
    Captive customers cannot be compared: this takes respondents, not their moments only.
    """
    if captive is None:
        return prose([f"Captive customers cannot be compared: this takes {lacking(survey)}."])
    study = survey.study
    each = [_outcome(name, part, study) for name, part in captive.groupby("outcome", sort=False)]
    forced = capitalised(named(FORCED, study))
    about = [
        f"Captive means {named(FORCED, study)} an SD above the mean, a place on the scale and no "
        "group; other terms at their means."
    ]
    if study.experiment is None or study.experiment.treatment != SHOWN:
        about.append(
            f"{capitalised(named(SHOWN, study))} was recorded, not randomised: who was shown "
            "alternatives may differ in other ways, so these are associations."
        )
    else:
        about.append(f"{forced} was measured, not randomised.")
    return paragraphs(*each, about)


def _outcome(name: object, rows: pd.DataFrame, study: Any) -> list[str]:
    """One outcome: simple slopes, whether they differ, captive customers side by side."""
    table = rows.assign(side=sides(rows)).set_index(["quantity", "at"]).sort_index()
    forced, outcome = named(FORCED, study), named(str(name), study)
    hidden, shown, product = (
        table.loc[key] for key in (("slope", "not shown"), ("slope", "shown"), ("interaction", ""))
    )
    words = [f"{number(one['estimate'])} points ({range_of(one['conf_low'], one['conf_high'])})"
             for one in (hidden, shown)]  # fmt: skip
    way = {1: "higher where they are shown", -1: "lower where they are shown",
           0: "not told apart"}[product["side"]]  # fmt: skip
    captive = table.loc[("difference", "high")]
    means = [number(table.loc[("mean", at), "estimate"]) for at in ("shown", "not shown")]
    ends = range_of(captive["conf_low"], captive["conf_high"])
    apart = "" if captive["side"] else ", which cannot be told from zero"
    return [
        f"{capitalised(outcome)}: one point more {forced} goes with {words[0]} where alternatives "
        f"are not shown and with {words[1]} where they are; the slopes are {way}.",
        f"Captive customers who are shown alternatives stand at {means[0]}, the others at "
        f"{means[1]}: a difference of {number(captive['estimate'])} ({ends}){apart}.",
    ]


def balance_reading(balance: pd.DataFrame | None, study: Any) -> Prose:
    """Say whether the arms of a randomised treatment are alike in what came before it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(balance_reading(None, load_study("bank_customers")))
    The study declares no [experiment]: nothing was randomised, so every number here is an
    association.
    """
    if balance is None:
        return prose([
            "The study declares no [experiment]: nothing was randomised, so every number here is "
            "an association."
        ])  # fmt: skip
    n = [number(balance[name].iloc[0], 0) for name in ("n_treated", "n_untreated")]
    treatment = capitalised(named(study.experiment.treatment, study))
    said = [f"{treatment} is declared as randomised: {n[0]} treated and {n[1]} untreated."]
    before = balance[balance["kind"] == "before"]
    unlike = before[before["difference"].abs() >= IMBALANCE]
    names = [
        f"{named(row.covariate, study)} ({number(row.difference)})" for row in unlike.itertuples()
    ]
    if before.empty:
        said.append("No control was declared, so chance differences between the arms are not seen.")
    elif names:
        said.append(f"The arms differ by {number(IMBALANCE)} SD or more in {listing(names, 6)}.")
    else:
        said.append(f"No covariate from before differs by {number(IMBALANCE)} SD or more.")
    test = balance[balance["covariate"] == OMNIBUS]
    if len(test):
        said.append(_omnibus(test.iloc[0]))
    return prose(said)


def _omnibus(row: pd.Series) -> str:
    if pd.isna(row["p_value"]):
        return "Too few clusters to test all covariates at once."
    text = p_value(row["p_value"])
    p = text if text[0] in "<>" else f"= {text}"
    test = (
        f"F({number(row['df1'], 0)}, {number(row['df2'], 0)}) = {number(row['statistic'])}, p {p}"
    )
    if row["p_value"] < 0.01:
        return (
            f"Together they predict the treatment ({test}), which random assignment seldom allows: "
            "check how it was assigned before any of the causal words below is believed."
        )
    return f"Together they predict it no better than chance ({test})."


def experiment_reading(experiment: pd.DataFrame | None, study: Any) -> Prose:
    """Say what a randomised treatment causes, and where that differs with forced commitment.

    Parameters
    ----------
    experiment : pandas.DataFrame or None
        As in results/experiment.csv.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> str(experiment_reading(None, load_study("bank_customers")))
    ''
    """
    if experiment is None or study.experiment is None:
        return prose([])
    table = experiment.assign(side=sides(experiment))
    treatment = capitalised(named(study.experiment.treatment, study))
    effects = [_effect(row, treatment, study) for _, row in
               table[table["quantity"] == "effect"].iterrows()]  # fmt: skip
    products = table[table["quantity"] == "interaction"]
    differ = [
        _moderation(row, table[table["outcome"] == row["outcome"]], study)
        for _, row in products.iterrows()
    ]
    moderated = ""
    if len(products):
        moderated = (
            f"The treatment was randomised and {named(FORCED, study)} was measured: the effect is "
            "causal, and that it differs with commitment is moderation of a causal effect. What "
            "else differs between customers with more and with less commitment may be why. This "
            "takes commitment as it was before the treatment."
        )
    return paragraphs(effects, differ, [moderated])


def _effect(row: pd.Series, treatment: str, study: Any) -> str:
    outcome, ends = named(row["outcome"], study), range_of(row["conf_low"], row["conf_high"])
    if row["side"] == 0:
        what = f"{number(row['estimate'])} points, {ends}"
        return f"{treatment}: whether it causes more or less {outcome} cannot be told ({what})."
    more = "more" if row["estimate"] > 0 else "less"
    return f"{treatment} causes {number(abs(row['estimate']))} points {more} {outcome} ({ends})."


def _moderation(row: pd.Series, rows: pd.DataFrame, study: Any) -> str:
    outcome, forced = named(row["outcome"], study), named(FORCED, study)
    ends = range_of(row["conf_low"], row["conf_high"])
    if row["side"] == 0:
        return f"Whether that effect on {outcome} differs with {forced} cannot be told ({ends})."
    way = "higher" if row["estimate"] > 0 else "lower"
    at = rows[rows["quantity"] == "difference"].set_index("at")
    low, high = (
        f"{number(at.loc[end, 'estimate'])} points "
        f"({range_of(at.loc[end, 'conf_low'], at.loc[end, 'conf_high'])})"
        for end in ("low", "high")
    )
    return (
        f"The effect on {outcome} is {way} the more {forced}: {low} an SD below its mean and "
        f"{high} an SD above (standardized product {number(row['estimate'])}, {ends})."
    )
