"""Broken data files for property tests: cells, columns, rows, headers and bytes of a sound one."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable

import numpy as np
import pandas as pd
from hypothesis import strategies as st


@st.composite
def broken_bytes(draw: st.DrawFn, sound: bytes) -> bytes:
    """A file with a few stretches of bytes changed, cut out or doubled."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 12)))
        put = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from(
                    [b'"', b"'", b",", b";", b"\n", b"\r", b"\t", b"\x00", b"\xff\xfe", b"=", b"[",
                     b"]", b"{", b"}", b"#", b".", b"-", b"e", b"9" * 30, b"1e999", b"\xef\xbb\xbf",
                     b"nan", b"inf", b"\xc3", b"\xe2\x80\xa8", b"@", b"=1+1"]
                ),
                st.just(bytes(content[start:end] * 2)),
            )
        )  # fmt: skip
        content[start:end] = put
    return bytes(content)


# Changes to the rows of a file

Rows = list[list[str]]

CELLS = [
    "", " ", "0", "1", "4", "7", "8", "-99", "99", "4.5", "4,5", "1e308", "-1e308", "1e-320", "inf",
    "-inf", "nan", "NaN", "NA", "null", "None", "9" * 25, "9" * 400, "0x10", "1_000", "1 000", "$4",
    "50%", "true", "True", "FALSE", "2024-02-29", "29.02.2024", "12:00", "often", "agree", "=1+1",
    "@SUM(A1)", "'", '"', '""', "a,b", "a\nb", "a\r\nb", "\x00", "\ufeff", "\u00a0", "４", "²",
    "<b>x</b>", "x" * 3000, "🙂", "-", "+", "1e", "1e5000", "0.1e1", " 4 ", "04", "goods", "male",
]  # fmt: skip
HEADERS = [
    "affective", "forced", "satisfaction", "search", "aff1", "aff2", "sat1", "for3", "age", "w",
    "gender", "index", "(Intercept)", "mean", "n", "level_0", "rule", "gender[male]", "age[x]",
    "a:b", "affective:shown", "Unnamed: 0", "aff1.1", "#", "", " ", "\n", "a\nb", "\x00",
    "\x1b[31mred", "x" * 500, "Läden", "ﬁ", "<b>x</b>", "'", '"', "`",
]  # fmt: skip
SCALES = ["1e-320", "1e-308", "1e-150", "1e-12", "1e6", "1e12", "1e150", "1e300", "-1"]


def table_of(frame: pd.DataFrame) -> Rows:
    """A frame as the cells of a CSV file, header first."""
    return [list(map(str, row)) for row in [frame.columns, *frame.to_numpy(dtype=object)]]


def csv_text(table: Rows, quoted: bool = True) -> str:
    """Cells as a CSV file; without quotes, commas and line breaks inside cells break it."""
    if not quoted:
        return "".join(",".join(row) + "\n" for row in table)
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(table)
    return target.getvalue()


TELLING = ["w", "age", "gender", "gender2", "shown", "industry", "sector", "id", "usability"]
"""Columns that designs name: more changes are made to these."""
Verb = Callable[[st.DrawFn, Rows, int, int], None]


def _change_cells(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    for _ in range(draw(st.integers(1, 5))):
        table[draw(st.integers(1, len(table) - 1))][number] = draw(st.sampled_from(CELLS))


def _fill(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    """Fill a column with a few values in turn: one makes it constant."""
    chosen = draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=6))
    for i, row in enumerate(table[1:]):
        row[number] = chosen[i % len(chosen)]


def _almost_constant(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    for row in table[2:]:
        row[number] = table[1][number]
    table[-1][number] = draw(st.sampled_from(CELLS))


def _distinct(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    start = draw(st.sampled_from(["", "g", "0."]))
    for i, row in enumerate(table[1:]):
        row[number] = f"{start}{i}"


def _copy(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    for row in table[1:]:
        row[number] = row[other]


def _scale(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    factor = float(draw(st.sampled_from(SCALES)))
    for row in table[1:]:
        with contextlib.suppress(ValueError):
            row[number] = repr(float(row[number]) * factor)


def _make_holes(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    for row in table[1 :: draw(st.integers(1, 5))]:
        row[number] = ""


def _rename(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    table[0][number] = draw(st.sampled_from([*HEADERS, table[0][other]]))


def _drop_column(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    for row in table:
        del row[number : number + 1]


def _shorten_rows(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    for row in table[1 : draw(st.integers(2, len(table)))]:
        del row[number:]


def _lengthen_rows(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    for row in table[1 : draw(st.integers(2, len(table)))]:
        row.append(draw(st.sampled_from(CELLS)))


def _drop_rows(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    del table[1 + draw(st.integers(0, 30)) :]


def _repeat_rows(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    table += [list(row) for row in table[1 : 1 + draw(st.integers(1, len(table)))]]


def _shuffle(draw: st.DrawFn, table: Rows, number: int, other: int) -> None:
    table[1:] = draw(st.permutations(table[1:]))


# These leave rows of different lengths: nothing can follow.
LAST: list[Verb] = [_shorten_rows, _lengthen_rows]
VERBS: list[Verb] = [
    _change_cells, _change_cells, _fill, _fill, _almost_constant, _distinct, _copy, _scale,
    _make_holes, _rename, _drop_column, _drop_rows, _repeat_rows, _shuffle, *LAST,
]  # fmt: skip


@st.composite
def broken_rows(draw: st.DrawFn, sound: Rows) -> Rows:
    """A table of cells with one to four changes to cells, columns, rows or the header."""
    table = [list(row) for row in sound]
    for _ in range(draw(st.integers(1, 4))):
        width = len(table[0])
        if width < 2 or len(table) < 3:
            break
        telling = [table[0].index(name) for name in TELLING if name in table[0]] or [0]
        anywhere, verb = st.integers(0, width - 1), draw(st.sampled_from(VERBS))
        number = draw(st.one_of(anywhere, st.sampled_from(telling)))
        verb(draw, table, number, draw(anywhere))
        if verb in LAST:
            break
    return table


# Well-formed files whose numbers leave little to calculate with


@st.composite
def odd_answers(draw: st.DrawFn, sound: pd.DataFrame) -> pd.DataFrame:
    """Respondents of whom few differ: rare categories, giants among clusters, near copies."""
    n = draw(st.sampled_from([10, 11, 12, 14, 20, 60]))
    frame = sound.head(n).copy()
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, 3))):
        column = draw(st.sampled_from([*TELLING, "aff1", "sat1", "sea1", "for3"]))
        frame[column] = draw(st.sampled_from(ODD_COLUMNS))(frame, column, rng)
    return frame


def _near_copy(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    noise = 10.0 ** -rng.integers(0, 16) * rng.normal(size=len(frame))
    near = frame[rng.choice(["aff1", "sat1", "sea1", "usability", "w"])]
    return pd.to_numeric(near, errors="coerce") + noise


def _copy_of(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    return frame[rng.choice(list(frame.columns))]


def _giant(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    """One group of nearly all, beside a few of one or two."""
    small = rng.integers(1, max(2, len(frame) // 2))
    return pd.Series(np.where(np.arange(len(frame)) < small, np.arange(len(frame)) // 2, 99))


def _one_apart(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    size = 10.0 ** rng.integers(-45, 46)
    apart = rng.integers(0, len(frame)) == np.arange(len(frame))
    return pd.Series(np.where(apart, size, rng.normal(size=len(frame))))


def _skewed(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    return pd.Series(rng.lognormal(0, rng.choice([0.1, 3, 8]), len(frame)))


def _two_values(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    low, high = rng.choice([1, 2, 4, 5, 7], 2, replace=False)
    return pd.Series(np.where(rng.random(len(frame)) < rng.choice([0.05, 0.5]), low, high))


def _labels(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    names = np.array(["a", "b", "goods", "services", "male", "1", "x:y", "[z]", "<i>"])
    return pd.Series(rng.choice(names[: rng.integers(1, 10)], len(frame)))


def _far_away(frame: pd.DataFrame, column: str, rng: np.random.Generator) -> pd.Series:
    return 10.0 ** rng.integers(0, 18) + pd.Series(rng.integers(0, 5, len(frame)))


ODD_COLUMNS = [
    _near_copy, _near_copy, _copy_of, _giant, _giant, _one_apart, _skewed, _two_values, _two_values,
    _labels, _labels, _far_away,
]  # fmt: skip
