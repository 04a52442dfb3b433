"""A questionnaire as an XLSForm workbook, which KoboToolbox and ODK read."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence

from loyalty_analysis.questionnaire import Block, Instrument, Question, Statements, filled

Row = dict[str, str]
SURVEY = (
    "type", "name", "label", "required", "relevant", "appearance", "constraint",
    "constraint_message", "calculation",
)  # fmt: skip
CHOICES = ("list_name", "name", "label")
SETTINGS = ("form_title", "form_id", "version", "style")
THANKS = "Thank you for taking part."
NOT_ASKED = (
    "Thank you for your interest. This survey is for adult customers who agreed to take part."
)
_DATE, _STAMP = rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"2000-01-01T00:00:00Z"


def xlsform(instrument: Instrument) -> dict[str, list[tuple[str, ...]]]:
    """Render the sheets of an XLSForm: rows of texts below a header.

    Answers are exported under the names of the columns. ``id`` and ``duration`` are calculated:
    seconds from opening the form to its last answer, for ``end`` is set too late to be used.

    Examples
    --------
    >>> from loyalty_analysis.questionnaire import load_instrument
    >>> sheets = xlsform(load_instrument())
    >>> sheets["choices"][1]
    ('agree', '1', '1 = Strongly disagree')
    """
    survey = [_filled_row(row, instrument) for row in _survey_rows(instrument)]
    settings = {"form_title": instrument.title, "form_id": instrument.name,
                "version": instrument.version, "style": "pages"}  # fmt: skip
    return {
        "survey": _sheet(SURVEY, survey),
        "choices": _sheet(CHOICES, _choice_rows(instrument)),
        "settings": _sheet(SETTINGS, [settings]),
    }


def _sheet(columns: Sequence[str], rows: Sequence[Row]) -> list[tuple[str, ...]]:
    return [tuple(columns), *(tuple(row.get(name, "") for name in columns) for row in rows)]


def _filled_row(row: Row, instrument: Instrument) -> Row:
    return {name: filled(text, instrument, "${%s}") for name, text in row.items()}


def _survey_rows(instrument: Instrument) -> Iterator[Row]:
    last = instrument.columns[-1]
    seconds = "round((decimal-date-time(now()) - decimal-date-time(${start})) * 86400, 0)"
    passing = [one for one in instrument.questions if one.passes is not None]
    eligible = " and ".join(f"${{{one.name}}} >= {one.passes}" for one in passing)
    refused = " or ".join(f"${{{one.name}}} < {one.passes}" for one in passing)
    yield {"type": "start", "name": "start"}
    yield {"type": "end", "name": "end"}
    yield {"type": "calculate", "name": "id", "calculation": "once(uuid())"}
    for name, value in instrument.placeholders.items():
        yield {"type": "calculate", "name": name, "calculation": f"'{value}'"}
    for block in instrument.block:
        yield from _block_rows(block, instrument, eligible)
    yield {"type": "calculate", "name": "duration",
           "calculation": f"if(${{{last}}} != '', once({seconds}), '')"}  # fmt: skip
    yield {"type": "note", "name": "not_asked", "label": NOT_ASKED, "relevant": refused}
    yield {"type": "note", "name": "thanks", "label": THANKS, "relevant": eligible}


def _block_rows(block: Block, instrument: Instrument, eligible: str) -> Iterator[Row]:
    """Pages of a block: one for each scale, one for the questions behind them."""
    screening = any(one.passes is not None for one in block.question)
    intro = f"**{block.title}**" + (f"\n\n{block.intro}" if block.intro else "")
    note = [{"type": "note", "name": f"intro_{block.name}", "label": intro}]
    for scale in block.scale:
        answers = instrument.scales[scale.answers]
        label = scale.ask(answers)
        yield from _page(scale.name, label, eligible, [*note, *_statement_rows(scale)])
        note = []
    if block.question:
        asked, before = list(note), ""
        for one in block.question:
            asked.append(_question_row(one, instrument) | {"relevant": before})
            if one.passes is not None:
                before += f"{' and ' if before else ''}${{{one.name}}} >= {one.passes}"
        label = block.title if block.scale else ""
        yield from _page(f"{block.name}_questions", label, "" if screening else eligible, asked)


def _page(name: str, label: str, relevant: str, rows: Sequence[Row]) -> Iterator[Row]:
    yield {"type": "begin_group", "name": f"page_{name}", "label": label, "relevant": relevant,
           "appearance": "field-list"}  # fmt: skip
    yield from rows
    yield {"type": "end_group", "name": f"page_{name}"}


def _statement_rows(scale: Statements) -> list[Row]:
    return [
        {"type": f"select_one {scale.answers}", "name": column, "label": text, "required": "yes",
         "appearance": "likert"}
        for column, text in zip(scale.columns, scale.items, strict=True)
    ]  # fmt: skip


def _question_row(question: Question, instrument: Instrument) -> Row:
    row = {"name": question.name, "label": question.text, "required": "yes"}
    if not instrument.choices(question):
        allowed = f"from {question.min} to {question.max}"
        limits = f". >= {question.min} and . <= {question.max}"
        return {"type": "integer", **row, "constraint": limits,
                "constraint_message": f"Please enter a whole number {allowed}."}  # fmt: skip
    if question.answers:
        return {"type": f"select_one {question.answers}", **row, "appearance": "likert"}
    return {"type": f"select_one {question.name}", **row}


def _choice_rows(instrument: Instrument) -> list[Row]:
    lists = {name: scale.choices for name, scale in instrument.scales.items()}
    lists |= {one.name: one.choices for one in instrument.questions if one.choices}
    return [
        {"list_name": name, "name": one.value, "label": filled(one.label, instrument, "${%s}")}
        for name, choices in lists.items()
        for one in choices
    ]


def workbook(sheets: dict[str, list[tuple[str, ...]]]) -> bytes:
    """Write sheets as .xlsx, the same bytes at any time: nothing in it is compressed or dated.

    Examples
    --------
    >>> workbook({"survey": [("type",)]}) == workbook({"survey": [("type",)]})
    True
    """
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes, sheet.column_dimensions["C"].width = "A2", 70
        for row in rows:
            sheet.append([text or None for text in row])
    made, kept = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name)
            entry.create_system = 3
            new.writestr(entry, re.sub(_DATE, _STAMP, old.read(name)))
    return kept.getvalue()
