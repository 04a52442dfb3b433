"""Sums of slopes: a set of drivers in one equation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pillar_study import TRUE, answers, pillar_survey

from loyalty_analysis.claims import Claim
from loyalty_analysis.sums import slope_sums
from loyalty_analysis.tidy import CONTRASTS
from loyalty_analysis.twins import twins

COSTS = "switching_financial + switching_emotional + switching_logistical"
CLAIM = Claim(id="B1", text="", estimand="total", outcome="repurchase", sign="+", term=COSTS,
              versus=("satisfaction",))  # fmt: skip


def test_a_sum_is_the_slope_of_all_at_once(tmp_path: Path) -> None:
    survey = pillar_survey(tmp_path, answers(4000, seed=5)).model("pillars")
    [table] = slope_sums(survey, [CLAIM, CLAIM], twins(survey))
    assert list(table.columns) == CONTRASTS
    row = table.iloc[0]
    assert (row["estimand"], row["term"], row["versus"]) == ("total", COSTS, "")
    assert row["model"] == "pillars/repurchase.total"
    # Plainly: least squares on z-scores, slopes added up.
    frame = survey.frame
    assert frame is not None
    terms = list(survey.terms(("satisfaction", *survey.study.model.drivers[1:], "age", "gender")))
    z = (frame[[*terms, "repurchase"]] - frame[[*terms, "repurchase"]].mean()) / frame[
        [*terms, "repurchase"]
    ].std()
    slopes = np.linalg.lstsq(z[terms].to_numpy(), z["repurchase"].to_numpy(), rcond=None)[0]
    own = pd.Series(slopes, terms)[COSTS.split(" + ")].sum()
    assert row["estimate"] == pytest.approx(own, rel=1e-9)
    # Known: the latent slopes over the latent SD of repurchase.
    sd = np.sqrt(frame["repurchase"].var() - 0.3**2 / 2)
    assert row["latent"] == pytest.approx(sum(TRUE[k] for k in COSTS.split(" + ")) / sd, abs=0.05)
    assert row["latent_low"] < row["latent"] < row["latent_high"]


def test_clusters_and_what_is_no_sum(tmp_path: Path) -> None:
    changes = {"design": {"cluster": "shop"}}
    survey = pillar_survey(tmp_path, answers(seed=5), changes).model("pillars")
    [table] = slope_sums(survey, [CLAIM])
    assert 4 < table["df_satterthwaite"].iloc[0] < 12
    others = [
        CLAIM.model_copy(update={"term": "satisfaction"}),
        CLAIM.model_copy(update={"term": "satisfaction + quality"}),
        CLAIM.model_copy(update={"estimand": "largest_share"}),
        CLAIM.model_copy(update={"outcome": "search"}),
    ]
    assert slope_sums(survey, others) == []
