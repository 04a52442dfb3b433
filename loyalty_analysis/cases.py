"""Cases: one claim on one outcome with its evidence, or the reason why it cannot be tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyalty_analysis.claims import Claim, members_of
from loyalty_analysis.equations import equation_of
from loyalty_analysis.evidence import (
    Findings,
    bent_evidence,
    evidence_of,
    gate_reason,
    overlapping,
    structure_evidence,
    uncorrected,
    unequal_errors,
)
from loyalty_analysis.rules import Evidence, p_value
from loyalty_analysis.survey import Survey
from loyalty_analysis.testable import contrast_of, home, why_not

MEASUREMENT = "measurement_error"


@dataclass(frozen=True)
class Case:
    """One claim on one outcome: its evidence, or why there is none.

    ``components`` holds the evidence of each thing that must hold: one for most estimands; for
    ``largest`` the slope itself and its difference to every rival. ``twins`` holds the same,
    corrected for measurement error, for claims that compare constructs; ``untwinned`` says why
    measurement takes back a verdict where there is none. ``warned`` has the codes of gates that the
    study turned into warnings. ``against`` is a reason that keeps it from being supported.
    ``bent`` is the product that a claim is about with the squares of its sides held constant.
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
    bent: tuple[Evidence, ...] = ()

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

    @property
    def of_scores(self) -> Case:
        """The same case on scores alone: nothing is corrected for measurement error."""
        parts = tuple(part.of_scores for part in self.parts)
        return replace(self, twins=(), untwinned="", parts=parts)

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
    """A claim without parts, in the first model of the study that can test it."""
    survey = home(claim, outcome, survey)
    column, turned = contrast_of(claim, survey) or ("", False)
    reason = (
        why_not(claim, outcome, survey)
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
    if not own:
        return Case(claim, outcome, reason="no_estimate")
    bent = bent_evidence(claim, outcome, survey, found.known)
    against = _turned_round(claim, outcome, survey, found)
    case = replace(case, components=own, bent=bent, against=against)
    unequal = column and unequal_errors(survey.study, found.invariance, column)
    if claim.estimand == "slope_difference" and unequal:
        why = f"{MEASUREMENT}: loadings or error variances differ between groups of {column}"
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
