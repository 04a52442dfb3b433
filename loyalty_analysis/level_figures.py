"""Figures of levels: the ladder of satisfaction, and the shape of its returns."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from loyalty_analysis.captions import named
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import capitalised, in_sentence, number, percent, sample
from loyalty_analysis.level_captions import (
    MANY_AT_TOP,
    curves_finding,
    ladder_finding,
    returns,
    told_steps,
)
from loyalty_analysis.marks import COLOURS
from loyalty_analysis.panels import Panels, Word, beside, limits_of
from loyalty_analysis.planes import Planes
from loyalty_analysis.plotting import GREY, INK, QUIET, SMALL, Figure, Page, house_style, text_width

_MEAN = ["mean", "mean_low", "mean_high"]
_LINE = ["y", "low", "high"]
_STYLES = {"linear": "--", "quadratic": ":", "spline": "-."}
_WAYS = {"steady": "straight line", "diminish": "diminishing", "grow": "growing", "vary": "bent"}


def satisfaction_ladder(steps: pd.DataFrame, descriptives: pd.DataFrame, study: Any) -> Figure:
    """Draw the adjusted mean of every outcome on each level, and the size of every step.

    One panel per outcome, ordered by kind; the highest level on top, lines join neighbours.

    Parameters
    ----------
    steps, descriptives : pandas.DataFrame
        As in results/steps.csv and results/descriptives.csv.
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
    if steps.empty:
        raise RunError("results/steps.csv holds no level of ten respondents. Leave this out.")
    title = ladder_finding(steps, study)
    outcomes = list(dict.fromkeys(steps["outcome"]))
    levels = _levels(steps, study)
    whole = descriptives.set_index("construct").loc[steps["outcome"], ["mean", "sd"]]
    away = (steps[_MEAN] - whole[["mean"]].to_numpy()) / whole[["sd"]].to_numpy()
    side = told_steps(steps)["side"].reindex(steps.index)
    table = steps.assign(printed=steps["mean"], side=side, **away).set_index(["outcome", "level"])
    kinds = steps.drop_duplicates("outcome").set_index("outcome")["kind"]
    note = (
        "Right of a level: mean in points, controls at their means; between levels: the step up in "
        "SDs of the outcome, grey where zero is not excluded. Thick lines: 95% intervals. "
        f"{_top_note(steps)}{sample([steps_n(steps)])}"
    )
    with house_style():
        heads = [_heading(study.label(name), kinds[name]) for name in outcomes]
        words = [
            [Word(number(table["printed"].get((name, level)))) for level in levels]
            for name in outcomes
        ]
        grid = Panels(heads, levels, words, pitch=0.34)
        printed = [_step_word(row).text for row in table.itertuples()]
        grid.gutter = max(grid.gutter, 0.1 + max(text_width(x, SMALL, "bold") for x in printed))
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        opened = grid.draw(page, limits_of(away), "SDs of all respondents from their mean")
        for axes, name in zip(opened, outcomes, strict=True):
            _draw_ladder(axes, grid, [table.loc[(name, x)] if (name, x) in table.index else None
                                      for x in levels])  # fmt: skip
    alt = f"{title}; every mean and step with its interval is in results/steps.csv."
    return Figure("satisfaction_ladder", title, alt, page.figure)


def _heading(label: str, kind: str) -> str:
    """A label with the kind of outcome before it, unless the label says it."""
    said = kind in label.lower()
    return label if said else f"{capitalised(kind)}: {in_sentence(label)}"


def steps_n(steps: pd.DataFrame) -> int:
    """Respondents on the levels shown."""
    return int(steps.drop_duplicates("level")["n"].sum())


def _levels(steps: pd.DataFrame, study: Any) -> list[str]:
    """Levels that are shown, the highest first."""
    known = set(steps["level"])
    return [name for name in reversed(study.levels.names) if name in known]


def _top_note(steps: pd.DataFrame) -> str:
    many = bool((steps["top_share"] > MANY_AT_TOP).any())
    return "Where many have the highest score, steps look smaller than they are. " * many


def _draw_ladder(axes: Axes, grid: Panels, rows: list[pd.Series | None]) -> None:
    """Draw rungs from the top; between neighbours a riser, with the step printed beside it."""
    for place, row in enumerate(rows):
        if row is None:
            continue
        y = grid.centres[place]
        axes.plot(row[_MEAN[1:]], [y, y], color=INK, linewidth=1.8, zorder=3)
        axes.plot(row["mean"], y, "o", color=INK, markersize=4, zorder=3)
        below = rows[place + 1] if place + 1 < len(rows) else None
        if below is None or pd.isna(row["step"]):
            continue
        under, colour = grid.centres[place + 1], COLOURS[int(row["side"])]
        stairs = ([below["mean"], below["mean"], row["mean"]], [under, y, y])
        axes.plot(*stairs, color=colour, linewidth=1.1, zorder=2)
        beside(axes, (y + under) / 2, _step_word(row))


def _step_word(row: Any) -> Word:
    """The size of a step with its sign, in the colour of the side it lies on."""
    if pd.isna(row.step):
        return Word("")
    sign = "+" if row.step >= 0.005 else ""
    return Word(f"{sign}{number(row.step)}", COLOURS[int(row.side)], "bold")


def returns_to_satisfaction(
    curves: pd.DataFrame, curve_points: pd.DataFrame, descriptives: pd.DataFrame, study: Any
) -> Figure:
    """Draw the straight line, quadratic and spline of satisfaction on every outcome.

    One panel per outcome; solid, with its band: the shape that predicts best.

    Parameters
    ----------
    curves, curve_points, descriptives : pandas.DataFrame
        As in the files of results/.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the tables are empty.
    """
    if curves.empty:
        raise RunError("results/curves.csv holds no curve to draw. Leave this out.")
    title, table = curves_finding(curves, study), returns(curves)
    whole = descriptives.set_index("construct").loc[curve_points["outcome"], ["mean", "sd"]]
    away = (curve_points[_LINE] - whole[["mean"]].to_numpy()) / whole[["sd"]].to_numpy()
    lines = curve_points.assign(**away)
    x, many = lines["x"].to_numpy(), bool((table["ceiling"] > MANY_AT_TOP).any())
    note = (
        "Solid, with its 95% band: the shape that predicts those left out best. Grey: the others "
        "(dashes: straight line; dots: quadratic; dash-dots: spline). Controls at their means. "
        f"{'At the top: share with the highest score. ' * many}{sample(curves['n'])}"
    )
    with house_style():
        heads = [study.label(name) for name in table.index]
        grid = Planes(heads, [_remark(row) for row in table.itertuples()])
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        score = named(curves["score"].iloc[0], study)
        labels = (f"{score}, in points", "predicted, in SDs from the mean")
        limits = ((float(x.min()), float(x.max())), limits_of(lines[_LINE]))
        for axes, name in zip(grid.draw(page, limits, labels), table.index, strict=True):
            own = lines[lines["outcome"] == name]
            for shape, line in own.groupby("shape", sort=False):
                _draw_shape(axes, line, str(shape), shape == table.loc[name, "shape"])
    alt = f"{title}; losses are in results/curves.csv, the lines in results/curve_points.csv."
    return Figure("returns_to_satisfaction", title, alt, page.figure)


def _remark(row: Any) -> str:
    many = f", {percent(row.ceiling)} at the top" if row.ceiling > MANY_AT_TOP else ""
    return f"{_WAYS[row.way]}{many}"


def _draw_shape(axes: Axes, line: pd.DataFrame, shape: str, best: bool) -> None:
    if best:
        axes.fill_between(line["x"], line["low"], line["high"], color=GREY, alpha=0.25, lw=0)
    style = "-" if best else _STYLES[shape]
    ink, width = (INK, 1.6) if best else (QUIET, 0.9)
    axes.plot(line["x"], line["y"], style, color=ink, linewidth=width, zorder=2 + best)
