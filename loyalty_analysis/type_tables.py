"""Tables of loyalty types: profiles, simple slopes, mixtures, and the chain of mutual loyalty."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import capitalised, number, p_value
from loyalty_analysis.mediation import THROUGH
from loyalty_analysis.type_captions import NAMES, share_words, shares_of
from loyalty_analysis.typesetting import Table, about_sample, estimates, typeset

_ENDS = ["estimate", "conf_low", "conf_high"]
_PLACES = {"low": "one SD below its mean", "mean": "at its mean", "high": "one SD above"}


def types_table(types: pd.DataFrame, study: Any) -> Table:
    """Print share and profile of every type.

    Parameters
    ----------
    types : pandas.DataFrame
        As in results/types.csv.
    study : Study

    Returns
    -------
    Table

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"type": ["none"], "variable": "advocacy", "n": 40.0, "share": 0.4}
    >>> row |= {"share_low": 0.3, "share_high": 0.5, "mean": 4.0, "conf_low": 3.8, "conf_high": 4.2}
    >>> table = types_table(pd.DataFrame(row), load_study("rice_simulated"))
    >>> "4.00 [3.80, 4.20]" in table.as_raw_html()
    True
    """
    shares = shares_of(types)
    wide = types.assign(cell=estimates(types, ["mean", "conf_low", "conf_high"], digits=2))
    wide = wide.pivot(index="variable", columns="type", values="cell")
    variables = list(dict.fromkeys(types["variable"]))
    first = pd.DataFrame(
        {
            "row": ["Respondents", "Share of customers [95% CI]"],
            **{str(name): [number(row["n"], 0), share_words(row)]
               for name, row in shares.iterrows()},
        }
    )  # fmt: skip
    means = wide.loc[variables, list(shares.index)].reset_index(drop=True)
    means.insert(0, "row", [f"Mean {named(name, study)}" for name in variables])
    cells = pd.concat([first, means], ignore_index=True)
    heads = {
        "row": "Of each type",
        **{str(name): NAMES[str(name)].capitalize() for name in shares.index},
    }
    notes = [
        "Means in points with 95% intervals, not adjusted for controls; weights and clusters "
        "honoured. Types of fewer than ten respondents have no numbers.",
        about_sample([shares["n"].sum()], study),
    ]
    return typeset("types", cells, "Four types of customers", notes, heads=heads)


def type_slopes_table(type_slopes: pd.DataFrame, study: Any) -> Table:
    """Print the slope of each score where the other is low, at its mean and high.

    Parameters
    ----------
    type_slopes : pandas.DataFrame
        As in results/type_slopes.csv.
    study : Study

    Returns
    -------
    Table
    """
    wide = type_slopes.assign(cell=estimates(type_slopes, _ENDS, digits=2))
    wide = wide.pivot(index=["outcome", "term"], columns="at", values="cell")
    rows = type_slopes.drop_duplicates(["outcome", "term"])
    keys = list(zip(rows["outcome"], rows["term"], strict=True))
    change = type_slopes[type_slopes["at"] == "change"].set_index(["outcome", "term"])["p_value"]
    heads = {"row": "Slope of", **{at: f"Other score {words}" for at, words in _PLACES.items()},
             "change": "Change per SD of the other", "p": "p"}  # fmt: skip
    cells = pd.DataFrame(
        {
            "row": [study.label(term) for _, term in keys],
            "group": [f"On {named(outcome, study)}" for outcome, _ in keys],
            **{at: [wide.loc[key, at] for key in keys] for at in (*_PLACES, "change")},
            "p": [p_value(change[key]) for key in keys],
        }
    )
    notes = [
        "Points of the outcome per point of the score with 95% intervals, from one equation with "
        "both scores, their product and the controls. p: no change, unadjusted.",
        about_sample(type_slopes["n"], study),
    ]
    return typeset("type slopes", cells, "Simple slopes", notes, heads=heads)


def mixture_table(mixture: pd.DataFrame, study: Any) -> Table:
    """Print how well one to six classes fit, beside their agreement with the four types.

    Parameters
    ----------
    mixture : pandas.DataFrame
        As in results/mixture.csv.
    study : Study

    Returns
    -------
    Table

    Raises
    ------
    RunError
        When no mixture was fitted.
    """
    if mixture["classes"].isna().all():
        raise RunError(f"results/mixture.csv: {mixture['note'].iloc[0]}. Leave this out.")
    cells = pd.DataFrame(
        {
            "row": [f"{number(row.classes, 0)}{' (best)' if row.best else ''}"
                    for row in mixture.itertuples()],
            "loglik": [number(value, 1) for value in mixture["log_likelihood"]],
            "parameters": [number(value, 0) for value in mixture["parameters"]],
            "bic": [number(value, 1) for value in mixture["bic"]],
            "entropy": [number(value) for value in mixture["entropy"]],
            "agreement": [number(value) for value in mixture["agreement"]],
        }
    )  # fmt: skip
    heads = {
        "row": "Classes", "loglik": "Log likelihood", "parameters": "Parameters", "bic": "BIC",
        "entropy": "Relative entropy", "agreement": "Agreement with types",
    }  # fmt: skip
    lost = mixture.loc[~mixture["converged"].astype(bool), "classes"]
    notes = [
        "Gaussian mixtures on standardized scores. BIC: smaller is better. Entropy: 1 where "
        "everybody belongs to one class for certain. Agreement: adjusted Rand index.",
        *[f"{capitalised(note)}." for note in filter(None, mixture["note"].unique())],
        f"Not converged: {', '.join(number(k, 0) for k in lost)}." if len(lost) else "",
        about_sample(mixture["n"], study),
    ]
    return typeset("mixture", cells, "Classes instead of boxes", notes, heads=heads)


def reciprocity_table(reciprocity: pd.DataFrame, study: Any) -> Table:
    """Print the chain of mutual loyalty with its links, and what stands beside it.

    Parameters
    ----------
    reciprocity : pandas.DataFrame
        As in results/reciprocity.csv.
    study : Study

    Returns
    -------
    Table
    """
    groups = {
        "chain": "{source} investment: the chain", "link": "{source} investment: its links",
        "slope": "Beside each other",
    }  # fmt: skip
    cells = pd.DataFrame(
        {
            "row": [_path_label(row, study) for row in reciprocity.itertuples()],
            "group": [groups[row.effect].format(source=str(row.source).capitalize())
                      for row in reciprocity.itertuples()],
            "estimate": estimates(reciprocity, _ENDS),
            "p": [p_value(p) for p in reciprocity["p_value"]],
            "n": [number(n, 0) for n in reciprocity["n"]],
        }
    )  # fmt: skip
    heads = {"row": "From and to", "estimate": "SDs per SD [95% CI]", "p": "p", "n": "n"}
    notes = [
        "The chain is the product of its links; each link holds what stands earlier on the path "
        "and the rest of its equation constant. p unadjusted.",
        about_sample(reciprocity["n"], study),
    ]
    return typeset("reciprocity", cells, "Mutual loyalty", notes, heads=heads)


def _path_label(row: Any, study: Any) -> str:
    steps = [row.term, *filter(None, str(row.through or "").split(THROUGH)), row.outcome]
    return " → ".join(study.label(name) for name in steps)
