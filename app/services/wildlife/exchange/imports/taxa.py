"""Names of taxa in files, and the taxa of the checklists that they mean."""

from collections.abc import Iterable

from sqlalchemy import func, select

from app.database import ReadSession
from app.models.wildlife.species import Species
from app.services.wildlife.exchange.imports.staging import batched

AT_ONCE = 5_000


class Taxa:
    """Finds taxa by scientific or English name; a synonym leads to the accepted name. Each name is looked up once."""

    def __init__(self) -> None:
        self._known: dict[str, int | None] = {}

    async def look_up(self, session: ReadSession, names: Iterable[str]) -> None:
        """Looks up the names that were not looked up yet."""
        new = {name.strip().lower() for name in names} - self._known.keys()
        for some in batched(sorted(new), AT_ONCE):
            self._known |= dict.fromkeys(some)
            # English names first: scientific ones, which are exact, take their places afterwards.
            for column in (Species.vernacular_name, Species.scientific_name):
                name = func.lower(column)
                # The oldest of several, and an accepted name before synonyms.
                query = (
                    select(name, func.coalesce(Species.accepted_id, Species.id))
                    .where(name.in_(some))
                    .order_by(Species.accepted_id.is_(None), Species.id.desc())
                )
                self._known |= dict(list(await session.execute(query)))

    def of(self, names: Iterable[str]) -> int | None:
        """The taxon of the first of these names that is known."""
        return next((id for name in names if (id := self._known.get(name.strip().lower())) is not None), None)

    @property
    def count(self) -> int:
        """How many different taxa were found."""
        return len({id for id in self._known.values() if id is not None})
