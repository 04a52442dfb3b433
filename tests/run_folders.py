"""Run folders made by hand: only what a comparison of two runs reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loyalty_analysis.comparison import write_results
from loyalty_analysis.manifest import write_json
from loyalty_analysis.verdicts import COLUMNS

Rows = Sequence[Mapping[str, Any]]
CLAIM: dict[str, Any] = {
    **dict.fromkeys(COLUMNS, ""),
    **{"claim_set": "own", "claim": "C1", "text": "It matters.", "outcome": "repurchase"},
    **{"estimand": "total", "term": "value", "sign": "+", "negligible": 0.1, "estimate": 0.3},
    **{"conf_low": 0.2, "conf_high": 0.4, "p_value": 0.001, "p_holm": 0.002, "n": 250},
    "verdict": "supported",
}
SLOPE: dict[str, Any] = {
    **{"model": "repurchase.total", "outcome": "repurchase", "term": "value"},
    **{"estimate": 0.3, "conf_low": 0.2, "conf_high": 0.4, "df": 200.0},
}
DRIVER: dict[str, Any] = {
    **{"outcome": "repurchase", "term": "value", "share": 0.3, "share_low": 0.2},
    **{"share_high": 0.4, "rank": 1, "rank_low": 1, "rank_high": 1},
}
GATE: dict[str, Any] = {
    **{"gate": "htmt", "about": "value and price", "value": 0.85, "limit": 0.9},
    **{"passes": True, "warns": False, "note": ""},
}
PAIR: dict[str, Any] = {
    **{"a": "value", "b": "price", "htmt": 0.79, "htmt_low": 0.72, "htmt_high": 0.85},
    "method": "bootstrap",
}


def run_folder(
    folder: Path,
    verdicts: Rows = (),
    manifest: Mapping[str, Any] | None = None,
    **results: Rows,
) -> Path:
    """Write a run: verdicts laid over `CLAIM`, results by name as they are."""
    folder.mkdir(parents=True)
    table = pd.DataFrame([CLAIM | dict(row) for row in verdicts], columns=COLUMNS)
    frames = {name: pd.DataFrame([dict(row) for row in rows]) for name, rows in results.items()}
    write_results(folder, frames, table)
    said = {"run": folder.name, "respondents": {"read": 260, "analysed": 250}}
    write_json(folder / "manifest.json", said | dict(manifest or {}))
    return folder
