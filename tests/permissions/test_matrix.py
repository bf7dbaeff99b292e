"""Who gets what of people, teams and the system: every field of theirs for everybody who may ask, over HTTP.

The table is `matrix.txt`. A field without a row fails, and a row without a field. Of a query's field a row says
`shown`, or `null` or `none` where something is hidden; of a change `done`; or else the code of the problem or error.
Whatever is not done has changed nothing in any table.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from graphql import get_named_type, is_union_type
from redis import Redis
from websockets import ConnectionClosed

from app import events
from app.main import build
from app.models.choices import Scope
from app.services.system import banners, notifications
from app.settings import settings
from tests import factories
from tests.fixtures import Person
from tests.permissions.deeds import inputs
from tests.permissions.matrix import BESIDE, CORE, TYPES, fields, line, rows, shown
from tests.permissions.world import WHO, World, world
from tests.servers import serving
from tests.system.clients import connected

Rows = dict[str, str | None]
FIELDS, ROWS = fields(), rows()
PERIOD = '(currency: USD, since: "2020-01-01T00:00:00Z", until: "2090-01-01T00:00:00Z")'
AN_INSTANT = '(currency: USD, at: "2090-01-01T00:00:00Z")'
FOR_ARGUMENTS = ("User", "Team", "Listing", "machine of Listing")
GIVEN = {
    "user": "(id: {User})",
    "userByName": '(username: "owner")',
    "findUsers": '(prefix: "own")',
    "team": "(id: {Team})",
    "node": "(id: {User})",
    "nodes": "(ids: [{User}])",
    "statement": PERIOD,
    "balanceAt": AN_INSTANT,
    "listing": "(id: {Listing})",
    "marketIncome": '(since: "2090-01-01", until: "2090-01-02")',
    "estimateSolving": "(machineId: {machine of Listing}, lines: 1)",
}


@pytest.fixture
async def here(database, made_once) -> World:
    return await made_once("world", partial(world, database))


def under(*roots: str) -> list[str]:
    return [name for name in FIELDS if name.partition(".")[0] in roots]


def agree(found: dict[str, dict[str, str]]) -> None:
    """Passes if the table says the same; otherwise it is told what it would have to say."""
    wrong = [line(name, outcomes) for name, outcomes in found.items() if ROWS.get(name) != outcomes]
    assert not wrong, "\n".join(["the table should say:", *wrong])


def test_every_field_has_a_row_and_every_row_a_field():
    assert set(ROWS) == set(FIELDS)


def worth(value: Any) -> str:
    """Whether there is anything."""
    if value is None:
        return "null"
    return "none" if value in ([], {"nodes": []}) else "shown"


async def test_what_everybody_sees_of_each_type(ask, here):
    found: dict[str, dict[str, str]] = {name: {} for name in under(*TYPES, *BESIDE)}
    for kind in {*TYPES, *BESIDE}:
        names = [name.partition(".")[2] for name in under(kind)]
        below = " ".join(f"{name} {shown(FIELDS[f'{kind}.{name}'])}" for name in names)
        way = f"... on {kind} {{ {below} }}" if kind in TYPES else f"... on User {{ statistics {{ {below} }} }}"
        for who in WHO:
            viewer = here.person(who, Scope.READ)
            answer = await ask(f"query ($id: ID!) {{ node(id: $id) {{ {way} }} }}", id=here.id(kind), viewer=viewer)
            codes = {error.get("path", [""])[-1]: error["extensions"]["code"] for error in answer.errors}
            row = answer.get("node")
            row = row if kind in TYPES else row and row["statistics"]
            for name in names:
                code = codes.get(name) or codes.get("node") or codes.get("")
                found[f"{kind}.{name}"][who] = code or worth(row and row[name])
    agree(found)


async def test_what_everybody_may_ask(ask, here):
    found: dict[str, dict[str, str]] = {name: {} for name in under("Query")}
    for name, outcomes in found.items():
        field = name.partition(".")[2]
        below = shown(FIELDS[name])
        given = GIVEN.get(field, "").format(**{kind: f'"{here.id(kind)}"' for kind in FOR_ARGUMENTS})
        for who in WHO:
            answer = await ask(f"{{ {field}{given} {below} }}", viewer=here.person(who, Scope.READ))
            outcomes[who] = answer.codes[0] if answer.errors else worth(answer[field])
    agree(found)


@pytest.fixture
def snapshot(tables, table_rows, redis_url) -> Callable[[], tuple[Callable[[], Rows], Callable[[], None]]]:
    """Keeps all rows there are; gives what tells which there are now, and what puts them back."""

    def rows_now() -> Rows:
        with Redis.from_url(redis_url) as redis:
            redis.flushdb()  # nobody is too often here
        return table_rows()

    def snapshot():
        kept = tables.copy()

        def put_back() -> None:
            tables.empty()
            tables.put_back(kept)

        return rows_now, put_back

    return snapshot


async def deed(ask, name: str, given: dict[str, Any], viewer: Person | None) -> str:
    """What comes of a change."""
    field = CORE.mutation_type.fields[name]
    takes = f"($input: {field.args['input'].type})" if field.args else ""
    below = "{ __typename ... on Problem { code } }" if is_union_type(get_named_type(field.type)) else shown(field)
    answer = await ask(
        f"mutation {takes} {{ {name}{'(input: $input)' if takes else ''} {below} }}",
        viewer=viewer,
        **({"input": given} if takes else {}),
    )
    if answer.errors:
        return answer.codes[0]
    made = answer[name]
    return made.get("code", "done") if isinstance(made, dict) else "done"


async def test_what_everybody_may_change(ask, here, snapshot, monkeypatch):
    monkeypatch.setattr(settings, "osm_client_id", "fieldgraph")
    given = inputs(here)
    rows_now, put_back = snapshot()
    before = rows_now()
    found: dict[str, dict[str, str]] = {name: {} for name in under("Mutation")}
    assert {f"Mutation.{name}" for name in given} == set(found)
    for name, outcomes in found.items():
        field = name.partition(".")[2]
        for who in WHO:
            outcomes[who] = await deed(ask, field, given[field], here.person(who, Scope.WRITE))
            is_same = rows_now() == before
            assert is_same or outcomes[who] == "done", f"{name} was refused to {who} and changed something"
            if not is_same:
                put_back()
    agree(found)


async def test_what_everybody_may_follow(here, database):
    found: dict[str, dict[str, str]] = {name: {} for name in under("Subscription")}
    after = await factories.cursor_of_now(database)
    async with database.writing() as session:
        events.record(session, banners.TOPIC, {"banner": here.rows["Banner"].id, "change": "STARTED"})
        for person in here.people.values():
            events.record(session, notifications.topic(person.id), {"notification": 1})
    with serving(build().app) as live:
        for name, outcomes in found.items():
            field = name.partition(".")[2]
            for who in WHO:
                outcomes[who] = await followed(live, field, after, here.person(who, Scope.READ))
    agree(found)


async def followed(live, field: str, after: str, viewer: Person | None) -> str:
    """Whether what happened is told, or the code with which the subscription or the socket ends."""
    document = f"subscription ($after: String) {{ {field}(after: $after) {{ __typename }} }}"
    try:
        async with connected(live, viewer) as client:
            await client.subscribe(document, after=after)
            message = await client.receive()
    except ConnectionClosed as closed:
        return str(closed.rcvd and closed.rcvd.code)
    problems = message["payload"] if message["type"] == "error" else message["payload"].get("errors")
    return problems[0]["extensions"]["code"] if problems else "shown"
