"""Claims judged within each wave, on scores alone: whether verdicts last."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from loyalty_analysis.claims import load_claims
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.errors import DataError
from loyalty_analysis.moments import Moments, one_thread
from loyalty_analysis.preparation import as_text, cluster_of, model_columns, scaled_weights
from loyalty_analysis.regression import regression
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdicts import COLUMNS, judge_scores
from loyalty_analysis.wave_sample import usable_waves, waves_in

VERDICTS = ["wave", *COLUMNS]


@one_thread
def wave_verdicts(survey: Survey) -> pd.DataFrame:
    """Judge the claims of a study within each wave, on scores alone.

    No gate is asked and nothing is corrected for measurement error, which takes more respondents
    than a wave often has: a claim can be supported in every wave and yet be inconclusive on the
    whole. Slopes are standardized by the SDs of the wave.

    Returns
    -------
    DataFrame
        wave and the columns of :func:`verdicts.judge`; Holm's family are the rows of one claim
        set and outcome in one wave. Waves of fewer than ten respondents, and those that the
        equations cannot be estimated in, have no rows. Empty with fewer than two usable waves.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> len(wave_verdicts(read_survey("bank_customers")))
    0
    """
    names = usable_waves(survey)
    tables = [_judged(survey, name) for name in names] if len(names) > 1 else []
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=VERDICTS)


def _judged(survey: Survey, wave: str) -> pd.DataFrame:
    try:
        part = within(survey, wave)
        known = _evidence(part)
    except DataError:  # too few respondents for an equation, or a column that does not vary
        return pd.DataFrame(columns=VERDICTS)
    claims = [claim for one in load_claims(part.study) for claim in one.claims]
    outcomes = dict.fromkeys(name for claim in claims for name in claim.outcomes(part.study))
    tables = [judge_scores(part, known, outcome) for outcome in outcomes]
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=VERDICTS)
    return pd.concat(filled, ignore_index=True).assign(wave=wave)[VERDICTS]


def within(survey: Survey, wave: str) -> Survey:
    """Keep the respondents of one wave; the wave is no control among them.

    A respondent who alone has a category is left out: an indicator would fit that one exactly.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> within(read_survey("rice_simulated", ["design.wave=sector"]), "goods").n
    3789
    """
    assert survey.frame is not None and survey.items is not None
    model, design = survey.study.model, survey.study.design
    controls = tuple(name for name in model.controls if name != design.wave)
    kept = model.model_copy(update={"controls": controls})
    study = survey.study.model_copy(update={"model": kept})
    old = {f"{name}[{level}]" for name, every in survey.levels.items() for level in every}
    frame = survey.frame.drop(columns=list(old & set(survey.frame.columns)))
    inside = (waves_in(survey) == wave) & ~_singled_out(frame, survey, wave)
    frame = frame[inside].reset_index(drop=True)
    numeric, levels = model_columns(frame, study)
    used = [name for name in numeric if name not in frame]
    return replace(
        survey, study=study, frame=pd.concat([frame, numeric[used]], axis=1),
        items=survey.items[inside].reset_index(drop=True), levels=levels,
        moments=Moments.from_frame(numeric, scaled_weights(frame, study)),
        scaled=frozenset(name for name in numeric if name not in used),
        cluster=cluster_of(frame, study),
    )  # fmt: skip


def _singled_out(frame: pd.DataFrame, survey: Survey, wave: str) -> pd.Series:
    alone = pd.Series(False, index=frame.index)
    inside = waves_in(survey) == wave
    for name in survey.levels:
        text = as_text(frame[name])
        counts = text[inside].value_counts()
        alone |= inside & (text.map(counts) == 1)
    return alone


def _evidence(survey: Survey) -> dict[str, pd.DataFrame]:
    """Slopes and contrasts of every model that claims are judged in, nothing else."""
    from loyalty_analysis.analysis import claims_by_model

    asked = claims_by_model(survey)
    asked.setdefault(survey.study.part, [])
    views = [(survey.model(part), claims) for part, claims in asked.items()]
    found = {
        "regression": [regression(view) for view, _ in views],
        "contrasts": [contrasts(view, claims, everything=False) for view, claims in views],
    }
    filled = {name: [one for one in tables if len(one)] or tables[:1]
              for name, tables in found.items()}  # fmt: skip
    return {name: pd.concat(tables, ignore_index=True) for name, tables in filled.items()}
