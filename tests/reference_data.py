"""Reference results from R and the scores they were computed from, for tests that compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd


def load(reference_folder: Path, name: str) -> dict[str, Any]:
    """Read the results that R computed for one data set.

    Parameters
    ----------
    reference_folder : Path
        Folder with ``data/`` and ``refs/``.
    name : str
        Name of the data set, such as ``"satisfaction"``.

    Returns
    -------
    dict
        Keys ``dataset``, ``meta`` and ``results``.
    """
    return json.loads((reference_folder / "refs" / f"{name}.json").read_text(encoding="utf-8"))


def scores(reference_folder: Path, name: str) -> pd.DataFrame:
    """Build the analysis sample of one data set as the R scripts build it.

    A composite is the mean of its items and missing when any of them is. Columns of the data file
    are kept; names of people, clusters and categories become text.

    Parameters
    ----------
    reference_folder : Path
        Folder with ``data/`` and ``refs/``.
    name : str
        ``"satisfaction"``, ``"corp_rep"``, ``"investment_model_couples"`` or ``"univbct"``.

    Returns
    -------
    pandas.DataFrame
        One row per respondent (per person and wave in ``univbct``) of R's regressions.

    Raises
    ------
    KeyError
        If no scores are defined for the data set.
    """
    build = BUILDERS[name]
    return build(pd.read_csv(reference_folder / "data" / f"{name}.csv")).reset_index(drop=True)


def _numbered(stem: str, numbers: str) -> list[str]:
    return [f"{stem}{number}" for number in numbers]


def _with_composites(frame: pd.DataFrame, items: dict[str, list[str]]) -> pd.DataFrame:
    means = {score: frame[columns].mean(axis=1, skipna=False) for score, columns in items.items()}
    return frame.assign(**means)


def _satisfaction(frame: pd.DataFrame) -> pd.DataFrame:
    items = {stem.upper(): _numbered(stem, "12345") for stem in ("imag", "expe", "qual")}
    items |= {stem.upper(): _numbered(stem, "1234") for stem in ("val", "sat", "loy")}
    male = frame["gender"].eq("male").astype(float)
    return _with_composites(frame, items).assign(male=male)


def _corp_rep(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.mask(frame == -99)
    loyalty = _numbered("cusl_", "123")
    items = {
        "COMP": _numbered("comp_", "123"),
        "LIKE": _numbered("like_", "123"),
        "CUSL": loyalty,
        "CUSA": ["cusa"],
        "SWITCH": _numbered("switch_", "1234"),
        "SWITCH3": _numbered("switch_", "123"),
        "QUAL": _numbered("qual_", "12345678"),
    }
    scored = _with_composites(frame, items).assign(
        contract=frame["servicetype"] - 1,
        serviceprovider=frame["serviceprovider"].astype(int).astype(str),
    )
    return scored.dropna(subset=["cusa", *loyalty])


def _investment_model_couples(frame: pd.DataFrame) -> pd.DataFrame:
    items = {
        "SATI": _numbered("sat", "12345"),
        "QALT": _numbered("qalt", "12345"),
        "INVE": _numbered("invest", "12345"),
        "COMM": _numbered("com", "125"),
        "COMM5": _numbered("com", "12345"),
    }
    scored = _with_composites(frame, items).assign(
        female=frame["partner"].eq("f").astype(float), couple=frame["couple"].astype(str)
    )
    return scored.dropna(subset=sorted({item for columns in items.values() for item in columns}))


def _univbct(frame: pd.DataFrame) -> pd.DataFrame:
    unit = frame["BTN"].astype(str) + " " + frame["COMPANY"]
    named = frame.assign(UNIT=unit, SUBNUM=frame["SUBNUM"].astype(str))
    return named.dropna(subset=["JSAT", "COMMIT", "READY"])


BUILDERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "satisfaction": _satisfaction,
    "corp_rep": _corp_rep,
    "investment_model_couples": _investment_model_couples,
    "univbct": _univbct,
}
