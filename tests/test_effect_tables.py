"""Tables of mediation and drivers print what the frames hold, with n and notes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from drawn import make_big_study, make_study
from effect_frames import make_drivers, make_groups, make_mediation, make_orders
from test_tables import Cells, cells, notes, row

from loyalty_analysis import tables
from loyalty_analysis.errors import RunError

NAN = float("nan")
STUDY = make_study(["affective", "forced"], ["repurchase"], simulated=False)


def all_tables(study: Any = STUDY) -> dict[str, Any]:
    return {
        "mediation": tables.mediation_table(make_mediation(study), study),
        "mediation orders": tables.orders_table(make_orders(study), study),
        "mediation groups": tables.mediation_groups_table(make_groups(study), study),
        "drivers": tables.drivers_table(make_drivers(study), study),
    }


def test_every_table_has_its_n_and_its_name_and_escapes_labels() -> None:
    for name, table in all_tables(make_big_study()).items():
        page = table.as_raw_html()
        assert f'id="table-{name.replace(" ", "-")}"' in page
        assert "script" not in Cells(page).tags and "alert(" in page
        assert "n = " in notes(table) and "Simulated respondents" in notes(table)
    assert "Simulated" not in notes(all_tables()["mediation"])


def test_effects_stand_side_by_side() -> None:
    table = tables.mediation_table(make_mediation(STUDY), STUDY)
    found = row(table, "Affective commitment")
    head = next(cell for cell in cells(table) if cell[0] == "Driver")
    assert head[1:4] == ["Direct [95% interval]", "Indirect [95% interval]", "p"]
    assert found[1] == "−0.25 [−0.29, −0.21]"
    assert found[2] == "0.16 [0.14, 0.18]"
    assert found[4] == "0.14 to 0.18"
    assert found[5] == "−0.09 [−0.13, −0.05]"
    assert found[6] == "–", "no share where direct and indirect oppose each other"
    assert found[7] == "0.19 [0.16, 0.22]"
    assert "Intervals by influence values" in notes(table)


def test_columns_that_nothing_is_known_for_are_left_out() -> None:
    bare = make_mediation(STUDY, boot=False).assign(latent=NAN, latent_low=NAN, latent_high=NAN)
    head = next(c for c in cells(tables.mediation_table(bare, STUDY)) if c[0] == "Driver")
    assert "Bootstrap interval" not in head and len(head) == 6
    shares = make_drivers(STUDY, respondents=False).assign(latent=NAN)
    table = tables.drivers_table(shares, STUDY)
    head = next(c for c in cells(table) if c[0] == "Driver")
    assert "Times first" not in head and "bootstrap" not in notes(table)


def test_narrow_products_get_a_third_decimal() -> None:
    narrow = make_mediation(STUDY, half=0.01)
    assert row(tables.mediation_table(narrow, STUDY), "Affective commitment")[2] == (
        "0.158 [0.152, 0.163]"
    )


def test_orders_name_their_paths() -> None:
    table = tables.orders_table(make_orders(STUDY), STUDY)
    assert row(table, "Affective commitment")[1:] == [
        "0.16 [0.14, 0.18]", "0.08 [0.06, 0.10]", "0.24 [0.22, 0.26]",
    ]  # fmt: skip
    said = notes(table)
    assert "Satisfaction → Affective commitment → Repurchase intention" in said
    assert "cannot say which one is right" in said


def test_groups_of_many_levels_are_left_to_the_file_while_there_are_others() -> None:
    few = make_groups(STUDY)
    many = make_groups(STUDY, "country", [f"X{k}" for k in range(8)], "")
    both = tables.mediation_groups_table(pd.concat([few, many]), STUDY)
    headings = [cell[0] for cell in cells(both) if len(cell) == 1]
    assert "Sector: goods − services (n = 4,500)" in headings
    assert not any(heading.startswith("Country") for heading in headings)
    assert "In results/mediation_groups.csv: Country." in notes(both)
    alone = tables.mediation_groups_table(many, STUDY)
    assert any(cell[0].startswith("Country: X7") for cell in cells(alone))


def test_shares_are_points_sorted_by_rank_with_their_sign() -> None:
    shares = make_drivers(STUDY)
    shares["sign"] = ["+", "-", ""]
    table = tables.drivers_table(shares.iloc[::-1], STUDY)
    printed = [cell for cell in cells(table) if len(cell) > 4][1:]
    assert [cell[1] for cell in printed] == ["+", "−", "±"]
    assert [cell[3] for cell in printed] == ["1 [1, 2]", "2 [1, 3]", "3 [2, 3]"]
    assert [cell[4] for cell in printed] == ["98%", "1%", "1%"]
    assert printed[-1][5] == "–", "the last has no next"
    assert any("R² = 48%, controls 3%" in cell[0] for cell in cells(table))
    assert (
        "A mediator is credited with what it shares with the drivers before it: satisfaction."
        in notes(table)
    )


def test_sampled_orders_and_failed_replicates_are_told() -> None:
    shares = make_drivers(STUDY).assign(orderings="2000", sampling_error=0.004, failed=3)
    said = notes(tables.drivers_table(shares, STUDY))
    assert "Orders were sampled (2000 of them): sampling error of a share up to 0.40 points" in said
    assert "5,000 replicates, 3 of them failed" in said
    assert "sampled" not in notes(tables.drivers_table(make_drivers(STUDY), STUDY))


def test_a_table_without_effects_is_refused() -> None:
    with pytest.raises(RunError, match=r"results/mediation\.csv"):
        tables.mediation_table(make_mediation(STUDY).iloc[:0], STUDY)
