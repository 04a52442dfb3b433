"""Answers behind which the latent truth is known: constructs, their items, studies of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from factory import make

from loyalty_analysis.moments import Moments
from loyalty_analysis.survey import Survey, read_survey

LOADINGS = (0.85, 0.75, 0.8, 0.7)
"""Loadings of the first, second, ... item of every construct; items have a variance of 1."""
TABLES = {
    "title": "Latent truth", "data": "survey.csv", "origin": "simulated", "claims": ["own.toml"],
    "scale": {"min": -50, "max": 50},
}  # fmt: skip


def equal(names: str | Sequence[str], r: float) -> pd.DataFrame:
    """Correlations of constructs, all the same."""
    return pd.DataFrame(np.eye(len(names)) * (1 - r) + r, list(names), list(names))


def items_of(name: str, count: int = 3) -> list[str]:
    """Names of the items of a construct."""
    return [f"{name}{k}" for k in range(1, count + 1)]


def implied(
    truth: pd.DataFrame, count: int = 3, loadings: Sequence[float] = LOADINGS
) -> pd.DataFrame:
    """Correlations of items that the correlations of constructs imply."""
    names = [item for name in truth for item in items_of(name, count)]
    loads = np.tile(loadings[:count], len(truth))
    found = np.kron(truth.to_numpy(), np.ones((count, count))) * np.outer(loads, loads)
    np.fill_diagonal(found, 1)
    return pd.DataFrame(found, names, names)


def drawn(correlation: pd.DataFrame, n: int, seed: int | np.random.Generator = 1) -> pd.DataFrame:
    """Draw normal answers with these correlations."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, len(correlation))) @ np.linalg.cholesky(correlation).T
    return pd.DataFrame(rows, columns=correlation.columns)


def study_of(
    constructs: Mapping[str, Sequence[str]] | Sequence[str], **tables: Any
) -> dict[str, Any]:
    """A study whose last construct is the outcome of all others."""
    if not isinstance(constructs, Mapping):
        constructs = {name: items_of(name) for name in constructs}
    *drivers, outcome = constructs
    model = {"drivers": drivers, "outcomes": {outcome: "intention"}}
    known = {name: {"items": list(items)} for name, items in constructs.items()}
    return {**TABLES, "constructs": known, "model": model, **tables}


def published(
    folder: Path, correlation: pd.DataFrame, n: int, study: Mapping[str, Any], **options: Any
) -> Survey:
    """A survey known by the correlations of its items."""
    path = make(folder, {"data": "moments.csv"}, study=study, **options)
    cells = [[f"{r:.17g}" if i <= k else "" for i, r in enumerate(row)]
             for k, row in enumerate(correlation.to_numpy())]  # fmt: skip
    table = pd.DataFrame(cells, columns=correlation.columns)
    table.insert(0, "variable", correlation.columns)
    for place, (name, value) in enumerate({"n": n, "mean": 0, "sd": 1}.items(), 1):
        table.insert(place, name, value)
    table.to_csv(folder / "moments.csv", index=False)
    return read_survey(path)


def redrawn(survey: Survey, frame: pd.DataFrame) -> Survey:
    """The same study with other respondents, complete and without a file."""
    known = survey.study.constructs
    scores = {name: frame[list(survey.study.items_of(name))].mean(axis=1) for name in known}
    columns = list(survey.moments.columns)
    table = pd.DataFrame({n: scores[n] if n in scores else frame[n] for n in columns})
    items = frame[[item for name in known for item in survey.study.items_of(name)]]
    return replace(survey, frame=table, items=items, moments=Moments.from_frame(table))
