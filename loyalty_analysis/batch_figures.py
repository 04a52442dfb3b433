"""Main slopes of all groups of a batch as small multiples: one panel per driver, partially pooled.

Up to forty groups are named, in one order for all panels; beyond that they stand as a caterpillar,
each panel in its own order, without names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from loyalty_analysis.effect_captions import sides
from loyalty_analysis.formatting import in_sentence, number, sample
from loyalty_analysis.group_captions import told
from loyalty_analysis.marks import COLOURS, limits_with_twins
from loyalty_analysis.panels import round_ticks
from loyalty_analysis.plotting import (
    GREY,
    INK,
    RULE,
    SMALL,
    WIDTH,
    Figure,
    Page,
    fit,
    house_style,
    text_height,
    widest,
)

NAMED = 40
"""Most groups whose names are printed."""
ABREAST = 5
"""Most panels in one figure."""
_RAW = ["estimate", "conf_low", "conf_high"]
_POOLED = ["pooled", "pooled_low", "pooled_high"]
_GAP = 0.14
_TALL = 4.2  # inches of a caterpillar


def slope_figures(
    pooled: pd.DataFrame,
    names: dict[str, str],
    label: Callable[[str], str],
    *,
    simulated: bool = False,
) -> list[Figure]:
    """Draw every driver's slope in every group.

    Filled: partially pooled, with its 95% interval; hollow and light: the group alone; a vertical
    line: the average of the groups. Where fewer than three groups have a slope nothing is pooled,
    and the group alone is filled.

    Parameters
    ----------
    pooled : DataFrame
        As :func:`loyalty_analysis.batch_numbers.pooled_slopes` gives it.
    names : dict of str to str
        Names of the groups by their folder.
    label : callable
        Gives the label of a construct.
    simulated : bool
        Whether to say that respondents were simulated.

    Returns
    -------
    list of Figure
        One for up to five drivers; none without slopes.
    """
    if pooled.empty:
        return []
    terms = list(dict.fromkeys(pooled["term"]))
    chunks = [terms[start : start + ABREAST] for start in range(0, len(terms), ABREAST)]
    limits = slope_limits(pooled)
    return [
        _figure(place, pooled[pooled["term"].isin(chunk)], chunk, names, label, limits, simulated)
        for place, chunk in enumerate(chunks, 1)
    ]


def slope_limits(pooled: pd.DataFrame) -> tuple[float, float]:
    """Ends of the axis: all that is filled, and the groups alone as far as they leave it legible.

    Examples
    --------
    >>> row = {"pooled": [0.2], "pooled_low": 0.1, "pooled_high": 0.3}
    >>> row = row | {"estimate": 0.4, "conf_low": -9.0, "conf_high": 9.8}
    >>> low, high = slope_limits(pd.DataFrame(row))
    >>> -1 < low < 0 < high < 1
    True
    """
    filled = pooled[_POOLED].where(pooled[_POOLED].notna(), pooled[_RAW].to_numpy())
    return limits_with_twins(filled, pooled[_RAW])


def order_of(pooled: pd.DataFrame) -> list[str]:
    """Sort groups by the slope of the driver that spreads most over them, the largest first.

    Examples
    --------
    >>> row = {"folder": ["a", "b"], "term": "x", "estimate": [0.1, 0.4], "pooled": np.nan}
    >>> order_of(pd.DataFrame(row | {"tau": 0.1}))
    ['b', 'a']
    """
    part = pooled[pooled["term"] == leading(pooled)]
    value = part["pooled"].fillna(part["estimate"]).to_numpy()
    first = part["folder"].to_numpy()[np.argsort(-value, kind="stable")]
    return list(dict.fromkeys([*first, *pooled["folder"]]))


def leading(pooled: pd.DataFrame) -> str:
    """The driver whose slopes spread most over groups; without pooling, the steepest one."""
    by_term = pooled.groupby("term", sort=False)
    tau = by_term["tau"].first()
    steep = by_term["estimate"].mean().abs()
    return str((tau if tau.notna().any() else steep).idxmax())


def slopes_finding(pooled: pd.DataFrame, label: Callable[[str], str]) -> str:
    r"""Say what the slopes of each driver come to on average over the groups, the steepest first.

    Examples
    --------
    >>> row = {"term": ["x", "y"], "outcome": "z", "folder": "a", "estimate": [0.1, -0.4]}
    >>> slopes_finding(pd.DataFrame(row | {"average": np.nan}), str.upper)
    'Mean slopes on z over 1 group: y\xa0−0.40, x\xa00.10'
    """
    by_term = pooled.groupby("term", sort=False)
    mean = by_term["average"].first().fillna(by_term["estimate"].mean())
    mean = mean.loc[mean.abs().sort_values(ascending=False, kind="stable").index]
    each = [f"{in_sentence(label(str(term)))}\u00a0{number(value)}" for term, value in mean.items()]
    outcome = in_sentence(label(str(pooled["outcome"].iloc[0])))
    groups = pooled["folder"].nunique()
    return (
        f"Mean slopes on {outcome} over {groups} group{'s' if groups > 1 else ''}: "
        f"{', '.join(each)}"
    )


def _figure(
    place: int,
    table: pd.DataFrame,
    terms: Sequence[str],
    names: dict[str, str],
    label: Callable[[str], str],
    limits: tuple[float, float],
    simulated: bool,
) -> Figure:
    order = order_of(table)
    named = len(order) <= NAMED
    title = slopes_finding(table, label)
    with house_style():
        grid = _Grid([names[key] for key in order] if named else [""] * len(order), named)
        page = Page(
            title, grid.height(terms, label), _note(table, label, named), simulated=simulated
        )
        outcome = in_sentence(label(str(table["outcome"].iloc[0])))
        for column, term in enumerate(terms):
            part = table[table["term"] == term].set_index("folder")
            rows = order if named else order_of(table[table["term"] == term])
            axes = grid.open(page, column, len(terms), label(term), limits)
            _draw(axes, part.reindex(rows).assign(y=grid.centres(len(rows))))
        axis = f"standardized slope (SDs of {outcome} per SD of the driver)"
        page.write(axis, grid.indent, grid.foot + 0.24, va="top", size=SMALL)
    alt = f"{title}; every slope with its interval is in the table of groups."
    return Figure(f"batch_slopes_{place}", title, alt, page.figure)


def _note(table: pd.DataFrame, label: Callable[[str], str], named: bool) -> str:
    note = ""
    if table["pooled"].notna().any():
        alone = "Hollow and light" if named else "Light points"
        note = (
            f"Filled: partially pooled. {alone}: the group alone. Dashed: average of the groups. "
        )
    note += "Lines: 95% intervals. Grey: includes zero, or under four degrees of freedom. "
    first = in_sentence(label(leading(table)))
    order = f"by {first}" if named else "in each panel by its own slope"
    return f"{note}Sorted {order}. {sample(table['n'])}"


class _Grid:
    """Panels abreast that share rows and axis; measured in inches."""

    def __init__(self, labels: Sequence[str], named: bool) -> None:
        self.size = 7.5 if len(labels) > 15 else SMALL
        self.labels = [fit(text, 1.7, size=self.size, lines=1) for text in labels]
        self.indent = 0.15 + (max(widest(text, self.size) for text in self.labels) if named else 0)
        self.body = max(0.155 * len(labels), 0.5) if named else _TALL
        self.named = named
        self.above = 0.0

    def height(self, terms: Sequence[str], label: Callable[[str], str]) -> float:
        """Inches of the panels with their headings and the axis."""
        self.headings = {
            label(term): fit(label(term), self._width(len(terms)), size=SMALL, weight="bold")
            for term in terms
        }
        self.above = 0.1 + max(text_height(text, SMALL) for text in self.headings.values())
        self.foot = self.above + self.body
        return self.foot + 0.45

    def _width(self, panels: int) -> float:
        return (WIDTH - 0.1 - self.indent - _GAP * (panels - 1)) / panels

    def centres(self, rows: int) -> np.ndarray:
        """Where the rows lie, in inches from the top of a panel."""
        return (np.arange(rows) + 0.5) * self.body / rows

    def open(
        self, page: Page, column: int, panels: int, heading: str, limits: tuple[float, float]
    ) -> Axes:
        """Open a panel with its zero line; names of the groups beside the first."""
        width = self._width(panels)
        left = self.indent + column * (width + _GAP)
        baseline = self.above - 0.08
        page.write(self.headings[heading], left, baseline, weight="bold", va="bottom", size=SMALL)
        axes = page.axes(left, self.above, width, self.body)
        axes.set(xlim=limits, ylim=(self.body, 0))
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        centres = self.centres(len(self.labels))
        axes.set_yticks(centres if self.named and column == 0 else [])
        if self.named:
            axes.hlines(centres, *limits, color=RULE, linewidth=0.5, zorder=0)
            if column == 0:
                axes.set_yticklabels(self.labels, fontsize=self.size)
        round_ticks(axes, most={1: 8, 2: 6}.get(panels, 3))
        axes.tick_params(axis="x", labelsize=7.5)
        return axes


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw one driver in all groups: light what a group says alone, filled what pooling makes."""
    rows = rows[rows["estimate"].notna()]
    shrunk = rows["pooled"].notna()
    dense = len(rows) > NAMED
    colours = np.array([COLOURS[int(side)] for side in told(rows)])
    alone = np.array([COLOURS[int(side)] for side in sides(rows)])
    pooled, raw = rows[shrunk.to_numpy()], rows[~shrunk.to_numpy()]
    _marks(axes, pooled, _RAW, alone[shrunk], 0.035, light=True, dense=dense)
    _marks(axes, pooled, _POOLED, colours[shrunk], -0.02, light=False, dense=dense)
    _marks(axes, raw, _RAW, colours[~shrunk], 0.0, light=False, dense=dense)
    if len(pooled):
        axes.axvline(pooled["average"].iloc[0], color=INK, linewidth=0.7, dashes=(3, 2), zorder=1)


def _marks(
    axes: Axes,
    rows: pd.DataFrame,
    columns: Sequence[str],
    colours: np.ndarray,
    shift: float,
    *,
    light: bool,
    dense: bool,
) -> None:
    """Draw estimates with their intervals in two calls, however many there are."""
    if rows.empty:
        return
    x, low, high = (rows[name].to_numpy(float) for name in columns)
    y = rows["y"].to_numpy() + (0.0 if dense else shift)
    strength, size = (0.4, 5.0 if not dense else 1.5) if light else (1.0, 9.0 if not dense else 3.5)
    width = (0.7 if light else 1.4) * (0.55 if dense else 1)
    if not (dense and light):  # two hundred intervals twice would be a blur
        style: dict[str, Any] = {"linewidth": width, "alpha": strength, "zorder": 2}
        axes.hlines(y, low, high, colors=colours.tolist(), **style)
    face = "white" if light and not dense else colours
    axes.scatter(
        x, y, s=size, facecolor=face, edgecolor=colours, linewidth=0.6, alpha=strength, zorder=3
    )
