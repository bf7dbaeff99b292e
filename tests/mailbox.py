"""A real mail server on loopback for tests, and what arrived at it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP

TOKEN = re.compile(r"#token=(\S+)")


class Mailbox:
    """Everybody's mail; `answers` are what the next mails are met with, before it takes them."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.contents: list[bytes] = []
        self.answers: list[str] = []
        self.reach: list[tuple[str, list[str]]] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's
        if self.answers:
            return self.answers.pop(0)
        self.contents.append(envelope.content)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.reach.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 Taken"

    def last(self) -> EmailMessage:
        return self.mails[-1]

    def token(self) -> str:
        """The token in the last mail's link."""
        [token] = TOKEN.findall(self.last().get_content())
        return token

    def to(self, address: str) -> list[str]:
        """The subjects of somebody's mails."""
        return [mail["Subject"] for mail in self.mails if mail["To"] == address]


@asynccontextmanager
async def receiving(box: Mailbox, **options: Any) -> AsyncIterator[str]:
    """The server, until the block ends: where it listens."""
    # Named, or it would ask the network for a name, and wait.
    loop = asyncio.get_running_loop()
    serve = partial(SMTP, box, hostname="mail.test", loop=loop, **options)
    server = await loop.create_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()
