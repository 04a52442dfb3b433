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
    >>> problem.partition(": ")[2][:26]
    'found no respondent with 0'
    """
    if study.experiment is None:
        return []
    name = study.experiment.treatment
    where = f"column '{name}' (experiment.treatment)"
    values = pd.to_numeric(sample[name], errors="coerce")
    odd = sample.loc[~values.isin([0, 1]), name]
    remedy = "Correct the file, widen the filter, or remove [experiment]."
    if len(odd):
        found = shown(odd.tolist()[0])
        return [f"{where}: holds {found}; 1 (treated) and 0 (not) are allowed. {remedy}"]
    counts = {arm: int((values == arm).sum()) for arm in (0, 1)}
    arm, n = min(counts.items(), key=lambda pair: pair[1])
    if n >= SMALLEST_GROUP:
        return []
    few = f"fewer than {SMALLEST_GROUP} respondents" if n else "no respondent"
    need = f"an experiment needs {SMALLEST_GROUP} in each arm"
    return [f"{where}: found {few} with {arm}; {need}. {remedy}"]
