"""Measures mutations beside the floor of what PostgreSQL does: `python -m tests.bench.writes`.

The floor is pgbench with BEGIN, one INSERT and COMMIT, on the same durable server with as many clients: what no
mutation can go below. Rounds of all of them take turns, so that a slow moment of the machine meets all. Statements are
those in PostgreSQL's log, BEGIN, COMMIT and what other parts of the process read of the change included.
`--beside` names another checkout with its own `.venv`: it is measured in the same run, on servers of its own.
"""

import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated, Any, NamedTuple
from uuid import uuid4

import typer
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from app.models.accounts import User
from app.models.base import Record
from app.models.mapping.datasets import Dataset
from app.models.social import Post
from app.operations.processes.servers import NAME, PORT, PrivateServers
from resolvers import ids
from tests.bench.clients import LENGTH
from tests.bench.peers.load import cpu_s, rest
from tests.bench.world import ROWS, World, filled, free_port, serve, sign_in

MORE_ROWS = Path(__file__).with_name("writes.sql")
FLOOR = "BEGIN;\nINSERT INTO bench_floor (user_id, content) VALUES (1, 'The roofs are mapped.');\nCOMMIT;\n"
CLIENTS = (1, 16)
POSTS_EACH, PEOPLE = 2_000, 50
COUNTED = 40
# How long after a change its events are surely read, and PostgreSQL's log is written.
QUIET_S = 1.0
STATEMENT = ("LOG:  statement: ", "LOG:  execute ")
# Sent while nothing changes, too.
OWN = ("event_epochs", "pg_stat", "log_statement")

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, width=110)


def _id(model: type[Record], key: int) -> str:
    return str(ids.encode(model(id=key)))


def _square(turn: int) -> dict[str, Any]:
    x, y = 10 + turn % 1_000 * 0.01, 40 + turn // 1_000 * 0.01
    return {
        "type": "Polygon",
        "coordinates": [[[x, y], [x + 0.009, y], [x + 0.009, y + 0.009], [x, y + 0.009], [x, y]]],
    }


class Mutation(NamedTuple):
    """One that is measured; `input` is that of a client's next call."""

    name: str
    shown: str
    input: Callable[[int, int], dict[str, Any]]

    def body(self, client: int, turn: int) -> bytes:
        """The request's."""
        kind = f"{self.name[0].upper()}{self.name[1:]}"
        document = f"mutation ($input: {kind}Input!) {{ {self.name}(input: $input) {{ __typename {self.shown} }} }}"
        return json.dumps({"query": document, "variables": {"input": self.input(client, turn)}}).encode()


MUTATIONS = (
    Mutation(
        "createPost",
        "... on Post { id content createdAt author { username } }",
        lambda client, turn: {"content": f"The roofs of village {client}-{turn} are mapped."},
    ),
    Mutation(
        "likePost",
        "... on Post { id likesCount }",
        lambda client, turn: {"id": _id(Post, 1 + client * POSTS_EACH + turn % POSTS_EACH)},
    ),
    Mutation(
        "sendMessage",
        "... on Message { id createdAt }",
        lambda client, turn: {
            "userId": _id(User, 1 + (client + 1 + turn % (PEOPLE - 1)) % PEOPLE),
            "content": f"Are you in village {turn}?",
        },
    ),
    Mutation(
        "createAoi",
        "... on AOI { id createdAt }",
        lambda client, turn: {
            "datasetId": _id(Dataset, client + PEOPLE * (1 + turn % 9)),
            "geom": _square(turn),
        },
    ),
    Mutation("buyTokens", "... on Operation { id }", lambda _client, _turn: {"usd": "0.01"}),
)


@dataclass
class Side:
    """One checkout's servers, and how far its clients are."""

    name: str
    servers: PrivateServers
    world: World
    pid: int
    tokens: list[str]
    turns: defaultdict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Took:
    """What all rounds of one thing took."""

    seconds: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)

    def row(self) -> list[str]:
        """Its figures as a table shows them."""
        cuts = quantiles(self.seconds * 2, n=100, method="inclusive")
        cpu = f"{median(self.cpu_ms):.2f}" if self.cpu_ms else "–"
        return [f"{median(self.rates):,.0f}", f"{cuts[49] * 1_000:.2f}", f"{cuts[98] * 1_000:.1f}", cpu]

    @property
    def p50_s(self) -> float:
        return median(self.seconds)


Measured = dict[tuple[str, str, int], Took]


@program.command()
def main(
    seconds: Annotated[float, typer.Option(help="How long each is measured in a round.", min=0.2, max=600)] = 2,
    rounds: Annotated[int, typer.Option(help="How often each is measured.", min=1, max=100)] = 3,
    beside: Annotated[Path | None, typer.Option(help="Another checkout, measured in the same run.")] = None,
    mutations: Annotated[str, typer.Option(help="Which, separated by commas.")] = ",".join(m.name for m in MUTATIONS),
) -> None:
    """Measure mutations beside BEGIN, INSERT, COMMIT."""
    chosen = [mutation for mutation in MUTATIONS if mutation.name in mutations.split(",")]
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, one serving process. Filling tables …")
    with ExitStack() as stack:
        sides = [stack.enter_context(_side("now", None))]
        if beside is not None:
            sides.insert(0, stack.enter_context(_side("beside", beside.resolve())))
        uvloop.run(_warm(sides, chosen))
        statements = {side.name: uvloop.run(_counted(side, chosen)) for side in sides}
        measured: Measured = defaultdict(Took)
        for _ in range(rounds):
            for clients in CLIENTS:
                _measure_floor(sides[-1], clients, seconds, measured["floor", "BEGIN, INSERT, COMMIT", clients])
                for mutation in chosen:
                    for side in sides:
                        uvloop.run(_measure(side, mutation, clients, seconds, measured))
    _print(sides, chosen, measured, statements)


@contextmanager
def _side(name: str, checkout: Path | None) -> Iterator[Side]:
    with filled(ROWS) as servers:
        with servers.connect() as connection:
            for statement in MORE_ROWS.read_text().split(";\n"):
                connection.execute(statement)
        tokens = [sign_in(servers, 1 + client) for client in range(max(CLIENTS))]
        world = World(servers.home, free_port(), tokens[0], servers.database_url, servers.redis_url)
        limits = {"FIELDGRAPH_MESSAGES_PER_MINUTE_MAX": "1000000000", "FIELDGRAPH_AOIS_PER_DATASET_MAX": "1000000"}
        python = sys.executable if checkout is None else str(checkout / ".venv/bin/python")
        process = serve(servers, world, production=True, python=python, variables=limits)
        yield Side(name, servers, world, process.pid, tokens)


async def _warm(sides: Sequence[Side], mutations: Sequence[Mutation]) -> None:
    for side in sides:
        for mutation in mutations:
            await asyncio.gather(*(_called(side, mutation, client, count=20) for client in range(max(CLIENTS))))


async def _counted(side: Side, mutations: Sequence[Mutation]) -> dict[str, float]:
    """The statements that a call of each costs, by PostgreSQL's own log."""
    log, counts = side.world.home / "postgres.log", {}
    _log_statements(side, "all")
    for mutation in mutations:
        await asyncio.sleep(QUIET_S)
        before = log.stat().st_size
        for _ in range(COUNTED):
            # One by one, each with the time its events need to be read.
            await _called(side, mutation, 0, count=1)
            await asyncio.sleep(0.05)
        await asyncio.sleep(QUIET_S)
        with log.open("rb") as written:
            written.seek(before)
            lines = written.read().decode(errors="replace").splitlines()
        sent = [
            line for line in lines if any(mark in line for mark in STATEMENT) and not any(own in line for own in OWN)
        ]
        counts[mutation.name] = len(sent) / COUNTED
    _log_statements(side, "none")
    return counts


def _log_statements(side: Side, which: str) -> None:
    with side.servers.connect() as connection:
        connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
        connection.execute("ALTER SYSTEM SET log_line_prefix = '[%p] : '")
        connection.execute("SELECT pg_reload_conf()")


def _measure_floor(side: Side, clients: int, seconds: float, took: Took) -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "floor.sql")
        script.write_text(FLOOR)
        where = ["--host", str(side.servers.sockets), "--port", str(PORT), "--username", NAME, NAME]
        how = [f"--client={clients}", f"--jobs={min(2, clients)}", f"--time={max(1, round(seconds))}", "--no-vacuum"]
        how += ["--protocol=prepared", "--log", "--log-prefix=log", f"--file={script}"]
        subprocess.run(["pgbench", *how, *where], cwd=folder, capture_output=True, check=True)
        # The third column of the log is the time of a transaction in microseconds.
        lines = [line for file in Path(folder).glob("log.*") for line in file.read_text().splitlines()]
    took.seconds += [int(line.split()[2]) / 1e6 for line in lines]
    took.rates.append(len(lines) / max(1, round(seconds)))


async def _measure(side: Side, mutation: Mutation, clients: int, seconds: float, measured: Measured) -> None:
    rest(side.pid)
    before, begun = cpu_s(side.pid), time.perf_counter()
    calls = (_called(side, mutation, client, until=begun + seconds) for client in range(clients))
    times = [s for each in await asyncio.gather(*calls) for s in each]
    lasted = time.perf_counter() - begun
    await asyncio.sleep(0.1)  # what follows the last commit belongs to it
    took = measured[side.name, mutation.name, clients]
    took.cpu_ms.append((cpu_s(side.pid) - before) / len(times) * 1_000)
    took.seconds += times
    took.rates.append(len(times) / lasted)


async def _called(
    side: Side, mutation: Mutation, client: int, *, until: float = 0, count: int | None = None
) -> list[float]:
    """The seconds of each call of a client without pause."""
    took: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", side.world.port)
    while (begun := time.perf_counter()) < until if count is None else len(took) < count:
        turn = side.turns[mutation.name, client]
        side.turns[mutation.name, client] += 1
        body = mutation.body(client, turn)
        # Money is moved with a key only; the others come without one, as most clients send them.
        key = f"Idempotency-Key: {uuid4()}\r\n" if mutation.name == "buyTokens" else ""
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{side.world.port}\r\n"
            f"Authorization: Bearer {side.tokens[client]}\r\n{key}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        begun = time.perf_counter()
        writer.write(head.encode() + body)
        answered = await reader.readuntil(b"\r\n\r\n")
        [length] = LENGTH.findall(answered)
        answer = json.loads(await reader.readexactly(int(length)))
        took.append(time.perf_counter() - begun)
        assert "errors" not in answer, answer
        assert "id" in answer["data"][mutation.name], answer
    writer.close()
    return took


def _print(
    sides: Sequence[Side], mutations: Sequence[Mutation], measured: Measured, statements: dict[str, dict[str, float]]
) -> None:
    for clients in CLIENTS:
        title = f"{clients} client{'s' if clients > 1 else ''}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("", "side", "per s", "p50 ms", "p99 ms", "CPU ms", "p50 / floor", "rate / floor", "statements"):
            table.add_column(name, justify="right" if name and name != "side" else "left")
        floor = measured["floor", "BEGIN, INSERT, COMMIT", clients]
        table.add_row("BEGIN, INSERT, COMMIT", "floor", *floor.row(), "1.00", "1.00", "3")
        for mutation in mutations:
            for side in sides:
                took = measured[side.name, mutation.name, clients]
                ratios = f"{took.p50_s / floor.p50_s:.2f}", f"{median(took.rates) / median(floor.rates):.2f}"
                count = f"{statements[side.name][mutation.name]:.1f}"
                table.add_row(mutation.name, side.name, *took.row(), *ratios, count)
        console.print(table)


if __name__ == "__main__":
    program()
