"""The two arms of a randomised treatment: refused where one is missing."""

from __future__ import annotations

import pandas as pd

from loyalty_analysis.errors import shown
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.study import Study


def arm_problems(sample: pd.DataFrame, study: Study) -> list[str]:
    """Say why a declared treatment cannot be compared with its absence; empty when it can.

    Parameters
    ----------
    sample : DataFrame
        Analysis sample.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", [
    ...     "model.moderators=['treated']", "experiment.treatment=treated",
    ... ])
    >>> [problem] = arm_problems(pd.DataFrame({"treated": [1.0] * 20}), study)
    >>> problem.partition(": ")[2][:44]
    'found 0 respondents with 0 and 20 with 1; an'
    """
    if study.experiment is None:
        return []
    name = study.experiment.treatment
    where = f"column '{name}' (experiment.treatment)"
    values = pd.to_numeric(sample[name], errors="coerce")
    odd = sample.loc[~values.isin([0, 1]), name]
    remedy = "Correct the file, widen the filter, or remove [experiment]."
    if len(odd):
        return [
            f"{where}: holds {shown(odd.iloc[0])}; 1 (treated) and 0 (not) are allowed. {remedy}"
        ]
    counts = [int((values == arm).sum()) for arm in (0, 1)]
    if min(counts) >= SMALLEST_GROUP:
        return []
    few = f"fewer than {SMALLEST_GROUP}"
    said = [str(n) if n == 0 or n >= SMALLEST_GROUP else few for n in counts]
    return [
        f"{where}: found {said[0]} respondents with 0 and {said[1]} with 1; an experiment needs "
        f"{SMALLEST_GROUP} in each arm. {remedy}"
    ]
