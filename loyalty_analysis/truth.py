"""The truth about a simulated world: population values, and the verdicts its claims deserve.

Population values come from a very large draw, through the package's own functions of Moments; the
tests find them a second time, respondent by respondent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

import numpy as np

from loyalty_analysis.analysis import single_claims
from loyalty_analysis.claims import BUILT, Claim, load_claims
from loyalty_analysis.claims import SHARES as CLAIMS_ON_SHARES
from loyalty_analysis.drivers import players_of
from loyalty_analysis.equations import Equation, equation_of, equations
from loyalty_analysis.inference import pooled
from loyalty_analysis.mediation import THROUGH, beside_path, chain
from loyalty_analysis.moments import Array, Moments, slopes, standardized_slopes
from loyalty_analysis.respondents import TRUTH, blocks, moments_by_sector
from loyalty_analysis.shares import shares
from loyalty_analysis.study import Study
from loyalty_analysis.worlds import World

DRAW, SEED = 4_000_000, 1
SLOPES, RIVALS, SECTORS = "population", "differences", "slope_differences"
SHARE_LEADS, INDIRECT = "share_differences", "indirect"
KINDS = (SLOPES, RIVALS, SECTORS, SHARE_LEADS, INDIRECT)

# By kind (one of the five above), model and term.
Values = dict[tuple[str, str, str], float]


def population(world: World, study: Study, draw: int = DRAW) -> tuple[Values, float]:
    """Find the population value of every estimand from a very large draw.

    Parameters
    ----------
    world : World
    study : Study
        The study file of that world.
    draw : int
        Respondents to draw.

    Returns
    -------
    values : dict
        As :func:`population_values` gives them.
    error : float
        The largest Monte Carlo standard error among them, from the spread between blocks; not a
        number where there is one block only.
    """
    claims = single_claims(study)
    parts = [moments_by_sector(world, drawn) for drawn, _ in blocks(world, draw, SEED, TRUTH)]
    total = {side: reduce(add, (part[side] for part in parts)) for side in parts[0]}
    each = [list(population_values(study, part, claims).values()) for part in parts]
    spread = np.std(each, axis=0, ddof=1).max() if len(each) > 1 else np.nan
    return population_values(study, total, claims), float(spread / np.sqrt(len(each)))


def population_values(
    study: Study, groups: Mapping[str, Moments], claims: Sequence[Claim]
) -> Values:
    """Standardized slopes of every equation, and what claims make of them.

    Differences to rivals and between sectors, leads in explained variance, indirect effects.

    Parameters
    ----------
    study : Study
    groups : mapping of str to Moments
        Moments of every model column in each sector.
    claims : sequence of Claim
        Single claims; they say which differences, leads and indirect effects are needed.

    Returns
    -------
    dict
        By kind, model and term; a sector difference is that of the study's contrast, in SDs of the
        whole population.
    """
    whole = pooled(groups)
    values: Values = {}
    for equation in equations(study):
        terms = _terms(equation, whole.columns)
        scaled = frozenset(term for term in terms if "[" not in term)
        found = standardized_slopes(whole, equation.outcome, terms, scaled)
        values |= _keyed(SLOPES, equation.model, terms, found)
        if equation.kind in ("total", "mediator"):
            values |= _sector_differences(study, equation, terms, groups)
    for claim in claims:
        for outcome in claim.outcomes(study) if claim.estimand == "largest" else ():
            values |= _rival_differences(study, claim, outcome, values)
        for outcome in claim.outcomes(study) if claim.estimand == "indirect" else ():
            values |= _indirect(study, claim, outcome, whole)
        for outcome in claim.outcomes(study) if claim.estimand in CLAIMS_ON_SHARES else ():
            values |= _share_leads(study, claim, outcome, whole)
    return values


def _indirect(study: Study, claim: Claim, outcome: str, whole: Moments) -> Values:
    equation = equation_of(study, "indirect", outcome)
    path = (claim.term, *claim.through, outcome)
    if equation is None or set(path) - set(study.model_constructs):
        return {}
    beside = [_columns(rest, whole.columns) for rest in beside_path(study, path)]
    return _keyed(INDIRECT, equation.model, [THROUGH.join(path[:-1])], chain(whole, path, beside))


def _share_leads(study: Study, claim: Claim, outcome: str, whole: Moments) -> Values:
    equation = equation_of(study, claim.estimand, outcome)
    if equation is None or set(claim.constructs) - set(equation.focal):
        return {}
    players, rivals = players_of(claim, equation)
    rest = [name for name in equation.terms if name not in equation.focal]
    found = shares(whole, outcome, players, _columns(rest, whole.columns))
    names = [f"{claim.term} - {rival}" for rival in rivals]
    return _keyed(SHARE_LEADS, equation.model, names, found[0] - found[1 : 1 + len(rivals)])


def _terms(equation: Equation, columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of an equation; a category stands for its indicators."""
    return _columns(equation.terms, columns)


def _columns(names: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(column for name in names for column in columns if column.split("[")[0] == name)


def _keyed(kind: str, model: str, terms: Sequence[str], found: Array) -> Values:
    return {(kind, model, term): float(one) for term, one in zip(terms, found, strict=True)}


def _sector_differences(
    study: Study, equation: Equation, terms: tuple[str, ...], groups: Mapping[str, Moments]
) -> Values:
    a, b = (slopes(groups[side], equation.outcome, terms) for side in _sides(study))
    focal = equation.focal
    size = pooled(groups)[[*focal, equation.outcome]].sd
    gap = (a - b)[: len(focal)] * size[:-1] / size[-1]
    return _keyed(SECTORS, equation.model, focal, gap)


def _sides(study: Study) -> tuple[str, str]:
    contrast = study.contrasts["sector"]
    return contrast.sides


def _rival_differences(study: Study, claim: Claim, outcome: str, values: Values) -> Values:
    equation = equation_of(study, "largest", outcome)
    if equation is None or {claim.term, *claim.versus} - set(equation.focal):
        return {}
    own = values[SLOPES, equation.model, claim.term]
    return {
        (RIVALS, equation.model, f"{claim.term} - {rival}"): (
            own - values[SLOPES, equation.model, rival]
        )
        for rival in claim.versus
    }


def planted_verdicts(study: Study, values: Values) -> dict[tuple[str, str], str]:
    """Say which verdict each claim deserves: what a sample without end would lead to.

    Parameters
    ----------
    study : Study
    values : dict
        As :func:`population_values` gives them.

    Returns
    -------
    dict of (str, str) to str
        For each claim (``P5``) and part (``P5.affective``) that can be tested, and each outcome:
        supported, contradicted or negligible.
    """
    found: dict[tuple[str, str], str] = {}
    for claim in (claim for one in load_claims(study) for claim in one.claims):
        for outcome in claim.outcomes(study):
            rows = _claim_rows(study, values, claim, outcome)
            if all(rows.values()):
                found |= rows
    return found


def _claim_rows(
    study: Study, values: Values, claim: Claim, outcome: str
) -> dict[tuple[str, str], str]:
    """Verdict of a claim and of its parts; empty where it cannot be tested."""
    if not claim.parts:
        return {(claim.id, outcome): _deserved(study, values, claim, outcome)}
    parts = {}
    for part in claim.parts:
        own = str(part.outcome or outcome)
        parts[f"{claim.id}.{part.id}", own] = _deserved(study, values, claim.part(part), own)
    verdicts = set(parts.values())
    ranked = ("contradicted", "negligible", "supported")
    whole = next((verdict for verdict in ranked if verdict in verdicts), "")
    return {(claim.id, outcome): whole, **parts}


def _deserved(study: Study, values: Values, claim: Claim, outcome: str) -> str:
    """Apply the verdict rules to intervals without width; the worst component decides."""
    if claim.estimand == "rival_models":  # every world gives each construct a factor of its own
        return "supported" if set(claim.versus) <= set(study.model_constructs) else ""
    found = _components(study, values, claim, outcome)
    if not found:
        return ""
    worst, bound = min(found) if claim.sign != "-" else -max(found), claim.bound
    if claim.sign in ("none", "any"):
        inside = abs(worst) < bound
        return "supported" if inside == (claim.sign == "none") else "contradicted"
    if claim.sign == "not_negative":
        return "supported" if worst > -bound else "contradicted"
    if abs(worst) < bound:
        return "negligible"
    return "supported" if worst > 0 else "contradicted"


def _components(study: Study, values: Values, claim: Claim, outcome: str) -> list[float]:
    """Population values that must all be as claimed; empty where the claim cannot be tested."""
    equation = equation_of(study, claim.estimand, outcome) if claim.estimand in BUILT else None
    if equation is None:
        return []
    keys = [(SLOPES, equation.model, claim.term)]
    if claim.estimand == "largest":
        keys += [(RIVALS, equation.model, f"{claim.term} - {rival}") for rival in claim.versus]
    elif claim.estimand == "slope_difference":
        if claim.versus != _sides(study):
            return []
        keys = [(SECTORS, equation.model, claim.term)]
    elif claim.estimand == "indirect":
        keys = [(INDIRECT, equation.model, THROUGH.join((claim.term, *claim.through)))]
    elif claim.estimand in CLAIMS_ON_SHARES:
        rivals = players_of(claim, equation)[1]
        keys = [(SHARE_LEADS, equation.model, f"{claim.term} - {rival}") for rival in rivals]
    elif set(claim.versus) - set(equation.focal):
        return []
    return [values[key] for key in keys] if all(key in values for key in keys) else []


def truth_tables(
    values: Values, planted: Mapping[tuple[str, str], str]
) -> dict[tuple[str, ...], dict[str, object]]:
    """Arrange population values and planted verdicts as the tables of truth.toml.

    Examples
    --------
    >>> truth_tables({("population", "search.total", "forced"): 0.01}, {("P6", "x"): "supported"})
    {('population', 'search.total'): {'forced': 0.01}, ('planted',): {'P6': {'x': 'supported'}}}
    """
    found: dict[tuple[str, ...], dict[str, object]] = {}
    for kind in KINDS:
        for (own, model, term), value in values.items():
            if own == kind:
                found.setdefault((kind, model), {})[term] = value
    verdicts: dict[str, dict[str, str]] = {}
    for (claim, outcome), verdict in planted.items():
        verdicts.setdefault(claim, {})[outcome] = verdict
    return {**found, ("planted",): dict(verdicts)}
