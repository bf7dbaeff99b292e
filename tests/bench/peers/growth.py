"""Whether a page costs the same however large the tables are: time and plans with 1 000 to 1 000 000 rows in each."""

import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import httpx
from rich.console import Console

from app.models.base import Record
from app.models.mapping.datasets import AOI, Dataset
from app.operations.processes.servers import PrivateServers
from resolvers import ids
from tests.bench.peers import load, plans
from tests.bench.peers.report import table
from tests.bench.peers.servers import OURS, Server, begin

SIZES = (1_000, 10_000, 100_000, 1_000_000)
GROW = "SELECT bench.grow(%(n)s, %(n)s, %(n)s, %(n)s, %(n)s, %(n)s, labels_each => 100)"
TRIES = 100  # each connection prepares a statement after some calls, and after some more plans it for all values
NOTED = 5
# Fixed pages, of the newest row where there is an id; small ones, since few rows are soonest read all together.
PAGES: dict[str, tuple[str, type[Record] | None]] = {
    "one dataset with its user": (
        "query ($id: ID!) { dataset(id: $id) { id name sourceImagery status offset createdAt user { username } } }",
        Dataset,
    ),
    "25 datasets, users, 10 areas each": (
        "{ datasets(first: 25) { nodes { id name user { username } aois(first: 10) { nodes { id labelStatus } } } } }",
        None,
    ),
    "25 labels of one area": (
        "query ($id: ID!) { aoi(id: $id) { labels(first: 25) { nodes { id geom origin tags createdAt } } } }",
        AOI,
    ),
    "10 models, counts, 3 trainings each": (
        """{ models(first: 10) { nodes {
            id name user { username } trainings(first: 3) { totalCount nodes { id status user { username } } }
        } } }""",
        None,
    ),
}


def measure(servers: PrivateServers, console: Console, *, seconds: int) -> None:
    """Grows all tables step by step, and asks at each size."""
    plans.prepare(servers)
    _grow(servers, SIZES[0])
    [server] = begin(servers, [OURS])
    shapes: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in PAGES}
    rows: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for before, size in pairwise((SIZES[0], *SIZES)):
        _grow(servers, size - before)
        for name in PAGES:
            body = _body(servers.home, name, size)
            answer_bytes, ran = _plans(servers, server, body)
            shapes[name]["\n".join(ran)].append(size)
            figures = load.run(
                server,
                body,
                seconds=seconds,
                connections=1,
                database_pid=servers.processes["postgres"].pid,
                answer_bytes=answer_bytes,
            )
            times = (figures.p50_ms, figures.p99_ms, figures.server_ms, figures.database_ms)
            rows[name].append((f"{size:,}", *(f"{ms:.2f}" for ms in times), str(len(ran))))
        console.print(f"{size:,} rows in each table: measured.")
    _say_times(console, rows)
    _say_plans(console, shapes)


def _grow(servers: PrivateServers, more: int) -> None:
    with servers.connect() as connection:
        connection.execute(GROW, {"n": more})
        connection.execute("VACUUM ANALYZE")


def _body(home: Path, name: str, size: int) -> Path:
    query, model = PAGES[name]
    # Ids begin with 1 and have no gaps here.
    asked = {"query": query} | ({} if model is None else {"variables": {"id": ids.encode(model(id=size))}})
    body = home / "page.json"
    body.write_text(json.dumps(asked))
    return body


def _plans(servers: PrivateServers, server: Server, body: Path) -> tuple[int, list[str]]:
    """The answer's length and the plans of its statements, once the server knows the question well."""
    headers = dict(header.split(": ", 1) for header in server.headers)
    with httpx.Client(headers=headers, trust_env=False, timeout=60) as client:
        asked = json.loads(body.read_text())
        for _ in range(TRIES):
            answer = client.post(server.url, json=asked)
            if "errors" in answer.json():
                raise load.Wrong(f"{server.name} does not answer: {answer.text[:1_000]}")
        with plans.noted(servers) as ran:
            for _ in range(NOTED):
                client.post(server.url, json=asked)
    return len(answer.content), plans.usual(ran, NOTED)


def _say_times(console: Console, rows: dict[str, list[tuple[str, ...]]]) -> None:
    columns = ("rows in each table", "p50 ms", "p99 ms", "CPU ms", "PostgreSQL ms", "statements")
    shown = table("Fixed pages, one client", *columns)
    for name, sizes in rows.items():
        for i, size in enumerate(sizes):
            shown.add_row("" if i else name, *size, end_section=i == len(sizes) - 1)
    console.print(shown)


def _say_plans(console: Console, shapes: dict[str, dict[str, list[int]]]) -> None:
    for name, found in shapes.items():
        console.print(f"\n[bold]{name}[/]: " + ("one plan at every size" if len(found) == 1 else f"{len(found)} plans"))
        for text, sizes in found.items():
            if len(found) > 1:
                console.print("  with " + ", ".join(f"{size:,}" for size in sizes) + " rows")
            for line in text.splitlines():
                console.print(f"    {line}", markup=False, soft_wrap=True)
