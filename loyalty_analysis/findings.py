"""What ``loyalty check`` finds: what was read, mapped, left out, what looks wrong, what is untold.

Plain sentences and small tables, before any model; the terminal and the page show the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loyalty_analysis.claims import LEVELS, TYPES, Claim, ClaimSet
from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.formatting import listing
from loyalty_analysis.sentences import explain, rule_label
from loyalty_analysis.slips import slips
from loyalty_analysis.study import Study
from loyalty_analysis.study_tables import Scale
from loyalty_analysis.survey import Survey
from loyalty_analysis.testable import home, why_not

# When it is worth saying how many more an easier rule would keep.
_MORE = 1.05
_REMEDIES = {
    "missing_construct": "if it was asked, declare it in [constructs] under this name",
    "missing_outcome": "declare it in [constructs] and name it in model.outcomes",
    "no_equation": "name it in model.outcomes, or give it an equation in [paths]",
    "no_step": "make it model.mediator, and name another outcome in model.outcomes",
    "no_mediator": "name model.mediator",
    "not_in_model": "add it to model.drivers, or to a further model in [models]",
    "missing_contrast": "declare it in [contrasts], its column in design.groups",
    "missing_group": "look at the values of the column; groups below ten are never compared",
    "needs_respondents": "needs the answers of respondents, not their moments",
    "no_rival": "needs another driver to compare with",
    "single_item": "needs two items or more of each",
    "many_levels": "needs a column of two values or of numbers",
}


@dataclass(frozen=True)
class Section:
    """One part of the findings: sentences, then a table where there is one.

    Attributes
    ----------
    title : str
    sentences : tuple of str
    header : tuple of str
        Columns of the table; empty without one.
    rows : tuple of tuple of str
    numbers : int
        How many columns at the end hold numbers.
    """

    title: str
    sentences: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    numbers: int = 0

    @property
    def anchor(self) -> str:
        """What links point to.

        Examples
        --------
        >>> Section("What was read").anchor
        'what-was-read'
        """
        return self.title.casefold().replace(" ", "-")


def findings(survey: Survey, claims: Sequence[ClaimSet]) -> list[Section]:
    """Say what was read, mapped and left out, which claims cannot be tested, what looks wrong.

    Parameters
    ----------
    survey : Survey
    claims : sequence of ClaimSet

    Returns
    -------
    list of Section

    Examples
    --------
    >>> from loyalty_analysis.claims import load_claims
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> [section.title for section in findings(survey, load_claims(survey.study))]
    ['What was read', 'What was mapped', 'What is left out', 'What cannot be tested',
    'What looks wrong']
    """
    return [
        _read(survey), _mapped(survey), _left_out(survey), _untestable(survey, claims),
        _wrong(survey),
    ]  # fmt: skip


def summary(survey: Survey, sections: Sequence[Section]) -> list[str]:
    """The findings in a few sentences.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> summary(survey, findings(survey, []))
    ['250 of 250 respondents would be analysed.', 'Nothing looks wrong.']
    """
    untold, wrong = sections[-2], sections[-1]
    kept = f"{survey.n:,} of {survey.n_read:,} respondents would be analysed."
    odd = len(wrong.rows)
    looks = f"{odd} {'things look' if odd > 1 else 'thing looks'} wrong." if odd else ""
    return [kept, *untold.sentences[:1], looks or "Nothing looks wrong."]


def stopped(error: LoyaltyError, study: Study | None = None, folder: str = ".") -> list[Section]:
    """Say what a study or its data is refused for, one problem per row.

    Parameters
    ----------
    error : LoyaltyError
    study : Study, optional
        The study where it could be loaded: how it maps columns is shown, too.
    folder : str
        Files in it are called by their names.

    Returns
    -------
    list of Section

    Examples
    --------
    >>> from loyalty_analysis.errors import DataError
    >>> stopped(DataError("survey.csv: is empty."))[0].rows
    (('is empty.',),)
    """
    found = [re.sub(r"^\d+\. ", "", line.strip()) for line in str(error).splitlines()]
    found = [line.replace(f"{folder}/", "") for line in found if line]
    where, _, problem = found[0].partition(": ")
    said, rows = (where,), tuple((line,) for line in (found[1:] or [problem or where]))
    wrong = Section("What has to be corrected", said, ("Problem and remedy",), rows)
    return [wrong, *([Section("What was mapped", (), *_scales(study))] if study else [])]


def _read(survey: Survey) -> Section:
    study = survey.study
    if survey.item_moments is not None:
        what = f"The moments of {survey.n_read:,} respondents, as published; not their answers."
        return Section("What was read", (f"From {study.address.name}.", what))
    items = [item for name in study.constructs for item in study.items_of(name)]
    constructs = (
        "1 construct" if len(study.constructs) == 1 else f"{len(study.constructs)} constructs"
    )
    return Section(
        "What was read",
        (
            f"From {study.address.name}: {survey.n_read:,} rows.",
            f"{len(items)} columns are items of {constructs}.",
            *(f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in _together(survey.notes)),
        ),
    )


def _together(notes: Sequence[str]) -> list[str]:
    """Notes that say the same of several columns as one.

    Examples
    --------
    >>> _together(["9 in 2 rows of a are none", "9 in 1 row of b are none", "tabs"])
    ['9 in 3 cells of a, b are none', 'tabs']
    """
    columns: dict[tuple[str, str], list[str]] = {}
    rows: dict[tuple[str, str], int] = {}
    for note in notes:
        found = re.fullmatch(r"(.+) in ([\d,]+) rows? of (.+?) ((?:is|are) .+)", note)
        key = (found[1], found[4]) if found else (note, "")
        columns.setdefault(key, []).append(found[3] if found else "")
        rows[key] = rows.get(key, 0) + (int(found[2].replace(",", "")) if found else 0)
    return [
        f"{what} in {rows[what, rest]:,} cells of {', '.join(names)} {rest}" if rest else what
        for (what, rest), names in columns.items()
    ]


def _mapped(survey: Survey) -> Section:
    study = survey.study
    if survey.item_moments is not None:
        return Section("What was mapped", (), *_scales(study))
    design, model = study.design, study.model
    said = {
        "Respondents are told apart by": (design.respondent, design.wave),
        "Weights stand in": (design.weight,),
        "Clusters are those of": (design.cluster,),
        "Groups are compared by": design.groups,
        "Every equation also holds": (*model.controls, *model.moderators),
    }
    named = {what: list(filter(None, columns)) for what, columns in said.items()}
    words = [f"{what} {listing(columns, 99)}." for what, columns in named.items() if columns]
    return Section("What was mapped", tuple(words), *_scales(study))


def _scales(study: Study) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """One row per construct: its items, those turned, its scale, its codes of no answer."""
    rows = []
    for name, construct in study.constructs.items():
        items = study.items_of(name)
        rows.append(
            (
                study.label(name), ", ".join(items), ", ".join(construct.reversed) or "none",
                *_scale(study.scale_of(name)),
            )
        )  # fmt: skip
    return ("Construct", "Items", "Reversed", "Scale", "No answer"), tuple(rows)


def _scale(scale: Scale) -> tuple[str, str]:
    ends = "not declared" if scale.min is None else f"{scale.min:g} to {scale.max:g}"
    words = f" ({', '.join(scale.answers)})" if scale.answers else ""
    return f"{ends}{words}", ", ".join(f"{code:g}" for code in scale.missing) or "empty cells"


def _left_out(survey: Survey) -> Section:
    steps = survey.attrition[survey.attrition["kind"] == "step"]
    worst = steps.loc[steps["alone"].idxmax()]
    rows = tuple(
        (
            rule_label(str(row["rule"]), survey.study),
            *(f"{int(row[name]):,}" for name in ("removed", "left", "alone")),
        )
        for row in survey.attrition.to_dict("records")
    )
    said = (
        f"Costs most by itself: {rule_label(str(worst['rule']), survey.study)} "
        f"({int(worst['alone']):,} rows)."
        if worst["alone"] > 0
        else "Nobody is left out."
    )
    alone = "Rules apply in turn; 'alone' is what each would remove by itself."
    half = survey.attrition.loc[survey.attrition["kind"] == "comparison", "left"]
    kept = int(half.iloc[0]) if len(half) else 0
    remedy = (
        f"{kept:,} rows would stay if half of a construct's items were enough for its score: "
        "scale.min_items, or min_items of a construct, says how many are."
    )
    more = (remedy,) if kept > _MORE * survey.n else ()
    return Section(
        "What is left out", (said, *more, alone), ("Rule", "Removed", "Left", "Alone"), rows, 3
    )


def _untestable(survey: Survey, claims: Sequence[ClaimSet]) -> Section:
    rows: list[tuple[str, ...]] = []
    said: list[str] = []
    count = total = 0
    for one in claims:
        closed = {claim.id: found for claim in one.claims if (found := untestable(claim, survey))}
        lost = [claim for claim in one.claims if _wholly(claim, closed.get(claim.id, {}), survey)]
        count, total = count + len(one.claims) - len(lost), total + len(one.claims)
        said.append(
            f"{one.title}: {len(one.claims) - len(lost)} of {len(one.claims)} can be tested."
        )
        for claim in one.claims:
            for reason, outcomes in _by_reason(closed.get(claim.id, {})).items():
                which = listing([survey.study.label(name) for name in outcomes])
                remedy = _remedy(claim, reason)
                rows.append((claim.id, claim.text, which, explain(reason), remedy))
    if not claims:
        return Section("What cannot be tested")
    first = f"{count} of {total} claims can be tested, on one outcome or more."
    later = (
        "This is what the study holds. Whether it was measured well enough is judged with the "
        "numbers, by [gates]: loyalty judge."
    )
    header = ("Claim", "What it says", "Outcome", "Why not", "What would help") if rows else ()
    return Section("What cannot be tested", (first, *said, later), header, tuple(rows))


def untestable(claim: Claim, survey: Survey) -> dict[str, str]:
    """Reason codes by outcome for what keeps a claim from being tested; empty when nothing does.

    Measurement is not looked at, and no model is fitted.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="total", outcome="loyalty", term="price", sign="+")
    >>> untestable(claim, read_survey("bank_customers"))
    {'loyalty': 'missing_construct: price'}
    """
    outcomes = claim.outcomes(survey.study)
    if not outcomes:
        named = claim.outcome if isinstance(claim.outcome, str) else " or ".join(claim.outcome)
        return {named: f"missing_outcome: {named}"}
    found = {}
    for outcome in outcomes:
        singles = [claim.part(part) for part in claim.parts] or [claim]
        reasons: dict[str, None] = {}
        for one in singles:
            elsewhere = one.outcome != claim.outcome
            places = (
                (one.outcomes(survey.study) or (str(one.outcome),)) if elsewhere else (outcome,)
            )
            for place in places:
                reason = why_not(one, place, home(one, place, survey))
                reasons |= {reason: None} if reason else {}
        if reasons:
            found[outcome] = _joined(list(reasons))
    return found


def _remedy(claim: Claim, reason: str) -> str:
    table = "levels" if claim.estimand in LEVELS else "types" if claim.estimand in TYPES else ""
    code = reason.partition(":")[0]
    if table and code == "missing_construct" and claim.term in reason:
        return f"declare [{table}]"
    return _REMEDIES.get(code, "")


def _joined(reasons: Sequence[str]) -> str:
    """Reason codes, each once, with all it was given for."""
    named: dict[str, dict[str, None]] = {}
    for one in reasons:
        code, _, names = one.partition(": ")
        named.setdefault(code, {}).update(dict.fromkeys(filter(None, names.split(", "))))
    return "; ".join(f"{c}: {', '.join(n)}" if n else c for c, n in named.items())


def _wholly(claim: Claim, closed: Mapping[str, str], survey: Survey) -> bool:
    """Whether a claim can be tested on no outcome."""
    return len(closed) >= max(len(claim.outcomes(survey.study)), 1)


def _by_reason(closed: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for outcome, reason in closed.items():
        found.setdefault(reason, []).append(outcome)
    return found


def _wrong(survey: Survey) -> Section:
    rows = tuple((slip,) for slip in slips(survey))
    said = () if rows else ("Nothing looks wrong.",)
    return Section("What looks wrong", said, ("What, and what to do",) if rows else (), rows)
