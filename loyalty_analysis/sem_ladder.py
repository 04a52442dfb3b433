"""Measurement invariance: whether the same answers mean the same in every group.

Four models, each with more held equal: configural (the same items), metric (loadings), scalar
(intercepts), strict (residual variances).

References
----------
Meredith (1993), Psychometrika 58, 525-543; Cheung & Rensvold (2002), Structural Equation Modeling
9, 233-255 (change of CFI); Chen (2007), same journal 14, 464-504 (RMSEA, SRMR); Rutkowski &
Svetina (2014), Educational and Psychological Measurement 74, 31-57 (many groups); Byrne, Shavelson
& Muthén (1989), Psychological Bulletin 105, 456-466 (partial invariance).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Moments
from loyalty_analysis.sem_data import sem_data
from loyalty_analysis.sem_fit import Fit, fit_model
from loyalty_analysis.sem_indices import difference_test, fit_indices
from loyalty_analysis.sem_likelihood import Likelihood
from loyalty_analysis.sem_model import Key, LatentModel, ModelError, parameter_table, parse
from loyalty_analysis.sem_results import problems

EQUAL = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}
"""What each step holds equal."""
STEPS = tuple(EQUAL)
FEW, MANY = (0.010, 0.015), (0.020, 0.030)
"""Largest loss of CFI and rise of RMSEA; MANY: the metric step with ten or more groups."""
MANY_GROUPS = 10
SMALLEST = 50
"""Respondents a group needs to be compared."""


@dataclass(frozen=True)
class Partial:
    """Which items are invariant when a step as a whole is not.

    Attributes
    ----------
    freed : tuple of Key
        Relations that had to differ, in the order they were freed.
    holds : bool
        Whether the step holds with these freed.
    enough : bool
        Whether every construct keeps at least two invariant items.
    """

    freed: tuple[Key, ...]
    holds: bool
    enough: bool


def step_fits(
    model: LatentModel | str, data: Mapping[str, Moments] | Sample, **options: Any
) -> dict[str, Fit]:
    """Fit the four models.

    Parameters
    ----------
    model : LatentModel or str
    data : mapping of str to Moments, or Sample
        At least two groups.
    **options
        Keywords of `fit_model`: ``robust``, ``missing``, ``partial``.

    Returns
    -------
    dict of str to Fit
        Without the scalar or strict step where it has no solution, and what follows it.

    Raises
    ------
    DataError
        If there are no groups to compare, or one is too small.
    """
    model = parse(model) if isinstance(model, str) else model
    known = sem_data(data, model.observed, missing=options.get("missing", "listwise"))
    if len(known.groups) < 2:
        raise DataError("invariance compares groups; there is only one.")
    if small := [f"{g.name} ({g.n:.0f})" for g in known.groups if g.n < SMALLEST]:
        raise DataError(
            f"invariance needs {SMALLEST} respondents in every group, fewer are in "
            f"{', '.join(small)}; merge or leave out small groups."
        )
    fits: dict[str, Fit] = {}
    for step in STEPS:
        try:
            fits[step] = fit_model(model, known, equal=EQUAL[step], **options)
        except ModelError:
            if step in ("configural", "metric"):
                raise
            break
    return fits


def ladder(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Compare each step with the one before.

    Parameters
    ----------
    fits : mapping of str to Fit
        From `step_fits`.

    Returns
    -------
    DataFrame
        ``step, chi2, df, cfi, rmsea, srmr, delta_cfi, delta_rmsea, delta_srmr, chi2_difference,
        df_difference, p_value, admissible, holds``. A step holds when CFI falls and RMSEA rises by
        no more than the published limits, and the step before holds; configural needs an
        admissible solution. Robust fits use the robust indices. The test is shown, and decides
        nothing: with thousands of respondents it rejects trifles.
    """
    rows: list[dict[str, Any]] = []
    before: Fit | None = None
    for step, fit in fits.items():
        row: dict[str, Any] = {"step": step, "chi2": fit.chi2, "df": fit.df} | _indices(fit)
        row["admissible"] = not problems(fit)
        row["holds"] = row["admissible"]
        if before is not None:
            last = rows[-1]
            row |= {f"delta_{name}": row[name] - last[name] for name in ("cfi", "rmsea", "srmr")}
            test = difference_test(before, fit)
            row |= {"chi2_difference": test["chi2"], "df_difference": test["df"]}
            row["p_value"] = test["p_value"]
            row["holds"] = last["holds"] and _within(step, len(fit.data.groups), last, row)
        rows.append(row)
        before = fit
    order = ["step", "chi2", "df", "cfi", "rmsea", "srmr", "delta_cfi", "delta_rmsea", "delta_srmr",
             "chi2_difference", "df_difference", "p_value", "admissible", "holds"]  # fmt: skip
    return pd.DataFrame(rows, columns=order)


def _indices(fit: Fit) -> dict[str, float]:
    found = fit_indices(fit)
    kind = "_robust" if "cfi_robust" in found else "_scaled" if fit.robust else ""
    return {"cfi": found[f"cfi{kind}"], "rmsea": found[f"rmsea{kind}"], "srmr": found["srmr"]}


def _within(
    step: str, groups: int, before: Mapping[str, float], after: Mapping[str, float]
) -> bool:
    cfi, rmsea = MANY if step == "metric" and groups >= MANY_GROUPS else FEW
    return bool(before["cfi"] - after["cfi"] <= cfi and after["rmsea"] - before["rmsea"] <= rmsea)


def partial_metric(fits: Mapping[str, Fit]) -> Partial:
    """Name the loadings that have to differ for the rest of the metric step to hold.

    The loading whose equality costs most (by the score test) is freed, one after the other, until
    the change of CFI and RMSEA is within limits. Factors have a variance of 1 in the first group
    here, so that the first item of a construct is tested like any other.

    Parameters
    ----------
    fits : mapping of str to Fit
        From `step_fits`.

    Returns
    -------
    Partial
        Nothing is freed in ``fits``; a report must name what is.
    """
    loose = fits["configural"]
    kept = {f: set(items) for f, items in loose.model.indicators.items() if len(items) > 1}
    options = {"missing": loose.settings["missing"], "robust": loose.robust,
               "standardized_factors": True, "equal": EQUAL["metric"]}  # fmt: skip
    base = _indices(loose)
    freed: list[Key] = []
    while True:
        fit = fit_model(loose.model, loose.data, partial=freed, **options)  # type: ignore[arg-type]
        if _within("metric", len(loose.data.groups), base, _indices(fit)):
            return Partial(tuple(freed), True, all(len(items) > 1 for items in kept.values()))
        candidates = [(f, "=~", item) for f, items in kept.items() if len(items) > 2
                      for item in sorted(items)]  # fmt: skip
        if not candidates:
            return Partial(tuple(freed), False, False)
        worst = max(candidates, key=lambda key: _score_test(fit, [*freed, key]))
        kept[worst[0]].discard(worst[2])
        freed.append(worst)


def _score_test(fit: Fit, partial: list[Key]) -> float:
    """How much chi-square would about fall if relations were freed (Lagrange multiplier).

    References
    ----------
    Sörbom (1989), Psychometrika 54, 371-384.
    """
    options = {name: fit.settings[name]
               for name in ("equal", "standardized_factors", "fixed_covariates")}  # fmt: skip
    groups = len(fit.data.groups)
    rows = parameter_table(fit.model, groups, means=fit.means, partial=partial, **options)  # type: ignore[arg-type]
    likelihood = Likelihood(rows, fit.data, fit.model.observed, fit.model.latent)
    theta = np.zeros(likelihood.free)
    for freed, row in zip(rows, fit.rows, strict=True):
        if row.free >= 0:
            theta[freed.free] = fit.theta[row.free]
    steepness, information = likelihood.slopes(theta)
    return fit.data.size * float(steepness @ np.linalg.solve(information, steepness))
