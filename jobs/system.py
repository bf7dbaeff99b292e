"""Jobs of the installation: mails, old uploads, and jobs that only another version knows."""

import asyncio
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime
from urllib.parse import urlsplit

import structlog

from app.database import Database
from app.gateways import mail
from app.models.kinds.system import SystemJob
from app.services.system import jobs as jobs_service
from app.services.system import mail as mail_service
from app.services.system.files import left_files, uploads
from app.services.system.mail import Letter
from app.settings import settings
from jobs.broker import job
from jobs.housekeeping import housekeeping
from jobs.run import JobRun

log = structlog.get_logger()
# Links stay on one line. It is ASCII until a server says that it takes 8 bits (`gateways.mail`).
PLAIN = SMTP.clone(max_line_length=998, cte_type="7bit")
# Mails that are not sent take this long at most: a worker that waits for one does nothing else.
UNSENT_S_MAX = 5.0


class Pause:
    """How long the last mail took to send.

    A mail that is not sent, because its address has no account, takes as long: else whoever waits behind it would
    learn which addresses have one.
    """

    def __init__(self) -> None:
        self._last_s = 0.0

    async def send(self, message: EmailMessage | None) -> None:
        """Sends the message, or waits as long as that would take."""
        if message is None:
            await asyncio.sleep(self._last_s)
            return
        begun = time.monotonic()
        await mail.send(message)
        self._last_s = min(time.monotonic() - begun, UNSENT_S_MAX)


_pause = Pause()


@job(SystemJob.SEND_MAIL, failed=mail_service.mail_failed)
async def send_mail(run: JobRun) -> None:
    """Writes a mail as of now and sends it; a worker lost in between sends it again under the same number."""
    async with run.writing() as session:
        letter = await mail_service.letter_of(session, run.claim.subject_id)
    await _pause.send(None if letter is None else _message(letter, run.claim.subject_id))
    async with run.ending() as session:
        await mail_service.mail_sent(session, run.claim.subject_id)


def _message(letter: Letter, number: int) -> EmailMessage:
    message = EmailMessage(PLAIN)
    host = urlsplit(settings.address).hostname or "fieldgraph.local"
    message["Message-ID"] = f"<{number}@{host}>"
    message["Date"] = localtime()
    message["From"], message["To"], message["Subject"] = settings.mail_from, letter.address, letter.subject
    if letter.unsubscribe_url is not None:  # RFC 8058
        message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text)
    return message


async def _log_unknown_jobs(database: Database) -> None:
    """Logs how many jobs wait whose kind only another version knows."""
    async with database.reading() as session:
        if count := await jobs_service.unknown(session):
            log.warning("jobs of a kind only another version knows are waiting", jobs=count)


housekeeping("uploads", uploads.prune_uploads)
housekeeping("files left behind", left_files.prune_left_files)
housekeeping("unknown jobs", _log_unknown_jobs)
