"""The truth about a simulated world: population values, and the verdicts its claims deserve.

Population values come from a very large draw, through the package's own functions of Moments; the
tests find them a second time, respondent by respondent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import combinations
from operator import add

import numpy as np

from loyalty_analysis.analysis import single_claims
from loyalty_analysis.claims import LEVELS, SLOPES, TYPES, Claim, load_claims, members_of
from loyalty_analysis.claims import SHARES as CLAIMS_ON_SHARES
from loyalty_analysis.contrasts import SQUARES
from loyalty_analysis.drivers import players_of
from loyalty_analysis.equations import Equation, equation_of, equations
from loyalty_analysis.full_respondents import full_blocks, full_moments
from loyalty_analysis.full_worlds import RECORDED, FullWorld
from loyalty_analysis.inference import pooled
from loyalty_analysis.levels import level_contrast
from loyalty_analysis.mediation import THROUGH, beside_path, chain
from loyalty_analysis.moments import Array, Moments, slopes, standardized_slopes
from loyalty_analysis.respondents import TRUTH, blocks, moments_by_sector
from loyalty_analysis.rules import INCONCLUSIVE, NOT_TESTABLE, SUPPORTED, ruling_of_parts
from loyalty_analysis.rules import Ruling as Deserved
from loyalty_analysis.shares import shares
from loyalty_analysis.study import Study
from loyalty_analysis.typology import type_contrast
from loyalty_analysis.worlds import World

DRAW, SEED = 4_000_000, 1
POPULATION, RIVALS, SECTORS = "population", "differences", "slope_differences"
SHARE_LEADS, INDIRECT, PRODUCTS, SUMS = "share_differences", "indirect", "interactions", "sums"
GROUPS = "contrasts"
ESTIMANDS = (POPULATION, RIVALS, SECTORS, SHARE_LEADS, INDIRECT, PRODUCTS, SUMS, GROUPS)
CORRECTED = "corrected_"
"""Before a kind: the same among constructs free of error of measurement."""
OVERLAP, LOADING_GAPS = "overlap", "loading_differences"
KINDS = (*ESTIMANDS, *(CORRECTED + kind for kind in ESTIMANDS), OVERLAP, LOADING_GAPS)

# By kind, model and term.
Values = dict[tuple[str, str, str], float]


def population(world: World | FullWorld, study: Study, draw: int = DRAW) -> tuple[Values, float]:
    """Find the population value of every estimand from a very large draw.

    Parameters
    ----------
    world : World or FullWorld
    study : Study
        The study file of that world.
    draw : int
        Respondents to draw.

    Returns
    -------
    values : dict
        As :func:`population_values` gives them; of a full world also those among constructs free
        of error, the correlations of constructs too close to be told apart, and loadings that
        differ between sectors.
    error : float
        The largest Monte Carlo standard error among them, from the spread between blocks; not a
        number where there is one block only.
    """
    claims = single_claims(study)

    def found(sets: Sequence[Mapping[str, Moments]]) -> Values:
        values = population_values(study, sets[0], claims)
        for groups in sets[1:]:
            exact = population_values(study, groups, [one for one in claims if one.comparing])
            values |= {(CORRECTED + kind, m, t): value for (kind, m, t), value in exact.items()}
        return values

    parts = list(_moments(world, study, draw))
    total = [{side: reduce(add, (part[at][side] for part in parts)) for side in parts[0][at]}
             for at in range(len(parts[0]))]  # fmt: skip
    each = [list(found(part).values()) for part in parts]
    spread = np.std(each, axis=0, ddof=1).max() if len(each) > 1 else np.nan
    values = found(total)
    if isinstance(world, FullWorld):
        values |= _overlaps(study, pooled(total[1])) | _loading_gaps(world, study)
    return values, float(spread / np.sqrt(len(each)))


def _moments(
    world: World | FullWorld, study: Study, draw: int
) -> Iterator[tuple[dict[str, Moments], ...]]:
    """Moments in each sector, of each block: of scores; where known, of constructs beside them."""
    if isinstance(world, FullWorld):
        for full, _ in full_blocks(world, study, draw, SEED, TRUTH):
            yield full_moments(study, full)
    else:
        for drawn, _ in blocks(world, draw, SEED, TRUTH):
            yield (moments_by_sector(world, drawn),)


def _overlaps(study: Study, exact: Moments) -> Values:
    """Correlations beyond the gate of HTMT, of constructs with several items."""
    names = [name for name in study.analysed if len(study.items_of(name)) > 1]
    found = exact[names].correlation
    return {
        (OVERLAP, "", f"{a} and {b}"): float(found[names.index(a), names.index(b)])
        for a, b in combinations(names, 2)
        if abs(found[names.index(a), names.index(b)]) > study.gates.htmt
    }


def _loading_gaps(world: FullWorld, study: Study) -> Values:
    """Loading of an item in goods minus that in services, where they differ."""
    return {
        (LOADING_GAPS, name, item): goods - services
        for name, sides in world.loadings.items()
        for item, goods, services in zip(study.items_of(name), *sides, strict=True)
        if goods != services
    }


def population_values(
    study: Study, groups: Mapping[str, Moments], claims: Sequence[Claim]
) -> Values:
    """Standardized slopes of every equation, and what claims make of them.

    Differences to rivals and between sectors, leads in explained variance, indirect effects,
    products, sums of slopes, contrasts of levels and types.

    Parameters
    ----------
    study : Study
    groups : mapping of str to Moments
        Moments of every model column in each sector.
    claims : sequence of Claim
        Single claims; they say what is needed beside slopes.

    Returns
    -------
    dict
        By kind, model and term; a sector difference is that of the study's contrast, in SDs of the
        whole population.
    """
    whole = pooled(groups)
    values: Values = {}
    for view in map(study.view, study.parts):
        for equation in equations(view):
            terms = _terms(equation, whole.columns)
            scaled = frozenset(term for term in terms if "[" not in term)
            found = standardized_slopes(whole, equation.outcome, terms, scaled)
            values |= _keyed(POPULATION, equation.model, terms, found)
            if view.contrasts and equation.kind in ("total", "mediator"):
                values |= _sector_differences(view, equation, terms, groups)
        for kind, estimands in _FOUND.items():
            asked = [claim for claim in claims if claim.estimand in estimands]
            for claim in asked:
                for outcome in claim.outcomes(study):
                    values |= kind(view, claim, outcome, whole, values)
    return values


def _indirect(study: Study, claim: Claim, outcome: str, whole: Moments, _values: Values) -> Values:
    equation = equation_of(study, "indirect", outcome)
    path = (claim.term, *claim.through, outcome)
    own = {one.outcome for one in equations(study)}
    if equation is None or set(path) - set(study.model_constructs) or set(claim.through) - own:
        return {}
    beside = [_columns(rest, whole.columns) for rest in beside_path(study, path)]
    return _keyed(INDIRECT, equation.model, [THROUGH.join(path[:-1])], chain(whole, path, beside))


def _share_leads(
    study: Study, claim: Claim, outcome: str, whole: Moments, _values: Values
) -> Values:
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


def _rival_differences(
    study: Study, claim: Claim, outcome: str, _whole: Moments, values: Values
) -> Values:
    equation = equation_of(study, "largest", outcome)
    if equation is None or {claim.term, *claim.versus} - set(equation.focal):
        return {}
    own = values[POPULATION, equation.model, claim.term]
    return {
        (RIVALS, equation.model, f"{claim.term} - {rival}"): (
            own - values[POPULATION, equation.model, rival]
        )
        for rival in claim.versus
    }


def _products(study: Study, claim: Claim, outcome: str, whole: Moments, _values: Values) -> Values:
    equation = equation_of(study, "interaction", outcome)
    pair = claim.term.split(":")
    if equation is None or set(pair) - {*equation.focal, *study.model.moderators}:
        return {}
    size, found = whole[[*pair, outcome]].sd, {}
    # A square of a column of two values is a straight line of it.
    graded = [f"{name}:{name}" for name in pair if name not in RECORDED]
    for squares in ([], graded) if len(graded) == 2 else ([],):
        sides = [*_terms(equation, whole.columns), *pair, *squares, claim.term]
        slope = slopes(whole, outcome, tuple(dict.fromkeys(sides)))[-1]
        name = f"{claim.term}, {SQUARES}" if squares else claim.term
        found[PRODUCTS, equation.model, name] = float(slope * size[0] * size[1] / size[2])
    return found


def _sums(study: Study, claim: Claim, outcome: str, _whole: Moments, values: Values) -> Values:
    equation, terms = equation_of(study, claim.estimand, outcome), members_of(claim.term)
    if len(terms) == 1 or equation is None or set(terms) - set(equation.focal):
        return {}
    found = sum(values[POPULATION, equation.model, term] for term in terms)
    return {(SUMS, equation.model, claim.term): found}


def _group_contrasts(
    study: Study, claim: Claim, outcome: str, whole: Moments, _values: Values
) -> Values:
    if study.part or study.levels is None:
        return {}
    controls = _columns(study.model.controls, whole.columns)
    if claim.estimand in TYPES:
        value = type_contrast(whole, outcome, controls, claim)
    else:
        value = level_contrast(whole, outcome, study.levels.names, controls, claim)
    return {(GROUPS, f"{outcome}.{claim.term}s", _contrast_name(claim)): float(value[0])}


def _contrast_name(claim: Claim) -> str:
    return f"{claim.estimand}: {' | '.join(claim.versus)}"


_FOUND = {
    _rival_differences: ("largest",),
    _indirect: ("indirect",),
    _share_leads: CLAIMS_ON_SHARES,
    _products: ("interaction",),
    _sums: SLOPES,
    _group_contrasts: (*LEVELS, *TYPES),
}


def planted_verdicts(study: Study, values: Values) -> dict[tuple[str, str], Deserved]:
    """Say which verdict each claim deserves: what a sample without end would lead to.

    Parameters
    ----------
    study : Study
    values : dict
        As :func:`population` gives them.

    Returns
    -------
    dict of (str, str) to Ruling
        For each claim (``P5``) and part (``P5.affective``) whose constructs the study has, and
        each outcome: supported, contradicted or negligible; inconclusive where values with and
        without error of measurement disagree; not testable where a gate stops it.
    """
    found: dict[tuple[str, str], Deserved] = {}
    for claim in (claim for one in load_claims(study) for claim in one.claims):
        for outcome in claim.outcomes(study):
            found |= _claim_rows(study, values, claim, outcome)
    return found


def _claim_rows(
    study: Study, values: Values, claim: Claim, outcome: str
) -> dict[tuple[str, str], Deserved]:
    """Verdict of a claim and of its parts; empty where the study lacks what it names."""
    if not claim.parts:
        own = _deserved(study, values, claim, outcome)
        return {(claim.id, outcome): own} if own else {}
    parts: dict[tuple[str, str], Deserved] = {}
    for part in claim.parts:
        single = claim.part(part)
        for name in single.outcomes(study) if part.outcome else (outcome,):
            own = _deserved(study, values, single, name)
            if own is None:
                return {}
            parts[f"{claim.id}.{part.id}", name] = own
    stopped = [one.reason for one in parts.values() if one.verdict == NOT_TESTABLE]
    if stopped:
        whole = Deserved(NOT_TESTABLE, reason="; ".join(dict.fromkeys(stopped)))
        parts = {
            key: Deserved(NOT_TESTABLE, reason=one.reason if one.verdict == NOT_TESTABLE else
                          "claim_not_testable")
            for key, one in parts.items()
        }  # fmt: skip
    else:
        whole = ruling_of_parts(list(parts.values()))
    return {(claim.id, outcome): whole, **parts}


def _deserved(study: Study, values: Values, claim: Claim, outcome: str) -> Deserved | None:
    """Verdict of a claim without parts; None where the study lacks what it names."""
    if claim.estimand == "rival_models":
        return _distinct(study, values, claim)
    home, keys = home_of(study, values, claim, outcome)
    if home is None:
        return None
    if stopped := _stopped(home, values, claim, outcome):
        return Deserved(NOT_TESTABLE, reason=stopped)
    found = _verdict([values[key] for key in keys], claim)
    corrected = [(CORRECTED + kind, model, term) for kind, model, term in keys]
    exact = [values[key] for key in corrected if key in values]
    if claim.comparing and exact:
        across = claim.sign == "any" and exact[0] * values[keys[0]] < 0
        if (across and found == SUPPORTED) or _verdict(exact, claim) != found:
            return Deserved(INCONCLUSIVE, reason="measurement_error")
    kind, model, term = keys[0]
    bent = values.get((kind, model, f"{term}, {SQUARES}"))
    if bent is not None and _verdict([bent], claim) != found:
        return Deserved(INCONCLUSIVE, reason="curvature")
    return Deserved(found)


def home_of(
    study: Study, values: Values, claim: Claim, outcome: str
) -> tuple[Study | None, list[tuple[str, str, str]]]:
    """The first model of a study that holds what a claim names, and the values that decide it."""
    for view in map(study.view, study.parts):
        keys = _keys(view, claim, outcome)
        if keys and all(key in values for key in keys):
            return view, keys
    return None, []


def _verdict(found: Sequence[float], claim: Claim) -> str:
    """Apply the verdict rules to intervals without width; the worst component decides."""
    worst, bound = min(found) if claim.sign != "-" else -max(found), claim.bound
    if claim.sign in ("none", "any"):
        inside = abs(worst) < bound
        return "supported" if inside == (claim.sign == "none") else "contradicted"
    if claim.sign == "not_negative":
        return "supported" if worst > -bound else "contradicted"
    if abs(worst) < bound:
        return "negligible"
    return "supported" if worst > 0 else "contradicted"


def _distinct(study: Study, values: Values, claim: Claim) -> Deserved | None:
    """Every world gives each construct a factor of its own, but for those that are one."""
    if set(claim.versus) - set(study.model_constructs):
        return None
    same = _not_distinct(values, claim.versus, claim.versus)
    return Deserved(INCONCLUSIVE, reason="structures_tie") if same else Deserved("supported")


def _not_distinct(values: Values, named: Sequence[str], together: Sequence[str]) -> list[str]:
    """Pairs too close to be told apart, of a construct that is named and one beside it."""
    pairs = [term for kind, _, term in values if kind == OVERLAP]
    both = {f"{a} and {b}" for a in named for b in {*together, *named}}
    return [pair for pair in pairs if {pair, " and ".join(pair.split(" and ")[::-1])} & both]


def _stopped(study: Study, values: Values, claim: Claim, outcome: str) -> str:
    """The gates that stop a claim, with what they are about."""
    equation = equation_of(study, claim.estimand, outcome)
    together = (outcome, *equation.terms) if equation else (outcome,)
    named = together if claim.estimand == "largest_share" else (*claim.constructs, outcome)
    same = _not_distinct(values, named, together)
    reasons = [f"not_distinct: {', '.join(same)}"] if same else []
    if claim.estimand == "slope_difference":
        gaps = [construct for kind, construct, _ in values if kind == LOADING_GAPS]
        # Two items of each construct have to mean the same in both groups.
        if any(len(study.items_of(name)) - gaps.count(name) < 2 for name in gaps):
            reasons.append("not_invariant: sector")
    return "; ".join(reasons)


def _keys(study: Study, claim: Claim, outcome: str) -> list[tuple[str, str, str]]:
    """Names of the values that must all be as claimed; empty where this model lacks the claim."""
    if claim.estimand in (*LEVELS, *TYPES):
        return [(GROUPS, f"{outcome}.{claim.term}s", _contrast_name(claim))]
    equation = equation_of(study, claim.estimand, outcome)
    if equation is None:
        return []
    keys = [(POPULATION, equation.model, claim.term)]
    if claim.estimand == "largest":
        keys += [(RIVALS, equation.model, f"{claim.term} - {rival}") for rival in claim.versus]
    elif claim.estimand == "slope_difference":
        if not study.contrasts or claim.versus != _sides(study):
            return []
        keys = [(SECTORS, equation.model, claim.term)]
    elif claim.estimand == "indirect":
        keys = [(INDIRECT, equation.model, THROUGH.join((claim.term, *claim.through)))]
    elif claim.estimand == "interaction":
        keys = [(PRODUCTS, equation.model, claim.term)]
    elif claim.estimand in CLAIMS_ON_SHARES:
        rivals = players_of(claim, equation)[1]
        keys = [(SHARE_LEADS, equation.model, f"{claim.term} - {rival}") for rival in rivals]
    elif set(claim.versus) - set(equation.focal):
        return []
    elif "+" in claim.term:
        keys = [(SUMS, equation.model, claim.term)]
    return keys


def truth_tables(
    values: Values, planted: Mapping[tuple[str, str], Deserved]
) -> dict[tuple[str, ...], dict[str, object]]:
    """Arrange population values and planted verdicts as the tables of truth.toml.

    Examples
    --------
    >>> planted = {("P6", "x"): Deserved("supported")}
    >>> truth_tables({("population", "search.total", "forced"): 0.01}, planted)
    {('population', 'search.total'): {'forced': 0.01}, ('planted',): {'P6': {'x': 'supported'}}}
    """
    found: dict[tuple[str, ...], dict[str, object]] = {}
    for kind in KINDS:
        for (own, model, term), value in values.items():
            if own == kind:
                found.setdefault((kind, *filter(None, [model])), {})[term] = value
    verdicts: dict[str, dict[str, str]] = {}
    for (claim, outcome), one in planted.items():
        verdicts.setdefault(claim, {})[outcome] = one.verdict
    return {**found, ("planted",): dict(verdicts)}
