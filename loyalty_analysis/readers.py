"""Reading printed moments: means, SDs and correlations as a person types them from a paper."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from io import StringIO
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError, raise_all
from loyalty_analysis.moments import LARGEST, SMALLEST, Moments

MOST_RESPONDENTS = 10**12
# Correlations written by a program may differ from their mirror image in the last digit.
_ROUNDING = 1e-9


def _require_commas(path: Path, header: list[str]) -> None:
    """Refuse a file with another separator, which would look like one column with a long name."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if ",".join(header).count(separator) > max(len(header) - 1, 0):
            raise DataError(
                f"{path}: columns are separated by {name}. Save the file with commas between "
                "columns and points in decimal numbers."
            )


def read_moments(path: Path) -> Moments:
    """Read moments as a person types them from a paper: n, means, SDs and correlations.

    Parameters
    ----------
    path : pathlib.Path
        CSV with columns variable, n, mean, sd and one column per variable holding the lower
        triangle (or all) of the correlations; lines that begin with ``#`` are comments.

    Returns
    -------
    Moments

    Raises
    ------
    DataError
        Naming every cell that cannot be: a correlation beyond 1, a non-positive SD, unequal n, an
        asymmetric or impossible table.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
            written = [line for line in lines if not line.startswith("#")]
            _require_commas(path, next(csv.reader(written), []))
            table = pd.read_csv(StringIO("".join(written)), index_col=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = str(error).strip()
        raise DataError(
            f"{path}: not a readable moments table ({reason}). Write commas between columns and "
            "points in decimal numbers; data/README.md shows a table."
        ) from None
    except pd.errors.ParserWarning:
        raise DataError(
            f"{path}: rows hold more fields than the header names. Name every variable."
        ) from None
    fixed = ["variable", "n", "mean", "sd"]
    missing = [name for name in fixed if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: column {', '.join(missing)} is missing. Needed: {', '.join(fixed)}."
        )
    names = [str(name) for name in table["variable"]]
    if list(table.columns) != [*fixed, *names]:
        raise DataError(
            f"{path}: the header must be variable, n, mean, sd and then the variables in the order "
            f"of the rows: {', '.join(names)}. {_first_difference(list(table.columns)[4:], names)}"
        )
    numbers = table.drop(columns="variable").apply(pd.to_numeric, errors="coerce").astype(float)
    raise_all(DataError, str(path), list(_texts(table.set_index("variable"), numbers)))
    correlation = _symmetric(numbers[names].to_numpy())
    raise_all(DataError, str(path), _moment_problems(numbers, names, correlation))
    n, sd = int(numbers["n"].iloc[0]), numbers["sd"].to_numpy()
    cross = (correlation + correlation.T) / 2 * np.outer(sd, sd) * (n - 1)
    return Moments(tuple(names), n, float(n), float(n), numbers["mean"].to_numpy(), cross)


def _texts(table: pd.DataFrame, numbers: pd.DataFrame) -> Iterator[str]:
    for column in numbers:
        text = table[column][(numbers[column].isna().to_numpy()) & table[column].notna()]
        for variable, cell in text.items():
            yield f"column '{column}' of {variable} holds {cell!r} where a number belongs."


def _first_difference(header: list[str], rows: list[str]) -> str:
    for number, (column, row) in enumerate(zip_longest(header, rows, fillvalue="nothing"), 1):
        if column != row:
            return f"Variable {number} is {column} in the header and {row} in the rows."
    return "Begin with variable, n, mean, sd."


def _symmetric(table: np.ndarray) -> np.ndarray:
    lower = np.where(np.isnan(table), table.T, table)
    return np.where(np.eye(len(lower), dtype=bool) & np.isnan(lower), 1.0, lower)


def _moment_problems(numbers: pd.DataFrame, names: list[str], correlation: np.ndarray) -> list[str]:
    problems = []
    n = numbers["n"]
    counts = n.between(3, MOST_RESPONDENTS).all()
    if not counts or n.nunique() != 1 or n.iloc[0] % 1:
        problems.append("n must be one whole number of 3 or more, the same in every row.")
    for column in ("mean", "sd"):
        known = np.isfinite(numbers[column])
        wrong = [name for name, number in zip(names, known, strict=True) if not number]
        problems += [f"{column} of {', '.join(wrong)} is not a number."] if wrong else []
    flat = [name for name, value in zip(names, numbers["sd"], strict=True) if value <= 0]
    if flat:
        problems.append(
            f"sd of {', '.join(flat)} is not positive; it must be, or leave the variable out."
        )
    sizes = numbers[["mean", "sd"]].abs().where(np.isfinite)
    odd = (sizes > LARGEST).any(axis=1) | ((sizes["sd"] < SMALLEST) & (numbers["sd"] > 0))
    problems += [
        f"mean or sd of {name} cannot be calculated with; sizes from {SMALLEST:g} to {LARGEST:g} "
        "can. Change its unit."
        for name, is_odd in zip(names, odd, strict=True)
        if is_odd
    ]
    for i, a in enumerate(names):
        for j, b in enumerate(names[: i + 1]):
            value, mirror = correlation[i, j], correlation[j, i]
            if np.isnan(value):
                problems.append(f"the correlation of {a} and {b} is empty. Every pair needs one.")
            elif i == j and abs(value - 1) > _ROUNDING:
                problems.append(f"the correlation of {a} with itself is {value:g}; it must be 1.")
            elif abs(value) > 1 + _ROUNDING:
                problems.append(
                    f"the correlation of {a} and {b} is {value:g}; it must lie between -1 and 1."
                )
            elif abs(value - mirror) > _ROUNDING:
                problems.append(
                    f"the correlation of {a} and {b} is {value:g} below the diagonal and "
                    f"{mirror:g} above. Correct one, or leave the upper half empty."
                )
    if not problems and np.linalg.eigvalsh(correlation)[0] < -1e-8:
        problems.append(
            "no data can have these correlations together (not positive semidefinite). Compare "
            "them with the printed table."
        )
    return problems
