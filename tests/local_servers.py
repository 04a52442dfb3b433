"""A webhook and a mail server on this machine, as well behaved or as hostile as a test asks."""

from __future__ import annotations

import base64
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Hook(HTTPServer):
    """Keeps what is posted; answers with a status, late, never to its end, or drops the first."""

    def __init__(self, status: int = 204, delay: float = 0.0, drops: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Hooked)
        self.status, self.delay, self.drops = status, delay, drops
        self.received: list[tuple[str, bytes]] = []
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """Keep quiet about clients that left."""


class _Hooked(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.headers["Content-Type"], body))
        time.sleep(self.server.delay)
        if self.server.drops:
            self.server.drops -= 1
            self.connection.close()
            return
        self.send_response(self.server.status, self.path)  # echoes the secret path
        self.send_header("Location", f"{self.server.address}/elsewhere")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.received.append(("redirected", b""))

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class Post(socketserver.ThreadingTCPServer):
    """A mail server that asks for a login, as far as smtplib needs one."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, **behaviour: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.login = behaviour.get("login", ("ann", "s3cret/word"))
        self.delay, self.offers = behaviour.get("delay", 0.0), behaviour.get("offers", ())
        self.drops, self.refuses = behaviour.get("drops", 0), behaviour.get("refuses", ())
        self.mails: list[dict[str, Any]] = []
        self.port = self.server_address[1]

    def handle_error(self, *_: Any) -> None:
        """Keep quiet about clients that left."""


class _Posted(socketserver.StreamRequestHandler):
    server: Post

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        time.sleep(self.server.delay)
        if self.server.drops:
            self.server.drops -= 1
            return
        self.say("220 ready")
        mail: dict[str, Any] = {"to": [], "user": ""}
        while line := self.rfile.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                self.say("221 bye")
                return
            self.answer(verb.upper(), rest, mail)

    def answer(self, verb: str, rest: str, mail: dict[str, Any]) -> None:
        if verb == "EHLO":
            mail["greeting"] = rest
            for extension in ("local", *self.server.offers, "AUTH PLAIN"):
                self.say(f"250-{extension}")
            self.say("250 HELP")
        elif verb == "AUTH":
            _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
            known = (user, password) == self.server.login
            mail["user"] = user if known else ""
            self.say("235 welcome" if known else f"535 {password} is wrong")  # echoes the secret
        elif verb == "STARTTLS":
            self.say("220 go on")
            self.say("this is no TLS")
        elif verb == "RCPT":
            mail["to"].append(rest)
            bad = any(one in rest for one in self.server.refuses)
            self.say("550 nobody" if bad else "250 fine")
        elif verb == "DATA":
            self.say("354 go on")
            lines = iter(self.rfile.readline, b".\r\n")
            self.server.mails.append(mail | {"text": b"".join(lines).decode()})
            self.say("250 taken")
        else:
            self.say("250 fine" if mail["user"] or not self.server.login else "530 log in first")


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    """Serve in a thread for the length of a block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
