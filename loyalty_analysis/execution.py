"""One notebook on its way through papermill, and what was seen of it.

How a notebook went is decided from what was seen while it ran: which cells were answered, whether
its kernel was still there, who ended it. Never from the metadata of its output: papermill marks
every cell of a notebook whose kernel died as completed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import nbformat
import papermill
from nbformat import NotebookNode

from loyalty_analysis.copies import finish
from loyalty_analysis.formatting import capitalised
from loyalty_analysis.kernels import Kernel, KernelHome
from loyalty_analysis.manifest import first_line
from loyalty_analysis.warm_kernels import Warm

Progress = Callable[[str, int, int], None]
"""Told the name of a notebook, how many of its cells are done, and how many it has."""

State = Literal["ok", "failed", "died", "timed_out", "cancelled"]


class _Cell(NamedTuple):
    """A cell of the executed copy, and its place in the notebook, from 1."""

    id: str
    place: int | None


@dataclass(frozen=True)
class NotebookRun:
    """How the execution of one notebook went.

    Attributes
    ----------
    name : str
        File name without its ending.
    path : pathlib.Path
        The executed copy, as far as it came; there is none when the notebook did not start.
    state : str
        ``"ok"``; ``"failed"``, a cell raised; ``"died"``, the kernel was lost; ``"timed_out"``, the
        deadline passed; ``"cancelled"``, the run was stopped.
    seconds : float
    cell : int or None
        Place in the notebook, from 1, of the cell that raised or was last begun.
    error, message : str
        Name of the exception a cell raised, and the first line of what it says; without an
        exception, the message says what happened.
    kernels : int
        Kernels that were started for it: two when the first was lost or never answered.
    warm : bool
        Whether the last of them was forked from a process that had done its imports.
    """

    name: str
    path: Path
    state: State
    seconds: float = 0.0
    cell: int | None = None
    error: str = ""
    message: str = ""
    kernels: int = 1
    warm: bool = False

    def facts(self) -> dict[str, Any]:
        """What the manifest of a run says about it."""
        return {name: value for name, value in vars(self).items() if name != "path"}

    def read(self) -> NotebookNode:
        """Read the executed copy."""
        return nbformat.read(self.path, as_version=4)

    def sentence(self, here: str = "") -> str:
        """Say in plain words how it ended; ``here`` names the cell differently.

        Examples
        --------
        >>> NotebookRun("x", Path("x"), "failed", 1, 4, "KeyError", "'age'").sentence()
        "cell 4 raised KeyError: 'age'"
        >>> NotebookRun("x", Path("x"), "died", 1, 4, message="exit code 9").sentence("this cell")
        'the kernel died in this cell (exit code 9)'
        >>> NotebookRun("x", Path("x"), "timed_out", 60, 4, message="60 s").sentence()
        'cell 4 was still running when the deadline of 60 s passed'
        """
        cell = here or f"cell {self.cell}"
        place = f"in {cell}" if self.cell else "before its first cell"
        if self.state == "failed" and self.error:
            return f"{cell} raised {self.error}" + (f": {self.message}" if self.message else "")
        if self.state == "timed_out":
            what = f"{cell} was still running" if self.cell else "no cell had begun"
            return f"{what} when the deadline of {self.message} passed"
        return {
            "ok": "ran to its end",
            "failed": f"could not go on {place} ({self.message})",
            "died": f"the kernel died {place} ({self.message})",
            "cancelled": f"was stopped {place}" if self.kernels else "did not start",
        }[self.state]


class Execution:
    """One notebook, executed by :meth:`run` in one thread and ended by :meth:`end` from any.

    Parameters
    ----------
    notebook : pathlib.Path
    folder : pathlib.Path
        Where the executed copy goes.
    parameters : mapping
        Values by name.
    home : KernelHome
    deadline : float
        Seconds it may take, its kernel's start included.
    progress : callable
        Told of every cell.
    warm : Warm, optional
        Where its kernel may be forked.
    """

    def __init__(
        self,
        notebook: Path,
        folder: Path,
        parameters: Mapping[str, Any],
        home: KernelHome,
        deadline: float,
        progress: Progress,
        warm: Warm | None = None,
    ) -> None:
        self.notebook, self.copy = notebook, folder / notebook.name
        self.parameters, self.home = parameters, home
        self.deadline, self.progress = deadline, progress
        self.warm = warm
        self.kernels: list[Kernel] = []
        self._ended: State | None = None
        self._forget()

    def _forget(self) -> None:
        """Have seen nothing of the notebook yet."""
        self._begun: _Cell | None = None
        self._raised: tuple[_Cell, str, str] | None = None  # with name and text of the error
        self._answered: set[str] = set()
        self._executed: list[NotebookNode] = []

    def end(self, why: State = "cancelled") -> None:
        """End it at once, whatever its kernel is doing; the first reason counts."""
        self._ended = self._ended or why
        for kernel in self.kernels:
            kernel.end()

    def run(self) -> NotebookRun:
        """Execute the notebook; every way it can end is a state of what is returned."""
        began = time.monotonic()
        cells = nbformat.read(self.notebook, as_version=4).cells
        self._places = {cell.get("id"): number for number, cell in enumerate(cells, 1)}
        self._steps = len(cells) + 1  # papermill adds a cell
        timer = threading.Timer(self.deadline, self.end, ["timed_out"])
        timer.daemon = True
        timer.start()
        try:
            trouble = self._attempt(Kernel(self.home, self.warm))
            if self._without_a_kernel(trouble):
                self._forget()
                trouble = self._attempt(Kernel(self.home))
        finally:
            timer.cancel()
        self.progress(self.notebook.stem, self._steps, self._steps)
        return self._outcome(trouble, round(time.monotonic() - began, 3))

    def _without_a_kernel(self, trouble: Exception | None) -> bool:
        """Whether the kernel was lost or never answered: all that a second try can cure."""
        if self._ended or self._raised:
            return False
        silent = isinstance(trouble, RuntimeError) and self._begun is None
        return silent or (self.kernels[-1].lost and (trouble is not None or self._unanswered()))

    def _attempt(self, kernel: Kernel) -> Exception | None:
        """Run papermill with a new kernel; return what kept it from going on, if anything."""
        self.kernels.append(kernel)
        if self._ended:
            kernel.end()
        try:
            executed = papermill.execute_notebook(
                literal(self.notebook),
                literal(self.copy.absolute()),
                parameters=self.parameters,
                progress_bar=False,
                kernel_manager_class=kernel.manager_class(),
                shutdown_kernel="immediate",
                shell_timeout_interval=1,  # how often it looks whether the kernel is alive
                on_cell_start=self._cell_begins,
                on_cell_executed=self._cell_answers,
            )
        except Exception as trouble:  # a dead kernel, a full disk: whatever it is, it is reported
            return trouble
        finally:
            kernel.close()
        self._executed = executed.cells
        return None

    def _cell_begins(self, cell: NotebookNode, cell_index: int) -> None:
        # the cell that papermill adds belongs to the parameters before it
        before = self._begun.place if self._begun else None
        self._begun = _Cell(cell.id, self._places.get(cell.id, before))
        self.progress(self.notebook.stem, cell_index, self._steps)

    def _cell_answers(
        self, cell: NotebookNode, cell_index: int, execute_reply: Mapping[str, Any]
    ) -> None:
        self._answered.add(cell.id)
        reply = execute_reply["content"]
        errors = [output for output in cell.outputs if output.output_type == "error"]
        errors += [reply] if reply["status"] == "error" else []
        if errors and not self._raised and self._begun:
            self._raised = (self._begun, errors[0].get("ename", ""), errors[0].get("evalue", ""))

    def _outcome(self, trouble: Exception | None, seconds: float) -> NotebookRun:
        state, cell, error, message = self._seen(trouble)
        run = NotebookRun(
            self.notebook.stem,
            self.copy,
            state,
            seconds,
            cell.place if cell else None,
            error,
            first_line(message),
            len(self.kernels),
            self.kernels[-1].warm_started,
        )
        if self.copy.is_file():
            said = replace(run, message="") if error else run  # the error itself stands below
            note = capitalised(said.sentence("this cell")) + "."
            here = cell.id if cell and (error or cell.id not in self._answered) else None
            finish(self.copy, self.parameters, self._answered, here, note)
        return run

    def _seen(self, trouble: Exception | None) -> tuple[State, _Cell | None, str, str]:
        """Decide the state; with the cell it is about, and an error's name and text."""
        kernel = self.kernels[-1]
        if self._raised:
            return "failed", *self._raised
        if trouble is None and not self._unanswered():
            return "ok", None, "", ""
        if self._ended == "timed_out":
            return "timed_out", self._begun, "", f"{self.deadline:g} s"
        if self._ended:
            return self._ended, self._begun, "", ""
        if kernel.lost or trouble is None:
            return "died", self._begun, "", kernel.last_words()
        return "failed", self._begun, "", f"{type(trouble).__name__}: {trouble}"

    def _unanswered(self) -> bool:
        """Whether papermill took for run what never was."""
        code = [cell for cell in self._executed if cell.cell_type == "code" and cell.source.strip()]
        wanted = {cell.id for cell in code if "skip-execution" not in cell.metadata.get("tags", [])}
        return not wanted <= self._answered


def literal(path: Path) -> str:
    """Write a path for papermill, which formats paths: braces in one would be parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")
