"""Mixed models: drivers' slopes that vary at random over groups, behind a cross-check."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.equations import Equation
from loyalty_analysis.errors import DataError
from loyalty_analysis.group_levels import compared, own_terms
from loyalty_analysis.inference import t_p_value
from loyalty_analysis.mixed_checks import Slopes, cross_check, within_slopes
from loyalty_analysis.moments import one_thread
from loyalty_analysis.preparation import SMALLEST_GROUP, as_text
from loyalty_analysis.regression import fit_rows
from loyalty_analysis.reml import Mixed, fit_mixed
from loyalty_analysis.survey import Survey

LEAST_GROUPS = 6
"""Groups below which the spread of slopes over groups cannot be estimated."""
COLUMNS = [
    "group", "model", "outcome", "term", "estimate", "std_error", "df", "p_value", "conf_low",
    "conf_high", "n", "levels", "random_sd", "fixed_effects", "agrees", "note",
]  # fmt: skip


@one_thread
def mixed(survey: Survey) -> pd.DataFrame:
    """Average slope of every driver over groups, intercept and drivers' slopes random over them.

    Restricted likelihood; random parts independent of each other (a full covariance of six has 21
    entries, more than ten countries can tell). Believed only where
    :func:`mixed_checks.cross_check` finds nothing, and the slope lies as near to the one with a
    fixed effect for every group as sampling allows (of a term that does not vary within groups: to
    the least-squares slope).

    Returns
    -------
    DataFrame
        group, model, outcome, term, estimate (in SDs of the whole sample), std_error, df
        (Satterthwaite, at most the groups minus one), p_value, conf_low, conf_high, n, levels,
        random_sd (SD of the slopes over groups), fixed_effects (the slope with a fixed effect for
        every group; empty where the term does not vary within groups), agrees, note. Where the
        cross-check fails, ``agrees`` is False, the row holds the least-squares slope with errors
        clustered by group (CR2), and the note names what failed. Where there can be no mixed model
        (weights, clusters that are not the groups, fewer than six groups of ten respondents): one
        row with a note. Empty without groups or respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = mixed(read_survey("rice_simulated"))
    >>> print(table["note"].iloc[-1])
    refused: a mixed model cannot honour design.weight = 'w'
    """
    if survey.frame is None:
        return pd.DataFrame(columns=COLUMNS)
    tables = [_column(survey, column) for column in survey.study.design.groups]
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)


def _column(survey: Survey, column: str) -> pd.DataFrame:
    assert survey.frame is not None
    groups = as_text(survey.frame[column])
    large = groups.map(groups.value_counts()) >= SMALLEST_GROUP
    about: dict[str, object] = {"group": column, "levels": groups[large].nunique()}
    if note := _refusal(survey, column, groups[large].nunique()):
        return pd.DataFrame([about | {"agrees": False, "note": note}])
    tables = []
    for one in compared(survey, column):
        try:
            found = _equation(survey, one, column, large)
        except DataError as error:  # least squares has no answer either
            found = pd.DataFrame([{"agrees": False, "note": str(error)}])
        about |= {"model": one.model, "outcome": one.outcome, "n": int(large.sum())}
        tables.append(found.assign(**about))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _refusal(survey: Survey, column: str, levels: int) -> str:
    """Say why there can be no mixed model; empty where there can."""
    design = survey.study.design
    if design.weight:
        return f"refused: a mixed model cannot honour design.weight = {design.weight!r}"
    if survey.cluster not in (None, column):
        return (
            f"refused: a mixed model by {column} cannot honour clusters ({survey.cluster}), whose "
            "respondents are alike beyond it"
        )
    if levels < LEAST_GROUPS:
        return f"groups of {SMALLEST_GROUP} respondents or more: {levels}; needed: {LEAST_GROUPS}"
    return ""


def _equation(survey: Survey, equation: Equation, column: str, large: pd.Series) -> pd.DataFrame:
    assert survey.frame is not None
    frame, outcome = _standardized(survey, equation, column)[large], equation.outcome
    groups = as_text(survey.frame[column])[large].to_numpy(dtype=str)
    terms = tuple(name for name in frame if name != outcome and frame[name].nunique() > 1)
    fit = fit_rows(frame, outcome, terms, clusters=groups)
    plain = Slopes(fit.slopes[1:], fit.std_error[1:], fit.df[1:])
    x, y = frame[list(terms)].to_numpy(), frame[outcome].to_numpy()
    within = within_slopes(x, y, groups)
    x = np.column_stack([np.ones(len(x)), x])
    focal = [terms.index(name) for name in equation.focal if name in terms]
    random = [0, *(1 + at for at in focal if not np.isnan(within.values[at]))]
    try:
        found = fit_mixed(x, y, groups, random)
        failed = cross_check(x, y, groups, random, found)
    except DataError as error:
        found, failed = None, [str(error)]
    table = _rows(found, failed, plain, within, len(np.unique(groups)))
    if found is not None:
        spread = np.full(len(terms), np.nan)
        spread[np.array(random[1:], dtype=int) - 1] = np.sqrt(np.diag(found.random))[1:]
        table["random_sd"] = np.where(table["agrees"], spread, np.nan)
    return table.assign(term=terms).iloc[focal].reset_index(drop=True)


def _standardized(survey: Survey, equation: Equation, column: str) -> pd.DataFrame:
    """Terms and outcome as z-scores of the whole sample; categories as they are."""
    assert survey.frame is not None
    names = [*own_terms(survey, column, equation.terms), equation.outcome]
    known, frame = survey.moments[names], survey.frame[names].astype(float)
    scaled = np.array([name in survey.scaled for name in names])
    return (frame - np.where(scaled, known.mean, 0.0)) / np.where(scaled, known.sd, 1.0)


def _rows(
    found: Mixed | None, failed: list[str], plain: Slopes, within: Slopes, groups: int
) -> pd.DataFrame:
    """One row per term: the mixed slope where it is believed, else the least-squares slope."""
    other = [
        np.where(np.isnan(inner), outer, inner) for inner, outer in zip(within, plain, strict=True)
    ]
    own, agrees = plain, np.zeros(len(plain.values), dtype=bool)
    notes = np.full(len(agrees), "; ".join(failed), dtype=object)
    if found is not None and not failed:
        # A spread estimated as zero is no knowledge that there is none.
        own = Slopes(found.slopes[1:], found.std_error[1:], np.minimum(found.df[1:], groups - 1))
        reach = stdtrit(other[2], 0.975) * np.hypot(own.std_error, other[1])
        agrees = np.abs(own.values - other[0]) <= reach
        for at in np.flatnonzero(~agrees):
            notes[at] = (
                f"its slope {own.values[at]:.2f} lies further from {other[0][at]:.2f}, the one "
                "with a fixed effect for every group, than sampling allows"
            )
    value, error, df = (np.where(agrees, new, old) for new, old in zip(own, plain, strict=True))
    half = stdtrit(df, 0.975) * error
    return pd.DataFrame(
        {
            "estimate": value, "std_error": error, "df": df,
            "p_value": t_p_value(value / error, df), "conf_low": value - half,
            "conf_high": value + half, "fixed_effects": within.values, "agrees": agrees,
            "note": notes,
        }
    )  # fmt: skip
