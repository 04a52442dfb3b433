"""Answers as KoboToolbox, ODK and Qualtrics export them, made into the survey file of the study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.questionnaire import Instrument, load_instrument

_QUALTRICS = {"ResponseId": "id", "Duration (in seconds)": "duration"}


def survey_of(export: str | Path, instrument: Instrument | None = None) -> pd.DataFrame:
    """Read an export: the columns of the questionnaire, coded as its study expects them.

    Parameters
    ----------
    export : path
        ``.csv`` with commas or semicolons, or ``.xlsx``. Names of groups before those of columns
        are taken off. Of Qualtrics the two further lines below the header, its names for ``id``
        and ``duration`` and its numbering of choices are understood.
    instrument : Instrument, optional
        The questionnaire that was asked, without the blocks that were left out; the shipped one if
        not given.

    Returns
    -------
    DataFrame
        Texts; one row for everyone who passed the screening questions, so for nobody who did not
        agree to take part.

    Raises
    ------
    DataError
        When the file cannot be read or columns are missing.

    Examples
    --------
    >>> survey_of("nowhere.csv")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.DataError: nowhere.csv: cannot be read: ... Export it as .csv or .xlsx.
    """
    asked = instrument or load_instrument()
    path = Path(export)
    frame = _read(path)
    frame = frame.rename(columns=lambda name: str(name).split("/")[-1].split("-")[-1])
    wanted = ["id", *asked.columns, "duration"]
    if missing := [name for name in wanted if name not in frame.columns]:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise DataError(
            f"{path}: no column {', '.join(missing[:5])}{more}. Export values, not labels, under "
            "the names of the form, and name the blocks that were left out."
        )
    frame = frame.loc[:, ~frame.columns.duplicated()][wanted]
    coded = _decoded(frame, asked)
    return coded[_passed(coded, asked)].reset_index(drop=True)


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix.lower() == ".xlsx":
            return pd.read_excel(path, dtype=str)
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        separator = ";" if header.count(";") > header.count(",") else ","
        frame = pd.read_csv(path, sep=separator, dtype=str, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{path}: cannot be read: {reason}. Export it as .csv or .xlsx.") from None
    if len(frame) > 1 and str(frame.iloc[1, 0]).startswith('{"ImportId"'):
        names = {old: new for old, new in _QUALTRICS.items() if new not in frame.columns}
        return frame.iloc[2:].rename(columns=names)
    return frame


def _decoded(frame: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Answers as the study expects them, from what they are, their labels or their places."""
    coded = frame.copy()
    for column, choices in instrument.offered.items():
        codes = {str(place): one.value for place, one in enumerate(choices, 1)}
        codes |= {one.label: one.value for one in choices}
        codes |= {one.value: one.value for one in choices}
        known = frame[column].astype(str).str.strip().map(codes)
        coded[column] = known.where(known.notna(), frame[column])
    return coded


def _passed(frame: pd.DataFrame, instrument: Instrument) -> pd.Series:
    passed = pd.Series(True, index=frame.index)
    for question in instrument.questions:
        if question.passes is not None:
            answers = pd.to_numeric(frame[question.name], errors="coerce")
            passed &= answers >= question.passes
    return passed
