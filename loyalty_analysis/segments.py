"""Segments: the rows of a survey by the values of some columns, each with a safe folder name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyalty_analysis.answer_words import in_numbers
from loyalty_analysis.errors import DataError, StudyError, did_you_mean
from loyalty_analysis.filters import filtered
from loyalty_analysis.inputs import Inputs, row_hashes, rows_digest
from loyalty_analysis.labelled import without_codes
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.sections import slug

MOST = 5_000
"""Segments beyond these are a mistake, such as a column of identifiers."""
_RESERVED = frozenset(
    [
        "",
        "latest",
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{n}{i}" for n in ("com", "lpt") for i in range(10)),
    ]
)
_LONGEST = 60  # characters of a folder name, so that paths stay short


@dataclass(frozen=True, eq=False)
class Segment:
    """One group of respondents who get a report of their own.

    Attributes
    ----------
    values : dict of str to str
        As they are shown, by column.
    where : str
        The filter that keeps its rows: what ``--where`` would need.
    folder : str
        Safe on every system, the same from run to run.
    rows : ndarray
        Positions of its rows in the data file, those that the study's own filters keep.
    digest : str
        Hash of its data.
    """

    values: dict[str, str]
    where: str
    folder: str
    rows: np.ndarray
    digest: str

    @property
    def name(self) -> str:
        """Its values in words.

        Examples
        --------
        >>> Segment({"brand": "Acme", "wave": "2"}, "", "acme_2", np.arange(3), "").name
        'brand Acme, wave 2'
        """
        return ", ".join(f"{column} {value}" for column, value in self.values.items())


def segments(
    inputs: Inputs, by: Sequence[str], known: Mapping[str, str] | None = None
) -> tuple[list[Segment], int]:
    """Split the rows of a survey by the values of columns.

    Parameters
    ----------
    inputs : Inputs
        Read with the columns of ``by``.
    by : sequence of str
    known : mapping, optional
        Folders of earlier batches by the name of their segment: they keep them.

    Returns
    -------
    tuple
        The segments, in the order of their values; how many rows have no value.

    Raises
    ------
    StudyError
        When a column is missing, or what is asked for cannot be honoured.
    """
    table, study = inputs.table, inputs.study
    _check(inputs, by)
    assert table is not None
    kept, _, _ = in_numbers(without_codes(table)[0], study)
    for one in inputs.filters:
        kept = filtered(kept, one, str(study.address))
    complete = kept[list(by)].notna().all(axis=1)
    parts = list(kept[complete].groupby(list(by), sort=True, observed=True))
    if len(parts) > MOST:
        raise DataError(
            f"{study.address}: {' and '.join(by)} split the respondents into {len(parts):,} "
            f"segments; at most {MOST:,} are made. Name a column of groups, not of identifiers."
        )
    hashes, used = row_hashes(inputs.used), inputs.used
    folders = folder_names(
        [[_shown(table, c, v) for c, v in zip(by, k, strict=True)] for k, _ in parts], known
    )
    found = []
    for (key, rows), folder in zip(parts, folders, strict=True):
        values = {column: _shown(table, column, v) for column, v in zip(by, key, strict=True)}
        where = " and ".join(condition(column, v) for column, v in zip(by, key, strict=True))
        places = table.frame.index.get_indexer(rows.index)
        digest = rows_digest(table, used, hashes[places], study.address.file is not None)
        found.append(Segment(values, where, folder, places, digest))
    return found, int((~complete).sum())


def _check(inputs: Inputs, by: Sequence[str]) -> None:
    study, table = inputs.study, inputs.table
    if table is None:
        raise StudyError(
            f"{study.path}: --by needs respondents; {study.address.name} holds moments."
        )
    if study.holdout:
        raise StudyError(
            f"{study.path}: --by cannot be combined with a hold-out, which is drawn from all "
            "respondents. Remove holdout, or use --where for one group at a time."
        )
    for column in by:
        if column not in table.frame:
            hint = did_you_mean(column, map(str, table.frame.columns))
            raise StudyError(f"{study.address}: --by {column}: no such column. {hint}")
        if "`" in column:
            raise StudyError(f"{study.address}: --by {column!r}: rename the column, without a `.")
        if column in study.constructs or column in _items(inputs):
            raise StudyError(
                f"{study.address}: --by {column}: it is analysed, so that it cannot split the "
                "respondents. Name a column of groups."
            )


def _items(inputs: Inputs) -> set[str]:
    study = inputs.study
    return {item for name in study.constructs for item in study.items_of(name)}


def condition(column: str, value: object) -> str:
    r"""Write the filter that keeps one value of a column.

    Examples
    --------
    >>> condition("brand", "O'Neill & Sons"), condition("wave no", 2.0)
    ('brand == "O\'Neill & Sons"', '`wave no` == 2')
    """
    name = column if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column) else f"`{column}`"
    return f"{name} == {_plain(value)!r}"


def _plain(value: object) -> object:
    """A number or a text as Python writes it."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.integer | np.floating):
        return int(value) if float(value).is_integer() else float(value)
    return str(value)


def _shown(table: Table, column: str, value: object) -> str:
    plain = _plain(value)
    labels = table.value_labels.get(column, {})
    text = str(labels.get(value, labels.get(plain, plain)))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or "blank"


def folder_names(
    values: Sequence[Sequence[str]], known: Mapping[str, str] | None = None
) -> list[str]:
    """Name a folder for each segment: letters, digits and dashes, no two alike on any system.

    Parameters
    ----------
    values : sequence of sequences of str
    known : mapping, optional
        Folders that earlier runs gave, by the values joined with a line break.

    Examples
    --------
    >>> folder_names([["Acme Foods", "1"], ["acme-foods", "1"], ["../etc", "CON"]])
    ['acme-foods_1', 'acme-foods_1-aa993a', 'etc-f7f912_con-a3dbc4']
    """
    found: list[str] = []
    given = dict(known or {})
    taken = set(given.values())
    for texts in values:
        name = "_".join(map(_safe, texts))[:_LONGEST]
        whole = "\n".join(texts)
        if whole in given:
            name = given[whole]
        elif name in taken or len("_".join(map(_safe, texts))) > _LONGEST:
            name = f"{name[: _LONGEST - 7]}-{_short(whole)}"
        taken.add(name)
        found.append(name)
    return found


def _safe(text: str) -> str:
    name = slug(text)
    faithful = name == re.sub(r"\s+", "-", text.strip().lower())
    return name if faithful and name not in _RESERVED else f"{name}-{_short(text)}".lstrip("-")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


class _Written:
    """Columns as the file writes them, of some rows; in memory, so that it can be sent on."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def __call__(self, columns: Sequence[str]) -> pd.DataFrame:
        return self.frame[list(columns)]


def slicer(inputs: Inputs) -> Callable[[Segment], Inputs]:
    """Make the function that gives the inputs of one segment: its own rows and its filter.

    Returns
    -------
    callable
        Takes a segment; gives inputs that can be sent to another process.
    """
    table = inputs.table
    assert table is not None
    # whatever a study may want to read as written (identifiers, groups): read once for all segments
    written = table.as_written([str(name) for name in inputs.used])

    def slice_of(segment: Segment) -> Inputs:
        own = replace(
            table,
            frame=inputs.used.iloc[segment.rows],
            written=_Written(written.iloc[segment.rows]),
        )
        asked = str(inputs.parameters.get("where") or "")
        own_where = f"({asked}) and ({segment.where})" if asked else segment.where
        base = inputs.filters[:-1] if asked else inputs.filters
        both = [*base, own_where]
        where = " and ".join(f"({one})" for one in both) if base else own_where
        design = inputs.study.design.model_copy(update={"where": where})
        study = inputs.study.model_copy(update={"design": design})
        parameters = {**inputs.parameters, "where": own_where}
        return Inputs(study, tuple(both), parameters, own, inputs.also)

    return slice_of
