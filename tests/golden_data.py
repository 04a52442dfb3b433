"""Golden numbers from R, the simulated survey they belong to, and that survey as a study."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Moments

FOLDER = Path(__file__).parent / "golden"
INTERCEPT = "(Intercept)"
DUMMIES = ("region[south]", "region[west]")
TERMS = ("x1", "x2", "x3", "m", *DUMMIES)
DRIVERS = TERMS[:4]

STUDY = """
title = "Golden survey"
data = "survey.csv"
origin = "simulated"
claims = ["rivals"]

[scale]
min = -1000
max = 1000

[constructs]
x1 = {}
x2 = {}
x3 = {}
m = {}
y1 = {}
y2 = {}

"""
MODEL = """
[model]
drivers = ["x1", "x2", "x3"]
mediator = "m"
outcomes = { y1 = "attitude", y2 = "intention" }
controls = ["region"]
"""


@cache
def survey() -> pd.DataFrame:
    """The 240 simulated respondents, with indicators of their region."""
    frame = pd.read_csv(FOLDER / "survey.csv")
    south, west = (frame["region"].eq(name).astype(float) for name in ("south", "west"))
    return frame.assign(**{"region[south]": south, "region[west]": west})


@cache
def _all() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "golden.csv", keep_default_na=False)


def golden(model: str, covariance: str = "") -> pd.DataFrame:
    """Numbers of one model and kind of errors: one row per term, one column per quantity."""
    rows = _all().query("model == @model and covariance == @covariance")
    assert len(rows), f"golden.csv has no {model}, {covariance}"
    return rows.pivot(index="term", columns="quantity", values="value")


def weights(weighted: bool) -> np.ndarray | None:
    """Weights of the respondents, or None."""
    return survey()["w"].to_numpy() if weighted else None


def sample(
    columns: Sequence[str],
    weighted: bool = False,
    cluster: str | None = None,
    by: str | None = None,
) -> Sample:
    """The respondents as a Sample of some columns."""
    frame = survey()
    labels = frame[by].to_numpy() if by else np.full(len(frame), "")
    rows, weight, unit = {}, {}, {}
    for label in np.unique(labels):
        inside = labels == label
        rows[str(label)] = frame.loc[inside, list(columns)].to_numpy()
        weight[str(label)] = frame.loc[inside, "w"].to_numpy()
        unit[str(label)] = frame.loc[inside, cluster or "store"].to_numpy(dtype=str)
    parts = {
        label: Moments.from_rows(columns, part, weight[label] if weighted else None)
        for label, part in rows.items()
    }
    return Sample(
        tuple(columns),
        parts,
        rows,
        weight if weighted else None,
        unit if cluster else None,
    )


def write_study(
    folder: Path, model: str = MODEL, design: str = "", frame: pd.DataFrame | None = None
) -> Path:
    """Write the survey and a study of it into a folder; return the path of the study file."""
    (survey() if frame is None else frame).to_csv(folder / "survey.csv", index=False)
    path = folder / "study.toml"
    path.write_text(f"{STUDY}\n{model}\n[design]\n{design}\n", encoding="utf-8")
    return path
