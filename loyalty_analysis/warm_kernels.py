"""Warm kernels: for the length of one batch, a process forks Jupyter kernels with all imports done.

Only what a kernel imports is shared; every notebook still has a process of its own, driven by
papermill as ever. Whatever stands in the way, a kernel then starts cold, by itself, with the same
results: elsewhere than on Linux, with another environment, after packages have changed.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FEWEST = 4
"""Notebooks from which on the imports, done once more, pay."""
PATIENCE, THEREAFTER = 60.0, 1.0
"""Seconds to wait for a kernel, imports included; and once that was in vain."""
COLD = "LOYALTY_COLD"
"""Environment variable that makes every kernel start cold."""
_ZYGOTE = str(Path(__file__).with_name("zygote.py"))


class WarmProcess:
    """A kernel that was forked, as far as it matters like a ``subprocess.Popen``.

    Its number belongs to no other process until :meth:`release`.

    Parameters
    ----------
    pid : int
    leash : socket.socket
        How it ended comes in here; closed, it ends.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, leash: socket.socket) -> None:
        self.pid, self._leash = pid, leash
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Tell how it ended, if it has."""
        if self.returncode is None and _readable(self._leash, 0):
            # without a word, the process that forked it is gone, and took it along
            self.returncode = _heard(self._leash).get("code", -signal.SIGKILL)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        if self.returncode is None:
            _readable(self._leash, timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def release(self) -> None:
        """Give its number back, and end what is left of its process group."""
        with suppress(OSError):  # heard also where a copy of this socket was inherited
            self._leash.shutdown(socket.SHUT_RDWR)
        self._leash.close()


class Warm:
    """Where warm kernels come from; any process of the same user may ask.

    Parameters
    ----------
    address : str
        Path of a socket.

    Attributes
    ----------
    refused : str
        Why the last kernel asked for was refused.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.refused = ""
        self._patience = PATIENCE

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: str,
        pipe: int,
        stopped: Callable[[], bool] = lambda: False,
    ) -> WarmProcess | None:
        """Start a kernel.

        Parameters
        ----------
        command : sequence of str
            What would start it cold.
        environment : mapping of str to str
        folder : str
            Where it works.
        pipe : int
            The watchdog's, on which it reports its process group.
        stopped : callable
            Whether the kernel is not wanted any more.

        Returns
        -------
        WarmProcess or None
            None where it has to start cold.
        """
        from loyalty_analysis.forked_kernel import limits  # not on every system

        request = {
            "command": list(command),
            "environment": dict(environment),
            "folder": folder,
            "limits": limits(),
        }
        try:
            leash = _connected(self.address)
        except OSError as error:
            self.refused = str(error)
            return None
        try:
            socket.send_fds(leash, [json.dumps(request).encode()], [pipe, 1, 2])
            if pid := self._answer(leash, stopped):
                return WarmProcess(pid, leash)
        except OSError as error:
            self.refused = str(error)
        leash.close()
        return None

    def _answer(self, leash: socket.socket, stopped: Callable[[], bool]) -> int | None:
        until = time.monotonic() + self._patience
        while not stopped():
            if _readable(leash, 0.05):
                said = _heard(leash)
                self.refused = said.get("refused", "" if "pid" in said else "it ended")
                return said.get("pid")
            if time.monotonic() > until:
                self._patience, self.refused = THEREAFTER, "no answer"
                break
        return None


def at(address: str) -> Warm:
    """Find the warm kernels of another process by their address."""
    return Warm(address)


def possible() -> bool:
    """Whether kernels can be forked here: on Linux, unless ``LOYALTY_COLD`` says otherwise."""
    wanted = os.environ.get(COLD, "0") in ("", "0")
    return wanted and sys.platform == "linux" and hasattr(os, "pidfd_open")


@contextmanager
def warmed(count: int, cold: bool = False) -> Iterator[Warm | None]:
    """Keep kernels warm inside the ``with`` block; nothing waits for the imports but the kernels.

    Parameters
    ----------
    count : int
        Notebooks that will be executed.
    cold : bool
        Whether every kernel shall do its own imports.

    Yields
    ------
    Warm or None
        None where kernels start cold: fewer than four notebooks, elsewhere than on Linux.

    Examples
    --------
    >>> with warmed(3) as warm:
    ...     print(warm)
    None
    """
    if cold or count < FEWEST or not possible():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="loyalty-", ignore_cleanup_errors=True) as folder:
        address = str(Path(folder, "kernels"))
        try:
            zygote = _zygote(address)
        except OSError:
            yield None
            return
        try:
            yield Warm(address)
        finally:
            _end(zygote)


def _zygote(address: str) -> subprocess.Popen[bytes]:
    """Start the process that forks; requests can be sent before it is ready to answer."""
    from loyalty_analysis.kernels import KERNEL_ENVIRONMENT

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        with _short(address) as path:
            listener.bind(path)
        listener.listen()
        number = listener.fileno()
        return subprocess.Popen(
            [sys.executable, _ZYGOTE, str(number), str(Path(address).parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **KERNEL_ENVIRONMENT},
            pass_fds=[number],
            start_new_session=True,  # Ctrl-C and a closed terminal do not reach it
        )


def _end(zygote: subprocess.Popen[bytes]) -> None:
    assert zygote.stdin is not None
    zygote.stdin.close()
    try:
        zygote.wait(5)
    except subprocess.TimeoutExpired:
        zygote.kill()  # its kernels go with it
        zygote.wait()


def _connected(address: str) -> socket.socket:
    leash = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        leash.settimeout(PATIENCE)
        with _short(address) as path:
            leash.connect(path)
    except OSError:
        leash.close()
        raise
    return leash


@contextmanager
def _short(address: str) -> Iterator[str]:
    """Name a socket in few characters: the path of one has room for about a hundred."""
    folder = os.open(Path(address).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{Path(address).name}"
    finally:
        os.close(folder)


def _readable(leash: socket.socket, timeout: float | None) -> bool:
    poll = select.poll()
    poll.register(leash, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def _heard(leash: socket.socket) -> dict[str, Any]:
    try:
        return dict(json.loads(leash.recv(1 << 16) or b"{}"))
    except OSError:
        return {}
