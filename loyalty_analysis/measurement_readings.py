"""What the measurement of a study says, in short paragraphs of computed sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.captions import (
    WEAK_LOADING,
    named,
    structure_label,
    weak,
)
from loyalty_analysis.evidence import FITS, fewer_factors, fits
from loyalty_analysis.formatting import estimate, listing, number, percent
from loyalty_analysis.gates import PAIR
from loyalty_analysis.prose import Prose, prose

_COMPARABLE = {
    "": "not even the same structure holds, so neither slopes nor means can be compared",
    "configural": "only the structure is shared, so neither slopes nor means can be compared",
    "metric": "loadings can be held equal, so slopes can be compared, but means cannot",
    "scalar": "loadings and intercepts can be held equal, so slopes and means can be compared",
    "strict": "loadings, intercepts and error variances can be held equal, so slopes, means and "
    "scores can be compared",
}
_STOPPED = {
    "reliability": ("Measured too unreliably", "claims that name {it}"),
    "htmt": ("Not to be told apart", "claims that name one of a pair beside the other"),
    "invariance": ("Perhaps not asked the same", "claims about differences between {it}"),
    "admissible": ("Without an admissible factor solution", "claims that name {it}"),
}


def reliability_reading(reliability: pd.DataFrame, study: Any) -> Prose:
    """Say which scales are reliable enough, which are not, and which cannot be assessed.

    Examples
    --------
    >>> from loyalty_analysis.reliability import reliability
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(reliability_reading(reliability(survey), survey.study))
    Each of the 3 scales reaches 0.70 by alpha or omega; the lowest is competence (alpha 0.78,
    omega 0.78). Not assessable: satisfaction (one item; 0.8 is declared).
    """
    limit = study.gates.reliability
    table = reliability.assign(best=reliability[["alpha", "omega"]].astype(float).max(axis=1))
    known = table.dropna(subset="best").sort_values("best", kind="stable")
    low = known[known["best"] < limit]
    shown = [
        f"{named(row.construct, study)} (alpha {number(row.alpha)}, omega {number(row.omega)})"
        for row in (low if len(low) else known.head(1)).itertuples()
    ]
    said = []
    if len(low):
        verb = "stays" if len(low) == 1 else "stay"
        said = [
            f"{len(low)} of {len(known)} scales {verb} below {number(limit)}: {listing(shown)}."
        ]
    elif len(known):
        many = f"Each of the {len(known)} scales reaches" if len(known) > 1 else "The scale reaches"
        said = [f"{many} {number(limit)} by alpha or omega; the lowest is {shown[0]}."]
    shared = known[known["ave"] < 0.5]
    if len(shared):
        names = listing((named(name, study) for name in shared["construct"]), 5)
        said.append(f"Less than half of the variance of the items is shared (AVE): {names}.")
    unknown = [
        f"{named(row.construct, study)} ({row.note.removeprefix('not assessable: ')})"
        for row in table[table["best"].isna()].itertuples()
    ]
    return prose([*said, f"Not assessable: {listing(unknown)}." if unknown else ""])


def loadings_reading(loadings: pd.DataFrame, fit: pd.DataFrame, study: Any) -> Prose:
    """Say how well the factor model of all constructs fits, and which items load weakly.

    Parameters
    ----------
    loadings, fit : pandas.DataFrame
        As in results/cfa_loadings.csv and results/cfa_fit.csv.
    study : Study

    Examples
    --------
    >>> from loyalty_analysis.cfa import cfa_fit, cfa_loadings, measurement_model
    >>> from loyalty_analysis.survey import read_survey
    >>> model = measurement_model(read_survey("mobile_customers"))
    >>> study = model.factors.survey.study
    >>> print(loadings_reading(cfa_loadings(model), cfa_fit(model), study))
    The factor model of all constructs does not fit closely (CFI 0.96, RMSEA 0.086, SRMR 0.059;
    asked: 0.95, 0.06, 0.08). Loadings run from 0.70 (Comp 1) to 0.90 (Cusl 2).
    """
    first = fit[fit["model"] == "measurement"]
    if first.empty or np.isnan(first["cfi"].astype(float).iloc[0]):
        why = str(first["problem"].iloc[0]) if len(first) else "no items are known"
        return prose([f"No factor model of the constructs could be fitted: {why.rstrip('.')}."])
    row = first.iloc[0]
    asked = ", ".join(f"{limit:.2f}" for limit in FITS.values())
    said = f"The factor model of all constructs {_fit_words(row)} ({_indices(row)}; asked: {asked})"
    several = loadings.groupby("construct")["item"].transform("size") > 1
    ordered = loadings[several].dropna(subset="standardized").sort_values("standardized")
    ends = [
        f"{number(row['standardized'])} ({study.label(row['item'])})"
        for _, row in ordered.iloc[[0, -1] if len(ordered) else []].iterrows()
    ]
    weakly = int(weak(ordered).sum())
    below = f"; below {number(WEAK_LOADING)}: {weakly} of {len(ordered)}" if weakly else ""
    return prose([f"{said}.", f"Loadings run from {' to '.join(ends)}{below}." if ends else ""])


def _fit_words(row: pd.Series) -> str:
    if not row["admissible"]:
        return f"has no admissible solution: {row['problem']}"
    return "fits closely" if fits(row) else "does not fit closely"


def _indices(row: pd.Series) -> str:
    return (
        f"CFI {number(row['cfi'])}, RMSEA {number(row['rmsea'], 3)}, SRMR {number(row['srmr'], 3)}"
    )


def distinct_reading(discriminant: pd.DataFrame, study: Any) -> Prose:
    """Say which constructs cannot be told apart from each other, and by which criterion.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> from loyalty_analysis.validity import discriminant
    >>> survey = read_survey("mobile_customers")
    >>> print(distinct_reading(discriminant(survey), survey.study))
    Whether these differ cannot be told, as the 95% interval of HTMT reaches 0.90: satisfaction with
    loyalty (0.85 [0.78, 0.91]).
    """
    limit = number(study.gates.htmt)
    known = discriminant.dropna(subset="htmt_high").sort_values("htmt_high", ascending=False)
    if known.empty:
        return prose(["No two constructs can be compared: results/discriminant.csv says why."])
    close = known[known["htmt_high"] >= study.gates.htmt]
    pairs = [
        f"{named(row.a, study)} with {named(row.b, study)} "
        f"({estimate(row.htmt, row.htmt_low, row.htmt_high)})"
        for row in close.itertuples()
    ]
    said = f"Every two constructs can be told apart: no 95% interval of HTMT reaches {limit}."
    if pairs:
        said = "Whether these differ cannot be told, as the 95% interval of HTMT reaches "
        said += f"{limit}: {listing(pairs, 4)}."
    criterion = known["fornell_larcker"].fillna("")
    judged, holds = int((criterion != "").sum()), int((criterion == "holds").sum())
    larcker = f"The criterion of Fornell and Larcker holds for {holds} of {_pairs(judged)}."
    rest = len(discriminant) - len(known)
    missing = f"{_pairs(rest)} cannot be assessed: results/discriminant.csv says why."
    return prose([said, larcker if judged else "", missing if rest else ""])


def _pairs(count: int) -> str:
    return f"{count} pair" if count == 1 else f"{count} pairs"


def structures_reading(fit: pd.DataFrame, study: Any) -> Prose:
    """Say which structure fits best by which criterion, and whether the declared one is ahead.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> from loyalty_analysis.structures import rival_structures
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> print(structures_reading(rival_structures(survey), survey.study))
    By AIC and BIC the structure as declared (2 factors) is best. It is ahead of every rival that
    merges constructs, but does not fit closely (CFI 0.94, RMSEA 0.133, SRMR 0.055).
    """
    table = fit[fit["model"] != "measurement"].dropna(subset="aic")
    if len(table) < 2 or table.index[0] != fit.index[fit["model"] != "measurement"][0]:
        return prose(["No rival structures can be compared here."])
    best = {"AIC": table["aic"].idxmin(), "BIC": table["bic"].idxmin()}
    if table.get("cv_log_likelihood", pd.Series(dtype=float)).notna().any():
        best["cross-validation"] = table["cv_log_likelihood"].idxmax()
    first = table.iloc[0]
    winners = dict.fromkeys(best.values())
    said = [
        f"{listing([by for by, place in best.items() if place == winner])} "
        f"{_structure(table, winner, study)}"
        for winner in winners
    ]
    behind = [
        structure_label(row.model, study)
        for row in fewer_factors(table).itertuples()
        if not (row.aic > first["aic"] and row.bic > first["bic"] and not _cv_behind(row))
    ]
    stands = (
        f"It is not ahead of {listing(behind)} by all of them"
        if behind
        else "It is ahead of every rival that merges constructs"
    )
    if table.index[0] not in winners:
        stands = stands.replace("It", "The declared structure", 1)
    link = "and" if fits(first) == (not behind) else "but"
    return prose(
        [f"By {', by '.join(said)} is best.", f"{stands}, {link} {_fit_words(first)} "
         f"({_indices(first)})."]
    )  # fmt: skip


def _structure(table: pd.DataFrame, place: Any, study: Any) -> str:
    label = structure_label(table.loc[place, "model"], study)
    return f"the structure as declared ({label})" if place == table.index[0] else label


def _cv_behind(row: Any) -> bool:
    """Whether respondents left out are more likely under a rival than as declared."""
    return bool(getattr(row, "cv_difference", np.nan) <= 0)


def invariance_reading(invariance: pd.DataFrame, study: Any) -> Prose:
    """Say for every group column how far its groups can be compared.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> steps = ["configural", "metric", "scalar", "strict"]
    >>> rows = {"group": "sector", "step": steps, "holds": [True, True, False, False]}
    >>> table = pd.DataFrame(rows | {"levels": "goods, services", "freed": "", "enough": None})
    >>> print(invariance_reading(table, load_study("rice_simulated")))
    Sector (2 groups): loadings can be held equal, so slopes can be compared, but means cannot.
    """
    if study.from_moments:
        return prose(["Whether items mean the same in every group needs respondents."])
    if invariance.empty:
        return prose(["The study declares no groups to compare."])
    return prose(
        _column_sentence(str(name), part, study)
        for name, part in invariance.groupby("group", sort=False)
    )


def _column_sentence(name: str, part: pd.DataFrame, study: Any) -> str:
    label = study.label(name)
    if not part["step"].iloc[0]:
        return f"{label}: not assessed ({part['note'].iloc[0].rstrip('.')})."
    groups = f"{label} ({len(part['levels'].iloc[0].split(', '))} groups)"
    holding = part[part["holds"].astype(bool)]["step"]
    reached = holding.iloc[-1] if len(holding) else ""
    freed = part.loc[part["step"] == "metric", ["freed", "enough"]].iloc[0]
    if reached != "configural" or not freed["freed"]:
        return f"{groups}: {_COMPARABLE[reached]}."
    items = listing((study.label(item) for item in freed["freed"].split(", ")), 6)
    if freed["enough"] == 1:
        rest = "every construct keeps two others or more, so slopes can be compared with care"
    else:
        rest = "too few others are left, so neither slopes nor means can be compared"
    return f"{groups}: loadings differ for {items}; {rest}."


def quality_reading(quality: pd.DataFrame | None) -> Prose:
    """Say how many answered carelessly by each rule, and how extreme the answers are.

    A study known by its moments has no such table.

    Examples
    --------
    >>> from loyalty_analysis.quality import quality
    >>> from loyalty_analysis.survey import read_survey
    >>> print(quality_reading(quality(read_survey("rice_simulated"))).sentences[0])
    0 of 7,678 respondents (0.0%) gave one answer to all items of a scale.
    """
    if quality is None or quality.empty:
        return prose(["How carefully it was answered can be told from respondents only."])
    rules = quality[quality["check"].isin(["straight_lining", "too_fast", "seconds"])]
    everyone = quality[quality["group"] == ""].set_index("check")["value"]
    style = (
        f"On average {percent(everyone['extreme'])} of the answers are at an end of their scale "
        f"and {percent(everyone['midpoint'])} at its midpoint."
        if {"extreme", "midpoint"} <= {*everyone.index}
        else ""
    )
    return prose([*rules["note"], style])


def gates_reading(gates: pd.DataFrame, study: Any) -> Prose:
    """Say which gates stop which claims, and which are warnings only.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = {"gate": "htmt", "about": "value and quality", "passes": False, "warns": False}
    >>> print(gates_reading(pd.DataFrame([row]), load_study("bank_customers")))
    Not to be told apart: perceived value with perceived quality; claims that name one of a pair
    beside the other are not judged.
    """
    failed = gates[~gates["passes"].astype(bool)]
    if failed.empty:
        return prose(["No claim is stopped by its measurement: every gate is passed."])
    said = []
    for warns, fate in ((False, "are not judged"), (True, "are judged all the same")):
        part = failed[failed["warns"].astype(bool) == warns]
        for gate, rows in part.groupby("gate", sort=False):
            names = [gate_subject(row, study) for row in rows.itertuples()]
            what, claims = _STOPPED[str(gate)]
            it = "them" if len(names) > 1 or gate == "invariance" else "it"
            asked = ", as the study asks" if warns else ""
            said.append(f"{what}: {listing(names, 4)}; {claims.format(it=it)} {fate}{asked}.")
    return prose(said)


def gate_subject(row: Any, study: Any) -> str:
    """Name what a gate is about: a construct, two of them, or the groups of a column.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> row = pd.Series({"gate": "invariance", "about": "sector"})
    >>> gate_subject(row, load_study("rice_simulated"))
    'groups of sector'
    """
    names = [named(name, study) for name in row.about.split(PAIR)]
    if row.gate == "invariance":
        return f"groups of {names[0]}"
    return " with ".join(names) if row.about else "all constructs"
