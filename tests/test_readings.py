"""Readings never tell more than the verdicts would."""

import pandas as pd
import pytest

from loyalty_analysis.readings import differences_reading, slope_sentence
from loyalty_analysis.study import Study, load_study

ROW = pd.Series(
    {
        "term": "economic", "outcome": "advocacy", "df": 6.0, "beta_df": 7.0,
        "estimate": 0.2, "conf_low": 0.1, "conf_high": 0.3,
        "beta": 0.2, "beta_low": 0.1, "beta_high": 0.3,
    }
)  # fmt: skip


@pytest.fixture
def study() -> Study:
    return load_study("rice_simulated")


def test_a_slope_that_both_intervals_tell(study: Study) -> None:
    assert slope_sentence(ROW, study, "1-7").startswith("One point more economic commitment goes")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"conf_low": -0.01}, "cannot be told: standardized 0.20"),
        ({"beta_low": -0.01}, "cannot be told: standardized 0.20"),
        ({"df": 2.0}, "cannot be told with under four degrees of freedom: standardized 0.20"),
    ],
)
def test_a_slope_that_one_of_them_does_not_tell(study: Study, changes: dict, words: str) -> None:
    said = slope_sentence(pd.Series({**ROW, **changes}), study, "1-7")
    assert said.startswith("Whether economic commitment goes with higher") and words in said


def test_differences_on_few_degrees_of_freedom_tell_nothing(study: Study) -> None:
    row = {
        "estimand": "slope_difference", "term": "economic", "outcome": "advocacy",
        "versus": "goods - services", "estimate": 0.3, "conf_low": 0.1, "conf_high": 0.5,
        "df": 7.0, "df_satterthwaite": 2.0, "group": "sector",
    }  # fmt: skip
    sound = {**row, "df_satterthwaite": float("nan")}
    gates = pd.DataFrame({"gate": ["invariance"], "about": "sector", "passes": True,
                          "warns": False, "note": ""})  # fmt: skip
    said = str(differences_reading(pd.DataFrame([row, sound]), gates, study))
    assert said.startswith(
        "Goods less services: of 2 differences of slopes, 1 leaves out zero (unadjusted). "
        "1 of them rest on under four degrees of freedom and tell nothing."
    )
