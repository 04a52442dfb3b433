"""Batches: one report per group of respondents, made by worker processes, and their front page.

``OUT/<study>/by-<columns>/<group>/<run id>/`` is an ordinary run; beside the groups lie
``batch.json`` and ``index.html``. A batch that is stopped goes on where it was: a report that
stands with the same key is not made again.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loyalty_analysis.blocked import (
    changed_columns,
    folder_name,
    keep_blocked,
    publishable,
    recorded,
)
from loyalty_analysis.checks import column_problems
from loyalty_analysis.claims import load_claims
from loyalty_analysis.comparison import changes_sentence
from loyalty_analysis.disclosure import in_words, registered_secrets
from loyalty_analysis.errors import (
    DataError,
    InputError,
    LoyaltyError,
    RunError,
    StudyError,
    raise_all,
)
from loyalty_analysis.inputs import Inputs, read_inputs
from loyalty_analysis.interruption import Signals, held
from loyalty_analysis.leftovers import sweep_aside
from loyalty_analysis.locks import only_one
from loyalty_analysis.manifest import now, read_manifest
from loyalty_analysis.pages import index
from loyalty_analysis.preparation import SMALLEST_GROUP
from loyalty_analysis.published import BlockedError, last_good
from loyalty_analysis.records import (
    BATCH,
    FINE,
    first_record,
    read_record,
    standing,
    state_of_batch,
    write_record,
)
from loyalty_analysis.report import Options, key_of, rendered, unchanged
from loyalty_analysis.report_notebooks import notebooks_of
from loyalty_analysis.run_folder import Clock, of_the_system, state_of
from loyalty_analysis.runs import parameters_of
from loyalty_analysis.segments import Segment, folder_of_batch, segments, slicer
from loyalty_analysis.served import failed_runs
from loyalty_analysis.study import Study
from loyalty_analysis.warm_kernels import at, warmed
from loyalty_analysis.workers import Outcome, outcomes, refuse_in_a_worker

_REFRESH = 60.0  # seconds between two front pages of a batch that is under way


@dataclass(frozen=True)
class Batched:
    """A batch that came to its end.

    Attributes
    ----------
    folder : pathlib.Path
        batch.json, index.html and a folder for each group.
    record : dict
        What batch.json says.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """Groups whose report could not be made."""
        return [group for group in self.record["groups"] if group["state"] not in FINE]

    @property
    def answer_changed(self) -> bool:
        """Whether the answer of any group changed in this batch."""
        return any(group["answer_changed"] for group in self.record["groups"])


@dataclass(frozen=True, eq=False)
class _Task:
    """One report that a worker makes."""

    folder: str
    inputs: Inputs
    digest: str
    out: str
    home: Path
    options: Options
    warm: str
    min_size: int


def render_batch(
    study: str | Path | Study,
    by: Sequence[str],
    out: str | Path = "reports",
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    *,
    workers: int = 2,
    min_size: int | None = None,
    **options: Any,
) -> Batched:
    """Render one report for each group of respondents, and a front page of all of them.

    Parameters
    ----------
    study, out, settings, data, where
        See :func:`loyalty_analysis.report.render`.
    by : sequence of str
        Columns whose values make the groups.
    workers : int
        Reports made at the same time.
    min_size : int, optional
        Respondents a group needs; smaller ones are suppressed. Default: what the study says, or 30.
    **options
        See :class:`loyalty_analysis.report.Options`.

    Returns
    -------
    Batched

    Raises
    ------
    InputError, BlockedError
        When study or data are bad, or columns have changed: then no report is made, and the page
        of a batch that stands says so.
    RunError
        When the folder cannot be written; from a script that does not start it below
        ``if __name__ == "__main__":``.
    Interrupted
        On Ctrl-C, SIGTERM or SIGHUP, once no worker and no kernel is left.
    """
    refuse_in_a_worker()
    chosen = Options(**options)
    folder = Path(out) / folder_name(study) / folder_of_batch(by)
    asked = parameters_of(study, settings, data, where) | {"by": list(by)}
    with _blocked_batch(folder, asked):
        inputs = read_inputs(study, settings, data, where, by, chosen.told)
        before = read_record(folder)
        known = {one["where"]: one["folder"] for one in before["groups"]}
        _checked_once(inputs)
        parts, unassigned = segments(inputs, by, known)
        _checked_sizes(inputs, by, parts)
        schema = _without(changed_columns(inputs, before.get("schema"), chosen), by)
        smallest = _smallest(inputs.study, min_size)
        record = first_record(
            inputs, by, parts, out=out, min_size=smallest, unassigned=unassigned,
            repeated=_repeated(inputs), **schema,
        )  # fmt: skip
        _checked_words(inputs.study, record)
    with held() as signals, only_one(folder, chosen.busy, chosen.told):
        todo = _triaged(inputs, parts, record, before, folder, chosen, unassigned)
        if not todo and _same(record, before) and (folder / "index.html").is_file():
            return Batched(folder, before | {"groups": record["groups"]})
        try:
            try:
                _made(inputs, todo, record, folder, out, workers, chosen, signals)
            finally:
                _finish(folder, record, out)
        except OSError as error:
            raise RunError(of_the_system(error)) from None
    return Batched(folder, record)


def _checked_once(inputs: Inputs) -> None:
    """Refuse what is wrong for every group alike: claims that are missing, columns that are."""
    table = inputs.table
    if table is not None:
        missing = column_problems(table.frame, inputs.study)
        raise_all(DataError, str(inputs.study.address), missing)
    load_claims(inputs.study)


def _checked_sizes(inputs: Inputs, by: Sequence[str], parts: Sequence[Segment]) -> None:
    """Refuse columns that name respondents: a page that lists them would publish their names."""
    if parts and max(len(part.rows) for part in parts) < SMALLEST_GROUP:
        raise DataError(
            f"{inputs.study.address}: --by {' --by '.join(by)}: none of {len(parts):,} groups has "
            f"{SMALLEST_GROUP} respondents. Name columns of groups, not of identifiers."
        )


def _checked_words(study: Study, record: Mapping[str, Any]) -> None:
    """Refuse a batch of which batch.json and its page would show what must not be published."""
    words = json.dumps(record, ensure_ascii=False)
    found = in_words(words, registered_secrets(study, os.environ), study)
    if found:
        raise BlockedError(
            f"{study.address}: --by {' --by '.join(record['by'])}: the page of the batch would "
            f"show what must not be published, in a group's name, a setting or the filter "
            f"({found[0].partition(': ')[2]}). Name another column, or write other names into it."
        )


def _smallest(study: Study, asked: int | None) -> int:
    if asked is not None and asked < SMALLEST_GROUP:
        raise StudyError(
            f"--min-size {asked}: a report of fewer than {SMALLEST_GROUP} respondents could tell "
            f"who answered what. Allowed are {SMALLEST_GROUP} and more."
        )
    return study.reports.min_size if asked is None else asked


def _repeated(inputs: Inputs) -> bool:
    """Whether a respondent may stand in several groups."""
    column, table = inputs.study.design.respondent, inputs.table
    assert table is not None
    return (
        column is not None
        and column in table.frame
        and bool(table.frame[column].duplicated().any())
    )


@contextmanager
def _blocked_batch(folder: Path, asked: Mapping[str, Any]) -> Iterator[None]:
    """Say on the page of a batch that stands that a later one was blocked, and why."""
    try:
        yield
    except (InputError, BlockedError) as error:
        before = read_record(folder)
        if before["groups"]:
            record = before | {"state": "blocked", "error": publishable(error), "finished": now()}
            with suppress(OSError):  # the error itself is what has to be told
                write_record(folder, record)
                _write_page(folder, record)
                _blocked_groups(folder, record, error, asked)
                index(folder.parent.parent)
        raise


def _blocked_groups(
    folder: Path, record: Mapping[str, Any], error: LoyaltyError, asked: Mapping[str, Any]
) -> None:
    """Say on the page of every group, too, that its report is late, and why."""
    for group in record["groups"]:
        home = folder / str(group["folder"])
        if last_good(home) is not None:
            keep_blocked(home, error, asked, folder.parent.parent)


def _without(found: dict[str, Any], by: Sequence[str]) -> dict[str, Any]:
    """The schema of the data without the columns of groups: it would count those not shown."""
    if "schema" not in found:
        return found
    columns = {n: c for n, c in found["schema"]["columns"].items() if n not in by}
    return found | {"schema": found["schema"] | {"columns": columns}}


def _triaged(
    inputs: Inputs,
    parts: Sequence[Segment],
    record: dict[str, Any],
    before: Mapping[str, Any],
    folder: Path,
    options: Options,
    unassigned: int,
) -> list[tuple[dict[str, Any], Inputs, str]]:
    """Decide of every group whether it is suppressed, unchanged, or has to be made."""
    slice_of, todo = slicer(inputs, record["by"]), []
    small, hidden = _suppressed_keys(before, record["min_size"]), _hidden(parts, record, unassigned)
    for part, group in zip(parts, record["groups"], strict=True):
        if part.folder in hidden:
            group |= {"state": "suppressed", "remainder": len(part.rows) >= record["min_size"]}
            continue
        own = slice_of(part)
        group["key"] = key = key_of(own, part.digest)
        if not options.force and key and key in small:
            group["state"] = "suppressed"
            continue
        same = not options.force and unchanged(folder / part.folder, key) is not None
        group |= standing(folder, group)
        if same:
            group["state"] = "unchanged"
        else:
            todo.append((group, own, part.digest))
    return todo


def _hidden(parts: Sequence[Segment], record: Mapping[str, Any], unassigned: int) -> set[str]:
    """Folders of groups that are not shown: too small, or needed to hide those that are.

    Where fewer than ten respondents are left out in all, a report of everybody less the groups
    shown would tell what these few answered: then the next smallest group is left out, too.
    """
    small = [part for part in parts if len(part.rows) < record["min_size"]]
    few = sum(len(part.rows) for part in small) + unassigned
    others = sorted((part for part in parts if part not in small), key=lambda one: len(one.rows))
    more = others[:1] if 0 < few < SMALLEST_GROUP else []
    return {part.folder for part in [*small, *more]}


def _suppressed_keys(before: Mapping[str, Any], smallest: int) -> set[str]:
    """Keys of groups of which an earlier batch found that too few respondents can be analysed."""
    if before.get("min_size") != smallest:
        return set()
    return {one.get("key", "") for one in before["groups"] if one["state"] == "suppressed"}


def _same(record: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether the page that stands would say the same, of every group and of the batch."""
    said, of_groups = ("min_size", "unassigned", "repeated"), ("folder", "run", "n")
    now_, then = (
        [[one.get(k) for k in said], *([g[k] for k in of_groups] for g in one["groups"])]
        for one in (record, before)
    )
    return now_ == then and before.get("state") == "ok"


def _made(
    inputs: Inputs,
    todo: Sequence[tuple[dict[str, Any], Inputs, str]],
    record: dict[str, Any],
    folder: Path,
    out: str | Path,
    workers: int,
    options: Options,
    signals: Signals,
) -> None:
    """Make every report that has to be made, and note how each ended."""
    groups = {group["folder"]: group for group, _, _ in todo}
    own = replace(options, workers=1, quiet=True, force=True, told=_silent)
    notebooks = len(notebooks_of(inputs.study)) * len(todo)
    refreshed = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    write_record(folder, record)
    with warmed(notebooks, options.cold) as warm, _bar(len(todo), options.quiet) as step:
        address = warm.address if warm else ""
        tasks = (
            _Task(g["folder"], part, digest, str(out), folder / g["folder"], own, address,
                  record["min_size"])
            for g, part, digest in todo
        )  # fmt: skip
        with signals.raised():
            for ended in outcomes(_render_one, tasks, workers, options.run_deadline):
                group = groups[ended.task.folder]
                group |= _noted(ended, folder, options)
                step(str(group["name"]))
                write_record(folder, record)
                if time.monotonic() - refreshed > _REFRESH:
                    _write_page(folder, record)
                    refreshed = time.monotonic()


def _silent(sentence: str) -> None:
    """Workers say nothing: what they found stands in batch.json."""


def _render_one(task: _Task) -> dict[str, Any]:
    """Make one report, in a worker process; every way it can end is a state of what is returned."""
    clock = Clock()
    last = max([run.name for run in failed_runs(task.home)], default="")
    try:
        inputs, home = task.inputs, task.home
        with recorded(inputs.study, task.out, home=home, asked=inputs.parameters):
            survey, _ = inputs.opened()
        if survey.n < task.min_size:
            return {"state": "suppressed", "n": None, "run": None, "started": None}
        warm = at(task.warm) if task.warm else None
        run = rendered(task.inputs, task.out, task.home, task.options, clock, warm, task.digest)
    except LoyaltyError as error:
        state = "blocked" if isinstance(error, InputError) else state_of(error)
        kept = [read_manifest(run) for run in failed_runs(task.home) if run.name > last]
        # what a run keeps of an error has been looked through for secrets
        said = kept[0]["error"] if kept else publishable(error)
        return {"state": state, "error": said, "seconds": clock.total()}
    except Exception as error:  # a fault of ours costs this group, and is no lost process
        return {"state": "failed", "error": publishable(error), "seconds": clock.total()}
    changes = changes_sentence(run.changes) if run.answer_changed else ""
    return {
        "state": "ok",
        "answer_changed": run.answer_changed,
        "changes": changes,
        "seconds": clock.total(),
    }


def _noted(ended: Outcome, folder: Path, options: Options) -> dict[str, Any]:
    """What a group's entry says once its task has ended."""
    group = ended.task.folder
    if ended.ended == "done":
        found = dict(ended.value)
    elif ended.ended == "died":
        message = (
            f"its process was lost twice (exit code {ended.exitcode}); out of memory is the usual "
            "cause"
        )
        found = {"state": "died", "error": {"type": "Died", "message": message}}
    else:
        message = f"the deadline of {options.run_deadline:g} s for one report passed"
        found = {"state": "timed_out", "error": {"type": "TimedOut", "message": message}}
    if found["state"] != "suppressed":
        found |= standing(folder, {"folder": group})
    if found.get("error"):
        pages = [run for run in failed_runs(folder / group) if (run / "index.html").is_file()]
        found["error"]["page"] = f"{group}/{pages[0].name}/index.html" if pages else ""
    return found


def _finish(folder: Path, record: dict[str, Any], out: str | Path) -> None:
    """Write the pages, and then the record, however the batch ended.

    A record that says that a batch is over has its pages: a batch that stands is not looked at.
    """
    record |= {"finished": now(), "state": state_of_batch(record)}
    _write_page(folder, record)
    index(out)
    write_record(folder, record)


def _write_page(folder: Path, record: Mapping[str, Any]) -> None:
    from loyalty_analysis.batch_page import batch_page  # slow: it draws

    sweep_aside(folder, ".index.*")
    sweep_aside(folder, f".{BATCH}.*")
    aside = folder / f".index.{secrets.token_hex(4)}"
    aside.write_text(batch_page(folder, record), encoding="utf-8")
    aside.replace(folder / "index.html")


@contextmanager
def _bar(count: int, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show how many reports are made, what was last, and the time left; only on a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.description}"),
    )  # fmt: skip
    hidden = quiet or not console.is_terminal or not count
    with Progress(*columns, console=console, disable=hidden, transient=True) as bar:
        task = bar.add_task("", total=count)

        def step(name: str) -> None:
            bar.update(task, advance=1, description=name)

        yield step
