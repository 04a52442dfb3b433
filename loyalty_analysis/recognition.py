"""Respondents recognised in printed tables.

A printed row gives a respondent away when it is unlikely to agree with a row of the data by
accident. Its *bits* say how unlikely: ``-log2(n p1 p2 ...)``, n the rows of the data, p the share
of rows with each of the values; an unrelated row agrees with some respondent with a chance of at
most ``2**-bits``. Where only few columns are printed, rows in the order of the file add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyalty_analysis.moments import Array
from loyalty_analysis.printed_tables import Printed

ENOUGH = 20.0
"""Bits from which on rows are no accident: one table in a million."""
SINGLE, COLUMNS, ROWS, ORDERED = 4, 3, 10, 5
"""Values of a single row, columns of several rows, rows alone, rows in order, that count."""
MOST_ROWS, MOST_WORK = 60, 20_000_000
"""Rows of one table, and cells in all, that are compared."""
MOST_GRADES = 120
"""Different numbers of a column that is looked for where no names are printed."""
SUMMARIES = frozenset(
    ["count", "mean", "std", "sd", "min", "max", "sum", "median", "mode", "unique", "top", "freq",
     "n", "25%", "50%", "75%", "5%", "10%", "90%", "95%"]
)  # fmt: skip
"""What the rows of a summary are called, as pandas does; none of them is a respondent."""


@dataclass(frozen=True, eq=False)
class Column:
    """A column of the data, its cells as numbers: words are numbered.

    Attributes
    ----------
    values : numpy.ndarray
        One number per row, to two decimals.
    words : dict or None
        Numbers of words; None where the column holds numbers.
    shares : dict
        Share of the rows by value.
    """

    values: Array
    words: dict[str, float] | None
    shares: dict[float, float]

    @property
    def is_graded(self) -> bool:
        """Whether it holds answers, scores or the like: few different numbers."""
        return self.words is None and len(self.shares) <= MOST_GRADES

    def code(self, cell: str) -> float | None:
        """Number of a printed cell; None where no respondent has it, nan where it is empty.

        Examples
        --------
        >>> column = column_of(pd.Series(["DE", "US"]))
        >>> column.code("US"), column.code("FR"), column_of(pd.Series([4.333333])).code("4.33")
        (1.0, None, 4.33)
        """
        if cell in ("", "NaN", "nan", "None", "null", "NA", "<NA>", "..."):
            return np.nan
        try:
            value = self.words[cell] if self.words is not None else round(float(cell), 2)
        except (KeyError, ValueError, OverflowError):
            return None
        return value if value in self.shares else None


def column_of(values: pd.Series) -> Column:
    """Number the cells of a column.

    Examples
    --------
    >>> column_of(pd.Series([1, 2, 2, None])).shares
    {2.0: 0.5, 1.0: 0.25}
    """
    words = None
    if values.dtype.kind in "biuf":
        numbers = np.round(values.to_numpy(dtype=float), 2)
    else:
        codes, found = pd.factorize(values.astype(str).where(values.notna()))
        numbers = np.where(codes < 0, np.nan, codes).astype(float)
        words = {str(word): float(code) for code, word in enumerate(found)}
    kinds, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    shares = {float(kinds[k]): float(counts[k] / max(len(numbers), 1)) for k in order}
    return Column(numbers, words, shares)


class Respondents:
    """What is known of respondents: one frame, its cells as numbers.

    Parameters
    ----------
    frame : DataFrame
        One row per respondent.
    key : str, optional
        The column that identifies them.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame(rng.integers(1, 8, (100, 6)), columns=list("abcdef"))
    >>> known = Respondents(frame)
    >>> rows = tuple(tuple(map(str, row)) for row in frame.head(5).to_numpy())
    >>> known.shown(Printed(tuple("abcdef"), rows, tuple("01234")))
    'rows of 5 respondents'
    >>> means = ("4.02", "4.11", "3.9", "4", "4", "4.2")
    >>> known.shown(Printed(tuple("abcdef"), (means,), ("mean",)))
    ''
    """

    def __init__(self, frame: pd.DataFrame, key: str | None = None) -> None:
        self.n, self.key = len(frame), key
        self.columns = {str(name): column_of(frame[name]) for name in frame}
        self.graded = [name for name, one in self.columns.items() if one.is_graded]
        self.begins: dict[float, list[int]] = {}
        for start, name in enumerate(self.graded):
            for value in self.columns[name].shares:
                self.begins.setdefault(value, []).append(start)
        self.work = 0

    def shown(self, table: Printed) -> str:
        """Say what of respondents a table shows; empty where it shows nothing of them."""
        if not table.header:
            return self._unnamed(table)
        return self._named(table) or (self._named(table.turned) if table.rows else "")

    def _named(self, table: Printed) -> str:
        places = [(place, name) for place, name in enumerate(table.header) if name in self.columns]
        names = [name for _, name in places]
        if not names or len(set(names)) < len(names):
            return ""
        rows, labels = _chosen(table)
        codes = [
            [self.columns[name].code(row[place]) for place, name in places]
            for row, label in zip(rows, labels, strict=True)
            if label.strip().lower() not in SUMMARIES
        ]
        possible = [row for row in codes if None not in row]
        found = [self._bits(names, row) for row in possible]
        whole = [bits for bits in found if bits is not None]
        if self._keyed(names, len(whole)):
            return f"identifiers of {_counted(len(whole))}"
        varied = [bits for bits, row in zip(found, possible, strict=True)
                  if bits is not None and _kinds(row) >= min(3, len(names))]  # fmt: skip
        if len(names) >= SINGLE and max(varied, default=0) >= ENOUGH:
            return f"rows of {_counted(len(whole))}"
        several = len(names) >= COLUMNS and len(varied) >= max(2, len(codes) / 2)
        if several and sum(max(bits, 0) for bits in set(varied)) >= ENOUGH:
            return f"rows of {_counted(len(whole))}"
        numbered = all(not label.strip() or _is_number(label) for label in labels)
        alike = len(whole) == len(codes) >= ROWS and len(varied) >= ROWS / 2
        if len(names) >= COLUMNS and alike and numbered:
            return f"rows of {_counted(len(whole))}"
        return f"answers of {_counted(len(codes))}" if self._in_order(names, codes) else ""

    def _keyed(self, names: Sequence[str], rows: int) -> bool:
        """Whether rows name respondents: their identifier, and another value that is theirs."""
        return self.key in names and ((rows >= 1 and len(names) >= 2) or rows >= 2)

    def _bits(self, names: Sequence[str], row: Sequence[float | None]) -> float | None:
        """How unlikely agreement with a respondent is; None where there is no such respondent."""
        rows, bits = np.arange(self.n), -np.log2(max(self.n, 1))
        for name, value in zip(names, row, strict=True):
            if value is None or np.isnan(value):
                continue
            column = self.columns[name]
            self.work += len(rows)
            rows = rows[column.values[rows] == value]
            bits -= np.log2(column.shares[value])
            if not len(rows):
                return None
        return float(bits)

    def _in_order(self, names: Sequence[str], codes: Sequence[Sequence[float | None]]) -> bool:
        """Whether rows stand as they do in the data, one after the other."""
        if len(codes) < ORDERED or any(None in row for row in codes) or self.key == names[0]:
            return False
        starts, bits = np.arange(self.n - len(codes) + 1), -np.log2(max(self.n, 1))
        kinds = set()
        for step, row in enumerate(codes):
            for name, value in zip(names, row, strict=True):
                column = self.columns[name]
                assert value is not None
                cells = column.values[starts + step]
                starts = starts[np.isnan(cells) if np.isnan(value) else cells == value]
                bits -= 0.0 if np.isnan(value) else np.log2(column.shares[value])
                kinds.add((name, value))
        return bool(len(starts)) and bits >= ENOUGH and len(kinds) >= len(names) + 2

    def _unnamed(self, table: Printed) -> str:
        """Lines of numbers that agree with columns that stand side by side in the data."""
        found, tried = [], 0
        for row in _chosen(table)[0]:
            if self.work > MOST_WORK:
                break
            numbers = [round(float(cell), 2) for cell in row]
            bits = max(self._run(numbers[skip:]) for skip in range(3))
            tried += 1
            found += [bits] if bits > 0 else []
        enough = max(found, default=0) >= ENOUGH + 10 or (
            len(found) >= max(2, tried / 2) and sum(set(found)) >= ENOUGH + 10
        )
        return f"rows of {_counted(len(found))}" if enough else ""

    def _run(self, row: Sequence[float]) -> float:
        """Bits of the best agreement that begins with the first number."""
        best = 0.0
        if len(row) < SINGLE or not all(value in self.begins for value in row[:SINGLE]):
            return best
        for start in self.begins[row[0]]:
            upto = self._upto(row, start)
            if upto >= SINGLE and _kinds(row[:upto]) >= 3:
                bits = self._bits(self.graded[start : start + upto], row[:upto])
                best = max(best, (bits or 0.0) - np.log2(len(self.graded)))
        return best

    def _upto(self, row: Sequence[float], start: int) -> int:
        """How many numbers are values of the columns from one on."""
        for place, (value, name) in enumerate(zip(row, self.graded[start:], strict=False)):
            if value not in self.columns[name].shares:
                return place
        return min(len(row), len(self.graded) - start)


def _chosen(table: Printed) -> tuple[list[tuple[str, ...]], list[str]]:
    """The first rows of a table, and as many spread over the rest."""
    step = max(1, len(table.rows) // MOST_ROWS)
    rows = [*range(min(MOST_ROWS, len(table.rows))), *range(MOST_ROWS, len(table.rows), step)]
    return [table.rows[row] for row in rows], [table.labels[row] for row in rows]


def _kinds(row: Sequence[float | None]) -> int:
    return len({value for value in row if value is not None and not np.isnan(value)})


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _counted(count: int) -> str:
    return "1 respondent" if count == 1 else f"{count} respondents"
