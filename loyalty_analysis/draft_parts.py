"""What a draft of a study says: constructs with reasons, a model, what is to be decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loyalty_analysis.draft_roles import Roles
from loyalty_analysis.draft_scales import Answers


@dataclass(frozen=True)
class Drafted:
    """One construct of a draft: its items, how they are scored, why, and what is doubtful.

    ``outside`` says why it is declared and yet left out of the model.
    """

    name: str
    label: str
    items: tuple[str, ...]
    answers: Answers
    reversed: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    outside: str = ""
    reliability: float | None = None


@dataclass(frozen=True)
class Draft:
    """What a study file could say of a data file.

    Attributes
    ----------
    title, data, origin : str
    rows, columns : int
    scale : tuple of float
        Ends of the scale most items are asked on.
    codes : tuple of float
        Codes of no answer.
    codes_why : str
    constructs : tuple of Drafted
    drivers, outcomes, mediator
        The model, as far as construct names suggest one.
    model_why : dict of str to str
        Reason of each part of the model.
    roles : Roles
    marker : str
        A construct that has nothing to do with the others.
    claims : tuple of str
    claims_why : str
    aside : dict of str to str
        Columns that are used nowhere, and why.
    """

    title: str
    data: str
    rows: int
    columns: int
    scale: tuple[float, float]
    codes: tuple[float, ...]
    codes_why: str
    constructs: tuple[Drafted, ...]
    roles: Roles
    drivers: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict)
    mediator: str = ""
    model_why: Mapping[str, str] = field(default_factory=dict)
    marker: str = ""
    claims: tuple[str, ...] = ()
    claims_why: str = ""
    aside: Mapping[str, str] = field(default_factory=dict)
    origin: str = "real"

    @property
    def decisions(self) -> list[str]:
        """What the draft cannot say, and a study needs."""
        found = []
        if not self.constructs:
            found.append("no items were found: list them in [constructs]")
        if not self.outcomes:
            found.append("no construct was recognised as an outcome: name it in model.outcomes")
        if not self.drivers:
            found.append("no driver is left: name at least one in model.drivers")
        return found

    @property
    def doubts(self) -> list[str]:
        """What should be looked at before anything is concluded."""
        return [f"{one.name}: {doubt}" for one in self.constructs for doubt in one.doubts]
