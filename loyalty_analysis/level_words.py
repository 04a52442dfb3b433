"""Claims about levels in plain words: what was found, and the direction that is claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_analysis.claims import members_of
from loyalty_analysis.formatting import capitalised, in_sentence, listing, number

if TYPE_CHECKING:
    from loyalty_analysis.claims import Claim
    from loyalty_analysis.rules import Evidence
    from loyalty_analysis.study import Study


def level_sentence(claim: Claim, outcome: str, evidence: Evidence, study: Study) -> str:
    """Say what was found for a claim about levels, without the verdict.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> from loyalty_analysis.rules import Evidence
    >>> from loyalty_analysis.study import load_study
    >>> claim = Claim(id="x", text="", estimand="step_difference", outcome="repurchase",
    ...               term="level", versus=("upper", "lower"), sign="-")
    >>> found = Evidence(-0.1, 0.02, 990, -0.14, -0.06, 1000)
    >>> print(level_sentence(claim, "repurchase", found, load_study("rice_simulated")))
    The mean step of repurchase intention above the middle level is 0.10 SD smaller than below it
    (95% interval −0.14 to −0.06)
    """
    label = in_sentence(study.label(outcome))
    size, up = f"{number(abs(evidence.estimate))} SD", evidence.estimate > 0
    interval = f"(95% interval {number(evidence.conf_low)} to {number(evidence.conf_high)})"
    first, second = claim.versus
    if claim.estimand in ("steps", "mean_difference", "ordered_means"):
        way = "above" if up else "below"
        held = ", controls held constant" if study.model.controls else ""
        return (
            f"{capitalised(label)} at {_levels(first)} lies {size} {way} that at {_levels(second)}"
            f"{held} {interval}"
        )
    if claim.estimand == "penalty_reward":
        low, _, middle = first.partition(" - ")
        high, way = second.partition(" - ")[0], "more" if up else "less"
        return (
            f"{capitalised(label)} at '{low}' lies {size} {way} below that at '{middle}' than that "
            f"at '{high}' lies above it {interval}"
        )
    way = "larger" if up else "smaller"
    if " - " not in first:
        above, below = "above the middle level", "below it"
        sides = (above, below) if first == "upper" else ("below the middle level", "above it")
        return f"The mean step of {label} {sides[0]} is {size} {way} than {sides[1]} {interval}"
    return (
        f"The step of {label} {_step(first)} is {size} {way} than that {_step(second)} {interval}"
    )


def _levels(side: str) -> str:
    """Name the level of a side, or those whose respondents it pools."""
    names = [f"'{name}'" for name in members_of(side)]
    return (
        f"the level {names[0]}" if len(names) == 1 else f"the levels {listing(names, 9)} together"
    )


def _step(text: str) -> str:
    to, _, start = text.partition(" - ")
    return f"from '{start}' to '{to}'"


def level_direction(claim: Claim) -> str:
    """The direction that a claim about levels states.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> claim = Claim(id="x", text="", estimand="mean_difference", outcome="search", term="level",
    ...               versus=("meets", "delights"), sign="+")
    >>> level_direction(claim)
    'higher at meets than delights'
    """
    if claim.sign not in ("+", "-"):
        words = {"none": "no difference", "any": "a difference", "not_negative": "not lower"}
        return words[claim.sign]
    up = claim.sign == "+"
    if claim.estimand in ("steps", "mean_difference"):
        first, second = (side.replace(" + ", " or ") for side in claim.versus)
        return f"{'higher' if up else 'lower'} at {first} than {second}"
    if claim.estimand == "penalty_reward":
        return "costs more than it gains" if up else "gains more than it costs"
    upward = claim.versus[0] == "upper" or _follows(*claim.versus)
    if upward:
        return "gains grow" if up else "gains diminish"
    return f"{'larger' if up else 'smaller'} step"


def _follows(first: str, second: str) -> bool:
    """Whether the first step begins where the second ends."""
    return first.partition(" - ")[2] == second.partition(" - ")[0] != ""
