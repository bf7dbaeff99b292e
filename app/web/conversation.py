"""What is said over one WebSocket: the messages of `graphql-transport-ws`, operations side by side, an orderly end."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import aclosing
from typing import Any, TypeVar

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.errors import LimitReached, RateLimited, Unauthenticated, Unavailable
from app.settings import settings
from app.web.engine import Engine
from app.web.errors import MASKED, Refused, record
from app.web.observe import Observation
from app.web.operation import Caller
from app.web.origin import bearer
from app.web.places import Place, holder
from app.web.reply import Reply, accident, refusal
from app.web.request import Malformed, Parameters, decode, parameters

ID_LENGTH_MAX = 128
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
E = TypeVar("E", bound=Exception)


class Ended(Exception):
    """The socket is to be closed with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


class Conversation:
    """One socket from its opening to its end. All its tasks live in one group: when one ends it, the others end too."""

    def __init__(self, websocket: WebSocket, engine: Engine, caller: Caller, place: Place) -> None:
        self._websocket = websocket
        self._engine = engine
        self._caller = caller
        self._place = place
        self._token: str | None = None
        self._initialised = asyncio.Event()
        self._ending = asyncio.Event()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._begun = 0
        self._tasks = asyncio.TaskGroup()
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()

    def end(self, after_s: float) -> None:
        """Ask for the end that makes clients connect again."""
        self._loop.call_later(after_s, self._ending.set)

    async def hold(self) -> Ended:
        """Talk until somebody ends it, and say how. Every operation has been cancelled and closed by then."""
        try:
            async with self._tasks:
                for task in (self._listen(), self._await_init(), self._await_end()):
                    self._tasks.create_task(task)
        except ExceptionGroup as group:
            ended = group.subgroup(Ended)
            if ended:
                return next(_leaves(ended))
            gone = group.subgroup(WebSocketDisconnect)
            if gone:
                raise next(_leaves(gone)) from None
            # The last net: a bug of ours ends one socket, and not silently.
            record(group, request_id=self._caller.request_id)
        return Ended(FAILED, MASKED)

    async def _listen(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code", 1005))
            self._heard = self._loop.time()
            try:
                await self._hear(_message(received.get("text")))
            except Malformed as malformed:
                raise Ended(INVALID, malformed.message) from None

    async def _await_init(self) -> None:
        try:
            async with asyncio.timeout(settings.socket_init_s_max):
                await self._initialised.wait()
        except TimeoutError:
            raise Ended(INIT_TIMEOUT, "Connection initialisation timeout") from None

    async def _await_end(self) -> None:
        await self._ending.wait()
        raise Ended(RESTART, "The server restarts: connect again")

    async def _hear(self, message: Message) -> None:
        match message.get("type"):
            case "connection_init":
                await self._init(_payload(message))
            case "ping":
                echoed = {"payload": message["payload"]} if _payload(message) is not None else {}
                await self._say({"type": "pong", **echoed})
            case "pong":
                _payload(message)
            case "subscribe":
                await self._subscribe(_id(message), message)
            case "complete":
                task = self._operations.pop(_id(message), None)
                if task:
                    task.cancel()
            case other:
                raise Malformed(f"There is no message of type {str(other)[:40]!r}.")

    async def _init(self, payload: Message | None) -> None:
        if self._initialised.is_set():
            raise Ended(TOO_MANY, "Too many initialisation requests")
        try:
            self._token = _token(payload or {})
            context = await self._engine.context(self._token, self._caller)
            if context.viewer_id is not None:
                self._place.move(holder(context.viewer_id, self._caller.address))
        except Unauthenticated as problem:
            raise Ended(FORBIDDEN, problem.message) from None
        except Unavailable as problem:
            raise Ended(TRY_AGAIN, problem.message) from None
        except RateLimited as problem:
            raise Ended(TOO_MANY, problem.message) from None
        self._initialised.set()
        await self._say({"type": "connection_ack"})
        self._tasks.create_task(self._keep_alive())
        self._tasks.create_task(self._watch(self._engine.token_end(self._token, self._caller, context)))

    async def _watch(self, token_end: Coroutine[Any, Any, None]) -> None:
        await token_end
        raise Ended(FORBIDDEN, "The token no longer holds")

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(settings.socket_ping_s)
            silence_s = self._loop.time() - self._heard
            if silence_s > settings.socket_silence_s_max:
                raise Ended(SILENT, f"No sign of life for {silence_s:.0f} s")
            if silence_s >= settings.socket_ping_s:
                await self._say({"type": "ping"})

    async def _subscribe(self, id: str, message: Message) -> None:
        if not self._initialised.is_set():
            raise Ended(UNAUTHENTICATED, "Unauthorized: initialise the connection first")
        if id in self._operations:
            raise Ended(DUPLICATE, f"Subscriber for {id} already exists")
        asked = parameters(message.get("payload"))
        if len(self._operations) >= settings.socket_subscriptions_max:
            limit = settings.socket_subscriptions_max
            full = LimitReached(f"One connection runs {limit} operations at a time.", limit=limit)
            await self._refuse(id, refusal(Refused([full])))
            return
        self._begun += 1
        caller = Caller(f"{self._caller.request_id}.{self._begun}", self._caller.address, self._caller.transport)
        self._operations[id] = self._tasks.create_task(self._operate(id, asked, caller))

    async def _operate(self, id: str, asked: Parameters, caller: Caller) -> None:
        task = asyncio.current_task()
        try:
            with Observation(caller, asked) as seen:
                failed = await self._answer(id, asked, caller, seen)
                if failed:
                    seen.answered(failed)
        finally:
            # Free before the client hears of it: it may use the id again at once.
            if self._operations.get(id) is task:
                del self._operations[id]
        if failed:
            await self._refuse(id, failed)
        else:
            await self._say({"type": "complete", "id": id})

    async def _answer(self, id: str, asked: Parameters, caller: Caller, seen: Observation) -> Reply | None:
        """Send an operation's results; the reply that there is instead of results, if it fails as a whole."""
        try:
            operation = await self._engine.prepare(asked, token=self._token, caller=caller)
            seen.began(operation)
            async with aclosing(self._engine.replies(operation)) as replies:
                async for reply in replies:
                    if not reply.has_data:
                        return reply
                    seen.answered(reply)
                    await self._say({"type": "next", "id": id, "payload": orjson.Fragment(reply.json)})
        except Refused as refused:
            for error in refused.errors:
                if isinstance(error, Unauthenticated):
                    # The token held when the socket was opened.
                    raise Ended(FORBIDDEN, error.message) from None
            return refusal(refused)
        except (Ended, WebSocketDisconnect):
            raise
        except Exception as error:  # noqa: BLE001 - one operation's failure is not the socket's
            return accident(error, caller)
        return None

    async def _refuse(self, id: str, reply: Reply) -> None:
        await self._say({"type": "error", "id": id, "payload": reply.errors})

    async def _say(self, message: Message) -> None:
        """Send, waiting for a slow reader, but not for ever. An operation waits here and pulls no further events."""
        try:
            async with asyncio.timeout(settings.socket_send_s_max):
                await self._websocket.send_text(orjson.dumps(message).decode())
        except TimeoutError:
            raise Ended(TOO_SLOW, "Too slow: the messages were not read") from None
        except RuntimeError:
            # The server has begun to close this connection itself.
            raise WebSocketDisconnect(1006) from None


def _leaves(group: ExceptionGroup[E]) -> Iterator[E]:
    for found in group.exceptions:
        if isinstance(found, ExceptionGroup):
            yield from _leaves(found)
        else:
            yield found


def _message(text: str | None) -> Message:
    if text is None:
        raise Malformed("A message is a text with a JSON object.")
    message = decode(text)
    if not isinstance(message, dict):
        raise Malformed("A message is a JSON object.")
    return message


def _payload(message: Message) -> Message | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Malformed("'payload' must be an object.")
    return payload


def _id(message: Message) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= ID_LENGTH_MAX:
        raise Malformed(f"'id' must be a text of 1 to {ID_LENGTH_MAX} characters.")
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
        raise Unauthenticated("'token' must be a text.")
    return token
