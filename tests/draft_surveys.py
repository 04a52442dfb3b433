"""Surveys whose constructs are known, and how well a draft puts their items together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from loyalty_analysis.draft_parts import Draft
from loyalty_analysis.raw_tables import Table

Keys = Mapping[str, tuple[str, bool]]
"""Construct of each item, and whether it was asked the other way round."""


@dataclass(frozen=True)
class Score:
    """How many listed items are put with their construct; what became of reversed ones."""

    listed: int
    placed: int
    reversed: int
    proposed: int
    refused: int
    turned_wrongly: int

    @property
    def share(self) -> float:
        return self.placed / self.listed

    @property
    def silent(self) -> int:
        """Items asked the other way round that would be scored as if they were not."""
        return self.reversed - self.proposed - self.refused


def score(found: Draft, keys: Keys) -> Score:
    """Compare a draft with what is known.

    Each construct is matched with the drafted one that holds most of its items, one with one. An
    item counts when it stands there; left out, it does not, unless nothing is left to do for it.
    """
    owner = {item: one.name for one in found.constructs for item in one.items}
    shared = Counter(
        (construct, owner[item]) for item, (construct, _) in keys.items() if item in owner
    )
    match: dict[str, str] = {}
    for (construct, drafted), _ in shared.most_common():
        if construct not in match and drafted not in match.values():
            match[construct] = drafted
    placed = [
        item for item, (construct, _) in keys.items() if owner.get(item, "") == match.get(construct)
    ]
    proposed = {item for one in found.constructs for item in one.reversed}
    keyed = {item for item, (_, turned) in keys.items() if turned}
    return Score(
        len(keys), len(placed), len(keyed), len(keyed & proposed), len(keyed - set(owner)),
        len({item for item in keys if item in proposed} - keyed),
    )  # fmt: skip


def reference_keys(folder: Path, dataset: str) -> dict[str, tuple[str, bool]]:
    """Read the keys of one of the surveys that nobody here wrote."""
    rows = pd.read_csv(folder / "keys.csv").query("dataset == @dataset")
    return {r.item: (r.construct, bool(r.reversed)) for r in rows.itertuples()}


_FIRST = {
    "Trust": ("trust", "Trust in the shop", ["It keeps its promises", "It is honest with me",
              "I do not believe what it says", "I can rely on it"]),
    "Serv": ("service", "Service at the counter", ["Staff are friendly", "Staff know their trade",
             "Staff have time for me"]),
    "Happy": ("satisfaction", "Overall", ["I am satisfied with the shop", "I am pleased I went",
              "It never disappoints me", "I am dissatisfied with the shop"]),
    "Back": ("repurchase", "Future", ["I would buy again there", "Next time I go there again",
             "I will buy again within a month"]),
    "Tell": ("advocacy", "Friends", ["I recommend the shop", "I tell others good things about it"]),
    "Stuck": ("forced", "Alternatives", ["I have no real alternative", "I am stuck with this shop",
              "I could easily go elsewhere"]),
}  # fmt: skip
_TURNED = {"TrustC", "HappyD", "StuckC"}


def lettered(seed: int = 7, n: int = 400) -> tuple[Table, dict[str, tuple[str, bool]]]:
    """A survey of our own: names such as TrustA, labels, 1 to 5 with 8 and 9 for no answer."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    frame: dict[str, object] = {"CaseID": np.arange(5001, 5001 + n)}
    labels: dict[str, str] = {}
    keys: dict[str, tuple[str, bool]] = {}
    for stem, (construct, prefix, texts) in _FIRST.items():
        sign = -1 if construct == "forced" else 1
        latent = 0.6 * sign * common + 0.8 * rng.normal(size=n)
        for letter, text in zip("ABCDEF", texts, strict=False):
            name = f"{stem}{letter}"
            turn = -1 if name in _TURNED else 1
            answers = 3.2 + turn * latent + 0.7 * rng.normal(size=n)
            values = np.clip(np.rint(answers), 1, 5)
            values[rng.random(n) < 0.03] = rng.choice([8, 9])
            frame[name], labels[name] = values, f"{prefix}: {text}"
            keys[name] = construct, turn < 0
    frame |= {
        "NetRec": rng.integers(0, 11, n),
        "StoreNo": rng.integers(1, 21, n),
        "Region": rng.choice(["north", "south", "west"], n),
        "Sex": rng.choice([1, 2], n),
        "Age": rng.integers(18, 80, n),
        "Wt": rng.gamma(9, 1 / 9, n).round(4),
        "Duration": rng.integers(120, 900, n),
        "Comment": [f"text {number}" for number in range(n)],
    }
    codes: dict[object, str] = {1.0: "Not at all", 5.0: "Fully", 8.0: "Don't know", 9.0: "Refused"}
    return Table(pd.DataFrame(frame), labels, dict.fromkeys(keys, codes)), keys


def numbered(seed: int = 11, n: int = 500) -> tuple[Table, dict[str, tuple[str, bool]]]:
    """A survey whose names say nothing: Q1 to Q20 in no order, no labels, -1 for no answer."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    latents = [0.55 * common + 0.83 * rng.normal(size=n) for _ in range(5)]
    owners = rng.permutation(np.repeat(np.arange(5), 4))
    turned = {int(i) for i in [np.flatnonzero(owners == 1)[2], np.flatnonzero(owners == 3)[0]]}
    frame, keys = {}, {}
    for number, owner in enumerate(owners):
        sign = -1 if number in turned else 1
        answers = np.clip(np.rint(4.3 + sign * 1.3 * latents[owner] + rng.normal(size=n)), 1, 7)
        answers[rng.random(n) < 0.02] = -1
        frame[f"Q{number + 1}"] = answers
        keys[f"Q{number + 1}"] = f"construct {owner + 1}", number in turned
    return Table(pd.DataFrame(frame)), keys
