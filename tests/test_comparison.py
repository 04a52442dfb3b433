"""Results and verdicts on disk, and what changed between two runs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from loyalty_analysis.comparison import changes, read_verdicts, verdict_counts, write_results
from loyalty_analysis.verdicts import COLUMNS


def verdict_table(**rows: str) -> pd.DataFrame:
    """A verdict table of one claim set, with a verdict for each claim."""
    blank = dict.fromkeys(COLUMNS, "")
    table = [{**blank, "claim_set": "press", "claim": c, "verdict": v} for c, v in rows.items()]
    return pd.DataFrame(table, columns=COLUMNS).assign(estimate=0.1, outcome="loyalty", text="T")


def test_results_are_written_with_every_digit_and_read_back_the_same(tmp_path: Path) -> None:
    values = [0.1 + 0.2, 1 / 3, 1e-300]
    verdicts = verdict_table(R1="supported", R2="negligible").assign(estimate=values[:2])
    write_results(
        tmp_path, {"models": pd.DataFrame({"label": ["Loyalität"] * 3, "x": values})}, verdicts
    )
    again = pd.read_csv(tmp_path / "results" / "models.csv")
    assert list(again["x"]) == values
    assert again["label"][0] == "Loyalität"
    assert (tmp_path / "verdicts.csv").read_text(encoding="utf-8").split("\n")[0] == ",".join(
        COLUMNS
    )
    read = read_verdicts(tmp_path)
    assert list(read["part"]) == ["", ""]
    assert list(read["claim"]) == ["R1", "R2"]


def test_changes_name_claims_whose_verdict_changed_and_leave_out_parts() -> None:
    before = verdict_table(R1="supported", R2="inconclusive", R3="supported")
    after = verdict_table(R1="supported", R2="contradicted", R4="negligible")
    after.loc[0, "estimate"] = 0.3  # an estimate alone is not a change of verdict
    part = verdict_table(R1="negligible").assign(part="affective")
    found = changes(pd.concat([before, part]), after).set_index("claim")
    assert list(found.index) == ["R2", "R3", "R4"]
    assert list(found["before"]) == ["inconclusive", "supported", "absent"]
    assert list(found["now"]) == ["contradicted", "absent", "negligible"]
    assert changes(before, before).empty


def test_counts_leave_out_parts_and_name_every_verdict() -> None:
    part = verdict_table(R1="negligible").assign(part="affective")
    counts = verdict_counts(pd.concat([verdict_table(R1="supported"), part]))
    assert counts["supported"] == 1
    assert sum(counts.values()) == 1
    assert len(counts) == 5
