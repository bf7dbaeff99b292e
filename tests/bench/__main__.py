"""Measures the golden path: requests per second, how long they take, their statements; and events to many sockets.

Everything is as a client meets it: a real `fieldgraph serve` with authentication, limits and policies, asked through
sockets. The clients live in this process and share the machine with the server and its database.
"""

import logging
import os
import platform
from statistics import quantiles
from typing import Annotated

import structlog
import typer
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from app.models.base import Record
from app.models.mapping.datasets import AOI, Dataset
from app.models.mapping.trainings import Model
from resolvers import ids
from tests.bench.clients import ask, count, watch
from tests.bench.world import World, world

WARM_UP_S = 0.5
QUESTIONS = {
    "me": "{ me { id username email } }",
    "dataset: by id, 10 scalars": """query ($dataset: ID!) { dataset(id: $dataset) {
        id name sourceImagery status offset createdAt lastModified user { username firstName lastName }
    } }""",
    "datasets: 25, users, 10 AOIs each": """{ datasets { nodes {
        id name user { username } aois(first: 10) { nodes { id geom labelStatus } }
    } } }""",
    "labels: 1 000 of one AOI": """query ($aoi: ID!) { node(id: $aoi) { ... on AOI {
        labels(first: 1000) { nodes { id geom tags } }
    } } }""",
    "model: trainings, jobs, artifacts": """query ($model: ID!) { model(id: $model) { name trainings(first: 4) { nodes {
        status accuracy job { state progress } artifacts { nodes { name sizeBytes link } }
    } } } }""",
    "notifications: 25 unread": """{ notifications(isRead: false) { nodes {
        message createdAt training { id status }
    } } }""",
    "createDataset": """mutation { createDataset(
        input: { name: "Village", sourceImagery: "https://tiles.example.org/{z}/{x}/{y}.png" }
    ) { ... on Dataset { id name } } }""",
}

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@program.command()
def main(
    seconds: Annotated[float, typer.Option(help="How long each measurement lasts.", min=0.1, max=600)] = 6,
    connections: Annotated[int, typer.Option(help="HTTP clients, each asking without pause.", min=1, max=1_000)] = 8,
    subscribers: Annotated[int, typer.Option(help="Sockets that watch one training.", min=1, max=2_000)] = 200,
    rate: Annotated[float, typer.Option(help="Events recorded per second.", min=0.1, max=1_000)] = 2,
) -> None:
    """Measure requests and events per second."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console.print(f"{os.cpu_count()} cores, Python {platform.python_version()}, one serving process. Filling tables …")
    with world() as made:
        uvloop.run(_requests(made, connections, seconds))
        uvloop.run(_events(made, subscribers, rate, seconds))


async def _requests(world: World, connections: int, seconds: float) -> None:
    first: dict[str, type[Record]] = {"dataset": Dataset, "aoi": AOI, "model": Model}
    variables = {name: ids.encode(model(id=1)) for name, model in first.items()}
    questions = [{"query": query, "variables": variables} for query in QUESTIONS.values()]
    table = _table(f"{connections} connections, {seconds:g} s each", "requests/s", "p50 ms", "p99 ms", "SQL")
    for name, asked, statements in zip(QUESTIONS, questions, await count(world, questions), strict=True):
        await ask(world, asked, connections=connections, seconds=WARM_UP_S)
        took, lasted = await ask(world, asked, connections=connections, seconds=seconds)
        table.add_row(name, f"{len(took) / lasted:.0f}", *_p50_p99(took), f"{statements}")
    console.print(table)


async def _events(world: World, subscribers: int, rate: float, seconds: float) -> None:
    seen = await watch(world, subscribers=subscribers, rate=rate, seconds=seconds)
    title = f"{subscribers} subscribers, {rate:g} events/s, {seconds:g} s"
    table = _table(title, "delivered/s", "p50 ms", "p99 ms", "lost", "doubled")
    delivered = f"{len(seen.delays) / seen.seconds:.0f}"
    table.add_row("trainingUpdated", delivered, *_p50_p99(seen.delays), f"{seen.lost}", f"{seen.doubled}")
    console.print(table)


def _table(title: str, *figures: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column()
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def _p50_p99(seconds: list[float]) -> tuple[str, str]:
    if len(seconds) < 2:
        return "–", "–"
    cuts = quantiles(seconds, n=100, method="inclusive")
    return f"{cuts[49] * 1_000:.1f}", f"{cuts[98] * 1_000:.1f}"


program()
