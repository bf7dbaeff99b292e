"""The demo: people to sign in as, what they say to each other, and paths to walk: village, card, table, contract."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum

import httpx
from rich.console import Console

from app.database import Database
from app.demo import community, contract, machine, market, memory_card, people, walk, wood
from app.demo.client import Client
from app.demo.people import PASSWORD, PEOPLE
from app.settings import settings

__all__ = ["PASSWORD", "PEOPLE", "Part", "make", "run", "show"]


class Part(StrEnum):
    """A path to walk."""

    VILLAGE = "village"
    WILDLIFE = "wildlife"
    MACHINE = "machine"
    MARKET = "market"
    CONSULTING = "consulting"


HTTP_S_MAX = 120
WALKS = {
    Part.VILLAGE: walk.walk,
    Part.WILDLIFE: memory_card.walk,
    Part.MACHINE: machine.walk,
    Part.MARKET: market.walk,
    Part.CONSULTING: contract.walk,
}


def make(*, anew: bool = False) -> None:
    """Makes people, teams, a labelled dataset and a community where they are missing; or the community anew."""
    asyncio.run(_make(anew=anew))


def run(parts: Sequence[Part] = tuple(Part)) -> None:
    """Walks the paths, live, in what runs here."""
    asyncio.run(_run(parts))


async def _run(parts: Sequence[Part]) -> None:
    async with httpx.AsyncClient(base_url=settings.address, timeout=HTTP_S_MAX) as http:
        for part in parts:
            await WALKS[part](Client(http))


def show() -> None:
    """Prints as whom one may sign in."""
    console = Console(highlight=False)
    console.print("Accounts to sign in with, and the password of each:")
    for email in PEOPLE.values():
        console.print(f"{email}  {PASSWORD}")


async def _make(*, anew: bool) -> None:
    database = Database(str(settings.database_url), str(settings.redis_url))
    try:
        async with database.writing(s_max=settings.long_transaction_s_max) as session:
            await people.take_turn(session)
            viewers = await people.make(session)
            dataset = await people.make_dataset(session, viewers["mapper"])
            if anew:
                await community.clear(session, viewers)
            if anew or not await community.is_there(session, viewers):
                await community.make(session, viewers, dataset)
        await wood.make(database, viewers)
    finally:
        await database.close()
