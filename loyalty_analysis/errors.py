"""Errors a user can act on: each says where, what was found, what is allowed and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")

MOST_SHOWN = 25
"""Problems that one message lists; mending these usually mends the rest."""


class LoyaltyError(Exception):
    """Root of every error this package raises on purpose."""


class InputError(LoyaltyError):
    """Something a user wrote cannot be used as it stands; every argument is one line.

    Names come from files of other people: what no terminal should be sent is shown escaped.
    """

    def __str__(self) -> str:
        """Every line, with characters that cannot be printed written as Python writes them."""
        return "\n".join(printable(str(line)) for line in self.args)


class StudyError(InputError):
    """The study file is missing, malformed or asks for something that cannot be honoured."""


class DataError(InputError):
    """The survey or the moments file contradicts its study."""


class InUseError(DataError):
    """The data file is held by somebody else just now: a second try may find it free."""


class ClaimError(InputError):
    """A claim set is missing or malformed."""


class CollinearError(DataError):
    """Columns of one equation carry the same information."""


class RunError(LoyaltyError):
    """A notebook, a report or a run folder could not be completed."""


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """Suggest the nearest allowed name, or list what is allowed.

    Parameters
    ----------
    name : str
        What was found.
    allowed : iterable of str
        What could have been meant.

    Returns
    -------
    str
        One sentence to put behind an error message.

    Examples
    --------
    >>> did_you_mean("scal", ["scale", "model"])
    "Did you mean 'scale'?"
    >>> did_you_mean("zzz", ["scale", "model"])
    'Allowed: model, scale.'
    """
    options = sorted({str(option) for option in allowed})
    close = get_close_matches(name, options, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    shown = ", ".join(options[:20])
    if len(options) > 20:
        shown += f" and {len(options) - 20} more"
    return f"Allowed: {shown}." if options else "Nothing is allowed here."


def raise_all(error: type[LoyaltyError], where: str, problems: Sequence[str]) -> None:
    """Raise one error that lists every problem found, worst first; do nothing without problems.

    Examples
    --------
    >>> raise_all(StudyError, "study.toml", [])
    """
    if not problems:
        return
    if len(problems) == 1:
        raise error(f"{where}: {problems[0]}")
    shown = [f"  {number}. {text}" for number, text in enumerate(problems[:MOST_SHOWN], 1)]
    if len(problems) > MOST_SHOWN:
        shown.append(f"  ... and {len(problems) - MOST_SHOWN} more.")
    raise error(f"{where}: {len(problems)} problems.", *shown)


def together(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Do two things that do not need each other; when both fail, raise one error that says both.

    Examples
    --------
    >>> together(lambda: 1, lambda: "b")
    (1, 'b')
    """
    try:
        found = first()
    except LoyaltyError as error:
        try:
            second()
        except LoyaltyError as other:
            raise InputError(*str(error).splitlines(), *str(other).splitlines()) from None
        raise
    return found, second()


def printable(text: str) -> str:
    r"""Write line breaks, control characters and the like as Python does: nothing is left unseen.

    Examples
    --------
    >>> print(printable("two\nlines"))
    two\nlines
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shown(value: object, most: int = 60) -> str:
    """Show what was found, texts in quotes, cut where it grows long.

    Examples
    --------
    >>> shown("now and then, but never on Sundays", 20), shown([1.0, 2.0])
    ("'now and then, but n…'", '[1.0, 2.0]')
    """
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= most else text[: most - 1] + "…"
    return repr(text) if isinstance(value, str) else text
