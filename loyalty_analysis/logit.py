"""The ordered logit by maximum likelihood, with the influence of every respondent on its slopes.

With two answers it is the logit. All derivatives are exact: statsmodels' OrderedModel takes them by
differences, says ``converged`` a long way from the maximum, and ignores weights without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.special import expit, log_expit, logit

from loyalty_analysis.errors import DataError
from loyalty_analysis.formatting import listing
from loyalty_analysis.inference import Estimate
from loyalty_analysis.moments import Array

# Where the terms separate the answers, slopes grow by about one at each step and never arrive; by
# then the information still has digits. Where they do not, ten steps are many.
_MOST_STEPS = 25


@dataclass(frozen=True)
class OrderedLogit:
    """Slopes and thresholds of greatest likelihood: ``logit P(answer <= k) = threshold_k - x'b``.

    Attributes
    ----------
    slopes, thresholds : ndarray, shapes (k,) and (answers - 1,)
    covariance : ndarray, shape (parameters, parameters)
        Inverse of the information: classical errors, for respondents that are not weighted.
    influence : ndarray, shape (n, parameters)
        What each respondent, as weighted, moves slopes and thresholds by. With clusters, the sum
        over one is what the parameters lose without it, by one Newton step of the others.
    log_likelihood : float
    x, weights : ndarray, shapes (n, k) and (n,)
    clusters : ndarray of int, shape (n,), or None
        Number of each respondent's cluster, from 0.
    """

    slopes: Array
    thresholds: Array
    covariance: Array
    influence: Array
    log_likelihood: float
    x: Array
    weights: Array
    clusters: Array | None = None

    def changes(self, points: Array) -> tuple[Array, Array]:
        """Average change of an expected value per unit of each term, respondents as they are.

        Parameters
        ----------
        points : ndarray, shape (answers,)
            What each answer counts: its scale points, or 1 for the highest and 0 for the others.

        Returns
        -------
        tuple of ndarray, shapes (k,) and (n, k)
            The average marginal effects, and each respondent's influence on them. It counts the
            terms as sampled too: other respondents would also have other values of them.
        """
        share = self.weights / self.weights.sum()
        below = expit(self.thresholds - (self.x @ self.slopes)[:, None])
        density = below * (1 - below) * np.diff(points)
        slope = density.sum(axis=1)
        bend = density * (1 - 2 * below)
        mean = share @ slope
        by_slopes, by_thresholds = -(share * bend.sum(axis=1)) @ self.x, share @ bend
        moved = self.influence @ np.concatenate([by_slopes, by_thresholds])
        place = share * (slope - mean)
        if self.clusters is not None:
            place /= 1 - np.bincount(self.clusters, share)[self.clusters]
        moved += place
        own = self.influence[:, : len(self.slopes)]
        return self.slopes * mean, mean * own + np.outer(moved, self.slopes)

    def robust(self, values: Array, influence: Array) -> Estimate:
        """Values with the covariance that the influence of each respondent leads to.

        Parameters
        ----------
        values, influence : ndarray, shapes (q,) and (n, q)
            Slopes, or what :meth:`changes` returns.

        Returns
        -------
        Estimate
            The sandwich, times n / (n - 1), t on n minus parameters; with G clusters the jackknife
            over them, ``(G - 1) / G`` times the cross-products of their sums, t on G - 1.

        Examples
        --------
        >>> x, answers = np.arange(8.0)[:, None], np.array([0, 0, 1, 0, 1, 1, 2, 2])
        >>> for clusters in (None, np.resize(["a", "b", "c", "d"], 8)):
        ...     model = ordered_logit(x, answers, clusters=clusters)
        ...     print(model.robust(model.slopes, model.influence[:, :1]).std_error.round(3))
        [0.678]
        [0.872]
        """
        count, parameters = self.influence.shape
        if self.clusters is None:
            covariance = influence.T @ influence * (count / (count - 1))
            return Estimate(values, covariance, count - parameters, "influence")
        groups = self.clusters.max() + 1
        sums = np.zeros((groups, len(values)))
        np.add.at(sums, self.clusters, influence)
        covariance = sums.T @ sums * ((groups - 1) / groups)
        return Estimate(values, covariance, groups - 1, "jackknife over clusters")


def ordered_logit(
    x: Array, answers: Array, weights: Array | None = None, clusters: Array | None = None,
    terms: Sequence[str] = (),
) -> OrderedLogit:  # fmt: skip
    """Fit an ordered logit by Newton's method.

    Parameters
    ----------
    x : ndarray, shape (n, k)
        Terms, none constant, not collinear.
    answers : ndarray of int, shape (n,)
        0, 1, 2, ... in order, each given by somebody.
    weights, clusters : ndarray, shape (n,), optional
        Probability weights (or counts of respondents alike), and cluster labels.
    terms : sequence of str
        Names for messages.

    Returns
    -------
    OrderedLogit

    Raises
    ------
    DataError
        No maximum (the terms tell some answers apart completely), too few respondents, one
        cluster only, or a term that lives in one.

    References
    ----------
    McCullagh (1980), Journal of the Royal Statistical Society B 42, 109-142; the likelihood is
    concave: Pratt (1981), Journal of the American Statistical Association 76, 103-106. Clusters:
    MacKinnon, Nielsen & Webb (2024), arXiv:2406.00650, CV3L. Checked against R (polr, clm, glm,
    sandwich), and refits without each cluster.

    Examples
    --------
    >>> x, answers = np.arange(8.0)[:, None], np.array([0, 0, 1, 0, 1, 1, 2, 2])
    >>> ordered_logit(x, answers).slopes.round(3)
    array([1.858])
    """
    share = np.ones(len(x)) if weights is None else weights
    centre, size, k = x.mean(axis=0), x.std(axis=0), x.shape[1]
    z = (x - centre) / size
    cut = np.bincount(answers, share).cumsum()[:-1] / share.sum()
    if len(x) <= k + len(cut):
        raise DataError(f"{len(x)} respondents for {k + len(cut)} parameters")
    parameters = _highest(np.concatenate([np.zeros(k), logit(cut)]), z, answers, share)
    value, scores, information = _likelihood(parameters, z, answers, share)
    inverse = np.linalg.inv(information)
    moved, numbers = scores @ inverse, None
    if clusters is not None:
        names, numbers = _several(clusters)
        for own, name in ((numbers == number, name) for number, name in enumerate(names)):
            lost = _likelihood(parameters, z[own], answers[own], share[own])[2]
            moved[own] = scores[own] @ _without(lost, information, name, terms)
    back = np.eye(len(parameters))  # from z-scores to the units of the terms
    back[:k, :k] /= size
    back[k:, :k] = centre / size
    raw, covariance = back @ parameters, back @ inverse @ back.T
    return OrderedLogit(raw[:k], raw[k:], covariance, moved @ back.T, value, x, share, numbers)


def _several(clusters: Array) -> tuple[Array, Array]:
    """Names of the clusters, and the number of each respondent's."""
    names, numbers = np.unique(clusters, return_inverse=True)
    if len(names) > 1:
        return names, numbers
    raise DataError("only one cluster in the analysis sample: errors cannot be clustered")


def _without(lost: Array, information: Array, cluster: object, terms: Sequence[str]) -> Array:
    """Inverse of the information without a cluster's; refuse when nothing is left of a term."""
    left, directions = eigh(information - lost, information)
    if left[0] > 1e-9:  # of 1: a direction of which the cluster knows nothing
        return directions / left @ directions.T
    shown = np.abs(directions[: len(terms), 0])
    names = [term for term, size in zip(terms, shown, strict=True) if size > 1e-4 * shown.max()]
    raise DataError(
        f"without cluster '{cluster}' nothing is left to tell of {listing(names) or 'a term'}, so "
        "errors cannot be clustered: take it out of the model, or merge the cluster with another"
    )


def _highest(parameters: Array, z: Array, answers: Array, weights: Array) -> Array:
    """Climb to the maximum of the likelihood; refuse when there is none."""
    value, scores, information = _likelihood(parameters, z, answers, weights)
    for _ in range(_MOST_STEPS):
        if np.linalg.cond(information) > 1e14:  # flat in some direction
            break
        step = np.linalg.solve(information, scores.sum(axis=0))
        if np.abs(step).max() < 1e-7 * (1 + np.abs(parameters).max()):  # the next is its square
            return parameters + step
        for halves in range(_MOST_STEPS):
            tried = parameters + step / 2**halves
            higher, scores, information = _likelihood(tried, z, answers, weights)
            if higher >= value:
                break
        else:
            break
        parameters, value = tried, higher
    raise DataError(
        "no maximum of the likelihood was found: a combination of the terms seems to tell some "
        "answers apart completely (separation)"
    )


@np.errstate(all="ignore")
def _likelihood(
    parameters: Array, z: Array, answers: Array, weights: Array
) -> tuple[float, Array, Array]:
    """Log-likelihood, each respondent's score, and the information; no numbers if thresholds cross.

    With F the logistic function, u and l the upper and lower bound of the answer given, the
    probability of it is F(u) (1 - F(l)) (1 - exp(l - u)).
    """
    k = z.shape[1]
    cuts = np.concatenate([[-np.inf], parameters[k:], [np.inf]])
    linear = z @ parameters[:k]
    upper, lower = cuts[answers + 1] - linear, cuts[answers] - linear
    gap = np.diff(cuts)[answers]
    value = weights @ (log_expit(upper) + log_expit(-lower) + np.log(-np.expm1(-gap)))
    steps = np.eye(len(cuts))[:, 1:-1]
    at_upper = np.hstack([-z, steps[answers + 1]])
    at_lower = np.hstack([-z, steps[answers]])
    between = at_upper - at_lower
    above, below, odds = expit(-upper), expit(lower), 1 / np.expm1(gap)
    scores = above[:, None] * at_upper - below[:, None] * at_lower + odds[:, None] * between
    parts = (
        (at_upper, above * (1 - above)),
        (at_lower, below * (1 - below)),
        (between, odds * (1 + odds)),
    )
    information = sum(side.T @ ((weights * size)[:, None] * side) for side, size in parts)
    return float(value), weights[:, None] * scores, information
