"""Moments against long double, exact merges, items to scores, printed tables, collinearity."""

from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from golden_data import DRIVERS, DUMMIES, TERMS, golden, survey, weights

from loyalty_analysis.errors import CollinearError, DataError
from loyalty_analysis.moments import (
    Moments,
    r_squared,
    refuse_collinear,
    slopes,
    standardized_slopes,
    variance_inflation,
)
from loyalty_analysis.readers import read_moments

LONG = np.longdouble
# Asked of us for columns with mean 1e6 and SD 1. Their sums of squares lose 12 of 16 digits when
# computed as sum(x^2) - n mean^2, so 1e-10 cannot be reached by accident.
TOLERANCE = 1e-10

needs_long_double = pytest.mark.skipif(
    bool(np.finfo(LONG).eps >= np.finfo(float).eps), reason="long double is double on this platform"
)


def far_columns(n: int = 997) -> pd.DataFrame:
    z = np.random.default_rng(7).normal(size=(n, 3))
    a = z[:, 0]
    b = 0.6 * z[:, 0] + 0.8 * z[:, 1]
    return pd.DataFrame({"a": a, "b": b, "y": 0.5 * a - 0.3 * b + 0.7 * z[:, 2]}) + 1e6


def far_weights(weighted: bool, n: int = 997) -> np.ndarray | None:
    return np.random.default_rng(8).uniform(0.2, 3, n) if weighted else None


def long_double(frame: pd.DataFrame, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    rows = frame.to_numpy().astype(LONG)
    w = np.ones(len(rows), dtype=LONG) if weight is None else weight.astype(LONG)
    mean = (w[:, None] * rows).sum(axis=0) / w.sum()
    centred = rows - mean
    cross = (w[:, None, None] * centred[:, :, None] * centred[:, None, :]).sum(axis=0)
    return mean, cross


def assert_close(found: Moments, frame: pd.DataFrame, weight: np.ndarray | None) -> None:
    mean, cross = long_double(frame, weight)
    # A double near 1e6 resolves 1e-10; a thousand merges may lose a few of these steps.
    np.testing.assert_allclose(found.mean, mean.astype(float), rtol=0, atol=2e-9)
    size = np.sqrt(np.diag(cross))
    # Relative to the SDs, as one of the covariances is near zero.
    unit = np.outer(size, size)
    np.testing.assert_allclose(
        (found.cross / unit).astype(float), (cross / unit).astype(float), rtol=0, atol=TOLERANCE
    )
    np.testing.assert_allclose(
        found.correlation, (cross / unit).astype(float), rtol=0, atol=TOLERANCE
    )
    n = len(frame)
    total = n if weight is None else weight.sum()
    sd = np.sqrt(np.diag(cross) / total * n / (n - 1)).astype(float)
    np.testing.assert_allclose(found.sd, sd, rtol=TOLERANCE)
    covariance = (cross / total * n / (n - 1)).astype(float)
    np.testing.assert_allclose(found.covariance, covariance, rtol=0, atol=TOLERANCE * sd.max() ** 2)


@needs_long_double
@pytest.mark.parametrize("weighted", [False, True])
def test_long_double(weighted: bool) -> None:
    frame, weight = far_columns(), far_weights(weighted)
    assert_close(Moments.from_frame(frame, weight), frame, weight)


@needs_long_double
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("parts", [2, 40, 997])
@pytest.mark.parametrize("seed", [1, 2])
def test_merging_in_any_order(weighted: bool, parts: int, seed: int) -> None:
    frame, weight = far_columns(), far_weights(weighted)
    order = np.random.default_rng(seed).permutation(len(frame))
    pieces = [
        Moments.from_frame(frame.iloc[rows], None if weight is None else weight[rows])
        for rows in np.array_split(order, parts)
    ]
    merged = reduce(lambda a, b: a + b, pieces)
    assert merged.n == len(frame)
    assert merged.weight == pytest.approx(len(frame) if weight is None else weight.sum())
    assert_close(merged, frame, weight)


@needs_long_double
@pytest.mark.parametrize("weighted", [False, True])
def test_slopes_in_long_double(weighted: bool) -> None:
    frame, weight = far_columns(), far_weights(weighted)
    _, c = long_double(frame, weight)
    determinant = c[0, 0] * c[1, 1] - c[0, 1] ** 2
    first = (c[1, 1] * c[0, 2] - c[0, 1] * c[1, 2]) / determinant
    second = (c[0, 0] * c[1, 2] - c[0, 1] * c[0, 2]) / determinant
    found = slopes(Moments.from_frame(frame, weight), "y", ["a", "b"])
    np.testing.assert_allclose(found, np.array([first, second], dtype=float), rtol=TOLERANCE)


def test_merging_with_nobody_changes_nothing() -> None:
    frame = far_columns(20)
    whole, nobody = Moments.from_frame(frame), Moments.from_frame(frame[:0])
    assert (nobody + whole) is whole
    assert (whole + nobody) is whole
    assert nobody.n == 0


def test_only_the_same_columns_merge() -> None:
    frame = far_columns(20)
    with pytest.raises(DataError, match="cannot be merged"):
        Moments.from_frame(frame) + Moments.from_frame(frame[["b", "a", "y"]])


def test_select() -> None:
    chosen = Moments.from_frame(far_columns())[["y", "a"]]
    plain = Moments.from_frame(far_columns()[["y", "a"]])
    assert chosen.columns == ("y", "a")
    assert (chosen.n, chosen.weight, chosen.weight_squared) == (997, 997.0, 997.0)
    # The same sums in another shape of matrix product: rounding of a double.
    np.testing.assert_allclose(chosen.mean, plain.mean, rtol=1e-15)
    np.testing.assert_allclose(chosen.cross, plain.cross, rtol=1e-12)
    with pytest.raises(DataError, match="no column z"):
        chosen[["z"]]


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_follow_from_items(weighted: bool) -> None:
    """Row means of items on 1 to 7, one of them reversed (8 - item)."""
    rng = np.random.default_rng(3)
    items = pd.DataFrame(rng.integers(1, 8, (300, 5)).astype(float), columns=list("pqrst"))
    weight = far_weights(weighted, 300)
    scores = pd.DataFrame(
        {"first": (items["p"] + 8 - items["q"]) / 2, "second": items[["r", "s", "t"]].mean(axis=1)}
    )
    matrix = np.array([[1 / 2, -1 / 2, 0, 0, 0], [0, 0, 1 / 3, 1 / 3, 1 / 3]])
    known = Moments.from_frame(items, weight)
    found = known.linear(matrix, ["first", "second"], np.array([4.0, 0.0]))
    wanted = Moments.from_frame(scores, weight)
    assert found.columns == wanted.columns
    # Two ways to add the same 300 numbers: rounding only. One covariance is near zero, so absolute.
    for quantity in ("mean", "sd", "covariance", "correlation"):
        np.testing.assert_allclose(
            getattr(found, quantity), getattr(wanted, quantity), rtol=0, atol=1e-13
        )


def test_moments_agree_with_r() -> None:
    """Means, SDs, covariances and correlations of R's cov and cov.wt, to rounding (1e-12)."""
    columns = [*DRIVERS, "y1"]
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i + 1 :]]
    n = len(survey())
    for weighted, covariance in ((False, "unweighted"), (True, "weighted.ML")):
        moments = Moments.from_frame(survey()[columns], weights(weighted))
        # cov.wt's ML divides by the sum of weights; ours is n / (n - 1) times that.
        factor = (n - 1) / n if weighted else 1.0
        table = golden("moments", covariance)
        names = [f"{a}~~{b}" for a, b in pairs]
        at = tuple(np.array([[columns.index(a), columns.index(b)] for a, b in pairs]).T)
        found = pd.DataFrame(
            {
                "correlation": pd.Series(moments.correlation[at], names),
                "covariance": pd.Series(moments.covariance[at] * factor, names),
                "mean": pd.Series(moments.mean, columns),
                "sd": pd.Series(moments.sd * np.sqrt(factor), columns),
            }
        )
        pd.testing.assert_frame_equal(found, table.loc[found.index], check_names=False, rtol=1e-12)
    kish = golden("moments", "weighted").loc["", "kish_n"]
    assert moments.effective_n == pytest.approx(kish, rel=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
def test_r_squared_and_vif_agree_with_r(weighted: bool) -> None:
    moments = Moments.from_frame(survey()[[*TERMS, "y1"]], weights(weighted))
    r2 = golden("y1.weighted" if weighted else "y1", "classical").loc["", "r2"]
    assert r_squared(moments, "y1", TERMS) == pytest.approx(r2, rel=1e-12)
    if not weighted:
        vif = golden("y1")["vif"].loc[list(TERMS)]
        np.testing.assert_allclose(variance_inflation(moments, TERMS), vif, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_standardized_slopes_leave_categories_unscaled(weighted: bool) -> None:
    model = "y1.standardized.region.weighted" if weighted else "y1.standardized.region"
    moments = Moments.from_frame(survey()[[*TERMS, "y1"]], weights(weighted))
    found = standardized_slopes(moments, "y1", TERMS, frozenset(DRIVERS))
    wanted = golden(model, "influence")["estimate"].loc[list(TERMS)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_category_nobody_has_gets_the_slope_zero() -> None:
    frame = survey()[survey()["region"] != "west"]
    terms = ("x1", *DUMMIES)
    found = slopes(Moments.from_frame(frame[[*terms, "y1"]]), "y1", terms)
    without = slopes(Moments.from_frame(frame[[*terms[:2], "y1"]]), "y1", terms[:2])
    np.testing.assert_allclose(found, [*without, 0.0], rtol=1e-13)


# ---- collinearity ----------------------------------------------------------------------------


def refusal(frame: pd.DataFrame, weight: np.ndarray | None = None) -> str:
    terms = list(frame.columns)
    with pytest.raises(CollinearError) as caught:
        refuse_collinear(Moments.from_frame(frame, weight), terms, "satisfaction")
    return str(caught.value)


def test_a_constant_column_is_named() -> None:
    message = refusal(far_columns().assign(b=1e6))
    assert message.startswith("satisfaction: b does not vary in the analysis sample;")
    assert "take it out of the model" in message


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("n", [30, 100_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_combinations_are_refused_and_named(n: int, weighted: bool, scale: float) -> None:
    items = np.random.default_rng(5).integers(1, 8, (n, 4)).astype(float)
    frame = pd.DataFrame(items, columns=["one", "two", "three", "other"])
    frame["mean"] = frame[["one", "two", "three"]].mean(axis=1)
    frame["one"] *= scale
    message = refusal(frame, far_weights(weighted, n))
    assert message == (
        "satisfaction: one, two, three, mean are collinear (they carry the same information); "
        "take one of them out of the model."
    )


@pytest.mark.parametrize(("noise", "refused"), [(1e-7, True), (1e-6, True), (1e-4, False)])
def test_bound_of_collinearity(noise: float, refused: bool) -> None:
    """A copy whose own share is noise^2: refused below 1e-10, its slopes right above it."""
    rng = np.random.default_rng(11)
    x, z, e = rng.normal(size=(3, 500))
    frame = pd.DataFrame({"x": x, "copy": x + noise * z})
    if refused:
        assert "x, copy are collinear" in refusal(frame)
        return
    moments = Moments.from_frame(frame.assign(y=x + frame["copy"] + noise * e))
    refuse_collinear(moments, ["x", "copy"], "y")
    plain = np.linalg.lstsq(
        np.column_stack([np.ones(500), x, noise * z]), x + frame["copy"] + noise * e, rcond=None
    )[0]
    # 16 digits of a double less the 8 that the variance inflation of 1e8 costs.
    wanted = [plain[1] - plain[2], plain[2]]
    np.testing.assert_allclose(slopes(moments, "y", ["x", "copy"]), wanted, rtol=1e-6)


# ---- moments as printed ----------------------------------------------------------------------

PRINTED = """# typed from table 2
variable,n,mean,sd,image,quality,loyalty
image,250,7.7,1.5,1,,
quality,250,7.6,1.4,.7,1,
loyalty,250,7.2,1.9,.5,.6,1
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "moments.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_read_moments(tmp_path: Path) -> None:
    found = read_moments(written(tmp_path, PRINTED))
    assert found.columns == ("image", "quality", "loyalty")
    assert (found.n, found.weight, found.weight_squared) == (250, 250.0, 250.0)
    np.testing.assert_allclose(found.mean, [7.7, 7.6, 7.2])
    np.testing.assert_allclose(found.sd, [1.5, 1.4, 1.9])
    np.testing.assert_allclose(found.correlation, [[1, 0.7, 0.5], [0.7, 1, 0.6], [0.5, 0.6, 1]])


def test_either_triangle_or_both_will_do(tmp_path: Path) -> None:
    below = read_moments(written(tmp_path, PRINTED))
    full = PRINTED.replace("1.5,1,,", "1.5,1,.7,.5").replace(".7,1,\n", ".7,1,.6\n")
    above = full.replace("1.4,.7,1", "1.4,,1").replace("1.9,.5,.6,1", "1.9,,,1")
    for text in (full, above, PRINTED.replace("1.5,1,,", "1.5,,,")):
        np.testing.assert_array_equal(read_moments(written(tmp_path, text)).cross, below.cross)


def test_rounding_of_a_program_is_no_contradiction(tmp_path: Path) -> None:
    text = PRINTED.replace("1.5,1,,", "1.5,1.0000000000000002,0.7000000000000001,")
    found, exact = (read_moments(written(tmp_path, one)) for one in (text, PRINTED))
    np.testing.assert_allclose(found.cross, exact.cross, rtol=1e-15)
    np.testing.assert_array_equal(found.cross, found.cross.T)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mean,sd", "mean,deviation", "column sd is missing"),
        ("sd,image,quality", "sd,quality,image", "in the order of the rows: image, quality"),
        ("image,250,7.7", "image,251,7.7", "n must be one whole number"),
        ("250", "2", "n must be one whole number of 3 or more"),
        ("250", "250.5", "n must be one whole number"),
        ("7.7,1.5", ",1.5", "mean of image is not a number"),
        ("7.7,1.5", "7.7,", "sd of image is not a number"),
        ("7.7,1.5", "inf,1.5", "mean of image is not a number"),
        ("7.7,1.5", "7.7,0", "sd of image is not positive"),
        (".5,.6,1", ".5,1.6,1", "the correlation of loyalty and quality is 1.6"),
        (".5,.6,1", ".5,,1", "the correlation of loyalty and quality is empty"),
        (".5,.6,1", ".5,.6,.9", "the correlation of loyalty with itself is 0.9"),
        ("1.5,1,,", "1.5,1,.6,", "quality and image is 0.7 below the diagonal and 0.6 above"),
        (".5,.6,1", "-.9,.6,1", "not positive semidefinite"),
        (".5,.6,1", ".5,high,1", "holds 'high' where a number belongs"),
    ],
)
def test_impossible_tables_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in PRINTED
    with pytest.raises(DataError) as caught:
        read_moments(written(tmp_path, PRINTED.replace(old, new)))
    assert message in str(caught.value)
    assert "moments.csv" in str(caught.value)


def test_every_problem_is_listed(tmp_path: Path) -> None:
    text = PRINTED.replace("7.7,1.5", ",-1").replace(".5,.6,1", ".5,1.6,1")
    with pytest.raises(DataError, match="3 problems") as caught:
        read_moments(written(tmp_path, text))
    for part in ("mean of image", "sd of image", "correlation of loyalty and quality"):
        assert part in str(caught.value)


def test_a_missing_moments_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_moments(tmp_path / "moments.csv")
