"""The page to serve: always the last good report, its links right, and a banner when it is late."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from small_reports import FIGURE, READ, one_notebook, small, write_notebook

from loyalty_analysis.errors import RunError
from loyalty_analysis.leftovers import claim
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.published import last_good, point_to, retire, runs
from loyalty_analysis.report import render
from loyalty_analysis.runs import Run, judge_run
from loyalty_analysis.served import serve, settle_if_idle, standing

PAGE = """<html><body><div class="shell"><a href="results/slopes.csv">slopes</a>
<a href="#check">check</a> <a href="../20260101T000000Z-aaaa/index.html">before</a>
<a href="../../index.html">all</a> <a href="https://example.org/x">out</a>
<a href="mailto:ann@example.org">ann</a> <img src="figures/forest.png">
<img src="data:image/png;base64,AAAA"></div></body></html>"""
HOSTILE = "</aside><script>alert(1)</script><img src=x onerror=alert(2)>"


def run_of(home: Path, day: int, state: str = "ok", page: str = PAGE, **more: Any) -> Path:
    """Write a run of a day of May: manifest and page."""
    name = f"202605{day:02d}T020000Z-ab{day:02d}" + ("" if state == "ok" else ".failed")
    folder = home / name
    folder.mkdir(parents=True)
    stamp = f"2026-05-{day:02d}T02:00:00+00:00"
    said = {"run": name, "state": state, "started": stamp, "verb": "report"} | more
    (folder / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    if page:
        (folder / "index.html").write_text(page, encoding="utf-8")
    if state == "ok":
        point_to(folder)
    return folder


def served(home: Path) -> BeautifulSoup:
    page = serve(home)
    assert page == home / "index.html"
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def banner(home: Path) -> str:
    return " ".join(one.get_text(" ", strip=True) for one in served(home).select(".banner.late"))


def test_links_are_those_of_the_run_seen_from_beside_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, 3).name
    found = {tag.get_text(): tag["href"] for tag in served(tmp_path).find_all("a")}
    assert found == {
        "slopes": f"{run}/results/slopes.csv",
        "check": "#check",
        "before": "20260101T000000Z-aaaa/index.html",
        "all": "../index.html",
        "out": "https://example.org/x",
        "ann": "mailto:ann@example.org",
    }
    images = [tag["src"] for tag in served(tmp_path).find_all("img")]
    assert images == [f"{run}/figures/forest.png", "data:image/png;base64,AAAA"]


@pytest.mark.parametrize(
    ("state", "said"),
    [("failed", "failed: "), ("died", "failed, its kernel died: "), ("blocked", "was blocked: "),
     ("timed_out", "ran out of time: ")],
)  # fmt: skip
def test_a_later_failure_is_said_with_age_and_reason(tmp_path: Path, state: str, said: str) -> None:
    run_of(tmp_path, 3)
    run_of(tmp_path, 8, state, error={"message": "column 'aff1' is gone.\nrow 17"})
    late = run_of(tmp_path, 15, state, error={"message": "the file is empty."})
    assert banner(tmp_path) == (
        "This report is of 3 May 2026, 02:00 UTC. It was 12 days old when a later run, of 15 May "
        f"2026, 02:00 UTC, {said}the file is empty. What happened"
    )
    link = served(tmp_path).select_one(".banner.late a")
    assert link is not None and link["href"] == f"{late.name}/index.html"


def test_a_stop_is_no_fault_and_a_run_without_page_is_not_linked(tmp_path: Path) -> None:
    run_of(tmp_path, 3)
    run_of(tmp_path, 4, "cancelled", page="", error={"message": "interrupted"})
    assert banner(tmp_path).endswith("was stopped.")
    assert served(tmp_path).select_one(".banner.late a") is None


def test_what_an_error_says_is_text(tmp_path: Path) -> None:
    run_of(tmp_path, 3)
    run_of(tmp_path, 4, "failed", error={"message": HOSTILE})
    page = served(tmp_path)
    assert page.find("script") is None and page.find("img", src="x") is None
    assert HOSTILE in unescape(banner(tmp_path))


def test_the_banner_goes_with_the_next_good_run(tmp_path: Path) -> None:
    run_of(tmp_path, 3)
    run_of(tmp_path, 4, "failed", error={"message": "no"})
    assert banner(tmp_path)
    good = run_of(tmp_path, 5)
    assert banner(tmp_path) == ""
    assert standing(tmp_path) == (good, "")


def test_where_no_report_stands_the_last_failure_is_served(tmp_path: Path) -> None:
    assert serve(tmp_path) is None and not list(tmp_path.iterdir())
    run_of(tmp_path, 3, "failed")
    late = run_of(tmp_path, 4, "died")
    run_of(tmp_path, 5, "cancelled", page="")
    assert standing(tmp_path) == (late, "")
    assert served(tmp_path).find("a", href=f"{late.name}/results/slopes.csv")


def test_a_run_without_a_page_never_takes_the_place_of_a_report(tmp_path: Path) -> None:
    report = run_of(tmp_path, 3)
    run_of(tmp_path, 4, page="", verb="judge")
    assert standing(tmp_path) == (report, "")
    (tmp_path / "20260505T020000Z-ab05").mkdir()  # a folder that only looks like a run
    assert standing(tmp_path) == (report, "")


def killed(home: Path, run: str) -> Path:
    """What is left beside a run whose process was killed before it had come to its end."""
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    owner = home / f".{run}.owner"
    owner.write_text(json.dumps({"pid": gone.pid, "began": "0", "host": socket.gethostname()}))
    return owner


def test_a_run_that_was_whole_when_its_process_was_killed_is_published_by_the_next(
    tmp_path: Path,
) -> None:
    old, new = run_of(tmp_path, 3), run_of(tmp_path, 4)
    point_to(old)
    serve(tmp_path)
    (tmp_path / f".{new.name}.link").symlink_to(new.name)  # it came as far as that
    owner = killed(tmp_path, new.name)
    settle_if_idle(tmp_path)
    assert last_good(tmp_path) == new and not owner.exists()
    assert f'"{new.name}/results/' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.glob(".*")} <= {".lock"}


def test_nothing_is_published_for_a_run_that_is_under_way_or_was_not_whole(tmp_path: Path) -> None:
    old, new = run_of(tmp_path, 3), run_of(tmp_path, 4)
    point_to(old)
    claim(tmp_path, new.name)  # this very process
    settle_if_idle(tmp_path)
    assert last_good(tmp_path) == old and (tmp_path / f".{new.name}.owner").is_file()
    killed(tmp_path, new.name)
    (new / "manifest.json").write_text("{")
    settle_if_idle(tmp_path)
    assert last_good(tmp_path) == old and not (tmp_path / f".{new.name}.owner").exists()


def test_a_failure_after_the_clock_went_back_is_said_without_an_age(tmp_path: Path) -> None:
    good = run_of(tmp_path, 9)
    later = run_of(tmp_path, 10, "died", started="2026-05-02T02:00:00+00:00")
    assert good.name < later.name  # as names are given out
    said = banner(tmp_path)
    assert "A later run, of 2 May 2026" in said and "old" not in said


def test_damaged_manifests_hide_no_report(tmp_path: Path) -> None:
    report = run_of(tmp_path, 3)
    (run_of(tmp_path, 4) / "manifest.json").write_text("{")
    (run_of(tmp_path, 5, "failed") / "manifest.json").write_text("")
    assert standing(tmp_path) == (report, "")


def test_retention_keeps_what_latest_means_and_the_last_page(tmp_path: Path) -> None:
    paged = run_of(tmp_path, 2)
    old = run_of(tmp_path, 3, page="", verb="judge")
    good = [run_of(tmp_path, day, page="", verb="judge") for day in range(5, 10)]
    failed = [run_of(tmp_path, day, "failed") for day in (1, 4, 12)]
    pointed = good[0]
    point_to(pointed)
    gone = retire(tmp_path, 2)
    assert runs(tmp_path) == [good[4], good[3], pointed, paged]
    assert sorted(gone) == sorted(
        path.name for path in (old, good[1], good[2], failed[0], failed[1])
    )
    assert failed[2].is_dir() and last_good(tmp_path) == pointed
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".retired")]
    assert retire(tmp_path, 2) == [] and retire(tmp_path, 0) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A report, then a run that failed in its notebook."""
    folder = tmp_path_factory.mktemp("served")
    study, out = small(folder / "study"), folder / "out"
    notebooks = write_notebook(folder / "notebooks", READ, FIGURE)
    with one_notebook(notebooks):
        good = render(study, out)
        write_notebook(notebooks, f"raise ValueError({HOSTILE!r})")
        with pytest.raises(RunError):
            render(study, out)
    return out / "study", good


def test_a_failure_keeps_the_report_and_says_its_age_and_why(made: tuple[Path, Run]) -> None:
    home, good = made
    assert last_good(home) == good.folder
    page = BeautifulSoup((home / "index.html").read_text(encoding="utf-8"), "html.parser")
    [late] = page.select(".banner.late")
    assert re.search(r"It was (less than a minute|\d+ minutes?) old", late.get_text())
    assert "cell 3 raised ValueError" in late.get_text() and "alert(1)" in late.get_text()
    assert page.find("script") is None and page.find("img", src="x") is None
    assert read_manifest(good.folder)["state"] == "ok"
    assert page.find(id="verdicts") is not None


def test_links_of_a_real_report_lead_somewhere(made: tuple[Path, Run]) -> None:
    home, _ = made
    page = BeautifulSoup((home / "index.html").read_text(encoding="utf-8"), "html.parser")
    anchors = {tag["id"] for tag in page.find_all(id=True)}
    links = [str(tag["href"]) for tag in page.find_all("a", href=True)]
    assert sum(not link.startswith("#") for link in links) > 5
    for link in links:
        there = link[1:] in anchors if link.startswith("#") else (home / link).is_file()
        assert there, link


def test_numbers_alone_leave_the_page_as_it_was(made: tuple[Path, Run]) -> None:
    home, good = made
    judged = judge_run(home.parents[1] / "study" / "study.toml", home.parent)
    assert last_good(home) == judged.folder
    page = BeautifulSoup((home / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert page.find("a", href=f"{good.folder.name}/manifest.json")
