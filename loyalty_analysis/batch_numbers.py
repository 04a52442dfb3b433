"""What the reports of a batch found, read from their folders: slopes, verdicts, versions.

Only reports of this batch count: finished in it, or found unchanged. An earlier report that stands
after a failure is linked to, and its numbers are used nowhere.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.pooling import LEAST_LEVELS, partially_pooled, spread

CURRENT = ("ok", "unchanged")
"""States of groups whose report belongs to this batch."""
_SLOPES = {
    "beta": "estimate", "beta_std_error": "std_error", "beta_df": "df", "beta_low": "conf_low",
    "beta_high": "conf_high", "n": "n",
}  # fmt: skip
COLUMNS = ["folder", "outcome", "term", *_SLOPES.values()]
VERDICTS = ["claim_set", "claim", "part", "text", "outcome", "sign", "verdict"]
_POOLED = ["average", "tau", "pooled", "pooled_low", "pooled_high"]


class Numbers(NamedTuple):
    """What the reports of a batch found.

    Attributes
    ----------
    slopes : DataFrame
        folder, outcome, term, estimate, std_error, df, conf_low, conf_high, n: standardized slopes
        of the drivers on the mediator, else on the first outcome.
    verdicts : DataFrame
        folder, claim_set, claim, part, text, outcome, sign, verdict, as in verdicts.csv.
    manifests : dict of str to dict
        By folder of the group.
    unread : dict of str to str
        Groups whose numbers cannot be read, and the file that is at fault.
    """

    slopes: pd.DataFrame
    verdicts: pd.DataFrame
    manifests: dict[str, dict[str, Any]]
    unread: dict[str, str]


def read_numbers(folder: Path, record: Mapping[str, Any]) -> Numbers:
    """Read what the reports of a batch found.

    Parameters
    ----------
    folder : pathlib.Path
        That of the batch, with a folder for each group.
    record : mapping
        As in batch.json; ``drivers``, a list of names, is used where it is given.

    Returns
    -------
    Numbers

    Examples
    --------
    >>> read_numbers(Path("no such folder"), {"groups": []}).unread
    {}
    """
    slopes: list[list[Any]] = []
    verdicts: list[list[str]] = []
    manifests, unread = {}, {}
    for group in record["groups"]:
        if group["state"] not in CURRENT:
            continue
        key, run = group["folder"], folder / group["folder"] / str(group["run"])
        try:
            rows = _main_slopes(run, record.get("drivers") or ())
            judged = [[row[name] for name in VERDICTS] for row in _rows(run / "verdicts.csv")]
        except (OSError, ValueError, KeyError) as error:
            unread[key] = Path(getattr(error, "filename", None) or run).name
            continue
        slopes += [[key, *row] for row in rows]
        verdicts += [[key, *row] for row in judged]
        manifests[key] = read_manifest(run)
    return Numbers(
        pd.DataFrame(slopes, columns=COLUMNS),
        pd.DataFrame(verdicts, columns=["folder", *VERDICTS]),
        manifests,
        unread,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    """Read a table as text: pandas would take thirty times as long over hundreds of small files."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _main_slopes(run: Path, drivers: Sequence[str]) -> list[list[Any]]:
    """Slopes of the drivers on the mediator; on the first outcome where there is none."""
    kinds = [(row["kind"], row["model"]) for row in _rows(run / "results" / "models.csv")]
    wanted = [model for kind in ("mediator", "total") for known, model in kinds if known == kind]
    main = next(iter([*wanted, *(model for _, model in kinds)]), "")
    terms = set(drivers) or _constructs(run)
    return [
        [row["outcome"], row["term"], *(float(row[name] or "nan") for name in _SLOPES)]
        for row in _rows(run / "results" / "regression.csv")
        if row["model"] == main and row["term"] in terms
    ]


def _constructs(run: Path) -> set[str]:
    """Constructs of a run: what tells drivers from controls where the record does not."""
    return {row["construct"] for row in _rows(run / "results" / "reliability.csv")}


def pooled_slopes(slopes: pd.DataFrame) -> pd.DataFrame:
    """Add what every slope becomes when the groups borrow from each other.

    Parameters
    ----------
    slopes : DataFrame
        As in :class:`Numbers`.

    Returns
    -------
    DataFrame
        With average, tau (the SD of the slopes over groups), pooled, pooled_low and pooled_high;
        these are missing for a term that fewer than three groups have with an error, and for a
        group without one.

    Examples
    --------
    >>> row = {"folder": ["a", "b", "c"], "term": "forced", "estimate": [0.1, 0.3, 0.8]}
    >>> table = pd.DataFrame(row | {"std_error": [0.1, 0.1, 0.2], "df": 50.0})
    >>> pooled_slopes(table)[["average", "pooled"]].round(2).to_numpy().tolist()
    [[0.38, 0.12], [0.38, 0.3], [0.38, 0.72]]
    """
    empty = slopes.assign(**dict.fromkeys(_POOLED, np.nan))
    parts = [_pool(part) for _, part in empty.groupby("term", sort=False)]
    return pd.concat(parts).sort_index() if parts else empty


def _pool(table: pd.DataFrame) -> pd.DataFrame:
    known = (table["std_error"] > 0) & (table["df"] > 0)
    if known.sum() < LEAST_LEVELS:
        return table
    part = table[known]
    slope, variance = part["estimate"].to_numpy(float), part["std_error"].to_numpy(float) ** 2
    found = partially_pooled(slope, variance)
    half = stdtrit(part["df"].to_numpy(float), 0.975) * found.std_error
    ends = {"pooled_low": found.values - half, "pooled_high": found.values + half}
    filled = table.assign(average=found.average, tau=spread(slope, variance))
    filled.loc[known, ["pooled", *ends]] = np.column_stack([found.values, *ends.values()])
    return filled


def averages(pooled: pd.DataFrame) -> pd.DataFrame:
    """Sum up each driver over the groups.

    Parameters
    ----------
    pooled : DataFrame
        As :func:`pooled_slopes` gives it.

    Returns
    -------
    DataFrame
        term, groups, average, tau, low and high (smallest and largest pooled slope), and how many
        raw intervals lie above zero, below it and on both sides.

    Examples
    --------
    >>> row = {"folder": ["a", "b", "c"], "term": "forced", "estimate": [0.1, 0.3, 0.8]}
    >>> table = pd.DataFrame(row | {"std_error": [0.1, 0.1, 0.2], "df": 50.0})
    >>> table = table.assign(conf_low=[-0.1, 0.1, 0.4], conf_high=[0.3, 0.5, 1.2])
    >>> averages(pooled_slopes(table))[["above", "below", "both"]].to_numpy().tolist()
    [[2, 0, 1]]
    """
    from loyalty_analysis.effect_captions import sides  # draws on matplotlib: only for pages

    rows = []
    for term, part in pooled.groupby("term", sort=False):
        side = sides(part[["conf_low", "conf_high", "df"]])
        counts = {name: int((side == sign).sum()) for name, sign in _SIDES.items()}
        ends = {"low": part["pooled"].min(), "high": part["pooled"].max()}
        middle = {name: part[name].iloc[0] for name in ("average", "tau")}
        rows.append({"term": term, "groups": len(part), **middle, **ends, **counts})
    return pd.DataFrame(rows, columns=["term", "groups", "average", "tau", "low", "high", *_SIDES])


_SIDES = {"above": 1, "below": -1, "both": 0}
