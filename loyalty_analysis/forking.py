"""Forks a Jupyter kernel on every request, and keeps an eye on it; in one thread and one loop.

Input is a pipe that only the process which started this one holds open: when that ends, so does
this one, and every kernel with it. Each request comes on a connection of its own, which stays open
as the kernel's leash. How the kernel ended is told on it; once it is closed, the kernel's process
group is killed and its number given back, not before: until then nobody else can have it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyalty_analysis.forked_kernel import become
from loyalty_analysis.preloading import difference, installed, surroundings
from loyalty_analysis.watchdog import end_group

OWNER = 0
LARGEST = 1 << 20
"""Bytes of a request."""
PATIENCE = 1.0
"""Seconds that a request may take to arrive, once its sender is connected."""
_COMMAND = [sys.executable, "-m", "ipykernel_launcher", "-f"]


@dataclass
class _Child:
    pid: int
    ending: int
    """A descriptor that becomes readable when the process ends."""
    leash: socket.socket
    told: bool = False


class Forks:
    """Kernels forked from this process.

    Parameters
    ----------
    listener : socket.socket
        Where requests arrive.
    environment : mapping
        That of this process, before anything was imported.
    versions : list
        What was ``installed`` then.
    """

    def __init__(
        self,
        listener: socket.socket,
        environment: Mapping[str, str],
        versions: list[tuple[str, int]],
    ) -> None:
        self.listener, self.versions = listener, versions
        self.surroundings = surroundings(environment)
        # what imports added, as in every kernel
        self.added = {name: os.environ[name] for name in os.environ.keys() - environment.keys()}
        self.folder = str(Path.cwd())
        self.children: list[_Child] = []

    def serve(self) -> None:
        """Fork kernels until the owner is gone; then end them all."""
        while OWNER not in (ready := self._wait()):
            for child in list(self.children):
                if not child.told and child.ending in ready:
                    self._tell(child)
                if child.leash.fileno() in ready:
                    self._let_go(child)
            if self.listener.fileno() in ready:
                self._receive()
        for child in list(self.children):
            self._let_go(child)

    def _wait(self) -> set[int]:
        poll = select.poll()
        for number in (OWNER, self.listener.fileno()):
            poll.register(number, select.POLLIN)
        for child in self.children:
            poll.register(child.leash, select.POLLIN)
            if not child.told:
                poll.register(child.ending, select.POLLIN)
        return {number for number, _ in poll.poll()}

    def _tell(self, child: _Child) -> None:
        """Say how a kernel ended, and leave its process as it is: nobody else gets its number."""
        seen = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert seen is not None
        code = seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status
        child.told = True
        _say(child.leash, code=code)

    def _let_go(self, child: _Child) -> None:
        self.children.remove(child)
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)  # before it leads a group, this alone reaches it
        end_group(child.pid)
        os.waitpid(child.pid, 0)
        os.close(child.ending)
        child.leash.close()

    def _receive(self) -> None:
        leash, _ = self.listener.accept()
        descriptors: list[int] = []
        try:
            leash.settimeout(PATIENCE)
            data, descriptors, _, _ = socket.recv_fds(leash, LARGEST, 3, socket.MSG_CMSG_CLOEXEC)
            refusal = self._refusal(leash, request := json.loads(data))
            if not refusal and not _left(leash):
                self._fork(request, descriptors, leash)
                return
            _say(leash, refused=refusal)
        except (OSError, ValueError):  # it left again, or speaks another language
            pass
        finally:
            for number in descriptors:
                os.close(number)
        leash.close()

    def _refusal(self, leash: socket.socket, request: Mapping[str, Any]) -> str:
        """Say why a kernel asked for would not be what it is when started by itself."""
        if _user(leash) != os.getuid():
            return "another user"
        if request["command"][: len(_COMMAND)] != _COMMAND:
            return "another command"
        if request["folder"] != self.folder:
            return "another working folder"
        if differs := difference(surroundings(request["environment"]), self.surroundings):
            return f"another environment: {differs}"
        if installed() != self.versions:
            return "packages or settings have changed"
        return "threads" if threading.active_count() > 1 else ""

    def _fork(
        self, request: Mapping[str, Any], descriptors: Sequence[int], leash: socket.socket
    ) -> None:
        me = os.getpid()
        environment = {**self.added, **request["environment"]}
        request = {**request, "environment": environment}
        pid = os.fork()
        if pid == 0:
            self._close()
            become(request, descriptors, leash, me)
        # its process group is the child's own affair: changed from here, its setsid would fail
        self.children.append(_Child(pid, os.pidfd_open(pid), leash))

    def _close(self) -> None:
        """Close, in a child, what belongs to this process alone."""
        self.listener.close()
        for child in self.children:
            os.close(child.ending)
            child.leash.close()


def _say(leash: socket.socket, **words: object) -> None:
    with suppress(OSError):  # nobody listens any more
        leash.send(json.dumps(words).encode())


def _left(leash: socket.socket) -> bool:
    """Whether nobody waits for the kernel any more."""
    return bool(select.select([leash], [], [], 0)[0])


def _user(leash: socket.socket) -> int:
    """Tell the user at the other end."""
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", leash.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(user)
