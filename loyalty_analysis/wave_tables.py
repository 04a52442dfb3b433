"""Tables of waves: slopes in each, changes between them, who answered, runs that were kept."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.formatting import capitalised, in_sentence, number, p_value, percent
from loyalty_analysis.group_captions import degrees
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset
from loyalty_analysis.wave_captions import told, wave_name

_ENDS = ["estimate", "conf_low", "conf_high"]
_AGAIN = ["reweighted", "reweighted_low", "reweighted_high"]


def waves_table(waves: pd.DataFrame, study: Any) -> Table:
    """Print the slope of every driver in every wave.

    Parameters
    ----------
    waves : pandas.DataFrame
        As in results/waves.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.waves import wave_slopes
    >>> survey = read_survey("rice_simulated", ["design.wave=sector"])
    >>> "Habitual commitment" in waves_table(wave_slopes(survey), survey.study).as_raw_html()
    True
    """
    names = [name for name in dict.fromkeys(waves["wave"]) if _known(waves, name)]
    known = waves[waves["wave"].isin(names)]
    table = known.assign(cell=_shown(known, _ENDS))
    wide = table.pivot(index=["model", "term"], columns="wave", values="cell")
    rows = known.drop_duplicates(["model", "term"])
    keys = list(zip(rows["model"], rows["term"], strict=True))
    cells = pd.DataFrame(
        {
            "row": [study.label(term) for term in rows["term"]],
            "group": [study.label(outcome) for outcome in rows["outcome"]],
            **{f"wave{k}": [wide.loc[key, name] for key in keys] for k, name in enumerate(names)},
        }
    )
    counts = known.groupby("wave")["n"].max()
    heads = {"row": "Driver"}
    sizes = [f"(n\u00a0=\u00a0{number(counts[name], 0)})" for name in names]
    heads |= {f"wave{k}": f"{capitalised(wave_name(name))} {sizes[k]}"
              for k, name in enumerate(names)}  # fmt: skip
    notes = [
        "Standardized slopes with 95% intervals, every slope free in each wave.",
        _left_out(waves),
        about_sample(known["n"], study),
    ]
    return typeset("waves", cells, "Slopes in every wave", notes, heads=heads)


def _known(waves: pd.DataFrame, name: str) -> bool:
    return bool(waves.loc[waves["wave"] == name, "estimate"].notna().any())


def _left_out(waves: pd.DataFrame) -> str:
    """Say why waves, or equations in them, are empty."""
    empty = waves[waves["note"].fillna("") != ""].drop_duplicates(["wave", "note"])
    said = [f"{capitalised(wave_name(row.wave))}: {row.note}." for row in empty.itertuples()]
    return " ".join(said)


def _shown(table: pd.DataFrame, columns: list[str]) -> list[str]:
    """Estimates with their intervals; nothing where there is none."""
    known = table[columns[0]].notna()
    printed = iter(estimates(table[known], columns, digits=2) if known.any() else [])
    return [next(printed) if there else "" for there in known]


def wave_changes_table(wave_changes: pd.DataFrame, study: Any, note: str = "") -> Table:
    """Print changes of slopes: those that can be told, else the ten with the smallest p.

    Parameters
    ----------
    wave_changes : pandas.DataFrame
        As in results/wave_changes.csv.
    study : Study
    note : str
        What to say of the weighting, see :func:`wave_composition.standard_weights`.

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.waves import wave_changes
    >>> survey = read_survey("rice_simulated", ["design.wave=sector"])
    >>> changes = wave_changes(survey)
    >>> "services − goods" in wave_changes_table(changes, survey.study).as_raw_html()
    True
    """
    far = told(wave_changes)
    chosen = wave_changes[far] if far.any() else wave_changes.nsmallest(10, "p_value")
    rows = chosen.sort_values(["model", "p_value"], kind="stable")
    least = rows[["df", "df_satterthwaite"]].astype(float).min(axis=1)
    cells = pd.DataFrame(
        {
            "row": [study.label(term) for term in rows["term"]],
            "group": [study.label(name) for name in rows["outcome"]],
            "versus": [str(versus).replace(" - ", " − ") for versus in rows["versus"]],
            "change": _shown(rows, _ENDS),
            "again": _shown(rows, _AGAIN),
            "df": [degrees(df) for df in least],
            "p": [p_value(p) for p in rows["p_value"]],
            "holm": [p_value(p) for p in rows["p_holm"]],
        }
    )
    if not rows["reweighted"].notna().any():
        cells = cells.drop(columns="again")
    if rows.empty:
        cells = pd.DataFrame([dict.fromkeys(cells, "") | {"row": "None", "group": "None"}])
    heads = {
        "row": "Driver", "versus": "Waves", "change": "Change of the slope [95% interval]",
        "again": "With one composition [95% interval]", "df": "Degrees of freedom", "p": "p",
        "holm": "p, Holm",
    }  # fmt: skip
    family = int(wave_changes["family"].max()) if len(wave_changes) else 0
    notes = [
        f"Differences of standardized slopes, Holm over all {number(family, 0)} tests (steps from "
        "wave to wave, first to last, straight line). "
        + ("Shown: those told from zero." if far.any() else "None is told from zero; shown: the "
           "ten smallest p values."),
        note,
        about_sample(rows["n"], study),
    ]  # fmt: skip
    return typeset(
        "wave changes", cells, "Changes between waves", notes, heads=heads, words=["versus"]
    )


def composition_table(composition: pd.DataFrame, study: Any) -> Table:
    """Print who answered in each wave, with the test that all waves are alike.

    Parameters
    ----------
    composition : pandas.DataFrame
        As in results/composition.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.wave_composition import composition
    >>> survey = read_survey("rice_simulated", ["design.wave=sector"])
    >>> "Age" in composition_table(composition(survey), survey.study).as_raw_html()
    True
    """
    names = list(dict.fromkeys(composition["wave"]))
    keys = ["column", "level"]
    rows = composition.drop_duplicates(keys)
    values = composition.set_index([*keys, "wave"])["value"]
    cells = pd.DataFrame(
        {
            "row": [row.level or "mean" for row in rows.itertuples()],
            "group": [study.label(name) for name in rows["column"]],
            **{f"wave{k}": [_value(values[row.column, row.level, name], row.kind)
                            for row in rows.itertuples()] for k, name in enumerate(names)},
            "largest": [number(size) for size in rows["largest"]],
            "holm": [p_value(p) for p in rows["p_holm"]],
        }
    )  # fmt: skip
    heads = {"row": "Who"} | {
        f"wave{k}": capitalised(wave_name(name)) for k, name in enumerate(names)
    }
    heads |= {"largest": "Largest difference, SDs", "holm": "p, Holm"}
    notes = [
        "Shares, and means of numbers. p: the same in all waves, Holm over all rows. A dash: fewer "
        "than ten respondents could be told from the share, or from it and the others; the largest "
        "difference then has ten in place of fewer.",
        about_sample(composition["n"], study),
    ]
    return typeset("composition", cells, "Who answered in each wave", notes, heads=heads)


def _value(value: float, kind: str) -> str:
    return percent(value) if kind == "share" else number(value)


def runs_table(runs: pd.DataFrame, study: Any) -> Table:
    """Print the runs that are compared: when, which waves, how many respondents.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"wave": ["1"], "run": "20261121T093000Z-abcd", "started": "2026-11-21T09:30:00"}
    >>> row |= {"data": "5e4a", "where": "", "waves": "1", "n": 200}
    >>> table = runs_table(pd.DataFrame(row), load_study("rice_simulated"))
    >>> "2026-11-21" in table.as_raw_html()
    True
    """
    cells = pd.DataFrame(
        {
            "row": [str(run) for run in runs["run"]],
            "when": [str(when)[:10] for when in runs["started"]],
            "waves": [str(waves) or "not known" for waves in runs["waves"]],
            "where": [str(where) for where in runs["where"]],
            "n": [number(n, 0) for n in runs["n"]],
        }
    )
    heads = {"row": "Run", "when": "Date", "waves": "Waves", "where": "Filter", "n": "n"}
    title = f"Runs of {in_sentence(study.title)} that were kept"
    words = ["when", "waves", "where"]
    return typeset("runs", cells, title, [], heads=heads, words=words)
