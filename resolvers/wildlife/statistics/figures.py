"""Which records figures rest on, as clients write it, and figures that are put together of others."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import strawberry

from app import checks
from app.errors import Invalid
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.observations import ObservationType
from app.models.wildlife.species import Species
from app.services.wildlife.statistics.choices import Filter
from app.services.wildlife.statistics.independence import TaxonRecords
from app.services.wildlife.statistics.operations import StationEffort
from app.services.wildlife.statistics.progress import Progress
from resolvers import ids
from resolvers.wildlife import choices  # noqa: F401 -- declares the enumerations of the filter

IDS_MAX = 500


@strawberry.input(description="Which records and deployments count. By default approved records of animals.")
class StatisticsFilter:
    """As clients write it."""

    approved_only: bool = strawberry.field(
        default=True,
        description="Whether only approved classifications count. Otherwise the newest row of a person counts where "
        "none is approved, and without one the newest of AI.",
    )
    include_setup: bool = strawberry.field(default=False, description="Whether test shots and set-up count.")
    observation_types: list[ObservationType] = strawberry.field(
        default_factory=lambda: [ObservationType.ANIMAL], description="What counts."
    )
    species_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these taxa, with their synonyms and everything below them."
    )
    deployment_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Only these deployments.")
    recorded_from: datetime | None = strawberry.field(default=None, description="Only from this time on.")
    recorded_until: datetime | None = strawberry.field(default=None, description="Only before this time.")
    confidence_min: float | None = strawberry.field(
        default=None, description="Only observations with at least this confidence. Those without any count."
    )


@dataclass(frozen=True)
class WildlifeStatistics:
    """Figures of a classification project.

    They rest on records: one for each medium and taxon, with the sum of the counts of its observations. Where a medium
    has groups and objects of a taxon, only the groups count. Synonyms count as their accepted taxon.
    """

    project: strawberry.Private[ClassificationProject]
    chosen: strawberry.Private[Filter] = field(default_factory=Filter)


@dataclass(frozen=True)
class Effort:
    """How long the cameras of all stations watched."""

    stations: Sequence[StationEffort]

    @property
    def seconds(self) -> float:
        """The sum of all stations."""
        return sum(each.seconds for each in self.stations)

    @property
    def days(self) -> float:
        """The sum of all stations, in days of 24 hours."""
        return sum(each.days for each in self.stations)


@dataclass(frozen=True)
class IndependentRecords:
    """Records that are independent of each other, and those that are not; together they are all records."""

    taxa: Sequence[TaxonRecords]

    @property
    def records(self) -> int:
        """All of them: media with a taxon."""
        return sum(each.records for each in self.taxa)

    @property
    def independent(self) -> int:
        """Those that are independent."""
        return sum(each.independent for each in self.taxa)

    @property
    def dependent(self) -> int:
        """Those that are too close to another one."""
        return sum(each.dependent for each in self.taxa)


@dataclass(frozen=True)
class ProjectProgress:
    """How far a project is."""

    total: Progress
    deployments: Sequence[Progress]


@dataclass(frozen=True)
class Occupancy:
    """The share of stations at which a species was seen: naive, because animals that were missed are not counted."""

    species_id: int
    share: float


def chosen_by(filter: StatisticsFilter) -> Filter:
    if filter.confidence_min is not None:
        checks.within("confidenceMin", filter.confidence_min, 0, 1)
    start, end = filter.recorded_from, filter.recorded_until
    if start is not None:
        start = checks.moment("recordedFrom", start)
    if end is not None:
        end = checks.moment("recordedUntil", end)
    if start is not None and end is not None and end <= start:
        raise Invalid("recordedUntil", "`recordedUntil` must be after `recordedFrom`.")
    return Filter(
        filter.approved_only,
        filter.include_setup,
        tuple(filter.observation_types),
        _keys("speciesIds", filter.species_ids, Species),
        _keys("deploymentIds", filter.deployment_ids, Deployment),
        start,
        end,
        filter.confidence_min,
    )


def _keys(field: str, global_ids: list[strawberry.ID] | None, model: type[Species | Deployment]) -> list[int] | None:
    if global_ids is None:
        return None
    if len(global_ids) > IDS_MAX:
        raise Invalid(field, f"At most {IDS_MAX} may be given.")
    return [ids.key(id, model) for id in global_ids]
