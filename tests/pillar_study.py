"""A small study of pillars and captive customers, simulated with a known truth.

``answers(n, seed)`` draws respondents; ``pillar_survey(folder)`` is their survey. Known, in latent
SDs unless said otherwise: repurchase stands on every pillar with the slopes of :data:`TRUE`; the
slope of satisfaction falls by .25 per SD of financial switching costs; showing alternatives was
randomised, raises advocacy by :data:`EFFECT` points, and by :data:`MORE` points more for each SD of
forced commitment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from factory import make

from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey

PILLARS = (
    "satisfaction", "value", "relationship", "emotional_connection", "habitual",
    "switching_financial", "switching_emotional", "switching_logistical",
)  # fmt: skip
TRUE = dict(zip(PILLARS, (0.35, 0.15, 0.1, 0.1, 0.2, 0.15, 0.1, 0.05), strict=True))
EFFECT, MORE = 0.4, 0.5
OUTCOMES = {"repurchase": "intention", "advocacy": "attitude", "search": "leaving"}
SCALED = (*PILLARS, "forced", "personalisation", *OUTCOMES)

STUDY: dict[str, Any] = {
    "title": "Pillars of a tiny study",
    "data": "survey.csv",
    "origin": "simulated",
    "claims": ["own.toml"],
    "scale": {"min": -99, "max": 99},
    "constructs": {
        **{name: {"items": [f"{name}_{k}" for k in (1, 2)]} for name in SCALED},
        "tenure": {"reliability": 1.0},
        "alternatives_shown": {"min": 0, "max": 1, "reliability": 1.0},
    },
    "model": {
        "drivers": ["forced", "habitual"],
        "mediator": "satisfaction",
        "outcomes": OUTCOMES,
        "controls": ["age", "gender"],
        "moderators": ["alternatives_shown", "tenure"],
    },
    "models": {
        "pillars": {"drivers": list(PILLARS), "outcomes": ["repurchase", "advocacy"]},
        "value": {
            "drivers": ["value", "relationship"],
            "mediator": "satisfaction",
            "outcomes": ["repurchase"],
        },
        "bonds": {"paths": {"relationship": ["personalisation"]}},
    },
    "experiment": {"treatment": "alternatives_shown"},
}


def answers(n: int = 600, seed: int = 1, error: float = 0.3) -> pd.DataFrame:
    """Draw respondents; every construct has two items with that much error."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    latent = {name: 0.5 * common + np.sqrt(0.75) * rng.normal(size=n) for name in PILLARS}
    latent["personalisation"] = rng.normal(size=n)
    latent["relationship"] = latent["relationship"] + 0.5 * latent["personalisation"]
    latent["forced"] = rng.normal(size=n)
    shown = rng.permutation(np.resize([0, 1], n))
    tenure = rng.uniform(0, 20, n).round(1)
    wanted = sum(TRUE[name] * latent[name] for name in PILLARS)
    wanted = wanted - 0.25 * latent["satisfaction"] * latent["switching_financial"]
    latent["repurchase"] = wanted + 0.6 * rng.normal(size=n)
    helped = shown * (EFFECT + MORE * latent["forced"])
    latent["advocacy"] = 0.5 * latent["satisfaction"] - 0.3 * latent["forced"] + helped
    latent["advocacy"] = latent["advocacy"] + 0.6 * rng.normal(size=n)
    latent["search"] = 0.2 * latent["forced"] - 0.3 * latent["habitual"] + rng.normal(size=n)
    columns = {
        f"{name}_{k}": (4 + values + error * rng.normal(size=n)).round(3)
        for name, values in latent.items()
        for k in (1, 2)
    }
    known = {"tenure": tenure, "alternatives_shown": shown, "age": rng.integers(18, 80, n)}
    known["gender"] = rng.choice(["female", "male"], n)
    known["shop"] = np.char.add("s", rng.integers(0, 12, n).astype(str))
    return pd.DataFrame(columns | known)


def pillar_survey(
    folder: Path,
    frame: pd.DataFrame | None = None,
    changes: Mapping[str, Any] | None = None,
    claims: tuple[Mapping[str, Any], ...] = ({"term": "habitual"},),
) -> Survey:
    """Write the study and read its survey."""
    table = answers() if frame is None else frame
    return read_survey(load_study(make(folder, changes, table, claims, STUDY)))
