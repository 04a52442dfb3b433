"""The runner: parameters refused first, the truth about a run, nothing of the machine kept."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbformat import v4

from loyalty_analysis.copies import DID_NOT_RUN, STOPPED_HERE
from loyalty_analysis.errors import RunError
from loyalty_analysis.execution import NotebookRun
from loyalty_analysis.notebooks import (
    Batch,
    NotebookError,
    check_parameters,
    progress_bars,
    raise_failed,
)
from loyalty_analysis.report_notebooks import notebooks_folder

PARAMETERS = """\
study: str = "rice_simulated"  # study file, its folder, or the name of a shipped study
settings: list = []  # study keys to change
share: float = 0.5
note = "untyped"
"""
ASKED: dict[str, Any] = {"study": "bank", "settings": ["model.controls=[]"]}


def notebook(folder: Path, name: str, *cells: str) -> Path:
    """Write a notebook with a heading, a parameters cell and code cells: the first is cell 3."""
    tags = {"tags": ["parameters"]}
    content = v4.new_notebook(
        cells=[
            v4.new_markdown_cell(f"# Is {name} so?"),
            v4.new_code_cell(PARAMETERS, metadata=tags),
            *map(v4.new_code_cell, cells),
        ],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
    )
    path = folder / f"{name}.ipynb"
    nbformat.write(content, path)
    return path


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"studdy": "bank"}, "no parameter 'studdy'. Did you mean 'study'?"),
        ({"study": 3}, "parameter 'study' must be str, not 3."),
        ({"settings": "a=1"}, "parameter 'settings' must be list, not 'a=1'."),
        ({"note": 1}, "parameter 'note' must be str, not 1."),
        ({"study": 3, "stuudy": ""}, "2 problems"),
    ],
)
def test_misspelt_and_ill_typed_parameters_are_refused(
    tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    path = notebook(tmp_path, "one")
    with pytest.raises(RunError, match=r"one\.ipynb") as error:
        check_parameters(path, asked)
    assert said in str(error.value)


def test_parameters_that_fit_are_accepted_even_where_the_path_holds_braces(tmp_path: Path) -> None:
    folder = tmp_path / "a {study} b"
    folder.mkdir()
    check_parameters(notebook(folder, "one"), {**ASKED, "share": 1, "note": "z"})


def test_a_line_with_a_second_equals_sign_is_refused_and_not_ignored(tmp_path: Path) -> None:
    path = notebook(tmp_path, "one")
    content = nbformat.read(path, as_version=4)
    content.cells[1].source = 'study: str = "a = b"'
    nbformat.write(content, path)
    with pytest.raises(RunError, match="no parameter 'study'"):
        check_parameters(path, {"study": "bank"})


def test_a_missing_notebook_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    notebook(tmp_path, "01_data_and_measurement")
    with pytest.raises(RunError, match="Did you mean '01_data_and_measurement'"):
        check_parameters(tmp_path / "01_data_and_measurment.ipynb", {})


def test_nothing_runs_when_a_parameter_is_wrong(tmp_path: Path) -> None:
    path = notebook(tmp_path, "one", f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(RunError), Batch([path], tmp_path / "out", {"studdy": ""}):
        pass
    assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NotebookRun]:
    """Five notebooks executed at once: one good, four that fail in different ways."""
    folder = tmp_path_factory.mktemp("ran {x}")
    paths = [
        notebook(
            folder,
            "good",
            "import os, pathlib\nprint(study, settings)",
            "[os.environ[name] for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS')]",
            "print(os.getcwd())\npathlib.Path.home() / 'secret'",
            "print(1 / 3)  # the last cell",
        ),
        notebook(folder, "raises", "table = {}", f"table['{Path.home()}/x']", "1"),
        notebook(folder, "dies", "import os", "os._exit(9)", "1"),
        notebook(folder, "leaves", "import sys\nsys.exit(0)", "print('never')"),
        notebook(folder, "lacks", "import loyalty_analysis_nowhere"),
    ]
    asked = {**ASKED, "study": str(Path.home() / "survey" / "bank" / "study.toml")}
    with Batch(paths, folder / "out", asked, workers=2) as batch:
        found = batch.results()
    return {run.name: run for run in found}


def texts(run: NotebookRun) -> str:
    return run.path.read_text(encoding="utf-8")


def outputs(run: NotebookRun) -> list[Any]:
    return [output for cell in run.read().cells for output in cell.get("outputs", [])]


def test_a_good_notebook_is_ok_and_saw_its_parameters(ran: dict[str, NotebookRun]) -> None:
    run = ran["good"]
    assert (run.state, run.cell, run.error) == ("ok", None, "")
    assert run.seconds > 0
    assert outputs(run)[0].text == "…/bank/study.toml ['model.controls=[]']\n"


def test_kernels_use_one_blas_thread_each(ran: dict[str, NotebookRun]) -> None:
    assert outputs(ran["good"])[1].data["text/plain"] == "['1', '1']"


def test_kernels_work_in_the_current_folder(ran: dict[str, NotebookRun]) -> None:
    assert outputs(ran["good"])[2].text == ".\n"  # the current folder, shortened


@pytest.mark.parametrize(
    ("name", "state", "cell", "error", "message"),
    [
        ("raises", "failed", 4, "KeyError", "'~/x'"),
        ("dies", "died", 4, "", "exit code 9"),
        ("leaves", "failed", 3, "SystemExit", "0"),
        ("lacks", "failed", 3, "ModuleNotFoundError", None),
    ],
)
def test_what_went_wrong_is_seen_and_not_read_from_the_output(
    ran: dict[str, NotebookRun], name: str, state: str, cell: int, error: str, message: str | None
) -> None:
    run = ran[name]
    assert (run.state, run.cell, run.error) == (state, cell, error)
    assert message is None or run.message == message
    assert run.path.is_file()


def notes(run: NotebookRun) -> list[tuple[str, str]]:
    """Notes in an executed copy, each with the source of the cell below it."""
    cells = run.read().cells
    tags = {DID_NOT_RUN, STOPPED_HERE}
    pairs = itertools.pairwise(cells)
    return [(a.source, b.source) for a, b in pairs if tags & set(a.metadata.get("tags", []))]


def test_a_lost_kernel_is_tried_once_more_and_no_other_state_is(
    ran: dict[str, NotebookRun],
) -> None:
    assert {name: run.kernels for name, run in ran.items() if run.kernels > 1} == {"dies": 2}
    assert not any(run.warm for run in ran.values())


def test_copies_say_where_a_notebook_ended_and_what_did_not_run(
    ran: dict[str, NotebookRun],
) -> None:
    unrun = "*This cell did not run.*"
    assert notes(ran["good"]) == []
    assert notes(ran["raises"]) == [
        ("*This cell raised KeyError.*", "table['~/x']"),
        (unrun, "1"),
    ]
    assert notes(ran["dies"]) == [
        ("*The kernel died in this cell (exit code 9).*", "os._exit(9)"),
        (unrun, "1"),
    ]
    assert notes(ran["leaves"])[1] == (unrun, "print('never')")
    for run in ran.values():
        nbformat.validate(run.read())
        for cell in run.read().cells:
            assert "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
            if cell.source == "1" and cell.cell_type == "code":
                assert cell.execution_count is None and cell.outputs == []


def test_executed_copies_hold_nothing_of_the_machine(ran: dict[str, NotebookRun]) -> None:
    for run in ran.values():
        text = texts(run)
        for private in (Path.home(), Path.cwd(), run.path.parent):
            assert f"{private}/" not in text, run.name
        assert "input_path" not in text
        assert "start_time" not in text
    assert "~/secret" in texts(ran["good"])


def test_pictures_survive_whatever_their_encoding_looks_like(tmp_path: Path) -> None:
    lookalike = f"iVBORw0KGgo{Path.home()}/AAAA"
    show = f"get_ipython().display_pub.publish({{'image/png': {lookalike!r}, 'text/plain': ''}})"
    with Batch([notebook(tmp_path, "picture", show)], tmp_path / "out", ASKED) as batch:
        (run,) = batch.results()
    assert outputs(run)[0].data["image/png"].strip() == lookalike


def test_one_error_names_every_notebook_that_did_not_finish(ran: dict[str, NotebookRun]) -> None:
    with pytest.raises(NotebookError) as error:
        raise_failed(list(ran.values()), Path("reports/x.failed"))
    said = str(error.value)
    assert "notebook raises: cell 4 raised KeyError: '~/x'." in said
    assert "notebook dies: the kernel died in cell 4 (exit code 9)." in said
    assert "reports/x.failed" in said
    assert (error.value.notebook, error.value.cell) == ("raises", 4)
    assert error.value.state == "failed"
    with pytest.raises(NotebookError) as died:
        raise_failed([ran["dies"]])
    assert died.value.state == "died"
    raise_failed([ran["good"]])


def test_an_error_keeps_its_first_line_alone(tmp_path: Path) -> None:
    said = f"raise ValueError('first {'x' * 400}' + chr(10) + '{'secret' + 'row'} 17')"
    with Batch([notebook(tmp_path, "wordy", said)], tmp_path / "out", ASKED) as batch:
        (run,) = batch.results()
    assert len(run.message) == 301 and run.message.startswith("first x")
    (output,) = outputs(run)
    assert output.evalue == run.message
    assert "row 17" not in output.traceback[-1]


def test_an_error_in_the_caller_stops_every_kernel(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    write = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    paths = [notebook(tmp_path, "slow", write), notebook(tmp_path, "next", "1")]
    began = time.monotonic()
    with (
        pytest.raises(ZeroDivisionError),
        Batch(paths, tmp_path / "out", ASKED, workers=1) as batch,
    ):
        while not (pid.is_file() and pid.read_text()):
            time.sleep(0.05)
        _ = 1 / 0
    assert time.monotonic() - began < 30
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert batch.notebooks == paths
    assert not list((tmp_path / "out").glob(".kernels-*"))


# No thread, signal handler or check of the parent gets a turn while this searches.
BUSY = """\
import os, pathlib, re, signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
pathlib.Path({path!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
re.match("(a+)+$", "a" * 60 + "b")"""


def gone(pid: int) -> bool:
    """Whether a process has ended, be it reaped or not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
    return False


def test_a_deadline_covers_the_start_of_the_kernel(tmp_path: Path) -> None:
    path = notebook(tmp_path, "late", "1")
    with Batch([path], tmp_path / "out", ASKED, deadline=0.05) as batch:
        (run,) = batch.results()
    assert (run.state, run.cell) == ("timed_out", None)
    assert run.sentence() == "no cell had begun when the deadline of 0.05 s passed"


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), float("inf")])
def test_a_deadline_must_be_some_time(tmp_path: Path, deadline: float) -> None:
    with pytest.raises(RunError, match="deadline must be a number of seconds above 0"):
        Batch([], tmp_path, {}, deadline=deadline)


def test_a_stop_tells_what_ran_and_what_never_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    paths = [
        notebook(tmp_path, "slow", BUSY.format(path=str(pids)), "1"),
        notebook(tmp_path, "next", "1"),
    ]
    with (
        pytest.raises(KeyboardInterrupt),
        Batch(paths, tmp_path / "out", ASKED, workers=1) as batch,
    ):
        while not (pids.is_file() and pids.read_text()):
            time.sleep(0.05)
        raise KeyboardInterrupt
    slow, never = batch.outcomes()
    assert (slow.state, slow.cell, slow.sentence()) == ("cancelled", 3, "was stopped in cell 3")
    assert (never.state, never.sentence()) == ("cancelled", "did not start")
    assert not never.path.exists()
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_keys_of_connections_stay_inside_the_run_and_go_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    look = "import ipykernel\nprint(ipykernel.get_connection_file())"
    with Batch([notebook(tmp_path, "one", look)], tmp_path / "out", ASKED) as batch:
        (run,) = batch.results()
    assert "/out/.kernels-" in outputs(run)[0].text
    assert list(temporary.iterdir()) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one.ipynb"]


def test_progress_counts_the_cells_of_each_notebook(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    path = notebook(tmp_path, "one", "1", "2")
    with Batch([path], tmp_path / "out", ASKED, progress=lambda *step: told.append(step)) as batch:
        batch.results()
    assert told[0] == ("one", 0, 5)  # heading, parameters, those injected, two cells
    assert told[-1] == ("one", 5, 5)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


def test_quiet_bars_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bars(["one"], quiet=True) as show:
        show("one", 0, 2)
        show("one", 2, 2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", sorted(notebooks_folder().glob("*.ipynb")), ids=lambda p: p.stem)
def test_shipped_notebooks_take_the_parameters_of_a_report(path: Path) -> None:
    check_parameters(path, {**ASKED, "data": "", "where": ""})


@pytest.mark.parametrize(("silent", "state"), [(1, "ok"), (2, "failed")])
def test_a_kernel_that_never_answers_is_replaced_once(
    silent: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = papermill.execute_notebook, []

    def execute(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) <= silent:
            raise RuntimeError("Kernel didn't respond in 60 seconds")
        return real(*arguments, **options)

    monkeypatch.setattr(papermill, "execute_notebook", execute)
    with Batch([notebook(tmp_path, "patient", "1 + 1")], tmp_path / "done", ASKED) as batch:
        (run,) = batch.results()
    assert (run.state, run.kernels, len(calls)) == (state, 2, 2)
    assert run.facts()["kernels"] == 2


def test_an_error_in_a_cell_is_not_tried_again(tmp_path: Path) -> None:
    failing = notebook(tmp_path, "failing", "raise RuntimeError('mine')")
    with Batch([failing], tmp_path / "done", ASKED) as batch:
        (run,) = batch.results()
    assert (run.state, run.kernels, run.error) == ("failed", 1, "RuntimeError")
    assert run.cell == 3
