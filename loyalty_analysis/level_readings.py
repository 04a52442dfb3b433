"""What means by level and mixed models come to, in short paragraphs of computed sentences."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.formatting import listing, number
from loyalty_analysis.group_captions import LEVEL
from loyalty_analysis.prose import Prose, prose
from loyalty_analysis.rules import LEAST_DF


def group_means_reading(
    group_means: pd.DataFrame | None,
    group_tests: pd.DataFrame | None,
    invariance: pd.DataFrame | None,
    study: Any,
) -> Prose:
    """Say which means differ between levels, where scalar invariance lets them be compared.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study = load_study("rice_simulated")
    >>> table = pd.DataFrame({"group": ["sector"], "construct": "repurchase", "test": "welch"})
    >>> table = table.assign(df2=90.0, p_value=0.01)
    >>> steps = pd.DataFrame({"group": ["sector"], "step": "scalar", "holds": True})
    >>> means = {"group": "sector", "level": ["goods", "services"], "construct": "repurchase"}
    >>> means = pd.DataFrame(means | {"mean": [5.0, 4.5]})
    >>> print(group_means_reading(means, table, steps, study))
    Sector: 1 of 1 means differs between levels (p < 0.05, unadjusted): repurchase intention (5.00
    in goods to 4.50 in services).
    """
    if group_means is None or group_tests is None:
        return prose([])
    chosen = group_tests[group_tests["test"].isin(["wald", "welch"])]
    return prose(
        _unequal_intercepts(invariance, str(column), study)
        or _means(str(column), part, group_means, study)
        for column, part in chosen.groupby("group", sort=False)
    )


def _unequal_intercepts(invariance: pd.DataFrame | None, column: str, study: Any) -> str:
    known = pd.DataFrame({"group": [], "step": []}) if invariance is None else invariance
    rows = known[(known["group"] == column) & (known["step"] == "scalar")]
    if len(rows) and rows["holds"].iloc[0]:
        return ""
    why = "does not hold" if len(rows) else "was not assessed"
    return f"{study.label(column)}: comparing means waits for scalar invariance, which {why}."


def _means(column: str, tests: pd.DataFrame, means: pd.DataFrame, study: Any) -> str:
    label = study.label(column)
    # Welch's and F tests without respondents enough tell as little as slopes do.
    sure = tests[tests["p_value"].notna() & (tests["df2"] >= LEAST_DF)]
    if sure.empty:
        return f"{label}: whether means differ between levels cannot be told."
    differ = sure[sure["p_value"] < LEVEL].sort_values("p_value", kind="stable")
    ends = []
    for construct in differ["construct"]:
        part = means[(means["group"] == column) & (means["construct"] == construct)]
        high, low = part.loc[part["mean"].idxmax()], part.loc[part["mean"].idxmin()]
        ends.append(
            f"{named(construct, study)} ({number(high['mean'])} in {high['level']} to "
            f"{number(low['mean'])} in {low['level']})"
        )
    verb = "differs" if len(differ) == 1 else "differ"
    said = f"{label}: {len(differ) or 'none'} of {len(sure)} means {verb} between levels "
    said += f"(p < {number(LEVEL)}, unadjusted)"
    return f"{said}: {listing(ends)}." if ends else f"{said}."


def mixed_reading(mixed: pd.DataFrame | None, study: Any) -> Prose:
    """Say how many mixed slopes stand beside fixed effects, and which spread most over groups.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"group": ["sector"], "estimate": None, "agrees": False}
    >>> table = pd.DataFrame(row | {"note": "groups of 10 respondents or more: 2; needed: 6"})
    >>> print(mixed_reading(table, load_study("rice_simulated")))
    Sector: no mixed model (groups of 10 respondents or more: 2; needed: 6).
    """
    if mixed is None:
        return prose([])
    said = []
    for column, part in mixed.groupby("group", sort=False):
        label, rows = study.label(str(column)), part[part["estimate"].notna()]
        notes = "; ".join(filter(None, dict.fromkeys(part["note"].fillna(""))))
        if rows.empty:
            said.append(f"{label}: no mixed model ({notes}).")
            continue
        stand = rows[rows["agrees"].astype(bool)]
        said.append(
            f"{label}: {len(stand) or 'none'} of {len(rows)} mixed slopes agree with generalized "
            "least squares and with fixed effects."
        )
        if len(stand) < len(rows):
            said.append(f"For the others least squares stands ({notes}).")
        if len(stand) and (most := stand.loc[stand["random_sd"].idxmax()])["random_sd"] >= 0.005:
            said.append(
                f"Slopes spread most for {named(most['term'], study)} on "
                f"{named(most['outcome'], study)}: SD {number(most['random_sd'])} about "
                f"{number(most['estimate'])}."
            )
    return prose(said)
