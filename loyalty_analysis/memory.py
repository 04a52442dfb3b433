"""What a run has read and computed, kept on disk for its notebooks, so that it is done once.

A run hands its survey over before its notebooks start: what they show is what it judges, whatever
becomes of the data file meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from loyalty_analysis.locks import alone

if TYPE_CHECKING:
    from loyalty_analysis.survey import Survey

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
    path = Path(folder) / f"results-{joblib.hash(content())}.pkl"
    with alone(path.with_suffix(".lock")):
        if path.is_file():
            return joblib.load(path)
        found = compute()
        _keep(found, path)
        return found


_handed: WeakKeyDictionary[Survey, str] = WeakKeyDictionary()
"""Surveys that were handed over in this process, and under what name."""


def hand_over(survey: Survey, parameters: dict[str, Any], folder: str | Path) -> None:
    """Keep a survey for the notebooks of a run that will ask for it with these parameters.

    Parameters
    ----------
    survey : Survey
    parameters : dict
        study, settings, data and where, as the notebooks are given them.
    folder : path
        The run's own folder of what is remembered: it must go with the run.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = {"study": "bank_customers", "settings": [], "data": "", "where": ""}
    >>> with TemporaryDirectory() as folder:
    ...     hand_over(read_survey("bank_customers"), asked, folder)
    ...     handed_over(**asked, folder=folder)
    Survey('Customers of a Spanish bank', 250 respondents analysed of 250)
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    name = _name(**parameters)
    _keep(survey, Path(folder) / f"survey-{name}.pkl")
    _handed[survey] = name


def handed_over(
    study: object,
    settings: Sequence[str] = (),
    data: object = None,
    where: str | None = None,
    folder: str | Path | None = None,
) -> Survey | None:
    """Take the survey that was handed over for these parameters, if one was.

    Examples
    --------
    >>> handed_over("bank_customers", folder="no such folder") is None
    True
    """
    folder = folder or os.environ.get(FOLDER)
    if not folder or not isinstance(study, str | Path):
        return None
    name = _name(study, settings, data, where)
    path = Path(folder) / f"survey-{name}.pkl"
    if not path.is_file():
        return None
    import joblib

    survey: Survey = joblib.load(path)
    _handed[survey] = name
    return survey


def name_of(survey: Survey) -> str:
    """Name under which a survey was handed over: it then needs no look at its content.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> name_of(read_survey("bank_customers"))
    ''
    """
    return _handed.get(survey, "")


def _name(
    study: object, settings: Sequence[str] = (), data: object = "", where: str | None = ""
) -> str:
    asked = json.dumps([str(study), list(settings), str(data or ""), where or ""])
    return hashlib.sha256(asked.encode()).hexdigest()[:24]


def _keep(found: object, path: Path) -> None:
    """Write a file in one step: a reader finds all of it or nothing."""
    import joblib

    aside = path.with_suffix(".partial")
    joblib.dump(found, aside)
    aside.replace(path)
