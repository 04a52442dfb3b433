"""A questionnaire as a document, as an XLSForm workbook and as a text that Qualtrics imports.

Each is rendered from the one source; nothing here knows a single question.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence

from loyalty_analysis.instrument import (
    AnswerScale,
    Block,
    Instrument,
    Question,
    Statements,
    claims_served,
    study_text,
)

Row = dict[str, str]
SURVEY = (
    "type", "name", "label", "hint", "required", "relevant", "appearance", "constraint",
    "constraint_message", "calculation",
)  # fmt: skip
CHOICES = ("list_name", "name", "label")
SETTINGS = ("form_title", "form_id", "version", "style")
MADE_BY = "made by 'loyalty instrument' from instrument.toml: change it there"
_STAMP = "2000-01-01T00:00:00Z"
THANKS = "Thank you for taking part."
NOT_ASKED = (
    "Thank you for your interest. This survey is for adult customers who agreed to take part."
)


def rendered(instrument: Instrument) -> dict[str, bytes]:
    """Render every file of a questionnaire.

    Examples
    --------
    >>> from loyalty_analysis.instrument import load_instrument
    >>> list(rendered(load_instrument()))
    ['questionnaire.md', 'questionnaire.txt', 'study.toml', 'questionnaire.xlsx']
    """
    head = ["# The study that fits questionnaire.md. Put the answers beside it as survey.csv.",
            f"# {MADE_BY[0].upper()}{MADE_BY[1:]}."]  # fmt: skip
    texts = {
        "questionnaire.md": document(instrument),
        "questionnaire.txt": qualtrics(instrument),
        "study.toml": study_text(instrument, head),
    }
    files = {name: text.encode() for name, text in texts.items()}
    return {**files, "questionnaire.xlsx": workbook(xlsform(instrument))}


def _filled(text: str, instrument: Instrument, mark: str) -> str:
    """Put a form's own field where a placeholder stands; ``%s`` in the mark is its name."""
    for name in instrument.placeholders:
        text = text.replace(f"{{{name}}}", mark % name)
    return text


# ------------------------------------------------------------------------------------ the document


def document(instrument: Instrument) -> str:
    """Render a questionnaire to be read: length, blocks, questions as asked, what they mean.

    Examples
    --------
    >>> from loyalty_analysis.instrument import load_instrument
    >>> print(document(load_instrument()).splitlines()[0])
    # Satisfaction and loyalty questionnaire
    """
    blocks = "\n\n".join(_block_text(block, instrument) for block in instrument.block)
    parts = [f"# {instrument.title}", f"*Version {instrument.version}; {MADE_BY}.*",
             instrument.about, _length(instrument), _block_table(instrument), "## The questions",
             blocks, "## What is measured", _meanings(instrument)]  # fmt: skip
    return _filled("\n\n".join(parts) + "\n", instrument, "[%s]")


def _length(instrument: Instrument) -> str:
    statements = sum(len(scale.items) for block in instrument.block for scale in block.scale)
    core = instrument.without(block.name for block in instrument.block if not block.required)
    return (
        f"**Length.** {statements} statements and {len(instrument.questions)} questions: about "
        f"{instrument.minutes} minutes at {instrument.seconds_per_answer:g} seconds each, which is "
        "an assumption to be checked in a pilot. That is long: leave out the blocks whose claims "
        f"you do not need. The blocks that always stay take about {core.minutes} minutes."
    )


def _block_table(instrument: Instrument) -> str:
    served = claims_served(instrument)
    rows = [
        f"| `{block.name}` | {block.title} | {len(block.columns)} | "
        f"{', '.join(served[block.name]) or '-'} | {'no' if block.required else 'yes'} |"
        for block in instrument.block
    ]
    return "\n".join([
        "| block | heading | answers | claims it is asked for | may be left out |",
        "| --- | --- | --- | --- | --- |", *rows,
    ])  # fmt: skip


def _block_text(block: Block, instrument: Instrument) -> str:
    parts = [f"### {block.title}", *([block.intro] if block.intro else [])]
    for scale in block.scale:
        answers = instrument.scales[scale.answers]
        points = _points(answers)
        ask = " ".join(filter(None, [answers.ask, scale.hint]))
        items = zip(scale.columns, scale.items, strict=True)
        parts.append(f"**{ask}** ({points})")
        parts.append("\n".join(f"- {text} `{column}`" for column, text in items))
    for question in block.question:
        offered = [f"- {one.label} `{one.value}`" for one in question.choices]
        if question.answers:
            offered = [f"- {_points(instrument.scales[question.answers])}"]
        number = [f"- a whole number from {question.min} to {question.max}"]
        parts.append(f"**{question.text}** `{question.name}`")
        parts.append("\n".join(offered or number))
    return "\n\n".join(parts)


def _points(scale: AnswerScale) -> str:
    return ", ".join(f"{k} = {label}" for k, label in enumerate(scale.points, 1) if label)


def _meanings(instrument: Instrument) -> str:
    rows = []
    for block in instrument.block:
        for scale in block.scale:
            turned = ", ".join(f"`{scale.columns[number - 1]}`" for number in scale.reversed)
            rows.append(f"| `{scale.name}` | {scale.label} | {scale.meaning} | {turned} |")
        rows += [f"| `{one.name}` | | {one.meaning} | |" for one in block.question if one.meaning]
    return "\n".join([
        "| name | label | what is meant | asked the other way round |", "| --- | --- | --- | --- |",
        *rows,
    ])  # fmt: skip


# ------------------------------------------------------------------------------------- the XLSForm


def xlsform(instrument: Instrument) -> dict[str, list[tuple[str, ...]]]:
    """Render the sheets of an XLSForm: rows of texts below a header.

    Answers are exported under the names of the columns. ``id`` and ``duration`` are calculated:
    seconds from opening the form to its last answer, for ``end`` is set too late to be used.

    Examples
    --------
    >>> from loyalty_analysis.instrument import load_instrument
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
    return {name: _filled(text, instrument, "${%s}") for name, text in row.items()}


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
        label = " ".join(filter(None, [answers.ask, scale.hint]))
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
        {"list_name": name, "name": one.value, "label": _filled(one.label, instrument, "${%s}")}
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
            new.writestr(
                entry, re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", _STAMP.encode(), old.read(name))
            )
    return kept.getvalue()


# ------------------------------------------------------------------------------- text for Qualtrics


def qualtrics(instrument: Instrument) -> str:
    """Render the text that Qualtrics imports (its "advanced format").

    The statements of a construct are a matrix whose ID is the construct: Qualtrics numbers its
    rows, so ``affective`` comes back as ``affective_1`` to ``affective_3``. It imports no logic.

    Examples
    --------
    >>> from loyalty_analysis.instrument import load_instrument
    >>> qualtrics(load_instrument()).splitlines()[0]
    '[[AdvancedFormat]]'
    """
    fields = [f"[[ED:{name}:{value}]]" for name, value in instrument.placeholders.items()]
    fields.append("[[ED:id:${e://Field/ResponseID}]]")
    parts = ["[[AdvancedFormat]]", "\n".join(fields)]
    for block in instrument.block:
        pages = [*(_matrix(scale, instrument) for scale in block.scale),
                 *(_single(question, instrument) for question in block.question)]  # fmt: skip
        heading = f"<b>{block.title}</b>" + (f"<br><br>{block.intro}" if block.intro else "")
        parts += [f"[[Block:{block.name}]]",
                  f"[[Question:DB]]\n[[ID:intro_{block.name}]]\n{heading}"]  # fmt: skip
        # A scale has a page of its own; the questions behind them share one.
        for number, page in enumerate(pages):
            parts += ["[[PageBreak]]", page] if 0 < number <= len(block.scale) else [page]
    return _filled("\n\n".join(parts) + "\n", instrument, "${e://Field/%s}")


def _matrix(scale: Statements, instrument: Instrument) -> str:
    answers = instrument.scales[scale.answers]
    ask = " ".join(filter(None, [answers.ask, scale.hint]))
    points = [one.label for one in answers.choices]
    lines = ["[[Question:Matrix]]", f"[[ID:{scale.name}]]", ask, "[[Choices]]", *scale.items,
             "[[Answers]]", *points]  # fmt: skip
    return "\n".join(lines)


def _single(question: Question, instrument: Instrument) -> str:
    choices = instrument.choices(question)
    kind = "MC:SingleAnswer:Vertical" if choices else "TE:SingleLine"
    lines = [f"[[Question:{kind}]]", f"[[ID:{question.name}]]", question.text]
    if all(one.value.isdigit() for one in choices):
        coded = [line for one in choices for line in (f"[[Choice:{one.value}]]", one.label)]
        return "\n".join([*lines, *(["[[AdvancedChoices]]", *coded] if coded else [])])
    return "\n".join([*lines, "[[Choices]]", *(one.label for one in choices)])
