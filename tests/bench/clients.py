"""Who measures: HTTP clients that ask without pause, one that counts statements, and sockets that listen."""

import asyncio
import json
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import Engine, event
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app import events
from app.database import Database
from app.main import build
from app.models.mapping.trainings import Training, TrainingStatus
from app.postgres.reader import Reader
from app.services.mapping.trainings.progress import topic_of
from app.settings import settings
from resolvers import ids
from tests.bench.world import SECRET, World

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
GRACE_S = 30
OPENING_MAX = 10
PROTOCOL = Subprotocol("graphql-transport-ws")
WATCHED = 1
WATCH = """subscription ($id: ID!) {
  trainingUpdated(trainingId: $id) { cursor progress message training { status } }
}"""

_statements: ContextVar[list[str] | None] = ContextVar("statements", default=None)


async def ask(world: World, asked: dict[str, Any], *, connections: int, seconds: float) -> tuple[list[float], float]:
    """Keeps so many connections busy for so long: the seconds each answer took, and how many it lasted in all."""
    body = json.dumps(asked)
    request = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{world.port}\r\nAuthorization: Bearer {world.token}\r\n"
        "Accept: application/graphql-response+json\r\nAccept-Encoding: gzip\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    begun = time.perf_counter()
    async with asyncio.timeout(seconds + GRACE_S):
        asking = (_ask_until(begun + seconds, world.port, request.encode()) for _ in range(connections))
        took = await asyncio.gather(*asking)
    return [s for each in took for s in each], time.perf_counter() - begun


async def _ask_until(end: float, port: int, request: bytes) -> list[float]:
    """A bare client: it takes 0.02 ms a request where httpx takes 0.8 ms of the cores the server shares with it."""
    took = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (begun := time.perf_counter()) < end:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        [length] = LENGTH.findall(head)
        await reader.readexactly(int(length))
        took.append(time.perf_counter() - begun)
    writer.close()
    return took


@event.listens_for(Engine, "before_cursor_execute")
def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if (noted := _statements.get()) is not None:
        noted.append(statement)


async def _rows(reader: Reader, sql: bytes, *parameters: Any, **how: Any) -> list[Any]:
    _note(None, None, sql.decode())
    return await _read(reader, sql, *parameters, **how)


_read, Reader.rows = Reader.rows, _rows


async def count(world: World, questions: list[dict[str, Any]]) -> list[int]:
    """How many statements each sends, exactly: asked of the same application in this process, and answered well."""
    settings.database_url, settings.redis_url = world.database_url, world.redis_url
    settings.home, settings.secret = world.home, SecretStr(SECRET)
    app, counts = build().app, []
    headers = {"Authorization": f"Bearer {world.token}"}
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers)
    async with app.router.lifespan_context(app), client:
        for asked in questions:
            noted: list[str] = []
            _statements.set(noted)
            answer = (await client.post("/graphql", json=asked)).json()
            assert "errors" not in answer, answer
            assert all(answer["data"].values()), answer  # null or a problem
            counts.append(len(noted))
    return counts


@dataclass
class Watching:
    """What became of the recorded events: which ones each socket received, how late, within how long."""

    recorded: int
    received: list[list[int]]
    delays: list[float]
    seconds: float = 0

    @property
    def lost(self) -> int:
        return sum(self.recorded - len(set(each)) for each in self.received)

    @property
    def doubled(self) -> int:
        return sum(len(each) - len(set(each)) for each in self.received)


async def watch(world: World, *, subscribers: int, rate: float, seconds: float) -> Watching:
    """Records events of one training at a rate while so many sockets follow it to its end."""
    sent: dict[int, float] = {}
    watching = Watching(max(1, round(rate * seconds)), [], [])
    opening = asyncio.Semaphore(OPENING_MAX)  # clients that come back after a restart spread out, too
    everybody = asyncio.Barrier(subscribers + 1)
    async with asyncio.timeout(seconds + 2 * GRACE_S), asyncio.TaskGroup() as group:
        for _ in range(subscribers):
            group.create_task(_listen(world, opening, everybody, sent, watching))
        await everybody.wait()
        begun = time.perf_counter()
        await _record(world, sent, watching.recorded, 1 / rate)
    watching.seconds = time.perf_counter() - begun
    return watching


async def _record(world: World, sent: dict[int, float], total: int, pause_s: float) -> None:
    database, topic = Database(world.database_url, world.redis_url), topic_of(Training, WATCHED)
    begun = time.perf_counter()
    for number in range(total):
        await asyncio.sleep(begun + number * pause_s - time.perf_counter())
        async with database.writing() as session:
            events.record(session, topic, {"progress": number / total, "message": str(number)})
            sent[number] = time.perf_counter()
    async with database.writing() as session:
        events.record(session, topic, {"status": TrainingStatus.FINISHED.value})
    await database.close()


async def _listen(
    world: World, opening: asyncio.Semaphore, everybody: asyncio.Barrier, sent: dict[int, float], watching: Watching
) -> None:
    received: list[int] = []
    watching.received.append(received)
    async with opening:
        address = f"ws://127.0.0.1:{world.port}/graphql"
        socket = await connect(address, subprotocols=[PROTOCOL], compression=None, proxy=None, open_timeout=GRACE_S)
        await _subscribe(socket, world.token)
    await everybody.wait()
    async with socket:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "ping":
                await socket.send('{"type": "pong"}')
                continue
            if message["type"] != "next" or "errors" in message["payload"]:
                return  # complete; or given up by the server, which shows as lost
            number = message["payload"]["data"]["trainingUpdated"]["message"]
            if number is not None:
                received.append(int(number))
                watching.delays.append(time.perf_counter() - sent[received[-1]])


async def _subscribe(socket: ClientConnection, token: str) -> None:
    await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
    await socket.recv()
    asked = {"query": WATCH, "variables": {"id": ids.encode(Training(id=WATCHED))}}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": asked}))
    how_things_stand = json.loads(await socket.recv())
    assert "errors" not in how_things_stand["payload"], how_things_stand
