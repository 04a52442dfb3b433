"""What all tests share: figures without a display, and the folder of reference results from R."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import matplotlib
import pytest

from loyalty_analysis.memory import remembered
from loyalty_analysis.quick_imports import skip_address_grammars

if TYPE_CHECKING:
    from loyalty_analysis.runs import Run

T = TypeVar("T")

# Not through MPLBACKEND: notebook kernels inherit it, and under Agg they show no figure.
matplotlib.use("Agg")

skip_address_grammars()

# Files that take longest, so that no core is left alone with one of them at the end.
LONG = (
    "browser", "faults", "shipped_notebooks", "interruption", "warm_kernels", "docs", "malformed",
    "worlds", "report", "workers", "batch", "scheduling", "wheel", "verdicts", "browser_batch",
)  # fmt: skip

# A background job of a shell ignores Ctrl-C, nohup a closed terminal; so would every command that a
# test starts and then interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait, for a browser or a kernel."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long files begin first."""
    begins = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: begins.get(item.path.name, len(LONG)))


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

    return once(tmp_path_factory, "reports", lambda folder: render("rice_simulated", folder))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built once."""
    return once(tmp_path_factory, "wheel", _build)


def _build(folder: Path) -> Path:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    root = Path(__file__).resolve().parents[1]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Make something in a folder once, also where the tests run in several processes."""
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    home = factory.getbasetemp().parent if parallel else factory.getbasetemp()
    (home / name).mkdir(exist_ok=True)
    return remembered(lambda: make(home / name), lambda: name, home / "made")
