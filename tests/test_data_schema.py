"""Changed columns are said before anything runs; honest new waves are let through."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import ITEMS, answers, make
from scipy.stats import hypergeom

from loyalty_analysis.data_schema import schema
from loyalty_analysis.formats import read_file
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.schema_changes import Change, accident, schema_changes
from loyalty_analysis.study import Study, load_study

Mutilated = Callable[[pd.DataFrame], pd.DataFrame]
DESIGN = {
    "design": {"respondent": "id", "weight": "w", "cluster": "industry", "groups": ["sector"]},
    "model.controls": ["age", "gender"],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return load_study(make(tmp_path_factory.mktemp("study"), DESIGN))


@pytest.fixture(scope="module")
def rice() -> tuple[Study, pd.DataFrame]:
    study = load_study("rice_simulated")
    return study, read_file(study.data, study.path.parent).frame


def described(frame: pd.DataFrame, study: Study, **details: Any) -> dict[str, Any]:
    """The schema of a frame as it stands in a manifest."""
    return json.loads(json.dumps(schema(Table(frame, **details), study), allow_nan=False))


def compared(study: Study, now: pd.DataFrame, before: pd.DataFrame | None = None) -> list[Change]:
    """Changes against a first wave of 600."""
    first = answers(600, seed=4) if before is None else before
    return schema_changes(described(first, study), described(now, study))


# What is kept


def test_a_schema_holds_no_respondent(study: Study) -> None:
    frame = answers(300, seed=5).assign(id=lambda d: "PX" + d["id"].astype(str) + "Q")
    frame.loc[:3, "gender"] = "known to be one of four"
    found = described(frame, study)
    text = json.dumps(found)
    assert "PX" not in text and "known to be" not in text
    assert found["columns"]["gender"]["rare"] == 1
    assert "codes" not in found["columns"]["age"] and "codes" not in found["columns"]["industry"]
    assert set(found["columns"]["w"]) == {"role", "kind", "answered", "missing", "texts"}
    counts = [n for one in found["columns"].values() for n in one.get("codes", {}).values()]
    assert counts and min(counts) >= 10


def test_codes_counts_and_ends_are_those_of_the_file(study: Study) -> None:
    frame = answers(400, seed=6)
    frame.loc[:99, "aff1"] = -99
    found = described(frame, study)["columns"]["aff1"]
    known = frame.loc[100:, "aff1"]
    counts = known.value_counts()
    assert found["codes"] == {str(code): n for code, n in counts.items() if n >= 10}
    assert found["rare"] == int((counts < 10).sum())
    assert (found["lowest"], found["highest"]) == (known.min(), known.max())
    assert (found["missing"], found["answered"], found["kind"]) == (0.25, 300, "whole numbers")


def test_codes_that_the_file_declares_as_no_answer_are_missing(study: Study) -> None:
    frame = answers(100).assign(gender=[1.0, 9.0] * 50)
    found = described(frame, study, missing={"gender": (9.0,)})["columns"]["gender"]
    assert found["missing"] == 0.5 and found["codes"] == {"1": 50}


# What is said

BLOCKING: dict[str, tuple[str, str, Mutilated]] = {
    "gone": ("gone", "aff2", lambda f: f.drop(columns="aff2")),
    "renamed": ("renamed", "gender", lambda f: f.rename(columns={"gender": "Gender_"})),
    "empty": ("empty", "aff2", lambda f: f.assign(aff2=np.nan)),
    "words": ("kind", "age", lambda f: f.assign(age=f["age"].map(lambda a: f"{a} years"))),
    "numbers": ("kind", "gender", lambda f: f.assign(gender=f["gender"].str.len())),
    "between": ("kind", "aff1", lambda f: f.assign(aff1=f["aff1"].replace(4, 4.5))),
    "shorter": ("span", "aff1", lambda f: f.assign(aff1=f["aff1"].clip(upper=5))),
    "from two": ("span", "aff1", lambda f: f.assign(aff1=f["aff1"].clip(lower=3))),
    "from zero": ("span", "aff1", lambda f: f.assign(aff1=f["aff1"] - 1)),
}


@pytest.mark.parametrize("how", BLOCKING)
def test_a_mutilated_wave_blocks(study: Study, how: str) -> None:
    kind, column, mutilate = BLOCKING[how]
    found = compared(study, mutilate(answers(500, seed=7)))
    assert [(one.kind, one.column) for one in found if one.blocks] == [(kind, column)]
    assert column in found[0].sentence and found[0].sentence.endswith((".", "file."))


@pytest.mark.parametrize("how", ["shorter", "from two", "from zero"])
def test_a_scale_that_grew_back_blocks_as_well(study: Study, how: str) -> None:
    mutilate = BLOCKING[how][2]
    found = compared(study, answers(500, seed=7), mutilate(answers(600, seed=4)))
    assert [(one.kind, one.column) for one in found if one.blocks] == [("span", "aff1")]


def test_a_sentence_about_a_scale_says_both_and_how_often_it_is_an_accident(study: Study) -> None:
    [change] = compared(study, answers(500, seed=7).assign(aff1=lambda f: f["aff1"].clip(upper=5)))
    assert "from 1 to 7 (n = 600)" in change.sentence and "from 1 to 5" in change.sentence
    assert "by accident in fewer than one wave of a million" in change.sentence


@pytest.mark.parametrize("n", [12, 20])
def test_a_small_wave_without_the_ends_is_let_through(study: Study, n: int) -> None:
    now = answers(n, seed=7)
    items = [item for several in ITEMS.values() for item in several]
    now[items] = now[items].clip(3, 6)
    first = answers(60, seed=4)
    assert not [one for one in compared(study, now, first) if one.blocks and one.kind == "span"]


def test_labels_that_moved_block_and_rewritten_ones_do_not(study: Study) -> None:
    frame = answers(100)

    def wave(labels: Mapping[object, str]) -> dict[str, Any]:
        return described(frame, study, value_labels={"aff1": dict(labels)})

    first = wave({1: "fully agree", 7: "fully disagree"})
    turned = wave({1.0: "fully disagree", 7.0: "fully agree"})
    [change] = schema_changes(first, turned)
    assert change.blocks and change.kind == "labels"
    assert "1 was 'fully agree', is now 'fully disagree'" in change.sentence
    assert "turned round" in change.sentence
    assert schema_changes(first, wave({1.0: "Fully  agree.", 7.0: "Fully disagree"})) == []
    assert schema_changes(first, wave({1: "fully agree", 7: "fully disagree", 9: "no"})) == []


TOLD: dict[str, tuple[str, str, Mutilated]] = {
    "new group": ("codes", "sector", lambda f: f.assign(sector=["goods", "public"] * 250)),
    "fewer answers": ("missing", "aff1", lambda f: f.assign(aff1=f["aff1"].mask(f.index < 150))),
}


@pytest.mark.parametrize("how", TOLD)
def test_what_may_be_honest_is_told(study: Study, how: str) -> None:
    kind, column, mutilate = TOLD[how]
    found = compared(study, mutilate(answers(500, seed=7)))
    assert [(one.kind, one.column, one.blocks) for one in found] == [(kind, column, False)]


def test_another_question_is_told(study: Study) -> None:
    one = described(answers(50), study, labels={"aff1": "I like my shop"})
    other = described(answers(50), study, labels={"aff1": "I like the shop of my friend"})
    [change] = schema_changes(one, other)
    assert change.kind == "question" and not change.blocks


def test_the_first_and_the_same_wave_change_nothing(study: Study) -> None:
    now = described(answers(300), study)
    assert schema_changes(now, now) == [] and schema_changes({}, now) == []


def test_a_column_that_the_study_uses_no_more_is_no_change(tmp_path: Path, study: Study) -> None:
    smaller = load_study(make(tmp_path, {**DESIGN, "model.controls": ["age"]}))
    frame = answers(300)
    assert schema_changes(described(frame, study), described(frame, smaller)) == []
    assert schema_changes(described(frame, smaller), described(frame, study)) == []


# How often an honest wave is blocked


@pytest.mark.parametrize("counts", [(3, 10, 0, 10), (0, 50, 4, 20), (9, 100, 0, 2000)])
def test_an_accident_is_fishers_exact_test(counts: tuple[int, int, int, int]) -> None:
    before, of_before, now, of_now = counts
    many, own = (before, of_before) if before else (now, of_now)
    expected = hypergeom.pmf(many, of_before + of_now, many, own)
    assert accident(*counts) == pytest.approx(expected, rel=1e-9)


def test_honest_waves_are_let_through(rice: tuple[Study, pd.DataFrame]) -> None:
    """200 waves of one population, each after another: at most 1% block, 3% tell."""
    study, frame = rice
    rng, blocked = np.random.default_rng(8), 0
    sizes = np.exp(rng.uniform(np.log(100), np.log(2000), 201)).astype(int)
    waves = [frame.sample(n, replace=True, random_state=rng, ignore_index=True) for n in sizes]
    known = [schema(Table(wave), study) for wave in waves]
    told = 0
    for before, now in pairwise(known):
        changes = schema_changes(before, now)
        blocked += any(change.blocks for change in changes)
        told += bool(changes)
    assert blocked <= 2 and told <= 6


def test_a_mutilated_wave_of_a_shipped_study_blocks(rice: tuple[Study, pd.DataFrame]) -> None:
    study, frame = rice
    first = schema(Table(frame[:4500].reset_index(drop=True)), study)
    now = frame[4500:5500].reset_index(drop=True)
    assert [one for one in schema_changes(first, schema(Table(now), study)) if one.blocks] == []
    now["sat1"] = now["sat1"].where(now["sat1"] < 0, now["sat1"].clip(upper=5))
    found = [one for one in schema_changes(first, schema(Table(now), study)) if one.blocks]
    assert [one.column for one in found] == ["sat1"]
