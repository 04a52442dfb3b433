"""Where data lie: a file, a sheet of a workbook, a table or query of a database.

``survey.csv``, ``survey.xlsx#Sheet2``, ``sqlite:///survey.db#answers``,
``postgresql://${PGUSER}:${PGPASSWORD}@host/shop#select * from answers where wave = 2``: what
follows ``#`` names a sheet, a table or a query. Credentials stand in the environment only.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from loyalty_analysis.errors import DataError

KINDS = {
    ".csv": "text", ".tsv": "text", ".tab": "text", ".xlsx": "excel", ".xlsm": "excel",
    ".sav": "spss", ".zsav": "spss", ".dta": "stata", ".parquet": "parquet", ".pq": "parquet",
    ".sqlite": "sqlite", ".sqlite3": "sqlite", ".db": "sqlite", ".duckdb": "duckdb",
}  # fmt: skip
"""How a file is read, by its suffix."""
_PARTED = ("excel", "sqlite", "duckdb")
_SERVERS = ("postgresql", "postgres", "postgresql+psycopg")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+]*):/{2}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout")


@dataclass(frozen=True)
class Address:
    """Where data lie, as it may be shown: without the values of environment variables.

    Attributes
    ----------
    kind : str
        How it is read: a value of :data:`KINDS`, ``"postgresql"``, or the suffix of another file.
    file : pathlib.Path or None
        The file, or None for a server.
    part : str
        Sheet, table or query; empty where none is named.
    text : str
        The address as written, for messages and manifests.
    """

    kind: str
    file: Path | None
    part: str
    text: str

    def __str__(self) -> str:
        """The file where there is one, else the address."""
        return self.text if self.file is None else f"{self.file}{self.tail}"

    @property
    def tail(self) -> str:
        """The part as it is written behind an address."""
        return f"#{self.part}" if self.part else ""

    @property
    def name(self) -> str:
        """What manifests call the data: nothing of the machine."""
        return self.text if self.file is None else f"{self.file.name}{self.tail}"


def address_of(data: str | Path, folder: Path | None = None) -> Address:
    """Read an address; relative files lie in the folder.

    Examples
    --------
    >>> found = address_of("survey.xlsx#Wave 2", Path("study"))
    >>> found.kind, found.file.as_posix(), found.part
    ('excel', 'study/survey.xlsx', 'Wave 2')
    >>> address_of("sqlite:///survey.db#answers").file
    PosixPath('survey.db')
    >>> str(address_of("postgresql://${PGUSER}@db.example.org/shop#answers"))
    'postgresql://${PGUSER}@db.example.org/shop#answers'
    """
    text = str(data)
    place, _, part = text.partition("#")
    scheme = _SCHEME.match(place)
    if scheme and scheme[1].lower() in _SERVERS:
        return Address("postgresql", None, part.strip(), _masked(text))
    if scheme and scheme[1].lower() in ("sqlite", "duckdb"):
        file = re.sub(r"^\w+:/{2}/?", "", place)
        return Address(scheme[1].lower(), _below(folder, file), part.strip(), text)
    if scheme:
        return Address(scheme[1].lower(), None, part.strip(), _masked(text))
    kind = KINDS.get(Path(place).suffix.lower(), "")
    if kind in _PARTED:
        return Address(kind, _below(folder, place), part.strip(), text)
    suffix = Path(text).suffix
    return Address(KINDS.get(suffix.lower(), suffix), _below(folder, text), "", text)


def absolute(data: str | Path) -> str:
    """Write an address so that it holds in every folder.

    Examples
    --------
    >>> absolute("postgresql://${PGUSER}@localhost/shop#answers")
    'postgresql://${PGUSER}@localhost/shop#answers'
    """
    found = address_of(data)
    if found.file is None:
        return str(data)
    scheme = _SCHEME.match(str(data))
    return f"{f'{found.kind}:///' if scheme else ''}{found.file.resolve()}{found.tail}"


def address_problems(data: str) -> list[str]:
    """What an address may not hold; no problem repeats what could be a password.

    Examples
    --------
    >>> print(address_problems("postgresql://ann:secret@localhost/shop#answers")[0])
    data: the address holds a user name or password. Name environment variables in their place, as
    in postgresql://${PGUSER}:${PGPASSWORD}@host/database#table, and set them where you run this.
    """
    place, _, _ = str(data).partition("#")
    scheme = _SCHEME.match(place)
    if not scheme:
        return []
    if scheme[1].lower() not in (*_SERVERS, "sqlite", "duckdb"):
        return [
            f"data: addresses that begin with '{scheme[1]}://' are not read. Allowed: a file, "
            "sqlite:///file#table, duckdb:///file#table, postgresql://host/database#table."
        ]
    if scheme[1].lower() not in _SERVERS:
        return []
    if _secrets(place):
        return [
            "data: the address holds a user name or password. Name environment variables in their "
            "place, as in postgresql://${PGUSER}:${PGPASSWORD}@host/database#table, and set them "
            "where you run this."
        ]
    try:
        parts = urlsplit(place)
        options = parse_qsl(parts.query)
        if not _VARIABLE.search(parts.netloc.rpartition("@")[2]):
            _ = parts.port  # raises where it is no number
    except ValueError:
        return ["data: the address cannot be read. Write postgresql://host:port/database#table."]
    if not parts.path.strip("/"):
        return ["data: the address names no database. Write postgresql://host/database#table."]
    odd = [key for key, _ in options if key not in _OPTIONS]
    return [
        f"data: '{key}' is no option of an address. Allowed behind '?': {', '.join(_OPTIONS)}; "
        "name a table or query behind '#'."
        for key in odd[:1]
    ]


def resolved(text: str) -> tuple[str, dict[str, str]]:
    """Put values of environment variables in; and the values by name, to be kept out of messages.

    Examples
    --------
    >>> resolved("${NO_SUCH_VARIABLE}")
    Traceback (most recent call last):
        ...
    loyalty_analysis.errors.DataError: data: the address names the environment variable
    NO_SUCH_VARIABLE, which is not set. Set it where you run this.
    """
    values: dict[str, str] = {}
    for name in dict.fromkeys(_VARIABLE.findall(text)):
        if name not in os.environ:
            raise DataError(
                f"data: the address names the environment variable {name}, which is not set. Set "
                "it where you run this."
            )
        values[name] = os.environ[name]
    return _VARIABLE.sub(lambda found: values[found[1]], text), values


def _below(folder: Path | None, file: str) -> Path:
    return Path(file) if folder is None else folder / file


def _secrets(place: str) -> bool:
    """Whether a user name or password is written out."""
    before, at, _ = place.partition("://")[2].rpartition("@")
    return bool(at) and any(
        part and not _VARIABLE.fullmatch(part) for part in before.split(":", maxsplit=1)
    )


def _masked(text: str) -> str:
    """An address that may be shown: what could be a password is not."""
    if not _secrets(text.partition("#")[0]):
        return text
    scheme, _, rest = text.partition("://")
    return f"{scheme}://***@{rest.rpartition('@')[2]}"
