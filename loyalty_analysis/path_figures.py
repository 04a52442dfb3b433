"""The mediation diagram: paths as arrows with their numbers, however many drivers and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from loyalty_analysis.effect_captions import effects, paths_finding
from loyalty_analysis.formatting import estimate, number, sample
from loyalty_analysis.marks import COLOURS
from loyalty_analysis.panels import panel_columns
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

    Examples
    --------
    >>> from loyalty_analysis.mediation import mediation
    >>> from loyalty_analysis.regression import regression
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(mediation_diagram(mediation(survey), regression(survey), survey.study).title)
    2 of 2 drivers go with satisfaction; beside them, satisfaction goes with higher loyalty
    """
    direct = effects(mediation, "direct")
    outcomes, drivers = (list(dict.fromkeys(direct[key])) for key in ("outcome", "driver"))
    mediator, full = str(direct["mediator"].iloc[0]), len(outcomes) == 1
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
        f"Standardized slopes{' with 95% intervals' if full else ''}. Rising: driver to mediator; "
        "level: driver to outcome, beside the mediator. Thicker: larger. Grey: the interval "
        f"includes zero. {sample(direct['n'])}"
    )
    with house_style():
        labels = ([study.label(name) for name in names] for names in (drivers, outcomes))
        layout = _Diagram(*labels)
        page = Page(title, layout.height, note, simulated=study.is_simulated)
        axes = page.axes(0, 0, WIDTH, layout.height)
        axes.set(xlim=(0, WIDTH), ylim=(layout.height, 0))
        axes.set_axis_off()
        for place, outcome in enumerate(outcomes):
            panel = [(to[name], past[outcome, name]) for name in drivers]
            layout.draw(axes, place, study.label(mediator), onwards[outcome], panel)
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
    heads : sequence of str
        Of the outcomes.
    """

    def __init__(self, labels: Sequence[str], heads: Sequence[str]) -> None:
        self.columns = min(panel_columns(len(heads)), 3)
        lines = -(-len(heads) // self.columns)
        self.pitch = float(np.clip(6.0 / (lines * len(labels)), 0.22, 0.36))
        self.size = SMALL if self.columns > 2 else TEXT
        wrapped = 2 if self.pitch > 0.3 else 1
        self.labels = [fit(label, 1.4, size=self.size, lines=wrapped) for label in labels]
        self.indent = 0.22 + max(widest(label, self.size) for label in self.labels)
        self.cell = min((WIDTH - self.indent) / self.columns, 4.6)
        self.heads = [fit(head, self.cell - 0.2, weight="bold") for head in heads]
        self.above = max(text_height(head) for head in self.heads) + 0.06
        self.line = self.above + 0.46 + self.pitch * len(labels)
        self.height = self.line * lines - 0.1

    def draw(
        self, axes: Axes, place: int, mediator: str, onwards: Path, rows: Sequence[Sequence[Path]]
    ) -> None:
        """Draw one panel: the mediator with its arrow to the outcome, a row for each driver."""
        line, column = divmod(place, self.columns)
        left, top = self.indent + column * self.cell, line * self.line + self.above
        right, width = left + self.cell - 0.2, 0.44 * self.cell
        start = left + 0.09 * self.cell
        bus = start + width / 2
        words: dict[str, Any] = {"linespacing": 1.2, "ha": "right"}
        axes.text(right + 0.1, top - 0.06, self.heads[place], weight="bold", va="bottom", **words)
        _draw_box(axes, start, top, width, 0.28)
        _draw_box(axes, right, top, 0.1, self.line - self.above - 0.16)
        name = fit(mediator, width - 0.06, size=SMALL, lines=1)
        axes.text(bus, top + 0.14, name, size=SMALL, ha="center", va="center_baseline")
        _draw_arrow(axes, [start + width, right], top + 0.14, onwards)
        centres = top + 0.34 + self.pitch * (np.arange(len(rows)) + 0.5)
        shift = self.pitch / 4.6
        axes.plot([bus, bus], [centres[-1] - shift, top + 0.34], color=GREY, linewidth=1.2)
        axes.plot(bus, top + 0.32, "^", color=GREY, markersize=4.5)
        for y, label, (to, past) in zip(centres, self.labels, rows, strict=True):
            up, down, out = y - shift, y + shift, left + shift
            _draw_line(axes, [left, out, bus], [y, up, up], to)
            _draw_line(axes, [left, out], [y, down], past)
            _draw_arrow(axes, [out, right], down, past, (bus + right) / 2)
            axes.plot(left, y, "o", color=INK, markersize=3, zorder=4)
            _write(axes, (out + bus) / 2, up, to)
            if column == 0:
                axes.text(left - 0.08, y, label, size=self.size, va="center", **words)


def _draw_box(axes: Axes, x: float, y: float, width: float, height: float) -> None:
    box = Rectangle((x, y), width, height, facecolor=RULE, edgecolor=GREY, linewidth=0.6)
    axes.add_patch(box)


def _draw_arrow(
    axes: Axes, ends: Sequence[float], y: float, path: Path, at: float | None = None
) -> None:
    """Draw a level arrow with its number, in the middle unless another place is given."""
    _draw_line(axes, [ends[0], ends[1] - 0.06], [y, y], path)
    size = 4 + 2 * min(abs(path.value), 1.0)
    axes.plot(ends[1] - 0.045, y, ">", color=COLOURS[path.side], markersize=size, zorder=4)
    _write(axes, sum(ends) / 2 - 0.03 if at is None else at, y, path)


def _draw_line(axes: Axes, x: Sequence[float], y: Sequence[float], path: Path) -> None:
    width = 0.8 + 3.2 * min(abs(path.value), 1.0)
    axes.plot(x, y, color="white", linewidth=width + 1.6, zorder=2.4)
    axes.plot(x, y, color=COLOURS[path.side], linewidth=width, zorder=2.5)


def _write(axes: Axes, x: float, y: float, path: Path) -> None:
    around = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    words: dict[str, Any] = {"size": SMALL, "ha": "center", "va": "center_baseline", "zorder": 5}
    axes.text(x, y, path.words, color=INK if path.side else QUIET, bbox=around, **words)
