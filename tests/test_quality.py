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

from loyalty_analysis.errors import StudyError
from loyalty_analysis.quality import (
    as_answered,
    blocks,
    flags,
    longest_run,
    quality,
    straight_lining,
    styles,
)
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
    found = flags(raw, study, seconds, fastest=600)
    assert found["too_fast"].to_list() == [True, True, False, True]
    assert list(flags(raw, study)) == ["straight_lining"]


def test_answer_times_of_a_survey(tmp_path: Path) -> None:
    frame = answers()
    frame["seconds"] = np.r_[np.full(12, 5.0), np.full(108, 300.0)]
    survey = read_survey(make(tmp_path, {"model.controls": ["seconds"]}, frame))
    table = quality(survey, seconds="seconds").set_index("check")
    assert table.loc["too_fast", "count"] == 12
    assert table.loc["seconds", "value"] == 300
    with pytest.raises(StudyError, match="answer time 'second' is not in the analysis sample"):
        quality(survey, seconds="second")


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
