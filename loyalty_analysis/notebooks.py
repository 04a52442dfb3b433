"""Notebooks of a report, executed in the background: parameters refused first, states told apart.

Parameters are compared with what a notebook declares before anything starts. Several notebooks run
at once, each in a kernel of its own with one BLAS thread.
"""

from __future__ import annotations

import ast
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import papermill

from loyalty_analysis.errors import RunError, did_you_mean, raise_all
from loyalty_analysis.execution import Execution, NotebookRun, Progress, State, literal
from loyalty_analysis.interruption import DEADLINE, check_deadline
from loyalty_analysis.kernels import KernelHome
from loyalty_analysis.warm_kernels import Warm

BY_WEIGHT: tuple[State, ...] = ("failed", "died", "timed_out", "cancelled")
"""States of notebooks that did not come to their end, the one that explains most first."""


class NotebookError(RunError):
    """Notebooks did not come to their end.

    Attributes
    ----------
    notebook, cell
        Where the first of them stopped.
    state : str
        The state that explains most, of those of all notebooks.
    """

    def __init__(self, message: str, notebook: str, cell: int | None, state: State) -> None:
        super().__init__(message)
        self.notebook = notebook
        self.cell = cell
        self.state = state


def check_parameters(notebook: Path, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that a notebook does not declare, or of another type than declared.

    Parameters
    ----------
    notebook : pathlib.Path
        A notebook with a cell tagged ``parameters``.
    parameters : mapping
        Values by name.

    Raises
    ------
    RunError
        Every problem, each with what is allowed.
    """
    if not notebook.is_file():
        found = [path.stem for path in notebook.parent.glob("*.ipynb")]
        raise RunError(f"{notebook.name}: no such notebook. {did_you_mean(notebook.stem, found)}")
    declared = papermill.inspect_notebook(literal(notebook))
    problems = []
    for name, value in parameters.items():
        if name not in declared:
            hint = did_you_mean(name, declared)
            problems.append(f"has no parameter '{name}'. {hint}")
        elif not _fits(value, wanted := _declared_type(declared[name])):
            problems.append(f"parameter '{name}' must be {wanted}, not {value!r}.")
    raise_all(RunError, notebook.name, problems)


def _declared_type(parameter: Mapping[str, str]) -> str:
    """Name the type of a parameter: as annotated, else that of its default."""
    annotated = parameter["inferred_type_name"]
    if annotated != "None":
        return annotated
    try:
        return type(ast.literal_eval(parameter["default"])).__name__
    except (ValueError, SyntaxError):
        return "None"


def _fits(value: Any, wanted: str) -> bool:
    given = type(value).__name__
    names = {part.partition("[")[0].strip() for part in wanted.split("|")}
    return wanted == "None" or given in names or (given == "int" and "float" in names)


class Batch:
    """Notebooks that execute in the background while the caller does something else.

    Used as a context: entering checks the parameters of all and starts, leaving by an exception
    stops every kernel. However it is left, no kernel is.

    Parameters
    ----------
    notebooks : sequence of pathlib.Path
    folder : pathlib.Path
        Where the executed copies go.
    parameters : mapping
        Values for every notebook.
    workers : int, optional
        Kernels at a time; default one per core.
    progress : callable, optional
        Told of every cell, from other threads.
    deadline : float
        Seconds each notebook may take, its kernel's start included.
    warm : Warm, optional
        Where kernels may be forked; those that cannot be start by themselves.
    ready : callable
        Told of the folder of what is remembered, before any kernel starts.

    Attributes
    ----------
    memory : pathlib.Path
        Inside the context: where notebooks and caller keep what one of them computed.

    Raises
    ------
    RunError
        When the deadline is no time at all.

    Examples
    --------
    >>> with Batch([], Path("."), {}) as batch:
    ...     batch.results()
    []
    """

    def __init__(
        self,
        notebooks: Sequence[Path],
        folder: Path,
        parameters: Mapping[str, Any],
        workers: int | None = None,
        progress: Progress | None = None,
        deadline: float = DEADLINE,
        warm: Warm | None = None,
        ready: Callable[[Path], object] = lambda memory: None,
    ) -> None:
        check_deadline(deadline)
        self.notebooks = list(notebooks)
        self.folder = folder
        self.parameters = dict(parameters)
        self.workers = workers or min(len(self.notebooks), os.cpu_count() or 1) or 1
        self.progress = progress or (lambda name, done, cells: None)
        self.deadline, self.warm, self.ready = deadline, warm, ready
        self._executions: list[Execution] = []
        self._futures: list[Future[NotebookRun]] = []

    def __enter__(self) -> Self:
        logging.getLogger("papermill").addHandler(logging.NullHandler())
        for notebook in self.notebooks:
            check_parameters(notebook, self.parameters)
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            home = stack.enter_context(KernelHome(self.folder))
            self.memory = home.memory
            self.ready(home.memory)
            self._executions = [self._execution(path, home) for path in self.notebooks]
            self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="notebook")
            self._futures = [self._pool.submit(one.run) for one in self._executions]
            self._stack = stack.pop_all()
        return self

    def _execution(self, notebook: Path, home: KernelHome) -> Execution:
        asked = (self.parameters, home, self.deadline, self.progress, self.warm)
        return Execution(notebook, self.folder, *asked)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._stack.close()

    def results(self) -> list[NotebookRun]:
        """Wait for all notebooks; in the order they were given."""
        return [future.result() for future in self._futures]

    def stop(self) -> None:
        """End every kernel at once; notebooks still waiting do not start."""
        for future in self._futures:
            future.cancel()
        for execution in self._executions:
            execution.end()

    def outcomes(self) -> list[NotebookRun]:
        """How every notebook went, also those that a stop kept from starting."""
        pairs = zip(self._executions, self._futures, strict=False)
        return [_outcome(execution, future) for execution, future in pairs]


def _outcome(execution: Execution, future: Future[NotebookRun]) -> NotebookRun:
    name, copy = execution.notebook.stem, execution.copy
    if future.cancelled():
        return NotebookRun(name, copy, "cancelled", kernels=0)
    if error := future.exception():
        return NotebookRun(name, copy, "failed", message=f"{type(error).__name__}: {error}")
    return future.result()


def raise_failed(runs: Sequence[NotebookRun], kept: Path | None = None) -> None:
    """Raise one error that says of every notebook that did not come to its end, where and why.

    Parameters
    ----------
    runs : sequence of NotebookRun
    kept : pathlib.Path, optional
        Where a reader will find the executed copies.

    Raises
    ------
    NotebookError
        With ``notebook`` and ``cell`` of the first; not raised when all went well.
    """
    unfinished = [run for run in runs if run.state != "ok"]
    if unfinished:
        lines = [f"notebook {run.name}: {run.sentence()}." for run in unfinished]
        lines += [f"What ran is kept in {kept}."] if kept else []
        state = min((run.state for run in unfinished), key=BY_WEIGHT.index)
        first = unfinished[0]
        raise NotebookError("\n".join(lines), first.name, first.cell, state)


@contextmanager
def progress_bars(names: Sequence[str], quiet: bool = False) -> Iterator[Progress]:
    """Show one bar per notebook on the terminal; nothing when quiet or not on a terminal.

    Parameters
    ----------
    names : sequence of str
        Names of the notebooks, in order.
    quiet : bool

    Yields
    ------
    callable
        To be handed to :class:`Batch`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    hidden = quiet or not console.is_terminal
    with Bars(*columns, console=console, disable=hidden, transient=True) as bars:
        tasks = {name: bars.add_task(name, total=None, start=False) for name in names}

        def show(name: str, done: int, cells: int) -> None:
            if done == 0:
                bars.start_task(tasks[name])
            bars.update(tasks[name], completed=done, total=cells)

        yield show
