"""The shipped notebooks: thin, without outputs, and each runs by itself on every kind of study."""

import ast
from pathlib import Path

import nbformat
import pytest

from loyalty_analysis.formatting import slug
from loyalty_analysis.notebooks import Batch, raise_failed
from loyalty_analysis.report_notebooks import (
    FURTHER_NOTEBOOKS,
    REPORT_NOTEBOOKS,
    notebooks_folder,
    notebooks_of,
)
from loyalty_analysis.sections import anchor_of
from loyalty_analysis.study import load_study
from loyalty_analysis.verdict_table import SECTIONS
from loyalty_analysis.warm_kernels import warmed

PATHS = sorted(notebooks_folder().glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_the_notebooks_of_a_report_are_shipped() -> None:
    assert {*REPORT_NOTEBOOKS, *FURTHER_NOTEBOOKS, "00_start_here", "12_explore"} == {
        path.stem for path in PATHS
    }


def test_what_a_study_declares_has_its_notebook() -> None:
    randomised = ["model.moderators=['usability']", "experiment.treatment=usability"]
    for settings, further in (
        ([], []),
        (["models.few={drivers = ['forced']}"], ["09_pillars"]),
        (randomised, ["09_pillars"]),
    ):
        found = notebooks_of(load_study("rice_simulated", settings))
        assert list(found) == [*REPORT_NOTEBOOKS, *further]


@each_notebook
def test_notebooks_are_kept_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = notebook.cells
    assert all(cell.get("id") for cell in cells)
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert all(line.count("=") == 1 for line in tagged[0].source.splitlines())


@each_notebook
def test_notebooks_are_thin(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert all(source.count("\n") < 12 for source in code)
    banned = (ast.FunctionDef, ast.For, ast.While, ast.ClassDef, ast.Lambda)
    for source in code:
        assert not any(isinstance(node, banned) for node in ast.walk(ast.parse(source)))
    assert 14 <= len(cells) <= 30 and len(code) <= 0.6 * len(cells)


@each_notebook
def test_notebooks_ask_a_question_and_end_with_what_they_do_not_show(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert prose[0].startswith("# ") and "?" in prose[0].splitlines()[0]
    assert cells[-1].source.startswith("## What this does not show")
    assert not any("$" in text for text in prose)  # would show raw: pages load no math


def test_claims_link_to_sections_that_are_there() -> None:
    found = []
    for path in PATHS:
        cells = nbformat.read(path, as_version=4).cells
        headings = [cell.source.splitlines()[0] for cell in cells if cell.source.startswith("## ")]
        found += [f"{anchor_of(path.stem)}-{slug(one[3:])}" for one in headings]
    assert set(SECTIONS.values()) <= set(found)


@pytest.mark.parametrize("study", ["rice_simulated", "bank_customers"])
def test_every_notebook_runs_by_itself(study: str, tmp_path: Path) -> None:
    parameters = {"study": study, "settings": [], "data": "", "where": ""}
    with warmed(len(PATHS)) as warm, Batch(PATHS, tmp_path, parameters, 2, warm=warm) as batch:
        runs = batch.results()
    raise_failed(runs)
    for run in runs:
        outputs = [o for cell in run.read().cells for o in cell.get("outputs", [])]
        assert outputs and not any(o.output_type in ("error", "stream") for o in outputs)
