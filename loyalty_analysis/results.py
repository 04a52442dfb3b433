"""Results: frames by the name of their file, those of further models beside."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

_ONE_ROW = {
    "reliability": ["construct"],
    "discriminant": ["a", "b"],
    "correlations": ["a", "b"],
    "gates": ["gate", "about"],
}
"""Frames without a column that names the model, and what a row of theirs is about."""
_BY_MODEL = ("models", "regression", "contrasts", "cfa_fit", "cfa_loadings")
_APART = ("drivers", "mediation")


class Results(dict[str, pd.DataFrame]):
    """Frames of the study's own model by name.

    Attributes
    ----------
    further : dict of str to Results
        Those of its further models; model names there begin with the model's and a slash.
    """

    def __init__(
        self, frames: Mapping[str, pd.DataFrame], further: Mapping[str, Results] | None = None
    ) -> None:
        super().__init__(frames)
        self.further = dict(further or {})


def whole(results: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Put the frames of all models of a study together, as they are written and judged.

    Parameters
    ----------
    results : Results, or a plain mapping of frames

    Returns
    -------
    dict of str to DataFrame
        Rows of further models follow; a construct or pair that several models hold stands once, as
        in the first. Effects and shares of further models are frames of their own
        (``further_drivers``, ``further_mediation``), whose first column names the model.

    Examples
    --------
    >>> one = pd.DataFrame({"construct": ["a"], "alpha": [0.8]})
    >>> two = pd.DataFrame({"construct": ["a", "b"], "alpha": [0.8, 0.9]})
    >>> whole(Results({"reliability": one}, {"more": Results({"reliability": two})}))["reliability"]
      construct  alpha
    0         a    0.8
    1         b    0.9
    """
    found, further = dict(results), getattr(results, "further", {})
    if not further:
        return found
    for name in (*_BY_MODEL, *_ONE_ROW):
        tables = [one[name] for one in (results, *further.values()) if len(one.get(name, ()))]
        if tables:
            found[name] = _distinct(pd.concat(tables, ignore_index=True), _ONE_ROW.get(name))
    for name in _APART:
        tables = [
            one[name].assign(model=part)[["model", *one[name].columns]]
            for part, one in further.items()
            if len(one.get(name, ()))
        ]
        if tables:
            found[f"further_{name}"] = pd.concat(tables, ignore_index=True)
    return found


def _distinct(table: pd.DataFrame, about: list[str] | None) -> pd.DataFrame:
    """Each row once; pairs are the same either way round."""
    if about is None:
        return table
    keys = table[about].apply(lambda row: tuple(sorted(map(str, row))), axis=1)
    return table[~keys.duplicated()].reset_index(drop=True)
