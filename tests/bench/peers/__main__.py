"""Measures us beside other GraphQL servers on the same rows, and ourselves on tables that grow.

The others answer without authentication; we answer as in production, with authentication, limits, policies and logs.
All answers are compared, as data, before anything is measured. Runs of different servers take turns, so that a slow
moment of the machine meets all of them.
"""

import json
import os
import platform
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from app.operations.processes.process import CannotStart
from app.operations.processes.servers import PrivateServers
from tests.bench.peers import growth, load, profile, report
from tests.bench.peers.answers import difference, plain
from tests.bench.peers.load import Figures
from tests.bench.peers.queries import QUESTIONS, Question
from tests.bench.peers.servers import NAMES, OURS, Server, begin, ready
from tests.bench.world import filled

ROWS = Path(__file__).with_name("rows.sql")
FILL = """
SELECT bench.grow(2000, 5000, 50000, 500000, 50000, 500000, labels_each => 10);
UPDATE labels SET aoi_id = 1 WHERE id <= 1000; -- a town
ANALYZE
"""
COLUMNS_MIN = 140  # in a pipe, too

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)
console.width = max(console.width, COLUMNS_MIN)


@program.command()
def main(
    servers: Annotated[str, typer.Option(help="Which, separated by commas.")] = ",".join(NAMES),
    queries: Annotated[str, typer.Option(help="Which, separated by commas.")] = ",".join(q.name for q in QUESTIONS),
    seconds: Annotated[int, typer.Option(help="How long each run lasts.", min=1, max=600)] = 5,
    runs: Annotated[int, typer.Option(help="Runs of each; their medians are shown.", min=1, max=99)] = 3,
    connections: Annotated[int, typer.Option(help="Clients, each asking without pause.", min=1, max=1_000)] = 16,
    profiles: Annotated[Path | None, typer.Option(help="A folder for flame graphs of our server, by py-spy.")] = None,
    grow: Annotated[bool, typer.Option("--growth", help="Measure ourselves on growing tables instead.")] = False,
) -> None:
    """Measure us beside others."""
    questions = [question for question in QUESTIONS if question.name in queries.split(",")]
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}. Filling tables …")
    try:
        names = [name for name in NAMES if name in servers.split(",")]
        ready(names)
        with filled(ROWS) as made:
            if grow:
                growth.measure(made, console, seconds=seconds)
                return
            with made.connect() as connection:
                connection.execute(FILL)
            asked = begin(made, names)
            results = [_measure(made, asked, question, seconds, runs, connections) for question in questions]
            console.print(report.goals(results))
            for server in asked:
                if profiles and server.name == OURS:
                    profile.record(server, questions, profiles, seconds=seconds, connections=connections)
    except (CannotStart, load.Wrong) as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


def _measure(
    made: PrivateServers, servers: list[Server], question: Question, seconds: int, runs: int, connections: int
) -> report.Result:
    lengths = _compared(servers, question)
    bodies = {server.name: _written(made.home, server, question) for server in servers}
    found: dict[str, list[Figures]] = {server.name: [] for server in servers}
    for server in servers:
        load.warm(server, bodies[server.name], connections=connections)
    for server in servers * runs:
        figures = load.run(
            server,
            bodies[server.name],
            seconds=seconds,
            connections=connections,
            database_pid=made.processes["postgres"].pid,
            answer_bytes=lengths[server.name],
        )
        found[server.name].append(figures)
    result = report.Result(question)
    result.figures = {name: Figures.median_of(each) for name, each in found.items()}
    result.memory_mb = {server.name: load.memory_mb(server.process.pid) for server in servers}
    console.print(report.figures(result))
    return result


def _compared(servers: list[Server], question: Question) -> dict[str, int]:
    """How long each server's answer is, once all have given the same."""
    first, lengths = None, {}
    for server in servers:
        headers = dict(header.split(": ", 1) for header in server.headers)
        answer = httpx.post(server.url, json=server.body(question), headers=headers, trust_env=False, timeout=60)
        said: dict[str, Any] = answer.json()
        if said.get("errors") or not said.get("data"):
            raise load.Wrong(f"{server.name} does not answer {question.name}: {str(said)[:1_000]}")
        data = plain(said["data"])
        first = data if first is None else first
        if differs := difference(first, data):
            raise load.Wrong(f"{server.name} answers {question.name} otherwise than {servers[0].name}: {differs}")
        lengths[server.name] = len(answer.content)
    return lengths


def _written(home: Path, server: Server, question: Question) -> Path:
    body = home / f"{server.name}-{question.name}.json"
    body.write_text(json.dumps(server.body(question)))
    return body


program()
