"""Independent records: of an animal that stays before a camera, only what is far enough apart in time counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import CTE, BigInteger, Boolean, ColumnElement, func, literal, select

from app.database import ReadSession
from app.services.wildlife.statistics.choices import Comparator, Filter, Independence, MeasuredFrom
from app.services.wildlife.statistics.records import records, second_of, station_of


@dataclass(frozen=True)
class TaxonRecords:
    """How many records of a taxon are independent. Those that are not are counted, too: together they are all."""

    species_id: int | None
    observation_type: str
    # Media with the taxon.
    records: int
    independent: int

    @property
    def dependent(self) -> int:
        """The records that are too close to another one."""
        return self.records - self.independent


def marked(rows: CTE, rule: Independence) -> CTE:
    """One row for each taxon, station and second, with whether it is independent.

    Pictures of one second are one record: a burst shows the same animal.
    """
    station = station_of(rows, rule.station).label("station_id")
    second = second_of(rows.c.at).label("second")
    once = (
        select(rows.c.species_id, rows.c.observation_type, station, second, func.count().label("media"))
        .group_by(rows.c.species_id, rows.c.observation_type, station, second)
        .cte("once")
    )
    partition = once.c.species_id, once.c.observation_type, once.c.station_id
    gap = literal(round(rule.gap_minutes * 60), BigInteger)
    is_strict = rule.comparator is Comparator.MORE_THAN
    is_independent: ColumnElement[bool]
    if rule.measured_from is MeasuredFrom.LAST_RECORD:
        before = func.lag(once.c.second).over(partition_by=partition, order_by=once.c.second)
        away = once.c.second - before
        is_independent = before.is_(None) | (away > gap if is_strict else away >= gap)
    else:
        since = func.last_independent(once.c.second, gap, literal(is_strict, Boolean)).over(
            partition_by=partition, order_by=once.c.second
        )
        is_independent = since == once.c.second
    return select(once, is_independent.label("is_independent")).cte("marked")


async def independent_records(
    session: ReadSession, project_id: int, chosen: Filter, rule: Independence
) -> Sequence[TaxonRecords]:
    """How many records of each taxon are independent, the most frequent first."""
    rows = marked(records(project_id, chosen), rule)
    independent = func.count().filter(rows.c.is_independent)
    query = (
        select(rows.c.species_id, rows.c.observation_type, func.sum(rows.c.media), independent)
        .group_by(rows.c.species_id, rows.c.observation_type)
        .order_by(independent.desc(), rows.c.species_id, rows.c.observation_type)
    )
    return [TaxonRecords(row[0], row[1], int(row[2]), row[3]) for row in await session.execute(query)]
