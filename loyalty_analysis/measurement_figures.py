"""Figures of the measurement: loadings, distinctness of constructs, bands of a common method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from loyalty_analysis import captions
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import number, percent, sample
from loyalty_analysis.panels import Panels, Word, limits_of, panel_columns, round_ticks
from loyalty_analysis.plotting import (
    BLUE,
    GREY,
    INK,
    QUIET,
    RULE,
    SMALL,
    VERMILION,
    WIDTH,
    Figure,
    Page,
    house_style,
)
from loyalty_analysis.sem_results import Z
from loyalty_analysis.strips import ItemRow, item_layout
from loyalty_analysis.triangles import Paint, triangle

_CLOSENESS = LinearSegmentedColormap.from_list("closeness", ["#f7f7f7", "#9c9c9c"])
_SIDES: dict[int, dict[str, Any]] = {
    1: {"color": BLUE},
    -1: {"color": VERMILION},
    0: {"color": GREY, "markerfacecolor": "white"},
}
_SHARE_AXIS = "◂ moved apart   |   assumed share of the method   |   moved alike ▸".replace(
    " ", "\u00a0"
)


def loadings(loadings: pd.DataFrame, study: Any) -> Figure:
    """Draw the standardized loading of every item on its construct, with its 95% interval.

    Parameters
    ----------
    loadings : pandas.DataFrame
        As in results/cfa_loadings.csv: ``construct, item, standardized, standardized_error``.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table has no rows, as where no factor model could be fitted.

    Examples
    --------
    >>> from loyalty_analysis.cfa import cfa_loadings, measurement_model
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> loadings(cfa_loadings(measurement_model(survey)), survey.study).title
    'All 9 items load at 0.50 or above; weakest: Comp 1 (competence, 0.70)'
    """
    if loadings.empty:
        raise RunError(
            "results/cfa_loadings.csv holds no loadings: no factor model of the constructs could "
            "be fitted; the column problem of results/cfa_fit.csv says why. Leave this figure out."
        )
    single = loadings.groupby("construct")["item"].transform("size") == 1
    half = (Z * loadings["standardized_error"]).mask(single)
    items = loadings.assign(
        scale="",
        single=single,
        low=loadings["standardized"] - half,
        high=loadings["standardized"] + half,
        weak=captions.weak(loadings) & ~single,
    )
    title = captions.loadings_finding(loadings[~single], study)
    note = (
        f"Lines: 95% intervals. Crosses: below {number(captions.WEAK_LOADING)}."
        f"{' Hollow: single items, at their assumed reliability.' if single.any() else ''}"
    )
    with house_style():
        page = _loadings_page(title, note, items, study)
    alt = f"{title}; every loading is in results/cfa_loadings.csv."
    return Figure("loadings", title, alt, page.figure)


def _loadings_page(title: str, note: str, items: pd.DataFrame, study: Any) -> Page:
    laid = item_layout(items, study)
    page = Page(title, laid.height + 0.45, note, simulated=study.is_simulated)
    limits = limits_of(items[["standardized", "low", "high"]].clip(-1, 1), [1.0])
    for left, rows in laid.columns:
        axes = page.axes(left + laid.room, 0, laid.width - laid.room - 0.4, laid.height)
        axes.set(xlim=limits, ylim=(laid.height, 0), yticks=[])
        round_ticks(axes)
        for row in rows:
            _draw_loading(page, axes, row, left, left + laid.width - 0.34)
    words = f"standardized loading; grey line at {number(captions.WEAK_LOADING)}"
    page.write(words, WIDTH / 2, laid.height + 0.25, ha="center", va="top")
    return page


def _draw_loading(page: Page, axes: Axes, row: ItemRow, left: float, right: float) -> None:
    style: dict[str, Any] = {"size": SMALL, "va": "center_baseline"}
    if row.item is None:
        page.write(row.label, left, row.y, weight="bold", **style)
        return
    item, colour = row.item, VERMILION if row.item.weak else BLUE
    mark = "X" if item.weak else "o"
    face = "white" if item.single else colour
    for place, shade in ((0.0, GREY), (captions.WEAK_LOADING, RULE)):
        axes.plot([place, place], [row.y - 0.09, row.y + 0.09], color=shade, linewidth=0.8)
    axes.plot([item.low, item.high], [row.y, row.y], color=colour, linewidth=1.8)
    axes.plot(item.standardized, row.y, mark, color=colour, markersize=4.5, markerfacecolor=face)
    weight = "bold" if item.weak else "normal"
    page.write(row.label, left, row.y, **style)
    page.write(number(item.standardized), right, row.y, color=QUIET, weight=weight, **style)


def htmt(discriminant: pd.DataFrame, study: Any) -> Figure:
    """Draw how close every two constructs are, and mark those that may be one.

    Parameters
    ----------
    discriminant : pandas.DataFrame
        As in results/discriminant.csv: ``a, b, htmt, htmt_low, htmt_high, n``.
    study : Study
        For the labels and the limit, ``gates.htmt``.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table has no rows.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.validity import discriminant
    >>> survey = read_survey("mobile_customers")
    >>> htmt(discriminant(survey), survey.study).title
    'Of 6 pairs, 1 may be one construct, not two: satisfaction with loyalty'
    """
    if discriminant.empty:
        raise RunError("results/discriminant.csv holds no pair of constructs to draw.")
    names = list(dict.fromkeys([*discriminant["a"], *discriminant["b"]]))
    limit = study.gates.htmt
    title = captions.distinct_finding(discriminant, study)
    known = discriminant["htmt"].notna()
    note = (
        "Ratio of correlations between to within constructs (HTMT); darker: closer. Framed: the "
        f"upper end of the 95% interval reaches {number(limit)}."
        f"{'' if known.all() else ' –: not assessable.'} {sample(discriminant['n'][known])}"
    )

    def paint(pair: Any) -> Paint:
        fill = "white" if np.isnan(pair.value) else _CLOSENESS(min(pair.value, 1.0))
        return Paint(fill, frame=VERMILION if pair.htmt_high >= limit else "")

    with house_style():
        pairs = discriminant.assign(value=discriminant["htmt"])
        page = triangle(title, note, pairs, names, study, paint)
    alt = f"{title}; every ratio with its interval is in results/discriminant.csv."
    return Figure("htmt", title, alt, page.figure)


def method_bands(method_bias: pd.DataFrame, study: Any) -> Figure:
    """Draw what each slope would be if a common method made up a share of the variance.

    To the right of the middle the method moves driver and outcome alike, to the left it moves them
    apart. A slope that its 95% interval cannot tell from zero is a hollow mark.

    Parameters
    ----------
    method_bias : pandas.DataFrame
        As in results/method_bias.csv.
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
    >>> from loyalty_analysis.method_bias import method_bias
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> method_bands(method_bias(survey), survey.study).title
    'With a common method of up to 20% of the variance, 2 of 3 slopes keep their side of zero'
    """
    kept = captions.kept_slopes(method_bias, study).set_index(["model", "term"])
    table = _scenarios(method_bias[method_bias["model"].isin(kept.index.levels[0])])
    plain = table.loc[table["place"] == 0, ["conf_low", "conf_high"]]
    bound = 1.5 * float(np.nanmax(plain.abs().to_numpy(), initial=0.0)) or 1.0
    title = captions.bands_finding(kept, float(kept["reach"].max()))
    note = (
        "Grey band: 95% interval, the share taken as known; a row is "
        f"{number(-bound, 1)} to {number(bound, 1)} high. Hollow: the interval includes zero. No "
        "mark: no such correlations can exist. Right: largest share up to which the slope keeps "
        f"its side of zero (all: at every share possible in both directions). {sample(table['n'])}"
    )
    with house_style():
        page = _bands_page(title, note, table, kept, study, bound)
    alt = f"{title}; every slope at every share is in results/method_bias.csv."
    return Figure("method_bands", title, alt, page.figure)


def _scenarios(table: pd.DataFrame) -> pd.DataFrame:
    """Place every scenario on one axis: shares of a method that moves apart count as negative."""
    table = table[table["direction"] != "marker"]
    away = np.where(table["direction"] == "opposite", -1.0, 1.0)
    return table.assign(place=away * table["share"]).sort_values("place", kind="stable")


def _bands_page(
    title: str, note: str, table: pd.DataFrame, kept: pd.DataFrame, study: Any, bound: float
) -> Page:
    models = captions.shown_models(table, study, "results/method_bias.csv")
    terms = kept.loc[next(iter(models))]["beta"].sort_values(ascending=False, kind="stable").index
    lines = -(-len(models) // panel_columns(len(models)))
    pitch = float(np.clip(6.0 / (lines * len(terms)), 0.22, 0.42))
    grid = Panels(
        [study.label(outcome) for outcome in models.values()],
        [study.label(term) for term in terms],
        [[_reach(kept.loc[model, term]) for term in terms] for model in models],
        pitch,
    )
    page = Page(title, grid.height, note, simulated=study.is_simulated)
    most = table["place"].abs().max()
    opened = grid.draw(page, (-1.1 * most, 1.1 * most), _SHARE_AXIS)
    rows = table.groupby(["model", "term"])
    ticks = np.linspace(-most, most, 5 if grid.columns < 3 else 3)
    for axes, model in zip(opened, models, strict=True):
        axes.set_xticks(ticks)
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: percent(abs(x))))
        for y, term in zip(grid.centres, terms, strict=True):
            _draw_band(axes, y, rows.get_group((model, term)), 0.46 * pitch, bound)
    return page


def _draw_band(axes: Axes, y: float, rows: pd.DataFrame, half: float, bound: float) -> None:
    """Draw one slope over the shares, zero at ``y``; what leaves the row is cut off."""
    place = rows["place"]
    low, beta, high = (y - rows[name] / bound * half for name in ("conf_low", "beta", "conf_high"))
    edge = float(place.abs().max()) * 1.1
    frame = Rectangle((-edge, y - 1.08 * half), 2 * edge, 2.16 * half, transform=axes.transData)
    drawn: list[Artist] = [axes.fill_between(place, low, high, color=RULE, linewidth=0)]
    drawn += axes.plot(place, beta, color=QUIET, linewidth=0.8)
    sides = (rows["conf_low"] > 0).astype(int) - (rows["conf_high"] < 0)
    for side, style in _SIDES.items():
        chosen = (sides == side) & rows["beta"].notna()
        drawn += axes.plot(place[chosen], beta[chosen], "o", markersize=2.8, **style)
    for artist in drawn:
        artist.set_clip_path(frame)


def _reach(row: pd.Series) -> Word:
    if np.isnan(row["holds_to"]):
        return Word("–", QUIET)
    return Word("all" if row["everywhere"] else percent(row["holds_to"]), INK)
