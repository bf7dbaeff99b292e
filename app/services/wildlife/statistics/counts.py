"""Observations by their level and type, as they are: here groups and objects stand side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, tuple_

from app.database import ReadSession
from app.models.wildlife.observations import ObservationLevel, ObservationType
from app.services.wildlife.statistics.choices import Filter
from app.services.wildlife.statistics.records import observed


@dataclass(frozen=True)
class ObservationCount:
    """The observations of a level and a type, or of a level alone."""

    level: ObservationLevel
    observation_type: ObservationType | None
    observations: int
    media: int
    sequences: int
    individuals: int


async def observation_counts(session: ReadSession, project_id: int, chosen: Filter) -> Sequence[ObservationCount]:
    """How many there are of each level, all together and by type."""
    query, final, seen, event = observed(project_id, chosen)
    level, kind = seen.observation_level, seen.observation_type
    counted = query.with_only_columns(
        level, kind, func.count(), func.count(final.resource_id.distinct()), func.count(event.distinct()),
        func.sum(seen.count),
    )  # fmt: skip
    sets = func.grouping_sets(tuple_(level), tuple_(level, kind))
    rows = await session.execute(counted.group_by(sets).order_by(level, kind.asc().nulls_first()))
    return [ObservationCount(row[0], row[1], row[2], row[3], row[4], int(row[5])) for row in rows]
