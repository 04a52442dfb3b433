"""Write ``tests/README.md``: every bad input with the message it gives, every interruption with
the state it leaves. Run ``python tests/make_readme.py``; a test holds the messages true.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hostile import CASES, DOUBTS, Case
from interruptions import rows

from loyalty_analysis.cli import main

README = Path(__file__).with_name("README.md")
HEAD = """\
# Tests

`make test` runs them with the examples in the docstrings, `make slow` those that take long; they
need neither R nor a network.
The folder mirrors the package. `factory.py` makes tiny studies, `golden/` holds numbers from R
beside the scripts that made them, and `LOYALTY_REFERENCE` may name a folder of real surveys with
results from R (tests that need it skip without it, and say so). This file is written by
`python tests/make_readme.py`.

## What bad input gets

Each case was run with `loyalty judge`: exit code 2, one message, no traceback, nothing written, no
file changed (`test_hostile.py`).
"""
DOUBTED = """
## What is allowed, and warned of

`loyalty check` says so; `judge` and `report` warn of it as well where it is about the data, and the
page repeats it.
"""


def message(case: Case, verb: str) -> str:
    """What the command says about a case, with folders left out."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        command = case.command(Path(folder))
        end = ["--out", f"{folder}/out"] if verb == "judge" else []
        redirected = contextlib.redirect_stderr(said), contextlib.redirect_stdout(said)
        with redirected[0], redirected[1], contextlib.suppress(SystemExit):
            main([verb, *command, *end])
        return said.getvalue().replace(f"{folder}/", "")


def refusals() -> dict[str, list[tuple[str, str]]]:
    """Every refused case by topic: its name, and the message."""
    return {
        topic: [(case.name, message(case, "judge").removeprefix("Error: ")) for case in cases]
        for topic, cases in CASES.items()
    }


def doubts() -> list[tuple[str, str]]:
    """Every doubtful case: its name, and the warning."""
    mark = "Looks like a slip: "
    found = [(case.name, message(case, "check").splitlines()) for case in DOUBTS]
    return [
        (name, "\n".join(line.removeprefix(mark) for line in lines if line.startswith(mark)))
        for name, lines in found
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; line breaks inside a cell kept."""
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    cells = [
        [" <br> ".join(cell.strip().replace("|", "\\|").splitlines()) for cell in line]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


INTERRUPTED = """
## What an interruption leaves

Each was really done to a `loyalty report` with a good run before it (`interruptions.py`).
Kills at random moments, full disks, clocks set back: [the fault
campaign](../benchmarks/faults/faults.md).
"""


def page() -> str:
    """All but the interruptions, which take a minute to do."""
    parts = [HEAD]
    for topic, cases in refusals().items():
        parts.append(f"\n### {topic}\n\n{table(['bad input', 'message'], cases)}")
    parts.append(DOUBTED + "\n" + table(["doubtful", "warning"], doubts()))
    return "".join(parts)


def interruptions() -> str:
    """Do every interruption, and write down what it left."""
    found = rows()
    return INTERRUPTED + "\n" + table(list(found[0]), [list(row.values()) for row in found])


if __name__ == "__main__":
    README.write_text(page() + interruptions(), encoding="utf-8")
