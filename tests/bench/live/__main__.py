"""How fast an event reaches thousands of subscribers, and what each of them costs, beside graphql-ws on Node."""

import asyncio
import json
import logging
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated

import structlog
import typer
import uvloop
from redis.asyncio import Redis
from rich import box
from rich.console import Console
from rich.table import Table

from app import events
from app.database import Database
from app.models.mapping.trainings import Training
from app.operations.processes.process import CannotStart
from app.operations.processes.servers import PrivateServers
from app.services.mapping.trainings.progress import topic_of
from resolvers import ids
from tests.bench.world import ROWS, World, filled, free_port, serve, sign_in, start

SOURCES = Path(__file__).with_name("node")
# The sources beside their packages, where Node looks for them.
NODE = Path(__file__).parents[3] / ".bench-peers" / "live"
CHANNEL = "bench-live"
WATCHED = 1
EVENT_BYTES = 260
WATCH = """subscription ($id: ID!, $after: String) {
  trainingUpdated(trainingId: $id, after: $after) { cursor progress message training { status } }
}"""
CORE_OF_SERVER = ("taskset", "-c", "0")
CORE_OF_LISTENERS = ("taskset", "-c", "1")
REST_S = 0.3
FILES_BESIDES = 250
# The CPU is the server's: to connect and subscribe a socket, and for each delivery. The memory is its growth for each
# socket, before the events and after.
COLUMNS = (
    "server",
    "sockets",
    "connect s",
    "CPU ms",
    "last ms",
    "p50 ms",
    "p99 ms",
    "CPU µs",
    "kB idle",
    "kB after",
    "lost",
    "back s",
)

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, width=110)
Tell = Callable[[int, str], Awaitable[None]]
Serve = Callable[[PrivateServers, int], "AbstractAsyncContextManager[Served]"]


@dataclass(frozen=True)
class Served:
    """A server that runs: its process, where, who asks, and how to make an event happen."""

    pid: int
    port: int
    tokens: list[str]
    tell: Tell
    resumes: bool


@dataclass(frozen=True)
class Seen:
    """What became of the events."""

    connect_s: float
    connect_cpu_s: float
    idle_bytes: float
    after_bytes: float
    cpu_s: float
    delays: list[list[float]]
    lost: int
    back_s: float | None


@program.command()
def main(
    subscribers: Annotated[str, typer.Option(help="How many sockets; several numbers with commas.")] = "1000,9000",
    events: Annotated[int, typer.Option(help="Events each of them is sent.", min=1, max=1_000)] = 10,
    pause_s: Annotated[float, typer.Option(help="Seconds between two events.", min=0, max=60)] = 0.5,
    accounts: Annotated[int, typer.Option(help="Whose the sockets are, in turn.", min=1, max=50)] = 1,
    peer: Annotated[bool, typer.Option(help="Measure Node, too.")] = True,
) -> None:
    """Measure one event to many: the server on one core, those who listen on another."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    counts = [int(count) for count in subscribers.split(",")]
    servers: dict[str, Serve] = {"ours": ours, **({"graphql-ws": theirs} if peer else {})}
    try:
        _may_open(max(counts) + FILES_BESIDES)
        console.print(_measured(counts, events, pause_s, accounts, servers))
    except CannotStart as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


def _measured(counts: list[int], events: int, pause_s: float, accounts: int, servers: dict[str, Serve]) -> Table:
    table = Table(title=f"{events} events of {EVENT_BYTES} bytes, Python {platform.python_version()}")
    table.box, table.title_justify = box.SIMPLE_HEAD, "left"
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for count in counts:
        for name, server in servers.items():
            with filled(ROWS) as private:
                seen = uvloop.run(_watch(server(private, accounts), count, events, pause_s))
            table.add_row(name, f"{count}", *_figures(seen))
    return table


def _may_open(files: int) -> None:
    """Lets this process, and so all that it starts, have so many files and connections open."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, hard)))
    except (ValueError, PermissionError):
        raise CannotStart(
            f"The system lets a process open {hard} files: measure at most {hard - FILES_BESIDES} sockets."
        ) from None


def _figures(seen: Seen) -> tuple[str, ...]:
    every = [delay * 1_000 for delays in seen.delays for delay in delays]
    cuts = quantiles(every, n=100, method="inclusive")
    last = median(max(delays) * 1_000 for delays in seen.delays)
    cpu_us = seen.cpu_s * 1e6 / len(every)
    return (
        f"{seen.connect_s:.1f}", f"{seen.connect_cpu_s * 1_000:.2f}",
        f"{last:.0f}", f"{cuts[49]:.0f}", f"{cuts[98]:.0f}", f"{cpu_us:.1f}",
        f"{seen.idle_bytes / 1_000:.1f}", f"{seen.after_bytes / 1_000:.1f}", f"{seen.lost}",
        "–" if seen.back_s is None else f"{seen.back_s:.1f}",
    )  # fmt: skip


async def _watch(server: AbstractAsyncContextManager[Served], count: int, events: int, pause_s: float) -> Seen:
    async with server as served:
        # One at first, so that what is loaded with the first is not counted as what each costs.
        with listening(served, 1) as first:
            _ready(first)
            await served.tell(-1, _message(-1))
            await asyncio.sleep(pause_s)
            _results(first)
        before, before_s = _rss(served.pid), _cpu_s(served.pid)
        with listening(served, count) as listeners:
            connect_s = _ready(listeners)
            console.print(f"{count} sockets connected in {connect_s:.1f} s.")
            await _at_rest(served.pid)
            idle, idle_s = _rss(served.pid), _cpu_s(served.pid)
            for number in range(events):
                await served.tell(number, _message(number))
                await asyncio.sleep(pause_s)
                await _at_rest(served.pid)
            after, cpu_s = _rss(served.pid), _cpu_s(served.pid) - idle_s
            back_s = await _back(served, listeners) if served.resumes else None
            delays = _results(listeners)[:events]
    lost = count * events - sum(map(len, delays))
    connect_cpu_s, idle_bytes, after_bytes = (
        (now - then) / count for now, then in ((idle_s, before_s), (idle, before), (after, before))
    )
    return Seen(connect_s, connect_cpu_s, idle_bytes, after_bytes, cpu_s, delays, lost, back_s)


@asynccontextmanager
async def ours(private: PrivateServers, accounts: int) -> AsyncIterator[Served]:
    """Our API with everything as shipped: the event is a row, a nudge, a read, an execution."""
    tokens = [sign_in(private, 1 + account) for account in range(accounts)]
    world = World(private.home, free_port(), tokens[0], private.database_url, private.redis_url)
    process = serve(private, world, behind=("env", "FIELDGRAPH_CONNECTIONS_MAX=100000", *CORE_OF_SERVER))
    database = Database(world.database_url, world.redis_url)

    async def tell(number: int, message: str) -> None:
        async with database.writing() as session:
            events.record(session, topic_of(Training, WATCHED), {"progress": number / 1_000, "message": message})

    yield Served(process.pid, world.port, tokens, tell, resumes=True)
    await database.close()


@asynccontextmanager
async def theirs(private: PrivateServers, _accounts: int) -> AsyncIterator[Served]:
    """graphql-ws, fed by Redis."""
    _see_to_node()
    port, path = free_port(), private.redis_url.removeprefix("unix://")
    command = (*CORE_OF_SERVER, "node", NODE / "server.mjs", str(port), path, CHANNEL)
    process = start(private, "node", command, dict(os.environ), f"http://127.0.0.1:{port}/")
    async with Redis.from_url(private.redis_url) as redis:

        async def tell(number: int, message: str) -> None:
            event = {"cursor": "MTA1NC4yMzI", "progress": number / 1_000, "message": message}
            await redis.publish(CHANNEL, json.dumps(event))

        yield Served(process.pid, port, [], tell, resumes=False)


@contextmanager
def listening(served: Served, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """So many subscribers, in a process of their own."""
    payloads = [{"Authorization": f"Bearer {token}"} for token in served.tokens] or [{}]
    asked = {"query": WATCH, "variables": {"id": ids.encode(Training(id=WATCHED)), "after": None}}
    inits = ({"type": "connection_init", "payload": payload} for payload in payloads)
    said = ({"id": "1", "type": "subscribe", "payload": asked}, *inits)
    arguments = (str(served.port), str(count), *map(json.dumps, said))
    command = (*CORE_OF_LISTENERS, sys.executable, "-m", "tests.bench.live.listeners", *arguments)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def _ready(listeners: subprocess.Popen[bytes]) -> float:
    assert listeners.stdout
    return float(json.loads(listeners.stdout.readline())["ready_s"])


async def _back(served: Served, listeners: subprocess.Popen[bytes]) -> float:
    """All hang up, something happens meanwhile, and all come back at once: the seconds until each knows of it."""
    assert listeners.stdin
    assert listeners.stdout
    listeners.stdin.write(b".")
    listeners.stdin.flush()
    await asyncio.sleep(REST_S)
    await _at_rest(served.pid)
    console.print("All have hung up; something happens, and they come back.")
    await served.tell(-2, _message(-2))
    listeners.stdin.write(b".")
    listeners.stdin.flush()
    return float(json.loads(listeners.stdout.readline())["back_s"])


def _results(listeners: subprocess.Popen[bytes]) -> list[list[float]]:
    assert listeners.stdin
    assert listeners.stdout
    listeners.stdin.close()
    delays: list[list[float]] = json.loads(listeners.stdout.readline())["delays"]
    return delays


def _message(number: int) -> str:
    """What an event says, with the moment it was told: filled up, so that the whole event is of the same size."""
    stamp = f"{number}:{time.monotonic_ns()}:"
    return stamp + "x" * (EVENT_BYTES - 120 - len(stamp))


def _rss(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def _at_rest(pid: int) -> None:
    """Until all that happened has been sent: an event is measured alone, however slow the last one was."""
    busy_s = -1.0
    while (now_s := _cpu_s(pid)) - busy_s > REST_S / 10:
        busy_s = now_s
        await asyncio.sleep(REST_S)


def _cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _see_to_node() -> None:
    shutil.copytree(SOURCES, NODE, dirs_exist_ok=True)
    installed, wanted = NODE / "node_modules" / ".package-lock.json", NODE / "package.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    if not shutil.which("npm"):
        raise CannotStart("graphql-ws is installed by npm, which is not here (Debian: apt-get install npm).")
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
    if (done := subprocess.run(["npm", "install", *quiet], cwd=NODE, check=False)).returncode:
        raise CannotStart(f"npm could not install graphql-ws: it ended with {done.returncode}.")


program()
