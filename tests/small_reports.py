"""Reports of one notebook and a study of one driver: the whole way, in about two seconds each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from factory import CLAIM, REMOVE, answers, make
from nbformat import v4

from loyalty_analysis import batch, report
from loyalty_analysis.workers import Outcome

NAME = "03_regressions"
"""The only notebook of a small report."""
CHANGES: Mapping[str, Any] = {
    "title": "A small study",
    "model": {"drivers": ["affective"], "outcomes": {"repurchase": "intention"}},
    "paths": REMOVE,
}
TOTAL = {**CLAIM, "estimand": "total", "outcome": "repurchase"}
CLAIMS = [TOTAL, {**TOTAL, "id": "C2", "sign": "-"}]
PARAMETERS = 'study: str = ""\nsettings: list = []\ndata: str = ""\nwhere: str = ""'
READ = """\
from loyalty_analysis.survey import read_survey
survey = read_survey(study, settings, data or None, where or None)
mean = survey.frame["affective"].mean()
print(f"n={survey.n} mean={mean:.6f}")
"""
FIGURE = """\
import base64, struct, zlib
def chunk(kind, data):
    said = kind + data
    return struct.pack(">I", len(data)) + said + struct.pack(">I", zlib.crc32(said))
head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
line = b"\\0" + round(mean * 1e6).to_bytes(6, "big")
png = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(line * 2)) \\
    + chunk(b"IEND", b"")
about = {"alt": f"The mean is {mean:.6f}", "name": "forest"}
svg = f'<svg xmlns="http://www.w3.org/2000/svg"><title>{mean:.6f}</title></svg>'
shown = {"image/png": base64.b64encode(png).decode(), "image/svg+xml": svg}
get_ipython().display_pub.publish(shown, {kind: about for kind in shown})
"""


def write_notebook(folder: Path, *cells: str, name: str = NAME) -> Path:
    """Write the one notebook of a small report; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = [
        v4.new_markdown_cell("# Is it so?"),
        v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *map(v4.new_code_cell, cells or (READ, FIGURE)),
    ]
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    nbformat.write(v4.new_notebook(cells=content, metadata=about), folder / f"{name}.ipynb")
    return folder


def small(folder: Path, frame: pd.DataFrame | None = None, **changes: Any) -> Path:
    """Write a small study; dots of keys in ``changes`` as two underscores."""
    more = {key.replace("__", "."): value for key, value in changes.items()}
    return make(folder, {**CHANGES, **more}, frame, claims=CLAIMS)


@contextmanager
def one_notebook(folder: Path) -> Iterator[pytest.MonkeyPatch]:
    """Let reports execute the one notebook of a folder alone, in kernels that start cold."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "notebooks_folder", lambda: folder)
        patch.setattr(report, "notebooks_of", lambda study: (NAME,))
        yield patch


@contextmanager
def one_process(folder: Path) -> Iterator[list[str]]:
    """Let batches make their reports in this process; the folders of groups that were made."""
    made: list[str] = []

    def here(do: Any, tasks: Iterable[Any], count: int, seconds: float = 0) -> Iterator[Outcome]:
        for task in tasks:
            made.append(task.folder)
            yield Outcome(task, "done", do(task))

    with one_notebook(folder) as patch:
        patch.setattr(batch, "outcomes", here)
        yield made


def brands(sizes: Sequence[int] = (40, 40, 40), names: Sequence[Any] = "abc") -> pd.DataFrame:
    """Draw answers of respondents of several brands, each of its own seed."""
    parts = [
        answers(size, seed=seed).assign(brand=name)
        for seed, (size, name) in enumerate(zip(sizes, names, strict=True), 11)
    ]
    return pd.concat(parts, ignore_index=True).assign(id=lambda table: range(1, len(table) + 1))
