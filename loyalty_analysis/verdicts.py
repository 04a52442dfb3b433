"""Verdicts: claim + evidence + rule + one sentence. Nothing is estimated here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import pandas as pd

from loyalty_analysis.claims import BUILT, Claim, ClaimSet, load_claims
from loyalty_analysis.contrasts import equation_of, missing_groups
from loyalty_analysis.evidence import (
    Findings,
    evidence_of,
    findings,
    gate_reason,
    rule_structures,
    structure_evidence,
    uncorrected,
)
from loyalty_analysis.rules import (
    INCONCLUSIVE,
    NOT_TESTABLE,
    SUPPORTED,
    Evidence,
    Ruling,
    holm,
    needed_n,
    p_value,
    rule_all,
    ruling_of_parts,
)
from loyalty_analysis.sentences import verdict_sentence
from loyalty_analysis.structures import unfit
from loyalty_analysis.survey import Survey

COLUMNS = [
    "claim_set", "claim", "part", "text", "source", "reference", "outcome", "estimand", "term",
    "sign", "negligible", "estimate", "conf_low", "conf_high", "p_value", "p_holm", "n",
    "verdict", "size", "reason", "sentence",
]  # fmt: skip
MEASUREMENT = "measurement_error"


@dataclass(frozen=True)
class Case:
    """One claim on one outcome: its evidence, or why there is none.

    ``components`` holds the evidence of each thing that must hold: one for most estimands; for
    ``largest`` the slope itself and its difference to every rival. ``twins`` holds the same free of
    measurement error, for claims that compare constructs; where there is none ``untwinned`` says
    why. ``warned`` has the codes of gates that the study turned into warnings. ``parts`` holds part
    cases.
    """

    claim: Claim
    outcome: str
    components: tuple[Evidence, ...] = ()
    reason: str = ""
    part: str = ""
    parts: tuple[Case, ...] = ()
    twins: tuple[Evidence, ...] = ()
    untwinned: str = ""
    structures: pd.DataFrame | None = None
    warned: str = ""

    @property
    def testable(self) -> bool:
        """Whether there is evidence for the claim and all its parts."""
        return not self.reason and all(part.testable for part in self.parts)

    @property
    def turned(self) -> int:
        """Minus one where the claim is about a negative value."""
        return -1 if self.claim.sign == "-" else 1

    @property
    def p_value(self) -> float:
        """P value of the claim as a whole: all must hold, so the largest one counts."""
        if self.parts:
            return max(part.p_value for part in self.parts)
        # Slopes of scores and those free of measurement error have to agree.
        both = filter(None, (self.components, self.twins))
        return max(self._joint(components) for components in both)

    def _joint(self, components: tuple[Evidence, ...]) -> float:
        sign, bound = self.claim.sign, self.claim.bound
        against = [
            p_value(one, sign, bound)
            for one in components
            if self.turned * one.estimate < 0 and not one.inside(bound)
        ]
        # Any one of several can contradict the claim: Bonferroni over them.
        if against:
            return min(1.0, min(against) * len(components))
        return max(p_value(one, sign, bound) for one in components)


def judge(survey: Survey, results: dict[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    """Judge every claim of a study.

    Parameters
    ----------
    survey : Survey
    results : dict of str to DataFrame, optional
        What :func:`loyalty_analysis.analysis.analyse` returned; computed when not given.

    Returns
    -------
    DataFrame
        One row per claim and outcome, and one per part below it (part empty for the claim as a
        whole): claim_set, claim, part, text, source, reference, outcome, estimand, term, sign,
        negligible, estimate, conf_low, conf_high, p_value, p_holm, n, verdict, size, reason,
        sentence. ``attrs["families"]`` counts the testable rows of each claim set.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> verdicts = judge(read_survey("mobile_customers")).set_index("claim")
    >>> verdicts.loc["M5", "verdict"]
    'supported'
    """
    if results is None:
        from loyalty_analysis.analysis import analyse

        results = analyse(survey, everything=False)
    rows, families, found = [], {}, findings(results)
    for claims in load_claims(survey.study):
        cases = [case for claim in claims.claims for case in cases_of(claim, survey, found)]
        family = [case.p_value for case in cases if case.testable]
        families[claims.name] = len(family)
        for case in cases:
            rows += _rows(case, claims, family, survey)
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.attrs["families"] = families
    return table


def cases_of(claim: Claim, survey: Survey, found: Findings) -> list[Case]:
    """Match one claim with the evidence on each outcome it is judged on.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="total", outcome="loyalty", term="price", sign="+")
    >>> [case.reason for case in cases_of(claim, read_survey("bank_customers"), Findings())]
    ['missing_construct: price']
    """
    outcomes = claim.outcomes(survey.study)
    if not outcomes:
        named = claim.outcome if isinstance(claim.outcome, str) else " or ".join(claim.outcome)
        return [Case(claim, named, reason=f"missing_outcome: {named}")]
    return [_case(claim, outcome, survey, found) for outcome in outcomes]


def _case(claim: Claim, outcome: str, survey: Survey, found: Findings) -> Case:
    if claim.parts:
        parts: list[Case] = []
        for part in claim.parts:
            single = claim.part(part)
            own = [_case(single, outcome, survey, found)]
            cases = own if part.outcome is None else cases_of(single, survey, found)
            parts += [replace(case, part=part.id) for case in cases]
        reason = _merged([part.reason for part in parts if part.reason])
        return Case(claim, outcome, reason=reason, parts=tuple(parts))
    return _single(claim, outcome, survey, found)


def _single(claim: Claim, outcome: str, survey: Survey, found: Findings) -> Case:
    """A claim without parts."""
    column, turned = contrast_of(claim, survey) or ("", False)
    reason = (
        _why_not(claim, outcome, survey)
        or gate_reason(claim, outcome, survey, found.gates, column)
        or _why_no_structure(claim, found)
    )
    if reason:
        return Case(claim, outcome, reason=reason)
    warned = gate_reason(claim, outcome, survey, found.gates, column, warns=True)
    case = Case(claim, outcome, warned=warned)
    if claim.estimand == "rival_models":
        leads = structure_evidence(found.structures, survey)
        return replace(case, components=leads, structures=found.structures)
    own = evidence_of(claim, outcome, survey, found.known, column, turned)
    case = replace(case, components=own)
    if not claim.comparing:
        return case
    twins = evidence_of(claim, outcome, survey, found.twins, column, turned)
    single = uncorrected(claim, outcome, survey)
    if twins and not single:
        return replace(case, twins=twins)
    why = f": no reliability is declared for {single}" if single else ""
    return replace(case, untwinned=f"{MEASUREMENT}{why}")


def _why_no_structure(claim: Claim, found: Findings) -> str:
    """Reason code where the structure a claim is about, or a rival of it, has no solution."""
    if claim.estimand != "rival_models":
        return ""
    table = found.structures
    expected = f"{len(claim.versus)} factors"
    if table.empty or table["model"].iloc[0] != expected:
        return "no_structure"
    unsolved = table.loc[table["bic"].isna(), "model"] if "bic" in table else table["model"]
    return f"no_solution: {', '.join(unsolved)}" if len(unsolved) else ""


def _merged(reasons: Sequence[str]) -> str:
    """Join reasons: each code once, with everything it was given for."""
    details: dict[str, dict[str, None]] = {}
    for one in "; ".join(reasons).split("; "):
        code, _, names = one.partition(": ")
        details.setdefault(code, {}).update(dict.fromkeys(filter(None, names.split(", "))))
    joined = [f"{code}: {', '.join(names)}" if names else code for code, names in details.items()]
    return "; ".join(joined)


def _why_not(claim: Claim, outcome: str, survey: Survey) -> str:
    """Reason code for a claim that cannot be tested here; empty when it can."""
    study = survey.study
    named = [name.strip() for name in claim.term.replace(":", "+").split("+") if name.strip()]
    if claim.estimand in ("largest", "total", "direct", "path"):
        named += list(claim.versus)
    known = {*study.constructs, *study.model.controls, *study.model.moderators}
    if claim.estimand == "rival_models":
        named = list(claim.versus)
    missing = [name for name in dict.fromkeys([*named, outcome]) if name and name not in known]
    if missing:
        return f"missing_construct: {', '.join(missing)}"
    if claim.estimand == "rival_models":
        return _listed(single_item=unfit(study, claim.versus))
    if claim.estimand not in BUILT:
        return f"estimand_not_built: {claim.estimand}"
    if "+" in claim.term:
        return "estimand_not_built: slopes added up"
    equation = equation_of(study, claim.estimand, outcome)
    if equation is None:
        lacking = claim.estimand == "direct" and study.model.mediator is None
        return "no_mediator" if lacking else f"no_equation: {outcome}"
    if claim.estimand in ("slope_difference", "interaction") and not survey.has_respondents:
        return "needs_respondents"
    if claim.estimand == "slope_difference":
        return _why_no_contrast(claim, survey) or _absent(equation.focal, named)
    if claim.estimand == "interaction":
        inside = {*equation.focal, *study.model.moderators, *study.model.controls} - {outcome}
        many = [name for name in named if len(survey.terms([name])) > 1]
        small = [name for name in named if set(survey.terms([name])) & survey.small_groups]
        return _absent(inside, named) or _listed(many_levels=many, missing_group=small)
    # What a slope must stand beside may also be a control; a rival has to be a driver.
    beside = equation.focal if claim.estimand == "largest" else equation.terms
    return _absent(equation.focal, [claim.term]) or _absent(beside, claim.versus)


def _listed(**found: Sequence[str]) -> str:
    """The first reason that was found for any name, with the names."""
    return next((f"{code}: {', '.join(names)}" for code, names in found.items() if names), "")


def _absent(inside: Sequence[str] | set[str], named: Sequence[str]) -> str:
    absent = [name for name in named if name not in inside]
    return f"not_in_model: {', '.join(absent)}" if absent else ""


def _why_no_contrast(claim: Claim, survey: Survey) -> str:
    found = contrast_of(claim, survey)
    if found is None:
        return f"missing_contrast: {' - '.join(claim.versus)}"
    lacking = missing_groups(survey, found[0])
    return f"missing_group: {lacking}" if lacking else ""


def contrast_of(claim: Claim, survey: Survey) -> tuple[str, bool] | None:
    """The study's contrast a claim is about: its column, and whether it runs the other way.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from loyalty_analysis.study import load_study
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = replace(read_survey("bank_customers"), study=load_study("rice_simulated"))
    >>> sides = {"estimand": "slope_difference", "versus": ("services", "goods")}
    >>> contrast_of(Claim(id="x", text="", term="affective", sign="+", **sides), survey)
    ('sector', True)
    """
    wanted = tuple(str(side) for side in claim.versus)
    for column, contrast in survey.study.contrasts.items():
        sides = contrast.sides
        if wanted in (sides, sides[::-1]):
            return column, wanted != sides
    return None


def ruling(case: Case, p_holm: float) -> tuple[Ruling, Evidence]:
    """Rule on a case without parts; also return the evidence that is judged and shown.

    Examples
    --------
    >>> claim = Claim(id="x", text="", estimand="total", outcome="y", sign="+", size="clear")
    >>> case = Case(claim, "y", (Evidence(0.2, 0.08, 200, 0.04, 0.36, 210),))
    >>> ruling(case, 0.01)[0]
    Ruling(verdict='inconclusive', size='', reason='size_unresolved')
    """
    claim = case.claim
    if case.structures is not None:
        return rule_structures(case.structures, case.components, p_holm)
    found, shown = rule_all(case.components, claim.sign, claim.bound, p_holm)
    if case.twins or case.untwinned:
        # Whether both agree is asked before Holm, whose p value is the larger of theirs.
        alone, _ = rule_all(case.components, claim.sign, claim.bound, 0.0)
        twin = rule_all(case.twins, claim.sign, claim.bound, 0.0)[0] if case.twins else None
        if alone.verdict != INCONCLUSIVE and (twin is None or twin.verdict != alone.verdict):
            return Ruling(INCONCLUSIVE, reason=case.untwinned or MEASUREMENT), shown
        if twin is not None and twin.size != found.size and found.size:
            found = replace(found, size="unresolved")
    if found.verdict == SUPPORTED and claim.size == "clear" and found.size != "clear":
        return Ruling(INCONCLUSIVE, reason="size_unresolved"), shown
    return found, shown


def _adjusted(case: Case, own: float, family: Sequence[float]) -> float:
    """Holm-adjusted p of a case, or of one part in its place, within its family."""
    others = list(family)
    others.remove(case.p_value)
    return holm([own, *others])[0]


def _rows(
    case: Case, claims: ClaimSet, family: Sequence[float], survey: Survey
) -> list[dict[str, object]]:
    if not case.testable:
        refused = Ruling(NOT_TESTABLE, reason=case.reason)
        rows = [_row(case, claims, refused, None, nan, survey)]
        for part in case.parts:
            own = Ruling(NOT_TESTABLE, reason=part.reason or "claim_not_testable")
            rows.append(_row(part, claims, own, None, nan, survey))
        return rows
    p_holm = _adjusted(case, case.p_value, family)
    if not case.parts:
        return [_row(case, claims, *ruling(case, p_holm), p_holm, survey)]
    rows, rulings = [], []
    for part in case.parts:
        p_part = _adjusted(case, part.p_value, family)
        found, shown = ruling(part, p_part)
        rulings.append(found)
        rows.append(_row(part, claims, found, shown, p_part, survey))
    return [_row(case, claims, ruling_of_parts(rulings), None, p_holm, survey), *rows]


def _row(
    case: Case,
    claims: ClaimSet,
    found: Ruling,
    shown: Evidence | None,
    p_holm: float,
    survey: Survey,
) -> dict[str, object]:
    claim = case.claim
    guide = ""
    more_data = not found.reason.startswith(MEASUREMENT) and case.structures is None
    if shown is not None and found.verdict == INCONCLUSIVE and more_data:
        clusters = survey.n_clusters
        present = clusters or shown.n
        units = needed_n(shown, claim.sign, claim.bound, present)
        # Held back by Holm or by R4b's size, an estimate may need no more data by this rule.
        if units > present:
            guide = f"{units:,} {'clusters' if clusters else 'respondents'}"
    sentence = verdict_sentence(case, found, shown, survey, guide)
    return {
        "claim_set": claims.name,
        "claim": claim.id,
        "part": case.part,
        "text": claim.text,
        "source": claims.source,
        "reference": claim.reference,
        "outcome": case.outcome,
        "estimand": claim.estimand,
        "term": claim.term,
        "sign": claim.sign,
        "negligible": claim.bound,
        "estimate": shown.estimate if shown else nan,
        "conf_low": shown.conf_low if shown else nan,
        "conf_high": shown.conf_high if shown else nan,
        "p_value": case.p_value if found.verdict != NOT_TESTABLE else nan,
        "p_holm": p_holm,
        "n": survey.n,
        "verdict": found.verdict,
        "size": found.size,
        "reason": found.reason,
        "sentence": sentence,
    }
