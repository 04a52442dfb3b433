"""Executed copies of notebooks: nothing of this machine in them, and what did not run says so."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode, v4

from loyalty_analysis.manifest import first_line, without_paths

DID_NOT_RUN, STOPPED_HERE = "did-not-run", "stopped-here"
"""Tags of the notes that stand before code cells of a notebook that did not come to its end."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ERROR_TEXT = re.compile(r"[\w.]+: ")  # the part of a traceback that is an exception's own text
_PAPERMILL_MARK = "papermill-error-cell-tag"


def finish(
    path: Path,
    parameters: Mapping[str, Any],
    answered: Collection[str],
    stopped: str | None,
    note: str,
) -> None:
    """Rewrite an executed copy: without paths of this machine and times, and with its notes.

    Parameters
    ----------
    path : pathlib.Path
        The copy as papermill left it.
    parameters : mapping
        Values the notebook was given; paths among them are shortened.
    answered : collection of str
        Ids of the cells that ran.
    stopped : str or None
        Id of the cell at which it ended too early, if it did.
    note : str
        What to say before that cell.
    """
    notebook = nbformat.read(path, as_version=4)
    given = [value for value in parameters.values() if isinstance(value, str)]
    notebook.metadata["papermill"] = {
        "parameters": dict(notebook.metadata["papermill"]["parameters"]),
        "version": papermill.__version__,
    }
    cells: list[NotebookNode] = []
    for cell in notebook.cells:
        if _PAPERMILL_MARK in cell.metadata.get("tags", []):
            continue
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", []):
            _shorten(output)
        cells += [*_notes(cell, answered, stopped, note), cell]
    notebook.cells = cells
    nbformat.write(_scrubbed(notebook, given), path)


def _notes(
    cell: NotebookNode, answered: Collection[str], stopped: str | None, note: str
) -> list[NotebookNode]:
    """Say before a code cell that it did not run, or that the notebook ended there."""
    if cell.cell_type != "code" or not cell.source.strip():
        return []
    if cell.id == stopped:
        return [_note(cell, note, STOPPED_HERE)]
    if cell.id not in answered:
        cell.execution_count = None
        return [_note(cell, "This cell did not run.", DID_NOT_RUN)]
    return []


def _note(cell: NotebookNode, text: str, tag: str) -> NotebookNode:
    metadata = {"tags": [tag]}
    return v4.new_markdown_cell(f"*{text}*", id=f"{cell.id[:50]}-note", metadata=metadata)


def _shorten(output: NotebookNode) -> None:
    """Keep the first line of an error's text, also where the traceback repeats it."""
    if output.output_type == "error":
        output.evalue = first_line(output.evalue)
        plain = [_ANSI.sub("", part) for part in output.traceback]
        output.traceback = [
            first_line(text) if _ERROR_TEXT.match(text) else part
            for part, text in zip(output.traceback, plain, strict=True)
        ]


def _scrubbed(node: Any, given: Sequence[str]) -> Any:
    if isinstance(node, str):
        return without_paths(node, given)
    if isinstance(node, list):
        return [_scrubbed(part, given) for part in node]
    if isinstance(node, dict):
        # base64 could hold what looks like a path, and must stay as it is
        kept = {key: part for key, part in node.items() if key in ("image/png", "image/jpeg")}
        changed = {key: _scrubbed(part, given) for key, part in node.items() if key not in kept}
        return NotebookNode({key: {**changed, **kept}[key] for key in node})
    return node
