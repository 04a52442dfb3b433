"""TOML files: how they are read, what their values may be, and what is wrong with them in words."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Strict, StringConstraints, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from loyalty_analysis.errors import LoyaltyError, StudyError, shown


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


def read_toml(path: Path, error: type[LoyaltyError]) -> dict[str, Any]:
    """Read a TOML file, or raise an error of the given kind that says why it cannot be read.

    Examples
    --------
    >>> from loyalty_analysis.study import find_study
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


def apply_setting(raw: dict[str, Any], setting: str) -> None:
    """Change one key of a file that was read, as ``"table.key=value"`` says.

    Examples
    --------
    >>> raw = {"model": {"controls": ["age"]}}
    >>> apply_setting(raw, "model.controls=[]")
    >>> raw
    {'model': {'controls': []}}
    """
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


def details(error: ValidationError) -> list[Any]:
    """What pydantic found; not that a list is empty whose entries were refused.

    Examples
    --------
    >>> from loyalty_analysis.study_tables import Scale
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
