"""Exploring: choices and what they show, the marks they carry, hold-outs, the still view."""

import json
import re
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from factory import REMOVE, answers, make

from loyalty_analysis.cli import main
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.drivers import drivers
from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.explore import Choice, Explored, chosen
from loyalty_analysis.explore_panel import explorer, front_end
from loyalty_analysis.explored_study import explore_notebook, lab_command, save_study
from loyalty_analysis.holdout import held_out, notices
from loyalty_analysis.moments import Moments, standardized_slopes
from loyalty_analysis.notebooks import Batch, raise_failed
from loyalty_analysis.regression import regression
from loyalty_analysis.report import render
from loyalty_analysis.report_notebooks import notebooks_folder
from loyalty_analysis.runs import judge_run
from loyalty_analysis.shares import Players, shares
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import read_survey

DESIGN = {
    "model.controls": ["age"],
    "design": {"respondent": "id", "weight": "w", "groups": ["sector"]},
    "contrasts": {"sector": {"a": "goods", "b": "services"}},
}
CLAIMS = (
    {"estimand": "path"},
    {"estimand": "total", "outcome": "repurchase", "term": "forced"},
    {"estimand": "largest", "outcome": "repurchase", "versus": ["normative", "forced"]},
    {"estimand": "largest_share", "outcome": "loyalty", "term": "satisfaction"},
    {"estimand": "slope_difference", "outcome": "loyalty", "versus": ["goods", "services"]},
    {"estimand": "total", "outcome": "search", "term": "forced"},
)
CHOICES = {
    "as declared": Choice("repurchase", ("affective", "normative", "forced"), "", "", "w"),
    "two drivers": Choice("search", ("forced", "usability")),
    "a group": Choice("advocacy", ("affective", "forced"), "sector", "", "w"),
    "a filter": Choice("repurchase", ("affective", "forced"), "", "age > 30 and gender != 'other'"),
    "the mediator": Choice("satisfaction", ("affective", "normative"), "sector", "", "w"),
    "beside the mediator": Choice("repurchase", ("affective", "satisfaction")),
}
each_choice = pytest.mark.parametrize("choice", CHOICES.values(), ids=list(CHOICES))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 400 respondents, some of whom left a question out."""
    frame = answers(400)
    frame.loc[::29, "usability"] = -99
    frame.loc[3::31, "sea1"] = -99
    return make(tmp_path_factory.mktemp("shop"), DESIGN, frame, CLAIMS)


@pytest.fixture(scope="module")
def explored(study: Path) -> Explored:
    return Explored(read_survey(study))


@each_choice
def test_what_is_shown_is_what_a_kept_choice_gives(
    choice: Choice, explored: Explored, tmp_path: Path
) -> None:
    shown = explored.show(choice)
    path = save_study(chosen(explored.rows(choice.where).study, choice), tmp_path)
    kept = read_survey(path)
    assert kept.study.is_exploratory and kept.n == shown.survey.n
    table = regression(kept).query("model == @shown.equation.model").reset_index(drop=True)
    pd.testing.assert_frame_equal(shown.slopes, table, rtol=1e-10, atol=1e-10)
    if choice.outcome != kept.study.model.mediator:
        pd.testing.assert_frame_equal(shown.shares, drivers(kept), rtol=1e-10, atol=1e-10)
    if choice.group:
        differences = contrasts(kept).query("estimand == 'slope_difference'").set_index("model")
        own = differences.loc[[shown.equation.model]].set_index("term")["estimate"]
        a, b = (shown.groups.query("group == @side") for side in ("goods", "services"))
        gap = a.set_index("term")["estimate"] - b.set_index("term")["estimate"]
        np.testing.assert_allclose(gap, own[gap.index], atol=1e-10)


@each_choice
def test_slopes_and_shares_follow_from_moments_of_the_file(
    choice: Choice, explored: Explored, study: Path
) -> None:
    shown = explored.show(choice)
    survey, frame = shown.survey, shown.survey.frame
    assert frame is not None
    terms = shown.equation.terms
    weights = frame["w"].to_numpy() if choice.weight else None
    known = Moments.from_frame(frame[[*terms, choice.outcome]], weights)
    beta = standardized_slopes(known, choice.outcome, terms, survey.scaled)
    np.testing.assert_allclose(shown.slopes["beta"][1:], beta, atol=1e-10)
    players = list(shown.shares["term"])
    every = Moments.from_frame(frame[[*players, "age", choice.outcome]], weights)
    own = shares(every, choice.outcome, Players(tuple((name,) for name in players)), ["age"])
    np.testing.assert_allclose(shown.shares["share"], own, atol=1e-10)
    raw = pd.read_csv(study.parent / "survey.csv")
    assert survey.n_read == len(raw)


@each_choice
def test_verdicts_rest_on_the_estimates_that_judge_finds(
    choice: Choice, explored: Explored, tmp_path: Path
) -> None:
    shown = explored.show(choice).verdicts
    path = save_study(chosen(explored.rows(choice.where).study, choice), tmp_path)
    judged = judge_run(path, tmp_path / "runs").verdicts
    keys = ["claim", "part", "outcome"]
    both = shown.merge(judged, on=keys, suffixes=("", "_judged"))
    assert len(both) == len(shown) and set(shown["outcome"]) <= {choice.outcome}
    told = both[both["verdict_judged"] != "not testable"]
    np.testing.assert_allclose(told["estimate"], told["estimate_judged"], atol=1e-10)
    np.testing.assert_allclose(told["conf_low"], told["conf_low_judged"], atol=1e-10)


def test_a_claim_that_compares_constructs_is_ruled_on_scores_alone(explored: Explored) -> None:
    shown = explored.show(CHOICES["as declared"]).verdicts.set_index("claim")
    assert "measurement" not in " ".join(shown["reason"])
    assert {"C2", "C3", "C4"} == set(shown.index)


def test_the_time_of_an_update(capsys: pytest.CaptureFixture[str]) -> None:
    shop = explorer(read_survey("rice_simulated"))
    first, found = shop.choice, {}
    choices = {
        "drivers": replace(first, drivers=first.drivers[:4]),
        "outcome": replace(first, outcome="advocacy"),
        "mediator": replace(first, outcome="satisfaction"),
        "group": replace(first, group="sector"),
        "weights": replace(first, weight=""),
        "filter": replace(first, where="age > 40"),
    }
    for name, choice in choices.items():
        begun = process_time()
        shop.update(choice)
        found[name] = f"{shop.seconds:.2f} ({process_time() - begun:.2f} of a processor)"
    with capsys.disabled():
        print("\nSeconds an update takes, 9,000 respondents:", found)
    assert shop.explored.survey.n_read == 9000


def test_what_cannot_be_shown_leaves_the_view_as_it_was(explored: Explored) -> None:
    shop = explorer(explored.survey)
    panel, before = shop.panel, shop.still
    where, said = panel.children[3], panel.children[6]
    where.value = "agee > 30"
    assert "Did you mean" in said.value and shop.still == before
    where.value = "age > 30"
    assert shop.choice.where == "age > 30" and shop.still != before
    panel.children[0].value = "search"
    assert shop.shown.equation.model == "search.total" and panel.children[7].value == shop.still
    panel.children[1].value = ()
    assert "at least one driver" in said.value


def test_buttons_save_new_files_and_write_over_nothing(explored: Explored, tmp_path: Path) -> None:
    shop = explorer(explored.survey, tmp_path)
    keep, draw = shop.panel.children[5].children
    for button in (keep, keep, draw, draw):
        button.click()
    assert "Saved, as exploratory" in shop.panel.children[6].value
    names = {path.name for path in tmp_path.iterdir()}
    stem = explored.survey.study.name
    assert {f"{stem}_explored_1", f"{stem}_explored_2", f"{stem}_forest_1.svg"} < names
    assert len(names) == 4
    kept = load_study(tmp_path / f"{stem}_explored_2")
    assert kept.exploratory and kept.claims == ("own.toml",)
    assert "# Chosen after seeing the data" in (kept.path).read_text()


def test_everything_that_is_shown_says_that_it_is_exploratory(explored: Explored) -> None:
    shop = explorer(explored.survey)
    page = BeautifulSoup(shop.still, "html.parser")
    assert page.get_text().startswith("Exploratory: chosen after seeing these data.")
    assert "exploratory" in page.select("table.explore-verdicts th")[-1].get_text()
    assert page.img is not None and str(page.img["alt"]).startswith("Exploratory")
    assert not front_end()


def test_exploratory_marks_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make(tmp_path / "shop", {"exploratory": True})
    with pytest.raises(SystemExit):
        main(["judge", str(path), "--out", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("Exploratory: ") for line in lines)
    assert max(len(line) for line in lines[:-1]) <= 100
    manifest = json.loads((Path(lines[-1]) / "manifest.json").read_text())
    assert manifest["exploratory"] is True and manifest["holdout"] is None
    assert "Exploratory" in (tmp_path / "index.html").read_text()


@pytest.mark.slow
def test_the_page_of_an_exploratory_study_says_so_across(tmp_path: Path) -> None:
    run = render("mobile_customers", tmp_path, ["exploratory=true"])
    page = BeautifulSoup((run.folder / "index.html").read_text("utf-8"), "html.parser")
    banners = [one.get_text() for one in page.select("body > .banner")]
    assert banners == notices(run.survey.study)
    assert banners[0].startswith("Exploratory")


def test_a_hold_out_is_the_same_whatever_the_order_of_rows(tmp_path: Path) -> None:
    path = make(tmp_path, {"design": {"respondent": "id"}}, frame := answers(200))
    study = load_study(path, ["holdout=0.3"])
    kept = frame["id"][held_out(frame, study)]
    assert len(kept) == 60
    mixed = frame.sample(frac=1, random_state=4)
    assert set(mixed["id"][held_out(mixed, study)]) == set(kept)
    larger = held_out(frame, load_study(path, ["holdout=0.5"]))
    assert set(kept) < set(frame["id"][larger])


@pytest.mark.parametrize("design", [{"respondent": "id"}, {"cluster": "industry"}, {}])
def test_both_parts_are_disjoint_and_make_up_the_file(
    design: dict[str, str], tmp_path: Path
) -> None:
    path = make(tmp_path, {"design": {**design, "groups": ["industry"]}}, answers(300))
    others = read_survey(path, ["holdout=0.3"])
    held = read_survey(path, ["holdout=0.3", "exploratory=true"])
    assert others.n + held.n == 300
    for survey, other in ((others, held), (held, others)):
        rules = survey.attrition.set_index("rule")["removed"]
        assert rules.iloc[1] == other.n
        assert survey.attrition["left"].iloc[1] == survey.n
    assert others.frame is not None and held.frame is not None
    column = design.get("cluster") or design.get("respondent")
    if column:
        assert not set(others.frame[column]) & set(held.frame[column])
    if not design.get("cluster"):
        assert held.n == 90


def test_what_was_found_is_judged_on_the_hold_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path / "shop", DESIGN, answers(400), CLAIMS)
    shop = explorer(read_survey(path, ["holdout=0.3"]), tmp_path)
    assert shop.shown.survey.n == 280
    kept = shop.save_study()
    for asked in ([], ["--holdout", "0.3"]):
        with pytest.raises(SystemExit) as stop:
            main(["judge", str(kept), "--out", str(tmp_path / "runs"), *asked])
        assert not stop.value.code
        lines = capsys.readouterr().out.splitlines()
        assert any(line.startswith("Judged on the 30% held out") for line in lines)
        manifest = json.loads((Path(lines[-1]) / "manifest.json").read_text())
        assert manifest["respondents"] == {"read": 400, "analysed": 120}
        assert manifest["exploratory"] is False
        part = {"share": 0.3, "seed": 2015, "by": "id", "analysed": "held out"}
        assert manifest["holdout"] == part
    with pytest.raises(DataError, match="held out to judge"):
        explorer(read_survey(kept))
    assert explorer(read_survey(kept, ["exploratory=false"])).shown.survey.n == 280


def test_what_was_seen_cannot_be_held_out(tmp_path: Path) -> None:
    path = make(tmp_path, {"exploratory": True})
    with pytest.raises(StudyError, match="cannot be held out any more"):
        load_study(path, ["holdout=0.3"])
    named = make(tmp_path, {"exploratory": True, "holdout": 0.3})
    assert load_study(named, ["holdout=0.2"]).is_held_out
    assert load_study(named, ["holdout=0"]).is_exploratory
    with pytest.raises(StudyError, match="cannot be held out any more"):
        load_study(named, ["holdout=0.4"])


def test_moments_have_no_hold_out_and_are_not_explored() -> None:
    with pytest.raises(StudyError, match="no respondents to hold out"):
        load_study("bank_customers", ["holdout=0.3"])
    with pytest.raises(DataError, match="moments only"):
        explorer(read_survey("bank_customers"))


def test_one_cluster_cannot_be_split(tmp_path: Path) -> None:
    changes = {"design": {"cluster": "industry"}, "paths": REMOVE}
    path = make(tmp_path, changes, answers().assign(industry="one"))
    with pytest.raises(DataError, match="cannot be split"):
        read_survey(path, ["holdout=0.3"])


def test_the_notebook_renders_a_still_view_under_papermill(study: Path, tmp_path: Path) -> None:
    path = notebooks_folder() / "12_explore.ipynb"
    before = path.read_bytes()
    copy = explore_notebook(study, tmp_path / "out", ["holdout=0.3"])
    assert explore_notebook(study, tmp_path / "out", ["holdout=0.3"]) != copy
    assert path.read_bytes() == before
    with Batch([copy], tmp_path / "run", {}) as batch:
        runs = batch.results()
    raise_failed(runs)
    outputs = [o for cell in runs[0].read().cells for o in cell.get("outputs", [])]
    assert not any(o.output_type in ("error", "stream") for o in outputs)
    kinds = {kind for o in outputs for kind in o.get("data", {})}
    assert not any("widget" in kind for kind in kinds)
    pages = [o.data["text/html"] for o in outputs if "text/html" in o.get("data", {})]
    [still] = [one for one in pages if "explore-verdicts" in one]
    assert "explore-slopes" in still and "data:image/svg+xml" in still
    assert re.search(r"280|27\d|26\d", BeautifulSoup(still, "html.parser").get_text())


def test_explore_opens_jupyterlab_on_a_copy(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    class Lab:
        def __init__(self, command: list[str]) -> None:
            asked.append(command)

        def __enter__(self) -> "Lab":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def wait(self) -> int:
            return 0

    monkeypatch.setattr("subprocess.Popen", Lab)
    with pytest.raises(SystemExit) as stop:
        main(["explore", str(study), "--out", str(tmp_path), "--no-browser", "--holdout", "0.2"])
    assert not stop.value.code
    copy = next(tmp_path.glob("explore_*.ipynb"))
    assert asked == [lab_command(copy, browser=False)]
    assert "holdout=0.2" in copy.read_text() and "exploratory=false" in copy.read_text()
