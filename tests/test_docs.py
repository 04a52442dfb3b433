"""The documentation builds without a warning, its links lead somewhere, and it loads nothing."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from loyalty_analysis.sentences import REASONS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
OUTSIDE = re.compile(r"(https?:)?//")
LOADED = (("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"))


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("sphinx", "numpydoc", "myst_nb", "pydata_sphinx_theme"):
        pytest.importorskip(needed, reason=f"{needed} is not installed (extra docs)")
    out = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going"]
    folders = ["-d", str(out / "doctrees"), str(DOCS), str(out / "html")]
    done = subprocess.run([*command, *folders], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.fixture(scope="module")
def pages(html: Path) -> dict[Path, BeautifulSoup]:
    files = sorted(html.rglob("*.html"))
    return {file: BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser") for file in files}


@pytest.mark.slow
def test_pages_build_without_warnings_and_lead_somewhere(
    html: Path, pages: dict[Path, BeautifulSoup]
) -> None:
    anchors = {
        file: {str(tag["id"]) for tag in page.find_all(id=True)} for file, page in pages.items()
    }
    lost = []
    for file, page in pages.items():
        for link in page.find_all("a", href=True):
            path, _, anchor = str(link["href"]).partition("#")
            if OUTSIDE.match(path) or path.startswith("mailto:"):
                continue
            target = (file.parent / unquote(path)).resolve() if path else file
            found = target.is_file() and (
                not anchor or target not in anchors or unquote(anchor) in anchors[target]
            )
            if not found:
                lost.append(f"{file.relative_to(html)}: {link['href']}")
    assert lost == []


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(html: Path, pages: dict[Path, BeautifulSoup]) -> None:
    loaded = [
        f"{file.relative_to(html)}: {tag[attribute]}"
        for file, page in pages.items()
        for name, attribute in LOADED
        for tag in page.find_all(name, attrs={attribute: OUTSIDE})
    ]
    for sheet in html.rglob("*.css"):
        loads = r"""(?:url\(\s*|@import\s*)["']?((?:https?:)?//[^"')\s]+)"""
        loaded += re.findall(loads, sheet.read_text(encoding="utf-8"))
    assert loaded == []


@pytest.mark.slow
def test_every_reason_is_explained(html: Path, pages: dict[Path, BeautifulSoup]) -> None:
    found = pages[html / "verdicts.html"].find_all("td")
    cells = {cell.get_text().replace("’", "'") for cell in found}  # typographic apostrophes
    assert {*REASONS, *REASONS.values()} <= cells


def test_every_module_is_in_the_api_or_named_as_behind_it() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    public = re.findall(r"^   loyalty_analysis\.(\w+)$", page, flags=re.MULTILINE)
    behind = page.rpartition("```text\n")[2].partition("```")[0].split()
    modules = {file.stem for file in (ROOT / "loyalty_analysis").glob("*.py")} - {"__init__"}
    assert len(public + behind) == len({*public, *behind})
    missing = sorted(modules - {*public, *behind})
    assert not missing, f"put into docs/api.md, by theme or behind: {', '.join(missing)}"
    assert {*public, *behind} <= modules
