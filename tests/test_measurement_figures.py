"""Figures of the measurement say what the tables say, and fit their paper."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from drawn import assert_no_text_collides, make_big_study, make_study, printed_text
from matplotlib.colors import same_color

from loyalty_analysis import captions, figures
from loyalty_analysis.errors import RunError
from loyalty_analysis.plotting import BLUE, GREY, VERMILION, WIDTH
from loyalty_analysis.regression import regression
from loyalty_analysis.survey import read_survey
from loyalty_analysis.twins import twins


def constructs(study):
    model = study.model
    return [*model.drivers, *([model.mediator] if model.mediator else []), *model.outcomes]


def make_loadings(study, items=3, seed=2):
    random = np.random.default_rng(seed)
    rows = [
        (name, f"{name[:3]}{name[-1]}_{k + 1}", random.uniform(0.55, 0.95), 0.03)
        for name in constructs(study)
        for k in range(items)
    ]
    columns = ["construct", "item", "standardized", "standardized_error"]
    return pd.DataFrame(rows, columns=columns).assign(model="measurement")


def make_discriminant(names, seed=4):
    random = np.random.default_rng(seed)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    table = pd.DataFrame(pairs, columns=["a", "b"])
    table["htmt"] = random.uniform(0.05, 0.85, len(pairs))
    return table.assign(htmt_low=table["htmt"] - 0.05, htmt_high=table["htmt"] + 0.05, n=400)


def make_method_bias(study, half=0.05, most=0.4):
    """Slopes that fall as the method's share rises; above 20% none can move apart."""
    models = [study.model.mediator] if study.model.mediator else []
    models += [f"{outcome}.total" for outcome in study.model.outcomes]
    rows = []
    for model in models:
        for place, term in enumerate(study.model.drivers):
            for share in np.round(np.arange(0, most + 0.05, 0.1), 1):
                for way in ("same", "opposite") if share else ("none",):
                    possible = way != "opposite" or share <= 0.2
                    beta = 0.5 - 0.12 * place - (share if way == "same" else -share)
                    rows.append((model, model.removesuffix(".total"), term, way, share,
                                 beta if possible else np.nan, possible))  # fmt: skip
    names = ["model", "outcome", "term", "direction", "share", "beta", "admissible"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(conf_low=table["beta"] - half, conf_high=table["beta"] + half, n=9000)


def all_figures(study):
    return {
        "loadings": figures.loadings(make_loadings(study), study),
        "htmt": figures.htmt(make_discriminant(constructs(study)), study),
        "method_bands": figures.method_bands(make_method_bias(study), study),
    }


STUDIES = {
    "usual": make_study,
    "nine by nine": make_big_study,
    "one outcome": lambda: make_study(outcomes=["repurchase"], mediator=None),
    "one driver": lambda: make_study(["forced"], ["repurchase"], mediator=None),
}


@pytest.mark.parametrize("case", STUDIES)
def test_figures_fit_the_paper_and_no_text_collides(case):
    for figure in all_figures(STUDIES[case]()).values():
        assert_no_text_collides(figure.figure)
        width, height = figure.figure.get_size_inches()
        assert width == WIDTH
        assert height < 10, "prints on Letter"


@pytest.mark.parametrize("count", [2, 3, 10, 11, 15])
def test_the_map_of_distinctness_stays_legible(count):
    study = make_big_study()
    figure = figures.htmt(make_discriminant(constructs(study)[:count]), study)
    assert_no_text_collides(figure.figure)


def test_alt_texts_names_and_labels_of_simulated_data():
    files = {"loadings": "cfa_loadings", "htmt": "discriminant", "method_bands": "method_bias"}
    for name, figure in all_figures(make_study()).items():
        assert figure.name == name and figure.alt.startswith(figure.title)
        assert f"results/{files[name]}.csv" in figure.alt
        assert "simulated respondents" in [text for text, _ in printed_text(figure.figure)]
    for figure in all_figures(make_study(simulated=False)).values():
        assert "simulated respondents" not in [text for text, _ in printed_text(figure.figure)]


def marks(figure, shape):
    """Colours of all marks of one shape."""
    lines = [line for axes in figure.figure.axes for line in axes.lines]
    return [
        line.get_color()
        for line in lines
        if line.get_marker() == shape and np.size(line.get_xdata())
    ]


def test_weak_items_are_crossed_and_named():
    study = make_study()
    table = make_loadings(study)
    sound = figures.loadings(table, study)
    assert sound.title.startswith("All 27 items load at 0.50 or above; weakest: ")
    assert not marks(sound, "X") and len(marks(sound, "o")) == 27
    table.loc[[1, 5], "standardized"] = [0.4, -0.2]
    figure = figures.loadings(table, study)
    assert figure.title.startswith(
        "2 of 27 items load below 0.50: Nore 3 (normative commitment, −0.20)"
    )
    assert marks(figure, "X") == [VERMILION, VERMILION]
    assert_no_text_collides(figure.figure)


def test_a_single_item_is_hollow_without_interval_and_out_of_the_count():
    study = make_study()
    table = make_loadings(study)
    table = table[(table["construct"] != "forced") | (table["item"].str.endswith("1"))]
    table.loc[table["construct"] == "forced", "standardized"] = 0.45
    figure = figures.loadings(table, study)
    assert figure.title.startswith("All 24 items")
    assert not marks(figure, "X")
    note = " ".join(text for text, _ in printed_text(figure.figure))
    assert "Hollow: single items, at their assumed reliability" in note.replace("\n", " ")
    assert "Hollow" not in " ".join(t for t, _ in printed_text(figures.loadings(
        make_loadings(study), study).figure))  # fmt: skip


def test_loadings_without_a_model_are_refused():
    study = make_study()
    with pytest.raises(RunError, match="no factor model"):
        figures.loadings(make_loadings(study).iloc[:0], study)
    unknown = figures.loadings(make_loadings(study).assign(standardized=np.nan), study)
    assert unknown.title == "No loading could be estimated"


def frames(figure):
    patches = figure.figure.axes[0].patches
    return [patch for patch in patches if same_color(patch.get_edgecolor(), VERMILION)]


def test_pairs_that_reach_the_limit_are_framed_and_named():
    study = make_study()
    table = make_discriminant(["affective", "normative", "forced"])
    table["htmt_high"] = [0.899, 0.9, np.nan]
    table.loc[2, "htmt"] = np.nan
    figure = figures.htmt(table, study)
    assert figure.title == (
        "Of 2 pairs, 1 may be one construct, not two: affective commitment with forced commitment"
    )
    assert len(frames(figure)) == 1
    texts = [text for text, _ in printed_text(figure.figure)]
    assert "–" in texts and "not assessable" in " ".join(texts).replace("\n", " ")
    assert "reaches 0.90" in " ".join(texts).replace("\n", " ")
    study.gates = SimpleNamespace(htmt=0.95)
    assert not frames(figures.htmt(table, study))


def test_a_map_of_nothing_known_or_no_pairs():
    study = make_study()
    table = make_discriminant(["affective", "normative"])
    unknown = table.assign(htmt=np.nan, htmt_low=np.nan, htmt_high=np.nan)
    assert figures.htmt(unknown, study).title == "No two constructs could be compared"
    with pytest.raises(RunError, match="no pair"):
        figures.htmt(table.iloc[:0], study)


def test_bands_say_where_a_slope_loses_its_side():
    """Up to 20%: beyond it the method cannot move driver and outcome apart."""
    study = make_study(["affective", "forced"], ["repurchase"], mediator=None)
    figure = figures.method_bands(make_method_bias(study, half=0.19), study)
    texts = [text for text, _ in printed_text(figure.figure)]
    assert figure.title == (
        "With a common method of up to 20% of the variance, 1 of 2 slopes keeps its side of zero"
    )
    assert texts.count("all") == 1  # 0.50, and 0.30 when the method makes up 20%
    assert "10%" in texts  # 0.38, and 0.18 at 20%
    hollow = [line for line in figure.figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    places = [x for line in hollow for x in np.atleast_1d(line.get_xdata())]
    assert 0.2 in np.round(places, 6) and 0.1 not in np.round(places, 6)


def test_a_slope_never_told_from_zero_says_so():
    study = make_study(["affective"], ["repurchase"], mediator=None)
    figure = figures.method_bands(make_method_bias(study, half=2.0), study)
    assert figure.title == "No slope can be told from zero, with or without a common method"
    assert set(marks(figure, "o")) == {GREY}
    negative = make_method_bias(study).assign(beta=lambda t: -t["beta"])
    ends = {"conf_low": negative["beta"] - 0.05, "conf_high": negative["beta"] + 0.05}
    assert marks(figures.method_bands(negative.assign(**ends), study), "o") == [VERMILION]


def test_bands_of_a_marker_are_left_out_and_a_table_of_another_study_refused():
    study = make_study()
    table = make_method_bias(study)
    marked = pd.concat([table, table[table["share"] == 0.1].assign(direction="marker", share=0.9)])
    assert figures.method_bands(marked, study).png() == figures.method_bands(table, study).png()
    with pytest.raises(RunError, match="found \\['other'\\]"):
        figures.method_bands(table.assign(model="other"), study)


def forest_table(study, **latent):
    rows = [
        ("satisfaction", term, 100, 100.0, 100.0, beta, beta - 0.1, beta + 0.1)
        for term, beta in zip(study.model.drivers, (0.4, 0.3, 0.2, 0.1, -0.3), strict=True)
    ]
    columns = ["model", "term", "n", "df", "beta_df", "beta", "beta_low", "beta_high"]
    return pd.DataFrame(rows, columns=columns).assign(**latent)


def test_the_axis_of_slopes_holds_slopes_alone():
    """Degrees of freedom and other columns must not stretch it."""
    survey = read_survey("bank_customers")
    table = regression(survey)
    for figure in (figures.forest(table, survey.study), figures.zero_order(table, survey.study)):
        low, high = figure.figure.axes[0].get_xlim()
        assert -1 < low < 0 < high < 1.5


def test_twins_stand_below_with_their_own_interval_and_colour():
    study = make_study()
    latent = {"beta_latent": 0.25, "beta_latent_low": 0.05, "beta_latent_high": 0.45}
    table = forest_table(study, **latent, beta_latent_df=100.0)
    table.loc[0, ["beta_latent", "beta_latent_low", "beta_latent_high"]] = np.nan
    table.loc[1, "beta_latent_low"] = -0.01
    figure = figures.forest(table, study)
    lines = figure.figure.axes[0].lines
    diamonds = [line for line in lines if line.get_marker() == "D"]
    assert [line.get_color() for line in diamonds] == [GREY, GREY, BLUE, BLUE, BLUE]
    assert np.isnan(diamonds[0].get_xdata()).all()
    dots = [line for line in lines if line.get_marker() == "o"]
    heights = [[np.asarray(line.get_ydata())[0] for line in kind] for kind in (dots, diamonds)]
    assert np.all(np.diff(heights, axis=0) > 0), "below, as heights grow downwards"
    few = figures.forest(table.assign(beta_latent_df=2.0), study)
    twins_of_few = [line for line in few.figure.axes[0].lines if line.get_marker() == "D"]
    assert {line.get_color() for line in twins_of_few} == {GREY}
    assert_no_text_collides(figure.figure)


def test_twins_beyond_the_axis_leave_the_slopes_legible_and_end_in_an_arrow():
    study = make_study()
    wide = {"beta_latent": 5.0, "beta_latent_low": -20.0, "beta_latent_high": 30.0}
    figure = figures.forest(forest_table(study, **wide, beta_latent_df=100.0), study)
    low, high = figure.figure.axes[0].get_xlim()
    assert high - low < 3
    note = " ".join(text for text, _ in printed_text(figure.figure)).replace("\n", " ")
    assert "an arrow: beyond the axis" in note
    narrow = {"beta_latent": 0.3, "beta_latent_low": 0.2, "beta_latent_high": 0.4}
    plain = figures.forest(forest_table(study, **narrow, beta_latent_df=100.0), study)
    assert "arrow" not in " ".join(text for text, _ in printed_text(plain.figure))


def test_real_twins_are_drawn():
    survey = read_survey("mobile_customers")
    figure = figures.forest(regression(survey, twins(survey)), survey.study)
    assert "Hollow diamonds" in " ".join(text for text, _ in printed_text(figure.figure))
    assert_no_text_collides(figure.figure)


def test_structures_are_named_as_a_reader_knows_them():
    study = make_study()
    assert captions.structure_label("5 factors", study) == "5 factors"
    merged = captions.structure_label("3 factors: economic + forced, normative + habitual", study)
    one, other = "economic and forced commitment", "normative and habitual commitment"
    assert merged == f"3 factors ({one} as one, {other} as one)"
