"""Mails: handed to a real server as one must, refused or put off as it says, and kept as files without one."""

import ssl
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import trustme
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.gateways import mail
from app.gateways.outside import Outage
from app.settings import settings
from tests.mailbox import Mailbox, receiving

PASSWORD = "p@ss:word/"


def letter(**fields: str) -> EmailMessage:
    message = EmailMessage()
    named = {"From": "Fieldgraph <f@example.org>", "To": "ann@example.org", "Subject": "Hello", "Message-ID": "<7@x>"}
    for name, value in (named | fields).items():
        message[name] = value
    message.set_content("Grüße\n")
    return message


@pytest.fixture
def box():
    return Mailbox()


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A server's side of TLS for `localhost`, and a machine that trusts who signed it."""
    authority, server = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    authority.cert_pem.write_to_path(tmp_path / "trusted.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    return server


@pytest.fixture
def server(box, monkeypatch):
    """A server with these options, named by the settings with this user."""

    @asynccontextmanager
    async def server(user: str = "", **options):
        async with receiving(box, **options) as place:
            port = place.rpartition(":")[2]
            monkeypatch.setattr(settings, "smtp_url", SecretStr(f"smtp://{user}localhost:{port}"))
            yield

    return server


def knows_the_password(_server, _session, _envelope, _mechanism, given) -> AuthResult:
    return AuthResult(success=given.password == PASSWORD.encode(), handled=False)


SIGNED_IN = {"authenticator": knows_the_password, "auth_required": True}


async def test_a_mail_arrives_as_it_was_written(box, server):
    async with server():
        await mail.send(letter(Subject="Grüße"))
    assert box.reach == [("f@example.org", ["ann@example.org"])]
    assert (box.last()["To"], box.last()["Subject"]) == ("ann@example.org", "Grüße")
    assert box.last().get_content().split() == ["Grüße"]


async def test_a_server_that_can_is_spoken_to_in_secret_and_told_the_password(box, server, certified):
    async with server("f:p%40ss%3Aword%2F@", tls_context=certified, require_starttls=True, **SIGNED_IN):
        await mail.send(letter())
    assert len(box.mails) == 1


async def test_a_wrong_password_is_not_the_mails_fault(box, server, certified):
    async with server("f:wrong@", tls_context=certified, **SIGNED_IN):
        with pytest.raises(Outage, match="rejects our password") as refused:
            await mail.send(letter())
    assert refused.value.heals
    assert box.mails == []


async def test_a_server_nobody_vouches_for_gets_nothing(box, server, certified, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    async with server("f:secret@", tls_context=certified, **SIGNED_IN):
        with pytest.raises(Outage, match="does not answer") as refused:
            await mail.send(letter())
    assert refused.value.heals
    assert box.mails == []


async def test_no_password_is_sent_for_all_to_read(box, server):
    async with server("f:secret@"):
        with pytest.raises(Outage, match="encryption for a password") as refused:
            await mail.send(letter())
    assert not refused.value.heals
    assert box.mails == []


@pytest.mark.parametrize(("answer", "heals"), [("451 Come again", True), ("550 Nobody here", False)])
async def test_what_a_server_puts_off_heals_and_what_it_refuses_does_not(box, server, answer, heals):
    box.answers = [answer]
    async with server():
        with pytest.raises(Outage) as refused:
            await mail.send(letter())
    assert (refused.value.heals, refused.value.status) == (heals, int(answer[:3]))
    assert "ann@example.org" not in refused.value.message


async def test_a_server_that_is_away_may_come_back(monkeypatch):
    monkeypatch.setattr(settings, "smtp_url", SecretStr("smtp://127.0.0.1:1"))
    with pytest.raises(Outage, match="does not answer") as refused:
        await mail.send(letter())
    assert refused.value.heals


@pytest.mark.parametrize("name", ["To", "Subject", "From"])
async def test_no_header_holds_another(name):
    with pytest.raises(ValueError, match=r"linefeed|newline|carriage"):
        letter(**{name: "ann@example.org\nBcc: everybody@example.org"})


async def test_without_a_server_a_mail_is_a_file(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "home", tmp_path)
    await mail.send(letter())
    kept = message_from_bytes((tmp_path / "mail" / "7.eml").read_bytes(), policy=policy.default)
    assert (kept["To"], kept.get_content()) == ("ann@example.org", "Grüße\n")


LINK = f"https://fieldgraph.example.org/account/sign-up#token={'x=_-.' * 60}"


async def test_a_link_can_be_copied_out_of_a_mails_source(box, server, monkeypatch, tmp_path):
    message = letter()
    message.set_content(f"Grüße …\n\n{LINK}\n")
    monkeypatch.setattr(settings, "home", tmp_path)
    with capture_logs() as lines:
        await mail.send(message)
    assert f"\n{LINK}\n".encode() in (tmp_path / "mail" / "7.eml").read_bytes()
    assert lines[0]["links"] == LINK
    async with server():
        await mail.send(message)
    assert f"\r\n{LINK}\r\n".encode() in box.contents[0]


async def test_in_production_no_mail_is_written_to_a_file(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "home", tmp_path)
    monkeypatch.setattr(settings, "production", True)
    with pytest.raises(Outage):
        await mail.send(letter())
    assert list(tmp_path.iterdir()) == []
