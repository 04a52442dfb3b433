"""``loyalty new``: from a data file to the draft of a study file, which is never written over."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path
from shlex import quote

from loyalty_analysis.addresses import absolute, address_of
from loyalty_analysis.draft import draft
from loyalty_analysis.draft_model import with_claims, with_model
from loyalty_analysis.draft_names import OUTCOMES
from loyalty_analysis.draft_parts import Draft
from loyalty_analysis.draft_text import study_text
from loyalty_analysis.errors import InputError, LoyaltyError
from loyalty_analysis.formats import read_file
from loyalty_analysis.study import load_study

Ask = Callable[[str, str], str]
"""Asks a question, with what is taken where nothing is answered."""


@dataclass(frozen=True)
class Written:
    """A study file that was drafted: where it is, what it says, what it lacks."""

    path: Path
    draft: Draft
    lacking: str = ""


def new_study(data: str | Path, out: str | Path | None = None, ask: Ask | None = None) -> Written:
    """Draft a study file from a data file.

    Parameters
    ----------
    data : str or path
        A data file or address, as :func:`loyalty_analysis.formats.read_file` reads it.
    out : path, optional
        The study file; without it ``study.toml`` beside the data.
    ask : callable, optional
        Asks what only a person knows. Without it nothing is asked.

    Returns
    -------
    Written
        ``lacking`` says what the study needs before it can be loaded; empty when it loads.

    Raises
    ------
    InputError
        When the study file is there already, or cannot be written.
    DataError
        When the data cannot be read.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from loyalty_analysis.study import find_study
    >>> survey = find_study("rice_simulated").parent / "survey.csv"
    >>> written = new_study(survey, Path(mkdtemp()) / "study.toml")
    >>> written.draft.mediator, written.lacking
    ('satisfaction', '')
    """
    found = address_of(data)
    path = Path(out) if out else (found.file.parent if found.file else Path()) / "study.toml"
    path = path / "study.toml" if path.is_dir() else path
    _require_new(path)
    named = str(data)
    if found.file is not None:
        named = absolute(data)
        here = relpath(found.file.resolve(), path.parent.resolve())
        named = named.replace(str(found.file.resolve()), Path(here).as_posix())
    drafted = draft(read_file(data), _title(found.name), named)
    drafted = answered(drafted, ask) if ask else drafted
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(study_text(drafted))
    except FileExistsError:
        _require_new(path)
        raise InputError(f"{path}: is there already.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}.") from None
    return Written(path, drafted, _lacking(path))


def _require_new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise InputError(
            f"{path}: is there already, and a study file is never written over. Name another with "
            "--out, or move it away."
        )


def _title(name: str) -> str:
    """A title from the name of a file: never an address."""
    stem = re.sub(r"\.\w+$", "", name.partition("#")[0])
    words = "" if "://" in name else " ".join(re.split(r"[_\-.\s]+", stem)).strip()
    return words[:1].upper() + words[1:] or "A survey"


def _lacking(path: Path) -> str:
    try:
        load_study(path)
    except LoyaltyError as error:
        return str(error)
    return ""


def summary(written: Written) -> list[str]:
    """Say in a few lines what was drafted, what is doubtful, and what to do next.

    Examples
    --------
    >>> from loyalty_analysis.draft_roles import Roles
    >>> nothing = Draft("Shop", "", 9, 2, (1, 7), (), "", (), Roles())
    >>> summary(Written(Path("study.toml"), nothing))[0]
    '0 constructs of 0 items, from 2 columns of 9 rows; columns used nowhere: 0.'
    """
    found = written.draft
    items = [item for one in found.constructs for item in one.items]
    turned = [item for one in found.constructs for item in one.reversed]
    lines = [
        f"{len(found.constructs)} constructs of {len(items)} items, from {found.columns:,} columns "
        f"of {found.rows:,} rows; columns used nowhere: {len(found.aside):,}."
    ]
    if found.codes:
        codes = ", ".join(f"{code:g}" for code in found.codes)
        lines.append(f"Guess: {codes} mean no answer.")
    if turned:
        lines.append(f"Guess: asked the other way round: {', '.join(turned)}.")
    lines += [f"Look at {doubt}" for doubt in found.doubts]
    lines += [f"Decide: {one}." for one in found.decisions]
    lines.append(f"Correct the guesses, then: loyalty check {quote(str(written.path))}")
    return lines


def answered(found: Draft, ask: Ask) -> Draft:
    """Ask what a file cannot say: title, origin, outcomes, mediator.

    Examples
    --------
    >>> from loyalty_analysis.draft_parts import Drafted
    >>> from loyalty_analysis.draft_roles import Roles
    >>> from loyalty_analysis.draft_scales import Answers
    >>> built = [Drafted(name, "", (name,), Answers(1, 7)) for name in ("mood", "visits")]
    >>> replies = {"Outcomes": "visits"}
    >>> asked = answered(
    ...     Draft("Shop", "", 9, 9, (1, 7), (), "", tuple(built), Roles()),
    ...     lambda question, default: replies.get(question.split(",")[0], default),
    ... )
    >>> dict(asked.outcomes), asked.drivers, asked.mediator
    ({'visits': 'intention'}, ('mood',), '')
    """
    names = [one.name for one in found.constructs]
    title = ask("Title of the study", found.title) or found.title
    origin = ask("Respondents: real or simulated", found.origin)
    found = replace(found, title=title, origin="simulated" if origin[:1].lower() == "s" else "real")
    if not names:
        return found
    said = ask(f"Outcomes, of {', '.join(names)}", ", ".join(found.outcomes))
    chosen = [name for name in re.split(r"[,\s]+", said) if name in names]
    kinds = {name: found.outcomes.get(name) or OUTCOMES.get(name, "intention") for name in chosen}
    left = [name for name in names if name not in kinds]
    default = found.mediator if found.mediator in left else "none"
    mediator = ask(f"Mediator, or none, of {', '.join(left)}", default) if left else "none"
    inside = {*kinds, mediator}
    built = tuple(replace(o, outside="") if o.name in inside else o for o in found.constructs)
    found = replace(
        found,
        constructs=built,
        outcomes=kinds or found.outcomes,
        mediator=mediator if mediator in left else "",
    )
    found = with_model(found)
    found = found if mediator in left else _without_mediator(found)
    why = {key: why for key, why in found.model_why.items() if key == "drivers" or not kinds}
    return with_claims(replace(found, model_why=why))


def _without_mediator(found: Draft) -> Draft:
    """The model where none stands between: what was taken for a mediator is a driver."""
    if not found.mediator:
        return found
    drivers = (*found.drivers, found.mediator)
    return replace(found, mediator="", drivers=drivers)
