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

from loyalty_analysis import runs
from loyalty_analysis.comparison import read_verdicts, write_results
from loyalty_analysis.errors import DataError, RunError
from loyalty_analysis.pages import index
from loyalty_analysis.runs import (
    Clock,
    RunFolder,
    judge_run,
    last_good,
    new_run_id,
    parameters_of,
    sweep,
)
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


def test_a_run_appears_only_when_complete(tmp_path: Path, survey: Survey) -> None:
    home = tmp_path / "bank_customers"
    with folder(tmp_path, survey) as run:
        write_results(
            run.folder, {"models": pd.DataFrame({"n": [1]})}, verdict_table(R1="supported")
        )
        assert tree(home) == {run.folder.name}
        assert run.folder.name.endswith(".partial")
    assert tree(home) == {run.id, "latest"}
    assert (home / "latest").resolve() == run.final.resolve()
    assert not (home / "latest").readlink().is_absolute()
    manifest = json.loads((run.final / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "ok"
    assert set(manifest["files"]) == {"results/models.csv", "verdicts.csv"}
    assert manifest["verdicts"]["supported"] == 1
    assert manifest["started"] <= manifest["finished"]
    assert manifest["seconds"]["total"] >= 0
    assert not (run.final / "owner.json").exists()


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
    assert last_good(tmp_path, "bank_customers") == good.final
    assert (home / "latest" / "page.txt").read_text() == "good"
    manifest = json.loads((bad.failed / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["state"] == "failed"
    assert manifest["error"]["type"] == "ValueError"
    assert manifest["error"]["message"] == "./x went wrong"


def test_a_failed_run_without_content_leaves_nothing(tmp_path: Path, survey: Survey) -> None:
    with pytest.raises(KeyboardInterrupt), folder(tmp_path, survey):
        raise KeyboardInterrupt
    assert tree(tmp_path / "bank_customers") == set()
    assert last_good(tmp_path, "bank_customers") is None


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
    assert last_good(tmp_path, "bank_customers") == run.final


def test_last_good_falls_back_to_the_newest_complete_run(tmp_path: Path, survey: Survey) -> None:
    made = []
    for _ in range(2):
        with folder(tmp_path, survey) as run:
            (run.folder / "page.txt").write_text("x")
        made.append(run.final)
        time.sleep(1.1)  # ids count whole seconds
    shutil.rmtree(made[1])  # latest now points nowhere
    assert last_good(tmp_path, "bank_customers") == made[0]


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


def leftover(home: Path, pid: int, host: str, age: float = 0.0) -> Path:
    partial = home / f".{new_run_id()}.partial"
    partial.mkdir(parents=True)
    (partial / "owner.json").write_text(json.dumps({"pid": pid, "host": host}))
    os.utime(partial, (time.time() - age, time.time() - age))
    return partial


def test_leftovers_of_killed_runs_go_and_those_of_running_ones_stay(
    tmp_path: Path, survey: Survey
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    home, here = tmp_path / "bank_customers", socket.gethostname()
    running = leftover(home, os.getpid(), here)
    elsewhere = leftover(home, 1, "another-host")
    old_elsewhere = leftover(home, 1, "another-host", age=2 * 86_400)
    killed = leftover(home, gone.pid, here)
    unowned = leftover(home, gone.pid, here, age=3600)
    (unowned / "owner.json").unlink()
    os.utime(unowned, (time.time() - 3600, time.time() - 3600))
    with folder(tmp_path, survey) as run:
        (run.folder / "page.txt").write_text("x")
    assert running.is_dir()
    assert elsewhere.is_dir()
    assert not any(path.exists() for path in (old_elsewhere, killed, unowned))
    assert len(tree(home)) == 4


def test_a_killed_process_leaves_the_last_good_run_and_is_swept_by_the_next(
    tmp_path: Path, survey: Survey
) -> None:
    with folder(tmp_path, survey) as good:
        (good.folder / "page.txt").write_text("good")
    code = (
        "import os, signal, sys\n"
        "from loyalty_analysis.runs import *\n"
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
    assert len(list(home.glob(".*.partial"))) == 1
    assert last_good(tmp_path, "bank_customers") == good.final
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
    assert f"bank_customers/{run.id}/index.html" in page
    assert re.search(r"(?:src|href)=\"(?:https?:)?//", page) is None
