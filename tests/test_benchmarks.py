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
def page() -> str:
    return (FOLDER / "effects_speed.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(page: str) -> list[re.Match[str]]:
    return list(ROW.finditer(page))


def test_every_bound_on_speed_is_met_or_explained(page: str, rows: list[re.Match[str]]) -> None:
    """The column says what the figures say, and where it says no, where the time goes."""
    for row in rows:
        found, bound = float(row["found"]), float(row["bound"])
        kept = found <= bound if row["way"] == "most" else found >= bound
        assert row["met"] == ("yes" if kept else "no"), row[0]
        assert kept or f"Not as asked: {row['what']}: " in page, row[0]


def test_every_bound_on_speed_was_measured(rows: list[re.Match[str]]) -> None:
    assert {f"{row['bound']} {row['unit']}" for row in rows} == set(ASKED)


@pytest.mark.parametrize("page", sorted(FOLDER.rglob("*.md")), ids=lambda page: page.name)
def test_no_page_names_a_machine(page: Path) -> None:
    """No absolute path, be it of a folder, a home or an interpreter."""
    assert re.findall(r"(?<![\w./\]])/\w[\w.-]*/\S*", page.read_text(encoding="utf-8")) == []
