"""Implied moments of one group and the likelihood's derivatives by its parameters.

Every variable, observed or latent, is one node: paths A, covariances S and intercepts m give
``Sigma = F (I - A)^-1 S (I - A)^-T F'`` and ``mu = F (I - A)^-1 m``. Then the derivative of Sigma
by any parameter is ``u v' + v u'``, and gradient and information are products of small matrices.

References
----------
McArdle & McDonald (1984), British Journal of Mathematical and Statistical Psychology 37, 234-251;
Bollen (1989), Structural Equations with Latent Variables, chapters 4 and 8 (eq. 4.67 the
discrepancy, appendix 4B the information); Savalei (2010), Psychological Methods 15, 352-367
(information with missing answers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from loyalty_analysis.moments import Array
from loyalty_analysis.sem_data import Group, Pattern
from loyalty_analysis.sem_model import Row


class Shape(NamedTuple):
    """Implied moments with their derivatives: d Sigma = u v' + v u', d mu = the row of ``m``."""

    sigma: Array
    mu: Array
    u: Array = np.empty(0)
    v: Array = np.empty(0)
    m: Array = np.empty(0)


class Graph:
    """Paths, covariances and intercepts of one group as functions of its free parameters.

    Parameters
    ----------
    rows : sequence of Row
        Parameters of the group.
    observed, latent : sequence of str
    group : Group
        For moments that are fixed at the sample.
    """

    def __init__(
        self, rows: Sequence[Row], observed: Sequence[str], latent: Sequence[str], group: Group
    ) -> None:
        self.nodes = [*observed, *latent]
        self.p, size = len(observed), len(self.nodes)
        self.rows = rows
        self.means = any(row.op == "~1" for row in rows)
        place = {name: number for number, name in enumerate(self.nodes)}
        self.base = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
        free: list[tuple[int, int, int, int]] = []
        where: list[tuple[int, int, int]] = []
        for row in rows:
            a, b = place[row.lhs], place[row.rhs or row.lhs]
            kind = {"=~": 0, "~": 0, "~~": 1, "~1": 2}[row.op]
            a, b = (b, a) if row.op == "=~" else (a, b)
            where.append((kind, a, b))
            if row.free >= 0:
                free.append((kind, a, b, row.free))
                continue
            value = row.value
            if row.sampled:
                value = group.mean[a] if kind == 2 else group.covariance[a, b]
            if kind == 2:
                self.base[2][a] = value
            else:
                self.base[kind][a, b] = value
                if kind == 1:
                    self.base[1][b, a] = value
        self.where = np.array(where, dtype=int).reshape(-1, 3).T
        free.sort()
        table = np.array(free, dtype=int).reshape(-1, 4)
        self.index = table[:, 3]
        self.repeats = len(np.unique(self.index)) < len(self.index)
        self.path, self.covary, self.start = (table[table[:, 0] == kind, 1:] for kind in range(3))
        self._half = np.where(self.covary[:, 0] == self.covary[:, 1], 0.5, 1.0)

    def matrices(self, theta: Array) -> tuple[Array, Array, Array]:
        """Paths, covariances and intercepts; leading dimensions of theta are kept."""
        lead = theta.shape[:-1]
        filled = self.base if not lead else (np.broadcast_to(x, lead + x.shape) for x in self.base)
        a, s, m = (x.astype(theta.dtype) for x in filled)
        a[..., self.path[:, 0], self.path[:, 1]] = theta[..., self.path[:, 2]]
        s[..., self.covary[:, 0], self.covary[:, 1]] = theta[..., self.covary[:, 2]]
        s[..., self.covary[:, 1], self.covary[:, 0]] = theta[..., self.covary[:, 2]]
        m[..., self.start[:, 0]] = theta[..., self.start[:, 2]]
        return a, s, m

    def behind(self, nodes: Array) -> tuple[Array, Array]:
        """Nodes that some nodes follow from, themselves included; parameters of their moments."""
        kind, to, start = self.where
        inside = np.isin(np.arange(len(self.nodes)), nodes)
        while not inside[start[(kind == 0) & inside[to]]].all():
            inside[start[(kind == 0) & inside[to]]] = True
        paths = self.path[inside[self.path[:, 0]], 2]
        shared = self.covary[inside[self.covary[:, 0]] & inside[self.covary[:, 1]], 2]
        return np.flatnonzero(inside), np.unique(np.concatenate([paths, shared]))

    def moments(self, theta: Array, inside: Array | None = None) -> tuple[Array, Array]:
        """Covariances and means of all nodes, or of some that stand on no others (`behind`)."""
        a, s, m = self.matrices(theta)
        if inside is not None:
            a, s = (x[..., inside[:, None], inside] for x in (a, s))
            m = m[..., inside]
        through = np.linalg.inv(np.eye(a.shape[-1]) - a)
        covariance = through @ s @ np.swapaxes(through, -1, -2)
        return covariance, (through @ m[..., None])[..., 0]

    def implied(self, theta: Array) -> Shape:
        """Implied moments without derivatives."""
        covariance, mean = self.moments(theta)
        return Shape(covariance[: self.p, : self.p], mean[: self.p])

    def shape(self, theta: Array) -> Shape:
        """Implied moments and their derivatives by the free parameters, in order of `index`."""
        a, s, m = self.matrices(theta)
        through = np.linalg.inv(np.eye(len(self.nodes)) - a)
        down = through[: self.p]
        joint = down @ s @ through.T
        centre = through @ m
        path, covary, start = self.path, self.covary, self.start
        none = np.zeros((self.p, len(start)))
        u = np.concatenate([down[:, path[:, 0]], down[:, covary[:, 0]], none], axis=1)
        v = np.concatenate([joint[:, path[:, 1]], down[:, covary[:, 1]] * self._half, none], axis=1)
        by_mean = [down[:, path[:, 0]] * centre[path[:, 1]],
                   np.zeros((self.p, len(covary))), down[:, start[:, 0]]]  # fmt: skip
        m_slope = np.concatenate(by_mean, axis=1) if self.means else np.zeros_like(u)
        sigma = joint[:, : self.p]
        return Shape((sigma + sigma.T) / 2, centre[: self.p], u, v, m_slope)


class Slice(NamedTuple):
    """One pattern at given parameters: inverse of Sigma and what is left of the data."""

    precision: Array
    log_det: float
    residual: Array
    away: Array
    rows: slice | Array


def cut(shape: Shape, pattern: Pattern, means: bool) -> Slice:
    """Restrict implied moments to the answered items; a LinAlgError says Sigma is not positive."""
    p = len(shape.sigma)
    seen: slice | Array = slice(None) if len(pattern.seen) == p else pattern.seen
    sigma = shape.sigma if isinstance(seen, slice) else shape.sigma[np.ix_(seen, seen)]
    root = np.linalg.cholesky(sigma)
    half = np.linalg.inv(root)
    away = pattern.mean - shape.mu[seen] if means else np.zeros(len(sigma))
    residual = pattern.covariance + np.outer(away, away) if means else pattern.covariance
    return Slice(half.T @ half, 2 * float(np.log(np.diag(root)).sum()), residual, away, seen)


def discrepancy(shape: Shape, group: Group, means: bool) -> float:
    """Half of log|Sigma| + tr(Sigma^-1 C), averaged over patterns; infinite if not positive."""
    found = 0.0
    for pattern in group.patterns:
        try:
            c = cut(shape, pattern, means)
        except np.linalg.LinAlgError:
            return np.inf
        found += pattern.weight * (c.log_det + float((c.precision * c.residual).sum()))
    return found / (2 * group.n)


def slopes(graph: Graph, group: Group, theta: Array) -> tuple[Array, Array]:
    """Gradient of the discrepancy and expected information, by the free parameters of a group."""
    shape = graph.shape(theta)
    steepness, information = 0.0, 0.0
    for pattern in group.patterns:
        share, c = pattern.weight / group.n, cut(shape, pattern, graph.means)
        u, v, m = shape.u[c.rows], shape.v[c.rows], shape.m[c.rows]
        pu, pv, pm = c.precision @ u, c.precision @ v, c.precision @ m
        left = pv - c.precision @ (c.residual @ pv)
        steepness = steepness + share * ((u * left).sum(axis=0) - c.away @ pm)
        cross = u.T @ pv
        information = information + share * ((u.T @ pu) * (v.T @ pv) + cross * cross.T + m.T @ pm)
    return np.asarray(steepness), np.asarray(information)


def curvature(graph: Graph, group: Group, theta: Array, *, second: bool = True) -> Array:
    """Observed information of a group: second derivatives of the discrepancy.

    Without ``second`` the second derivatives of the implied moments are left out (what lavaan calls
    observed information of the h1 kind).
    """
    shape = graph.shape(theta)
    p = graph.p
    total: Array = np.zeros((len(graph.index), len(graph.index)))
    on_sigma, on_mu = np.zeros((p, p)), np.zeros(p)
    for pattern in group.patterns:
        share, c = pattern.weight / group.n, cut(shape, pattern, graph.means)
        u, v, m = shape.u[c.rows], shape.v[c.rows], shape.m[c.rows]
        pre, fit = c.precision, c.precision @ c.residual @ c.precision
        cross, fitted = u.T @ pre @ v, u.T @ fit @ v
        twice = (u.T @ pre @ u) * (v.T @ fit @ v) + (u.T @ fit @ u) * (v.T @ pre @ v)
        twice += cross * fitted.T + fitted * cross.T
        total += share * (twice - (u.T @ pre @ u) * (v.T @ pre @ v) - cross * cross.T)
        drift = pre @ c.away
        mixed = (m.T @ pre @ u) * (drift @ v) + (m.T @ pre @ v) * (drift @ u)
        total += share * (m.T @ pre @ m + mixed + mixed.T)
        if isinstance(c.rows, slice):
            on_sigma, on_mu = on_sigma + share * (pre - fit), on_mu - share * drift
        else:
            on_sigma[np.ix_(c.rows, c.rows)] += share * (pre - fit)
            on_mu[c.rows] -= share * drift
    return total + _bend(graph, theta, on_sigma, on_mu) if second else total


def _bend(graph: Graph, theta: Array, on_sigma: Array, on_mu: Array) -> Array:
    """Second derivatives of tr(on_sigma Sigma) / 2 + on_mu' mu, by the free parameters.

    With T = (I - A)^-1, E = T S T', Q = on_sigma filled up with zeros, W = T'QT and H = T'QE, the
    gradient by A is H, by S is W, and both are differentiated once more.
    """
    a, s, m = graph.matrices(theta)
    t = np.linalg.inv(np.eye(len(a)) - a)
    e, centre = t @ s @ t.T, t @ m
    w = t[: graph.p].T @ on_sigma @ t[: graph.p]
    h, pull = t[: graph.p].T @ on_sigma @ e[: graph.p], on_mu @ t[: graph.p]
    (i, j), (k, other) = graph.path[:, :2].T, graph.covary[:, :2].T
    one = t[j][:, i] * (h[i][:, j] + np.outer(pull[i], centre[j]))
    paths = one + one.T + w[np.ix_(i, i)] * e[np.ix_(j, j)]
    mixed = (
        w[np.ix_(i, k)] * t[np.ix_(j, other)] + w[np.ix_(i, other)] * t[np.ix_(j, k)]
    ) * graph._half
    level = pull[i][:, None] * t[np.ix_(j, graph.start[:, 0])]
    bent = np.zeros((len(graph.index), len(graph.index)))
    bent[: len(i), : len(i)] = paths
    bent[: len(i), len(i) :] = np.concatenate([mixed, level], axis=1)
    bent[len(i) :, : len(i)] = bent[: len(i), len(i) :].T
    return bent
