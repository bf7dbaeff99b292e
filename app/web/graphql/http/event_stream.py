"""Answers as server-sent events, one connection for one operation (the "distinct connections" mode of graphql-sse)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.types import Message, Send

from app.settings import settings
from app.web.graphql.http import accept
from app.web.graphql.operations.results import Beginning, OperationResult

HEADERS = {
    b"content-type": f"{accept.EVENTS}; charset=utf-8".encode(),
    b"cache-control": b"no-store, no-transform",
    b"vary": b"Accept",
    # For proxies that would collect the events otherwise.
    b"x-accel-buffering": b"no",
}
HEARTBEAT = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"


async def send_events(
    replies: AsyncGenerator[OperationResult | Beginning, None], send: Send, ending: asyncio.Event
) -> None:
    """Send each reply as it comes, a comment when none comes, and `complete` after the last.

    When `ending` is set the connection closes without `complete`: by that clients know to ask again.
    """
    await _send(send, {"type": "http.response.start", "status": 200, "headers": list(HEADERS.items())})
    async with aclosing(replies):
        end = asyncio.ensure_future(ending.wait())
        try:
            last = await _send_all(replies, send, end)
        finally:
            end.cancel()
    await _send(send, {"type": "http.response.body", "body": last})


async def _send_all(
    replies: AsyncGenerator[OperationResult | Beginning, None], send: Send, end: asyncio.Future[Any]
) -> bytes:
    while True:
        upcoming = asyncio.ensure_future(anext(replies))
        try:
            while not upcoming.done():
                await asyncio.wait(
                    {upcoming, end}, timeout=settings.stream_heartbeat_s, return_when=asyncio.FIRST_COMPLETED
                )
                if end.done():
                    return b""
                if not upcoming.done():
                    await _send_part(send, HEARTBEAT)
            reply = upcoming.result()
        except StopAsyncIteration:
            return COMPLETE
        finally:
            # Only when it has ended may the generator be closed.
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
        await _send_part(send, _event(reply))


def _event(reply: OperationResult | Beginning) -> bytes:
    """As the standard has it: an event with an `id` and without data is shown to nobody, but resumed from."""
    place = b"" if reply.cursor is None else b"id: %b\n" % reply.cursor.encode()
    return place + (b"\n" if isinstance(reply, Beginning) else b"event: next\ndata: %b\n\n" % reply.json)


def whole(reply: OperationResult) -> bytes:
    """A stream of one reply."""
    return _event(reply) + COMPLETE


async def _send_part(send: Send, part: bytes) -> None:
    await _send(send, {"type": "http.response.body", "body": part, "more_body": True})


async def _send(send: Send, message: Message) -> None:
    # A client that takes nothing for this long has gone, whatever its socket says.
    async with asyncio.timeout(settings.socket_send_s_max):
        await send(message)
