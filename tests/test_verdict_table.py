"""The verdict table of the page: every claim in its place, in words and on one axis."""

from __future__ import annotations

from math import nan
from typing import Any

import pandas as pd
import pytest

from loyalty_analysis.claims import ClaimSet, load_claims
from loyalty_analysis.formatting import VERDICT_MARKS
from loyalty_analysis.survey import Survey, read_survey
from loyalty_analysis.verdict_table import (
    Row,
    VerdictTable,
    axis_limit,
    cited,
    drawing,
    model_anchor,
    short_reason,
    verdict_table,
)
from loyalty_analysis.verdicts import judge


@pytest.fixture(scope="module")
def survey() -> Survey:
    # Its constructs overlap: with gates that stop claims there would be nothing to show.
    return read_survey("bank_customers", ["gates.warn=['htmt', 'admissible']"])


@pytest.fixture(scope="module")
def verdicts(survey: Survey) -> pd.DataFrame:
    return judge(survey)


@pytest.fixture(scope="module")
def sets(survey: Survey) -> list[ClaimSet]:
    return load_claims(survey.study)


@pytest.fixture(scope="module")
def table(survey: Survey, sets: list[ClaimSet], verdicts: pd.DataFrame) -> VerdictTable:
    return verdict_table(survey.study, sets, verdicts, {"regressions", "model-satisfaction"})


def rows(table: VerdictTable) -> list[Row]:
    return [row for group in table.groups for row in (*group.rows, *group.closed)]


def test_every_verdict_stands_in_the_table_once(
    table: VerdictTable, verdicts: pd.DataFrame
) -> None:
    shown = [(row.claim, row.verdict) for row in rows(table)]
    shown += [(row.claim, part.verdict) for row in rows(table) for part in row.parts]
    assert sorted(shown) == sorted(zip(verdicts["claim"], verdicts["verdict"], strict=True))


def test_groups_are_the_claim_sets_and_contradictions_come_first(
    table: VerdictTable, sets: list[ClaimSet]
) -> None:
    assert {group.title for group in table.groups} == {one.title for one in sets}
    judged = [bool(group.rows) for group in table.groups]
    assert judged == sorted(judged, reverse=True)
    order = list(VERDICT_MARKS)
    for group in table.groups:
        places = [order.index(row.verdict) for row in group.rows]
        assert places == sorted(places)
        assert "not testable" not in {row.verdict for row in group.rows}
        assert {row.verdict for row in group.closed} <= {"not testable"}


def test_parts_are_named_and_their_claim_counts_them(table: VerdictTable) -> None:
    whole = next(row for row in rows(table) if row.claim == "E3")
    assert [part.text for part in whole.parts] == [
        "Image",
        "Expectations",
        "Perceived quality",
        "Perceived value",
    ]
    assert whole.reason == "of 4 parts, 2 supported, 2 inconclusive"
    assert whole.bar is None
    assert whole.found == ""
    assert all(part.bar for part in whole.parts)


def test_rows_say_what_was_published_and_what_is_found(
    table: VerdictTable, verdicts: pd.DataFrame
) -> None:
    row = next(row for row in rows(table) if row.claim == "E4")
    one = verdicts[verdicts["claim"] == "E4"].iloc[0]
    assert row.published == "raises"
    assert row.found.startswith(f"{one['estimate']:.2f} [")
    assert row.unit == "with satisfaction held constant"
    assert row.tests.startswith("p ")
    assert "after Holm" in row.tests


def test_rivals_tell_how_they_fared_and_absent_ones_are_left_out(table: VerdictTable) -> None:
    known = {row.claim for row in rows(table)}
    rivals = [rival for row in rows(table) for rival in row.rivals]
    assert rivals
    assert {rival.claim for rival in rivals} <= known
    assert all(rival.verdicts for rival in rivals)


def test_rows_link_to_their_equation_else_to_the_regressions(table: VerdictTable) -> None:
    links = {row.anchor for row in rows(table)}
    assert links == {"", "regressions", "model-satisfaction"}
    assert all(not row.anchor for row in rows(table) if row.verdict == "not testable")


def test_without_a_place_to_link_to_rows_do_not_link(
    survey: Survey, sets: list[ClaimSet], verdicts: pd.DataFrame
) -> None:
    found = verdict_table(survey.study, sets, verdicts, set())
    assert {row.anchor for row in rows(found)} == {""}


@pytest.mark.parametrize(
    ("verdict", "sign", "size", "said"),
    [
        ("supported", "+", "clear", "whole interval above 0.10"),
        ("supported", "+", "unresolved", "direction clear; may be smaller than 0.10"),
        ("supported", "-", "clear", "whole interval below −0.10"),
        ("contradicted", "+", "", "whole interval below 0"),
        ("contradicted", "-", "", "whole interval above 0"),
        ("supported", "none", "", "whole interval inside ±0.10"),
        ("contradicted", "none", "", "whole interval beyond ±0.10"),
        ("supported", "any", "clear", "whole interval beyond ±0.10"),
        ("contradicted", "any", "", "whole interval inside ±0.10"),
        ("supported", "not_negative", "unresolved", "whole interval above −0.10"),
        ("contradicted", "not_negative", "", "whole interval below −0.10"),
        ("negligible", "+", "", "whole interval inside ±0.10"),
        ("not testable", "+", "", "not measured here: usability"),
    ],
)
def test_reasons_are_short_and_true(verdict: str, sign: str, size: str, said: str) -> None:
    record = {"verdict": verdict, "sign": sign, "size": size, "negligible": 0.1}
    assert short_reason({**record, "reason": "missing_construct: usability"}) == said


@pytest.mark.parametrize(
    ("estimate", "low", "high", "way"),
    [(0.2, 0.1, 0.3, "positive"), (-0.2, -0.3, -0.1, "negative"), (0.0, -0.1, 0.1, "unclear")],
)
def test_bars_are_placed_on_the_axis(estimate: float, low: float, high: float, way: str) -> None:
    record = {"estimate": estimate, "conf_low": low, "conf_high": high, "negligible": 0.1}
    drawn = drawing(record, 0.4)
    assert drawn is not None
    assert drawn["way"] == way
    assert drawn["estimate"] == pytest.approx(80 + 200 * estimate)
    assert drawn["low"] <= drawn["estimate"] <= drawn["high"]
    assert (drawn["band_low"], drawn["band_width"]) == (60.0, 40.0)


def test_bars_beyond_the_axis_end_at_it_with_a_sign() -> None:
    record: dict[str, Any] = {
        "estimate": 1.4,
        "conf_low": -2.0,
        "conf_high": 3.0,
        "negligible": 0.1,
    }
    drawn = drawing(record, 1.0)
    assert drawn is not None
    assert (drawn["low"], drawn["estimate"], drawn["high"]) == (0.0, 160.0, 160.0)
    assert drawn["beyond_low"]
    assert drawn["beyond_high"]


def test_there_is_no_bar_without_an_interval() -> None:
    record = {"estimate": 0.2, "conf_low": nan, "conf_high": nan, "negligible": 0.1}
    assert drawing(record, 0.4) is None


def test_the_axis_holds_every_interval_within_reason() -> None:
    assert axis_limit([0.05, -0.1]) == 0.4
    assert axis_limit([0.41]) == 0.6
    assert axis_limit([nan, -7.0]) == 1.0


@pytest.mark.parametrize(
    ("reference", "short"),
    [
        ("", ""),
        ("Keiningham, Frennea & Mittal 2015, Journal, doi 10.1177/1", "Keiningham et al. 2015"),
        ("Burnham et al. (2003), JAMS", "Burnham et al. 2003"),
        ("internal memo", "internal memo"),
    ],
)
def test_references_are_shortened_to_authors_and_year(reference: str, short: str) -> None:
    assert cited(reference) == short


def test_anchors_of_models_are_safe() -> None:
    assert model_anchor("Repurchase intent.total") == "model-repurchase-intent-total"


def test_a_claim_about_structures_has_words_and_no_bar() -> None:
    row = {"verdict": "supported", "estimand": "rival_models", "sign": "+", "negligible": 0.0,
           "size": "", "reason": ""}  # fmt: skip
    assert short_reason(row) == "ahead of every rival, and fits"
    survey = read_survey("rice_simulated")
    verdicts = judge(survey)
    found = verdict_table(survey.study, load_claims(survey.study), verdicts, set())
    shown = next(row for row in rows(found) if row.claim == "P1")
    assert shown.bar is None and shown.outcome == "" and "log likelihood" in shown.unit
    assert shown.found.startswith("0.4")
