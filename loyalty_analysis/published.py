"""Published runs: how they are named, which are complete, and which one ``latest`` means."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

from loyalty_analysis.manifest import read_manifest

LATEST, FAILED = "latest", ".failed"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]{4}")


def new_run_id(at: datetime | None = None) -> str:
    """Name a run: UTC to the second and four random characters, so that names sort by time.

    Examples
    --------
    >>> new_run_id(datetime(2026, 11, 21, 9, 30, tzinfo=UTC))[:-4]
    '20261121T093000Z-'
    """
    stamp = (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    return f"{stamp}-{''.join(secrets.choice(letters) for _ in range(4))}"


def runs(home: Path) -> list[Path]:
    """List the complete runs in a study's folder, the latest first.

    Examples
    --------
    >>> runs(Path("no such folder"))
    []
    """
    if not home.is_dir():
        return []
    named = [path for path in home.iterdir() if _RUN_ID.fullmatch(path.name)]
    good = [path for path in named if read_manifest(path).get("state") == "ok"]
    return sorted(good, reverse=True)


def last_good(out: str | Path, study: str) -> Path | None:
    """Find the last good run of a study.

    Parameters
    ----------
    out : path
        Folder of all reports.
    study : str
        Folder name of the study.

    Returns
    -------
    pathlib.Path or None
        What ``latest`` points to; the newest complete run when ``latest`` points nowhere.

    Examples
    --------
    >>> last_good("no such folder", "bank_customers") is None
    True
    """
    latest = Path(out) / study / LATEST
    name = ""
    if latest.is_symlink():
        name = latest.readlink().name
    elif latest.is_file():
        name = latest.read_text(encoding="utf-8").strip()
    complete = runs(Path(out) / study)
    pointed = [run for run in complete if run.name == name]
    return next(iter([*pointed, *complete]), None)


def point_to(run: Path) -> None:
    """Move ``latest`` in one step; where links are not allowed it is a file with the name.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     run = Path(home, "20261121T093000Z-abcd")
    ...     run.mkdir()
    ...     point_to(run)
    ...     Path(home, LATEST).exists()
    True
    """
    aside = run.with_name(f".{run.name}.link")
    try:
        aside.symlink_to(run.name, target_is_directory=True)
    except (OSError, NotImplementedError):
        aside.write_text(run.name + "\n", encoding="utf-8")
    aside.replace(run.with_name(LATEST))
