"""What is done with money by the clock: reservations that last, and reservations and grants that have expired."""

from app.database import Database
from app.services.billing import charges, grants, reservations
from jobs.schedule import by_the_clock


async def tidy(database: Database) -> None:
    """Renews what is held for jobs at work, returns it for jobs that are gone, and ends what has expired."""
    for step in (charges.renew, charges.release, reservations.sweep, grants.end_due):
        async with database.writing() as session:
            await step(session)


by_the_clock("reservations", tidy)
