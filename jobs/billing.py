"""What is done with money by the clock: reservations that last, and those that have expired."""

from app.database import Database
from app.services.billing import charges, reservations
from jobs.schedule import by_the_clock


async def tidy(database: Database) -> None:
    """Renews what is held for jobs at work, returns it for jobs that are gone, and marks what has expired."""
    for step in (charges.renew, charges.release, reservations.sweep):
        async with database.writing() as session:
            await step(session)


by_the_clock("reservations", tidy)
