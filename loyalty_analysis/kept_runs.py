"""Runs that were kept: slopes and verdicts of one study over time, read from disk alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.comparison import VERDICTS, read_verdicts
from loyalty_analysis.errors import RunError, did_you_mean
from loyalty_analysis.formatting import listing
from loyalty_analysis.inference import t_p_value
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.moments import Array
from loyalty_analysis.published import runs
from loyalty_analysis.wave_sample import ordered
from loyalty_analysis.waves import CHANGES, SLOPES, adjusted, contrasts_of

RUNS = ["wave", "run", "started", "data", "where", "waves", "n"]
_READ = {
    "beta": "estimate", "beta_std_error": "std_error", "beta_df": "df", "beta_low": "conf_low",
    "beta_high": "conf_high", "df": "df_satterthwaite",
}  # fmt: skip


class KeptRuns(NamedTuple):
    """What the runs of one study hold, oldest first.

    Attributes
    ----------
    runs : DataFrame
        wave (how a run is named: its wave or waves, else its date), run, started, data (hash),
        where, waves, n.
    slopes, changes : DataFrame
        As :func:`waves.wave_slopes` and :func:`waves.wave_changes` give them; slopes standardized
        by the SDs of each run. A change that cannot be tested has no numbers, and its note says
        why.
    verdicts : DataFrame
        wave and the columns of verdicts.csv.
    notes : tuple of str
        What was left out, and why.
    """

    runs: pd.DataFrame
    slopes: pd.DataFrame
    changes: pd.DataFrame
    verdicts: pd.DataFrame
    notes: tuple[str, ...]


class _Kept(NamedTuple):
    """One run, its facts and its waves; None where these are not known."""

    folder: Path
    facts: dict[str, Any]
    waves: tuple[str, ...] | None

    @property
    def data(self) -> str:
        return str((self.facts.get("data") or {}).get("sha256") or "")

    def asked(self, name: str) -> Any:
        return (self.facts.get("parameters") or {}).get(name) or ""


def kept_runs(home: str | Path) -> KeptRuns:
    """Read the complete runs in a study's folder of reports and compare them.

    Of several runs on the same data the newest counts; runs with other settings than the newest
    run are left out. Changes are differences over the root of the summed squared errors, with
    Welch's degrees of freedom: that asks for runs without a respondent in common. Two runs may
    share some when they read the same file, hold the same wave, or do not say which waves they
    hold; then there is no test. People who answered in several waves cannot be seen from here.

    Parameters
    ----------
    home : path
        ``OUT/<study>``, as ``loyalty report`` wrote it.

    Returns
    -------
    KeptRuns

    Raises
    ------
    RunError
        When the folder holds no complete run.

    Examples
    --------
    >>> kept_runs("no such folder")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.RunError: no such folder: no such folder. Name the folder that ...
    """
    found = [_opened(folder) for folder in reversed(runs(Path(home)))]
    if not found:
        raise RunError(f"{home}: {_nothing(Path(home))}")
    kept, notes = _comparable(found)
    names = _names(kept)
    if all(one.waves for one in kept):
        places = {name: at for at, name in enumerate(ordered(names))}
        kept, names = zip(
            *sorted(zip(kept, names, strict=True), key=lambda pair: places[pair[1]]), strict=True
        )
    slopes = pd.concat(map(_slopes, kept, names), ignore_index=True)
    verdicts = [read_verdicts(one.folder).assign(wave=name)
                for one, name in zip(kept, names, strict=True)
                if (one.folder / VERDICTS).is_file()]  # fmt: skip
    table = pd.DataFrame(map(_row, kept, names), columns=RUNS)
    judged = pd.concat(verdicts, ignore_index=True) if verdicts else pd.DataFrame()
    return KeptRuns(table, slopes, _changes(slopes, kept, names), judged, tuple(notes))


def _nothing(home: Path) -> str:
    wanted = "Name the folder that holds the runs of one study, such as reports/bank_customers."
    if not home.is_dir():
        return f"no such folder. {wanted}"
    below = [path.name for path in home.iterdir() if path.is_dir() and runs(path)]
    hint = did_you_mean(home.name, below) if below else ""
    return f"no complete run in this folder. {wanted} {hint}".strip()


def _opened(folder: Path) -> _Kept:
    file = folder / "results" / "wave_counts.csv"
    known = (
        pd.read_csv(file, dtype={"wave": str}, keep_default_na=False) if file.is_file() else None
    )
    facts = read_manifest(folder)
    waves = tuple(facts.get("waves") or ()) if known is None else tuple(known["wave"])
    return _Kept(folder, facts, waves or None)


def _comparable(found: Sequence[_Kept]) -> tuple[Sequence[_Kept], list[str]]:
    """Runs with the settings of the newest, one for each set of data; what was left out."""
    notes = []
    newest = found[-1]
    whole = [one for one in found if (one.folder / "results" / "regression.csv").is_file()]
    if gone := len(found) - len(whole):
        notes.append(f"{gone} without results/regression.csv left out.")
    same = [one for one in whole if one.asked("settings") == newest.asked("settings")]
    if other := len(whole) - len(same):
        notes.append(f"{other} with other settings than the newest run left out.")
    last = {(one.data, one.asked("where")): one for one in same}
    kept = [one for one in same if last[one.data, one.asked("where")] is one]
    if again := len(same) - len(kept):
        notes.append(f"{again} repeated on the same data by a later run left out.")
    if len({(one.facts.get("study_file") or {}).get("sha256") for one in kept}) > 1:
        notes.append("The study file changed between these runs: items or models may differ.")
    if not kept:
        raise RunError(f"{newest.folder.parent}: no run holds results/regression.csv. Run again.")
    return kept, notes


def _names(kept: Sequence[_Kept]) -> list[str]:
    """Name each run by its waves, else by its date; by its id as well where names repeat."""
    said = [_span(one.waves) if one.waves else str(one.facts.get("started", ""))[:10]
            for one in kept]  # fmt: skip
    return [name if said.count(name) == 1 else f"{name} ({one.folder.name[-4:]})"
            for name, one in zip(said, kept, strict=True)]  # fmt: skip


def _span(waves: Sequence[str]) -> str:
    """Name several waves by the first and the last; two of them by both."""
    between = " to " if len(waves) > 2 else " and "
    return between.join(dict.fromkeys((waves[0], waves[-1])))


def _row(one: _Kept, name: str) -> dict[str, object]:
    n = (one.facts.get("respondents") or {}).get("analysed")
    return {
        "wave": name, "run": one.folder.name, "started": one.facts.get("started"),
        "data": one.data[:12], "where": one.asked("where"),
        "waves": "" if one.waves is None else ", ".join(one.waves), "n": n,
    }  # fmt: skip


def _slopes(one: _Kept, name: str) -> pd.DataFrame:
    """Standardized slopes of constructs in the equations of mediator, outcomes and paths."""
    results = one.folder / "results"
    table = pd.read_csv(results / "regression.csv", keep_default_na=True)
    table = table[table["beta"].notna() & ~table["model"].str.endswith(".direct")]
    table = table[~table["model"].str.contains("/", regex=False)]
    if (results / "reliability.csv").is_file():
        known = pd.read_csv(results / "reliability.csv")["construct"]
        table = table[table["term"].isin(known)]
    table = table.drop(columns=[c for c in _READ.values() if c in table and c not in _READ])
    table = table.rename(columns=_READ).assign(wave=name, note="")
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = table["estimate"] / table["std_error"]
    p = t_p_value(statistic.to_numpy(dtype=float), table["df"].to_numpy(dtype=float))
    return table.assign(statistic=statistic, p_value=p).reindex(columns=SLOPES)


def may_share(one: Any, other: Any) -> str:
    """Say why two runs may hold the same respondents; empty where nothing says so.

    Parameters
    ----------
    one, other
        Runs with ``data`` (hash of the file) and ``waves`` (None where they are not known).

    Examples
    --------
    >>> from types import SimpleNamespace as Run
    >>> may_share(Run(data="a", waves=("1",)), Run(data="b", waves=("2",)))
    ''
    >>> may_share(Run(data="a", waves=("1",)), Run(data="b", waves=("1", "2")))
    'both hold wave 1'
    """
    if not (one.data and other.data):
        return "the data of one have no hash"
    if one.data == other.data:
        return "both read the same data"
    if one.waves is None or other.waves is None:
        return "which waves they hold is not known"
    shared = [name for name in one.waves if name in other.waves]
    return f"both hold wave {listing(shared)}" if shared else ""


def _changes(slopes: pd.DataFrame, kept: Sequence[_Kept], names: Sequence[str]) -> pd.DataFrame:
    tables = []
    for kind, versus, weights in contrasts_of(list(names), tuple(names)):
        taking = [one for one, w in zip(kept, weights, strict=True) if w]
        reasons = [may_share(a, b) for a, b in combinations(taking, 2)]
        why = next(filter(None, reasons), "")
        for (model, outcome, term), part in slopes.groupby(
            ["model", "outcome", "term"], sort=False
        ):
            row = {"kind": kind, "versus": versus, "model": model, "outcome": outcome}
            known = part.set_index("wave").reindex(list(names))
            used = known.loc[[name for name, w in zip(names, weights, strict=True) if w]]
            note = why or ("" if used["std_error"].notna().all() else "not estimated in every run")
            numbers = {} if note else _difference(known, weights)
            tables.append({**row, "term": term, "note": note, **numbers})
    if not tables:
        return pd.DataFrame(columns=CHANGES)
    return adjusted(pd.DataFrame(tables).reindex(columns=CHANGES))


def _difference(known: pd.DataFrame, weights: Array) -> dict[str, float]:
    """A combination of independent estimates, with Welch's degrees of freedom."""
    used = weights != 0
    table, w = known[used].astype({"estimate": float}), weights[used]
    value = float(w @ table["estimate"])
    parts = w**2 * table["std_error"].to_numpy(dtype=float) ** 2
    error, df = float(np.sqrt(parts.sum())), table["df"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = float(parts.sum() ** 2 / (parts**2 / df).sum())
        statistic = value / error
    half = float(stdtrit(free, 0.975)) * error
    return {
        "estimate": value, "std_error": error, "df": free, "statistic": statistic,
        "p_value": float(t_p_value(statistic, free)), "conf_low": value - half,
        "conf_high": value + half, "n": float(table["n"].sum()),
        "df_satterthwaite": float(table["df_satterthwaite"].min()),
    }  # fmt: skip
