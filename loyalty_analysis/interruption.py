"""Ctrl-C, SIGTERM and a closed terminal: one clean stop, at a moment of our choosing.

While folders are made or given their names, and while kernels end, signals wait; while work is done
they raise. So a stop never falls between making a thing and knowing how to undo it, and pressing
Ctrl-C again does not cut short the cleaning up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from loyalty_analysis.errors import RunError

DEADLINE = 1800
"""Seconds a notebook may take, its kernel's start included, unless told otherwise."""

INTERRUPTED = 130
"""Exit code of a command that was asked to stop."""

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_Handler = Callable[[int, FrameType | None], None]


class Interrupted(KeyboardInterrupt):
    """Somebody asked us to stop: Ctrl-C, SIGTERM, or a terminal that was closed."""


class OutOfTime(KeyboardInterrupt):
    """The deadline of a whole run passed. No library keeps it to itself, as it would an error."""

    state = "timed_out"

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(f"the deadline of {seconds:g} s for the whole run passed")


def check_deadline(deadline: float) -> None:
    """Refuse a deadline that is no time at all.

    Raises
    ------
    RunError

    Examples
    --------
    >>> check_deadline(0)
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.RunError: the deadline must be a number of seconds above 0, not 0.
    """
    if not 0 < deadline <= threading.TIMEOUT_MAX:
        raise RunError(f"the deadline must be a number of seconds above 0, not {deadline:g}.")


class Signals:
    """Signals that wait, unless inside :meth:`raised`.

    Attributes
    ----------
    arrived : int or None
        The first signal that came.
    """

    def __init__(self) -> None:
        self.arrived: int | None = None
        self.told = False
        self._raising = False
        self._seconds = 0.0

    def __call__(self, number: int, frame: FrameType | None = None) -> None:
        """Take in a signal; the first one stops the work, further ones change nothing."""
        self.arrived = self.arrived or number
        if self._raising:
            self._raise()

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Let :class:`OutOfTime` be raised once the ``with`` block has taken so many seconds.

        Only where the system has an alarm (not on Windows), and in the main thread.
        """
        main = threading.current_thread() is threading.main_thread()
        if not (seconds and main and hasattr(signal, "setitimer")):
            yield
            return
        self._seconds = seconds
        before = signal.signal(signal.SIGALRM, self)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """Let signals raise :class:`Interrupted` inside the ``with`` block, earlier ones at once.

        Raises
        ------
        Interrupted
            Also at the end of the block, when a library kept it to itself.
        """
        if self.arrived:
            self._raise()
        self._raising = True
        try:
            yield
        finally:
            self._raising = False
        if self.arrived:
            self._raise()

    def _raise(self) -> None:
        self._raising, self.told = False, True
        if self._seconds and self.arrived == signal.SIGALRM:
            raise OutOfTime(self._seconds)
        raise Interrupted


@contextmanager
def held() -> Iterator[Signals]:
    """Make signals wait inside the ``with`` block; one that waited is delivered at its end.

    Old handlers come back afterwards. Signals that are ignored stay ignored (``nohup``). In any
    thread but the main one, where Python handles no signal, nothing changes.

    Yields
    ------
    Signals

    Examples
    --------
    >>> with held() as signals:
    ...     pass  # make a folder
    ...     with signals.raised():
    ...         pass  # the long work
    >>> signals.arrived is None
    True
    """
    signals = Signals()
    try:
        with _handled_by(signals):
            yield signals
    finally:
        late = not signals.told and signals.arrived
        if late and late != getattr(signal, "SIGALRM", None):  # an alarm that came too late is over
            signal.raise_signal(late)


def ignore_signals() -> None:
    """Ignore every polite request to stop, for the rest of this process."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _handled_by(handler: _Handler) -> Iterator[None]:
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _SIGNALS}
    ours = {n: old for n, old in before.items() if old not in (signal.SIG_IGN, None)}
    try:
        for number in ours:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in ours.items():
            signal.signal(number, old)
