"""Cases: one claim on one outcome with its evidence, or the reason why it cannot be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyalty_analysis.claims import BUILT, SHARES, Claim, members_of
from loyalty_analysis.contrasts import missing_groups
from loyalty_analysis.equations import equation_of
from loyalty_analysis.evidence import (
    Findings,
    evidence_of,
    gate_reason,
    overlapping,
    structure_evidence,
    uncorrected,
    unequal_errors,
)
from loyalty_analysis.rules import Evidence, p_value
from loyalty_analysis.structures import unfit
from loyalty_analysis.survey import Survey

MEASUREMENT = "measurement_error"


@dataclass(frozen=True)
class Case:
    """One claim on one outcome: its evidence, or why there is none.

    ``components`` holds the evidence of each thing that must hold: one for most estimands; for
    ``largest`` the slope itself and its difference to every rival. ``twins`` holds the same,
    corrected for measurement error, for claims that compare constructs; ``untwinned`` says why
    measurement takes back a verdict where there is none. ``warned`` has the codes of gates that the
    study turned into warnings. ``against`` is a reason that keeps it from being supported.
    ``parts`` holds part cases.
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
    against: str = ""

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
        # Slopes of scores and those corrected for measurement error have to agree.
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
        or _why_no_structure(claim, found, survey)
    )
    if reason:
        return Case(claim, outcome, reason=reason)
    warned = gate_reason(claim, outcome, survey, found.gates, column, warns=True)
    case = Case(claim, outcome, warned=warned)
    if claim.estimand == "rival_models":
        leads = structure_evidence(found.structures, survey)
        apart = overlapping(claim, found.gates)
        return replace(case, components=leads, structures=found.structures, untwinned=apart)
    own = evidence_of(claim, outcome, survey, found.known, column, turned)
    case = replace(case, components=own, against=_turned_round(claim, outcome, survey, found))
    unequal = column and unequal_errors(survey.study, found.invariance, column)
    if claim.estimand == "slope_difference" and unequal:
        why = f"{MEASUREMENT}: error variances differ between groups of {column}"
        return replace(case, untwinned=why)
    if not claim.comparing:
        return case
    twins = evidence_of(claim, outcome, survey, found.twins, column, turned)
    single = uncorrected(claim, outcome, survey)
    if twins and not single:
        return replace(case, twins=twins)
    why = f": no reliability is declared for {single}" if single else ""
    return replace(case, untwinned=f"{MEASUREMENT}{why}")


def _turned_round(claim: Claim, outcome: str, survey: Survey, found: Findings) -> str:
    """Reason code where a share that is claimed to contribute belongs to a negative slope."""
    leaving = survey.study.model.outcomes.get(outcome) == "leaving"
    equation = equation_of(survey.study, claim.estimand, outcome)
    if claim.estimand != "largest_share" or leaving or equation is None:
        return ""
    slopes = {name: found.known.get(("slope", equation.model, name)) for name in claim.constructs}
    own = members_of(claim.term)
    down = [name for name, one in slopes.items() if name in own and one and one.conf_high < 0]
    return f"negative_slope: {', '.join(down)}" if down else ""


def _why_no_structure(claim: Claim, found: Findings, survey: Survey) -> str:
    """Reason code where the structure a claim is about, or a rival of it, has no solution."""
    if claim.estimand != "rival_models":
        return ""
    table = found.structures
    expected = f"{len(claim.versus)} factors"
    if table.empty or table["model"].iloc[0] != expected:
        return "no_structure"
    if "bic" not in table:
        return f"no_solution: {expected}"
    # With respondents every rival is judged by those left out, or none is.
    missing = table["bic"].isna()
    if survey.has_respondents:
        missing |= table.get("cv_difference", pd.Series(np.nan, table.index)).isna()
    unsolved = table.loc[missing & table["model"].str.contains("factor"), "model"]
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
    named = list(claim.constructs)
    known = {*study.constructs, *study.model.controls, *study.model.moderators}
    missing = [name for name in dict.fromkeys([*named, outcome]) if name and name not in known]
    if missing:
        return f"missing_construct: {', '.join(missing)}"
    if claim.estimand == "rival_models":
        return _listed(single_item=unfit(study, claim.versus))
    if claim.estimand not in BUILT:
        return f"estimand_not_built: {claim.estimand}"
    if "+" in claim.term and claim.estimand not in SHARES:
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
    if claim.estimand == "indirect":
        return _absent(study.model_constructs, [*named, outcome])
    if claim.estimand in SHARES:
        alone = "no_rival" if len(equation.focal) == len(members_of(claim.term)) else ""
        return _absent(equation.focal, named) or alone
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
