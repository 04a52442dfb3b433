"""Figures, tables and sentences of waves: drawn from frames made by hand, at their edges."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from wave_study import wave_survey, waves

from loyalty_analysis import wave_captions, wave_figures, wave_readings, wave_tables
from loyalty_analysis.errors import RunError
from loyalty_analysis.plotting import WIDTH
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey

STUDY = load_study("rice_simulated")


def make_waves(names: list[str], empty: tuple[str, ...] = ()) -> pd.DataFrame:
    random = np.random.default_rng(4)
    rows = [
        (name, f"{outcome}.total", outcome, term, 0.4 - 0.15 * k + random.normal(0, 0.02))
        for outcome in STUDY.model.outcomes
        for name in names
        for k, term in enumerate(STUDY.model.drivers)
    ]
    table = pd.DataFrame(rows, columns=["wave", "model", "outcome", "term", "estimate"])
    table = table.assign(std_error=0.05, df=90.0, n=200.0, note="")
    ends = {"conf_low": table["estimate"] - 0.1, "conf_high": table["estimate"] + 0.1}
    table = table.assign(**ends)
    gone = table["wave"].isin(empty)
    numbers = ["estimate", "std_error", "df", "n", "conf_low", "conf_high"]
    table.loc[gone, numbers] = np.nan
    table.loc[gone, "note"] = "fewer than 10 respondents: not shown"
    return table


def make_changes(**columns: Any) -> pd.DataFrame:
    row = {
        "kind": "step", "versus": "2 - 1", "model": "repurchase.total", "outcome": "repurchase",
        "term": ["forced"], "estimate": -0.3, "std_error": 0.05, "df": 90.0, "statistic": -6.0,
        "p_value": 0.001, "conf_low": -0.4, "conf_high": -0.2, "n": 400,
        "df_satterthwaite": np.nan, "p_holm": 0.01, "family": 8, "reweighted": -0.28,
        "reweighted_low": -0.4, "reweighted_high": -0.16, "note": "",
    }  # fmt: skip
    return pd.DataFrame({**row, **columns})


@pytest.mark.parametrize("names", [["1", "2"], ["spring", "summer"], [str(k) for k in range(14)]])
def test_slopes_are_drawn_as_lines_in_one_colour_each(names: list[str]) -> None:
    figure = wave_figures.slopes_over_waves(make_waves(names), STUDY, make_changes())
    axes = figure.figure.axes
    assert len(axes) == len(STUDY.model.outcomes)
    for one in axes:
        lines = {line.get_color(): line for line in one.lines if line.get_marker() == "o"}
        assert set(lines) == set(wave_figures.CONSTRUCTS[: len(STUDY.model.drivers)])
        assert len(one.collections) == len(lines)  # a band for each
        labels = [text for text in one.texts if text.get_text()]
        assert len(labels) == len(lines)
        heights = sorted(text.xy[1] for text in labels)  # type: ignore[attr-defined]
        assert min(np.diff(heights)) > 0
    assert figure.figure.get_size_inches()[0] == WIDTH
    assert figure.png()[:4] == b"\x89PNG"
    assert "forced commitment" in figure.title and "0.30 from wave 1 to wave 2" in figure.title


def test_an_empty_wave_keeps_its_place_and_is_named() -> None:
    table = make_waves(["1", "2", "3"], empty=("2",))
    figure = wave_figures.slopes_over_waves(table, STUDY)
    drawn = [line for line in figure.figure.axes[0].lines if line.get_marker() == "o"]
    assert all(np.isnan(np.asarray(line.get_ydata(), dtype=float)[1]) for line in drawn)
    notes = " ".join(text.get_text() for text in figure.figure.texts).replace("\n", " ")
    assert "Too few respondents to show: wave 2." in notes
    assert (
        "Wave 2" not in wave_tables.waves_table(table, STUDY).as_raw_html().partition("<tfoot")[0]
    )
    with pytest.raises(RunError, match=r"waves\.csv holds no slope"):
        wave_figures.slopes_over_waves(make_waves(["1"], empty=("1",)), STUDY)


def test_runs_have_figures_and_words_of_their_own() -> None:
    table = make_waves(["1", "2"])
    figure = wave_figures.slopes_over_waves(table, STUDY, make_changes(p_holm=0.5), each="run")
    assert figure.name == "slopes_over_runs"
    assert figure.title == "No change of a slope between runs can be told"
    assert "regression.csv" in figure.alt


def verdict_rows(*words: tuple[str, ...], parts: bool = False) -> pd.DataFrame:
    rows = [
        ("own", f"C{k}", "search", "", str(wave + 1), word)
        for k, judged in enumerate(words, 1)
        for wave, word in enumerate(judged)
        if word
    ]
    table = pd.DataFrame(rows, columns=["claim_set", "claim", "outcome", "part", "wave", "verdict"])
    return pd.concat([table, table.assign(part="x")]) if parts else table


def test_verdicts_stand_in_the_column_of_their_wave_those_that_change_first() -> None:
    same, turned = ("supported", "supported"), ("supported", "contradicted")
    table = verdict_rows(same, turned, parts=True)
    figure = wave_figures.verdicts_over_waves(table, ["1", "2", "3"], STUDY)
    [axes] = figure.figure.axes
    labels = [text.get_text() for text in axes.texts if text.get_text().startswith("C")]
    labels = [label for label in labels if label != "Contradicted"]
    assert [label[:2] for label in labels] == ["C2", "C1"]
    marks = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert len(marks) == 5 + 4
    assert figure.title == "1 of 2 claims have different verdicts in different waves"
    with pytest.raises(RunError, match="no verdict"):
        wave_figures.verdicts_over_waves(table[:0], ["1"], STUDY)


def test_many_claims_leave_those_out_that_stay_the_same() -> None:
    table = verdict_rows(*[("supported", "supported")] * 33)
    figure = wave_figures.verdicts_over_waves(table, ["1", "2"], STUDY)
    notes = " ".join(text.get_text() for text in figure.figure.texts)
    assert "3 claims" in notes.replace("\n", " ")


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([("supported", "")], "No claim was judged in several waves"),
        ([("supported", "supported")], "are the same in all waves for the one claim"),
        ([("supported", "negligible")], "differ between waves for the one claim"),
        ([("supported",) * 2, ("negligible",) * 2], "All 2 claims have the same verdict"),
    ],
)
def test_titles_of_verdicts(rows: list[tuple[str, ...]], title: str) -> None:
    assert title in wave_captions.verdicts_finding(verdict_rows(*rows))


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        (make_changes(p_holm=0.05), "No change of a slope between waves can be told"),
        (make_changes(df_satterthwaite=3.9), "No change of a slope between waves can be told"),
        (make_changes(p_holm=np.nan), "Slopes in every wave; changes are not tested"),
        (make_changes(estimate=0.3), "rose by 0.30 from wave 1 to wave 2"),
        (make_changes(kind="trend", versus="per wave"), "fell by 0.30 per wave"),
        (make_changes(term=["forced", "affective"]), "; one other slope changed"),
        (make_changes(term=["forced", "affective", "economic"]), "; 2 other slopes changed"),
    ],
)
def test_titles_of_changes(changes: pd.DataFrame, title: str) -> None:
    assert title in wave_captions.changes_finding(changes, STUDY)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return wave_survey(tmp_path_factory.mktemp("waves"), waves((60, 60)))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"p_holm": 0.2}, "none tells a change from zero"),
        ({}, "1 tells a change from zero"),
        ({"term": ["affective", "forced"]}, "2 tell a change from zero"),
        ({"family": 0, "p_value": np.nan, "note": "why"}, "No change could be tested (why)."),
        ({}, "the one change still leaves out zero"),
        ({"reweighted_high": 0.01}, "the one change does not leave out zero any more"),
        (
            {"term": ["affective", "forced"], "reweighted_high": [0.01, -0.1]},
            "1 of the 2 changes leaves out zero on the same side",
        ),
        ({"p_holm": 1e-9}, "(95% interval −0.40 to −0.20; p < 0.001 by Holm)"),
    ],
)
def test_sentences_of_changes(columns: dict[str, Any], words: str, survey: Survey) -> None:
    assert words in str(wave_readings.changes_reading(make_changes(**columns), survey))


def test_a_change_without_other_weights_says_nothing_of_composition(survey: Survey) -> None:
    said = str(wave_readings.changes_reading(make_changes(reweighted=np.nan), survey))
    assert "composition" not in said


def test_a_turn_from_supported_to_contradicted_is_named(survey: Survey) -> None:
    table = verdict_rows(("supported", "contradicted"), ("supported", "inconclusive"))
    said = str(wave_readings.wave_verdicts_reading(table, survey))
    assert "2 of them have different verdicts (C1 and C2)" in said
    assert said.endswith("Supported in one wave and contradicted in another: C1.")


def test_who_may_have_answered_twice_is_said(tmp_path: Path) -> None:
    frame = waves((60, 60))
    alone = wave_survey(tmp_path / "a", frame)
    assert "No respondent answered in two waves." in str(wave_readings.waves_reading(alone))
    again = frame.assign(id=np.tile(np.arange(60), 2))
    panel = wave_survey(tmp_path / "b", again)
    assert "errors are clustered by id" in str(wave_readings.waves_reading(panel)).lower()
    unknown = wave_survey(tmp_path / "c", frame, {"design": {"wave": "wave"}})
    assert "declares no respondent" in str(wave_readings.waves_reading(unknown))
    split = {"design": {"respondent": "id", "wave": "wave", "cluster": "shop"}}
    refused = wave_survey(tmp_path / "d", again.assign(shop=np.arange(120) % 7), split)
    assert "no change is tested" in str(wave_readings.waves_reading(refused))
    assert "no change is tested" in str(wave_readings.changes_reading(None, refused))


def test_what_is_missing_for_waves_is_said(tmp_path: Path) -> None:
    one = wave_survey(tmp_path, waves((90,)))
    assert "the survey has one" in str(wave_readings.needs_waves(one, "Trends"))
    none = read_survey("rice_simulated")
    assert "declares none in [design], wave" in str(wave_readings.needs_waves(none, "Trends"))


def composed(largest: float = 0.5, p: float = 0.01, level: str = "") -> pd.DataFrame:
    kind = "share" if level else "mean"
    rows = {"column": "age", "level": level, "kind": kind, "wave": ["1", "2"], "value": [0.4, 0.6]}
    known = {"n": 200, "everyone": 0.5, "away": [-largest / 2, largest / 2], "largest": largest}
    return pd.DataFrame({**rows, **known, "high": "2", "low": "1", "p_holm": p, "note": ""})


def test_who_answered_is_drawn_and_printed(survey: Survey) -> None:
    figure = wave_figures.composition_of_waves(composed(level="<b>old"), STUDY)
    assert "age <b>old by 0.50 SDs" in figure.title
    html = wave_tables.composition_table(composed(level="<b>old"), STUDY).as_raw_html()
    assert "&lt;b&gt;old" in html and "<b>old" not in html and "60%" in html
    for table in (composed(0.19), composed(p=0.06), composed(largest=np.nan)):
        assert wave_captions.composition_finding(table, STUDY).startswith("Who answered hardly")
    with pytest.raises(RunError, match="nothing to draw"):
        wave_figures.composition_of_waves(composed(np.nan), STUDY)
    unshown = composed(level="old").assign(away=np.nan, value=np.nan, everyone=np.nan)
    assert "age old by 0.50 SDs" in wave_figures.composition_of_waves(unshown, STUDY).title
    said = str(wave_readings.composition_reading(composed(), survey))
    assert "1 share or mean was compared" in said


@pytest.mark.parametrize(
    ("versus", "said"),
    [
        ("2 - 1", "from wave 1 to wave 2"),
        ("2024 - spring - 2023 - autumn", "from 2023 - autumn to 2024 - spring"),
    ],
)
def test_names_of_waves_with_a_dash_stay_whole(versus: str, said: str) -> None:
    [row] = make_changes(versus=versus).head(1).itertuples()
    assert said in wave_captions.change_words(row, STUDY)
    assert wave_readings._between(row) == said.removeprefix("from ")


def test_a_table_of_changes_shows_what_is_told_else_the_smallest_p() -> None:
    both = pd.concat([make_changes(), make_changes(term=["affective"], p_holm=0.6, p_value=0.2)])
    html = wave_tables.wave_changes_table(both, STUDY).as_raw_html()
    assert "Forced commitment" in html and "Affective commitment" not in html
    assert "Holm over all 8 tests" in html and "2 − 1" in html
    html = wave_tables.wave_changes_table(both.assign(p_holm=0.6), STUDY).as_raw_html()
    assert "Affective commitment" in html and "None is told from zero" in html
    alone = wave_tables.wave_changes_table(both.assign(reweighted=np.nan), STUDY).as_raw_html()
    assert "With one composition" in html and "With one composition" not in alone
