"""What a common method would do to the slopes: a band, in both directions.

Answers on one questionnaire share the method. If it makes up the share m of the variance of a
construct, an answer is sqrt(1 - m) trait + s sqrt(m) method, with s = +1 or -1 for the direction in
which the method moves that construct. Two constructs then correlate (1 - m) r + s s' m, so that the
correlation of the traits is (observed - s s' m) / (1 - m).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from loyalty_analysis.careless import asked
from loyalty_analysis.equations import Equation, equations
from loyalty_analysis.errors import StudyError
from loyalty_analysis.inference import estimate, single
from loyalty_analysis.moments import Array, Moments, standardized_slopes
from loyalty_analysis.preparation import scored_moments
from loyalty_analysis.survey import Survey

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4)
COLUMNS = ("model", "outcome", "term", "direction", "share", "beta", "conf_low", "conf_high",
           "admissible", "n")  # fmt: skip
Scenario = tuple[str, float]


def without_method(moments: Moments, shares: Array, signs: Array) -> Moments:
    """Moments of the traits behind columns that share a method.

    Parameters
    ----------
    moments : Moments
    shares : ndarray, shape (k,)
        Share of the method in the variance of each column; 0 for what was not asked.
    signs : ndarray, shape (k,)
        Direction, +1 or -1, in which the method moves each column.

    Returns
    -------
    Moments
        With the variances of before, so that slopes keep their units.

    References
    ----------
    With equal shares and signs this is the partial correlation of Lindell & Whitney (2001), Journal
    of Applied Psychology 86, 114-121, (r - m) / (1 - m).

    Examples
    --------
    >>> known = Moments(("x", "y"), 9, 9.0, 9.0, np.zeros(2), np.array([[1, 0.5], [0.5, 1]]))
    >>> round(float(without_method(known, np.full(2, 0.2), np.ones(2)).cross[0, 1]), 12)
    0.375
    """
    root = np.sqrt(np.diag(moments.cross))
    method, trait = signs * np.sqrt(shares), np.sqrt(1 - shares)
    found = (moments.correlation - np.outer(method, method)) / np.outer(trait, trait)
    return replace(moments, cross=found * np.outer(root, root))


def method_bias(survey: Survey, shares: Sequence[float] = SHARES) -> pd.DataFrame:
    """Standardized slopes if a method makes up a share of the variance of what was self-reported.

    Parameters
    ----------
    survey : Survey
    shares : sequence of float
        Shares of the variance, at least 0 and below 1.

    Returns
    -------
    DataFrame
        model, outcome, term (constructs only), direction, share, beta, conf_low, conf_high (95%,
        the share taken as known), admissible (whether correlations like these can exist; no slopes
        where not), n. Direction ``same``: the method moves all constructs alike; ``opposite``: it
        moves the outcome the other way, as acquiescence does when its items are worded against the
        others; ``marker``: alike, with the share that the marker of the study suggests.

    Notes
    -----
    Self-reported are all constructs but outcomes of the kind ``behaviour``; controls are not. A
    method that moves two constructs alike raises positive correlations and hides negative ones; one
    that moves them apart does the reverse (Baumgartner, Weijters & Pieters 2021, Journal of the
    Academy of Marketing Science 49, 221-235; Siemsen, Roth & Oliveira 2010, Organizational Research
    Methods 13, 456-476). A sensitivity analysis, not a correction: the share is assumed. (Shares
    estimated in latent models: Williams & McGonagle 2016, J. Business and Psychology 31, 339-359.)

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> table = method_bias(read_survey("mobile_customers"), shares=[0, 0.2])
    >>> table[table["term"] == "likeability"].head(3)["beta"].round(2).to_list()
    [0.44, 0.37, 0.7]
    """
    scenarios: list[Scenario] = [
        (direction, share)
        for share in sorted(shares)
        for direction in (("same", "opposite") if share else ("none",))
    ]
    if survey.study.quality.marker:
        scenarios.append(("marker", marker_share(survey)))
    tables = [_equation(survey, equation, scenarios) for equation in equations(survey.study)]
    return pd.concat(tables, ignore_index=True)


def _equation(survey: Survey, equation: Equation, scenarios: list[Scenario]) -> pd.DataFrame:
    study, terms = survey.study, survey.terms(equation.terms)
    columns = (*terms, equation.outcome)
    reported = np.array([name in asked(study) for name in columns])
    shown = [i for i, term in enumerate(terms) if term in study.constructs]
    outcome = np.array([name == equation.outcome for name in columns])
    sample = survey.sample(columns)

    def adjusted(moments: Moments, scenario: Scenario) -> Moments:
        direction, share = scenario
        signs = np.where(outcome & (direction == "opposite"), -1.0, 1.0)
        return without_method(moments, share * reported, signs)

    possible = {
        one: bool(np.linalg.eigvalsh(adjusted(sample.pooled, one).correlation)[0] > 1e-8)
        for one in scenarios
    }

    def slopes(moments: Moments) -> Array:
        found = [
            standardized_slopes(adjusted(moments, one), equation.outcome, terms, survey.scaled)
            for one in scenarios
            if possible[one]
        ]
        return np.concatenate([beta[shown] for beta in found])

    result = estimate(single(slopes), sample)
    numbers = iter(zip(result.values, *result.interval(), strict=True))
    rows = [
        (equation.model, equation.outcome, terms[i], *one,
         *(next(numbers) if possible[one] else (np.nan,) * 3), possible[one], survey.n)
        for one in scenarios
        for i in shown
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def marker_share(survey: Survey) -> float:
    """Share of the variance that the marker suggests: its smallest correlation, at least 0.

    A marker is asked on the same questionnaire and has no reason to go with at least one of the
    constructs, so what it shares with that one is the method (Lindell & Whitney 2001). Weights are
    honoured; respondents without an answer to the marker are left out here.

    Raises
    ------
    StudyError
        If the study declares no marker.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> settings = ["model.drivers=['competence']", "quality.marker='likeability'"]
    >>> round(marker_share(read_survey("mobile_customers", settings)), 2)
    0.52
    """
    marker = survey.study.quality.marker
    if marker is None:
        raise StudyError("no marker: name a construct or column as quality.marker.")
    names = [marker, *survey.study.model_constructs]
    if survey.frame is None:
        assert survey.item_moments is not None
        moments = scored_moments(survey.item_moments, survey.study, names)
    else:
        answered = survey.frame[marker].notna().to_numpy()
        weights = None if survey.weights is None else survey.weights[answered]
        moments = Moments.from_frame(survey.frame.loc[answered, names], weights)
    return float(max(np.min(moments.correlation[0, 1:]), 0.0))


def bands(table: pd.DataFrame) -> pd.DataFrame:
    """Where each slope lies over all scenarios of :func:`method_bias`.

    Returns
    -------
    DataFrame
        model, outcome, term, beta (no method), lowest, highest, holds_to (largest share, of those
        possible in both directions, up to which every interval stays on its side of zero; empty
        where not even without a method).

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> found = bands(method_bias(read_survey("mobile_customers")))
    >>> found.loc[1, "term"], float(found.loc[1, "holds_to"])
    ('likeability', 0.2)
    """
    rows = []
    for key, part in table.groupby(["model", "outcome", "term"], sort=False):
        part = part[part["direction"] != "marker"]
        plain = part.loc[(part["direction"] == "none") & part["admissible"], "beta"]
        side = np.sign(plain.iloc[0]) if len(plain) else 1.0
        seen = part["beta"]
        # A share that only one direction allows says nothing of the other.
        part = part[part.groupby("share")["admissible"].transform("all").astype(bool)]
        ends = (part["conf_low"] if side > 0 else -part["conf_high"]).groupby(part["share"]).min()
        held = ends.index[(ends > 0).cummin()]
        rows.append(
            (*key, plain.iloc[0] if len(plain) else np.nan, seen.min(), seen.max(),
             held.max() if len(held) else np.nan)
        )  # fmt: skip
    names = ["model", "outcome", "term", "beta", "lowest", "highest", "holds_to"]
    return pd.DataFrame(rows, columns=names)
