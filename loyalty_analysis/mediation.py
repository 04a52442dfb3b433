"""Mediation: what of a slope runs through a mediator, for every driver and outcome jointly.

All equations are functions of the same moments, so direct and indirect effects add up to the total
one, a resample is the same for both equations, and intervals come from influence values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from loyalty_analysis.bootstrap import bootstrap
from loyalty_analysis.claims import Claim
from loyalty_analysis.equations import equation_of
from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.regression import check_equation
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import contrast_rows, latent_columns, numbers, satterthwaite
from loyalty_analysis.twins import Twins

THROUGH = " -> "
"""Stands between the constructs of a path."""
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


def chain(moments: Moments, path: Sequence[str], beside: Sequence[str]) -> Array:
    """Indirect effect along a path: the product of its slopes, in SDs.

    Parameters
    ----------
    moments : Moments
    path : sequence of str
        The term, its mediators in order, the outcome. Each stands on the one before it, with all
        earlier ones and ``beside`` held constant.
    beside : sequence of str

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
    >>> chain(Moments.from_frame(frame), ["x", "m", "y"], []).round(3)
    array([0.723])
    """
    size = moments[[path[0], path[-1]]].size
    links = [
        slopes(moments, path[step], [path[step - 1], *path[: step - 1], *beside])[..., :1]
        for step in range(1, len(path))
    ]
    return np.prod(links, axis=0) * size[..., :1] / size[..., 1:]


@dataclass(frozen=True)
class Columns:
    """The columns of the mediation of a study: controls with their categories split."""

    survey: Survey
    drivers: tuple[str, ...]
    mediator: str
    outcomes: tuple[str, ...]
    controls: tuple[str, ...]

    @property
    def all(self) -> list[str]:
        """Every column of the equations."""
        return [*self.drivers, self.mediator, *self.outcomes, *self.controls]

    def beside(self, *path: str) -> list[str]:
        """Drivers that are not on a path, and controls."""
        return [name for name in self.drivers if name not in path] + list(self.controls)

    def rows(self, **further: Iterable[object]) -> pd.DataFrame:
        """One row for each outcome, further key and driver, the last varying fastest."""
        keys = {"outcome": self.outcomes, **further, "driver": self.drivers}
        frame = pd.DataFrame(product(*keys.values()), columns=list(keys))
        return frame.assign(mediator=self.mediator)


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


def _both_scales(moments: Moments, design: Columns) -> Array:
    """Effects of every outcome: outcome x scale x effect x driver."""
    drivers, mediator = design.drivers, design.mediator
    found = []
    for outcome in design.outcomes:
        raw = effects(moments, drivers, mediator, outcome, design.controls)
        size = moments[[*drivers, outcome]].size
        unit = (size[..., :-1] / size[..., -1:])[..., None, :]
        found.append(np.stack([raw, raw * unit], axis=-3))
    return np.stack(found, axis=-4)


def _flat(values: Array, dimensions: int) -> Array:
    """Values in one row, leading dimensions kept."""
    return values.reshape(*values.shape[: values.ndim - dimensions], -1)


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
        statistic, p_value, conf_low, conf_high, n; boot_low, boot_high; share_mediated,
        share_low, share_high (indirect divided by total, on standardized indirect rows where the
        total can be told from zero and no part runs against it); latent, latent_std_error,
        latent_df, latent_low, latent_high (standardized rows). Empty without a mediator.

    Raises
    ------
    CollinearError, DataError
        When the data do not decide the slopes.

    Notes
    -----
    Checked against lavaan (estimates, delta errors, 10,000 bootstrap replicates); intervals by
    simulation (``benchmarks/calibration.py``).

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
    sample = survey.sample(design.all)

    @vectorized
    def values(moments: Moments) -> Array:
        return _flat(_both_scales(moments, design), 4)

    @vectorized
    def shares(moments: Moments) -> Array:
        found = _both_scales(moments, design)[..., 1, :, :]
        return _flat(found[..., 1, :] / found[..., 2, :], 2)

    found = estimate(single(values), sample)
    table = design.rows(scale=SCALES, effect=EFFECTS).assign(**numbers(found, survey.n))
    standard = table["scale"] == "standardized"
    ends: tuple[Array, Array] = (np.full(len(table), np.nan),) * 2
    if drawn is not None:
        ends = bootstrap(single(values), sample, drawn=drawn).interval()
    table["boot_low"], table["boot_high"] = ends
    with np.errstate(divide="ignore", invalid="ignore"):  # a total of zero has no share
        share = estimate(single(shares), sample)
    known = np.column_stack([share.values, *share.interval()])
    known[~_has_share(table[standard])] = np.nan
    names = ["share_mediated", "share_low", "share_high"]
    table.loc[standard & (table["effect"] == "indirect"), names] = known
    twin = None
    if latent is not None:
        twin = latent.estimate(
            lambda moments: _flat(_both_scales(moments, design)[..., 1, :, :], 3), design.all
        )
    for name, column in latent_columns("latent", twin, int(standard.sum())).items():
        table.loc[standard, name] = column
    first = ["driver", "mediator", "outcome", "effect", "scale"]
    return table[[*first, *(name for name in table if name not in first)]]


def _has_share(table: pd.DataFrame) -> Array:
    """Where a share mediated has meaning: a total told from zero, no part that runs against it."""
    parts = {name: table[table["effect"] == name].reset_index() for name in EFFECTS}
    total = parts["total"]
    told = (total["conf_low"] > 0) | (total["conf_high"] < 0)
    same = parts["direct"]["estimate"] * parts["indirect"]["estimate"] >= 0
    return (told & same).to_numpy()


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
    table = design.rows(order=(DECLARED, DRIVER, OUTCOME))
    paths = [
        _path(row.driver, design.mediator, row.outcome, row.order) for row in table.itertuples()
    ]
    beside = [design.beside(row.driver) for row in table.itertuples()]

    @vectorized
    def values(moments: Moments) -> Array:
        each = [chain(moments, path, rest) for path, rest in zip(paths, beside, strict=True)]
        return np.concatenate(each, axis=-1)

    found = estimate(single(values), survey.sample(design.all))
    table["path"] = [THROUGH.join(path) for path in paths]
    first = ["driver", "mediator", "outcome", "order", "path"]
    return table[first].assign(**numbers(found, survey.n))


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
    Held constant: every driver that is not on the path, and the controls. Degrees of freedom of
    Satterthwaite: the least of the slopes along the path.

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
    beside = survey.terms(beside_path(survey.study, path))
    for step in range(1, len(path)):
        check_equation(survey.moments, (*path[:step], *beside), THROUGH.join(path))

    @vectorized
    def values(moments: Moments) -> Array:
        return chain(moments, path, beside)

    columns = [*path, *beside]
    twin = None if latent is None else latent.estimate(values, columns)
    return contrast_rows(
        estimate(single(values), survey.sample(columns)),
        survey.n,
        _least_df(survey, path, beside),
        twin,
        estimand="indirect",
        outcome=outcome,
        term=claim.term,
        through=THROUGH.join(claim.through),
        model=equation.model,
    )


def beside_path(study: Study, path: Sequence[str]) -> list[str]:
    """Drivers that are not on a path, and controls: what is held constant along it.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> beside_path(load_study("mobile_customers"), ["likeability", "satisfaction", "loyalty"])
    ['competence']
    """
    model = study.model
    return [name for name in (*model.drivers, *model.controls) if name not in path]


def _least_df(survey: Survey, path: Sequence[str], beside: Sequence[str]) -> float:
    if survey.clusters is None:
        return np.nan
    found = []
    for step in range(1, len(path)):
        terms = [path[step - 1], *path[: step - 1], *beside]
        sample = survey.sample([*terms, path[step]])
        found.append(np.min(satterthwaite(sample, np.eye(len(terms))[:1])))
    return float(min(found))
