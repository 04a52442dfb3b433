"""Estimates with their intervals as marks on a row: blue, vermilion or grey, arrows at the edge."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.markers import CARETLEFT, CARETRIGHT

from loyalty_analysis.panels import limits_of
from loyalty_analysis.plotting import BLUE, GREY, VERMILION

COLOURS = {1: BLUE, -1: VERMILION, 0: GREY}
"""Colour by the side of zero that something can be told to lie on."""


def draw_mark(
    axes: Axes, y: float, ends: Sequence[float], side: int, shape: str = "o", width: float = 1.8
) -> None:
    """Draw an estimate with its interval.

    Parameters
    ----------
    axes : Axes
    y : float
    ends : sequence of three float
        Estimate, low and high end.
    side : int
        Of zero, for the colour.
    shape : str
        Marker of the estimate.
    width : float
        Of the line, in points.
    """
    x, *interval = ends
    axes.plot(interval, [y, y], color=COLOURS[side], linewidth=width)
    axes.plot(x, y, shape, color=COLOURS[side], markersize=4)


def draw_twin(
    axes: Axes,
    y: float,
    ends: Sequence[float],
    side: int,
    limits: tuple[float, float],
    shape: str = "D",
) -> None:
    """Draw a second estimate hollow (error-corrected: a diamond); an arrow beyond the axis."""
    x, *interval = ends
    colour = COLOURS[side]
    axes.plot(interval, [y, y], color=colour, linewidth=0.9)
    axes.plot(x, y, shape, color=colour, markersize=3, mfc="white")
    low, high = beyond(interval, limits)
    for edge, mark, leaves in ((limits[0], CARETLEFT, low), (limits[1], CARETRIGHT, high)):
        if leaves:
            axes.plot(edge, y, marker=mark, color=colour, markersize=4, clip_on=False)


def beyond(interval: Sequence[float], limits: tuple[float, float]) -> tuple[bool, bool]:
    """Whether an interval leaves the axis on the left, and on the right.

    Examples
    --------
    >>> beyond((-0.3, 0.2), (-0.1, 0.5))
    (True, False)
    """
    return interval[0] < limits[0], interval[1] > limits[1]


def limits_with_twins(values: pd.DataFrame, twins: pd.DataFrame) -> tuple[float, float]:
    """Ends of an axis: every value, and twins as far as they leave those legible."""
    low, high = limits_of(values)
    room = (high - low) / 2
    return limits_of(values, twins.clip(low - room, high + room))
