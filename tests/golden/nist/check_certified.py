"""Recompute NIST's certified values in exact arithmetic and state the digits that agree.

Run: python check_certified.py (standard library only). Fails unless every certified digit agrees.
"""

from __future__ import annotations

import csv
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent
DIGITS = 15  # NIST prints fifteen significant digits


def read(name: str) -> list[dict[str, str]]:
    """Read a CSV file of this folder as text, so that no digit is lost."""
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cell(row: dict[str, str], term: str) -> Fraction:
    """Give the exact value of a term: the intercept, a column, or a power such as ``x^2``."""
    if term == "(Intercept)":
        return Fraction(1)
    column, _, power = term.partition("^")
    return Fraction(row[column]) ** int(power or 1)


def inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Invert a matrix exactly by Gauss-Jordan elimination."""
    size = len(matrix)
    work = [row + [Fraction(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = next(k for k in range(i, size) if work[k][i])
        work[i], work[pivot] = work[pivot], work[i]
        work[i] = [value / work[i][i] for value in work[i]]
        for k in range(size):
            if k != i:
                factor = work[k][i]
                work[k] = [a - factor * b for a, b in zip(work[k], work[i], strict=True)]
    return [row[size:] for row in work]


def dot(left: list[Fraction], right: list[Fraction]) -> Fraction:
    """Multiply two columns exactly."""
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def least_squares(
    columns: list[list[Fraction]], y: list[Fraction]
) -> tuple[list[Fraction], list[Fraction], Fraction]:
    """Give the exact slopes, their squared standard errors and R squared."""
    bread = inverse([[dot(left, right) for right in columns] for left in columns])
    with_y = [dot(column, y) for column in columns]
    slopes = [dot(row, with_y) for row in bread]
    residual = dot(y, y) - dot(slopes, with_y)
    total = dot(y, y) - sum(y, Fraction(0)) ** 2 / len(y)
    scale = residual / (len(y) - len(columns))
    return slopes, [scale * row[i] for i, row in enumerate(bread)], 1 - residual / total


def decimal(value: Fraction) -> Decimal:
    """Give a fraction to sixty digits."""
    with localcontext(Context(prec=60)):
        return Decimal(value.numerator) / Decimal(value.denominator)


def agreeing_digits(exact: Decimal, certified: str) -> int:
    """Count the significant digits to which the certified value is the rounded exact one."""
    for digits in range(DIGITS, 0, -1):
        context = Context(prec=digits, rounding=ROUND_HALF_EVEN)
        if context.plus(exact) == context.plus(Decimal(certified)):
            return digits
    return 0


def check(name: str, rows: list[dict[str, str]]) -> dict[str, int]:
    """Count, for one data set, the digits to which all its certified values agree."""
    data = read(f"{name}.csv")
    outcome = next(iter(data[0]))
    columns = [[cell(row, term["term"]) for row in data] for term in rows]
    slopes, squares, r2 = least_squares(columns, [Fraction(row[outcome]) for row in data])
    with localcontext(Context(prec=60)):
        errors = [decimal(square).sqrt() for square in squares]
    estimates = [decimal(slope) for slope in slopes]
    return {
        "estimates": min(map(agreeing_digits, estimates, [row["estimate"] for row in rows])),
        "standard errors": min(map(agreeing_digits, errors, [row["std_error"] for row in rows])),
        "R squared": agreeing_digits(decimal(r2), rows[0]["r2"]),
    }


def main() -> None:
    """Print the agreeing digits of every data set and refuse anything short of all of them."""
    for name, rows in groupby(read("certified.csv"), key=lambda row: row["dataset"]):
        digits = check(name, list(rows))
        print(f"{name}: {digits}")
        if min(digits.values()) < DIGITS:
            raise SystemExit(f"{name}: a certified value does not follow from the data")


if __name__ == "__main__":
    main()
