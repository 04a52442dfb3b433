"""What went wrong in other tools that make reports of notebooks: a test for every row.

Each was seen in a current release or in the thread that is cited. What a test elsewhere covers
stands in a table; the rest follows below.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat import v4
from small_reports import READ, one_notebook, small, write_notebook

from loyalty_analysis.errors import RunError
from loyalty_analysis.execution import NotebookRun
from loyalty_analysis.notebooks import Batch
from loyalty_analysis.published import BlockedError, last_good
from loyalty_analysis.report import LateError, render
from loyalty_analysis.sections import sections
from loyalty_analysis.served import failed_runs

COVERED = {
    "a kernel killed in the middle leaves every cell marked completed and no exception": (
        "tests/test_notebooks.py::test_what_went_wrong_is_seen_and_not_read_from_the_output",
        "tests/test_report.py::test_a_run_that_did_not_finish_tells_what_was_seen",
    ),
    "a misspelt or ill-typed parameter logs a warning and the run goes on with defaults": (
        "tests/test_notebooks.py::test_misspelt_and_ill_typed_parameters_are_refused",
        "tests/test_notebooks.py::test_nothing_runs_when_a_parameter_is_wrong",
    ),
    "a parameter line with a second = in it is not recognised": (
        "tests/test_notebooks.py::test_a_line_with_a_second_equals_sign_is_refused_and_not_ignored",
        "tests/test_shipped_notebooks.py::test_notebooks_are_kept_clean",
    ),
    "stripping the kernel of a notebook makes papermill fail": (
        "tests/test_shipped_notebooks.py::test_notebooks_are_kept_clean",
    ),
    "a failing run overwrites the good report at the same path": (
        "tests/test_runs.py::test_a_failed_run_is_kept_apart_and_changes_nothing_else",
        "tests/test_report.py::test_its_page_says_what_happened_and_what_still_stands",
        "tests/test_served.py::test_a_failure_keeps_the_report_and_says_its_age_and_why",
    ),
    "a secret passed as a parameter appears twice in the output": (
        "tests/test_pitfalls.py::test_a_secret_passed_as_a_parameter_blocks_the_run",
        "tests/test_pitfalls.py::test_a_secret_that_reaches_an_output_blocks_the_run",
        "tests/test_disclosure.py::test_a_secret_is_found_in_every_part_of_a_notebook",
    ),
    "the default page loads two scripts from a public server": (
        "tests/test_report.py::test_the_page_loads_nothing_and_runs_nothing",
        "tests/test_batch_page.py::test_the_policy_lets_this_script_through_and_nothing_else",
    ),
    "without these scripts $...$ stays raw": (
        "tests/test_pitfalls.py::test_dollar_signs_stay_as_they_are",
        "tests/test_shipped_notebooks.py::"
        "test_notebooks_ask_a_question_and_end_with_what_they_do_not_show",
    ),
    "placeholder alt text on every figure": (
        "tests/test_sections.py::test_figures_have_alt_text_and_lie_beside_the_page",
        "tests/test_sections.py::test_a_figure_without_alt_text_is_refused",
    ),
    "survey text with onerror= runs in the page": (
        "tests/test_report.py::test_labels_of_the_survey_are_text",
        "tests/test_sections.py::test_survey_text_in_outputs_stays_text",
        "tests/test_sections.py::test_nothing_in_a_section_can_run_or_load",
        "tests/test_batch_page.py::test_names_are_text",
    ),
    "every report of a batch shows the figure of the last segment (quarto-r#205)": (
        "tests/test_batch.py::test_every_page_shows_the_figure_of_its_own_group",
    ),
    "caches that ignore data or library changes (jupyter-cache#7)": (
        "tests/test_inputs.py::test_whatever_a_number_follows_from_changes_the_key",
        "tests/test_inputs.py::test_what_changes_while_a_report_is_made_does_not_reach_it",
        "tests/test_memory.py::test_whatever_matters_is_computed_again",
    ),
    "caches that run again on the edit of a tag (MyST-NB#350)": (
        "tests/test_inputs.py::test_what_no_number_follows_from_leaves_the_key",
    ),
    "a widget blocks a run that nobody watches (papermill#723)": (
        "tests/test_pitfalls.py::test_nothing_waits_for_somebody_who_is_not_there",
        "tests/test_explore.py::test_the_notebook_renders_a_still_view_under_papermill",
    ),
    "BLAS threads times worker processes (mystmd#1276)": (
        "tests/test_notebooks.py::test_kernels_use_one_blas_thread_each",
        "tests/test_pitfalls.py::test_every_estimate_of_a_worker_takes_one_thread",
    ),
    "a run killed for memory waits forever (nbclient#88)": (
        "tests/test_pitfalls.py::test_a_report_ends_when_its_time_is_over",
        "tests/test_notebooks.py::test_a_lost_kernel_is_tried_once_more_and_no_other_state_is",
        "tests/test_workers.py::test_a_task_that_takes_its_process_along_is_tried_once_more",
    ),
    "200 segment reports at 5% find ten": (
        "tests/test_batch_page.py::test_luck_is_said_with_its_numbers",
        "tests/test_batch_page.py::test_luck_gives_no_more_than_is_said_where_nothing_is_there",
    ),
}
"""What goes wrong elsewhere, and the tests that keep it from going wrong here."""


def test_every_row_has_tests_that_are_there() -> None:
    named = sorted({name for names in COVERED.values() for name in names})
    assert all(COVERED.values())
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    root = Path(__file__).resolve().parents[1]
    found = subprocess.run([*collect, *named], cwd=root, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]
    there = {line.partition("[")[0] for line in found.stdout.splitlines()}
    assert {*named} <= there


def converted(folder: Path, *cells: nbformat.NotebookNode) -> BeautifulSoup:
    """The section of a notebook that holds these cells."""
    path = folder / "03_regressions.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("# Is it so?"), *cells]), path)
    [section] = sections([NotebookRun(path.stem, path, "ok", 1.0)], folder)
    return BeautifulSoup(section.html, "html.parser")


def test_dollar_signs_stay_as_they_are(tmp_path: Path) -> None:
    said = r"From $5 to $10, and $\alpha$ is no formula."
    output = v4.new_output("stream", name="stdout", text="costs $1$ and $$2$$")
    code = v4.new_code_cell("1", outputs=[output])
    section = converted(tmp_path, v4.new_markdown_cell(said), code)
    assert said in section.get_text() and "costs $1$ and $$2$$" in section.get_text()
    assert not section.select("script, math, .MathJax, .math")


def test_nothing_waits_for_somebody_who_is_not_there(tmp_path: Path) -> None:
    slider = "import ipywidgets\nipywidgets.interact(lambda n: n, n=ipywidgets.IntSlider(3))\n'on'"
    folder = write_notebook(tmp_path / "in", slider, name="slides")
    write_notebook(folder, "input('What is the answer?')", name="asks")
    asked = {"study": "", "settings": [], "data": "", "where": ""}
    paths = [folder / "slides.ipynb", folder / "asks.ipynb"]
    with Batch(paths, tmp_path / "out", asked, workers=2, deadline=300) as batch:
        slides, asks = batch.results()
    assert (slides.state, asks.state, asks.error) == ("ok", "failed", "StdinNotImplementedError")
    [section] = sections([slides], tmp_path)
    shown = BeautifulSoup(section.html, "html.parser").get_text()
    assert "on" in shown and "interactive(children" not in shown


def holding(folder: Path, text: str) -> list[str]:
    """Files below a folder that hold a text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if text.encode() in path.read_bytes()]


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """A secret that the environment names."""
    monkeypatch.setenv("LOYALTY_SECRETS", "TEST_SECRET")
    monkeypatch.setenv("TEST_SECRET", "sesame-4711-open")
    return "sesame-4711-open"


def test_a_secret_that_reaches_an_output_blocks_the_run(tmp_path: Path, secret: str) -> None:
    study, out = small(tmp_path / "study"), tmp_path / "out"
    tells = write_notebook(tmp_path / "notebooks", "import os\nprint(os.environ['TEST_SECRET'])")
    with one_notebook(tells), pytest.raises(BlockedError, match="TEST_SECRET") as told:
        render(study, out)
    assert secret not in str(told.value) and last_good(out / "study") is None
    assert holding(out, secret) == []
    [kept] = failed_runs(out / "study")
    assert [path.name for path in kept.iterdir()] == ["manifest.json"]


def test_a_secret_passed_as_a_parameter_blocks_the_run(tmp_path: Path, secret: str) -> None:
    study, out = small(tmp_path / "study"), tmp_path / "out"
    notebooks = write_notebook(tmp_path / "notebooks", READ)
    with one_notebook(notebooks), pytest.raises(BlockedError, match="TEST_SECRET") as told:
        render(study, out, where=f"gender != '{secret}'")
    assert secret not in str(told.value) and last_good(out / "study") is None
    assert set(holding(out, secret)) <= {"manifest.json"}


def test_the_manifest_of_a_blocked_run_holds_no_secret(tmp_path: Path, secret: str) -> None:
    study, out = small(tmp_path / "study"), tmp_path / "out"
    with one_notebook(write_notebook(tmp_path / "notebooks", "1")), pytest.raises(BlockedError):
        render(study, out, where=f"gender != '{secret}'")
    assert holding(out, secret) == []


def test_a_run_that_fails_after_it_told_a_secret_keeps_nothing(tmp_path: Path, secret: str) -> None:
    study, out = small(tmp_path / "study"), tmp_path / "out"
    tells = ("import os\nprint(os.environ['TEST_SECRET'])", "1 / 0")
    notebooks = write_notebook(tmp_path / "notebooks", *tells)
    with one_notebook(notebooks), pytest.raises(RunError):
        render(study, out)
    assert holding(out, secret) == []


def test_every_estimate_of_a_worker_takes_one_thread() -> None:
    script = (
        "import os, sys\n"
        "from threadpoolctl import threadpool_info\n"
        "from loyalty_analysis import moments\n"
        "count = moments.one_thread(lambda: [p['num_threads'] for p in threadpool_info()])\n"
        "print(count())\n"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "4", "OMP_NUM_THREADS": "4"}
    run = [sys.executable, "-c", script]
    found = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip().strip("[]").replace(" ", "").split(",").count("1") >= 1
    assert "4" not in found.stdout


def test_a_report_ends_when_its_time_is_over(tmp_path: Path) -> None:
    study, out = small(tmp_path / "study"), tmp_path / "out"
    begun, sleeps = time.monotonic(), "import time\ntime.sleep(3600)"
    late = pytest.raises(LateError, match="the deadline of 5 s for the whole run passed")
    with one_notebook(write_notebook(tmp_path / "notebooks", sleeps)), late:
        render(study, out, run_deadline=5)
    assert time.monotonic() - begun < 120
    [kept] = failed_runs(out / "study")
    assert '"state": "timed_out"' in (kept / "manifest.json").read_text(encoding="utf-8")
    assert "The deadline of 5 s" in (kept / "index.html").read_text(encoding="utf-8")
