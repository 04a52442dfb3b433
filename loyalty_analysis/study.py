"""The study: what a survey measures and what is asked of it, declared in study.toml and frozen.

A :class:`Study` is what every other function may ask. Users change TOML, not code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from loyalty_analysis.contradictions import contradictions, present
from loyalty_analysis.errors import LoyaltyError, StudyError, did_you_mean, raise_all, shown
from loyalty_analysis.resources import seen, shipped_studies

OutcomeKind = Literal["intention", "attitude", "behaviour", "leaving"]
_HIDDEN = {"path", "settings"}
RESERVED = ("gates", "levels", "types", "quality", "experiment", "reports")
MOMENTS_FILE = "moments.csv"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def either(said: str) -> WrapValidator:
    """Say once what may stand where several kinds of values may.

    Examples
    --------
    >>> from pydantic import TypeAdapter
    >>> number = Annotated[int | float, either("must be a number")]
    >>> try:
    ...     TypeAdapter(number).validate_python("four")
    ... except ValidationError as error:
    ...     error.errors()[0]["msg"]
    'must be a number'
    """

    def checked(value: Any, check: Callable[[Any], Any]) -> Any:
        try:
            return check(value)
        except ValidationError:
            raise PydanticCustomError("either", "{said}", {"said": said}) from None

    return WrapValidator(checked)


# Control characters and line breaks would end up in terminals, file names and tables.
_SEEN = r"[^\p{Cc}\p{Zl}\p{Zp}]*"
Prose = Annotated[str, StringConstraints(pattern=r"^(?:[^\p{Cc}]|[\t\n\r])*$")]
Line = Annotated[str, StringConstraints(pattern=f"^{_SEEN}$")]
Name = Annotated[str, StringConstraints(pattern=rf"^{_SEEN}[^\p{{Cc}}\p{{Z}}]{_SEEN}$")]
# TOML knows arrays only: a tuple is what an array becomes.
Names = Annotated[tuple[Name, ...], Strict(False)]
Numbers = Annotated[tuple[float, ...], Strict(False)]
Side = Annotated[Line | int | float, either("must be text in quotes or a number")]


class Scale(_Table):
    """The answer scale of items: end points, codes that mean missing, answers a score needs."""

    min: float | None = None
    max: float | None = None
    missing: Numbers = ()
    min_items: int | None = Field(default=None, ge=1)


class Construct(Scale):
    """A construct: its label, the items that measure it, and where it departs from the scale.

    ``items`` defaults to one column of the construct's own name. ``reliability`` is the assumed
    reliability of a single item.
    """

    label: Line = ""
    items: Names = ()
    reversed: Names = ()
    reliability: float | None = Field(default=None, gt=0, le=1)


class Model(_Table):
    """Which constructs drive which outcomes, through what, beside what."""

    drivers: Names = Field(min_length=1)
    outcomes: dict[Name, OutcomeKind] = Field(min_length=1)
    mediator: Name | None = None
    controls: Names = ()
    moderators: Names = ()


class Design(_Table):
    """How respondents were drawn: identifiers, weights, clusters, groups, waves, a filter."""

    respondent: Name | None = None
    weight: Name | None = None
    cluster: Name | None = None
    groups: Names = ()
    wave: Name | None = None
    where: str | None = None


class Contrast(_Table):
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


class Study(_Table):
    """A study file, checked and frozen.

    Attributes
    ----------
    title, origin : str
        Name in words; ``"real"`` or ``"simulated"``.
    data : str
        Data file as written in the study, relative to it.
    claims : tuple of str
        Shipped claim sets by name, own ones by file name.
    scale, constructs, model, paths, design, contrasts
        The tables of the study file.
    path : pathlib.Path
        Where the study file is.

    Examples
    --------
    >>> study = load_study("rice_simulated")
    >>> study.is_simulated, study.model.mediator
    (True, 'satisfaction')
    """

    title: Name
    data: Name
    origin: Literal["real", "simulated"]
    claims: Names = Field(min_length=1)
    scale: Scale = Scale()
    constructs: dict[Name, Construct] = Field(min_length=1)
    model: Model
    paths: dict[Name, Names] = Field(default_factory=dict)
    design: Design = Design()
    contrasts: dict[Name, Contrast] = Field(default_factory=dict)
    path: Path = Field(default=Path("study.toml"), exclude=True, strict=False)
    settings: Annotated[tuple[str, ...], Strict(False)] = Field(default=(), exclude=True)

    @property
    def name(self) -> str:
        """Name of the folder that holds the study file."""
        return self.path.resolve().parent.name

    @property
    def data_path(self) -> Path:
        """Path of the data file."""
        return self.path.parent / self.data

    @property
    def from_moments(self) -> bool:
        """Whether the study is known only by its moments."""
        return self.data_path.name.endswith(MOMENTS_FILE)

    @property
    def is_simulated(self) -> bool:
        """Whether the respondents were simulated."""
        return self.origin == "simulated"

    @property
    def loyalty(self) -> tuple[str, ...]:
        """The outcomes that count as loyalty: every declared one that is not leaving."""
        return tuple(name for name, kind in self.model.outcomes.items() if kind != "leaving")

    @property
    def model_constructs(self) -> tuple[str, ...]:
        """Every construct that stands in an equation, in the order of the model."""
        model = self.model
        sides = [name for left, right in self.paths.items() for name in (*right, left)]
        used = [*model.drivers, *present(model.mediator), *model.outcomes, *model.moderators]
        names = dict.fromkeys([*used, *sides, *model.controls])
        return tuple(name for name in names if name in self.constructs)

    def items_of(self, construct: str) -> tuple[str, ...]:
        """Items of a construct; the column of its own name when none are declared."""
        return self.constructs[construct].items or (construct,)

    def scale_of(self, construct: str) -> Scale:
        """Scale of a construct: its own settings, else those of ``[scale]``."""
        own, general = self.constructs[construct], self.scale
        return Scale(
            min=general.min if own.min is None else own.min,
            max=general.max if own.max is None else own.max,
            missing=own.missing if "missing" in own.model_fields_set else general.missing,
            min_items=own.min_items or general.min_items,
        )

    def label(self, name: str) -> str:
        """Display label of a construct, column or term.

        Examples
        --------
        >>> load_study("rice_simulated").label("country[DE]")
        'Country: DE'
        """
        construct = self.constructs.get(name)
        if construct is not None and construct.label:
            return construct.label
        if ":" in name and "[" not in name:
            return " x ".join(self.label(part) for part in name.split(":"))
        words = name.removesuffix("]").replace("[", ": ").replace("_", " ")
        return words[:1].upper() + words[1:]


def load_study(study: str | Path | Study, settings: Sequence[str] = ()) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    study : str, pathlib.Path or Study
        A study file, its folder, the name of a shipped study, or a study already loaded.
    settings : sequence of str
        Changes as ``"table.key=value"``, the value written as in TOML.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        When the file is missing or malformed, or a key is unknown or cannot be honoured.

    Examples
    --------
    >>> load_study("rice_simulated", settings=["model.controls=[]"]).model.controls
    ()
    """
    if isinstance(study, Study):
        if not settings:
            return study
        return load_study(study.path, (*study.settings, *settings))
    path = find_study(study)
    raw = read_toml(path, StudyError)
    for setting in settings:
        _apply(raw, setting)
    reserved = _reserved_problems(raw)
    asked = {key: value for key, value in raw.items() if key not in _HIDDEN | set(RESERVED)}
    try:
        loaded = Study.model_validate({**asked, "path": path, "settings": tuple(settings)})
    except ValidationError as error:
        reserved += [_explain(detail) for detail in details(error)]
    raise_all(StudyError, str(path), reserved)
    raise_all(StudyError, str(path), contradictions(loaded))
    return loaded


def find_study(study: str | Path) -> Path:
    """Find a study file by path, by folder, or by the name of a shipped study.

    Raises
    ------
    StudyError
        When there is none; the message lists the shipped names.

    Examples
    --------
    >>> find_study("bank_customers").name
    'study.toml'
    """
    path = Path(study)
    is_folder = seen(path.is_dir)
    file = path / "study.toml" if is_folder else path
    if seen(file.is_file):
        return file
    names = shipped_studies()
    if str(study) in names:
        return names[str(study)]
    found = "the folder holds no study.toml" if is_folder else "no such study file or folder"
    raise StudyError(
        f"{study}: {found}, and no shipped study has that name. {did_you_mean(str(study), names)}"
    )


def read_toml(path: Path, error: type[LoyaltyError]) -> dict[str, Any]:
    """Read a TOML file, or raise an error of the given kind that says why it cannot be read.

    Examples
    --------
    >>> read_toml(find_study("bank_customers"), StudyError)["origin"]
    'real'
    """
    try:
        return _loaded(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as reason:
        raise error(f"{path}: not UTF-8 text ({reason}). Save the file as UTF-8.") from None
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as reason:
        raise error(f"{path}: not valid TOML: {reason}. See data/README.md.") from None
    except OSError as reason:
        raise error(f"{path}: cannot be read: {reason.strerror}.") from None


def _loaded(text: str) -> dict[str, Any]:
    """Read TOML, whose whole numbers have 64 bits: larger ones neither fit nor can be shown."""
    raw = tomllib.loads(text)
    values: list[Any] = [raw]
    while values:
        value = values.pop()
        if isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ValueError("it holds a whole number beyond 64 bits")
    return raw


def parse_setting(setting: str) -> tuple[list[str], Any]:
    """Split ``"table.key=value"`` into its keys and its value.

    Examples
    --------
    >>> parse_setting("model.controls=[]")
    (['model', 'controls'], [])
    >>> parse_setting("design.where=age > 30")
    (['design', 'where'], 'age > 30')
    """
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise StudyError(f"setting {shown(setting)}: write it as table.key=value.")
    try:
        found = _loaded(f"value = {text}")
        value = found["value"] if len(found) == 1 else text.strip()
    except tomllib.TOMLDecodeError:
        value = text.strip()
    except (ValueError, RecursionError) as reason:
        raise StudyError(f"setting {shown(setting)}: {reason}. Correct the value.") from None
    return [part.strip() for part in key.split(".")], value


def _apply(raw: dict[str, Any], setting: str) -> None:
    keys, value = parse_setting(setting)
    table = raw
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise StudyError(
                f"setting {shown(setting)}: '{key}' is a value, not a table. Leave out what "
                "follows it in the name."
            )
    table[keys[-1]] = value


def _reserved_problems(raw: dict[str, Any]) -> list[str]:
    """Keys that later versions, or the loaded study itself, keep for themselves."""
    tables = [f"[{name}]" for name in RESERVED if name in raw]
    hidden = [
        f"unknown key '{key}'. {did_you_mean(key, _keys(()))}" for key in raw if key in _HIDDEN
    ]
    if not tables:
        return hidden
    verb = "is reserved and not honoured by this version. Remove it."
    return [f"{', '.join(tables)} {verb}", *hidden]


_TABLES: dict[str, type[BaseModel]] = {
    "scale": Scale,
    "constructs": Construct,
    "model": Model,
    "design": Design,
    "contrasts": Contrast,
}


def _keys(location: tuple[Any, ...]) -> list[str]:
    table = _TABLES.get(str(location[0])) if len(location) > 1 else Study
    fields = set(table.model_fields) if table else set()
    return sorted(fields - _HIDDEN)


def _explain(detail: Any) -> str:
    location = tuple(detail["loc"])
    where = ".".join(str(part) for part in location if part != "[key]")
    if detail["type"] == "extra_forbidden":
        return f"unknown key '{where}'. {did_you_mean(str(location[-1]), _keys(location))}"
    if detail["type"] == "missing":
        return f"'{where}' is missing. See data/README.md for an example study file."
    return f"'{where}' {said(detail)}; found {shown(detail['input'], 80)}."


def details(error: ValidationError) -> list[Any]:
    """What pydantic found; not that a list is empty whose entries were refused.

    Examples
    --------
    >>> try:
    ...     Scale(min="one")
    ... except ValidationError as error:
    ...     [detail["loc"] for detail in details(error)]
    [('min',)]
    """
    return [d for d in error.errors() if d["type"] != "too_short" or not d["input"]]


def said(detail: Any) -> str:
    """Put what pydantic found wrong into the words of a TOML file.

    Examples
    --------
    >>> said({"type": "dict_type", "msg": "Input should be a valid dictionary"})
    'must be a table'
    """
    words = {
        "tuple_type": 'must be a list, such as ["a", "b"]',
        "dict_type": "must be a table",
        "model_type": "must be a table",
        "too_short": "must not be empty",
        "string_type": "must be text in quotes",
        "string_pattern_mismatch": "must be text, not blank, without control characters",
        "float_type": "must be a number",
        "int_type": "must be a whole number",
        "finite_number": "must be a finite number",
    }
    return words.get(detail["type"], str(detail["msg"]).replace("Input should be", "must be"))
