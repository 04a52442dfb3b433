"""Errors and tests of latent models that hold without normality, in clusters and with weights.

Casewise scores, summed by cluster, give the middle of the sandwich; the same scores give the scaled
statistic. Definitions are those of lavaan's MLR (Mplus' variant of Yuan and Bentler).

References
----------
Yuan & Bentler (2000), Sociological Methodology 30, 165-200; Satorra & Bentler (2001), Psychometrika
66, 507-514; Asparouhov & Muthén (2005), multivariate statistical modeling with survey data;
Savalei & Rosseel (2022), Structural Equation Modeling 29, 163-181.
"""

from __future__ import annotations

import numpy as np

from loyalty_analysis.moments import Array
from loyalty_analysis.sem_data import Group
from loyalty_analysis.sem_fit import Fit, plain_model
from loyalty_analysis.sem_graph import Graph, curvature, cut
from loyalty_analysis.sem_likelihood import inverse


def scores(graph: Graph, group: Group, theta: Array) -> Array:
    """Derivatives of each respondent's (weighted) log likelihood; clusters summed.

    Returns
    -------
    ndarray, shape (respondents or clusters, free parameters of the group)
        Clusters carry the factor sqrt(G / (G - 1)).
    """
    shape = graph.shape(theta)
    parts, labels = [], []
    for pattern in group.patterns:
        assert pattern.rows is not None and pattern.case_weights is not None
        c = cut(shape, pattern, graph.means)
        u, v, m = shape.u[c.rows], shape.v[c.rows], shape.m[c.rows]
        centre = shape.mu[c.rows] if graph.means else pattern.mean
        y = (pattern.rows - centre) @ c.precision
        level = (u * (c.precision @ v)).sum(axis=0)
        parts.append(((y @ u) * (y @ v) - level + y @ m) * pattern.case_weights[:, None])
        if pattern.clusters is not None:
            labels.append(pattern.clusters)
    found = np.concatenate(parts)
    if not labels:
        return found
    which = np.unique(np.concatenate(labels), return_inverse=True)[1].ravel()
    order = np.argsort(which, kind="stable")
    starts = np.flatnonzero(np.diff(which[order], prepend=-1))
    summed = np.add.reduceat(found[order], starts, axis=0)
    return summed * np.sqrt(len(starts) / (len(starts) - 1))


def meats(fit: Fit) -> list[Array]:
    """Mean cross-products of the scores of each group."""
    found = [(scores(graph, g, fit.theta), g.n) for graph, g in fit.likelihood.parts]
    return [s.T @ s / n for s, n in found]


def meat(fit: Fit) -> Array:
    """Middle of the sandwich, per respondent."""
    return fit.likelihood.total(meats(fit))


def saturated_trace(fit: Fit) -> float:
    """Trace of the saturated model's sandwich in units of its information, summed over groups."""
    plain = plain_model(fit, saturated=True)
    found = 0.0
    for (graph, group), middle in zip(plain.likelihood.parts, meats(plain), strict=True):
        found += float(np.trace(np.linalg.solve(curvature(graph, group, plain.theta), middle)))
    return found


def scaling_factor(fit: Fit, saturated: float) -> float:
    """What a robust model's chi-square is divided by.

    Parameters
    ----------
    fit : Fit
    saturated : float
        `saturated_trace` of the same data.

    Returns
    -------
    float
        nan without degrees of freedom.
    """
    if fit.df <= 0:
        return float("nan")
    # With clusters, and no weights, lavaan leaves second derivatives of the implied moments out.
    second = fit.data.weighted or not fit.data.clustered
    bread = fit.likelihood.curvature(fit.theta, second=second)
    trace = float((inverse(bread, fit.rows) * meat(fit)).sum())
    return (saturated - trace) / fit.df
