"""What groups come to, in short paragraphs of computed sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.evidence import unequal_errors
from loyalty_analysis.formatting import capitalised, in_sentence, listing, number, p_value, percent
from loyalty_analysis.group_captions import LEVEL, degrees, shown_slopes, told, waiting
from loyalty_analysis.prose import Prose, prose
from loyalty_analysis.rules import LEAST_DF
from loyalty_analysis.sentences import range_of
from loyalty_analysis.survey import Survey

_SAMPLING = "no further apart than sampling alone would put them"


def needs_groups(survey: Survey, what: str) -> Prose:
    """Say that something cannot be shown, for want of groups or of respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> str(needs_groups(read_survey("bank_customers"), "Group means"))
    'Group means need respondents; this study is known by its moments only.'
    """
    if not survey.has_respondents:
        return prose([f"{what} need respondents; this study is known by its moments only."])
    if not survey.study.design.groups:
        return prose([f"{what} need groups; the study declares none in [design], groups."])
    return prose([f"{what} need two levels or more with enough respondents; there are not."])


def moderation_reading(
    moderation: pd.DataFrame | None, gates: pd.DataFrame | None, study: Any
) -> Prose:
    """Say in which equations slopes differ between levels, where that may be compared and told.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"group": ["sector"], "outcome": "repurchase", "df1": 5.0, "df2": 40.0, "note": ""}
    >>> table = pd.DataFrame(row | {"statistic": 4.2, "p_value": 0.004})
    >>> gate = {"gate": ["invariance"], "about": "sector", "passes": True, "warns": False}
    >>> print(moderation_reading(table, pd.DataFrame(gate), load_study("rice_simulated")))
    Sector: slopes differ between levels in 1 of 1 equations (p < 0.05, unadjusted): that of
    repurchase intention (F(5, 40.0) = 4.20, p = 0.004).
    """
    if moderation is None:
        return prose([])
    groups = moderation.groupby("group", sort=False)
    return prose(
        waiting(gates, str(column), study) or _omnibus(str(column), part, study)
        for column, part in groups
    )


def _omnibus(column: str, part: pd.DataFrame, study: Any) -> str:
    label = study.label(column)
    tested = part[part["p_value"].notna()]
    if tested.empty:
        notes = filter(None, dict.fromkeys(part["note"].fillna("")))
        return f"{label}: no test that slopes are the same ({'; '.join(notes)})."
    sure = tested[tested["df2"] >= LEAST_DF]
    scarce, few = len(tested) - len(sure), ""
    if scarce:
        few = f" {scarce} of {len(tested)} rest on under four degrees of freedom and tell nothing."
    if sure.empty:
        return (
            f"{label}: whether slopes differ between levels cannot be told; every test rests on "
            "under four degrees of freedom."
        )
    differ = sure[sure["p_value"] < LEVEL]
    said = (
        f"{label}: slopes differ between levels in {len(differ) or 'none'} of {len(sure)} equations"
    )
    said += f" (p < {number(LEVEL)}, unadjusted)"
    tests = [
        f"that of {named(row.outcome, study)} (F({number(row.df1, 0)}, {degrees(row.df2)}) = "
        f"{number(row.statistic)}, p {_equals(row.p_value)})"
        for row in differ.itertuples()
    ]
    return f"{said}: {listing(tests, 4)}.{few}" if tests else f"{said}.{few}"


def _equals(p: float) -> str:
    text = p_value(p)
    return text if text[0] in "<>" else f"= {text}"


def differences_reading(contrasts: pd.DataFrame, gates: pd.DataFrame | None, study: Any) -> Prose:
    """Read the declared differences of slopes that can be told from zero, where they may be.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> nothing = pd.DataFrame({"estimand": []})
    >>> print(differences_reading(nothing, None, load_study("rice_simulated")))
    The study declares no contrast of groups that can be estimated here.
    """
    rows = contrasts[contrasts["estimand"] == "slope_difference"]
    if study.from_moments:
        return prose([])
    if rows.empty:
        return prose(["The study declares no contrast of groups that can be estimated here."])
    said = []
    for column, part in rows.groupby("group", sort=False):
        waits = waiting(gates, str(column), study)
        said += [waits] if waits else _differences(part, study)
    return prose(said)


def _differences(rows: pd.DataFrame, study: Any) -> list[str]:
    least = rows[["df", "df_satterthwaite"]].min(axis=1)
    far = rows[sides(rows) != 0]
    versus = rows["versus"].iloc[0].replace(" - ", " less ")
    said = [
        f"{capitalised(versus)}: of {len(rows)} differences of slopes, {len(far) or 'none'} "
        f"{'leaves' if len(far) == 1 else 'leave'} out zero (unadjusted)."
    ]
    scarce = int((least < LEAST_DF).sum())
    if scarce:
        said.append(f"{scarce} of them rest on under four degrees of freedom and tell nothing.")
    for _, row in far.loc[far["estimate"].abs().sort_values().index[::-1]].head(3).iterrows():
        term, outcome = (named(row[key], study) for key in ("term", "outcome"))
        ends = range_of(row["conf_low"], row["conf_high"])
        said.append(f"{capitalised(term)} on {outcome}: {number(row['estimate'])} ({ends}).")
    return said


def simple_slopes_reading(
    simple_slopes: pd.DataFrame | None, gates: pd.DataFrame | None, study: Any, model: str = ""
) -> Prose:
    """Say in how many levels slopes can be told, how far they spread, and how they were pooled.

    Parameters
    ----------
    simple_slopes : pandas.DataFrame or None
        As in results/simple_slopes.csv.
    gates : pandas.DataFrame or None
        As in results/gates.csv.
    study : Study
    model : str
        An equation; by default that of the first outcome without the mediator.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = {"group": "country", "level": ["DE", "US", "JP"], "model": "repurchase.total"}
    >>> table |= {"outcome": "repurchase", "term": "forced", "tau": 0.12, "average": -0.3}
    >>> table |= {"conf_low": -0.5, "conf_high": -0.1, "df": 90.0, "shrinkage": 0.4}
    >>> table = pd.DataFrame(table | {"pooled_low": -0.4, "pooled_high": -0.2})
    >>> gate = {"gate": ["invariance"], "about": "country", "passes": True, "warns": False}
    >>> study = load_study("rice_simulated")
    >>> print(simple_slopes_reading(table, pd.DataFrame(gate), study))
    Country, slopes on repurchase intention: forced commitment goes with lower repurchase
    intention in 3 of 3 levels. They spread most for forced commitment: SD 0.12, by one estimate,
    about an average of −0.30. Each level is drawn 40% of the way to the average, on average; that
    counts every spread the slopes allow, not one estimate of it.
    """
    if simple_slopes is None:
        return prose([])
    table = shown_slopes(simple_slopes, study, model)
    table = table.assign(side=told(table))
    said = []
    for column, part in table.groupby("group", sort=False):
        said.append(_told_levels(str(column), part, study))
        waits = waiting(gates, str(column), study)
        said.append(waits or _spread(part, study))
        if part["shrinkage"].notna().any():
            share = percent(part["shrinkage"].mean())
            said.append(
                f"Each level is drawn {share} of the way to the average, on average; that counts "
                "every spread the slopes allow, not one estimate of it."
            )
    return prose(said)


def _told_levels(column: str, part: pd.DataFrame, study: Any) -> str:
    outcome = named(part["outcome"].iloc[0], study)
    start = f"{study.label(column)}, slopes on {outcome}: "
    if (part["df"] < LEAST_DF).all():
        return f"{start}every level rests on under four degrees of freedom and tells nothing."
    levels = part["level"].nunique()
    found: dict[str, list[str]] = {}
    for term, rows in part.groupby("term", sort=False):
        ways = [
            f"{what} {outcome} in {int((rows['side'] == side).sum())} of {levels} levels"
            for side, what in ((1, "higher"), (-1, "lower"))
            if (rows["side"] == side).any()
        ]
        nowhere = f"with neither higher nor lower {outcome} anywhere"
        where = f"with {' and '.join(ways)}" if ways else nowhere
        found.setdefault(where, []).append(named(term, study))
    said = [
        f"{listing(names, 9)} {'goes' if len(names) == 1 else 'go'} {where}"
        for where, names in found.items()
    ]
    return f"{start}{'; '.join(said)}."


def _spread(part: pd.DataFrame, study: Any) -> str:
    if not part["tau"].notna().any():
        return ""
    most = part.loc[part["tau"].idxmax()]
    if most["tau"] < 0.005:
        return f"The slopes of levels lie {_SAMPLING}."
    return (
        f"They spread most for {named(most['term'], study)}: SD {number(most['tau'])}, by one "
        f"estimate, about an average of {number(most['average'])}."
    )


def groups_reading(results: Mapping[str, pd.DataFrame], study: Any) -> Prose:
    """Close with what can be said of each group column, and what cannot.

    Parameters
    ----------
    results : mapping of str to DataFrame
        moderation, simple_slopes, gates, invariance, where they are known.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(groups_reading({}, load_study("bank_customers")))
    No groups were compared.
    """
    moderation, gates = results.get("moderation"), results.get("gates")
    if moderation is None:
        return prose(["No groups were compared."])
    said = []
    for column, part in moderation.groupby("group", sort=False):
        waits = waiting(gates, str(column), study)
        said += [waits] if waits else [_conclusion(str(column), part, results, study)]
        steps = results.get("invariance", pd.DataFrame({"group": []}))
        if not waits and unequal_errors(study, steps, str(column)):
            said.append(
                "Loadings or error variances differ between its levels, so that slopes of scores "
                "could differ without those of the constructs doing so."
            )
    return prose(said)


def _conclusion(
    column: str, moderation: pd.DataFrame, results: Mapping[str, pd.DataFrame], study: Any
) -> str:
    """Say what test, declared contrast and spread over levels come to for one group column."""
    where = in_sentence(study.label(column))
    differ = moderation[(moderation["p_value"] < LEVEL) & (moderation["df2"] >= LEAST_DF)]
    contrasts = results.get("contrasts", pd.DataFrame({"group": []}))
    gaps = contrasts[contrasts["group"] == column]
    far = gaps[sides(gaps) != 0] if len(gaps) else gaps
    slopes = results.get("simple_slopes", pd.DataFrame({"group": [], "tau": []}))
    spread = slopes[(slopes["group"] == column) & slopes["tau"].notna()]
    said = []
    if len(differ):
        names = [named(name, study) for name in differ["outcome"]]
        said.append(f"taken together they differ in the equation of {listing(names, 9)}")
    if len(gaps):
        far = far.loc[far["estimate"].abs().sort_values().index[::-1]]
        names = [f"{named(row.term, study)} on {named(row.outcome, study)}"
                 for row in far.itertuples()]  # fmt: skip
        most = f" ({listing(names)})" if names else ""
        said.append(f"{len(far) or 'none'} of {len(gaps)} differences leave out zero{most}")
    if len(spread):
        most = spread.loc[spread["tau"].idxmax()]
        wide = f"the widest estimated spread over levels is an SD of {number(most['tau'])} "
        wide += f"({named(most['term'], study)} on {named(most['outcome'], study)})"
        wide += "" if len(differ) else ", which no test tells from none"
        said.append(wide if most["tau"] >= 0.005 else f"they lie {_SAMPLING}")
    rest = "; ".join(said) or "no difference between levels can be told"
    return f"Slopes by {where}: {rest}."
