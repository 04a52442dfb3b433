"""Run folders: complete or not there at all, and the last good one stays."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from loyalty_analysis import leftovers, runs
from loyalty_analysis.comparison import read_verdicts, write_results
from loyalty_analysis.errors import DataError, RunError
from loyalty_analysis.interruption import Interrupted
from loyalty_analysis.leftovers import claim, sweep
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.pages import index
from loyalty_analysis.published import last_good, new_run_id
from loyalty_analysis.run_folder import Clock, RunFolder
from loyalty_analysis.runs import judge_run, parameters_of
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import COLUMNS


@pytest.fixture(scope="module")
def survey() -> Survey:
    return read_survey("bank_customers")


def folder(out: Path, survey: Survey) -> RunFolder:
    asked = parameters_of("bank_customers", [], "", "")
    return RunFolder(out, survey, "judge", asked, Clock())


def verdict_table(**rows: str) -> pd.DataFrame:
    """A verdict table of one claim set, with a verdict for each claim."""
    blank = dict.fromkeys(COLUMNS, "")
    table = [{**blank, "claim_set": "press", "claim": c, "verdict": v} for c, v in rows.items()]
    return pd.DataFrame(table, columns=COLUMNS).assign(estimate=0.1, outcome="loyalty", text="T")


def tree(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_run_ids_sort_by_time_and_do_not_repeat() -> None:
    first = new_run_id(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    later = new_run_id(datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))
    assert re.fullmatch(r"20260102T030405Z-[0-9a-z]{4}", first)
    assert first < later
    assert len({new_run_id() for _ in range(50)}) > 45


@pytest.mark.parametrize(
    "there", ["{}", "{}.failed", ".{}.partial", ".{}.owner"], ids=lambda name: name.format("run")
)
def test_a_new_run_is_the_last_by_name_although_the_clock_went_back(
    there: str, tmp_path: Path
) -> None:
    (tmp_path / there.format("20991231T235959Z-zzzz")).mkdir()
    (tmp_path / "20250101T000000Z-aaaa").mkdir()
    (tmp_path / "latest").symlink_to("20250101T000000Z-aaaa")
    assert new_run_id(home=tmp_path)[:-5] == "21000101T000000Z"
    assert new_run_id(home=tmp_path / "none")[:4] < "2099"


def test_a_run_appears_only_when_complete(tmp_path: Path, survey: Survey) -> None:
    home = tmp_path / "bank_customers"
    with folder(tmp_path, survey) as run:
        write_results(
            run.folder, {"models": pd.DataFrame({"n": [1]})}, verdict_table(R1="supported")
        )
        assert tree(home) == {f".{run.id}.partial", f".{run.id}.owner"}
    assert tree(home) == {run.id, "latest"}
    assert (home / "latest").resolve() == run.final.resolve()
    assert not (home / "latest").readlink().is_absolute()
    manifest = json.loads((run.final / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "ok"
    assert set(manifest["files"]) == {"changes.json", "results/models.csv", "verdicts.csv"}
    assert manifest["verdicts"]["supported"] == 1
    assert manifest["started"] <= manifest["finished"]
    assert manifest["seconds"]["total"] >= 0


def test_a_failed_run_is_kept_apart_and_changes_nothing_else(
    tmp_path: Path, survey: Survey
) -> None:
    with folder(tmp_path, survey) as good:
        (good.folder / "page.txt").write_text("good")
    with pytest.raises(ValueError, match="went wrong"), folder(tmp_path, survey) as bad:
        (bad.folder / "half.txt").write_text("half")
        raise ValueError(f"{Path.cwd()}/x went wrong")
    home = tmp_path / "bank_customers"
    assert tree(home) == {good.id, "latest", f"{bad.id}.failed"}
    assert last_good(tmp_path / "bank_customers") == good.final
    assert (home / "latest" / "page.txt").read_text() == "good"
    manifest = json.loads((bad.failed / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "failed"
    assert (manifest["verdicts"], manifest["changes"]) == ({}, [])
    assert manifest["error"]["type"] == "ValueError"
    assert manifest["error"]["message"] == "./x went wrong"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Interrupted])
def test_a_stopped_run_is_kept_as_cancelled(
    tmp_path: Path, survey: Survey, stop: type[BaseException]
) -> None:
    with pytest.raises(stop), folder(tmp_path, survey) as run:
        (run.folder / "half.txt").write_text("half")
        raise stop
    assert tree(tmp_path / "bank_customers") == {f"{run.id}.failed"}
    manifest = read_manifest(run.failed)
    assert (manifest["state"], manifest["error"]["message"]) == ("cancelled", "interrupted")


def test_the_text_of_a_strange_error_is_kept_short(tmp_path: Path, survey: Survey) -> None:
    with pytest.raises(ValueError, match="rows"), folder(tmp_path, survey) as run:
        (run.folder / "half.txt").write_text("half")
        raise ValueError("rows do not fit\n17  3  5  7")
    assert read_manifest(run.failed)["error"]["message"] == "rows do not fit"


def test_a_failed_run_without_content_leaves_nothing(tmp_path: Path, survey: Survey) -> None:
    with pytest.raises(KeyboardInterrupt), folder(tmp_path, survey):
        raise KeyboardInterrupt
    assert tree(tmp_path / "bank_customers") == set()
    assert last_good(tmp_path / "bank_customers") is None


def test_bad_input_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        judge_run("bank_customers", tmp_path / "out", data=tmp_path / "moments.csv")
    assert not (tmp_path / "out").exists()


def test_latest_moves_to_the_newest_good_run(tmp_path: Path, survey: Survey) -> None:
    found = []
    for text in ("one", "two"):
        with folder(tmp_path, survey) as run:
            (run.folder / "page.txt").write_text(text)
        found.append(run)
    assert found[1].previous == found[0].final
    assert (tmp_path / "bank_customers" / "latest" / "page.txt").read_text() == "two"


def test_latest_is_a_file_with_the_name_where_links_are_not_allowed(
    tmp_path: Path, survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise OSError("links are not allowed")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    with folder(tmp_path, survey) as run:
        (run.folder / "page.txt").write_text("x")
    latest = tmp_path / "bank_customers" / "latest"
    assert not latest.is_symlink()
    assert latest.read_text(encoding="utf-8").strip() == run.id
    assert last_good(tmp_path / "bank_customers") == run.final


def test_last_good_falls_back_to_the_newest_complete_run(tmp_path: Path, survey: Survey) -> None:
    made = []
    for _ in range(2):
        with folder(tmp_path, survey) as run:
            (run.folder / "page.txt").write_text("x")
        made.append(run.final)
        time.sleep(1.1)  # ids count whole seconds
    shutil.rmtree(made[1])  # latest now points nowhere
    assert last_good(tmp_path / "bank_customers") == made[0]


def test_a_folder_in_the_place_of_latest_is_refused(tmp_path: Path, survey: Survey) -> None:
    (tmp_path / "bank_customers" / "latest").mkdir(parents=True)
    with pytest.raises(RunError, match="latest"), folder(tmp_path, survey):
        pass


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(
    tmp_path: Path, survey: Survey
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RunError, match="--out"), folder(tmp_path / "file", survey):
        pass


HERE = socket.gethostname()


def leave(home: Path, age: float = 0.0, **owner: object) -> Path:
    """Leave a partial run with an owner, as a killed process would; no owner, no such file."""
    home.mkdir(parents=True, exist_ok=True)
    run = new_run_id()
    partial, told = home / f".{run}.partial", home / f".{run}.owner"
    (partial / "notebooks").mkdir(parents=True)
    (partial / "notebooks" / "half.txt").write_text("half")
    (home / f".{run}.link").symlink_to("nowhere")
    if owner:
        told.write_text(json.dumps({"pid": 1, "began": None, "host": HERE} | owner))
    for path in filter(Path.exists, (partial, told)):
        os.utime(path, (time.time() - age, time.time() - age))
    os.utime(home / f".{run}.link", (time.time() - age,) * 2, follow_symlinks=False)
    return partial


def test_leftovers_of_killed_runs_go_and_those_of_running_ones_stay(
    tmp_path: Path, survey: Survey
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    home = tmp_path / "bank_customers"
    stay = [
        leave(home, pid=os.getpid()),
        leave(home, host="another-host"),
        leave(home),  # just made
    ]
    swept = [
        leave(home, host="another-host", age=2 * 86_400),
        leave(home, pid=gone.pid),
        leave(home, age=3600),
    ]
    with folder(tmp_path, survey) as run:
        (run.folder / "page.txt").write_text("x")
    assert all(path.is_dir() for path in stay)
    assert not any(path.exists() for path in swept)
    runs_left = {path.name.split(".")[1] for path in home.glob(".*")}
    assert runs_left == {path.name.split(".")[1] for path in stay}  # links and owners, too


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="no /proc tells when it began")
def test_a_process_with_the_same_number_is_not_the_same_process(tmp_path: Path) -> None:
    claim(tmp_path, new_run_id())
    (owner,) = tmp_path.iterdir()
    assert json.loads(owner.read_text())["began"] == leftovers._began(os.getpid())
    sweep(tmp_path)
    assert owner.is_file()
    # a container that starts anew: same host name, same process number, another process
    mine = leave(tmp_path, pid=os.getpid(), began="12345")
    sweep(tmp_path)
    assert not mine.exists()
    assert list(tmp_path.iterdir()) == [owner]


def test_a_killed_process_leaves_the_last_good_run_and_is_swept_by_the_next(
    tmp_path: Path, survey: Survey
) -> None:
    with folder(tmp_path, survey) as good:
        (good.folder / "page.txt").write_text("good")
    code = (
        "import os, signal, sys\n"
        "from loyalty_analysis.run_folder import *\n"
        "from loyalty_analysis.runs import parameters_of\n"
        "from loyalty_analysis.survey import read_survey\n"
        "asked = parameters_of('bank_customers', [], '', '')\n"
        "survey = read_survey('bank_customers')\n"
        f"run = RunFolder({str(tmp_path)!r}, survey, 'judge', asked, Clock())\n"
        "with run:\n"
        "    (run.folder / 'half.txt').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(runs.__file__).parents[1], check=False)
    home = tmp_path / "bank_customers"
    assert len(list(home.glob(".*.partial"))) == len(list(home.glob(".*.owner"))) == 1
    assert last_good(tmp_path / "bank_customers") == good.final
    sweep(home)
    assert tree(home) == {good.id, "latest"}


def test_parameters_repeat_what_the_user_wrote() -> None:
    assert parameters_of("bank", ["a=1"], "", "age > 3")["where"] == "age > 3"
    study = load_study("bank_customers", ["title='x'"])
    assert parameters_of(study, ["y=2"], "", "")["settings"] == ["title='x'", "y=2"]


def test_judge_run_writes_results_verdicts_and_the_front_page(tmp_path: Path) -> None:
    first = judge_run("bank_customers", tmp_path)
    second = judge_run("bank_customers", tmp_path)
    assert (second.folder / "results" / "regression.csv").is_file()
    assert second.changed.empty
    assert set(second.seconds) == {"survey", "analysis", "verdicts", "total"}
    assert len(read_verdicts(first.folder)) == len(second.verdicts)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert first.folder.name in page
    assert "verdicts only" in page


def test_the_front_page_tells_of_a_later_failure_and_escapes_titles(tmp_path: Path) -> None:
    study = load_study("bank_customers", ["title='<b onclick=x()>Bank</b>'"])
    hostile = read_survey(study)
    with folder(tmp_path, hostile) as run:
        (run.folder / "index.html").write_text("page")
    time.sleep(1.1)  # ids count whole seconds
    with pytest.raises(RunError), folder(tmp_path, hostile) as bad:
        (bad.folder / "half.txt").write_text("half")
        raise RunError("cell 3 <failed>")
    page = index(tmp_path).read_text(encoding="utf-8")
    assert "<b onclick" not in page
    assert "cell 3 &lt;failed&gt;" in page
    assert "A later run failed" in " ".join(re.sub("<[^>]*>", "", page).split())
    assert f"{bad.id}.failed/index.html" not in page  # it has no page
    assert f"bank_customers/{run.id}/index.html" in page
    assert re.search(r"(?:src|href)=\"(?:https?:)?//", page) is None


def test_the_front_page_leads_to_the_page_of_a_later_failure(
    tmp_path: Path, survey: Survey
) -> None:
    with folder(tmp_path, survey) as run:
        (run.folder / "index.html").write_text("page")
    time.sleep(1.1)  # ids count whole seconds
    with pytest.raises(KeyboardInterrupt), folder(tmp_path, survey) as bad:
        (bad.folder / "index.html").write_text("what happened")
        raise KeyboardInterrupt
    page = index(tmp_path).read_text(encoding="utf-8")
    assert (
        f'<a href="bank_customers/{bad.id}.failed/index.html">A later run</a> was stopped' in page
    )


def test_the_front_page_tells_of_a_study_of_which_no_run_has_finished(
    tmp_path: Path, survey: Survey
) -> None:
    with pytest.raises(RunError), folder(tmp_path, survey) as bad:
        (bad.folder / "index.html").write_text("what happened")
        raise RunError("cell 3 failed")
    page = index(tmp_path).read_text(encoding="utf-8")
    assert "No run has finished yet." in page and "cell 3 failed" in page
    assert f'href="bank_customers/{bad.id}.failed/index.html"' in page
    assert "No run yet." not in page


def test_the_front_page_is_written_also_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RunError("the disk is full")

    monkeypatch.setattr(runs, "write_results", fail)
    with pytest.raises(RunError, match="the disk is full"):
        judge_run("bank_customers", tmp_path)
    assert tree(tmp_path) == {"bank_customers", "index.html"}
    assert tree(tmp_path / "bank_customers") == {".lock"}


def test_front_pages_that_were_never_finished_are_swept(tmp_path: Path) -> None:
    old, new = tmp_path / ".index.0", tmp_path / ".index.1"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (time.time() - 120, time.time() - 120))
    index(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)
