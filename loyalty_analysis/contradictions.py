"""What a study file may not say: keys that contradict each other, each with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_analysis.addresses import address_problems
from loyalty_analysis.errors import did_you_mean
from loyalty_analysis.model_checks import further_problems
from loyalty_analysis.moments import LARGEST

if TYPE_CHECKING:
    from loyalty_analysis.study import Study


MARKS = (":", "+", "[", "]", ".total", ".direct", "(Intercept)")
"""What names of terms and equations are built with: no construct may be called so."""
_OF_RESPONDENTS = ("seconds", "fastest", "exclude")


def contradictions(study: Study) -> list[str]:
    """What a study asks for that cannot be, or cannot be honoured together; empty when sound.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("bank_customers")
    >>> model = study.model.model_copy(update={"controls": ("loyalty",)})
    >>> contradictions(study.model_copy(update={"model": model}))
    ["model.controls: 'loyalty' is already a driver, mediator or outcome."]
    """
    return [
        *address_problems(study.data),
        *_holdout_problems(study),
        *_name_problems(study),
        *_item_problems(study),
        *_model_problems(study),
        *further_problems(study, _model_problems),
        *_design_problems(study),
        *_quality_problems(study),
        *_moment_problems(study),
    ]


def _holdout_problems(study: Study) -> list[str]:
    if not (study.holdout and study.from_moments):
        return []
    return ["holdout: a study known by its moments has no respondents to hold out. Remove it."]


def _name_problems(study: Study) -> list[str]:
    """Names that would read as a product, a category, an equation or the intercept."""
    problems = [
        f"constructs: '{name}' may not hold {', '.join(map(repr, marks))}: this marks products, "
        "categories and equations. Rename it."
        for name in study.constructs
        if (marks := [mark for mark in MARKS if mark in name])
    ]
    for key in ("controls", "moderators"):
        for name in getattr(study.model, key):
            if name not in study.constructs and (":" in name or name == "(Intercept)"):
                problems.append(
                    f"model.{key}: a column called '{name}' would read as a product or as the "
                    "intercept. Rename it in the file."
                )
    return problems


def _item_problems(study: Study) -> list[str]:
    problems = []
    owner: dict[str, str] = {}
    for name, construct in study.constructs.items():
        for item in study.items_of(name):
            if item in owner:
                problems.append(
                    f"item '{item}' is listed twice: {owner[item]} and {name}. Keep one."
                )
            owner[item] = name
        for item in set(construct.reversed) - set(study.items_of(name)):
            hint = did_you_mean(item, study.items_of(name))
            problems.append(f"constructs.{name}.reversed: '{item}' is not an item of it. {hint}")
        problems += [*_construct_problems(study, name), *_score_problems(study, name)]
    return [*_scale_problems(study), *problems]


def _scale_problems(study: Study) -> list[str]:
    """Scales that are missing or upside down, each said once for all its constructs."""
    problems, without = _answer_problems(study), []
    upside_down: dict[str, list[str]] = {}
    for name, construct in study.constructs.items():
        scale = study.scale_of(name)
        if scale.min is not None and scale.max is not None:
            if max(-scale.min, scale.max) > LARGEST:
                found = f"sizes up to {LARGEST:g} can be calculated with"
                upside_down.setdefault(found, []).append(name)
            elif scale.min >= scale.max:
                found = f"min {scale.min:g} is not below max {scale.max:g}"
                upside_down.setdefault(found, []).append(name)
        elif construct.reversed or not study.from_moments:
            without.append(name)
    if without:
        names = ", ".join(map(repr, without))
        problems.append(f"no scale for {names}: give min and max in [scale], or for the construct.")
    for found, names_of in upside_down.items():
        problems.append(f"the scale of {', '.join(map(repr, names_of))}: {found}. Correct them.")
    return problems


def _answer_problems(study: Study) -> list[str]:
    """Answers in words that are not one for each point of their scale."""
    asked = {f"constructs.{name}.answers": name for name, own in study.constructs.items()
             if own.answers}  # fmt: skip
    general = [name for name, own in study.constructs.items()
               if not own.answers and study.scale_of(name).answers]  # fmt: skip
    asked |= {"scale.answers": general[0]} if general else {}
    problems = []
    for key, name in asked.items():
        scale = study.scale_of(name)
        count = len(scale.answers)
        if count < 2 or len({word.casefold() for word in scale.answers}) < count:
            problems.append(f"{key}: list two answers or more, lowest first, each once.")
        elif scale.min is None or scale.max is None or scale.max - scale.min + 1 != count:
            ends = " to ".join("?" if end is None else f"{end:g}" for end in (scale.min, scale.max))
            problems.append(
                f"{key}: lists {count} answers, but the scale is {ends}. List one for each whole "
                "number of it, lowest first, or leave min and max out."
            )
    return problems


def _construct_problems(study: Study, name: str) -> list[str]:
    count = len(study.items_of(name))
    own, assumed = study.constructs[name].min_items, study.constructs[name].reliability
    if own is not None and own > count:
        return [f"constructs.{name}.min_items = {own}, but it has {count} items."]
    if assumed is not None and count > 1:
        return [f"constructs.{name}.reliability is for a single item; it has {count}. Remove it."]
    return []


def _score_problems(study: Study, name: str) -> list[str]:
    """What an item cannot be recoded into."""
    construct, scale = study.constructs[name], study.scale_of(name)
    asked = f"constructs.{name}.score = '{construct.score}'"
    count, problems = len(study.items_of(name)), []
    if construct.top and construct.score != "top_box":
        problems.append(f"constructs.{name}.top needs score = 'top_box'. Give it, or remove top.")
    if construct.score == "mean":
        return problems
    if count > 1:
        problems.append(f"{asked} needs one item; it has {count}. Keep the one that is meant.")
    if construct.reversed:
        problems.append(
            f"{asked} counts the highest answers, so its item cannot be reversed. Remove "
            f"constructs.{name}.reversed, and turn the answers in the file."
        )
    if scale.min is None or scale.max is None:
        return problems  # said where scales are checked
    found = f"the scale is {scale.min:g} to {scale.max:g}. Correct min and max of the construct."
    if construct.score == "nps" and (scale.min, scale.max) != (0, 10):
        problems.append(f"{asked} needs answers from 0 to 10; {found}")
    if construct.score == "top_box" and (scale.min % 1 or scale.max % 1):
        problems.append(f"{asked} needs whole numbers; {found}")
    elif construct.score == "top_box" and (construct.top or 1) > scale.max - scale.min:
        problems.append(f"{asked} with top = {construct.top or 1} leaves no answer below; {found}")
    return problems


def _model_problems(study: Study) -> list[str]:
    model, problems = study.model, []
    named = {
        "model.drivers": model.drivers,
        "model.mediator": present(study.model.mediator),
        "model.outcomes": tuple(model.outcomes),
        "paths": tuple(study.paths),
    }
    for where, names in named.items():
        for name in names:
            if name not in study.constructs:
                hint = did_you_mean(name, study.constructs)
                problems.append(f"{where}: '{name}' is not a declared construct. {hint}")
    roles = [*model.drivers, *present(study.model.mediator), *model.outcomes]
    for name in sorted({name for name in roles if roles.count(name) > 1}):
        problems.append(f"[model]: '{name}' stands twice among drivers, mediator and outcomes.")
    for name in sorted({name for name in model.controls if model.controls.count(name) > 1}):
        problems.append(f"model.controls: '{name}' is listed twice.")
    for name in sorted(set(model.controls) & set(roles)):
        problems.append(f"model.controls: '{name}' is already a driver, mediator or outcome.")
    return problems + _path_problems(study)


def _path_problems(study: Study) -> list[str]:
    problems = []
    taken = {*present(study.model.mediator), *study.model.outcomes}
    for left, right in study.paths.items():
        if left in taken:
            problems.append(
                f"paths.{left}: the model already has an equation for '{left}'; "
                "list its antecedents in model.drivers."
            )
        if left in right or len(set(right)) < len(right) or not right:
            problems.append(f"paths.{left}: list each antecedent once, and not '{left}' itself.")
        for name in sorted(set(study.model.controls) & {left, *right}):
            problems.append(f"paths.{left}: '{name}' is already a control of every equation.")
        for name in right:
            if name not in study.constructs:
                hint = did_you_mean(name, study.constructs)
                problems.append(f"paths.{left}: '{name}' is not a declared construct. {hint}")
    return problems


def _design_columns(study: Study) -> dict[str, tuple[str, ...]]:
    design = study.design
    return {
        "respondent": present(design.respondent),
        "weight": present(design.weight),
        "cluster": present(design.cluster),
        "groups": design.groups,
        "wave": present(design.wave),
    }


def _design_problems(study: Study) -> list[str]:
    problems = []
    for key, names in _design_columns(study).items():
        for name in sorted(set(names) & set(study.constructs)):
            problems.append(f"design.{key}: '{name}' is a construct; name a column of the data.")
    for column, contrast in study.contrasts.items():
        if column not in study.design.groups:
            problems.append(f"contrasts.{column}: add '{column}' to design.groups.")
        if len(set(contrast.sides)) == 1:
            problems.append(
                f"contrasts.{column}: a and b are both {contrast.a!r}. Name two values."
            )
    return problems


def _quality_problems(study: Study) -> list[str]:
    quality = study.quality
    problems = [
        f"quality.exclude: '{rule}' is listed twice."
        for rule in sorted({rule for rule in quality.exclude if quality.exclude.count(rule) > 1})
    ]
    if quality.seconds is None:
        needing = {
            "quality.fastest": quality.fastest is not None,
            "quality.exclude: 'too_fast'": "too_fast" in quality.exclude,
        }
        problems += [
            f"{key} needs answer times. Name their column as quality.seconds, or remove it."
            for key, asked in needing.items()
            if asked
        ]
    elif taken := _taken(study, quality.seconds):
        problems.append(
            f"quality.seconds: '{quality.seconds}' is {taken}. Name the column of answer times."
        )
    return problems + _marker_problems(study)


def _marker_problems(study: Study) -> list[str]:
    marker, model = study.quality.marker, study.model
    if marker is None:
        return []
    if marker in {*study.analysed, *model.controls, *model.moderators}:
        found = "stands in the equations, so what it shares with them need not be the method"
    elif marker not in study.constructs and (taken := _taken(study, marker)):
        found = f"is {taken}"
    elif marker == study.quality.seconds:
        found = "is the column of answer times"
    else:
        return []
    return [
        f"quality.marker: '{marker}' {found}. Name a construct, or a column of answers, that has "
        "nothing to do with the model, or remove it."
    ]


def _taken(study: Study, column: str) -> str:
    """What a column is already; empty when it is free."""
    for key, names in _design_columns(study).items():
        if column in names:
            return f"already design.{key}"
    if column in study.constructs:
        return "a construct"
    owners = [name for name in study.constructs if column in study.items_of(name)]
    return f"an item of '{owners[0]}'" if owners else ""


def _moment_problems(study: Study) -> list[str]:
    """What needs respondents, where only moments are known."""
    if not study.from_moments:
        return []
    asked: dict[str, object] = {f"design.{k}": v for k, v in _design_columns(study).items()}
    asked |= {"design.where": study.design.where, "scale.min_items": study.scale.min_items}
    asked |= {f"constructs.{k}.min_items": c.min_items for k, c in study.constructs.items()}
    asked |= {f"constructs.{k}.score": c.score != "mean" for k, c in study.constructs.items()}
    asked |= {f"[{key}]": getattr(study, key) for key in ("levels", "experiment")}
    asked |= {f"quality.{key}": getattr(study.quality, key) for key in _OF_RESPONDENTS}
    return [
        f"{key}: needs respondents, but {study.data} holds moments only. Remove it."
        for key, value in asked.items()
        if value
    ]


def present(value: str | None) -> tuple[str, ...]:
    """A key that may be left out, as a tuple: empty when it is.

    Examples
    --------
    >>> present("satisfaction"), present(None)
    (('satisfaction',), ())
    """
    return () if value is None else (value,)
