"""A place where a fault is done: a tiny study with a good report, and what is looked at after."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from nbformat import v4

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "tests"))

from factory import ITEMS, REMOVE, answers, make  # noqa: E402

GROUPS = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon")
EACH = 45  # respondents of a group
RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-z]{4}")
SMALL = {
    "constructs": {name: {"items": ITEMS[name]} for name in ("affective", "satisfaction")},
    "model": {"drivers": ["affective"], "outcomes": {"satisfaction": "attitude"}},
    "paths": REMOVE,
}
"""The smallest study: what is tried here does not depend on how long an analysis takes."""
CLAIMS = [{"estimand": "total"}]
COLUMNS = [*ITEMS["affective"], *ITEMS["satisfaction"], "brand"]
PATIENCE = 20.0  # seconds in which everything that belongs to a run must be gone
PARAMETERS = 'study: str = ""\nsettings: list = []\ndata: str = ""\nwhere: str = ""'
NOTE = """\
import os
with open(os.environ["FAULT_LOG"], "a") as log:
    log.write(f"{name} {{where or data}}\\n")"""
TROUBLE = "import os\nexec(os.environ.get('FAULT_CELL', ''))"


def write_notebooks(folder: Path, names: Sequence[str]) -> None:
    """Write notebooks that note that they ran, and do what `FAULT_CELL` says."""
    folder.mkdir(parents=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name in names:
        cells = [
            v4.new_markdown_cell(f"# Is {name} so?"),
            v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            v4.new_code_cell(NOTE.replace("{name}", name).replace("{{", "{").replace("}}", "}")),
            v4.new_code_cell(TROUBLE),
            v4.new_code_cell("'the end'"),
        ]
        notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, folder / f"{name}.ipynb")


def survey(version: int, changed: Sequence[str] = GROUPS) -> pd.DataFrame:
    """Answers of five groups; those that changed have other answers in another version."""
    parts = []
    for number, group in enumerate(GROUPS):
        seed = 100 * (version if group in changed else 1) + number
        parts.append(answers(EACH, seed).assign(brand=group))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def until(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until something is true; False when it has not become so in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def shared_memory() -> set[str]:
    """Names in the shared memory of the machine, but those that name a process that lives."""
    folder = Path("/dev/shm")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return {name for name in names if not any(map(_lives, re.findall(r"-(\d+)-", name)))}


def _lives(number: str) -> bool:
    return Path("/proc", number).exists()


@dataclass
class Ended:
    """How a command ended.

    `problems` are what no command may do, however it ends: a traceback, an exit code beyond the
    contract, processes or files left.
    """

    code: int
    said: str
    problems: list[str] = field(default_factory=list)


class Command:
    """`loyalty report`, as a process whose descendants can be recognised."""

    def __init__(self, place: Place, options: Sequence[str], cell: str = "", **asked: Any) -> None:
        self.token = uuid.uuid4().hex
        self.shared = shared_memory()
        self.temporary = place.folder / f"temporary-{self.token[:6]}"
        self.temporary.mkdir()
        fault = {"notebooks": str(place.notebooks), "names": place.names, "out": str(place.out)}
        own = {
            "FAULT": json.dumps(fault | asked),
            "FAULT_CELL": cell,
            "FAULT_LOG": str(place.log),
            "FAULT_STEPS": str(place.folder / "steps"),
            "FAULT_MARK": self.token,
            "TMPDIR": str(self.temporary),
        }
        words = [sys.executable, str(HERE / "fault_command.py"), "report", "tiny/study.toml"]
        self.process = subprocess.Popen(
            [*words, "--out", str(place.out), "--quiet", *place.options, *options],
            cwd=place.folder, env={**os.environ, **own}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def others(self) -> dict[int, str]:
        """Processes that carry the mark of this one, by their command line."""
        mark, found = f"FAULT_MARK={self.token}".encode(), {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = line.decode(errors="replace")
            except OSError:  # gone, or somebody else's
                continue
        found.pop(self.process.pid, None)
        return found

    def find(self, *words: str) -> int:
        """Wait for a process whose command line holds all the words; its number."""
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            for number, line in self.others().items():
                if all(word in line for word in words):
                    return number
            time.sleep(0.02)
        raise RuntimeError(f"no process {words}: {self.process.communicate()}")

    def ended(self, seconds: float = 300) -> Ended:
        """Wait for its end, and look at what it leaves on the machine."""
        _, said = self.process.communicate(timeout=seconds)
        found = Ended(self.process.returncode, said)
        if found.code not in (0, 1, 2, 3, 130, -signal.SIGKILL):
            found.problems.append(f"exit code {found.code}")
        if "Traceback" in said:
            found.problems.append(f"a traceback: {said}")
        if not until(lambda: not self.others()):
            found.problems.append(f"processes left: {self.others()}")
        if not until(lambda: not list(self.temporary.iterdir())):
            found.problems.append(f"left: {[p.name for p in self.temporary.iterdir()]}")
        if not until(lambda: not (shared_memory() - self.shared), 5):
            found.problems.append(f"shared memory: {shared_memory() - self.shared}")
        return found


@dataclass
class Place:
    """A folder with the study, the notebooks, the reports and a log of what was executed."""

    folder: Path
    names: list[str]
    options: list[str]

    @property
    def notebooks(self) -> Path:
        return self.folder / "notebooks"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def home(self) -> Path:
        return self.out / "tiny"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def write(self, version: int, changed: Sequence[str] = GROUPS) -> None:
        """Write a version of the data, in one step."""
        aside = self.folder / "tiny" / "aside.csv"
        survey(version, changed).to_csv(aside, index=False)
        aside.replace(aside.with_name("survey.csv"))

    def data(self) -> str:
        """Hash the data file."""
        path = self.folder / "tiny" / "survey.csv"
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def start(self, *options: str, cell: str = "", **asked: Any) -> Command:
        return Command(self, options, cell, **asked)

    def run(self, *options: str, cell: str = "", **asked: Any) -> Ended:
        return self.start(*options, cell=cell, **asked).ended()

    def noted(self) -> list[str]:
        """What was executed since it was last forgotten."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def executed(self) -> list[str]:
        """What was executed since it was last forgotten, which now is, too."""
        lines = self.noted()
        self.log.unlink(missing_ok=True)
        return lines

    def homes(self) -> list[Path]:
        """Every folder of runs."""
        found = {path.parent for path in self.out.rglob("*") if RUN.match(path.name)}
        return sorted(found)

    def good(self) -> dict[Path, dict[str, str]]:
        """Every run that ended well, with the hashes of its files."""
        paths = [path for home in self.homes() for path in home.iterdir()]
        return {path: hashes(path) for path in paths if RUN.fullmatch(path.name)}

    def latest(self) -> dict[Path, str]:
        """What `latest` points to, by the folder it is in."""
        links = {home: home / "latest" for home in self.homes()}
        return {home: link.readlink().name for home, link in links.items() if link.is_symlink()}

    def verdicts(self) -> dict[str, str]:
        """Hash the verdicts of the last good runs, by the folder they are in."""
        paths = {home: home / name / "verdicts.csv" for home, name in self.latest().items()}
        return {
            home.name: hashlib.sha256(path.read_bytes()).hexdigest() for home, path in paths.items()
        }

    def hidden(self) -> list[str]:
        """Names that runs use while they are under way, locks aside."""
        return [path.name for path in self.out.rglob(".*") if path.name != ".lock"]

    def age(self) -> None:
        """Let a day pass, for what lies there hidden."""
        for path in self.out.rglob(".*"):
            os.utime(path, (time.time() - 86_400,) * 2, follow_symlinks=False)


def made(folder: Path, names: Sequence[str], by: Sequence[str] = ()) -> Place:
    """Make a place with a good report, or one for each group."""
    options = [word for column in by for word in ("--by", column)]
    place = Place(folder, list(names), options)
    make(folder / "tiny", SMALL, survey(1), CLAIMS)
    write_notebooks(place.notebooks, names)
    ended = place.run()
    if ended.code or ended.problems:
        raise RuntimeError(f"no good report to begin with: {ended}")
    place.executed()
    return place


def copied(place: Place, folder: Path) -> Place:
    """Copy a place, so that a fault has one of its own."""
    shutil.copytree(place.folder, folder, symlinks=True)
    return Place(folder, place.names, place.options)
