"""The key of a report: what leaves it, what changes it; no number comes from another key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pyreadstat
import pytest
from factory import claim_file
from pandas.testing import assert_frame_equal
from small_reports import NAME, READ, TOTAL, brands, one_notebook, small, write_notebook

from loyalty_analysis import inputs, report
from loyalty_analysis.bootstrap import SEED
from loyalty_analysis.errors import ClaimError
from loyalty_analysis.inputs import cells_of, read_inputs
from loyalty_analysis.memory import hand_over, handed_over
from loyalty_analysis.report import key_of, render
from loyalty_analysis.runs import Run, parameters_of
from loyalty_analysis.survey import read_survey

WHERE = "brand == 'a'"


class Place:
    """A study, its data and its notebook, each to be changed."""

    def __init__(self, folder: Path) -> None:
        self.study = small(folder / "study", brands())
        self.data = self.study.with_name("survey.csv")
        self.notebook = write_notebook(folder / "notebooks") / f"{NAME}.ipynb"

    def key(self, **asked: Any) -> str:
        return key_of(read_inputs(self.study, **({"where": WHERE} | asked)))

    def frame(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        change(pd.read_csv(self.data)).to_csv(self.data, index=False)

    def cells(self, change: Callable[[Any], object]) -> None:
        notebook = nbformat.read(self.notebook, as_version=4)
        change(notebook.cells)
        nbformat.write(notebook, self.notebook)

    def text(self, path: Path, old: str, new: str) -> None:
        before = path.read_text(encoding="utf-8")
        assert old in before
        path.write_text(before.replace(old, new), encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    with one_notebook(found.notebook.parent):
        yield found


def show(cells: Any) -> None:
    cells[1].outputs = [nbformat.v4.new_output("stream", text="n=17")]


UNCHANGED: dict[str, Callable[[Place], object]] = {
    "an output": lambda place: place.cells(show),
    "a tag": lambda place: place.cells(lambda cells: cells[2].metadata.update(tags=["seen"])),
    "a count": lambda place: place.cells(lambda cells: cells[2].update(execution_count=9)),
    "the id of a cell": lambda place: place.cells(lambda cells: cells[2].update(id="other")),
    "an unrelated column": lambda place: place.frame(lambda frame: frame.assign(unrelated=1)),
    "the order of columns": lambda place: place.frame(lambda frame: frame[sorted(frame)]),
    "a column nobody asks for": lambda place: place.frame(lambda frame: frame.assign(age=30)),
    "a claim file of another study": lambda place: place.study.with_name("other.toml").write_text(
        claim_file([TOTAL])
    ),
}
CHANGED: dict[str, Callable[[Place], object]] = {
    "code": lambda place: place.cells(lambda cells: cells[2].update(source=READ + "\n1")),
    "prose": lambda place: place.cells(lambda cells: cells[0].update(source="# Why is it so?")),
    "a cell more": lambda place: place.cells(
        lambda cells: cells.append(nbformat.v4.new_code_cell("1"))
    ),
    "code to prose": lambda place: place.cells(lambda cells: cells[2].update(cell_type="raw")),
    "the order of cells": lambda place: place.cells(lambda cells: cells.reverse()),
    "an answer": lambda place: place.frame(lambda frame: frame.assign(aff1=8 - frame["aff1"])),
    "the order of respondents": lambda place: place.frame(lambda frame: frame[::-1]),
    "a respondent less": lambda place: place.frame(lambda frame: frame[1:]),
    "the study": lambda place: place.text(place.study, "A small study", "Another study"),
    "a claim": lambda place: place.text(place.study.with_name("own.toml"), "raises", "lifts"),
    "which claims": lambda place: place.text(place.study, '["own.toml"]', '["own.toml", "rivals"]'),
}


@pytest.mark.parametrize("what", UNCHANGED)
def test_what_no_number_follows_from_leaves_the_key(place: Place, what: str) -> None:
    before, files = place.key(), (place.notebook.read_bytes(), place.data.read_bytes())
    UNCHANGED[what](place)
    assert place.key() == before
    if "claim" not in what:
        assert (place.notebook.read_bytes(), place.data.read_bytes()) != files


@pytest.mark.parametrize("what", CHANGED)
def test_whatever_a_number_follows_from_changes_the_key(place: Place, what: str) -> None:
    before = place.key()
    CHANGED[what](place)
    assert place.key() != before
    assert len(place.key()) == 64


@pytest.mark.parametrize(
    "asked",
    [{"settings": ["gates.htmt=0.8"]}, {"where": "brand == 'b'"}, {"where": ""},
     {"where": f"{WHERE} and age > 0"}],
)  # fmt: skip
def test_what_is_asked_for_is_part_of_the_key(place: Place, asked: dict[str, Any]) -> None:
    assert place.key(**asked) != place.key()


def test_another_file_is_another_key_though_it_holds_the_same(place: Place) -> None:
    other = place.data.with_name("later.csv")
    other.write_bytes(place.data.read_bytes())
    assert place.key(data=other) != place.key()


@pytest.fixture
def fresh() -> Iterator[None]:
    """Code and packages are hashed once a process; here they are looked at again."""
    for known in (inputs.code_hash, inputs.packages_hash):
        known.cache_clear()
    yield
    for known in (inputs.code_hash, inputs.packages_hash):
        known.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_code_packages_and_seed_are_part_of_the_key(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [place.key()]
    monkeypatch.setattr(inputs, "SEED", SEED + 1)
    keys.append(place.key())
    package = tmp_path / "package"
    (package / "templates").mkdir(parents=True)
    monkeypatch.setattr(inputs, "PACKAGE", package)
    for name in ("slopes.py", "templates/page.css", "templates/page.html.j2"):
        (package / name).write_text("1")
        inputs.code_hash.cache_clear()
        keys.append(place.key())
    (package / "slopes.py").write_text("2")
    inputs.code_hash.cache_clear()
    keys.append(place.key())
    one = SimpleNamespace(name="unheard-of", version="1.0")
    for version in ("1.0", "1.0.1"):
        one.version = version
        monkeypatch.setattr(metadata, "distributions", lambda: [one])
        inputs.packages_hash.cache_clear()
        keys.append(place.key())
    assert len(set(keys)) == len(keys)


def test_the_label_of_a_column_counts_where_the_column_does(tmp_path: Path) -> None:
    study = small(tmp_path / "study", data="survey.sav")
    path, frame = study.with_name("survey.sav"), brands().drop(columns="brand")

    def digest(**labels: str) -> str:
        pyreadstat.write_sav(frame, path, column_labels=[labels.get(name) for name in frame])
        return read_inputs(study).digest

    assert digest(aff1="I like it.") == digest(aff1="I like it.", age="How old are you?")
    assert digest(aff1="I like it.") != digest(aff1="I love it.")


def test_the_meaning_of_a_code_counts(tmp_path: Path) -> None:
    study = small(tmp_path / "study", data="survey.sav")
    path, frame = study.with_name("survey.sav"), brands().drop(columns="brand")
    pyreadstat.write_sav(frame, path)
    before = read_inputs(study).digest
    pyreadstat.write_sav(frame, path, missing_ranges={"aff1": [7]})
    assert read_inputs(study).digest != before


def test_a_missing_claim_file_has_no_key_and_is_told(place: Place) -> None:
    place.study.with_name("own.toml").unlink()
    assert place.key() == ""
    with pytest.raises(ClaimError, match=r"own\.toml"):
        read_inputs(place.study).opened()


def test_source_is_read_as_a_text_or_a_list_of_lines(tmp_path: Path) -> None:
    cell = {"cell_type": "code", "source": "a = 1\nb = 2"}
    found = []
    for source in (cell["source"], ["a = 1\n", "b = 2"]):
        path = tmp_path / "one.ipynb"
        path.write_text(json.dumps({"cells": [cell | {"source": source}]}))
        found.append(cells_of(path))
    assert found[0] == found[1] == [["code", "a = 1\nb = 2"]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, Path, list[Run]]:
    """A report that was made, asked for again, damaged on disk, asked for, and forced."""
    folder = tmp_path_factory.mktemp("made")
    place, out, runs = Place(folder), folder / "out", []
    with one_notebook(place.notebook.parent):
        runs += [render(place.study, out), render(place.study, out)]
        page = runs[0].folder / "index.html"
        page.write_text(page.read_text(encoding="utf-8") + "<p>", encoding="utf-8")
        runs += [render(place.study, out), render(place.study, out, force=True)]
    return place, out, runs


def test_the_same_is_not_made_again_but_what_is_damaged_or_forced(
    made: tuple[Place, Path, list[Run]],
) -> None:
    _, out, runs = made
    assert [run.is_new for run in runs] == [True, False, True, True]
    assert runs[1].folder == runs[0].folder
    assert len({run.folder for run in runs}) == 3
    assert (out / "study" / "latest").resolve() == runs[3].folder.resolve()
    keys = {json.loads((run.folder / "manifest.json").read_text())["key"] for run in runs}
    assert len(keys) == 1
    assert_frame_equal(runs[1].verdicts, runs[0].verdicts, check_dtype=False)
    assert not runs[1].answer_changed


def test_what_changes_while_a_report_is_made_does_not_reach_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs_of = read_inputs

    def read_then_lose(*asked: Any, **more: Any) -> inputs.Inputs:
        found = inputs_of(*asked, **more)
        place.frame(lambda frame: frame.assign(aff1=8 - frame["aff1"])[:50])
        return found

    mean = read_survey(place.study).frame["affective"].mean()  # type: ignore[index]
    key = place.key(where="")
    monkeypatch.setattr(report, "read_inputs", read_then_lose)
    run = render(place.study, tmp_path / "out")
    assert len(pd.read_csv(place.data)) == 50
    said = (run.folder / "notebooks" / f"{NAME}.ipynb").read_text(encoding="utf-8")
    assert f"n=120 mean={mean:.6f}" in said
    assert set(run.verdicts["n"].dropna()) == {120}
    assert json.loads((run.folder / "manifest.json").read_text())["key"] == key
    monkeypatch.setattr(report, "read_inputs", inputs_of)
    assert key_of(read_inputs(place.study)) != key  # so that the next run is made anew


def test_only_what_was_asked_for_is_handed_over(tmp_path: Path) -> None:
    study = small(tmp_path / "study", brands())
    asked = parameters_of(study, ["gates.htmt=0.8"], "", WHERE)
    survey = read_survey(study, ["gates.htmt=0.8"], where=WHERE)
    hand_over(survey, asked, tmp_path / "memory")
    found = handed_over(**asked, folder=tmp_path / "memory")
    assert found is not None and found.n == survey.n == 40
    others: list[dict[str, Any]] = [
        {"where": ""},
        {"settings": []},
        {"data": "later.csv"},
        {"study": "other"},
    ]
    for other in others:
        assert handed_over(**(asked | other), folder=tmp_path / "memory") is None
