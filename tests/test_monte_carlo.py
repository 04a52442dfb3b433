"""Monte Carlo error: other seeds never change the answer, a planted change is found."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from inspect import signature
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import REMOVE, answers, make

from loyalty_analysis.analysis import analyse
from loyalty_analysis.comparison import answer_changes, write_results
from loyalty_analysis.inference import Sample
from loyalty_analysis.manifest import write_json
from loyalty_analysis.mediation import product_interval
from loyalty_analysis.moments import Moments
from loyalty_analysis.monte_carlo import (
    FOLDS,
    HTMT_REPLICATES,
    PRODUCT_DRAWS,
    claim_errors,
    end_error,
    gate_errors,
)
from loyalty_analysis.sem_rivals import rivals
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.validity import discriminant
from loyalty_analysis.verdicts import judge

SEEDS = range(1, 21)
PAIR = ("affective", "repurchase")
ANALYSIS, MEDIATION = (
    import_module(f"loyalty_analysis.{name}") for name in ("analysis", "mediation")
)
SMALLER = {
    **dict.fromkeys(("constructs.forced", "constructs.search", "constructs.usability"), REMOVE),
    **{"paths": REMOVE, "model.drivers": ["affective", "normative"]},
    "model.outcomes": {"repurchase": "intention", "advocacy": "attitude"},
}


def claims(bound: float = 0.05) -> list[dict[str, Any]]:
    """One claim that the gate of HTMT may stop, one that a drawn end decides, one of neither."""
    through = {"estimand": "indirect", "through": ["satisfaction"], "sign": "any"}
    return [
        {"estimand": "total", "outcome": "repurchase"},
        {"outcome": "advocacy", "negligible": bound, **through},
        {"term": "normative"},
    ]


def run(survey: Survey, folder: Path, seed: int) -> Path:
    """Analyse and judge a survey with another seed wherever numbers are drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ANALYSIS, "discriminant", partial(discriminant, seed=seed))
        patch.setattr(MEDIATION, "SEED", seed)
        results = analyse(survey, everything=False)
    found = folder / f"seed{seed}"
    found.mkdir(parents=True)
    write_results(found, results, judge(survey, results))
    said = {"run": found.name, "respondents": {"read": survey.n_read, "analysed": survey.n}}
    write_json(found / "manifest.json", said)
    return found


def ends(folder: Path) -> tuple[float, float]:
    """The upper limit of the pair's HTMT, and the low end of the indirect effect."""
    pairs = pd.read_csv(folder / "results" / "discriminant.csv").set_index(["a", "b"])
    drawn = pd.read_csv(folder / "results" / "contrasts.csv").set_index("estimand")
    return float(pairs.loc[PAIR, "htmt_high"]), float(drawn.loc["indirect", "conf_low"])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A study whose limit of HTMT, and whose smallest effect, lie where the draws fall."""
    folder = tmp_path_factory.mktemp("seeds")
    first = make(folder / "first", SMALLER, claims=claims())
    limit, low = ends(run(read_survey(first), folder / "first", 1))
    changes = {**SMALLER, "gates.htmt": limit + 0.0005}
    yield make(folder / "study", changes, claims=claims(low + 0.0002)), folder


@pytest.fixture(scope="module")
def runs(study: tuple[Path, Path]) -> list[Path]:
    """The same data with twenty seeds."""
    survey = read_survey(study[0])
    return [run(survey, study[1] / "runs", seed) for seed in SEEDS]


def test_other_seeds_never_change_the_answer(runs: list[Path]) -> None:
    pairs = [*pairwise(runs), *((runs[0], other) for other in runs[2:])]
    found = [answer_changes(*pair) for pair in pairs]
    assert [one for one in found if one["answer_changed"]] == []
    # the study is as near its limits as it should be: gates and verdicts do flip
    left = [row for one in found for row in one["within_monte_carlo"]]
    assert {row.get("claim", row["kind"]) for row in left} == {"gate", "C1", "C2"}
    assert len(left) > len(found) / 10


def test_errors_are_about_those_that_twenty_seeds_show(runs: list[Path]) -> None:
    seen = np.std([ends(folder) for folder in runs], axis=0, ddof=1)
    pairs = pd.read_csv(runs[0] / "results" / "discriminant.csv")
    gates = pd.read_csv(runs[0] / "results" / "gates.csv", keep_default_na=False)
    gates = gate_errors(gates, pairs).set_index("about")
    contrasts = pd.read_csv(runs[0] / "results" / "contrasts.csv", keep_default_na=False)
    verdicts = pd.read_csv(runs[0] / "verdicts.csv", keep_default_na=False)
    claimed = claim_errors(verdicts, contrasts).set_index("claim")
    said = [gates.loc[" and ".join(PAIR), "error"], claimed.loc["C2", "conf_low_error"]]
    # the standard deviation of twenty numbers is itself off by a third now and then
    assert (0.65 * seen < said).all()
    assert (said < 2.5 * seen).all()


def test_a_planted_change_is_found_whatever_the_seed(
    study: tuple[Path, Path], runs: list[Path]
) -> None:
    frame = answers()
    for item in ("rep1", "rep2"):  # repurchase is asked in the words of affective commitment
        frame[item] = frame["aff1"]
    frame.loc[::4, "rep2"] = frame.loc[::4, "aff2"]
    frame.to_csv(study[0].with_name("survey.csv"), index=False)
    after = run(read_survey(study[0]), study[1] / "after", 99)
    passed = [one for one in runs if ends(one)[0] < ends(runs[0])[0] + 0.0005]
    assert passed
    for before in passed:
        found = answer_changes(before, after)
        assert found["answer_changed"]
        assert " and ".join(PAIR) in [row["about"] for row in found["gates"]]
        assert "C1" in [row["claim"] for row in found["verdicts"]]


def test_numbers_of_draws_are_those_of_the_functions_that_draw() -> None:
    assert signature(discriminant).parameters["replicates"].default == HTMT_REPLICATES
    assert MEDIATION._DRAWS == PRODUCT_DRAWS
    assert product_interval.__module__ == MEDIATION.__name__


def test_the_error_of_an_end_is_that_of_quantiles_of_normal_draws() -> None:
    rng = np.random.default_rng(1)
    seen = np.quantile(rng.normal(size=(2000, 1000)), 0.975, axis=1).std(ddof=1)
    assert end_error(0.0, 1.959964, 1000) == pytest.approx(seen, rel=0.06)
    assert end_error(0.5, float("nan"), 1000) == 0.0


def test_dealing_folds_anew_moves_a_lead_less_than_is_allowed_for() -> None:
    frame = answers(300)
    columns = ["aff1", "aff2", "aff3", "nor1", "nor2", "nor3"]
    rows = frame[columns].to_numpy(dtype=float)
    sample = Sample(tuple(columns), {"": Moments.from_rows(columns, rows)}, {"": rows})
    scripts = {
        "two": "a =~ aff1 + aff2 + aff3\nn =~ nor1 + nor2 + nor3",
        "one": "a =~ aff1 + aff2 + aff3 + nor1 + nor2 + nor3",
    }
    tables = [rivals(scripts, sample, seed=seed).set_index("model").loc["one"] for seed in range(8)]
    leads = pd.DataFrame(tables)[["cv_difference", "cv_error"]].astype(float)
    assert 0 < leads["cv_difference"].std() < FOLDS * leads["cv_error"].mean()
