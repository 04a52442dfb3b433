"""Claims as data: who says what about which slope, read from TOML and frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loyalty_analysis.errors import ClaimError, did_you_mean, raise_all, shown
from loyalty_analysis.resources import seen, shipped
from loyalty_analysis.study import Study
from loyalty_analysis.toml_files import Line, Name, Names, Prose, details, either, read_toml, said

Source = Literal["paper", "press", "rival", "own"]
Sign = Literal["+", "-", "none", "any", "not_negative"]
Outcomes = Annotated[Line | Names, either("must be text in quotes or a list of such")]

# Smallest effect of interest of each estimand, in standardized units (design of the suite).
NEGLIGIBLE = {
    "total": 0.10,
    "direct": 0.10,
    "path": 0.10,
    "largest": 0.10,
    "indirect": 0.05,
    "largest_share": 0.05,
    "share_difference": 0.05,
    "slope_difference": 0.10,
    "interaction": 0.05,
    "ordered_means": 0.10,
    "steps": 0.10,
    "step_difference": 0.10,
    "mean_difference": 0.10,
    "penalty_reward": 0.10,
    "rival_models": 0.0,
}
SHARES = ("largest_share", "share_difference")
SLOPES = ("total", "direct", "path")
LEVELS = ("steps", "step_difference", "mean_difference", "penalty_reward")
TYPES = ("ordered_means",)
LOYALTY = "loyalty"


class Part(BaseModel):
    """One part of a claim: what it says, where that differs from the claim as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    id: Name
    text: Prose = ""
    estimand: str | None = None
    outcome: Outcomes | None = None
    term: Line | None = None
    versus: Names | None = None
    through: Names | None = None
    sign: Sign | None = None
    negligible: float | None = Field(default=None, ge=0)


class Claim(BaseModel):
    """A claim: one sentence, and the estimand that decides it.

    Attributes
    ----------
    id, text, reference, note : str
        Name, the claim in plain words, its publication, a caveat printed beside it.
    estimand : str
        One of :data:`NEGLIGIBLE`.
    outcome : str or tuple of str
        A construct; ``loyalty`` stands for every declared outcome that is not leaving; a list for
        each of those the study declares.
    term : str
        The construct it is about; ``a:b`` for an interaction; ``a + b`` for a set of drivers that
        share variance together.
    versus : tuple of str
        Rivals of ``largest``, ``largest_share`` (every other driver where none is named) and
        ``share_difference``; ``(a, b)`` of ``slope_difference``, and of levels and types; for
        slopes, constructs that must stand beside the term.
    through : tuple of str
        Mediators of ``indirect``, in order.
    sign : str
        ``+``, ``-``, ``none``, ``any`` or ``not_negative``.
    negligible : float
        Smallest effect of interest.
    size : str
        ``"clear"`` when *supported* also needs an interval wholly beyond the smallest effect.
    rival : tuple of str
        Claims that predict otherwise.
    models : dict of str to list of list of str
        Rival structures of ``rival_models``: constructs listed together share one factor.
    parts : tuple of Part
        Supported only if all parts are.
    siblings : tuple of str
        Of a part, never of a claim as written: the terms of all parts with its estimand and
        outcome, which belong in one equation where a study has one that holds them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    id: Name
    text: Prose
    estimand: str
    outcome: Outcomes = ""
    term: Line = ""
    versus: Names = ()
    through: Names = ()
    sign: Sign
    negligible: float | None = Field(default=None, ge=0)
    size: Literal["clear"] | None = None
    rival: Names = ()
    reference: Prose = ""
    note: Prose = ""
    models: dict[str, list[list[str]]] = Field(default_factory=dict)
    parts: tuple[Part, ...] = Field(default=(), strict=False)
    siblings: Names = Field(default=(), exclude=True)

    @property
    def bound(self) -> float:
        """The smallest effect of interest: declared, else that of the estimand."""
        return NEGLIGIBLE[self.estimand] if self.negligible is None else self.negligible

    @property
    def comparing(self) -> bool:
        """Whether it compares constructs, or says what one adds to others."""
        if self.estimand in (*LEVELS, *TYPES):
            return False
        # An indirect effect says that the mediator adds to the drivers.
        compares = ("largest", "largest_share", "share_difference", "indirect")
        beside = bool(self.versus) and self.estimand in SLOPES
        return self.estimand in compares or beside or self.sign in ("none", "any")

    @property
    def constructs(self) -> tuple[str, ...]:
        """The constructs that its term, rivals and mediators name.

        Examples
        --------
        >>> claim = Claim(id="x", text="", estimand="share_difference", outcome="y", sign="+",
        ...               term="a + b", versus=("c",))
        >>> claim.constructs
        ('a', 'b', 'c')
        """
        if self.estimand in (*LEVELS, *TYPES):  # which are no constructs, nor are groups
            return ()
        versus = () if self.estimand == "slope_difference" else self.versus
        named = [*self.term.split(":"), *versus, *self.through]
        return tuple(dict.fromkeys(one for name in named for one in members_of(name) if one))

    @property
    def against(self) -> str:
        """What is compared, as one text: rows of contrasts.csv that compare levels or types."""
        return " | ".join(self.versus)

    def part(self, part: Part) -> Claim:
        """The claim that one of its parts makes."""
        own = {k: v for k, v in part.model_dump(exclude={"id"}).items() if v not in (None, "")}
        if own.get("estimand", self.estimand) != self.estimand and "negligible" not in own:
            own["negligible"] = None
        asked = (part.estimand or self.estimand, part.outcome or self.outcome)
        same = [
            one.term or self.term
            for one in self.parts
            if (one.estimand or self.estimand, one.outcome or self.outcome) == asked
        ]
        siblings = tuple(dict.fromkeys(name for term in same for name in members_of(term)))
        return self.model_copy(update={**own, "parts": (), "siblings": siblings})

    def outcomes(self, study: Study) -> tuple[str, ...]:
        """The outcomes of a study that the claim is judged on.

        Examples
        --------
        >>> from loyalty_analysis.study import load_study
        >>> claim = Claim(id="x", text="", estimand="total", outcome="loyalty", sign="+")
        >>> claim.outcomes(load_study("rice_simulated"))
        ('repurchase', 'advocacy')
        """
        named = (self.outcome,) if isinstance(self.outcome, str) else self.outcome
        if named == (LOYALTY,):
            return study.loyalty
        if len(named) == 1:
            return named
        return tuple(name for name in named if name in study.model.outcomes)


def members_of(name: str) -> tuple[str, ...]:
    """The constructs that a set written ``a + b`` joins.

    Examples
    --------
    >>> members_of("a + b"), members_of("a")
    (('a', 'b'), ('a',))
    """
    return tuple(part.strip() for part in name.split("+"))


@dataclass(frozen=True)
class ClaimSet:
    """Claims judged together: one family for Holm's correction."""

    name: str
    title: str
    source: Source
    about: str
    claims: tuple[Claim, ...]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: Prose
    source: Source
    about: Prose = ""
    claim: tuple[Claim, ...] = Field(min_length=1, strict=False)


def shipped_sets() -> dict[str, Path]:
    """Name every shipped claim set and its file.

    Examples
    --------
    >>> "rice_press" in shipped_sets()
    True
    """
    return {path.stem: path for path in sorted(shipped("data").glob("claims/*.toml"))}


def load_claims(study: Study) -> list[ClaimSet]:
    """Read the claim sets a study names.

    Parameters
    ----------
    study : Study

    Returns
    -------
    list of ClaimSet

    Raises
    ------
    ClaimError
        When a set is missing or malformed, or an id stands twice.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> [claims.name for claims in load_claims(load_study("rice_simulated"))]
    ['rice_paper', 'rice_press', 'rivals']
    """
    sets = [read_claims(path) for path in claim_files(study).values()]
    ids = [claim.id for one in sets for claim in one.claims]
    names = [one.name for one in sets]
    problems = _repeated(names, "claim set")
    for claim in sorted({i for i in ids if ids.count(i) > 1}):
        where = [one.name for one in sets for other in one.claims if other.id == claim]
        problems.append(f"claim '{claim}' stands in {' and in '.join(where)}. Rename one.")
    raise_all(ClaimError, str(study.path), problems)
    return sets


def claim_files(study: Study) -> dict[str, Path]:
    """Find the file of every claim set a study names, by that name.

    Raises
    ------
    ClaimError
        When a name is neither a shipped set nor a file beside the study.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> [path.name for path in claim_files(load_study("mobile_customers")).values()][-1]
    'mobile_claims.toml'
    """
    return {name: _find(name, study) for name in dict.fromkeys(study.claims)}


def _find(name: str, study: Study) -> Path:
    own = study.path.parent / name
    if name.endswith(".toml") and seen(own.is_file):
        return own
    sets = shipped_sets()
    if name in sets:
        return sets[name]
    hint = did_you_mean(name, sets)
    raise ClaimError(
        f"{study.path}: claims: '{name}' is neither a shipped claim set nor a file beside the "
        f"study. {hint}"
    )


def read_claims(path: Path) -> ClaimSet:
    """Read one claim set.

    Examples
    --------
    >>> read_claims(shipped_sets()["rivals"]).source
    'rival'
    """
    raw: Any = read_toml(path, ClaimError)
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        raise_all(ClaimError, str(path), [_explain(detail, raw) for detail in details(error)])
    raise_all(ClaimError, str(path), _problems(file.claim))
    return ClaimSet(path.stem, file.title, file.source, file.about, file.claim)


def _explain(detail: Any, raw: Any) -> str:
    location, table, prefix = list(detail["loc"]), _File.model_fields, ""
    if len(location) > 1:
        claim, number = raw["claim"][location[1]], location[1] + 1
        name = claim.get("id") if isinstance(claim, dict) else None
        prefix, location = f"claim {name or f'number {number}'}: ", location[2:]
        table = Part.model_fields if "parts" in location else Claim.model_fields
    key = ".".join(map(str, location))
    if detail["type"] == "extra_forbidden":
        return f"{prefix}unknown key '{key}'. {did_you_mean(str(location[-1]), table)}"
    if detail["type"] == "missing":
        return f"{prefix}'{key}' is missing. See data/README.md for an example claim file."
    where = f"'{key}' " if key else ""
    return f"{prefix}{where}{said(detail)}; found {shown(detail['input'])}."


def _repeated(ids: Sequence[str], what: str) -> list[str]:
    return [
        f"{what} '{name}' stands twice." for name in sorted({i for i in ids if ids.count(i) > 1})
    ]


def _problems(claims: Sequence[Claim]) -> list[str]:
    problems = _repeated([claim.id for claim in claims], "claim")
    for claim in claims:
        if claim.siblings:
            problems.append(f"claim {claim.id}: unknown key 'siblings'. Remove it.")
        problems += [f"{claim.id}: {p}" for p in _repeated([p.id for p in claim.parts], "part")]
        for one in [claim, *(claim.part(part) for part in claim.parts)]:
            if one.estimand not in NEGLIGIBLE:
                hint = did_you_mean(one.estimand, NEGLIGIBLE)
                problems.append(f"{claim.id}: unknown estimand '{one.estimand}'. {hint}")
            elif one is not claim or not claim.parts:
                problems += _incomplete(one)
    return problems


def _incomplete(claim: Claim) -> list[str]:
    needs = []
    if claim.estimand == "rival_models":
        if len(claim.versus) < 2:
            needs.append("the constructs that are distinct in versus")
        if unknown := _merged(claim) - set(claim.versus):
            needs.append(f"models that merge those constructs only, not {', '.join(unknown)}")
        if claim.sign != "+":
            needs.append("the sign +")
        return _needs(claim, needs)
    if not claim.term:
        needs.append("a term")
    if not claim.outcome:
        needs.append("an outcome")
    if claim.estimand == "largest" and not claim.versus:
        needs.append("its rivals in versus")
    if claim.estimand == "slope_difference" and len(claim.versus) != 2:
        needs.append("the two groups [a, b] in versus")
    if claim.estimand == "share_difference" and len(claim.versus) != 1:
        needs.append("one driver or one set, written a + b, in versus")
    if claim.estimand in ("largest", *SHARES):
        sides = [one for name in (claim.term, *claim.versus) for one in members_of(name)]
        if len(sides) > len(set(sides)):
            needs.append("rivals other than its term")
    if claim.estimand in (*LEVELS, *TYPES) and len(claim.versus) != 2:
        needs.append("the two sides that are compared in versus")
    if claim.estimand == "indirect":
        path = (claim.term, *claim.through, claim.outcome)
        if not claim.through:
            needs.append("its mediators in through")
        elif len(path) > len(set(path)):
            needs.append("a term, mediators and outcome that differ")
    if claim.estimand == "interaction" and len(set(filter(None, claim.term.split(":")))) != 2:
        needs.append("a term of the form a:b")
    if claim.estimand in ("largest", "slope_difference") and claim.sign not in ("+", "-"):
        needs.append("the sign + or -")
    if claim.estimand == "largest_share" and claim.sign != "+":
        needs.append("the sign +")
    return _needs(claim, needs)


def _needs(claim: Claim, needs: Sequence[str]) -> list[str]:
    return [f"{claim.id}: estimand '{claim.estimand}' needs {', '.join(needs)}."] if needs else []


def _merged(claim: Claim) -> set[str]:
    """Constructs that its rival structures merge."""
    return {name for merge in claim.models.values() for part in merge for name in part}
