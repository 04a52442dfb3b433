"""How carefully a survey was answered: straight lines, answer times, styles of answering.

Suggestions, not rules: nobody is left out unless the study says so. Tables hold counts and means of
ten respondents or more, never a respondent.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from loyalty_analysis.careless import as_answered, fastest, flags, kept_as_answered, shared_scales
from loyalty_analysis.moments import Array
from loyalty_analysis.preparation import SMALLEST_GROUP, as_numbers, as_text
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

COLUMNS = ("check", "scope", "group", "value", "count", "n", "note")
Row = tuple[object, ...]


def longest_run(answers: Array) -> Array:
    """Longest run of one and the same answer of each respondent (the "longstring").

    A missing answer ends a run.

    References
    ----------
    Johnson (2005), Journal of Research in Personality 39, 103-129.

    Examples
    --------
    >>> longest_run(np.array([[1, 1, 1, 2], [1, 2, 3, 4], [5, 5, np.nan, 5.0]]))
    array([3, 1, 2])
    """
    best = run = (~np.isnan(answers[:, 0])).astype(int)
    for before, now in zip(answers.T[:-1], answers.T[1:], strict=True):
        run = np.where(now == before, run + 1, (~np.isnan(now)).astype(int))
        best = np.maximum(best, run)
    return best


def styles(answers: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Styles of answering, respondent by respondent; never to be shown as they are.

    Returns
    -------
    DataFrame
        acquiescence (share of answers above the midpoint less share below), extreme (share at the
        ends), midpoint (share at the midpoint), of the items answered, before reversing. With few
        reversed items acquiescence is partly content: compare groups, do not judge a level.

    References
    ----------
    Baumgartner & Steenkamp (2001), Journal of Marketing Research 38, 143-156.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> items = [item for name in study.constructs for item in study.items_of(name)]
    >>> styles(pd.DataFrame(7.0, [0], items), study).iloc[0].to_list()
    [1.0, 1.0, 0.0]
    """
    low, high = (
        np.array([getattr(study.scale_of(name), end) for name in kept_as_answered(study)
                  for _ in study.items_of(name)], dtype=float)
        for end in ("min", "max")
    )  # fmt: skip
    items = [item for name in kept_as_answered(study) for item in study.items_of(name)]
    place = (answers[items].to_numpy(dtype=float) - low) / (high - low)
    seen = np.where(np.isnan(place), np.nan, 1.0)
    count = np.fmax(np.nansum(seen, axis=1), 1)
    kinds = {
        "acquiescence": np.sign(place - 0.5),
        "extreme": (np.abs(place - 0.5) == 0.5) * seen,
        "midpoint": (place == 0.5) * seen,
    }
    shares = {kind: np.nansum(values, axis=1) / count for kind, values in kinds.items()}
    return pd.DataFrame(shares, index=answers.index)


def quality(survey: Survey) -> pd.DataFrame:
    """Describe how carefully the respondents answered, with the answer times the study declares.

    Returns
    -------
    DataFrame
        check, scope (scale, column or group column), group, value (a share, a mean or a median),
        count (respondents it stands for, empty for means), n, note (a sentence). Of the respondents
        analysed; rules that leave respondents out, of those they were applied to. Groups of fewer
        than ten are left out. Without respondents: no rows.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> quality(read_survey("rice_simulated"))["check"].unique()[:3].tolist()
    ['straight_lining', 'longest_run', 'acquiescence']
    """
    if survey.frame is None or survey.items is None:
        return pd.DataFrame(columns=list(COLUMNS))
    study, answers = survey.study, as_answered(survey.items, survey.study)
    seconds = study.quality.seconds
    times = None if seconds is None else as_numbers(survey.frame[seconds])
    rows = _rule_rows(flags(answers, study, times), survey)
    for scale, items in shared_scales(study).items():
        runs = longest_run(answers[list(items)].to_numpy(dtype=float))
        long = int((runs > len(items) / 2).sum())
        said = (
            f"{long:,} of {survey.n:,} respondents gave one answer to more than half of the "
            f"{len(items)} items from {scale} in a row (in the order of the study file)."
        )
        rows.append(("longest_run", scale, "", long / survey.n, long, survey.n, said))
    if times is not None:
        rows += _time_rows(times.dropna())
    rows += _style_rows(styles(answers, study), survey)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rule_rows(marked: pd.DataFrame, survey: Survey) -> list[Row]:
    """What each rule finds: among the analysed, or among all it was applied to if it excludes."""
    study, table = survey.study, survey.attrition.set_index("rule")
    what = {
        "straight_lining": "gave one answer to all items of a scale",
        "too_fast": f"answered in less than {fastest(study):g} seconds",
    }
    rows: list[Row] = []
    for rule in marked:
        count, n = int(marked[rule].sum()), survey.n
        fate = " They are part of the analysis." if count else ""
        if rule in study.quality.exclude:
            count = int(table.loc[f"{rule} excluded", "alone"])
            n = int(table.loc[f"{study.quality.exclude[0]} excluded", ["removed", "left"]].sum())
            fate = " The study leaves them out." if count else ""
        said = f"{count:,} of {n:,} respondents ({count / n:.1%}) {what[rule]}.{fate}"
        rows.append((rule, "", "", count / n, count, n, said))
    return rows


def _time_rows(times: pd.Series) -> list[Row]:
    if len(times) < SMALLEST_GROUP:
        return []
    middle = float(times.median())
    said = (
        f"Half of the {len(times):,} respondents with an answer time took {middle:g} seconds or "
        "less."
    )
    return [("seconds", str(times.name), "", middle, np.nan, len(times), said)]


def _style_rows(found: pd.DataFrame, survey: Survey) -> list[Row]:
    assert survey.frame is not None
    rows: list[Row] = []
    for kind in found:
        rows.append((kind, "", "", found[kind].mean(), np.nan, survey.n, ""))
        for column in survey.study.design.groups:
            parts = found[kind].groupby(as_text(survey.frame[column]))
            rows += [
                (kind, column, str(group), part.mean(), np.nan, len(part), "")
                for group, part in parts
                if len(part) >= SMALLEST_GROUP
            ]
    return rows
