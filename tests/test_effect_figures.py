"""Figures of mediation and drivers say what the tables say, and fit their paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn import FIVE, assert_no_text_collides, make_big_study, make_study, printed_text
from effect_frames import (
    make_drivers,
    make_importance,
    make_mediation,
    make_regression,
    make_sensitivity,
)

from loyalty_analysis import driver_captions, effect_captions, figures
from loyalty_analysis.errors import RunError
from loyalty_analysis.planes import place_labels
from loyalty_analysis.plotting import BLUE, GREY, VERMILION, WIDTH

ONE = make_study(outcomes=["repurchase"])
LONG = make_study(
    [f"driver_{k}" for k in range(9)],
    ["repurchase"],
    labels={f"driver_{k}": f"Number {k} of nine drivers with a long label" for k in range(9)},
)
STUDIES = {
    "usual": make_study(),
    "nine by nine": make_big_study(),
    "one outcome": ONE,
    "nine long labels": LONG,
    "two outcomes": make_study(outcomes=["repurchase", "search"], simulated=False),
    "seven outcomes": make_study(FIVE, [f"outcome_{k}" for k in range(7)]),
    "one driver": make_study(["forced"], ["repurchase"]),
    "no mediator": make_study(["affective", "forced"], ["repurchase"], mediator=None),
}
FILES = {
    "mediation_diagram": "mediation",
    "indirect_effects": "mediation",
    "sensitivity": "sensitivity",
    "driver_shares": "drivers",
    "importance_performance": "importance_performance",
}


def all_figures(study):
    made = [
        figures.driver_shares(make_drivers(study), study),
        figures.importance_performance(make_importance(study), study),
    ]
    if study.model.mediator:
        mediation = make_mediation(study)
        made += [
            figures.mediation_diagram(mediation, make_regression(study), study),
            figures.indirect_effects(mediation, study),
            figures.sensitivity(make_sensitivity(study), study),
        ]
    return {figure.name: figure for figure in made}


def words(figure):
    return " ".join(text for text, _ in printed_text(figure.figure)).replace("\n", " ")


def marks(figure, shape):
    """Colours of all marks of one shape, panel by panel from the left."""
    return [
        line.get_color()
        for axes in figure.figure.axes
        for line in axes.lines
        if line.get_marker() == shape
    ]


@pytest.mark.parametrize("case", STUDIES)
def test_figures_fit_the_paper_and_no_text_collides(case):
    for figure in all_figures(STUDIES[case]).values():
        assert_no_text_collides(figure.figure)
        width, height = figure.figure.get_size_inches()
        assert width == WIDTH
        assert height < 10, "prints on Letter"


def test_alt_texts_names_and_labels_of_simulated_data():
    made = all_figures(ONE)
    assert set(made) == set(FILES)
    for name, figure in made.items():
        assert figure.alt.startswith(figure.title)
        assert f"results/{FILES[name]}.csv" in figure.alt
        assert "simulated respondents" in words(figure)
    for figure in all_figures(make_study(["forced"], ["search"], simulated=False)).values():
        assert "simulated respondents" not in words(figure)


def test_the_diagram_prints_every_path_and_greys_what_cannot_be_told():
    study = make_study(["affective", "forced"], ["repurchase", "search"])
    table, slopes = make_mediation(study), make_regression(study)
    figure = figures.mediation_diagram(table, slopes, study)
    printed = words(figure)
    direct = effect_captions.effects(table, "direct")["estimate"]
    chosen = slopes[(slopes["model"] == "satisfaction") | (slopes["term"] == "satisfaction")]
    for value in [*direct, *chosen["beta"]]:
        assert f"{value:.2f}".replace("-", "−") in printed
    assert figure.title == (
        "2 of 2 drivers go with satisfaction; beside them, satisfaction goes with higher "
        "repurchase intention and with lower search for alternatives"
    )
    assert marks(figure, ">").count(GREY) == 0
    wide = slopes.assign(beta_low=-1.0, beta_high=1.0)
    unsure = figures.mediation_diagram(table, wide, study)
    assert marks(unsure, ">").count(GREY) == 2, "from the mediator; direct paths are told still"
    assert unsure.title == (
        "No driver can be told to go with satisfaction; beside them, satisfaction cannot be told "
        "to go with repurchase intention and search for alternatives"
    )


def test_the_diagram_of_one_outcome_prints_intervals():
    figure = figures.mediation_diagram(make_mediation(ONE), make_regression(ONE), ONE)
    assert "0.45 [0.41, 0.49]" in words(figure)
    assert "with 95% intervals" in words(figure)


@pytest.mark.parametrize(
    ("to", "onwards", "said"),
    [
        ({"forced": 0}, {"search": 1}, "Forced commitment cannot be told to go with satisfaction; "
         "beside it, satisfaction goes with higher search for alternatives"),
        ({"forced": -1, "habitual": 0}, {"search": -1, "advocacy": 0},
         "1 of 2 drivers goes with satisfaction; beside them, satisfaction goes with lower search "
         "for alternatives; for advocacy that cannot be told"),
    ],
)  # fmt: skip
def test_titles_of_paths_at_their_edges(to, onwards, said):
    assert effect_captions.paths_finding(to, onwards, make_study()) == said


def test_direct_indirect_and_total_are_three_shapes_with_a_twin_of_the_indirect():
    study = make_study(["affective", "forced"], ["repurchase", "search"])
    table = make_mediation(study)
    figure = figures.indirect_effects(table, study)
    assert {shape: len(marks(figure, shape)) for shape in ("s", "o", "|", "D")} == {
        "s": 4, "o": 4, "|": 4, "D": 4,
    }  # fmt: skip
    assert marks(figure, "o") == [BLUE, VERMILION, VERMILION, BLUE]
    assert figure.title == (
        "Of 4 indirect effects through satisfaction, 4 can be told from zero; largest: affective "
        "commitment on repurchase intention (0.16)"
    )
    few = figures.indirect_effects(table.assign(df=3.0), study)
    assert set(marks(few, "o")) == set(marks(few, "D")) == {GREY}
    assert few.title == "No indirect effect through satisfaction can be told from zero"
    untwinned = table.assign(latent=np.nan, latent_low=np.nan, latent_high=np.nan)
    assert "Hollow" not in words(figures.indirect_effects(untwinned, study))
    wide = table.assign(latent_low=-20.0, latent_high=30.0)
    figure = figures.indirect_effects(wide, study)
    assert "an arrow: beyond the axis" in words(figure)
    low, high = figure.figure.axes[0].get_xlim()
    assert high - low < 2


def test_a_tie_for_the_largest_indirect_effect_names_both():
    study = make_study(["affective", "forced"], ["repurchase"])
    table = make_mediation(study)
    table["estimate"] = table["estimate"].mask(table["effect"] == "indirect", 0.1)
    table[["conf_low", "conf_high"]] = [0.05, 0.15]
    assert effect_captions.indirect_finding(table, study).endswith(
        "largest: affective commitment on repurchase intention (0.10) and forced commitment on "
        "repurchase intention (0.10)"
    )


def test_the_curves_of_sensitivity_end_in_the_number_at_which_they_vanish():
    study = make_study()
    table = make_sensitivity(study)
    figure = figures.sensitivity(table, study)
    points = table.drop_duplicates("outcome")["rho_zero"]
    for value in points:
        assert f"{value:.2f}".replace("-", "−") in words(figure)
    assert figure.title == (
        "An error correlation of 0.03 between satisfaction and advocacy would take the indirect "
        "effects away; most is needed, 0.36 for repurchase intention"
    )
    low, high = figure.figure.axes[0].get_ylim()
    plain = table[table["rho"] == 0]
    assert low < plain["conf_low"].min() and high > plain["conf_high"].max()
    unknown = figures.sensitivity(table.assign(rho_zero=np.nan), study)
    assert unknown.title == "No error correlation that was tried takes an indirect effect away"


def test_shares_show_the_sign_as_shape_and_colour_and_the_interval_of_the_rank():
    study = make_study(["affective", "forced"], ["repurchase"])
    table = make_drivers(study).assign(sign=["+", "-", ""])
    figure = figures.driver_shares(table, study)
    assert marks(figure, "^") == [BLUE]
    assert marks(figure, "v") == [VERMILION]
    assert marks(figure, "o") == [GREY]
    assert "#1–2" in words(figure) and "rank with 95% interval" in words(figure)
    alone = figures.driver_shares(make_drivers(study, respondents=False), study)
    assert "#1–2" not in words(alone) and "rank with" not in words(alone)
    ties = table.assign(rank=[1.5, 1.5, 3.0], rank_low=1.5, rank_high=1.5)
    assert "#1.5" in words(figures.driver_shares(ties, study))


def test_titles_of_shares_say_what_cannot_be_separated():
    study = make_study(["affective", "forced"], ["repurchase", "search"])
    table = make_drivers(study)
    table.loc[table["rank"] == 1, "term"] = "satisfaction"
    table.loc[table["rank"] == 2, "term"] = "forced"
    leads = table["outcome"].map({"repurchase": 0.05, "search": -0.01})
    table["lead_low"] = leads.where(table["lead"].notna())
    assert driver_captions.shares_finding(table, study) == (
        "Largest share of explained variance: satisfaction for repurchase intention; ranks 1 and 2 "
        "cannot be separated for search for alternatives (satisfaction, forced commitment)"
    )
    few = driver_captions.shares_finding(table.assign(df=2.0), study)
    assert few.startswith("Ranks 1 and 2 cannot be separated for repurchase intention")
    many = STUDIES["nine by nine"]
    assert driver_captions.shares_finding(make_drivers(many).assign(lead_low=-1.0), many) == (
        "For 0 of 9 outcomes one driver clearly has the largest share of explained variance"
    )
    only = make_study(["forced"], ["search"], mediator=None)
    assert driver_captions.shares_finding(make_drivers(only), only) == (
        "Largest share of explained variance: forced commitment for search for alternatives"
    )


def test_the_map_numbers_its_points_or_names_them_where_there_is_room():
    study = make_study()
    assert "1 Affective commitment" in words(
        figures.importance_performance(make_importance(study), study)
    ).replace("  ", " ")
    named = words(figures.importance_performance(make_importance(ONE), ONE))
    assert "Affective commitment" in named and "1  Affective" not in named


def test_priorities_turn_round_for_outcomes_of_leaving():
    study = make_study(["affective", "forced"], ["repurchase", "search"], mediator=None)
    study.model.outcomes["search"] = "leaving"
    rows = [("repurchase", "affective", 0.4, 40.0), ("repurchase", "forced", 0.1, 60.0),
            ("search", "affective", -0.4, 40.0), ("search", "forced", 0.1, 60.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["outcome", "term", "effect", "score"]).assign(n=900)
    for name, half in (("effect", 0.05), ("score", 1.0)):
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - half, table[name] + half
    found = driver_captions.priorities(table, study)
    assert found["priority"].to_list() == [True, False, True, False]
    figure = figures.importance_performance(table, study)
    assert "leaving: lower is wanted" in words(figure)
    assert figure.title == (
        "Larger total effect than average at a lower score: affective commitment for repurchase "
        "intention and search for alternatives"
    )
    unsure = table.assign(score_high=90.0)
    assert not driver_captions.priorities(unsure, study)["priority"].any()
    harmful = table.assign(effect=-0.3, effect_low=-0.35, effect_high=-0.25)
    kept = driver_captions.priorities(harmful, study)
    assert not kept.loc[kept["outcome"] == "repurchase", "priority"].any()


def test_empty_tables_are_refused_with_what_to_do():
    study = make_study()
    with pytest.raises(RunError, match="a study with a mediator"):
        figures.indirect_effects(make_mediation(study).iloc[:0], study)
    with pytest.raises(RunError, match=r"results/sensitivity\.csv"):
        figures.sensitivity(make_sensitivity(study).iloc[:0], study)
    with pytest.raises(RunError, match=r"results/drivers\.csv"):
        figures.driver_shares(make_drivers(study).iloc[:0], study)
    with pytest.raises(RunError, match="declared scale"):
        figures.importance_performance(make_importance(study).iloc[:0], study)


def test_labels_keep_off_points_and_each_other():
    random = np.random.default_rng(1)
    points = random.uniform(0.5, 2.5, (9, 2))
    sizes = np.full((9, 2), (0.1, 0.12))
    centres = place_labels(points, sizes, [], (3.0, 3.0))
    boxes = np.hstack([centres - sizes / 2, centres + sizes / 2])
    for k, one in enumerate(boxes):
        for other in [*boxes[:k], *np.hstack([points - 0.04, points + 0.04])]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or (
                other[3] <= one[1]
            )  # fmt: skip
    assert np.array_equal(centres, place_labels(points, sizes, [], (3.0, 3.0)))
