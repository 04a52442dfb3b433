"""Filters: which rows of a file are kept, in a small language that can neither run code nor hang.

A filter looks like Python and is read as such, but only what stands here is understood: it is
evaluated column by column, and nothing is ever called by a name that the filter gives.
"""

from __future__ import annotations

import ast
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import pandas as pd

from loyalty_analysis.errors import DataError, StudyError, did_you_mean, shown

REMEDY = "Write a comparison of columns such as \"country == 'US' and age > 30\"."
ALLOWED = (
    "Allowed are columns (in backticks where a name holds spaces), numbers, texts in quotes, "
    "== != < <= > >=, in and not in with a list, and, or, not, + - * / %, .isin(list), "
    ".isna(), .notna(), .between(low, high), .str.startswith(text), .str.endswith(text) and "
    ".str.contains(text)."
)
LONGEST = 10_000
"""Characters of a filter; a list of values that long belongs into a column of the file."""

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
# No powers: 9**9**9 would never end.
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}
_QUESTIONS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "isna": pd.Series.isna,
    "notna": pd.Series.notna,
}
_TEXT_QUESTIONS: dict[str, Callable[[pd.Series, str], pd.Series]] = {
    "startswith": lambda column, text: column.str.startswith(text, na=False),
    "endswith": lambda column, text: column.str.endswith(text, na=False),
    "contains": lambda column, text: column.str.contains(text, regex=False, na=False),
}
# Texts stay as they are; beside them, names in backticks and signs that Python reads otherwise.
_OUTSIDE = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|`(?P<name>[^`]*)`"""
    r"""|(?P<sign>[&|\s#]|(?<![=!<>])=(?!=))"""
)
_SIGNS = {"&": " and ", "|": " or "}


class _FilterError(Exception):
    """Why a filter cannot be applied, in the middle of a sentence."""


def filtered(raw: pd.DataFrame, where: str, path: str) -> pd.DataFrame:
    """Keep the rows that a filter says yes to.

    Parameters
    ----------
    raw : DataFrame
        As read.
    where : str
        Such as ``"country == 'US' and age > 30"``; a missing answer says no, except to ``!=``.
    path : str
        Name of the file, for errors.

    Returns
    -------
    DataFrame

    Raises
    ------
    StudyError
        When the filter names an unknown column, or holds what is not allowed.
    DataError
        When it leaves no row.

    Examples
    --------
    >>> rows = pd.DataFrame({"country": ["US", "DE", "US"], "age": [25, 40, 62]})
    >>> filtered(rows, "country == 'US' and age > 30", "survey.csv")
      country  age
    2      US   62
    """
    said = f"{path}: filter {shown(where, 200)}"
    try:
        inside = _yes_or_no(_value(_parsed(where), _by_name(raw)))
    except _FilterError as reason:
        raise StudyError(f"{said} cannot be applied: {reason}") from None
    except RecursionError:
        raise StudyError(f"{said} cannot be applied: too many parts. Shorten it.") from None
    if not inside.any():
        raise DataError(f"{said} leaves no respondent. Widen it.")
    return raw[inside]


def columns_of(where: str) -> set[str]:
    """Name what a filter asks about; nothing when it cannot be read.

    Examples
    --------
    >>> sorted(columns_of("country == 'US' and age > 30"))
    ['age', 'country']
    """
    try:
        return {node.id for node in ast.walk(_parsed(where)) if isinstance(node, ast.Name)}
    except (_FilterError, RecursionError):
        return set()


def _parsed(where: str) -> ast.expr:
    """The filter as a tree; names in backticks are put back as they were."""
    names: dict[str, str] = {}

    def plain(found: re.Match[str]) -> str:
        if found["sign"] == "#":
            raise _FilterError(f"a comment does not belong there. {REMEDY}")
        if found["sign"] == "=":
            raise _FilterError(f"'=' compares nothing, '==' does. {REMEDY}")
        if found["sign"]:
            return _SIGNS.get(found["sign"], " ")
        if found["name"] is None:
            return found["text"]
        label = f"backticked_{len(names)}_"
        names[label] = found["name"]
        return label

    if len(where) > LONGEST:
        raise _FilterError(f"it is longer than {LONGEST:,} characters. Shorten it.")
    text = _OUTSIDE.sub(plain, where).strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Warning)
            tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError) as reason:
        why = reason.msg if isinstance(reason, SyntaxError) else str(reason) or "too many parts"
        raise _FilterError(f"{why}. {REMEDY}") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return tree


def _by_name(raw: pd.DataFrame) -> dict[str, pd.Series]:
    """Columns by name, also as Python reads it, which spells some letters another way."""
    columns = {str(name): raw[name] for name in raw.columns}
    return {
        unicodedata.normalize("NFKC", name): column for name, column in columns.items()
    } | columns


def _value(node: ast.expr, columns: Mapping[str, pd.Series]) -> Any:
    """A column, a number or a text: what one part of a filter comes to."""
    match node:
        case ast.Name(id=name) if name in columns:
            return columns[name]
        case ast.Name(id=name):
            raise _FilterError(f"no column is called '{name}'. {did_you_mean(name, columns)}")
        case ast.Constant(value=bool() | str() | float() as value):
            return value
        case ast.Constant(value=int() as value):
            return value if abs(value) < 2**63 else _number(value)
        case ast.BoolOp(op=op, values=parts):
            each = [_yes_or_no(_value(part, columns)) for part in parts]
            return reduce(operator.and_ if isinstance(op, ast.And) else operator.or_, each)
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=inner):
            return ~_yes_or_no(_value(inner, columns))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_number(_value(inner, columns))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            sides = (_number(_value(side, columns)) for side in (left, right))
            return _applied(_ARITHMETIC[type(op)], *sides)
        case ast.Compare():
            return _comparison(node, columns)
        case ast.Call(func=ast.Attribute(attr=name, value=of), args=given, keywords=[]):
            return _question(name, of, given, columns)
    raise _not_understood(node)


def _comparison(node: ast.Compare, columns: Mapping[str, pd.Series]) -> Any:
    """Compare neighbours, each with the next: ``18 <= age < 65`` are two comparisons."""
    found, left = [], _value(node.left, columns)
    for op, part in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            inside = _inside(_column(left), part, columns)
            found.append(inside if isinstance(op, ast.In) else ~inside)
        elif type(op) in _COMPARISONS:
            right = _value(part, columns)
            found.append(_yes_or_no(_applied(_COMPARISONS[type(op)], left, right)))
            left = right
        else:
            raise _not_understood(node)
    return reduce(operator.and_, found)


def _question(
    name: str, of: ast.expr, given: list[ast.expr], columns: Mapping[str, pd.Series]
) -> pd.Series:
    """Ask a column one of the few questions that have a name."""
    match of, given:
        case _, [] if name in _QUESTIONS:
            return _QUESTIONS[name](_column(_value(of, columns)))
        case _, [values] if name == "isin":
            return _inside(_column(_value(of, columns)), values, columns)
        case _, [low, high] if name == "between":
            column = _column(_value(of, columns))
            above = _applied(operator.ge, column, _value(low, columns))
            return above & _applied(operator.le, column, _value(high, columns))
        case ast.Attribute(attr="str", value=inner), [ast.Constant(value=str() as text)] if (
            name in _TEXT_QUESTIONS
        ):
            column = _column(_value(inner, columns))
            if not pd.api.types.is_string_dtype(column):
                raise _FilterError(f"column '{column.name}' holds no texts. {REMEDY}")
            return _TEXT_QUESTIONS[name](column, text)
    raise _FilterError(f"{shown('.' + name)} is not understood here. {ALLOWED}")


def _not_understood(node: ast.expr) -> _FilterError:
    return _FilterError(f"{shown(ast.unparse(node))} is not understood. {ALLOWED}")


def _kind(value: Any) -> str:
    """What a column or a value holds: numbers, texts, or yes and no."""
    if isinstance(value, pd.Series):
        if pd.api.types.is_bool_dtype(value.dropna().infer_objects()):
            return "yes or no"
        return "numbers" if pd.api.types.is_numeric_dtype(value) else "texts"
    return (
        "yes or no" if isinstance(value, bool) else "texts" if isinstance(value, str) else "numbers"
    )


def _alike(left: Any, right: Any) -> None:
    """Refuse to compare texts with numbers: it would be unequal for everyone, in silence."""
    kinds = _kind(left), _kind(right)
    if kinds[0] != kinds[1]:
        names = [
            f"column '{side.name}'" if isinstance(side, pd.Series) else shown(side)
            for side in (left, right)
        ]
        raise _FilterError(
            f"it compares texts with numbers, or yes with either: {names[0]} is of {kinds[0]}, "
            f"{names[1]} of {kinds[1]}. Put texts in quotes, and numbers in none."
        )


def _applied(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if operation in _COMPARISONS.values():
        _alike(left, right)
    try:
        return operation(left, right)
    except TypeError:
        raise _FilterError(f"it compares texts with numbers. {REMEDY}") from None
    except ArithmeticError as reason:
        raise _FilterError(f"{reason}. {REMEDY}") from None


def _inside(column: pd.Series, node: ast.expr, columns: Mapping[str, pd.Series]) -> pd.Series:
    values = _values(node, columns)
    for value in values:
        _alike(column, value)
    return column.isin(values)


def _values(node: ast.expr, columns: Mapping[str, pd.Series]) -> list[Any]:
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        raise _FilterError("write what follows 'in' as a list, such as ['US', 'DE'].")
    values = [_value(one, columns) for one in node.elts]
    if any(isinstance(one, pd.Series) for one in values):
        raise _FilterError("a list holds numbers or texts in quotes, not columns.")
    return values


def _column(value: Any) -> pd.Series:
    if isinstance(value, pd.Series):
        return value
    raise _FilterError(f"{shown(str(value))} is no column. {REMEDY}")


def _number(value: Any) -> Any:
    """A column of numbers, or one number, as floats: these have an end."""
    text = isinstance(value, str | bool) or (
        isinstance(value, pd.Series) and not pd.api.types.is_numeric_dtype(value)
    )
    if text:
        raise _FilterError(f"only numbers can be calculated with. {REMEDY}")
    try:
        return value.astype(float) if isinstance(value, pd.Series) else float(value)
    except OverflowError:
        raise _FilterError("it holds a number beyond 1e308.") from None


def _yes_or_no(value: Any) -> pd.Series:
    """Anything but yes or no for each row would select rows by their number."""
    if isinstance(value, pd.Series) and pd.api.types.is_bool_dtype(value):
        return value
    raise _FilterError(f"it does not say yes or no for each row. {REMEDY}")
