"""Stops: signals that wait or raise, kernels that leave, and every interruption really done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from interruptions import CASES, PREVIOUS, rows

from loyalty_analysis import watchdog
from loyalty_analysis.cli import main
from loyalty_analysis.interruption import Interrupted, Signals, held

STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
KEPT = "`<run id>.failed` with its page"
SWEPT = "hidden files, removed by the next run"
SAID = {
    "a cell raises an error": ("1", "failed", "cell 4 raised KeyError: 'age'."),
    "a kernel dies": (
        "1",
        "died",
        "the kernel died in cell 4 (SIGKILL: out of memory is the usual cause).",
    ),
    "the deadline of a notebook passes": (
        "1",
        "timed_out",
        "cell 4 was still running when the deadline of 15 s passed.",
    ),
}


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, str]]:
    return {row["interruption"]: row for row in rows()}


@pytest.mark.slow
@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_every_interruption_leaves_the_previous_run_and_no_kernel(
    name: str, table: dict[str, dict[str, str]]
) -> None:
    row = table[name]
    assert (row["latest"], row["kernels left"]) == (PREVIOUS, "none")
    if name in SAID:
        code, state, said = SAID[name]
        expected = (code, f"Failed: notebook troubled: {said}", state, KEPT)
    elif "SIGKILL" in name:
        left = "nothing" if "survey" in name else SWEPT
        expected = ("killed by SIGKILL", "", "no manifest", left)
    elif "survey" in name:
        expected = ("130", "Interrupted.", "no manifest", "nothing")
    else:
        expected = ("130", "Interrupted.", "cancelled", KEPT)
    found = ("exit code", "it says", "state in the manifest", "left on disk")
    assert tuple(row[column] for column in found) == expected


def deliver(number: int) -> None:
    """Send this process a signal; its handler has run when this returns."""
    signal.raise_signal(number)


@pytest.mark.parametrize("number", STOPS)
def test_signals_wait_while_held_and_raise_while_raised(number: int) -> None:
    steps = []
    with pytest.raises(Interrupted), held() as signals:
        deliver(number)
        steps.append("a folder is made")
        with signals.raised():
            steps.append("never reached")
    assert steps == ["a folder is made"]
    with pytest.raises(KeyboardInterrupt), held() as signals, signals.raised():
        deliver(number)


def test_further_signals_do_not_cut_short_the_cleaning_up() -> None:
    cleaned = []
    with pytest.raises(Interrupted), held() as signals:
        try:
            with signals.raised():
                deliver(signal.SIGINT)
        finally:
            deliver(signal.SIGINT)
            deliver(signal.SIGTERM)
            cleaned.append(True)
    assert cleaned == [True]


def test_an_interruption_that_a_library_keeps_to_itself_is_raised_again() -> None:
    swallowed = suppress(BaseException)  # what some library does
    with pytest.raises(Interrupted), held() as signals, signals.raised(), swallowed:
        deliver(signal.SIGTERM)


def test_a_signal_that_waited_is_delivered_to_who_was_there_before() -> None:
    told: list[int] = []
    old = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    try:
        with held():
            deliver(signal.SIGTERM)
            assert told == []
        assert told == [signal.SIGTERM]
        with pytest.raises(ValueError, match="mine"), held():
            deliver(signal.SIGTERM)
            raise ValueError("mine")
        assert told == [signal.SIGTERM] * 2
    finally:
        signal.signal(signal.SIGTERM, old)


def test_a_stop_inside_a_stop_reaches_the_outer_one() -> None:
    with pytest.raises(Interrupted), held() as outer, outer.raised():
        with held():
            deliver(signal.SIGINT)
        pytest.fail("the outer block went on")


def test_handlers_come_back_and_ignored_signals_stay_ignored() -> None:
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    before = [signal.getsignal(number) for number in STOPS]
    try:
        with held() as signals, signals.raised():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert isinstance(signal.getsignal(signal.SIGTERM), Signals)
            deliver(signal.SIGHUP)
        assert [signal.getsignal(number) for number in STOPS] == before
    finally:
        signal.signal(signal.SIGHUP, ignored)


def test_a_thread_takes_no_signals() -> None:
    found = []

    def look() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with held() as signals, signals.raised():
            found.append(signal.getsignal(signal.SIGTERM) is before)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [True]


def test_a_command_gives_handlers_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in STOPS]
    with pytest.raises(SystemExit):
        main(["--version"])
    assert [signal.getsignal(number) for number in STOPS] == before


@pytest.fixture
def watched() -> tuple[subprocess.Popen[str], Callable[[], subprocess.Popen[str]], int]:
    """A watchdog, a way to start something under its eyes, and the pipe between."""
    script = [sys.executable, "-I", "-S", watchdog.__file__]
    reading, writing = os.pipe()
    dog = subprocess.Popen(script, stdin=reading, start_new_session=True, text=True)
    os.close(reading)

    def start() -> subprocess.Popen[str]:
        words = [*script, str(writing), "sh", "-c", "trap '' TERM; echo began; sleep 600 & wait"]
        child = subprocess.Popen(
            words, pass_fds=[writing], start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None and child.stdout.readline() == "began\n"
        return child

    return dog, start, writing


@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_the_watchdog_ends_whole_groups_once_nobody_holds_the_pipe(
    watched: tuple[subprocess.Popen[str], Callable[[], subprocess.Popen[str]], int],
) -> None:
    dog, start, pipe = watched
    doomed, spared = start(), start()
    os.write(pipe, f"-{spared.pid}\n".encode())
    os.close(pipe)  # as the end of a process does, however it comes
    assert dog.wait(timeout=10) == 0
    doomed.communicate(timeout=10)  # its output ends when its subprocess has ended, too
    assert doomed.returncode == -signal.SIGKILL
    assert spared.poll() is None
    watchdog.end_group(spared.pid)
    spared.communicate(timeout=10)
    assert spared.returncode == -signal.SIGKILL
    watchdog.end_group(spared.pid)  # one that is gone already is fine
