"""The same respondents in every format that is read, and files that are no longer sound."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from factory import answers

CODES: dict[str, dict[int | float, str]] = {
    "sector": {1: "goods", 2: "services"},
    "gender": {1: "female", 2: "male", 3: "other"},
}
QUESTION = {"aff1": "I feel attached to this company.", "search": "I look at other offers."}
TABLE = "loyalty_answers"


def respondents() -> pd.DataFrame:
    """Answers with gaps, codes of no answer, ids with leading zeros, a weight with decimals."""
    frame = answers()
    frame["id"] = [f"{number:04d}" for number in frame["id"]]
    frame["aff1"] = frame["aff1"].astype(float)
    frame.loc[[3, 50], "aff1"] = np.nan
    frame.loc[[5, 60], "nor2"] = -99
    return frame


def coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as the codes that SPSS and Stata keep."""
    return frame.assign(
        **{
            name: frame[name].map({text: code for code, text in labels.items()})
            for name, labels in CODES.items()
        }
    )


def _csv(frame: pd.DataFrame, path: Path) -> str:
    frame.to_csv(path / "survey.csv", index=False)
    return "survey.csv"


def _european(frame: pd.DataFrame, path: Path) -> str:
    frame.to_csv(path / "survey.tsv", index=False, sep=";", decimal=",")
    return "survey.tsv"


def _tabs(frame: pd.DataFrame, path: Path) -> str:
    frame.to_csv(path / "tabs.tsv", index=False, sep="\t", decimal=",", encoding="utf-16")
    return "tabs.tsv"


def _old_windows(frame: pd.DataFrame, path: Path) -> str:
    named = frame.assign(note="süß")
    named.to_csv(path / "old.csv", index=False, sep="|", encoding="cp1252")
    return "old.csv"


def _qualtrics(frame: pd.DataFrame, path: Path) -> str:
    """Names, questions (with a line break), import ids; columns of Qualtrics' own."""
    out = frame.assign(StartDate="2026-03-01 10:00:00", Finished="True")
    texts = [QUESTION.get(name, f"Question about\n{name}") for name in out]
    imports = [json.dumps({"ImportId": f"QID{number}"}) for number in range(out.shape[1])]
    rows = [out.columns.tolist(), texts, imports, *out.astype(object).to_numpy().tolist()]
    pd.DataFrame(rows).to_csv(path / "qualtrics.csv", index=False, header=False)
    return "qualtrics.csv"


def _excel(frame: pd.DataFrame, path: Path) -> str:
    with pd.ExcelWriter(path / "survey.xlsx") as book:
        pd.DataFrame({"about": ["a code book"]}).to_excel(book, sheet_name="Codes", index=False)
        frame.to_excel(book, sheet_name="Wave 1", index=False)
    return "survey.xlsx#Wave 1"


def _spss(frame: pd.DataFrame, path: Path) -> str:
    import pyreadstat

    labels = QUESTION | {"usability": "Ease of use"}
    pyreadstat.write_sav(
        coded(frame), path / "survey.sav", column_labels=list(map(labels.get, frame)),
        variable_value_labels=CODES,
        missing_ranges={"nor2": [-99]} if frame["nor2"].dtype.kind in "if" else {},
    )  # fmt: skip
    return "survey.sav"


def _stata(frame: pd.DataFrame, path: Path) -> str:
    import pyreadstat

    pyreadstat.write_dta(coded(frame), path / "survey.dta", variable_value_labels=CODES)
    return "survey.dta"


def _parquet(frame: pd.DataFrame, path: Path) -> str:
    frame.astype({"gender": "category"}).to_parquet(path / "survey.parquet")
    return "survey.parquet"


def _sqlite(frame: pd.DataFrame, path: Path) -> str:
    with closing(sqlite3.connect(path / "survey.db")) as database:
        frame.to_sql(TABLE, database, index=False)
        database.execute("create table other (x)")
        database.commit()
    return f"sqlite:///survey.db#{TABLE}"


def _duckdb(frame: pd.DataFrame, path: Path) -> str:
    import duckdb

    with closing(duckdb.connect(str(path / "survey.duckdb"))) as database:
        database.register("given", frame)
        database.execute(f"create table {TABLE} as select * from given")
    return f"survey.duckdb#select * from {TABLE} where id is not null"


FORMATS: dict[str, Callable[[pd.DataFrame, Path], str]] = {
    "csv": _csv,
    "semicolons and decimal commas": _european,
    "tabs in UTF-16": _tabs,
    "vertical bars in Windows-1252": _old_windows,
    "qualtrics": _qualtrics,
    "excel": _excel,
    "spss": _spss,
    "stata": _stata,
    "parquet": _parquet,
    "sqlite": _sqlite,
    "duckdb": _duckdb,
}
"""Each writes respondents into a folder and returns the address to read them from."""


def to_server(frame: pd.DataFrame, server: str) -> str:
    """Write respondents to the server that LOYALTY_POSTGRES names; the address of their table."""
    import psycopg

    kinds = {"i": "bigint", "f": "double precision"}
    columns = ", ".join(
        f'"{name}" {kinds.get(values.dtype.kind, "text")}' for name, values in frame.items()
    )
    with psycopg.connect(os.path.expandvars(server)) as database, database.cursor() as cursor:
        cursor.execute("create sequence if not exists loyalty_numbers")
        cursor.execute(f"drop table if exists {TABLE}")
        cursor.execute(f"create table {TABLE} ({columns})")
        with cursor.copy(f"copy {TABLE} from stdin") as copy:
            for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False):
                copy.write_row(row)
    return f"{server}#{TABLE}"


# Files that are no longer sound


def mutilated(sound: dict[str, bytes]) -> Iterator[tuple[str, str, bytes | None]]:
    """A name for the test, a file name and its bytes (None for a folder), made by rule.

    Parameters
    ----------
    sound : dict
        Bytes of a sound file, by suffix.
    """
    suffixes = list(sound)
    for number, suffix in enumerate(suffixes):
        content = sound[suffix]
        for share in (5, 30, 50, 75, 95):
            yield f"{suffix} cut at {share}%", f"s{suffix}", content[: len(content) * share // 100]
        yield f"{suffix} without its last byte", f"s{suffix}", content[:-1]
        for place, junk in (("head", b"\xff" * 32), ("middle", b"\0" * 64), ("tail", b"\xfe" * 32)):
            start = {"head": 0, "middle": len(content) // 2, "tail": len(content) - 32}[place]
            yield (
                f"{suffix} overwritten at its {place}", f"s{suffix}",
                content[:start] + junk + content[start + len(junk) :],
            )  # fmt: skip
        for step in (1, 3):
            other = suffixes[(number + step) % len(suffixes)]
            yield f"{other} called {suffix}", f"s{suffix}", sound[other]
        yield f"{suffix} empty", f"s{suffix}", b""
        yield f"{suffix} a folder", f"s{suffix}", None
    yield from _texts(sound[".csv"].decode())
    yield from _workbooks()


def _texts(text: str) -> Iterator[tuple[str, str, bytes]]:
    head, _, body = text.partition("\n")
    rows = body.splitlines()
    wide = ",".join([head, *(f"x{number}" for number in range(30_000))])
    changed = {
        "letters of Windows": text.replace("goods", "güter").encode("cp1252"),
        "UTF-16 without its mark": text.encode("utf-16-le"),
        "two encodings": (text + "süß").encode() + b"\xfc\xdf",
        "duplicate headers": text.replace("aff1", "aff2", 1).encode(),
        "zero rows": f"{head}\n".encode(),
        "no header": body.encode(),
        "blank lines": b"\n" * 5000,
        "thirty thousand columns": f"{wide}\n{rows[0]}\n".encode(),
        "one line without end": b"x" * 5_000_000,
        "formula injection": text.replace(rows[0], "=cmd|' /C calc'!A0" + rows[0][4:]).encode(),
        "formulas among answers": "\n".join([head, *(",".join(
            ["=1+1" if at == 1 else cell for at, cell in enumerate(row.split(","))]
        ) for row in rows)]).encode(),
        "dates as numbers": _column(text, 1, "45352"),
        "dates as texts": _column(text, 1, "2026-03-01"),
        "a quote that never closes": text.replace(rows[3], '"' + rows[3], 1).encode(),
        "longer rows": "\n".join([head, *(f"{row},1,2" for row in rows)]).encode(),
    }  # fmt: skip
    for name, content in changed.items():
        yield f".csv {name}", "t.csv", content


def _column(text: str, number: int, cell: str) -> bytes:
    head, *rows = (line.split(",") for line in text.splitlines())
    for row in rows:
        row[number] = cell
    return "\n".join(map(",".join, [head, *rows])).encode()


def _workbooks() -> Iterator[tuple[str, str, bytes]]:
    for edit in (_merge, _formula, _repeat, _no_rows, _two_sheets, _dates, _inject, _beyond):
        yield f".xlsx {edit.__name__[1:]}", "t.xlsx", workbook(edit)
    yield ".xlsx bomb", "t.xlsx", bomb()
    yield ".xlsx locked", "t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512
    with BytesIO() as target:
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("a.txt", "x")
        yield ".xlsx another zip", "t.xlsx", target.getvalue()


def workbook(edit: Callable[[Any, Any], object]) -> bytes:
    """A workbook of the respondents with one thing done to it."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    frame = respondents()
    for row in [frame.columns, *frame.astype(object).where(frame.notna(), None).to_numpy()]:
        sheet.append(list(row))
    edit(book, sheet)
    with BytesIO() as target:
        book.save(target)
        return target.getvalue()


def _merge(book: Any, sheet: Any) -> None:
    sheet.merge_cells("B2:B5")


def _formula(book: Any, sheet: Any) -> None:
    sheet["B2"] = "=C2+1"


def _repeat(book: Any, sheet: Any) -> None:
    sheet["C1"] = sheet["B1"].value


def _no_rows(book: Any, sheet: Any) -> None:
    sheet.delete_rows(2, sheet.max_row)


def _two_sheets(book: Any, sheet: Any) -> None:
    book.copy_worksheet(sheet)


def _dates(book: Any, sheet: Any) -> None:
    for row in range(2, 20):
        sheet[f"B{row}"].number_format = "yyyy-mm-dd"


def _inject(book: Any, sheet: Any) -> None:
    for row in range(2, 20):
        sheet[f"B{row}"].value = "=cmd|' /C calc'!A0"
        sheet[f"B{row}"].data_type = "s"


def _beyond(book: Any, sheet: Any) -> None:
    sheet.cell(row=7, column=200, value="a remark")


def bomb() -> bytes:
    """A workbook whose texts unpack to more than the memory should hold."""
    sound = workbook(lambda book, sheet: None)
    with BytesIO() as target:
        with (
            zipfile.ZipFile(BytesIO(sound)) as old,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
        ):
            for part in old.infolist():
                if part.filename != "xl/sharedStrings.xml":
                    new.writestr(part, old.read(part))
            with new.open("xl/sharedStrings.xml", "w", force_zip64=True) as stream:
                for _ in range(600):
                    stream.write(b" " * 2**20)
        return target.getvalue()
