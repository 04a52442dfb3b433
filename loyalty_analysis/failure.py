"""The page of a run that did not finish: what happened, and the notebooks as far as they came.

It shows no verdict: what was computed before the end is a file, not a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.execution import NotebookRun
from loyalty_analysis.formatting import BANNER, capitalised
from loyalty_analysis.holdout import notices
from loyalty_analysis.interruption import OutOfTime
from loyalty_analysis.manifest import first_line, read_manifest
from loyalty_analysis.notebooks import NotebookError
from loyalty_analysis.pages import environment
from loyalty_analysis.run_folder import RunFolder
from loyalty_analysis.sections import Section, anchor_of, sections
from loyalty_analysis.survey import Survey

STATES = {
    "ok": "finished",
    "failed": "a cell failed",
    "died": "its kernel died",
    "timed_out": "the deadline passed",
    "cancelled": "stopped",
}
"""States of a notebook, in words."""


@contextmanager
def explained(
    run: RunFolder, survey: Survey, notebooks: Callable[[], Sequence[NotebookRun]]
) -> Iterator[None]:
    """Leave a page in the run folder when the ``with`` block ends by an error.

    Parameters
    ----------
    run : RunFolder
    survey : Survey
    notebooks : callable
        Gives how every notebook went; asked once, after the block.
    """
    try:
        yield
    except BaseException as error:
        went = notebooks()
        run.manifest["notebooks"] = [notebook.facts() for notebook in went]
        if run.files():
            html = failure_page(run, survey, error, went)
            (run.folder / "index.html").write_text(html, encoding="utf-8")
        raise


def failure_page(
    run: RunFolder, survey: Survey, error: BaseException, notebooks: Sequence[NotebookRun]
) -> str:
    """Write the page of a run that did not finish.

    Parameters
    ----------
    run : RunFolder
        For the manifest, the files written so far and the last good run.
    survey : Survey
    error : BaseException
        What ended it.
    notebooks : sequence of NotebookRun
        How every notebook went.

    Returns
    -------
    str
        HTML that loads nothing from anywhere.
    """
    evidence = _evidence(notebooks)
    shown = {section.anchor for section in evidence}
    return (
        environment()
        .get_template("failed.html.j2")
        .render(
            study=survey.study,
            simulated=BANNER if survey.study.is_simulated else "",
            notices=notices(survey.study),
            manifest=run.manifest,
            sentences=_sentences(error, notebooks),
            standing=_standing(run),
            notebooks=[_row(notebook, shown) for notebook in notebooks],
            evidence=evidence,
            files=run.files(),
        )
    )


def _evidence(notebooks: Sequence[NotebookRun]) -> list[Section]:
    """Show the notebooks as far as they came; none when showing them is what went wrong."""
    try:
        return sections([one for one in notebooks if one.path.is_file()], None)
    except Exception:  # the run's own error is the one to tell, whatever fails beside it
        return []


def _sentences(error: BaseException, notebooks: Sequence[NotebookRun]) -> list[str]:
    """Say what ended the run; of notebooks, one sentence each."""
    if isinstance(error, OutOfTime):
        return [f"{capitalised(str(error))}."]
    if isinstance(error, KeyboardInterrupt):
        return ["It was asked to stop before it was done."]
    if isinstance(error, NotebookError):
        ended = [notebook for notebook in notebooks if notebook.state != "ok"]
        return [f"Notebook {notebook.name}: {notebook.sentence()}." for notebook in ended]
    said = first_line(str(error))
    return [said if isinstance(error, LoyaltyError) else f"{type(error).__name__}: {said}"]


def _row(notebook: NotebookRun, shown: set[str]) -> dict[str, Any]:
    anchor = anchor_of(notebook.name)
    return {
        "name": notebook.name,
        "anchor": anchor if anchor in shown else "",
        "state": STATES[notebook.state],
        "sentence": capitalised(notebook.sentence()),
    }


def _standing(run: RunFolder) -> dict[str, Any] | None:
    if run.previous is None:
        return None
    page = (run.previous / "index.html").is_file()
    started = read_manifest(run.previous)["started"]
    return {"run": run.previous.name, "started": started, "page": page}
