"""Broken studies, surveys and claims for property tests, made from sound ones by small changes.

A *change* is a small frozen object with an ``apply`` method, so that hypothesis can print and
shrink what broke. ``LOYALTY_PROPERTY_EXAMPLES`` multiplies the number of examples of every test
(``LOYALTY_PROPERTY_EXAMPLES=20`` for a campaign) and then draws them anew each time; without it
every machine tries the same few.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pandas as pd
from broken_files import CELLS
from factory import CLAIM, STUDY, answers, changed
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("LOYALTY_PROPERTY_EXAMPLES", "1"))


def examples(count: int) -> Callable[[Any], Any]:
    """Settings of a property test: so many examples, times what the environment asks for."""
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        database=None,
        derandomize=TIMES == 1,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


# A sound study, small enough to be analysed in a tenth of a second

SMALL: dict[str, Any] = changed(
    STUDY,
    {
        "constructs": {
            name: STUDY["constructs"][name]
            for name in ("affective", "forced", "satisfaction", "repurchase", "search", "usability")
        },
        "model.drivers": ["affective", "forced"],
        "model.outcomes": {"repurchase": "intention", "search": "leaving"},
    },
)
DESIGNS: list[dict[str, Any]] = [
    {},
    {"model.controls": ["age", "gender"], "model.moderators": ["shown"]},
    {"design.weight": "w", "design.respondent": "id", "scale.min_items": 2},
    {"design.cluster": "industry", "model.controls": ["age"]},
    {
        "design.groups": ["sector"],
        "contrasts.sector": {"a": "goods", "b": "services"},
        "model.moderators": ["gender2"],
    },
    {
        "design.where": "age > 20 and gender != 'x'",
        "design.groups": ["sector"],
        "contrasts.sector": {"a": "goods", "b": "services"},
        "design.weight": "w",
        "design.cluster": "industry",
        "design.wave": "wave",
        "model.controls": ["gender"],
        "model.moderators": ["age"],
    },
]
CLAIMS: list[dict[str, Any]] = [
    {},
    {"estimand": "largest", "term": "affective", "versus": ["forced"]},
    {"estimand": "largest", "term": "forced", "versus": ["affective"], "sign": "-"},
    {"estimand": "total", "outcome": "loyalty", "term": "forced", "sign": "none"},
    {"estimand": "direct", "outcome": ["repurchase", "search"], "sign": "any"},
    {"estimand": "total", "outcome": "search", "sign": "not_negative", "negligible": 0.2},
    {
        "estimand": "slope_difference",
        "versus": ["services", "goods"],
        "sign": "-",
        "outcome": "repurchase",
    },
    {"estimand": "interaction", "term": "affective:shown", "outcome": "repurchase", "sign": "any"},
    {
        "estimand": "total",
        "outcome": "repurchase",
        "size": "clear",
        "rival": ["C1"],
        "parts": [{"id": "a"}, {"id": "b", "term": "forced", "sign": "none"}],
    },
    {"estimand": "indirect", "outcome": "repurchase", "through": ["satisfaction"]},
    {"estimand": "largest_share", "outcome": "repurchase", "term": "satisfaction"},
    {
        "estimand": "share_difference",
        "outcome": "search",
        "term": "affective + forced",
        "versus": ["satisfaction"],
    },
]


def rows(n: int = 60, seed: int = 3) -> pd.DataFrame:
    """Answers of a few respondents; ``gender2`` has two levels."""
    frame = answers(n, seed)
    return frame.assign(gender2=np.where(frame["gender"] == "male", "male", "other"))


# What stands where something else belongs


class Raw(str):
    """Text that is TOML already."""


NAMES = [
    "affective", "forced", "satisfaction", "repurchase", "search", "usability", "aff1", "for3",
    "usability ", "Affective", "id", "age", "gender", "shown", "sector", "industry", "w", "wave",
    "index", "(Intercept)", "mean", "n", "level_0", "rule", "gender[male]", "age[x]", "a[b]", "a:b",
    "affective:shown", "affective:forced", "a+b", "repurchase.total", "repurchase.direct",
    "loyalty", "", " ", "\n", "a\nb", "  2. injected.\nTraceback (most recent call last):", "\x00",
    "\x1b[31mred", "\t", "'", '"', "it's", 'say "hi"', "`", "{0}", "%s", "\\", "../..", "/", ".",
    "..", "own.toml", "survey.csv", "study.toml", "moments.csv", "rivals", "no.toml", "x.sav",
    f"{'y' * 300}.toml", f"{'y' * 300}.csv",
    "<script>alert(1)</script>", "<b>bold</b>", "Läden & Söhne", "日本語", "\u202eabc", "\u2028",
    "é", "e\u0301", "ﬁ", "NaN", "nan", "None", "True", "1", "0", "-1", "1.0", "x" * 5000, "🙂",
    "simulated", "real", "leaving", "intention", "total", "path", "largest", "interaction",
    "slope_difference", "+", "-", "none", "any", "not_negative", "clear",
]  # fmt: skip
FILTERS = [
    "age > 30", "age > 1000", "age", "agee > 3", "9**9**9 > age", "2**999999 == age", "`age` > 30",
    "`a", "``", "` `", "age > `", "age.to_csv('x')", "aff1.map(print)", "age.__class__ == 1",
    "@pd.io", "age > 30; age < 40", "age = 3", "age := 3", "import os", "__import__('os')",
    "open('x')", "print(age)", "age[0] == 1", "age[:] > 1", "1 < age < 99", "1 < age < 'x'",
    "age == age == age", "not age", "~age", "-age < 1", "age in [1, 2]", "age in age",
    "gender in ['male']", "gender.str.contains('(a+)+$')", "gender == 3", "gender < 3",
    "age / 0 > 1", "1 / 0 > age", "1 % 0 == age", "'a' * 99999999999 == gender", "lambda: 1",
    "[x for x in age]", "age if age else age", "f'{age}'", "b'x' == gender", "age > 3j", "...",
    "None", "True", "age == None", "age > 1e999", "age < -1e999", f"age > {'9' * 400}",
    f"age > {'9' * 5000}", "(" * 5000 + "age > 1" + ")" * 5000, "(" * 90 + "age > 1" + ")" * 90,
    "not " * 2000 + "True", "-" * 9000 + "1 < age", "age + " * 1500 + "1 > 2",
    "shown == 1 and " * 600 + "age > 1", "index > 3", "ilevel_0 > 3", "age\n> 30", "age > 30 # no",
    "\x00", "\ud800", "'", '"', "'''", "age.isna()", "age.isna(1)", "age.between(20, 30)",
    "age.between(20)", "age.isin([30, 'x', age])", "gender.str.startswith('m')",
    "gender.str.startswith(age)", "age.str.startswith('3')", "age.str", "*age", "**age", "age age",
    "0777 < age", "age > 30and shown == 1", "age & shown", "age | shown == 1", "age ^ 1",
    "age // 2 == 1", "age << 999999999", "age @ age", "", " ", "if", "ﬁ > 1", "age is None",
    "await age", "yield age", "{age}", "{**age}", "age > {1: 2}", "age.dt.year > 3", "gender > 'g'",
]  # fmt: skip
NUMBERS: list[Any] = [
    0, 1, -1, 2, 3, 7, 8, 10**18, -(10**18), 2**63, -(2**63) - 1, 10**400, -(10**400), 0.0, -0.0,
    0.5, 1.5, 6.999999999999999, 1e-320, 1e-12, 1e16, 1e308, -1e308, float("inf"), float("-inf"),
    float("nan"), True, False, Raw("0x" + "f" * 5000), Raw("9" * 5000), Raw("1e400"),
]  # fmt: skip
OTHERS: list[Any] = [
    date(2024, 2, 29), datetime(2024, 2, 29, 12), time(12), [], [[]], [""], {}, {"": ""},
    {"a": {"b": {"c": []}}}, [1, "a"], [True], [date(2024, 1, 1)], [{}], ["aff1", "aff1"],
    ["affective"], ["forced", "affective"], ["age", "affective"], ["age", "age"], ["gender"],
    [1, float("nan")], [[["a"]]], {"items": ["aff1"]}, {"min": 0, "max": 0}, {"label": "x"},
    {"a": 1, "b": 1.0}, {"a": "goods", "b": 2}, {"affective": "leaving"},
    Raw("[" * 300 + "]" * 300),
]  # fmt: skip

names = st.one_of(st.sampled_from(NAMES), st.text(max_size=6).filter(lambda t: _encodes(t)))
TOKENS = [
    "age", "shown", "gender", "`age`", "30", "1", "'male'", "0.5", "1e308", "and", "or", "not",
    "in", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "**", "(", ")", "[", "]", ",",
    ".", ":", ";", "&", "|", "~", "@", "#", "'", '"', "isna()", "isin", "str", "True", "None",
    "lambda", "if", "else",
]  # fmt: skip
filters = st.one_of(
    st.sampled_from(FILTERS),
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=12).map(" ".join),
    st.text(max_size=15),
)
values = st.one_of(
    names, st.sampled_from(NUMBERS), st.sampled_from(OTHERS), st.lists(names, max_size=4)
)


def _encodes(text: str) -> bool:
    try:
        return bool(text.encode()) or True
    except UnicodeEncodeError:
        return False


# Changes to nested tables

Table = dict[str, Any]
Change = Callable[[Any], Any]


def toml(value: Any) -> str:
    """Write a value as TOML, dates and raw text too; tables inline."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_file(table: Mapping[str, Any]) -> str:
    """Write a whole TOML file, one line per top-level key."""
    return "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in table.items())


def places(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested tables and lists."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    own = [so_far] if so_far else []
    return own + [place for key, one in inner for place in places(one, (*so_far, key))]


def _holder(table: Any, place: tuple[Any, ...]) -> Any:
    for key in place[:-1]:
        table = table[key]
    return table


def replace(table: Any, place: tuple[Any, ...], value: Any) -> None:
    _holder(table, place)[place[-1]] = deepcopy(value)


def remove(table: Any, place: tuple[Any, ...], value: Any) -> None:
    del _holder(table, place)[place[-1]]


def rename(table: Any, place: tuple[Any, ...], value: Any) -> None:
    holder = _holder(table, place)
    if isinstance(holder, dict):
        held = list(holder.items())
        holder.clear()
        holder.update({str(value) if k == place[-1] else k: v for k, v in held})


def insert(table: Any, place: tuple[Any, ...], value: Any) -> None:
    holder = _holder(table, place)
    if isinstance(holder, dict):
        holder[str(value)[:80]] = deepcopy(holder[place[-1]])
    else:
        holder.append(deepcopy(value))


def twice(table: Any, place: tuple[Any, ...], value: Any) -> None:
    holder = _holder(table, place)
    if isinstance(holder, list):
        holder.append(deepcopy(holder[place[-1]]))


def nest(table: Any, place: tuple[Any, ...], value: Any) -> None:
    holder = _holder(table, place)
    holder[place[-1]] = [holder[place[-1]]]


VERBS = [replace, replace, replace, remove, rename, insert, twice, nest]


@st.composite
def broken(
    draw: st.DrawFn, sound: Mapping[str, Any], odd: st.SearchStrategy[Any] = values
) -> Table:
    """A table with one to three changes at random places; ``swap`` trades two of them."""
    table = deepcopy(dict(sound))
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        known = places(table)
        if not known:
            break
        place, verb = draw(st.sampled_from(known)), draw(st.sampled_from(VERBS))
        own = st.sampled_from(known).map(lambda other: _at(table, other))
        value = draw(st.one_of(own, own, st.sampled_from(NAMES[:24]), odd))
        verb(table, place, value)
    return table


def _at(table: Any, place: tuple[Any, ...]) -> Any:
    return deepcopy(_holder(table, place)[place[-1]])


CONSTRUCTS = list(SMALL["constructs"])
COLUMNS = [
    "aff1", "aff2", "for3", "sat1", "rep1", "sea1", "usability", "id", "age", "gender", "gender2",
    "shown", "sector", "industry", "wave", "w", "nor1",
]  # fmt: skip
SMALL_NUMBERS = [-99, -1, 0, 0.5, 1, 2, 3, 4, 6.5, 7, 8, 100, 1e-300, 1e300]
columns = st.sampled_from(COLUMNS)
constructs = st.sampled_from(CONSTRUCTS)
small_numbers = st.sampled_from(SMALL_NUMBERS)


def few(one: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> st.SearchStrategy[list[Any]]:
    """A short list, in which something may stand twice."""
    return st.lists(one, min_size=least, max_size=most)


SCALE_KEYS: dict[str, st.SearchStrategy[Any]] = {
    "min": small_numbers,
    "max": small_numbers,
    "missing": few(small_numbers),
    "min_items": st.integers(0, 4),
}
KEYS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "scale": SCALE_KEYS,
    "construct": SCALE_KEYS
    | {
        "items": few(columns),
        "reversed": few(columns, 1, 2),
        "reliability": st.sampled_from([0.001, 0.5, 1]),
        "label": st.sampled_from(NAMES),
    },
    "model": {
        "drivers": few(constructs, 1),
        "mediator": constructs,
        "outcomes": st.dictionaries(
            constructs,
            st.sampled_from(["intention", "attitude", "leaving"]),
            min_size=1,
            max_size=3,
        ),
        "controls": few(st.one_of(columns, columns, constructs)),
        "moderators": few(st.one_of(columns, columns, constructs), 1, 2),
    },
    "design": {
        "respondent": columns,
        "weight": columns,
        "cluster": columns,
        "groups": few(columns, 1),
        "wave": columns,
        "where": filters,
    },
}


@st.composite
def doubtful(draw: st.DrawFn, sound: Mapping[str, Any]) -> Table:
    """A study with one to four keys of the right kind, and no sense in them."""
    table = deepcopy(dict(sound))
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from([*KEYS, "model", "paths", "contrasts", "new", "data"]))
        if kind == "construct":
            holder = table["constructs"].setdefault(draw(constructs), {})
        else:
            holder = table.setdefault(kind, {}) if kind not in ("new", "data") else table
        if kind in KEYS:
            key = draw(st.sampled_from(list(KEYS[kind])))
            holder[key] = draw(KEYS[kind][key])
        elif kind == "paths":
            holder[draw(constructs)] = draw(few(constructs, 1))
        elif kind == "contrasts":
            column = draw(columns)
            side = st.one_of(st.sampled_from(CELLS), small_numbers)
            holder[column] = {"a": draw(side), "b": draw(side)}
            groups = table.setdefault("design", {}).setdefault("groups", [])
            groups += [column] if isinstance(groups, list) else []
        elif kind == "new":
            name = draw(names)
            table["constructs"][name] = {"items": [draw(columns)]}
            table["model"].setdefault("drivers", []).append(name)
        else:
            table["data"] = draw(names)
    return table


ESTIMANDS = [
    *["total", "direct", "path", "largest", "slope_difference", "interaction", "indirect",
      "largest_share", "share_difference"] * 3,
    "ordered_means", "steps", "rival_models", "magic", "",
]  # fmt: skip
terms = st.one_of(
    constructs,
    constructs,
    st.sampled_from(["affective:shown", "forced:gender2", "affective:forced", "shown:age"]),
    st.sampled_from(["age", "gender", "a+b", "affective+forced", "loyalty", *NAMES]),
)
CLAIM_KEYS: dict[str, st.SearchStrategy[Any]] = {
    "estimand": st.sampled_from(ESTIMANDS),
    "outcome": st.one_of(terms, st.just("loyalty"), few(constructs)),
    "term": terms,
    "versus": st.one_of(few(terms), st.just(["goods", "services"])),
    "through": few(constructs, 0, 2),
    "sign": st.sampled_from(["+", "-", "none", "any", "not_negative"]),
    "negligible": st.sampled_from([0, 0.1, 1e-320, 0.5, 1, 1e308]),
}


@st.composite
def doubtful_claims(draw: st.DrawFn) -> Table:
    """Claims whose keys are of the right kind, and make little sense."""
    claims = []
    for number in range(draw(st.integers(1, 4))):
        claim = {**draw(st.sampled_from(CLAIMS)), "id": f"C{number}"}
        claim |= _some(draw, CLAIM_KEYS)
        if draw(st.booleans()):
            count = draw(st.integers(0, 3))
            claim["parts"] = [{"id": f"p{i}", **_some(draw, CLAIM_KEYS)} for i in range(count)]
        if draw(st.integers(0, 4)) == 0:
            claim |= {"size": "clear", "rival": draw(few(names))}
        claims.append(claim)
    return claim_table(claims)


def _some(draw: st.DrawFn, keys: Mapping[str, st.SearchStrategy[Any]]) -> Table:
    chosen = draw(st.lists(st.sampled_from(list(keys)), unique=True, max_size=4))
    return {key: draw(keys[key]) for key in chosen}


def claim_table(claims: Sequence[Mapping[str, Any]] = CLAIMS) -> Table:
    """A sound claim set as nested tables."""
    full = [{**CLAIM, "id": f"C{number}", **claim} for number, claim in enumerate(claims, 1)]
    return {"title": "Claims of a test", "source": "own", "claim": full}
