"""How much hidden confounding of mediator and outcome an indirect effect survives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.mediation import Columns, columns_of
from loyalty_analysis.moments import Array, Moments, one_thread, residuals, slopes
from loyalty_analysis.survey import Survey

GRID = np.arange(-9, 10) / 10
"""Correlations between the errors of mediator and outcome that are gone through."""


def onward_slope(moments: Moments, mediator: str, outcome: str, given: list[str]) -> Array:
    """Slope of the outcome on the mediator if their errors correlated, for each `GRID` value.

    Then the correlation at which it is zero: that of the two residuals.

    Parameters
    ----------
    moments : Moments
    mediator, outcome : str
    given : list of str
        Everything else in both equations.

    Returns
    -------
    ndarray, shape (len(GRID) + 1,)
        Leading dimensions of the moments are kept.

    References
    ----------
    Imai, Keele & Yamamoto (2010), Statistical Science 25, 51-71, theorem 4: with r the correlation
    of the residuals of mediator and outcome given everything else, s their SDs, the slope is
    s_y / s_m (r - rho sqrt((1 - r^2) / (1 - rho^2))).

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4], "m": [1.0, 3, 2, 4], "y": [2.0, 5, 3, 9]})
    >>> onward_slope(Moments.from_frame(frame), "m", "y", ["x"])[[9, -1]].round(2)
    array([2.17, 0.89])
    """
    left = residuals(moments, [mediator, outcome], given)
    size, together = left.size, left.correlation[..., 0, 1, None]
    rest = 1 - together**2
    room = np.sqrt(np.where(rest.real > 0, rest, 0) / (1 - GRID**2))
    found = size[..., 1:] / size[..., :1] * (together - GRID * room)
    return np.concatenate([found, together], axis=-1)


@one_thread
def sensitivity(survey: Survey) -> pd.DataFrame:
    """Indirect effects if the errors of mediator and outcome were correlated.

    Returns
    -------
    DataFrame
        One row per driver, outcome and rho: driver, mediator, outcome, rho (assumed correlation of
        the errors), estimate, conf_low, conf_high (standardized indirect effect), rho_zero,
        rho_zero_low, rho_zero_high (the rho at which it vanishes, the same for every driver of an
        outcome), r2_product (its square: the product of the shares of the two residual variances
        that a hidden cause of both would have to account for), n. Empty without a mediator.

    Notes
    -----
    The step from driver to mediator is taken as free of confounding. Checked against
    ``mediation::medsens`` within its grid of 0.05.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> found = sensitivity(read_survey("mobile_customers"))
    >>> found[["outcome", "rho_zero", "r2_product"]].drop_duplicates().round(2)
       outcome  rho_zero  r2_product
    0  loyalty      0.55         0.3
    """
    design = columns_of(survey)
    if design is None:
        return pd.DataFrame()
    tables = [_of_outcome(design, outcome) for outcome in design.outcomes]
    return pd.concat(tables, ignore_index=True)


def _of_outcome(design: Columns, outcome: str) -> pd.DataFrame:
    drivers, mediator, count = design.drivers, design.mediator, len(design.drivers)
    given = [*drivers, *design.controls]

    @vectorized
    def values(moments: Moments) -> Array:
        first = slopes(moments, mediator, given)[..., :count] * moments[drivers].size
        onward = onward_slope(moments, mediator, outcome, given)
        each = first[..., None] * onward[..., None, :-1] / moments[[outcome]].size[..., None]
        return np.concatenate([each.reshape(*each.shape[:-2], -1), onward[..., -1:]], axis=-1)

    found = estimate(single(values), design.sample(outcome))
    ends = np.column_stack([found.values, *found.interval()])
    keys = pd.DataFrame(product(drivers, GRID), columns=["driver", "rho"])
    keys.insert(1, "mediator", mediator)
    keys.insert(2, "outcome", outcome)
    keys[["estimate", "conf_low", "conf_high"]] = ends[:-1]
    keys[["rho_zero", "rho_zero_low", "rho_zero_high"]] = ends[-1]
    return keys.assign(n=design.survey.n, r2_product=keys["rho_zero"] ** 2)
