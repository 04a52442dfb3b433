"""Notebooks behind a runner: papermill executes, the runner decides how a run went.

Parameters are compared with what a notebook declares before anything starts. Several notebooks run
at once, each in a kernel of its own with one BLAS thread. The state of a notebook comes from what
was seen while it ran, never from the metadata of its output.
"""

from __future__ import annotations

import ast
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from uuid import uuid4

import nbformat
import papermill
import zmq
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from loyalty_analysis.errors import RunError, did_you_mean, raise_all
from loyalty_analysis.manifest import without_paths
from loyalty_analysis.resources import shipped

Progress = Callable[[str, int, int], None]
"""Told the name of a notebook, how many of its cells are done, and how many it has."""

REPORT_NOTEBOOKS = ("report", "01_data", "02_descriptives", "03_regressions")
"""What a report executes, in the order of its page."""

# A kernel per core already fills the machine; the rest keeps a run the same everywhere.
KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


class NotebookError(RunError):
    """A notebook failed; ``notebook`` and ``cell`` say where."""

    def __init__(self, message: str, notebook: str, cell: int | None) -> None:
        super().__init__(message)
        self.notebook = notebook
        self.cell = cell


@dataclass(frozen=True)
class NotebookRun:
    """How the execution of one notebook went.

    Attributes
    ----------
    name : str
        File name without its ending.
    path : pathlib.Path
        The executed copy, as far as it came.
    state : str
        ``"ok"`` or ``"failed"``.
    seconds : float
    cell : int or None
        Place of the failing cell in the notebook, from 1.
    error, message : str
        Name of the exception and what it says.
    kernels : int
        Kernels that were started for it: two when the first never answered.
    """

    name: str
    path: Path
    state: Literal["ok", "failed"]
    seconds: float
    cell: int | None = None
    error: str = ""
    message: str = ""
    kernels: int = 1

    def facts(self) -> dict[str, Any]:
        """What the manifest of a run says about it."""
        return {name: value for name, value in vars(self).items() if name != "path"}

    def read(self) -> NotebookNode:
        """Read the executed copy."""
        return nbformat.read(self.path, as_version=4)


def notebooks_folder() -> Path:
    """Find the notebooks that ship with the package."""
    return shipped("notebooks")


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
    declared = papermill.inspect_notebook(_literal(notebook))
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
    stops every kernel.

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
    ) -> None:
        self.notebooks = list(notebooks)
        self.folder = folder
        self.parameters = dict(parameters)
        self.workers = workers or min(len(self.notebooks), os.cpu_count() or 1) or 1
        self.progress = progress or (lambda name, done, cells: None)
        self._kernels: list[AsyncKernelManager] = []
        self._stopped = threading.Event()
        self._futures: list[Future[NotebookRun]] = []

    def __enter__(self) -> Self:
        logging.getLogger("papermill").addHandler(logging.NullHandler())
        for notebook in self.notebooks:
            check_parameters(notebook, self.parameters)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._profiles = tempfile.TemporaryDirectory(prefix=".ipython-", dir=self.folder)
        self._kernel = _kernel_class(self._profiles.name, self._kernels, self._stopped)
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="notebook")
        self._futures = [self._pool.submit(self._execute, path) for path in self.notebooks]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._profiles.cleanup()

    def results(self) -> list[NotebookRun]:
        """Wait for all notebooks; in the order they were given."""
        return [future.result() for future in self._futures]

    def stop(self) -> None:
        """End every kernel at once; notebooks still waiting do not start."""
        self._stopped.set()
        for future in self._futures:
            future.cancel()
        for kernel in self._kernels:
            process = getattr(kernel.provisioner, "process", None)
            if process is not None:
                process.kill()

    def _execute(self, notebook: Path) -> NotebookRun:
        source = nbformat.read(notebook, as_version=4)
        executed = self.folder / notebook.name
        place = {cell.get("id"): number for number, cell in enumerate(source.cells, 1)}
        reached: list[int | None] = [None]

        def cell_starts(cell: NotebookNode, cell_index: int) -> None:
            reached[0] = place.get(cell.get("id"), reached[0])
            self.progress(notebook.stem, cell_index, len(source.cells) + 1)

        began, kernels = time.monotonic(), 1
        error, message = self._attempt(notebook, executed, cell_starts)
        if error == "RuntimeError" and reached[0] is None and not self._stopped.is_set():
            # A kernel that never answered has run nothing: on a busy machine a second one may.
            kernels = 2
            error, message = self._attempt(notebook, executed, cell_starts)
        if executed.is_file():
            _clean(executed, self.parameters)
        if not error and (unfinished := _unfinished(executed)):
            reached[0], error, message = place.get(unfinished[0]), *unfinished[1:]
        seconds = round(time.monotonic() - began, 3)
        self.progress(notebook.stem, len(source.cells) + 1, len(source.cells) + 1)
        if not error:
            return NotebookRun(notebook.stem, executed, "ok", seconds, kernels=kernels)
        cell, message = reached[0], without_paths(message)
        return NotebookRun(
            notebook.stem, executed, "failed", seconds, cell, error, message, kernels
        )

    def _attempt(
        self, notebook: Path, executed: Path, cell_starts: Callable[..., None]
    ) -> tuple[str, str]:
        """Run papermill; the name and message of what went wrong, empty when nothing did."""
        try:
            papermill.execute_notebook(
                _literal(notebook),
                _literal(executed.absolute()),
                parameters=self.parameters,
                progress_bar=False,
                kernel_manager_class=self._kernel,
                shutdown_kernel="immediate",
                on_cell_start=cell_starts,
            )
        except PapermillExecutionError as error:
            return error.ename, error.evalue
        except Exception as error:  # a dead kernel, a full disk: whatever it is, it is reported
            return type(error).__name__, str(error)
        return "", ""


def _kernel_class(
    profiles: str, started: list[AsyncKernelManager], stopped: threading.Event
) -> type[AsyncKernelManager]:
    """Make the kernel manager of one batch: its environment, and a list to stop kernels by."""

    class Kernel(AsyncKernelManager):
        @default("transport_encryption")
        def _encrypted(self) -> str:
            return "auto" if zmq.has("curve") else "disabled"

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            if stopped.is_set():
                raise RunError("the run was stopped")
            # A profile of its own: no start-up file of the user has a say in a report.
            own = {"IPYTHONDIR": str(Path(profiles) / uuid4().hex)}
            environment = {**os.environ, **KERNEL_ENVIRONMENT, **own}
            started.append(self)
            await AsyncKernelManager.start_kernel(self, env=environment, **options)

    return Kernel


def raise_failed(runs: Sequence[NotebookRun], kept: Path | None = None) -> None:
    """Raise one error that names every failed notebook, cell and exception.

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
    failed = [run for run in runs if run.state == "failed"]
    if failed:
        lines = [_sentence(run) for run in failed]
        lines += [f"What ran is kept in {kept}."] if kept else []
        raise NotebookError("\n".join(lines), failed[0].name, failed[0].cell)


def _sentence(run: NotebookRun) -> str:
    where = f"cell {run.cell}" if run.cell else "before its first cell"
    first = run.message.strip().splitlines()[:1]
    return f"notebook {run.name}, {where}: {': '.join([run.error, *first])}"


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


def _literal(path: Path) -> str:
    """Papermill formats paths; braces in one would be taken for parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _unfinished(path: Path) -> tuple[str, str, str] | None:
    """Find a cell that did not run to its end, though no exception was seen."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        for output in cell.outputs:
            if output.output_type == "error":
                return cell.id, output.ename, output.evalue
        if cell.execution_count is None:
            return cell.id, "NotExecuted", "the kernel left before this cell"
    return None


def _clean(path: Path, parameters: Mapping[str, Any]) -> None:
    """Rewrite an executed copy without paths of this machine, times and process numbers."""
    notebook = nbformat.read(path, as_version=4)
    given = [value for value in parameters.values() if isinstance(value, str)]
    notebook.metadata["papermill"] = {
        "parameters": dict(notebook.metadata["papermill"]["parameters"]),
        "version": papermill.__version__,
    }
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
    nbformat.write(_scrubbed(notebook, given), path)


def _scrubbed(node: Any, given: Sequence[str]) -> Any:
    if isinstance(node, str):
        return without_paths(node, given)
    if isinstance(node, list):
        return [_scrubbed(part, given) for part in node]
    if isinstance(node, dict):
        # base64 could hold what looks like a path, and must stay as it is
        kept = {key: part for key, part in node.items() if key in ("image/png", "image/jpeg")}
        changed = {key: _scrubbed(part, given) for key, part in node.items() if key not in kept}
        return NotebookNode({key: {**changed, **kept}[key] for key in node})
    return node
