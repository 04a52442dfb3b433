"""The page to serve: ``index.html`` beside the runs of a study is always its last good report.

When a later run failed or was blocked it says so across the page: how old the report is, and why.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from loyalty_analysis.errors import RunError
from loyalty_analysis.leftovers import abandoned, sweep, sweep_aside
from loyalty_analysis.locks import only_one
from loyalty_analysis.manifest import now, read_manifest, write_json
from loyalty_analysis.published import FAILED, last_good, new_run_id, point_to, runs

_LINK = re.compile(r"""\b(href|src)="(?!\#|data:|https?:|mailto:)([^"]*)\"""")
CONFIRMED = "confirmed.json"
"""Beside the runs: until when the last good report was found to be what a new one would be."""
_BODY = '<div class="shell">'
ENDED = {
    "failed": "failed",
    "died": "failed, its kernel died",
    "timed_out": "ran out of time",
    "cancelled": "was stopped",
    "blocked": "was blocked",
}
"""States of runs that did not finish, as a sentence about a run ends."""


def serve(home: Path) -> Path | None:
    """Write the page to serve, in one step: the last good report, with a banner if it is late.

    Parameters
    ----------
    home : pathlib.Path
        Folder of the runs of a study.

    Returns
    -------
    pathlib.Path or None
        The page; None where there is neither a report nor a run that failed with a page.

    Examples
    --------
    >>> serve(Path("no such folder")) is None
    True
    """
    shown, banner = standing(home)
    if shown is None:
        return None
    html = (shown / "index.html").read_text(encoding="utf-8")
    moved = _LINK.sub(lambda link: _moved(link, shown.name), html)
    sweep_aside(home, ".index.*")
    aside = home / f".index.{secrets.token_hex(4)}"
    aside.write_text(moved.replace(_BODY, f"{banner}{_BODY}", 1), encoding="utf-8")
    return aside.replace(home / "index.html")


def settle(home: Path) -> None:
    """Finish what a run that was killed had left to do, and remove what else it left behind.

    A run that had its name was verified: all it lacked was that ``latest`` and the page to serve
    say so. For who holds the lock of the folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     settle(Path(home))
    """
    left = abandoned(home)
    for run in left:
        good = last_good(home)
        if good is not None and good.name <= run and home / run in runs(home):
            point_to(home / run)
    if left:
        serve(home)
    sweep(home)


def settle_if_idle(home: Path) -> None:
    """Do the same where no run is under way; where nothing can be written, nothing is done.

    Examples
    --------
    >>> settle_if_idle(Path("no such folder"))
    """
    if home.is_dir() and abandoned(home):
        with suppress(OSError, RunError), only_one(home, "leave"):
            settle(home)


def confirm(run: Path) -> None:
    """Note that a report still says what a new one would, so that earlier failures are over.

    Nothing is written where no run failed since, or where nothing can be written.

    Parameters
    ----------
    run : pathlib.Path
        The last good run.

    Examples
    --------
    >>> confirm(Path("no such folder") / "20261121T093000Z-abcd")
    """
    home = run.parent
    if not _later(home, run):
        return
    with suppress(OSError, RunError), only_one(home, "leave"):
        aside = home / f".index.{secrets.token_hex(4)}"
        write_json(aside, {"run": run.name, "at": new_run_id(home=home), "confirmed": now()})
        aside.replace(home / CONFIRMED)
        serve(home)


def _later(home: Path, good: Path) -> list[Path]:
    """Runs that failed after a report was made, or was last confirmed."""
    known: dict[str, str] = {}
    with suppress(OSError, ValueError):
        known = json.loads((home / CONFIRMED).read_text(encoding="utf-8"))
    since = known.get("at", "") if known.get("run") == good.name else ""
    return [run for run in failed_runs(home) if run.name > max(good.name, since)]


def standing(home: Path) -> tuple[Path | None, str]:
    """Find the report that stands, and what has to be said across it.

    Returns
    -------
    tuple
        The last good report, or the last run that failed where there is none; a banner as HTML,
        empty when no later run failed.
    """
    failures = [run for run in failed_runs(home) if (run / "index.html").is_file()]
    paged = [run for run in runs(home) if (run / "index.html").is_file()]
    if not paged:
        return (failures[0] if failures else None), ""
    pointed = last_good(home)
    good = pointed if pointed in paged else paged[0]
    later = _later(home, good)
    return good, _banner(good, later[0]) if later else ""


def failed_runs(home: Path) -> list[Path]:
    """Runs of a study that did not finish, the latest first.

    Examples
    --------
    >>> failed_runs(Path("no such folder"))
    []
    """
    kept = [path for path in home.glob(f"*{FAILED}") if read_manifest(path)]
    return sorted(kept, reverse=True)


def late_sentence(good: Mapping[str, Any], later: Mapping[str, Any]) -> str:
    """Say how old a report is and why no later one stands in its place.

    Parameters
    ----------
    good, later : mapping
        Manifests of the last good run and of the last one that failed.

    Examples
    --------
    >>> good = {"started": "2026-03-03T02:00:00+00:00"}
    >>> later = {"started": "2026-03-15T02:00:00+00:00", "state": "blocked",
    ...     "error": {"message": "column 'aff1' is missing"}}
    >>> print(late_sentence(good, later))
    This report is of 3 March 2026, 02:00 UTC. It was 12 days old when a later run, of 15 March
    2026, 02:00 UTC, was blocked: column 'aff1' is missing
    """
    made, tried = (datetime.fromisoformat(one["started"]) for one in (good, later))
    old = f"It was {_age(tried - made)} old when a" if tried >= made else "A"  # a clock set back
    message = (later.get("error") or {}).get("message") or ""
    first = next(iter(message.strip().splitlines()), "")
    why = f": {first}" if first and later["state"] != "cancelled" else "."
    return (
        f"This report is of {day(good['started'])}. {old} later run, of "
        f"{day(later['started'])}, {ENDED.get(later['state'], 'failed')}{why}"
    )


def day(stamp: str) -> str:
    """Write a time stamp as a reader would.

    Examples
    --------
    >>> day("2026-11-21T20:37:55+00:00")
    '21 November 2026, 20:37 UTC'
    """
    at = datetime.fromisoformat(stamp)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _age(passed: Any) -> str:
    for seconds, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        count = int(passed.total_seconds() // seconds)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def _banner(good: Path, later: Path) -> str:
    said = escape(late_sentence(read_manifest(good), read_manifest(later)))
    page = f"{later.name}/index.html"
    link = f' <a href="{page}">What happened</a>' if (later / "index.html").is_file() else ""
    return f'<aside class="banner late" aria-label="Age of this report">{said}{link}</aside>\n'


def _moved(link: re.Match[str], run: str) -> str:
    target = link[2]
    there = target.removeprefix("../") if target.startswith("../") else f"{run}/{target}"
    return f'{link[1]}="{there}"'
