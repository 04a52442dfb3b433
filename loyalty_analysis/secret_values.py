"""Secrets of a run by name, the ways in which a value can be written, and where one stands.

A secret is an environment variable: what a data address refers to, what PostgreSQL's own library
reads, how alerts are sent, and whatever ``LOYALTY_SECRETS`` names. No sentence repeats a value.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, urlsplit

from loyalty_analysis.resources import PACKAGE, shipped
from loyalty_analysis.study import Study

NAMED = "LOYALTY_SECRETS"
"""The variable that names further secrets, separated by commas."""
ALWAYS = ("LOYALTY_WEBHOOK", "LOYALTY_SMTP", "PGPASSWORD")
SHORTEST, SHORTEST_NUMBER, UNMISTAKABLE = 4, 6, 8
"""Shorter values, and shorter numbers, stand everywhere; longer ones are found inside words too."""
_FORMS = ("as it is", "in an address", "in HTML", "in JSON", "in base64", "in Python")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WORD = re.compile(r"[^\W\d_]+")


def registered_secrets(study: Study | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Collect the secrets of a run: names of environment variables and their values.

    Parameters
    ----------
    study : Study or None
        Whose data address may refer to variables.
    environment : mapping of str to str
        Usually ``os.environ``.

    Returns
    -------
    dict of str to str
        Values by name; what an address inside a value holds has a name of its own. Variables that
        are not set, or empty, are left out.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> found = {"LOYALTY_SMTP": "smtp://ann:pass%20word@mail.example.org", "HOME": "/home/ann"}
    >>> registered_secrets(load_study("bank_customers"), found)["the password in LOYALTY_SMTP"]
    'pass word'
    """
    listed = [name.strip() for name in environment.get(NAMED, "").split(",")]
    names = dict.fromkeys([*_VARIABLE.findall(study.data if study else ""), *ALWAYS, *listed])
    found = {name: environment[name].strip() for name in names if environment.get(name, "").strip()}
    for name, value in tuple(found.items()):
        found |= _inside(name, value)
    return found


def _inside(name: str, value: str) -> dict[str, str]:
    """The parts of an address that give access: its password, a long last part of a path."""
    try:
        parts = urlsplit(value)
        password = parts.password or ""
    except ValueError:
        return {}
    token = parts.path.rstrip("/").rpartition("/")[2] if parts.scheme.startswith("http") else ""
    found = {"password": unquote(password), "written password": password, "path": token}
    if password == unquote(password):
        del found["written password"]
    least = {"path": 2 * UNMISTAKABLE}
    return {f"the {part} in {name}": text for part, text in found.items()
            if len(text) >= least.get(part, 1)}  # fmt: skip


def weak_secrets(secrets: Mapping[str, str], study: Study) -> list[str]:
    """Say which secrets cannot be told from what every page holds; these are not searched for.

    Returns
    -------
    list of str
        One sentence for each: warnings for the person who chose the value.

    Examples
    --------
    >>> from loyalty_analysis.study import load_study
    >>> values = {"PGUSER": "me", "PGPASSWORD": "gk7-Lq29"}
    >>> print(*weak_secrets(values, load_study("rice_simulated")))
    PGUSER: the value is too short or too common to be searched for in what is published (shorter
    than 4 characters, a number of fewer than 6 digits, or a word of the study or the notebooks). If
    it is a secret, choose a longer one.
    """
    return [
        f"{name}: the value is too short or too common to be searched for in what is published "
        f"(shorter than {SHORTEST} characters, a number of fewer than {SHORTEST_NUMBER} digits, or "
        "a word of the study or the notebooks). If it is a secret, choose a longer one."
        for name, value in secrets.items()
        if _is_weak(value, study)
    ]


def sought(secrets: Mapping[str, str], study: Study | None) -> dict[str, str]:
    """Keep the secrets that can be searched for.

    Examples
    --------
    >>> sought({"a": "x", "b": "gk7-Lq29"}, None)
    {'b': 'gk7-Lq29'}
    """
    return {name: value for name, value in secrets.items() if not _is_weak(value, study)}


def _is_weak(value: str, study: Study | None) -> bool:
    if len(value) < (SHORTEST_NUMBER if value.isdigit() else SHORTEST):
        return True
    words = common_words() | (_words(study_texts(study)) if study else frozenset())
    return value in words or value.lower() in words


@lru_cache(maxsize=256)
def forms(value: str) -> dict[str, str]:
    """The ways in which a value can stand in a text, each with a word for it.

    Examples
    --------
    >>> found = forms("a&b")
    >>> found["a%26b"], found["a&amp;b"], found["a&#38;b"]
    ('in an address', 'in HTML', 'in HTML')
    """
    numbered = "".join(c if c.isalnum() else f"&#{ord(c)};" for c in value)
    hexed = "".join(c if c.isalnum() else f"&#x{ord(c):x};" for c in value)
    written = json.dumps(value)[1:-1]
    addresses = {quote(value), quote(value, safe=""), quote_plus(value)}
    ways = {
        _FORMS[0]: [value],
        _FORMS[1]: [*sorted(addresses), *sorted(re.sub(r"%..", lambda m: m[0].lower(), one)
                                                for one in addresses)],
        _FORMS[2]: [html.escape(value), html.escape(value, quote=False), numbered, hexed,
                    html.escape(value).replace("&#x27;", "&#39;")],
        _FORMS[3]: [written, json.dumps(value, ensure_ascii=False)[1:-1],
                    json.dumps(written)[1:-1]],
        _FORMS[5]: [repr(value)[1:-1], repr(repr(value)[1:-1])[1:-1]],
    }  # fmt: skip
    found: dict[str, str] = {}
    for way, texts in ways.items():
        for text in texts:
            found.setdefault(text, way)
    return found


@lru_cache(maxsize=256)
def base64_forms(value: str) -> list[str]:
    """What base64 makes of a value wherever it begins: the part that neighbours do not change.

    Examples
    --------
    >>> coded = base64.b64encode(b"ann:correct horse").decode()
    >>> [one for one in base64_forms("correct horse") if one in coded]
    ['NvcnJlY3QgaG9y']
    """
    raw, found = value.encode(), []
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = (before + len(raw)) // 3 * 4
        found.append(coded[(0, 2, 3)[before] : whole])
    plain = [one for one in found if len(one) >= UNMISTAKABLE]
    return list(dict.fromkeys([*plain, *(one.translate(_URL_SAFE) for one in plain)]))


_URL_SAFE = str.maketrans("+/", "-_")


def position_of(value: str, text: str) -> tuple[int, str] | None:
    """Where a value stands in a text, and how it is written; None where it does not.

    Examples
    --------
    >>> position_of("gk7&Lq", "user=ann gk7&amp;Lq"), position_of("tiny", "destiny")
    ((9, 'in HTML'), None)
    """
    for form, way in forms(value).items():
        place = _index(form, text, whole=len(value) < UNMISTAKABLE)
        if place >= 0:
            return place, way
    places = [text.find(one) for one in base64_forms(value)]
    return next(((place, _FORMS[4]) for place in places if place >= 0), None)


def _index(form: str, text: str, whole: bool) -> int:
    """Position of a form; short ones count only where they are no part of a longer word."""
    place = text.find(form)
    while whole and place >= 0 and _inside_word(form, text, place):
        place = text.find(form, place + 1)
    return place


def _inside_word(form: str, text: str, place: int) -> bool:
    end = place + len(form)
    before, after = text[max(place - 1, 0) : place], text[end : end + 1]
    return (before.isalnum() and form[0].isalnum()) or (after.isalnum() and form[-1].isalnum())


def study_texts(study: Study) -> list[str]:
    """What a study and its claims say themselves: nobody's secret."""
    files = [study.path, *(study.path.parent / name for name in study.claims)]
    return [text for file in files if (text := _text(file))]


@cache
def shipped_texts() -> tuple[str, ...]:
    """Texts of the package that every page may repeat: notebooks, claims, templates."""
    folders = (shipped("notebooks"), shipped("data") / "claims", PACKAGE / "templates")
    files = [file for folder in folders for file in sorted(folder.iterdir())]
    return tuple(text for file in files if (text := _text(file)))


@cache
def common_words() -> frozenset[str]:
    """Words of the shipped texts."""
    return _words(shipped_texts())


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORD.findall(text))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    except OSError:
        return ""
