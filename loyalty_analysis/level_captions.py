"""What levels of satisfaction come to, in words: titles made from the numbers drawn."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.formatting import listing, number

MANY_AT_TOP = 0.15
"""Share of respondents at the ceiling from which on gains look smaller than they are."""
SHAPES = {"linear": "a straight line", "quadratic": "a quadratic", "spline": "a spline"}


def told_steps(steps: pd.DataFrame) -> pd.DataFrame:
    """Steps that are known, with the side of zero that each can be told to lie on.

    Examples
    --------
    >>> table = pd.DataFrame({"step": [None, 0.4], "conf_low": [None, 0.3], "conf_high": 0.5})
    >>> told_steps(table.astype(float))["side"].to_list()
    [1]
    """
    known = steps[steps["step"].notna()]
    return known.assign(side=sides(known))


def ladder_finding(steps: pd.DataFrame, study: Any) -> str:
    """Say how many steps to a higher level go with more loyalty, and with less leaving.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": "repurchase", "kind": "intention", "level": ["low", "mid", "high"]}
    >>> row |= {"step": [None, 0.4, 0.1], "conf_low": [None, 0.3, -0.1]}
    >>> table = pd.DataFrame(row | {"conf_high": [None, 0.5, 0.3]})
    >>> print(ladder_finding(table, load_study("rice_simulated")))
    1 of 2 steps up goes with more loyalty; largest: to mid on repurchase intention (0.40)
    """
    table = told_steps(steps)
    if table.empty:
        return "No two neighbouring levels could be compared"
    leaving = table["kind"] == "leaving"
    said = [
        _count(table[chosen], way, what)
        for chosen, way, what in ((~leaving, 1, "more loyalty"), (leaving, -1, "less leaving"))
        if chosen.any()
    ]
    if len(said) > 1:
        said = [f"{said[0]}, {said[1]}"]
    told = table[table["side"] != 0]
    if len(told):
        most = told.loc[told["step"].abs().idxmax()]
        where = f"to {most['level']} on {named(most['outcome'], study)}"
        said.append(f"largest: {where} ({number(most['step'])})")
    return "; ".join(said)


def _count(table: pd.DataFrame, way: int, what: str) -> str:
    going, against = (int((table["side"] == side).sum()) for side in (way, -way))
    verb = "goes" if going == 1 else "go"
    other = "less" if way > 0 else "more"
    said = f"{going or 'none'} of {len(table)} steps up {verb} with {what}"
    return f"{said} and {against} with {other}" if against else said


def returns(curves: pd.DataFrame) -> pd.DataFrame:
    """One row per outcome: the shape that predicts best, and what returns to satisfaction do.

    Returns
    -------
    DataFrame
        The quadratic's row of each outcome, indexed by outcome, with ``shape`` the best one and
        ``way``: ``steady``, ``diminish``, ``grow``, or ``vary`` (a bend that is no quadratic's).

    Examples
    --------
    >>> row = {"outcome": "y", "shape": ["linear", "quadratic"], "best": [False, True]}
    >>> row |= {"slope": 0.5, "bend": -0.2, "bend_low": -0.3, "bend_high": -0.1}
    >>> returns(pd.DataFrame(row))["way"].to_dict()
    {'y': 'diminish'}
    """
    best = curves[curves["best"].astype(bool)].set_index("outcome")["shape"]
    # Where a quadratic could not be had there is no bend, and the row of the line stands.
    order = curves.sort_values("shape", key=lambda shape: shape != "quadratic", kind="stable")
    rows = order.drop_duplicates("outcome").set_index("outcome", drop=False).loc[best.index]
    return rows.assign(shape=best, way=[_way(row, best[row.outcome]) for row in rows.itertuples()])


def _way(row: Any, best: str) -> str:
    if best == "linear":
        return "steady"
    side = int(row.bend_low > 0) - int(row.bend_high < 0)
    return {0: "vary", 1: "grow", -1: "diminish"}[side if row.slope > 0 else -side]


def latent_way(row: Any) -> str:
    """What returns do behind the answers, where there is no ceiling; empty if that is not known.

    Examples
    --------
    >>> latent_way(pd.Series({"slope": 0.5, "latent_low": -0.1, "latent_high": 0.2}))
    'steady'
    """
    if pd.isna(row.latent_low):
        return ""
    side = int(row.latent_low > 0) - int(row.latent_high < 0)
    return {0: "steady", 1: "grow", -1: "diminish"}[side if row.slope > 0 else -side]


_SAID = {
    "diminish": "diminish for {}",
    "grow": "grow for {}",
    "vary": "follow no single bend for {}",
}


def curves_finding(curves: pd.DataFrame, study: Any) -> str:
    """Say for which outcomes returns to satisfaction diminish, grow or keep to a straight line.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": "repurchase", "score": "satisfaction", "shape": ["linear", "quadratic"]}
    >>> row |= {"best": [False, True], "slope": 0.5, "bend": -0.2, "bend_low": -0.3}
    >>> table = pd.DataFrame(row | {"bend_high": -0.1})
    >>> curves_finding(table, load_study("rice_simulated"))
    'Returns to satisfaction diminish for repurchase intention'
    """
    table = returns(curves)
    score = named(curves["score"].iloc[0], study)
    names = {way: [named(one, study) for one in part.index] for way, part in table.groupby("way")}
    every = {way: "every outcome" if len(part) == len(table) > 1 else listing(part)
             for way, part in names.items()}  # fmt: skip
    said = "; ".join(words.format(every[way]) for way, words in _SAID.items() if way in every)
    if "steady" not in every:
        return f"Returns to {score} {said}"
    if not said:
        where = every["steady"].replace("every outcome", "any outcome")
        return f"No bend can be told in the returns to {score} for {where}"
    return f"Returns to {score} {said}; no bend can be told for {every['steady']}"
