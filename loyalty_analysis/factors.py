"""The constructs of a study as latent factors: their items, their data and their model script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.preparation import as_text
from loyalty_analysis.sem_model import error_variances, model_script
from loyalty_analysis.survey import Survey


@dataclass(frozen=True)
class Factors:
    """Constructs, and covariates measured without error, ready for a latent model.

    Attributes
    ----------
    survey : Survey
    items : dict of str to tuple of str
        Observed columns of every construct, as the survey calls them; a covariate has its own.
    factor, column : dict of str to str
        What a script calls each construct or covariate, and each observed column: letters,
        digits, points and underscores only.
    """

    survey: Survey
    items: dict[str, tuple[str, ...]]
    factor: dict[str, str]
    column: dict[str, str]

    def script(self) -> str:
        """The measurement model in lavaan syntax; single items at their declared reliability."""
        return model_script(self.measured(self.items), error_variances=self.fixed())

    def measured(self, names: Sequence[str] | dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
        """Items of some constructs, in the names of the script."""
        return {self.factor[name]: [self.column[i] for i in self.items[name]] for name in names}

    def named(self, text: str) -> str:
        """Put the names of the study in the place of those of the script."""
        back = {alias: name for name, alias in (*self.factor.items(), *self.column.items())}
        # A point that ends a sentence is no part of a name.
        return re.sub(r"[\w.]*\w", lambda found: back.get(found[0], found[0]), text)

    def fixed(self) -> dict[str, list[float]]:
        """Error variances of single items: the share that their declared reliability leaves."""
        known, moments = self.survey.study.constructs, self.survey.moments
        spread = dict(zip(moments.columns, np.diag(moments.cross) / moments.weight, strict=True))
        single = [n for n, items in self.items.items() if len(items) == 1 and n in known]
        item = {name: self.column[self.items[name][0]] for name in single}
        shares = {item[name]: known[name].reliability or 1.0 for name in single}
        return error_variances(shares, {item[name]: [float(spread[name])] for name in single})

    def sample(self, by: str | None = None, keep: Sequence[str] | None = None) -> Sample:
        """Observed columns of the analysis sample; answers that are missing stay so.

        Parameters
        ----------
        by : str, optional
            Group column that splits it.
        keep : sequence of str, optional
            Groups to keep.
        """
        survey, columns = self.survey, tuple(self.column.values())
        if survey.frame is None:
            return Sample(columns, {"": _known(survey, self.items, columns)})
        assert survey.items is not None
        observed = [
            (survey.items if name in survey.items else survey.frame)[name] for name in self.column
        ]
        rows = np.column_stack([values.to_numpy(dtype=float) for values in observed])
        labels = as_text(survey.frame[by]).to_numpy(dtype=str) if by else np.full(len(rows), "")
        inside = {str(one): labels == one for one in (np.unique(labels) if keep is None else keep)}
        weights, clusters = survey.weights, survey.clusters
        parts = {name: rows[here] for name, here in inside.items()}
        shares = None if weights is None else {k: weights[here] for k, here in inside.items()}
        places = None if clusters is None else {k: clusters[here] for k, here in inside.items()}
        known = {name: _complete(columns, part, shares, name) for name, part in parts.items()}
        return Sample(columns, known, parts, shares, places)


def _complete(
    columns: tuple[str, ...], rows: Array, weights: dict[str, Array] | None, name: str
) -> Moments:
    kept = ~np.isnan(rows).any(axis=1)
    own = None if weights is None else weights[name][kept]
    return Moments.from_rows(columns, rows[kept], own)


def _known(survey: Survey, items: dict[str, tuple[str, ...]], columns: tuple[str, ...]) -> Moments:
    """Moments of items and scores that were published, items declared reversed turned."""
    known, study = survey.item_moments, survey.study
    assert known is not None
    names = [item for part in items.values() for item in part]
    against = {i for name in items if name in study.constructs
               for i in study.constructs[name].reversed}  # fmt: skip
    signs = np.diag([-1.0 if name in against else 1.0 for name in names])
    return known[names].linear(signs, columns)


def factors(survey: Survey, names: Sequence[str], covariates: Sequence[str] = ()) -> Factors:
    """Prepare constructs, and covariates, for a latent model.

    Parameters
    ----------
    survey : Survey
    names : sequence of str
        Constructs. Where only the moments of a score are known it stands for its items.
    covariates : sequence of str
        Numeric columns of the analysis sample, taken as free of error.

    Returns
    -------
    Factors

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(factors(read_survey("mobile_customers"), ["likeability", "loyalty"]).script())
    likeability =~ like_1 + like_2 + like_3
    loyalty =~ cusl_1 + cusl_2 + cusl_3
    """
    study, known = survey.study, survey.item_moments
    items = {name: study.items_of(name) for name in names}
    if known is not None:
        items = {name: (name,) if name in known.columns else own for name, own in items.items()}
    items |= {name: (name,) for name in covariates}
    observed = [item for own in items.values() for item in own]
    taken: dict[str, None] = {}
    column = {item: _plain(item, taken) for item in observed}
    called = {name: name if name in study.constructs else f"{name}_f" for name in items}
    factor = {name: _plain(alias, taken) for name, alias in called.items()}
    return Factors(survey, items, factor, column)


def _plain(name: str, taken: dict[str, None]) -> str:
    """A name that lavaan can read and nothing else has."""
    stem = re.sub(r"[^A-Za-z0-9_.]+", "_", name).strip("_.") or "x"
    stem = stem if stem[0].isalpha() else f"x{stem}"
    found, number = stem, 1
    while found.lower() in taken:
        number += 1
        found = f"{stem}_{number}"
    taken[found.lower()] = None
    return found
