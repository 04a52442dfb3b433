"""Further models of a study: views of the same respondents, each analysed as a study of its own."""

import numpy as np
import pandas as pd
import pytest
from factory import REMOVE, make, survey_of
from pandas.testing import assert_frame_equal

from loyalty_analysis.analysis import analyse, single_claims
from loyalty_analysis.claims import LEVELS, TYPES, load_claims
from loyalty_analysis.errors import StudyError
from loyalty_analysis.regression import regression
from loyalty_analysis.results import whole
from loyalty_analysis.runs import judge_run
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import read_survey
from loyalty_analysis.testable import home
from loyalty_analysis.verdict_table import judged_in, verdict_table
from loyalty_analysis.verdicts import judge

MODELS = {
    "models.beside": {"drivers": ["satisfaction", "forced"], "outcomes": ["repurchase"]},
    "models.sources": {"paths": {"satisfaction": ["usability", "normative"]}},
}
TOTAL = {"estimand": "total", "outcome": "repurchase"}
CLAIMS: list[dict[str, object]] = [
    {},
    {**TOTAL, "term": "satisfaction", "versus": ["forced"]},
    {"term": "usability"},
    {**TOTAL, "outcome": "advocacy", "term": "satisfaction"},
    {**TOTAL, "term": "satisfaction + forced"},
]


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return survey_of(tmp_path_factory.mktemp("models"), MODELS, claims=CLAIMS)


def test_a_further_model_is_the_study_that_would_declare_it(survey, tmp_path):
    view = survey.model("beside")
    alone = survey_of(
        tmp_path,
        {
            "model.drivers": ["satisfaction", "forced"],
            "model.mediator": REMOVE,
            "model.outcomes": {"repurchase": "intention"},
            "paths": REMOVE,
        },
    )
    found = regression(view)
    assert set(found["model"]) == {"beside/repurchase.total"}
    assert_frame_equal(found.assign(model="repurchase.total"), regression(alone))
    assert (view.n, view.moments.columns) == (alone.n, ("satisfaction", "forced", "repurchase"))


def test_respondents_are_complete_on_every_model(tmp_path):
    frame = survey_of(tmp_path / "whole").frame
    assert frame is not None
    raw = pd.read_csv(tmp_path / "whole" / "survey.csv")
    raw["usability"] = raw["usability"].where(raw.index >= 20)
    changes = {"paths": REMOVE, "models.sources": {"paths": {"satisfaction": ["usability"]}}}
    survey = survey_of(tmp_path / "holes", changes, frame=raw)
    assert survey.n == len(raw) - 20
    assert "usability missing" in set(survey.attrition["rule"])


def test_claims_are_judged_in_the_first_model_that_holds_what_they_name(survey):
    results = analyse(survey, everything=False)
    rows = judge(survey, results).set_index("claim")
    known = whole(results)["regression"].set_index(["model", "term"])
    for claim, model, term in [
        ("C1", "satisfaction", "affective"),
        ("C2", "beside/repurchase.total", "satisfaction"),
        ("C3", "sources/satisfaction", "usability"),
    ]:
        assert rows.loc[claim, "estimate"] == known.loc[(model, term), "beta"]
    assert rows.loc["C4", "reason"] == "not_in_model: satisfaction"
    two = known.loc["beside/repurchase.total", "beta"]
    assert rows.loc["C5", "estimate"] == pytest.approx(two.sum(), abs=1e-12)


def test_results_of_the_study_stand_first_and_those_of_further_models_apart(survey):
    results = analyse(survey, everything=False)
    assert set(results.further) == {"beside", "sources"}
    assert not results["regression"]["model"].str.contains("/").any()
    together = whole(results)
    assert len(together["reliability"]) == together["reliability"]["construct"].nunique()
    pairs = together["discriminant"][["a", "b"]].apply(frozenset, axis=1)
    assert pairs.is_unique and frozenset({"usability", "normative"}) in set(pairs)
    kinds = together["cfa_fit"]["model"]
    assert {"measurement", "beside/measurement", "sources/measurement"} <= set(kinds)


def test_a_model_that_no_claim_needs_is_estimated_only_on_request(tmp_path):
    survey = survey_of(tmp_path, MODELS, claims=CLAIMS[:1])
    assert set(analyse(survey, everything=False).further) == set()
    results = analyse(survey)
    assert set(results.further) == {"beside", "sources"}
    shares = whole(results)["further_drivers"]
    assert set(shares["model"]) == {"beside"} and set(shares["term"]) == {"satisfaction", "forced"}


MEDIATORS = {
    "models.drivers": {"drivers": ["usability", "satisfaction"], "outcomes": ["repurchase"]},
    "models.chain": {
        "drivers": ["usability", "forced"],
        "mediator": "satisfaction",
        "outcomes": ["repurchase"],
    },
}


def test_an_indirect_effect_is_judged_where_its_mediator_has_an_equation(tmp_path):
    """A model that holds mediator and term as drivers, side by side, is not about the path."""
    claim = {"estimand": "indirect", "outcome": "repurchase", "term": "usability",
             "through": ["satisfaction"]}  # fmt: skip
    survey = survey_of(tmp_path, {**MEDIATORS, "paths": REMOVE}, claims=[claim])
    results = analyse(survey, everything=False)
    slope = whole(results)["regression"].set_index(["model", "term"])["beta"]
    path = slope["chain/satisfaction", "usability"]
    expected = path * slope["chain/repurchase.direct", "satisfaction"]
    found = judge(survey, results)["estimate"].to_numpy(dtype=float)
    np.testing.assert_allclose(found, [expected], rtol=1e-10)


def test_the_page_names_the_further_model_a_claim_was_judged_in(survey):
    """Also where its term is the mediator of the study's own model, whose equation lacks it."""
    claims = load_claims(survey.study)
    anchors = {"pillars", "model-repurchase-total", "regressions"}
    table = verdict_table(survey.study, claims, judge(survey), anchors)
    rows = {row.claim: row for group in table.groups for row in group.rows}
    assert rows["C2"].tests.endswith("Judged in beside/repurchase.total.")
    assert rows["C5"].tests.endswith("Judged in beside/repurchase.total.")
    assert rows["C2"].anchor == rows["C5"].anchor == "pillars"
    assert "Judged in" not in rows["C1"].tests


def test_claims_and_their_page_agree_on_the_model():
    """The page knows the study alone; it has to come to what verdicts found with the survey."""
    survey = read_survey("full_simulated")
    single = [
        (claim, outcome)
        for claim in single_claims(survey.study)
        if claim.estimand not in (*LEVELS, *TYPES, "rival_models")
        for outcome in claim.outcomes(survey.study)
    ]
    parts = {home(claim, outcome, survey).study.part for claim, outcome in single}
    assert parts >= {"", "pillars", "value", "bonds", "mutual_loyalty", "reciprocity", "types"}
    for claim, outcome in single:
        expected = home(claim, outcome, survey).study.part
        assert judged_in(claim, outcome, survey.study)[0] == expected, (claim.id, outcome)


def test_a_run_writes_them_all(tmp_path):
    path = make(tmp_path / "study", MODELS, claims=CLAIMS)
    run = judge_run(path, tmp_path / "out")
    written = pd.read_csv(run.folder / "results" / "regression.csv")
    assert {"beside/repurchase.total", "sources/satisfaction"} <= set(written["model"])
    assert "# Further model: beside." in (run.folder / "lavaan.R").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"models.a/b": {"drivers": ["forced"]}}, "models.a/b: rename it"),
        ({"models.types": {"drivers": ["forced"]}}, "models.types: rename it"),
        ({"models.x": {}}, "models.x: holds no equation. Give drivers or paths."),
        ({"models.x": {"mediator": "satisfaction"}}, "a mediator and outcomes need drivers"),
        ({"models.x": {"drivers": ["forced"], "outcomes": ["lo"]}}, "'lo' is not an outcome of"),
        ({"models.x": {"drivers": ["force"]}}, "models.x.drivers: 'force' is not a declared"),
        ({"models.x": {"drivers": ["search"]}}, "models.x: 'search' stands twice"),
        ({"models.x": {"paths": {"forced": ["forced"]}}}, "models.x: paths.forced: list each"),
        ({"models.x": {"driver": ["forced"]}}, "unknown key 'models.x.driver'"),
        ({"levels": {"measure": "force"}}, "levels.measure: 'force' is not a declared construct"),
        ({"levels": {"measure": "forced"}}, "'forced' has 3 items. Give cuts"),
        ({"levels": {"measure": "usability"}}, "answers from 1 to 7, and there are 5 levels"),
        ({"levels": {"measure": "forced", "cuts": [2, 5, 3, 6]}}, "5 levels need 4 cuts, each"),
        ({"levels": {"measure": "forced", "cuts": [2, 3, 4, 9]}}, "9 is outside the scale"),
        ({"levels": {"measure": "search", "cuts": [2, 3, 4, 5]}}, "'search' is an outcome"),
        ({"levels": {"measure": "forced", "names": ["a", "a"], "cuts": [2]}}, "a name of its own"),
        ({"levels": {"measure": "forced", "names": ["a", "b+"], "cuts": [2]}}, "may hold none of"),
        ({"experiment": {"treatment": "shown"}}, "'shown' stands in no equation"),
    ],
)
def test_what_further_tables_may_not_say(tmp_path, changes, said):
    with pytest.raises(StudyError) as error:
        load_study(make(tmp_path, changes))
    assert said in str(error.value)


def test_moments_carry_further_models_but_no_levels(tmp_path):
    few = "models.few={drivers = ['image'], outcomes = ['loyalty']}"
    survey = read_survey("bank_customers", [few])
    own = regression(survey.model("few"))
    r = survey.moments[["image", "loyalty"]].correlation[0, 1]
    assert own["beta"].dropna().tolist() == pytest.approx([r], abs=1e-12)
    assert np.isfinite(own.loc[own["term"] == "image", "beta_low"]).all()
    with pytest.raises(StudyError, match=r"\[levels\]: needs respondents"):
        load_study("bank_customers", ["levels={measure = 'image', cuts = [2, 4, 6, 8]}"])


def test_parts_of_one_claim_are_judged_in_one_model_where_one_holds_them_all(tmp_path):
    parts = [{"id": name, "term": name} for name in ("usability", "normative")]
    models = {
        "models.alone": {"paths": {"satisfaction": ["usability"]}},
        "models.both": {"paths": {"satisfaction": ["usability", "normative"]}},
    }
    claims: list[dict[str, object]] = [{"term": "", "parts": parts}, {"term": "usability"}]
    survey = survey_of(tmp_path, models, claims=claims)
    results = analyse(survey, everything=False)
    rows = judge(survey, results).set_index(["claim", "part"])
    known = whole(results)["regression"].set_index(["model", "term"])["beta"]
    assert rows.loc[("C1", "usability"), "estimate"] == known["both/satisfaction", "usability"]
    assert rows.loc[("C2", ""), "estimate"] == known["alone/satisfaction", "usability"]
