"""One function reads every kind of data file, chosen by its suffix or address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from loyalty_analysis.addresses import KINDS, Address, address_of, address_problems
from loyalty_analysis.errors import DataError, InUseError, did_you_mean, raise_all
from loyalty_analysis.patience import in_use
from loyalty_analysis.raw_tables import Table
from loyalty_analysis.resources import files_in, seen

__all__ = ["Table", "read_file"]


def read_file(
    address: str | Path, folder: Path | None = None, columns: Sequence[str] | None = None
) -> Table:
    """Read a data file, a sheet, or a table or query of a database.

    Parameters
    ----------
    address : str or pathlib.Path
        A file (CSV, TSV, Excel, SPSS, Stata, Parquet, SQLite, DuckDB), with ``#sheet`` or
        ``#table`` where it holds several; ``sqlite:///file#table``, ``duckdb:///file#table``,
        ``postgresql://${PGUSER}:${PGPASSWORD}@host/database#table``; a query in the place of a
        table begins with ``select`` or ``with``.
    folder : pathlib.Path, optional
        Where relative files lie.
    columns : sequence of str, optional
        Columns to read where a format can read some alone and the file has all of them.

    Returns
    -------
    Table
        As stored: nothing recoded, nothing dropped.

    Raises
    ------
    DataError
        When it is missing, empty, damaged, of another kind, or repeats a column.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> table = read_file(load_study("rice_simulated").data_path)
    >>> table.frame.shape[0], table.labels
    (9000, {})
    """
    found = address_of(address, folder)
    raise_all(DataError, str(found), address_problems(str(address)))
    reader = _reader(found, columns)
    if reader is None:
        if found.file is not None and seen(found.file.is_dir):
            raise DataError(f"{found}: is a folder; name the data file in it.{_hint(found.file)}")
        raise DataError(
            f"{found}: files of kind '{found.kind}' are not read by this version; save it as "
            f"{', '.join(list(KINDS)[:-1])} or {list(KINDS)[-1]}."
        )
    return reader()


def _reader(found: Address, columns: Sequence[str] | None) -> Callable[[], Table] | None:
    """What reads a kind of file, imported when it is needed."""
    if found.kind == "postgresql":
        from loyalty_analysis.databases import read_postgresql

        return lambda: read_postgresql(found, columns)
    if found.file is None or found.kind not in KINDS.values():
        return None
    file = found.file
    _require_file(file)
    if found.kind == "text":
        from loyalty_analysis.text_files import read_text

        return lambda: read_text(file)
    if found.kind == "excel":
        from loyalty_analysis.workbooks import read_workbook

        return lambda: read_workbook(file, found.part)
    if found.kind in ("sqlite", "duckdb"):
        from loyalty_analysis.databases import read_duckdb, read_sqlite

        read = read_sqlite if found.kind == "sqlite" else read_duckdb
        return lambda: read(file, found.part, columns)
    from loyalty_analysis.stored_files import read_parquet, read_spss, read_stata

    by_kind = {"spss": read_spss, "stata": read_stata, "parquet": read_parquet}
    return lambda: by_kind[found.kind](file, columns)


def _hint(file: Path) -> str:
    """What to name instead of a file that is not there, or is a folder."""
    folder, wanted = (file, "") if seen(file.is_dir) else (file.parent, file.name)
    if seen(file.exists) and folder != file:
        return ""
    if not seen(folder.is_dir):
        return " Its folder is not there either."
    there = files_in(folder, KINDS)
    close = did_you_mean(wanted, there).removeprefix("Allowed: ")
    where = "" if close.startswith("Did") else "Data files there: "
    return f" {where}{close}" if there else " No data file is there."


def _require_file(file: Path) -> None:
    """Refuse what cannot be opened or holds nothing, whatever its suffix."""
    try:
        with file.open("rb") as stream:
            empty = not stream.read(1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file can have this name"
        kind = InUseError if in_use(error) else DataError
        raise kind(f"{file}: cannot be read: {reason}.{_hint(file)}") from None
    if empty:
        raise DataError(f"{file}: is empty. A header and one row per respondent belong there.")
