"""Columns and codes that changed since an earlier data file, said before anything is analysed.

Where counts decide, they decide by Fisher's exact test of one feature in two files. A change that
an honest new wave would show by accident more often than once in a thousand waves, over all columns
together, does not block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import exp, lgamma, sqrt
from typing import Any

from loyalty_analysis.data_schema import FORMAT
from loyalty_analysis.preparation import SMALLEST_GROUP

FALSE_ALARMS = 0.001
"""Honest waves that blocking changes may stop, over all columns and tests together."""
TESTS = 10
"""Tests that one column takes at most: emptiness, two of its kind, two ends, each either way."""
RISE = 0.05
"""Rise of the share missing that is worth telling."""
_CODED_ROLES = ("groups", "controls", "moderators")


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was.

    Attributes
    ----------
    kind : str
        ``"gone"``, ``"renamed"``, ``"empty"``, ``"kind"``, ``"labels"``, ``"span"``, ``"codes"``,
        ``"missing"`` or ``"question"``.
    column : str
        As it was called.
    sentence : str
        What was, what is, what to do.
    blocks : bool
        Whether a run should not go on until somebody has looked.
    """

    kind: str
    column: str
    sentence: str
    blocks: bool


def schema_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Compare two descriptions of data files.

    Parameters
    ----------
    before, now : mapping
        What :func:`loyalty_analysis.data_schema.schema` returned for the last good run and for the
        file at hand.

    Returns
    -------
    list of Change
        Those that block first. Empty where the earlier run kept no description. Columns that the
        study uses no more, or uses for the first time, are no change.

    Examples
    --------
    >>> column = {"role": "item", "kind": "whole numbers", "answered": 500, "missing": 0.0}
    >>> before = {"format": 1, "rows": 500, "columns": {"q1": column}, "others": []}
    >>> now = {"format": 1, "rows": 500, "columns": {}, "others": ["Q 1"]}
    >>> for change in schema_changes(before, now):
    ...     print(change.kind, change.blocks, change.sentence)
    renamed True column 'q1' is gone; 'Q 1' is new and looks like it. If it is the same ...
    """
    if before.get("format") != FORMAT or now.get("format") != FORMAT:
        return []
    alarm = FALSE_ALARMS / (TESTS * max(len(now["columns"]), 1))
    rows = before["rows"], now["rows"]
    found: list[Change] = []
    for name, was in before["columns"].items():
        if name in now["columns"]:
            found += _column_changes(name, was, now["columns"][name], rows, alarm)
        elif name not in now["others"]:
            found.append(_gone(name, was, before, now))
    return sorted(found, key=lambda change: not change.blocks)


def accident(before: int, of_before: int, now: int, of_now: int) -> float:
    """Chance that two files of one population differ so: Fisher's exact test where one has none.

    Parameters
    ----------
    before, of_before, now, of_now : int
        Rows with a feature and rows in all, in the earlier file and in the later one.

    Returns
    -------
    float
        The chance that all rows with the feature lie in the one file; 1 where both have some.

    Examples
    --------
    >>> round(accident(3, 10, 0, 10), 4), accident(3, 10, 1, 10)
    (0.1053, 1.0)
    """
    if min(before, now) > 0 or max(before, now) == 0:
        return 1.0
    many, own, other = (before, of_before, of_now) if before else (now, of_now, of_before)
    if not other or many > own:
        return 1.0
    return min(1.0, exp(_choose(own, many) - _choose(own + other, many)))


def _choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _column_changes(
    name: str,
    was: Mapping[str, Any],
    new: Mapping[str, Any],
    rows: tuple[int, int],
    alarm: float,
) -> Iterator[Change]:
    yield from _question(name, was, new)
    if was["kind"] == "empty":
        return
    if new["kind"] == "empty":
        chance = accident(was["answered"], rows[0], 0, rows[1])
        text = f"column '{name}' had {was['answered']:,} answers and is empty now. {_CHECK}"
        yield Change("empty", name, text, chance < alarm)
        return
    yield from _kind(name, was, new, alarm)
    yield from _changed_labels(name, was, new)
    yield from _span(name, was, new, alarm)
    yield from _codes(name, was, new)
    yield from _missing(name, was, new, rows)


_CHECK = "Check the file; where it is meant, run with --accept-changes."


def _gone(
    name: str, was: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> Change:
    earlier = {*before["columns"], *before["others"]}
    new = [one for one in [*now["others"], *now["columns"]] if one not in earlier]
    plain = {_plain(one): one for one in reversed(new)}
    close = get_close_matches(_plain(name), list(plain), n=1, cutoff=0.7)
    if not close:
        return Change("gone", name, f"column '{name}' is gone. {_CHECK}", True)
    like = plain[close[0]]
    text = (
        f"column '{name}' is gone; '{like}' is new and looks like it. If it is the same column, "
        "name it in the study; if not, check the file."
    )
    return Change("renamed", name, text, True)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _kind(
    name: str, was: Mapping[str, Any], new: Mapping[str, Any], alarm: float
) -> Iterator[Change]:
    """Numbers that became words and the reverse; answers between whole numbers."""
    features = ["texts", *(["broken"] if "broken" in was and "broken" in new else [])]
    if was["kind"] == new["kind"]:
        return
    counts = [(was[one], was["answered"], new[one], new["answered"]) for one in features]
    chance = min(accident(*one) for one in counts)
    text = f"column '{name}' held {was['kind']} and holds {new['kind']} now"
    yield Change("kind", name, f"{text}{_by_accident(chance)}. {_CHECK}", chance < alarm)


def _by_accident(chance: float) -> str:
    """How often an honest wave looks like this."""
    if chance >= 0.01:
        return ", which may be an accident"
    if chance < 1e-6:
        return ", by accident in fewer than one wave of a million"
    return f", by accident in one wave of {int(1 / chance):,}"


def _changed_labels(name: str, was: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    old, fresh = was.get("labels", {}), new.get("labels", {})
    other = [code for code in old if code in fresh and _words(old[code]) != _words(fresh[code])]
    if not other:
        return
    shown = [f"{code} was '{old[code]}', is now '{fresh[code]}'" for code in other[:2]]
    more = f" (and {len(other) - 2} more)" if len(other) > 2 else ""
    turned = len(other) > 1 and sorted(map(_words, old.values())) == sorted(
        map(_words, fresh.values())
    )
    why = " The same labels stand at other codes: the scale may be turned round." if turned else ""
    text = f"column '{name}': codes mean something else: {'; '.join(shown)}{more}.{why} {_CHECK}"
    yield Change("labels", name, text, True)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text)).casefold()


def _span(
    name: str, was: Mapping[str, Any], new: Mapping[str, Any], alarm: float
) -> Iterator[Change]:
    """An item whose answers span less, or more, than they did.

    Counts of fewer than ten are not kept, so that fewer answers may be counted beyond an end than
    there were: the chance of an accident is rather overstated.
    """
    if was["role"] != "item" or "highest" not in was or "highest" not in new:
        return
    chances = [
        accident(_beyond(was, new, end), was["answered"], _beyond(new, was, end), new["answered"])
        for end in ("lowest", "highest")
    ]
    if min(chances) < alarm:
        often = _by_accident(min(chances))
        text = (
            f"column '{name}': answers ran from {_ends(was)} (n = {was['answered']:,}) and run "
            f"from {_ends(new)} now (n = {new['answered']:,}){often}. The scale may have changed. "
            f"{_CHECK}"
        )
        yield Change("span", name, text, True)


def _beyond(one: Mapping[str, Any], other: Mapping[str, Any], end: str) -> int:
    """Answers of one file, as far as they are known, beyond an end of the other."""
    turned = -1 if end == "lowest" else 1
    if turned * one[end] <= turned * other[end]:
        return 0
    counts = [n for code, n in one["codes"].items() if turned * float(code) > turned * other[end]]
    return max(sum(counts), 1)


def _ends(column: Mapping[str, Any]) -> str:
    return f"{column['lowest']:g} to {column['highest']:g}"


def _codes(name: str, was: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Categories that came or went, told where that is no accident."""
    if was["role"] not in _CODED_ROLES or "codes" not in was or "codes" not in new:
        return
    gone, come = _absent(was, new), _absent(new, was)
    said = [f"{_listed(gone)} no longer with ten respondents or more"] if gone else []
    said += [f"{_listed(come)} new or now with ten respondents or more"] if come else []
    if said:
        yield Change("codes", name, f"column '{name}': {'; '.join(said)}.", False)


def _absent(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Codes of one file that the other hardly lacks by accident.

    Where the other file has rare codes, whose names are not kept, this may be one of them: three
    times the ten respondents would have to be expected there.
    """
    found = []
    for code, count in one["codes"].items():
        expected = count * other["answered"] / one["answered"]
        chance = accident(count, one["answered"], 0, other["answered"])
        unlikely = expected >= 3 * SMALLEST_GROUP if other["rare"] else chance < FALSE_ALARMS
        if code not in other["codes"] and unlikely:
            found.append(code)
    return found


def _listed(codes: list[str]) -> str:
    more = f" and {len(codes) - 5} more" if len(codes) > 5 else ""
    return ", ".join(f"'{code}'" for code in codes[:5]) + more


def _missing(
    name: str, was: Mapping[str, Any], new: Mapping[str, Any], rows: tuple[int, int]
) -> Iterator[Change]:
    rise = new["missing"] - was["missing"]
    share = (was["missing"] + new["missing"]) / 2
    error = sqrt(share * (1 - share) * (1 / rows[0] + 1 / rows[1]))
    if rise > RISE and rise > 4 * error:
        text = f"column '{name}': {was['missing']:.0%} were missing, now {new['missing']:.0%}."
        yield Change("missing", name, text, False)


def _question(name: str, was: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    old, fresh = was.get("question"), new.get("question")
    if old and fresh and _words(old) != _words(fresh):
        text = f"column '{name}': the question was '{old}', is now '{fresh}'."
        yield Change("question", name, text, False)
