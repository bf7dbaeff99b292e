"""Finding taxa by key or by name; synonyms lead to the accepted name."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import aliased

from app.database import ReadSession
from app.models.wildlife.species import Species, SpeciesAlias

Key = tuple[str, str]
"""A checklist and a key of it."""


async def by_keys(session: ReadSession, keys: Iterable[Key]) -> dict[Key, int]:
    """The accepted taxa with these keys, by whichever checklist knows them."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    by_key: dict[Key, int] = {}
    own = select(Species.checklist, Species.key, func.coalesce(Species.accepted_id, Species.id))
    of = aliased(Species)
    other = select(SpeciesAlias.checklist, SpeciesAlias.key, func.coalesce(of.accepted_id, of.id)).join(
        of, of.id == SpeciesAlias.species_id
    )
    for statement, table in ((other, SpeciesAlias), (own, Species)):
        rows = await session.execute(statement.where(tuple_(table.checklist, table.key).in_(wanted)))
        by_key |= {(checklist, key): id for checklist, key, id in rows}
    return by_key


async def by_names(session: ReadSession, names: Iterable[str]) -> dict[str, int]:
    """The accepted taxa with these names, scientific or English, ignoring case; by the names in lower case."""
    wanted = sorted({" ".join(name.split()).casefold() for name in names} - {""})
    if not wanted:
        return {}
    by_key: dict[str, int] = {}
    # A scientific name counts for more than an English one, and an accepted name for more than a synonym.
    for column in (Species.vernacular_name, Species.scientific_name):
        rows = await session.execute(
            select(func.lower(column), func.coalesce(Species.accepted_id, Species.id))
            .where(func.lower(column).in_(wanted))
            .order_by(Species.accepted_id.is_not(None).desc(), Species.id.desc())
        )
        by_key |= dict(rows.all())
    return by_key


async def resolve_species(
    session: ReadSession, *, keys: Iterable[Key] = (), names: Iterable[str] = ()
) -> tuple[dict[Key, int], dict[str, int]]:
    """Accepted taxa by keys, and by names in lower case; what is not known is absent."""
    return await by_keys(session, keys), await by_names(session, names)


def descendants(species_ids: Sequence[int]) -> Select[int]:
    """The ids of these taxa, of all that are part of them, and of their synonyms."""
    part = select(Species.id).where(Species.id.in_(species_ids)).cte("descendants", recursive=True)
    below = aliased(Species)
    every = part.union(select(below.id).join(part, (below.parent_id == part.c.id) | (below.accepted_id == part.c.id)))
    return select(every.c.id)
