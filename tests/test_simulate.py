"""Simulated surveys: the same bytes for the same seed, readable, and never over somebody's data."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loyalty_analysis.cli import main
from loyalty_analysis.errors import LoyaltyError, RunError, StudyError
from loyalty_analysis.resources import shipped
from loyalty_analysis.respondents import BLOCK, SURVEY, blocks, scores
from loyalty_analysis.simulate import (
    EVERY,
    FILES,
    draw,
    find_world,
    simulate,
    study_text,
    toml,
    worlds,
)
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import read_survey
from loyalty_analysis.truth import POPULATION, population
from loyalty_analysis.worlds import RICE

COMMITTED = shipped("data") / "rice_simulated"
SEED = 2015
SMALL_TRUTH = 2_000


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated survey."""
    out = tmp_path_factory.mktemp("simulated") / "small"
    return simulate(n=600, seed=7, out=out, truth_draw=SMALL_TRUTH)


def test_files_are_the_same_for_the_same_arguments(folder: Path, tmp_path: Path) -> None:
    again = simulate("rice", 600, 7, str(tmp_path / "small"), truth_draw=SMALL_TRUTH)
    assert set(contents(folder)) == set(FILES)
    assert contents(again) == contents(folder)
    other = simulate("rice", 600, 8, tmp_path / "other", truth_draw=SMALL_TRUTH)
    assert contents(other)["survey.csv"] != contents(folder)["survey.csv"]
    assert contents(other)["truth.toml"] == contents(folder)["truth.toml"]


def test_committed_survey_is_what_its_first_line_makes() -> None:
    study = (COMMITTED / "study.toml").read_bytes().decode()
    command = f"--world rice -n 9000 --seed {SEED} --out rice_simulated"
    assert study.splitlines()[0] == f"# Made by: loyalty simulate {command}"
    assert study == study_text(RICE, command)
    survey = draw("rice", 9000, SEED).to_csv(index=False, lineterminator="\n")
    assert (COMMITTED / "survey.csv").read_bytes() == survey.encode()


def test_committed_truth_agrees_with_a_smaller_draw() -> None:
    text = (COMMITTED / "truth.toml").read_text(encoding="utf-8")
    truth = tomllib.loads(text)
    values, error = population(RICE, load_study(COMMITTED), 200_000)
    differences = [
        value - truth[kind][model][term] for (kind, model, term), value in values.items()
    ]
    written = [rows for kind in {key[0] for key in values} for rows in truth[kind].values()]
    assert len(differences) == sum(len(rows) for rows in written)
    # The largest standard error serves all of them; the blocks of both draws begin alike.
    assert np.abs(differences).max() < 4 * error
    assert truth["draw"]["monte_carlo_error"] < error / 3


def test_same_respondents_whatever_follows_them() -> None:
    first, second = (drawn for drawn, _ in blocks(RICE, BLOCK + 300, 1, SURVEY))
    assert len(first.age) == BLOCK and len(second.age) == 300
    assert not np.array_equal(first.age[:300], second.age)
    alone, _ = next(blocks(RICE, BLOCK, 1, SURVEY))
    assert all(np.array_equal(first.answers[item], alone.answers[item]) for item in alone.answers)


def test_survey_reads_and_holds_what_the_world_declares(folder: Path) -> None:
    survey = read_survey(folder)
    study, frame = survey.study, survey.frame
    assert frame is not None and survey.items is not None
    assert study.is_simulated and study.model.mediator == "satisfaction"
    assert survey.n_read == 600 and survey.n < 600 and survey.n_clusters == 8
    assert set(frame["country"]) == {country.name for country in RICE.countries}
    assert set(frame["sector"]) == {"goods", "services"}
    assert all(len(construct.items) == 3 for construct in study.constructs.values())
    for construct in study.constructs:
        # A reversed item that was not turned would correlate negatively with the other two.
        answers = survey.items[list(study.items_of(construct))]
        assert answers.corr().to_numpy().min() > 0.4
        assert np.isin(answers, range(1, 8)).all()
        assert study.constructs[construct].reversed == RICE.reversed_items(construct)


def test_respondents_are_shared_out_as_declared() -> None:
    frame = draw("rice", 9000, SEED)
    assert list(frame["id"]) == list(range(1, 9001))
    for column, strata in (("country", RICE.countries), ("industry", RICE.industries)):
        counts = frame[column].value_counts()
        weighted = frame.groupby(column)["w"].sum() / frame["w"].sum()
        for one in strata:
            spread = np.sqrt(one.sample * (1 - one.sample) / 9000)
            assert counts[one.name] / 9000 == pytest.approx(one.sample, abs=4 * spread)
            # Weights restore the market, within what the draw of the sample allows.
            assert weighted[one.name] == pytest.approx(one.market, rel=0.15)
        assert sum(one.market for one in strata) == pytest.approx(1)
        assert sum(one.sample for one in strata) == pytest.approx(1)
    sectors = frame.groupby("industry")["sector"].agg(["nunique", "first"])
    assert (sectors["nunique"] == 1).all()
    assert (sectors["first"].value_counts() == 4).all()


def test_skipped_answers_are_empty_or_coded() -> None:
    items = draw("rice", 9000, SEED)[[item for name in RICE.labels for item in RICE.items(name)]]
    coded, empty = (items == -99).to_numpy(dtype=bool, na_value=False), items.isna().to_numpy()
    shares = (coded | empty).mean(axis=0)
    assert len(shares) == 27 and np.all((shares > 0.006) & (shares < 0.014))
    assert coded.sum() == pytest.approx(empty.sum(), rel=0.1)
    given = items.to_numpy(dtype=float, na_value=np.nan)[~coded & ~empty]
    assert set(given) == set(range(1, 8))


def test_skipping_does_not_depend_on_the_answers() -> None:
    drawn, _ = next(blocks(RICE, 9000, SEED, SURVEY))
    frame, complete = draw("rice", 9000, SEED), scores(RICE, drawn)
    items = frame[list(drawn.answers)].replace(-99, pd.NA)
    skipped = items.isna().any(axis=1).to_numpy()
    for name in RICE.labels:
        gap = complete[name][skipped].mean() - complete[name][~skipped].mean()
        spread = complete[name].std() * np.sqrt(1 / skipped.sum() + 1 / (~skipped).sum())
        assert abs(gap) < 4 * spread
    for item, answers in drawn.answers.items():
        known = items[item].notna().to_numpy()
        assert np.array_equal(items[item][known].to_numpy(dtype=float), answers[known])


def test_survey_of_the_package_uses_every_declaration(folder: Path) -> None:
    study = load_study(folder)
    assert study.design.model_dump() == {
        "respondent": "id",
        "weight": "w",
        "cluster": "industry",
        "groups": ("sector", "country"),
        "wave": None,
        "where": None,
    }
    assert study.model.controls == ("country", "age", "gender")
    assert study.model.outcomes == dict(RICE.outcomes)
    assert study.contrasts["sector"].a == "goods" and study.contrasts["sector"].b == "services"
    assert study.scale.missing == (-99,)
    assert study.claims == ("rice_paper", "rice_press", "rivals")


def test_population_error_needs_two_blocks() -> None:
    values, error = population(RICE, load_study(COMMITTED), BLOCK // 2)
    assert np.isnan(error)
    assert abs(values[POPULATION, "satisfaction", "affective"] - 0.43) < 0.05


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"world": "rise"}, "Did you mean 'rice'"),
        ({"n": 199}, "200 or more"),
        ({"seed": -1}, "negative"),
        ({"truth_draw": 10}, "200 or more"),
    ],
)
def test_impossible_arguments_are_refused(
    arguments: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(LoyaltyError, match=said):
        simulate(**{"n": 200, "out": tmp_path / "new", **arguments})  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_simulated_survey_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "again"
    first = contents(simulate(n=200, seed=1, out=out, truth_draw=SMALL_TRUTH))
    second = contents(simulate(n=200, seed=2, out=out, truth_draw=SMALL_TRUTH))
    assert set(second) == set(FILES) and first["survey.csv"] != second["survey.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


@pytest.mark.parametrize("kept", [("notes.txt",), ("survey.csv",), FILES, (*FILES, "notes.txt")])
def test_other_things_are_never_overwritten(kept: tuple[str, ...], tmp_path: Path) -> None:
    for name in kept:
        (tmp_path / name).write_text("title = 'mine'", encoding="utf-8")
    before = contents(tmp_path)
    with pytest.raises(StudyError, match=kept[-1]):
        simulate(n=200, out=tmp_path)
    assert contents(tmp_path) == before


def test_a_survey_with_something_beside_it_is_kept(tmp_path: Path) -> None:
    out = simulate(n=200, seed=1, out=tmp_path / "kept", truth_draw=SMALL_TRUTH)
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(StudyError, match=r"holds notes\.txt, which"):
        simulate(n=200, seed=1, out=out, truth_draw=SMALL_TRUTH)


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    with pytest.raises(StudyError, match="is a file"):
        simulate(n=200, out=tmp_path / "taken")
    with pytest.raises(RunError, match="cannot be written"):
        simulate(n=200, out=tmp_path / "taken" / "below")


def test_nothing_is_left_of_a_failed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise KeyboardInterrupt

    out = simulate(n=200, seed=1, out=tmp_path / "kept", truth_draw=SMALL_TRUTH)
    before = contents(out)
    monkeypatch.setattr("loyalty_analysis.simulate.truth_text", fail)
    with pytest.raises(KeyboardInterrupt):
        simulate(n=200, seed=2, out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert contents(out) == before


def test_worlds_are_found_by_name() -> None:
    assert worlds() == tuple(EVERY) and "lock_in" in EVERY
    assert find_world("rice") is RICE and find_world(RICE) is RICE
    assert np.linalg.eigvalsh(RICE.driver_correlation)[0] > 0.1


def test_toml_is_read_back() -> None:
    rows = {"a b": 1, "c": -0.00001, "d": ["x", 'quote"'], "e": {"f.g": "ö"}, "h": 0.12345}
    found = tomllib.loads(toml(["# head"], {(): {"top": "t"}, ("one", "two.three"): rows}))
    assert found["top"] == "t"
    table = found["one"]["two.three"]
    assert table == {"a b": 1, "c": 0.0, "d": ["x", 'quote"'], "e": {"f.g": "ö"}, "h": 0.1235}
    assert str(table["c"]) == "0.0"


def test_help_names_every_world(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    said = set(re.split(r"[^a-z_]+", capsys.readouterr().out))
    assert said >= set(EVERY)
