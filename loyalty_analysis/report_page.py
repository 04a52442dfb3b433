"""The page of a report: the answer, every verdict, what changed, the evidence, how to check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loyalty_analysis.claims import ClaimSet
from loyalty_analysis.comparison import changes_sentence, verdict_counts
from loyalty_analysis.formatting import BANNER, listing, number
from loyalty_analysis.holdout import notices
from loyalty_analysis.manifest import read_manifest
from loyalty_analysis.pages import environment
from loyalty_analysis.preparation import as_text
from loyalty_analysis.run_folder import RunFolder
from loyalty_analysis.sections import Section
from loyalty_analysis.sentences import answer, rule_label
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdict_table import verdict_table


def page(
    survey: Survey,
    results: Mapping[str, pd.DataFrame],
    verdicts: pd.DataFrame,
    claims: Sequence[ClaimSet],
    evidence: Sequence[Section],
    run: RunFolder,
) -> str:
    """Write the page: answer, verdicts, changes, evidence, how to check it.

    Parameters
    ----------
    survey : Survey
    results : mapping of str to DataFrame
    verdicts : DataFrame
    claims : sequence of ClaimSet
    evidence : sequence of Section
        The executed notebooks.
    run : RunFolder
        For the manifest, the files written so far and the last good run.

    Returns
    -------
    str
        HTML that loads nothing from anywhere.
    """
    anchors = {anchor for section in evidence for anchor in (section.anchor, *section.anchors)}
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            survey=survey,
            study=survey.study,
            simulated=BANNER if survey.study.is_simulated else "",
            notices=notices(survey.study),
            manifest=run.manifest,
            waves=_waves(survey),
            answer=answer(survey, dict(results), verdicts),
            counts=verdict_counts(verdicts),
            table=verdict_table(survey.study, claims, verdicts, anchors),
            since=_since(run),
            repeated=_repeated(evidence),
            evidence=evidence,
            skipped=skipped(survey),
            assumed=assumptions(survey, results),
            attrition=_removals(results["attrition"], survey.study)
            if survey.has_respondents
            else [],
            files=run.files(),
            citation=citation(run.manifest),
        )
    )


def _repeated(evidence: Sequence[Section]) -> list[str]:
    """Headings that stand in several sections: the contents list leaves them out."""
    found = [text for section in evidence for text in {text for _, text in section.headings}]
    return [text for text in found if found.count(text) > 1]


def _removals(attrition: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Rules that cost respondents, and what a milder rule would have kept."""
    shown = (attrition["removed"] > 0) | (attrition["kind"] != "step")
    return [
        {**row, "rule": rule_label(str(row["rule"]), study)}
        for row in attrition[shown].to_dict("records")
    ]


def _waves(survey: Survey) -> str:
    """Say which wave or waves were analysed, when the study has them."""
    wave = survey.study.design.wave
    if wave is None or survey.frame is None:
        return ""
    found = sorted(as_text(survey.frame[wave]).unique())
    return f"wave {found[0]}" if len(found) == 1 else f"waves {found[0]} to {found[-1]}"


def _since(run: RunFolder) -> dict[str, Any] | None:
    """Describe the last good run and what changed since; None when there is none."""
    found = run.compare()
    if run.previous is None or not found:
        return None
    return {
        "run": run.previous.name,
        "started": read_manifest(run.previous)["started"],
        "page": (run.previous / "index.html").is_file(),
        "differing": listing(found["differing"], 9),
        "changes": found,
        "sentence": changes_sentence(found),
        "told": run.manifest.get("data_changes", []),
    }


def skipped(survey: Survey) -> str:
    """Say what a study known only by its moments must leave out; empty with respondents.

    Examples
    --------
    >>> from loyalty_analysis.survey import read_survey
    >>> skipped(read_survey("bank_customers")).startswith("Known only by its moments")
    True
    """
    if survey.has_respondents:
        return ""
    return (
        "Known only by its moments (n, means, SDs, correlations), not by its respondents. Left "
        "out: attrition, distributions of answers, residual diagnostics, robust and clustered "
        "errors, differences between groups, interactions."
    )


def assumptions(survey: Survey, results: Mapping[str, pd.DataFrame]) -> list[str]:
    """List what the numbers rest on, one sentence each."""
    study, kinds = survey.study, results["models"].iloc[0]
    single = [name for name in study.constructs if study.constructs[name].reliability]
    said = [
        "A score is the mean of a construct's items after reversed ones are turned.",
        "One analysis sample serves every model: respondents complete on every model column.",
        "Standardized: SDs of the outcome per SD of the term, SDs of the analysis sample.",
        f"Errors: {kinds['covariance']} for raw slopes, {kinds['covariance_beta']} for "
        "standardized ones; 95% intervals.",
    ]
    if study.model.controls:
        said.append(f"Held constant: {listing(map(study.label, study.model.controls), 9)}.")
    if study.design.weight and survey.has_respondents:
        kish = f"{number(survey.effective_n, 0)} of {number(survey.n, 0)}"
        said.append(f"Weights are probability weights; Kish's effective respondents: {kish}.")
    said += [
        f"{study.label(name)}: reliability of {number(study.constructs[name].reliability)} is "
        "assumed, not estimated."
        for name in single
    ]
    return [
        *said,
        "Slopes are not corrected for measurement error; claims that compare constructs say so.",
        "One cross-section shows associations, not what a change would cause.",
    ]


def citation(manifest: Mapping[str, Any]) -> str:
    """Write how to cite one run: software, version, study, run and data."""
    version = manifest["versions"].get("loyalty_analysis", "")
    year, data = manifest["started"][:4], (manifest["data"]["sha256"] or "")[:12]
    return (
        f"loyalty_analysis authors ({year}). loyalty_analysis {version} [computer software]. "
        f"Report “{manifest['study']['title']}”, run {manifest['run']}, data SHA-256 {data}…"
    )
