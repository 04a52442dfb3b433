"""Where alerts go, read from the environment. No message here holds a value: some are secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from loyalty_analysis.errors import InputError, raise_all

WEBHOOK, SMTP = "LOYALTY_WEBHOOK", "LOYALTY_SMTP"
MAIL_FROM, MAIL_TO = "LOYALTY_MAIL_FROM", "LOYALTY_MAIL_TO"
SETTINGS = (WEBHOOK, SMTP, MAIL_FROM, MAIL_TO)
_PORTS = {"smtp": 587, "smtps": 465}
_ADDRESS = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+", re.ASCII)
_SHORTEST, _TOKEN = 4, 12  # characters of a secret that texts are searched for; of a path's part


@dataclass(frozen=True)
class Mail:
    """A mail server, and between whom mail goes.

    Attributes
    ----------
    host, sender : str
    port : int
    encrypted : bool
        TLS from the start (``smtps``).
    recipients : tuple of str
    user, password : str
        Empty where the server asks for none; never shown.
    """

    host: str
    port: int
    encrypted: bool
    sender: str
    recipients: tuple[str, ...]
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Channels:
    """Where alerts go; nowhere, unless the environment says so.

    Attributes
    ----------
    webhook : str
        An address that takes JSON; it may hold a token, so that it is never shown.
    mail : Mail or None
    secrets : tuple of str
        Values that no message, page or file may hold.
    """

    webhook: str = field(default="", repr=False)
    mail: Mail | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)


def check_settings(environment: Mapping[str, str]) -> Channels:
    """Read where alerts go; to be called before a run, so that a slip does not surface after it.

    Parameters
    ----------
    environment : mapping of str to str
        ``os.environ``, or what stands for it: LOYALTY_WEBHOOK (http or https), LOYALTY_SMTP
        (``smtp://user:password@host:port``, or ``smtps`` for TLS from the start),
        LOYALTY_MAIL_FROM, LOYALTY_MAIL_TO (one address or several with commas).

    Returns
    -------
    Channels

    Raises
    ------
    InputError
        Naming the setting and what is wrong with it, never its value.

    Examples
    --------
    >>> check_settings({}) == Channels()
    True
    >>> check_settings({"LOYALTY_WEBHOOK": "https://example.org/hook"})
    Channels(mail=None)
    >>> check_settings({"LOYALTY_WEBHOOK": "example.org"})
    Traceback (most recent call last):
    loyalty_analysis.errors.InputError: environment: LOYALTY_WEBHOOK does not begin with one of \
http://, https://. Set it anew, or unset it.
    """
    given = {name: environment.get(name, "").strip() for name in SETTINGS}
    problems = [*_webhook_problems(given[WEBHOOK]), *_mail_problems(given)]
    raise_all(InputError, "environment", [f"{one} Set it anew, or unset it." for one in problems])
    mail = _mail(given) if given[SMTP] else None
    return Channels(given[WEBHOOK], mail, _secrets(given, mail))


def _webhook_problems(value: str) -> list[str]:
    if not value:
        return []
    problem = _address_problem(value, ("http", "https"))
    if not problem and "@" in urlsplit(value).netloc:
        problem = "holds a user name: a webhook takes none. Put its token into the path."
    return [f"{WEBHOOK} {problem}"] if problem else []


def _mail_problems(given: Mapping[str, str]) -> list[str]:
    others = [name for name in (MAIL_FROM, MAIL_TO) if given[name]]
    if not given[SMTP]:
        return [f"{name} is set but {SMTP} is not: no mail can be sent." for name in others]
    problem = _address_problem(given[SMTP], tuple(_PORTS)) or _login_problem(given[SMTP])
    found = [f"{SMTP} {problem}"] if problem else []
    for name in (MAIL_FROM, MAIL_TO):
        addresses = _addresses(given[name])
        if not addresses:
            found.append(f"{name} is not set, but {SMTP} is: mail needs both ends.")
        elif not all(map(_ADDRESS.fullmatch, addresses)):
            found.append(f"{name} holds something that is no mail address such as ann@example.org.")
        elif name == MAIL_FROM and len(addresses) > 1:
            found.append(f"{name} holds several addresses; mail has one sender.")
    return found


def _address_problem(value: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with an address, in words that do not quote it; empty where nothing is."""
    if not re.fullmatch(r"[!-~]+", value):
        return "holds a space or a character that must be percent-encoded (%20)."
    if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        return f"does not begin with one of {', '.join(f'{one}://' for one in schemes)}."
    try:
        parts = urlsplit(value)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return (
            "has a host or port that cannot be read; a port is a number from 1 to 65535, and "
            "/ ? # @ in a password must be percent-encoded (%2F %3F %23 %40)."
        )
    return "" if known else "names no host, or port 0."


def _login_problem(value: str) -> str:
    parts = urlsplit(value)
    user, password = _login(parts)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "goes on behind the port; percent-encode / ? # in a password (%2F %3F %23)."
    if bool(user) != bool(password):
        return "needs a user name and a password, or neither: smtp://user:password@host:port."
    if not f"{user}{password}".isascii():
        return "has a user name or password beyond ASCII, which cannot be sent."
    return ""


def _login(parts: SplitResult) -> tuple[str, str]:
    return unquote(parts.username or ""), unquote(parts.password or "")


def _addresses(value: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in value.split(",") if one.strip())


def _mail(given: Mapping[str, Any]) -> Mail:
    parts = urlsplit(given[SMTP])
    return Mail(
        parts.hostname or "",
        parts.port or _PORTS[parts.scheme],
        parts.scheme == "smtps",
        given[MAIL_FROM],
        _addresses(given[MAIL_TO]),
        *_login(parts),
    )


def _secrets(given: Mapping[str, str], mail: Mail | None) -> tuple[str, ...]:
    """Values to keep out of every text, the longest first."""
    webhook = urlsplit(given[WEBHOOK])
    tokens = [part for part in webhook.path.split("/") if len(part) >= _TOKEN]
    values = {given[WEBHOOK], webhook.query, *tokens, given[SMTP]}
    values |= {urlsplit(given[SMTP]).password or "", mail.password} if mail else set()
    return tuple(sorted((v for v in values if len(v) >= _SHORTEST), key=len, reverse=True))
