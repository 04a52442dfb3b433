"""Rival structures: whether constructs are distinct, or fewer would do.

The declared constructs against one factor, merged constructs, and all under a second-order factor:
chi-square differences, information criteria, and the likelihood of respondents who were left out.

References
----------
Anderson & Gerbing (1988), Psychological Bulletin 103, 411-423 (merged constructs); Cudeck & Browne
(1983), Multivariate Behavioral Research 18, 147-167 (cross-validation); Rindskopf & Rose (1988),
same journal 23, 51-67 (second-order models).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.sem_data import SemData, sem_data
from loyalty_analysis.sem_fit import Fit, fit_model
from loyalty_analysis.sem_indices import difference_test, fit_row
from loyalty_analysis.sem_model import ModelError, model_script, parse

Merge = Sequence[Sequence[str]]
"""What one rival merges: each list of constructs shares a factor."""
SECOND_ORDER = "second order"


def structures(
    constructs: Mapping[str, Sequence[str]], merges: Sequence[Merge] = ()
) -> dict[str, str]:
    """Scripts of the declared structure (first) and of its rivals.

    Parameters
    ----------
    constructs : mapping of str to sequence of str
        Items of each construct.
    merges : sequence of Merge
        What each rival merges; all others keep a factor of their own.

    Returns
    -------
    dict of str to str
        Names such as ``"5 factors"``, ``"4 factors: economic + forced"``, ``"1 factor"`` and, from
        four constructs on, ``"second order"``.

    Examples
    --------
    >>> known = {"a": ["a1", "a2"], "b": ["b1", "b2"], "c": ["c1", "c2"]}
    >>> list(structures(known, [[["a", "b"]]]))
    ['3 factors', '2 factors: a + b', '1 factor']
    """
    named = {name for merge in merges for part in merge for name in part}
    if unknown := named - set(constructs):
        raise StudyError(f"rivals merge {', '.join(sorted(unknown))}, which are no constructs.")
    found = {f"{len(constructs)} factors": model_script(constructs)}
    for merge in [*merges, [list(constructs)]]:
        joined = {"_".join(part): [i for n in part for i in constructs[n]] for part in merge}
        apart = {name for part in merge for name in part}
        rest = {name: items for name, items in constructs.items() if name not in apart}
        found.setdefault(_label(len(rest) + len(joined), merge), model_script({**rest, **joined}))
    if len(constructs) > 3:
        found[SECOND_ORDER] = model_script(constructs, second_order={"general": list(constructs)})
    return found


def _label(count: int, merge: Merge) -> str:
    if count == 1:
        return "1 factor"
    return f"{count} factors: {', '.join(' + '.join(part) for part in merge)}"


def rivals(
    scripts: Mapping[str, str],
    data: Moments | Sample,
    *,
    folds: int = 10,
    seed: int = 1,
    **options: Any,
) -> pd.DataFrame:
    """Compare structures of the same items.

    Parameters
    ----------
    scripts : mapping of str to str
        From `structures`; the first is what the others are compared with.
    data : Moments or Sample
        One group. Cross-validation needs respondents; clusters stay together.
    folds, seed : int
        Parts of the cross-validation and the seed that draws them.
    **options
        Keywords of `fit_model`.

    Returns
    -------
    DataFrame
        The columns of `sem_indices.fit_row` behind ``model``, then ``chi2_difference,
        df_difference, p_value_difference`` (against the first),
        ``cv_log_likelihood`` (mean per respondent left out), ``cv_difference`` and ``cv_error``
        (the first less the rival, sum over respondents, with its standard error), ``cv_n`` (who
        answered every item), ``problem``.
        A rival that has no solution keeps its row, and says why in ``problem``; a fold that cannot
        be left out leaves nan.
    """
    first = parse(next(iter(scripts.values())))
    known = sem_data(data, first.observed, missing=options.get("missing", "listwise"))
    if len(known.groups) > 1:
        raise DataError("rival structures are compared in one group at a time.")
    fits = [_tried(script, known, options) for script in scripts.values()]
    if isinstance(fits[0], ModelError):
        raise fits[0]
    rows = [_row(name, fit, fits[0]) for name, fit in zip(scripts, fits, strict=True)]
    table = pd.DataFrame(rows)
    if known.has_rows:
        whole = known if not known.missing else _complete(known)
        left_out = _cross_validated(fits, whole, folds, seed)
        table = pd.concat([table, left_out], axis=1)
    return table


def _complete(known: SemData) -> SemData:
    """The respondents who answered everything."""
    group, count = known.groups[0], len(known.columns)
    patterns = tuple(one for one in group.patterns if len(one.seen) == count)
    return replace(known, groups=(replace(group, patterns=patterns),))


def _tried(script: str, known: SemData, options: Mapping[str, Any]) -> Fit | ModelError:
    model = parse(script)
    try:
        return fit_model(model, known.ordered(model.observed), **options)
    except ModelError as error:
        return error


def _row(name: str, fit: Fit | ModelError, first: Fit) -> dict[str, Any]:
    if isinstance(fit, ModelError):
        return {"model": name, "problem": str(fit)}
    row = {"model": name} | fit_row(fit)
    if fit.df > first.df:
        test = difference_test(first, fit)
        row |= {"chi2_difference": test["chi2"], "df_difference": test["df"]}
        row["p_value_difference"] = test["p_value"]
    return row


def _cross_validated(
    fits: Sequence[Fit | ModelError], data: SemData, folds: int, seed: int
) -> pd.DataFrame:
    """Likelihood of each respondent under models fitted without them."""
    names_of = ["cv_log_likelihood", "cv_difference", "cv_error", "cv_n"]
    if not data.groups[0].patterns or data.groups[0].patterns[0].weight < 2 * folds:
        return pd.DataFrame(np.nan, range(len(fits)), names_of)
    pattern = data.groups[0].patterns[0]
    rows, weights = pattern.rows, pattern.case_weights
    assert rows is not None and weights is not None
    units = np.arange(len(rows)) if pattern.clusters is None else pattern.clusters
    names, which = np.unique(units, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(names)) % folds)[which.ravel()]
    parts = {k: Moments.from_rows(data.columns, rows[fold == k], weights[fold == k])
             for k in np.unique(fold)}  # fmt: skip
    levels = []
    for fit in fits:
        level = np.full(len(rows), np.nan)
        if isinstance(fit, Fit):
            for k in parts:
                others = [part for number, part in parts.items() if number != k]
                train = sum(others[1:], others[0])
                level[fold == k] = _left_out(fit, train, data.columns, rows[fold == k])
        levels.append(level)
    found = []
    for level in levels:
        ahead = np.bincount(which.ravel(), (levels[0] - level) * weights)
        error = np.sqrt(len(ahead)) * ahead.std(ddof=1)
        error = error if ahead.any() else 0.0
        found.append((level @ weights / weights.sum(), ahead.sum(), error, len(rows)))
    return pd.DataFrame(found, columns=names_of)


def _left_out(known: Fit, train: Moments, columns: Sequence[str], rows: Array) -> Array:
    """Log likelihood of respondents under a model fitted to others; nan if it has no solution."""
    names = known.model.observed
    try:
        fit = fit_model(known.model, train[list(names)], means=known.means, start=known.theta)
    except (DataError, ModelError):  # without them an item may not vary
        return np.full(len(rows), np.nan)
    order = [columns.index(name) for name in names]
    sigma = fit.graphs[0].shape(fit.theta).sigma
    away = rows[:, order] - fit.data.groups[0].mean
    spread = np.linalg.slogdet(2 * np.pi * sigma)[1]
    return -(spread + (away @ np.linalg.inv(sigma) * away).sum(axis=1)) / 2
