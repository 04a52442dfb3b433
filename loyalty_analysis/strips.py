"""Figures made of rows: how every item was answered, and how every claim was judged."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from loyalty_analysis import captions
from loyalty_analysis.errors import RunError, did_you_mean
from loyalty_analysis.formatting import VERDICT_MARKS, capitalised, percent, sample
from loyalty_analysis.plotting import (
    ANSWERS,
    INK,
    QUIET,
    RULE,
    SMALL,
    WIDTH,
    Figure,
    Page,
    fit,
    house_style,
    text_height,
    text_width,
    widest,
)

MARKERS: dict[str, dict[str, Any]] = {
    "contradicted": {"marker": "X", "markersize": 6},
    "supported": {"marker": "o", "markersize": 5.5},
    "negligible": {"marker": "s", "markersize": 5},
    "inconclusive": {"marker": "D", "markersize": 4.5, "markerfacecolor": "white"},
    "not testable": {"marker": "_", "markersize": 6, "markeredgewidth": 1.6},
}
"""How a mark stands for each verdict: another shape for each."""


def answers(answers: pd.DataFrame, study: Any) -> Figure:
    """Draw the answers to every item as stacked bars centred on the midpoint of the scale.

    Parameters
    ----------
    answers : pandas.DataFrame
        One row per item and scale point: ``construct, item, answer, share, n``; shares are of 1.
    study : Study
        For the labels.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When the table has no rows, as in a study known only by its moments.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> shares = {"construct": "affective", "item": "aff1", "answer": [1, 2, 3, 4], "n": 31}
    >>> table = pd.DataFrame(shares).assign(share=[0.1, 0.2, 0.3, 0.4])
    >>> answers(table, load_study("rice_simulated")).title
    'On the one item, more answers lie above the midpoint of the scale than below'
    """
    if answers.empty:
        raise RunError(
            "results/answers.csv holds no answers: a study known only by its moments has none, and "
            "items with more than 11 points are left out of it. Leave this figure out."
        )
    items = _items(answers)
    title = captions.answers_finding(items)
    note = (
        "Percentages: answers below and above the midpoint; a middle answer is split across the "
        f"line. {sample(answers['n'])}"
    )
    if items["scale"].nunique() == 1:
        note += f" Scale{items['scale'].iloc[0]}."
        items["scale"] = ""
    with house_style():
        page = _answer_page(title, note, items, study)
    alt = f"{title}; the share of every answer is in results/answers.csv."
    return Figure("answers", title, alt, page.figure)


def _items(answers: pd.DataFrame) -> pd.DataFrame:
    """One row per item: its answers from the lowest, and the shares either side of the midpoint."""
    ends = answers.groupby("construct", sort=False)["answer"].agg(["min", "max"])
    rows = []
    for (construct, item), table in answers.groupby(["construct", "item"], sort=False):
        low, high = ends.loc[construct]
        table = table.sort_values("answer")
        tone, share = (table["answer"] - low) / ((high - low) or 1), table["share"].fillna(0.0)
        below, above = share[tone < 0.5].sum(), share[tone > 0.5].sum()
        rows.append(
            {
                "construct": construct,
                "item": item,
                "scale": f"  ({low:g}–{high:g})",
                "tones": list(tone),
                "shares": list(share),
                "below": below,
                "above": above,
                "left": below + share[tone == 0.5].sum() / 2,
            }
        )
    return pd.DataFrame(rows)


def _answer_page(title: str, note: str, items: pd.DataFrame, study: Any) -> Page:
    """Draw the items with the shares either side of the midpoint in numbers."""
    laid = item_layout(items, study)
    limits = -items["left"].max() - 0.01, (1 - items["left"]).max() + 0.01
    page = Page(title, laid.height + 0.28, note, simulated=study.is_simulated)
    for left, rows in laid.columns:
        axes = page.axes(left + laid.room + 0.36, 0, laid.width - laid.room - 0.72, laid.height)
        axes.set(xlim=limits, ylim=(laid.height, 0))
        axes.set_axis_off()
        for row in rows:
            _draw_row(page, axes, row, left, left + laid.width - 0.34, left + laid.room + 0.34)
    _draw_key(page, laid.height + 0.06)
    return page


class ItemRow(NamedTuple):
    """A line of a figure about items, at ``y`` inches: an item, or the heading of a construct."""

    y: float
    label: str
    item: Any = None  # None for the heading of a construct


class ItemLayout(NamedTuple):
    """Where items stand: columns, each with its left edge and its rows, all in inches.

    ``width`` is that of a column, ``room`` the part of it that labels take.
    """

    columns: list[tuple[float, list[ItemRow]]]
    width: float
    room: float
    height: float


def item_layout(items: pd.DataFrame, study: Any) -> ItemLayout:
    """Lay out items under their constructs: in one column, or in two or three when many.

    Parameters
    ----------
    items : pandas.DataFrame
        ``construct, item, scale``, the last printed after the name of the construct.
    study : Study
        For the labels.
    """
    columns = _columns(items)
    width = (WIDTH - 0.2 - 0.25 * (len(columns) - 1)) / len(columns)
    most = {1: 2.2, 2: 1.0, 3: 0.6}[len(columns)]
    labels = [fit(study.label(item), most, size=SMALL) for item in items["item"]]
    room = 0.08 + max(widest(label, SMALL) for label in labels)
    laid = [_rows(column, study, width, room) for column in columns]
    lefts = [0.1 + place * (width + 0.25) for place in range(len(laid))]
    height = max(rows[-1].y for rows in laid) + 0.2
    return ItemLayout(list(zip(lefts, laid, strict=True)), width, room, height)


def _columns(items: pd.DataFrame) -> list[pd.DataFrame]:
    """Split the items into columns of about equal height, never within a construct."""
    wanted = 1 + (len(items) > 12) + (len(items) > 40)
    sizes = items.groupby("construct", sort=False).size() + 1.5
    middles = sizes.cumsum() - sizes / 2
    place = (middles / sizes.sum() * wanted).astype(int)
    return [column for _, column in items.groupby(items["construct"].map(place))]


def _rows(items: pd.DataFrame, study: Any, width: float, room: float) -> list[ItemRow]:
    rows, y = [], 0.0
    for (construct, scale), block in items.groupby(["construct", "scale"], sort=False):
        most = width - text_width(scale, SMALL, "bold")
        heading = fit(study.label(construct), most, size=SMALL, lines=1, weight="bold")
        rows.append(ItemRow(y + 0.13, heading + scale))
        y += 0.23
        for item in block.itertuples():
            label = fit(study.label(item.item), room, size=SMALL)
            height = max(0.18, text_height(label, SMALL) + 0.03)
            rows.append(ItemRow(y + height / 2, label, item))
            y += height
        y += 0.09
    return rows


def _draw_row(
    page: Page, axes: Axes, row: ItemRow, left: float, above: float, below: float
) -> None:
    style: dict[str, Any] = {"size": SMALL, "va": "center_baseline"}
    if row.item is None:
        page.write(row.label, left, row.y, weight="bold", **style)
        return
    shares = row.item.shares
    starts = accumulate(shares[:-1], initial=-row.item.left)
    colours = [ANSWERS(float(tone)) for tone in row.item.tones]
    bars = list(zip(starts, shares, strict=True))
    axes.broken_barh(bars, (row.y - 0.065, 0.13), facecolors=colours, edgecolor="white", lw=0.4)
    axes.plot([0, 0], [row.y - 0.09, row.y + 0.09], color=INK, linewidth=0.7)
    page.write(row.label, left, row.y, **style)
    page.write(percent(row.item.below), below, row.y, ha="right", color=QUIET, **style)
    page.write(percent(row.item.above), above, row.y, ha="left", color=QUIET, **style)


def _draw_key(page: Page, y: float) -> None:
    """Show which colour is the lowest answer and which the highest."""
    style: dict[str, Any] = {"size": SMALL, "va": "center_baseline", "color": QUIET}
    axes = page.axes(WIDTH / 2 - 0.6, y, 1.2, 0.13)
    axes.imshow([[k / 6 for k in range(7)]], cmap=ANSWERS, vmin=0, vmax=1, aspect="auto")
    axes.set_axis_off()
    page.write("lowest answer", WIDTH / 2 - 0.68, y + 0.065, ha="right", **style)
    page.write("highest answer", WIDTH / 2 + 0.68, y + 0.065, ha="left", **style)


def verdict_strip(verdicts: pd.DataFrame, study: Any) -> Figure:
    """Draw one mark per claim under its verdict, a row for each claim set.

    A claim judged on several outcomes with different verdicts stands under each of them, with
    how many of its outcomes came out so.

    Parameters
    ----------
    verdicts : pandas.DataFrame
        Columns ``claim_set, claim, part, verdict``; rows of parts are left out.
    study : Study
        Asked only whether its respondents are simulated.

    Returns
    -------
    Figure

    Raises
    ------
    RunError
        When a verdict is none of the five.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> verdicts = pd.DataFrame(
    ...     {"claim_set": "rivals", "claim": ["V1", "V2"], "part": "",
    ...      "verdict": ["supported", "not testable"]}
    ... )
    >>> verdict_strip(verdicts, load_study("rice_simulated")).title
    '2 claims: 1 supported and 1 not testable'
    """
    judged = verdicts[verdicts["part"].fillna("").astype(str) == ""]
    words = [_verdict(word) for word in judged["verdict"]]
    judged = judged.assign(verdict=words)
    claims = judged.groupby(["claim_set", "claim"], sort=False)
    title = captions.verdicts_finding(words, claims.ngroups)
    split = (claims["verdict"].nunique() > 1).any()
    several = " (1 of 2): so judged on one of the claim's two outcomes." if split else ""
    note = f"Each mark is a claim.{several}"
    with house_style():
        page = _strip_page(title, note, judged, study)
    alt = f"{title}; every verdict and its reason is in verdicts.csv."
    return Figure("verdict_strip", title, alt, page.figure)


def _verdict(word: str) -> str:
    if word not in VERDICT_MARKS:
        raise RunError(
            f"verdicts.csv, column verdict: found '{word}'. {did_you_mean(word, VERDICT_MARKS)}"
        )
    return word


def _strip_page(title: str, note: str, judged: pd.DataFrame, study: Any) -> Page:
    names = {name: fit(_words(name), 1.2) for name in dict.fromkeys(judged["claim_set"])}
    indent = 0.25 + max((widest(label) for label in names.values()), default=0.0)
    width = (WIDTH - 0.05 - indent) / len(VERDICT_MARKS)
    cells = {
        (name, word): _marks(judged[judged["claim_set"] == name], word, width)
        for name in names
        for word in VERDICT_MARKS
    }
    lines = {name: max(len(cells[name, word]) for word in VERDICT_MARKS) for name in names}
    heights = {name: 0.12 + max(0.19 * lines[name], text_height(names[name])) for name in names}
    height = 0.42 + sum(heights.values())
    page = Page(title, height, note, simulated=study.is_simulated)
    axes = page.axes(0, 0, WIDTH, height)
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    for column, word in enumerate(VERDICT_MARKS):
        _draw_head(axes, indent + column * width, word, (judged["verdict"] == word).sum())
    top = 0.42
    for name, label in names.items():
        axes.plot([0.1, WIDTH - 0.05], [top, top], color=RULE, linewidth=0.8)
        for k, line in enumerate(label.split("\n")):
            axes.text(0.1, top + 0.155 + 0.16 * k, line, va="center_baseline")
        for column, word in enumerate(VERDICT_MARKS):
            _draw_marks(axes, indent + column * width, top + 0.155, word, cells[name, word])
        top += heights[name]
    return page


def _words(name: str) -> str:
    return capitalised(name.replace("_", " "))


def _marks(judged: pd.DataFrame, word: str, width: float) -> list[list[tuple[float, str]]]:
    """Labels of one cell in lines, each with its distance from the left of the cell."""
    outcomes = judged.groupby("claim", sort=False)["verdict"].agg(list)
    labels = [
        claim if set(found) == {word} else f"{claim} ({found.count(word)} of {len(found)})"
        for claim, found in outcomes.items()
        if word in found
    ]
    labels = [fit(label, width - 0.3, size=SMALL, lines=1) for label in labels]
    slot = 0.28 + max((text_width(label, SMALL) for label in labels), default=0.0)
    most = max(1, int((width - 0.02) // slot))
    return [
        [(k * slot, label) for k, label in enumerate(labels[start : start + most])]
        for start in range(0, len(labels), most)
    ]


def _draw_head(axes: Axes, x: float, word: str, count: int) -> None:
    colour = VERDICT_MARKS[word].colour
    axes.plot(x + 0.06, 0.13, color=colour, linestyle="none", **MARKERS[word])
    axes.text(x + 0.17, 0.13, capitalised(word), size=SMALL, weight="bold", va="center_baseline")
    axes.text(x + 0.17, 0.28, str(count), size=SMALL, va="center_baseline")


def _draw_marks(
    axes: Axes, x: float, y: float, word: str, lines: Sequence[Sequence[tuple[float, str]]]
) -> None:
    for line in lines:
        for shift, label in line:
            colour = VERDICT_MARKS[word].colour
            axes.plot(x + shift + 0.06, y, color=colour, linestyle="none", **MARKERS[word])
            axes.text(x + shift + 0.17, y, label, size=SMALL, va="center_baseline")
        y += 0.19
