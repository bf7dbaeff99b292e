"""The session of one WebSocket: the messages of `graphql-transport-ws`, operations side by side, an orderly end."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from contextvars import copy_context
from typing import Any

import orjson
import structlog

from app.errors import BadRequest, LimitReached, RateLimited, Unauthenticated, Unavailable, quoted
from app.settings import settings
from app.telemetry.metering import current, timed
from app.web.graphql.connection_slots import Places, Slot, holder
from app.web.graphql.errors import MASKED, Refused, record
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.operation import Caller, Context, Operation
from app.web.graphql.operations.request import Malformed, Parameters, parameters
from app.web.graphql.operations.results import OperationResult, accident, refusal
from app.web.graphql.subscriptions.token_checks import Watch
from app.web.graphql.websockets.connection import Connection
from app.web.graphql.websockets.messages import Message, id_of, is_id, opening, payload_of, read, token_in
from app.web.graphql.websockets.operation import Running
from app.web.graphql.websockets.outbox import Outbox
from app.web.origin import bearer
from app.web.routes import metrics

# What a message holds beside its request.
ENVELOPE_BYTES_MAX = 1_024
REASON_BYTES_MAX = 123

RESTART = 1012
TRY_AGAIN = 1013
TOO_SLOW = 4008
INVALID = 4400
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
DUPLICATE = 4409
TOO_MANY = 4429
SILENT = 4499
FAILED = 4500

log = structlog.get_logger(__name__)


class CloseSocket(Exception):
    """The socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


class SocketSession:
    """One socket from its opening to its end. It has a task only for what is asked, until that has begun."""

    __slots__ = (
        "_authorization",
        "_begun",
        "_caller",
        "_closing",
        "_connection",
        "_engine",
        "_is_initialised",
        "_is_open",
        "_is_over",
        "_limit",
        "_log_context",
        "_loop",
        "_on_closed",
        "_operations",
        "_outbox",
        "_ping_timer",
        "_place",
        "_places",
        "_received_at",
        "_tasks",
        "_token",
        "_waiting",
        "_watch",
    )

    def __init__(
        self,
        engine: GraphQLEngine,
        caller: Caller,
        places: Places,
        on_closed: "Callable[[SocketSession], None]",
        authorization: str | None = None,
    ) -> None:
        self._engine = engine
        self._caller = caller
        self._places = places
        self._place: Slot | None = None
        self._on_closed = on_closed
        self._authorization = authorization
        self._token: str | None = None
        self._is_initialised = False
        self._operations: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = 0
        self._is_open = True
        self._is_over = False
        self._closing: CloseSocket | None = None
        self._loop = asyncio.get_running_loop()
        self._received_at = self._loop.time()
        self._ping_timer: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        # What comes while the token is looked up.
        self._waiting: list[str | None] | None = None
        # What comes later is logged with the context of the handshake.
        self._log_context = copy_context()

    def begin(self, connection: Connection) -> None:
        """Serve this connection until one side closes it."""
        self._limit = self._loop.call_later(
            settings.socket_init_s_max, self._stop, CloseSocket(INIT_TIMEOUT, "Connection initialisation timeout")
        )
        self._connection = connection
        self._outbox = Outbox(connection, self._too_slow)
        try:
            self._place = self._places.take(holder(None, self._caller.address))
        except RateLimited as problem:
            # Clients take it as: try again, later and later.
            self._stop(CloseSocket(TRY_AGAIN, problem.message))

    def end(self, closing: CloseSocket, *, after_s: float = 0) -> None:
        """Close it with this code and reason. Only the first call counts."""
        if self._is_open:
            self._is_open = False
            self._limit.cancel()
            self._limit = self._loop.call_later(after_s, self._stop, closing)

    def disconnected(self) -> None:
        """The client has left."""
        self._stop(None)

    def receive(self, text: str | None) -> None:
        """Take the client's next message; None if it is no text."""
        if self._waiting is None:
            self._log_context.run(self._take, text)
        else:
            self._waiting.append(text)

    def _take(self, text: str | None) -> None:
        if self._is_over:
            return
        self._received_at = self._loop.time()
        try:
            try:
                self._handle(read(text), len(text.encode()) if text else 0)
            except Malformed as malformed:
                self._refuse(malformed, text or "")
        except CloseSocket as closing:
            self._stop(closing)
        except Exception as error:  # noqa: BLE001 - the last net: a bug of ours ends one socket, and not silently
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        record(error, request_id=self._caller.request_id)
        self._stop(CloseSocket(FAILED, MASKED))

    def _stop(self, closing: CloseSocket | None) -> None:
        """End what runs on it, and then the connection."""
        if self._is_over:
            return
        self._is_open, self._is_over, self._closing = False, True, closing
        self._limit.cancel()
        self._outbox.close()
        if self._ping_timer:
            self._ping_timer.cancel()
        if self._watch:
            self._watch.cancel()
        for running in self._operations.values():
            running.cut_short()
        self._operations.clear()
        for task in self._tasks:
            task.cancel()
        self._close_when_idle()

    def _close_when_idle(self) -> None:
        """Close it, once nothing runs on it any more."""
        if self._tasks or not self._is_over:
            return
        if self._place:
            self._place.leave()
        if self._closing:
            metrics.closes.labels(self._closing.code).inc()
            closing = {"code": self._closing.code, "reason": self._closing.reason}
            log.info("socket closed", request_id=self._caller.request_id, **closing)
            self._connection.close(self._closing.code, self._closing.reason)
        self._on_closed(self)

    def _begin_task(self, steps: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(steps)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._close_when_idle()

    def _refuse(self, malformed: Malformed, text: str) -> None:
        """Refuse the operation that the message is about; if it is about none, close the socket."""
        message: Message = malformed.decoded if isinstance(malformed.decoded, dict) else {}
        if malformed.status == 413:
            # It was not decoded, being too large for that.
            message = opening(text)
        id = message.get("id")
        if not (self._is_initialised and message.get("type") == "subscribe" and is_id(id)):
            raise CloseSocket(INVALID, malformed.message)
        if id in self._operations:
            raise CloseSocket(DUPLICATE, f"Subscriber for {id} already exists")
        refused = refusal(Refused([BadRequest(malformed.message)]))
        self._send({"type": "error", "id": id, "payload": refused.errors})

    def _handle(self, message: Message, size: int) -> None:
        match message.get("type"):
            case "connection_init":
                self._initialise(payload_of(message))
            case "ping":
                echoed = {"payload": message["payload"]} if payload_of(message) is not None else {}
                self._send({"type": "pong", **echoed})
            case "pong":
                payload_of(message)
            case "subscribe":
                self._subscribe(id_of(message), message, size)
            case "complete":
                running = self._operations.pop(id_of(message), None)
                if running:
                    running.cut_short()
            case str() as unknown:
                raise Malformed(f"There is no message of type {quoted(unknown)}.")
            case _:
                raise Malformed("A message needs a 'type', which must be a string.")

    def _initialise(self, payload: Message | None) -> None:
        if self._is_initialised:
            raise CloseSocket(TOO_MANY, "Too many initialisation requests")
        try:
            token = token_in(payload or {})
            self._token = bearer(self._authorization) if token is None else token
        except Unauthenticated as problem:
            raise CloseSocket(FORBIDDEN, problem.message) from None
        known = self._engine.known(self._token, self._caller)
        if known:
            self._acknowledge(known)
            return
        self._waiting = []
        self._connection.pause()
        self._begin_task(self._look_up_token())

    async def _look_up_token(self) -> None:
        """Find out whose the token is, and go on with the messages that waited for it."""
        try:
            self._acknowledge(await self._engine.context(self._token, self._caller))
        except CloseSocket as closing:
            self._stop(closing)
        except Unauthenticated as problem:
            self._stop(CloseSocket(FORBIDDEN, problem.message))
        except (Unavailable, RateLimited) as problem:
            self._stop(CloseSocket(TRY_AGAIN, problem.message))
        except Exception as error:  # noqa: BLE001 - as in `_take`
            self._fail(error)
        else:
            waiting, self._waiting = self._waiting or [], None
            for text in waiting:
                self._take(text)
            self._connection.resume()

    def _acknowledge(self, context: Context) -> None:
        """Acknowledge the connection, unless this viewer has too many."""
        try:
            if context.viewer_id is not None and self._place:
                self._place.move(holder(context.viewer_id, self._caller.address))
        except RateLimited as problem:
            raise CloseSocket(TRY_AGAIN, problem.message) from None
        self._is_initialised = True
        if self._is_open:
            self._limit.cancel()
        # What is too large for its operation is refused there, and ends nothing else.
        largest = settings.socket_refused_bytes_max
        if context.viewer_id is not None:
            largest = max(largest, self._engine.request_bytes_max + ENVELOPE_BYTES_MAX)
        self._connection.limit_messages(largest)
        self._send({"type": "connection_ack"})
        self._keep_alive()
        if self._token is not None:
            no_longer = CloseSocket(FORBIDDEN, "The token is no longer valid")
            self._watch = self._engine.tokens.watch(self._token, self._caller, context, lambda: self.end(no_longer))

    def _keep_alive(self) -> None:
        """Have a timer look after the client now and then: it costs less than a task that sleeps."""
        silence_s = self._loop.time() - self._received_at
        if silence_s > settings.socket_silence_s_max:
            self.end(CloseSocket(SILENT, f"No message or pong for {silence_s:.0f} s"))
        elif silence_s >= settings.socket_ping_s:
            self._send({"type": "ping"})
        self._ping_timer = self._loop.call_later(settings.socket_ping_s, self._keep_alive)

    def _subscribe(self, id: str, message: Message, size: int) -> None:
        if not self._is_initialised:
            raise CloseSocket(UNAUTHENTICATED, "Unauthorized: initialise the connection first")
        if id in self._operations:
            raise CloseSocket(DUPLICATE, f"Subscriber for {id} already exists")
        request = parameters(message.get("payload"), size=size)
        if len(self._operations) >= settings.socket_subscriptions_max:
            limit = settings.socket_subscriptions_max
            full = LimitReached(f"A connection may run at most {limit} operations at a time.", limit=limit)
            self._send({"type": "error", "id": id, "payload": refusal(Refused([full])).errors})
            return
        self._begun += 1
        caller = self._caller._replace(request_id=f"{self._caller.request_id}.{self._begun}")
        running = self._operations[id] = Running(id, caller, request, self._outbox, self._free_id)
        bill = self._engine.bill(caller.address)
        running.task = self._begin_task(self._run(running, request, bill))

    def _free_id(self, running: Running) -> None:
        self._operations.pop(running.id, None)

    async def _run(self, running: Running, parameters: Parameters, bill: Bill) -> None:
        current.set(bill)
        await timed(self._begin(running, parameters, bill), bill)
        bill.settle()
        # From here on its group sends the answers, without this task.
        running.task = None

    async def _begin(self, running: Running, parameters: Parameters, bill: Bill) -> None:
        try:
            operation = await self._engine.prepare(parameters, token=self._token, caller=running.caller, bill=bill)
            running.observation.began(operation)
            if not self._engine.join(operation, running):
                running.end(await self._answer(operation, running))
        except Refused as refused:
            for error in refused.errors:
                if isinstance(error, Unauthenticated):
                    # The token held when the socket was opened.
                    self.end(CloseSocket(FORBIDDEN, error.message))
                    return
            running.end(refusal(refused, bill))
        except Malformed as malformed:
            running.end(refusal(Refused([BadRequest(malformed.message)]), bill))
        except Exception as error:  # noqa: BLE001 - one operation's failure is not the socket's
            running.end(accident(error, running.caller, bill))

    async def _answer(self, operation: Operation, running: Running) -> OperationResult | None:
        """Send an operation's results. Returns the reply that there is instead of results, if it fails as a whole."""
        async with aclosing(self._engine.replies(operation)) as replies:
            async for reply in replies:
                assert isinstance(reply, OperationResult), "what begins at a place is shared"
                # It pulls no further events while the client does not read.
                await self._outbox.room()
                operation.bill.settle(len(reply.json))
                if not reply.has_data:
                    return reply
                running.tell(reply)
        return None

    def _too_slow(self) -> None:
        """Close, and name the last cursor if there is only one: clients continue with it as `after`."""
        places = [running.written for running in self._operations.values()]
        last = f" Last cursor: {places[0].cursor}" if len(places) == 1 and places[0] else ""
        self.end(CloseSocket(TOO_SLOW, f"Too slow: the messages were not read.{last}"))

    def _send(self, message: Message) -> None:
        self._outbox.put((orjson.dumps(message),))
