"""CSV and TSV files, Qualtrics exports too: encoding, separator, decimal comma are recognised."""

from __future__ import annotations

import codecs
import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path

import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.raw_tables import Table, require_distinct, require_rows, require_size

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MOST_BYTES = 4 * 2**30
_SAMPLE = 2**22
_BLOCK = 2**20
_IMPORT_ID = re.compile(r"""^\{\s*["']ImportId["']""")
_NUMBER = r"\s*[-+]?(?:\d+|\d*,\d+)\s*"
# 1,234 could be one thousand; 0,234 and 1,25 could not.
_THOUSANDS = r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*"
_CONTROL = bytes([*range(9), 11, *range(14, 27), *range(28, 32)])
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHERS = {
    b"PK\x03\x04": ("an Excel workbook or another zip file", ".xlsx"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", ".xls"),
    b"$FL2": ("an SPSS file", ".sav"),
    b"$FL3": ("an SPSS file", ".zsav"),
    b"<stata_dta>": ("a Stata file", ".dta"),
    b"PAR1": ("a Parquet file", ".parquet"),
    b"SQLite format 3": ("an SQLite database", ".sqlite"),
}


@dataclass(frozen=True)
class _Form:
    """How a text file is written."""

    encoding: str
    separator: str
    header: list[str]
    questions: list[str]
    records: int

    @property
    def options(self) -> dict[str, object]:
        return {"encoding": self.encoding, "sep": self.separator, "index_col": False}


def read_text(path: Path) -> Table:
    """Read a CSV or TSV file.

    Parameters
    ----------
    path : pathlib.Path
        UTF-8 (or UTF-16 with its mark, or with a warning Windows-1252 or Latin-1); columns between
        commas, semicolons, tabs or vertical bars.

    Returns
    -------
    Table
        As stored: nothing recoded, nothing dropped. The question texts of a Qualtrics export are
        its labels.

    Raises
    ------
    DataError
        When the file is missing, empty, no text, or repeats a column.
    """
    try:
        form, doubts = _form(path)
        frame = _parsed(path, form)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    except pd.errors.EmptyDataError:
        raise DataError(
            f"{path}: is empty. A header and one row per respondent belong there."
        ) from None
    except (pd.errors.ParserError, csv.Error, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not a readable CSV table ({str(error).strip()}). Save it as CSV in UTF-8, "
            "with text that holds commas or line breaks in quotes."
        ) from None
    except pd.errors.ParserWarning:
        raise DataError(
            f"{path}: rows hold more fields than the {len(form.header)} that the header names. "
            "Name every column."
        ) from None
    require_distinct(form.header, str(path))
    require_rows(len(frame), str(path))
    doubts += _cut_off(path, form)
    frame, decimals = _decimal_commas(frame, form)
    notes = [] if form.separator == "," else [
        f"columns are separated by {SEPARATORS[form.separator]}, not commas"
        + ("; commas are points in decimal numbers" if decimals else "")
    ]  # fmt: skip
    if form.encoding == "utf-16":
        notes.append("the text is UTF-16, not UTF-8")
    if form.questions:
        notes.append("a Qualtrics export: the second row became labels, the third was left out")
    labels = {
        name: " ".join(text.split())
        for name, text in zip(form.header, form.questions, strict=False)
        if text.strip() and name in frame
    }
    return Table(
        frame, labels, notes=tuple(notes), warnings=tuple(doubts), columns=tuple(frame.columns),
        written=lambda names: _as_written(path, form, names),
    )  # fmt: skip


def swallowed_lines(frame: pd.DataFrame) -> list[str]:
    """Warn of cells that hold whole lines of the file: a quote was opened and never closed.

    Examples
    --------
    >>> swallowed_lines(pd.DataFrame({"id": [1], "note": ["x" + chr(10) + "2,y"]}))[0][:58]
    "column 'note' holds 1 lines that look like rows of the fil"
    """
    commas, found = frame.shape[1] - 1, []
    for name in frame.select_dtypes(["object", "str"]):
        cells = frame[name].dropna().astype(str)
        lines = cells[cells.str.contains("\n")].str.split("\n").explode()
        counts = pd.concat([lines.str.count(re.escape(mark)) for mark in SEPARATORS], axis=1)
        whole = lines[counts.max(axis=1) >= max(commas, 1)] if len(lines) else lines
        if len(whole):
            found.append(
                f"column '{name}' holds {len(whole)} lines that look like rows of the file, first "
                f"in data row {whole.index[0] + 1}: a quotation mark is not closed there."
            )
    return found


def _form(path: Path) -> tuple[_Form, list[str]]:
    """Encoding, separator and header rows; and what is doubtful about them."""
    encoding, lines, doubts = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(_SAMPLE)
    separator, records = max(
        ((mark, _records(sample, mark)) for mark in SEPARATORS),
        key=lambda found: _likely(found[1]),
    )
    if len(sample) == _SAMPLE and len(records) < 2:
        raise DataError(
            f"{path}: the first line is longer than {_SAMPLE:,} characters. A header and one row "
            "per respondent belong there, each on a line of its own."
        )
    header = records[0] if records else []
    require_size(max(lines - 1, 0), len(header), str(path))
    exported = len(records) > 2 and any(_IMPORT_ID.match(cell.strip()) for cell in records[2])
    questions = records[1] if exported else []
    return _Form(encoding, separator, header, questions, 3 if exported else 1), doubts


def _likely(records: list[list[str]]) -> tuple[bool, int]:
    """How well a separator fits: rows as long as the header first, then many columns."""
    widths = [len(record) for record in records] or [0]
    return len(widths) > 1 and widths[0] > 1 and len(set(widths)) == 1, widths[0]


def _records(sample: str, separator: str) -> list[list[str]]:
    """The first records that hold anything."""
    reader = csv.reader(StringIO(sample, newline=""), delimiter=separator)

    def filled() -> Iterator[list[str]]:
        try:
            yield from (record for record in reader if record)
        except csv.Error:
            return  # said when the whole file is read

    return list(islice(filled(), 3))


def _encoding(path: Path) -> tuple[str, int, list[str]]:
    """Encoding of a file, its lines, and a warning where the encoding is a guess."""
    with path.open("rb") as file:
        head = file.read(16)
    for mark, (kind, suffix) in _OTHERS.items():
        if head.startswith(mark):
            raise DataError(
                f"{path}: holds {kind}, not UTF-8 text. Rename it to end in {suffix}, or save it "
                "as CSV in UTF-8."
            )
    wide = head.startswith(_UTF16)
    lines, control = _counted(path)
    if control and not wide:
        raise DataError(
            f"{path}: not UTF-8 text: it holds control characters, as programs and other formats "
            "do. Save the file as CSV in UTF-8."
        )
    encoding = "utf-16" if wide else "utf-8-sig"
    error, letters = _decoded(path, encoding)
    if error is None:
        return encoding, lines, []
    if "unexpected end" in error.reason or "truncated" in error.reason:
        raise DataError(
            f"{path}: ends within a letter: the file was cut off. Save or copy it once more."
        )
    if wide or letters:
        raise DataError(
            f"{path}: not {encoding[:6].rstrip('-').upper()} text throughout, though it begins as "
            "such: two encodings are mixed. Save the file as CSV in UTF-8."
        )
    older = "cp1252" if _decoded(path, "cp1252")[0] is None else "latin-1"
    name = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}[older]
    return older, lines, [
        f"{path.name} is not UTF-8 text and was read as {name}. Save the file as CSV in UTF-8 if "
        "letters look wrong."
    ]  # fmt: skip


def _counted(path: Path) -> tuple[int, bool]:
    """Lines of a file, and whether it holds what no text does."""
    lines, size, control = 0, 0, False
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            lines += max(block.count(b"\n"), block.count(b"\r"))
            size += len(block)
            control = control or len(block.translate(None, _CONTROL)) < len(block)
            if size > MOST_BYTES:
                raise DataError(
                    f"{path}: is larger than {MOST_BYTES // 2**30} GB. Keep the columns that the "
                    "study names, or save it as Parquet."
                )
    return lines, control


def _decoded(path: Path, encoding: str) -> tuple[UnicodeDecodeError | None, bool]:
    """Why a file is not written in an encoding, None if it is; whether letters beyond ASCII are."""
    decoder, letters = codecs.getincrementaldecoder(encoding)(), False
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                letters |= not decoder.decode(block, final=not block).isascii()
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(encoding, errors="ignore")
                return error, letters or not before.isascii()
            if not block:
                return None, letters


def _parsed(path: Path, form: _Form) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # A first field without a name must not become row labels: that would shift the rest.
        if form.records == 1:
            return pd.read_csv(path, low_memory=False, **form.options)
        return _below_header(path, form, low_memory=False)


def _cut_off(path: Path, form: _Form) -> list[str]:
    """Warn of a last line that ends before its row does: copying may have stopped there."""
    if form.encoding == "utf-16":
        return []
    with path.open("rb") as file:
        file.seek(max(file.seek(0, 2) - _BLOCK, 0))
        last = file.read().rpartition(b"\n")[2].decode(form.encoding, errors="ignore")
    if not last.strip() or last.count(form.separator) >= len(form.header) - 1:
        return []
    return [
        f"the last row of {path.name} holds fewer fields than the header names, and its line does "
        "not end: the file may have been cut off. Copy it once more if rows are lacking."
    ]


def _below_header(path: Path, form: _Form, **options: object) -> pd.DataFrame:
    """What stands below several header rows, whose texts may hold line breaks."""
    require_distinct(form.header, str(path))
    with path.open(encoding=form.encoding, newline="") as file:
        records = (record for record in csv.reader(file, delimiter=form.separator) if record)
        for _ in range(form.records):
            next(records)
        try:
            return pd.read_csv(file, header=None, names=form.header, **form.options, **options)
        except pd.errors.EmptyDataError:
            return pd.DataFrame(columns=form.header)


def _as_written(path: Path, form: _Form, columns: Sequence[str]) -> pd.DataFrame:
    options = {"usecols": list(columns), "dtype": str, "keep_default_na": False}
    if form.records > 1:
        return _below_header(path, form, **options)
    return pd.read_csv(path, **form.options, **options)


def _decimal_commas(frame: pd.DataFrame, form: _Form) -> tuple[pd.DataFrame, bool]:
    """Columns whose every cell is a number with a decimal comma, as numbers.

    Between commas such a cell is odd and stays text. Where 1,234 could be one thousand it stays
    text too, unless semicolons say that commas are points.
    """
    found: dict[str, pd.Series] = {}
    if form.separator == ",":
        return frame, False
    for name in frame.select_dtypes(["object", "str"]):
        cells = frame[name].dropna().astype(str)
        if not len(cells) or not cells.head(100).str.fullmatch(_NUMBER).all():
            continue
        commas = cells[cells.str.contains(",")]
        if cells.str.fullmatch(_NUMBER).all() and (
            form.separator == ";" or not commas.str.fullmatch(_THOUSANDS).all()
        ):
            points = cells.str.replace(",", ".").astype(float)
            found[str(name)] = points.reindex(frame.index)
    return frame.assign(**found) if found else frame, bool(found)
