"""What is told of a batch: reports that failed, answers that changed, an error that ended it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loyalty_analysis import notify
from loyalty_analysis.batch import Batched
from loyalty_analysis.errors import DataError
from loyalty_analysis.records import write_record

STUDY = {"name": "bank", "title": "Bank"}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would be sent."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(notify, "alert", lambda *told, **more: found.append((*told[:4], more)))
    return found


def test_an_answer_that_changed_is_told_beside_a_report_that_failed(
    tmp_path: Path, told: list[tuple[Any, ...]]
) -> None:
    bad = {"name": "brand A", "folder": "a", "run": None, "state": "died", "answer_changed": False}
    new = {"name": "brand B", "folder": "b", "run": "one", "state": "ok", "answer_changed": True}
    notify.tell_of_batch(Batched(tmp_path, {"study": STUDY, "groups": [bad, new]}))
    assert [one[0] for one in told] == ["failed", "ok"]
    assert "brand A: died" in told[0][4]["error"] and told[1][3]["answer_changed"]


def test_an_error_that_ends_a_batch_names_its_page(
    tmp_path: Path, told: list[tuple[Any, ...]]
) -> None:
    folder = tmp_path / "bank" / "by-brand"
    folder.mkdir(parents=True)
    write_record(folder, {"study": STUDY, "groups": []})
    with pytest.raises(DataError), notify.watched("bank", str(tmp_path), True, ["brand"]):
        raise DataError("survey.csv: is empty.")
    assert [one[:3] for one in told] == [("blocked", "Bank", folder)]
