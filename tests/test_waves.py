"""Waves: slopes in each and changes between them, against R, statsmodels and what was planted."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from golden_data import FOLDER
from hypothesis import given
from hypothesis import strategies as st
from wave_study import drawn, scores, wave_survey, waves

from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.errors import DataError
from loyalty_analysis.moments import Moments
from loyalty_analysis.report_notebooks import notebooks_of
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge_scores
from loyalty_analysis.wave_captions import composition_finding, told
from loyalty_analysis.wave_composition import composition, merged_cells, standard_weights
from loyalty_analysis.wave_sample import ordered, refusal, repeated, usable_waves, wave_counts
from loyalty_analysis.wave_verdicts import _evidence, wave_verdicts, within
from loyalty_analysis.waves import contrasts_of, wave_changes, wave_frames, wave_slopes

DRIVERS = ["x1", "x2", "x3"]


def golden(case: str, quantity: str) -> pd.Series:
    table = pd.read_csv(FOLDER / "waves.csv", keep_default_na=False)
    rows = table[(table["case"] == case) & (table["quantity"] == quantity)]
    assert len(rows), f"waves.csv has no {case}, {quantity}"
    return rows.set_index(["versus", "term"])["value"].astype(float)


def golden_survey(weight: str | None = None, cluster: str | None = None) -> Survey:
    """The survey of the golden numbers; region stands for the wave."""
    frame = pd.read_csv(FOLDER / "survey.csv")
    study = load_study("mobile_customers")
    model = {"drivers": tuple(DRIVERS), "mediator": None, "outcomes": {"y1": "intention"}}
    design = {"wave": "region", "groups": ("sector",), "weight": weight, "cluster": cluster}
    study = study.model_copy(
        update={
            "model": study.model.model_copy(update=model),
            "design": study.design.model_copy(update=design),
        }
    )
    names = [*DRIVERS, "y1"]
    known = Moments.from_frame(frame[names])
    return Survey(study, known, frozenset(names), frame, 240, frame, cluster=cluster)


def by_contrast(table: pd.DataFrame, column: str) -> pd.Series:
    """A column by what is compared and the driver, in the names of R's file."""
    return table.set_index(["versus", "term"])[column].astype(float)


@pytest.mark.parametrize("case", ["plain", "weighted"])
def test_changes_equal_r(case: str) -> None:
    weight = "w" if case == "weighted" else None
    known = golden(case, "estimate")
    found = wave_changes(golden_survey(weight))
    assert sorted(set(found["kind"])) == ["overall", "step", "trend"]
    np.testing.assert_allclose(by_contrast(found, "estimate")[known.index], known, rtol=1e-9)
    # HC3 takes the SDs as known; influence values let them vary, and are corrected by the leverage
    # of all columns, the outcome's too: a little wider.
    fixed = golden(f"{case}.HC3.fixed_sd", "std_error")
    np.testing.assert_allclose(by_contrast(found, "std_error")[fixed.index], fixed, rtol=0.17)


@pytest.mark.parametrize("case", ["plain", "weighted"])
def test_errors_over_few_clusters_are_the_jackknife_of_r(case: str) -> None:
    weight = "w" if case == "weighted" else None
    found = wave_changes(golden_survey(weight, "store"))
    known = golden(f"{case}.jackknife.store", "std_error")
    np.testing.assert_allclose(by_contrast(found, "std_error")[known.index], known, rtol=1e-9)
    assert set(found["df"]) == {11.0}
    assert found["df_satterthwaite"].between(1, 11).all()


def test_errors_over_many_clusters_are_close_to_the_jackknife() -> None:
    found = wave_changes(golden_survey(None, "team"))
    known = golden("plain.jackknife.team", "std_error")
    np.testing.assert_allclose(by_contrast(found, "std_error")[known.index], known, rtol=0.15)


def test_reweighted_changes_equal_r() -> None:
    known = golden("reweighted", "estimate")
    found = wave_changes(golden_survey())
    np.testing.assert_allclose(by_contrast(found, "reweighted")[known.index], known, rtol=1e-9)


def test_who_answered_equals_r() -> None:
    table = composition(golden_survey())
    own = table[table["column"] == "sector"]
    values = golden("composition", "value").droplevel("term")
    np.testing.assert_allclose(own.set_index("wave")["value"][values.index], values, rtol=1e-12)
    for name in ("statistic", "p_value"):
        [known] = golden("composition", name)
        assert own[name].iloc[0] == pytest.approx(known, rel=1e-9)


def test_a_panel_equals_an_interaction_with_errors_by_respondent() -> None:
    frame = drawn(3, [0.5, 0.5, 0.2], n=300, panel=0.5)
    found = wave_changes(scores(frame)).set_index("versus")
    z = frame.assign(**{c: (frame[c] - frame[c].mean()) / frame[c].std() for c in "xy"})
    fit = smf.ols("y ~ C(wave) * x", z).fit(cov_type="cluster", cov_kwds={"groups": z["id"]})
    for versus, name in (("2 - 1", "C(wave)[T.2]:x"), ("3 - 1", "C(wave)[T.3]:x")):
        assert found.loc[versus, "estimate"] == pytest.approx(fit.params[name], rel=1e-9)
        assert found.loc[versus, "std_error"] == pytest.approx(fit.bse[name], rel=0.05)
    assert set(found["df"]) == {299.0}


def test_intervals_of_a_panel_hold_the_truth_and_those_of_strangers_would_not() -> None:
    changes, errors, naive, inside = [], [], [], 0
    for seed in range(120):
        frame = drawn(seed, [0.4, 0.4], n=80, panel=0.7)
        [row] = wave_changes(scores(frame)).itertuples()
        [alone] = wave_changes(scores(frame.drop(columns="id"))).itertuples()
        changes.append(row.estimate)
        errors.append(row.std_error)
        naive.append(alone.std_error)
        inside += row.conf_low <= 0 <= row.conf_high
    assert 0.89 <= inside / 120 <= 0.99
    assert np.mean(errors) / np.std(changes) == pytest.approx(1, abs=0.17)
    assert np.mean(naive) / np.std(changes) > 1.25


@pytest.mark.parametrize(("last", "least", "most"), [(0.4, 0, 7), (0.0, 58, 60)])
def test_a_planted_change_is_found_and_none_where_there_is_none(
    last: float, least: int, most: int
) -> None:
    found = 0
    for seed in range(60):
        frame = drawn(seed, [0.4, 0.4, last], n=250)
        frame["id"] += 1_000 * frame["wave"]  # other people in every wave
        found += bool(told(wave_changes(scores(frame))).any())
    # Holm: 3 of 60 surveys without a change, and what chance adds to that.
    assert least <= found <= most


def test_a_change_that_is_composition_goes_away_when_waves_are_weighted() -> None:
    rng = np.random.default_rng(8)
    parts = []
    for wave, share in ((1, 0.15), (2, 0.85)):
        services = rng.random(1500) < share
        x = rng.normal(size=1500)
        y = np.where(services, 0.1, 0.8) * x + rng.normal(size=1500)
        sector = np.where(services, "services", "goods")
        parts.append(pd.DataFrame({"x": x, "y": y, "wave": wave, "sector": sector}))
    survey = scores(pd.concat(parts, ignore_index=True))
    design = survey.study.design.model_copy(update={"groups": ("sector",)})
    survey = Survey(
        survey.study.model_copy(update={"design": design}), survey.moments, survey.scaled,
        survey.frame, survey.n, survey.frame,
    )  # fmt: skip
    [row] = wave_changes(survey).itertuples()
    assert row.conf_high < -0.2
    assert row.reweighted_low < 0 < row.reweighted_high
    away = composition(survey)
    assert away["largest"].min() > 1
    assert (away["p_holm"] < 1e-6).all()


def test_slopes_are_those_of_each_wave_by_the_sds_of_all(tmp_path: Path) -> None:
    survey = wave_survey(tmp_path, changes={"model.controls": []})
    assert survey.frame is not None
    found = wave_slopes(survey).set_index(["model", "wave", "term"]).sort_index()
    names = ["affective", "normative", "forced"]
    size = survey.frame[[*names, "satisfaction"]].std()
    for wave, part in survey.frame.groupby("wave"):
        fit = smf.ols(f"satisfaction ~ {' + '.join(names)}", part).fit()
        own = fit.params[names] * size[names] / size["satisfaction"]
        table = found.loc["satisfaction", str(wave)]
        np.testing.assert_allclose(table.loc[names, "estimate"].astype(float), own, rtol=1e-9)
        assert set(table["n"]) == {len(part)}


def test_a_change_is_the_difference_between_groups_of_the_same_respondents(tmp_path: Path) -> None:
    frame = waves((120, 120)).assign(half=lambda d: "wave" + d["wave"].astype(str))
    changes = {"design.groups": ["half"], "contrasts": {"half": {"a": "wave2", "b": "wave1"}}}
    survey = wave_survey(tmp_path, frame, changes)
    known = contrasts(survey, everything=False).query("estimand == 'slope_difference'")
    found = wave_changes(survey)
    keys = ["outcome", "term"]
    both = found.merge(known, on=keys, suffixes=("", "_group"))
    assert len(both) == len(known) == len(found)
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(both[name], both[f"{name}_group"], rtol=1e-9)


def test_small_waves_stay_empty_everywhere(tmp_path: Path) -> None:
    survey = wave_survey(tmp_path, waves((120, 9, 120)))
    counts = wave_counts(survey).set_index("wave")
    assert counts.loc["2", "note"].startswith("fewer than 10")
    assert counts["n"].isna().tolist() == [False, True, False]
    frames = wave_frames(survey)
    small = frames["waves"].query("wave == '2'")
    assert len(small)
    assert small.drop(columns=["wave", "model", "outcome", "term", "note"]).isna().all(axis=None)
    assert set(frames["wave_changes"]["versus"]) == {"3 - 1"}
    for name in ("composition", "wave_verdicts"):
        assert set(frames[name]["wave"]) == {"1", "3"}


def test_a_wave_with_too_few_for_the_equation_is_named(tmp_path: Path) -> None:
    columns = [f"c{k}" for k in range(12)]
    frame = waves((60, 11, 60))
    frame[columns] = np.random.default_rng(1).normal(size=(len(frame), 12))
    survey = wave_survey(tmp_path, frame, {"model.controls": columns})
    small = wave_slopes(survey).query("wave == '2'")
    assert small["estimate"].isna().all()
    assert set(small["note"]) == {"cannot be estimated alone"}
    assert set(wave_verdicts(survey)["wave"]) == {"1", "3"}


def test_respondents_who_return_make_the_clusters(tmp_path: Path) -> None:
    frame = waves((80, 80)).assign(id=np.tile(np.arange(80), 2))
    survey = wave_survey(tmp_path, frame)
    assert repeated(survey)
    assert survey.cluster == "id"
    assert set(wave_changes(survey)["df"]) == {79.0}


def test_a_cluster_that_holds_respondents_together_is_honoured(tmp_path: Path) -> None:
    frame = waves((80, 80)).assign(id=np.tile(np.arange(80), 2))
    frame["shop"] = frame["id"] % 8
    changes = {"design": {"respondent": "id", "wave": "wave", "cluster": "shop"}}
    survey = wave_survey(tmp_path, frame, changes)
    assert refusal(survey) == ""
    assert set(wave_changes(survey)["df"]) == {7.0}


def test_a_cluster_that_splits_respondents_is_refused_by_name(tmp_path: Path) -> None:
    frame = waves((80, 80)).assign(id=np.tile(np.arange(80), 2))
    frame["shop"] = np.arange(160) % 9
    changes = {"design": {"respondent": "id", "wave": "wave", "cluster": "shop"}}
    survey = wave_survey(tmp_path, frame, changes)
    with pytest.raises(DataError, match=r"survey.csv: 80 respondents .*'id'.* one 'shop'"):
        wave_changes(survey)
    frames = wave_frames(survey)
    assert "waves" in frames
    assert "wave_changes" not in frames


def test_waves_that_are_clusters_have_no_intervals(tmp_path: Path) -> None:
    changes = {"design": {"wave": "wave", "cluster": "wave"}}
    survey = wave_survey(tmp_path, waves((60, 60, 60)), changes)
    assert wave_slopes(survey)["std_error"].isna().all()
    assert wave_changes(survey).empty


@given(st.lists(st.integers(0, 3000), min_size=1, unique=True))
def test_waves_are_in_the_order_of_their_numbers(numbers: list[int]) -> None:
    names = [f"wave {n}" for n in numbers]
    assert ordered(names) == [f"wave {n}" for n in sorted(numbers)]
    assert ordered(map(str, numbers)) == [str(n) for n in sorted(numbers)]


@given(st.integers(2, 8), st.sets(st.integers(0, 7)))
def test_contrasts_are_of_waves_alone_and_a_line_has_its_slope(count: int, out: set[int]) -> None:
    every = [str(k) for k in range(count)]
    usable = tuple(name for name in every if int(name) not in out)
    found = contrasts_of(every, usable)
    line = np.array([3 + 0.25 * int(name) for name in usable])
    for kind, versus, weights in found:
        assert weights.sum() == pytest.approx(0, abs=1e-12)
        later, _, earlier = versus.partition(" - ")
        known = 0.25 if kind == "trend" else 0.25 * (int(later) - int(earlier))
        assert weights @ line == pytest.approx(known)
    assert [one[1] for one in found if one[0] == "step"] == [
        f"{b} - {a}" for a, b in pairwise(usable)
    ]
    assert any(one[0] == "trend" for one in found) == (len(usable) > 2)


def test_weights_give_every_wave_the_shares_of_all(tmp_path: Path) -> None:
    frame = waves((300, 200, 250))
    first = frame["wave"] == 1
    frame.loc[first & (np.arange(len(frame)) % 2 == 0), "sector"] = "goods"
    frame["gender"] = frame["gender"].replace("other", "female")  # else small cells are merged
    survey = wave_survey(tmp_path, frame, {"design": {**{"wave": "wave", "weight": "w"},
                                                      "groups": ["sector"]}})  # fmt: skip
    standard = standard_weights(survey)
    assert standard.factor is not None and survey.frame is not None and survey.weights is not None
    table = survey.frame.assign(w=survey.weights * standard.factor, own=survey.weights)
    for column in ("sector", "gender"):
        every = table.groupby(column)["own"].sum() / table["own"].sum()
        for _, part in table.groupby("wave"):
            share = part.groupby(column)["w"].sum() / part["w"].sum()
            np.testing.assert_allclose(share, every, rtol=1e-9)
            assert part["w"].sum() == pytest.approx(part["own"].sum())


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("12")), min_size=20, max_size=300)
)
def test_merged_cells_hold_ten_in_every_wave_or_are_one(rows: list[tuple[str, str]]) -> None:
    cells, wave = (pd.Series(list(one)) for one in zip(*rows, strict=True))
    found, share = merged_cells(cells, wave)
    assert 0 <= share <= 1
    if found.nunique() > 1:
        assert pd.crosstab(found, wave).to_numpy().min() >= 10


def test_shares_of_few_respondents_are_not_shown(tmp_path: Path) -> None:
    frame = waves((100, 100))
    frame["gender"] = np.where(np.arange(200) < 95, "male", "female")  # 5 women in the first wave
    survey = wave_survey(tmp_path, frame)
    rows = composition(survey).query("column == 'gender'").set_index("wave")
    assert rows["level"].tolist() == ["male"] * 2
    # the second wave alone, with the share of everybody, would tell the five
    assert rows[["value", "everyone", "away"]].isna().all(axis=None)
    assert "not shown" in rows.loc["1", "note"]
    # a difference as large as this is named all the same, as if they were ten
    assert rows["largest"].tolist() == [round(0.9 / np.sqrt(0.475 * 0.525), 1)] * 2
    assert (rows["high"] == "1").all() and (rows["low"] == "2").all()
    assert "male by" in composition_finding(composition(survey), survey.study)


@pytest.mark.parametrize("few", [5, 1])
def test_shares_not_shown_cannot_be_worked_out_from_the_others(few: int, tmp_path: Path) -> None:
    frame = waves((100, 100))
    first = ["a"] * 60 + ["b"] * (40 - few) + ["c"] * few
    frame["gender"] = [*first, *(["a"] * 40 + ["b"] * 30 + ["c"] * 30)]
    table = composition(wave_survey(tmp_path, frame)).query("column == 'gender'")
    shown = table[table["value"].notna()]
    assert shown["level"].unique().tolist() == ["a"]
    left = 100 * (1 - shown.groupby("wave")["value"].sum())
    assert (left.round() >= 10).all()
    assert table[table["value"].isna()]["everyone"].isna().all()


def test_verdicts_within_a_wave_are_those_of_its_respondents(tmp_path: Path) -> None:
    claims = [{}, {"estimand": "total", "outcome": "loyalty", "term": "forced"}]
    survey = wave_survey(tmp_path, claims=claims)
    found = wave_verdicts(survey)
    alone = read_survey(tmp_path / "study.toml", where="wave == 2")
    known = pd.concat([judge_scores(alone, _evidence(alone), outcome)
                       for outcome in ("satisfaction", "repurchase", "advocacy")])  # fmt: skip
    own = found[found["wave"] == "2"].drop(columns="wave").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, known.reset_index(drop=True), check_exact=False)
    assert len(own) == 3


def test_within_a_wave_the_wave_is_no_control_and_nobody_stands_alone(tmp_path: Path) -> None:
    frame = waves((60, 60)).assign(gender=["other", *["male", "female"] * 59, "male"])
    frame["wave"] = frame["wave"].map({1: "first", 2: "second"})
    survey = wave_survey(tmp_path, frame.assign(gender=frame["gender"].where(frame.index != 100,
                         "other")), {"model.controls": ["gender", "wave"]})  # fmt: skip
    part = within(survey, "first")
    assert part.n == 59
    assert part.study.model.controls == ("gender",)
    assert part.levels == {"gender": ("female", "male")}
    # An indicator for one respondent would have left the other slopes as they are.
    assert survey.frame is not None
    inside = survey.frame[survey.frame["wave"] == "first"]
    formula = "satisfaction ~ affective + normative + forced + C(gender)"
    kept = smf.ols(formula, part.frame).fit().params["affective"]
    assert smf.ols(formula, inside).fit().params["affective"] == pytest.approx(kept, rel=1e-9)


def test_one_wave_is_counted_and_no_more(tmp_path: Path) -> None:
    survey = wave_survey(tmp_path, waves((90,)))
    assert list(wave_frames(survey)) == ["wave_counts"]
    assert usable_waves(survey) == ["1"]
    assert wave_slopes(survey).empty and wave_changes(survey).empty
    assert composition(survey).empty and wave_verdicts(survey).empty


def test_a_report_of_a_study_with_waves_has_their_notebook() -> None:
    assert "11_waves" not in notebooks_of(load_study("rice_simulated"))
    assert "11_waves" in notebooks_of(load_study("rice_simulated", ["design.wave=sector"]))
