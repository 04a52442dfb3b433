"""Figures say what the table says, fit their paper and come out the same every time."""

from __future__ import annotations

import base64
import io
import pickle
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from drawn import FIVE, assert_no_text_collides, make_big_study, make_study, printed_text
from nbclient import NotebookClient
from PIL import Image

from loyalty_analysis import figures
from loyalty_analysis.errors import RunError
from loyalty_analysis.formatting import VERDICT_MARKS
from loyalty_analysis.plotting import WIDTH, fit, text_width
from loyalty_analysis.regression import regression
from loyalty_analysis.survey import read_survey


def make_regression(study, seed=7):
    random = np.random.default_rng(seed)
    models = [study.model.mediator] if study.model.mediator else []
    models += [f"{outcome}.total" for outcome in study.model.outcomes]
    rows = []
    for model in models:
        centre = np.linspace(0.45, -0.25, len(study.model.drivers))
        for term, middle in zip(study.model.drivers, centre, strict=True):
            beta = middle + random.normal(0, 0.08)
            half = random.uniform(0.03, 0.12)
            rows.append(
                {
                    "model": model,
                    "outcome": model.removesuffix(".total"),
                    "term": term,
                    "n": 9000,
                    "beta": beta,
                    "beta_low": beta - half,
                    "beta_high": beta + half,
                    "zero_order": beta + random.normal(0.12, 0.06),
                }
            )
    return pd.DataFrame(rows)


def make_correlations(study, seed=3):
    model = study.model
    names = [*model.drivers, *([model.mediator] if model.mediator else []), *model.outcomes]
    random = np.random.default_rng(seed)
    sample = random.normal(size=(400, len(names))) + 0.9 * random.normal(size=(400, 1))
    sample[:, min(3, len(names) - 1)] *= -1
    r = np.atleast_2d(np.corrcoef(sample.T))
    return pd.DataFrame(
        [(names[i], names[j], r[i, j], 400) for i in range(len(names)) for j in range(i)],
        columns=["a", "b", "r", "n"],
    )


def make_answers(study, items=3, low=1, high=7, seed=5):
    model = study.model
    names = [*model.drivers, *([model.mediator] if model.mediator else []), *model.outcomes]
    random = np.random.default_rng(seed)
    rows = []
    for name in names:
        for k in range(items):
            weights = random.dirichlet(np.linspace(1, random.uniform(0.5, 6), high - low + 1) * 3)
            rows += [
                (name, f"{name[:3]}{k + 1}", point, share, 9000)
                for point, share in zip(range(low, high + 1), weights, strict=True)
            ]
    return pd.DataFrame(rows, columns=["construct", "item", "answer", "share", "n"])


VERDICTS = ["contradicted", "supported", "negligible", "inconclusive", "not testable"]


def make_verdicts(seed=11):
    random = np.random.default_rng(seed)
    rows = []
    sets = {"rice_paper": 6, "rice_press": 11, "rivals": 6, "loyalty_types": 4, "pillars": 8}
    for claim_set, claims in sets.items():
        for k in range(claims):
            for outcome in ["repurchase", "advocacy"][: 1 + k % 2]:
                for part in ["", "affective"] if k == 1 else [""]:
                    estimate = random.normal(0, 0.3)
                    rows.append(
                        {
                            "claim_set": claim_set,
                            "claim": f"{claim_set[0].upper()}{k + 1}",
                            "part": part,
                            "text": f"Claim {k} of {claim_set} holds.",
                            "source": "press",
                            "outcome": outcome,
                            "estimate": estimate,
                            "conf_low": estimate - 0.1,
                            "conf_high": estimate + 0.1,
                            "n": 9000,
                            "verdict": random.choice(VERDICTS, p=[0.15, 0.3, 0.1, 0.25, 0.2]),
                            "reason": "few_clusters",
                        }
                    )
    return pd.DataFrame(rows)


def all_figures(study):
    regression = make_regression(study)
    return {
        "forest": figures.forest(regression, study),
        "zero_order": figures.zero_order(regression, study),
        "correlations": figures.correlations(make_correlations(study), study),
        "answers": figures.answers(make_answers(study), study),
        "verdict_strip": figures.verdict_strip(make_verdicts(), study),
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
        assert width == WIDTH == 7
        assert height < 10, "prints on Letter"


def test_png_and_svg_have_the_same_bytes_every_time(tmp_path):
    study = make_study()
    figure, again = (figures.forest(make_regression(study), study) for _ in range(2))
    assert figure.png() == again.png() == figure.png()
    assert figure.svg() == again.svg()
    png, svg = figure.save(tmp_path / "new" / "folder")
    assert (png.name, svg.name) == ("forest.png", "forest.svg")
    assert png.read_bytes() == figure.png()
    assert svg.read_text(encoding="utf-8") == figure.svg()
    assert "<dc:date>" not in figure.svg() and "Matplotlib v" not in figure.svg()


def test_png_is_200_dpi():
    study = make_study()
    image = Image.open(io.BytesIO(figures.forest(make_regression(study), study).png()))
    assert image.width == 7 * 200
    assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    assert image.info["Title"].startswith("Affective, normative")


def test_the_readers_own_style_changes_nothing():
    study = make_study()
    expected = figures.forest(make_regression(study), study).png()
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "figure.facecolor": "black"}):
        before = dict(matplotlib.rcParams)
        assert figures.forest(make_regression(study), study).png() == expected
        assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


def test_notebook_shows_the_figure_once_with_its_alt_text(tmp_path):
    study = make_study()
    figure = figures.verdict_strip(make_verdicts(), study)
    (tmp_path / "figure.pickle").write_bytes(pickle.dumps(figure))
    root = Path(figures.__file__).parents[1]
    code = (
        f"import pickle, sys\nsys.path.insert(0, {str(root)!r})\n"
        "import matplotlib.pyplot as plt\n"
        "figure = pickle.load(open('figure.pickle', 'rb'))\nfigure"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, timeout=120).execute()
    nbformat.validate(notebook)
    outputs = notebook.cells[0].outputs
    assert [output.output_type for output in outputs] == ["execute_result"]
    about = outputs[0].metadata["image/png"]
    assert about == {"alt": figure.alt, "name": "verdict_strip", "width": 672}
    assert outputs[0].metadata["image/svg+xml"]["alt"] == figure.alt
    assert base64.b64decode(outputs[0].data["image/png"]) == figure.png()
    assert outputs[0].data["image/svg+xml"] == figure.svg()


def test_simulated_respondents_are_named_inside_every_figure():
    for simulated in (True, False):
        study = make_study(["forced"], ["repurchase"], mediator=None, simulated=simulated)
        for figure in all_figures(study).values():
            texts = [text for text, _ in printed_text(figure.figure)]
            assert ("simulated respondents" in texts) == simulated


def test_alt_text_says_the_finding_and_where_the_numbers_are():
    for name, figure in all_figures(make_study()).items():
        where = {"forest": "regression", "zero_order": "regression", "verdict_strip": "verdicts"}
        assert figure.alt.startswith(figure.title.rstrip("."))
        assert f"{where.get(name, name)}.csv" in figure.alt
        assert figure.name == name


def test_dollar_signs_and_markup_are_printed_as_they_are():
    study = make_study(labels={"affective": "$x^2$", "forced": "<script>x</script>"})
    figure = figures.forest(make_regression(study), study)
    texts = [text for text, _ in printed_text(figure.figure)]
    assert {"$x^2$", "<script>x</script>"} <= {*texts}
    assert "<script" not in figure.svg()


def slopes(study, rows):
    """A regression of the first model from (term, beta, half-width, zero_order)."""
    model = study.model.mediator or f"{next(iter(study.model.outcomes))}.total"
    return pd.DataFrame(
        [
            {
                "model": model,
                "term": term,
                "n": 31,
                "beta": beta,
                "beta_low": beta - half,
                "beta_high": beta + half,
                "zero_order": zero_order,
            }
            for term, beta, half, zero_order in rows
        ]
    )


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        (
            [("affective", 0.4, 0.1, 0.5), ("forced", -0.3, 0.1, -0.1)],
            "Affective commitment goes with higher satisfaction; forced with lower",
        ),
        (
            [("affective", 0.4, 0.1, 0.5), ("normative", 0.4, 0.1, 0.5)],
            "Affective and normative commitment go with higher satisfaction",
        ),
        ([("forced", -0.3, 0.1, -0.1)], "Forced commitment goes with lower satisfaction"),
        (
            [("affective", 0.1, 0.1, 0.5)],
            "No driver is clearly associated with satisfaction: every interval includes zero",
        ),
        ([("affective", np.nan, 0.1, 0.5)], "No slope could be estimated for satisfaction"),
        (
            [(name, 0.3, 0.1, 0.3) for name in FIVE],
            "Affective, normative, economic, forced and habitual commitment go with higher "
            "satisfaction",
        ),
    ],
)
def test_forest_title_is_the_finding(rows, title):
    study = make_study()
    figure = figures.forest(slopes(study, rows), study)
    assert figure.title == title
    assert_no_text_collides(figure.figure)


def test_titles_stay_short_with_many_drivers_and_agree_in_number():
    study = make_study([f"driver_{k}" for k in range(9)], mediator=None)
    rows = [(f"driver_{k}", 0.3, 0.1, 0.3) for k in range(9)]
    title = figures.forest(slopes(study, rows), study).title
    assert title == "Driver 0, driver 1 and 7 others go with higher repurchase intention"
    for label, verb in [("Expectations", "go"), ("Usefulness", "goes"), ("Brand image", "goes")]:
        study = make_study(["x"], labels={"x": label})
        figure = figures.forest(slopes(study, [("x", 0.3, 0.1, 0.3)]), study)
        assert figure.title == f"{label} {verb} with higher satisfaction"
    study = make_study()
    several = [("forced", -0.3, 0.1, 0.3), ("habitual", -0.2, 0.1, 0.3)]
    title = figures.zero_order(slopes(study, several), study).title
    assert title.startswith("The signs of habitual and forced commitment flip once")


def test_forest_sorts_by_the_first_panel_and_keeps_rows_without_a_slope():
    study = make_study(outcomes=["repurchase"])
    rows = [("forced", -0.3, 0.1, 0.1), ("habitual", 0.2, 0.1, 0.1), ("normative", 0.5, 0.1, 0.1)]
    texts = [text for text, _ in printed_text(figures.forest(slopes(study, rows), study).figure)]
    order = [text for text in texts if text.endswith("commitment")]
    assert [name.split()[0] for name in order] == [
        "Normative",
        "Habitual",
        "Forced",
        "Affective",
        "Economic",
    ]
    assert texts.count("–") == 2


def test_forest_pairs_slopes_with_error_corrected_ones_where_known():
    study = make_study()
    regression = make_regression(study)
    without = figures.forest(regression, study)
    with_latent = figures.forest(regression.assign(beta_latent=0.3), study)
    notes = [" ".join(text for text, _ in printed_text(f.figure)) for f in (without, with_latent)]
    assert ["Hollow diamonds" in note for note in notes] == [False, True]


def test_forest_refuses_a_table_of_another_study():
    with pytest.raises(RunError, match="found \\['other'\\]"):
        figures.forest(make_regression(make_study()).assign(model="other"), make_study())


@pytest.mark.parametrize(
    ("zero_order", "beta", "title"),
    [
        (0.2, -0.2, "The sign of forced commitment flips for satisfaction once"),
        (-0.2, 0.2, "The sign of forced commitment flips for satisfaction once"),
        (0.2, -0.05, "No sign clearly flips once"),  # the interval includes zero
        (0.004, -0.2, "No sign clearly flips once"),  # a correlation of 0.00
        (np.nan, -0.2, "No sign clearly flips once"),
    ],
)
def test_zero_order_names_sign_flips(zero_order, beta, title):
    study = make_study()
    figure = figures.zero_order(slopes(study, [("forced", beta, 0.1, zero_order)]), study)
    assert figure.title.startswith(title)


def test_correlations_title_names_ties_and_the_other_sign():
    study = make_study()
    pairs = pd.DataFrame(
        [
            ("affective", "normative", 0.604, 50),
            ("affective", "forced", -0.2, 50),
            ("normative", "forced", 0.601, 50),
            ("affective", "satisfaction", np.nan, 50),
        ],
        columns=["a", "b", "r", "n"],
    )
    figure = figures.correlations(pairs, study)
    assert figure.title == (
        "Strongest correlation: affective commitment with normative commitment and normative "
        "commitment with forced commitment (0.60); most negative: affective commitment with "
        "forced commitment (−0.20)"
    )
    assert "–" in [text for text, _ in printed_text(figure.figure)]
    missing = figures.correlations(pairs.assign(r=np.nan), study)
    assert missing.title == "No correlation could be computed"


def test_correlations_leaves_out_what_is_not_in_the_model_and_needs_two():
    study = make_study()
    pairs = make_correlations(study)
    extra = pd.DataFrame([("affective", "age", 0.99, 400)], columns=["a", "b", "r", "n"])
    assert "age" not in figures.correlations(pd.concat([pairs, extra]), study).title
    with pytest.raises(RunError, match="two or more"):
        figures.correlations(extra, study)


def test_answers_sum_either_side_of_the_midpoint():
    study = make_study()
    table = pd.DataFrame(
        {
            "construct": "affective",
            "item": ["aff1"] * 5 + ["aff2"] * 5,
            "answer": [1, 2, 3, 4, 5] * 2,
            "share": [0.1, 0.1, 0.2, 0.3, 0.3, 0.3, 0.3, 0.0, 0.2, 0.2],
            "n": 31,
        }
    )
    figure = figures.answers(table, study)
    assert figure.title.startswith("On 1 of 2 items, more answers lie above")
    texts = [text for text, _ in printed_text(figure.figure)]
    assert [text for text in texts if text.endswith("%")] == ["20%", "60%", "60%", "40%"]
    with pytest.raises(RunError, match="no answers"):
        figures.answers(table.iloc[:0], study)


def test_answers_of_many_items_and_scales_stay_apart():
    study = make_big_study()
    few = make_answers(study, items=4, low=0, high=10)
    mixed = pd.concat([few[few["construct"] != "driver_0"], make_answers(study, 1, 1, 4).iloc[:4]])
    for table in (few, mixed):
        figure = figures.answers(table, study)
        assert_no_text_collides(figure.figure)
        assert figure.figure.get_figheight() < 10
    texts = " ".join(text for text, _ in printed_text(figure.figure))
    assert "(0–10)" in texts and "(1–4)" in texts


def test_verdict_strip_counts_claims_and_splits_those_judged_twice():
    study = make_study()
    verdicts = pd.DataFrame(
        {
            "claim_set": "rivals",
            "claim": ["V1", "V1", "V1", "V2"],
            "part": ["", "", "affective", np.nan],
            "verdict": ["supported", "contradicted", "inconclusive", "not testable"],
        }
    )
    figure = figures.verdict_strip(verdicts, study)
    assert figure.title == "3 verdicts on 2 claims: 1 contradicted, 1 supported and 1 not testable"
    texts = [text for text, _ in printed_text(figure.figure)]
    assert texts.count("V1 (1 of 2)") == 2
    assert "V2" in texts and "Rivals" in texts
    assert {"Contradicted", "Supported", "Negligible", "Inconclusive", "Not testable"} <= {*texts}
    with pytest.raises(RunError, match="Did you mean 'supported'"):
        figures.verdict_strip(verdicts.replace("supported", "suported"), study)


def test_verdicts_differ_by_word_shape_and_colour():
    marks = VERDICT_MARKS.values()
    for part in zip(*marks, strict=True):
        assert len({*part}) == 5


def test_fit_breaks_at_words_and_never_exceeds_the_width():
    text = "How strongly the respondent feels bound by supercalifragilisticexpialidocious costs"
    for width in (0.3, 0.7, 1.5, 9.0):
        for lines in (1, 2, 5):
            broken = fit(text, width, lines=lines).split("\n")
            assert len(broken) <= lines
            assert all(text_width(line) <= width for line in broken)
    assert fit("", 1.0) == ""
    assert fit("a\n b", 1.0) == "a b"


def test_importing_figures_leaves_pyplot_and_seaborn_alone():
    import subprocess

    code = "import sys, loyalty_analysis.figures as f; print('matplotlib.pyplot' in sys.modules)"
    root = Path(figures.__file__).parents[1]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert found.stdout.split() == [b"False"]


def test_a_figure_calls_no_sign_that_its_degrees_of_freedom_cannot_carry():
    """The words of a figure and of the text beside it come from the same rule."""
    survey = read_survey("bank_customers")
    table = regression(survey)
    few = table.assign(df=2.0, beta_df=2.0)
    assert "flips" in figures.zero_order(table, survey.study).title
    assert figures.zero_order(few, survey.study).title.startswith("No sign clearly flips")
    assert figures.forest(few, survey.study).title.startswith("Under four degrees of freedom")
