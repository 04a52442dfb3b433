"""A study whose every name holds what could run, load, or break a line; notebooks that fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from factory import CLAIM, answers, make, toml_file

from loyalty_analysis.report_notebooks import REPORT_NOTEBOOKS, notebooks_folder

# What a survey may hold. Whatever runs leaves a mark on the window.
IMAGE = "<img src=x onerror=\"window.struck='image'\">"
SCRIPT = "<script>window.struck='script'</script>"
DRAWING = "\"'><svg onload=\"window.struck='drawing'\">"
LINK = "[press](javascript:window.struck='link') <a href=\"javascript:window.struck=1\">press</a>"
CLOSING = "</style></title></textarea>--><style>body{display:none}</style>"
AGE = "age</style></title><b>"
TEMPLATE = "{{7*7}} {% raw %} ${7*7} <%= 7*7 %>"
MARKUP = "**bold** _it_ `code` $x_1$ &lt;b&gt; &amp;"
TURNED = "\u202eneppoh\u202c \u2066left\u2069"
LONG = "unbreakable" * 19


def hostile_study(folder: Path) -> Path:
    """Write a study whose every name and label holds what could run, load, or break a line."""
    frame = answers(150).rename(
        columns={
            **{"aff1": IMAGE, "aff2": SCRIPT, "nor1": DRAWING, "nor2": LONG},
            **{"for1": TEMPLATE, "for2": TURNED, "sat1": MARKUP, "age": AGE},
        }
    )
    frame["gender"] = frame["gender"].map({"female": SCRIPT, "male": IMAGE, "other": LONG})
    frame["sector"] = frame["sector"].map({"goods": DRAWING, "services": LINK})
    changes = {
        "title": f"A study {SCRIPT} {IMAGE} {TURNED} {TEMPLATE}",
        "constructs.affective.label": f"Affective {IMAGE}",
        "constructs.affective.items": [IMAGE, SCRIPT, "aff3"],
        "constructs.normative.label": f"Normative {LONG}",
        "constructs.normative.items": [DRAWING, LONG, "nor3"],
        "constructs.forced.label": f"Forced {DRAWING}",
        "constructs.forced.items": [TEMPLATE, TURNED, "for3"],
        "constructs.satisfaction.label": f"Satisfaction {SCRIPT}",
        "constructs.satisfaction.items": [MARKUP, "sat2", "sat3"],
        "constructs.repurchase.label": f"Repurchase {LINK}",
        "constructs.advocacy.label": f"Advocacy {TEMPLATE} {MARKUP}",
        "constructs.search.label": f"Search {CLOSING}",
        "constructs.usability.label": f"Usability {TURNED}",
        "model.controls": [AGE, "gender"],
        "design.groups": ["sector"],
        "contrasts.sector": {"a": DRAWING, "b": LINK},
    }
    told: list[dict[str, Any]] = [
        {"text": f"{IMAGE} {LONG}", "note": SCRIPT, "reference": LINK, "rival": ["C<b>2"]},
        {"id": "C<b>2", "text": DRAWING, "term": "forced", "sign": "-", "note": TEMPLATE},
        {"text": SCRIPT + MARKUP, "term": "habitual"},
        {"text": LINK + CLOSING, "parts": [{"id": SCRIPT, "term": "forced", "text": IMAGE}]},
        {
            **{"text": TEMPLATE, "estimand": "slope_difference", "outcome": "repurchase"},
            **{"versus": [DRAWING, LINK], "rival": ["C1"]},
        },
    ]
    path = make(folder, changes, frame)
    claims = [{**CLAIM, "id": f"C{number}", **claim} for number, claim in enumerate(told, 1)]
    about = {"title": f"Claims {IMAGE}{DRAWING}", "about": SCRIPT + LINK + LONG, "source": "own"}
    (folder / "own.toml").write_text(toml_file({**about, "claim": claims}), encoding="utf-8")
    return path


def failing_notebooks(folder: Path) -> Path:
    """Copy the openings of the shipped notebooks; one of them fails, and says hostile things."""
    folder.mkdir()
    for name in REPORT_NOTEBOOKS:
        notebook = nbformat.read(notebooks_folder() / f"{name}.ipynb", as_version=4)
        read = next(n for n, cell in enumerate(notebook.cells) if "read_survey" in cell.source)
        added = ["survey.n"]
        if name == "02_descriptives":
            added = [f"print({LONG!r})\nraise ValueError({IMAGE + SCRIPT!r})", "'not reached'"]
        notebook.cells[read + 1 :] = map(nbformat.v4.new_code_cell, added)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder
