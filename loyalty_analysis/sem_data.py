"""Groups of respondents as likelihood sees them: means and covariances of what was answered.

Complete answers are one pattern; with missing answers every set of answered items is one. So one
likelihood serves both, and Moments alone are enough where nothing is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Array, Moments, collinear

MOST_STEPS = 5000
"""Steps of the EM algorithm before it counts as not converging."""


@dataclass(frozen=True)
class Pattern:
    """Respondents who answered the same items: ``weight``, ``seen`` columns, their moments."""

    weight: float
    seen: Array
    mean: Array
    covariance: Array
    rows: Array | None = None
    case_weights: Array | None = None
    clusters: Array | None = None


@dataclass(frozen=True)
class Group:
    """One group: ``n``, the ``size`` that multiplies its discrepancy, the saturated moments."""

    name: str
    n: float
    size: float
    patterns: tuple[Pattern, ...]
    mean: Array
    covariance: Array


@dataclass(frozen=True)
class SemData:
    """What a latent model is fitted to.

    Attributes
    ----------
    columns : tuple of str
    groups : tuple of Group
    missing : bool
        Whether answers are missing and full-information likelihood is used.
    weighted, clustered : bool
    shared : dict
        What several fits to these data need, found once.
    """

    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    missing: bool = False
    weighted: bool = False
    clustered: bool = False
    shared: dict[str, float] = field(default_factory=dict, compare=False, repr=False)

    @property
    def n(self) -> float:
        """Respondents (sum of the weights, which are scaled to it)."""
        return sum(group.n for group in self.groups)

    @property
    def size(self) -> float:
        """What multiplies the discrepancy: n, or n less the number of groups (Wishart)."""
        return sum(group.size for group in self.groups)

    @property
    def has_rows(self) -> bool:
        """Whether respondents are known, not their moments alone."""
        return self.groups[0].patterns[0].rows is not None

    def ordered(self, columns: Sequence[str]) -> SemData:
        """The same data with its columns in another order."""
        index = np.array([self.columns.index(name) for name in columns])
        groups = tuple(_ordered(group, index) for group in self.groups)
        return replace(self, columns=tuple(columns), groups=groups)


def _ordered(group: Group, index: Array) -> Group:
    patterns = []
    for pattern in group.patterns:
        place = np.argsort(index)[pattern.seen]
        order = np.argsort(place)
        rows = None if pattern.rows is None else pattern.rows[:, order]
        covariance = pattern.covariance[np.ix_(order, order)]
        patterns.append(
            replace(pattern, seen=place[order], mean=pattern.mean[order], covariance=covariance,
                    rows=rows)
        )  # fmt: skip
    covariance = group.covariance[np.ix_(index, index)]
    return replace(group, patterns=tuple(patterns), mean=group.mean[index], covariance=covariance)


def sem_data(
    data: Moments | Mapping[str, Moments] | Sample,
    columns: Sequence[str],
    *,
    missing: str = "listwise",
    wishart: bool = False,
) -> SemData:
    """Check data for a latent model and bring them into the form that likelihood needs.

    Parameters
    ----------
    data : Moments, mapping of str to Moments, or Sample
        A Sample with respondents may have missing answers (nan).
    columns : sequence of str
        Observed variables of the model.
    missing : {"listwise", "ml"}
        Leave incomplete respondents out, or use all that was answered.
    wishart : bool
        Covariances and likelihood with divisor n - 1, as LISREL and EQS.

    Returns
    -------
    SemData

    Raises
    ------
    DataError
        If a group has too few respondents, or its items are constant or repeat each other.
    """
    if missing not in ("listwise", "ml"):
        raise DataError(f"missing = '{missing}': allowed are 'listwise' and 'ml'.")
    if isinstance(data, Sample) and data.rows is not None:
        return _from_rows(data, columns, missing == "ml", wishart)
    if missing == "ml":
        raise DataError("missing = 'ml' needs respondents; moments say nothing about who skipped.")
    parts = data.moments if isinstance(data, Sample) else data
    if isinstance(parts, Moments):
        parts = {"": parts}
    return _from_moments({name: part[list(columns)] for name, part in parts.items()}, wishart)


def _from_moments(parts: Mapping[str, Moments], wishart: bool) -> SemData:
    groups = []
    for name, part in parts.items():
        check_moments(part, name)
        scale = part.n / (part.n - 1) if wishart else 1.0
        covariance = part.cross / part.weight * scale
        seen = np.arange(len(part.columns))
        pattern = Pattern(part.n, seen, part.mean, covariance)
        groups.append(Group(name, part.n, part.n - wishart, (pattern,), part.mean, covariance))
    return SemData(next(iter(parts.values())).columns, tuple(groups))


def check_moments(moments: Moments, group: str) -> None:
    """Refuse moments whose covariance matrix has no inverse.

    Raises
    ------
    DataError
        Naming the group, the items and what to do.
    """
    where = f"group '{group}': " if group else ""
    k = len(moments.columns)
    if moments.n <= k:
        raise DataError(
            f"{where}{moments.n} respondents for {k} items; a latent model needs more respondents "
            "than items. Take items out, or merge the group with another."
        )
    spread = np.diag(moments.cross) / moments.weight
    constant = [c for c, s in zip(moments.columns, spread, strict=True) if s <= 1e-12]
    if constant:
        raise DataError(f"{where}{', '.join(constant)} does not vary; take it out of the model.")
    if shared := collinear(moments, moments.columns):
        raise DataError(
            f"{where}{', '.join(shared)} repeat each other (their covariance matrix is singular); "
            "take one of them out of the model."
        )


def _from_rows(data: Sample, columns: Sequence[str], use_all: bool, wishart: bool) -> SemData:
    assert data.rows is not None
    index = [data.columns.index(name) for name in columns]
    kept: dict[str, tuple[Array, Array | None, Array | None]] = {}
    for name, rows in data.rows.items():
        answered = ~np.isnan(rows[:, index])
        use = answered.any(axis=1) if use_all else answered.all(axis=1)
        weights = None if data.weights is None else data.weights[name][use]
        clusters = None if data.clusters is None else data.clusters[name][use]
        kept[name] = rows[use][:, index], weights, clusters
    n = sum(len(rows) for rows, _, _ in kept.values())
    total = sum(float(len(r) if w is None else w.sum()) for r, w, _ in kept.values())
    groups = tuple(
        _group(name, columns, rows, None if w is None else w * (n / total), c, wishart)
        for name, (rows, w, c) in kept.items()
    )
    for name, (_, _, labels) in kept.items():
        if labels is not None and len(np.unique(labels)) < 2:
            where = f"group '{name}': " if name else ""
            raise DataError(f"{where}one cluster only: errors cannot be clustered.")
    holes = any(len(group.patterns) > 1 for group in groups) or any(
        len(pattern.seen) < len(columns) for group in groups for pattern in group.patterns
    )
    if holes and wishart:
        raise DataError("missing = 'ml' has no Wishart form; leave wishart out.")
    return SemData(
        tuple(columns), groups, holes or use_all, weighted=data.weights is not None,
        clustered=data.clusters is not None,
    )  # fmt: skip


def _group(
    name: str, columns: Sequence[str], rows: Array, weights: Array | None,
    clusters: Array | None, wishart: bool,
) -> Group:  # fmt: skip
    weights = np.ones(len(rows)) if weights is None else weights
    answered = ~np.isnan(rows)
    sets, which = answered[:1], np.zeros(len(rows), dtype=int)
    if not answered.all():  # sorting thousands of rows takes longer than the rest
        sets, which = np.unique(answered, axis=0, return_inverse=True)
    if len(rows) <= len(columns) or answered.all():
        check_moments(Moments.from_rows(columns, np.nan_to_num(rows), weights), name)
    patterns = []
    for number, answers in enumerate(sets):
        here, seen = which.ravel() == number, np.flatnonzero(answers)
        names = [columns[i] for i in seen.tolist()]
        part = Moments.from_rows(names, rows[here][:, seen], weights[here])
        scale = part.n / (part.n - 1) if wishart else 1.0
        covariance = part.cross / part.weight * scale
        labels = None if clusters is None else clusters[here]
        patterns.append(
            Pattern(part.weight, seen, part.mean, covariance,
                    rows[here][:, seen], weights[here], labels)
        )  # fmt: skip
    n = float(weights.sum())
    whole = len(patterns) == 1 and len(patterns[0].seen) == len(columns)
    both = (patterns[0].mean, patterns[0].covariance) if whole else saturated(patterns, columns)
    return Group(name, n, n - wishart, tuple(patterns), *both)


def saturated(patterns: Sequence[Pattern], columns: Sequence[str]) -> tuple[Array, Array]:
    """Maximum-likelihood mean and covariance from incomplete answers, by the EM algorithm.

    Parameters
    ----------
    patterns : sequence of Pattern
    columns : sequence of str

    Returns
    -------
    mean, covariance : ndarray

    Raises
    ------
    DataError
        If an item or a pair of items was never answered (together), or EM does not converge.

    References
    ----------
    Dempster, Laird & Rubin (1977), JRSS B 39, 1-38; Enders (2010), Applied Missing Data Analysis,
    section 4.10.
    """
    k, total = len(columns), sum(pattern.weight for pattern in patterns)
    together = np.zeros((k, k))
    for pattern in patterns:
        together[np.ix_(pattern.seen, pattern.seen)] += pattern.weight
    for a, b in np.argwhere(together == 0).tolist():
        raise DataError(f"nobody answered {columns[a]} and {columns[b]} together; drop one.")
    mean, spread = marginal(patterns, k)
    covariance = np.diag(spread)
    if (np.diag(covariance) <= 1e-12).any():
        constant = columns[int(np.diag(covariance).argmin())]
        raise DataError(f"{constant} does not vary; take it out of the model.")
    for _ in range(MOST_STEPS):
        new_mean, new = _em_step(patterns, total, mean, covariance)
        scale = np.sqrt(np.diag(new))
        moved = max(np.abs((new_mean - mean) / scale).max(),
                    np.abs((new - covariance) / np.outer(scale, scale)).max())  # fmt: skip
        mean, covariance = new_mean, new
        if moved < 1e-11:
            return mean, covariance
    raise DataError(
        f"the EM algorithm did not settle in {MOST_STEPS} steps: too little was answered together. "
        "Take out the items with most missing answers, or use missing = 'listwise'."
    )


def marginal(patterns: Sequence[Pattern], k: int) -> tuple[Array, Array]:
    """Mean and variance of each item over those who answered it."""
    count, mean, second = np.zeros(k), np.zeros(k), np.zeros(k)
    for pattern in patterns:
        count[pattern.seen] += pattern.weight
        mean[pattern.seen] += pattern.weight * pattern.mean
        second[pattern.seen] += pattern.weight * (np.diag(pattern.covariance) + pattern.mean**2)
    return mean / count, second / count - (mean / count) ** 2


def _em_step(
    patterns: Sequence[Pattern], total: float, mean: Array, covariance: Array
) -> tuple[Array, Array]:
    k = len(mean)
    full, spread = [], np.zeros((k, k))
    for pattern in patterns:
        seen = pattern.seen
        # Regression of all items on the answered ones: the identity for those.
        slopes = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[seen]).T
        left = covariance - slopes @ covariance[seen]
        full.append(mean + slopes @ (pattern.mean - mean[seen]))
        spread += pattern.weight * (slopes @ pattern.covariance @ slopes.T + left)
    weight = np.array([pattern.weight for pattern in patterns])
    expected = np.array(full)
    new = weight @ expected / total
    away = expected - new
    new_covariance = (spread + (away * weight[:, None]).T @ away) / total
    return new, (new_covariance + new_covariance.T) / 2
