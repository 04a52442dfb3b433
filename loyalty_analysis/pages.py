"""What every page shares: templates, number formats, content policy; and the front page."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from loyalty_analysis.batch_words import refused, states_sentence
from loyalty_analysis.formatting import BANNER, VERDICT_MARKS, capitalised, number
from loyalty_analysis.leftovers import sweep_aside
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.published import runs
from loyalty_analysis.records import read_record
from loyalty_analysis.served import ENDED, day, failed_runs

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
    sweep_aside(out, ".index.*")
    homes = [path for path in sorted(out.iterdir()) if path.is_dir()]
    batches = [one for home in homes for one in _batches(home)]
    entries = [_entry(home) for home in homes if runs(home)]
    never = [home for home in homes if failed_runs(home) and not runs(home)]
    first = [_failure(failed_runs(home)[0]) for home in never]
    html = (
        environment()
        .get_template("index.html.j2")
        .render(studies=entries, unfinished=first, batches=batches, banner=BANNER, ended=ENDED)
    )
    aside = out / f".index.{secrets.token_hex(4)}"
    aside.write_text(html, encoding="utf-8")
    return aside.replace(out / "index.html")


@contextmanager
def front_page(out: str | Path, home: Path | None = None) -> Iterator[None]:
    """Write the front page anew after a run, also after one that failed.

    Parameters
    ----------
    out : path
        Folder that collects the runs.
    home : pathlib.Path, optional
        Where the run lies: of one group of a batch, whose own page lists it, nothing is written.
    """
    listed = home is None or home.parent == Path(out)
    try:
        yield
    except BaseException:
        with suppress(OSError):  # what went wrong matters more than the page that lists it
            if listed:
                index(out)
        raise
    if listed:
        index(out)


def _entry(home: Path) -> dict[str, Any]:
    """Describe one study: its runs, the last one with a page, a failure that came later."""
    found = [{**read_manifest(run), "page": (run / "index.html").is_file()} for run in runs(home)]
    later = [path for path in failed_runs(home) if path.name > found[0]["run"]]
    paged = [run for run in found if run["page"]]
    return {
        "name": home.name,
        "runs": found,
        "page": paged[0] if paged else None,
        "failed": _failure(later[0]) if later else None,
    }


def _batches(home: Path) -> list[dict[str, Any]]:
    """Batches of a study that have a page."""
    paged = [path for path in sorted(home.glob("by-*")) if (path / "index.html").is_file()]
    found = [(path, read_record(path)) for path in paged]
    return [
        {
            **record,
            "page": f"{home.name}/{path.name}/index.html",
            "said": states_sentence(groups),
            "refused": refused(record).partition("\n")[0],
        }
        for path, record in found
        if (groups := record["groups"])
    ]


def _failure(run: Path) -> dict[str, Any]:
    page = f"{run.name}/index.html" if (run / "index.html").is_file() else ""
    return {**read_manifest(run), "page": page}
