"""Handing an alert over: JSON to a webhook, mail through SMTP. What a server says is not repeated.

Errors say what happened in our own words: a server may echo an address or a password.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from loyalty_analysis.alert_settings import Mail
from loyalty_analysis.errors import printable

TIMEOUT = 10.0
"""Seconds to wait for an answer; a whole delivery may take four times that, and `_GRACE`."""
_PAUSE, _GRACE = 0.5, 10.0
_LOCAL = ("localhost", "127.0.0.1", "::1")


class DeliveryError(Exception):
    """An alert did not arrive; the text says why and holds no secret."""


class _LostError(DeliveryError):
    """A connection that was refused or lost: worth a second try."""


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would send the alert somewhere that nobody named."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""


def post(address: str, content: Mapping[str, Any], timeout: float = TIMEOUT) -> None:
    """Post JSON to a webhook.

    Parameters
    ----------
    address : str
    content : mapping
        Ready for JSON.
    timeout : float
        Seconds to wait for an answer.

    Raises
    ------
    DeliveryError
    """
    body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "loyalty_analysis"}
    request = Request(address, body, headers, method="POST")

    def once() -> None:
        try:
            with build_opener(_NoRedirects).open(request, timeout=timeout):
                return
        except HTTPError as error:
            error.close()
            raise DeliveryError(f"the server answered with status {error.code}") from None
        except (OSError, HTTPException) as error:
            cause = error.reason if isinstance(error, URLError) else error
            raise _described(cause) from None

    _tried(once, timeout)


def send(mail: Mail, subject: str, text: str, timeout: float = TIMEOUT) -> None:
    """Send a mail.

    Parameters
    ----------
    mail : Mail
    subject, text : str
    timeout : float
        Seconds to wait for each answer.

    Raises
    ------
    DeliveryError
    """
    message = written(mail, subject, text)

    def once() -> None:
        try:
            with _server(mail, timeout) as server:
                refused = server.send_message(message, mail.sender, list(mail.recipients))
        except (OSError, smtplib.SMTPException) as error:
            raise _described(error) from None
        if refused:
            raise DeliveryError(f"{len(refused)} of {len(mail.recipients)} recipients were refused")

    _tried(once, timeout)


def written(mail: Mail, subject: str, text: str) -> EmailMessage:
    """Write a mail: no line break gets into its subject, and it does not name this machine.

    Examples
    --------
    >>> mail = Mail("mail.example.org", 587, False, "reports@example.org", ("ann@example.org",))
    >>> print(written(mail, "Bank: the answer changed", "One verdict changed.")["To"])
    ann@example.org
    """
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, ", ".join(mail.recipients)
    message["Subject"] = " ".join(printable(" ".join(subject.split())).split())
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


@contextmanager
def _server(mail: Mail, timeout: float) -> Iterator[smtplib.SMTP]:
    """A server that is ready to take a mail; what it says to our good-bye does not matter."""
    trusted = ssl.create_default_context()
    # Greeted as localhost: the machine's own name is nobody's business.
    options: dict[str, Any] = {"local_hostname": "localhost", "timeout": timeout}
    server = (
        smtplib.SMTP_SSL(mail.host, mail.port, context=trusted, **options)
        if mail.encrypted
        else smtplib.SMTP(mail.host, mail.port, **options)
    )
    try:
        _log_in(server, mail, trusted)
        yield server
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
    finally:
        server.close()


def _log_in(server: smtplib.SMTP, mail: Mail, trusted: ssl.SSLContext) -> None:
    server.ehlo_or_helo_if_needed()
    encrypted = mail.encrypted
    if not encrypted and server.has_extn("starttls"):
        server.starttls(context=trusted)
        encrypted = True
    if mail.password:
        if not encrypted and mail.host not in _LOCAL:
            raise DeliveryError(
                "the server offers no encryption, so that the password was not sent; use smtps://"
            )
        server.login(mail.user, mail.password)


def _tried(once: Callable[[], None], timeout: float) -> None:
    """Try, and once more after a lost connection, with a deadline for all of it."""
    found: list[BaseException] = []

    def work() -> None:
        try:
            try:
                once()
            except _LostError:
                time.sleep(_PAUSE)
                once()
        except BaseException as error:
            found.append(error)

    # A server that sends a byte now and then outlasts the timeout of a socket.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(4 * timeout + _GRACE)
    if thread.is_alive():
        raise DeliveryError("the server did not finish in time")
    if found and isinstance(found[0], DeliveryError):
        raise found[0] from None
    if found:
        raise DeliveryError(f"an unexpected {type(found[0]).__name__}") from None


def _described(error: object) -> DeliveryError:
    """Say what went wrong in our own words."""
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, TimeoutError) or isinstance(
        getattr(error, "__context__", None), TimeoutError
    ):
        return DeliveryError("the server did not answer in time")
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return DeliveryError(words)
    if isinstance(error, smtplib.SMTPResponseException):
        return DeliveryError(f"the server answered with code {error.smtp_code}")
    if isinstance(error, _LOST):
        refused = isinstance(error, ConnectionRefusedError)
        return _LostError(f"the connection was {'refused' if refused else 'lost'}")
    return DeliveryError(f"no connection ({type(error).__name__})")


_LOST = (ConnectionError, smtplib.SMTPServerDisconnected)
_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (smtplib.SMTPAuthenticationError, "the server refused the user name or the password"),
    (smtplib.SMTPRecipientsRefused, "the server refused every recipient"),
    (smtplib.SMTPNotSupportedError, "the server offers no way to log in"),
    (ssl.SSLError, "no trusted encrypted connection could be made"),
    (socket.gaierror, "the name of the server is not known"),
)
