"""What pages say about the measurement follows from the tables, at their edges too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import make_study

from loyalty_analysis import readings

NAN = float("nan")
STUDY = make_study()


def scales(*rows: tuple[str, float, float, float, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["construct", "alpha", "omega", "ave", "note"])


SOUND = [("affective", 0.85, 0.86, 0.6, ""), ("forced", 0.66, 0.71, 0.55, "")]
SINGLE = ("search", NAN, NAN, NAN, "not assessable: one item; 0.8 is declared")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            SOUND,
            "Each of the 2 scales reaches 0.70 by alpha or omega; the lowest is forced commitment "
            "(alpha 0.66, omega 0.71).",
        ),
        (
            [*SOUND, ("habitual", 0.6, NAN, 0.4, ""), SINGLE],
            "1 of 3 scales stays below 0.70: habitual commitment (alpha 0.60, omega –). Less than "
            "half of the variance of the items is shared (AVE): habitual commitment. Not "
            "assessable: search for alternatives (one item; 0.8 is declared).",
        ),
        ([SOUND[0]], "The scale reaches 0.70 by alpha or omega; the lowest is affective commitment "
                     "(alpha 0.85, omega 0.86)."),
        ([SINGLE], "Not assessable: search for alternatives (one item; 0.8 is declared)."),
        ([], ""),
    ],
)  # fmt: skip
def test_reliability(rows: list[Any], said: str) -> None:
    assert str(readings.reliability_reading(scales(*rows), STUDY)) == said


FIT = {
    "model": "measurement", "cfi": 0.97, "rmsea": 0.04, "srmr": 0.05, "admissible": True,
    "problem": "",
}  # fmt: skip
LOADINGS = pd.DataFrame(
    [("affective", "aff1", 0.8), ("affective", "aff2", 0.45), ("search", "sea1", 0.3)],
    columns=["construct", "item", "standardized"],
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "fits closely (CFI 0.97, RMSEA 0.040, SRMR 0.050; asked: 0.95, 0.06, 0.08)."),
        ({"srmr": 0.09}, "does not fit closely"),
        ({"admissible": False, "problem": "negative variance of aff1"},
         "has no admissible solution: negative variance of aff1 (CFI"),
    ],
)  # fmt: skip
def test_fit_of_the_factor_model(changes: dict[str, Any], words: str) -> None:
    said = str(readings.loadings_reading(LOADINGS, pd.DataFrame([FIT | changes]), STUDY))
    assert said.startswith(f"The factor model of all constructs {words}")
    assert said.endswith("Loadings run from 0.45 (Aff2) to 0.80 (Aff1); below 0.50: 1 of 2.")


def test_no_factor_model_says_why() -> None:
    none = LOADINGS.iloc[:0]
    row = {"model": "measurement", "cfi": NAN, "problem": "no maximum was found."}
    said = readings.loadings_reading(none, pd.DataFrame([row]), STUDY)
    assert str(said) == ("No factor model of the constructs could be fitted: no maximum was found.")
    empty = readings.loadings_reading(none, pd.DataFrame(columns=list(FIT)), STUDY)
    assert str(empty).endswith("could be fitted: no items are known.")


def pairs(*rows: tuple[str, str, float, float, float, str]) -> pd.DataFrame:
    names = ["a", "b", "htmt", "htmt_low", "htmt_high", "fornell_larcker"]
    return pd.DataFrame(rows, columns=names)


APART = ("affective", "forced", 0.3, 0.2, 0.4, "holds")
CLOSE = ("affective", "normative", 0.85, 0.8, 0.9, "fails")
UNKNOWN = ("forced", "search", NAN, NAN, NAN, "")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([APART], "Every two constructs can be told apart: no 95% interval of HTMT reaches 0.90. "
                  "The criterion of Fornell and Larcker holds for 1 of 1 pair."),
        ([APART, CLOSE, UNKNOWN],
         "Whether these differ cannot be told, as the 95% interval of HTMT reaches 0.90: affective "
         "commitment with normative commitment (0.85 [0.80, 0.90]). The criterion of Fornell and "
         "Larcker holds for 1 of 2 pairs. 1 pair cannot be assessed: results/discriminant.csv says "
         "why."),
        ([UNKNOWN], "No two constructs can be compared: results/discriminant.csv says why."),
        ([], "No two constructs can be compared: results/discriminant.csv says why."),
    ],
)  # fmt: skip
def test_distinctness(rows: list[Any], said: str) -> None:
    assert str(readings.distinct_reading(pairs(*rows), STUDY)) == said


def structures(**changes: list[Any]) -> pd.DataFrame:
    table = {
        "model": ["measurement", "2 factors", "1 factor"],
        "aic": [900.0, 500.0, 600.0], "bic": [950.0, 520.0, 610.0],
        "cv_log_likelihood": [NAN, -5.0, -6.0], "cv_difference": [NAN, 0.0, 40.0],
        "cfi": [0.97, 0.97, 0.6], "rmsea": 0.04, "srmr": 0.05, "admissible": True, "problem": "",
    }  # fmt: skip
    return pd.DataFrame(table | changes)


def test_the_declared_structure_is_ahead_and_fits() -> None:
    assert str(readings.structures_reading(structures(), STUDY)) == (
        "By AIC, BIC and cross-validation the structure as declared (2 factors) is best. It is "
        "ahead of every rival that merges constructs, and fits closely (CFI 0.97, RMSEA 0.040, "
        "SRMR 0.050)."
    )


def test_criteria_that_disagree_are_told_apart() -> None:
    table = structures(bic=[950.0, 620.0, 610.0], cfi=[0.97, 0.9, 0.6])
    assert str(readings.structures_reading(table, STUDY)) == (
        "By AIC and cross-validation the structure as declared (2 factors), by BIC 1 factor is "
        "best. It is not ahead of 1 factor by all of them, and does not fit closely (CFI 0.90, "
        "RMSEA 0.040, SRMR 0.050)."
    )


def test_a_rival_that_is_ahead_by_all_is_named() -> None:
    table = structures(aic=[900.0, 700.0, 600.0], bic=[950.0, 720.0, 610.0],
                       cv_log_likelihood=[NAN, -6.0, -5.0],
                       cv_difference=[NAN, 0.0, -40.0])  # fmt: skip
    said = str(readings.structures_reading(table, STUDY))
    assert said.startswith("By AIC, BIC and cross-validation 1 factor is best. The declared ")
    assert "structure is not ahead of 1 factor by all of them, but fits closely" in said


def test_structures_without_respondents_or_rivals() -> None:
    moments = structures().drop(columns=["cv_log_likelihood", "cv_difference"])
    assert str(readings.structures_reading(moments, STUDY)).startswith("By AIC and BIC the struc")
    none = "No rival structures can be compared here."
    for table in (structures().iloc[:1], structures().iloc[:2], structures().iloc[:0],
                  structures(aic=[900.0, NAN, 600.0])):  # fmt: skip
        assert str(readings.structures_reading(table, STUDY)) == none


def steps(*holds: bool, **changes: Any) -> pd.DataFrame:
    names = ["configural", "metric", "scalar", "strict"]
    table = {
        "group": "sector", "step": names, "holds": holds, "levels": "goods, services",
        "freed": "", "enough": NAN, "note": "",
    }  # fmt: skip
    table = pd.DataFrame(table)
    table.loc[1, list(changes)] = list(changes.values())
    return table


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (steps(True, True, True, True), "slopes, means and scores can be compared."),
        (steps(True, True, True, False), "so slopes and means can be compared."),
        (steps(True, True, False, False), "so slopes can be compared, but means cannot."),
        (steps(True, False, False, False), "only the structure is shared"),
        (steps(False, False, False, False), "not even the same structure holds"),
        (steps(True, False, False, False, freed="aff3, nor1", enough=1.0),
         "loadings differ for Aff3 and Nor1; every construct keeps two others or more, so slopes "
         "can be compared with care."),
        (steps(True, False, False, False, freed="aff3", enough=0.0),
         "loadings differ for Aff3; too few others are left, so neither slopes nor means"),
    ],
)  # fmt: skip
def test_invariance(table: pd.DataFrame, words: str) -> None:
    said = str(readings.invariance_reading(table, STUDY))
    assert said.startswith("Sector (2 groups): ") and words in said


def test_invariance_not_assessed_says_why() -> None:
    row = {"group": "wave", "step": "", "holds": False, "note": "fewer than two groups"}
    both = pd.concat([steps(True, True, True, True), pd.DataFrame([row])])
    said = readings.invariance_reading(both, STUDY).sentences
    assert said[1] == "Wave: not assessed (fewer than two groups)."
    assert "declares no groups" in str(readings.invariance_reading(both.iloc[:0], STUDY))
    moments = make_study()
    moments.from_moments = True
    assert "needs respondents" in str(readings.invariance_reading(both.iloc[:0], moments))


def test_quality() -> None:
    table = pd.DataFrame(
        [
            ("straight_lining", "", 0.1, "12 of 120 respondents gave one answer."),
            ("longest_run", "", 0.2, "Not said."),
            ("too_fast", "", 0.0, "0 of 120 respondents answered in less than 54 seconds."),
            ("extreme", "", 0.104, ""),
            ("extreme", "goods", 0.9, ""),
            ("midpoint", "", 0.26, ""),
        ],
        columns=["check", "group", "value", "note"],
    )
    assert str(readings.quality_reading(table)) == (
        "12 of 120 respondents gave one answer. 0 of 120 respondents answered in less than 54 "
        "seconds. On average 10% of the answers are at an end of their scale and 26% at its "
        "midpoint."
    )
    assert len(readings.quality_reading(table.head(1)).sentences) == 1
    for nothing in (None, table.iloc[:0]):
        assert "from respondents only" in str(readings.quality_reading(nothing))


def slopes_under_method(
    falls: float, half: float = 0.05, beta: float = 0.3, **more: Any
) -> pd.DataFrame:
    """One slope that falls by ``falls`` for each 10% that a method makes up of the variance."""
    rows = [
        ("none" if share == 0 else "same", share, beta - falls * 10 * share)
        for share in (0.0, 0.1, 0.2)
    ]
    table = pd.DataFrame(rows, columns=["direction", "share", "beta"])
    table = table.assign(conf_low=table["beta"] - half, conf_high=table["beta"] + half)
    about = {"model": "repurchase.total", "outcome": "repurchase", "term": "affective"}
    return table.assign(**about, admissible=True, n=100, **more)


ALONE = make_study(["affective"], ["repurchase"], mediator=None)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (slopes_under_method(0.01),
         "Of 1 slope told from zero, 1 keeps its side at every share of a common method that these "
         "correlations allow (up to 20%, in both directions): affective commitment on repurchase "
         "intention. The share"),
        (slopes_under_method(0.15),
         "Of 1 slope told from zero, none keep their side at every share of a common method that "
         "these correlations allow (up to 20%, in both directions). Lost soonest, at 20%: "
         "affective commitment on repurchase intention. The share"),
        (slopes_under_method(0.01, half=0.5), "No slope can be told from zero, with or without"),
        (slopes_under_method(-0.01, beta=-0.5), "Of 1 slope told from zero, 1 keeps its side"),
    ],
)  # fmt: skip
def test_method(table: pd.DataFrame, words: str) -> None:
    said = str(readings.method_reading(table, ALONE))
    assert said.startswith(words)
    assert said.endswith("The share of a single factor (Harman) decides nothing and is not used.")


def test_a_marker_is_told_and_shares_that_cannot_be_are_left_out() -> None:
    table = slopes_under_method(0.15)
    table.loc[table["share"] == 0.2, "admissible"] = False
    marker = table.tail(1).assign(direction="marker", share=0.13)
    said = readings.method_reading(pd.concat([table, marker]), ALONE).sentences
    assert "1 keeps its side" in said[0]
    assert said[1] == "The study's marker suggests a share of 13%."


def both_slopes(*rows: tuple[float, ...], df: float = 100.0) -> pd.DataFrame:
    names = ["beta", "beta_low", "beta_high", "beta_latent", "beta_latent_low", "beta_latent_high"]
    table = pd.DataFrame(rows, columns=names)
    terms = ["affective", "normative", "economic", "forced"][: len(rows)]
    about = {"model": "satisfaction", "outcome": "satisfaction", "df": df, "beta_latent_df": df}
    return table.assign(term=terms, **about)


def test_twins_that_agree() -> None:
    table = both_slopes((0.4, 0.3, 0.5, 0.5, 0.4, 0.6), (0.2, 0.1, 0.3, 0.22, 0.1, 0.34))
    assert str(readings.twin_reading(table, STUDY)) == (
        "Corrected for measurement error, 2 slopes lie 0.06 (median) from those of the scores; "
        "furthest: affective commitment on satisfaction (0.50 [0.40, 0.60] against 0.40 [0.30, "
        "0.50]). The correction moves no slope to or from zero."
    )


def test_twins_that_change_the_evidence_are_named() -> None:
    table = both_slopes(
        (0.4, 0.3, 0.5, 0.1, -0.1, 0.3),
        (0.05, -0.1, 0.2, 0.2, 0.1, 0.3),
        (0.2, 0.1, 0.3, -0.2, -0.3, -0.1),
    )
    said = readings.twin_reading(table, STUDY).sentences[1:]
    assert said == (
        "Told from zero only without the correction: affective commitment on satisfaction.",
        "Told from zero only with the correction: normative commitment on satisfaction.",
        "On the other side of zero with the correction: economic commitment on satisfaction.",
    )
    few = str(readings.twin_reading(table.assign(df=2.0), STUDY))
    assert "moves no slope" in few, "too few degrees of freedom tell nothing either way"


def test_twins_that_say_nothing_or_are_not_there() -> None:
    wide = both_slopes((0.4, 0.3, 0.5, 5.0, -20.0, 30.0))
    said = str(readings.twin_reading(wide, STUDY))
    assert "the one slope lies 4.60" in said
    assert "For 1 of them the corrected interval reaches more than 1 SD to either side" in said
    none = both_slopes((0.4, 0.3, 0.5, NAN, NAN, NAN))
    for table in (none, none.assign(term="age")):
        assert str(readings.twin_reading(table, STUDY)).startswith("No slope could be corrected")


def gate_rows(*rows: tuple[str, str, bool, bool]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["gate", "about", "passes", "warns"])


def test_gates() -> None:
    passed = ("reliability", "affective", True, False)
    all_fine = "No claim is stopped by its measurement: every gate is passed."
    for table in (gate_rows(passed), gate_rows()):
        assert str(readings.gates_reading(table, STUDY)) == all_fine
    table = gate_rows(
        passed,
        ("reliability", "forced", False, False),
        ("htmt", "affective and normative", False, True),
        ("invariance", "sector", False, False),
        ("admissible", "search", False, False),
        ("admissible", "forced", False, False),
    )
    assert readings.gates_reading(table, STUDY).sentences == (
        "Measured too unreliably: forced commitment; claims that name it are not judged.",
        "Perhaps not asked the same: groups of sector; claims about differences between them are "
        "not judged.",
        "Without an admissible factor solution: search for alternatives and forced commitment; "
        "claims that name them are not judged.",
        "Not to be told apart: affective commitment with normative commitment; claims that name "
        "one of a pair beside the other are judged all the same, as the study asks.",
    )


def test_labels_stay_text() -> None:
    """Prose escapes what survey text brings along."""
    study = make_study(labels={"forced": "<b>F</b>"})
    said = readings.reliability_reading(scales(*SOUND), study)
    assert "<b>" in str(said) and "<b>" not in said._repr_html_()


def test_slopes_told_from_zero_are_named_and_no_others() -> None:
    from loyalty_analysis.regression import regression
    from loyalty_analysis.survey import read_survey

    survey = read_survey("bank_customers")
    table = regression(survey)
    said = str(readings.slopes_reading(survey, table, "mediator"))
    assert "perceived value" in said and "image" in said and "expectations" not in said
    nothing = table.assign(beta_low=-1.0, beta_high=1.0)
    assert str(readings.slopes_reading(survey, nothing, "mediator")) == (
        "No term can be told to go with higher or lower satisfaction."
    )
    alone = table.assign(beta_low=np.where(table["term"] == "image", table["beta_low"], -1.0))
    assert "Beside it" not in str(readings.slopes_reading(survey, alone, "mediator"))
