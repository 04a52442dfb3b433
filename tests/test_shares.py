"""Shares of explained variance: all orders, R, ties, sets, sampled orders, derivatives, ranks."""

from __future__ import annotations

import importlib
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import effects_reference
import numpy as np
import pandas as pd
import pytest
from factory import REMOVE, answers, survey_of

from loyalty_analysis.analysis import twins_or_none
from loyalty_analysis.bootstrap import resampled
from loyalty_analysis.claims import Claim
from loyalty_analysis.drivers import drivers, players_of, share_differences
from loyalty_analysis.equations import equation_of
from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.inference import Sample, estimate, influence, single, vectorized
from loyalty_analysis.moments import Array, Moments, r_squared
from loyalty_analysis.performance import importance_performance
from loyalty_analysis.regression import models
from loyalty_analysis.shares import (
    ORDERINGS,
    Players,
    alone_and_last,
    gains,
    johnson_weights,
    left_over,
    residual_variances,
    shares,
)
from loyalty_analysis.study_tables import Scale
from loyalty_analysis.survey import read_survey
from loyalty_analysis.verdicts import judge

module = importlib.import_module(
    "loyalty_analysis.drivers"
)  # the package has a function of that name


def rows_of(p: int, n: int = 400, seed: int = 1) -> tuple[tuple[str, ...], Array]:
    """Correlated drivers d0 .., two controls, an outcome."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, p + 3))
    rows[:, 1:] += 0.5 * rows[:, :1]
    rows[:, -1] += rows[:, :p] @ np.linspace(-0.4, 0.6, p) + 0.3 * rows[:, p]
    return (*(f"d{i}" for i in range(p)), "c0", "c1", "y"), rows


def apart(names: tuple[str, ...]) -> Players:
    return Players(tuple((name,) for name in names if name.startswith("d")))


def plain(moments: Moments, players: Players, controls: list[str]) -> Array:
    """Gains in R squared, averaged over every order by a loop."""
    total = np.zeros(len(players.sets))
    orders = list(permutations(range(len(players.sets))))
    for order in orders:
        inside, before = list(controls), r_squared(moments, "y", controls) if controls else 0.0
        for player in order:
            inside += players.sets[player]
            after = r_squared(moments, "y", inside)
            total[player] += after - before
            before = after
    return total / len(orders)


@pytest.mark.parametrize("controls", [[], ["c0", "c1"]])
@pytest.mark.parametrize("sets", [None, (("d0",), ("d1", "d3"), ("d2", "d4"))])
def test_equal_to_a_loop_over_all_orders(controls: list[str], sets: Any) -> None:
    names, rows = rows_of(5)
    moments = Moments.from_rows(names, rows)
    players = apart(names) if sets is None else Players(sets)
    found = shares(moments, "y", players, controls)
    np.testing.assert_allclose(found, plain(moments, players, controls), atol=1e-13)
    every = r_squared(moments, "y", [*players.columns, *controls])
    beyond = r_squared(moments, "y", controls) if controls else 0.0
    assert found.sum() == pytest.approx(every - beyond, abs=1e-13)


def test_equal_to_r(reference: Path) -> None:
    compared = [number for name, numbers in effects_reference.analyses(reference)
                for number in numbers if "relative_importance" in name]  # fmt: skip
    assert len(compared) > 200
    assert max(number.difference for number in compared) < 1e-8


def test_equal_drivers_share_equally_and_sets_do_not_profit_from_copies() -> None:
    """Two near copies beside a third driver: as a set they count once."""
    cross = np.array([[1, 0.999, 0.5, 0.6], [0.999, 1, 0.5, 0.6], [0.5, 0.5, 1, 0.6],
                      [0.6, 0.6, 0.6, 1.0]])  # fmt: skip
    known = Moments(("a", "b", "c", "y"), 100, 100.0, 100.0, np.zeros(4), cross)
    one, two, third = shares(known, "y", Players((("a",), ("b",), ("c",))))
    assert one == pytest.approx(two)
    joined, alone = shares(known, "y", Players((("a", "b"), ("c",))))
    assert joined == pytest.approx(alone, abs=0.001) and one + two > third + 0.05


def test_known_truth_of_independent_drivers() -> None:
    """Without overlap a share is the squared slope, in every way of sharing."""
    random = np.random.default_rng(2)
    x = random.normal(size=(300_000, 3))
    y = x @ [0.5, -0.3, 0.0] + random.normal(size=len(x)) * np.sqrt(1 - 0.34)
    moments = Moments.from_rows(("d0", "d1", "d2", "y"), np.column_stack([x, y]))
    players = apart(moments.columns)
    cross = left_over(moments, "y", players, [])
    first, last = alone_and_last(cross, players)
    for found in (shares(moments, "y", players), johnson_weights(cross), first, last):
        np.testing.assert_allclose(found, [0.25, 0.09, 0.0], atol=0.005)


def test_first_and_last_are_gains_in_r_squared() -> None:
    names, rows = rows_of(4)
    moments, players = Moments.from_rows(names, rows), apart(names)
    first, last = alone_and_last(left_over(moments, "y", players, ["c0"]), players)
    base = r_squared(moments, "y", ["c0"])
    full = r_squared(moments, "y", [*players.columns, "c0"])
    for at, name in enumerate(players.columns):
        rest = [other for other in players.columns if other != name]
        assert first[at] == pytest.approx(r_squared(moments, "y", [name, "c0"]) - base)
        assert last[at] == pytest.approx(full - r_squared(moments, "y", [*rest, "c0"]))


@pytest.mark.parametrize("p", [4, 20])
def test_derivative_is_what_a_change_of_weight_does(p: int) -> None:
    """Exact and sampled orders: influence by the closed form against a difference quotient."""
    names, rows = rows_of(p, 200)
    players = apart(names)

    @vectorized
    def values(moments: Moments) -> Array:
        return shares(moments, "y", players, ["c0", "c1"])

    sample = Sample(names, {"": Moments.from_rows(names, rows)}, {"": rows})
    ours = influence(single(values), sample, correct=False)[""][7]
    up, down = np.ones(200), np.ones(200)
    up[7], down[7] = 1 + 1e-4, 1 - 1e-4
    moved = [values(Moments.from_rows(names, rows, weights)) for weights in (up, down)]
    np.testing.assert_allclose(ours, (moved[0] - moved[1]) / 2e-4, atol=1e-8)


def test_sampled_orders_come_close_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names, rows = rows_of(9)
    moments = Moments.from_rows(names, rows)
    exact = shares(moments, "y", apart(names), ["c0"])
    monkeypatch.setattr("loyalty_analysis.shares.MOST_EXACT", 3)
    players = apart(names)
    assert players.orderings is not None and len(players.orderings) == 2 * 9 * (ORDERINGS // 9)
    # Every block has each player once in each place.
    assert (np.sort(players.orderings[:9], axis=0) == np.arange(9)[:, None]).all()
    sampled = shares(moments, "y", players, ["c0"])
    cross = left_over(moments, "y", players, ["c0"])
    error = np.sqrt(np.diag(module._sampling(cross, players)))
    assert sampled.sum() == pytest.approx(exact.sum(), abs=1e-12)
    assert (abs(sampled - exact) < 5 * error + 1e-12).all() and error.max() < 0.002
    # What each adds in an order is a gain in explained variance.
    own = gains(cross, players)
    np.testing.assert_allclose(own.sum(axis=1), exact.sum(), atol=1e-12)


def test_equal_and_collinear_drivers_share_alike_in_sampled_orders() -> None:
    """Sixteen of them, r = .9: the error of the orders is a fraction of any sampling error."""
    p = 16
    cross = np.full((p + 1, p + 1), 0.9)
    np.fill_diagonal(cross, 1.0)
    cross[-1, :-1] = cross[:-1, -1] = 0.6
    known = Moments((*(f"d{i}" for i in range(p)), "y"), 2000, 2000.0, 2000.0, np.zeros(p + 1),
                    cross * 2000)  # fmt: skip
    found = shares(known, "y", apart(known.columns))
    assert found.max() - found.min() < 1e-3
    # The interval of a difference knows of the orders: its error is part of the covariance.
    players = apart(known.columns)
    extra = module._sampling(left_over(known, "y", players, []), players)
    gap = np.subtract.outer(found, found)
    error = np.sqrt(np.add.outer(np.diag(extra), np.diag(extra)) - 2 * extra)
    assert (abs(gap) <= 5 * error + 1e-12).all()


def test_sampled_sets_enter_together(monkeypatch: pytest.MonkeyPatch) -> None:
    names, rows = rows_of(4)
    moments = Moments.from_rows(names, rows)
    sets = (("d0", "d2"), ("d1",), ("d3",))
    exact = shares(moments, "y", Players(sets))
    monkeypatch.setattr("loyalty_analysis.shares.MOST_EXACT", 2)
    assert abs(shares(moments, "y", Players(sets)) - exact).max() < 0.01


def test_a_column_without_spread_or_twice_adds_nothing() -> None:
    """In a resample a driver may stand still or repeat another: its gain is zero, not a crash."""
    cross = np.array([[1, 1, 0, 0.6], [1, 1, 0, 0.6], [0, 0, 0, 0], [0.6, 0.6, 0, 1.0]])
    players = Players((("a",), ("b",), ("c",)))
    left = residual_variances(cross, players)
    np.testing.assert_allclose(left, [1, 1, 0.64, 0.64, 0.64, 0.64, 0.64, 0.64])


def test_forty_drivers(tmp_path: Path) -> None:
    """Beyond fifteen: sampled, said so, adding up, with intervals and ranks."""
    random = np.random.default_rng(6)
    common = random.normal(size=(500, 1))
    x = random.normal(size=(500, 40)) + common
    names = [f"d{i}" for i in range(40)]
    frame = pd.DataFrame(x.round(3), columns=names)
    frame["y"] = (x[:, :5].sum(axis=1) + random.normal(size=500) * 3).round(3)
    study = {"title": "Forty", "data": "survey.csv", "origin": "simulated", "claims": ["own.toml"],
             "scale": {"min": -100, "max": 100}, "constructs": {n: {} for n in [*names, "y"]},
             "model": {"drivers": names, "outcomes": {"y": "attitude"}}}  # fmt: skip
    survey = survey_of(tmp_path, study=study, frame=frame)
    table = drivers(survey, None, resampled(survey.sample(survey.moments.columns), 100))
    assert set(table["orderings"]) == {str(2 * 40 * 10)}
    assert table["share"].sum() == pytest.approx(models(survey)["r2"].item())
    assert (table["sampling_error"] > 0).all() and table["sampling_error"].max() < 0.01
    assert (table["share_low"] <= table["share"]).all()
    assert set(table.nsmallest(5, "rank")["term"]) == set(names[:5])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    survey = survey_of(tmp_path_factory.mktemp("study"), {"model.controls": ["age"]},
                       frame=answers(400))  # fmt: skip
    drawn = resampled(survey.sample(survey.moments.columns), 1000)
    return drivers(survey, twins_or_none(survey), drawn)


def test_the_table_adds_up(found: pd.DataFrame) -> None:
    for _, rows in found.groupby("outcome"):
        total = rows["r2"].iloc[0] - rows["r2_controls"].iloc[0]
        assert rows["share"].sum() == pytest.approx(total)
        assert rows["johnson"].sum() == pytest.approx(total)
        assert sorted(rows["rank"]) == [1, 2, 3, 4]
        assert rows["p_first"].sum() == pytest.approx(1) and rows["lead"].notna().sum() == 3
        ordered = rows.sort_values("rank")
        np.testing.assert_allclose(ordered["lead"][:-1], -np.diff(ordered["share"]))
    assert (found["rank_low"] <= found["rank"]).all() and (
        found["rank"] <= found["rank_high"]
    ).all()
    assert (found["share_low"] >= 0).all() and (found["replicates"] == 1000).all()
    assert (found["latent_low"] <= found["latent"]).all()
    assert set(found["sign"]) <= {"+", "-", ""} and "-" in set(found["sign"])


def test_ranks_of_clear_and_tied_drivers() -> None:
    values = np.array([[0.1, 0.3, 0.2], [0.2, 0.2, 0.1]])
    assert module._ranks(values).tolist() == [[3, 1, 2], [1.5, 1.5, 3]]


def test_performance_is_the_mean_on_a_hundred_points(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, frame=answers(300))
    table = importance_performance(survey).set_index(["outcome", "term"])
    assert survey.frame is not None
    row = table.loc[("advocacy", "affective")]
    assert row["score"] == pytest.approx((survey.frame["affective"].mean() - 1) / 6 * 100)
    half = (row["score_high"] - row["score_low"]) / 2
    plain_error = survey.frame["affective"].std() / np.sqrt(300) / 6 * 100
    assert half == pytest.approx(1.96 * plain_error, rel=0.03)
    # Same scales on both sides: the effect is the raw slope without the mediator.
    raw = np.linalg.lstsq(
        np.column_stack([np.ones(300), survey.frame[["affective", "normative", "forced"]]]),
        survey.frame["advocacy"], rcond=None,
    )[0][1]  # fmt: skip
    assert row["effect"] == pytest.approx(raw)


def test_a_construct_without_a_scale_has_no_performance() -> None:
    survey = read_survey("bank_customers")
    changed = survey.study.model_copy(update={"scale": Scale()})
    table = importance_performance(replace(survey, study=changed))
    assert table.empty


# ---- claims ----------------------------------------------------------------------------------

WARN = {"gates": {"warn": ["htmt", "reliability", "admissible"]}}


def judged(folder: Path, changes: Any = None, frame: Any = None, **claim: Any) -> pd.Series:
    wanted = {"estimand": "largest_share", "outcome": "repurchase", "term": "satisfaction", **claim}
    survey = survey_of(folder, WARN | (changes or {}), frame=frame, claims=[wanted])
    return judge(survey).iloc[0]


def test_the_largest_share_is_judged(tmp_path: Path) -> None:
    row = judged(tmp_path / "a", frame=answers(2000), versus=["normative", "forced"])
    assert row["verdict"] == "supported" and "Of the variance of repurchase" in row["sentence"]
    assert "points more than" in row["sentence"] and "Corrected for" in row["sentence"]
    row = judged(tmp_path / "b", frame=answers(2000), term="normative")
    assert row["verdict"] == "contradicted" and "points less than" in row["sentence"]


def test_a_set_against_one_driver(tmp_path: Path) -> None:
    claim = {"estimand": "share_difference", "term": "normative + forced",
             "versus": ["satisfaction"], "sign": "-"}  # fmt: skip
    row = judged(tmp_path, frame=answers(2000), **claim)
    assert row["verdict"] == "supported"
    assert "normative and forced account for" in row["sentence"]


def test_differences_are_those_of_the_shares(tmp_path: Path) -> None:
    survey = survey_of(tmp_path, frame=answers(300))
    claim = Claim(id="x", text="", estimand="share_difference", outcome="advocacy", sign="+",
                  term="normative + forced", versus=("satisfaction",))  # fmt: skip
    equation = equation_of(survey.study, claim.estimand, "advocacy")
    assert equation is not None and equation.model == "advocacy.direct"
    players, rivals = players_of(claim, equation)
    assert players.sets == (("normative", "forced"), ("satisfaction",), ("affective",))
    assert rivals == ["satisfaction"]
    known = survey.moments[[*players.columns, "advocacy"]]
    own = shares(known, "advocacy", players)
    table = share_differences(survey, claim, "advocacy")
    assert table is not None and table["sets"].item() == "normative + forced"
    assert table["estimate"].item() == pytest.approx(own[0] - own[1])

    @vectorized
    def gap(moments: Moments) -> Array:
        found = shares(moments, "advocacy", players)
        return found[..., :1] - found[..., 1:2]

    other = estimate(single(gap), survey.sample(known.columns))
    assert table["std_error"].item() == pytest.approx(other.std_error[0], rel=1e-9)


def test_the_largest_share_of_a_negative_slope_is_not_supported(tmp_path: Path) -> None:
    """It does account for most, but by going with less loyalty."""
    frame = answers(1500)
    for item in ("rep1", "rep2"):
        frame[item] = np.clip(8 - frame["for1"] + (frame[item] > 4), 1, 7)
    row = judged(tmp_path / "a", frame=frame, term="forced", versus=["affective", "normative"])
    assert (row["verdict"], row["reason"]) == ("inconclusive", "negative_slope: forced")


def test_ahead_means_ahead_of_every_other(found: pd.DataFrame) -> None:
    assert set(found["ahead"]) <= {True, False}
    leading = found[found["ahead"]]
    assert (leading["lead_low"] > 0).all()


@pytest.mark.parametrize(
    ("changes", "claim", "reason"),
    [
        ({}, {"term": "usability"}, "not_in_model: usability"),
        ({}, {"versus": ["price"]}, "missing_construct: price"),
        ({"model.mediator": REMOVE, "model.drivers": ["affective"]}, {"term": "affective"},
         "no_rival"),
    ],
)  # fmt: skip
def test_why_shares_cannot_be_judged(
    tmp_path: Path, changes: dict[str, Any], claim: dict[str, Any], reason: str
) -> None:
    row = judged(tmp_path, changes, **claim)
    assert (row["verdict"], row["reason"]) == ("not testable", reason)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ({"sign": "-"}, "needs the sign +"),
        ({"versus": ["satisfaction + forced"]}, "needs rivals other than its term"),
        ({"estimand": "share_difference"}, "needs one driver or one set, written a + b, in versus"),
        ({"estimand": "share_difference", "versus": ["affective", "forced"], "sign": "none"},
         "needs one driver or one set, written a + b, in versus"),
        ({"estimand": "indirect"}, "needs its mediators in through"),
        ({"estimand": "indirect", "through": ["repurchase"]},
         "needs a term, mediators and outcome that differ"),
    ],
)  # fmt: skip
def test_claims_that_make_no_sense_are_refused(
    tmp_path: Path, claim: dict[str, Any], said: str
) -> None:
    with pytest.raises(LoyaltyError, match=said.replace("+", r"\+")):
        judged(tmp_path, **claim)


def test_shares_from_published_moments() -> None:
    table = drivers(read_survey("mobile_customers"))
    assert table["rank_low"].isna().all() and (table["replicates"] == 0).all()
    assert table["share_low"].notna().all()
