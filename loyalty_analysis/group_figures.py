"""Figures of groups: slopes and means in every level."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import number, sample
from loyalty_analysis.group_captions import (
    means_finding,
    shown_slopes,
    spread_finding,
    told,
)
from loyalty_analysis.marks import beyond, draw_mark, draw_twin, limits_with_twins
from loyalty_analysis.panels import Panels, Word, limits_of, panel_columns
from loyalty_analysis.plotting import INK, QUIET, Figure, Page, fit, house_style

_RAW = ["estimate", "conf_low", "conf_high"]
_POOLED = ["pooled", "pooled_low", "pooled_high"]
_ROOM = 8.0  # inches that all lines of panels may take


def group_slopes(
    simple_slopes: pd.DataFrame, study: Any, gates: pd.DataFrame | None = None, model: str = ""
) -> Figure:
    """Draw every driver's slope in each level, raw and partially pooled.

    One panel per driver, levels as rows. Filled: partially pooled, with its 95% interval; hollow:
    the level alone; a vertical line: the average over levels. With fewer than three levels nothing
    is pooled, and the level alone is filled.

    Parameters
    ----------
    simple_slopes : pandas.DataFrame
        As in results/simple_slopes.csv.
    study : Study
        For the labels.
    gates : pandas.DataFrame, optional
        As in results/gates.csv: whether levels may be compared.
    model : str
        An equation; by default that of the first outcome without the mediator.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds no slopes, or not this equation's.
    """
    table = shown_slopes(simple_slopes, study, model)
    title = spread_finding(table, gates, study)
    terms = list(dict.fromkeys(table["term"]))
    rows = _rows(table, len(terms), study)
    found = table.assign(side=told(table)).set_index(["term", "group", "level"])
    filled = table[_POOLED].where(table[_POOLED].notna(), table[_RAW].to_numpy())
    limits = limits_with_twins(filled, table[_RAW])
    outside = any(any(beyond(ends, limits)) for ends in table[_RAW[1:]].to_numpy())
    note = "Filled: partially pooled. Hollow: the level alone. Tall line: average of the levels. "
    note = f"{note if table['pooled'].notna().any() else ''}Lines: 95% intervals"
    note += f"{'; an arrow: beyond the axis' if outside else ''}. Grey: includes zero, or under "
    note += "four degrees of freedom. "
    with house_style():
        words = [[_slope_word(found, term, key) for key in rows.keys] for term in terms]
        grid = Panels([study.label(term) for term in terms], rows.labels, words)
        foot = f"{note}{rows.note}{sample(table['n'])}"
        page = Page(title, grid.height, foot, simulated=study.is_simulated)
        outcome = named(table["outcome"].iloc[0], study)
        axis = f"standardized slope (SDs of {outcome} per SD of the driver)"
        for axes, term in zip(grid.draw(page, limits, axis), terms, strict=True):
            _draw_rows(axes, grid, rows, found.loc[term], limits)
    alt = f"{title}; every slope with its interval is in results/simple_slopes.csv."
    return Figure("group_slopes", title, alt, page.figure)


class _Rows(NamedTuple):
    """Rows of a panel: the name of each group column, and its levels below."""

    labels: list[str]
    keys: list[tuple[str, str] | None]
    note: str


def _rows(table: pd.DataFrame, panels: int, study: Any) -> _Rows:
    """Levels as rows; where there is not room for all, those with most respondents."""
    levels = table.drop_duplicates(["group", "level"])[["group", "level", "n"]]
    counts = levels.groupby("group", sort=False).size().to_numpy()
    lines = -(-panels // panel_columns(panels))
    # What a line of panels takes beside its rows, and what a row takes.
    room = int((_ROOM / lines - 0.75) / 0.21) - len(counts)
    most = max(k for k in range(2, room + 2) if k == 2 or np.minimum(counts, k).sum() <= room)
    labels: list[str] = []
    keys: list[tuple[str, str] | None] = []
    for group, part in levels.groupby("group", sort=False):
        kept = part.loc[part["n"].nlargest(most).index].sort_index()["level"]
        labels += [f"\u00a0\u00a0{fit(str(level), 1.4, lines=1)}" for level in kept]
        labels.insert(len(labels) - len(kept), fit(study.label(str(group)), 1.5, lines=1))
        keys += [None, *((str(group), str(level)) for level in kept)]
    out = len(levels) - sum(key is not None for key in keys)
    return _Rows(labels, keys, f"Not drawn: {out} levels with fewer respondents. " if out else "")


def _slope_word(found: pd.DataFrame, term: str, key: tuple[str, str] | None) -> Word:
    if key is None or (term, *key) not in found.index:
        return Word("")
    row = found.loc[(term, *key)]
    value = row["estimate"] if pd.isna(row["pooled"]) else row["pooled"]
    return Word(number(value), INK if row["side"] else QUIET)


def _draw_rows(
    axes: Axes, grid: Panels, rows: _Rows, found: pd.DataFrame, limits: tuple[float, float]
) -> None:
    """Draw the slopes of one driver, and a line at the average of each group column."""
    _head(axes, rows)
    for y, key in zip(grid.centres, rows.keys, strict=True):
        if key is None or key not in found.index:
            continue
        row = found.loc[key]
        if pd.isna(row["pooled"]):
            draw_mark(axes, y, row[_RAW], row["side"])
            continue
        draw_mark(axes, y - 0.04, row[_POOLED], row["side"])
        draw_twin(axes, y + 0.05, row[_RAW], row["side"], limits, shape="o")
        axes.plot([row["average"]] * 2, [y - 0.11, y + 0.11], color=INK, linewidth=0.7, zorder=1)


def _head(axes: Axes, rows: _Rows) -> None:
    """Print the names of group columns in bold."""
    for label, key in zip(axes.get_yticklabels(), rows.keys, strict=True):
        label.set_fontweight("bold" if key is None else "normal")


def group_means(group_means: pd.DataFrame, descriptives: pd.DataFrame, study: Any) -> Figure:
    """Draw the means of mediator and outcomes in each level, in SDs from the mean of all.

    Parameters
    ----------
    group_means, descriptives : pandas.DataFrame
        As in results/group_means.csv and results/descriptives.csv.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds no means.
    """
    wanted = [study.model.mediator, *study.model.outcomes]
    group_means = group_means[group_means["construct"].isin(wanted)]
    if group_means.empty:
        raise RunError("results/group_means.csv holds no level of ten respondents. Leave this out.")
    title = means_finding(group_means, study, next(iter(study.model.outcomes)))
    names = list(dict.fromkeys(group_means["construct"]))
    whole = descriptives.set_index("construct").loc[group_means["construct"], ["mean", "sd"]]
    ends = ["mean", "conf_low", "conf_high"]
    away = (group_means[ends] - whole[["mean"]].to_numpy()) / whole[["sd"]].to_numpy()
    limits = limits_of(away)
    away = group_means.assign(**away, printed=group_means["mean"])
    away = away.assign(side=sides(away)).set_index(["construct", "group", "level"])
    rows = _rows(group_means, len(names), study)
    note = (
        "Right: mean in points. Lines: 95% intervals. Grey: includes the mean of all, or under "
        f"four degrees of freedom. {rows.note}{sample(group_means['n'])}"
    )
    with house_style():
        words = [
            [
                Word("" if key is None else number(away.loc[(name, *key), "printed"]))
                for key in rows.keys
            ]
            for name in names
        ]
        grid = Panels([study.label(name) for name in names], rows.labels, words)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        opened = grid.draw(page, limits, "SDs of all respondents from their mean")
        for axes, name in zip(opened, names, strict=True):
            _head(axes, rows)
            for y, key in zip(grid.centres, rows.keys, strict=True):
                if key is not None:
                    row = away.loc[(name, *key)]
                    draw_mark(axes, y, row[ends], row["side"])
    alt = f"{title}; every mean with its interval is in results/group_means.csv."
    return Figure("group_means", title, alt, page.figure)
