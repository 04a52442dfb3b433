"""Reports of segments of 2,000 respondents: plain papermill and nbconvert, and ours.

The plain way executes the same notebooks, one after the other, and turns each into a page with the
command line of nbconvert. It is timed on a few segments, ours on all: what is compared is a report.
``python benchmarks/reports.py`` writes reports.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from warm import SAME, Timing, quiet, timed

from loyalty_analysis.batch import render_batch
from loyalty_analysis.inputs import read_inputs
from loyalty_analysis.report import key_of
from loyalty_analysis.report_notebooks import notebooks_folder, notebooks_of
from loyalty_analysis.segments import segments, slicer
from loyalty_analysis.simulate import simulate
from loyalty_analysis.study import load_study

HERE = Path(__file__).resolve().parent
SEED = 2026
# One report the plain way: arguments are a folder, the study, a filter and the notebooks.
REPORT = """\
import subprocess, sys, papermill
out, study, where, *paths = sys.argv[1:]
for path in paths:
    copy = out + "/" + path.rpartition("/")[2]
    asked = {"study": study, "where": where}
    papermill.execute_notebook(path, copy, parameters=asked, progress_bar=False)
    page = [sys.executable, "-m", "nbconvert", "--to", "html", "--log-level=ERROR", copy]
    subprocess.run(page, check=True)
"""
PLAIN = """\
import subprocess, sys
report, out, study, count, lanes, *paths = sys.argv[1:]
def lane(first):
    for number in range(first, int(count), int(lanes)):
        folder = f"{out}/{number}"
        where = f"shop == 's{number:03}'"
        subprocess.run(["mkdir", "-p", folder], check=True)
        words = [sys.executable, "-c", report, folder, study, where, *paths]
        subprocess.run(words, check=True)
from threading import Thread
threads = [Thread(target=lane, args=[n]) for n in range(int(lanes))]
[t.start() for t in threads]
[t.join() for t in threads]
"""
OURS = """\
import sys
from loyalty_analysis.cli import main
main(["report", sys.argv[1], "--by", "shop", "--workers", "2", "--out", sys.argv[2], "--quiet"])
"""


def chain(folder: Path, shops: int, each: int) -> Path:
    """Write a study of shops with so many simulated customers each."""
    simulate(world="rice", n=shops * each, seed=SEED, out=folder)
    rows = pd.read_csv(folder / "survey.csv", dtype=str, keep_default_na=False)
    rows["shop"] = [f"s{place % shops:03}" for place in range(len(rows))]
    rows.to_csv(folder / "survey.csv", index=False)
    # an industry of the simulated study may hold one shop alone: no clusters here
    study = folder / "study.toml"
    lines = study.read_text(encoding="utf-8").splitlines(keepends=True)
    study.write_text("".join(line for line in lines if not line.startswith("cluster")))
    return folder


def plain(study: Path, count: int, lanes: int) -> Timing:
    """Time reports made the plain way, in so many processes at once."""
    names = notebooks_of(load_study(study))
    paths = [str(notebooks_folder() / f"{name}.ipynb") for name in names]
    with tempfile.TemporaryDirectory() as out:
        return timed(PLAIN, [REPORT, out, str(study), str(count), str(lanes), *paths])


def ours(study: Path, out: Path) -> Timing:
    """Time a batch; also one of which nothing has changed."""
    return timed(OURS, [str(study), str(out)])


def multiplied(study: Path, out: Path) -> int:
    """Make a batch of which nothing has changed: one report, copied for every segment.

    Each copy gets the key that its own segment has, so that all of them have to be looked at as if
    they had been made.
    """
    inputs = read_inputs(study, also=["shop"])
    parts, _ = segments(inputs, ["shop"])
    folder = out / inputs.study.name / "by-shop"
    render_batch(study, ["shop"], out, where="shop == 's000'", cold=False)
    (made,) = [path for path in (folder / "s000").iterdir() if path.name.startswith("20")]
    slice_of = slicer(inputs, ["shop"])
    for part in parts:
        home = folder / part.folder
        if home != folder / "s000":
            shutil.copytree(made, home / made.name)
            (home / "latest").symlink_to(made.name)
        path = home / made.name / "manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["key"] = key_of(slice_of(part), part.digest)
        path.write_text(json.dumps(manifest), encoding="utf-8")
    return len(parts)


def page(
    reports: int, each: int, few: int, found: dict[str, Timing], many: int, unchanged: Timing
) -> str:
    """Write what was measured as a page."""
    counts = {"plain loop": few, "plain, two processes": few, "ours": reports}
    rate = {name: one.seconds / counts[name] for name, one in found.items()}
    rows = [
        f"| {name} | {counts[name]} | {one.seconds:.1f} | {rate[name]:.1f} | "
        f"{one.cpu / counts[name]:.1f} | {one.foreign:.1f} | {rate[name] / rate['ours']:.1f} |"
        for name, one in found.items()
    ]
    machine = quiet([*found.values(), unchanged])
    head = "| way | reports | seconds | seconds each | CPU s each | CPU s of others | times ours |"
    return f"""\
# Segment reports

Reports of {each:,} simulated respondents each, all notebooks of a report, on {os.cpu_count()}
cores. Plain: a loop of papermill over the same notebooks, each then turned into a page by the
command line of nbconvert; in one process, and in two at once. Ours: `loyalty report --by shop
--workers 2`, which also judges every claim, writes every result and verifies it all before it is
published. The start of everything is counted. The plain ways were timed on {few} of the {reports}
segments: what is compared is the time of a report. `python
benchmarks/reports.py --reports {reports} --few {few}` makes this page.

{head}
| {" | ".join(["---"] * 7)} |
{chr(10).join(rows)}

**{rate["plain loop"] / rate["ours"]:.1f} times** faster than the plain loop (asked: 4) and
**{rate["plain, two processes"] / rate["ours"]:.1f} times** faster than two of them (asked: 2).

A batch of {many} reports of which nothing has changed says so in **{unchanged.seconds:.1f} s**
(asked: 5), start included; {unchanged.cpu:.1f} s of CPU. Its reports are copies of one, each with
the key of its own segment: what is timed is reading the data, {many} keys and {many} looks at
whether a report is whole.

CPU of others is what other processes of the machine took meanwhile. {machine}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=20)
    parser.add_argument("--each", type=int, default=2_350, help="2,000 of them are analysed")
    parser.add_argument("--few", type=int, default=4, help="segments of the plain ways")
    parser.add_argument("--many", type=int, default=200)
    asked = parser.parse_args(arguments)
    os.environ.update(SAME)
    with tempfile.TemporaryDirectory() as folder:
        study = chain(Path(folder, "chain"), asked.reports, asked.each)
        found = {
            "plain loop": plain(study, asked.few, 1),
            "plain, two processes": plain(study, asked.few, 2),
            "ours": ours(study, Path(folder, "out")),
        }
        print(found, flush=True)
        small = chain(Path(folder, "many"), asked.many, 80)
        many = multiplied(small, Path(folder, "many_out"))
        ours(small, Path(folder, "many_out"))  # writes the front page of the batch once
        began = time.monotonic()
        unchanged = ours(small, Path(folder, "many_out"))
        print(unchanged, time.monotonic() - began, flush=True)
    text = page(asked.reports, asked.each, asked.few, found, many, unchanged)
    (HERE / "reports.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
