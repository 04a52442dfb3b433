"""What our own processes do not wait for while they start."""

from __future__ import annotations

import sys


def skip_address_grammars() -> None:
    """Keep jsonschema, which nbformat imports, from building the grammars of internet addresses.

    They take seconds of every start and are never asked for: no field of a notebook is checked by
    them. Only for processes that are ours alone, before anything imports jsonschema; there it finds
    the package that holds the grammars as if it were not installed, which it allows for.

    Examples
    --------
    >>> skip_address_grammars()
    """
    if "jsonschema" not in sys.modules:
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
