"""Readings of slopes: which can be told from zero, and what error and method do to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.captions import kept_slopes, named, shown_models, twin_side
from loyalty_analysis.equations import equations
from loyalty_analysis.formatting import estimate, in_sentence, listing, number, percent
from loyalty_analysis.prose import Prose, prose
from loyalty_analysis.sentences import enough, range_of, told_side
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

_HARMAN = "The share of a single factor (Harman) decides nothing and is not used."
_CHANGES: dict[str, Callable[[int, int], bool]] = {
    "Told from zero only without the correction": lambda plain, twin: bool(plain and not twin),
    "Told from zero only with the correction": lambda plain, twin: bool(twin and not plain),
    "On the other side of zero with the correction": lambda plain, twin: plain * twin < 0,
}


def slopes_reading(survey: Survey, regression: pd.DataFrame, kind: str = "total") -> Prose:
    """Read the slopes of every equation of one kind that can be told from zero.

    The largest in points of its outcome's scale, the others standardized.

    Parameters
    ----------
    survey : Survey
    regression : DataFrame
    kind : {"mediator", "total", "direct", "path"}

    Examples
    --------
    >>> from loyalty_analysis.regression import regression
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> print(slopes_reading(survey, regression(survey), "mediator"))
    One point more perceived value goes with 0.56 points more satisfaction on the 0-10 scale
    (95% interval 0.44 to 0.68; standardized 0.56, 95% interval 0.44 to 0.67). Beside it,
    standardized: image 0.19.
    """
    return prose([one for said in slopes_by_equation(survey, regression, kind) for one in said])


def slopes_by_equation(survey: Survey, regression: pd.DataFrame, kind: str) -> list[list[str]]:
    """The same sentences, those of each equation by themselves.

    Examples
    --------
    >>> from loyalty_analysis.regression import regression
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> [len(said) for said in slopes_by_equation(survey, regression(survey), "total")]
    [2]
    """
    found = []
    for equation in equations(survey.study):
        if equation.kind == kind:
            rows = regression[regression["model"] == equation.model].set_index("term", drop=False)
            found.append(_equation_sentences(rows.loc[list(equation.focal)], survey.study))
    return found


def _equation_sentences(rows: pd.DataFrame, study: Study) -> list[str]:
    outcome = str(rows["outcome"].iloc[0])
    told = rows[[slope_side(row) != 0 for _, row in rows.iterrows()]]
    told = told.reindex(told["beta"].abs().sort_values(ascending=False).index)
    name = in_sentence(study.label(outcome))
    if told.empty:
        return [f"No term can be told to go with higher or lower {name}."]
    first, rest = told.iloc[0], told.iloc[1:]
    said = [slope_sentence(first, study, _scale_words(study, outcome))]
    others = [
        f"{in_sentence(study.label(row['term']))} {number(row['beta'])}"
        for _, row in rest.iterrows()
    ]
    if others:
        said.append(f"Beside it, standardized: {listing(others, 9)}.")
    return said


def slope_sentence(row: pd.Series, study: Study, scale: str) -> str:
    """Read one row of regression.csv in scale points and in SDs.

    Parameters
    ----------
    row : Series
        A row of :func:`loyalty_analysis.regression.regression`.
    study : Study
    scale : str
        Words for the outcome's scale, such as ``"1-7"``; empty when none is declared.

    Returns
    -------
    str

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"term": "image", "outcome": "loyalty", "df": 240.0, "beta_df": 240.0}
    >>> row |= {"estimate": 0.3, "conf_low": 0.1, "conf_high": 0.5}
    >>> row |= {"beta": 0.2, "beta_low": 0.1, "beta_high": 0.3}
    >>> print(slope_sentence(pd.Series(row), load_study("bank_customers"), "0-10"))
    One point more image goes with 0.30 points more loyalty on the 0-10 scale (95% interval
    0.10 to 0.50; standardized 0.20, 95% interval 0.10 to 0.30).
    """
    term, outcome = (in_sentence(study.label(str(row[key]))) for key in ("term", "outcome"))
    size = abs(float(row["estimate"]))
    unit = f" on the {scale} scale" if scale else ""
    if slope_side(row) == 0:
        few = "" if enough(row) else " with under four degrees of freedom"
        return (
            f"Whether {term} goes with higher or lower {outcome} cannot be told{few}: "
            f"standardized {number(row['beta'])}, {range_of(row['beta_low'], row['beta_high'])}."
        )
    more = "more" if float(row["estimate"]) > 0 else "less"
    return (
        f"One point more {term} goes with {number(size)} points {more} {outcome}{unit} "
        f"({range_of(row['conf_low'], row['conf_high'])}; standardized {number(row['beta'])}, "
        f"{range_of(row['beta_low'], row['beta_high'])})."
    )


def slope_side(row: pd.Series) -> int:
    """Side of zero on which both the raw and the standardized slope can be told to lie, else 0.

    The two intervals come from different errors: where they disagree, nothing is told.

    Examples
    --------
    >>> ends = {"conf_low": 0.1, "conf_high": 0.3, "beta_low": -0.1, "beta_high": 0.3}
    >>> slope_side(pd.Series(ends))
    0
    """
    raw_side = int(row["conf_low"] > 0) - int(row["conf_high"] < 0)
    return raw_side if told_side(row) == raw_side else 0


def _scale_words(study: Study, construct: str) -> str:
    scale = study.scale_of(construct)
    if scale.min is None or scale.max is None or study.constructs[construct].score != "mean":
        return ""
    return f"{scale.min:g}-{scale.max:g}"


def method_reading(method_bias: pd.DataFrame, study: Any) -> Prose:
    """Say which slopes keep their side of zero up to which share of a common method.

    Examples
    --------
    >>> from loyalty_analysis.method_bias import method_bias
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(method_reading(method_bias(survey), survey.study))
    Of 3 slopes told from zero, 2 keep their side at every share of a common method that these
    correlations allow (up to 20%, in both directions): likeability on satisfaction and likeability
    on loyalty. Lost soonest, at 10%: competence on satisfaction. The share of a single factor
    (Harman) decides nothing and is not used.
    """
    kept = kept_slopes(method_bias, study)
    names = kept.apply(lambda row: _on(row["term"], row["outcome"], study), axis=1)
    told, harman = kept["holds_to"].notna(), _HARMAN
    if not told.any():
        return prose(["No slope can be told from zero, with or without a common method.", harman])
    shares = np.sort(method_bias.loc[method_bias["direction"] != "marker", "share"].unique())
    stay = kept["everywhere"] & told
    verb = "keeps its" if stay.sum() == 1 else "keep their"
    many = f"{told.sum()} slopes" if told.sum() > 1 else "1 slope"
    most = percent(kept["reach"].max())
    said = (
        f"Of {many} told from zero, {stay.sum() or 'none'} {verb} side at every share of a common "
        f"method that these correlations allow (up to {most}, in both directions)"
    )
    said += f": {listing(names[stay], 4)}." if stay.any() else "."
    lost = told & ~stay
    if lost.any():
        held = kept.loc[lost, "holds_to"]
        soonest = names[lost][held == held.min()]
        after = percent(shares[shares > held.min()][0])
        said += f" Lost soonest, at {after}: {listing(soonest, 4)}."
    return prose([said, _marker_sentence(method_bias), harman])


def _marker_sentence(table: pd.DataFrame) -> str:
    marked = table[table["direction"] == "marker"]
    share = f"The study's marker suggests a share of {percent(marked['share'].max())}."
    return share if len(marked) else ""


def _on(term: str, outcome: str, study: Any) -> str:
    return f"{named(term, study)} on {named(outcome, study)}"


def twin_reading(regression: pd.DataFrame, study: Any) -> Prose:
    """Say how far slopes corrected for measurement error lie from those of scores.

    Examples
    --------
    >>> from loyalty_analysis.regression import regression
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.twins import twins
    >>> survey = read_survey("mobile_customers")
    >>> print(twin_reading(regression(survey, twins(survey)), survey.study))
    Corrected for measurement error, 4 slopes lie 0.23 (median) from those of the scores; furthest:
    likeability on loyalty (0.84 [0.64, 1.03] against 0.56 [0.46, 0.66]). Told from zero only
    without the correction: competence on satisfaction.
    """
    shown = regression["model"].isin(shown_models(regression, study, "results/regression.csv"))
    drivers = regression["term"].isin(list(study.model.drivers))
    table = regression[shown & drivers].dropna(subset=["beta", "beta_latent"])
    if table.empty:
        return prose(["No slope could be corrected for measurement error: the items allow none."])
    away = (table["beta_latent"] - table["beta"]).abs()
    far = table.loc[away.idxmax()]
    values = [
        estimate(*far[[name, f"{name}_low", f"{name}_high"]]) for name in ("beta_latent", "beta")
    ]
    many = f"{len(table)} slopes lie" if len(table) > 1 else "the one slope lies"
    said = (
        f"Corrected for measurement error, {many} {number(away.median())} (median) from those of "
        f"the scores; furthest: {_on(far['term'], far['outcome'], study)} ({values[0]} against "
        f"{values[1]})."
    )
    wide = int((table["beta_latent_high"] - table["beta_latent_low"] > 2).sum())
    overlap = f"For {wide} of them the corrected interval reaches more than 1 SD to either side: "
    overlap += "their constructs overlap too much for it to say anything."
    return prose([said, overlap if wide else "", *_changes(table, study)])


def _changes(table: pd.DataFrame, study: Any) -> list[str]:
    """Name the slopes that are told from zero by one of the two alone, or on the other side."""
    sides = [(told_side(row), twin_side(row)) for row in table.itertuples()]
    names = [_on(row.term, row.outcome, study) for row in table.itertuples()]
    said = []
    for what, changed in _CHANGES.items():
        hit = [name for name, side in zip(names, sides, strict=True) if changed(*side)]
        said += [f"{what}: {listing(hit, 4)}."] if hit else []
    return said or ["The correction moves no slope to or from zero."]
