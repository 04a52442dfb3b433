"""Executed notebooks as sections: what a page shows, and what it must never hold."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from loyalty_analysis.errors import RunError
from loyalty_analysis.execution import NotebookRun
from loyalty_analysis.formatting import slug
from loyalty_analysis.sections import Section, make_inert, sections, shown_cells

PNG = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
    )
).decode()


def picture(alt: str | None = "Forced goes with lower", name: str = "forest") -> Any:
    about = {"name": name, "width": 600} | ({} if alt is None else {"alt": alt})
    data = {"image/png": PNG, "image/svg+xml": "<svg></svg>"}
    return v4.new_output("display_data", data, metadata={kind: dict(about) for kind in data})


def html(text: str) -> Any:
    return v4.new_output("execute_result", {"text/html": text, "text/plain": "table"})


def code(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
    return v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def convert(folder: Path, *cells: Any, name: str = "03_regressions") -> Section:
    path = folder / f"{name}.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# Why so?"), *cells]), path)
    (section,) = sections([NotebookRun(name, path, "ok", 1.0)], folder)
    return section


def test_the_heading_of_a_notebook_becomes_that_of_its_section(tmp_path: Path) -> None:
    section = convert(
        tmp_path, v4.new_markdown_cell("## The slopes\n\n### Detail\n\n## The slopes")
    )
    assert (section.anchor, section.title) == ("regressions", "Why so?")
    assert "<h1" not in section.html
    assert section.headings == (
        ("regressions-the-slopes", "The slopes"),
        ("regressions-the-slopes-2", "The slopes"),
    )
    assert '<h4 id="regressions-detail">' in section.html


def test_code_is_folded_and_cells_that_show_nothing_join_the_next() -> None:
    cells = [code("import a"), code("b = 1"), code("b", html("<b>1</b>")), code("c = 2")]
    kept = shown_cells(v4.new_notebook(cells=cells)).cells
    assert [cell.source for cell in kept] == ["import a\n\nb = 1\n\nb", "c = 2"]


def test_folded_code_comes_with_its_output(tmp_path: Path) -> None:
    section = convert(tmp_path, code("x = 1 < 2\nx", html("<b>True</b>")))
    soup = BeautifulSoup(section.html, "html.parser")
    fold = soup.select_one("details.code")
    assert fold is not None
    assert "Show the code" in fold.get_text()
    assert "x = 1 < 2" in fold.get_text()
    assert soup.select_one(".output b") is not None


def test_cells_tagged_notebook_only_are_left_out_but_their_code_is_kept() -> None:
    hidden = v4.new_markdown_cell("## Verdicts", metadata={"tags": ["notebook-only"]})
    cells = [hidden, code("v = judge()\nv", html("verdicts"), tags=("notebook-only",)), code("w")]
    (kept,) = shown_cells(v4.new_notebook(cells=cells)).cells
    assert kept.source == "v = judge()\nv\n\nw"
    assert kept.outputs == []


def test_figures_have_alt_text_and_lie_beside_the_page(tmp_path: Path) -> None:
    section = convert(tmp_path, code("figure", picture('Forced goes with "lower" <loyalty>')))
    image = BeautifulSoup(section.html, "html.parser").img
    assert image is not None
    assert image["alt"] == 'Forced goes with "lower" <loyalty>'
    assert str(image["src"]).startswith("data:image/png;base64,")
    assert image["width"] == "600"
    assert (tmp_path / "figures" / "forest.svg").read_text() == "<svg></svg>"
    assert (tmp_path / "figures" / "forest.png").read_bytes() == base64.b64decode(PNG)
    assert 'href="figures/forest.svg"' in section.html


@pytest.mark.parametrize("alt", [None, "", "  "])
def test_a_figure_without_alt_text_is_refused(tmp_path: Path, alt: str | None) -> None:
    with pytest.raises(RunError, match=r"03_regressions, cell 2: a figure without alt text"):
        convert(tmp_path, code("figure", picture(alt)))


def test_two_figures_of_one_name_must_be_the_same(tmp_path: Path) -> None:
    convert(tmp_path, code("a", picture()), code("b", picture()))
    other = picture()
    other.data["image/svg+xml"] = "<svg> </svg>"
    with pytest.raises(RunError, match="two different figures are named 'forest'"):
        convert(tmp_path, code("a", picture()), code("b", other))


HOSTILE = """
<div onclick="x()" style="background: url(https://a.example/x.png)">
<script>x()</script><img src="https://a.example/x.png" alt="a"><iframe src="x"></iframe>
<a href="javascript:x()">one</a> <a href="https://a.example/two">two</a>
<a href="#regressions">three</a>
<svg><a xlink:href="https://a.example">s</a><set onbegin="x()"/></svg>
<style>@import "https://a.example/x.css";</style><form action="x"><input></form>
<meta http-equiv="refresh" content="0; url=https://a.example">
</div>
"""


def test_nothing_in_a_section_can_run_or_load() -> None:
    soup = BeautifulSoup(HOSTILE, "html.parser")
    make_inert(soup)
    text = str(soup)
    for bad in ("script", "onclick", "iframe", "javascript", "@import", "url(", "<form", "<meta"):
        assert bad not in text
    assert [tag.get("href") for tag in soup.find_all("a")] == ["#regressions"]
    assert "two (https://a.example/two)" in soup.get_text()
    assert not soup.find_all(src=True)


def test_survey_text_in_outputs_stays_text(tmp_path: Path) -> None:
    plain = v4.new_output("execute_result", {"text/plain": "<img src=x onerror=alert(1)>"})
    said = v4.new_output("stream", name="stdout", text="<script>alert(2)</script>")
    section = convert(tmp_path, code("a", plain), code("b", said))
    soup = BeautifulSoup(section.html, "html.parser")
    assert soup.find(["img", "script"]) is None
    assert "alert(1)" in soup.get_text()
    assert "alert(2)" in soup.get_text()


def test_tables_scroll_by_themselves_and_headers_have_a_scope(tmp_path: Path) -> None:
    table = "<table><thead><tr><th>Slope</th></tr></thead><tr><th>a</th><td>1</td></tr></table>"
    soup = BeautifulSoup(convert(tmp_path, code("t", html(table))).html, "html.parser")
    box = soup.select_one("div.scroll[tabindex='0'][role='group']")
    assert box is not None
    assert box["aria-label"] == "Table: Slope"
    assert [cell["scope"] for cell in soup.find_all("th")] == ["col", "row"]


def test_widgets_are_left_out(tmp_path: Path) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "Slider"}
    section = convert(tmp_path, code("w", v4.new_output("display_data", widget)), code("1"))
    assert "Slider" not in section.html


def test_links_between_notebooks_lead_to_sections(tmp_path: Path) -> None:
    section = convert(
        tmp_path, v4.new_markdown_cell("[here](03_regressions.ipynb) [out](other.md)")
    )
    assert '<a href="#regressions">here</a>' in section.html
    assert "other.md" not in section.html


@pytest.mark.parametrize(
    ("text", "name"), [("../../etc/passwd", "etc-passwd"), ("Ünïcode 1", "unicode-1")]
)
def test_slugs_are_safe(text: str, name: str) -> None:
    assert slug(text) == name


def error(name: str, text: str) -> Any:
    return v4.new_output(
        "error", ename=name, evalue=text, traceback=["Cell In[1]", f"{name}: {text}"]
    )


def test_an_error_is_shown_with_its_traceback_folded(tmp_path: Path) -> None:
    section = convert(tmp_path, code("1 / 0", error("ZeroDivisionError", "<b>division</b>")))
    soup = BeautifulSoup(section.html, "html.parser")
    shown = soup.select_one("p.failed")
    assert shown is not None and shown.get_text() == "ZeroDivisionError: <b>division</b>"
    folds = [fold.get_text(" ", strip=True) for fold in soup.select("details.code")]
    assert [fold.startswith("Show the traceback") for fold in folds] == [False, True]
    assert soup.find("b") is None


def test_an_error_shows_also_where_outputs_are_left_out() -> None:
    hidden = code("judge()", html("verdicts"), error("KeyError", "x"), tags=("notebook-only",))
    (kept,) = shown_cells(v4.new_notebook(cells=[hidden])).cells
    assert [output.output_type for output in kept.outputs] == ["error"]


def test_notebooks_that_did_not_finish_are_shown_as_they_are(tmp_path: Path) -> None:
    other = picture(alt=None)
    other.data["image/svg+xml"] = "<svg> </svg>"
    path = tmp_path / "x.ipynb"
    cells = [v4.new_markdown_cell("# Why?"), code("a", picture(alt=None)), code("b", other)]
    nbformat.write(v4.new_notebook(cells=cells), path)
    (section,) = sections([NotebookRun("x", path, "died", 1.0)], None)
    images = BeautifulSoup(section.html, "html.parser").find_all("img")
    assert [image["alt"] for image in images] == ["A figure without description"] * 2
    assert not (tmp_path / "figures").exists()
