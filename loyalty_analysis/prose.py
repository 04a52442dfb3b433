"""Paragraphs of computed sentences, as notebooks and pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

ENOUGH = 30
"""Clusters from which on percentiles of resampled clusters cover about as they should."""


@dataclass(frozen=True)
class Prose:
    """Sentences that a notebook shows as paragraphs, every label escaped.

    ``starts`` are the sentences with which a paragraph begins.

    Examples
    --------
    >>> str(Prose(("One.", "Two.")))
    'One. Two.'
    """

    sentences: tuple[str, ...]
    starts: tuple[int, ...] = (0,)

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def _repr_html_(self) -> str:
        ends = (*self.starts[1:], len(self.sentences))
        parts = zip(self.starts, ends, strict=True)
        return "".join(f"<p>{escape(' '.join(self.sentences[a:b]))}</p>" for a, b in parts)


def prose(sentences: Iterable[str]) -> Prose:
    """Join sentences into a paragraph.

    Examples
    --------
    >>> prose(["One.", "", "Two."]).sentences
    ('One.', 'Two.')
    """
    return Prose(tuple(sentence for sentence in sentences if sentence))


def few_resampled(table: Any) -> str:
    """Warn of bootstrap intervals over few clusters; empty where there are enough of them.

    Examples
    --------
    >>> import pandas as pd
    >>> print(few_resampled(pd.DataFrame({"df": [7.0], "df_satterthwaite": [5.1]})))
    Resampling 8 clusters makes bootstrap intervals too narrow: they are a rough guide here.
    """
    rows = table[table["df_satterthwaite"].notna()] if "df_satterthwaite" in table else table[:0]
    clusters = int(rows["df"].min()) + 1 if len(rows) else ENOUGH
    if clusters >= ENOUGH:
        return ""
    return (
        f"Resampling {clusters} clusters makes bootstrap intervals too narrow: they are a rough "
        "guide here."
    )


def paragraphs(*parts: Iterable[str]) -> Prose:
    """Join sentences into one paragraph for each part.

    Examples
    --------
    >>> paragraphs(["One.", "Two."], [""], ["Three."])._repr_html_()
    '<p>One. Two.</p><p>Three.</p>'
    """
    filled = [own for part in parts if (own := prose(part).sentences)]
    counts = [sum(len(one) for one in filled[:at]) for at in range(len(filled))]
    return Prose(tuple(one for part in filled for one in part), tuple(counts) or (0,))
