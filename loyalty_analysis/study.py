"""The study: what a survey measures and what is asked of it, declared in study.toml and frozen.

A :class:`Study` is what every other function may ask. Users change TOML, not code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, Strict, ValidationError

from loyalty_analysis.addresses import KINDS, Address, address_of
from loyalty_analysis.contradictions import contradictions, present
from loyalty_analysis.errors import StudyError, did_you_mean, raise_all, shown
from loyalty_analysis.resources import files_in, seen, shipped_studies
from loyalty_analysis.study_tables import (
    Construct,
    Contrast,
    Design,
    Experiment,
    Further,
    Gates,
    Levels,
    Model,
    Quality,
    Reports,
    Scale,
    Table,
    Types,
)
from loyalty_analysis.toml_files import Name, Names, apply_setting, details, read_toml, said

_HIDDEN = {"path", "settings", "part", "file_labels"}
_SEEN = (
    "exploratory = true, and the file names no hold-out that large: respondents who were seen "
    "cannot be held out any more. Judge it on a new wave; or, where it was explored with "
    "--holdout, write that share into the file, such as holdout = 0.3."
)
MOMENTS_FILE = "moments.csv"
TYPES = "types"
"""Name of the further model of attitude and patronage."""


class Study(Table):
    """A study file, checked and frozen.

    Attributes
    ----------
    title, origin : str
        Name in words; ``"real"`` or ``"simulated"``.
    exploratory : bool
        Whether what is judged was chosen after seeing the data.
    holdout : float
        Share of respondents held out before anything is looked at: what is analysed of a study
        that is exploratory, and what is not analysed of any other.
    data : str
        Data file or address as written in the study; files are relative to it.
    claims : tuple of str
        Shipped claim sets by name, own ones by file name.
    scale, constructs, model, models, paths, levels, types, experiment, design, contrasts, gates,\
    quality, reports
        The tables of the study file.
    part : str
        Of a view (:meth:`view`) the further model it is of; empty for the study itself.
    path : pathlib.Path
        Where the study file is.
    file_labels : dict
        Labels of columns that the data file itself holds, once it is read.

    Examples
    --------
    >>> study = load_study("rice_simulated")
    >>> study.is_simulated, study.model.mediator
    (True, 'satisfaction')
    """

    title: Name
    data: Name
    origin: Literal["real", "simulated"]
    exploratory: bool = False
    holdout: float = Field(default=0.0, ge=0, lt=1)
    claims: Names = Field(min_length=1)
    scale: Scale = Scale()
    constructs: dict[Name, Construct] = Field(min_length=1)
    model: Model
    models: dict[Name, Further] = Field(default_factory=dict)
    paths: dict[Name, Names] = Field(default_factory=dict)
    levels: Levels | None = None
    types: Types | None = None
    experiment: Experiment | None = None
    design: Design = Design()
    contrasts: dict[Name, Contrast] = Field(default_factory=dict)
    gates: Gates = Gates()
    quality: Quality = Quality()
    reports: Reports = Reports()
    path: Path = Field(default=Path("study.toml"), exclude=True, strict=False)
    settings: Annotated[tuple[str, ...], Strict(False)] = Field(default=(), exclude=True)
    part: str = Field(default="", exclude=True)
    file_labels: dict[str, str] = Field(default_factory=dict, exclude=True)

    @property
    def name(self) -> str:
        """Name of the folder that holds the study file."""
        return self.path.resolve().parent.name

    @property
    def address(self) -> Address:
        """Where the data lie: a file, a sheet, a table or query of a database."""
        return address_of(self.data, self.path.parent)

    @property
    def data_path(self) -> Path:
        """Path of the data file; of a server, a path where nothing is."""
        found = self.address
        return found.file or self.path.parent / found.text

    @property
    def from_moments(self) -> bool:
        """Whether the study is known only by its moments."""
        return self.data_path.name.endswith(MOMENTS_FILE)

    @property
    def is_simulated(self) -> bool:
        """Whether the respondents were simulated."""
        return self.origin == "simulated"

    @property
    def is_held_out(self) -> bool:
        """Whether respondents are analysed who were held out while others were explored."""
        return self.exploratory and self.holdout > 0

    @property
    def is_exploratory(self) -> bool:
        """Whether respondents judge what was chosen after seeing them."""
        return self.exploratory and not self.holdout

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

    @property
    def parts(self) -> tuple[str, ...]:
        """The models of the study in the order claims try them: its own, further ones, types."""
        return ("", *self.models, *([TYPES] if self.types else []))

    def view(self, part: str) -> Study:
        """The study with one of its further models in the place of its own.

        Examples
        --------
        >>> study = load_study("rice_simulated", ["models.few={drivers = ['affective', 'forced']}"])
        >>> study.parts, study.view("few").model.drivers, study.view("few").model.mediator
        (('', 'few'), ('affective', 'forced'), None)
        """
        if not part:
            return self
        types = self.types
        further = self.models.get(part)
        if further is None:
            assert types is not None and part == TYPES
            own = (types.attitude, types.patronage)
            further = Further(drivers=own, outcomes=types.outcomes)
        kinds = self.model.outcomes
        chosen = further.outcomes or tuple(kinds) if further.drivers else ()
        model = self.model.model_copy(
            update={
                "drivers": further.drivers,
                "mediator": further.mediator,
                "outcomes": {name: kinds[name] for name in chosen},
                "moderators": (),
            }
        )
        changed = {"model": model, "paths": further.paths, "models": {}, "types": None}
        # Groups are compared, and moderators tried, in the study's own model.
        groups = {"contrasts": {}, "design": self.design.model_copy(update={"groups": ()})}
        return self.model_copy(update={**changed, **groups, "part": part})

    @property
    def analysed(self) -> tuple[str, ...]:
        """Every construct that respondents have to be complete on: of all models, levels, types."""
        used = [name for part in self.parts for name in self.view(part).model_constructs]
        used += [self.levels.measure] if self.levels else []
        used += [self.experiment.treatment] if self.experiment else []
        return tuple(name for name in dict.fromkeys(used) if name in self.constructs)

    def items_of(self, construct: str) -> tuple[str, ...]:
        """Items of a construct; the column of its own name when none are declared."""
        return self.constructs[construct].items or (construct,)

    def scale_of(self, construct: str) -> Scale:
        """Scale of a construct: its own settings, else those of ``[scale]``."""
        own, general = self.constructs[construct], self.scale
        bounded = own.min is not None or own.max is not None
        answers = own.answers or (() if bounded else general.answers)
        low = general.min if own.min is None else own.min
        high = general.max if own.max is None else own.max
        if answers and (low is None or high is None or (own.answers and not bounded)):
            fits = low is not None and high is not None and high - low + 1 == len(answers)
            low, high = (low, high) if fits else (1.0, float(len(answers)))
        return Scale(
            min=low,
            max=high,
            answers=answers,
            missing=own.missing if "missing" in own.model_fields_set else general.missing,
            min_items=own.min_items or general.min_items,
        )

    def label(self, name: str) -> str:
        """Display label of a construct, column or term: the study's, else the data file's.

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
        items = (name,) if construct is None else self.items_of(name)
        if len(items) == 1 and items[0] in self.file_labels:
            return self.file_labels[items[0]]
        column, bracket, level = name.partition("[")
        if bracket and column in self.file_labels:
            return f"{self.file_labels[column]}: {level.removesuffix(']')}"
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
    explored, kept = raw.get("exploratory") is True, raw.get("holdout", 0.0)
    for setting in settings:
        apply_setting(raw, setting)
    problems = [
        f"unknown key '{key}'. {did_you_mean(key, _keys(()))}" for key in raw if key in _HIDDEN
    ]
    asked = {key: value for key, value in raw.items() if key not in _HIDDEN}
    try:
        loaded = Study.model_validate({**asked, "path": path, "settings": tuple(settings)})
    except ValidationError as error:
        problems += [_explain(detail) for detail in details(error)]
    raise_all(StudyError, str(path), problems)
    larger = not isinstance(kept, int | float) or loaded.holdout > kept
    seen_before = [_SEEN] if explored and loaded.exploratory and larger else []
    raise_all(StudyError, str(path), [*seen_before, *contradictions(loaded)])
    return loaded


def find_study(study: str | Path) -> Path:
    """Find a study file by path, by folder, or by the name of a shipped study.

    Raises
    ------
    StudyError
        When there is none, or it is a data file; the message says what to do.

    Examples
    --------
    >>> find_study("bank_customers").name
    'study.toml'
    """
    if not isinstance(study, str | Path):
        raise StudyError(
            f"{study!r} is no study: give the path of a study.toml, its folder, or the name of a "
            "shipped study."
        )
    path = Path(study)
    is_folder = seen(path.is_dir)
    file = path / "study.toml" if is_folder else path
    if seen(file.is_file):
        if file.suffix.lower() in KINDS:
            raise StudyError(
                f"{study}: is a data file, not a study. `loyalty new {study}` drafts a study."
            )
        return file
    names = shipped_studies()
    if str(study) in names:
        return names[str(study)]
    found = "the folder holds no study.toml" if is_folder else "no such study file or folder"
    data = files_in(path, KINDS) if is_folder else []
    if data:
        raise StudyError(f"{study}: {found}. `loyalty new {path / data[0]}` drafts one.")
    raise StudyError(
        f"{study}: {found}, and no shipped study has that name. {did_you_mean(str(study), names)}"
    )


_TABLES: dict[str, type[BaseModel]] = {
    "scale": Scale,
    "constructs": Construct,
    "model": Model,
    "models": Further,
    "levels": Levels,
    "types": Types,
    "experiment": Experiment,
    "design": Design,
    "contrasts": Contrast,
    "gates": Gates,
    "quality": Quality,
    "reports": Reports,
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
