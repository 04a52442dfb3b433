"""Tables of mediation and drivers: effects with their intervals, and shares with their ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.effect_captions import effects
from loyalty_analysis.formatting import capitalised, in_sentence, listing, number, p_value, percent
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset

_ENDS = ["estimate", "conf_low", "conf_high"]
_LEVELS = 5
"""Most levels of a group column that are printed, its contrast included."""
_EFFECT_HEADS = {
    "row": "Driver",
    "direct": "Direct [95% interval]",
    "indirect": "Indirect [95% interval]",
    "p": "p",
    "boot": "Bootstrap interval",
    "total": "Total [95% interval]",
    "share": "Share mediated",
    "latent": "Indirect, corrected for measurement error",
}
_SHARE_HEADS = {
    "row": "Driver",
    "sign": "Slope",
    "share": "Share, % [95% interval]",
    "rank": "Rank",
    "first": "Times first",
    "lead": "Lead over the next, % [95% interval]",
    "latent": "Corrected for measurement error, %",
    "johnson": "Johnson",
    "alone": "Alone",
    "last": "Last",
}


def mediation_table(mediation: pd.DataFrame, study: Any) -> Table:
    """Print direct, indirect and total effects of every driver, standardized.

    Parameters
    ----------
    mediation : pandas.DataFrame
        As in results/mediation.csv.
    study : Study

    Returns
    -------
    Table

    Raises
    ------
    RunError
        When the table holds no effects.

    Examples
    --------
    >>> from loyalty_analysis.mediation import mediation
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> table = mediation_table(mediation(survey), survey.study)
    >>> "0.23 [0.17, 0.30]" in table.as_raw_html()
    True
    """
    rows = effects(mediation)
    cells = pd.DataFrame(
        {
            "row": [study.label(name) for name in rows["driver"]],
            "group": [study.label(name) for name in rows["outcome"]],
        }
    )
    for effect in ("direct", "indirect", "total"):
        same = effects(mediation, effect).reindex(rows.index)
        cells[effect] = estimates(same, _ENDS, _digits(same, _ENDS))
    cells.insert(4, "p", [p_value(p) for p in rows["p_value"]])
    boot = rows.reindex(columns=["boot_low", "boot_high"])
    if boot.notna().any(axis=None):
        digits = _digits(rows, _ENDS)
        ends = [[number(end, digits) for end in row] for row in boot.to_numpy()]
        cells.insert(5, "boot", [" to ".join(row) for row in ends])
    cells["share"] = [percent(share) for share in rows["share_mediated"]]
    twin = ["latent", "latent_low", "latent_high"]
    corrected = bool(rows["latent"].notna().any())
    if corrected:
        cells["latent"] = estimates(rows, twin, _digits(rows, twin))
    mediator = in_sentence(study.label(rows["mediator"].iloc[0]))
    method = "normal theory" if study.from_moments else "influence values"
    notes = [
        "SDs of the outcome per SD of the driver, all drivers in every equation; direct and "
        f"indirect (through {mediator}) add up to the total. Intervals by {method}, p of the "
        "indirect effect unadjusted; effects in points of the scales are in results/mediation.csv.",
        "Share mediated: indirect divided by total; – where the total cannot be told from zero, or "
        "the direct effect runs against the indirect one.",
        about_sample(rows["n"], study),
    ]
    title = f"Direct effects, and indirect ones through {mediator}"
    return typeset("mediation", cells, title, notes, heads=_EFFECT_HEADS)


def _digits(table: pd.DataFrame, ends: list[str]) -> int:
    """Decimals of a column of products: three where most intervals are narrower than 0.02."""
    return 3 if (table[ends[2]] - table[ends[1]]).median() < 0.02 else 2


def orders_table(mediation_orders: pd.DataFrame, study: Any) -> Table:
    """Print the indirect effect of every driver in the declared order and in exchanged ones.

    Parameters
    ----------
    mediation_orders : pandas.DataFrame
        As in results/mediation_orders.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.mediation import mediation_orders
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> "0.29" in orders_table(mediation_orders(survey), survey.study).as_raw_html()
    True
    """
    orders = list(dict.fromkeys(mediation_orders["order"]))
    table = mediation_orders.set_index(["order", "outcome", "driver"], drop=False)
    rows = table.loc[orders[0]]
    cells = pd.DataFrame(
        {
            "row": [study.label(name) for name in rows["driver"]],
            "group": [study.label(name) for name in rows["outcome"]],
        }
    )
    heads = {"row": "Driver"}
    for place, order in enumerate(orders):
        same = table.loc[order].reindex(rows.index)
        cells[str(place)] = estimates(same, _ENDS, _digits(rows, _ENDS))
        heads[str(place)] = f"{capitalised(order)} [95% interval]"
    first = mediation_orders.drop_duplicates("order")["path"]
    paths = [" → ".join(study.label(name) for name in path.split(" -> ")) for path in first]
    notes = [
        "Standardized indirect effects along the path: all other drivers and the controls in every "
        f"equation. The first row's paths: {'; '.join(paths)}.",
        "The same correlations feed every order, so they cannot say which one is right.",
        about_sample(rows["n"], study),
    ]
    return typeset("mediation orders", cells, "Other causal orders", notes, heads=heads)


def mediation_groups_table(mediation_groups: pd.DataFrame, study: Any) -> Table:
    """Print the indirect effects in every level of the group columns, an outcome per column.

    Group columns of many levels are left to the file while there are others.

    Parameters
    ----------
    mediation_groups : pandas.DataFrame
        As in results/mediation_groups.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"group": "sector", "level": ["goods - services"], "driver": "affective", "n": 900}
    >>> row |= {"outcome": "repurchase", "estimate": 0.1, "conf_low": 0.0, "conf_high": 0.2}
    >>> table = mediation_groups_table(pd.DataFrame(row), load_study("rice_simulated"))
    >>> "goods − services" in table.as_raw_html()
    True
    """
    keys = ["group", "level", "driver"]
    levels = mediation_groups.groupby("group", sort=False)["level"].nunique()
    few = levels.index[levels <= _LEVELS] if (levels <= _LEVELS).any() else levels.index
    left_out = [study.label(str(name)) for name in levels.index.difference(few, sort=False)]
    table = mediation_groups[mediation_groups["group"].isin(few)]
    rows = table.drop_duplicates(keys).set_index(keys)
    cells = pd.DataFrame(
        {
            "row": [study.label(driver) for _, _, driver in rows.index],
            "group": [
                f"{study.label(group)}: {str(level).replace(' - ', ' − ')} "
                f"(n\u00a0=\u00a0{number(n, 0)})"
                for (group, level, _), n in zip(rows.index, rows["n"], strict=True)
            ],
        }
    )
    heads = {"row": "Driver"}
    for outcome, part in table.groupby("outcome", sort=False):
        same = part.set_index(keys).reindex(rows.index)
        cells[str(outcome)] = estimates(same, _ENDS, _digits(same, _ENDS))
        heads[str(outcome)] = f"{study.label(str(outcome))} [95% interval]"
    notes = [
        "Indirect effects by the SDs of the whole sample, every slope free in each level; a − b: "
        "difference of two levels, unadjusted.",
        f"In results/mediation_groups.csv: {listing(left_out)}." if left_out else "",
        about_sample(table["n"], study),
    ]
    return typeset("mediation groups", cells, "Indirect effects by group", notes, heads=heads)


def drivers_table(drivers: pd.DataFrame, study: Any) -> Table:
    """Print each driver's share of the explained variance with its rank, largest first.

    Parameters
    ----------
    drivers : pandas.DataFrame
        As in results/drivers.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.drivers import drivers
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> "Likeability" in drivers_table(drivers(survey), survey.study).as_raw_html()
    True
    """
    place = {name: at for at, name in enumerate(dict.fromkeys(drivers["outcome"]))}
    order = drivers["outcome"].map(place) + drivers["rank"] / (1 + drivers["rank"].max())
    rows = drivers.loc[order.sort_values(kind="stable").index].reset_index(drop=True)
    hundred = 100 * rows.select_dtypes("number")
    shares = ["share", "share_low", "share_high"]
    cells = pd.DataFrame(
        {
            "row": [study.label(name) for name in rows["term"]],
            "group": [_explained(row, study) for _, row in rows.iterrows()],
            "sign": [sign.replace("-", "−") or "±" for sign in rows["sign"].fillna("")],
            "share": estimates(hundred, shares, digits=1),
            "rank": [_ranks(row) for _, row in rows.iterrows()],
        }
    )
    if rows["p_first"].notna().any():
        cells["first"] = [percent(p) for p in rows["p_first"]]
    cells["lead"] = estimates(hundred, ["lead", "lead_low", "lead_high"], digits=1)
    if rows["latent"].notna().any():
        cells["latent"] = estimates(hundred, ["latent", "latent_low", "latent_high"], digits=1)
    for name, column in (("johnson", "johnson"), ("alone", "first"), ("last", "last")):
        cells[name] = [number(share, 1) for share in hundred[column]]
    title = "Shares of explained variance"
    return typeset("drivers", cells, title, _share_notes(rows, study), heads=_SHARE_HEADS)


def _explained(row: pd.Series, study: Any) -> str:
    controls = f", controls {percent(row['r2_controls'])}" if row["r2_controls"] > 0 else ""
    return f"{study.label(row['outcome'])} (R²\u00a0=\u00a0{percent(row['r2'])}{controls})"


def _ranks(row: pd.Series) -> str:
    """Print a rank with its interval; the rank alone where there is none."""
    rank, low, high = (f"{row[name]:g}" for name in ("rank", "rank_low", "rank_high"))
    return rank if np.isnan(row["rank_low"]) else f"{rank} [{low}, {high}]"


def _share_notes(rows: pd.DataFrame, study: Any) -> list[str]:
    drawn, failed = rows["replicates"].max(), rows["failed"].max()
    sampled = rows[rows["orderings"].astype(str) != "all"]
    mediator = study.model.mediator
    return [
        "Points of the outcome's variance, averaged over all orders in which drivers can enter "
        "(LMG, Shapley), controls always in; they add up to R² less that of the controls. Slope: "
        "sign of the standardized slope beside the others; ± where its interval includes zero.",
        "Alone: R² beside the controls only; last: R² added to all others.",
        f"Rank, and times first: bootstrap, {number(drawn, 0)} replicates"
        f"{f', {number(failed, 0)} of them failed' if failed else ''}."
        if rows["p_first"].notna().any()
        else "",
        f"Orders were sampled ({sampled['orderings'].iloc[0]} of them): sampling error of a share "
        f"up to {number(100 * sampled['sampling_error'].max(), 2)} points."
        if len(sampled)
        else "",
        "A mediator is credited with what it shares with the drivers before it: "
        f"{in_sentence(study.label(mediator))}."
        if mediator
        else "",
        about_sample(rows["n"], study),
    ]
