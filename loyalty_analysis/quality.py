"""How carefully a survey was answered: straight lines, answer times, styles of answering.

Suggestions, not rules: nobody is left out unless the study says so. Tables hold counts and means of
ten respondents or more, never a respondent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.errors import StudyError, did_you_mean
from loyalty_analysis.moments import Array
from loyalty_analysis.preparation import SMALLEST_GROUP, as_numbers, as_text, turned
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

SECONDS_PER_ITEM = 2.0
"""Nobody reads and answers an item faster (Huang et al. 2012)."""
RULES = ("straight_lining", "too_fast")
COLUMNS = ("check", "scope", "group", "value", "count", "n", "note")
Blocks = dict[str, tuple[str, ...]]


def asked(study: Study) -> tuple[str, ...]:
    """Constructs that respondents answered for: all but outcomes of the kind ``behaviour``.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> asked(load_study("mobile_customers"))
    ('competence', 'likeability', 'satisfaction', 'loyalty')
    """
    kinds = study.model.outcomes
    return tuple(name for name in study.constructs if kinds.get(name) != "behaviour")


def blocks(study: Study) -> Blocks:
    """Items that share a scale, in the order of the study; constructs outside the model too.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> {scale: len(items) for scale, items in blocks(load_study("rice_simulated")).items()}
    {'1 to 7': 27}
    """
    found: dict[str, list[str]] = {}
    for name in asked(study):
        scale = study.scale_of(name)
        found.setdefault(f"{scale.min:g} to {scale.max:g}", []).extend(study.items_of(name))
    return {scale: tuple(dict.fromkeys(items)) for scale, items in found.items()}


def as_answered(items: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Items as they were answered: those that were turned for scoring are turned back.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> items = [item for name in study.constructs for item in study.items_of(name)]
    >>> float(as_answered(pd.DataFrame(6.0, [0], items), study)["aff3"][0])
    2.0
    """
    found = items.copy()
    for name, construct in study.constructs.items():
        for item in construct.reversed:
            found[item] = turned(study, name) - items[item]
    return found


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


def straight_lining(answers: pd.DataFrame, study: Study) -> pd.Series:
    """Who gave one answer to all items of a scale, which measure two constructs or more.

    Parameters
    ----------
    answers : DataFrame
        Items as they were answered, reversed ones not turned.
    study : Study

    Returns
    -------
    Series of bool
        Only scales count on which some item is reversed, so that a straight line contradicts
        itself; where no scale has one, all scales do. A line at the midpoint counts too. At least
        half of the items must be answered.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> items = [item for name in study.constructs for item in study.items_of(name)]
    >>> straight_lining(pd.DataFrame(6.0, [0], items).assign(sat3=[2.0]), study).to_list()
    [False]
    """
    turned_items = {item for one in study.constructs.values() for item in one.reversed}
    several = [items for items in blocks(study).values() if _constructs(items, study) > 1]
    chosen = [items for items in several if turned_items & set(items)] or several
    found = pd.Series(False, index=answers.index)
    for items in chosen:
        part = answers[list(items)]
        enough = part.notna().sum(axis=1) >= len(items) / 2
        found |= enough & (part.max(axis=1) == part.min(axis=1))
    return found


def _constructs(items: Sequence[str], study: Study) -> int:
    return sum(bool(set(study.items_of(name)) & set(items)) for name in study.constructs)


def flags(
    answers: pd.DataFrame,
    study: Study,
    seconds: pd.Series | None = None,
    fastest: float | None = None,
) -> pd.DataFrame:
    """Mark respondents whom each rule would leave out, for a study that declares exclusions.

    Parameters
    ----------
    answers : DataFrame
        Items as they were answered.
    study : Study
    seconds : Series, optional
        Answer time of each respondent.
    fastest : float, optional
        Seconds that the questionnaire takes at least; default: two for each item.

    Returns
    -------
    DataFrame of bool
        straight_lining; too_fast with ``seconds`` (a missing time is not too fast).

    References
    ----------
    Huang, Curran, Keeney, Poposki & DeShon (2012), Journal of Business and Psychology 27, 99-114;
    Meade & Craig (2012), Psychological Methods 17, 437-455.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> items = [item for name in study.constructs for item in study.items_of(name)]
    >>> flags(pd.DataFrame(6.0, [0], items), study, pd.Series([50])).iloc[0].to_list()
    [True, True]
    """
    found = pd.DataFrame({"straight_lining": straight_lining(answers, study)})
    if seconds is not None:
        limit = SECONDS_PER_ITEM * answers.shape[1] if fastest is None else fastest
        found["too_fast"] = as_numbers(seconds) < limit
    return found


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
        np.array([getattr(study.scale_of(name), end) for name in asked(study)
                  for _ in study.items_of(name)], dtype=float)
        for end in ("min", "max")
    )  # fmt: skip
    items = [item for name in asked(study) for item in study.items_of(name)]
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


def quality(
    survey: Survey, seconds: str | None = None, fastest: float | None = None
) -> pd.DataFrame:
    """Describe how carefully the analysed respondents answered.

    Parameters
    ----------
    survey : Survey
        With respondents.
    seconds : str, optional
        Column of the answer times; it must be among the columns of the analysis sample.
    fastest : float, optional
        See :func:`flags`.

    Returns
    -------
    DataFrame
        check, scope (scale, column or group column), group, value (a share, a mean or a median),
        count (respondents it stands for, empty for means), n, note (a sentence). Groups of fewer
        than ten are left out. Without respondents: no rows.

    Raises
    ------
    StudyError
        If the column of answer times is not there.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> quality(read_survey("rice_simulated"))["check"].unique()[:3].tolist()
    ['straight_lining', 'longest_run', 'acquiescence']
    """
    if survey.frame is None or survey.items is None:
        return pd.DataFrame(columns=list(COLUMNS))
    study, answers = survey.study, as_answered(survey.items, survey.study)
    if seconds is not None and seconds not in survey.frame:
        hint = did_you_mean(seconds, survey.frame.columns)
        raise StudyError(f"answer time '{seconds}' is not in the analysis sample. {hint}")
    times = None if seconds is None else survey.frame[seconds]
    marked = flags(answers, study, times, fastest)
    rows = [_flagged(rule, marked[rule]) for rule in marked]
    for scale, items in blocks(study).items():
        runs = longest_run(answers[list(items)].to_numpy(dtype=float))
        long = int((runs > len(items) / 2).sum())
        said = (
            f"{long} of {survey.n} respondents gave one answer to more than half of the "
            f"{len(items)} items from {scale} in a row (in the order of the study file)."
        )
        rows.append(("longest_run", scale, "", long / survey.n, long, survey.n, said))
    if times is not None:
        middle = float(as_numbers(times).median())
        said = f"Half of the respondents took {middle:g} seconds or less."
        rows.append(("seconds", seconds, "", middle, np.nan, int(times.notna().sum()), said))
    rows += _style_rows(styles(answers, study), survey)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _flagged(rule: str, marked: pd.Series) -> tuple[object, ...]:
    what = {
        "straight_lining": "gave one answer to all items of a scale",
        "too_fast": "answered faster than anyone can read",
    }[rule]
    count, n = int(marked.sum()), len(marked)
    kept = " They are part of the analysis." if count else ""
    said = f"{count} of {n} respondents ({count / n:.1%}) {what}.{kept}"
    return rule, "", "", count / n, count, n, said


def _style_rows(found: pd.DataFrame, survey: Survey) -> list[tuple[object, ...]]:
    assert survey.frame is not None
    rows: list[tuple[object, ...]] = []
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
