"""What workers of a batch do in tests: the same as ever, with the one notebook of a small report.

Workers are processes of their own, where nothing that a test has patched is patched.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from small_reports import one_notebook

from loyalty_analysis import batch

NOTEBOOKS = "TEST_BATCH_NOTEBOOKS"
LOST = "lost"
_render_one = batch._render_one


def render_one(task: Any) -> dict[str, Any]:
    """Make a report; the process of the group named ``lost`` is lost."""
    if task.folder == LOST:
        os._exit(7)
    with one_notebook(Path(os.environ[NOTEBOOKS])):
        return _render_one(task)
