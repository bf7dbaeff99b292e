"""Bodies as they arrive: not slower than anybody's line, and answered early without being cut off."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.settings import settings

LINGER_S = 1.0
LINGER_BYTES_MAX = 1024 * 1024


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """The body piece by piece; TimeoutError from whoever sends so slowly that only the connection is wanted."""
    loop, total = asyncio.get_running_loop(), 0
    began, pieces = loop.time(), aiter(request.stream())
    while True:
        due = began + settings.body_grace_s + total / settings.body_bytes_per_s_min
        try:
            async with asyncio.timeout_at(due):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        total += len(piece)
        yield piece


class Early(Response):
    """An answer to a request whose body is not wanted: said at once, and the connection closed soon after.

    What the client has sent by then is read: closed over unread bytes, its system may drop our answer.
    """

    @classmethod
    def of(cls, answer: Response) -> "Early":
        """The same answer, said early."""
        early = cls(answer.body, answer.status_code, media_type=answer.media_type)
        early.raw_headers = [*answer.raw_headers, (b"connection", b"close")]
        return early

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        left = LINGER_BYTES_MAX
        try:
            async with asyncio.timeout(LINGER_S):
                async for piece in Request(scope, receive).stream():
                    left -= len(piece)
                    if left < 0:
                        break
        except (TimeoutError, ClientDisconnect):
            pass
        await send({"type": "http.response.body", "body": b""})
