"""Breusch-Pagan, RESET, Cook's distance and variance inflation against lmtest and car."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from golden_data import TERMS, golden, survey, write_study

from loyalty_analysis.diagnostics import checks, diagnostics
from loyalty_analysis.regression import fit_rows
from loyalty_analysis.survey import read_survey

# Closed form on both sides; RESET subtracts two nearly equal sums of squares, which costs 3 digits.
CLOSED = 1e-8


def wanted(outcome: str) -> pd.DataFrame:
    rows = []
    for check in ("breusch_pagan", "reset"):
        test = golden(outcome, check).loc[""]
        rows.append((check, test["statistic"], test["df"], test["p_value"]))
    other = golden(outcome)
    rows.append(("largest_cook", other.loc["", "largest_cook"], np.nan, np.nan))
    rows.append(("largest_vif", other["vif"].max(), np.nan, np.nan))
    return pd.DataFrame(rows, columns=["check", "statistic", "df", "p_value"])


@pytest.mark.parametrize("outcome", ["y1", "y2"])
@pytest.mark.parametrize("scale", [1.0, 1e7])
def test_checks_agree_with_r(outcome: str, scale: float) -> None:
    """Whatever the units of a column."""
    frame = survey().assign(x2=survey()["x2"] * scale)
    found = pd.DataFrame(checks(fit_rows(frame, outcome, TERMS)), columns=wanted(outcome).columns)
    pd.testing.assert_frame_equal(found, wanted(outcome), rtol=CLOSED, atol=0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cluster", [None, "store"])
def test_every_equation_of_a_study(tmp_path: Path, weighted: bool, cluster: str | None) -> None:
    """The checks are those of the unweighted fit, and a weighted study says so."""
    design = ('weight = "w"\n' if weighted else "") + (f'cluster = "{cluster}"' if cluster else "")
    table = diagnostics(read_survey(write_study(tmp_path, design=design)))
    assert list(table.columns) == ["model", "check", "statistic", "df", "p_value", "note"]
    assert list(table["model"].unique()) == ["m", "y1.total", "y1.direct", "y2.total", "y2.direct"]
    notes = ["unweighted fit of the same equation"] if weighted else []
    if cluster:
        notes.append("p values take respondents as independent, clusters left aside")
    note = "; ".join(notes)
    for outcome in ("y1", "y2"):
        found = table[table["model"] == f"{outcome}.direct"].reset_index(drop=True)
        plain = wanted(outcome).assign(model=f"{outcome}.direct", note=note)
        pd.testing.assert_frame_equal(found, plain[found.columns], rtol=CLOSED, atol=0)


def test_one_term_has_no_variance_inflation() -> None:
    found = {check: value for check, value, *_ in checks(fit_rows(survey(), "y1", ("x1",)))}
    assert found["largest_vif"] == 1.0
