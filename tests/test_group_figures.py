"""Figures, tables and readings of groups say what the frames say, at their edges too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import assert_no_text_collides, make_big_study, make_study, printed_text
from group_frames import (
    LEVELS,
    NAN,
    make_gates,
    make_means,
    make_moderation,
    make_slopes,
    make_tests,
    make_whole,
)

from loyalty_analysis import group_readings as readings
from loyalty_analysis import level_readings
from loyalty_analysis.errors import RunError
from loyalty_analysis.group_captions import lines_finding, means_finding, spread_finding, waiting
from loyalty_analysis.group_figures import group_means, group_slopes
from loyalty_analysis.group_tables import (
    group_means_table,
    mixed_table,
    moderation_table,
    simple_slopes_table,
)
from loyalty_analysis.groups import TOO_FEW
from loyalty_analysis.marginal import marginal, marginal_lines
from loyalty_analysis.plotting import BLUE, GREY, WIDTH
from loyalty_analysis.survey import read_survey

STUDY = make_study()
STUDY.contrasts = {}
MANY = {"segment": [f"{k}: a level of a long name" for k in range(40)], "sector": ["a", "b"]}
LONG = {"region": ["Donaudampfschifffahrtsgesellschaftskapitän", "<b>north</b>", "$x^2$"]}


def figures_of(study: Any, groups: Any) -> list[Any]:
    slopes, means, whole = make_slopes(study, groups), make_means(study, groups), make_whole(study)
    gates = make_gates(groups=groups)
    return [
        group_slopes(slopes, study, gates),
        group_means(means, whole, study),
        marginal_lines(slopes, means, whole, study, gates),
    ]


@pytest.mark.parametrize(
    ("study", "groups"),
    [
        (make_study(), LEVELS),
        (make_big_study(), LEVELS),
        (make_study(), MANY),
        (make_study(), LONG),
        (make_study(["forced"], ["repurchase"], mediator=None), {"sector": ["goods", "services"]}),
    ],
    ids=["usual", "nine by nine", "forty levels", "odd names", "one driver"],
)
def test_figures_fit_the_paper_and_no_text_collides(study: Any, groups: Any) -> None:
    for figure in figures_of(study, groups):
        assert_no_text_collides(figure.figure)
        width, height = figure.figure.get_size_inches()
        assert width == WIDTH and height < 10, "prints on Letter"


def test_alt_texts_names_and_labels_of_simulated_data() -> None:
    study = make_study(["forced", "habitual"], ["repurchase"], mediator=None)
    files = {
        "group_slopes": "simple_slopes",
        "group_means": "group_means",
        "marginal_lines": "simple_slopes",
    }
    for figure in figures_of(study, {"sector": ["goods", "services"]}):
        assert figure.alt.startswith(figure.title)
        assert f"results/{files.pop(figure.name)}.csv" in figure.alt
        assert "simulated respondents" in [text for text, _ in printed_text(figure.figure)]
    assert not files


def marks(figure: Any, panel: int, hollow: bool) -> list[tuple[Any, Any]]:
    lines: list[Any] = list(figure.figure.axes[panel].lines)
    return [
        (line.get_xdata()[0], line.get_color())
        for line in lines
        if line.get_marker() == "o" and (line.get_markerfacecolor() == "white") == hollow
    ]


def test_pooled_slopes_are_filled_and_raw_ones_hollow() -> None:
    slopes = make_slopes(STUDY)
    figure = group_slopes(slopes, STUDY, make_gates())
    part = slopes[(slopes["model"] == "repurchase.total") & (slopes["term"] == "affective")]
    raw, pooled = part["estimate"].to_list(), part["pooled"].to_list()
    filled = [x for x, _ in marks(figure, 0, hollow=False)]
    np.testing.assert_allclose(filled, [*raw[:2], *pooled[2:]])  # two levels: nothing is pooled
    np.testing.assert_allclose([x for x, _ in marks(figure, 0, hollow=True)], raw[2:])
    lines: list[Any] = list(figure.figure.axes[0].lines)
    tall = [line.get_xdata()[0] for line in lines if np.isclose(np.ptp(line.get_ydata()), 0.22)]
    np.testing.assert_allclose(tall, part["average"].max())
    assert len(tall) == 10
    words = [text for text, _ in printed_text(figure.figure)]
    assert f"{pooled[2]:.2f}" in words and f"{raw[0]:.2f}" in words


def test_slopes_on_few_degrees_of_freedom_are_grey() -> None:
    study = make_study(["affective"], ["repurchase"])
    slopes = make_slopes(study)
    colours = {colour for _, colour in marks(group_slopes(slopes, study), 0, hollow=False)}
    assert colours == {BLUE}
    few = group_slopes(slopes.assign(df=3.0), study)
    assert {colour for _, colour in marks(few, 0, hollow=False)} == {GREY}


def test_levels_that_do_not_fit_are_counted_and_the_smallest() -> None:
    study = make_study(["affective"], ["repurchase"])
    slopes = make_slopes(study, {"segment": [f"level {k}" for k in range(40)]})
    slopes["n"] = 10 + slopes.groupby(["term", "model"]).cumcount()
    texts = [text for text, _ in printed_text(group_slopes(slopes, study).figure)]
    drawn = {int(text.split()[-1]) for text in texts if "level " in text and text[-1].isdigit()}
    assert drawn == set(range(min(drawn), 40)) and min(drawn) > 0
    note = " ".join(text for text in texts if "Not drawn" in text).replace("\n", " ")
    assert f"Not drawn: {min(drawn)} levels with fewer respondents." in note
    everyone = printed_text(group_slopes(make_slopes(study), study).figure)
    assert not any("Not drawn" in text for text, _ in everyone)


def test_another_equation_and_one_that_is_not_there() -> None:
    slopes = make_slopes(STUDY)
    assert "advocacy" in group_slopes(slopes, STUDY, make_gates(), model="advocacy.total").title
    with pytest.raises(RunError, match=r"no 'advocacy'. Did you mean 'advocacy.total'"):
        group_slopes(slopes, STUDY, model="advocacy")
    with pytest.raises(RunError, match=r"simple_slopes\.csv"):
        group_slopes(slopes.head(0), STUDY)
    with pytest.raises(RunError, match=r"group_means\.csv"):
        group_means(make_means(STUDY).head(0), make_whole(STUDY), STUDY)


# ---- what may be said --------------------------------------------------------------------------


def test_comparing_waits_for_metric_invariance() -> None:
    failed, slopes = make_gates(passes=False), make_slopes(STUDY)
    assert waiting(make_gates(), "sector", STUDY) == ""
    assert waiting(make_gates(passes=False, warns=True), "sector", STUDY) == ""
    assert waiting(failed, "sector", STUDY) == (
        "Sector: the comparison waits for metric invariance, which does not hold, whichever "
        "loadings may differ."
    )
    for unknown in (None, failed.head(0)):
        assert waiting(unknown, "sector", STUDY).endswith("which was not assessed.")
    waits = "the comparison by sector and country waits for metric invariance"
    part = slopes[slopes["model"] == "repurchase.total"]
    assert spread_finding(part, failed, STUDY) == f"Slopes on repurchase intention: {waits}"
    lines = marginal(part[part["term"] == "forced"], make_means(STUDY), make_whole(STUDY))
    assert lines_finding(lines, failed, STUDY) == (
        f"Predicted repurchase intention along forced commitment; {waits}"
    )
    mixed = pd.concat([make_gates().head(1), failed.tail(1)])
    assert spread_finding(part, mixed, STUDY).endswith(
        "; the comparison by country waits for metric invariance"
    )
    said = str(readings.moderation_reading(make_moderation(STUDY), failed, STUDY))
    assert "differ between levels" not in said and said.count("waits") == 2
    said = str(readings.simple_slopes_reading(slopes, failed, STUDY))
    assert "spread most" not in said and said.count("waits") == 2
    results = {"moderation": make_moderation(STUDY), "simple_slopes": slopes, "gates": failed}
    said = str(readings.groups_reading(results, STUDY))
    assert "in the equation of" not in said and said.count("waits") == 2


def test_the_spread_over_levels_in_words() -> None:
    slopes = make_slopes(STUDY)
    part = slopes[slopes["model"] == "repurchase.total"]
    country = part[part["group"] == "country"]
    none = country.assign(tau=0.0)
    assert spread_finding(none, make_gates(), STUDY) == (
        "Slopes on repurchase intention spread over country no more than sampling alone makes them"
    )
    two = part[part["group"] == "sector"].assign(estimate=0.2)
    two.loc[two["term"].eq("forced") & two["level"].eq("goods"), "estimate"] = -0.1
    assert spread_finding(two, make_gates(), STUDY) == (
        "Slopes on repurchase intention lie furthest apart over sector for forced commitment "
        "(services 0.20, goods −0.10)"
    )
    one = two[two["level"] == "goods"]
    assert spread_finding(one, make_gates(), STUDY) == (
        "Slopes on repurchase intention in one group only"
    )


def test_means_in_words() -> None:
    means = make_means(STUDY)
    means["mean"] = means.groupby(["group", "construct"]).cumcount() + 1.0
    assert means_finding(means, STUDY, "repurchase") == (
        "Repurchase intention: sector services 2.00, goods 1.00; country XJ 10.00 to XA 1.00"
    )


def test_lines_go_through_the_means_with_the_slope_of_the_level() -> None:
    slopes, means, whole = make_slopes(STUDY), make_means(STUDY), make_whole(STUDY)
    part = slopes[(slopes["term"] == "forced") & (slopes["model"] == "advocacy.total")]
    lines = marginal(part, means, whole)
    keys = ["group", "level"]
    own = means.set_index([*keys, "construct"])["mean"]
    for key, line in lines.groupby(keys):
        row = part.set_index(keys).loc[key]
        slope, intercept = np.polyfit(4.5 + 1.2 * line["x"], line["y"], 1)
        assert slope == pytest.approx(row["estimate"])  # equal SDs: points per point
        at_mean = intercept + slope * own[(*key, "forced")]
        assert at_mean == pytest.approx(own[(*key, "advocacy")])
        half = (line["high"] - line["low"]) / 2
        assert half.min() == pytest.approx(0.1) and half.idxmin() == line.index[12]


# ---- readings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"p": 0.3}, "Sector: slopes differ between levels in none of 3 equations (p < 0.05, "
                     "unadjusted)."),
        ({"df2": 3.0}, "Sector: whether slopes differ between levels cannot be told; every test "
                       "rests on under four degrees of freedom."),
        ({"p": NAN, "note": TOO_FEW}, f"Sector: no test that slopes are the same ({TOO_FEW})."),
    ],
)  # fmt: skip
def test_moderation_reading(changes: dict[str, Any], said: str) -> None:
    table = make_moderation(STUDY, groups={"sector": ["a", "b"]}, **changes)
    assert str(readings.moderation_reading(table, make_gates(), STUDY)) == said


def test_tests_on_few_and_enough_degrees_of_freedom_are_kept_apart() -> None:
    table = make_moderation(STUDY, groups={"sector": ["a", "b"]})
    table.loc[0, "df2"] = 2.0
    said = str(readings.moderation_reading(table, make_gates(), STUDY))
    assert "in 2 of 2 equations" in said and said.endswith(
        "1 of 3 rest on under four degrees of freedom and tell nothing."
    )
    assert "that of advocacy (F(5, 40.0) = 4.20, p = 0.010)" in said


def differences(**changes: Any) -> pd.DataFrame:
    table = {"estimand": "slope_difference", "group": "sector", "versus": "goods - services",
             "outcome": "repurchase", "term": ["affective", "forced"], "estimate": [0.1, -0.2],
             "conf_low": [-0.1, -0.3], "conf_high": [0.3, -0.1], "df": 90.0,
             "df_satterthwaite": NAN}  # fmt: skip
    return pd.DataFrame(table | changes)


def test_differences_are_read_where_they_may_be() -> None:
    said = str(readings.differences_reading(differences(), make_gates(), STUDY))
    assert said == (
        "Goods less services: of 2 differences of slopes, 1 leaves out zero (unadjusted). Forced "
        "commitment on repurchase intention: −0.20 (95% interval −0.30 to −0.10)."
    )
    few = str(readings.differences_reading(differences(df_satterthwaite=2.0), make_gates(), STUDY))
    assert "none leave out zero" in few and "2 of them rest on under four" in few
    waits = str(readings.differences_reading(differences(), make_gates(passes=False), STUDY))
    assert waits.startswith("Sector: the comparison waits") and "−0.20" not in waits


def test_simple_slopes_reading() -> None:
    groups = {"country": ["a", "b", "c"]}
    table = make_slopes(STUDY, groups, tau=0.12)
    zero = {"pooled_low": -0.1, "pooled_high": 0.1}
    table = table.assign(**{name: table[name].mask(table["term"] == "forced", value)
                            for name, value in zero.items()})  # fmt: skip
    said = str(readings.simple_slopes_reading(table, make_gates(), STUDY))
    neither = "forced commitment goes with neither higher nor lower repurchase intention anywhere"
    assert neither in said
    assert (
        "affective commitment" in said
        and "with higher repurchase intention in 3 of 3 levels" in said
    )
    assert (
        "SD 0.12, by one estimate, about an average of" in said and "drawn 70% of the way" in said
    )
    none = str(readings.simple_slopes_reading(table.assign(tau=0.0), make_gates(), STUDY))
    assert "no further apart than sampling alone would put them" in none
    few = str(readings.simple_slopes_reading(table.assign(df=2.0), make_gates(), STUDY))
    assert "every level rests on under four degrees of freedom and tells nothing" in few


def test_group_means_reading() -> None:
    steps = pd.DataFrame({"group": ["sector", "country"], "step": "scalar", "holds": [True, False]})
    tests, means = make_tests(STUDY), make_means(STUDY)

    def read(tests: pd.DataFrame, steps: pd.DataFrame | None = steps) -> str:
        return str(level_readings.group_means_reading(means, tests, steps, STUDY))

    said = read(tests)
    assert said.startswith("Sector: 9 of 9 means differ between levels (p < 0.05, unadjusted): ")
    assert said.endswith(
        "Country: comparing means waits for scalar invariance, which does not hold."
    )
    assert "Sector: none of 9 means differ" in read(make_tests(STUDY, p=0.4))
    for scarce in (make_tests(STUDY, p=NAN), make_tests(STUDY, df2=2.0)):
        assert "Sector: whether means differ between levels cannot be told." in read(scarce)
    assert read(tests, None).count("was not assessed") == 2


def mixed_frame(**changes: Any) -> pd.DataFrame:
    row = {"group": "country", "model": "repurchase.total", "outcome": "repurchase",
           "term": ["affective", "forced"], "estimate": [0.4, -0.2], "std_error": 0.03,
           "df": 9.0, "p_value": 0.001, "conf_low": [0.33, -0.27], "conf_high": [0.47, -0.13],
           "n": 800, "levels": 10, "random_sd": [0.08, NAN], "fixed_effects": [0.41, -0.05],
           "agrees": [True, False], "note": ["", "its slope lies further away"]}  # fmt: skip
    return pd.DataFrame(row | changes)


def test_mixed_models_in_words_and_in_a_table() -> None:
    assert str(level_readings.mixed_reading(mixed_frame(), STUDY)) == (
        "Country: 1 of 2 mixed slopes agree with generalized least squares and with fixed "
        "effects. For the others least squares stands (its slope lies further away). Slopes "
        "spread most for affective commitment on repurchase intention: SD 0.08 about 0.40."
    )
    still = mixed_frame(random_sd=0.0, agrees=True, note="")
    assert "spread" not in str(level_readings.mixed_reading(still, STUDY))
    html = mixed_table(mixed_frame(), STUDY).as_raw_html()
    assert "0.40 [0.33, 0.47]" in html and "least squares" in html and "−0.05" in html
    assert "Country: its slope lies further away." in html
    refused = pd.DataFrame([{"group": "sector", "levels": 2, "agrees": False, "note": "refused"}])
    refused = refused.reindex(columns=mixed_frame().columns)
    assert "Sector: refused." in mixed_table(refused, STUDY).as_raw_html()


def test_the_closing_paragraph() -> None:
    results = {"moderation": make_moderation(STUDY, p=0.01), "simple_slopes": make_slopes(STUDY),
               "gates": make_gates(), "contrasts": differences()}  # fmt: skip
    said = str(readings.groups_reading(results, STUDY))
    assert said.startswith(
        "Slopes by sector: taken together they differ in the equation of repurchase intention, "
        "advocacy and search for alternatives; 1 of 2 differences leave out zero (forced "
        "commitment on repurchase intention). Slopes by country: taken together they differ"
    )
    assert said.endswith("(affective commitment on repurchase intention).")
    alike = {"moderation": make_moderation(STUDY, p=0.4), "gates": make_gates(),
             "simple_slopes": make_slopes(STUDY, tau=0.0)}  # fmt: skip
    said = str(readings.groups_reading(alike, STUDY))
    assert "Slopes by sector: no difference between levels can be told." in said
    assert "Slopes by country: they lie no further apart than sampling alone" in said
    steps = pd.DataFrame({"group": "sector", "step": ["metric", "scalar", "strict"]})
    steps = steps.assign(holds=[True, False, False], delta_cfi=-0.02, delta_rmsea=0.02)
    said = str(readings.groups_reading(alike | {"invariance": steps}, STUDY))
    assert "Loadings or error variances differ between its levels" in said
    assert str(readings.groups_reading({}, STUDY)) == "No groups were compared."


def test_a_study_without_groups_or_respondents_says_so() -> None:
    for read in (readings.moderation_reading, readings.simple_slopes_reading):
        assert str(read(None, None, STUDY)) == ""
    assert str(level_readings.group_means_reading(None, None, None, STUDY)) == ""
    assert str(level_readings.mixed_reading(None, STUDY)) == ""
    known = read_survey("bank_customers")
    assert "needs respondents" in str(readings.needs_groups(known, "This needs respondents; it"))
    alone: Any = SimpleNamespace(
        has_respondents=True, study=SimpleNamespace(design=SimpleNamespace(groups=()))
    )
    assert "declares none" in str(readings.needs_groups(alone, "Group means"))
    alone.study.design.groups = ("sector",)
    assert "two levels or more" in str(readings.needs_groups(alone, "Group means"))


# ---- tables --------------------------------------------------------------------------------------


def test_tables_print_what_the_frames_hold() -> None:
    html = moderation_table(make_moderation(STUDY, df2=5.08), STUDY).as_raw_html()
    assert "5, 5.1" in html and "4.20" in html and "approximate Hotelling" in html
    empty = make_moderation(STUDY, p=NAN, df2=-3.0, note=TOO_FEW)
    html = moderation_table(empty, STUDY).as_raw_html()
    assert "−3" not in html and f"Sector: {TOO_FEW}." in html
    slopes = make_slopes(STUDY)
    row = slopes[(slopes["model"] == "repurchase.total") & (slopes["level"] == "XC")].iloc[0]
    html = simple_slopes_table(slopes, STUDY).as_raw_html()
    assert f"{row['pooled']:.2f} [{row['pooled_low']:.2f}" in html
    assert "Country, partially pooled (on average 70% of the way)" in html
    assert "Sector, each level alone" in html
    noted = slopes.assign(note=np.where(slopes["level"] == "XC", "lives in one cluster", ""))
    assert "Country XC: lives in one cluster." in simple_slopes_table(noted, STUDY).as_raw_html()
    html = group_means_table(make_means(STUDY), make_tests(STUDY), STUDY).as_raw_html()
    assert "Welch" in html and "0.030" in html
    wald = make_tests(STUDY).query("test == 'welch'").assign(test="wald", note="refused")
    html = group_means_table(make_means(STUDY), wald, STUDY).as_raw_html()
    assert "Wald" in html and "Sector: refused." in html and "eta²" not in html
