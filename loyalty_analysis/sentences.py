"""Findings in plain words: each sentence is a function of a result and is tested at its edges."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import pandas as pd

from loyalty_analysis.careless import fastest
from loyalty_analysis.claims import LEVELS, NEGLIGIBLE, SHARES, TYPES, members_of
from loyalty_analysis.experiment import causal_words
from loyalty_analysis.formatting import in_sentence, listing, number
from loyalty_analysis.level_words import level_direction, level_sentence
from loyalty_analysis.rules import LEAST_DF, weakest
from loyalty_analysis.type_words import type_direction, type_sentence

if TYPE_CHECKING:
    from loyalty_analysis.cases import Case
    from loyalty_analysis.claims import Claim
    from loyalty_analysis.rules import Evidence, Ruling
    from loyalty_analysis.study import Study
    from loyalty_analysis.survey import Survey

REASONS = {
    "includes_zero": "the interval includes zero and is too wide to call it negligible",
    "straddles_bound": "the interval straddles the smallest size of interest",
    "multiplicity": "not significant after Holm's correction for the whole claim set",
    "few_clusters": "too few clusters, under four degrees of freedom",
    "few_respondents": "too few respondents, under four degrees of freedom",
    "size_unresolved": "the sign is clear, the size is not",
    "no_mediator": "the study has no mediator",
    "needs_respondents": "only moments are known, not respondents",
    "missing_construct": "not measured here",
    "missing_outcome": "no such outcome here",
    "missing_contrast": "the study declares no such contrast",
    "missing_group": "a group is missing or too small",
    "no_rival": "no other driver to compare with",
    "no_equation": "the study has no equation for it",
    "no_step": "an outcome here, but the claim takes it for a step on the way to one",
    "not_in_model": "measured, but not in the equation it is needed in",
    "unknown_level": "no such level",
    "missing_level": "too few respondents at",
    "unknown_type": "no such type",
    "missing_type": "too few customers of the type",
    "part_of_typing": "the outcome is part of the typing",
    "many_levels": "a category with more than two levels",
    "estimand_not_built": "this version cannot judge it yet",
    "measurement_error": "scores, and scores corrected for measurement error, do not agree",
    "curvature": "a slope that bends would look the same: with squares held constant it differs",
    "negative_slope": "it accounts for most, but goes with less of the outcome",
    "low_reliability": "measured too unreliably",
    "not_distinct": "cannot be told apart as measured here",
    "not_invariant": "the items do not mean the same in each group",
    "inadmissible": "the measurement model has no admissible solution for",
    "single_item": "measured by one item",
    "no_structure": "no structure of these constructs was fitted",
    "no_solution": "no solution was found for",
    "structures_tie": "no structure is ahead by likelihood of respondents left out, AIC and BIC",
    "poor_fit": "the structure is ahead of its rivals but does not fit",
    "no_estimate": "the results hold no estimate of it",
    "claim_not_testable": "another part cannot be tested",
}


def explain(reason: str) -> str:
    """Put a reason code into words.

    Examples
    --------
    >>> explain("missing_construct: usability")
    'not measured here: usability'
    >>> explain("")
    ''
    """
    parts = []
    for one in filter(None, reason.split("; ")):
        code, _, detail = one.partition(": ")
        words = REASONS.get(code, code.replace("_", " "))
        parts.append(f"{words}: {detail}" if detail else words)
    return "; ".join(dict.fromkeys(parts))


def rule_label(rule: str, study: Study) -> str:
    """Name an attrition rule as a reader knows it: a construct by its label.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> rule_label("affective missing", study), rule_label("too_fast excluded", study)
    ('Affective commitment missing', 'answered in less than 54 seconds (excluded)')
    >>> rule_label("straight_lining excluded", study)
    'one answer to all items of a scale (excluded)'
    """
    if rule == "straight_lining excluded":
        return "one answer to all items of a scale (excluded)"
    if rule == "too_fast excluded":
        return f"answered in less than {fastest(study):g} seconds (excluded)"
    name = rule.removesuffix(" missing")
    return f"{study.label(name)} missing" if name in study.constructs else rule


def range_of(low: float, high: float) -> str:
    """Print a 95% interval inside a sentence.

    Examples
    --------
    >>> range_of(0.1, 0.3)
    '95% interval 0.10 to 0.30'
    """
    return f"95% interval {number(low)} to {number(high)}"


def verdict_sentence(
    case: Case, ruling: Ruling, evidence: Evidence | None, survey: Survey, guide: str
) -> str:
    """Say in one sentence what was found for a claim, and why that is the verdict.

    Parameters
    ----------
    case : Case
    ruling : Ruling
    evidence : Evidence or None
        The component the claim hangs on; None for a claim with parts or one not testable.
    survey : Survey
    guide : str
        How many respondents or clusters would about settle it; empty when settled.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> from loyalty_analysis.rules import Evidence, Ruling
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.cases import Case
    >>> claim = Claim(id="x", text="", estimand="total", outcome="loyalty", term="image", sign="+")
    >>> evidence = Evidence(0.3, 0.05, 240, 0.2, 0.4, 250)
    >>> case, survey = Case(claim, "loyalty", (evidence,)), read_survey("bank_customers")
    >>> print(verdict_sentence(case, Ruling("supported", "clear"), evidence, survey, ""))
    One SD more image goes with 0.30 SD more loyalty (95% interval 0.20 to 0.40); supported.
    """
    if ruling.verdict == "not testable":
        return f"Not testable: {explain(ruling.reason)}."
    if evidence is None:
        return f"{_of_parts(case, ruling)}"
    said = f"{_what(case, evidence, survey.study)}; {ruling.verdict}"
    why = explain(ruling.reason)
    said += f" ({why})" if why else ""
    said += f": {guide} would about settle it." if guide else "."
    said = f"{said} {_corrected(case, survey.study)}".rstrip()
    said = f"{said} {_bent(case)}".rstrip()
    said = f"{said} {causal_words(survey.study, case.claim)}".rstrip()
    warned = f" Judged with a warning: {explain(case.warned)}." if case.warned else ""
    return f"{said}{warned}"


def _corrected(case: Case, study: Study) -> str:
    """What slopes corrected for measurement error say, for claims that need both to agree."""
    if not case.twins:
        return "No slope corrected for measurement error is to be had." if case.untwinned else ""
    leads = [one for one in case.twins if one.label]
    twin = weakest(leads or case.twins, case.claim.sign)
    value, interval = number(twin.estimate), range_of(twin.conf_low, twin.conf_high)
    if case.claim.estimand in SHARES:
        value, interval = points_of(twin.estimate), _points_range(twin)
    what = f" a lead of {value} over" if leads else f" {value}"
    rival = f" {joined(twin.label, study)}" if leads else ""
    return f"Corrected for measurement error:{what}{rival} ({interval})."


def _bent(case: Case) -> str:
    """What is left of a product once slopes may bend."""
    if not case.bent:
        return ""
    [bent] = case.bent
    interval = range_of(bent.conf_low, bent.conf_high)
    return f"With the squares of both held constant: {number(bent.estimate)} ({interval})."


def points_of(share: float) -> str:
    """A share of explained variance in percentage points.

    Examples
    --------
    >>> points_of(0.0123)
    '1.2 points'
    """
    return f"{number(100 * share, 1)} points"


def _points_range(evidence: Evidence) -> str:
    low, high = number(100 * evidence.conf_low, 1), number(100 * evidence.conf_high, 1)
    return f"95% interval {low} to {high} points"


def joined(name: str, study: Study) -> str:
    """Labels of a construct, or of a set written ``a + b``, inside a sentence.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> joined("affective + forced", load_study("rice_simulated"))
    'affective commitment and forced commitment'
    """
    return listing([in_sentence(study.label(one)) for one in members_of(name)], 9)


def _of_parts(case: Case, ruling: Ruling) -> str:
    count = len(case.parts)
    return {
        "supported": f"All {count} parts are supported.",
        "contradicted": f"At least one of {count} parts is contradicted.",
        "negligible": f"None of {count} parts is contradicted, at least one is negligible.",
        "inconclusive": f"At least one of {count} parts cannot be told: {explain(ruling.reason)}.",
    }[ruling.verdict]


def _what(case: Case, evidence: Evidence, study: Study) -> str:
    claim = case.claim
    outcome, value = in_sentence(study.label(case.outcome)), abs(evidence.estimate)
    interval = range_of(evidence.conf_low, evidence.conf_high)
    if claim.estimand == "rival_models":
        return _structure(case, evidence)
    if claim.estimand in LEVELS:
        return level_sentence(claim, case.outcome, evidence, study)
    if claim.estimand in TYPES:
        return type_sentence(claim, case.outcome, evidence, study)
    term = joined(claim.term, study)
    if claim.estimand in SHARES:
        return _lead_in_variance(case, evidence, study)
    if claim.estimand == "slope_difference":
        a, b = claim.versus
        way = "larger" if evidence.estimate > 0 else "smaller"
        return (
            f"The standardized slope of {term} on {outcome} is {number(value)} {way} for {a} than "
            f"for {b} ({interval})"
        )
    if claim.estimand == "interaction":
        sides = " x ".join(in_sentence(study.label(one)) for one in claim.term.split(":"))
        return (
            f"One SD more of one goes with a slope of the other on {outcome} that is "
            f"{number(value)} {'higher' if evidence.estimate > 0 else 'lower'} "
            f"({sides}, {interval})"
        )
    if evidence.label:
        rival = in_sentence(study.label(evidence.label))
        way = "above" if evidence.estimate > 0 else "below"
        return (
            f"The standardized slope of {term} on {outcome} lies {number(value)} {way} that of "
            f"{rival}, the smallest of its leads (of that smallest lead, {interval})"
        )
    more = "more" if evidence.estimate > 0 else "less"
    term = f"{term} at once" if len(members_of(claim.term)) > 1 else term
    through = " and then ".join(in_sentence(study.label(name)) for name in claim.through)
    along = f" by way of {through}" if claim.estimand == "indirect" else ""
    return f"One SD more {term} goes with {number(value)} SD {more} {outcome}{along} ({interval})"


def _lead_in_variance(case: Case, evidence: Evidence, study: Study) -> str:
    term, rival = joined(case.claim.term, study), joined(evidence.label, study)
    outcome = in_sentence(study.label(case.outcome))
    verb = "account" if len(members_of(case.claim.term)) > 1 else "accounts"
    way = "more" if evidence.estimate > 0 else "less"
    least = ", the smallest of its leads" if len(case.components) > 1 else ""
    what = f"of that smallest lead, {_points_range(evidence)}" if least else _points_range(evidence)
    return (
        f"Of the variance of {outcome}, {term} {verb} for {points_of(abs(evidence.estimate))} "
        f"{way} than {rival}{least} ({what})"
    )


def _structure(case: Case, evidence: Evidence) -> str:
    assert case.structures is not None
    first = case.structures.iloc[0]
    way = "above" if evidence.estimate > 0 else "below"
    return (
        f"The log likelihood per respondent of {first['model']} lies "
        f"{number(abs(evidence.estimate), 3)} {way} that of {evidence.label}, the closest rival "
        f"(95% interval {number(evidence.conf_low, 3)} to {number(evidence.conf_high, 3)}); CFI "
        f"{number(first['cfi'])}, RMSEA {number(first['rmsea'])}, SRMR {number(first['srmr'])}"
    )


def direction(claim: Claim) -> str:
    """The direction a claim states, in plain words.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> direction(Claim(id="x", text="", estimand="total", outcome="y", term="a", sign="-"))
    'lowers'
    """
    if claim.parts:
        parts = [claim.part(part) for part in claim.parts]
        if all((part.estimand, part.sign) == ("steps", "+") for part in parts):
            return "higher at each level"
        return " / ".join(dict.fromkeys(direction(part) for part in parts))
    if claim.estimand in LEVELS:
        return level_direction(claim)
    if claim.estimand in TYPES:
        return type_direction(claim)
    if claim.estimand in ("largest", "largest_share"):
        return "largest" if claim.sign == "+" else "most negative"
    if claim.estimand == "indirect" and claim.sign in ("+", "-"):
        return f"works through ({'+' if claim.sign == '+' else '−'})"
    if claim.estimand == "share_difference" and claim.sign in ("+", "-"):
        return f"explains {'more' if claim.sign == '+' else 'less'}"
    if claim.estimand == "slope_difference":
        return f"{'larger' if claim.sign == '+' else 'smaller'} for {claim.versus[0]}"
    if claim.estimand == "rival_models":
        return "fits best"
    words = {"+": "raises", "-": "lowers", "none": "adds nothing", "any": "associated"}
    return words.get(claim.sign, "does not lower")


def answer(survey: Survey, results: dict[str, pd.DataFrame], verdicts: pd.DataFrame) -> list[str]:
    """Answer a study in at most three sentences.

    Returns
    -------
    list of str
        What goes with the mediator (or the first outcome), what forced commitment goes with where
        it is measured (else what goes most with each outcome), and what cannot be told and why.

    Examples
    --------
    >>> from loyalty_analysis.analysis import analyse
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.verdicts import judge
    >>> survey = read_survey("mobile_customers")
    >>> results = analyse(survey, everything=False)
    >>> print(answer(survey, results, judge(survey, results))[0])
    Satisfaction goes with likeability (standardized slope 0.44, 0.33 to 0.55) and competence
    (standardized slope 0.13, 0.01 to 0.24), strongest first.
    """
    study, table = survey.study, results["regression"]
    first = study.model.mediator or next(iter(study.model.outcomes))
    model = first if study.model.mediator else f"{first}.total"
    said = [_strongest(table, model, study)]
    others = [f"{name}.total" for name in study.model.outcomes if f"{name}.total" != model]
    if "forced" in study.model.drivers:
        said.append(_one_driver(table, [model, *others], "forced", study))
    elif others:
        said.append(" ".join(_strongest(table, other, study) for other in others[:2]))
    return [*said, untold(verdicts)]


def _strongest(table: pd.DataFrame, model: str, study: Study) -> str:
    rows = table[(table["model"] == model) & table["term"].isin(study.model.drivers)]
    outcome = in_sentence(study.label(rows["outcome"].iloc[0]))
    told = rows[[told_side(row) != 0 for row in rows.itertuples()]]
    if told.empty:
        return f"No driver can be told to go with higher or lower {outcome}."
    ordered = told.reindex(told["beta"].abs().sort_values(ascending=False).index)
    listed = [_slope_words(row, study) for _, row in ordered.head(3).iterrows()]
    text = f"{outcome[:1].upper()}{outcome[1:]} goes with {listing(listed)}"
    if len(listed) == 1:
        return f"{text}."
    first, second = (sorted(map(abs, ends)) for ends in _intervals(ordered.head(2)))
    apart = second[1] < first[0]
    pair = "two" if len(listed) == 2 else "first two"
    order = "strongest first" if apart else f"and which of the {pair} is stronger cannot be told"
    return f"{text}, {order}."


def _intervals(rows: pd.DataFrame) -> list[tuple[float, float]]:
    return list(zip(rows["beta_low"], rows["beta_high"], strict=True))


def _slope_words(row: pd.Series, study: Study) -> str:
    low, high = number(row["beta_low"]), number(row["beta_high"])
    term = in_sentence(study.label(row["term"]))
    return f"{term} (standardized slope {number(row['beta'])}, {low} to {high})"


def _one_driver(table: pd.DataFrame, models: list[str], driver: str, study: Study) -> str:
    ways: dict[str, list[str]] = {"higher": [], "lower": [], "negligible": [], "untold": []}
    for model in models:
        row = table[(table["model"] == model) & (table["term"] == driver)].iloc[0]
        ways[_way(row)].append(
            f"{in_sentence(study.label(row['outcome']))} ({number(row['beta'])})"
        )
    label = study.label(driver)
    parts = [f"{way} {listing(ways[way], 9)}" for way in ("lower", "higher") if ways[way]]
    said = [f"{label} goes with {' and with '.join(parts)}"] if parts else []
    others = {"negligible": "its slope is negligible for", "untold": "no direction can be told for"}
    said += [f"{words} {listing(ways[way], 9)}" for way, words in others.items() if ways[way]]
    return f"{'' if parts else f'{label}: '}{'; '.join(said)}."


def _way(row: pd.Series) -> str:
    """Say as the verdicts would where a standardized slope lies; ``untold`` when they could not."""
    bound = NEGLIGIBLE["total"]
    if enough(row) and -bound < row["beta_low"] and row["beta_high"] < bound:
        return "negligible"
    return {1: "higher", -1: "lower", 0: "untold"}[told_side(row)]


def enough(row: Any) -> bool:
    """Whether the errors of a slope rest on the degrees of freedom that a verdict asks for.

    Examples
    --------
    >>> bool(enough(pd.Series({"df": 6.0, "beta_df": 3.0})))
    False
    """
    return bool(min(getattr(row, "df", inf), getattr(row, "beta_df", inf)) >= LEAST_DF)


def told_side(row: Any) -> int:
    """Side of zero that a standardized slope can be told to lie on: 1, -1, or 0 when it cannot.

    Examples
    --------
    >>> told_side(pd.Series({"beta_low": 0.1, "beta_high": 0.3, "df": 6.0, "beta_df": 7.0}))
    1
    >>> told_side(pd.Series({"beta_low": 0.1, "beta_high": 0.3, "df": 1.5, "beta_df": 2.0}))
    0
    """
    return int(row.beta_low > 0) - int(row.beta_high < 0) if enough(row) else 0


def untold(verdicts: pd.DataFrame) -> str:
    """Count the verdicts, and say why claims cannot be told or tested.

    Examples
    --------
    >>> untold(pd.DataFrame({"part": [""], "verdict": ["supported"], "reason": [""]}))
    'The one claim is supported.'
    """
    whole = verdicts[verdicts["part"] == ""]
    open_rows = whole[whole["verdict"] == "inconclusive"]
    closed = whole[whole["verdict"] == "not testable"]
    settled = whole[whole["verdict"].isin(_SETTLED)]
    if len(whole) == len(settled) == 1:
        return f"The one claim is {settled['verdict'].iloc[0]}."
    total = f"Of {len(whole)} verdict{'s' * (len(whole) > 1)}"
    said = []
    if len(settled):
        counts = settled["verdict"].value_counts().reindex(_SETTLED).dropna().astype(int)
        first, *others = (f"{count} {verdict}" for verdict, count in counts.items())
        verb = "is" if counts.iloc[0] == 1 else "are"
        said.append(listing([first.replace(" ", f" {verb} ", 1), *others], 9))
    if len(open_rows):
        said.append(f"{len(open_rows)} {_is(open_rows)} inconclusive: {_commonest(open_rows)}")
    if len(closed):
        said.append(f"{len(closed)} {_is(closed)} not testable: {_commonest(closed)}")
    return f"{total}, {'; '.join(said)}."


_SETTLED = ["supported", "contradicted", "negligible"]


def _is(rows: pd.DataFrame) -> str:
    return "is" if len(rows) == 1 else "are"


def _commonest(rows: pd.DataFrame) -> str:
    codes = rows["reason"].str.split("[:;]").str[0].value_counts()
    most = "most often, " if len(codes) > 1 else ""
    return f"{most}{explain(str(codes.index[0]))} ({codes.iloc[0]})"
