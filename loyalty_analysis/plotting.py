"""Paper for the figures: the house style, text that fits, a page laid out in inches.

Nothing here knows about surveys. Layout is measured rather than guessed: text is broken to the
width it is given, so that a long label costs height instead of running into its neighbour.
"""

from __future__ import annotations

import base64
import io
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.font_manager import FontProperties, fontManager

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#737373"  # Okabe-Ito, and what includes zero
INK, QUIET, RULE = "#1a1a1a", "#595959", "#e3e3e3"
DIVERGING = LinearSegmentedColormap.from_list("correlations", [VERMILION, "#f7f7f7", BLUE])
ANSWERS = LinearSegmentedColormap.from_list("answers", [VERMILION, "#d4d4d4", BLUE])

WIDTH = 7.0  # inches, the widest that prints on A4 and Letter
TEXT, SMALL, TITLE = 9.0, 8.0, 10.5  # points
DPI = 200

# DejaVu Sans comes with matplotlib, so a figure is the same on every machine; the others are
# asked only for characters it lacks.
_SCRIPTS = ("Noto Sans CJK SC", "Hiragino Sans", "Microsoft YaHei")
FONTS = ["DejaVu Sans", *(name for name in _SCRIPTS if name in fontManager.get_font_names())]

STYLE: dict[Any, Any] = {
    "font.family": FONTS,
    "font.size": TEXT,
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "text.color": INK,
    "axes.edgecolor": "#8c8c8c",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": QUIET,
    "xtick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 0,
    "ytick.labelcolor": INK,
    "lines.solid_capstyle": "butt",
    "svg.fonttype": "path",
    "savefig.facecolor": "white",
}


@contextmanager
def house_style(salt: str = "") -> Iterator[None]:
    """Apply the style of the figures inside a ``with`` block, whatever the reader's own settings.

    Parameters
    ----------
    salt : str
        Seed of the ids inside an SVG, so that the same figure has the same bytes.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**STYLE, "svg.hashsalt": salt or "loyalty_analysis"})
        yield


@dataclass(frozen=True)
class Figure:
    """A figure with the finding it shows, ready for a notebook, a page or a folder.

    Attributes
    ----------
    name : str
        File name without its ending.
    title : str
        The finding, as printed above the figure.
    alt : str
        The finding for who cannot see the figure, and the file that holds its numbers.
    figure : matplotlib.figure.Figure
        The drawing; never registered with pyplot, so a notebook shows it once.
    """

    name: str
    title: str
    alt: str
    figure: MatplotlibFigure = field(repr=False, compare=False)

    def png(self) -> bytes:
        """Render the figure as PNG at 200 dpi; the same bytes every time."""
        return self._render("png", {"Software": None, "Title": self.title})

    def svg(self) -> str:
        """Render the figure as SVG with its text as outlines; the same bytes every time."""
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        return self._render("svg", {**metadata, "Title": self.title}).decode()

    def save(self, folder: str | Path) -> tuple[Path, Path]:
        """Write ``<name>.png`` and ``<name>.svg`` into a folder, made if it is missing.

        Returns
        -------
        tuple of pathlib.Path
            The two files.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        png, svg = folder / f"{self.name}.png", folder / f"{self.name}.svg"
        png.write_bytes(self.png())
        svg.write_bytes(self.svg().encode())
        return png, svg

    def _render(self, kind: str, metadata: dict[str, str | None]) -> bytes:
        buffer = io.BytesIO()
        with house_style(salt=self.name):
            self.figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata)
        return buffer.getvalue()

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        about = {"alt": self.alt, "name": self.name, "width": self.css_width}
        data = {
            "image/png": base64.b64encode(self.png()).decode(),
            "image/svg+xml": self.svg(),
        }
        return data, {kind: dict(about) for kind in data}

    @property
    def css_width(self) -> int:
        """Width in CSS pixels at which 9 points are 9 points."""
        return round(self.figure.get_figwidth() * 96)


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(1, 1, DPI)


@cache
def text_width(text: str, size: float = TEXT, weight: str = "normal") -> float:
    """Measure one line of text.

    Returns
    -------
    float
        Inches.
    """
    font = FontProperties(family=FONTS, size=size, weight=weight)
    return _renderer().get_text_width_height_descent(text, font, ismath=False)[0] / DPI


def widest(text: str, size: float = TEXT, weight: str = "normal") -> float:
    """Width of the longest line of text, in inches."""
    return max(text_width(line, size, weight) for line in text.split("\n"))


def text_height(text: str, size: float = TEXT) -> float:
    """Height of text that may have several lines, in inches."""
    return (text.count("\n") + 1) * size * 1.25 / 72


def fit(
    text: str, width: float, *, size: float = TEXT, lines: int = 2, weight: str = "normal"
) -> str:
    r"""Break text into lines that fit a width, and end it with an ellipsis when they run out.

    Parameters
    ----------
    text : str
        Any text; line breaks in it become spaces, non-breaking spaces stay.
    width : float
        Inches.
    size, weight : float, str
        Of the font, in points.
    lines : int
        Most lines to use.

    Examples
    --------
    >>> fit("Affective commitment to the brand", 1.2)
    'Affective\ncommitment to t…'
    """

    def fits(part: str) -> bool:
        return text_width(part, size, weight) <= width

    done: list[str] = []
    rest = re.sub(r"[ \t\r\n\f\v]+", " ", text).strip(" ")
    while rest and not fits(rest):
        if len(done) == lines - 1:
            kept = _longest(rest, lambda part: fits(part.rstrip() + "…"))
            return "\n".join([*done, kept.rstrip() + "…"])
        head = _longest(rest, fits)
        if rest[len(head)] != " " and " " in head:
            head = head[: head.rindex(" ")]
        done.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return "\n".join([*done, rest] if rest else done)


def _longest(text: str, fits: Callable[[str], bool]) -> str:
    """Find the longest start of the text that fits; never less than one character."""
    keep = bisect_right(range(1, len(text)), False, key=lambda k: not fits(text[:k]))
    return text[: max(keep, 1)]


class Page:
    """An empty page: the title on top, the note at the foot, room between for the drawing.

    Parameters
    ----------
    title : str
        The finding; wraps to at most four lines.
    height : float
        Inches needed by the drawing, between title and note.
    note : str
        What the marks mean and how many answered; small, at the foot.
    simulated : bool
        Whether to say that the respondents were simulated.
    """

    def __init__(self, title: str, height: float, note: str, *, simulated: bool) -> None:
        label = "simulated respondents" if simulated else ""
        room = WIDTH - 0.2 - (text_width(label, SMALL) + 0.25 if label else 0)
        heading = fit(title, WIDTH - 0.2, size=TITLE, lines=4, weight="bold")
        foot = fit(note.replace(" = ", "\u00a0=\u00a0"), room, size=SMALL, lines=4)
        self.top = 0.08 + text_height(heading, TITLE) + 0.1
        total = self.top + height + 0.1 + text_height(foot, SMALL) + 0.06
        self.figure = MatplotlibFigure(figsize=(WIDTH, total), dpi=DPI)
        self.height = total
        self.write(heading, 0.1, 0.08 - self.top, size=TITLE, weight="bold", va="top")
        below = total - self.top - 0.06
        self.write(foot, 0.1, below, size=SMALL, color=QUIET, va="bottom")
        right = WIDTH - 0.1
        self.write(label, right, below, size=SMALL, style="italic", ha="right", va="bottom")

    def write(self, text: str, x: float, y: float, *, size: float = TEXT, **style: Any) -> None:
        """Put text at inches from the left of the page and below the title."""
        place = x / WIDTH, 1 - (self.top + y) / self.height
        if text:
            self.figure.text(*place, text, fontsize=size, linespacing=1.2, **style)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Open axes at inches from the left of the page and below the title."""
        bottom = 1 - (self.top + y + height) / self.height
        sides = (x / WIDTH, bottom, width / WIDTH, height / self.height)
        return self.figure.add_axes(sides)
