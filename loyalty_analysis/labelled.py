"""What a data file says of its own columns: labels, codes of no answer, names of groups."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from loyalty_analysis.cells import rows_of
from loyalty_analysis.raw_tables import Table

if TYPE_CHECKING:
    from loyalty_analysis.study import Study

LONGEST = 60
"""A longer label is a question, not a name: tables and figures keep the column's name."""
_MARKUP = re.compile(r"<[^<>]*>")


def short_labels(table: Table) -> dict[str, str]:
    """Labels that can stand in tables and figures: short, without markup.

    Examples
    --------
    >>> short_labels(Table(pd.DataFrame(), {"q1": "<b>Trust</b> in staff", "q2": "x" * 99}))
    {'q1': 'Trust in staff'}

    Of a statement below a long question, the statement; nothing that would name two columns alike.
    """
    found: dict[str, str] = {}
    for name, text in table.labels.items():
        plain = " ".join(
            _MARKUP.sub(" ", "".join(c if c.isprintable() else " " for c in text)).split()
        )
        short = plain if len(plain) <= LONGEST else plain.rpartition(" - ")[2]
        if 0 < len(short) <= LONGEST and (short == plain or " - " in plain):
            found[name] = short
    counts = Counter(found.values())
    return {name: text for name, text in found.items() if counts[text] == 1}


def without_codes(table: Table) -> tuple[pd.DataFrame, list[str]]:
    """Cells without the codes that the file itself declares as no answer; and how many there were.

    Examples
    --------
    >>> table = Table(pd.DataFrame({"q1": [4, -99]}), missing={"q1": (-99,)})
    >>> frame, notes = without_codes(table)
    >>> frame["q1"].tolist(), notes
    ([4.0, nan], ['-99 in 1 row of q1 is no answer, as the file declares'])
    """
    found, notes = {}, []
    for name, codes in table.missing.items():
        hit = table.frame[name].isin(codes)
        if hit.any():
            found[name] = table.frame[name].where(~hit)
            said = ", ".join(str(code) for code in codes)
            verb = "is" if len(codes) == 1 else "are"
            notes.append(f"{said} in {rows_of(int(hit.sum()))} of {name} {verb} no answer, as the "
                         "file declares")  # fmt: skip
    return table.frame.assign(**found) if found else table.frame, notes


def named_levels(kept: pd.DataFrame, table: Table, study: Study) -> tuple[pd.DataFrame, list[str]]:
    """Groups, and controls of more than two codes, by the file's labels where each code has one.

    Codes stay where the study's contrasts name them.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["design.groups=['sector']", "contrasts={}"])
    >>> raw = pd.DataFrame({"sector": [1, 2, None]})
    >>> table = Table(raw, value_labels={"sector": {1: "goods", 2: "services"}})
    >>> named_levels(raw, table, study)[0]["sector"].tolist()
    ['goods', 'services', nan]
    """
    asked = [name for name in (*study.design.groups, *study.model.controls)
             if name in kept and name in table.value_labels]  # fmt: skip
    found, notes = {}, []
    for name in dict.fromkeys(asked):
        labels, values = table.value_labels[name], kept[name]
        codes = values.dropna().unique()
        contrast = study.contrasts.get(name)
        sides = set(contrast.sides) if contrast else set()
        two = len(codes) <= 2 and name not in study.design.groups
        distinct = len({labels.get(code) for code in codes}) == len(codes)
        if two or not distinct or not set(codes) <= set(labels) or sides & set(map(str, labels)):
            continue
        found[name] = values.map(labels).astype(object).where(values.notna(), np.nan)
        notes.append(f"{name} goes by the labels of the file, not by its codes")
    return kept.assign(**found) if found else kept, notes
