"""Figures of the drivers: shares of explained variance, and effects against scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from loyalty_analysis.driver_captions import importance_finding, priorities, shares_finding
from loyalty_analysis.effect_captions import TWIN, sides
from loyalty_analysis.formatting import percent, sample
from loyalty_analysis.marks import COLOURS, beyond, draw_mark, draw_twin, limits_with_twins
from loyalty_analysis.panels import Panels, Word, limits_of, panel_columns
from loyalty_analysis.planes import Planes, place_labels
from loyalty_analysis.plotting import (
    GREY,
    INK,
    QUIET,
    SMALL,
    WIDTH,
    Figure,
    Page,
    fit,
    house_style,
    text_width,
)

_SHARE = ["share", "share_low", "share_high"]
_EFFECT = "effect_low", "effect_high"
_SIGNS = {"+": (1, "^"), "-": (-1, "v"), "": (0, "o")}


def driver_shares(drivers: pd.DataFrame, study: Any) -> Figure:
    """Draw the share of each outcome's variance that every driver accounts for.

    One panel per outcome; drivers by their mean share. Triangles point up where the slope is
    positive and down where it is negative; the rank with its 95% interval is printed.

    Parameters
    ----------
    drivers : pandas.DataFrame
        As in results/drivers.csv.
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
    >>> from loyalty_analysis.drivers import drivers
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> driver_shares(drivers(survey), survey.study).title
    'Largest share of explained variance: satisfaction for loyalty'
    """
    title = shares_finding(drivers, study)
    table = drivers.assign(sign=drivers["sign"].fillna("")).set_index(["outcome", "term"])
    means = drivers.groupby("term", sort=False)["share"].mean()
    terms = list(means.sort_values(ascending=False, kind="stable").index)
    outcomes = list(dict.fromkeys(drivers["outcome"]))
    twins = table[["latent", *TWIN]].astype(float)
    limits = limits_with_twins(table[[*_SHARE, "johnson"]], twins)
    limits = max(limits[0], -0.3 * limits[1]), limits[1]
    corrected = bool(twins["latent"].notna().any())
    outside = any(any(beyond(ends, limits)) for ends in twins[list(TWIN)].to_numpy())
    ranks = bool(drivers["rank_low"].notna().any())
    note = (
        f"Right: share, rank{' with 95% interval' if ranks else ''}. Up: positive slope; down: "
        "negative; grey: not told. Tick: Johnson's weight. "
        f"{'Hollow: corrected for measurement error. ' if corrected else ''}Lines: 95% intervals"
        f"{'; an arrow: beyond the axis' if outside else ''}. {sample(drivers['n'])}"
    )
    with house_style():
        lines = -(-len(outcomes) // panel_columns(len(outcomes)))
        pitch = float(np.clip(6.0 / (lines * len(terms)), 0.21, 0.3))
        words = [[_rank_word(table.loc[(y, x)]) for x in terms] for y in outcomes]
        heads, labels = ([study.label(name) for name in names] for names in (outcomes, terms))
        grid = Panels(heads, labels, words, pitch)
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        opened = grid.draw(page, limits, "share of the outcome's variance")
        for axes, outcome in zip(opened, outcomes, strict=True):
            axes.xaxis.set_major_formatter(lambda x, _: percent(x))
            for y, term in zip(grid.centres, terms, strict=True):
                _draw_share(axes, y, table.loc[(outcome, term)], limits, 0.05 * corrected)
    alt = f"{title}; every share, rank and interval is in results/drivers.csv."
    return Figure("driver_shares", title, alt, page.figure)


def _rank_word(row: pd.Series) -> Word:
    """Print a share and the interval of its rank, which is left out where it is a single rank."""
    ends = row[["rank_low", "rank_high"]].astype(float).fillna(row["rank"])
    rank = "–".join(dict.fromkeys(f"{end:g}" for end in ends))
    return Word(f"{percent(row['share'])}  #{rank}", INK if row["sign"] else QUIET)


def _draw_share(
    axes: Axes, y: float, row: pd.Series, limits: tuple[float, float], shift: float
) -> None:
    side, shape = _SIGNS[row["sign"]]
    draw_mark(axes, y - shift, row[_SHARE], side, shape)
    axes.plot(row["johnson"], y - shift, "|", color=INK, markersize=8, markeredgewidth=0.9)
    draw_twin(axes, y + shift, row[["latent", *TWIN]], side, limits)


def importance_performance(importance_performance: pd.DataFrame, study: Any) -> Figure:
    """Draw total effects against mean scores, with 95% intervals both ways.

    One panel per outcome; dashed lines are averages of the constructs shown. Points are numbered
    as in the key below.

    Parameters
    ----------
    importance_performance : pandas.DataFrame
        As in results/importance_performance.csv.
    study : Study
        For the labels and the kinds of outcome.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table is empty.

    Examples
    --------
    >>> from loyalty_analysis.performance import importance_performance as compare
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> importance_performance(compare(survey), survey.study).title
    'Larger total effect than average at a lower score: likeability for loyalty'
    """
    title = importance_finding(importance_performance, study)
    table = priorities(importance_performance, study)
    outcomes, terms = (list(dict.fromkeys(table[key])) for key in ("outcome", "term"))
    leaving = [study.model.outcomes.get(name) == "leaving" for name in outcomes]
    remarks = ["leaving: lower is wanted" if one else "" for one in leaving]
    note = (
        "Lines: 95% intervals. Dashed: averages of what is shown. Blue: positive; vermilion: "
        f"negative; grey: the interval includes zero. {sample(table['n'])}"
    )
    across = [table["score_low"].min(), table["score_high"].max()]
    air = 0.12 * (across[1] - across[0]) or 1.0
    limits = (across[0] - air, across[1] + air), limits_of(table.filter(regex="^effect"))
    direct = len(outcomes) == 1
    names = {
        term: fit(study.label(term) if direct else str(place), 1.6, size=SMALL, lines=1)
        for place, term in enumerate(terms, 1)
    }
    with house_style():
        planes = Planes([study.label(name) for name in outcomes], remarks)
        below = 0.0 if direct else 0.1 + 0.17 * -(-len(terms) // 3)
        page = Page(title, planes.height + below, note, simulated=study.is_simulated)
        labels = "mean score (0–100)", "total effect (points per point)"
        for axes, name in zip(planes.draw(page, limits, labels), outcomes, strict=True):
            _draw_map(axes, table[table["outcome"] == name], names, (planes.width, planes.depth))
        for place, term in enumerate([] if direct else terms):
            words = fit(f"{names[term]}  {study.label(term)}", 2.15, size=SMALL, lines=1)
            x, y = 0.1 + place % 3 * (WIDTH - 0.2) / 3, planes.height + 0.1 + 0.17 * (place // 3)
            page.write(words, x, y, size=SMALL, va="top")
    alt = (
        f"{title}; every effect and score with its interval is in "
        "results/importance_performance.csv."
    )
    return Figure("importance_performance", title, alt, page.figure)


def _draw_map(
    axes: Axes, rows: pd.DataFrame, names: Mapping[str, str], room: tuple[float, float]
) -> None:
    """Draw the points of one outcome, each with its name or number beside it."""
    style: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "linestyle": (0, (4, 3)), "zorder": 1}
    axes.axvline(rows["mean_score"].iloc[0], **style)
    axes.axhline(rows["mean_effect"].iloc[0], **style)
    rows = rows.dropna(subset=["score", "effect"])
    for row, side in zip(rows.itertuples(), sides(rows, _EFFECT), strict=True):
        colour = COLOURS[side]
        axes.plot([row.score_low, row.score_high], [row.effect] * 2, color=colour, linewidth=1)
        axes.plot([row.score] * 2, [row.effect_low, row.effect_high], color=colour, linewidth=1)
        axes.plot(row.score, row.effect, "o", color=colour, markersize=4.5)
    low, high = np.array([axes.get_xlim(), axes.get_ylim()]).T
    scale = np.array(room) / (high - low)
    points, first, last = (
        (rows[list(ends)].to_numpy(dtype=float) - low) * scale
        for ends in (
            ("score", "effect"),
            ("score_low", "effect_low"),
            ("score_high", "effect_high"),
        )
    )
    both = list(zip(first, points, last, strict=True))
    lines = [(a[0], at[1], b[0], at[1]) for a, at, b in both]
    lines += [(at[0], a[1], at[0], b[1]) for a, at, b in both]
    middle = (rows[["mean_score", "mean_effect"]].to_numpy(dtype=float)[0] - low) * scale
    levels = [middle[1], -low[1] * scale[1]]
    lines += [(0, y, room[0], y) for y in levels] + [(middle[0], 0, middle[0], room[1])]
    words = [names[term] for term in rows["term"]]
    sizes = np.array([(text_width(word, SMALL), 0.12) for word in words])
    for word, centre in zip(words, place_labels(points, sizes, lines, room), strict=True):
        x, y = centre / scale + low
        halo = [withStroke(linewidth=2, foreground="white")]
        axes.text(x, y, word, path_effects=halo, size=SMALL, ha="center", va="center_baseline")
