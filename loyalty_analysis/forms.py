"""A questionnaire as a document to read and as a text that Qualtrics imports.

Nothing here knows a single question: all of them come from the one source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loyalty_analysis.questionnaire import (
    AnswerScale,
    Block,
    Instrument,
    Question,
    Statements,
    filled,
)

MADE_BY = "made by 'loyalty instrument' from instrument.toml: change it there"


def document(instrument: Instrument, served: Mapping[str, Sequence[str]]) -> str:
    """Render a questionnaire to be read: length, blocks, questions as asked, what they mean.

    Parameters
    ----------
    instrument : Instrument
    served : dict of str to sequence of str
        Claims that each block is asked for.

    Examples
    --------
    >>> from loyalty_analysis.questionnaire import load_instrument
    >>> print(document(load_instrument(), {}).splitlines()[0])
    # Satisfaction and loyalty questionnaire
    """
    blocks = "\n\n".join(_block_text(block, instrument) for block in instrument.block)
    parts = [
        f"# {instrument.title}",
        f"*Version {instrument.version}; {MADE_BY}.*",
        instrument.about,
        _length(instrument),
        _block_table(instrument, served),
        "## The questions",
        blocks,
        "## What is measured",
        _meanings(instrument),
    ]
    return filled("\n\n".join(parts) + "\n", instrument, "[%s]")


def _length(instrument: Instrument) -> str:
    statements = sum(len(scale.items) for block in instrument.block for scale in block.scale)
    core = instrument.without(block.name for block in instrument.block if not block.required)
    return (
        f"**Length.** {statements} statements and {len(instrument.questions)} questions: about "
        f"{instrument.minutes} minutes at {instrument.seconds_per_answer:g} seconds each, which is "
        "an assumption to be checked in a pilot. That is long: leave out the blocks whose claims "
        f"you do not need. The blocks that always stay take about {core.minutes} minutes."
    )


def _block_table(instrument: Instrument, served: Mapping[str, Sequence[str]]) -> str:
    rows = [
        f"| `{block.name}` | {block.title} | {len(block.columns)} | "
        f"{', '.join(served.get(block.name, ())) or '-'} | {'no' if block.required else 'yes'} |"
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
        ask = scale.ask(answers)
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


def qualtrics(instrument: Instrument) -> str:
    """Render the text that Qualtrics imports (its "advanced format").

    The statements of a construct are a matrix whose ID is the construct: Qualtrics numbers its
    rows, so ``affective`` comes back as ``affective_1`` to ``affective_3``. It imports no logic.

    Examples
    --------
    >>> from loyalty_analysis.questionnaire import load_instrument
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
    return filled("\n\n".join(parts) + "\n", instrument, "${e://Field/%s}")


def _matrix(scale: Statements, instrument: Instrument) -> str:
    answers = instrument.scales[scale.answers]
    ask = scale.ask(answers)
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
