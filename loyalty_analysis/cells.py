"""Cells of a survey file in words: how many, in which rows, and nothing that names a respondent."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from loyalty_analysis.preparation import SMALLEST_GROUP, as_numbers

# Numbers and signs of no answer; anything else could be somebody's words.
_HARMLESS = (
    r"(?i)-?\d{1,6}([.,]\d{1,4})?|-?inf|nan|n\.?[ak/]\.?|k\.?a\.?|none|unknown|missing"
    r"|true|false|[-–.?*x]+"
)


def texts(values: pd.Series) -> pd.Series:
    """Cells that hold something, but no number.

    Examples
    --------
    >>> texts(pd.Series(["4", "often", None])).to_dict()
    {1: 'often'}
    """
    return values[as_numbers(values).isna() & values.notna()]


def quoted(values: Iterable[object]) -> str:
    """Show up to three values that name nobody: numbers, signs of no answer, what ten people said.

    Examples
    --------
    >>> quoted(["4,5", "n.a.", "Anna"] + ["now and then, but never on Sundays"] * 10)
    "'now and then, but n…', '4,5', 'n.a.'"
    """
    cells = pd.Series([f"{v:g}" if isinstance(v, float) else str(v) for v in values], dtype=str)
    counts = cells.value_counts()
    several = counts.index[(counts >= SMALLEST_GROUP) | counts.index.str.fullmatch(_HARMLESS)]
    return ", ".join(repr(text if len(text) <= 20 else text[:19] + "…") for text in several[:3])


def found_in(cells: pd.Series) -> str:
    """Say in how many rows, in which first, and what they hold where that names nobody.

    Examples
    --------
    >>> found_in(pd.Series([0, "Anna"], index=[4, 7]))
    "2 rows (data rows 5, 8: '0')"
    """
    numbers = ", ".join(str(row + 1) for row in cells.index[:3]) + (", …" if len(cells) > 3 else "")
    held = quoted(cells)
    rows = f"{rows_of(len(cells))} (data row{'s' if len(cells) > 1 else ''} {numbers}"
    return f"{rows}: {held})" if held else f"{rows})"


def often(count: int) -> str:
    """Say how often.

    Examples
    --------
    >>> often(1), often(3)
    ('once', '3 times')
    """
    return "once" if count == 1 else f"{count} times"


def rows_of(count: int) -> str:
    """Count rows.

    Examples
    --------
    >>> rows_of(1), rows_of(3)
    ('1 row', '3 rows')
    """
    return f"{count} row" if count == 1 else f"{count} rows"
