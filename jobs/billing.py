"""What is done with money by the clock: reservations that last, and those that have expired."""

from app.database import Database
from app.services.billing import charges, reservations
from jobs.schedule import by_the_clock


async def tidy(database: Database) -> None:
    """Renews what is held for jobs at work, and marks what has expired."""
    async with database.writing() as session:
        await charges.renew(session)
    async with database.writing() as session:
        await reservations.sweep(session)


by_the_clock("reservations", tidy)
