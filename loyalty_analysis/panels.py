"""Small multiples: panels that share their rows and their axis, with numbers beside each row."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import AutoMinorLocator, FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike

from loyalty_analysis.formatting import number
from loyalty_analysis.plotting import (
    GREY,
    INK,
    RULE,
    SMALL,
    TEXT,
    WIDTH,
    Page,
    fit,
    text_height,
    text_width,
    widest,
)

# Places text a few points from the edge of the axes, at a height given in data.
OUTSIDE: dict[str, Any] = {
    "xycoords": ("axes fraction", "data"),
    "textcoords": "offset points",
    "annotation_clip": False,
}


class Word(NamedTuple):
    """A number printed beside a row."""

    text: str
    colour: str = INK
    weight: str = "normal"


class Panels:
    """Small multiples: one panel per heading, the same named rows and the same axis in each.

    Parameters
    ----------
    headings : sequence of str
        One per panel.
    rows : sequence of str
        Labels of the rows, from the top; a long one takes two lines.
    words : sequence of sequences of Word
        For each panel, what is printed to the right of each row.
    pitch : float
        Inches from row to row at least.
    bold : collection of int
        Places of the rows whose labels are set in bold.
    """

    def __init__(
        self,
        headings: Sequence[str],
        rows: Sequence[str],
        words: Sequence[Sequence[Word]],
        pitch: float = 0.0,
        bold: Collection[int] = (),
    ) -> None:
        self.columns = panel_columns(len(headings))
        self.size = SMALL if self.columns > 2 else TEXT
        self.words = words
        self.weights = ["bold" if row in bold else "normal" for row in range(len(rows))]
        self.rows = [
            fit(row, 1.55, size=self.size, weight=weight)
            for row, weight in zip(rows, self.weights, strict=True)
        ]
        self.indent = 0.18 + max(
            widest(row, self.size, weight)
            for row, weight in zip(self.rows, self.weights, strict=True)
        )
        self.gutter = 0.1 + max(
            text_width(word.text, SMALL, word.weight) for panel in words for word in panel
        )
        self.cell = (WIDTH - 0.05 - self.indent - 0.15 * (self.columns - 1)) / self.columns
        self.headings = [fit(heading, self.cell, weight="bold") for heading in headings]
        self.above = 0.1 + max(text_height(heading, TEXT) for heading in self.headings)
        pitch = max(pitch, 0.29 if len(headings) == 1 else 0.21)
        heights = np.array([max(pitch, text_height(row, self.size) + 0.03) for row in self.rows])
        self.body = float(heights.sum())
        self.centres = heights.cumsum() - heights / 2
        self.line = self.above + self.body + 0.32

    @property
    def height(self) -> float:
        """Inches of all panels with the axis label below them."""
        return -(-len(self.headings) // self.columns) * self.line + 0.2

    def draw(self, page: Page, limits: tuple[float, float], axis: str) -> list[Axes]:
        """Open the panels on a page, with zero line, row labels, words and axis label."""
        opened = [self._open(page, place, limits) for place in range(len(self.headings))]
        room = WIDTH - self.indent - 0.1
        page.write(fit(axis, room, lines=1), self.indent, self.height - 0.2, va="top")
        return opened

    def _open(self, page: Page, place: int, limits: tuple[float, float]) -> Axes:
        line, column = divmod(place, self.columns)
        left, top = self.indent + column * (self.cell + 0.15), line * self.line
        heading = self.headings[place]
        page.write(heading, left, top + self.above - 0.08, weight="bold", va="baseline")
        axes = page.axes(left, top + self.above, self.cell - self.gutter, self.body)
        axes.set(xlim=limits, ylim=(self.body, 0))
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.set_yticks(self.centres, self.rows if column == 0 else [""] * len(self.rows))
        axes.tick_params(axis="y", pad=4, labelsize=self.size)
        for label, weight in zip(axes.get_yticklabels(), self.weights, strict=True):
            label.set_fontweight(weight)
        round_ticks(axes, most={1: 6, 2: 4}.get(self.columns, 3))
        for centre, word in zip(self.centres, self.words[place], strict=True):
            axes.axhline(centre, color=RULE, linewidth=0.6, zorder=0)
            beside(axes, centre, word)
        return axes


def panel_columns(panels: int) -> int:
    """Choose how many panels stand abreast, so that the last line is seldom nearly empty."""
    return {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 9: 3}.get(panels, 4)


def beside(axes: Axes, y: float, word: Word) -> None:
    """Print a word to the right of a row, outside the drawing."""
    style: dict[str, Any] = {
        "color": word.colour,
        "weight": word.weight,
        "size": SMALL,
        "va": "center_baseline",
    }
    axes.annotate(word.text, (1, y), (4, 0), **OUTSIDE, **style)


def round_ticks(axes: Axes, most: int = 4) -> None:
    """Mark the horizontal axis with few round numbers, no digits more than they need."""
    locator = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
    ticks = locator.tick_values(*axes.get_xlim())
    step = ticks[1] - ticks[0]
    digits = next((k for k in range(6) if math.isclose(round(step, k), step, rel_tol=1e-6)), 6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, digits)))
    axes.xaxis.set_minor_locator(AutoMinorLocator())
    axes.tick_params(axis="x", which="minor", length=1.5, width=0.5, color="#8c8c8c")


def limits_of(*values: ArrayLike) -> tuple[float, float]:
    """Ends of an axis that holds everything drawn, zero, and a little air.

    Examples
    --------
    >>> limits_of([0.5, float("nan")], [1.0])
    (-0.06, 1.06)
    """
    known = np.concatenate([np.ravel(np.asarray(value, dtype=float)) for value in values])
    known = np.append(known[np.isfinite(known)], 0.0)
    low, high = float(known.min()), float(known.max())
    air = 0.06 * (high - low) or 0.1
    return low - air, high + air
