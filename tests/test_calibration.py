"""A quick version of the campaign on coverage, and its kept table."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks" / "calibration"
QUICK = 40


@pytest.fixture(scope="module")
def campaign() -> ModuleType:
    spec = importlib.util.spec_from_file_location("effects_campaign", FOLDER / "effects.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("design", [0, 3, 5], ids=["150", "60 clusters", "20 clusters"])
def test_quick_coverage(campaign: ModuleType, design: int) -> None:
    """Forty surveys: the binomial 99.9% interval around what is found holds what is asked for."""
    chosen = campaign.DESIGNS[design]
    campaign.truth(chosen, 400_000)
    found = np.array([campaign.covered(chosen, seed)[0] for seed in range(QUICK)])
    reached = found.mean(axis=0)[: campaign.ASKED]
    assert (reached >= campaign.limits(chosen.least, QUICK)).all()


def test_quick_null_mediator(campaign: ModuleType) -> None:
    """Of forty surveys with a mediator that does nothing, at most what 5% allow (99.9%: eight)."""
    hits = sum(campaign.called_supported(campaign.NULLS[0], seed) for seed in range(QUICK))
    assert hits <= 8


def test_the_kept_table_is_as_asked(campaign: ModuleType) -> None:
    page = (FOLDER / "effects.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    coverage = [row for row in rows if len(row) == 8 and row[-1] in ("yes", "no")]
    assert len(coverage) == len(campaign.DESIGNS) * campaign.ASKED
    assert [row for row in coverage if row[-1] == "no"] == []
    shares = [float(re.split("%", row[1])[0]) for row in rows if len(row) == 2 and "%" in row[1]]
    assert len(shares) == len(campaign.NULLS) and max(shares) <= 5
    count = int(re.findall(r"Share of ([\d,]+) simulated", page)[0].replace(",", ""))
    assert count >= 1000
