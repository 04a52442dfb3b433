"""Batches as they lie on disk, made from one real run by varying its numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.runs import judge_run

FILES = ("verdicts.csv", "manifest.json", "results/models.csv", "results/reliability.csv")
RUN = "20261129T020000Z-ab12"
NUMBERS = ["beta", "beta_low", "beta_high"]


def group(name: str, state: str = "ok", n: int | None = 400, **more: Any) -> dict[str, Any]:
    """One group of a record."""
    folder = "".join(letter if letter.isalnum() else "-" for letter in name)
    good = state in ("ok", "unchanged")
    known = {
        "name": name, "values": {"brand": name}, "folder": folder, "state": state, "n": n,
        "run": RUN if good else None, "started": "2026-11-29T02:00:00+00:00" if good else None,
        "error": None, "seconds": 12.3, "answer_changed": False, "changes": "",
    }  # fmt: skip
    return known | more


def record_of(groups: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The record of a batch."""
    return {
        "format": 1,
        "study": {"name": "shop", "title": "Shop customers 2026", "origin": "real"},
        "by": ["brand"],
        "batch": "20261129T015900Z-c3d4",
        "started": "2026-11-29T01:59:00+00:00",
        "finished": "2026-11-29T02:09:00+00:00",
        "state": "ok",
        "min_size": 30,
        "command": "loyalty report shop --by brand --workers 2",
        "unassigned": 0,
        "groups": groups,
    } | more


def write_batch(folder: Path, record: dict[str, Any], run: Path, seed: int = 1) -> Path:
    """Write the reports of a batch: those of ``run``, slopes moved at random for each group."""
    draw = np.random.default_rng(seed)
    table = pd.read_csv(run / "results" / "regression.csv")
    for one in record["groups"]:
        if one["run"]:
            home = folder / one["folder"] / one["run"]
            (home / "results").mkdir(parents=True)
            for name in FILES:
                shutil.copy(run / name, home / name)
            (home / "index.html").write_text("<!DOCTYPE html><title>A report</title>")
            moved(table, draw).to_csv(home / "results" / "regression.csv", index=False)
    (folder / "batch.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def moved(table: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    """Move every slope by an error of its own size and a little more; widen its interval."""
    shift = draw.normal(0, table["beta_std_error"].fillna(0) * 2)
    stretch = draw.uniform(0.8, 2.5)
    middle = table["beta"] + shift
    half = (table["beta_high"] - table["beta_low"]) / 2 * stretch
    error = table["beta_std_error"] * stretch
    return table.assign(
        beta=middle, beta_low=middle - half, beta_high=middle + half, beta_std_error=error
    )


def judged(out: Path) -> Path:
    """Make the real run that batches are made from: one country of the simulated study."""
    settings = ['model.controls=["age"]', 'design.groups=["sector"]']
    return judge_run("rice_simulated", out, settings, where="country == 'XI'").folder


OLD = {"run": "20261112T020000Z-ab12", "started": "2026-11-12T02:00:00+00:00"}
"""The last good run of a group that failed."""


def mixed_groups() -> list[dict[str, Any]]:
    """Nine groups, one for each state."""
    said = {
        "message": "02_regressions, cell 4: ValueError: no",
        "page": "Delta/x.failed/index.html",
    }
    refused = {"message": "survey.csv: column 'aff2' is gone.", "page": ""}
    return [
        group("Alpha", n=310),
        group("Beta", "unchanged", n=95),
        group("Gamma", n=1200, answer_changed=True, changes="R4a went from supported to open."),
        group("Delta", "failed", n=77, error=said, **OLD),
        group("Epsilon", "blocked", n=88, error=refused),
        group("Zeta", "timed_out"),
        group("Eta", "died", n=66),
        group("Theta", "suppressed", n=None),
        group("Iota", "pending"),
        group("Kappa", "cancelled"),
    ]
