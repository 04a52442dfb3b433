"""Batches: a report per group, a failure and its neighbours, what is made again and what not."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import batch_workers
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from pandas.testing import assert_frame_equal
from small_reports import FIGURE as DRAW
from small_reports import NAME, READ, brands, one_notebook, one_process, small, write_notebook

from loyalty_analysis import batch
from loyalty_analysis.batch import Batched, render_batch
from loyalty_analysis.cli import main
from loyalty_analysis.comparison import read_verdicts
from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.inputs import Inputs
from loyalty_analysis.interruption import Interrupted
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.published import BlockedError, last_good
from loyalty_analysis.report import render
from loyalty_analysis.workers import Outcome

HOSTILE = 'O\'Neill & "Sons" <b>'
TITLE = "title='Shops of gk7-Lq29-x'"
SIZES = {"alpha": 40, "beta": 35, HOSTILE: 30, "tiny": 29}
FAILS = "assert survey.n != 34, 'one is missing'"
PLACE = Path("study", "by-brand")


def study_of(folder: Path) -> pd.DataFrame:
    """Answers of four brands, and of three respondents of whom no brand is known."""
    frame = brands(list(SIZES.values()), list(SIZES))
    nobody = frame.head(3).assign(brand=np.nan, id=[900, 901, 902])
    return pd.concat([frame, nobody], ignore_index=True)


def stopped_after(count: int, made: list[str]) -> Any:
    """Outcomes of a batch that somebody stops once so many reports are made."""

    def some(do: Any, tasks: Iterable[Any], workers: int, seconds: float = 0) -> Iterator[Outcome]:
        for task in tasks:
            if len(made) == count:
                raise Interrupted
            made.append(task.folder)
            yield Outcome(task, "done", do(task))

    return some


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A batch that was stopped after its first report, and gone on with."""
    folder = tmp_path_factory.mktemp("batch")
    study = small(folder / "study", study_of(folder))
    notebooks = write_notebook(folder / "notebooks", READ, FAILS, DRAW)
    first: list[str] = []
    with one_process(notebooks) as made:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
            patch.setattr(batch, "outcomes", stopped_after(1, first))
            render_batch(study, ["brand"], folder / "out")
        shutil.copytree(folder / "out", folder / "stopped", symlinks=True)
        render_batch(study, ["brand"], folder / "out")
    (folder / "made.json").write_text(json.dumps([first, made]))
    return folder


@pytest.fixture
def mine(home: Path, tmp_path: Path) -> Path:
    """A copy of that batch, with its study and notebook, for a test to change."""
    return Path(shutil.copytree(home, tmp_path / "batch", symlinks=True))


def record_of(folder: Path, out: str = "out") -> dict[str, Any]:
    return dict(json.loads((folder / out / PLACE / "batch.json").read_text(encoding="utf-8")))


def groups_of(folder: Path, out: str = "out") -> dict[str, dict[str, Any]]:
    """Groups of a batch by what the file calls them."""
    return {one["values"]["brand"]: one for one in record_of(folder, out)["groups"]}


def page_of(folder: Path) -> BeautifulSoup:
    html = (folder / "out" / PLACE / "index.html").read_text(encoding="utf-8")
    return BeautifulSoup(html, "html.parser")


def again(folder: Path, **options: Any) -> tuple[Batched, list[str]]:
    """The same command once more; which groups were made."""
    with one_process(folder / "notebooks") as made:
        done = render_batch(folder / "study" / "study.toml", ["brand"], folder / "out", **options)
    return done, made


def reports(folder: Path) -> list[str]:
    """Every run of every group, also those that failed."""
    found = (folder / "out" / PLACE).glob("*/2*")
    return sorted(path.relative_to(folder).as_posix() for path in found)


def test_a_stopped_batch_says_so_and_only_the_rest_is_made(home: Path) -> None:
    first, second = json.loads((home / "made.json").read_text())
    assert len(first) == 1 and len(second) == 2 and not {*first} & {*second}
    assert record_of(home, "stopped")["state"] == "cancelled"
    states = [one["state"] for one in groups_of(home, "stopped").values()]
    assert sorted(states) == ["ok", "pending", "pending", "suppressed"]
    states = [one["state"] for one in groups_of(home).values()]
    assert sorted(states) == ["ok", "ok", "suppressed", "unchanged"]
    assert record_of(home)["state"] == "ok"


def test_small_groups_are_suppressed_and_rows_without_a_value_counted(home: Path) -> None:
    groups = groups_of(home)
    assert groups["tiny"]["state"] == "suppressed" and groups["tiny"]["n"] is None
    assert not (home / "out" / PLACE / groups["tiny"]["folder"]).exists()
    assert {name: one["n"] for name, one in groups.items()} == SIZES | {"tiny": None}
    assert record_of(home)["unassigned"] == "few"  # three
    said = page_of(home).get_text(" ", strip=True)
    assert "Fewer than ten rows have no value of brand" in said


def test_names_of_groups_are_text(home: Path) -> None:
    page = page_of(home)
    assert page.find("b", string=re.compile("Sons")) is None
    assert HOSTILE in page.get_text()
    folder = groups_of(home)[HOSTILE]["folder"]
    assert re.fullmatch(r"[a-z0-9_-]+", folder)
    assert page.find("a", href=re.compile(re.escape(folder)))


def test_every_page_shows_the_figure_of_its_own_group(home: Path) -> None:
    frame = pd.read_csv(home / "study" / "survey.csv")
    shown = []
    for brand, group in groups_of(home).items():
        if not group["run"]:
            continue
        run = home / "out" / PLACE / group["folder"] / group["run"]
        answers = frame[frame["brand"] == brand][["aff1", "aff2", "aff3"]]
        mean = f"{answers.mean(axis=1).mean():.6f}"
        page = BeautifulSoup((run / "index.html").read_text(encoding="utf-8"), "html.parser")
        assert f"n={len(answers)} mean={mean}" in page.get_text()
        image = page.find("img", alt=f"The mean is {mean}")
        assert image is not None
        png = base64.b64decode(str(image["src"]).partition(",")[2])
        assert png == (run / "figures" / "forest.png").read_bytes()
        assert mean in (run / "figures" / "forest.svg").read_text()
        shown.append(png)
    assert len(shown) == len(set(shown)) == 3


def test_a_group_is_judged_as_a_filter_would(home: Path, tmp_path: Path) -> None:
    group = groups_of(home)[HOSTILE]
    with one_notebook(home / "notebooks"):
        alone = render(home / "study" / "study.toml", tmp_path, where=group["where"])
    run = home / "out" / PLACE / group["folder"] / group["run"]
    assert_frame_equal(read_verdicts(run), read_verdicts(alone.folder))
    for name in ("regression", "reliability", "diagnostics"):
        one, other = (pd.read_csv(path / "results" / f"{name}.csv") for path in (run, alone.folder))
        assert_frame_equal(one, other)


def test_an_unchanged_batch_makes_nothing_and_takes_no_worker(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, page = reports(mine), page_of(mine)
    with one_notebook(mine / "notebooks") as patch:
        patch.setattr(batch, "outcomes", lambda *asked: pytest.fail("a worker was taken"))
        patch.setattr(batch, "warmed", lambda *asked: pytest.fail("kernels were kept warm"))
        done = render_batch(mine / "study" / "study.toml", ["brand"], mine / "out")
    assert [one["state"] for one in done.record["groups"]].count("unchanged") == 3
    assert (reports(mine), page_of(mine)) == (before, page) and not done.failed


def test_what_a_page_says_beside_the_groups_is_kept_up_to_date(mine: Path) -> None:
    path = mine / "study" / "survey.csv"
    frame = pd.read_csv(path)
    more = [frame.tail(1).assign(id=903 + k) for k in range(9)]
    pd.concat([frame, *more]).to_csv(path, index=False)
    done, made = again(mine)
    assert (made, done.record["unassigned"], record_of(mine)["unassigned"]) == ([], 12, 12)
    (mine / "out" / PLACE / "index.html").unlink()
    assert again(mine)[1] == []
    assert page_of(mine).find("table")


def test_a_group_whose_data_changed_is_made_alone(mine: Path) -> None:
    path = mine / "study" / "survey.csv"
    frame = pd.read_csv(path)
    frame.loc[0, "aff1"] = 8 - frame.loc[0, "aff1"]
    frame["unrelated"] = 1
    frame.to_csv(path, index=False)
    done, made = again(mine)
    assert made == ["alpha"]
    assert {one["folder"]: one["state"] for one in done.record["groups"]}["beta"] == "unchanged"
    assert again(mine)[1] == []


def test_a_failure_leaves_the_others_and_is_told(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = mine / "study" / "survey.csv"
    frame = pd.read_csv(path)
    gone = frame.index[frame["brand"] == "beta"][0]
    frame.drop(index=gone).to_csv(path, index=False)
    before = groups_of(mine)
    study, out = str(mine / "study" / "study.toml"), str(mine / "out")
    with one_process(mine / "notebooks") as made, pytest.raises(SystemExit) as stop:
        main(["report", study, "--by", "brand", "--out", out, "--quiet"])
    assert (stop.value.code, made) == (1, ["beta"])
    said = capsys.readouterr()
    assert "brand beta: failed" in said.err and "AssertionError" in said.err
    assert "Traceback" not in said.err
    after = groups_of(mine)
    assert record_of(mine)["state"] == "failed"
    assert after["beta"]["run"] == before["beta"]["run"]  # the last good report stands
    assert {after[name]["run"] for name in SIZES} == {before[name]["run"] for name in SIZES}
    link = page_of(mine).find("a", href=after["beta"]["error"]["page"])
    assert link is not None and (mine / "out" / PLACE / after["beta"]["error"]["page"]).is_file()
    served = (mine / "out" / PLACE / "beta" / "index.html").read_text(encoding="utf-8")
    assert "when a later run" in served and "AssertionError" in served
    # the next night the answer is there again
    frame.to_csv(path, index=False)
    done, _ = again(mine)
    assert not done.failed and record_of(mine)["state"] == "ok"


def test_force_makes_every_group_again(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"state": "ok", "answer_changed": False, "changes": "", "seconds": 0.0}
    monkeypatch.setattr(batch, "_render_one", lambda task: found)
    done, made = again(mine, force=True)
    assert sorted(made) == sorted(one["folder"] for one in done.record["groups"] if one["run"])
    assert len(made) == 3


@pytest.mark.parametrize(
    ("ended", "said"),
    [("died", "its process was lost twice (exit code -9)"), ("timed_out", "the deadline of 60 s")],
)
def test_groups_whose_process_is_lost_or_late_leave_their_last_report(
    mine: Path, ended: Any, said: str
) -> None:
    before = groups_of(mine)

    def lost(do: Any, tasks: Iterable[Any], *asked: Any) -> Iterator[Outcome]:
        return (Outcome(task, ended, exitcode=-9) for task in tasks)

    with one_notebook(mine / "notebooks") as patch:
        patch.setattr(batch, "outcomes", lost)
        study = mine / "study" / "study.toml"
        done = render_batch(study, ["brand"], mine / "out", force=True, run_deadline=60)
    assert [one["state"] for one in done.failed] == [ended] * 3
    assert all(said in one["error"]["message"] for one in done.failed)
    assert all(one["run"] == before[one["values"]["brand"]]["run"] for one in done.failed)


@pytest.mark.parametrize("column", ["rep1", "brand"])
def test_a_blocked_batch_leaves_the_reports_and_says_so(mine: Path, column: str) -> None:
    path, before = mine / "study" / "survey.csv", reports(mine)
    whole = path.read_text()
    pd.read_csv(path).drop(columns=column).to_csv(path, index=False)
    study, out = str(mine / "study" / "study.toml"), str(mine / "out")
    with one_process(mine / "notebooks") as made, pytest.raises(SystemExit) as stop:
        main(["report", study, "--by", "brand", "--out", out, "--quiet"])
    assert stop.value.code in (1, 2) and made == []
    failed = sorted({*reports(mine)} - {*before})
    assert {*before} <= {*reports(mine)}
    assert record_of(mine)["state"] == "blocked"
    assert column in page_of(mine).get_text()
    for run in failed:  # the page of every group says that it is late, and why
        late = (mine / run).parent / "index.html"
        assert "was blocked" in late.read_text(encoding="utf-8")
        assert "study.toml' --by brand" in read_manifest(mine / run)["command"]
    assert len(failed) == len([one for one in groups_of(mine).values() if one["run"]])
    assert [one["run"] for one in groups_of(mine).values()].count(None) == 1
    path.write_text(whole)
    done, made = again(mine)
    assert (made, done.record["state"], record_of(mine)["error"]) == ([], "ok", None)
    assert column not in {tag.get_text() for tag in page_of(mine).select(".banner")}


def test_groups_named_by_addresses_are_refused_by_column(tmp_path: Path) -> None:
    study = small(tmp_path / "study", brands(names=["ann@shop.org", "bob@shop.org", "c"]))
    with pytest.raises(BlockedError, match=r"--by brand: .* e-mail address") as refused:
        render_batch(study, ["brand"], tmp_path / "out")
    assert "ann@" not in str(refused.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("shown", [{"where": "brand != 'ann@shop.org'"}, {"settings": [TITLE]}])
def test_filters_and_settings_that_must_not_be_shown_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: dict[str, Any]
) -> None:
    monkeypatch.setenv("LOYALTY_SECRETS", "PLACE")
    monkeypatch.setenv("PLACE", "gk7-Lq29-x")
    study = small(tmp_path / "study", brands())
    with pytest.raises(BlockedError, match="a setting or the filter"):
        render_batch(study, ["brand"], tmp_path / "out", **shown)
    assert not (tmp_path / "out").exists()


def test_what_stands_is_recognised_without_anything_heavy() -> None:
    code = (
        "import sys, loyalty_analysis.batch\n"
        "heavy = {'matplotlib', 'nbformat', 'papermill', 'nbconvert', 'jupyter_client'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_why_a_batch_was_blocked_is_not_told_with_a_secret(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOYALTY_SECRETS", "PLACE")
    monkeypatch.setenv("PLACE", "gk7-Lq29-x")
    study = mine / "study" / "study.toml"
    with pytest.raises(DataError, match="gk7-Lq29-x"):
        render_batch(study, ["brand"], mine / "out", data=mine / "gk7-Lq29-x.csv")
    kept = (mine / "out" / PLACE / "batch.json").read_text(encoding="utf-8")
    assert "gk7-Lq29-x" not in kept + str(page_of(mine)) and "is not kept" in kept


def test_a_file_that_cannot_be_read_is_told_on_every_page(mine: Path) -> None:
    path, before = mine / "study" / "survey.csv", reports(mine)
    path.write_text("")
    with pytest.raises(DataError, match="is empty"):
        again(mine)
    failed = sorted({*reports(mine)} - {*before})
    assert sorted({*reports(mine)} - {*failed}) == before
    assert all(run.endswith(".failed") for run in failed)
    late = [((mine / run).parent / "index.html").read_text() for run in failed]
    assert len(late) == len([one for one in groups_of(mine).values() if one["run"]])
    assert all("was blocked" in text and "is empty" in text for text in late)
    assert "A later batch was blocked" in page_of(mine).get_text()
    assert "is empty" in (mine / "out" / "index.html").read_text()


def test_columns_that_name_respondents_are_refused_and_not_published(tmp_path: Path) -> None:
    study = small(tmp_path / "study", brands((9, 9), "ab"))
    with pytest.raises(DataError, match="none of 2 groups has 10 respondents"):
        render_batch(study, ["brand"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_for_all_is_refused_once(tmp_path: Path) -> None:
    study = small(tmp_path / "study", brands((30, 30), "ab").drop(columns="rep1"))
    with pytest.raises(DataError, match="column 'rep1'"):
        render_batch(study, ["brand"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_few_who_are_not_shown_take_another_group_along(tmp_path: Path) -> None:
    """A report of everybody, less those of the groups shown, would tell what the few answered."""
    study = small(tmp_path / "study", brands((40, 31, 3), "abc"))
    with one_process(write_notebook(tmp_path / "notebooks")):
        done = render_batch(study, ["brand"], tmp_path / "out")
    assert [one["state"] for one in done.record["groups"]] == ["ok", "suppressed", "suppressed"]
    said = page_of(tmp_path).get_text(" ", strip=True)
    assert "Fewer than 30 respondents, not shown: brand c." in said
    assert "Not shown either: brand b." in said


def test_a_minimum_below_ten_is_refused(tmp_path: Path) -> None:
    study = small(tmp_path / "study", brands())
    with pytest.raises(StudyError, match=r"--min-size 9: .*Allowed are 10 and more"):
        render_batch(study, ["brand"], tmp_path / "out", min_size=9)
    with pytest.raises(StudyError, match="min_size"):
        render_batch(study, ["brand"], tmp_path / "out", ["reports.min_size=9"])
    assert not (tmp_path / "out").exists()


def tasks_of(folder: Path, frame: pd.DataFrame) -> list[Any]:
    """The tasks that workers of a batch would be given."""
    given: list[Any] = []

    def keep(do: Any, tasks: Iterable[Any], *asked: Any) -> Iterator[Outcome]:
        given.extend(tasks)
        return iter(())

    with one_notebook(write_notebook(folder / "notebooks")) as patch:
        patch.setattr(batch, "outcomes", keep)
        render_batch(small(folder / "study", frame), ["brand"], folder / "out")
    return given


def test_a_group_is_counted_by_who_is_analysed(tmp_path: Path) -> None:
    frame = brands([30, 30], ["whole", "gaps"]).astype({"rep1": float})
    frame.loc[frame.index[-1], "rep1"] = np.nan
    given = {task.folder: task for task in tasks_of(tmp_path, frame)}
    assert batch._render_one(given["gaps"])["state"] == "suppressed"
    assert not (tmp_path / "out" / PLACE / "gaps").exists()


def test_a_group_that_was_found_too_small_takes_no_worker_again(tmp_path: Path) -> None:
    frame = brands([30], ["gaps"]).astype({"rep1": float})
    frame.loc[0, "rep1"] = np.nan
    study = small(tmp_path / "study", frame)
    out = tmp_path / "out"
    with one_process(write_notebook(tmp_path / "notebooks")) as made:
        for asked, tried in ((30, 1), (30, 1), (31, 1), (30, 2)):  # who is asked for fewer looks
            done = render_batch(study, ["brand"], out, min_size=asked)
            assert [one["state"] for one in done.record["groups"]] == ["suppressed"]
            assert len(made) == tried
        frame.assign(aff1=8 - frame["aff1"]).to_csv(study.with_name("survey.csv"), index=False)
        render_batch(study, ["brand"], out)
    assert made == ["gaps"] * 3


def test_bad_data_of_a_group_and_faults_of_ours_are_states_and_no_lost_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = brands([30, 30], ["good", "bad"])
    frame.loc[frame["brand"] == "bad", "rep1"] = 55
    given = {task.folder: task for task in tasks_of(tmp_path, frame)}
    found = batch._render_one(given["bad"])
    assert found["state"] == "blocked" and "55" in found["error"]["message"]

    def fail(self: Inputs) -> None:
        raise ValueError("no such luck")

    monkeypatch.setattr(Inputs, "opened", fail)
    found = batch._render_one(replace(given["good"]))
    assert (found["state"], found["error"]["message"]) == ("failed", "no such luck")


def test_workers_make_the_reports_and_losing_one_costs_its_group_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small(tmp_path / "study", brands([40, 40], ["alpha", batch_workers.LOST]))
    notebooks = write_notebook(tmp_path / "notebooks")
    monkeypatch.setenv(batch_workers.NOTEBOOKS, str(notebooks))
    monkeypatch.setattr(batch, "_render_one", batch_workers.render_one)
    with one_notebook(notebooks):
        done = render_batch(study, ["brand"], tmp_path / "out", workers=2, cold=True)
    states = {one["folder"]: one["state"] for one in done.record["groups"]}
    assert states == {"alpha": "ok", batch_workers.LOST: "died"}
    run = last_good(done.folder / "alpha")
    assert run is not None and (run / "notebooks" / f"{NAME}.ipynb").is_file()
    [lost] = done.failed
    assert "exit code 7" in lost["error"]["message"]
