"""Data quality: planted careless respondents are found, and nobody is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factory import ITEMS, answers, make
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from loyalty_analysis.careless import (
    as_answered,
    blocks,
    exclusions,
    fastest,
    flags,
    shared_scales,
    straight_lining,
)
from loyalty_analysis.quality import longest_run, quality, styles
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.survey import read_survey

ALL_ITEMS = [item for items in ITEMS.values() for item in items]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_study(make(tmp_path))


def careless(n: int = 15) -> pd.DataFrame:
    """The first ``n`` respondents tick one box all the way down."""
    frame = answers()
    frame.loc[: n - 1, ALL_ITEMS] = np.tile(np.resize([3, 4, 7], n)[:, None], len(ALL_ITEMS))
    return frame


@given(arrays(float, (3, 6), elements=st.sampled_from([1.0, 2.0, np.nan])))
def test_longest_run_is_that_of_a_plain_loop(rows: np.ndarray) -> None:
    for row, found in zip(rows, longest_run(rows), strict=True):
        best = run = 0
        before = None
        for answer in row:
            run = 0 if np.isnan(answer) else run + 1 if answer == before else 1
            before, best = answer, max(best, run)
        assert found == best


def test_planted_straight_lines_are_found(tmp_path: Path) -> None:
    survey = read_survey(make(tmp_path, frame=careless()))
    table = quality(survey).set_index("check")
    row = table.loc["straight_lining"]
    assert (row["count"], row["n"], row["value"]) == (15, 120, 0.125)
    assert row["note"] == (
        "15 of 120 respondents (12.5%) gave one answer to all items of a scale. They are part of "
        "the analysis."
    )
    assert table.loc["longest_run", "count"] >= 15


def test_yes_and_no_and_single_items_make_no_straight_line(tmp_path: Path) -> None:
    """Half of the respondents answer two questions of yes and no alike, and all answer one item."""
    frame = answers().assign(level=3, seen=1, gone=1)
    frame.loc[::2, ["level", "seen"]] = 4, 0
    frame.loc[::3, "gone"] = 0
    changes = {
        "constructs.level": {"min": 1, "max": 5},
        "constructs.seen": {"min": 0, "max": 1},
        "constructs.gone": {"min": 0, "max": 1},
    }
    survey = read_survey(make(tmp_path, frame=frame, changes=changes))
    assert list(blocks(survey.study)) == ["1 to 7", "1 to 5"]
    assert list(shared_scales(survey.study)) == ["1 to 7"]
    table = quality(survey).set_index("check")
    assert table.loc["longest_run", "scope"] == "1 to 7"
    assert table.loc["straight_lining", "count"] == 0


def test_reversed_items_are_judged_as_they_were_answered(tmp_path: Path) -> None:
    """Scores turn for3; a line of sevens holds a one then, and is a straight line all the same."""
    survey = read_survey(make(tmp_path, frame=careless()))
    assert survey.items is not None
    raw = as_answered(survey.items, survey.study)
    pd.testing.assert_frame_equal(
        raw, careless()[ALL_ITEMS].astype(float), check_dtype=False, check_column_type=False
    )
    assert straight_lining(raw, survey.study).sum() == 15
    assert straight_lining(survey.items, survey.study).sum() < 15


def test_only_scales_with_reversed_items_count_where_there_are_some(tmp_path: Path) -> None:
    changes = {
        "constructs.repurchase": {"items": ITEMS["repurchase"], "min": 0, "max": 7},
        "constructs.advocacy": {"items": ITEMS["advocacy"], "min": 0, "max": 7},
    }
    study = load_study(make(tmp_path, changes))
    assert list(blocks(study)) == ["1 to 7", "0 to 7"]
    raw = answers()[ALL_ITEMS].astype(float)
    raw[[*ITEMS["repurchase"], *ITEMS["advocacy"]]] = 7.0
    assert not straight_lining(raw, study).any()
    assert straight_lining(raw.assign(**dict.fromkeys(ALL_ITEMS, 2.0)), study).all()


def test_one_construct_alone_is_no_straight_line(tmp_path: Path) -> None:
    changes = {f"constructs.{name}": {"items": items, "min": 1 - 0.01 * i, "max": 7}
               for i, (name, items) in enumerate(ITEMS.items())}  # fmt: skip
    study = load_study(make(tmp_path, changes))
    raw = pd.DataFrame(2.0, range(5), ALL_ITEMS)
    assert not straight_lining(raw, study).any()


def test_half_of_the_items_must_be_answered(study: Study) -> None:
    raw = pd.DataFrame(2.0, range(2), ALL_ITEMS)
    raw.loc[0, ALL_ITEMS[3:]] = np.nan
    assert straight_lining(raw, study).to_list() == [False, True]


def test_answer_times(study: Study) -> None:
    raw = answers(4)[ALL_ITEMS].astype(float)
    seconds = pd.Series([10.0, 2 * len(ALL_ITEMS), np.nan, 500])
    assert flags(raw, study, seconds)["too_fast"].to_list() == [True, False, False, False]
    slower = load_study(study, ["quality.seconds=seconds", "quality.fastest=600"])
    assert flags(raw, slower, seconds)["too_fast"].to_list() == [True, True, False, True]
    assert list(flags(raw, study)) == ["straight_lining"]


def test_records_of_behaviour_take_no_time_to_answer(tmp_path: Path) -> None:
    study = load_study(make(tmp_path, {"model.outcomes.repurchase": "behaviour"}))
    assert fastest(study) == 2 * (len(ALL_ITEMS) - len(ITEMS["repurchase"]))


def timed(n: int = 12) -> pd.DataFrame:
    """The first respondents were faster than anyone can read, two have no answer time."""
    seconds = np.r_[np.full(n, 5.0), np.full(120 - n, 300.0)]
    seconds[-2:] = np.nan
    return answers().assign(duration=seconds)


def test_answer_times_of_a_survey(tmp_path: Path) -> None:
    survey = read_survey(make(tmp_path, {"quality.seconds": "duration"}, timed()))
    assert survey.n == 120  # nobody is left out for a missing time
    table = quality(survey).set_index("check")
    assert table.loc["too_fast", "count"] == 12
    assert table.loc["too_fast", "note"] == (
        "12 of 120 respondents (10.0%) answered in less than 36 seconds. They are part of the "
        "analysis."
    )
    assert (table.loc["seconds", "value"], table.loc["seconds", "n"]) == (300, 118)
    assert (
        "118 respondents with an answer time took 300 seconds or less"
        in (table.loc["seconds", "note"])
    )


def test_few_answer_times_are_not_shown(tmp_path: Path) -> None:
    frame = timed().assign(duration=lambda d: d["duration"].where(d.index < 9))
    survey = read_survey(make(tmp_path, {"quality.seconds": "duration"}, frame))
    assert "seconds" not in set(quality(survey)["check"])


def test_who_is_left_out_is_said_with_the_numbers_of_the_attrition_table(tmp_path: Path) -> None:
    frame = careless().assign(duration=timed(20)["duration"])
    frame.loc[frame.index >= 100, "age"] = 17
    changes = {
        "design.where": "age > 17",
        "quality": {"seconds": "duration", "exclude": ["too_fast", "straight_lining"]},
    }
    adults = frame[frame["age"] > 17]
    survey = read_survey(make(tmp_path, changes, frame))
    table = quality(survey).set_index("check")
    fast = int((adults["duration"] < 36).sum())
    assert (table.loc["too_fast", "count"], table.loc["too_fast", "n"]) == (fast, len(adults))
    assert (table.loc["straight_lining", ["count", "n"]] == [15, len(adults)]).all()
    assert table.loc["straight_lining", "note"] == (
        f"15 of {len(adults)} respondents ({15 / len(adults):.1%}) gave one answer to all items "
        "of a scale. The study leaves them out."
    )
    assert survey.n == len(adults) - fast  # the straight lines were too fast as well
    assert (table.loc["seconds", "value"], table.loc["longest_run", "n"]) == (300, survey.n)


def test_nobody_to_leave_out_is_no_news(tmp_path: Path) -> None:
    survey = read_survey(make(tmp_path, {"quality.exclude": ["straight_lining"]}))
    table = quality(survey).set_index("check")
    assert table.loc["straight_lining", "note"] == (
        "0 of 120 respondents (0.0%) gave one answer to all items of a scale."
    )


def test_exclusions_are_those_of_the_study_in_its_order(study: Study) -> None:
    raw = careless()
    assert exclusions(raw[ALL_ITEMS], raw, study).shape == (120, 0)
    asked = load_study(
        study, ["quality.seconds=duration", "quality.exclude=['too_fast', 'straight_lining']"]
    )
    found = exclusions(raw[ALL_ITEMS], raw.assign(duration=5), asked)
    assert list(found) == ["too_fast", "straight_lining"]
    assert found.sum().to_list() == [120, 15]


def test_styles_by_hand(study: Study) -> None:
    raw = pd.DataFrame(
        [[7.0] * len(ALL_ITEMS), [4.0] * len(ALL_ITEMS), [1.0, 2.0] + [np.nan] * 16],
        columns=ALL_ITEMS,
    )
    found = styles(raw, study).to_numpy().tolist()
    assert found == [[1, 1, 0], [0, 0, 1], [-1, 0.5, 0]]


def test_groups_of_fewer_than_ten_are_not_shown(tmp_path: Path) -> None:
    frame = answers()
    frame["sector"] = np.r_[np.full(9, "rare"), np.full(111, "goods")]
    survey = read_survey(make(tmp_path, {"design.groups": ["sector"]}, frame))
    table = quality(survey)
    assert set(table["group"]) == {"", "goods"}
    assert table.loc[table["group"] == "goods", "n"].eq(111).all()


def test_behaviour_is_no_answer(tmp_path: Path) -> None:
    survey = read_survey(make(tmp_path, {"model.outcomes.repurchase": "behaviour"}))
    assert "rep1" not in blocks(survey.study)["1 to 7"]
    assert len(quality(survey))


def test_without_respondents_there_is_nothing_to_say() -> None:
    table = quality(read_survey("bank_customers"))
    assert table.empty and list(table)[:4] == ["check", "scope", "group", "value"]
