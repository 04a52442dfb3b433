"""The front page of a batch: every group with its state, main slopes over groups, what luck gives.

The only page with a script: it searches and sorts the table of groups, which is whole without it.
The content policy lets this one script through, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from loyalty_analysis.batch_figures import slope_figures, slopes_finding
from loyalty_analysis.batch_luck import Luck, luck, luck_sentence, luck_sentences
from loyalty_analysis.batch_numbers import CURRENT, Numbers, averages, pooled_slopes, read_numbers
from loyalty_analysis.batch_words import (
    STATES,
    TROUBLED,
    WAITING,
    age,
    batch_sentence,
    changed_sentence,
    pooling_sentences,
    reason,
    refused,
    states_sentence,
    suppressed_sentence,
    unassigned_sentence,
)
from loyalty_analysis.comparison import CHANGES, verdict_counts
from loyalty_analysis.effect_captions import sides
from loyalty_analysis.formatting import BANNER, MISSING, capitalised, in_sentence, interval, number
from loyalty_analysis.pages import CONTENT_POLICY, environment
from loyalty_analysis.plotting import Figure


def batch_page(folder: Path, record: Mapping[str, Any]) -> str:
    """Write the front page of a batch.

    Parameters
    ----------
    folder : pathlib.Path
        That of the batch: batch.json, and a folder for each group with its runs.
    record : mapping
        As in batch.json. Used where they are there: ``labels`` (of constructs by name), ``drivers``
        (their names), ``repeated`` (whether respondents are in several groups).

    Returns
    -------
    str
        HTML that loads nothing from anywhere.

    Examples
    --------
    >>> record = {"study": {"title": "Shop", "origin": "real"}, "by": ["brand"], "batch": "b1",
    ...     "state": "ok", "started": "2026-11-29T02:00:00+00:00", "finished": None,
    ...     "min_size": 30, "command": "loyalty report shop --by brand", "groups": []}
    >>> "<h1>Shop, by brand</h1>" in batch_page(Path("no such folder"), record)
    True
    """
    label = labels_of(record)
    numbers = read_numbers(Path(folder), record)
    pooled, found = pooled_slopes(numbers.slopes), luck(numbers.verdicts)
    rows = _rows(Path(folder), record, numbers)
    pages, script = environment(), ""
    if pages.loader is not None:
        script = pages.loader.get_source(pages, "batch.js")[0].strip()
    pages.filters.update(short_day=short_day, interval=interval)
    return pages.get_template("batch.html.j2").render(
        record=record,
        simulated=BANNER if record["study"]["origin"] == "simulated" else "",
        states=STATES,
        summary=_summary(record, pooled, found, label, sum(row["first"] for row in rows)),
        refused=refused(record),
        troubled=_reasons(Path(folder), record),
        waiting=[group["name"] for group in record["groups"] if group["state"] in WAITING],
        unread=_unread(record, numbers),
        changed=[group for group in record["groups"] if group["answer_changed"]],
        suppressed=suppressed_sentence(record),
        terms=[(term, label(term)) for term in dict.fromkeys(pooled["term"])],
        outcome=in_sentence(label(str(pooled["outcome"].iloc[0]))) if len(pooled) else "",
        rows=rows,
        about_slopes=pooling_sentences(bool(pooled["pooled"].notna().any()), _repeated(record)),
        figures=[_embedded(figure) for figure in _figures(pooled, record, label)],
        averages=[{**row, "label": label(row["term"])} for row in _records(averages(pooled))],
        luck=luck_sentences(found, repeated=_repeated(record)),
        claims=[{**row, "label": label(row["outcome"])} for row in _records(found.claims)],
        facts=_facts(numbers),
        script=script,
        policy=f"{CONTENT_POLICY}; script-src '{script_hash(script)}'",
        sheet="batch.css",
    )


def script_hash(script: str) -> str:
    """Name a script in a content policy by its hash.

    Examples
    --------
    >>> script_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def labels_of(record: Mapping[str, Any]) -> Callable[[str], str]:
    """How constructs are called: the labels of the record, else their names made readable.

    Examples
    --------
    >>> label = labels_of({"labels": {"forced": "Forced commitment"}})
    >>> label("forced"), label("word_of_mouth")
    ('Forced commitment', 'Word of mouth')
    """
    known = record.get("labels") or {}
    return lambda name: str(known.get(name) or capitalised(str(name).replace("_", " ")))


def short_day(stamp: str) -> str:
    """Write a time stamp for a cell.

    Examples
    --------
    >>> short_day("2026-11-09T02:05:00+00:00")
    '9 Nov 2026'
    """
    at = datetime.fromisoformat(stamp)
    return f"{at.day} {at:%b %Y}"


def _repeated(record: Mapping[str, Any]) -> bool:
    return bool(record.get("repeated"))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _summary(
    record: Mapping[str, Any], pooled: pd.DataFrame, found: Luck, label: Callable[[str], str],
    first: int,
) -> list[str]:  # fmt: skip
    """What a reader of one minute needs."""
    said = [states_sentence(record["groups"]), batch_sentence(record)]
    said += [changed_sentence(record["groups"], first), unassigned_sentence(record)]
    if len(pooled):
        said.append(f"{slopes_finding(pooled, label)}.")
    said.append(luck_sentence(found))
    return [sentence for sentence in said if sentence]


def _reasons(folder: Path, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Groups without a report of this batch, worst first: why, and which earlier report stands."""
    order = [group for state in TROUBLED for group in record["groups"] if group["state"] == state]
    at = record.get("finished") or record["started"]
    return [
        {
            "name": group["name"],
            "state": group["state"],
            "reason": reason(group),
            "page": _error_page(folder, group),
            "standing": _address(folder, group) if group["run"] else "",
            "started": group["started"],
            "age": age(group["started"], at) if group["run"] and group["started"] else "",
        }
        for group in order
    ]


def _error_page(folder: Path, group: Mapping[str, Any]) -> str:
    page = str((group.get("error") or {}).get("page") or "")
    return quote(page) if page and (folder / page).is_file() else ""


def _address(folder: Path, group: Mapping[str, Any]) -> str:
    """Where the report of a group is: its page, else its verdicts."""
    run = f"{group['folder']}/{group['run']}"
    page = "index.html" if (folder / run / "index.html").is_file() else "verdicts.csv"
    return quote(f"{run}/{page}")


def _stands(group: Mapping[str, Any]) -> bool:
    """Whether a group has a report to lead to; of one too small nothing is shown."""
    return bool(group["run"]) and group["state"] != "suppressed"


def _unread(record: Mapping[str, Any], numbers: Numbers) -> list[tuple[str, str]]:
    names = {group["folder"]: str(group["name"]) for group in record["groups"]}
    return [(names[key], file) for key, file in numbers.unread.items()]


def _rows(folder: Path, record: Mapping[str, Any], numbers: Numbers) -> list[dict[str, Any]]:
    """The table of groups: what a group has not is missing, never taken from an earlier run."""
    slopes = {key: _cells(part) for key, part in numbers.slopes.groupby("folder", sort=False)}
    tables = numbers.verdicts.groupby("folder", sort=False)
    counts = {key: verdict_counts(part) for key, part in tables}
    return [
        {
            **group,
            "current": group["state"] in CURRENT,
            "first": group["state"] == "ok" and not _compared(folder, group),
            "address": _address(folder, group) if _stands(group) else "",
            "n": group["n"] if group["state"] in CURRENT else None,
            "counts": counts.get(group["folder"], {}),
            "slopes": slopes.get(group["folder"], {}),
        }
        for group in record["groups"]
    ]


def _compared(folder: Path, group: Mapping[str, Any]) -> bool:
    """Whether a report was compared with an earlier one."""
    path = folder / group["folder"] / str(group["run"]) / CHANGES
    with suppress(OSError, ValueError, AttributeError):
        return bool(json.loads(path.read_text(encoding="utf-8")).get("compared_with"))
    return False


def _cells(part: pd.DataFrame) -> dict[str, dict[str, Any]]:
    told = sides(part[["conf_low", "conf_high", "df"]]).to_numpy() != 0
    return {
        str(row["term"]): {**row, "told": bool(clear)}
        for row, clear in zip(_records(part), told, strict=True)
        if number(row["estimate"]) != MISSING
    }


def _figures(
    pooled: pd.DataFrame, record: Mapping[str, Any], label: Callable[[str], str]
) -> Sequence[Figure]:
    names = {group["folder"]: str(group["name"]) for group in record["groups"]}
    simulated = record["study"]["origin"] == "simulated"
    return slope_figures(pooled, names, label, simulated=simulated)


def _embedded(figure: Figure) -> dict[str, Any]:
    data = base64.b64encode(figure.png()).decode()
    return {"alt": figure.alt, "width": figure.css_width, "data": f"data:image/png;base64,{data}"}


def _facts(numbers: Numbers) -> dict[str, Any]:
    """What the reports were made from, as most of them say, and how many say otherwise."""
    said = Counter(
        (
            tuple(manifest.get("versions", {}).items()),
            manifest.get("data", {}).get("sha256") or "",
            manifest.get("seed"),
        )
        for manifest in numbers.manifests.values()
    )
    if not said:
        return {}
    [((versions, data, seed), count)] = said.most_common(1)
    others = said.total() - count
    return {"versions": versions, "data": data, "seed": seed, "others": others}
