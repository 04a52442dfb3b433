"""Types of loyalty: R's numbers, plain second computations, planted truths, and what is refused."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from type_study import STEPS, answered, golden, typed_survey

from loyalty_analysis import mixtures
from loyalty_analysis.claims import Claim
from loyalty_analysis.contrasts import interaction
from loyalty_analysis.mixtures import fit_mixture, mixture, relative_entropy
from loyalty_analysis.moments import Moments
from loyalty_analysis.rules import Evidence
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.type_checks import type_problems
from loyalty_analysis.type_frames import type_band, type_frames, type_map, types
from loyalty_analysis.type_surface import surface, type_slopes
from loyalty_analysis.type_words import type_direction, type_sentence
from loyalty_analysis.typology import (
    INDICATORS,
    TYPES,
    indicators,
    type_contrast,
    type_contrasts,
    typed,
    types_of,
    why_no_types,
)

R = golden()


def ordered(outcome: str = "advocacy", **changes: Any) -> list[Claim]:
    known = {"id": "T1", "text": "Types.", "estimand": "ordered_means", "term": "type", "sign": "+"}
    every: list[dict[str, Any]] = [{"versus": tuple(step["versus"])} for step in STEPS]
    return [Claim(**known, outcome=outcome, **(step | changes)) for step in every]  # type: ignore[arg-type]


def design(case: str) -> dict[str, Any]:
    return {"plain": {}, "weights": {"design.weight": "w"}, "cluster": {"design.cluster": "team"}}[
        case
    ]


# ---- types and their contrasts ---------------------------------------------------------------


def test_at_or_above_the_cut_is_high() -> None:
    # Means of thirds are not exact: (4 + 4 + 5) / 3 stands on its cut.
    scores = np.array([[4, 4, 5], [4, 4, 4.0]]).mean(axis=1)
    assert typed(scores, np.array([9.0, 1.0]), (13 / 3, 5)).tolist() == ["premium", "none"]


@pytest.mark.parametrize("case", ["plain", "weights", "cluster"])
@pytest.mark.parametrize("outcome", ["advocacy", "search"])
def test_contrasts_agree_with_r(tmp_path: Path, case: str, outcome: str) -> None:
    found = type_contrasts(typed_survey(tmp_path, design(case)), ordered(outcome))
    wanted = R.loc[case, outcome].loc[found["versus"]]
    np.testing.assert_allclose(found["estimate"], wanted["value"], rtol=1e-9)
    # R leaves out one respondent at a time, the suite takes the derivative; teams: both leave out.
    rtol = 1e-9 if case == "cluster" else 0.02
    np.testing.assert_allclose(found["std_error"], wanted["error"], rtol=rtol)
    assert (found["model"] == f"{outcome}.types").all() and found["df"].iloc[0] > 20
    assert found["df_satterthwaite"].notna().all() == (case == "cluster")


def test_contrasts_by_a_plain_second_computation(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path)
    assert survey.frame is not None
    frame = survey.frame.assign(type=types_of(survey))
    slopes = smf.ols("advocacy ~ C(type, Treatment('none')) + age", frame).fit().params.to_numpy()
    found = type_contrasts(survey, ordered())["estimate"].to_numpy()
    inertia, latent, premium = slopes[1:4] / frame["advocacy"].std()
    np.testing.assert_allclose(found, [premium - latent, latent - inertia, inertia], rtol=1e-9)


def test_contrasts_of_many_moments_at_once(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path)
    assert survey.frame is not None
    frame = pd.concat([survey.frame[["age", "advocacy"]], indicators(types_of(survey))], axis=1)
    parts = [Moments.from_frame(frame[start::2]) for start in (0, 1)]
    both = Moments(
        parts[0].columns, *(np.array([getattr(part, name) for part in parts])
                            for name in ("n", "weight", "weight_squared", "mean", "cross")),
    )  # fmt: skip
    for claim in ordered():
        found = type_contrast(both, "advocacy", ["age"], claim)
        alone = [type_contrast(part, "advocacy", ["age"], claim) for part in parts]
        assert found.shape == (2, 1)
        np.testing.assert_allclose(found, alone)


def test_a_type_of_nobody_has_no_contrast() -> None:
    frame = indicators(pd.Series(["none", "latent", "premium"] * 5)).assign(y=np.arange(15.0) % 4)
    known = Moments.from_frame(frame)
    upper, lower, last = (type_contrast(known, "y", [], claim)[0] for claim in ordered("y"))
    assert np.isfinite(upper) and np.isnan(lower) and np.isnan(last)
    without_base = indicators(pd.Series(["inertia", "latent", "premium", "premium"] * 5))
    known = Moments.from_frame(without_base.assign(y=np.arange(20.0) % 7))
    with np.errstate(all="ignore"), suppress(np.linalg.LinAlgError):
        assert np.isnan(type_contrast(known, "y", [], ordered("y")[0]))
    assert list(INDICATORS) == list(without_base)


def test_a_planted_truth_is_covered(tmp_path: Path) -> None:
    """Means of four types are planted; 95% intervals hold them about 95 times in a hundred."""
    rng, inside, total = np.random.default_rng(3), 0, 0
    gaps = {"none": 0.0, "inertia": 0.2, "latent": 0.5, "premium": 1.1}
    survey = typed_survey(tmp_path)
    for _ in range(150):
        n = 300
        both = rng.normal(5.5, 1.5, size=(2, n))
        types = typed(both[0], both[1], (5.5, 5.5))
        y = np.array([gaps[one] for one in types]) + rng.normal(size=n)
        frame = pd.DataFrame({"attitude": both[0], "patronage": both[1], "advocacy": y,
                              "search": y, "age": rng.normal(45, 10, n)})  # fmt: skip
        drawn = Survey(
            survey.study, Moments.from_frame(frame), frozenset(frame), frame, n, frame, frame
        )
        found = type_contrasts(drawn, ordered())
        # Four types of a quarter each.
        sd = np.sqrt(1 + np.var(list(gaps.values())))
        truth = np.array([0.6, 0.3, 0.2]) / sd
        inside += int(((found["conf_low"] <= truth) & (truth <= found["conf_high"])).sum())
        total += 3
    assert 0.92 < inside / total < 0.98


def test_why_claims_about_types_are_not_testable(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path)
    premium = ordered()[0]
    assert why_no_types(premium, survey) == ""
    away = premium.model_copy(update={"versus": ("premium", "loyal")})
    assert why_no_types(away, survey) == "unknown_type: loyal"
    inside = premium.model_copy(update={"outcome": "attitude"})
    assert why_no_types(inside, survey) == "part_of_typing: attitude"
    assert why_no_types(premium, survey, "usability") == "not_in_model: usability"
    assert why_no_types(premium, read_survey("bank_customers")) == "missing_construct: type"
    high = typed_survey(tmp_path / "high", {"types.attitude_cut": 9})
    assert why_no_types(premium, high) == (
        "missing_type: fewer than 10 respondents in premium, latent"
    )
    assert type_contrasts(high, ordered())["versus"].tolist() == ["inertia | none"]
    alone = answered().assign(team=lambda frame: np.where(frame["att1"] < 6, "a", "b"))
    alone.loc[[0, 1], "team"] = "b"
    one = typed_survey(tmp_path / "one", {"design.cluster": "team"}, alone)
    assert why_no_types(premium, one).startswith("missing_type: one cluster only in ") or (
        why_no_types(premium, one) == ""
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"types.attitude": "advocacy"}, "types.attitude: 'advocacy' is an outcome of the types"),
        ({"types.patronage": "attitude"}, "nothing is multiplied with itself"),
        ({"types.patronage": "patronige"}, "Did you mean 'patronage'?"),
        ({"types.attitude_cut": 1}, "types.attitude_cut = 1, but the scale of 'attitude' is 1 to"),
        ({"types.patronage_cut": 9.5}, "everybody would lie on one side"),
        ({"types.outcomes": ["usability"]}, "types.outcomes: 'usability' is no outcome of [model]"),
        ({"model.controls": ["type"]}, "'type' is what claims call the types of loyalty"),
    ],
)
def test_types_that_cannot_be(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    study = typed_survey(tmp_path).study
    keys = {"types": study.types, "model": study.model}
    for key, value in changes.items():
        table, name = key.split(".")
        own: Any = keys[table]
        value = tuple(value) if isinstance(value, list) else value
        keys[table] = own.model_copy(update={name: value})
    found = type_problems(study.model_copy(update=keys))
    assert any(said in one for one in found), found
    assert type_problems(study) == []


def test_an_outcome_that_shares_an_item_is_part_of_the_typing(tmp_path: Path) -> None:
    study = typed_survey(tmp_path).study
    shared = study.constructs["advocacy"].model_copy(update={"items": ("adv1", "att1")})
    study = study.model_copy(update={"constructs": {**study.constructs, "advocacy": shared}})
    assert "'attitude' and the outcome 'advocacy' share att1" in type_problems(study)[0]
    # An outcome of the model that the types are not about may be what they are made of.
    asked = study.types
    assert asked is not None
    model = study.model.model_copy(
        update={"outcomes": {**study.model.outcomes, "attitude": "attitude"}}
    )
    beside = asked.model_copy(update={"outcomes": ("search",)})
    assert type_problems(study.model_copy(update={"model": model, "types": beside})) == []


def test_words() -> None:
    claim = ordered()[2]
    low = Evidence(-0.25, 0.1, 90.0, -0.45, -0.05, 100)
    study: Any = SimpleNamespace(label=str.capitalize, model=SimpleNamespace(controls=()))
    assert type_sentence(claim, "advocacy", low, study) == (
        "Mean advocacy of customers loyal by inertia lies 0.25 SD below that of customers without "
        "loyalty (95% interval −0.45 to −0.05)"
    )
    signs = {"+": "above", "-": "below", "any": "unlike", "not_negative": "not below", "none": "as"}
    for sign, word in signs.items():
        turned = claim.model_copy(update={"sign": sign})
        assert type_direction(turned) == f"inertia {word} none"


# ---- frames ----------------------------------------------------------------------------------


def test_shares_and_profiles_agree_with_r(tmp_path: Path) -> None:
    found = types(typed_survey(tmp_path)).set_index(["variable", "type"])
    for outcome in ("advocacy", "search"):
        own = found.loc[outcome]
        shares, means = R.loc["shares", outcome].loc[own.index], R.loc["means", outcome]
        np.testing.assert_allclose(own["share"], shares["value"], rtol=1e-12)
        np.testing.assert_allclose(own["mean"], means["value"].loc[own.index], rtol=1e-12)
        np.testing.assert_allclose(own["std_error"], means["error"].loc[own.index], rtol=1e-9)
    assert own["n"].sum() == 420 and list(own.index) == list(TYPES)


def test_shares_by_a_plain_second_computation(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path, {"design.weight": "w"})
    found = types(survey).drop_duplicates("type").set_index("type")
    assert survey.weights is not None
    weights = survey.weights / survey.weights.sum()
    for name in TYPES:
        inside = (types_of(survey) == name).to_numpy()
        share = weights[inside].sum()
        error = np.sqrt(np.sum(weights**2 * (inside - share) ** 2)) / (share * (1 - share))
        ends = np.log(share / (1 - share)) + np.array([-1, 1]) * 1.966 * error
        np.testing.assert_allclose(found.loc[name, "share"], share)
        wanted = 1 / (1 + np.exp(-ends))
        got = found.loc[name, ["share_low", "share_high"]].to_numpy(float)
        np.testing.assert_allclose(got, wanted, rtol=0.01)


def test_types_too_small_to_be_shown_have_no_numbers(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path, {"types.attitude_cut": 8.9})
    frames = type_frames(survey)
    small = frames["types"].query("type in ['latent', 'premium']")
    assert small.drop(columns=["type", "variable"]).isna().all().all()
    moved = frames["type_band"].query("declared and quantity == 'contrast'")
    assert moved[["estimate", "conf_low", "conf_high"]].isna().all().all()
    bins = frames["type_map"]
    assert (
        bins["n"].min() >= 10 and bins.loc[bins["n"].isna(), ["share", "mean"]].isna().all().all()
    )


@pytest.mark.parametrize("case", ["plain", "weights", "cluster"])
@pytest.mark.parametrize("cut", [1.1, 5.5])
def test_few_respondents_and_types_of_nobody(tmp_path: Path, case: str, cut: float) -> None:
    few = answered()[::14].reset_index(drop=True)
    few["team"] = np.resize(["a", "b", "c", "d", "e"], len(few))
    few.loc[few["att1"] > 6, "team"] = "a"  # a type may live in one cluster
    changes = design(case) | {"types.attitude_cut": cut, "types.patronage_cut": cut}
    frames = type_frames(typed_survey(tmp_path, changes, few))
    shares = frames["types"].drop_duplicates("type")
    assert (shares["n"].dropna() >= 10).all() and shares["share_low"].dropna().between(0, 1).all()
    if cut == 1.1 and case == "plain":
        assert shares["share"].max() > 0.9
    assert len(frames["mixture"]) == 3


def test_the_middle_of_the_band_is_what_is_declared(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path, design("cluster"))
    band = type_band(survey)
    assert len(band.groupby(["attitude_cut", "patronage_cut"])) == 25
    assert band["attitude_cut"].min() == 5.0 and band["patronage_cut"].max() == 6.0
    middle = band[band["declared"]]
    shares = types(survey).drop_duplicates("type")
    np.testing.assert_allclose(
        middle.query("quantity == 'share'")["estimate"], shares["share"], rtol=1e-12
    )
    gaps = type_contrasts(survey, ordered())
    own = middle.query("outcome == 'advocacy'")
    for name in ("estimate", "conf_low", "conf_high"):
        np.testing.assert_allclose(own[name], gaps[name], rtol=1e-9)
    moved = band[(band["attitude_cut"] == 5.0) & (band["patronage_cut"] == 6.0)]
    other = types_of(typed_survey(
        tmp_path / "moved", {"types.attitude_cut": 5.0, "types.patronage_cut": 6.0}
    ))  # fmt: skip
    share = moved.query("term == 'inertia'")["estimate"].iloc[0]
    assert share == pytest.approx((other == "inertia").mean())


def test_the_map_counts_everybody_it_may_show(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path, {"design.weight": "w"})
    bins = type_map(survey).query("outcome == 'advocacy'")
    assert survey.frame is not None and survey.weights is not None
    row = bins.loc[bins["n"].idxmax()]
    frame = survey.frame
    inside = (
        frame["attitude"].between(row["attitude_low"] - 1e-6, row["attitude_high"] - 1e-6)
        & frame["patronage"].between(row["patronage_low"] - 1e-6, row["patronage_high"] - 1e-6)
    ).to_numpy()
    assert row["n"] == inside.sum()
    weights = survey.weights[inside]
    assert row["share"] == pytest.approx(weights.sum() / survey.weights.sum())
    assert row["mean"] == pytest.approx(np.average(frame.loc[inside, "advocacy"], weights=weights))
    # The cuts are ends of bins: no bin lies on both sides.
    assert (bins["attitude_low"] - 5.5).abs().min() < 1e-9
    assert (bins["patronage_low"] - 5.5).abs().min() < 1e-9


def test_simple_slopes_agree_with_r(tmp_path: Path) -> None:
    found = type_slopes(typed_survey(tmp_path)).set_index(["outcome", "term", "at"])
    own, wanted = found.loc["advocacy", "attitude"], R.loc["simple_slope", "advocacy"]
    for at in ("low", "mean", "high"):
        row = wanted.loc[f"attitude.{at}"]
        assert own.loc[at, "estimate"] == pytest.approx(row["value"], rel=1e-9)
        # HC3 takes the centre and the SD as given.
        assert own.loc[at, "std_error"] == pytest.approx(row["error"], rel=0.05)


def test_the_surface_by_a_plain_second_computation(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path)
    fit = smf.ols("advocacy ~ attitude * patronage + age", survey.frame).fit()
    table = surface(survey).query("outcome == 'advocacy'")
    assert survey.frame is not None
    wanted = fit.get_prediction(table.assign(age=survey.frame["age"].mean())).summary_frame()
    np.testing.assert_allclose(table["fitted"], wanted["mean"], rtol=1e-9)
    # Its classical errors know neither the means nor unequal variances.
    half = (table["conf_high"] - table["conf_low"]).to_numpy() / 2
    plain = ((wanted["mean_ci_upper"] - wanted["mean_ci_lower"]) / 2).to_numpy()
    np.testing.assert_allclose(half, plain, rtol=0.35)
    at_mean = table.query("attitude_sds == 0 and patronage_sds == 0")
    np.testing.assert_allclose(at_mean["attitude"], survey.frame["attitude"].mean())
    reach = survey.frame["attitude"]
    assert table["attitude"].between(reach.min(), reach.max()).all()


def test_the_primary_model_is_the_existing_interaction(tmp_path: Path) -> None:
    survey = typed_survey(tmp_path)
    view = survey.model("types")
    found = interaction(view, "advocacy", "attitude:patronage")
    assert found is not None and survey.frame is not None
    slopes = type_slopes(survey).query("outcome == 'advocacy' and term == 'attitude'")
    low, _, high, change = slopes["estimate"]
    assert change == pytest.approx((high - low) / 2)
    sds = survey.frame[["attitude", "advocacy"]].std()
    product = (high - low) / 2 * sds["attitude"] / sds["advocacy"]
    assert found["estimate"].iloc[0] == pytest.approx(product)


def test_nothing_without_types_or_respondents() -> None:
    assert type_frames(read_survey("bank_customers")) == {}


# ---- mixtures --------------------------------------------------------------------------------


def test_mixtures_agree_with_mclust() -> None:
    pytest.importorskip("sklearn")
    rows = answered()[["mix1", "mix2"]].to_numpy()
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
    for classes in range(1, 5):
        model = fit_mixture(rows, classes)
        wanted = R["value"].loc["mixture", "bic", str(classes)]
        # Of four classes (one too many) there are many maxima, and either finds another.
        slack = 1e-3 if classes < 4 else 7.0
        assert abs(model.bic(rows) + wanted) < slack
        logged = R["value"].loc["mixture", "log_likelihood", str(classes)]
        assert model.score(rows) * len(rows) == pytest.approx(logged, abs=slack / 2)


def test_three_planted_classes_are_found(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    mixed = answered()
    scores = {"att1": "mix1", "att2": "mix1", "pat1": "mix2", "pat2": "mix2"}
    frame = mixed.assign(**{item: mixed[name] + 5 for item, name in scores.items()})
    frame["att3"] = 10 - frame["att1"]
    survey = typed_survey(tmp_path, {"scale": {"min": -5, "max": 15}, "design.weight": "w"}, frame)
    fits, classes = mixture(survey)
    best = fits[fits["best"]].iloc[0]
    assert best["classes"] == 3 and best["entropy"] > 0.8 and best["parameters"] == 17
    np.testing.assert_allclose(classes["share"], [0.5, 0.3, 0.2], atol=0.06)
    np.testing.assert_allclose(classes["attitude"], [5, 8, 4], atol=0.4)
    assert classes["n"].sum() == 420
    assert fits["agreement"].between(-0.2, 1).all() and fits["agreement"].iloc[0] == 0
    assert (fits["note"] == "mixtures cannot honour weights (w)").all()
    again, _ = mixture(survey)
    pd.testing.assert_frame_equal(fits, again, check_exact=True)


def test_agreement_is_the_adjusted_rand_index(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rows = answered()[["mix1", "mix2"]].to_numpy()
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
    found = fit_mixture(rows, 3).predict(rows)
    table = pd.crosstab(found, types_of(typed_survey(tmp_path))).to_numpy()
    pairs = [np.sum(x * (x - 1)) / 2 for x in (table, table.sum(axis=0), table.sum(axis=1))]
    chance = pairs[1] * pairs[2] / (420 * 419 / 2)
    index = (pairs[0] - chance) / ((pairs[1] + pairs[2]) / 2 - chance)
    assert index == pytest.approx(R["value"].loc["mixture", "rand", "3"], abs=0.005)


def test_entropy_lies_between_certain_and_not_at_all() -> None:
    assert relative_entropy(np.array([[0.9, 0.1]])) == pytest.approx(0.531, abs=1e-3)
    assert np.isnan(relative_entropy(np.ones((3, 1))))


def test_without_scikit_learn_the_page_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    fits, classes = mixture(typed_survey(tmp_path))
    assert fits["note"].tolist() == [mixtures.ABSENT] and classes.empty
    assert fits.drop(columns="note").isna().all().all()
