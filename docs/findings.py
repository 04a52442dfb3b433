"""Write the table of findings at the top of README.md from the verdicts of the shipped studies.

Run `python docs/findings.py` after a change of claims, data or rules; a test holds the table true.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd

from loyalty_analysis import judge, read_survey
from loyalty_analysis.formatting import estimate, listing
from loyalty_analysis.resources import shipped_studies
from loyalty_analysis.sentences import explain
from loyalty_analysis.study import Study

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- findings: begin -->", "<!-- findings: end -->"
# The claims a first reader asks for, in the words of the claim sets.
SHOWN = {
    "rice_simulated": ("P5", "R1", "R2", "R3", "R4a", "R5", "R10", "V1"),
    "full_simulated": ("R8", "T1", "T2", "T3", "B3", "L3", "V6"),
    "bank_customers": ("E4", "E5", "E7"),
    "mobile_customers": ("M1", "M3", "M4", "M5"),
}


def findings() -> str:
    """One table per study: claim, what was found, verdict; most readers stop here."""
    order = [*SHOWN, *(name for name in shipped_studies() if name not in SHOWN)]
    parts = [_study(name) for name in order]
    return "\n\n".join(parts)


def _study(name: str) -> str:
    survey = read_survey(name)
    study, verdicts = survey.study, judge(survey)
    whole = verdicts[verdicts["part"] == ""]
    # A claim's parts follow it, up to the next claim.
    owner = (verdicts["part"] == "").cumsum()
    wanted = SHOWN.get(name, ())
    rows = [
        _row(row, verdicts[(owner == owner[i]) & (verdicts["part"] != "")], study)
        for i, row in whole.iterrows()
        if row["claim"] in wanted
    ]
    kind = "**simulated**, a test of the software" if study.is_simulated else "real"
    counts = Counter(whole["verdict"])
    tally = ", ".join(f"{counts[word]} {word}" for word in dict.fromkeys(whole["verdict"]))
    head = f"**{study.title}** (`{name}`, {kind}, n = {survey.n:,}): {tally}."
    table = [
        "| claim | says | found (standardized) | verdict |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join([head, "", *table])


def _row(row: pd.Series, parts: pd.DataFrame, study: Study) -> str:
    found = estimate(row["estimate"], row["conf_low"], row["conf_high"])
    if len(parts):
        tally = Counter(parts["verdict"])
        found = "parts: " + listing((f"{count} {word}" for word, count in tally.items()), 9)
    outcome = study.label(str(row["outcome"])).lower()
    source = {"own": "textbook model"}.get(str(row["source"]), str(row["source"]))
    verdict = str(row["verdict"])
    if row["reason"] and not len(parts):
        verdict += f": {explain(str(row['reason']))}"
    where = f" ({outcome})" if outcome else ""
    return f"| {row['claim']} {row['text']}{where} | {source} | {found} | {verdict} |"


def written(readme: str) -> str:
    """README with the table between its two marks made anew."""
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{findings()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
