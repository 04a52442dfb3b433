"""Kernels that end when they should: a place of their own, a process group each, a watchdog.

A kernel leads its own session, so killing its group takes its subprocesses along. SIGKILL cannot be
held up by a computation, a lock or a signal handler. When this very process is killed, a watchdog
does the same (the kernel's own check of its parent waits for Python to be free). A kernel starts
warm where there is a :class:`~loyalty_analysis.warm_kernels.Warm` and it can; else cold.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeAlias
from uuid import uuid4

import zmq
from jupyter_client.client import KernelClient
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from loyalty_analysis import memory, watchdog
from loyalty_analysis.errors import RunError
from loyalty_analysis.quick_client import QuickClient
from loyalty_analysis.warm_kernels import Warm, WarmProcess
from loyalty_analysis.watchdog import end_group

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
_POSIX = os.name == "posix"
STOPPED = "the run was stopped"
Process: TypeAlias = subprocess.Popen[bytes] | WarmProcess


class KernelHome:
    """Where the kernels of a batch keep what is theirs, and who ends them when we are killed.

    Used as a context. Connection files hold keys and profiles hold history: both lie in a hidden
    folder of the run, so whatever happens they leave with it.

    Parameters
    ----------
    folder : pathlib.Path
        The run's folder of notebooks.

    Attributes
    ----------
    path : pathlib.Path
        The hidden folder, inside the context.
    memory : pathlib.Path
        Where notebooks find what was computed once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        self._hidden = tempfile.TemporaryDirectory(prefix=".kernels-", dir=self.folder)
        self.path = Path(self._hidden.name).absolute()
        self.memory = self.path / "memory"
        self._pipe: int | None = None
        if _POSIX:
            self._watch()
        return self

    def __exit__(self, *error: object) -> None:
        if self._pipe is not None:  # no kernel is left, so the watchdog has nothing to wait for
            os.close(self._pipe)
            self._watchdog.kill()
            self._watchdog.wait()
        self._hidden.cleanup()

    def _watch(self) -> None:
        reading, self._pipe = os.pipe()
        try:  # a session of its own: Ctrl-C and a closed terminal do not reach it
            self._watchdog = subprocess.Popen(
                _script(), stdin=reading, stdout=subprocess.DEVNULL, start_new_session=True
            )
        finally:
            os.close(reading)

    def launcher(self, command: list[str]) -> list[str]:
        """Write the command that starts a kernel under the eyes of the watchdog."""
        return command if self._pipe is None else [*_script(), str(self._pipe), *command]

    def inherited(self) -> dict[str, Any]:
        """Name what a launcher inherits: the pipe to the watchdog."""
        return {} if self._pipe is None else {"pass_fds": (self._pipe,)}

    def environment(self) -> dict[str, str]:
        """Environment of a kernel; no start-up file of the user has a say in a report."""
        own = {
            "IPYTHONDIR": str(self.path / uuid4().hex),
            "JUPYTER_RUNTIME_DIR": str(self.path),
            memory.FOLDER: str(self.memory),
        }
        return {**os.environ, **KERNEL_ENVIRONMENT, **own}

    def forked(
        self,
        warm: Warm,
        command: list[str],
        environment: dict[str, str],
        stopped: Callable[[], bool],
    ) -> WarmProcess | None:
        """Start a kernel warm under the eyes of the watchdog; None where it cannot."""
        if self._pipe is None:
            return None
        return warm.start(command, environment, str(Path.cwd()), self._pipe, stopped)

    def over(self, process: Process) -> None:
        """Take a kernel that has ended off the watchdog's list."""
        if self._pipe is not None:
            with suppress(BrokenPipeError):  # the watchdog itself was killed
                os.write(self._pipe, f"-{process.pid}\n".encode())


def _script() -> list[str]:
    return [sys.executable, "-I", "-S", str(watchdog.__file__)]


class Kernel:
    """One kernel, from the outside: it can be ended from any thread, at any moment.

    Parameters
    ----------
    home : KernelHome
    warm : Warm, optional
        Where it may be forked.
    """

    def __init__(self, home: KernelHome, warm: Warm | None = None) -> None:
        self.home, self.warm = home, warm
        self.process: Process | None = None
        self.ended = False
        self.alive_at_the_end = False
        self._closed = False  # from then on its number may be that of another process
        self._lock = threading.Lock()

    def end(self) -> None:
        """Kill it and all it started; if it is only about to start, as soon as it has."""
        self.ended = True
        with self._lock:
            if self.process is not None and not self._closed:
                _kill(self.process)

    def close(self) -> None:
        """Leave nothing of it behind, once its notebook is done with it."""
        if self.process is None:
            return
        with self._lock:
            self._closed = True
        _kill(self.process)  # what it started and left running
        self.process.wait()
        self.home.over(self.process)
        if isinstance(self.process, WarmProcess):
            self.process.release()

    @property
    def warm_started(self) -> bool:
        """Whether it was forked."""
        return isinstance(self.process, WarmProcess)

    @property
    def lost(self) -> bool:
        """Whether it started and left by itself, before anybody ended it."""
        return self.process is not None and not self.alive_at_the_end and not self.ended

    def last_words(self) -> str:
        """Say how its process ended.

        Examples
        --------
        >>> kernel = Kernel(KernelHome(Path(".")))
        >>> kernel.process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(9)"])
        >>> _ = kernel.process.wait()
        >>> kernel.last_words()
        'exit code 9'
        """
        code = None if self.process is None else self.process.poll()
        if code is None or code >= 0:
            return "no sign of life" if code is None else f"exit code {code}"
        name = signal.Signals(-code).name
        return f"{name}: out of memory is the usual cause" if name == "SIGKILL" else name

    def start_warm(self, command: list[str], environment: dict[str, str]) -> WarmProcess | None:
        """Start it warm, if that is wanted and works."""
        if self.warm is None:
            return None
        forked = self.home.forked(self.warm, command, environment, lambda: self.ended)
        self.process = forked
        if self.ended and forked is None:
            raise RunError(STOPPED)
        return forked

    def manager_class(self) -> type[AsyncKernelManager]:
        """Make the class papermill starts this kernel with."""
        kernel, home = self, self.home

        class Manager(AsyncKernelManager):
            @default("transport_encryption")
            def _encrypted(self) -> str:
                return "auto" if zmq.has("curve") else "disabled"

            @default("connection_file")
            def _hidden(self) -> str:
                return str(home.path / f"{uuid4().hex}.json")

            @default("client_factory")
            def _quick(self) -> type[KernelClient]:
                return QuickClient

            def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
                self.command = super().format_kernel_cmd(extra_arguments)
                return home.launcher(self.command)

            async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
                if kernel.ended:
                    raise RunError(STOPPED)
                options |= {"env": home.environment(), **home.inherited()}
                try:
                    await AsyncKernelManager.start_kernel(self, **options)
                finally:
                    kernel.process = getattr(self.provisioner, "process", None)
                    if kernel.ended:  # while it started
                        kernel.end()

            async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
                forked = kernel.start_warm(self.command, options["env"])
                if forked is None:
                    await super()._async_launch_kernel(kernel_cmd, **options)
                    return
                started: Any = self.provisioner
                started.process, started.pid, started.pgid = forked, forked.pid, forked.pid
                self._reconcile_connection_info(started.connection_info)

            async def _async_interrupt_kernel(self) -> None:
                if not kernel.alive_at_the_end:  # else it is killed next, and has no more to say
                    await super()._async_interrupt_kernel()

            async def _async_kill_kernel(self, restart: bool = False) -> None:
                if kernel.process is not None:  # without a pause between looks whether it ended
                    _kill(kernel.process)
                    kernel.process.wait()

            async def shutdown_kernel(self, *args: Any, **options: Any) -> None:  # type: ignore[override]
                kernel.alive_at_the_end = True  # papermill asks this of living kernels alone
                await AsyncKernelManager.shutdown_kernel(self, *args, **options)

        return Manager


def _kill(process: Process) -> None:
    end_group(process.pid) if _POSIX else process.kill()
