"""Captive customers and experiments: planted effects recovered, numbers from R, causal words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import golden_data
import numpy as np
import pandas as pd
import pytest
from factory import REMOVE
from pillar_study import EFFECT, MORE, answers, pillar_survey

from loyalty_analysis.captive import captive, lacking
from loyalty_analysis.captive_readings import (
    balance_reading,
    captive_reading,
    experiment_reading,
)
from loyalty_analysis.claims import Claim
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.errors import DataError
from loyalty_analysis.evidence import evidence_of, findings
from loyalty_analysis.experiment import balance, causal_words, treatment_effects
from loyalty_analysis.habit import habit_and_search
from loyalty_analysis.pillar_readings import habit_reading
from loyalty_analysis.pillars import pillar_frames
from loyalty_analysis.regression import regression
from loyalty_analysis.survey import Survey, read_survey

GOLDEN = pd.read_csv(Path(__file__).parent / "golden" / "regions.csv")
CAUSAL = re.compile(
    r"\b(caus|effect|rais|lower(s|ed)\b|lead(s)? to|drive|increas|decreas|reduc|because|due to|"
    r"impact|make(s)?\b|result(s|ed)? in)",
    re.IGNORECASE,
)
R8 = Claim(id="R8", text="", estimand="interaction", outcome="advocacy", sign="+",
           term="forced:alternatives_shown")  # fmt: skip
NO_EXPERIMENT = {"experiment": REMOVE}


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return pillar_survey(tmp_path_factory.mktemp("captive"), answers(4000, seed=7))


def golden(block: str) -> dict[tuple[str, str], float]:
    rows = GOLDEN[GOLDEN["block"] == block]
    return {(row.case, row.quantity): row.value for row in rows.itertuples()}


def test_captive_customers_equal_those_of_r(tmp_path: Path) -> None:
    frame = golden_data.survey().rename(columns={"x1": "forced"})
    model = """
    [model]
    drivers = ["forced", "x2", "x3"]
    outcomes = { y1 = "attitude" }
    moderators = ["sector"]
    """
    path = golden_data.write_study(tmp_path, model, frame=frame)
    path.write_text(path.read_text().replace("x1 = {}", "forced = {}"))
    table = captive(read_survey(path), "sector").set_index(["quantity", "at"])["estimate"]
    for key, value in golden("captive").items():
        assert table[key] == pytest.approx(value, rel=1e-8)


def test_balance_equals_that_of_r(tmp_path: Path) -> None:
    frame = golden_data.survey()
    frame = frame.assign(treated=(frame["sector"] == "services").astype(int))
    model = """
    [model]
    drivers = ["m"]
    outcomes = { y1 = "attitude" }
    controls = ["x1", "x2", "x3"]
    moderators = ["treated"]
    [experiment]
    treatment = "treated"
    """
    table = balance(read_survey(golden_data.write_study(tmp_path, model, frame=frame)))
    table = table.set_index("covariate")
    expected = golden("balance")
    for name in ("x1", "x2", "x3"):
        value = expected[name, "difference"]
        assert table.loc[name, "difference"] == pytest.approx(value, rel=1e-9)
    for name in ("statistic", "p_value"):
        value = expected["omnibus", name]
        assert table.loc["all covariates", name] == pytest.approx(value, rel=1e-8)


def test_a_planted_effect_is_recovered(survey: Survey) -> None:
    table = treatment_effects(survey).set_index(["outcome", "quantity", "at"])
    effect = table.loc[("advocacy", "effect", "")]
    assert effect["conf_low"] < EFFECT < effect["conf_high"]
    high = table.loc[("advocacy", "difference", "high")]
    assert high["conf_low"] < EFFECT + MORE < high["conf_high"] + 0.03
    nothing = table.loc[("search", "effect", "")]
    assert nothing["conf_low"] < 0 < nothing["conf_high"]
    # The plain difference of means, covariates being balanced, says about the same.
    frame = survey.frame
    assert frame is not None
    means = frame.groupby("alternatives_shown")["advocacy"].mean()
    assert effect["estimate"] == pytest.approx(means[1.0] - means[0.0], abs=0.03)


def test_simple_slopes_and_their_errors_a_second_way(survey: Survey) -> None:
    """The slope where alternatives are shown is the coefficient when they are the reference."""
    study = survey.study.model_copy(update={"experiment": None})  # else controls alone beside
    survey = replace(survey, study=study)
    frame = survey.frame
    assert frame is not None
    table = captive(survey).set_index(["outcome", "quantity", "at"])
    hidden = 1 - frame["alternatives_shown"]
    male = frame["gender[male]"]
    one = np.ones(len(frame))
    columns = [one, frame["forced"], frame["habitual"], frame["age"], male, hidden,
               hidden * frame["forced"]]  # fmt: skip
    x, y = np.column_stack(columns), frame["advocacy"].to_numpy()
    bread = np.linalg.inv(x.T @ x)
    slopes = bread @ x.T @ y
    leverage = np.einsum("ij,jk,ik->i", x, bread, x)
    scores = x * ((y - x @ slopes) / (1 - leverage))[:, None]
    error = np.sqrt((bread @ scores.T @ scores @ bread)[1, 1])
    row = table.loc[("advocacy", "slope", "shown")]
    assert row["estimate"] == pytest.approx(slopes[1], rel=1e-8)
    assert row["std_error"] == pytest.approx(error, rel=0.01)  # influence values against HC3


def test_a_verdict_on_a_treatment_leaves_out_what_was_asked_after_it(tmp_path: Path) -> None:
    """A driver through which a treatment works would take its effect away from a causal verdict."""
    frame = answers(1500, seed=11)
    moved = frame["alternatives_shown"] * frame["forced_1"]
    for item in ("habitual_1", "habitual_2"):
        frame[item] += moved
    for item in ("advocacy_1", "advocacy_2"):
        frame[item] += 0.8 * frame[["habitual_1", "habitual_2"]].mean(axis=1)
    survey = pillar_survey(tmp_path, frame)
    table = contrasts(survey, [R8]).query("term == @R8.term and outcome == 'advocacy'")
    effects = treatment_effects(survey).query("quantity == 'interaction' and outcome == 'advocacy'")
    assert table["model"].tolist() == effects["model"].tolist() == ["advocacy.experiment"]
    np.testing.assert_allclose(table["estimate"], effects["estimate"], rtol=1e-10)
    known = survey.frame
    assert known is not None
    z = known[["forced", "alternatives_shown", "advocacy"]].apply(
        lambda x: (x - x.mean()) / x.std()
    )
    beside = known[[name for name in known if name == "age" or name.startswith("gender[")]]
    x = np.column_stack([np.ones(len(z)), z.iloc[:, :2], z.iloc[:, 0] * z.iloc[:, 1], beside])
    plain = np.linalg.lstsq(x.astype(float), z["advocacy"].to_numpy(float), rcond=None)[0][3]
    np.testing.assert_allclose(table["estimate"], [plain], rtol=1e-10)
    results = {"regression": regression(survey), "contrasts": contrasts(survey, [R8])}
    found = evidence_of(R8, "advocacy", survey, findings(results).known)
    np.testing.assert_allclose([one.estimate for one in found], [plain], rtol=1e-10)


def test_without_an_experiment_no_word_is_causal(tmp_path: Path) -> None:
    survey = pillar_survey(tmp_path, answers(800, seed=7), NO_EXPERIMENT)
    frames = pillar_frames(survey)
    assert not {"balance", "experiment"} & set(frames)
    said = [
        captive_reading(frames["captive"], survey),
        balance_reading(frames.get("balance"), survey.study),
        experiment_reading(frames.get("experiment"), survey.study),
        habit_reading(frames["habit_search"], survey.study),
    ]
    assert not CAUSAL.search(" ".join(map(str, said)))
    assert "associations" in str(said[0])
    assert causal_words(survey.study, R8) == ""


def test_no_table_of_an_experiment_makes_a_study_without_one_causal(survey: Survey) -> None:
    study = survey.study.model_copy(update={"experiment": None})
    assert str(experiment_reading(treatment_effects(survey), study)) == ""


def test_causal_words_are_of_the_treatment_alone(survey: Survey) -> None:
    said = str(experiment_reading(treatment_effects(survey), survey.study))
    assert "Alternatives shown causes" in said and "more advocacy" in said
    assert "moderation of a causal effect" in said
    assert "Forced causes" not in said and "forced causes" not in said
    assert "moderation of a causal effect" in causal_words(survey.study, R8)
    for term in ("forced:tenure", "habitual:satisfaction"):
        assert causal_words(survey.study, R8.model_copy(update={"term": term})) == ""
    total = R8.model_copy(update={"estimand": "total", "term": "alternatives_shown"})
    assert causal_words(survey.study, total) == ""
    # The comparison of captive customers itself holds drivers constant: no causal word there.
    assert not CAUSAL.search(str(captive_reading(captive(survey), survey)))


def test_arms_are_checked(tmp_path: Path) -> None:
    frame = answers(seed=1)
    few = frame.assign(alternatives_shown=(frame.index < 4).astype(int))
    with pytest.raises(DataError, match=r"alternatives_shown.*fewer than 10 respondents with 1"):
        balance(pillar_survey(tmp_path / "few", few))
    half = frame.assign(alternatives_shown=frame["alternatives_shown"] / 2)
    with pytest.raises(DataError, match=r"holds 0\.5; 1 \(treated\) and 0"):
        balance(pillar_survey(tmp_path / "half", half))


def test_balance_shows_an_unbalanced_draw(tmp_path: Path) -> None:
    frame = answers(seed=1)
    older = frame["age"] + np.random.default_rng(1).normal(0, 10, len(frame))
    frame = frame.assign(alternatives_shown=(older > older.median()).astype(int))
    survey = pillar_survey(tmp_path, frame)
    table = balance(survey).set_index("covariate")
    assert table.loc["age", "difference"] > 1 and table.loc["all covariates", "p_value"] < 1e-6
    said = str(balance_reading(balance(survey), survey.study))
    assert "differ by 0.10 SD or more in age" in said and "check how it was assigned" in said


def test_balance_with_clusters(tmp_path: Path) -> None:
    survey = pillar_survey(tmp_path, answers(seed=1), {"design": {"cluster": "shop"}})
    test = balance(survey).set_index("covariate").loc["all covariates"]
    assert test["df1"] == 3 and test["df2"] < 12 and 0 < test["p_value"] < 1
    assert (captive(survey)["df_satterthwaite"] < 12).all()


def test_small_categories_are_not_shown(tmp_path: Path) -> None:
    frame = answers(seed=1)
    frame.loc[:14, "gender"] = "other"
    table = balance(pillar_survey(tmp_path, frame))
    assert not table["covariate"].str.contains("other").any()


def test_what_is_lacking_is_said(tmp_path: Path) -> None:
    changes = {**NO_EXPERIMENT, "model.moderators": ["tenure"]}
    survey = pillar_survey(tmp_path, changes=changes)
    assert captive(survey).empty and "alternatives_shown" in lacking(survey)
    assert "alternatives_shown" in str(captive_reading(None, survey))
    assert lacking(survey, "tenure") == "two levels of 'tenure'"


def test_habit_and_search(survey: Survey) -> None:
    table = habit_and_search(survey).set_index("term")
    # Planted: -.3 per latent SD of habit, nothing of satisfaction, no product.
    sd = survey.moments[["search"]].sd[0] / survey.moments[["habitual"]].sd[0]
    row = table.loc["habitual"]
    assert row["conf_low"] * sd < -0.3 < row["conf_high"] * sd + 0.03
    product = table.loc["habitual:satisfaction"]
    assert product["conf_low"] < 0.02 and product["conf_high"] > -0.02
    said = str(habit_reading(habit_and_search(survey), survey.study))
    assert said.startswith("At equal satisfaction, one SD more habitual goes with")
    assert "less search" in said
