"""Hold-outs: respondents set aside before anything is looked at, and what is said of exploring.

What was chosen after seeing the data is exploratory until respondents who were not seen judge it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.formatting import percent
from loyalty_analysis.preparation import as_text

if TYPE_CHECKING:
    from loyalty_analysis.study import Study

SEED = 2015
"""Seed of every split: one study has one, so that a second try cannot look for a better one."""


def held_out(raw: pd.DataFrame, study: Study) -> pd.Series:
    """Say of every row of a file whether it belongs to the hold-out of a study.

    Clusters stay together, without clusters all rows of a respondent; where neither is declared,
    rows go by their number. Units come in the order of a hash of seed and name, so that the split
    does not depend on the order of rows, and a smaller hold-out lies within a larger one.

    Parameters
    ----------
    raw : DataFrame
        As read, before any filter.
    study : Study

    Returns
    -------
    Series of bool

    Raises
    ------
    DataError
        When there is only one unit.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["holdout=0.3"])
    >>> shops = pd.DataFrame({"industry": ["a", "b", "c", "b", "c"]})
    >>> held_out(shops, study).tolist()
    [False, False, True, False, True]
    """
    units = _units(raw, study)
    sizes = units.value_counts()
    if len(sizes) < 2:
        raise DataError(
            f"{study.address}: {_kind(study)} leave one unit, which cannot be split. Remove the "
            "hold-out."
        )
    order = sorted(sizes.index, key=lambda unit: (_hash(unit), unit))
    upto = sizes.reindex(order).cumsum().to_numpy()
    # As many units as come closest to the share, but not all, and one at least.
    count = 1 + int(np.abs(upto[:-1] - study.holdout * len(raw)).argmin())
    return units.isin(order[:count])


def _units(raw: pd.DataFrame, study: Study) -> pd.Series:
    column = study.design.cluster or study.design.respondent
    if column is None or column not in raw:
        return pd.Series([str(number) for number in range(len(raw))], index=raw.index)
    return as_text(raw[column])


def _kind(study: Study) -> str:
    column = study.design.cluster or study.design.respondent
    return f"the values of '{column}'" if column else "the rows of the file"


def _hash(unit: str) -> str:
    return hashlib.sha256(f"{SEED}:{unit}".encode()).hexdigest()


def split_rule(study: Study) -> str:
    """Name the row of the attrition table that says which part was left out.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> split_rule(load_study("rice_simulated", ["holdout=0.3"]))
    'held out (about 30%), to judge what is found on the others'
    """
    if study.is_held_out:
        return f"explored before, no part of the hold-out ({_share(study)})"
    return f"held out ({_share(study)}), to judge what is found on the others"


def notices(study: Study) -> list[str]:
    """Say of a study what exploring it means for its verdicts; nothing where it was not explored.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(notices(load_study("rice_simulated", ["exploratory=true"]))[0])
    Exploratory: what is judged was chosen after seeing these data. It stands only once a hold-out
    or a new wave has judged it.
    """
    if study.is_exploratory:
        return [
            "Exploratory: what is judged was chosen after seeing these data. It stands only once a "
            "hold-out or a new wave has judged it."
        ]
    if not study.holdout:
        return []
    kept = f"split by {_split_by(study)}, seed {SEED}"
    if study.is_held_out:
        return [
            f"Judged on the {_share(study)} held out: what is judged was chosen on the "
            f"others alone ({kept})."
        ]
    return [f"Held out and not looked at: {_share(study)} of the respondents ({kept})."]


def _share(study: Study) -> str:
    about = "about " if study.design.cluster else ""  # clusters cannot be cut
    return f"{about}{percent(study.holdout)}"


def _split_by(study: Study) -> str:
    column = study.design.cluster or study.design.respondent
    return column or "row number"


def facts(study: Study) -> Mapping[str, Any] | None:
    """What a manifest says about the split; None without one.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> facts(load_study("rice_simulated", ["holdout=0.3"]))["analysed"]
    'others'
    """
    if not study.holdout:
        return None
    part = "held out" if study.is_held_out else "others"
    return {"share": study.holdout, "seed": SEED, "by": _split_by(study), "analysed": part}


def with_holdout(settings: Sequence[str], share: float | None) -> list[str]:
    """Put a share of respondents to hold out into the settings of a study.

    Examples
    --------
    >>> with_holdout(["model.controls=[]"], 0.3), with_holdout([], None)
    (['model.controls=[]', 'holdout=0.3'], [])
    """
    return [*settings, *([] if share is None else [f"holdout={share:g}"])]
