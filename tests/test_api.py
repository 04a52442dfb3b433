"""The calls of a notebook: frames that show as tables and read as sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from factory import REMOVE, make, survey_of
from pandas.testing import assert_frame_equal

import loyalty_analysis as la
from loyalty_analysis.api import Readable
from loyalty_analysis.drivers import drivers
from loyalty_analysis.errors import RunError
from loyalty_analysis.mediation import mediation
from loyalty_analysis.regression import regression
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdicts import judge

CALLS: dict[str, Callable[[Survey], pd.DataFrame]] = {
    "judge": judge,
    "regression": regression,
    "mediation": mediation,
    "drivers": drivers,
}
Call = Callable[[Survey], Readable]
each_call = pytest.mark.parametrize("name", CALLS)


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    return survey_of(tmp_path_factory.mktemp("study"))


@each_call
def test_the_frame_is_that_of_the_module(name: str, survey: Survey) -> None:
    call: Call = getattr(la, name)
    found, expected = call(survey), CALLS[name](survey)
    assert_frame_equal(pd.DataFrame(found), expected)
    assert found.attrs == expected.attrs
    for part in (found.head(2), found[["n"]], found.copy()):
        assert type(part) is pd.DataFrame  # the sentence speaks of the whole


@each_call
def test_it_shows_as_a_table_with_its_sentence(name: str, survey: Survey) -> None:
    call: Call = getattr(la, name)
    found = call(survey)
    page: Any = found._repr_html_()
    assert "<table" in page and page.endswith("</p>")
    assert found.reading.endswith(".")


def test_a_study_can_be_named_instead(tmp_path: Path) -> None:
    path = make(tmp_path)
    assert_frame_equal(pd.DataFrame(la.regression(path)), regression(la.read_survey(path)))
    assert la.plot_slopes(str(path.parent)).title


def test_a_study_without_a_mediator_says_so(tmp_path: Path) -> None:
    survey = la.read_survey(make(tmp_path, {"model.mediator": REMOVE}))
    found = la.mediation(survey)
    assert found.empty and "mediator" in found.reading
    assert found._repr_html_() == f"<p>{found.reading}</p>"
    with pytest.raises(RunError):
        la.plot_mediation(survey)


def test_figures_name_what_they_show(survey: Survey) -> None:
    drawn = (la.plot_slopes, la.plot_shares, la.plot_mediation, la.plot_verdicts)
    shown = [draw(survey) for draw in drawn]
    assert len({one.name for one in shown}) == len(drawn)
    assert all(one.title and one.alt for one in shown)
