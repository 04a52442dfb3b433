"""Sentences say what the numbers say, at their edges too, and never more."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from factory import CLAIM, REMOVE, answers, survey_of

from loyalty_analysis import sentences
from loyalty_analysis.analysis import analyse
from loyalty_analysis.cases import Case
from loyalty_analysis.claims import Claim
from loyalty_analysis.rules import Evidence, Ruling
from loyalty_analysis.sentences import REASONS, answer, direction, explain, range_of, untold
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdicts import judge

CAUSAL = r"\b(drives?|driven|effects?|impacts?|causes?|caused|leads? to|influences?|proves?)\b"
MINUS = "−"


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> Survey:
    labels = {
        "constructs.satisfaction.label": "Satisfaction",
        "constructs.forced.label": "Forced commitment",
    }
    return survey_of(tmp_path_factory.mktemp("study"), labels)


def evidence(estimate: float, low: float, high: float, label: str = "") -> Evidence:
    return Evidence(estimate, 0.1, 100, low, high, 120, label=label)


def sentence(
    survey: Survey, ruling: Ruling, shown: Evidence | None = None, guide: str = "", **changes: Any
) -> str:
    asked = Claim(**{**CLAIM, **changes})
    outcome = asked.outcome if isinstance(asked.outcome, str) else asked.outcome[0]
    case = Case(asked, outcome, () if shown is None else (shown,))
    return sentences.verdict_sentence(case, ruling, shown, survey, guide)


def sound(text: str) -> str:
    """Check what holds for every sentence in our own voice."""
    assert not re.search(CAUSAL, text, re.IGNORECASE), text
    assert not re.search(r"\b(nan|inf)\b|<NA>|None$", text, re.IGNORECASE), text
    assert not re.search(r"-\d", text), f"typewriter minus: {text}"
    assert f"{MINUS}0.00" not in text
    assert text.endswith((".", ")."))
    return text


def test_a_slope_is_read_in_standard_deviations(survey):
    said = sentence(survey, Ruling("supported", "clear"), evidence(0.423, 0.3, 0.55))
    assert sound(said) == (
        "One SD more affective commitment goes with 0.42 SD more satisfaction "
        "(95% interval 0.30 to 0.55); supported."
    )


def test_a_negative_slope_is_read_as_less(survey):
    said = sentence(survey, Ruling("contradicted"), evidence(-0.423, -0.55, -0.3))
    assert sound(said) == (
        "One SD more affective commitment goes with 0.42 SD less satisfaction "
        f"(95% interval {MINUS}0.55 to {MINUS}0.30); contradicted."
    )


def test_a_slope_of_nothing_has_no_minus(survey):
    said = sound(sentence(survey, Ruling("negligible"), evidence(-0.001, -0.004, 0.002)))
    assert "0.00 SD" in said and "0.00 to 0.00" in said


def test_what_cannot_be_told_says_why_and_what_would_help(survey):
    found = Ruling("inconclusive", reason="includes_zero")
    said = sound(sentence(survey, found, evidence(0.05, -0.2, 0.3), "1,234 respondents"))
    assert said.endswith(
        "inconclusive (the interval includes zero and is too wide to call it negligible): "
        "1,234 respondents would about settle it."
    )
    assert "would about settle" not in sentence(survey, found, evidence(0.05, -0.2, 0.3))


@pytest.mark.parametrize(("value", "way"), [(0.1, "above"), (-0.1, "below")])
def test_largest_names_the_rival_it_hangs_on(survey, value, way):
    shown = evidence(value, value - 0.05, value + 0.05, label="forced")
    asked: dict[str, Any] = {"estimand": "largest", "versus": ["forced", "normative"]}
    said = sound(sentence(survey, Ruling("supported"), shown, **asked))
    assert f"lies 0.10 {way} that of forced commitment" in said


def test_largest_hanging_on_the_slope_itself_reads_as_a_slope(survey):
    asked: dict[str, Any] = {"estimand": "largest", "versus": ["forced"]}
    said = sound(sentence(survey, Ruling("contradicted"), evidence(-0.2, -0.3, -0.1), **asked))
    assert said.startswith("One SD more affective commitment goes with 0.20 SD less satisfaction")


@pytest.mark.parametrize(("value", "way"), [(0.2, "larger"), (-0.2, "smaller")])
def test_a_group_difference_names_both_groups(survey, value, way):
    shown = evidence(value, value - 0.1, value + 0.1)
    asked: dict[str, Any] = {"estimand": "slope_difference", "versus": ["goods", "services"]}
    said = sound(sentence(survey, Ruling("supported"), shown, **asked))
    assert f"0.20 {way} for goods than for services" in said


@pytest.mark.parametrize(("value", "way"), [(0.2, "higher"), (-0.2, "lower")])
def test_a_product_names_both_of_its_sides(survey, value, way):
    shown = evidence(value, value - 0.1, value + 0.1)
    asked = {"estimand": "interaction", "term": "forced:shown"}
    said = sound(sentence(survey, Ruling("supported"), shown, **asked))
    assert f"0.20 {way}" in said and "forced commitment x shown" in said


def test_a_claim_in_parts_says_what_its_parts_decide(survey):
    parts = tuple(Case(Claim(**CLAIM), "satisfaction", part=name) for name in "abc")
    case = Case(Claim(**CLAIM), "satisfaction", parts=parts)
    for verdict, words in {
        "supported": "All 3 parts are supported.",
        "contradicted": "At least one of 3 parts is contradicted.",
        "negligible": "None of 3 parts is contradicted, at least one is negligible.",
        "inconclusive": "At least one of 3 parts cannot be told: not significant after Holm",
    }.items():
        found = Ruling(verdict, reason="multiplicity" if verdict == "inconclusive" else "")
        said = sound(sentences.verdict_sentence(case, found, None, survey, ""))
        assert said.startswith(words)


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_put_into_words(survey, code):
    assert sound(sentence(survey, Ruling("not testable", reason=code)))
    assert explain(f"{code}: x, y") == f"{REASONS[code]}: x, y"


def test_reasons_are_joined_and_said_once():
    assert explain("no_mediator; few_clusters") == (
        "the study has no mediator; too few clusters, under four degrees of freedom"
    )
    assert explain("no_mediator; no_mediator") == "the study has no mediator"
    assert explain("something_new") == "something new"


def test_intervals_use_a_typographic_minus():
    assert range_of(-0.304, 0.1) == f"95% interval {MINUS}0.30 to 0.10"
    assert range_of(-0.001, 0.001) == "95% interval 0.00 to 0.00"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sign": "+"}, "raises"),
        ({"sign": "-"}, "lowers"),
        ({"sign": "none"}, "adds nothing"),
        ({"sign": "any"}, "associated"),
        ({"sign": "not_negative"}, "does not lower"),
        ({"estimand": "largest", "versus": ["x"]}, "largest"),
        ({"estimand": "largest", "versus": ["x"], "sign": "-"}, "most negative"),
        ({"estimand": "slope_difference", "versus": ["a", "b"]}, "larger for a"),
        ({"estimand": "slope_difference", "versus": ["a", "b"], "sign": "-"}, "smaller for a"),
        ({"parts": [{"id": "a", "sign": "-"}, {"id": "b"}, {"id": "c"}]}, "lowers / raises"),
        ({"estimand": "rival_models"}, "fits best"),
    ],
)
def test_the_published_direction_in_plain_words(changes, words):
    assert direction(Claim(**{**CLAIM, **changes})) == words


# The answer of a study


def slopes(rows: list[tuple[str, str, str, float, float, float]]) -> dict[str, pd.DataFrame]:
    """Results with the standardized slopes given: model, outcome, term, beta, low, high."""
    names = ["model", "outcome", "term", "beta", "beta_low", "beta_high"]
    return {"regression": pd.DataFrame(rows, columns=names)}


def three(model: str, outcome: str, forced: float, other: float = 0.4) -> list:
    """Rows of one model: affective, normative (cannot be told) and forced."""
    return [
        (model, outcome, "affective", other, other - 0.1, other + 0.1),
        (model, outcome, "normative", 0.02, -0.1, 0.14),
        (model, outcome, "forced", forced, forced - 0.1, forced + 0.1),
    ]


SETTLED = pd.DataFrame({"part": [""], "verdict": ["supported"], "reason": [""]})


def rows_of(forced: list[float]) -> list:
    models = ["satisfaction", "repurchase.total", "advocacy.total", "search.total"]
    return [
        row
        for model, value in zip(models, forced, strict=True)
        for row in three(model, model.removesuffix(".total"), value)
    ]


def test_the_answer_is_three_sentences(survey):
    said = answer(survey, slopes(rows_of([-0.3, -0.2, 0.2, 0.0])), SETTLED)
    assert [sound(one) for one in said] == [
        "Satisfaction goes with affective commitment (standardized slope 0.40, 0.30 to 0.50) and "
        f"forced commitment (standardized slope {MINUS}0.30, {MINUS}0.40 to {MINUS}0.20), and "
        "which of the two is stronger cannot be told.",
        f"Forced commitment goes with lower satisfaction ({MINUS}0.30) and repurchase "
        f"({MINUS}0.20) and with higher advocacy (0.20); no direction can be told for search "
        "(0.00).",
        "The one claim is supported.",
    ]


def test_a_negligible_slope_has_no_direction_in_the_answer(survey):
    """Its interval may leave out zero: the verdict is negligible all the same."""
    found = slopes(rows_of([-0.3, -0.2, -0.02, 0.2]))
    table = found["regression"]
    small = (table["model"] == "advocacy.total") & (table["term"] == "forced")
    table.loc[small, ["beta_low", "beta_high"]] = [-0.03, -0.01]
    assert sound(answer(survey, found, SETTLED)[1]) == (
        f"Forced commitment goes with lower satisfaction ({MINUS}0.30) and repurchase "
        f"({MINUS}0.20) and with higher search (0.20); its slope is negligible for advocacy "
        f"({MINUS}0.02)."
    )


def test_few_degrees_of_freedom_tell_nothing(survey):
    found = slopes(rows_of([-0.3, -0.2, -0.2, 0.2]))
    found["regression"] = found["regression"].assign(df=2.1, beta_df=7.0)
    said = answer(survey, found, SETTLED)
    assert sound(said[0]) == "No driver can be told to go with higher or lower satisfaction."
    assert sound(said[1]).startswith("Forced commitment: no direction can be told for satisfaction")


def test_a_sign_flip_is_said(survey):
    said = answer(survey, slopes(rows_of([0.3, 0.2, 0.2, 0.2])), SETTLED)[1]
    assert sound(said).startswith("Forced commitment goes with higher satisfaction (0.30)")
    assert "lower" not in said and "no direction" not in said


def test_nothing_told_about_forced_commitment(survey):
    said = answer(survey, slopes(rows_of([0.0, 0.05, -0.05, 0.1])), SETTLED)[1]
    assert sound(said).startswith("Forced commitment: no direction can be told for satisfaction")


def test_no_driver_told(survey):
    rows = [(*row[:3], 0.0, -0.2, 0.2) for row in rows_of([0.0] * 4)]
    said = answer(survey, slopes(rows), SETTLED)[0]
    assert sound(said) == "No driver can be told to go with higher or lower satisfaction."


def test_only_one_driver_told(survey):
    said = answer(survey, slopes(rows_of([0.0] * 4)), SETTLED)[0]
    assert "then" not in sound(said)


def test_a_tie_names_both_with_the_same_number(survey):
    said = answer(survey, slopes(rows_of([0.4, 0.4, 0.4, 0.4])), SETTLED)[0]
    assert sound(said).count("(standardized slope 0.40, 0.30 to 0.50)") == 2
    assert "affective commitment" in said and "forced commitment" in said


def study_without(folder: Path, changes: dict) -> tuple[Survey, dict[str, pd.DataFrame]]:
    found = survey_of(folder, changes, frame=answers(31))
    return found, analyse(found, everything=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"model.mediator": REMOVE},
        {"model.mediator": REMOVE, "model.outcomes": {"search": "leaving"}},
        {"model.outcomes": {"repurchase": "intention"}},
        {"model.drivers": ["affective", "normative"]},
        {"model.drivers": ["normative"], "model.mediator": REMOVE},
    ],
)
def test_every_shape_of_study_has_an_answer_at_n_31(tmp_path, changes):
    found, results = study_without(tmp_path, changes)
    said = answer(found, results, judge(found, results))
    assert 2 <= len(said) <= 3
    assert all(sound(one) for one in said)
    without_mediator = changes.get("model.mediator") is REMOVE
    if without_mediator:
        assert "satisfaction" not in said[0].lower()


@pytest.mark.parametrize("name", ["bank_customers", "mobile_customers"])
def test_every_sentence_of_a_real_study_is_sound(name):
    found = read_survey(name)
    results = analyse(found)
    table = judge(found, results)
    assert all(sound(one) for one in [*table["sentence"], *answer(found, results, table)])


# What cannot be told


def verdicts(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame([("", *row) for row in rows], columns=["part", "verdict", "reason"])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("supported", "")], "The one claim is supported."),
        (
            [("negligible", ""), ("supported", ""), ("contradicted", ""), ("supported", "")],
            "Of 4 verdicts, 2 are supported, 1 contradicted and 1 negligible.",
        ),
        (
            [("inconclusive", "includes_zero")],
            "Of 1 verdict, 1 is inconclusive: the interval includes zero and is too wide to "
            "call it negligible (1).",
        ),
        (
            [("not testable", "missing_construct: a"), ("not testable", "missing_construct: b")],
            "Of 2 verdicts, 2 are not testable: not measured here (2).",
        ),
        (
            [("inconclusive", "few_clusters"), ("negligible", ""), ("not testable", "no_mediator")],
            "Of 3 verdicts, 1 is negligible; 1 is inconclusive: too few clusters, under four "
            "degrees of freedom (1); 1 is not testable: the study has no mediator (1).",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_counted_by_reason(rows, words):
    assert sound(untold(verdicts(*rows))) == words


def test_parts_are_not_counted_as_claims():
    table = verdicts(("supported", ""), ("inconclusive", "includes_zero"))
    table.loc[1, "part"] = "a"
    assert untold(table) == "The one claim is supported."
