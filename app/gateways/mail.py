"""Mails: handed to the server that `smtp_url` names, or kept in a folder where there is none."""

import asyncio
import smtplib
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import structlog

from app.gateways.outside import Outage
from app.settings import settings

SERVER = "The mail server"
PERMANENT = 500

log = structlog.get_logger(__name__)


async def send(message: EmailMessage) -> None:
    """Sends one mail, or raises `Outage`, which tells whether trying later may help."""
    if settings.smtp_url is None:
        await asyncio.to_thread(_keep, message)
        return
    try:
        await asyncio.to_thread(_hand_over, message, settings.smtp_url.get_secret_value())
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        raise _refusal(min(codes)) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code) from None
    except (smtplib.SMTPException, OSError) as error:
        raise Outage(SERVER, f"does not answer ({type(error).__name__})", heals=True) from None


def _refusal(code: int) -> Outage:
    """4xx is for now, 5xx for good: RFC 5321, 4.2.1."""
    return Outage(SERVER, f"refuses this mail ({code})", heals=code < PERMANENT, status=code)


def _hand_over(message: EmailMessage, url: str) -> None:
    server = urlsplit(url)
    kind = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    with kind(server.hostname or "", server.port or 0, timeout=settings.smtp_s_max) as smtp:
        smtp.ehlo_or_helo_if_needed()
        if server.scheme == "smtp" and smtp.has_extn("starttls"):
            smtp.starttls()
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)


def _keep(message: EmailMessage) -> None:
    """For trying things out: the mail as a file that any mail program opens."""
    folder = settings.home / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{message['Message-ID'].strip('<>').partition('@')[0]}.eml"
    file.write_bytes(message.as_bytes())
    log.info("mail kept", to=message["To"], subject=message["Subject"], file=str(file))
