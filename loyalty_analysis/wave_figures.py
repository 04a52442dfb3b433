"""Figures of waves: slopes as lines with bands, verdicts as a strip, who answered as dots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from loyalty_analysis.captions import named
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import VERDICT_MARKS, capitalised, listing, number, sample
from loyalty_analysis.panels import Panels, Word, limits_of
from loyalty_analysis.planes import Planes
from loyalty_analysis.plotting import (
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
    text_width,
)
from loyalty_analysis.strips import MARKERS
from loyalty_analysis.wave_captions import (
    changes_finding,
    composition_finding,
    differing,
    verdict_kinds,
    verdicts_finding,
    wave_name,
)

CONSTRUCTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1a1a1a")
"""Okabe-Ito colours of drivers, in the order of the study."""
_MOST_CLAIMS = 30
_BANDS = ["estimate", "conf_low", "conf_high"]


def slopes_over_waves(
    waves: pd.DataFrame, study: Any, changes: pd.DataFrame | None = None, each: str = "wave"
) -> Figure:
    """Draw the slope of every driver over waves, a panel for each equation.

    Parameters
    ----------
    waves : pandas.DataFrame
        As in results/waves.csv.
    study : Study
        For the labels and the order of the drivers.
    changes : pandas.DataFrame, optional
        As in results/wave_changes.csv, for the title.
    each : str
        What a point is: ``wave``, or ``run`` for kept runs.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds no slope.
    """
    if not waves["estimate"].notna().any():
        raise RunError("results/waves.csv holds no slope. Leave this figure out.")
    title = _about(changes_finding(changes, study), each)
    models = list(dict.fromkeys(waves["model"]))
    names, colours = list(dict.fromkeys(waves["wave"])), construct_colours(waves, study)
    short = short_labels(list(colours), study)
    note = (
        "Standardized slopes, other drivers and controls held constant. Bands: 95% intervals. "
        f"{_empty(waves)}{sample(waves['n'])}"
    )
    with house_style():
        heads = [study.label(waves.loc[waves["model"] == one, "outcome"].iloc[0]) for one in models]
        grid = Planes(heads, [""] * len(heads))
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        wide = 0.12 + max(text_width(_cut(label), SMALL) for label in short.values())
        last = len(names) - 1.0
        across = (-0.08 * last, last + last * wide / (grid.width - wide))
        up = limits_of(waves[_BANDS])
        for axes, model in zip(
            grid.draw(page, (across, up), (each, "standardized slope")), models, strict=True
        ):
            _wave_axis(axes, names, grid.width * last / (across[1] - across[0]))
            apart = 0.14 * (up[1] - up[0]) / grid.depth
            _lines(axes, waves[waves["model"] == model], names, colours, short, apart)
    file = "results/regression.csv of each run" if each == "run" else "results/waves.csv"
    alt = f"{title}; every slope with its interval is in {file}."
    return Figure(f"slopes_over_{each}s", title, alt, page.figure)


def _about(title: str, each: str) -> str:
    """Say runs for waves, where runs are compared; names of waves stay."""
    return (
        title if each == "wave" else title.replace("waves", "runs").replace("per wave", "per run")
    )


def _empty(waves: pd.DataFrame) -> str:
    """Name the waves without any slope."""
    known = waves.groupby("wave", sort=False)["estimate"].count()
    gone = [wave_name(str(name)) for name in known.index[known == 0]]
    return f"Too few respondents to show: {listing(gone, 6)}. " if gone else ""


def construct_colours(waves: pd.DataFrame, study: Any) -> dict[str, str]:
    """Give every construct one colour: drivers in the order of the study, then others; grey last.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = pd.DataFrame({"term": ["forced", "affective"]})
    >>> construct_colours(table, load_study("rice_simulated"))
    {'affective': '#0072B2', 'forced': '#CC79A7'}
    """
    order = dict.fromkeys([*study.model.drivers, *waves["term"]])
    colours = [*CONSTRUCTS, *[GREY] * len(order)]
    drawn = set(waves["term"])
    return {name: colour for name, colour in zip(order, colours, strict=False) if name in drawn}


def short_labels(names: Sequence[str], study: Any) -> dict[str, str]:
    """Label constructs without the last word, where several share it and nothing else.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> short_labels(["affective", "forced"], load_study("rice_simulated"))
    {'affective': 'Affective', 'forced': 'Forced'}
    """
    labels = {name: study.label(name) for name in names}
    words = {name: label.rsplit(" ", 1) for name, label in labels.items()}
    ends = [parts[-1] for parts in words.values() if len(parts) == 2]
    return {name: parts[0] if len(parts) == 2 and ends.count(parts[-1]) > 1 else labels[name]
            for name, parts in words.items()}  # fmt: skip


def _cut(label: str) -> str:
    return fit(label, 0.85, size=SMALL, lines=1)


def _wave_axis(axes: Axes, names: Sequence[str], room: float) -> None:
    """Name the waves below the axis, as many as there is room for."""
    wide = max(text_width(name, SMALL) for name in names) + 0.08
    every = max(1, int(np.ceil(wide * (len(names) - 1) / room))) if len(names) > 1 else 1
    places = list(range(0, len(names), every))
    axes.set_xticks(places, [fit(names[place], 0.8, size=SMALL, lines=1) for place in places])
    axes.xaxis.set_minor_locator(NullLocator())


def _lines(
    axes: Axes, part: pd.DataFrame, names: Sequence[str], colours: dict[str, str],
    short: dict[str, str], apart: float,
) -> None:  # fmt: skip
    """Draw a line with its band for each driver, and its name at the end, none upon another."""
    ends = []
    for term, line in part.groupby("term", sort=False):
        table = line.set_index("wave")[_BANDS].astype(float).reindex(list(names))
        x, colour = np.arange(len(names)), colours[str(term)]
        axes.fill_between(x, table["conf_low"], table["conf_high"], color=colour, alpha=0.13, lw=0)
        axes.plot(x, table["estimate"], "-o", color=colour, linewidth=1.5, markersize=3)
        known = table["estimate"].dropna()
        if len(known):
            ends.append((float(known.iloc[-1]), _cut(short[str(term)]), colour))
    ends.sort()
    for y, (_, label, colour) in zip(_spread([end[0] for end in ends], apart), ends, strict=True):
        style: dict[str, Any] = {"textcoords": "offset points", "size": SMALL, "va": "center"}
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # over the zero line
        axes.annotate(label, (len(names) - 1, y), (5, 0), color=colour, bbox=paper, **style)


def _spread(heights: Sequence[float], apart: float) -> np.ndarray:
    """Move heights, in order, until they are far enough apart, each as little as can be."""
    # By isotonic regression of what is left when the room that each needs is taken away.
    room = apart * np.arange(len(heights))
    blocks: list[list[float]] = []
    for value in np.asarray(heights, dtype=float) - room:
        blocks.append([value])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    level = [float(np.mean(block)) for block in blocks for _ in block]
    return np.array(level) + room


def verdicts_over_waves(
    verdicts: pd.DataFrame, waves: Sequence[str], study: Any, each: str = "wave"
) -> Figure:
    """Draw the verdict on every claim in every wave: claims as rows, those that change first.

    Parameters
    ----------
    verdicts : pandas.DataFrame
        As in results/wave_verdicts.csv; rows of parts are left out.
    waves : sequence of str
        All waves in order; one that judges nothing has an empty column.
    study : Study
        For the labels.
    each : str
        ``wave`` or ``run``.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When no claim was judged.
    """
    if verdicts.empty:
        raise RunError("results/wave_verdicts.csv holds no verdict. Leave this figure out.")
    title = _about(verdicts_finding(verdicts), each)
    kinds = verdict_kinds(verdicts).sort_values("kinds", ascending=False, kind="stable")
    shown, left = kinds.head(_MOST_CLAIMS), max(len(kinds) - _MOST_CLAIMS, 0)
    whole = verdicts[verdicts["part"].fillna("") == ""]
    note = f"A row is a claim on an outcome, a column a {each}."
    note += f" {left} claims with the same verdict throughout are not drawn." if left else ""
    with house_style():
        labels = [_claim(row, study) for row in shown.itertuples()]
        height = 0.62 + 0.2 * len(labels)
        page = Page(title, height, note, simulated=study.is_simulated)
        indent = 0.3 + max(text_width(label, SMALL) for label in labels)
        axes = page.axes(0, 0, WIDTH, height)
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        pitch = min(1.1, (WIDTH - indent - 0.2) / len(waves))
        places = {name: indent + pitch * (k + 0.5) for k, name in enumerate(waves)}
        _key(axes)
        for name, x in places.items():
            label = fit(name, max(pitch - 0.05, 0.2), size=SMALL, lines=1)
            axes.text(x, 0.42, label, size=SMALL, weight="bold", ha="center", va="center_baseline")
        keys = ["claim_set", "claim", "outcome"]
        for k, (label, row) in enumerate(zip(labels, shown.itertuples(), strict=True)):
            y = 0.66 + 0.2 * k
            axes.plot([0.1, WIDTH - 0.1], [y - 0.1] * 2, color=RULE, linewidth=0.6)
            axes.text(0.1, y, label, size=SMALL, va="center_baseline")
            own = whole[(whole[keys] == [row.claim_set, row.claim, row.outcome]).all(axis=1)]
            for one in own.itertuples():
                _mark(axes, places[one.wave], y, one.verdict)
    file = "verdicts.csv of each run" if each == "run" else "results/wave_verdicts.csv"
    alt = f"{title}; every verdict is in {file}."
    return Figure(f"verdicts_over_{each}s", title, alt, page.figure)


def _claim(row: Any, study: Any) -> str:
    about = f"{row.claim}  {named(row.outcome, study)}" if row.outcome else str(row.claim)
    return fit(about, 2.4, size=SMALL, lines=1)


def _mark(axes: Axes, x: float, y: float, word: str) -> None:
    axes.plot(x, y, color=VERDICT_MARKS[word].colour, linestyle="none", **MARKERS[word])


def _key(axes: Axes) -> None:
    """Print what the marks mean, above the columns."""
    x = 0.16
    for word in VERDICT_MARKS:
        _mark(axes, x, 0.14, word)
        label = capitalised(word)
        axes.text(x + 0.11, 0.14, label, size=SMALL, va="center_baseline")
        x += 0.34 + text_width(label, SMALL)


def composition_of_waves(composition: pd.DataFrame, study: Any) -> Figure:
    """Draw who answered in each wave: shares and means as distances from all waves, in SDs.

    Parameters
    ----------
    composition : pandas.DataFrame
        As in results/composition.csv.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table holds nothing to draw.
    """
    known = composition[composition["largest"].notna()]
    if known.empty:
        raise RunError("results/composition.csv holds nothing to draw. Leave this figure out.")
    title = composition_finding(composition, study)
    rows = known.drop_duplicates(["column", "level"])
    rows = rows.sort_values("largest", ascending=False, kind="stable").head(_MOST_CLAIMS)
    names = list(dict.fromkeys(composition["wave"]))
    note = (
        f"Hollow: {names[0]}, the first; filled: {names[-1]}, the last; small: waves between. "
        "Right: largest difference between two waves, in SDs; black: at least 0.2, and beyond "
        f"chance (Holm). {_undrawn(known)}{sample(composition['n'])}"
    )
    labels = [f"{study.label(row.column)}{f': {row.level}' if row.level else ''}"
              for row in rows.itertuples()]  # fmt: skip
    ink = [INK if far else QUIET for far in differing(rows)]
    with house_style():
        words = [Word(number(size), colour)
                 for size, colour in zip(rows["largest"], ink, strict=True)]  # fmt: skip
        grid = Panels(["Who answered, against all waves"], labels, [words])
        page = Page(title, grid.height, note, simulated=study.is_simulated)
        [axes] = grid.draw(page, limits_of(known["away"]), "SDs from all waves together")
        for y, row, colour in zip(grid.centres, rows.itertuples(), ink, strict=True):
            own = known[(known["column"] == row.column) & (known["level"] == row.level)]
            own = own[own["away"].notna()]  # shares that few respondents hold are not drawn
            axes.plot([own["away"].min(), own["away"].max()], [y, y], color=colour, linewidth=0.9)
            for one in own.itertuples():
                size = 5 if one.wave in (names[0], names[-1]) else 2.5
                face = "white" if one.wave == names[0] else colour
                axes.plot(one.away, y, "o", color=colour, mfc=face, markersize=size, zorder=3)
    alt = f"{title}; every share and mean is in results/composition.csv."
    return Figure("composition_of_waves", title, alt, page.figure)


def _undrawn(known: pd.DataFrame) -> str:
    gone = bool(known["away"].isna().any())
    return "Rows without points: too few respondents to show; the difference is a guide. " * gone
