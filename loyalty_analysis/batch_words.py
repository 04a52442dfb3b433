"""The front page of a batch in words: states, what is missing, what changed, what pooling means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from loyalty_analysis.formatting import VerdictMark, capitalised, number

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
    >>> unassigned_sentence({"unassigned": 1, "by": ["brand", "wave"]})
    '1 row has no value of brand or wave and is in no group.'
    """
    rows = int(record.get("unassigned") or 0)
    if not rows:
        return ""
    verbs = ("has", "is") if rows == 1 else ("have", "are")
    by = " or ".join(record["by"])
    return f"{counted(rows, 'row')} {verbs[0]} no value of {by} and {verbs[1]} in no group."


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


def changed_sentence(groups: Sequence[Mapping[str, Any]]) -> str:
    """Name the groups whose answer changed.

    Examples
    --------
    >>> changed_sentence([{"name": "brand A", "answer_changed": True}])
    'The answer changed in 1 group: brand A.'
    """
    names = [str(group["name"]) for group in groups if group["answer_changed"]]
    if not names:
        return "The answer changed in no group."
    shown = names if len(names) < 6 else [*names[:4], f"{len(names) - 4} others"]
    return f"The answer changed in {counted(len(names), 'group')}: {'; '.join(shown)}."


def suppressed_sentence(record: Mapping[str, Any]) -> str:
    """Say which groups are too small to be shown; empty where none is.

    Examples
    --------
    >>> group = {"name": "brand Z", "state": "suppressed"}
    >>> suppressed_sentence({"min_size": 30, "groups": [group]})
    'Fewer than 30 respondents, not shown: brand Z.'
    """
    names = [str(group["name"]) for group in record["groups"] if group["state"] == "suppressed"]
    if not names:
        return ""
    few = number(record["min_size"], 0)
    return f"Fewer than {few} respondents, not shown: {'; '.join(names)}."


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
    return capitalised(said) if said.split()[0].isalpha() else said  # a file name stays as it is


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
            "the less its own respondents can say: the extremes of small groups are mostly luck, "
            "and the filled mark is the better guess at what such a group would show next time."
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
