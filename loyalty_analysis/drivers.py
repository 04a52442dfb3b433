"""The drivers of each outcome by their share of its explained variance, with ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.bootstrap import bootstrap
from loyalty_analysis.claims import Claim, members_of
from loyalty_analysis.equations import Equation, equation_of
from loyalty_analysis.inference import Estimate, estimate, single, vectorized
from loyalty_analysis.moments import Array, Moments, one_thread
from loyalty_analysis.regression import check_equation, standardized
from loyalty_analysis.rules import LEAST_DF
from loyalty_analysis.shares import (
    Players,
    alone_and_last,
    gains,
    johnson_weights,
    left_over,
    shares,
)
from loyalty_analysis.survey import Survey
from loyalty_analysis.tidy import contrast_rows, satterthwaite
from loyalty_analysis.twins import Twins

SAMPLED_REPLICATES = 1000
"""Of the resamples, how many are used where orders are sampled."""


@one_thread
def drivers(
    survey: Survey, latent: Twins | None = None, drawn: Mapping[str, Moments] | None = None
) -> pd.DataFrame:
    """Share the explained variance of every outcome among its drivers, the mediator one of them.

    Parameters
    ----------
    survey : Survey
    latent : Twins, optional
        For shares corrected for measurement error.
    drawn : mapping of str to Moments, optional
        Resamples (:func:`bootstrap.resampled`) of the model's columns, for intervals of ranks.

    Returns
    -------
    DataFrame
        One row per outcome and driver: outcome, term, share (of 1 = the whole variance of the
        outcome; they add up to r2 - r2_controls), share_low, share_high, share_std_error, df,
        johnson, first (explained alone beside the controls), last (added last), rank, rank_low,
        rank_high, p_first (share of resamples in which it is first), sign ("+" or "-" of the
        standardized slope, "" where its interval includes zero), beta, lead, lead_low, lead_high
        (share minus that of the next rank), ahead (of every one that ranks below it, by 95%
        intervals and with four degrees of freedom), df_satterthwaite (the least behind its slope;
        empty without clusters), latent, latent_low, latent_high, r2, r2_controls,
        orderings ("all" or how many were sampled), sampling_error (of a share, due to sampled
        orders), replicates, failed, n.

    Raises
    ------
    CollinearError, DataError
        When the data do not decide the slopes.

    Notes
    -----
    Shares lose the sign of a slope, so it stands beside; a mediator takes credit for what works
    through it. Intervals of shares are symmetric for their roots. Ranks are rough functions of
    the data: their intervals are order statistics of the resamples.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> drivers(read_survey("mobile_customers"))[["term", "share", "rank"]].round(2)
               term  share  rank
    0    competence   0.06   3.0
    1   likeability   0.19   2.0
    2  satisfaction   0.31   1.0
    """
    tables = [_of_outcome(survey, name, latent, drawn) for name in survey.study.model.outcomes]
    return pd.concat(tables, ignore_index=True)


def _of_outcome(
    survey: Survey, outcome: str, latent: Twins | None, drawn: Mapping[str, Moments] | None
) -> pd.DataFrame:
    equation = equation_of(survey.study, "largest_share", outcome)
    assert equation is not None
    players = Players(tuple((name,) for name in equation.focal))
    controls = _controls(survey, equation)
    found = _shares(survey, equation, players)
    low, high = _interval(found)
    known = survey.moments
    cross = left_over(known, outcome, players, controls)
    first, last = alone_and_last(cross, players)
    beta = standardized(survey, equation)
    ends = [end[: len(equation.focal)] for end in beta.interval()]
    least = np.asarray(_least_of_each(survey, equation, players))
    enough = ~(np.fmin(least, found.df) < LEAST_DF)
    table = pd.DataFrame(
        {
            "outcome": outcome,
            "term": equation.focal,
            "share": found.values,
            "share_low": low,
            "share_high": high,
            "share_std_error": found.std_error,
            "df": found.df,
            "johnson": johnson_weights(cross),
            "first": first,
            "last": last,
            "rank": _ranks(found.values),
            **_ranked(survey, equation, players, drawn),
            "sign": np.select([enough & (ends[0] > 0), enough & (ends[1] < 0)], ["+", "-"], ""),
            "beta": beta.values[: len(equation.focal)],
            **_leads(found, least),
            "df_satterthwaite": least,
            **_twin(survey, equation, players, latent),
            "r2_controls": 1 - cross[-1, -1],
            "orderings": "all" if players.orderings is None else str(len(players.orderings)),
            "sampling_error": np.sqrt(np.diag(_sampling(cross, players))),
            "n": survey.n,
        }
    )
    table.insert(len(table.columns) - 4, "r2", table["share"].sum() + table["r2_controls"])
    return table


def _controls(survey: Survey, equation: Equation) -> tuple[str, ...]:
    controls = survey.terms([name for name in equation.terms if name not in equation.focal])
    check_equation(survey.moments, (*equation.focal, *controls), equation.model)
    return controls


def _function(survey: Survey, equation: Equation, players: Players):  # type: ignore[no-untyped-def]
    controls = _controls(survey, equation)

    @vectorized
    def values(moments: Moments) -> Array:
        return shares(moments, equation.outcome, players, controls)

    return values, [*players.columns, *controls, equation.outcome]


def _shares(survey: Survey, equation: Equation, players: Players) -> Estimate:
    function, columns = _function(survey, equation, players)
    found = estimate(single(function), survey.sample(columns))
    cross = left_over(survey.moments, equation.outcome, players, _controls(survey, equation))
    return replace(found, covariance=found.covariance + _sampling(cross, players))


def _twin(
    survey: Survey, equation: Equation, players: Players, latent: Twins | None
) -> dict[str, Array | float]:
    names = ("latent", "latent_low", "latent_high")
    if latent is None:
        return dict.fromkeys(names, np.nan)
    found = latent.estimate(*_function(survey, equation, players))
    return dict(zip(names, (found.values, *_interval(found)), strict=True))


def _interval(found: Estimate) -> tuple[Array, Array]:
    """Intervals of shares: symmetric for their roots, since a share is about a squared slope."""
    root = np.sqrt(np.maximum(found.values, 1e-12))
    half = found.interval()[1] - found.values
    low, high = (root + way * half / (2 * root) for way in (-1, 1))
    return np.maximum(low, 0) ** 2, np.minimum(high**2, 1)


def _ranks(values: Array) -> Array:
    """Ranks from the largest on, ties sharing the mean of theirs; leading dimensions are kept."""
    above = (values[..., None, :] > values[..., :, None]).sum(axis=-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(axis=-1)
    return above + (equal + 1) / 2


def _ranked(
    survey: Survey, equation: Equation, players: Players, drawn: Mapping[str, Moments] | None
) -> dict[str, Array | float | int]:
    """Intervals of ranks, and how often each is first."""
    if drawn is None:
        return {"rank_low": np.nan, "rank_high": np.nan, "p_first": np.nan,
                "replicates": 0, "failed": 0}  # fmt: skip
    function, columns = _function(survey, equation, players)
    if players.orderings is not None:
        drawn = {group: part.some(slice(SAMPLED_REPLICATES)) for group, part in drawn.items()}
    found = bootstrap(single(function), survey.sample(columns), drawn=drawn)
    whole = found.replicates[np.isfinite(found.replicates).all(axis=1)]
    ranks = _ranks(whole)
    if not len(ranks):
        ranks = np.full((2, len(players.sets)), np.nan)
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="inverted_cdf")
    return {
        "rank_low": low,
        "rank_high": high,
        "p_first": (ranks == 1).mean(axis=0),
        "replicates": len(found.replicates),
        "failed": len(found.replicates) - len(whole),
    }


def _leads(found: Estimate, least: Array) -> dict[str, Array]:
    """Share of each minus that of the next rank; whether it is ahead of all that rank below."""
    order = np.argsort(-found.values, kind="stable")
    columns = np.full((3, len(order)), np.nan)
    ahead = np.full(len(order), False)
    matrix = np.eye(len(order))
    for place, player in enumerate(order[:-1]):
        below = order[place + 1 :]
        gaps = found.combine(matrix[player] - matrix[below])
        columns[:, player] = [end[0] for end in (gaps.values, *gaps.interval())]
        few = np.fmin(np.fmin(least[player], least[below]), found.df) < LEAST_DF
        ahead[player] = bool((gaps.interval()[0] > 0).all() and not few.any())
    return dict(zip(("lead", "lead_low", "lead_high"), columns, strict=True)) | {"ahead": ahead}


def _sampling(cross: Array, players: Players) -> Array:
    """Covariance of shares that is due to sampled orders: that of the means of their blocks."""
    count = len(players.sets)
    if players.orderings is None:
        return np.zeros((count, count))
    blocks = gains(cross, players).reshape(-1, 2 * count, count).mean(axis=1)
    return np.cov(blocks.T) / len(blocks)


def players_of(claim: Claim, equation: Equation) -> tuple[Players, list[str]]:
    """The sets a claim about shares compares, then every other driver; the names of its rivals.

    A set is written ``a + b``. Without rivals of its own, a claim is about every other driver.

    Examples
    --------
    >>> claim = Claim(id="x", text="", estimand="share_difference", outcome="y", sign="+",
    ...               term="a + b", versus=("c",))
    >>> equation = Equation("y.total", "y", ("a", "b", "c", "d"), "total", ("a", "b", "c", "d"))
    >>> players_of(claim, equation)[0].sets
    (('a', 'b'), ('c',), ('d',))
    """
    named = [members_of(name) for name in (claim.term, *claim.versus)]
    used = {column for members in named for column in members}
    others = [(name,) for name in equation.focal if name not in used]
    rivals = list(claim.versus) or [name for (name,) in others]
    return Players((*named, *others)), rivals


def share_differences(
    survey: Survey, claim: Claim, outcome: str, latent: Twins | None = None
) -> pd.DataFrame | None:
    """Estimate the lead in explained variance that a claim is about, as rows of contrasts.csv.

    Parameters
    ----------
    survey : Survey
    claim : Claim
        Of estimand ``largest_share`` or ``share_difference``.
    outcome : str
    latent : Twins, optional

    Returns
    -------
    DataFrame or None
        One row per rival, in shares of the outcome's whole variance, ``sets`` naming the drivers
        that entered together; None where a construct is no
        driver of the equation, or none is left to compare with.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> claim = Claim(id="x", text="", estimand="largest_share", outcome="loyalty",
    ...               term="satisfaction", sign="+")
    >>> found = share_differences(read_survey("mobile_customers"), claim, "loyalty")
    >>> found[["versus", "estimate"]].round(2)
            versus  estimate
    0   competence      0.24
    1  likeability      0.12
    """
    equation = equation_of(survey.study, claim.estimand, outcome)
    if equation is None:
        return None
    players, rivals = players_of(claim, equation)
    if not rivals or set(players.columns) - set(equation.focal):
        return None
    matrix = np.zeros((len(rivals), len(players.sets)))
    matrix[:, 0] = 1
    matrix[np.arange(len(rivals)), 1 + np.arange(len(rivals))] = -1
    least = _least_of_each(survey, equation, players)
    twin = None
    if latent is not None:
        twin = latent.estimate(*_function(survey, equation, players)).combine(matrix)
    return contrast_rows(
        _shares(survey, equation, players).combine(matrix),
        survey.n,
        np.minimum(least[0], least[1 : 1 + len(rivals)]),
        twin,
        estimand=claim.estimand,
        outcome=outcome,
        term=claim.term,
        versus=rivals,
        model=equation.model,
        sets=players.joined,
    )


def _least_of_each(survey: Survey, equation: Equation, players: Players) -> Array:
    """Least Satterthwaite degrees of freedom of the slopes of each player."""
    if survey.clusters is None:
        return np.full(len(players.sets), np.nan)
    terms = [*players.columns, *_controls(survey, equation)]
    focal: Sequence[str] = players.columns
    df = satterthwaite(survey.sample([*terms, equation.outcome]), np.eye(len(terms))[: len(focal)])
    known = dict(zip(focal, np.asarray(df), strict=True))
    return np.array([min(known[name] for name in members) for members in players.sets])
