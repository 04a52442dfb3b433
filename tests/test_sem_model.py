"""Model syntax, parameter tables, and what is refused with a message that helps."""

from __future__ import annotations

import numpy as np
import pytest

from loyalty_analysis.errors import DataError, LoyaltyError
from loyalty_analysis.inference import Sample
from loyalty_analysis.moments import Moments
from loyalty_analysis.sem_fit import fit_model
from loyalty_analysis.sem_ladder import step_fits
from loyalty_analysis.sem_model import (
    ModelError,
    error_variances,
    model_script,
    parameter_table,
    parse,
)

ONE = "f =~ a + b + c + d"


def rows(n: int = 120, k: int = 4, seed: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, 1)) + random.normal(size=(n, k))


def moments(values: np.ndarray, names: str = "abcd") -> Moments:
    return Moments.from_rows(tuple(names), values)


def test_a_script_round_trip() -> None:
    script = model_script({"f": ["a", "b"], "g": ["c", "d"]}, {"g": ["f"]})
    model = parse(script)
    assert model.script == script
    assert model.indicators == {"f": ("a", "b"), "g": ("c", "d")}
    assert model.regressed == {"g": ("f",)}


def test_comments_and_semicolons() -> None:
    model = parse("f =~ a + b + c # trust\n\ng =~ d + e; g ~ f")
    assert model.latent == ("f", "g")
    assert len(model.observed) == 5


def test_defaults_of_the_table() -> None:
    table = parameter_table(parse("f =~ a + b + c; g =~ d + e + h; y ~ f + x; z ~ x; g ~ f"))
    free = {(r.lhs, r.op, r.rhs) for r in table if r.free >= 0}
    assert ("f", "=~", "a") not in free  # the first loading is 1
    assert {("y", "~~", "g"), ("z", "~~", "g"), ("y", "~~", "z")} <= free  # pure outcomes
    assert next(r for r in table if r.key == ("x", "~~", "x")).sampled


def test_equality_and_partial() -> None:
    model = parse(ONE)
    whole = parameter_table(model, 3, means=True, equal=("loadings", "intercepts"))
    loadings = {r.free for r in whole if r.op == "=~"}
    assert len(loadings) == 4  # three free ones and the fixed first
    means = [r.free for r in whole if r.key == ("f", "~1", "")]
    assert means[0] == -1 and len(set(means)) == 3
    partial = parameter_table(model, 3, equal=("loadings",), partial=[("f", "=~", "b")])
    assert len({r.free for r in partial if r.rhs == "b" and r.op == "=~"}) == 3


def test_single_items_at_declared_reliability() -> None:
    variances = error_variances({"s": 0.8}, {"s": [2.0, 3.0]})
    script = model_script({"f": ["a", "b", "c"], "g": ["s"]}, error_variances=variances)
    fixed = [r.value for r in parameter_table(parse(script), 2) if r.key == ("s", "~~", "s")]
    assert fixed == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("f = a + b", "no model statement"),
        ("f =~ a + 2*3*b", "no term"),
        ("f =~ a + b + c; y := p*q", "labels no parameter"),
        ("f =~ a + k*b + c; y := __import__('os')", "allowed are labels"),
    ],
)
def test_malformed_scripts(script: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        parse(script)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (rows(4), "more respondents than items"),
        (np.column_stack([rows()[:, :3], np.ones(120)]), "d does not vary"),
        (rows()[:, [0, 1, 2, 2]], "c, d repeat each other"),
    ],
)
def test_degenerate_data(values: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=said):
        fit_model(ONE, moments(values))
    sample = Sample(tuple("abcd"), {"": moments(values)}, {"": values})
    with pytest.raises(DataError, match=said):
        fit_model(ONE, sample, robust=True)


def test_a_lone_factor_of_two_items() -> None:
    with pytest.raises(ModelError, match="needs three items"):
        fit_model("f =~ a + b", moments(rows()))


def test_not_identified_names_the_parameters() -> None:
    with pytest.raises(LoyaltyError, match="not identified"):
        _ = fit_model("f =~ NA*a + b + c + d", moments(rows())).covariance


def test_refused_combinations() -> None:
    known = moments(rows())
    with pytest.raises(DataError, match="robust errors need respondents"):
        fit_model(ONE, known, robust=True)
    with pytest.raises(DataError, match="needs respondents"):
        fit_model(ONE, known, missing="ml")
    with pytest.raises(DataError, match="allowed are"):
        fit_model(ONE, known, missing="pairwise")
    with pytest.raises(ModelError, match="allowed are loadings"):
        fit_model(ONE, known, equal=("slopes",))
    with pytest.raises(DataError, match="no column z"):
        fit_model("f =~ a + b + z", known)


def test_a_group_of_five() -> None:
    parts = {"many": moments(rows()), "few": moments(rows(20))}
    with pytest.raises(DataError, match=r"few \(20\)"):
        step_fits(ONE, parts)
    with pytest.raises(DataError, match="only one"):
        step_fits(ONE, {"many": parts["many"]})


def test_items_nobody_answered_together() -> None:
    values = rows()
    values[:60, 0], values[60:, 1] = np.nan, np.nan
    sample = Sample(tuple("abcd"), {"": moments(np.nan_to_num(values))}, {"": values})
    with pytest.raises(DataError, match="nobody answered a and b together"):
        fit_model(ONE, sample, missing="ml")
