"""What waves come to, in titles made from the numbers drawn."""

from __future__ import annotations

from math import inf
from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.formatting import capitalised, listing, number
from loyalty_analysis.rules import LEAST_DF

LEVEL = 0.05
"""What a p value adjusted by Holm must stay below to be read as a change."""
NOTABLE = 0.2
"""SDs between two waves from which a difference of who answered is named."""


def told(changes: pd.DataFrame) -> pd.Series:
    """Which changes can be told: Holm's p below 0.05, on four degrees of freedom or more.

    Examples
    --------
    >>> rows = {"p_holm": [0.01, 0.01, 0.2, None], "df": [90.0, 3.0, 90.0, 90.0]}
    >>> told(pd.DataFrame(rows)).tolist()
    [True, False, False, False]
    """
    degrees = changes.reindex(columns=["df", "df_satterthwaite"]).astype(float).min(axis=1)
    return (changes["p_holm"].astype(float) < LEVEL) & (degrees.fillna(inf) >= LEAST_DF)


def change_words(row: Any, study: Any) -> str:
    """Say which slope moved, which way, how far and between which waves.

    Examples
    --------
    >>> from types import SimpleNamespace as Row
    >>> from loyalty_analysis.study import load_study
    >>> row = Row(term="forced", outcome="search", kind="step", versus="2 - 1", estimate=-0.3)
    >>> change_words(row, load_study("rice_simulated"))
    'the slope of forced commitment on search for alternatives fell by 0.30 from wave 1 to wave 2'
    """
    moved = "rose" if row.estimate > 0 else "fell"
    later, earlier = ends_of(row.versus)
    ends = f"from {wave_name(earlier)} to {wave_name(later)}"
    when = "per wave" if row.kind == "trend" else ends
    about = f"the slope of {named(row.term, study)} on {named(row.outcome, study)}"
    return f"{about} {moved} by {number(abs(row.estimate))} {when}"


def ends_of(versus: str) -> tuple[str, str]:
    """Name the later and the earlier wave of a change; their names may hold dashes themselves.

    Examples
    --------
    >>> ends_of("2024 - spring - 2023 - autumn"), ends_of("2 - 1")
    (('2024 - spring', '2023 - autumn'), ('2', '1'))
    """
    parts = versus.split(" - ")
    half = (len(parts) + 1) // 2
    return " - ".join(parts[:half]), " - ".join(parts[half:])


def wave_name(name: str) -> str:
    """Write the name of a wave as it stands in a sentence.

    Examples
    --------
    >>> wave_name("2"), wave_name("2024"), wave_name("spring")
    ('wave 2', '2024', 'spring')
    """
    return f"wave {name}" if name.isdigit() and len(name) < 4 else name


def changes_finding(changes: pd.DataFrame | None, study: Any) -> str:
    """Title of slopes over waves: the largest change that can be told, or that none can.

    Parameters
    ----------
    changes : pandas.DataFrame or None
        As in results/wave_changes.csv; None where changes are not tested.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> changes_finding(None, load_study("rice_simulated"))
    'Slopes in every wave; changes are not tested'
    """
    if changes is None or not changes["p_holm"].notna().any():
        return "Slopes in every wave; changes are not tested"
    moved = changes[told(changes)]
    if moved.empty:
        return "No change of a slope between waves can be told"
    between = moved[moved["kind"] != "trend"]
    first = between if len(between) else moved
    most = first.loc[first["estimate"].abs().idxmax()]
    others = moved.drop_duplicates(["model", "term"]).shape[0] - 1
    more = {0: "", 1: "; one other slope changed"}.get(others, f"; {others} other slopes changed")
    return capitalised(change_words(most, study)) + more


def verdicts_finding(verdicts: pd.DataFrame) -> str:
    """Title of verdicts over waves: how many of the claims judged in several waves kept theirs.

    Examples
    --------
    >>> rows = {"claim_set": "own", "claim": "C1", "outcome": "y", "part": "", "wave": ["1", "2"]}
    >>> verdicts_finding(pd.DataFrame(rows | {"verdict": ["supported", "negligible"]}))
    'Verdicts differ between waves for the one claim judged in several waves'
    """
    kinds = verdict_kinds(verdicts)
    several = kinds[kinds["waves"] > 1]
    if several.empty:
        return "No claim was judged in several waves"
    differ, every = int((several["kinds"] > 1).sum()), len(several)
    if every == 1:
        word = "differ between waves" if differ else "are the same in all waves"
        return f"Verdicts {word} for the one claim judged in several waves"
    if not differ:
        return f"All {every} claims have the same verdict in all waves that judge them"
    return f"{differ} of {every} claims have different verdicts in different waves"


def verdict_kinds(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Count waves and different verdicts of every claim and outcome, parts left out.

    Examples
    --------
    >>> rows = {"claim_set": "own", "claim": "C1", "outcome": "y", "part": "", "wave": ["1", "2"]}
    >>> verdict_kinds(pd.DataFrame(rows | {"verdict": "supported"}))[["waves", "kinds"]].values
    array([[2, 1]])
    """
    whole = verdicts[verdicts["part"].fillna("") == ""]
    claims = whole.groupby(["claim_set", "claim", "outcome"], sort=False, dropna=False)
    found = claims.agg(waves=("wave", "nunique"), kinds=("verdict", "nunique"))
    return found.reset_index()


def composition_finding(composition: pd.DataFrame, study: Any) -> str:
    """Title of who answered: what differs between waves by a fifth of an SD and beyond chance.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"column": "age", "level": "", "largest": [0.5], "high": "2", "low": "1"}
    >>> table = pd.DataFrame(row | {"p_holm": 0.01})
    >>> composition_finding(table, load_study("rice_simulated"))
    'Who answered differs between waves: age by 0.50 SDs (highest in wave 2, lowest in wave 1)'
    """
    rows = composition.drop_duplicates(["column", "level"])
    away = rows[differing(rows)].sort_values("largest", ascending=False)
    if away.empty:
        return "Who answered hardly differs between waves, as far as can be told"
    said = [
        f"{named(row.column, study)}{f' {row.level}' if row.level else ''} by "
        f"{number(row.largest)} SDs (highest in {wave_name(row.high)}, lowest in "
        f"{wave_name(row.low)})"
        for row in away.itertuples()
    ]
    return f"Who answered differs between waves: {listing(said)}"


def differing(rows: pd.DataFrame) -> pd.Series:
    """Which columns and levels differ between waves: by a fifth of an SD, and beyond chance.

    Examples
    --------
    >>> differing(pd.DataFrame({"largest": [0.5, 0.1], "p_holm": [0.01, 0.01]})).tolist()
    [True, False]
    """
    return (rows["largest"].astype(float) >= NOTABLE) & (rows["p_holm"].astype(float) < LEVEL)
