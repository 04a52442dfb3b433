"""Checks of each regression: heteroskedasticity, curvature, influential respondents."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc

from loyalty_analysis.equations import equations
from loyalty_analysis.moments import Array, one_thread
from loyalty_analysis.regression import Fit, fit, fit_rows
from loyalty_analysis.survey import Survey

COLUMNS = ["model", "check", "statistic", "df", "p_value", "note"]


@one_thread
def diagnostics(survey: Survey) -> pd.DataFrame:
    """Check every equation of a study that is known by its respondents.

    Returns
    -------
    DataFrame
        model, check (``breusch_pagan``, ``reset``, ``largest_cook``, ``largest_vif``), statistic,
        df, p_value, note. Weighted studies are checked on the unweighted fit of the same
        equation, and p values are those of independent respondents; the note says so.

    Notes
    -----
    Studentized Breusch-Pagan (Koenker 1981) and RESET with squared and cubed fitted values, as in
    R's lmtest, against which they were checked.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = diagnostics(read_survey("rice_simulated"))
    >>> sorted(table["check"].unique())
    ['breusch_pagan', 'largest_cook', 'largest_vif', 'reset']
    """
    rows = []
    notes = ["unweighted fit of the same equation"] if survey.weights is not None else []
    if survey.clusters is not None:
        notes.append("p values take respondents as independent, clusters left aside")
    note = "; ".join(notes)
    for equation in equations(survey.study):
        assert survey.frame is not None
        found = fit(survey, equation)
        if survey.weights is not None:
            found = fit_rows(survey.frame, equation.outcome, found.terms[1:])
        rows += [(equation.model, *row, note) for row in checks(found)]
    return pd.DataFrame(rows, columns=COLUMNS)


def checks(found: Fit) -> list[tuple[str, float, float, float]]:
    """Check one unweighted fit: name, statistic, degrees of freedom, p value of each check.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4, 5, 6], "y": [1.0, 4, 3, 6, 5, 9]})
    >>> [name for name, *_ in checks(fit_rows(frame, "y", ("x",)))]
    ['breusch_pagan', 'reset', 'largest_cook', 'largest_vif']
    """
    assert found.design is not None and found.residuals is not None
    design, residuals = _orthonormal(found.design), found.residuals
    leverage = np.einsum("ij,ij->i", design, design)
    return [
        ("breusch_pagan", *breusch_pagan(design, residuals)),
        ("reset", *reset(found)),
        ("largest_cook", largest_cook(residuals, leverage, design.shape[1]), np.nan, np.nan),
        ("largest_vif", _largest_vif(found.design), np.nan, np.nan),
    ]


def _orthonormal(design: Array) -> Array:
    size = np.sqrt(np.einsum("ij,ij->j", design, design))
    return np.linalg.qr(design / size)[0]


def breusch_pagan(design: Array, residuals: Array) -> tuple[float, float, float]:
    """Studentized Breusch-Pagan test on an orthonormal design: n R-squared of squared residuals.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4, 5, 6], "y": [1.0, 2, 4, 2, 8, 3]})
    >>> found = fit_rows(frame, "y", ("x",))
    >>> design = np.linalg.qr(found.design)[0]
    >>> [round(number, 3) for number in breusch_pagan(design, found.residuals)]
    [2.937, 1.0, 0.087]
    """
    squared = residuals**2
    centred = squared - squared.mean()
    explained = design @ (design.T @ squared) - squared.mean()
    statistic = len(squared) * float(explained @ explained / (centred @ centred))
    df = design.shape[1] - 1
    return statistic, float(df), float(chdtrc(df, statistic))


def reset(found: Fit) -> tuple[float, float, float]:
    """Ramsey's RESET: F test of squared and cubed fitted values; empty without respondents left.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> curved = fit_rows(pd.DataFrame({"x": x, "y": x**2 + x % 2}), "y", ("x",))
    >>> reset(curved)[2] < 0.001
    True
    """
    assert found.design is not None and found.residuals is not None
    fitted = found.design @ found.slopes
    centred = (fitted - fitted.mean()) / fitted.std()
    wider = _orthonormal(np.column_stack([found.design, centred**2, centred**3]))
    outcome = fitted + found.residuals
    rest = outcome - wider @ (wider.T @ outcome)
    small, large = float(rest @ rest), float(found.residuals @ found.residuals)
    df = found.n - wider.shape[1]
    if df < 1:
        return np.nan, 2.0, np.nan
    statistic = (large - small) / 2 / (small / df)
    return statistic, 2.0, float(fdtrc(2, df, statistic))


def largest_cook(residuals: Array, leverage: Array, parameters: int) -> float:
    """Largest Cook's distance.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [1.0, 2, 3, 4, 20], "y": [1.0, 2, 4, 3, 0]})
    >>> found = fit_rows(frame, "y", ("x",))
    >>> leverage = (np.linalg.qr(found.design)[0] ** 2).sum(axis=1)
    >>> largest_cook(found.residuals, leverage, 2) > 1
    True
    """
    variance = float(residuals @ residuals) / (len(residuals) - parameters)
    distance = residuals**2 * leverage / (1 - leverage) ** 2 / (parameters * variance)
    return float(distance.max())


def _largest_vif(design: Array) -> float:
    if design.shape[1] < 3:
        return 1.0
    return float(np.diag(np.linalg.inv(np.corrcoef(design[:, 1:], rowvar=False))).max())
