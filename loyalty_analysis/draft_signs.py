"""Which items of a group point the other way: reversed, left out, or as the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyalty_analysis.directions import with_the_rest
from loyalty_analysis.draft_names import negated

# An item worded the other way round that goes with the others so well was turned in the file.
_TURNED = 0.4


@dataclass(frozen=True)
class Directed:
    """Items that are kept, those of them that are reversed, what is left out, and why."""

    items: tuple[str, ...]
    reversed: tuple[str, ...] = ()
    aside: tuple[tuple[str, str], ...] = ()
    why: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def directed(
    items: pd.DataFrame, labels: Mapping[str, str], marked: Collection[str] = ()
) -> Directed:
    """Say of each item of a group whether it is reversed; what is unclear is left out.

    Parameters
    ----------
    items : DataFrame
        Answers, codes of no answer taken out.
    labels : mapping
        What was asked, by item.
    marked : collection of str
        Items whose name says that they are reversed, or were turned.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> mood = rng.normal(size=200)
    >>> items = pd.DataFrame({name: mood + rng.normal(size=200) for name in "abcd"})
    >>> found = directed(items.assign(d=-items["d"], e=rng.normal(size=200)), {})
    >>> found.items, found.reversed, [name for name, _ in found.aside]
    (('a', 'b', 'c', 'd'), ('d',), ['e'])
    """
    signs = _signs(items)
    turned = _which_way(signs, labels, marked)
    if turned is None:
        why = "items run against each other, and nothing says which way they were asked"
        return Directed((), aside=tuple((str(name), why) for name in items))
    rows = {name: row for name, *row in with_the_rest(_standard(items) * turned)}
    aside: dict[str, str] = {}
    doubts: list[str] = []
    for name in map(str, items):
        r, low, _ = rows.get(name, (0.0, -1.0, 1.0))
        words = negated(labels.get(name, "")) or name in marked
        if low <= 0:
            aside[name] = f"hardly goes with the others (item-rest correlation {r:.2f})"
        elif words and turned[name] > 0 and _odd(name, items, labels, marked):
            said = "its name ends like that of a reversed item"
            said = "it is worded the other way round" if negated(labels.get(name, "")) else said
            if r < _TURNED:
                aside[name] = f"{said}, and yet goes with the others ({r:.2f})"
            else:
                doubts.append(
                    f"'{name}': {said}, and goes with the others ({r:.2f}): turned in the file?"
                )
    kept = tuple(str(name) for name in items if name not in aside)
    against = tuple(name for name in kept if turned[name] < 0)
    reasons = _reasons(against, rows, labels, marked)
    return Directed(kept, against, tuple(aside.items()), reasons, tuple(doubts))


def _standard(items: pd.DataFrame) -> pd.DataFrame:
    return (items - items.mean()) / items.std().replace(0, np.nan)


def _signs(items: pd.DataFrame) -> pd.Series:
    """Signs of what all items share most: the first component of their correlations."""
    matrix = items.corr().fillna(0.0).to_numpy()
    first = np.linalg.eigh(matrix)[1][:, -1]
    return pd.Series(np.where(first < 0, -1.0, 1.0), index=items.columns)


def _which_way(
    signs: pd.Series, labels: Mapping[str, str], marked: Collection[str]
) -> pd.Series | None:
    """Turn the signs so that most items keep theirs; words decide ties, and against a majority."""
    words = pd.Series([negated(labels.get(n, "")) or n in marked for n in signs.index], signs.index)
    if (signs == signs.iloc[0]).all():
        return signs * signs.iloc[0]
    for way in (signs, -signs):
        if words.any() and (way[words] < 0).all() and (way[~words] > 0).all():
            return way
    total = signs.sum()
    return None if total == 0 else signs * np.sign(total)


def _odd(
    name: str, items: pd.DataFrame, labels: Mapping[str, str], marked: Collection[str]
) -> bool:
    """Whether an item is one of the few that words set apart."""
    apart = [one for one in items if negated(labels.get(str(one), "")) or one in marked]
    return len(apart) < items.shape[1] / 2 and name in apart


def _reasons(
    against: tuple[str, ...],
    rows: Mapping[str, list[float]],
    labels: Mapping[str, str],
    marked: Collection[str],
) -> tuple[str, ...]:
    found = []
    for name in against:
        more = ", and is worded so" if negated(labels.get(name, "")) else ""
        more = ", as its name says" if name in marked else more
        found.append(f"{name} runs against the others ({-rows[name][0]:.2f}){more}: reversed")
    return tuple(found)
