"""What check finds, in the terminal and on its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from factory import make

from loyalty_analysis.cases import cases_of
from loyalty_analysis.check_page import checked, write_page
from loyalty_analysis.claims import load_claims
from loyalty_analysis.cli import main
from loyalty_analysis.errors import DataError, InputError
from loyalty_analysis.evidence import Findings as Results
from loyalty_analysis.findings import Section, findings, stopped, untestable
from loyalty_analysis.resources import shipped_studies
from loyalty_analysis.survey import read_survey


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def rice():
    survey = read_survey("rice_simulated")
    return survey, {s.title: s for s in findings(survey, load_claims(survey.study))}


def test_what_was_read_and_mapped(rice) -> None:
    survey, sections = rice
    assert sections["What was read"].sentences[0] == "From survey.csv: 9,000 rows."
    mapped = sections["What was mapped"]
    assert mapped.rows[0] == ("Affective commitment", "aff1, aff2, aff3", "aff3", "1 to 7", "-99")
    assert len(mapped.rows) == len(survey.study.constructs)
    assert "Clusters are those of industry." in mapped.sentences


def test_what_is_left_out_is_the_attrition_table(rice) -> None:
    survey, sections = rice
    rows = sections["What is left out"].rows
    assert len(rows) == len(survey.attrition)
    left = [
        row[2] for row, kind in zip(rows, survey.attrition["kind"], strict=True) if kind == "step"
    ]
    assert left[-1] == f"{survey.n:,}"


def test_each_closed_claim_says_why_and_what_would_help(rice) -> None:
    rows = {row[0]: row for row in rice[1]["What cannot be tested"].rows}
    assert set(rows) == {"R8", "R9", "V2", "V3", "V5", "V6"}
    assert rows["R9"][3] == "not measured here: usability"
    assert "[constructs]" in rows["R9"][4]
    assert rows["V5"][4] == "declare [levels]"
    assert "17 of 23 claims can be tested" in rice[1]["What cannot be tested"].sentences[0]


def codes(reason: str) -> set[str]:
    return set(filter(None, reason.split("; "))) - {"no_estimate", "no_structure"}


@pytest.mark.parametrize("name", shipped_studies())
def test_what_cannot_be_tested_is_what_verdicts_say(name: str) -> None:
    """Without results every case is closed for what the study lacks, or for want of an estimate."""
    survey = read_survey(name)
    for one in load_claims(survey.study):
        for claim in one.claims:
            closed = untestable(claim, survey)
            for case in cases_of(claim, survey, Results()):
                assert codes(closed.get(case.outcome, "")) == codes(case.reason), claim.id


def test_every_shipped_study_has_findings_and_nothing_looks_wrong(tmp_path: Path) -> None:
    for name in shipped_studies():
        survey, sections = checked(name, html=tmp_path / f"{name}.html")
        assert sections[-1].rows == ()
        page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert survey.study.title.split("&")[0] in page
        assert ("Simulated respondents" in page) == survey.study.is_simulated
        assert "<script" not in page
        assert "http" not in page.replace("http-equiv", "")


def test_a_refused_survey_has_a_page_with_every_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make(tmp_path / "shop", {"scale.max": 5})
    page = tmp_path / "found.html"
    assert run("check", study, "--html", page) == 2
    assert "outside the scale 1 to 5" in capsys.readouterr().err
    text = page.read_text(encoding="utf-8")
    assert "outside the scale 1 to 5" in text
    assert "Nothing can be analysed before" in text
    assert str(tmp_path) not in text


def test_a_study_that_cannot_be_loaded_has_a_page(tmp_path: Path) -> None:
    study = make(tmp_path / "shop")
    assert run("check", study, "--set", "model.drivers=[]", "--html", tmp_path / "a.html") == 2
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "must not be empty" in text
    assert str(tmp_path) not in text


def test_a_page_needs_the_name_of_one_before_anything_is_read(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    with pytest.raises(InputError, match=r"ends with \.html"):
        checked("rice_simulated", html=study)
    assert not study.exists()
    assert run("check", "rice_simulated", "bank_customers", "--html", "x.html") == 2


def test_what_files_hold_is_escaped_on_the_page(tmp_path: Path) -> None:
    hostile = Section("What looks wrong", ("<script>",), ("a", "b"), (("<b>", "&"),))
    text = write_page(tmp_path / "p.html", "<i>", "f", ["<u>"], [hostile]).read_text()
    for mark in ("<script>", "<b>", "<i>", "<u>"):
        assert mark not in text


def test_problems_are_rows_without_their_numbers() -> None:
    error = DataError("x/a.csv: 2 problems.", "  1. first: wrong.", "  2. second.")
    section = stopped(error, folder="x")[0]
    assert section.sentences == ("a.csv",)
    assert section.rows == (("first: wrong.",), ("second.",))


def test_the_terminal_keeps_within_100_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", "bank_customers") == 0
    said = capsys.readouterr().out.splitlines()
    assert max(map(len, said)) <= 100
    assert said[-1] == "No problem found."
    assert "What cannot be tested" in said
