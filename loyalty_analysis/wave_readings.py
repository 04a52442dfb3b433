"""What waves come to, in short paragraphs of computed sentences."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loyalty_analysis.formatting import capitalised, listing, number, p_value
from loyalty_analysis.kept_runs import KeptRuns
from loyalty_analysis.prose import Prose, paragraphs, prose
from loyalty_analysis.sentences import range_of
from loyalty_analysis.survey import Survey
from loyalty_analysis.wave_captions import (
    change_words,
    composition_finding,
    ends_of,
    told,
    verdict_kinds,
    wave_name,
)
from loyalty_analysis.wave_sample import refusal, repeated, wave_counts


def needs_waves(survey: Survey, what: str) -> Prose:
    """Say why something about waves cannot be shown.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> str(needs_waves(read_survey("bank_customers"), "Slopes over waves"))
    'Slopes over waves need respondents; this study is known by its moments only.'
    """
    study = survey.study
    if not survey.has_respondents:
        return prose([f"{what} need respondents; this study is known by its moments only."])
    if study.design.wave is None:
        return prose([f"{what} need waves; the study declares none in [design], wave."])
    if refused := refusal(survey):
        return prose([f"{what}: not shown.", capitalised(refused)])
    known = wave_counts(survey)["n"].notna().sum()
    if known > 1:
        return prose([f"{what}: nothing that these waves could tell."])
    one = "the survey has one" if known else "the survey has none"
    return prose([f"{what} need two waves of ten respondents or more; {one}."])


def waves_reading(survey: Survey) -> Prose:
    """Name the waves in their order, and say whether the same people may have answered in several.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> str(waves_reading(read_survey("rice_simulated", ["design.wave=sector"])))[:58]
    '2 waves, in this order: goods (n = 3,789), services (n = 3'
    """
    if not survey.has_respondents or survey.study.design.wave is None:
        return needs_waves(survey, "Trends")
    counts = wave_counts(survey)
    each = [f"{row.wave} ({'fewer than ten' if row.note else f'n = {number(row.n, 0)}'})"
            for row in counts.itertuples()]  # fmt: skip
    many = "1 wave" if len(each) == 1 else f"{len(each)} waves, in this order"
    return paragraphs([f"{many}: {', '.join(each)}."], [_independence(survey)])


def _independence(survey: Survey) -> str:
    design = survey.study.design
    if refused := refusal(survey):
        return capitalised(refused)
    if repeated(survey):
        return (
            "Some respondents answered in several waves, so waves are not independent: errors are "
            f"clustered by {survey.study.label(str(survey.cluster))}."
        )
    if design.respondent is None:
        return (
            "The study declares no respondent (design.respondent), so nobody is taken to have "
            "answered twice; if some did, errors of changes are wrong."
        )
    return "No respondent answered in two waves."


def changes_reading(wave_changes: pd.DataFrame | None, survey: Survey) -> Prose:
    """Say which slopes changed beyond chance, and whether who answered could have done it.

    Parameters
    ----------
    wave_changes : pandas.DataFrame or None
        As in results/wave_changes.csv.
    survey : Survey

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> survey = read_survey("rice_simulated", ["design.wave=sector"])
    >>> rows = {"p_holm": [0.3], "df": 90.0, "estimate": 0.1, "family": 1, "term": "forced"}
    >>> print(changes_reading(pd.DataFrame(rows).assign(model="y", reweighted=None), survey))
    Of 1 test of change, none tells a change from zero (p < 0.05 by Holm). That is no proof that
    slopes stayed the same: look at the intervals.
    """
    if wave_changes is None:
        return needs_waves(survey, "Changes")
    family = int(wave_changes["family"].max())
    if not family:
        notes = [str(note) for note in dict.fromkeys(wave_changes["note"].fillna("")) if note]
        return prose([f"No change could be tested ({listing(notes)})."])
    moved = wave_changes[told(wave_changes)]
    tests = f"{number(family, 0)} {'test' if family == 1 else 'tests'} of change"
    many = "none tells" if moved.empty else f"{len(moved)} {'tells' if len(moved) == 1 else 'tell'}"
    said = [f"Of {tests}, {many} a change from zero (p < 0.05 by Holm)."]
    if moved.empty:
        said.append("That is no proof that slopes stayed the same: look at the intervals.")
    most = moved.loc[moved["p_value"].sort_values(kind="stable").index] if len(moved) else moved
    for row in most.drop_duplicates(["model", "term"]).head(3).itertuples():
        ends = range_of(row.conf_low, row.conf_high)
        words = capitalised(change_words(row, survey.study))
        said.append(f"{words} ({ends}; p {_equals(row.p_holm)} by Holm).")
    return paragraphs(said, [_by_composition(moved)])


def _equals(p: float) -> str:
    text = p_value(p)
    return text if text[0] in "<>" else f"= {text}"


def _by_composition(moved: pd.DataFrame) -> str:
    """Say how many of the changes told remain when every wave has the same composition."""
    known = moved[moved["reweighted"].notna()]
    if known.empty:
        return ""
    side = known["estimate"] > 0
    away = ((known["reweighted_low"] > 0) & side) | ((known["reweighted_high"] < 0) & ~side)
    kept = int(away.sum())
    every = "the one change" if len(known) == 1 else f"the {len(known)} changes"
    if kept == len(known):
        still = "still leaves out zero" if len(known) == 1 else "still leave out zero"
        return f"With every wave weighted to one composition, {every} {still}: who answered, as " \
               "far as these categories tell, does not account for it."  # fmt: skip
    if len(known) == 1:
        return (
            "With every wave weighted to one composition, the one change does not leave out zero "
            "any more: who answered may account for it."
        )
    return (
        f"With every wave weighted to one composition, {kept or 'none'} of {every} "
        f"{'leaves' if kept == 1 else 'leave'} out zero on the same side: who answered may account "
        "for the others."
    )


def composition_reading(composition: pd.DataFrame | None, survey: Survey) -> Prose:
    """Say how far those who answered differ between waves, and what that was tested with.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> print(composition_reading(None, read_survey("rice_simulated", ["design.wave=sector"])))
    Comparisons of who answered: nothing that these waves could tell.
    """
    if composition is None:
        return needs_waves(survey, "Comparisons of who answered")
    rows = composition.drop_duplicates(["column", "level"])
    tested = int(rows["p_holm"].notna().sum())
    many = "1 share or mean was" if tested == 1 else f"{tested} shares and means were"
    return prose([
        f"{composition_finding(composition, survey.study)}.",
        f"{many} compared; a difference is named from 0.2 SDs on where p < 0.05 by Holm.",
    ])  # fmt: skip


def wave_verdicts_reading(verdicts: pd.DataFrame | None, survey: Survey) -> Prose:
    """Say which claims come out differently in different waves, and how to read that.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> rows = {"claim_set": "own", "claim": "C1", "outcome": "search", "part": "", "wave": "12"}
    >>> table = pd.DataFrame(rows | {"wave": ["1", "2"], "verdict": "supported"})
    >>> print(wave_verdicts_reading(table, read_survey("rice_simulated", ["design.wave=sector"])))
    1 claim on an outcome was judged in two waves or more; it has the same verdict in all of them.
    """
    if verdicts is None:
        return needs_waves(survey, "Verdicts over waves")
    return prose(_verdict_words(verdicts))


def _verdict_words(verdicts: pd.DataFrame) -> list[str]:
    kinds = verdict_kinds(verdicts)
    several = kinds[kinds["waves"] > 1]
    if several.empty:
        return ["No claim was judged in two waves or more."]
    claims = (
        "1 claim on an outcome was"
        if len(several) == 1
        else f"{len(several)} claims on an outcome were"
    )
    differ = several[several["kinds"] > 1]
    if differ.empty:
        same = "it has the same verdict in all of them" if len(several) == 1 else \
               "each has the same verdict in all of its waves"  # fmt: skip
        return [f"{claims} judged in two waves or more; {same}."]
    ids = listing(dict.fromkeys(differ["claim"].astype(str)), 8)
    have = "has" if len(differ) == 1 else "have"
    return [
        f"{claims} judged in two waves or more; {len(differ)} of them {have} different verdicts "
        f"({ids}).",
        "A verdict can turn although the slope did not change beyond chance: only the tests of "
        "change tell that it did.",
        *_turned(verdicts, differ),
    ]


def _turned(verdicts: pd.DataFrame, differ: pd.DataFrame) -> list[str]:
    """Name claims that one wave supports and another contradicts."""
    keys = ["claim_set", "claim", "outcome"]
    whole = verdicts[verdicts["part"].fillna("") == ""].merge(differ[keys], on=keys)
    found = whole.groupby(keys, sort=False)["verdict"].agg(set)
    both = [str(key[1]) for key, kinds in found.items() if {"supported", "contradicted"} <= kinds]
    return [f"Supported in one wave and contradicted in another: {listing(both, 6)}."] * bool(both)


def runs_reading(kept: KeptRuns | None, study: Any) -> Prose:
    """Say what the kept runs are, which changes they tell, and why others are not tested.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> print(runs_reading(None, load_study("rice_simulated")))
    No folder of kept runs was named (parameter runs), so nothing is compared across runs.
    """
    if kept is None:
        return prose([
            "No folder of kept runs was named (parameter runs), so nothing is compared across runs."
        ])  # fmt: skip
    names = [wave_name(name) for name in kept.runs["wave"]]
    many = "1 run is" if len(names) == 1 else f"{len(names)} runs are"
    first = [f"{many} compared: {listing(names, 6)}.", *kept.notes]
    changes = kept.changes
    if changes.empty:
        return paragraphs(first, ["With one run there is nothing to compare."])
    untested = changes[changes["p_value"].isna()].drop_duplicates(["versus", "note"])
    said = [
        f"No test, since {note}: {listing(map(_between, part.itertuples()), 6)}."
        for note, part in untested[untested["note"] != ""].groupby("note", sort=False)
    ]
    moved = changes[told(changes)]
    family = int(changes["family"].max())
    if family:
        tells = (
            "none tells"
            if moved.empty
            else f"{len(moved)} {'tells' if len(moved) == 1 else 'tell'}"
        )
        said.append(
            f"Of {number(family, 0)} tests of change, {tells} a change from zero (p < 0.05 by "
            "Holm), taking it that nobody answered in two runs. Slopes are standardized by the SDs "
            "of each run: one can change because answers spread more or less than before."
        )
    for row in moved.drop_duplicates(["model", "term"]).head(3).itertuples():
        said.append(f"{capitalised(change_words(row, study))}.")
    return paragraphs(first, said)


def _between(row: Any) -> str:
    later, earlier = ends_of(str(row.versus))
    line = "a straight line over all runs"
    return line if row.kind == "trend" else f"{wave_name(earlier)} to {wave_name(later)}"
