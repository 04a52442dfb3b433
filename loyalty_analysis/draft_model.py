"""The model and the claims of a draft, as far as names of constructs suggest them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from loyalty_analysis.claims import LEVELS, LOYALTY, TYPES, Claim, read_claims, shipped_sets
from loyalty_analysis.draft_names import OUTCOMES
from loyalty_analysis.draft_parts import Draft

FIVE = ("affective", "normative", "economic", "forced", "habitual")
# Constructs that are used otherwise than as drivers of [model].
_NOT_DRIVERS = ("attitude", "patronage", "level", "marker", "tenure")


def with_model(found: Draft) -> Draft:
    """Guess drivers, mediator and outcomes from the names of constructs.

    Examples
    --------
    >>> from loyalty_analysis.draft_parts import Drafted
    >>> from loyalty_analysis.draft_roles import Roles
    >>> from loyalty_analysis.draft_scales import Answers
    >>> one = Drafted("satisfaction", "", ("s1", "s2"), Answers(1, 7))
    >>> two = [replace(one, name=name) for name in ("loyalty", "image")]
    >>> model = with_model(Draft("", "", 9, 9, (1, 7), (), "", (one, *two), Roles()))
    >>> model.drivers, model.mediator, dict(model.outcomes)
    (('image',), 'satisfaction', {'loyalty': 'intention'})
    """
    inside = [one.name for one in found.constructs if not one.outside]
    outcomes = dict(found.outcomes) or {n: OUTCOMES[n] for n in inside if n in OUTCOMES}
    why = {"outcomes": "names that claims know as outcomes"} if outcomes else {}
    mediator = found.mediator
    if not mediator and "satisfaction" in inside and "satisfaction" not in outcomes:
        if outcomes:
            mediator = "satisfaction"
            why["mediator"] = "its name; whether it stands between the others is for you to say"
        else:
            outcomes = {"satisfaction": "attitude"}
            why["outcomes"] = "no construct of loyalty was recognised; decide: name yours here"
    five = [name for name in FIVE if name in inside]
    rest = [n for n in inside if n not in outcomes and n != mediator and n not in _NOT_DRIVERS]
    drivers = five if len(five) > 1 else rest
    others = [name for name in rest if name not in drivers]
    why["drivers"] = (
        "the commitments that are measured" if len(five) > 1 else "every other construct"
    )
    if others:
        why["drivers"] += f"; left out: {', '.join(others)}"
    marker = next((one.name for one in found.constructs if one.name == "marker"), "")
    return replace(
        found, drivers=tuple(n for n in drivers if n not in outcomes and n != mediator),
        outcomes=outcomes, mediator=mediator, model_why=why, marker=marker,
    )  # fmt: skip


def with_claims(found: Draft) -> Draft:
    """Choose the claim sets that the constructs of a draft are enough for.

    Examples
    --------
    >>> from loyalty_analysis.draft_roles import Roles
    >>> draft_of_nothing = Draft("", "", 9, 9, (1, 7), (), "", (), Roles())
    >>> with_claims(draft_of_nothing).claims
    ('rice_press',)
    """
    names = {one.name for one in found.constructs}
    there: dict[str, int] = {}
    for name, path in shipped_sets().items():
        claims = read_claims(path).claims
        count = sum(_there(claim, names, found.outcomes) for claim in claims)
        there |= {name: count} if count else {}
    if not there:
        why = "no shipped claim is about these constructs. decide: name a file of your own claims"
        return replace(found, claims=("rice_press",), claims_why=why)
    counts = ", ".join(f"{count} of {name}" for name, count in there.items())
    return replace(
        found, claims=tuple(there), claims_why=f"claims whose constructs are here: {counts}"
    )


def _there(claim: Claim, names: set[str], outcomes: Mapping[str, str]) -> bool:
    """Whether a claim, with all its parts, names only what is measured."""
    loyal = any(kind != "leaving" for kind in outcomes.values())
    known = names | ({LOYALTY} if loyal else set()) | {""}
    for one in [claim.part(part) for part in claim.parts] or [claim]:
        wanted = {one.outcome} if isinstance(one.outcome, str) else set(one.outcome)
        # Levels and types need tables of their own, groups a contrast.
        apart = one.estimand in (*LEVELS, *TYPES, "slope_difference")
        if apart or not {*one.constructs} <= names or not wanted & known:
            return False
    return True
