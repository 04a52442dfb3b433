"""``batch.json``: what a batch says of itself and of each of its groups."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loyalty_analysis.batch_words import FEW
from loyalty_analysis.manifest import FORMAT, command_line, now, portable, read_manifest, write_json
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.published import last_good, new_run_id

if TYPE_CHECKING:
    from loyalty_analysis.inputs import Inputs
    from loyalty_analysis.segments import Segment

BATCH = "batch.json"
FINE = ("ok", "unchanged", "suppressed")
"""States of groups that need nobody."""


def read_record(folder: Path) -> dict[str, Any]:
    """Read what a batch says of itself; one without groups where there is none, or it is damaged.

    Examples
    --------
    >>> read_record(Path("no such folder"))
    {'groups': []}
    """
    with suppress(OSError, ValueError):
        found = json.loads((folder / BATCH).read_text(encoding="utf-8"))
        if isinstance(found.get("groups"), list):
            return dict(found)
    return {"groups": []}


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write what a batch says of itself, in one step."""
    aside = folder / f".{BATCH}.{secrets.token_hex(4)}"
    write_json(aside, record)
    aside.replace(folder / BATCH)


def first_record(
    inputs: Inputs, by: Sequence[str], parts: Sequence[Segment], **more: Any
) -> dict[str, Any]:
    """Describe a batch that begins: every group is pending.

    Parameters
    ----------
    inputs : Inputs
    by : sequence of str
    parts : sequence of Segment
    **more
        out, min_size, unassigned (a count of one to nine is not kept), repeated, schema.
    """
    study = inputs.study
    if 0 < more.get("unassigned", 0) < SMALLEST_GROUP:
        more["unassigned"] = FEW
    asked = {name: portable(value) for name, value in inputs.parameters.items()} | {"by": list(by)}
    return {
        "format": FORMAT,
        "batch": new_run_id(),
        "study": {"name": study.name, "title": study.title, "origin": study.origin},
        "by": list(by),
        "command": command_line("report", asked, portable(more.pop("out"))),
        "started": now(),
        "finished": None,
        "state": "running",
        "error": None,
        "drivers": list(study.model.drivers),
        "labels": {name: study.label(name) for name in study.constructs},
        **more,
        "groups": [group_of(part) for part in parts],
    }


def group_of(part: Segment) -> dict[str, Any]:
    """Describe a group of which nothing is known yet."""
    return {
        "name": part.name,
        "values": part.values,
        "folder": part.folder,
        "where": part.where,
        "state": "pending",
        "n": None,
        "run": None,
        "started": None,
        "error": None,
        "seconds": 0.0,
        "answer_changed": False,
        "changes": "",
    }


def standing(folder: Path, group: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a group from its last good run: id, date, respondents analysed.

    Examples
    --------
    >>> standing(Path("no such folder"), {"folder": "acme"})
    {}
    """
    run = last_good(folder / str(group["folder"]))
    if run is None:
        return {}
    manifest = read_manifest(run)
    analysed = manifest["respondents"]["analysed"]
    return {"run": run.name, "started": manifest["started"], "n": analysed}


def state_of_batch(record: Mapping[str, Any]) -> str:
    """Name the state of a batch: ``ok`` when no group is left or in trouble.

    Examples
    --------
    >>> state_of_batch({"groups": [{"state": "ok"}, {"state": "suppressed"}]})
    'ok'
    >>> state_of_batch({"groups": [{"state": "ok"}, {"state": "died"}]})
    'failed'
    """
    states = {group["state"] for group in record["groups"]}
    if states <= set(FINE):
        return "ok"
    return "cancelled" if states <= {*FINE, "pending", "cancelled"} else "failed"
