"""A row by its key: answered without a task or with one, the same bytes come over the wire."""

import asyncio
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from app.main import build
from app.postgres import pipeline
from app.services.viewers import _of_this_process
from app.settings import settings
from app.web.graphql.http.lookups import Lookup
from app.web.graphql.operations.budget import Budget
from app.web.server import Server, configuration
from resolvers import ids
from resolvers.system.nodes import SHOWN
from tests.fuzz import FACTOR
from tests.plan.operations import CORE
from tests.plan.rows import World, world
from tests.plan.search import SEED
from tests.silence import PATIENCE_S, until

SELECTIONS = 3 * FACTOR
VIEWERS = [None, "owner", "other", "staff"]
HEADERS = [
    {},
    {"accept": "application/graphql-response+json"},
    {"accept-encoding": "gzip"},
    {"x-request-id": "my-own"},
    {"accept": "*/*", "user-agent": "a client"},
]
# A minute's allowance is spent by whoever asked before, and the work of each run is another.
SPENT = re.compile(
    rb"\r\n(date|content-length): [^\r]+|(?<=x-request-id: )[0-9a-f]{32}|(?<=;r=)\d+;t=\d+"
    rb'|"(actual|remaining|reset)":\d+|"requestId":"[0-9a-f]{32}"'
)


def single_fields() -> dict[str, GraphQLObjectType]:
    """The root fields that find a table's row by its id alone."""
    found = {}
    for name, definition in CORE.query_type.fields.items():
        kind = get_named_type(definition.type)
        if [*definition.args] == ["id"] and kind.name in SHOWN and isinstance(kind, GraphQLObjectType):
            found[name] = kind
    return found


SINGLE = single_fields()


class Line:
    """One kept connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, document: str, variables: dict[str, Any], viewer: str | None, headers: dict[str, str]) -> bytes:
        self.send(document, variables, viewer, headers)
        return await self.receive()

    def send(self, document: str, variables: dict[str, Any], viewer: str | None, headers: dict[str, str]) -> None:
        body = json.dumps({"query": document, "variables": variables}).encode()
        every = {"host": "api", "content-type": "application/json", "content-length": str(len(body))} | headers
        every |= {"authorization": f"Bearer {viewer}"} if viewer else {}
        lines = [f"{name}: {value}" for name, value in every.items()]
        self.writer.write("\r\n".join(["POST /graphql HTTP/1.1", *lines, "", ""]).encode() + body)

    async def receive(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            [length] = re.findall(rb"(?m)^content-length: (\d+)\r$", head)
            body = await self.reader.readexactly(int(length))
        return head + (gzip.decompress(body) if b"content-encoding: gzip" in head else body)


@dataclass
class Ways:
    """A server that looks rows up without a task, and one that does not, over the same rows."""

    servers: list[Server]
    budgets: list[Budget]
    lines: list[Line] = field(default_factory=list)

    async def ask(
        self, document: str, variables: dict[str, Any], viewer: str | None, headers: dict[str, str] | None = None
    ) -> tuple[bytes, bytes]:
        answers = [await line.ask(document, variables, viewer, headers or {}) for line in self.lines]
        return SPENT.sub(b"", answers[0]), SPENT.sub(b"", answers[1])


@asynccontextmanager
async def line_to(server: Server) -> AsyncIterator[Line]:
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def served(url: str, *, hurries: bool) -> AsyncIterator[tuple[Server, Budget]]:
    settings.database_url, before = url, settings.database_url
    api = build()
    settings.database_url = before
    hurry = api.graphql.hurry if hurries else None
    server = Server(
        configuration(api.app, post=api.graphql.post, hurry=hurry, port=0), leaving=api.leaving, end=api.graphql.end
    )
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    try:
        yield server, api.graphql._endpoint._engine.bill.args[0]
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="module")
async def ways(filled: Callable[[str, World], str]) -> AsyncIterator[Ways]:
    url = filled("looked_up", world(SEED))
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(settings, "viewer_cache_s", 3_600)
        patch.setattr(settings, "viewer_cost_per_minute_max", 10_000_000)
        patch.setattr(pipeline, "PAUSE_S", 0)
        servers, budgets = zip(
            *[await stack.enter_async_context(served(url, hurries=hurries)) for hurries in (True, False)], strict=True
        )
        ways = Ways(servers, budgets, [await stack.enter_async_context(line_to(server)) for server in servers])
        yield ways


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many answers came without a task."""
    counts: Counter[str] = Counter()
    tell = Lookup._tell

    def counted(self: Lookup, reply: Any) -> None:
        counts["told"] += 1
        tell(self, reply)

    monkeypatch.setattr(Lookup, "_tell", counted)
    return counts


ROWS = world(SEED).rows
STAFF = 3


@pytest.fixture
async def known(ways: Ways, told: Counter[str]) -> dict[str, Any]:
    """What is asked for: the document has been planned, it is known whose the token is, and there is a connection."""
    variables = {"id": ids.encode(ROWS["Dataset"][0])}
    async with asyncio.timeout(PATIENCE_S):
        while not told["told"]:
            await ways.ask(ASKED, variables, "staff")
    told.clear()
    return variables


def selection(kind: GraphQLObjectType, chance: random.Random) -> str:
    """Some of the fields that are told of the row alone, in ways that documents have of saying so."""
    leaves = [name for name, each in kind.fields.items() if is_leaf_type(get_named_type(each.type)) and not each.args]
    chosen = chance.sample(leaves, min(len(leaves), chance.choice([1, 3, 8, len(leaves)])))
    parts = [*chosen, *[f"again{number}: {name}" for number, name in enumerate(chosen[:2])], "__typename"]
    chance.shuffle(parts)
    half = len(parts) // 2
    return f"{{ {' '.join(parts[:half])} ... on {kind.name} {{ {' '.join(parts[half:])} }} }}"


def document_of(name: str, selected: str, *, alias: str = "") -> str:
    type_name = CORE.query_type.fields[name].args["id"].type
    return f"query Q($id: {type_name}) {{ {alias}{name}(id: $id) {selected} }}"


ASKED = document_of("dataset", "{ id name }")


def ids_of(kind: GraphQLObjectType, chance: random.Random) -> list[Any]:
    """Rows that are there, others that are not, and what is no id of this type."""
    there = [ids.encode(row) for row in chance.sample(ROWS[kind.name], min(3, len(ROWS[kind.name])))]
    model = SHOWN[kind.name]
    return [*there, ids.encode_key(model, 99_999), ids.encode_key(model, 2**70), "nonsense", "", 7, None, ["x"]]


@pytest.mark.fuzz
@pytest.mark.parametrize("name", SINGLE)
async def test_both_ways_answer_with_the_same_bytes(ways, name):
    kind, chance = SINGLE[name], random.Random(f"{SEED} {name}")
    for _ in range(SELECTIONS):
        document = document_of(name, selection(kind, chance), alias=chance.choice(["", "it: "]))
        for id in ids_of(kind, chance):
            for viewer in [*chance.sample(VIEWERS, 2), "staff"]:
                one, other = await ways.ask(document, {"id": id}, viewer, chance.choice(HEADERS))
                assert one == other, f"SEED={SEED} {document} {id} {viewer}"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("name", SINGLE)
async def test_a_row_of_any_type_is_told_without_a_task(ways, told, name):
    for row in ROWS[SINGLE[name].name]:
        for _ in range(3):  # the first time its document is planned, and in between an allowance may end
            one, other = await ways.ask(document_of(name, "{ id __typename }"), {"id": ids.encode(row)}, "staff")
        assert one == other
        if b'"errors"' not in one:
            break
    assert told["told"] >= 1


async def test_what_is_more_than_a_row_is_not(ways, known, told):
    more = ["{ user { id } }", "{ aois(first: 2) { nodes { id } } }", "{ id name modelCount: aois { totalCount } }"]
    for document in [document_of("dataset", each) for each in more] + [
        "query Q($id: ID!) { dataset(id: $id) { id } again: dataset(id: $id) { id } }",
        "query Q($id: ID!) { dataset(id: $id) { id } me { id } }",
        "query Q($id: ID!) { dataset(id: $id) { id } datasets(first: 2) { nodes { id } } }",
        "query Q($id: ID!, $no: Boolean = false) { dataset(id: $id) @include(if: $no) { id } }",
        "query Q($id: ID!) { datasets(first: 2) { nodes { id } } typed: __typename node(id: $id) { id __typename } }",
    ]:
        for _ in range(3):
            one, other = await ways.ask(document, known, "staff")
            assert one == other
    assert told["told"] == 0


async def test_a_choice_of_fields_is_made_anew_each_time(ways, known, told):
    document = "query Q($id: ID!, $all: Boolean!) { dataset(id: $id) { id name @include(if: $all) } }"
    for all_ in (True, False, True, False):
        one, other = await ways.ask(document, {**known, "all": all_}, "staff")
        assert one == other
        assert (b'"name":' in one) == all_
    assert told["told"] == 2


@pytest.mark.parametrize("there", [True, False])
async def test_who_asks_pays_once(ways, known, there):
    variables = known if there else {"id": ids.encode_key(SHOWN["Dataset"], 99_999)}
    for line, budget in zip(ways.lines, ways.budgets, strict=True):
        purse = budget.purse(STAFF, "")
        for _ in range(3):
            before = purse.left
            answer = await line.ask(ASKED, variables, "staff", {})
            cost = json.loads(answer.partition(b"\r\n\r\n")[2])["extensions"]["cost"]
            assert before - purse.left == cost["actual"]


# What goes wrong


@pytest.fixture
def outside(servers) -> Iterator[psycopg.Connection]:
    """A connection past the API, to the same rows."""
    with servers.connect("looked_up") as connection:
        yield connection


@contextmanager
def held(servers) -> Iterator[None]:
    """While it is open, nobody can read a dataset."""
    with servers.connect("looked_up") as holder, holder.transaction():
        holder.execute("LOCK TABLE datasets IN ACCESS EXCLUSIVE MODE")
        yield


WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = 'looked_up' AND wait_event_type = 'Lock' AND query LIKE '%datasets%'
"""


async def test_a_connection_that_ends_in_between_is_not_noticed(ways, known, told, outside, servers):
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line_to(ways.servers[0])) for _ in range(5)]
        expected, _ = await ways.ask(ASKED, known, "staff")
        told.clear()
        with held(servers):
            for line in lines:
                line.send(ASKED, known, "staff", {})
            await until(lambda: len(outside.execute(WAITING).fetchall()) == 1)  # all on one connection
            [(pid,)] = outside.execute(WAITING).fetchall()
            outside.execute("SELECT pg_terminate_backend(%s)", [pid])
            await until(lambda: outside.execute(WAITING).fetchall() not in ([], [(pid,)]))
        answers = [SPENT.sub(b"", await line.receive()) for line in lines]
    assert answers == [expected] * 5
    assert told["told"] == 0


@pytest.mark.parametrize(("column", "value"), [('"offset"', "{NaN,1}"), ("created_at", "infinity")])
async def test_a_value_that_cannot_be_shown_is_told_as_by_the_other_way(ways, known, told, outside, column, value):
    document, variables = document_of("dataset", "{ id offset createdAt }"), {"id": ids.encode(ROWS["Dataset"][1])}
    for _ in range(3):
        await ways.ask(document, variables, "staff")
    told.clear()
    key = ROWS["Dataset"][1].id
    [(before,)] = outside.execute(f"SELECT {column}::text FROM datasets WHERE id = %s", [key]).fetchall()
    change = f"UPDATE datasets SET {column} = %s WHERE id = %s"
    outside.execute(change, [value, key])
    try:
        one, other = await ways.ask(document, variables, "staff")
    finally:
        outside.execute(change, [before, key])
    assert one == other
    assert b'"errors"' in one
    assert told["told"] == 0


async def test_a_database_that_is_silent_is_asked_the_ordinary_way(ways, known, told, outside, servers, monkeypatch):
    monkeypatch.setattr(pipeline, "SILENCE_S_MAX", 0.1)
    expected, _ = await ways.ask(ASKED, known, "staff")
    told.clear()
    [line, _] = ways.lines
    with held(servers):
        line.send(ASKED, known, "staff", {})
        await until(lambda: outside.execute(WAITING).fetchall())
        [(pid,)] = outside.execute(WAITING).fetchall()
        await until(lambda: outside.execute(WAITING).fetchall() not in ([], [(pid,)]))
    assert SPENT.sub(b"", await line.receive()) == expected
    assert told["told"] == 0


async def test_who_waits_too_long_receives_it_in_the_same_words(ways, known, servers, monkeypatch):
    monkeypatch.setattr(settings, "request_s_max", 0.3)
    with held(servers):
        one, other = await ways.ask(ASKED, known, "staff")
    assert one == other
    assert b'"code":"TIMEOUT"' in one


async def test_who_leaves_is_not_answered(ways, known, told, outside, servers, monkeypatch):
    left = []
    abandon = Lookup.abandon
    monkeypatch.setattr(Lookup, "abandon", lambda self: (left.append(self), abandon(self)))
    with held(servers):
        async with line_to(ways.servers[0]) as line:
            line.send(ASKED, known, "staff", {})
            await until(lambda: outside.execute(WAITING).fetchall())
        await until(lambda: left)
    one, other = await ways.ask(ASKED, known, "staff")
    assert one == other
    assert told["told"] == 1


async def test_who_is_no_longer_known_is_looked_up(ways, known, told):
    for _ in range(2):
        for viewers in list(_of_this_process):
            viewers.invalidate(STAFF)
        told.clear()
        for expected in (0, 1):
            one, other = await ways.ask(ASKED, known, "staff")
            assert (one == other, told["told"]) == (True, expected)


async def test_a_key_that_may_not_read_hears_it_on_both_ways(ways, known, told):
    for viewers in list(_of_this_process):
        for cached in dict(viewers._cached.items()).values():
            if cached.viewer.user_id == STAFF:
                cached.viewer, cached.context = replace(cached.viewer, key_id=1, scopes=frozenset()), None
    try:
        one, other = await ways.ask(ASKED, known, "staff")
    finally:
        for viewers in list(_of_this_process):
            viewers.invalidate(STAFF)
    assert one == other
    assert b'"errors"' in one
    assert b'"data"' not in one
    assert told["told"] == 0
