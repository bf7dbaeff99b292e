"""A plain POST /graphql answered by the protocol itself: no scope is passed on, no message sent, no middleware run.

What it says is the same to the byte as what the ordinary way says; it makes its headers of the same parts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from typing import Any, Protocol

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipResponder
from starlette.types import Receive, Scope, Send
from structlog.contextvars import bind_contextvars
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.telemetry import logs
from app.web.graphql.errors import record
from app.web.graphql.http.heads import Head
from app.web.graphql.http.responses import Answer
from app.web.middleware import COMPRESSED_BYTES_MIN, COMPRESSION_LEVEL, protect
from app.web.origin import new_request_id, takes_pages_of_others

FRAMES_MAX = 512

Post = Callable[[Head, str, bytes], Awaitable[Answer]]
"""Answers the body that came after a head; the text is the id of the request."""


class UnderWay(Protocol):
    """An answer that comes without a task."""

    def abandon(self) -> None:
        """Stop: the client has left."""


Hurry = Callable[[Head, str, bytes, Callable[[Answer | None], None]], UnderWay | None]
"""Begins the same without a task, and calls back once: with the answer, or None if `Post` has to answer.

None if it cannot: nothing has been done then.
"""


class Exchange:
    """One request that came whole, and its answer: what uvicorn's cycle is to its protocol."""

    __slots__ = (
        "_body",
        "_head",
        "_post",
        "_protocol",
        "_request_id",
        "_task",
        "_under_way",
        "disconnected",
        "keep_alive",
        "response_complete",
    )

    # The protocol sets it when more of a request comes. Nobody waits: nothing more can come.
    message_event = asyncio.Event()
    more_body = False

    def __init__(
        self,
        protocol: HttpToolsProtocol,
        post: Post,
        head: Head,
        body: bytes,
    ) -> None:
        self._protocol = protocol
        self._post = post
        self._head = head
        self._body = body
        self._request_id = head.request_id or new_request_id()
        self._task: asyncio.Task[Any] | None = None
        self._under_way: UnderWay | None = None
        self.keep_alive = head.keep_alive
        self.disconnected = False
        self.response_complete = False

    def gone(self) -> None:
        """The client has left: nobody waits for the answer any more."""
        self.disconnected = True
        if self._under_way:
            self._under_way.abandon()
        if self._task and not self.response_complete:
            self._task.cancel()

    def begin(self, hurry: Hurry | None) -> None:
        """Answer, now that it is this request's turn: without a task if that is possible."""
        self._under_way = hurry and hurry(self._head, self._request_id, self._body, self._settle)
        if self._under_way is None:
            self._start(self.run_asgi(None))

    def _settle(self, answer: Answer | None) -> None:
        self._under_way = None
        if self.disconnected:
            return
        if answer is None:
            self._start(self.run_asgi(None))
        elif self._protocol.flow.write_paused or self._is_compressed(answer):
            self._start(self._finish(answer))
        else:
            self._write(answer, answer.body)

    def _start(self, steps: Coroutine[Any, Any, None]) -> None:
        protocol = self._protocol
        # Not by the loop's own factory: that asks on whose account a task is, and here nobody knows yet.
        self._task = task = asyncio.Task(steps, loop=protocol.loop)
        task.add_done_callback(protocol.tasks.discard)
        protocol.tasks.add(task)

    async def run_asgi(self, _app: object) -> None:
        """Answer in a task; the protocol calls it by this name when it is the turn of a request that had to wait."""
        if self.disconnected:
            return
        self._task = asyncio.current_task()
        bind_contextvars(request_id=self._request_id)
        logs.address.set(self._head.address)
        try:
            answer = await self._post(self._head, self._request_id, self._body)
        except Exception as error:  # noqa: BLE001 - the last net: there is no answer, but there is an end
            self._fail(error)
        else:
            await self._finish(answer)

    async def _finish(self, answer: Answer) -> None:
        try:
            if self._protocol.flow.write_paused:
                await self._protocol.flow.drain()
            body = await _compressed(answer.body) if self._is_compressed(answer) else answer.body
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
        else:
            self._write(answer, body)

    def _write(self, answer: Answer, body: bytes) -> None:
        try:
            response = self._response(answer, body)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
        else:
            self._send(response)

    def _fail(self, error: Exception) -> None:
        record(error, request_id=self._request_id)
        self._protocol.transport.close()

    def _is_compressed(self, answer: Answer) -> bool:
        return self._head.takes_gzip and len(answer.body) >= COMPRESSED_BYTES_MIN

    def _response(self, answer: Answer, body: bytes) -> bytes:
        head = _frame(
            answer.status,
            answer.media_type,
            answer.headers,
            self._head.scheme,
            (len(answer.body) >= COMPRESSED_BYTES_MIN, body is not answer.body, takes_pages_of_others()),
            b"" if self.keep_alive else b"connection: close\r\n",
        )
        common = _lines(tuple(self._protocol.server_state.default_headers))
        rate_limit = b"" if answer.rate_limit is None else b"ratelimit: %b\r\n" % answer.rate_limit
        return b"".join((head % (common, rate_limit, len(body), self._request_id.encode()), body))

    def _send(self, response: bytes) -> None:
        """What uvicorn's cycle does when a response is complete."""
        if self.disconnected:
            return
        self.response_complete = True
        self._protocol.transport.write(response)
        if not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.on_response_complete()


@lru_cache(maxsize=FRAMES_MAX)
def _frame(
    status: int,
    media_type: str,
    extra: tuple[tuple[str, str], ...],
    scheme: str,
    traits: tuple[bool, bool, bool],
    last: bytes,
) -> bytes:
    """The head as the middleware would make it, to be filled: common lines, rate limit, length, the request's id.

    Its traits are whether the body is large, whether it is compressed, and whether pages of others may read it.
    """
    is_large, is_gzip, crosses = traits
    headers = MutableHeaders(raw=Answer(status, media_type, extra, b"").response().raw_headers)
    if is_large:
        headers.add_vary_header("Accept-Encoding")
    if is_gzip:
        headers["Content-Encoding"] = "gzip"
    if crosses:
        headers.add_vary_header("Origin")
    protect(headers, scheme)
    headers["X-Request-ID"] = ""
    lines = b"\r\n".join(b"%b: %b" % header for header in headers.raw).replace(b"%", b"%%")
    before, length, after = lines.partition(b"content-length: ")
    to_length = (STATUS_LINE[status], b"%b%b", before, length, b"%d")
    return b"".join((*to_length, after.removeprefix(b"0"), b"%b\r\n", last, b"\r\n"))


@lru_cache(maxsize=1)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The headers of every response; the server changes them once a second."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


async def _compressed(body: bytes) -> bytes:
    gzip = GZipResponder(_no_app, COMPRESSED_BYTES_MIN, COMPRESSION_LEVEL)
    return await gzip.apply_compression(body, more_body=False)


async def _no_app(scope: Scope, receive: Receive, send: Send) -> None:
    """What is behind a middleware that is asked for its own part alone."""
