"""Every latent model that R fitted to the reference data, fitted here and compared with it.

``analyses(folder)`` gives both sides of each analysis, number by number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import reference_data
from reference_numbers import (
    ERROR,
    ERRORS,
    ESTIMATES,
    FIT,
    INDICES,
    ROBUST,
    STANDARDIZED,
    WITHOUT,
    Number,
    Numbers,
)
from scipy.special import ndtr

from loyalty_analysis.bootstrap import bootstrap
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.sem_fit import Fit, fit_model
from loyalty_analysis.sem_indices import difference_test, fit_indices
from loyalty_analysis.sem_ladder import STEPS, ladder, step_fits
from loyalty_analysis.sem_likelihood import Likelihood
from loyalty_analysis.sem_model import parameter_table, parse
from loyalty_analysis.sem_results import (
    Z,
    estimates,
    latent_correlations,
    problems,
    r_squared,
    standardized,
)

SPECIAL = {
    "cfa_wishart": {"wishart": True},
    "cfa_3factor_fixed_variance": {"standardized_factors": True},
}
"""Options of the R blocks that their names tell."""
EXCUSED = {("satisfaction.sem_ecsi (MLR)", "std_error"): 2e-3}
"""Where the reference itself is less exact. The model is all but unidentified, and lavaan takes its
observed information from numerical differences: the same lavaan gives 0.09185 on another machine
for the error of QUAL ~~ QUAL that is 0.09176 in the reference; ours, exact, is 0.09186."""


@dataclass(frozen=True)
class Block:
    """One result block of R: a data set and the name of the block."""

    dataset: str
    name: str

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"


def blocks(folder: Path, kind: str) -> list[Block]:
    """Blocks of a kind: ``model``, ``paths`` (mediation), ``one_factor`` or ``invariance``."""
    found = []
    for file in sorted((folder / "refs").glob("*.json")):
        for name, block in reference_data.load(folder, file.stem)["results"].items():
            kinds = {
                "model": isinstance(block, dict) and {"model", "estimates"} <= set(block),
                "paths": isinstance(block, dict) and "ml_delta" in block,
                "one_factor": name == "common_method",
                "invariance": name.startswith("invariance"),
            }
            found += [Block(file.stem, name)] if kinds[kind] else []
    return found


@cache
def _results(folder: Path, dataset: str) -> dict[str, Any]:
    return reference_data.load(folder, dataset)["results"]


def result(folder: Path, block: Block) -> dict[str, Any]:
    """What R found."""
    return _results(folder, block.dataset)[block.name]


@cache
def rows(folder: Path, dataset: str) -> pd.DataFrame:
    """Respondents as the R scripts use them, before incomplete ones are left out."""
    if dataset in ("corp_rep", "satisfaction", "investment_model_couples"):
        return reference_data.scores(folder, dataset)
    frame = pd.read_csv(folder / "data" / f"{dataset}.csv")
    composites = {
        "political_democracy": {"ind60": "x123", "dem60": "y1234", "dem65": "y5678"},
        "holzinger_swineford": {"visual": "x123", "textual": "x456", "speed": "x789"},
    }.get(dataset, {})
    scored = {score: frame[[f"{items[0]}{i}" for i in items[1:]]].mean(axis=1)
              for score, items in composites.items()}  # fmt: skip
    return frame[frame["TIME"] == 0] if dataset == "univbct" else frame.assign(**scored)


def all_rows(folder: Path, dataset: str) -> pd.DataFrame:
    """All respondents, missing answers included."""
    frame = pd.read_csv(folder / "data" / f"{dataset}.csv")
    return frame.mask(frame == -99)


def sample(frame: pd.DataFrame, columns: Any, cluster: str | None = None) -> Sample:
    """Respondents as a sample of one group."""
    values = frame[list(columns)].to_numpy(dtype=float)
    clusters = None if cluster is None else {"": frame[cluster].to_numpy(dtype=str)}
    moments = {"": Moments.from_rows(tuple(columns), np.nan_to_num(values))}
    return Sample(tuple(columns), moments, {"": values}, None, clusters)


def fitted(folder: Path, block: Block, **options: Any) -> Fit:
    """The model of a block, fitted to moments unless ``robust`` or ``missing`` ask for more."""
    wanted = result(folder, block)
    model = parse(wanted.get("model") or "G =~ " + " + ".join(wanted["variables"]))
    if options.get("missing"):
        return fit_model(model, sample(all_rows(folder, block.dataset), model.observed), **options)
    frame = rows(folder, block.dataset).dropna(subset=list(model.observed))
    options |= SPECIAL.get(block.name, {})
    if options.get("robust"):
        return fit_model(
            model, sample(frame, model.observed, options.pop("cluster", None)), **options
        )
    return fit_model(model, Moments.from_frame(frame[list(model.observed)]), **options)


def indices(fit: Fit, wanted: dict[str, float], names: dict[str, str] = INDICES) -> Numbers:
    """Fit indices of both sides."""
    found = fit_indices(fit)
    both = {ours: wanted[theirs] for ours, theirs in names.items()
            if wanted.get(theirs) is not None}  # fmt: skip
    assert both.keys() - found.keys() <= (WITHOUT if fit.data.missing else set())
    return [Number(name, found[name], both[name], FIT) for name in both if name in found]


def parameters(fit: Fit, wanted: list[dict[str, Any]], names: dict[str, str]) -> Numbers:
    """Parameters of both sides, all of R's rows."""
    table = _tested(estimates(fit))
    ours = {key: number for number, key in enumerate(
        zip(table["lhs"], table["op"], table["rhs"], strict=True))}  # fmt: skip
    found: Numbers = []
    for row in wanted:
        key = (row["lhs"], row["op"], row["rhs"])
        at = ours.get(key, ours.get((key[2], key[1], key[0])))
        if at is None:
            raise AssertionError(f"no parameter {key}")
        for name, theirs in names.items():
            if row.get(theirs) is not None:
                tolerance = ERROR if name in ERRORS else FIT
                floor = row.get("se", 0.0) if name == "estimate" else 0.0
                found.append(
                    Number(name, float(table[name].iloc[at]), row[theirs], tolerance, floor)
                )
    return found


def _tested(table: pd.DataFrame) -> pd.DataFrame:
    """With what follows from a standardized value and its error, as R prints it."""
    value, error = table["standardized"], table["standardized_error"]
    z = (value / error.where(error > 0)).to_numpy()
    return table.assign(
        standardized_statistic=z,
        standardized_p_value=2 * ndtr(-np.abs(z)),
        standardized_low=value - Z * error,
        standardized_high=value + Z * error,
    )


def model_numbers(folder: Path, block: Block) -> Numbers:
    """Plain maximum likelihood: everything R printed."""
    wanted, fit = result(folder, block), fitted(folder, block)
    found = indices(fit, wanted["fit"])
    found += parameters(fit, wanted["estimates"], ESTIMATES)
    found += parameters(fit, wanted["standardized"], STANDARDIZED)
    r2 = r_squared(fit).set_index("variable")["r2"]
    found += [Number("r2", r2[name], value, FIT) for name, value in wanted["r2"].items()]
    found += [n for row in wanted.get("modindices_top10", []) for n in modification(fit, row)]
    return found + (_latent(fit, wanted["latent_cor"]) if "latent_cor" in wanted else [])


def _latent(fit: Fit, wanted: dict[str, Any]) -> Numbers:
    table = pd.DataFrame(wanted["values"], wanted["rows"], wanted["cols"])
    pairs = latent_correlations(fit)[["a", "b", "r"]].itertuples(index=False)
    return [Number("latent_correlation", r, table.loc[a, b], FIT) for a, b, r in pairs]


def modification(fit: Fit, wanted: dict[str, Any]) -> Numbers:
    """What freeing a parameter would change, from the score and the expected information."""
    key = wanted["lhs"], wanted["op"], wanted["rhs"]
    model = parse(f"{fit.model.script}\n{' '.join(key)}")
    rows = parameter_table(model, 1, means=fit.means)
    freer = Likelihood(rows, fit.data, fit.model.observed, fit.model.latent)
    known = {row.key: fit.theta[row.free] for row in fit.rows if row.free >= 0}
    theta = np.zeros(freer.free, dtype=complex)
    for row in rows:
        if row.free >= 0:
            theta[row.free] = known.get(row.key, 0.0)
    at = [row.key for row in rows].index(key)
    new = rows[at].free
    steepness, information = freer.slopes(theta.real)
    move = -np.linalg.solve(information, steepness)
    theta[new] += 1e-30j  # a complex step: how fast the standardized value grows from zero
    scale = standardized(freer.graphs[0], theta).imag[at] / 1e-30
    ours = {"mi": -fit.data.size * steepness @ move, "epc": move[new]}
    ours["sepc.all"] = ours["epc"] * scale
    return [Number("modification indices", x, wanted[name], FIT) for name, x in ours.items()]


def robust_numbers(folder: Path, block: Block) -> Numbers:
    """MLR."""
    wanted, fit = result(folder, block)["mlr"], fitted(folder, block, robust=True)
    return indices(fit, wanted["fit"], ROBUST) + parameters(
        fit, wanted["se"], {"estimate": "est", "std_error": "se"}
    )


def missing_numbers(folder: Path, block: Block) -> Numbers:
    """Full-information maximum likelihood."""
    wanted, fit = result(folder, block)["fiml"], fitted(folder, block, missing="ml")
    return indices(fit, wanted["fit"]) + parameters(fit, wanted["estimates"], ESTIMATES)


def cluster_numbers(folder: Path) -> Numbers:
    """Errors and statistic by cluster."""
    block = Block("investment_model_couples", "sem")
    wanted = _results(folder, block.dataset)["sem_cluster_robust"]
    fit = fitted(folder, block, robust=True, cluster="couple")
    return indices(fit, wanted["fit"], ROBUST) + parameters(fit, wanted["estimates"], ESTIMATES)


def path_numbers(folder: Path, block: Block) -> Numbers:
    """Path models of observed scores with defined effects."""
    wanted = result(folder, block)
    return parameters(fitted(folder, block), wanted["ml_delta"], ESTIMATES)


def one_factor_numbers(folder: Path, block: Block) -> Numbers:
    """One factor behind all items."""
    return indices(fitted(folder, block), result(folder, block)["one_factor_cfa_fit"])


def admissible_numbers(folder: Path) -> Numbers:
    """Whether each solution is admissible, as lavaan's post.check says."""
    return [Number("admissible", float(not problems(fitted(folder, block))),
                   float(result(folder, block)["post_check"]), 0.0)
            for block in blocks(folder, "model")]  # fmt: skip


def invariance_numbers(folder: Path, block: Block) -> Numbers:
    """The four steps, their differences and the latent means of the scalar step."""
    wanted = result(folder, block)
    model = parse(wanted["model"])
    frame = rows(folder, block.dataset).dropna(subset=list(model.observed))
    labels = frame[wanted["group"]].astype(str)
    groups = {name: Moments.from_frame(frame.loc[labels == name, list(model.observed)])
              for name in wanted["group_labels"]}  # fmt: skip
    fits = step_fits(model, groups)
    found: Numbers = []
    for step in STEPS:
        found += [number._replace(quantity=f"{step}: {number.quantity}")
                  for number in indices(fits[step], wanted["fit"][step])]  # fmt: skip
    for before, step, row in zip(STEPS, STEPS[1:], wanted["lrt"][1:], strict=False):
        test = difference_test(fits[before], fits[step])
        names = {"chi2": "chisq_diff", "df": "df_diff", "p_value": "p"}
        found += [Number(f"difference {a}", test[a], row[b], FIT) for a, b in names.items()]
    for row, theirs in zip(ladder(fits).iloc[1:].to_dict("records"), wanted["delta"], strict=True):
        found += [Number(f"change of {name}", row[f"delta_{name}"], theirs[f"d_{name}"], FIT, 1e-2)
                  for name in ("cfi", "rmsea", "srmr")]  # fmt: skip
    table = estimates(fits["scalar"]).query("op == '~1'").set_index(["lhs", "group"])
    for row in wanted["scalar_latent_means"]:
        at = table.loc[row["lhs"], wanted["group_labels"][row["group"] - 1]]
        found += [Number("latent mean", at["estimate"], row["est"], FIT, row["se"])]
        found += [Number(ours, at[ours], row[theirs], ERROR) for ours, theirs in ESTIMATES.items()
                  if ours != "estimate" and row.get(theirs) is not None]  # fmt: skip
    return found


def bootstrap_numbers(folder: Path) -> Numbers:
    """Latent indirect and total effect, as many draws as R took; in Monte Carlo errors of these."""
    block = Block("political_democracy", "sem_bollen")
    wanted = _results(folder, block.dataset)["latent_indirect_bootstrap"]
    model = parse(result(folder, block)["model"])

    def effects(groups: Mapping[str, Moments]) -> Array:
        fit = fit_model(model, groups[""])
        slope = {row.label: fit.theta[row.free] for row in fit.rows if row.label}
        indirect = slope["a"] * slope["b"]
        return np.array([indirect, slope["cp"] + indirect])

    drawn = bootstrap(effects, sample(rows(folder, block.dataset), model.observed), wanted["B"])
    both = zip(("ci.lower", "ci.upper"), drawn.interval(), drawn.monte_carlo_error(), strict=True)
    found = [("se", drawn.std_error, drawn.std_error / np.sqrt(2 * wanted["B"])), *both]
    return [Number("bootstrap, in Monte Carlo errors", (x - row[name]) / e, 0.0, 5.0, 1.0)
            for name, ours, errors in found
            for x, e, row in zip(ours, errors, wanted["rows"], strict=True)]  # fmt: skip


def printed_numbers(folder: Path) -> Numbers:
    """Fit as the lavaan tutorial prints it, in units of the last digit."""
    table = pd.read_csv(folder / "published" / "published_point_values.csv")
    table = table[table["reference_set"] == "holzinger_swineford"]
    fit = fit_indices(fitted(folder, Block("holzinger_swineford", "cfa_3factor")))
    ours = {theirs: fit[name] for name, theirs in INDICES.items() if name in fit}
    values = table[["quantity", "published_value", "decimals"]].itertuples(index=False)
    return [Number("fit, in units of the last digit",
                   (ours[name.split()[1]] - value) * 10.0**decimals, 0.0, 0.6, 1.0)
            for name, value, decimals in values]  # fmt: skip


def analyses(folder: Path) -> Iterator[tuple[str, Numbers]]:
    """Every analysis with its numbers."""
    for name, numbers in _analyses(folder):
        yield name, [n._replace(tolerance=EXCUSED.get((name, n.quantity), n.tolerance))
                     for n in numbers]  # fmt: skip


def _analyses(folder: Path) -> Iterator[tuple[str, Numbers]]:
    yield "every latent model", admissible_numbers(folder)
    for block in blocks(folder, "model"):
        yield str(block), model_numbers(folder, block)
        if "mlr" in result(folder, block):
            yield f"{block} (MLR)", robust_numbers(folder, block)
        if "fiml" in result(folder, block):
            yield f"{block} (FIML)", missing_numbers(folder, block)
    yield "investment_model_couples.sem_cluster_robust", cluster_numbers(folder)
    for block in blocks(folder, "paths"):
        yield str(block), path_numbers(folder, block)
    for block in blocks(folder, "one_factor"):
        yield str(block), one_factor_numbers(folder, block)
    for block in blocks(folder, "invariance"):
        yield str(block), invariance_numbers(folder, block)
    yield "political_democracy.latent_indirect_bootstrap", bootstrap_numbers(folder)
    yield "published.holzinger_swineford", printed_numbers(folder)
