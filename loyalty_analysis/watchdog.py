"""A small process that outlives ours for a moment: it ends kernels whose parent was killed.

Run as a script, with the standard library alone. Without arguments it watches: its input is a pipe
that only our process and kernels about to start hold open, so that the pipe ends when our process
does, however it dies. ``+N`` on it means that process group N began, ``-N`` that it is over. With
arguments it launches: it reports its own process group and becomes the kernel. A kernel is thus
reported before it exists, and no moment is left in which a SIGKILL of ours leaves one behind.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress


def watch(lines: Iterable[str]) -> None:
    """Wait until the lines end, then kill every process group that began and is not over."""
    groups: set[int] = set()
    for line in lines:
        number = abs(int(line))
        groups.add(number) if line.startswith("+") else groups.discard(number)
    for number in groups:
        end_group(number)


def end_group(number: int) -> None:
    """Kill a process group at once, whatever it is doing; one that is gone already is fine."""
    # macOS answers "not permitted" for a group of processes that have ended and are not reaped
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(number, signal.SIGKILL)


def report(pipe: int) -> None:
    """Report the process group of this process, and let go of the pipe."""
    with suppress(BrokenPipeError):  # nobody watches any more; the kernel watches its parent, too
        os.write(pipe, f"+{os.getpgrp()}\n".encode())
    os.close(pipe)


def launch(pipe: int, command: Sequence[str]) -> None:
    """Report the process group of this process, then become the command."""
    report(pipe)
    os.execvp(command[0], list(command))


if __name__ == "__main__":
    if sys.argv[1:]:
        launch(int(sys.argv[1]), sys.argv[2:])
    else:
        watch(sys.stdin)
