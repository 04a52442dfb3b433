"""The report: notebooks executed, claims judged, one self-contained HTML page per study.

The verdict table stands first and complete; the executed notebooks follow as evidence. A report is
made anew only where something it follows from has changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyalty_analysis.blocked import changed_columns, recorded, schema_of_last
from loyalty_analysis.disclosure import registered_secrets, weak_secrets
from loyalty_analysis.errors import ClaimError, RunError
from loyalty_analysis.inputs import Inputs, read_inputs, report_key
from loyalty_analysis.interruption import DEADLINE, OutOfTime, check_deadline, held
from loyalty_analysis.locks import Busy, only_one
from loyalty_analysis.pages import front_page, index
from loyalty_analysis.published import intact, last_good
from loyalty_analysis.report_notebooks import notebooks_folder, notebooks_of
from loyalty_analysis.run_folder import Clock, RunFolder, of_the_system
from loyalty_analysis.runs import Run
from loyalty_analysis.served import confirm, settle_if_idle
from loyalty_analysis.study import Study
from loyalty_analysis.warm_kernels import Warm, warmed


@dataclass(frozen=True)
class Options:
    """How a report is made; nothing here changes a number in it.

    Attributes
    ----------
    workers : int or None
        Notebooks executed at the same time; default one per core.
    deadline, run_deadline : float
        Seconds each notebook may take, its kernel's start included; seconds the whole report may
        take, 0 for no limit.
    keep : int
        Good runs that stay, this one included; 0 for what the study says, or all.
    quiet : bool
        Without progress bars.
    force : bool
        Also where nothing has changed.
    cold : bool
        Without warm kernels.
    accept_changes : bool
        Although columns or codes of the data have changed since the last good run.
    busy : {"wait", "leave"}
        What to do while another run of the study is under way.
    told : callable
        Told in words what a reader of the terminal should know before anything runs.
    """

    workers: int | None = None
    deadline: float = DEADLINE
    run_deadline: float = 0.0
    keep: int = 0
    quiet: bool = True
    force: bool = False
    cold: bool = False
    accept_changes: bool = False
    busy: Busy = "wait"
    told: Callable[[str], object] = lambda sentence: None


def render(
    study: str | Path | Study,
    out: str | Path = "reports",
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    **options: Any,
) -> Run:
    """Render the report of a study: executed notebooks, results, verdicts and one page.

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
    **options
        See :class:`Options`.

    Returns
    -------
    Run
        Its folder holds index.html, notebooks, figures, results, verdicts.csv, changes.json and
        manifest.json. Where nothing has changed since the last good run, that run.

    Raises
    ------
    LoyaltyError
        Before anything is written when study, claims or data are bad (where a report stands
        already, the run is kept as blocked, and its page says so); a RunError when a notebook does
        not come to its end, and what there is stays in ``<run id>.failed``, with a page.
    Interrupted
        On Ctrl-C, SIGTERM or SIGHUP, once no kernel is left; what there is stays as above.
    """
    chosen, clock = Options(**options), Clock()
    for deadline in (chosen.deadline, chosen.run_deadline or chosen.deadline):
        check_deadline(deadline)
    with recorded(study, out, settings, data, where), clock.step("survey"):
        inputs = read_inputs(study, settings, data, where, told=chosen.told)
    home = Path(out) / inputs.study.name
    with warmed(len(_notebooks(inputs.study)), chosen.cold) as warm:
        return rendered(inputs, out, home, chosen, clock, warm)


def rendered(
    inputs: Inputs,
    out: str | Path,
    home: Path,
    options: Options,
    clock: Clock,
    warm: Warm | None,
    digest: str = "",
) -> Run:
    """Render what was read, unless the report of the same stands already.

    Parameters
    ----------
    inputs : Inputs
    out : path
        Folder of all reports; its front page is written anew, where it is the parent of ``home``.
    home : pathlib.Path
        Where the runs of this report lie.
    options : Options
    clock : Clock
    warm : Warm or None
        Where kernels are forked.
    digest : str
        Of the data, where it is known.

    Returns
    -------
    Run
    """
    key = key_of(inputs, digest)
    listed = home.parent == Path(out)  # of a batch, columns are compared once, for all groups
    if not options.force and (standing := unchanged(home, key)):
        _list(standing, out)
        return Run.standing(standing, inputs.opened()[0], clock)
    with recorded(inputs.study, out, asked=inputs.parameters, home=home), clock.step("check"):
        columns = changed_columns(inputs, schema_of_last(home), options) if listed else {}
        more = {"key": key, **columns}
        survey, claims = inputs.opened()
    for sentence in weak_secrets(registered_secrets(survey.study, os.environ), survey.study):
        options.told(sentence)
    with held() as signals, only_one(home, options.busy, options.told):
        if not options.force and (standing := unchanged(home, key)):  # made by whom was waited for
            return Run.standing(standing, survey, clock)
        from loyalty_analysis.making import make_report  # slow: only where one has to be made

        keep = options.keep or survey.study.reports.keep
        run = RunFolder(
            out, survey, "report", inputs.parameters, clock,
            home=home, keep=keep, more=more, table=inputs.table,
        )  # fmt: skip
        try:
            with signals.deadline(options.run_deadline), front_page(out, home):
                verdicts = make_report(
                    run, survey, claims, _notebooks(survey.study), options, warm, signals
                )
        except OSError as error:  # the front page
            raise RunError(of_the_system(error)) from None
        except OutOfTime as late:
            raise LateError(f"{late}. What ran is kept in {run.failed}.") from None
    return Run.of(run, survey, verdicts)


class LateError(RunError):
    """The deadline of a whole run passed."""

    state = "timed_out"


def key_of(inputs: Inputs, digest: str = "") -> str:
    """Key of the report of these inputs; empty when a claim file is missing, which is told later.

    Examples
    --------
    >>> len(key_of(read_inputs("bank_customers")))
    64
    """
    notebooks = _notebooks(inputs.study)
    try:
        return report_key(inputs.study, digest or inputs.digest, notebooks, inputs.parameters)
    except ClaimError:
        return ""


def _notebooks(study: Study) -> list[Path]:
    return [notebooks_folder() / f"{name}.ipynb" for name in notebooks_of(study)]


def unchanged(home: Path, key: str) -> Path | None:
    """Find the last good report, if it was made with this key and is still whole.

    What a killed run had left to do is done first.

    Examples
    --------
    >>> unchanged(Path("no such folder"), "key") is None
    True
    """
    settle_if_idle(home)
    run = last_good(home)
    if run is None or not key or not intact(run, key):
        return None
    confirm(run)
    return run


def _list(run: Path, out: str | Path) -> None:
    """Write the front page, should a run have been killed before it was listed there."""
    page = Path(out) / "index.html"
    if run.parent.parent != Path(out):
        return
    with suppress(OSError):  # where nothing can be written, the report stands as well
        if not page.is_file() or run.name not in page.read_text(encoding="utf-8"):
            index(out)
