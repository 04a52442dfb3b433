"""What ``[types]`` of a study file may not ask for: the outcome is never part of the typing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_analysis.errors import did_you_mean

if TYPE_CHECKING:
    from loyalty_analysis.study import Study


def type_problems(study: Study) -> list[str]:
    """What ``[types]`` asks for that cannot be, or would let the outcome into the typing.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> from loyalty_analysis.study_tables import Types
    >>> asked = Types(attitude="advocacy", patronage="habitual", attitude_cut=4, patronage_cut=4)
    >>> print(*type_problems(load_study("rice_simulated").model_copy(update={"types": asked})))
    types.attitude: 'advocacy' is an outcome of the types. An outcome may not be part of the typing:
    name the others as types.outcomes, or type by another construct.
    """
    types = study.types
    if types is None:
        return []
    sides = {"attitude": types.attitude, "patronage": types.patronage}
    problems = [
        f"types.{key}: '{name}' is not a declared construct. {did_you_mean(name, study.constructs)}"
        for key, name in sides.items()
        if name not in study.constructs
    ]
    unknown = [name for name in types.outcomes if name not in study.model.outcomes]
    problems += [
        f"types.outcomes: '{name}' is no outcome of [model]. "
        f"{did_you_mean(name, study.model.outcomes)}"
        for name in unknown
    ]
    if study.from_moments:
        problems.append(
            f"[types]: needs respondents, but {study.data} holds moments only. Remove it."
        )
    if types.attitude == types.patronage:
        problems.append(
            f"[types]: attitude and patronage are both '{types.attitude}'; they are multiplied, "
            "and nothing is multiplied with itself. Name two constructs."
        )
    used = {*study.constructs, *study.model.controls, *study.model.moderators}
    if "type" in used:
        problems.append("'type' is what claims call the types of loyalty. Rename the column.")
    return problems or [p for key, name in sides.items() for p in _side_problems(study, key, name)]


def _side_problems(study: Study, key: str, name: str) -> list[str]:
    """What is wrong with one of the two scores that make types."""
    types = study.types
    assert types is not None
    asked = types.outcomes or tuple(study.model.outcomes)
    problems = []
    if name in asked:
        problems.append(
            f"types.{key}: '{name}' is an outcome of the types. An outcome may not be part of the "
            "typing: name the others as types.outcomes, or type by another construct."
        )
    own = set(study.items_of(name))
    for other in asked:
        if other != name and (shared := sorted(own & set(study.items_of(other)))):
            problems.append(
                f"types.{key}: '{name}' and the outcome '{other}' share {', '.join(shared)}. An "
                "outcome may not be part of the typing: give each items of its own."
            )
    if name in study.model.controls:
        problems.append(f"types.{key}: '{name}' is already a control of every equation.")
    scale, cut = study.scale_of(name), getattr(types, f"{key}_cut")
    plain = study.constructs[name].score == "mean" and None not in (scale.min, scale.max)
    if plain and not scale.min < cut <= scale.max:
        problems.append(
            f"types.{key}_cut = {cut:g}, but the scale of '{name}' is {scale.min:g} to "
            f"{scale.max:g}: everybody would lie on one side. Name a score between."
        )
    return problems
