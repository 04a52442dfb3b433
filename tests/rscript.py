"""Where R with lavaan is, if it is here: no test needs it."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache


@cache
def lavaan_program() -> str | None:
    """Path of Rscript, None where it or the package lavaan is missing."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    code = 'quit(status = !requireNamespace("lavaan", quietly = TRUE))'
    return program if subprocess.run([program, "-e", code]).returncode == 0 else None
