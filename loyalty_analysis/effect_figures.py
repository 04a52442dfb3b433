"""Figures of mediation: the paths with their numbers, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from loyalty_analysis.effect_captions import TWIN, effects, indirect_finding, paths_finding, sides
from loyalty_analysis.formatting import estimate, number, sample
from loyalty_analysis.marks import COLOURS, beyond, draw_mark, draw_twin, limits_with_twins
from loyalty_analysis.panels import Panels, Word, beside, panel_columns
from loyalty_analysis.plotting import (
    GREY,
    INK,
    QUIET,
    RULE,
    SMALL,
    TEXT,
    WIDTH,
    Figure,
    Page,
    fit,
    house_style,
    text_height,
    widest,
)
from loyalty_analysis.sentences import told_side

_ENDS = ["estimate", "conf_low", "conf_high"]
_SHAPES = {"direct": ("s", 0.9), "indirect": ("o", 2.2), "total": ("|", 0.9)}


class Path(NamedTuple):
    """An arrow of the diagram: its number, the words on it, and the side of zero it can be told."""

    value: float
    words: str
    side: int


def mediation_diagram(mediation: pd.DataFrame, regression: pd.DataFrame, study: Any) -> Figure:
    """Draw every path with its number: drivers to mediator, mediator to outcome, and past it.

    One panel per outcome. From each driver an arrow rises to the mediator and another runs past it
    to the outcome; thicker is larger. What the arrows add up to is in `indirect_effects`.

    Parameters
    ----------
    mediation : pandas.DataFrame
        As in results/mediation.csv.
    regression : pandas.DataFrame
        As in results/regression.csv, for the paths to and from the mediator.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds no effects, as in a study without a mediator.
    """
    direct = effects(mediation, "direct")
    outcomes, drivers = (list(dict.fromkeys(direct[key])) for key in ("outcome", "driver"))
    mediator, full = str(direct["mediator"].iloc[0]), len(outcomes) < 3
    slopes = regression.set_index(["model", "term"])
    to = {name: _slope(slopes.loc[mediator, name], full) for name in drivers}
    onwards = {name: _slope(slopes.loc[f"{name}.direct", mediator], full) for name in outcomes}
    past = {key: _path(row[_ENDS], row["side"], full) for key, row in direct.iterrows()}
    title = paths_finding(
        {name: path.side for name, path in to.items()},
        {name: path.side for name, path in onwards.items()},
        study,
    )
    note = (
        "Numbers: standardized slopes (SDs per SD). Rising arrows: driver to mediator; level "
        f"arrows: driver to outcome beside the mediator{'; 95% intervals' if full else ''}. Blue: "
        f"positive; vermilion: negative; grey: the interval includes zero. {sample(direct['n'])}"
    )
    with house_style():
        layout = _Diagram([study.label(name) for name in drivers], len(outcomes))
        page = Page(title, layout.height, note, simulated=study.is_simulated)
        axes = page.axes(0, 0, WIDTH, layout.height)
        axes.set(xlim=(0, WIDTH), ylim=(layout.height, 0))
        axes.set_axis_off()
        for place, outcome in enumerate(outcomes):
            panel = [(to[name], past[outcome, name]) for name in drivers]
            heads = study.label(mediator), study.label(outcome)
            layout.draw(axes, place, heads, onwards[outcome], panel)
    alt = (
        f"{title}; every path is in results/regression.csv, column beta, and in "
        "results/mediation.csv."
    )
    return Figure("mediation_diagram", title, alt, page.figure)


def _slope(row: pd.Series, full: bool) -> Path:
    return _path(row[["beta", "beta_low", "beta_high"]], told_side(row), full)


def _path(values: pd.Series, side: int, full: bool) -> Path:
    return Path(float(values.iloc[0]), estimate(*values) if full else number(values.iloc[0]), side)


class _Diagram:
    """Panels of paths, in inches: drivers in rows, the mediator above them, the outcome a bar.

    Parameters
    ----------
    labels : sequence of str
        Of the drivers.
    panels : int
        How many outcomes there are.
    """

    def __init__(self, labels: Sequence[str], panels: int) -> None:
        self.columns = min(panel_columns(panels), 3)
        self.lines = -(-panels // self.columns)
        self.size = SMALL if self.columns > 2 else TEXT
        self.labels = [fit(label, 1.4, size=self.size) for label in labels]
        self.indent = 0.22 + max(widest(label, self.size) for label in self.labels)
        self.cell = min((WIDTH - 0.1 - self.indent) / self.columns, 4.4)
        self.pitch = float(np.clip(7.0 / (self.lines * len(labels)), 0.29, 0.36))
        self.line = 0.78 + self.pitch * len(labels)
        self.height = self.line * self.lines

    def draw(
        self,
        axes: Axes,
        place: int,
        heads: tuple[str, str],
        onwards: Path,
        rows: Sequence[tuple[Path, Path]],
    ) -> None:
        """Draw one panel: the mediator with its arrow to the outcome, a row for each driver."""
        line, column = divmod(place, self.columns)
        left, top = self.indent + column * self.cell, line * self.line
        right, width = left + self.cell - 0.16, 0.5 * self.cell - 0.02
        bus, bottom = left + 0.4 * self.cell, top + 0.56
        heading = fit(heads[1], self.cell - 0.18, weight="bold", lines=1)
        axes.text(right, top + 0.12, heading, weight="bold", ha="right", va="center_baseline")
        box = bus - width / 2, top + 0.26
        axes.add_patch(Rectangle(box, width, 0.3, facecolor=RULE, edgecolor=GREY, linewidth=0.6))
        name = fit(heads[0], width - 0.06, size=SMALL, lines=1)
        axes.text(bus, top + 0.41, name, size=SMALL, ha="center", va="center_baseline")
        axes.add_patch(Rectangle((right - 0.07, top + 0.24), 0.07, self.line - 0.36, color=GREY))
        _draw_arrow(axes, [box[0] + width, right - 0.08], top + 0.41, onwards)
        centres = bottom + 0.1 + self.pitch * (np.arange(len(rows)) + 0.5)
        axes.plot([bus, bus], [centres[-1] - 0.07, bottom + 0.06], color=GREY, linewidth=1.2)
        axes.plot(bus, bottom + 0.05, "^", color=GREY, markersize=4)
        for y, label, (to, past) in zip(centres, self.labels, rows, strict=True):
            axes.plot(left, y, "o", color=INK, markersize=3, zorder=4)
            _draw_line(axes, [left, left + 0.07, bus], [y, y - 0.07, y - 0.07], to)
            _write(axes, (left + 0.07 + bus) / 2, y - 0.07, to)
            _draw_arrow(axes, [left + 0.07, right - 0.08], y + 0.07, past, (bus + right) / 2)
            _draw_line(axes, [left, left + 0.07], [y, y + 0.07], past)
            if column == 0:
                words = {"ha": "right", "va": "center", "linespacing": 1.2, "size": self.size}
                axes.text(left - 0.08, y, label, **words)


def _draw_arrow(
    axes: Axes, ends: Sequence[float], y: float, path: Path, at: float | None = None
) -> None:
    """Draw a level arrow with its number, in the middle unless another place is given."""
    _draw_line(axes, ends, [y, y], path)
    axes.plot(ends[1] - 0.03, y, ">", color=COLOURS[path.side], markersize=4.5)
    _write(axes, sum(ends) / 2 if at is None else at, y, path)


def _draw_line(axes: Axes, x: Sequence[float], y: Sequence[float], path: Path) -> None:
    width = 0.8 + 3.2 * min(abs(path.value), 1.0)
    axes.plot(x, y, color="white", linewidth=width + 1.6, zorder=2.4)
    axes.plot(x, y, color=COLOURS[path.side], linewidth=width, zorder=2.5)


def _write(axes: Axes, x: float, y: float, path: Path) -> None:
    around = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    words: dict[str, Any] = {"size": SMALL, "ha": "center", "va": "center_baseline", "zorder": 5}
    axes.text(x, y, path.words, color=INK if path.side else QUIET, bbox=around, **words)
