"""The shape of returns to satisfaction: straight, bent once or free, judged by who is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import pandas as pd

from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Estimate, Sample, estimate, single, vectorized
from loyalty_analysis.level_steps import at_top, compared_outcomes, steps
from loyalty_analysis.logit import ordered_logit
from loyalty_analysis.moments import Array, Moments, one_thread, slopes
from loyalty_analysis.splines import (
    decided,
    folds,
    losses_left_out,
    mean_loss,
    spline_basis,
    spline_knots,
)
from loyalty_analysis.survey import Survey

SHAPES = ("linear", "quadratic", "spline")
CURVES = [
    "outcome", "kind", "score", "shape", "loss", "loss_difference", "std_error", "best", "knots",
    "slope", "bend", "bend_low", "bend_high", "latent_bend", "latent_low", "latent_high", "ceiling",
    "n",
]  # fmt: skip
"""Columns of curves.csv."""
POINTS = ["outcome", "score", "shape", "x", "y", "low", "high"]
"""Columns of curve_points.csv."""
_GRID = 25
_FEWEST, _MOST = 5, 20  # values of a score: for a spline, and for an ordered logit


def level_frames(survey: Survey) -> dict[str, pd.DataFrame]:
    """The ladder, the shapes of returns and their points, by the names of their files.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> level_frames(read_survey("bank_customers"))
    {}
    """
    table, points = curves(survey)
    found = {"steps": steps(survey), "curves": table, "curve_points": points}
    return {name: frame for name, frame in found.items() if len(frame)}


@one_thread
def curves(survey: Survey) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare a straight line, a quadratic and a spline of satisfaction on every outcome.

    Parameters
    ----------
    survey : Survey

    Returns
    -------
    curves : DataFrame
        outcome, kind, score, shape, loss (squared error of predicting those left out, as a share of
        the outcome's variance), loss_difference (loss of the straight line less this one: positive
        where the shape predicts better) with its std_error, best (the simplest shape that no other
        predicts better than by two errors), knots (points of the score), slope (of the quadratic at
        the mean, in SDs per SD), bend (by how much that slope is higher one SD above the mean than
        one SD below), bend_low, bend_high, latent_bend, latent_low, latent_high (the same of what
        lies behind the answers, by an ordered logit, in SDs of its error: it has no ceiling),
        ceiling (share at the outcome's highest score; empty for a yes or no), n.
    points : DataFrame
        outcome, score, shape, x (points), y (predicted, controls at their means), low, high (95%
        interval), from the lowest to the highest percent of respondents.

    Notes
    -----
    Both are empty without levels or respondents, and where the score has fewer than five values.
    Ten folds, clusters kept together, the same ones for every shape and outcome; weights honoured;
    controls stand in every equation.

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, 2nd ed., 7.10.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'satisfaction', cuts = [3, 5], names = ['low', 'mid', 'high']}"
    >>> table, points = curves(read_survey("rice_simulated", [cut]))
    >>> table.head(3)[["shape", "loss", "best"]].round(3)
           shape   loss   best
    0     linear  0.712   True
    1  quadratic  0.712  False
    2     spline  0.711  False
    """
    name = score_of(survey)
    if name is None or survey.frame is None:
        return pd.DataFrame(columns=CURVES), pd.DataFrame(columns=POINTS)
    score = Score.of(name, survey.frame[name].to_numpy(dtype=float), survey.weights)
    found = [_returns(survey, score, outcome) for outcome in compared_outcomes(survey)]
    tables, points = ([one[k] for one in found] for k in (0, 1))
    return (
        pd.concat(tables, ignore_index=True).reindex(columns=CURVES),
        pd.concat(points, ignore_index=True).reindex(columns=POINTS),
    )


def score_of(survey: Survey) -> str | None:
    """The score whose returns are judged: satisfaction if a model holds it, else the levels' own.

    None where there is none, or it has fewer than five values.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> cut = "levels={measure = 'habitual', cuts = [4], names = ['low', 'high']}"
    >>> score_of(read_survey("rice_simulated", [cut]))
    'satisfaction'
    """
    study = survey.study
    if study.levels is None or survey.frame is None:
        return None
    models = [study.view(part).model for part in study.parts]
    held = {name for model in models for name in (*model.drivers, model.mediator)}
    name = "satisfaction" if "satisfaction" in held else study.levels.measure
    return name if survey.frame[name].nunique() >= _FEWEST else None


@dataclass(frozen=True)
class Score:
    """A score whose returns are judged: its name, mean, SD, and the knots of its spline.

    Examples
    --------
    >>> Score.of("s", np.arange(1.0, 8.0)).terms(np.array([4.0]), "quadratic")
       s^1  s^2
    0  0.0  0.0
    """

    name: str
    values: Array
    mean: float
    sd: float
    knots: Array

    @classmethod
    def of(cls, name: str, values: Array, weights: Array | None = None) -> Score:
        """Take the mean, SD and knots of respondents' scores."""
        mean = float(np.average(values, weights=weights))
        sd = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        return cls(name, values, mean, sd, spline_knots(values))

    def terms(self, x: Array, shape: str) -> pd.DataFrame:
        """Columns of an equation in one of the shapes, in SDs from the mean."""
        z, knots = (x - self.mean) / self.sd, (self.knots - self.mean) / self.sd
        columns = {
            "linear": z[:, None],
            "quadratic": np.column_stack([z, z**2]),
            "spline": spline_basis(z, knots),
        }[shape]
        names = [f"{self.name}^{power + 1}" for power in range(columns.shape[1])]
        return pd.DataFrame(columns, columns=names)


def _returns(survey: Survey, score: Score, outcome: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table and the points of one outcome."""
    controls = survey.terms([one for one in survey.study.model.controls if one != score.name])
    samples: dict[str, Sample] = {}
    for shape in SHAPES:
        terms = score.terms(score.values, shape)
        sample = survey.sample([*terms, *controls, outcome], extra=terms)
        if decided(sample.moments[""], [*terms, *controls]):
            samples[shape] = sample
    if "linear" not in samples:
        raise DataError(f"{outcome} by {score.name}: too few respondents, or collinear controls.")
    table = _losses(samples, survey).assign(
        outcome=outcome, kind=survey.study.model.outcomes[outcome], score=score.name,
        knots=" ".join(f"{knot:.2f}" for knot in score.knots), n=survey.n,
        ceiling=float(np.average(at_top(survey, outcome), weights=survey.weights)),
    )  # fmt: skip
    if "quadratic" in samples:
        bent = table["shape"] == "quadratic"
        bend, latent = _bend(samples["quadratic"]), _latent(survey, samples["quadratic"])
        ends = [*bend.values, *(end[1] for end in bend.interval())]
        table.loc[bent, ["slope", "bend", "bend_low", "bend_high"]] = ends
        ends = [float(end[0]) for end in (latent.values, *latent.interval())]
        table.loc[bent, ["latent_bend", "latent_low", "latent_high"]] = ends
    points = [_points(sample, score, shape) for shape, sample in samples.items()]
    return table, pd.concat(points).assign(outcome=outcome, score=score.name)


def _losses(samples: Mapping[str, Sample], survey: Survey) -> pd.DataFrame:
    """Losses of every shape with their differences from the straight line."""
    fold = folds(survey.n, survey.clusters)
    losses = {shape: losses_left_out(sample, fold) for shape, sample in samples.items()}
    variance = samples["linear"].moments[""].sd[-1] ** 2
    rows, best = [], "linear"
    for shape, own in losses.items():
        loss, _ = mean_loss(own / variance, survey.weights)
        gain, error = _ahead(losses[best] - own, survey)
        best = shape if gain > 2 * error else best
        ahead = (end / variance for end in _ahead(losses["linear"] - own, survey))
        rows.append((shape, loss, *ahead))
    table = pd.DataFrame(rows, columns=["shape", "loss", "loss_difference", "std_error"])
    return table.assign(best=table["shape"] == best)


def _ahead(gains: Array, survey: Survey) -> tuple[float, float]:
    return mean_loss(gains, survey.weights, survey.clusters)


def _bend(sample: Sample) -> Estimate:
    """Slope of a quadratic at the mean, and how much it is higher one SD above than one below."""
    *terms, outcome = sample.columns

    @vectorized
    def bend(moments: Moments) -> Array:
        found = slopes(moments, outcome, terms)[..., :2] * np.array([1.0, 4.0])
        return found / moments[[outcome]].sd

    return estimate(single(bend), sample)


def _latent(survey: Survey, sample: Sample) -> Estimate:
    """The same of what lies behind the answers; no number where no ordered logit can be had."""
    assert sample.rows is not None
    rows = sample.rows[""]
    answers = rows[:, -1]
    if len(np.unique(answers)) > _MOST:
        answers = np.rint(answers)
    codes = np.unique(answers, return_inverse=True)[1].ravel()
    flat = rows[:, :-1].std(axis=0) == 0
    x, unit = rows[:, :-1][:, ~flat], sqrt(3) / pi  # the SD of a logistic error is pi / sqrt(3)
    try:
        if not 1 < codes.max() + 1 <= _MOST:
            raise DataError("too many answers")
        model = ordered_logit(x, codes, survey.weights, survey.clusters)
        found = model.robust(model.slopes, model.influence[:, : x.shape[1]])
        return found.combine(4 * unit * np.eye(x.shape[1])[1:2])
    except DataError:
        return Estimate(np.array([np.nan]), np.array([[np.nan]]), 1.0, "")


def _points(sample: Sample, score: Score, shape: str) -> pd.DataFrame:
    """Predicted outcome along the score, controls at their means, with a 95% band."""
    *terms, outcome = sample.columns
    first, last = np.quantile(score.values, [0.01, 0.99])
    x = np.linspace(first, last, _GRID)
    at = score.terms(x, shape).to_numpy()
    own = at.shape[1]

    @vectorized
    def line(moments: Moments) -> Array:
        slope = slopes(moments, outcome, terms)[..., None, :own]
        away = at - moments.mean[..., None, :own]
        return moments.mean[..., -1:] + (slope * away).sum(axis=-1)

    found = estimate(single(line), sample)
    low, high = found.interval()
    return pd.DataFrame({"shape": shape, "x": x, "y": found.values, "low": low, "high": high})
