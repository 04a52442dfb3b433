"""Segments: the rows of a survey by the values of some columns, each with a safe folder name."""

from __future__ import annotations

import hashlib
import json
import keyword
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from loyalty_analysis.answer_words import in_numbers
from loyalty_analysis.errors import DataError, StudyError, did_you_mean
from loyalty_analysis.filters import filtered
from loyalty_analysis.formatting import slug
from loyalty_analysis.inputs import Inputs, row_hashes, rows_digest
from loyalty_analysis.labelled import without_codes
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.study import Study
from loyalty_analysis.survey import declared

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
_FOLDER = re.compile(r"[a-z0-9][a-z0-9_-]*")


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
        Folders of earlier batches by the filter of their segment: they keep them.

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
    shown = [{c: _shown(table, c, v) for c, v in zip(by, key, strict=True)} for key, _ in parts]
    filters = [
        " and ".join(condition(column, v) for column, v in zip(by, key, strict=True))
        for key, _ in parts
    ]
    folders = folder_names([[*values.values()] for values in shown], known, filters)
    found = []
    for (_, rows), values, where, folder in zip(parts, shown, filters, folders, strict=True):
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
    design = (study.design.cluster, study.design.weight, study.design.respondent)
    taken = {*study.constructs, *_items(inputs), *design}
    for column in by:
        if column not in table.frame:
            of_groups = [one for one in map(str, table.frame) if one not in taken]
            hint = did_you_mean(column, of_groups)
            raise StudyError(f"{study.address}: --by {column}: no such column. {hint}")
        if "`" in column:
            raise StudyError(f"{study.address}: --by {column!r}: rename the column, without a `.")
        if column in design:
            raise StudyError(
                f"{study.address}: --by {column}: it says how respondents were drawn, so that it "
                "cannot split them. Name a column of groups."
            )
        if column in taken:
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
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column) and not keyword.iskeyword(column)
    name = column if plain else f"`{column}`"
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
    values: Sequence[Sequence[str]],
    known: Mapping[str, str] | None = None,
    identities: Sequence[str] | None = None,
) -> list[str]:
    """Name a folder for each segment: letters, digits and dashes, no two alike on any system.

    Parameters
    ----------
    values : sequence of sequences of str
    known : mapping, optional
        Folders that earlier runs gave, by identity.
    identities : sequence of str, optional
        What tells segments apart, also where they are shown alike; default the values.

    Examples
    --------
    >>> folder_names([["Acme Foods", "1"], ["acme-foods", "1"], ["../etc", "CON"]])
    ['acme-foods_1', 'acme-foods_1-aa993a', 'etc-f7f912_con-a3dbc4']
    """
    given = {who: name for who, name in (known or {}).items() if _FOLDER.fullmatch(name)}
    taken, found = set(given.values()), list[str]()
    whose = identities or ["\n".join(texts) for texts in values]
    for texts, who in zip(values, whose, strict=True):
        name = given.get(who) or _free("_".join(map(_safe, texts)), who, taken)
        taken.add(name)
        found.append(name)
    return found


def _free(name: str, identity: str, taken: Collection[str]) -> str:
    """The name itself where it is short and free; else with as much of a hash as it takes."""
    if len(name) <= _LONGEST and name not in taken:
        return name
    hashed = (f"{name[: _LONGEST - 1 - k]}-{_short(identity, k)}" for k in (6, 12, 24, 48))
    return next(one for one in hashed if one not in taken)


def _safe(text: str) -> str:
    name = slug(text)
    faithful = name == re.sub(r"\s+", "-", text.strip().lower())
    return name if faithful and name not in _RESERVED else f"{name}-{_short(text)}".lstrip("-")


def _short(text: str, characters: int = 6) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:characters]


def folder_of_batch(by: Sequence[str]) -> str:
    """Name the folder of all groups of some columns.

    Examples
    --------
    >>> folder_of_batch(["brand", "job_role"]), folder_of_batch(["部門"])
    ('by-brand-job-role', 'by-9f2d1b')
    """
    return f"by-{'-'.join(_safe(name.replace('_', ' ')) for name in by)}"


class _Written:
    """Columns as the file writes them, of some rows; in memory, so that it can be sent on."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def __call__(self, columns: Sequence[str]) -> pd.DataFrame:
        return self.frame[list(columns)]


def dropped(study: Study, by: Sequence[str]) -> list[str]:
    """Write the settings that leave out what is the same for everybody in a segment.

    Controls, moderators, groups and their contrasts by a column of ``by``.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> dropped(load_study("rice_simulated"), ["country"])
    ["model.controls=['age', 'gender']", "design.groups=['sector']"]
    """
    found = []
    places = {
        "model.controls": study.model.controls,
        "model.moderators": study.model.moderators,
        "design.groups": study.design.groups,
    }
    for key, names in places.items():
        if set(names) & set(by):
            found.append(f"{key}={[name for name in names if name not in by]}")
    if set(study.contrasts) & set(by):
        kept = {name: one for name, one in study.contrasts.items() if name not in by}
        sides = (
            f"{json.dumps(n)} = {{a = {_toml(c.a)}, b = {_toml(c.b)}}}" for n, c in kept.items()
        )
        found.append(f"contrasts={{{', '.join(sides)}}}")
    return found


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def slicer(inputs: Inputs, by: Sequence[str]) -> Callable[[Segment], Inputs]:
    """Make the function that gives the inputs of one segment: its own rows and its filter.

    What is the same for everybody in a segment is left out (:func:`dropped`).

    Returns
    -------
    callable
        Takes a segment; gives inputs that can be sent to another process.
    """
    table = inputs.table
    assert table is not None
    # whatever a study may want to read as written (identifiers, groups): read once for all segments
    written = table.as_written([str(name) for name in inputs.used])

    asked = inputs.parameters
    settings = [*asked["settings"], *dropped(inputs.study, by)]
    parts = (asked["study"], settings, asked["data"], asked["where"])
    base, _ = declared(*parts) if settings != asked["settings"] else (inputs.study, ())

    def slice_of(segment: Segment) -> Inputs:
        own = replace(
            table,
            frame=inputs.used.iloc[segment.rows],
            written=_Written(written.iloc[segment.rows]),
        )
        mine = f"({asked['where']}) and ({segment.where})" if asked["where"] else segment.where
        kept = inputs.filters[:-1] if asked["where"] else inputs.filters
        both = (*kept, mine)
        where = " and ".join(f"({one})" for one in both) if kept else mine
        design = base.design.model_copy(update={"where": where})
        study = base.model_copy(update={"design": design})
        parameters = {**asked, "settings": settings, "where": mine}
        return Inputs(study, both, parameters, own, inputs.also)

    return slice_of
