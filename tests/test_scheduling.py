"""Recipes for schedulers: their command lines are run, the rest is held to what it must be."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import papermill
import pytest
import scheduled
import typer
from factory import answers, make
from scheduled import RECIPES, ROOT

from loyalty_analysis import cli
from loyalty_analysis.interruption import INTERRUPTED

INDEX = (RECIPES / "index.md").read_text(encoding="utf-8")
LOYALTY = Path(sys.executable).with_name("loyalty")
CODES = {0, 1, 2, 3, INTERRUPTED}

needs_posix = pytest.mark.skipif(os.name != "posix", reason="cron and systemd are of POSIX")


def environment(home: Path, **more: str) -> dict[str, str]:
    """What cron and systemd give a command: next to nothing."""
    return {"HOME": str(home), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", **more}


def execute(command: list[str], home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a home as a scheduler does."""
    settings: dict[str, Any] = {"cwd": home, "env": environment(home, **more), "check": False}
    return subprocess.run(command, capture_output=True, text=True, timeout=900, **settings)


def cron(home: Path) -> subprocess.CompletedProcess[str]:
    """Run the job of the crontab."""
    settings, [(_, command)] = scheduled.crontab()
    return execute([settings["SHELL"], "-c", command], home)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the command, and a study of one brand and one wave beside a brand too small."""
    frame = answers(60)
    frame["brand"] = np.where(np.arange(len(frame)) < 48, "acme", "small")
    make(tmp_path / "loyalty" / "study", frame=frame)
    command = tmp_path / "loyalty" / ".venv" / "bin" / "loyalty"
    command.parent.mkdir(parents=True)
    command.symlink_to(LOYALTY)
    return tmp_path


@pytest.fixture
def pretend(tmp_path: Path) -> Callable[[int], Path]:
    """A home whose command notes what it was given, and ends with a code."""

    def of(code: int) -> Path:
        command = tmp_path / "loyalty" / ".venv" / "bin" / "loyalty"
        command.parent.mkdir(parents=True, exist_ok=True)
        line = f'printf "%s\\n" "$@" "webhook: $LOYALTY_WEBHOOK" > {tmp_path / "given"}'
        command.write_text(f"#!/bin/sh\n{line}\necho printed\nexit {code}\n", encoding="utf-8")
        command.chmod(0o755)
        return tmp_path

    return of


def check_report(home: Path, folder: str) -> None:
    """Front page and report lie where the recipes say, and nothing of the group too small."""
    batch = home / "loyalty" / "reports" / "study" / "by-brand-wave"
    assert Path(folder).resolve() == batch.resolve()
    assert "acme" in (batch / "index.html").read_text(encoding="utf-8")
    [latest] = batch.glob("*/latest")
    manifest = json.loads((latest / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "ok" and manifest["respondents"]["analysed"] == 48
    served = (latest.parent / "index.html").read_text(encoding="utf-8")
    assert "A tiny study" in served and "<html" in served


@needs_posix
@pytest.mark.slow
def test_the_line_of_cron_leaves_a_report(home: Path) -> None:
    done = cron(home)
    log = (home / "loyalty" / "report.log").read_text(encoding="utf-8")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0), log  # nothing to mail
    check_report(home, log.splitlines()[-1])


@needs_posix
@pytest.mark.slow
def test_the_line_of_the_timer_leaves_a_report(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = execute(scheduled.service_command(home), home)
    assert done.returncode == 0, done.stderr
    check_report(home, done.stdout.splitlines()[-1])
    # The job of Jupyter Scheduler, on the same study: nothing is left to do, so it takes no time.
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    executed = home / "executed.ipynb"
    papermill.execute_notebook(RECIPES / "jupyter_scheduler.ipynb", executed, progress_bar=False)
    *_, last = [cell for cell in nbformat.read(executed, 4).cells if cell.cell_type == "code"]
    assert last.outputs[0]["text"] == "Done.\n"


@needs_posix
@pytest.mark.parametrize("code", sorted(CODES))
def test_cron_mails_one_line_on_any_code_but_0(code: int, pretend: Callable[[int], Path]) -> None:
    home = pretend(code)
    done = cron(home)
    told = f"loyalty report: exit code {code}, see {home}/loyalty/report.log\n"
    assert done.stdout == (told if code else "") and not done.stderr
    assert (home / "loyalty" / "report.log").read_text(encoding="utf-8") == "printed\n"


@needs_posix
def test_settings_of_alerts_reach_the_command_of_cron(pretend: Callable[[int], Path]) -> None:
    home = pretend(0)
    shipped = (RECIPES / "alerts.env").read_text(encoding="utf-8")
    assert not re.findall(r"^[^#\n]", shipped, re.MULTILINE)  # as shipped it sets nothing
    (home / "loyalty" / "alerts.env").write_text(shipped.replace("#LOYALTY", "LOYALTY"))
    assert cron(home).stdout == ""
    *given, webhook = (home / "given").read_text(encoding="utf-8").splitlines()
    assert webhook == "webhook: https://hooks.example.org/reports"
    assert given == scheduled.service_command(home)[1:]


def test_every_recipe_runs_the_same_options_and_the_command_has_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = scheduled.service_command(home)[3:-1]
    text = " ".join(wanted)
    [job] = scheduled.crontab()[1]
    dag = scheduled.airflow_dag(home, monkeypatch)
    steps = scheduled.workflow()["jobs"]["report"]["steps"]
    [step] = [step["run"] for step in steps if step.get("name") == "Report"]
    container = INDEX.rpartition("docker run")[2].replace("\\\n", "")
    for found in (job[1], dag["report"].given["bash_command"], step, container):
        assert text in re.sub(r"\s+", " ", found)
    report = typer.main.get_command(cli.app).commands["report"]  # type: ignore[attr-defined]
    known = {name for parameter in report.params for name in parameter.opts}
    assert {word for word in wanted if word.startswith("--")} <= known


def test_the_index_explains_every_option_and_exit_code() -> None:
    options = set(re.findall(r" (--[\w-]+)", " " + " ".join(scheduled.service_command(Path("/h")))))
    first = [row.split("|")[1] for row in INDEX.splitlines() if row.startswith("|")]
    assert set(re.findall(r"--[a-z][\w-]*", " ".join(first))) == options
    assert {int(cell) for cell in first if cell.strip().isdigit()} == CODES
    assert {int(code) for code in re.findall(r"\b\d+(?= \w)", str(cli.__doc__))} == CODES


def test_the_index_shows_every_recipe() -> None:
    shown = set(re.findall(r"\{literalinclude\} (\S+)", INDEX)) | {"jupyter_scheduler.ipynb"}
    files = {path.name for path in RECIPES.iterdir() if path.is_file()}
    assert shown == files - {"index.md"}


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("30 3 * * *", True),
        ("*/10 0-6/2 1,15 * 1-5", True),
        ("60 3 * * *", False),
        ("30 3 * *", False),
        ("30 3 0 * *", False),
        ("5-1 3 * * *", False),
        ("30 3 * * */0", False),
    ],
)
def test_times_of_cron_are_told_from_others(text: str, sound: bool) -> None:
    assert scheduled.is_cron_time(text) is sound


def test_the_crontab_is_sound() -> None:
    settings, [(time, command)] = scheduled.crontab()
    assert scheduled.is_cron_time(time)
    assert set(settings) == {"SHELL", "MAILTO"}
    assert "%" not in command  # cron would read it as the end of a line
    assert len(command) < 998  # the least that any cron reads of a line


@pytest.mark.skipif(shutil.which("crontab") is None, reason="cron is not installed")
def test_cron_itself_takes_the_crontab() -> None:
    def tried(option: str) -> subprocess.CompletedProcess[str]:
        command = ["crontab", option, str(RECIPES / "crontab")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = tried("-T")
    if "dry run" in done.stderr:  # another cron, which says that its option is -n
        done = tried("-n")
    elif "usage" in done.stderr.lower():
        pytest.skip("this cron cannot check a file")
    assert done.returncode == 0, done.stderr


def test_the_units_fit_together() -> None:
    service, timer = (scheduled.unit(f"loyalty-report.{kind}") for kind in ("service", "timer"))
    assert service["Service"]["Type"] == "oneshot" and "Install" not in service
    assert timer["Install"]["WantedBy"] == "timers.target"
    deadline = re.findall(r"--run-deadline (\d+)", service["Service"]["ExecStart"])
    assert scheduled.seconds(service["Service"]["TimeoutStartSec"]) > int(deadline[0])
    assert service["Service"]["SuccessExitStatus"] == "3"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(home: Path) -> None:
    files = [RECIPES / f"loyalty-report.{kind}" for kind in ("timer", "service")]
    units = [str(shutil.copy(file, home)) for file in files]
    runtime = home / "runtime"
    runtime.mkdir(mode=stat.S_IRWXU)
    verify = ["systemd-analyze", "--user", "--man=no", "verify", *units]
    done = execute(verify, home, XDG_RUNTIME_DIR=str(runtime))
    told = [line for line in done.stderr.splitlines() if "loyalty-report" in line]
    if done.returncode and not told:
        pytest.skip(f"systemd cannot check units here: {done.stderr.strip()}")
    assert not told and done.returncode == 0, done.stderr
    when = scheduled.unit("loyalty-report.timer")["Timer"]["OnCalendar"]
    subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)


def test_the_workflow_has_the_structure_that_github_documents() -> None:
    read = scheduled.workflow()
    assert set(read) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert set(read["on"]) == {"schedule", "workflow_dispatch"}
    assert all(scheduled.is_cron_time(one["cron"]) for one in read["on"]["schedule"])
    assert read["permissions"] == {"contents": "read"}
    [job] = read["jobs"].values()
    assert set(job) == {"runs-on", "timeout-minutes", "steps"}
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert set(step) <= {"name", "id", "if", "uses", "with", "run", "env"}
        assert re.fullmatch(r"actions/[\w/-]+@v\d+", step.get("uses", "actions/none@v0"))
    deadline = int(re.findall(r"--run-deadline (\d+)", json.dumps(job))[0])
    assert job["timeout-minutes"] * 60 > deadline


def test_the_workflow_keeps_reports_between_runs_also_after_a_failure() -> None:
    steps = scheduled.workflow()["jobs"]["report"]["steps"]
    uses = [step.get("uses", step.get("name")).partition("@")[0] for step in steps]
    restored, ran = uses.index("actions/cache/restore"), uses.index("Report")
    saved = uses.index("actions/cache/save")
    assert restored < ran < saved
    assert steps[saved]["if"] == "${{ !cancelled() }}"
    places = {steps[place]["with"]["path"] for place in (restored, saved)}
    assert places == {re.findall(r"--out (\S+)", steps[ran]["run"])[0]}
    assert steps[saved]["with"]["key"].startswith(steps[restored]["with"]["restore-keys"])


@needs_posix
@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub runs steps with bash")
@pytest.mark.parametrize("code", sorted(CODES))
def test_the_step_of_the_workflow_fails_but_for_a_changed_answer(
    code: int, pretend: Callable[[int], Path]
) -> None:
    home = pretend(code)
    steps = scheduled.workflow()["jobs"]["report"]["steps"]
    [step] = [step["run"] for step in steps if step.get("name") == "Report"]
    path = f"{home / 'loyalty' / '.venv' / 'bin'}:/usr/bin:/bin"
    done = execute(["bash", "-e", "-c", step], home, PATH=path)
    assert done.returncode == (0 if code == 3 else code)
    assert ("::warning::An answer changed" in done.stdout) == (code == 3)


def test_the_dag_gives_its_operators_what_they_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = scheduled.airflow_dag(tmp_path, monkeypatch)
    dag, look, report = held["dag"].given, held["look"], held["report"]
    assert scheduled.is_cron_time(dag["schedule"])
    assert dag["catchup"] is False and dag["max_active_runs"] == 1
    assert look.later == ["report"] and report.given["retries"] == 0
    notebook = Path(look.given["input_nb"]).relative_to(tmp_path / "loyalty")
    known = papermill.inspect_notebook(ROOT / notebook)
    assert set(look.given["parameters"]) <= set(known)
    deadline = re.findall(r"--run-deadline (\d+)", report.given["bash_command"])
    assert report.given["execution_timeout"].total_seconds() > int(deadline[0])


@needs_posix
@pytest.mark.parametrize("code", sorted(CODES))
def test_the_task_of_the_dag_fails_but_for_a_changed_answer(
    code: int, pretend: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = pretend(code)
    command = scheduled.airflow_dag(home, monkeypatch)["report"].given["bash_command"]
    assert (execute(["/bin/sh", "-c", command], home).returncode == 0) == (code in {0, 3})
    *given, _ = (home / "given").read_text(encoding="utf-8").splitlines()
    assert given == scheduled.service_command(home)[1:]


def test_the_notebook_of_jupyter_scheduler_is_sound() -> None:
    notebook = nbformat.read(RECIPES / "jupyter_scheduler.ipynb", 4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    known = papermill.inspect_notebook(RECIPES / "jupyter_scheduler.ipynb")
    # A job's form gives texts and numbers, no list.
    assert {one["inferred_type_name"] for one in known.values()} == {"str"}
    times = re.findall(r"custom schedule `([^`]+)`", notebook.cells[0].source)
    assert [scheduled.is_cron_time(time) for time in times] == [True]


def dockerfile() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile in order."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


def copied() -> list[str]:
    """What the Dockerfile copies into the image."""
    words = [value.split()[:-1] for name, value in dockerfile() if name == "COPY"]
    return [word for line in words for word in line]


def test_the_image_runs_as_an_ordinary_user() -> None:
    steps = dockerfile()
    names = [name for name, _ in steps]
    given = dict(steps)
    assert names[0] == "FROM" and names.count("USER") == 1
    last_run = max(place for place, name in enumerate(names) if name == "RUN")
    assert last_run < names.index("USER") < names.index("ENTRYPOINT")
    made = next(value for name, value in steps if name == "RUN" and "useradd" in value)
    assert given["USER"] in made and given["USER"] not in {"root", "0"}
    assert json.loads(given["ENTRYPOINT"]) == ["loyalty"]
    assert given["VOLUME"] == "/reports" and f"--owner={given['USER']}" in made


def test_the_image_installs_what_is_locked_and_fetches_nothing_else() -> None:
    steps = dockerfile()
    installs = [value for name, value in steps if name == "RUN" and "pip install" in value]
    assert all("--no-cache-dir" in line for line in installs)
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert "--no-deps" in installs[1] and len(installs) == 2
    assert "ADD" not in dict(steps)
    assert not re.search(r"://|--(extra-)?index|--find-links", json.dumps(steps))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = re.fullmatch(r"python:(3\.\d+)-slim", dict(steps)["FROM"])
    assert python and f"Programming Language :: Python :: {python[1]}" in project["classifiers"]


def test_the_image_gets_all_that_the_wheel_needs_and_nothing_more() -> None:
    read = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = read["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    project = read["project"]
    needed = {*wheel, project["readme"], *project["license-files"]}
    assert set(copied()) == needed | {"pyproject.toml", "requirements.lock"}
    assert all((ROOT / name).exists() for name in copied())
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored  # all but what is let in again
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied())
