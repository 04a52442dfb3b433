"""Tables of the regressions: slopes with their intervals, and the checks of each equation."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.errors import RunError, did_you_mean
from loyalty_analysis.formatting import capitalised, in_sentence, listing, number, p_value
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset

_ERRORS = {
    "HC3": "heteroskedasticity-robust (HC3) standard errors",
    "CR2": "cluster-robust (CR2) standard errors with Satterthwaite degrees of freedom",
    "classical": "classical standard errors, as only moments are known",
}
_HEADS = {
    "row": "Term",
    "slope": "Slope [95% interval]",
    "p": "p",
    "beta": "Standardized [95% interval]",
    "latent": "Corrected for measurement error [95% interval]",
    "zero_order": "r alone",
    "vif": "VIF",
}
_CHECKS = {
    "breusch_pagan": "Heteroskedasticity (Breusch-Pagan)",
    "reset": "Curvature (RESET)",
    "largest_cook": "Most influential respondent (Cook's distance)",
    "largest_vif": "Most overlapping term (VIF)",
}


def regression_table(
    regression: pd.DataFrame, models: pd.DataFrame, study: Any, model: str | None = None
) -> Table:
    """Print slopes with their intervals, raw and standardized.

    Parameters
    ----------
    regression, models : pandas.DataFrame
        As in results/regression.csv and results/models.csv.
    study : Study
    model : str, optional
        One model with all its terms; without it every model, intercepts and controls left to the
        file.

    Returns
    -------
    Table

    Raises
    ------
    RunError
        When there is no such model.

    Examples
    --------
    >>> from loyalty_analysis.regression import models, regression
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> table = regression_table(regression(survey), models(survey), survey.study)
    >>> "0.56 [0.44, 0.68]" in table.as_raw_html()
    True
    """
    known = list(dict.fromkeys(models["model"]))
    if model is not None and model not in known:
        raise RunError(f"results/models.csv: no model '{model}'. {did_you_mean(model, known)}")
    chosen = known if model is None else [model]
    rows = regression[regression["model"].isin(chosen)]
    if model is None:
        rows = rows[[_is_shown(term, study) for term in rows["term"]]]
    about = models.drop_duplicates("model").set_index("model")
    groups = {name: _model_line(name, about.loc[name], study) for name in chosen}
    cells = pd.DataFrame(
        {
            "row": ["Intercept" if t == "(Intercept)" else study.label(t) for t in rows["term"]],
            "slope": estimates(rows, ["estimate", "conf_low", "conf_high"]),
            "p": [p_value(p) for p in rows["p_value"]],
            "beta": estimates(rows, ["beta", "beta_low", "beta_high"], digits=2),
            "zero_order": [number(r) for r in rows["zero_order"]],
            "vif": [number(vif) for vif in rows["vif"]],
        }
    )
    cells["group"] = [groups[name] for name in rows["model"]]
    twin = rows.reindex(columns=["beta_latent", "beta_latent_low", "beta_latent_high"])
    corrected = bool(twin["beta_latent"].notna().any())
    if corrected:
        cells.insert(4, "latent", estimates(twin, list(twin.columns), digits=2))
    left_out = [in_sentence(study.label(name)) for name in study.model.controls]
    notes = [
        _estimator(about.loc[chosen], study),
        "Slope: points of the outcome per point of the term. Standardized: SDs of the outcome per "
        "SD of the term; categories per unit. r alone: correlation with nothing held constant.",
        "Corrected for measurement error: the standardized slope of the same equation among latent "
        "constructs, single items at their declared reliability."
        if corrected
        else "",
        f"Held constant too, in results/regression.csv: {listing(left_out, most=9)}."
        if left_out and model is None
        else "",
        about_sample(about.loc[chosen, "n"], study),
    ]
    title = "Regressions"
    if model is not None:
        title = f"Regression of {in_sentence(study.label(about.loc[model, 'outcome']))}"
    return typeset(f"regression {model or 'all'}", cells, title, notes, heads=_HEADS)


def _is_shown(term: str, study: Any) -> bool:
    controls = tuple(study.model.controls)
    dummies = tuple(f"{name}[" for name in controls)
    return not (term in controls or term.startswith(dummies) or term == "(Intercept)")


def _model_line(name: str, about: pd.Series, study: Any) -> str:
    """Name one model with its n and R-squared."""
    fit = f"R²\u00a0=\u00a0{number(about['r2'])}, adjusted {number(about['r2_adjusted'])}"
    return f"{_model_label(name, study)} ({_count(about['n'])}, {fit})"


def _count(n: Any) -> str:
    return f"n\u00a0=\u00a0{number(n, 0)}"


def _model_label(name: str, study: Any) -> str:
    outcome, _, kind = name.partition(".")
    label, mediator = study.label(outcome), study.model.mediator
    if not mediator or kind not in ("total", "direct"):
        return label
    side = "without" if kind == "total" else "with"
    return f"{label}, {side} {in_sentence(study.label(mediator))} in the equation"


def _estimator(about: pd.DataFrame, study: Any) -> str:
    """Name the estimator and the errors of raw and of standardized slopes."""
    weight = study.design.weight
    squares = (
        f"Weighted least squares (probability weights {weight})" if weight else "Least squares"
    )
    raw = listing(_ERRORS.get(kind, f"{kind} errors") for kind in about["covariance"].unique())
    if "covariance_beta" not in about:
        return f"{squares}; {raw}."
    beta = listing(about["covariance_beta"].unique())
    return f"{squares}; {raw}. Intervals of standardized slopes: {beta}; they let the SDs vary."


def diagnostics_table(diagnostics: pd.DataFrame, models: pd.DataFrame, study: Any) -> Table:
    """Print the checks of every regression.

    Parameters
    ----------
    diagnostics, models : pandas.DataFrame
        As in results/diagnostics.csv and results/models.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> checks = pd.DataFrame(
    ...     {"model": ["satisfaction"], "check": ["reset"], "statistic": [1.5], "p_value": [0.22],
    ...      "note": [""]}
    ... )
    >>> models = pd.DataFrame({"model": ["satisfaction"], "n": [250]})
    >>> table = diagnostics_table(checks, models, load_study("bank_customers"))
    >>> "Curvature (RESET)" in table.as_raw_html()
    True
    """
    n = models.drop_duplicates("model").set_index("model")["n"]
    remarks = diagnostics["note"].fillna("")
    cells = pd.DataFrame(
        {
            "row": [_CHECKS.get(c, capitalised(c.replace("_", " "))) for c in diagnostics["check"]],
            "group": [
                f"{_model_label(model, study)} ({_count(n.get(model))})"
                for model in diagnostics["model"]
            ],
            "statistic": [number(x, 2 if x >= 1 else 3) for x in diagnostics["statistic"]],
            "p": [p_value(p) for p in diagnostics["p_value"]],
        }
    )
    notes = [
        "Breusch-Pagan and RESET: a small p says that the errors spread unevenly, or that a "
        "straight line misses a curve. Cook's distance above 1, VIF above 5: look closer.",
        capitalised("; ".join(dict.fromkeys(filter(None, remarks)))),
        about_sample(n, study),
    ]
    heads = {"row": "Check", "statistic": "Statistic", "p": "p"}
    return typeset("diagnostics", cells, "Checks of the regressions", notes, heads=heads)


def contrasts_table(contrasts: pd.DataFrame, study: Any) -> Table:
    """Print group differences of slopes and products of constructs, a row each.

    Parameters
    ----------
    contrasts : pandas.DataFrame
        As in results/contrasts.csv; comparisons with rivals are left to the verdicts.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.contrasts import contrasts
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> table = contrasts_table(contrasts(survey), survey.study)
    >>> "goods − services" in table.as_raw_html()
    True
    """
    rows = contrasts[contrasts["estimand"].isin(["slope_difference", "interaction"])]
    sides = [f"{versus.replace(' - ', ' − ')}: " if versus else "" for versus in rows["versus"]]
    cells = pd.DataFrame(
        {
            "row": [study.label(term) for term in rows["term"]],
            "group": [
                f"{side}{_model_label(model, study)} ({_count(n)})"
                for side, model, n in zip(sides, rows["model"], rows["n"], strict=True)
            ],
            "estimate": estimates(rows, ["estimate", "conf_low", "conf_high"], digits=2),
            "p": [p_value(p) for p in rows["p_value"]],
        }
    )
    if rows.empty:
        cells = pd.DataFrame([dict.fromkeys(cells, "") | {"row": "None declared"}])
    notes = [
        "Differences of standardized slopes (SDs of the whole sample), every slope free in each "
        "group; products of z-scores: change of one slope per SD of the other. p unadjusted.",
        about_sample(rows["n"], study),
    ]
    heads = {"row": "Term", "estimate": "Difference [95% interval]", "p": "p"}
    return typeset("contrasts", cells, "Slopes that differ", notes, heads=heads)
