"""Alerts: who is told, when, of what; and that no secret is ever in a message."""

from __future__ import annotations

import json
import socket
import threading
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import pytest
from local_servers import Hook, Post, serving
from run_folders import run_folder

from loyalty_analysis.alerts import alert, alert_content, check_settings
from loyalty_analysis.comparison import answer_changes
from loyalty_analysis.delivery import post
from loyalty_analysis.errors import InputError, RunError
from loyalty_analysis.manifest import write_json

TOKEN, PASSWORD = "T0kenT0kenT0ken", "s3cret/word"
LOGIN = "ann:s3cret%2Fword"
QUICK = 1.0
FAILED = {"answer_changed": False}


@pytest.fixture(autouse=True)
def _without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def changed(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A run of the study ``bank`` whose answer differs from that of the run before."""
    home = tmp_path / "bank"
    before = run_folder(home / "one", [{}])
    now = run_folder(home / "two", [{"verdict": "contradicted", "text": "Loyalität zählt."}])
    (now / "index.html").write_text("<p>", encoding="utf-8")
    return now, answer_changes(before, now)


def mail_settings(port: int, login: str = f"{LOGIN}@", **more: str) -> dict[str, str]:
    return {
        "LOYALTY_SMTP": f"smtp://{login}127.0.0.1:{port}",
        "LOYALTY_MAIL_FROM": "reports@example.org",
        "LOYALTY_MAIL_TO": "ann@example.org, bob@example.org",
        **more,
    }


def test_an_answer_that_changed_is_posted_as_json(changed: tuple[Path, dict[str, Any]]) -> None:
    run, found = changed
    with serving(Hook()) as hook:
        told = alert("ok", "Bank 2026", run, found, {"LOYALTY_WEBHOOK": f"{hook.address}/{TOKEN}"})
    assert told == ["webhook"]
    [(kind, body)] = hook.received
    assert kind == "application/json; charset=utf-8"
    content = json.loads(body)
    assert set(content) == {
        *("format", "study", "title", "state", "run", "sentence", "changes", "error", "page")
    }
    assert (content["study"], content["state"], content["run"]) == ("bank", "ok", "two")
    assert content["page"] == "bank/two/index.html"
    assert content["changes"][0]["now"] == "contradicted"
    assert "from supported to contradicted" in content["sentence"]
    assert socket.gethostname() not in body.decode() or len(socket.gethostname()) < 4


def test_a_mail_is_sent_after_a_login(changed: tuple[Path, dict[str, Any]]) -> None:
    run, found = changed
    with serving(Post()) as server:
        told = alert("ok", "Bank\r\nBcc: eve@example.org", run, found, mail_settings(server.port))
    assert told == ["mail"]
    [mail] = server.mails
    assert mail["user"] == "ann"
    assert [one.split("<")[1][:3] for one in mail["to"]] == ["ann", "bob"]
    assert mail["greeting"] == "localhost"  # not the machine's own name
    read = message_from_string(mail["text"], policy=policy.default)
    assert read["Subject"] == "Bank Bcc: eve@example.org: the answer changed"
    assert read["Bcc"] is None
    text = read.get_content()
    assert "C1 (repurchase): supported before, contradicted now. Loyalität zählt." in text
    assert "Page: bank/two/index.html" in text
    assert PASSWORD not in mail["text"]


def test_a_server_without_login_takes_mail_too(changed: tuple[Path, dict[str, Any]]) -> None:
    run, found = changed
    with serving(Post(login=None)) as server:
        assert alert("ok", "Bank", run, found, mail_settings(server.port, "")) == ["mail"]


@pytest.mark.parametrize("state", ["failed", "died", "timed_out", "blocked", "unheard_of"])
def test_a_run_without_an_answer_is_told_with_its_error(tmp_path: Path, state: str) -> None:
    run = tmp_path / "bank" / "three.failed"
    run.mkdir(parents=True)
    error = {"message": "notebook 03, cell 7: division by zero"}
    write_json(run / "manifest.json", {"run": "three", "study": {"name": "bank"}, "error": error})
    with serving(Hook()) as hook:
        settings = {"LOYALTY_WEBHOOK": hook.address}
        assert alert(state, "Bank", run, None, settings) == ["webhook"]
    content = json.loads(hook.received[0][1])
    assert content["error"] == error["message"]
    assert content["error"] in content["sentence"]
    assert (content["state"], content["run"], content["page"]) == (state, "three", "")


@pytest.mark.parametrize(("state", "found"), [("ok", FAILED), ("ok", None), ("cancelled", None)])
def test_no_news_is_quiet(tmp_path: Path, state: str, found: dict[str, Any] | None) -> None:
    with serving(Hook()) as hook, serving(Post()) as server:
        settings = mail_settings(server.port) | {"LOYALTY_WEBHOOK": hook.address}
        assert alert(state, "Bank", tmp_path, found, settings) == []
    assert hook.received == []
    assert server.mails == []


def hidden(said: str) -> bool:
    """Whether a text holds no secret of these tests, in any form."""
    return not any(secret in said for secret in (TOKEN, PASSWORD, LOGIN, "s3cret"))


def refused(settings: dict[str, str], tmp_path: Path) -> str:
    """What is said of an alert that did not arrive."""
    with pytest.raises(RunError) as caught:
        alert("failed", "Bank", tmp_path / "bank" / "x", None, settings, timeout=QUICK)
    chain: BaseException | None = caught.value
    while chain is not None:  # what a traceback would show
        assert hidden(f"{chain!r} {chain}")
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    return str(caught.value)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        pytest.param({"status": 500}, "status 500", id="error"),
        pytest.param({"status": 302}, "status 302", id="redirect"),
        pytest.param({"status": 404}, "status 404", id="unknown"),
        pytest.param({"delay": 3 * QUICK}, "did not answer in time", id="hangs"),
        pytest.param({"drops": 2}, "the connection was lost", id="drops"),
    ],
)
def test_a_webhook_that_fails_is_said_without_its_address(
    tmp_path: Path, hook: dict[str, Any], words: str
) -> None:
    with serving(Hook(**hook)) as server:
        said = refused({"LOYALTY_WEBHOOK": f"{server.address}/{TOKEN}"}, tmp_path)
    assert words in said
    assert said.startswith("run x (failed): LOYALTY_WEBHOOK:")
    assert ("redirected", b"") not in server.received


def test_a_webhook_that_nobody_serves_is_said(tmp_path: Path) -> None:
    settings = {"LOYALTY_WEBHOOK": f"http://127.0.0.1:{closed_port()}/{TOKEN}"}
    assert "the connection was refused" in refused(settings, tmp_path)


@pytest.mark.parametrize(("state", "tries"), [({"drops": 1}, 2), ({"status": 500}, 1)])
def test_only_a_lost_connection_is_tried_again(state: dict[str, Any], tries: int) -> None:
    with serving(Hook(**state)) as hook:
        settings = {"LOYALTY_WEBHOOK": hook.address}
        if "drops" in state:
            assert alert("died", "Bank", Path("bank/x"), None, settings) == ["webhook"]
        else:
            with pytest.raises(RunError):
                alert("died", "Bank", Path("bank/x"), None, settings)
    assert len(hook.received) == tries


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        pytest.param({"login": ("ann", "other")}, "refused the user name", id="password"),
        pytest.param({"delay": 3 * QUICK}, "did not answer in time", id="hangs"),
        pytest.param({"drops": 2}, "the connection was lost", id="drops"),
        pytest.param({"refuses": ["bob"]}, "1 of 2 recipients were refused", id="recipient"),
        pytest.param({"refuses": ["example"]}, "refused every recipient", id="recipients"),
        pytest.param({"offers": ["STARTTLS"]}, "no trusted encrypted", id="broken TLS"),
    ],
)
def test_a_mail_server_that_fails_is_said_without_the_password(
    tmp_path: Path, behaviour: dict[str, Any], words: str
) -> None:
    with serving(Post(**behaviour)) as server:
        said = refused(mail_settings(server.port), tmp_path)
    assert words in said
    assert "LOYALTY_SMTP" in said


def test_a_mail_server_that_dropped_the_first_connection_gets_one_mail(tmp_path: Path) -> None:
    with serving(Post(drops=1)) as server:
        alert("died", "Bank", tmp_path, None, mail_settings(server.port))
    assert len(server.mails) == 1


def test_one_channel_that_fails_does_not_keep_the_other_from_being_tried(tmp_path: Path) -> None:
    with serving(Post()) as server:
        hook = {"LOYALTY_WEBHOOK": f"http://127.0.0.1:{closed_port()}/{TOKEN}"}
        said = refused(mail_settings(server.port) | hook, tmp_path)
    assert len(server.mails) == 1
    assert "LOYALTY_SMTP" not in said


def test_a_server_that_drips_does_not_hold_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    enough = threading.Event()

    def drip(*_: Any, **__: Any) -> None:
        enough.wait(30)

    monkeypatch.setattr("urllib.request.OpenerDirector.open", drip)
    monkeypatch.setattr("loyalty_analysis.delivery._GRACE", 0.1)
    with pytest.raises(Exception, match="did not finish in time"):
        post("http://127.0.0.1/", {}, timeout=0.05)
    enough.set()


def test_no_secret_is_in_what_is_told(tmp_path: Path) -> None:
    settings = mail_settings(25) | {"LOYALTY_WEBHOOK": f"https://example.org/{TOKEN}?key=abcdefg"}
    error = f"cell 3 printed {PASSWORD}, {LOGIN}, {TOKEN} and key=abcdefg in {Path.home()}/x.py"
    channels = check_settings(settings)
    content = alert_content("failed", "Bank", tmp_path / "x", None, error, channels)
    said = json.dumps(content, ensure_ascii=False)
    assert hidden(said)
    assert "abcdefg" not in said
    assert str(Path.home()) not in said
    assert hidden(repr(channels))


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ({"LOYALTY_WEBHOOK": f"ftp://example.org/{TOKEN}"}, "LOYALTY_WEBHOOK", "http://, https://"),
        ({"LOYALTY_WEBHOOK": TOKEN}, "LOYALTY_WEBHOOK", "http://, https://"),
        ({"LOYALTY_WEBHOOK": f"http:///{TOKEN}"}, "LOYALTY_WEBHOOK", "no host"),
        ({"LOYALTY_WEBHOOK": f"http://[::1/{TOKEN}"}, "LOYALTY_WEBHOOK", "cannot be read"),
        ({"LOYALTY_WEBHOOK": f"http://a:{TOKEN}/"}, "LOYALTY_WEBHOOK", "port"),
        ({"LOYALTY_WEBHOOK": f"http://a.org/{TOKEN} x"}, "LOYALTY_WEBHOOK", "space"),
        ({"LOYALTY_WEBHOOK": f"http://a.org/{TOKEN}\nx"}, "LOYALTY_WEBHOOK", "space"),
        ({"LOYALTY_WEBHOOK": f"http://u:{TOKEN}@a.org/"}, "LOYALTY_WEBHOOK", "user name"),
        ({"LOYALTY_SMTP": PASSWORD}, "LOYALTY_SMTP", "smtp://, smtps://"),
        ({"LOYALTY_SMTP": "smtp://ann:s3cret/word@mail.org"}, "LOYALTY_SMTP", "percent-encode"),
        ({"LOYALTY_SMTP": "smtp://ann@mail.org"}, "LOYALTY_SMTP", "a password, or neither"),
        ({"LOYALTY_SMTP": "smtp://ann:s3cret%C3%A9@mail.org"}, "LOYALTY_SMTP", "ASCII"),
        ({"LOYALTY_SMTP": "smtp://ann:s3cret@mail.org:0"}, "LOYALTY_SMTP", "port 0"),
        ({"LOYALTY_MAIL_TO": ""}, "LOYALTY_MAIL_TO", "not set"),
        ({"LOYALTY_MAIL_TO": "ann"}, "LOYALTY_MAIL_TO", "no mail address"),
        ({"LOYALTY_MAIL_TO": "a@b.org\nBcc: c@d.org"}, "LOYALTY_MAIL_TO", "no mail address"),
        ({"LOYALTY_MAIL_FROM": "a@b.org,c@d.org"}, "LOYALTY_MAIL_FROM", "one sender"),
        ({"LOYALTY_SMTP": ""}, "LOYALTY_MAIL_TO", "no mail can be sent"),
    ],
)
def test_a_malformed_setting_is_refused_by_name_and_not_shown(
    settings: dict[str, str], name: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_settings(mail_settings(25) | settings)
    said = str(caught.value)
    assert name in said
    assert words in said
    assert hidden(said)


def test_a_malformed_setting_is_refused_even_where_there_is_no_news(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        alert("ok", "Bank", tmp_path, FAILED, {"LOYALTY_WEBHOOK": "x"})


def test_ports_follow_the_scheme_and_passwords_are_decoded() -> None:
    plain = check_settings(mail_settings(25)).mail
    encrypted = check_settings(
        mail_settings(25) | {"LOYALTY_SMTP": f"smtps://{LOGIN}@mail.example.org"}
    ).mail
    assert plain is not None
    assert encrypted is not None
    assert (plain.port, plain.encrypted, plain.password) == (25, False, PASSWORD)
    assert (encrypted.port, encrypted.encrypted) == (465, True)


def test_a_password_is_not_sent_in_the_clear_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("loyalty_analysis.delivery._LOCAL", ())
    with serving(Post()) as server:
        said = refused(mail_settings(server.port), tmp_path)
    assert "offers no encryption" in said
    assert server.mails == []
