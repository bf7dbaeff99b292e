"""uvicorn's HTTP/1.1 with an end to how large and how slow the head of a request may be; it has none of its own.

And a shorter way for the requests that are most of them.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.settings import settings
from app.web.connection_limits import HEALTH, Crowd, too_many
from app.web.fast_path.exchange import Exchange, Hurry, Post
from app.web.graphql.http.heads import Head, head_of, is_plain
from app.web.origin import network_of
from app.web.proxies import HEADERS, Proxies, ours

PATH = b"/graphql"
HEALTH_PATHS = frozenset(path.encode() for path in HEALTH)
# What a client that speaks HTTP/2 without asking begins with (RFC 9113, 3.4).
HTTP2_METHOD = b"PRI"
HTTP2_REFUSED = "This server speaks HTTP/1.1. Use that, or put a proxy in front that speaks HTTP/2."
UPGRADE_HEADERS = frozenset({b"upgrade", b"http2-settings"})
HEAD_END = b"\r\n\r\n"
# Of one connection: a client begins its requests with few different heads, and with these again and again.
HEADS_MAX = 4
HEAD_BYTES_MAX = 4_096


class BoundedHttp(HttpToolsProtocol):
    """Counts what arrives until a request's headers are complete. Bodies are counted where they are read.

    A plain POST that comes whole in one piece is answered by `post`; everything else goes to the application.
    """

    _is_in_head = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _idle: asyncio.TimerHandle | None = None
    _idle_since = 0.0
    # Whether the parser has just seen the end of a plain POST, and what that was.
    _is_between = False
    _latest: tuple[Head, bytes] | None = None
    # The headers of a plain POST while its body is expected, and what has come of it.
    _plain: dict[bytes, bytes] | None = None
    _body = b""
    # Whether the request asks for an upgrade that is ignored.
    _reads_anew = False

    # Whoever has stopped reading what we send is not waited for.
    _stall: asyncio.TimerHandle | None = None
    # Whose connection it is; a proxy's is everybody's.
    _address: str | None = None

    def __init__(
        self,
        *args: Any,
        post: Post | None = None,
        hurry: Hurry | None = None,
        crowd: Crowd | None = None,
        proxies: Proxies | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*args, **named)
        self._post = post
        self._hurry = hurry
        self._crowd = crowd or Crowd()
        self._proxies = proxies or ours()
        self._heads: dict[bytes, Head] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        if self.client and self.client[0] and self.client[0] not in self._proxies:
            self._address = network_of(self.client[0])
            self._crowd.enter(self, self._address)
        most = self.limit_concurrency
        if most is not None and len(self.connections) >= most:
            self._crowd.make_room(self)

    def is_unfinished(self) -> bool:
        """Whether nothing is being done for it: it has sent no request, or not all of one."""
        cycle = self.cycle
        return cycle is None or cycle.response_complete or (cycle.more_body and not cycle.response_started)

    def drop(self) -> None:
        """Close it at once, whatever was to be sent on it; its place is free from now on."""
        self.connections.discard(self)
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self._stall or self.loop.call_later(settings.response_stall_s_max, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall and not self.transport.is_closing():
            self._stall.cancel()
            self._stall = None

    def handle_websocket_upgrade(self) -> None:
        self._leave_crowd()
        super().handle_websocket_upgrade()
        # Each holds the other, and both would stay until garbage is looked for.
        self.parser = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self._is_between and not self._is_crowded():
            head, end, body = data.partition(HEAD_END)
            known = self._heads.get(head)
            if known is not None and end and len(body) == known.length:
                self._answer(known, body)
                return
        self._read(data)
        if self._is_between:
            self._remember(data)

    def _remember(self, data: bytes) -> None:
        """Keep the head if this was one request and nothing else: the same bytes will be parsed to the same.

        Like the headers of the latest request, it goes with the connection, which is closed when it is idle.
        """
        latest, self._latest = self._latest, None
        if latest is None:
            return
        head, _, body = data.partition(HEAD_END)
        if latest[0].keep_alive and body == latest[1] and len(body) == latest[0].length and len(head) < HEAD_BYTES_MAX:
            if len(self._heads) >= HEADS_MAX:
                self._heads.clear()
            self._heads[head] = latest[0]

    def _read(self, data: bytes) -> None:
        if self._head_bytes > settings.request_head_bytes_max:
            self.send_400_response("The head of this request is too large.")
            return
        if self._is_in_head:
            self._head_bytes += len(data)
        self._feed(data)
        if self._is_in_head:
            # Most heads come in one piece, and need no timer.
            if self._deadline is None:
                self._await_head()
        elif self._plain is not None:
            # The rest is still to come, or never will: that is looked after on the ordinary way.
            self._go_ordinary_way()

    def _feed(self, data: bytes) -> None:
        """As uvicorn does, but that an upgrade to what we do not speak (HTTP/2, say) is ignored with all it says."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            speaks_http2 = self._is_in_head and self.parser.get_method() == HTTP2_METHOD
            self.send_400_response(HTTP2_REFUSED if speaks_http2 else "Invalid HTTP request received.")
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            elif self._reads_anew:
                self._read_anew(data[upgrade.args[0] :])

    def _read_anew(self, rest: bytes) -> None:
        """Parse the head once more without its upgrade: the parser gives up at one, and never sees the body."""
        head = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token for token in value.split(b",") if token.strip().lower() not in UPGRADE_HEADERS]
                head += [b"connection: " + b",".join(tokens)] if tokens else []
            elif name not in UPGRADE_HEADERS:
                head.append(b"%b: %b" % (name, value))
        self.parser = httptools.HttpRequestParser(self)
        self._feed(b"\r\n".join([*head, b"", rest]))

    @property
    def _is_to_be_read_anew(self) -> bool:
        # What CONNECT asks for is no upgrade of this connection, and answered by the application.
        return self.parser.get_method() != b"CONNECT" and not self._should_upgrade()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_between = False
        if self._deadline:
            self._stop_waiting()
        self._is_in_head = True

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_bytes = 0
        if self._deadline:
            self._stop_waiting()
        self._reads_anew = self.parser.should_upgrade() and self._is_to_be_read_anew
        if self._reads_anew:
            return
        if self._post and self.url == PATH and self.parser.get_method() == b"POST" and not self._is_crowded():
            headers = dict(self.headers)
            # A header that came twice is for the ordinary way to read.
            if len(headers) == len(self.headers) and is_plain(headers):
                self._plain, self._body = headers, b""
                return
        self._begin()

    def on_body(self, body: bytes) -> None:
        if self._plain is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        if self._reads_anew:
            return
        if self._plain is not None and len(self._body) > settings.request_bytes_max:
            self._go_ordinary_way()
        if self._plain is None:
            super().on_message_complete()
        else:
            self._end_plain(self._plain)

    def on_response_complete(self) -> None:
        """What uvicorn does, but for its timer, which would be set and cancelled for each response."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            # What is still to be written is waited for, but not for ever.
            self._stall = self._stall or self.loop.call_later(settings.response_stall_s_max, self.transport.abort)
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def _close_if_idle(self) -> None:
        self._idle = None
        if self._is_in_head or not self.cycle.response_complete:
            # The next response begins the wait anew.
            return
        rest_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if rest_s <= 0:
            self.timeout_keep_alive_handler()
        else:
            self._idle = self.loop.call_later(rest_s, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._leave_crowd()
        if self._stall:
            self._stall.cancel()
        if self._idle:
            self._idle.cancel()
        if isinstance(self.cycle, Exchange):
            self.cycle.gone()
        super().connection_lost(exc)

    def _end_plain(self, headers: dict[bytes, bytes]) -> None:
        self._plain = None
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        scope: Any = self.scope
        if not HEADERS.isdisjoint(headers):
            self._proxies.resolve(scope)
        head = head_of(scope, headers, keep_alive=keep_alive)
        self._is_between, self._latest = True, (head, self._body)
        self._answer(head, self._body)

    def _answer(self, head: Head, body: bytes) -> None:
        assert self._post
        # To uvicorn it is as good as a cycle of its own.
        exchange: Any = Exchange(self, self._post, head, body)
        previous, self.cycle = self.cycle, exchange
        if previous is None or previous.response_complete:
            exchange.begin(self._hurry)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def _begin(self) -> None:
        """Let the application answer, unless this address holds too many connections; health is always answered."""
        most, app = self.limit_concurrency, self.app
        if self.url in HEALTH_PATHS:
            self.limit_concurrency = None
        elif self._address is not None and self._crowd.is_too_large(self._address):
            self.app = too_many
        super().on_headers_complete()
        self.limit_concurrency, self.app = most, app

    def _go_ordinary_way(self) -> None:
        self._plain = None
        self._begin()
        if self._body:
            super().on_body(self._body)

    def _is_crowded(self) -> bool:
        """Whether what is more will be refused, on the ordinary way."""
        most = self.limit_concurrency
        return (most is not None and (len(self.connections) >= most or len(self.tasks) >= most)) or (
            self._address is not None and self._crowd.is_too_large(self._address)
        )

    def _leave_crowd(self) -> None:
        if self._address is not None:
            self._crowd.leave(self, self._address)

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(settings.request_head_s_max, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
