"""The whole way from a study to a page, with tiny notebooks in place of the shipped ones."""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup, Tag
from factory import make
from nbformat import v4

from loyalty_analysis import making, report
from loyalty_analysis.analysis import analyse
from loyalty_analysis.errors import DataError, RunError
from loyalty_analysis.formatting import BANNER
from loyalty_analysis.notebooks import NotebookError
from loyalty_analysis.pages import CONTENT_POLICY
from loyalty_analysis.published import last_good
from loyalty_analysis.report import render
from loyalty_analysis.report_page import assumptions, skipped
from loyalty_analysis.runs import Run
from loyalty_analysis.survey import read_survey

HOSTILE = "<img src=x onerror=alert(1)>"
PARAMETERS = 'study: str = ""\nsettings: list = []\ndata: str = ""\nwhere: str = ""'
FIGURE = """\
import base64
png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
about = {"alt": "Affective goes with higher satisfaction", "name": "forest"}
data = {"image/png": png, "image/svg+xml": "<svg></svg>"}
get_ipython().display_pub.publish(data, {kind: about for kind in data})
"""
TABLE = """\
class Table:
    def _repr_html_(self):
        return "<table id='model-satisfaction'><thead><tr><th>b</th></tr></thead></table>"
Table()
"""
HIDDEN = "'hidden'"
CELLS = {
    "report": ["settings"],
    "01_data_and_measurement": ["study"],
    "02_descriptives": [FIGURE],
    "03_regressions": [TABLE],
    "04_mediation": ["study"],
    "05_drivers": ["study"],
    "06_groups": ["study"],
}


CLAIMS: list[dict[str, Any]] = [
    {"rival": ["C2"], "text": f"Affective commitment raises {HOSTILE}."},
    {"estimand": "total", "outcome": "loyalty", "term": "forced", "sign": "-", "note": HOSTILE},
    {"term": "habitual"},
    {"parts": [{"id": "a", "term": "affective"}, {"id": "f", "term": "forced"}]},
]


def write_notebooks(folder: Path, **cells: list[str]) -> Path:
    folder.mkdir()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for name, sources in {**CELLS, **cells}.items():
        content = [
            v4.new_markdown_cell(f"# Is {name} so?"),
            v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
            v4.new_markdown_cell(f"## Finding of {name}"),
            *map(v4.new_code_cell, sources),
            v4.new_markdown_cell("## What this does not show"),
        ]
        nbformat.write(v4.new_notebook(cells=content, metadata=metadata), folder / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """Two runs of one study, the second with another setting."""
    folder = tmp_path_factory.mktemp("report")
    changes = {"constructs.satisfaction.label": HOSTILE, "model.controls": ["age"]}
    study = make(folder / "tiny", changes=changes, claims=CLAIMS)
    notebooks = write_notebooks(folder / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "notebooks_folder", lambda: notebooks)
        first = render(study, folder / "out")
        second = render(study, folder / "out", settings=["model.controls=[]"])
    return first, second


@pytest.fixture(scope="module")
def text(rendered: tuple[Run, Run]) -> str:
    return (rendered[1].folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def soup(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def test_a_report_holds_everything_a_run_promises(rendered: tuple[Run, Run]) -> None:
    folder = rendered[0].folder
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"index.html", "verdicts.csv", "manifest.json", "results/regression.csv"} <= names
    assert {f"notebooks/{name}.ipynb" for name in CELLS} <= names
    assert {"figures/forest.png", "figures/forest.svg"} <= names
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "ok"
    assert [one["state"] for one in manifest["notebooks"]] == ["ok"] * len(CELLS)
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert set(manifest["files"]) == names - {"manifest.json"}


def test_the_page_runs_in_the_order_a_reader_needs(soup: BeautifulSoup) -> None:
    found = [str(tag["id"]) for tag in soup.select("main > section[id]")]
    assert found == ["answer", "verdicts", "changes", "check"]
    headings = [tag.get_text(strip=True) for tag in soup.find_all(["h1", "h2"])]
    asked = [f"Is {name} so?" for name in CELLS]
    assert headings == [
        "A tiny study",
        "The answer",
        "The verdicts, claim by claim",
        "What changed since the last run",
        *asked,
        "How to check this",
    ]


def test_simulated_respondents_are_announced_across_the_page(soup: BeautifulSoup) -> None:
    banner = soup.select_one("body > .banner")
    assert banner is not None
    assert banner.get_text() == BANNER


def test_the_verdict_table_is_complete(soup: BeautifulSoup, rendered: tuple[Run, Run]) -> None:
    verdicts = rendered[1].verdicts
    table = soup.select_one("#verdicts")
    assert table is not None
    assert len(table.select("tbody tr")) == len(verdicts)
    for claim, sentence in zip(verdicts["claim"], verdicts["sentence"], strict=True):
        assert claim in table.get_text()
        assert sentence in table.get_text() or sentence.startswith("Not testable")
    for cell in table.select("td"):
        assert cell["data-label"]
    assert all(cell.get("scope") for cell in table.select("th"))


def test_the_page_loads_nothing_and_runs_nothing(text: str, soup: BeautifulSoup) -> None:
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert isinstance(policy, Tag)
    assert policy["content"] == CONTENT_POLICY
    assert "script-src" not in CONTENT_POLICY
    assert soup.find(["script", "link", "iframe", "object"]) is None
    assert not re.findall(r"(?:src|href|action)\s*=\s*[\"']?\s*(?:https?:)?//", text)
    assert not re.findall(r"url\(|@import", text)
    assert all(str(tag["src"]).startswith("data:image/") for tag in soup.find_all(src=True))


def test_labels_of_the_survey_are_text(text: str, soup: BeautifulSoup) -> None:
    assert HOSTILE not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    names = {name for tag in soup.find_all(True) for name in tag.attrs}
    assert not {name for name in names if name.startswith("on")}


def test_links_lead_somewhere_and_anchors_are_unique(
    soup: BeautifulSoup, rendered: tuple[Run, Run]
) -> None:
    anchors = [str(tag["id"]) for tag in soup.find_all(id=True)]
    assert len(anchors) == len(set(anchors))
    for link in soup.find_all("a", href=True):
        address = str(link["href"])
        if address.startswith("#"):
            assert address[1:] in anchors, address
        else:
            assert (rendered[1].folder / address).is_file(), address


def test_rows_link_to_the_evidence_on_their_equation(soup: BeautifulSoup) -> None:
    links = {str(link["href"]) for link in soup.select("#verdicts tbody a")}
    assert links <= {"#model-satisfaction", "#regressions"}
    assert "#model-satisfaction" in links


def test_contents_leave_out_headings_that_every_section_has(soup: BeautifulSoup) -> None:
    contents = soup.select_one("nav .wide")
    assert contents is not None
    assert "Finding of 03_regressions" in contents.get_text()
    assert "What this does not show" not in contents.get_text()


def test_code_is_folded_and_figures_have_alt_text(soup: BeautifulSoup) -> None:
    assert soup.select("main details.code:not([open])")
    assert all(str(image["alt"]).strip() for image in soup.find_all("img"))


def test_the_page_says_how_to_check_it(soup: BeautifulSoup, rendered: tuple[Run, Run]) -> None:
    run = rendered[1]
    check = soup.select_one("#check")
    assert check is not None
    said = check.get_text()
    manifest = json.loads((run.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["data"]["sha256"] in said
    assert manifest["command"] in said
    assert "model.controls=[]" in said
    assert run.folder.name in said
    for name in manifest["files"]:
        assert name == "index.html" or check.find("a", href=name) is not None


def test_the_second_run_is_compared_with_the_first(
    soup: BeautifulSoup, rendered: tuple[Run, Run]
) -> None:
    section = soup.select_one("#changes")
    assert section is not None
    assert rendered[0].folder.name in section.get_text()
    assert "differed in the settings" in section.get_text()
    first = (rendered[0].folder / "index.html").read_text(encoding="utf-8")
    assert 'id="changes"' not in first


def test_neither_page_nor_notebooks_name_the_machine(rendered: tuple[Run, Run]) -> None:
    for run in rendered:
        for path in run.folder.rglob("*"):
            if path.suffix in (".html", ".ipynb", ".json", ".csv"):
                text = path.read_text(encoding="utf-8")
                assert f"{run.folder.parents[2]}/" not in text, path.name
                assert f"{Path.home()}/" not in text, path.name


UNTROUBLED = ["print('so far')", "2"]
TROUBLES = {  # what a cell does, and what is told of it
    "failed": ("{}['<b>missing</b>']", "cell 6 raised KeyError: '<b>missing</b>'"),
    "died": ("import os; os._exit(9)", "the kernel died in cell 6 (exit code 9)"),
}


@pytest.fixture(scope="module", params=TROUBLES)
def unfinished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Run]:
    """A state, the folder of a run that ended in it, and the good run before it."""
    folder, state = tmp_path_factory.mktemp("unfinished"), request.param
    study, out = make(folder / "tiny"), folder / "out"
    trouble, sentence = TROUBLES[state]
    good = write_notebooks(folder / "good")
    bad = write_notebooks(
        folder / "bad",
        **{"01_data_and_measurement": [*UNTROUBLED, trouble, "3", HIDDEN], "03_regressions": []},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "notebooks_folder", lambda: good)
        run = render(study, out)
        patch.setattr(report, "notebooks_folder", lambda: bad)
        with pytest.raises(NotebookError) as error:
            render(study, out, workers=2)
    assert f"notebook 01_data_and_measurement: {sentence}." in str(error.value)
    assert last_good(out / "tiny") == run.folder
    (kept,) = (out / "tiny").glob("*.failed")
    assert kept.name in str(error.value)
    return state, kept, run


def test_a_run_that_did_not_finish_tells_what_was_seen(unfinished: tuple[str, Path, Run]) -> None:
    state, kept, _ = unfinished
    manifest = json.loads((kept / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["state"], manifest["error"]["notebook"]) == (state, "01_data_and_measurement")
    assert manifest["error"]["cell"] == 6
    states = {one["name"]: one["state"] for one in manifest["notebooks"]}
    assert states == dict.fromkeys(CELLS, "ok") | {"01_data_and_measurement": state}
    assert manifest["verdicts"] == {}
    assert set(manifest["files"]) >= {
        "index.html",
        "notebooks/01_data_and_measurement.ipynb",
        "verdicts.csv",
    }


def test_its_page_says_what_happened_and_what_still_stands(
    unfinished: tuple[str, Path, Run],
) -> None:
    state, kept, run = unfinished
    html = (kept / "index.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(html, "html.parser")
    answer = soup.select_one("#happened")
    assert answer is not None
    assert f"Notebook 01_data_and_measurement: {TROUBLES[state][1]}." in answer.get_text()
    link = answer.find("a")
    assert isinstance(link, Tag)
    assert (kept / str(link["href"])).resolve() == (run.folder / "index.html").resolve()
    assert [row.get_text(" ", strip=True) for row in soup.select("#notebooks tbody th")] == [*CELLS]
    assert soup.select_one("body > .banner") is not None
    assert soup.select_one("nav .wide a[href='#data-and-measurement']") is not None
    assert "supported" not in soup.get_text() and "<b>missing" not in html


def test_its_page_shows_cells_as_far_as_they_came(unfinished: tuple[str, Path, Run]) -> None:
    state, kept, _ = unfinished
    soup = BeautifulSoup((kept / "index.html").read_text(encoding="utf-8"), "html.parser")
    heading = soup.select_one("#data-and-measurement")
    assert heading is not None and isinstance(heading.parent, Tag)
    section = heading.parent
    assert section.find("pre", string=re.compile("so far")) is not None
    assert [note.get_text(strip=True) for note in section.select(".stopped-here")] == [
        {
            "failed": "This cell raised KeyError.",
            "died": "The kernel died in this cell (exit code 9).",
        }[state]
    ]
    notes = section.select(".did-not-run")
    assert [note.get_text(strip=True) for note in notes] == ["This cell did not run."] * 2
    codes = [fold.get_text() for note in notes if (fold := note.find_next("details"))]
    assert "3" in codes[0] and "hidden" in codes[1]
    if state == "failed":
        assert "KeyError: '<b>missing</b>'" in section.get_text()
        assert section.find("summary", string="Show the traceback") is not None


def test_its_page_loads_nothing_and_its_links_lead_somewhere(
    unfinished: tuple[str, Path, Run],
) -> None:
    _, kept, _ = unfinished
    html = (kept / "index.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(html, "html.parser")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    assert isinstance(policy, Tag)
    assert policy["content"] == CONTENT_POLICY
    assert soup.find(["script", "link", "iframe", "object"]) is None
    anchors = [str(tag["id"]) for tag in soup.find_all(id=True)]
    assert len(anchors) == len(set(anchors))
    for link in soup.find_all("a", href=True):
        address = str(link["href"])
        assert address[1:] in anchors if address[0] == "#" else (kept / address).is_file(), address
    for path in kept.rglob("*.*"):
        if path.suffix in (".html", ".ipynb", ".json"):
            assert f"{kept.parents[2]}/" not in path.read_text(encoding="utf-8"), path.name


def test_notebooks_stop_when_something_else_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = tmp_path / "moment"
    slow = f"open({str(moment)!r}, 'w').close()\nimport time; time.sleep(600)"
    notebooks = write_notebooks(tmp_path / "notebooks", report=[slow])

    def fail(*arguments: object) -> None:
        while not moment.exists():
            time.sleep(0.05)
        raise ValueError("no\nrow 17")

    monkeypatch.setattr(report, "notebooks_folder", lambda: notebooks)
    monkeypatch.setattr(making, "judge", fail)
    with pytest.raises(ValueError, match="no"):
        render(make(tmp_path / "tiny"), tmp_path / "out", workers=1)
    (kept,) = (tmp_path / "out" / "tiny").glob("*.failed")
    manifest = json.loads((kept / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "failed"
    assert {one["state"] for one in manifest["notebooks"]} == {"cancelled"}
    text = BeautifulSoup(
        (kept / "index.html").read_text(encoding="utf-8"), "html.parser"
    ).get_text()
    assert "ValueError: no" in text and "row 17" not in text
    assert "Was stopped in cell 4" in text and text.count("Did not start") == len(CELLS) - 1
    assert "There is no earlier good run" in text


def test_bad_data_starts_nothing(tmp_path: Path) -> None:
    study = make(tmp_path / "tiny")
    (study.parent / "survey.csv").unlink()
    with pytest.raises(DataError):
        render(study, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_deadline_of_no_time_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="deadline must be a number of seconds above 0, not 0"):
        render(make(tmp_path / "tiny"), tmp_path / "out", deadline=0)
    assert not (tmp_path / "out").exists()


def test_a_study_known_by_moments_says_what_it_leaves_out() -> None:
    survey = read_survey("bank_customers")
    assert "attrition" in skipped(survey)
    results = analyse(survey)
    assert "normal theory" in " ".join(assumptions(survey, results))


def test_assumptions_follow_the_study(tmp_path: Path) -> None:
    survey = read_survey(make(tmp_path / "tiny"))
    said = " ".join(assumptions(survey, analyse(survey)))
    assert skipped(survey) == ""
    assert "Search: reliability of 0.80 is assumed" in said
    assert "HC3" in said
