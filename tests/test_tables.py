"""Tables print what the frames hold, with n and notes; survey text is never markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import great_tables
import numpy as np
import pandas as pd
import pytest

from loyalty_analysis import formatting, tables
from loyalty_analysis.errors import RunError

MARKUP = "<script>alert('x')</script> & $5"


def make_study(simulated=False, mediator="satisfaction", controls=("country", "age"), **labels):
    return SimpleNamespace(
        model=SimpleNamespace(
            drivers=["affective", "forced"],
            mediator=mediator,
            outcomes={"repurchase": "intention"},
            controls=list(controls),
            moderators=[],
        ),
        constructs=dict.fromkeys(labels),
        design=SimpleNamespace(weight=None),
        is_simulated=simulated,
        from_moments=False,
        label=lambda name: labels.get(name, name.replace("_", " ").capitalize()),
    )


REGRESSION = pd.DataFrame(
    [
        ("satisfaction", "(Intercept)", 2.0, 1.9, 2.1, 0.0, np.nan, np.nan, np.nan, np.nan, np.nan),
        ("satisfaction", "affective", 0.42, 0.39, 0.45, 1e-12, 0.46, 0.43, 0.49, 0.55, 1.234),
        ("satisfaction", "forced", -0.15, -0.2, -0.1, 0.0123, -0.12, -0.16, -0.08, 0.02, 1.1),
        ("satisfaction", "country[DE]", 0.0012, -0.0003, 0.0027, 0.1, 0.0, -0.1, 0.1, 0.0, 1.0),
        ("repurchase.total", "affective", 0.3, 0.2, 0.4, 0.001, 0.3, 0.2, 0.4, 0.4, np.inf),
    ],
    columns=[
        "model",
        "term",
        "estimate",
        "conf_low",
        "conf_high",
        "p_value",
        "beta",
        "beta_low",
        "beta_high",
        "zero_order",
        "vif",
    ],
).assign(n=9000)
MODELS = pd.DataFrame(
    {
        "model": ["satisfaction", "repurchase.total"],
        "outcome": ["satisfaction", "repurchase"],
        "n": 9000,
        "r2": [0.4321, 0.2],
        "r2_adjusted": [0.43, 0.199],
        "covariance": "HC3",
        "covariance_beta": "influence",
    }
)


VERDICTS = pd.DataFrame(
    {
        "claim_set": "rice_press",
        "claim": ["R2", "R2", "R9"],
        "part": [np.nan, "affective", ""],
        "text": [MARKUP, "a part", "Usability raises affective commitment."],
        "outcome": ["satisfaction", "satisfaction", np.nan],
        "estimate": [0.42, 0.42, np.nan],
        "conf_low": [0.39, 0.39, np.nan],
        "conf_high": [0.45, 0.45, np.nan],
        "n": [9000, 9000, np.nan],
        "verdict": ["supported", "supported", "not testable"],
        "reason": ["", "", "missing_construct: usability"],
    }
)


class Cells(HTMLParser):
    """Collect the text of every cell, row by row, and the attributes of every header cell."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.headers, self.tags, self.aligned = [], [], [], {}
        self.open = False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.open = True
            self.rows[-1].append("")
            self.aligned[len(self.rows) - 1, len(self.rows[-1]) - 1] = dict(attributes)["class"]
        if tag == "th":
            self.headers.append(dict(attributes))

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def cells(table):
    rows = Cells(table.as_raw_html()).rows
    return [[re.sub("\u00a0+$", "", cell).replace("\u00a0", " ") for cell in row] for row in rows]


def row(table, first):
    return next(found for found in cells(table) if found[0] == first)


def notes(table):
    return " ".join(found[0] for found in cells(table) if len(found) == 1)


def all_tables(study=None):
    study = study or make_study()
    correlations = pd.DataFrame(
        [("forced", "affective", -0.2, 9000), ("satisfaction", "affective", np.nan, 9000)],
        columns=["a", "b", "r", "n"],
    )
    attrition = pd.DataFrame(
        {
            "rule": ["rows read", f"complete on {MARKUP}", "half of the items"],
            "removed": [0, 812, 700],
            "left": [9812, 9000, 9112],
            "alone": [0, 812, np.nan],
            "kind": ["step", "step", "comparison"],
        }
    )
    descriptives = pd.DataFrame(
        {
            "construct": ["repurchase", "affective"],
            "label": [MARKUP, "Affective"],
            "kind": ["outcome", "driver"],
            "items": [1, 3],
            "n": [9000, 9000],
            "mean": [4.123, 5.0],
            "sd": [1.2, 1.0],
            "minimum": [1.0, np.nan],
            "maximum": [7.0, np.nan],
            "skewness": [-0.3, np.nan],
            "alpha": [np.nan, 0.8],
        }
    )
    diagnostics = pd.DataFrame(
        {
            "model": "satisfaction",
            "check": ["breusch_pagan", "largest_cook", "new_check"],
            "statistic": [12.345, 0.0042, np.nan],
            "df": [2, np.nan, np.nan],
            "p_value": [1e-9, np.nan, np.nan],
            "note": ["unweighted fit", "unweighted fit", np.nan],
        }
    )
    return {
        "regression": tables.regression_table(REGRESSION, MODELS, study),
        "descriptives": tables.descriptives_table(descriptives, study),
        "attrition": tables.attrition_table(attrition, study),
        "correlations": tables.correlations_table(correlations, study),
        "diagnostics": tables.diagnostics_table(diagnostics, MODELS, study),
        "verdicts": tables.verdict_summary(VERDICTS, study),
    }


def test_every_table_is_a_great_table_with_the_same_bytes_every_time():
    for (name, one), two in zip(all_tables().items(), all_tables().values(), strict=True):
        assert isinstance(one, great_tables.GT)
        assert one.as_raw_html() == two.as_raw_html() == one._repr_html_()
        assert f'id="table-{name}' in one.as_raw_html()


def test_every_table_shows_n_and_is_named_by_its_title():
    for name, table in all_tables().items():
        page = table.as_raw_html()
        assert "9,000" in page, name
        assert re.search(r'aria-labelledby="(table-[a-z-]+-title)"', page)


def test_every_header_cell_has_a_scope():
    for table in all_tables().values():
        headers = Cells(table.as_raw_html()).headers
        assert headers
        assert all(header.get("scope") in ("col", "row", "colgroup") for header in headers)


def test_survey_text_is_never_markup():
    study = make_study(affective=MARKUP, satisfaction="<b>Satisfaction</b>", country="<i>c</i>")
    for table in all_tables(study).values():
        tags = set(Cells(table.as_raw_html()).tags)
        assert not tags & {"script", "b", "i"}
    assert row(all_tables(study)["regression"], MARKUP)
    assert row(all_tables()["descriptives"], MARKUP)


def test_the_style_sheet_stays_within_its_table():
    for name, table in all_tables().items():
        style = table.as_raw_html().split("<style>")[1].split("</style>")[0]
        selectors = re.findall(r"([^{}]+)\{", style.replace("@media print {", ""))
        parts = [re.sub(r":is\([^)]*\)", "", part) for part in selectors]
        for part in ",".join(parts).split(","):
            assert part.strip().startswith(f"#table-{name}"), part


def test_nothing_is_loaded_from_elsewhere():
    for table in all_tables().values():
        assert "http" not in table.as_raw_html()
        assert "url(" not in table.as_raw_html()


def test_numbers_are_aligned_right_and_words_left():
    table = all_tables()["verdicts"]
    parsed = Cells(table.as_raw_html())
    place = next(k for k, found in enumerate(parsed.rows) if found[0] == "R2")
    classes = [parsed.aligned[place, column] for column in range(7)]
    sides = ["right" if "gt_right" in name else "left" for name in classes]
    assert sides == ["left", "left", "left", "right", "left", "left", "right"]


def test_regression_table_prints_intervals_in_one_cell():
    table = all_tables()["regression"]
    assert row(table, "Affective") == [
        "Affective",
        "0.42 [0.39, 0.45]",
        "< 0.001",
        "0.46 [0.43, 0.49]",
        "0.55",
        "1.23",
    ]
    assert row(table, "Forced")[1:4] == ["−0.15 [−0.20, −0.10]", "0.012", "−0.12 [−0.16, −0.08]"]
    firsts = [found[0] for found in cells(table)]
    assert "Satisfaction (n = 9,000, R² = 0.43, adjusted 0.43)" in firsts
    assert any(f.startswith("Repurchase, without satisfaction in the equation") for f in firsts)
    assert "Intercept" not in firsts
    assert "Country[de]" not in firsts


def test_regression_table_of_one_model_holds_every_term():
    table = tables.regression_table(REGRESSION, MODELS, make_study(), model="satisfaction")
    assert row(table, "Intercept")[1:] == ["2.00 [1.90, 2.10]", "< 0.001", "–", "–", "–"]
    assert row(table, "Country[de]")[1] == "0.001 [0.000, 0.003]"
    assert "Regression of satisfaction" in notes(table)
    with pytest.raises(RunError, match="Did you mean 'satisfaction'"):
        tables.regression_table(REGRESSION, MODELS, make_study(), model="satisfacton")


def test_regression_notes_name_estimator_errors_and_sample():
    found = notes(all_tables()["regression"])
    assert "Least squares; heteroskedasticity-robust (HC3) standard errors." in found
    assert "Intervals of standardized slopes: influence" in found
    assert "Held constant too, in results/regression.csv: country and age." in found
    assert "n = 9,000." in found
    assert "Simulated" not in found
    assert "Simulated respondents" in notes(all_tables(make_study(simulated=True))["regression"])
    study = make_study()
    study.design.weight = "w"
    weighted = tables.regression_table(REGRESSION, MODELS.assign(covariance="new"), study)
    assert "Weighted least squares (probability weights w); new errors." in notes(weighted)


def test_regression_without_mediator_or_controls():
    study = make_study(mediator=None, controls=())
    table = tables.regression_table(REGRESSION, MODELS, study, model="repurchase.total")
    assert any(found[0].startswith("Repurchase (n = 9,000") for found in cells(table))
    assert row(table, "Affective")[-1] == "∞"
    assert "Held constant too" not in notes(table)


def test_descriptives_are_gathered_by_kind_with_a_dash_where_unknown():
    table = all_tables()["descriptives"]
    firsts = [found[0] for found in cells(table)]
    assert firsts.index("Drivers") < firsts.index("Outcomes")
    assert row(table, "Affective") == ["Affective", "3", "5.00", "1.00", "–", "–", "0.80", "9,000"]
    assert row(table, MARKUP)[4:7] == ["1.00 to 7.00", "−0.30", "–"]


def test_attrition_sets_the_comparison_apart():
    table = all_tables()["attrition"]
    assert row(table, "half of the items") == ["half of the items", "700", "–", "9,112"]
    assert ["For comparison, not used"] in cells(table)
    plain = tables.attrition_table(
        pd.DataFrame({"rule": ["published moments"], "removed": 0, "left": 31}), make_study()
    )
    study = make_study()
    study.from_moments = True
    published = tables.correlations_table(
        pd.DataFrame({"a": ["forced"], "b": ["affective"], "r": [0.1], "n": [31]}), study
    )
    assert "Sample: as published, n = 31." in notes(published)
    assert row(plain, "published moments") == ["published moments", "0", "31"]


def test_correlations_are_a_lower_triangle_in_the_order_of_the_model():
    table = all_tables()["correlations"]
    assert row(table, "Construct") == ["Construct", "1", "2"]
    assert row(table, "1. Affective") == ["1. Affective", "", ""]
    assert row(table, "2. Forced") == ["2. Forced", "−0.20", ""]
    assert row(table, "3. Satisfaction") == ["3. Satisfaction", "–", "–"]


def test_diagnostics_name_checks_in_words():
    table = all_tables()["diagnostics"]
    assert row(table, "Heteroskedasticity (Breusch-Pagan)")[1:] == ["12.35", "< 0.001"]
    assert row(table, "Most influential respondent (Cook's distance)")[1:] == ["0.004", "–"]
    assert row(table, "New check")[1:] == ["–", "–"]
    assert "Unweighted fit" in notes(table)


def test_verdict_summary_says_why_in_words_and_leaves_parts_out():
    table = all_tables()["verdicts"]
    assert row(table, "R2")[1:] == [
        MARKUP,
        "Satisfaction",
        "0.42 [0.39, 0.45]",
        "● supported",
        "",
        "9,000",
    ]
    assert row(table, "R9")[3:6] == ["–", "– not testable", "not measured here: usability"]
    assert "a part" not in table.as_raw_html()


def test_tables_without_rows_still_print():
    for none in (VERDICTS.iloc[:0], VERDICTS.iloc[:0].astype(object)):
        assert "Verdict" in tables.verdict_summary(none).as_raw_html()


def test_numbers_without_a_value_print_as_a_dash():
    for missing in (None, float("nan"), pd.NA, "text"):
        assert formatting.number(missing) == formatting.p_value(missing) == "–"
        assert formatting.interval(missing, 1.0) == "–"
        assert formatting.percent(missing) == "–"
    assert formatting.estimate(0.4, np.nan, np.nan) == "0.40"
    assert formatting.estimate(np.nan, 0.1, 0.2) == "–"


def test_no_negative_zero_and_no_impossible_p():
    assert formatting.number(-0.004) == "0.00"
    assert formatting.number(np.float32(-1234.5), 1) == "−1,234.5"
    assert formatting.number(np.int64(7), 0) == "7"
    assert formatting.number(-np.inf) == "−∞"
    assert formatting.p_value(0.0) == "< 0.001"
    assert formatting.p_value(1.0) == "> 0.999"
    assert formatting.p_value(0.05) == "0.050"


def test_listing_and_labels_in_prose():
    assert [formatting.listing("abc"[:k]) for k in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert formatting.in_sentence("Word of mouth") == "word of mouth"
    assert formatting.in_sentence("NPS score") == "NPS score"
    assert formatting.in_sentence("") == formatting.capitalised("") == ""
    assert formatting.sample([np.nan]) == ""
