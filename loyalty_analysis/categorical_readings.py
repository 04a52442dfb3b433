"""Readings of outcomes of one item: what a point more goes with, and if a line says the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from loyalty_analysis.formatting import in_sentence, listing, number
from loyalty_analysis.prose import Prose, prose
from loyalty_analysis.rules import LEAST_DF
from loyalty_analysis.sentences import enough

_DIFFERENCES: dict[str, Callable[[int, int], bool]] = {
    "Told from zero by the linear model only": lambda own, line: bool(line and not own),
    "Told from zero by the categorical model only": lambda own, line: bool(own and not line),
    "On opposite sides of zero in the two": lambda own, line: own * line < 0,
}


def equation_label(model: str, outcome: str, study: Any) -> str:
    """Name an equation by its outcome, and by whether the mediator stands in it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> equation_label("search.direct", "search", load_study("rice_simulated"))
    'Search for alternatives, with satisfaction in the equation'
    """
    label, mediator, kind = study.label(outcome), study.model.mediator, model.rpartition(".")[2]
    if not mediator or kind not in ("total", "direct"):
        return label
    side = "without" if kind == "total" else "with"
    return f"{label}, {side} {in_sentence(study.label(mediator))} in the equation"


def categorical_reading(categorical: pd.DataFrame, study: Any) -> Prose:
    """Read the clearest average change of each outcome, and whether a straight line agrees.

    Parameters
    ----------
    categorical : DataFrame
        See :func:`loyalty_analysis.categorical.categorical`.
    study : Study

    Returns
    -------
    Prose
        For every outcome, and the mediator, the term that lies furthest from zero in standard
        errors, the mediator not held constant; the terms on which logit and line differ; what could
        not be estimated, or rests on too few clusters to tell. No sentences without such outcomes.

    Examples
    --------
    >>> from loyalty_analysis.categorical import categorical
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["constructs.search={items = ['sea1']}"])
    >>> print(categorical_reading(categorical(survey), survey.study))
    One point more affective commitment goes with 0.34 points less search (95% interval −0.37 to
    −0.31), −0.35 in the linear model, and with a probability of the highest answer that is 0.008
    lower (95% interval −0.010 to −0.005). The linear model tells the same side of zero, or none,
    for all 11 terms.
    """
    rows = categorical[categorical["quantity"].isin(["scale points", "probability"])]
    tops = categorical[categorical["quantity"] == "top box"].set_index(["model", "term"])
    said = []
    for model, own in rows.groupby("model", sort=False):
        if not str(model).endswith(".direct"):
            first = own.loc[own["statistic"].abs().idxmax()]
            top = tops.loc[(model, first["term"])] if (model, first["term"]) in tops.index else None
            said.append(_sentence(first, top, study))
    lacking = categorical["estimate"].isna() | (categorical["df"] < LEAST_DF)
    sure = rows[rows["df"] >= LEAST_DF]
    return prose([*said, *notes_of(categorical[lacking], study), *_agreement(sure, study)])


def notes_of(categorical: pd.DataFrame, study: Any) -> list[str]:
    """Say whom each note is about: an outcome, or one of its equations where they differ.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> rows = {"model": ["search.total", "search.direct"], "outcome": "search", "note": "Few."}
    >>> notes_of(pd.DataFrame(rows), load_study("rice_simulated"))
    ['Search for alternatives: few.']
    """
    said: dict[str, None] = {}
    for outcome, rows in categorical.groupby("outcome", sort=False):
        for row in rows[rows["note"].fillna("") != ""].itertuples():
            alike = rows["note"].nunique() == 1
            label = study.label(outcome) if alike else equation_label(row.model, outcome, study)
            said[f"{label}: {in_sentence(row.note)}"] = None
    return list(said)


def _sentence(row: pd.Series, top: pd.Series | None, study: Any) -> str:
    """Read one average change, with the linear slope beside it."""
    term, outcome = (in_sentence(study.label(row[key])) for key in ("term", "outcome"))
    binary = row["quantity"] == "probability"
    chance = f"a probability of {_event(row['outcome'], outcome, study)} that is" if binary else ""
    line = f"{number(row['linear'], _digits(row))} in the linear model"
    if _side(row, "conf") == 0:
        whether = f"{chance} higher or lower" if binary else f"higher or lower {outcome}"
        return (
            f"Whether any term goes with {whether} cannot be told; furthest from zero is {term}, "
            f"{number(row['estimate'], _digits(row))} per point ({_interval(row)}), {line}."
        )
    points = f"points {'more' if row['estimate'] > 0 else 'less'} {outcome}"
    found = f"{chance} {_higher(row)}" if binary else f"{_size(row)} {points}"
    said = f"One point more {term} goes with {found} ({_interval(row)}), {line}"
    if top is None:
        return f"{said}."
    return (
        f"{said}, and with a probability of the highest answer that is {_higher(top)} "
        f"({_interval(top)})."
    )


def _digits(row: Any) -> int:
    """Two decimals, three where the interval is so narrow that two would say nothing."""
    return 3 if row["conf_high"] - row["conf_low"] < 0.02 else 2


def _size(row: Any) -> str:
    return number(abs(row["estimate"]), _digits(row))


def _higher(row: Any) -> str:
    return f"{_size(row)} {'higher' if row['estimate'] > 0 else 'lower'}"


def _interval(row: Any) -> str:
    ends = [number(row[end], _digits(row)) for end in ("conf_low", "conf_high")]
    return f"95% interval {' to '.join(ends)}"


def _event(outcome: str, name: str, study: Any) -> str:
    """What the higher of two answers stands for: the outcome itself, if they are 0 and 1."""
    construct, scale = study.constructs[outcome], study.scale_of(outcome)
    if construct.score == "top_box":
        several = f"one of the {construct.top} highest answers"
        return f"{several if (construct.top or 1) > 1 else 'the highest answer'} on {name}"
    return name if (scale.min, scale.max) == (0, 1) else f"the higher answer on {name}"


def _side(row: Any, name: str) -> int:
    """Side of zero that an interval lies on; none with under four degrees of freedom."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return int(low > 0) - int(high < 0) if enough(row) else 0


def _agreement(rows: pd.DataFrame, study: Any) -> list[str]:
    """Say on which terms the intervals of logit and line tell different things."""
    if rows.empty:
        return []
    said = []
    for what, differs in _DIFFERENCES.items():
        names = [
            f"{in_sentence(study.label(row['term']))} on "
            f"{in_sentence(equation_label(row['model'], row['outcome'], study))}"
            for _, row in rows.iterrows()
            if differs(_side(row, "conf"), _side(row, "linear"))
        ]
        said += [f"{what}: {listing(names, 4)}."] if names else []
    many = f"all {len(rows)} terms" if len(rows) > 1 else "the one term"
    return said or [f"The linear model tells the same side of zero, or none, for {many}."]
