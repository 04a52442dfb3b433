"""Tables as they are printed: HTML, CSV, pandas' own text, lists, dictionaries.

What is found is rows of texts under the names of columns. Only columns that somebody knows are
looked for, so that prose and numbers are passed over quickly. Linear in the length of the text.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_TABLE = re.compile(r"<table\b", re.IGNORECASE)
_END = re.compile(r"</table", re.IGNORECASE)
_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_CELL = re.compile(r"<t[hd]\b", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_PRE = re.compile(r"<pre\b[^<>]{0,2000}>", re.IGNORECASE)
_NUMBER = r"-?\d{1,18}(?:\.\d{0,18})?(?:e[-+]?\d{1,3})?"
_NAME = r"""'([^'\n]{1,80})'|"([^"\n]{1,80})"|(?<![\w.])([^\W\d]\w{0,80})(?![\w])"""
_VALUE = (
    rf"""(?:np\.\w{{1,12}}\()?(?:({_NUMBER})(?![\w.])|'([^'\n]{{0,200}})'|"([^"\n]{{0,200}})")"""
)
_PAIR = re.compile(rf"(?:{_NAME})[ \t]{{0,40}}[:=]?[ \t]{{0,40}}{_VALUE}")
_LIST = re.compile(rf"(?:{_NAME})[ \t]{{0,9}}[:=][ \t]{{0,9}}[\[{{(]([^\[\]{{}}()]{{1,100000}})")
_RUN = re.compile(rf"(?<![\w.]){_NUMBER}(?:[ \t,;|]{{1,20}}{_NUMBER})+(?![\w])")
_BETWEEN = re.compile(r"[ \t,;|]+")
_EACH = re.compile(_NUMBER)
FEWEST = 2
"""Known columns that make a line the header of a table."""


@dataclass(frozen=True)
class Printed:
    """A table that was found in a text.

    Attributes
    ----------
    header : tuple of str
        Names of columns; empty where none were printed.
    rows : tuple of tuple of str
        As many cells as names in each; of a table without names, one run of numbers each.
    labels : tuple of str
        The first cell of each row, or what stands before it; empty texts where nothing does.
    position : int
        Where it begins.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    position: int = 0

    @property
    def turned(self) -> Printed:
        """Rows as columns: what stands before each row becomes its name.

        Examples
        --------
        >>> Printed(("0", "1"), (("4", "5"), ("6", "7")), ("aff1", "aff2")).turned.rows
        (('4', '6'), ('5', '7'))
        """
        rows = tuple(zip(*self.rows, strict=True))
        return Printed(self.labels, rows, self.header, self.position)


def html_tables(text: str) -> list[Printed]:
    """Tables of a page.

    Examples
    --------
    >>> page = "<table><tr><th></th><th>a</th></tr><tr><th>0</th><td>4</td></tr></table>"
    >>> html_tables(page)
    [Printed(header=('', 'a'), rows=(('0', '4'),), labels=('0',), position=0)]
    """
    found = []
    starts = [match.start() for match in _TABLE.finditer(text)]
    for start, following in zip(starts, [*starts, len(text)][1:], strict=True):
        end = _END.search(text, start, following)
        rows = [_cells(row) for row in _ROW.split(text[start : end.start() if end else following])]
        table = _of_rows(rows[1:], start)
        found += [table] if table else []
    return found


def _cells(row: str) -> list[str]:
    cells = [_TAG.sub("", cell.partition(">")[2]) for cell in _CELL.split(row)[1:]]
    return [html.unescape(cell).strip() for cell in cells]


def _of_rows(rows: Sequence[Sequence[str]], position: int = 0) -> Printed | None:
    """The first of the longest rows as a header, and those as long below it."""
    width = max(map(len, rows), default=0)
    full = [tuple(row) for row in rows if len(row) == width]
    if not width or len(full) < 2:
        return None
    return Printed(full[0], tuple(full[1:]), tuple(row[0] for row in full[1:]), position)


def csv_tables(text: str) -> list[Printed]:
    r"""The table of a CSV file.

    Examples
    --------
    >>> csv_tables("a,b\n1,2\n")[0].rows
    (('1', '2'),)
    """
    try:
        table = _of_rows(list(csv.reader(io.StringIO(text))))
    except csv.Error:
        return []
    return [table] if table else []


def text_tables(text: str, known: Collection[str]) -> list[Printed]:
    r"""Tables of a plain text: a line of known names, and the lines below it.

    Examples
    --------
    >>> shown = "   aff1  aff2\n0     4     5\n1     6     7\n\nprose"
    >>> text_tables(shown, {"aff1", "aff2"})[0].rows
    (('4', '5'), ('6', '7'))
    """
    found: list[Printed] = []
    head: list[str] = []
    body: list[list[str]] = []
    start = place = 0
    for line in [*text.splitlines(keepends=True), "\n"]:
        words = _words(line)
        names = [word for word in words if word in known]
        if len(names) >= FEWEST and 2 * len(names) >= len(words) and not _numeric(words):
            found += _closed(head, body, start)
            head, body, start = [word for word in words if word != "\\"], [], place
        elif head and len(words) in (len(head), len(head) + 1):
            body.append(words)
        elif head and body:
            found += _closed(head, body, start)
            head = []
        place += len(line)
    return [*found, *_closed(head, body, start)]


def _words(line: str) -> list[str]:
    """Cells of a line: between commas where there are any, else between spaces."""
    if "," in line or "|" in line:
        return [word.strip(" \t\r\n'\"") for word in re.split(r"[,|]", line.strip("|\r\n "))]
    return line.split()


def _closed(head: list[str], body: list[list[str]], start: int) -> list[Printed]:
    if not head or not body:
        return []
    rows = tuple(tuple(words[-len(head) :]) for words in body)
    labels = tuple(words[0] if len(words) > len(head) else "" for words in body)
    return [Printed(tuple(head), rows, labels, start)]


def _numeric(words: Sequence[str]) -> bool:
    return sum(_EACH.fullmatch(word) is not None for word in words) * 2 > len(words)


def pairs(text: str, known: Collection[str]) -> list[Printed]:
    """Names with a value each, as in a dictionary, JSON or a printed row; a table for each run.

    Examples
    --------
    >>> pairs("{'aff1': 4, 'aff2': 5} {'aff1': 6}", {"aff1", "aff2"})[0].rows
    (('4', '5'),)
    """
    found: list[Printed] = []
    names: list[str] = []
    values: list[str] = []
    start = 0
    for match in _PAIR.finditer(text):
        name = next(group for group in match.groups()[:3] if group)
        if name not in known:
            continue
        value = next((group for group in match.groups()[3:] if group is not None), "")
        if name in names:
            found.append(Printed(tuple(names), (tuple(values),), ("",), start))
            names, values = [], []
        start = start if names else match.start()
        names.append(name)
        values.append(value)
    return [*found, Printed(tuple(names), (tuple(values),), ("",), start)] if names else found


def lists(text: str, known: Collection[str]) -> list[Printed]:
    """Known names with a list of values each, or with values by row.

    Examples
    --------
    >>> lists("{'aff1': [4, 5, 6]}", {"aff1"})[0].rows
    (('4',), ('5',), ('6',))
    """
    found = []
    for match in _LIST.finditer(text):
        name = next(group for group in match.groups()[:3] if group)
        if name in known:
            parts = [part.rpartition(":")[2].strip(" '\"\n") for part in match[4].split(",")]
            rows = tuple((part,) for part in parts if part)
            found.append(Printed((name,), rows, ("",) * len(rows), match.start()))
    return found


def number_runs(text: str, fewest: int) -> list[Printed]:
    r"""Lines of numbers without names: rows of an array, a list of lists.

    Examples
    --------
    >>> number_runs("[[4 5 6]\n [7 1 2]]", 3)[0].rows
    (('4', '5', '6'), ('7', '1', '2'))
    """
    found = (_BETWEEN.split(run[0]) for run in _RUN.finditer(text))
    rows = [tuple(run) for run in found if len(run) >= fewest]
    return [Printed((), tuple(rows), ("",) * len(rows))] if rows else []


def printed_texts(page: str) -> str:
    r"""Preformatted texts of a page, where printed output stands, without markup.

    Examples
    --------
    >>> printed_texts("<p>prose</p><pre>a  b\n1  2</pre>")
    'a  b\n1  2'
    """
    parts = [part.partition("</pre")[0] for part in _PRE.split(page)[1:]]
    return "\n\n".join(html.unescape(_TAG.sub("", part)) for part in parts)
