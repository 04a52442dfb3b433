"""What differs between the results of two runs: signs of slopes, ranks of drivers, gates, n."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from math import isnan
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.monte_carlo import gate_errors, gate_unsettled
from loyalty_analysis.rules import LEAST_DF

Rows = list[dict[str, Any]]
_SIGNS = {1: "+", -1: "-"}
_PASSES = {True: "passes", False: "fails"}


def read_table(run: Path, name: str, texts: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """Read some columns of a results table; no rows where the run has no such table.

    Parameters
    ----------
    run : pathlib.Path
        A run folder.
    name : str
        Of the file in ``results``, without ``.csv``.
    texts, numbers : sequence of str
        Columns to read; nothing in a text column is taken for a missing value.

    Examples
    --------
    >>> read_table(Path("no such run"), "models", ["model"], ["n"]).columns.tolist()
    ['model', 'n']
    """
    path = run / "results" / f"{name}.csv"
    found = pd.DataFrame(columns=[*texts, *numbers])
    if path.is_file() and path.stat().st_size > 1:  # a frame without columns is one line end
        found = pd.read_csv(path, dtype=str, keep_default_na=False)
    words = {column: found.get(column, "") for column in texts}
    values = {column: pd.to_numeric(found.get(column), errors="coerce") for column in numbers}
    kinds = dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "float64")
    return pd.DataFrame({**words, **values}, index=found.index).astype(kinds)


def slopes(run: Path) -> pd.DataFrame:
    """Read the slopes of a run: model, outcome, term, estimate, conf_low, conf_high, df."""
    keys = ["model", "outcome", "term"]
    table = read_table(run, "regression", keys, ["estimate", "conf_low", "conf_high", "df"])
    return table[table["term"] != "(Intercept)"]


def signs(before: pd.DataFrame, now: pd.DataFrame) -> Rows:
    """Slopes whose interval lay on one side of zero before and lies on the other now.

    Parameters
    ----------
    before, now : DataFrame
        Of :func:`slopes`. An interval with fewer than four degrees of freedom has no sign.

    Returns
    -------
    list of dict
        model, outcome, term, before and now (``"+"`` or ``"-"``), estimate_before, estimate_now.

    Examples
    --------
    >>> one = pd.DataFrame({"model": ["y"], "outcome": ["y"], "term": ["x"], "estimate": [0.3],
    ...     "conf_low": [0.1], "conf_high": [0.5], "df": [90.0]})
    >>> other = one.assign(estimate=-0.3, conf_low=-0.5, conf_high=-0.1)
    >>> [(row["before"], row["now"]) for row in signs(one, other)]
    [('+', '-')]
    """
    keys = ["model", "outcome", "term"]
    sides = [table.assign(sign=_sign(table)) for table in (before, now)]
    both = sides[0].merge(sides[1], on=keys, suffixes=("_before", "_now"))
    turned = both[both["sign_before"] * both["sign_now"] == -1]
    both = turned.assign(
        before=turned["sign_before"].map(_SIGNS), now=turned["sign_now"].map(_SIGNS)
    )
    return plain(both[[*keys, "before", "now", "estimate_before", "estimate_now"]])


def _sign(table: pd.DataFrame) -> Any:
    known = ~(table["df"] < LEAST_DF)
    sides = [known & (table["conf_low"] > 0), known & (table["conf_high"] < 0)]
    return np.select(sides, [1, -1], 0)


def shares(run: Path) -> pd.DataFrame:
    """Read the drivers of a run, those of its further models too, with shares and ranks."""
    numbers = ["share", "share_low", "share_high", "rank", "rank_low", "rank_high"]
    texts = ["model", "outcome", "term"]
    names = ("drivers", "further_drivers")
    return pd.concat([read_table(run, name, texts, numbers) for name in names], ignore_index=True)


def ranks(before: pd.DataFrame, now: pd.DataFrame) -> Rows:
    """Pairs of drivers that changed places, and were told apart before and are told apart now.

    Two drivers are a tie where the intervals of their ranks overlap; where there are none (moments
    alone), where those of their shares do. A tie in either run is no change of ranks. Shares do
    not depend on random draws, so that other draws alone cannot change an order.

    Parameters
    ----------
    before, now : DataFrame
        Of :func:`shares`.

    Returns
    -------
    list of dict
        model, outcome, term (ahead now), over (ahead before), rank_before, rank_now (of the term),
        share_before, share_now, over_before, over_now (shares of the other).
    """
    keys = ["model", "outcome"]
    earlier = dict(iter(before.groupby(keys)))
    found: Rows = []
    for key, table in now.groupby(keys):
        if key in earlier:
            places = zip(keys, key, strict=True)
            swaps = _swaps(earlier[key].set_index("term"), table.set_index("term"))
            found += [dict(places) | row for row in swaps]
    return plain(pd.DataFrame(found))


def _swaps(before: pd.DataFrame, now: pd.DataFrame) -> Iterator[dict[str, Any]]:
    common = [term for term in now.index if term in before.index]
    for pair in combinations(common, 2):
        was, over = (
            sorted(pair, key=lambda t: table.loc[t, "share"])[::-1] for table in (before, now)
        )
        if was == over or _tied(before, pair) or _tied(now, pair):
            continue
        first, second = over
        yield {
            "term": first, "over": second,
            "rank_before": before.loc[first, "rank"], "rank_now": now.loc[first, "rank"],
            "share_before": before.loc[first, "share"], "share_now": now.loc[first, "share"],
            "over_before": before.loc[second, "share"], "over_now": now.loc[second, "share"],
        }  # fmt: skip


def _tied(table: pd.DataFrame, pair: Sequence[str]) -> bool:
    a, b = (table.loc[term] for term in pair)
    kind = "share" if isnan(a["rank_low"]) or isnan(b["rank_low"]) else "rank"
    apart = a[f"{kind}_low"] > b[f"{kind}_high"] or b[f"{kind}_low"] > a[f"{kind}_high"]
    return not apart


def read_gates(run: Path) -> pd.DataFrame:
    """Read the gates of a run: gate, about, value, limit, passes, and the Monte Carlo error."""
    gates = read_table(run, "gates", ["gate", "about", "passes"], ["value", "limit"])
    pairs = read_table(run, "discriminant", ["a", "b", "method"], ["htmt", "htmt_low", "htmt_high"])
    passes = gates["passes"].str.lower().isin(["true", "1"])
    return gate_errors(gates.assign(passes=passes), pairs)


def gates(before: pd.DataFrame, now: pd.DataFrame) -> tuple[Rows, Rows]:
    """Gates that pass in one run and fail in the other; those that Monte Carlo error explains.

    Parameters
    ----------
    before, now : DataFrame
        Of :func:`read_gates`. A gate that one of the runs did not ask is left out, but a
        measurement model without an offending construct passes.

    Returns
    -------
    changed, within : list of dict
        gate, about, before and now (``"passes"`` or ``"fails"``), value_before, value_now, limit.
    """
    keys = ["gate", "about"]
    both = before.merge(now, on=keys, how="outer", suffixes=("_before", "_now"), indicator=True)
    both = both[(both["_merge"] == "both") | (both["gate"] == "admissible")]
    sides = [both[f"passes_{when}"].fillna(True).astype(bool) for when in ("before", "now")]
    both = both.assign(before=sides[0].map(_PASSES), now=sides[1].map(_PASSES))
    turned = both[(sides[0] != sides[1])]
    unsettled = np.array([gate_unsettled(row) for _, row in turned.iterrows()], dtype=bool)
    columns = [*keys, "before", "now", "value_before", "value_now", "limit_now"]
    shown = turned[columns].rename(columns={"limit_now": "limit"})
    return plain(shown[~unsettled]), plain(shown[unsettled])


def counts(before: Path, now: Path) -> dict[str, Any]:
    """Respondents read and analysed in both runs, and the models whose n differs.

    Examples
    --------
    >>> nowhere = Path("no such run")
    >>> counts(nowhere, nowhere)["models"], counts(nowhere, nowhere)["read"]
    ([], {'before': None, 'now': None})
    """
    said = [read_manifest(run).get("respondents") or {} for run in (before, now)]
    found: dict[str, Any] = {
        kind: {"before": said[0].get(kind), "now": said[1].get(kind)}
        for kind in ("read", "analysed")
    }
    tables = [read_table(run, "models", ["model"], ["n"]) for run in (before, now)]
    both = tables[0].merge(tables[1], on="model", suffixes=("_before", "_now"))
    moved = both[both["n_before"] != both["n_now"]]
    moved = moved.rename(columns={"n_before": "before", "n_now": "now"})
    return found | {"models": plain(moved)}


def plain(table: pd.DataFrame) -> Rows:
    """Write rows as JSON can hold them: what is not a number is None.

    Examples
    --------
    >>> plain(pd.DataFrame({"a": ["x"], "b": [float("nan")], "n": [3.0]}))
    [{'a': 'x', 'b': None, 'n': 3}]
    """
    return [{str(name): _plain(value) for name, value in row.items()} for row in _records(table)]


def _records(table: pd.DataFrame) -> Iterable[Mapping[Any, Any]]:
    return table.to_dict("records")


def _plain(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if not isinstance(value, Real):
        return value
    value = float(value)
    if not np.isfinite(value):
        return None
    return int(value) if value.is_integer() else value
