"""Measures tables, lines and answers of machines: `python -m tests.bench.automl`.

A file is read in a limited child and appended to a machine, pages of a machine with many lines are asked for.

A table of 5 000 rows and 20 columns is learned at level 3, and asked about through a real `fieldgraph serve`, signed
in, one row and 1 000 rows at a time. Beside it, in the same run, LightGBM learns the same rows, and answers behind a
plain Starlette without accounts, limits, checks or warnings.
"""

import asyncio
import json
import logging
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any

import structlog
import typer
from pydantic import SecretStr
from rich import box
from rich.console import Console
from rich.table import Table

from app.operations.processes.servers import PrivateServers
from app.settings import settings
from resolvers import ids
from tests.bench.automl import lines, table
from tests.bench.clients import LENGTH
from tests.bench.world import ROWS, SECRET, World, filled, free_port, serve, sign_in, start

SOLVE = """mutation ($id: ID!, $rows: [JSON!]!) { solve(input: {machineId: $id, rows: $rows}) {
    ... on Solved { rows { outputs probabilities intervals warnings { column issue } } }
    ... on Problem { message } } }"""

PARTS = ("read", "append", "pages", "answers")
program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@program.command()
def main(
    seconds: Annotated[float, typer.Option(help="How long each measurement lasts.", min=0.1, max=600)] = 5,
    level: Annotated[int, typer.Option(help="The level that the machine is trained at.", min=1, max=5)] = 3,
    budget: Annotated[float, typer.Option(help="Seconds of the training.", min=1, max=3_600)] = 120,
    part: Annotated[list[str] | None, typer.Option(help=f"Only this part, one of {', '.join(PARTS)}.")] = None,
    megabytes: Annotated[int, typer.Option(help="The size of the file that is read.", min=1, max=1_000)] = 100,
    appended: Annotated[int, typer.Option(help="How many rows are appended.", min=20_000)] = 1_000_000,
    stored: Annotated[int, typer.Option(help="How many lines the machine has whose pages are asked for.")] = 10_000_000,
) -> None:
    """Measure tables, lines and answers."""
    parts = part or PARTS
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console.print(f"Python {platform.python_version()}.")
    with filled(ROWS) as servers:
        world = World(servers.home, free_port(), sign_in(servers), servers.database_url, servers.redis_url)
        settings.database_url, settings.redis_url = world.database_url, world.redis_url
        settings.home, settings.secret = world.home, SecretStr(SECRET)
        if set(parts) - {"answers"}:
            asyncio.run(_lines(world, servers, parts, megabytes, appended, stored))
        if "answers" not in parts:
            return
        console.print(f"Learning for at most {budget:g} s …")
        folder = world.home / "learning"
        table.write(folder, level=level, budget_s=budget)
        command = (sys.executable, "-m", "app.learning", folder)
        # An engine ends with its parent: when nobody is there to write to it.
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
            assert child.wait() == 0
        console.print(_learned(folder))
        machine = asyncio.run(table.store(world.database_url, world.redis_url, folder))
        if "pages" not in parts:
            serve(servers, world)
        port = free_port()
        command = (sys.executable, "-m", "tests.bench.automl.lightgbm_server", str(port))
        start(servers, "lightgbm", command, {"PATH": "/usr/bin"}, f"http://127.0.0.1:{port}/readyz")
        asyncio.run(_compare(world, ids.encode(machine), port, seconds))


async def _lines(
    world: World, servers: PrivateServers, parts: Sequence[str], megabytes: int, appended: int, stored: int
) -> None:
    """What is done with tables and lines; a figure as soon as it is known."""

    def say(what: str, size: str, figure: str, more: str) -> None:
        console.print(f"{what:<34}{size:>32}{figure:>18}{more:>22}")

    async def ask(query: str, variables: dict[str, Any], times: int) -> list[float]:
        body = {"query": query, "variables": variables}
        return [took for _ in range(times) for took in await _asked(world.port, "/graphql", world.token, body, 0, 1)]

    if "read" in parts:
        await lines.read(say, megabytes)
    if "append" in parts:
        await lines.append(say, world.database_url, world.redis_url, appended)
    if "pages" in parts:
        serve(servers, world)
        await lines.pages(say, world.database_url, world.redis_url, ask, stored)


def _learned(folder: Path) -> str:
    outcome = json.loads((folder / "outcome.json").read_text())
    size = (folder / "machine.safetensors").stat().st_size
    parts = [f"{each['name']} {each['weight']:.2f}" for each in outcome["outputs"][0]["leaderboard"] if each["weight"]]
    return f"Learned in {outcome['tookS']:.0f} s, {size / 1e6:.1f} MB: {', '.join(parts)}"


async def _compare(world: World, machine: str, port: int, seconds: float) -> None:
    shown = Table(title=f"{seconds:g} s each, one connection", title_justify="left", box=box.SIMPLE_HEAD)
    shown.add_column()
    for figure in ("p50 ms", "p99 ms", "answers/s"):
        shown.add_column(figure, justify="right")
    rows = table.rows_to_ask()
    for count in (1, 1_000):
        asked = rows[:count]
        ours = {"query": SOLVE, "variables": {"id": machine, "rows": asked}}
        for name, where, path, body in (
            ("Fieldgraph", world.port, "/graphql", ours),
            ("LightGBM behind Starlette", port, "/solve", asked),
        ):
            await _asked(where, path, world.token, body, 1)
            took = await _asked(where, path, world.token, body, seconds)
            cuts = quantiles(took, n=100, method="inclusive")
            shown.add_row(
                f"{name}: {count:,} row{'s' if count > 1 else ''}",
                f"{cuts[49] * 1_000:.1f}",
                f"{cuts[98] * 1_000:.1f}",
                f"{count * len(took) / sum(took):,.0f}",
            )
    console.print(shown)


async def _asked(port: int, path: str, token: str, body: object, seconds: float, times_min: int = 2) -> list[float]:
    """How long each answer took, one after another."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took, end = [], time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end or len(took) < times_min:
        writer.write(head.encode() + content)
        answered = await reader.readuntil(b"\r\n\r\n")
        assert answered.startswith(b"HTTP/1.1 200 "), answered
        [length] = LENGTH.findall(answered)
        said = await reader.readexactly(int(length))
        took.append(time.perf_counter() - begun)
        assert b'"message"' not in said, said
    writer.close()
    return took


program()
