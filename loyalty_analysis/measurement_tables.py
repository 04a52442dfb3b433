"""Tables of the measurement: reliability, items, structures, invariance, data quality, gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from loyalty_analysis.formatting import (
    capitalised,
    number,
    percent,
)
from loyalty_analysis.measurement_readings import gate_subject
from loyalty_analysis.typesetting import SIMULATED, Table, estimates, typeset

_CHECKS = {
    "straight_lining": "One answer to all items",
    "longest_run": "Same answer to over half in a row",
    "too_fast": "Too fast",
    "seconds": "Seconds (median)",
    "acquiescence": "Above less below midpoint",
    "extreme": "At an end of the scale",
    "midpoint": "At the midpoint",
}
_GATES = {
    "reliability": "Alpha or omega, at least",
    "htmt": "Upper end of the interval of HTMT, below",
    "invariance": "Metric invariance (loss of CFI shown)",
    "admissible": "Admissible factor solution",
}


def reliability_table(reliability: pd.DataFrame, study: Any) -> Table:
    """Print how reliably every construct is measured.

    Parameters
    ----------
    reliability : pandas.DataFrame
        As in results/reliability.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.reliability import reliability
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> "0.83 [0.80, 0.86]" in reliability_table(reliability(survey), survey.study).as_raw_html()
    True
    """
    cells = pd.DataFrame(
        {
            "row": [study.label(name) for name in reliability["construct"]],
            "items": [number(count, 0) for count in reliability["items"]],
            "alpha": estimates(reliability, ["alpha", "alpha_low", "alpha_high"], digits=2),
            **{
                name: [number(value) for value in reliability[name]]
                for name in ("omega", "composite_reliability", "ave")
            },
            "n": [number(n, 0) for n in reliability["n"]],
        }
    )
    heads = {
        "row": "Construct",
        "items": "Items",
        "alpha": "Alpha [95% interval]",
        "omega": "Omega",
        "composite_reliability": "Composite reliability",
        "ave": "AVE",
        "n": "n",
    }
    noted = reliability[reliability["note"].fillna("") != ""]
    about = [f"{study.label(row.construct)}: {row.note}." for row in noted.itertuples()]
    notes = [
        "Omega, composite reliability and AVE (average variance extracted): from the loadings of "
        "the factor model of all constructs. Each construct on the respondents who answered all of "
        f"its items. {_errors(reliability['method'])}",
        *about,
        SIMULATED if study.is_simulated else "",
    ]
    return typeset("reliability", cells, "Reliability", notes, heads=heads)


def _errors(methods: pd.Series) -> str:
    known = [capitalised(name) for name in dict.fromkeys(methods.fillna("")) if name]
    return f"Interval of alpha: {', '.join(known)}." if known else ""


def items_table(items: pd.DataFrame, study: Any) -> Table:
    """Print how every item was answered and how it goes with the others of its construct.

    Parameters
    ----------
    items : pandas.DataFrame
        As in results/items.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.reliability import item_statistics
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> "Cusl 1" in items_table(item_statistics(survey), survey.study).as_raw_html()
    True
    """
    cells = pd.DataFrame(
        {
            "row": [study.label(item) for item in items["item"]],
            "group": [study.label(name) for name in items["construct"]],
            "mean": [number(mean) for mean in items["mean"]],
            "sd": [number(sd) for sd in items["sd"]],
            "rest": estimates(items, ["item_rest", "item_rest_low", "item_rest_high"], digits=2),
            "dropped": [number(alpha) for alpha in items["alpha_if_dropped"]],
            "n": [number(n, 0) for n in items["n"]],
        }
    )
    heads = {
        "row": "Item",
        "mean": "Mean",
        "sd": "SD",
        "rest": "Correlation with the rest [95% interval]",
        "dropped": "Alpha without it",
        "n": "n",
    }
    notes = [
        "Scale points, reversed items turned round. The rest: the sum of the construct's other "
        "items. Constructs with one item are left out.",
        SIMULATED if study.is_simulated else "",
    ]
    return typeset("items", cells, "Items", notes, heads=heads)


def quality_table(quality: pd.DataFrame, study: Any) -> Table:
    """Print how carefully respondents answered, all together and group by group.

    Parameters
    ----------
    quality : pandas.DataFrame
        As in results/quality.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.quality import quality
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> "goods" in quality_table(quality(survey), survey.study).as_raw_html()
    True
    """
    scope = quality["scope"].where(quality["group"] != "", "")
    parts = quality.assign(scope=scope).groupby(["scope", "group"], sort=False)
    found = {key: part.groupby("check")["value"].max() for key, part in parts}
    checks = [check for check in _CHECKS if check in {*quality["check"]}]
    cells = pd.DataFrame(
        {
            "row": [group or "All" for _, group in found],
            "group": [study.label(scope) if scope else "Respondents" for scope, _ in found],
            **{check: [_found(part, check) for part in found.values()] for check in checks},
            "n": [number(n, 0) for n in parts["n"].max()],
        }
    )
    heads = {"row": "Group", **_CHECKS, "n": "n"}
    notes = [
        "Items as answered, before reversed ones are turned. First shares are of respondents, the "
        "last three of their answers, on average. Groups of fewer than ten are left out.",
        SIMULATED if study.is_simulated else "",
    ]
    return typeset("quality", cells, "How the questions were answered", notes, heads=heads)


def _found(values: pd.Series, check: str) -> str:
    value = values.get(check)
    return number(value, 0) if check == "seconds" else percent(value, 1)


def gates_table(gates: pd.DataFrame, study: Any) -> Table:
    """Print which gates are passed: failures one by one, the others counted.

    Parameters
    ----------
    gates : pandas.DataFrame
        As in results/gates.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"gate": "htmt", "about": "value and quality", "value": 0.95, "limit": 0.9}
    >>> table = pd.DataFrame([row | {"passes": False, "warns": False}])
    >>> "stops claims" in gates_table(table, load_study("bank_customers")).as_raw_html()
    True
    """
    rows = [
        line
        for gate, part in gates.groupby("gate", sort=False)
        for line in _gate_lines(str(gate), part, study)
    ]
    cells = pd.DataFrame(rows, columns=["group", "row", "value", "limit", "fate"])
    heads = {"row": "About", "value": "Found", "limit": "Limit", "fate": "So"}
    notes = [
        "A gate stops only claims that name the construct, or both constructs of a pair in one "
        "equation, or compare the groups. What cannot be assessed passes, except invariance.",
        SIMULATED if study.is_simulated else "",
    ]
    return typeset("gates", cells, "Gates", notes, heads=heads, words=["fate"])


def _gate_lines(gate: str, part: pd.DataFrame, study: Any) -> list[Sequence[str]]:
    """One line for each failure, and one that counts what passes."""
    digits = 3 if gate == "invariance" else 2
    passed = part["passes"].astype(bool)
    lines: list[Sequence[str]] = [
        (
            _GATES.get(gate, capitalised(gate)),
            capitalised(gate_subject(row, study)),
            number(row.value, digits),
            number(row.limit),
            "warns only" if row.warns else "stops claims",
        )
        for row in part[~passed].itertuples()
    ]
    if passed.any():
        found = part.loc[passed, "value"]
        closest = found.min() if gate == "reliability" else found.max()
        limit = part.loc[passed, "limit"].iloc[0]
        counted = "Passed" if passed.sum() == 1 else f"{passed.sum()} passed, the closest"
        numbers = number(closest, digits), number(limit)
        lines.append((_GATES.get(gate, capitalised(gate)), counted, *numbers, "passed"))
    return lines
