"""Bad input ends with one message that helps, exit code 2, and nothing written or lost."""

import json
from pathlib import Path

import pytest
from hostile import CASES, DOUBTS, Case
from make_readme import README, page

from loyalty_analysis.cli import main

ALL = [pytest.param(case, id=case.name) for cases in CASES.values() for case in cases]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.mark.parametrize("case", ALL)
def test_bad_input_is_refused_with_a_message_that_helps(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = case.command(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert run("judge", *command, "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("Error: ")
    assert "Traceback" not in said.err
    for word in case.words:
        assert word in said.err, said.err
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before == after, "a file was written, changed or lost"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in DOUBTS])
def test_what_looks_wrong_and_may_be_meant_is_warned_of(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", *case.command(tmp_path)) == 0
    said = " ".join(capsys.readouterr().out.split())
    for word in case.words:
        assert word in said, said


def test_a_warning_of_the_survey_reaches_terminal_and_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = next(case for case in DOUBTS if case.name == "a missing code in a control")
    assert run("judge", *case.command(tmp_path), "--out", tmp_path / "out") == 0
    assert "Warning: column 'age' (model.controls) holds -99 in 1 row" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "out/shop/latest/manifest.json").read_text(encoding="utf-8"))
    assert manifest["warnings"][0].startswith("column 'age' (model.controls) holds -99")


def test_the_table_of_messages_is_up_to_date() -> None:
    """Made by ``python tests/make_readme.py``; its interruptions are held by their own test."""
    assert README.read_text(encoding="utf-8").startswith(page()), "run python tests/make_readme.py"
