"""GraphQL types for species."""

import strawberry
from strawberry import auto

from app.models.wildlife import species as tables
from app.services.wildlife.species import imports
from app.settings import settings
from resolvers.enums import show_enum
from resolvers.wildlife import species as resolve
from schema.fields import Connection, computed, connection, field, many, mutation, one
from schema.problems import InvalidInput
from schema.row import Row, shows
from schema.wildlife.places.tables import TableProblem

show_enum(tables.TaxonRank)


class Species(Row, of=tables.Species):
    checklist: auto
    key: auto
    scientific_name: auto
    vernacular_name: auto
    rank: auto
    kingdom: auto
    phylum: auto
    class_name: auto
    order_name: auto
    family: auto
    genus: auto
    is_sensitive: auto
    is_synonym: bool = computed(resolve.is_synonym)
    created_at: auto
    last_modified: auto
    accepted: "Species | None" = one(tables.Species.accepted)
    synonyms: Connection["Species"] = many(tables.Species.synonyms)
    parent: "Species | None" = one(tables.Species.parent)
    children: Connection["Species"] = many(tables.Species.children)
    aliases: Connection["SpeciesAlias"] = many(tables.Species.aliases)


class SpeciesAlias(Row, of=tables.SpeciesAlias):
    checklist: auto
    key: auto
    species: Species = one(tables.SpeciesAlias.species)


@shows(imports.SpeciesImport)
class SpeciesImport:
    is_done: bool = strawberry.field(description="Whether the taxa were imported.")
    is_dry_run: bool = strawberry.field(description="Whether nothing was to be changed.")
    rows: int = strawberry.field(description="The number of taxa in the list.")
    created: int = strawberry.field(description="The number of taxa that are new.")
    updated: int = strawberry.field(description="The number of taxa of which the list knows more.")
    unchanged: int = strawberry.field(description="The number of taxa of which it knows nothing new.")
    synonyms: int = strawberry.field(description="The number of names that are synonyms.")
    problems: list[TableProblem] = strawberry.field(description="What is wrong, row by row.")


@strawberry.type
class SpeciesQuery:
    species: Species | None = field(resolve.species)
    species_list: Connection[Species] = connection(resolve.species_list, order=resolve.SpeciesOrder)


@strawberry.type
class SpeciesMutation:
    import_species: SpeciesImport | InvalidInput = mutation(
        resolve.import_species, request_bytes_max=settings.labels_request_bytes_max
    )
    mark_species_sensitive: Species = mutation(resolve.mark_species_sensitive)
