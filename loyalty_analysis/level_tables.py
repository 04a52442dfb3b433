"""Tables of levels: means and steps of every outcome, and the shapes that were compared."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.formatting import capitalised, listing, number, p_value, percent
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset

_MEAN = ["mean", "mean_low", "mean_high"]
_STEP = ["step", "conf_low", "conf_high"]
_BEND = ["bend", "bend_low", "bend_high"]
_READ = {
    "steps": "{0} minus {1}",
    "mean_difference": "{0} minus {1}",
    "step_difference": "Step {0}, less step {1}",
    "penalty_reward": "Loss {0}, less gain {1}",
}
_LATENT = ["latent_bend", "latent_low", "latent_high"]


def steps_table(steps: pd.DataFrame, study: Any) -> Table:
    """Print the adjusted mean of every outcome on each level, and the step from the level below.

    Parameters
    ----------
    steps : pandas.DataFrame
        As in results/steps.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.level_steps import steps
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> survey = read_survey("rice_simulated", [cut])
    >>> "Repurchase intention (intention)" in steps_table(steps(survey), survey.study).as_raw_html()
    True
    """
    cells = pd.DataFrame(
        {
            "row": steps["level"].astype(str).to_list(),
            "group": [f"{study.label(row.outcome)} ({row.kind})" for row in steps.itertuples()],
            "n": [number(n, 0) for n in steps["n"]],
            "share": [percent(share) for share in steps["share"]],
            "mean": estimates(steps, _MEAN, digits=2),
            "step": _shown(steps, _STEP),
            "p": ["" if pd.isna(p) else p_value(p) for p in steps["p_value"]],
            "top": ["" if pd.isna(share) else percent(share) for share in steps["top_share"]],
        }
    )
    heads = {
        "row": "Level", "n": "n", "share": "Share", "mean": "Mean, points [95% interval]",
        "step": "Step from below, SDs [95% interval]", "p": "p", "top": "At the top",
    }  # fmt: skip
    controls = [named(name, study) for name in study.model.controls]
    notes = [
        f"Means adjusted for {listing(controls, 9)}, at their means." if controls else "",
        "At the top: share of the level with the highest score of the scale. p unadjusted. Levels "
        "of fewer than ten respondents are not shown.",
        about_sample(steps.groupby("outcome")["n"].sum(), study),
    ]
    return typeset("steps", cells, "Every outcome by level of satisfaction", notes, heads=heads)


def _shown(table: pd.DataFrame, columns: list[str]) -> list[str]:
    """Estimates with their intervals; nothing where there is none."""
    known = table[columns[0]].notna()
    printed = iter(estimates(table[known], columns, digits=2) if known.any() else [])
    return [next(printed) if there else "" for there in known]


def curves_table(curves: pd.DataFrame, study: Any) -> Table:
    """Print how well a line, a quadratic and a spline predict, and how returns bend.

    Parameters
    ----------
    curves : pandas.DataFrame
        As in results/curves.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.curves import curves
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> survey = read_survey("rice_simulated", [cut])
    >>> "Quadratic" in curves_table(curves(survey)[0], survey.study).as_raw_html()
    True
    """
    line = curves["shape"] == "linear"
    cells = pd.DataFrame(
        {
            "row": [capitalised(str(shape)) for shape in curves["shape"]],
            "group": [_about(row, study) for row in curves.itertuples()],
            "loss": [number(loss, 4) for loss in curves["loss"]],
            "gain": ["" if own else number(gain, 4)
                     for own, gain in zip(line, curves["loss_difference"], strict=True)],
            "error": ["" if own else number(error, 4)
                      for own, error in zip(line, curves["std_error"], strict=True)],
            "best": ["chosen" if best else "" for best in curves["best"].astype(bool)],
            "bend": _shown(curves, _BEND),
            "latent": _shown(curves, _LATENT),
        }
    )  # fmt: skip
    heads = {
        "row": "Shape", "loss": "Loss", "gain": "Line minus shape", "error": "Std. error",
        "best": "Choice", "bend": "Bend, SDs [95% interval]",
        "latent": "Bend without a ceiling [95% interval]",
    }  # fmt: skip
    score = named(curves["score"].iloc[0], study)
    notes = [
        "Loss: squared error of predicting respondents left out (ten folds, clusters kept "
        "together), as a share of the outcome's variance. Chosen: the simplest shape that no other "
        "predicts better than by two errors.",
        f"Bend: by how much the slope is higher one SD of {score} above its mean than one SD "
        "below; without a ceiling: of what lies behind the answers (ordered logit, in SDs of its "
        f"error). Spline: knots at {curves['knots'].iloc[0].replace(' ', ', ')}.",
        about_sample(curves["n"], study),
    ]
    title = f"The shape of returns to {score}"
    return typeset("curves", cells, title, notes, heads=heads, words=["best"])


def level_contrasts_table(contrasts: pd.DataFrame, study: Any) -> Table:
    """Print the contrasts of levels that claims ask for, a row each.

    Parameters
    ----------
    contrasts : pandas.DataFrame
        As in results/contrasts.csv; other contrasts are passed.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"estimand": ["steps"], "outcome": "repurchase", "versus": "mid | low", "n": 90}
    >>> table = pd.DataFrame(row | {"estimate": 0.4, "conf_low": 0.3, "conf_high": 0.5})
    >>> study = load_study("rice_simulated")
    >>> "mid minus low" in level_contrasts_table(table.assign(p_value=0.01), study).as_raw_html()
    True
    """
    rows = contrasts[contrasts["estimand"].isin(list(_READ))]
    cells = pd.DataFrame(
        {
            "row": [_READ[row.estimand].format(*row.versus.split(" | "))
                    for row in rows.itertuples()],
            "group": [study.label(name) for name in rows["outcome"]],
            "estimate": estimates(rows, ["estimate", "conf_low", "conf_high"], digits=2),
            "p": [p_value(p) for p in rows["p_value"]],
        }
    )  # fmt: skip
    if rows.empty:
        cells = pd.DataFrame([dict.fromkeys(cells, "") | {"row": "No claim asks", "group": ""}])
    heads = {"row": "Contrast", "estimate": "SDs of the outcome [95% interval]", "p": "p"}
    notes = [
        "Differences of adjusted means; levels joined by + are pooled by their shares. p "
        "unadjusted.",
        about_sample(rows["n"], study),
    ]
    return typeset("level contrasts", cells, "What claims ask of levels", notes, heads=heads)


def _about(row: Any, study: Any) -> str:
    top = "" if pd.isna(row.ceiling) else f", {percent(row.ceiling)} at the highest score"
    return f"{study.label(row.outcome)} ({row.kind}{top})"
