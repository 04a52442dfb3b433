"""The report: notebooks executed, claims judged, one self-contained HTML page per study.

The verdict table stands first and complete; the executed notebooks follow as evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from loyalty_analysis.analysis import analyse, single_claims
from loyalty_analysis.claims import ClaimSet
from loyalty_analysis.comparison import verdict_counts, write_results
from loyalty_analysis.failure import explained
from loyalty_analysis.formatting import BANNER, listing, number
from loyalty_analysis.holdout import notices
from loyalty_analysis.interruption import DEADLINE, held
from loyalty_analysis.lavaan import study_script
from loyalty_analysis.manifest import differing, read_manifest
from loyalty_analysis.notebooks import (
    Batch,
    notebooks_folder,
    notebooks_of,
    progress_bars,
    raise_failed,
)
from loyalty_analysis.pages import environment, front_page
from loyalty_analysis.preparation import as_text
from loyalty_analysis.run_folder import Clock, RunFolder
from loyalty_analysis.runs import Run, opened, parameters_of
from loyalty_analysis.sections import Section, sections
from loyalty_analysis.sentences import answer, rule_label
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdict_table import verdict_table
from loyalty_analysis.verdicts import judge


def render(
    study: str | Path | Study,
    out: str | Path = "reports",
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    *,
    workers: int | None = None,
    deadline: float = DEADLINE,
    quiet: bool = True,
) -> Run:
    """Render the report of a study: executed notebooks, results, verdicts and one page.

    Parameters
    ----------
    study : str, pathlib.Path or Study
        A study file, its folder, or the name of a shipped study.
    out : path
        Folder that collects the runs.
    settings : sequence of str
        Changes to the study as ``"table.key=value"``.
    data, where : str
        Another data file; a further filter.
    workers : int, optional
        Notebooks executed at the same time; default one per core.
    deadline : float
        Seconds each notebook may take, its kernel's start included.
    quiet : bool
        Without progress bars.

    Returns
    -------
    Run
        Its folder holds index.html, notebooks, figures, results, verdicts.csv, manifest.json.

    Raises
    ------
    LoyaltyError
        Before anything is written when study, claims or data are bad; a RunError when a notebook
        does not come to its end, and what there is stays in ``<run id>.failed``, with a page.
    Interrupted
        On Ctrl-C, SIGTERM or SIGHUP, once no kernel is left; what there is stays as above.
    """
    clock = Clock()
    with clock.step("survey"):  # a bad study or survey ends the run here
        survey, claims = opened(study, settings, data, where)
    asked = parameters_of(study, settings, data, where)
    names = notebooks_of(survey.study)
    paths = [notebooks_folder() / f"{name}.ipynb" for name in names]
    run = RunFolder(out, survey, "report", asked, clock)
    with progress_bars(names, quiet) as bars:
        batch = Batch(paths, run.folder / "notebooks", asked, workers, bars, deadline)
        with held() as signals, front_page(out), run, explained(run, survey, batch.outcomes):
            # the notebooks execute in the background while this process judges
            with clock.step("notebooks"), batch, signals.raised():
                with clock.step("analysis and verdicts"):
                    results = analyse(survey, memory=batch.memory)
                    verdicts = judge(survey, results)
                    script = study_script(survey, single_claims(survey.study))
                    write_results(run.folder, results, verdicts, script)
                executed = batch.results()
            raise_failed(executed, run.failed)
            run.manifest["notebooks"] = [notebook.facts() for notebook in executed]
            with clock.step("page"), signals.raised():
                evidence = sections(executed, run.folder)
                html = page(survey, results, verdicts, claims, evidence, run)
                (run.folder / "index.html").write_text(html, encoding="utf-8")
    return Run.of(run, survey, verdicts)


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
    if run.previous is None:
        return None
    before = read_manifest(run.previous)
    return {
        "run": run.previous.name,
        "started": before["started"],
        "page": (run.previous / "index.html").is_file(),
        "differing": listing(differing(before, run.manifest), 9),
        "rows": run.changes().to_dict("records"),
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
