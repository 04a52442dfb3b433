"""A draft of a study from a data file: what each column may be, every guess with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from loyalty_analysis.claims import Claim, read_claims, shipped_sets
from loyalty_analysis.contradictions import MARKS
from loyalty_analysis.draft_groups import Group, groups_of
from loyalty_analysis.draft_names import (
    KNOWN,
    OUTCOMES,
    Stem,
    is_empty,
    named_by_labels,
    named_by_stem,
    prefix_of,
    readable,
    stems,
)
from loyalty_analysis.draft_roles import Roles, roles_of
from loyalty_analysis.draft_scales import (
    Answers,
    answers_of_group,
    is_rating,
    on_scale,
    pooled,
)
from loyalty_analysis.draft_signs import Directed, directed
from loyalty_analysis.draft_words import unordered, with_numbers
from loyalty_analysis.errors import printable
from loyalty_analysis.preparation import as_numbers
from loyalty_analysis.raw_tables import Table

FIVE = ("affective", "normative", "economic", "forced", "habitual")
# Constructs that are used otherwise than as drivers of [model].
_NOT_DRIVERS = ("attitude", "patronage", "level", "marker", "tenure")
_COPY = 0.95
_FEWEST = 4


@dataclass(frozen=True)
class Drafted:
    """One construct of a draft: its items, how they are scored, why, and what is doubtful.

    ``outside`` says why it is declared and yet left out of the model.
    """

    name: str
    label: str
    items: tuple[str, ...]
    answers: Answers
    reversed: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    outside: str = ""
    reliability: float | None = None


@dataclass(frozen=True)
class Draft:
    """What a study file could say of a data file.

    Attributes
    ----------
    title, data, origin : str
    rows, columns : int
    scale : tuple of float
        Ends of the scale most items are asked on.
    codes : tuple of float
        Codes of no answer.
    codes_why : str
    constructs : tuple of Drafted
    drivers, outcomes, mediator
        The model, as far as construct names suggest one.
    model_why : dict of str to str
        Reason of each part of the model.
    roles : Roles
    marker : str
        A construct that has nothing to do with the others.
    claims : tuple of str
    claims_why : str
    aside : dict of str to str
        Columns that are used nowhere, and why.
    """

    title: str
    data: str
    rows: int
    columns: int
    scale: tuple[float, float]
    codes: tuple[float, ...]
    codes_why: str
    constructs: tuple[Drafted, ...]
    roles: Roles
    drivers: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    mediator: str = ""
    model_why: Mapping[str, str] = field(default_factory=dict)
    marker: str = ""
    claims: tuple[str, ...] = ()
    claims_why: str = ""
    aside: Mapping[str, str] = field(default_factory=dict)
    origin: str = "real"

    @property
    def decisions(self) -> list[str]:
        """What the draft cannot say, and a study needs."""
        found = []
        if not self.constructs:
            found.append("no items were found: list them in [constructs]")
        if not self.outcomes:
            found.append("no construct was recognised as an outcome: name it in model.outcomes")
        if not self.drivers:
            found.append("no driver is left: name at least one in model.drivers")
        return found

    @property
    def doubts(self) -> list[str]:
        """What should be looked at before anything is concluded."""
        return [f"{one.name}: {doubt}" for one in self.constructs for doubt in one.doubts]


def draft(table: Table, title: str, data: str) -> Draft:
    """Draft a study from a table.

    Parameters
    ----------
    table : Table
    title : str
        Title of the study.
    data : str
        The data file as the study shall name it.

    Returns
    -------
    Draft
        Every guess carries its reason; nothing is certain.

    Examples
    --------
    >>> import numpy as np
    >>> mood = np.random.default_rng(1).integers(1, 6, (90, 1))
    >>> frame = pd.DataFrame(np.repeat(mood, 4, 1), columns=["sat1", "sat2", "loy1", "loy2"])
    >>> found = draft(Table(frame), "Shop", "shop.csv")
    >>> [one.name for one in found.constructs], found.scale
    (['satisfaction', 'loyalty'], (1, 5))
    """
    rows, columns = table.frame.shape
    unfit = {str(n): "its name holds characters that a study cannot name" for n in _unfit(table)}
    table, worded = with_numbers(replace(table, frame=table.frame.drop(columns=list(unfit))))
    named = stems([str(name) for name in table.frame])
    unfit |= unordered(table.frame, named)
    frame = table.frame.drop(columns=[name for name in unfit if name in table.frame])
    together = [*_items_by_name(frame, named), *worded]
    roles = roles_of(replace(table, frame=frame), together)
    left = [n for n in map(str, frame) if n not in roles.taken]
    ratings = [n for n in left if _is_item(frame[n]) or n in together]
    summaries = {
        n: f"a rating of the whole, or a score, beside the items named {named[n].text}..."
        for n in ratings
        if named[n].summary
    }
    ratings = [n for n in ratings if n not in summaries]
    groups, spans = _groups_and_scales(frame[ratings], named, table)
    general = pooled([spans[g] for g in groups], [len(g.items) for g in groups]) if groups else (
        1.0,
        7.0,
    )  # fmt: skip
    built, aside = _constructs(groups, spans, general, frame, table, named)
    rest = {n: "numbers: a control?" for n in left if n not in ratings and n not in summaries}
    codes = tuple(sorted({code for one in built for code in one.answers.codes}))
    reasons = dict.fromkeys(one.answers.codes_why for one in built if one.answers.codes_why)
    found = Draft(
        title, data, rows, columns, general, codes, "; ".join(reasons),
        tuple(_copies(built, frame)), roles,
        aside={**unfit, **roles.aside, **aside, **summaries, **rest},
    )  # fmt: skip
    return with_claims(with_model(found))


def _unfit(table: Table) -> list[object]:
    return [n for n in table.frame if not str(n).strip() or printable(str(n)) != str(n)]


def _items_by_name(frame: pd.DataFrame, named: Mapping[str, Stem]) -> list[str]:
    """Columns that share a stem with another and hold few whole numbers; facts known by name."""
    counts: dict[str, list[str]] = {}
    for name in map(str, frame):
        if is_rating(frame[name]):
            counts.setdefault(named[name].text, []).append(name)
    together = [name for names in counts.values() if len(names) > 1 for name in names]
    facts = [n for n in map(str, frame) if _is_fact(frame[n]) and n.strip().casefold() in KNOWN]
    return [*together, *facts]


def _is_fact(values: pd.Series) -> bool:
    return values.dtype.kind in "iufb" and set(values.dropna().unique()) == {0, 1}


def _is_item(values: pd.Series) -> bool:
    """Whether a column by itself could be an item: whole numbers, four or more answers."""
    answers = as_numbers(values)
    return is_rating(values) and answers[answers >= 0].nunique() >= _FEWEST


def _groups_and_scales(
    items: pd.DataFrame, named: Mapping[str, Stem], table: Table
) -> tuple[list[Group], dict[Group, Answers]]:
    """Groups of items and the answers of each; codes are taken out before items are correlated."""
    by_stem: dict[str, list[str]] = {}
    for name in map(str, items):
        by_stem.setdefault(named[name].text, []).append(name)
    known: dict[str, pd.Series] = {}
    for names in by_stem.values():
        codes = answers_of_group(items[names], table.value_labels, table.missing).codes
        known |= {name: _without(items[name], codes) for name in names}
    clean = pd.DataFrame(known, index=items.index)[list(items)]
    groups = groups_of(clean, named, table.labels) if len(clean.columns) else []
    spans = {
        group: answers_of_group(items[list(group.items)], table.value_labels, table.missing)
        for group in groups
    }
    return groups, spans


def _without(values: pd.Series, codes: Sequence[float]) -> pd.Series:
    numbers = as_numbers(values)
    return numbers.where(~numbers.isin(codes))


def _constructs(
    groups: Sequence[Group],
    spans: Mapping[Group, Answers],
    general: tuple[float, float],
    frame: pd.DataFrame,
    table: Table,
    named: Mapping[str, Stem],
) -> tuple[list[Drafted], dict[str, str]]:
    built: list[Drafted] = []
    aside: dict[str, str] = {}
    taken: set[str] = {str(name) for name in frame}
    names = _names(groups, table.labels)
    for group in groups:
        span = spans[group]
        low, high = on_scale(span, general)
        span = replace(span, low=low, high=high)
        answers = frame[list(group.items)].apply(
            lambda column, span=span: _without(column, span.codes)
        )
        marked = [n for n in group.items if named[n].marked]
        way = (
            directed(answers, table.labels, marked)
            if len(group.items) > 1
            else Directed(group.items)
        )
        aside |= dict(way.aside)
        if not way.items:
            continue
        name, label, why, doubts = names[group]
        if group.by_correlation:
            blind = (
                "only correlations put these together: read the questions, and which way they ask"
            )
            doubts = [*doubts, blind]
        own_items = taken - set(way.items)
        unique = (
            name
            if name not in own_items and name not in {b.name for b in built}
            else f"{name}_score"
        )
        built.append(_drafted(unique, label, group, way, span, why, doubts, answers))
    return built, aside


def _drafted(
    name: str,
    label: str,
    group: Group,
    way: Directed,
    span: Answers,
    why: Sequence[str],
    doubts: Sequence[str],
    answers: pd.DataFrame,
) -> Drafted:
    single = len(way.items) == 1
    fact = single and (span.low, span.high) == (0, 1)
    reasons = [group.why, *why, *way.why]
    if single and not fact:
        reasons.append("one item: its reliability is unknown, and claims that compare need one")
    if len(way.items) > 1:
        reasons.insert(
            1, f"mean correlation {_mean_correlation(answers[list(way.items)], way):.2f}"
        )
    outside = ""
    if single and name not in KNOWN:
        outside = "one item that no claim knows by name"
    if name == "marker":
        outside = "a marker"
    return Drafted(
        name, label, way.items, span, way.reversed, tuple(filter(None, reasons)),
        (*doubts, *way.doubts), outside, 1.0 if fact else None,
    )  # fmt: skip


def _mean_correlation(items: pd.DataFrame, way: Directed) -> float:
    signs = [-1.0 if name in way.reversed else 1.0 for name in items]
    matrix = (items * signs).corr().to_numpy()
    n = len(matrix)
    return float((matrix.sum() - n) / (n * (n - 1)))


Naming = tuple[str, str, list[str], list[str]]
"""Name, label, reasons, doubts."""


def _names(groups: Sequence[Group], labels: Mapping[str, str]) -> dict[Group, Naming]:
    """Name every group; of several that suggest one name, the first with most items has it."""
    found: dict[Group, Naming] = {}
    taken: dict[str, Group] = {}
    for group in sorted(groups, key=lambda one: -len(one.items)):
        name, label, why, doubts = _name(group, labels)
        if name in taken:
            doubts = [*doubts, f"could be {name} too, as {', '.join(taken[name].items[:2])} ..."]
            name, why = _safe(group.stem), []
        number = 2
        while name in taken:
            name, number = f"{_safe(group.stem)}_{number}", number + 1
        taken[name] = group
        found[group] = name, label, why, doubts
    return found


def _name(group: Group, labels: Mapping[str, str]) -> Naming:
    own = [labels[item] for item in group.items if labels.get(item)]
    prefix = prefix_of(own[0]) if own and len({prefix_of(text) for text in own}) == 1 else ""
    said, count = named_by_labels(own)
    enough = said and count >= max(1, len(own) / 2)
    stem = _safe(group.stem)
    candidates = named_by_stem(stem)
    label = prefix or readable(candidates[0] if len(candidates) == 1 else stem)
    if len(candidates) > 1 and enough and said in candidates:
        candidates = (said,)
    if len(candidates) == 1:
        why = [] if candidates[0] == stem else [f"'{group.stem}' read as {candidates[0]}"]
        return candidates[0], label, why, []
    if enough:
        return said, prefix or readable(said), [f"labels speak of {said.replace('_', ' ')}"], []
    doubts = []
    if known := [name for name in candidates if name in KNOWN]:
        doubts = [f"could be {' or '.join(known[:3])}: rename it so, and claims find it"]
    if prefix and is_empty(group.stem):
        stem = _safe(prefix)[:40]
    return stem, label, [], doubts


def _safe(text: str) -> str:
    """A name of a construct: what marks products and categories is taken out."""
    for mark in (*MARKS, ".", " ", "-", "'", '"', "/", "(", ")", ",", "?"):
        text = text.replace(mark, "_")
    parts = [part for part in text.casefold().split("_") if part]
    return "_".join(parts) or "construct"


def _copies(built: Sequence[Drafted], frame: pd.DataFrame) -> list[Drafted]:
    """Constructs whose items are nearly copies of others' stay out of the model."""
    owner = {item: one.name for one in built for item in one.items}
    columns = {i: _without(frame[i], o.answers.codes) for o in built for i in o.items}
    matrix = pd.DataFrame(columns).corr().abs().fillna(0.0) if columns else pd.DataFrame()
    shares = {}
    for one in built:
        others = [item for item in matrix if owner[str(item)] != one.name]
        twins = matrix.loc[list(one.items), others] >= _COPY
        shares[one.name] = float(twins.any(axis=1).mean()) if others else 0.0, twins
    found = []
    for one in built:
        share, twins = shares[one.name]
        partners = {owner[str(item)] for item in twins.columns[twins.any()]} if share else set()
        if share and all(shares[other][0] <= share for other in partners):
            names = ", ".join(dict.fromkeys(map(str, twins.columns[twins.any()])))
            doubt = (
                f"nearly copies of {names} (correlation {_COPY} or more): which are real answers?"
            )
            one = replace(one, doubts=(*one.doubts, doubt), outside="copies of other items")
        found.append(one)
    return found


def with_model(found: Draft) -> Draft:
    """Guess drivers, mediator and outcomes from the names of constructs.

    Examples
    --------
    >>> one = Drafted("satisfaction", "", ("s1", "s2"), Answers(1, 7))
    >>> two = [replace(one, name=name) for name in ("loyalty", "image")]
    >>> model = with_model(Draft("", "", 9, 9, (1, 7), (), "", (one, *two), Roles()))
    >>> model.drivers, model.mediator, dict(model.outcomes)
    (('image',), 'satisfaction', {'loyalty': 'intention'})
    """
    inside = [one.name for one in found.constructs if not one.outside]
    outcomes = dict(found.outcomes) or {n: OUTCOMES[n] for n in inside if n in OUTCOMES}
    why = {"outcomes": "names that claims know as outcomes"} if outcomes else {}
    mediator = found.mediator
    if not mediator and "satisfaction" in inside and "satisfaction" not in outcomes:
        if outcomes:
            mediator = "satisfaction"
            why["mediator"] = "its name; whether it stands between the others is for you to say"
        else:
            outcomes = {"satisfaction": "attitude"}
            why["outcomes"] = "no construct of loyalty was recognised; decide: name yours here"
    five = [name for name in FIVE if name in inside]
    rest = [n for n in inside if n not in outcomes and n != mediator and n not in _NOT_DRIVERS]
    drivers = five if len(five) > 1 else rest
    others = [name for name in rest if name not in drivers]
    why["drivers"] = (
        "the commitments that are measured" if len(five) > 1 else "every other construct"
    )
    if others:
        why["drivers"] += f"; left out: {', '.join(others)}"
    marker = next((one.name for one in found.constructs if one.name == "marker"), "")
    return replace(
        found, drivers=tuple(n for n in drivers if n not in outcomes and n != mediator),
        outcomes=outcomes, mediator=mediator, model_why=why, marker=marker,
    )  # fmt: skip


def with_claims(found: Draft) -> Draft:
    """Choose the claim sets that the constructs of a draft are enough for.

    Examples
    --------
    >>> draft_of_nothing = Draft("", "", 9, 9, (1, 7), (), "", (), Roles())
    >>> with_claims(draft_of_nothing).claims
    ('rice_press',)
    """
    names = {one.name for one in found.constructs}
    there: dict[str, int] = {}
    for name, path in shipped_sets().items():
        claims = read_claims(path).claims
        count = sum(_there(claim, names, found.outcomes) for claim in claims)
        there |= {name: count} if count else {}
    if not there:
        why = "no shipped claim is about these constructs. decide: name a file of your own claims"
        return replace(found, claims=("rice_press",), claims_why=why)
    counts = ", ".join(f"{count} of {name}" for name, count in there.items())
    return replace(
        found, claims=tuple(there), claims_why=f"claims whose constructs are here: {counts}"
    )


def _there(claim: Claim, names: set[str], outcomes: Mapping[str, str]) -> bool:
    """Whether a claim, or a part of it, names only what is measured."""
    loyal = {name for name, kind in outcomes.items() if kind != "leaving"}
    for one in [claim.part(part) for part in claim.parts] or [claim]:
        wanted = {one.outcome} if isinstance(one.outcome, str) else set(one.outcome)
        known = names | ({"loyalty"} if loyal else set())
        # Levels and types need tables of their own, groups a contrast.
        apart = one.term in ("level", "type") or one.estimand == "slope_difference"
        if not apart and {*one.constructs} <= names and wanted & (known | {""}) and one.constructs:
            return True
    return False
