"""The regressions of a study: raw slopes, standardized slopes, diagnostics.

Raw slopes come from statsmodels (OLS, or WLS with probability weights) with HC3 errors, or CR2 and
Satterthwaite degrees of freedom when clusters are declared. Standardized slopes are functions of
Moments whose intervals let the SDs vary. From moments alone errors are classical, and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.clusters import cr2
from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Estimate, estimate, single, t_p_value, vectorized
from loyalty_analysis.moments import (
    Array,
    Moments,
    one_thread,
    r_squared,
    refuse_collinear,
    shortage,
    slopes,
    standardized_slopes,
    variance_inflation,
)
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import latent_columns
from loyalty_analysis.twins import Twins

INTERCEPT = "(Intercept)"


@dataclass(frozen=True)
class Fit:
    """One estimated equation.

    Attributes
    ----------
    outcome : str
    terms : tuple of str
        Intercept first.
    slopes, std_error, df : ndarray, shape (k,)
        Raw slopes, their errors, and the degrees of freedom of their t intervals.
    covariance : ndarray, shape (k, k)
    errors : str
        Their kind, such as ``HC3``, ``CR2`` or ``classical``.
    r2 : float
    n : int
    df_residual : int
    design, residuals : ndarray or None
        Design matrix and residuals, where there are respondents.
    """

    outcome: str
    terms: tuple[str, ...]
    slopes: Array
    covariance: Array
    df: Array
    errors: str
    r2: float
    n: int
    df_residual: int
    design: Array | None = None
    residuals: Array | None = None

    @property
    def std_error(self) -> Array:
        """Standard errors of the raw slopes."""
        return np.sqrt(np.diag(self.covariance))


def check_equation(moments: Moments, terms: tuple[str, ...], where: str) -> None:
    """Refuse an equation with more parameters than respondents, or with collinear terms.

    Examples
    --------
    >>> few = Moments.from_frame(pd.DataFrame({"x": [1.0, 2.0]}))
    >>> check_equation(few, ("x",), "loyalty")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.DataError: loyalty: 2 respondents for 2 parameters. ...
    """
    if short := shortage(moments, terms):
        raise DataError(f"{where}: {short}")
    refuse_collinear(moments, terms, where)


def fit_rows(
    frame: pd.DataFrame,
    outcome: str,
    terms: tuple[str, ...],
    weights: Array | None = None,
    clusters: Array | None = None,
    errors: str | None = None,
) -> Fit:
    """Fit one equation to respondents by least squares.

    Parameters
    ----------
    frame : DataFrame
        Numeric, complete columns.
    outcome, terms : str, tuple of str
    weights : ndarray, optional
        Probability weights.
    clusters : ndarray, optional
        Cluster labels.
    errors : str, optional
        HC3 (the default), HC0, HC1, HC2, HC4, or classical where there are no weights; with
        clusters CR2 (the default, Satterthwaite degrees of freedom), CR1 or CR0 (clusters minus
        one).

    Returns
    -------
    Fit

    Raises
    ------
    CollinearError, DataError
        DataError also for errors that the design does not allow.

    Notes
    -----
    Checked against R's lm with sandwich, lmtest and clubSandwich, and against the certified values
    of NIST StRD.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 3.0, 2.0, 6.0]})
    >>> [round(float(slope), 4) for slope in fit_rows(frame, "y", ("x",)).slopes]
    [-0.1429, 1.1429]
    """
    kind = _kind_of_errors(errors, weights, clusters)
    moments = Moments.from_frame(frame[[*terms, outcome]], weights)
    check_equation(moments, terms, outcome)
    centre, size = moments.mean[:-1], moments.sd[:-1]
    scaled = np.column_stack([np.ones(moments.n), (frame[list(terms)].to_numpy() - centre) / size])
    result = _least_squares(frame[outcome].to_numpy(dtype=float), scaled, weights)
    back = _unscale(centre, size)
    df_residual = moments.n - len(terms) - 1
    df = np.full(len(terms) + 1, float(df_residual))
    if clusters is None:
        _refuse_alone(result.model.wexog, terms, outcome)
        covariance = back @ _covariance(result, kind) @ back.T
    elif kind == "CR2":
        found = cr2(scaled, result.resid, clusters, weights, contrast=back)
        covariance, df = found.covariance, found.df
    else:
        labels, code = np.unique(clusters, return_inverse=True)
        summed = result.get_robustcov_results("cluster", groups=code, use_correction=kind == "CR1")
        covariance, df = back @ summed.cov_params() @ back.T, np.full(len(df), len(labels) - 1.0)
    design = np.column_stack([np.ones(moments.n), frame[list(terms)].to_numpy()])
    return Fit(
        outcome, (INTERCEPT, *terms), back @ result.params, covariance, df, kind,
        float(result.rsquared), moments.n, df_residual, design, result.resid,
    )  # fmt: skip


def _refuse_alone(scaled: Array, terms: tuple[str, ...], outcome: str) -> None:
    """Refuse a column whose slope one respondent decides: robust errors do not exist for it."""
    basis = np.linalg.qr(scaled)[0]
    leverage = np.einsum("ij,ij->i", basis, basis)
    if leverage.max() > 1 - 1e-9:
        # What singles this one out: the combination of columns that is zero for all others.
        alone = np.linalg.lstsq(scaled, np.eye(len(scaled))[leverage.argmax()], rcond=None)[0]
        column = terms[int(np.abs(alone[1:]).argmax())]
        raise DataError(
            f"{outcome}: one respondent alone decides the slope of '{column}'. Merge the category "
            "with another, or take the column out of the model."
        )


def _kind_of_errors(errors: str | None, weights: Array | None, clusters: Array | None) -> str:
    """Name the errors of a design; refuse others by name."""
    allowed = ["CR2", "CR1", "CR0"]
    if clusters is None:
        classical = ["classical"] if weights is None else []
        allowed = ["HC3", "HC0", "HC1", "HC2", "HC4", *classical]
    if errors is None or errors in allowed:
        return errors or allowed[0]
    design = "without clusters" if clusters is None else "with clusters"
    if errors == "classical" and clusters is None:
        design = "with probability weights"
    raise DataError(f"errors {errors!r} cannot be had {design}. Allowed: {', '.join(allowed)}.")


def _covariance(result: Any, kind: str) -> Array:
    """Covariance of the slopes of a statsmodels fit; HC4 after Cribari-Neto (2004)."""
    if kind == "classical":
        return result.cov_params()
    if kind != "HC4":
        return result.get_robustcov_results(kind).cov_params()
    x = result.model.wexog
    inverse = np.linalg.pinv(x)
    leverage = np.einsum("ij,ji->i", x, inverse)
    power = np.minimum(4, len(x) * leverage / x.shape[1])
    scores = inverse * (result.wresid / (1 - leverage) ** (power / 2))
    return scores @ scores.T


def _least_squares(outcome: Array, design: Array, weights: Array | None) -> Any:
    from statsmodels.regression.linear_model import OLS, WLS

    model = OLS(outcome, design) if weights is None else WLS(outcome, design, weights=weights)
    return model.fit(method="qr")


def _unscale(centre: Array, size: Array) -> Array:
    """Matrix that takes slopes on z-scores back to slopes on the raw columns."""
    back = np.diag(np.concatenate([[1.0], 1 / size]))
    back[0, 1:] = -centre / size
    return back


def fit_moments(moments: Moments, outcome: str, terms: tuple[str, ...]) -> Fit:
    """Fit one equation from moments alone; errors are classical.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 3.0, 2.0, 6.0]})
    >>> fit_moments(Moments.from_frame(frame), "y", ("x",)).errors
    'classical'
    """
    check_equation(moments, terms, outcome)
    chosen = moments[[*terms, outcome]]
    found = slopes(chosen, outcome, terms)
    x, centre = chosen.cross[:-1, :-1], chosen.mean[:-1]
    root = np.sqrt(np.diag(x))
    inverse = np.linalg.inv(x / np.outer(root, root)) / np.outer(root, root)
    total, explained = chosen.cross[-1, -1], float(found @ chosen.cross[:-1, -1])
    df_residual = moments.n - len(terms) - 1
    variance = max(total - explained, 0.0) / df_residual
    covariance = np.empty((len(terms) + 1, len(terms) + 1))
    covariance[1:, 1:] = inverse
    covariance[0, 1:] = covariance[1:, 0] = -inverse @ centre
    covariance[0, 0] = 1 / moments.weight + centre @ inverse @ centre
    raw = np.concatenate([[chosen.mean[-1] - found @ centre], found])
    df = np.full(len(raw), float(df_residual))
    return Fit(
        outcome, (INTERCEPT, *terms), raw, covariance * variance, df, "classical",
        explained / total, moments.n, df_residual,
    )  # fmt: skip


def fit(survey: Survey, equation: Equation) -> Fit:
    """Fit one equation of a study with the errors its design asks for.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> fit(survey, equations(survey.study)[0]).errors
    'classical'
    """
    terms = survey.terms(equation.terms)
    if survey.frame is None:
        return fit_moments(survey.moments, equation.outcome, terms)
    return fit_rows(survey.frame, equation.outcome, terms, survey.weights, survey.clusters)


def standardized(survey: Survey, equation: Equation) -> Estimate:
    """Standardized slopes of one equation with intervals that let the SDs vary.

    Returns
    -------
    Estimate
        One value for each term of ``survey.terms(equation.terms)``, in SDs of the outcome per SD
        of the term (categories: per unit).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> equation = equations(survey.study)[0]
    >>> slopes = standardized(survey, equation).values.round(2)
    >>> dict(zip(equation.terms, slopes.tolist(), strict=True))
    {'image': 0.19, 'expectation': 0.01, 'quality': 0.15, 'value': 0.56}
    """
    terms = survey.terms(equation.terms)
    check_equation(survey.moments, terms, equation.model)
    sample = survey.sample([*terms, equation.outcome])

    @vectorized
    def values(moments: Moments) -> Array:
        return standardized_slopes(moments, equation.outcome, terms, survey.scaled)

    return estimate(single(values), sample)


@one_thread
def regression(survey: Survey, latent: Twins | None = None) -> pd.DataFrame:
    """Estimate every equation of the study.

    Parameters
    ----------
    survey : Survey
    latent : Twins, optional
        Of :func:`twins.twins`, for the error-corrected slopes.

    Returns
    -------
    DataFrame
        One row per model and term. model, outcome, term; estimate, std_error, df, statistic,
        p_value, conf_low, conf_high (raw, in scale points); n; beta, beta_std_error, beta_df,
        beta_p, beta_low, beta_high (standardized); zero_order (correlation with the outcome); vif;
        beta_latent, beta_latent_std_error, beta_latent_df, beta_latent_low, beta_latent_high (the
        same slope, corrected for measurement error; empty without ``latent``). Categories with
        fewer than ten respondents stand in the equation and are left out here.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = regression(read_survey("bank_customers")).set_index(["model", "term"])
    >>> float(table.loc[("loyalty.direct", "satisfaction"), "beta"].round(3))
    0.219
    """
    tables = [_rows(survey, equation, latent) for equation in equations(survey.study)]
    return pd.concat(tables, ignore_index=True)


def _rows(survey: Survey, equation: Equation, latent: Twins | None) -> pd.DataFrame:
    found, beta = fit(survey, equation), standardized(survey, equation)
    low, high = beta.interval()
    terms = found.terms[1:]
    half = stdtrit(found.df, 0.975) * found.std_error
    statistic = found.slopes / found.std_error
    moments = survey.moments[[*terms, equation.outcome]]
    twin = None if latent is None else latent.slopes(equation, terms)
    corrected = latent_columns("beta_latent", twin, len(terms))

    def below(values: Array) -> Array:
        return np.concatenate([[np.nan], values])

    table = pd.DataFrame(
        {
            "model": equation.model,
            "outcome": equation.outcome,
            "term": found.terms,
            "estimate": found.slopes,
            "std_error": found.std_error,
            "df": found.df,
            "statistic": statistic,
            "p_value": t_p_value(statistic, found.df),
            "conf_low": found.slopes - half,
            "conf_high": found.slopes + half,
            "n": found.n,
            "beta": below(beta.values),
            "beta_low": below(low),
            "beta_high": below(high),
            "zero_order": below(moments.correlation[-1, :-1]),
            "vif": below(variance_inflation(moments, terms)),
            **{name: below(values) for name, values in corrected.items()},
            "beta_std_error": below(beta.std_error),
            "beta_df": beta.df,
            "beta_p": below(beta.p_value()),
        }
    )
    unknown = ["beta_std_error", "beta_p", "beta_low", "beta_high"]
    unknown += [f"beta_latent_{name}" for name in ("std_error", "low", "high")]
    table.loc[table["term"].isin(_in_one_cluster(survey, terms)), unknown] = np.nan
    return table[~table["term"].isin(survey.small_groups)]


def _in_one_cluster(survey: Survey, terms: tuple[str, ...]) -> list[str]:
    """Categories that live in one cluster: no jackknife over clusters can tell their error."""
    if survey.frame is None or survey.clusters is None:
        return []
    present = (survey.frame[list(terms)] == 1).groupby(survey.clusters).any().sum()
    return [term for term in terms if term not in survey.scaled and present[term] == 1]


@one_thread
def models(survey: Survey) -> pd.DataFrame:
    """Describe every equation: n, R-squared, degrees of freedom and kind of errors.

    Returns
    -------
    DataFrame
        model, outcome, n, r2, r2_adjusted, df_residual, covariance (of the raw slopes),
        covariance_beta (of the standardized ones), kind, clusters.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> models(read_survey("bank_customers"))[["model", "r2", "covariance"]].round(2).head(2)
               model    r2 covariance
    0   satisfaction  0.68  classical
    1  loyalty.total  0.51  classical
    """
    rows = []
    for equation in equations(survey.study):
        terms = survey.terms(equation.terms)
        check_equation(survey.moments, terms, equation.model)
        r2 = r_squared(survey.moments, equation.outcome, terms)
        df = survey.n - len(terms) - 1
        raw, beta = error_kinds(survey)
        adjusted = 1 - (1 - r2) * (survey.n - 1) / df
        rows.append(
            (equation.model, equation.outcome, survey.n, r2, adjusted, df, raw, beta, equation.kind)
        )
    names = [
        "model",
        "outcome",
        "n",
        "r2",
        "r2_adjusted",
        "df_residual",
        "covariance",
        "covariance_beta",
        "kind",
    ]
    return pd.DataFrame(rows, columns=names).assign(clusters=survey.n_clusters)


def error_kinds(survey: Survey) -> tuple[str, str]:
    """Name the errors of raw and of standardized slopes that the design leads to.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> error_kinds(read_survey("bank_customers"))
    ('classical', 'normal theory')
    """
    if not survey.has_respondents:
        return "classical", "normal theory"
    if survey.n_clusters is None:
        return "HC3", "influence"
    few = survey.n_clusters < 50
    return "CR2", "jackknife over clusters" if few else "clusters summed"


def correlations(survey: Survey) -> pd.DataFrame:
    """Correlate every pair of constructs of the model.

    Returns
    -------
    DataFrame
        a, b, r, n; one row per pair, weights honoured.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> correlations(read_survey("bank_customers")).round(2).head(2)
                 a      b     r    n
    0  expectation  image  0.55  250
    1      quality  image  0.61  250
    """
    names = list(survey.study.model_constructs)
    table = survey.moments[names].correlation
    pairs = [(names[i], names[j], table[i, j]) for i in range(len(names)) for j in range(i)]
    return pd.DataFrame(pairs, columns=["a", "b", "r"]).assign(n=survey.n)
