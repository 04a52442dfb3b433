"""Tables of groups: tests that slopes are the same, slopes and means by level, mixed models."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.formatting import capitalised, number, p_value, percent
from loyalty_analysis.group_captions import degrees, shown_slopes
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset

_RAW = ["estimate", "conf_low", "conf_high"]
_POOLED = ["pooled", "pooled_low", "pooled_high"]
_ERRORS = {
    "HC3": "heteroskedasticity-robust (HC3), F test",
    "CR2": "cluster-robust (CR2), approximate Hotelling test (AHT)",
}
_TESTS = {
    "wald": "Wald test of equal means, errors as the design asks",
    "welch": "Welch's test of equal means; eta²: share of variance between levels",
}


def moderation_table(moderation: pd.DataFrame, study: Any) -> Table:
    """Print the tests that every driver's slope is the same in all levels.

    Parameters
    ----------
    moderation : pandas.DataFrame
        As in results/moderation.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.groups import moderation
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.groups=['sector']"])
    >>> "5, 1.5" in moderation_table(moderation(survey), survey.study).as_raw_html()
    True
    """
    tested = moderation["p_value"].notna()
    cells = pd.DataFrame(
        {
            "row": [study.label(name) for name in moderation["outcome"]],
            "group": [study.label(name) for name in moderation["group"]],
            "levels": [number(count, 0) for count in moderation["levels"]],
            "f": [number(value) for value in moderation["statistic"].where(tested)],
            "df": [_degrees(row.df1, row.df2) for row in moderation.where(tested).itertuples()],
            "p": [p_value(p) for p in moderation["p_value"]],
            "n": [number(n, 0) for n in moderation["n"]],
        }
    )
    heads = {
        "row": "Outcome", "levels": "Levels", "f": "F", "df": "Degrees of freedom", "p": "p",
        "n": "n",
    }  # fmt: skip
    kinds = [_ERRORS.get(kind, kind) for kind in moderation["covariance"].unique()]
    notes = [
        "All drivers' slopes at once, the same in every level; every slope, those of controls "
        f"too, free in each. Errors: {'; '.join(kinds)}. p unadjusted.",
        _remarks(moderation, study),
        about_sample(moderation["n"], study),
    ]
    return typeset("moderation", cells, "Are slopes the same in every level?", notes, heads=heads)


def _degrees(first: float, second: float) -> str:
    return f"{number(first, 0)}, {degrees(second)}" if first == first else ""


def _remarks(table: pd.DataFrame, study: Any) -> str:
    """Say of each group column what its rows note."""
    said = []
    for column, part in table.groupby("group", sort=False):
        notes = list(dict.fromkeys(filter(None, part["note"].fillna(""))))
        said += [f"{study.label(str(column))}: {'; '.join(notes)}."] if notes else []
    return " ".join(said)


def simple_slopes_table(simple_slopes: pd.DataFrame, study: Any, model: str = "") -> Table:
    """Print the slopes of one equation in every level, partially pooled where that can be done.

    Parameters
    ----------
    simple_slopes : pandas.DataFrame
        As in results/simple_slopes.csv.
    study : Study
    model : str
        An equation; by default that of the first outcome without the mediator.

    Returns
    -------
    Table

    Raises
    ------
    RunError
        When the table holds no slopes, or not this equation's.

    Examples
    --------
    >>> from loyalty_analysis.pooling import simple_slopes
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.groups=['sector']"])
    >>> table = simple_slopes_table(simple_slopes(survey), survey.study)
    >>> "Habitual commitment" in table.as_raw_html()
    True
    """
    table = shown_slopes(simple_slopes, study, model)
    shown = table[_POOLED].where(table[_POOLED].notna(), table[_RAW].to_numpy())
    table = table.assign(cell=estimates(shown, _POOLED, digits=2))
    terms = list(dict.fromkeys(table["term"]))
    wide = table.pivot(index=["group", "level"], columns="term", values="cell")
    counts = table.drop_duplicates(["group", "level"]).set_index(["group", "level"])["n"]
    shrunk = table.groupby("group")["shrinkage"].mean()
    heads = {"row": "Level", **{f"term{k}": study.label(name) for k, name in enumerate(terms)}}
    cells = pd.DataFrame(
        {
            "row": [level for _, level in counts.index],
            "group": [_pooling(study.label(group), shrunk[group]) for group, _ in counts.index],
            **{f"term{k}": wide.loc[counts.index, name].to_list() for k, name in enumerate(terms)},
            "n": [number(n, 0) for n in counts],
        }
    )
    alone = table[table["note"].fillna("") != ""].drop_duplicates(["group", "level"])
    notes = [
        "Standardized slopes (SDs of the whole sample) with 95% intervals, every slope free in "
        "each level. Partially pooled: each drawn towards the average of the levels, the more "
        "the less its own respondents say; the slopes of the levels alone are in the file.",
        *[f"{study.label(row.group)} {row.level}: {row.note}." for row in alone.itertuples()],
        about_sample(table["n"], study),
    ]
    title = f"Slopes on {named(table['outcome'].iloc[0], study)} by level"
    return typeset("simple slopes", cells, title, notes, heads=heads | {"n": "n"})


def _pooling(label: str, shrinkage: float) -> str:
    if pd.isna(shrinkage):
        return f"{label}, each level alone"
    return f"{label}, partially pooled (on average {percent(shrinkage)} of the way)"


def group_means_table(group_means: pd.DataFrame, group_tests: pd.DataFrame, study: Any) -> Table:
    """Print the lowest and the highest mean of every construct, with the test that all are equal.

    Parameters
    ----------
    group_means, group_tests : pandas.DataFrame
        As in results/group_means.csv and results/group_tests.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.group_means import group_means, group_tests
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.groups=['sector']"])
    >>> table = group_means_table(group_means(survey), group_tests(survey), survey.study)
    >>> "goods 4.76" in table.as_raw_html()
    True
    """
    chosen = group_tests[group_tests["test"].isin(list(_TESTS))].reset_index(drop=True)
    keys = ["group", "construct"]
    sizes = group_tests[group_tests["test"] == "anova"].set_index(keys)["size"]
    cells = chosen[keys].apply(lambda row: _extremes(group_means, *row), axis=1)
    cells = cells.assign(
        row=[study.label(name) for name in chosen["construct"]],
        group=[study.label(name) for name in chosen["group"]],
        f=[number(value) for value in chosen["statistic"].where(chosen["p_value"].notna())],
        df=[_degrees(row.df1, row.df2) if row.p_value == row.p_value else ""
            for row in chosen.itertuples()],
        p=[p_value(p) for p in chosen["p_value"]],
    )  # fmt: skip
    if len(sizes):
        found = [sizes.get((row.group, row.construct)) for row in chosen.itertuples()]
        cells["size"] = [number(size, 3) for size in found]
    heads = {
        "row": "Construct", "low": "Lowest mean", "high": "Highest mean", "f": "F",
        "df": "Degrees of freedom", "p": "p", "size": "eta²",
    }  # fmt: skip
    notes = [
        *[f"{_TESTS[test]}. p unadjusted." for test in chosen["test"].unique()],
        _remarks(chosen, study),
        about_sample(group_means["n"], study),
    ]
    return typeset("group means", cells, "Means by level", notes, heads=heads)


def _extremes(means: pd.DataFrame, group: str, construct: str) -> pd.Series:
    part = means[(means["group"] == group) & (means["construct"] == construct)]
    if part.empty:
        return pd.Series({"low": "", "high": ""})
    ends = part.loc[[part["mean"].idxmin(), part["mean"].idxmax()]]
    words = [f"{row.level} {number(row.mean)}" for row in ends.itertuples()]
    return pd.Series(dict(zip(("low", "high"), words, strict=True)))


def mixed_table(mixed: pd.DataFrame, study: Any) -> Table:
    """Print slopes that vary at random over groups, with what stands in for them where they fail.

    Parameters
    ----------
    mixed : pandas.DataFrame
        As in results/mixed.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.mixed import mixed
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> "cannot honour" in mixed_table(mixed(survey), survey.study).as_raw_html()
    True
    """
    rows = mixed[mixed["estimate"].notna()]
    cells = pd.DataFrame(
        {
            "row": [study.label(term) for term in rows["term"]],
            "group": [
                f"{study.label(row.outcome)} by {named(row.group, study)} "
                f"({number(row.levels, 0)} groups, n\u00a0=\u00a0{number(row.n, 0)})"
                for row in rows.itertuples()
            ],
            "slope": estimates(rows, _RAW, digits=2),
            "p": [p_value(p) for p in rows["p_value"]],
            "spread": [number(sd) for sd in rows["random_sd"]],
            "fixed": [number(slope) for slope in rows["fixed_effects"]],
            "model": ["mixed" if agrees else "least squares" for agrees in rows["agrees"]],
        }
    )
    if rows.empty:
        empty = dict.fromkeys((name for name in cells if name != "group"), "–")
        cells = pd.DataFrame([empty | {"row": "None"}])
    heads = {
        "row": "Driver", "slope": "Average slope [95% interval]", "p": "p",
        "spread": "SD over groups", "fixed": "With a fixed effect for every group",
        "model": "Model",
    }  # fmt: skip
    notes = [
        "Intercept and slopes random over groups and independent of each other, restricted "
        "maximum likelihood; in SDs of the whole sample. The mixed slope is shown only where "
        "generalized least squares and fixed effects agree with it; else the least-squares slope "
        "with errors clustered by group."
        if len(rows)
        else "",
        capitalised(_remarks(mixed.assign(note=mixed["note"].fillna("")), study)),
        about_sample(rows["n"], study) if len(rows) else "",
    ]
    return typeset("mixed", cells, "Mixed models", notes, heads=heads, words=["model"])
