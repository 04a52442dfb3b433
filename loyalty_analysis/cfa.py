"""The measurement model of a study: every construct behind its items, all free to covary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.factors import Factors, factors
from loyalty_analysis.inference import FEW_CLUSTERS
from loyalty_analysis.moments import Array, one_thread
from loyalty_analysis.sem_fit import Fit
from loyalty_analysis.sem_indices import FIT_COLUMNS, fit_row
from loyalty_analysis.sem_model import ModelError
from loyalty_analysis.sem_results import estimates, r_squared
from loyalty_analysis.survey import Survey
from loyalty_analysis.twins import fit_latent

MODEL = "measurement"
LOADING_COLUMNS = (
    "model", "construct", "item", "estimate", "std_error", "standardized", "standardized_error",
    "r2",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Measured:
    """A fitted measurement model, or why there is none.

    Attributes
    ----------
    factors : Factors
    fit : Fit or None
    problem : str
        Why nothing could be fitted; empty when it could.
    failed : bool
        Whether a model was tried and has no solution; False where the data cannot carry one.
    """

    factors: Factors
    fit: Fit | None = None
    problem: str = ""
    failed: bool = False

    @property
    def constructs(self) -> tuple[str, ...]:
        """Constructs of the model."""
        return tuple(self.factors.items)

    def named(self, text: str) -> str:
        """Put the names of the study in the place of those of the script."""
        return self.factors.named(text)

    def loadings(self) -> dict[str, Array]:
        """Loadings (factor variance 1) and error variances of every construct's items."""
        if self.fit is None:
            return {}
        found = _values(self.fit)
        own = self.factors
        return {
            name: np.array([[found[own.factor[name], "=~", own.column[i]] for i in items],
                            [found[own.column[i], "~~", own.column[i]] for i in items]])
            for name, items in own.items.items()
            if len(items) > 1
        }  # fmt: skip

    def correlations(self) -> pd.DataFrame | None:
        """Correlations of the constructs, names on both sides; None without a solution."""
        if self.fit is None:
            return None
        graph, names = self.fit.graphs[0], list(self.constructs)
        order = [graph.nodes.index(self.factors.factor[name]) for name in names]
        spread = graph.moments(self.fit.theta)[0][np.ix_(order, order)]
        size = np.sqrt(np.diag(spread))
        return pd.DataFrame(spread / np.outer(size, size), names, names)

    def offending(self) -> dict[str, str]:
        """Constructs for which the solution is inadmissible, each with what is wrong."""
        if self.fit is None:
            return dict.fromkeys(self.constructs, self.problem) if self.failed else {}
        found: dict[str, str] = {}
        for name, (_, errors) in self.loadings().items():
            below = [i for i, e in zip(self.factors.items[name], errors, strict=True) if e < 0]
            if below:
                found[name] = f"negative error variance of {', '.join(below)}"
        return _inseparable(self) | found


def _values(fit: Fit) -> dict[tuple[str, str, str], float]:
    return {row.key: fit.theta[row.free] if row.free >= 0 else row.value for row in fit.rows}


def _inseparable(measured: Measured) -> dict[str, str]:
    """Constructs whose correlations no data can have."""
    table = measured.correlations()
    assert table is not None and measured.fit is not None
    values, vectors = np.linalg.eigh(table.to_numpy())
    if values[0] > -1e-10:
        return {}
    share = np.abs(vectors[:, values < -1e-10]).max(axis=1)
    limit = min(0.3, 0.9 * share.max())
    names = [name for name, one in zip(table.index, share, strict=True) if one > limit]
    return {
        name: f"its latent correlations cannot be (with {_listed(names, name)})" for name in names
    }


def _listed(names: Sequence[str], own: str) -> str:
    return ", ".join(name for name in names if name != own)


@one_thread
def measurement_model(survey: Survey, names: Sequence[str] | None = None) -> Measured:
    """Fit the measurement model of a study by maximum likelihood.

    Parameters
    ----------
    survey : Survey
    names : sequence of str, optional
        Constructs; by default all of the model. Single items stand at their declared reliability.

    Returns
    -------
    Measured
        Robust errors and statistics (MLR) where there are respondents; clusters and weights
        honoured; incomplete answers by full-information maximum likelihood.

    Notes
    -----
    Ordinal estimation (WLSMV) is not offered: items are taken as continuous, which five or more
    points of a scale allow (Rhemtulla, Brosseau-Liard & Savalei 2012, Psychological Methods 17,
    354-373).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> found = measurement_model(read_survey("mobile_customers"))
    >>> found.fit.df, found.offending()
    (30, {})
    """
    found = factors(survey, survey.study.model_constructs if names is None else names)
    if all(len(items) == 1 for items in found.items.values()):
        return Measured(found, problem="no construct has two items or more")
    try:
        fit = fit_latent(found, found.sample())
        _ = fit.covariance  # no errors, no solution: two items that go with nothing else
        return Measured(found, fit)
    except (DataError, ModelError) as error:
        return Measured(found, None, found.named(str(error)), isinstance(error, ModelError))


def cfa_fit(measured: Measured, rivals: pd.DataFrame | None = None) -> pd.DataFrame:
    """Say how well the measurement model fits, and the rival structures after it.

    Parameters
    ----------
    measured : Measured
    rivals : DataFrame, optional
        Of :func:`structures.rival_structures`.

    Returns
    -------
    DataFrame
        model, parameters, chi2, df, p_value, cfi, tli, rmsea, rmsea_low, rmsea_high (90%),
        rmsea_close, srmr, log_likelihood, aic, bic, n, admissible, estimator, problem. With
        respondents the chi-square is scaled, and CFI, TLI and RMSEA are the robust ones. No p
        values with fewer than 50 clusters: a robust test of many restrictions needs as many.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = cfa_fit(measurement_model(read_survey("mobile_customers")))
    >>> print(*table.loc[0, ["df", "admissible", "estimator"]])
    30 True ML
    """
    if measured.fit is None:
        row: dict[str, Any] = {"model": _named(measured), "problem": measured.problem}
    else:
        row = {"model": _named(measured)} | fit_row(measured.fit)
        row["problem"] = measured.named(row["problem"])
    table = pd.DataFrame([row], columns=["model", *FIT_COLUMNS])
    if rivals is not None and len(rivals):
        table = pd.concat([table, rivals], ignore_index=True)
    if 0 < (measured.factors.survey.n_clusters or 0) < FEW_CLUSTERS:
        tests = ["p_value", "rmsea_close", "p_value_difference"]
        table[[name for name in tests if name in table]] = np.nan
    return table


def _named(measured: Measured) -> str:
    part = measured.factors.survey.study.part
    return f"{part}/{MODEL}" if part else MODEL


def cfa_loadings(measured: Measured) -> pd.DataFrame:
    """List every loading of the measurement model.

    Returns
    -------
    DataFrame
        model, construct, item, estimate (factor variance 1, in units of the item), std_error,
        standardized, standardized_error, r2 (share of the item's variance).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = cfa_loadings(measurement_model(read_survey("mobile_customers")))
    >>> table[["construct", "item", "standardized"]].round(2).head(1).values.tolist()
    [['competence', 'comp_1', 0.7]]
    """
    if measured.fit is None:
        return pd.DataFrame(columns=list(LOADING_COLUMNS))
    table = estimates(measured.fit)
    loadings = table[table["op"] == "=~"]
    constructs = {alias: name for name, alias in measured.factors.factor.items()}
    items = {alias: name for name, alias in measured.factors.column.items()}
    shares = r_squared(measured.fit).set_index("variable")["r2"]
    return loadings.assign(
        model=_named(measured),
        construct=loadings["lhs"].map(constructs),
        item=loadings["rhs"].map(items),
        r2=loadings["rhs"].map(shares),
    )[list(LOADING_COLUMNS)].reset_index(drop=True)
