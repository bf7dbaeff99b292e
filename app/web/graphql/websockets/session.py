"""What is said over one WebSocket: the messages of `graphql-transport-ws`, operations side by side, an orderly end."""

import asyncio
import re
from contextlib import aclosing
from typing import Any

import orjson
from starlette.types import Receive

from app.errors import BadRequest, LimitReached, RateLimited, Unauthenticated, Unavailable, quoted
from app.settings import settings
from app.telemetry.metering import current, timed
from app.web.graphql.connection_slots import Slot, holder
from app.web.graphql.errors import MASKED, Refused, record
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.operation import Caller, Operation
from app.web.graphql.operations.request import Malformed, Parameters, decode, parameters
from app.web.graphql.operations.results import OperationResult, accident, refusal
from app.web.graphql.subscriptions.token_checks import Watch
from app.web.graphql.websockets.operation import Running
from app.web.graphql.websockets.outbox import Line, Outbox
from app.web.origin import bearer

ID_LENGTH_MAX = 128
OPENING = re.compile(r'"(id|type)"\s*:\s*"([^"\\]+)"')
OPENING_LENGTH_MAX = 300
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

Message = dict[str, Any]


class Ended(Exception):
    """The socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


class Conversation:
    """One socket from its opening to its end. It has a task of its own only for what it hears and what is asked."""

    def __init__(
        self,
        line: Line,
        receive: Receive,
        engine: GraphQLEngine,
        caller: Caller,
        place: Slot,
        authorization: str | None = None,
    ) -> None:
        self._line = line
        self._receive = receive
        self._engine = engine
        self._caller = caller
        self._place = place
        self._authorization = authorization
        self._token: str | None = None
        self._is_initialised = False
        self._outbox = Outbox(line, self._too_slow)
        self._operations: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = 0
        self._limit = asyncio.timeout(settings.socket_init_s_max)
        self._is_open = True
        self._ended: Ended | None = None
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._beat: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None

    async def hold(self) -> Ended | None:
        """Talk until somebody ends it, and say how; None if the client has gone. Nothing runs on it any more then."""
        try:
            async with self._limit:
                await self._listen()
        except Ended as ended:
            return ended
        except Exception as error:  # noqa: BLE001 - the last net: a bug of ours ends one socket, and not silently
            if isinstance(error, TimeoutError) and self._limit.expired():
                return self._ended or Ended(INIT_TIMEOUT, "Connection initialisation timeout")
            record(error, request_id=self._caller.request_id)
            return Ended(FAILED, MASKED)
        finally:
            await self._stop()
        return None

    def end(self, ended: Ended, *, after_s: float = 0) -> None:
        """Have it closed with this code and reason. The first who says so is heard."""
        if self._is_open and not self._limit.expired():
            self._is_open, self._ended = False, ended
            self._limit.reschedule(self._loop.time() + after_s)

    async def _stop(self) -> None:
        self._is_open = False
        self._outbox.close()
        if self._beat:
            self._beat.cancel()
        if self._watch:
            self._watch.cancel()
        for running in self._operations.values():
            running.cut_short()
        self._operations.clear()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _listen(self) -> None:
        while True:
            received = await self._receive()
            if received["type"] == "websocket.disconnect":
                return
            self._heard = self._loop.time()
            text = received.get("text")
            try:
                await self._hear(_message(text), len(text.encode()) if text else 0)
            except Malformed as malformed:
                self._refuse(malformed, text or "")

    def _refuse(self, malformed: Malformed, text: str) -> None:
        """Say it of the operation that it is about, if it is about one; else it ends the socket."""
        message: Message = malformed.decoded if isinstance(malformed.decoded, dict) else {}
        if malformed.status == 413:
            # It was not decoded, being too large for that.
            message = _opening(text)
        id = message.get("id")
        if not (self._is_initialised and message.get("type") == "subscribe" and _is_id(id)):
            raise Ended(INVALID, malformed.message)
        if id in self._operations:
            raise Ended(DUPLICATE, f"Subscriber for {id} already exists")
        refused = refusal(Refused([BadRequest(malformed.message)]))
        self._say({"type": "error", "id": id, "payload": refused.errors})

    async def _hear(self, message: Message, size: int) -> None:
        match message.get("type"):
            case "connection_init":
                await self._init(_payload(message))
            case "ping":
                echoed = {"payload": message["payload"]} if _payload(message) is not None else {}
                self._say({"type": "pong", **echoed})
            case "pong":
                _payload(message)
            case "subscribe":
                self._subscribe(_id(message), message, size)
            case "complete":
                running = self._operations.pop(_id(message), None)
                if running:
                    running.cut_short()
            case str() as unknown:
                raise Malformed(f"There is no message of type {quoted(unknown)}.")
            case _:
                raise Malformed("A message needs a 'type', which must be a string.")

    async def _init(self, payload: Message | None) -> None:
        if self._is_initialised:
            raise Ended(TOO_MANY, "Too many initialisation requests")
        try:
            token = _token(payload or {})
            self._token = bearer(self._authorization) if token is None else token
            context = await self._engine.context(self._token, self._caller)
            if context.viewer_id is not None:
                self._place.move(holder(context.viewer_id, self._caller.address))
        except Unauthenticated as problem:
            raise Ended(FORBIDDEN, problem.message) from None
        except (Unavailable, RateLimited) as problem:
            raise Ended(TRY_AGAIN, problem.message) from None
        self._is_initialised = True
        if self._is_open:
            self._limit.reschedule(None)
        # What is too large for its operation is refused there, and ends nothing else.
        largest = settings.socket_refused_bytes_max
        if context.viewer_id is not None:
            largest = max(largest, self._engine.request_bytes_max + ENVELOPE_BYTES_MAX)
        self._line.admit(largest)
        self._say({"type": "connection_ack"})
        self._keep_alive()
        if self._token is not None:
            no_longer = Ended(FORBIDDEN, "The token is no longer valid")
            self._watch = self._engine.tokens.watch(self._token, self._caller, context, lambda: self.end(no_longer))

    def _keep_alive(self) -> None:
        """Have a timer look after the client now and then: it costs less than a task that sleeps."""
        silence_s = self._loop.time() - self._heard
        if silence_s > settings.socket_silence_s_max:
            self.end(Ended(SILENT, f"No message or pong for {silence_s:.0f} s"))
        elif silence_s >= settings.socket_ping_s:
            self._say({"type": "ping"})
        self._beat = self._loop.call_later(settings.socket_ping_s, self._keep_alive)

    def _subscribe(self, id: str, message: Message, size: int) -> None:
        if not self._is_initialised:
            raise Ended(UNAUTHENTICATED, "Unauthorized: initialise the connection first")
        if id in self._operations:
            raise Ended(DUPLICATE, f"Subscriber for {id} already exists")
        given_parameters = parameters(message.get("payload"), size=size)
        if len(self._operations) >= settings.socket_subscriptions_max:
            limit = settings.socket_subscriptions_max
            full = LimitReached(f"A connection may run at most {limit} operations at a time.", limit=limit)
            self._say({"type": "error", "id": id, "payload": refusal(Refused([full])).errors})
            return
        self._begun += 1
        caller = self._caller._replace(request_id=f"{self._caller.request_id}.{self._begun}")
        running = self._operations[id] = Running(id, caller, given_parameters, self._outbox, self._over)
        bill = self._engine.bill(caller.address)
        task = running.task = asyncio.create_task(self._operate(running, given_parameters, bill))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _over(self, running: Running) -> None:
        self._operations.pop(running.id, None)

    async def _operate(self, running: Running, parameters: Parameters, bill: Bill) -> None:
        current.set(bill)
        await timed(self._begin(running, parameters, bill), bill)
        bill.settle()
        # From here on its group tells it, without this task.
        running.task = None

    async def _begin(self, running: Running, parameters: Parameters, bill: Bill) -> None:
        try:
            operation = await self._engine.prepare(parameters, token=self._token, caller=running.caller, bill=bill)
            running.seen.began(operation)
            if not self._engine.join(operation, running):
                running.end(await self._answer(operation, running))
        except Refused as refused:
            for error in refused.errors:
                if isinstance(error, Unauthenticated):
                    # The token held when the socket was opened.
                    self.end(Ended(FORBIDDEN, error.message))
                    return
            running.end(refusal(refused, bill))
        except Malformed as malformed:
            running.end(refusal(Refused([BadRequest(malformed.message)]), bill))
        except Exception as error:  # noqa: BLE001 - one operation's failure is not the socket's
            running.end(accident(error, running.caller, bill))

    async def _answer(self, operation: Operation, running: Running) -> OperationResult | None:
        """Say an operation's results; the reply that there is instead of results, if it fails as a whole."""
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
        """Close, and if there is one place to go on from, name it: clients continue with it as `after`."""
        places = [running.written for running in self._operations.values()]
        last = f" Last cursor: {places[0].cursor}" if len(places) == 1 and places[0] else ""
        self.end(Ended(TOO_SLOW, f"Too slow: the messages were not read.{last}"))

    def _say(self, message: Message) -> None:
        self._outbox.put((orjson.dumps(message),))


def _message(text: str | None) -> Message:
    if text is None:
        raise Malformed("A message must be a text frame with a JSON object.")
    message = decode(text)
    if not isinstance(message, dict):
        raise Malformed("A message must be a JSON object.")
    return message


def _payload(message: Message) -> Message | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Malformed("'payload' must be an object.")
    return payload


def _opening(text: str) -> Message:
    """The id and the type of a message that is refused unread, where they come first, as clients write them."""
    return dict(pair for pair in OPENING.findall(text.partition('"payload"')[0][:OPENING_LENGTH_MAX]))


def _is_id(id: object) -> bool:
    return isinstance(id, str) and 0 < len(id) <= ID_LENGTH_MAX


def _id(message: Message) -> str:
    id: str = message.get("id", "")
    if not _is_id(id):
        raise Malformed(f"'id' must be a string of 1 to {ID_LENGTH_MAX} characters.")
    return id


def _token(payload: Message) -> str | None:
    """The token in `connectionParams`: as the header would be, or by itself."""
    for name, value in payload.items():
        if name.lower() == "authorization" and value is not None:
            return bearer(str(value))
    token = payload.get("token")
    if token is None or token == "":
        return None
    if not isinstance(token, str):
        raise Unauthenticated("'token' must be a string.")
    return token
