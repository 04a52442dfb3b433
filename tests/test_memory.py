"""Results kept by content: read by whoever comes second, never half written, never stale."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pytest
from factory import CLAIM, REMOVE, answers, claim_file, make
from pandas.testing import assert_frame_equal

from loyalty_analysis import analysis
from loyalty_analysis.analysis import analyse
from loyalty_analysis.memory import FOLDER, remembered
from loyalty_analysis.survey import read_survey

TINY: Mapping[str, Any] = {
    "model": {"drivers": ["affective"], "outcomes": {"repurchase": "intention"}}, "paths": REMOVE,
}  # fmt: skip
ASKED = {**CLAIM, "estimand": "total", "outcome": "repurchase"}
PROCESS = """
import sys, time
from pathlib import Path
from loyalty_analysis.memory import remembered
folder, name, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
def compute():
    with (folder / "computed").open("a") as log:
        log.write(name + "\\n")
    time.sleep(seconds)
    return name
print(remembered(compute, lambda: "the same", folder / "memory"))
"""


def never() -> NoReturn:
    raise AssertionError("nothing had to be computed")


def process(folder: Path, name: str, seconds: float) -> subprocess.Popen[str]:
    """Another process that asks for the same, and takes so long to compute it."""
    command = [sys.executable, "-c", PROCESS, str(folder), name, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def computed(folder: Path, at_least: int) -> list[str]:
    """Who computed so far; wait until there are so many."""
    log, end = folder / "computed", time.monotonic() + 30
    while time.monotonic() < end:
        names = log.read_text().splitlines() if log.is_file() else []
        if len(names) >= at_least:
            return names
        time.sleep(0.02)
    raise AssertionError("nobody computed")


def test_the_second_reads_what_the_first_computed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan]})
    first = remembered(lambda: {"frame": frame}, lambda: [1, "x"], tmp_path)
    assert_frame_equal(remembered(never, lambda: [1, "x"], tmp_path)["frame"], first["frame"])
    assert remembered(lambda: "new", lambda: [1, "y"], tmp_path) == "new"


def test_an_environment_variable_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept" / "here"))
    assert remembered(lambda: 1, lambda: "x") == remembered(never, lambda: "x") == 1
    other = tmp_path / "other"
    assert remembered(lambda: 2, lambda: "x", other) == 2  # what is asked for comes first


def test_without_a_folder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    assert remembered(lambda: 1, never) == 1  # nor is anything asked about its content
    assert remembered(lambda: 2, never) == 2
    assert not list(tmp_path.iterdir())


def test_what_fails_is_tried_again(tmp_path: Path) -> None:
    def fail() -> NoReturn:
        raise ValueError("no solution")

    for _ in range(2):
        with pytest.raises(ValueError, match="no solution"):
            remembered(fail, lambda: "x", tmp_path)
    assert not list(tmp_path.glob("*.pkl"))
    assert remembered(lambda: 1, lambda: "x", tmp_path) == 1


def test_two_processes_compute_once(tmp_path: Path) -> None:
    both = [process(tmp_path, name, 0.5) for name in ("a", "b")]
    said = {one.communicate(timeout=60)[0].strip() for one in both}
    assert len(computed(tmp_path, 1)) == 1
    assert said == set(computed(tmp_path, 1))
    assert remembered(never, lambda: "the same", tmp_path / "memory") in ("a", "b")


def test_a_killed_process_leaves_nothing_that_misleads(tmp_path: Path) -> None:
    killed = process(tmp_path, "killed", 60)
    assert computed(tmp_path, 1) == ["killed"]
    killed.kill()
    killed.wait(timeout=30)
    memory = tmp_path / "memory"
    assert not list(memory.glob("*.pkl"))
    # As if it had been killed while it wrote.
    [lock] = memory.glob("*.lock")
    lock.with_suffix(".partial").write_bytes(b"half a result")
    begun = time.monotonic()
    assert remembered(lambda: "again", lambda: "the same", memory) == "again"
    assert time.monotonic() - begun < 10  # it waits for nobody
    assert remembered(never, lambda: "the same", memory) == "again"
    assert {path.suffix for path in memory.iterdir()} == {".pkl", ".lock"}


# Results of a study


def test_another_process_finds_the_results_of_this_one(tmp_path: Path, monkeypatch: Any) -> None:
    path = make(tmp_path / "study", TINY, claims=[ASKED])
    script = (
        "import sys; from loyalty_analysis.analysis import analyse; "
        "from loyalty_analysis.survey import read_survey; "
        "analyse(read_survey(sys.argv[1]), everything=False, memory=sys.argv[2])"
    )
    memory = tmp_path / "memory"
    subprocess.run([sys.executable, "-c", script, str(path), str(memory)], check=True)
    plain = analyse(read_survey(path), everything=False)
    monkeypatch.setattr(analysis, "_frames", lambda *_: never())
    found = analyse(read_survey(path), everything=False, memory=memory)
    assert set(found) == set(plain)
    for name, table in plain.items():
        assert_frame_equal(found[name], table)
    with pytest.raises(AssertionError, match="had to be computed"):
        analyse(read_survey(path), everything=True, memory=memory)


@pytest.fixture(scope="module")
def extra() -> pd.DataFrame:
    """Answers with seven respondents more, to whom one answer is missing."""
    frame = answers()
    more = frame.head(7).assign(id=range(900, 907)).astype(float, errors="ignore")
    return pd.concat([frame, more.assign(aff1=np.nan)], ignore_index=True)


@pytest.mark.parametrize("what", ["setting", "claims", "answer", "attrition"])
def test_whatever_matters_is_computed_again(
    tmp_path: Path, monkeypatch: Any, extra: pd.DataFrame, what: str
) -> None:
    path, memory = make(tmp_path / "study", TINY, extra, claims=[ASKED]), tmp_path / "memory"
    own = lambda survey, claims, everything: {"a": survey.attrition}  # noqa: E731
    monkeypatch.setattr(analysis, "_frames", own)
    analyse(read_survey(path), memory=memory)
    settings = ["gates.htmt=0.8"] if what == "setting" else []
    if what == "claims":
        (path.parent / "own.toml").write_text(claim_file([{**ASKED, "negligible": 0.2}]))
    if what == "answer":
        frame = extra.assign(aff2=extra["aff2"].where(extra.index != 3, 8 - extra["aff2"]))
        frame.to_csv(path.parent / "survey.csv", index=False)
    if what == "attrition":  # the same sample, but others were removed for another answer
        last = extra.index >= 120
        frame = extra.assign(aff1=extra["aff2"].where(last, extra["aff1"]))
        frame.assign(rep1=extra["rep1"].mask(last)).to_csv(path.parent / "survey.csv", index=False)
    survey = read_survey(path, settings)
    assert_frame_equal(analyse(survey, memory=memory)["a"], survey.attrition)
    assert len(list(memory.glob("*.pkl"))) == 2
    analyse(survey, memory=memory)
    assert len(list(memory.glob("*.pkl"))) == 2
