"""Mediation: what of a slope runs through a mediator, for every driver and outcome jointly.

All equations are functions of the same moments, so direct and indirect effects add up to the total
one, a resample is the same for both equations, and intervals come from influence values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from loyalty_analysis.bootstrap import SEED, bootstrap
from loyalty_analysis.claims import Claim
from loyalty_analysis.equations import equation_of, equations
from loyalty_analysis.inference import Estimate, Sample, estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.regression import check_equation
from loyalty_analysis.rules import LEAST_DF
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import contrast_rows, latent_columns, numbers, satterthwaite
from loyalty_analysis.twins import Twins

THROUGH = " -> "
"""Stands between the constructs of a path."""
_DRAWS = 20_000
_KEYS = ["driver", "mediator", "outcome", "effect", "scale"]
EFFECTS, SCALES = ("direct", "indirect", "total"), ("raw", "standardized")
DECLARED = "declared"
DRIVER, OUTCOME = "driver and mediator exchanged", "mediator and outcome exchanged"


def effects(
    moments: Moments, drivers: Sequence[str], mediator: str, outcome: str, beside: Sequence[str]
) -> Array:
    """Direct, indirect and total effects of each driver, all drivers in every equation.

    Parameters
    ----------
    moments : Moments
    drivers : sequence of str
    mediator, outcome : str
    beside : sequence of str
        Columns that are held constant in both equations.

    Returns
    -------
    ndarray, shape (3, len(drivers))
        Rows as in `EFFECTS`, in points of the outcome per point of the driver; leading dimensions
        of the moments are kept. The total is the slope without the mediator, to rounding.

    References
    ----------
    Baron & Kenny (1986), JPSP 51, 1173-1182; MacKinnon (2008), Introduction to Statistical
    Mediation Analysis, chapter 6 (several predictors).

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "m": [1.0, 3, 2, 4], "y": [2.0, 5, 3, 9]})
    >>> effects(Moments.from_frame(frame), ["x"], "m", "y", []).ravel().round(2)
    array([0.17, 1.73, 1.9 ])
    """
    count = len(drivers)
    first = slopes(moments, mediator, [*drivers, *beside])[..., :count]
    second = slopes(moments, outcome, [*drivers, mediator, *beside])
    direct, indirect = second[..., :count], first * second[..., count : count + 1]
    return np.stack([direct, indirect, direct + indirect], axis=-2)


def chain(moments: Moments, path: Sequence[str], beside: Sequence[Sequence[str]]) -> Array:
    """Indirect effect along a path: the product of its slopes, in SDs.

    Parameters
    ----------
    moments : Moments
    path : sequence of str
        The term, its mediators in order, the outcome. Each stands on the one before it, with all
        earlier ones held constant.
    beside : sequence of sequences of str
        What else is held constant, for each link.

    Returns
    -------
    ndarray, shape (1,)
        SDs of the outcome per SD of the term; leading dimensions of the moments are kept.

    References
    ----------
    Hayes (2018), Introduction to Mediation, Moderation, and Conditional Process Analysis, section
    5.4 (serial mediation).

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "m": [1.0, 3, 2, 4], "y": [2.0, 5, 3, 9]})
    >>> chain(Moments.from_frame(frame), ["x", "m", "y"], [[], []]).round(3)
    array([0.723])
    """
    return np.prod(links(moments, path, beside), axis=-1, keepdims=True)


def links(moments: Moments, path: Sequence[str], beside: Sequence[Sequence[str]]) -> Array:
    """Standardized slopes along a path, see :func:`chain`, whose product they make.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "m": [1.0, 3, 2, 4], "y": [2.0, 5, 3, 9]})
    >>> links(Moments.from_frame(frame), ["x", "m", "y"], [[], []]).round(3)
    array([0.8  , 0.904])
    """
    found = [
        slopes(moments, path[step], [path[step - 1], *path[: step - 1], *rest])[..., :1]
        for step, rest in enumerate(beside, 1)
    ]
    size = moments[path].size
    return np.concatenate(found, axis=-1) * size[..., :-1] / size[..., 1:]


def product_interval(found: Estimate, level: float = 0.95) -> tuple[float, float]:
    """Interval of the product of estimates, which is skewed: that of drawn links.

    Always the same draws, from the t distribution of the estimates, each with its mirror image.

    References
    ----------
    MacKinnon, Lockwood & Williams (2004), Multivariate Behavioral Research 39, 99-128.

    Examples
    --------
    >>> one = Estimate(np.array([0.3, 0.2]), np.diag([0.01, 0.01]), 200.0, "influence")
    >>> [round(end, 3) for end in product_interval(one)]
    [0.0, 0.145]
    """
    if not np.isfinite(found.covariance).all():
        return np.nan, np.nan
    random = np.random.Generator(np.random.Philox(key=SEED))
    drawn = random.standard_normal((_DRAWS, len(found.values)))
    values, vectors = np.linalg.eigh(found.covariance)
    spread = drawn @ (vectors * np.sqrt(np.maximum(values, 0))).T
    spread /= np.sqrt(random.chisquare(found.df, _DRAWS) / found.df)[:, None]
    both = np.concatenate([found.values + spread, found.values - spread]).prod(axis=1)
    low, high = np.quantile(both, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Columns:
    """The columns of the mediation of a study: controls with their categories split."""

    survey: Survey
    drivers: tuple[str, ...]
    mediator: str
    outcomes: tuple[str, ...]
    controls: tuple[str, ...]

    def sample(self, outcome: str) -> Sample:
        """The columns of one outcome's equations: other outcomes play no part in its errors."""
        return self.survey.sample([*self.drivers, self.mediator, outcome, *self.controls])

    @property
    def all(self) -> list[str]:
        """Every column of the equations."""
        return [*self.drivers, self.mediator, *self.outcomes, *self.controls]

    def beside(self, *path: str) -> list[str]:
        """Drivers that are not on a path, and controls."""
        return [name for name in self.drivers if name not in path] + list(self.controls)


def columns_of(survey: Survey) -> Columns | None:
    """Columns of the mediation of a study; None without a mediator.

    Raises
    ------
    CollinearError, DataError
        When the data do not decide the slopes.
    """
    model = survey.study.model
    if model.mediator is None:
        return None
    controls = survey.terms(model.controls)
    found = Columns(survey, model.drivers, model.mediator, tuple(model.outcomes), controls)
    for outcome in found.outcomes:
        terms = (*found.drivers, found.mediator, *controls)
        check_equation(survey.moments, terms, f"{outcome}.direct")
    return found


def _both_scales(moments: Moments, design: Columns, outcome: str) -> Array:
    """Effects on one outcome: scale x effect x driver, in one row; leading dimensions are kept."""
    drivers = design.drivers
    raw = effects(moments, drivers, design.mediator, outcome, design.controls)
    size = moments[[*drivers, outcome]].size
    unit = (size[..., :-1] / size[..., -1:])[..., None, :]
    both = np.stack([raw, raw * unit], axis=-3)
    return both.reshape(*both.shape[:-3], -1)


@one_thread
def mediation(
    survey: Survey, latent: Twins | None = None, drawn: Mapping[str, Moments] | None = None
) -> pd.DataFrame:
    """Estimate direct, indirect and total effects of every driver on every outcome.

    Parameters
    ----------
    survey : Survey
    latent : Twins, optional
        For effects corrected for measurement error.
    drawn : mapping of str to Moments, optional
        Resamples (:func:`bootstrap.resampled`) of the model's columns, for percentile intervals.

    Returns
    -------
    DataFrame
        One row per driver, outcome, effect (direct, indirect, total) and scale (raw,
        standardized): driver, mediator, outcome, effect, scale, estimate, std_error, df,
        statistic, p_value, conf_low, conf_high, n; df_satterthwaite (the least of the slopes behind
        it; empty without clusters); boot_low, boot_high, replicates, failed (ends stay empty where
        more than 5% failed); share_mediated, share_low, share_high (indirect divided by total with
        Fieller's interval, on standardized indirect rows where the total can be told from zero and
        no part can be told to run against the other); latent, latent_std_error, latent_df,
        latent_low, latent_high (standardized rows). Empty without a mediator.

    Raises
    ------
    CollinearError, DataError
        When the data do not decide the slopes.

    Notes
    -----
    Checked against lavaan (estimates, delta errors, 10,000 bootstrap replicates); intervals by
    simulation (``benchmarks/calibration``). Those of indirect effects are skewed as products are
    (:func:`product_interval`); exchanged orders, groups and sensitivity have symmetric ones.
    Fieller (1954), JRSS B 16, 175-185.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = mediation(read_survey("mobile_customers"))
    >>> key = {"driver": "likeability", "outcome": "loyalty", "scale": "standardized"}
    >>> chosen = table[(table[list(key)] == pd.Series(key)).all(axis=1)]
    >>> dict(zip(chosen["effect"], chosen["estimate"].round(2).tolist(), strict=True))
    {'direct': 0.33, 'indirect': 0.23, 'total': 0.56}
    """
    design = columns_of(survey)
    if design is None:
        return pd.DataFrame()
    tables = [_of_outcome(design, outcome, latent, drawn) for outcome in design.outcomes]
    return pd.concat(tables, ignore_index=True)


def _of_outcome(
    design: Columns, outcome: str, latent: Twins | None, drawn: Mapping[str, Moments] | None
) -> pd.DataFrame:
    survey, sample = design.survey, design.sample(outcome)

    @vectorized
    def values(moments: Moments) -> Array:
        return _both_scales(moments, design, outcome)

    found = estimate(single(values), sample)
    keys = product(SCALES, EFFECTS, design.drivers)
    table = pd.DataFrame(keys, columns=["scale", "effect", "driver"])
    table = table.assign(mediator=design.mediator, outcome=outcome)[_KEYS]
    table = table.assign(**numbers(found, survey.n), df_satterthwaite=_least_dfs(design, outcome))
    _skewed(table, design, outcome, sample)
    table["boot_low"] = table["boot_high"] = np.nan
    table["replicates"], table["failed"] = 0, 0
    if drawn is not None:
        resamples = bootstrap(single(values), sample, drawn=drawn)
        table["replicates"], table["failed"] = len(resamples.replicates), resamples.failed
        if resamples.sound:
            table["boot_low"], table["boot_high"] = resamples.interval()
    standard = (table["scale"] == "standardized").to_numpy()
    shown = standard & (table["effect"] == "indirect").to_numpy()
    names = ["share_mediated", "share_low", "share_high"]
    table[names] = np.nan
    table.loc[shown, names] = _share_mediated(table[standard], found, np.flatnonzero(shown))
    twin = None
    if latent is not None:
        columns = sample.columns
        twin = latent.estimate(lambda moments: values(moments)[..., standard], columns)
    for name, column in latent_columns("latent", twin, int(standard.sum())).items():
        table.loc[standard, name] = column
    return table


def _skewed(table: pd.DataFrame, design: Columns, outcome: str, sample: Sample) -> None:
    """Put the intervals of products in the rows of indirect effects."""
    p = len(design.drivers)

    @vectorized
    def values(moments: Moments) -> Array:
        first = slopes(moments, design.mediator, [*design.drivers, *design.controls])[..., :p]
        terms = [design.mediator, *design.drivers, *design.controls]
        onward = slopes(moments, outcome, terms)[..., :1]
        size = moments[[*design.drivers, design.mediator, outcome]].size
        to = first * size[..., :p] / size[..., p : p + 1]
        standard = onward * size[..., p : p + 1] / size[..., -1:]
        return np.concatenate([first, onward, to, standard], axis=-1)

    found = estimate(single(values), sample)
    for scale, start in zip(SCALES, (0, p + 1), strict=True):
        rows = (table["scale"] == scale) & (table["effect"] == "indirect")
        pairs = [np.eye(2 * p + 2)[[start + at, start + p]] for at in range(p)]
        ends = [product_interval(found.combine(pair)) for pair in pairs]
        table.loc[rows, ["conf_low", "conf_high"]] = np.array(ends)


def _least_dfs(design: Columns, outcome: str) -> Array | float:
    """Least Satterthwaite degrees of freedom of the slopes behind each row of one outcome."""
    if design.survey.clusters is None:
        return np.nan
    p = len(design.drivers)
    first = [*design.drivers, *design.controls]
    second = [*first[:p], design.mediator, *first[p:]]
    to, total, beside = (
        np.asarray(satterthwaite(design.survey.sample([*terms, left]), np.eye(len(terms))[:count]))
        for terms, left, count in (
            (first, design.mediator, p), (first, outcome, p), (second, outcome, p + 1),
        )
    )  # fmt: skip
    return np.tile(np.concatenate([beside[:p], np.minimum(to, beside[p]), total]), 2)


def _share_mediated(table: pd.DataFrame, found: Estimate, rows: Array) -> Array:
    """Indirect divided by total with Fieller's interval, where that has meaning.

    ``rows`` are the places of the indirect effects among the values; totals follow them.
    """
    count = len(rows)
    indirect, total = found.values[rows], found.values[rows + count]
    square = float(stdtrit(found.df, 0.975)) ** 2
    covariance = square * found.covariance
    a = total**2 - covariance[rows + count, rows + count]
    b = indirect * total - covariance[rows, rows + count]
    c = indirect**2 - covariance[rows, rows]
    with np.errstate(divide="ignore", invalid="ignore"):  # a total that is not told has none
        half = np.sqrt(b**2 - a * c) / a
        share = np.column_stack([indirect / total, b / a - half, b / a + half])
    sides = {name: _sides(part) for name, part in table.groupby("effect", sort=False)}
    opposed = sides["direct"] * sides["indirect"] < 0
    share[(sides["total"] == 0) | opposed] = np.nan
    return share


def _sides(table: pd.DataFrame) -> Array:
    """Side of zero that each effect can be told to lie on; 0 when it cannot."""
    enough = ~(table[["df", "df_satterthwaite"]].min(axis=1) < LEAST_DF)
    side = (table["conf_low"] > 0).astype(int) - (table["conf_high"] < 0)
    return (side * enough).to_numpy()


@one_thread
def mediation_orders(survey: Survey) -> pd.DataFrame:
    """Indirect effects in the declared causal order and in the two that exchange a pair.

    Returns
    -------
    DataFrame
        One row per driver, outcome and order: driver, mediator, outcome, order (declared, driver
        and mediator exchanged, mediator and outcome exchanged), path, estimate (standardized),
        std_error, df, statistic, p_value, conf_low, conf_high, n. Empty without a mediator.

    Notes
    -----
    The same correlations feed all three: no cross-section can tell which order is right (Thoemmes
    2015, Basic and Applied Social Psychology 37, 226-234).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> mediation_orders(read_survey("mobile_customers"))[["path", "estimate"]].round(2).tail(1)
                                         path  estimate
    5  likeability -> loyalty -> satisfaction      0.33
    """
    design = columns_of(survey)
    if design is None:
        return pd.DataFrame()
    tables = [_orders(design, outcome) for outcome in design.outcomes]
    return pd.concat(tables, ignore_index=True)


def _orders(design: Columns, outcome: str) -> pd.DataFrame:
    keys = list(product((DECLARED, DRIVER, OUTCOME), design.drivers))
    paths = [_path(driver, design.mediator, outcome, order) for order, driver in keys]
    beside = [design.beside(driver) for _, driver in keys]

    @vectorized
    def values(moments: Moments) -> Array:
        each = [chain(moments, path, [rest] * 2) for path, rest in zip(paths, beside, strict=True)]
        return np.concatenate(each, axis=-1)

    found = estimate(single(values), design.sample(outcome))
    orders, drivers = zip(*keys, strict=True)
    known = {"driver": drivers, "mediator": design.mediator, "outcome": outcome, "order": orders}
    table = pd.DataFrame(known).assign(path=[THROUGH.join(path) for path in paths])
    return table.assign(**numbers(found, design.survey.n))


def _path(driver: str, mediator: str, outcome: str, order: str) -> tuple[str, str, str]:
    if order == DRIVER:
        return mediator, driver, outcome
    return (driver, outcome, mediator) if order == OUTCOME else (driver, mediator, outcome)


def indirect(
    survey: Survey, claim: Claim, outcome: str, latent: Twins | None = None
) -> pd.DataFrame | None:
    """Estimate the indirect effect that a claim is about, as a row of contrasts.csv.

    Parameters
    ----------
    survey : Survey
    claim : Claim
        With its term and the mediators in ``through``, in order.
    outcome : str
    latent : Twins, optional

    Returns
    -------
    DataFrame or None
        None where one of them is missing from the model.

    Notes
    -----
    A link to a construct with an equation of its own (the mediator's, or one of [paths]) takes that
    equation; any other holds every driver that is not on the path, and the controls. Degrees of
    freedom of Satterthwaite: the least of the slopes along the path.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="indirect", outcome="loyalty", term="likeability",
    ...               through=("satisfaction",), sign="+")
    >>> found = indirect(read_survey("mobile_customers"), claim, "loyalty")
    >>> found[["term", "through", "estimate"]].round(2)
              term       through  estimate
    0  likeability  satisfaction      0.23
    """
    path = (claim.term, *claim.through, outcome)
    equation = equation_of(survey.study, "indirect", outcome)
    if equation is None or set(path) - set(survey.study.model_constructs):
        return None
    beside = [survey.terms(rest) for rest in beside_path(survey.study, path)]
    for step, rest in enumerate(beside, 1):
        check_equation(survey.moments, (*path[:step], *rest), THROUGH.join(path))

    @vectorized
    def values(moments: Moments) -> Array:
        return chain(moments, path, beside)

    @vectorized
    def each(moments: Moments) -> Array:
        return links(moments, path, beside)

    columns = list(dict.fromkeys([*path, *(name for rest in beside for name in rest)]))
    twin = None if latent is None else latent.estimate(values, columns)
    sample = survey.sample(columns)
    table = contrast_rows(
        estimate(single(values), sample),
        survey.n,
        _least_df(survey, path, beside),
        twin,
        estimand="indirect",
        outcome=outcome,
        term=claim.term,
        through=THROUGH.join(claim.through),
        model=equation.model,
    )
    table[["conf_low", "conf_high"]] = product_interval(estimate(single(each), sample))
    if latent is not None:
        table[["latent_low", "latent_high"]] = product_interval(latent.estimate(each, columns))
    return table


def beside_path(study: Study, path: Sequence[str]) -> list[list[str]]:
    """What is held constant in each link of a path, beside what stands earlier on it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> beside_path(load_study("mobile_customers"), ["likeability", "satisfaction", "loyalty"])
    [['competence'], ['competence']]
    """
    model = study.model
    own = {e.outcome: e.terms for e in equations(study) if e.kind in ("mediator", "path")}
    every = (*model.drivers, *model.controls)
    return [[name for name in own.get(left, every) if name not in path] for left in path[1:]]


def _least_df(survey: Survey, path: Sequence[str], beside: Sequence[Sequence[str]]) -> float:
    if survey.clusters is None:
        return np.nan
    found = []
    for step, rest in enumerate(beside, 1):
        terms = [path[step - 1], *path[: step - 1], *rest]
        sample = survey.sample([*terms, path[step]])
        found.append(np.min(satterthwaite(sample, np.eye(len(terms))[:1])))
    return float(min(found))
