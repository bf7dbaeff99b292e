"""Bodies as they arrive, answered early without being cut off; and clients that leave before their answer."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import LimitReached
from app.settings import settings

T = TypeVar("T")

LINGER_S = 1.0
LINGER_BYTES_MAX = 1024 * 1024
ARRIVED = "fieldgraph.body_arrived"
"""In the scope of a request whose body has been read to its end."""


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
            request.scope[ARRIVED] = True
            return
        total += len(piece)
        yield piece


async def small_body(request: Request, bytes_max: int, *, s_max: float, refusal: str) -> bytes:
    """The whole body; LimitReached with this sentence if it has more bytes, TimeoutError if it takes longer."""
    content = bytearray()
    async with asyncio.timeout(s_max):
        async for piece in body_of(request):
            content += piece
            if len(content) > bytes_max:
                raise LimitReached(refusal, limit=bytes_max)
    return bytes(content)


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None if the client leaves before, which cancels it: nobody waits for it any more."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    working, leaving = asyncio.create_task(work), asyncio.create_task(gone())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


class Early(Response):
    """An answer to a request whose body is not wanted: sent at once, and the connection closed soon after.

    What the client has sent by then is read: closed over unread bytes, its system may drop our answer. Where the whole
    body has been read before, nothing is left to wait for, and the connection stays.
    """

    @classmethod
    def of(cls, answer: Response) -> "Early":
        """The same answer, sent early."""
        early = cls(answer.body, answer.status_code, media_type=answer.media_type)
        early.raw_headers = answer.raw_headers
        return early

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if ARRIVED in scope:
            await super().__call__(scope, receive, send)
            return
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
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
