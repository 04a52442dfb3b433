"""What the columns of a data file look like, without respondents: kept with every run.

Counts and codes that at least ten respondents hold, never an identifier, never a single answer.
:mod:`loyalty_analysis.schema_changes` compares two of them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.filters import columns_of
from loyalty_analysis.labelled import without_codes
from loyalty_analysis.preparation import SMALLEST_GROUP, as_numbers, design_names, quality_names
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.study import Study

FORMAT = 1
MOST_CODES = 30
"""Different codes from which on a column is no longer taken as categories."""
MOST_OTHERS = 2000
_LONGEST = 200


def schema(table: Table, study: Study) -> dict[str, Any]:
    """Describe the columns of a data file that a study uses.

    Parameters
    ----------
    table : Table
        The data file as it was read.
    study : Study

    Returns
    -------
    dict
        Ready for JSON: ``rows``; ``columns``, for each column that is there its role, kind
        (``"whole numbers"``, ``"numbers"``, ``"words"``, ``"empty"``), answers, share missing,
        codes with their counts, ends, labels, question; ``others``, names of further columns.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = Table(pd.DataFrame({"aff1": [1, 7, -99] * 20, "id": range(60), "new": 1}))
    >>> found = schema(table, load_study("rice_simulated"))
    >>> found["columns"]["aff1"]["codes"], found["columns"]["aff1"]["missing"]
    ({'1': 20, '7': 20}, 0.3333)
    >>> sorted(found["columns"]["id"]), found["others"]
    (['answered', 'kind', 'missing', 'role', 'texts'], ['new'])
    """
    frame, _ = without_codes(table)
    roles, codes = _roles(study), _missing_codes(study)
    columns = {}
    for name, role in roles.items():
        if name in frame:
            values = frame[name]
            values = values.where(~values.isin(codes.get(name, ())))
            columns[name] = _column(values, role) | _labels(table, name, role)
    present = table.columns or tuple(map(str, frame.columns))
    others = [name for name in present if name not in roles][:MOST_OTHERS]
    return {"format": FORMAT, "rows": len(frame), "columns": columns, "others": others}


def _roles(study: Study) -> dict[str, str]:
    """Columns that a study uses and what for; one that identifies or clusters is only that."""
    items = [item for name in study.constructs for item in study.items_of(name)]
    where = columns_of(study.design.where) if study.design.where else ()
    design = {name: key.rpartition(".")[2] for name, key in design_names(study).items()}
    design |= dict.fromkeys(study.design.groups, "groups")
    quality = dict.fromkeys(quality_names(study), "quality")
    hidden = dict.fromkeys(filter(None, [study.design.respondent]), "respondent")
    return {
        **dict.fromkeys(where, "filter"), **quality, **design, **dict.fromkeys(items, "item"),
        **hidden,
    }  # fmt: skip


def _missing_codes(study: Study) -> dict[str, tuple[float, ...]]:
    return {
        item: study.scale_of(name).missing
        for name in study.constructs
        for item in study.items_of(name)
    }


def _column(values: pd.Series, role: str) -> dict[str, Any]:
    known = values.dropna()
    numbers = as_numbers(known)
    texts = int(numbers.isna().sum())
    broken = int((numbers.dropna() % 1 != 0).sum())
    kind = "words" if texts else "numbers" if broken else "whole numbers"
    found: dict[str, Any] = {
        "role": role,
        "kind": kind if len(known) else "empty",
        "answered": len(known),
        "missing": round(1 - len(known) / max(len(values), 1), 4),
        "texts": texts,
    }
    if role == "item":
        found["broken"] = broken
    if role not in ("respondent", "weight", "cluster"):
        found |= _codes(known if texts else numbers)
    if role == "item" and "codes" in found and not texts:
        found |= {"lowest": float(numbers.min()), "highest": float(numbers.max())}
    return found


def _codes(known: pd.Series) -> dict[str, Any]:
    """Codes that ten respondents or more hold, and how many others there are."""
    counts = known.astype(str).value_counts() if known.dtype == object else known.value_counts()
    if not 0 < len(counts) <= MOST_CODES:
        return {}
    held = counts[counts >= SMALLEST_GROUP].sort_index()
    rare = len(counts) - len(held)
    return {
        "codes": {code_text(code): int(count) for code, count in held.items()},
        "rare": rare,
    }


def code_text(code: object) -> str:
    """Write a code as a text: 1.0 and 1 are one.

    Examples
    --------
    >>> code_text(1.0), code_text("goods"), code_text(2.5)
    ('1', 'goods', '2.5')
    """
    whole = isinstance(code, float) and code.is_integer()
    return str(int(code)) if whole and isinstance(code, float) else str(code)


def _labels(table: Table, name: str, role: str) -> dict[str, Any]:
    """What the file itself says of a column: names of its codes, the question."""
    found: dict[str, Any] = {}
    labels = table.value_labels.get(name, {})
    if labels and role not in ("respondent", "weight", "cluster"):
        found["labels"] = {code_text(code): str(text)[:_LONGEST] for code, text in labels.items()}
    if name in table.labels:
        found["question"] = table.labels[name][:_LONGEST]
    return found
