"""What the files of a run folder say, passage by passage, and where each passage stands.

Pictures are left out, but for the words that a PNG file carries with it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CODED = re.compile(r"base64,([A-Za-z0-9+/=]{40,})")
_COLOURS = re.compile("\x1b\\[[0-9;]*m")
_PNG = b"\x89PNG\r\n\x1a\n"
_WORDS = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")
MOST_UNPACKED = 1_000_000
"""Characters that a packed text of a picture is unpacked to at most."""
KINDS = {".html": "html", ".csv": "table", ".svg": "drawing"}


@dataclass(frozen=True)
class Passage:
    """A text of a file.

    Attributes
    ----------
    file : str
        Path inside the run folder.
    place : str
        Which cell of a notebook and what of it; empty where the passage is the whole file.
    kind : str
        ``"html"``, ``"table"`` (a CSV file), ``"drawing"`` (SVG) or ``"text"``.
    text : str
        Without pictures.
    """

    file: str
    place: str
    kind: str
    text: str

    def where(self, position: int | None = None) -> str:
        r"""Name the place of a character, or of the passage.

        Examples
        --------
        >>> Passage("notebooks/a.ipynb", "cell 2, output 1", "text", "a").where()
        'notebooks/a.ipynb, cell 2, output 1'
        >>> Passage("index.html", "", "html", "one line\nanother").where(12)
        'index.html, line 2'
        """
        line = None if position is None else f"line {self.text.count(chr(10), 0, position) + 1}"
        return ", ".join(part for part in (self.file, self.place, line) if part)


def passages(file: str, content: bytes) -> Iterator[Passage]:
    """Split a file into its passages.

    Parameters
    ----------
    file : str
        Path inside the run folder; its suffix says what kind of file it is.
    content : bytes

    Yields
    ------
    Passage

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": ["1 + 1"], "outputs": []}
    >>> notebook = json.dumps({"cells": [cell]}).encode()
    >>> [(one.place, one.text) for one in passages("a.ipynb", notebook)]
    [('cell 1', '1 + 1')]
    """
    suffix = Path(file).suffix.lower()
    if content.startswith(_PNG):
        yield from (Passage(file, "", "text", text) for text in picture_words(content))
        return
    text = content.decode("utf-8", errors="replace")
    if suffix == ".ipynb":
        yield from _notebook(file, text)
        return
    yield Passage(file, "", KINDS.get(suffix, "text"), _CODED.sub("base64,", text))
    yield from _embedded(file, "", text)


def _embedded(file: str, place: str, text: str) -> Iterator[Passage]:
    """What stands in a text in base64: the words of a picture; a file, where it is readable."""
    inside = f"{place}, embedded" if place else "embedded"
    for found in _CODED.finditer(text):
        content = _decoded(found[1])
        for words in picture_words(content):
            yield Passage(file, inside, "text", words)
        if not content.startswith(_PNG):
            with contextlib.suppress(UnicodeDecodeError):
                yield Passage(file, inside, "text", content.decode("utf-8"))


def _notebook(file: str, text: str) -> Iterator[Passage]:
    """Sources, outputs and metadata of a notebook; as plain text where it is none."""
    try:
        book = json.loads(text)
        cells = book.get("cells", [])
        found = [*_cells(file, cells), *_metadata(file, book, cells)]
    except (ValueError, AttributeError, TypeError, RecursionError):
        found = [Passage(file, "", "text", text)]
    yield from found


def _cells(file: str, cells: list[Any]) -> Iterator[Passage]:
    for number, cell in enumerate(cells, 1):
        yield Passage(file, f"cell {number}", "text", _joined(cell.get("source", "")))
        for name, attached in cell.get("attachments", {}).items():
            yield from _shown(file, f"cell {number}, attachment {name}", attached)
        for count, output in enumerate(cell.get("outputs", []), 1):
            place = f"cell {number}, output {count}"
            trace = _joined(output.get("traceback", ""), "\n")
            for said in (_joined(output.get("text", "")), str(output.get("evalue", "")), trace):
                if said:
                    yield Passage(file, place, "text", _COLOURS.sub("", said))
            yield from _shown(file, place, output.get("data", {}))


def _shown(file: str, place: str, data: dict[str, Any]) -> Iterator[Passage]:
    """One output in every way it can be displayed."""
    for mime, value in data.items():
        if mime.startswith("image/") and not mime.endswith("+xml"):
            for words in picture_words(_decoded(_joined(value))):
                yield Passage(file, place, "text", words)
            continue
        text = value if isinstance(value, str | list) else json.dumps(value, ensure_ascii=False)
        kind = "html" if mime == "text/html" else "drawing" if "svg" in mime else "text"
        yield Passage(file, place, kind, _CODED.sub("base64,", _joined(text)))
        yield from _embedded(file, place, _joined(text))


def _metadata(file: str, book: dict[str, Any], cells: list[Any]) -> Iterator[Passage]:
    """What is not shown and travels with the file."""
    if book.get("metadata"):
        yield Passage(file, "metadata", "text", json.dumps(book["metadata"], ensure_ascii=False))
    for number, cell in enumerate(cells, 1):
        outputs = [output.get("metadata", {}) for output in cell.get("outputs", [])]
        hidden = [cell.get("metadata", {}), *outputs]
        if any(hidden):
            yield Passage(
                file, f"cell {number}, metadata", "text", json.dumps(hidden, ensure_ascii=False)
            )


def _joined(value: Any, between: str = "") -> str:
    if isinstance(value, list):
        return between.join(part if isinstance(part, str) else json.dumps(part) for part in value)
    return str(value)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def picture_words(content: bytes) -> list[str]:
    """Texts that a PNG file carries; nothing of what is no PNG file.

    Examples
    --------
    >>> picture_words(b"GIF89a")
    []
    """
    found, place = [], len(_PNG)
    while content.startswith(_PNG) and place + 8 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        kind, body = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        if kind in _WORDS:
            found.append(_unpacked(body))
        place += 12 + length
    return found


def _unpacked(body: bytes) -> str:
    """The words of a chunk, and of the packed part behind its keyword."""
    text = body.decode("utf-8", errors="replace")
    start = body.find(b"\x78")
    while 0 <= start < 200:
        try:
            packed = zlib.decompressobj().decompress(body[start:], MOST_UNPACKED)
            return f"{text[:start]} {packed.decode('utf-8', errors='replace')}"
        except zlib.error:
            start = body.find(b"\x78", start + 1)
    return text
