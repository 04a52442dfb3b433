"""The kept pages of the benchmarks: what was asked for is met, and no page names a machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
ASKED = ("50 ms", "1 s", "2 GB", "5 s", "100 ms", "20 times as fast", "100 times as fast")
ROW = re.compile(
    r"^\| (?P<what>.+) \| (?P<found>[\d.e+]+) (?P<unit>[^|]+) \| at (?P<way>most|least) "
    r"(?P<bound>[\d.]+) (?P=unit) \| (?P<met>.+) \|$",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def rows() -> list[re.Match[str]]:
    page = (FOLDER / "effects_speed.md").read_text(encoding="utf-8")
    return list(ROW.finditer(page))


def test_every_bound_on_speed_is_met(rows: list[re.Match[str]]) -> None:
    """The page says yes everywhere, and its figures say so too."""
    for row in rows:
        found, bound = float(row["found"]), float(row["bound"])
        kept = found <= bound if row["way"] == "most" else found >= bound
        assert kept and row["met"] == "yes", row[0]


def test_every_bound_on_speed_was_measured(rows: list[re.Match[str]]) -> None:
    assert {f"{row['bound']} {row['unit']}" for row in rows} == set(ASKED)


@pytest.mark.parametrize("page", sorted(FOLDER.rglob("*.md")), ids=lambda page: page.name)
def test_no_page_names_a_machine(page: Path) -> None:
    """No absolute path, be it of a folder, a home or an interpreter."""
    assert re.findall(r"(?<![\w./\]])/\w[\w.-]*/\S*", page.read_text(encoding="utf-8")) == []
