"""What a run says about itself: data and files by hash, versions, the command to repeat it.

Nothing here names the machine: paths are written as others can use them.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shlex
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import loyalty_analysis
from loyalty_analysis.bootstrap import SEED
from loyalty_analysis.claims import claim_files
from loyalty_analysis.holdout import facts
from loyalty_analysis.resources import PACKAGE
from loyalty_analysis.survey import Survey

MANIFEST = "manifest.json"
FORMAT = 1
_LONGEST = 300  # characters of an error of others
# every package a number, a figure or a page may depend on
PACKAGES = (
    *("numpy", "pandas", "scipy", "statsmodels", "pydantic", "matplotlib", "seaborn"),
    *("great_tables", "papermill", "nbclient", "nbconvert", "nbformat", "ipykernel", "jinja2"),
    *("scikit-learn", "openpyxl", "pyreadstat", "pyarrow", "sqlalchemy", "duckdb"),
)


def first_manifest(
    run: str, verb: str, survey: Survey, parameters: Mapping[str, Any], out: str | Path
) -> dict[str, Any]:
    """Describe a run that begins.

    Parameters
    ----------
    run : str
        The run id.
    verb : str
        The command: ``"judge"`` or ``"report"``.
    survey : Survey
    parameters : mapping
        What the user asked for, in the user's words: study, settings, data, where.
    out : path
        Folder of all reports.

    Returns
    -------
    dict
        Ready for JSON.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("bank_customers")
    >>> name = "20261121T093000Z-abcd"
    >>> begun = first_manifest(name, "judge", survey, {"study": "bank"}, "reports")
    >>> begun["state"], begun["command"], begun["respondents"]
    ('running', 'loyalty judge bank', {'read': 250, 'analysed': 250})
    """
    study = survey.study
    asked = {name: portable(value) for name, value in parameters.items()}
    return {
        "format": FORMAT,
        "run": run,
        "verb": verb,
        "state": "running",
        "study": {"name": study.name, "title": study.title, "origin": study.origin},
        "study_file": {"file": study.path.name, "sha256": sha256(study.path)},
        "claims": [
            {"file": path.name, "sha256": sha256(path)} for path in claim_files(study).values()
        ],
        "data": {"file": study.address.name, "sha256": survey.digest or sha256(study.data_path)},
        "respondents": {"read": survey.n_read, "analysed": survey.n},
        "warnings": list(survey.warnings),
        "parameters": asked,
        "seed": SEED,
        "exploratory": study.is_exploratory,
        "holdout": facts(study),
        "command": command_line(verb, asked, portable(out)),
        "versions": versions(),
        "started": now(),
        "seconds": {},
        "verdicts": {},
        "changes": [],
        "error": None,
    }


def read_manifest(run: Path) -> dict[str, Any]:
    """Read the manifest of a run; an empty one when there is none or it is damaged.

    Examples
    --------
    >>> read_manifest(Path("no such run"))
    {}
    """
    with suppress(OSError, json.JSONDecodeError):
        return dict(json.loads((run / MANIFEST).read_text(encoding="utf-8")))
    return {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file of facts, without the machine's own paths.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(Path(folder, "facts.json"), {"file": f"{Path.cwd()}/study.toml"})
    ...     json.loads(Path(folder, "facts.json").read_text(encoding="utf-8"))
    {'file': './study.toml'}
    """
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(without_paths(text) + "\n", encoding="utf-8")


def sha256(path: Path) -> str | None:
    """Hash a file; None when there is no such file (data behind a database address).

    Examples
    --------
    >>> sha256(Path("no such file")) is None
    True
    """
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_hashes(folder: Path, skip: Iterable[str] = ()) -> dict[str, str | None]:
    """Hash every file below a folder, by its path inside it.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "index.html").write_text("<p>")
    ...     {name: digest[:8] for name, digest in file_hashes(Path(folder)).items()}
    {'index.html': '33f27994'}
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: sha256(path) for name, path in named.items() if name not in set(skip)}


def versions() -> dict[str, str]:
    """Versions of Python and of every package a number may depend on.

    Examples
    --------
    >>> list(versions())[:4]
    ['loyalty_analysis', 'python', 'system', 'numpy']
    """
    found = {"loyalty_analysis": loyalty_analysis.__version__}
    found |= {"python": platform.python_version(), "system": platform.system()}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def command_line(verb: str, parameters: Mapping[str, Any], out: str = "reports") -> str:
    """Write the command that repeats a run.

    Examples
    --------
    >>> command_line("judge", {"study": "bank", "settings": ["model.controls=[]"]})
    "loyalty judge bank --set 'model.controls=[]'"
    """
    words = ["loyalty", verb, str(parameters.get("study", ""))]
    for setting in parameters.get("settings") or ():
        words += ["--set", str(setting)]
    for column in parameters.get("by") or ():
        words += ["--by", str(column)]
    for name in ("data", "where"):
        if parameters.get(name):
            words += [f"--{name}", str(parameters[name])]
    return shlex.join(words if out == "reports" else [*words, "--out", out])


def portable(value: Any) -> Any:
    """Shorten absolute paths to what others can make sense of; keep everything else.

    Examples
    --------
    >>> portable("data/bank/study.toml"), portable("/home/ann/bank/study.toml")
    ('data/bank/study.toml', '…/bank/study.toml')
    """
    if isinstance(value, list | tuple):
        return [portable(part) for part in value]
    if not isinstance(value, str | Path):
        return value
    path = Path(value)
    if not path.is_absolute():
        return str(value)
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return "/".join(["…", *path.parts[-2:]])


def without_paths(text: str, also: Iterable[str | Path] = ()) -> str:
    """Take the machine's own paths out of a text: nobody else has them, and they name users.

    Parameters
    ----------
    text : str
        A log line, a traceback, the source or output of a cell.
    also : iterable of path
        Further absolute paths to shorten, such as that of the study file.

    Examples
    --------
    >>> without_paths(f"File {Path.cwd()}/study.toml")
    'File ./study.toml'
    """
    known = {str(path): name for path, name in _places() if len(path.parts) > 1}
    known |= {str(path): portable(path) for path in also if Path(path).is_absolute()}
    ordered = "|".join(re.escape(path) for path in sorted(known, key=len, reverse=True))
    return re.sub(rf"(?:{ordered})(?![\w.-])", lambda match: known[match.group()], text)


def first_line(text: str) -> str:
    """Keep the first line of an error's text, cut where it grows long: more could quote answers.

    Examples
    --------
    >>> first_line("'age'" + chr(10) + "row 17: 3, 5, 7")
    "'age'"
    """
    line = next(iter(without_paths(text).strip().splitlines()), "").strip()
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _places() -> Iterator[tuple[Path, str]]:
    """Where this machine keeps things, the most telling name last."""
    yield Path(sysconfig.get_path("stdlib")), "<python>"
    yield Path(sys.prefix), "<python>"
    yield Path(tempfile.gettempdir()), "<temporary>"
    yield Path.home(), "~"
    yield PACKAGE.parent, "<package>"
    yield Path.cwd(), "."


def now() -> str:
    """Time in UTC to the second.

    Examples
    --------
    >>> now()[-6:]
    '+00:00'
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Name what two runs were made from differently: data, study file, settings, filter, package.

    Examples
    --------
    >>> differing({"data": {"sha256": "a"}}, {"data": {"sha256": "b"}})
    ['the data']
    """
    places = {
        "the data": ("data", "sha256"),
        "the study file": ("study_file", "sha256"),
        "the claims": ("claims",),
        "the settings": ("parameters", "settings"),
        "the filter": ("parameters", "where"),
        "the version of this package": ("versions", "loyalty_analysis"),
    }

    def at(manifest: Mapping[str, Any], table: str, key: str = "") -> Any:
        found = manifest.get(table)
        return (found or {}).get(key) if key else found

    return [words for words, place in places.items() if at(a, *place) != at(b, *place)]
