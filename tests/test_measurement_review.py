"""What a referee tried on the measurement half, and what was wrong then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factory import survey_of
from latent import drawn, equal, implied, study_of

from loyalty_analysis.analysis import analyse
from loyalty_analysis.cfa import cfa_loadings, measurement_model
from loyalty_analysis.equations import equations
from loyalty_analysis.evidence import structure_evidence, unequal_errors
from loyalty_analysis.gates import gates
from loyalty_analysis.lavaan import study_script
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey
from loyalty_analysis.twins import twins
from loyalty_analysis.validity import discriminant
from loyalty_analysis.verdicts import judge

CLAIM = {"term": "a", "outcome": "y", "estimand": "total"}
TRUTH = equal(["a", "b", "y"], 0.5)


def surveyed(folder: Path, frame: pd.DataFrame, **tables: object) -> Survey:
    study = study_of(["a", "b", "y"], **tables)
    return survey_of(folder, study=study, frame=frame, claims=[CLAIM])


def test_a_factor_points_where_its_items_do_whatever_the_first(tmp_path: Path) -> None:
    frame = drawn(implied(TRUTH), 300)
    # The first item goes with nothing; whether the little that is left is above or below zero
    # must not turn the construct round.
    noise = np.random.default_rng(5).normal(size=300)
    others = frame[["a2", "a3"]].sum(axis=1)
    frame["a1"] = noise - 1.02 * others * (noise @ others) / (others @ others)
    assert frame[["a1", "a2"]].corr().iloc[0, 1] < 0
    survey = surveyed(tmp_path, frame)
    equation = equations(survey.study)[0]
    assert (twins(survey).slopes(equation, equation.terms).values > 0.1).all()
    measured = measurement_model(survey)
    table = measured.correlations()
    assert table is not None and (table > 0.3).to_numpy().all()
    assert cfa_loadings(measured).set_index("item").loc["a2", "standardized"] > 0.5


def in_clusters(frame: pd.DataFrame) -> pd.DataFrame:
    """Eight clusters; outside the first, the first item never varies."""
    team = np.arange(len(frame)) % 8
    return frame.assign(team=[f"t{k}" for k in team], a1=frame["a1"].where(team == 0, 1.0))


def test_a_cluster_that_a_construct_cannot_spare_costs_the_twin_its_interval(
    tmp_path: Path,
) -> None:
    frame = in_clusters(drawn(implied(TRUTH), 400))
    survey = surveyed(tmp_path, frame, design={"cluster": "team"})
    equation = equations(survey.study)[0]
    slopes = twins(survey).slopes(equation, equation.terms)
    assert np.isfinite(slopes.values).all() and np.isnan(slopes.std_error).all()
    table = analyse(survey, everything=False)["regression"]
    assert table["beta_low"].notna().sum() == 2 and table["beta_latent_low"].isna().all()


def test_the_other_pairs_keep_their_interval(tmp_path: Path) -> None:
    survey = surveyed(tmp_path, in_clusters(drawn(implied(TRUTH), 400)), design={"cluster": "team"})
    table = discriminant(survey).set_index(["a", "b"])
    assert table["htmt"].notna().all()
    assert table["htmt_high"].notna().to_list() == [False, False, True]


def test_a_ratio_without_an_interval_can_fail_the_gate(tmp_path: Path) -> None:
    survey = surveyed(tmp_path, drawn(implied(TRUTH), 100))
    row = {"a": "a", "b": "b", "htmt": 0.95, "htmt_high": np.nan, "note": ""}
    measured = measurement_model(survey)
    table = pd.DataFrame([row, row | {"htmt": 0.6}, row | {"htmt": np.nan}])
    found = gates(survey.study, {"discriminant": table}, measured)
    assert found["passes"].to_list() == [False, True, True, True]
    assert "0.95, without an interval" in found["note"][0]


@pytest.mark.parametrize(("statistic", "p"), [(19.0, 0.0403), (40.0, 1.7e-5), (2.0, 0.996)])
def test_a_test_that_rejects_a_rival_is_no_evidence_for_it(
    tmp_path: Path, statistic: float, p: float
) -> None:
    """Of ten more restrictions BIC forgives up to 62 with 500 respondents."""
    survey = replace(surveyed(tmp_path, drawn(implied(TRUTH), 500)), frame=None)
    rows = {"model": ["2 factors", "1 factor"], "p_value_difference": [np.nan, p],
            "bic": [0.0, statistic - 10 * np.log(500)]}  # fmt: skip
    [lead] = structure_evidence(pd.DataFrame(rows), survey)
    assert lead.estimate < 0 and lead.conf_high > 0


def skipping(frame: pd.DataFrame, kept: int, among: int) -> pd.DataFrame:
    """Each of the first ``among`` but the last ``kept`` of them skips an item."""
    return frame.assign(a1=frame["a1"].where(frame.index >= among - kept))


@pytest.mark.parametrize(("kept", "shown"), [(9, False), (12, True)])
def test_the_script_shows_no_moments_of_fewer_than_ten(
    tmp_path: Path, kept: int, shown: bool
) -> None:
    """Groups and categories are large enough, but few of them answered every item."""
    frame = skipping(drawn(implied(TRUTH), 300), kept, 60)
    frame = frame.assign(place=np.where(frame.index < 60, "here", "there"))
    tables = {"scale": {"min": -50, "max": 50, "min_items": 2}, "design": {"groups": ["place"]}}
    survey = surveyed(tmp_path / "groups", frame, **tables)
    script = study_script(survey)
    assert ("# Invariance across place" in script) == shown
    assert f"moments of the {300 - 60 + kept} respondents" in script
    model = {"drivers": ["a", "b"], "outcomes": {"y": "intention"}, "controls": ["place"]}
    survey = surveyed(tmp_path / "categories", frame, **tables, model=model)
    assert survey.small_groups == frozenset()
    assert ("place_there" in study_script(survey)) == shown


GROUPS = {"design": {"groups": ["land"]}, "contrasts": {"land": {"a": "north", "b": "south"}}}
DIFFERENCE = {
    "estimand": "slope_difference", "outcome": "y", "term": "a", "versus": ["north", "south"],
}  # fmt: skip


def noisier(frame: pd.DataFrame, items: list[str], seed: int) -> pd.DataFrame:
    """The same answers with more error in some items; loadings in their units stay."""
    noise = 0.8 * np.random.default_rng(seed).normal(size=(len(frame), len(items)))
    return frame.assign(**{name: frame[name] + noise[:, k] for k, name in enumerate(items)})


def test_slopes_of_scores_that_differ_by_reliability_alone_settle_nothing(tmp_path: Path) -> None:
    """Equal slopes of the constructs, equal loadings; one scale has more error in one group."""
    truth = equal(["a", "b", "y"], 0.6)
    north, south = (drawn(implied(truth), 1000, seed) for seed in (1, 2))
    parts = [north.assign(land="north"), noisier(south, ["a1", "a2", "a3"], 3).assign(land="south")]
    study = study_of(["a", "b", "y"], **GROUPS)
    frame = pd.concat(parts, ignore_index=True)
    survey = survey_of(tmp_path, study=study, frame=frame, claims=[DIFFERENCE])
    results = analyse(survey, everything=False)
    steps = results["invariance"].set_index("step")
    assert steps.loc["metric", "holds"] and not steps.loc["strict", "holds"]
    row = judge(survey, results).iloc[0]
    assert row["conf_low"] > 0 and row["p_holm"] < 0.05  # scores alone would settle it
    assert row["verdict"] == "inconclusive"
    differ = "measurement_error: loadings or error variances differ between groups of land"
    assert row["reason"] == differ


def test_slopes_of_groups_whose_loadings_had_to_differ_settle_nothing() -> None:
    """Two invariant items pass the gate, but scores still hold the third."""
    steps = pd.DataFrame({"group": "sector", "step": ["metric", "scalar", "strict"]})
    steps = steps.assign(delta_cfi=0.0, delta_rmsea=0.0, holds=[False, True, True])
    study = load_study("rice_simulated")
    assert unequal_errors(study, steps.assign(enough=[1.0, np.nan, np.nan]), "sector")
    # Not even two: the gate stops the claim, or warns where the study says so.
    assert not unequal_errors(study, steps.assign(enough=[0.0, np.nan, np.nan]), "sector")


def test_two_contrasted_groups_of_many_are_compared_by_themselves(tmp_path: Path) -> None:
    """Among many groups that agree, one that differs is lost in the change of CFI."""
    frames = []
    for k, name in enumerate(["north", "south", *(f"other{n}" for n in range(6))]):
        part = drawn(implied(TRUTH), 300, 20 + k)
        if name == "south":
            part["a2"] = 0.25 * part["a2"] + np.random.default_rng(9).normal(size=300)
        frames.append(part.assign(land=name))
    study = study_of(["a", "b", "y"], **GROUPS)
    frame = pd.concat(frames, ignore_index=True)
    survey = survey_of(tmp_path, study=study, frame=frame, claims=[DIFFERENCE])
    results = analyse(survey, everything=False)
    table = results["invariance"]
    own = table[(table["group"] == "land (north, south)") & (table["step"] == "metric")].iloc[0]
    assert own["levels"] == "north, south" and not own["holds"]
    found = results["gates"]
    [row] = found[found["gate"] == "invariance"].to_dict("records")
    assert row["about"] == "land" and row["value"] == -own["delta_cfi"] > row["limit"]


def test_what_a_study_declares_of_a_single_item_must_reach_the_limit_too(tmp_path: Path) -> None:
    constructs = {"a": {"items": ["a1"], "reliability": 0.4}, "b": {"items": ["b1", "b2", "b3"]},
                  "y": {"items": ["y1", "y2", "y3"]}}  # fmt: skip
    study = {**study_of(["a", "b", "y"]), "constructs": constructs}
    frame = drawn(implied(TRUTH), 300)
    row = judge(survey_of(tmp_path, study=study, frame=frame, claims=[CLAIM])).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not testable", "low_reliability: a")


def test_constructs_that_hardly_differ_are_not_called_distinct(tmp_path: Path) -> None:
    """A lead in likelihood beside a ratio of correlations that the same report calls too high."""
    truth = equal(["a", "b", "y"], 0.5)
    truth.loc["a", "b"] = truth.loc["b", "a"] = 0.95
    asked = {"estimand": "rival_models", "outcome": "", "term": "", "versus": ["a", "b"],
             "sign": "+", "models": {"one": [["a", "b"]]}}  # fmt: skip
    frame = drawn(implied(truth), 9000)
    study = study_of(["a", "b", "y"])
    survey = survey_of(tmp_path, study=study, frame=frame, claims=[asked])
    row = judge(survey).iloc[0]
    assert row["conf_low"] > 0  # respondents left out are more likely under two factors
    assert (row["verdict"], row["reason"]) == ("inconclusive", "not_distinct: a and b")


def test_missing_answers_keep_the_likelihood_of_respondents_left_out(tmp_path: Path) -> None:
    asked = {"estimand": "rival_models", "outcome": "", "term": "", "versus": ["a", "b"],
             "sign": "+", "models": {"one": [["a", "b"]]}}  # fmt: skip
    frame = drawn(implied(TRUTH), 500).round(6)
    frame.loc[::25, "a2"] = np.nan
    study = study_of(["a", "b", "y"], scale={"min": -50, "max": 50, "min_items": 2})
    survey = survey_of(tmp_path, study=study, frame=frame, claims=[asked])
    results = analyse(survey, everything=False)
    rivals = results["cfa_fit"].iloc[1:]
    assert rivals["estimator"].str.startswith("FIML").all() and (rivals["cv_n"] == 480).all()
    assert judge(survey, results)["verdict"][0] == "supported"
