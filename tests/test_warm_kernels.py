"""Warm kernels: equal to stock papermill cell by cell, and as hard to lose as cold ones."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import papermill
import pytest
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from rich_notebook import ERRORS, RICH, shown, write_cells
from test_notebooks import ASKED, gone, notebook, outputs

from loyalty_analysis.execution import NotebookRun
from loyalty_analysis.kernels import KERNEL_ENVIRONMENT, Kernel, KernelHome
from loyalty_analysis.notebooks import Batch
from loyalty_analysis.preloading import installed
from loyalty_analysis.report_notebooks import notebooks_folder
from loyalty_analysis.warm_kernels import COLD, FEWEST, Warm, at, possible, warmed

pytestmark = pytest.mark.skipif(not possible(), reason="kernels are forked on Linux alone")
SECONDS = 300
"""To wait for anything, on a busy machine."""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """One process that forks, for all tests that do not harm it."""
    with pytest.MonkeyPatch.context() as patch, warmed(FEWEST) as found:
        patch.setattr(found, "_patience", SECONDS)
        assert found is not None
        yield found


def ran(folder: Path, warm: Warm | None, *cells: str, **options: Any) -> NotebookRun:
    """Run one notebook of these cells, from the third on, through our runner."""
    path = notebook(folder, "one", *cells)
    with Batch([path], folder / "out", ASKED, warm=warm, **options) as batch:
        (run,) = batch.results()
    return run


def executed(path: Path, copy: Path, **options: Any) -> NotebookNode:
    """Execute with papermill, errors included."""
    with suppress(PapermillExecutionError):
        papermill.execute_notebook(str(path), str(copy), progress_bar=False, **options)
    return nbformat.read(copy, as_version=4)


def both(path: Path, folder: Path, warm: Warm, **options: Any) -> tuple[NotebookNode, NotebookNode]:
    """Execute a notebook with stock papermill, and with a warm kernel, in the same environment."""
    with (
        pytest.MonkeyPatch.context() as patch,
        KernelHome(folder) as home,
        ThreadPoolExecutor(2) as pool,
    ):
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)  # it changes what a kernel captures
        for name, value in KERNEL_ENVIRONMENT.items():
            patch.setenv(name, value)
        kernel = Kernel(home, warm)
        stock = pool.submit(executed, path, folder / f"stock-{path.name}", **options)
        try:
            options |= {"kernel_manager_class": kernel.manager_class()}
            ours = executed(path, folder / f"warm-{path.name}", **options)
        finally:
            kernel.close()
        assert kernel.warm_started, warm.refused
        return stock.result(), ours


def assert_same(stock: NotebookNode, ours: NotebookNode) -> None:
    """Compare what cells show, one by one."""
    cells = zip(shown(stock), shown(ours), stock.cells, strict=False)
    assert len(shown(stock)) == len(shown(ours))
    for expected, found, cell in cells:
        assert found == expected, cell.source
    assert ours.metadata.language_info == stock.metadata.language_info
    assert ours.metadata.kernelspec == stock.metadata.kernelspec


def test_a_rich_notebook_shows_what_it_shows_with_stock_papermill(
    tmp_path: Path, warm: Warm
) -> None:
    path = write_cells(tmp_path / "rich.ipynb", *RICH)
    stock, ours = both(path, tmp_path, warm)
    assert [cell.get("execution_count") for cell in stock.cells] == list(range(1, len(RICH) + 1))
    pictures = [output for cell in stock.cells for output in cell.outputs if "data" in output]
    assert sum("image/png" in output.data for output in pictures) == 7
    assert_same(stock, ours)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_reads_as_with_stock_papermill(tmp_path: Path, warm: Warm, error: str) -> None:
    stock, ours = both(write_cells(tmp_path / "error.ipynb", ERRORS[error], "1"), tmp_path, warm)
    assert error in str(shown(stock))
    assert_same(stock, ours)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["00_start_here", "02_descriptives"])
def test_shipped_notebooks_show_what_they_show_with_stock_papermill(
    tmp_path: Path, warm: Warm, name: str
) -> None:
    path = notebooks_folder() / f"{name}.ipynb"
    assert_same(*both(path, tmp_path, warm, parameters={"study": "mobile_customers"}))


FAULTS = {
    "raises": ("{}['age']", "failed", "'age'"),
    "leaves": ("import sys\nsys.exit(3)", "failed", "3"),
    "exits": ("import os\nos._exit(5)", "died", "exit code 5"),
    "killed": ("import os\nos.kill(os.getpid(), 9)", "died", "SIGKILL: out of memory is"
               " the usual cause"),
    "crashes": ("import os\nos.kill(os.getpid(), 11)", "died", "SIGSEGV"),
}  # fmt: skip


def test_faults_end_in_the_states_of_cold_kernels_after_one_cold_try(
    tmp_path: Path, warm: Warm
) -> None:
    paths = [notebook(tmp_path, name, "1", code, "2") for name, (code, *_) in FAULTS.items()]
    with Batch(paths, tmp_path / "out", ASKED, workers=3, warm=warm) as batch:
        found = {run.name: run for run in batch.results()}
    with Batch(paths[:2], tmp_path / "cold", ASKED) as batch:
        assert [run.warm for run in batch.results()] == [False, False]
    for name, (_, state, message) in FAULTS.items():
        run = found[name]
        assert (run.state, run.cell, run.message) == (state, 4, message)
        lost = state == "died"  # a lost kernel is replaced once, by a cold one
        assert (run.kernels, run.warm) == ((2, False) if lost else (1, True))


def test_a_kernel_that_is_lost_once_is_replaced_by_a_cold_one(tmp_path: Path, warm: Warm) -> None:
    mark = tmp_path / "mark"
    code = (
        f"import os, pathlib\nmark = pathlib.Path({str(mark)!r})\nfirst = not mark.exists()\n"
        "mark.touch()\nif first: os.kill(os.getpid(), 9)\nprint('alive')"
    )
    run = ran(tmp_path, warm, code)
    assert (run.state, run.kernels, run.warm) == ("ok", 2, False)
    assert outputs(run)[0].text == "alive\n"


def test_a_deadline_ends_a_warm_kernel_and_is_final(tmp_path: Path, warm: Warm) -> None:
    pids = tmp_path / "pids"
    with Batch(
        [notebook(tmp_path, "slow", busy(pids))], tmp_path / "out", ASKED, warm=warm
    ) as batch:
        kernel, child = numbers(pids)
        batch._executions[0].end("timed_out")
        (run,) = batch.results()
    assert (run.state, run.cell, run.kernels, run.warm) == ("timed_out", 3, 1, True)
    assert gone(kernel) and gone(child)


def busy(pids: Path) -> str:
    """A cell that starts a process, tells both numbers, and never ends or listens."""
    return (
        "import os, pathlib, signal, subprocess, time\nsignal.signal(2, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}}\\n')\n"
        "while True: time.sleep(0.1)"
    )


def numbers(pids: Path) -> list[int]:
    """Wait for the numbers that such a cell tells."""
    until(lambda: pids.is_file() and pids.read_text().endswith("\n"))
    return list(map(int, pids.read_text().split()))


def until(true: Callable[[], bool]) -> None:
    """Wait for something, not for ever."""
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """List the children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return list(map(int, listed.split()))


def childless(pid: int) -> bool:
    """Whether a process has no children."""
    return not children(pid)


def descriptors(pid: int) -> int:
    """Count what a process holds open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def parent(pid: int) -> int:
    """Tell the parent of a process: of a warm kernel, the one that forks."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


CLIENT = """\
import sys
from functools import partial
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_warm_kernels import ran
from loyalty_analysis.warm_kernels import at, warmed
source = sys.argv[1]
if source == "own":
    with warmed(4) as warm:
        ran(Path({folder!r}), warm, {cell!r})
else:
    ran(Path({folder!r}), at(source), {cell!r})
"""


@pytest.mark.parametrize("source", ["own", "shared"])
def test_no_kernel_is_left_when_its_client_is_killed(
    tmp_path: Path, warm: Warm, source: str
) -> None:
    pids, tests = tmp_path / "pids", str(Path(__file__).parent)
    code = CLIENT.format(tests=tests, folder=str(tmp_path), cell=busy(pids))
    address = warm.address if source == "shared" else source
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = dict(os.environ) | ({"TMPDIR": str(temporary)} if source == "own" else {})
    client = subprocess.Popen([sys.executable, "-c", code, address], env=environment)
    kernel, child = numbers(pids)
    zygote = parent(kernel)
    assert zygote != client.pid
    client.kill()
    client.wait()
    until(lambda: gone(kernel) and gone(child))
    if source == "own":
        until(lambda: gone(zygote))
        assert list(temporary.glob("*")) == []
    else:
        assert not gone(zygote)
        until(lambda: kernel not in children(zygote))


def test_when_the_forking_process_is_killed_its_kernels_are_tried_again_cold(
    tmp_path: Path,
) -> None:
    pids, mark = tmp_path / "pids", tmp_path / "mark"
    code = (
        f"import os, pathlib\nif pathlib.Path({str(mark)!r}).exists(): print('again')\n"
        f"else:\n{textwrap.indent(busy(pids), '    ')}"
    )
    with warmed(FEWEST) as warm:
        path = notebook(tmp_path, "one", code)
        with Batch([path, path], tmp_path / "out", ASKED, workers=1, warm=warm) as batch:
            kernel, child = numbers(pids)
            mark.touch()
            os.kill(parent(kernel), signal.SIGKILL)
            first, second = batch.results()
    assert (first.state, first.kernels, first.warm) == ("ok", 2, False)
    assert (second.state, second.kernels, second.warm) == ("ok", 1, False)
    assert outputs(first)[0].text == "again\n"
    assert gone(kernel) and gone(child)


def test_a_stop_ends_warm_kernels_and_leaving_ends_the_rest(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with warmed(FEWEST) as warm:
        path = notebook(tmp_path, "slow", busy(pids))
        with Batch([path], tmp_path / "out", ASKED, warm=warm) as batch:
            kernel, child = numbers(pids)
            zygote = parent(kernel)
            batch.stop()
        assert batch.results()[0].state == "cancelled"
        assert gone(kernel) and gone(child) and not gone(zygote)
    assert gone(zygote)
    assert warm is not None and not Path(warm.address).parent.exists()


def test_nothing_piles_up_in_either_process(tmp_path: Path, warm: Warm) -> None:
    ask, held = "import os\nprint(os.getppid())", []
    paths = [notebook(tmp_path, f"n{number}", ask) for number in range(4)]
    for number in range(3):
        out = tmp_path / str(number)
        with Batch(paths, out, ASKED, workers=2, warm=warm) as batch:
            runs = batch.results()
        assert all(run.warm and run.state == "ok" for run in runs), warm.refused
        zygote = int(outputs(runs[0])[0].text)
        until(partial(childless, zygote))
        gc.collect()
        held.append((descriptors(zygote), descriptors(os.getpid())))
    assert held[1] == held[2]


CHANCE = """\
import json, random, secrets, tempfile, uuid
import numpy as np
json.dumps([random.random(), np.random.rand(), np.random.default_rng().random(), uuid.uuid4().hex,
 uuid.uuid1().hex, secrets.token_hex(8), tempfile.mktemp(), np.random.default_rng(7).random()])"""


def test_forks_share_no_chance_but_seeded_generators_agree(tmp_path: Path, warm: Warm) -> None:
    paths = [notebook(tmp_path, f"n{number}", CHANCE) for number in range(3)]
    with Batch(paths, tmp_path / "out", ASKED, workers=2, warm=warm) as batch:
        runs = batch.results()
    assert all(run.warm for run in runs)
    drawn = [json.loads(outputs(run)[0].data["text/plain"].strip("'")) for run in runs]
    *chance, seeded = zip(*drawn, strict=True)
    assert all(len(set(values)) == 3 for values in chance)
    assert set(seeded) == {np.random.default_rng(7).random()}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("MPLCONFIGDIR", "elsewhere", "another environment: MPLCONFIGDIR"),
        ("KMP_INIT_AT_FORK", "FALSE", ""),  # which scikit-learn sets in the process that analyses
        ("LOYALTY_ANYTHING", "elsewhere", ""),
    ],
)
def test_another_environment_starts_cold_and_ours_does_not_matter(
    tmp_path: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / value))
    run = ran(tmp_path, warm, f"import os\nprint(os.path.basename(os.environ[{name!r}]))")
    assert (run.state, run.warm, warm.refused) == ("ok", not why, why)
    assert outputs(run)[0].text == f"{value}\n"


def test_another_working_folder_or_changed_settings_start_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warmed(FEWEST) as warm:
        assert warm is not None
        assert ran(tmp_path, warm, "1").warm
        Path("matplotlibrc").write_text("lines.linewidth: 5")
        assert not ran(tmp_path, warm, "1").warm
        assert warm.refused == "packages or settings have changed"
        Path("matplotlibrc").unlink()
        assert ran(tmp_path, warm, "1").warm
        Path("inner").mkdir()
        monkeypatch.chdir("inner")
        assert not ran(tmp_path, warm, "1").warm
        assert warm.refused == "another working folder"


def test_a_package_that_changes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = installed()
    assert installed() == before
    package = tmp_path / "pandas-9.dist-info"
    package.mkdir()
    after = installed()
    assert after != before
    os.utime(package, (1, 1))
    assert installed() not in (before, after)


def test_when_imports_warn_every_kernel_does_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, warnings\n\nclass Look:\n"
        "    def find_spec(name, *where):\n"
        "        if name == 'seaborn':\n            warnings.warn('look')\n\n"
        "sys.meta_path.insert(0, Look)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with warmed(FEWEST) as warm:
        run = ran(tmp_path, warm, "import seaborn")
        assert (run.state, run.warm, run.kernels) == ("ok", False, 1)
    assert "look" in outputs(run)[0].text


@pytest.mark.parametrize(
    ("count", "cold", "says"), [(3, False, "0"), (9, True, "0"), (9, False, "1")]
)
def test_few_notebooks_or_a_wish_mean_cold(
    count: int, cold: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COLD, says)
    with warmed(count, cold) as warm:
        assert warm is None


def test_an_address_where_nobody_answers_means_cold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ran(tmp_path, at(str(tmp_path / "nobody")), "1")
    assert (run.state, run.warm, run.kernels) == ("ok", False, 1)


def test_a_deadline_covers_the_wait_for_imports(tmp_path: Path) -> None:
    with warmed(FEWEST) as warm:
        began = time.monotonic()
        run = ran(tmp_path, warm, "1", deadline=0.05)
        assert (run.state, run.cell, run.kernels) == ("timed_out", None, 1)
        assert time.monotonic() - began < 5


def test_the_kept_benchmark_is_as_fast_as_was_asked() -> None:
    page = (Path(__file__).parents[1] / "benchmarks" / "warm.md").read_text(encoding="utf-8")
    found = re.findall(r"\*\*([\d.]+) times\*\*[^*]*\(asked: ([\d.]+)\)", page)
    assert [asked for _, asked in found] == ["5", "2.5"]
    assert all(float(reached) >= float(asked) for reached, asked in found)
