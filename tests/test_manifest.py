"""What a run says about itself."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import pytest

from loyalty_analysis.manifest import (
    command_line,
    differing,
    file_hashes,
    first_manifest,
    portable,
    read_manifest,
    sha256,
    versions,
    without_paths,
    write_json,
)
from loyalty_analysis.survey import read_survey


def test_a_manifest_names_study_data_versions_and_the_command_to_repeat_it() -> None:
    survey = read_survey("bank_customers", settings=["title='Other bank'"])
    asked = {"study": "bank_customers", "settings": ["title='Other bank'"], "data": "", "where": ""}
    found = first_manifest("r1", "judge", survey, asked, "reports")
    assert found["study"] == {"name": "bank_customers", "title": "Other bank", "origin": "real"}
    assert (
        found["data"]["sha256"] == hashlib.sha256(survey.study.data_path.read_bytes()).hexdigest()
    )
    assert found["respondents"] == {"read": 250, "analysed": 250}
    assert {"loyalty_analysis", "python", "numpy", "pandas", "scipy"} <= set(versions())
    assert found["command"] == "loyalty judge bank_customers --set 'title='\"'\"'Other bank'\"'\"''"
    assert found["seed"] == 1


def test_nothing_in_a_manifest_names_the_machine(tmp_path: Path) -> None:
    survey = read_survey("bank_customers")
    asked = {
        "study": str(tmp_path / "bank" / "study.toml"),
        "settings": [],
        "data": "",
        "where": "",
    }
    write_json(tmp_path / "m.json", first_manifest("r1", "report", survey, asked, tmp_path / "out"))
    text = (tmp_path / "m.json").read_text(encoding="utf-8")
    for private in (tmp_path, Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        assert f"{private}/" not in text
    assert "…/bank/study.toml" in text


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("data/bank/study.toml", "data/bank/study.toml"),
        (Path("bank"), "bank"),
        (Path.cwd() / "bank" / "study.toml", "bank/study.toml"),
        ("/home/ann/bank/study.toml", "…/bank/study.toml"),
        (["a=1", "/home/ann/x/y.csv"], ["a=1", "…/x/y.csv"]),
        (None, None),
    ],
)
def test_portable_keeps_words_and_relative_paths(given: object, wanted: object) -> None:
    assert portable(given) == wanted


def test_without_paths_shortens_the_longest_known_place_and_keeps_lookalikes() -> None:
    home, here = Path.home(), Path.cwd()
    assert without_paths(f"File {here}/x.py, line 1") == "File ./x.py, line 1"
    assert without_paths(f"{here}-other/x.py").endswith("-other/x.py")
    assert "~/.cache/x" in without_paths(f"in '{home}/.cache/x'")
    assert without_paths("/srv/a/study.toml!", ["/srv/a/study.toml"]) == "…/a/study.toml!"


def test_command_line_leaves_out_what_is_default_and_quotes_the_rest() -> None:
    asked = {"study": "my bank", "settings": ["a.b=[]"], "data": "w2.csv", "where": "age > 30"}
    assert command_line("report", asked, "/srv/out") == (
        "loyalty report 'my bank' --set 'a.b=[]' --data w2.csv --where 'age > 30' --out /srv/out"
    )
    assert command_line("judge", {"study": "bank"}) == "loyalty judge bank"


def test_hashes_are_of_every_file_and_none_where_there_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.csv").write_text("x\n")
    (tmp_path / "manifest.json").write_text("{}")
    found = file_hashes(tmp_path, skip=["manifest.json"])
    assert found == {"results/a.csv": hashlib.sha256(b"x\n").hexdigest()}
    assert sha256(tmp_path / "nothing") is None


def test_a_missing_or_damaged_manifest_reads_as_empty(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}
    (tmp_path / "manifest.json").write_text('{"state": "o')
    assert read_manifest(tmp_path) == {}


def test_differing_names_what_two_runs_were_made_from() -> None:
    one = {
        "data": {"sha256": "a"},
        "study_file": {"sha256": "s"},
        "claims": [{"file": "mine.toml", "sha256": "c"}],
        "parameters": {"settings": [], "where": ""},
        "versions": {"loyalty_analysis": "1"},
    }
    other = json.loads(json.dumps(one))
    assert differing(one, other) == []
    other["parameters"] = {"settings": ["model.controls=[]"], "where": "age > 30"}
    assert differing(one, other) == ["the settings", "the filter"]
    other = {**one, "claims": [{"file": "mine.toml", "sha256": "d"}]}
    assert differing(one, other) == ["the claims"]
