"""Four types of loyalty, from attitude and patronage against declared cuts, and their contrasts.

After Dick & Basu (1994, Journal of the Academy of Marketing Science 22, 99-113). Types throw away
what lies between the cuts: the interaction of both scores comes first, types second. The outcome is
never part of the typing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from loyalty_analysis.inference import Estimate, Sample, estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.regression import check_equation
from loyalty_analysis.tidy import CONTRASTS, contrast_rows, of_small_groups, satterthwaite

if TYPE_CHECKING:
    from loyalty_analysis.claims import Claim
    from loyalty_analysis.survey import Survey

TYPES = ("none", "inertia", "latent", "premium")
"""Low on both; low attitude, high patronage; high attitude, low patronage; high on both."""
STEPS = (("premium", "latent"), ("latent", "inertia"), ("inertia", "none"))
"""Adjacent types, the upper one first."""
INDICATORS = tuple(f"type[{name}]" for name in TYPES[1:])
"""Columns of every type but the first, with which the others are compared."""


def typed(attitude: Array, patronage: Array, cuts: tuple[float, float]) -> Array:
    """Types of some scores: at or above a cut is high.

    Examples
    --------
    >>> typed(np.array([2.0, 4.5, 4.0]), np.array([2.0, 6.0, 4.5]), (4.5, 4.5)).tolist()
    ['none', 'premium', 'inertia']
    """
    # A mean of thirds may miss the cut it stands on by rounding.
    high = [score >= cut - 1e-9 for score, cut in zip((attitude, patronage), cuts, strict=True)]
    return np.array(TYPES)[2 * high[0].astype(int) + high[1]]


def types_of(survey: Survey, away: tuple[float, float] = (0.0, 0.0)) -> pd.Series:
    """Type of every respondent of the analysis sample.

    Parameters
    ----------
    survey : Survey
        Of a study with ``[types]``.
    away : tuple of float
        Points by which the cuts of attitude and patronage are moved.

    Returns
    -------
    Series
        One of :data:`TYPES` each.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = "types={attitude='affective', patronage='habitual', attitude_cut=4.5, "
    >>> survey = read_survey("rice_simulated", [asked + "patronage_cut=4.5}"])
    >>> sorted(types_of(survey).unique())
    ['inertia', 'latent', 'none', 'premium']
    """
    types = survey.study.types
    assert types is not None and survey.frame is not None
    cuts = types.attitude_cut + away[0], types.patronage_cut + away[1]
    attitude, patronage = survey.frame[[types.attitude, types.patronage]].to_numpy(float).T
    found = typed(attitude, patronage, cuts)
    return pd.Series(found, index=survey.frame.index, name="type")


def indicators(types: pd.Series) -> pd.DataFrame:
    """Columns of 0 and 1 for every type but ``none``.

    Examples
    --------
    >>> indicators(pd.Series(["none", "latent"])).values.tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    return pd.DataFrame({f"type[{name}]": (types == name).astype(float) for name in TYPES[1:]})


def type_contrast(moments: Moments, outcome: str, controls: Sequence[str], claim: Claim) -> Array:
    """Adjusted mean of one type minus that of another, in SDs of the outcome.

    Parameters
    ----------
    moments : Moments
        Of :data:`INDICATORS`, controls and outcome.
    outcome : str
    controls : sequence of str
        Columns held constant.
    claim : Claim
        ``versus`` names the upper type and the lower one.

    Returns
    -------
    ndarray, shape (1,)
        Leading dimensions of the moments are kept. Not a number where one of the two types, or
        the first, with which all are compared, has nobody.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> types = indicators(pd.Series(["none", "none", "inertia", "latent", "premium"]))
    >>> claim = Claim(id="x", text="", estimand="ordered_means", outcome="y", term="type",
    ...               versus=("premium", "none"), sign="+")
    >>> known = Moments.from_frame(types.assign(y=[1.0, 2.0, 3.0, 4.0, 5.0]))
    >>> type_contrast(known, "y", [], claim).round(3)
    array([2.214])
    """
    found = slopes(moments, outcome, [*INDICATORS, *controls])[..., :3]
    shares = moments[INDICATORS].mean
    known = np.concatenate([1 - shares.sum(axis=-1, keepdims=True), shares], axis=-1).real
    places = [TYPES.index(side) for side in claim.versus]
    value = found @ _rows([claim])[0, :3] / moments[[outcome]].sd[..., 0]
    return np.where((known[..., [0, *places]] > 1e-9).all(axis=-1), value, np.nan)[..., None]


def _rows(claims: Sequence[Claim], width: int = 3) -> Array:
    """Contrasts of the indicators, one row for each claim."""
    matrix = np.zeros((len(claims), width))
    for row, claim in enumerate(claims):
        for side, sign in zip(claim.versus, (1, -1), strict=True):
            if side != TYPES[0]:
                matrix[row, TYPES.index(side) - 1] += sign
    return matrix


def why_no_types(claim: Claim, survey: Survey, outcome: str = "") -> str:
    """Reason code for a claim about types that cannot be tested here; empty when it can.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="ordered_means", outcome="loyalty", term="type",
    ...               versus=("premium", "none"), sign="+")
    >>> why_no_types(claim, read_survey("bank_customers"))
    'missing_construct: type'
    """
    types, study = survey.study.types, survey.study
    if types is None or claim.term != "type":
        return f"missing_construct: {claim.term if types else 'type'}"
    if not survey.has_respondents:
        return "needs_respondents"
    if unknown := [name for name in claim.versus if name not in TYPES]:
        return f"unknown_type: {', '.join(unknown)}"
    asked = [outcome] if outcome else claim.outcomes(study)
    if inside := [name for name in asked if name in (types.attitude, types.patronage)]:
        return f"part_of_typing: {', '.join(inside)}"
    if absent := [name for name in asked if name not in (types.outcomes or study.model.outcomes)]:
        return f"not_in_model: {', '.join(absent)}"
    found = types_of(survey)
    # All are compared with the first.
    needed = dict.fromkeys([*claim.versus, TYPES[0]])
    small = [name for name in needed if (found == name).sum() < SMALLEST_GROUP]
    if small:
        return f"missing_type: fewer than {SMALLEST_GROUP} respondents in {', '.join(small)}"
    if survey.clusters is not None:
        alone = [n for n in needed if len(np.unique(survey.clusters[found == n])) < 2]
        if alone:
            return f"missing_type: one cluster only in {', '.join(alone)}"
    return ""


@one_thread
def type_contrasts(survey: Survey, claims: Sequence[Claim]) -> pd.DataFrame:
    """Contrasts of adjusted means of types that claims ask for, as rows of contrasts.csv.

    Examples
    --------
    >>> from loyalty_analysis.claims import Claim
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = "types={attitude='affective', patronage='habitual', attitude_cut=4.5, "
    >>> survey = read_survey("rice_simulated", [asked + "patronage_cut=4.5}"])
    >>> claim = Claim(id="x", text="", estimand="ordered_means", outcome="advocacy", term="type",
    ...               versus=("premium", "latent"), sign="+")
    >>> type_contrasts(survey, [claim])[["versus", "model", "n"]]
                 versus           model     n
    0  premium | latent  advocacy.types  7678
    """
    asked: dict[str, dict[tuple[str, ...], Claim]] = {}
    for claim in claims:
        for outcome in claim.outcomes(survey.study) if claim.estimand == "ordered_means" else ():
            if not why_no_types(claim, survey, outcome):
                asked.setdefault(outcome, {})[claim.versus] = claim
    tables = [_outcome_rows(survey, outcome, list(own.values())) for outcome, own in asked.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=CONTRASTS)


def _outcome_rows(survey: Survey, outcome: str, claims: Sequence[Claim]) -> pd.DataFrame:
    types = types_of(survey)
    found, sample = compared(survey, outcome, claims, types)
    smallest = [min(int((types == side).sum()) for side in claim.versus) for claim in claims]
    size = sample.moments[""].sd[:-1]
    matrix = _rows(claims, len(size)) / np.where(size > 0, size, 1)
    return contrast_rows(
        of_small_groups(found, smallest), survey.n, satterthwaite(sample, matrix),
        estimand="ordered_means", outcome=outcome,
        term="type", versus=[" | ".join(claim.versus) for claim in claims],
        model=f"{outcome}.types",
    )  # fmt: skip


def compared(
    survey: Survey, outcome: str, claims: Sequence[Claim], types: pd.Series
) -> tuple[Estimate, Sample]:
    """Contrasts of some types on one outcome, and the sample they are from.

    Types of nobody are left out of the equation.
    """
    columns = indicators(types)
    controls = survey.terms(survey.study.model.controls)
    sample = survey.sample([*INDICATORS, *controls, outcome], extra=columns)
    present = [name for name in INDICATORS if columns[name].any()]
    check_equation(sample.moments[""], (*present, *controls), f"{outcome}.types")

    @vectorized
    def values(moments: Moments) -> Array:
        each = [type_contrast(moments, outcome, controls, claim) for claim in claims]
        return np.concatenate(each, axis=-1)

    return estimate(single(values), sample), sample
