"""Every number of mediation and relative importance in the reference folder, and ours beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import reference_data
import sem_reference
from reference_numbers import ERROR, FIT, Number, Numbers

from loyalty_analysis.bootstrap import bootstrap
from loyalty_analysis.inference import Sample, estimate, single, vectorized
from loyalty_analysis.mediation import EFFECTS, effects
from loyalty_analysis.moments import Array, Moments, standardized_slopes
from loyalty_analysis.sensitivity import onward_slope
from loyalty_analysis.shares import Players, alone_and_last, johnson_weights, left_over, shares

CLOSED = 1e-8
DATASETS = ("satisfaction", "corp_rep", "investment_model_couples", "holzinger_swineford",
            "political_democracy", "swiss", "tal_or", "univbct")  # fmt: skip
IN_ERRORS = "in Monte Carlo errors"
REPLICATES = 10_000


def analyses(folder: Path) -> Iterator[tuple[str, Numbers]]:
    """Every analysis with its numbers."""
    for name in DATASETS:
        results = reference_data.load(folder, name)["results"]
        for block, found in results.items():
            if block.startswith("relative_importance"):
                yield f"{name}.{block}", list(of_importance(found, frame_of(folder, name)))
            if block.startswith("mediation"):
                frame = frame_of(folder, name)
                yield f"{name}.{block}", list(of_mediation(found, frame))
                yield f"{name}.{block} (bootstrap)", list(of_bootstrap(found, frame))
    psych = reference_data.load(folder, "tal_or")["results"]
    frame = frame_of(folder, "tal_or")
    found = psych["psych_mediate"]
    yield "tal_or.psych_mediate", list(of_psych(found, psych["mediation"], frame))


def frame_of(folder: Path, name: str) -> pd.DataFrame:
    """Respondents as the R scripts use them."""
    return sem_reference.rows(folder, name)


def _columns(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Driver, mediator and outcome; what stands beside them."""
    beside = found["covariates"]
    beside = [beside] if isinstance(beside, str) else list(beside)
    return [found["x"], found["m"], found["y"]], beside


def _sample(found: dict[str, Any], frame: pd.DataFrame) -> Sample:
    columns, beside = _columns(found)
    chosen = frame[[*columns, *beside]].dropna()
    assert len(chosen) == found["n"]
    return sem_reference.sample(chosen, chosen.columns)


def of_importance(found: dict[str, Any], frame: pd.DataFrame) -> Iterator[Number]:
    outcome, terms = found["outcome"], found["predictors"]
    moments = Moments.from_frame(frame[[*terms, outcome]].dropna().astype(float))
    assert moments.n == found["n"]
    players = Players(tuple((term,) for term in terms))
    cross = left_over(moments, outcome, players, [])
    first, last = alone_and_last(cross, players)
    beta = standardized_slopes(moments, outcome, terms, frozenset(terms))
    ours = {"lmg": shares(moments, outcome, players), "first": first, "last": last,
            "genizi": johnson_weights(cross), "betasq": beta**2,
            "pratt": beta * moments.correlation[-1, :-1]}  # fmt: skip
    for name, values in ours.items():
        for term, value in zip(terms, values, strict=True):
            yield Number(name, value, found[f"relaimpo_{name}"][term], CLOSED)
    yield Number("r2", float(ours["lmg"].sum()), found["r2"], CLOSED)


def values_of(found: dict[str, Any]):
    """Direct, indirect and total effect, then the two slopes of the path, as one function."""
    (driver, mediator, outcome), beside = _columns(found)

    @vectorized
    def values(moments: Moments) -> Array:
        return effects(moments, [driver], mediator, outcome, beside)[..., 0]

    return values


def of_mediation(found: dict[str, Any], frame: pd.DataFrame) -> Iterator[Number]:
    sample, values = _sample(found, frame), values_of(found)
    ours = dict(zip(EFFECTS, values(sample.moments[""]), strict=True))
    names = {"direct": "direct", "indirect": "ab", "total": "total"}
    for effect, theirs in names.items():
        yield Number(effect, ours[effect], found["observed"][theirs], CLOSED)
    # Normal theory, with lavaan's divisor: the delta errors of its path model.
    known = Sample(sample.columns, sample.moments)
    ratio = np.sqrt((sample.n - len(sample.columns)) / sample.n)
    errors = dict(zip(EFFECTS, estimate(single(values), known).std_error * ratio, strict=True))
    delta = {row["label"]: row for row in found["ml_delta"]}
    for effect, theirs in {"direct": "cp", "indirect": "ab", "total": "total"}.items():
        yield Number("std_error", errors[effect], delta[theirs]["se"], FIT)
    yield Number("indirect", ours["indirect"], found["mediation_boot"]["acme"], CLOSED)
    yield Number("direct", ours["direct"], found["mediation_boot"]["ade"], CLOSED)
    yield Number("share mediated", ours["indirect"] / ours["total"],
                 found["mediation_boot"]["prop_mediated"], CLOSED)  # fmt: skip
    yield from _of_medsens(found, sample.moments[""])


def _of_medsens(found: dict[str, Any], moments: Moments) -> Iterator[Number]:
    """R names the grid point at which its estimate is nearest to zero."""
    known = found["medsens"]
    if not isinstance(known.get("rho_at_acme_zero"), float):  # R found several
        return
    (driver, mediator, outcome), beside = _columns(found)
    rho = float(onward_slope(moments, mediator, outcome, [driver, *beside])[-1])
    away = (rho - known["rho_at_acme_zero"]) / known["rho_by"]
    yield Number("rho, in steps of R's grid", away, 0.0, 0.5 + ERROR, 1.0)


def of_bootstrap(found: dict[str, Any], frame: pd.DataFrame) -> Iterator[Number]:
    """Percentile ends, in Monte Carlo errors of the difference: both sides are random."""
    drawn = bootstrap(single(values_of(found)), _sample(found, frame), REPLICATES)
    known = found["bootstrap"]
    ends = zip(drawn.interval(), drawn.monte_carlo_error(), (0, 1), strict=True)
    for ours, errors, end in ends:
        for at, theirs in enumerate(("direct", "ab", "total")):
            both = errors[at] * np.sqrt(1 + REPLICATES / known["B"])
            away = (ours[at] - known[theirs]["perc"][end]) / both
            yield Number(f"percentile ends, {IN_ERRORS}", away, 0.0, 5.0, 1.0)
    for at, theirs in enumerate(("direct", "ab", "total")):
        error = drawn.std_error[at] / np.sqrt(2 * REPLICATES) * np.sqrt(1 + REPLICATES / known["B"])
        away = (drawn.std_error[at] - known["se"][theirs]) / error
        yield Number(f"bootstrap errors, {IN_ERRORS}", away, 0.0, 5.0, 1.0)


def of_psych(found: dict[str, Any], model: dict[str, Any], frame: pd.DataFrame) -> Iterator[Number]:
    sample = _sample(model, frame)
    direct, indirect, total = values_of(model)(sample.moments[""])
    yield Number("direct", direct, found["direct_cprime"], CLOSED)
    yield Number("indirect", indirect, found["a"] * found["b"], CLOSED)
    yield Number("total", total, found["total_c"], CLOSED)
    drawn = bootstrap(single(values_of(model)), sample, REPLICATES)
    ends = zip(drawn.interval(), drawn.monte_carlo_error(), found["boot_ci"], strict=True)
    for ours, errors, theirs in ends:
        both = errors[1] * np.sqrt(1 + REPLICATES / found["n_iter"])
        away = (ours[1] - theirs) / both
        yield Number(f"percentile ends, {IN_ERRORS}", away, 0.0, 5.0, 1.0)
