"""Figures of mediation: what its paths add up to, and how much confounding that survives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import (
    TWIN,
    effects,
    indirect_finding,
    sides,
    vanishing,
    vanishing_finding,
)
from loyalty_analysis.formatting import estimate, number, sample
from loyalty_analysis.marks import beyond, draw_mark, draw_twin, limits_with_twins
from loyalty_analysis.panels import Panels, Word, beside, panel_columns
from loyalty_analysis.planes import Planes
from loyalty_analysis.plotting import (
    BLUE,
    GREY,
    INK,
    QUIET,
    SMALL,
    VERMILION,
    Figure,
    Page,
    house_style,
    text_width,
)

_ENDS = ["estimate", "conf_low", "conf_high"]
_SHAPES = {"direct": ("s", 0.9), "indirect": ("o", 2.2), "total": ("|", 0.9)}


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

    Examples
    --------
    >>> from loyalty_analysis.mediation import mediation
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(indirect_effects(mediation(survey), survey.study).title)
    Of 2 indirect effects through satisfaction, 2 can be told from zero; largest: likeability on
    loyalty (0.23)
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
        heads, labels = ([study.label(name) for name in names] for names in (outcomes, drivers))
        grid = Panels(heads, labels, words, pitch)
        others = [_effect_word(row, full) for t in tables.values() for _, row in t.iterrows()]
        grid.gutter = 0.1 + max(text_width(word.text, SMALL, "bold") for word in others)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        opened = grid.draw(page, limits, "standardized effect (SDs of the outcome per SD)")
        for axes, outcome in zip(opened, outcomes, strict=True):
            if grid.columns > 3:  # room for two numbers
                inside = [x for x in axes.get_xticks() if limits[0] <= x <= limits[1]]
                axes.set_xticks([inside[0], inside[-1]])
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

    Examples
    --------
    >>> from loyalty_analysis.sensitivity import sensitivity as vary
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(sensitivity(vary(survey), survey.study).title)
    An error correlation of 0.55 between satisfaction and loyalty would take the indirect effects
    away
    """
    title, points = vanishing_finding(sensitivity, study), vanishing(sensitivity)
    plain = sensitivity[sensitivity["rho"].abs() == sensitivity["rho"].abs().min()]
    tables = {str(name): table for name, table in sensitivity.groupby("outcome", sort=False)}
    lead = {name: _largest(table) for name, table in tables.items()}
    most = 2 * float(plain[_ENDS].abs().max(axis=None)) or 0.1
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
    ends = rows["conf_low"], rows["conf_high"]
    axes.fill_between(rows["rho"], *ends, color=colour, alpha=0.2, linewidth=0)
    axes.plot(rows["rho"], rows["estimate"], color=colour, linewidth=1.8)


def _mark_vanishing(axes: Axes, row: pd.Series, most: float) -> None:
    """Mark where the indirect effects vanish; the words stand where the curves are not."""
    if np.isnan(row["rho_zero"]):
        return
    ends = row[["rho_zero_low", "rho_zero_high"]]
    axes.plot(ends, [0, 0], color=INK, linewidth=2.4, zorder=4)
    axes.plot(row["rho_zero"], 0, "o", color=INK, markersize=4.5, zorder=4)
    axes.plot([row["rho_zero"]] * 2, [0, 0.84 * most], color=INK, linewidth=0.7, zorder=1.5)
    words: dict[str, Any] = {"size": SMALL, "weight": "bold", "va": "center_baseline"}
    axes.text(row["rho_zero"], 0.92 * most, number(row["rho_zero"]), ha="center", **words)
