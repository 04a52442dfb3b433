"""Careless respondents: who gave one answer to everything, or answered faster than one can read."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from loyalty_analysis.preparation import as_numbers, turned
from loyalty_analysis.study import Study

SECONDS_PER_ITEM = 2.0
"""Nobody reads and answers an item faster (Huang et al. 2012)."""
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


def kept_as_answered(study: Study) -> tuple[str, ...]:
    """Those of them whose items are analysed as answered, on a scale of more than two answers.

    Recoded by ``score`` are none of them; yes and no have neither ends nor a midpoint, and one
    answer to two of such questions is no straight line.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> scored = "constructs.search={items = ['sea1'], score = 'top_box'}"
    >>> "search" in kept_as_answered(load_study("rice_simulated", [scored]))
    False
    """
    return tuple(
        name
        for name in asked(study)
        if study.constructs[name].score == "mean" and not _yes_or_no(study, name)
    )


def _yes_or_no(study: Study, name: str) -> bool:
    low, high = (float(getattr(study.scale_of(name), end)) for end in ("min", "max"))
    return high - low <= 1


def blocks(study: Study) -> Blocks:
    """Items that share a scale, in the order of the study; constructs outside the model too.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> {scale: len(items) for scale, items in blocks(load_study("rice_simulated")).items()}
    {'1 to 7': 27}
    """
    found: dict[str, list[str]] = {}
    for name in kept_as_answered(study):
        scale = study.scale_of(name)
        found.setdefault(f"{scale.min:g} to {scale.max:g}", []).extend(study.items_of(name))
    return {scale: tuple(dict.fromkeys(items)) for scale, items in found.items()}


def shared_scales(study: Study) -> Blocks:
    """Blocks that measure two constructs or more, so that one answer throughout means something.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["constructs.search={items = ['sea1'], max = 5}"])
    >>> list(blocks(study)), list(shared_scales(study))
    (['1 to 7', '1 to 5'], ['1 to 7'])
    """
    return {scale: items for scale, items in blocks(study).items() if _constructs(items, study) > 1}


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
    several = list(shared_scales(study).values())
    chosen = [items for items in several if turned_items & set(items)] or several
    found = pd.Series(False, index=answers.index)
    for items in chosen:
        part = answers[list(items)]
        enough = part.notna().sum(axis=1) >= len(items) / 2
        found |= enough & (part.max(axis=1) == part.min(axis=1))
    return found


def fastest(study: Study) -> float:
    """Seconds below which an answer is too fast: declared, else two for each item asked.

    References
    ----------
    Huang, Curran, Keeney, Poposki & DeShon (2012), Journal of Business and Psychology 27, 99-114.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> fastest(load_study("rice_simulated"))
    54.0
    """
    count = sum(len(study.items_of(name)) for name in asked(study))
    return study.quality.fastest or SECONDS_PER_ITEM * count


def _constructs(items: Sequence[str], study: Study) -> int:
    return sum(bool(set(study.items_of(name)) & set(items)) for name in study.constructs)


def flags(answers: pd.DataFrame, study: Study, seconds: pd.Series | None = None) -> pd.DataFrame:
    """Mark respondents whom each rule would leave out.

    Parameters
    ----------
    answers : DataFrame
        Items as they were answered.
    study : Study
    seconds : Series, optional
        Answer time of each respondent.

    Returns
    -------
    DataFrame of bool
        straight_lining; too_fast with ``seconds`` (a missing time is not too fast).

    References
    ----------
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
        found["too_fast"] = as_numbers(seconds) < fastest(study)
    return found


def exclusions(answers: pd.DataFrame, raw: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Mark respondents whom the study leaves out: a column for each rule that it declares.

    Parameters
    ----------
    answers : DataFrame
        Items as they were answered.
    raw : DataFrame
        As read; without the column of answer times nobody is too fast.
    study : Study

    Returns
    -------
    DataFrame of bool
        In the order in which the study names the rules; no columns where it names none.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["quality.exclude=['straight_lining']"])
    >>> items = [item for name in study.constructs for item in study.items_of(name)]
    >>> exclusions(pd.DataFrame(6.0, [0], items), pd.DataFrame(index=[0]), study)
       straight_lining
    0             True
    """
    marked = flags(answers, study, raw.get(study.quality.seconds))
    return marked.reindex(columns=list(study.quality.exclude), fill_value=False)
