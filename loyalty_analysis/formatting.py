"""Numbers, names and verdicts as a reader meets them: the same digits and marks everywhere."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, NamedTuple

MISSING = "–"
BANNER = "Simulated respondents: this tests the software, it says nothing about customers."
"""What every page and printout of simulated data says first."""


class VerdictMark(NamedTuple):
    """How one verdict is shown: a word, a shape and a colour, so that none carries it alone."""

    word: str
    glyph: str
    colour: str


VERDICT_MARKS = {
    "contradicted": VerdictMark("contradicted", "✕", "#D55E00"),
    "supported": VerdictMark("supported", "●", "#0072B2"),
    "negligible": VerdictMark("negligible", "■", "#AA4A80"),
    "inconclusive": VerdictMark("inconclusive", "◇", "#595959"),
    "not testable": VerdictMark("not testable", "–", "#767676"),
}
"""The five verdicts in the order a reader needs them: what contradicts the claim comes first."""


def number(x: Any, digits: int = 2) -> str:
    """Print a number with fixed digits, a typographic minus and no negative zero.

    Parameters
    ----------
    x : float or missing
        What to print; anything that is not a number prints as a dash.
    digits : int
        Decimals: two for standardized values.

    Examples
    --------
    >>> number(-0.1549), number(-0.001), number(9000, 0), number(float("nan"))
    ('−0.15', '0.00', '9,000', '–')
    """
    value = float(x) if isinstance(x, Real) else math.nan
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", "−")


def percent(share: Any, digits: int = 0) -> str:
    """Print a share of 1 as a percentage.

    Examples
    --------
    >>> percent(0.637)
    '64%'
    """
    text = number(share * 100 if isinstance(share, Real) else share, digits)
    return text if text == MISSING else f"{text}%"


def interval(low: Any, high: Any, digits: int = 2) -> str:
    """Print the two ends of an interval; a dash when either is missing.

    Examples
    --------
    >>> interval(-0.2, 0.05)
    '[−0.20, 0.05]'
    """
    ends = number(low, digits), number(high, digits)
    return MISSING if MISSING in ends else f"[{ends[0]}, {ends[1]}]"


def estimate(x: Any, low: Any, high: Any, digits: int = 2) -> str:
    """Print an estimate with its interval in one cell.

    Examples
    --------
    >>> estimate(0.42, 0.39, 0.45)
    '0.42 [0.39, 0.45]'
    """
    value, ends = number(x, digits), interval(low, high, digits)
    return value if MISSING in (value, ends) else f"{value} {ends}"


def p_value(p: Any) -> str:
    """Print a p value with three decimals, never as zero or one, and without stars.

    Examples
    --------
    >>> p_value(0.0123), p_value(1e-9), p_value(0.99999)
    ('0.012', '< 0.001', '> 0.999')
    """
    text = number(p, 3)
    return {"0.000": "< 0.001", "1.000": "> 0.999"}.get(text, text)


def in_sentence(label: str) -> str:
    """Write a label as it stands inside a sentence: capital dropped unless it is an acronym.

    Examples
    --------
    >>> in_sentence("Affective commitment"), in_sentence("NPS")
    ('affective commitment', 'NPS')
    """
    first = label.split(" ", 1)[0]
    return label[:1].lower() + label[1:] if first[1:].islower() or len(first) == 1 else label


def capitalised(text: str) -> str:
    """Write text as it stands at the start of a sentence.

    Examples
    --------
    >>> capitalised("affective commitment")
    'Affective commitment'
    """
    return text[:1].upper() + text[1:]


def shortened(text: str, most: int = 48) -> str:
    """Cut text that is too long to stand in a title or a cell.

    Examples
    --------
    >>> shortened("Continuance commitment", most=12)
    'Continuance…'
    """
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def listing(names: Iterable[str], most: int = 3) -> str:
    """Join names as prose, counting those that would make it too long.

    Examples
    --------
    >>> listing(["a", "b", "c"]), listing("abcde")
    ('a, b and c', 'a, b and 3 others')
    """
    shown: Sequence[str] = list(names)
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} others"]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def sample(counts: Iterable[Any]) -> str:
    """Say how many respondents numbers rest on, as one count or the range of several.

    Examples
    --------
    >>> sample([9000, 9000, float("nan")]), sample([31, 40])
    ('n = 9,000.', 'n = 31 to 40.')
    """
    known = sorted({float(n) for n in counts if number(n) != MISSING})
    if not known:
        return ""
    return f"n = {' to '.join(dict.fromkeys(number(n, 0) for n in (known[0], known[-1])))}."


def slug(text: str) -> str:
    """Make a safe anchor or file name of any text.

    Examples
    --------
    >>> slug("Was „Loyalität“ treibt: 3 Fragen?")
    'was-loyalitat-treibt-3-fragen'
    """
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
