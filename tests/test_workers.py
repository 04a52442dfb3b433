"""Worker processes: tasks that come back, that take their process along, that take too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from worker_tasks import double, hang, lose_once, lose_ones, number, refuse, slow_then_number

from loyalty_analysis import workers
from loyalty_analysis.workers import Outcome, outcomes


def ended(found: list[Outcome]) -> list[tuple[object, str]]:
    return sorted(((one.task, one.ended) for one in found), key=repr)


def test_every_task_is_done_once_whatever_the_number_of_processes() -> None:
    for count in (1, 3):
        found = list(outcomes(double, iter(range(7)), count))
        assert {one.task: one.value for one in found} == {task: 2 * task for task in range(7)}
        assert {one.ended for one in found} == {"done"} and len(found) == 7


def test_without_tasks_no_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_Worker", lambda do: pytest.fail("a process was started"))
    assert list(outcomes(double, [], 2)) == []


def test_what_ends_first_comes_first() -> None:
    first, second = outcomes(slow_then_number, [2.0, 0.0], 2)
    assert (first.task, second.task) == (0.0, 2.0)


def test_a_process_does_many_tasks_but_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_RECYCLE", 3)
    numbers = [one.value for one in outcomes(number, range(7), 1)]
    assert [numbers.count(one) for one in dict.fromkeys(numbers)] == [3, 3, 1]
    assert os.getpid() not in numbers


def test_a_task_that_takes_its_process_along_is_tried_once_more(tmp_path: Path) -> None:
    tasks = [str(tmp_path / name) for name in "ab"]
    found = list(outcomes(lose_once, tasks, 2))
    assert ended(found) == [(task, "done") for task in tasks]
    assert all(len(Path(task).read_text().split()) == 2 for task in tasks)
    assert len({process for task in tasks for process in Path(task).read_text().split()}) == 4


def test_a_task_that_does_so_twice_has_died_and_the_others_go_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    tasks = [(str(log), k, k in (1, 4)) for k in range(6)]
    found = list(outcomes(lose_ones, tasks, 1))
    assert {one.task[1]: one.ended for one in found} == {
        k: "died" if k in (1, 4) else "done" for k in range(6)
    }
    assert log.read_text().split() == ["0", "1", "1", "2", "3", "4", "4", "5"]
    assert {one.exitcode for one in found if one.ended == "died"} == {-signal.SIGKILL}


def test_a_task_past_its_time_is_ended_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_GRACE", 0.5)
    tasks = [str(tmp_path / "hangs"), ""]
    # time enough for a process to start and import on a machine that is busy
    found = list(outcomes(hang, tasks, 2, seconds=10))
    assert ended(found) == [("", "done"), (tasks[0], "timed_out")]
    [process] = Path(tasks[0]).read_text().split()
    assert not alive(int(process))


def test_an_error_of_a_task_is_no_end_of_the_others() -> None:
    found = list(outcomes(refuse, ["refuse", "a"], 1))
    assert ended(found) == [("a", "done"), ("refuse", "died")]


def test_who_stops_listening_leaves_no_process(tmp_path: Path) -> None:
    tasks = [str(tmp_path / "hangs"), ""]
    found = outcomes(hang, tasks, 2)
    assert next(found).task == ""
    until = time.monotonic() + 60
    while not Path(tasks[0]).is_file():
        assert time.monotonic() < until
        time.sleep(0.05)
    found.close()  # type: ignore[attr-defined]
    assert not alive(int(Path(tasks[0]).read_text()))


PARENT = """
import sys
sys.path.insert(0, sys.argv[1])
from worker_tasks import hang
from loyalty_analysis.workers import outcomes
if __name__ == "__main__":
    list(outcomes(hang, sys.argv[2:], 2))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_process_that_started_them(
    tmp_path: Path, how: signal.Signals
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    places = [tmp_path / name for name in "ab"]
    tests = str(Path(__file__).parent)
    parent = subprocess.Popen([sys.executable, script, tests, *map(str, places)])
    until = time.monotonic() + 120
    while not all(path.is_file() and path.read_text() for path in places):
        assert time.monotonic() < until and parent.poll() is None
        time.sleep(0.05)
    processes = [int(path.read_text()) for path in places]
    assert all(map(alive, processes))
    parent.send_signal(how)
    parent.wait(timeout=30)
    until = time.monotonic() + 30
    while any(map(alive, processes)):
        assert time.monotonic() < until, "a worker is left"
        time.sleep(0.05)


def test_a_worker_that_begins_knows_no_interrupt() -> None:
    code = (
        "import os, signal; from worker_tasks import number; from loyalty_analysis import workers\n"
        "if __name__ == '__main__':\n"
        "    worker = workers._Worker(number)\n"
        "    os.kill(worker.process.pid, signal.SIGINT)\n"
        "    worker.give(7, 0)\n"
        "    print(worker.pipe.recv(), signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
        "    worker.end()\n"
    )
    tests = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tests, timeout=120
    )
    assert done.stderr == "" and done.stdout.split(" ")[-1] == "set()\n"


def alive(process: int) -> bool:
    """Whether a process is there, and more than a name on a list."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_every_task_has_its_second_chance_whatever_came_before(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for one in outcomes(lose_ones, ((str(log), k, True) for k in range(4)), 1):
        assert one.ended == "died"
        del one  # so that the next task may lie where this one lay
    assert log.read_text().split() == [str(k) for k in range(4) for _ in range(2)]


def test_a_script_that_would_wait_for_itself_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from loyalty_analysis.workers import outcomes, refuse_in_a_worker\n"
        "refuse_in_a_worker()\n"
        "print([one.ended for one in outcomes(abs, [-1], 1)])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert "if __name__ == '__main__':" in done.stderr and done.stdout == "['died']\n"
