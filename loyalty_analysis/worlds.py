"""Worlds that simulated respondents are drawn from, declared as data.

Nothing here is an estimate of anything. The constants are chosen so that some claims hold, some
are wrong, some do not matter and some cannot be told from eight industries: ``planted`` says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from loyalty_analysis.moments import Array

Slopes = Mapping[str, float]
# End points of the answer scale of every item.
LOWEST, HIGHEST = 1, 7


@dataclass(frozen=True)
class Country:
    """A country: shares of all customers and of the respondents, its level, its own slopes.

    The level is added to the mediator and to every outcome; ``tilt`` names an equation and what is
    added to its slopes here.
    """

    name: str
    market: float
    sample: float
    level: float = 0.0
    tilt: Mapping[str, Slopes] = field(default_factory=dict)


@dataclass(frozen=True)
class Industry(Country):
    """An industry: as a country, and in a sector."""

    sector: str = ""


@dataclass(frozen=True)
class World:
    """Everything that simulated respondents are drawn from.

    Latent constructs have a variance of about 1 and linear equations with normal errors. Answers
    are whole numbers from 1 to 7: rounded, and cut off at the ends of the scale.

    Attributes
    ----------
    name, title : str
    about : tuple of str
        What its study file says on top.
    claims : tuple of str
        Claim sets its study names.
    labels : mapping of str to str
        Every construct, drivers first, with its display label.
    mediator : str
    outcomes : mapping of str to str
        Kind of each outcome.
    correlations : mapping of (str, str) to float
        Of the drivers, before age moves them.
    slopes : mapping of str to mapping
        Latent slopes of each equation. ``age`` is in SDs, ``female`` is 1 or 0.
    sector_slopes : mapping of str to mapping
        Slopes of ``sector_outcome`` in each sector, added to its common ones.
    noise : mapping of str to float
        Standard deviation of the error of each equation.
    loadings : mapping of str to tuple of float
        Of the items of each construct; a negative one belongs to a reversed item.
    centre : mapping of str to float
        About the mean answer of each construct, in scale points.
    spread : float
        Standard deviation of an answer before rounding, in scale points.
    countries, industries
    skipping : tuple of (float, float)
        Share of respondents who skip items, and the chance of each of their items being skipped.
    skipping_others : float
        The same chance for everybody else.
    planted : mapping of str to (str, str)
        For each claim and outcome the verdict it deserves, and why.
    """

    name: str
    title: str
    about: tuple[str, ...]
    claims: tuple[str, ...]
    labels: Mapping[str, str]
    mediator: str
    outcomes: Mapping[str, str]
    correlations: Mapping[tuple[str, str], float]
    slopes: Mapping[str, Slopes]
    sector_outcome: str
    sector_slopes: Mapping[str, Slopes]
    noise: Slopes
    loadings: Mapping[str, tuple[float, ...]]
    centre: Slopes
    countries: tuple[Country, ...]
    industries: tuple[Industry, ...]
    spread: float = 1.4
    skipping: tuple[float, float] = (0.1, 0.07)
    skipping_others: float = 0.003
    planted: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def drivers(self) -> tuple[str, ...]:
        """The constructs that no equation explains but by age."""
        return tuple(name for name in self.labels if name not in self.noise)

    @property
    def driver_correlation(self) -> Array:
        """Correlations of the drivers as a matrix."""
        found = np.eye(len(self.drivers))
        for pair, value in self.correlations.items():
            i, j = (self.drivers.index(name) for name in pair)
            found[i, j] = found[j, i] = value
        return found

    @property
    def structure(self) -> dict[tuple[str, ...], Slopes]:
        """Latent slopes by equation, and by sector, industry and country what they add to them."""
        found: dict[tuple[str, ...], Slopes] = {(name,): own for name, own in self.slopes.items()}
        found |= {(self.sector_outcome, name): own for name, own in self.sector_slopes.items()}
        for one in (*self.industries, *self.countries):
            found |= {(equation, one.name): own for equation, own in one.tilt.items()}
        return found

    def items(self, construct: str) -> tuple[str, ...]:
        """Item names of a construct.

        Examples
        --------
        >>> RICE.items("affective")
        ('aff1', 'aff2', 'aff3')
        """
        count = len(self.loadings[construct])
        return tuple(f"{construct[:3]}{number + 1}" for number in range(count))

    def reversed_items(self, construct: str) -> tuple[str, ...]:
        """Items of a construct whose answers run the other way.

        Examples
        --------
        >>> RICE.reversed_items("affective")
        ('aff3',)
        """
        paired = zip(self.items(construct), self.loadings[construct], strict=True)
        return tuple(item for item, loading in paired if loading < 0)


# XA to XJ are codes that no country has: the paper's ten countries are not public. Each has as
# many respondents though markets differ, and slopes go with the market: weights matter.
_COUNTRIES = (
    Country("XA", 0.22, 0.10, 0.00, {"satisfaction": {"affective": 0.14, "forced": -0.12}}),
    Country("XB", 0.16, 0.10, 0.15, {"satisfaction": {"affective": 0.10, "forced": -0.08}}),
    Country("XC", 0.12, 0.10, -0.10),
    Country("XD", 0.10, 0.10, 0.05),
    Country("XE", 0.09, 0.10, -0.20),
    Country("XF", 0.08, 0.10, 0.20),
    Country("XG", 0.07, 0.10, 0.10),
    Country("XH", 0.06, 0.10, -0.15, {"satisfaction": {"affective": -0.08, "forced": 0.06}}),
    Country("XI", 0.05, 0.10, 0.00, {"satisfaction": {"affective": -0.12, "forced": 0.10}}),
    Country("XJ", 0.05, 0.10, 0.25, {"satisfaction": {"affective": -0.12, "forced": 0.10}}),
)


def _industry(
    name: str, sector: str, shares: tuple[float, float], level: float, **tilt: float
) -> Industry:
    return Industry(name, *shares, level, {"repurchase": tilt}, sector)


# Which industry counts as goods is this world's choice too. The two large tilts of normative
# commitment make its goods - services difference hard to tell from eight industries.
_INDUSTRIES = (
    _industry("automotive", "goods", (0.10, 0.13), 0.06, affective=0.02, normative=0.16),
    _industry("game_consoles", "goods", (0.09, 0.12), -0.04, habitual=0.03, normative=-0.16),
    _industry("mobile_phones", "goods", (0.13, 0.13), 0.03, economic=0.02, affective=-0.02),
    _industry("pharmacy", "goods", (0.12, 0.12), 0.00, habitual=-0.02, economic=-0.02),
    _industry("banking", "services", (0.15, 0.13), -0.05, economic=0.02, normative=0.05),
    _industry("hotel", "services", (0.11, 0.12), 0.07, affective=0.02, normative=-0.06),
    _industry("internet", "services", (0.15, 0.13), -0.06, habitual=0.02, affective=-0.02),
    _industry("retail", "services", (0.15, 0.12), 0.02, habitual=-0.02, economic=-0.02),
)

RICE = World(
    name="rice",
    title="Simulated respondents in the shape of the Rice study",
    about=(
        "Countries, items and every coefficient are this world's own: the paper's are not public.",
    ),
    claims=("rice_paper", "rice_press", "rivals"),
    labels={
        "affective": "Affective commitment",
        "normative": "Normative commitment",
        "economic": "Economic commitment",
        "forced": "Forced commitment",
        "habitual": "Habitual commitment",
        "satisfaction": "Satisfaction",
        "repurchase": "Repurchase intention",
        "advocacy": "Advocacy",
        "search": "Search for alternatives",
    },
    mediator="satisfaction",
    outcomes={"repurchase": "intention", "advocacy": "attitude", "search": "leaving"},
    # Economic, forced and habitual commitment overlap: what each adds differs from its correlation.
    correlations={
        ("affective", "normative"): 0.50,
        ("affective", "economic"): 0.25,
        ("affective", "forced"): -0.15,
        ("affective", "habitual"): 0.30,
        ("normative", "economic"): 0.25,
        ("normative", "forced"): -0.05,
        ("normative", "habitual"): 0.20,
        ("economic", "forced"): 0.50,
        ("economic", "habitual"): 0.50,
        ("forced", "habitual"): 0.45,
    },
    slopes={
        "economic": {"age": 0.10},
        "habitual": {"age": 0.20},
        "satisfaction": {
            "affective": 0.46, "normative": 0.12, "economic": 0.10, "forced": -0.27,
            "habitual": 0.12, "age": 0.08, "female": 0.06,
        },
        "repurchase": {"satisfaction": 0.25, "age": 0.10, "female": -0.05},
        "advocacy": {
            "affective": 0.50, "normative": 0.15, "economic": 0.05, "forced": 0.00,
            "habitual": 0.06, "satisfaction": 0.00, "age": -0.05, "female": 0.10,
        },
        "search": {
            "affective": -0.20, "normative": -0.05, "economic": -0.10, "forced": -0.12,
            "habitual": -0.15, "satisfaction": -0.40, "age": -0.10,
        },
    },
    sector_outcome="repurchase",
    sector_slopes={
        "goods": {
            "affective": 0.32, "normative": 0.24, "economic": 0.02, "forced": -0.28,
            "habitual": 0.42,
        },
        "services": {
            "affective": 0.10, "normative": 0.08, "economic": 0.28, "forced": -0.28,
            "habitual": 0.20,
        },
    },
    noise={"satisfaction": 0.70, "repurchase": 0.70, "advocacy": 0.78, "search": 0.76},
    loadings={
        "affective": (0.88, 0.84, -0.80),
        "normative": (0.86, 0.82, 0.84),
        "economic": (0.84, 0.86, 0.80),
        "forced": (0.86, 0.84, -0.80),
        "habitual": (0.88, 0.82, 0.84),
        "satisfaction": (0.90, 0.88, -0.84),
        "repurchase": (0.90, 0.86, 0.88),
        "advocacy": (0.88, 0.90, 0.84),
        "search": (0.84, -0.80, 0.86),
    },
    centre={
        "affective": 4.4, "normative": 3.9, "economic": 4.1, "forced": 3.2, "habitual": 4.3,
        "satisfaction": 4.9, "repurchase": 4.7, "advocacy": 4.4, "search": 3.4,
    },
    countries=_COUNTRIES,
    industries=_INDUSTRIES,
    planted={
        "P1": ("supported", "each commitment has a factor of its own"),
        "P2 repurchase": ("supported", "each of the five has a slope beyond 0.10"),
        "P3 repurchase": ("supported", "lock-in lowers repurchase, directly and by satisfaction"),
        "P4 repurchase": ("supported", "both slopes are positive in both sectors"),
        "P5 repurchase": ("supported", "as claimed; but industries differ in the normative slope"),
        "P6 repurchase": ("supported", "economic slopes are much larger in services"),
        "R1 repurchase": ("negligible", "satisfaction and affective commitment share about alike"),
        "R1 advocacy": ("contradicted", "affective commitment accounts for far more"),
        "R2 satisfaction": ("supported", "affective commitment is far ahead of the rest"),
        "R3 repurchase": ("negligible", "affective and habitual commitment matter about the same"),
        "R3 advocacy": ("supported", "affective commitment is far ahead of the rest"),
        "R4a repurchase": ("supported", "as P3"),
        "R4a advocacy": ("negligible", "lock-in does not touch advocacy"),
        "R4b repurchase": ("supported", "beyond 0.20, though not by much"),
        "R4b advocacy": ("negligible", "as R4a"),
        "R5 satisfaction": ("supported", "lock-in is resented"),
        "R6 search": ("negligible", "resentment makes captives search; lock-in stops them as much"),
        "R7 repurchase": ("contradicted", "lock-in does not hold, it drives away"),
        "R7 advocacy": ("supported", "no commitment lowers advocacy by 0.10 or more"),
        "R10 repurchase": ("supported", "satisfaction carries part of it"),
        "R10 advocacy": ("negligible", "satisfaction adds nothing there that it could carry"),
        "V1 repurchase": ("contradicted", "lock-in lowers repurchase too"),
        "V4 repurchase": ("contradicted", "satisfaction adds to what commitment explains"),
        "V4 advocacy": ("supported", "satisfaction adds nothing to what commitment explains"),
    },
)  # fmt: skip

WORLDS = {RICE.name: RICE}
