"""What a run would give away: secrets, e-mail addresses, respondents. A hit blocks publishing.

Every file of a run folder is searched before the folder takes its name. Sentences say file, place
and kind, never the value itself. What a notebook's author hides on purpose is not found: this is
against slips, such as a printed data frame or a connection that shows its password.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from loyalty_analysis.passages import Passage, passages
from loyalty_analysis.preparation import SMALLEST_GROUP, design_names, turned
from loyalty_analysis.printed_tables import (
    Printed,
    csv_tables,
    html_tables,
    lists,
    number_runs,
    pairs,
    printed_texts,
    text_tables,
)
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.recognition import SINGLE, Respondents
from loyalty_analysis.secret_values import (
    position_of,
    registered_secrets,
    shipped_texts,
    sought,
    study_texts,
    weak_secrets,
)
from loyalty_analysis.study import Study
from loyalty_analysis.survey import Survey

__all__ = ["disclosures", "registered_secrets", "weak_secrets"]

LONG = 20
"""Characters from which on a text that few respondents wrote is taken as their own words."""
FEWEST = 30
"""Respondents from which on a table with one row for each is recognised by its length."""
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$")
_DOMAIN = re.compile(r"([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,24})(?![\w(])")
_ROWS = re.compile(r" rows [x×] \d{1,9} columns")
_LENGTH = re.compile(r"Length: (\d{1,12})\b")
_DIGITS = re.compile(r"\d{1,12}$")
_TOKEN = re.compile(r"[\w@.-]{5,64}")
_WORD_START = re.compile(r"(?<!\w)\w")


def disclosures(
    folder: Path, secrets: Mapping[str, str], survey: Survey | None, table: Table | None = None
) -> list[str]:
    r"""Search every file of a run folder for what must not be published.

    Parameters
    ----------
    folder : pathlib.Path
        A run folder, complete, before it is renamed.
    secrets : mapping of str to str
        From :func:`registered_secrets`; those that :func:`weak_secrets` names are passed over.
    survey : Survey or None
        Whose respondents must not be recognised; None where it could not be made.
    table : Table, optional
        The data file as it was read: with it, respondents who were not analysed and columns that
        the study does not name are recognised as well.

    Returns
    -------
    list of str
        One sentence for each place and kind; empty where nothing was found.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "run.log").write_text("connected\nwith gk7-Lq29\n")
    ...     disclosures(Path(folder), {"PGPASSWORD": "gk7-Lq29"}, None)
    ['run.log, line 2: holds the value of the secret PGPASSWORD (as it is).']
    """
    study = survey.study if survey else None
    known, values = _known(survey, table), sought(secrets, study)
    public = _public_addresses(study)
    found: dict[str, None] = {}
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        file = path.relative_to(folder).as_posix()
        try:
            content = path.read_bytes()
        except OSError:
            found[f"{file}: cannot be read, so nobody knows what it holds."] = None
            continue
        for passage in passages(file, content):
            found |= dict.fromkeys(_slips(passage, values, public))
            found |= dict.fromkeys(known.problems(passage) if known else ())
    return list(found)


def in_words(words: str, secrets: Mapping[str, str], study: Study | None = None) -> list[str]:
    """Search a text for secrets and addresses as :func:`disclosures` does files.

    Examples
    --------
    >>> in_words("ask ann@example.org", {})
    ['its text, line 1: holds what looks like an e-mail address.']
    """
    values, public = sought(secrets, study), _public_addresses(study)
    found = (_slips(passage, values, public) for passage in passages("its text", words.encode()))
    return [problem for problems in found for problem in problems]


def _slips(passage: Passage, secrets: Mapping[str, str], public: Collection[str]) -> Iterator[str]:
    yield from _secrets(passage, secrets)
    yield from _addresses(passage, public)


def _secrets(passage: Passage, secrets: Mapping[str, str]) -> Iterator[str]:
    for name, value in secrets.items():
        found = position_of(value, passage.text)
        if found:
            place, way = found
            yield f"{passage.where(place)}: holds the value of the secret {name} ({way})."


def _addresses(passage: Passage, public: Collection[str]) -> Iterator[str]:
    found = [place for place, text in e_mails(passage.text) if text not in public]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield f"{passage.where(found[0])}: holds what looks like an e-mail address{more}."


def e_mails(text: str) -> list[tuple[int, str]]:
    """E-mail-like values and where they stand; linear, whatever the text.

    Examples
    --------
    >>> e_mails("write to ann@example.org, not to @media or x@y.mean()")
    [(9, 'ann@example.org')]
    """
    found, place = [], text.find("@")
    while place >= 0:
        local = _LOCAL.search(text[max(place - 64, 0) : place])
        domain = _DOMAIN.match(text, place + 1)
        if local and domain:
            found.append((place - len(local[0]), f"{local[0]}@{domain[1]}".lower()))
        place = text.find("@", place + 1)
    return found


def _public_addresses(study: Study | None) -> frozenset[str]:
    """Addresses that the study, its claims and the package itself show."""
    texts = [*shipped_texts(), *(study_texts(study) if study else [])]
    return frozenset(address for text in texts for _, address in e_mails(text))


@dataclass(frozen=True, eq=False)
class _Known:
    """What respondents can be recognised by."""

    frames: tuple[Respondents, ...]
    names: frozenset[str]
    lengths: frozenset[int]
    identifiers: frozenset[str]
    numbers: frozenset[str]
    phrases: Mapping[str, frozenset[int]]
    wholes: frozenset[str]
    passed: set[int] = field(default_factory=set)

    def problems(self, passage: Passage) -> Iterator[str]:
        """Sentences about one passage, each kind once."""
        if passage.kind == "drawing":
            return
        text = html.unescape(passage.text) if passage.kind == "html" else passage.text
        for said in (self._named(text), self._worded(text), self._counted(text)):
            if said:
                yield f"{passage.where()}: {said}."
        for table in _tables(passage, self.names):
            same = hash((table.header, table.rows))
            if same in self.passed:
                continue
            said = self._long(table) or next(
                filter(None, (f.shown(table) for f in self.frames)), ""
            )
            if said:
                place = table.position if passage.kind != "table" and table.position else None
                yield f"{passage.where(place)}: shows {said}."
                return
            self.passed.add(same)

    def _named(self, text: str) -> str:
        if not self.identifiers and not self.numbers:
            return ""
        tokens = set(_TOKEN.findall(text))
        known, numbers = tokens & self.identifiers, tokens & self.numbers
        some = bool(known) or len(numbers) >= 3
        return f"holds identifiers of respondents ({len(known) + len(numbers)})" if some else ""

    def _worded(self, text: str) -> str:
        starts = _WORD_START.finditer(text) if self.phrases else ()
        hit = any(self._begins(text, one.start()) for one in starts)
        return "holds what a respondent wrote" if hit else ""

    def _begins(self, text: str, start: int) -> bool:
        """Whether somebody's own words begin here: the first are enough where few begin so."""
        lengths = self.phrases.get(text[start : start + LONG])
        if lengths is None:
            return False
        return not lengths or any(text[start : start + n] in self.wholes for n in lengths)

    def _counted(self, text: str) -> str:
        before = [_DIGITS.search(text[max(one.start() - 12, 0) : one.start()])
                  for one in _ROWS.finditer(text)]  # fmt: skip
        sizes = {int(one[0]) for one in before if one}
        sizes |= {int(one[1]) for one in _LENGTH.finditer(text)}
        return "shows a table with one row per respondent" if sizes & self.lengths else ""

    def _long(self, table: Printed) -> str:
        """A table of numbers alone, or with numbered rows, as long as the data."""
        if len(table.rows) not in self.lengths or not table.header:
            return ""
        labels = list(table.labels)
        numbered = any(labels == [str(k + first) for k in range(len(labels))] for first in (0, 1))
        plain = all(_is_number(cell) for row in table.rows for cell in row)
        return "a table with one row per respondent" if numbered or plain else ""


def _tables(passage: Passage, names: Collection[str]) -> Iterator[Printed]:
    if passage.kind == "table":
        yield from csv_tables(passage.text)
        yield from number_runs(passage.text, SINGLE)
        return
    text = passage.text
    if passage.kind == "html":
        for table in html_tables(text):
            yield table
            lines = [" ".join(cell or "-" for cell in row) for row in (table.header, *table.rows)]
            yield from number_runs("\n".join(lines), SINGLE)
        text = printed_texts(text)
    yield from text_tables(text, names)
    yield from pairs(text, names)
    yield from lists(text, names)
    yield from number_runs(text, SINGLE)


def _known(survey: Survey | None, table: Table | None) -> _Known | None:
    """Collect what respondents can be recognised by; None where there are none at hand."""
    if survey is None or survey.frame is None or survey.items is None:
        return None
    study, key = survey.study, survey.study.design.respondent
    analysed = pd.concat([survey.frame, survey.items], axis=1)
    analysed = analysed.loc[:, ~analysed.columns.duplicated()]
    asked = _as_answered(survey) if table is None else table.frame
    frames = tuple(Respondents(frame, key) for frame in (analysed, asked))
    sizes = {survey.n, survey.n_read, len(asked)}
    written = [survey.frame, *([table.as_written(list(table.frame.columns))] if table else [])]
    ids = frozenset(
        str(one) for frame in written if key in frame for one in frame[key].dropna().unique()
    )
    public = "\n".join([*shipped_texts(), *study_texts(study)])
    distinct = {one for one in ids if _TOKEN.fullmatch(one)} - set(_TOKEN.findall(public))
    numbers = frozenset(one for one in distinct if one.isdigit())
    letters = frozenset(
        one for one in distinct - numbers if re.search(r"\d", one) and not _is_number(one)
    )
    return _Known(
        frames, frozenset(name for one in frames for name in one.columns),
        frozenset(size for size in sizes if size >= FEWEST), letters, numbers,
        *_phrases(written, study, public),
    )  # fmt: skip


def _as_answered(survey: Survey) -> pd.DataFrame:
    """Items as they stand in the file: those declared reversed are turned back."""
    assert survey.items is not None
    items, study = survey.items.copy(), survey.study
    for name, construct in study.constructs.items():
        for item in construct.reversed:
            items[item] = turned(study, name) - items[item]
    return items


def _phrases(
    frames: Sequence[pd.DataFrame], study: Study, public: str
) -> tuple[dict[str, frozenset[int]], frozenset[str]]:
    """Texts that fewer than ten respondents wrote, in columns that are no groups.

    Returns
    -------
    dict, frozenset of str
        How they begin, with no length where few begin so, else with the lengths of those that do;
        the texts themselves.
    """
    items = [item for name in study.constructs for item in study.items_of(name)]
    declared = [*design_names(study), *items]
    begins: dict[str, set[int]] = {}
    wholes: set[str] = set()
    for frame in frames:
        for name in frame.columns.difference(declared):
            if frame[name].dtype.kind in "biuf":
                continue
            texts = frame[name].dropna().astype(str).str.replace(r"^\W+", "", regex=True)
            counts = texts[texts.str.len() > LONG].value_counts()
            rare = [str(text) for text in counts.index[counts < SMALLEST_GROUP]]
            alike = Counter(text[:LONG] for text in rare)
            for text in rare:
                several = alike[text[:LONG]] >= SMALLEST_GROUP or text[:LONG] in public
                begins.setdefault(text[:LONG], set()).update([len(text)] if several else [])
            wholes |= set(rare)
    return {begin: frozenset(lengths) for begin, lengths in begins.items()}, frozenset(wholes)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == ""
    return True
