"""The slope of a product of two constructs, corrected for what error does to scores.

The latent model of a study (:mod:`twins`) has no products. Here every score is taken as the truth
plus an error that has nothing to do with anything else, as large as the reliability of its items
says. What the errors add to variances and to the product follows in closed form, and is taken out
of the moments before the slopes are solved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loyalty_analysis.equations import product_equation
from loyalty_analysis.errors import DataError
from loyalty_analysis.inference import Estimate, estimate, single, vectorized
from loyalty_analysis.moments import TOLERANCE, Array, Moments, one_thread
from loyalty_analysis.preparation import scaled_weights
from loyalty_analysis.survey import Survey


@dataclass(frozen=True)
class Errors:
    """What is known of the error of every score in an equation.

    Attributes
    ----------
    items : dict of str to tuple of str
        Items of scores that are means of several: their alpha is the reliability.
    known : dict of str to float
        Reliability of scores of a single item. A column in neither has no error.
    """

    items: Mapping[str, tuple[str, ...]]
    known: Mapping[str, float]

    def variance(self, moments: Moments, column: str) -> Array:
        """Error variance of a score; leading dimensions of the moments are kept."""
        own = moments[[column]].covariance[..., 0, 0]
        if column not in self.items:
            return own * (1 - self.known.get(column, 1.0))
        spread = moments[self.items[column]].covariance
        k = len(self.items[column])
        total, alone = spread.sum(axis=(-2, -1)), np.trace(spread, axis1=-2, axis2=-1)
        alpha = k / (k - 1) * (1 - alone / total)
        return own * (1 - alpha)


def corrected_product(
    moments: Moments,
    outcome: str,
    terms: Sequence[str],
    pair: tuple[str, str],
    centre: Sequence[float] | Array,
    errors: Errors,
    scaled: Sequence[str],
) -> Array:
    """Standardized slope of a product among scores freed of error.

    Parameters
    ----------
    moments : Moments
        Of terms, outcome and the items that ``errors`` names.
    outcome : str
    terms : sequence of str
        Right side of the equation, the product last.
    pair : tuple of str
        The two columns that were multiplied.
    centre : sequence of two float or ndarray
        What was taken from each before.
    errors : Errors
    scaled : sequence of str
        Which of the pair are measured in SDs.

    Returns
    -------
    ndarray, shape (1,)
        SDs of the outcome per product of SDs, all of them those of true scores; leading dimensions
        of the moments are kept. Not a number where the errors would leave no variance.

    Notes
    -----
    With true scores X, Y and errors u, v of mean zero, independent of them and of each other, the
    error of the product is Xv + uY + uv. Of centred factors its variance is var(X) var(v) +
    var(Y) var(u) + var(u) var(v), and it goes with neither u nor v; what a centre off the mean
    adds is counted, so that the slope does not depend on the centre. Covariances of the product
    with other columns hold no error. The outcome's own error leaves slopes as they are; it counts
    in the SD.

    References
    ----------
    Bohrnstedt & Marwell (1978), Sociological Methodology 9, 254-273; Fuller (1987), Measurement
    Error Models, section 2.2. Checked against a plain script and lavaan with Ping's (1995, Journal
    of Marketing Research 32, 336-347) single indicator of the product.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> x, y = random.normal(size=(2, 500))
    >>> rows = np.column_stack([x, y, x * y, x + y + 0.5 * x * y])
    >>> known = Moments.from_rows(["x", "y", "x:y", "z"], rows)
    >>> none = Errors({}, {})
    >>> free = corrected_product(known, "z", ["x", "y", "x:y"], ("x", "y"), (0, 0), none, ["x"])
    >>> round(float(free[0] * known.sd[3] / known.sd[0]), 3)
    0.5
    """
    columns = [*terms, outcome]
    spread = moments[columns].covariance
    found = np.zeros_like(spread)
    for at, name in enumerate(columns):
        if at != len(terms) - 1:
            found[..., at, at] = errors.variance(moments, name)
    first, second = (columns.index(name) for name in pair)
    away = moments[list(pair)].mean - np.asarray(centre)
    product = len(terms) - 1
    for one, other, off in ((first, second, away[..., 1]), (second, first, away[..., 0])):
        own, beside = found[..., one, one], found[..., other, other]
        truth = spread[..., other, other] - beside
        found[..., product, product] += own * (truth + off**2) + own * beside / 2
        found[..., product, one] = found[..., one, product] = own * off
    true = spread - found
    size = np.diagonal(true, axis1=-2, axis2=-1)
    sound = np.asarray((size.real > 0).all(axis=-1))
    root = np.sqrt(np.where(size.real > 0, size, 1))
    metric = np.where(sound[..., None, None], true / (root[..., :, None] * root[..., None, :]), 0)
    x = metric[..., :-1, :-1]
    sound = sound & (np.linalg.eigvalsh(x.real)[..., 0] > TOLERANCE)
    x = np.where(sound[..., None, None], x, np.eye(len(terms)))
    slope = np.linalg.solve(x, metric[..., :-1, -1:])[..., -1, 0] / root[..., product]
    for name in scaled:
        slope = slope * root[..., columns.index(name)]
    return np.where(sound, slope, np.nan)[..., None]


@one_thread
def interaction_twin(survey: Survey, outcome: str, pair: str) -> Estimate | None:
    """Slope of the product of two constructs, free of measurement error.

    The twin of :func:`contrasts.interaction`.

    Parameters
    ----------
    survey : Survey
    outcome : str
    pair : str
        ``"a:b"``, as there.

    Returns
    -------
    Estimate or None
        None where it cannot be had: no equation, no respondents, or a construct measured by one
        item of undeclared reliability (recorded behaviour as the outcome is taken as free of
        error). Respondents who answered every item count. Not a number where the errors would
        leave no variance.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> twin = interaction_twin(survey, "repurchase", "forced:economic")
    >>> twin.values.shape, twin.method
    ((1,), 'jackknife over clusters')
    """
    sides = pair.split(":")
    equation = product_equation(survey.study, outcome, sides)
    if equation is None or survey.frame is None or survey.items is None:
        return None
    terms = [*dict.fromkeys(survey.terms([*equation.terms, *sides])), pair]
    first, second = (survey.terms([side])[0] for side in sides)
    errors = _errors(survey, [*terms[:-1], outcome], outcome)
    if errors is None:
        return None
    items = list(dict.fromkeys(item for own in errors.items.values() for item in own))
    extra = [item for item in items if item not in survey.frame]
    known = survey.items[extra]
    survey = respondents(survey, known.notna().all(axis=1).to_numpy())
    assert survey.frame is not None and survey.items is not None
    centre = survey.moments[[first, second]].mean
    centred = survey.frame[[first, second]] - centre
    made = survey.items[extra].assign(**{pair: centred[first] * centred[second]})
    columns = dict.fromkeys([*terms, outcome, *items])
    sample = survey.sample(list(columns), extra=made)
    scaled = [name for name in (first, second) if name in survey.scaled]

    @vectorized
    def values(moments: Moments) -> Array:
        return corrected_product(moments, outcome, terms, (first, second), centre, errors, scaled)

    found = single(values)
    if np.isfinite(found(sample.moments)).all():
        try:
            return estimate(found, sample)
        except DataError:  # no solution without one of few clusters
            pass
    return Estimate(np.full(1, np.nan), np.full((1, 1), np.nan), np.nan, "influence")


def _errors(survey: Survey, columns: Sequence[str], outcome: str) -> Errors | None:
    """Errors of every construct among some columns; None where one of them is not known."""
    study = survey.study
    constructs = [name for name in columns if name in study.constructs]
    items = {name: study.items_of(name) for name in constructs}
    known = {n: study.constructs[n].reliability for n, own in items.items() if len(own) == 1}
    if study.model.outcomes.get(outcome) == "behaviour" and known.get(outcome, 1.0) is None:
        known[outcome] = 1.0
    several = {name: own for name, own in items.items() if len(own) > 1}
    declared = {name: share for name, share in known.items() if share is not None}
    return Errors(several, declared) if len(declared) == len(known) else None


def respondents(survey: Survey, keep: Array) -> Survey:
    """The survey of some of its respondents.

    Parameters
    ----------
    survey : Survey
    keep : ndarray of bool, shape (n,)

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated")
    >>> respondents(survey, (survey.frame["age"] > 40).to_numpy()).n < survey.n
    True
    """
    if keep.all():
        return survey
    assert survey.frame is not None and survey.items is not None
    frame = survey.frame[keep].reset_index(drop=True)
    weights = scaled_weights(frame, survey.study)
    known = Moments.from_frame(frame[list(survey.moments.columns)], weights)
    items = survey.items[keep].reset_index(drop=True)
    return replace(survey, moments=known, frame=frame, items=items)
