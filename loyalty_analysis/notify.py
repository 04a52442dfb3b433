"""Alerts of the command line: what is told of a run, of a batch, of an error that ended either."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loyalty_analysis.alerts import alert, check_settings
from loyalty_analysis.comparison import CHANGES
from loyalty_analysis.errors import LoyaltyError, RunError
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.records import read_record
from loyalty_analysis.run_folder import state_of
from loyalty_analysis.segments import folder_of_batch
from loyalty_analysis.served import failed_runs
from loyalty_analysis.study import find_study

if TYPE_CHECKING:
    from loyalty_analysis.batch import Batched
    from loyalty_analysis.runs import Run


def tell_of_run(run: Run) -> None:
    """Tell somebody of a run whose answer changed.

    Raises
    ------
    RunError
        When an alert could not be delivered.
    """
    if run.is_new:
        alert("ok", run.survey.study.title, run.folder, run.changes, os.environ)


def tell_of_batch(batched: Batched) -> None:
    """Tell somebody of a batch of which reports failed, or some answers changed.

    Raises
    ------
    RunError
        When an alert could not be delivered.
    """
    record, title = batched.record, str(batched.record["study"]["title"])
    if batched.failed:
        named = "; ".join(f"{one['name']}: {one['state']}" for one in batched.failed[:20])
        many = f"{len(batched.failed)} of {len(record['groups'])} reports were not made"
        alert("failed", title, batched.folder, None, os.environ, error=f"{many}: {named}.")
    changed = [group for group in record["groups"] if group["answer_changed"]]
    rows = [row for group in changed for row in _changed_verdicts(batched.folder, group)]
    news = {"answer_changed": bool(changed), "since": "their last reports", "verdicts": rows}
    alert("ok", title, batched.folder, news, os.environ)


def _changed_verdicts(folder: Path, group: dict[str, Any]) -> list[dict[str, Any]]:
    path = folder / str(group["folder"]) / str(group["run"]) / CHANGES
    with suppress(OSError, ValueError):
        rows = json.loads(path.read_text(encoding="utf-8"))["verdicts"]
        return [{**row, "claim": f"{group['name']}: {row['claim']}"} for row in rows]
    return []


@contextmanager
def watched(study: str, out: str, wanted: bool, by: Sequence[str] = ()) -> Iterator[None]:
    """Tell somebody of an error that ends the ``with`` block, and raise it.

    Parameters
    ----------
    study : str
        As it was asked for.
    out : str
        Folder of all reports.
    wanted : bool
        Whether alerts are wanted; their settings are checked before anything else.
    by : sequence of str
        Columns of a batch: its front page is what the alert names.

    Raises
    ------
    InputError
        When a setting of the alerts is malformed.
    LoyaltyError
        The very error; one that could not be told says that, too.
    """
    if not wanted:
        yield
        return
    check_settings(os.environ)
    try:
        yield
    except LoyaltyError as error:
        home = Path(out) / _name(study)
        kept = next(iter(failed_runs(home)), home / "none") if home.is_dir() else home
        kept = home / folder_of_batch(by) if by else kept
        known = read_record(kept) if by else read_manifest(kept)
        title = str((known.get("study") or {}).get("title") or study)
        try:
            alert(_state(error), title, kept, None, os.environ, error=str(error))
        except RunError as lost:
            raise RunError(f"{error}\n{lost}") from None
        raise


def _state(error: LoyaltyError) -> str:
    return state_of(error) if isinstance(error, RunError) else "blocked"


def _name(study: str) -> str:
    with suppress(LoyaltyError):
        return find_study(study).resolve().parent.name
    return Path(study).name
