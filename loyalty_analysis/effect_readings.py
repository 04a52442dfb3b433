"""What mediation comes to, in short paragraphs of computed sentences."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.captions import named
from loyalty_analysis.effect_captions import (
    TWIN,
    effects,
    indirect_finding,
    on,
    sides,
    vanishing,
    vanishing_finding,
)
from loyalty_analysis.formatting import capitalised, estimate, listing, number, percent
from loyalty_analysis.group_captions import waiting
from loyalty_analysis.prose import Prose, few_resampled, paragraphs, prose
from loyalty_analysis.sentences import range_of

_ENDS = ["estimate", "conf_low", "conf_high"]
_WIDE = 2.0  # a corrected interval this wide, in SDs, says nothing
_LARGER = "An exchanged order gives an indirect effect at least as large as the declared one for"
_CANNOT = "A cross-section cannot tell which order is right."
_NO_MEDIATOR = "The study declares no mediator: nothing to show here."


def mediation_reading(mediation: pd.DataFrame | None, study: Any) -> Prose:
    """Read direct, indirect and total effects, and how sure their intervals are.

    Parameters
    ----------
    mediation : pandas.DataFrame or None
        As in results/mediation.csv; None for a study without a mediator.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.mediation import mediation
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(mediation_reading(mediation(survey), survey.study).sentences[0])
    Loyalty: the largest indirect effect through satisfaction is that of likeability, 0.23 [0.17,
    0.30] SDs per SD, beside 0.33 [0.23, 0.43] directly, 0.56 [0.46, 0.66] in all. ...
    """
    if mediation is None:
        return prose([_NO_MEDIATOR])
    rows = effects(mediation)
    outcomes = rows["outcome"].unique()
    return paragraphs(
        *([_outcome_sentences(str(name), mediation, study)] for name in outcomes),
        [_opposed(mediation, study), _shares(rows, study)],
        [_boot(rows, study), few_resampled(rows), _corrected(rows, study)],
    )


def _outcome_sentences(outcome: str, mediation: pd.DataFrame, study: Any) -> str:
    """Read the largest indirect effect on one outcome with its parts, and name the others."""
    rows = effects(mediation).loc[outcome]
    rows = rows.loc[rows["estimate"].abs().sort_values(ascending=False, kind="stable").index]
    label, told = capitalised(named(outcome, study)), rows[rows["side"] != 0]
    through = f"through {named(rows['mediator'].iloc[0], study)}"
    if told.empty:
        return f"{label}: no indirect effect {through} can be told from zero."
    first = told.iloc[0]
    direct, total = (
        estimate(*effects(mediation, name).loc[(outcome, first.name), _ENDS])
        for name in ("direct", "total")
    )
    said = (
        f"{label}: the largest indirect effect {through} is that of {named(str(first.name), study)}"
        f", {estimate(*first[_ENDS])} SDs per SD, beside {direct} directly, {total} in all."
    )
    also, untold = (
        listing((named(str(name), study) for name in names), 9)
        for names in (told.index[1:], rows.index[rows["side"] == 0])
    )
    if not untold:
        also = f"all {len(rows) - 1} others" if len(rows) > 2 else also
    said += f" Told from zero too: {also}." if also else ""
    return f"{said} Not told: {untold}." if untold else said


def _range(row: pd.Series) -> str:
    return range_of(row["conf_low"], row["conf_high"])


def _opposed(mediation: pd.DataFrame, study: Any) -> str:
    """Name the drivers whose direct and indirect effects point opposite ways."""
    direct, indirect = effects(mediation, "direct"), effects(mediation)
    found = indirect[(direct["side"] * indirect["side"]).reindex(indirect.index) < 0]
    pairs = [
        f"{on(row, study)} ({number(direct.loc[key, 'estimate'])} and {number(row['estimate'])})"
        for key, row in found.iterrows()
    ]
    if not pairs:
        return ""
    hidden = "Direct and indirect effect point opposite ways, so the total hides both"
    return f"{hidden}: {listing(pairs, 4)}."


def _shares(rows: pd.DataFrame, study: Any) -> str:
    """Say what share of a total effect is mediated, where that has meaning."""
    inside = (rows["share_low"] >= 0) & (rows["share_high"] <= 1) & (rows["side"] != 0)
    known = rows[inside & rows["share_mediated"].notna()].sort_values(
        "share_mediated", ascending=False
    )
    if known.empty:
        return "For no driver can a share mediated be told."
    ends = [
        f"{on(row, study)} ({percent(row['share_mediated'])}, 95% interval "
        f"{percent(row['share_low'])} to {percent(row['share_high'])})"
        for _, row in known.iloc[[0, -1] if len(known) > 1 else [0]].iterrows()
    ]
    least = f", smallest for {ends[1]}" if len(ends) > 1 else ""
    many = f"A share mediated between 0 and 100% can be told for {len(known)} of {len(rows)}"
    return f"{many}: largest for {ends[0]}{least}."


def _boot(rows: pd.DataFrame, study: Any) -> str:
    """Compare bootstrap intervals of the indirect effects with those of the table."""
    known = rows.dropna(subset=["boot_low", "boot_high"])
    if known.empty:
        return "Bootstrap intervals need respondents." if study.from_moments else ""
    apart = (
        known[["boot_low", "boot_high"]].to_numpy() - known[["conf_low", "conf_high"]].to_numpy()
    )
    most = number(np.abs(apart).max(), 3)
    said = f"The ends of bootstrap intervals of indirect effects lie at most {most} from these"
    changed = known[sides(known, ("boot_low", "boot_high")) != known["side"]]
    if changed.empty:
        return f"{said}; both tell the same from zero."
    names = listing((on(row, study) for _, row in changed.iterrows()), 4)
    return f"{said}; they disagree about zero for {names}."


def _corrected(rows: pd.DataFrame, study: Any) -> str:
    """Say how many indirect effects stay told from zero when corrected for measurement error."""
    known = rows.dropna(subset="latent")
    if known.empty:
        return "No indirect effect could be corrected for measurement error."
    twin, told = sides(known, TWIN), known["side"] != 0
    stay = int((told & (twin == known["side"])).sum())
    said = f"Corrected for measurement error, {stay} of {told.sum()} told keep their side of zero"
    if not told.any():
        said = f"Corrected for measurement error, {int((twin != 0).sum())} can be told from zero"
    narrow = known[known["latent_high"] - known["latent_low"] < _WIDE]
    if narrow.empty:
        return f"{said}: the constructs overlap too much for the correction to say more."
    far = narrow.loc[(narrow["latent"] - narrow["estimate"]).abs().idxmax()]
    value = estimate(far["latent"], *far[list(TWIN)])
    return f"{said}; furthest moved: {on(far, study)} ({value} against {number(far['estimate'])})."


def orders_reading(mediation_orders: pd.DataFrame | None, study: Any) -> Prose:
    """Put the indirect effects of exchanged causal orders beside the declared one.

    Parameters
    ----------
    mediation_orders : pandas.DataFrame or None
        As in results/mediation_orders.csv; None for a study without a mediator.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.mediation import mediation_orders
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(orders_reading(mediation_orders(survey), survey.study))
    As declared, 2 of 2 indirect effects can be told from zero; with driver and mediator exchanged
    1, with mediator and outcome exchanged 1. ...
    """
    if mediation_orders is None:
        return prose([_NO_MEDIATOR])
    table = mediation_orders.assign(
        side=sides(mediation_orders), size=mediation_orders["estimate"].abs()
    )
    told = (table["side"] != 0).groupby(table["order"], sort=False).sum()
    declared, *others = told.index
    wide = table.pivot(index=["outcome", "driver"], columns="order", values="size")
    clear = wide[
        table.pivot(index=["outcome", "driver"], columns="order", values="side")[declared] != 0
    ]
    larger = int((clear[others].max(axis=1) >= clear[declared]).sum())
    key = wide[declared].idxmax()
    same = table[(table["outcome"] == key[0]) & (table["driver"] == key[1])]
    paths = [
        f"{' → '.join(named(name, study) for name in row['path'].split(' -> '))} "
        f"{estimate(*row[_ENDS])}"
        for _, row in same.iterrows()
    ]
    exchanged = ", ".join(f"with {order} {told[order]}" for order in others)
    return prose(
        [
            f"As {declared}, {told[declared]} of {len(wide)} indirect effects can be told from "
            f"zero; {exchanged}.",
            f"{_LARGER} {larger} of the {len(clear)} that can be told." if len(clear) else "",
            f"Side by side: {'; '.join(paths)}.",
            _CANNOT,
        ]
    )


def sensitivity_reading(sensitivity: pd.DataFrame | None, study: Any) -> Prose:
    """Say how much would have to be left out for the indirect effects to vanish.

    Parameters
    ----------
    sensitivity : pandas.DataFrame or None
        As in results/sensitivity.csv; None for a study without a mediator.
    study : Study

    Notes
    -----
    Imai, Keele & Yamamoto (2010), Statistical Science 25, 51-71, section 5: the square of the
    correlation is the product of the shares of both unexplained variances that a common cause
    accounts for.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"outcome": ["loyalty"], "mediator": "satisfaction", "rho_zero": 0.3}
    >>> table = pd.DataFrame(row | {"rho_zero_low": 0.2, "rho_zero_high": 0.4, "r2_product": 0.09})
    >>> print(sensitivity_reading(table, load_study("bank_customers")))
    The indirect effects on loyalty would vanish if something left out made the errors of
    satisfaction and loyalty correlate 0.30 (95% interval 0.20 to 0.40): something that moves both
    the same way and accounts for, say, 30% of what is unexplained in each. Whether anything of
    that size was left out, these data cannot tell.
    """
    if sensitivity is None:
        return prose([_NO_MEDIATOR])
    said = [_vanishing_sentence(row, study) for _, row in vanishing(sensitivity).iterrows()]
    end = "Whether anything of that size was left out, these data cannot tell."
    return paragraphs(*([one] for one in said), [end])


def _vanishing_sentence(row: pd.Series, study: Any) -> str:
    outcome, mediator = named(row["outcome"], study), named(row["mediator"], study)
    rho, low, high = row[["rho_zero", "rho_zero_low", "rho_zero_high"]]
    if np.isnan(rho):
        return (
            f"No correlation of errors that was tried takes the indirect effects on {outcome} away."
        )
    where = f"{number(rho)} ({range_of(low, high)})"
    if low <= 0 <= high:
        return (
            f"Nothing need be left out for the indirect effects on {outcome} to vanish: they do at "
            f"an error correlation of {where}, and that interval includes zero."
        )
    way = "both the same way" if rho > 0 else "them opposite ways"
    return (
        f"The indirect effects on {outcome} would vanish if something left out made the errors of "
        f"{mediator} and {outcome} correlate {where}: something that moves {way} and accounts for, "
        f"say, {percent(np.sqrt(row['r2_product']))} of what is unexplained in each."
    )


def mediation_groups_reading(
    mediation_groups: pd.DataFrame | None, study: Any, gates: pd.DataFrame | None = None
) -> Prose:
    """Say which indirect effects differ between groups.

    Parameters
    ----------
    mediation_groups : pandas.DataFrame or None
        As in results/mediation_groups.csv; None where there are no groups to compare.
    study : Study
    gates : pandas.DataFrame, optional
        As in results/gates.csv: differences wait for metric invariance.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"group": "sector", "level": ["a", "b", "a - b"], "driver": "affective"}
    >>> row |= {"outcome": "repurchase", "estimate": [0.3, 0.1, 0.2]}
    >>> row |= {"conf_low": [0.2, 0.0, 0.1], "conf_high": [0.4, 0.2, 0.3]}
    >>> print(mediation_groups_reading(pd.DataFrame(row), load_study("rice_simulated")))
    Sector, a − b: 1 of 1 difference of indirect effects leaves out zero (unadjusted): affective
    commitment on repurchase intention 0.200 (95% interval 0.100 to 0.300).
    """
    if mediation_groups is None:
        reason = "The study declares no groups that are large enough to compare."
        if study.from_moments:
            reason = "Indirect effects by group need respondents."
        return prose([reason if study.model.mediator else _NO_MEDIATOR])
    said = []
    for name, part in mediation_groups.groupby("group", sort=False):
        waits = "" if gates is None else waiting(gates, str(name), study)
        said.append(waits or _group_sentence(str(name), part, study))
    return prose(said)


def _group_sentence(column: str, part: pd.DataFrame, study: Any) -> str:
    """Read the contrast of a group column; without one, where its levels are furthest apart."""
    levels = [str(level) for level in dict.fromkeys(part["level"])]
    pairs = {f"{a} - {b}" for a, b in permutations(levels, 2)}
    contrast = part[part["level"].isin(pairs)]
    label = study.label(column)
    if contrast.empty:
        return _furthest(label, part, len(levels), study)
    told = contrast[sides(contrast) != 0]
    told = told.loc[told["estimate"].abs().sort_values(ascending=False, kind="stable").index]
    named_pair = str(contrast["level"].iloc[0]).replace(" - ", " − ")
    many = f"{len(contrast)} difference{'s' * (len(contrast) > 1)} of indirect effects"
    verb = "leaves" if len(told) == 1 else "leave"
    said = f"{label}, {named_pair}: {len(told) or 'none'} of {many} {verb} out zero (unadjusted)"
    shown = [
        f"{on(row, study)} {number(row['estimate'], 3)} (95% interval "
        f"{number(row['conf_low'], 3)} to {number(row['conf_high'], 3)})"
        for _, row in told.head(3).iterrows()
    ]
    return f"{said}: {listing(shown)}." if shown else f"{said}."


def _furthest(label: str, part: pd.DataFrame, levels: int, study: Any) -> str:
    """Name the two levels furthest apart by their errors: small levels are far off by chance."""
    found = []
    for _, rows in part.groupby(["outcome", "driver"], sort=False):
        low, high = rows.loc[rows["estimate"].idxmin()], rows.loc[rows["estimate"].idxmax()]
        error = np.hypot(low["std_error"], high["std_error"])
        found.append(((high["estimate"] - low["estimate"]) / error, low, high))
    _, low, high = max(found, key=lambda one: one[0])
    ends = [f"{estimate(*row[_ENDS])} ({row['level']})" for row in (low, high)]
    return (
        f"{label} ({levels} levels): furthest apart by their errors are the indirect effects of "
        f"{on(low, study)}, {' to '.join(ends)}; chosen out of {len(found)}, so not a test."
    )


def mediation_conclusion(results: Mapping[str, pd.DataFrame], study: Any) -> Prose:
    """Close on mediation: what can be told, what would take it away, and what the order rests on.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(mediation_conclusion({}, load_study("bank_customers")))
    The study declares no mediator: nothing to show here.
    """
    if "mediation" not in results:
        return prose([_NO_MEDIATOR])
    said = [f"{indirect_finding(results['mediation'], study)}."]
    if "sensitivity" in results:
        said.append(f"{vanishing_finding(results['sensitivity'], study)}.")
    if "mediation_orders" in results:
        orders = orders_reading(results["mediation_orders"], study).sentences
        said += [orders[1], orders[-1]]
    return prose(said)
