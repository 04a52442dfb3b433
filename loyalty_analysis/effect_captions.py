"""What mediation comes to: which effects can be told from zero, and titles in words."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import inf
from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import capitalised, listing, number
from loyalty_analysis.rules import LEAST_DF

ENDS = ("conf_low", "conf_high")
TWIN = ("latent_low", "latent_high")
_WAYS = {1: "higher", -1: "lower"}


def sides(table: pd.DataFrame, ends: Sequence[str] = ENDS) -> pd.Series:
    """Side of zero that each interval can be told to lie on: 1, -1, or 0 when it cannot.

    Examples
    --------
    >>> table = pd.DataFrame({"conf_low": [0.1, 0.1], "conf_high": 0.3, "df": [9.0, 3.0]})
    >>> sides(table).to_list()
    [1, 0]
    """
    known = ["df", "df_satterthwaite", *(["latent_df"] if tuple(ends) == TWIN else [])]
    # moments of published data may come without degrees of freedom: then there are enough
    enough = table.reindex(columns=known).astype(float).min(axis=1).fillna(inf) >= LEAST_DF
    return ((table[ends[0]] > 0).astype(int) - (table[ends[1]] < 0).astype(int)) * enough


def effects(mediation: pd.DataFrame, effect: str = "indirect") -> pd.DataFrame:
    """Pick one standardized effect of every driver on every outcome.

    Parameters
    ----------
    mediation : pandas.DataFrame
        As in results/mediation.csv.
    effect : {"direct", "indirect", "total"}

    Returns
    -------
    DataFrame
        Index outcome and driver, the columns of the file, and ``side`` of zero.

    Raises
    ------
    RunError
        When there is none.

    Examples
    --------
    >>> row = {"effect": ["indirect"], "scale": "standardized", "outcome": "loyalty", "df": 9.0}
    >>> table = pd.DataFrame(row | {"driver": "image", "conf_low": 0.1, "conf_high": 0.3})
    >>> effects(table)["side"].to_dict()
    {('loyalty', 'image'): 1}
    """
    chosen = (mediation["effect"] == effect) & (mediation["scale"] == "standardized")
    if not chosen.any():
        raise RunError(
            f"results/mediation.csv holds no standardized {effect} effect: it needs a study with "
            "a mediator. Leave this out."
        )
    table = mediation[chosen]
    return table.assign(side=sides(table)).set_index(["outcome", "driver"], drop=False)


def on(row: Any, study: Any) -> str:
    """Name what a row is about.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> on(pd.Series({"driver": "image", "outcome": "loyalty"}), load_study("bank_customers"))
    'image on loyalty'
    """
    term = row["driver"] if "driver" in row else row["term"]
    return f"{named(term, study)} on {named(row['outcome'], study)}"


def tied(sizes: pd.Series) -> list[Hashable]:
    """Labels of the largest sizes, all that print alike.

    Examples
    --------
    >>> tied(pd.Series({"a": 0.301, "b": 0.299, "c": 0.2}))
    ['a', 'b']
    """
    sizes = sizes.dropna().round(2)
    return list(sizes.index[sizes == sizes.max()])


def paths_finding(to: Mapping[str, int], onwards: Mapping[str, int], study: Any) -> str:
    """Say whether both links of the mediation stand.

    Parameters
    ----------
    to : mapping of str to int
        Side of zero of each driver's path to the mediator.
    onwards : mapping of str to int
        Side of zero of the mediator's path to each outcome.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(paths_finding({"image": 1, "value": 0}, {"loyalty": 1}, load_study("bank_customers")))
    1 of 2 drivers goes with satisfaction; beside them, satisfaction goes with higher loyalty
    """
    mediator = named(study.model.mediator, study)
    going = sum(side != 0 for side in to.values())
    verb = "goes" if going == 1 else "go"
    drivers = f"{going} of {len(to)} drivers {verb} with {mediator}"
    if len(to) == 1:
        verb = "goes" if going else "cannot be told to go"
        drivers = capitalised(f"{named(next(iter(to)), study)} {verb} with {mediator}")
    elif not going:
        drivers = f"No driver can be told to go with {mediator}"
    names = {
        way: listing(named(name, study) for name, side in onwards.items() if side == way)
        for way in (1, -1, 0)
    }
    ways = [f"with {what} {names[way]}" for way, what in _WAYS.items() if names[way]]
    beside = f"beside {'it' if len(to) == 1 else 'them'}, {mediator}"
    if not ways:
        return f"{drivers}; {beside} cannot be told to go with {names[0]}"
    rest = f"; for {names[0]} that cannot be told" if names[0] else ""
    return f"{drivers}; {beside} goes {' and '.join(ways)}{rest}"


def indirect_finding(mediation: pd.DataFrame, study: Any) -> str:
    """Say how many indirect effects can be told from zero, and which is largest.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"driver": ["image"], "mediator": "satisfaction", "outcome": "loyalty", "df": 9.0}
    >>> row |= {"effect": "indirect", "scale": "standardized", "estimate": 0.2}
    >>> table = pd.DataFrame(row | {"conf_low": 0.1, "conf_high": 0.3})
    >>> print(indirect_finding(table, load_study("bank_customers")))
    Of 1 indirect effect through satisfaction, 1 can be told from zero; largest: image on loyalty
    (0.20)
    """
    rows = effects(mediation)
    told = rows[rows["side"] != 0]
    through = (
        f"indirect effect{'s' * (len(rows) > 1)} through {named(rows['mediator'].iloc[0], study)}"
    )
    if told.empty:
        return f"No {through.replace('effects', 'effect')} can be told from zero"
    most = told.loc[tied(told["estimate"].abs())]
    largest = listing(f"{on(row, study)} ({number(row['estimate'])})" for _, row in most.iterrows())
    return f"Of {len(rows)} {through}, {len(told)} can be told from zero; largest: {largest}"


def vanishing(sensitivity: pd.DataFrame) -> pd.DataFrame:
    """One row per outcome: the error correlation at which its indirect effects vanish.

    Raises
    ------
    RunError
        When the table is empty.

    Examples
    --------
    >>> vanishing(pd.DataFrame({"outcome": ["a", "a"], "rho_zero": 0.3}))["rho_zero"].to_dict()
    {'a': 0.3}
    """
    if sensitivity.empty:
        raise RunError("results/sensitivity.csv holds no indirect effect to draw.")
    return sensitivity.drop_duplicates("outcome").set_index("outcome", drop=False)


def vanishing_finding(sensitivity: pd.DataFrame, study: Any) -> str:
    """Say which error correlation would take the indirect effects away, where least is needed.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"outcome": ["loyalty"], "mediator": "satisfaction", "rho_zero": 0.3})
    >>> print(vanishing_finding(table, load_study("bank_customers")))
    An error correlation of 0.30 between satisfaction and loyalty would take the indirect effects
    away
    """
    points = vanishing(sensitivity).dropna(subset="rho_zero")
    if points.empty:
        return "No error correlation that was tried takes an indirect effect away"
    ordered = points.loc[points["rho_zero"].abs().sort_values(kind="stable").index]
    mediator = named(ordered["mediator"].iloc[0], study)
    first, last = ordered.iloc[0], ordered.iloc[-1]
    said = (
        f"An error correlation of {number(first['rho_zero'])} between {mediator} and "
        f"{named(first['outcome'], study)} would take the indirect effects away"
    )
    if len(ordered) == 1:
        return said
    most = f"{number(last['rho_zero'])} for {named(last['outcome'], study)}"
    return f"{said}; it takes {most}" if len(ordered) == 2 else f"{said}; most is needed, {most}"
