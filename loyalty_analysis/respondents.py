"""Complete respondents drawn from a world, in blocks of bounded memory, and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.worlds import HIGHEST, LOWEST, Country, Industry, World

BLOCK = 10_000
# Streams of random numbers that never meet, whatever the seed.
SURVEY, TRUTH = 0, 1


@dataclass(frozen=True)
class Drawn:
    """Respondents with complete answers; countries and industries by their number."""

    country: Array
    industry: Array
    age: Array
    female: Array
    weight: Array
    answers: dict[str, Array]


def blocks(
    world: World, n: int, seed: int, purpose: int
) -> Iterator[tuple[Drawn, np.random.Generator]]:
    """Draw complete respondents in blocks of one size, each with a random stream of its own.

    So a draw of any size needs the memory of one block; the stream is handed on for what follows.
    """
    for number, start in enumerate(range(0, n, BLOCK)):
        sequence = np.random.SeedSequence(seed, spawn_key=(purpose, number))
        rng = np.random.Generator(np.random.Philox(sequence))
        yield _respondents(world, min(BLOCK, n - start), rng), rng


def _respondents(world: World, n: int, rng: np.random.Generator) -> Drawn:
    country, industry = _pick(world.countries, n, rng), _pick(world.industries, n, rng)
    age, female = 18 + np.floor(63 * rng.random(n)), (rng.random(n) < 0.5).astype(float)
    weight = _share_ratio(world.countries)[country] * _share_ratio(world.industries)[industry]
    latent = _latent(world, country, industry, {"age": (age - 49) / 18.2, "female": female}, rng)
    answers = {}
    for name, loadings in world.loadings.items():
        for item, loading in zip(world.items(name), loadings, strict=True):
            error = np.sqrt(1 - loading**2) * rng.standard_normal(n)
            position = world.centre[name] + world.spread * (abs(loading) * latent[name] + error)
            answer = np.clip(np.rint(position), LOWEST, HIGHEST)
            answers[item] = LOWEST + HIGHEST - answer if loading < 0 else answer
    return Drawn(country, industry, age, female, np.round(weight, 4), answers)


def _pick(strata: Sequence[Country], n: int, rng: np.random.Generator) -> Array:
    shares = np.cumsum([one.sample for one in strata])
    return np.searchsorted(shares[:-1], rng.random(n), side="right")


def _share_ratio(strata: Sequence[Country]) -> Array:
    return np.array([one.market / one.sample for one in strata])


def _latent(
    world: World, country: Array, industry: Array, known: dict[str, Array], rng: np.random.Generator
) -> dict[str, Array]:
    """Latent constructs in the order of the world's equations, beside what is known already."""
    n, drivers = len(country), world.drivers
    places = ((world.countries, country), (world.industries, industry))
    level = sum(np.array([one.level for one in strata])[place] for strata, place in places)
    root = np.linalg.cholesky(world.driver_correlation)
    together = dict(zip(drivers, (rng.standard_normal((n, len(drivers))) @ root.T).T, strict=True))
    for name in world.labels:
        if name in drivers:
            value = together[name].copy()
        else:
            value = level + world.noise[name] * rng.standard_normal(n)
        for term, slope in world.slopes.get(name, {}).items():
            value += slope * known[term]
        for strata, place in places:
            for term, own in _own_slopes(world, name, strata).items():
                value += own[place] * known[term]
        known = {**known, name: value}
    return known


def _own_slopes(world: World, equation: str, strata: Sequence[Country]) -> dict[str, Array]:
    """What each country, or each industry with its sector, adds to the slopes of an equation."""
    rows = []
    for one in strata:
        sector = world.sector_slopes.get(one.sector, {}) if isinstance(one, Industry) else {}
        own = dict(sector) if equation == world.sector_outcome else {}
        for term, slope in one.tilt.get(equation, {}).items():
            own[term] = own.get(term, 0.0) + slope
        rows.append(own)
    terms = dict.fromkeys(term for own in rows for term in own)
    return {term: np.array([own.get(term, 0.0) for own in rows]) for term in terms}


def moments_by_sector(world: World, drawn: Drawn) -> dict[str, Moments]:
    """Moments of scores and controls of complete respondents in each sector, weighted."""
    columns = scores(world, drawn)
    rows = np.stack(list(columns.values()))
    sector = np.array([one.sector for one in world.industries])[drawn.industry]
    return {
        side: row_moments(tuple(columns), rows[:, sector == side], drawn.weight[sector == side])
        for side in world.sector_slopes
    }


def row_moments(names: tuple[str, ...], rows: Array, weight: Array) -> Moments:
    """Moments of columns laid out as rows, the same on every machine.

    Not by matrix products: their sums depend on the number of threads, and on blocks as small as
    these the threads cost far more than they give.
    """
    total = float(weight.sum())
    mean = (rows * weight).sum(axis=1) / total
    centred = rows - mean[:, None]
    cross = np.einsum("in,jn->ij", centred * weight, centred)
    return Moments(names, len(weight), total, float((weight**2).sum()), mean, cross)


def scores(world: World, drawn: Drawn) -> dict[str, Array]:
    """Columns of every equation: means of the items, age, and indicators of categories."""
    columns = {}
    for name in world.labels:
        turned = world.reversed_items(name)
        answers = [
            LOWEST + HIGHEST - drawn.answers[item] if item in turned else drawn.answers[item]
            for item in world.items(name)
        ]
        columns[name] = np.mean(answers, axis=0)
    columns |= {"age": drawn.age, "gender[male]": 1 - drawn.female}
    for number, country in enumerate(world.countries[1:], 1):
        columns[f"country[{country.name}]"] = (drawn.country == number).astype(float)
    return columns
