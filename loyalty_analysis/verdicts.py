"""Verdicts: claim + evidence + rule + one sentence. Nothing is estimated here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import nan

import pandas as pd

from loyalty_analysis.cases import MEASUREMENT, Case, cases_of
from loyalty_analysis.claims import ClaimSet, load_claims
from loyalty_analysis.evidence import findings, rule_structures
from loyalty_analysis.results import whole
from loyalty_analysis.rules import (
    INCONCLUSIVE,
    NOT_TESTABLE,
    SUPPORTED,
    Evidence,
    Ruling,
    holm,
    needed_n,
    rule_all,
    ruling_of_parts,
)
from loyalty_analysis.sentences import verdict_sentence
from loyalty_analysis.survey import Survey

COLUMNS = [
    "claim_set", "claim", "part", "text", "source", "reference", "outcome", "estimand", "term",
    "sign", "negligible", "estimate", "conf_low", "conf_high", "p_value", "p_holm", "n",
    "verdict", "size", "reason", "sentence",
]  # fmt: skip


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
    rows, families, found = [], {}, findings(whole(results))
    for claims in load_claims(survey.study):
        cases = [case for claim in claims.claims for case in cases_of(claim, survey, found)]
        family = [case.p_value for case in cases if case.testable]
        families[claims.name] = len(family)
        for case in cases:
            rows += _rows(case, claims, family, survey)
    table = pd.DataFrame(rows, columns=COLUMNS)
    table.attrs["families"] = families
    return table


def judge_scores(survey: Survey, results: dict[str, pd.DataFrame], outcome: str) -> pd.DataFrame:
    """Judge the claims about one outcome on scores alone, as far as results hold their evidence.

    No gate is asked and nothing is corrected for measurement error: a first look, which
    :func:`judge` need not confirm.

    Parameters
    ----------
    survey : Survey
    results : dict of str to DataFrame
        regression and contrasts.
    outcome : str

    Returns
    -------
    DataFrame
        Rows of :func:`judge` for claims that can be tested; Holm's family are those of a claim set.

    Examples
    --------
    >>> from loyalty_analysis.regression import regression
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.tidy import CONTRASTS
    >>> survey = read_survey("bank_customers")
    >>> known = {"regression": regression(survey), "contrasts": pd.DataFrame(columns=CONTRASTS)}
    >>> judge_scores(survey, known, "satisfaction").loc[2:, ["claim", "part", "verdict"]]
      claim         part       verdict
    2    E3  expectation  inconclusive
    3    E3      quality  inconclusive
    4    E3        value     supported
    """
    rows, found = [], findings(results)
    for claims in load_claims(survey.study):
        about = [claim for claim in claims.claims if outcome in claim.outcomes(survey.study)]
        asked = [claim for claim in about if claim.estimand != "rival_models"]
        cases = [case.of_scores for claim in asked for case in cases_of(claim, survey, found)]
        cases = [case for case in cases if case.outcome == outcome and case.testable]
        family = [case.p_value for case in cases]
        for case in cases:
            rows += _rows(case, claims, family, survey)
    return pd.DataFrame(rows, columns=COLUMNS)


def ruling(case: Case, p_holm: float) -> tuple[Ruling, Evidence]:
    """Rule on a case without parts; also return the evidence that is judged and shown.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> from loyalty_analysis.rules import Evidence
    >>> claim = Claim(id="x", text="", estimand="total", outcome="y", sign="+", size="clear")
    >>> case = Case(claim, "y", (Evidence(0.2, 0.08, 200, 0.04, 0.36, 210),))
    >>> ruling(case, 0.01)[0]
    Ruling(verdict='inconclusive', size='', reason='size_unresolved')
    """
    claim = case.claim
    if case.structures is not None:
        found, shown = rule_structures(case.structures, case.components, p_holm)
        if found.verdict == SUPPORTED and case.untwinned:
            found = Ruling(INCONCLUSIVE, reason=case.untwinned)
        return found, shown
    found, shown = rule_all(case.components, claim.sign, claim.bound, p_holm)
    if case.twins or case.untwinned:
        # Whether both agree is asked before Holm, whose p value is the larger of theirs.
        alone, _ = rule_all(case.components, claim.sign, claim.bound, 0.0)
        twin, across = None, False
        if case.twins:
            twin, latent = rule_all(case.twins, claim.sign, claim.bound, 0.0)
            opposed = latent.estimate * shown.estimate < 0
            across = claim.sign == "any" and alone.verdict == SUPPORTED and opposed
        agree = twin is not None and twin.verdict == alone.verdict and not across
        if alone.verdict != INCONCLUSIVE and not agree:
            return Ruling(INCONCLUSIVE, reason=case.untwinned or MEASUREMENT), shown
        if twin is not None and twin.size != found.size and found.size:
            found = replace(found, size="unresolved")
    if case.bent and found.verdict != INCONCLUSIVE:
        straight, _ = rule_all(case.components, claim.sign, claim.bound, 0.0)
        held, _ = rule_all(case.bent, claim.sign, claim.bound, 0.0)
        if held.verdict != straight.verdict:
            return Ruling(INCONCLUSIVE, reason="curvature"), shown
    if found.verdict == SUPPORTED and case.against:
        return Ruling(INCONCLUSIVE, reason=case.against), shown
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
    # More of the same respondents mend neither measurement nor four degrees of freedom.
    other = (MEASUREMENT, "few_", "negative_slope", "curvature")
    more_data = not found.reason.startswith(other) and case.structures is None
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
