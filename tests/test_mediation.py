"""Mediation: sums, plain regressions, known truths, R, groups, orders, and what cannot be had."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import effects_reference
import numpy as np
import pandas as pd
import pytest
from factory import REMOVE, answers, survey_of
from reference_numbers import Number
from scipy.special import stdtrit
from scipy.stats import binom

from loyalty_analysis.analysis import analyse, twins_or_none
from loyalty_analysis.bootstrap import resampled
from loyalty_analysis.claims import Claim
from loyalty_analysis.errors import LoyaltyError
from loyalty_analysis.inference import Sample, estimate, single, vectorized
from loyalty_analysis.mediation import (
    DECLARED,
    DRIVER,
    EFFECTS,
    OUTCOME,
    chain,
    effects,
    indirect,
    mediation,
    mediation_orders,
)
from loyalty_analysis.moderated_mediation import mediation_groups
from loyalty_analysis.moments import Array, Moments, slopes
from loyalty_analysis.regression import regression
from loyalty_analysis.sensitivity import GRID, onward_slope, sensitivity
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge

module = importlib.import_module(
    "loyalty_analysis.mediation"
)  # the package has a function of that name

SIDES = {"a": "goods", "b": "services"}
CONTROLS = {"model.controls": ["age", "gender"]}


def least_squares(y: Array, *columns: Array) -> Array:
    """Slopes by numpy alone, intercept dropped."""
    x = np.column_stack([np.ones(len(y)), *columns])
    return np.linalg.lstsq(x, y, rcond=None)[0][1:]


def one(table: pd.DataFrame, **keys: str) -> pd.Series:
    [row] = [row for _, row in table.iterrows() if all(row[k] == v for k, v in keys.items())]
    return row


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return survey_of(tmp_path_factory.mktemp("study"), CONTROLS, frame=answers(400))


@pytest.fixture(scope="module")
def table(survey: Survey) -> pd.DataFrame:
    drawn = resampled(survey.sample(survey.moments.columns), 3000)
    return mediation(survey, twins_or_none(survey), drawn)


# ---- estimates -------------------------------------------------------------------------------


def test_parts_add_up_to_the_slope_without_the_mediator(
    survey: Survey, table: pd.DataFrame
) -> None:
    wide = table.pivot_table("estimate", ["outcome", "scale", "driver"], "effect")
    np.testing.assert_allclose(wide["direct"] + wide["indirect"], wide["total"], rtol=1e-13)
    slope = regression(survey).set_index(["model", "term"])
    for (outcome, scale, driver), row in wide.iterrows():
        column = "estimate" if scale == "raw" else "beta"
        total = slope.loc[(f"{outcome}.total", driver), column]
        direct = slope.loc[(f"{outcome}.direct", driver), column]
        np.testing.assert_allclose(row[["total", "direct"]], [total, direct], rtol=1e-9)


def test_against_plain_regressions(survey: Survey, table: pd.DataFrame) -> None:
    frame = survey.frame
    assert frame is not None
    drivers = [frame[name] for name in survey.study.model.drivers]
    rest = [frame[name] for name in survey.terms(["age", "gender"])]
    first = least_squares(frame["satisfaction"], *drivers, *rest)
    for outcome in survey.study.model.outcomes:
        second = least_squares(frame[outcome], *drivers, frame["satisfaction"], *rest)
        for at, driver in enumerate(survey.study.model.drivers):
            keys = {"outcome": outcome, "driver": driver, "effect": "indirect"}
            product = first[at] * second[3]
            assert one(table, **keys, scale="raw")["estimate"] == pytest.approx(product, rel=1e-9)
            scaled = product * frame[driver].std() / frame[outcome].std()
            found = one(table, **keys, scale="standardized")
            assert found["estimate"] == pytest.approx(scaled, rel=1e-9)


def test_interval_and_bootstrap_agree(table: pd.DataFrame) -> None:
    """Symmetric intervals beside percentiles of 3,000 resamples: ends a fraction of an error."""
    away = (table[["conf_low", "conf_high"]].to_numpy() - table[["boot_low", "boot_high"]]) / (
        table[["std_error"]].to_numpy()
    )
    assert away.abs().to_numpy().max() < 0.6 and away.abs().to_numpy().mean() < 0.15


def test_share_mediated_only_where_it_has_meaning(table: pd.DataFrame) -> None:
    shown = table[table["share_mediated"].notna()]
    assert set(shown["effect"]) == {"indirect"} and set(shown["scale"]) == {"standardized"}
    for (outcome, driver), rows in table[table["scale"] == "standardized"].groupby(
        ["outcome", "driver"]
    ):
        direct, through, total = (
            one(rows, effect=name) for name in ("direct", "indirect", "total")
        )
        told = total["conf_low"] > 0 or total["conf_high"] < 0
        turned = (direct["conf_low"] > 0) - (direct["conf_high"] < 0)
        meaning = told and turned * ((through["conf_low"] > 0) - (through["conf_high"] < 0)) >= 0
        assert pd.notna(through["share_mediated"]) == meaning, (outcome, driver)
        if meaning:
            assert through["share_mediated"] == pytest.approx(
                through["estimate"] / total["estimate"]
            )
            assert through["share_low"] < through["share_mediated"] < through["share_high"]
    assert 0 < len(shown) < len(table[(table["effect"] == "indirect")]) / 2


def test_share_mediated_is_covered_when_it_is_shown() -> None:
    """Fieller's interval: of 150 surveys of 150, the binomial 99.9% interval holds 95%."""
    inside, shown = 0, 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        x = random.normal(size=150)
        m = 0.5 * x + random.normal(size=150)
        y = 0.5 * m + 0.25 * x + random.normal(size=150)
        frame = pd.DataFrame({"x": x, "m": m, "y": y})
        known = Moments.from_frame(frame)
        rows = frame.to_numpy()

        @vectorized
        def both(moments: Moments) -> Array:
            raw = effects(moments, ["x"], "m", "y", [])
            return raw.reshape(*raw.shape[:-2], -1)

        found = estimate(single(both), Sample(known.columns, {"": known}, {"": rows}))
        low, high = found.interval()
        table = pd.DataFrame({"effect": EFFECTS, "conf_low": low, "conf_high": high, "df": 147.0,
                              "df_satterthwaite": np.nan})  # fmt: skip
        share = module._share_mediated(table, found, np.array([1]))[0]
        shown += bool(np.isfinite(share[0]))
        inside += bool(share[1] <= 0.5 <= share[2])
    assert shown > 100 and inside >= binom.ppf(0.0005, shown, 0.95)


def test_twins_are_products_of_twins(survey: Survey, table: pd.DataFrame) -> None:
    slope = regression(survey, twins_or_none(survey)).set_index(["model", "term"])["beta_latent"]
    for driver in survey.study.model.drivers:
        found = one(
            table, driver=driver, outcome="advocacy", effect="indirect", scale="standardized"
        )
        product = slope["satisfaction", driver] * slope["advocacy.direct", "satisfaction"]
        assert found["latent"] == pytest.approx(product, rel=1e-9)
        assert found["latent_low"] < product < found["latent_high"]


def test_intervals_of_products_are_those_of_their_links(
    survey: Survey, table: pd.DataFrame
) -> None:
    """A claim's interval is that of the table; skewed towards larger sizes; near the bootstrap."""
    claim = Claim(id="x", text="", estimand="indirect", outcome="advocacy", sign="+",
                  term="affective", through=("satisfaction",))  # fmt: skip
    found = indirect(survey, claim, "advocacy")
    same = one(
        table, driver="affective", outcome="advocacy", effect="indirect", scale="standardized"
    )
    assert found is not None
    ends = found[["conf_low", "conf_high"]].to_numpy(dtype=float)[0]
    np.testing.assert_allclose(
        ends, same[["conf_low", "conf_high"]].to_numpy(dtype=float), rtol=0.01
    )
    assert ends[1] - same["estimate"] > same["estimate"] - ends[0]
    error = same["std_error"]
    boot = same[["boot_low", "boot_high"]].to_numpy(dtype=float)
    assert (abs(ends - boot) < 0.35 * error).all()


def test_known_truth_along_three_links() -> None:
    random = np.random.default_rng(3)
    n = 200_000
    x, z = random.normal(size=(2, n))
    one_ = 0.5 * x + 0.3 * z + random.normal(size=n)
    two = 0.4 * one_ + 0.2 * x + random.normal(size=n)
    y = 0.6 * two + 0.1 * one_ + 0.3 * x + 0.2 * z + random.normal(size=n)
    frame = pd.DataFrame({"x": x, "one": one_, "two": two, "y": y, "z": z})
    found = chain(Moments.from_frame(frame), ["x", "one", "two", "y"], [["z"]] * 3)
    assert found[0] * y.std() / x.std() == pytest.approx(0.5 * 0.4 * 0.6, abs=0.003)


def test_a_serial_claim_is_the_product_of_its_links(tmp_path: Path) -> None:
    one_ = survey_of(tmp_path, frame=answers(300))
    claim = Claim(id="x", text="", estimand="indirect", outcome="repurchase", sign="+",
                  term="usability", through=("affective", "satisfaction"))  # fmt: skip
    found = indirect(one_, claim, "repurchase", twins_or_none(one_))
    assert found is not None and found["through"].item() == "affective -> satisfaction"
    f = one_.frame
    assert f is not None
    rest = [f["normative"], f["forced"]]
    # Affective commitment has an equation of its own in [paths]: usability alone.
    first = least_squares(f["affective"], f["usability"])[0]
    second = least_squares(f["satisfaction"], f["affective"], f["usability"], *rest)[0]
    third = least_squares(f["repurchase"], f["satisfaction"], f["usability"], f["affective"], *rest)
    scale = f["usability"].std() / f["repurchase"].std()
    assert found["estimate"].item() == pytest.approx(first * second * third[0] * scale, rel=1e-9)
    assert np.isfinite(found["latent"].item())


# ---- orders, sensitivity, groups --------------------------------------------------------------


def test_orders_side_by_side(survey: Survey, table: pd.DataFrame) -> None:
    orders = mediation_orders(survey)
    assert len(orders) == 3 * 3 * 3
    for row in orders[orders["order"] == DECLARED].itertuples():
        same = one(table, driver=row.driver, outcome=row.outcome, effect="indirect",
                   scale="standardized")  # fmt: skip
        assert row.estimate == pytest.approx(same["estimate"], rel=1e-10)
        assert row.std_error == pytest.approx(same["std_error"], rel=1e-6)
    f = survey.frame
    assert f is not None
    rest = [f[name] for name in ("normative", "forced", *survey.terms(["age", "gender"]))]
    keys = {"driver": "affective", "outcome": "advocacy"}
    first = least_squares(f["affective"], f["satisfaction"], *rest)[0]
    second = least_squares(f["advocacy"], f["affective"], f["satisfaction"], *rest)[0]
    turned = one(orders, **keys, order=DRIVER)
    assert turned["path"] == "satisfaction -> affective -> advocacy"
    scale = f["satisfaction"].std() / f["advocacy"].std()
    assert turned["estimate"] == pytest.approx(first * second * scale, rel=1e-9)
    first = least_squares(f["advocacy"], f["affective"], *rest)[0]
    second = least_squares(f["satisfaction"], f["advocacy"], f["affective"], *rest)[0]
    scale = f["affective"].std() / f["satisfaction"].std()
    turned = one(orders, **keys, order=OUTCOME)
    assert turned["estimate"] == pytest.approx(first * second * scale, rel=1e-9)


def test_the_true_slope_is_found_at_the_true_correlation_of_errors() -> None:
    random = np.random.default_rng(8)
    n, rho = 400_000, 0.4
    x = random.normal(size=n)
    errors = random.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n) * [0.8, 1.5]
    m = 0.5 * x + errors[:, 0]
    y = 0.3 * m + 0.2 * x + errors[:, 1]
    known = Moments.from_frame(pd.DataFrame({"x": x, "m": m, "y": y}))
    found = onward_slope(known, "m", "y", ["x"])
    assert found[:-1][np.isclose(GRID, rho)].item() == pytest.approx(0.3, abs=0.01)
    assert found[:-1][GRID == 0].item() == pytest.approx(slopes(known, "y", ["m", "x"])[0])
    assert found[:-1][np.isclose(GRID, 0.3)].item() > 0.3


def test_sensitivity_meets_the_effects_at_zero(survey: Survey, table: pd.DataFrame) -> None:
    found = sensitivity(survey)
    at_zero = found[found["rho"] == 0]
    for row in at_zero.itertuples():
        same = one(table, driver=row.driver, outcome=row.outcome, effect="indirect",
                   scale="standardized")  # fmt: skip
        half = stdtrit(same["df"], 0.975) * same["std_error"]  # symmetric here
        ends = np.array([same["estimate"], same["estimate"] - half, same["estimate"] + half])
        found_ends = [row.estimate, row.conf_low, row.conf_high]
        np.testing.assert_allclose(found_ends, ends, rtol=1e-6)
    for _, rows in found.groupby(["outcome", "driver"]):
        # The curve crosses zero at rho_zero, between the grid values around it.
        left, zero = rows[rows["rho"] < rows["rho_zero"]], rows["rho_zero"].iloc[0]
        right = rows[rows["rho"] > zero]
        assert np.sign(left["estimate"].iloc[-1]) != np.sign(right["estimate"].iloc[0])
    assert (found["r2_product"] == found["rho_zero"] ** 2).all()


def test_groups_are_regressed_apart(tmp_path: Path) -> None:
    changes = {
        "design": {"groups": ["sector"]},
        "contrasts.sector": {"a": "goods", "b": "services"},
    }
    one_ = survey_of(tmp_path, changes, frame=answers(300))
    found = mediation_groups(one_)
    assert set(found["level"]) == {"goods", "services", "goods - services"}
    f = one_.frame
    assert f is not None
    values = {}
    for level in ("goods", "services"):
        part = f[f["sector"] == level]
        drivers = [part[name] for name in one_.study.model.drivers]
        first = least_squares(part["satisfaction"], *drivers)[0]
        second = least_squares(part["advocacy"], *drivers, part["satisfaction"])[-1]
        values[level] = first * second * f["affective"].std() / f["advocacy"].std()
        row = one(found, level=level, driver="affective", outcome="advocacy")
        assert row["estimate"] == pytest.approx(values[level], rel=1e-9) and row["n"] == len(part)
    gap = one(found, level="goods - services", driver="affective", outcome="advocacy")
    assert gap["estimate"] == pytest.approx(values["goods"] - values["services"], rel=1e-9)
    assert gap["n"] == len(f) and np.isnan(gap["df_satterthwaite"])


def test_degrees_of_freedom_of_a_level_are_its_own_clusters(tmp_path: Path) -> None:
    changes = {"design": {"groups": ["sector"], "cluster": "industry"},
               "contrasts.sector": SIDES}  # fmt: skip
    found = mediation_groups(survey_of(tmp_path, changes, frame=answers(400))).set_index("level")
    assert set(found.loc["goods", "df"]) == {4.0} and set(found.loc["goods - services", "df"]) == {
        9.0
    }
    assert (found.loc["goods - services", "df_satterthwaite"] < 9).all()


# ---- verdicts --------------------------------------------------------------------------------


def judged(folder: Path, frame: pd.DataFrame | None = None, **claim: Any) -> pd.Series:
    wanted = {"estimand": "indirect", "outcome": "repurchase", "term": "affective",
              "through": ["satisfaction"], **claim}  # fmt: skip
    changes = {"gates": {"warn": ["htmt", "reliability", "admissible"]}}
    return judge(survey_of(folder, changes, frame=frame, claims=[wanted])).iloc[0]


def test_an_indirect_effect_is_judged(tmp_path: Path) -> None:
    row = judged(tmp_path, answers(500))
    assert row["verdict"] == "supported"
    assert "goes with" in row["sentence"] and "by way of satisfaction" in row["sentence"]


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ({"term": "price"}, "missing_construct: price"),
        ({"through": ["gratitude"]}, "missing_construct: gratitude"),
        ({"through": ["gratitude", "satisfaction"]}, "missing_construct: gratitude"),
    ],
)
def test_why_an_indirect_effect_cannot_be_judged(
    tmp_path: Path, claim: dict[str, Any], reason: str
) -> None:
    row = judged(tmp_path, **claim)
    assert (row["verdict"], row["reason"]) == ("not testable", reason)


def test_a_construct_outside_the_model_is_named(tmp_path: Path) -> None:
    changes = {"paths": REMOVE, "gates": {"warn": ["htmt", "reliability", "admissible"]}}
    claim = {"estimand": "indirect", "outcome": "repurchase", "term": "usability",
             "through": ["satisfaction"]}  # fmt: skip
    row = judge(survey_of(tmp_path, changes, claims=[claim])).iloc[0]
    assert row["reason"] == "not_in_model: usability"


# ---- what cannot be had ----------------------------------------------------------------------


def test_without_a_mediator_there_is_nothing(tmp_path: Path) -> None:
    one_ = survey_of(tmp_path, {"model.mediator": REMOVE})
    for function in (mediation, mediation_orders, mediation_groups, sensitivity):
        assert function(one_).empty
    assert "mediation" not in analyse(one_) and "drivers" in analyse(one_)


def test_moments_alone_have_no_resamples() -> None:
    found = mediation(read_survey("mobile_customers"))
    assert found["boot_low"].isna().all() and found["conf_low"].notna().all()


def test_a_mediator_equal_to_the_outcome(tmp_path: Path) -> None:
    """All of the total slope runs through it, the direct one is zero; nothing breaks."""
    frame = answers(200)
    frame[["rep1", "rep2"]] = np.column_stack([frame[["sat1", "sat2"]]])
    changes = {"constructs.satisfaction": {"items": ["sat1", "sat2"]}}
    one_ = survey_of(tmp_path, changes, frame=frame)
    rows = mediation(one_).query("outcome == 'repurchase'").set_index(["scale", "effect"])
    np.testing.assert_allclose(rows.loc[("raw", "direct"), "estimate"], 0, atol=1e-12)
    found = sensitivity(one_).query("outcome == 'repurchase'")
    assert found["rho_zero"].iloc[0] == pytest.approx(1)
    claim = {"estimand": "indirect", "outcome": "repurchase", "term": "affective",
             "through": ["satisfaction"]}  # fmt: skip
    verdict = judge(survey_of(tmp_path / "b", changes, frame=frame, claims=[claim])).iloc[0]
    assert verdict["verdict"] == "not testable" and "not_distinct" in verdict["reason"]


def test_collinear_drivers_are_refused_by_name(tmp_path: Path) -> None:
    frame = answers(150)
    frame[["nor1", "nor2", "nor3"]] = frame[["aff1", "aff2", "aff3"]].to_numpy()
    with pytest.raises(LoyaltyError, match=r"affective, normative are collinear"):
        mediation(survey_of(tmp_path, frame=frame))


def test_two_clusters_and_one_respondent_alone(tmp_path: Path) -> None:
    frame = answers(150)
    frame["industry"] = np.where(np.arange(150) < 75, "a", "b")
    one_ = survey_of(tmp_path / "two", {"design": {"cluster": "industry"}}, frame=frame)
    found = mediation(one_)
    assert set(found["df"]) == {1.0} and np.isfinite(found["std_error"]).all()
    frame["industry"] = np.arange(150) // 10
    frame.loc[0, "industry"] = 99
    lone = mediation(survey_of(tmp_path / "lone", {"design": {"cluster": "industry"}}, frame=frame))
    assert np.isfinite(lone["std_error"]).all() and set(lone["df"]) == {15.0}


def test_weights_of_zero_count_for_nothing(tmp_path: Path) -> None:
    frame = answers(300)
    frame.loc[200:, "w"] = 0.0
    weighted = {"design": {"weight": "w"}}
    try:
        whole = mediation(survey_of(tmp_path / "a", weighted, frame=frame))
    except LoyaltyError as error:  # refused by name is an honest answer too
        assert "w" in str(error)
        return
    left = mediation(survey_of(tmp_path / "b", weighted, frame=frame[:200]))
    np.testing.assert_allclose(whole["estimate"], left["estimate"], rtol=1e-9)


# ---- R ---------------------------------------------------------------------------------------


def test_equal_to_r(reference: Path) -> None:
    compared: list[Number] = []
    for name, numbers in effects_reference.analyses(reference):
        if "mediat" in name and "bootstrap" not in name:
            compared += numbers
    assert len(compared) > 80
    assert [number for number in compared if not number.difference <= number.tolerance] == []


def test_effects_keep_leading_dimensions() -> None:
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(50, 4)), columns=list("abmy"))
    known = Moments.from_frame(frame)
    both = Moments(known.columns, np.array([50, 50]), np.array([50.0, 50.0]),
                   np.array([50.0, 50.0]), np.stack([known.mean] * 2),
                   np.stack([known.cross, 2 * known.cross]))  # fmt: skip
    single_ = effects(known, ["a", "b"], "m", "y", [])
    np.testing.assert_allclose(effects(both, ["a", "b"], "m", "y", [])[1], single_, rtol=1e-12)
