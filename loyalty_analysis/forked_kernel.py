"""The forked side of a warm kernel: a copy of the parent becomes a kernel like any other."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from loyalty_analysis.watchdog import report

PR_SET_PDEATHSIG = 1
LIMITS = tuple(sorted(name for name in dir(resource) if name.startswith("RLIMIT_")))


def limits() -> list[list[int]]:
    """Tell the resource limits of this process, in the order of ``LIMITS``."""
    return [list(resource.getrlimit(getattr(resource, name))) for name in LIMITS]


def become(
    request: Mapping[str, Any], descriptors: Sequence[int], leash: socket.socket, parent: int
) -> NoReturn:
    """Turn this freshly forked process into the kernel that was asked for.

    Parameters
    ----------
    request : mapping
        ``command``, ``environment`` and ``limits`` of the kernel.
    descriptors : sequence of int
        The watchdog's pipe, output and error output of the process that asks.
    leash : socket.socket
        Where to say that the kernel answers.
    parent : int
        Process id of the process that forked.
    """
    code = 1
    try:
        _stand_alone(parent)
        report(descriptors[0])
        _take_over(request, descriptors[1:], parent)
        _run(request["command"][3:], leash, parent)
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        _exit(code)


def _stand_alone(parent: int) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before this was set
        os._exit(1)
    signal.signal(signal.SIGIO, signal.SIG_DFL)


def _take_over(request: Mapping[str, Any], output: Sequence[int], parent: int) -> None:
    """Make environment, output and limits those of a kernel started by the one who asks."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, *output)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if sys.__stdout__ is not None:
        sys.__stdout__.reconfigure(line_buffering=os.isatty(1))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.environ["JPY_PARENT_PID"] = str(parent)
    for name, limit in zip(LIMITS, request["limits"], strict=True):
        resource.setrlimit(getattr(resource, name), tuple(limit))


def _run(arguments: list[str], leash: socket.socket, parent: int) -> None:
    import ipykernel_launcher
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = [str(ipykernel_launcher.__file__), *arguments]
    sys.orig_argv = [sys.executable, "-m", "ipykernel_launcher", *arguments]
    _reseed()
    # its default is read from the environment when the class is made, long before the fork
    app = IPKernelApp.instance(parent_handle=parent)
    app.initialize(arguments)
    _catch_up()
    leash.send(json.dumps({"pid": os.getpid()}).encode())
    leash.close()
    app.start()


def _reseed() -> None:
    """Give numpy's global generator a seed of its own; the standard library sees to itself."""
    sys.modules["numpy"].random.seed()


def _catch_up() -> None:
    """Do what imports would have done, had there been a shell.

    Matplotlib needs nothing: it looks for one when its backend is loaded, which is not yet so.
    """
    if "ipywidgets" in sys.modules:
        sys.modules["ipywidgets"].register_comm_target()


def _exit(code: int) -> NoReturn:
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
    os._exit(code)
