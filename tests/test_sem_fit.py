"""The engine against second computations, and against a truth that is known."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sem_golden
from rscript import lavaan_program
from scipy.special import chdtrc
from sem_golden import BOTH, GROUPED, PATHS

from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Moments
from loyalty_analysis.sem_fit import Fit, fit_model
from loyalty_analysis.sem_graph import Shape
from loyalty_analysis.sem_indices import fit_indices
from loyalty_analysis.sem_model import model_script, parse
from loyalty_analysis.sem_results import (
    estimates,
    latent_correlations,
    problems,
    r_squared,
    raw_values,
    standardized,
)
from loyalty_analysis.sem_robust import meat, scores
from loyalty_analysis.sem_script import lavaan_script

FIVE = {f"f{k}": [f"i{k}{j}" for j in range(4)] for k in range(5)}
ITEMS = tuple(item for items in FIVE.values() for item in items)
LOADING = np.tile([0.8, 0.7, 0.9, 0.6], 5)
CORRELATION = np.full((5, 5), 0.4) + 0.6 * np.eye(5)
CASES = ["ml", "groups_fiml", "covariate", "second_order", "scalar", "fiml_cluster"]


def five_factors(n: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    factors = random.normal(size=(n, 5)) @ np.linalg.cholesky(CORRELATION).T
    return np.repeat(factors, 4, axis=1) * LOADING + 0.6 * random.normal(size=(n, 20))


def away(fit: Fit) -> np.ndarray:
    """Parameters near the solution, where gradients do not vanish."""
    return fit.theta + 0.03 * np.random.default_rng(5).normal(size=len(fit.theta))


def numerical(function, theta: np.ndarray, step: float = 1e-5) -> np.ndarray:
    return np.array([(function(theta + h) - function(theta - h)) / (2 * step)
                     for h in step * np.eye(len(theta))])  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gradient_and_observed_information(name: str) -> None:
    fit = sem_golden.fitted(name)
    likelihood, theta = fit.likelihood, away(fit)
    slope = numerical(likelihood.value, theta)
    np.testing.assert_allclose(likelihood.slopes(theta)[0], slope, atol=1e-8)
    bent = numerical(lambda x: likelihood.slopes(x)[0], theta)
    np.testing.assert_allclose(likelihood.curvature(theta), bent, atol=1e-7)


def test_expected_information_is_the_expected_hessian() -> None:
    """At data that equal what the model implies, observed and expected information agree."""
    fit = sem_golden.fitted("scalar")
    shapes = [graph.shape(fit.theta) for graph in fit.graphs]
    names = fit.model.observed
    implied = {str(k): Moments(names, 200, 200.0, 200.0, shape.mu, shape.sigma * 200)
               for k, shape in enumerate(shapes)}  # fmt: skip
    again = fit_model(fit.model, implied, equal=BOTH)
    np.testing.assert_allclose(again.theta, fit.theta, atol=1e-8)
    observed = again.likelihood.curvature(again.theta)
    np.testing.assert_allclose(again.information, observed, atol=1e-9)
    assert again.chi2 == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["ml", "metric_std", "covariate"])
def test_standardized_errors_are_delta_errors(name: str) -> None:
    fit = sem_golden.fitted(name)
    table = estimates(fit).query("op != ':='")
    for function, column in ((raw_values, "std_error"), (standardized, "standardized_error")):
        jacobian = np.concatenate([numerical(partial(function, graph), fit.theta).T
                                   for graph in fit.graphs])  # fmt: skip
        wanted = np.sqrt(np.einsum("ij,jk,ik->i", jacobian, fit.covariance, jacobian))
        np.testing.assert_allclose(table[column], wanted, rtol=1e-6, atol=1e-9)


def test_scores_add_up_to_the_gradient() -> None:
    fit = sem_golden.fitted("groups_fiml")
    theta = away(fit)
    found = [-scores(graph, group, theta).sum(axis=0) / group.n
             for graph, group in fit.likelihood.parts]  # fmt: skip
    slope = fit.likelihood.slopes(theta)[0]
    np.testing.assert_allclose(fit.likelihood.total(found), slope, atol=1e-10)


def sample(rows: np.ndarray, **more: dict[str, np.ndarray]) -> Sample:
    moments = {"": Moments.from_rows(ITEMS, np.nan_to_num(rows))}
    return Sample(ITEMS, moments, {"": rows}, **more)


def test_complete_answers_make_full_information_plain() -> None:
    rows = five_factors(300, 1)
    plain = fit_model(model_script(FIVE), Moments.from_rows(ITEMS, rows))
    full = fit_model(model_script(FIVE), sample(rows), missing="ml")
    assert full.chi2 == pytest.approx(plain.chi2, rel=1e-10)
    before, after = estimates(plain), estimates(full).query("op != '~1'")
    np.testing.assert_allclose(after["estimate"], before["estimate"], rtol=1e-7)


def test_one_group_equals_several_with_one() -> None:
    known = Moments.from_rows(ITEMS, five_factors(300, 2))
    one, named = (fit_model(model_script(FIVE), x) for x in (known, {"all": known}))
    np.testing.assert_array_equal(one.theta, named.theta)


def test_equal_weights_equal_none_and_lone_clusters_nothing() -> None:
    rows = five_factors(300, 3)
    plain = fit_model(model_script(FIVE), sample(rows), robust=True)
    even = fit_model(model_script(FIVE), sample(rows, weights={"": np.full(300, 2.5)}))
    assert fit_indices(even) == pytest.approx(fit_indices(plain), rel=1e-9)
    np.testing.assert_allclose(even.covariance, plain.covariance, rtol=1e-9)
    alone = fit_model(model_script(FIVE), sample(rows, clusters={"": np.arange(300)}), means=False)
    np.testing.assert_allclose(alone.covariance, plain.covariance * 300 / 299, rtol=1e-8)


def test_meat_of_normal_answers_is_the_information() -> None:
    fit = fit_model(model_script(FIVE), sample(five_factors(20_000, 4)), robust=True)
    ratio = np.diag(meat(fit)) / np.diag(fit.information)
    assert np.abs(ratio - 1).max() < 0.06
    assert fit.scaling_factor == pytest.approx(1, abs=0.02)


def test_known_truth_is_recovered() -> None:
    fit = fit_model(model_script(FIVE), Moments.from_rows(ITEMS, five_factors(20_000, 6)))
    table = estimates(fit)
    loadings = table.query("op == '=~'")
    truth = LOADING / np.sqrt(LOADING**2 + 0.36)
    assert np.abs(loadings["standardized"] - truth).max() < 0.02
    r = latent_correlations(fit)
    assert len(r) == 10 and np.abs(r["r"] - 0.4).max() < 0.03
    inside = (r["conf_low"] < 0.4) & (r["conf_high"] > 0.4)
    assert inside.sum() >= 8
    np.testing.assert_allclose(r_squared(fit)["r2"], loadings["standardized"] ** 2, rtol=1e-9)
    assert problems(fit) == []


def test_chi_square_holds_its_level() -> None:
    """300 samples of 150: about 5% rejected, the mean near the degrees of freedom."""
    script, statistics, covered = "f =~ a + b + c + d\ng =~ h + i + j + k", [], []
    random = np.random.default_rng(11)
    for _ in range(300):
        factors = random.normal(size=(150, 2)) @ np.array([[1, 0.5], [0, np.sqrt(0.75)]])
        rows = np.repeat(factors, 4, axis=1) * 0.8 + 0.6 * random.normal(size=(150, 8))
        fit = fit_model(script, Moments.from_rows(tuple("abcdhijk"), rows))
        statistics.append(fit.chi2)
        r = latent_correlations(fit).iloc[0]
        covered.append(r["conf_low"] < 0.5 < r["conf_high"])
    p_values = chdtrc(19, np.array(statistics))
    assert 0.03 < (p_values < 0.05).mean() < 0.11  # small samples reject a little too often
    assert np.mean(statistics) == pytest.approx(19, rel=0.08)
    assert 0.91 < np.mean(covered) < 0.98


def test_from_a_published_correlation_table_alone() -> None:
    """A correlation matrix with n is enough; standardized answers do not ask for SDs."""
    rows = five_factors(500, 7) * np.linspace(0.5, 4, 20)
    raw = Moments.from_rows(ITEMS, rows)
    table = Moments(ITEMS, 500, 500.0, 500.0, np.zeros(20), raw.correlation * 499)
    ours, printed = (fit_model(model_script(FIVE), x) for x in (raw, table))
    assert printed.chi2 == pytest.approx(ours.chi2, rel=1e-9)
    for column in ("standardized", "standardized_error"):
        np.testing.assert_allclose(
            estimates(printed)[column], estimates(ours)[column], rtol=1e-7, atol=1e-12
        )


def test_a_negative_variance_is_flagged_not_forbidden() -> None:
    names = tuple("abc")
    r = np.array([[1, 0.8, 0.8], [0.8, 1, 0.5], [0.8, 0.5, 1]])
    fit = fit_model("f =~ a + b + c", Moments(names, 100, 100.0, 100.0, np.zeros(3), r * 100))
    assert problems(fit) == ["negative variance of a"]
    assert fit.chi2 == pytest.approx(0, abs=1e-9)


def test_implied_moments_of_a_shape() -> None:
    fit = sem_golden.fitted("groups_fiml")
    shape: Shape = fit.graphs[0].shape(fit.theta)
    covariance, mean = fit.graphs[0].moments(fit.theta)
    np.testing.assert_allclose(shape.sigma, covariance[:6, :6])
    np.testing.assert_allclose(shape.mu, mean[:6])


@pytest.mark.parametrize("name", ["moments", "groups", "rows"])
def test_the_printed_script_runs_in_r(tmp_path: Path, name: str) -> None:
    program = lavaan_program()
    if program is None:
        pytest.skip("Rscript with the package lavaan is not installed")
    if name == "moments":
        fit = sem_golden.fitted("ml")
        text = lavaan_script(fit)
    elif name == "groups":
        fit = sem_golden.fitted("partial_metric")
        text = lavaan_script(fit)
    else:
        fit = sem_golden.fitted("fiml_weights")
        file = tmp_path / "survey.csv"
        sem_golden.survey().to_csv(file, index=False)
        text = lavaan_script(fit, str(file), weight="w")
    script = tmp_path / "model.R"
    told = 'cat(format(fitMeasures(fit, c("chisq", "df", "logl")), digits = 15), "\\n")'
    quiet = text.replace("summary(fit, fit.measures = TRUE, standardized = TRUE)", told)
    script.write_text(quiet, encoding="utf-8")
    done = subprocess.run([program, str(script)], capture_output=True, text=True, check=True)
    found = [float(x) for x in done.stdout.split("\n")[-2].split()]
    ours = fit_indices(fit)
    assert found == pytest.approx([ours["chi2"], ours["df"], ours["log_likelihood"]], rel=1e-7)


def test_scripts_say_what_they_need() -> None:
    with pytest.raises(ValueError, match="file of the respondents"):
        lavaan_script(sem_golden.fitted("weights"))
    text = lavaan_script(sem_golden.fitted("groups_cluster_weights"), "s.csv", group="sector",
                         weight="w", cluster="team")  # fmt: skip
    assert 'group = "sector", sampling.weights = "w", cluster = "team"' in text
    assert parse(GROUPED).script in text


def test_defined_effects_in_a_robust_fit() -> None:
    table = estimates(sem_golden.fitted("weights")).set_index("lhs")
    label = table.reset_index().set_index("label")["estimate"]
    assert table.loc["ind", "estimate"] == pytest.approx(label["p"] * label["q"])
    assert pd.notna(table.loc["ind", "standardized_error"])
    assert "total" in parse(PATHS).defined
