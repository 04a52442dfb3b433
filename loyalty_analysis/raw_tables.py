"""What a data file holds before a study is laid over it: cells, labels, codes of no answer.

Every format ends here: dates as text, numbers as numbers, the same words read as no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from itertools import islice
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError, InUseError
from loyalty_analysis.patience import in_use

MOST_COLUMNS = 20_000
MOST_CELLS = 200_000_000
"""Beyond these a file is refused before it fills the memory."""
MISSING_WORDS = frozenset(
    ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"]
)  # fmt: skip
"""What pandas reads as no answer in a CSV file; texts of other formats are read alike."""


@dataclass(frozen=True, eq=False)
class Table:
    """A data file as it was read.

    Attributes
    ----------
    frame : DataFrame
        One row per respondent; codes as stored, user-missing ones too.
    labels : dict
        Variable label by column: SPSS, Stata, the question text of Qualtrics.
    value_labels : dict
        Label of each labelled code, by column.
    missing : dict
        Codes that the file itself declares as no answer, by column.
    notes : tuple of str
        What was recognised: separator, sheet, header rows.
    warnings : tuple of str
        What was assumed and may be wrong.
    columns : tuple of str
        Every column of the file, also those that were not asked for.
    written : callable
        Columns as texts, as the file writes them, empty where it is empty.
    """

    frame: pd.DataFrame
    labels: dict[str, str] = field(default_factory=dict)
    value_labels: dict[str, dict[object, str]] = field(default_factory=dict)
    missing: dict[str, tuple[object, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    written: Callable[[Sequence[str]], pd.DataFrame] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Never a respondent: counts."""
        return f"Table({len(self.frame)} rows, {self.frame.shape[1]} columns)"

    def as_written(self, columns: Sequence[str]) -> pd.DataFrame:
        """Columns as texts, as the file writes them; empty where it is empty.

        Examples
        --------
        >>> Table(pd.DataFrame({"id": [1.0, None]})).as_written(["id"])["id"].tolist()
        ['1', '']
        """
        if self.written is not None:
            return self.written(columns)
        return pd.DataFrame({name: _text(self.frame[name]) for name in columns})


def finished(frame: pd.DataFrame, where: str, **details: object) -> Table:
    """Turn cells of any kind into numbers and texts, and refuse what is no table.

    Parameters
    ----------
    frame : DataFrame
        As the format's own reader returns it.
    where : str
        File or address, for messages.
    **details
        Further fields of :class:`Table`.

    Examples
    --------
    >>> from datetime import date
    >>> cells = {"id": ["01", "02"], "day": [date(2026, 3, 1), None], "q": ["4", "NA"]}
    >>> table = finished(pd.DataFrame(cells), "survey.xlsx")
    >>> table.frame.to_dict("list")
    {'id': [1, 2], 'day': ['2026-03-01', nan], 'q': [4.0, nan]}
    >>> table.as_written(["id", "q"]).to_dict("list")
    {'id': ['01', '02'], 'q': ['4', 'NA']}
    """
    require_distinct([str(name) for name in frame.columns], where)
    frame.columns = pd.Index([str(name) for name in frame.columns], dtype=object)
    require_rows(len(frame), where)
    originals: dict[str, pd.Series] = {}
    columns = {}
    for name in frame:
        plain = _plain(frame[name])
        columns[name] = numbered(plain)
        if columns[name] is not plain:
            originals[str(name)] = plain
    found = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))

    def written(names: Sequence[str]) -> pd.DataFrame:
        return pd.DataFrame({name: _text(originals.get(name, found[name])) for name in names})

    details = {"columns": tuple(found.columns), **details}
    return Table(found, written=written, **details)  # type: ignore[arg-type]


def _plain(values: pd.Series) -> pd.Series:
    """Cells as numbers, truth values and texts only: dates and the like are written as texts."""
    values = values.reset_index(drop=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if values.dtype.kind in "mM":  # nanoseconds are no answers
        return values.astype("str")
    if values.dtype.kind in "biuf" and not isinstance(values.dtype, np.dtype):
        return values.astype(object if values.isna().any() and values.dtype.kind == "b" else float)
    if values.dtype.kind == "c":
        return values.astype("str")
    if values.dtype != object:
        return values
    return values.map(_cell, na_action="ignore").infer_objects()


def _cell(value: object) -> object:
    if isinstance(value, bool | str | np.bool_):
        return value
    if isinstance(value, Decimal):
        return float(value)
    return value if isinstance(value, Number) else str(value)


def numbered(values: pd.Series) -> pd.Series:
    """Texts that are numbers throughout as numbers; words of no answer as missing.

    Examples
    --------
    >>> numbered(pd.Series(["1", "NA", "2"])).tolist(), numbered(pd.Series(["1", "x"])).tolist()
    ([1.0, nan, 2.0], ['1', 'x'])
    """
    if values.dtype.kind in "biuf":
        return values
    known = values.where(~values.isin(MISSING_WORDS))
    try:
        numbers = pd.to_numeric(known)
    except (ValueError, TypeError, OverflowError):
        return known if known.isna().sum() > values.isna().sum() else values
    return values if numbers.dtype == object else numbers


def _text(values: pd.Series) -> pd.Series:
    """Cells as texts; whole numbers without a point, however the file stores them."""
    known = values.dropna()
    if pd.api.types.is_float_dtype(values) and ((known % 1 == 0) & (known.abs() < 2**53)).all():
        known = known.astype("int64")
    return known.astype(str).reindex(values.index).fillna("").astype("str")


def require_distinct(names: Sequence[str], where: str) -> None:
    """Refuse a header that repeats a name.

    Examples
    --------
    >>> require_distinct(["a", "b", "a"], "survey.csv")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.DataError: survey.csv: the header repeats a. Rename one of each.
    """
    counts = pd.Series(list(names), dtype=object).value_counts()
    repeated = sorted(str(name) for name, count in counts.items() if name and count > 1)
    if repeated:
        listed = ", ".join(repeated[:10])
        more = f" and {len(repeated) - 10} more" if len(repeated) > 10 else ""
        raise DataError(f"{where}: the header repeats {listed}{more}. Rename one of each.")


def require_rows(count: int, where: str) -> None:
    """Refuse a table without respondents."""
    if not count:
        raise DataError(
            f"{where}: holds a header but no respondent. One row per respondent belongs below it."
        )


def require_size(rows: int, columns: int, where: str) -> None:
    """Refuse a table that would not fit into memory.

    Examples
    --------
    >>> require_size(10, 30_000, "survey.csv")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.DataError: survey.csv: holds 30,000 columns; up to 20,000 are read.
    Keep the columns that the study names.
    """
    if columns > MOST_COLUMNS:
        raise DataError(
            f"{where}: holds {columns:,} columns; up to {MOST_COLUMNS:,} are read. Keep the "
            "columns that the study names."
        )
    if rows * columns > MOST_CELLS:
        raise DataError(
            f"{where}: holds at least {rows:,} rows of {columns:,} columns; up to {MOST_CELLS:,} "
            "cells are read. Keep the columns that the study names, or a part of the rows."
        )


def collected(names: Sequence[str], rows: Iterable[Sequence[object]], where: str) -> pd.DataFrame:
    """Gather rows in blocks, so that numbers take eight bytes each.

    Examples
    --------
    >>> collected(["a", "b"], iter([(1, "x"), (None, "y")]), "survey.xlsx")["b"].tolist()
    ['x', 'y']
    """
    source, blocks, count = iter(rows), [], 0
    while block := list(islice(source, 10_000)):
        count += len(block)
        require_size(count, len(names), where)
        # By position: names may repeat, which is said later.
        blocks.append(pd.DataFrame(block, columns=range(len(names))).infer_objects())
    require_distinct(names, where)
    if not blocks:
        return pd.DataFrame(columns=list(names), dtype=object)
    return pd.concat(blocks, ignore_index=True).set_axis(list(names), axis=1)


def module_of(name: str, extra: str, what: str) -> Any:
    """Import a package that only some files need, or say how to install it.

    Examples
    --------
    >>> module_of("no_such_package", "spss", "survey.sav: SPSS files")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.DataError: survey.sav: SPSS files need the package no_such_package,
    which is not installed. Install it with: pip install "loyalty-analysis[spss]".
    """
    try:
        return import_module(name)
    except ImportError:
        raise DataError(
            f"{what} need the package {name.partition('.')[0]}, which is not installed. Install it "
            f'with: pip install "loyalty-analysis[{extra}]".'
        ) from None


def damaged(path: object, kind: str, error: Exception) -> DataError:
    """Say that a file is not what its suffix says, with the first words of the reason.

    Examples
    --------
    >>> str(damaged("survey.sav", "an SPSS file", ValueError("Invalid file")))[:56]
    'survey.sav: cannot be read as an SPSS file (Invalid file'
    """
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120].rstrip(". ")
    if in_use(error):
        return InUseError(f"{path}: is in use ({reason}). Close the program that holds it.")
    return DataError(
        f"{path}: cannot be read as {kind} ({reason}). It is damaged, cut off or of another kind: "
        "copy or store it once more."
    )


def only(names: Sequence[str], wanted: Sequence[str] | None) -> list[str] | None:
    """Columns to read: those wanted where the file has them all, else all (None).

    Examples
    --------
    >>> only(["a", "b", "c"], ["c", "a"]), only(["a", "b"], ["x"])
    (['a', 'c'], None)
    """
    if wanted is None or not set(wanted) <= set(names):
        return None
    return [name for name in names if name in set(wanted)]


def labels_of(table: Table, columns: Sequence[str]) -> pd.DataFrame:
    """Read columns that name things, not numbers: 01 is not 1, and no digit is rounded away.

    Returns
    -------
    DataFrame
        Texts; whole numbers that were written with a decimal point lose it.

    Examples
    --------
    >>> labels_of(finished(pd.DataFrame({"id": ["01", "1"]}), "survey.xlsx"), ["id"])["id"].tolist()
    ['01', '1']
    """
    written = table.as_written(columns)
    known = written.where(table.frame[list(columns)].notna())
    return known.apply(
        lambda column: column.str.strip().str.replace(r"^(-?\d+)[.,]0+$", r"\1", regex=True)
    )


def words_taken_as_missing(table: Table, columns: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count the words, such as NA or null, that were read as no answer.

    Returns
    -------
    dict
        Counts by column and word; columns without such words are left out.

    Examples
    --------
    >>> table = finished(pd.DataFrame({"country": ["NA", "US", None]}), "survey.sav")
    >>> words_taken_as_missing(table, ["country"])
    {'country': {'NA': 1}}
    """
    found: Mapping[str, pd.Series] = {
        name: cells[table.frame[name].isna() & (cells != "") & cells.isin(MISSING_WORDS)]
        for name, cells in table.as_written(columns).items()
    }
    return {
        name: {str(word): int(count) for word, count in cells.value_counts().items()}
        for name, cells in found.items()
        if len(cells)
    }
