"""Runs that judge: a survey is read, analysed and judged, and the numbers are kept as a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from loyalty_analysis.claims import ClaimSet, load_claims
from loyalty_analysis.comparison import NO_VERDICTS, changes, read_verdicts, write_results
from loyalty_analysis.errors import together
from loyalty_analysis.interruption import held
from loyalty_analysis.locks import Busy, only_one
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
    changes : dict
        What changes.json says: verdicts, signs, ranks, n, gates; empty when it was the first run.
    is_new : bool
        Whether it was made now, or stood already because nothing had changed.
    """

    folder: Path
    survey: Survey
    verdicts: pd.DataFrame
    changed: pd.DataFrame
    seconds: dict[str, float]
    changes: dict[str, Any] = field(default_factory=dict)
    is_new: bool = True

    @property
    def answer_changed(self) -> bool:
        """Whether somebody who knows the last good run should be told."""
        return bool(self.changes.get("answer_changed"))

    @classmethod
    def standing(cls, folder: Path, survey: Survey, clock: Clock) -> Self:
        """Hand over a run that stands, since nothing it follows from has changed."""
        seconds = {**clock.seconds, "total": clock.total()}
        changed = changes(NO_VERDICTS, NO_VERDICTS)
        return cls(folder, survey, read_verdicts(folder), changed, seconds, is_new=False)

    @classmethod
    def of(cls, run: RunFolder, survey: Survey, verdicts: pd.DataFrame) -> Self:
        """Hand over what a run found, once its folder is complete."""
        seconds = run.manifest["seconds"]
        return cls(run.final, survey, verdicts, run.changed, seconds, run.changes)


def judge_run(
    study: str | Path | Study,
    out: str | Path = "reports",
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    *,
    everything: bool = False,
    busy: Busy = "wait",
    told: Callable[[str], object] = lambda sentence: None,
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
    busy : {"wait", "leave"}
        What to do while another run of the study is under way.
    told : callable
        Told in words who is waited for.

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
    home = Path(out) / survey.study.name
    with held() as signals, only_one(home, busy, told):
        run = RunFolder(out, survey, "judge", asked, clock)
        with front_page(out), run, signals.raised():
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
