"""Forty light notebooks (imports, one regression, one plot): plain papermill, and warm kernels.

Each way runs in a process of its own, its start counted. CPU is that of the process and of all it
started, kernels included; what the cells themselves cost is measured once, without any notebook.
``python benchmarks/warm.py`` writes warm.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
CELLS = (
    "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n"
    "import seaborn as sns\nimport statsmodels.formula.api as smf",
    "rng = np.random.default_rng(7)\n"
    "survey = pd.DataFrame(rng.normal(size=(500, 2)), columns=['x', 'z'])\n"
    "survey['y'] = survey.x + rng.normal(size=500)",
    "smf.ols('y ~ x + z', survey).fit().summary().tables[1]",
    "sns.regplot(data=survey, x='x', y='y', seed=7);",
)
# As for our kernels: one BLAS thread, and figures that show.
SAME = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
LOOP = """\
import sys, papermill
for path in sys.argv[2:]:
    copy = sys.argv[1] + "/" + path.rpartition("/")[2]
    papermill.execute_notebook(path, copy, progress_bar=False)
"""
TWO = """\
import subprocess, sys
halves = [sys.argv[2::2], sys.argv[3::2]]
loops = [subprocess.Popen([sys.executable, "-c", {loop!r}, sys.argv[1], *half]) for half in halves]
sys.exit(max(loop.wait() for loop in loops))
"""
OURS = """\
import sys
from pathlib import Path
from loyalty_analysis.warm_kernels import warmed
paths = list(map(Path, sys.argv[2:]))
with warmed(len(paths)) as warm:
    from loyalty_analysis.notebooks import Batch
    with Batch(paths, Path(sys.argv[1]), {}, workers=2, warm=warm) as batch:
        runs = batch.results()
assert all(run.state == "ok" and run.warm for run in runs), runs
"""
LOOP_NAME, OUR_NAME = "a plain papermill loop", "ours, two workers"
WAYS = {
    LOOP_NAME: LOOP,
    "papermill in two processes": TWO.format(loop=LOOP),
    OUR_NAME: OURS,
}


@dataclass(frozen=True)
class Timing:
    """What one way took.

    Attributes
    ----------
    seconds : float
    cpu : float
        Seconds of CPU of the process and all it started.
    foreign : float
        Seconds of CPU that processes of others took meanwhile.
    """

    seconds: float
    cpu: float
    foreign: float


def write_notebooks(folder: Path, count: int) -> list[str]:
    """Write the notebooks; the paths of them."""
    import nbformat
    from nbformat import v4

    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = v4.new_notebook(
        cells=list(map(v4.new_code_cell, CELLS)), metadata={"kernelspec": kernel}
    )
    paths = [folder / f"light_{number:02}.ipynb" for number in range(count)]
    for path in paths:
        nbformat.write(content, path)
    return list(map(str, paths))


def timed(code: str, arguments: Iterable[str]) -> Timing:
    """Run code in a process of its own, and time it."""
    cpu, machine, began = children(), busy(), time.monotonic()
    environment = {**os.environ, **SAME}
    words = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, own = time.monotonic() - began, children() - cpu
    return Timing(seconds, own, max(0.0, busy() - machine - own))


def children() -> float:
    """Seconds of CPU of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy() -> float:
    """Seconds of CPU that the whole machine has spent on anything; only where /proc tells."""
    words = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    user, nice, system, _, _, interrupts, soft, *_ = map(int, words)
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def cells_alone() -> float:
    """Seconds of CPU that the cells take after their imports, without any notebook."""
    code = "\n".join(cell for cell in CELLS[1:])
    body = f"{CELLS[0]}\nimport time\nbegan = time.process_time()\n{code}\n"
    body += "plt.savefig(__import__('io').BytesIO())\nprint(time.process_time() - began)"
    words = [sys.executable, "-c", body]
    environment = {**os.environ, **SAME, "MPLBACKEND": "agg"}
    return median(
        float(subprocess.run(words, env=environment, capture_output=True, check=True).stdout)
        for _ in range(3)
    )


def measured(count: int, rounds: int) -> dict[str, list[Timing]]:
    """Time every way as often as asked, one after the other in turn."""
    found: dict[str, list[Timing]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        paths = write_notebooks(Path(folder), count)
        for _ in range(rounds):
            for name, code in WAYS.items():
                out = Path(tempfile.mkdtemp(dir=folder))
                found[name].append(timed(code, [str(out), *paths]))
                print(f"{name}: {found[name][-1]}", flush=True)
    return found


def page(found: dict[str, list[Timing]], count: int, cells: float) -> str:
    """Write what was measured as a page."""
    rounds = len(next(iter(found.values())))
    middle = {name: middle_of(timings) for name, timings in found.items()}
    loop, two, ours = (middle[name].seconds for name in WAYS)
    rows = [
        f"| {name} | {one.seconds:.1f} | {60 * count / one.seconds:.0f} | {one.cpu:.1f} | "
        f"{one.cpu / count:.2f} | {one.foreign:.1f} | {one.seconds / ours:.1f} |"
        for name, one in middle.items()
    ]
    head = "| way | seconds | a minute | CPU s | CPU s each | CPU s of others | times ours |"
    return f"""\
# Warm kernels

{count} light notebooks (imports, one regression, one plot), on {os.cpu_count()} cores; medians
of rounds: {rounds}, the three ways in turn. The start of everything is counted, also of the
process that forks. `python benchmarks/warm.py --notebooks {count} --rounds {rounds}` makes this
table again.

{head}
| {" | ".join(["---"] * 7)} |
{chr(10).join(rows)}

**{loop / ours:.1f} times** faster than a plain papermill loop (asked: 5) and
**{two / ours:.1f} times** faster than papermill in two processes (asked: 2.5). Of CPU
alone: {middle[LOOP_NAME].cpu / middle[OUR_NAME].cpu:.1f} times less than the loop. The cells
themselves, imports apart, take {cells:.2f} s of CPU each.

CPU of others is what other processes of the machine took meanwhile. {quiet(middle.values())}
"""


def quiet(timings: Iterable[Timing]) -> str:
    """Say whether the machine was ours, and what the ratios are worth if it was not."""
    cores = os.cpu_count() or 1
    share = max(one.foreign / one.seconds / cores for one in timings)
    if share < 0.05:
        return "It was hardly any."
    return (
        f"It was up to {share:.0%}\nof the cores: the machine was shared, each way had another "
        "part of it, and the ratios of CPU\nare to be trusted more than those of seconds."
    )


def middle_of(timings: Sequence[Timing]) -> Timing:
    """Take medians."""
    parts = zip(*map(astuple, timings), strict=True)
    return Timing(*map(median, parts))


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebooks", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "warm.md")
    asked = parser.parse_args()
    text = page(measured(asked.notebooks, asked.rounds), asked.notebooks, cells_alone())
    asked.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
