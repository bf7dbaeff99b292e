"""uvicorn's HTTP/1.1 with an end to how large and how slow the head of a request may be; it has none of its own."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.settings import settings


class BoundedHttp(HttpToolsProtocol):
    """Counts what arrives until a request's headers are complete. Bodies are counted where they are read."""

    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._head_bytes > settings.request_head_bytes_max:
            self.send_400_response("The head of this request is too large.")
            return
        if self._deadline:
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_came()
        self._deadline = self.loop.call_later(settings.request_head_s_max, self.transport.close)

    def _head_came(self) -> None:
        self._head_bytes = 0
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
