"""How often every claim gets the verdict it deserves, in each world of the full study.

Surveys are drawn from every world, read and judged as a user's would be. Each leaves one line of
worlds.runs.csv, so that a campaign that was ended goes on where it was. Writes worlds.md and
worlds.csv.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

if __name__ == "__main__":  # before numpy is loaded; workers inherit it
    os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
from rich.progress import track
from scipy.special import ndtr, ndtri

from loyalty_analysis.analysis import analyse
from loyalty_analysis.cases import Case, cases_of
from loyalty_analysis.claims import Claim, load_claims
from loyalty_analysis.evidence import findings
from loyalty_analysis.full_worlds import FULL_WORLDS
from loyalty_analysis.moments import Moments
from loyalty_analysis.preparation import (
    answers_of,
    design_columns,
    model_columns,
    recoded_items,
    reversed_items,
    scored,
)
from loyalty_analysis.results import whole
from loyalty_analysis.simulate import draw, questionnaire
from loyalty_analysis.survey import Survey
from loyalty_analysis.truth import CORRECTED, Values, home_of, planted_verdicts, population
from loyalty_analysis.verdicts import judge

HERE = Path(__file__).resolve().parent
PAGE, TABLE = HERE / "worlds.md", HERE / "worlds.csv"
RUNS = HERE / "worlds.runs.csv"
FIRST_SEED, POPULATION = 10_000, 1_000_000
SUPPORTED, CONTRADICTED, NEGLIGIBLE = "supported", "contradicted", "negligible"
LETTERS = {SUPPORTED: "s", CONTRADICTED: "c", NEGLIGIBLE: "n", "inconclusive": "i",
           "not testable": "x"}  # fmt: skip
WORDS = {letter: word for word, letter in LETTERS.items()}
ENOUGH, MOST_WRONG, MOST_WRONG_SIGNS = 0.90, 0.05, 0.01
ZERO = 0.005
"""A population slope below this has no sign."""


def surveyed(world: str, n: int, seed: int) -> Survey:
    """One simulated survey as `read_survey` would read it, without a file."""
    study, raw = questionnaire(), draw(world, n, seed)
    items = recoded_items(reversed_items(answers_of(raw, study), study), study)
    frame = pd.concat([scored(items, study), design_columns(raw, study)], axis=1)
    numeric, levels = model_columns(frame, study)
    used = [name for name in numeric.columns if name not in frame.columns]
    return Survey(
        study, Moments.from_frame(numeric), frozenset(set(numeric.columns) - set(used)),
        pd.DataFrame({"rule": ["drawn"], "removed": 0, "left": n, "alone": 0, "kind": "step"}),
        n, pd.concat([frame, numeric[used]], axis=1), items, levels,
    )  # fmt: skip


def rows_of(verdicts: pd.DataFrame) -> pd.Series:
    """Name of each row: claim, its part, and the outcome."""
    part = ("." + verdicts["part"]).where(verdicts["part"] != "", "")
    return (verdicts["claim"] + part + " " + verdicts["outcome"]).str.strip()


@cache
def names() -> tuple[str, ...]:
    """Every row of the verdict table of the full study."""
    study, found = questionnaire(), []
    for claims in load_claims(study):
        for claim in claims.claims:
            for outcome in claim.outcomes(study):
                found.append(f"{claim.id} {outcome}".strip())
                for part in claim.parts:
                    own = claim.part(part).outcomes(study) if part.outcome else (outcome,)
                    found += [f"{claim.id}.{part.id} {name}" for name in own]
    return tuple(dict.fromkeys(found))


def run(world: str, n: int, seed: int) -> list[str]:
    """Draw and judge one survey: its line of the runs."""
    start = time.perf_counter()
    verdicts = judge(surveyed(world, n, FIRST_SEED + seed))
    found = dict(zip(rows_of(verdicts), verdicts["verdict"].map(LETTERS), strict=True))
    seconds = f"{time.perf_counter() - start:.1f}"
    return [world, str(n), str(seed), seconds, "".join(found[name] for name in names())]


def known_runs(n: int) -> dict[tuple[str, int], list[str]]:
    """Lines that earlier campaigns left, but for one that was cut off."""
    if not RUNS.exists():
        return {}
    with RUNS.open(encoding="utf-8", newline="") as file:
        lines = [line for line in csv.reader(file) if len(line) == 5]
    whole_lines = [line for line in lines if len(line[4]) == len(names()) and line[1] == str(n)]
    return {(line[0], int(line[2])): line for line in whole_lines}


def campaign(worlds: Sequence[str], surveys: int, n: int, workers: int) -> None:
    """Run what is missing, one line of the runs for each survey."""
    done = known_runs(n)
    asked = [(world, seed) for seed in range(surveys) for world in worlds]
    missing = [one for one in asked if one not in done]
    for line in track(_judged(missing, n, workers), "surveys", total=len(missing)):
        with RUNS.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(line)


def _judged(missing: Iterable[tuple[str, int]], n: int, workers: int) -> Iterator[list[str]]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run, world, n, seed) for world, seed in missing]
        for future in as_completed(futures):
            yield future.result()


def standard_errors(
    world: str, n: int
) -> tuple[dict[str, list[tuple[Claim, Case]]], dict[str, int]]:
    """Cases of one survey by row: they hold the standard error of everything that counts.

    And the size of the family that Holm's correction is made in, by claim.
    """
    survey = surveyed(world, n, FIRST_SEED)
    results = analyse(survey, everything=False)
    found, verdicts = findings(whole(results)), judge(survey, results)
    counted = verdicts[(verdicts["part"] == "") & verdicts["p_holm"].notna()]
    sizes = counted.groupby("claim_set").size()
    sets = zip(verdicts["claim"], verdicts["claim_set"], strict=True)
    family = {claim: int(sizes.get(name, 1)) for claim, name in sets}
    cases = [case for one in load_claims(survey.study) for claim in one.claims
             for case in cases_of(claim, survey, found)]  # fmt: skip
    by_row: dict[str, list[tuple[Claim, Case]]] = {}
    for case in cases:
        row = f"{case.claim.id} {case.outcome}".strip()
        by_row[row] = [(part.claim, part) for part in case.parts] or [(case.claim, case)]
        for part in case.parts:
            by_row[f"{case.claim.id}.{part.part} {part.outcome}"] = [(part.claim, part)]
    return by_row, family


def power(
    values: Values, row: Sequence[tuple[Claim, Case]], verdict: str, family: int = 1
) -> float:
    """About how often a row can get its planted verdict.

    From the population value of everything that counts and its standard error in one survey, each
    taken by itself. With the size of its family, as if every other claim of it had to be decided
    first (Bonferroni), which Holm's correction never asks more than. Not a number for verdicts that
    no interval decides.
    """
    if verdict not in (SUPPORTED, CONTRADICTED, NEGLIGIBLE):
        return np.nan
    parts = []
    for claim, case in row:
        keys = home_of(questionnaire(), values, claim, case.outcome)[1]
        exact = [(CORRECTED + kind, model, term) for kind, model, term in keys]
        sides = ((keys, case.components), (exact, case.twins))
        pairs = [
            [(values[key], one.std_error) for key, one in zip(names, held, strict=True)]
            for names, held in sides
            if keys and held
        ]
        # Scores and constructs free of error have to agree; they vary together.
        parts += [min(_of_set(one, claim, verdict, family) for one in pairs)] if pairs else []
    if not parts:
        return np.nan
    return float(np.prod(parts) if verdict == SUPPORTED else max(parts))


def _of_set(pairs: Sequence[tuple[float, float]], claim: Claim, verdict: str, family: int) -> float:
    """Chance of a verdict on values that must all be as claimed."""
    each = [_chance(value, error, claim, verdict, family) for value, error in pairs]
    if verdict == SUPPORTED:
        return float(np.prod(each))
    if verdict == CONTRADICTED or len(pairs) == 1:
        return max(each)
    # The lowest of all low ends and the lowest of all high ends lie within the bound.
    turned = [(-value if claim.sign == "-" else value, error) for value, error in pairs]
    low = [ndtr((value + claim.bound) / error - 1.96) for value, error in turned]
    high = [ndtr((claim.bound - value) / error - 1.96) for value, error in turned]
    return float(np.prod(low) * max(high))


def _chance(value: float, error: float, claim: Claim, verdict: str, family: int = 1) -> float:
    """Chance that one interval leads to a verdict, in a family of so many."""
    value = -value if claim.sign == "-" else value
    d, half = claim.bound, 1.96 * error
    inside = max(ndtr((d - half - value) / error) - ndtr((half - d - value) / error), 0.0)
    outside = ndtr((value - d - half) / error) + ndtr((-value - d - half) / error)
    if claim.sign in ("none", "any"):
        return float(inside if (claim.sign == "none") == (verdict == SUPPORTED) else outside)
    if claim.sign == "not_negative":
        away = (value + d - half) if verdict == SUPPORTED else (-value - d - half)
        return float(ndtr(away / error))
    if verdict == NEGLIGIBLE:
        return float(inside)
    # With a clear size the whole interval has to lie beyond the bound.
    beyond = d if claim.size == "clear" and verdict == SUPPORTED else 0.0
    side = value if verdict == SUPPORTED else -value
    corrected = -ndtri(0.025 / family)
    return float(min(ndtr((side - beyond - half) / error), ndtr(side / error - corrected)))


def forced_sign(values: Values, claim: Claim, outcome: str, verdict: str) -> bool:
    """Whether a verdict says of a slope of forced commitment a sign that it does not have."""
    if claim.term != "forced" or claim.sign not in ("+", "-") or claim.estimand == "interaction":
        return False
    keys = home_of(questionnaire(), values, claim, outcome)[1]
    said = (1 if claim.sign == "+" else -1) * {SUPPORTED: 1, CONTRADICTED: -1}.get(verdict, 0)
    value = values[keys[0]] if keys else 0.0
    return bool(said and said * value <= ZERO)


def summary(world: str, n: int, surveys: int, draws: int = POPULATION) -> pd.DataFrame:
    """One row per claim, part and outcome of a world: planted verdict, shares, power."""
    study = questionnaire()
    values, _ = population(FULL_WORLDS[world], study, draws)
    planted = {f"{claim} {outcome}".strip(): one
               for (claim, outcome), one in planted_verdicts(study, values).items()}  # fmt: skip
    runs = [line[4] for (name, seed), line in known_runs(n).items()
            if name == world and seed < surveys]  # fmt: skip
    letters, (errors, family) = np.array([list(line) for line in runs]), standard_errors(world, n)
    rows = []
    for at, name in enumerate(names()):
        own, found = planted[name].verdict, letters[:, at]
        wrong = CONTRADICTED if own == SUPPORTED else SUPPORTED
        row: dict[str, object] = {
            "world": world, "claim": name, "surveys": len(found), "planted": own,
            "reason": planted[name].reason,
            **{word: (found == letter).mean() for word, letter in LETTERS.items()},
            "as_planted": (found == LETTERS[own]).mean(),
            "wrongly": (found == LETTERS[wrong]).mean() if own != wrong else 0.0,
            "power": power(values, errors.get(name, []), own),
            "power_corrected": power(
                values, errors.get(name, []), own, family.get(name.split(" ")[0].split(".")[0], 1)
            ),
        }  # fmt: skip
        case = errors[name]
        said = [forced_sign(values, case[0][0], case[0][1].outcome, WORDS[one]) for one in found]
        row["forced_sign_wrong"] = float(np.mean(said)) if len(case) == 1 else 0.0
        rows.append(row)
    return pd.DataFrame(rows)


def claims_only(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of whole claims: parts are judged within them."""
    return table[~table["claim"].str.split(" ").str[0].str.contains(".", regex=False)]


def of_worlds(table: pd.DataFrame) -> pd.DataFrame:
    """What is asked for, of each world: every row is a world."""
    rows = []
    for world, own in claims_only(table).groupby("world", sort=False):
        not_planted = own[own["planted"] != SUPPORTED]
        able = own[own["power"].isna() | (own["power"] >= ENOUGH)]
        sure = own[own["power_corrected"].isna() | (own["power_corrected"] >= ENOUGH)]
        every = table[table["world"] == world]
        rows.append({
            "world": world, "surveys": int(own["surveys"].iloc[0]), "claims": len(own),
            "able": len(able), "reached": int((able["as_planted"] >= ENOUGH).sum()),
            "sure": len(sure), "held": int((sure["as_planted"] >= ENOUGH).sum()),
            "falsely_supported": not_planted["supported"].mean(),
            "worst": not_planted["supported"].max(),
            "forced_sign_wrong": every["forced_sign_wrong"].max(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def page(table: pd.DataFrame, n: int) -> str:
    """The kept page."""
    worlds = of_worlds(table)
    lines = [
        f"| {row.world} | {row.surveys} | {row.held} of {row.sure} | {row.reached} of {row.able} | "
        f"{row.claims - row.able} | "
        f"{row.falsely_supported:.1%} | {row.worst:.1%} | {row.forced_sign_wrong:.1%} |"
        for row in worlds.itertuples()
    ]
    wide = claims_only(table)
    cells = wide.assign(
        cell=[
            f"{LETTERS[row.planted]} {row.as_planted:.0%}"
            + ("" if np.isnan(row.power) or row.power >= ENOUGH else f" ({row.power:.0%})")
            for row in wide.itertuples()
        ]
    ).pivot(index="claim", columns="world", values="cell")
    order = list(worlds["world"])
    grid = [
        f"| {claim} | " + " | ".join(cells.loc[claim, order]) + " |"
        for claim in dict.fromkeys(wide["claim"])
    ]
    return TEXT.format(
        n=f"{n:,}", surveys=int(table["surveys"].min()), worlds="\n".join(lines),
        columns=" | ".join(order), rule=" | ".join("---" for _ in order), grid="\n".join(grid),
        population=f"{POPULATION:,}",
    )  # fmt: skip


TEXT = """\
# Verdicts in worlds with known truth

{surveys} surveys of {n} simulated respondents of each world (`loyalty_analysis/full_worlds.py`),
judged with the study file of the shipped questionnaire. The planted verdict is what a sample
without end would lead to, from population values of {population} respondents
(`loyalty_analysis/truth.py`).

`python benchmarks/calibration/worlds.py --surveys {surveys} -n 3000 --workers 2` makes this page;
`worlds.csv` has every claim and part with all shares, `worlds.runs.csv` the verdicts of every
survey: the command goes on from there, so delete it when worlds, statistics or rules change.

Asked for: the planted verdict in at least 90% of the surveys where power allows it; of claims whose
planted verdict is not *supported*, at most 5% come out *supported*; a sign of a slope of forced
commitment that it does not have is said in at most 1% of the surveys.

| world | surveys | as planted | before Holm | little power | false | worst | forced wrong |
| --- | --- | --- | --- | --- | --- | --- | --- |
{worlds}

*As planted*: claims whose planted verdict came out in at least 90%, of those whose power reaches
90% even if every other claim of their set had to be decided first (Bonferroni; Holm asks no more).
*Before Holm*: the same of those whose power reaches 90% taken by themselves. *Little power*: claims
that {n} respondents decide in fewer than 90% of surveys even so. Power follows from the population
values and the standard errors of one survey. *False*: share of claims x surveys, and of
the worst claim, whose planted verdict is another. *Forced wrong*: surveys that say a wrong sign.

## Claim by claim

The planted verdict (s supported, c contradicted, n negligible, i inconclusive, x not testable), the
share of surveys in which it came out and, where it is below 90%, the power in brackets.

| claim | {columns} |
| --- | {rule} |
{grid}
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--surveys", type=int, default=200)
    parser.add_argument("-n", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--world", action="append", choices=tuple(FULL_WORLDS))
    asked = parser.parse_args()
    chosen = asked.world or list(FULL_WORLDS)
    campaign(chosen, asked.surveys, asked.n, asked.workers)
    tables = [summary(world, asked.n, asked.surveys) for world in track(chosen, "population")]
    found = pd.concat(tables, ignore_index=True)
    found.to_csv(TABLE, index=False, float_format="%.4f", lineterminator="\n")
    PAGE.write_text(page(found, asked.n), encoding="utf-8", newline="\n")
    print(PAGE.read_text(encoding="utf-8"))
