"""The simulated respondents of tests/golden/sem and what lavaan says about them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from reference_numbers import ERROR, FIT, INDICES, ROBUST, Number, Numbers

from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Moments
from loyalty_analysis.sem_fit import Fit, fit_model
from loyalty_analysis.sem_indices import difference_test, fit_indices
from loyalty_analysis.sem_model import parse
from loyalty_analysis.sem_results import estimates

FOLDER = Path(__file__).parent / "golden" / "sem"
MEASURED = "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nC =~ c1 + c2 + c3"
PATHS = MEASURED + "\nB ~ p*A\nC ~ q*B + r*A\nind := p*q\ntotal := r + p*q"
SINGLE = (
    "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nS =~ c1\nc1 ~~ 0.5*c1\nB ~ p*A\nS ~ q*B + A\nind := p*q"
)
GROUPED = "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nB ~ c(p1, p2)*A\ndiff := p1 - p2"
SECOND = MEASURED + "\nG =~ A + B + C"
COVARIATE = "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nB ~ A + x\nA ~ x"
BOTH = ("loadings", "intercepts")
ML = {"missing": "ml"}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ml": (PATHS, {}, {}),
    "weights": (PATHS, {"weighted": True}, {}),
    "cluster": (PATHS, {"cluster": True}, {}),
    "cluster_weights": (PATHS, {"cluster": True, "weighted": True}, {}),
    "groups_mlr": (GROUPED, {"by": True}, {"robust": True}),
    "groups_cluster_weights": (GROUPED, {"by": True, "cluster": True, "weighted": True}, {}),
    "groups_fiml": (GROUPED, {"by": True}, ML),
    "fiml": (PATHS, {}, ML),
    "fiml_mlr": (PATHS, {}, ML | {"robust": True}),
    "fiml_cluster": (PATHS, {"cluster": True}, ML),
    "fiml_weights": (PATHS, {"weighted": True}, ML),
    "single_item": (SINGLE, {}, {}),
    "second_order": (SECOND, {}, {}),
    "second_order_std": (SECOND, {}, {"standardized_factors": True}),
    "covariate": (COVARIATE, {}, {}),
    "covariate_mlr": (COVARIATE, {}, {"robust": True}),
    "covariate_random": (COVARIATE, {}, {"fixed_covariates": False}),
    "covariate_cluster": (COVARIATE, {"cluster": True}, {}),
    "metric_std": (MEASURED, {"by": True}, {"equal": BOTH[:1], "standardized_factors": True}),
    "scalar": (MEASURED, {"by": True}, {"equal": BOTH}),
    "partial_metric": (MEASURED, {"by": True},
                       {"equal": BOTH[:1], "partial": [("A", "=~", "a3")]}),
    "step_configural": (MEASURED, {"by": True}, {"robust": True}),
    "step_metric": (MEASURED, {"by": True}, {"robust": True, "equal": BOTH[:1]}),
    "step_scalar": (MEASURED, {"by": True}, {"robust": True, "equal": BOTH}),
    "step_strict": (MEASURED, {"by": True}, {"robust": True, "equal": (*BOTH, "residuals")}),
}  # fmt: skip


@cache
def survey() -> pd.DataFrame:
    """420 simulated respondents, some answers missing."""
    return pd.read_csv(FOLDER / "survey.csv")


@cache
def golden() -> pd.DataFrame:
    """Numbers of lavaan, one row per analysis, term and quantity."""
    return pd.read_csv(FOLDER / "golden.csv", keep_default_na=False, na_values=["NA"])


def sample(
    columns: Any, *, by: bool = False, weighted: bool = False, cluster: bool = False
) -> Sample:
    """The respondents as a Sample of some columns."""
    frame = survey()
    labels = frame["sector"].to_numpy() if by else np.full(len(frame), "")
    parts = {str(name): frame[labels == name] for name in pd.unique(labels)}
    values = {name: part[list(columns)].to_numpy(dtype=float) for name, part in parts.items()}
    return Sample(
        tuple(columns),
        {name: Moments.from_rows(tuple(columns), np.nan_to_num(x)) for name, x in values.items()},
        values,
        {name: part["w"].to_numpy() for name, part in parts.items()} if weighted else None,
        {name: part["team"].to_numpy(dtype=str) for name, part in parts.items()}
        if cluster
        else None,
    )


@cache
def fitted(name: str) -> Fit:
    """One analysis of golden.csv, fitted here."""
    script, who, options = CASES[name]
    model = parse(script)
    return fit_model(model, sample(model.observed, **who), **options)


def numbers(name: str) -> Numbers:
    """Every number of an analysis, both sides."""
    fit = fitted(name)
    rows = golden().query("analysis == @name").dropna(subset="value")
    index = {theirs: ours for ours, theirs in (ROBUST | INDICES).items()}
    ours = fit_indices(fit)
    if fit.robust and name.startswith("step") and name != "step_configural":
        before = list(CASES)[list(CASES).index(name) - 1]
        test = difference_test(fitted(before), fit)
        ours |= {f"diff.{key}": value for key, value in test.items()}
        index |= {"diff.chisq": "diff.chi2", "diff.df": "diff.df", "diff.pvalue": "diff.p_value"}
    names = [group.name for group in fit.data.groups]
    table = estimates(fit)
    where = [
        f"{lhs} := " + " " if op == ":=" else f"{lhs} {op} {rhs} {names.index(group) + 1}"
        for lhs, op, rhs, group in table[["lhs", "op", "rhs", "group"]].itertuples(index=False)
    ]
    at = {term: number for number, term in enumerate(where)}
    columns = {"est": "estimate", "se": "std_error", "std": "standardized",
               "std_se": "standardized_error"}  # fmt: skip
    errors = rows.query("quantity == 'se'").set_index("term")["value"]
    found: Numbers = []
    for term, quantity, value in rows[["term", "quantity", "value"]].itertuples(index=False):
        if not term:
            key = index[quantity]
            if key in ours:
                found.append(Number(key, ours[key], value, FIT))
            continue
        lhs, op, rhs, group = term.split(" ")
        number = at.get(term, at.get(f"{rhs} {op} {lhs} {group}"))
        tolerance = ERROR if quantity in ("se", "std_se") else FIT
        assert number is not None, f"{name} has no {term}"
        floor = errors[term] if quantity == "est" else 0.0
        column = columns[quantity]
        found.append(Number(column, float(table[column][number]), value, tolerance, floor))
    return found
