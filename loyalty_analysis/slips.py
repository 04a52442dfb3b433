"""What a study may say and yet hardly means: allowed, but it looks like a slip of the pen."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from loyalty_analysis.claims import LEVELS, LOYALTY, TYPES, Claim, load_claims
from loyalty_analysis.errors import did_you_mean
from loyalty_analysis.levels import why_no_levels
from loyalty_analysis.preparation import as_text
from loyalty_analysis.survey import Survey
from loyalty_analysis.typology import TYPES as FOUR
from loyalty_analysis.typology import why_no_types

# How alike two names must be; shipped claims are left alone, as a study may lack what they name.
_ALIKE = 0.8


def slips(survey: Survey) -> list[str]:
    """Find what would make a claim *not testable* by a slip, in sentences.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    list of str
        Constructs that claims of the study's own name almost as it declares them, levels and
        types that they name and nobody has, values of contrasts that nobody analysed has, and
        what the survey itself warns of.

    Raises
    ------
    ClaimError
        When a claim set is missing or malformed.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> slips(read_survey("mobile_customers"))
    []
    """
    study = survey.study
    own = {name.removesuffix(".toml") for name in study.claims if name.endswith(".toml")}
    found = []
    for claims in load_claims(study):
        if claims.name in own:
            found += [slip for claim in claims.claims for slip in _misspelt(claim, survey)]
    return [*found, *_values(survey), *survey.warnings]


def _misspelt(claim: Claim, survey: Survey) -> list[str]:
    known = [*survey.study.constructs, *survey.study.model.controls, LOYALTY]
    found = {}
    for one in [claim, *(claim.part(part) for part in claim.parts)]:
        outcomes = (one.outcome,) if isinstance(one.outcome, str) else one.outcome
        for name, names in _unknown_places(one, survey).items():
            found[name] = f"claim {claim.id} names '{name}'. {did_you_mean(name, names)}"
        for name in [*one.constructs, *outcomes]:
            close = get_close_matches(name, known, n=1, cutoff=_ALIKE)
            if close and name not in known:
                found[name] = f"claim {claim.id} names '{name}'. Did you mean '{close[0]}'?"
    return list(found.values())


def _unknown_places(claim: Claim, survey: Survey) -> dict[str, Sequence[str]]:
    """Levels and types of a claim that nobody has, each with the names there are."""
    levels = survey.study.levels
    if claim.estimand in LEVELS and levels is not None:
        reason, names = why_no_levels(claim, survey), levels.names
    elif claim.estimand in TYPES:
        reason, names = why_no_types(claim, survey), FOUR
    else:
        return {}
    code, _, unknown = reason.partition(": ")
    return dict.fromkeys(unknown.split(", "), names) if code.startswith("unknown_") else {}


def _values(survey: Survey) -> list[str]:
    if survey.frame is None:
        return []
    found = []
    for column, contrast in survey.study.contrasts.items():
        values = set(as_text(survey.frame[column]))
        found += [
            f"contrasts.{column}: nobody analysed has '{value}'. {did_you_mean(value, values)}"
            for value in contrast.sides
            if value not in values
        ]
    return found
