"""How Sphinx builds the documentation: `make docs`. Nothing here or on its pages asks a network."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

from jinja2 import PackageLoader
from jinja2.sandbox import SandboxedEnvironment
from numpydoc import docscrape_sphinx

import loyalty_analysis
from loyalty_analysis.claims import NEGLIGIBLE
from loyalty_analysis.sentences import REASONS

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
# Copied beside the pages, since Sphinx reads no notebook from elsewhere; the second was executed.
NOTEBOOKS = ("notebooks/00_start_here.ipynb", "reports/sample/notebooks/02_descriptives.ipynb")

project = "loyalty_analysis"
author = "loyalty_analysis authors"
copyright = author
version = release = loyalty_analysis.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

autosummary_generate = True
autodoc_member_order = "bysource"
# What pydantic puts into every model; an alias whose signature Sphinx cannot write.
autodoc_default_options = {"exclude-members": "model_config, model_post_init, Side"}
numpydoc_show_class_members = False
numpydoc_attributes_as_param_list = True
# Links that cannot be: types of other packages, since their inventories lie on a network; types of
# modules that have no page (the list at the end of api.md); type variables, one capital letter.
BEHIND = (DOCS / "api.md").read_text(encoding="utf-8").rpartition("```text")[2].strip("`\n").split()
nitpick_ignore_regex = [
    ("py:.*", r"(?!loyalty_analysis\.).*"),
    ("py:.*", rf"loyalty_analysis\.({'|'.join(BEHIND)})\..*"),
    ("py:.*", r".*\.[A-Z]"),
]

# numpydoc reads and compiles its template anew for every docstring: a quarter of a build.
_TEMPLATES = SandboxedEnvironment(loader=PackageLoader("numpydoc"))
docscrape_sphinx.SandboxedEnvironment = lambda loader: _TEMPLATES

myst_enable_extensions = ["substitution"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}

html_theme = "pydata_sphinx_theme"
html_title = "loyalty_analysis"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_sidebars = {page: [] for page in ("index", "start", "verdicts")}  # no pages below them
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 9,
    "show_prev_next": False,
}


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [head, ("---", "---"), *rows]
    return "\n".join(f"| {left} | {right} |" for left, right in lines)


def _limits() -> str:
    sizes = dict.fromkeys(size for size in NEGLIGIBLE.values() if size)
    names = {d: ", ".join(f"`{one}`" for one in NEGLIGIBLE if NEGLIGIBLE[one] == d) for d in sizes}
    return _table(("d", "estimands"), [(f"{d:.2f}", names[d]) for d in sizes])


def _package() -> str:
    """What `import loyalty_analysis` holds, by the modules where it is documented."""
    held = [getattr(loyalty_analysis, name) for name in loyalty_analysis.__all__]
    homes = [
        f"   ~{one.__module__}.{one.__qualname__}" for one in held if hasattr(one, "__qualname__")
    ]
    return "\n".join(["```{eval-rst}", ".. autosummary::", "", *homes, "```"])


# What pages show of the package, so that it is typed once: {{ reasons }}, {{ limits }} ...
myst_substitutions = {
    "package": _package(),
    "reasons": _table(
        ("code", "in words"), [(f"`{code}`", said) for code, said in REASONS.items()]
    ),
    "limits": _limits(),
}


# `loyalty_analysis.regression` is a function as well as a module: pages are about modules.
for _name, _module in list(sys.modules.items()):
    if _name.startswith("loyalty_analysis."):
        setattr(loyalty_analysis, _name.partition(".")[2], _module)


def _shown() -> dict[Path, str]:
    """Files of the repository by the page that includes them whole."""
    pages: dict[Path, str] = {}
    for page in DOCS.glob("**/[!_]*.md"):
        pages[page] = page.relative_to(DOCS).as_posix()
        for target in re.findall(r"```\{include\} (\S+)\n```", page.read_text(encoding="utf-8")):
            pages[(page.parent / target).resolve()] = pages[page]
    return pages


def _mend_links(app, path: Path, _parent: str, content: list[str]) -> None:
    """Links of an included file lead to the page that shows their target, else to a copy of it."""
    folder, pages = (DOCS / path).resolve().parent, _shown()
    page_folder = (DOCS / app.env.docname).parent

    def mended(link: re.Match[str]) -> str:
        target = (folder / link[1]).resolve()
        if not target.exists():
            return link[0]
        if target not in pages:  # a download
            return f"](path:{os.path.relpath(target, page_folder)})"
        return f"]({os.path.relpath(DOCS / pages[target], page_folder)}{link[2] or ''})"

    content[0] = re.sub(r"\]\(([^)#:\s]+)(#[^)]*)?\)", mended, content[0])


def _prepare(_app) -> None:
    """Notebooks beside the pages; pages of modules that are no longer listed go."""
    (DOCS / "notebooks").mkdir(exist_ok=True)
    for name in NOTEBOOKS:
        shutil.copyfile(ROOT / name, DOCS / "notebooks" / Path(name).name)
    listed = (DOCS / "api.md").read_text(encoding="utf-8").split()
    for page in DOCS.glob("api/*.rst"):
        if page.stem not in listed:
            page.unlink()


def setup(app) -> None:
    app.connect("builder-inited", _prepare)
    app.connect("include-read", _mend_links)
