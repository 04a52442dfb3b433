"""The questionnaire: one source file, read, checked and frozen.

Its study and files are written by :mod:`loyalty_analysis.instrument`; answers come back through
:mod:`loyalty_analysis.exports`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, Strict, ValidationError

from loyalty_analysis.errors import InputError, did_you_mean, raise_all, shown
from loyalty_analysis.resources import shipped
from loyalty_analysis.study_tables import Table
from loyalty_analysis.toml_files import Line, Name, Prose, details, read_toml, said

Lines = Annotated[tuple[Line, ...], Strict(False)]
_NAMING = ("mediator", "measure", "marker")


class AnswerScale(Table):
    """What statements are answered on: the question above them and the points, lowest first."""

    ask: Prose
    points: Lines = Field(min_length=2)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Every point as it is offered: its number, and its label where it has one."""
        numbered = enumerate(self.points, 1)
        return tuple(
            Choice(value=str(k), label=f"{k} = {label}" if label else str(k))
            for k, label in numbered
        )


class Choice(Table):
    """One answer of a question: what the file holds and what respondents read."""

    value: Name
    label: Line


class Statements(Table):
    """Statements that measure one construct. ``reversed`` counts from 1."""

    name: Name
    label: Line
    meaning: Prose
    answers: Name
    items: Lines = Field(min_length=1)
    reversed: Annotated[tuple[int, ...], Strict(False)] = ()
    hint: Prose = ""

    def ask(self, scale: AnswerScale) -> str:
        """The question above the statements."""
        return " ".join(filter(None, [scale.ask, self.hint]))

    @property
    def columns(self) -> tuple[str, ...]:
        """Column of every statement."""
        return tuple(f"{self.name}_{k}" for k in range(1, len(self.items) + 1))


class Question(Table):
    """One question: a number, or one of several choices, or a point of an answer scale.

    ``passes`` is the smallest answer of those who go on. ``study`` declares it as a construct.
    """

    name: Name
    text: Prose
    meaning: Prose = ""
    choices: Annotated[tuple[Choice, ...], Strict(False)] = ()
    answers: Name | None = None
    min: int | None = None
    max: int | None = None
    passes: int | None = None
    study: dict[str, Any] | None = None


class Block(Table):
    """Questions on one subject. Only those that are not ``required`` may be left out."""

    name: Name
    title: Line
    intro: Prose = ""
    required: bool = False
    scale: Annotated[tuple[Statements, ...], Strict(False)] = ()
    question: Annotated[tuple[Question, ...], Strict(False)] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the block in the order they are asked in."""
        scales = (column for scale in self.scale for column in scale.columns)
        return (*scales, *(question.name for question in self.question))

    @property
    def names(self) -> frozenset[str]:
        """Its constructs and questions."""
        scales = (scale.name for scale in self.scale)
        return frozenset([*scales, *(question.name for question in self.question)])


class Instrument(Table):
    """A questionnaire.

    Attributes
    ----------
    title, name, version, about : str
        Heading; identifier of the form; its version; where the items come from.
    seconds_per_answer : float
        Assumed, to say how long it takes.
    placeholders : dict of str
        What stands in braces in texts, and what is put there unless the form is told otherwise.
    scales : dict of AnswerScale
    block : tuple of Block
    study : dict
        Tables of the study file that is not about items.

    Examples
    --------
    >>> instrument = load_instrument()
    >>> instrument.columns[:4], len(instrument.columns)
    (('consent', 'age', 'customer', 'satisfaction_1'), 135)
    """

    title: Line
    name: Name
    version: Name
    about: Prose
    seconds_per_answer: float
    placeholders: dict[str, Line]
    scales: dict[Name, AnswerScale]
    block: Annotated[tuple[Block, ...], Strict(False)] = Field(min_length=1)
    study: dict[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that respondents fill, in the order they are asked in."""
        return tuple(column for block in self.block for column in block.columns)

    @property
    def questions(self) -> tuple[Question, ...]:
        """Questions of all blocks."""
        return tuple(question for block in self.block for question in block.question)

    @property
    def minutes(self) -> int:
        """About how long it takes."""
        return round(len(self.columns) * self.seconds_per_answer / 60)

    @property
    def offered(self) -> dict[str, tuple[Choice, ...]]:
        """Answers that each column offers; none where a number is asked for."""
        found = {question.name: self.choices(question) for question in self.questions}
        for scale in (scale for block in self.block for scale in block.scale):
            found |= dict.fromkeys(scale.columns, self.scales[scale.answers].choices)
        return found

    def choices(self, question: Question) -> tuple[Choice, ...]:
        """Answers that a question offers; none where a number is asked for."""
        return self.scales[question.answers].choices if question.answers else question.choices

    def without(self, blocks: Iterable[str]) -> Instrument:
        """The questionnaire without some of its blocks; its study no longer names what they ask.

        Raises
        ------
        InputError
            When there is no such block, or it may not be left out.

        Examples
        --------
        >>> short = load_instrument().without(["bonds", "habits", "reciprocity"])
        >>> len(short.columns), short.minutes, short.study["models"]["reciprocity"]
        (93, 12, {'paths': {'affective': ['usability']}})
        """
        left_out = set(blocks)
        optional = [block.name for block in self.block if not block.required]
        for name in sorted(left_out - set(optional)):
            raise InputError(f"block '{name}' cannot be left out. {did_you_mean(name, optional)}")
        kept = tuple(block for block in self.block if block.name not in left_out)
        gone = {name for block in self.block if block not in kept for name in block.names}
        return self.model_copy(update={"block": kept, "study": _study_without(self.study, gone)})


def load_instrument(path: str | Path | None = None) -> Instrument:
    """Read a questionnaire; the shipped one where no file is named.

    Raises
    ------
    InputError
        When the file cannot be read, is malformed, or names a scale or column that cannot be.
    """
    file = Path(path) if path else shipped("data") / "instrument" / "instrument.toml"
    raw = read_toml(file, InputError)
    try:
        loaded = Instrument.model_validate(raw)
    except ValidationError as error:
        found = [
            f"'{'.'.join(map(str, detail['loc']))}' {said(detail)}; found {shown(detail['input'])}."
            for detail in details(error)
        ]
        raise_all(InputError, str(file), found)
    raise_all(InputError, str(file), _problems(loaded))
    return loaded


def _problems(instrument: Instrument) -> list[str]:
    columns = instrument.columns
    found = [
        f"column '{name}' is asked for twice. Rename one."
        for name in sorted({name for name in columns if columns.count(name) > 1})
    ]
    scales = (scale for block in instrument.block for scale in block.scale)
    asked: list[Statements | Question] = [*scales, *instrument.questions]
    for one in asked:
        if one.answers is not None and one.answers not in instrument.scales:
            hint = did_you_mean(one.answers, instrument.scales)
            found.append(f"no [scales.{one.answers}]. {hint}")
    return found


def _study_without(study: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """The study file's tables when some constructs are not asked for."""
    kept = _pruned(study, gone)
    for name in ("levels", "types"):
        if name in study and len(kept.get(name, {})) < len(study[name]):
            kept.pop(name, None)
    own = set(kept["model"]["drivers"])
    kept["models"] = {
        name: model
        for name, model in kept.get("models", {}).items()
        if set(model.get("drivers", ())) - own or "paths" in model
    }
    return kept


def _pruned(value: Any, gone: set[str]) -> Any:
    """Without names that are gone, and without what is empty then."""
    if isinstance(value, list):
        return [one for one in value if one not in gone]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _pruned(one, gone)
        for key, one in value.items()
        if key not in gone and not (key in _NAMING and one in gone)
    }
    return {key: one for key, one in kept.items() if one not in ([], {}) or value[key] == one}


def filled(text: str, instrument: Instrument, mark: str) -> str:
    """Put a form's own field where a placeholder stands; ``%s`` in the mark is its name.

    Examples
    --------
    >>> filled("Do you like {brand}?", load_instrument(), "${%s}")
    'Do you like ${brand}?'
    """
    for name in instrument.placeholders:
        text = text.replace(f"{{{name}}}", mark % name)
    return text
