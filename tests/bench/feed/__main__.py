"""Measures the feed of a large community: 1 000 000 posts, 10 000 000 likes: `python -m tests.bench.feed`.

The first page and the hundredth, of everybody's posts and of friends', for viewers with few friends and many, and with
many whom they keep away; searches; and one post on its way to many who listen, each for themselves.
"""

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any

import httpx
import structlog
import typer
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection, connect

from tests.bench.clients import OPENING_MAX, PROTOCOL, count
from tests.bench.world import World, filled, free_port, serve, sign_in

ROWS = Path(__file__).with_name("rows.sql")
KINDS = (
    "no friends",
    "10 friends",
    "300 friends",
    "2 000 friends",
    "10 friends, all long ago",
    "2 000 friends, all long ago",
    "300 friends, 300 blocks",
    "300 friends, 300 mutes",
)
OF_EACH_KIND = 20
FEED = """query ($scope: FeedScope!, $first: Int!, $after: String) { feed(scope: $scope, first: $first, after: $after) {
    nodes { id content createdAt likesCount commentCount isLiked author { username } }
    pageInfo { hasNextPage endCursor }
} }"""
ENDS = """query ($scope: FeedScope!, $first: Int!, $after: String) { feed(scope: $scope, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
} }"""
PAGE, LEAP, LEAPS = 25, 99, 25  # 25 leaps of 99 are the 99 pages before the hundredth
SEARCH = "query ($query: String!) { searchPosts(query: $query) { nodes { post { id content author { username } } } } }"
SEARCHES = ("heron", "word3999", "word300", "word50", "word0", "word0 word1", "#tag7", "word0 #tag7")
LISTEN = "subscription { feedUpdated { cursor change post { id content likesCount } } }"
POST = 'mutation { createPost(input: { content: "received by many" }) { ... on Post { id } } }'
TRIES = 5
HEARING_S_MAX = 120
CLIENT = httpx.Client(trust_env=False, timeout=30)

program = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False)


@program.command()
def main(listeners: Annotated[int, typer.Option(help="People who listen.", min=1, max=5_000)] = 1_000) -> None:
    """Measure the feed of a large community."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console.print("1 000 000 posts, 10 000 000 likes. Filling tables …")
    with filled(ROWS) as servers:
        with servers.connect() as connection:
            connection.execute("VACUUM ANALYZE")
        made = World(servers.home, free_port(), "", servers.database_url, servers.redis_url)
        serve(servers, made)
        viewers = [sign_in(servers, 1 + number) for number in range(len(KINDS) * OF_EACH_KIND)]
        _feeds(made, viewers)
        _searches(made, viewers)
        uvloop.run(_live(made, [sign_in(servers, 1_001 + number) for number in range(listeners)]))


def _feeds(world: World, tokens: Sequence[str]) -> None:
    """Each page once before it is measured, by each viewer."""
    for scope in ("EVERYONE", "FRIENDS"):
        table = _table(f"feed(scope: {scope}), {PAGE} posts", "SQL", "first p50", "p95", "SQL", "100th p50", "p95 ms")
        for number, kind in enumerate(KINDS):
            own = tokens[number * OF_EACH_KIND : (number + 1) * OF_EACH_KIND]
            first = [{"scope": scope, "first": PAGE} for _ in own]
            hundredth = [{"scope": scope, "first": PAGE, "after": _leapt(world, token, scope)} for token in own]
            figures = []
            for pages in (first, hundredth):
                asked = [(token, page) for token, page in zip(own, pages, strict=True) if page.get("after") != ""]
                figures += _measured(world, FEED, asked)
            table.add_row(kind, *figures)
        console.print(table)


def _leapt(world: World, token: str, scope: str) -> str:
    """Where the hundredth page begins; nothing if there are not so many."""
    after: str | None = None
    for _ in range(LEAPS):
        page = _ask(world, token, ENDS, {"scope": scope, "first": LEAP, "after": after})["feed"]["pageInfo"]
        if not page["hasNextPage"]:
            return ""
        after = page["endCursor"]
    return after or ""


def _searches(world: World, tokens: Sequence[str]) -> None:
    table = _table("searchPosts, 25 posts", "SQL", "p50", "p95 ms")
    for query in SEARCHES:
        table.add_row(query, *_measured(world, SEARCH, [(token, {"query": query}) for token in tokens[::8]]))
    console.print(table)


def _measured(world: World, query: str, asked: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[str, str, str]:
    """How many statements an answer takes, and how long: half of the time at most, and nearly always."""
    if not asked:
        return "–", "–", "–"
    [(token, variables), *_] = asked
    question = {"query": query, "variables": variables}
    _, statements = asyncio.run(count(replace(world, token=token), [question, question]))
    took = []
    for token, variables in asked:
        for again in range(TRIES):
            begun = time.perf_counter()
            _ask(world, token, query, variables)
            if again:
                took.append((time.perf_counter() - begun) * 1_000)
    cuts = quantiles(took, n=20, method="inclusive")
    return f"{statements}", f"{cuts[9]:.1f}", f"{cuts[18]:.1f}"


def _ask(world: World, token: str, query: str, variables: Mapping[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"query": query, "variables": variables}
    answer = CLIENT.post(f"http://127.0.0.1:{world.port}/graphql", json=body, headers=headers).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def _live(world: World, tokens: Sequence[str]) -> None:
    """How long it takes until everybody has received of one post, each by what they may see."""
    received: list[asyncio.Queue[float]] = [asyncio.Queue() for _ in tokens]
    opening = asyncio.Semaphore(OPENING_MAX)
    listening = [
        asyncio.create_task(_listen(world, token, opening, queue))
        for token, queue in zip(tokens, received, strict=True)
    ]
    async with asyncio.timeout(HEARING_S_MAX):
        while not all(queue.qsize() for queue in received):  # until the last of them has begun
            await asyncio.to_thread(_ask, world, tokens[0], POST, {})
            await asyncio.sleep(1)
        first, last = [], []
        for _ in range(TRIES):
            await _silence(received)
            begun = time.perf_counter()
            await asyncio.to_thread(_ask, world, tokens[0], POST, {})
            delays = sorted([await queue.get() - begun for queue in received])
            first.append(delays[0] * 1_000)
            last.append(delays[-1] * 1_000)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    table = _table(f"feedUpdated, one post to {len(tokens)} people", "first ms", "last ms")
    table.add_row(f"median of {TRIES}", f"{sorted(first)[TRIES // 2]:.0f}", f"{sorted(last)[TRIES // 2]:.0f}")
    console.print(table)


async def _silence(received: Sequence[asyncio.Queue[float]]) -> None:
    """Drops what is still on its way."""
    while any(queue.qsize() for queue in received):
        for queue in received:
            while queue.qsize():
                queue.get_nowait()
        await asyncio.sleep(1)


async def _listen(world: World, token: str, opening: asyncio.Semaphore, received: asyncio.Queue[float]) -> None:
    async with opening:
        socket = await connect(f"ws://127.0.0.1:{world.port}/graphql", subprotocols=[PROTOCOL], proxy=None)
        await _say(socket, {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        await socket.recv()
        await _say(socket, {"type": "subscribe", "id": "1", "payload": {"query": LISTEN}})
    async with socket:
        async for message in socket:
            if json.loads(message)["type"] == "next":
                received.put_nowait(time.perf_counter())


async def _say(socket: ClientConnection, message: Mapping[str, Any]) -> None:
    await socket.send(json.dumps(message))


def _table(title: str, *figures: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column()
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


program()
