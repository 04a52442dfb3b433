"""The front page of a batch in words: states, what is missing, what changed, what pooling means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from loyalty_analysis.formatting import VerdictMark, capitalised, number
from loyalty_analysis.preparation import SMALLEST_GROUP

_BAD, _CALM, _GOOD = "contradicted", "absent", "supported"
STATES = {
    "failed": VerdictMark("failed", "▲", _BAD),
    "died": VerdictMark("died", "▼", _BAD),
    "timed_out": VerdictMark("out of time", "◔", _BAD),
    "blocked": VerdictMark("blocked", "◆", "negligible"),
    "cancelled": VerdictMark("stopped", "■", _CALM),
    "pending": VerdictMark("not run yet", "○", _CALM),
    "ok": VerdictMark("finished", "✓", _GOOD),
    "unchanged": VerdictMark("unchanged", "=", _GOOD),
    "suppressed": VerdictMark("not shown", "–", _CALM),
}
"""How a state is shown: a word, a shape and the class that colours it; the worst come first."""
TROUBLED = ("failed", "died", "timed_out", "blocked")
WAITING = ("cancelled", "pending")
FEW = "few"
"""What batch.json says in place of a count of one to nine rows."""
_WHAT = {
    "failed": "A cell failed, or the page could not be made.",
    "died": "Its process ended by itself.",
    "timed_out": "Its deadline passed.",
    "blocked": "Its data were refused.",
}


def counted(count: int, noun: str) -> str:
    """Write how many there are of something.

    Examples
    --------
    >>> counted(1, "group"), counted(1200, "report")
    ('1 group', '1,200 reports')
    """
    return f"{number(count, 0)} {noun}{'' if count == 1 else 's'}"


def states_sentence(groups: Sequence[Mapping[str, Any]]) -> str:
    """Count groups by state in one sentence.

    Examples
    --------
    >>> states_sentence([{"state": "ok"}, {"state": "ok"}, {"state": "failed"}])
    '3 groups: 1 failed, 2 finished.'
    """
    found = Counter(group["state"] for group in groups)
    each = [
        f"{number(found[state], 0)} {mark.word}" for state, mark in STATES.items() if found[state]
    ]
    return f"{counted(len(groups), 'group')}: {', '.join(each) or 'nothing to report'}."


def unassigned_sentence(record: Mapping[str, Any]) -> str:
    """Say how many rows belong to no group; empty where all do.

    Examples
    --------
    >>> unassigned_sentence({"unassigned": 1200, "by": ["brand", "wave"]})
    '1,200 rows have no value of brand or wave and are in no group.'
    >>> unassigned_sentence({"unassigned": FEW, "by": ["brand"]})
    'Fewer than ten rows have no value of brand and are in no group.'
    """
    rows = record.get("unassigned")
    if not rows:
        return ""
    few = rows == FEW or int(rows) < SMALLEST_GROUP
    many = "Fewer than ten rows" if few else counted(int(rows), "row")
    return f"{many} have no value of {' or '.join(record['by'])} and are in no group."


def batch_sentence(record: Mapping[str, Any]) -> str:
    """Say that the batch itself did not come to its end, or not yet; empty where it did.

    Examples
    --------
    >>> batch_sentence({"state": "cancelled", "groups": [{"state": "pending"}]})
    'The batch was stopped before it was done: 1 group waits. The same command does the rest.'
    >>> batch_sentence({"state": "running", "groups": [{"state": "pending"}]})
    'The batch is still running: 1 group waits.'
    """
    waiting = sum(group["state"] in WAITING for group in record["groups"])
    wait = f"{counted(waiting, 'group')} {'waits' if waiting == 1 else 'wait'}."
    if record["state"] == "running":
        return f"The batch is still running: {wait}"
    if not waiting:
        return ""
    why = "was stopped" if record["state"] == "cancelled" else "ended"
    return f"The batch {why} before it was done: {wait} The same command does the rest."


def refused(record: Mapping[str, Any]) -> str:
    """Why a later batch was refused as a whole, so that this page stands; empty where none was.

    Examples
    --------
    >>> refused({"state": "blocked", "error": {"message": "survey.csv: no column 'brand'."}})
    "survey.csv: no column 'brand'."
    """
    return reason(record) if record["state"] == "blocked" else ""


def changed_sentence(groups: Sequence[Mapping[str, Any]], first: int = 0) -> str:
    """Name the groups whose answer changed.

    Parameters
    ----------
    groups : sequence of mapping
    first : int
        How many reports of this batch had no earlier one to be compared with.

    Examples
    --------
    >>> changed_sentence([{"name": "brand A", "answer_changed": True}])
    'The answer changed in 1 group: brand A.'
    >>> changed_sentence([{"name": "brand A", "answer_changed": False}], first=1)
    'The answer changed in no group; 1 report had no earlier one to be compared with.'
    """
    alone = f"; {counted(first, 'report')} had no earlier one to be compared with" if first else ""
    names = [str(group["name"]) for group in groups if group["answer_changed"]]
    if not names:
        return f"The answer changed in no group{alone}."
    shown = names if len(names) < 6 else [*names[:4], f"{len(names) - 4} others"]
    return f"The answer changed in {counted(len(names), 'group')}: {'; '.join(shown)}{alone}."


def suppressed_sentence(record: Mapping[str, Any]) -> str:
    """Say which groups are too small to be shown; empty where none is.

    Examples
    --------
    >>> group = {"name": "brand Z", "state": "suppressed"}
    >>> suppressed_sentence({"min_size": 30, "groups": [group]})
    'Fewer than 30 respondents, not shown: brand Z. Who also has a report of all respondents ...'
    """
    hidden = [group for group in record["groups"] if group["state"] == "suppressed"]
    names = [str(group["name"]) for group in hidden if not group.get("remainder")]
    more = [str(group["name"]) for group in hidden if group.get("remainder")]
    said = []
    if names:
        few = number(record["min_size"], 0)
        said.append(f"Fewer than {few} respondents, not shown: {'; '.join(names)}.")
    if more:
        said.append(
            f"Not shown either: {'; '.join(more)}. Without it fewer than ten respondents would be "
            "left out, and could be told from the others."
        )
    if hidden:
        said.append(
            "Who also has a report of all respondents can subtract the groups shown from it, and "
            "is left with those not shown: before both are published, leave these out there too "
            "(--where)."
        )
    return " ".join(said)


def reason(group: Mapping[str, Any]) -> str:
    """Why a group has no report of this batch.

    Examples
    --------
    >>> reason({"state": "timed_out", "error": None})
    'Its deadline passed.'
    """
    said = str((group.get("error") or {}).get("message", "")).strip()
    if not said:
        return _WHAT.get(str(group["state"]), "")
    named = set(said.partition(": ")[0]) & set("./")  # a file name stays as it is
    return said if named else capitalised(said)


def age(standing: str, batch: str) -> str:
    """Say how much older a report is than a batch.

    Examples
    --------
    >>> age("2026-11-12T02:00:00+00:00", "2026-11-29T02:00:00+00:00")
    '17 days older than this batch'
    >>> age("2026-11-29T01:00:00+00:00", "2026-11-29T02:00:00+00:00")
    'less than a day older than this batch'
    """
    days = (datetime.fromisoformat(batch) - datetime.fromisoformat(standing)).days
    return f"{counted(days, 'day') if days > 0 else 'less than a day'} older than this batch"


def pooling_sentences(pooled: bool, repeated: bool) -> list[str]:
    """Say what the figure of slopes means, and what it does not.

    Examples
    --------
    >>> len(pooling_sentences(True, False)), len(pooling_sentences(False, True))
    (2, 2)
    """
    said = []
    if pooled:
        said.append(
            "Partial pooling draws the slope of each group towards the average of all, the more "
            "the less its own respondents can say: the extremes of small groups owe more to "
            "luck, and over all groups the filled marks are the better guess at what would be "
            "found next time."
        )
    if repeated:
        said.append(
            "The same respondents answered in several waves. Pooling takes the errors of groups as "
            "independent, which they are not here: intervals are a little too narrow or too wide."
        )
    said.append(
        "Slopes are standardized by each group's own SDs. Whether the scales measure the same in "
        "every group was not tested here, so a difference between groups can be one of "
        "measurement: the groups of the study ([design] groups) are compared only where that "
        "was tested."
    )
    return said
