"""Queries and subscriptions that jobs ask: for a viewer instead of a token, without a request.

It is built of the parts of the API: the same documents, limits, plans and rights.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, lru_cache
from typing import Any

import orjson
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    parse,
)

from app.database import Database
from app.errors import Code, Conflict, DomainError, Invalid, Unavailable
from app.events.dispatcher import EventDispatcher
from app.events.signals import Signals
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.gateways.outside import Outage
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.base import Base
from app.models.kinds import Audience, WebhookTopic
from app.policies import Viewer
from app.rates import Rates
from app.services.integrations.answering import RowPage
from app.settings import settings
from app.web.graphql.documents.bulk import AFTER, COUNT, FIELD, FIRST, Paged, paged
from app.web.graphql.documents.cache import Documents
from app.web.graphql.errors import Refused
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.operation import Caller, Operation
from app.web.graphql.operations.results import OperationResult
from app.web.graphql.subscriptions.answers import NoSource, reply_to, source_of
from resolvers import ids
from resolvers.context import Context
from resolvers.feed_delivery import FeedDelivery
from resolvers.plan import DEFINITION, Plans
from resolvers.plan.declared import METADATA
from resolvers.system.nodes import SHOWN
from schema import schema
from schema.limits import Limits

CORE = schema._schema  # noqa: SLF001 - Strawberry has no public name for graphql-core's schema
HIDDEN = {Code.NOT_FOUND, Code.FORBIDDEN, Code.UNAUTHENTICATED}
PASSING = {Code.UNAVAILABLE, Code.TIMEOUT}
CALLER = Caller("job", "", "http")
ROWS_AT_ONCE = (1, 2, 5, 10, 20, 50)


@cache
def engine() -> GraphQLEngine:
    """What runs operations; nobody brings it a token."""
    return GraphQLEngine(schema, context=_no_tokens, limits=Limits(schema), plans=Plans(schema))


def documents() -> Documents:
    """The documents of this process, with their plans."""
    return engine().documents


async def _no_tokens(token: str | None, caller: Caller) -> Context:
    raise AssertionError(f"a job has a viewer: {token}, {caller}")


@lru_cache(100)
def paged_document(text: str) -> Paged:
    """How a bulk query is asked page by page; Invalid if it is none."""
    try:
        documents().get(text)
        return paged(CORE, parse(text))
    except Refused as refused:
        raise Invalid(FIELD, str(refused)[:NOTE_LENGTH_MAX]) from None


class Answers:
    """Answers on the connections of a worker."""

    def __init__(self, database: Database, rates: Rates, signals: Signals) -> None:
        redis_url = str(settings.redis_url)
        # Never begun: nothing here waits for events to come.
        events = EventDispatcher(database.engine, database.reader, redis_url)
        self._parts = database, events, signals, FeedDelivery(database), rates

    async def event(self, viewer: Viewer, topic: WebhookTopic, event: StreamEvent) -> dict[str, Any] | None:
        """An event as the topic's subscription shows it; None if the viewer may not see it."""
        operation = self._operation(viewer, document_of(topic), variables_of(topic, event))
        try:
            source = await source_of(operation)
            assert isinstance(source, SourceStream), "a stream for webhooks is shared"
            assert source.topic == event.topic, f"{topic.name} is about another event"
            value = await source.read(event)
        except NoSource as none:
            return _shown(none.reply)
        except DomainError as error:
            if error.code in HIDDEN:
                return None
            raise
        return None if value is None else _shown(await reply_to(value, operation))

    def check(self, document: str, variables: dict[str, Any]) -> None:
        """Raises Invalid for what is no bulk query, or one that not even a page of one row could answer."""
        page = paged_document(document)
        values = {name: value for name, value in variables.items() if name in page.variables}
        try:
            _rows_at_once(page, values)
            documents().get(page.text).taken({**values, **_place(1, None, is_counted=False)}, _permit)
        except Refused as refused:
            raise Invalid("variables", str(refused)[:NOTE_LENGTH_MAX]) from None

    def columns(self, document: str) -> tuple[tuple[str, ...], ...] | None:
        """The keys of the values of each row, if they fit into a table."""
        return paged_document(document).columns

    async def rows(
        self, viewer: Viewer, document: str, variables: dict[str, Any], *, after: str | None, is_counted: bool
    ) -> RowPage:
        """The next rows of a bulk query's list."""
        page = paged_document(document)
        values = {name: value for name, value in variables.items() if name in page.variables}
        place = _place(_rows_at_once(page, values), after, is_counted=is_counted)
        reply = await engine().run(self._operation(viewer, page.text, {**values, **place}))
        if reply.errors:
            message = str(reply.errors[0]["message"])
            raise Unavailable(message) if not PASSING.isdisjoint(reply.codes) else Conflict(message)
        rows = orjson.loads(reply.json)["data"]
        for key in page.path:
            rows = rows and rows.get(key)
        if rows is None:
            raise Conflict("What the list belongs to does not exist, or you may not see it.")
        info = rows["pageInfo"]
        return RowPage(rows["nodes"], info["endCursor"] if info["hasNextPage"] else None, rows.get("totalCount"))

    def _operation(self, viewer: Viewer, text: str, variables: dict[str, Any]) -> Operation:
        prepared = documents().get(text)
        context = Context(*self._parts, viewer=viewer, actor=viewer)
        bill = Bill(None, "")
        bill.requested = 0  # nobody pays: what jobs ask is bounded by their turns
        return Operation(CALLER, prepared, context, bill, prepared.taken(variables, context.permit))


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Answers]:
    """What answers jobs, for one errand."""
    redis_url = str(settings.redis_url)
    rates, signals = Rates(redis_url), Signals(redis_url)
    try:
        yield Answers(database, rates, signals)
    finally:
        await signals.stop()
        await rates.close()


def _permit(scope: object) -> None:
    """Whoever asks has an account: keys are asked for READ when they begin."""
    del scope


def _place(first: int, after: str | None, *, is_counted: bool) -> dict[str, Any]:
    return {FIRST: first, AFTER: after, COUNT: is_counted}


def _rows_at_once(page: Paged, values: dict[str, Any]) -> int:
    """The largest page that costs no more than one operation may."""
    size_max = page.connection.extensions[DEFINITION].metadata[METADATA].size_max
    cost = documents().get(page.text).cost
    for first in (size_max, *(each for each in reversed(ROWS_AT_ONCE) if each < size_max)):
        if cost({**values, **_place(first, None, is_counted=True)}) <= settings.document_cost_max:
            return int(first)
    raise Invalid(FIELD, "Each row of this list costs more than one operation may. Ask for less of each row.")


def _shown(reply: OperationResult) -> dict[str, Any] | None:
    shown = orjson.loads(reply.json).get("data") or {}
    for value in shown.values():
        if value is not None:
            event: dict[str, Any] = value
            return event
    if not HIDDEN.isdisjoint(reply.codes):
        return None
    raise Outage("The body of this event", "could not be made", heals=True)


def variables_of(topic: WebhookTopic, event: StreamEvent) -> dict[str, Any]:
    """The arguments of the topic's subscription that bring this event."""
    if topic.audience is not Audience.OWNERS:
        return {}
    table = Base.metadata.tables[topic.table]
    [model] = [model for model in SHOWN.values() if model.__table__ is table]
    return {"id": ids.encode_key(model, int(event.topic.partition(":")[2]))}


@cache
def document_of(topic: WebhookTopic) -> str:
    """The subscription of a topic, asked for its values and for the columns of the rows that it names."""
    name = name_of(topic)
    field = _subscriptions()[name]
    required = [argument for argument, declared in field.args.items() if is_required_argument(declared)]
    head, arguments = ("($id: ID!)", f"({required[0]}: $id)") if required else ("", "")
    return f"subscription {head} {{ {name}{arguments} {{ {_selection(field.type, depth=1)} }} }}"


def name_of(topic: WebhookTopic) -> str:
    """The field of a topic's subscription."""
    names = {name: field.extensions[DEFINITION].python_name for name, field in _subscriptions().items()}
    [name] = [name for name, python_name in names.items() if python_name == topic.name.lower()]
    return name


def _subscriptions() -> dict[str, GraphQLField]:
    assert CORE.subscription_type, "there are subscriptions"
    fields: dict[str, GraphQLField] = CORE.subscription_type.fields
    return fields


def _selection(kind: GraphQLOutputType, *, depth: int) -> str:
    """The values of an object, and at `depth` 1 what it names; of a row its id and its columns."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType):
        is_node = isinstance(named, GraphQLInterfaceType) and "id" in named.fields
        return "__typename id" if is_node else "__typename ... on Node { id }"
    parts = []
    for name, field in named.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if is_leaf_type(get_named_type(field.type)):
            if depth or name == "id" or field.extensions[DEFINITION].base_resolver is None:
                parts.append(name)
        elif depth:
            parts.append(f"{name} {{ {_selection(field.type, depth=depth - 1)} }}")
    return " ".join(parts)
