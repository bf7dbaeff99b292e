"""What staff say of taxa."""

from app.database import WriteSession
from app.errors import NotFound
from app.models.wildlife.species import Species
from app.policies import Viewer, require, signed_in, visible
from app.policies.wildlife.projects import may_change_species
from app.services.system import audit


async def mark_sensitive(session: WriteSession, viewer: Viewer, species_id: int, *, is_sensitive: bool) -> Species:
    """Protects the places where a taxon was seen, or no longer."""
    require(may_change_species, viewer, None)
    query = visible(Species, viewer).where(Species.id == species_id)
    species = await session.scalar(query.with_for_update(key_share=True))
    if species is None:
        raise NotFound("There is no such taxon.")
    species.is_sensitive = is_sensitive
    await session.flush()
    audit.record(session, signed_in(viewer), "markSpeciesSensitive", about=species, is_sensitive=is_sensitive)
    await session.refresh(species)
    return species
