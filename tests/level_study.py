"""A small study of five levels with a planted ladder, and its survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from factory import make

from loyalty_analysis.claims import Claim
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey

NAMES = ("below", "meets", "exceeds", "delights", "amazes")
SHARES = (0.15, 0.3, 0.3, 0.15, 0.1)
LADDER = (2.8, 3.8, 4.2, 4.8, 5.0)
"""Mean of every outcome on each level, before controls; leaving runs the other way."""

STUDY: dict[str, Any] = {
    "title": "A ladder",
    "data": "survey.csv",
    "origin": "simulated",
    "claims": ["own.toml"],
    "scale": {"min": 1, "max": 7},
    "constructs": {
        "satisfaction": {"label": "Satisfaction"},
        "level": {"min": 1, "max": 5},
        "repurchase": {"label": "Repurchase intention"},
        "staying": {"label": "Staying", "min": 0, "max": 1, "reliability": 1.0},
        "price_tolerance": {"label": "Price tolerance"},
        "search": {"label": "Search for alternatives"},
    },
    "model": {
        "drivers": ["satisfaction"],
        "outcomes": {
            "repurchase": "intention",
            "search": "leaving",
            "staying": "behaviour",
            "price_tolerance": "intention",
        },
        "controls": ["age", "gender"],
    },
    "levels": {"measure": "level"},
}


def answers(n: int = 600, seed: int = 1, ladder: Sequence[float] = LADDER) -> pd.DataFrame:
    """Draw respondents; older ones are more satisfied and more loyal."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, n)
    older = (age - 49) / 18
    edges = np.quantile(older + 2 * rng.normal(size=n), np.cumsum(SHARES)[:-1])
    place = np.searchsorted(edges, older + 2 * rng.normal(size=n))
    level = np.array(ladder)[place]
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "age": age,
            "gender": rng.choice(["female", "male"], n),
            "level": place + 1,
            "satisfaction": np.clip(np.rint(2 + place + rng.normal(size=n)), 1, 7),
            "repurchase": level + 0.3 * older + 0.5 * rng.normal(size=n),
            "price_tolerance": level - 1 + 0.5 * rng.normal(size=n),
            "search": 8 - level + 0.5 * rng.normal(size=n),
            "staying": (rng.uniform(size=n) < 0.1 * (place + 4)).astype(int),
            "w": rng.uniform(0.3, 2, n).round(3),
            "shop": rng.integers(0, 12, n),
        }
    ).assign(
        **{name: lambda d, name=name: d[name].clip(1, 7)
           for name in ("repurchase", "price_tolerance", "search")}
    )  # fmt: skip


def ladder_survey(
    folder: Path, changes: Mapping[str, Any] | None = None, frame: pd.DataFrame | None = None
) -> Survey:
    """Write the study and its respondents into a folder, and read the survey."""
    frame = answers() if frame is None else frame
    return read_survey(load_study(make(folder, changes, frame, study=STUDY)))


def claim_of(estimand: str, *versus: str, outcome: str = "repurchase") -> Claim:
    """A claim about levels."""
    return Claim(
        id="x", text="", estimand=estimand, outcome=outcome, term="level", versus=versus, sign="+"
    )


STEPS = [claim_of("steps", upper, lower) for lower, upper in pairwise(NAMES)]
"""One for each step, from the lowest."""
ASKED = [
    *STEPS,
    claim_of("step_difference", "delights - exceeds", "exceeds - meets"),
    claim_of("step_difference", "upper", "lower"),
    claim_of("mean_difference", "exceeds + delights + amazes", "meets"),
    claim_of("penalty_reward", "below - meets", "exceeds - meets"),
]
