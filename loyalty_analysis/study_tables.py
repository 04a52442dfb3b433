"""The tables of a study file: what may stand in each, checked and frozen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict

from loyalty_analysis.toml_files import Line, Name, Names, Numbers, Side

OutcomeKind = Literal["intention", "attitude", "behaviour", "leaving"]
Gate = Literal["reliability", "htmt", "invariance", "admissible"]
Score = Literal["mean", "nps", "top_box"]
Exclusion = Literal["straight_lining", "too_fast"]


class Table(BaseModel):
    """A table of a TOML file: frozen, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Scale(Table):
    """The answer scale of items: end points, codes that mean missing, answers a score needs.

    ``answers`` are the answers in words, lowest first, of files that hold words; without end points
    they count from 1.
    """

    min: float | None = None
    max: float | None = None
    missing: Numbers = ()
    answers: Names = ()
    min_items: int | None = Field(default=None, ge=1)


class Construct(Scale):
    """A construct: its label, the items that measure it, and where it departs from the scale.

    ``items`` defaults to one column of the construct's own name. ``reliability`` is the assumed
    reliability of a single item. ``score`` is what is analysed: the mean of the items; of one item
    from 0 to 10, -100, 0 or 100 (``nps``: detractors to 6, passives, promoters from 9); of one
    item, 1 for the ``top`` highest answers (1 if not said) and 0 for the others (``top_box``).
    """

    label: Line = ""
    items: Names = ()
    reversed: Names = ()
    reliability: float | None = Field(default=None, gt=0, le=1)
    score: Score = "mean"
    top: int | None = Field(default=None, ge=1)


class Model(Table):
    """Which constructs drive which outcomes, through what, beside what."""

    drivers: Names = Field(min_length=1)
    outcomes: dict[Name, OutcomeKind] = Field(min_length=1)
    mediator: Name | None = None
    controls: Names = ()
    moderators: Names = ()


class Further(Table):
    """A further model over the same respondents: what departs from ``[model]``, and own paths.

    ``outcomes`` are names of outcomes of ``[model]``: all of them where none is named. Without
    drivers it holds its paths only.
    """

    drivers: Names = ()
    mediator: Name | None = None
    outcomes: Names = ()
    paths: dict[Name, Names] = Field(default_factory=dict)


class Levels(Table):
    """Ordered levels of satisfaction, lowest first: asked as such, or cut from a score.

    ``measure`` is a construct: one item that holds a whole number for each of ``names``, or, with
    ``cuts``, a score: a level begins at its cut. ``outcomes`` are those that are compared: all of
    the model where none is named.
    """

    measure: Name
    cuts: Numbers = ()
    names: Annotated[Names, Field(min_length=2)] = (
        "below", "meets", "exceeds", "delights", "amazes",
    )  # fmt: skip
    outcomes: Names = ()


class Types(Table):
    """Four types of loyalty, from where attitude and patronage lie against declared cuts.

    At or above a cut is high. ``band`` is how far, in points of the scores, the cuts are moved
    either way to see what depends on them.
    """

    attitude: Name = "attitude"
    patronage: Name = "patronage"
    attitude_cut: float
    patronage_cut: float
    band: float = Field(default=0.5, gt=0)
    outcomes: Names = ()


class Experiment(Table):
    """A treatment that was randomised: a column or construct of 0 and 1."""

    treatment: Name


class Design(Table):
    """How respondents were drawn: identifiers, weights, clusters, groups, waves, a filter."""

    respondent: Name | None = None
    weight: Name | None = None
    cluster: Name | None = None
    groups: Names = ()
    wave: Name | None = None
    where: str | None = None


class Contrast(Table):
    """The direction of a group difference: ``a`` minus ``b``."""

    a: Side
    b: Side

    @property
    def sides(self) -> tuple[str, str]:
        """Both values as labels: ``1.0`` in the study file is the ``1`` of a data file.

        Examples
        --------
        >>> Contrast(a=1.0, b="none").sides
        ('1', 'none')
        """
        return _as_label(self.a), _as_label(self.b)


def _as_label(value: str | int | float) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)


class Gates(Table):
    """What a measurement must reach before a claim that needs it is judged.

    ``reliability`` is the least alpha or omega of a construct; ``htmt`` what the upper end of the
    interval of HTMT must lie below. Gates in ``warn`` warn instead of blocking.
    """

    reliability: float = Field(default=0.70, gt=0, lt=1)
    htmt: float = Field(default=0.90, gt=0, le=1)
    warn: Annotated[tuple[Gate, ...], Strict(False)] = ()


class Quality(Table):
    """How carefully a survey was answered, and who is left out for it.

    ``seconds`` is the column of answer times, ``fastest`` the seconds below which an answer is too
    fast, ``marker`` a construct or column that has nothing to do with the others, ``exclude`` the
    rules that leave respondents out.
    """

    seconds: Name | None = None
    fastest: float | None = Field(default=None, gt=0)
    marker: Name | None = None
    exclude: Annotated[tuple[Exclusion, ...], Strict(False)] = ()


class Reports(Table):
    """How reports are made of a study, unattended.

    ``min_size`` is how many respondents a group needs for a report of its own, ``keep`` how many
    good runs stay (0: all); with ``block_on_gates`` nothing is published while a gate fails.
    """

    min_size: int = Field(default=30, ge=10)
    keep: int = Field(default=0, ge=0)
    block_on_gates: bool = False
