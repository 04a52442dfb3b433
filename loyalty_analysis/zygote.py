"""A process that imports what notebooks import, and then forks kernels until its owner is gone.

Run as a script, so that it is set up as a kernel's process before the package is imported: pandas,
for one, looks for a front end when it is imported, and remembers.
"""

from __future__ import annotations

import builtins
import fcntl
import gc
import os
import select
import signal
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OWNER = 0
"""A pipe that ends with the process that started this one."""


class FrontEnd:
    """Stands for the shell of a kernel while modules are imported."""

    kernel = None


@contextmanager
def as_in_a_kernel() -> Iterator[list[str]]:
    """Import as a kernel would.

    Yields
    ------
    list of str
        What the imports warn of: every notebook would have to show it.

    Examples
    --------
    >>> with as_in_a_kernel() as said:
    ...     warnings.warn("look")
    >>> said
    ['look']
    """
    said: list[str] = []
    show = warnings.showwarning
    builtins.get_ipython = FrontEnd  # type: ignore[attr-defined]
    warnings.showwarning = lambda message, *where: said.append(str(message))
    try:
        yield said
    finally:
        warnings.showwarning = show
        del builtins.get_ipython  # type: ignore[attr-defined]


def leave_with_owner(folder: Path) -> None:
    """Leave at once when the owner goes while imports are under way.

    Parameters
    ----------
    folder : pathlib.Path
        What to remove then.
    """

    def gone(*_: object) -> None:
        remove(folder)
        os._exit(0)

    signal.signal(signal.SIGIO, gone)
    fcntl.fcntl(OWNER, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(OWNER, fcntl.F_SETFL, fcntl.fcntl(OWNER, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([OWNER], [], [], 0)[0]:  # before anybody told us
        gone()


def remove(folder: Path) -> None:
    """Remove a folder and the socket in it, if they are still there."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def main(listener: socket.socket, folder: Path) -> None:
    """Import, then fork on request until the owner is gone.

    Parameters
    ----------
    listener : socket.socket
        Where requests arrive, from the very start.
    folder : pathlib.Path
        Where its name is.
    """
    leave_with_owner(folder)
    environment = dict(os.environ)
    with as_in_a_kernel() as said:
        from loyalty_analysis.forking import Forks
        from loyalty_analysis.preloading import installed, preload

        versions = installed()
        preload()
    if not said:  # else kernels shall do their imports themselves
        gc.collect()
        gc.freeze()  # so that a collection in a kernel does not copy the pages it shares
        forks = Forks(listener, environment, versions)
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        forks.serve()
    remove(folder)


if __name__ == "__main__":
    # the folder of this file holds modules of ours, whose names are not to stand for others
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(__file__)]  # noqa: PTH120
    main(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2]))
