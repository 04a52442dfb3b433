"""Gates: what the measurement of constructs must be like before a claim about them is judged.

A gate stops only the claims that name an offending construct; two constructs that cannot be told
apart stop the claims whose equation holds both. A study can turn a gate into a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from loyalty_analysis.cfa import Measured
from loyalty_analysis.invariance import decisive
from loyalty_analysis.sem_ladder import FEW, MANY, MANY_GROUPS
from loyalty_analysis.study import Study

COLUMNS = ("gate", "about", "value", "limit", "passes", "warns", "note")
CODES = {
    "reliability": "low_reliability",
    "htmt": "not_distinct",
    "invariance": "not_invariant",
    "admissible": "inadmissible",
}
"""Reason code of each gate."""
PAIR = " and "


def gates(study: Study, results: Mapping[str, pd.DataFrame], measured: Measured) -> pd.DataFrame:
    """Hold the measurement of a study against its gates.

    Parameters
    ----------
    study : Study
        ``study.gates`` has the limits, and which gates only warn.
    results : mapping of str to DataFrame
        reliability, discriminant, invariance.
    measured : Measured

    Returns
    -------
    DataFrame
        gate (reliability, htmt, invariance, admissible), about (a construct, two of them, or a
        group column), value, limit, passes, warns (the study turned the gate into a warning), note
        (a sentence). What cannot be assessed passes, and the note says so; but invariance that
        cannot be assessed does not.

    Examples
    --------
    >>> from loyalty_analysis.cfa import measurement_model
    >>> from loyalty_analysis.reliability import reliability
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers", ["gates.reliability=0.8"])
    >>> found = gates(survey.study, {"reliability": reliability(survey)}, measurement_model(survey))
    >>> found.loc[~found["passes"], ["gate", "about"]].values.tolist()
    [['reliability', 'competence']]
    """
    rows = [
        *_reliability(study, results.get("reliability", pd.DataFrame())),
        *_htmt(study, results.get("discriminant", pd.DataFrame())),
        *_invariance(study, results.get("invariance", pd.DataFrame())),
        *_admissible(measured),
    ]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "warns"])
    table["warns"] = table["gate"].isin(study.gates.warn)
    return table[list(COLUMNS)]


Found = tuple[str, str, float, float, bool, str]


def _reliability(study: Study, table: pd.DataFrame) -> list[Found]:
    rows = []
    limit = study.gates.reliability
    for row in table.itertuples():
        declared = getattr(row, "declared", np.nan)
        value = float(np.nanmax([row.alpha, row.omega])) if row.alpha == row.alpha else declared
        label = study.label(row.construct)
        note = f"{label}: {row.note}." if np.isnan(row.alpha) else (
            f"{label}: alpha {row.alpha:.2f}, omega "
            f"{'not assessable' if np.isnan(row.omega) else f'{row.omega:.2f}'}; "
            f"at least one must reach {limit:g}."
        )  # fmt: skip
        rows.append(("reliability", row.construct, value, limit, not value < limit, note))
    return rows


def _htmt(study: Study, table: pd.DataFrame) -> list[Found]:
    limit, rows = study.gates.htmt, []
    for row in table.itertuples():
        # Without an interval the ratio itself can still be too high.
        value = row.htmt if np.isnan(row.htmt_high) else row.htmt_high
        labels = f"{study.label(row.a)} and {study.label(row.b)}"
        note = f"{labels}: {row.note or 'not assessable'}."
        if not np.isnan(value):
            up = "without an interval" if np.isnan(row.htmt_high) else (
                f"95% interval up to {value:.2f}")  # fmt: skip
            note = (
                f"{labels}: heterotrait-monotrait ratio {row.htmt:.2f}, {up}; it must stay below "
                f"{limit:g}."
            )
        rows.append(("htmt", f"{row.a}{PAIR}{row.b}", value, limit, not value >= limit, note))
    return rows


def _invariance(study: Study, table: pd.DataFrame) -> list[Found]:
    rows = []
    for column in study.design.groups if len(table) else ():
        part = table[table["group"] == decisive(study, table, column)]
        if len(part):
            rows.append(_metric(study, column, part))
    return rows


def _metric(study: Study, column: str, part: pd.DataFrame) -> Found:
    steps, why = part.set_index("step"), part["note"].iloc[0]
    contrast = study.contrasts.get(column)
    compared = f", {part['levels'].iloc[0]}, "
    absent = [s for s in contrast.sides if f", {s}, " not in compared] if contrast else []
    if "metric" not in steps.index or absent:
        why = why or f"too few respondents in {' and '.join(absent)}"
        note = f"{column}: metric invariance cannot be assessed ({why})."
        return "invariance", column, np.nan, FEW[0], False, note
    metric = steps.loc["metric"]
    some = metric["enough"] == 1
    if metric["holds"]:
        said = "holds"
    elif not steps.loc["configural", "admissible"]:
        said = "cannot hold: the groups by themselves have no admissible solution"
    elif not metric["freed"]:
        said = "does not hold, whichever loadings may differ"
    else:
        said = f"does not hold; loadings that differ: {metric['freed']}"
        said += ", two invariant items are left for each construct" if some else ""
    limit = (MANY if part["levels"].iloc[0].count(", ") + 1 >= MANY_GROUPS else FEW)[0]
    passes = bool(metric["holds"] or some)
    return (
        "invariance", column, -metric["delta_cfi"], limit, passes,
        f"{column}: metric invariance {said}.",
    )  # fmt: skip


def _admissible(measured: Measured) -> list[Found]:
    offending = measured.offending()
    if not offending:
        said = measured.problem or "admissible"
        return [("admissible", "", np.nan, np.nan, True, f"Measurement model: {said}.")]
    return [
        ("admissible", name, np.nan, np.nan, False, f"{measured.factors.survey.study.label(name)}: "
         f"{why}.")
        for name, why in offending.items()
    ]  # fmt: skip


def blocked(
    table: pd.DataFrame,
    named: Sequence[str],
    together: Sequence[str] = (),
    column: str = "",
    skip: Sequence[str] = (),
    warns: bool = False,
) -> str:
    """Reason codes of the gates that stop a claim; empty where none does.

    Parameters
    ----------
    table : DataFrame
        Of :func:`gates`.
    named : sequence of str
        Constructs that the claim names.
    together : sequence of str
        Constructs of its equation.
    column : str
        Group column of a slope difference.
    skip : sequence of str
        Gates that the claim itself is about.
    warns : bool
        Ask for the gates that would stop it, had the study not turned them into warnings.

    Examples
    --------
    >>> row = ("htmt", "value and quality", 0.95, 0.9, False, False, "")
    >>> table = pd.DataFrame([row], columns=list(COLUMNS))
    >>> blocked(table, ["value"], ["value", "quality", "loyalty"])
    'not_distinct: value and quality'
    >>> blocked(table, ["loyalty"], ["value", "quality", "loyalty"])
    ''
    """
    found: dict[str, list[str]] = {}
    columns = (table[name].to_numpy() for name in ("gate", "about", "passes", "warns"))
    rows = zip(*columns, strict=True)
    stops = [(gate, about) for gate, about, passes, w in rows if not passes and bool(w) == warns]
    inside = {*together, *named} if stops else set()
    # names may hold the word that joins them
    pairs = {f"{x}{PAIR}{y}" for a in named for b in inside for x, y in ((a, b), (b, a))}
    for gate, about in stops:
        hit = about in (pairs if gate == "htmt" else named)
        if gate == "invariance":
            hit = about == column
        if hit and gate not in skip:
            found.setdefault(CODES[gate], []).append(about)
    return "; ".join(f"{code}: {', '.join(names)}" for code, names in found.items())
