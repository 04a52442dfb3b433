"""The files that describe the package agree with each other and with what is installed."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import loyalty_analysis

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
WHEEL = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]

# conda-forge calls these differently; every other package has the same name there.
CONDA_FORGE_NAMES = {
    "duckdb": "python-duckdb",
    "matplotlib": "matplotlib-base",
    "playwright": "playwright-python",
}
NOT_ON_CONDA_FORGE = {"axe-playwright-python", "pyxform"}


def declared() -> dict[str, Requirement]:
    """Every dependency of pyproject.toml, the development extra included, by its plain name."""
    lines = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    return {str(canonicalize_name(r.name)): r for r in map(Requirement, lines)}


def locked() -> list[tuple[Requirement, str]]:
    """Every entry of requirements.lock with its text (pin, marker, hashes)."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^[A-Za-z0-9](?:.*\\\n)*.*$", text, flags=re.MULTILINE)
    return [(Requirement(entry.split(" \\\n")[0]), entry) for entry in entries]


def conda_environment() -> tuple[dict[str, str], list[str]]:
    """Bounds by conda-forge name, and the lines handed to pip."""
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    names = [entry.partition(" ") for entry in listed if isinstance(entry, str)]
    bounds = {name: bound for name, _, bound in names}
    [for_pip] = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    return bounds, for_pip


def same_bounds(text: str) -> set[str]:
    return set(filter(None, text.replace(" ", "").split(",")))


def test_environment_has_the_dependencies_of_pyproject():
    bounds, _ = conda_environment()
    assert same_bounds(bounds.pop("python")) == same_bounds(PROJECT["requires-python"])
    assert bounds.pop("pip") == ""
    expected = {
        CONDA_FORGE_NAMES.get(r.name, r.name): same_bounds(str(r.specifier))
        for name, r in declared().items()
        if name not in NOT_ON_CONDA_FORGE
    }
    assert {name: same_bounds(text) for name, text in bounds.items()} == expected


def test_environment_leaves_to_pip_the_package_in_place_and_what_conda_forge_lacks():
    # A requirements file, which is how conda hands this to pip, knows no --no-deps on a line.
    *others, in_place = conda_environment()[1]
    assert in_place == "-e ."
    assert set(map(Requirement, others)) == {declared()[name] for name in NOT_ON_CONDA_FORGE}


def test_lock_names_no_index_and_no_host():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.findall(r"://|--(?:extra-)?index|--find-links|--trusted| @ |^-", text, re.M)


def test_lock_pins_every_entry_with_hashes():
    for requirement, entry in locked():
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


@pytest.mark.parametrize("python", ["3.11.0", "3.11.9", "3.12.0", "3.13.0"])
def test_lock_satisfies_pyproject_on_each_python(python):
    here = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    pinned = [r for r, _ in locked() if r.marker is None or r.marker.evaluate(here)]
    versions = {str(canonicalize_name(r.name)): str(r.specifier)[2:] for r in pinned}
    assert len(versions) == len(pinned), "a package is pinned twice"
    for name, requirement in declared().items():
        assert requirement.specifier.contains(versions.get(name, "missing")), requirement


def test_one_version_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == PROJECT["version"]
    assert loyalty_analysis.__version__ == PROJECT["version"]
    assert importlib.metadata.version(PROJECT["name"]) == PROJECT["version"]


def test_console_script_is_installed():
    [script] = importlib.metadata.entry_points(group="console_scripts", name="loyalty")
    assert callable(script.load())


def test_folders_of_the_wheel_exist():
    assert set(WHEEL["sources"]) == {"data", "notebooks"}
    assert all((ROOT / folder).is_dir() for folder in WHEEL["only-include"])


def test_wheel_holds_package_data_and_notebooks_only(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    own = [Path(name).parts for name in names if ".dist-info/" not in name]
    assert {parts[0] for parts in own} == {"loyalty_analysis"}
    inside = {parts[1] for parts in own}
    assert {"__init__.py", "data", "notebooks"} <= inside
    assert not inside & {"reports", "tests", "benchmarks"}
    assert not any("__pycache__" in name or ".ipynb_checkpoints" in name for name in names)
    assert "loyalty_analysis/data/rice_simulated/study.toml" in names
    for folder in ("data", "notebooks"):
        sources = [p for p in (ROOT / folder).rglob("*") if p.suffix in {".toml", ".csv", ".ipynb"}]
        kept = {str(p.relative_to(ROOT)) for p in sources if ".ipynb_checkpoints" not in p.parts}
        assert {f"loyalty_analysis/{name}" for name in kept} <= set(names)


@pytest.mark.parametrize(
    ("quick", "slow", "cold", "code"),
    [(0, 0, 0, 0), (2, 0, 0, 2), (0, 3, 0, 3), (0, 0, 1, 1), (2, 3, 1, 1), (2, 3, 0, 3)],
)
def test_continuous_integration_fails_when_any_pass_fails(tmp_path, quick, slow, cold, code):
    """The script in a folder of its own, where `make` and the tests end as told."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    copied = tmp_path / ".ci" / "run"
    copied.parent.mkdir()
    shutil.copy(script, copied)
    said = tmp_path / "said"
    made = f'$([ "$1" = slow ] && echo {slow} || echo {quick})'
    for name, ends in {"bin/make": made, ".venv/bin/python": cold}.items():
        program = tmp_path / name
        program.parent.mkdir(parents=True)
        program.write_text(
            f'#!/bin/sh\necho "${{LOYALTY_COLD:-0}} {program.name} $*" >> {said}\nexit {ends}\n'
        )
        program.chmod(0o755)
    for name in ("chromium", "fc-list", "apt-get", "id", "pg_lsclusters", "service"):
        program = tmp_path / "bin" / name  # none of them is touched by a test
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    here = {name: value for name, value in os.environ.items() if name != "LOYALTY_COLD"}
    done = subprocess.run([copied], env={**here, "PATH": path}, check=False)
    assert done.returncode == code
    *made_first, last = said.read_text().splitlines()
    assert made_first == ["0 make test", "0 make slow"]
    assert last.startswith("1 python -m pytest") and "tests/test_notebooks.py" in last
    assert all((ROOT / word).is_file() for word in last.split() if word.endswith(".py"))


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_help_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = re.findall(r"^  make (\w+) +\S", listed, flags=re.MULTILINE)
    asked = "help report test slow lab bench docs lint sample clean"
    assert targets == asked.split()
