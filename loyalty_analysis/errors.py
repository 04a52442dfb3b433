"""Errors a user can act on: each says where, what was found, what is allowed and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

MOST_SHOWN = 25
"""Problems that one message lists; mending these usually mends the rest."""


class LoyaltyError(Exception):
    """Root of every error this package raises on purpose."""


class StudyError(LoyaltyError):
    """The study file is missing, malformed or asks for something that cannot be honoured."""


class DataError(LoyaltyError):
    """The survey or the moments file contradicts its study."""


class ClaimError(LoyaltyError):
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
    raise error("\n".join([f"{where}: {len(problems)} problems.", *shown]))
