"""Groups against R, against plain computations, and on data whose truth is known."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from golden_data import FOLDER, MODEL, write_study
from golden_data import survey as golden_survey
from group_frames import made
from reference_data import load, scores
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from loyalty_analysis import clusters as cr2_module
from loyalty_analysis.clusters import hotelling
from loyalty_analysis.contrasts import slope_differences
from loyalty_analysis.equations import equations
from loyalty_analysis.group_levels import levels_of
from loyalty_analysis.group_means import classical_tests, group_means, group_tests
from loyalty_analysis.groups import TOO_FEW, equality, moderation
from loyalty_analysis.pooling import partially_pooled, simple_slopes, spread
from loyalty_analysis.survey import Survey, read_survey

CLOSED = 1e-8
UNITS = [None, "store", "team"]
TERMS = ["x1", "x2", "x3"]
each_weighting = pytest.mark.parametrize("weighted", [False, True])
each_unit = pytest.mark.parametrize("unit", UNITS)


@cache
def golden() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "groups.csv", keep_default_na=False)


def survey() -> pd.DataFrame:
    return golden_survey().copy()


def r(block: str, case: str, quantity: str) -> np.ndarray:
    rows = golden().query("block == @block and case == @case and quantity == @quantity")
    assert len(rows), f"groups.csv has no {block}, {case}, {quantity}"
    return rows["value"].astype(float).to_numpy()


def grouped(
    folder: Path,
    weighted: bool = False,
    unit: str | None = None,
    frame: pd.DataFrame | None = None,
    groups: str = '"sector", "region"',
) -> Survey:
    lines = [f"groups = [{groups}]"]
    lines += ['weight = "w"'] if weighted else []
    lines += [f'cluster = "{unit}"'] if unit else []
    model = f'{MODEL}\n[contrasts.sector]\na = "goods"\nb = "services"\n'
    if "sector" not in groups:
        model = MODEL
    return read_survey(write_study(folder, model, "\n".join(lines), frame))


# ---- are slopes, or means, the same in every level? ---------------------------------------------


def case_of(unit: str | None, weighted: bool) -> str:
    return (f"CR2.{unit}" if unit else "HC3") + (".weighted" if weighted else "")


@each_weighting
@each_unit
def test_tests_of_equal_slopes_and_means_agree_with_r(
    tmp_path: Path, weighted: bool, unit: str | None
) -> None:
    one, case = grouped(tmp_path, weighted, unit), case_of(unit, weighted)
    table = moderation(one)
    assert (table["covariance"] == ("CR2" if unit else "HC3")).all()
    assert (table["n"] == 240).all() and (table["note"] == "").all()
    assert len(table) == 6
    for quantity in ("statistic", "df1", "df2", "p_value"):
        wanted = [
            r(f"slopes.{row.group}.{row.outcome}", case, quantity)[0] for row in table.itertuples()
        ]
        np.testing.assert_allclose(table[quantity].astype(float), wanted, rtol=CLOSED)
        for column in ("sector", "region"):
            test, _, _ = equality(levels_of(one, column, "y1"))
            wanted = r(f"means.{column}", case, quantity)[0]
            assert getattr(test, quantity) == pytest.approx(wanted, rel=CLOSED)


@each_weighting
@pytest.mark.parametrize("unit", ["store", "team"])
def test_errors_of_means_agree_with_r(tmp_path: Path, weighted: bool, unit: str) -> None:
    found = group_means(grouped(tmp_path, weighted, unit)).query("construct == 'y1'")
    for column, part in found.groupby("group"):
        for quantity in ("std_error", "df"):
            wanted = r(f"means.{column}", case_of(unit, weighted), quantity)
            np.testing.assert_allclose(part[quantity], wanted, rtol=CLOSED)


def test_means_of_a_plain_survey_are_the_textbook_ones(tmp_path: Path) -> None:
    found = group_means(grouped(tmp_path)).query("construct == 'y1' and group == 'region'")
    by = survey().groupby("region")["y1"]
    np.testing.assert_allclose(found["mean"], by.mean(), rtol=CLOSED)
    np.testing.assert_allclose(found["sd"], by.std(), rtol=CLOSED)
    half = stats.t.ppf(0.975, by.size() - 1) * by.std() / np.sqrt(by.size())
    np.testing.assert_allclose(found["conf_high"] - found["mean"], half, rtol=CLOSED)


def test_pairs_of_different_clusters_matter_little(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(240), rng.normal(size=(240, 10))])
    e, teams, picked = rng.normal(size=240), rng.integers(0, 60, 240), np.eye(11)[1:6]
    values = picked @ np.linalg.lstsq(x, e, rcond=None)[0]
    every = hotelling(x, e, teams, None, picked, values)
    monkeypatch.setattr(cr2_module, "_MOST_WORK", 0.0)
    own = hotelling(x, e, teams, None, picked, values)
    assert own.df2 != every.df2 and own.df2 == pytest.approx(every.df2, rel=0.05)


def test_too_few_clusters_leave_no_p_value(tmp_path: Path) -> None:
    frame = survey().assign(store=survey()["store"].where(survey()["store"] < "s04", "s04"))
    table = moderation(grouped(tmp_path, unit="store", frame=frame, groups='"region"'))
    assert table["p_value"].isna().all() and (table["df2"] <= 0).all()
    assert (table["note"] == TOO_FEW).all()


def test_a_level_in_one_cluster_is_not_compared(tmp_path: Path) -> None:
    frame = survey()
    frame = frame.assign(region=frame["region"].mask(frame["store"] == "s05", "islands"))
    one = grouped(tmp_path, unit="store", frame=frame, groups='"region"')
    table = moderation(one)
    assert (table["note"] == "in one cluster only, so not compared: islands").all()
    assert (table["levels"] == 3).all()
    slopes = simple_slopes(one).set_index("level")
    assert slopes.loc["islands", "note"].unique() == "lives in one cluster: no interval"
    assert slopes.loc["islands", "std_error"].isna().all()
    assert slopes.loc["islands", "estimate"].notna().all()
    assert slopes.loc["north", "std_error"].notna().all()
    means = group_means(one).set_index("level")
    assert means.loc["islands", "conf_low"].isna().all() and means["mean"].notna().all()


def test_small_levels_are_counted_never_named(tmp_path: Path) -> None:
    frame = survey()
    frame["region"] = np.where(frame.index < 7, "hamlet", frame["region"])
    one = grouped(tmp_path, frame=frame, groups='"region"')
    table = moderation(one)
    assert (table["levels"] == 3).all()
    assert (table["note"] == "fewer than 10 respondents in 1 of 4 levels: left out").all()
    tests = group_tests(one)
    for found in (simple_slopes(one), group_means(one)):
        assert set(found["level"]) == {"north", "south", "west"}
    assert not any("hamlet" in str(one) for one in [*table.values.ravel(), *tests.values.ravel()])


def test_a_level_in_which_a_driver_is_constant_is_left_out(tmp_path: Path) -> None:
    frame = survey()
    frame["x1"] = frame["x1"].mask(frame["region"] == "south", 1.0)
    one = grouped(tmp_path, frame=frame, groups='"region"')
    said = "south left out: x1 does not vary by itself there"
    assert (moderation(one)["note"] == said).all()
    assert set(simple_slopes(one)["level"]) == {"north", "west"}


def test_a_respondent_alone_in_a_category_of_a_level_stops_nothing(tmp_path: Path) -> None:
    frame = survey()
    goods = frame.index[frame["sector"] == "goods"]
    frame.loc[goods, "region"] = "north"
    frame.loc[goods[0], "region"] = "south"
    table = moderation(grouped(tmp_path, frame=frame, groups='"sector"'))
    assert table["p_value"].between(0, 1).all()


def test_groups_may_be_numbers_and_controls(tmp_path: Path) -> None:
    frame = survey().assign(region=survey()["region"].map({"north": 1, "south": 2, "west": 3}))
    one = grouped(tmp_path, frame=frame, groups='"region"')
    np.testing.assert_allclose(
        moderation(one)["statistic"],
        [r(f"slopes.region.{y}", "HC3", "statistic")[0] for y in ("m", "y1", "y2")],
        rtol=CLOSED,
    )
    assert set(simple_slopes(one)["level"]) == {"1", "2", "3"}


def test_nothing_to_compare_gives_empty_frames(tmp_path: Path) -> None:
    known = read_survey("bank_customers")
    alone = read_survey(write_study(tmp_path))
    for function in (moderation, simple_slopes, group_means, group_tests):
        assert function(known).empty and function(alone).empty


def test_no_level_large_enough(tmp_path: Path) -> None:
    frame = survey()
    one = grouped(tmp_path, frame=frame.assign(region=frame.index // 5), groups='"region"')
    said = "fewer than 10 respondents in 48 of 48 levels: left out; fewer than two levels can be"
    for table in (moderation(one), group_tests(one)):
        assert table["p_value"].isna().all() and (table["note"] == f"{said} compared").all()
    assert simple_slopes(one).empty and group_means(one).empty


def null_p_values(clustered: bool, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """P values where slopes are the same: ours, and those of F on the residual degrees."""
    found, naive = [], []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        shop = np.repeat(np.arange(10), 20)
        x = rng.normal(size=(200, 2))
        slope = 0.4 * rng.normal(size=(10, 2))[shop] if clustered else 0.0
        noise = rng.normal(size=200) * np.exp(0.5 * x[:, 0])
        frame = pd.DataFrame(x, columns=["a", "b"]).assign(
            y=(x * slope).sum(axis=1) + noise, g=np.where(shop % 2, "p", "q"), shop=shop.astype(str)
        )
        row = moderation(made(frame, ["a", "b"], "shop" if clustered else None)).iloc[0]
        found.append(row["p_value"])
        share = row["statistic"]
        naive.append(stats.f.sf(share, row["df1"], 194))
    return np.array(found), np.array(naive)


def test_tests_of_equal_slopes_keep_their_level() -> None:
    seeds = 100
    limit = stats.binom.ppf(0.999, seeds, 0.05) / seeds
    plain, _ = null_p_values(clustered=False, seeds=seeds)
    few, naive = null_p_values(clustered=True, seeds=seeds)
    assert (plain < 0.05).mean() <= limit and (few < 0.05).mean() <= limit
    assert (naive < 0.05).mean() > limit  # so that the degrees of freedom are what matters


# ---- slopes in every level ----------------------------------------------------------------------


@each_weighting
@each_unit
def test_slopes_of_levels_are_those_of_each_fitted_alone(
    tmp_path: Path, weighted: bool, unit: str | None
) -> None:
    one = grouped(tmp_path, weighted, unit)
    table = simple_slopes(one).query("group == 'region' and model == 'y1.total'")
    frame = survey()
    weight = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    size = np.sqrt(np.diag(np.cov(frame[[*TERMS, "y1"]].to_numpy().T, aweights=weight)))
    for level, part in table.groupby("level"):
        inside = (frame["region"] == level).to_numpy()
        root = np.sqrt(weight[inside])[:, None]
        x = np.column_stack([np.ones(inside.sum()), frame.loc[inside, TERMS]]) * root
        slope = np.linalg.lstsq(x, frame.loc[inside, "y1"] * root[:, 0], rcond=None)[0][1:]
        np.testing.assert_allclose(part["estimate"], slope * size[:3] / size[3], rtol=CLOSED)
        held = frame.loc[inside, unit].nunique() if unit else inside.sum() - 3
        assert (part["df"] == held - 1).all() and (part["n"] == inside.sum()).all()


def test_slopes_of_two_levels_differ_by_their_contrast(tmp_path: Path) -> None:
    one = grouped(tmp_path, weighted=True, unit="store")
    [total] = [equation for equation in equations(one.study) if equation.model == "y1.total"]
    gap = slope_differences(one, total, "sector")
    both = simple_slopes(one).query("group == 'sector' and model == 'y1.total'")
    wide = both.pivot(index="term", columns="level", values="estimate").loc[gap["term"]]
    np.testing.assert_allclose(wide["goods"] - wide["services"], gap["estimate"], rtol=CLOSED)
    assert both["pooled"].isna().all()  # two levels: nothing is pooled


def test_a_level_that_one_cluster_carries_stops_no_other(tmp_path: Path) -> None:
    """Without one of its two clusters a level has fewer respondents than slopes."""
    frame = survey()
    held = (frame["store"] == "s05") | frame.index.isin(frame.index[frame["store"] == "s07"][:2])
    frame["region"] = frame["region"].mask(held, "islands")
    one = grouped(tmp_path, unit="store", frame=frame, groups='"region"')
    slopes = simple_slopes(one).set_index("level")
    said = "cannot be estimated without one of its clusters: no interval"
    assert slopes.loc["islands", "note"].unique() == said
    assert slopes.loc[["north", "south", "west"], "std_error"].notna().all(axis=None)
    assert slopes.loc["islands", "pooled"].isna().all()  # nothing is known of its error
    assert slopes.loc["north", "pooled"].notna().all()


# ---- partial pooling ----------------------------------------------------------------------------


@pytest.mark.parametrize(("block", "tolerance"), [("pooling.x1", 1e-9), ("pooling.x3", 1e-6)])
def test_pooling_agrees_with_r(block: str, tolerance: float) -> None:
    """The looser one is how far R's integration goes; metafor and statsmodels for tau."""
    values, variances = (r(block, "input", name) for name in ("estimate", "variance"))
    found = partially_pooled(values, variances)
    for name, ours in (("pooled", found.values), ("std_error", found.std_error),
                       ("shrinkage", found.shrinkage)):  # fmt: skip
        np.testing.assert_allclose(ours, r(block, "flat.tau", name), rtol=tolerance)
    assert found.average == pytest.approx(r(block, "flat.tau", "average")[0], rel=tolerance)
    tau = spread(values, variances)
    assert tau**2 == pytest.approx(r(block, "metafor.PM", "tau2")[0], rel=1e-9)
    assert tau**2 == pytest.approx(combine_effects(values, variances).tau2, rel=1e-5)


def test_more_is_borrowed_where_less_is_known() -> None:
    found = partially_pooled(np.array([0.1, 0.5, 0.2, 0.4]), np.array([0.001, 0.1, 0.001, 0.01]))
    assert found.shrinkage.argsort().tolist()[2:] == [3, 1]
    assert ((found.shrinkage > 0) & (found.shrinkage < 1)).all()
    alike = partially_pooled(np.full(4, 0.3), np.full(4, 0.01))
    np.testing.assert_allclose(alike.values, 0.3)
    assert (alike.std_error < 0.1).all()


SIZES = (12, 14, 16, 20, 25, 30, 40, 80)


def pooled_and_true(seed: int, tau: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    level = np.repeat(np.arange(len(SIZES)), SIZES)
    slope = 0.4 + tau * rng.normal(size=len(SIZES))
    x = rng.normal(size=len(level))
    y = slope[level] * x + rng.normal(size=len(level))
    frame = pd.DataFrame({"x": x, "y": y, "g": level.astype(str)})
    table = simple_slopes(made(frame, ["x"]))
    true = slope[table["level"].astype(int)] * frame["x"].std() / frame["y"].std()
    return table.assign(true=true)


@pytest.mark.parametrize("tau", [0.0, 0.3])
def test_pooled_slopes_of_small_levels_are_nearer_the_truth_and_covered(tau: float) -> None:
    table = pd.concat(pooled_and_true(seed, tau) for seed in range(40))
    small = table[table["n"] <= 20]
    error = [float(((small[name] - small["true"]) ** 2).mean()) for name in ("pooled", "estimate")]
    assert error[0] < (0.9 if tau else 0.4) * error[1]
    inside = (table["pooled_low"] <= table["true"]) & (table["true"] <= table["pooled_high"])
    limit = stats.binom.ppf(0.001, len(table), 0.95) / len(table)
    assert inside.mean() >= limit


# ---- means, and tests that know neither weights nor clusters ------------------------------------


BLOCKS = [
    ("holzinger_swineford", "groups_school"),
    ("holzinger_swineford", "groups_sex"),
    ("corp_rep", "groups_servicetype"),
    ("corp_rep", "groups_provider"),
    ("satisfaction", "groups_gender"),
]


def respondents(reference: Path, name: str) -> pd.DataFrame:
    if name != "holzinger_swineford":
        return scores(reference, name)
    frame = pd.read_csv(reference / "data" / f"{name}.csv")
    items = {"visual": "123", "textual": "456", "speed": "789"}
    means = {k: frame[[f"x{i}" for i in v]].mean(axis=1) for k, v in items.items()}
    return frame.assign(**means)


@pytest.mark.parametrize(("name", "block"), BLOCKS)
def test_classical_tests_agree_with_r_on_real_surveys(
    reference: Path, name: str, block: str
) -> None:
    known = load(reference, name)["results"][block]
    frame = respondents(reference, name)[[known["outcome"], known["group"]]].dropna()
    labels, score = frame[known["group"]].astype(str), frame[known["outcome"]]
    parts = [score[labels == label].to_numpy() for label in known["n"]]
    assert [len(part) for part in parts] == list(known["n"].values())
    found = {test.test: test for test in classical_tests(parts)}
    anova, welch, t = found["anova"], found["welch"], found.get("welch_t")
    pairs = [
        ([part.mean() for part in parts], list(known["means"].values())),
        ([part.std(ddof=1) for part in parts], list(known["sds"].values())),
        ([anova.statistic, anova.p_value, anova.size], list(known["anova"].values())),
        ([welch.statistic, welch.df1, welch.df2, welch.p_value], list(known["welch"].values())),
        ([found["kruskal"].statistic, found["kruskal"].df1, found["kruskal"].p_value],
         list(known["kruskal"].values())),
        ([found["levene"].statistic, found["levene"].p_value],
         list(known["levene_median"].values())),
    ]  # fmt: skip
    if t is not None:
        gap = parts[0].mean() - parts[1].mean()
        half = stats.t.ppf(0.975, t.df1) * gap / t.statistic
        ends = sorted([gap - half, gap + half])
        pairs += [
            ([t.statistic, t.df1, t.p_value, *ends],
             [*(known["welch_t"][key] for key in ("t", "df", "p")), *known["welch_t"]["ci"]]),
            ([found["mann_whitney"].statistic, found["mann_whitney"].p_value, t.size],
             [*known["mann_whitney"].values(), known["cohens_d_pooled"]]),
        ]  # fmt: skip
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, rtol=CLOSED)


def test_a_plain_survey_gets_the_classical_tests(tmp_path: Path) -> None:
    table = group_tests(grouped(tmp_path)).query("construct == 'y1'").set_index(["group", "test"])
    assert list(table.loc["sector"].index)[-2:] == ["welch_t", "mann_whitney"]
    assert list(table.loc["region"].index) == ["anova", "welch", "kruskal", "levene"]
    parts = [part["y1"].to_numpy() for _, part in survey().groupby("region")]
    assert table.loc[("region", "anova"), "statistic"] == pytest.approx(stats.f_oneway(*parts)[0])


@pytest.mark.parametrize(
    ("weighted", "unit", "why"),
    [(True, None, "weights (w)"), (False, "store", "clusters (store)"),
     (True, "team", "weights (w) and clusters (team)")],
)  # fmt: skip
def test_weights_and_clusters_are_honoured_or_refused_by_name(
    tmp_path: Path, weighted: bool, unit: str | None, why: str
) -> None:
    table = group_tests(grouped(tmp_path, weighted, unit))
    assert set(table["test"]) == {"wald"}
    assert table["note"].str.contains(f"mann_whitney cannot honour {why}", regex=False).all()
    row = table.set_index(["group", "construct"]).loc[("region", "y1")]
    case = case_of(unit, weighted)
    assert row["p_value"] == pytest.approx(r("means.region", case, "p_value")[0], rel=CLOSED)


def test_levels_without_any_spread_have_no_test() -> None:
    frame = pd.DataFrame({"y": 3.0, "x": np.arange(40.0), "g": np.repeat(["a", "b"], 20)})
    frame.loc[39, "y"] = 3.0
    found = classical_tests([np.full(12, 3.0), np.full(12, 3.0)])
    assert all(np.isnan(test.p_value) for test in found if test.test != "mann_whitney")
    levels = levels_of(made(frame, ["x"]), "g", "y")
    test, note, _ = equality(levels)
    assert np.isnan(test.p_value) and note == "an exact fit leaves no errors to test with"
