"""The figures of the report: each takes finished results and draws, computing nothing statistical.

Every figure says its finding in its title and, with the file that holds the numbers, in its alt
text. Blue is positive, vermilion negative, grey an interval that includes zero; colour never
stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from loyalty_analysis import captions
from loyalty_analysis.captions import Panel
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import estimate, number, sample
from loyalty_analysis.panels import OUTSIDE, Panels, Word, limits_of, panel_columns
from loyalty_analysis.plotting import (
    BLUE,
    DIVERGING,
    GREY,
    INK,
    QUIET,
    SMALL,
    TEXT,
    VERMILION,
    WIDTH,
    Figure,
    Page,
    fit,
    house_style,
    widest,
)
from loyalty_analysis.sentences import told_side
from loyalty_analysis.strips import answers, verdict_strip

__all__ = ["Figure", "answers", "correlations", "forest", "verdict_strip", "zero_order"]

_UNITS = "standardized slope (SDs of {outcome} per SD of the driver)"


def forest(regression: pd.DataFrame, study: Any) -> Figure:
    """Draw the standardized slopes of every driver with their 95% intervals.

    One panel for the mediator's equation and one for each outcome with the mediator left out, all
    on one axis; drivers in the order of the first panel. A hollow diamond is the error-corrected
    twin where there is one.

    Parameters
    ----------
    regression : pandas.DataFrame
        Columns ``model, term, n, beta, beta_low, beta_high`` and, where known, ``beta_latent``.
    study : Study
        For the labels and the order of the model.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When none of the study's models is in the table.

    Examples
    --------
    >>> from loyalty_analysis.regression import regression
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> forest(regression(survey), survey.study).title
    'Perceived value and image go with higher satisfaction'
    """
    panels = _panels(regression, study)
    title = captions.slopes_finding(panels[0], study)
    latent = any(panel.slopes["beta_latent"].notna().any() for panel in panels)
    note = (
        f"{'Hollow diamonds: corrected for measurement error. ' if latent else ''}"
        f"Lines: 95% intervals. Grey: the interval includes zero. {_n(panels)}"
    )
    with house_style():
        page, drawn = _slope_panels(title, note, panels, study, _slope_word)
        for axes, y, row in drawn:
            colour = _colour(row)
            axes.plot([row.beta_low, row.beta_high], [y, y], color=colour, linewidth=1.8)
            axes.plot(row.beta, y, "o", color=colour, markersize=4)
            axes.plot(row.beta_latent, y + 0.07, "D", color=colour, markersize=3, mfc="white")
    return Figure("forest", title, captions.slopes_alt(title, panels[0], study), page.figure)


def zero_order(regression: pd.DataFrame, study: Any) -> Figure:
    """Draw each driver's correlation alone beside its slope with the rest held constant.

    Parameters
    ----------
    regression : pandas.DataFrame
        Columns ``model, term, n, zero_order, beta, beta_low, beta_high``.
    study : Study
        For the labels and the order of the model.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When none of the study's models is in the table.

    Examples
    --------
    >>> from loyalty_analysis.regression import regression
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> zero_order(regression(survey), survey.study).title
    'The sign of expectations flips for loyalty once the rest of the equation is held constant'
    """
    panels = _panels(regression, study)
    title = captions.flips_finding(panels, study)
    few = panel_columns(len(panels)) < 3
    note = (
        "Hollow: correlation alone. Filled: standardized slope with the rest of the equation held "
        f"constant{'' if few else ' (printed)'}. Thick vermilion: the sign flips, and the slope's "
        f"95% interval excludes zero. {_n(panels)}"
    )
    with house_style():
        page, drawn = _slope_panels(title, note, panels, study, _change_word, "correlation, and ")
        for axes, y, row in drawn:
            flips = captions.flips(row)
            line, ink = (VERMILION, VERMILION) if flips else (GREY, INK)
            width = 3.0 if flips else 1.0
            axes.plot([row.zero_order, row.beta], [y, y], color=line, linewidth=width, zorder=2)
            axes.plot(row.zero_order, y, "o", color=ink, markersize=6, mfc="white", clip_on=False)
            axes.plot(row.beta, y, "o", color=ink, markersize=4, clip_on=False)
    alt = (
        f"{title}; every correlation and standardized slope is in results/regression.csv, columns "
        "zero_order and beta."
    )
    return Figure("zero_order", title, alt, page.figure)


def correlations(correlations: pd.DataFrame, study: Any) -> Figure:
    """Draw the correlations between constructs as a lower triangle with the values printed.

    Rows and columns follow the model: drivers, mediator, outcomes, moderators.

    Parameters
    ----------
    correlations : pandas.DataFrame
        One row per pair: ``a, b, r, n``.
    study : Study
        For the labels and the order of the model.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds fewer than two of the study's constructs.

    Examples
    --------
    >>> from loyalty_analysis.regression import correlations as correlate
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> correlations(correlate(survey), survey.study).title
    'Strongest correlation: perceived quality with expectations (0.85)'
    """
    names = _constructs(correlations, study)
    pairs = correlations[correlations["a"].isin(names) & correlations["b"].isin(names)]
    title = captions.correlations_finding(pairs, study)
    note = f"Blue: positive; vermilion: negative; deeper: stronger. {sample(pairs['n'])}"
    with house_style():
        small = len(names) > 10
        size, lines = (SMALL, 1) if small else (TEXT, 2)
        labels = [fit(study.label(name), 1.75, size=size, lines=lines) for name in names]
        indent = 0.5 + max(widest(label, size) for label in labels)
        height = 0.24 if small else 0.34
        page = Page(title, height * len(names), note, simulated=study.is_simulated)
        axes = page.axes(indent, 0, WIDTH - 0.1 - indent, height * len(names))
        _draw_triangle(axes, pairs, names, small=small)
        axes.set_yticks(range(len(names)), labels)
        axes.tick_params(axis="y", pad=22, labelsize=size)
    alt = f"{title}; every correlation is in results/correlations.csv."
    return Figure("correlations", title, alt, page.figure)


def _constructs(correlations: pd.DataFrame, study: Any) -> list[str]:
    model = study.model
    mediator = [model.mediator] if model.mediator else []
    order = dict.fromkeys([*model.drivers, *mediator, *model.outcomes, *model.moderators])
    known = {*correlations["a"], *correlations["b"]}
    names = [name for name in order if name in known]
    if len(names) < 2:
        raise RunError(
            f"results/correlations.csv, columns a and b: found {sorted(known)}, of which {names} "
            f"are in the model; two or more of {list(order)} are needed."
        )
    return names


def _draw_triangle(axes: Axes, pairs: pd.DataFrame, names: list[str], *, small: bool) -> None:
    """Fill the cells below the diagonal; number the rows, and the columns on the diagonal."""
    place = {name: position for position, name in enumerate(names)}
    size = SMALL - 1.5 if small else SMALL
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), xticks=[])
    axes.spines["bottom"].set_visible(False)
    for pair in pairs.itertuples():
        column, row = sorted((place[pair.a], place[pair.b]))
        missing = np.isnan(pair.r)
        colour = "#f0f0f0" if missing else DIVERGING((pair.r + 1) / 2)
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, color=colour, ec="white", lw=1))
        words = number(pair.r).replace("0.", ".", 1) if small else number(pair.r)
        ink = "white" if abs(pair.r) > 0.7 else INK
        axes.text(column, row, words, ha="center", va="center_baseline", size=size, color=ink)
    for position in range(len(names)):
        words = str(position + 1)
        style: dict[str, Any] = {"size": size, "color": QUIET, "va": "center_baseline"}
        axes.annotate(words, (0, position), (-6, 0), **OUTSIDE, ha="right", **style)
        axes.text(position, position, words, ha="center", **style)


def _panels(regression: pd.DataFrame, study: Any) -> list[Panel]:
    """Pick the mediator's equation and each outcome's total model, drivers by the first slopes."""
    model = study.model
    wanted = {model.mediator: model.mediator} if model.mediator else {}
    wanted |= {f"{outcome}.total": outcome for outcome in model.outcomes}
    known = set(regression["model"])
    found = {name: outcome for name, outcome in wanted.items() if name in known}
    if not found:
        raise RunError(
            f"results/regression.csv, column model: found {sorted(known)}, none of the study's "
            f"models {list(wanted)}. Run the analysis again with this study."
        )
    columns = ["n", "beta", "beta_low", "beta_high", "zero_order", "beta_latent"]
    # a table without degrees of freedom has enough of them
    columns += [name for name in ("df", "beta_df") if name in regression]
    table = regression.set_index("term").reindex(columns=["model", *columns])
    slopes = {
        name: table[table["model"] == name][columns].astype(float).reindex(list(model.drivers))
        for name in found
    }
    first = next(iter(slopes.values()))
    order = first["beta"].sort_values(ascending=False, kind="stable").index
    return [Panel(outcome, slopes[name].loc[order]) for name, outcome in found.items()]


def _slope_panels(
    title: str,
    note: str,
    panels: Sequence[Panel],
    study: Any,
    word: Callable[[Any, bool], Word],
    axis: str = "",
) -> tuple[Page, Iterator[tuple[Axes, float, Any]]]:
    """Lay out one panel per outcome; hand back every row with the axes and height to draw it at."""
    full = panel_columns(len(panels)) < 3
    rows = [list(panel.slopes.itertuples()) for panel in panels]
    grid = Panels(
        [study.label(panel.outcome) for panel in panels],
        [study.label(term) for term in panels[0].slopes.index],
        [[word(row, full) for row in panel] for panel in rows],
    )
    page = Page(title, grid.height, note, simulated=study.is_simulated)
    drawn = limits_of(*(panel.slopes.drop(columns="n") for panel in panels))
    outcome = captions.named(panels[0].outcome, study) if len(panels) == 1 else "the outcome"
    opened = grid.draw(page, drawn, axis + _UNITS.format(outcome=outcome))
    return page, (
        (axes, y, row)
        for axes, panel in zip(opened, rows, strict=True)
        for y, row in zip(grid.centres, panel, strict=True)
    )


def _colour(row: Any) -> str:
    return {1: BLUE, -1: VERMILION, 0: GREY}[told_side(row)]


def _slope_word(row: Any, full: bool) -> Word:
    words = estimate(row.beta, row.beta_low, row.beta_high) if full else number(row.beta)
    return Word(words, INK if told_side(row) else QUIET)


def _change_word(row: Any, full: bool) -> Word:
    words = f"{number(row.zero_order)} → {number(row.beta)}" if full else number(row.beta)
    return Word(words, INK, "bold") if captions.flips(row) else Word(words, QUIET)


def _n(panels: Sequence[Panel]) -> str:
    return sample(pd.concat([panel.slopes["n"] for panel in panels]))
