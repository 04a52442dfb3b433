"""Contrasts of standardized slopes: against rivals, between groups, and products of constructs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.claims import SHARES, Claim
from loyalty_analysis.drivers import share_differences
from loyalty_analysis.equations import Equation, equation_of, equations, product_equation
from loyalty_analysis.errors import CollinearError
from loyalty_analysis.inference import Estimate, estimate, pooled, single, vectorized
from loyalty_analysis.levels import level_contrasts
from loyalty_analysis.mediation import indirect
from loyalty_analysis.moments import Array, Moments, one_thread, refuse_collinear, slopes
from loyalty_analysis.preparation import SMALLEST_GROUP, as_text
from loyalty_analysis.product_twin import interaction_twin
from loyalty_analysis.regression import check_equation, standardized
from loyalty_analysis.sums import slope_sums
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import CONTRASTS, contrast_rows, df_of, satterthwaite
from loyalty_analysis.twins import Twins
from loyalty_analysis.typology import type_contrasts

SQUARES = "both squares held constant"
"""What the row of a product says in ``versus`` where the squares of its sides stand beside it."""


@one_thread
def contrasts(
    survey: Survey,
    claims: Sequence[Claim] = (),
    latent: Twins | None = None,
    *,
    everything: bool = True,
) -> pd.DataFrame:
    """Estimate every contrast that claims ask for, and every one the study declares.

    Parameters
    ----------
    survey : Survey
    claims : sequence of Claim
        Single claims (parts spelled out).
    latent : Twins, optional
        For error-corrected twins.
    everything : bool
        Also products of drivers and moderators that no claim is about.

    Returns
    -------
    DataFrame
        One row per contrast: estimand (``largest``: term minus rival in ``versus``;
        ``total``, ``direct``, ``path``: slopes of a set added up; ``slope_difference``: a minus b
        of ``group``; ``interaction``; ``indirect``: along the path ``through``; ``largest_share``,
        ``share_difference``: share of explained variance minus
        that of the rival in ``versus``, ``sets`` entering together), outcome, term, versus, group,
        estimate, std_error, df, p_value, conf_low, conf_high, n, model, and df_satterthwaite (the
        least that CR2 gives the raw slopes behind it; empty without clusters);
        latent, latent_std_error, latent_df, latent_low, latent_high (the error-corrected twin;
        empty where there is none).

    Examples
    --------
    >>> from loyalty_analysis.analysis import single_claims
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> table = contrasts(survey, single_claims(survey.study)).round(2)
    >>> table[["estimand", "term", "versus", "estimate"]].tail(2)
            estimand          term   versus  estimate
    6  largest_share  satisfaction  quality      0.03
    7  largest_share  satisfaction    value     -0.01
    """
    tables = [
        *_rival_differences(survey, claims, latent),
        *_group_differences(survey),
        *_interactions(survey, claims, everything),
        *_effects(survey, claims, latent),
        *slope_sums(survey, claims, latent),
        level_contrasts(survey, claims),
        type_contrasts(survey, claims),
    ]
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=CONTRASTS)


def _effects(survey: Survey, claims: Sequence[Claim], latent: Twins | None) -> list[pd.DataFrame]:
    """Indirect effects and leads in explained variance that claims ask for, each once."""
    kinds = {"indirect": indirect} | dict.fromkeys(SHARES, share_differences)
    asked = {
        (claim.estimand, outcome, claim.term, claim.versus, claim.through): claim
        for claim in claims
        if claim.estimand in kinds
        for outcome in claim.outcomes(survey.study)
    }
    found = [kinds[key[0]](survey, claim, key[1], latent) for key, claim in asked.items()]
    return [table for table in found if table is not None]


def _rival_differences(
    survey: Survey, claims: Sequence[Claim], latent: Twins | None
) -> list[pd.DataFrame]:
    tables = []
    for claim in claims:
        for outcome in claim.outcomes(survey.study) if claim.estimand == "largest" else ():
            equation = equation_of(survey.study, "largest", outcome)
            if equation is None or {claim.term, *claim.versus} - set(equation.focal):
                continue
            tables.append(differences(survey, equation, claim.term, claim.versus, latent))
    return tables


def differences(
    survey: Survey, equation: Equation, term: str, rivals: Sequence[str],
    latent: Twins | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Standardized slope of a term minus that of each rival, in one equation.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> equation = equation_of(survey.study, "total", "loyalty")
    >>> differences(survey, equation, "image", ["value"])["estimate"].round(2).tolist()
    [-0.15]
    """
    names = survey.terms(equation.terms)
    matrix = np.zeros((len(rivals), len(names)))
    matrix[:, names.index(term)] = 1
    for row, rival in enumerate(rivals):
        matrix[row, names.index(rival)] = -1
    sample = survey.sample([*names, equation.outcome])
    return contrast_rows(
        standardized(survey, equation).combine(matrix),
        survey.n,
        satterthwaite(sample, matrix),
        None if latent is None else latent.slopes(equation, names).combine(matrix),
        estimand="largest",
        outcome=equation.outcome,
        term=term,
        versus=list(rivals),
        model=equation.model,
    )


def _group_differences(survey: Survey) -> list[pd.DataFrame]:
    if not survey.has_respondents:
        return []
    return [
        slope_differences(survey, equation, column)
        for column in survey.study.contrasts
        if missing_groups(survey, column) is None
        for equation in equations(survey.study)
        if equation.kind in ("total", "mediator", "path")
    ]


def missing_groups(survey: Survey, column: str) -> str | None:
    """Say which side of a contrast has too few respondents or clusters; None when neither has.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> frame = pd.DataFrame({"sector": ["goods"] * 30 + ["services"] * 8})
    >>> known = Moments.from_frame(pd.DataFrame({"x": [1.0, 2.0]}))
    >>> survey = Survey(load_study("rice_simulated"), known, frozenset(), frame, 38, frame)
    >>> missing_groups(survey, "sector")
    "sector 'services' has fewer than 10 respondents, 11 are needed; found goods (30)"
    """
    assert survey.frame is not None
    contrast = survey.study.contrasts[column]
    groups = as_text(survey.frame[column])
    counts = groups.value_counts()
    widest = max(len(survey.terms(equation.terms)) for equation in equations(survey.study))
    needed = max(widest + 2, SMALLEST_GROUP)
    for side in contrast.sides:
        n = int(counts.get(side, 0))
        if n < needed:
            large = counts[counts >= SMALLEST_GROUP].head(6)
            found = ", ".join(f"{name} ({count})" for name, count in large.items()) or "none"
            has = n if n >= SMALLEST_GROUP or n == 0 else f"fewer than {SMALLEST_GROUP}"
            return f"{column} {side!r} has {has} respondents, {needed} are needed; found {found}"
        # The jackknife leaves out each cluster in turn, and some of the group must remain.
        if survey.clusters is not None:
            clusters = len(np.unique(survey.clusters[groups == side]))
            if clusters < 2:
                return f"{column} {side!r} has 1 cluster, 2 are needed"
    return None


def slope_differences(survey: Survey, equation: Equation, column: str) -> pd.DataFrame:
    """Difference between two groups of each driver's slope, every slope free in each group.

    Standardized by the SDs of the whole analysis sample, the same in both groups.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated", ["model.drivers=['affective']", "model.controls=[]"])
    >>> frame = pd.DataFrame({"affective": np.arange(20.0), "repurchase": np.arange(20.0) % 7})
    >>> frame = frame.assign(sector=["goods", "services"] * 10, w=1.0)
    >>> known = Moments.from_frame(frame[["affective", "repurchase"]])
    >>> survey = Survey(study, known, frozenset(known.columns), frame, 20, frame)
    >>> slope_differences(survey, equations(study)[1], "sector")[["term", "versus", "n"]]
            term            versus   n
    0  affective  goods - services  20
    """
    contrast = survey.study.contrasts[column]
    a, b = contrast.sides
    terms, outcome = survey.terms(equation.terms), equation.outcome
    sample = survey.sample([*terms, outcome], by=column)
    focal = [terms.index(name) for name in equation.focal]
    chosen = np.eye(len(terms))[focal]
    for side in (a, b):
        spread = np.diag(sample.moments[side].cross)[:-1]
        # A category that nobody here has is left out; a driver that does not vary is refused.
        present = [t for t, v in zip(terms, spread, strict=True) if v or t in equation.focal]
        refuse_collinear(sample.moments[side], present, f"{equation.model}, {column} {side}")

    @vectorized
    def values(groups: Mapping[str, Moments]) -> Array:
        size = pooled(groups).size
        gap = slopes(groups[a], outcome, terms) - slopes(groups[b], outcome, terms)
        return (gap * size[..., :-1] / size[..., -1:])[..., focal]

    found = replace(estimate(values, sample), df=df_of(sample, [a, b]))
    return contrast_rows(
        found,
        sample.moments[a].n + sample.moments[b].n,
        satterthwaite(sample, np.hstack([chosen, -chosen]), [a, b]),
        estimand="slope_difference",
        outcome=outcome,
        term=list(equation.focal),
        versus=f"{a} - {b}",
        group=column,
        model=equation.model,
    )


def _interactions(survey: Survey, claims: Sequence[Claim], everything: bool) -> list[pd.DataFrame]:
    if not survey.has_respondents:
        return []
    model = survey.study.model
    asked = {
        (outcome, claim.term): True
        for claim in claims
        if claim.estimand == "interaction"
        for outcome in claim.outcomes(survey.study)
    }
    for outcome in model.outcomes if everything else ():
        for moderator in model.moderators:
            pairs = [(outcome, f"{driver}:{moderator}") for driver in model.drivers]
            asked |= {pair: False for pair in pairs if pair not in asked}
    found = [interaction(survey, *pair, corrected=claimed) for pair, claimed in asked.items()]
    return [table for table in found if table is not None]


def interaction(
    survey: Survey, outcome: str, pair: str, *, corrected: bool = False
) -> pd.DataFrame | None:
    """Standardized slope of the product of two z-scores, both main effects in the equation.

    Where one of them was randomised, beside controls alone (:func:`equations.product_equation`).

    Parameters
    ----------
    survey : Survey
    outcome : str
    pair : str
        ``"a:b"``; each is a driver, moderator or control. Two-level categories are not scaled.
    corrected : bool
        Also its twin, corrected for measurement error (:mod:`product_twin`), where there is one;
        and a second row with the squares of both held constant, where both are graded: a slope
        that bends passes for one that depends on whatever goes with it.

    Returns
    -------
    DataFrame or None
        None when the equation or one of the two is missing, a category has many levels or fewer
        than ten respondents, or the three are not distinct.

    References
    ----------
    Ganzach (1997), Psychological Methods 2, 235-247 (products that stand for curvature).

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> frame = pd.DataFrame({"competence": np.arange(20) % 5, "likeability": np.arange(20) % 7})
    >>> frame["satisfaction"] = frame["competence"] * frame["likeability"]
    >>> known, study = Moments.from_frame(frame), load_study("mobile_customers")
    >>> survey = Survey(study, known, frozenset(frame), frame, 20, frame)
    >>> table = interaction(survey, "satisfaction", "competence:likeability")
    >>> table[["term", "model", "n"]]
                         term         model   n
    0  competence:likeability  satisfaction  20
    """
    sides = pair.split(":")
    equation = product_equation(survey.study, outcome, sides)
    if equation is None or survey.frame is None:
        return None
    known = {*equation.focal, *survey.study.model.moderators, *survey.study.model.controls}
    split = [survey.terms([side]) for side in sides]
    distinct = len({*sides, outcome}) == 3
    if not distinct or set(sides) - known or any(len(columns) != 1 for columns in split):
        return None
    both = [columns[0] for columns in split]
    if set(both) & survey.small_groups:
        return None
    twin = interaction_twin(survey, outcome, pair) if corrected else None
    rows = _product(survey, equation, both, pair, twin)
    if not corrected or not all(_graded(survey, name) for name in both):
        return rows
    with suppress(CollinearError):  # too few values for squares: what bends cannot be told
        bent = _product(survey, equation, both, pair, squares=True)
        rows = pd.concat([rows, bent], ignore_index=True)
    return rows


def _graded(survey: Survey, column: str) -> bool:
    assert survey.frame is not None
    return column in survey.scaled and survey.frame[column].nunique() > 2


def _product(
    survey: Survey, equation: Equation, both: Sequence[str], pair: str,
    twin: Estimate | None = None, *, squares: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """A row for the product of two columns, the square of each held constant if asked."""
    assert survey.frame is not None
    outcome, (first, second) = equation.outcome, both
    centred = survey.frame[list(both)] - survey.moments[both].mean
    extra = {f"{name}:{name}": centred[name] ** 2 for name in both} if squares else {}
    names = survey.terms([*equation.terms, *pair.split(":")])
    terms = tuple(dict.fromkeys([*names, *extra, pair]))
    product = pd.DataFrame({**extra, pair: centred[first] * centred[second]})
    sample = survey.sample([*terms, outcome], extra=product)
    check_equation(sample.moments[""], terms, f"{outcome}, {pair}")
    scaled = [column for column in both if column in survey.scaled]

    @vectorized
    def values(moments: Moments) -> Array:
        # The product's slope does not depend on where its factors are centred, only on their unit.
        slope = slopes(moments, outcome, terms)[..., -1:]
        sizes = moments[[*scaled, outcome]].sd
        return slope * np.prod(sizes[..., :-1], axis=-1, keepdims=True) / sizes[..., -1:]

    return contrast_rows(
        estimate(single(values), sample), survey.n,
        satterthwaite(sample, np.eye(len(terms))[-1:]), twin, estimand="interaction",
        outcome=outcome, term=[pair], versus=SQUARES if squares else "", model=equation.model,
    )  # fmt: skip
