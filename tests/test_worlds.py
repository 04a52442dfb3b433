"""Worlds of the full study: what they declare, what is drawn, and what every claim deserves."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from loyalty_analysis.claims import load_claims
from loyalty_analysis.equations import every_equation
from loyalty_analysis.full_respondents import full_blocks
from loyalty_analysis.full_worlds import FULL_WORLDS, LEVEL_SHARES, LEVELS, RECORDED
from loyalty_analysis.moments import Array
from loyalty_analysis.resources import shipped
from loyalty_analysis.respondents import TRUTH
from loyalty_analysis.simulate import draw, questionnaire, simulate, study_text
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.truth import CORRECTED, SEED, Values, planted_verdicts, population

COMMITTED = shipped("data") / "full_simulated"
CAMPAIGN = Path(__file__).parents[1] / "benchmarks" / "calibration" / "worlds.py"
DRAW = 25_000  # three blocks, the last one short
# What each world is about: claims on some outcome, and the verdict they deserve.
INTENDED = {
    "retelling": {
        "supported": "R1 R2 R3 R4a R4b R5 R6 R8 R9 R10 T1 T2 T3 T4 B1 B2 B3 B4 B5 B6 B7 B8 L1 L2 "
        "L3 L4 L5",
        "contradicted": "R7 V1 V2 V3 V4 V5 V6",
    },
    "paper": {
        "supported": "P1 P2 P3 P4 P5 P6",
        "not supported": "R1 R2 R3 R6 R8 R9 R10 T1 T2 T3 T4 B1 B3 B5 B6 B7 B8 L1 L2 L3 L5",
    },
    "lock_in": {
        "supported": "V1 V2 V3 V4 V5 V6",
        "not supported": "P3 R1 R4a R4b R6 R8 R10 T2 B2 L2 L3",
    },
    "null": {
        "supported": "P1 R7 V3 V4 V6",
        "negligible": "P3 P4 P5 P6 R1 R2 R3 R4a R4b R5 R6 R8 R9 R10 V2 V5 T1 T2 T3 T4 B1 B2 B3 B4 "
        "B5 B6 B7 B8 L1 L2 L3 L4 L5",
        "contradicted": "P2",
        "not supported": "V1",
    },
    "method_bias": {"negligible": "P3 R4a R4b", "supported": "B1 B8", "not supported": "P5 R8 T2"},
    "three_factor": {
        "inconclusive": "P1",
        "not testable": "P2 P3 P4 P5 P6 R1 R2 R3 R4a R5 R6 R7 R8 V1",
    },
    "not_invariant": {"not testable": "P5 P6", "supported": "P1 P2 P3 P4"},
    "concave": {"supported": "L1 L5 V5", "contradicted": "L2"},
    "convex": {"supported": "L1", "contradicted": "V5"},
}
# Outcomes on which claims of a world hold, where they do not hold on all.
ONLY = {
    "paper": ("", "repurchase"),
    "method_bias": ("repurchase",),
    "not_invariant": ("", "repurchase"),
}


@pytest.fixture(scope="module")
def campaign() -> ModuleType:
    spec = importlib.util.spec_from_file_location("worlds_campaign", CAMPAIGN)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", FULL_WORLDS)
def test_worlds_can_be_drawn(name: str) -> None:
    world = FULL_WORLDS[name]
    assert np.linalg.eigvalsh(world.correlation)[0] > 0.1
    assert set(world.slopes) | set(world.steps) <= set(world.order)
    assert all(0 <= size <= 1 + 1e-9 or name == "three_factor" for size in world.noise.values())
    study = questionnaire()
    drawn, _ = next(full_blocks(world, study, 10_000, 3, TRUTH))
    spread = {k: v.var() for k, v in drawn.true.items() if len(study.items_of(k)) > 1}
    # Products of correlated constructs have a little more variance than is reckoned with.
    assert max(spread.values()) < 1.12 and min(spread.values()) > 0.88, spread
    assert max(abs(v.mean()) for k, v in drawn.true.items() if k in spread) < 0.12
    levels = [(drawn.true["level"] == at + 1).mean() for at in range(len(LEVELS))]
    np.testing.assert_allclose(levels, LEVEL_SHARES, atol=0.015)
    for fact, share in RECORDED.items():
        assert drawn.true[fact].mean() == pytest.approx(share, abs=0.06)


def test_the_survey_file_has_what_the_questionnaire_asks() -> None:
    frame, study = draw("lock_in", 600, 7), questionnaire()
    items = [item for name in study.constructs for item in study.items_of(name)]
    design = ["id", "age", "gender", "sector", "duration", "attention_1", "attention_2"]
    assert sorted(frame.columns) == sorted([*items, *design])
    assert not frame.isna().any().any() and frame["id"].is_unique
    scales = [name for name in study.constructs if len(study.items_of(name)) > 1]
    answers = frame[[item for name in scales for item in study.items_of(name)]]
    assert answers.isin(range(1, 8)).all().all()
    for name in scales:
        turned = frame[list(study.items_of(name))].copy()
        for item in study.constructs[name].reversed:
            turned[item] = 8 - turned[item]
        assert turned.corr().to_numpy().min() > 0.4
    assert frame["tenure"].between(0, 40).all() and frame["level"].isin(range(1, 6)).all()
    assert (frame["attention_1"] == 2).mean() > 0.98


def test_a_study_is_that_of_the_questionnaire(tmp_path: Path) -> None:
    folder = simulate("null", 300, 7, tmp_path / "drawn", truth_draw=2_000)
    own, asked = load_study(folder), questionnaire()
    changed = ("title", "origin")
    assert own.is_simulated
    assert own.model_dump(exclude=set(changed)) == asked.model_dump(exclude=set(changed))


def test_a_drawn_survey_is_the_one_that_is_read(campaign: ModuleType) -> None:
    drawn: Survey = campaign.surveyed("retelling", 3000, 2026)
    read = read_survey(COMMITTED)
    assert drawn.moments.columns == read.moments.columns
    np.testing.assert_allclose(drawn.moments.cross, read.moments.cross, rtol=1e-9, atol=1e-6)
    assert drawn.frame is not None and read.frame is not None
    numbers = read.frame.select_dtypes("number").columns
    pd.testing.assert_frame_equal(drawn.frame[numbers], read.frame[numbers], check_dtype=False)


def test_the_committed_survey_is_what_its_first_line_makes() -> None:
    study = (COMMITTED / "study.toml").read_text(encoding="utf-8")
    command = "--world retelling -n 3000 --seed 2026 --out full_simulated"
    assert study == study_text(FULL_WORLDS["retelling"], command)
    survey = draw("retelling", 3000, 2026).to_csv(index=False, lineterminator="\n")
    assert (COMMITTED / "survey.csv").read_bytes() == survey.encode()
    assert len(survey) < 1_200_000


def test_the_committed_truth_agrees_with_a_smaller_draw() -> None:
    truth = tomllib.loads((COMMITTED / "truth.toml").read_text(encoding="utf-8"))
    values, error = population(FULL_WORLDS["retelling"], questionnaire(), 200_000)
    gaps = [value - truth[kind][model][term] for (kind, model, term), value in values.items()]
    assert np.abs(gaps).max() < 4 * error
    planted = planted_verdicts(questionnaire(), values)
    written = {(c, on): one for c, rows in truth["planted"].items() for on, one in rows.items()}
    assert {key: one.verdict for key, one in planted.items()} == written


@pytest.fixture(scope="module")
def planted() -> dict[str, dict[tuple[str, str], str]]:
    study = questionnaire()
    found = {}
    for name, world in FULL_WORLDS.items():
        verdicts = planted_verdicts(study, population(world, study, 200_000)[0])
        found[name] = {key: one.verdict for key, one in verdicts.items()}
    return found


def test_every_claim_has_a_planted_verdict_in_every_world(
    planted: Mapping[str, Mapping[tuple[str, str], str]],
) -> None:
    study = questionnaire()
    claims = {
        (claim.id, outcome)
        for one in load_claims(study) for claim in one.claims for outcome in claim.outcomes(study)
    }  # fmt: skip
    for name, verdicts in planted.items():
        assert claims <= set(verdicts), name
        words = {"supported", "contradicted", "negligible", "inconclusive", "not testable"}
        assert set(verdicts.values()) <= words


@pytest.mark.parametrize("name", FULL_WORLDS)
def test_worlds_decide_claims_as_intended(
    name: str, planted: Mapping[str, Mapping[tuple[str, str], str]]
) -> None:
    for verdict, claims in INTENDED[name].items():
        for claim in claims.split():
            rows = {on: one for (own, on), one in planted[name].items() if own == claim}
            if verdict == "supported":
                rows = {on: one for on, one in rows.items() if on in ONLY.get(name, rows)} or rows
            if name == "lock_in" and claim == "R4b":  # said of every outcome, true of none
                assert "supported" not in rows.values()
            elif verdict == "not supported":
                assert "supported" not in rows.values(), (claim, rows)
            elif name in ("concave", "convex") and claim == "L2":
                assert rows["repurchase"] == verdict
            else:
                assert set(rows.values()) == {verdict}, (claim, rows)


def test_intention_and_behaviour_bend_apart(
    planted: Mapping[str, Mapping[tuple[str, str], str]],
) -> None:
    assert planted["convex"]["L2", "repurchase"] == "supported"
    assert planted["convex"]["L2", "staying"] == "contradicted"


# The truth a second time, respondent by respondent, with plain least squares.
Columns = dict[str, Array]


@pytest.fixture(scope="module")
def respondents() -> tuple[Columns, Columns]:
    """Scores and constructs free of error of every respondent of the draw of the truth."""
    study, scores, exact = questionnaire(), {}, {}
    parts = [part for part, _ in full_blocks(FULL_WORLDS["retelling"], study, DRAW, SEED, TRUTH)]
    joined = {k: np.concatenate([p.answers[k] for p in parts]) for k in parts[0].answers}
    for name, construct in study.constructs.items():
        items = [
            8 - joined[i] if i in construct.reversed else joined[i] for i in study.items_of(name)
        ]
        scores[name] = np.mean(items, axis=0)
        exact[name] = np.concatenate([p.true[name] for p in parts])
    for columns in (scores, exact):
        columns["age"] = np.concatenate([p.age for p in parts])
        columns["gender[male]"] = 1 - np.concatenate([p.female for p in parts])
        columns["goods"] = np.concatenate([p.sector == "goods" for p in parts])
    return scores, exact


@pytest.fixture(scope="module")
def values() -> Values:
    return population(FULL_WORLDS["retelling"], questionnaire(), DRAW)[0]


def z(column: Array) -> Array:
    return (column - column.mean()) / column.std()


def fitted(columns: Columns, outcome: str, terms: list[str], **extra: Array) -> dict[str, float]:
    """Standardized slopes by statsmodels; indicators are not scaled, nor is what comes extra."""
    left = {t: columns[t] if "[" in t else z(columns[t]) for t in terms} | extra
    result = sm.OLS(
        z(columns[outcome]), sm.add_constant(np.column_stack(list(left.values())))
    ).fit()
    return dict(zip(left, result.params[1:], strict=True))


def columns_of(terms: tuple[str, ...]) -> list[str]:
    return ["gender[male]" if term == "gender" else term for term in terms]


@pytest.mark.parametrize("which", [0, 1], ids=["scores", "free of error"])
def test_slopes_agree_with_least_squares(
    which: int, values: Values, respondents: tuple[Columns, Columns]
) -> None:
    kind = ("population", CORRECTED + "population")[which]
    equations = every_equation(questionnaire())
    assert len(equations) == 15 + 4 + 10 + 3 + 4 + 3 + 7
    for equation in equations:
        found = fitted(respondents[which], equation.outcome, columns_of(equation.terms))
        for term, slope in found.items():
            assert values[kind, equation.model, term] == pytest.approx(slope, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("which", [0, 1], ids=["scores", "free of error"])
def test_products_agree_with_least_squares(
    which: int, values: Values, respondents: tuple[Columns, Columns]
) -> None:
    columns, kind = respondents[which], ("", CORRECTED)[which] + "interactions"
    product = z(columns["attitude"]) * z(columns["patronage"])
    terms = ["attitude", "patronage", "age", "gender[male]"]
    slope = fitted(columns, "advocacy", terms, product=product)["product"]
    found = values[kind, "types/advocacy.total", "attitude:patronage"]
    assert found == pytest.approx(slope, rel=1e-3)
    if not which:
        product = z(columns["forced"]) * z(columns["alternatives_shown"])
        five = [*questionnaire().model.drivers, "age", "gender[male]", "alternatives_shown"]
        slope = fitted(columns, "staying", five, product=product)["product"]
        found = values[kind, "staying.total", "forced:alternatives_shown"]
        assert found == pytest.approx(slope, rel=1e-3)


def test_levels_and_types_agree_with_least_squares(
    values: Values, respondents: tuple[Columns, Columns]
) -> None:
    columns = respondents[0]
    on = {f"[{name}]": (columns["level"] == at).astype(float) for at, name in enumerate(LEVELS, 1)}
    upper = {name: held for name, held in on.items() if name != "[below]"}
    for outcome in ("repurchase", "staying"):
        mean = fitted(columns, outcome, ["age", "gender[male]"], **upper) | {"[below]": 0.0}
        below, meets, exceeds, delights, _ = (mean[f"[{name}]"] for name in LEVELS)
        own = {term: v for (kind, model, term), v in values.items()
               if kind == "contrasts" and model == f"{outcome}.levels"}  # fmt: skip
        assert own["steps: delights | exceeds"] == pytest.approx(delights - exceeds, abs=1e-3)
        penalty = (meets - below) - (exceeds - meets)
        name = "penalty_reward: below - meets | exceeds - meets"
        assert own[name] == pytest.approx(penalty, abs=1e-3)
    mean = fitted(columns, "price_tolerance", ["age", "gender[male]"], **upper)
    share = {name: held.mean() for name, held in upper.items() if name != "[meets]"}
    pooled = sum(mean[k] * v for k, v in share.items()) / sum(share.values()) - mean["[meets]"]
    name = "mean_difference: exceeds + delights + amazes | meets"
    assert values["contrasts", "price_tolerance.levels", name] == pytest.approx(pooled, abs=1e-3)
    high = [columns[name] > 4.4 for name in ("attitude", "patronage")]
    types = {
        "[inertia]": ~high[0] & high[1],
        "[latent]": high[0] & ~high[1],
        "[premium]": high[0] & high[1],
    }
    mean = fitted(
        columns, "advocacy", ["age", "gender[male]"], **{k: v * 1.0 for k, v in types.items()}
    )
    name = "ordered_means: latent | inertia"
    expected = mean["[latent]"] - mean["[inertia]"]
    assert values["contrasts", "advocacy.types", name] == pytest.approx(expected, abs=1e-3)


def test_what_claims_compare_agrees_with_least_squares(
    values: Values, respondents: tuple[Columns, Columns]
) -> None:
    columns, controls = respondents[0], ["age", "gender[male]"]
    study = questionnaire()
    # A path of three links.
    first = fitted(columns, "gratitude", ["brand_investment", *controls])["brand_investment"]
    second = fitted(columns, "affective", ["usability", "gratitude", "brand_investment", *controls])
    third = ["affective", "gratitude", "brand_investment", *controls]
    last = fitted(columns, "reciprocation", third)["affective"]
    found = values[
        "indirect", "reciprocity/reciprocation", "brand_investment -> gratitude -> affective"
    ]
    assert found == pytest.approx(first * second["gratitude"] * last, rel=2e-3)
    # A sum of three slopes.
    pillars = study.view("pillars").model.drivers
    slopes = fitted(columns, "advocacy", [*pillars, *controls])
    three = [name for name in pillars if name.startswith("switching")]
    found = values["sums", "pillars/advocacy.total", " + ".join(three)]
    assert found == pytest.approx(sum(slopes[name] for name in three), rel=1e-3)
    # Shares of explained variance, averaged over every order.
    players = [*study.model.drivers, "satisfaction"]
    gains = dict.fromkeys(players, 0.0)
    known: dict[frozenset[str], float] = {}

    def explained(names: frozenset[str]) -> float:
        if names not in known:
            left = np.column_stack([z(columns[name]) for name in [*sorted(names), *controls]])
            known[names] = sm.OLS(z(columns["staying"]), sm.add_constant(left)).fit().rsquared
        return known[names]

    orders = list(permutations(players))
    for order in orders:
        for at, name in enumerate(order):
            before = frozenset(order[:at])
            gains[name] += (explained(before | {name}) - explained(before)) / len(orders)
    for rival in study.model.drivers:
        found = values["share_differences", "staying.direct", f"satisfaction - {rival}"]
        assert found == pytest.approx(gains["satisfaction"] - gains[rival], abs=1e-4)


def test_a_method_lies_in_answers_and_not_in_facts() -> None:
    study = questionnaire()
    drawn, _ = next(full_blocks(FULL_WORLDS["method_bias"], study, 10_000, 5, TRUTH))
    told = np.corrcoef(drawn.true["programme"], drawn.true["emotional_connection"])[0, 1]
    fact = np.corrcoef(drawn.true["programme"], drawn.true["staying"])[0, 1]
    assert told == pytest.approx(0.25, abs=0.03) and abs(fact) < 0.03


def test_quick_verdicts(
    campaign: ModuleType, planted: Mapping[str, Mapping[tuple[str, str], str]]
) -> None:
    """A few surveys: nothing is the opposite of what is planted; the sign of forced is right."""
    for world in ("retelling", "null"):
        wanted = {f"{claim} {on}".strip(): one for (claim, on), one in planted[world].items()}
        letters = "".join(campaign.run(world, 3000, seed)[4] for seed in range(2))
        found = zip(campaign.names() * 2, map(campaign.WORDS.__getitem__, letters), strict=True)
        pairs = [(wanted[name], one) for name, one in found]
        opposite = {("supported", "contradicted"), ("contradicted", "supported")}
        assert not opposite & set(pairs)
        same = np.mean([a == b for a, b in pairs])
        false = np.mean([b == "supported" for a, b in pairs if a != "supported"])
        assert same > (0.9 if world == "retelling" else 0.65) and false < 0.08


def test_power_of_the_rules(campaign: ModuleType) -> None:
    claim = load_claims(questionnaire())[0].claims[2]  # P3, which says of forced that it is below 0
    chance: Any = campaign._chance
    assert claim.id == "P3"
    assert chance(-0.1, 0.02, claim, "supported") == pytest.approx(0.9988, abs=1e-3)
    assert chance(0.0, 0.02, claim, "negligible") == pytest.approx(0.9976, abs=1e-3)
    assert chance(0.0, 0.05, claim, "negligible") == pytest.approx(0.032, abs=1e-2)
    assert chance(0.1, 0.02, claim, "contradicted") == pytest.approx(0.9988, abs=1e-3)


@pytest.fixture(scope="module")
def kept(campaign: ModuleType) -> pd.DataFrame:
    """The kept table, a row for every world."""
    table = pd.read_csv(campaign.TABLE, keep_default_na=False, na_values=[""])
    return campaign.of_worlds(table)


def test_the_kept_table_is_as_asked(campaign: ModuleType, kept: pd.DataFrame) -> None:
    assert list(kept["world"]) == list(FULL_WORLDS)
    assert (kept["falsely_supported"] <= campaign.MOST_WRONG).all()
    count = int(kept["surveys"].min())
    assert f"{count} surveys of" in campaign.PAGE.read_text(encoding="utf-8")


def test_the_kept_table_holds_what_200_surveys_have_to_show(
    campaign: ModuleType, kept: pd.DataFrame
) -> None:
    assert (kept["surveys"] >= 200).all()
    assert (kept["held"] == kept["sure"]).all()  # planted verdicts in 90%, wherever power allows it
    assert (kept["forced_sign_wrong"] <= campaign.MOST_WRONG_SIGNS).all()
