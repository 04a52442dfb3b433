"""How well a latent model fits, with the definitions of lavaan.

References
----------
Bollen (1989), chapter 7; Hu & Bentler (1999), Structural Equation Modeling 6, 1-55; Steiger (1990),
Multivariate Behavioral Research 25, 173-180 (RMSEA); Browne & Cudeck (1993) (its interval);
Brosseau-Liard, Savalei & Li (2012), Multivariate Behavioral Research 47, 904-930 (robust RMSEA);
Brosseau-Liard & Savalei (2014), same journal 49, 460-470 (robust CFI and TLI).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import chdtrc, chndtr, chndtrinc

from loyalty_analysis.moments import Array
from loyalty_analysis.sem_fit import Fit, plain_model
from loyalty_analysis.sem_results import problems
from loyalty_analysis.sem_robust import scaling_factor

NAN = float("nan")
FIT_COLUMNS = (
    "parameters", "chi2", "df", "p_value", "cfi", "tli", "rmsea", "rmsea_low",
    "rmsea_high", "rmsea_close", "srmr", "log_likelihood", "aic", "bic", "n", "admissible",
    "estimator", "problem",
)  # fmt: skip
"""What a table of fits shows."""


class Ratio(NamedTuple):
    """A likelihood-ratio statistic with its degrees of freedom and scaling factor."""

    chi2: float
    df: float
    scaling: float = 1.0


def fit_indices(fit: Fit) -> dict[str, float]:
    """Fit indices of a latent model.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    dict of str to float
        ``chi2``, ``df``, ``p_value``, ``cfi``, ``tli``, ``rmsea`` with ``rmsea_low``,
        ``rmsea_high`` (90%) and ``rmsea_close`` (p of RMSEA <= .05), ``srmr``,
        ``log_likelihood``, ``aic``, ``bic``, ``n``, ``parameters`` and more; for robust fits also
        the ``_scaled`` and ``_robust`` ones and ``scaling_factor``. ``srmr`` counts means where
        the model has them.

    Examples
    --------
    >>> from loyalty_analysis.moments import Moments
    >>> from loyalty_analysis.sem_fit import fit_model
    >>> rows = np.random.default_rng(1).normal(size=(200, 1)) + np.random.default_rng(2).normal(
    ...     size=(200, 4))
    >>> indices = fit_indices(fit_model("f =~ a + b + c + d", Moments.from_rows("abcd", rows)))
    >>> indices["df"], bool(indices["cfi"] > 0.95)
    (2, True)
    """
    n, groups = fit.data.size, len(fit.data.groups)
    plain = plain_model(fit, saturated=False)
    own, base = Ratio(fit.chi2, fit.df), Ratio(plain.chi2, plain.df)
    found: dict[str, float] = {"parameters": len(fit.theta), "n": fit.data.n,
                               "fmin": fit.chi2 / 2 / n}  # fmt: skip
    found |= {"chi2": own.chi2, "df": own.df, "p_value": _p_value(*own[:2])}
    found |= {"baseline_chi2": base.chi2, "baseline_df": base.df}
    found |= _comparative(own, base) | _rmsea(own, n, groups)
    found |= _likelihood(fit) | _residual(fit)
    if fit.data.missing:  # lavaan's compare with pairwise moments; they would mean little
        del found["gfi"]
    elif fit.df > 0:
        moments = fit.df + len(fit.theta) + sum(row.sampled for row in fit.rows)
        found["agfi"] = 1 - moments / fit.df * (1 - found["gfi"])
    found["mfi"] = float(np.exp(-0.5 * (own.chi2 - own.df) / n))
    found["ecvi"] = (own.chi2 + 2 * len(fit.theta)) / n
    return found | (_scaled(fit, plain, own, base) if fit.robust else {})


def fit_row(fit: Fit) -> dict[str, Any]:
    """Indices of a fit as one row of a table: the scaled and robust ones where it is robust.

    Returns
    -------
    dict
        parameters, chi2, df, p_value, cfi, tli, rmsea, rmsea_low, rmsea_high (90%), rmsea_close,
        srmr, log_likelihood, aic, bic, n, admissible, estimator, problem.
    """
    found = fit_indices(fit)
    row = {key: found[key] for key in FIT_COLUMNS if key in found}
    if fit.robust:
        row |= {"chi2": found["chi2_scaled"], "p_value": found["p_value_scaled"]}
        for key in ("cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "rmsea_close"):
            stem, _, end = key.partition("_")
            kinds = (f"{stem}_{kind}{'_' if end else ''}{end}" for kind in ("robust", "scaled"))
            row[key] = next((found[name] for name in kinds if name in found), np.nan)
    wrong = problems(fit)
    estimator = "FIML" if fit.data.missing else "ML"
    return row | {
        "admissible": not wrong,
        "estimator": f"{estimator}, robust" if fit.robust else estimator,
        "problem": "; ".join(wrong),
    }


def _p_value(chi2: float, df: float) -> float:
    return float(chdtrc(df, chi2)) if df > 0 else NAN


def _comparative(own: Ratio, base: Ratio, suffix: str = "") -> dict[str, float]:
    """Indices against the baseline; the excess of each over its df (times its scaling)."""
    excess, base_excess = own.chi2 - own.scaling * own.df, base.chi2 - base.scaling * base.df
    largest = max(excess, base_excess, 0.0)
    cfi = 1 - max(excess, 0.0) / largest if largest > 0 else 1.0
    tli = 1.0
    if own.df > 0 and base_excess != 0:
        tli = 1 - excess * base.df / (base_excess * own.df)
    found = {f"cfi{suffix}": cfi, f"tli{suffix}": tli}
    if not suffix:
        found["nfi"] = 1 - own.chi2 / base.chi2
        found["ifi"] = (base.chi2 - own.chi2) / (base.chi2 - own.df)
        found["rni"] = 1 - excess / base_excess if base_excess != 0 else 1.0
    return found


def _rmsea(own: Ratio, n: float, groups: int, suffix: str = "") -> dict[str, float]:
    """RMSEA with its 90% interval; the number of groups enters as in lavaan."""
    chi2, df, scaling = own
    names = [f"rmsea{suffix}{end}" for end in ("", "_low", "_high", "_close")]
    if df <= 0:
        return dict(zip(names, (0.0, 0.0, 0.0, NAN), strict=True))
    point = np.sqrt(max(chi2 / n / df - scaling / n, 0.0) * groups)
    scaled = chi2 / scaling
    ends = [np.sqrt(scaling * _noncentrality(scaled, df, level) / (n * df) * groups)
            for level in (0.95, 0.05)]  # fmt: skip
    close = 1 - float(chndtr(scaled, df, n * df * 0.05**2 / scaling / groups))
    return dict(zip(names, (float(point), *map(float, ends), close), strict=True))


def _noncentrality(chi2: float, df: float, level: float) -> float:
    """Noncentrality under which a share ``level`` of statistics is smaller than this one."""
    return float(chndtrinc(chi2, df, level)) if chndtr(chi2, df, 0.0) >= level else 0.0


def _likelihood(fit: Fit) -> dict[str, float]:
    """Log likelihood of the answers; given the covariates where these are taken as they are."""
    top = fit.likelihood.saturated()
    constant = fit.data.n * np.log(2 * np.pi) * len(fit.model.observed)
    if fit.data.missing:
        constant = np.log(2 * np.pi) * sum(
            pattern.weight * len(pattern.seen) for g in fit.data.groups for pattern in g.patterns
        )
    covariates = _covariate_likelihood(fit)
    free, n = len(fit.theta), fit.data.n
    # With divisor n - 1 the likelihood is still that of n respondents.
    saturated = -n * top - constant / 2 - covariates
    log_likelihood = saturated - n * fit.chi2 / 2 / fit.data.size
    found = {"log_likelihood": log_likelihood, "saturated_log_likelihood": saturated}
    found |= {"aic": -2 * log_likelihood + 2 * free}
    found |= {"bic": -2 * log_likelihood + np.log(n) * free}
    return found | {"bic_adjusted": -2 * log_likelihood + np.log((n + 2) / 24) * free}


def _taken(fit: Fit) -> list[int]:
    """Covariates whose moments are taken as they are."""
    names = {row.lhs for row in fit.rows if row.sampled and row.op == "~~"}
    return [number for number, name in enumerate(fit.model.observed) if name in names]


def _covariate_likelihood(fit: Fit) -> float:
    at, found = _taken(fit), 0.0
    for group in fit.data.groups if at else ():
        log_det = np.linalg.slogdet(group.covariance[np.ix_(at, at)])[1]
        found -= group.n / 2 * (len(at) * (np.log(2 * np.pi) + 1) + log_det)
    return float(found)


def _residual(fit: Fit) -> dict[str, float]:
    """Indices of what is left of covariances (and means)."""
    found = {"srmr": 0.0, "rmr": 0.0, "gfi": 0.0}
    taken = _taken(fit)
    for graph, group in zip(fit.graphs, fit.data.groups, strict=True):
        shape, share = graph.shape(fit.theta), group.n / fit.data.n
        left, away = group.covariance - shape.sigma, np.zeros(graph.p)
        if graph.means:
            away = group.mean - shape.mu
        sd = np.sqrt(np.diag(group.covariance))
        low = np.tril_indices(graph.p)
        count = len(low[0]) + graph.means * graph.p
        for name, size in (("srmr", sd), ("rmr", np.ones(graph.p))):
            squares = ((left / np.outer(size, size))[low] ** 2).sum() + ((away / size) ** 2).sum()
            found[name] += share * float(np.sqrt(squares / count))
        precision = np.linalg.inv(shape.sigma)
        whole, mean = group.covariance.copy(), group.mean * graph.means
        whole[np.ix_(taken, taken)], mean[taken] = 0.0, 0.0
        lost = _norm(precision, left, away) / _norm(precision, whole, mean)
        found["gfi"] += share * (1 - lost)
    return found


def _norm(precision: Array, covariance: Array, mean: Array) -> float:
    part = precision @ covariance
    return float((part * part.T).sum() / 2 + mean @ precision @ mean)


def _scaled(fit: Fit, plain: Fit, own: Ratio, base: Ratio) -> dict[str, float]:
    """Indices of the scaled statistic, and the robust ones that estimate the population's."""
    n, groups = fit.data.size, len(fit.data.groups)
    factor, plain_factor = fit.scaling_factor, scaling_factor(plain, fit.saturated_trace)
    own, base = own._replace(scaling=factor), base._replace(scaling=plain_factor)
    scaled, base_scaled = Ratio(own.chi2 / factor, own.df), Ratio(base.chi2 / plain_factor, base.df)
    found = {"scaling_factor": factor, "chi2_scaled": scaled.chi2,
             "p_value_scaled": _p_value(*scaled[:2]), "baseline_chi2_scaled": base_scaled.chi2,
             "baseline_scaling_factor": plain_factor}  # fmt: skip
    found |= _comparative(scaled, base_scaled, "_scaled")
    trace = Ratio(own.chi2, own.df * factor)
    found |= _rmsea(trace, n, groups, "_scaled")
    if fit.data.missing:  # needs complete-data information; not offered
        return found
    return found | _comparative(own, base, "_robust") | _rmsea(own, n, groups, "_robust")


def difference_test(free: Fit, restricted: Fit) -> dict[str, float]:
    """Chi-square difference of nested models, scaled where the fits are robust.

    Parameters
    ----------
    free, restricted : Fit
        Of the same data; the restricted model has more degrees of freedom.

    Returns
    -------
    dict
        ``chi2``, ``df``, ``p_value``.

    References
    ----------
    Satorra & Bentler (2001), Psychometrika 66, 507-514, p. 511.
    """
    df = restricted.df - free.df
    chi2 = restricted.chi2 - free.chi2
    if free.robust and df > 0:
        factors = [fit.scaling_factor * fit.df if fit.df else 0.0 for fit in (restricted, free)]
        scale = (factors[0] - factors[1]) / df
        chi2 = chi2 / scale if scale > 0 else NAN
    return {"chi2": chi2, "df": df, "p_value": _p_value(chi2, df)}
