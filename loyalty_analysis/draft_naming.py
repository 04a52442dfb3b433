"""How groups of items are called: as claims know them where names or labels say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from loyalty_analysis.contradictions import MARKS
from loyalty_analysis.draft_groups import Group
from loyalty_analysis.draft_names import (
    KNOWN,
    is_empty,
    named_by_labels,
    named_by_stem,
    prefix_of,
    readable,
)

_LONGEST = 60
Naming = tuple[str, str, list[str], list[str]]
"""Name, label, reasons, doubts."""


def names_of(groups: Sequence[Group], labels: Mapping[str, str]) -> dict[Group, Naming]:
    """Name every group; of several that suggest one name, that with most items has it.

    Examples
    --------
    >>> group = Group("q5", ("q5_1", "q5_2"))
    >>> names_of([group], {"q5_1": "I am satisfied", "q5_2": "I am pleased with it"})[group][0]
    'satisfaction'
    """
    found: dict[Group, Naming] = {}
    taken: dict[str, Group] = {}
    for group in sorted(groups, key=lambda one: -len(one.items)):
        name, label, why, doubts = _name(group, labels)
        if name in taken:
            doubts = [*doubts, f"could be {name} too, as {', '.join(taken[name].items[:2])} ..."]
            name, why = _safe(group.stem), []
        number = 2
        while name in taken:
            name, number = f"{_safe(group.stem)}_{number}", number + 1
        taken[name] = group
        found[group] = name, label, why, doubts
    # Parts of one matrix share what stands above it, and tables could not tell them apart.
    often = Counter(label for _, label, _, _ in found.values())
    return {
        group: (name, label if often[label] == 1 else readable(name), why, doubts)
        for group, (name, label, why, doubts) in found.items()
    }


def _name(group: Group, labels: Mapping[str, str]) -> Naming:
    own = [labels[item] for item in group.items if labels.get(item)]
    prefix = prefix_of(own[0]) if own and len({prefix_of(text) for text in own}) == 1 else ""
    said, count = named_by_labels(own)
    enough = said and count >= max(1, len(own) / 2)
    stem = _safe(group.stem)
    candidates = named_by_stem(stem)
    label = prefix if 0 < len(prefix) <= _LONGEST else readable(stem)
    if len(candidates) > 1 and enough and said in candidates:
        candidates = (said,)
    if len(candidates) == 1:
        why = [] if candidates[0] == stem else [f"'{group.stem}' read as {candidates[0]}"]
        plain = candidates[0] in KNOWN or label != prefix
        return candidates[0], readable(candidates[0]) if plain else label, why, []
    if enough:
        return said, readable(said), [f"labels speak of {said.replace('_', ' ')}"], []
    doubts = []
    if known := [name for name in candidates if name in KNOWN]:
        doubts = [f"could be {' or '.join(known[:3])}: rename it so, and claims find it"]
    if prefix and is_empty(group.stem):
        stem = _safe(prefix)[:40]
    return stem, label, [], doubts


def _safe(text: str) -> str:
    """A name of a construct: what marks products and categories is taken out."""
    for mark in (*MARKS, ".", " ", "-", "'", '"', "/", "(", ")", ",", "?"):
        text = text.replace(mark, "_")
    parts = [part for part in text.casefold().split("_") if part]
    return "_".join(parts) or "construct"
