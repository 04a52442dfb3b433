"""One run at a time: who waits, who leaves, and what a killed run leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from loyalty_analysis.errors import RunError
from loyalty_analysis.locks import LOCK, BusyError, alone, held, only_one

HOLDS = (
    "import sys, time; from pathlib import Path; from loyalty_analysis.locks import only_one\n"
    "with only_one(Path(sys.argv[1])):\n"
    "    print('held', flush=True); time.sleep(600)\n"
)


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock of the folder."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_leaves_when_told_to(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    try:
        assert held(tmp_path)
        said = f"process {holder.pid}, since"
        with pytest.raises(BusyError, match=said), only_one(tmp_path, "leave"):
            pass
    finally:
        holder.kill()
        holder.wait()


def test_a_second_run_waits_its_turn_and_says_for_whom(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    said: list[str] = []
    threading.Timer(0.5, holder.terminate).start()
    began = time.monotonic()
    with only_one(tmp_path, "wait", said.append):
        assert time.monotonic() - began > 0.3
    holder.wait()
    assert len(said) == 1 and f"process {holder.pid}" in said[0]


def test_the_lock_of_a_killed_run_is_recognised(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert not held(tmp_path)
    with only_one(tmp_path, "leave") as left:
        assert left.startswith(f"the run of process {holder.pid}, since") and "killed" in left
    with only_one(tmp_path, "leave") as left:
        assert left == ""
    assert (tmp_path / LOCK).read_text() == ""


def test_a_damaged_lock_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("{half")
    with only_one(tmp_path, "leave") as left:
        assert left == ""


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="--out"), only_one(tmp_path / "file" / "sub"):
        pass


def test_alone_keeps_others_out(tmp_path: Path) -> None:
    inside: list[str] = []

    def enter(name: str) -> None:
        with alone(tmp_path / "x.lock"):
            inside.append(name)
            time.sleep(0.1)
            inside.append(name)

    threads = [threading.Thread(target=enter, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "".join(inside) in ("aabb", "bbaa")


@pytest.mark.skipif(os.name != "posix", reason="limits of files are of POSIX")
def test_where_nothing_can_be_written_the_lock_is_held_all_the_same(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from loyalty_analysis.locks import held, only_one\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "with only_one(Path(sys.argv[1])): print(held(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
