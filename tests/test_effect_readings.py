"""What pages say about mediation and drivers follows from the tables, at their edges too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import make_study
from effect_frames import (
    make_drivers,
    make_groups,
    make_importance,
    make_mediation,
    make_orders,
    make_sensitivity,
)

from loyalty_analysis import readings
from loyalty_analysis.survey import read_survey

NAN = float("nan")
TWO = ["affective", "forced"]
STUDY = make_study(TWO, ["repurchase"])


def of_indirect(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """Change columns of the standardized indirect effects."""
    rows = (table["effect"] == "indirect") & (table["scale"] == "standardized")
    for name, values in columns.items():
        table.loc[rows, name] = values
    return table


def test_mediation_in_plain_words() -> None:
    said = readings.mediation_reading(make_mediation(STUDY), STUDY).sentences
    assert said == (
        "Repurchase intention: the largest indirect effect through satisfaction is that of "
        "affective commitment, 0.16 [0.14, 0.18] SDs per SD, beside −0.25 [−0.29, −0.21] directly, "
        "−0.09 [−0.13, −0.05] in all. Told from zero too: forced commitment.",
        "Direct and indirect effect point opposite ways, so the total hides both: affective "
        "commitment on repurchase intention (−0.25 and 0.16).",
        "A share mediated between 0 and 100% can be told for 1 of 2: largest for forced commitment "
        "on repurchase intention (36%, 95% interval 26% to 46%).",
        "The ends of bootstrap intervals of indirect effects lie at most 0.002 from these; both "
        "tell the same from zero.",
        "Corrected for measurement error, 2 of 2 told keep their side of zero; furthest moved: "
        "affective commitment on repurchase intention (0.19 [0.16, 0.22] against 0.16).",
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conf_low": -1.0, "conf_high": 1.0}, "no indirect effect through satisfaction can be "),
        ({"conf_low": [-1.0, -0.2]}, "is that of forced commitment, −0.09"),
        ({"conf_low": [-1.0, -0.2]}, "in all. Not told: affective commitment."),
        ({"share_mediated": NAN}, "For no driver can a share mediated be told."),
        ({"boot_low": [-0.1, -0.1]}, "they disagree about zero for affective commitment on"),
        ({"latent": NAN}, "No indirect effect could be corrected for measurement error."),
        ({"latent_low": -1.5, "latent_high": 1.5}, "0 of 2 told keep their side of zero: the "
         "constructs overlap too much for the correction to say more."),
        ({"latent_df": 3.0}, "0 of 2 told keep their side of zero; furthest moved"),
        ({"conf_low": -1.0, "conf_high": 1.0}, "error, 2 can be told from zero; furthest"),
        ({"df": 3.0}, "no indirect effect through satisfaction can be told from zero. "),
    ],
)  # fmt: skip
def test_mediation_at_its_edges(changes: dict[str, Any], words: str) -> None:
    table = of_indirect(make_mediation(STUDY), **changes)
    assert words in str(readings.mediation_reading(table, STUDY))


def test_mediation_of_one_driver_and_of_many() -> None:
    one = make_study(["forced"], ["repurchase"])
    said = str(readings.mediation_reading(make_mediation(one), one))
    assert "too:" not in said and "Not told" not in said
    five = make_study()
    said = str(readings.mediation_reading(make_mediation(five), five))
    assert "Told from zero too: all 4 others." in said
    assert "Advocacy: no indirect effect through satisfaction can be told from zero." in said


def test_bootstrap_intervals_that_are_not_there() -> None:
    table = make_mediation(STUDY, boot=False)
    assert "ootstrap" not in str(readings.mediation_reading(table, STUDY))
    moments = make_study(TWO, ["repurchase"])
    moments.from_moments = True
    said = str(readings.mediation_reading(table, moments))
    assert "Bootstrap intervals need respondents." in said


def test_orders_side_by_side_end_in_what_cannot_be_told() -> None:
    assert readings.orders_reading(make_orders(STUDY), STUDY).sentences == (
        "As declared, 2 of 2 indirect effects can be told from zero; with driver and mediator "
        "exchanged 2, with mediator and outcome exchanged 2.",
        "An exchanged order gives an indirect effect at least as large as the declared one for 2 "
        "of the 2 that can be told.",
        "Side by side: affective commitment → satisfaction → repurchase intention 0.16 [0.14, "
        "0.18]; satisfaction → affective commitment → repurchase intention 0.08 [0.06, 0.10]; "
        "affective commitment → repurchase intention → satisfaction 0.24 [0.22, 0.26].",
        "A cross-section cannot tell which order is right.",
    )
    weaker = make_orders(STUDY)
    weaker.loc[weaker["order"] != "declared", "estimate"] *= 0.1
    assert "for 0 of the 2 that" in str(readings.orders_reading(weaker, STUDY))


def vanishing(rho: float, low: float, high: float) -> pd.DataFrame:
    table = make_sensitivity(make_study(["forced"], ["repurchase"]))
    return table.assign(rho_zero=rho, rho_zero_low=low, rho_zero_high=high, r2_product=rho**2)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((0.3, 0.2, 0.4), "would vanish if something left out made the errors of satisfaction and "
         "repurchase intention correlate 0.30 (95% interval 0.20 to 0.40): something that moves "
         "both the same way and accounts for, say, 30% of what is unexplained in each."),
        ((-0.3, -0.4, -0.2), "something that moves them opposite ways and accounts for, say, 30%"),
        ((0.03, -0.02, 0.08), "Nothing need be left out for the indirect effects on repurchase "
         "intention to vanish: they do at an error correlation of 0.03 (95% interval −0.02 to "
         "0.08), and that interval includes zero."),
        ((NAN, NAN, NAN), "No correlation of errors that was tried takes the indirect effects on "
         "repurchase intention away."),
    ],
)  # fmt: skip
def test_sensitivity(ends: tuple[float, float, float], said: str) -> None:
    found = str(readings.sensitivity_reading(vanishing(*ends), STUDY))
    assert said in found
    assert found.endswith("Whether anything of that size was left out, these data cannot tell.")


def test_groups_with_and_without_a_declared_contrast() -> None:
    table = make_groups(STUDY)
    said = str(readings.mediation_groups_reading(table, STUDY))
    assert said == (
        "Sector, goods − services: 2 of 2 differences of indirect effects leave out zero "
        "(unadjusted): affective commitment on repurchase intention 0.063 (95% interval 0.033 to "
        "0.093) and forced commitment on repurchase intention −0.035 (95% interval −0.065 to "
        "−0.005)."
    )
    few = table.assign(df_satterthwaite=3.0)
    assert str(readings.mediation_groups_reading(few, STUDY)) == (
        "Sector, goods − services: none of 2 differences of indirect effects leave out zero "
        "(unadjusted)."
    )
    plain = make_groups(STUDY, "country", ["DE", "FR", "25 - 34"], "")
    said = str(readings.mediation_groups_reading(plain, STUDY))
    assert said == (
        "Country (3 levels): furthest apart by their errors are the indirect effects of affective "
        "commitment on repurchase intention, 0.16 [0.13, 0.19] (DE) to 0.22 [0.19, 0.25] "
        "(25 - 34); chosen out of 2, so not a test."
    )
    plain["std_error"] = plain["std_error"].mask(plain["driver"] == "affective", 10.0)
    assert "forced commitment on" in str(readings.mediation_groups_reading(plain, STUDY))


def shares(**changes: Any) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "outcome": "repurchase", "term": ["satisfaction", "affective", "forced"],
            "share": [0.21, 0.12, 0.10], "share_low": [0.18, 0.10, 0.08],
            "share_high": [0.24, 0.14, 0.12], "rank": [1, 2, 3], "p_first": [0.98, 0.02, 0.0],
            "sign": ["+", "+", "-"], "lead": [0.09, 0.02, NAN], "lead_low": [0.05, -0.01, NAN],
            "lead_high": [0.13, 0.05, NAN], "latent": [0.25, 0.15, 0.12],
            "latent_low": [0.2, 0.1, 0.1], "latent_high": [0.3, 0.2, 0.14], "r2": 0.48,
            "r2_controls": 0.05, "df": 100.0, "n": 900,
        }
    )  # fmt: skip
    return table.assign(**changes)


def test_drivers_in_plain_words() -> None:
    assert readings.drivers_reading(shares(), STUDY).sentences == (
        "Of the 48% of the variance of repurchase intention that is explained, satisfaction "
        "accounts for 21 points (95% interval 18 to 24), affective commitment for 12 (10 to 14), "
        "forced commitment for 10 (8 to 12) and controls for 5.",
        "Satisfaction leads affective commitment by 9.0 points (95% interval 5.0 to 13.0); "
        "satisfaction is first in 98% of bootstrap replicates.",
        "Beside the others these go with lower repurchase intention: forced commitment.",
        "Corrected for measurement error, the same driver has the largest share for repurchase "
        "intention.",
        "These are shares of explained variance; they have no direction and do not say what would "
        "change.",
        "Satisfaction, the mediator, is credited with what it shares with the drivers before it.",
    )


TIE = {"share": [0.21, 0.21, 0.1], "rank": [1.5, 1.5, 3.0], "lead": [0.0, 0.02, NAN],
       "lead_low": [-0.03, -0.01, NAN], "lead_high": [0.03, 0.05, NAN]}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (TIE, "Ranks 1 and 2, satisfaction and affective commitment, cannot be separated: they lie "
         "0.0 points (95% interval −3.0 to 3.0) apart; satisfaction is first in 98%"),
        ({"df": 3.0}, "Ranks 1 and 2, satisfaction and affective commitment, cannot be separated"),
        ({"p_first": NAN}, "by 9.0 points (95% interval 5.0 to 13.0). Beside"),
        ({"sign": "-"}, "Beside the others these go with lower repurchase intention: all 3."),
        ({"sign": ["+", "", "-"]}, "with lower repurchase intention: forced commitment; in a "
         "direction that cannot be told: affective commitment."),
        ({"r2_controls": 0.0}, "(10 to 14) and forced commitment for 10 (8 to 12)."),
        ({"latent": NAN}, "No share could be corrected for measurement error."),
        ({"latent": [0.1, 0.3, 0.1]}, "another driver has the largest share for repurchase "
         "intention (affective commitment)."),
        ({"latent_low": 0.0, "latent_high": 1.0}, "shares are too uncertain to rank for"),
        ({"share_low": [0.205, 0.115, 0.095], "share_high": [0.215, 0.125, 0.105]},
         "Of the 48.0% of the variance of repurchase intention that is explained, satisfaction "
         "accounts for 21.0 points (95% interval 20.5 to 21.5)"),
    ],
)  # fmt: skip
def test_drivers_at_their_edges(changes: dict[str, Any], words: str) -> None:
    assert words in str(readings.drivers_reading(shares(**changes), STUDY))


def test_drivers_of_one_and_of_many() -> None:
    one = make_study(["forced"], ["repurchase"], mediator=None)
    said = str(readings.drivers_reading(make_drivers(one), one))
    assert "leads" not in said and "separated" not in said and "credit" not in said
    five = make_study()
    said = str(readings.drivers_reading(make_drivers(five), five))
    assert ", 3 others for" in said
    assert "the same driver has the largest share for each outcome" in said
    three = make_study(["affective", "forced", "habitual"], ["repurchase"])
    last = make_drivers(three)["term"].iloc[-1]
    said = str(readings.drivers_reading(make_drivers(three), three))
    assert " and controls for 3" in said and f"{three.label(last).lower()} for" in said


def test_the_map_in_plain_words() -> None:
    study = make_study(TWO, ["repurchase", "search"], mediator=None)
    study.model.outcomes["search"] = "leaving"
    table = make_importance(study).assign(n=900)
    table["effect"] = [0.4, 0.1, -0.4, 0.1]
    table["score"] = [40.0, 60.0, 40.0, 60.0]
    table["effect_low"], table["effect_high"] = table["effect"] - 0.05, table["effect"] + 0.05
    table["score_low"], table["score_high"] = table["score"] - 1, table["score"] + 1
    both = readings.importance_performance_reading(table, study).sentences
    assert both[0] == (
        "Repurchase intention: the largest total effect is that of affective commitment; one point "
        "more of 100 goes with 0.40 points more (95% interval 0.35 to 0.45), at a mean score of "
        "40. Larger than average at a lower score: affective commitment."
    )
    assert both[1].startswith(
        "Search for alternatives: the most negative total effect is that of affective commitment; "
        "one point more of 100 goes with 0.40 points less (95% interval −0.45 to −0.35)"
    )
    only = table[table["term"] == "affective"]
    said = str(readings.importance_performance_reading(only, study))
    assert "No construct clearly has a larger effect than average" in said
    assert "Left out, as their scale is not declared: forced commitment." in said


def test_studies_that_lack_something_say_what() -> None:
    bare = make_study(TWO, ["repurchase"], mediator=None)
    for reading in (readings.mediation_reading, readings.orders_reading,
                    readings.sensitivity_reading, readings.mediation_groups_reading):  # fmt: skip
        assert "declares no mediator" in str(reading(None, bare))
    assert "no groups" in str(readings.mediation_groups_reading(None, STUDY))
    moments = read_survey("bank_customers").study
    said = str(readings.mediation_groups_reading(None, moments))
    assert said == "Indirect effects by group need respondents."
    assert "declared scale" in str(readings.importance_performance_reading(None, STUDY))
    assert "no shares" in str(readings.drivers_reading(None, STUDY))


def test_conclusions_are_short_and_computed() -> None:
    study = make_study()
    results = {
        "mediation": make_mediation(study), "sensitivity": make_sensitivity(study),
        "mediation_orders": make_orders(study), "drivers": make_drivers(study),
        "importance_performance": make_importance(study),
    }  # fmt: skip
    said = readings.mediation_conclusion(results, study).sentences
    assert said[0].startswith("Of 15 indirect effects through satisfaction, 10 can be told")
    assert said[1].startswith("An error correlation of 0.03 between satisfaction and advocacy")
    assert said[-1] == "A cross-section cannot tell which order is right." and len(said) == 4
    alone = readings.mediation_conclusion({"mediation": results["mediation"]}, study)
    assert len(alone.sentences) == 1
    said = readings.drivers_conclusion({"drivers": shares()}, STUDY).sentences
    assert said[0] == (
        "Of the 48% of the variance of repurchase intention that is explained, satisfaction "
        "accounts for 21 points (95% interval 18 to 24), more than any other."
    )
    tied = readings.drivers_conclusion({"drivers": shares(**TIE)}, STUDY).sentences
    assert tied[0].endswith("(95% interval 18 to 24), not to be told from the next.")
    whole = readings.drivers_conclusion(results, study).sentences
    assert len(whole) == len(study.model.outcomes) + 2


def test_no_sentence_claims_a_cause() -> None:
    study = make_study()
    said = [
        readings.mediation_reading(make_mediation(study), study),
        readings.sensitivity_reading(make_sensitivity(study), study),
        readings.drivers_reading(make_drivers(study), study),
        readings.importance_performance_reading(make_importance(study), study),
    ]
    banned = ("drives", "affects", "leads to", "effect of", "causes", "because", "proves")
    for text in map(str, said):
        assert not any(word in text for word in banned)
        assert "nan" not in text and not np.char.find(text, "  ") >= 0
