"""The equations of a study: which outcome stands on which terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loyalty_analysis.study import Study


@dataclass(frozen=True)
class Equation:
    """One equation.

    Attributes
    ----------
    model : str
        Name in every result file: ``satisfaction``, ``repurchase.total``, ``repurchase.direct``;
        of a further model ``pillars/repurchase.total``.
    outcome : str
    terms : tuple of str
        Constructs and control columns, categories not yet split.
    kind : str
        ``mediator``, ``total``, ``direct`` or ``path``.
    focal : tuple of str
        The terms that are not controls.
    """

    model: str
    outcome: str
    terms: tuple[str, ...]
    kind: str
    focal: tuple[str, ...]


def equations(study: Study) -> list[Equation]:
    """List the equations of a study in the order of the report.

    With mediator M: ``M ~ drivers + controls``; for each outcome Y ``Y.total`` without M and
    ``Y.direct`` with it; one equation for each entry of ``[paths]``.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> [equation.model for equation in equations(load_study("bank_customers"))][:3]
    ['satisfaction', 'loyalty.total', 'loyalty.direct']
    """
    model = study.model
    drivers, mediator = model.drivers, model.mediator
    prefix = f"{study.part}/" if study.part else ""

    def equation(name: str, outcome: str, focal: tuple[str, ...], kind: str) -> Equation:
        return Equation(f"{prefix}{name}", outcome, (*focal, *model.controls), kind, focal)

    found = [equation(mediator, mediator, drivers, "mediator")] if mediator and drivers else []
    for outcome in model.outcomes:
        found.append(equation(f"{outcome}.total", outcome, drivers, "total"))
        if mediator:
            found.append(equation(f"{outcome}.direct", outcome, (*drivers, mediator), "direct"))
    found += [equation(left, left, right, "path") for left, right in study.paths.items()]
    return found


def every_equation(study: Study) -> list[Equation]:
    """List the equations of all models of a study.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> few = "models.few={drivers = ['forced'], outcomes = ['search']}"
    >>> every_equation(load_study("rice_simulated", [few]))[-1].model
    'few/search.total'
    """
    return [one for part in study.parts for one in equations(study.view(part))]


def equation_of(study: Study, estimand: str, outcome: str) -> Equation | None:
    """The equation in which a claim's slope stands: total, direct, or the outcome's own.

    None for an estimand that no equation of constructs decides. ``largest`` is judged where the
    outcome has its own equation, else in the total one; shares in the equation that holds the
    mediator, where there is one.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> equation_of(load_study("rice_simulated"), "direct", "repurchase").model
    'repurchase.direct'
    """
    kinds = {
        "total": ("total",),
        "direct": ("direct",),
        "path": ("mediator", "path"),
        "largest": ("mediator", "path", "total"),
        "slope_difference": ("total", "mediator", "path"),
        "interaction": ("total", "mediator", "path"),
        "indirect": ("direct", "total", "mediator", "path"),
        "largest_share": ("direct", "total"),
        "share_difference": ("direct", "total"),
    }.get(estimand, ())
    own = [equation for equation in equations(study) if equation.outcome == outcome]
    return next((one for kind in kinds for one in own if one.kind == kind), None)


def product_equation(study: Study, outcome: str, sides: Sequence[str]) -> Equation | None:
    """The equation to which the product of two columns is added; None where there is none.

    Where one of the two was randomised, controls alone stand beside: drivers may have been asked
    after the treatment, and would take part of what it does away.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", [
    ...     "model.moderators=['treated']", "experiment.treatment=treated",
    ... ])
    >>> product_equation(study, "repurchase", ["forced", "treated"]).terms
    ('country', 'age', 'gender')
    """
    equation = equation_of(study, "interaction", outcome)
    treatment = study.experiment.treatment if study.experiment else ""
    if equation is None or treatment not in sides:
        return equation
    return replace(equation, model=f"{outcome}.experiment", terms=study.model.controls)
