"""The rules of the design at their boundaries, and claims matched with their evidence."""

from dataclasses import replace
from itertools import product
from math import inf, isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import CLAIM, REMOVE, answers, claim_file, make, survey_of
from pandas.testing import assert_frame_equal
from scipy.stats import binom, t
from statsmodels.stats.multitest import multipletests

from loyalty_analysis import verdicts as verdicts_module
from loyalty_analysis.analysis import analyse, single_claims
from loyalty_analysis.cases import Case
from loyalty_analysis.claims import Claim, load_claims
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.moments import Moments
from loyalty_analysis.regression import regression
from loyalty_analysis.rules import (
    VERDICTS,
    Evidence,
    Ruling,
    holm,
    needed_n,
    p_value,
    rule,
    ruling_of_parts,
)
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.twins import twins
from loyalty_analysis.verdicts import judge, ruling

TOTAL: dict[str, Any] = {"estimand": "total", "outcome": "repurchase"}
SIGNS = ["+", "-", "none", "any", "not_negative"]


def between(low: float, high: float, df: float = 100, **changes: Any) -> Evidence:
    """Evidence with a given interval."""
    half = (high - low) / 2
    error = half / t.ppf(0.975, df)
    return replace(Evidence((low + high) / 2, error, df, low, high, 102, df), **changes)


def claim(**changes: Any) -> Claim:
    return Claim(**{**CLAIM, **TOTAL, **changes})


# The table of the design


S, C, N, I = "supported", "contradicted", "negligible", "inconclusive"  # noqa: E741


@pytest.mark.parametrize(
    ("sign", "low", "high", "verdict", "size", "reason"),
    [
        # + : on the claimed side of 0, not wholly inside (-d, d)
        ("+", 0.11, 0.30, S, "clear", ""),
        ("+", 0.10, 0.30, S, "unresolved", ""),  # touches d
        ("+", 0.01, 0.30, S, "unresolved", ""),
        ("+", 0.01, 0.10, S, "unresolved", ""),  # touches d from inside: not wholly inside
        ("+", 0.01, 0.099, N, "", ""),
        ("+", 0.00, 0.30, I, "", "includes_zero"),  # touches 0
        ("+", -0.05, 0.30, I, "", "includes_zero"),
        ("+", -0.099, 0.099, N, "", ""),
        ("+", -0.10, 0.10, I, "", "includes_zero"),
        ("+", -0.10, 0.05, I, "", "includes_zero"),
        ("+", -0.30, 0.00, I, "", "includes_zero"),
        ("+", -0.099, -0.01, N, "", ""),
        ("+", -0.10, -0.01, C, "", ""),
        ("+", -0.30, -0.20, C, "", ""),
        # none : inside (-d, d)
        ("none", -0.099, 0.099, S, "", ""),
        ("none", 0.01, 0.05, S, "", ""),
        ("none", 0.01, 0.10, I, "", "straddles_bound"),
        ("none", -0.30, 0.30, I, "", "straddles_bound"),
        ("none", 0.099, 0.30, I, "", "straddles_bound"),
        ("none", 0.10, 0.30, C, "", ""),
        ("none", -0.30, -0.10, C, "", ""),
        # any : outside (-d, d)
        ("any", 0.11, 0.30, S, "clear", ""),
        ("any", -0.30, -0.11, S, "clear", ""),
        ("any", 0.10, 0.30, S, "unresolved", ""),
        ("any", 0.09, 0.30, I, "", "straddles_bound"),
        ("any", -0.10, 0.10, I, "", "straddles_bound"),
        ("any", -0.09, 0.09, C, "", ""),
        # not_negative : above -d
        ("not_negative", 0.20, 0.30, S, "clear", ""),
        ("not_negative", -0.09, 0.30, S, "unresolved", ""),
        ("not_negative", -0.10, 0.30, I, "", "straddles_bound"),
        ("not_negative", -0.30, -0.10, I, "", "straddles_bound"),
        ("not_negative", -0.30, -0.11, C, "", ""),
    ],
)
def test_the_rules_at_their_boundaries(sign, low, high, verdict, size, reason):
    found = rule(between(low, high), sign, 0.1, p_holm=0.01)
    assert found == Ruling(verdict, size, reason)
    if sign == "+":  # and its mirror image
        assert rule(between(-high, -low), "-", 0.1, p_holm=0.01) == found


@pytest.mark.parametrize("sign", ["+", "-"])
@pytest.mark.parametrize("p_holm", [0.05, 0.2, 1.0, float("nan")])
def test_holm_holds_back_what_its_interval_would_allow(sign, p_holm):
    held = Ruling("inconclusive", reason="multiplicity")
    assert rule(between(0.2, 0.3), sign, 0.1, p_holm) == held
    assert rule(between(-0.3, -0.2), sign, 0.1, p_holm) == held
    assert rule(between(0.2, 0.3), "+", 0.1, 0.0499999).verdict == "supported"
    assert rule(between(0.2, 0.3), "-", 0.1, 0.0499999).verdict == "contradicted"


@pytest.mark.parametrize("p_holm", [0.05, 1.0])
def test_equivalence_is_not_corrected(p_holm):
    """Two one-sided tests at 2.5%; the other signs are judged by their interval alone."""
    assert rule(between(-0.05, 0.05), "+", 0.1, p_holm).verdict == "negligible"
    assert rule(between(0.01, 0.05), "-", 0.1, p_holm).verdict == "negligible"
    assert rule(between(-0.05, 0.05), "none", 0.1, p_holm).verdict == "supported"
    assert rule(between(0.2, 0.3), "any", 0.1, p_holm).verdict == "supported"
    assert rule(between(0.2, 0.3), "not_negative", 0.1, p_holm).verdict == "supported"


@pytest.mark.parametrize("sign", SIGNS)
def test_few_degrees_of_freedom_decide_nothing(sign):
    for low, high in [(0.2, 0.3), (-0.3, -0.2), (-0.01, 0.01), (-1, 1)]:
        scarce = between(low, high, least_df=3.99)
        assert rule(scarce, sign, 0.1, 0.001) == Ruling("inconclusive", reason="few_clusters")
        assert rule(between(low, high, least_df=4.0), sign, 0.1, 0.001).reason != "few_clusters"


@pytest.mark.parametrize("sign", SIGNS)
def test_p_values_agree_with_intervals(sign):
    grid = product(np.linspace(-0.401, 0.4, 33), [0.01, 0.05, 0.2], [3.0, 12.0, 500.0])
    null = {"+": (0, 0), "-": (0, 0), "any": (-0.1, 0.1), "not_negative": (-inf, -0.1)}
    decided = set()
    for estimate, half, df in grid:
        one = between(estimate - half, estimate + half, df)
        p = p_value(one, sign, 0.1)
        assert 0 <= p <= 1
        if sign == "none":
            excluded = one.conf_low > -0.1 and one.conf_high < 0.1
        else:
            low, high = null[sign]
            excluded = one.conf_low > high or one.conf_high < low
        assert (p < 0.05) == excluded, (sign, one, p)
        decided.add(excluded)
    assert decided == {True, False}


@pytest.mark.parametrize(
    ("estimate", "sign", "p"),
    [(0.5, "+", 0), (-0.5, "-", 0), (0.0, "+", 1), (0.5, "any", 0), (0.0, "none", 0)],
)
def test_an_exact_fit_has_a_p_value(estimate, sign, p):
    exact = Evidence(estimate, 0.0, 50, estimate, estimate, 52)
    assert p_value(exact, sign, 0.1) == p


def test_holm_is_that_of_statsmodels():
    rng = np.random.default_rng(4)
    for size in (1, 2, 5, 30):
        p_values = rng.uniform(0, 0.2, size).round(2)  # with ties
        expected = multipletests(p_values, method="holm")[1]
        np.testing.assert_allclose(holm(list(p_values)), expected)
    assert holm([]) == []


@pytest.mark.parametrize(
    ("low", "high", "bound", "n", "needed"),
    [
        (-0.2, 0.2, 0.1, 100, 400),  # e = 0: the half-width has to come down to d
        (-0.1, 0.3, 0.1, 100, 400),  # e = d: down to e
        (0.0, 0.4, 0.1, 100, 100),  # touches 0 already
        (-0.15, 0.25, 0.1, 100, 1600),  # e = d / 2, the hardest case
        (-0.25, 0.15, 0.1, 100, 1600),
        (-0.2, 0.2, 0.2, 8, 8),  # clusters
    ],
)
def test_the_n_that_would_about_settle_it(low, high, bound, n, needed):
    for sign in ("+", "-"):
        found = needed_n(between(low, high), sign, bound, n)
        assert found == pytest.approx(needed, abs=1)  # rounded up


@pytest.mark.parametrize(
    ("sign", "low", "high", "needed"),
    [
        ("none", -0.15, 0.25, 1600),  # e = .05: down to the .05 that is left inside the bound
        ("any", 0.05, 0.25, 400),  # e = .15: down to the .05 beyond it
        ("not_negative", -0.25, 0.15, 1600),  # e = -.05: down to the .05 above -d
    ],
)
def test_other_signs_are_settled_at_the_bound_they_are_judged_at(sign, low, high, needed):
    assert needed_n(between(low, high), sign, 0.1, 100) == pytest.approx(needed, abs=1)


# Claims with several components: largest


def largest(*components: tuple[float, float], **changes: Any) -> Case:
    """A ``largest`` case: the slope itself, then its differences to rivals r0, r1, ..."""
    rivals = tuple(f"r{i}" for i in range(len(components) - 1))
    found = [between(*ends, label=name) for ends, name in zip(components, ("", *rivals))]  # noqa: B905
    asked = claim(**{"estimand": "largest", "versus": rivals, **changes})
    return Case(asked, "repurchase", tuple(found))


def decided(case: Case, p_holm: float | None = None) -> tuple[str, str, str]:
    """Verdict, reason or size, and the label of what it hangs on."""
    found, shown = ruling(case, case.p_value if p_holm is None else p_holm)
    assert min(one.conf_low for one in case.components) <= shown.estimate <= shown.conf_high
    return found.verdict, found.reason or found.size, shown.label


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        ([(0.3, 0.5), (0.2, 0.4), (0.15, 0.3)], ("supported", "clear", "r1")),
        ([(0.3, 0.5), (0.2, 0.4), (0.05, 0.3)], ("supported", "unresolved", "r1")),
        # the slope itself is the smallest: rivals are negative
        ([(0.05, 0.3), (0.4, 0.6), (0.2, 0.4)], ("supported", "unresolved", "")),
        # a tie
        ([(0.3, 0.5), (-0.15, 0.15), (0.2, 0.4)], ("inconclusive", "includes_zero", "r0")),
        ([(0.3, 0.5), (-0.05, 0.05), (0.2, 0.4)], ("negligible", "", "r0")),
        # one rival larger, whatever the others
        ([(0.3, 0.5), (0.2, 0.4), (-0.3, -0.11)], ("contradicted", "", "r1")),
        ([(0.3, 0.5), (-0.8, 0.2), (-0.3, -0.15)], ("contradicted", "", "r1")),
        # the slope itself points the other way
        ([(-0.5, -0.3), (-0.2, 0.4), (0.2, 0.4)], ("contradicted", "", "")),
        # all point the claimed way, one not beyond doubt: the smallest of them may be below zero
        ([(0.3, 0.5), (0.1, 0.2), (-0.1, 0.6)], ("inconclusive", "includes_zero", "r0")),
        # one lead is negligible, another untold: the smallest lead is untold
        ([(0.3, 0.5), (-0.01, 0.08), (-0.15, 0.24)], ("inconclusive", "includes_zero", "r0")),
        # behind one rival by less than matters, another untold: no contradiction
        ([(0.3, 0.5), (-0.08, -0.02), (-0.3, 0.24)], ("inconclusive", "multiplicity", "r0")),
        ([(0.3, 0.5), (0.2, 0.3), (0.01, 0.05)], ("negligible", "", "r1")),
    ],
)
def test_largest_needs_the_slope_and_every_difference(components, expected):
    assert decided(largest(*components)) == expected
    mirrored = largest(*((-high, -low) for low, high in components), sign="-")
    assert decided(mirrored) == expected


def test_the_p_value_of_largest():
    """All must hold: the largest p counts. Any one can contradict: Bonferroni over them."""
    case = largest((0.3, 0.5), (0.2, 0.4), (0.01, 0.3))
    assert case.p_value == pytest.approx(p_value(case.components[2], "+", 0.1))
    case = largest((0.3, 0.5), (-0.4, -0.2), (-0.3, -0.01))
    assert case.p_value == pytest.approx(3 * p_value(case.components[1], "+", 0.1))
    case = largest((0.3, 0.5), (-0.2, 0.15))
    assert case.p_value == pytest.approx(min(1, 2 * p_value(case.components[1], "+", 0.1)))


def test_a_contradiction_of_largest_pays_for_the_number_of_rivals():
    """A difference just significant by itself contradicts no claim that has many rivals."""
    almost = [(0.3, 0.5), (-0.4, -0.01)]  # p = 0.04
    assert decided(largest(*almost)) == ("inconclusive", "multiplicity", "r0")
    surer = [(0.3, 0.5), (-0.4, -0.06)]  # p = 0.008, three times that is enough
    assert decided(largest(*surer, (0.2, 0.4)))[0] == "contradicted"


def test_strongly_needs_a_clear_size():
    clear = Case(claim(sign="-", negligible=0.2, size="clear"), "y", (between(-0.4, -0.21),))
    assert ruling(clear, 0.001)[0] == Ruling("supported", "clear")
    touching = replace(clear, components=(between(-0.4, -0.2),))
    assert ruling(touching, 0.001)[0] == Ruling("inconclusive", reason="size_unresolved")
    small = replace(clear, components=(between(-0.19, -0.1),))
    assert ruling(small, 0.001)[0] == Ruling("negligible")
    other = replace(clear, components=(between(0.1, 0.3),))
    assert ruling(other, 0.001)[0] == Ruling("contradicted")


# Parts


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ("SS", Ruling("supported", "clear")),
        ("Ss", Ruling("supported", "unresolved")),
        ("SC", Ruling("contradicted")),
        ("SNIC", Ruling("contradicted")),
        ("SNI", Ruling("negligible")),
        ("SIi", Ruling("inconclusive", reason="includes_zero; multiplicity")),
        ("SII", Ruling("inconclusive", reason="includes_zero")),
    ],
)
def test_a_claim_is_decided_by_its_parts(parts, expected):
    one = {
        "S": Ruling("supported", "clear"),
        "s": Ruling("supported", "unresolved"),
        "C": Ruling("contradicted"),
        "N": Ruling("negligible"),
        "I": Ruling("inconclusive", reason="includes_zero"),
        "i": Ruling("inconclusive", reason="multiplicity"),
    }
    assert ruling_of_parts([one[letter] for letter in parts]) == expected


def test_a_claim_with_parts_counts_with_its_largest_p():
    parts = tuple(
        Case(claim(), "y", (between(*ends),), part=name)
        for name, ends in (("a", (0.2, 0.4)), ("b", (0.01, 0.4)))
    )
    whole = Case(claim(), "y", parts=parts)
    assert whole.p_value == parts[1].p_value > parts[0].p_value


# Verdicts of a study


COLUMNS = [
    "claim_set", "claim", "part", "text", "source", "reference", "outcome", "estimand", "term",
    "sign", "negligible", "estimate", "conf_low", "conf_high", "p_value", "p_holm", "n",
    "verdict", "size", "reason", "sentence",
]  # fmt: skip
GROUPS = {"design.groups": ["sector"], "contrasts.sector": {"a": "goods", "b": "services"}}


def judged(
    folder: Path, claims: list[dict], changes: dict | None = None, **options
) -> pd.DataFrame:
    survey = survey_of(folder, changes, claims=claims, **options)
    return judge(survey)


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


@pytest.fixture(scope="module")
def rice(tmp_path_factory):
    """The Rice and rival claims on a tiny survey, with results and verdicts."""
    changes = {
        **GROUPS,
        "claims": ["rice_paper", "rice_press", "rivals"],
        "constructs.normative": {"items": ["nor1"]},
        "constructs.economic": {"items": ["nor2"]},
        "constructs.habitual": {"items": ["nor3"]},
        "constructs.alternatives_shown": {"items": ["shown"], "min": 0, "max": 1},
        "model.drivers": ["affective", "normative", "economic", "forced", "habitual"],
        "model.moderators": ["alternatives_shown"],
    }
    survey = survey_of(tmp_path_factory.mktemp("rice"), changes)
    results = analyse(survey, everything=False)
    return survey, results, judge(survey, results)


def test_columns_are_those_of_the_design(rice):
    assert list(rice[2].columns) == COLUMNS
    assert list(judge(read_survey("bank_customers")).columns) == COLUMNS


def test_every_cell_is_of_its_kind(rice):
    table = rice[2]
    numbers = ["negligible", "estimate", "conf_low", "conf_high", "p_value", "p_holm"]
    assert set(table[numbers].dtypes.astype(str)) == {"float64"}
    assert table["n"].dtype == "int64" and set(table["n"]) == {120}
    words = [name for name in COLUMNS if name not in [*numbers, "n"]]
    assert all(isinstance(value, str) for name in words for value in table[name])
    assert set(table["verdict"]) <= set(VERDICTS)
    assert set(table["size"]) <= {"", "clear", "unresolved"}


def test_a_row_is_complete_or_says_why_not(rice):
    table = rice[2]
    testable = table["verdict"] != "not testable"
    with_parts = table.loc[table["part"] != "", "claim"]
    whole_of_parts = (table["part"] == "") & table["claim"].isin(with_parts)
    assert table.loc[~testable, ["estimate", "p_value", "p_holm"]].isna().all(axis=None)
    assert table.loc[testable, ["p_value", "p_holm"]].notna().all(axis=None)
    shown = table[testable & ~whole_of_parts]
    assert shown[["estimate", "conf_low", "conf_high"]].notna().all(axis=None)
    assert (shown["conf_low"] <= shown["estimate"]).all()
    assert (shown["estimate"] <= shown["conf_high"]).all()
    unsettled = table["verdict"].isin(["inconclusive", "not testable"])
    assert (table.loc[unsettled, "reason"] != "").all()
    assert (table.loc[~unsettled, "reason"] == "").all()
    supported = table["verdict"] == "supported"
    assert (table.loc[~supported, "size"] == "").all()
    assert (table["sentence"] != "").all()


def test_every_claim_of_every_set_is_judged_on_each_of_its_outcomes(rice):
    survey, _, table = rice
    whole = table[table["part"] == ""]
    expected = [
        (one.name, each.id, outcome)
        for one in load_claims(survey.study)
        for each in one.claims
        for outcome in (each.outcomes(survey.study) or ["staying or repurchase"])
    ]
    assert list(zip(whole["claim_set"], whole["claim"], whole["outcome"], strict=True)) == expected


def test_only_claims_that_name_a_leaving_outcome_are_judged_on_it(rice):
    table = rice[2]
    assert set(table.loc[table["outcome"] == "search", "claim"]) == {"R6"}


def test_evidence_is_quoted_not_estimated_again(rice):
    _, results, table = rice
    slopes = results["regression"].set_index(["model", "term"])
    named = table.set_index(["claim", "outcome", "part"])
    for claim_id, outcome, part, model, term in [
        ("P3", "repurchase", "", "repurchase.total", "forced"),
        ("R4a", "advocacy", "", "advocacy.total", "forced"),
        ("R5", "satisfaction", "", "satisfaction", "forced"),
        ("R6", "search", "", "search.total", "forced"),
        ("R9", "affective", "", "affective", "usability"),
        ("V1", "satisfaction", "satisfaction", "satisfaction", "forced"),
        ("V1", "repurchase", "repurchase", "repurchase.total", "forced"),
        ("V4", "repurchase", "", "repurchase.direct", "satisfaction"),
    ]:
        row, source = named.loc[(claim_id, outcome, part)], slopes.loc[(model, term)]
        expected = [source["beta"], source["beta_low"], source["beta_high"]]
        assert row[["estimate", "conf_low", "conf_high"]].tolist() == expected
    row = named.loc[("R8", "repurchase", "")]
    contrast = results["contrasts"].query(
        "estimand == 'interaction' and outcome == 'repurchase' and term == @row.term"
    )
    assert row["estimate"] == only(contrast)["estimate"]


def test_holm_covers_one_claim_set_and_only_what_is_testable(rice):
    table = rice[2]
    whole = table[(table["part"] == "") & (table["verdict"] != "not testable")]
    for name, rows in whole.groupby("claim_set"):
        assert table.attrs["families"][name] == len(rows)
        expected = multipletests(rows["p_value"], method="holm")[1]
        np.testing.assert_allclose(rows["p_holm"], expected, rtol=1e-12)
    assert table.attrs["families"]["rivals"] == 3  # V1; V4 on two outcomes


def test_verdicts_follow_from_the_numbers_of_their_rows(rice):
    """What a reader can check: the rules applied to the row as printed."""
    table = rice[2]
    printed = table[table["estimate"].notna() & (table["estimand"] != "largest")]
    # Only a slope corrected for measurement error can take a verdict back, or its size.
    held = printed["reason"].str.startswith("measurement_error")
    assert (printed.loc[held, "verdict"] == "inconclusive").all()
    for _, row in printed[~held].iterrows():
        one = Evidence(row["estimate"], 1, 1, row["conf_low"], row["conf_high"], row["n"])
        found = rule(one, row["sign"], row["negligible"], row["p_holm"])
        if row["claim"] == "R4b" and found.verdict == "supported":
            assert row["size"] == "clear" or row["reason"] == "size_unresolved"
        else:
            assert (row["verdict"], row["size"]) == (found.verdict, found.size), row["claim"]


def test_a_second_look_gives_the_same(rice):
    survey, results, table = rice
    assert_frame_equal(judge(survey, results), table)
    assert_frame_equal(judge(survey), table)


def test_parts_are_rows_below_their_claim(tmp_path):
    parts = [{"id": name, "term": name} for name in ("affective", "forced")]
    table = judged(tmp_path, [{**TOTAL, "term": "", "parts": parts}, {**TOTAL, "term": "forced"}])
    assert table["part"].tolist() == ["", "affective", "forced", ""]
    assert table["claim"].tolist() == ["C1", "C1", "C1", "C2"]
    assert isnan(table["estimate"][0])
    assert table["p_value"][0] == table["p_value"][1:3].max()
    # One member of the family, not two; and no correction within.
    assert table.attrs["families"] == {"own": 2}
    np.testing.assert_allclose(table["p_holm"][1:3], [
        holm([table["p_value"][part], table["p_value"][3]])[0] for part in (1, 2)
    ])  # fmt: skip


def test_a_claim_on_two_outcomes_counts_twice(tmp_path):
    table = judged(tmp_path, [{**TOTAL, "outcome": "loyalty"}, {**TOTAL, "term": "forced"}])
    assert table["outcome"].tolist() == ["repurchase", "advocacy", "repurchase"]
    assert table.attrs["families"] == {"own": 3}


@pytest.mark.parametrize("named", ["loyalty", ["advocacy", "search", "churn"]])
def test_a_part_can_name_loyalty_or_several_outcomes(tmp_path, named):
    parts = [{"id": "path"}, {"id": "on", "estimand": "total", "outcome": named}]
    table = judged(tmp_path, [{"parts": parts}])
    outcomes = ["repurchase", "advocacy"] if named == "loyalty" else ["advocacy", "search"]
    assert table["part"].tolist() == ["", "path", "on", "on"]
    assert table["outcome"].tolist() == ["satisfaction", "satisfaction", *outcomes]
    assert table["estimate"][1:].notna().all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"term": "engagement"}, "missing_construct: engagement"),
        ({"outcome": "churn"}, "missing_construct: churn"),
        ({**TOTAL, "versus": ["value", "quality"]}, "missing_construct: value, quality"),
        (
            {"estimand": "interaction", "term": "forced:tenure", "outcome": "repurchase"},
            "missing_construct: tenure",
        ),
        ({"outcome": ["staying", "churn"]}, "missing_outcome: staying or churn"),
        ({"estimand": "steps", "versus": ["meets", "below"]}, "missing_construct: level"),
        (
            {"estimand": "rival_models", "outcome": "", "term": "", "versus": ["forced", "trust"]},
            "missing_construct: trust",
        ),
        (
            {"estimand": "interaction", "term": "affective + normative:forced"},
            "estimand_not_built: interaction of a set",
        ),
        ({"outcome": "normative"}, "no_equation: normative"),
        ({**TOTAL, "outcome": "satisfaction"}, "no_equation: satisfaction"),
        (
            {"estimand": "path", "term": "forced", "versus": [], "outcome": "repurchase"},
            "no_step: repurchase",
        ),
        ({"term": "usability"}, "not_in_model: usability"),
        ({**TOTAL, "versus": ["satisfaction"]}, "not_in_model: satisfaction"),
        (
            {"estimand": "largest", "versus": ["usability", "normative"]},
            "not_in_model: usability",
        ),
        (
            {"estimand": "slope_difference", "versus": ["old", "young"]},
            "missing_contrast: old - young",
        ),
        (
            {"estimand": "interaction", "term": "forced:satisfaction"},
            "not_in_model: satisfaction",
        ),
        (
            {"estimand": "interaction", "term": "forced:usability", "outcome": "repurchase"},
            "not_in_model: usability",
        ),
    ],
)  # fmt: skip
def test_a_claim_that_cannot_be_tested_says_why(tmp_path, changes, reason):
    row = only(judged(tmp_path, [changes], GROUPS))
    assert (row["verdict"], row["reason"]) == ("not testable", reason)
    assert isnan(row["estimate"]) and isnan(row["p_holm"])
    assert row["sentence"].startswith("Not testable: ")


def test_what_a_slope_must_stand_beside_may_be_a_control(tmp_path):
    changes = {"model.controls": ["usability"], "paths": REMOVE}
    asked = [{**TOTAL, "versus": ["usability"]}, {"estimand": "largest", "versus": ["usability"]}]
    table = judged(tmp_path, asked, changes)
    assert table["verdict"][0] != "not testable"
    assert table["reason"][1] == "not_in_model: usability"


def test_the_direct_slope_needs_a_mediator(tmp_path):
    direct = {"estimand": "direct", "outcome": "repurchase"}
    row = only(judged(tmp_path, [direct], {"model.mediator": REMOVE}))
    assert row["reason"] == "no_mediator"


def test_a_group_that_is_missing_or_small_is_named(tmp_path):
    asked = [{"estimand": "slope_difference", "versus": ["goods", "services"]}]
    raw = answers().assign(sector=["goods"] * 117 + ["services"] * 3)
    row = only(judged(tmp_path / "a", asked, GROUPS, frame=raw))
    assert row["reason"].startswith("missing_group: sector 'services' has fewer than 10")
    row = only(judged(tmp_path / "b", asked, GROUPS, frame=raw.assign(sector="goods")))
    assert row["reason"].startswith("missing_group: sector 'services' has 0 respondents")


def test_a_group_in_one_cluster_closes_its_claim_only(tmp_path):
    asked = [{}, {"estimand": "slope_difference", "versus": ["goods", "services"]}]
    raw = answers(240)
    raw["industry"] = np.where(raw["sector"] == "goods", 9, np.arange(240) % 9)
    table = judged(tmp_path, asked, {**GROUPS, "design.cluster": "industry"}, frame=raw)
    assert table["reason"][1] == "missing_group: sector 'goods' has 1 cluster, 2 are needed"
    assert table["verdict"][0] != "not testable"


def test_a_category_of_many_levels_has_no_single_product(tmp_path):
    asked = [{"estimand": "interaction", "term": "forced:gender", "outcome": "repurchase"}]
    row = only(judged(tmp_path, asked, {"model.controls": ["gender"]}))
    assert row["reason"] == "many_levels: gender"


def test_moments_know_no_groups_and_no_products():
    survey = read_survey("bank_customers")
    table = judge(survey)
    asked = table[table["estimand"].isin(["slope_difference", "interaction"])]
    assert set(asked["verdict"]) == {"not testable"}
    assert set(table["verdict"]) == {"not testable"}  # its constructs cannot be told apart
    warned = judge(read_survey("bank_customers", ["gates.warn=['htmt', 'admissible']"]))
    testable = warned[warned["estimate"].notna()]
    assert {"path", "direct", "largest"} <= set(testable["estimand"])


def test_a_claim_with_an_untestable_part_is_not_testable(tmp_path):
    parts = [{"id": "a"}, {"id": "b", "term": "engagement"}, {"id": "c", "term": "delight"}]
    table = judged(tmp_path, [{"parts": parts}])
    assert set(table["verdict"]) == {"not testable"}
    assert table["reason"].tolist() == [
        "missing_construct: engagement, delight", "claim_not_testable",
        "missing_construct: engagement", "missing_construct: delight",
    ]  # fmt: skip
    assert table.attrs["families"] == {"own": 0}


def test_what_cannot_be_tested_is_no_member_of_the_family(tmp_path):
    alone = only(judged(tmp_path / "a", [{}]))
    beside = judged(tmp_path / "b", [{}, {"term": "engagement"}, {"term": "usability"}])
    assert beside.attrs["families"] == {"own": 1}
    assert beside["p_holm"][0] == alone["p_holm"] == alone["p_value"]


def test_sets_are_corrected_apart(tmp_path):
    path = make(tmp_path, {"claims": ["own.toml", "other.toml"]}, claims=[{}, {"term": "forced"}])
    (tmp_path / "other.toml").write_text(claim_file([{"id": "X1", "term": "normative"}]))
    table = judge(read_survey(path))
    assert table.attrs["families"] == {"own": 2, "other": 1}
    assert table["p_holm"][2] == table["p_value"][2]


def test_a_contrast_declared_the_other_way_round_turns_its_sign(tmp_path):
    asked = [
        {**TOTAL, "estimand": "slope_difference", "versus": sides}
        for sides in (["goods", "services"], ["services", "goods"])
    ]
    table = judged(tmp_path, asked, GROUPS)
    one, two = table.iloc[0], table.iloc[1]
    assert one["estimate"] == -two["estimate"] != 0
    assert (one["conf_low"], one["conf_high"]) == (-two["conf_high"], -two["conf_low"])
    assert one["p_value"] == two["p_value"]


def test_slopes_of_every_kind_of_equation_can_differ_between_groups(tmp_path):
    asked = [
        {"estimand": "slope_difference", "versus": ["goods", "services"], **where}
        for where in (
            {"outcome": "repurchase"}, {"outcome": "satisfaction"},
            {"outcome": "affective", "term": "usability"},
        )
    ]  # fmt: skip
    assert judged(tmp_path, asked, GROUPS)["estimate"].notna().all()


def test_a_group_named_by_a_number_is_found(tmp_path):
    changes = {"design.groups": ["shown"], "contrasts.shown": {"a": 1, "b": 0}}
    asked = [{"estimand": "slope_difference", "versus": ["1", "0"]}]
    assert only(judged(tmp_path, asked, changes))["verdict"] != "not testable"


def test_a_driver_can_moderate_another(tmp_path):
    asked = [{"estimand": "interaction", "term": "forced:affective", "outcome": "repurchase"}]
    row = only(judged(tmp_path, asked, {"model.moderators": ["affective", "repurchase"]}))
    assert row["verdict"] != "not testable"


def test_few_clusters_decide_nothing(tmp_path):
    changes = {"design.cluster": "industry"}
    few = answers().assign(industry=np.arange(120) % 4)
    row = only(judged(tmp_path / "a", [{}], changes, frame=few))
    assert (row["verdict"], row["reason"]) == ("inconclusive", "few_clusters")
    enough = answers().assign(industry=np.arange(120) % 20)
    assert only(judged(tmp_path / "b", [{}], changes, frame=enough))["verdict"] == "supported"


def test_few_respondents_are_not_called_few_clusters(tmp_path):
    gates = {"gates.warn": ["reliability", "htmt", "admissible"]}
    row = only(judged(tmp_path, [{**TOTAL, "term": "forced"}], gates, frame=answers(12)))
    assert row["verdict"] == "inconclusive" and row["reason"] != "few_clusters"
    # Ten respondents, seven parameters.
    controls = {**gates, "model.controls": ["age", "shown", "w"]}
    tiny = only(judged(tmp_path / "b", [{"term": "forced"}], controls, frame=answers(10)))
    assert (tiny["verdict"], tiny["reason"]) == ("inconclusive", "few_respondents")


def test_the_guide_counts_clusters_when_clustered(tmp_path):
    asked = [{"term": "normative"}]
    alone = only(judged(tmp_path / "a", asked))
    half = (alone["conf_high"] - alone["conf_low"]) / 2
    reach = max(abs(alone["estimate"]), 0.1 - abs(alone["estimate"]))
    guide = f"{int(np.ceil(120 * (half / reach) ** 2)):,} respondents would about settle it"
    assert alone["verdict"] == "inconclusive" and guide in alone["sentence"]
    clustered = only(judged(tmp_path / "b", asked, {"design.cluster": "industry"}))
    half = (clustered["conf_high"] - clustered["conf_low"]) / 2
    reach = max(abs(clustered["estimate"]), 0.1 - abs(clustered["estimate"]))
    guide = f"{int(np.ceil(10 * (half / reach) ** 2)):,} clusters would about settle it"
    assert clustered["verdict"] == "inconclusive" and guide in clustered["sentence"]


def test_an_exact_fit_is_judged(tmp_path):
    """Two questions answered alike by all: no error, no infinity, no crash."""
    alike = answers().assign(usability=np.resize([1, 7], 120), sea1=np.resize([1, 7], 120))
    changes = {
        "model": {"drivers": ["usability"], "outcomes": {"search": "leaving"}}, "paths": REMOVE,
    }  # fmt: skip
    asked = [{**TOTAL, "outcome": "search", "term": "usability", "sign": sign} for sign in SIGNS]
    table = judged(tmp_path, asked, changes, frame=alike)
    # Whether one adds (nothing) to others needs a slope free of error: here nothing is left of it.
    expected = ["supported", "contradicted", "inconclusive", "inconclusive", "supported"]
    assert table["verdict"].tolist() == expected
    assert set(table["reason"][2:4].str.partition(":")[0]) == {"measurement_error"}


# Calibration


SLOPES = {"a": 0.4, "b": 0.4, "c": 0.0}
PLANTED: dict[str, Any] = {
    "zero, +": {"term": "c"},
    "zero, -": {"term": "c", "sign": "-"},
    "tie": {"estimand": "largest", "term": "a", "versus": ["b", "c"]},
    "at d, none": {"term": "b", "sign": "none", "negligible": 0.4},
    "at d, any": {"term": "b", "sign": "any", "negligible": 0.4},
    "at -d, not negative": {"term": "c", "sign": "not_negative", "negligible": 0.0},
    "at d, strongly": {"term": "b", "negligible": 0.4, "size": "clear"},
    "one part zero": {"parts": [{"id": "a"}, {"id": "c", "term": "c"}]},
    "same in groups": {"estimand": "slope_difference", "term": "a", "versus": ["x", "y"]},
    "no product": {"estimand": "interaction", "term": "a:c"},
}
PLANTED_STUDY = {
    "title": "Planted", "data": "survey.csv", "origin": "simulated",
    "claims": [f"{name}.toml" for name in PLANTED], "scale": {"min": -30, "max": 30},
    "constructs": {name: {"reliability": 1.0} for name in [*SLOPES, "y"]},
    "model": {"drivers": list(SLOPES), "outcomes": {"y": "intention"}},
    "design": {"groups": ["g"]}, "contrasts": {"g": {"a": "x", "b": "y"}},
}  # fmt: skip


def planted(rng: np.random.Generator, n: int = 120) -> pd.DataFrame:
    """Respondents whose standardized slopes are exactly those of :data:`SLOPES`."""
    x = rng.normal(size=(n, len(SLOPES)))
    slopes = np.array(list(SLOPES.values()))
    y = x @ slopes + np.sqrt(1 - slopes @ slopes) * rng.normal(size=n)
    return pd.DataFrame(x, columns=list(SLOPES)).assign(y=y, g=np.resize(["x", "y"], n))


@pytest.mark.slow
def test_what_is_not_so_is_seldom_supported(tmp_path, monkeypatch):
    """At most 5% of claims whose planted verdict is not *supported* come out supported.

    Each claim is a set of its own, so that Holm's correction protects none of them.
    """
    rng, runs = np.random.default_rng(20), 300
    path = make(tmp_path, study=PLANTED_STUDY, frame=planted(rng))
    for name, changes in PLANTED.items():
        asked = {**TOTAL, "outcome": "y", "term": "a", **changes, "id": name}
        (tmp_path / f"{name}.toml").write_text(claim_file([asked]))
    survey = read_survey(path)
    sets, singles = load_claims(survey.study), single_claims(survey.study)
    monkeypatch.setattr(verdicts_module, "load_claims", lambda study: sets)
    counts = dict.fromkeys(PLANTED, 0)
    for _ in range(runs):
        again = drawn(survey, planted(rng))
        latent = twins(again)
        results = {
            "regression": regression(again, latent), "contrasts": contrasts(again, singles, latent)
        }  # fmt: skip
        table = judge(again, results)
        for name in table.loc[(table["part"] == "") & (table["verdict"] == "supported"), "claim"]:
            counts[name] += 1
    allowed = binom.ppf(0.999, runs, 0.05)
    assert {name: count for name, count in counts.items() if count > allowed} == {}
    # Two-sided 95% intervals leave 2.5% on either side; most of these claims sit on one.
    assert 0.005 < np.mean([counts[name] for name in PLANTED]) / runs < 0.05


def drawn(survey: Survey, frame: pd.DataFrame) -> Survey:
    """The same study with other respondents, without a file."""
    return replace(survey, frame=frame, moments=Moments.from_frame(frame[[*SLOPES, "y"]]))


def test_a_survey_drawn_in_memory_is_the_one_read(tmp_path):
    frame = planted(np.random.default_rng(1))
    changes = {"claims": ["own.toml"]}
    asked = [{**TOTAL, "outcome": "y", "term": "a"}]
    path = make(tmp_path, changes, study=PLANTED_STUDY, frame=frame, claims=asked)
    survey = read_survey(load_study(path))
    assert_frame_equal(judge(drawn(survey, frame)), judge(survey))
