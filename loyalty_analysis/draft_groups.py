"""Which columns are asked for one thing: by the stems of names, by labels, by correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from loyalty_analysis.draft_names import Stem, is_empty, prefix_of, words_of

# Halves of a group that share a stem are parted when they hardly correlate.
_APART = 0.1
# Groups found by correlation alone: how alike their items are, and how clear-cut the groups.
_ALIKE, _CLEAR = 0.3, 0.1
_MOST = 150  # of more nameless items, correlations alone make no groups
_LABELS_COUNT = 0.3


@dataclass(frozen=True)
class Group:
    """Columns that belong together, the stem or words they share, and why they do."""

    stem: str
    items: tuple[str, ...]
    why: str = ""
    by_correlation: bool = False


def groups_of(
    items: pd.DataFrame, stems: Mapping[str, Stem], labels: Mapping[str, str]
) -> list[Group]:
    """Group items by what their names share; where names say nothing, by labels and correlations.

    Items with different stems are never put together for their correlation.

    Parameters
    ----------
    items : DataFrame
        Answers, codes of no answer taken out.
    stems : mapping
        See :func:`loyalty_analysis.draft_names.stems`.
    labels : mapping
        What was asked, by column.

    Examples
    --------
    >>> from loyalty_analysis.draft_names import stems
    >>> mood = np.random.default_rng(1).normal(size=(50, 1))
    >>> items = pd.DataFrame(np.repeat(mood, 4, 1), columns=["sat1", "sat2", "loy1", "age"])
    >>> [(group.stem, group.items) for group in groups_of(items, stems(list(items)), {})]
    [('sat', ('sat1', 'sat2')), ('loy', ('loy1',)), ('age', ('age',))]
    """
    by_stem: dict[str, list[str]] = {}
    for name in map(str, items):
        by_stem.setdefault(stems[name].text, []).append(name)
    found: list[Group] = []
    alone: list[str] = []
    for stem, names in by_stem.items():
        if len(names) == 1:
            alone += names
        elif is_empty(stem):
            found += _by_labels(items[names], labels, stem)
        else:
            found += _parted(items[names], stem)
    found += _by_labels(items[alone], labels, "", cluster=False) if alone else []
    place = {str(name): number for number, name in enumerate(items)}
    found = [replace(g, stem=_stem(g.items[0], stems)) if not g.stem else g for g in found]
    return sorted(found, key=lambda group: place[group.items[0]])


def _stem(item: str, stems: Mapping[str, Stem]) -> str:
    """What an item by itself is called by: its name where the stem says nothing."""
    return item if is_empty(stems[item].text) else stems[item].text


def _parted(items: pd.DataFrame, stem: str) -> list[Group]:
    """A group of one stem, or its parts when they do not correlate."""
    names = [str(name) for name in items]
    why = f"{len(names)} items named {names[0]} to {names[-1]}"
    marks = _clusters(_likeness(items, {}), 1 - _APART) if len(names) > 3 else np.ones(len(names))
    parts = [[n for n, m in zip(names, marks, strict=True) if m == mark] for mark in _order(marks)]
    if sum(len(part) > 1 for part in parts) < 2:
        return [Group(stem, tuple(names), why)]
    apart = f"{why}, parted: the parts do not correlate"
    return [Group(f"{stem}_{number}", tuple(part), apart) for number, part in enumerate(parts, 1)]


def _by_labels(
    items: pd.DataFrame, labels: Mapping[str, str], stem: str, cluster: bool = True
) -> list[Group]:
    """Items whose labels begin alike; the others by correlation, or each by itself."""
    by_prefix: dict[str, list[str]] = {}
    for name in map(str, items):
        by_prefix.setdefault(prefix_of(labels.get(name, "")), []).append(name)
    found: list[Group] = []
    rest = by_prefix.pop("", [])
    for prefix, names in by_prefix.items():
        if len(names) == 1:
            rest += names
        elif cluster or _mean(_likeness(items[names], {})) >= _ALIKE:
            # What stands above a matrix may hold several things: Q5 need not be one construct.
            found += _clustered(items[names], labels, prefix, f"labels begin with '{prefix}'")
        else:
            rest += names
    rest = [str(name) for name in items if name in rest]
    if cluster and len(rest) > 1:
        return [*found, *_clustered(items[rest], labels, stem, "")]
    return [*found, *(Group("", (name,)) for name in rest)]


def _clustered(items: pd.DataFrame, labels: Mapping[str, str], stem: str, why: str) -> list[Group]:
    """Groups by correlation and shared words, as many as are told apart most clearly."""
    names = [str(name) for name in items]
    likeness = _likeness(items, labels)
    marks = _best(likeness)
    found: list[Group] = []
    whole = len(set(marks)) == 1
    for mark in _order(marks):
        inside = marks == mark
        members = tuple(n for n, own in zip(names, inside, strict=True) if own)
        if len(members) > 1 and (
            _mean(likeness[np.ix_(inside, inside)]) >= _ALIKE or (whole and why)
        ):
            said = why or f"names say nothing; {members[0]} and the others correlate"
            part = "" if whole or not why else f", those that correlate ({members[0]} ...)"
            text = stem if whole else ""
            found.append(Group(text or "_".join(members[:1]), members, said + part, not why))
        else:
            found += [Group("", (name,)) for name in members]
    return found


def _likeness(items: pd.DataFrame, labels: Mapping[str, str]) -> np.ndarray:
    """Size of the correlations, and more where labels share words."""
    likeness = items.corr().abs().fillna(0.0).to_numpy().copy()
    words = [words_of(labels.get(str(name), "")) for name in items]
    for i, own in enumerate(words):
        for j, other in enumerate(words[:i]):
            share = len(own & other) / max(len(own | other), 1)
            likeness[i, j] = likeness[j, i] = min(1.0, likeness[i, j] + _LABELS_COUNT * share)
    return likeness


def _mean(likeness: np.ndarray) -> float:
    """Mean of what lies beside the diagonal."""
    n = len(likeness)
    return float((likeness.sum() - np.trace(likeness)) / (n * (n - 1))) if n > 1 else 0.0


def _clusters(likeness: np.ndarray, distance: float) -> np.ndarray:
    return np.asarray(fcluster(_tree(likeness), distance, criterion="distance"))


def _tree(likeness: np.ndarray) -> np.ndarray:
    apart = 1 - likeness
    np.fill_diagonal(apart, 0.0)
    return np.asarray(linkage(squareform(apart, checks=False), method="average"))


def _best(likeness: np.ndarray) -> np.ndarray:
    """Marks of the groups that are told apart most clearly; one group where none are."""
    one = np.ones(len(likeness), dtype=int)
    if len(likeness) < 4:
        return one
    if len(likeness) > _MOST:
        return np.arange(len(likeness)) + 1
    tree = _tree(likeness)
    tried = [
        np.asarray(fcluster(tree, k, criterion="maxclust"))
        for k in range(2, len(likeness) * 2 // 3 + 1)
    ]
    widths = [_silhouette(1 - likeness, marks) for marks in tried]
    best = int(np.argmax(widths))
    return tried[best] if widths[best] > _CLEAR else one


def _silhouette(apart: np.ndarray, marks: np.ndarray) -> float:
    """Mean silhouette width; items by themselves count zero (Rousseeuw 1987)."""
    inside = marks[:, None] == marks[None, :]
    groups = np.unique(marks)
    sums = np.stack([apart[:, marks == group].sum(axis=1) for group in groups], axis=1)
    sizes = np.array([(marks == group).sum() for group in groups])
    own = np.searchsorted(groups, marks)
    within = (apart * inside).sum(axis=1) / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[np.arange(len(marks)), own] = np.inf
    nearest = means.min(axis=1)
    width = (nearest - within) / np.maximum(np.maximum(nearest, within), 1e-12)
    return float(np.where(sizes[own] > 1, width, 0.0).mean())


def _order(marks: np.ndarray) -> Sequence[int]:
    return list(dict.fromkeys(int(mark) for mark in marks))
