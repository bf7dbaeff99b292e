"""Species."""

from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select

from app import checks
from app.limits.wildlife import TAXON_NAME_LENGTH_MAX
from app.models.wildlife.species import Species, TaxonRank
from app.pagination import Order
from app.policies import AnyViewer, visible
from app.services.wildlife.species import editing, imports, lookup
from app.services.wildlife.species.imports import SpeciesImport
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference


class SpeciesOrder(Order):
    """By name or by age of the row.

    NAME: By scientific name, from A to Z.
    NEWEST: The newest first.
    OLDEST: The oldest first.
    """

    NAME = ("scientific_name", False)
    NEWEST = ("id", True)
    OLDEST = ("id", False)


def is_synonym(viewer: AnyViewer) -> ColumnElement[Any]:
    """Whether the name is a synonym; `accepted` has the accepted one."""
    del viewer
    return Species.accepted_id.is_not(None)


async def species(info: Info, id: strawberry.ID) -> RowOrReference[Species]:
    """A taxon by its id.

    id: The id of the taxon.
    """
    return await info.context.find(Species, id)


def species_list(
    info: Info,
    search: str | None = None,
    checklist: str | None = None,
    key: str | None = None,
    rank: TaxonRank | None = None,
    within_id: strawberry.ID | None = None,
    is_sensitive: bool | None = None,
) -> Select[Species]:
    """Taxa.

    search: Only taxa whose scientific or English name contains this text, ignoring case.
    checklist: Only taxa of this checklist.
    key: Only taxa with this key.
    rank: Only taxa of this rank.
    within_id: Only this taxon, those that are part of it, and their synonyms.
    is_sensitive: Only taxa whose places are protected, or only others.
    """
    query = visible(Species, info.context.viewer)
    if checklist is not None:
        query = query.where(Species.checklist == checklist.upper())
    if key is not None:
        query = query.where(Species.key == key)
    if rank is not None:
        query = query.where(Species.rank == rank)
    if within_id is not None:
        query = query.where(Species.id.in_(lookup.descendants([ids.key(within_id, Species)])))
    if is_sensitive is not None:
        query = query.where(Species.is_sensitive == is_sensitive)
    sought = checks.optional_text("search", search, length_max=TAXON_NAME_LENGTH_MAX)
    if sought is None:
        return query
    named = Species.scientific_name.icontains(sought, autoescape=True)
    return query.where(named | Species.vernacular_name.icontains(sought, autoescape=True))


async def import_species(info: Info, checklist: str, csv: str, dry_run: bool = True) -> SpeciesImport:
    """Adds and updates taxa from a list: GBIF, Catalogue of Life, Wildlife Insights, SpeciesNet. For staff.

    A taxon that is known by the same name keeps its row and gets the key as another one. A list with an error changes
    nothing.

    checklist: The checklist that the keys are of, such as GBIF or COL.
    csv: The list: a table separated by commas or tabs, or lines of seven parts as SpeciesNet has them.
    dry_run: Whether to say only what would be done; false imports the list.
    """
    taxa = await imports.parsed(csv)
    async with info.context.writing() as session:
        return await imports.import_species(
            session, info.context.viewer, checklist=checklist, parsed_taxa=taxa, is_dry_run=dry_run
        )


async def mark_species_sensitive(info: Info, id: strawberry.ID, is_sensitive: bool) -> Species:
    """Says whether the places where a taxon was seen are shown coarsely to all but members. For staff.

    id: The taxon.
    is_sensitive: Whether they are.
    """
    async with info.context.writing() as session:
        return await editing.mark_sensitive(
            session, info.context.viewer, ids.key(id, Species), is_sensitive=is_sensitive
        )
