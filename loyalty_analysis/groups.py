"""Groups: whether slopes, or means, are the same in every level of a group column."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from loyalty_analysis.clusters import Wald, hotelling
from loyalty_analysis.equations import Equation
from loyalty_analysis.formatting import listing
from loyalty_analysis.group_levels import Levels, compared, levels_of, varying
from loyalty_analysis.moments import Array, one_thread, slopes
from loyalty_analysis.survey import Survey

COLUMNS = [
    "group", "model", "outcome", "levels", "statistic", "df1", "df2", "p_value", "covariance",
    "note", "n",
]  # fmt: skip
TOO_FEW = "too few clusters to test as many differences at once"


@dataclass(frozen=True)
class Joint:
    """One equation with every slope free in each level; terms per SD of the whole sample.

    Attributes
    ----------
    x, residuals : ndarray, shapes (n, k) and (n,)
        Terms centred in each level, and the intercepts, which are its means, last.
    weights, clusters : ndarray, shape (n,), or None
    values : ndarray, shape (k,)
    places : ndarray of int, shape (levels, compared)
        Places in ``values`` of what is compared: the drivers' slopes, or the means.
    """

    x: Array
    residuals: Array
    weights: Array | None
    clusters: Array | None
    values: Array
    places: Array

    @property
    def gaps(self) -> Array:
        """Contrast of every level with the first, for each slope that is compared."""
        rows = np.eye(self.x.shape[1])
        return np.vstack([rows[places] - rows[self.places[0]] for places in self.places[1:]])

    def equal(self) -> Wald:
        """Test that what is compared is the same in every level: CR2 with clusters, else HC3."""
        contrast = self.gaps
        values = contrast @ self.values
        if self.clusters is not None:
            return hotelling(self.x, self.residuals, self.clusters, self.weights, contrast, values)
        scores = self.scores(contrast, power=1.0)
        squared = float(values @ np.linalg.solve(scores.T @ scores, values))
        n, k = self.x.shape
        return Wald(squared / len(contrast), float(len(contrast)), float(n - k))

    def scores(self, contrast: Array, power: float) -> Array:
        """What each respondent adds to each combination, over ``(1 - leverage) ** power``."""
        w = np.ones(len(self.x)) if self.weights is None else self.weights
        bread = np.linalg.inv(self.x.T @ (self.x * w[:, None]))
        leverage = w * np.einsum("ij,jk,ik->i", self.x, bread, self.x)
        # Whom a category singles out is fitted exactly: there is nothing to correct.
        free = np.where(leverage < 1 - 1e-9, 1 - leverage, np.inf)
        return (self.x @ bread @ contrast.T) * (w * self.residuals / free**power)[:, None]


def joint(levels: Levels) -> Joint:
    """Fit one equation with every slope free in each level.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> joint(levels_of(survey, "sector", "repurchase")).values.round(1)
    array([4.8, 4.7])
    """
    sample, terms = levels.sample, levels.terms
    assert sample.rows is not None
    size, blocks, residuals, values, places = sample.pooled.sd[:-1], [], [], [], []
    used = 0
    for level in levels.names:
        part = sample.moments[level]
        kept = varying(part, terms)
        varies = np.array([name in kept for name in terms], dtype=bool)
        centred = sample.rows[level] - part.mean
        slope = slopes(part, sample.columns[-1], terms) if terms else np.zeros(0)
        residuals.append(centred[:, -1] - centred[:, :-1] @ slope)
        blocks.append(centred[:, :-1][:, varies] / size[varies])
        values.append((slope * size)[varies])
        places.append(used + np.cumsum(varies)[list(levels.focal)] - 1)
        used += int(varies.sum())
    means = [sample.moments[level].mean[-1] for level in levels.names]
    counts = [len(block) for block in blocks]
    ones = np.repeat(np.eye(len(counts)), counts, axis=0)
    if not levels.focal:
        places = [np.array([used + at]) for at in range(len(counts))]

    def together(parts: dict[str, Array] | None) -> Array | None:
        return None if parts is None else np.concatenate([parts[name] for name in levels.names])

    return Joint(
        np.hstack([block_diag(*blocks), ones]), np.concatenate(residuals),
        together(sample.weights), together(sample.clusters), np.concatenate([*values, means]),
        np.array(places),
    )  # fmt: skip


@one_thread
def moderation(survey: Survey) -> pd.DataFrame:
    """Test whether every driver's slope is the same in all levels of each group column.

    Every slope, those of controls too, is free in each level.

    Returns
    -------
    DataFrame
        group, model, outcome, levels (number compared), statistic (F), df1, df2, p_value,
        covariance (HC3, or CR2 where clusters are declared: the approximate Hotelling test of
        :func:`clusters.hotelling`), note (levels left out; too few clusters for a p value), n.
        Empty without groups or respondents.

    Notes
    -----
    Checked against R: ``car::linearHypothesis`` with ``sandwich`` and ``clubSandwich::Wald_test``.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.groups=['sector']"])
    >>> table = moderation(survey)
    >>> table.loc[0, ["group", "model", "covariance"]].tolist()
    ['sector', 'satisfaction', 'CR2']
    """
    if survey.frame is None:
        return pd.DataFrame(columns=COLUMNS)
    rows = [
        _omnibus(survey, equation, column)
        for column in survey.study.design.groups
        for equation in compared(survey, column)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _omnibus(survey: Survey, equation: Equation, column: str) -> dict[str, object]:
    levels = levels_of(survey, column, equation.outcome, equation.terms, equation.focal)
    test, note, names = equality(levels)
    return {
        "group": column, "model": equation.model, "outcome": equation.outcome,
        "levels": len(names), "statistic": test.statistic, "df1": test.df1, "df2": test.df2,
        "p_value": test.p_value, "covariance": "HC3" if survey.clusters is None else "CR2",
        "note": note, "n": sum(levels.sample.moments[name].n for name in names),
    }  # fmt: skip


def equality(levels: Levels) -> tuple[Wald, str, tuple[str, ...]]:
    """Test that slopes, or means, are the same in all levels; what to note; the levels compared.

    Levels that live in one cluster have no errors that clusters could tell: they are left out.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["model.controls=[]"])
    >>> test, note, names = equality(levels_of(survey, "sector", "repurchase"))
    >>> test.df1, note, names
    (1.0, '', ('goods', 'services'))
    """
    alone = [name for name in levels.names if levels.clusters_in(name) == 1]
    names = tuple(name for name in levels.names if name not in alone)
    said = [f"in one cluster only, so not compared: {listing(alone, 6)}"] if alone else []
    test = Wald(np.nan, np.nan, np.nan)
    if len(names) < 2:
        said.append("fewer than two levels can be compared")
    else:
        try:
            test = joint(replace(levels, names=names)).equal()
            said += [] if test.df2 > 0 else [TOO_FEW]
        except np.linalg.LinAlgError:
            said.append("an exact fit leaves no errors to test with")
    return test, "; ".join(filter(None, [levels.note, *said])), names
