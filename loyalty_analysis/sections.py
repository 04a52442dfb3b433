"""Executed notebooks as sections of a page: prose, folded code, figures with alt text, tables.

nbconvert does the conversion with a small template of our own. What survey text could smuggle in
(scripts, handlers, outside addresses) is taken out here, and the page forbids it once more.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from traitlets.config import Config

from loyalty_analysis.errors import RunError
from loyalty_analysis.execution import NotebookRun
from loyalty_analysis.formatting import slug
from loyalty_analysis.resources import PACKAGE

NOTEBOOK_ONLY = "notebook-only"
"""Tag of cells that the page leaves out, because it shows the same at its top."""

_SHOWN = ["text/html", "image/png", "image/jpeg", "image/svg+xml", "text/markdown", "text/plain"]
_WIDGET = "application/vnd.jupyter.widget-view+json"
_FORBIDDEN = [
    *("script", "iframe", "object", "embed", "applet", "link", "meta", "base", "template"),
    *("form", "input", "button", "textarea", "select", "frame", "frameset", "noscript", "portal"),
    *("audio", "video", "source", "track", "animate", "set", "foreignobject"),
]
_ADDRESSES = ("href", "src", "xlink:href", "action", "formaction", "srcset", "poster", "data")
_LOCAL = re.compile(r"#|figures/|results/|notebooks/|data:image/(?:png|jpeg|gif|webp);base64,")
_OUTSIDE = re.compile(r"https?:|mailto:", re.IGNORECASE)
_STYLE_LOADS = re.compile(r"url\s*\(|@import|expression\s*\(", re.IGNORECASE)


@dataclass(frozen=True)
class Section:
    """One notebook on the page.

    Attributes
    ----------
    anchor, title, html : str
        Id of the section, its heading (the notebook's question), everything below it.
    headings : tuple of (str, str)
        Anchor and text of the headings one level below.
    anchors : frozenset of str
        Every id inside it.
    """

    anchor: str
    title: str
    html: str
    headings: tuple[tuple[str, str], ...]
    anchors: frozenset[str]


def sections(runs: Sequence[NotebookRun], folder: Path | None) -> list[Section]:
    """Turn executed notebooks into sections, and write their figures beside the page.

    Parameters
    ----------
    runs : sequence of NotebookRun
    folder : pathlib.Path or None
        Run folder; figures go to ``figures/<name>.png`` and ``.svg`` in it. None for notebooks that
        did not come to their end: figures stay in the page alone and may lack alt text.

    Returns
    -------
    list of Section
        Notebooks that show nothing but a heading are left out.

    Raises
    ------
    RunError
        When a figure has no alt text, or two different ones share a name.
    """
    exporter = HTMLExporter(
        template_name="loyalty_section",
        extra_template_basedirs=[str(PACKAGE / "templates")],
        exclude_anchor_links=True,
        embed_images=True,
        config=Config({"NbConvertBase": {"display_data_priority": _SHOWN}}),
    )
    found = []
    for run in runs:
        notebook = shown_cells(run.read())
        _keep_figures(notebook, run.name, folder)
        html, _ = exporter.from_notebook_node(notebook)
        found.append(_section(run.name, html, [other.name for other in runs]))
    return [section for section in found if section.html.strip()]


def shown_cells(notebook: NotebookNode) -> NotebookNode:
    """Choose what a page shows of a notebook: one fold of code before each output or paragraph.

    Prose and outputs of cells tagged ``notebook-only`` and outputs of widgets are left out; code
    cells that show nothing join the next one.
    """
    kept: list[NotebookNode] = []
    for cell in notebook.cells:
        hidden = NOTEBOOK_ONLY in cell.metadata.get("tags", [])
        if hidden and cell.cell_type != "code":
            continue
        if cell.cell_type == "code":
            shown = [output for output in cell.outputs if _WIDGET not in _data(output)]
            cell.outputs = [
                output for output in shown if not hidden or output.output_type == "error"
            ]
            before = kept[-1] if kept else None
            if before is not None and before.cell_type == "code" and not before.outputs:
                cell.source = f"{before.source}\n\n{cell.source}"
                kept.pop()
        kept.append(cell)
    return nbformat.v4.new_notebook(cells=kept, metadata=notebook.metadata)


def _data(output: NotebookNode) -> dict[str, Any]:
    return dict(output.get("data", {}))


def _keep_figures(notebook: NotebookNode, name: str, folder: Path | None) -> None:
    """Demand alt text of every image, and save it as PNG and SVG under its own name."""
    for number, output in _outputs(notebook):
        data = _data(output)
        for kind in ("image/png", "image/jpeg"):
            if kind not in data:
                continue
            about = output.setdefault("metadata", NotebookNode()).setdefault(kind, NotebookNode())
            if folder is None:
                about["alt"] = str(about.get("alt", "")).strip() or "A figure without description"
                continue
            if not str(about.get("alt", "")).strip():
                raise RunError(
                    f"notebook {name}, cell {number}: a figure without alt text. Show a Figure of "
                    "loyalty_analysis.figures, or set 'alt' in the metadata of the output."
                )
            about["files"] = _save_figure(data, kind, slug(about.get("name", "")), folder)


def _outputs(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            yield number, output


def _save_figure(data: dict[str, Any], kind: str, name: str, folder: Path) -> dict[str, str]:
    picture = base64.b64decode(data[kind])
    name = name or hashlib.sha256(picture).hexdigest()[:12]
    files = {"PNG" if kind == "image/png" else "JPEG": (kind.removeprefix("image/"), picture)}
    if "image/svg+xml" in data:
        files["SVG"] = ("svg", str(data["image/svg+xml"]).encode())
    (folder / "figures").mkdir(exist_ok=True)
    links = {}
    for label, (ending, content) in files.items():
        path = folder / "figures" / f"{name}.{ending}"
        if path.is_file() and path.read_bytes() != content:
            raise RunError(f"two different figures are named '{name}'. Give one another name.")
        path.write_bytes(content)
        links[label] = f"figures/{path.name}"
    return links


def anchor_of(notebook: str) -> str:
    """Anchor of a notebook's section.

    Examples
    --------
    >>> anchor_of("03_regressions")
    'regressions'
    """
    return slug(re.sub(r"^\d+_", "", notebook))


def _section(name: str, html: str, others: Sequence[str]) -> Section:
    soup = BeautifulSoup(html, "html.parser")
    anchor = anchor_of(name)
    for link in soup.find_all("a", href=True):
        stem = str(link["href"]).removeprefix("./").removesuffix(".ipynb")
        if stem in others:
            link["href"] = f"#{anchor_of(stem)}"
    make_inert(soup)
    first = soup.find("h1")
    title = first.get_text(" ", strip=True) if isinstance(first, Tag) else name
    if isinstance(first, Tag):
        first.decompose()
    headings = list(_shift_headings(soup, anchor))
    for table in soup.find_all("table"):
        _dress_table(soup, table)
    anchors = frozenset(str(tag["id"]) for tag in soup.find_all(id=True))
    return Section(anchor, title, str(soup), tuple(headings), anchors)


def make_inert(soup: BeautifulSoup) -> None:
    """Take out whatever could run or load: survey text may hold HTML.

    Examples
    --------
    >>> soup = BeautifulSoup('<p onclick="x()">A<script>x()</script></p>', "html.parser")
    >>> make_inert(soup)
    >>> print(soup)
    <p>A</p>
    """
    for tag in soup.find_all(_FORBIDDEN):
        tag.decompose()
    for tag in soup.find_all(True):
        for name in list(tag.attrs):
            value = str(tag.attrs[name]).strip()
            loads = name == "style" and _STYLE_LOADS.search(value)
            if name.startswith("on") or name == "srcdoc" or loads:
                del tag.attrs[name]
            elif name in _ADDRESSES and not _LOCAL.match(value):
                _spell_out(tag, value if _OUTSIDE.match(value) else "")
                tag.attrs.pop(name, None)
        if tag.name == "style" and _STYLE_LOADS.search(tag.get_text()):
            tag.decompose()


def _spell_out(tag: Tag, address: str) -> None:
    """The page links nowhere outside: the address of a link stands beside its words."""
    if tag.name == "a":
        tag.name = "span"
        if address and address not in tag.get_text():
            tag.append(f" ({address})")


def _shift_headings(soup: BeautifulSoup, anchor: str) -> Iterator[tuple[str, str]]:
    used: set[str] = set()
    for heading in soup.find_all(["h1", "h2", "h3", "h4", "h5"]):
        level, text = int(heading.name[1]), heading.get_text(" ", strip=True)
        name = f"{anchor}-{slug(text)}"
        while name in used:
            name += "-2"
        used.add(name)
        heading.name, heading["id"] = f"h{max(level, 2) + 1}", name
        if heading.name == "h3":
            yield name, text


def _dress_table(soup: BeautifulSoup, table: Tag) -> None:
    """Let a wide table scroll by itself, and say what its header cells head."""
    for cell in table.find_all("th"):
        if not cell.get("scope"):
            cell["scope"] = "col" if cell.find_parent("thead") else "row"
    if table.find_parent("table") is None:
        box = soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "group"})
        box["aria-label"] = _label(table)
        table.wrap(box)


def _label(table: Tag) -> str:
    for name in ("caption", ".gt_title", "th"):
        found = table.select_one(name)
        if found is not None and found.get_text(strip=True):
            return f"Table: {found.get_text(' ', strip=True)}"
    return "Table"
