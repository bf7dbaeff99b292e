"""The demo village: people to sign in as, what they say to each other, and the whole path to walk."""

import asyncio

from rich.console import Console

from app.database import Database
from app.demo import community, people, wood
from app.demo.people import PASSWORD, PEOPLE
from app.demo.walk import run
from app.settings import settings

__all__ = ["PASSWORD", "PEOPLE", "make", "run", "show"]


def make(*, anew: bool = False) -> None:
    """Makes people, teams, a labelled dataset and a community where they are missing; or the community anew."""
    asyncio.run(_make(anew=anew))


def show() -> None:
    """Prints as whom one may sign in."""
    console = Console(highlight=False)
    for email in PEOPLE.values():
        console.print(f"{email}  {PASSWORD}")


async def _make(*, anew: bool) -> None:
    database = Database(str(settings.database_url), str(settings.redis_url))
    try:
        async with database.writing(s_max=settings.long_transaction_s_max) as session:
            viewers = await people.make(session)
            dataset = await people.make_dataset(session, viewers["mapper"])
            if anew:
                await community.clear(session, viewers)
            if anew or not await community.is_there(session, viewers):
                await community.make(session, viewers, dataset)
        await wood.make(database, viewers)
    finally:
        await database.close()
