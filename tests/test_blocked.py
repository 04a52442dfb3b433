"""Runs that must not go on: kept where a report stands, with a page; nothing where none does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from factory import answers
from small_reports import one_notebook, small, write_notebook

from loyalty_analysis.blocked import blocked_by_gates, keep_blocked
from loyalty_analysis.cli import main
from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.published import BlockedError, last_good, runs
from loyalty_analysis.report import render
from loyalty_analysis.served import failed_runs
from loyalty_analysis.study import load_study


@pytest.fixture(scope="module")
def stands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of which a report stands."""
    folder = tmp_path_factory.mktemp("stands")
    with one_notebook(write_notebook(folder / "notebooks", "study")):
        render(small(folder / "study"), folder / "out")
    return folder


@pytest.fixture
def mine(stands: Path, tmp_path: Path) -> Path:
    """A copy of it, for a test to change."""
    return Path(shutil.copytree(stands, tmp_path / "mine", symlinks=True))


def change(folder: Path, how: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = folder / "study" / "survey.csv"
    how(pd.read_csv(path)).to_csv(path, index=False)


def asked(folder: Path, *more: str) -> int:
    """The exit code of ``loyalty report`` for the study in a folder."""
    words = ["report", str(folder / "study" / "study.toml"), "--out", str(folder / "out")]
    with one_notebook(folder / "notebooks"), pytest.raises(SystemExit) as stop:
        main([*words, "--quiet", *more])
    return int(stop.value.code or 0)


def page_of(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


BAD: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "an answer off the scale": (
        lambda frame: frame.assign(aff1=frame["aff1"].where(frame.index != 3, 55)),
        "aff1",
    ),
    "a column that is gone": (lambda frame: frame.drop(columns="rep2"), "rep2"),
    "no respondent left": (lambda frame: frame.head(0), "survey.csv"),
    "texts in place of numbers": (lambda frame: frame.assign(aff2="<b>often</b>"), "aff2"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_data_is_recorded_where_a_report_stands(
    mine: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home, (spoil, named) = mine / "out" / "study", BAD[what]
    good = last_good(home)
    assert good is not None
    change(mine, spoil)
    assert asked(mine) in (1, 2)
    said = capsys.readouterr().err
    assert named in said and "Traceback" not in said
    [kept] = failed_runs(home)
    manifest = read_manifest(kept)
    assert manifest["state"] == "blocked" and named in manifest["error"]["message"]
    assert set(manifest["files"]) == {"index.html"} and manifest["command"].startswith("loyalty ")
    page = page_of(kept / "index.html")
    assert "this run was blocked" in page.get_text() and named in page.get_text()
    assert "<b>often" not in (kept / "index.html").read_text(encoding="utf-8")
    link = page.find("a", href=f"../{good.name}/index.html")
    assert link is not None and (kept / str(link["href"])).is_file()
    assert last_good(home) == good and runs(home) == [good]
    [late] = page_of(home / "index.html").select(".banner.late")
    assert "old when a later run" in late.get_text() and "was blocked:" in late.get_text()
    assert late.a is not None and (home / str(late.a["href"])).is_file()
    front = page_of(mine / "out" / "index.html").get_text(" ")
    assert "A later run" in front and named in front
    assert not [path.name for path in home.iterdir() if path.name.startswith(".2")]


def test_a_bad_study_and_a_bad_claim_are_recorded_too(mine: Path) -> None:
    home = mine / "out" / "study"
    (mine / "study" / "own.toml").write_text("claim = 3")
    assert asked(mine) == 2
    (mine / "study" / "study.toml").write_text("title = ")
    assert asked(mine) == 2
    said = [read_manifest(run)["error"]["message"] for run in failed_runs(home)]
    assert len(said) == 2 and any("own.toml" in one for one in said)
    assert any("study.toml" in one for one in said)


def test_where_no_report_stands_nothing_is_written(tmp_path: Path) -> None:
    study = small(tmp_path / "study", answers().assign(aff1=55))
    write_notebook(tmp_path / "notebooks")
    assert asked(tmp_path) == 2
    assert not (tmp_path / "out").exists()
    (tmp_path / "out" / "study").mkdir(parents=True)
    with pytest.raises(DataError), one_notebook(tmp_path / "notebooks"):
        render(study, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.html"))


def test_the_command_of_a_run_that_could_not_read_repeats_what_was_asked(mine: Path) -> None:
    (mine / "study" / "survey.csv").unlink()
    assert asked(mine, "--where", "age > 30", "--set", "gates.htmt=0.8") == 2
    [kept] = failed_runs(mine / "out" / "study")
    manifest = read_manifest(kept)
    assert manifest["parameters"]["where"] == "age > 30"
    assert "--set gates.htmt=0.8" in manifest["command"]
    assert "--where 'age > 30'" in manifest["command"]


def test_the_command_of_a_run_with_bad_answers_repeats_what_was_asked(mine: Path) -> None:
    change(mine, lambda frame: frame.assign(aff1=frame["aff1"].where(frame.index != 3, 55)))
    assert asked(mine, "--where", "age > 10") == 2
    [kept] = failed_runs(mine / "out" / "study")
    assert "--where 'age > 10'" in read_manifest(kept)["command"]


def test_the_banner_goes_when_the_data_are_as_they_were(mine: Path) -> None:
    path = mine / "study" / "survey.csv"
    whole = path.read_text(encoding="utf-8")
    path.write_text("", encoding="utf-8")
    assert asked(mine) == 2
    path.write_text(whole, encoding="utf-8")
    assert asked(mine) == 0
    assert page_of(mine / "out" / "study" / "index.html").select(".banner.late") == []


def renumbered(frame: pd.DataFrame) -> pd.DataFrame:
    """The same answers in two codes of what were seven."""
    return frame.assign(rep1=(frame["rep1"] > 4) + 1)


def test_codes_that_changed_block_unless_accepted(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = mine / "out" / "study"
    good = last_good(home)
    change(mine, renumbered)
    assert asked(mine) in (1, 2)
    said = capsys.readouterr().err
    assert "--accept-changes" in said and said.count("column 'rep1'") == 1
    [kept] = failed_runs(home)
    assert read_manifest(kept)["state"] == "blocked" and last_good(home) == good
    assert asked(mine, "--accept-changes") == 0
    new = last_good(home)
    assert new is not None and new != good
    assert any("rep1" in one for one in read_manifest(new)["data_changes"])
    assert "rep1" in page_of(new / "index.html").get_text()
    assert page_of(home / "index.html").select(".banner.late") == []
    change(mine, lambda frame: frame.assign(age=frame["age"] + 1))
    assert asked(mine, "--force") == 0  # what was accepted is the new yardstick


GATES = pd.DataFrame(
    {
        "gate": ["htmt", "alpha", "reliability"],
        "about": ["a and b", "a", "b"],
        "passes": [False, True, False],
        "warns": [False, False, True],
    }
)


def test_gates_block_only_where_the_study_asks_for_it(tmp_path: Path) -> None:
    quiet = load_study(small(tmp_path / "quiet"))
    strict = load_study(small(tmp_path / "strict", reports={"block_on_gates": True}))
    blocked_by_gates(quiet, {"gates": GATES})
    blocked_by_gates(strict, {"gates": GATES[1:]})
    with pytest.raises(BlockedError, match="htmt of a and b") as blocked:
        blocked_by_gates(strict, {"gates": GATES})
    assert "reliability" not in str(blocked.value) and "gates.warn" in str(blocked.value)


def test_a_failed_gate_publishes_nothing(mine: Path) -> None:
    home = mine / "out" / "study"
    good = last_good(home)
    settings = ["--set", "reports.block_on_gates=true", "--set", "gates.htmt=0.01"]
    code = asked(mine, *settings)
    assert code == 1 and last_good(home) == good
    [kept] = failed_runs(home)
    manifest = read_manifest(kept)
    assert manifest["state"] == "blocked" and "block_on_gates" in manifest["error"]["message"]
    [late] = page_of(home / "index.html").select(".banner.late")
    assert "was blocked:" in late.get_text()


def test_what_an_error_says_is_text_on_its_page(tmp_path: Path) -> None:
    hostile = "</p><script>alert(1)</script>"
    parameters: dict[str, Any] = {"study": hostile, "settings": [], "data": "", "where": hostile}
    kept = keep_blocked(tmp_path, StudyError(f"first\n{hostile}"), parameters)
    html = (kept / "index.html").read_text(encoding="utf-8")
    assert "<script" not in html and page_of(kept / "index.html").get_text().count("alert(1)") > 1
    assert "Nothing was analysed." in html and "last good run" not in html
