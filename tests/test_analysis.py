"""A run has the result frames of the design, with their columns."""

import pandas as pd
import pytest
from factory import CLAIM, REMOVE, survey_of
from pandas.testing import assert_frame_equal

from loyalty_analysis.analysis import analyse, single_claims
from loyalty_analysis.equations import equations
from loyalty_analysis.study import load_study
from loyalty_analysis.survey import Survey, read_survey

COLUMNS = {
    "models": ["model", "outcome", "n", "r2", "r2_adjusted", "df_residual", "covariance"],
    "diagnostics": ["model", "check", "statistic", "p_value", "note"],
    "regression": [
        "model", "outcome", "term", "estimate", "std_error", "df", "statistic", "p_value",
        "conf_low", "conf_high", "n", "beta", "beta_low", "beta_high", "zero_order", "vif",
        "beta_latent",
    ],
    "contrasts": [
        "estimand", "outcome", "term", "versus", "group", "estimate", "std_error", "df", "p_value",
        "conf_low", "conf_high", "n",
    ],
    "correlations": ["a", "b", "r", "n"],
    "attrition": ["rule", "removed", "left"],
    "descriptives": [
        "construct", "label", "kind", "items", "n", "mean", "sd", "minimum", "maximum", "skewness",
        "alpha",
    ],
    "answers": ["construct", "item", "answer", "share", "n"],
    "reliability": [
        "construct", "items", "n", "alpha", "alpha_low", "alpha_high", "omega",
        "composite_reliability", "ave",
    ],
    "discriminant": ["a", "b", "r", "htmt", "htmt_low", "htmt_high"],
    "cfa_fit": [
        "model", "chi2", "df", "p_value", "cfi", "tli", "rmsea", "rmsea_low", "rmsea_high", "srmr",
        "aic", "bic", "n", "admissible",
    ],
    "cfa_loadings": ["model", "construct", "item", "estimate", "std_error", "standardized"],
    "invariance": [
        "group", "step", "chi2", "df", "cfi", "rmsea", "delta_cfi", "delta_rmsea", "p_value",
        "holds",
    ],
    "gates": ["gate", "about", "value", "limit", "passes", "warns", "note"],
    "items": ["construct", "item", "n", "mean", "sd", "item_rest", "alpha_if_dropped"],
    "factorability": ["item", "kmo", "chi2", "df", "p_value", "n"],
    "method_bias": ["model", "outcome", "term", "direction", "share", "beta"],
    "mediation": [
        "driver", "mediator", "outcome", "effect", "scale", "estimate", "std_error", "p_value",
        "conf_low", "conf_high", "n",
    ],
    "mediation_orders": ["driver", "mediator", "outcome", "order", "path", "estimate", "n"],
    "mediation_groups": ["group", "level", "driver", "mediator", "outcome", "estimate", "n"],
    "sensitivity": ["driver", "mediator", "outcome", "rho", "estimate", "rho_zero"],
    "drivers": [
        "outcome", "term", "share", "share_low", "share_high", "johnson", "rank", "rank_low",
        "rank_high", "p_first", "sign",
    ],
    "importance_performance": ["outcome", "term", "effect", "score", "n"],
    "categorical": ["model", "outcome", "kind", "term", "quantity", "estimate", "n", "linear"],
    "moderation": ["group", "model", "outcome", "levels", "statistic", "df1", "df2", "p_value"],
    "simple_slopes": ["group", "level", "model", "outcome", "term", "estimate", "n", "pooled"],
    "group_means": ["group", "level", "construct", "n", "mean", "sd", "conf_low", "conf_high"],
    "group_tests": ["group", "construct", "test", "statistic", "p_value", "note"],
    "mixed": ["group", "model", "outcome", "term", "estimate", "random_sd", "agrees", "note"],
    "quality": ["check", "scope", "group", "value", "count", "n", "note"],
}  # fmt: skip
NEEDED = {
    "models", "regression", "contrasts", "correlations", "attrition", "reliability",
    "discriminant", "cfa_fit", "cfa_loadings", "invariance", "gates",
}  # fmt: skip
RESPONDENTS = {
    "answers", "diagnostics", "quality", "mediation_groups", "categorical", "moderation",
    "simple_slopes", "group_means", "group_tests", "mixed",
}  # fmt: skip
CHANGES = {
    "model.controls": ["age", "gender"],
    "model.moderators": ["shown"],
    "design.groups": ["sector"],
    "contrasts.sector": {"a": "goods", "b": "services"},
}
CLAIMS = [
    {},
    {"estimand": "largest", "versus": ["normative", "forced"]},
    {"parts": [{"id": "a", "term": "forced"}, {"id": "b", "estimand": "total",
                                                "outcome": "repurchase"}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> Survey:
    return survey_of(tmp_path_factory.mktemp("study"), CHANGES, claims=CLAIMS)


@pytest.fixture(scope="module")
def results(survey) -> dict[str, pd.DataFrame]:
    return analyse(survey)


def test_every_frame_of_a_run_is_there(results):
    assert set(results) == set(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_those_of_the_design(results, name):
    found = list(results[name].columns)
    wanted = COLUMNS[name]
    assert [column for column in found if column in wanted] == wanted
    assert len(set(found)) == len(found) and len(results[name])


def test_only_what_claims_need(survey, results):
    less = analyse(survey, everything=False)
    assert set(less) == NEEDED
    for name in NEEDED - {"cfa_fit", "invariance", "gates", "contrasts"}:
        assert_frame_equal(less[name], results[name])
    products = results["contrasts"]["estimand"] == "interaction"  # which no claim is about
    assert products.any()
    assert_frame_equal(less["contrasts"], results["contrasts"][~products].reset_index(drop=True))
    assert_frame_equal(less["cfa_fit"], results["cfa_fit"][:1][less["cfa_fit"].columns])
    assert less["invariance"].empty and not results["invariance"].empty  # no claim compares groups


def test_moments_alone_have_no_answers_and_no_diagnostics():
    found = analyse(read_survey("bank_customers"))
    assert set(found) == set(COLUMNS) - RESPONDENTS
    assert set(found["models"]["covariance"]) == {"classical"}
    for name, table in found.items():
        assert [c for c in table.columns if c in COLUMNS[name]] == COLUMNS[name]


def test_every_equation_is_estimated(survey, results):
    expected = [
        "satisfaction", "repurchase.total", "repurchase.direct", "advocacy.total",
        "advocacy.direct", "search.total", "search.direct", "affective",
    ]  # fmt: skip
    assert [equation.model for equation in equations(survey.study)] == expected
    assert results["models"]["model"].tolist() == expected
    terms = results["regression"].groupby("model", sort=False)["term"].agg(list)
    assert terms.index.tolist() == expected
    controls = ["age", "gender[male]", "gender[other]"]
    drivers = ["affective", "normative", "forced"]
    assert terms["satisfaction"] == ["(Intercept)", *drivers, *controls]
    assert terms["repurchase.direct"] == ["(Intercept)", *drivers, "satisfaction", *controls]
    assert terms["affective"] == ["(Intercept)", "usability", *controls]


def test_without_a_mediator_there_are_only_totals(tmp_path):
    found = survey_of(tmp_path, {"model.mediator": REMOVE, "paths": REMOVE})
    kinds = [(equation.model, equation.kind) for equation in equations(found.study)]
    outcomes = ("repurchase", "advocacy", "search")
    assert kinds == [(f"{name}.total", "total") for name in outcomes]


def test_contrasts_cover_claims_and_what_the_study_declares(results):
    table = results["contrasts"]
    largest = table[table["estimand"] == "largest"]
    assert largest["versus"].tolist() == ["normative", "forced"]
    products = table.loc[table["estimand"] == "interaction", "term"]
    assert set(products) == {"affective:shown", "normative:shown", "forced:shown"}
    groups = table[table["estimand"] == "slope_difference"]
    assert set(groups["group"]) == {"sector"} and set(groups["versus"]) == {"goods - services"}
    assert {"satisfaction", "repurchase.total", "affective"} <= set(groups["model"])


def test_claims_are_spelled_out_by_part(survey):
    found = single_claims(survey.study)
    assert [(one.id, one.estimand, one.term) for one in found] == [
        ("C1", "path", "affective"), ("C2", "largest", "affective"),
        ("C3", "path", "forced"), ("C3", "total", "affective"),
    ]  # fmt: skip
    assert all(one.parts == () for one in found)
    assert CLAIM["text"] == found[2].text


@pytest.mark.parametrize("name", ["rice_simulated", "bank_customers", "mobile_customers"])
def test_shares_and_correlations_stay_within_their_bounds(name):
    found = analyse(read_survey(load_study(name)))
    assert found["models"]["r2"].between(0, 1).all()
    assert found["correlations"]["r"].abs().le(1).all()
    assert found["regression"]["vif"].dropna().ge(1 - 1e-9).all()
    if "answers" in found:
        shares = found["answers"].groupby("item")["share"].sum()
        assert shares.sub(1).abs().max() < 1e-9
