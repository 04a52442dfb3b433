"""Fitting latent variable models by maximum likelihood, one or several groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.sem_data import SemData, marginal, sem_data
from loyalty_analysis.sem_graph import Graph
from loyalty_analysis.sem_likelihood import Likelihood, inverse
from loyalty_analysis.sem_model import Key, LatentModel, ModelError, Row, parameter_table, parse


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted latent model.

    Attributes
    ----------
    model : LatentModel
    likelihood : Likelihood
        Its ``rows`` are the parameter table, its ``data`` what was fitted to.
    theta : ndarray
        Free parameters.
    settings : dict
        Keywords of `parameter_table` and the estimator, for refits and the printed script.
    steps : int
        Steps of the optimizer.
    """

    model: LatentModel
    likelihood: Likelihood
    theta: Array
    settings: dict[str, object]
    steps: int

    @property
    def rows(self) -> tuple[Row, ...]:
        """The parameter table."""
        return tuple(self.likelihood.rows)

    @property
    def data(self) -> SemData:
        """What was fitted to."""
        return self.likelihood.data

    @property
    def graphs(self) -> list[Graph]:
        """One for each group."""
        return self.likelihood.graphs

    @property
    def robust(self) -> bool:
        """Whether errors and tests hold without normality."""
        return bool(self.settings["robust"])

    @property
    def means(self) -> bool:
        """Whether intercepts and means are modelled."""
        return self.graphs[0].means

    @property
    def df(self) -> int:
        """Degrees of freedom."""
        return self.likelihood.df

    @cached_property
    def chi2(self) -> float:
        """Likelihood-ratio statistic against the saturated model."""
        gap = self.likelihood.value(self.theta) - self.likelihood.saturated()
        return 2 * self.data.size * gap

    @cached_property
    def information(self) -> Array:
        """Information per respondent behind the errors: expected, or observed where needed."""
        if self.robust or self.data.missing:
            return self.likelihood.curvature(self.theta)
        return self.likelihood.slopes(self.theta)[1]

    @cached_property
    def covariance(self) -> Array:
        """Covariance of the free parameters."""
        bread = inverse(self.information, self.rows)
        if not self.robust:
            return bread / self.data.size
        from loyalty_analysis.sem_robust import meat

        return bread @ meat(self) @ bread / self.data.n

    @cached_property
    def saturated_trace(self) -> float:
        """Trace behind the scaling factor, of the saturated model."""
        from loyalty_analysis.sem_robust import saturated_trace

        # Fits to the same answers have the same saturated model, covariates aside.
        key = f"saturated trace, means {self.means}"
        if any(row.sampled for row in self.rows):
            return saturated_trace(self)
        if key not in self.data.shared:
            self.data.shared[key] = saturated_trace(self)
        return self.data.shared[key]

    @cached_property
    def scaling_factor(self) -> float:
        """What the chi-square of a robust fit is divided by; nan without degrees of freedom."""
        from loyalty_analysis.sem_robust import scaling_factor

        return scaling_factor(self, self.saturated_trace)


def plain_model(fit: Fit, *, saturated: bool) -> Fit:
    """The model of free covariances, or of none: the baseline of CFI and TLI.

    Covariates that are taken as they are stay so. Neither model needs an optimizer.
    """
    names = fit.model.observed
    taken = {row.key for row in fit.rows if row.sampled}
    rows: list[Row] = []
    theta: list[float] = []

    def add(a: str, op: str, b: str, group: int, level: float) -> None:
        sampled = bool({(a, op, b), (b, op, a)} & taken)
        index = -1 if sampled else len(theta)
        rows.append(Row(a, op, b, group, "", index, float("nan"), sampled))
        theta.extend([] if sampled else [level])

    for number, group in enumerate(fit.data.groups):
        mean, variance = marginal(group.patterns, len(names))
        if saturated:
            mean, variance = group.mean, np.diag(group.covariance)
        for j, b in enumerate(names):
            for i, a in enumerate(names[: j + 1]):
                if saturated or a == b or {(a, "~~", b), (b, "~~", a)} & taken:
                    level = variance[i] if a == b else group.covariance[i, j]
                    add(a, "~~", b, number, float(level))
            if fit.means:
                add(b, "~1", "", number, float(mean[j]))
    return Fit(fit.model, Likelihood(rows, fit.data, names, ()), np.array(theta), fit.settings, 0)


def fit_model(
    model: LatentModel | str,
    data: Moments | Mapping[str, Moments] | Sample | SemData,
    *,
    robust: bool | None = None,
    missing: str = "listwise",
    means: bool | None = None,
    equal: Collection[str] = (),
    partial: Collection[Key] = (),
    standardized_factors: bool = False,
    fixed_covariates: bool = True,
    wishart: bool = False,
    start: Array | None = None,
) -> Fit:
    """Fit a latent variable model by maximum likelihood.

    Parameters
    ----------
    model : LatentModel or str
        A model, or its script in lavaan syntax.
    data : Moments, mapping of str to Moments, or Sample
        One group or several; respondents are needed for ``robust`` and ``missing="ml"``.
    robust : bool, optional
        Sandwich errors and scaled statistic (MLR); default: where there are weights or clusters.
    missing : {"listwise", "ml"}
        Leave incomplete respondents out, or full-information maximum likelihood.
    means : bool, optional
        Model means; default: with several groups, missing answers or clusters.
    equal, partial, standardized_factors, fixed_covariates
        See `parameter_table`.
    wishart : bool
        Divisor n - 1 instead of n.
    start : ndarray, optional
        Where the search begins, such as the solution for almost the same data.

    Returns
    -------
    Fit

    Raises
    ------
    DataError
        If the data cannot carry a latent model, or errors of weighted or clustered data are asked
        for that hold for simple random samples only.
    ModelError
        If the model is not identified, or no maximum was found.

    Examples
    --------
    >>> from loyalty_analysis.moments import Moments
    >>> rows = np.random.default_rng(1).normal(size=(200, 1)) + np.random.default_rng(2).normal(
    ...     size=(200, 4))
    >>> fit = fit_model("f =~ a + b + c + d", Moments.from_rows(list("abcd"), rows))
    >>> fit.df, bool(fit.chi2 < 10)
    (2, True)
    """
    model = parse(model) if isinstance(model, str) else model
    known = data if isinstance(data, SemData) else sem_data(
        data, model.observed, missing=missing, wishart=wishart)  # fmt: skip
    if known.columns != model.observed:
        raise DataError(f"data of {known.columns} cannot fit a model of {model.observed}.")
    robust = known.weighted or known.clustered if robust is None else robust
    if not robust and (known.weighted or known.clustered):
        raise DataError(
            "weights and clusters need robust errors (robust = True): others would be wrong."
        )
    if robust and not known.has_rows:
        raise DataError("robust errors need respondents; moments alone give classical errors.")
    if means is None:
        means = len(known.groups) > 1 or known.missing or known.clustered
    options = {"equal": tuple(equal), "partial": tuple(partial),
               "standardized_factors": standardized_factors,
               "fixed_covariates": fixed_covariates and not known.missing}  # fmt: skip
    rows = tuple(parameter_table(model, len(known.groups), means=means or known.missing, **options))  # type: ignore[arg-type]
    likelihood = Likelihood(rows, known, model.observed, model.latent)
    if likelihood.df < 0:
        raise ModelError(
            f"the model has {-likelihood.df} more free parameters than the data have moments: it "
            "is not identified. A factor that stands alone needs three items."
        )
    theta, steps = likelihood.maximize(
        starting_values(model, likelihood) if start is None else start
    )
    settings = {**options, "robust": robust, "missing": missing, "wishart": wishart}
    return Fit(model, likelihood, theta, settings, steps)


def anchor(model: LatentModel, name: str) -> str:
    """The observed variable that gives a latent one its direction: its first item's first item."""
    return anchor(model, model.indicators[name][0]) if name in model.indicators else name


def starting_values(model: LatentModel, likelihood: Likelihood) -> Array:
    """Start where factors explain half of their items' variances and nothing else is related.

    Loadings take the ratio of spreads and the sign of the covariance with the first item.
    """
    theta = np.zeros(likelihood.free)
    measured = {item for items in model.indicators.values() for item in items}
    for graph, group in reversed(likelihood.parts):
        place = {name: number for number, name in enumerate(model.observed)}
        sd = dict(zip(model.observed, np.sqrt(np.diag(group.covariance)), strict=True))
        unit = {r.lhs for r in graph.rows if r.op == "~~" and r.lhs == r.rhs and r.value == 1}
        for factor in sorted(model.latent, key=lambda f: model.indicators[f][0] in model.latent):
            sd[factor] = 1.0 if factor in unit else np.sqrt(0.5) * sd[model.indicators[factor][0]]
        for lhs, op, rhs, _, _, free, *_ in graph.rows:
            if op == "=~" and free >= 0:
                turned = group.covariance[place[anchor(model, lhs)], place[anchor(model, rhs)]] < 0
                theta[free] = (-1 if turned else 1) * np.sqrt(0.5) * sd[rhs] / sd[lhs]
            elif op == "~1" and free >= 0:
                theta[free] = group.mean[place[lhs]] if lhs in place else 0.0
            elif lhs == rhs and free >= 0:
                theta[free] = sd[lhs] ** 2 * (0.5 if lhs in measured else 1.0)
    return theta
