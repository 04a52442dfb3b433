"""Figures, tables and readings of levels say what the frames say, at their edges too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import assert_no_text_collides, printed_text
from level_study import NAMES, answers, claim_of, ladder_survey

from loyalty_analysis.curves import level_frames
from loyalty_analysis.descriptives import descriptives
from loyalty_analysis.errors import RunError
from loyalty_analysis.ladder_readings import (
    curves_reading,
    ladder_reading,
    levels_reading,
    needs_levels,
)
from loyalty_analysis.level_captions import curves_finding, ladder_finding, returns
from loyalty_analysis.level_figures import returns_to_satisfaction, satisfaction_ladder
from loyalty_analysis.level_tables import curves_table, level_contrasts_table, steps_table
from loyalty_analysis.level_words import level_direction, level_sentence
from loyalty_analysis.levels import level_contrasts
from loyalty_analysis.plotting import BLUE, GREY, VERMILION, WIDTH
from loyalty_analysis.rules import Evidence
from loyalty_analysis.survey import Survey, read_survey

LONG = "How strongly the respondent feels bound by the costs ($, time, effort) of leaving"


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return ladder_survey(tmp_path_factory.mktemp("ladder"))


@pytest.fixture(scope="module")
def frames(survey: Survey) -> dict[str, pd.DataFrame]:
    return level_frames(survey) | {"descriptives": descriptives(survey)}


def drawn(survey: Survey, frames: dict[str, pd.DataFrame]) -> list[Any]:
    whole = frames["descriptives"]
    return [
        satisfaction_ladder(frames["steps"], whole, survey.study),
        returns_to_satisfaction(frames["curves"], frames["curve_points"], whole, survey.study),
    ]


def many_outcomes(folder: Path) -> Survey:
    """Seven outcomes with long labels, three levels with odd names."""
    frame = answers()
    names = [f"y{k}" for k in range(7)]
    frame = frame.assign(
        **dict.fromkeys(names, frame["search"]), level=frame["level"].clip(2, 4) - 1
    )
    labels = {f"constructs.{name}": {"label": f"{LONG} {name}"} for name in names}
    levels = {
        "measure": "level",
        "names": ["<b>low</b>", "quite as it was expected to be", "$x^2$"],
    }
    kinds = dict(zip(names, ["attitude", *["leaving"] * 3, *["intention"] * 3], strict=True))
    changes = {"levels": levels, "model.outcomes": kinds, "constructs.level": {"min": 1, "max": 3}}
    return ladder_survey(folder, {**labels, **changes}, frame)


def test_figures_fit_the_paper_and_no_text_collides(
    survey: Survey, frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    other = many_outcomes(tmp_path / "many")
    one = ladder_survey(tmp_path / "one", {"model.outcomes": {"staying": "behaviour"}})
    for each, own in ((survey, frames), (other, None), (one, None)):
        known = own or level_frames(each) | {"descriptives": descriptives(each)}
        for figure in drawn(each, known):
            assert_no_text_collides(figure.figure)
            width, height = figure.figure.get_size_inches()
            assert width == WIDTH and height < 10, "prints on Letter"


def test_alt_texts_say_the_finding_and_the_file(
    survey: Survey, frames: dict[str, pd.DataFrame]
) -> None:
    for figure, file in zip(drawn(survey, frames), ("steps", "curves"), strict=True):
        assert figure.alt.startswith(figure.title) and f"results/{file}.csv" in figure.alt
        assert "simulated respondents" in [text for text, _ in printed_text(figure.figure)]


def test_every_step_is_printed_in_the_colour_of_its_side(
    survey: Survey, frames: dict[str, pd.DataFrame]
) -> None:
    ladder = drawn(survey, frames)[0]
    wanted = {1: BLUE, -1: VERMILION, 0: GREY}
    for axes, (_, own) in zip(
        ladder.figure.axes, frames["steps"].groupby("outcome", sort=False), strict=True
    ):
        texts = {text.get_text(): text.get_color() for text in axes.texts}
        for row in own[own["step"].notna()].itertuples():
            side = int(row.conf_low > 0) - int(row.conf_high < 0)
            printed = f"{row.step:+.2f}".replace("-", "−")
            assert texts[printed] == wanted[side]
        assert {f"{mean:.2f}" for mean in own["mean"]} <= set(texts)


def test_a_hidden_level_leaves_a_gap(survey: Survey, frames: dict[str, pd.DataFrame]) -> None:
    steps = frames["steps"]
    own = steps[~((steps["outcome"] == "staying") & (steps["level"] == "exceeds"))].copy()
    own.loc[(own["outcome"] == "staying") & (own["level"] == "delights"), "step"] = np.nan
    figure = satisfaction_ladder(own, frames["descriptives"], survey.study)
    assert_no_text_collides(figure.figure)


def test_empty_frames_are_refused_by_name(survey: Survey, frames: dict[str, pd.DataFrame]) -> None:
    whole = frames["descriptives"]
    with pytest.raises(RunError, match=r"steps\.csv"):
        satisfaction_ladder(frames["steps"].head(0), whole, survey.study)
    with pytest.raises(RunError, match=r"curves\.csv"):
        returns_to_satisfaction(
            frames["curves"].head(0), frames["curve_points"], whole, survey.study
        )


# ---- titles -------------------------------------------------------------------------------------


def ladder_of(steps: list[float], half: float = 0.1, kind: str = "intention") -> pd.DataFrame:
    ends = np.array([np.nan, *steps])
    table = {"outcome": "repurchase", "kind": kind, "level": list(NAMES[: len(ends)])}
    means = 4 + np.nancumsum(ends)
    return pd.DataFrame(table).assign(
        step=ends, conf_low=ends - half, conf_high=ends + half, df=90.0, mean=means, n=50,
        mean_low=means - half, mean_high=means + half, top_share=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([0.4, 0.05, 0.3], "2 of 3 steps up go with more loyalty; largest: to meets"),
        ([0.05, -0.4], "none of 2 steps up go with more loyalty and 1 with less; largest: to "
                       "exceeds on repurchase intention (−0.40)"),
        ([0.05], "none of 1 steps up go with more loyalty"),
        ([np.nan], "No two neighbouring levels could be compared"),
    ],
)  # fmt: skip
def test_titles_count_what_can_be_told(steps: list[float], said: str, survey: Survey) -> None:
    assert ladder_finding(ladder_of(steps), survey.study).startswith(said)


def test_few_degrees_of_freedom_tell_nothing(survey: Survey) -> None:
    few = ladder_of([0.4, 0.4]).assign(df_satterthwaite=3.0)
    assert ladder_finding(few, survey.study) == "none of 2 steps up go with more loyalty"


def curve_of(best: str, slope: float, bend: float, **own: Any) -> pd.DataFrame:
    table = {
        "outcome": "repurchase",
        "score": "satisfaction",
        "shape": ["linear", "quadratic", "spline"],
    }
    known = {"slope": slope, "bend": bend, "bend_low": bend - 0.05, "bend_high": bend + 0.05}
    known |= {"latent_low": -0.1, "latent_high": 0.1, "ceiling": 0.02, "n": 90} | own
    frame = pd.DataFrame(table).assign(best=lambda d: d["shape"] == best, **known)
    frame.loc[frame["shape"] != "quadratic", ["slope", "bend", "bend_low", "bend_high"]] = np.nan
    return frame


@pytest.mark.parametrize(
    ("best", "slope", "bend", "way"),
    [
        ("linear", 0.5, -0.2, "steady"),
        ("quadratic", 0.5, -0.2, "diminish"),
        ("spline", 0.5, 0.2, "grow"),
        ("spline", 0.5, 0.01, "vary"),
        ("quadratic", -0.5, 0.2, "diminish"),
        ("quadratic", -0.5, -0.2, "grow"),
    ],
)
def test_returns_are_named_by_bend_and_slope(
    best: str, slope: float, bend: float, way: str, survey: Survey
) -> None:
    table = curve_of(best, slope, bend)
    assert returns(table)["way"].to_list() == [way]
    said = {"steady": "No bend can be told", "diminish": "diminish", "grow": "grow"}
    assert said.get(way, "follow no single bend") in curves_finding(table, survey.study)


# ---- readings -----------------------------------------------------------------------------------


def test_the_reading_keeps_intention_and_behaviour_apart(
    survey: Survey, frames: dict[str, pd.DataFrame]
) -> None:
    said = str(ladder_reading(frames["steps"], survey.study))
    order = ["What customers say they will do: repurchase", "Price tolerance rises",
             "What was recorded: staying", "How open they are to a better offer: search",
             "Judged apart: over the steps shown, intention changes by"]  # fmt: skip
    places = [said.index(part) for part in order]
    assert places == sorted(places)
    assert str(ladder_reading(None, survey.study)) == ""


def test_a_reading_of_one_level_and_of_steps_that_run_back(survey: Survey) -> None:
    one = str(ladder_reading(ladder_of([]), survey.study))
    assert one.endswith("repurchase intention is known at below only.")
    back = str(ladder_reading(ladder_of([0.5, -0.3, 0.4]), survey.study))
    assert "against the others: to exceeds" in back
    flat = str(ladder_reading(ladder_of([0.0, 0.0]), survey.study))
    assert "goes from 4.00 points" in flat and "no single step can be told" in flat
    there = str(ladder_reading(ladder_of([0.5, -0.7]), survey.study))  # nothing said of the ends
    assert "goes from 4.00 points at below to 3.80 at exceeds, −0.20 SDs" in there


def test_a_bend_that_is_not_believed_is_said_all_the_same(survey: Survey) -> None:
    table = curve_of("linear", 0.5, -0.2)
    assert "of a quadratic, −0.20 SDs per SD (95% interval" in str(
        curves_reading(table, survey.study)
    )
    table[["bend_low", "bend_high"]] = -0.4, 0.1
    assert "quadratic" not in str(curves_reading(table, survey.study))


def test_ceilings_are_said(survey: Survey) -> None:
    steps = ladder_of([0.3, 0.2])
    steps.loc[2, "top_share"] = 0.41
    assert "repurchase intention (41% at exceeds)" in str(ladder_reading(steps, survey.study))
    for own, words in (
        ({"latent_low": -0.1, "latent_high": 0.1}, "there is no ceiling, no bend can be told."),
        ({"latent_low": -0.3, "latent_high": -0.1}, "they diminish too."),
        ({"latent_low": 0.1, "latent_high": 0.3}, "they grow."),
        ({"latent_low": np.nan, "latent_high": np.nan}, "smaller than they are."),
    ):
        table = curve_of("quadratic", 0.5, -0.2, ceiling=0.3, **own)
        said = str(curves_reading(table, survey.study))
        assert "30% have the highest score" in said and said.endswith(words)


def test_why_there_is_nothing_is_said_plainly(survey: Survey) -> None:
    bank = read_survey("bank_customers")
    assert "the study declares none" in str(needs_levels(bank, "The ladder"))
    assert "the study declares none" in str(levels_reading(bank))
    assert "below 90, meets 206" in str(levels_reading(survey))


# ---- tables and words of claims -----------------------------------------------------------------


def test_tables_hold_every_level_shape_and_contrast(
    survey: Survey, frames: dict[str, pd.DataFrame]
) -> None:
    page = steps_table(frames["steps"], survey.study).as_raw_html()
    assert page.count(">amazes<") == 4 and "Staying (behaviour)" in page
    page = curves_table(frames["curves"], survey.study).as_raw_html()
    assert page.count("chosen") == 4 and "Spline" in page
    asked = [claim_of("step_difference", "upper", "lower"), claim_of("steps", "meets", "below")]
    page = level_contrasts_table(level_contrasts(survey, asked), survey.study).as_raw_html()
    assert "Step upper, less step lower" in page and "meets minus below" in page
    none = level_contrasts(survey, [])
    assert "No claim asks" in level_contrasts_table(none, survey.study).as_raw_html()


@pytest.mark.parametrize(
    ("claim", "value", "said"),
    [
        (claim_of("steps", "exceeds", "meets"), 0.3,
         "Repurchase intention at the level 'exceeds' lies 0.30 SD above that at the level 'me"),
        (claim_of("mean_difference", "exceeds + delights", "meets"), -0.3,
         "at the levels 'exceeds' and 'delights' together lies 0.30 SD below that at the level"),
        (claim_of("step_difference", "delights - exceeds", "exceeds - meets"), 0.2,
         "The step of repurchase intention from 'exceeds' to 'delights' is 0.20 SD larger than "
         "that from 'meets' to 'exceeds'"),
        (claim_of("step_difference", "lower", "upper"), -0.2,
         "below the middle level is 0.20 SD smaller than above it"),
        (claim_of("penalty_reward", "below - meets", "exceeds - meets"), 0.4,
         "Repurchase intention at 'below' lies 0.40 SD more below that at 'meets' than that at "
         "'exceeds' lies above it"),
    ],
)  # fmt: skip
def test_findings_of_claims_in_words(claim: Any, value: float, said: str, survey: Survey) -> None:
    found = Evidence(value, 0.05, 500, value - 0.1, value + 0.1, 505)
    sentence = level_sentence(claim, "repurchase", found, survey.study)
    assert said in sentence and sentence.endswith(")") and "95% interval" in sentence


@pytest.mark.parametrize(
    ("claim", "plus", "minus"),
    [
        (claim_of("steps", "exceeds", "meets"), "higher at exceeds than meets",
         "lower at exceeds than meets"),
        (claim_of("step_difference", "upper", "lower"), "gains grow", "gains diminish"),
        (claim_of("step_difference", "c - b", "b - a"), "gains grow", "gains diminish"),
        (claim_of("step_difference", "b - a", "c - b"), "larger step", "smaller step"),
        (claim_of("mean_difference", "a + b", "c"), "higher at a or b than c",
         "lower at a or b than c"),
        (claim_of("penalty_reward", "a - b", "c - b"), "costs more than it gains",
         "gains more than it costs"),
    ],
)  # fmt: skip
def test_directions_of_claims(claim: Any, plus: str, minus: str) -> None:
    assert level_direction(claim) == plus
    assert level_direction(claim.model_copy(update={"sign": "-"})) == minus
    assert level_direction(claim.model_copy(update={"sign": "none"})) == "no difference"
