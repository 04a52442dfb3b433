"""A printed page, as its PDF tells it: where pictures stand, and what stays together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream

Matrix = tuple[float, float, float, float, float, float]
AS_IT_IS: Matrix = (1, 0, 0, 1, 0, 0)
NOTHING: tuple[tuple[int, ...], frozenset[str]] = ((), frozenset())


@dataclass(frozen=True)
class Picture:
    """An image on a page (counted from 0): its box in points, its pixels wide and high."""

    page: int
    left: float
    bottom: float
    right: float
    top: float
    pixels: tuple[int, int]


@dataclass(frozen=True)
class Block:
    """A tagged element: how many are inside it, their tags, and the page of each piece."""

    tag: str
    within: int
    inside: frozenset[str]
    pages: tuple[int, ...]


def pictures(pdf: PdfReader) -> list[Picture]:
    """Find every image that is painted, also inside forms."""
    return [
        Picture(number, *box, pixels)
        for number, page in enumerate(pdf.pages)
        for box, pixels in _painted(page.get_contents(), page, pdf, AS_IT_IS)
    ]


def _painted(
    stream: Any, holder: Any, pdf: PdfReader, start: Matrix
) -> Iterator[tuple[tuple[float, float, float, float], tuple[int, int]]]:
    """Follow the coordinates through saves, restores and forms to each image they place."""
    objects = holder["/Resources"].get("/XObject", {})
    if not objects:  # nothing but text and lines: most pages, and not worth the reading
        return
    matrix, saved = start, []
    for operands, operator in ContentStream(stream, pdf).operations:
        if operator == b"q":
            saved.append(matrix)
        elif operator == b"Q":
            matrix = saved.pop()
        elif operator == b"cm":
            matrix = _within(operands, matrix)
        elif operator == b"Do":
            painted = objects[operands[0]].get_object()
            if painted["/Subtype"] == "/Image":
                yield _box(matrix), (painted["/Width"], painted["/Height"])
            else:
                inner = _within(painted.get("/Matrix", AS_IT_IS), matrix)
                yield from _painted(painted, painted, pdf, inner)


def _within(numbers: Sequence[Any], outer: Matrix) -> Matrix:
    a, b, c, d, e, f = map(float, numbers)
    p, q, r, s, t, u = outer
    x, y = e * p + f * r + t, e * q + f * s + u
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, x, y


def _box(matrix: Matrix) -> tuple[float, float, float, float]:
    """Where the unit square goes, which is what an image fills."""
    a, b, c, d, e, f = matrix
    across, up = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
    return min(across), min(up), max(across), max(up)


def blocks(pdf: PdfReader) -> list[Block]:
    """List the tagged elements in reading order, outer before inner."""
    numbers = {
        page.indirect_reference.idnum: number
        for number, page in enumerate(pdf.pages)
        if page.indirect_reference is not None
    }
    found: list[Block] = []
    tree: Any = pdf.root_object["/StructTreeRoot"]
    _collect(tree["/K"], (), numbers, found)
    return found


def _collect(
    element: Any, page: tuple[int, ...], numbers: dict[int, int], found: list[Block]
) -> tuple[tuple[int, ...], frozenset[str]]:
    """Put what is below an element on the list; return its pages and its tags."""
    element = element.get_object()
    if isinstance(element, int):  # a piece of the page that was named above
        return page, frozenset()
    if isinstance(element, list):
        below = [_collect(one, page, numbers, found) for one in element]
        pages = tuple(number for inside, _ in below for number in inside)
        return pages, frozenset().union(*(tags for _, tags in below))
    if "/Pg" in element:
        page = (numbers[element.raw_get("/Pg").idnum],)
    if "/MCID" in element:
        return page, frozenset()
    place = len(found)
    pages, tags = _collect(element["/K"], page, numbers, found) if "/K" in element else NOTHING
    if "/S" not in element:
        return pages, tags
    found.insert(place, Block(element["/S"], len(found) - place, tags, pages))
    return pages, tags | {element["/S"]}


def cut_rows(found: Sequence[Block]) -> list[Block]:
    """Table rows that begin on one page and end on another; repeated heads hold no data cell."""
    rows = [block for block in found if block.tag == "/TR" and {"/TH", "/TD"} <= block.inside]
    return [row for row in rows if len(set(row.pages)) > 1]


def lonely_headings(found: Sequence[Block]) -> list[Block]:
    """Headings at the bottom of a page, what they head on the next."""
    lonely = []
    for place, block in enumerate(found):
        if block.tag[:2] == "/H":
            after = (one for one in found[place + block.within + 1 :] if one.pages)
            follower = next(after, block)
            lonely += [block] if follower.pages[0] != block.pages[-1] else []
    return lonely
