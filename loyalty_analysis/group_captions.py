"""What groups come to, in words: what may be compared, and titles made from the numbers drawn."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.errors import RunError, did_you_mean
from loyalty_analysis.formatting import capitalised, in_sentence, listing, number

LEVEL = 0.05
"""What an unadjusted p value must stay below to be read as a difference."""


def waiting(gates: pd.DataFrame | None, column: str, study: Any) -> str:
    """Say why slopes of a group column are not compared; empty where they may be.

    Parameters
    ----------
    gates : pandas.DataFrame or None
        As in results/gates.csv; None where measurement was not looked at.
    column : str
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"gate": ["invariance"], "about": "sector", "passes": False, "warns": False}
    >>> table = pd.DataFrame(row | {"note": "sector: metric invariance does not hold."})
    >>> waiting(table, "sector", load_study("rice_simulated"))
    'Sector: the comparison waits for metric invariance, which does not hold.'
    """
    known = pd.DataFrame({"gate": [], "about": []}) if gates is None else gates
    rows = known[(known["gate"] == "invariance") & (known["about"] == column)]
    if len(rows) and bool(rows["passes"].iloc[0] or rows["warns"].iloc[0]):
        return ""
    why = "was not assessed"
    if len(rows):
        why = str(rows["note"].iloc[0]).partition("metric invariance ")[2].rstrip(".") or why
    return f"{study.label(column)}: the comparison waits for metric invariance, which {why}."


def degrees(df: float) -> str:
    """Print degrees of freedom: with a decimal where it matters.

    Examples
    --------
    >>> degrees(5.08), degrees(7644.0)
    ('5.1', '7,644')
    """
    return number(df, 1 if df < 100 else 0)


def shown_slopes(slopes: pd.DataFrame, study: Any, model: str = "") -> pd.DataFrame:
    """Pick the slopes of one equation: the one named, else that of the first outcome.

    Raises
    ------
    RunError
        When there are none.
    """
    known = list(dict.fromkeys(slopes["model"]))
    totals = [name for name in known if name.endswith(".total")]
    wanted = model or next(iter([*totals, *known]), "")
    if wanted not in known:
        raise RunError(
            f"results/simple_slopes.csv, column model: no '{wanted}'. {did_you_mean(wanted, known)}"
        )
    return slopes[slopes["model"] == wanted].reset_index(drop=True)


def spread_finding(slopes: pd.DataFrame, gates: pd.DataFrame | None, study: Any) -> str:
    """Say for each group column how far slopes of one equation lie apart, where that may be said.

    Parameters
    ----------
    slopes : pandas.DataFrame
        One equation of results/simple_slopes.csv.
    gates : pandas.DataFrame or None
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = {"group": "country", "level": ["DE", "US", "JP"], "term": "forced", "tau": 0.12}
    >>> table = pd.DataFrame(table | {"outcome": "repurchase", "estimate": [0.1, 0.2, 0.3]})
    >>> gate = {"gate": ["invariance"], "about": "country", "passes": True, "warns": False}
    >>> spread_finding(table, pd.DataFrame(gate), load_study("rice_simulated"))
    'Slopes on repurchase intention spread most over country for forced commitment (SD 0.12)'
    """
    outcome = named(slopes["outcome"].iloc[0], study)
    compared, open_ones = [], []
    for column, part in slopes.groupby("group", sort=False):
        where = in_sentence(study.label(str(column)))
        if waiting(gates, str(column), study):
            open_ones.append(where)
        elif part["tau"].notna().any():
            most = part.loc[part["tau"].idxmax()]
            far = f"most over {where} for {named(most['term'], study)} (SD {number(most['tau'])})"
            chance = f"over {where} no more than sampling alone makes them"
            compared.append(f"spread {far if most['tau'] >= 0.005 else chance}")
        elif len(gap := widest(part)):
            compared.append(
                f"lie furthest apart over {where} for {named(gap['term'], study)} "
                f"({gap['high']} {number(gap['top'])}, {gap['low']} {number(gap['bottom'])})"
            )
    said = [f"Slopes on {outcome} {listing(compared)}"] if compared else []
    if open_ones:
        them = "the comparison" if said else f"Slopes on {outcome}: the comparison"
        said.append(f"{them} by {listing(open_ones)} waits for metric invariance")
    return "; ".join(said) or f"Slopes on {outcome} in one group only"


def lines_finding(
    lines: pd.DataFrame, gates: pd.DataFrame | None, study: Any, slopes: pd.DataFrame | None = None
) -> str:
    """Say for the main driver by how much its lines differ between levels, where that may be said.

    Parameters
    ----------
    lines : pandas.DataFrame
        Of :func:`marginal.marginal`, the main driver first.
    gates : pandas.DataFrame or None
    study : Study
    slopes : pandas.DataFrame, optional
        As in results/simple_slopes.csv, for the intervals: levels whose own overlap are not told
        apart.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = {"group": "sector", "level": ["goods", "services"], "term": "affective"}
    >>> table = pd.DataFrame(table | {"outcome": "repurchase", "slope": [0.5, 0.27]})
    >>> gate = {"gate": ["invariance"], "about": "sector", "passes": True, "warns": False}
    >>> print(lines_finding(table, pd.DataFrame(gate), load_study("rice_simulated")))
    One SD more affective commitment goes with a change of repurchase intention by 0.50 points
    (goods) to 0.27 (services)
    """
    outcome, term = (named(lines[name].iloc[0], study) for name in ("outcome", "term"))
    part = lines[lines["term"] == lines["term"].iloc[0]]
    said: list[str] = []
    open_ones = []
    for column, levels in part.groupby("group", sort=False):
        slope = levels.groupby("level", sort=False)["slope"].first()
        if waiting(gates, str(column), study):
            open_ones.append(in_sentence(study.label(str(column))))
        elif len(slope) > 1:
            high, low = slope.idxmax(), slope.idxmin()
            unit = "" if said else " points"
            apart = _overlap(slopes, str(column), lines["term"].iloc[0], high, low)
            ends = f"{number(slope[high])}{unit} ({high}) to {number(slope[low])} ({low})"
            said.append(f"{ends}{apart}")
    waits = f"the comparison by {listing(open_ones)} waits for metric invariance"
    if not said:
        rest = f"; {waits}" if open_ones else ""
        return f"Predicted {outcome} along {term}{rest}"
    start = f"One SD more {term} goes with a change of {outcome} by {', or '.join(said)}"
    return f"{start}; {waits}" if open_ones else start


def _overlap(slopes: pd.DataFrame | None, column: str, term: str, high: str, low: str) -> str:
    """Say that two levels are not told apart where their intervals overlap."""
    if slopes is None:
        return ""
    part = slopes[(slopes["group"] == column) & (slopes["term"] == term)].set_index("level")
    return "" if part["conf_low"][high] > part["conf_high"][low] else ", not told apart"


def widest(part: pd.DataFrame) -> pd.Series:
    """The term whose slopes lie furthest apart, with its extremes; empty with one level.

    Examples
    --------
    >>> table = pd.DataFrame({"level": ["a", "b"], "term": "x", "estimate": [0.1, 0.4]})
    >>> widest(table)[["term", "high", "low"]].tolist()
    ['x', 'b', 'a']
    """
    if part["level"].nunique() < 2:
        return pd.Series(dtype=object)
    table = part.pivot(index="term", columns="level", values="estimate").astype(float)
    ends = pd.DataFrame({"high": table.idxmax(axis=1), "low": table.idxmin(axis=1)})
    ends = ends.assign(top=table.max(axis=1), bottom=table.min(axis=1)).reset_index()
    return ends.loc[(ends["top"] - ends["bottom"]).idxmax()]


def means_finding(means: pd.DataFrame, study: Any, construct: str) -> str:
    """Say in which level of each group column the mean of a construct is highest, and lowest.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"group": "sector", "level": ["goods", "services"], "mean": [5, 4.5]})
    >>> table = table.assign(construct="repurchase")
    >>> means_finding(table, load_study("rice_simulated"), "repurchase")
    'Repurchase intention: sector goods 5.00, services 4.50'
    """
    said = []
    for column, part in means[means["construct"] == construct].groupby("group", sort=False):
        high, low = part.loc[part["mean"].idxmax()], part.loc[part["mean"].idxmin()]
        ends = [f"{one['level']} {number(one['mean'])}" for one in (high, low)]
        between = " to " if len(part) > 2 else ", "
        apart = high.get("conf_low", 1.0) > low.get("conf_high", 0.0)
        ends[-1] += "" if apart else " (not told apart)"
        said.append(f"{in_sentence(study.label(str(column)))} {between.join(dict.fromkeys(ends))}")
    return f"{capitalised(named(construct, study))}: {'; '.join(said)}"


def told(table: pd.DataFrame) -> pd.Series:
    """Which slopes can be told from zero, by the pooled interval where there is one."""
    pooled = table[["pooled_low", "pooled_high"]].notna().all(axis=1)
    low = table["pooled_low"].where(pooled, table["conf_low"])
    high = table["pooled_high"].where(pooled, table["conf_high"])
    return sides(table.assign(conf_low=low, conf_high=high))
