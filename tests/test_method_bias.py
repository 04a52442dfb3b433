"""Method bias: slopes of worlds with a planted method come back, in either direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import answers, make, survey_of

from loyalty_analysis.errors import StudyError
from loyalty_analysis.method_bias import bands, marker_share, method_bias, without_method
from loyalty_analysis.moments import Moments
from loyalty_analysis.survey import Survey, read_survey

NAMES = ["x", "z", "y"]
TRAITS = np.array([[1, 0.3, 0.4], [0.3, 1, 0.1], [0.4, 0.1, 1]])
TRUE_SLOPES = np.linalg.solve(TRAITS[:2, :2], TRAITS[:2, 2])


def study_of(folder: Path, correlation: Any, kind: str = "attitude") -> Survey:
    """A study known by the correlations of three scores."""
    lines = ["variable,n,mean,sd," + ",".join(NAMES)]
    for i, name in enumerate(NAMES):
        cells = [f"{correlation[i, j]:.17g}" for j in range(i + 1)] + [""] * (2 - i)
        lines.append(f"{name},500,4,1," + ",".join(cells))
    (folder / "moments.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "study.toml").write_text(
        'title = "Method"\ndata = "moments.csv"\norigin = "simulated"\nclaims = ["rivals"]\n'
        "[scale]\nmin = 1\nmax = 7\n[constructs]\nx = {}\nz = {}\ny = {}\n"
        f'[model]\ndrivers = ["x", "z"]\noutcomes = {{ y = "{kind}" }}\n',
        encoding="utf-8",
    )
    return read_survey(folder)


def observed(share: float, signs: list[int]) -> Any:
    """Correlations that the traits have once a method takes a share of every variance."""
    loads = np.sqrt(share) * np.array(signs)
    found = (1 - share) * TRAITS + np.outer(loads, loads)
    np.fill_diagonal(found, 1)
    return found


@pytest.mark.parametrize(("direction", "signs"), [("same", [1, 1, 1]), ("opposite", [1, 1, -1])])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_planted_method_is_taken_out(
    tmp_path: Path, direction: str, signs: list[int], share: float
) -> None:
    survey = study_of(tmp_path, observed(share, signs))
    table = method_bias(survey, shares=[0, share])
    rows = table[(table["direction"] == direction)].set_index("term")
    np.testing.assert_allclose(rows.loc[["x", "z"], "beta"], TRUE_SLOPES, rtol=1e-10)
    assert (rows["conf_low"] < rows["beta"]).all() and (rows["beta"] < rows["conf_high"]).all()


def test_records_of_behaviour_share_no_method(tmp_path: Path) -> None:
    found = observed(0.2, [1, 1, 1])
    found[:2, 2] = found[2, :2] = np.sqrt(0.8) * TRAITS[:2, 2]  # only the drivers are answers
    table = method_bias(study_of(tmp_path, found, "behaviour"), shares=[0.2])
    rows = table[table["direction"] == "same"].set_index("term")
    np.testing.assert_allclose(rows.loc[["x", "z"], "beta"], TRUE_SLOPES, rtol=1e-10)


def test_equal_shares_are_lindell_and_whitneys_partial_correlation() -> None:
    moments = Moments(tuple(NAMES), 50, 50.0, 50.0, np.zeros(3), TRAITS * 50)
    found = without_method(moments, np.full(3, 0.05), np.ones(3)).correlation
    wanted = (TRAITS - 0.05) / 0.95
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_method_that_is_partialled_out_of_answers() -> None:
    """The same algebra from respondents: a known method, its part of every answer subtracted."""
    random = np.random.default_rng(1)
    share, n = 0.25, 200_000
    traits = random.multivariate_normal(np.zeros(3), TRAITS, n)
    method = random.normal(size=(n, 1))
    rows = np.sqrt(1 - share) * traits + np.sqrt(share) * method * np.array([1, 1, -1])
    cleaned = without_method(
        Moments.from_rows(NAMES, rows), np.full(3, share), np.array([1.0, 1, -1])
    )
    np.testing.assert_allclose(cleaned.correlation, TRAITS, atol=0.015)


def test_no_method_is_the_regression(tmp_path: Path) -> None:
    from loyalty_analysis.regression import regression

    survey = survey_of(tmp_path, {"model.controls": ["age", "gender"]})
    table = method_bias(survey, shares=[0]).set_index(["model", "term"])
    wanted = regression(survey).set_index(["model", "term"]).loc[table.index]
    np.testing.assert_allclose(table["beta"], wanted["beta"], rtol=1e-10)
    np.testing.assert_allclose(table["conf_low"], wanted["beta_low"], rtol=1e-6)
    assert "age" not in table.index.get_level_values("term")


def test_impossible_shares_have_no_slopes(tmp_path: Path) -> None:
    table = method_bias(study_of(tmp_path, TRAITS), shares=[0, 0.8])
    impossible = table[~table["admissible"]]
    assert len(impossible) and impossible[["beta", "conf_low", "conf_high"]].isna().all(axis=None)
    assert table.loc[table["direction"] == "none", "admissible"].all()


def test_bands(tmp_path: Path) -> None:
    table = method_bias(study_of(tmp_path, TRAITS))
    found = bands(table).set_index("term")
    rows = table[table["admissible"] & (table["term"] == "x")]
    assert found.loc["x", "beta"] == pytest.approx(TRUE_SLOPES[0])
    assert found.loc["x", ["lowest", "highest"]].to_list() == [
        rows["beta"].min(),
        rows["beta"].max(),
    ]
    # A share counts where both directions are possible.
    both = rows[rows["share"].isin([0, *rows["share"].value_counts().loc[lambda n: n == 2].index])]
    lost = both[both["conf_low"] <= 0]["share"].min()
    kept = both if np.isnan(lost) else both[both["share"] < lost]
    assert found.loc["x", "holds_to"] == kept["share"].max()
    assert np.isnan(found.loc["z", "holds_to"])  # its slope is not clear of zero to begin with


def coloured() -> pd.DataFrame:
    """Answers with two items that share something with every construct."""
    frame = answers()
    asked = ["aff1", "nor1", "for1", "sat1", "rep1", "adv1", "sea1", "usability"]
    common = frame[asked].mean(axis=1)
    random = np.random.default_rng(1)
    for item in ("col1", "col2"):
        frame[item] = np.clip(np.rint(3 * common - 8 + random.normal(size=120)), 1, 7)
    frame["col2"] = 8 - frame["col2"]
    return frame


COLOUR = {"constructs.colour": {"items": ["col1", "col2"], "reversed": ["col2"]}}


def test_a_construct_as_marker(tmp_path: Path) -> None:
    survey = read_survey(make(tmp_path, COLOUR | {"quality.marker": "colour"}, coloured()))
    assert survey.frame is not None
    names = list(survey.study.model_constructs)
    assert "colour" not in names and "colour" not in survey.moments.columns
    share = marker_share(survey)
    known = survey.frame[[*names, "colour"]].corr()["colour"].drop("colour")
    assert share == pytest.approx(known.min(), abs=1e-12) and share > 0.02
    table = method_bias(survey, shares=[0])
    rows = table[table["direction"] == "marker"]
    assert len(rows) and (rows["share"] == share).all()


def test_a_column_as_marker_honours_weights_and_costs_nobody(tmp_path: Path) -> None:
    frame = coloured().astype({"col1": float})
    frame.loc[:29, "col1"] = np.nan
    changes = {"quality.marker": "col1", "design.weight": "w"}
    survey = read_survey(make(tmp_path, changes, frame))
    assert survey.n == 120 and survey.frame is not None
    answered = survey.frame[survey.frame["col1"].notna()]
    assert len(answered) == 90
    names = ["col1", *survey.study.model_constructs]
    wanted = np.cov(answered[names].to_numpy(dtype=float).T, aweights=answered["w"])
    wanted = wanted[0, 1:] / np.sqrt(wanted[0, 0] * np.diag(wanted)[1:])
    assert marker_share(survey) == pytest.approx(max(wanted.min(), 0), abs=1e-12)


def test_without_a_marker_there_is_none(tmp_path: Path) -> None:
    survey = survey_of(tmp_path)
    assert "marker" not in set(method_bias(survey, shares=[0])["direction"])
    with pytest.raises(StudyError, match=r"name a construct or column as quality\.marker"):
        marker_share(survey)


def test_a_marker_of_a_study_known_by_moments_is_that_of_its_respondents(tmp_path: Path) -> None:
    changes = COLOUR | {"quality.marker": "colour"}
    respondents = read_survey(make(tmp_path, changes, coloured()))
    items = [i for name in respondents.study.constructs for i in respondents.study.items_of(name)]
    raw = coloured()[items]
    table = raw.agg(["mean", "std"]).T.set_axis(["mean", "sd"], axis=1)
    table.insert(0, "n", len(raw))
    table.join(raw.corr()).to_csv(tmp_path / "moments.csv", index_label="variable")
    known = read_survey(make(tmp_path, changes | {"data": "moments.csv"}, coloured()))
    assert marker_share(known) == pytest.approx(marker_share(respondents), abs=1e-10)
    assert "colour" not in known.moments.columns


def test_columns_are_those_of_the_docstring(tmp_path: Path) -> None:
    table = method_bias(study_of(tmp_path, TRAITS), shares=[0.1])
    assert isinstance(table, pd.DataFrame)
    assert list(table) == [
        "model", "outcome", "term", "direction", "share", "beta", "conf_low", "conf_high",
        "admissible", "n",
    ]  # fmt: skip
