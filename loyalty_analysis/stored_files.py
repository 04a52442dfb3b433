"""SPSS, Stata and Parquet files: cells, variable labels, value labels, codes of no answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.raw_tables import Table, damaged, finished, module_of, only, require_size

_OLDER = "WINDOWS-1252"


def read_spss(path: Path, columns: Sequence[str] | None = None) -> Table:
    """Read an SPSS file (.sav, .zsav); user-missing codes stay codes and are declared missing.

    Parameters
    ----------
    path : pathlib.Path
    columns : sequence of str, optional
        Columns to read when the file has them all.
    """
    spss = module_of("pyreadstat", "spss", f"{path}: SPSS files")
    return _labelled(path, spss.read_sav, columns, "an SPSS file", user_missing=True)


def read_stata(path: Path, columns: Sequence[str] | None = None) -> Table:
    """Read a Stata file (.dta); its missing values, also ``.a`` to ``.z``, are missing.

    Parameters
    ----------
    path : pathlib.Path
    columns : sequence of str, optional
        Columns to read when the file has them all.
    """
    stata = module_of("pyreadstat", "spss", f"{path}: Stata files")
    return _labelled(path, stata.read_dta, columns, "a Stata file")


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> Table:
    """Read a Parquet file.

    Parameters
    ----------
    path : pathlib.Path
    columns : sequence of str, optional
        Columns to read when the file has them all.
    """
    parquet = module_of("pyarrow.parquet", "parquet", f"{path}: Parquet files")
    try:
        with parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            chosen = only(names, columns)
            require_size(file.metadata.num_rows, len(chosen or names), str(path))
            stored = file.read(columns=chosen, use_threads=False)
            frame = stored.to_pandas(ignore_metadata=True, split_blocks=True, self_destruct=True)
    except DataError:
        raise
    except Exception as error:  # damaged files raise what they like
        raise damaged(path, "a Parquet file", error) from None
    return finished(frame, str(path), columns=tuple(names))


def _labelled(
    path: Path, read: Callable[..., Any], columns: Sequence[str] | None, kind: str, **options: Any
) -> Table:
    """Cells and labels of a file of SPSS or Stata."""
    doubts: tuple[str, ...] = ()
    try:
        frame, about, names = _cells(path, read, columns, options)
    except DataError:
        raise
    except Exception as error:  # damaged files raise what they like
        if "encoding" not in str(error).lower() and not isinstance(error, UnicodeDecodeError):
            raise damaged(path, kind, error) from None
        doubts = (
            f"{path.name} holds letters that are not of the encoding it names; they were read as "
            "Windows-1252. Store it anew if letters look wrong.",
        )
        try:
            frame, about, names = _cells(path, read, columns, {**options, "encoding": _OLDER})
        except Exception as again:
            raise damaged(path, kind, again) from None
    if (about.number_rows or 0) > len(frame):
        announced = f"{about.number_rows} rows are announced, {len(frame)} are there"
        raise damaged(path, kind, ValueError(announced))
    ranges = (about.missing_ranges or {}).items()
    codes = {name: _codes(frame[name], spans) for name, spans in ranges if name in frame}
    return finished(
        frame,
        str(path),
        labels={
            name: " ".join(text.split())
            for name, text in about.column_names_to_labels.items()
            if text and text.strip()
        },
        value_labels={
            name: {_whole(code): str(text) for code, text in known.items()}
            for name, known in about.variable_value_labels.items()
            if known
        },
        missing={name: found for name, found in codes.items() if found},
        warnings=doubts,
        columns=names,
    )


def _cells(
    path: Path, read: Callable[..., Any], columns: Sequence[str] | None, options: dict[str, Any]
) -> tuple[pd.DataFrame, Any, tuple[str, ...]]:
    """Cells of the columns asked for, what the file says of itself, and all its columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, about = read(path, metadataonly=True, **options)
        names = tuple(about.column_names)
        chosen = only(names, columns)
        require_size(about.number_rows or 0, len(chosen or names), str(path))
        frame, about = read(path, usecols=chosen, **options)
    return frame, about, names


def _codes(values: pd.Series, ranges: Sequence[dict[str, Any]]) -> tuple[object, ...]:
    """Codes that a file declares as no answer: those named, and those found inside a range."""
    codes: list[object] = []
    for span in ranges:
        low, high = span["lo"], span["hi"]
        if low == high:
            codes.append(_whole(low))
        else:
            inside = values[values.map(lambda cell, a=low, b=high: _within(cell, a, b))]
            codes += sorted(_whole(code) for code in inside.unique())  # type: ignore[type-var]
    return tuple(dict.fromkeys(codes))


def _within(cell: object, low: Any, high: Any) -> bool:
    try:
        return bool(low <= cell <= high)
    except TypeError:
        return False


def _whole(code: object) -> object:
    return int(code) if isinstance(code, float) and code.is_integer() else code
