"""Every number of reliability and validity in the reference folder, and ours beside it.

``analyses(folder)`` gives both sides of each analysis, as ``sem_reference`` does for latent models.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import reference_data
from reference_numbers import Number

from loyalty_analysis import measurement
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.reliability import one_factor
from loyalty_analysis.validity import htmt

CLOSED, ESTIMATED, PRINTED = 1e-8, 1e-4, 1e-3
"""Tolerances: closed form; after an estimation; recomputed from three printed digits."""
DATASETS = ("satisfaction", "corp_rep", "investment_model_couples", "holzinger_swineford",
            "political_democracy")  # fmt: skip
ABSOLUTE = 1.0
"""A floor that no printed number reaches: its difference counts as it is."""
MISPRINTED = ("ha2023_switching_costs", "SQ", "composite reliability")
"""Published .896 beside loadings that give .898: see the SOURCES.md of the reference folder."""
Found = Iterator[Number]


def analyses(folder: Path) -> Iterator[tuple[str, list[Number]]]:
    """Every analysis with its numbers."""
    for name in DATASETS:
        results = reference_data.load(folder, name)["results"]
        frame = every = pd.read_csv(folder / "data" / f"{name}.csv")
        if name in reference_data.BUILDERS:
            frame = reference_data.scores(folder, name)
        # Here R took the reliabilities of all who answered the items of the construct.
        pairwise = every if name == "investment_model_couples" else frame
        blocks = (of_reliability(found, pairwise) for found in results["reliability"].values())
        yield f"{name}.reliability", list(chain.from_iterable(blocks))
        yield f"{name}.htmt", list(of_htmt(results, frame))
        if common := results.get("common_method"):
            yield f"{name}.common_method (KMO, Bartlett)", list(of_adequacy(common, frame))
        for model, found in results.items():
            if isinstance(found, dict) and isinstance(found.get("ave"), dict):
                divisor = -1 if model == "cfa_wishart" else 0
                yield f"{name}.{model} (AVE, omega)", list(of_loadings(found, frame, divisor))
    yield from of_published(folder / "published")


def of_adequacy(found: dict[str, Any], frame: pd.DataFrame) -> Found:
    moments = Moments.from_frame(frame[found["variables"]].dropna())
    overall, items = measurement.sampling_adequacy(moments)
    yield Number("KMO", overall, found["kmo_overall"], CLOSED)
    for item, ours in zip(moments.columns, items, strict=True):
        yield Number("KMO of items", ours, found["kmo_items"][item], CLOSED)
    test = measurement.bartlett(moments)
    for kind, value in zip(("chisq", "df", "p"), test, strict=True):
        yield Number(f"Bartlett {kind}", value, found["bartlett"][kind], CLOSED)


def of_reliability(found: dict[str, Any], frame: pd.DataFrame) -> Found:
    moments = Moments.from_frame(frame[list(found["item_rest_r"])].dropna())
    correlation, k = moments.correlation, len(moments.columns)
    yield Number("respondents", moments.n, found["n"], CLOSED)
    alpha = measurement.cronbach_alpha(moments.covariance)
    yield Number("alpha", alpha, found["alpha_raw"], CLOSED)
    standardized = measurement.cronbach_alpha(correlation)
    yield Number("standardized alpha", standardized, found["alpha_std"], CLOSED)
    mean_r = (correlation.sum() - k) / (k * (k - 1))
    yield Number("mean correlation", mean_r, found["avg_inter_item_r"], CLOSED)
    feldt = measurement.feldt_interval(alpha, moments.n, k)
    for ours, theirs in zip(feldt, found["alpha_feldt_ci95"].values(), strict=True):
        yield Number("Feldt interval", ours, theirs, CLOSED)
    for ours, item in zip(measurement.item_rest(moments)[0], moments.columns, strict=True):
        yield Number("item-rest", ours, found["item_rest_r"][item], CLOSED)
    dropped = measurement.alpha_if_dropped(moments.covariance)
    for ours, item in zip(dropped, moments.columns, strict=True):
        yield Number("alpha if dropped", ours, found["alpha_if_dropped"][item], CLOSED)
    yield from _omegas(found, moments)
    yield from _of_psych(found, correlation)


def _omegas(found: dict[str, Any], moments: Moments) -> Found:
    loads, errors = one_factor(moments)
    ours = measurement.omega(loads, moments.cross.sum() / moments.n)
    yield Number("omega (observed variance)", ours, found["omega_one_factor_cfa"], ESTIMATED)
    ours = measurement.omega(loads, loads.sum() ** 2 + errors.sum())
    yield Number("omega (model variance)", ours, found["omega_one_factor_cfa_modelvar"], ESTIMATED)


def _of_psych(found: dict[str, Any], correlation: Array) -> Found:
    """Two that the package has no use for, computed here from its correlations."""
    loads = minres(correlation)
    turned = correlation * np.outer(np.sign(loads), np.sign(loads))  # as psych does by itself
    ours = 1 - (1 - loads**2).sum() / turned.sum()
    yield Number("omega (minres)", ours, found["omega_psych_omega1_minres"], ESTIMATED)
    alone = 1 / np.diag(np.linalg.inv(correlation))  # variance not shared with the other items
    yield Number(
        "Guttman lambda 6", 1 - alone.sum() / correlation.sum(), found["guttman_lambda6"], CLOSED
    )


def minres(correlation: Array) -> Array:
    """Loadings of one factor by least squares: principal axes, iterated until they stand still."""
    loads = np.full(len(correlation), 0.5)
    for _ in range(100_000):
        reduced = correlation - np.diag(np.diag(correlation)) + np.diag(loads**2)
        values, vectors = np.linalg.eigh(reduced)
        new = vectors[:, -1] * np.sqrt(values[-1]) * np.sign(vectors[0, -1])
        if np.abs(new - loads).max() < 1e-12:
            break
        loads = new
    return loads


def of_htmt(results: dict[str, Any], frame: pd.DataFrame) -> Found:
    kinds: dict[str, dict[str, Any]] = {
        "htmt_arithmetic": {},
        "htmt_arithmetic_signed": {"absolute": False},
        "htmt2_geometric": {"geometric": True},
    }
    model = next(found for name, found in results.items() if name.startswith("cfa_"))
    items = measured(model)
    moments = Moments.from_frame(frame[[i for names in items.values() for i in names]].dropna())
    for kind, options in kinds.items():
        theirs = results["htmt"][kind]
        assert theirs["rows"] == list(items)
        sizes = [len(names) for names in items.values()]
        ours = htmt(moments.correlation, sizes, **options)
        for a in range(len(sizes)):
            for b in range(a):
                yield Number(kind, ours[a, b], theirs["values"][a][b], CLOSED)


def measured(model: dict[str, Any]) -> dict[str, list[str]]:
    items: dict[str, list[str]] = {}
    for row in model["estimates"]:
        if row["op"] == "=~":
            items.setdefault(row["lhs"], []).append(row["rhs"])
    return items


def of_loadings(found: dict[str, Any], frame: pd.DataFrame, divisor: int) -> Found:
    """Our formulas on lavaan's own estimates, so that nothing but the formulas is compared."""
    raw = {(r["lhs"], r["op"], r["rhs"]): r["est"] for r in found["estimates"]}
    standard = {(r["lhs"], r["op"], r["rhs"]): r["est.std"] for r in found["standardized"]}
    items = measured(found)
    moments = Moments.from_frame(frame[list(model_columns(found))].dropna())
    assert moments.n == found["n"]
    for factor, names in items.items():
        std = np.array([standard[factor, "=~", item] for item in names])
        errors = np.array([[raw.get((a, "~~", b), raw.get((b, "~~", a), 0.0)) for b in names]
                           for a in names])  # fmt: skip
        sd = np.sqrt(np.diag(errors) / (1 - std**2))
        loads = std * sd
        ours = measurement.average_variance_extracted(std)
        yield Number("AVE (standardized)", ours, found["ave_std_loadings"][factor], CLOSED)
        ours = measurement.composite_reliability(std)
        yield Number("composite reliability", ours, found["cr_std_loadings"][factor], CLOSED)
        if (theirs := found["cr_omega_modelvar"].get(factor)) is not None:
            ours = measurement.omega(loads, loads.sum() ** 2 + errors.sum())
            yield Number("omega (model variance)", ours, theirs, CLOSED)
        cross = moments[names].cross / (moments.n + divisor)
        ours = measurement.average_variance_extracted(loads, np.diag(cross))
        yield Number("AVE (raw)", ours, found["ave"][factor], CLOSED)
        ours = measurement.omega(loads, cross.sum())
        yield Number("omega (observed variance)", ours, found["cr_omega_obsvar"][factor], CLOSED)


def model_columns(found: dict[str, Any]) -> dict[str, None]:
    latent = set(measured(found))
    names = [row[side] for row in found["estimates"] if row["op"] in ("=~", "~")
             for side in ("lhs", "rhs")]  # fmt: skip
    return dict.fromkeys(name for name in names if name not in latent)


def of_published(folder: Path) -> Iterator[tuple[str, list[Number]]]:
    """AVE and composite reliability from loadings that journals printed."""
    table = pd.read_csv(folder / "loadings_reliability_published.csv")
    formulas = {
        "AVE": (measurement.average_variance_extracted, "ave_pub"),
        "composite reliability": (measurement.composite_reliability, "cr_pub"),
    }
    for study, rows in table.groupby("study", sort=False):
        numbers = []
        for construct, part in rows.groupby("construct", sort=False):
            for kind, (formula, column) in formulas.items():
                if (study, construct, kind) != MISPRINTED:
                    ours, theirs = formula(part["loading"].to_numpy()), part[column].iloc[0]
                    numbers.append(Number(kind, ours, theirs, PRINTED, ABSOLUTE))
        yield f"published.{study}", numbers
    yield "published.gjmbr2023_fitness (Fornell-Larcker)", list(_diagonal(folder))


def _diagonal(folder: Path) -> Found:
    """Roots of AVE beside the correlations, from the table of cross-loadings."""
    cross = pd.read_csv(folder / "cross_loadings_published.csv").set_index("item")
    printed = pd.read_csv(folder / "fornell_larcker_published.csv").query("row == col")
    for name, theirs in printed.set_index("row")["value"].items():
        own = cross.loc[cross.index.str.fullmatch(rf"{name}\d+"), name].to_numpy()
        ours = float(np.sqrt(measurement.average_variance_extracted(own)))
        yield Number("root of AVE", ours, theirs, PRINTED, ABSOLUTE)
