"""The error-corrected twin keeps a claim from being supported by measurement error alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from scipy.stats import binom

from loyalty_analysis.verdicts import judge

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "twin.py"


@pytest.fixture(scope="module")
def twin() -> ModuleType:
    spec = importlib.util.spec_from_file_location("twin", BENCHMARK)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["twin"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_what_the_scores_have_where_the_construct_has_nothing(twin: ModuleType) -> None:
    """Correlations .56, .48 and .336 of scores with alpha .8: (.336 - .56 x .48) / (1 - .56^2)."""
    assert twin.Case(0.0, 1000).composite == pytest.approx((0.336 - 0.56 * 0.48) / (1 - 0.56**2))


def test_overlap_and_error_do_not_pass_for_a_contribution(twin: ModuleType) -> None:
    """The second construct adds nothing, and its scores say that it does: 60 samples, n = 1,000.

    The bounds are those of a thousand samples in benchmarks/twin.md, with room for 60 of them.
    """
    case = twin.Case(0.0, 1000)
    found = twin.campaign([case], samples=60)[case]
    assert not found["failed"].any()
    assert found["plus alone"].sum() > binom.ppf(0.999, 60, 0.2)
    for sign in twin.SIGNS:
        assert found[f"{sign} suite"].sum() <= binom.ppf(0.999, 60, 0.05)
    error = found["twin"].std() / 60**0.5
    assert abs(found["twin"].mean()) < 4 * error < found["scores"].mean()


def test_a_contribution_is_still_seen(twin: ModuleType) -> None:
    case = twin.Case(0.2, 9000)
    found = twin.campaign([case], samples=5)[case]
    assert found["plus alone"].all() and found["plus suite"].all()
    assert found["twin"].mean() == pytest.approx(0.2, abs=0.05)


def test_the_campaign_says_what_the_whole_suite_says(twin: ModuleType, tmp_path: Path) -> None:
    """It leaves out what these claims do not need, gates among it."""
    case = twin.Case(0.0, 1000)
    study = twin.written(tmp_path, case)
    for number in (1, 2):
        whole = judge(twin.surveyed(study, case, number)).set_index("claim")["verdict"]
        short = twin.judged(study, case, number)
        assert {name: verdict == "supported" for name, verdict in whole.items()} == {
            name: short[f"{name} suite"] for name in twin.SIGNS
        }
