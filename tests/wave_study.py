"""Surveys of several waves with planted slopes, for the tests of waves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from factory import answers, survey_of

from loyalty_analysis.analysis import analyse
from loyalty_analysis.comparison import write_results
from loyalty_analysis.manifest import first_manifest, write_json
from loyalty_analysis.moments import Moments
from loyalty_analysis.preparation import cluster_of
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdicts import judge

DESIGN = {"respondent": "id", "wave": "wave", "groups": ["sector"]}
CHANGES: dict[str, Any] = {"design": DESIGN, "model.controls": ["age", "gender"]}


def waves(sizes: Sequence[int] = (200, 200, 200), seed: int = 1) -> pd.DataFrame:
    """Answers of several waves, other people in each; slopes the same in all."""
    parts = [
        answers(n, seed=seed + k).assign(wave=k + 1, id=np.arange(n) + 10_000 * k)
        for k, n in enumerate(sizes)
    ]
    return pd.concat(parts, ignore_index=True)


def wave_survey(
    folder: Path, frame: pd.DataFrame | None = None, changes: Mapping[str, Any] | None = None,
    **options: Any,
) -> Survey:  # fmt: skip
    """A survey of three waves of the tiny study."""
    return survey_of(folder, {**CHANGES, **(changes or {})},
                     waves() if frame is None else frame, **options)  # fmt: skip


def scores(frame: pd.DataFrame, cluster: str | None = None) -> Survey:
    """A survey of scores in memory: outcome ``y``, driver ``x``, wave ``wave``, maybe ``id``."""
    study = load_study("mobile_customers")
    model = study.model.model_copy(
        update={"drivers": ("x",), "mediator": None, "outcomes": {"y": "intention"}}
    )
    respondent = "id" if "id" in frame else None
    design = study.design.model_copy(
        update={"wave": "wave", "groups": (), "cluster": cluster, "respondent": respondent}
    )
    study = study.model_copy(update={"model": model, "design": design})
    known = Moments.from_frame(frame[["x", "y"]])
    return Survey(study, known, frozenset("xy"), frame, len(frame), frame,
                  cluster=cluster_of(frame, study))  # fmt: skip


def drawn(seed: int, slopes: Sequence[float], n: int = 150, panel: float = 0.0) -> pd.DataFrame:
    """Scores of people who answer in every wave: ``panel`` is what their errors share."""
    rng = np.random.default_rng(seed)
    stable = rng.normal(size=(2, n))
    parts = []
    for wave, slope in enumerate(slopes, 1):
        x = np.sqrt(panel) * stable[0] + np.sqrt(1 - panel) * rng.normal(size=n)
        error = np.sqrt(panel) * stable[1] + np.sqrt(1 - panel) * rng.normal(size=n)
        y = slope * x + error
        parts.append(pd.DataFrame({"x": x, "y": y, "wave": wave, "id": np.arange(n)}))
    return pd.concat(parts, ignore_index=True)


def keep(out: Path, survey: Survey, number: int, **facts: Any) -> Path:
    """Keep a run as the runner would: results, verdicts, manifest; ``facts`` change the last."""
    results = analyse(survey)
    folder = out / survey.study.name / f"202601{number:02d}T000000Z-aaa{number}"
    folder.mkdir(parents=True)
    write_results(folder, results, judge(survey, results))
    asked = {"study": "tiny", "settings": [], "where": ""}
    manifest = first_manifest(folder.name, "judge", survey, asked, out)
    write_json(folder / "manifest.json", {**manifest, "state": "ok", **facts})
    return folder.parent
