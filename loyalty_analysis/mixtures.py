"""Gaussian mixtures on attitude and patronage: how many classes the scores themselves suggest.

The rival to four boxes. scikit-learn fits them; it is asked only where it is installed.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from loyalty_analysis.moments import Array
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.survey import Survey
from loyalty_analysis.typology import types_of

MOST = 6
_STARTS = 8
_SEED = 20150401
ABSENT = 'needs scikit-learn: pip install "loyalty-analysis[mixture]"'
"""What is noted where scikit-learn is not installed."""
COLUMNS = [
    "classes", "log_likelihood", "parameters", "bic", "entropy", "agreement", "converged", "best",
    "n", "note",
]  # fmt: skip
CLASSES = ["class", "n", "share", "attitude", "patronage", "attitude_sd", "patronage_sd"]


def fit_mixture(rows: Array, classes: int, rounding: float = 0.0) -> Any:
    """Fit one Gaussian mixture, every class with a covariance matrix of its own.

    Parameters
    ----------
    rows : ndarray, shape (n, k)
        Standardized.
    classes : int
    rounding : float
        Variance added to every class in every direction: what rounding to few possible scores
        hides. Without it classes collapse onto single scores, and the likelihood has no maximum.

    Returns
    -------
    sklearn.mixture.GaussianMixture
        The best of several starts, the same ones every time, whatever the number of cores.

    Notes
    -----
    The maximum and BIC equal those of mclust's model VVV (its BIC has the other sign).
    """
    from sklearn.mixture import GaussianMixture

    asked: dict[str, Any] = {
        "n_components": classes, "random_state": _SEED, "reg_covar": max(rounding, 1e-6),
    }  # fmt: skip
    # Threads would add up in another order, and so change the last digits.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether it converged is a column
        start = GaussianMixture(
            **asked, n_init=_STARTS, init_params="random_from_data", tol=1e-4
        ).fit(rows)
        # The starts are compared after few steps; the best one is taken to the end.
        return GaussianMixture(
            **asked, weights_init=start.weights_, means_init=start.means_,
            precisions_init=start.precisions_, tol=1e-6, max_iter=2000,
        ).fit(rows)  # fmt: skip


def mixture(survey: Survey) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit one to six classes of customers to standardized attitude and patronage.

    Returns
    -------
    tuple of two DataFrame
        One row per number of classes: classes, log_likelihood, parameters, bic (smaller is
        better), entropy (relative: 1 where everybody belongs to one class for certain, 0 where
        nobody does), agreement (adjusted Rand index with the four types), converged, best (the
        smallest bic), n, note. Respondents count once each: mixtures honour neither weights nor
        clusters, and ``note`` says so where they are declared. Without scikit-learn one row with a
        note only.

        Of the best, one row per class, the largest first: class, n (respondents who most likely
        belong to it), share (of the mixture), attitude, patronage (means), attitude_sd,
        patronage_sd (points). Classes to which fewer than ten most likely belong have no numbers.
        Empty without scikit-learn.

    References
    ----------
    McLachlan & Peel (2000), Finite Mixture Models; Celeux & Soromenho (1996), Journal of
    Classification 13, 195-212 (entropy); Hubert & Arabie (1985), Journal of Classification 2,
    193-218 (adjusted Rand index).
    """
    try:
        from sklearn.metrics import adjusted_rand_score
    except ImportError:
        note = pd.DataFrame([{"note": ABSENT}]).reindex(columns=COLUMNS)
        return note, pd.DataFrame(columns=CLASSES)
    scores, boxes = _scores(survey), types_of(survey)
    rows, rounding = _standardized(scores)
    found, models = [], []
    for classes in range(1, max(min(MOST, len(rows) // SMALLEST_GROUP), 1) + 1):
        model = fit_mixture(rows, classes, rounding)
        belongs = model.predict_proba(rows)
        models.append(model)
        found.append(
            {
                "classes": classes, "log_likelihood": model.score(rows) * len(rows),
                "parameters": 6 * classes - 1, "bic": model.bic(rows),
                "entropy": relative_entropy(belongs),
                "agreement": adjusted_rand_score(boxes, belongs.argmax(axis=1)),
                "converged": model.converged_, "n": len(rows), "note": _unweighted(survey),
            }
        )  # fmt: skip
    table = pd.DataFrame(found)
    best = int(table["bic"].argmin())
    table["best"] = table.index == best
    return table[COLUMNS], _classes(models[best], rows, scores)


def _classes(model: Any, rows: Array, scores: Array) -> pd.DataFrame:
    """Describe the classes of a mixture in points of the scores."""
    counts = np.bincount(model.predict(rows), minlength=len(model.weights_))
    centre, unit = scores.mean(axis=0), scores.std(axis=0)
    spread = np.sqrt(np.diagonal(model.covariances_, axis1=1, axis2=2))
    numbers = [counts, model.weights_, centre + unit * model.means_, unit * spread]
    table = pd.DataFrame(np.column_stack(numbers), columns=CLASSES[1:])
    table = table.sort_values("share", ascending=False, ignore_index=True)
    table.loc[table["n"] < SMALLEST_GROUP] = np.nan
    table.insert(0, "class", np.arange(1, len(table) + 1))
    return table


def relative_entropy(belongs: Array) -> float:
    """How surely respondents belong to classes, from 0 (not at all) to 1 (for certain).

    Parameters
    ----------
    belongs : ndarray, shape (n, classes)
        Probabilities.

    Examples
    --------
    >>> relative_entropy(np.array([[1.0, 0.0], [0.0, 1.0]]))
    1.0
    >>> relative_entropy(np.array([[0.5, 0.5]]))
    0.0
    """
    n, classes = belongs.shape
    if classes == 1:
        return np.nan
    doubt = -np.sum(belongs * np.log(np.maximum(belongs, 1e-300)))
    return float(1 - doubt / (n * np.log(classes)))


def _scores(survey: Survey) -> Array:
    asked, frame = survey.study.types, survey.frame
    assert asked is not None and frame is not None
    return frame[[asked.attitude, asked.patronage]].to_numpy(float)


def _standardized(scores: Array) -> tuple[Array, float]:
    """Scores in SDs from their means, and what rounding adds to their variances at most."""
    unit = scores.std(axis=0)
    grain = [np.median(np.diff(np.unique(column))) for column in scores.T]
    return (scores - scores.mean(axis=0)) / unit, float(max((grain / unit) ** 2 / 12))


def _unweighted(survey: Survey) -> str:
    design = survey.study.design
    declared = [f"{what} ({name})" for what, name in
                (("weights", design.weight), ("clusters", survey.cluster)) if name]  # fmt: skip
    return f"mixtures cannot honour {' and '.join(declared)}" if declared else ""
