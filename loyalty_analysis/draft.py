"""A draft of a study from a data file: what each column may be, every guess with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.draft_groups import Group, groups_of
from loyalty_analysis.draft_model import with_claims, with_model
from loyalty_analysis.draft_names import KNOWN, Stem, stems
from loyalty_analysis.draft_naming import names_of
from loyalty_analysis.draft_parts import Draft, Drafted
from loyalty_analysis.draft_roles import roles_of
from loyalty_analysis.draft_scales import Answers, answers_of_group, is_rating, on_scale, pooled
from loyalty_analysis.draft_signs import Directed, directed
from loyalty_analysis.draft_words import unordered, with_numbers
from loyalty_analysis.errors import DataError, printable
from loyalty_analysis.preparation import as_numbers
from loyalty_analysis.raw_tables import Table

MOST_COLUMNS = 3000
_COPY = 0.95
_FEWEST = 4


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

    Raises
    ------
    DataError
        When there are more columns than a survey has.

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
    if columns > MOST_COLUMNS:
        raise DataError(
            f"{data}: holds {columns:,} columns; a study is drafted from up to {MOST_COLUMNS:,}. "
            "Keep the columns of one survey, or write the study file by hand."
        )
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
    names = names_of(groups, table.labels)
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


def _copies(built: Sequence[Drafted], frame: pd.DataFrame) -> list[Drafted]:
    """Constructs whose items are nearly copies of others' stay out of the model."""
    owner = {item: one.name for one in built for item in one.items}
    columns = {i: _without(frame[i], one.answers.codes) for one in built for i in one.items}
    matrix = pd.DataFrame(columns).corr().abs().to_numpy()
    names = list(columns)
    twins: dict[str, set[str]] = {}
    for i, j in zip(*np.nonzero(matrix >= _COPY), strict=True):
        if owner[names[i]] != owner[names[j]]:
            twins.setdefault(names[i], set()).add(names[j])
    shares = {one.name: sum(i in twins for i in one.items) / len(one.items) for one in built}
    found = []
    for one in built:
        others = sorted({other for item in one.items for other in twins.get(item, ())})
        if others and all(shares[owner[other]] <= shares[one.name] for other in others):
            doubt = f"nearly copies of {', '.join(others)} (correlation {_COPY} or more)"
            said = (*one.doubts, f"{doubt}: which are real answers?")
            one = replace(one, doubts=said, outside="copies of other items")
        found.append(one)
    return found
