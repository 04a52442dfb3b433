"""Results and verdicts on disk, and what changed between two runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from loyalty_analysis.formatting import VERDICT_MARKS
from loyalty_analysis.results import whole

VERDICTS, ABSENT = "verdicts.csv", "absent"
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
