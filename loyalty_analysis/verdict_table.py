"""The verdict table of the page: published direction, ours and rival, one row per claim.

Claims are grouped by claim set, contradictions first; parts stand indented below their claim, and
what cannot be tested stands apart. Nothing is judged here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any

import pandas as pd

from loyalty_analysis.claims import LEVELS, SLOPES, TYPES, Claim, ClaimSet
from loyalty_analysis.equations import Equation, equation_of
from loyalty_analysis.formatting import VERDICT_MARKS, estimate, in_sentence, number, p_value, slug
from loyalty_analysis.sentences import direction, explain
from loyalty_analysis.study import Study
from loyalty_analysis.testable import leads_through

NOT_TESTABLE = "not testable"
REGRESSIONS = "regressions"
SECTIONS = {
    "rival_models": "data-and-measurement-would-fewer-constructs-do",
    "indirect": "mediation-direct-indirect-total",
    "largest_share": "drivers-shares-of-the-explained-variance",
    "share_difference": "drivers-shares-of-the-explained-variance",
    "slope_difference": "groups-how-far-do-two-groups-differ",
    "ordered_means": "loyalty-types-what-if-the-cuts-lay-elsewhere",
} | dict.fromkeys(LEVELS, "satisfaction-levels-what-the-claims-ask")
"""Where the evidence of an estimand stands that has a section of its own."""
PILLARS, FURTHER = (
    "pillars",
    {"types": "loyalty-types-do-attitude-and-patronage-reinforce-each-other"},
)
"""Where the evidence of a further model stands: in the section of pillars, but for types."""
_WIDTH = 160.0  # of the drawing, in its own units


@dataclass(frozen=True)
class Rival:
    """A claim that predicts otherwise, and how it fared here."""

    claim: str
    predicts: str
    verdicts: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One row of the table, in words; ``parts`` are the rows below it."""

    claim: str
    text: str
    outcome: str
    reference: str
    cited: str
    published: str
    found: str
    unit: str
    bar: dict[str, Any] | None
    rivals: tuple[Rival, ...]
    verdict: str
    reason: str
    sentence: str
    tests: str
    note: str
    anchor: str
    parts: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Group:
    """The claims of one set: those judged, and those that cannot be."""

    anchor: str
    title: str
    source: str
    about: str
    rows: tuple[Row, ...]
    closed: tuple[Row, ...]


@dataclass(frozen=True)
class VerdictTable:
    """All groups, on one axis from ``-limit`` to ``limit``."""

    limit: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class _Page:
    """What every row needs to know."""

    study: Study
    claims: dict[str, Claim]
    verdicts: pd.DataFrame
    anchors: Collection[str]
    limit: float


def verdict_table(
    study: Study, sets: Sequence[ClaimSet], verdicts: pd.DataFrame, anchors: Collection[str]
) -> VerdictTable:
    """Arrange the verdicts of a study for its page.

    Parameters
    ----------
    study : Study
    sets : sequence of ClaimSet
        The claims as published.
    verdicts : DataFrame
        As in verdicts.csv.
    anchors : collection of str
        Anchors on the page that a row may link to.

    Returns
    -------
    VerdictTable
    """
    claims = {claim.id: claim for one in sets for claim in one.claims}
    slopes = verdicts[verdicts["estimand"] != "rival_models"]
    limit = axis_limit(slopes[["conf_low", "conf_high"]].to_numpy().ravel())
    page = _Page(study, claims, verdicts, anchors, limit)
    groups = [_group(one, verdicts[verdicts["claim_set"] == one.name], page) for one in sets]
    judged_first = sorted(groups, key=lambda group: not group.rows)
    return VerdictTable(number(limit, 1), tuple(judged_first))


def axis_limit(values: Iterable[float]) -> float:
    """End of the axis: the next fifth above every interval, between 0.4 and 1.

    Examples
    --------
    >>> axis_limit([-0.31, 0.52, float("nan")]), axis_limit([]), axis_limit([3.0])
    (0.6, 0.4, 1.0)
    """
    largest = max((abs(value) for value in values if isfinite(value)), default=0.0)
    return min(1.0, max(0.4, ceil(largest * 5) / 5))


def _group(one: ClaimSet, table: pd.DataFrame, page: _Page) -> Group:
    order = list(VERDICT_MARKS)
    rows = sorted(_rows(table, page), key=lambda row: order.index(row.verdict))
    judged = tuple(row for row in rows if row.verdict != NOT_TESTABLE)
    closed = tuple(row for row in rows if row.verdict == NOT_TESTABLE)
    return Group(f"claims-{slug(one.name)}", one.title, one.source, one.about, judged, closed)


def _rows(table: pd.DataFrame, page: _Page) -> list[Row]:
    """Turn verdict rows into table rows; parts follow their claim and belong to it."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for record in table.to_dict("records"):
        if record["part"]:
            found[-1][1].append(record)
        else:
            found.append((record, []))
    return [_row(record, parts, page) for record, parts in found]


def _row(record: dict[str, Any], parts: Sequence[dict[str, Any]], page: _Page) -> Row:
    whole = page.claims[record["claim"]]
    below = tuple(_row(part, (), page) for part in parts)
    claim = whole
    text = record["text"]
    if record["part"]:
        part = next(part for part in whole.parts if part.id == record["part"])
        claim = whole.part(part)
        text = part.text or page.study.label(claim.term)
    found = estimate(record["estimate"], record["conf_low"], record["conf_high"])
    return Row(
        claim=record["claim"],
        text=text,
        outcome=page.study.label(record["outcome"]) if record["outcome"] else "",
        reference="" if record["part"] else record["reference"],
        cited=cited(record["reference"]),
        published=direction(claim),
        found="" if below else found,
        unit=_unit(claim, page.study.view(judged_in(claim, record["outcome"], page.study)[0])),
        bar=None if claim.estimand == "rival_models" else drawing(record, page.limit),
        rivals=() if record["part"] else tuple(_rivals(whole, record["outcome"], page)),
        verdict=record["verdict"],
        reason=_of_parts(below) if below else short_reason(record),
        sentence=record["sentence"],
        tests=f"{_tests(record)}{_further(claim, record, page.study)}",
        note="" if record["part"] else whole.note,
        anchor=_anchor(claim, record, page),
        parts=below,
    )


def _unit(claim: Claim, study: Study) -> str:
    """Say what an estimate is where it is not simply a slope."""
    if claim.estimand == "slope_difference":
        return f"{claim.versus[0]} minus {claim.versus[1]}"
    if claim.estimand == "direct" and study.model.mediator:
        return f"with {in_sentence(study.label(study.model.mediator))} held constant"
    known = {
        "largest": "smallest lead, over rivals and 0",
        "interaction": "slope of the product",
        "rival_models": "log likelihood per respondent, lead over the closest rival",
    }
    return known.get(claim.estimand, "")


def _rivals(claim: Claim, outcome: str, page: _Page) -> Iterable[Rival]:
    whole = page.verdicts[page.verdicts["part"] == ""]
    for name in claim.rival:
        if name not in page.claims:
            continue
        rows = whole[whole["claim"] == name]
        same = rows[rows["outcome"] == outcome]
        fared = (rows if same.empty else same)["verdict"]
        yield Rival(name, direction(page.claims[name]), tuple(dict.fromkeys(fared)))


def cited(reference: str) -> str:
    """Shorten references to authors and year, as in running text.

    Examples
    --------
    >>> cited("Burnham, Frels & Mahajan 2003, Journal of the Academy; East et al. 2005")
    'Burnham et al. 2003; East et al. 2005'
    >>> cited("Julander & Söderlund 2003")
    'Julander & Söderlund 2003'
    """
    short = []
    for one in filter(None, map(str.strip, reference.split(";"))):
        found = re.match(r"(?P<names>.+?)[ (]+(?P<year>(?:1[89]|20)\d\d)", one)
        if found is None:
            short.append(one)
            continue
        names = re.split(r",\s*|\s+&\s+|\s+and\s+", found["names"].strip())
        shown = f"{names[0]} et al." if len(names) > 2 else " & ".join(names)
        short.append(f"{shown} {found['year']}")
    return "; ".join(short)


def short_reason(record: dict[str, Any]) -> str:
    """Say in a few words why a row got its verdict.

    Examples
    --------
    >>> short_reason({"verdict": "supported", "sign": "-", "size": "clear", "negligible": 0.1,
    ...     "reason": ""})
    'whole interval below −0.10'
    """
    bound, sign, verdict = number(record["negligible"]), record["sign"], record["verdict"]
    if verdict in ("inconclusive", NOT_TESTABLE):
        return explain(record["reason"])
    if record.get("estimand") == "rival_models":
        return "ahead of every rival, and fits" if verdict == "supported" else "behind a rival"
    if verdict == "negligible" or (verdict, sign) in (
        ("supported", "none"),
        ("contradicted", "any"),
    ):
        return f"whole interval inside ±{bound}"
    if sign in ("none", "any"):
        return f"whole interval beyond ±{bound}"
    if sign == "not_negative":
        return f"whole interval {'above' if verdict == 'supported' else 'below'} −{bound}"
    if verdict == "contradicted":
        return f"whole interval {'below' if sign == '+' else 'above'} 0"
    if record["size"] == "clear":
        return f"whole interval {f'above {bound}' if sign == '+' else f'below −{bound}'}"
    return f"direction clear; may be smaller than {bound}"


def _of_parts(parts: Sequence[Row]) -> str:
    counts = {verdict: sum(part.verdict == verdict for part in parts) for verdict in VERDICT_MARKS}
    said = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    return f"of {len(parts)} parts, {', '.join(said)}"


def _tests(record: dict[str, Any]) -> str:
    if record["verdict"] == NOT_TESTABLE or not isfinite(record["p_value"]):
        return ""
    n = f"n = {number(record['n'], 0)}."
    if record["sign"] not in ("+", "-"):
        return n  # judged by the interval: the p value of the claim itself would read upside down
    holm = "" if record["part"] else f", {p_value(record['p_holm'])} after Holm"
    return f"p {p_value(record['p_value'])}{holm}; {n}"


def drawing(record: dict[str, Any], limit: float) -> dict[str, Any] | None:
    """Place an estimate, its interval and its negligible band on the axis.

    Returns
    -------
    dict or None
        Coordinates from 0 to 160, whether an end lies beyond the axis, and ``way``: positive,
        negative or unclear. None without an interval.

    Examples
    --------
    >>> record = {"estimate": 0.2, "conf_low": 0.1, "conf_high": 0.3, "negligible": 0.1}
    >>> drawing(record, 0.4)["way"], drawing(record, 0.4)["estimate"]
    ('positive', 120.0)
    """
    values = [record[name] for name in ("estimate", "conf_low", "conf_high")]
    if not all(isfinite(value) for value in values):
        return None
    middle, low, high = (_place(value, limit) for value in values)
    band = _place(record["negligible"], limit)
    signs = {value > 0 for value in values[1:]}
    way = "unclear" if len(signs) == 2 else "positive" if signs == {True} else "negative"
    return {
        "estimate": middle,
        "low": low,
        "high": high,
        "band_low": round(_WIDTH - band, 1),
        "band_width": round(2 * band - _WIDTH, 1),
        "beyond_low": values[1] < -limit,
        "beyond_high": values[2] > limit,
        "way": way,
    }


def _place(value: float, limit: float) -> float:
    return round(_WIDTH / 2 * (1 + max(-1.0, min(1.0, value / limit))), 1)


def _further(claim: Claim, record: dict[str, Any], study: Study) -> str:
    """Say in which equation of a further model a row was judged; empty for the study's own."""
    if record["verdict"] == NOT_TESTABLE or not isfinite(record["estimate"]):
        return ""
    part, model = judged_in(claim, record["outcome"], study)
    return f" Judged in {model}." if part in study.models else ""


def _anchor(claim: Claim, record: dict[str, Any], page: _Page) -> str:
    """Where the evidence for a row is: its section or equation, else that of the regressions."""
    estimand, judged = record["estimand"], record["verdict"] != NOT_TESTABLE
    if not judged and estimand != "rival_models":
        return ""
    wanted = [SECTIONS[estimand]] if estimand in SECTIONS else []
    if estimand not in ("rival_models", *LEVELS, *TYPES):
        part, model = judged_in(claim, record["outcome"], page.study)
        wanted = [FURTHER.get(part, PILLARS)] if part else [*wanted, model_anchor(model)]
        wanted.append(REGRESSIONS)
    return next((anchor for anchor in wanted if anchor in page.anchors), "")


def judged_in(claim: Claim, outcome: str, study: Study) -> tuple[str, str]:
    """The model of a study in which a claim is judged, and its equation there.

    As :func:`testable.home` finds it, from the study alone.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> claim = Claim(id="x", text="", estimand="total", outcome="advocacy", sign="+",
    ...               term="satisfaction", versus=("value",))
    >>> judged_in(claim, "advocacy", load_study("full_simulated"))
    ('pillars', 'pillars/advocacy.total')
    """
    able = []
    for part in study.parts:
        view = study.view(part)
        equation = equation_of(view, claim.estimand, outcome)
        if equation is not None and set(claim.constructs) <= _inside(claim, equation, view):
            able.append((part, equation.model))
    if claim.estimand == "indirect":
        able.sort(key=lambda found: not leads_through(claim, study.view(found[0])))
    return able[0] if able else ("", "")


def _inside(claim: Claim, equation: Equation, view: Study) -> set[str]:
    """What a claim may name to be judged in an equation."""
    if claim.estimand == "indirect":
        return set(view.model_constructs)
    if claim.estimand == "interaction":
        return {*equation.terms, *view.model.moderators}
    # What a slope must stand beside may also be a control; all else is a driver.
    beside = claim.versus if claim.estimand in SLOPES else ()
    return {*equation.focal, *({*beside} & {*equation.terms})}


def model_anchor(model: str) -> str:
    """Anchor that evidence about one equation carries on the page.

    Examples
    --------
    >>> model_anchor("repurchase.total")
    'model-repurchase-total'
    """
    return f"model-{slug(model)}"
