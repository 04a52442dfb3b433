"""Waves of a survey: which there are, who answered in them, and whether they can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from loyalty_analysis.preparation import SMALLEST_GROUP, as_text
from loyalty_analysis.survey import Survey

COUNTS = ["wave", "n", "note"]


def ordered(labels: Iterable[object]) -> list[str]:
    """Sort names of waves as people do: numbers inside them by size.

    Examples
    --------
    >>> ordered(["wave 10", "wave 2"])
    ['wave 2', 'wave 10']
    """
    parts = {str(label): re.split(r"(\d+)", str(label)) for label in labels}
    return sorted(parts, key=lambda name: [(int(p), "") if p.isdigit() else (-1, p)
                                           for p in parts[name]])  # fmt: skip


def waves_in(survey: Survey) -> pd.Series:
    """Wave of every respondent of the analysis sample, as text; empty where there are none.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> len(waves_in(read_survey("bank_customers")))
    0
    """
    wave = survey.study.design.wave
    if survey.frame is None or wave is None:
        return pd.Series(dtype=str)
    return as_text(survey.frame[wave])


def wave_counts(survey: Survey) -> pd.DataFrame:
    """Count the respondents of every wave, in the order of the waves.

    Returns
    -------
    DataFrame
        wave, n (empty for waves of fewer than ten respondents), note (why a wave is left out).
        Empty without a wave column or respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> wave_counts(read_survey("rice_simulated", ["design.wave=sector"])).values.tolist()
    [['goods', 3789.0, ''], ['services', 3889.0, '']]
    """
    counts = waves_in(survey).value_counts()
    n = [int(counts[name]) for name in ordered(counts.index)]
    small = f"fewer than {SMALLEST_GROUP} respondents: not shown"
    table = pd.DataFrame({"wave": ordered(counts.index), "n": np.array(n, dtype=float)})
    few = table["n"] < SMALLEST_GROUP
    return table.assign(n=table["n"].mask(few), note=np.where(few, small, ""))[COUNTS]


def usable_waves(survey: Survey) -> list[str]:
    """Name the waves of ten respondents or more, in order.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> usable_waves(read_survey("rice_simulated", ["design.wave=sector"]))
    ['goods', 'services']
    """
    counts = wave_counts(survey)
    return counts.loc[counts["n"].notna(), "wave"].tolist()


def repeated(survey: Survey) -> bool:
    """Whether some respondents answered in more than one wave, as far as their ids tell.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> repeated(read_survey("bank_customers"))
    False
    """
    respondent = survey.study.design.respondent
    waves = waves_in(survey)
    if survey.frame is None or respondent is None or waves.empty:
        return False
    ids = survey.frame[respondent]
    return bool((waves.groupby(ids).nunique() > 1).any())


def refusal(survey: Survey) -> str:
    """Say why changes between waves cannot be tested; empty where they can.

    Answers of one person in several waves are not independent. Errors are clustered by respondent,
    or by the declared cluster where each respondent stays in one.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> refusal(read_survey("rice_simulated", ["design.wave=sector"]))
    ''
    """
    design = survey.study.design
    if survey.frame is None or not repeated(survey) or survey.clusters is None:
        return ""
    clusters = pd.Series(survey.clusters, index=survey.frame.index)
    astray = int((clusters.groupby(survey.frame[design.respondent]).nunique() > 1).sum())
    if not astray:
        return ""
    return (
        f"{astray:,} respondents (design.respondent '{design.respondent}') answered in several "
        f"waves and stand in more than one '{survey.cluster}' (design.cluster), so errors "
        "clustered by either alone would be wrong, and no change is tested. Take design.cluster "
        "out, or give every respondent one cluster."
    )
