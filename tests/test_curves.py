"""Shapes of returns: splines equal to Hmisc's, losses to plain refits, shapes recovered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from golden_data import FOLDER
from golden_data import survey as golden_survey
from level_study import answers, ladder_survey

from loyalty_analysis.curves import curves, level_frames, score_of
from loyalty_analysis.splines import folds, losses_left_out, mean_loss, spline_basis, spline_knots
from loyalty_analysis.survey import read_survey


def golden(case: str, quantity: str) -> np.ndarray[Any, Any]:
    table = pd.read_csv(FOLDER / "levels.csv", keep_default_na=False)
    return table.query("case == @case and quantity == @quantity")["value"].to_numpy()


@pytest.mark.parametrize("count", [4, 5])
def test_knots_and_terms_equal_hmisc(count: int) -> None:
    x = golden_survey()["m"].to_numpy()
    knots = golden(f"spline.{count}", "knot")
    np.testing.assert_allclose(np.quantile(x, np.linspace(0.05, 0.95, count)), knots, rtol=1e-12)
    terms = spline_basis(x, knots)
    wanted = golden(f"spline.{count}", "mean square")
    np.testing.assert_allclose((terms**2).mean(axis=0), wanted, rtol=1e-10)
    fit = sm.OLS(golden_survey()["y1"], sm.add_constant(terms)).fit()
    assert fit.rsquared == pytest.approx(golden(f"spline.{count}", "r2")[0], rel=1e-10)


def test_knots_fit_the_number_of_values() -> None:
    np.testing.assert_allclose(spline_knots(np.arange(100.0)), golden_like(np.arange(100.0), 5))
    assert len(spline_knots(np.repeat(np.arange(1.0, 6), 30))) == 4
    many_at_top = np.concatenate([np.arange(1.0, 20.0), np.full(500, 19.0)])
    knots = spline_knots(many_at_top)
    assert len(knots) == 5 and (np.diff(knots) > 0).all()


def golden_like(x: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    return np.quantile(x, np.linspace(0.05, 0.95, count))


def test_tails_of_a_spline_are_straight() -> None:
    x = np.concatenate([np.linspace(-5, 0, 20), np.linspace(10, 15, 20)])
    terms = spline_basis(x, np.array([0.0, 3.0, 6.0, 10.0]))
    for part in (terms[:20], terms[20:]):
        np.testing.assert_allclose(np.diff(part, n=2, axis=0), 0, atol=1e-8)


def test_folds_keep_clusters_together_and_never_change() -> None:
    shops = np.repeat(np.arange(30), 7)
    dealt = folds(len(shops), shops)
    assert all(len(set(dealt[shops == shop])) == 1 for shop in range(30))
    assert np.bincount(dealt).tolist() == [21] * 10
    assert (dealt == folds(len(shops), shops)).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_equal_plain_refits(tmp_path: Path, weighted: bool) -> None:
    survey = ladder_survey(tmp_path, {"design": {"weight": "w"}} if weighted else {})
    assert survey.frame is not None
    sample = survey.sample(["satisfaction", "age", "repurchase"])
    fold = folds(survey.n)
    x = sm.add_constant(survey.frame[["satisfaction", "age"]].to_numpy(dtype=float))
    y, w = survey.frame["repurchase"].to_numpy(), np.ones(survey.n)
    w = w if survey.weights is None else survey.weights
    wanted = np.empty(survey.n)
    for k in range(10):
        fit = sm.WLS(y[fold != k], x[fold != k], w[fold != k]).fit()
        wanted[fold == k] = (y[fold == k] - fit.predict(x[fold == k])) ** 2
    np.testing.assert_allclose(losses_left_out(sample, fold), wanted, rtol=1e-8, atol=1e-14)


def test_errors_of_a_mean_loss() -> None:
    losses = np.random.default_rng(2).normal(size=50)
    mean, error = mean_loss(losses)
    assert mean == pytest.approx(losses.mean())
    assert error == pytest.approx(losses.std(ddof=1) / np.sqrt(50))
    shops = np.repeat(np.arange(10), 5)
    by_shop = losses.reshape(10, 5).mean(axis=1)
    assert mean_loss(losses, clusters=shops)[1] == pytest.approx(by_shop.std(ddof=1) / np.sqrt(10))
    assert mean_loss(losses, np.full(50, 3.0)) == pytest.approx((mean, error))


def drawn(shape: str, n: int = 3000, seed: int = 4, ceiling: float = 99) -> pd.DataFrame:
    """Respondents whose repurchase intention follows satisfaction in a planted shape."""
    rng = np.random.default_rng(seed)
    frame = answers(n, seed)
    x = rng.normal(size=(n, 1)) + 0.4 * rng.normal(size=(n, 3))
    score = np.clip(np.rint(4.4 + 1.2 * x), 1, 7).mean(axis=1)
    z = (score - score.mean()) / score.std()
    curve = {
        "linear": 0.6 * z,
        "concave": 0.6 * z - 0.2 * z**2,
        "convex": 0.6 * z + 0.2 * z**2,
        "s": 1.2 * np.tanh(3 * z),
    }[shape]
    wanted = 4 + curve + 0.7 * rng.normal(size=n)
    wanted = np.clip(np.rint(wanted), 1, min(7, ceiling))
    return frame.assign(satisfaction=score, repurchase=wanted)


@pytest.mark.parametrize(
    ("shape", "best", "bend"),
    [("linear", "linear", 0), ("concave", "quadratic", -1), ("convex", "quadratic", 1),
     ("s", "spline", None)],
)  # fmt: skip
def test_planted_shapes_are_found(shape: str, best: str, bend: int | None, tmp_path: Path) -> None:
    table, points = curves(ladder_survey(tmp_path, frame=drawn(shape)))
    own = table[table["outcome"] == "repurchase"].set_index("shape")
    chosen = own.index[own["best"].astype(bool)]
    assert len(chosen) == 1
    # A spline can bend as a quadratic does: which of the two is ahead by a hair is chance.
    assert chosen[0] == best or (best == "quadratic" and chosen[0] == "spline")
    if bend is not None:
        row = own.loc["quadratic"]
        side = int(row["bend_low"] > 0) - int(row["bend_high"] < 0)
        latent = int(row["latent_low"] > 0) - int(row["latent_high"] < 0)
        assert (side, latent) == (bend, bend) and row["slope"] > 0
    line = points[(points["outcome"] == "repurchase") & (points["shape"] == chosen[0])]
    assert (line["low"] < line["y"]).all() and (line["y"] < line["high"]).all()
    assert len(line) == 25


def test_a_ceiling_bends_the_line_and_not_what_lies_behind_the_answers(tmp_path: Path) -> None:
    table, _ = curves(ladder_survey(tmp_path, {"constructs.repurchase": {"max": 5}},
                                    drawn("linear", ceiling=5)))  # fmt: skip
    row = table[(table["outcome"] == "repurchase") & (table["shape"] == "quadratic")].iloc[0]
    assert row["ceiling"] > 0.15
    assert row["bend_high"] < 0, "gains look as if they diminished"
    assert row["latent_low"] < 0 < row["latent_high"], "without the ceiling they do not"


def test_predictions_and_bands_equal_a_plain_regression(tmp_path: Path) -> None:
    frame = drawn("concave", 800)
    survey = ladder_survey(tmp_path, frame=frame)
    _, points = curves(survey)
    line = points[(points["outcome"] == "repurchase") & (points["shape"] == "quadratic")]
    x, male = frame["satisfaction"], (frame["gender"] == "male").astype(float)
    design = np.column_stack([np.ones(len(x)), x, x**2, frame["age"], male])
    fit = sm.OLS(frame["repurchase"], design).fit(cov_type="HC3")
    at = np.column_stack([np.ones(25), line["x"], line["x"] ** 2,
                          np.full(25, frame["age"].mean()), np.full(25, male.mean())])  # fmt: skip
    plain = fit.get_prediction(at).summary_frame()
    np.testing.assert_allclose(line["y"], plain["mean"], rtol=1e-8)
    half, wanted = (line["high"] - line["low"]) / 2, plain["mean_ci_upper"] - plain["mean"]
    # The band counts that controls and the middle of the score are sampled too.
    np.testing.assert_allclose(half, wanted, rtol=0.12)


def test_the_score_is_satisfaction_or_that_of_the_levels(tmp_path: Path) -> None:
    survey = ladder_survey(tmp_path / "a")
    assert score_of(survey) == "satisfaction"
    other = ladder_survey(tmp_path / "b", {"model.drivers": ["level"]})
    assert score_of(other) == "level"
    few = answers()
    few["satisfaction"] = few["satisfaction"].clip(3, 6)
    assert score_of(ladder_survey(tmp_path / "c", frame=few)) is None


def test_frames_of_a_study_with_levels_and_without(tmp_path: Path) -> None:
    assert level_frames(read_survey("bank_customers")) == {}
    assert level_frames(read_survey("rice_simulated")) == {}
    frames = level_frames(ladder_survey(tmp_path, {"design": {"cluster": "shop"}}))
    assert list(frames) == ["steps", "curves", "curve_points"]
    assert len(frames["steps"]) == 20 and len(frames["curves"]) == 12
    assert frames["curves"].groupby("outcome")["best"].sum().eq(1).all()
    few = answers()
    few["satisfaction"] = few["satisfaction"].clip(3, 6)
    assert list(level_frames(ladder_survey(tmp_path / "few", frame=few))) == ["steps"]


def test_two_clusters_make_two_folds_and_one_shape_is_best(tmp_path: Path) -> None:
    frame = answers(200).assign(shop=lambda d: d["id"] % 2)
    table, _ = curves(ladder_survey(tmp_path, {"design": {"cluster": "shop"}}, frame))
    assert table["loss"].notna().all()
    assert table.groupby("outcome")["best"].sum().eq(1).all()
