"""Latent models against lavaan: the reference folder, and our own simulated respondents."""

from __future__ import annotations

from pathlib import Path

import pytest
import sem_golden
import sem_reference
from sem_reference import Number

from loyalty_analysis.sem_results import problems


def _wrong(numbers: list[Number], excused: dict[str, float] | None = None) -> list[Number]:
    """Numbers beyond their tolerance; nan counts as wrong."""
    allowed = excused or {}
    return [n for n in numbers if not n.difference <= allowed.get(n.quantity, n.tolerance)]


@pytest.fixture(scope="module")
def compared(reference: Path) -> dict[str, list[Number]]:
    return dict(sem_reference.analyses(reference))


def _excused(analysis: str) -> dict[str, float]:
    return {q: limit for (name, q), limit in sem_reference.EXCUSED.items() if name == analysis}


def test_every_number_of_the_reference(compared: dict[str, list[Number]]) -> None:
    wrong = {name: bad for name, numbers in compared.items()
             if (bad := _wrong(numbers, _excused(name)))}  # fmt: skip
    assert wrong == {}


def test_no_block_is_left_out(reference: Path, compared: dict[str, list[Number]]) -> None:
    assert len(sem_reference.blocks(reference, "model")) == 16
    assert len(sem_reference.blocks(reference, "invariance")) == 4
    kinds = {kind: sum(kind in name for name in compared) for kind in ("(MLR)", "(FIML)")}
    assert kinds == {"(MLR)": 12, "(FIML)": 2}
    assert sum(map(len, compared.values())) > 7000


def test_fit_is_closer_than_asked(compared: dict[str, list[Number]]) -> None:
    """Statistics are flat at the maximum, so where lavaan stopped does not blur them."""
    for name, numbers in compared.items():
        for number in numbers:
            if number.quantity in ("chi2", "log_likelihood", "aic", "bic", "cfi", "tli", "rmsea"):
                assert number.difference < 1e-6, (name, number)


def test_inadmissible_where_lavaan_says_so(reference: Path) -> None:
    flagged = {str(block): problems(sem_reference.fitted(reference, block))
               for block in sem_reference.blocks(reference, "model")}  # fmt: skip
    assert {name for name, found in flagged.items() if found} == {"satisfaction.cfa_6factor"}
    assert flagged["satisfaction.cfa_6factor"] == [
        "covariances of latent variables are not positive definite"
    ]


def test_differences_are_a_table(compared: dict[str, list[Number]]) -> None:
    table = sem_reference.tabulated(compared.items())
    assert {row["analysis"] for row in table} == set(compared)
    assert all(row["difference"] <= row["tolerance"] for row in table)


@pytest.mark.parametrize("name", sem_golden.CASES)
def test_golden(name: str) -> None:
    """Weights, clusters, groups, missing answers, covariates, second order: all of each."""
    numbers = sem_golden.numbers(name)
    assert len(numbers) >= 90
    assert _wrong(numbers) == []


def test_golden_covers_every_row() -> None:
    assert set(sem_golden.golden()["analysis"]) == set(sem_golden.CASES)
