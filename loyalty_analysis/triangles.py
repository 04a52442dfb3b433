"""Lower triangles of pairs: every two of some constructs, with a number in each cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from loyalty_analysis.formatting import number
from loyalty_analysis.panels import OUTSIDE
from loyalty_analysis.plotting import INK, QUIET, SMALL, TEXT, WIDTH, Page, fit, widest


class Paint(NamedTuple):
    """How a cell is painted: its colour, that of its number, and a frame where it is marked."""

    fill: Any
    ink: str = INK
    frame: str = ""


def triangle(
    title: str,
    note: str,
    pairs: pd.DataFrame,
    names: Sequence[str],
    study: Any,
    paint: Callable[[Any], Paint],
) -> Page:
    """Draw the cells below the diagonal; number the rows, and the columns on the diagonal.

    Parameters
    ----------
    title, note : str
    pairs : pandas.DataFrame
        Columns ``a, b, value``; other columns are for ``paint``.
    names : sequence of str
        Constructs in their order.
    study : Study
        For the labels.
    paint : callable
        Takes a row of ``pairs``.
    """
    small = len(names) > 10
    size, lines = (SMALL, 1) if small else (TEXT, 2)
    labels = [fit(study.label(name), 1.75, size=size, lines=lines) for name in names]
    indent = 0.5 + max(widest(label, size) for label in labels)
    height = 0.24 if small else 0.34
    page = Page(title, height * len(names), note, simulated=study.is_simulated)
    axes = page.axes(indent, 0, WIDTH - 0.1 - indent, height * len(names))
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), xticks=[])
    axes.spines["bottom"].set_visible(False)
    _draw_cells(axes, pairs, names, paint, small=small)
    axes.set_yticks(range(len(names)), labels)
    axes.tick_params(axis="y", pad=22, labelsize=size)
    return page


def _draw_cells(
    axes: Axes,
    pairs: pd.DataFrame,
    names: Sequence[str],
    paint: Callable[[Any], Paint],
    *,
    small: bool,
) -> None:
    place = {name: position for position, name in enumerate(names)}
    size = SMALL - 1.5 if small else SMALL
    for pair in pairs.itertuples():
        column, row = sorted((place[pair.a], place[pair.b]))
        fill, ink, frame = paint(pair)
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=fill, ec="white", lw=1))
        style: dict[str, Any] = {"size": size, "color": ink, "weight": "bold" if frame else None}
        if frame:
            corner = column - 0.47, row - 0.45
            axes.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, ec=frame, lw=1.5, zorder=3))
        words = number(pair.value).replace("0.", ".", 1) if small else number(pair.value)
        axes.text(column, row, words, ha="center", va="center_baseline", **style)
    for position in range(len(names)):
        words = str(position + 1)
        style = {"size": size, "color": QUIET, "va": "center_baseline"}
        axes.annotate(words, (0, position), (-6, 0), **OUTSIDE, ha="right", **style)
        axes.text(position, position, words, ha="center", **style)
