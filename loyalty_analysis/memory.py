"""Costly results kept on disk by content, so that the notebooks of a run compute them once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

R = TypeVar("R")
FOLDER = "LOYALTY_MEMORY"
"""Environment variable that names the folder; without it nothing is kept."""


def remembered(
    compute: Callable[[], R], content: Callable[[], object], folder: str | Path | None = None
) -> R:
    """Compute something, or read it if the same was computed before.

    Parameters
    ----------
    compute : callable
    content : callable
        Gives everything that the result depends on; called only where there is a folder.
    folder : path, optional
        Where results are kept; default the environment variable ``LOYALTY_MEMORY``. Whoever comes
        second waits for the first.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     remembered(lambda: 1, lambda: "the same", folder)
    ...     remembered(lambda: 2, lambda: "the same", folder)
    1
    1
    """
    folder = folder or os.environ.get(FOLDER)
    if not folder:
        return compute()
    import joblib  # slow to import

    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / f"{joblib.hash(content())}.pkl"
    with _alone(path.with_suffix(".lock")):
        if path.is_file():
            return joblib.load(path)
        found = compute()
        aside = path.with_suffix(".partial")
        joblib.dump(found, aside)
        aside.replace(path)
        return found


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes out; the system lets go of the lock of a process that dies."""
    try:
        import fcntl
    except ImportError:  # without locks two may compute the same, which costs time only
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
