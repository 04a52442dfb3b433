"""Whether constructs differ from each other: heterotrait-monotrait ratios and what goes with them.

A ratio of correlations between constructs to correlations within them estimates the correlation
corrected for measurement error; near 1, two scales measure one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from loyalty_analysis.bootstrap import bootstrap
from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import FEW_CLUSTERS, Estimate, estimate, single, vectorized
from loyalty_analysis.measurement import bartlett, sampling_adequacy
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.reliability import item_sample
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

MOST_RESAMPLED = 50_000
"""Respondents beyond whom ratios have intervals by the delta method."""


def htmt(
    correlation: Array,
    sizes: Sequence[int],
    declared: Sequence[float] | None = None,
    *,
    geometric: bool = False,
    absolute: bool = True,
) -> Array:
    """Heterotrait-monotrait ratios of correlations.

    Parameters
    ----------
    correlation : ndarray, shape (..., k, k)
        Of the items, construct by construct; leading dimensions are kept.
    sizes : sequence of int
        Items of each construct.
    declared : sequence of float, optional
        Reliability of single items: it takes the place of the correlation that they have with no
        other item. Without it their ratios are not a number.
    geometric : bool
        Geometric means (HTMT2), right for items with unequal loadings too.
    absolute : bool
        Of absolute correlations.

    Returns
    -------
    ndarray, shape (..., constructs, constructs)
        Ones on the diagonal.

    Notes
    -----
    Checked against semTools::htmt. Analytic, so that :func:`inference.estimate` can differentiate.

    References
    ----------
    Henseler, Ringle & Sarstedt (2015), Journal of the Academy of Marketing Science 43, 115-135;
    Roemer, Schuberth & Henseler (2021), Industrial Management & Data Systems 121, 2637-2650.

    Examples
    --------
    >>> r = np.full((4, 4), 0.3) + np.kron(np.eye(2), np.full((2, 2), 0.3)) + 0.4 * np.eye(4)
    >>> htmt(r, [2, 2]).round(2)
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    size = np.asarray(sizes)
    member = np.repeat(np.eye(len(size)), size, axis=0)
    values = np.where(correlation.real < 0, -correlation, correlation) if absolute else correlation
    with np.errstate(divide="ignore", invalid="ignore"):
        if geometric:  # log 1 = 0 keeps the diagonal out of the sums below
            values = np.log(values)
        sums = member.T @ values @ member
        pairs = size * (size - 1)
        own = np.diagonal(sums, axis1=-2, axis2=-1)
        within = (own - (0 if geometric else size)) / pairs
        across = sums / np.outer(size, size)
        if geometric:
            within, across = np.exp(within), np.exp(across)
        if declared is not None:
            within = np.where(size == 1, np.asarray(declared), within)
        found = across / np.sqrt(within[..., :, None] * within[..., None, :])
    return np.where(np.eye(len(size), dtype=bool), 1.0, found)


def discriminant(
    survey: Survey,
    reliabilities: pd.DataFrame | None = None,
    latent: pd.DataFrame | None = None,
    *,
    replicates: int = 2000,
    seed: int = 1,
    workers: int = 1,
) -> pd.DataFrame:
    """Compare every two constructs of the model.

    Parameters
    ----------
    survey : Survey
    reliabilities : DataFrame, optional
        Of :func:`reliability.reliability`; needed for the criterion of Fornell and Larcker.
    latent : DataFrame, optional
        Correlations of the constructs in a latent model, names on both sides.
    replicates : int
        Bootstrap replicates; the delta method for 0, moments alone, fewer than 50 clusters, or more
        than 50,000 respondents, where both say the same and only one takes minutes.
    seed, workers : int
        See :func:`bootstrap.bootstrap`.

    Returns
    -------
    DataFrame
        a, b, r (of the scores), htmt, htmt_low, htmt_high (95%), htmt2, htmt2_low, htmt2_high, n
        (who answered every item), failed (replicates), method, r_latent, fornell_larcker
        (``holds`` where both AVE exceed the squared correlation, r_latent if there, else r; or
        ``fails``, or empty), note.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = discriminant(read_survey("mobile_customers")).set_index(["a", "b"])
    >>> pair = table.loc[("competence", "likeability"), ["htmt", "htmt_low", "htmt_high"]]
    >>> pair.astype(float).round(2).to_list()
    [0.78, 0.71, 0.85]
    """
    study, names = survey.study, list(survey.study.model_constructs)
    unfit = {name: why for name in names if (why := _unfit(survey, name))}
    fit = [name for name in names if name not in unfit]
    ratios = _ratios(survey, fit, replicates, seed, workers) if len(fit) > 1 else {}
    scores = pd.DataFrame(survey.moments[names].correlation, names, names)
    between = (pd.DataFrame() if latent is None else latent).reindex(index=names, columns=names)
    extracted: dict[str, float] = {}
    if reliabilities is not None:
        extracted = dict(zip(reliabilities["construct"], reliabilities["ave"], strict=True))
    rows = []
    for a, b in combinations(names, 2):
        notes = [unfit[name] for name in (a, b) if name in unfit]
        notes += [
            f"{name} has one item: its reliability is assumed"
            for name in (a, b)
            if len(study.items_of(name)) == 1 and name not in unfit and not notes
        ]
        row: dict[str, Any] = {"a": a, "b": b, "r": scores.loc[a, b]}
        row |= ratios.get((a, b), _NOTHING) | {"r_latent": between.loc[a, b]}
        row["fornell_larcker"] = _fornell_larcker(row, extracted)
        rows.append(row | {"note": "; ".join(notes)})
    return pd.DataFrame(rows, columns=["a", "b", "r", *_NOTHING, *_LAST])


_NOTHING: dict[str, object] = dict.fromkeys(
    ("htmt", "htmt_low", "htmt_high", "htmt2", "htmt2_low", "htmt2_high"), np.nan
) | {"n": 0, "failed": 0, "method": ""}
_LAST = ("r_latent", "fornell_larcker", "note")


def _unfit(survey: Survey, name: str) -> str:
    """Why a construct has no ratio."""
    sample, items = item_sample(survey, [name]), survey.study.items_of(name)
    if sample is None:
        return f"not assessable: the moments of the items of {name} are not known"
    if len(items) == 1 and survey.study.constructs[name].reliability is None:
        return f"not assessable: {name} has one item and no declared reliability"
    spread = np.diag(sample.moments[""].cross)
    still = [item for item, s in zip(items, spread, strict=True) if s <= 1e-12]
    return f"not assessable: {', '.join(still)} of {name} does not vary" if still else ""


def _ratios(
    survey: Survey, names: list[str], replicates: int, seed: int, workers: int
) -> dict[tuple[str, str], dict[str, object]]:
    sample = item_sample(survey, names)
    assert sample is not None
    if sample.n < 3:
        return {}
    function = single(htmt_function(survey.study, names))
    values = np.asarray(function(sample.moments), dtype=float)
    failed = np.zeros(len(values), dtype=int)
    clusters = len(sample.cluster_names)
    # Few clusters are too few to draw from; their jackknife is what every other error is made of.
    drawable = sample.rows is not None and sample.n <= MOST_RESAMPLED
    if drawable and replicates and (not clusters or clusters >= FEW_CLUSTERS):
        drawn = bootstrap(function, sample, replicates, seed, workers)
        low, high = drawn.interval()
        failed, method = drawn.failed, drawn.method
    else:
        try:
            found = estimate(function, sample)
        except DataError:  # without one of its clusters an item does not vary
            if len(names) > 2:
                each = (list(pair) for pair in combinations(names, 2))
                parts = [_ratios(survey, pair, replicates, seed, workers) for pair in each]
                return {pair: row for part in parts for pair, row in part.items()}
            found = Estimate(values, np.full((len(values), len(values)), np.nan), np.nan, "none")
        low, high = found.interval()
        method = found.method
    half = len(values) // 2
    pairs = combinations(names, 2)
    return {
        pair: {
            "htmt": values[i], "htmt_low": low[i], "htmt_high": high[i],
            "htmt2": values[i + half], "htmt2_low": low[i + half], "htmt2_high": high[i + half],
            "n": sample.n, "failed": failed[i], "method": method,
        }
        for i, pair in enumerate(pairs)
    }  # fmt: skip


def htmt_function(study: Study, names: Sequence[str]) -> Callable[[Moments], Array]:
    """Make the function of Moments that gives HTMT, then HTMT2, of every two constructs.

    Parameters
    ----------
    study : Study
    names : sequence of str
        Constructs; the moments it takes are those of their items, in order.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey, names = read_survey("mobile_customers"), ["likeability", "loyalty"]
    >>> htmt_function(survey.study, names)(item_sample(survey, names).moments[""]).round(2)
    array([0.73, 0.73])
    """
    sizes = [len(study.items_of(name)) for name in names]
    declared = [study.constructs[name].reliability or np.nan for name in names]
    rows, columns = np.triu_indices(len(names), 1)

    def ratios(moments: Moments) -> Array:
        correlation = moments.correlation
        kinds = [
            htmt(correlation, sizes, declared, geometric=kind)[..., rows, columns]
            for kind in (False, True)
        ]
        return np.concatenate(kinds, axis=-1)

    return vectorized(ratios)


def _fornell_larcker(row: dict[str, Any], extracted: Mapping[str, float]) -> str:
    least = float(np.min([extracted.get(row[end], np.nan) for end in ("a", "b")]))
    r = row["r"] if np.isnan(row["r_latent"]) else row["r_latent"]
    return "" if np.isnan(least) else "holds" if least > r**2 else "fails"


def factorability(survey: Survey) -> pd.DataFrame:
    """Ask whether the items share enough for factors: KMO by item, and Bartlett's test.

    Returns
    -------
    DataFrame
        item (empty: all together, the first row), kmo, chi2, df, p_value, n.

    Raises
    ------
    DataError
        Where correlations have no inverse, naming the items; or only scores are known.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> float(factorability(read_survey("bank_customers"))["kmo"][0].round(3))
    0.921
    """
    sample = item_sample(survey, survey.study.model_constructs)
    if sample is None:
        raise DataError("the moments of the items are not known; those of scores are not enough.")
    moments = sample.moments[""]
    overall, items = sampling_adequacy(moments)
    table = pd.DataFrame({"item": ["", *moments.columns], "kmo": [overall, *items]})
    table.loc[0, ["chi2", "df", "p_value"]] = bartlett(moments)
    return table.assign(n=moments.n)
