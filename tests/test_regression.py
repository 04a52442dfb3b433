"""Regressions against lm, sandwich, lmtest and clubSandwich; from moments; whole studies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factory import answers, survey_of
from golden_data import (
    DRIVERS,
    INTERCEPT,
    TERMS,
    golden,
    survey,
    weights,
    write_study,
)

from loyalty_analysis.equations import equations
from loyalty_analysis.errors import CollinearError, DataError
from loyalty_analysis.moments import Moments
from loyalty_analysis.regression import (
    correlations,
    error_kinds,
    fit_moments,
    fit_rows,
    models,
    regression,
)
from loyalty_analysis.survey import Survey, read_survey

# Both sides are closed form and right to about 1e-12; p values lose log10(t^2) digits of that.
CLOSED = 1e-9
NAMES = [INTERCEPT, *TERMS]
each_outcome = pytest.mark.parametrize("outcome", ["y1", "y2"])
each_weighting = pytest.mark.parametrize("weighted", [False, True])


def model_name(outcome: str, weighted: bool) -> str:
    return f"{outcome}.weighted" if weighted else outcome


# ---- one equation ----------------------------------------------------------------------------


@each_outcome
@pytest.mark.parametrize(
    ("weighted", "errors"),
    [(False, kind) for kind in ("classical", "HC0", "HC1", "HC2", "HC3", "HC4")]
    # Classical errors are refused with probability weights; R's weighted HC4 is not among ours.
    + [(True, kind) for kind in ("HC0", "HC1", "HC2", "HC3")],
)
def test_errors_agree_with_r(outcome: str, weighted: bool, errors: str) -> None:
    model = model_name(outcome, weighted)
    found = fit_rows(survey(), outcome, TERMS, weights(weighted), errors=errors)
    assert (found.terms, found.errors) == (tuple(NAMES), errors)
    table = pd.DataFrame({"estimate": found.slopes, "std_error": found.std_error}, index=NAMES)
    wanted = pd.DataFrame(
        {
            "estimate": golden(model, "classical")["estimate"],
            "std_error": golden(model, errors)["std_error"],
        }
    ).loc[NAMES]
    pd.testing.assert_frame_equal(table, wanted, check_names=False, rtol=CLOSED, atol=0)


@each_outcome
@each_weighting
@pytest.mark.parametrize("errors", ["CR0", "CR1", "CR2"])
@pytest.mark.parametrize("unit", ["store", "team"])
def test_clustered_errors_agree_with_r(
    outcome: str, weighted: bool, errors: str, unit: str
) -> None:
    clusters = survey()[unit].to_numpy(dtype=str)
    found = fit_rows(survey(), outcome, TERMS, weights(weighted), clusters, errors)
    wanted = golden(model_name(outcome, weighted), f"{errors}.{unit}").loc[NAMES]
    np.testing.assert_allclose(found.std_error, wanted["std_error"], rtol=CLOSED)
    df = wanted["df"] if errors == "CR2" else len(np.unique(clusters)) - 1
    np.testing.assert_allclose(found.df, df, rtol=CLOSED)


@each_outcome
@each_weighting
def test_fit_agrees_with_r(outcome: str, weighted: bool) -> None:
    found = fit_rows(survey(), outcome, TERMS, weights(weighted))
    wanted = golden(model_name(outcome, weighted), "classical").loc[""]
    assert (found.errors, found.n, found.df_residual) == ("HC3", 240, 233)
    assert found.n == wanted["n"] and found.df_residual == wanted["df_residual"]
    assert found.r2 == pytest.approx(wanted["r2"], rel=CLOSED)
    assert found.design is not None and found.residuals is not None
    w = weights(weighted)
    total = float(np.sum((1.0 if w is None else w) * found.residuals**2))
    assert np.sqrt(total / 233) == pytest.approx(wanted["sigma"], rel=CLOSED)


@pytest.mark.parametrize(
    ("errors", "weighted", "clustered", "message"),
    [
        ("CR2", False, False, "'CR2' cannot be had without clusters. Allowed: HC3, HC0"),
        ("HC3", False, True, "'HC3' cannot be had with clusters. Allowed: CR2, CR1, CR0"),
        ("classical", True, False, "'classical' cannot be had with probability weights"),
        ("hc3", False, False, "'hc3' cannot be had without clusters"),
    ],
)
def test_errors_are_honoured_or_refused(
    errors: str, weighted: bool, clustered: bool, message: str
) -> None:
    clusters = survey()["store"].to_numpy(dtype=str) if clustered else None
    with pytest.raises(DataError) as caught:
        fit_rows(survey(), "y1", TERMS, weights(weighted), clusters, errors)
    assert message in str(caught.value)


@each_outcome
def test_moments_give_the_same_fit(outcome: str) -> None:
    """Slopes, intercept, R-squared and classical errors without a respondent."""
    found = fit_moments(Moments.from_frame(survey()[[*TERMS, outcome]]), outcome, TERMS)
    wanted = golden(outcome, "classical")
    np.testing.assert_allclose(found.slopes, wanted.loc[NAMES, "estimate"], rtol=CLOSED)
    np.testing.assert_allclose(found.std_error, wanted.loc[NAMES, "std_error"], rtol=CLOSED)
    assert found.r2 == pytest.approx(wanted.loc["", "r2"], rel=CLOSED)
    assert (found.errors, found.n, found.df_residual) == ("classical", 240, 233)
    rows = fit_rows(survey(), outcome, TERMS, errors="classical")
    np.testing.assert_allclose(
        found.covariance / np.outer(rows.std_error, rows.std_error),
        rows.covariance / np.outer(rows.std_error, rows.std_error),
        rtol=0,
        atol=CLOSED,
    )


@each_outcome
def test_weighted_moments_give_the_same_slopes(outcome: str) -> None:
    moments = Moments.from_frame(survey()[[*TERMS, outcome]], weights(True))
    found = fit_moments(moments, outcome, TERMS)
    wanted = golden(f"{outcome}.weighted", "classical")
    np.testing.assert_allclose(found.slopes, wanted.loc[NAMES, "estimate"], rtol=CLOSED)
    np.testing.assert_allclose(found.std_error, wanted.loc[NAMES, "std_error"], rtol=CLOSED)


@pytest.mark.parametrize("path", ["respondents", "moments"])
@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (survey()[:7], DataError, "y1: 7 respondents for 7 parameters"),
        (survey().assign(x3=5.0), CollinearError, "y1: x3 does not vary"),
        (survey().assign(x3=lambda d: d["x1"] - d["x2"]), CollinearError, "x1, x2, x3 are col"),
    ],
)
def test_equations_that_cannot_be_estimated(
    path: str, frame: pd.DataFrame, error: type[DataError], message: str
) -> None:
    with pytest.raises(error) as caught:
        if path == "respondents":
            fit_rows(frame, "y1", TERMS)
        else:
            fit_moments(Moments.from_frame(frame[[*TERMS, "y1"]]), "y1", TERMS)
    assert message in str(caught.value)


# ---- whole studies ---------------------------------------------------------------------------

DESIGNS = {
    "plain": ("", "HC3"),
    "weighted": ('weight = "w"', "HC3"),
    "stores": ('cluster = "store"', "CR2.store"),
    "teams": ('cluster = "team"', "CR2.team"),
    "weighted stores": ('weight = "w"\ncluster = "store"', "CR2.store"),
    "weighted teams": ('weight = "w"\ncluster = "team"', "CR2.team"),
}
each_design = pytest.mark.parametrize("name", DESIGNS)
COLUMNS = [
    "model", "outcome", "term", "estimate", "std_error", "df", "statistic", "p_value", "conf_low",
    "conf_high", "n", "beta", "beta_low", "beta_high", "zero_order", "vif", "beta_latent",
]  # fmt: skip


def study(folder: Path, name: str) -> Survey:
    return read_survey(write_study(folder, design=DESIGNS[name][0]))


@each_design
@each_outcome
def test_raw_slopes_of_a_study(tmp_path: Path, name: str, outcome: str) -> None:
    """Y.direct is Y ~ x1 + x2 + x3 + m + region, as in R."""
    table = regression(study(tmp_path, name))
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    rows = table[table["model"] == f"{outcome}.direct"].set_index("term")
    model, covariance = model_name(outcome, "weighted" in name), DESIGNS[name][1]
    wanted = golden(model, covariance).loc[NAMES].assign(n=240, outcome=outcome)
    wanted["estimate"] = golden(model, "classical")["estimate"]
    if covariance == "HC3":
        wanted["df"] = 233.0
    quantities = [column for column in COLUMNS[1:11] if column != "term"]
    assert list(rows.index) == ["(Intercept)", "x1", "x2", "x3", "m", *TERMS[4:]]
    pd.testing.assert_frame_equal(
        rows.loc[NAMES, quantities], wanted[quantities], check_names=False, rtol=CLOSED, atol=0
    )


@each_design
def test_standardized_slopes_of_a_study(tmp_path: Path, name: str) -> None:
    """Estimates of R; errors are checked in test_inference, here that the right ones are taken."""
    table = regression(study(tmp_path, name)).query("model == 'y1.direct'").set_index("term")
    region = "y1.standardized.region" + (".weighted" if "weighted" in name else "")
    wanted = golden(region, "influence").loc[list(TERMS)]
    np.testing.assert_allclose(table.loc[list(TERMS), "beta"], wanted["estimate"], rtol=CLOSED)
    error = table.loc[list(TERMS), "beta_std_error"]
    if "teams" in name:
        summed = golden(region, "influence.team").loc[list(TERMS), "std_error"]
        assert (error / summed).between(1.0, 1.1).all()
    elif "stores" not in name:
        # The leverage correction adds a few per cent to the plain influence errors.
        assert (error / wanted["std_error"]).between(1.0, 1.1).all()
    df = 59 if "teams" in name else 11 if "stores" in name else 240 - 7
    assert (table["beta_df"] == df).all()
    assert np.isnan(table.loc[INTERCEPT, "beta"])
    assert table["beta_latent"].isna().all()


@each_weighting
def test_zero_order_and_vif_of_a_study(tmp_path: Path, weighted: bool) -> None:
    name = "weighted" if weighted else "plain"
    table = regression(study(tmp_path, name)).query("model == 'y1.direct'").set_index("term")
    covariance = "weighted.ML" if weighted else "unweighted"
    r = golden("moments", covariance)["correlation"]
    np.testing.assert_allclose(
        table.loc[list(DRIVERS), "zero_order"], [r[f"{x}~~y1"] for x in DRIVERS], rtol=CLOSED
    )
    if not weighted:
        vif = golden("y1").loc[list(TERMS), "vif"]
        np.testing.assert_allclose(table.loc[list(TERMS), "vif"], vif, rtol=CLOSED)


@each_design
def test_models_of_a_study(tmp_path: Path, name: str) -> None:
    one = study(tmp_path, name)
    table = models(one)
    weighted = "weighted" in name
    fits = [golden(model_name(y, weighted), "classical").loc[""] for y in ("y1", "y2")]
    clusters = {"stores": 12, "teams": 60}.get(name.split()[-1])
    kinds = {
        None: ("HC3", "influence"),
        12: ("CR2", "jackknife over clusters"),
        60: ("CR2", "clusters summed"),
    }[clusters]
    assert error_kinds(one) == kinds
    assert list(table["model"]) == ["m", "y1.total", "y1.direct", "y2.total", "y2.direct"]
    wanted = pd.DataFrame(
        {
            "model": ["y1.direct", "y2.direct"],
            "outcome": ["y1", "y2"],
            "n": 240,
            "r2": [fit["r2"] for fit in fits],
            "r2_adjusted": [fit["r2_adjusted"] for fit in fits],
            "df_residual": 233,
            "covariance": kinds[0],
            "covariance_beta": kinds[1],
            "kind": "direct",
            "clusters": clusters,
        }
    )
    found = table[table["kind"] == "direct"].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, rtol=CLOSED, atol=0)


@each_weighting
def test_correlations_of_a_study(tmp_path: Path, weighted: bool) -> None:
    table = correlations(study(tmp_path, "weighted" if weighted else "plain"))
    assert list(table.columns) == ["a", "b", "r", "n"]
    assert len(table) == 6 * 5 / 2
    assert (table["n"] == 240).all()
    r = golden("moments", "weighted.ML" if weighted else "unweighted")["correlation"].dropna()
    found = {frozenset((row.a, row.b)): row.r for row in table.itertuples()}
    for pair, value in r.items():
        assert found[frozenset(str(pair).split("~~"))] == pytest.approx(value, rel=CLOSED)


def as_moments(folder: Path, one: Survey) -> Survey:
    """The same study known by n, means, SDs and correlations in full precision."""
    names = [name for name in one.moments.columns if "[" not in name]
    chosen = one.moments[names]
    head = pd.DataFrame({"variable": names, "n": chosen.n, "mean": chosen.mean, "sd": chosen.sd})
    table = pd.DataFrame(chosen.correlation, columns=names)
    pd.concat([head, table], axis=1).to_csv(folder / "moments.csv", index=False)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    text = text.replace('"survey.csv"', '"moments.csv"').split("[design]")[0]
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return read_survey(folder / "study.toml")


@each_weighting
def test_respondents_and_moments_agree(tmp_path: Path, weighted: bool) -> None:
    model = '[model]\ndrivers = ["x1", "x2", "x3"]\nmediator = "m"\noutcomes = { y1 = "attitude" }'
    path = write_study(tmp_path, model, 'weight = "w"' if weighted else "")
    known = as_moments(tmp_path, read_survey(path))
    path = write_study(tmp_path, model, 'weight = "w"' if weighted else "")
    respondents, printed = regression(read_survey(path)), regression(known)
    same = ["model", "outcome", "term", "estimate", "n", "beta", "zero_order", "vif"]
    # The same sums once through rows and once through printed correlations of 17 digits.
    pd.testing.assert_frame_equal(respondents[same], printed[same], rtol=1e-10, atol=0)
    assert error_kinds(known) == ("classical", "normal theory")
    assert set(models(known)["covariance"]) == {"classical"}
    if not weighted:
        # Robust and classical errors are of the same size here, and never the same.
        ratio = printed["std_error"] / respondents["std_error"]
        assert ratio.between(0.5, 2).all()
        assert (np.abs(ratio - 1) > 1e-6).all()


def test_numeric_and_categorical_controls(tmp_path: Path) -> None:
    """A number stays one column, text becomes indicators of all levels but the first."""
    model = """
[model]
drivers = ["x1", "x2"]
outcomes = { y1 = "attitude" }
controls = ["w", "region", "sector"]
"""
    table = regression(read_survey(write_study(tmp_path, model)))
    terms = ["x1", "x2", "w", "region[south]", "region[west]", "sector[services]"]
    assert list(table["term"]) == [INTERCEPT, *terms]
    assert set(table["model"]) == {"y1.total"}
    frame = survey().assign(**{"sector[services]": survey()["sector"].eq("services").astype(float)})
    design = np.column_stack([np.ones(240), frame[terms]])
    plain = np.linalg.lstsq(design, frame["y1"], rcond=None)[0]
    np.testing.assert_allclose(table["estimate"], plain, rtol=CLOSED)
    # Numeric controls are scaled, indicators are not.
    unit = [frame["x1"].std(), frame["x2"].std(), frame["w"].std(), 1, 1, 1]
    np.testing.assert_allclose(
        table["beta"][1:], plain[1:] * np.array(unit) / frame["y1"].std(), rtol=CLOSED
    )


def test_a_lone_respondent_names_the_category_at_fault() -> None:
    """Also when the level with one respondent is the one the others are compared with."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(30, 2)), columns=["x", "y"])
    frame["g[b]"] = np.arange(30) % 2 == 0
    frame["g[c]"] = ~frame["g[b]"]
    frame.loc[0, ["x", "g[b]", "g[c]"]] = [4.0, False, False]
    with pytest.raises(DataError, match="one respondent alone decides the slope of 'g"):
        fit_rows(frame.astype(float), "y", ("x", "g[b]", "g[c]"))


def test_a_category_of_one_cluster_has_no_jackknife_error(tmp_path: Path) -> None:
    frame = answers(160)
    frame["store"] = np.arange(160) % 8
    frame["city"] = np.where(frame["store"] == 7, "west", "east")
    design = {"design.cluster": "store", "model.controls": ["city"]}
    table = regression(survey_of(tmp_path, design, frame)).set_index("term")
    assert table.loc["city[west]", "beta"].notna().all()
    assert (
        table.loc["city[west]", ["beta_std_error", "beta_low", "beta_high"]].isna().all(axis=None)
    )
    assert table.loc["affective", "beta_std_error"].notna().all()


def test_a_control_that_names_the_clusters_leaves_slopes_their_errors() -> None:
    """Leaving out the first country, the others' indicators add up to one: a plain loop agrees."""
    survey = read_survey("rice_simulated", ["design.cluster='country'"])
    equation = equations(survey.study)[0]
    terms = survey.terms(equation.terms)
    frame, weights, clusters = survey.frame, survey.weights, survey.clusters
    assert frame is not None and weights is not None and clusters is not None
    assert "country" in equation.terms

    def slopes_without(cluster: str) -> np.ndarray:
        rows = frame[clusters != cluster]
        w = weights[clusters != cluster]
        x, y = rows[list(terms)].to_numpy(float), rows[equation.outcome].to_numpy(float)
        centred = np.column_stack([x, y]) - np.average(np.column_stack([x, y]), axis=0, weights=w)
        sizes = np.sqrt(np.average(centred**2, axis=0, weights=w))
        root = np.sqrt(w)[:, None]
        found = np.linalg.lstsq(root * centred[:, :-1], root[:, 0] * centred[:, -1], rcond=1e-9)[0]
        return (found * sizes[:-1] / sizes[-1])[: len(equation.focal)]

    each = np.array([slopes_without(name) for name in np.unique(clusters)])
    spread = (len(each) - 1) / len(each) * ((each - each.mean(axis=0)) ** 2).sum(axis=0)
    table = regression(survey).query("model == 'satisfaction'").set_index("term")
    found = table.loc[list(equation.focal), "beta_std_error"]
    np.testing.assert_allclose(found.to_numpy(float), np.sqrt(spread), rtol=1e-6)
