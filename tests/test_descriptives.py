"""What was measured: scores, alpha and shares of answers, each by a plain second computation."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from factory import ITEMS, answers, survey_of

from loyalty_analysis import descriptives as module
from loyalty_analysis.descriptives import descriptives
from loyalty_analysis.measurement import cronbach_alpha
from loyalty_analysis.survey import Survey, read_survey

# Sums of 120 numbers in another order.
CLOSED = 1e-10
WEIGHT = {"design": {"weight": "w"}}
each_weighting = pytest.mark.parametrize("weighted", [False, True])


def turned(frame: pd.DataFrame) -> pd.DataFrame:
    """Answers with the reversed item turned, as the scores use them."""
    return frame.assign(for3=8 - frame["for3"])


def alpha_by_hand(items: pd.DataFrame, weight: np.ndarray) -> float:
    """k / (k - 1) (1 - sum of item variances / variance of their sum)."""
    k = items.shape[1]
    variance = [np.cov(items[column], aweights=weight) for column in items]
    return k / (k - 1) * (1 - sum(variance) / np.cov(items.sum(axis=1), aweights=weight))


def described(frame: pd.DataFrame, weighted: bool) -> pd.DataFrame:
    weight = frame["w"].to_numpy() if weighted else np.ones(len(frame))
    rows: list[dict[str, Any]] = []
    for name, items in ITEMS.items():
        if name == "usability":
            kind, label = "other", "Usability"
        else:
            kind = {"satisfaction": "mediator", "search": "outcome"}.get(name, "driver")
            kind = "outcome" if name in ("repurchase", "advocacy") else kind
            label = "Affective commitment" if name == "affective" else name.capitalize()
        score = frame[items].mean(axis=1).to_numpy()
        mean = np.average(score, weights=weight)
        variance = np.average((score - mean) ** 2, weights=weight)
        n = len(frame)
        rows.append(
            {
                "construct": name,
                "label": label,
                "kind": kind,
                "items": len(items),
                "n": n,
                "mean": mean,
                "sd": np.sqrt(variance * n / (n - 1)),
                "minimum": score.min(),
                "maximum": score.max(),
                "skewness": np.average((score - mean) ** 3, weights=weight) / variance**1.5,
                "alpha": alpha_by_hand(frame[items], weight) if len(items) > 1 else np.nan,
            }
        )
    return pd.DataFrame(rows)


@each_weighting
def test_descriptives(tmp_path: Path, weighted: bool) -> None:
    found = descriptives(survey_of(tmp_path, WEIGHT if weighted else None))
    wanted = described(turned(answers()), weighted)
    assert list(found["construct"]) == list(wanted["construct"])
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, rtol=CLOSED, atol=1e-12)


def test_a_moderator_is_named_one(tmp_path: Path) -> None:
    changes = {"constructs.shown": {"min": 0, "max": 1}, "model.moderators": ["shown"]}
    table = descriptives(survey_of(tmp_path, changes)).set_index("construct")
    assert table.loc["shown", "kind"] == "moderator"


def test_alpha_uses_those_who_answered_every_item(tmp_path: Path) -> None:
    frame = answers()
    frame["aff2"] = frame["aff2"].astype(float).mask(frame["id"] % 4 == 0)
    one = survey_of(tmp_path, {"constructs.affective.min_items": 2}, frame)
    assert one.n == 120
    found = descriptives(one).set_index("construct").loc["affective", "alpha"]
    complete = frame.loc[frame["aff2"].notna(), ITEMS["affective"]]
    assert found == pytest.approx(alpha_by_hand(complete, np.ones(len(complete))), rel=CLOSED)


def test_alpha_is_empty_where_nobody_answered_every_item(tmp_path: Path) -> None:
    frame = answers()
    for place, item in enumerate(ITEMS["affective"]):
        frame[item] = frame[item].astype(float).mask(frame["id"] % 3 == place)
    one = survey_of(tmp_path, {"constructs.affective.min_items": 2}, frame)
    assert np.isnan(descriptives(one).set_index("construct").loc["affective", "alpha"])


def test_cronbach_alpha_of_parallel_items() -> None:
    """Spearman-Brown: k items that correlate r have alpha k r / (1 + (k - 1) r)."""
    covariance = np.full((4, 4), 0.3) + 0.7 * np.eye(4)
    assert cronbach_alpha(covariance) == pytest.approx(4 * 0.3 / (1 + 3 * 0.3), rel=1e-14)


def moments_of(folder: Path, items: bool) -> Survey:
    """The same survey known by the moments of its items (as answered), or of its scores."""
    one = survey_of(folder)
    assert one.items is not None
    frame = answers()[list(one.items.columns)].astype(float)
    if not items:
        assert one.frame is not None
        frame = one.frame[list(ITEMS)]
    head = pd.DataFrame(
        {"variable": frame.columns, "n": 120, "mean": frame.mean(), "sd": frame.std()}
    )
    table = pd.concat([head, frame.corr()], axis=1)
    table.to_csv(folder / "moments.csv", index=False)
    path = folder / "study.toml"
    text = path.read_text(encoding="utf-8").replace("survey.csv", "moments.csv")
    path.write_text(text, encoding="utf-8")
    return read_survey(path)


@pytest.mark.parametrize("items", [True, False])
def test_descriptives_from_moments(tmp_path: Path, items: bool) -> None:
    """Means, SDs and alpha follow from the moments of items; extremes need respondents."""
    one = moments_of(tmp_path, items)
    found = descriptives(one)
    wanted = described(turned(answers()), weighted=False)
    wanted[["minimum", "maximum", "skewness"]] = np.nan
    if not items:
        wanted["alpha"] = np.nan
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, rtol=CLOSED, atol=0)


@each_weighting
def test_shares_of_answers(tmp_path: Path, weighted: bool) -> None:
    frame = answers()
    frame["rep1"] = frame["rep1"].astype(float).mask(frame["id"] == 7)
    changes: dict[str, Any] = {"constructs.repurchase.min_items": 1}
    one = survey_of(tmp_path, changes | (WEIGHT if weighted else {}), frame)
    found = module.answers(one)
    frame = turned(frame)
    weight = frame["w"] if weighted else pd.Series(1.0, frame.index)
    rows = [
        (construct, item, float(point), weight[frame[item] == point].sum(), frame[item].count())
        for construct, items in ITEMS.items()
        for item in items
        for point in range(1, 8)
    ]
    wanted = pd.DataFrame(rows, columns=["construct", "item", "answer", "share", "n"])
    wanted["share"] /= wanted.groupby("item")["share"].transform("sum")
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, rtol=CLOSED, atol=0)
    assert found.query("item == 'rep1'")["n"].eq(119).all()


def test_long_scales_and_answers_between_points_are_left_out(tmp_path: Path) -> None:
    frame = answers().assign(usability=lambda d: d["id"] / 10, sea1=lambda d: d["sea1"] + 0.5)
    changes = {
        "constructs.usability": {"min": 0, "max": 1e12},
        "constructs.search": {"items": ["sea1"], "min": 1, "max": 8},
    }
    found = module.answers(survey_of(tmp_path, changes, frame))
    assert set(found["construct"]) == set(ITEMS) - {"usability", "search"}
