"""Kernels, the process that forks them, and workers of a batch: killed, hanging, out of memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from fault_place import Ended, Place
from fault_trial import Case

DIES = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
ONCE = """\
import os, signal
mark = os.environ["FAULT_LOG"] + ".once"
if not os.path.exists(mark):
    open(mark, "w").close()
    os.kill(os.getpid(), signal.SIGKILL)"""
# A search that never ends and never lets go of the interpreter: no signal handler, no thread and no
# check of the parent gets a turn; and a subprocess.
HANGS = """\
import re, signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])
re.match("(a+)+$", "a" * 60 + "b")"""
GROWS = """\
import resource
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
kept = []
while True:
    kept.append(bytearray(100 << 20))"""
KILLED_FOR_MEMORY = f"""\
import os, signal
try:
{chr(10).join("    " + line for line in GROWS.splitlines())}
except MemoryError:
    os.kill(os.getpid(), signal.SIGKILL)"""
ORPHANS = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"  # its worker, when cold
SLOW = "import time\ntime.sleep(1)"


def of_alpha(cell: str) -> str:
    """Let a cell do what it does in one group alone."""
    return "if 'Alpha' in where:\n" + "\n".join(f"    {line}" for line in cell.splitlines())


def cell(source: str, *options: str) -> Callable[[Place], Ended]:
    """Do what a cell does, in every notebook."""
    return lambda place: place.run(*options, cell=source)


def killed(*words: str) -> Callable[[Place], Ended]:
    """Kill a process that the command has started, once notebooks are under way."""

    def do(place: Place) -> Ended:
        command = place.start(cell=SLOW)
        while not place.noted() and command.process.poll() is None:
            time.sleep(0.02)
        os.kill(command.find(*words), signal.SIGKILL)
        return command.ended()

    return do


SINGLE = [
    Case("SIGKILL to a kernel, once", cell(ONCE), {0}, heals=True),
    Case("SIGKILL to every kernel", cell(DIES), {1}, {"died"}, says="the kernel died"),
    Case(
        "a kernel hangs, `--deadline`", cell(HANGS, "--deadline", "8"), {1}, {"timed_out"},
        says="the deadline of 8 s passed",
    ),
    Case(
        "a kernel hangs, `--run-deadline`", cell(HANGS, "--run-deadline", "8"), {1},
        {"timed_out"}, says="the deadline of 8 s for the whole run passed",
    ),
    Case("a cell runs out of memory", cell(GROWS), {1}, {"failed"}, says="MemoryError"),
    Case(
        "a kernel is killed for its memory", cell(KILLED_FOR_MEMORY), {1}, {"died"},
        says="out of memory is the usual cause",
    ),
]  # fmt: skip
BATCH = [
    Case("SIGKILL to a warm kernel, once", cell(ONCE), {0}, heals=True),
    Case(
        "SIGKILL to every kernel of a group", cell(of_alpha(DIES)), {1}, {"died"}, heals=True,
        says="1 of 5 reports were not made",
    ),
    Case("SIGKILL to the process that forks kernels", killed("zygote.py"), {0}, heals=True),
    Case("SIGKILL to a worker, once", killed("spawn_main"), {0}, heals=True),
    Case(
        "SIGKILL to the worker of a group, every time", cell(of_alpha(ORPHANS), "--cold"), {1},
        heals=True, says="process was lost twice",
    ),
    Case(
        "a kernel of one group hangs, `--run-deadline`",
        cell(of_alpha(HANGS), "--run-deadline", "25"), {1}, {"timed_out"}, heals=True,
        says="timed_out",
    ),
]  # fmt: skip
