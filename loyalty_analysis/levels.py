"""Levels of satisfaction: who stands on which, and contrasts of their adjusted means.

Adjusted means come from one equation per outcome: indicators of the levels, and the controls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.claims import LEVELS, Claim, members_of
from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Sample, estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.regression import check_equation
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import CONTRASTS, contrast_rows, of_small_groups, satterthwaite

Side = tuple[float, tuple[str, ...]]
"""What an adjusted mean counts in a contrast, and the levels whose respondents it pools."""
TERM = "level"
HALVES = ("upper", "lower")
"""Of a difference of steps: the mean step above the middle level, and the mean step below it."""


def level_of(survey: Survey) -> pd.Series:
    """Name the level on which every respondent stands, as an ordered category.

    Raises
    ------
    DataError
        When levels that are asked as such have an answer between two of them.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> level_of(read_survey("rice_simulated", [cut])).value_counts(sort=False).to_dict()
    {'low': 362, 'mid': 3155, 'high': 4161}
    """
    levels = survey.study.levels
    assert levels is not None and survey.frame is not None
    scores = survey.frame[levels.measure].to_numpy(dtype=float)
    if levels.cuts:
        codes = np.searchsorted(np.array(levels.cuts, dtype=float), scores, side="right")
    else:
        lowest = survey.study.scale_of(levels.measure).min or 0.0
        if len(odd := scores[scores % 1 != 0]):
            raise DataError(
                f"column '{survey.study.items_of(levels.measure)[0]}' holds {odd[0]:g}, and every "
                f"answer stands for one of the levels {', '.join(levels.names)}. Correct the "
                "file, or give levels.cuts."
            )
        codes = (scores - lowest).astype(int)
    names = pd.CategoricalDtype(levels.names, ordered=True)
    return pd.Series(pd.Categorical.from_codes(codes, dtype=names), survey.frame.index, name=TERM)


def level_indicators(levels: pd.Series) -> pd.DataFrame:
    """Columns ``level[NAME]`` of 0 and 1, for every level but the lowest.

    Examples
    --------
    >>> order = pd.CategoricalDtype(["below", "meets", "exceeds"], ordered=True)
    >>> level_indicators(pd.Series(["meets", "below"], dtype=order)).to_dict("list")
    {'level[meets]': [1.0, 0.0], 'level[exceeds]': [0.0, 0.0]}
    """
    held = {column_of(name): levels == name for name in levels.cat.categories[1:]}
    return pd.DataFrame(held, index=levels.index).astype(float)


def column_of(name: str) -> str:
    """Name of the indicator column of a level."""
    return f"{TERM}[{name}]"


def sides_of(claim: Claim, names: Sequence[str]) -> tuple[Side, ...]:
    """The adjusted means that a claim compares, and what each counts.

    Parameters
    ----------
    claim : Claim
    names : sequence of str
        Every level, lowest first.

    Examples
    --------
    >>> claim = Claim(id="x", text="", estimand="penalty_reward", outcome="y", term="level",
    ...               versus=("below - meets", "exceeds - meets"), sign="+")
    >>> for side in sides_of(claim, ["below", "meets", "exceeds"]):
    ...     print(side)
    (-1.0, ('below',))
    (1.0, ('meets',))
    (-1.0, ('exceeds',))
    (1.0, ('meets',))
    """
    first, second = claim.versus
    if claim.estimand in ("steps", "mean_difference"):
        return (1.0, members_of(first)), (-1.0, members_of(second))
    if set(claim.versus) == set(HALVES) and len(names) > 2:
        return _halves(names, 1.0 if first == HALVES[0] else -1.0)
    sign = -1.0 if claim.estimand == "penalty_reward" else 1.0
    return *_step(first, sign), *_step(second, -1.0)


def _step(text: str, sign: float) -> tuple[Side, ...]:
    above, _, below = text.partition(" - ")
    return (sign, members_of(above)), (-sign, members_of(below))


def _halves(names: Sequence[str], sign: float) -> tuple[Side, ...]:
    """Mean step above the middle level less that below it; of two middle levels each has one."""
    below, above = (len(names) - 1) // 2, len(names) // 2
    up, down = sign / (len(names) - 1 - above), sign / below
    return (
        (up, (names[-1],)), (-up, (names[above],)), (-down, (names[below],)), (down, (names[0],)),
    )  # fmt: skip


def why_no_levels(claim: Claim, survey: Survey) -> str:
    """Reason code for a claim about levels that cannot be tested here; empty when it can.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="steps", outcome="loyalty", term="level",
    ...               versus=("meets", "below"), sign="+")
    >>> why_no_levels(claim, read_survey("bank_customers"))
    'missing_construct: level'
    """
    declared = survey.study.levels
    if declared is None:
        return f"missing_construct: {TERM}"
    if not survey.has_respondents:
        return "needs_respondents"
    pools = dict.fromkeys(pool for _, pool in sides_of(claim, declared.names))
    named = dict.fromkeys(name for pool in pools for name in pool)
    if "" in named:  # no step between two levels
        return f"unknown_level: {', '.join(one for one in claim.versus if ' - ' not in one)}"
    if unknown := [name for name in named if name not in declared.names]:
        return f"unknown_level: {', '.join(unknown)}"
    levels = level_of(survey)
    small = [pool for pool in pools if not enough(levels.isin(pool), survey)]
    return f"missing_level: {', '.join(map(' + '.join, small))}" if small else ""


def enough(held: pd.Series, survey: Survey) -> bool:
    """Whether a set of respondents may be shown: ten of them, in two clusters where there are any.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> enough(survey.frame["industry"] == "bank", survey)
    False
    """
    clusters = survey.clusters
    several = clusters is None or len(np.unique(clusters[held])) > 1
    return bool(several and held.sum() >= SMALLEST_GROUP)


def level_contrast(
    moments: Moments, outcome: str, names: Sequence[str], controls: Sequence[str], claim: Claim
) -> Array:
    """Contrast of adjusted means that a claim is about, in SDs of the outcome.

    Parameters
    ----------
    moments : Moments
        Of ``level[NAME]`` for every level but the lowest, the controls and the outcome; leading
        dimensions are kept.
    outcome : str
    names : sequence of str
        Levels, lowest first.
    controls : sequence of str
        Columns that are held constant.
    claim : Claim

    Returns
    -------
    ndarray, shape (..., 1)

    Examples
    --------
    >>> order = pd.CategoricalDtype(["below", "meets", "exceeds"], ordered=True)
    >>> levels = pd.Series(["below", "below", "meets", "exceeds"], dtype=order)
    >>> known = Moments.from_frame(level_indicators(levels).assign(y=[1.0, 3.0, 4.0, 5.0]))
    >>> claim = Claim(id="x", text="", estimand="mean_difference", outcome="y", term="level",
    ...               versus=("meets + exceeds", "below"), sign="+")
    >>> level_contrast(known, "y", ["below", "meets", "exceeds"], [], claim).round(2)
    array([1.46])
    """
    return compared(moments, outcome, names, controls, [sides_of(claim, names)])


def compared(
    moments: Moments,
    outcome: str,
    names: Sequence[str],
    controls: Sequence[str],
    contrasts: Sequence[Sequence[Side]],
) -> Array:
    """Several contrasts of adjusted means, in SDs of the outcome.

    ``names`` are the levels that somebody is on; ``moments`` has a column for all but the lowest.
    """
    mean, share = adjusted(moments, outcome, names, controls)
    found = [(_counted(sides, names, share) * mean).sum(axis=-1) for sides in contrasts]
    return np.stack(found, axis=-1) / moments[[outcome]].sd


def adjusted(
    moments: Moments, outcome: str, names: Sequence[str], controls: Sequence[str]
) -> tuple[Array, Array]:
    """Adjusted mean of every level, less that of the lowest, and the share of each level."""
    columns = [column_of(name) for name in names[1:]]
    slope = slopes(moments, outcome, [*columns, *controls])[..., : len(columns)]
    share = moments.mean[..., moments.index(columns)]
    rest = 1 - share.sum(axis=-1, keepdims=True)
    mean = np.concatenate([np.zeros_like(slope[..., :1]), slope], axis=-1)
    return mean, np.concatenate([rest, share], axis=-1)


def _counted(sides: Sequence[Side], names: Sequence[str], share: Array) -> Array:
    """What each level's mean counts; levels pooled on one side count by their shares."""
    counted = np.zeros_like(share)
    for weight, pool in sides:
        held = [names.index(name) for name in pool if name in names]
        part = share[..., held] if len(held) > 1 else np.ones_like(share[..., held])
        counted[..., held] += weight * part / part.sum(axis=-1, keepdims=True)
    return counted


@one_thread
def level_contrasts(survey: Survey, claims: Sequence[Claim]) -> pd.DataFrame:
    """Estimate the contrasts of levels that claims ask for, each once, as rows of contrasts.csv.

    Parameters
    ----------
    survey : Survey
    claims : sequence of Claim
        Single claims (parts spelled out); those that are not about levels, or cannot be tested,
        are passed.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> claim = Claim(id="x", text="", estimand="step_difference", outcome="repurchase",
    ...               term="level", versus=("upper", "lower"), sign="-")
    >>> table = level_contrasts(read_survey("rice_simulated", [cut]), [claim])
    >>> table[["estimand", "versus", "model", "estimate"]].round(2)
              estimand         versus              model  estimate
    0  step_difference  upper | lower  repurchase.levels     -0.01
    """
    asked: dict[str, dict[tuple[str, tuple[str, ...]], Claim]] = {}
    for claim in claims:
        if claim.estimand in LEVELS and not why_no_levels(claim, survey):
            for outcome in claim.outcomes(survey.study):
                if outcome in survey.study.model.outcomes:
                    asked.setdefault(outcome, {})[claim.estimand, claim.versus] = claim
    tables = [_rows(survey, outcome, list(own.values())) for outcome, own in asked.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=CONTRASTS)


def _rows(survey: Survey, outcome: str, claims: Sequence[Claim]) -> pd.DataFrame:
    assert survey.study.levels is not None
    sample, names, controls = levels_sample(survey, outcome)
    contrasts = [sides_of(claim, survey.study.levels.names) for claim in claims]

    @vectorized
    def values(moments: Moments) -> Array:
        return compared(moments, outcome, names, controls, contrasts)

    held = level_of(survey)
    smallest = [min(int(held.isin(pool).sum()) for _, pool in sides) for sides in contrasts]
    return contrast_rows(
        of_small_groups(estimate(single(values), sample), smallest),
        survey.n,
        degrees(sample, names, contrasts),
        estimand=[claim.estimand for claim in claims],
        outcome=outcome,
        term=TERM,
        versus=[" | ".join(claim.versus) for claim in claims],
        model=f"{outcome}.levels",
    )


def levels_sample(survey: Survey, outcome: str) -> tuple[Sample, list[str], list[str]]:
    """The sample of one outcome's equation, the levels that somebody is on, and the controls.

    Raises
    ------
    CollinearError, DataError
        When levels and controls do not decide the adjusted means.
    """
    assert survey.study.levels is not None
    held = level_of(survey).cat.remove_unused_categories()
    columns = level_indicators(held)
    measure = survey.study.levels.measure
    controls = [name for name in survey.study.model.controls if name != measure]
    terms = list(survey.terms(controls))
    sample = survey.sample([*columns, *terms, outcome], extra=columns)
    if len(columns.columns) + len(terms):
        check_equation(sample.moments[""], (*columns, *terms), f"{outcome} by level")
    return sample, list(held.cat.categories), terms


def degrees(
    sample: Sample, names: Sequence[str], contrasts: Sequence[Sequence[Side]]
) -> Array | float:
    """Satterthwaite degrees of freedom of contrasts of levels; not a number without clusters."""
    moments = sample.moments[""]
    share = moments.mean[: len(names) - 1]
    share = np.append(1 - share.sum(), share)
    counted = np.array([_counted(sides, names, share) for sides in contrasts])
    matrix = np.zeros((len(contrasts), len(sample.columns) - 1))
    # Satterthwaite's degrees of freedom are asked for slopes per SD of the term.
    matrix[:, : len(names) - 1] = counted[:, 1:] / moments.sd[: len(names) - 1]
    return satterthwaite(sample, matrix)
