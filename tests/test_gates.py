"""Gates at their edges, what they stop, and verdicts that error-corrected slopes must share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import CLAIM
from latent import equal, implied, items_of, published, study_of

from loyalty_analysis.analysis import analyse
from loyalty_analysis.cases import Case
from loyalty_analysis.cfa import Measured, measurement_model
from loyalty_analysis.claims import Claim
from loyalty_analysis.evidence import findings, gate_reason, uncorrected
from loyalty_analysis.gates import CODES, COLUMNS, blocked, gates
from loyalty_analysis.rules import Evidence, p_value
from loyalty_analysis.sentences import REASONS, explain
from loyalty_analysis.study_tables import Gates
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdicts import judge, ruling

NAMES = ("a", "b", "m", "y", "z")
MODEL = {
    "drivers": ["a", "b"], "mediator": "m", "outcomes": {"y": "intention", "z": "attitude"},
}  # fmt: skip
TRUTH = equal(NAMES, 0.3)
TRUTH.loc["a", ["m", "y"]] = TRUTH.loc[["m", "y"], "a"] = 0.65
TOTAL = {"estimand": "total", "outcome": "y", "term": "a"}


def claim(**changes: Any) -> Claim:
    return Claim(**{**CLAIM, **TOTAL, **changes})


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    folder, study = tmp_path_factory.mktemp("gates"), study_of(NAMES, model=MODEL)
    return published(folder, implied(TRUTH), 600, study, claims=[TOTAL])


@pytest.fixture(scope="module")
def measured(survey: Survey) -> Measured:
    return measurement_model(survey)


def with_gates(survey: Survey, **settings: Any) -> Survey:
    return replace(survey, study=survey.study.model_copy(update={"gates": Gates(**settings)}))


def reliability(alpha: float, omega: float, note: str = "") -> pd.DataFrame:
    return pd.DataFrame({"construct": ["a"], "alpha": alpha, "omega": omega, "note": note})


def ratio(high: float, note: str = "") -> pd.DataFrame:
    row = {"a": "a", "b": "b", "htmt": high - 0.1, "htmt_high": high, "note": note}
    return pd.DataFrame([row])


# Each gate at its edges


@pytest.mark.parametrize(
    ("alpha", "omega", "passes"),
    [
        (0.70, np.nan, True), (0.6999, np.nan, False), (0.60, 0.70, True), (0.60, 0.6999, False),
        (0.70, 0.60, True), (np.nan, np.nan, True), (-0.2, np.nan, False),
    ],
)  # fmt: skip
def test_alpha_or_omega_must_reach_the_limit(
    survey: Survey, measured: Measured, alpha: float, omega: float, passes: bool
) -> None:
    found = gates(survey.study, {"reliability": reliability(alpha, omega)}, measured)
    assert list(found) == list(COLUMNS)
    row = found.iloc[0]
    assert (row["gate"], row["about"], row["limit"]) == ("reliability", "a", 0.7)
    assert row["passes"] == passes and not row["warns"] and row["note"].startswith("A: ")
    if not np.isnan(alpha):
        assert row["value"] == np.nanmax([alpha, omega])
        assert row["note"].endswith("at least one must reach 0.7.")


def test_a_single_item_passes_and_the_note_says_so(survey: Survey, measured: Measured) -> None:
    one = reliability(np.nan, np.nan, "not assessable: one item; 0.8 is declared")
    row = gates(survey.study, {"reliability": one}, measured).iloc[0]
    assert row["passes"] and row["note"] == "A: not assessable: one item; 0.8 is declared."


@pytest.mark.parametrize(("high", "passes"), [(0.8999, True), (0.90, False), (np.nan, True)])
def test_the_upper_end_of_htmt_must_stay_below(
    survey: Survey, measured: Measured, high: float, passes: bool
) -> None:
    found = gates(survey.study, {"discriminant": ratio(high, "a has one item")}, measured)
    row = found.iloc[0]
    assert (row["gate"], row["about"], row["passes"]) == ("htmt", "a and b", passes)
    expected = "A and B: a has one item." if np.isnan(high) else "must stay below 0.9."
    assert row["note"].endswith(expected)


def test_limits_are_those_of_the_study(survey: Survey, measured: Measured) -> None:
    strict = with_gates(survey, reliability=0.8, htmt=0.85)
    results = {"reliability": reliability(0.79, 0.75), "discriminant": ratio(0.86)}
    found = gates(strict.study, results, measured)
    assert found["passes"].tolist() == [False, False, True]
    assert found["limit"].tolist()[:2] == [0.8, 0.85]
    assert gates(survey.study, results, measured)["passes"].all()


def test_an_admissible_model_is_one_row(survey: Survey, measured: Measured) -> None:
    [row] = gates(survey.study, {}, measured).itertuples()
    assert (row.gate, row.about, row.passes) == ("admissible", "", True)
    assert row.note == "Measurement model: admissible."
    unknown = replace(measured, fit=None, problem="a1, a2 repeat each other")
    [row] = gates(survey.study, {}, unknown).itertuples()
    assert row.passes and row.note == "Measurement model: a1, a2 repeat each other."


def test_every_construct_that_cannot_be_is_a_row(survey: Survey, measured: Measured) -> None:
    failed = replace(measured, fit=None, problem="no maximum was found", failed=True)
    found = gates(survey.study, {}, failed)
    assert found["about"].tolist() == ["a", "b", "m", "y", "z"] and not found["passes"].any()
    assert found["note"][0] == "A: no maximum was found."


# What a gate stops


def failing(*rows: tuple[str, str], warns: Sequence[str] = ()) -> pd.DataFrame:
    full = [(gate, about, 0.5, 0.7, False, gate in warns, "") for gate, about in rows]
    return pd.DataFrame(full, columns=list(COLUMNS))


def stopped(survey: Survey, asked: Claim, *rows: tuple[str, str], column: str = "") -> str:
    return gate_reason(asked, "y" if asked.outcome else "", survey, failing(*rows), column)


@pytest.mark.parametrize(
    ("about", "changes", "reason"),
    [
        ("a", {}, "low_reliability: a"),
        ("y", {}, "low_reliability: y"),
        ("b", {}, ""),  # in the equation, but the claim does not name it
        ("b", {"versus": ["b"]}, "low_reliability: b"),
        ("m", {"estimand": "direct"}, ""),
        ("m", {"estimand": "direct", "term": "m"}, "low_reliability: m"),
        ("b", {"estimand": "largest", "versus": ["b"]}, "low_reliability: b"),
        ("b", {"estimand": "interaction", "term": "a:b"}, "low_reliability: b"),
        ("b", {"estimand": "rival_models", "term": "", "outcome": "", "versus": ["a", "b"]},
         "low_reliability: b"),
    ],
)  # fmt: skip
def test_only_claims_that_name_it(survey: Survey, about: str, changes: Any, reason: str) -> None:
    assert stopped(survey, claim(**changes), ("reliability", about)) == reason
    code = reason.replace("low_reliability", "inadmissible")
    code = "" if changes.get("estimand") == "rival_models" else code
    assert stopped(survey, claim(**changes), ("admissible", about)) == code


@pytest.mark.parametrize(
    ("pair", "changes", "stops"),
    [
        ("a and b", {}, True),  # the claim names one, both stand in its equation
        ("b and a", {}, True),
        ("a and m", {}, False),  # the total equation has no mediator
        ("a and m", {"estimand": "direct"}, True),
        ("b and m", {"estimand": "direct"}, False),  # it names neither
        ("a and y", {}, True),
        ("y and z", {}, False),  # never in one equation
        ("b and y", {}, True),
        ("a and b", {"estimand": "rival_models", "term": "", "outcome": "",
                     "versus": ["a", "b"]}, False),  # what it is about
    ],
)  # fmt: skip
def test_a_pair_stops_claims_with_both_in_one_equation(
    survey: Survey, pair: str, changes: Any, stops: bool
) -> None:
    expected = f"not_distinct: {pair}" if stops else ""
    assert stopped(survey, claim(**changes), ("htmt", pair)) == expected


def test_a_name_may_hold_the_word_that_joins() -> None:
    table = failing(("htmt", "bed and breakfast and price"))
    equation = ["bed and breakfast", "price", "y"]
    assert blocked(table, ["price"], equation) == "not_distinct: bed and breakfast and price"
    assert blocked(table, ["y"], equation) == ""
    assert blocked(table, ["price"], ["breakfast and price", "bed", "y"]) == ""


def test_groups_stop_only_what_compares_them(survey: Survey) -> None:
    difference = claim(estimand="slope_difference", versus=["north", "south"])
    found = stopped(survey, difference, ("invariance", "land"), column="land")
    assert found == "not_invariant: land"
    assert stopped(survey, difference, ("invariance", "sector"), column="land") == ""
    assert stopped(survey, claim(), ("invariance", "land")) == ""


def test_reasons_of_several_gates_stand_together() -> None:
    rows = [("reliability", "a"), ("reliability", "b"), ("htmt", "a and b"), ("admissible", "b")]
    found = blocked(failing(*rows), ["a", "b"])
    assert found == "low_reliability: a, b; not_distinct: a and b; inadmissible: b"
    assert explain(found) == (
        "measured too unreliably: a, b; cannot be told apart as measured here: a and b; the "
        "measurement model has no admissible solution for: b"
    )
    assert set(CODES.values()) <= set(REASONS)


@pytest.mark.parametrize("gate", CODES)
def test_a_gate_that_warns_stops_nothing(survey: Survey, measured: Measured, gate: Any) -> None:
    about = {"htmt": "a and b", "invariance": "land"}.get(gate, "a")
    table = failing((gate, about), (gate, about), warns=[gate])
    assert blocked(table, ["a", "b"], column="land") == ""
    warned = with_gates(survey, warn=(gate,))
    results = {"reliability": reliability(0.1, 0.1), "discriminant": ratio(0.99)}
    found = gates(warned.study, results, replace(measured, fit=None, problem="none", failed=True))
    assert (found["warns"] == (found["gate"] == gate)).all()
    assert not found["passes"].any()


def test_a_gate_through_the_whole_analysis(survey: Survey) -> None:
    results = analyse(survey, everything=False)
    assert results["gates"]["passes"].all() and judge(survey, results)["verdict"][0] == "supported"
    strict = with_gates(survey, reliability=0.85)
    row = judge(strict).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not testable", "low_reliability: a, y")
    assert row["sentence"] == "Not testable: measured too unreliably: a, y."
    assert np.isnan(row["p_value"]) and judge(strict).attrs["families"] == {"own": 0}
    warned = judge(with_gates(survey, reliability=0.85, warn=("reliability",)))
    assert warned["verdict"][0] == "supported"


# Slopes corrected for measurement error

BESIDE = {"versus": ["b"]}
CLEAR = Evidence(0.3, 0.05, 500, 0.2, 0.4, 600)
SMALLER = Evidence(0.15, 0.05, 500, 0.05, 0.25, 600)
NOTHING = Evidence(0.02, 0.03, 500, -0.04, 0.08, 600)
OPEN = Evidence(0.08, 0.06, 500, -0.04, 0.2, 600)


def case(asked: Claim, scores: Evidence, twin: Evidence | None) -> Case:
    return Case(asked, "y", (scores,), twins=() if twin is None else (twin,))


@pytest.mark.parametrize(
    ("sign", "scores", "twin", "verdict", "size", "reason"),
    [
        ("+", CLEAR, CLEAR, "supported", "clear", ""),
        ("+", CLEAR, SMALLER, "supported", "unresolved", ""),
        ("+", SMALLER, CLEAR, "supported", "unresolved", ""),
        ("+", CLEAR, OPEN, "inconclusive", "", "measurement_error"),
        ("+", CLEAR, NOTHING, "inconclusive", "", "measurement_error"),
        ("+", CLEAR, CLEAR.flipped(), "inconclusive", "", "measurement_error"),
        ("+", CLEAR.flipped(), CLEAR.flipped(), "contradicted", "", ""),
        ("+", CLEAR.flipped(), OPEN, "inconclusive", "", "measurement_error"),
        ("+", OPEN, CLEAR, "inconclusive", "", "includes_zero"),
        ("+", NOTHING, NOTHING, "negligible", "", ""),
        ("+", NOTHING, OPEN, "inconclusive", "", "measurement_error"),
        ("none", NOTHING, NOTHING, "supported", "", ""),
        ("none", NOTHING, OPEN, "inconclusive", "", "measurement_error"),
        ("none", CLEAR, CLEAR, "contradicted", "", ""),
        ("any", CLEAR, CLEAR, "supported", "clear", ""),
        ("any", CLEAR, SMALLER, "inconclusive", "", "measurement_error"),
        ("any", CLEAR, CLEAR.flipped(), "inconclusive", "", "measurement_error"),
    ],
)
def test_both_must_agree(
    sign: Any, scores: Evidence, twin: Evidence, verdict: str, size: str, reason: str
) -> None:
    found, shown = ruling(case(claim(sign=sign, **BESIDE), scores, twin), 0.001)
    assert (found.verdict, found.size, found.reason) == (verdict, size, reason)
    assert shown == scores


def test_a_size_that_must_be_clear_must_be_clear_in_both() -> None:
    asked = claim(size="clear", **BESIDE)
    assert ruling(case(asked, CLEAR, CLEAR), 0.001)[0].size == "clear"
    assert ruling(case(asked, CLEAR, SMALLER), 0.001)[0].reason == "size_unresolved"


def test_without_a_twin_nothing_is_settled() -> None:
    lacking = replace(case(claim(**BESIDE), CLEAR, None), untwinned="measurement_error")
    assert ruling(lacking, 0.001)[0].reason == "measurement_error"
    still = replace(case(claim(**BESIDE), OPEN, None), untwinned="measurement_error")
    assert ruling(still, 0.001)[0].reason == "includes_zero"


def test_the_larger_p_value_counts() -> None:
    asked = claim(**BESIDE)
    both = case(asked, CLEAR, SMALLER)
    assert both.p_value == p_value(SMALLER, "+", 0.1) > p_value(CLEAR, "+", 0.1)
    assert case(asked, SMALLER, CLEAR).p_value == both.p_value
    assert case(asked, CLEAR, None).p_value == p_value(CLEAR, "+", 0.1)


def latent(results: dict[str, pd.DataFrame], **columns: float) -> dict[str, pd.DataFrame]:
    """Results whose twin of ``a`` in ``y.total`` is another."""
    table = results["regression"].copy()
    here = (table["model"] == "y.total") & (table["term"] == "a")
    for name, value in columns.items():
        table.loc[here, f"beta_latent{name}"] = value
    return results | {"regression": table}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, dict[str, pd.DataFrame]]:
    """Claims that compare and one that does not, and their results."""
    claims = [TOTAL, {**TOTAL, **BESIDE}, {**TOTAL, "estimand": "largest", **BESIDE},
              {**TOTAL, "term": "b", "sign": "none", "negligible": 0.3}]  # fmt: skip
    study = study_of(NAMES, model=MODEL)
    folder = tmp_path_factory.mktemp("asked")
    survey = published(folder, implied(TRUTH), 600, study, claims=claims)
    return survey, analyse(survey, everything=False)


def test_slopes_that_agree(asked: tuple[Survey, dict[str, pd.DataFrame]]) -> None:
    survey, results = asked
    rows = judge(survey, results)
    assert rows["verdict"].tolist() == ["supported"] * 4
    assert "Corrected for measurement error" not in rows["sentence"][0]
    twin = findings(results).twins["slope", "y.total", "a"]
    low, high = (f"{end:.2f}" for end in (twin.conf_low, twin.conf_high))
    said = f"Corrected for measurement error: {twin.estimate:.2f} (95% interval {low} to {high})."
    assert rows["sentence"][1].endswith(f"; supported. {said}")
    assert "Corrected for measurement error: a lead of" in rows["sentence"][2]
    # The score of a construct goes with less than the construct itself, and has the larger p.
    scores = findings(results).known["slope", "y.total", "a"]
    assert twin.estimate > scores.estimate
    assert rows["p_value"][1] == max(p_value(one, "+", 0.1) for one in (scores, twin))
    assert rows["p_value"][1] >= rows["p_value"][0]


def test_slopes_that_do_not_agree(asked: tuple[Survey, dict[str, pd.DataFrame]]) -> None:
    survey, results = asked
    other = {"": 0.1, "_std_error": 0.2, "_low": -0.3, "_high": 0.5}
    rows = judge(survey, latent(results, **other))
    assert rows["reason"].tolist() == ["", "measurement_error", "measurement_error", ""]
    words = "scores, and scores corrected for measurement error, do not agree"
    assert f"; inconclusive ({words}). Corrected for measurement error: 0.10" in rows["sentence"][1]
    assert "would about settle it" not in rows["sentence"][1]  # more respondents would not
    assert rows["p_holm"][1] > 0.5


def test_no_twin_at_all(asked: tuple[Survey, dict[str, pd.DataFrame]]) -> None:
    survey, results = asked
    nothing = dict.fromkeys(["", "_std_error", "_low", "_high"], np.nan)
    rows = judge(survey, latent(results, **nothing))
    assert rows["reason"].tolist() == ["", "measurement_error", "measurement_error", ""]
    assert rows["sentence"][1].endswith("No slope corrected for measurement error is to be had.")


@pytest.mark.parametrize("declared", [None, 0.7])
def test_a_single_item_needs_a_declared_reliability(tmp_path: Path, declared: float | None) -> None:
    constructs = {"a": items_of("a"), "b": ["b1"], "y": items_of("y")}
    study = study_of(constructs)
    if declared:
        study["constructs"]["b"]["reliability"] = declared
    kept = [item for items in constructs.values() for item in items]
    items = implied(TRUTH).loc[kept, kept]
    survey = published(tmp_path, items, 600, study, claims=[TOTAL, {**TOTAL, **BESIDE}])
    assert uncorrected(claim(), "y", survey) == ("" if declared else "b")
    rows = judge(survey)
    reason = "" if declared else "measurement_error: no reliability is declared for b"
    assert rows["reason"].tolist() == ["", reason]
    said = "No slope corrected for measurement error is to be had."
    assert rows["sentence"][1].endswith(said) != bool(declared)


def test_undecided_scores_stay_undecided(asked: tuple[Survey, dict[str, pd.DataFrame]]) -> None:
    """A twin settles nothing that the scores leave open."""
    survey, results = asked
    table = results["regression"].copy()
    here = (table["model"] == "y.total") & (table["term"] == "a")
    table.loc[here, ["beta", "beta_low", "beta_high", "beta_std_error"]] = 0.08, -0.04, 0.2, 0.06
    rows = judge(survey, results | {"regression": table})
    assert rows["reason"].tolist()[:2] == ["includes_zero", "includes_zero"]
    assert "would about settle it" in rows["sentence"][1]


def test_signs_that_differ_near_zero_leave_a_contradiction_of_any_association_alone() -> None:
    asked = Claim(id="x", text="", estimand="total", outcome="y", term="a", sign="any")
    scores = Evidence(0.01, 0.02, 990, -0.03, 0.05, 1000)
    twin = Evidence(-0.01, 0.02, 990, -0.05, 0.03, 1000)
    found, _ = ruling(Case(asked, "y", (scores,), twins=(twin,)), 0.0)
    assert found.verdict == "contradicted"
    up = Evidence(0.3, 0.02, 990, 0.26, 0.34, 1000)
    found, _ = ruling(Case(asked, "y", (up,), twins=(up.flipped(),)), 0.0)
    assert (found.verdict, found.reason) == ("inconclusive", "measurement_error")
