"""A data file that is in use is tried again; what no second try can cure is not."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pandas as pd
import pytest
from factory import answers, make

from loyalty_analysis.errors import DataError, InUseError
from loyalty_analysis.inputs import read_inputs
from loyalty_analysis.patience import patiently
from loyalty_analysis.survey import read_survey


def database(folder: Path) -> tuple[Path, Path]:
    """A study whose data lie in a database, and the database."""
    study = make(folder / "shop", {"data": "survey.db#answers"})
    path = folder / "shop" / "survey.db"
    with sqlite3.connect(path) as connection:
        answers().to_sql("answers", connection, index=False)
    return study, path


def test_a_locked_database_is_waited_for(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    study, path = database(tmp_path)
    holder = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    holder.execute("begin exclusive")
    said: list[str] = []
    threading.Timer(6.0, lambda: holder.execute("rollback")).start()
    found = read_inputs(study, told=said.append)
    assert isinstance(found.table, object) and found.opened()[0].n > 0
    assert said and "is in use (database is locked)" in said[0]
    holder.close()


def test_what_stays_locked_is_said_by_name(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    study, path = database(tmp_path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin exclusive")
    with pytest.raises(InUseError, match=r"survey\.db: is in use"):
        read_survey(study)
    holder.close()


def test_a_damaged_file_is_not_tried_again() -> None:
    tries: list[int] = []

    def read() -> pd.DataFrame:
        tries.append(1)
        raise DataError("survey.csv: damaged.")

    with pytest.raises(DataError, match="damaged"):
        patiently(read, waits=[0, 0])
    assert len(tries) == 1
