"""Every way a report can be interrupted, really done; what it says, and what it leaves on disk.

:func:`rows` is the table. Run as a script, this file is the command ``loyalty`` on a tiny notebook,
which can be told to wait at a moment a test wants to hit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from factory import make

from loyalty_analysis.leftovers import sweep
from loyalty_analysis.quick_imports import skip_address_grammars

PARAMETERS = 'study: str = ""\nsettings: list = []\ndata: str = ""\nwhere: str = ""'
# A subprocess, and then a search that never ends and never lets go of the interpreter: no signal
# handler, no thread and no check of the parent gets a turn.
BUSY = """\
import os, re, signal, subprocess, pathlib
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])
pathlib.Path(os.environ["MOMENT"]).touch()
re.match("(a+)+$", "a" * 60 + "b")"""
DIES = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
RAISES = "{}['age']"
PREVIOUS = "the previous run, unchanged"


@dataclass(frozen=True)
class Case:
    """One interruption: the code of a cell, where the command waits, what is sent to it."""

    name: str
    cell: str = BUSY
    wait: str = ""
    signals: tuple[signal.Signals, ...] = ()
    deadline: int = 600


CASES = [
    Case("Ctrl-C while the survey is read", wait="read_inputs", signals=(signal.SIGINT,)),
    Case("Ctrl-C while notebooks run", signals=(signal.SIGINT,)),
    Case("Ctrl-C three times while notebooks run", signals=(signal.SIGINT,) * 3),
    Case("SIGTERM while notebooks run", signals=(signal.SIGTERM,)),
    Case("the terminal is closed (SIGHUP) while notebooks run", signals=(signal.SIGHUP,)),
    Case("SIGTERM while the page is written", "1", "page", (signal.SIGTERM,)),
    Case("SIGKILL while the survey is read", wait="read_inputs", signals=(signal.SIGKILL,)),
    Case("SIGKILL while notebooks run", signals=(signal.SIGKILL,)),
    Case("SIGKILL while the page is written", "1", "page", (signal.SIGKILL,)),
    Case("a cell raises an error", RAISES),
    Case("a kernel dies", DIES),
    Case("the deadline of a notebook passes", deadline=15),
]


def write_notebook(folder: Path, cell: str) -> Path:
    """Write a notebook with the cell in question, one before it and two after it."""
    import nbformat  # slow: the command itself does not need it so early
    from nbformat import v4

    folder.mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [
        v4.new_markdown_cell("# Is it so?"),
        v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        v4.new_code_cell("print('before')"),
        v4.new_code_cell(cell),
        v4.new_code_cell("print('after')"),
        v4.new_code_cell("'the end'"),
    ]
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "troubled.ipynb")
    return folder


class Command:
    """``loyalty report`` on a tiny study, as a process of its own that can be found again."""

    def __init__(self, folder: Path, notebooks: Path, out: Path, wait: str, deadline: int) -> None:
        self.moment, self.token = folder / "moment", uuid.uuid4().hex
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        words = [sys.executable, __file__, str(notebooks), wait, "report", "tiny/study.toml"]
        self.process = subprocess.Popen(
            [*words, "--out", str(out), "--quiet", "--force", "--deadline", str(deadline)],
            cwd=notebooks.parent,
            env={
                **os.environ,
                "MOMENT": str(self.moment),
                "LOYALTY_TOKEN": self.token,
                "TMPDIR": str(self.temporary),
                "JUPYTER_RUNTIME_DIR": str(self.temporary / "runtime"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def at_its_moment(self) -> None:
        """Wait until the moment has come; a command that ends before is a failure."""
        while not self.moment.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"ended too early: {self.process.communicate()}")
            time.sleep(0.02)

    def strays(self) -> list[str]:
        """List processes that carry its mark (only where /proc tells)."""
        mark = f"LOYALTY_TOKEN={self.token}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:  # gone, or somebody else's
                continue
        return found


def until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something is true; False when it has not become so in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def contents(folder: Path) -> dict[str, str]:
    """Hash every file below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def interrupt(case: Case, good: Path, folder: Path) -> dict[str, str]:
    """Do one interruption beside a copy of a good run, and look at what is left."""
    out = folder / "out"
    shutil.copytree(good / "out", out, symlinks=True)
    shutil.copytree(good / "tiny", folder / "tiny")
    home = out / "tiny"
    previous, before = (home / "latest").readlink(), contents(home / "latest")
    notebooks = write_notebook(folder / "notebooks", case.cell)
    command = Command(folder, notebooks, out, case.wait, case.deadline)
    if case.signals:
        command.at_its_moment()
    for number in case.signals:
        command.process.send_signal(number)
        time.sleep(0.2 if len(case.signals) > 1 else 0)
    _, said = command.process.communicate(timeout=180)
    assert "Traceback" not in said, said
    strays_left = not until(lambda: not command.strays())
    same = (home / "latest").readlink() == previous and contents(home / "latest") == before
    return {
        "interruption": case.name,
        "exit code": _exit_code(command.process.returncode),
        "it says": said.partition("\n")[0],
        "state in the manifest": _state(home),
        "left on disk": _left(home, previous.name, command.temporary),
        "latest": PREVIOUS if same else "changed",
        "kernels left": "some" if strays_left else "none",
    }


def _exit_code(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else str(code)


def _state(home: Path) -> str:
    kept = list(home.glob("*.failed"))
    return json.loads((kept[0] / "manifest.json").read_text())["state"] if kept else "no manifest"


def _left(home: Path, previous: str, temporary: Path) -> str:
    """Put what lies beside the good run into words."""
    found = []
    if list(home.glob("*.failed/index.html")):
        found.append("`<run id>.failed` with its page")
    if list(home.glob(".2*")):
        sweep(home)  # the first thing the next run does
        gone = not list(home.glob(".2*"))
        found.append("hidden files, removed by the next run" if gone else "hidden files for good")
    known = {previous, "latest", "index.html", *(path.name for path in home.glob("*.failed"))}
    if any(path.name not in known for path in home.glob("[!.]*")):
        found.append("something unknown")
    if list(temporary.rglob("*")):
        found.append("temporary files")
    return " and ".join(found) or "nothing"


def rows() -> list[dict[str, str]]:
    """Do every interruption; one row each, in words that do not change from run to run."""
    with tempfile.TemporaryDirectory(prefix="interruptions-") as work:
        good = Path(work) / "good"
        make(good / "tiny")
        first = Command(
            good, write_notebook(good / "notebooks", "1"), good / "out", "", deadline=600
        )
        assert first.process.wait(timeout=300) == 0, first.process.communicate()
        folders = [Path(work) / str(number) for number in range(len(CASES))]
        for folder in folders:
            folder.mkdir()
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(interrupt, CASES, [good] * len(CASES), folders))


def _waiting(function: Callable[..., object]) -> Callable[..., object]:
    def wait(*arguments: object, **options: object) -> object:
        Path(os.environ["MOMENT"]).touch()
        time.sleep(600)
        return function(*arguments, **options)

    return wait


def _main(notebooks: str, wait: str, *arguments: str) -> None:
    skip_address_grammars()
    from loyalty_analysis import making, report
    from loyalty_analysis.cli import main

    changed = {"notebooks_folder": lambda: Path(notebooks), "notebooks_of": lambda _: ("troubled",)}
    for name, value in changed.items():
        setattr(report, name, value)
    if wait:
        module = report if hasattr(report, wait) else making
        setattr(module, wait, _waiting(getattr(module, wait)))
    main(list(arguments))


if __name__ == "__main__":
    _main(*sys.argv[1:])
