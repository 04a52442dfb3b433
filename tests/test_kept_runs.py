"""Kept runs: slopes over time from disk, and tests only where runs share nobody."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from wave_study import keep, wave_survey, waves

from loyalty_analysis.errors import RunError
from loyalty_analysis.kept_runs import kept_runs, may_share
from loyalty_analysis.study import load_study
from loyalty_analysis.wave_readings import runs_reading

STUDY = load_study("rice_simulated")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of waves 1, 2, 10; wave 2 twice; one of all waves in one file."""
    out = tmp_path_factory.mktemp("kept")
    every = waves((90, 100, 110)).assign(wave=lambda d: d["wave"].map({1: 10, 2: 2, 3: 1}))
    found = out
    for number, wave in enumerate((2, 1, 2, 10), 1):
        part = every[every["wave"] == wave]
        found = keep(out, wave_survey(out / "tiny", part), number)
    return found


def copied(home: Path, folder: Path) -> Path:
    new = folder / "tiny"
    for file in home.rglob("*.*"):
        if file.is_file():
            target = new / file.relative_to(home)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return new


def change(run: Path, **facts: object) -> None:
    file = run / "manifest.json"
    known = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**known, **facts}), encoding="utf-8")


def test_runs_of_distinct_data_stand_in_the_order_of_their_waves(home: Path) -> None:
    found = kept_runs(home)
    assert found.runs["wave"].tolist() == ["1", "2", "10"]
    assert found.runs["n"].tolist() == [110, 100, 90]
    assert found.runs["run"].str[:8].tolist() == ["20260102", "20260103", "20260104"]
    assert found.notes == ("1 repeated on the same data by a later run left out.",)
    assert set(found.verdicts["wave"]) == {"1", "2", "10"}


def test_slopes_and_changes_follow_from_the_files(home: Path) -> None:
    found = kept_runs(home)
    one, two = (
        pd.read_csv(home / run / "results" / "regression.csv").set_index(["model", "term"])
        for run in found.runs["run"].iloc[:2]
    )
    rows = found.changes[found.changes["versus"] == "2 - 1"].set_index(["model", "term"])
    assert set(rows.index.get_level_values("term")) == {
        "affective", "normative", "forced", "usability",
    }  # fmt: skip
    for key, row in rows.iterrows():
        a, b = one.loc[key], two.loc[key]
        assert row["estimate"] == pytest.approx(b["beta"] - a["beta"])
        error = np.hypot(a["beta_std_error"], b["beta_std_error"])
        assert row["std_error"] == pytest.approx(error)
        assert row["conf_low"] < row["estimate"] < row["conf_high"]
        least, most = sorted([a["beta_df"], b["beta_df"]])
        assert least < row["df"] <= least + most
        assert row["n"] == 210
    assert set(found.changes["kind"]) == {"step", "overall", "trend"}
    assert found.changes["family"].iloc[0] == len(found.changes)


def test_runs_that_may_share_respondents_are_not_tested(home: Path, tmp_path: Path) -> None:
    new = copied(home, tmp_path)
    first, last = new / "20260102T000000Z-aaa2", new / "20260104T000000Z-aaa4"
    counts = last / "results" / "wave_counts.csv"
    counts.write_text("wave,n,note\n1,110,\n10,90,\n", encoding="utf-8")
    found = kept_runs(new)
    untested = found.changes[found.changes["p_value"].isna()]
    assert {"both hold wave 1"} == set(untested["note"])
    tested = found.changes[found.changes["p_value"].notna()]
    assert set(tested["versus"]) == {"2 - 1", "2 - 1 and 10", "per wave"}
    (first / "results" / "wave_counts.csv").unlink()
    later = kept_runs(new)
    notes = later.changes.set_index("versus")["note"]
    assert "which waves they hold is not known" in set(notes)
    said = str(runs_reading(later, STUDY))
    assert "No test, since which waves they hold is not known: " in said


def test_other_settings_and_another_study_file_are_said(home: Path, tmp_path: Path) -> None:
    new = copied(home, tmp_path)
    settings = {"study": "tiny", "settings": ["model.controls=[]"], "where": ""}
    change(new / "20260102T000000Z-aaa2", parameters=settings)
    change(new / "20260103T000000Z-aaa3", study_file={"file": "study.toml", "sha256": "other"})
    found = kept_runs(new)
    assert found.runs["wave"].tolist() == ["2", "10"]
    assert "1 with other settings than the newest run left out." in found.notes
    assert any("study file changed" in note for note in found.notes)


def test_one_run_is_read_and_nothing_compared(home: Path, tmp_path: Path) -> None:
    new = copied(home, tmp_path)
    for run in sorted(new.glob("2026*"))[:-1]:
        change(run, state="failed")
    found = kept_runs(new)
    assert len(found.runs) == 1
    assert found.changes.empty
    assert "With one run there is nothing to compare." in str(runs_reading(found, STUDY))


def test_a_folder_without_runs_says_what_is_wanted(home: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no complete run in this folder.* Allowed: tiny"):
        kept_runs(home.parent)
    with pytest.raises(RunError, match="no such folder"):
        kept_runs(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (("x", ("1",)), ("y", ("2",)), ""),
        (("x", ("1",)), ("x", ("2",)), "both read the same data"),
        (("", ("1",)), ("y", ("2",)), "the data of one have no hash"),
        (("x", None), ("y", ("2",)), "which waves they hold is not known"),
        (("x", ("1", "2")), ("y", ("2", "3")), "both hold wave 2"),
    ],
)
def test_what_says_that_runs_may_share_respondents(a: tuple, b: tuple, why: str) -> None:
    one, other = (SimpleNamespace(data=data, waves=found) for data, found in (a, b))
    assert may_share(one, other) == may_share(other, one) == why
