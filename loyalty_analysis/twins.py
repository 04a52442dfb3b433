"""The error-corrected twin of every slope: the same equations among constructs free of error.

Scores carry the error of their items. It shrinks the slopes of constructs measured badly and lends
part of them to constructs that go with them, so that composites alone can say that one construct
adds to another when it does not. A latent model of every column (constructs behind their items,
single items at their declared reliability, controls taken as free of error) gives the correlations
of the constructs themselves, and every standardized slope is a function of these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from loyalty_analysis.equations import Equation
from loyalty_analysis.errors import DataError
from loyalty_analysis.factors import Factors, factors
from loyalty_analysis.inference import FEW_CLUSTERS, Estimate, Sample
from loyalty_analysis.moments import Array, Moments, one_thread, standardized_slopes
from loyalty_analysis.sem_fit import Fit, fit_model
from loyalty_analysis.sem_model import ModelError
from loyalty_analysis.sem_results import with_covariance
from loyalty_analysis.survey import Survey


@dataclass(frozen=True, eq=False)
class Twins:
    """The latent model of every column of a study.

    Attributes
    ----------
    factors : Factors
    fit : Fit
        Factors of variance 1; robust errors where there are respondents, incomplete ones included.
    """

    factors: Factors
    fit: Fit
    _found: dict[tuple[str, ...], Estimate] = field(default_factory=dict, init=False, repr=False)

    @property
    def sample(self) -> Sample:
        """What was fitted to."""
        return self.factors.sample()

    @property
    def df(self) -> float:
        """Degrees of freedom of the intervals: as those of the composite slopes."""
        if self.fit.data.clustered:
            return float(len(self.sample.cluster_names) - 1)
        return float(self.fit.data.n - len(self.factors.items))

    @cached_property
    def _left_out(self) -> list[Twins]:
        """The same model without each cluster in turn; none where one of them has no solution."""
        sample = self.sample
        try:
            return [_without(self, sample, name) for name in sample.cluster_names]
        except (DataError, ModelError):
            return []

    def slopes(self, equation: Equation, terms: Sequence[str]) -> Estimate:
        """Standardized slopes of one equation among latent constructs.

        Parameters
        ----------
        equation : Equation
        terms : sequence of str
            Columns of the right side: constructs and covariates.

        Returns
        -------
        Estimate
            One value for each term: SDs of the construct per SD of the term (categories: per
            unit).
        """
        key = (equation.outcome, *terms)
        scaled = self.factors.survey.scaled
        if key not in self._found:
            self._found[key] = self.estimate(
                lambda moments: standardized_slopes(moments, equation.outcome, terms, scaled),
                [*terms, equation.outcome],
            )
        return self._found[key]

    def estimate(self, function: Callable[[Moments], Array], names: Sequence[str]) -> Estimate:
        """Evaluate a function of the moments of constructs that are free of error.

        Parameters
        ----------
        function : callable
            Of the moments of the named columns, leading dimensions kept
            (:func:`inference.vectorized`); it should not depend on means.
        names : sequence of str
            Constructs and covariates.

        Returns
        -------
        Estimate
            Errors by the delta method from the errors of the latent model, clusters summed; with
            fewer than 50 clusters by the jackknife over clusters, and unknown (nan) where the
            model has no solution without one of them.
        """
        index = [self._place(name) for name in names if name in self.factors.items]
        used = self.fit.graphs[0].behind(np.array(index))[1]

        def value(theta: Array) -> Array:
            return function(self._moments(names, theta))

        if self.fit.data.clustered and self.df + 1 < FEW_CLUSTERS:
            found = value(self.fit.theta)
            if not self._left_out:
                unknown = np.full((len(found), len(found)), np.nan)
                return Estimate(found, unknown, self.df, "jackknife over clusters")
            each = np.array([function(o._moments(names, o.fit.theta)) for o in self._left_out])
            away = each - each.mean(axis=0)
            covariance = away.T @ away * ((len(each) - 1) / len(each))
            return Estimate(found, covariance, self.df, "jackknife over clusters")
        found, covariance = with_covariance(self.fit, used, value)
        return Estimate(found, covariance, self.df, "latent model")

    def _moments(self, names: Sequence[str], theta: Array) -> Moments:
        """Moments as a function of the parameters; leading dimensions of theta are kept."""
        graph, n = self.fit.graphs[0], self.fit.data.n
        # A covariate is its own column; a construct stands behind its items. Without its cluster a
        # category may be gone: its row of zeros leaves it the slope 0.
        present = [at for at, name in enumerate(names) if name in self.factors.items]
        index = np.array([self._place(names[at]) for at in present])
        inside, _ = graph.behind(index)
        index = np.searchsorted(inside, index)
        spread = graph.moments(theta, inside)[0][..., index[:, None], index]
        # Of a single item the reliability is known, not the error variance: that varies with it.
        share = np.array([self._share(names[at]) for at in present])
        spread = np.where(np.eye(len(index), dtype=bool), spread * share, spread)
        cross = np.zeros((*spread.shape[:-2], len(names), len(names)), dtype=spread.dtype)
        cross[..., np.array(present)[:, None], present] = n * spread
        mean = np.zeros((*spread.shape[:-2], len(names)))
        return Moments(tuple(names), n, float(n), float(n), mean, cross)

    def _place(self, name: str) -> int:
        """Node of a construct or covariate: its factor, or its one item."""
        items = self.factors.items[name]
        node = self.factors.factor[name] if len(items) > 1 else self.factors.column[items[0]]
        return self.fit.graphs[0].nodes.index(node)

    def _share(self, name: str) -> float:
        known = self.factors.survey.study.constructs
        single = name in known and len(self.factors.items[name]) == 1
        return (known[name].reliability or 1.0) if single else 1.0


@one_thread
def twins(survey: Survey) -> Twins:
    """Fit the latent model of every column of a study.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    Twins

    Raises
    ------
    DataError
        If the items cannot carry a latent model: too few respondents, constant or repeated items.
    ModelError
        If the model is not identified, or no maximum was found.

    References
    ----------
    Bollen (1989), Structural Equations with Latent Variables, chapter 5 (what error does to
    slopes), p. 168 (single items); Westfall & Yarkoni (2016), PLoS ONE 11, e0152719 (claims of
    incremental validity).

    Notes
    -----
    The structural part leaves no degrees of freedom, so that every equation of a study, with and
    without the mediator, follows from one fit. Checked against lavaan.

    Examples
    --------
    >>> from loyalty_analysis.equations import equations
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("mobile_customers")
    >>> equation = equations(survey.study)[0]
    >>> slopes = twins(survey).slopes(equation, survey.terms(equation.terms)).values.round(2)
    >>> dict(zip(equation.terms, slopes.tolist(), strict=True))
    {'competence': -0.02, 'likeability': 0.67}
    """
    names = survey.study.model_constructs
    covariates = [name for name in survey.moments.columns if name not in survey.study.constructs]
    found = factors(survey, names, covariates)
    return Twins(found, fit_latent(found, found.sample()))


def fit_latent(found: Factors, sample: Sample, start: Array | None = None) -> Fit:
    """Fit the measurement model of some factors of variance 1, all free to covary.

    Answers that are missing enter by full-information maximum likelihood. Every factor points where
    most of its items do, as its score does, whatever its first item.
    """
    rows = sample.rows
    holes = rows is not None and any(np.isnan(part).any() for part in rows.values())
    return _pointed(fit_model(
        found.script(), sample, robust=rows is not None, missing="ml" if holes else "listwise",
        means=holes, standardized_factors=True, start=start,
    ))  # fmt: skip


def _pointed(fit: Fit) -> Fit:
    """The same solution, factors turned round whose standardized loadings are negative in sum."""
    sd = dict(zip(fit.data.columns, np.sqrt(np.diag(fit.data.groups[0].covariance)), strict=True))
    total = dict.fromkeys(fit.model.latent, 0.0)
    for row in fit.rows:
        if row.op == "=~" and row.free >= 0:
            total[row.lhs] += fit.theta[row.free] / sd[row.rhs]
    theta = fit.theta.copy()
    for row in fit.rows:
        ends = [row.lhs] if row.op == "=~" else [row.lhs, row.rhs] if row.op == "~~" else []
        if row.free >= 0 and sum(total.get(end, 0.0) < 0 for end in ends) == 1:
            theta[row.free] = -theta[row.free]
    return replace(fit, theta=theta)


def _without(whole: Twins, sample: Sample, cluster: object) -> Twins:
    """The latent model without the respondents of one cluster."""
    assert sample.rows is not None and sample.clusters is not None
    kept = sample.clusters[""] != cluster
    rows = sample.rows[""][kept]
    still = {name for name, values in zip(sample.columns, rows.T, strict=True)
             if np.nanmin(values) == np.nanmax(values)}  # fmt: skip
    found = whole.factors
    gone = [name for name in found.items if found.column[found.items[name][0]] in still]
    if any(name in found.survey.study.constructs for name in gone):
        raise DataError(f"without one of its clusters {', '.join(gone)} does not vary.")
    if gone:
        left = [n for n in found.items if n not in gone and n not in found.survey.study.constructs]
        found = factors(found.survey, found.survey.study.model_constructs, left)
    index = [sample.columns.index(name) for name in found.column.values()]
    weights = None if sample.weights is None else {"": sample.weights[""][kept]}
    part = Sample(tuple(found.column.values()), {}, {"": rows[:, index]}, weights)
    start = None if gone else whole.fit.theta
    return Twins(found, fit_latent(found, part, start))
