"""Levels of a group column: which can be compared, and in which equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Moments, collinear, still
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.survey import Survey


@dataclass(frozen=True)
class Levels:
    """The levels of a group column that can be compared in one equation.

    Attributes
    ----------
    sample : Sample
        Everyone, split by level: the terms, and the outcome last.
    names : tuple of str
        Levels with enough respondents, in which every driver varies.
    note : str
        Which levels are left out, and why; those with too few respondents are only counted.
    focal : tuple of int
        Places of the drivers among the terms.
    """

    sample: Sample
    names: tuple[str, ...]
    note: str
    focal: tuple[int, ...]

    @property
    def terms(self) -> tuple[str, ...]:
        """The columns of the sample but the outcome."""
        return self.sample.columns[:-1]

    def clusters_in(self, level: str) -> int | None:
        """Clusters that hold respondents of a level; None without clusters."""
        clusters = self.sample.clusters
        return None if clusters is None else len(np.unique(clusters[level]))


def levels_of(
    survey: Survey, column: str, outcome: str, names: Sequence[str] = (), focal: Sequence[str] = ()
) -> Levels:
    """Split respondents by a group column, and say which levels can be compared.

    Parameters
    ----------
    survey : Survey
    column : str
        Group column; it is no term of its own groups.
    outcome : str
    names : sequence of str
        Terms of the equation; none to compare means.
    focal : sequence of str
        Those whose slopes are compared.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> levels_of(survey, "sector", "repurchase").names
    ('goods', 'services')
    """
    terms = own_terms(survey, column, names)
    sample = survey.sample([*terms, outcome], by=column)
    needed = max(SMALLEST_GROUP, len(terms) + 2)
    large = [level for level, part in sample.moments.items() if part.n >= needed]
    every, small = len(sample.moments), len(sample.moments) - len(large)
    said = [f"fewer than {needed} respondents in {small} of {every} levels: left out"] * (small > 0)
    usable = []
    for level in large:
        part = sample.moments[level]
        # A category that nobody in a level has is left out there.
        kept = varying(part, terms)
        blamed = [name for name in focal if name not in kept] or (
            collinear(part, kept) if kept else []
        )
        if blamed:
            said.append(f"{level} left out: {', '.join(blamed)} does not vary by itself there")
        else:
            usable.append(level)
    places = tuple(terms.index(name) for name in focal)
    return Levels(sample, tuple(usable), "; ".join(said), places)


def own_terms(survey: Survey, column: str, names: Sequence[str]) -> list[str]:
    """Columns of an equation beside those of the group column, which no level has of its own.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> own_terms(read_survey("rice_simulated"), "country", ["forced", "country"])
    ['forced']
    """
    return [term for term in survey.terms(names) if term.partition("[")[0] != column]


def varying(part: Moments, terms: Sequence[str]) -> list[str]:
    """Terms that vary among these respondents.

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0], [1.0, 3.0]])
    >>> varying(Moments.from_rows(["x", "y"], rows), ["x", "y"])
    ['y']
    """
    flat = still(part, terms) if terms else []
    return [name for name in terms if name not in flat]


def compared(survey: Survey, column: str) -> list[Equation]:
    """Equations whose slopes are compared between groups: of mediator, outcomes and paths."""
    found = [one for one in equations(survey.study) if one.kind in ("mediator", "total", "path")]
    return [one for one in found if column not in (one.outcome, *one.focal)]
