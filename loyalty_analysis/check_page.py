"""The findings of ``loyalty check`` as one page that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from loyalty_analysis.errors import InputError, LoyaltyError
from loyalty_analysis.findings import Section, findings, stopped, summary
from loyalty_analysis.formatting import BANNER
from loyalty_analysis.pages import environment
from loyalty_analysis.runs import opened
from loyalty_analysis.study import Study, load_study
from loyalty_analysis.survey import Survey


def checked(
    study: str | Path | Study,
    settings: Sequence[str] = (),
    data: str | Path = "",
    where: str = "",
    html: str | Path | None = None,
) -> tuple[Survey, list[Section]]:
    """Read a study with its data and say what was found; with ``html`` on a page, too.

    Parameters
    ----------
    study, settings, data, where
        As :func:`loyalty_analysis.survey.read_survey` takes them.
    html : path, optional
        The page. It is also written when the survey is refused, with the reasons.

    Returns
    -------
    Survey, list of Section

    Raises
    ------
    StudyError, DataError, ClaimError
        Every problem found.

    Examples
    --------
    >>> survey, sections = checked("bank_customers")
    >>> sections[-1].sentences
    ('Nothing looks wrong.',)
    """
    page = Path(html) if html else None
    if page:
        _require_page(page)
    try:
        survey, claims = opened(study, settings, data, where)
    except LoyaltyError as error:
        if page:
            _write_stopped(page, study, settings, error)
        raise
    sections = findings(survey, claims)
    if page:
        said, known = summary(survey, sections), survey.study
        write_page(page, known.title, known.path.name, said, sections, simulated=known.is_simulated)
    return survey, sections


def _write_stopped(
    page: Path, study: str | Path | Study, settings: Sequence[str], error: LoyaltyError
) -> None:
    loaded = None
    with suppress(LoyaltyError):
        loaded = load_study(study, settings)
    path = loaded.path if loaded else Path(study.path if isinstance(study, Study) else study)
    sections = stopped(error, loaded, str(path if path.is_dir() else path.parent))
    said = ["Nothing can be analysed before the study or its data are corrected."]
    title = loaded.title if loaded else "A study that cannot be read"
    simulated = bool(loaded and loaded.is_simulated)
    write_page(page, title, path.name, said, sections, simulated=simulated)


def _require_page(path: Path) -> None:
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: the page of findings needs a name that ends with .html.")


def write_page(
    path: Path,
    heading: str,
    file: str,
    summary: Sequence[str],
    sections: Sequence[Section],
    *,
    simulated: bool = False,
) -> Path:
    """Write findings as a self-contained page.

    Parameters
    ----------
    path : pathlib.Path
        A file that ends with .html; one that is there is replaced.
    heading, file : str
        Title of the study; its file, as it is shown.
    summary : sequence of str
    sections : sequence of Section
    simulated : bool
        Whether the page says that respondents were simulated.

    Raises
    ------
    InputError
        When the name is not that of a page, or it cannot be written.

    Examples
    --------
    >>> write_page(Path("study.toml"), "Shop", "study.toml", [], [])
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.InputError: study.toml: the page of findings needs a name that ends
    with .html.
    """
    _require_page(path)
    html = (
        environment()
        .get_template("check.html.j2")
        .render(
            heading=heading, file=file, summary=summary, sections=sections,
            simulated=BANNER if simulated else "",
        )
    )  # fmt: skip
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}.") from None
    return path
