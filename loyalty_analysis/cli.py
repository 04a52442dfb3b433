"""The command ``loyalty``: every verb is a thin layer over one public function.

Exit codes: 0 done; 1 a run or part of a batch failed; 2 bad input or usage; 3 done, and a verdict
changed since the last good run (with ``--alert``); 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loyalty_analysis.errors import LoyaltyError, RunError
from loyalty_analysis.interruption import DEADLINE, INTERRUPTED, Signals, held, ignore_signals
from loyalty_analysis.quick_imports import skip_address_grammars

if TYPE_CHECKING:
    import pandas as pd

    from loyalty_analysis.batch import Batched
    from loyalty_analysis.findings import Section
    from loyalty_analysis.survey import Survey

app = typer.Typer(
    name="loyalty",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Declare a study, hand over a survey, get a fair verdict on each claim.",
)

Studies = Annotated[
    list[str],
    typer.Argument(help="Study files, their folders, or names of shipped studies."),
]
Data = Annotated[str, typer.Option("--data", help="Another data file for the same study.")]
Out = Annotated[str, typer.Option("--out", help="Folder that collects the runs.")]
Settings = Annotated[
    list[str],
    typer.Option("--set", help="Change a study key: --set model.controls=[] (repeatable)."),
]
Where = Annotated[str, typer.Option("--where", help="Filter: --where \"country == 'US'\".")]
Holdout = Annotated[
    float | None,
    typer.Option(
        "--holdout",
        min=0,
        max=0.9,
        help="Share of respondents held out; what an exploratory study is judged on.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print the run folder alone.")]
Alert = Annotated[
    bool,
    typer.Option(
        "--alert",
        help="Exit with 3 when the answer changed since the last good run; tell the webhook "
        "LOYALTY_WEBHOOK and by mail (LOYALTY_SMTP, LOYALTY_MAIL_FROM, LOYALTY_MAIL_TO) of that "
        "and of failures.",
    ),
]
Workers = Annotated[
    int,
    typer.Option("--workers", min=1, help="Notebooks at the same time; with --by, reports."),
]
Deadline = Annotated[int, typer.Option("--deadline", min=1, help="Seconds each notebook may take.")]
RunDeadline = Annotated[
    int, typer.Option("--run-deadline", min=0, help="Seconds each report may take; 0: no limit.")
]
IfBusy = Annotated[
    str,
    typer.Option("--if-busy", help="While another run is under way: [bold]wait[/] or leave."),
]
By = Annotated[
    list[str],
    typer.Option("--by", help="One report per value of this column (repeatable)."),
]
MinSize = Annotated[
    int | None,
    typer.Option("--min-size", help="Respondents a group needs for its report; default 30."),
]
Keep = Annotated[
    int, typer.Option("--keep", min=0, help="Good runs that stay; 0: what the study says, or all.")
]
Force = Annotated[bool, typer.Option("--force", help="Also where nothing has changed.")]
Cold = Annotated[bool, typer.Option("--cold", help="Start every kernel by itself.")]
AcceptChanges = Annotated[
    bool,
    typer.Option("--accept-changes", help="Go on although columns or codes have changed."),
]


def _version(wanted: bool) -> None:
    if wanted:
        from loyalty_analysis import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options_of_no_verb(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Carry the options that belong to no verb."""


@app.command(
    epilog="Examples:  [bold]loyalty judge rice_simulated[/]   "
    "[bold]loyalty judge my/study.toml --set model.controls=[][/]"
)
def judge(
    studies: Studies,
    data: Data = "",
    out: Out = "reports",
    settings: Settings = [],  # noqa: B006 - typer reads the default, nothing changes it
    where: Where = "",
    holdout: Holdout = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also what no claim needs: invariance across every group, diagnostics, answers.",
        ),
    ] = False,
    busy: IfBusy = "wait",
    alert: Alert = False,
    quiet: Quiet = False,
) -> None:
    """Numbers only, in seconds: print the verdict table, write results and verdicts."""
    with held():
        from loyalty_analysis.holdout import with_holdout
        from loyalty_analysis.notify import tell_of_run, watched
        from loyalty_analysis.runs import judge_run

    options: dict[str, Any] = {"everything": everything, "busy": _busy(busy), "told": _tell}

    def one(study: str) -> bool:
        with watched(study, out, alert):
            asked = with_holdout(settings, holdout)
            run = judge_run(study, out, asked, data, where, **options)
        if not quiet:
            print_verdicts(run.survey, run.verdicts, run.seconds)
            print_warnings(run.survey)
        if alert:
            tell_of_run(run)
        typer.echo(run.folder)
        return run.answer_changed

    _exit_changed(_each(studies, one) and alert)


@app.command(
    epilog="Examples:  [bold]loyalty report rice_simulated[/]   "
    "[bold]loyalty report my/study.toml --by brand --by wave --workers 2[/]   "
    "[bold]loyalty report my/study.toml --out /srv/reports --keep 30 --alert --quiet[/]"
)
def report(
    studies: Studies,
    data: Data = "",
    out: Out = "reports",
    settings: Settings = [],  # noqa: B006
    where: Where = "",
    by: By = [],  # noqa: B006
    min_size: MinSize = None,
    holdout: Holdout = None,
    workers: Workers = 2,
    deadline: Deadline = DEADLINE,
    run_deadline: RunDeadline = 0,
    busy: IfBusy = "wait",
    keep: Keep = 0,
    force: Force = False,
    cold: Cold = False,
    accept_changes: AcceptChanges = False,
    alert: Alert = False,
    quiet: Quiet = False,
) -> None:
    """Execute the notebooks with papermill and render one self-contained HTML report."""
    options: dict[str, Any] = {
        "deadline": deadline, "run_deadline": run_deadline, "busy": _busy(busy), "keep": keep,
        "force": force, "cold": cold, "accept_changes": accept_changes, "quiet": quiet,
        "workers": workers, "told": _tell,
    }  # fmt: skip
    if min_size is not None and not by:
        raise typer.BadParameter("--min-size is about the groups of --by.")
    with held():
        from loyalty_analysis.holdout import with_holdout
        from loyalty_analysis.notify import watched

    def one(study: str) -> bool:
        with watched(study, out, alert, by):
            asked = (study, out, with_holdout(settings, holdout), data, where)
            if not by:
                return _report(asked, options, alert)
            done = _batch(asked, by, min_size, options, alert)
        if done.failed:  # told already, group by group
            many = f"{len(done.failed)} of {len(done.record['groups'])}"
            raise RunError(f"{many} reports were not made; see {done.folder / 'index.html'}.")
        return done.answer_changed

    _exit_changed(_each(studies, one) and alert)


def _report(asked: tuple[Any, ...], options: dict[str, Any], alert: bool) -> bool:
    """Render one report, print what it comes to; say whether the answer changed."""
    with held():
        from loyalty_analysis.notify import tell_of_run
        from loyalty_analysis.report import render

    run = render(*asked, **options)
    if not options["quiet"]:
        print_verdicts(run.survey, run.verdicts, run.seconds)
        print_warnings(run.survey)
        if not run.is_new:
            typer.echo("Nothing has changed: the report of the last good run stands (--force).")
    if alert:
        tell_of_run(run)
    typer.echo(run.folder)
    return run.answer_changed


def _batch(
    asked: tuple[Any, ...],
    by: list[str],
    min_size: int | None,
    options: dict[str, Any],
    alert: bool,
) -> Batched:
    """Render one report per group, and print how they went."""
    with held():
        from loyalty_analysis.batch import render_batch
        from loyalty_analysis.batch_words import changed_sentence, reason, states_sentence
        from loyalty_analysis.notify import tell_of_batch

    study, *rest = asked
    done = render_batch(study, by, *rest, min_size=min_size, **options)
    for group in done.failed:
        typer.echo(f"{group['name']}: {group['state']}. {reason(group)}", err=True)
    if not options["quiet"]:
        groups = done.record["groups"]
        typer.echo(f"{done.record['study']['title']}: {states_sentence(groups)}")
        if done.answer_changed:
            typer.echo(changed_sentence(groups))
    if alert:
        tell_of_batch(done)
    typer.echo(done.folder)
    return done


def _busy(asked: str) -> str:
    if asked not in ("wait", "leave"):
        raise typer.BadParameter(f"--if-busy {asked}: allowed are wait and leave.")
    return asked


def _tell(sentence: str) -> None:
    """Say on the error stream what somebody at the terminal should know now."""
    typer.echo(sentence, err=True)


@app.command(
    epilog="Examples:  [bold]loyalty check my/study.toml[/]   "
    "[bold]loyalty check my/study.toml --html findings.html[/]"
)
def check(
    studies: Studies,
    data: Data = "",
    settings: Settings = [],  # noqa: B006
    where: Where = "",
    html: Annotated[str, typer.Option("--html", help="Write the findings as a page, too.")] = "",
) -> None:
    """Say what is read, mapped, left out and looks wrong in study, claims and data; no model."""
    with held():
        from loyalty_analysis.check_page import checked

    if html and len(studies) > 1:
        raise typer.BadParameter("--html takes one study at a time.")

    def one(study: str) -> bool:
        survey, sections = checked(study, settings, data, where, html or None)
        print_findings(survey, sections)
        slips = sections[-1].rows
        for (slip,) in slips:
            typer.echo(f"Looks like a slip: {slip}")
        typer.echo("No error found." if slips else "No problem found.")
        return False

    _each(studies, one)


@app.command(
    epilog="Examples:  [bold]loyalty new survey.sav[/]   "
    "[bold]loyalty new 'answers.xlsx#Wave 2' --out wave2/study.toml[/]"
)
def new(
    data: Annotated[str, typer.Argument(help="A data file, or the address of a table.")],
    out: Annotated[
        str, typer.Option("--out", help="The study file; without it study.toml beside the data.")
    ] = "",
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Ask nothing; print the study file alone.")
    ] = False,
) -> None:
    """Draft a study.toml from a data file: every guess is marked as one, with its reason."""
    with held():
        from loyalty_analysis.draft_file import new_study, summary

    def ask(question: str, default: str) -> str:
        return str(typer.prompt(question, default=default))

    asks = not quiet and sys.stdin.isatty() and sys.stdout.isatty()
    written = new_study(data, out or None, ask if asks else None)
    for line in () if quiet else summary(written):
        typer.echo(line)
    typer.echo(written.path)


@app.command(
    epilog="Examples:  [bold]loyalty explore my/study.toml --holdout 0.3[/]   "
    "[bold]loyalty explore rice_simulated --no-browser[/]"
)
def explore(
    study: Annotated[str, typer.Argument(help="A study file, its folder, or a shipped study.")],
    data: Data = "",
    out: Annotated[str, typer.Option("--out", help="Folder of the notebook and what it saves.")] = (
        "explored"
    ),
    settings: Settings = [],  # noqa: B006
    where: Where = "",
    holdout: Holdout = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Open JupyterLab on a copy of the notebook of exploration, the study filled in."""
    with held():
        import subprocess

        from loyalty_analysis.explored_study import explore_notebook, lab_command
        from loyalty_analysis.holdout import with_holdout

    notebook = explore_notebook(study, out, with_holdout(settings, holdout), data, where)
    typer.echo(notebook)
    with held() as signals, subprocess.Popen(lab_command(notebook, browser=browser)) as lab:
        try:
            with signals.raised():
                code = lab.wait()
        except KeyboardInterrupt:
            lab.terminate()  # it ends its kernels, and is waited for
            raise
    if code:
        raise typer.Exit(1)


_WORLDS = (
    "Which simulated world: rice, of the Rice study; of the whole questionnaire retelling, paper, "
    "lock_in, null, method_bias, three_factor, not_invariant, concave, convex."
)


@app.command(
    epilog="Example:  [bold]loyalty simulate --world rice -n 9000 --seed 2015 --out my_survey[/]"
)
def simulate(
    out: Annotated[str, typer.Option("--out", help="Folder to write; must not hold other things.")],
    world: Annotated[str, typer.Option("--world", help=_WORLDS)] = "rice",
    n: Annotated[int, typer.Option("-n", min=1, help="Respondents.")] = 9000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the random numbers.")] = 2015,
) -> None:
    """Make a simulated survey with known truth: study.toml, survey.csv, truth.toml."""
    with held():
        from loyalty_analysis.simulate import simulate as make

    typer.echo(make(world=world, n=n, seed=seed, out=Path(out)))


@app.command(
    epilog="Examples:  [bold]loyalty instrument --without bonds --out my_survey[/]   "
    "[bold]loyalty instrument --answers export.csv --out my_survey[/]"
)
def instrument(
    out: Annotated[str, typer.Option("--out", help="Folder to write.")],
    without: Annotated[
        list[str], typer.Option("--without", help="A block to leave out; may be repeated.")
    ] = [],  # noqa: B006
    answers: Annotated[
        str, typer.Option("--answers", help="An export of KoboToolbox, ODK or Qualtrics.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a study file or answers that differ.")
    ] = False,
) -> None:
    """Write the questionnaire in every form, its study file, and its answers as a survey."""
    with held():
        from loyalty_analysis.instrument import write_instrument

    typer.echo(write_instrument(Path(out), without, answers or None, force=force))


def _each(studies: list[str], one: Callable[[str], bool]) -> bool:
    """Do one thing to every study, also after one of several failed; say whether any returned True.

    Several studies of which some fail end with 1; when all of them are bad input, with 2.
    """
    changed, failed = False, []
    for study in studies:
        try:
            changed |= one(study)
        except LoyaltyError as error:
            if len(studies) == 1:
                raise
            failed.append(_said(error))
    if failed:
        raise typer.Exit(2 if failed == [2] * len(studies) else 1)
    return changed


def _said(error: LoyaltyError) -> int:
    """Print an error and return the exit code it deserves."""
    ran = isinstance(error, RunError)
    typer.echo(f"{'Failed' if ran else 'Error'}: {error}", err=True)
    return 1 if ran else 2


def _exit_changed(changed: bool) -> None:
    if changed:
        raise typer.Exit(3)


def print_verdicts(survey: Survey, verdicts: pd.DataFrame, seconds: dict[str, float]) -> None:
    """Print a verdict table that fits 100 columns, the counts, and the slowest step."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from loyalty_analysis.formatting import BANNER, VERDICT_MARKS, estimate, shortened
    from loyalty_analysis.gates import CODES
    from loyalty_analysis.holdout import notices
    from loyalty_analysis.sentences import explain

    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    study = survey.study
    console.print(f"{study.title}: {survey.n:,} respondents analysed of {survey.n_read:,}")
    if study.is_simulated:
        console.print(BANNER)
    for notice in notices(study):
        console.print(notice, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    table.add_column("Claim", no_wrap=True)
    table.add_column("", no_wrap=True, width=33)
    table.add_column("Outcome", no_wrap=True, max_width=20)
    table.add_column("Estimate [95%]", no_wrap=True, justify="right")
    table.add_column("Verdict", no_wrap=True)
    testable = verdicts[verdicts["verdict"] != "not testable"]
    for row in testable.to_dict("records"):
        mark = VERDICT_MARKS[row["verdict"]]
        part = str(row["part"])
        table.add_row(
            "" if part else str(row["claim"]),
            Text(f"  {part}" if part else shortened(str(row["text"]), 33)),
            Text(shortened(study.label(str(row["outcome"])), 20)),
            estimate(row["estimate"], row["conf_low"], row["conf_high"]),
            Text(f"{mark.glyph} {mark.word}", style=mark.colour),
        )
    if len(testable):
        console.print(table)
    closed = verdicts[(verdicts["verdict"] == "not testable") & (verdicts["part"] == "")]
    for row in closed.drop_duplicates(["claim_set", "claim", "reason"]).to_dict("records"):
        console.print(
            Text(f"{row['claim']:4} not testable: {explain(str(row['reason']))}"), style="dim"
        )
    console.print(_counts(verdicts))
    if any(code in reason for code in CODES.values() for reason in verdicts["reason"]):
        console.print(
            "Some were stopped by measurement: see results/gates.csv, and \\[gates] of the study."
        )
    slowest = max((name for name in seconds if name != "total"), key=lambda name: seconds[name])
    console.print(f"Slowest: {slowest}, {seconds[slowest]:.1f} s")


def _counts(verdicts: pd.DataFrame) -> str:
    from loyalty_analysis.formatting import VERDICT_MARKS

    whole = verdicts[verdicts["part"] == ""]["verdict"].value_counts()
    counts = [f"{int(whole[word])} {word}" for word in VERDICT_MARKS if word in whole]
    return f"{len(verdicts[verdicts['part'] == ''])} verdicts: {', '.join(counts)}."


def print_warnings(survey: Survey) -> None:
    """Say on the error stream what looks wrong in a survey and yet may be meant."""
    for warning in survey.warnings:
        typer.echo(f"Warning: {warning}", err=True)


def print_findings(survey: Survey, sections: list[Section]) -> None:
    """Print every section but the last, which says what looks wrong, within 100 columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    console.print(
        f"{survey.study.title}: {survey.n:,} respondents analysed of {survey.n_read:,}",
        markup=False,
    )
    for section in sections[:-1]:
        console.print(Text(f"\n{section.title}", style="bold"))
        for sentence in section.sentences:
            console.print(Text(sentence))
        if section.rows:
            table = Table(box=None, pad_edge=False, header_style="bold")
            words = len(section.header) - section.numbers
            # Claims are quoted on the page; here their numbers have to do.
            shown = [n for n, name in enumerate(section.header) if name != "What it says"]
            for place in shown:
                justify: Any = "left" if place < words else "right"
                table.add_column(section.header[place], justify=justify)
            for row in section.rows:
                table.add_row(*(Text(row[place]) for place in shown))
            console.print(table)
    console.print()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; never show a traceback for something a user can mend.

    Ctrl-C, SIGTERM and SIGHUP stop a command cleanly, except while it imports, when they wait.
    """
    skip_address_grammars()
    code = _guarded(lambda: app(args=arguments, prog_name="loyalty"))
    if code == INTERRUPTED:
        ignore_signals()  # all that is left to do is to leave
    raise SystemExit(code)


def _guarded(command: Callable[[], Any]) -> int:
    try:
        with held() as signals:
            return _code_of(command, signals)
    except KeyboardInterrupt:  # it came when the command was done
        return INTERRUPTED


def _code_of(command: Callable[[], Any], signals: Signals) -> int:
    try:
        with signals.raised():
            command()
    except SystemExit as stop:  # typer makes one of an interruption, too
        code = int(stop.code or 0)
    except LoyaltyError as error:
        return _said(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    else:
        return 0
    if code == INTERRUPTED:
        typer.echo("Interrupted.", err=True)
    return code
