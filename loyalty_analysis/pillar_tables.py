"""Tables of slopes along moderators, of captive customers, and of the arms of an experiment."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.experiment import OMNIBUS
from loyalty_analysis.formatting import capitalised, number, p_value, percent
from loyalty_analysis.pillar_captions import KEYS
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset

_ENDS = ["estimate", "conf_low", "conf_high"]
_QUANTITIES = {
    "effect": "Treated less untreated",
    "interaction": "Product, standardized",
    "slope": "Slope of forced commitment, {}",
    "difference": "Shown less not shown, {} commitment",
    "mean": "Mean of captive customers, {}",
}


def moderated_table(
    conditional_slopes: pd.DataFrame, regions: pd.DataFrame, study: Any
) -> Table:  # fmt: skip
    """Print every slope at low, mean and high of its moderator, and where it can be told from zero.

    Parameters
    ----------
    conditional_slopes, regions : pandas.DataFrame
        As in the files of results/.
    study : Study
    """
    known = conditional_slopes[conditional_slopes["at"] != ""]
    known = known.assign(cell=estimates(known, _ENDS, digits=2))
    wide = known.pivot(index=KEYS, columns="at", values="cell")
    each = regions.drop_duplicates(KEYS).set_index(KEYS)
    wide = wide.loc[each.index]
    told = regions[regions["side"] != 0].groupby([*KEYS, "rule"], sort=False)
    where = {key: "; ".join(_span(row) for row in part.itertuples()) for key, part in told}
    cells = pd.DataFrame({
        "row": [f"{study.label(term)} by {named(by, study)}" for _, _, term, by in each.index],
        "group": [study.label(outcome) for _, outcome, _, _ in each.index],
        **{at: wide[at].tolist() for at in ("low", "mean", "high")},
        "p": [p_value(p) for p in each["change_p"]],
        "adjusted": [where.get((*key, "adjusted"), "nowhere") for key in each.index],
        "plain": [where.get((*key, "plain"), "nowhere") for key in each.index],
    })  # fmt: skip
    heads = {
        "row": "Slope", "low": "Low", "mean": "Mean", "high": "High", "p": "p of change",
        "adjusted": "Told from zero (adjusted)", "plain": "Told from zero (plain)",
    }  # fmt: skip
    notes = [
        "Exploratory. Points of the outcome per point, with 95% intervals, where the moderator is "
        "an SD below its mean, at it, an SD above. Told from zero: values of the moderator, in its "
        "own units, with the share of respondents there; adjusted: false discovery rate of 5% over "
        "the range (Esarey and Sumner 2018), plain: 5% at each value (Johnson and Neyman 1936); + "
        "above zero, \u2212 below. "
        "p unadjusted. Errors: HC3, or CR2 with clusters.",
        about_sample(each["n"], study),
    ]
    title = "Slopes along their moderators"
    return typeset(
        "moderated slopes", cells, title, notes, heads=heads, words=["adjusted", "plain"]
    )


def _span(row: Any) -> str:
    share = "" if row.share != row.share else f", {percent(row.share)}"
    sign = "+" if row.side > 0 else "\u2212"
    return f"{sign} {number(row.start, 1)} to {number(row.end, 1)}{share}"


def captive_table(captive: pd.DataFrame, study: Any) -> Table:
    """Print slopes of forced commitment, differences and means where alternatives are shown or not.

    Parameters
    ----------
    captive : pandas.DataFrame
        As in results/captive.csv, or results/experiment.csv.
    study : Study
    """
    rows = [_QUANTITIES[row.quantity].format(row.at) for row in captive.itertuples()]
    cells = pd.DataFrame({
        "row": rows,
        "group": [capitalised(named(name, study)) for name in captive["outcome"]],
        "estimate": estimates(captive, _ENDS, digits=2),
        "p": [p_value(p) if kind != "mean" else "" for p, kind in
              zip(captive["p_value"], captive["quantity"], strict=True)],
    })  # fmt: skip
    heads = {"row": "Quantity", "estimate": "Estimate [95% interval]", "p": "p"}
    places = captive["quantity"] != "effect"
    said = "In points of the outcome; other terms at their means."
    if places.any():
        said = (
            "In points of the outcome, but the product; other terms at their means. Low, mean, "
            "high: an SD below the mean of forced commitment, at it, an SD above (captive)."
        )
    notes = [f"{said} p unadjusted.", about_sample(captive["n"], study)]
    randomised = not places.all()
    title = "What the randomised treatment causes" if randomised else "Captive customers"
    return typeset(title, cells, title, notes, heads=heads)


def balance_table(balance: pd.DataFrame, study: Any) -> Table:
    """Print the arms of a randomised treatment side by side.

    Parameters
    ----------
    balance : pandas.DataFrame
        As in results/balance.csv.
    study : Study
    """
    table = balance[balance["covariate"] != OMNIBUS]
    kinds = {"before": "From before the treatment", "driver": "Drivers (may be asked after it)"}
    cells = pd.DataFrame({
        "row": [study.label(name) for name in table["covariate"]],
        "group": [kinds[kind] for kind in table["kind"]],
        **{arm: [number(value) for value in table[arm]] for arm in ("treated", "untreated")},
        "difference": [number(value) for value in table["difference"]],
    })  # fmt: skip
    heads = {"row": "Covariate", "treated": "Treated", "untreated": "Untreated",
             "difference": "Difference (SDs)"}  # fmt: skip
    n = [number(balance[name].iloc[0], 0) for name in ("n_treated", "n_untreated")]
    notes = [
        f"Means; {n[0]} treated, {n[1]} untreated. Differences by the root of the mean variance of "
        "both arms.",
        about_sample(balance["n_treated"] + balance["n_untreated"], study),
    ]
    return typeset("balance", cells, "The arms of the experiment", notes, heads=heads)
