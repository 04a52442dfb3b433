"""Paragraphs of computed sentences, as notebooks and pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Prose:
    """Sentences that a notebook shows as a paragraph, every label escaped.

    Examples
    --------
    >>> str(Prose(("One.", "Two.")))
    'One. Two.'
    """

    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))}</p>"


def prose(sentences: Iterable[str]) -> Prose:
    """Join sentences into a paragraph.

    Examples
    --------
    >>> prose(["One.", "", "Two."]).sentences
    ('One.', 'Two.')
    """
    return Prose(tuple(sentence for sentence in sentences if sentence))
