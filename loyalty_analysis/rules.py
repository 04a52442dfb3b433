"""The verdict rules: numbers in, words out. What a claim is about plays no part here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, copysign, inf

from loyalty_analysis.inference import t_p_value

SUPPORTED, CONTRADICTED, NEGLIGIBLE = "supported", "contradicted", "negligible"
INCONCLUSIVE, NOT_TESTABLE = "inconclusive", "not testable"
VERDICTS = (CONTRADICTED, SUPPORTED, NEGLIGIBLE, INCONCLUSIVE, NOT_TESTABLE)
LEAST_DF = 4.0


@dataclass(frozen=True)
class Evidence:
    """What a claim is judged on: one estimate with its interval.

    Attributes
    ----------
    estimate, std_error, df, conf_low, conf_high : float
        In standardized units.
    n : int
        Respondents.
    least_df : float
        The fewest degrees of freedom behind it (Satterthwaite, or clusters minus one).
    scarce : str
        Reason code when these are fewer than four.
    label : str
        What is compared, for ``largest``: ``""`` for the slope itself, else the rival.
    """

    estimate: float
    std_error: float
    df: float
    conf_low: float
    conf_high: float
    n: int
    least_df: float = inf
    scarce: str = "few_clusters"
    label: str = ""

    def statistic(self, null: float = 0.0) -> float:
        """Distance from a null value in standard errors; infinite where the fit is exact."""
        distance = self.estimate - null
        if self.std_error == 0:
            return copysign(inf, distance) if distance else 0.0
        return distance / self.std_error

    def inside(self, bound: float) -> bool:
        """Whether the interval lies wholly within the smallest effect of interest."""
        return -bound < self.conf_low and self.conf_high < bound

    def flipped(self) -> Evidence:
        """The same evidence with its sign turned."""
        low, high = -self.conf_high, -self.conf_low
        return replace(self, estimate=-self.estimate, conf_low=low, conf_high=high)


@dataclass(frozen=True)
class Ruling:
    """A verdict with its size and reason code."""

    verdict: str
    size: str = ""
    reason: str = ""


def p_value(evidence: Evidence, sign: str, bound: float) -> float:
    """Two-sided p value of the hypothesis a sign is judged against.

    ``+`` and ``-``: slope of 0. ``none``: slope beyond the bound (twice the larger one-sided p of
    the two tests, so that p < .05 when the 95% interval lies inside). ``any``: slope within the
    bound. ``not_negative``: slope of minus the bound.

    Examples
    --------
    >>> evidence = Evidence(0.02, 0.02, 200, -0.02, 0.06, 210)
    >>> [round(p_value(evidence, sign, 0.1), 4) for sign in ("+", "none", "any")]
    [0.3185, 0.0001, 1.0]
    """

    def one_sided(null: float, above: bool) -> float:
        distance = evidence.statistic(null)
        p = float(t_p_value(distance, evidence.df)) / 2
        return p if (distance > 0) == above else 1 - p

    if sign in ("+", "-"):
        return float(t_p_value(evidence.statistic(), evidence.df))
    if sign == "none":
        return min(1.0, 2 * max(one_sided(-bound, True), one_sided(bound, False)))
    if sign == "any":
        return min(1.0, 2 * min(one_sided(bound, True), one_sided(-bound, False)))
    return min(1.0, 2 * one_sided(-bound, True))


def rule(evidence: Evidence, sign: str, bound: float, p_holm: float) -> Ruling:
    """Apply the verdict rules to one estimate.

    Parameters
    ----------
    evidence : Evidence
    sign : {"+", "-", "none", "any", "not_negative"}
    bound : float
        Smallest effect of interest, d.
    p_holm : float
        Holm-adjusted p value; used for ``+`` and ``-`` only.

    Returns
    -------
    Ruling

    Examples
    --------
    >>> rule(Evidence(0.3, 0.05, 200, 0.2, 0.4, 210), "+", 0.1, 0.001)
    Ruling(verdict='supported', size='clear', reason='')
    >>> rule(Evidence(0.02, 0.02, 200, -0.02, 0.06, 210), "+", 0.1, 0.9).verdict
    'negligible'
    """
    if evidence.least_df < LEAST_DF:
        return Ruling(INCONCLUSIVE, reason=evidence.scarce)
    if sign == "-":
        return rule(evidence.flipped(), "+", bound, p_holm)
    low, high = evidence.conf_low, evidence.conf_high
    inside = evidence.inside(bound)
    outside = low >= bound or high <= -bound
    beyond = "clear" if low > bound or (sign == "any" and high < -bound) else "unresolved"
    if sign == "none":
        return _pick(inside, outside, "", "straddles_bound")
    if sign == "any":
        return _pick(outside, inside, beyond, "straddles_bound")
    if sign == "not_negative":
        return _pick(low > -bound, high < -bound, beyond, "straddles_bound")
    if inside:
        return Ruling(NEGLIGIBLE)
    if (low > 0 or high < 0) and not p_holm < 0.05:
        return Ruling(INCONCLUSIVE, reason="multiplicity")
    return _pick(low > 0, high < 0, beyond, "includes_zero")


def _pick(supported: bool, contradicted: bool, size: str, reason: str) -> Ruling:
    if supported:
        return Ruling(SUPPORTED, size=size)
    return Ruling(CONTRADICTED) if contradicted else Ruling(INCONCLUSIVE, reason=reason)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values by Holm's step-down method.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70. Checked against R's p.adjust.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, running = [0.0] * len(p_values), 0.0
    for step, i in enumerate(order):
        running = max(running, min(1.0, p_values[i] * (len(p_values) - step)))
        adjusted[i] = running
    return adjusted


def needed_n(evidence: Evidence, sign: str, bound: float, units: int) -> int:
    """Respondents (or clusters) that would about settle a claim: a guide, not power.

    ``units (h / reach)^2`` with h the half-width. The reach of ``+`` and ``-`` is
    ``max(abs(e), d - abs(e))``; of the other signs the distance to the bound they are judged at.

    Examples
    --------
    >>> needed_n(Evidence(0.0, 0.1, 50, -0.2, 0.2, 100), "+", 0.1, 100)
    400
    """
    half, size = (evidence.conf_high - evidence.conf_low) / 2, abs(evidence.estimate)
    reach = max(size, bound - size)
    if sign in ("none", "any"):
        reach = abs(bound - size)
    if sign == "not_negative":
        reach = abs(evidence.estimate + bound)
    return ceil(units * (half / reach) ** 2) if reach > 0 else units


def weakest(components: Sequence[Evidence], sign: str) -> Evidence:
    """The smallest of several values that must all hold, with an interval for that smallest one.

    Its low end is the lowest of all: the smallest value lies below it no more often than below the
    end of its own interval, so *supported* keeps its level. Its high end is the lowest high end,
    which several tied values pass more often than one would; *contradicted* pays for that by
    Bonferroni, *negligible* does not. With one component, that component.

    Examples
    --------
    >>> slope = Evidence(0.3, 0.05, 200, 0.2, 0.4, 210)
    >>> lead = Evidence(0.1, 0.06, 200, -0.02, 0.22, 210, label="value")
    >>> weakest([slope, lead], "+").label
    'value'
    """
    if len(components) == 1:
        return components[0]
    turned = [one.flipped() if sign == "-" else one for one in components]
    least = replace(
        min(turned, key=lambda one: one.estimate),
        conf_low=min(one.conf_low for one in turned),
        conf_high=min(one.conf_high for one in turned),
        least_df=min(one.least_df for one in turned),
    )
    return least.flipped() if sign == "-" else least


def rule_all(
    components: Sequence[Evidence], sign: str, bound: float, p_holm: float
) -> tuple[Ruling, Evidence]:
    """Rule on values that must all hold; also return the evidence that is judged and shown.

    Examples
    --------
    >>> slope = Evidence(0.3, 0.05, 200, 0.2, 0.4, 210)
    >>> lead = Evidence(0.1, 0.06, 200, -0.02, 0.22, 210, label="value")
    >>> rule_all([slope, lead], "+", 0.1, 0.001)[0]
    Ruling(verdict='inconclusive', size='', reason='includes_zero')
    """
    shown = weakest(components, sign)
    found = rule(shown, sign, bound, p_holm)
    if found.verdict == CONTRADICTED and len(components) > 1:
        # One of them has to contradict by itself; the surest one is shown.
        alone = [(rule(one, sign, bound, p_holm), one) for one in components]
        against = [one for verdict, one in alone if verdict.verdict == CONTRADICTED]
        if not against:
            return Ruling(INCONCLUSIVE, reason="includes_zero"), shown
        shown = min(against, key=lambda one: p_value(one, sign, bound))
    return found, shown


def ruling_of_parts(rulings: Sequence[Ruling]) -> Ruling:
    """Rule on a claim from its parts: all, any, any, else inconclusive.

    Examples
    --------
    >>> ruling_of_parts([Ruling("supported", "clear"), Ruling("negligible")]).verdict
    'negligible'
    """
    verdicts = [one.verdict for one in rulings]
    if all(verdict == SUPPORTED for verdict in verdicts):
        sizes = {one.size for one in rulings}
        return Ruling(SUPPORTED, sizes.pop() if len(sizes) == 1 else "unresolved")
    for verdict in (CONTRADICTED, NEGLIGIBLE):
        if verdict in verdicts:
            return Ruling(verdict)
    reasons = dict.fromkeys(one.reason for one in rulings if one.verdict == INCONCLUSIVE)
    return Ruling(INCONCLUSIVE, reason="; ".join(reason for reason in reasons if reason))
