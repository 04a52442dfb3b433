"""The outcome that each level's slope predicts along the range of a driver."""

from __future__ import annotations

import numpy as np
import pandas as pd

_POINTS = 25
COLUMNS = ["group", "level", "model", "outcome", "term", "slope", "x", "y", "low", "high"]


def marginal(
    slopes: pd.DataFrame, group_means: pd.DataFrame, descriptives: pd.DataFrame
) -> pd.DataFrame:
    """Predict outcomes along each driver in every level, other terms at their means there.

    Parameters
    ----------
    slopes, group_means, descriptives : pandas.DataFrame
        Rows of results/simple_slopes.csv, and of the two other files.

    Returns
    -------
    DataFrame
        group, level, model, outcome, term, slope (points per SD of the driver), x (SDs of all
        respondents from their mean; two SDs of the level to either side of its own), y (points),
        low, high (95% interval; it takes the mean of the outcome with all its spread, so that it
        is rather too wide).

    Examples
    --------
    >>> slope = {"group": "g", "level": "a", "model": "y.total", "outcome": "y", "term": "x"}
    >>> slope |= {"estimate": [0.5], "conf_low": 0.3, "conf_high": 0.7}
    >>> means = {"group": "g", "level": "a", "construct": ["x", "y"], "mean": [4.0, 5.0], "sd": 1.0}
    >>> means = pd.DataFrame(means | {"conf_low": [3.9, 4.9], "conf_high": [4.1, 5.1]})
    >>> whole = pd.DataFrame({"construct": ["x", "y"], "mean": [3.0, 5.0], "sd": [1.0, 2.0]})
    >>> line = marginal(pd.DataFrame(slope), means, whole)
    >>> line[["x", "y"]].iloc[[0, -1]].values.tolist()
    [[-1.0, 3.0], [3.0, 7.0]]
    """
    keys = ["group", "level"]
    ends = ["mean", "conf_low", "conf_high", "sd"]
    whole = descriptives.set_index("construct")[["mean", "sd"]].astype(float)
    means = group_means.set_index([*keys, "construct"])[ends].astype(float)
    tables = []
    for row in slopes.itertuples():
        own, out = means.loc[(row.group, row.level, row.term)], means.loc[
            (row.group, row.level, row.outcome)
        ]
        unit = whole.loc[row.outcome, "sd"]
        centre = (own["mean"] - whole.loc[row.term, "mean"]) / whole.loc[row.term, "sd"]
        reach = 2 * own["sd"] / whole.loc[row.term, "sd"]
        x = centre + np.linspace(-reach, reach, _POINTS)
        y = out["mean"] + unit * row.estimate * (x - centre)
        half = np.hypot(
            (out["conf_high"] - out["conf_low"]) / 2,
            unit * (row.conf_high - row.conf_low) / 2 * (x - centre),
        )
        known = {name: getattr(row, name) for name in COLUMNS[:5]}
        line = {"slope": unit * row.estimate, "x": x, "y": y, "low": y - half, "high": y + half}
        tables.append(pd.DataFrame({**known, **line}))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)
