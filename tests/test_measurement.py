"""Reliability and validity against psych and semTools, known truth, and plain arithmetic."""

from __future__ import annotations

from pathlib import Path

import measurement_reference
import numpy as np
import pandas as pd
import pytest
import reference_data
from factory import answers, make, survey_of

from loyalty_analysis import measurement
from loyalty_analysis.errors import DataError, LoyaltyError
from loyalty_analysis.inference import Sample, estimate, single
from loyalty_analysis.moments import Array, Moments
from loyalty_analysis.reliability import item_sample, item_statistics, one_factor, reliability
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.validity import discriminant, factorability, htmt

NOTE = "omega_one_factor_cfa_note"


def test_every_number_agrees(reference: Path) -> None:
    wrong = {name: bad for name, numbers in measurement_reference.analyses(reference)
             if (bad := [n for n in numbers if not n.difference <= n.tolerance])}  # fmt: skip
    assert wrong == {}


def test_no_reliability_is_left_out(reference: Path) -> None:
    """Every number of the blocks on reliability; other blocks are those of DATASETS alone."""
    compared = dict(measurement_reference.analyses(reference))
    for path in sorted((reference / "refs").glob("*.json")):
        results = reference_data.load(reference, path.stem)["results"]
        has = [key for key in ("reliability", "htmt", "common_method") if key in results]
        assert not has or path.stem in measurement_reference.DATASETS
        if not has:
            continue
        numbers = [len(value) if isinstance(value, dict) else 1
                   for found in results["reliability"].values()
                   for key, value in found.items() if key not in ("k", NOTE)]  # fmt: skip
        assert len(compared[f"{path.stem}.reliability"]) == sum(numbers)


ROWS = np.random.default_rng(7).normal(size=(400, 1)) @ np.array([[0.9, 0.7, 0.5, 0.8]])
ROWS = ROWS + np.random.default_rng(8).normal(size=(400, 4))
NAMES = ("a", "b", "c", "d")


def of_rows(rows: Array) -> Moments:
    return Moments.from_rows(NAMES[: rows.shape[1]], rows)


def test_alpha_from_the_variance_of_the_sum() -> None:
    plain = 4 / 3 * (1 - ROWS.var(axis=0, ddof=1).sum() / ROWS.sum(axis=1).var(ddof=1))
    assert measurement.cronbach_alpha(of_rows(ROWS).covariance) == pytest.approx(plain, rel=1e-12)


def test_omega_and_ave_of_a_known_factor() -> None:
    """Loadings .9, .7, .5, .8 and error variances 1, from moments without sampling error."""
    loads = np.array([0.9, 0.7, 0.5, 0.8])
    covariance = np.outer(loads, loads) + np.eye(4)
    moments = Moments(NAMES, 400, 400.0, 400.0, np.zeros(4), covariance * 400)
    found, errors = one_factor(moments)
    np.testing.assert_allclose(found, loads, rtol=1e-5)
    np.testing.assert_allclose(errors, 1, rtol=1e-5)
    total = loads.sum() ** 2 + 4
    assert measurement.omega(loads, covariance.sum()) == pytest.approx(loads.sum() ** 2 / total)
    share = loads**2 / (loads**2 + 1)
    extracted = measurement.average_variance_extracted(loads / np.sqrt(loads**2 + 1))
    assert extracted == pytest.approx(share.mean())


@pytest.mark.slow
def test_feldt_interval_covers_the_population_alpha() -> None:
    random = np.random.default_rng(3)
    truth = 4 * 0.5 / (1 + 3 * 0.5)  # parallel items, correlation .5
    inside = 0
    for _ in range(2000):
        rows = random.normal(size=(60, 1)) + random.normal(size=(60, 4))
        alpha = measurement.cronbach_alpha(of_rows(rows).cross)
        low, high = measurement.feldt_interval(alpha, 60, 4)
        inside += low <= truth <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_kmo_by_partial_correlations() -> None:
    """Partial correlations as correlations of residuals, pair by pair."""
    moments = of_rows(ROWS)
    centred = ROWS - ROWS.mean(axis=0)
    plain, partial = moments.correlation, np.zeros((4, 4))
    for a in range(4):
        for b in range(a):
            others = np.delete(centred, [a, b], axis=1)
            x, y = (
                centred[:, i] - others @ np.linalg.lstsq(others, centred[:, i])[0] for i in (a, b)
            )
            partial[a, b] = partial[b, a] = x @ y / np.sqrt(x @ x * (y @ y))
    plain = (plain - np.eye(4)) ** 2
    overall, items = measurement.sampling_adequacy(moments)
    assert overall == pytest.approx(plain.sum() / (plain.sum() + (partial**2).sum()))
    np.testing.assert_allclose(items, plain.sum(0) / (plain.sum(0) + (partial**2).sum(0)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS[:4], "4 respondents answered all 4 items"),
        (np.column_stack([ROWS[:, :3], np.ones(400)]), "d does not vary"),
        (ROWS[:, [0, 1, 2, 0]], "a, d repeat each other"),
    ],
    ids=["fewer rows than items", "constant", "duplicate"],
)
def test_degenerate_items_are_refused(rows: Array, said: str) -> None:
    with pytest.raises(DataError, match=said):
        measurement.sampling_adequacy(of_rows(rows))
    with pytest.raises(DataError, match=said):
        measurement.bartlett(of_rows(rows))


# HTMT


def blocks(random: np.random.Generator, n: int, r: float, items: int = 3) -> Array:
    """Two constructs that correlate ``r``, measured by parallel items of reliability .5."""
    latent = random.multivariate_normal([0, 0], [[1, r], [r, 1]], n)
    return np.repeat(latent, items, axis=1) + random.normal(size=(n, 2 * items))


def test_htmt_is_the_latent_correlation_of_parallel_items() -> None:
    member = np.repeat(np.eye(2), 3, axis=0)
    correlation = member @ np.array([[0.5, 0.35], [0.35, 0.5]]) @ member.T
    np.fill_diagonal(correlation, 1)
    for geometric in (False, True):
        assert htmt(correlation, [3, 3], geometric=geometric)[0, 1] == pytest.approx(0.7)


def test_htmt2_is_the_latent_correlation_of_congeneric_items() -> None:
    loads = np.array([0.9, 0.6, 0.4, 0.8, 0.5, 0.7])
    latent = np.repeat(np.repeat([[1, 0.7], [0.7, 1]], 3, axis=0), 3, axis=1)
    correlation = latent * np.outer(loads, loads)
    np.fill_diagonal(correlation, 1)
    assert htmt(correlation, [3, 3], geometric=True)[0, 1] == pytest.approx(0.7)
    assert htmt(correlation, [3, 3])[0, 1] != pytest.approx(0.7, abs=0.005)


def test_htmt_of_a_single_item_needs_its_reliability() -> None:
    correlation = np.array([[1, 0.5, 0.3], [0.5, 1, 0.3], [0.3, 0.3, 1.0]])
    assert np.isnan(htmt(correlation, [2, 1])[0, 1])
    found = htmt(correlation, [2, 1], [np.nan, 0.8])[0, 1]
    assert found == pytest.approx(0.3 / np.sqrt(0.5 * 0.8))


def test_htmt_does_not_depend_on_the_direction_of_items() -> None:
    correlation = of_rows(ROWS).correlation
    signs = np.array([1, -1, 1, -1])
    turned = correlation * np.outer(signs, signs)
    for geometric in (False, True):
        np.testing.assert_allclose(
            htmt(turned, [2, 2], geometric=geometric),
            htmt(correlation, [2, 2], geometric=geometric),
        )


@pytest.mark.slow
def test_delta_intervals_of_htmt_cover() -> None:
    random, inside = np.random.default_rng(5), []
    columns = tuple("abcdef")
    function = single(lambda m: htmt(m.correlation, [3, 3])[0, 1:])
    for _ in range(1000):
        rows = blocks(random, 300, 0.7)
        known = {"": Moments.from_rows(columns, rows)}
        samples = Sample(columns, known), Sample(columns, known, {"": rows})
        ends = [estimate(function, sample).interval() for sample in samples]
        inside.append([low[0] <= 0.7 <= high[0] for low, high in ends])
    assert np.mean(inside, axis=0) == pytest.approx([0.95, 0.95], abs=0.025)


# Whole surveys


@pytest.fixture
def survey(tmp_path: Path) -> Survey:
    return read_survey(make(tmp_path))


def by_construct(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("construct")


def test_reliability_of_a_survey(survey: Survey) -> None:
    table = reliability(survey)
    assert list(table)[:9] == [
        "construct", "items", "n", "alpha", "alpha_low", "alpha_high", "omega",
        "composite_reliability", "ave",
    ]  # fmt: skip
    assert list(table["construct"]) == list(survey.study.model_constructs)
    rows = by_construct(table)
    assert survey.items is not None
    items = survey.items[["for1", "for2", "for3"]].to_numpy(dtype=float)  # turned already
    plain = 3 / 2 * (1 - items.var(axis=0, ddof=1).sum() / items.sum(axis=1).var(ddof=1))
    assert rows.loc["forced", "alpha"] == pytest.approx(plain)
    assert 0.6 < rows.loc["forced", "omega"] < 1
    assert rows.loc["forced", "note"] == ""


def test_two_items_are_spearman_brown_and_one_is_not_assessable(survey: Survey) -> None:
    rows = by_construct(reliability(survey))
    pair = rows.loc["advocacy"]
    assert pair["alpha_standardized"] == pytest.approx(2 * pair["mean_r"] / (1 + pair["mean_r"]))
    assert np.isnan(pair["omega"]) and "Spearman-Brown" in pair["note"]
    single_item = rows.loc["search"]
    assert np.isnan(single_item["alpha"]) and single_item["declared"] == 0.8
    assert single_item["note"] == "not assessable: one item; 0.8 is declared"
    assert rows.loc["usability", "note"] == "not assessable: one item; none is declared"


def test_loadings_of_a_joint_model_are_used(survey: Survey) -> None:
    known = {"advocacy": np.array([[1.0, 0.8], [0.5, 0.5]])}
    row = by_construct(reliability(survey, known)).loc["advocacy"]
    share = np.array([1 / 1.5, 0.64 / 1.14])
    assert row["ave"] == pytest.approx(share.mean())
    impossible = {"advocacy": np.array([[1.0, 0.8], [-0.1, 0.5]])}
    row = by_construct(reliability(survey, impossible)).loc["advocacy"]
    assert np.isnan(row["omega"]) and "error variance of adv1 is negative" in row["note"]


def test_weighted_and_clustered_alpha_has_a_robust_interval(tmp_path: Path) -> None:
    design = {"design": {"weight": "w", "cluster": "industry"}}
    weighted = by_construct(reliability(read_survey(make(tmp_path, design))))
    row = weighted.loc["affective"]
    assert row["method"] == "jackknife over clusters"
    assert row["alpha_low"] < row["alpha"] < row["alpha_high"] < 1


def test_duplicate_items_have_no_omega(tmp_path: Path) -> None:
    frame = answers()
    frame["aff2"] = frame["aff1"]
    row = by_construct(reliability(read_survey(make(tmp_path, frame=frame)))).loc["affective"]
    assert np.isfinite(row["alpha"])
    assert np.isnan(row["omega"]) and "aff1, aff2 repeat each other" in row["note"]
    with pytest.raises(DataError, match="aff1, aff2 repeat each other"):
        factorability(read_survey(make(tmp_path, frame=frame)))


def test_item_statistics(survey: Survey) -> None:
    table = item_statistics(survey).set_index("item")
    assert survey.items is not None
    items = survey.items
    plain = np.corrcoef(items["sat1"], items["sat2"] + items["sat3"])[0, 1]
    assert table.loc["sat1", "item_rest"] == pytest.approx(plain)
    assert np.isnan(table.loc["adv1", "alpha_if_dropped"])
    assert "sea1" not in table.index


def test_item_sample_leaves_incomplete_respondents_out(tmp_path: Path) -> None:
    frame = answers()
    frame.loc[:9, "aff1"] = -99
    one = read_survey(make(tmp_path, {"scale.min_items": 1}, frame=frame))
    sample = item_sample(one, ["affective"])
    assert sample is not None and (sample.n, one.n) == (110, 120)
    assert by_construct(reliability(one)).loc["affective", "n"] == 110


def test_discriminant_of_a_survey(survey: Survey) -> None:
    table = discriminant(survey, reliability(survey), replicates=200)
    assert list(table)[:6] == ["a", "b", "r", "htmt", "htmt_low", "htmt_high"]
    assert len(table) == 8 * 7 / 2
    rows = table.set_index(["a", "b"])
    pair = rows.loc[("affective", "satisfaction")]
    assert pair["htmt_low"] < pair["htmt"] < pair["htmt_high"]
    assert pair["method"] == "bootstrap" and pair["failed"] == 0
    assert pair["fornell_larcker"] in ("holds", "fails")
    assert rows.loc[("satisfaction", "search"), "note"] == (
        "search has one item: its reliability is assumed"
    )
    missing = table[table["b"] == "usability"]
    assert missing["htmt"].isna().all()
    assert missing["note"].str.contains("usability has one item and no declared").all()


def test_bootstrap_and_delta_intervals_agree(tmp_path: Path) -> None:
    one = read_survey(make(tmp_path, frame=answers(2000)))
    drawn, delta = discriminant(one, replicates=1000), discriminant(one, replicates=0)
    assert set(delta["method"]) == {"influence", ""}
    clear = delta["htmt"] > 0.3  # near zero an absolute value has no normal distribution
    for end in ("htmt_low", "htmt_high", "htmt2_low", "htmt2_high"):
        np.testing.assert_allclose(drawn.loc[clear, end], delta.loc[clear, end], atol=0.02)


def test_few_clusters_are_not_drawn_from(tmp_path: Path) -> None:
    one = read_survey(make(tmp_path, {"design": {"cluster": "industry"}}))
    assert one.n_clusters == 10
    assert set(discriminant(one)["method"]) == {"jackknife over clusters", ""}


def test_two_items_have_no_factor_of_their_own() -> None:
    with pytest.raises(LoyaltyError, match="not identified"):
        one_factor(of_rows(ROWS[:, :2]))


def test_latent_correlations_decide_fornell_and_larcker(survey: Survey) -> None:
    names = list(survey.study.model_constructs)
    alike = pd.DataFrame(0.999, names, names)
    table = discriminant(survey, reliability(survey), alike, replicates=0)
    judged = table[table["fornell_larcker"] != ""]
    assert len(judged) and set(judged["fornell_larcker"]) == {"fails"}


@pytest.mark.parametrize("name", ["bank_customers", "mobile_customers"])
def test_studies_known_by_moments(reference: Path, name: str) -> None:
    """The shipped moments give R's numbers of the same data."""
    theirs, names = {
        "bank_customers": ("satisfaction", {"image": "IMAG", "loyalty": "LOY", "value": "VAL"}),
        "mobile_customers": ("corp_rep", {"likeability": "LIKE", "loyalty": "CUSL"}),
    }[name]
    wanted = reference_data.load(reference, theirs)["results"]
    one = read_survey(name)
    rows = by_construct(reliability(one))
    for ours, r_name in names.items():
        found = wanted["reliability"][r_name]
        assert rows.loc[ours, "alpha"] == pytest.approx(found["alpha_raw"], rel=1e-8)
        ends = list(found["alpha_feldt_ci95"].values())
        assert list(rows.loc[ours, ["alpha_low", "alpha_high"]]) == pytest.approx(ends, rel=1e-8)
        assert rows.loc[ours, "omega"] == pytest.approx(found["omega_one_factor_cfa"], rel=1e-4)
    table = discriminant(one).set_index(["a", "b"])
    ratios = wanted["htmt"]["htmt_arithmetic"]
    for (a, b), row in table.iterrows():
        if a in names and b in names:
            i, j = (ratios["rows"].index(names[x]) for x in (a, b))
            assert row["htmt"] == pytest.approx(ratios["values"][i][j], rel=1e-8)
            assert row["method"] == "normal theory"


def test_both_ways_to_an_interval_of_a_ratio_say_the_same_in_a_large_sample(tmp_path: Path) -> None:
    """Beyond so many respondents resampling adds minutes and no digit that matters."""
    survey = survey_of(tmp_path, frame=answers(4000, 3))
    resampled, delta = (discriminant(survey, replicates=count) for count in (2000, 0))
    for end in ("htmt_low", "htmt_high"):
        gap = (resampled[end] - delta[end]).abs().max()
        assert gap < 0.15 * (delta["htmt_high"] - delta["htmt_low"]).max()
