"""Small multiples with two scales: panels that share both axes, laid out in inches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from loyalty_analysis.formatting import number
from loyalty_analysis.panels import panel_columns, round_ticks
from loyalty_analysis.plotting import GREY, QUIET, SMALL, TEXT, WIDTH, Page, fit, text_height

Box = tuple[float, float, float, float]


class Planes:
    """Panels that share both axes, at most three abreast.

    Parameters
    ----------
    headings : sequence of str
        One per panel.
    remarks : sequence of str
        Printed small below each heading; may be empty.
    """

    def __init__(self, headings: Sequence[str], remarks: Sequence[str]) -> None:
        self.columns = min(panel_columns(len(headings)), 3)
        self.lines = -(-len(headings) // self.columns)
        self.indent = 0.62
        self.width = (WIDTH - self.indent - 0.1 - 0.2 * (self.columns - 1)) / self.columns
        self.headings = [fit(heading, self.width, weight="bold") for heading in headings]
        self.remarks = [fit(remark, self.width, size=SMALL, lines=1) for remark in remarks]
        self.above = 0.08 + max(text_height(heading, TEXT) for heading in self.headings)
        self.above += 0.16 * any(remarks)
        self.depth = float(np.clip(5.4 / self.lines, 1.2, {1: 2.9, 2: 2.4}.get(self.columns, 1.9)))
        self.line = self.above + self.depth + 0.34
        self.height = self.lines * self.line + 0.2

    def draw(
        self,
        page: Page,
        limits: tuple[tuple[float, float], tuple[float, float]],
        labels: tuple[str, str],
    ) -> list[Axes]:
        """Open the panels on a page, with headings, ticks and the labels of both axes."""
        opened = [self._open(page, place, *limits) for place in range(len(self.headings))]
        across, up = labels
        page.write(fit(across, self.width * self.columns, lines=1), self.indent,
                   self.height - 0.2, va="top")  # fmt: skip
        for line in range(self.lines):
            style: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center", "size": SMALL}
            words = fit(up, self.depth + 0.3, size=SMALL)
            page.write(words, 0.17, line * self.line + self.above + self.depth / 2, **style)
        return opened

    def _open(
        self, page: Page, place: int, across: tuple[float, float], up: tuple[float, float]
    ) -> Axes:
        line, column = divmod(place, self.columns)
        left, top = self.indent + column * (self.width + 0.2), line * self.line
        below = self.above - (0.2 if any(self.remarks) else 0.06)
        page.write(self.headings[place], left, top + below, weight="bold", va="bottom")
        page.write(self.remarks[place], left, top + self.above - 0.05, size=SMALL, color=QUIET,
                   va="bottom")  # fmt: skip
        axes = page.axes(left, top + self.above, self.width, self.depth)
        axes.set(xlim=across, ylim=up)
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        round_ticks(axes, most=4)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(y) if not column else ""))
        axes.tick_params(axis="y", labelsize=SMALL, labelcolor=QUIET, pad=3)
        return axes


def place_labels(
    points: np.ndarray, sizes: np.ndarray, lines: Sequence[Box], room: tuple[float, float]
) -> np.ndarray:
    """Put a label beside each point: off every point and label, off lines as far as that goes.

    Parameters
    ----------
    points : ndarray (k, 2)
        In inches from a corner of the room.
    sizes : ndarray (k, 2)
        Width and height of each label.
    lines : sequence of tuple of four float
        What is better kept clear of: left, bottom, right, top.
    room : tuple of two float
        Width and height; labels stay inside as long as there is a place.

    Returns
    -------
    ndarray (k, 2)
        Centres of the labels.

    Examples
    --------
    >>> points, sizes = np.array([[1.0, 1.0], [1.0, 1.0]]), np.full((2, 2), 0.1)
    >>> place_labels(points, sizes, [], (2.0, 2.0))
    array([[1.11, 1.  ],
           [0.89, 1.  ]])
    """
    turns = np.array([(1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1)])
    rings = np.repeat(np.arange(5), len(turns))
    taken = [(x - 0.05, y - 0.05, x + 0.05, y + 0.05) for x, y in points]
    centres = []
    for point, size in zip(points, sizes, strict=True):
        tried = point + np.tile(turns, (5, 1)) * (size / 2 + (0.06 + 0.07 * rings)[:, None])
        boxes = [(*(at - size / 2), *(at + size / 2)) for at in tried]
        inside = (0.0, 0.0, *room)
        costs = [
            100 * (sum(_overlap(box, other) for other in taken) + (not _within(box, inside)))
            + sum(_overlap(box, line) for line in lines) + 2 * ring
            for box, ring in zip(boxes, rings, strict=True)
        ]  # fmt: skip
        best = int(np.argmin(costs))
        taken.append(boxes[best])
        centres.append(tried[best])
    return np.array(centres)


def _overlap(one: Box, other: Box) -> bool:
    apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    return not apart


def _within(box: Box, room: Box) -> bool:
    return box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]
