"""The executed sample in reports/ is what the package makes today, and names no machine."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np

from loyalty_analysis import judge, read_survey
from loyalty_analysis.comparison import read_verdicts

SAMPLE = Path(__file__).resolve().parents[1] / "reports" / "sample"


def test_the_sample_holds_todays_verdicts() -> None:
    kept, found = read_verdicts(SAMPLE), judge(read_survey("mobile_customers"))
    for column in ("claim", "part", "verdict", "size", "sentence"):
        assert list(kept[column]) == list(found[column])
    np.testing.assert_allclose(kept["estimate"], found["estimate"], rtol=1e-9)


def test_the_sample_was_executed_without_error() -> None:
    notebook = nbformat.read(SAMPLE / "notebooks" / "02_descriptives.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    assert not any(out.output_type == "error" for cell in code for out in cell.outputs)
    assert json.loads((SAMPLE / "manifest.json").read_text(encoding="utf-8"))["state"] == "ok"


def test_the_sample_names_no_machine() -> None:
    for path in SAMPLE.rglob("*.*"):
        text = re.sub(r"[A-Za-z0-9+/=\\n]{200,}", "", path.read_text(encoding="utf-8"))
        assert not re.search(r"(?<![\w.+/])/(home|root|tmp|work|Users|usr)/\w", text), path.name
