"""Measures a large camera-trap project: 1 000 000 media, 3 000 000 observations: `python -m tests.bench.wildlife`.

Pages of classifications by the filters people use, the counts of a project, figures of its deployments, an approval in
bulk with its undo, and exports and imports.
"""

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import structlog
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from resolvers import ids
from tests.bench.clients import count
from tests.bench.wildlife import exchange
from tests.bench.world import World, filled, free_port, serve, sign_in

ROWS = Path(__file__).with_name("rows.sql")
TRIES = 40
CLIENT = httpx.Client(trust_env=False, timeout=60)
PAGE = """query ($project: ID!, $filter: ClassificationFilter, $after: String, $order: ClassificationOrder!) {
    classifications(classificationProjectId: $project, filter: $filter, first: 25, after: $after, orderBy: $order) {
        nodes {
            id version isApproved recordedAt resource { name pictureLink }
            observations(first: 5) {
                nodes { observationType bboxes classificationConfidence species { scientificName } } }
        }
        pageInfo { hasNextPage endCursor }
    } }"""
COUNTS = """query ($project: ID!) { classificationProject(id: $project) {
    resourceCount approvedCount classifiedCount classifiedAiCount
    collections(first: 25) { nodes { totalCount approvedCount classifiedCount classifiedAiCount } } } }"""
APPROVE = """mutation ($project: ID!, $filter: ClassificationFilter, $limit: Int) {
    approveClassifications(input: {classificationProjectId: $project, filter: $filter, limit: $limit}) {
        __typename ... on BulkApproval { id approvedCount skippedCount } ... on Problem { message } } }"""
FIGURES = {
    "RAI of 190 deployments": "detectionRates(station: DEPLOYMENT) { scientificName rate }",
    "detection history of 190 deployments": "detectionHistory(station: DEPLOYMENT) { occasions csv }",
}
FIGURE = """query ($project: ID!, $filter: StatisticsFilter) {
    wildlifeStatistics(classificationProjectId: $project, filter: $filter) { %s } }"""
# So many deployments, or pictures: a tenth, and all.
WORKS = (("Camtrap DP export", "EXPORT", (19, 190)), ("MegaDetector import", "IMPORT", (10_000, 100_000)))
REVERT = """mutation ($id: ID!) { revertBulkApproval(input: {id: $id}) {
    __typename ... on BulkApproval { revertedAt } ... on Problem { message } } }"""

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


def _named(kind: str, key: int) -> str:
    return str(ids.global_ids(kind)[key])


PROJECT = _named("ClassificationProject", 1)
COMMON, RARE, GENUS = (_named("Species", key) for key in (61, 555, 25))
FILTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "all": ("NEWEST", {}),
    "to be approved": ("NEWEST", {"approved": False}),
    "approved": ("OLDEST", {"approved": True}),
    "needs review": ("NEWEST", {"needsReview": True}),
    "AI and people disagree": ("NEWEST", {"disagreement": True}),
    "a common species": ("NEWEST", {"speciesIds": [COMMON]}),
    "a rare species": ("NEWEST", {"speciesIds": [RARE]}),
    "a genus with its species": ("NEWEST", {"speciesIds": [GENUS]}),
    "common, sure, not approved": ("NEWEST", {"speciesIds": [COMMON], "confidenceMin": 0.9, "approved": False}),
    "people on the picture": ("NEWEST", {"observationTypes": ["HUMAN"]}),
    "one deployment": ("NEWEST", {"deploymentIds": [_named("Deployment", 7)]}),
    "one collection": ("NEWEST", {"collectionIds": [_named("Collection", 3)]}),
    "at night, by time": ("RECORDED", {"timeFrom": "21:00", "timeUntil": "05:00"}),
    "one week, by time": (
        "RECORDED",
        {"recordedFrom": "2025-06-01T00:00:00Z", "recordedUntil": "2025-06-08T00:00:00Z"},
    ),
    "of one provider": ("NEWEST", {"aiProviderId": _named("ExternalAIProvider", 102)}),
    "by one person": ("NEWEST", {"userId": _named("User", 3)}),
}


@program.command()
def main() -> None:
    """Measure a large camera-trap project."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console.print("1 000 000 media, 3 000 000 observations. Filling tables …")
    with filled(ROWS) as servers:
        with servers.connect() as connection:
            connection.execute("VACUUM ANALYZE")
        made = World(servers.home, free_port(), sign_in(servers, 1), servers.database_url, servers.redis_url)
        serve(servers, made)
        _pages(made)
        _counts(made)
        _figures(made)
        _approvals(made)
        _works(made)


def _pages(world: World) -> None:
    table = _table("classifications, 25 of a page", "SQL", "p50", "p95 ms", "10th p50", "p95 ms")
    for name, (order, meant) in FILTERS.items():
        asked = {"project": PROJECT, "filter": meant, "order": order}
        first = _measured(world, PAGE, asked)
        after: str | None = None
        for _ in range(9):
            page = _ask(world, PAGE, asked | {"after": after})["classifications"]["pageInfo"]
            after = page["endCursor"] if page["hasNextPage"] else after
        table.add_row(name, *first, *_measured(world, PAGE, asked | {"after": after})[1:])
    console.print(table)


def _counts(world: World) -> None:
    table = _table("counts of a project and its collections", "SQL", "p50", "p95 ms")
    table.add_row("", *_measured(world, COUNTS, {"project": PROJECT}))
    console.print(table)


def _figures(world: World) -> None:
    table = _table("figures of a project", "s")
    for name, fields in FIGURES.items():
        begun = time.perf_counter()
        _ask(world, FIGURE % fields, {"project": PROJECT, "filter": {"speciesIds": [COMMON]}})
        table.add_row(name, f"{time.perf_counter() - begun:.2f}")
    console.print(table)


def _works(world: World) -> None:
    """Each in a process of its own, as one with more rows and one with fewer: so it shows whether memory is flat."""
    table = _table("exports and imports", "rows", "s", "rows/s", "MB above rest", "MB of the reader")
    for name, what, sizes in WORKS:
        for size in sizes:
            command = (sys.executable, "-m", exchange.__name__, what, str(size))
            places = (world.database_url, world.redis_url, str(world.home))
            done = subprocess.run([*command, *places], check=True, capture_output=True, text=True)
            took = json.loads(done.stdout.splitlines()[-1])
            rate = took["rows"] / took["s"]
            figures = (f"{took['rows']}", f"{took['s']:.1f}", f"{rate:,.0f}", f"{took['above_mb']:.0f}")
            table.add_row(f"{name}, {size}", *figures, f"{took['child_mb']:.0f}")
    console.print(table)


def _approvals(world: World) -> None:
    table = _table("approveClassifications by filter", "approved", "s", "undone in s")
    for name in ("to be approved", "a common species"):
        _, meant = FILTERS[name]
        begun = time.perf_counter()
        bulk = _ask(world, APPROVE, {"project": PROJECT, "filter": meant, "limit": 10_000})["approveClassifications"]
        took = time.perf_counter() - begun
        assert bulk["__typename"] == "BulkApproval", bulk
        begun = time.perf_counter()
        undone = _ask(world, REVERT, {"id": bulk["id"]})["revertBulkApproval"]
        assert undone["__typename"] == "BulkApproval", undone
        table.add_row(name, f"{bulk['approvedCount']}", f"{took:.2f}", f"{time.perf_counter() - begun:.2f}")
    console.print(table)


def _measured(world: World, query: str, variables: Mapping[str, Any]) -> tuple[str, str, str]:
    """How many statements an answer takes, and how long: half of the time at most, and nearly always."""
    question = {"query": query, "variables": dict(variables)}
    _, statements = asyncio.run(count(replace(world), [question, question]))
    took = []
    for again in range(TRIES):
        begun = time.perf_counter()
        _ask(world, query, variables)
        if again > 2:
            took.append((time.perf_counter() - begun) * 1_000)
    cuts = quantiles(took, n=20, method="inclusive")
    return f"{statements}", f"{cuts[9]:.1f}", f"{cuts[18]:.1f}"


def _ask(world: World, query: str, variables: Mapping[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {world.token}"}
    body = {"query": query, "variables": dict(variables)}
    answer = CLIENT.post(f"http://127.0.0.1:{world.port}/graphql", json=body, headers=headers).json()
    assert "errors" not in answer, answer
    return answer["data"]


def _table(title: str, *figures: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column()
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


if __name__ == "__main__":
    program()
