"""A survey cannot exist unchecked: its sample, its scores, what each rule cost, what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factory import ITEMS, REMOVE, answers, make, survey_of
from pandas.testing import assert_frame_equal

from loyalty_analysis.analysis import analyse
from loyalty_analysis.errors import DataError, LoyaltyError, StudyError
from loyalty_analysis.preparation import as_text
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import read_survey
from loyalty_analysis.verdicts import judge

DESIGN = {
    "model.controls": ["age", "gender"],
    "model.moderators": ["shown"],
    "design": {"weight": "w", "cluster": "industry", "groups": ["sector"], "wave": "wave"},
}
MOMENTS = {"data": "moments.csv"}


def edited(**columns: object) -> pd.DataFrame:
    """Answers with some columns replaced."""
    return answers().assign(**columns)


def with_cell(column: str, value: object, row: int = 3) -> pd.DataFrame:
    """Answers with one cell replaced."""
    frame = answers().astype({column: object})
    frame.loc[row, column] = value
    return frame


def refused(folder: Path, *arguments: object, **options: object) -> str:
    with pytest.raises(LoyaltyError) as caught:
        survey_of(folder, *arguments, **options)
    return str(caught.value)


# Scores and the analysis sample


def test_scores_are_row_means_after_reversing(tmp_path):
    raw = answers()
    survey = survey_of(tmp_path, frame=raw)
    expected = {name: raw[items].mean(axis=1) for name, items in ITEMS.items()}
    expected["forced"] = (raw["for1"] + raw["for2"] + 8 - raw["for3"]) / 3
    assert survey.frame is not None and survey.items is not None
    assert_frame_equal(survey.frame[list(ITEMS)], pd.DataFrame(expected), check_dtype=False)
    assert (survey.items["for3"] == 8 - raw["for3"]).all()
    assert (survey.items["for1"] == raw["for1"]).all()
    assert (survey.n, survey.n_read, survey.has_respondents) == (120, 120, True)


def test_a_reversed_item_uses_the_scale_of_its_construct(tmp_path):
    raw = edited(for3=answers()["for3"] - 1)
    survey = survey_of(tmp_path, {"constructs.forced.min": 0}, frame=raw)
    assert survey.items is not None
    assert (survey.items["for3"] == 7 - raw["for3"]).all()


def test_all_items_are_needed_unless_the_study_says_otherwise(tmp_path):
    raw = answers().astype({"aff1": float, "aff2": float, "sea1": float})
    raw.loc[0, "aff1"] = np.nan
    raw.loc[1, ["aff1", "aff2"]] = np.nan
    raw.loc[2, "sea1"] = np.nan  # a single item cannot be spared
    strict = survey_of(tmp_path / "a", frame=raw)
    lenient = survey_of(tmp_path / "b", {"scale.min_items": 2}, frame=raw)
    own = survey_of(tmp_path / "c", {"constructs.affective.min_items": 1}, frame=raw)
    assert (strict.n, lenient.n, own.n) == (117, 118, 119)
    assert lenient.frame is not None and own.frame is not None
    assert lenient.frame["affective"][0] == raw.loc[0, ["aff2", "aff3"]].mean()
    assert own.frame["affective"][1] == raw.loc[1, "aff3"]


def test_declared_codes_are_missing_and_others_are_not(tmp_path):
    raw = edited(aff1=answers()["aff1"].where(answers().index > 4, -99))
    assert survey_of(tmp_path / "a", frame=raw).n == 115
    message = refused(tmp_path / "b", {"scale.missing": []}, frame=raw)
    assert "column 'aff1' holds -99 (5 times), outside the scale 1 to 7 of 'affective'" in message


def test_a_construct_can_count_a_code_as_an_answer(tmp_path):
    raw = edited(usability=answers()["usability"].where(answers().index > 4, 7))
    changes = {"scale.missing": [7]}
    fewer = survey_of(tmp_path / "a", changes, frame=raw)
    all_of_it = survey_of(tmp_path / "b", changes | {"constructs.usability.missing": []}, frame=raw)
    assert all_of_it.n > fewer.n


def test_one_sample_serves_every_model(tmp_path):
    raw = answers().astype({"age": float, "sector": object})
    raw.loc[0, "age"] = np.nan
    raw.loc[1, "sector"] = None
    raw.loc[2, "sat1"] = -99
    survey = survey_of(tmp_path, DESIGN, frame=raw)
    results = analyse(survey)
    assert survey.n == 117
    for name in ("models", "regression", "contrasts", "correlations", "descriptives"):
        assert set(results[name]["n"]) == {117}


def test_a_construct_outside_the_model_costs_nobody(tmp_path):
    raw = edited(usability=answers()["usability"].where(answers().index > 40))
    assert survey_of(tmp_path, {"paths": REMOVE}, frame=raw).n == 120


# What each rule cost


def test_attrition_adds_up(tmp_path):
    raw = answers().astype({"aff1": float, "age": float, "w": float})
    raw.loc[:9, "aff1"] = np.nan
    raw.loc[5:14, "sat1"] = -99
    raw.loc[12:29, "age"] = np.nan
    raw.loc[0, "w"] = np.nan
    survey = survey_of(tmp_path, {**DESIGN, "design.where": "shown == 1 or id <= 60"}, frame=raw)
    table = survey.attrition
    assert list(table.columns[:3]) == ["rule", "removed", "left"]
    steps = table[table["kind"] == "step"].reset_index(drop=True)
    assert steps["rule"][:3].tolist() == [
        "rows read", "where shown == 1 or id <= 60", "affective missing",
    ]  # fmt: skip
    assert steps["left"][0] == survey.n_read == 120 and steps["removed"][0] == 0
    assert (steps["left"].diff()[1:] == -steps["removed"][1:]).all()
    assert steps["left"].iloc[-1] == survey.n
    kept = raw.query("shown == 1 or id <= 60")
    alone = steps.set_index("rule")["alone"]
    assert alone["affective missing"] == kept["aff1"].isna().sum() == 10
    assert alone["satisfaction missing"] == (kept["sat1"] == -99).sum() == 10
    assert alone["age missing"] == kept["age"].isna().sum()
    assert alone["w missing"] == 1 and steps.set_index("rule")["removed"]["w missing"] == 0
    assert (steps["alone"] >= steps["removed"]).all()


CARELESS = {"quality": {"seconds": "duration", "exclude": ["straight_lining", "too_fast"]}}


def careless():
    """Straight lines (0 to 11), too fast (8 to 19), items left out (16 to 24), no time (30)."""
    raw = answers().assign(duration=300.0)
    items = [item for names in ITEMS.values() for item in names]
    raw.loc[:11, items] = 4
    raw.loc[8:19, "duration"] = 10
    raw.loc[30, "duration"] = np.nan
    raw = raw.astype(dict.fromkeys(items, float))
    raw.loc[16:24, "aff1"] = np.nan
    return raw


def test_careless_respondents_are_left_out_before_all_else(tmp_path):
    survey = survey_of(tmp_path, CARELESS, frame=careless())
    steps = survey.attrition.set_index("rule")
    assert steps.index[:4].tolist() == [
        "rows read", "straight_lining excluded", "too_fast excluded", "affective missing",
    ]  # fmt: skip
    numbers = steps[["removed", "left", "alone"]]
    assert numbers.loc["straight_lining excluded"].tolist() == [12, 108, 12]
    assert numbers.loc["too_fast excluded"].tolist() == [8, 100, 12]
    assert numbers.loc["affective missing"].tolist() == [5, 95, 9]
    # Of those who answered with care, whom half of the items would keep.
    assert numbers.loc["if half of the items were enough"].tolist() == [0, 100, 0]
    assert survey.n == 95 and survey.frame is not None
    assert survey.frame["duration"].isna().sum() == 1  # a missing time costs nobody
    later = survey_of(tmp_path / "b", frame=careless().iloc[25:].drop(columns="duration"))
    np.testing.assert_allclose(survey.moments.cross, later.moments.cross)


def test_the_order_of_exclusions_is_that_of_the_study(tmp_path):
    changes = {"quality": {**CARELESS["quality"], "exclude": ["too_fast", "straight_lining"]}}
    steps = survey_of(tmp_path, changes, frame=careless()).attrition.set_index("rule")
    assert steps.index[1:3].tolist() == ["too_fast excluded", "straight_lining excluded"]
    assert steps["removed"].iloc[1:3].tolist() == [12, 8]


def test_nobody_is_left_out_unless_the_study_says_so(tmp_path):
    survey = survey_of(tmp_path, {"quality.seconds": "duration"}, frame=careless())
    assert survey.n == 111 and not survey.attrition["rule"].str.endswith("excluded").any()


def test_answers_to_reversed_items_are_judged_as_given(tmp_path):
    """All sevens, also where a seven means the opposite: 'for3' is a one after reversing."""
    raw = careless()
    raw.loc[:11, [item for names in ITEMS.values() for item in names]] = 7
    survey = survey_of(tmp_path, {"quality.exclude": ["straight_lining"]}, frame=raw)
    assert survey.attrition.set_index("rule").loc["straight_lining excluded", "removed"] == 12


def test_items_are_checked_for_their_direction_among_the_careful(tmp_path):
    """So many straight lines that a reversed item seems to run with the others."""
    lines = pd.DataFrame(np.repeat(np.arange(1, 8), 60)[:, None] + np.zeros(18), columns=[
        item for names in ITEMS.values() for item in names
    ])  # fmt: skip
    raw = pd.concat([answers(), lines], ignore_index=True)
    assert "items of 'forced' run against the others: 'for3'" in refused(tmp_path / "a", frame=raw)
    kept = survey_of(tmp_path / "b", {"quality.exclude": ["straight_lining"]}, frame=raw)
    assert kept.n == 120


def test_everybody_left_out_names_the_rule(tmp_path):
    changes = {"quality": {**CARELESS["quality"], "fastest": 1000}}
    message = refused(tmp_path, changes, frame=careless().assign(duration=60))
    assert "no respondent is complete" in message and "'too_fast excluded'" in message


def test_answer_times_may_be_a_control_as_well(tmp_path):
    changes = CARELESS | {"model.controls": ["duration"]}
    survey = survey_of(tmp_path, changes, frame=careless().assign(duration=answers()["age"] * 5))
    assert survey.frame is not None
    assert list(survey.frame.columns).count("duration") == 1
    assert "duration" in survey.moments.columns


def test_half_of_the_items_is_shown_beside(tmp_path):
    raw = answers().astype({"aff1": float, "aff2": float, "rep1": float, "sea1": float})
    raw.loc[:9, "aff1"] = np.nan  # two of three are left: kept
    raw.loc[:4, "aff2"] = np.nan  # one of three is left: lost
    raw.loc[20:29, "rep1"] = np.nan  # one of two is left: kept
    raw.loc[40:44, "sea1"] = np.nan  # none of one is left: lost
    survey = survey_of(tmp_path, frame=raw)
    comparison = survey.attrition[survey.attrition["kind"] == "comparison"]
    assert len(comparison) == 1
    row = comparison.iloc[0]
    assert row["rule"] == "if half of the items were enough"
    assert (row["left"], row["removed"]) == (110, 10)
    assert survey.n == 95


def test_nobody_complete_names_the_costliest_column(tmp_path):
    raw = answers().astype({"age": float, "aff1": float})
    raw.loc[:99, "age"] = np.nan
    raw.loc[95:, "aff1"] = np.nan
    message = refused(tmp_path, {"model.controls": ["age"]}, frame=raw)
    assert "no respondent is complete" in message and "'age missing'" in message


# What is refused


@pytest.mark.parametrize(
    ("changes", "frame", "words"),
    [
        ({}, with_cell("aff1", 8), ["column 'aff1' holds 8 (once)", "1 to 7", "'missing'"]),
        ({}, with_cell("aff1", 0), ["column 'aff1' holds 0 (once)"]),
        ({}, with_cell("aff1", "inf"), ["column 'aff1' holds inf"]),
        ({}, with_cell("aff1", "often"), ["'aff1' holds text in 1 row (data row 4)", "numbers"]),
        ({}, with_cell("aff1", "5,5"), ["'aff1' holds text", "'5,5'"]),
        ({}, edited(aff1=4), ["column 'aff1' holds 4 only", "must vary"]),
        ({}, edited(aff1=np.nan), ["column 'aff1' (of affective) holds no answer"]),
        ({}, edited(aff1=-99), ["column 'aff1' (of affective) holds no answer"]),
        ({}, answers().drop(columns="aff1"), ["column 'aff1' (an item of affective) is missing"]),
        (
            {}, answers().rename(columns={"sat1": "Sat1"}),
            ["column 'sat1' (an item of satisfaction) is missing", "Did you mean"],
        ),
        ({"model.controls": ["agee"]}, None, ["'agee' (model.controls)", "Did you mean 'age'?"]),
        ({"model.moderators": ["show"]}, None, ["(model.moderators)", "Did you mean 'shown'?"]),
        ({"design.weight": "ww"}, None, ["column 'ww' (design.weight) is missing"]),
        ({"design.groups": ["sectr"]}, None, ["(design.groups)", "Did you mean 'sector'?"]),
        ({"design.weight": "w"}, with_cell("w", 0), ["in 1 row (data row 4: '0')", "positive"]),
        ({"design.weight": "w"}, with_cell("w", -1), ["(data row 4: '-1"]),
        ({"design.weight": "w"}, with_cell("w", "inf"), ["(data row 4: 'inf'"]),
        ({"design.weight": "w"}, with_cell("w", "high"), ["'w' holds what is no weight"]),
        ({"quality.seconds": "tiem"}, edited(time=60), ["(quality.seconds)", "mean 'time'?"]),
        ({"quality.marker": "colr"}, edited(color=4), ["(quality.marker)", "mean 'color'?"]),
        (
            {"quality.seconds": "age"}, with_cell("age", "fast"),
            ["'age' (quality.seconds) holds what is no answer time in 1 row (data row 4)"],
        ),
        ({"quality.seconds": "age"}, with_cell("age", -1), ["(data row 4: '-1')", "0 or more"]),
        ({"quality.seconds": "age"}, with_cell("age", "inf"), ["(data row 4: 'inf')"]),
        ({"quality.seconds": "age"}, edited(age=np.nan), ["holds no answer time at all"]),
        (
            {"quality.marker": "age"}, with_cell("age", "blue"),
            ["'age' (quality.marker) holds what is no answer in 1 row", "must be numbers"],
        ),
        ({"quality.marker": "age"}, edited(age=30), ["'age' is the same for everyone"]),
        (
            {"quality.marker": "age"}, edited(age=answers()["age"].where(answers().index < 9)),
            ["fewer than 10 of the analysed respondents have an answer to 'age'"],
        ),
        ({"design.cluster": "industry"}, edited(industry="one"), ["'industry'", "one cluster"]),
        ({"model.controls": ["gender"]}, edited(gender="x"), ["'gender' is x for everyone"]),
        ({"model.moderators": ["shown"]}, edited(shown=1), ["'shown' is 1 for everyone"]),
        ({"model.moderators": ["gender"]}, None, ["'gender' has 3 levels", "two levels"]),
        ({"model.controls": ["age"]}, with_cell("age", "inf"), ["'age' holds an infinite number"]),
    ],
)  # fmt: skip
def test_a_survey_that_contradicts_its_study_is_refused(tmp_path, changes, frame, words):
    message = refused(tmp_path, changes, frame=frame)
    assert str(tmp_path / "survey.csv") in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("column", ["sea1", "usability"])
def test_a_score_that_is_constant_among_the_complete_is_refused(tmp_path, column):
    frame = answers().astype({"aff1": float})
    frame[column] = np.where(frame.index == 0, 5, 4)
    frame.loc[0, "aff1"] = np.nan
    name = {"sea1": "search"}.get(column, column)
    assert f"'{name}' is 4.0 for everyone" in refused(tmp_path, frame=frame)


def test_off_scale_answers_are_counted(tmp_path):
    frame = edited(aff1=np.where(np.arange(120) < 7, 8, answers()["aff1"]))
    frame.loc[[50, 51], "aff1"] = 99
    assert "holds 8 (7 times), 99 (2 times), outside" in refused(tmp_path, frame=frame)


def test_every_problem_with_the_items_is_reported_at_once(tmp_path):
    frame = edited(aff1=9, aff2="x", nor1=4)
    message = refused(tmp_path, frame=frame)
    assert "3 problems" in message
    assert all(f"column '{name}'" in message for name in ("aff1", "aff2", "nor1"))


def test_a_missing_weight_costs_its_respondent(tmp_path):
    survey = survey_of(tmp_path, {"design.weight": "w"}, frame=with_cell("w", None))
    assert survey.n == 119
    assert survey.weights is not None and np.isclose(survey.weights.sum(), 119)


def test_weights_of_any_size_count_alike(tmp_path):
    small = survey_of(tmp_path / "a", {"design.weight": "w"})
    large = survey_of(tmp_path / "b", {"design.weight": "w"}, frame=edited(w=answers()["w"] * 1e9))
    assert small.weights is not None and large.weights is not None
    np.testing.assert_allclose(small.weights, large.weights, rtol=1e-12)
    w = answers()["w"]
    assert np.isclose(small.effective_n, w.sum() ** 2 / (w**2).sum())
    assert small.effective_n < 120


# Filters


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("gender == 'male'", answers()["gender"] == "male"),
        ("age > 30 and shown == 1", (answers()["age"] > 30) & (answers()["shown"] == 1)),
        ("not (age > 30)", answers()["age"] <= 30),
        ("gender in ['male', 'other']", answers()["gender"] != "female"),
    ],
)
def test_a_filter_keeps_the_rows_it_names(tmp_path, where, kept):
    survey = survey_of(tmp_path, {"design.where": where, "design.respondent": "id"})
    assert survey.frame is not None
    assert survey.frame["id"].astype(int).tolist() == answers().loc[kept, "id"].tolist()
    assert survey.n_read == 120


@pytest.mark.parametrize(
    "where",
    ["age", "id", "gender", "5", "True", "'x'", "1 < 2", "not age", "age and shown"],
)
def test_a_filter_must_say_yes_or_no(tmp_path, where):
    message = refused(tmp_path, {"design.where": where})
    assert f"filter {where!r} cannot be applied: it does not say yes or no for each row" in message
    assert "country == 'US'" in message


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("agee > 30", ["cannot be applied", "Did you mean 'age'?"]),
        ("age >", ["cannot be applied"]),
        ("age > 'x'", ["cannot be applied"]),
        ("import os", ["cannot be applied"]),
        ("age > 30; age < 40", ["cannot be applied"]),
        ("age = 30", ["'=' compares nothing, '==' does"]),
        ("@pd.read_csv('x')", ["cannot be applied"]),
        ("age.__class__ == 1", ["is not understood"]),
        ("age.sum() > 1", ["'.sum' is not understood"]),
        ("age > 1000", ["leaves no respondent", "survey.csv"]),
    ],
)
def test_a_filter_that_cannot_be_is_refused(tmp_path, where, words):
    message = refused(tmp_path, {"design.where": where})
    assert all(word in message for word in words), message


def test_a_filter_asked_for_adds_to_that_of_the_study(tmp_path):
    path = make(tmp_path, {"design.where": "shown == 1 or shown == 0", "design.respondent": "id"})
    survey = read_survey(path, where="age > 30 or age < 20")
    age = answers()["age"]
    assert survey.n == ((age > 30) | (age < 20)).sum()
    both = "(shown == 1 or shown == 0) and (age > 30 or age < 20)"
    assert survey.study.design.where == both
    assert survey.attrition["rule"][1] == f"where {both}"


def test_other_data_for_the_same_study(tmp_path, monkeypatch):
    path = make(tmp_path / "study", {"design.weight": "w"})
    answers(60, seed=2).to_csv(tmp_path / "wave 2.csv", index=False)
    monkeypatch.chdir(tmp_path)
    assert read_survey(path, data="wave 2.csv").n == 60
    assert read_survey(path).n == 120
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        read_survey(path, data="none.csv")
    # What respondents would need is not quietly dropped with them.
    with pytest.raises(StudyError, match=r"design\.weight: needs respondents"):
        read_survey(path, data="moments.csv")


# Respondents, clusters, categories


def test_repeated_respondents_need_a_reason(tmp_path):
    twice = pd.concat([answers(), answers(seed=2)], ignore_index=True)
    twice["wave"] = np.repeat([1, 2], 120)
    changes = {"design.respondent": "id"}
    message = refused(tmp_path / "a", changes, frame=twice)
    assert (
        "column 'id' repeats 120 times (data rows 121, 122, 123, …)" in message
        and "design.wave" in message
    )
    waves = survey_of(tmp_path / "b", {**changes, "design.wave": "wave"}, frame=twice)
    # Answers of one person over waves are not independent.
    assert waves.cluster == "id" and waves.n_clusters == 120
    twice["industry"] = np.repeat(["goods0", "services0"], 120)
    clustered = survey_of(tmp_path / "c", {**changes, "design.cluster": "industry"}, frame=twice)
    assert clustered.cluster == "industry"
    twice["wave"] = 1
    message = refused(tmp_path / "d", {**changes, "design.wave": "wave"}, frame=twice)
    assert "column 'id' repeats 120 times" in message


def test_respondents_seen_once_are_no_clusters(tmp_path):
    survey = survey_of(tmp_path, {"design.respondent": "id", "design.wave": "wave"})
    assert survey.cluster is None and survey.clusters is None and survey.n_clusters is None


def test_clusters_are_named_alike_however_stored(tmp_path):
    numbers = np.arange(120) % 10
    whole = survey_of(tmp_path / "a", {"design.cluster": "industry"}, edited(industry=numbers))
    holes = edited(industry=numbers.astype(float))
    holes.loc[0, "industry"] = np.nan  # makes pandas store whole numbers as 1.0
    fewer = survey_of(tmp_path / "b", {"design.cluster": "industry"}, holes)
    assert whole.clusters is not None and fewer.clusters is not None
    assert set(whole.clusters) == set(fewer.clusters) == {str(i) for i in range(10)}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 2.0], ["1", "2"]),
        ([1.5, 2.0], ["1.5", "2.0"]),
        ([1, 2], ["1", "2"]),
        (["a", "1.0"], ["a", "1.0"]),
        ([True, False], ["True", "False"]),
    ],
)
def test_labels_as_text(values, text):
    assert as_text(pd.Series(values)).tolist() == text


def test_text_becomes_indicators_and_numbers_stay(tmp_path):
    yes = np.where(answers()["shown"] == 1, True, False)
    survey = survey_of(tmp_path, {"model.controls": ["gender", "age", "yes"]}, edited(yes=yes))
    assert survey.terms(["affective", "gender", "age", "yes"]) == (
        "affective", "gender[male]", "gender[other]", "age", "yes[True]",
    )  # fmt: skip
    assert survey.frame is not None
    assert (survey.frame["gender[male]"] == (answers()["gender"] == "male")).all()
    assert survey.levels["gender"] == ("female", "male", "other")
    # Categories are not scaled, numbers are.
    assert {"affective", "age"} <= survey.scaled
    assert not {"gender[male]", "yes[True]"} & survey.scaled


def test_a_sample_splits_by_a_group_with_its_weights_and_clusters(tmp_path):
    survey = survey_of(tmp_path, DESIGN)
    sample = survey.sample(["affective", "satisfaction"], by="sector")
    assert set(sample.moments) == {"goods", "services"}
    assert sample.n == 120
    pooled, whole = sample.pooled, survey.moments[["affective", "satisfaction"]]
    np.testing.assert_allclose(pooled.cross, whole.cross)
    assert sample.weights is not None and sample.clusters is not None
    assert all(name.startswith("goods") for name in sample.clusters["goods"])
    assert np.isclose(sum(map(np.sum, sample.weights.values())), 120)


# Order does not matter


def test_order_of_rows_and_columns_does_not_matter(tmp_path):
    raw = answers().astype({"aff1": float})
    raw.loc[::17, "aff1"] = np.nan
    claims = [{}, {"estimand": "largest", "versus": ["normative", "forced"]}]
    shuffled = raw.sample(frac=1, random_state=3)[list(reversed(raw.columns))]
    one, two = (
        survey_of(tmp_path / name, DESIGN, frame, claims)
        for name, frame in (("a", raw), ("b", shuffled))
    )
    first, second = analyse(one), analyse(two)
    assert set(first) == set(second)
    for name, table in first.items():
        assert_frame_equal(table, second[name], rtol=1e-8, atol=1e-10)
    assert_frame_equal(judge(one, first), judge(two, second), rtol=1e-8, atol=1e-10)


# A study known by its moments


def moments_file(folder: Path, columns: list[str], frame: pd.DataFrame) -> None:
    table = frame[columns].agg(["mean", "std"]).T.set_axis(["mean", "sd"], axis=1)
    table.insert(0, "n", len(frame))
    table.join(frame[columns].corr()).to_csv(folder / "moments.csv", index_label="variable")


def test_item_moments_give_the_moments_of_the_scores(tmp_path):
    items = [item for names in ITEMS.values() for item in names]
    respondents = survey_of(tmp_path)
    moments_file(tmp_path, items, answers())
    known = read_survey(make(tmp_path, MOMENTS))
    assert (known.n, known.has_respondents, known.frame, known.items) == (120, False, None, None)
    assert known.weights is None and known.clusters is None
    names = list(ITEMS)
    np.testing.assert_allclose(known.moments[names].mean, respondents.moments[names].mean)
    np.testing.assert_allclose(
        known.moments[names].cross, respondents.moments[names].cross, atol=1e-9
    )
    slopes = ["model", "outcome", "term", "estimate", "beta"]
    assert_frame_equal(
        analyse(known)["regression"][slopes], analyse(respondents)["regression"][slopes],
        rtol=1e-8,
    )  # fmt: skip


def test_score_moments_stand_for_their_construct(tmp_path):
    respondents = survey_of(tmp_path)
    assert respondents.frame is not None
    moments_file(tmp_path, list(ITEMS), respondents.frame)
    known = read_survey(make(tmp_path, MOMENTS))
    np.testing.assert_allclose(
        known.moments[list(ITEMS)].cross, respondents.moments[list(ITEMS)].cross, atol=1e-9
    )


def test_a_variable_that_the_moments_lack_is_named(tmp_path):
    moments_file(tmp_path, [item for name in list(ITEMS)[:-2] for item in ITEMS[name]], answers())
    with pytest.raises(DataError) as caught:
        read_survey(make(tmp_path, MOMENTS))
    assert "'sea1' (of search)" in str(caught.value) and "'usability'" in str(caught.value)


@pytest.mark.parametrize("name", ["bank_customers", "mobile_customers"])
def test_moments_refuse_filters(name):
    with pytest.raises(StudyError, match=r"design\.where: needs respondents"):
        read_survey(name, where="age > 30")
    with pytest.raises(StudyError, match=r"design\.groups: needs respondents"):
        read_survey(name, settings=["design.groups=['sector']"])


def test_a_survey_prints_no_respondent(tmp_path):
    survey = survey_of(tmp_path)
    assert repr(survey) == "Survey('A tiny study', 120 respondents analysed of 120)"
    assert read_survey(load_study(tmp_path)).n == survey.n


def test_a_filter_asked_for_has_to_say_yes_or_no_by_itself(tmp_path):
    path = make(tmp_path, {"design.where": "age > 20"})
    with pytest.raises(StudyError, match="does not say yes or no"):
        read_survey(path, where="age")
