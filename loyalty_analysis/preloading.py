"""What a process that will fork kernels imports, and how it would know that its imports are stale.

An import can look at its surroundings: at the front end, at environment variables, at matplotlibrc.
Kernels that inherit such imports must have had the same surroundings, or start by themselves.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib

from loyalty_analysis.resources import PACKAGE, shipped

LIBRARIES = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger",
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect",
    "IPython.core.pylabtools", "IPython.extensions.storemagic", "sqlite3",
    "tornado.platform.asyncio", "matplotlib.backends.backend_agg", "matplotlib.pyplot",
    "pandas", "pandas.io.formats.html", "pandas.io.formats.style", "scipy.stats", "seaborn",
    "statsmodels.api", "statsmodels.formula.api", "great_tables",
)  # fmt: skip
"""Imported whatever the shipped notebooks say: the kernel itself and what analysts reach for.

Not matplotlib_inline: it connects figures with the shell of a kernel when it is imported."""

PERSONAL = {
    "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JPY_PARENT_PID", "JPY_SESSION_NAME",
    "OLDPWD", "PWD", "SHLVL", "_", "PYTEST_CURRENT_TEST",
    "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK",
}  # fmt: skip
"""Environment variables that may differ between kernels: none is read by an import.

The last two are what scikit-learn sets in our own process, once an analysis has imported it.
"""


def preload() -> None:
    """Import what kernels need and what the shipped notebooks import."""
    for name in (*LIBRARIES, *notebook_modules()):
        importlib.import_module(name)


def notebook_modules() -> list[str]:
    """Name the modules that the shipped notebooks import.

    Examples
    --------
    >>> {"loyalty_analysis", "loyalty_analysis.tables"} <= set(notebook_modules())
    True
    """
    found: set[str] = set()
    for path in shipped("notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        found.update(*map(imported, code))
    return sorted(found)


def imported(code: str) -> set[str]:
    r"""Name the modules that the code of a cell imports.

    Examples
    --------
    >>> sorted(imported("import numpy as np\nfrom os import path, getcwd"))
    ['numpy', 'os', 'os.path']
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {node.module, *filter(_is_module, inner)}
    return names


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):  # its parent is no package, or has no such part
        return name in sys.modules


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """Keep of an environment what an import may have looked at.

    Examples
    --------
    >>> surroundings({"MPLBACKEND": "agg", "PWD": "/", "LOYALTY_MEMORY": "x"})
    {'MPLBACKEND': 'agg'}
    """
    return {
        name: value
        for name, value in environment.items()
        if name not in PERSONAL and not name.startswith("LOYALTY_")
    }


def installed() -> list[tuple[str, int]]:
    """List what was imported from: installed packages, our own modules, matplotlib's settings.

    With times of change, so that a package replaced during a batch is noticed.
    """
    settings = [Path(matplotlib.matplotlib_fname())]
    ours = PACKAGE.glob("*.py")
    return sorted([*_packages(sys.path), *_changed(ours), *_changed(settings)])


def _packages(folders: Iterable[str]) -> Iterator[tuple[str, int]]:
    for folder in filter(os.path.isdir, folders):
        for entry in os.scandir(folder):
            if entry.name.endswith((".dist-info", ".egg-info", ".pth")):
                yield entry.path, entry.stat().st_mtime_ns


def _changed(paths: Iterable[Path]) -> list[tuple[str, int]]:
    return [(str(path), path.stat().st_mtime_ns) for path in paths]


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """Name the first key on which two mappings differ; empty when they are the same.

    Examples
    --------
    >>> difference({"a": 1, "b": 2}, {"a": 1, "b": 3}), difference({}, {})
    ('b', '')
    """
    names = sorted(first.keys() | second.keys())
    return next((name for name in names if first.get(name) != second.get(name)), "")
