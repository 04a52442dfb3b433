"""Claim sets say what is claimed and nothing else; moments are those of the data."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loyalty_analysis.resources import shipped

CLAIMED = {
    "rice_paper": "P1 P2 P3 P4 P5 P6",
    "rice_press": "R1 R2 R3 R4a R4b R5 R6 R7 R8 R9 R10",
    "rivals": "V1 V2 V3 V4 V5 V6",
    "loyalty_types": "T1 T2 T3 T4",
    "pillars": "B1 B2 B3 B4 B5 B6 B7 B8",
    "satisfaction_levels": "L1 L2 L3 L4 L5",
}
PARTS = {
    **dict.fromkeys(("P4", "V1", "B6"), 2),
    **dict.fromkeys(("P5", "T1", "B3", "B5", "B7", "B8"), 3),
    **{"P2": 5, "R7": 5, "B1": 6, "B4": 5, "L1": 4},
}
SOURCES = {"rice_paper": "paper", "rivals": "rival"}
OWN = {"bank_customers": "bank_claims.toml", "mobile_customers": "mobile_claims.toml"}
SIGNS = {"+", "-", "none", "any", "not_negative"}
SLOPES = {"total", "direct", "path", "interaction", "indirect", "largest"}
SHARES = {"largest_share", "share_difference"}
GROUPED = {"slope_difference", "ordered_means", "steps", "step_difference", "mean_difference"}
ESTIMANDS = SLOPES | SHARES | GROUPED | {"penalty_reward", "rival_models"}
TEXTS = {"id", "text", "estimand", "term", "sign", "size", "reference", "note", "outcome"}
LISTS = {"versus", "through", "rival", "outcome"}
NAMES = """
    affective normative obligation economic forced habitual
    satisfaction disconfirmation delight level type
    value price_quality benefit_cost differentiation quality service usability
    relationship personalisation proactive_support engagement
    emotional_connection brand_story shared_values programme subscription convenience
    switching_financial switching_emotional switching_logistical
    brand_investment gratitude reciprocation mutual_loyalty
    alternatives_shown tenure patronage attitude
    repurchase advocacy price_tolerance staying search switching churn loyalty
"""


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def set_path(name: str) -> Path:
    if name in CLAIMED:
        return shipped("data") / "claims" / f"{name}.toml"
    return shipped("data") / "studies" / name / OWN[name]


def parts(claim: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**claim, **part} for part in claim.get("parts", [{}])]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def named(part: dict[str, Any]) -> list[str]:
    """Every construct that a claim, or a part of one, names."""
    names = [*listed(part.get("outcome", [])), part.get("term", ""), *part.get("through", [])]
    if part["estimand"] not in GROUPED | {"penalty_reward"}:
        names += part.get("versus", [])
    names += [x for model in part.get("models", {}).values() for group in model for x in group]
    return [x.strip() for name in names if name for x in name.replace(":", "+").split("+")]


def read_moments(study: str) -> tuple[pd.DataFrame, np.ndarray]:
    """A moments table, and its correlations with both triangles filled."""
    path = shipped("data") / "studies" / study / "moments.csv"
    table = pd.read_csv(path, comment="#", index_col="variable")
    lower = table.drop(columns=["n", "mean", "sd"]).to_numpy(dtype=float)
    return table, np.where(np.isnan(lower), lower.T, lower)


@pytest.fixture(scope="module")
def shipped_claims() -> dict[str, dict[str, Any]]:
    return {claim["id"]: claim for name in CLAIMED for claim in read(set_path(name))["claim"]}


def test_claims_folder_holds_the_six_sets() -> None:
    found = {path.stem for path in (shipped("data") / "claims").glob("*.toml")}
    assert found == set(CLAIMED)


@pytest.mark.parametrize("name", CLAIMED)
def test_claim_set_is_complete(name: str) -> None:
    claims = read(set_path(name))
    assert [claim["id"] for claim in claims["claim"]] == CLAIMED[name].split()
    assert claims["source"] == SOURCES.get(name, "press")
    assert {claim["id"]: len(claim.get("parts", [])) for claim in claims["claim"]} == {
        number: PARTS.get(number, 0) for number in CLAIMED[name].split()
    }


@pytest.mark.parametrize("name", [*CLAIMED, *OWN])
def test_claim_set_is_well_formed(name: str) -> None:
    claims = read(set_path(name))
    assert set(claims) == {"title", "source", "about", "claim"}
    assert claims["source"] == "own" or name in CLAIMED
    for claim in claims["claim"]:
        assert claim["text"][0].isupper() and claim["text"].endswith(".")
        assert claim["estimand"] in ESTIMANDS and claim["sign"] in SIGNS
        ids = [part["id"] for part in claim.get("parts", [])]
        assert len(ids) == len(set(ids))
        for part in parts(claim):
            assert part["estimand"] in ESTIMANDS and part["sign"] in SIGNS
            assert part["estimand"] == "rival_models" or {"outcome", "term"} <= set(part)
            assert part.get("term") not in part.get("versus", [])
            assert (part["estimand"] == "indirect") == ("through" in part)


@pytest.mark.parametrize("name", [*CLAIMED, *OWN])
def test_claim_set_holds_no_coefficient(name: str) -> None:
    for claim in read(set_path(name))["claim"]:
        for table in [claim, *claim.get("parts", [])]:
            assert set(table) <= TEXTS | LISTS | {"negligible", "models", "parts"}
            values = [table[key] for key in set(table) & (TEXTS | LISTS)]
            assert all(isinstance(word, str) for value in values for word in listed(value))
            assert table.get("negligible", 0.20) == 0.20
            assert ("negligible" in table) == (claim["id"] == "R4b")


@pytest.mark.parametrize("name", CLAIMED)
def test_claims_name_known_constructs(name: str) -> None:
    used = {x for claim in read(set_path(name))["claim"] for p in parts(claim) for x in named(p)}
    assert used <= set(NAMES.split())


def test_rivals_name_each_other(shipped_claims: dict[str, dict[str, Any]]) -> None:
    for number, claim in shipped_claims.items():
        for rival in claim.get("rival", []):
            assert number in shipped_claims[rival]["rival"]


@pytest.mark.parametrize("study", OWN)
def test_own_claims_fit_beside_the_shipped_ones(
    study: str, shipped_claims: dict[str, dict[str, Any]]
) -> None:
    own = {claim["id"]: claim for claim in read(set_path(study))["claim"]}
    assert not set(own) & set(shipped_claims)
    assert {r for claim in own.values() for r in claim.get("rival", [])} <= {*own, *shipped_claims}
    constructs = read(set_path(study).with_name("study.toml"))["constructs"]
    assert {x for claim in own.values() for p in parts(claim) for x in named(p)} <= set(constructs)


@pytest.mark.parametrize("study", OWN)
def test_moments_can_be_those_of_data(study: str) -> None:
    table, correlation = read_moments(study)
    assert list(table.columns) == ["n", "mean", "sd", *table.index]
    assert table["n"].nunique() == 1
    assert (table["sd"] > 0).all()
    assert np.array_equal(np.diag(correlation), np.ones(len(table)))
    assert np.abs(correlation).max() <= 1
    assert np.linalg.eigvalsh(correlation)[0] > 0
    scale = read(set_path(study).with_name("study.toml"))["scale"]
    assert table["mean"].between(scale["min"], scale["max"]).all()


@pytest.mark.parametrize("study", OWN)
def test_moments_cover_the_items_of_the_study(study: str) -> None:
    declared = read(set_path(study).with_name("study.toml"))
    items = [item for construct in declared["constructs"].values() for item in construct["items"]]
    assert declared["origin"] == "real"
    assert items == list(read_moments(study)[0].index)
    assert not [item for item in items if item.startswith("switch")]
    assert OWN[study] in declared["claims"]
    assert set(declared["claims"]) - {OWN[study]} <= set(CLAIMED)


@pytest.mark.parametrize(
    ("study", "file", "n"),
    [("bank_customers", "satisfaction.csv", 250), ("mobile_customers", "corp_rep.csv", 336)],
)
def test_moments_equal_those_of_the_reference_data(
    study: str, file: str, n: int, reference: Path
) -> None:
    table, correlation = read_moments(study)
    rows = pd.read_csv(reference / "data" / file)[list(table.index)].replace(-99, np.nan).dropna()
    assert len(rows) == n and (table["n"] == n).all()
    # Both sides are doubles of the same numbers; what is left is the rounding of pandas.
    np.testing.assert_allclose(table["mean"], rows.mean(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(table["sd"], rows.std(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(correlation, rows.corr(), rtol=0, atol=1e-12)


def test_scores_from_item_moments_give_the_slopes_of_r(reference: Path) -> None:
    table, correlation = read_moments("bank_customers")
    constructs = read(set_path("bank_customers").with_name("study.toml"))["constructs"]
    matrix = np.array(
        [
            np.isin(table.index, construct["items"]) / len(construct["items"])
            for construct in constructs.values()
        ]
    )
    items = correlation * np.outer(table["sd"], table["sd"])
    scores = matrix @ items @ matrix.T
    found = np.linalg.solve(scores[:-1, :-1], scores[:-1, -1])
    results = json.loads((reference / "refs" / "satisfaction.json").read_text())["results"]
    expected = [results["ols_loy"]["coef"][x] for x in ("IMAG", "EXPE", "QUAL", "VAL", "SAT")]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
