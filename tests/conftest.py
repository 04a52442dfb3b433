"""What all tests share: figures without a display, and the folder of reference results from R."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import pytest

if TYPE_CHECKING:
    from loyalty_analysis.runs import Run

# Not through MPLBACKEND: notebook kernels inherit it, and under Agg they show no figure.
matplotlib.use("Agg")


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder named by LOYALTY_REFERENCE; tests that need it skip where it is not named."""
    named = os.environ.get("LOYALTY_REFERENCE")
    if not named:
        pytest.skip("LOYALTY_REFERENCE names no folder with reference results from R")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"LOYALTY_REFERENCE is {named!r}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def rice_report(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The report of the shipped simulated study, rendered once for all tests that read it."""
    from loyalty_analysis.report import render  # heavy: only for tests that ask

    return render("rice_simulated", tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built once."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    root = Path(__file__).resolve().parents[1]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built
