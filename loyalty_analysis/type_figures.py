"""Figures of loyalty types: the map of customers, simple slopes, moved cuts, mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.ticker import MaxNLocator

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import number, percent, sample
from loyalty_analysis.marks import COLOURS, draw_mark
from loyalty_analysis.panels import Panels, Word, limits_of
from loyalty_analysis.planes import Planes
from loyalty_analysis.plotting import (
    ANSWERS,
    BLUE,
    GREY,
    INK,
    QUIET,
    RULE,
    SMALL,
    WIDTH,
    Figure,
    Page,
    fit,
    house_style,
)
from loyalty_analysis.type_captions import (
    NAMES,
    band_finding,
    mixture_finding,
    share_finding,
    share_words,
    shares_of,
    shown_outcome,
    slopes_finding,
)
from loyalty_analysis.typology import STEPS

_ENDS = ["estimate", "conf_low", "conf_high"]
_HEIGHT = 3.7
_PLACES = {"none": (0, 0), "inertia": (0, 1), "latent": (1, 0), "premium": (1, 1)}


def type_map(
    type_map: pd.DataFrame, types: pd.DataFrame, type_band: pd.DataFrame, study: Any,
    outcome: str = "",
) -> Figure:  # fmt: skip
    """Draw how many customers lie where on attitude and patronage, and their mean outcome.

    Squares as large as the share of customers in the bin, coloured by the mean of one outcome; the
    cuts with their band; the share of every type in its corner.

    Parameters
    ----------
    type_map, types, type_band : pandas.DataFrame
        As in the files of results/.
    study : Study
        With its ``[types]``, for labels and cuts.
    outcome : str
        Whose mean is drawn; by default the first that is an attitude, such as advocacy.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds no bin of ten respondents, or not this outcome.
    """
    outcome = outcome or shown_outcome(type_map, study)
    bins = type_map[(type_map["outcome"] == outcome) & type_map["n"].notna()]
    if bins.empty:
        raise RunError(
            f"results/type_map.csv holds no bin of ten respondents with '{outcome}'. Leave this "
            "out, or name another outcome."
        )
    title = share_finding(types, type_band)
    note = (
        f"Area: share of customers, at most {percent(bins['share'].max(), 1)} in a bin; bins of "
        "fewer than ten are left out. Lines: cuts; grey: the band within which they are moved. "
        f"In brackets: 95% intervals. {sample([shares_of(types)['n'].sum()])}"
    )
    with house_style():
        page = Page(title, _HEIGHT + 0.5, note, simulated=study.is_simulated)
        axes = page.axes(0.75, 0, 4.6, _HEIGHT)
        asked, ends = study.types, _means_ends(bins)
        _draw_bins(axes, bins, ends)
        _draw_cuts(axes, asked, (bins["patronage_low"].min(), bins["patronage_high"].max()))
        _corners(axes, types)
        _legend(page, ends, named(outcome, study))
        page.write(fit(f"{study.label(asked.attitude)} (points)", 4.6, lines=1), 0.75,
                   _HEIGHT + 0.3, va="top")  # fmt: skip
        up = fit(f"{study.label(asked.patronage)} (points)", _HEIGHT, lines=1)
        page.write(up, 0.2, _HEIGHT / 2, rotation=90, ha="center", va="center")
    alt = f"{title}; shares and means are in results/types.csv, bins in results/type_map.csv."
    return Figure("type_map", title, alt, page.figure)


def _draw_bins(axes: Axes, bins: pd.DataFrame, ends: tuple[float, float]) -> None:
    """Draw a box in every bin, and set the limits with room for the corners."""
    scale = np.sqrt(bins["share"] / bins["share"].max()) * 0.94
    for row, size in zip(bins.itertuples(), scale, strict=True):
        corner, far = (
            np.array([getattr(row, f"{name}_{end}") for name in ("attitude", "patronage")])
            for end in ("low", "high")
        )
        width, height = (far - corner) * size
        shade = np.clip((row.mean - ends[0]) / (ends[1] - ends[0]), 0, 1)
        at = (corner + far) / 2 - np.array([width, height]) / 2
        axes.add_patch(Rectangle(at, width, height, color=ANSWERS(shade), lw=0, zorder=2))
    up = bins["patronage_low"].min(), bins["patronage_high"].max()
    room = 0.15 * (up[1] - up[0])
    axes.set(xlim=(bins["attitude_low"].min(), bins["attitude_high"].max()),
             ylim=(up[0] - room, up[1] + room))  # fmt: skip
    _round_axes(axes)
    axes.set_yticks([tick for tick in axes.get_yticks() if up[0] <= tick <= up[1]])


def _round_axes(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", labelsize=SMALL, labelcolor=QUIET)


def _means_ends(bins: pd.DataFrame) -> tuple[float, float]:
    """Means that take the deepest colours: few respondents make means that stand out by chance."""
    centre = np.average(bins["mean"], weights=bins["share"])
    spread = np.sqrt(np.average((bins["mean"] - centre) ** 2, weights=bins["share"])) or 1.0
    return float(centre - 2 * spread), float(centre + 2 * spread)


def _draw_cuts(axes: Axes, asked: Any, up: tuple[float, float] | None = None) -> None:
    """Draw both cuts with their band; ``up`` are the ends of the upright one."""
    low, high = up or (-np.inf, np.inf)
    bottom, top = axes.get_ylim()
    ends = np.array([max(low, bottom), min(high, top)])
    inside = (ends - bottom) / (top - bottom)
    band: dict[str, Any] = {"color": RULE, "alpha": 0.6, "lw": 0, "zorder": 0}
    for cut, span in ((asked.attitude_cut, axes.axvspan), (asked.patronage_cut, axes.axhspan)):
        limits = inside if span == axes.axvspan else (0, 1)
        span(cut - asked.band, cut + asked.band, *limits, **band)
    axes.plot([asked.attitude_cut] * 2, ends, color=INK, linewidth=0.8, zorder=3)
    axes.axhline(asked.patronage_cut, color=INK, linewidth=0.8, zorder=3)


def _corners(axes: Axes, types: pd.DataFrame) -> None:
    """Print the share of every type above or below its quarter of the map."""
    shares = shares_of(types)
    for name, (right, top) in _PLACES.items():
        row, share = shares.loc[name], "under ten respondents"
        if pd.notna(row["share"]):
            share = share_words(row)
        style: dict[str, Any] = {"ha": "right" if right else "left", "va": "center"}
        words = f"{NAMES[name].capitalize()}\n{share}"
        axes.text(0.99 if right else 0.01, 0.945 if top else 0.055, words, size=SMALL,
                  weight="bold", transform=axes.transAxes, zorder=4, **style)  # fmt: skip


def _legend(page: Page, ends: tuple[float, float], outcome: str) -> None:
    """Print what the colours mean."""
    bar = page.axes(5.65, 0.85, 0.16, 1.9)
    bar.imshow(np.linspace(1, 0, 64)[:, None], cmap=ANSWERS, aspect="auto", extent=(0, 1, 0, 1))
    bar.set_xticks([])
    words = [number(ends[0], 1), number(sum(ends) / 2, 1), number(ends[1], 1)]
    bar.set_yticks([0, 0.5, 1], words)
    bar.yaxis.tick_right()
    bar.tick_params(axis="y", labelsize=SMALL, labelcolor=QUIET, pad=2)
    bar.spines["bottom"].set_visible(False)
    page.write(fit(f"mean {outcome}", 1.25, size=SMALL, lines=3), 5.65, 0.75, size=SMALL,
               va="bottom")  # fmt: skip


def type_slope_lines(surface: pd.DataFrame, type_slopes: pd.DataFrame, study: Any) -> Figure:
    """Draw every outcome along attitude where patronage is low, at its mean and high.

    Parameters
    ----------
    surface, type_slopes : pandas.DataFrame
        As in results/surface.csv and results/type_slopes.csv.
    study : Study
        For the labels.

    Returns
    -------
    Figure
    """
    title = slopes_finding(type_slopes, study)
    own, other = dict.fromkeys(type_slopes["term"])
    shown = surface[surface["patronage_sds"].round(6).isin([-1, 0, 1])]
    ends = ["fitted", "conf_low", "conf_high"]
    away = shown[ends].sub(shown["outcome_mean"], axis=0).div(shown["outcome_sd"], axis=0)
    shown = shown.assign(**away)
    outcomes = list(dict.fromkeys(shown["outcome"]))
    note = (
        f"Lines: {named(other, study)} one SD below its mean, at it, one SD above, as far as "
        f"anybody's scores reach; controls at their means. Bands: 95% intervals. "
        f"{sample(shown['n'])}"
    )
    with house_style():
        remarks = [_slope_remark(type_slopes, own, name) for name in outcomes]
        grid = Planes([study.label(name) for name in outcomes], remarks)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        low, high = shown["attitude"].min(), shown["attitude"].max()
        room = (high - low) * 0.36 / (grid.width - 0.36)
        up = limits_of(shown[ends])
        labels = (f"{named(own, study)} (points)", "SDs of the outcome from its mean")
        for axes, name in zip(
            grid.draw(page, ((low, high + room), up), labels), outcomes, strict=True
        ):
            _draw_planes(axes, shown[shown["outcome"] == name], 0.13 * (up[1] - up[0]) / grid.depth)
    alt = f"{title}; every point is in results/surface.csv, slopes in results/type_slopes.csv."
    return Figure("type_slope_lines", title, alt, page.figure)


def _slope_remark(type_slopes: pd.DataFrame, term: str, outcome: str) -> str:
    rows = type_slopes[(type_slopes["outcome"] == outcome) & (type_slopes["term"] == term)]
    slopes = rows.set_index("at")["estimate"]
    return f"slope {number(slopes['low'])} (low) to {number(slopes['high'])} (high)"


def _draw_planes(axes: Axes, lines: pd.DataFrame, apart: float) -> None:
    """Draw three lines with their bands, each named at its end."""
    styles = {-1: ("low", ":"), 0: ("mean", "--"), 1: ("high", "-")}
    ends = []
    for sds, line in lines.groupby(lines["patronage_sds"].round(6)):
        word, style = styles[int(sds)]
        axes.fill_between(line["attitude"], line["conf_low"], line["conf_high"], color=GREY,
                          alpha=0.15, lw=0)  # fmt: skip
        axes.plot(line["attitude"], line["fitted"], style, color=INK, linewidth=1.3)
        ends.append((line["fitted"].iloc[-1], line["attitude"].iloc[-1], word))
    height = -np.inf
    for y, x, word in sorted(ends):
        height = max(y, height + apart)
        axes.annotate(word, (x, height), (3, 0), textcoords="offset points", size=SMALL,
                      va="center", bbox={"color": "white", "pad": 0.4, "lw": 0})  # fmt: skip
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= ends[0][1] + 1e-9])


def moved_cuts(type_band: pd.DataFrame, study: Any) -> Figure:
    """Draw the steps from type to type at the declared cuts, and their range when cuts are moved.

    Parameters
    ----------
    type_band : pandas.DataFrame
        As in results/type_band.csv.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When no pair of cuts leaves ten respondents in every type.
    """
    steps = type_band[type_band["quantity"] == "contrast"]
    if steps["estimate"].isna().all():
        raise RunError("results/type_band.csv holds no step between types. Leave this out.")
    title = band_finding(type_band, study)
    declared = steps[steps["declared"]]
    declared = declared.assign(side=sides(declared)).set_index(["outcome", "term"])
    ranges = steps.groupby(["outcome", "term"])["estimate"].agg(["min", "max"])
    outcomes = list(dict.fromkeys(steps["outcome"]))
    terms = [f"{upper} - {lower}" for upper, lower in STEPS]
    limits = limits_of(declared[_ENDS], ranges)
    note = (
        "Difference of means, controls held constant, in SDs of the outcome. Dots: at the declared "
        "cuts, with 95% intervals; grey: includes zero. Bars: all pairs of cuts within the band. "
        f"{sample(type_band['n'])}"
    )
    with house_style():
        words = [[_step_word(declared.loc[(name, term)]) for term in terms] for name in outcomes]
        rows = [f"{upper.capitalize()} less {lower}" for upper, lower in STEPS]
        grid = Panels([study.label(name) for name in outcomes], rows, words, pitch=0.34)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        opened = grid.draw(page, limits, "difference (SDs of the outcome)")
        for axes, name in zip(opened, outcomes, strict=True):
            for y, term in zip(grid.centres, terms, strict=True):
                row, ends = declared.loc[(name, term)], ranges.loc[(name, term)]
                axes.plot(ends, [y, y], color=COLOURS[row["side"]], linewidth=7, alpha=0.22)
                draw_mark(axes, y, row[_ENDS], row["side"])
    alt = f"{title}; every share and step at every pair of cuts is in results/type_band.csv."
    return Figure("moved_cuts", title, alt, page.figure)


def _step_word(row: pd.Series) -> Word:
    return Word(number(row["estimate"]), INK if row["side"] else QUIET)


def mixture_map(mixture: pd.DataFrame, mixture_classes: pd.DataFrame, study: Any) -> Figure:
    """Draw how well one to six classes fit, and where those of the best mixture lie.

    Parameters
    ----------
    mixture, mixture_classes : pandas.DataFrame
        As in results/mixture.csv and results/mixture_classes.csv.
    study : Study
        With its ``[types]``, for labels and cuts.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When no mixture was fitted.
    """
    if mixture["classes"].isna().all():
        raise RunError(f"results/mixture.csv: {mixture['note'].iloc[0]}. Leave this out.")
    title = mixture_finding(mixture)
    note = (
        "Left: BIC above that of the best; smaller is better. Right: classes of the best, each "
        "with the ellipse of one SD and its share; lines: the cuts of the four types. Respondents "
        f"count once each. {sample(mixture['n'])}"
    )
    with house_style():
        page = Page(title, 3.2, note, simulated=study.is_simulated)
        page.write("BIC by number of classes", 0.62, 0.1, weight="bold", va="top")
        _draw_bic(page.axes(0.62, 0.4, 2.1, 2.3), mixture)
        page.write("Classes of the best mixture", 3.55, 0.1, weight="bold", va="top")
        _draw_classes(page.axes(3.55, 0.4, WIDTH - 3.65, 2.3), mixture_classes, study.types)
        page.write("classes", 0.62, 3.0, va="top")
        asked = study.types
        page.write(fit(f"{named(asked.attitude, study)} (points)", 3.3, lines=1), 3.55, 3.0,
                   va="top")  # fmt: skip
        up = fit(f"{named(asked.patronage, study)} (points)", 2.4, size=SMALL, lines=1)
        page.write(up, 3.1, 1.55, rotation=90, ha="center", va="center", size=SMALL)
    alt = f"{title}; fits are in results/mixture.csv, classes in results/mixture_classes.csv."
    return Figure("mixture_map", title, alt, page.figure)


def _draw_bic(axes: Axes, mixture: pd.DataFrame) -> None:
    away = mixture["bic"] - mixture["bic"].min()
    axes.plot(mixture["classes"], away, color=GREY, linewidth=1)
    best = mixture["best"].astype(bool)
    axes.plot(mixture["classes"], away, "o", color=GREY, markersize=4)
    axes.plot(mixture.loc[best, "classes"], away[best], "o", color=BLUE, markersize=6)
    axes.set_xticks(mixture["classes"])
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(axis="y", labelsize=SMALL, labelcolor=QUIET)


def _draw_classes(axes: Axes, classes: pd.DataFrame, asked: Any) -> None:
    """Draw the ellipse of one SD of every class along the axes, with its share."""
    for row in classes[classes["n"].notna()].itertuples():
        at = row.attitude, row.patronage
        shape = Ellipse(at, 2 * row.attitude_sd, 2 * row.patronage_sd, fill=False, ec=BLUE,
                        lw=0.6 + 2.4 * row.share, zorder=4)  # fmt: skip
        axes.add_patch(shape)
        axes.text(*at, percent(row.share), ha="center", va="center", size=SMALL, zorder=5,
                  bbox={"color": "white", "alpha": 0.8, "pad": 0.8, "lw": 0})  # fmt: skip
    reach = {
        name: (
            (classes[name] - 1.3 * classes[f"{name}_sd"]).min(),
            (classes[name] + 1.3 * classes[f"{name}_sd"]).max(),
        )
        for name in ("attitude", "patronage")
    }
    axes.set(xlim=reach["attitude"], ylim=reach["patronage"])
    _draw_cuts(axes, asked)
    _round_axes(axes)
