"""Respondents of the full study drawn from a world, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from loyalty_analysis.full_worlds import (
    CENTRE,
    FACTS,
    LADDER,
    LEVEL_SHARES,
    LEVELS,
    LOADINGS,
    RECORDED,
    SECTORS,
    SPREAD,
    FullWorld,
    cuts,
)
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.respondents import BLOCK, row_moments
from loyalty_analysis.study import Study
from loyalty_analysis.typology import TYPES, typed
from loyalty_analysis.worlds import HIGHEST, LOWEST

MIDDLE = 4.0
"""About the middle of the answer scale: products are taken there, the same in every block."""
PRODUCTS = ("forced:alternatives_shown", "attitude:patronage")


@dataclass(frozen=True)
class FullDrawn:
    """Respondents with all their answers, and their constructs free of error of measurement."""

    sector: Array
    age: Array
    female: Array
    true: dict[str, Array]
    answers: dict[str, Array]


def full_blocks(
    world: FullWorld, study: Study, n: int, seed: int, purpose: int
) -> Iterator[tuple[FullDrawn, np.random.Generator]]:
    """Draw respondents in blocks of one size, each with a random stream of its own.

    The study says which items measure a construct and which are reversed.
    """
    for number, start in enumerate(range(0, n, BLOCK)):
        sequence = np.random.SeedSequence(seed, spawn_key=(purpose, number))
        rng = np.random.Generator(np.random.Philox(sequence))
        yield _respondents(world, study, min(BLOCK, n - start), rng), rng


def _respondents(world: FullWorld, study: Study, n: int, rng: np.random.Generator) -> FullDrawn:
    sector = np.where(rng.random(n) < 0.5, *SECTORS)
    age, female = 18 + np.floor(63 * rng.random(n)), (rng.random(n) < 0.5).astype(float)
    shown = (rng.random(n) < RECORDED["alternatives_shown"]).astype(float)
    tenure = np.minimum(np.floor(rng.exponential(7.0, n)), 40.0)
    known = {"age": (age - 48) / 18.2, "alternatives_shown": 2 * shown - 1}
    method = rng.standard_normal(n)
    latent = _latent(world, sector, method, known, rng)
    facts = {"tenure": tenure, "alternatives_shown": shown}
    facts["level"] = 1.0 + np.searchsorted(cuts(), _reported(world, latent[LADDER], method))
    for name in ("staying", "churn"):
        facts[name] = (latent[name] > -ndtri(RECORDED[name])).astype(float)
    true, answers = dict(facts), dict(facts)
    for name in (name for name in study.constructs if name not in FACTS):
        own = latent[name] if name == "marker" else _reported(world, latent[name], method)
        true[name] = own
        answers |= _answers(world, study, name, own, sector, rng)
    return FullDrawn(sector, age, female, true, answers)


def _reported(world: FullWorld, latent: Array, method: Array) -> Array:
    """A construct as respondents report it: with what all their answers have in common."""
    return np.sqrt(1 - world.method) * latent + np.sqrt(world.method) * method


def _answers(
    world: FullWorld, study: Study, name: str, own: Array, sector: Array, rng: np.random.Generator
) -> dict[str, Array]:
    found = {}
    both = zip(*world.loadings.get(name, (LOADINGS, LOADINGS)), strict=True)
    for item, sides in zip(study.items_of(name), both, strict=True):
        loading = np.where(sector == SECTORS[0], *sides)
        error = np.sqrt(1 - loading**2) * rng.standard_normal(len(own))
        position = CENTRE.get(name, 4.3) + SPREAD * (loading * own + error)
        answer = np.clip(np.rint(position), LOWEST, HIGHEST)
        turned = item in study.constructs[name].reversed
        found[item] = LOWEST + HIGHEST - answer if turned else answer
    return found


def _latent(
    world: FullWorld, sector: Array, method: Array, known: Mapping[str, Array],
    rng: np.random.Generator,
) -> dict[str, Array]:  # fmt: skip
    """Latent constructs, causes first, beside what is known already."""
    found, k = dict(known), len(world.order)
    rest = rng.standard_normal((len(method), k)) @ np.linalg.cholesky(world.correlation).T
    side = np.where(sector == SECTORS[0], 0.5, -0.5)
    for at, name in enumerate(world.order):
        value = world.noise[name] * rest[:, at]
        for term, slope in world.slopes.get(name, {}).items():
            value += slope * np.prod([found[part] for part in term.split(":")], axis=0)
        if name in world.steps:
            heights = np.concatenate([[0.0], np.cumsum(world.steps[name])])
            value += (heights - heights @ LEVEL_SHARES)[np.searchsorted(cuts(), found[LADDER])]
        if name == "repurchase":
            for term, gap in world.sectors.items():
                value += gap * side * found[term]
        found[name] = value
    return found


def full_moments(study: Study, drawn: FullDrawn) -> tuple[dict[str, Moments], dict[str, Moments]]:
    """Moments in each sector of all that equations hold: of scores, and free of their error.

    Products of two constructs stand beside them as ``a:b``, squares as ``a:a``, levels and types as
    indicators.
    """
    found = []
    for columns in (_scores(study, drawn.answers), drawn.true):
        named = {name: columns[name] for name in study.analysed}
        named |= {"age": drawn.age, "gender[male]": 1 - drawn.female, **_groups(study, columns)}
        for pair in PRODUCTS:
            a, b = pair.split(":")
            for one, other in ((a, b), (a, a), (b, b)):
                named[f"{one}:{other}"] = (columns[one] - MIDDLE) * (columns[other] - MIDDLE)
        rows = np.stack(list(named.values()))
        inside = {side: drawn.sector == side for side in SECTORS}
        found.append(
            {s: row_moments(tuple(named), rows[:, i], np.ones(i.sum())) for s, i in inside.items()}
        )
    return found[0], found[1]


def _scores(study: Study, answers: Mapping[str, Array]) -> dict[str, Array]:
    found = {}
    for name, construct in study.constructs.items():
        items = [
            LOWEST + HIGHEST - answers[item] if item in construct.reversed else answers[item]
            for item in study.items_of(name)
        ]
        found[name] = np.mean(items, axis=0)
    return found


def _groups(study: Study, columns: Mapping[str, Array]) -> dict[str, Array]:
    """Indicators of levels and, where scores lie against the study's cuts, of types."""
    found = {
        f"level[{name}]": (columns["level"] == at).astype(float)
        for at, name in enumerate(LEVELS[1:], 2)
    }
    types = study.types
    assert types is not None
    own = typed(columns[types.attitude], columns[types.patronage],
                (types.attitude_cut, types.patronage_cut))  # fmt: skip
    return found | {f"type[{name}]": (own == name).astype(float) for name in TYPES[1:]}


def full_frame(drawn: FullDrawn, rng: np.random.Generator) -> pd.DataFrame:
    """Columns of the survey file, in the order of the questionnaire, without identifiers."""
    n = len(drawn.age)
    careless = rng.random(n) < 0.01
    columns: dict[str, object] = {
        "age": drawn.age.astype(int),
        "gender": np.where(drawn.female == 1, "female", "male"),
        "sector": drawn.sector,
    }
    columns |= {name: answers.astype(int) for name, answers in drawn.answers.items()}
    columns["duration"] = np.maximum(np.rint(np.exp(6.6 + 0.35 * rng.standard_normal(n))), 60.0)
    columns["duration"] = np.asarray(columns["duration"]).astype(int)
    for number, right in ((1, 2), (2, 6)):
        columns[f"attention_{number}"] = np.where(careless & (rng.random(n) < 0.5), 4, right)
    return pd.DataFrame(columns)
