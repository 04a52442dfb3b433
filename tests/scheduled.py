"""The recipes of docs/scheduling as their schedulers read them: lines, units, steps, tasks."""

from __future__ import annotations

import configparser
import re
import runpy
import shlex
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
RECIPES = ROOT / "docs" / "scheduling"
LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
# What the operators take, as their documentation lists it; then what every operator takes.
PAPERMILL = {"input_nb", "output_nb", "parameters", "kernel_name", "language_name"}
PAPERMILL |= {"kernel_conn_id", "log_output", "nbconvert", "nbconvert_args"}
BASH = {"bash_command", "env", "append_env", "output_encoding", "skip_on_exit_code", "cwd"}
EVERY = {"task_id", "retries", "retry_delay", "execution_timeout", "trigger_rule", "pool"}
DAG = {"dag_id", "description", "schedule", "start_date", "end_date", "catchup"}
DAG |= {"max_active_runs", "default_args", "tags"}


def is_cron_field(text: str, low: int, high: int) -> bool:
    """Whether a field of a crontab is a list of stars, numbers and ranges, each with its step."""
    for part in text.split(","):
        found = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/([1-9]\d*))?", part)
        if not found:
            return False
        first, last = int(found[1] or low), int(found[2] or found[1] or high)
        if not low <= first <= last <= high:
            return False
    return True


def is_cron_time(text: str) -> bool:
    """Whether a text is the five fields of a time in a crontab."""
    fields = text.split()
    return len(fields) == len(LIMITS) and all(
        is_cron_field(field, *limits) for field, limits in zip(fields, LIMITS, strict=True)
    )


def crontab() -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Settings and jobs (time, command) of the crontab, a line each."""
    lines = (RECIPES / "crontab").read_text(encoding="utf-8").splitlines()
    read = [line for line in lines if line.strip() and not line.startswith("#")]
    settings = dict(line.split("=", 1) for line in read if re.match(r"\w+=", line))
    jobs = [line.split(maxsplit=5) for line in read if not re.match(r"\w+=", line)]
    return settings, [(" ".join(job[:5]), job[5]) for job in jobs]


def unit(name: str) -> configparser.ConfigParser:
    """Read a unit of systemd, names as they stand."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((RECIPES / name).read_text(encoding="utf-8"))
    return parser


def service_command(home: Path) -> list[str]:
    """The words of ExecStart, for a user with this home."""
    line = unit("loyalty-report.service")["Service"]["ExecStart"]
    assert set(re.findall(r"%.", line)) == {"%h"} and not re.search(r"[$'\"\\;]", line)
    return shlex.split(line.replace("%h", str(home)))


def workflow() -> dict[str, Any]:
    """The workflow of GitHub Actions; YAML 1.1 reads the key `on` as true, GitHub does not."""
    read = yaml.safe_load((RECIPES / "github-actions.yml").read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in read.items()}


class Task:
    """What an operator was given; ``a >> b`` notes the order."""

    takes: frozenset[str] = frozenset()

    def __init__(self, **given: Any) -> None:
        unknown = set(given) - self.takes - EVERY
        assert not unknown, f"{type(self).__name__} takes no {unknown}"
        self.given, self.later = given, list[str]()

    def __rshift__(self, other: Task) -> Task:
        self.later.append(other.given["task_id"])
        return other


class Dag:
    """What a DAG was given."""

    def __init__(self, **given: Any) -> None:
        assert set(given) <= DAG, set(given) - DAG
        self.given = given

    def __enter__(self) -> Dag:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def airflow_dag(home: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the file of the DAG with operators that only note what they are given."""
    papermill = type("PapermillOperator", (Task,), {"takes": frozenset(PAPERMILL)})
    bash = type("BashOperator", (Task,), {"takes": frozenset(BASH)})
    held: dict[str, dict[str, Any]] = {
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers.papermill.operators.papermill": {"PapermillOperator": papermill},
        "airflow.providers.standard.operators.bash": {"BashOperator": bash},
    }
    for name, objects in held.items():
        module = ModuleType(name)
        vars(module).update(objects)
        patch.setitem(sys.modules, name, module)
    patch.setenv("HOME", str(home))
    return runpy.run_path(str(RECIPES / "airflow_dag.py"))


def seconds(text: str) -> float:
    """A span of systemd (90, 75min, 2h) in seconds."""
    found = re.fullmatch(r"(\d+)(s|min|h)?", text)
    assert found, text
    size = {"": 1, "s": 1, "min": 60, "h": 3600}[found[2] or ""]
    return timedelta(seconds=int(found[1]) * size).total_seconds()
