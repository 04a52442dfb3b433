"""Latent models against lavaan: the reference folder, and our own simulated respondents."""

from __future__ import annotations

from pathlib import Path

import pytest
import sem_golden
import sem_reference
from reference_numbers import Number

from loyalty_analysis.sem_results import problems


def _wrong(numbers: list[Number]) -> list[Number]:
    """Numbers beyond their tolerance; nan counts as wrong."""
    return [n for n in numbers if not n.difference <= n.tolerance]


@pytest.fixture(scope="module")
def compared(reference: Path) -> dict[str, list[Number]]:
    return dict(sem_reference.analyses(reference))


def test_every_number_of_the_reference(compared: dict[str, list[Number]]) -> None:
    assert {name: bad for name, numbers in compared.items() if (bad := _wrong(numbers))} == {}


def test_no_block_is_left_out(reference: Path, compared: dict[str, list[Number]]) -> None:
    assert len(sem_reference.blocks(reference, "model")) == 16
    assert len(sem_reference.blocks(reference, "invariance")) == 4
    kinds = {kind: sum(kind in name for name in compared) for kind in ("(MLR)", "(FIML)")}
    assert kinds == {"(MLR)": 12, "(FIML)": 2}
    assert sum(map(len, compared.values())) > 11_000


def test_fit_is_closer_than_asked(compared: dict[str, list[Number]]) -> None:
    """Statistics are flat at the maximum, so where lavaan stopped does not blur them."""
    for name, numbers in compared.items():
        for number in numbers:
            if number.quantity in ("chi2", "log_likelihood", "aic", "bic", "cfi", "tli", "rmsea"):
                assert number.difference < 1e-6, (name, number)


def test_inadmissible_where_lavaan_says_so(
    reference: Path, compared: dict[str, list[Number]]
) -> None:
    assert all(ours == theirs for _, ours, theirs, *_ in compared["every latent model"])
    flagged = {str(block): problems(sem_reference.fitted(reference, block))
               for block in sem_reference.blocks(reference, "model")}  # fmt: skip
    assert {name for name, found in flagged.items() if found} == {"satisfaction.cfa_6factor"}
    assert flagged["satisfaction.cfa_6factor"] == [
        "covariances of latent variables are not positive definite"
    ]


@pytest.mark.parametrize("name", sem_golden.CASES)
def test_golden(name: str) -> None:
    """Weights, clusters, groups, missing answers, covariates, second order: all of each."""
    numbers = sem_golden.numbers(name)
    assert len(numbers) >= 90
    assert _wrong(numbers) == []


def test_golden_covers_every_row() -> None:
    assert set(sem_golden.golden()["analysis"]) == set(sem_golden.CASES)
