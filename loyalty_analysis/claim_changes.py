"""Which verdicts changed between two runs, and which only look as if they had.

A verdict that flipped is told apart from a claim that came, went or asks something else, and from
a flip that other random draws would undo.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from loyalty_analysis.differences import Rows, plain
from loyalty_analysis.monte_carlo import ends_unsettled
from loyalty_analysis.rules import holm

ABSENT = "absent"
KEYS = ["claim_set", "claim", "outcome"]
GATE = "a gate whose value lies within Monte Carlo error of its limit"
ENDS = "an end of an interval that lies within Monte Carlo error of a bound"
FAMILY = "Holm's family, which such a gate made larger or smaller"
# not its text: whoever mends a word still wants to hear of a verdict
_ASKED = ["part", "estimand", "term", "sign", "negligible"]
_ASKS = ("the claims", "the study file", "the settings")
_OVERLAP, _MULTIPLE = "not_distinct", "multiplicity"
Key = tuple[str, ...]


def claim_changes(
    flips: pd.DataFrame,
    before: pd.DataFrame,
    now: pd.DataFrame,
    unsettled: Collection[str],
    words: Sequence[str] = (),
) -> dict[str, Rows]:
    """Sort claims whose verdict is another one by what made it so.

    Parameters
    ----------
    flips : DataFrame
        Of :func:`comparison.changes`.
    before, now : DataFrame
        Of :func:`monte_carlo.claim_errors`: every row of a verdict, parts too.
    unsettled : collection of str
        Pairs of constructs whose gate flipped within Monte Carlo error, as the gate names them.
    words : sequence of str
        Of :func:`manifest.differing`.

    Returns
    -------
    dict of list
        ``changed``; ``within`` (Monte Carlo error, with ``why`` and the ``rows`` of the claim
        before); ``new`` and ``gone`` (where claims, study file or settings differ: a claim that
        vanished without that has changed); ``reworded`` (the claim asks something else).
    """
    found: dict[str, Rows] = {kind: [] for kind in ("changed", "within", "new", "gone", "reworded")}
    sides = _by_claim(before), _by_claim(now)
    rows = {tuple(row[key] for key in KEYS): row for row in plain(flips)}
    kinds = {key: _kind(row, key, sides, words) for key, row in rows.items()}
    judged = [key for key in rows if all(key in side for side in sides)]
    open_keys = [key for key in judged if kinds[key] == "changed"]
    why = {key: _why(sides[0][key], sides[1][key], unsettled) for key in open_keys}
    flickers = [key for key in open_keys if why[key] == GATE]
    for key in open_keys:
        if not why[key] and _by_family(key, sides, flickers):
            why[key] = FAMILY
    for key, row in rows.items():
        if why.get(key):
            kept = plain(sides[0][key].reset_index(drop=True))
            found["within"].append({"kind": "verdict", **row, "why": why[key], "rows": kept})
        else:
            found[kinds[key]].append(row)
    return found


Side = dict[Key, pd.DataFrame]


def _by_claim(table: pd.DataFrame) -> Side:
    filled = table.fillna({"part": "", **dict.fromkeys(KEYS, "")})
    return {key: part.set_index("part", drop=False) for key, part in filled.groupby(KEYS)}


def _kind(row: Mapping[str, Any], key: Key, sides: tuple[Side, Side], words: Sequence[str]) -> str:
    if ABSENT in (row["before"], row["now"]):
        asked = any(word in _ASKS for word in words)
        return ("new" if row["before"] == ABSENT else "gone") if asked else "changed"
    one, other = (side[key][_ASKED].reset_index(drop=True) for side in sides)
    return "changed" if one.equals(other) else "reworded"


def _why(before: pd.DataFrame, now: pd.DataFrame, unsettled: Collection[str]) -> str:
    """What within Monte Carlo error explains that a claim flipped; empty when something else does.

    A claim with parts flipped within Monte Carlo error if each of its flipped parts did.
    """
    if _by_gate(before.loc[""], now.loc[""], unsettled):
        return GATE
    parts = [part for part in now.index if part] or [""]
    flipped = [p for p in parts if before.loc[p, "verdict"] != now.loc[p, "verdict"]]
    reasons = {_of_part(before.loc[part], now.loc[part], unsettled) for part in flipped}
    return "" if not reasons or "" in reasons else max(reasons, key=[ENDS, GATE].index)


def _of_part(before: pd.Series, now: pd.Series, unsettled: Collection[str]) -> str:
    if _by_gate(before, now, unsettled):
        return GATE
    return ENDS if ends_unsettled(before, now) else ""


def _by_gate(before: pd.Series, now: pd.Series, unsettled: Collection[str]) -> bool:
    """Whether the reasons differ in pairs that cannot be told apart, all of them unsettled."""
    named = [_overlapping(row["reason"]) for row in (before, now)]
    differing = named[0] ^ named[1]
    return bool(differing) and differing <= set(unsettled)


def _overlapping(reason: str) -> set[str]:
    """Pairs of constructs that a reason code says cannot be told apart.

    Examples
    --------
    >>> sorted(_overlapping("low_reliability: a; not_distinct: a and b, b and c"))
    ['a and b', 'b and c']
    """
    codes = (one.partition(": ") for one in reason.split("; "))
    return {pair for code, _, pairs in codes if code == _OVERLAP for pair in pairs.split(", ")}


def _by_family(key: Key, sides: tuple[Side, Side], flickers: Sequence[Key]) -> bool:
    """Whether a claim flipped only because unsettled gates changed the size of Holm's family."""
    before, now = (side[key].loc[""] for side in sides)
    if (before["reason"] == _MULTIPLE) == (now["reason"] == _MULTIPLE) or not flickers:
        return False
    families = [_family(side, key[0]) for side in sides]
    steady = {one: p for one, p in families[1].items() if one not in flickers}
    as_before = steady | {one: families[0][one] for one in flickers if one in families[0]}
    adjusted = [_adjusted(now["p_value"], key, one) for one in (families[1], as_before)]
    return (adjusted[0] < 0.05) != (adjusted[1] < 0.05)


def _family(side: Side, claim_set: str) -> dict[Key, float]:
    """P values of the claims of a set that could be tested."""
    own = {key: table.loc["", "p_value"] for key, table in side.items() if key[0] == claim_set}
    return {key: p for key, p in own.items() if p == p}


def _adjusted(p: float, key: Key, family: Mapping[Key, float]) -> float:
    return holm([p, *(other for one, other in family.items() if one != key)])[0]


def told_claims(table: pd.DataFrame, pending: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Put back what was told of claims before they flipped within Monte Carlo error.

    Parameters
    ----------
    table : DataFrame
        Of the earlier run.
    pending : sequence of dict
        ``within_monte_carlo`` of its changes.json.
    """
    items = [item for item in pending if item["kind"] == "verdict"]
    told = {tuple(item[key] for key in KEYS) for item in items}
    keys = table[KEYS].fillna("").apply(tuple, axis=1) if len(table) else pd.Series(dtype=object)
    kept = table[~keys.isin(told)]
    rows = pd.DataFrame([row for item in items for row in item["rows"]], columns=table.columns)
    return pd.concat([kept, rows.astype(table.dtypes)], ignore_index=True) if items else table


def told_gates(table: pd.DataFrame, pending: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Put back what was told of gates before they flipped within Monte Carlo error.

    Examples
    --------
    >>> gates = pd.DataFrame({"gate": ["htmt"], "about": ["a and b"], "passes": [False],
    ...     "value": [0.901]})
    >>> left = {"kind": "gate", "gate": "htmt", "about": "a and b", "before": "passes",
    ...     "value_before": 0.89}
    >>> told_gates(gates, [left]).values.tolist()
    [['htmt', 'a and b', True, 0.89]]
    """
    found = table.copy()
    for item in (item for item in pending if item["kind"] == "gate"):
        same = (found["gate"] == item["gate"]) & (found["about"] == item["about"])
        found.loc[same, "passes"] = item["before"] == "passes"
        found.loc[same, "value"] = item["value_before"]
    return found
