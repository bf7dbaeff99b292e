"""Which taxa were seen, how many there may be, and how their number grows with effort."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.database import ReadSession
from app.models.wildlife.species import Species, TaxonRank
from app.services.wildlife.statistics.choices import EventCount, Filter, Station
from app.services.wildlife.statistics.operations import operations
from app.services.wildlife.statistics.records import individuals_of_event, records, station_of
from app.services.wildlife.statistics.species import richness

POINTS_MAX = 200
# Below a species: counted as their species.
SPECIES_RANKS = (TaxonRank.SPECIES, TaxonRank.SUBSPECIES, TaxonRank.VARIETY, TaxonRank.FORM)


@dataclass(frozen=True)
class TaxonSeen:
    """A taxon that was seen."""

    species_id: int | None
    observation_type: str
    records: int
    sequences: int
    individuals: int
    # At how many stations.
    stations: int
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class AccumulationPoint:
    """Species expected at so many stations, whichever they are."""

    stations: int
    species: float


@dataclass(frozen=True)
class FirstSeen:
    """When the number of species rose: species seen until then, the new one included."""

    at: datetime
    species_id: int
    species: int


@dataclass(frozen=True)
class SpeciesList:
    """The taxa seen, and how many species there may be."""

    taxa: Sequence[TaxonSeen]
    # Distinct taxa of the rank of species; subspecies count as their species, higher ranks do not count.
    richness: int
    chao1: float
    chao2: float
    # Stations with any effort, whether anything was seen there or not.
    stations: int
    naive_occupancy: Sequence[tuple[int, float]]
    accumulation: Sequence[AccumulationPoint]
    first_seen: Sequence[FirstSeen]


async def species_list(
    session: ReadSession, project_id: int, chosen: Filter, *, station: Station, event_count: EventCount
) -> SpeciesList:
    """The taxa seen, the most frequent first."""
    taxa = await _taxa(session, project_id, chosen, station, event_count)
    watched = await operations(session, project_id, chosen)
    stations = len({each.location_id if station is Station.LOCATION else each.deployment_id for each in watched})
    species = await _species(session, {taxon.species_id for taxon in taxa if taxon.species_id is not None})
    abundance: dict[int, int] = defaultdict(int)
    for taxon in taxa:
        if taxon.species_id in species:
            abundance[species[taxon.species_id]] += taxon.sequences
    incidence = await _incidence(session, project_id, chosen, station, species)
    return SpeciesList(
        taxa,
        len(abundance),
        richness.chao1(list(abundance.values())),
        richness.chao2(list(incidence.values()), stations),
        stations,
        [(id, occasions / stations) for id, occasions in incidence.items()] if stations else [],
        [AccumulationPoint(*point) for point in richness.rarefaction(list(incidence.values()), stations, POINTS_MAX)],
        _first_seen(taxa, species),
    )


async def _taxa(
    session: ReadSession, project_id: int, chosen: Filter, station: Station, event_count: EventCount
) -> list[TaxonSeen]:
    rows = records(project_id, chosen)
    taxon = rows.c.species_id, rows.c.observation_type
    events = (
        select(
            *taxon,
            station_of(rows, station).label("station_id"),
            func.count().label("records"),
            individuals_of_event(rows, event_count).label("individuals"),
            func.min(rows.c.at).label("first"),
            func.max(rows.c.at).label("last"),
        )
        .group_by(*taxon, "station_id", rows.c.event)
        .subquery("events")
    )
    query = (
        select(
            events.c.species_id,
            events.c.observation_type,
            func.sum(events.c.records),
            func.count(),
            func.sum(events.c.individuals),
            func.count(events.c.station_id.distinct()),
            func.min(events.c.first),
            func.max(events.c.last),
        )
        .group_by(events.c.species_id, events.c.observation_type)
        .order_by(func.count().desc(), events.c.species_id, events.c.observation_type)
    )
    return [
        TaxonSeen(row[0], row[1], int(row[2]), row[3], int(row[4]), *row[5:]) for row in await session.execute(query)
    ]


async def _species(session: ReadSession, ids: set[int]) -> dict[int, int]:
    """The species of taxa: their own, or that of which they are a part. Higher ranks have none."""
    rows = select(Species.id, Species.rank, Species.parent_id).where(Species.id.in_(ids))
    return {
        id: id if rank is TaxonRank.SPECIES or parent_id is None else parent_id
        for id, rank, parent_id in await session.execute(rows)
        if rank in SPECIES_RANKS
    }


async def _incidence(
    session: ReadSession, project_id: int, chosen: Filter, station: Station, species: dict[int, int]
) -> dict[int, int]:
    """At how many stations each species was seen."""
    rows = records(project_id, chosen)
    pairs = select(rows.c.species_id, station_of(rows, station)).distinct()
    occasions: dict[int, set[int]] = defaultdict(set)
    for species_id, station_id in await session.execute(pairs):
        if species_id in species:
            occasions[species[species_id]].add(station_id)
    return {id: len(stations) for id, stations in sorted(occasions.items())}


def _first_seen(taxa: Sequence[TaxonSeen], species: dict[int, int]) -> list[FirstSeen]:
    first: dict[int, datetime] = {}
    for taxon in taxa:
        if taxon.species_id in species:
            id = species[taxon.species_id]
            first[id] = min(first.get(id, taxon.first_seen_at), taxon.first_seen_at)
    ordered = sorted(first.items(), key=lambda pair: (pair[1], pair[0]))
    return [FirstSeen(at, id, number) for number, (id, at) in enumerate(ordered, 1)]
