"""A small study of loyalty types and mutual loyalty, and the survey that R has seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from factory import STUDY, changed, survey_of

from loyalty_analysis.survey import Survey

GOLDEN = Path(__file__).parent / "golden"
STEPS: list[dict[str, Any]] = [
    {"versus": ["premium", "latent"]},
    {"versus": ["latent", "inertia"]},
    {"versus": ["inertia", "none"]},
]
ORDERED: dict[str, Any] = {
    "id": "T1", "estimand": "ordered_means", "term": "type", "outcome": "advocacy", "sign": "+",
    "parts": [{"id": f"p{number}", **part} for number, part in enumerate(STEPS)],
}  # fmt: skip
TYPED: dict[str, Any] = {
    "title": "A study of types",
    "data": "survey.csv",
    "origin": "simulated",
    "claims": ["own.toml"],
    "scale": {"min": 1, "max": 9},
    "constructs": {
        "attitude": {"items": ["att1", "att2", "att3"], "reversed": ["att3"]},
        "patronage": {"items": ["pat1", "pat2"]},
        "advocacy": {"items": ["adv1", "adv2"]},
        "search": {"items": ["sea1"], "reliability": 0.8},
    },
    "model": {
        "drivers": ["attitude", "patronage"],
        "outcomes": {"advocacy": "attitude", "search": "leaving"},
        "controls": ["age"],
    },
    "types": {"attitude_cut": 5.5, "patronage_cut": 5.5},
}


def golden() -> pd.DataFrame:
    """What R found: value and error by case, outcome and term."""
    table = pd.read_csv(GOLDEN / "types.csv", dtype={"term": str})
    return table.set_index(["case", "outcome", "term"]).sort_index()


def answered() -> pd.DataFrame:
    """The respondents that R has seen."""
    return pd.read_csv(GOLDEN / "types_survey.csv")


def typed_survey(
    folder: Path, changes: Mapping[str, Any] | None = None, frame: pd.DataFrame | None = None
) -> Survey:
    """The survey of types, with changes to its study."""
    answers = answered() if frame is None else frame
    return survey_of(folder, changes, answers, [ORDERED], TYPED)


def mutual_survey(folder: Path, n: int = 400, recorded: bool = True, slope: float = 0.5) -> Survey:
    """Customers who give back what they feel was put into them; what was recorded counts half."""
    rng = np.random.default_rng(11)
    noise = rng.normal(size=(7, n))
    record = noise[0]
    invested = 0.7 * record + 0.7 * noise[1]
    gratitude = slope * invested + 0.8 * noise[2]
    affective = slope * gratitude + 0.8 * noise[3]
    given = slope * affective + 0.8 * noise[4]
    mutual = 0.5 * affective + 0.8 * noise[5]
    repurchase = 0.4 * affective + 0.4 * mutual + 0.8 * noise[6]
    scores = {
        "brand_investment": invested, "gratitude": gratitude, "affective": affective,
        "reciprocation": given, "mutual_loyalty": mutual, "repurchase": repurchase,
    }  # fmt: skip
    frame = pd.DataFrame(
        {
            f"{name}{item}": np.clip(np.rint(4 + 1.2 * score + 0.4 * rng.normal(size=n)), 1, 7)
            for name, score in scores.items()
            for item in (1, 2)
        }
    )
    known: dict[str, dict[str, Any]] = {
        name: {"items": [f"{name}1", f"{name}2"]} for name in scores
    }
    if recorded:
        frame["euros"] = np.round(50 + 10 * record, 1)
        frame.loc[::20, "euros"] = np.nan
        known["brand_investment_recorded"] = {
            "items": ["euros"], "min": 0, "max": 200, "reliability": 1.0,
        }  # fmt: skip
    chain = {"gratitude": ["brand_investment"], "affective": ["gratitude", "brand_investment"],
             "reciprocation": ["affective", "gratitude", "brand_investment"]}  # fmt: skip
    study = changed(
        STUDY,
        {
            "constructs": known, "paths": {}, "scale": {"min": 1, "max": 7},
            "model": {"drivers": ["affective", "mutual_loyalty"],
                      "outcomes": {"repurchase": "intention"}},
            "models": {"reciprocity": {"paths": chain}},
        },
    )  # fmt: skip
    claim = {"estimand": "total", "outcome": "repurchase", "term": "affective"}
    return survey_of(folder, None, frame, [claim], study)
