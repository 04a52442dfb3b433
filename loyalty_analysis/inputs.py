"""What a report is made from, read once: study, filters, data file; and the key of all of it.

Two runs with the same key would show the same numbers, so the second is not made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.bootstrap import SEED
from loyalty_analysis.claims import ClaimSet, claim_files, load_claims
from loyalty_analysis.errors import together
from loyalty_analysis.manifest import sha256
from loyalty_analysis.patience import patiently
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.resources import PACKAGE
from loyalty_analysis.runs import parameters_of
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey, asked_columns, declared, read_table, survey_of

_CODE = ("*.py", "*.j2", "*.css", "*.js", "*.json")


@dataclass(frozen=True, eq=False)
class Inputs:
    """What one report is made from.

    Attributes
    ----------
    study : Study
        As it was asked for: settings, data and filter applied.
    filters : tuple of str
    parameters : dict
        What the user asked for, in the user's words: study, settings, data, where.
    table : loyalty_analysis.raw_tables.Table or None
        The data file as read; None for a study known by its moments.
    also : tuple of str
        Further columns that count, beside those that the study and its filters ask for.
    """

    study: Study
    filters: tuple[str, ...]
    parameters: dict[str, Any]
    table: Table | None
    also: tuple[str, ...] = ()

    def opened(self) -> tuple[Survey, list[ClaimSet]]:
        """Check data and claims; what is wrong with either is said at once.

        Raises
        ------
        DataError, StudyError, ClaimError
        """
        return self._opened

    @cached_property
    def _opened(self) -> tuple[Survey, list[ClaimSet]]:
        return together(
            lambda: survey_of(self.study, self.filters, self.table),
            lambda: load_claims(self.study),
        )

    @property
    def digest(self) -> str:
        """Hash of the data: of the moments file, or of what the study asks of a file's rows."""
        if self.table is None:
            return sha256(self.study.data_path) or ""
        hashes = row_hashes(self.used)
        return rows_digest(self.table, self.used, hashes, self.study.address.file is not None)

    @property
    def used(self) -> pd.DataFrame:
        """The columns that the study and its filters ask for, as far as the file has them."""
        assert self.table is not None
        names = dict.fromkeys([*asked_columns(self.study, self.filters), *self.also])
        return self.table.frame[[name for name in names if name in self.table.frame]]


def read_inputs(
    study: str | Path | Study,
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    also: Sequence[str] = (),
    told: Callable[[str], object] = lambda sentence: None,
) -> Inputs:
    """Read what a report is made from; nothing is checked but that it can be read.

    Parameters
    ----------
    study, settings, data, where
        See :func:`loyalty_analysis.survey.read_survey`.
    also : sequence of str
        Further columns of the data file.
    told : callable
        Told in words that the file is in use, and waited for.

    Returns
    -------
    Inputs

    Raises
    ------
    StudyError, DataError

    Examples
    --------
    >>> read_inputs("bank_customers").opened()[0].n
    250
    """
    loaded, filters = declared(study, settings, data or None, where or None)
    table = None
    if not loaded.from_moments:
        table = patiently(lambda: read_table(loaded, filters, also), told)
    asked = parameters_of(study, settings, data, where)
    return Inputs(loaded, filters, asked, table, tuple(also))


def report_key(
    study: Study, digest: str, notebooks: Sequence[Path], parameters: dict[str, Any]
) -> str:
    """Hash everything that the numbers and the page of a report follow from.

    Cells of the notebooks (not their outputs, tags or numbers), study and claim files, settings,
    filter, data, the code of this package, the version of every installed package, the seed.

    Parameters
    ----------
    study : Study
    digest : str
        Of the data, see :attr:`Inputs.digest`.
    notebooks : sequence of pathlib.Path
    parameters : dict
        study, settings, data and where, of which the last three count by what they say.

    Returns
    -------
    str

    Raises
    ------
    ClaimError
        When a claim file is missing.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study, asked = load_study("bank_customers"), {"settings": [], "where": ""}
    >>> len(report_key(study, "", [], asked))
    64
    >>> report_key(study, "a", [], asked) == report_key(study, "b", [], asked)
    False
    """
    parts = {
        "cells": {path.stem: _cells(path, path.stat().st_mtime_ns) for path in notebooks},
        "study": sha256(study.path),
        "claims": [sha256(path) for path in claim_files(study).values()],
        "asked": [list(parameters.get("settings", ())), parameters.get("where") or ""],
        "data": [study.address.name, digest],
        "code": code_hash(),
        "packages": packages_hash(),
        "seed": SEED,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def cells_of(notebook: Path) -> list[list[str]]:
    """Kind and source of every cell: what a report shows of a notebook before it is executed.

    Examples
    --------
    >>> from loyalty_analysis.resources import shipped
    >>> cells_of(shipped("notebooks") / "report.ipynb")[0][0]
    'markdown'
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [[cell["cell_type"], "".join(cell["source"])] for cell in cells]


@cache
def _cells(notebook: Path, changed: int) -> list[list[str]]:
    """The same, read once for all groups of a batch, and again when the file has changed."""
    return cells_of(notebook)


@cache
def code_hash() -> str:
    """Hash the code, templates and styles of this package.

    Examples
    --------
    >>> len(code_hash())
    64
    """
    found = {
        path.relative_to(PACKAGE).as_posix(): path.read_bytes()
        for kind in _CODE
        for path in PACKAGE.rglob(kind)
        if path.relative_to(PACKAGE).parts[0] not in ("data", "notebooks")
    }
    whole = hashlib.sha256()
    for name in sorted(found):
        whole.update(name.encode() + b"\0" + hashlib.sha256(found[name]).digest())
    return whole.hexdigest()


@cache
def packages_hash() -> str:
    """Hash the version of every installed package and of Python: what a lock file pins.

    Examples
    --------
    >>> len(packages_hash())
    64
    """
    import platform

    found = {f"{one.name}=={one.version}".lower() for one in metadata.distributions()}
    text = "\n".join([platform.python_version(), platform.machine(), *sorted(found)])
    return hashlib.sha256(text.encode()).hexdigest()


def row_hashes(frame: pd.DataFrame) -> np.ndarray:
    """Hash every row of a file: one number each.

    Examples
    --------
    >>> row_hashes(pd.DataFrame({"a": [1, 2, 1], "b": ["x", None, "x"]})).shape
    (3,)
    """
    # a missing answer further down turns whole numbers into others: the same answer, the same hash
    numbers = {name: frame[name].astype(float) for name in frame.select_dtypes("number")}
    return pd.util.hash_pandas_object(frame.assign(**numbers), index=False).to_numpy()


def rows_digest(table: Table, used: pd.DataFrame, hashes: np.ndarray, ordered: bool = True) -> str:
    """Hash some rows of a file, the names of its columns and what the file says of its codes.

    Parameters
    ----------
    table : Table
    used : DataFrame
        The columns that count.
    hashes : ndarray
        Of the rows that count, see :func:`row_hashes`.
    ordered : bool
        Whether their order counts; servers promise none.

    Examples
    --------
    >>> table = Table(pd.DataFrame({"a": [1, 2]}))
    >>> hashes = row_hashes(table.frame)
    >>> rows_digest(table, table.frame, hashes) == rows_digest(table, table.frame, hashes[::-1])
    False
    >>> one, other = (rows_digest(table, table.frame, h, False) for h in (hashes, hashes[::-1]))
    >>> one == other
    True
    """
    names = list(map(str, used.columns))
    said = {name: value for name, value in table.value_labels.items() if name in names}
    codes = {name: value for name, value in table.missing.items() if name in names}
    labels = {name: text for name, text in table.labels.items() if name in names}
    about = repr([names, said, codes, labels])
    rows = hashes if ordered else np.sort(hashes)
    return hashlib.sha256(about.encode() + np.ascontiguousarray(rows).tobytes()).hexdigest()
