"""Second tries, for the few things that a second try can cure: a data file that is in use."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from loyalty_analysis.errors import InUseError

R = TypeVar("R")
WAITS = (0.5, 2.0, 8.0)
"""Seconds between two tries."""
_BUSY = (errno.EAGAIN, errno.EBUSY, errno.ETXTBSY, errno.EDEADLK)
_SAID = ("database is locked", "database table is locked", "could not set lock", "being used by")


def in_use(error: BaseException) -> bool:
    """Whether an error says that somebody else holds a file just now.

    Examples
    --------
    >>> in_use(ValueError("database is locked")), in_use(ValueError("damaged"))
    (True, False)
    """
    number = getattr(error, "errno", None)
    # 32 and 33: what Windows says of a file that another program keeps open
    held = getattr(error, "winerror", None) in (32, 33)
    return held or number in _BUSY or any(words in str(error).lower() for words in _SAID)


def patiently(
    read: Callable[[], R],
    told: Callable[[str], object] = lambda sentence: None,
    waits: Sequence[float] = WAITS,
) -> R:
    """Read something, and once more after a while when it is in use.

    Parameters
    ----------
    read : callable
    told : callable
        Told in words what is waited for.
    waits : sequence of float
        Seconds before each further try.

    Raises
    ------
    InUseError
        When it is still in use at the end; any other error at once.

    Examples
    --------
    >>> tries = iter([InUseError("survey.db: in use."), 7])
    >>> def read():
    ...     found = next(tries)
    ...     if isinstance(found, Exception):
    ...         raise found
    ...     return found
    >>> patiently(read, waits=[0])
    7
    """
    for wait in waits:
        try:
            return read()
        except InUseError as error:
            told(f"{error} Trying again in {wait:g} s.")
            time.sleep(wait)
    return read()
