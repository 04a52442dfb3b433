"""Tables as they are printed: Great Tables in the house style, legible on light and dark pages.

Every cell is text made by `loyalty_analysis.formatting`; Great Tables escapes it, so that survey
text never becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from great_tables import GT

from loyalty_analysis.formatting import estimate, sample

SIMULATED = "Simulated respondents: a test of the software."

# Text and background are inherited, so a dark page stays dark; rules are a grey both can show.
_CSS = """
#ID .gt_table, #ID .gt_table * { color: inherit !important; font-family: inherit;
  background-color: transparent !important; border-color: rgba(128, 128, 128, 0.55) !important; }
#ID .gt_table { margin-left: 0; min-width: min(24em, 100%); }
#ID .gt_heading { text-align: left; font-weight: 600; }
#ID .gt_subtitle, #ID .gt_sourcenote { opacity: 0.85; }
#ID .gt_col_heading, #ID .gt_group_heading { font-weight: 600; }
#ID .gt_row, #ID .gt_col_heading { padding-left: 8px; padding-right: 8px; }
#ID .gt_row { vertical-align: top; text-wrap: pretty; }
#ID .gt_group_heading { overflow-wrap: anywhere; }
#ID .gt_right { white-space: nowrap; }
#ID .gt_col_heading.gt_right { white-space: normal; }
#ID .gt_stub { border-right-style: none; }
#ID .gt_sourcenote .gt_from_md { display: block; width: 0; min-width: 100%; }
@media print {
  #ID tr { break-inside: avoid; }
  #ID .gt_group_heading { break-after: avoid; }
  #ID tfoot { display: table-row-group; }
  #ID .gt_left { overflow-wrap: anywhere; min-width: 13em; }
  #ID .gt_stub { min-width: 9em; }
  #ID .gt_row, #ID .gt_col_heading { padding-left: 4px; padding-right: 4px; }
  #ID .gt_right { white-space: normal; }
  #ID .gt_col_heading { overflow-wrap: anywhere; }
}
"""


class Table(GT):
    """A Great Table whose style sheet stays within the table.

    Great Tables 1.1 writes rules for every ``tr`` and ``td`` of the page it is put into; here
    they are given the id of the table.
    """

    def as_raw_html(self, *args: Any, **settings: Any) -> str:
        """Render as HTML, each rule of the style sheet scoped to this table."""
        page = super().as_raw_html(*args, **settings)
        name = f"#{self._options.table_id.value}"
        page = page.replace(
            f"{name} thead, tbody, tfoot, tr, td, th {{",
            f"{name} :is(thead, tbody, tfoot, tr, td, th) {{",
        )
        return re.sub(r"^ tr \{", f"{name} tr {{", page, flags=re.MULTILINE)


def typeset(
    name: str,
    cells: pd.DataFrame,
    title: str,
    notes: Sequence[str],
    *,
    heads: Mapping[str, str],
    words: Sequence[str] = (),
    subtitle: str | None = None,
) -> Table:
    """Print a frame of text as a table.

    Parameters
    ----------
    name : str
        What the table is; made into its id, so that the same table has the same bytes.
    cells : pandas.DataFrame
        Text only. A column ``row`` heads the rows, a column ``group`` gathers them.
    title, subtitle : str
        What is shown, and for whom.
    notes : sequence of str
        Printed under the table; empty ones are left out.
    heads : mapping of str to str
        Display names of the columns; the one of ``row`` heads the stub.
    words : sequence of str
        Columns that hold words and are aligned left; all others are numbers, aligned right.

    Returns
    -------
    Table
    """
    grouped = "group" if "group" in cells else None
    table = Table(cells.astype(str), rowname_col="row", groupname_col=grouped, id=_identifier(name))
    numbers = [column for column in cells if column not in ("row", "group", *words)]
    shown: dict[str, Any] = {
        column: head for column, head in heads.items() if column in [*numbers, *words]
    }
    table = table.tab_header(title, subtitle).tab_stubhead(heads["row"]).cols_label(shown)
    table = table.cols_align("right", numbers).cols_align("left", list(words))
    for note in filter(None, notes):
        table = table.tab_source_note(note)
    table = table.tab_options(
        table_font_size="0.9em",
        data_row_padding="4px",
        heading_title_font_size="1.05em",
        heading_subtitle_font_size="0.95em",
        source_notes_font_size="0.9em",
        table_border_top_style="none",
        table_body_hlines_style="none",
    )
    return table.opt_css(_CSS.replace("#ID", f"#{_identifier(name)}"))


def _identifier(name: str) -> str:
    return "table-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def estimates(table: pd.DataFrame, columns: Sequence[str], digits: int | None = None) -> list[str]:
    """Print estimates with their intervals, padded so that right-aligned decimals line up.

    Parameters
    ----------
    table : pandas.DataFrame
    columns : sequence of three str
        Estimate and the two ends of its interval.
    digits : int, optional
        Decimals; without it each row has those its interval supports, two at least.
    """
    rows = table[list(columns)].astype(float).to_numpy()
    cells = [
        estimate(x, low, high, _decimals(low, high) if digits is None else digits)
        for x, low, high in rows
    ]
    tails = [len(cell.partition("[")[2]) for cell in cells]
    # Two no-break spaces are about as wide as a digit, and are not dropped at the end of a line.
    longest = max(tails, default=0)
    return [
        cell + "\u00a0" * 2 * (longest - tail) if tail else cell
        for cell, tail in zip(cells, tails, strict=True)
    ]


def _decimals(low: float, high: float) -> int:
    """Decimals that an interval supports: those of its half-width's first digit."""
    half = (high - low) / 2
    return next((digits for digits in (2, 3) if half >= 10.0**-digits), 4) if half > 0 else 2


def about_sample(counts: Iterable[Any], study: Any) -> str:
    """Say whom the numbers of a table are about."""
    who = "as published" if study.from_moments else "respondents complete on every model column"
    return f"Sample: {who}, {sample(counts)}{f' {SIMULATED}' if study.is_simulated else ''}"
