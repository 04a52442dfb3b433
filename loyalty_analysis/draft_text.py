"""A draft as a study file: TOML whose comments say what is a guess, and what is to be decided."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from loyalty_analysis.draft_names import KNOWN
from loyalty_analysis.draft_parts import Draft, Drafted
from loyalty_analysis.errors import printable

_WIDTH = 98
_ASIDE = 60
"""More columns that are used nowhere are counted, not listed."""


def study_text(found: Draft) -> str:
    """Write a draft as a study file.

    Examples
    --------
    >>> import pandas as pd
    >>> from loyalty_analysis.draft import draft
    >>> from loyalty_analysis.raw_tables import Table
    >>> items = pd.DataFrame({"sat1": [1, 4, 5, 2, 3] * 9, "sat2": [2, 4, 5, 1, 3] * 9})
    >>> lines = study_text(draft(Table(items), "Shop", "shop.csv")).splitlines()
    >>> [line for line in lines if line.startswith(("# guess: 2", "satisfaction"))]
    ["# guess: 2 items named sat1 to sat2; mean correlation 0.90; 'sat' read as satisfaction",
    'satisfaction = { label = "Satisfaction", items = ["sat1", "sat2"] }']
    """
    blocks = [
        _head(found), _scale(found), _constructs(found), _model(found), _design(found),
        _quality(found), _left(found),
    ]  # fmt: skip
    return "\n\n".join("\n".join(lines) for block in blocks if (lines := list(block))) + "\n"


def _head(found: Draft) -> Iterator[str]:
    yield from _said(
        f"Drafted by 'loyalty new' from {found.rows:,} rows and {found.columns:,} columns. Nothing "
        "here is certain: 'guess' says what a line rests on, 'decide' what only you can say. "
        "Correct it, then run 'loyalty check' on this file."
    )
    for one in found.decisions:
        yield from _said(f"decide: {one}")
    yield ""
    yield f"title = {_text(found.title)}"
    yield f"data = {_text(found.data)}"
    yield from _said("guess: nothing in the file says that respondents were simulated")
    yield f"origin = {_text(found.origin)}"
    yield from _said(f"guess: {found.claims_why}")
    yield f"claims = {_list(found.claims)}"


def _scale(found: Draft) -> Iterator[str]:
    yield "[scale]"
    yield from _said("guess: the scale that most items are answered on")
    yield f"min = {found.scale[0]:g}"
    yield f"max = {found.scale[1]:g}"
    if found.codes:
        yield from _said(f"guess: codes of no answer: {found.codes_why}")
        yield f"missing = [{', '.join(f'{code:g}' for code in found.codes)}]"


def _constructs(found: Draft) -> Iterator[str]:
    yield "[constructs]"
    names = [name for name in KNOWN if name not in {one.name for one in found.constructs}]
    yield from _said(
        "Claims find constructs by name: rename those you know to be one of "
        f"{', '.join(names[:28])} ..."
    )
    for one in found.constructs:
        yield ""
        yield from _said(f"guess: {'; '.join([*one.why, *_departs(one, found)])}")
        for doubt in one.doubts:
            yield from _said(f"decide: {doubt}")
        if one.outside and one.outside != "a marker":
            yield from _said(f"not in [model]: {one.outside}")
        yield f"{_key(one.name)} = {_construct(one, found)}"


def _departs(one: Drafted, found: Draft) -> list[str]:
    own = (one.answers.low, one.answers.high)
    differs = own != found.scale
    return [f"scale {own[0]:g} to {own[1]:g}: {one.answers.scale_why}"] if differs else []


def _construct(one: Drafted, found: Draft) -> str:
    parts = [f"label = {_text(one.label)}"]
    if one.items != (one.name,):
        parts.append(f"items = {_list(one.items)}")
    if one.reversed:
        parts.append(f"reversed = {_list(one.reversed)}")
    low, high = one.answers.low, one.answers.high
    if (low, high) != found.scale:
        parts.append(f"min = {low:g}, max = {high:g}")
    # A code of other items may be an answer here.
    if any(low <= code <= high for code in found.codes if code not in one.answers.codes):
        parts.append(f"missing = [{', '.join(f'{code:g}' for code in one.answers.codes)}]")
    if one.reliability is not None:
        parts.append(f"reliability = {one.reliability:g}")
    return f"{{ {', '.join(parts)} }}"


def _model(found: Draft) -> Iterator[str]:
    yield "[model]"
    yield from _said(f"guess: {found.model_why['drivers']}" if found.drivers else "decide: drivers")
    yield f"drivers = {_list(found.drivers)}"
    if found.mediator:
        yield from _said(_because("mediator", found))
        yield f"mediator = {_text(found.mediator)}"
    if found.outcomes:
        yield from _said(_because("outcomes", found))
    else:
        yield from _said(
            "decide: at least one construct, and its kind: intention, attitude, behaviour or "
            'leaving, as in { loyalty = "intention" }'
        )
    kinds = (f"{_key(name)} = {_text(kind)}" for name, kind in found.outcomes.items())
    yield f"outcomes = {{ {', '.join(kinds)} }}" if found.outcomes else "outcomes = {}"
    if found.roles.controls:
        yield from _said(f"guess: {_reasons(found.roles.controls)}")
        yield f"controls = {_list(tuple(found.roles.controls))}"


def _because(key: str, found: Draft) -> str:
    return f"guess: {found.model_why[key]}" if key in found.model_why else "as you said"


def _design(found: Draft) -> Iterator[str]:
    roles = found.roles
    if not roles.design and not roles.groups:
        return
    yield "[design]"
    for key, (column, why) in roles.design.items():
        yield from _said(f"guess: {why}")
        yield f"{key} = {_text(column)}"
    if roles.groups:
        yield from _said(f"guess: {_reasons(roles.groups)}")
        yield f"groups = {_list(tuple(roles.groups))}"


def _quality(found: Draft) -> Iterator[str]:
    if not found.roles.seconds and not found.marker:
        return
    yield "[quality]"
    if found.roles.seconds:
        column, why = found.roles.seconds
        yield from _said(f"guess: seconds an interview took: {why}")
        yield f"seconds = {_text(column)}"
    if found.marker:
        yield from _said("guess: its name")
        yield f"marker = {_text(found.marker)}"


def _left(found: Draft) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for name, why in found.aside.items():
        by_reason.setdefault(why, []).append(name)
    if by_reason:
        yield "# Columns that are used nowhere. decide: put in what belongs to the study."
    for why, names in list(by_reason.items())[:_ASIDE]:
        more = f" and {len(names) - _ASIDE} more" if len(names) > _ASIDE else ""
        listed = ", ".join(printable(name) for name in names[:_ASIDE])
        yield from _said(f"- {listed}{more}: {why}", hanging="#   ")


def _said(text: str, hanging: str = "# ") -> list[str]:
    """A comment, wrapped; nothing in it can end it."""
    plain = printable(" ".join(text.split()))
    return wrap(
        plain, _WIDTH, initial_indent="# ", subsequent_indent=hanging, break_long_words=False
    )


def _reasons(found: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in found.items())


def _text(value: str) -> str:
    return json.dumps(printable(value), ensure_ascii=False)


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, names))}]"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _text(name)
