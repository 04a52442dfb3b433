"""Runs that judge: a survey is read, analysed and judged, and the numbers are kept as a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from loyalty_analysis.claims import ClaimSet, load_claims
from loyalty_analysis.comparison import write_results
from loyalty_analysis.errors import together
from loyalty_analysis.interruption import held
from loyalty_analysis.run_folder import Clock, RunFolder
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.survey import Survey, read_survey


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Attributes
    ----------
    folder : pathlib.Path
        Where it lies.
    survey : Survey
    verdicts : DataFrame
    changed : DataFrame
        Verdicts that differ from the last good run, as :func:`changes` gives them.
    seconds : dict of str to float
        Time of each step, and ``total``.
    """

    folder: Path
    survey: Survey
    verdicts: pd.DataFrame
    changed: pd.DataFrame
    seconds: dict[str, float]

    @classmethod
    def of(cls, run: RunFolder, survey: Survey, verdicts: pd.DataFrame) -> Self:
        """Hand over what a run found, once its folder is complete."""
        return cls(run.final, survey, verdicts, run.changed, run.manifest["seconds"])


def judge_run(
    study: str | Path | Study,
    out: str | Path = "reports",
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    *,
    everything: bool = False,
) -> Run:
    """Judge a study and keep results and verdicts as a run: numbers only, no page.

    Parameters
    ----------
    study : str, pathlib.Path or Study
        A study file, its folder, or the name of a shipped study.
    out : path
        Folder that collects the runs.
    settings : sequence of str
        Changes to the study as ``"table.key=value"``.
    data, where : str
        Another data file; a further filter.
    everything : bool
        Also estimate what no claim needs.

    Returns
    -------
    Run

    Raises
    ------
    StudyError, DataError, ClaimError
        Before anything is written.
    RunError
        When the folder cannot be written.
    Interrupted
        On Ctrl-C, SIGTERM or SIGHUP.
    """
    from loyalty_analysis.analysis import analyse, single_claims
    from loyalty_analysis.lavaan import study_script
    from loyalty_analysis.pages import front_page
    from loyalty_analysis.verdicts import judge

    clock = Clock()
    with clock.step("survey"):
        survey, _ = opened(study, settings, data, where)
    asked = parameters_of(study, settings, data, where)
    run = RunFolder(out, survey, "judge", asked, clock)
    with held() as signals, front_page(out), run, signals.raised():
        with clock.step("analysis"):
            results = analyse(survey, everything=everything)
        with clock.step("verdicts"):
            verdicts = judge(survey, results)
            script = study_script(survey, single_claims(survey.study))
        write_results(run.folder, results, verdicts, script)
    return Run.of(run, survey, verdicts)


def opened(
    study: str | Path | Study, settings: Sequence[str], data: str | Path, where: str
) -> tuple[Survey, list[ClaimSet]]:
    """Read the survey and the claims of a study; what is wrong with either is said at once.

    Examples
    --------
    >>> survey, claims = opened("bank_customers", [], "", "")
    >>> survey.n, claims[0].name
    (250, 'pillars')
    """
    loaded = load_study(study, settings)
    return together(
        lambda: read_survey(loaded, data=data or None, where=where or None),
        lambda: load_claims(loaded),
    )


def parameters_of(
    study: str | Path | Study, settings: Sequence[str], data: str | Path, where: str
) -> dict[str, Any]:
    """Put what was asked for into the parameters of a run and of its notebooks.

    Examples
    --------
    >>> parameters_of("bank", ["model.controls=[]"], "", "")
    {'study': 'bank', 'settings': ['model.controls=[]'], 'data': '', 'where': ''}
    """
    named, before = (study.path, study.settings) if isinstance(study, Study) else (study, ())
    changed = [*before, *settings]
    return {"study": str(named), "settings": changed, "data": str(data), "where": where}
