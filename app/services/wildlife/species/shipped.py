"""The list that comes along, so that a fresh installation can name animals: common species with their higher taxa."""

import csv
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from sqlalchemy import exists, select, text

from app.database import Database, WriteSession
from app.models.wildlife.species import Species, TaxonRank

CHECKLIST = "FIELDGRAPH"
LOCK = "species"


class Entry(NamedTuple):
    """A taxon and its parent's name."""

    name: str
    rank: TaxonRank
    parent: str | None
    vernacular: str | None
    lineage: dict[str, str]


def entries() -> Iterator[Entry]:
    """Every taxon after its parent."""
    listed: set[str] = set()
    content = files(__package__).joinpath("shipped.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(content.splitlines()):
        genus = row["scientificName"].split()[0]
        line = (
            (TaxonRank.KINGDOM, "kingdom", "Animalia"),
            (TaxonRank.PHYLUM, "phylum", "Chordata"),
            (TaxonRank.CLASS, "class_name", row["class"]),
            (TaxonRank.ORDER, "order_name", row["order"]),
            (TaxonRank.FAMILY, "family", row["family"]),
            (TaxonRank.GENUS, "genus", genus),
            (TaxonRank.SPECIES, "", row["scientificName"]),
        )
        parent: str | None = None
        lineage: dict[str, str] = {}
        for rank, column, name in line:
            lineage = lineage | ({column: name} if column else {})
            if name not in listed:
                vernacular = row["vernacularName"] if rank is TaxonRank.SPECIES else None
                yield Entry(name, rank, parent, vernacular, lineage)
            listed.add(name)
            parent = name


async def add_shipped(session: WriteSession) -> int:
    """Adds the list if there are no taxa at all; answers how many were added."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": LOCK})
    if await session.scalar(select(exists().where(Species.id.is_not(None)))):
        return 0
    made: dict[str, Species] = {}
    for entry in entries():
        species = Species(
            checklist=CHECKLIST,
            key=entry.name.lower().replace(" ", "-"),
            scientific_name=entry.name,
            vernacular_name=entry.vernacular,
            rank=entry.rank,
            **entry.lineage,
        )
        session.add(species)
        made[entry.name] = species
    await session.flush()
    for entry in entries():
        if entry.parent is not None:
            made[entry.name].parent_id = made[entry.parent].id
    await session.flush()
    return len(made)


async def add_shipped_species(database: Database) -> int:
    """The same in a transaction of its own."""
    async with database.writing() as session:
        return await add_shipped(session)
