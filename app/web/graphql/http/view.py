"""GraphQL over HTTP: POST, GET, and server-sent events for whoever would rather have those."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing

import structlog
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from app.errors import DomainError, Unauthenticated
from app.settings import settings
from app.telemetry.metering import current, timed
from app.web.graphql.connection_slots import Places, holder
from app.web.graphql.errors import Refused, record
from app.web.graphql.execution import ANY_KIND, GraphQLEngine, WrongKind
from app.web.graphql.http import accept
from app.web.graphql.http.event_stream import send_events
from app.web.graphql.http.heads import EXPLAIN, IDEMPOTENCY_KEY, Head
from app.web.graphql.http.responses import Answer, answered, refused
from app.web.graphql.observe import Observation
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.operation import Caller, Operation
from app.web.graphql.operations.request import Malformed, Parameters, decode, parameters, posted, queried
from app.web.graphql.operations.results import Beginning, OperationResult, accident, refusal
from app.web.origin import address_of, bearer, foreign_browser, request_id_of
from app.web.request_body import Early, unless_gone

READING = frozenset({OperationType.QUERY, OperationType.SUBSCRIPTION})
SINGLE = ANY_KIND - {OperationType.SUBSCRIPTION}
# A body that has not arrived within this may never do: until then nothing need be known of who sends it.
AT_ONCE_S = 0.1
NAMES_DOCUMENT = frozenset({"query", "extensions", "documentId"})
WRONG = {
    OperationType.MUTATION: Malformed("Send mutations by POST.", status=405, headers={"Allow": "POST"}),
    OperationType.SUBSCRIPTION: Malformed(
        f"Subscriptions need a WebSocket or server-sent events: 'Accept: {accept.EVENTS}'.", status=406
    ),
}


log = structlog.get_logger(__name__)


class Endpoint:
    """An ASGI application, not a function: so that every method, even one we refuse, gets a GraphQL answer."""

    def __init__(self, engine: GraphQLEngine, places: Places) -> None:
        self._engine = engine
        self._places = places
        self._streams: set[asyncio.Event] = set()

    def end(self) -> None:
        """Close the event streams, so that their clients come again elsewhere."""
        for ending in self._streams:
            ending.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        media_types = accept.choices(request.headers.get("accept"))
        if (
            request.method == "GET"
            and media_types[:1] == [accept.HTML]
            and NAMES_DOCUMENT.isdisjoint(request.query_params)
        ):
            await RedirectResponse("/graphiql/", status_code=303)(scope, receive, send)
            return
        media_types = [media_type for media_type in media_types if media_type != accept.HTML]
        bill = self._engine.bill(address_of(scope))
        current.set(bill)
        await timed(self._receive(request, send, media_types, bill), bill)

    async def _receive(self, request: Request, send: Send, media_types: list[str], bill: Bill) -> None:
        try:
            posted_parameters = await self._asked(request, media_types, bill)
        except Refused as problem:
            early = Early.of(answered(refusal(problem, bill), media_types, bill).response())
            await early(request.scope, request.receive, send)
        except Malformed as malformed:
            await refused(malformed, media_types, bill).response()(request.scope, request.receive, send)
        except ClientDisconnect:
            return
        else:
            await unless_gone(request.receive, self._answer(request, send, posted_parameters, media_types, bill))

    async def _asked(self, request: Request, media_types: list[str], bill: Bill) -> Parameters:
        """What is asked; Refused if it takes long to arrive and comes with a token that does not hold."""
        reading = asyncio.ensure_future(self._parameters(request, media_types, bill))
        try:
            await asyncio.wait({reading}, timeout=AT_ONCE_S)
            authorization = request.headers.get("authorization")
            if not reading.done() and authorization is not None:
                caller = Caller(request_id_of(request.scope), address_of(request.scope), "http")
                await self._check_token(authorization, caller)
            return await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _check_token(self, authorization: str, caller: Caller) -> None:
        try:
            await self._engine.context(bearer(authorization), caller)
        except Unauthenticated as problem:
            raise Refused([problem]) from None
        except Exception as error:  # noqa: BLE001 - it will fail again where the whole request is answered
            log.debug("token not checked early", reason=type(error).__name__)

    def post(self, head: Head, request_id: str, body: bytes) -> Awaitable[Answer]:
        """The answer to a plain POST that came whole."""
        bill = self._engine.bill(head.address)
        current.set(bill)
        return timed(self._post(head, request_id, body, bill), bill)

    async def _post(self, head: Head, request_id: str, body: bytes, bill: Bill) -> Answer:
        try:
            posted_parameters = parameters(decode(body), size=len(body))
            if head.idempotency_key is not None:
                posted_parameters = posted_parameters.keyed(head.idempotency_key)
        except Malformed as malformed:
            return refused(malformed, head.media_types, bill)
        caller = Caller(request_id, head.address, "http", client=head.client)
        answer = await self._answered(caller, posted_parameters, head.authorization, SINGLE, head.media_types, bill)
        assert answer, "only what streams has none"
        return answer

    async def _parameters(self, request: Request, media_types: list[str], bill: Bill) -> Parameters:
        if request.method not in {"POST", "GET"}:
            raise Malformed("Send GraphQL requests by POST or GET.", status=405, headers={"Allow": "GET, POST"})
        if not media_types:
            raise Malformed(
                f"Answers are available as {accept.RESPONSE}, {accept.JSON} or {accept.EVENTS}.", status=406
            )
        if request.method == "POST":
            posted_parameters = await posted(request, await self._bytes_max(request, bill))
            return posted_parameters.keyed(request.headers.get(IDEMPOTENCY_KEY))
        if foreign_browser(request.headers):
            raise Malformed("GET requests from another site need the header 'X-Requested-With'.", status=403)
        return queried(request)

    async def _bytes_max(self, request: Request, bill: Bill) -> int:
        """How large its body may be: more than usual only with a token that holds, which is looked at before it."""
        declared, authorization = request.headers.get("content-length", ""), request.headers.get("authorization")
        is_usual = declared.isdecimal() and int(declared[:20]) <= settings.request_bytes_max
        if is_usual or authorization is None:
            return settings.request_bytes_max
        address = address_of(request.scope)
        try:
            caller = Caller(request_id_of(request.scope), address, "http")
            context = await self._engine.context(bearer(authorization), caller)
            if not bill.begin(context.viewer_id):
                await bill.fill()
        except DomainError as problem:
            raise Refused([problem]) from None
        return self._engine.request_bytes_max

    async def _answer(
        self, request: Request, send: Send, posted_parameters: Parameters, media_types: list[str], bill: Bill
    ) -> None:
        scope = request.scope
        streams = media_types[0] == accept.EVENTS
        explains, client = request.headers.get(EXPLAIN) == "1", request.headers.get("user-agent", "")
        caller = Caller(request_id_of(scope), address_of(scope), "sse" if streams else "http", explains, client)
        kinds = ANY_KIND if request.method == "POST" else READING
        if accept.EVENTS not in media_types:
            kinds -= {OperationType.SUBSCRIPTION}
        authorization = request.headers.get("authorization")
        posted_parameters = posted_parameters._replace(last_event_id=request.headers.get("last-event-id"))
        answer = await self._answered(caller, posted_parameters, authorization, kinds, media_types, bill, send)
        if answer:
            await answer.response()(scope, request.receive, send)

    async def _answered(
        self,
        caller: Caller,
        posted_parameters: Parameters,
        authorization: str | None,
        kinds: frozenset[OperationType],
        media_types: Sequence[str],
        bill: Bill,
        send: Send | None = None,
    ) -> Answer | None:
        """The answer, or None if it was streamed by `send`."""
        with Observation(caller, posted_parameters) as seen:
            try:
                token = bearer(authorization)
                operation = await self._engine.prepare(
                    posted_parameters, token=token, caller=caller, bill=bill, kinds=kinds
                )
                seen.began(operation)
                if send and (caller.transport == "sse" or operation.kind is OperationType.SUBSCRIPTION):
                    await self._stream(operation, token, send, seen)
                    return None
                reply = await self._engine.run(operation)
            except WrongKind as wrong:
                return refused(WRONG[wrong.kind], media_types, bill)
            except Malformed as malformed:
                return refused(malformed, media_types, bill)
            except (Refused, DomainError) as failed:
                reply = refusal(failed if isinstance(failed, Refused) else Refused([failed]), bill)
            except Exception as error:  # noqa: BLE001 - the last net: whatever happened, the client gets an answer
                reply = accident(error, caller, bill)
            except asyncio.CancelledError:
                # The client has left; what was done for it was done.
                bill.settle()
                raise
            seen.answered(reply)
            return answered(reply, media_types, bill)

    async def _stream(self, operation: Operation, token: str | None, send: Send, seen: Observation) -> None:
        """Send events until they end, the client goes, its token ends, or we do."""
        place = self._places.take(holder(operation.context.viewer_id, operation.caller.address))
        ending = asyncio.Event()
        self._streams.add(ending)
        tokens = self._engine.tokens
        watch = tokens.watch(token, operation.caller, operation.context, ending.set) if token is not None else None

        async def replies() -> AsyncGenerator[OperationResult | Beginning, None]:
            async with aclosing(self._engine.replies(operation)) as streams:
                async for reply in streams:
                    if isinstance(reply, OperationResult):
                        seen.answered(reply)
                        operation.bill.settle(len(reply.json))
                    yield reply

        try:
            await send_events(replies(), send, ending)
        except TimeoutError:
            # The client took nothing for too long; closing the connection is all that is left to say.
            return
        except Exception as error:  # noqa: BLE001 - the answer has begun: it can end, but not become another
            record(error, request_id=operation.caller.request_id)
        finally:
            if watch:
                watch.cancel()
            self._streams.discard(ending)
            place.leave()
            operation.bill.settle()
