"""What all tests share: figures without a display, and the folder of reference results from R."""

import os
from pathlib import Path

import matplotlib
import pytest

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
