"""Answers that carry too little: a clear error or an honest "not assessable", never a traceback."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import CLAIM, answers, survey_of
from latent import drawn, equal, implied, items_of, published, study_of

from loyalty_analysis.analysis import analyse, twins_or_none
from loyalty_analysis.errors import DataError
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdicts import judge

GROUPS = {"design.groups": ["sector"], "contrasts.sector": {"a": "goods", "b": "services"}}
CLAIMS: list[dict[str, Any]] = [
    {},
    {"estimand": "largest", "versus": ["normative", "forced"]},
    {"estimand": "rival_models", "versus": ["affective", "normative", "forced"], "term": "",
     "outcome": ""},
    {"estimand": "slope_difference", "outcome": "repurchase", "versus": ["goods", "services"]},
    {"estimand": "total", "outcome": "repurchase", "term": "normative", "sign": "none"},
]  # fmt: skip


def judged(
    folder: Path, frame: pd.DataFrame, changes: Mapping[str, Any] = GROUPS, everything: bool = True
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Every result and every verdict of a tiny study with these answers."""
    survey = survey_of(folder, changes, frame, claims=CLAIMS)
    results = analyse(survey, everything)
    return results, judge(survey, results)


def problem(results: Mapping[str, pd.DataFrame], model: str = "measurement") -> str:
    return results["cfa_fit"].set_index("model").loc[model, "problem"]


def no_twins(results: Mapping[str, pd.DataFrame]) -> bool:
    table = results["regression"]
    return bool(table["beta_latent_std_error"].isna().all() and table["beta"].notna().any())


def test_a_constant_item_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"survey.csv: column 'aff2' holds 4 only: an item must va"):
        judged(tmp_path, answers().assign(aff2=4))


@pytest.mark.parametrize(("item", "other"), [("aff2", "aff1"), ("nor1", "aff1")])
def test_duplicate_items(tmp_path: Path, item: str, other: str) -> None:
    """One answer twice, within a construct and across two."""
    frame = answers()
    results, verdicts = judged(tmp_path, frame.assign(**{item: frame[other]}))
    pair = f"{other}, {item} repeat each other"
    assert problem(results).startswith(pair) and problem(results, "3 factors").startswith(pair)
    assert pair in results["invariance"]["note"][0]
    assert no_twins(results) and results["cfa_loadings"].empty
    assert "factorability" not in results
    gates = results["gates"].set_index("gate")
    assert gates.loc["admissible", "passes"] and pair in gates.loc["admissible", "note"]
    assert not gates.loc["invariance", "passes"]
    # What needs no latent model is judged; what does is not.
    first = {
        "aff2": ("supported", ""),
        "nor1": ("not testable", "not_distinct: affective and norm"),
    }
    assert verdicts["verdict"][0] == first[item][0]
    assert verdicts["reason"][0].startswith(first[item][1])
    assert verdicts["verdict"][2] == "not testable"
    assert verdicts["reason"][3].endswith("not_invariant: sector")
    assert "supported" not in set(verdicts["verdict"][1:])


@pytest.mark.parametrize("n", [12, 22])
def test_hardly_more_respondents_than_items(tmp_path: Path, n: int) -> None:
    """Eighteen items of the study, nine of the rival structures."""
    results, verdicts = judged(tmp_path, answers(n, seed=3), everything=n == 12)
    if n == 12:
        assert problem(results).startswith(f"{n} respondents for 18 items; a latent model needs")
        assert no_twins(results)
    assert set(results["invariance"]["note"]) == {"fewer than two groups of 50 respondents"}
    assert len(verdicts) == len(CLAIMS) and verdicts["sentence"].str.len().min() > 20
    assert not set(verdicts["verdict"]) & {"supported", "contradicted", "negligible"}


def test_fewer_than_ten_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fewer than 10 respondents are complete"):
        judged(tmp_path, answers(9))


def test_a_group_of_five(tmp_path: Path) -> None:
    frame = answers().assign(sector=["services"] * 5 + ["goods"] * 115)
    results, verdicts = judged(tmp_path, frame, everything=False)
    assert verdicts["reason"][3].startswith("missing_group: sector 'services' has fewer than 10")
    row = results["invariance"].iloc[0]
    assert (row["step"], row["note"]) == ("", "fewer than two groups of 50 respondents")
    assert not any("services" in str(cell) for cell in results["invariance"].to_numpy().ravel())
    assert verdicts["verdict"][0] == "supported"


def test_an_item_that_one_respondent_varies(tmp_path: Path) -> None:
    """Constant in whatever leaves that one out: folds, groups, clusters."""
    frame = answers().assign(aff2=[5] + [4] * 119)
    results, verdicts = judged(tmp_path, frame)
    table = results["cfa_fit"].set_index("model")
    assert table.loc["3 factors", "chi2"] > 0 and not table.loc["3 factors", "problem"]
    assert np.isnan(table.loc["1 factor", "cv_difference"])
    assert "aff2 does not vary" in results["invariance"]["note"][0]
    assert verdicts["verdict"][2] in ("supported", "inconclusive", "not testable")


def test_an_item_that_one_cluster_varies(tmp_path: Path) -> None:
    """The latent model cannot be fitted without that cluster: twins have no errors."""
    frame = answers(240)
    varied = frame["industry"] == "goods0"
    for item in ("aff1", "aff2"):
        changes = {**GROUPS, "design.cluster": "industry"}
        still = frame.assign(**{item: frame[item].where(varied, 4)})
        results, verdicts = judged(tmp_path / item, still, changes, False)
        assert no_twins(results)
        assert set(verdicts["verdict"][[1, 4]]) <= {"inconclusive", "not testable"}


TOTAL = {**CLAIM, "estimand": "total", "outcome": "y", "term": "a"}
BESIDE = [TOTAL, {**TOTAL, "id": "C2", "versus": ["b"]}]


def test_a_factor_of_two_items(tmp_path: Path) -> None:
    """Identified by what it goes with."""
    constructs = {"a": ["a1", "a2"], "b": ["b1"], "y": ["y1"]}
    study = study_of(constructs)
    for name in "by":
        study["constructs"][name]["reliability"] = 0.7
    kept = ["a1", "a2", "b1", "y1"]
    correlation = implied(equal("aby", 0.5)).loc[kept, kept]
    survey = published(tmp_path, correlation, 400, study, claims=BESIDE)
    results = analyse(survey)
    assert results["cfa_fit"]["df"][0] == 1 and results["cfa_fit"]["admissible"][0]
    note = results["reliability"].set_index("construct")["note"]
    assert note["b"] == "not assessable: one item; 0.7 is declared"
    assert judge(survey, results)["verdict"].tolist() == ["supported", "supported"]


def test_two_items_that_go_with_nothing_else(tmp_path: Path) -> None:
    """Their factor is not identified; the slope of their score still is."""
    constructs = {"a": ["a1", "a2"], "b": items_of("b"), "y": items_of("y")}
    truth = equal("aby", 0.5)
    truth.loc["a", ["b", "y"]] = truth.loc[["b", "y"], "a"] = 0.0
    kept = [item for items in constructs.values() for item in items]
    correlation = implied(truth).loc[kept, kept]
    survey = published(tmp_path, correlation, 200, study_of(constructs), claims=BESIDE)
    results = analyse(survey)
    assert "is not identified" in problem(results) and no_twins(results)
    rows = judge(survey, results)
    assert set(rows["verdict"]) == {"not testable"}
    assert rows["reason"].str.contains("inadmissible: a").all()


def test_constructs_that_are_exactly_one(tmp_path: Path) -> None:
    """A latent correlation of 1 to the last digit leaves no slopes beside each other."""
    truth = equal("aby", 0.5)
    truth.loc["a", "b"] = truth.loc["b", "a"] = 1.0
    for n in (100, 200, 401):
        survey = published(tmp_path / str(n), implied(truth), n, study_of("aby"), claims=BESIDE)
        rows = judge(survey)
        assert rows["reason"].str.startswith("not_distinct: a and b").all()


def test_no_twins_where_the_items_carry_none(tmp_path: Path) -> None:
    frame = drawn(implied(equal("aby", 0.5)), 60).assign(a2=lambda table: table["a1"])
    survey: Survey = survey_of(tmp_path, {}, frame, study=study_of("aby"), claims=BESIDE)
    assert twins_or_none(survey) is None
    rows = judge(survey)
    assert rows["reason"][1] in ("measurement_error", "includes_zero")
