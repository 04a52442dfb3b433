"""Claims about types of loyalty, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_analysis.formatting import in_sentence, number

if TYPE_CHECKING:
    from loyalty_analysis.claims import Claim
    from loyalty_analysis.rules import Evidence
    from loyalty_analysis.study import Study

CUSTOMERS = {
    "none": "customers without loyalty",
    "inertia": "customers loyal by inertia",
    "latent": "latently loyal customers",
    "premium": "premium customers",
}


def customers(name: str) -> str:
    """Name the customers of a type.

    Examples
    --------
    >>> customers("inertia")
    'customers loyal by inertia'
    """
    return CUSTOMERS.get(name, f"{name} customers")


def type_sentence(claim: Claim, outcome: str, evidence: Evidence, study: Study) -> str:
    """Say how far two types lie apart on an outcome; without the full stop.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> from loyalty_analysis.rules import Evidence
    >>> from loyalty_analysis.study import load_study
    >>> claim = Claim(id="x", text="", estimand="ordered_means", outcome="advocacy", term="type",
    ...               versus=("premium", "latent"), sign="+")
    >>> found = Evidence(0.3, 0.05, 240, 0.2, 0.4, 250)
    >>> print(type_sentence(claim, "advocacy", found, load_study("rice_simulated")))
    Mean advocacy of premium customers lies 0.30 SD above that of latently loyal customers,
    controls held constant (95% interval 0.20 to 0.40)
    """
    upper, lower = claim.versus
    way = "above" if evidence.estimate > 0 else "below"
    held = ", controls held constant" if study.model.controls else ""
    return (
        f"Mean {in_sentence(study.label(outcome))} of {customers(upper)} lies "
        f"{number(abs(evidence.estimate))} SD {way} that of {customers(lower)}{held} "
        f"(95% interval {number(evidence.conf_low)} to {number(evidence.conf_high)})"
    )


def type_direction(claim: Claim) -> str:
    """The direction that a claim about types states.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> claim = Claim(id="x", text="", estimand="ordered_means", outcome="advocacy", term="type",
    ...               versus=("premium", "latent"), sign="+")
    >>> type_direction(claim)
    'premium above latent'
    """
    upper, lower = claim.versus
    if claim.sign == "none":
        return f"{upper} as {lower}"
    words = {"+": "above", "-": "below", "any": "unlike"}
    return f"{upper} {words.get(claim.sign, 'not below')} {lower}"
