"""Tiny studies and surveys, made from a seed in a folder, for all tests.

``make(folder)`` writes a sound study of 120 respondents and returns the path of its study.toml. A
test then asks for the one thing it is about: ``changes`` to the study by dotted key, ``frame``
in place of the answers, ``claims`` of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey

COMMITMENTS = ("affective", "normative", "forced")
ITEMS = {
    "affective": ["aff1", "aff2", "aff3"],
    "normative": ["nor1", "nor2", "nor3"],
    "forced": ["for1", "for2", "for3"],
    "satisfaction": ["sat1", "sat2", "sat3"],
    "repurchase": ["rep1", "rep2"],
    "advocacy": ["adv1", "adv2"],
    "search": ["sea1"],
    "usability": ["usability"],
}
REMOVE = object()
"""Put in ``changes`` to take a key out."""

CLAIM: dict[str, Any] = {
    "id": "C1",
    "text": "Affective commitment raises satisfaction.",
    "estimand": "path",
    "outcome": "satisfaction",
    "term": "affective",
    "sign": "+",
}

STUDY: dict[str, Any] = {
    "title": "A tiny study",
    "data": "survey.csv",
    "origin": "simulated",
    "claims": ["own.toml"],
    "scale": {"min": 1, "max": 7, "missing": [-99]},
    "constructs": {
        "affective": {"label": "Affective commitment", "items": ITEMS["affective"]},
        "normative": {"items": ITEMS["normative"]},
        "forced": {"items": ITEMS["forced"], "reversed": ["for3"]},
        "satisfaction": {"items": ITEMS["satisfaction"]},
        "repurchase": {"items": ITEMS["repurchase"]},
        "advocacy": {"items": ITEMS["advocacy"]},
        "search": {"items": ITEMS["search"], "reliability": 0.8},
        "usability": {},
    },
    "model": {
        "drivers": list(COMMITMENTS),
        "mediator": "satisfaction",
        "outcomes": {"repurchase": "intention", "advocacy": "attitude", "search": "leaving"},
    },
    "paths": {"affective": ["usability"]},
}


def answers(n: int = 120, seed: int = 1) -> pd.DataFrame:
    """Draw the answers of ``n`` respondents, with every column a study could ask for."""
    rng = np.random.default_rng(seed)
    common, usability = rng.normal(size=(2, n))
    latent = {name: 0.5 * common + 0.8 * rng.normal(size=n) for name in COMMITMENTS}
    latent["usability"] = usability
    latent["affective"] = latent["affective"] + 0.6 * usability
    latent["satisfaction"] = (
        0.7 * latent["affective"] - 0.4 * latent["forced"] + 0.6 * rng.normal(size=n)
    )
    wanted = 0.5 * latent["satisfaction"] + 0.3 * latent["affective"]
    latent["repurchase"] = wanted + 0.3 * latent["forced"] + 0.6 * rng.normal(size=n)
    latent["advocacy"] = wanted - 0.3 * latent["forced"] + 0.6 * rng.normal(size=n)
    latent["search"] = 0.5 * latent["forced"] - 0.4 * latent["satisfaction"] + rng.normal(size=n)
    columns: dict[str, Any] = {"id": np.arange(1, n + 1)}
    for construct, items in ITEMS.items():
        for item in items:
            answer = 4 + 1.2 * latent[construct] + 0.7 * rng.normal(size=n)
            columns[item] = np.clip(np.rint(answer), 1, 7).astype(int)
    columns["for3"] = 8 - columns["for3"]
    columns["age"] = rng.integers(18, 80, n)
    columns["gender"] = rng.choice(["female", "male", "other"], n, p=[0.45, 0.45, 0.1])
    columns["shown"] = rng.integers(0, 2, n)
    columns["sector"] = rng.permutation(np.resize(["goods", "services"], n))
    columns["industry"] = np.char.add(columns["sector"], rng.integers(0, 5, n).astype(str))
    columns["wave"] = 1
    columns["w"] = rng.uniform(0.5, 2.0, n).round(3)
    return pd.DataFrame(columns)


def changed(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Copy nested tables with changes by dotted key (``"model.controls"``)."""
    result = deepcopy(dict(table))
    for key, value in changes.items():
        *parents, last = key.split(".")
        inner = result
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if value is REMOVE:
            inner.pop(last)
        else:
            inner[last] = deepcopy(value)
    return result


def toml(value: Any) -> str:
    """Write a value as TOML; tables inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def toml_file(table: Mapping[str, Any]) -> str:
    """Write a whole TOML file, one line per top-level key."""
    return "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in table.items())


def claim_file(claims: Sequence[Mapping[str, Any]], source: str = "own") -> str:
    """Write a claim set; each claim needs only what differs from :data:`CLAIM`."""
    full = [{**CLAIM, "id": f"C{number}", **claim} for number, claim in enumerate(claims, 1)]
    return toml_file({"title": "Claims of a test", "source": source, "claim": full})


def make(
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    frame: pd.DataFrame | None = None,
    claims: Sequence[Mapping[str, Any]] = (CLAIM,),
    study: Mapping[str, Any] = STUDY,
) -> Path:
    """Write study.toml, survey.csv and own.toml into a folder; return the path of the study.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    changes : mapping
        Changes to the study by dotted key; :data:`REMOVE` takes a key out.
    frame : DataFrame
        Answers in place of :func:`answers`.
    claims : sequence of mapping
        Claims of own.toml, each laid over :data:`CLAIM`.
    study : mapping
        The study to change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "study.toml"
    path.write_text(toml_file(changed(study, changes or {})), encoding="utf-8")
    (answers() if frame is None else frame).to_csv(folder / "survey.csv", index=False)
    (folder / "own.toml").write_text(claim_file(claims), encoding="utf-8")
    return path


def survey_of(folder: Path, *arguments: Any, **options: Any) -> Survey:
    """Make a study (see :func:`make`) and read its survey."""
    return read_survey(load_study(make(folder, *arguments, **options)))
