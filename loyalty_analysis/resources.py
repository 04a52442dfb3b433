"""Where the files that ship with the package are: data and notebooks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """Locate a shipped folder, inside the wheel or at the top of a checkout.

    Parameters
    ----------
    folder : str
        ``"data"`` or ``"notebooks"``.

    Returns
    -------
    pathlib.Path
        The folder; in an installed wheel it lies inside the package.

    Examples
    --------
    >>> shipped("data").name
    'data'
    """
    inside = PACKAGE / folder
    return inside if inside.is_dir() else PACKAGE.parent / folder


def shipped_studies() -> dict[str, Path]:
    """Name every shipped study that has data, and the path of its study file.

    Examples
    --------
    >>> "rice_simulated" in shipped_studies()
    True
    """
    data = shipped("data")
    files = sorted([*data.glob("*/study.toml"), *data.glob("studies/*/study.toml")])
    return {path.parent.name: path for path in files if any(path.parent.glob("*.csv"))}


def seen(look: Callable[[], bool]) -> bool:
    """Whether a file or folder can be seen; no, where its name is too long or the way is barred.

    Examples
    --------
    >>> seen(Path("x" * 1000).is_file)
    False
    """
    with contextlib.suppress(OSError, ValueError):
        return look()
    return False


def files_in(folder: Path, kinds: Container[str]) -> list[str]:
    """Names of the files of some kinds in a folder, sorted; none where it cannot be looked into.

    Examples
    --------
    >>> files_in(shipped("data") / "rice_simulated", [".csv"])
    ['survey.csv']
    """
    with contextlib.suppress(OSError, ValueError):
        return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in kinds)
    return []
