"""Measures what one more API process and one replica bring: `python -m tests.bench.scaling`.

Four installations on the same rows take turns: one process or two, without a replica or with one. Load, servers and
databases share the machine; the kernel says who worked how long.
"""

import json
import math
import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from app.models.mapping.datasets import Dataset
from app.operations.database.roles import grant
from app.operations.processes.process import CannotStart
from app.operations.processes.servers import NAME, PrivateServers
from resolvers import ids
from tests.bench.peers import load
from tests.bench.peers.report import table
from tests.bench.peers.servers import CORES, Server, ready
from tests.bench.world import World, filled, free_port, serve, sign_in
from tests.standby import Standby, standby_of

ROWS = Path(__file__).with_name("peers") / "rows.sql"
FILL = "SELECT bench.grow(500, 5000, 50000, 200000, 10, 10, labels_each => 10)"
CORNERS = 200
ROUND = [
    (10.1 + 0.006 * math.cos(angle), 40.02 + 0.003 * math.sin(angle))
    for angle in (math.tau * (corner % CORNERS) / CORNERS for corner in range(CORNERS + 1))
]
ONE = {"id": ids.encode(Dataset(id=2_500))}
SHAPE = {"geometry": {"type": "Polygon", "coordinates": [ROUND]}}
BY_KEY = "query ($id: ID!) { dataset(id: $id) { id name status createdAt user { username } } }"
PAGE = "{ datasets(first: 25) { nodes { id name user { username } aois(first: 10) { nodes { id labelStatus } } } } }"
SHAPES = """query ($geometry: GeoJSONGeometry!) {
    labels(intersects: $geometry, first: 25) { totalCount nodes { id geom } }
}"""
QUESTIONS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "One dataset with its user: a stranger": (BY_KEY, ONE, False),
    "One dataset with its user: signed in": (BY_KEY, ONE, True),
    "25 datasets, users, 10 areas each: a stranger": (PAGE, {}, False),
    "25 datasets, users, 10 areas each: signed in": (PAGE, {}, True),
    f"Labels within a shape of {CORNERS} corners, counted: signed in": (SHAPES, SHAPE, True),
}
COLUMNS = ("requests/s", "p50 ms", "p99 ms", "API ms", "primary ms", "standby ms", "Redis ms", "load ms")
COLUMNS_MIN = 140  # in a pipe, too

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)
console.width = max(console.width, COLUMNS_MIN)


@dataclass(frozen=True)
class Installation:
    """API processes, with a replica or without, and the processes that work for them."""

    server: Server
    pids: tuple[int, ...]


@program.command()
def main(
    seconds: Annotated[int, typer.Option(help="How long each run lasts.", min=1, max=60)] = 3,
    runs: Annotated[int, typer.Option(help="Runs of each; their medians are shown.", min=1, max=20)] = 3,
    connections: Annotated[int, typer.Option(help="Clients, each asking without pause.", min=1, max=200)] = 32,
) -> None:
    """Measure requests per second, and whose processor each takes for how long."""
    console.print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {connections} connections, "
        f"{runs} runs of {seconds} s. Filling tables …"
    )
    try:
        ready([])
        with filled(ROWS) as servers, standby_of(servers) as standby:
            with servers.connect() as connection:
                connection.execute(FILL)
                connection.execute("VACUUM ANALYZE")
            grant(servers.database_url, servers.app_database_url)
            header = f"Authorization: Bearer {sign_in(servers)}"
            installed = [_install(servers, standby, workers, there) for there in (False, True) for workers in (1, 2)]
            for name, (query, variables, signed_in) in QUESTIONS.items():
                body = servers.home / "asked.json"
                body.write_text(json.dumps({"query": query, "variables": variables}))
                headers = (header,) if signed_in else ()
                _measure(name, [_asking(each, headers) for each in installed], body, seconds, runs, connections)
    except (CannotStart, load.Wrong) as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


def _install(servers: PrivateServers, standby: Standby, workers: int, there: bool) -> Installation:
    world = World(servers.home, free_port(), "", servers.app_database_url, servers.redis_url)
    variables = {"FIELDGRAPH_READER_URL": standby.url(NAME)} if there else {}
    process = serve(servers, world, production=True, variables=variables, arguments=("--workers", str(workers)))
    name = f"{workers} {'process' if workers == 1 else 'processes'}{', a replica' if there else ''}"
    postgres, redis = (servers.processes[each].pid for each in ("postgres", "redis"))
    server = Server(name, f"http://127.0.0.1:{world.port}/graphql", process)
    return Installation(server, (process.pid, postgres, standby.pid, redis))


def _asking(each: Installation, headers: tuple[str, ...]) -> Installation:
    return replace(each, server=replace(each.server, headers=headers))


def _measure(name: str, installed: list[Installation], body: Path, seconds: int, runs: int, connections: int) -> None:
    answers = [_answer(each.server, body) for each in installed]
    if any(answer != answers[0] for answer in answers):
        raise load.Wrong(f"Installations answer otherwise than one another: {name}.")
    for each in installed:
        load.wrk(each.server, body, load.WARM_UP_S, connections, cores=CORES)
    found: dict[str, list[tuple[float, ...]]] = {each.server.name: [] for each in installed}
    for each in installed * runs:
        found[each.server.name].append(_run(each, body, seconds, connections))
    shown = table(name, *COLUMNS)
    for installation, figures in found.items():
        rate, *others = (median(column) for column in zip(*figures, strict=True))
        shown.add_row(installation, f"{rate:,.0f}", *(f"{ms:.2f}" for ms in others))
    console.print(shown)


def _answer(server: Server, body: Path) -> Any:
    headers = dict(header.split(": ", 1) for header in server.headers)
    answer = httpx.post(server.url, json=json.loads(body.read_text()), headers=headers, trust_env=False, timeout=60)
    said = answer.json()
    if said.get("errors") or not all(said["data"].values()):
        raise load.Wrong(f"{server.name} does not answer: {answer.text[:1_000]}")
    return said["data"]


def _run(each: Installation, body: Path, seconds: int, connections: int) -> tuple[float, ...]:
    """The rate, the times, and the CPU milliseconds of a request of everyone who works for it."""
    load.rest(each.server.process.pid)
    before = _worked(each)
    said = load.wrk(each.server, body, seconds, connections, cores=CORES)
    worked = [now - then for now, then in zip(_worked(each), before, strict=True)]
    if said["failures"] or not said["requests"]:
        raise load.Wrong(f"{each.server.name} failed {said['failures']} of {said['requests']} requests.")
    times = (said["requests"] / said["seconds"], said["p50_ms"], said["p99_ms"])
    return *times, *(1_000 * s / said["requests"] for s in worked)


def _worked(each: Installation) -> list[float]:
    """CPU seconds of the API, the primary, the standby, Redis and the load; the load's are those of ended children."""
    return [*map(load.cpu_s, each.pids), sum(os.times()[2:4])]


if __name__ == "__main__":
    program()
