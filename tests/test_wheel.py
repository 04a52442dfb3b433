"""The wheel on a stranger's machine: installed elsewhere, read-only, with spaces and umlauts.

No network: the environment is empty but for the wheel, and a plain line in a ``.pth`` file lends it
the dependencies of the environment that runs the tests (such a line does not run the ``.pth``
files it leads to, so the checkout installed in place there stays out of sight).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from factory import make
from jupyter_core.paths import jupyter_path

from loyalty_analysis import judge, read_survey
from loyalty_analysis.claims import shipped_sets
from loyalty_analysis.comparison import read_verdicts
from loyalty_analysis.report_notebooks import REPORT_NOTEBOOKS, notebooks_folder
from loyalty_analysis.resources import shipped_studies

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ensurepip") is None,
        reason="this Python cannot make environments with pip: it has no ensurepip",
    ),
]

# Root may write anywhere; without this capability it meets permissions like anyone else.
HUMBLE = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
OURS = ("PYTHON", "PIP_", "VIRTUAL_ENV", "LOYALTY_", "JUPYTER", "IPYTHON", "MPL", "XDG_")
LOCATE = """
import json, loyalty_analysis as package
from loyalty_analysis.claims import shipped_sets
from loyalty_analysis.report_notebooks import REPORT_NOTEBOOKS, notebooks_folder
from loyalty_analysis.resources import shipped_studies
found = [package.__file__, *shipped_studies().values(), *shipped_sets().values(),
         *notebooks_folder().glob("*.ipynb")]
print(json.dumps([str(path) for path in found]))
"""


@dataclass(frozen=True)
class Machine:
    """An environment with the wheel, a folder to work in, and a home."""

    environment: Path
    packages: Path
    work: Path
    home: Path
    prefix: tuple[str, ...]

    def run(self, program: str, *arguments: str, home: Path | None = None) -> str:
        """Run a program of the environment from the working folder; return what it printed."""
        variables = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        finished = subprocess.run(
            [*self.prefix, str(self.program(program)), *arguments],
            cwd=self.work,
            env=variables | {"HOME": str(home or self.home), "TMPDIR": str(self.home)},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        assert "Traceback" not in finished.stderr
        return finished.stdout

    def program(self, name: str) -> Path:
        """Where a program of the environment is."""
        return self.environment / ("Scripts" if os.name == "nt" else "bin") / name

    def honours_permissions(self) -> bool:
        """Whether a read-only folder is read-only for whoever runs the tests."""
        attempt = f"open({str(self.packages / 'attempt')!r}, 'w')"
        python = str(self.program("python"))
        tried = subprocess.run(
            [*self.prefix, python, "-c", attempt], capture_output=True, check=False
        )
        (self.packages / "attempt").unlink(missing_ok=True)
        return tried.returncode != 0 and b"PermissionError" in tried.stderr


def installed(environment: Path, wheel: Path) -> Path:
    """Make an environment, install the wheel, lend it dependencies; return its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*install, str(wheel)], check=True)
    scheme = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    lent = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (packages / "lent.pth").write_text("\n".join(lent) + "\n", encoding="utf-8")
    templates = next(path for path in map(Path, jupyter_path("nbconvert")) if path.is_dir())
    shutil.copytree(templates, environment / "share" / "jupyter" / "nbconvert")
    return packages


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything in a folder."""
    found = {str(path): path.lstat() for path in [folder, *folder.rglob("*")]}
    return {name: (about.st_size, about.st_mtime_ns) for name, about in found.items()}


def permit(folder: Path, write: bool) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o200 if write else mode & ~0o222)


@pytest.fixture(scope="module")
def machine(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine of someone else; whatever is run there, its site-packages stay as they were."""
    top = tmp_path_factory.mktemp("elsewhere")
    environment = top / "Ünser Ordner mit Leerzeichen" / "環境"
    packages = installed(environment, wheel)
    work, home = top / "Meine Umfragen für 2026", top / "home"
    work.mkdir()
    home.mkdir()
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    prefix = HUMBLE if root and shutil.which(HUMBLE[0]) else []
    permit(packages, write=False)
    before = listing(packages)
    yield Machine(environment, packages, work, home, tuple(prefix))
    assert listing(packages) == before
    permit(packages, write=True)


def names(paths: Sequence[Path]) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in paths}


def test_the_package_and_what_it_ships_are_in_the_environment(machine: Machine) -> None:
    found = [Path(path) for path in json.loads(machine.run("python", "-c", LOCATE))]
    assert found[0] == machine.packages / "loyalty_analysis" / "__init__.py"
    assert all(path.is_relative_to(found[0].parent) and path.is_file() for path in found)
    shipped = [*shipped_studies().values(), *shipped_sets().values()]
    assert names(found[1:]) == names([*shipped, *notebooks_folder().glob("*.ipynb")])


def test_site_packages_are_read_only_there(machine: Machine) -> None:
    if not machine.honours_permissions():
        pytest.skip("whoever runs the tests may write to read-only folders")
    with pytest.raises(AssertionError, match="PermissionError"):
        machine.run("python", "-c", f"open({str(machine.packages / 'own')!r}, 'w')")


def test_shipped_studies_are_judged_as_here(machine: Machine) -> None:
    printed = machine.run("loyalty", "judge", "bank_customers", "rice_simulated", "--quiet")
    for line, study in zip(printed.splitlines(), ["bank_customers", "rice_simulated"], strict=True):
        there = read_verdicts(machine.work / line)
        assert list(there["verdict"]) == list(judge(read_survey(study))["verdict"])
    assert (machine.work / "reports" / "index.html").is_file()


def test_a_survey_is_simulated(machine: Machine) -> None:
    machine.run("loyalty", "simulate", "-n", "300", "--seed", "1", "--out", "Umfrage ä ö")
    made = {path.name for path in (machine.work / "Umfrage ä ö").iterdir()}
    assert made == {"study.toml", "survey.csv", "truth.toml"}
    assert "respondents analysed of 300" in machine.run("loyalty", "check", "Umfrage ä ö")


def test_a_study_of_ones_own_may_have_any_name(machine: Machine) -> None:
    folder = machine.work / "Zufriedenheit – 顧客 (Entwurf)"
    make(folder, {"data": "Antworten für März.csv", "claims": ["Eigene Thesen.toml"]})
    (folder / "survey.csv").rename(folder / "Antworten für März.csv")
    (folder / "own.toml").rename(folder / "Eigene Thesen.toml")
    printed = machine.run("loyalty", "judge", f"{folder.name}/study.toml", "--out", "Größe = 1")
    run = machine.work / printed.splitlines()[-1]
    assert run.parent.name == folder.name
    assert set(read_verdicts(run)["claim"]) == {"C1"}


def test_a_report_needs_no_home(machine: Machine) -> None:
    nowhere = machine.packages / "home"  # neither there nor to be made
    home = nowhere if machine.honours_permissions() else machine.home
    printed = machine.run("loyalty", "report", "mobile_customers", "--quiet", home=home)
    run = machine.work / printed.strip()
    assert (run / "index.html").stat().st_size > 100_000
    assert len(list((run / "notebooks").glob("*.ipynb"))) == len(REPORT_NOTEBOOKS)
    page = (run / "index.html").read_text(encoding="utf-8")
    assert str(machine.environment) not in page
    assert not nowhere.exists()
