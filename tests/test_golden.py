"""The table of largest differences from R is true."""

from __future__ import annotations

import math
import re
from fnmatch import fnmatch
from pathlib import Path

import make_golden
import pytest
import reference_data
from make_golden import Row
from reference_numbers import Number

PAGE = make_golden.README.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def found(reference: Path) -> list[Row]:
    return make_golden.rows(make_golden.analyses(reference))


def _kept() -> list[list[str]]:
    lines = PAGE.partition(make_golden.TITLE)[2].partition("\n## ")[0].splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return cells[2:]


def test_kept_rows_are_those_found_now(found: list[Row]) -> None:
    """All but the largest difference itself, whose last digits belong to the machine."""
    now = [row.cells[:3] + row.cells[4:] for row in found]
    assert [row[:3] + row[4:] for row in _kept()] == now


def test_differences_are_within_their_tolerances(found: list[Row]) -> None:
    assert [row for row in found if not row.difference <= row.tolerance] == []
    kept = [float(row[3]) <= float(row[4]) for row in _kept()]
    assert len(kept) > 90 and all(kept)


def test_the_page_says_how_many(found: list[Row]) -> None:
    assert make_golden.section(found).partition("\n\n|")[0] in PAGE


def test_no_block_of_the_folder_is_forgotten(reference: Path, found: list[Row]) -> None:
    """Each is compared, or named where the page says what is not."""
    named = re.findall(r"`([\w*]+)`", make_golden.TEXT)
    for path in sorted((reference / "refs").glob("*.json")):
        for block in reference_data.load(reference, path.stem)["results"]:
            compared = any(row.analysis.startswith(f"{path.stem}.{block}") for row in found)
            assert compared or any(fnmatch(block, pattern) for pattern in named), block


def test_every_model_is_flagged_as_lavaan_flags_it(found: list[Row]) -> None:
    [row] = [row for row in found if row.compared == "admissible"]
    assert (row.numbers, row.difference, row.tolerance) == (16, 0, 0)


def test_largest_difference_by_tolerance() -> None:
    compared = {"a": [Number("chi2", 1.0, 1.0, 1e-4), Number("std_error", 2.0, 2.1, 1e-3),
                      Number("cfi", 0.9, 1.0, 1e-4)]}  # fmt: skip
    fit, errors = make_golden.rows(compared.items())
    assert fit[:3] == ("a", "fit", 2) and math.isclose(fit.difference, 0.1)
    assert errors[:3] == ("a", "errors", 1)


def test_only_the_section_is_made_anew() -> None:
    page = f"# Title\n\nBefore.\n\n{make_golden.TITLE}\nstale\n\n## After\n\nKept.\n"
    row = Row("a", "fit", 1, 1e-6, 1e-4)
    made = make_golden.written(page, [row])
    assert made.startswith("# Title\n\nBefore.\n\n## ") and made.endswith("\n## After\n\nKept.\n")
    assert "stale" not in made and "| a | fit | 1 | 1e-06 | 0.0001 |" in made
    assert make_golden.written(made, [row]) == made
