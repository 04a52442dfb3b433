"""Telling somebody: when a run failed or the answer changed, and quiet at every other time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loyalty_analysis.alert_settings import SMTP, WEBHOOK, Channels, check_settings
from loyalty_analysis.comparison import changes_sentence
from loyalty_analysis.delivery import TIMEOUT, DeliveryError, post, send
from loyalty_analysis.errors import RunError
from loyalty_analysis.manifest import read_manifest, without_paths

__all__ = ["alert", "alert_content", "check_settings", "is_alert"]

FORMAT = 1
QUIET = ("ok", "running", "cancelled")
"""States of a run that are no news by themselves: who cancels a run knows."""
_WORDS = {
    "ok": "the answer changed",
    "failed": "the run failed",
    "died": "the run died",
    "timed_out": "the run ran out of time",
    "blocked": "the run was blocked",
}
_HIDDEN = "***"


def is_alert(state: str, changes: Mapping[str, Any] | None) -> bool:
    """Whether somebody is to be told: the run did not come to its end, or the answer changed.

    Parameters
    ----------
    state : str
        Of the run.
    changes : mapping or None
        Of :func:`comparison.answer_changes`.

    Examples
    --------
    >>> is_alert("ok", {"answer_changed": False}), is_alert("ok", {"answer_changed": True})
    (False, True)
    >>> is_alert("timed_out", None), is_alert("cancelled", None)
    (True, False)
    """
    changed = bool(changes and changes.get("answer_changed"))
    return state not in QUIET or (state == "ok" and changed)


def alert(
    state: str,
    study_title: str,
    run: Path,
    changes: Mapping[str, Any] | None,
    environment: Mapping[str, str],
    *,
    error: str = "",
    timeout: float = TIMEOUT,
) -> list[str]:
    """Tell somebody that a run failed or that the answer changed; do nothing otherwise.

    Parameters
    ----------
    state : str
        Of the run: ``ok``, ``failed``, ``died``, ``timed_out``, ``cancelled`` or ``blocked``.
    study_title : str
    run : pathlib.Path
        Its folder, ``OUT/<study>/<run id>``; a run that died may have none.
    changes : mapping or None
        Of :func:`comparison.answer_changes`.
    environment : mapping of str to str
        As :func:`check_settings` takes it.
    error : str
        What went wrong; without it what the manifest of the run says.
    timeout : float
        Seconds to wait for each answer of a server.

    Returns
    -------
    list of str
        Who was told: ``webhook``, ``mail``; none where there is no news or nobody to tell.

    Raises
    ------
    InputError
        When a setting is malformed.
    RunError
        When an alert could not be delivered; all other channels have been tried then.

    Examples
    --------
    >>> alert("ok", "Bank", Path("reports/bank/one"), {"answer_changed": False}, {})
    []
    """
    channels = check_settings(environment)
    if not is_alert(state, changes):
        return []
    content = alert_content(state, study_title, run, changes, error, channels)
    ways: dict[str, Any] = {}
    if channels.webhook:
        ways["webhook"] = (WEBHOOK, lambda: post(channels.webhook, content, timeout))
    if channels.mail is not None:
        mail, subject = channels.mail, f"{content['title']}: {_WORDS.get(state, state)}"
        ways["mail"] = (SMTP, lambda: send(mail, subject, letter(content), timeout))
    problems = []
    for setting, deliver in ways.values():
        try:
            deliver()
        except DeliveryError as lost:
            problems.append(f"{setting}: the alert was not delivered; {lost}.")
    if problems:
        where = f"run {content['run']} ({state})"
        raise RunError(" ".join([f"{where}:", *problems, "The run itself is not affected."]))
    return list(ways)


def alert_content(
    state: str,
    study_title: str,
    run: Path,
    changes: Mapping[str, Any] | None,
    error: str = "",
    channels: Channels | None = None,
) -> dict[str, Any]:
    """Write what a webhook is told; it names neither this machine nor its folders.

    Returns
    -------
    dict
        format, study (its name), title, state, run (its id), sentence, changes (verdicts that
        changed), error, page (``<study>/<run>/index.html`` below the reports, empty without one).

    Examples
    --------
    >>> found = alert_content("died", "Bank", Path("reports/bank/one"), None, "Killed.")
    >>> found["sentence"], found["study"], found["page"]
    ('Bank: the run died. Killed.', 'bank', '')
    """
    known = read_manifest(run)
    error = error or (known.get("error") or {}).get("message") or ""
    said = error if state != "ok" or not changes else changes_sentence(changes)
    page = run / "index.html"
    content = {
        "format": FORMAT,
        "study": (known.get("study") or {}).get("name") or run.parent.name,
        "title": study_title,
        "state": state,
        "run": known.get("run") or run.name,
        "sentence": f"{study_title}: {_WORDS.get(state, state)}. {said}".strip(),
        "changes": list((changes or {}).get("verdicts") or []) if state == "ok" else [],
        "error": error,
        "page": f"{run.parent.name}/{run.name}/index.html" if page.is_file() else "",
    }
    return {name: _clean(value, channels or Channels()) for name, value in content.items()}


def _clean(value: Any, channels: Channels) -> Any:
    """Take secrets and the machine's own paths out of every text."""
    if isinstance(value, Mapping):
        return {name: _clean(one, channels) for name, one in value.items()}
    if isinstance(value, list):
        return [_clean(one, channels) for one in value]
    if not isinstance(value, str):
        return value
    text = without_paths(value)
    for secret in channels.secrets:
        text = text.replace(secret, _HIDDEN)
    return text


def letter(content: Mapping[str, Any]) -> str:
    """Write the text of a mail.

    Examples
    --------
    >>> print(letter(alert_content("died", "Bank", Path("reports/bank/one"), None, "Killed.")))
    Bank: the run died. Killed.
    <BLANKLINE>
    Study: bank
    Run: one
    <BLANKLINE>
    """
    rows = [
        f"- {row['claim']} ({row['outcome']}): {row['before']} before, {row['now']} now. "
        f"{row.get('text') or ''}".strip()
        for row in content["changes"]
    ]
    facts = [f"Study: {content['study']}", f"Run: {content['run']}"]
    page = [f"Page: {content['page']}"] if content["page"] else []
    return "\n".join([content["sentence"], *(["", *rows] if rows else []), "", *facts, *page, ""])
