"""Ordered and binary outcomes against R (polr, clm, glm, sandwich), by hand, and at their edges."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import reference_data
from factory import REMOVE, answers, survey_of
from golden_data import FOLDER, survey, write_study
from scipy.special import expit, logit, ndtr
from scipy.stats import binom, chi2

from loyalty_analysis.categorical import COLUMNS, categorical
from loyalty_analysis.categorical_readings import categorical_reading
from loyalty_analysis.categorical_tables import categorical_table
from loyalty_analysis.errors import DataError, StudyError
from loyalty_analysis.logit import OrderedLogit, ordered_logit
from loyalty_analysis.regression import regression
from loyalty_analysis.survey import read_survey

pytestmark = pytest.mark.filterwarnings("error")
ENDS = ["estimate", "std_error", "conf_low", "conf_high"]


def codes(values: pd.Series) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1]


def drawn(n: int, seed: int, answers: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Two terms with slopes 0.8 and -0.4, and answers of an ordered logit."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)) @ [[1, 0.5], [0, 1]]
    cuts = np.linspace(-1.5, 1.5, answers - 1) if answers > 2 else [0.3]
    return x, np.searchsorted(cuts, x @ [0.8, -0.4] + rng.logistic(size=n))


# ---- against R: real surveys -----------------------------------------------------------------

BLOCKS = [
    ("satisfaction", "ordered_logit_loy1"), ("corp_rep", "ordered_logit_cusa"),
    ("corp_rep", "ordered_logit_cusl3"), ("investment_model_couples", "ordered_logit_com1"),
]  # fmt: skip


def assert_equals_clm(found: OrderedLogit, wanted: dict[str, Any]) -> None:
    """Both are maxima to machine precision; polr, beside it, stops at about 1e-7."""
    clm, k = wanted["clm_logit"], len(found.slopes)
    errors = np.sqrt(np.diag(found.covariance))
    own = clm["se"]
    np.testing.assert_allclose(found.slopes, list(clm["coef"].values()), rtol=1e-7)
    np.testing.assert_allclose(found.thresholds, list(clm["thresholds"].values()), rtol=1e-7)
    np.testing.assert_allclose(errors[:k], [own[name] for name in clm["coef"]], rtol=1e-8)
    np.testing.assert_allclose(errors[k:], [own[name] for name in clm["thresholds"]], rtol=1e-8)
    assert abs(found.log_likelihood - clm["loglik"]) < 1e-8
    polr = wanted["polr"]
    np.testing.assert_allclose(found.slopes, list(polr["coef"].values()), rtol=1e-6)
    np.testing.assert_allclose(errors, list(polr["se"].values()), rtol=1e-4)
    # Null model: thresholds alone have a closed form.
    assert abs(found.influence.sum(axis=0)).max() < 1e-10


@pytest.mark.parametrize(("name", "block"), BLOCKS)
def test_ordered_logits_of_real_surveys(reference: Path, name: str, block: str) -> None:
    wanted = reference_data.load(reference, name)["results"][block]
    frame = reference_data.scores(reference, name)
    x, y = frame[wanted["predictors"]].to_numpy(float), codes(frame[wanted["outcome"]])
    assert len(x) == wanted["n"]
    assert_equals_clm(ordered_logit(x, y), wanted)
    shares = np.bincount(y) / len(y)
    assert abs(len(y) * shares @ np.log(shares) - wanted["loglik_null"]) < 1e-8


@pytest.fixture
def housing(reference: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    cells = pd.read_csv(reference / "data" / "copenhagen_housing.csv")
    levels = {
        "Infl": ["Medium", "High"],
        "Type": ["Apartment", "Atrium", "Terrace"],
        "Cont": ["High"],
    }
    x = np.column_stack([cells[c] == level for c, known in levels.items() for level in known])
    y = cells["Sat"].map({"Low": 0, "Medium": 1, "High": 2}).to_numpy()
    results = reference_data.load(reference, "copenhagen_housing")["results"]
    return x.astype(float), y, cells["Freq"].to_numpy(), results


def test_counts_as_weights_and_rows_repeated_are_the_same(housing: Any) -> None:
    x, y, count, results = housing
    for found in (
        ordered_logit(x, y, count.astype(float)),
        ordered_logit(np.repeat(x, count, axis=0), np.repeat(y, count)),
    ):
        assert_equals_clm(found, results["ordered_logit"])


def brant(x: np.ndarray, y: np.ndarray, as_the_package: bool) -> np.ndarray:
    """Brant's (1990) Wald tests that a slope is the same at both thresholds, all together first.

    The package brant (0.3-0) takes the covariance between the two fits for symmetric, which it is
    not: its omnibus statistic is a little off, those of single slopes are right.
    """
    low, high = (ordered_logit(x, (y > k).astype(int)) for k in (0, 1))
    ones = np.column_stack([np.ones(len(x)), x])
    above = [expit(x @ one.slopes - one.thresholds[0]) for one in (low, high)]
    bread = [np.linalg.inv(ones.T @ (ones * (p * (1 - p))[:, None])) for p in above]
    middle = ones.T @ (ones * (above[1] - above[0] * above[1])[:, None])
    between = (bread[0] @ middle @ bread[1])[1:, 1:]
    spread = sum(one[1:, 1:] for one in bread) - between
    spread = spread - (between if as_the_package else between.T)
    distance = low.slopes - high.slopes
    together = distance @ np.linalg.solve(spread, distance)
    return np.concatenate([[together], distance**2 / np.diag(spread)])


def test_brant_test_of_proportional_odds(housing: Any) -> None:
    x, y, count, results = housing
    wanted = np.array(results["brant_test"]["values"])
    rows = np.repeat(x, count, axis=0), np.repeat(y, count)
    found = brant(*rows, as_the_package=True)
    np.testing.assert_allclose(found, wanted[:, 0], rtol=1e-5)
    np.testing.assert_allclose(chi2.sf(found, wanted[:, 1]), wanted[:, 2], rtol=1e-5)
    np.testing.assert_allclose(brant(*rows, as_the_package=False), found, rtol=2e-4)


# ---- against R: weights, clusters, average changes -------------------------------------------

MODEL = """
stays = { min = 0, max = 1 }
answer = { min = 1, max = 5 }

[model]
drivers = ["x1", "x2", "x3", "m"]
outcomes = { stays = "behaviour", answer = "intention" }
controls = ["region"]
"""
GOLDEN = pd.read_csv(FOLDER / "categorical.csv").set_index(["model", "quantity", "term"])
COUNTED = {"probability": [0, 1], "scale points": [1, 2, 3, 4, 5], "top box": [0, 0, 0, 0, 1]}


def plain_logit(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Log-likelihood of each respondent, for complex parameters too."""
    cuts, linear = at[x.shape[1] :], x @ at[: x.shape[1]]
    below = 1 / (1 + np.exp(linear[:, None] - cuts))
    ends = np.hstack([np.zeros((len(x), 1)), below, np.ones((len(x), 1))])
    return np.log(np.diff(ends, axis=1)[np.arange(len(x)), y])


def plain_scores(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    steps = 1e-30j * np.eye(len(at))
    return np.column_stack([plain_logit(at + step, x, y).imag / 1e-30 for step in steps])


def plain_changes(at: np.ndarray, x: np.ndarray, weights: np.ndarray, points: Any) -> np.ndarray:
    cuts, slopes = at[x.shape[1] :], at[: x.shape[1]]
    below = 1 / (1 + np.exp((x @ slopes)[:, None] - cuts))
    return slopes * (weights @ (below * (1 - below) @ np.diff(points)) / weights.sum())


def jackknifed(
    model: OrderedLogit, y: np.ndarray, clusters: np.ndarray, points: Any = None
) -> np.ndarray:
    """Errors of slopes or changes: the linearised jackknife over clusters, written out."""
    at, x, w = np.concatenate([model.slopes, model.thresholds]), model.x, model.weights
    steps = 1e-5 * np.eye(len(at))
    score = plain_scores(at, x, y)
    sides = [(plain_scores(at - one, x, y) - plain_scores(at + one, x, y)) / 2e-5 for one in steps]
    lost = []
    for cluster in np.unique(clusters):
        own = clusters == cluster
        left = np.array([w[~own] @ side[~own] for side in sides])
        step = np.linalg.solve(left, w[own] @ score[own])
        if points is None:
            lost.append(step[: x.shape[1]])
            continue
        slope = np.imag([plain_changes(at + 1e-30j * e, x, w, points) for e in np.eye(len(at))])
        others = plain_changes(at, x[~own], w[~own], points)
        lost.append(step @ slope / 1e-30 + plain_changes(at, x, w, points) - others)
    return np.sqrt((1 - 1 / len(lost)) * np.square(lost).sum(axis=0))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("errors", ["plain", "store", "team"])
def test_logits_of_a_study_agree_with_r(tmp_path: Path, weighted: bool, errors: str) -> None:
    """Slopes of R stop at 5e-7 (polr); its errors come from numerical second derivatives.

    Errors of clusters, as R sums them, are the ones without their jackknife.
    """
    frame = survey()
    frame = frame.assign(stays=(frame["y1"] > 3) * 1, answer=frame["y1"].round().clip(1, 5))
    design = 'weight = "w"\n' if weighted else ""
    design += f'cluster = "{errors}"\n' if errors != "plain" else ""
    read = read_survey(write_study(tmp_path, MODEL, design, frame))
    found = categorical(read)
    assert len(found) == 4 * 5 and (found["note"] == "").all()
    kinds = found["kind"] + (".weighted" if weighted else "")
    wanted = GOLDEN.loc[list(zip(kinds, found["quantity"], found["term"], strict=True))]
    np.testing.assert_allclose(found["estimate"], wanted["estimate"], rtol=2e-6)
    if read.clusters is None:
        np.testing.assert_allclose(found["std_error"], wanted["plain"], rtol=5e-4)
        changes = (found["quantity"] != "coefficient").to_numpy()
        np.testing.assert_allclose(found["std_error"][changes], wanted["plain"][changes], rtol=4e-5)
    else:
        assert read.frame is not None
        terms = [*found["term"].unique(), *read.terms(["region"])]
        x = read.frame[terms].to_numpy(float)
        for (outcome, quantity), rows in found.groupby(["outcome", "quantity"]):
            y = codes(read.frame[outcome])
            model = ordered_logit(x, y, read.weights)
            plainly = jackknifed(model, y, read.clusters, COUNTED.get(quantity))
            np.testing.assert_allclose(rows["std_error"], plainly[:4], rtol=1e-6)
    freedom = {"store": 11, "team": 59}.get(errors)
    ordered = (found["kind"] == "ordered logit") * 3  # thresholds beyond the first
    np.testing.assert_array_equal(found["df"], freedom or 240 - 7 - ordered)


def test_linear_slopes_are_those_of_the_regression(tmp_path: Path) -> None:
    read = survey_of(tmp_path, {"model.controls": ["age", "gender"], "design.cluster": "industry"})
    found = categorical(read).query("quantity == 'scale points'").set_index(["model", "term"])
    lines = regression(read).set_index(["model", "term"]).loc[found.index]
    for ours, theirs in (
        ("linear", "estimate"),
        ("linear_low", "conf_low"),
        ("linear_high", "conf_high"),
    ):
        np.testing.assert_allclose(found[ours], lines[theirs], rtol=1e-12)


# ---- against statsmodels and by hand ---------------------------------------------------------


def test_statsmodels_where_it_can_be_trusted() -> None:
    """Its ordered logit stops early and takes weights without using them: the reason for ours."""
    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    x, y = drawn(400, 1, answers=2)
    found = ordered_logit(x, y)
    theirs = Logit(y, np.column_stack([np.ones(400), x])).fit(disp=0, tol=1e-12)
    np.testing.assert_allclose([-found.thresholds[0], *found.slopes], theirs.params, rtol=1e-9)
    margins = theirs.get_margeff(at="overall").margeff
    np.testing.assert_allclose(found.changes(np.array([0.0, 1.0]))[0], margins, rtol=1e-9)

    x, y = drawn(400, 2)
    weights = np.random.default_rng(3).integers(1, 6, 400)
    fitted = [
        OrderedModel(y, x, distr="logit", **options).fit(method="bfgs", disp=0).params[:2]
        for options in ({}, {"weights": weights})
    ]
    np.testing.assert_array_equal(*fitted)
    np.testing.assert_allclose(ordered_logit(x, y).slopes, fitted[0], rtol=1e-3)
    twice = ordered_logit(np.repeat(x, weights, axis=0), np.repeat(y, weights))
    ours = ordered_logit(x, y, weights.astype(float))
    np.testing.assert_allclose(ours.slopes, twice.slopes, rtol=1e-10)
    assert np.abs(ours.slopes - fitted[0]).max() > 0.01


@pytest.mark.parametrize("count", [2, 4])
def test_average_changes_are_differences_of_average_predictions(count: int) -> None:
    x, y = drawn(300, 4, count)
    weights = np.random.default_rng(5).uniform(0.5, 2, 300)
    found, points = ordered_logit(x, y, weights), np.arange(count) ** 2.0

    def expected(moved: np.ndarray) -> float:
        below = expit(found.thresholds - (moved @ found.slopes)[:, None])
        each = np.diff(below, axis=1, prepend=0.0, append=1.0)
        return float(np.average(each @ points, weights=weights))

    step = 1e-5 * np.eye(2)
    wanted = [(expected(x + one) - expected(x - one)) / 2e-5 for one in step]
    changes, influence = found.changes(points)
    np.testing.assert_allclose(changes, wanted, rtol=1e-7)
    np.testing.assert_allclose(influence.sum(axis=0), 0, atol=1e-10)


def test_influence_is_what_another_weight_changes() -> None:
    x, y = drawn(120, 6)
    points, weights = np.arange(4.0), np.random.default_rng(7).uniform(0.5, 2, 120)
    influence = ordered_logit(x, y, weights).changes(points)[1]
    for one in (0, 60, 119):
        moved = [np.where(np.arange(120) == one, w * weights, weights) for w in (1.001, 0.999)]
        up, down = (ordered_logit(x, y, w).changes(points)[0] for w in moved)
        np.testing.assert_allclose((up - down) / 0.002, influence[one], rtol=1e-4)


def test_known_slopes_are_recovered_and_covered() -> None:
    found = ordered_logit(*drawn(40_000, 8))
    error = found.robust(found.slopes, found.influence[:, :2]).std_error
    assert (np.abs(found.slopes - [0.8, -0.4]) < 4 * error).all()
    assert (np.abs(found.thresholds - [-1.5, 0, 1.5]) < 0.1).all()
    points, draws, inside = np.arange(4.0), 400, np.zeros(4)
    truth = np.concatenate([[0.8, -0.4], ordered_logit(*drawn(400_000, 9)).changes(points)[0]])
    for seed in range(draws):
        one = ordered_logit(*drawn(150, 100 + seed))
        changes, moved = one.changes(points)
        influence = np.hstack([one.influence[:, :2], moved])
        low, high = one.robust(np.concatenate([one.slopes, changes]), influence).interval()
        inside += (low < truth) & (truth < high)
    least, most = binom.ppf([0.0005, 0.9995], draws, 0.95)
    assert ((least <= inside) & (inside <= most)).all(), inside / draws


def clustered(n: int, clusters: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A term within and a term between clusters, both slopes 0.5, exactly: errors are logistic.

    Those of a cluster go together, by normal scores that correlate 0.1.
    """
    rng, cluster = np.random.default_rng([seed, clusters, n]), np.arange(n) % clusters
    x = np.column_stack([rng.normal(size=n), rng.normal(size=clusters)[cluster]])
    score = 0.1**0.5 * rng.normal(size=clusters)[cluster] + 0.9**0.5 * rng.normal(size=n)
    return x, x @ [0.5, 0.5] + logit(ndtr(score)), cluster


def test_few_clusters_cover_slopes_and_changes_between_them() -> None:
    """Sums by cluster without their jackknife cover the term between clusters .86 of the time."""
    nodes, mass = np.polynomial.hermite_e.hermegauss(40)
    chance = expit(0.5**0.5 * nodes)
    truth = [0.5, 0.5, *[0.5 * mass @ (chance * (1 - chance)) / mass.sum()] * 2]
    draws, inside = 400, np.zeros(4)
    for seed in range(draws):
        x, latent, cluster = clustered(200, 10, seed)
        one = ordered_logit(x, (latent > 0).astype(int), clusters=cluster)
        changes, moved = one.changes(np.array([0.0, 1.0]))
        values, influence = np.append(one.slopes, changes), np.hstack([one.influence[:, :2], moved])
        low, high = one.robust(values, influence).interval()
        inside += (low < truth) & (truth < high)
    least, most = binom.ppf([0.0005, 0.9995], draws, 0.95)
    assert ((least <= inside) & (inside <= most)).all(), inside / draws


@pytest.mark.parametrize("count", [2, 4])
def test_clusters_agree_with_fits_without_each_of_them(count: int) -> None:
    """One step of Newton's method is close to the maximum: errors agree within three percent."""
    x, latent, cluster = clustered(1200, 12, 1)
    y, points = np.digitize(latent, [-1, 0, 1] if count == 4 else [0]), np.arange(count) ** 2.0
    weights = np.random.default_rng(2).uniform(0.5, 2, len(x))
    model = ordered_logit(x, y, weights, cluster)
    without = [
        ordered_logit(x[left], y[left], weights[left])
        for left in (cluster != number for number in range(12))
    ]
    for (values, influence), refits in (
        ((model.slopes, model.influence[:, :2]), [one.slopes for one in without]),
        (model.changes(points), [one.changes(points)[0] for one in without]),
    ):
        found = model.robust(values, influence)
        wanted = np.sqrt(11 / 12 * np.square(refits - values).sum(axis=0))
        np.testing.assert_allclose(found.std_error, wanted, rtol=0.03)
        assert found.df == 11


def test_clusters_that_cannot_be_left_out() -> None:
    x, y = drawn(60, 11)
    cluster = np.repeat(["north", "south", "west"], 20)
    only = np.column_stack([x, cluster == "west"])
    words = "without cluster 'west' nothing is left to tell of shop, so errors"
    with pytest.raises(DataError, match=words):
        ordered_logit(only, y, clusters=cluster, terms=["a", "b", "shop"])
    # Neither column lives in one cluster, their difference does.
    twin = x[:, 0] + (cluster == "south") * np.random.default_rng(1).normal(size=60)
    with pytest.raises(DataError, match="'south' nothing is left to tell of a and c, so"):
        ordered_logit(np.column_stack([x, twin]), y, clusters=cluster, terms=["a", "b", "c"])
    with pytest.raises(DataError, match="only one cluster"):
        ordered_logit(x, y, clusters=np.full(60, "a"))


@pytest.mark.parametrize("design", [{}, {"design.weight": "w"}])
def test_a_category_that_lives_in_one_cluster_is_named(tmp_path: Path, design: Any) -> None:
    frame = answers()
    frame["gender"] = np.where(frame["industry"] == "goods1", "other", frame["sector"])
    changes = {"model.controls": ["gender"], "design.cluster": "industry"} | design
    read = survey_of(tmp_path, changes, frame)
    found = categorical(read)
    assert set(found["term"]) == {""} and found["estimate"].isna().all()
    said = "Not estimated: without cluster 'goods1' nothing is left to tell of gender[other], so "
    assert found["note"].str.startswith(said).all()
    assert f"Search: n{said[1:]}errors cannot be clustered" in shown(read, found)[0]


@pytest.mark.parametrize(("clusters", "told"), [(4, False), (5, True)])
def test_too_few_clusters_tell_no_side(tmp_path: Path, clusters: int, told: bool) -> None:
    frame = answers().assign(sea1=lambda table: table["sea1"].clip(3, 6) + 1)
    frame["industry"] = np.arange(120) % clusters
    read = survey_of(tmp_path, {"design.cluster": "industry"}, frame)
    found = categorical(read)
    unseen, few = "Nobody answered 1, 2 and 3.", "Too few clusters (4) stand behind its intervals"
    assert set(found["note"]) == {unseen if told else f"{unseen} {few} to tell a side."}
    assert set(found["df"]) == {clusters - 1}
    reading, table = shown(read, found)
    assert (few in reading, few in table) == (not told, not told)
    assert ("One point more" in reading, "linear model only" in reading) == (told, False)
    assert ("Told from zero by the categorical model only: affective" in reading) == told
    assert "The linear model tells" not in reading


# ---- which outcomes, and what cannot be had --------------------------------------------------


def staying(**columns: Any) -> pd.DataFrame:
    frame = answers()
    stays = (frame["sat1"] + frame["aff2"] % 3 > 4).astype(int)
    return frame.assign(**({"staying": stays} | columns))


STAYING = {
    "constructs.staying": {"min": 0, "max": 1},
    "model.outcomes": {"staying": "behaviour", "repurchase": "intention"},
}


def test_a_study_gets_one_equation_for_each_outcome_of_one_item(tmp_path: Path) -> None:
    found = categorical(survey_of(tmp_path, STAYING, staying()))
    assert list(found.columns) == list(COLUMNS)
    assert list(found["model"].unique()) == ["staying.total", "staying.direct"]
    assert set(found["kind"]) == {"logit"} and set(found["n"]) == {120}
    assert list(found["term"].unique()) == ["affective", "normative", "forced", "satisfaction"]
    assert list(found["quantity"].unique()) == ["coefficient", "probability"]
    assert not found.isna().any(axis=None)
    # Six or seven in ten stay, where a logit is nearly straight.
    change = found.query("quantity == 'probability' and term == 'affective'")
    np.testing.assert_allclose(change["estimate"], change["linear"], atol=0.02)


def test_a_mediator_of_one_item_is_an_outcome_too(tmp_path: Path) -> None:
    changes = {"model.mediator": "usability", "paths": REMOVE}
    found = categorical(survey_of(tmp_path, changes))
    assert list(found["model"].unique()) == ["usability", "search.total", "search.direct"]
    assert "age" not in set(found["term"])


def test_answers_coded_otherwise_change_nothing_but_the_sign(tmp_path: Path) -> None:
    plain = categorical(survey_of(tmp_path / "a", STAYING, staying()))
    other = staying()
    other["staying"] = np.where(other["staying"] == 1, 2, 5)
    changes = STAYING | {"constructs.staying": {"min": 2, "max": 5}}
    coded = categorical(survey_of(tmp_path / "b", changes, other))
    for column in ("estimate", "linear"):
        np.testing.assert_allclose(coded[column], -plain[column], rtol=1e-8)
    assert set(coded["note"]) == {"Nobody answered 3 and 4."}


def test_answers_that_nobody_or_hardly_anybody_gives_are_said(tmp_path: Path) -> None:
    frame = answers().assign(sea1=lambda table: table["sea1"].clip(3, 6))
    found = categorical(survey_of(tmp_path, frame=frame))
    assert set(found["quantity"]) == {"coefficient", "scale points"}
    few = "No top box: fewer than 10 gave the highest answer."
    assert set(found["note"]) == {f"Nobody answered 1, 2 and 7. {few}"}


SPLIT = staying()
SPLIT["staying"] = (SPLIT[["aff1", "aff2", "aff3"]].sum(axis=1) > 12).astype(int)
RARE = staying(staying=lambda frame: (frame.index < 9) * 1)
NO_MAXIMUM = (
    "Not estimated: no maximum of the likelihood was found: a combination of the terms seems to "
    "tell some answers apart completely (separation)."
)
USABILITY = {
    "model.drivers": ["affective", "usability"], "paths": REMOVE, "constructs.copy": {},
    "model.outcomes": {"copy": "attitude"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "frame", "note"),
    [
        (STAYING, SPLIT, NO_MAXIMUM),
        (STAYING, RARE, "Not estimated: fewer than 10 gave one of the two answers."),
        (USABILITY, answers().assign(copy=answers()["usability"]), NO_MAXIMUM),
    ],
    ids=["separation", "a rare answer", "an outcome that is a driver"],
)
@pytest.mark.parametrize("design", [{}, {"design.weight": "w", "design.cluster": "industry"}])
def test_what_cannot_be_estimated_says_why(
    changes: Any, frame: Any, note: str, design: Any, tmp_path: Path
) -> None:
    found = categorical(survey_of(tmp_path, changes | design, frame))
    assert len(found) and set(found["note"]) == {note}
    assert set(found["term"]) == set(found["quantity"]) == {""}
    assert (
        found.drop(columns=["model", "outcome", "kind", "n", "note", "term", "quantity"])
        .isna()
        .all(axis=None)
    )


def test_one_outcome_that_fails_leaves_the_others(tmp_path: Path) -> None:
    changes = STAYING | {"model.outcomes": {"staying": "behaviour", "search": "leaving"}}
    read = survey_of(tmp_path, changes, SPLIT)
    found = categorical(read)
    assert list(found["outcome"].value_counts()[["staying", "search"]]) == [2, 14]
    again = pd.read_csv(io.StringIO(found.to_csv(index=False)))  # empty texts come back missing
    assert shown(read, again) == shown(read, found)


def test_a_category_that_tells_the_answers_apart_is_separation(tmp_path: Path) -> None:
    frame = staying()
    frame.loc[frame["gender"] == "other", "staying"] = 1
    found = categorical(survey_of(tmp_path, STAYING | {"model.controls": ["gender"]}, frame))
    assert set(found["note"]) == {NO_MAXIMUM}


def test_fewer_respondents_than_parameters() -> None:
    x, y = np.arange(4.0)[:, None], np.array([0, 1, 0, 2])
    assert len(ordered_logit(x, y).slopes) == 1
    with pytest.raises(DataError, match="4 respondents for 4 parameters"):
        ordered_logit(x, np.array([0, 2, 1, 3]))


def test_outcomes_that_are_numbers_have_no_rows(tmp_path: Path) -> None:
    wide = answers().assign(sea1=np.arange(120) % 12)
    changes: dict[str, Any] = {"constructs.search": {"items": ["sea1"], "min": 0, "max": 11}}
    between = answers().assign(sea1=np.arange(120) % 5 + 1.5)
    for folder, frame in (("wide", wide), ("between", between)):
        assert categorical(survey_of(tmp_path / folder, changes, frame)).empty
    changes["constructs.search"]["max"] = 1e50
    thirds = answers().assign(sea1=np.resize([0, 5e49, 1e50], 120))
    found = categorical(survey_of(tmp_path / "huge", changes, thirds))
    assert set(found["quantity"]) == {"coefficient", "scale points", "top box"}
    assert set(found["note"]) == {""}
    known = categorical(read_survey("mobile_customers"))
    assert known.empty and list(known.columns) == list(COLUMNS)


def test_units_and_places_of_terms_do_not_matter() -> None:
    x, y = drawn(200, 10)
    plain, moved = ordered_logit(x, y), ordered_logit(1e6 + 1e-3 * x, y)
    np.testing.assert_allclose(moved.slopes, 1e3 * plain.slopes, rtol=1e-6)
    assert moved.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)


# ---- net promoter score and top box ----------------------------------------------------------

NPS = {
    "constructs.search": {"items": ["rec"], "min": 0, "max": 10, "score": "nps", "missing": [99]}
}


def test_net_promoter_score_is_recoded_before_anything_sees_it(tmp_path: Path) -> None:
    given = np.resize([0, 6, 7, 8, 9, 10, 99], 120)
    read = survey_of(tmp_path, NPS, answers().assign(rec=given))
    known = given[given != 99]
    wanted = np.select([known <= 6, known >= 9], [-100.0, 100.0], 0.0)
    assert read.frame is not None and read.items is not None
    for table, column in ((read.frame, "search"), (read.items, "rec")):
        np.testing.assert_array_equal(table[column], wanted)
    assert read.moments.mean[read.moments.columns.index("search")] == pytest.approx(wanted.mean())
    found = categorical(read)
    assert set(found["kind"]) == {"ordered logit"} and set(found["note"]) == {""}
    assert list(found["quantity"].unique()) == ["coefficient", "scale points", "top box"]


def test_top_box_counts_the_highest_answers(tmp_path: Path) -> None:
    one = {"constructs.search": {"items": ["sea1"], "score": "top_box", "top": 3}}
    read = survey_of(tmp_path / "a", one)
    assert read.frame is not None
    np.testing.assert_array_equal(read.frame["search"], answers()["sea1"] >= 5)
    found = categorical(read)
    assert set(found["kind"]) == {"logit"} and set(found["note"]) == {""}
    default = survey_of(
        tmp_path / "b", {"constructs.search": {"items": ["sea1"], "score": "top_box"}}
    )
    assert default.frame is not None
    np.testing.assert_array_equal(default.frame["search"], answers()["sea1"] == 7)


@pytest.mark.parametrize(
    ("construct", "words"),
    [
        ({"items": ["sea1", "usability"], "score": "nps"}, "'nps' needs one item; it has 2"),
        (
            {"items": ["sea1"], "score": "nps"},
            "'nps' needs answers from 0 to 10; the scale is 1 to 7",
        ),
        ({"items": ["sea1"], "score": "top_box", "top": 7}, "top = 7 leaves no answer below"),
        ({"items": ["sea1"], "score": "top_box", "max": 7.5}, "'top_box' needs whole numbers"),
        ({"items": ["sea1"], "score": "top_box", "reversed": ["sea1"]}, "cannot be reversed"),
        ({"items": ["sea1"], "top": 2}, "constructs.search.top needs score = 'top_box'"),
        (
            {"items": ["sea1"], "score": "nps", "top": 2, "min": 0, "max": 10},
            "search.top needs score",
        ),
        ({"items": ["sea1"], "score": "top_box", "top": 0}, "greater than or equal to 1; found 0"),
        ({"items": ["sea1"], "score": "NPS"}, "must be 'mean', 'nps' or 'top_box'; found 'NPS'"),
        ({"items": ["aff1"], "score": "top_box"}, "item 'aff1' is listed twice"),
    ],
)
def test_scores_that_make_no_sense_are_refused(construct: Any, words: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"constructs.search": construct}
    if len(construct["items"]) > 1:
        changes |= {"paths": REMOVE, "constructs.usability": REMOVE}
    with pytest.raises(StudyError) as refused:
        survey_of(tmp_path, changes)
    assert words in str(refused.value)


def test_scores_need_a_scale_respondents_and_whole_answers(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"no scale for .*'search'"):
        survey_of(tmp_path / "a", {"scale": REMOVE, "constructs.search.score": "top_box"})
    setting = "constructs.satisfaction={items = ['cusa'], score = 'top_box'}"
    with pytest.raises(StudyError, match=r"satisfaction.score: needs respondents, but moments.csv"):
        read_survey("mobile_customers", [setting])
    frame = answers().assign(rec=np.resize([0, 6.5, 7, 10], 120))
    with pytest.raises(DataError, match="'rec' holds 30 answers that are no whole number"):
        survey_of(tmp_path / "b", NPS, frame)
    every = answers().assign(rec=np.resize([9, 10], 120))
    with pytest.raises(DataError, match=r"'search' is 100\.0 for everyone"):
        survey_of(tmp_path / "c", NPS, every)


# ---- table and reading -----------------------------------------------------------------------


def shown(read: Any, found: pd.DataFrame) -> tuple[str, str]:
    """The reading, and the text of the table."""
    page = categorical_table(found, read.study).as_raw_html().split("</style>")[-1]
    return str(categorical_reading(found, read.study)), re.sub(
        r"\s+", " ", re.sub("<[^>]+>", " ", page)
    )


def test_a_logit_reads_as_a_probability_of_the_outcome(tmp_path: Path) -> None:
    read = survey_of(tmp_path, STAYING | {"design.weight": "w"}, staying())
    found = categorical(read)
    reading, table = shown(read, found)
    change = found.query("model == 'staying.total' and quantity == 'probability'").iloc[0]
    said = (
        f"One point more affective commitment goes with a probability of staying that is "
        f"{change['estimate']:.2f} higher (95% interval {change['conf_low']:.2f} to "
        f"{change['conf_high']:.2f}), {change['linear']:.2f} in the linear model."
    )
    assert reading.startswith(said)
    assert reading.endswith(
        "The linear model tells the same side of zero, or none, for all 7 terms."
    )
    assert "Staying, without satisfaction in the equation (logit, n = 120)" in table
    assert (
        f"{change['estimate']:.2f} [{change['conf_low']:.2f}, {change['conf_high']:.2f}]" in table
    )
    assert "(probability weights w)" in table and "Simulated respondents" in table
    assert "Highest answer" not in table and "–" not in table


def test_an_ordered_logit_reads_in_points_and_highest_answers(tmp_path: Path) -> None:
    frame = answers().assign(sea1=lambda table: (table["sea1"] + 2).clip(1, 7))
    read = survey_of(tmp_path, frame=frame)
    found = categorical(read)
    reading, table = shown(read, found)
    own = found.query("model == 'search.total' and term == 'forced'").set_index("quantity")
    points, top = own.loc["scale points"], own.loc["top box"]
    assert reading.startswith(
        f"One point more forced goes with {points['estimate']:.2f} points more search (95%"
    )
    assert f"the highest answer that is {top['estimate']:.2f} higher (95% interval" in reading
    assert "(ordered logit, n = 120)" in table and "Highest answer [95% interval]" in table
    assert "Search: nobody answered 1 and 2." in table


def test_readings_at_their_edges(tmp_path: Path) -> None:
    read = survey_of(tmp_path)
    found = categorical(read)
    told = found.query("quantity == 'scale points' and model == 'search.total'").copy()
    few, _ = shown(read, told.assign(df=3.0))
    assert few.startswith(
        "Whether any term goes with higher or lower search cannot be told; furthest"
    )
    turned = told.assign(linear_low=-2.0, linear_high=-1.0)
    reading, _ = shown(read, turned)
    assert "Told from zero by the linear model only: affective commitment on search, " in reading
    assert "On opposite sides of zero in the two: forced on search, without" in reading
    wide, _ = shown(read, told.assign(linear_low=-1.0, linear_high=1.0))
    assert "Told from zero by the categorical model only: forced on" in wide
    lower = told.assign(estimate=-told["estimate"], conf_low=-0.013, conf_high=-0.012)
    assert "points less search (95% interval −0.013 to −0.012), 0.481 in" in shown(read, lower)[0]
    assert shown(read, found.head(0))[0] == ""
    assert "None estimated" in shown(read, found.head(0))[1]


def test_what_could_not_be_estimated_is_said_once(tmp_path: Path) -> None:
    read = survey_of(tmp_path, STAYING, SPLIT)
    reading, table = shown(read, categorical(read))
    said = f"Staying: n{NO_MAXIMUM[1:]}"
    assert reading == said and said in table


def test_the_higher_of_two_answers_has_a_name(tmp_path: Path) -> None:
    scored = {"constructs.search": {"items": ["sea1"], "score": "top_box", "top": 3}}
    read = survey_of(tmp_path / "a", scored)
    assert (
        "a probability of one of the 3 highest answers on search that"
        in shown(read, categorical(read))[0]
    )
    frame = answers().assign(sea1=lambda table: (table["sea1"] + 2).clip(1, 7))
    one = {"constructs.search": {"items": ["sea1"], "score": "top_box"}}
    read = survey_of(tmp_path / "b", one, frame)
    assert "a probability of the highest answer on search that" in shown(read, categorical(read))[0]
    coded = answers().assign(sea1=lambda table: np.where(table["sea1"] > 4, 5, 2))
    read = survey_of(tmp_path / "c", frame=coded)
    assert "a probability of the higher answer on search that" in shown(read, categorical(read))[0]
