"""People and clients that tests of every layer share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import get_named_type
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, event, select
from starlette.types import ASGIApp

from app.database import Database
from app.gateways import storage
from app.models.accounts import User
from app.models.system import Job
from app.operations.processes import huge_pages
from app.operations.processes.servers import PrivateServers
from app.postgres.reader import Reader
from app.security import credentials
from app.services.accounts.sign_in.sessions import SignedIn
from schema.metadata import NEEDS_KEY, metadata_of_mutations
from tests import factories
from tests.plain_logs import warnings_of_database
from tests.servers import Server, serving
from tests.tables import Tables

CALLERS = count(1)


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a session."""

    user: User
    token: str

    @property
    def id(self) -> int:
        return self.user.id


class Answer(dict[str, Any]):
    """What a request was answered with; as a mapping it is `data`."""

    def __init__(self, response: httpx.Response) -> None:
        body = response.json()
        super().__init__(body.get("data") or {})
        self.status = response.status_code
        self.errors: list[dict[str, Any]] = body.get("errors", [])
        self.extensions: dict[str, Any] = body.get("extensions", {})

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error["extensions"]["code"] for error in self.errors]


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture(autouse=True)
def unwarned() -> Iterator[None]:
    """PostgreSQL warns of nothing in any test: what a role may not do, it sometimes skips with no more than that."""
    warnings_of_database.clear()
    yield
    assert warnings_of_database == []


@pytest.fixture(scope="session", autouse=True)
def production_hashes() -> Iterator[PasswordHash]:
    """Hashes of passwords as in production. Elsewhere they are quick: each takes a third of a second by design."""
    with pytest.MonkeyPatch.context() as patch:
        hashes = credentials._hashes
        patch.setattr(credentials, "_hashes", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))
        yield hashes


@pytest.fixture(scope="session")
async def application(servers: PrivateServers) -> AsyncIterator[ASGIApp]:
    """The whole application, from its middleware down, built once: its rows and its Redis are emptied between tests."""
    from app.main import build  # noqa: PLC0415 - tests without an API need not wait for it

    app = build().app
    async with app.router.lifespan_context(app):
        huge_pages.take()  # as a process that serves does
        yield app


@pytest.fixture
async def api(application: ASGIApp, database_url: str, redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, without a socket: at an address of its own, whose budget no other test spends."""
    number = next(CALLERS)
    transport = httpx.ASGITransport(application, client=(f"127.1.{number // 256}.{number % 256}", 123))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
        yield http


@pytest.fixture
def live(database_url: str, redis_url: str) -> Iterator[Server]:
    """The API behind a real socket."""
    from app.main import build  # noqa: PLC0415 - tests without an API need not wait for it

    with serving(build().app) as server:
        yield server


def needing_keys() -> frozenset[str]:
    """The mutations that are refused without an idempotency key, by the prices that are set now."""
    return frozenset(name for name, needs in _keys().items() if (needs() if callable(needs) else needs))


@cache
def _keys() -> dict[str, Any]:
    from schema import schema  # noqa: PLC0415 - tests without an API need not wait for it

    metadata = metadata_of_mutations(schema)
    return {name: declared[NEEDS_KEY] for name, declared in metadata.items() if NEEDS_KEY in declared}


@pytest.fixture
async def ask(api: httpx.AsyncClient) -> Ask:
    """A GraphQL client: it takes a document, `viewer=` for the token, and the variables by their names."""

    async def ask(document: str, *, viewer: Person | None = None, **variables: Any) -> Answer:
        headers = {"Authorization": f"Bearer {viewer.token}"} if viewer else {}
        if any(name in document for name in needing_keys()):
            headers["Idempotency-Key"] = str(uuid4())
        return Answer(await api.post("/graphql", json={"query": document, "variables": variables}, headers=headers))

    return ask


Change = Callable[..., Awaitable[dict[str, Any]]]
# What a problem says beyond its code and its message.
IDS = {"id": "id", "deletedId": "id: deletedId"}
FACTS = {
    "InvalidInput": "field",
    "LimitReached": "limit",
    "AccuracyTooLow": "accuracy required",
    "InsufficientFunds": "required available currency",
}


@pytest.fixture
async def change(ask: Ask) -> Change:
    """A mutation by its name: what it made, the problem, or the first error with `errors` for its type's name."""
    from schema import schema  # noqa: PLC0415 - tests without an API need not wait for it

    async def change(name: str, fields: str = "", /, *, viewer: Person | None = None, **input: Any) -> dict[str, Any]:
        mutation = schema._schema.mutation_type.fields[name]
        shown = get_named_type(mutation.type)
        made, *problems = getattr(shown, "types", [shown])
        facts = [f"... on {problem} {{ {FACTS[problem.name]} }}" for problem in problems if problem.name in FACTS]
        id = next((shown for name, shown in IDS.items() if name in made.fields), "")
        declared, given = "", ""
        if mutation.args:
            declared, given = f"($input: {mutation.args['input'].type})", "(input: $input)"
        document = f"""mutation {declared} {{ {name}{given} {{
            __typename ... on {made} {{ __typename {id} {fields} }}
            {"... on Problem { code message }" if problems else ""} {" ".join(facts)}
        }} }}"""
        answer = await ask(document, viewer=viewer, input=input)
        if answer.errors:
            return {"__typename": "errors", "code": answer.codes[0], "message": answer.errors[0]["message"]}
        return answer[name]

    return change


@pytest.fixture
def table_rows(tables: Tables) -> Callable[[], dict[str, str | None]]:
    """A digest of the rows of every table, taken anew when the database has written something since."""
    written_to, rows = "", {}

    def table_rows() -> dict[str, str | None]:
        nonlocal written_to, rows
        at = tables.written_to()
        if at != written_to:
            written_to, rows = at, tables.digests()
        return rows

    return table_rows


@pytest.fixture
def unchanged(
    table_rows: Callable[[], dict[str, str | None]],
) -> Callable[[], AbstractAsyncContextManager[None]]:
    """A block after which every table must have the same rows as before."""

    def rows() -> dict[str, str | None]:
        # That a request came says nothing of what it changed, nor does the log, which is written later.
        aside = ("idempotency_keys", "log_entries")
        return {name: digest for name, digest in table_rows().items() if name not in aside}

    @asynccontextmanager
    async def unchanged() -> AsyncIterator[None]:
        before = rows()
        yield
        assert rows() == before

    return unchanged


@pytest.fixture
async def refuse(change: Change, unchanged: Callable[[], AbstractAsyncContextManager[None]]) -> Change:
    """A mutation that must change nothing: the problem, or the first error."""

    async def refuse(name: str, /, *, viewer: Person | None = None, **input: Any) -> dict[str, Any]:
        async with unchanged():
            answer = await change(name, viewer=viewer, **input)
        assert "code" in answer, f"{name} was not refused"
        return answer

    return refuse


@pytest.fixture
def late_removal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are to be removed stay, as they do for a moment after each transaction."""

    async def later(*_: str) -> None:
        pass

    monkeypatch.setattr(storage, "delete", later)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every SQL statement sent from now on, but for the feed's own looks; `clear()` it before what is to be counted."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not any(own in statement for own in ("FROM events", "event_epochs", "pg_current_snapshot()")):
            sent.append(statement)

    async def rows(reader: Reader, sql: bytes, *parameters: Any, **how: Any) -> list[Any]:
        note(None, None, sql.decode())
        return await read(reader, sql, *parameters, **how)

    async def rows_by_key(reader: Reader, sql: bytes, *parameters: Any) -> list[Any]:
        note(None, None, sql.decode())
        return await read_by_key(reader, sql, *parameters)

    read, read_by_key = Reader.rows, Reader.rows_by_key
    monkeypatch.setattr(Reader, "rows", rows)
    monkeypatch.setattr(Reader, "rows_by_key", rows_by_key)
    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


async def person(database: Database, name: str, **fields: Any) -> Person:
    """Somebody who has signed up and in."""
    signed_in: SignedIn = await factories.user(database, name, **fields)
    return Person(signed_in.user, signed_in.token)


@pytest.fixture
async def owner(database: Database) -> Person:
    """Whose things the tests are about."""
    return await person(database, "owner")


@pytest.fixture
async def other(database: Database) -> Person:
    """Somebody else."""
    return await person(database, "other")


@pytest.fixture
async def staff(database: Database) -> Person:
    """Somebody who looks after the installation."""
    return await person(database, "staff", is_staff=True)


@pytest.fixture
def work(database: Database) -> Callable[[], Awaitable[Job]]:
    """Works on the newest job once, and answers with the job as it is then."""
    from jobs.broker import WORKS  # noqa: PLC0415 - tests without jobs need not wait for them
    from jobs.run import attempt  # noqa: PLC0415

    async def work() -> Job:
        newest = select(Job).order_by(Job.id.desc()).limit(1)
        async with database.reading() as session:
            job = (await session.scalars(newest)).one()
        await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
        async with database.reading() as session:
            return (await session.scalars(newest)).one()

    return work
