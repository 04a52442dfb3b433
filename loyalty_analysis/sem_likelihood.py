"""The likelihood of several groups, its maximum, and the inverse of its information.

References
----------
Jöreskog (1969), Psychometrika 34, 183-202; Jöreskog (1971), Psychometrika 36, 409-426 (groups);
Lee & Jennrich (1979), Psychometrika 44, 99-113 (Fisher scoring).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from loyalty_analysis.moments import Array
from loyalty_analysis.sem_data import Group, SemData
from loyalty_analysis.sem_graph import Graph, Shape, curvature, discrepancy, slopes
from loyalty_analysis.sem_model import ModelError, Row

MOST_STEPS = 150


class Likelihood:
    """Discrepancy of all groups as a function of the free parameters.

    Parameters
    ----------
    rows : sequence of Row
        The parameter table.
    data : SemData
    observed, latent : sequence of str
    """

    def __init__(
        self, rows: Sequence[Row], data: SemData, observed: Sequence[str], latent: Sequence[str]
    ) -> None:
        self.rows, self.data = rows, data
        self.free = max((row.free for row in rows), default=-1) + 1
        self.graphs = [
            Graph([row for row in rows if row.group == number], observed, latent, group)
            for number, group in enumerate(data.groups)
        ]

    @property
    def df(self) -> int:
        """Moments less free parameters; moments taken from the sample do not count."""
        p = self.graphs[0].p
        known = p * (p + 3) // 2 if self.graphs[0].means else p * (p + 1) // 2
        return known * len(self.graphs) - sum(row.sampled for row in self.rows) - self.free

    @property
    def parts(self) -> list[tuple[Graph, Group]]:
        """Each group's graph with its data."""
        return list(zip(self.graphs, self.data.groups, strict=True))

    def total(self, parts: Iterable[Array]) -> Array:
        """Sum of groups' arrays by parameters, weighted by group size, over all parameters."""
        parts = list(parts)
        found = np.zeros((self.free,) * parts[0].ndim)
        for (graph, group), part in zip(self.parts, parts, strict=True):
            where = graph.index if part.ndim == 1 else np.ix_(graph.index, graph.index)
            if graph.repeats:
                np.add.at(found, where, part * (group.size / self.data.size))
            else:
                found[where] += part * (group.size / self.data.size)
        return found

    def value(self, theta: Array) -> float:
        """Discrepancy."""
        levels = [discrepancy(graph.implied(theta), g, graph.means) for graph, g in self.parts]
        return self._mean(levels)

    def saturated(self) -> float:
        """Discrepancy of the saturated model."""
        shapes = [Shape(group.covariance, group.mean) for group in self.data.groups]
        levels = [discrepancy(s, g, True) for s, g in zip(shapes, self.data.groups, strict=True)]
        return self._mean(levels)

    def _mean(self, levels: Sequence[float]) -> float:
        sizes = [group.size for group in self.data.groups]
        return sum(a * b for a, b in zip(sizes, levels, strict=True)) / self.data.size

    def slopes(self, theta: Array) -> tuple[Array, Array]:
        """Gradient and expected information."""
        found = [slopes(graph, group, theta) for graph, group in self.parts]
        return self.total(part[0] for part in found), self.total(part[1] for part in found)

    def curvature(self, theta: Array, *, second: bool = True) -> Array:
        """Observed information."""
        return self.total(curvature(graph, g, theta, second=second) for graph, g in self.parts)

    def maximize(self, start: Array) -> tuple[Array, int]:
        """Find the maximum: damped Fisher scoring, near the top Newton's method.

        Where that does not arrive, a quasi-Newton search from the start leads to another slope.

        Returns
        -------
        theta : ndarray
        steps : int

        Raises
        ------
        ModelError
            If the gradient does not vanish.
        """
        theta, steps, arrived = self._climb(start)
        if not arrived:
            theta, steps, arrived = self._climb(self._search(start))
        if not arrived:
            inverse(self.slopes(theta)[1], self.rows)
            raise ModelError(
                f"the model did not converge in {2 * MOST_STEPS} steps. Look for factors that "
                "nearly coincide or share nothing, items that load on no factor, or too few "
                "respondents; simplify the model."
            )
        return theta, steps

    def _climb(self, theta: Array) -> tuple[Array, int, bool]:
        level, damping = self.value(theta), 0.0
        for step in range(MOST_STEPS):
            steepness, information = self.slopes(theta)
            ridge = np.diag(np.diag(information)) * damping
            try:
                move = -cho_solve(cho_factor(information + ridge), steepness)
            except np.linalg.LinAlgError:
                damping = max(10 * damping, 1e-6)
                continue
            promise = -float(steepness @ move)
            if promise < 1e-2:
                move = self._newton(theta, steepness, move)
            if damping < 1e-3 and promise < 1e-17:
                return theta + move, step, True
            length, lower = 1.0, np.inf
            while length > 1e-4:
                lower = self.value(theta + length * move)
                if lower <= level - 1e-4 * length * promise + 1e-13:
                    break
                length /= 2
            if length > 1e-4:
                theta, level, damping = theta + length * move, lower, damping / 10
            else:
                damping = max(10 * damping, 1e-3)
        return theta, MOST_STEPS, False

    def _search(self, theta: Array) -> Array:
        """Minimum of the discrepancy by L-BFGS, parameters scaled by their information."""
        from scipy.optimize import minimize  # slow to import, seldom needed

        scale = 1 / np.sqrt(np.maximum(np.diag(self.slopes(theta)[1]), 1e-12))

        def target(x: Array) -> tuple[float, Array]:
            level = self.value(x * scale)
            outside = not np.isfinite(level)
            return (1e10, 0 * x) if outside else (level, self.slopes(x * scale)[0] * scale)

        options = {"maxiter": 2000, "maxfun": 5000, "ftol": 0.0, "gtol": 1e-7}
        found = minimize(target, theta / scale, jac=True, method="L-BFGS-B", options=options)
        return found.x * scale

    def _newton(self, theta: Array, steepness: Array, move: Array) -> Array:
        """Newton's step where the observed information is positive, else the one that was found."""
        try:
            return -cho_solve(cho_factor(self.curvature(theta)), steepness)
        except np.linalg.LinAlgError:
            return move


def inverse(information: Array, rows: Sequence[Row]) -> Array:
    """Inverse of an information matrix.

    Raises
    ------
    ModelError
        If the model is not identified, naming the parameters that trade off.
    """
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    if len(values) and np.abs(values).min() < 1e-10:
        loose = np.argsort(-np.abs(vectors[:, np.abs(values).argmin()]))[:3]
        names = {row.free: " ".join(row.key).strip() for row in reversed(rows)}
        raise ModelError(
            "the model is not identified: its data cannot tell "
            f"{', '.join(names[i] for i in sorted(loose))} apart. A factor needs three items, or "
            "two and a relation with another factor, or a declared reliability."
        )
    return (vectors / values) @ vectors.T * np.outer(scale, scale)
