"""Tables of the measurement print what the frames hold, with n and notes."""

from __future__ import annotations

from typing import Any

import pandas as pd
from drawn import make_study
from test_tables import MARKUP, MODELS, REGRESSION, Cells, cells, notes, row

from loyalty_analysis import tables

NAN = float("nan")
STUDY = make_study(simulated=False)

RELIABILITY = pd.DataFrame(
    {
        "construct": ["affective", "search"], "items": [3, 1], "n": [812, 812],
        "alpha": [0.8567, NAN], "alpha_low": [0.84, NAN], "alpha_high": [0.87, NAN],
        "omega": [0.86, NAN], "composite_reliability": [0.855, NAN], "ave": [0.667, NAN],
        "method": ["Feldt", ""], "note": ["", "not assessable: one item; 0.8 is declared"],
    }
)  # fmt: skip
ITEMS = pd.DataFrame(
    {
        "construct": "affective", "item": ["aff1", MARKUP], "n": 812, "mean": 4.4, "sd": 1.3,
        "item_rest": [0.75, NAN], "item_rest_low": [0.7, NAN], "item_rest_high": [0.8, NAN],
        "alpha_if_dropped": [0.78, NAN],
    }
)  # fmt: skip
FIT = pd.DataFrame(
    {
        "model": ["measurement", "5 factors", "4 factors: economic + forced", "second order"],
        "chi2": [252.4, 71.42, 6542.2, NAN], "df": [288, 80, 84, NAN],
        "cfi": [1.0, 0.9996, 0.861, NAN], "rmsea": [0.0, 0.004, 0.113, NAN],
        "rmsea_low": [0.0, 0.0, 0.11, NAN], "rmsea_high": [0.001, 0.006, 0.115, NAN],
        "srmr": [0.006, 0.005, 0.091, NAN], "aic": [599584.4, 342743.6, 350958.0, NAN],
        "bic": [600209.1, 343126.0, 351312.0, NAN], "n": [7678, 7678, 7678, NAN],
        "estimator": ["ML, robust", "ML, robust", "ML, robust", None],
        "problem": ["", "", "", "no maximum was found."],
        "cv_difference": [NAN, 0.0, 4104.94, NAN], "cv_error": [NAN, 0.0, 288.3, NAN],
    }
)  # fmt: skip
INVARIANCE = pd.DataFrame(
    [
        ("sector", "configural", 7.0, 5, 0.99, 0.02, NAN, NAN, NAN, NAN, True, "a, b", 812, "", ""),
        ("sector", "metric", 9.0, 8, 0.95, 0.03, -0.04, 0.01, 0.002, 1e-5, False, "a, b", 812,
         "aff3", ""),
        ("wave", "", NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, False, "", NAN, "", "one group only"),
    ],
    columns=["group", "step", "chi2", "df", "cfi", "rmsea", "delta_cfi", "delta_rmsea",
             "delta_srmr", "p_value", "holds", "levels", "n", "freed", "note"],
)  # fmt: skip
QUALITY = pd.DataFrame(
    [
        ("straight_lining", "", "", 0.004, 812),
        ("longest_run", "1 to 7", "", 0.02, 812),
        ("longest_run", "1 to 5", "", 0.03, 812),
        ("seconds", "time", "", 431.5, 800),
        ("extreme", "", "", 0.104, 812),
        ("extreme", "sector", "goods", 0.2, 400),
    ],
    columns=["check", "scope", "group", "value", "n"],
)
GATES = pd.DataFrame(
    [
        ("reliability", "affective", 0.9, 0.7, True, False),
        ("reliability", "forced", 0.8, 0.7, True, False),
        ("htmt", "affective and forced", 0.953, 0.9, False, False),
        ("htmt", "affective and search", 0.5, 0.9, True, False),
        ("invariance", "sector", 0.0123, NAN, False, True),
        ("admissible", "", NAN, NAN, True, False),
    ],
    columns=["gate", "about", "value", "limit", "passes", "warns"],
)


def all_tables(study: Any = STUDY) -> dict[str, Any]:
    return {
        "reliability": tables.reliability_table(RELIABILITY, study),
        "items": tables.items_table(ITEMS, study),
        "structures": tables.structures_table(FIT, study),
        "invariance": tables.invariance_table(INVARIANCE, study),
        "quality": tables.quality_table(QUALITY, study),
        "gates": tables.gates_table(GATES, study),
    }


def test_every_table_has_its_own_id_and_the_same_bytes_every_time() -> None:
    for (name, one), two in zip(all_tables().items(), all_tables().values(), strict=True):
        assert one.as_raw_html() == two.as_raw_html()
        assert f'id="table-{name}' in one.as_raw_html()


def test_survey_text_is_never_markup_and_simulated_data_are_named() -> None:
    simulated = make_study(labels={"affective": MARKUP})
    for table in all_tables(simulated).values():
        assert not set(Cells(table.as_raw_html()).tags) & {"script", "b", "i"}
        assert "Simulated respondents" in notes(table)
    for table in all_tables().values():
        assert "Simulated" not in notes(table)


def test_reliability_says_what_cannot_be_assessed() -> None:
    table = all_tables()["reliability"]
    found = ["Affective commitment", "3", "0.86 [0.84, 0.87]", "0.86", "0.85", "0.67", "812"]
    assert row(table, "Affective commitment") == found
    assert row(table, "Search for alternatives")[2:6] == ["–"] * 4
    assert "Search for alternatives: not assessable: one item" in notes(table)
    assert "Interval of alpha: Feldt." in notes(table)


def test_items_are_gathered_by_construct() -> None:
    table = all_tables()["items"]
    assert row(table, "Aff1")[1:] == ["4.40", "1.30", "0.75 [0.70, 0.80]", "0.78", "812"]
    assert ["Affective commitment"] in cells(table)


def test_structures_name_mergers_leads_and_what_went_wrong() -> None:
    table = all_tables()["structures"]
    assert row(table, "5 factors")[1:4] == ["71.4 (80)", "1.000", "0.004 [0.000, 0.006]"]
    merged = row(table, "4 factors (economic and forced commitment as one)")
    assert merged[-3:] == ["350,958", "351,312", "4,104.9 (288.3)"]
    assert row(table, "All constructs as declared")[-1] == row(table, "5 factors")[-1] == ""
    assert row(table, "The same under a general factor")[2] == "–"
    assert "The same under a general factor: no maximum was found." in notes(table)
    assert "Maximum likelihood (ML, robust)" in notes(table)
    moments = tables.structures_table(FIT.drop(columns=["cv_difference", "cv_error"]), STUDY)
    assert "Lead" not in moments.as_raw_html()


def test_invariance_says_which_step_holds_and_what_was_freed() -> None:
    table = all_tables()["invariance"]
    assert ["Sector: a, b (n = 812)"] in cells(table)
    assert row(table, "Configural")[4:] == ["–", "–", "–", "–", "holds"]
    assert row(table, "Metric")[4:] == ["−0.040", "0.010", "0.002", "< 0.001", "does not hold"]
    assert "Sector: loadings that differ: aff3." in notes(table)
    assert "Wave: not assessed (one group only)." in notes(table)


def test_quality_takes_the_longest_run_of_any_scale() -> None:
    table = all_tables()["quality"]
    assert row(table, "All") == ["All", "0.4%", "3.0%", "432", "10.4%", "812"]
    assert row(table, "goods") == ["goods", "–", "–", "–", "20.0%", "400"]
    assert ["Sector"] in cells(table)


def test_gates_print_failures_and_count_the_rest() -> None:
    table = all_tables()["gates"]
    pair = "Affective commitment with forced commitment"
    assert row(table, pair)[1:] == ["0.95", "0.90", "stops claims"]
    assert row(table, "Groups of sector")[1:] == ["0.012", "–", "warns only"]
    assert row(table, "2 passed, the closest")[1:] == ["0.80", "0.70", "passed"]
    assert [found[1:] for found in cells(table) if found[0] == "Passed"] == [
        ["0.50", "0.90", "passed"],
        ["–", "–", "passed"],
    ]


def test_tables_without_rows_still_print() -> None:
    for table in (
        tables.reliability_table(RELIABILITY.iloc[:0], STUDY),
        tables.items_table(ITEMS.iloc[:0], STUDY),
        tables.structures_table(FIT.iloc[:0], STUDY),
        tables.invariance_table(INVARIANCE.iloc[:0], STUDY),
        tables.quality_table(QUALITY.iloc[:0], STUDY),
        tables.gates_table(GATES.iloc[:0], STUDY),
    ):
        assert "<table" in table.as_raw_html()


def test_regressions_show_slopes_free_of_error_where_there_are_any() -> None:
    study = make_study(simulated=False)
    without = tables.regression_table(REGRESSION, MODELS, study)
    assert "measurement error" not in without.as_raw_html()
    twin = {"beta_latent": 0.5, "beta_latent_low": 0.4, "beta_latent_high": 0.6}
    table = REGRESSION.assign(**twin)
    table.loc[table["term"] == "forced", list(twin)] = NAN
    found = tables.regression_table(table, MODELS, study)
    assert row(found, "Affective commitment")[3:5] == ["0.46 [0.43, 0.49]", "0.50 [0.40, 0.60]"]
    assert row(found, "Forced commitment")[4] == "–"
    assert "Corrected for measurement error: the standardized slope" in notes(found)
