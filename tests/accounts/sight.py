"""Who of several viewers sees a row."""

from app.policies import visible


async def seers(database, viewers, row) -> set[str]:
    """The names of those who do."""
    table, seen = type(row), set()
    for who, viewer in viewers.items():
        async with database.reading() as session:
            if await session.scalar(visible(table, viewer).where(table.id == row.id)):
                seen.add(who)
    return seen
