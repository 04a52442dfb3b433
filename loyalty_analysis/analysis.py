"""One analysis of one survey: every result frame by the name of its file in results/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from loyalty_analysis.bootstrap import resampled
from loyalty_analysis.categorical import categorical
from loyalty_analysis.cfa import cfa_fit, cfa_loadings, measurement_model
from loyalty_analysis.claims import Claim, claim_files, load_claims
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.curves import level_frames
from loyalty_analysis.descriptives import answers, descriptives
from loyalty_analysis.diagnostics import diagnostics
from loyalty_analysis.drivers import drivers
from loyalty_analysis.equations import equations
from loyalty_analysis.errors import DataError
from loyalty_analysis.gates import gates
from loyalty_analysis.group_means import group_means, group_tests
from loyalty_analysis.groups import moderation
from loyalty_analysis.invariance import invariance
from loyalty_analysis.mediation import mediation, mediation_orders
from loyalty_analysis.memory import name_of, remembered
from loyalty_analysis.method_bias import method_bias
from loyalty_analysis.mixed import mixed
from loyalty_analysis.moderated_mediation import mediation_groups
from loyalty_analysis.moments import Moments, one_thread
from loyalty_analysis.performance import importance_performance
from loyalty_analysis.pillars import pillar_frames
from loyalty_analysis.pooling import simple_slopes
from loyalty_analysis.quality import quality
from loyalty_analysis.regression import correlations, models, regression
from loyalty_analysis.reliability import item_statistics, reliability
from loyalty_analysis.results import Results
from loyalty_analysis.sem_model import ModelError
from loyalty_analysis.sensitivity import sensitivity
from loyalty_analysis.structures import rival_structures
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.testable import home
from loyalty_analysis.twins import Twins, twins
from loyalty_analysis.type_frames import type_frames
from loyalty_analysis.validity import discriminant, factorability
from loyalty_analysis.waves import wave_frames


def analyse(survey: Survey, everything: bool = True, memory: str | Path | None = None) -> Results:
    """Estimate what a study declares, the measurement of its constructs first.

    Parameters
    ----------
    survey : Survey
    everything : bool
        Also what no claim needs: invariance across groups that no claim compares, diagnostics,
        descriptives, items, answer distributions, data quality, the band of a common method,
        mediation, drivers.
    memory : path, optional
        Folder in which results are kept and found again, see :func:`memory.remembered`.

    Returns
    -------
    Results
        Frames by name; ``further`` holds those of further models that claims are judged in (with
        ``everything``: of all). models, regression, contrasts, correlations, attrition,
        reliability, discriminant, cfa_fit, cfa_loadings, invariance, gates; with ``everything``
        also descriptives, items, factorability, method_bias, drivers, importance_performance and,
        where there is a mediator, mediation, mediation_orders, sensitivity; where there are
        respondents, diagnostics, answers, quality, categorical and, with groups, mediation_groups,
        moderation, simple_slopes, group_means, group_tests, mixed; as far as a study declares what
        they need, regions, conditional_slopes, captive, habit_search, balance, experiment; types,
        type_band, type_map, surface, type_slopes, mixture; steps, curves, curve_points;
        wave_counts, waves, wave_changes, composition, wave_verdicts.

    Raises
    ------
    DataError
        When the data of an equation do not decide its slopes or their errors.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> results = analyse(read_survey("bank_customers"), everything=False)
    >>> bool(results["gates"]["passes"].all())
    False
    """
    try:
        return remembered(
            lambda: _of_models(survey, everything), lambda: _content(survey, everything), memory
        )
    except DataError as error:
        raise type(error)(f"{survey.study.address}: {error}") from None


def _content(survey: Survey, everything: bool) -> list[object]:
    """What the results depend on: study, claims, answers, the version of this package.

    Of a survey that was handed over in this very run its name says it all.
    """
    if name := name_of(survey):
        return [name, everything]
    claims = [path.read_bytes() for path in claim_files(survey.study).values()]
    known = survey.item_moments
    answers = [survey.frame, survey.items, survey.levels, survey.cluster, survey.moments]
    answers.append(survey.attrition)
    code = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return [survey.study.model_dump(), survey.study.part, claims, known, answers, everything, code]


def _of_models(survey: Survey, everything: bool) -> Results:
    study, asked = survey.study, claims_by_model(survey)
    parts = [part for part in study.parts if part and (everything or part in asked)]
    own = _frames(survey, asked.get(study.part, []), everything)
    further = (_further_model(survey, one, asked.get(one, []), everything) for one in parts)
    return Results(own, dict(zip(parts, further, strict=True)))


def claims_by_model(survey: Survey) -> dict[str, list[Claim]]:
    """Single claims by the model of the study that can test them on some outcome, first come.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> found = claims_by_model(read_survey("mobile_customers"))
    >>> {part: {claim.id for claim in claims} >= {"M1", "M5"} for part, claims in found.items()}
    {'': True}
    """
    found: dict[str, list[Claim]] = {}
    for claim in single_claims(survey.study):
        outcomes = claim.outcomes(survey.study) or ("",)
        for part in dict.fromkeys(home(claim, outcome, survey).study.part for outcome in outcomes):
            found.setdefault(part, []).append(claim)
    return found


def _further_model(survey: Survey, part: str, claims: Sequence[Claim], everything: bool) -> Results:
    """What a further model adds: its equations, their measurement, effects and shares."""
    view = survey.model(part)
    latent, frames = _measured(view, claims)
    if everything and view.study.model.drivers:
        frames |= {"drivers": drivers(view, latent), "mediation": mediation(view, latent)}
    return Results(frames)


@one_thread
def _frames(survey: Survey, claims: Sequence[Claim], everything: bool) -> dict[str, pd.DataFrame]:
    latent, results = _measured(survey, claims, everything)
    results["attrition"] = survey.attrition
    return results | (_further(survey, latent) if everything else {})


@one_thread
def _measured(
    survey: Survey, claims: Sequence[Claim], everything: bool = False
) -> tuple[Twins | None, dict[str, pd.DataFrame]]:
    """Equations of one model, what claims compare in it, and how well it is measured."""
    study = survey.study
    latent, measured = twins_or_none(survey), measurement_model(survey)
    results = {
        "models": models(survey),
        "regression": regression(survey, latent),
        "contrasts": contrasts(survey, claims, latent, everything=everything),
        "correlations": correlations(survey),
        "reliability": reliability(survey, measured.loadings()),
        "cfa_loadings": cfa_loadings(measured),
    }
    results["discriminant"] = discriminant(survey, results["reliability"], measured.correlations())
    asked = {claim.estimand for claim in claims}
    structures = everything or "rival_models" in asked
    rivals = rival_structures(survey, claims) if structures else pd.DataFrame()
    results["cfa_fit"] = cfa_fit(measured, rivals)
    columns = list(study.design.groups) if everything else _compared_columns(survey, claims)
    results["invariance"] = invariance(survey, columns)
    results["gates"] = gates(study, results, measured)
    return latent, results


def twins_or_none(survey: Survey) -> Twins | None:
    """The error-corrected twins of a study, None where its items cannot carry a latent model."""
    try:
        latent = twins(survey)
        for equation in equations(survey.study):  # errors and refits can fail where the fit did not
            latent.slopes(equation, survey.terms(equation.terms))
        return latent
    except (DataError, ModelError, np.linalg.LinAlgError):
        return None


def _compared_columns(survey: Survey, claims: Sequence[Claim]) -> list[str]:
    """Group columns that a claim about a difference of slopes compares."""
    compared = {tuple(map(str, c.versus)) for c in claims if c.estimand == "slope_difference"}
    return [
        column
        for column, contrast in survey.study.contrasts.items()
        if {contrast.sides, contrast.sides[::-1]} & compared
    ]


def _further(survey: Survey, latent: Twins | None) -> dict[str, pd.DataFrame]:
    """What no claim needs."""
    # One draw serves every function of the resamples.
    columns = survey.sample(survey.columns)
    drawn = resampled(columns, workers=2) if survey.has_respondents else None
    results = {
        **effects(survey, latent, drawn),
        "descriptives": descriptives(survey),
        "items": item_statistics(survey),
        "method_bias": method_bias(survey),
    }
    with suppress(DataError):  # items that repeat each other: the measurement model says so
        results["factorability"] = factorability(survey)
    if survey.has_respondents:
        results |= {
            "diagnostics": diagnostics(survey),
            "answers": answers(survey),
            "quality": quality(survey),
        }
    results |= pillar_frames(survey, latent) | type_frames(survey) | level_frames(survey)
    return results | wave_frames(survey)


def effects(
    survey: Survey, latent: Twins | None = None, drawn: Mapping[str, Moments] | None = None
) -> dict[str, pd.DataFrame]:
    """Mediation, drivers and groups of a study: the frames that have rows.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> list(effects(read_survey("mobile_customers")))
    ['mediation', 'mediation_orders', 'sensitivity', 'drivers', 'importance_performance']
    """
    found = {
        "mediation": mediation(survey, latent, drawn),
        "mediation_orders": mediation_orders(survey),
        "mediation_groups": mediation_groups(survey),
        "sensitivity": sensitivity(survey),
        "drivers": drivers(survey, latent, drawn),
        "importance_performance": importance_performance(survey),
    }
    if survey.has_respondents:
        found |= {
            "categorical": categorical(survey),
            "moderation": moderation(survey),
            "simple_slopes": simple_slopes(survey),
            "group_means": group_means(survey),
            "group_tests": group_tests(survey),
            "mixed": mixed(survey),
        }
    return {name: frame for name, frame in found.items() if len(frame)}


def single_claims(study: Study) -> list[Claim]:
    """Every claim of a study with its parts spelled out.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> [claim.term for claim in single_claims(load_study("rice_simulated")) if claim.id == "P2"]
    ['affective', 'normative', 'economic', 'forced', 'habitual']
    """
    claims = [claim for one in load_claims(study) for claim in one.claims]
    return [one for c in claims for one in ([c.part(p) for p in c.parts] if c.parts else [c])]
