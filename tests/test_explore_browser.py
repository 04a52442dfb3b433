"""The explore notebook in JupyterLab, driven in a real browser: run all, choose, see the change."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from factory import answers, make
from test_explore import CLAIMS, DESIGN

from loyalty_analysis.explore import Explored, chosen
from loyalty_analysis.explored_study import explore_notebook, lab_command
from loyalty_analysis.formatting import estimate
from loyalty_analysis.regression import regression
from loyalty_analysis.runs import judge_run
from loyalty_analysis.survey import read_survey

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium on PATH ({', '.join(PROGRAMS)})"),
]
PATIENCE = 120_000  # milliseconds: other work may keep the machine busy


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shop"), DESIGN, answers(400), CLAIMS)


@pytest.fixture(scope="module")
def notebook(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explore_notebook(study, tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def address(notebook: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a JupyterLab of our own shows the notebook: loopback, a free port, a token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token, home = secrets.token_hex(16), tmp_path_factory.mktemp("home")
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(home / name) for name in places}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(home), "JUPYTERLAB_WORKSPACES_DIR": str(home)}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [
        *lab_command(notebook, browser=False), "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
    ]  # fmt: skip
    log = (home / "log").open("w")
    lab = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api?token={token}", lab, home / "log")
        yield f"http://127.0.0.1:{port}/lab/tree/{notebook.name}?token={token}&reset"
    finally:
        lab.terminate()
        try:
            lab.wait(20)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(lab.pid, signal.SIGKILL)
        log.close()


def _wait_for(address: str, lab: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        if lab.poll() is not None:
            pytest.fail(f"JupyterLab ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not answer: {log.read_text()[-2000:]}")


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(viewport={"width": 1280, "height": 1400})
        context.set_default_timeout(PATIENCE)
        opened = context.new_page()
        opened.goto(address)
        yield opened
        browser.close()


def _cells(table: Locator) -> dict[str, list[str]]:
    """Rows of a table by their first cell that is not empty."""
    rows = [row.locator("td").all_inner_texts() for row in table.locator("tr").all()[1:]]
    return {next(filter(None, row)): row for row in rows}


def test_run_all_then_another_outcome(
    page: Page, study: Path, notebook: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    seen = tmp_path_factory.mktemp("seen")
    page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.add_locator_handler(
        page.locator(".jp-Dialog .jp-mod-accept"), lambda button: button.click()
    )  # asks which kernel, where the session is not there yet
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    said = page.locator("p.explore-said")
    said.wait_for()
    slopes, verdicts = page.locator("table.explore-slopes"), page.locator("table.explore-verdicts")
    said.scroll_into_view_if_needed()
    page.screenshot(path=seen / "first.png")
    explored = Explored(read_survey(study))
    _agree(slopes, verdicts, explored, explored.first)

    before = slopes.inner_text()
    begun = time.perf_counter()
    page.locator(".widget-dropdown select").first.select_option(label="Search")
    page.wait_for_function(
        "document.querySelector('p.explore-said').innerText.startsWith('search on')"
    )
    took = time.perf_counter() - begun
    print(f"From choice to sight: {took:.2f} s; in the kernel: {said.inner_text()}")
    page.screenshot(path=seen / "search.png")
    assert slopes.inner_text() != before
    choice = replace(explored.first, outcome="search")
    _agree(slopes, verdicts, explored, choice)

    page.get_by_role("button", name="Save as study file").click()
    page.wait_for_function("document.querySelector('p.explore-said').innerText.startsWith('Saved')")
    page.get_by_role("button", name="Save figure as SVG").click()
    page.wait_for_function("document.querySelector('p.explore-said').innerText.includes('.svg')")
    assert list(notebook.parent.glob("*_forest_1.svg"))
    [kept] = notebook.parent.glob("*_explored_1/study.toml")
    assert read_survey(kept).study == chosen(explored.survey.study, choice).model_copy(
        update={"exploratory": True, "path": kept, "data": read_survey(kept).study.data}
    )
    table = regression(read_survey(kept)).query("model == 'search.total'").set_index("term")
    row = table.loc["forced"]
    shown = _cells(slopes)["Forced"][1]
    assert shown == estimate(row["beta"], row["beta_low"], row["beta_high"])
    judged = judge_run(kept, seen / "runs").verdicts.query("outcome == 'search'")
    for one in judged[judged["verdict"] != "not testable"].itertuples():
        cells = _cells(verdicts)[str(one.claim)]
        assert cells[2] == estimate(one.estimate, one.conf_low, one.conf_high)
        assert cells[3].endswith(str(one.verdict))
    page.screenshot(path=seen / "saved.png", full_page=True)
    print(f"Screenshots: {seen}")


def _agree(slopes: Locator, verdicts: Locator, explored: Explored, choice: object) -> None:
    """What is seen is what the function gives for that choice."""
    shown = explored.show(choice)  # type: ignore[arg-type]
    study, seen = explored.survey.study, _cells(slopes)
    for row in shown.slopes.query("term in @shown.equation.focal").to_dict("records"):
        cells = seen[study.label(row["term"])]
        assert cells[1] == estimate(row["beta"], row["beta_low"], row["beta_high"])
    for row in shown.shares.to_dict("records"):
        cells = seen[study.label(row["term"])]
        assert cells[2] == estimate(row["share"], row["share_low"], row["share_high"])
    told = _cells(verdicts)
    for row in shown.verdicts.query("part == ''").to_dict("records"):
        assert told[row["claim"]][3].endswith(row["verdict"])
