"""Worlds in the shape of the full study, declared as data: one base, and what each world changes.

Nothing here is an estimate of anything. The numbers are chosen so that each world decides the
claims in another way, and clear of the bounds at which verdicts turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter

import numpy as np
from scipy.special import ndtri

from loyalty_analysis.moments import Array

Slopes = Mapping[str, float]
Equations = Mapping[str, Slopes]

LEVELS = ("below", "meets", "exceeds", "delights", "amazes")
LEVEL_SHARES = (0.14, 0.28, 0.26, 0.18, 0.14)
LADDER = "disconfirmation"
"""The construct that is cut into levels."""
SECTORS = ("goods", "services")
RECORDED = {"staying": 0.65, "churn": 0.25, "alternatives_shown": 0.5}
"""Recorded facts of 0 and 1, and the share of ones."""
FACTS = (*RECORDED, "level", "tenure")
LOADINGS = (0.90, 0.88, 0.86)
"""Of the three items of every construct, before items are turned."""
SPREAD = 1.4
"""Standard deviation of an answer before rounding, in scale points."""
CENTRE = {
    "normative": 3.9, "obligation": 3.6, "economic": 4.1, "forced": 3.4, "delight": 3.8,
    "brand_investment": 3.9, "gratitude": 3.9, "reciprocation": 3.9, "mutual_loyalty": 3.7,
    "price_tolerance": 3.6, "search": 3.4, "switching": 3.5, "marker": 4.0, "programme": 3.8,
    "attitude": 4.5, "patronage": 4.5,
}  # fmt: skip
"""About the mean answer of each construct, in scale points; 4.3 where none is given."""

_FIVE = ("affective", "normative", "economic", "forced", "habitual")
_LOYALTY = ("repurchase", "advocacy", "price_tolerance", "staying")
_SWITCHING = ("switching_financial", "switching_emotional", "switching_logistical")
_CAUSES = (
    "price_quality", "benefit_cost", "differentiation", "quality", "service", "usability",
    "personalisation", "proactive_support", "engagement", "brand_story", "shared_values",
    "programme", "subscription", "convenience", "brand_investment",
)  # fmt: skip
# What no equation explains is correlated within each of these groups.
_TOGETHER = (
    (_CAUSES, 0.20),
    (_SWITCHING, 0.30),
    (("value", "relationship", "emotional_connection"), 0.25),
)
_PAIRS = {
    ("affective", "normative"): 0.40, ("affective", "economic"): 0.15,
    ("affective", "forced"): -0.15, ("affective", "habitual"): 0.10,
    ("normative", "economic"): 0.20, ("normative", "habitual"): 0.10,
    ("economic", "forced"): 0.35, ("economic", "habitual"): 0.25, ("forced", "habitual"): 0.10,
    ("normative", "obligation"): 0.50, ("attitude", "patronage"): 0.30,
}  # fmt: skip


@dataclass(frozen=True)
class FullWorld:
    """Everything that respondents of the full study are drawn from.

    Latent constructs are normal with variance 1 and linear equations: what an equation leaves
    unexplained follows from its slopes. Answers are whole numbers from 1 to 7.

    Attributes
    ----------
    name : str
    about : tuple of str
        What its files say on top.
    slopes : mapping of str to mapping
        Latent slopes of each equation, in SDs; ``a:b`` is a product.
    steps : mapping of str to tuple of float
        What each level of satisfaction adds to an outcome, beyond the level below, in SDs.
    sectors : mapping of str to float
        Slopes of repurchase in goods minus those in services.
    method : float
        Share of the variance of every self-reported construct that is one common method.
    loadings : mapping of str to pair of tuples of float
        Of the items of a construct in goods and in services, where they differ.
    """

    name: str
    about: tuple[str, ...]
    slopes: Equations = field(default_factory=dict)
    steps: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    sectors: Slopes = field(default_factory=dict)
    method: float = 0.0
    loadings: Mapping[str, tuple[tuple[float, ...], ...]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Of its study."""
        return f"Simulated customers who answered the whole questionnaire, world {self.name}"

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Every construct that is drawn, causes first."""
        before = {
            name: {part for term in own for part in term.split(":")} - {"age", "alternatives_shown"}
            for name, own in self.slopes.items()
        }
        for outcome in self.steps:
            before.setdefault(outcome, set()).add(LADDER)
        known = dict.fromkeys([*_CAUSES, *_SWITCHING, *(n for pair in _PAIRS for n in pair)])
        others = ("value", "relationship", "emotional_connection", "satisfaction", LADDER,
                  "delight", "gratitude", "reciprocation", "mutual_loyalty", *_LOYALTY, "search",
                  "switching", "churn", "marker")  # fmt: skip
        graph = {name: sorted(before.get(name, ())) for name in [*known, *others]}
        return tuple(TopologicalSorter(graph).static_order())

    @cached_property
    def correlation(self) -> Array:
        """Of what no equation explains, in the order of the constructs."""
        found, at = np.eye(len(self.order)), self.order.index
        pairs = {(a, b): r for names, r in _TOGETHER for a in names for b in names if a < b}
        for (a, b), r in (pairs | _PAIRS).items():
            found[at(a), at(b)] = found[at(b), at(a)] = r
        return found

    @cached_property
    def noise(self) -> dict[str, float]:
        """Size of what each equation leaves unexplained, so that every variance is 1.

        Every construct is a sum of what the others leave unexplained and of age. A product, and
        what a ladder has beside its straight line, add variance that is their own.
        """
        k = len(self.order)
        cov = np.eye(k + 1)
        cov[:k, :k] = self.correlation
        made, found = {"age": np.eye(k + 1)[k]}, {}
        for at, name in enumerate(self.order):
            linear, extra = dict(self.slopes.get(name, {})), 0.0
            if name in self.steps:
                rise, extra = straight(self.steps[name])
                linear[LADDER] = linear.get(LADDER, 0.0) + rise
            own = [slope for term, slope in linear.items() if term in made]
            extra += sum(slope**2 for term, slope in linear.items() if term not in made)
            if name == "repurchase":
                extra += sum(gap**2 for gap in self.sectors.values()) / 4
            sums = np.array(own) @ np.array([made[t] for t in linear if t in made]) if own else 0
            total = np.zeros(k + 1) + sums
            explained, with_rest = total @ cov @ total + extra, (total @ cov)[at]
            if explained > 1 + 1e-9:
                raise ValueError(f"world {self.name}: {name} is explained by more than all.")
            rest = -with_rest + np.sqrt(max(with_rest**2 + 1 - explained, 0.0))
            made[name], found[name] = total + rest * np.eye(k + 1)[at], float(rest)
        return found

    @property
    def structure(self) -> dict[tuple[str, ...], Slopes]:
        """Latent slopes by equation; the steps of outcomes; what goods have more than services."""
        found: dict[tuple[str, ...], Slopes] = {(name,): own for name, own in self.slopes.items()}
        for name, own in self.steps.items():
            found["steps", name] = dict(zip(LEVELS[1:], own, strict=True))
        return found | ({("repurchase", "goods - services"): self.sectors} if self.sectors else {})


def cuts() -> Array:
    """Where a standard normal construct is cut into levels."""
    return np.asarray(ndtri(np.cumsum(LEVEL_SHARES)[:-1]))


def straight(steps: tuple[float, ...]) -> tuple[float, float]:
    """Slope of a ladder's straight line on what is cut into levels; variance beside it.

    Examples
    --------
    >>> [round(one, 2) for one in straight((0.5, 0.5, 0.5, 0.5))]
    [0.6, 0.04]
    """
    heights = np.concatenate([[0.0], np.cumsum(steps)])
    shares = np.array(LEVEL_SHARES)
    slope = float(np.array(steps) @ np.exp(-(cuts() ** 2) / 2) / np.sqrt(2 * np.pi))
    return slope, float(shares @ heights**2 - (shares @ heights) ** 2 - slope**2)


def _added(base: Equations, **changes: Slopes) -> Equations:
    """Equations with some slopes changed; zero takes one out."""
    found: dict[str, Slopes] = {name: dict(own) for name, own in base.items()}
    for name, own in changes.items():
        merged = {**found.get(name, {}), **own}
        found[name] = {term: slope for term, slope in merged.items() if slope}
    return found


def _each(names: tuple[str, ...], slope: float) -> dict[str, float]:
    return dict.fromkeys(names, slope)


# What builds the pillars, satisfaction and mutual loyalty.
_BUILT: Equations = {
    "affective": {"usability": 0.25, "gratitude": 0.35, "brand_investment": 0.15},
    "gratitude": {"brand_investment": 0.60},
    "reciprocation": {"affective": 0.45, "gratitude": 0.20, "brand_investment": 0.10},
    "mutual_loyalty": {"gratitude": 0.30, "affective": 0.15},
    "habitual": {"programme": 0.25, "subscription": 0.25, "convenience": 0.25, "age": 0.10},
    "relationship": {"personalisation": 0.30, "proactive_support": 0.30, "engagement": 0.30},
    "emotional_connection": {"brand_story": 0.35, "shared_values": 0.35},
    "value": {"price_quality": 0.30, "benefit_cost": 0.30, "differentiation": 0.30},
    "satisfaction": {
        "affective": 0.38, "normative": 0.08, "economic": 0.05, "forced": -0.28, "habitual": 0.08,
        "quality": 0.22, "service": 0.20, "value": 0.22,
    },
    LADDER: {"satisfaction": 0.75},
    "delight": {LADDER: 0.60},
}  # fmt: skip
_STAY: Slopes = {
    "satisfaction": 0.12, "affective": 0.19, "forced": -0.28, "habitual": 0.16, "value": 0.18,
    "relationship": 0.13, "emotional_connection": 0.13, **_each(_SWITCHING, 0.13),
    "mutual_loyalty": 0.12, "forced:alternatives_shown": 0.11,
}  # fmt: skip
_LEAVE: Slopes = {"satisfaction": -0.30, "affective": -0.10, "forced": 0.20, "habitual": -0.10}
_PRESS: Equations = _added(
    {
        **_BUILT,
        "attitude": {"affective": 0.25},
        "patronage": {"habitual": 0.25},
        **dict.fromkeys(_LOYALTY, _STAY),
        # Of a yes or no less can be explained.
        "staying": {term: 1.08 * slope for term, slope in _STAY.items()},
        "search": _LEAVE,
        "switching": _LEAVE,
        "churn": {"satisfaction": -0.30, "affective": -0.30, "forced": 0.15},
    },
    advocacy={
        "attitude": 0.21,
        "patronage": 0.13,
        "attitude:patronage": 0.14,
        "satisfaction": 0.06,
    },
)
_ACCELERATING = (0.36, 0.02, 0.45, 0.34)
_LESS = (-0.10, -0.10, -0.20, -0.10)

RETELLING = FullWorld(
    name="retelling",
    about=("What the press says is true here, as far as it does not contradict itself.",),
    slopes=_PRESS,
    steps=dict.fromkeys(_LOYALTY, _ACCELERATING)
    | {"staying": (0.25, 0.0, 0.45, 0.30), "search": _LESS, "switching": _LESS},
)
PAPER = FullWorld(
    name="paper",
    about=("What the paper says is true here, and nothing that was added in retelling it.",),
    slopes={
        "satisfaction": {"affective": 0.29, "normative": 0.29, "forced": -0.18},
        LADDER: {"satisfaction": 0.30},
        "repurchase": {
            "affective": 0.28,
            "normative": 0.22,
            "economic": 0.25,
            "forced": -0.40,
            "habitual": 0.38,
        },
        "advocacy": {"normative": 0.40},
    },
    sectors={"affective": 0.30, "normative": 0.30, "habitual": 0.30, "economic": -0.30},
)
_HELD = {"forced": 0.34, "habitual": -0.05, **_each(_SWITCHING, 0.25)}
LOCK_IN = FullWorld(
    name="lock_in",
    about=("What speaks against the press is true here: customers are held, not won.",),
    slopes=_added(
        _BUILT,
        satisfaction={"forced": -0.18},
        repurchase=_HELD | {"affective": 0.15},
        staying={term: 1.2 * slope for term, slope in _HELD.items()} | {"affective": 0.10},
        advocacy={"attitude": 0.25, "patronage": 0.20},
        price_tolerance={"forced": 0.35, "affective": 0.10},
        search={"forced": -0.20, "affective": -0.20},
        switching={"forced": -0.20, "affective": -0.20},
        churn={"satisfaction": -0.40, "forced": -0.20},
    ),
    steps={"repurchase": (0.35, 0.25, -0.20, -0.35)},
)
NULL = FullWorld(
    name="null",
    about=("Nothing goes with anything here, but for what constructs of one kind have in common.",),
)
_TOLD = {
    "satisfaction": 0.27, "affective": 0.10, "normative": 0.10, "economic": 0.15, "forced": -0.08,
    "habitual": 0.15, "value": 0.15, "relationship": 0.15, "emotional_connection": 0.15,
    **_each(_SWITCHING, 0.14), "mutual_loyalty": 0.12,
}  # fmt: skip
METHOD_BIAS = FullWorld(
    name="method_bias",
    about=("One common method lies in every answer. Recorded facts are free of it.",),
    slopes={
        "satisfaction": {"affective": 0.30, "normative": 0.10, "forced": -0.10, "quality": 0.10,
                         "service": 0.10, "value": 0.15},
        LADDER: {"satisfaction": 0.45},
        **dict.fromkeys(("repurchase", "advocacy", "price_tolerance"), _TOLD),
    },
    method=0.25,
)  # fmt: skip
THREE_FACTOR = replace(
    PAPER,
    name="three_factor",
    about=("Economic, forced and habitual commitment are all but one and the same here.",),
    slopes={
        **PAPER.slopes,
        "economic": {"habitual": 0.95},
        "forced": {"habitual": 0.487, "economic": 0.487},
        "satisfaction": {"affective": 0.25, "normative": 0.25},
        "repurchase": {"affective": 0.30, "normative": 0.25, "habitual": 0.30},
    },
    sectors={},
)
NOT_INVARIANT = replace(
    PAPER,
    name="not_invariant",
    about=("As the paper, but some questions mean something else in services.",),
    loadings=dict.fromkeys(
        (*_FIVE, "satisfaction", "repurchase", "advocacy"), ((0.90, 0.86, 0.45), (0.90, 0.45, 0.86))
    ),
)
_BENT: Equations = {
    **_BUILT,
    "satisfaction": {"affective": 0.45, "quality": 0.22, "service": 0.20, "value": 0.22},
}
CONCAVE = FullWorld(
    name="concave",
    about=("Loyalty gains less and less from satisfaction.",),
    slopes=_BENT,
    steps=dict.fromkeys(_LOYALTY, (0.95, 0.60, 0.25, 0.30)) | {"staying": (1.00, 0.45, 0.30, 0.70)},
)
CONVEX = FullWorld(
    name="convex",
    about=("Loyalty gains more and more from satisfaction; what customers do, less and less.",),
    slopes=_BENT,
    steps=dict.fromkeys(_LOYALTY, (0.25, 0.55, 1.00, 0.70)) | {"staying": (0.75, 0.40, 0.15, 0.80)},
)
FULL_WORLDS = {
    world.name: world
    for world in (
        RETELLING, PAPER, LOCK_IN, NULL, METHOD_BIAS, THREE_FACTOR, NOT_INVARIANT, CONCAVE, CONVEX,
    )
}  # fmt: skip
