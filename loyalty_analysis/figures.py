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

from loyalty_analysis import captions
from loyalty_analysis.captions import Panel
from loyalty_analysis.driver_figures import driver_shares, importance_performance
from loyalty_analysis.effect_figures import indirect_effects, sensitivity
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import estimate, number, sample
from loyalty_analysis.group_figures import group_means, group_slopes
from loyalty_analysis.marginal import marginal_lines
from loyalty_analysis.marks import beyond, draw_mark, draw_twin, limits_with_twins
from loyalty_analysis.measurement_figures import htmt, loadings, method_bands
from loyalty_analysis.panels import (
    Panels,
    Word,
    limits_of,
    panel_columns,
)
from loyalty_analysis.path_figures import mediation_diagram
from loyalty_analysis.plotting import (
    DIVERGING,
    GREY,
    INK,
    QUIET,
    VERMILION,
    Figure,
    Page,
    house_style,
)
from loyalty_analysis.sentences import told_side
from loyalty_analysis.strips import answers, verdict_strip
from loyalty_analysis.triangles import Paint, triangle

__all__ = [
    "Figure",
    "answers",
    "correlations",
    "driver_shares",
    "forest",
    "group_means",
    "group_slopes",
    "htmt",
    "importance_performance",
    "indirect_effects",
    "loadings",
    "marginal_lines",
    "mediation_diagram",
    "method_bands",
    "sensitivity",
    "verdict_strip",
    "zero_order",
]

_COMPOSITE = ["beta", "beta_low", "beta_high"]
_TWIN = ["beta_latent", "beta_latent_low", "beta_latent_high"]
_TWIN_NOTE = (
    "Dots, and numbers printed: scores as analysed. Hollow diamonds: corrected for measurement "
    "error. "
)
_UNITS = "standardized slope (SDs of {outcome} per SD of the driver)"


def forest(regression: pd.DataFrame, study: Any) -> Figure:
    """Draw the standardized slopes of every driver with their 95% intervals.

    One panel for the mediator's equation and one for each outcome with the mediator left out, all
    on one axis; drivers in the order of the first panel. Below each slope, a hollow diamond is its
    error-corrected twin where there is one.

    Parameters
    ----------
    regression : pandas.DataFrame
        Columns ``model, term, n, beta, beta_low, beta_high`` and, where known, ``beta_latent,
        beta_latent_low, beta_latent_high``.
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
    twins = any(panel.slopes["beta_latent"].notna().any() for panel in panels)
    table = pd.concat([panel.slopes for panel in panels])
    limits = limits_with_twins(table[_COMPOSITE], table[_TWIN])
    outside = any(any(beyond(ends, limits)) for ends in table[_TWIN[1:]].to_numpy())
    note = (
        f"{_TWIN_NOTE if twins else ''}Lines: 95% intervals"
        f"{'; an arrow: beyond the axis' if outside else ''}. Grey: the interval includes zero. "
        f"{_n(panels)}"
    )
    with house_style():
        pitch = 0.27 if twins else 0.0
        page, drawn = _slope_panels(title, note, panels, study, _slope_word, limits, pitch=pitch)
        for axes, y, row in drawn:
            slope = row.beta, row.beta_low, row.beta_high
            twin = row.beta_latent, row.beta_latent_low, row.beta_latent_high
            draw_mark(axes, y - (0.05 if twins else 0.0), slope, told_side(row))
            draw_twin(axes, y + 0.05, twin, captions.twin_side(row), limits)
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
    limits = limits_of(*(panel.slopes[["zero_order", "beta"]] for panel in panels))
    with house_style():
        page, drawn = _slope_panels(
            title, note, panels, study, _change_word, limits, "correlation, and "
        )
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
        page = triangle(title, note, pairs.rename(columns={"r": "value"}), names, study, _paint)
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


def _paint(pair: Any) -> Paint:
    if np.isnan(pair.value):
        return Paint("#f0f0f0")
    ink = "white" if abs(pair.value) > 0.7 else INK
    return Paint(DIVERGING((pair.value + 1) / 2), ink)


def _panels(regression: pd.DataFrame, study: Any) -> list[Panel]:
    """Pick the mediator's equation and each outcome's total model, drivers by the first slopes."""
    found = captions.shown_models(regression, study, "results/regression.csv")
    columns = ["n", *_COMPOSITE, "zero_order", *_TWIN]
    # a table without degrees of freedom has enough of them
    columns += [name for name in ("df", "beta_df", "beta_latent_df") if name in regression]
    table = regression.set_index("term").reindex(columns=["model", *columns])
    slopes = {
        name: table[table["model"] == name][columns].astype(float).reindex(study.model.drivers)
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
    limits: tuple[float, float],
    axis: str = "",
    pitch: float = 0.0,
) -> tuple[Page, Iterator[tuple[Axes, float, Any]]]:
    """Lay out one panel per outcome; hand back every row with the axes and height to draw it at."""
    full = panel_columns(len(panels)) < 3
    rows = [list(panel.slopes.itertuples()) for panel in panels]
    grid = Panels(
        [study.label(panel.outcome) for panel in panels],
        [study.label(term) for term in panels[0].slopes.index],
        [[word(row, full) for row in panel] for panel in rows],
        pitch,
    )
    page = Page(title, grid.height, note, simulated=study.is_simulated)
    outcome = captions.named(panels[0].outcome, study) if len(panels) == 1 else "the outcome"
    opened = grid.draw(page, limits, axis + _UNITS.format(outcome=outcome))
    return page, (
        (axes, y, row)
        for axes, panel in zip(opened, rows, strict=True)
        for y, row in zip(grid.centres, panel, strict=True)
    )


def _slope_word(row: Any, full: bool) -> Word:
    words = estimate(row.beta, row.beta_low, row.beta_high) if full else number(row.beta)
    return Word(words, INK if told_side(row) else QUIET)


def _change_word(row: Any, full: bool) -> Word:
    words = f"{number(row.zero_order)} → {number(row.beta)}" if full else number(row.beta)
    return Word(words, INK, "bold") if captions.flips(row) else Word(words, QUIET)


def _n(panels: Sequence[Panel]) -> str:
    return sample(pd.concat([panel.slopes["n"] for panel in panels]))
