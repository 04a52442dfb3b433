"""What every page shares: templates, number formats, content policy; and the front page."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from loyalty_analysis.formatting import BANNER, VERDICT_MARKS, capitalised, number
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.runs import FAILED, runs

CONTENT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
"""No script, no font, no address: a page is one file and loads nothing."""


def environment() -> Environment:
    """Load the templates; everything they are given is escaped, unknown names are errors."""
    pages = Environment(
        loader=PackageLoader("loyalty_analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.globals.update(marks=VERDICT_MARKS, policy=CONTENT_POLICY)
    pages.filters.update(number=number, capitalised=capitalised, day=day)
    return pages


def day(stamp: str) -> str:
    """Write a time stamp as a reader would.

    Examples
    --------
    >>> day("2026-11-21T20:37:55+00:00")
    '21 November 2026, 20:37 UTC'
    """
    at = datetime.fromisoformat(stamp)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def index(out: str | Path) -> Path:
    """Write ``OUT/index.html``: every study, its latest run and its earlier ones.

    Parameters
    ----------
    out : path
        Folder that collects the runs.

    Returns
    -------
    pathlib.Path
        The page; replaced in one step.
    """
    out = Path(out)
    homes = [path for path in sorted(out.iterdir()) if path.is_dir() and runs(path)]
    html = (
        environment()
        .get_template("index.html.j2")
        .render(studies=list(map(_entry, homes)), banner=BANNER)
    )
    aside = out / f".index.{secrets.token_hex(4)}"
    aside.write_text(html, encoding="utf-8")
    return aside.replace(out / "index.html")


def _entry(home: Path) -> dict[str, Any]:
    """Describe one study: its runs, the last one with a page, a failure that came later."""
    found = [{**read_manifest(run), "page": (run / "index.html").is_file()} for run in runs(home)]
    failures = sorted(home.glob(f"*{FAILED}"), reverse=True)
    later = [path for path in failures if path.name > found[0]["run"]]
    paged = [run for run in found if run["page"]]
    return {
        "name": home.name,
        "runs": found,
        "page": paged[0] if paged else None,
        "failed": read_manifest(later[0]) if later else None,
    }
