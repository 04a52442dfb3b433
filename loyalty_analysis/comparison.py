"""Results and verdicts on disk, and what changed between two runs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from loyalty_analysis.claim_changes import ABSENT, claim_changes, told_claims, told_gates
from loyalty_analysis.differences import (
    counts,
    gates,
    ranks,
    read_gates,
    read_table,
    shares,
    signs,
    slopes,
)
from loyalty_analysis.formatting import VERDICT_MARKS, listing
from loyalty_analysis.manifest import differing, read_manifest
from loyalty_analysis.monte_carlo import claim_errors
from loyalty_analysis.results import whole

VERDICTS, CHANGES, FORMAT = "verdicts.csv", "changes.json", 1
_NUMBERS = ("negligible", "estimate", "conf_low", "conf_high", "p_value", "p_holm", "n")


def write_results(
    folder: Path, results: Mapping[str, pd.DataFrame], verdicts: pd.DataFrame, script: str = ""
) -> None:
    """Write ``results/<name>.csv`` and ``verdicts.csv``: UTF-8, every digit, columns as they are.

    And ``lavaan.R``, where there is a script.

    Parameters
    ----------
    folder : pathlib.Path
        A run folder.
    results : mapping of str to DataFrame
        What :func:`loyalty_analysis.analysis.analyse` returned.
    verdicts : DataFrame
        What :func:`loyalty_analysis.verdicts.judge` returned.
    script : str
        What :func:`loyalty_analysis.lavaan.study_script` wrote.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_results(Path(folder), {"models": pd.DataFrame({"n": [250]})}, NO_VERDICTS)
    ...     sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.csv"))
    ['results/models.csv', 'verdicts.csv']
    """
    (folder / "results").mkdir(exist_ok=True)
    files = {f"results/{name}.csv": frame for name, frame in whole(results).items()}
    for name, frame in {**files, VERDICTS: verdicts}.items():
        frame.to_csv(folder / name, index=False, encoding="utf-8", lineterminator="\n")
    if script:
        (folder / "lavaan.R").write_text(script, encoding="utf-8", newline="\n")


def read_verdicts(run: Path) -> pd.DataFrame:
    """Read the verdicts of a run; empty text stays text.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_results(Path(folder), {}, pd.DataFrame({"claim": ["R2"], "part": [""]}))
    ...     read_verdicts(Path(folder))["part"].tolist()
    ['']
    """
    kinds = defaultdict(lambda: "str", dict.fromkeys(_NUMBERS, "float64"))
    frame = pd.read_csv(run / VERDICTS, dtype=kinds)
    return frame.fillna(dict.fromkeys(frame.columns.difference(_NUMBERS), ""))


def changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare two verdict tables: every claim and outcome whose verdict changed.

    Parameters
    ----------
    before, after : DataFrame
        Verdict tables, as in verdicts.csv. Rows of parts are left out.

    Returns
    -------
    DataFrame
        claim_set, claim, outcome, text, before, now, estimate_before, estimate_now; a claim that
        one of the two runs does not have is ``absent`` there.

    Examples
    --------
    >>> table = pd.DataFrame({"claim_set": ["press"], "claim": ["R2"], "part": [""],
    ...     "outcome": ["satisfaction"], "text": ["..."], "estimate": [0.3]})
    >>> changes(table.assign(verdict="inconclusive"), table.assign(verdict="supported"))["now"][0]
    'supported'
    """
    keys = ["claim_set", "claim", "outcome"]
    sides = [_whole_claims(frame, keys) for frame in (before, after)]
    both = sides[0].merge(sides[1], on=keys, how="outer", suffixes=("_before", "_now"))
    both["before"] = both["verdict_before"].fillna(ABSENT)
    both["now"] = both["verdict_now"].fillna(ABSENT)
    both["text"] = both["text_now"].fillna(both["text_before"])
    columns = [*keys, "text", "before", "now", "estimate_before", "estimate_now"]
    return both.loc[both["before"] != both["now"], columns].reset_index(drop=True)


_KEPT = ["claim_set", "claim", "outcome", "text", "verdict"]
NO_VERDICTS = pd.DataFrame(columns=[*_KEPT, "part", "estimate"], dtype=str)


def _whole_claims(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    whole = frame[frame["part"].fillna("") == ""]
    return whole[[*_KEPT, "estimate"]].fillna(dict.fromkeys(keys, ""))


def verdict_counts(verdicts: pd.DataFrame) -> dict[str, int]:
    """Count claims and outcomes by verdict, rows of parts left out, in the order readers need.

    Examples
    --------
    >>> table = pd.DataFrame({"part": ["", "", "goods"], "verdict": ["supported"] * 3})
    >>> verdict_counts(table)["supported"]
    2
    """
    whole = verdicts.loc[verdicts["part"].fillna("") == "", "verdict"]
    return {verdict: int((whole == verdict).sum()) for verdict in VERDICT_MARKS}


def answer_changes(before: Path, after: Path) -> dict[str, Any]:
    """Say whether the answer changed between two runs: what changes.json holds.

    The answer are verdicts, signs of slopes, gates, and ranks of drivers that both runs tell apart.
    What random draws explain is no change: it stays in ``within_monte_carlo``, and the next run is
    held against what was told before it, so that a slow drift is told once, when it is sure. n is
    reported and is no alert; nor is a claim that came, went or asks something else now.

    Parameters
    ----------
    before, after : pathlib.Path
        Run folders with verdicts.csv, results and manifest.json; changes.json of the earlier run,
        if it has one, says what was left open there.

    Returns
    -------
    dict
        format, compared_with, differing, answer_changed, verdicts, signs, ranks, n, gates,
        within_monte_carlo, claims (rows of claims that are ``new``, ``gone`` or ``reworded``).
        Ready for JSON.
    """
    known = read_manifest(before), read_manifest(after)
    words = differing(*known)
    pending = _pending(before)
    gated, near = gates(told_gates(read_gates(before), pending), read_gates(after))
    tables = told_claims(_claim_rows(before), pending), _claim_rows(after)
    unsettled = {row["about"] for row in near}
    claims = claim_changes(changes(*tables), *tables, unsettled, words)
    found = {
        "verdicts": claims["changed"],
        "signs": signs(slopes(before), slopes(after)),
        "ranks": ranks(shares(before), shares(after)),
        "gates": gated,
    }
    return {
        "format": FORMAT,
        "compared_with": known[0].get("run", before.name),
        "differing": words,
        "answer_changed": any(found.values()),
        **found,
        "n": counts(before, after),
        "claims": {kind: claims[kind] for kind in ("new", "gone", "reworded")},
        "within_monte_carlo": [*({"kind": "gate", **row} for row in near), *claims["within"]],
    }


def _claim_rows(run: Path) -> pd.DataFrame:
    """Verdicts of a run, every interval with its Monte Carlo error."""
    numbers = ["estimate", "latent", "latent_low", "latent_high"]
    contrasts = read_table(run, "contrasts", ["estimand", "outcome", "term"], numbers)
    return claim_errors(read_verdicts(run), contrasts)


def _pending(run: Path) -> list[dict[str, Any]]:
    """What the comparison that a run itself made left open."""
    with suppress(OSError, ValueError, KeyError, TypeError):  # none, or damaged
        return list(json.loads((run / CHANGES).read_text(encoding="utf-8"))["within_monte_carlo"])
    return []


def changes_sentence(found: Mapping[str, Any]) -> str:
    """Say in one sentence what changed: for the page, the terminal, a webhook and mail.

    Parameters
    ----------
    found : mapping
        Of :func:`answer_changes`.

    Examples
    --------
    >>> changes_sentence({"answer_changed": False, "compared_with": "20261121T093000Z-abcd"})
    'Nothing that matters changed since run 20261121T093000Z-abcd.'
    >>> row = {"claim": "R2", "outcome": "search", "before": "supported", "now": "contradicted"}
    >>> changes_sentence({"answer_changed": True, "compared_with": "one", "verdicts": [row]})
    '1 verdict changed since run one: R2 (search) from supported to contradicted.'
    """
    if not found["answer_changed"]:
        return f"Nothing that matters changed since run {found['compared_with']}."
    kinds = {"verdicts": "verdict", "signs": "sign", "ranks": "rank", "gates": "gate"}
    many = [(len(found.get(kind) or ()), word) for kind, word in kinds.items()]
    counted = listing([f"{n} {word}{'s' if n > 1 else ''}" for n, word in many if n], 4)
    since = found.get("since") or f"run {found['compared_with']}"
    named = [
        f"{row['claim']}{_about(row['outcome'])} from {row['before']} to {row['now']}"
        for row in found.get("verdicts") or ()
    ]
    said = f": {listing(named)}" if named else ""
    return f"{counted} changed since {since}{said}."


def _about(outcome: str) -> str:
    return f" ({outcome})" if outcome else ""
