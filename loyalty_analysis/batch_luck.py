"""What luck alone would give in a batch: many reports, each with many claims, find something."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from loyalty_analysis.batch_words import counted
from loyalty_analysis.formatting import number, percent
from loyalty_analysis.rules import CONTRADICTED, NOT_TESTABLE, SUPPORTED

RATE = 0.025
"""How often a 95% interval lies wholly on one given side of zero when nothing is there, at most."""
SURE = 0.95
"""How sure the number is that luck will not pass."""
_KEYS = ["claim_set", "claim", "outcome"]


class Luck(NamedTuple):
    """Findings of a batch beside what luck alone would give.

    Attributes
    ----------
    judged : int
        Claims on outcomes judged, over all groups.
    directed : int
        Those that name a direction.
    groups : int
    families : int
        Claim sets times reports: Holm's correction is made within each.
    supported, by_luck : int, float
        Directed claims found supported; how many luck alone would give at most, on average.
    contradicted, against_by_luck : int, float
        The same on the other side.
    claims : DataFrame
        claim_set, claim, outcome, text, judged, supported, by_luck, most (what luck passes in at
        most one batch of twenty), contradicted, against_by_luck.
    """

    judged: int
    directed: int
    groups: int
    families: int
    supported: int
    by_luck: float
    contradicted: int
    against_by_luck: float
    claims: pd.DataFrame


def luck(verdicts: pd.DataFrame) -> Luck:
    """Count the findings of a batch, and those that luck alone would give.

    Parameters
    ----------
    verdicts : DataFrame
        Verdict tables of all groups, with a column folder.

    Returns
    -------
    Luck

    Notes
    -----
    Where nothing is there, the interval of a claim lies wholly on the claimed side in at most 2.5%
    of reports. Holm's correction, the band of what is negligible and the error-corrected twin can
    only lower that. A claim with parts is contradicted if one part is: 2.5% for each part.

    Examples
    --------
    >>> row = {"folder": ["a", "b"], "claim_set": "mine", "claim": "C1", "part": "", "text": "..."}
    >>> row = row | {"outcome": "advocacy", "sign": "+", "verdict": ["supported", "inconclusive"]}
    >>> found = luck(pd.DataFrame(row))
    >>> found.directed, found.supported, found.by_luck
    (2, 1, 0.05)
    """
    judged = verdicts[verdicts["verdict"] != NOT_TESTABLE]
    whole = judged[judged["part"] == ""]
    parts = judged[judged["part"] != ""].groupby(["folder", *_KEYS]).size()
    directed = whole[whole["sign"].isin(["+", "-"])]
    sides = _sides(directed, parts)
    rows = [_row(key, part) for key, part in sides.groupby(_KEYS, sort=False)]
    claims = pd.DataFrame(rows, columns=COLUMNS)
    return Luck(
        judged=len(whole),
        directed=len(directed),
        groups=int(whole["folder"].nunique()),
        families=len(whole[["folder", "claim_set"]].drop_duplicates()),
        supported=int(claims["supported"].sum()),
        by_luck=float(claims["by_luck"].sum()),
        contradicted=int(claims["contradicted"].sum()),
        against_by_luck=float(claims["against_by_luck"].sum()),
        claims=claims,
    )


COLUMNS = [
    *_KEYS, "text", "judged", "supported", "by_luck", "most", "contradicted", "against_by_luck",
]  # fmt: skip


def _sides(directed: pd.DataFrame, parts: pd.Series) -> pd.DataFrame:
    """Add how many chances luck has against each claim: one for each of its parts."""
    places = pd.MultiIndex.from_frame(directed[["folder", *_KEYS]])
    chances = parts.reindex(places).fillna(1.0).to_numpy()
    return directed.assign(chances=chances)


def _row(key: tuple[str, ...], part: pd.DataFrame) -> dict[str, object]:
    from scipy.stats import binom

    n = len(part)
    return {
        **dict(zip(_KEYS, key, strict=True)),
        "text": part["text"].iloc[0],
        "judged": n,
        "supported": int((part["verdict"] == SUPPORTED).sum()),
        "by_luck": RATE * n,
        "most": int(binom.ppf(SURE, n, RATE)),
        "contradicted": int((part["verdict"] == CONTRADICTED).sum()),
        "against_by_luck": float(RATE * part["chances"].sum()),
    }


def luck_sentence(found: Luck) -> str:
    """Say in one sentence how many claims are supported, and how many luck would give.

    Examples
    --------
    >>> luck_sentence(Luck(3, 2, 2, 2, 1, 0.06, 0, 0.06, pd.DataFrame()))
    'Of 2 claims with a direction, 1 is supported; luck alone would give at most 0.1 on average.'
    """
    if not found.directed:
        return ""
    verb = "is" if found.supported == 1 else "are"
    return (
        f"Of {counted(found.directed, 'claim')} with a direction, {number(found.supported, 0)} "
        f"{verb} supported; luck alone would give at most {_about(found.by_luck)} on "
        "average."
    )


def luck_sentences(found: Luck, *, repeated: bool = False) -> list[str]:
    """Say what luck alone would give, and what was found.

    Parameters
    ----------
    found : Luck
    repeated : bool
        Whether the same respondents are in several groups.

    Returns
    -------
    list of str
        None where no claim names a direction.
    """
    if not found.directed:
        return []
    said = [
        f"Many reports find something by luck. {counted(found.groups, 'report')} judged "
        f"{counted(found.judged, 'claim')} on their outcomes; {number(found.directed, 0)} of these "
        "name a direction. If nothing at all were there, luck alone would on average put at most "
        f"{_about(found.by_luck)} of them wholly on the claimed side ({percent(RATE, 1)} of "
        f"{number(found.directed, 0)}). Found supported: {number(found.supported, 0)}.",
        "Holm's correction within each claim set of each report lowers that: if nothing were "
        f"there, on average no more than {_about(0.05 * found.families)} of "
        f"{counted(found.families, 'claim set')} would hold any such finding.",
        "On the other side luck does as much, and for claims with parts once for each part: at "
        f"most {_about(found.against_by_luck)} contradicted on average. Found contradicted: "
        f"{number(found.contradicted, 0)}.",
        "So a claim that is supported in one or two of many groups is no news about these groups. "
        "Claims without a direction are not counted here.",
    ]
    if repeated:
        said.append(
            "The same respondents answered in several waves, so that groups are not independent: "
            "luck comes in clusters, and the numbers for 19 batches of 20 are too small."
        )
    return said


def _about(count: float) -> str:
    """Print how many luck gives: with a decimal where it is few.

    Examples
    --------
    >>> _about(0.5), _about(12.34)
    ('0.5', '12')
    """
    return number(count, 1 if count < 10 else 0)
