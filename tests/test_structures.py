"""Rival structures: the planted one wins, and P1's verdict is what was planted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import survey_of
from latent import drawn, equal, implied, items_of, published, redrawn, study_of
from scipy.stats import binom, kstest, multivariate_normal

from loyalty_analysis.analysis import analyse, single_claims
from loyalty_analysis.cfa import cfa_fit, measurement_model
from loyalty_analysis.claims import read_claims, shipped_sets
from loyalty_analysis.evidence import structure_evidence
from loyalty_analysis.moments import Moments
from loyalty_analysis.sem_fit import fit_model
from loyalty_analysis.sem_model import model_script
from loyalty_analysis.structures import compared, rival_structures
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdicts import judge

FIVE = ("affective", "normative", "economic", "forced", "habitual")
CALCULATIVE = ["economic", "forced", "habitual"]
MODELS = [
    "5 factors", "1 factor", "3 factors: economic + forced + habitual",
    "4 factors: economic + forced", "4 factors: habitual + economic", "second order",
]  # fmt: skip
STUDY = study_of([*FIVE, "repurchase"])
PAPER = read_claims(shipped_sets()["rice_paper"]).claims[0]
P1 = {**PAPER.model_dump(include={"id", "text", "estimand", "versus", "sign", "models"}),
      "outcome": "", "term": ""}  # fmt: skip
EMPTY = {"regression": pd.DataFrame(), "contrasts": pd.DataFrame()}


def planted(merged: list[str], within: float = 1.0) -> pd.DataFrame:
    """Correlations of the five, those of ``merged`` being one construct."""
    truth = equal([*FIVE, "repurchase"], 0.4)
    truth.loc[merged, merged] = equal(merged, within)
    return truth


def surveyed(folder: Path, *arguments: Any, **options: Any) -> Survey:
    """A survey judged on P1."""
    return survey_of(folder, *arguments, **{"claims": [P1], "study": STUDY} | options)


def respondents(merged: list[str], n: int = 400, seed: int = 1) -> pd.DataFrame:
    return drawn(implied(planted(merged)), n, seed)


def verdict(survey: Survey, table: pd.DataFrame) -> pd.Series:
    """P1 on some structures."""
    return judge(survey, {**EMPTY, "cfa_fit": table}).set_index("claim").loc["P1"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Survey, pd.DataFrame]]:
    """Structures of respondents whose truth is five factors, three, or one."""
    found = {}
    for name, merged in {"five": [], "three": CALCULATIVE, "one": list(FIVE)}.items():
        survey = surveyed(tmp_path_factory.mktemp(name), {}, respondents(merged))
        found[name] = survey, rival_structures(survey, single_claims(survey.study))
    return found


@pytest.mark.parametrize(
    ("truth", "best", "verdicts"),
    [
        ("five", "5 factors", {"supported"}),
        ("three", "3 factors: economic + forced + habitual", {"inconclusive", "contradicted"}),
        ("one", "1 factor", {"inconclusive", "contradicted"}),
    ],
)
def test_the_planted_structure_wins(tables: Any, truth: str, best: str, verdicts: set[str]) -> None:
    survey, table = tables[truth]
    rows = table.set_index("model")
    assert table["model"].tolist() == MODELS
    first_order = rows.drop(index="second order")
    assert first_order["bic"].idxmin() == best
    assert first_order["cv_log_likelihood"].idxmax() == best
    row = verdict(survey, table)
    assert row["verdict"] in verdicts
    if truth == "five":
        assert rows.loc[MODELS[1:5], "p_value_difference"].max() < 1e-6
        assert row["conf_low"] > 0 and row["p_holm"] < 0.05
    else:
        assert row["estimate"] < 0 or row["reason"] == "structures_tie"
        # What the truth allows is not rejected; what it forbids is.
        wrong = {"three": ["1 factor"], "one": []}[truth]
        assert rows.loc[best, "p_value_difference"] > 0.001
        assert (rows.loc[wrong, "p_value_difference"] < 1e-6).all()


def test_reversed_items_change_nothing(tables: Any, tmp_path: Path) -> None:
    """Asked the other way round, declared so: the same structures, to the last digit."""
    _, table = tables["five"]
    frame = respondents([])
    turned = {"affective": ["affective2"], "forced": ["forced1", "forced3"]}
    changes = {f"constructs.{name}.reversed": items for name, items in turned.items()}
    for item in [item for items in turned.values() for item in items]:
        frame[item] = -frame[item]
    other = surveyed(tmp_path, changes, frame)
    again = rival_structures(other, single_claims(other.study))
    numbers = table.select_dtypes("number").columns
    np.testing.assert_allclose(again[numbers], table[numbers], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("merged", [[], CALCULATIVE])
def test_moments_alone(tmp_path: Path, merged: list[str]) -> None:
    """Nobody can be left out: half the difference of BIC stands for the lead."""
    items = drawn(implied(planted(merged)), 400).corr()
    survey = published(tmp_path, items, 400, STUDY, claims=[P1])
    table = rival_structures(survey, single_claims(survey.study))
    assert "cv_difference" not in table and set(table["estimator"]) == {"ML"}
    row = verdict(survey, table)
    assert row["verdict"] == ("inconclusive" if merged else "supported")
    first = table.iloc[0]
    leads = (table["bic"][1:5] - first["bic"]) / 2 / 400
    assert row["estimate"] == pytest.approx(leads.min())
    if merged:
        assert row["reason"] == "structures_tie"


def test_whole_clusters_are_left_out(tmp_path: Path) -> None:
    """The folds, refits and densities written out plainly."""
    frame = respondents([], n=300).assign(team=np.arange(300) % 40)
    study = study_of([*FIVE[:3], "repurchase"], design={"cluster": "team"})
    survey = surveyed(tmp_path, {}, frame, study=study)
    table = rival_structures(survey)
    assert table["model"].tolist() == ["3 factors", "1 factor"]
    constructs = {name: items_of(name) for name in FIVE[:3]}
    merged = {"one": [item for items in constructs.values() for item in items]}
    names = merged["one"]
    teams = survey.clusters
    assert teams is not None
    _, which = np.unique(teams, return_inverse=True)
    fold = (np.random.default_rng(1).permutation(40) % 10)[which]
    levels = {}
    for name, factors_ in (("3 factors", constructs), ("1 factor", merged)):
        # A wrong model has several maxima: the search begins where that of all respondents ended.
        whole = fit_model(model_script(factors_), Moments.from_frame(frame[names]))
        levels[name] = np.zeros(300)
        for k in range(10):
            train = frame.loc[fold != k, names]
            data = Moments.from_frame(train)
            fit = fit_model(model_script(factors_), data, start=whole.theta)
            sigma = fit.graphs[0].shape(fit.theta).sigma
            density = multivariate_normal(train.mean(), sigma)
            levels[name][fold == k] = density.logpdf(frame.loc[fold == k, names])
    lead = levels["3 factors"] - levels["1 factor"]
    by_team = np.array([lead[which == team].sum() for team in range(40)])
    row = table.iloc[1]
    assert row["cv_difference"] == pytest.approx(lead.sum(), rel=1e-5)
    assert row["cv_error"] == pytest.approx(40**0.5 * by_team.std(ddof=1), rel=1e-5)
    [evidence] = structure_evidence(table, survey)
    assert (evidence.df, evidence.least_df, evidence.scarce) == (39, 39, "few_clusters")
    assert evidence.estimate == pytest.approx(lead.sum() / 300, rel=1e-5)


# What the rules make of a table of structures


def changed(table: pd.DataFrame, model: str, **columns: float | str) -> pd.DataFrame:
    """The table with one row changed."""
    found = table.copy()
    for name, value in columns.items():
        found.loc[found["model"] == model, name] = value
    return found


def test_a_rival_without_solution_closes_the_claim(tables: Any) -> None:
    survey, table = tables["five"]
    rival = "4 factors: economic + forced"
    numbers = dict.fromkeys(table.columns.drop(["model", "problem"]), np.nan)
    broken = table.astype({"admissible": object}).copy()
    row = verdict(survey, changed(broken, rival, **numbers, problem="did not converge"))
    assert (row["verdict"], row["reason"]) == ("not testable", f"no_solution: {rival}")
    assert row["sentence"] == f"Not testable: no solution was found for: {rival}."


def test_a_second_order_factor_is_no_rival(tables: Any) -> None:
    """It keeps the five distinct: however far ahead, it takes nothing from the claim."""
    survey, table = tables["five"]
    ahead = changed(table, "second order", bic=0.0, aic=0.0, cv_difference=-500.0, cv_error=1.0)
    row, before = verdict(survey, ahead), verdict(survey, table)
    assert row["verdict"] == "supported" and row["estimate"] == before["estimate"]
    unsolved = changed(table, "second order", cv_difference=np.nan, problem="not admissible")
    assert verdict(survey, unsolved)["verdict"] == "supported"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("cfi", 0.949, "poor_fit"), ("rmsea", 0.061, "poor_fit"), ("srmr", 0.081, "poor_fit"),
        ("admissible", False, "poor_fit"), ("cfi", 0.95, ""), ("rmsea", 0.06, ""),
        ("srmr", 0.08, ""),
    ],
)  # fmt: skip
def test_a_structure_that_is_ahead_must_also_fit(
    tables: Any, column: str, value: float, reason: str
) -> None:
    survey, table = tables["five"]
    good = changed(table, MODELS[0], cfi=0.96, rmsea=0.05, srmr=0.05)
    row = verdict(survey, changed(good, MODELS[0], **{column: value}))
    assert (row["verdict"], row["reason"]) == ("inconclusive" if reason else "supported", reason)


@pytest.mark.parametrize("column", ["aic", "bic", "cv_difference"])
def test_ties(tables: Any, column: str) -> None:
    """Ahead by two of the three is not ahead."""
    survey, table = tables["five"]
    rival, first = MODELS[3], table.iloc[0]
    worse = -1.0 if column == "cv_difference" else float(first[column])
    row = verdict(survey, changed(table, rival, **{column: worse}))
    assert (row["verdict"], row["reason"]) == ("inconclusive", "structures_tie")
    assert "no structure is ahead" in row["sentence"]


def test_a_rival_ahead_by_all_three_contradicts(tables: Any) -> None:
    survey, table = tables["five"]
    lower = {name: float(table[name][0]) - 50 for name in ("aic", "bic")}
    ahead = changed(table, MODELS[2], cv_difference=-40.0, cv_error=8.0, **lower)
    row = verdict(survey, ahead)
    assert (row["verdict"], row["estimate"]) == ("contradicted", -40 / 400)
    assert f"below that of {MODELS[2]}, the closest rival" in row["sentence"]
    # Not by a solution that cannot be.
    assert verdict(survey, changed(ahead, MODELS[2], admissible=False))["verdict"] == "inconclusive"


def test_few_clusters_decide_no_structure(tmp_path: Path) -> None:
    frame = respondents([]).assign(team=np.arange(400) % 4)
    survey = surveyed(tmp_path, {"design.cluster": "team"}, frame)
    table = rival_structures(survey, single_claims(survey.study))
    row = verdict(survey, table)
    assert (row["verdict"], row["reason"]) == ("inconclusive", "few_clusters")


def test_a_difference_that_cannot_be_scaled_decides_nothing(tables: Any) -> None:
    """Neither left-out likelihood nor test: no mixture of two scales, and no crash."""
    survey, table = tables["five"]
    unknown = {"cv_difference": np.nan, "cv_error": np.nan, "p_value_difference": np.nan}
    row = verdict(survey, changed(table, MODELS[1], **unknown))
    assert (row["verdict"], row["reason"]) == ("not testable", f"no_solution: {MODELS[1]}")


# What is compared


def test_the_claim_says_what_is_compared(tables: Any) -> None:
    survey, _ = tables["five"]
    names, merges = compared(survey.study, single_claims(survey.study))
    assert names == FIVE and CALCULATIVE in [merge[0] for merge in merges]
    assert compared(survey.study, []) == (FIVE, [])


def test_constructs_that_are_not_measured_or_by_one_item(tmp_path: Path) -> None:
    study = study_of({**{name: items_of(name) for name in FIVE[:4]}, "habitual": ["habitual1"],
                      "repurchase": items_of("repurchase")})  # fmt: skip
    single = surveyed(tmp_path / "a", {}, respondents([]), study=study)
    row = verdict(single, rival_structures(single, single_claims(single.study)))
    assert (row["verdict"], row["reason"]) == ("not testable", "single_item: habitual")
    fewer = study_of([*FIVE[:4], "repurchase"])
    absent = surveyed(tmp_path / "b", {}, respondents([]), study=fewer)
    row = verdict(absent, rival_structures(absent, single_claims(absent.study)))
    assert (row["verdict"], row["reason"]) == ("not testable", "missing_construct: habitual")


def test_one_construct_has_no_rivals(tmp_path: Path) -> None:
    survey = surveyed(tmp_path, {}, respondents([]), study=study_of(["affective", "repurchase"]))
    assert rival_structures(survey).empty


def test_items_that_repeat_each_other_are_named_as_the_study_does(tmp_path: Path) -> None:
    names = {"é a": ["1", "2", "3"], "é b": ["4", "5", "6"], "y": ["7", "8", "9"]}
    frame = drawn(implied(equal("abc", 0.4)), 100)
    frame.columns = pd.Index([item for items in names.values() for item in items])
    good = rival_structures(surveyed(tmp_path / "a", {}, frame, study=study_of(names)))
    assert good["model"].tolist() == ["2 factors", "1 factor"]
    frame["4"] = frame["1"]
    broken = rival_structures(surveyed(tmp_path / "b", {}, frame, study=study_of(names)))
    assert broken["model"].tolist() == ["2 factors"]
    assert broken["problem"][0].startswith("1, 4 repeat each other")


def test_through_the_whole_analysis(tmp_path: Path) -> None:
    """P1 beside its gates: unreliable constructs close it, inseparable ones are its own affair."""
    poor = implied(planted(CALCULATIVE, 0.99))
    noise = pd.Series(1.0, poor.index).where(~poor.index.isin(items_of("normative")), 0.4)
    poor = poor * np.outer(noise, noise) + np.diag(1 - noise**2)
    survey = published(tmp_path, poor, 400, STUDY, claims=[P1])
    results = analyse(survey, everything=False)
    failing = results["gates"].query("not passes")
    assert {"reliability", "htmt"} <= set(failing["gate"])
    row = judge(survey, results).set_index("claim").loc["P1"]
    assert (row["verdict"], row["reason"]) == ("not testable", "low_reliability: normative")
    again = results | {"gates": results["gates"].query("gate != 'reliability'")}
    row = judge(survey, again).set_index("claim").loc["P1"]
    assert (row["verdict"], row["reason"]) == ("inconclusive", "structures_tie")


# Level


@pytest.mark.parametrize(("respondents_known", "draws"), [(False, 100), (True, 20)])
def test_chi_square_of_the_right_structure_holds_its_level(
    tmp_path: Path, respondents_known: bool, draws: int
) -> None:
    """Three factors, n = 400: uniform p values, classical and robust."""
    correlation, rng, study = implied(equal("aby", 0.4)), np.random.default_rng(8), study_of("aby")
    survey = published(tmp_path, correlation, 400, study)
    if respondents_known:
        survey = survey_of(tmp_path, {}, drawn(correlation, 400, rng), study=study)
    p_values = np.empty(draws)
    for k in range(draws):
        frame = drawn(correlation, 400, rng)
        again = replace(survey, item_moments=Moments.from_frame(frame))
        fit = measurement_model(redrawn(survey, frame) if respondents_known else again)
        p_values[k] = cfa_fit(fit)["p_value"][0]
    assert (p_values < 0.05).sum() <= binom.ppf(0.999, draws, 0.05)
    assert kstest(p_values, "uniform").pvalue > 0.001
