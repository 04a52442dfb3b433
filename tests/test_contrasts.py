"""Contrasts of standardized slopes against R: groups, products, rivals; and what is missing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factory import STUDY, survey_of
from golden_data import golden, survey, write_study

from loyalty_analysis import contrasts as module
from loyalty_analysis.claims import Claim
from loyalty_analysis.clusters import cr2
from loyalty_analysis.contrasts import (
    SQUARES,
    contrasts,
    differences,
    interaction,
    missing_groups,
    slope_differences,
)
from loyalty_analysis.equations import equation_of, equations
from loyalty_analysis.errors import CollinearError
from loyalty_analysis.inference import Estimate, Function, Sample, influence
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.tidy import CONTRASTS
from loyalty_analysis.verdicts import judge

# Closed form on both sides.
CLOSED = 1e-9
DRIVERS = ["x1", "x2", "x3"]
MODEL = """
[model]
drivers = ["x1", "x2", "x3"]
outcomes = { y1 = "attitude" }
"""
GROUPED = MODEL + 'controls = ["region"]\n\n[contrasts.sector]\na = "goods"\nb = "services"\n'
each_weighting = pytest.mark.parametrize("weighted", [False, True])


def design(weighted: bool = False, cluster: str | None = None, groups: bool = True) -> str:
    lines = ['groups = ["sector"]'] if groups else []
    lines += ['weight = "w"'] if weighted else []
    lines += [f'cluster = "{cluster}"'] if cluster else []
    return "\n".join(lines)


def grouped(folder: Path, weighted: bool = False, cluster: str | None = None) -> Survey:
    return read_survey(write_study(folder, GROUPED, design(weighted, cluster)))


def plain(folder: Path, weighted: bool = False, cluster: str | None = None) -> Survey:
    return read_survey(write_study(folder, MODEL, design(weighted, cluster, groups=False)))


@pytest.fixture
def uncorrected(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Take the errors of contrasts as R's influence errors are: no leverage, no n / (n - 1)."""

    def apply(unit: str | None) -> None:
        def estimate(function: Function, whole: Sample) -> Estimate:
            parts = influence(function, whole, correct=False)
            values = np.concatenate(list(parts.values()))
            if unit:
                assert whole.clusters is not None
                labels = np.concatenate([whole.clusters[group] for group in parts])
                values = pd.DataFrame(values).groupby(labels).sum().to_numpy()
            covariance = values.T @ values
            return Estimate(function(whole.moments), covariance, 100.0, "plain sums")

        monkeypatch.setattr(module, "estimate", estimate)

    return apply


# ---- between groups --------------------------------------------------------------------------


def slope_gaps(one: Survey) -> pd.DataFrame:
    table = slope_differences(one, equations(one.study)[0], "sector")
    assert list(table.columns) == CONTRASTS
    assert set(table["versus"]) == {"goods - services"}
    assert set(table["group"]) == {"sector"}
    assert list(table["term"]) == DRIVERS
    return table.set_index("term")


@each_weighting
@pytest.mark.parametrize("unit", [None, "store", "team"])
def test_slope_differences_agree_with_r(
    tmp_path: Path, uncorrected: Callable[[str | None], None], weighted: bool, unit: str | None
) -> None:
    uncorrected(unit)
    found = slope_gaps(grouped(tmp_path, weighted, unit))
    model = "y1.sector.standardized" + (".weighted" if weighted else "")
    wanted = golden(model, "influence").loc[DRIVERS]
    np.testing.assert_allclose(found["estimate"], wanted["estimate"], rtol=CLOSED)
    errors = golden(model, f"influence.{unit}" if unit else "influence").loc[DRIVERS, "std_error"]
    np.testing.assert_allclose(found["std_error"], errors, rtol=CLOSED)


@pytest.mark.parametrize("unit", ["store", "team"])
def test_degrees_of_freedom_of_slope_differences(tmp_path: Path, unit: str) -> None:
    """clubSandwich's, of the raw difference in the joint model."""
    found = slope_gaps(grouped(tmp_path, cluster=unit))
    wanted = golden("y1.sector", f"CR2.{unit}").loc[DRIVERS, "df"]
    np.testing.assert_allclose(found["df_satterthwaite"], wanted, rtol=CLOSED)
    assert (found["df"] == {"store": 11, "team": 59}[unit]).all()


def test_errors_of_slope_differences_as_reported(tmp_path: Path) -> None:
    """With the correction for leverage, also where clusters are summed."""
    wanted = golden("y1.sector.standardized", "influence").loc[DRIVERS, "std_error"]
    ratio = slope_gaps(grouped(tmp_path))["std_error"] / wanted
    # The formula itself is checked in test_inference. Here 7 columns in about 120 respondents a
    # side: a leverage of 0.06 on average and three times that for those far out.
    assert ratio.between(1.06, 1.18).all()
    summed = golden("y1.sector.standardized", "influence.team").loc[DRIVERS, "std_error"]
    found = slope_gaps(grouped(tmp_path, cluster="team"))
    assert (found["std_error"] / summed).between(1.06, 1.18).all()


def gap_by_hand(frame: pd.DataFrame) -> np.ndarray:
    """Goods minus services, each fitted by itself, times sd(x) / sd(y) of everyone."""
    weight, slopes = frame["w"].to_numpy(), {}
    terms = [*DRIVERS, "region[south]", "region[west]"]
    for sector, part in frame.groupby("sector"):
        root = np.sqrt(part["w"].to_numpy())
        x = np.column_stack([np.ones(len(part)), part[terms]]) * root[:, None]
        slopes[sector] = np.linalg.lstsq(x, part["y1"].to_numpy() * root, rcond=None)[0][1:4]
    covariance = np.cov(frame[[*DRIVERS, "y1"]].to_numpy().T, aweights=weight)
    size = np.sqrt(np.diag(covariance))
    return (slopes["goods"] - slopes["services"]) * size[:3] / size[3]


def test_few_clusters_are_left_out_one_by_one(tmp_path: Path) -> None:
    found = slope_gaps(grouped(tmp_path, weighted=True, cluster="store"))
    frame = survey()
    np.testing.assert_allclose(found["estimate"], gap_by_hand(frame), rtol=CLOSED)
    values = np.array([gap_by_hand(frame[frame["store"] != s]) for s in frame["store"].unique()])
    error = np.sqrt(11 / 12 * ((values - values.mean(axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(found["std_error"], error, rtol=CLOSED)


@pytest.mark.parametrize("cluster", [None, "store"])
def test_other_groups_lend_no_degrees_of_freedom(tmp_path: Path, cluster: str | None) -> None:
    """Many small groups beside the two once made the degrees of freedom negative."""
    frame = survey().copy()
    other = frame.index >= 100
    frame["sector"] = np.where(frame.index // 10 % 2 == 0, "goods", "services")
    frame.loc[other, "sector"] = [f"other{number}" for number in range(int(other.sum()))]
    frame["store"] = np.where(other, frame.index, frame.index % 10)
    one = read_survey(write_study(tmp_path, GROUPED, design(cluster=cluster), frame))
    equation = equations(one.study)[0]
    table = slope_differences(one, equation, "sector")
    assert set(table["n"]) == {100}
    parameters = 2 * (len(one.terms(equation.terms)) + 1)
    assert set(table["df"]) == {100 - parameters if cluster is None else 10 - 1}
    assert table["conf_low"].notna().all()


def test_direction_is_the_declared_one(tmp_path: Path) -> None:
    turned = GROUPED.replace('a = "goods"\nb = "services"', 'a = "services"\nb = "goods"')
    other = read_survey(write_study(tmp_path, turned, design()))
    table = slope_differences(other, equations(other.study)[0], "sector").set_index("term")
    assert set(table["versus"]) == {"services - goods"}
    found = slope_gaps(grouped(tmp_path))
    np.testing.assert_allclose(table["estimate"], -found["estimate"], rtol=1e-14)
    np.testing.assert_allclose(table["std_error"], found["std_error"], rtol=1e-14)


def test_a_third_group_counts_for_the_sds_only(tmp_path: Path) -> None:
    frame = survey().assign(sector=lambda d: d["sector"].mask(d["id"] % 3 == 0, "public"))
    one = read_survey(write_study(tmp_path, GROUPED, design(), frame))
    found = slope_gaps(one)
    size = frame[[*DRIVERS, "y1"]].std().to_numpy()
    kept = frame[frame["sector"] != "public"].assign(w=1.0)
    inside = np.sqrt(np.diag(np.cov(kept[[*DRIVERS, "y1"]].to_numpy().T)))
    rescaled = gap_by_hand(kept) * (size[:3] / inside[:3]) * (inside[3] / size[3])
    np.testing.assert_allclose(found["estimate"], rescaled, rtol=CLOSED)


def test_a_category_missing_in_one_group(tmp_path: Path) -> None:
    """Nobody from the west among goods: its slope is left out there, the others stand."""
    frame = survey()
    frame = frame[(frame["sector"] != "goods") | (frame["region"] != "west")].assign(w=1.0)
    found = slope_gaps(read_survey(write_study(tmp_path, GROUPED, design(cluster="team"), frame)))
    np.testing.assert_allclose(found["estimate"], gap_by_hand(frame), rtol=CLOSED)
    assert np.isfinite(found[["std_error", "df_satterthwaite"]]).to_numpy().all()


def test_a_driver_without_variance_in_one_group_is_refused(tmp_path: Path) -> None:
    frame = survey().assign(x3=lambda d: d["x3"].mask(d["sector"] == "goods", 0.5))
    one = read_survey(write_study(tmp_path, GROUPED, design(), frame))
    with pytest.raises(CollinearError, match=r"y1\.total, sector goods: x3 does not vary"):
        contrasts(one)


@pytest.mark.parametrize(("services", "shown"), [(0, "0"), (6, "fewer than 10")])
def test_groups_too_small_are_left_out_with_a_reason(
    tmp_path: Path, services: int, shown: str
) -> None:
    frame = survey()
    few = frame[frame["sector"] == "services"].head(services)
    frame = pd.concat([frame[frame["sector"] == "goods"], few])
    one = read_survey(write_study(tmp_path, GROUPED, design(), frame))
    reason = missing_groups(one, "sector")
    assert reason is not None
    assert f"sector 'services' has {shown} respondents, 10 are needed" in reason
    assert "found goods (119)" in reason
    empty = contrasts(one)
    assert list(empty.columns) == CONTRASTS
    assert len(empty) == 0


# ---- products --------------------------------------------------------------------------------


@each_weighting
@pytest.mark.parametrize("unit", [None, "store", "team"])
def test_interactions_agree_with_r(
    tmp_path: Path, uncorrected: Callable[[str | None], None], weighted: bool, unit: str | None
) -> None:
    uncorrected(unit)
    found = interaction(plain(tmp_path, weighted, unit), "y1", "x1:x2")
    assert found is not None
    model = "y1.interaction" + (".weighted" if weighted else "")
    wanted = golden(model, "influence").loc["x1:x2"]
    assert found["estimate"].item() == pytest.approx(wanted["estimate"], rel=CLOSED)
    error = golden(model, f"influence.{unit}" if unit else "influence").loc["x1:x2", "std_error"]
    assert found["std_error"].item() == pytest.approx(error, rel=CLOSED)
    assert (found["term"].item(), found["n"].item()) == ("x1:x2", 240)


@pytest.mark.parametrize("unit", ["store", "team"])
def test_degrees_of_freedom_of_interactions(tmp_path: Path, unit: str) -> None:
    found = interaction(plain(tmp_path, cluster=unit), "y1", "x1:x2")
    assert found is not None
    wanted = golden("y1.interaction", f"CR2.{unit}.fixed_sd").loc["x1:x2", "df"]
    assert found["df_satterthwaite"].item() == pytest.approx(wanted, rel=CLOSED)


def test_order_of_the_two_does_not_matter(tmp_path: Path) -> None:
    one = plain(tmp_path)
    first, second = interaction(one, "y1", "x1:x2"), interaction(one, "y1", "x2:x1")
    assert first is not None and second is not None
    pd.testing.assert_frame_equal(
        first.drop(columns="term"), second.drop(columns="term"), rtol=CLOSED
    )


def test_a_category_of_two_levels_is_not_scaled(tmp_path: Path) -> None:
    model = MODEL + 'moderators = ["sector"]\n'
    one = read_survey(write_study(tmp_path, model))
    table = contrasts(one).set_index("term")
    assert list(table.index) == ["x1:sector", "x2:sector", "x3:sector"]
    assert set(table["estimand"]) == {"interaction"}
    frame = survey()
    services = frame["sector"].eq("services").to_numpy(dtype=float)
    x = [np.ones(240), *(frame[name] for name in DRIVERS), services, services * frame["x1"]]
    slope = np.linalg.lstsq(np.column_stack(x), frame["y1"], rcond=None)[0][-1]
    wanted = slope * frame["x1"].std() / frame["y1"].std()
    assert table.loc["x1:sector", "estimate"] == pytest.approx(wanted, rel=CLOSED)


def test_moderators_are_asked_for_every_driver_and_outcome(tmp_path: Path) -> None:
    model = MODEL.replace('{ y1 = "attitude" }', '{ y1 = "attitude", y2 = "intention" }')
    one = read_survey(write_study(tmp_path, model + 'moderators = ["m"]\n'))
    table = contrasts(one)
    asked = [(y, f"{x}:m") for y in ("y1", "y2") for x in DRIVERS]
    assert list(zip(table["outcome"], table["term"], strict=True)) == asked
    assert set(table["model"]) == {"y1.total", "y2.total"}


@pytest.mark.parametrize("pair", ["x1:region", "x1:nobody", "x1:m"])
def test_products_that_cannot_be(tmp_path: Path, pair: str) -> None:
    """Three levels; a column the study does not know; a construct outside the model."""
    one = read_survey(write_study(tmp_path, MODEL + 'controls = ["region"]\n'))
    assert interaction(one, "y1", pair) is None
    assert interaction(one, "y2", "x1:x2") is None


# ---- rivals ----------------------------------------------------------------------------------


def largest(term: str, *versus: str) -> Claim:
    return Claim(
        id="A", text="a claim", estimand="largest", outcome="y1", term=term, versus=versus, sign="+"
    )


@each_weighting
def test_rival_differences_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weighted: bool
) -> None:
    """Estimate from R's slopes; error from the influence values of the two slopes."""
    model = MODEL.replace('"x3"]', '"x3", "m"]')
    one = read_survey(write_study(tmp_path, model, design(weighted, groups=False)))
    found = contrasts(one, [largest("m", "x1", "x3")]).set_index("versus")
    assert list(found.index) == ["x1", "x3"]
    name = "y1.standardized" + (".weighted" if weighted else "")
    slopes = golden(name, "influence")["estimate"]
    gaps = [slopes["m"] - slopes["x1"], slopes["m"] - slopes["x3"]]
    np.testing.assert_allclose(found["estimate"], gaps, rtol=CLOSED)

    frame, terms = survey(), ["x1", "x2", "x3", "m"]

    def beta(weight: np.ndarray) -> np.ndarray:
        covariance = np.cov(frame[[*terms, "y1"]].to_numpy().T, aweights=weight)
        size = np.sqrt(np.diag(covariance))
        b = np.linalg.solve(covariance[:4, :4], covariance[:4, 4])
        return b * size[:4] / size[4]

    w = frame["w"].to_numpy() if weighted else np.ones(240)
    rows = np.column_stack([np.ones(240), frame[[*terms, "y1"]]]) * np.sqrt(w)[:, None]
    leverage = np.diag(rows @ np.linalg.pinv(rows))
    h, values = 1e-5, np.empty((240, 4))
    for i, unit in enumerate(np.eye(240)):
        values[i] = w[i] * (beta(w + h * unit) - beta(w - h * unit)) / (2 * h) / (1 - leverage[i])
    gap = values[:, [3, 3]] - values[:, [0, 2]]
    # Differences in a weight: 1e-16 / 1e-5 beside influence values of 1e-2.
    error = np.sqrt((gap**2).sum(axis=0) * 240 / 239)
    np.testing.assert_allclose(found["std_error"], error, rtol=1e-7)
    assert (found["df"] == 235).all()


def test_rival_differences_turn_with_the_term(tmp_path: Path) -> None:
    one = plain(tmp_path, cluster="store")
    equation = equations(one.study)[0]
    first = differences(one, equation, "x1", ["x2"]).iloc[0]
    second = differences(one, equation, "x2", ["x1"]).iloc[0]
    assert first["estimate"] == pytest.approx(-second["estimate"], rel=CLOSED)
    assert first["conf_low"] == pytest.approx(-second["conf_high"], rel=CLOSED)
    for column in ("std_error", "p_value", "df", "df_satterthwaite"):
        assert first[column] == pytest.approx(second[column], rel=CLOSED)
    # On the raw columns: sd(x1) times the slope of x1 less sd(x2) times that of x2.
    frame = survey()
    x = np.column_stack([np.ones(240), frame[DRIVERS]])
    contrast = np.array([[0.0, frame["x1"].std(), -frame["x2"].std(), 0.0]])
    raw = cr2(x, np.zeros(240), frame["store"].to_numpy(dtype=str), contrast=contrast)
    assert first["df_satterthwaite"] == pytest.approx(raw.df[0], rel=CLOSED)


def test_claims_about_what_the_model_lacks_give_no_row(tmp_path: Path) -> None:
    one = plain(tmp_path)
    assert len(contrasts(one, [largest("m", "x1")])) == 0
    assert len(contrasts(one, [largest("x1", "m")])) == 0


@pytest.mark.parametrize(
    ("estimand", "outcome", "model"),
    [
        ("total", "y1", "y1.total"),
        ("direct", "y1", "y1.direct"),
        ("largest", "y1", "y1.total"),
        ("largest", "m", "m"),
        ("slope_difference", "m", "m"),
        ("interaction", "y1", "y1.total"),
        ("path", "m", "m"),
        ("path", "x1", "x1"),
        ("total", "m", None),
        ("direct", "x2", None),
    ],
)
def test_equation_of_a_claim(
    tmp_path: Path, estimand: str, outcome: str, model: str | None
) -> None:
    path = MODEL.replace("outcomes", 'mediator = "m"\noutcomes') + '\n[paths]\nx1 = ["y2"]\n'
    one = read_survey(write_study(tmp_path, path))
    found = equation_of(one.study, estimand, outcome)
    assert (found.model if found else None) == model


def curved_survey(folder: Path, product: float, bend: float, n: int = 1500) -> Survey:
    """Attitudes and patronage that go together, advocacy that bends with attitude."""
    rng = np.random.default_rng(5)
    attitude = rng.normal(size=n)
    patronage = 0.5 * attitude + np.sqrt(0.75) * rng.normal(size=n)
    advocacy = attitude + patronage + product * attitude * patronage + bend * attitude**2
    columns = {"att": attitude, "pat": patronage, "adv": advocacy + rng.normal(size=n)}
    known = {"min": -99, "max": 99, "reliability": 1.0}
    constructs = {name: {"items": [name], **known} for name in columns}
    study = {
        **{key: STUDY[key] for key in ("title", "data", "origin", "claims")},
        "constructs": constructs,
        "model": {"drivers": ["att", "pat"], "outcomes": {"adv": "attitude"}},
    }
    claim = {"estimand": "interaction", "outcome": "adv", "term": "att:pat"}
    return survey_of(folder, study=study, frame=pd.DataFrame(columns), claims=[claim])


@pytest.mark.parametrize(
    ("product", "bend", "verdict", "reason"),
    [(0.3, 0.0, "supported", ""), (0.0, 0.3, "inconclusive", "curvature")],
)
def test_a_slope_that_bends_is_no_interaction(
    tmp_path: Path, product: float, bend: float, verdict: str, reason: str
) -> None:
    answered = curved_survey(tmp_path, product, bend)
    row = judge(answered).iloc[0]
    assert (row["verdict"], row["reason"]) == (verdict, reason)
    frame = answered.frame
    assert frame is not None
    scores = (frame - frame.mean()) / frame.std()
    x, z = scores["att"], scores["pat"]
    terms = np.column_stack([np.ones(len(x)), x, z, x**2, z**2, x * z])
    plain = np.linalg.lstsq(terms, scores["adv"], rcond=None)[0][-1]
    table = interaction(answered, "adv", "att:pat", corrected=True)
    assert table is not None
    held = table.set_index("versus")["estimate"][SQUARES]
    assert held == pytest.approx(plain, abs=1e-10)
    said = f"With the squares of both held constant: {held:.2f}".replace("-", "−")
    assert said in row["sentence"]
