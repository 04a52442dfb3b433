"""The outcome that each level's slope predicts along the range of a driver, and its figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from loyalty_analysis.captions import named
from loyalty_analysis.formatting import sample
from loyalty_analysis.group_captions import lines_finding, shown_slopes
from loyalty_analysis.planes import Planes
from loyalty_analysis.plotting import GREY, INK, SMALL, Figure, Page, fit, house_style, text_width

_POINTS = 25
_STYLES = ("-", "--", ":", "-.")
COLUMNS = ["group", "level", "model", "outcome", "term", "slope", "x", "y", "low", "high"]


def marginal(
    slopes: pd.DataFrame, group_means: pd.DataFrame, descriptives: pd.DataFrame
) -> pd.DataFrame:
    """Predict outcomes along each driver in every level, other terms at their means there.

    Parameters
    ----------
    slopes, group_means, descriptives : pandas.DataFrame
        Rows of results/simple_slopes.csv, and of the two other files.

    Returns
    -------
    DataFrame
        group, level, model, outcome, term, slope (points per SD of the driver), x (SDs of all
        respondents from their mean; two SDs of the level to either side of its own), y (points),
        low, high (95% interval; it takes the mean of the outcome with all its spread, so that it
        is rather too wide).

    Examples
    --------
    >>> slope = {"group": "g", "level": "a", "model": "y.total", "outcome": "y", "term": "x"}
    >>> slope |= {"estimate": [0.5], "conf_low": 0.3, "conf_high": 0.7}
    >>> means = {"group": "g", "level": "a", "construct": ["x", "y"], "mean": [4.0, 5.0], "sd": 1.0}
    >>> means = pd.DataFrame(means | {"conf_low": [3.9, 4.9], "conf_high": [4.1, 5.1]})
    >>> whole = pd.DataFrame({"construct": ["x", "y"], "mean": [3.0, 5.0], "sd": [1.0, 2.0]})
    >>> line = marginal(pd.DataFrame(slope), means, whole)
    >>> line[["x", "y"]].iloc[[0, -1]].values.tolist()
    [[-1.0, 3.0], [3.0, 7.0]]
    """
    keys = ["group", "level"]
    ends = ["mean", "conf_low", "conf_high", "sd"]
    whole = descriptives.set_index("construct")[["mean", "sd"]].astype(float)
    means = group_means.set_index([*keys, "construct"])[ends].astype(float)
    tables = []
    for row in slopes.itertuples():
        own, out = (
            means.loc[(row.group, row.level, row.term)],
            means.loc[(row.group, row.level, row.outcome)],
        )
        unit = whole.loc[row.outcome, "sd"]
        centre = (own["mean"] - whole.loc[row.term, "mean"]) / whole.loc[row.term, "sd"]
        reach = 2 * own["sd"] / whole.loc[row.term, "sd"]
        x = centre + np.linspace(-reach, reach, _POINTS)
        y = out["mean"] + unit * row.estimate * (x - centre)
        half = np.hypot(
            (out["conf_high"] - out["conf_low"]) / 2,
            unit * (row.conf_high - row.conf_low) / 2 * (x - centre),
        )
        known = {name: getattr(row, name) for name in COLUMNS[:5]}
        line = {"slope": unit * row.estimate, "x": x, "y": y, "low": y - half, "high": y + half}
        tables.append(pd.DataFrame({**known, **line}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def marginal_lines(
    simple_slopes: pd.DataFrame,
    group_means: pd.DataFrame,
    descriptives: pd.DataFrame,
    study: Any,
    gates: pd.DataFrame | None = None,
    model: str = "",
) -> Figure:
    """Draw the outcome that each level's slope predicts along the range of the main drivers.

    One panel for each group column and each of the two drivers with the largest slopes. Up to four
    levels have bands and names; of more, those with the largest and the smallest slope are named.

    Parameters
    ----------
    simple_slopes, group_means, descriptives : pandas.DataFrame
        As in the files of results/.
    study : Study
        For the labels.
    gates : pandas.DataFrame, optional
        Whether levels may be compared.
    model : str
        An equation; by default that of the first outcome without the mediator.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds no slopes, or not this equation's.
    """
    slopes = shown_slopes(simple_slopes, study, model)
    sizes = slopes.groupby("term", sort=False)["estimate"].mean().abs()
    terms = list(sizes.nlargest(2).index)
    chosen = slopes.set_index("term").loc[terms].reset_index()
    lines = marginal(chosen, group_means, descriptives)
    title = lines_finding(lines, gates, study, slopes)
    panels = [(group, term) for group in dict.fromkeys(slopes["group"]) for term in terms]
    outcome = named(slopes["outcome"].iloc[0], study)
    note = (
        "Two SDs to either side of each level's own mean, other terms at their means in the level. "
        "Bands: 95% intervals, up to four levels; of more, the lines with the largest and the "
        f"smallest slope are named. {sample(slopes['n'])}"
    )
    with house_style():
        heads = [f"{study.label(group)}: {named(term, study)}" for group, term in panels]
        grid = Planes(heads, [""] * len(heads))
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        room = max(text_width(_short(level), SMALL) for level in lines["level"].unique()) + 0.1
        low, high = lines["x"].min(), lines["x"].max()
        across = (low, high + (high - low) * room / (grid.width - room))
        ends = lines[["y", "low", "high"]].to_numpy(dtype=float)
        up = (float(np.nanmin(ends)), float(np.nanmax(ends)))
        labels = ("driver, in SDs from the mean of all", f"predicted {outcome}, in points")
        for axes, (group, term) in zip(grid.draw(page, (across, up), labels), panels, strict=True):
            part = lines[(lines["group"] == group) & (lines["term"] == term)]
            _draw_lines(axes, part, 0.16 * (up[1] - up[0]) / grid.depth)
    alt = f"{title}; slopes are in results/simple_slopes.csv, means in results/group_means.csv."
    return Figure("marginal_lines", title, alt, page.figure)


def _draw_lines(axes: Axes, part: pd.DataFrame, apart: float) -> None:
    """Draw one line per level; few with bands, of many those with extreme slopes in black."""
    slope = part.groupby("level", sort=False)["slope"].first()
    few = len(slope) <= len(_STYLES)
    named_ones = list(slope.index) if few else [slope.idxmax(), slope.idxmin()]
    ends = []
    for level, line in part.groupby("level", sort=False):
        shown = level in named_ones
        style = _STYLES[named_ones.index(level)] if shown else "-"
        ink, width = (INK, 1.4) if shown else (GREY, 0.6)
        axes.plot(line["x"], line["y"], style, color=ink, linewidth=width, zorder=2 + shown)
        if few:
            axes.fill_between(line["x"], line["low"], line["high"], color=GREY, alpha=0.15, lw=0)
        if shown:
            ends.append((line["y"].iloc[-1], line["x"].iloc[-1], _short(level)))
    height = -np.inf
    for y, x, level in sorted(ends):
        height = max(y, height + apart)
        axes.annotate(
            level, (x, height), (3, 0), textcoords="offset points", size=SMALL, va="center"
        )


def _short(level: object) -> str:
    return fit(str(level), 1.1, size=SMALL, lines=1)
