"""Excel workbooks: cells as they are stored; nothing is ever calculated or run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from loyalty_analysis.errors import DataError, did_you_mean
from loyalty_analysis.raw_tables import Table, collected, damaged, finished, require_size

MOST_BYTES = 4 * 2**30
MOST_TEXTS = 2**29
"""What the sheets and the texts of a workbook may unpack to."""
_OF_NOTE = re.compile(rb"<(?:\w+:)?(?:f|mergeCell)[\s>/]")
_LOCKED = b"\xd0\xcf\x11\xe0"


def read_workbook(path: Path, sheet: str = "") -> Table:
    """Read one sheet of an Excel workbook.

    Parameters
    ----------
    path : pathlib.Path
        An .xlsx or .xlsm file; its first row that holds anything is the header.
    sheet : str
        Name of the sheet; needed when several hold data.

    Returns
    -------
    Table
        Formulas as the values that were stored beside them.

    Raises
    ------
    DataError
        When cells are merged, a formula has no stored value, or the sheet is not to be found.
    """
    from openpyxl import load_workbook  # a workbook is seldom read

    try:
        _require_bounded(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
            try:
                chosen = _chosen(book, sheet, path)
                where = f"{path}#{chosen.title}"
                _require_plain(path, chosen, where)
                frame = _cells(chosen, where)
            finally:
                book.close()
    except (DataError, MemoryError):
        raise
    except Exception as error:  # damaged workbooks raise what they like
        raise damaged(path, "an Excel workbook", error) from None
    return finished(frame, where, notes=(f"sheet '{chosen.title}' was read",))


def _require_bounded(path: Path) -> None:
    """Refuse what is no workbook, is locked, or unpacks to more than the memory holds."""
    with path.open("rb") as file:
        if file.read(4) == _LOCKED:
            raise DataError(
                f"{path}: is locked with a password, or an old Excel file. Save it without "
                "password as .xlsx."
            )
    try:
        with ZipFile(path) as archive:
            sizes = {part.filename: part.file_size for part in archive.infolist()}
    except BadZipFile as error:
        raise damaged(path, "an Excel workbook", error) from None
    texts = sum(size for name, size in sizes.items() if name.lower().endswith("sharedstrings.xml"))
    if sum(sizes.values()) > MOST_BYTES or texts > MOST_TEXTS:
        raise DataError(
            f"{path}: unpacks to {sum(sizes.values()) / 2**30:.1f} GB, more than is read. Keep the "
            "columns that the study names, or save the sheet as CSV in UTF-8."
        )


def _chosen(book: Any, sheet: str, path: Path) -> Any:
    """The sheet that was named, or the only one with data."""
    sheets = {one.title: one for one in book.worksheets}
    if sheet:
        found = [one for title, one in sheets.items() if title.casefold() == sheet.casefold()]
        if not found:
            hint = did_you_mean(sheet, sheets)
            raise DataError(f"{path}: holds no sheet '{sheet}'. {hint}")
        return found[0]
    filled = [one for one in sheets.values() if next(_rows(one), None) is not None]
    if not filled:
        raise DataError(f"{path}: is empty. A header and one row per respondent belong there.")
    if len(filled) > 1:
        names = ", ".join(f"'{one.title}'" for one in filled[:20])
        raise DataError(
            f"{path}: {len(filled)} sheets hold data: {names}. Name one, as in "
            f'data = "{path.name}#{filled[0].title}".'
        )
    return filled[0]


def _rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Rows that hold anything; what a sheet says of its size may be wrong."""
    sheet.reset_dimensions()
    for row in sheet.iter_rows(values_only=True):
        if any(cell is not None and cell != "" for cell in row):
            yield row


def _cells(sheet: Any, where: str) -> Any:
    rows = _rows(sheet)
    header = list(next(rows, ()))
    while header and header[-1] in (None, ""):
        header.pop()
    require_size(0, len(header), where)
    names = [
        f"Unnamed: {number}" if cell is None or str(cell) == "" else str(cell)
        for number, cell in enumerate(header)
    ]
    if not names:
        raise DataError(f"{where}: is empty. A header and one row per respondent belong there.")
    return collected(names, _squared(rows, len(names), where), where)


def _squared(rows: Iterator[tuple[Any, ...]], width: int, where: str) -> Iterator[tuple[Any, ...]]:
    """Rows as long as the header."""
    for number, row in enumerate(rows, 1):
        if any(cell is not None and cell != "" for cell in row[width:]):
            raise DataError(
                f"{where}: data row {number} holds more cells than the {width} that the header "
                "names. Name every column, and leave nothing but one row per respondent below."
            )
        yield (*row[:width], *[None] * (width - len(row)))


def _require_plain(path: Path, sheet: Any, where: str) -> None:
    """Refuse merged cells, whose values are lost, and formulas that nobody has calculated."""
    part = sheet._worksheet_path.lstrip("/")  # openpyxl tells it nowhere else
    with ZipFile(path) as archive:
        with archive.open(part) as stream:
            if not _of_note(stream):
                return
        with archive.open(part) as stream:
            merged, silent = _merged_and_silent(stream)
    if merged:
        more = f" and {len(merged) - 5} more" if len(merged) > 5 else ""
        raise DataError(
            f"{where}: cells are merged ({', '.join(merged[:5])}{more}), so all but the first of "
            "them are empty. Unmerge them and fill each one; one header row, one row per "
            "respondent."
        )
    if silent:
        more = f" and {len(silent) - 5} more" if len(silent) > 5 else ""
        raise DataError(
            f"{where}: formulas in {', '.join(silent[:5])}{more} have no stored value, and "
            "formulas are never calculated here. Open and save the workbook in Excel, or paste "
            "values in their place."
        )


def _of_note(stream: Any) -> bool:
    last = b""
    while block := stream.read(2**20):
        if _OF_NOTE.search(last + block):
            return True
        last = block[-64:]
    return False


def _merged_and_silent(stream: Any) -> tuple[list[str], list[str]]:
    """Ranges of merged cells, and cells with a formula and no value."""
    merged, silent = [], []
    for _, element in ElementTree.iterparse(stream, events=("end",)):
        kind = element.tag.rpartition("}")[2]
        if kind == "mergeCell":
            merged.append(str(element.get("ref")))
        elif kind == "c":
            parts = {child.tag.rpartition("}")[2]: child.text for child in element}
            if "f" in parts and not parts.get("v") and element.get("t") != "str":
                silent.append(str(element.get("r")))
        if kind in ("c", "row"):
            element.clear()
    return merged, silent
