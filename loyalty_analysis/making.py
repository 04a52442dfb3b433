"""One report, made: notebooks executed, claims judged, results and page written into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loyalty_analysis.analysis import analyse, single_claims
from loyalty_analysis.blocked import blocked_by_gates
from loyalty_analysis.claims import ClaimSet
from loyalty_analysis.comparison import write_results
from loyalty_analysis.failure import explained
from loyalty_analysis.interruption import Signals
from loyalty_analysis.lavaan import study_script
from loyalty_analysis.memory import hand_over
from loyalty_analysis.notebooks import Batch, progress_bars, raise_failed
from loyalty_analysis.report_page import page
from loyalty_analysis.run_folder import RunFolder
from loyalty_analysis.sections import sections
from loyalty_analysis.survey import Survey
from loyalty_analysis.verdicts import judge
from loyalty_analysis.warm_kernels import Warm

if TYPE_CHECKING:
    from loyalty_analysis.report import Options


def make_report(
    run: RunFolder,
    survey: Survey,
    claims: Sequence[ClaimSet],
    notebooks: Sequence[Path],
    options: Options,
    warm: Warm | None,
    signals: Signals,
) -> pd.DataFrame:
    """Execute, judge and write one report.

    Parameters
    ----------
    run : RunFolder
        Where it goes; published when all is well, kept as failed when not.
    survey : Survey
    claims : sequence of ClaimSet
    notebooks : sequence of pathlib.Path
        In the order of the page.
    options : Options
    warm : Warm or None
        Where kernels are forked.
    signals : Signals
        Held back while files get their names.

    Returns
    -------
    DataFrame
        The verdicts.
    """
    clock, asked = run.clock, run.asked
    with progress_bars([path.stem for path in notebooks], options.quiet) as bars:
        batch = Batch(
            notebooks, run.folder / "notebooks", asked, options.workers, bars, options.deadline,
            warm=warm, ready=lambda memory: hand_over(survey, asked, memory),
        )  # fmt: skip
        with run, explained(run, survey, batch.outcomes):
            # the notebooks execute in the background while this process judges
            with clock.step("notebooks"), batch, signals.raised():
                with clock.step("analysis and verdicts"):
                    results = analyse(survey, memory=batch.memory)
                    blocked_by_gates(survey.study, results)
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
    return verdicts
