"""What the further models, levels, types and the experiment of a study may not say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from loyalty_analysis.errors import did_you_mean
from loyalty_analysis.type_checks import type_problems

if TYPE_CHECKING:
    from loyalty_analysis.study import Study

_JOINS = (" - ", "+", "|", "[", "]")
"""What claims put between names of levels."""


def further_problems(study: Study, problems_of: Callable[[Study], list[str]]) -> list[str]:
    """Say what is wrong with the tables that stand beside ``[model]``; empty when nothing is.

    Parameters
    ----------
    study : Study
    problems_of : callable
        What a model may not say, told of a further one in its place.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["levels.measure=satisfaction"])
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.StudyError: ...: levels.measure: 'satisfaction' has 3 items. ...
    """
    tables = (_models(study, problems_of), _levels(study), type_problems(study), _experiment(study))
    return [problem for table in tables for problem in table]


def _models(study: Study, problems_of: Callable[[Study], list[str]]) -> list[str]:
    problems, known = [], set(problems_of(study))
    for part, further in study.models.items():
        where = f"models.{part}"
        if "/" in part or part in ("types", "levels"):
            problems.append(f"{where}: rename it: no '/', and 'types' and 'levels' are taken.")
            continue
        if not further.drivers and not further.paths:
            problems.append(f"{where}: holds no equation. Give drivers or paths.")
        if not further.drivers and (further.mediator or further.outcomes):
            problems.append(f"{where}: a mediator and outcomes need drivers. Give drivers.")
        unknown = _unknown_outcomes(study, f"{where}.outcomes", further.outcomes)
        problems += unknown
        if not unknown:
            own = (one for one in problems_of(study.view(part)) if one not in known)
            problems += [_placed(where, one) for one in own]
    return problems


def _placed(where: str, problem: str) -> str:
    """A problem of ``[model]``, told of the table that holds it: its keys are called alike."""
    key = problem.partition(": ")[0]
    if key in ("model.drivers", "model.mediator", "model.outcomes"):
        return problem.replace("model", where, 1)
    return f"{where}: {problem.removeprefix('[model]: ')}"


def _unknown_outcomes(study: Study, where: str, names: Sequence[str]) -> list[str]:
    outcomes = study.model.outcomes
    return [
        f"{where}: '{name}' is not an outcome of [model]. {did_you_mean(name, outcomes)}"
        for name in names
        if name not in outcomes
    ]


def _undeclared(study: Study, where: str, name: str) -> Iterable[str]:
    if name not in study.constructs:
        hint = did_you_mean(name, study.constructs)
        yield f"{where}: '{name}' is not a declared construct. {hint}"


def _levels(study: Study) -> list[str]:
    levels = study.levels
    if levels is None:
        return []
    problems = _unknown_outcomes(study, "levels.outcomes", levels.outcomes)
    names, cuts, measure = levels.names, levels.cuts, levels.measure
    if len(set(names)) < len(names):
        problems.append("levels.names: each level needs a name of its own.")
    if odd := [name for name in names if any(mark in name for mark in _JOINS)]:
        marks = ", ".join(map(repr, _JOINS))
        problems.append(f"levels.names: '{odd[0]}' may hold none of {marks}. Rename it.")
    if cuts and (list(cuts) != sorted(set(cuts)) or len(cuts) != len(names) - 1):
        problems.append(
            f"levels.cuts: {len(names)} levels need {len(names) - 1} cuts, each above the last; "
            f"found {', '.join(f'{cut:g}' for cut in cuts)}."
        )
    if lacking := list(_undeclared(study, "levels.measure", measure)):
        return [*problems, *lacking]
    if measure in study.model.outcomes:
        problems.append(f"levels.measure: '{measure}' is an outcome. Name another construct.")
    return problems + (_outside(study) if cuts else _asked(study))


def _outside(study: Study) -> list[str]:
    """Cuts that no score can reach."""
    assert study.levels is not None
    scale = study.scale_of(study.levels.measure)
    if scale.min is None or scale.max is None:
        return []
    out = [cut for cut in study.levels.cuts if not scale.min < cut <= scale.max]
    found = f"is outside the scale of '{study.levels.measure}', {scale.min:g} to {scale.max:g}"
    return [f"levels.cuts: {cut:g} {found}." for cut in out]


def _asked(study: Study) -> list[str]:
    """Levels that are asked as such: one item, an answer for each level."""
    assert study.levels is not None
    name, count = study.levels.measure, len(study.levels.names)
    items, scale = study.items_of(name), study.scale_of(name)
    if len(items) > 1:
        return [f"levels.measure: '{name}' has {len(items)} items. Give cuts for its score."]
    if name in study.constructs and study.constructs[name].score != "mean":
        return [f"levels.measure: '{name}' is recoded. Name one that is analysed as answered."]
    if scale.min is None or scale.max is None or scale.max - scale.min + 1 == count:
        return []
    return [
        f"levels.measure: '{name}' has answers from {scale.min:g} to {scale.max:g}, and there "
        f"are {count} levels. Give cuts, or as many names as answers."
    ]


def _experiment(study: Study) -> list[str]:
    if study.experiment is None:
        return []
    name = study.experiment.treatment
    if name in (*study.model.moderators, *study.model.controls, *study.model.drivers):
        return []
    return [
        f"experiment.treatment: '{name}' stands in no equation. Add it to model.moderators, so "
        "that its effect and its products with the drivers are estimated."
    ]
