"""What a fitted latent model says: estimates, standardized solution, R², latent correlations.

Standardized values and defined parameters are functions of the free parameters; their errors follow
by the delta method, with derivatives by the complex step.

References
----------
Bollen (1989), section 4 of chapter 8 (standardized solution); Squire & Trapp (1998), SIAM Review
40, 110-112 (complex step).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy.special import ndtr

from loyalty_analysis.moments import Array
from loyalty_analysis.sem_fit import Fit
from loyalty_analysis.sem_graph import Graph

Z = 1.959963984540054
_STEP = 1e-30
_NEGATIVE = -(np.finfo(float).eps ** 0.75)


def estimates(fit: Fit) -> pd.DataFrame:
    """Parameters of a latent model, raw and standardized.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    DataFrame
        ``lhs, op, rhs, group, label, estimate, std_error, statistic, p_value, conf_low, conf_high,
        standardized, standardized_error``; defined parameters last, with ``op`` ``:=``. Fixed
        parameters have an error of 0.

    Examples
    --------
    >>> from loyalty_analysis.moments import Moments
    >>> from loyalty_analysis.sem_fit import fit_model
    >>> rows = np.random.default_rng(1).normal(size=(200, 1)) + np.random.default_rng(2).normal(
    ...     size=(200, 4))
    >>> table = estimates(fit_model("f =~ a + b + c + d", Moments.from_rows("abcd", rows)))
    >>> table.loc[0, ["estimate", "std_error"]].tolist()
    [1.0, 0.0]
    """
    errors = np.sqrt(np.maximum(np.diag(fit.covariance), 0))
    standard = [_with_errors(fit, np.unique(graph.index), partial(standardized, graph))
                for graph in fit.graphs]  # fmt: skip
    rows = [row for graph in fit.graphs for row in graph.rows]
    value = np.concatenate([raw_values(graph, fit.theta) for graph in fit.graphs])
    error = [errors[row.free] if row.free >= 0 else 0.0 for row in rows]
    table = pd.DataFrame([(*row.key, fit.data.groups[row.group].name, row.label) for row in rows],
                         columns=["lhs", "op", "rhs", "group", "label"])  # fmt: skip
    table = table.assign(
        estimate=value,
        std_error=error,
        standardized=np.concatenate([part[0] for part in standard]),
        standardized_error=np.concatenate([part[1] for part in standard]),
    )
    if fit.model.defined:
        table = pd.concat([table, _defined(fit)], ignore_index=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(table["std_error"] > 0, table["estimate"] / table["std_error"], np.nan)
    low, high = (table["estimate"] + sign * Z * table["std_error"] for sign in (-1, 1))
    table.insert(7, "statistic", z)
    table.insert(8, "p_value", 2 * ndtr(-np.abs(z)))
    table.insert(9, "conf_low", low)
    table.insert(10, "conf_high", high)
    return table


def raw_values(graph: Graph, theta: Array) -> Array:
    """Values of a group's parameters, in the order of its rows."""
    kind, a, b = graph.where
    paths, covariances, means = graph.matrices(theta)
    choices = [paths[..., a, b], covariances[..., a, b], means[..., a]]
    return np.where(kind == 0, choices[0], np.where(kind == 1, choices[1], choices[2]))


def standardized(graph: Graph, theta: Array) -> Array:
    """Completely standardized values of a group's parameters, in the order of its rows.

    Residual covariances are correlations of the residuals, as in lavaan's std.all.
    """
    kind, a, b = graph.where
    own = graph.matrices(theta)[1]
    variance = np.diagonal(graph.moments(theta)[0], axis1=-2, axis2=-1)
    spread = np.diagonal(own, axis1=-2, axis2=-1)
    raw = raw_values(graph, theta)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd, residual = _root(variance), _root(spread)
        path = raw * sd[..., b] / sd[..., a]
        among = raw / np.where(a == b, variance[..., a], residual[..., a] * residual[..., b])
        mean = raw / sd[..., a]
    return np.where(kind == 0, path, np.where(kind == 1, among, mean))


def _root(values: Array) -> Array:
    """Roots; of negative values nan, also on complex numbers."""
    return np.sqrt(np.where(values.real < 0, np.nan, values))


def _with_errors(fit: Fit, used: Array, function: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Values of a function of the parameters ``used``, with delta errors."""
    value, covariance = with_covariance(fit, used, function)
    return value, np.sqrt(np.maximum(np.diag(covariance), 0))


def with_covariance(
    fit: Fit, used: Array, function: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """Values of a function of the parameters ``used``, with their covariance by the delta method.

    ``function`` keeps leading dimensions of the parameters, and is analytic.
    """
    moved = np.tile(fit.theta.astype(complex), (len(used), 1))
    moved[np.arange(len(used)), used] += 1j * _STEP
    value = function(fit.theta)
    if not len(used):
        return value, np.zeros((len(value), len(value)))
    jacobian = np.imag(function(moved)) / _STEP
    return value, jacobian.T @ fit.covariance[np.ix_(used, used)] @ jacobian


def _defined(fit: Fit) -> pd.DataFrame:
    """Defined parameters, of raw and of standardized ones."""
    label: dict[str, tuple[Graph, int]] = {}
    for graph in reversed(fit.graphs):
        label |= {row.label: (graph, at) for at, row in enumerate(graph.rows) if row.label}
    formulas = {name: text.replace(" ", "") for name, text in fit.model.defined.items()}

    def of(values: Callable[[Graph, Array], Array]) -> Callable[[Array], Array]:
        def function(theta: Array) -> Array:
            known = {name: values(g, theta)[..., at] for name, (g, at) in label.items()}
            for name, formula in formulas.items():  # arithmetic only: checked when it was parsed
                known[name] = eval(formula.replace("^", "**"), {"__builtins__": {}}, known)
            return np.stack([known[name] + 0 * theta[..., 0] for name in formulas], axis=-1)

        return function

    every = np.arange(len(fit.theta))
    raw, standard = (_with_errors(fit, every, of(x)) for x in (raw_values, standardized))
    columns = {"estimate": raw[0], "std_error": raw[1]}
    columns |= {"standardized": standard[0], "standardized_error": standard[1]}
    known = {"lhs": list(formulas), "op": ":=", "rhs": list(formulas.values())}
    return pd.DataFrame(known | {"group": "", "label": list(formulas)} | columns)


def r_squared(fit: Fit) -> pd.DataFrame:
    """Share of variance explained, of every variable that has a cause.

    Returns
    -------
    DataFrame
        ``group, variable, r2``.
    """
    found = []
    for graph, group in zip(fit.graphs, fit.data.groups, strict=True):
        spread = np.diag(graph.matrices(fit.theta)[1])
        share = 1 - spread / np.diag(graph.moments(fit.theta)[0])
        caused = {r.rhs if r.op == "=~" else r.lhs for r in graph.rows if r.op in ("=~", "~")}
        known = zip(graph.nodes, share, strict=True)
        found += [(group.name, name, float(r2)) for name, r2 in known if name in caused]
    return pd.DataFrame(found, columns=["group", "variable", "r2"])


def latent_correlations(fit: Fit) -> pd.DataFrame:
    """Correlations among latent variables, with delta errors.

    Returns
    -------
    DataFrame
        ``group, a, b, r, std_error, conf_low, conf_high``; one row per pair.
    """
    names = fit.model.latent
    first, second = np.triu_indices(len(names), 1)
    parts = []
    for graph, group in zip(fit.graphs, fit.data.groups, strict=True):

        def function(theta: Array, graph: Graph = graph) -> Array:
            covariance = graph.moments(theta)[0][..., graph.p :, graph.p :]
            sd = _root(np.diagonal(covariance, axis1=-2, axis2=-1))
            return covariance[..., first, second] / (sd[..., first] * sd[..., second])

        r, error = _with_errors(fit, np.unique(graph.index), function)
        pairs = {
            "group": group.name,
            "a": [names[i] for i in first],
            "b": [names[i] for i in second],
        }
        ends = {"conf_low": r - Z * error, "conf_high": r + Z * error}
        parts.append(pd.DataFrame(pairs | {"r": r, "std_error": error} | ends))
    return pd.concat(parts, ignore_index=True)


def problems(fit: Fit) -> list[str]:
    """Say what makes a solution inadmissible; an admissible one has no problems.

    Flags what lavaan's ``post.check`` flags: negative variances, and covariances of latent
    variables or of residuals that no data can have (so correlations beyond 1).
    """
    found = []
    for graph, group in zip(fit.graphs, fit.data.groups, strict=True):
        where = f" in group '{group.name}'" if len(fit.graphs) > 1 else ""
        own, everything = graph.matrices(fit.theta)[1], graph.moments(fit.theta)[0]
        kinds = (("item", own[: graph.p, : graph.p]), ("latent", everything[graph.p :, graph.p :]))
        for (kind, matrix), part in zip(kinds, (slice(graph.p), slice(graph.p, None)), strict=True):
            bad = _named(graph.nodes[part], np.diag(own)[part] < 0)
            if bad:
                found.append(f"negative variance of {bad}{where}")
            elif len(matrix) and np.linalg.eigvalsh(matrix).min() < _NEGATIVE:
                residual = "residuals of items" if kind == "item" else "latent variables"
                found.append(f"covariances of {residual} are not positive definite{where}")
    return found


def _named(names: Sequence[str], which: Array) -> str:
    return ", ".join(name for name, bad in zip(names, which, strict=True) if bad)
