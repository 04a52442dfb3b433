"""Figures of mediation: the paths with their numbers, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import (
    TWIN,
    effects,
    indirect_finding,
    paths_finding,
    sides,
    vanishing,
    vanishing_finding,
)
from loyalty_analysis.formatting import estimate, number, sample
from loyalty_analysis.marks import COLOURS, beyond, draw_mark, draw_twin, limits_with_twins
from loyalty_analysis.panels import Panels, Word, beside, panel_columns
from loyalty_analysis.planes import Planes
from loyalty_analysis.plotting import (
    BLUE,
    GREY,
    INK,
    QUIET,
    RULE,
    SMALL,
    TEXT,
    VERMILION,
    WIDTH,
    Figure,
    Page,
    fit,
    house_style,
    text_height,
    text_width,
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


def indirect_effects(mediation: pd.DataFrame, study: Any) -> Figure:
    """Draw direct, indirect and total effect of every driver with their 95% intervals.

    One panel per outcome on one axis; direct and indirect add up to the total. Below the indirect
    effect, a hollow diamond is its error-corrected twin where there is one.

    Parameters
    ----------
    mediation : pandas.DataFrame
        As in results/mediation.csv.
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
    tables = {effect: effects(mediation, effect) for effect in _SHAPES}
    indirect = tables["indirect"].sort_values("estimate", ascending=False, kind="stable")
    outcomes = list(dict.fromkeys(tables["direct"]["outcome"]))
    drivers = list(indirect.loc[outcomes[0]].index)
    twins = indirect[["latent", *TWIN]]
    limits = limits_with_twins(pd.concat(tables.values())[_ENDS], twins)
    outside = any(any(beyond(ends, limits)) for ends in twins[list(TWIN)].to_numpy())
    twin_note = (
        " Hollow diamond: indirect, corrected for measurement error"
        f"{'; an arrow: beyond the axis' if outside else ''}."
    )
    note = (
        "Square: direct. Dot, bold: indirect. Bar: total, their sum."
        f"{twin_note if twins['latent'].notna().any() else ''} Lines: 95% intervals. Grey: the "
        f"interval includes zero. {sample(indirect['n'])}"
    )
    title = indirect_finding(mediation, study)
    with house_style():
        lines = -(-len(outcomes) // panel_columns(len(outcomes)))
        pitch = float(np.clip(6.0 / (lines * len(drivers)), 0.22, 0.48))
        full = panel_columns(len(outcomes)) < 3
        words = [[_effect_word(indirect.loc[(y, x)], full) for x in drivers] for y in outcomes]
        labels = ([study.label(name) for name in names] for names in (outcomes, drivers))
        grid = Panels(*labels, words, pitch)
        others = [_effect_word(row, full) for t in tables.values() for _, row in t.iterrows()]
        grid.gutter = 0.1 + max(text_width(word.text, SMALL, "bold") for word in others)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        opened = grid.draw(page, limits, "standardized effect (SDs of the outcome per SD)")
        for axes, outcome in zip(opened, outcomes, strict=True):
            for y, driver in zip(grid.centres, drivers, strict=True):
                rows = {name: table.loc[(outcome, driver)] for name, table in tables.items()}
                _draw_effects(axes, y, pitch, rows, limits, full)
    alt = f"{title}; every effect with its interval is in results/mediation.csv."
    return Figure("indirect_effects", title, alt, page.figure)


def _effect_word(row: pd.Series, full: bool) -> Word:
    words = estimate(*row[_ENDS]) if full else number(row["estimate"])
    return Word(words, INK if row["side"] else QUIET, "bold")


def _draw_effects(
    axes: Axes,
    y: float,
    pitch: float,
    rows: dict[str, pd.Series],
    limits: tuple[float, float],
    full: bool,
) -> None:
    """Draw the three effects of one driver below each other, with numbers where there is room."""
    for place, (name, (shape, width)) in enumerate(_SHAPES.items()):
        row, height = rows[name], y + (place - 1) * 0.31 * pitch
        draw_mark(axes, height, row[_ENDS], row["side"], shape, width)
        if name != "indirect" and pitch > 0.4:
            beside(axes, height, _effect_word(row, full)._replace(weight="normal"))
    row = rows["indirect"]
    side = 0 if row["side"] == 0 else int(sides(row.to_frame().T, TWIN).iloc[0])
    draw_twin(axes, y + 0.13 * pitch, row[["latent", *TWIN]], side, limits)


def sensitivity(sensitivity: pd.DataFrame, study: Any) -> Figure:
    """Draw the indirect effects if errors of mediator and outcome were correlated.

    One panel per outcome, a line for each driver; the largest in colour with its 95% band. All
    vanish at one correlation, which is marked with its 95% interval.

    Parameters
    ----------
    sensitivity : pandas.DataFrame
        As in results/sensitivity.csv.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table is empty.
    """
    title, points = vanishing_finding(sensitivity, study), vanishing(sensitivity)
    at_zero = sensitivity.loc[sensitivity["rho"].abs().groupby(sensitivity["outcome"]).idxmin()]
    tables = {str(name): table for name, table in sensitivity.groupby("outcome", sort=False)}
    lead = {name: _largest(table) for name, table in tables.items()}
    most = 2.5 * float(at_zero["estimate"].abs().max()) or 0.1
    note = (
        "Colour and band: the largest indirect effect with its 95% interval; grey: the others. Dot "
        f"and number: where all vanish, with its 95% interval. {sample(sensitivity['n'])}"
    )
    with house_style():
        remarks = [f"in colour: {named(driver, study)}" for driver in lead.values()]
        planes = Planes([study.label(name) for name in tables], remarks)
        page = Page(title, planes.height, note, simulated=study.is_simulated)
        labels = (
            "correlation of the errors of mediator and outcome",
            "indirect effect (SDs per SD)",
        )
        limits = (-0.95, 0.95), (-most, most)
        for axes, name in zip(planes.draw(page, limits, labels), tables, strict=True):
            for driver, rows in tables[name].groupby("driver", sort=False):
                _draw_curve(axes, rows, driver == lead[name])
            _mark_vanishing(axes, points.loc[name], most)
    alt = f"{title}; every indirect effect at every correlation is in results/sensitivity.csv."
    return Figure("sensitivity", title, alt, page.figure)


def _largest(table: pd.DataFrame) -> str:
    plain = table[table["rho"].abs() == table["rho"].abs().min()]
    return str(plain.loc[plain["estimate"].abs().idxmax(), "driver"])


def _draw_curve(axes: Axes, rows: pd.DataFrame, leads: bool) -> None:
    if not leads:
        axes.plot(rows["rho"], rows["estimate"], color=GREY, linewidth=0.7, zorder=1.5)
        return
    plain = rows.loc[rows["rho"].abs().idxmin()]
    colour = BLUE if plain["estimate"] > 0 else VERMILION
    band = {"color": colour, "alpha": 0.2, "linewidth": 0}
    axes.fill_between(rows["rho"], rows["conf_low"], rows["conf_high"], **band)
    axes.plot(rows["rho"], rows["estimate"], color=colour, linewidth=1.8)


def _mark_vanishing(axes: Axes, row: pd.Series, most: float) -> None:
    """Mark where the indirect effects vanish; the words stand where the curves are not."""
    if np.isnan(row["rho_zero"]):
        return
    ends = row[["rho_zero_low", "rho_zero_high"]]
    axes.plot(ends, [0, 0], color=INK, linewidth=2.4, zorder=4)
    axes.plot(row["rho_zero"], 0, "o", color=INK, markersize=4.5, zorder=4)
    axes.plot([row["rho_zero"]] * 2, [0, 0.84 * most], color=INK, linewidth=0.7, zorder=1.5)
    words = {"size": SMALL, "weight": "bold", "ha": "center", "va": "center_baseline"}
    axes.text(row["rho_zero"], 0.92 * most, number(row["rho_zero"]), **words)


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
