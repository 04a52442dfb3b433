"""Worker processes that do one task after the other, and are watched while they do.

A task that takes longer than it may, or takes its process along, costs that task alone: the process
is replaced, and a task whose process was lost is tried once more. Workers end with the process that
started them, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from loyalty_analysis.errors import RunError
from loyalty_analysis.quick_imports import skip_address_grammars

Ended = Literal["done", "died", "timed_out"]
Task = Callable[[Any], Any]

_RECYCLE = 40  # tasks after which a process is replaced, so that memory stays bounded
_GRACE = 20.0  # seconds a worker has to end its own task, and say so, once its time is over


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes
    ----------
    task : object
        What was asked for.
    ended : {"done", "died", "timed_out"}
        Whether it came back, its process was lost, or it had to be ended.
    value : object
        What came back.
    exitcode : int or None
        Of the process that was lost.
    """

    task: Any
    ended: Ended
    value: Any = None
    exitcode: int | None = None


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, do: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(do, theirs), daemon=False)
        with _no_interrupts():
            self.process.start()
        theirs.close()
        self.task: Any = None
        self.busy, self.done, self.tries, self.until = False, 0, 0, float("inf")

    def give(self, task: Any, seconds: float, tries: int = 1) -> None:
        self.task, self.busy, self.tries = task, True, tries
        self.until = time.monotonic() + seconds + _GRACE if seconds else float("inf")
        self.pipe.send(task)

    def end(self) -> None:
        """End the process; its kernels end with it."""
        with suppress(OSError):
            self.pipe.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


def outcomes(do: Task, tasks: Iterable[Any], count: int, seconds: float = 0.0) -> Iterator[Outcome]:
    """Do every task in one of several processes; in the order in which they end.

    Parameters
    ----------
    do : callable
        A function of a module, for another process to find.
    tasks : iterable
        Taken one by one, when a process is free.
    count : int
        Processes.
    seconds : float
        What one task may take; 0 for as long as it wants.

    Yields
    ------
    Outcome

    Examples
    --------
    >>> sorted(one.value for one in outcomes(abs, [-1, -2, -3], 2))
    [1, 2, 3]
    """
    waiting, workers = iter(tasks), list[_Worker]()
    try:
        for task in waiting:
            workers.append(_Worker(do))
            workers[-1].give(task, seconds)
            if len(workers) >= count:
                break
        while any(worker.busy for worker in workers):
            for worker in _ended(workers):
                found = _outcome(worker)
                workers.remove(worker)
                if found.ended == "died" and worker.tries == 1:
                    workers.append(_Worker(do))
                    workers[-1].give(found.task, seconds, tries=2)
                    continue
                yield found
                task = next(waiting, _NOTHING)
                if task is not _NOTHING:
                    worker = _next(worker, do)
                    worker.give(task, seconds)
                    workers.append(worker)
                else:
                    worker.end()
    finally:
        for worker in workers:
            worker.end()


def refuse_in_a_worker() -> None:
    """Refuse to start a batch from a script that a worker reads anew to find what it has to do.

    Raises
    ------
    RunError
        Naming what the script lacks; it would wait for itself without end.

    Examples
    --------
    >>> refuse_in_a_worker()
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RunError(
            "a batch was started while one of its own worker processes was starting. In a script, "
            "put the call that starts it below the line: if __name__ == '__main__':"
        )


_NOTHING = object()


def _next(worker: _Worker, do: Task) -> _Worker:
    """The same process for its next task, or another one when it is lost or old."""
    if worker.process.is_alive() and worker.done < _RECYCLE:
        return worker
    worker.end()
    return _Worker(do)


def _ended(workers: list[_Worker]) -> list[_Worker]:
    """Workers whose task came back, was lost or took too long; waits for the first of them."""
    busy = [worker for worker in workers if worker.busy]
    left = min(worker.until for worker in busy) - time.monotonic()
    found = set(
        map(id, wait([w.pipe for w in busy], None if left == float("inf") else max(left, 0)))
    )
    late = time.monotonic()
    return [worker for worker in busy if id(worker.pipe) in found or worker.until <= late]


def _outcome(worker: _Worker) -> Outcome:
    worker.busy, worker.done = False, worker.done + 1
    if not worker.pipe.poll():
        worker.end()
        return Outcome(worker.task, "timed_out")
    try:
        return Outcome(worker.task, "done", worker.pipe.recv())
    except (EOFError, OSError):
        worker.process.join()
        return Outcome(worker.task, "died", exitcode=worker.process.exitcode)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back: a process that begins now inherits that until it can ignore it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # when it starts later, it lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(do: Task, pipe: Connection) -> None:
    """What a worker process does: tasks until its pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that gave the tasks is asked, too
    skip_address_grammars()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    _end_with_parent()
    with suppress(EOFError, OSError):
        while True:
            pipe.send(do(pipe.recv()))


def _end_with_parent() -> None:
    """Leave at once when the process that started this one is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)  # kernels have a watchdog of their own, which now ends them

    threading.Thread(target=watch, daemon=True).start()
