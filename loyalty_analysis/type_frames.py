"""The four types of a study in numbers: shares and profiles, moved cuts, the map of customers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.claims import Claim
from loyalty_analysis.group_means import group_means
from loyalty_analysis.inference import estimate, single, vectorized
from loyalty_analysis.mixtures import mixture
from loyalty_analysis.moments import Array, Moments, one_thread
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.reciprocity import reciprocity
from loyalty_analysis.study import TYPES as VIEW
from loyalty_analysis.survey import Survey
from loyalty_analysis.type_surface import surface, type_slopes
from loyalty_analysis.typology import STEPS, TYPES, compared, types_of

_COLUMN = ":type"  # no column of a study can be called so
_MOVES = (-1.0, -0.5, 0.0, 0.5, 1.0)
_CELLS = 10
SHARES = ["share", "share_low", "share_high"]
"""Columns of a share and its 95% interval."""


@one_thread
def type_frames(survey: Survey) -> dict[str, pd.DataFrame]:
    """Every result frame of loyalty types and of mutual loyalty that has rows, by file name.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    dict of str to DataFrame
        types, type_band, type_map, surface, type_slopes, mixture, mixture_classes (with
        ``[types]`` and respondents); reciprocity.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> type_frames(read_survey("bank_customers"))
    {}
    """
    found = {"reciprocity": reciprocity(survey)}
    if survey.study.types is not None and survey.has_respondents:
        fits, classes = mixture(survey)
        found |= {
            "types": types(survey),
            "type_band": type_band(survey),
            "type_map": type_map(survey),
            "surface": surface(survey),
            "type_slopes": type_slopes(survey),
            "mixture": fits,
            "mixture_classes": classes,
        }
    return {name: frame for name, frame in found.items() if len(frame)}


def types(survey: Survey) -> pd.DataFrame:
    """Share and profile of every type.

    Returns
    -------
    DataFrame
        One row per type and variable (attitude, patronage, every outcome): type, variable, n,
        share, share_low, share_high (weights and clusters honoured; intervals on the logit scale),
        mean, sd, std_error, df, conf_low, conf_high (as in group_means.csv, not adjusted for
        controls). Of types of fewer than ten respondents all numbers are left empty.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = "types={attitude='affective', patronage='habitual', attitude_cut=4.5, "
    >>> survey = read_survey("rice_simulated", [asked + "patronage_cut=4.5}"])
    >>> types(survey).query("variable == 'advocacy'")[["type", "share", "mean"]].round(2)
           type  share  mean
    3      none   0.33  3.90
    8   inertia   0.19  4.19
    13   latent   0.23  4.90
    18  premium   0.25  5.14
    """
    found = types_of(survey)
    view = survey.model(VIEW)
    study = view.study
    design = study.design.model_copy(update={"groups": (_COLUMN,)})
    assert view.frame is not None
    view = replace(
        view, frame=view.frame.assign(**{_COLUMN: found}),
        study=study.model_copy(update={"design": design}),
    )  # fmt: skip
    means = group_means(view).rename(columns={"level": "type", "construct": "variable"})
    variables = [*study.model.drivers, *study.model.outcomes]
    every = pd.MultiIndex.from_product([TYPES, variables], names=["type", "variable"])
    means = means.drop(columns=["group", "n"]).set_index(["type", "variable"]).reindex(every)
    shares = _shares(survey, found).reindex(every.get_level_values("type"))
    return pd.concat([shares.set_axis(every), means], axis=1).reset_index()


def _shares(survey: Survey, found: pd.Series) -> pd.DataFrame:
    """Number and weighted share of every type with enough respondents."""
    counts = found.value_counts()
    kept = [name for name in TYPES if counts.get(name, 0) >= SMALLEST_GROUP]
    if not kept:
        return pd.DataFrame(columns=["n", *SHARES])
    columns = pd.DataFrame({f":{name}": (found == name).astype(float) for name in kept})
    share = estimate(single(_means), survey.sample(columns.columns, extra=columns))
    p, half = share.values, share.interval()[1] - share.values
    with np.errstate(divide="ignore", invalid="ignore"):  # one type may hold everybody
        # On the scale of log odds, where ends stay between 0 and 1.
        odds, half = np.log(p / (1 - p)), half / (p * (1 - p))
    ends = [1 / (1 + np.exp(half - odds)), 1 / (1 + np.exp(-half - odds))]
    return pd.DataFrame(
        {"n": counts[kept].to_numpy(float), **dict(zip(SHARES, [p, *ends], strict=True))},
        index=pd.Index(kept),
    )


@vectorized
def _means(moments: Moments) -> Array:
    return moments.mean


def steps_of(outcome: str) -> list[Claim]:
    """Adjacent types compared on an outcome, from the top.

    Examples
    --------
    >>> [claim.versus for claim in steps_of("advocacy")][0]
    ('premium', 'latent')
    """
    return [
        Claim(
            id=upper, text="Adjacent types.", estimand="ordered_means", outcome=outcome,
            term="type", versus=(upper, lower), sign="+",
        )
        for upper, lower in STEPS
    ]  # fmt: skip


def type_band(survey: Survey) -> pd.DataFrame:
    """How shares and adjacent contrasts move when both cuts are moved within the declared band.

    Returns
    -------
    DataFrame
        One row per pair of cuts (five by five, the declared ones in the middle), quantity (share,
        contrast), outcome (empty for shares) and term (the type; ``premium - latent``):
        attitude_cut, patronage_cut, declared, n, quantity, outcome, term, estimate, conf_low,
        conf_high (contrasts: adjusted for controls, in SDs of the outcome). Empty where a type has
        fewer than ten respondents, or lives in one cluster.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = "types={attitude='affective', patronage='habitual', attitude_cut=4.5, "
    >>> survey = read_survey("rice_simulated", [asked + "patronage_cut=4.5}"])
    >>> moved = type_band(survey).query("term == 'premium'").groupby("declared")["estimate"]
    >>> moved.agg(["min", "max", "count"]).round(2)
               min   max  count
    declared
    False     0.16  0.48     24
    True      0.25  0.25      1
    """
    asked = survey.study.types
    assert asked is not None
    cells = []
    for one in _MOVES:
        for other in _MOVES:
            away = (one * asked.band, other * asked.band)
            known = {
                "attitude_cut": asked.attitude_cut + away[0],
                "patronage_cut": asked.patronage_cut + away[1],
                "declared": one == other == 0,
                "n": survey.n,
            }
            cells += [known | row for row in _moved(survey, types_of(survey, away))]
    return pd.DataFrame(cells)


def _moved(survey: Survey, found: pd.Series) -> list[dict[str, object]]:
    """Shares and contrasts at one pair of cuts."""
    numbers = _shares(survey, found).reindex(list(TYPES))[SHARES].to_numpy()
    rows: list[dict[str, object]] = [
        _row("share", "", name, *ends) for name, ends in zip(TYPES, numbers, strict=True)
    ]
    empty = [np.full(len(STEPS), np.nan)] * 3
    # Every contrast rests on all four means: with one of them too small none is shown.
    whole = not np.isnan(numbers).any() and _everywhere(survey, found)
    for outcome in survey.model(VIEW).study.model.outcomes:
        ends = empty
        if whole:
            gap, _ = compared(survey, outcome, steps_of(outcome), found)
            ends = [gap.values, *gap.interval()]
        rows += [_row("contrast", outcome, f"{upper} - {lower}", *three)
                 for (upper, lower), *three in zip(STEPS, *ends, strict=True)]  # fmt: skip
    return rows


def _everywhere(survey: Survey, found: pd.Series) -> bool:
    """Whether every type lives in two clusters or more: no errors could be clustered else."""
    if survey.clusters is None:
        return True
    return all(len(np.unique(survey.clusters[found == name])) > 1 for name in TYPES)


def _row(
    quantity: str, outcome: str, term: str, estimate: float, low: float, high: float
) -> dict[str, object]:
    return {"quantity": quantity, "outcome": outcome, "term": term, "estimate": estimate,
            "conf_low": low, "conf_high": high}  # fmt: skip


def type_map(survey: Survey) -> pd.DataFrame:
    """Count respondents on attitude and patronage, and average the outcomes, in square bins.

    Returns
    -------
    DataFrame
        One row per bin and outcome: outcome, attitude_low, attitude_high, patronage_low,
        patronage_high, n, share (weighted, of all respondents), mean (of the outcome, weighted).
        Bins begin at the cuts and are as wide as whole steps of the scores, about ten a side; of
        those with fewer than ten respondents n, share and mean are left empty.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> asked = "types={attitude='affective', patronage='habitual', attitude_cut=4.5, "
    >>> survey = read_survey("rice_simulated", [asked + "patronage_cut=4.5}"])
    >>> len(type_map(survey).query("outcome == 'advocacy'"))
    100
    """
    asked, frame = survey.study.types, survey.frame
    assert asked is not None and frame is not None
    weights = np.ones(len(frame)) if survey.weights is None else survey.weights
    edges = [
        _edges(survey, asked.attitude, asked.attitude_cut),
        _edges(survey, asked.patronage, asked.patronage_cut),
    ]
    bins = [
        np.searchsorted(edge, frame[name].to_numpy(float) + 1e-9, side="right") - 1
        for edge, name in zip(edges, (asked.attitude, asked.patronage), strict=True)
    ]
    shape = tuple(len(edge) - 1 for edge in edges)
    place = np.ravel_multi_index(tuple(bins), shape)
    cells = shape[0] * shape[1]
    n = np.bincount(place, minlength=cells).astype(float)
    total = np.bincount(place, weights, cells)
    seen = n >= SMALLEST_GROUP
    one, other = (index.ravel() for index in np.indices(shape))
    known = {
        "attitude_low": edges[0][one], "attitude_high": edges[0][one + 1],
        "patronage_low": edges[1][other], "patronage_high": edges[1][other + 1],
        "n": np.where(seen, n, np.nan), "share": np.where(seen, total / total.sum(), np.nan),
    }  # fmt: skip
    tables = []
    for outcome in survey.model(VIEW).study.model.outcomes:
        summed = np.bincount(place, weights * frame[outcome].to_numpy(float), cells)
        mean = np.divide(summed, total, out=np.full(cells, np.nan), where=seen)
        tables.append(pd.DataFrame({"outcome": outcome, **known, "mean": mean}))
    return pd.concat(tables, ignore_index=True)


def _edges(survey: Survey, name: str, cut: float) -> Array:
    """Ends of bins that begin at the cut and hold the same number of possible scores."""
    assert survey.frame is not None
    scores = survey.frame[name].to_numpy(float)
    grain = 1 / len(survey.study.items_of(name))
    width = max(round(np.ptp(scores) / _CELLS / grain), 1) * grain
    below = np.ceil((cut - scores.min()) / width - 1e-9)
    above = np.floor((scores.max() - cut) / width + 1e-9) + 1
    return cut + width * np.arange(-below, above + 1)
