"""Figures, tables and readings of loyalty types say what the frames say, at their edges too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import assert_no_text_collides, printed_text
from type_study import mutual_survey, typed_survey

from loyalty_analysis import type_readings as readings
from loyalty_analysis.contrasts import contrasts
from loyalty_analysis.errors import RunError
from loyalty_analysis.mixtures import ABSENT, COLUMNS
from loyalty_analysis.plotting import WIDTH
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.type_captions import band_finding, known, mixture_finding, slopes_finding
from loyalty_analysis.type_figures import mixture_map, moved_cuts, type_map, type_slope_lines
from loyalty_analysis.type_frames import type_frames
from loyalty_analysis.type_tables import (
    mixture_table,
    reciprocity_table,
    type_slopes_table,
    types_table,
)

LONG = "How strongly the respondent feels bound by the costs ($, time, effort) of leaving"


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return typed_survey(tmp_path_factory.mktemp("types"))


@pytest.fixture(scope="module")
def frames(survey: Survey) -> dict[str, pd.DataFrame]:
    pytest.importorskip("sklearn")
    return type_frames(survey)


@pytest.fixture(params=["short", "long"])
def study(request: pytest.FixtureRequest, survey: Survey) -> Any:
    if request.param == "short":
        return survey.study
    model = SimpleNamespace(outcomes=survey.study.model.outcomes, controls=("age",))
    return SimpleNamespace(
        label=lambda name: LONG, types=survey.study.types, model=model, is_simulated=True,
        from_moments=False,
    )  # fmt: skip


def test_figures_without_text_that_collides(frames: dict[str, pd.DataFrame], study: Any) -> None:
    drawn = [
        type_map(frames["type_map"], frames["types"], frames["type_band"], study),
        type_map(frames["type_map"], frames["types"], frames["type_band"], study, "search"),
        type_slope_lines(frames["surface"], frames["type_slopes"], study),
        moved_cuts(frames["type_band"], study),
        mixture_map(frames["mixture"], frames["mixture_classes"], study),
    ]
    for figure in drawn:
        assert figure.figure.get_figwidth() == WIDTH and "results/" in figure.alt
        assert_no_text_collides(figure.figure)


def test_the_map_prints_every_share(survey: Survey, frames: dict[str, pd.DataFrame]) -> None:
    figure = type_map(frames["type_map"], frames["types"], frames["type_band"], survey.study)
    said = " ".join(text for text, _ in printed_text(figure.figure))
    for row in frames["types"].drop_duplicates("type").itertuples():
        assert f"{100 * row.share:.0f}% [{100 * row.share_low:.0f}, " in said
    assert "mean advocacy" in said and "n\xa0=\xa0420" in said
    with pytest.raises(RunError, match="holds no bin"):
        type_map(frames["type_map"], frames["types"], frames["type_band"], survey.study, "loyalty")


def test_slopes_in_words(survey: Survey, frames: dict[str, pd.DataFrame]) -> None:
    study, slopes = survey.study, frames["type_slopes"]
    assert slopes_finding(slopes, study) == (
        "The slope of attitude rises with patronage for advocacy"
    )
    table = contrasts(survey.model("types"))
    said = str(readings.type_slopes_reading(slopes, table, study))
    assert said.startswith("Where patronage is one SD below its mean, one point more attitude goes")
    assert "0.24 [0.10, 0.38] points more advocacy" in said
    assert said.endswith("Elsewhere it cannot be told to change for search.")
    product = pd.DataFrame(
        [{"estimand": "interaction", "term": "attitude:patronage", "outcome": "advocacy",
          "estimate": 0.2, "conf_low": 0.1, "conf_high": 0.3, "latent": np.nan,
          "latent_low": np.nan, "latent_high": np.nan}]
    )  # fmt: skip
    said = str(readings.type_slopes_reading(slopes, product, study))
    assert said.endswith("product: 0.20 [0.10, 0.30]; what measurement error does to it is not "
                         "known.")  # fmt: skip
    twin = product.assign(latent=0.25, latent_low=0.12, latent_high=0.38)
    said = str(readings.type_slopes_reading(slopes, twin, study))
    assert said.endswith("corrected for measurement error 0.25 [0.12, 0.38].")
    flat = slopes.assign(conf_low=-1.0)
    assert slopes_finding(flat, study) == (
        "Whether the slope of attitude changes with patronage cannot be told"
    )
    html = type_slopes_table(slopes, study).as_raw_html()
    assert "On advocacy" in html and "0.24 [0.10, 0.38]" in html


def test_types_in_words_and_in_a_table(survey: Survey, frames: dict[str, pd.DataFrame]) -> None:
    said = str(readings.types_reading(frames["types"], survey.study))
    assert said.startswith("Of all customers 43% [38, 47] have no loyalty, 22% [18, 26] inertia, ")
    assert "to 6.23 [5.94, 6.53] among premium customers." in said
    html = types_table(frames["types"], survey.study).as_raw_html()
    assert "43% [38, 47]" in html and "6.23 [5.94, 6.53]" in html and "n = 420" in html
    small = frames["types"].copy()
    small.loc[small["type"] == "latent", small.columns[2:]] = np.nan
    said = str(readings.types_reading(small, survey.study))
    assert said.endswith("Under ten respondents, and so not shown: latent loyalty.")
    assert "–" in types_table(small, survey.study).as_raw_html()
    figure = type_map(frames["type_map"], small, frames["type_band"], survey.study)
    assert any("under ten respondents" in text for text, _ in printed_text(figure.figure))
    none = small.assign(**dict.fromkeys(small.columns[2:], np.nan))
    assert str(readings.types_reading(none, survey.study)) == "No type has ten respondents."


def test_moved_cuts_in_words(survey: Survey, frames: dict[str, pd.DataFrame]) -> None:
    band = frames["type_band"]
    said = str(readings.band_reading(band, survey.study))
    assert said.startswith("Moved cuts make no loyalty ") and "of 25 pairs of cuts." in said
    gone = band.assign(estimate=band["estimate"].mask(band["quantity"] == "contrast"))
    assert band_finding(gone, survey.study) == (
        "Advocacy: no pair of cuts leaves ten respondents in every type"
    )
    assert known(gone, "estimate") and not known(gone, "estimate", "contrast")
    with pytest.raises(RunError, match="holds no step between types"):
        moved_cuts(gone, survey.study)


def test_mixtures_in_words(survey: Survey, frames: dict[str, pd.DataFrame]) -> None:
    fits = frames["mixture"]
    html = mixture_table(fits, survey.study).as_raw_html()
    assert "(best)" in html and "adjusted Rand index" in html
    one = fits.assign(best=fits["classes"] == 1)
    assert mixture_finding(one).endswith("no groups of customers lie apart")
    assert "entropy" not in str(readings.mixture_reading(one, survey.study))
    sure = fits.assign(best=fits["classes"] == 3, entropy=0.9, note="mixtures cannot honour x")
    said = str(readings.mixture_reading(sure, survey.study))
    assert said.startswith("Three classes fit") and "belong to one of them clearly" in said
    assert said.endswith("Every respondent counts once: mixtures cannot honour x.")
    absent = pd.DataFrame([{"note": ABSENT}]).reindex(columns=COLUMNS)
    assert str(readings.mixture_reading(absent, survey.study)) == (
        'A mixture needs scikit-learn: pip install "loyalty-analysis[mixture]".'
    )
    for draw in (lambda: mixture_table(absent, survey.study),
                 lambda: mixture_map(absent, pd.DataFrame(), survey.study)):  # fmt: skip
        with pytest.raises(RunError, match="needs scikit-learn"):
            draw()


def test_mutual_loyalty_in_words(tmp_path: Path) -> None:
    perceived = mutual_survey(tmp_path / "perceived", recorded=False)
    table = type_frames(perceived)["reciprocity"]
    said = str(readings.reciprocity_reading(table, perceived.study))
    assert said.startswith("Perceived: one SD more brand investment goes with 0.")
    assert "this tests perceived reciprocity only" in said
    assert "Mutual loyalty beside affective commitment: standardized slopes 0." in said
    both = mutual_survey(tmp_path / "both")
    table = type_frames(both)["reciprocity"]
    said = str(readings.reciprocity_reading(table, both.study))
    assert "Recorded: one SD more" in said and "perceived reciprocity only" not in said
    html = reciprocity_table(table, both.study).as_raw_html()
    assert "Recorded investment: the chain" in html and "Brand investment → Gratitude" in html
    untold = table.assign(conf_low=-1.0)
    said = str(readings.reciprocity_reading(untold, both.study))
    assert "it cannot be told from zero." in said and "Links that cannot be told from zero" in said


def test_a_study_without_types_says_so(survey: Survey) -> None:
    assert "declares no [types]" in str(readings.needs_types(read_survey("rice_simulated"), "It"))
    assert "known by its moments" in str(readings.needs_types(read_survey("bank_customers"), "It"))
    assert "ten respondents in every type" in str(readings.needs_types(survey, "It"))
