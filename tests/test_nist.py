"""NIST StRD: certified regressions through respondents and through Moments, digits stated.

Digits are the log relative error, ``-log10(|found - certified| / |certified|)``, the least over the
terms, at most 15 (NIST certifies 15). Reached on x86-64 with OpenBLAS:

=======  ===========  ======  ======  ====
dataset  path         slopes  errors    r2
=======  ===========  ======  ======  ====
longley  respondents    12.6    12.9  15.0
longley  moments        12.7    13.2  15.0
norris   respondents    12.8    13.7  15.0
norris   moments        12.8    10.7  15.0
pontius  respondents    11.9    13.7  15.0
pontius  moments        11.5     9.2  15.0
=======  ===========  ======  ======  ====

Filip must be refused: its powers are collinear in doubles.
"""

import numpy as np
import pandas as pd
import pytest
from golden_data import FOLDER, INTERCEPT

from loyalty_analysis.errors import CollinearError
from loyalty_analysis.moments import Moments
from loyalty_analysis.regression import Fit, fit_moments, fit_rows

# Lower bounds, about half a digit under what is reached, as another BLAS adds in another order.
# Moments lose more than respondents where the residual variance is the small difference of large
# sums: Norris (1 - R2 = 6e-6) and Pontius (1e-7).
DIGITS = pd.DataFrame(
    [
        ("longley", "respondents", 12.0, 12.3, 14.5),
        ("longley", "moments", 12.0, 12.5, 14.5),
        ("norris", "respondents", 12.2, 13.2, 14.5),
        ("norris", "moments", 12.2, 10.2, 14.5),
        ("pontius", "respondents", 11.4, 13.0, 14.5),
        ("pontius", "moments", 11.0, 8.7, 14.5),
    ],
    columns=["dataset", "path", "slopes", "errors", "r2"],
)
each_path = pytest.mark.parametrize("path", ["respondents", "moments"])


def certified(name: str) -> pd.DataFrame:
    table = pd.read_csv(FOLDER / "nist" / "certified.csv")
    return table[table["dataset"] == name].set_index("term")


def data(name: str) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """The data with the powers that the certified model names, its outcome and its terms."""
    frame = pd.read_csv(FOLDER / "nist" / f"{name}.csv").astype(float)
    outcome = frame.columns[0]
    terms = tuple(term for term in certified(name).index if term != INTERCEPT)
    for term in terms:
        column, _, power = term.partition("^")
        if power:
            frame[term] = frame[column] ** int(power)
    return frame, str(outcome), terms


def fitted(name: str, path: str) -> Fit:
    frame, outcome, terms = data(name)
    if path == "respondents":
        return fit_rows(frame, outcome, terms, errors="classical")
    return fit_moments(Moments.from_frame(frame[[*terms, outcome]]), outcome, terms)


def digits(found: np.ndarray, wanted: pd.Series) -> float:
    error = np.abs(found - wanted.to_numpy()) / np.abs(wanted.to_numpy())
    return float(-np.log10(max(error.max(), 1e-15)))


def reached() -> pd.DataFrame:
    rows = []
    for name, path in DIGITS[["dataset", "path"]].itertuples(index=False):
        found, wanted = fitted(name, path), certified(name)
        slopes = digits(found.slopes, wanted["estimate"])
        errors = digits(found.std_error, wanted["std_error"])
        rows.append((name, path, slopes, errors, digits(np.array(found.r2), wanted["r2"])))
    return pd.DataFrame(rows, columns=DIGITS.columns)


def test_digits() -> None:
    found = reached()
    measures = ["slopes", "errors", "r2"]
    shown = f"digits reached:\n{found.round(1)}\nasked:\n{DIGITS}"
    assert (found[measures] >= DIGITS[measures]).to_numpy().all(), shown


@pytest.mark.parametrize("name", ["longley", "norris", "pontius"])
def test_both_paths_agree(name: str) -> None:
    first, second = fitted(name, "respondents"), fitted(name, "moments")
    assert first.terms == second.terms
    # Pontius has a residual share of 1e-7: 16 digits less 7 for its variance.
    np.testing.assert_allclose(first.slopes, second.slopes, rtol=1e-10)
    np.testing.assert_allclose(first.std_error, second.std_error, rtol=1e-8)


@each_path
@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_filip_is_refused(path: str, unit: float) -> None:
    frame, outcome, terms = data("filip")
    frame["x"] *= unit
    with pytest.raises(CollinearError, match=r"^y: .*x\^9, x\^10 are collinear"):
        if path == "respondents":
            fit_rows(frame, outcome, terms)
        else:
            fit_moments(Moments.from_frame(frame[[*terms, outcome]]), outcome, terms)
