"""Mutual loyalty: chains equal to plain regressions, and what stands beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.formula.api as smf
from type_study import mutual_survey, typed_survey

from loyalty_analysis.reciprocity import COLUMNS, reciprocity

PATH = ["brand_investment", "gratitude", "affective", "reciprocation"]


def test_chains_by_a_plain_second_computation(tmp_path: Path) -> None:
    survey = mutual_survey(tmp_path)
    found = reciprocity(survey)
    assert list(found) == COLUMNS and survey.frame is not None
    for source, first in (("perceived", PATH[0]), ("recorded", "brand_investment_recorded")):
        path, frame = [first, *PATH[1:]], survey.frame
        frame = frame[frame[first].notna()]
        own = found[found["source"] == source]
        links = []
        for step in (1, 2, 3):
            fit = smf.ols(f"{path[step]} ~ {' + '.join(path[:step])}", frame).fit()
            sd = frame[[path[step - 1], path[step]]].std().to_numpy()
            links.append(fit.params[path[step - 1]] * sd[0] / sd[1])
        np.testing.assert_allclose(own.query("effect == 'link'")["estimate"], links, rtol=1e-9)
        chain = own.query("effect == 'chain'").iloc[0]
        assert chain["estimate"] == pytest.approx(np.prod(links), rel=1e-9)
        assert chain["term"] == first and chain["n"] == len(frame)
        assert chain["model"] == "reciprocity" and chain["through"] == "gratitude -> affective"


def test_mutual_loyalty_stands_beside_affective_commitment(tmp_path: Path) -> None:
    survey = mutual_survey(tmp_path, recorded=False)
    found = reciprocity(survey)
    assert set(found["source"]) == {"perceived"}
    beside = found.query("effect == 'slope'").set_index("term")["estimate"]
    assert survey.frame is not None
    fit = smf.ols("repurchase ~ affective + mutual_loyalty", survey.frame).fit()
    for name in ("affective", "mutual_loyalty"):
        sds = survey.frame[[name, "repurchase"]].std().to_numpy()
        assert beside[name] == pytest.approx(fit.params[name] * sds[0] / sds[1])


def test_a_planted_chain_is_told_from_zero_and_none_is_not(tmp_path: Path) -> None:
    planted = reciprocity(mutual_survey(tmp_path / "some", n=800)).query("effect == 'chain'")
    assert (planted["conf_low"] > 0).all() and len(planted) == 2
    # What was recorded reaches further customers only as far as they noticed it.
    assert planted["estimate"].iloc[0] > planted["estimate"].iloc[1]
    nothing = reciprocity(mutual_survey(tmp_path / "none", n=800, slope=0.0))
    chain = nothing.query("effect == 'chain'")
    assert ((chain["conf_low"] <= 0) & (chain["conf_high"] >= 0)).all()


def test_studies_without_the_constructs_have_no_rows(tmp_path: Path) -> None:
    assert reciprocity(typed_survey(tmp_path)).empty
