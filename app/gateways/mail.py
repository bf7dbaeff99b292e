"""Mails: handed to the server that `smtp_url` names, or kept in a folder where there is none."""

import asyncio
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from email.message import EmailMessage
from functools import partial
from urllib.parse import unquote, urlsplit

import structlog

from app.gateways.outside import Outage
from app.security import private_files
from app.settings import settings
from app.supervision import within

SERVER = "The mail server"
LINK = re.compile(r"https?://\S+#\S+|https?://\S+/unsubscribe/\S+")
PERMANENT = 500

log = structlog.get_logger(__name__)


def goes_out() -> bool:
    """Whether mails go anywhere: in production they need a server."""
    return settings.smtp_url is not None or not settings.production


async def send(message: EmailMessage) -> None:
    """Sends one mail, or raises `Outage`, which tells whether trying later may help."""
    if not goes_out():
        raise Outage(SERVER, "is not set", heals=False)
    if settings.smtp_url is None:
        await asyncio.to_thread(_keep, message)
        return
    try:
        # Each word has its deadline; a server that says one now and then, or a name that is never found, has none.
        handing_over = asyncio.to_thread(_hand_over, message, settings.smtp_url.get_secret_value())
        await within(settings.smtp_mail_s_max, handing_over)
    except TimeoutError:
        raise Outage(SERVER, f"did not accept an email within {settings.smtp_mail_s_max:g} s", heals=True) from None


def greeted() -> str:
    """The server's host, if it lets us in; raises `Outage`."""
    assert settings.smtp_url is not None
    url = settings.smtp_url.get_secret_value()
    with _in_words(), _connected(url):
        return urlsplit(url).hostname or ""


def _hand_over(message: EmailMessage, url: str) -> None:
    with _in_words(), _connected(url) as smtp:
        if smtp.has_extn("8bitmime"):
            smtp.send_message(in_8_bits(message), mail_options=["BODY=8BITMIME"])
        else:
            smtp.send_message(message)


@contextmanager
def _connected(url: str) -> Iterator[smtplib.SMTP]:
    """A connection, encrypted where the server can; a password is never sent over another."""
    server, trust = urlsplit(url), ssl.create_default_context()
    host, port, patience_s = server.hostname or "", server.port or 0, settings.smtp_s_max
    is_wrapped = server.scheme == "smtps"
    connect = partial(smtplib.SMTP_SSL, context=trust) if is_wrapped else smtplib.SMTP
    with connect(host, port, timeout=patience_s) as smtp:
        smtp.ehlo_or_helo_if_needed()
        if not is_wrapped and smtp.has_extn("starttls"):
            smtp.starttls(context=trust)
        elif not is_wrapped and server.username:
            raise smtplib.SMTPNotSupportedError
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        yield smtp


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        raise _refusal(min(codes)) from None
    except smtplib.SMTPAuthenticationError as error:
        # The operator's to mend, and no fault of the mail's.
        raise Outage(SERVER, "rejects our password", heals=True, status=error.smtp_code) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code) from None
    except smtplib.SMTPNotSupportedError:
        raise Outage(SERVER, "lacks a feature this needs: encryption for a password, or UTF-8", heals=False) from None
    except (smtplib.SMTPException, OSError) as error:
        raise Outage(SERVER, f"does not answer ({type(error).__name__})", heals=True) from None


def _refusal(code: int) -> Outage:
    """4xx is for now, 5xx for good: RFC 5321, 4.2.1."""
    return Outage(SERVER, f"rejects this email ({code})", heals=code < PERMANENT, status=code)


def in_8_bits(message: EmailMessage) -> EmailMessage:
    """The mail with its text as it is: quoted-printable would break links that are copied out of its source."""
    copied = deepcopy(message)
    copied.policy = message.policy.clone(cte_type="8bit")
    copied.set_content(message.get_content(), cte="8bit")
    return copied


def _keep(message: EmailMessage) -> None:
    """For trying things out: the mail as a file that any mail program opens, and in the log with its links alone."""
    folder = private_files.folder(settings.home / "mail")
    file = folder / f"{message['Message-ID'].strip('<>').partition('@')[0]}.eml"
    private_files.write(file, in_8_bits(message).as_bytes())
    text = message.get_content()
    facts = {"to": message["To"], "subject": message["Subject"], "file": str(file)}
    log.info("mail stored", **facts, links=" ".join(LINK.findall(text)), text=text)
