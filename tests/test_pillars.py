"""Pillars: frames by name, figures and tables that show them, sentences made from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from factory import REMOVE
from pillar_study import PILLARS, answers, pillar_survey

from loyalty_analysis.analysis import analyse
from loyalty_analysis.errors import RunError
from loyalty_analysis.moderated import moderation_regions
from loyalty_analysis.pillar_captions import changing
from loyalty_analysis.pillar_figures import (
    antecedents,
    captive_customers,
    further,
    johnson_neyman,
    moderation_figures,
)
from loyalty_analysis.pillar_readings import (
    further_reading,
    pillars_reading,
    regions_reading,
    sums_reading,
)
from loyalty_analysis.pillar_tables import balance_table, captive_table, moderated_table
from loyalty_analysis.pillars import further_models, own_names, pillar_frames, pillar_view
from loyalty_analysis.plotting import Figure
from loyalty_analysis.results import Results
from loyalty_analysis.survey import Survey, read_survey

SUM = " + ".join(name for name in PILLARS if name.startswith("switching_"))
CLAIM = {"id": "B1", "estimand": "total", "outcome": "repurchase", "term": SUM,
         "versus": ["satisfaction"], "sign": "+"}  # fmt: skip


@dataclass
class Whole:
    survey: Survey
    results: Results
    frames: dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("pillars")
    survey = pillar_survey(folder, answers(seed=2), claims=({"term": "habitual"}, CLAIM))
    return Whole(survey, analyse(survey), pillar_frames(survey))


def test_frames_by_name(whole: Whole) -> None:
    names = ["regions", "conditional_slopes", "captive", "habit_search", "balance", "experiment"]
    assert list(whole.frames) == names
    assert all(len(frame) and frame.columns.is_unique for frame in whole.frames.values())
    assert further_models(whole.survey.study) == ("pillars", "value", "bonds")


def test_further_models_are_drawn_each_under_its_name(whole: Whole) -> None:
    figures = [one for one in further(whole.results, whole.survey) if isinstance(one, Figure)]
    assert [one.name for one in figures] == [
        "slopes_pillars", "shares_pillars", "slopes_value", "shares_value", "indirect_value",
        "paths_bonds",
    ]  # fmt: skip
    assert "results/further_drivers.csv" in figures[1].alt
    assert "results/further_mediation.csv" in figures[4].alt
    assert figures[5].title.startswith("Goes most with relationship: personalisation")


def test_figures_of_moderation(whole: Whole) -> None:
    slopes, regions = whole.frames["conditional_slopes"], whole.frames["regions"]
    study = pillar_view(whole.survey).study
    both = moderation_figures(whole.frames, whole.survey)
    assert [one.name for one in both] == ["johnson_neyman_costs", "johnson_neyman_tenure"]
    costs = johnson_neyman(slopes, regions, study)
    assert costs.name == "johnson_neyman_costs" and costs.title.startswith("Exploratory: ")
    assert "lower with switching financial" in costs.title
    assert len(costs.figure.axes) == 6
    assert len(johnson_neyman(slopes, regions, study, tenure=True).figure.axes) == 8
    with pytest.raises(RunError, match="no such slope"):
        johnson_neyman(slopes[slopes["moderator"] == "tenure"], regions, study)


def test_other_figures(whole: Whole) -> None:
    figure = captive_customers(whole.frames["captive"], whole.survey.study)
    assert figure.title == "Captive customers who are shown alternatives stand higher in advocacy"
    nothing = whole.frames["captive"].query("quantity == 'mean'")
    with pytest.raises(RunError, match="no difference"):
        captive_customers(nothing, whole.survey.study)
    view = whole.survey.study.view("bonds")
    paths = antecedents(own_names(whole.results.further["bonds"], "regression", "bonds"), view)
    paths.figure.canvas.draw()
    labels = paths.figure.axes[0].get_yticklabels()
    assert {label.get_fontweight() for label in labels} == {"bold", "normal"}
    assert min(label.get_window_extent().x0 for label in labels) >= 0  # bold is wider
    with pytest.raises(RunError, match="no equation of"):
        table = own_names(whole.results.further["pillars"], "regression", "pillars")
        antecedents(table, whole.survey.study.view("pillars"))


def test_tables(whole: Whole) -> None:
    study, frames = whole.survey.study, whole.frames
    page = moderated_table(frames["conditional_slopes"], frames["regions"], study).as_raw_html()
    assert "Satisfaction by switching financial" in page and "Exploratory" in page
    assert "Captive customers" in captive_table(frames["captive"], study).as_raw_html()
    assert "causes" not in captive_table(frames["captive"], study).as_raw_html()
    assert "causes" in captive_table(frames["experiment"], study).as_raw_html()
    alone = frames["experiment"].query("quantity == 'effect'")
    assert "forced" not in captive_table(alone, study).as_raw_html()
    assert "Difference (SDs)" in balance_table(frames["balance"], study).as_raw_html()


def test_sentences_of_further_models(whole: Whole) -> None:
    view = whole.survey.model("pillars")
    said = str(further_reading(whole.results.further["pillars"], view))
    assert said.startswith("Model 'pillars'.")
    joined = "switching financial, switching emotional and switching logistical"
    assert f"One SD more of {joined} at once goes with" in said
    assert "corrected for measurement error" in said
    value = further_reading(whole.results.further["value"], whole.survey.model("value"))
    assert "through satisfaction" in str(value)
    bonds = str(further_reading(whole.results.further["bonds"], whole.survey.model("bonds")))
    assert "more personalisation goes with" in bonds


def test_sentences_of_moderation(whole: Whole) -> None:
    frames = whole.frames
    said = str(regions_reading(frames["regions"], frames["conditional_slopes"], whole.survey))
    assert said.startswith("Exploratory: 14 slopes")
    assert "with each point of switching financial its slope is 0.2" in said
    assert "Esarey and Sumner" in said
    assert changing(frames["regions"])["moderator"].iloc[0] == "switching_financial"


def test_a_study_without_pillars_says_so(tmp_path: Path) -> None:
    survey = pillar_survey(tmp_path, changes={"models": REMOVE, "experiment": REMOVE})
    assert "declares no [models.pillars]" in str(pillars_reading(survey))
    assert moderation_regions(pillar_view(survey)).empty
    said = str(regions_reading(None, None, survey))
    assert "satisfaction as a driver of [models.pillars]" in said and "switching_" in said
    bank = read_survey("bank_customers")
    assert pillar_frames(bank) == {} and further_models(bank.study) == ()


def test_a_sum_that_cannot_be_told_from_zero_goes_with_nothing(whole: Whole) -> None:
    row: dict[str, object] = {"estimand": "total", "term": "habitual + value"}
    row |= {
        "outcome": ["repurchase"],
        "estimate": 0.01,
        "conf_low": -0.04,
        "conf_high": 0.06,
        "latent": float("nan"),
    }
    row |= {"latent_low": float("nan"), "latent_high": float("nan")}
    said = str(sums_reading(pd.DataFrame(row), whole.survey.study))
    assert said.startswith("Whether one SD more of") and "cannot be told (0.01 SD, 95%" in said
