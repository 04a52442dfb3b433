"""Tables and queries of SQLite, DuckDB and PostgreSQL; databases are opened for reading only."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from loyalty_analysis.addresses import Address, resolved
from loyalty_analysis.errors import DataError, did_you_mean
from loyalty_analysis.patience import in_use
from loyalty_analysis.raw_tables import Table, collected, damaged, finished, module_of, only

_BLOCK = 10_000
_QUERY = re.compile(r"^\s*(?:select|with)\b", re.IGNORECASE)
_SECONDS = 10
"""How long a server may take to answer at all."""


def read_sqlite(path: Path, part: str, columns: Sequence[str] | None = None) -> Table:
    """Read a table or query of an SQLite file.

    Parameters
    ----------
    path : pathlib.Path
    part : str
        Table, or a query; needed when there are several tables.
    columns : sequence of str, optional
        Columns to read of a table that has them all.
    """
    alchemy = module_of("sqlalchemy", "sql", f"{path}: databases")
    uri = f"file:{quote(str(path.resolve()))}?mode=ro"
    engine = alchemy.create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True))
    try:
        return _through(engine, part, str(path), columns)
    except alchemy.exc.SQLAlchemyError as error:
        raise _refused(path, part, "an SQLite database", _original(error)) from None
    except sqlite3.Error as error:
        raise damaged(path, "an SQLite database", error) from None


def read_postgresql(address: Address, columns: Sequence[str] | None = None) -> Table:
    """Read a table or query of a PostgreSQL server.

    Parameters
    ----------
    address : Address
        Its user name and password are names of environment variables.
    columns : sequence of str, optional
        Columns to read of a table that has them all.
    """
    alchemy = module_of("sqlalchemy", "sql", f"{address}: databases")
    module_of("psycopg", "sql", f"{address}: PostgreSQL servers")
    try:
        url, values = _url(alchemy, address)
    except ValueError:
        raise DataError(f"{address}: host and port cannot be read. Correct them.") from None
    engine = alchemy.create_engine(
        url,
        poolclass=alchemy.pool.NullPool,
        hide_parameters=True,
        isolation_level="REPEATABLE READ",
    )
    try:
        return _through(engine, address.part, str(address), columns, postgresql_readonly=True)
    except alchemy.exc.SQLAlchemyError as error:
        reason = _unnamed(str(_original(error)), values)
        if not isinstance(error, alchemy.exc.OperationalError):
            raise DataError(
                f"{address}: the server refuses what is asked for: {reason}. Correct the table or "
                "query behind '#'."
            ) from None
        raise DataError(
            f"{address}: cannot be read: {reason}. Check host, database and credentials, and that "
            "the server answers."
        ) from None


def read_duckdb(path: Path, part: str, columns: Sequence[str] | None = None) -> Table:
    """Read a table or query of a DuckDB file; a query can reach no other file.

    Parameters
    ----------
    path : pathlib.Path
    part : str
        Table, or a query; needed when there are several tables.
    columns : sequence of str, optional
        Columns to read of a table that has them all.
    """
    duckdb = module_of("duckdb", "sql", f"{path}: DuckDB files")
    options = {"enable_external_access": "false", "autoinstall_known_extensions": "false"}
    known = (
        "select table_schema, table_name from information_schema.tables "
        "order by table_schema != 'main', table_name"
    )
    try:
        with closing(duckdb.connect(str(path), read_only=True, config=options)) as database:
            tables = {
                name if schema == "main" else f"{schema}.{name}": _name(schema, name, _quoted)
                for schema, name in database.execute(known).fetchall()
            }
            query = _query(part, tables, str(path))
            names = [
                column[0]
                for column in database.execute(f"select * from ({query}) limit 0").description
            ]
            chosen = None if _QUERY.match(part) else only(names, columns)
            cursor = database.execute(_narrowed(query, chosen, _quoted))
            frame = collected(chosen or names, _fetched(cursor), str(path))
    except duckdb.Error as error:
        raise _refused(path, part, "a DuckDB database", error) from None
    return finished(frame, _where(str(path), part), columns=tuple(names))


def _through(
    engine: Any, part: str, where: str, columns: Sequence[str] | None, **options: Any
) -> Table:
    """Read through SQLAlchemy, a block of rows at a time."""
    from sqlalchemy import inspect

    def quoted(name: str) -> str:
        return str(engine.dialect.identifier_preparer.quote_identifier(name))

    with engine.connect().execution_options(**options) as database:
        known = inspect(database)
        schema, point, _ = part.partition(".")
        others = [schema] if point and not _QUERY.match(part) else []
        tables = {
            f"{schema}.{name}" if schema else name: _name(schema, name, quoted)
            for schema in (*others, None)
            for name in (*known.get_table_names(schema), *known.get_view_names(schema))
        }
        query = _query(part, tables, where)
        sent = database.execution_options(no_parameters=True, stream_results=True)
        empty = sent.exec_driver_sql(f"select * from ({query}) as asked limit 0")
        names = list(empty.keys())
        chosen = None if _QUERY.match(part) else only(names, columns)
        found = sent.exec_driver_sql(_narrowed(query, chosen, quoted))
        frame = collected(chosen or names, _fetched(found), where)
    return finished(frame, _where(where, part), columns=tuple(names))


def _query(part: str, tables: dict[str, str], where: str) -> str:
    """The query asked for, or all of the table asked for; tables by name as SQL writes them."""
    if _QUERY.match(part):
        query = part.strip().removesuffix(";")
        if ";" in query:
            raise DataError(f"{where}: one query is read, and ';' ends it. Write one.")
        return query
    if not part and len(tables) == 1:
        [part] = tables
    if part in tables:
        return f"select * from {tables[part]}"
    listed = ", ".join(f"'{name}'" for name in list(tables)[:20])
    found = f"holds no table '{part}'. {did_you_mean(part, tables)}" if part else (
        f"holds {len(tables)} tables: {listed}." if tables else "holds no table."
    )  # fmt: skip
    raise DataError(
        f"{where}: {found} Name a table behind '#', or write a query there that begins with select."
    )


def _refused(path: Path, part: str, kind: str, error: Exception) -> DataError:
    """A query that cannot be answered, or a file that is no database."""
    said = str(error)
    if in_use(error) or not _QUERY.match(part) or "not a database" in said or "not a valid" in said:
        return damaged(path, kind, error)
    reason = said.strip().splitlines()[0][:200].rstrip(". ")
    return DataError(f"{path}: the query behind '#' has no answer: {reason}. Correct it.")


def _name(schema: str | None, name: str, quoted: Callable[[str], str]) -> str:
    return f"{quoted(schema)}.{quoted(name)}" if schema else quoted(name)


def _narrowed(query: str, columns: Sequence[str] | None, quoted: Callable[[str], str]) -> str:
    if columns is None:
        return query
    return query.replace("*", ", ".join(map(quoted, columns)), 1)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _fetched(result: Any) -> Iterator[Sequence[object]]:
    while rows := result.fetchmany(_BLOCK):
        yield from map(tuple, rows)


def _where(where: str, part: str) -> str:
    return where if "#" in where or not part else f"{where}#{part}"


def _url(alchemy: Any, address: Address) -> tuple[Any, dict[str, str]]:
    """The address of a server as SQLAlchemy wants it: values never become part of a text."""
    place = address.text.partition("#")[0]
    parts = urlsplit(place)

    def filled(text: str) -> str | None:
        return resolved(unquote(text))[0] or None

    names, _, server = parts.netloc.rpartition("@")
    user, _, password = names.partition(":")
    host = urlsplit(f"//{filled(server) or ''}")
    options = {key: str(filled(value)) for key, value in parse_qsl(parts.query)}
    options.setdefault("connect_timeout", str(_SECONDS))
    url = alchemy.engine.URL.create(
        "postgresql+psycopg", filled(user), filled(password), host.hostname, host.port,
        filled(parts.path.strip("/")), options,
    )  # fmt: skip
    return url, resolved(place)[1]


def _original(error: Any) -> Exception:
    return getattr(error, "orig", None) or error


def _unnamed(reason: str, values: dict[str, str]) -> str:
    """The first line of a reason without the values of environment variables."""
    line = (reason.strip() or "no reason given").splitlines()[0][:300].rstrip(". ")
    for name, value in values.items():
        if value and value in line:
            if len(value) < 3:
                return "the server refused"
            line = line.replace(value, f"${{{name}}}")
    return line
