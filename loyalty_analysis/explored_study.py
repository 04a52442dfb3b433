"""What was explored as files of its own: a study, a figure, a notebook; nothing is written over."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import nbformat

from loyalty_analysis.addresses import address_of
from loyalty_analysis.claims import claim_files
from loyalty_analysis.errors import InputError
from loyalty_analysis.holdout import SEED
from loyalty_analysis.plotting import Figure
from loyalty_analysis.report_notebooks import notebooks_folder
from loyalty_analysis.runs import opened, parameters_of
from loyalty_analysis.study import Study

NOTEBOOK = "12_explore"


def save_study(study: Study, folder: str | Path = ".") -> Path:
    """Write a study that was chosen after seeing the data, marked as exploratory.

    Parameters
    ----------
    study : Study
        As :func:`explore.chosen` makes it.
    folder : path
        Where a new folder ``<study>_explored_<number>`` is made: runs go by the name of a folder.

    Returns
    -------
    pathlib.Path
        Its study.toml; claim files of the study's own are copied beside it.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    own = _new(Path(folder), f"{study.name}_explored", "", lambda path: path.mkdir(parents=True))
    for name, path in claim_files(study).items():
        if name.endswith(".toml"):  # sets that ship with the package are found by name
            copyfile(path, own / name)
    path = own / "study.toml"
    path.write_text(study_text(study, own), encoding="utf-8")
    return path


def save_figure(figure: Figure, study: Study, folder: str | Path = ".") -> Path:
    """Write a figure as SVG under a name that is new."""
    svg = figure.svg()

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(svg)

    return _new(Path(folder), f"{study.name}_{figure.name}", ".svg", write)


def _new(folder: Path, stem: str, ending: str, make: Callable[[Path], None]) -> Path:
    """Make the first of numbered files that is not there yet, whoever else makes some."""
    for number in count(1):
        path = folder / f"{stem}_{number}{ending}"
        try:
            make(path)
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}.") from None
        return path
    raise AssertionError


def study_text(study: Study, folder: Path) -> str:
    """Write an explored study as the text of a study file that lies in a folder.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> study_text(load_study("rice_simulated"), Path("explored")).splitlines()[-2:]
    ['a = "goods"', 'b = "services"']
    """
    table = study.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    table |= {"title": study.title, "data": _data(study, folder), "exploratory": True}
    table |= {"claims": list(study.claims)}
    return "\n".join([*_comment(study), "", *_lines(table)]) + "\n"


def _comment(study: Study) -> list[str]:
    kept = f"loyalty judge judges it on those held out (holdout below, seed {SEED}); or"
    return [
        "# Chosen after seeing the data: exploratory until respondents who were not seen judge it.",
        f"# {kept if study.holdout else 'Every respondent was seen;'} a new wave can judge it:",
        "# loyalty judge THIS_FILE --data NEW_WAVE --set exploratory=false"
        + (" --holdout 0" if study.holdout else ""),
    ]


def _data(study: Study, folder: Path) -> str:
    """The address of the data as seen from a folder."""
    found = address_of(study.data, study.path.parent)
    if found.file is None:
        return study.data
    there = Path(os.path.relpath(found.file.resolve(), folder.resolve())).as_posix()
    scheme = f"{found.kind}:///" if "://" in study.data else ""
    return f"{scheme}{there}{found.tail}"


def _lines(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Values first, then a table for each that holds more; constructs one line each."""
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    inline = prefix in ("constructs", "model")
    for key, value in table.items():
        if key not in tables or inline:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in {} if inline else tables.items():
        name = f"{prefix}.{_key(key)}" if prefix else _key(key)
        yield ""
        yield f"[{name}]"
        yield from _lines(value, name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(k)} = {_value(v)}' for k, v in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)


def explore_notebook(
    study: str | Path | Study,
    out: str | Path = "explored",
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
) -> Path:
    """Copy the notebook of exploration with a study filled in, once study and data were read.

    Parameters
    ----------
    study : str, pathlib.Path or Study
        A study file, its folder, or the name of a shipped study.
    out : path
        Folder of the copy, and of what is saved from it.
    settings : sequence of str
        Changes to the study as ``"table.key=value"``.
    data, where : str
        Another data file; a further filter.

    Returns
    -------
    pathlib.Path
        The copy, under a name that is new.
    """
    survey, _ = opened(study, [*settings, "exploratory=false"], data, where)
    file = survey.study.path.resolve()
    place = Path(data).resolve() if data and address_of(data).file == Path(data) else data
    asked = parameters_of(file, settings, place, where)
    notebook = nbformat.read(notebooks_folder() / f"{NOTEBOOK}.ipynb", as_version=4)
    cell = next(one for one in notebook.cells if "parameters" in one.metadata.get("tags", []))
    cell.source = "\n".join(f"{name} = {value!r}" for name, value in asked.items())
    text = nbformat.writes(notebook)

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as copy:
            copy.write(text)

    return _new(Path(out), f"explore_{survey.study.name}", ".ipynb", write)


def lab_command(notebook: Path, *, browser: bool = True) -> list[str]:
    """Write the command that opens a notebook in JupyterLab, which asks no server for news.

    Examples
    --------
    >>> lab_command(Path("explore.ipynb"), browser=False)[1:5]
    ['-m', 'jupyterlab', 'explore.ipynb', '--no-browser']
    """
    return [
        sys.executable, "-m", "jupyterlab", str(notebook),
        *([] if browser else ["--no-browser"]),
        "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    ]  # fmt: skip
