"""Tables of factor structures: how well they fit, and how far they hold in every group."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import structure_label
from loyalty_analysis.formatting import capitalised, number, p_value
from loyalty_analysis.sem_ladder import FEW, MANY, MANY_GROUPS
from loyalty_analysis.typesetting import SIMULATED, Table, about_sample, estimates, typeset

_FIT_HEADS = {
    "row": "Structure",
    "chi2": "Chi² (df)",
    "cfi": "CFI",
    "rmsea": "RMSEA [90% interval]",
    "srmr": "SRMR",
    "aic": "AIC",
    "bic": "BIC",
    "lead": "Lead of the declared (SE)",
}
_STEP_HEADS = {
    "row": "Step",
    "chi2": "Chi² (df)",
    "cfi": "CFI",
    "rmsea": "RMSEA",
    "delta_cfi": "Change of CFI",
    "delta_rmsea": "of RMSEA",
    "delta_srmr": "of SRMR",
    "p": "p of the change",
    "holds": "So it",
}


def structures_table(fit: pd.DataFrame, study: Any) -> Table:
    """Print how well the factor model of all constructs and the rival structures fit.

    Parameters
    ----------
    fit : pandas.DataFrame
        As in results/cfa_fit.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.structures import rival_structures
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> "1 factor" in structures_table(rival_structures(survey), survey.study).as_raw_html()
    True
    """
    whole = fit["model"] == "measurement"
    rivals = "Rival structures, as declared first"
    ends = ["rmsea", "rmsea_low", "rmsea_high"]
    cells = pd.DataFrame(
        {
            "row": [capitalised(_label(name, study)) for name in fit["model"]],
            "group": ["Measurement model" if every else rivals for every in whole],
            "chi2": [_test(row.chi2, row.df) for row in fit.itertuples()],
            "cfi": [number(value, 3) for value in fit["cfi"]],
            "rmsea": estimates(fit.reindex(columns=ends), ends, digits=3),
            "srmr": [number(value, 3) for value in fit["srmr"]],
            "aic": [number(value, 0) for value in fit["aic"]],
            "bic": [number(value, 0) for value in fit["bic"]],
        }
    )
    if fit.get("cv_difference", pd.Series(dtype=float)).notna().any():
        cells["lead"] = [_lead(row.cv_difference, row.cv_error) for row in fit.itertuples()]
    return typeset(
        "structures", cells, "Factor structures", _fit_notes(fit, study), heads=_FIT_HEADS
    )


def _label(name: str, study: Any) -> str:
    words = {
        "measurement": "all constructs as declared",
        "second order": "the same under a general factor",
    }
    return words.get(name) or structure_label(name, study)


def _test(statistic: float, df: float) -> str:
    return f"{number(statistic, 1)} ({number(df, 0)})"


def _lead(value: float, error: float) -> str:
    return f"{number(value, 1)} ({number(error, 1)})" if error > 0 else ""


def _fit_notes(fit: pd.DataFrame, study: Any) -> list[str]:
    estimator = fit.get("estimator", pd.Series(dtype=str)).dropna()
    troubled = fit[fit.get("problem", pd.Series("", fit.index)).fillna("") != ""]
    return [
        f"Maximum likelihood ({', '.join(dict.fromkeys(estimator))}); items taken as continuous. "
        "AIC, BIC: lower is better; only rival structures can be compared with each other.",
        "Lead: log likelihood of respondents who were left out of the estimation, summed, less "
        "that of the rival."
        if fit.get("cv_difference", pd.Series(dtype=float)).notna().any()
        else "",
        *[
            f"{capitalised(_label(row.model, study))}: {str(row.problem).rstrip('.')}."
            for row in troubled.itertuples()
        ],
        about_sample(fit.get("n", pd.Series(dtype=float)), study),
    ]


def invariance_table(invariance: pd.DataFrame, study: Any) -> Table:
    """Print the ladder of invariance for every group column.

    Parameters
    ----------
    invariance : pandas.DataFrame
        As in results/invariance.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"group": "sector", "step": "metric", "levels": "goods, services", "n": 9000}
    >>> row |= {"chi2": 150.0, "df": 60, "cfi": 0.98, "rmsea": 0.03, "delta_cfi": -0.002}
    >>> row |= {"delta_rmsea": 0.001, "delta_srmr": 0.002, "p_value": 0.04, "holds": True}
    >>> table = pd.DataFrame([row | {"freed": "", "note": ""}])
    >>> "Sector: goods, services" in invariance_table(
    ...     table, load_study("rice_simulated")).as_raw_html()
    True
    """
    rows = invariance[invariance["step"].fillna("") != ""]
    cells = pd.DataFrame(
        {
            "row": [capitalised(step) for step in rows["step"]],
            "group": [
                f"{study.label(row.group)}: {row.levels} (n\u00a0=\u00a0{number(row.n, 0)})"
                for row in rows.itertuples()
            ],
            "chi2": [_test(row.chi2, row.df) for row in rows.itertuples()],
            "cfi": [number(value, 3) for value in rows["cfi"]],
            "rmsea": [number(value, 3) for value in rows["rmsea"]],
            **{
                name: [number(value, 3) for value in rows[name]]
                for name in ("delta_cfi", "delta_rmsea", "delta_srmr")
            },
            "p": [p_value(p) for p in rows["p_value"]],
            "holds": ["holds" if holds else "does not hold" for holds in rows["holds"]],
        }
    )
    title, notes = "Invariance across groups", _step_notes(invariance, study)
    return typeset("invariance", cells, title, notes, heads=_STEP_HEADS)


def _step_notes(invariance: pd.DataFrame, study: Any) -> list[str]:
    silent = invariance[invariance["step"].fillna("") == ""]
    freed = invariance[invariance["freed"].fillna("") != ""]
    return [
        f"A step holds when the one before does, CFI falls by no more than {FEW[0]:.3f} and RMSEA "
        f"rises by no more than {FEW[1]:.3f} ({MANY[0]:.3f} and {MANY[1]:.3f} for loadings across "
        f"{MANY_GROUPS} groups or more). The test is shown, and decides nothing.",
        *[
            f"{study.label(row.group)}: loadings that differ: {row.freed}."
            for row in freed.itertuples()
        ],
        *[f"{study.label(row.group)}: not assessed ({row.note})." for row in silent.itertuples()],
        SIMULATED if study.is_simulated else "",
    ]
