"""From a Parquet file of 1,000,000 respondents and 60 columns to a verdict table.

Beside it: plain pandas reading the same columns and statsmodels fitting the same regressions with
the same robust errors, which gives slopes and no verdicts. Each side is a process of its own, in
turn. Run `python benchmarks/million.py`; it writes benchmarks/million.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from run import BIN, HERE, WORK, Run, run

from loyalty_analysis.simulate import draw, find_world, study_text
from loyalty_analysis.study import load_study

COLUMNS = 60
PLAIN = """
import sys
import pandas as pd
import statsmodels.formula.api as smf
from loyalty_analysis.study import load_study
study = load_study(sys.argv[1])
names = {n: list(study.items_of(n)) for n in study.model_constructs}
controls = list(study.model.controls)
items = [item for own in names.values() for item in own]
frame = pd.read_parquet(study.data_path, columns=[*items, *controls, "w"])
frame[items] = frame[items].astype(float).where(frame[items] != -99)
for name, own in names.items():
    for item in study.constructs[name].reversed:
        frame[item] = 8 - frame[item]
    frame[name] = frame[own].mean(axis=1, skipna=False)
frame = frame.dropna()
drivers = " + ".join([*study.model.drivers, *controls])
mediator = study.model.mediator
for outcome in study.model.outcomes:
    for right in (drivers, f"{drivers} + {mediator}"):
        smf.wls(f"{outcome} ~ {right}", frame, weights=frame["w"]).fit(cov_type="HC3").summary()
smf.wls(f"{mediator} ~ {drivers}", frame, weights=frame["w"]).fit(cov_type="HC3").summary()
"""
TEXT = """\
# A million respondents

Made by `python benchmarks/million.py`: {n:,} simulated respondents (world rice) in a Parquet file of
{columns} columns, {megabytes:.0f} MB; 2 cores, Python {python}, pandas {pandas}, statsmodels
{statsmodels}. Whole processes, each the median of {rounds}, in turn. The study is that of
`rice_simulated` without clusters and contrasts: seven equations, weighted.

| what | seconds | peak memory |
| --- | --- | --- |
| `loyalty judge`: file to verdict table, with gates, error-corrected twins and rival structures | {ours.seconds:.0f} | {ours.megabytes:,.0f} MB |
| plain pandas and statsmodels: the same seven regressions with HC3 errors, no verdicts | {theirs.seconds:.0f} | {theirs.megabytes:,.0f} MB |
| ours beside theirs | {time:.1f} times the time | {memory:.1f} times the memory |
"""  # noqa: E501


def survey_folder(n: int) -> Path:
    """The study and its Parquet file; columns beyond the world's own are random answers."""
    folder = WORK / "million"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "survey.parquet"
    if not file.exists():
        frame, rng = draw("rice", n, 1), np.random.default_rng(1)
        more = {f"other{k}": rng.integers(1, 8, n) for k in range(COLUMNS - frame.shape[1])}
        pd.concat([frame, pd.DataFrame(more)], axis=1).to_parquet(file)
    text = study_text(find_world("rice"), "").replace("survey.csv", file.name)
    for design in ('cluster = "industry"\n', 'groups = ["sector", "country"]\n'):
        text = text.replace(design, "")
    (folder / "study.toml").write_text(text.split("[contrasts")[0], encoding="utf-8")
    load_study(folder)
    return folder


def middle(runs: list[Run]) -> Run:
    """The median of each figure."""
    seconds, megabytes = np.median([(one.seconds, one.megabytes) for one in runs], axis=0)
    return Run(float(seconds), float(megabytes))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    folder = survey_folder(asked.n)
    judge = [str(BIN / "loyalty"), "judge", str(folder), "--out", str(WORK / "judge"), "--quiet"]
    plain = [sys.executable, "-c", PLAIN, str(folder)]
    sides: tuple[list[Run], list[Run]] = ([], [])
    for _ in range(asked.rounds):
        for side, command in zip(sides, (judge, plain), strict=True):
            side.append(run(command))
            print(command[0], side[-1], flush=True)
    ours, theirs = map(middle, sides)
    page = TEXT.format(
        n=asked.n, columns=COLUMNS, rounds=asked.rounds, ours=ours, theirs=theirs,
        megabytes=(folder / "survey.parquet").stat().st_size / 1e6,
        python=platform.python_version(), pandas=version("pandas"),
        statsmodels=version("statsmodels"),
        time=ours.seconds / theirs.seconds, memory=ours.megabytes / theirs.megabytes,
    )  # fmt: skip
    (HERE / "million.md").write_text(page, encoding="utf-8")
