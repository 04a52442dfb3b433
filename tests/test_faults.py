"""Faults really done to reports: the quick part of the campaign that benchmarks/faults keeps."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks" / "faults"
sys.path.append(str(FOLDER))

import fault_disks  # noqa: E402
import fault_kills  # noqa: E402
import fault_times  # noqa: E402
from fault_place import GROUPS, Ended, Place, made  # noqa: E402
from fault_trial import Case, attempt  # noqa: E402
from faults import Kind, kind, whole  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc"),
]
mounted = pytest.mark.skipif(bool(fault_disks.why_not()), reason=fault_disks.why_not() or "-")
DAMAGED = "index.html"


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    return kind("a report", tmp_path_factory.mktemp("single"))


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Kind:
    work = tmp_path_factory.mktemp("batch")
    return whole(work, made(work / "good", ["one"], ["brand"]))


def problems(one: Kind, case: Case, folder: Path) -> list[str]:
    """Everything that is wrong after a fault, and after the run that follows it."""
    return attempt(one.template, case, folder / "place", one.expected).problems


@pytest.mark.parametrize("back", [60, 7, 5, 2])  # notebooks; before `latest`, the page, the end
def test_a_killed_run_loses_nothing_and_the_next_one_does_the_rest(
    back: int, single: Kind, tmp_path: Path
) -> None:
    case = fault_kills.at_step(single.steps - back, "SIGKILL")
    assert problems(single, case, tmp_path) == []


@mounted
@pytest.mark.parametrize("case", [fault_disks.FULL[3], fault_disks.READ_ONLY[0]], ids=str)
def test_a_disk_that_takes_nothing(case: Case, single: Kind, tmp_path: Path) -> None:
    assert problems(single, case, tmp_path) == []


@pytest.mark.parametrize("case", fault_times.SINGLE[:3], ids=str)
def test_clocks_that_go_back_and_runs_at_once(case: Case, single: Kind, tmp_path: Path) -> None:
    assert problems(single, case, tmp_path) == []


def test_of_a_killed_batch_only_the_rest_is_made(batch: Kind, tmp_path: Path) -> None:
    case = fault_kills.at_share(0.6)
    assert case.changed == GROUPS
    assert problems(batch, case, tmp_path) == []


def test_what_a_fault_must_not_do_is_seen(single: Kind, tmp_path: Path) -> None:
    """A run that damages the last good report and leaves `latest` nowhere is told of."""

    def damage(place: Place) -> Ended:
        latest = place.home / "latest"
        (latest / DAMAGED).write_text("not this", encoding="utf-8")
        latest.unlink()
        return place.run("--deadline", "0")

    case = replace(fault_times.SINGLE[0], do=damage)
    said = "\n".join(problems(single, case, tmp_path))
    for told in ("was damaged", "files are not as the manifest says", "no latest", "exit code 2"):
        assert told in said
