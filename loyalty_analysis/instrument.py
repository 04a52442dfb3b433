"""What a questionnaire is fielded with: its study, the claims its blocks are for, its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from loyalty_analysis.claims import LOYALTY, Claim, read_claims, shipped_sets
from loyalty_analysis.errors import InputError
from loyalty_analysis.exports import survey_of
from loyalty_analysis.forms import MADE_BY, document, qualtrics
from loyalty_analysis.questionnaire import Instrument, load_instrument
from loyalty_analysis.simulate import toml
from loyalty_analysis.xlsform import workbook, xlsform

_TABLES = ("model", "levels", "types", "design", "quality")


def study_text(instrument: Instrument, head: Sequence[str] = (), **changes: str) -> str:
    """Write the study file that fits a questionnaire.

    Parameters
    ----------
    instrument : Instrument
    head : sequence of str
        Comments on top.
    **changes
        Other values of ``title``, ``data`` or ``origin``.

    Examples
    --------
    >>> text = study_text(load_instrument(), origin="simulated")
    >>> [line for line in text.splitlines() if line.startswith(("origin", "affective"))][0]
    'origin = "simulated"'
    """
    study = {**instrument.study, **changes}
    plain = {key: value for key, value in study.items() if not isinstance(value, dict)}
    sections: dict[tuple[str, ...], dict[str, object]] = {(): plain}
    sections["scale",] = study["scale"]
    sections["constructs",] = declared_constructs(instrument)
    for name in _TABLES:
        if name in study:
            sections[name,] = study[name]
        nested = {"model": "models", "design": "contrasts"}.get(name, "")
        sections |= {(nested, key): rows for key, rows in study.get(nested, {}).items()}
    return toml(list(head), sections)


def declared_constructs(instrument: Instrument) -> dict[str, object]:
    """Every construct of a questionnaire as a study file declares it.

    Examples
    --------
    >>> declared_constructs(load_instrument())["search"]["reversed"]
    ['search_2']
    """
    found: dict[str, object] = {}
    for block in instrument.block:
        for scale in block.scale:
            turned = [scale.columns[number - 1] for number in scale.reversed]
            declared = {"label": scale.label, "items": list(scale.columns)}
            found[scale.name] = declared | ({"reversed": turned} if turned else {})
        found |= {question.name: question.study for question in block.question if question.study}
    return found


def claims_served(instrument: Instrument) -> dict[str, tuple[str, ...]]:
    """Name the claims that each block is asked for.

    Returns
    -------
    dict of str to tuple of str
        Claim ids by block, in the order of the claim sets. Claims about loyalty in general count
        wherever an outcome is asked for that is not leaving.

    Examples
    --------
    >>> claims_served(load_instrument())["habits"]
    ('B7',)
    """
    sets = [read_claims(shipped_sets()[name]) for name in instrument.study["claims"]]
    kinds = instrument.study["model"]["outcomes"].items()
    loyal = {name for name, kind in kinds if kind != "leaving"}
    named = {claim.id: _named(claim, loyal) for one in sets for claim in one.claims}
    return {
        block.name: tuple(claim for claim, names in named.items() if names & block.names)
        for block in instrument.block
    }


def _named(claim: Claim, loyal: set[str]) -> set[str]:
    names: set[str] = set()
    for one in (claim, *(claim.part(part) for part in claim.parts)):
        outcomes = (one.outcome,) if isinstance(one.outcome, str) else one.outcome
        names |= {*one.constructs, *one.term.split(":"), *outcomes}
        names |= {"sector"} if one.estimand == "slope_difference" else set()
    names |= loyal if LOYALTY in names else set()
    return names | ({"attitude", "patronage"} if "type" in names else set())


def rendered(instrument: Instrument) -> dict[str, bytes]:
    """Render every file of a questionnaire.

    Examples
    --------
    >>> list(rendered(load_instrument()))
    ['questionnaire.md', 'questionnaire.txt', 'study.toml', 'questionnaire.xlsx']
    """
    head = [
        "# The study that fits questionnaire.md. Put the answers beside it as survey.csv.",
        f"# {MADE_BY[0].upper()}{MADE_BY[1:]}.",
    ]
    texts = {
        "questionnaire.md": document(instrument, claims_served(instrument)),
        "questionnaire.txt": qualtrics(instrument),
        "study.toml": study_text(instrument, head),
    }
    files = {name: text.encode() for name, text in texts.items()}
    return {**files, "questionnaire.xlsx": workbook(xlsform(instrument))}


def write_instrument(
    out: str | Path,
    without: Sequence[str] = (),
    answers: str | Path | None = None,
    *,
    force: bool = False,
) -> Path:
    """Write the questionnaire in every form, and the study that its answers fit.

    The files are the same, byte for byte, for the same arguments.

    Parameters
    ----------
    out : path
        Folder to write. A questionnaire in it is made anew.
    without : sequence of str
        Blocks to leave out.
    answers : path, optional
        An export of KoboToolbox, ODK or Qualtrics, written as survey.csv beside the study
        (:func:`loyalty_analysis.exports.survey_of`); a study file that is there stays as it is.
    force : bool
        Replace a study file or answers that differ from what would be written.

    Returns
    -------
    pathlib.Path
        The folder: questionnaire.md (to read), questionnaire.xlsx (XLSForm, for KoboToolbox and
        ODK), questionnaire.txt (for Qualtrics), study.toml; with answers survey.csv.

    Raises
    ------
    InputError
        When a block cannot be left out, answers cannot be read, the folder cannot be written, or
        holds a study file or answers of one's own.
    """
    folder, instrument = Path(out), load_instrument().without(without)
    files = rendered(instrument)
    if answers:
        table = survey_of(answers, instrument).to_csv(index=False, lineterminator="\n")
        files["survey.csv"] = table.encode()
        if (folder / "study.toml").is_file() and not force:
            del files["study.toml"]
    if not force:
        _refuse_to_replace(folder, files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}.") from None
    return folder


def _refuse_to_replace(folder: Path, files: Mapping[str, bytes]) -> None:
    """What a person may have changed is not written over."""
    for name in ("study.toml", "survey.csv"):
        path, new = folder / name, files.get(name)
        if new is not None and path.is_file() and path.read_bytes() != new:
            raise InputError(
                f"{path}: is there already, and differs from what would be written. Name another "
                "folder, move the file away, or add --force to replace it."
            )
