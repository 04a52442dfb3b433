"""Whether a claim can be tested on a survey, and in which of its models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from loyalty_analysis.claims import LEVELS, SHARES, SLOPES, TYPES, Claim, members_of
from loyalty_analysis.contrasts import missing_groups
from loyalty_analysis.equations import equation_of
from loyalty_analysis.levels import why_no_levels
from loyalty_analysis.structures import unfit
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.typology import why_no_types


def home(claim: Claim, outcome: str, survey: Survey) -> Survey:
    """The survey with the first of its models in which a claim can be tested; else as it is.

    An indirect effect belongs where its mediators have equations of their own, and parts of one
    claim belong together: a model that merely holds one as a driver comes after those.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers", ["models.few={drivers = ['image', 'satisfaction']}"])
    >>> claim = Claim(id="x", text="", estimand="total", outcome="loyalty", term="satisfaction",
    ...               versus=("image",), sign="+")
    >>> home(claim, "loyalty", survey).study.part
    'few'
    """
    views = (survey.model(part) for part in survey.study.parts)
    first = None
    for view in views:
        if not why_not(claim, outcome, view):
            first = first or view
            if _belongs(claim, outcome, view.study):
                return view
    return first or survey


def _belongs(claim: Claim, outcome: str, study: Study) -> bool:
    if claim.estimand == "indirect":
        return leads_through(claim, study)
    equation = equation_of(study, claim.estimand, outcome)
    return equation is None or set(claim.siblings) <= set(equation.terms)


def leads_through(claim: Claim, study: Study) -> bool:
    """Whether each mediator of a path has an equation that holds what stands before it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> claim = Claim(id="x", text="", estimand="indirect", outcome="repurchase", term="value",
    ...               through=("satisfaction",), sign="+")
    >>> study = load_study("full_simulated")
    >>> [part for part in study.parts if leads_through(claim, study.view(part))]
    ['value']
    """
    for before, mediator in pairwise((claim.term, *claim.through)):
        equation = equation_of(study, "path", mediator)
        if equation is None or before not in equation.terms:
            return False
    return True


def why_not(claim: Claim, outcome: str, survey: Survey) -> str:
    """Reason code for a claim that cannot be tested in the survey's own model; empty when it can.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="total", outcome="loyalty", term="price", sign="+")
    >>> why_not(claim, "loyalty", read_survey("bank_customers"))
    'missing_construct: price'
    """
    study = survey.study
    if claim.estimand in LEVELS:
        return why_no_levels(claim, survey) or _no_outcome(outcome, survey)
    if claim.estimand in TYPES:
        return why_no_types(claim, survey, outcome) or _no_outcome(outcome, survey)
    named = list(claim.constructs)
    known = {*study.constructs, *study.model.controls, *study.model.moderators}
    missing = [name for name in dict.fromkeys([*named, outcome]) if name and name not in known]
    if missing:
        return f"missing_construct: {', '.join(missing)}"
    if claim.estimand == "rival_models":
        return _listed(single_item=unfit(study, claim.versus))
    if "+" in claim.term and claim.estimand not in (*SHARES, *SLOPES):
        return f"estimand_not_built: {claim.estimand} of a set"
    equation = equation_of(study, claim.estimand, outcome)
    if equation is None:
        lacking = claim.estimand == "direct" and study.model.mediator is None
        if lacking:
            return "no_mediator"
        # An outcome has equations, but a path is a step on the way to one.
        return f"{'no_step' if outcome in study.model.outcomes else 'no_equation'}: {outcome}"
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
    return _absent(equation.focal, members_of(claim.term)) or _absent(beside, claim.versus)


def _no_outcome(outcome: str, survey: Survey) -> str:
    """Reason code where an outcome that levels or types are compared on is none of the study."""
    study = survey.study
    if outcome not in study.constructs:
        return f"missing_construct: {outcome}"
    return "" if outcome in study.model.outcomes else f"no_equation: {outcome}"


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
