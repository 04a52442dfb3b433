"""What columns beside the items are for: identifiers, weights, clusters, groups, waves, times."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from loyalty_analysis.draft_names import one_of
from loyalty_analysis.preparation import SMALLEST_GROUP, as_text
from loyalty_analysis.raw_tables import Table

_ID = "id|resp|respid|respondent|case|caseid|participant|responseid|record|recordid|person|subject"
_WEIGHT = "w|wt|wgt|weight|weights|pweight|gewicht|weighting"
_SECONDS = "duration|seconds|elapsed|loi|interviewtime|responsetime|timetaken"
_WAVE = "wave|round|panelwave|welle|year"
_CLUSTER = (
    "couple|dyad|pair|household|hh|family|store|shop|branch|team|school|class|company|firm|site"
    "|organisation|organization|interviewer|cluster|psu|unit|dealer|hotel|restaurant|industry"
)
_AGE = "age|alter"
_GENDER = "gender|sex|geschlecht"
_PERSON = (
    "education|income|occupation|job|employment|marital|children|nphh|region|country|state|city"
    "|language|ethnicity|religion|zip|postcode|age|household|birth|born|date|start|end|ip|status"
    "|progress|finished|device|browser|latitude|longitude|email|name"
)
_GROUP = (
    "sector|country|region|segment|brand|channel|market|plan|tariff|store|industry|partner"
    "|servicetype|serviceprovider|provider|type|group|condition|sample|gender|sex"
)
_MOST_GROUPS = 12
_FEW_CLUSTERS = 8
_COMPLETE = 0.95


@dataclass
class Roles:
    """Columns by what they are for, each with its reason; and what was left out."""

    design: dict[str, tuple[str, str]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    controls: dict[str, str] = field(default_factory=dict)
    seconds: tuple[str, str] | None = None
    aside: dict[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> set[str]:
        """Columns that have a role or were left out."""
        own = {column for column, _ in self.design.values()}
        own |= {self.seconds[0]} if self.seconds else set()
        return {*own, *self.groups, *self.controls, *self.aside}


def roles_of(table: Table, items: Sequence[str]) -> Roles:
    """Say what each column that is no item is for.

    Parameters
    ----------
    table : Table
    items : sequence of str
        Columns that are items by their names.

    Examples
    --------
    >>> frame = pd.DataFrame({"id": range(40), "weight": [0.5, 1.5] * 20})
    >>> found = roles_of(Table(frame.assign(sex=["f", "m"] * 20)), [])
    >>> found.design["respondent"][0], list(found.controls)
    ('id', ['sex'])
    """
    roles, frame = Roles(), table.frame
    left = [str(name) for name in frame if name not in set(items)]
    for name in left:
        if frame[name].nunique() < 2:
            roles.aside[name] = "holds one value only, or none"
    for find in (_weight, _seconds, _wave, _respondent, _cluster, _persons, _groups, _unread):
        find(frame, [name for name in left if name not in roles.taken], roles, table)
    return roles


Finder = Callable[[pd.DataFrame, list[str], Roles, Table], None]


def _numbers(frame: pd.DataFrame, name: str) -> pd.Series:
    values = frame[name]
    return values.dropna() if values.dtype.kind in "iuf" else pd.Series(dtype=float)


def _weight(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    named = one_of(dict.fromkeys(left), _WEIGHT)
    for name in left:
        values = _numbers(frame, name)
        if not len(values) or (values <= 0).any() or values.nunique() < 2:
            continue
        mean, between = values.mean(), bool((values % 1 != 0).any())
        if name in named and (between or 0.9 < mean < 1.1) and "weight" not in roles.design:
            why = f"its name; positive numbers with mean {mean:.2f}"
            roles.design["weight"] = (name, why)
        elif between and 0.97 < mean < 1.03 and values.nunique() > 10:
            roles.aside[name] = f"positive numbers with mean {mean:.2f}: weights?"


def _seconds(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    for name in one_of(dict.fromkeys(left), _SECONDS):
        values = _numbers(frame, name)
        if len(values) and (values > 0).all() and 30 <= values.median() <= 7200:
            why = f"its name; the middle value is {values.median():,.0f}"
            roles.seconds = roles.seconds or (name, why)


def _wave(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    for name in one_of(dict.fromkeys(left), _WAVE):
        count = frame[name].nunique()
        if 2 <= count <= _MOST_GROUPS and "wave" not in roles.design:
            roles.design["wave"] = (name, f"its name; {count} values")


def _respondent(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    wave = roles.design.get("wave", ("", ""))[0]
    named = one_of(dict.fromkeys(left), _ID)
    first = [name for name in left[:1] if name == str(frame.columns[0])]
    for name in [*named, *first]:
        values = frame[name]
        whole = values.dtype.kind in "iu" or not pd.api.types.is_numeric_dtype(values)
        if values.isna().any() or len(values) < 20 or not (whole or (values % 1 == 0).all()):
            continue
        unique = values.is_unique
        per_wave = bool(wave) and not frame.duplicated([name, wave]).any()
        if unique or (per_wave and name in named):
            said = "one value per row" if unique else f"one value per row of a {wave}"
            why = f"its name; {said}" if name in named else f"the first column; {said}"
            roles.design["respondent"] = (name, why)
            return


def _cluster(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    sizes = {}
    for name in one_of(dict.fromkeys(left), _CLUSTER):
        counts = frame[name].value_counts()
        if frame[name].notna().all() and len(counts) >= _FEW_CLUSTERS and counts.mean() >= 1.5:
            sizes[name] = len(counts)
    if sizes:
        name = max(sizes, key=lambda one: sizes[one])
        mean = len(frame) / sizes[name]
        why = f"its name; {sizes[name]:,} values, {mean:,.1f} rows each on average"
        roles.design["cluster"] = (name, why)


def _persons(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    names = dict.fromkeys(left)
    age = one_of(names, _AGE) or _asked(left, table, r"\bhow old|\byour age\b")
    gender = one_of(names, _GENDER) or _asked(left, table, r"\b(gender|sex)\b")
    for name in [*age[:1], *gender[:1]]:
        values = frame[name]
        share, codes = values.notna().mean(), _codes(table, name)
        if name in gender and not 2 <= values.nunique() <= 6:
            continue
        if name in age and values.dtype.kind not in "iuf":
            continue
        if codes:
            roles.aside[name] = (
                f"could be a control, but holds {', '.join(f'{c:g}' for c in codes)}: missing "
                "codes count for items only; leave these cells empty first"
            )
        elif share < _COMPLETE:
            roles.aside[name] = f"could be a control, but {1 - share:.0%} of it is empty"
        else:
            roles.controls[name] = "its name or question"
    for name in one_of({n: 0 for n in left if n not in roles.taken}, _PERSON):
        if name not in one_of({name: 0}, _GROUP):
            roles.aside[name] = "describes the respondent or the interview: a control or a group?"


def _asked(left: list[str], table: Table, words: str) -> list[str]:
    """Columns whose question speaks of something."""
    return [n for n in left if re.search(words, table.labels.get(n, ""), re.IGNORECASE)]


def _codes(table: Table, name: str) -> list[float]:
    """Numbers in a column that look like codes of no answer."""
    values = _numbers(table.frame, name)
    declared = {float(c) for c in table.missing.get(name, ()) if isinstance(c, int | float)}
    odd = {float(v) for v in values[values < 0].unique()} if (values >= 0).any() else set()
    odd |= {float(v) for v in values[values.isin([999, 9999])].unique()}
    return sorted(odd | {c for c in declared if (values == c).any()})


def _groups(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    named = one_of(dict.fromkeys(left), _GROUP)
    for name in left:
        values = frame[name]
        is_text = not pd.api.types.is_numeric_dtype(values)
        count = values.nunique()
        if not (is_text or name in named) or not 2 <= count <= _MOST_GROUPS:
            continue
        counts = as_text(values.dropna()).value_counts()
        if (counts >= SMALLEST_GROUP).sum() < 2:
            roles.aside[name] = f"too few respondents per value to be a group ({count} values)"
        elif values.notna().mean() < _COMPLETE:
            roles.aside[name] = f"could be a group, but {values.isna().mean():.0%} of it is empty"
        else:
            kind = "text" if is_text else "its name"
            roles.groups[name] = f"{kind}; {count} values"


def _unread(frame: pd.DataFrame, left: list[str], roles: Roles, table: Table) -> None:
    for name in left:
        values = frame[name]
        if not pd.api.types.is_numeric_dtype(values):
            roles.aside[name] = f"text with {values.nunique():,} values"
        elif values.nunique() == 2:
            roles.aside[name] = "two values: a fact, a group or a moderator?"
