"""Figures of a classification project: effort, rates, species, activity, histories, AI against people, progress."""

from typing import Any

import strawberry

from app import checks
from app.errors import Invalid
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.providers import AIProvider
from app.models.wildlife.species import Species
from app.services.wildlife.statistics import agreement as agreement_service
from app.services.wildlife.statistics import counts, detections, health, independence, rates
from app.services.wildlife.statistics import operations as operations_service
from app.services.wildlife.statistics import progress as progress_service
from app.services.wildlife.statistics.agreement import Agreement
from app.services.wildlife.statistics.choices import (
    GAP_MINUTES,
    OCCASION_DAYS,
    ClockTime,
    Comparator,
    EffortMethod,
    EventCount,
    Independence,
    MeasuredFrom,
    OccasionStart,
    RateUnit,
    Station,
)
from app.services.wildlife.statistics.counts import ObservationCount
from app.services.wildlife.statistics.health import CameraProblem
from app.services.wildlife.statistics.histories import History, StationHistory
from app.services.wildlife.statistics.operations import StationEffort
from app.services.wildlife.statistics.rates import DetectionRate
from app.services.wildlife.statistics.species import species_lists
from app.services.wildlife.statistics.species.species_lists import SpeciesList
from app.services.wildlife.statistics.time_of_day import activity as activity_service
from app.services.wildlife.statistics.time_of_day.circular import Activity
from resolvers import ids
from resolvers.context import Info
from resolvers.wildlife.providers.queries import provider_key
from resolvers.wildlife.statistics.figures import (
    Effort,
    IndependentRecords,
    Occupancy,
    ProjectProgress,
    StatisticsFilter,
    WildlifeStatistics,
    chosen_by,
)

GAP_MINUTES_MAX = 10_080
TIMES_MAX = 10_000
OCCASION_DAYS_MAX = 366
THRESHOLDS_MAX = 100


async def wildlife_statistics(
    info: Info, classification_project_id: strawberry.ID, filter: StatisticsFilter | None = None
) -> WildlifeStatistics:
    """Figures of a classification project, for its members.

    classification_project_id: The classification project.
    filter: Which records and deployments count.
    """
    project = await info.context.read(ClassificationProject, classification_project_id)
    return WildlifeStatistics(project, chosen_by(filter or StatisticsFilter()))


async def effort(
    root: strawberry.Parent[WildlifeStatistics],
    info: Info,
    method: EffortMethod = EffortMethod.EXACT,
    station: Station = Station.LOCATION,
) -> Effort:
    """How long the cameras watched.

    Σ (end - start - failures) of the deployments of the research project, in days of 24 hours. A deployment without an
    end runs until now. Several cameras at a location may watch more than one day a day.

    method: How the time is counted.
    station: What counts as one place.
    """
    async with info.context.reading() as session:
        periods = await operations_service.operations(session, root.project.id, root.chosen)
    return Effort(operations_service.station_efforts(periods, method, station, root.chosen))


async def detection_rates(
    root: strawberry.Parent[WildlifeStatistics],
    info: Info,
    unit: RateUnit = RateUnit.SEQUENCES,
    method: EffortMethod = EffortMethod.EXACT,
    station: Station = Station.LOCATION,
    gap_minutes: float = GAP_MINUTES,
    measured_from: MeasuredFrom = MeasuredFrom.LAST_INDEPENDENT_RECORD,
    comparator: Comparator = Comparator.AT_LEAST,
    event_count: EventCount = EventCount.LARGEST,
) -> list[DetectionRate]:
    """How often each taxon was seen at each station, and its relative abundance index (RAI).

    RAI = 100 × n / effort in days. `unit` says what n counts.

    unit: What the rate counts.
    method: How the effort is counted.
    station: What counts as one place.
    gap_minutes: The time between independent records of a taxon at a station, in minutes.
    measured_from: Where the gap is measured from.
    comparator: Whether a record that is exactly the gap away is independent.
    event_count: How many individuals a sequence shows.
    """
    rule = _rule(gap_minutes, measured_from, comparator, station)
    async with info.context.reading() as session:
        rows = await rates.detection_rates(
            session, root.project.id, root.chosen, rule, unit=unit, method=method, event_count=event_count
        )
    return list(rows)


def _rule(gap_minutes: float, measured_from: MeasuredFrom, comparator: Comparator, station: Station) -> Independence:
    checks.within("gapMinutes", gap_minutes, 0, GAP_MINUTES_MAX)
    return Independence(gap_minutes, measured_from, comparator, station)


async def independent_records(
    root: strawberry.Parent[WildlifeStatistics],
    info: Info,
    gap_minutes: float = GAP_MINUTES,
    measured_from: MeasuredFrom = MeasuredFrom.LAST_INDEPENDENT_RECORD,
    comparator: Comparator = Comparator.AT_LEAST,
    station: Station = Station.LOCATION,
) -> IndependentRecords:
    """How many records of each taxon are independent of each other.

    For each taxon and station, by time: the first record is independent, and each later one that is the gap away.
    Media of one second are one record.

    gap_minutes: The gap, in minutes.
    measured_from: Where the gap is measured from.
    comparator: Whether a record that is exactly the gap away is independent.
    station: What counts as one place.
    """
    rule = _rule(gap_minutes, measured_from, comparator, station)
    async with info.context.reading() as session:
        rows = await independence.independent_records(session, root.project.id, root.chosen, rule)
    return IndependentRecords(rows)


async def observations(root: strawberry.Parent[WildlifeStatistics], info: Info) -> list[ObservationCount]:
    """Observations by level and type, as they are: groups and objects side by side.

    A row without a type counts all types of its level.
    """
    async with info.context.reading() as session:
        return list(await counts.observation_counts(session, root.project.id, root.chosen))


async def species(
    root: strawberry.Parent[WildlifeStatistics],
    info: Info,
    station: Station = Station.LOCATION,
    event_count: EventCount = EventCount.LARGEST,
) -> SpeciesList:
    """The taxa seen, how many species there may be, and how their number grows with effort.

    Chao 1 = S + f1 (f1 - 1) / (2 (f2 + 1)), of sequences. Chao 2 = S + (m - 1) / m × q1 (q1 - 1) / (2 (q2 + 1)), of m
    stations. Accumulation: S - Σ C(m - n, t) / C(m, t), the species expected at t of m stations.

    station: What counts as one place.
    event_count: How many individuals a sequence shows.
    """
    async with info.context.reading() as session:
        return await species_lists.species_list(
            session, root.project.id, root.chosen, station=station, event_count=event_count
        )


def naive_occupancy(root: strawberry.Parent[SpeciesList]) -> list[Occupancy]:
    """The share of stations at which each species was seen."""
    return [Occupancy(*each) for each in root.naive_occupancy]


async def activity(
    root: strawberry.Parent[WildlifeStatistics],
    info: Info,
    clock: ClockTime = ClockTime.LOCAL,
    gap_minutes: float = GAP_MINUTES,
    measured_from: MeasuredFrom = MeasuredFrom.LAST_INDEPENDENT_RECORD,
    comparator: Comparator = Comparator.AT_LEAST,
    station: Station = Station.LOCATION,
    times_max: int = TIMES_MAX,
) -> Activity:
    """At which time of day the taxa of the filter are about: independent records by hour, and as angles.

    Mean hour and concentration are those of the mean of the unit vectors of all angles, where midnight is 0 and noon π.
    Solar time is UTC + longitude / 15 h + equation of time.

    clock: Which clock gives the hour.
    gap_minutes: The gap between independent records, in minutes.
    measured_from: Where the gap is measured from.
    comparator: Whether a record that is exactly the gap away is independent.
    station: What counts as one place.
    times_max: How many angles to return, at most 10 000.
    """
    checks.within("timesMax", times_max, 0, TIMES_MAX)
    rule = _rule(gap_minutes, measured_from, comparator, station)
    async with info.context.reading() as session:
        return await activity_service.activity_of(
            session, root.project.id, root.chosen, rule, clock=clock, times_max=times_max
        )


async def detection_history(
    root: strawberry.Parent[WildlifeStatistics],
    info: Info,
    occasion_days: int = OCCASION_DAYS,
    start: OccasionStart = OccasionStart.STATION,
    station: Station = Station.LOCATION,
    method: EffortMethod = EffortMethod.EXACT,
    effort_days_min: float = 0,
) -> History:
    """On which occasions the taxa of the filter were seen at which station, for occupancy models.

    An occasion is a number of dates by the location's clock. 1: seen. 0: not seen. Null: nobody watched, or for less
    than `effortDaysMin`.

    occasion_days: The dates of an occasion, 1 to 366.
    start: Where the first occasion begins.
    station: What counts as one place.
    method: How the effort is counted.
    effort_days_min: The least effort for an occasion to count, in days.
    """
    checks.within("occasionDays", occasion_days, 1, OCCASION_DAYS_MAX)
    checks.within("effortDaysMin", effort_days_min, 0, OCCASION_DAYS_MAX)
    async with info.context.reading() as session:
        return await detections.detection_history(
            session,
            root.project.id,
            root.chosen,
            occasion_days=occasion_days,
            start=start,
            station=station,
            method=method,
            effort_days_min=effort_days_min,
        )


def csv(root: strawberry.Parent[History]) -> str:
    """The same as CSV: a row for each station with its detections, then its effort; NA where nobody watched."""
    return "".join(detections.as_csv(root))


async def agreement(
    root: strawberry.Parent[WildlifeStatistics],
    info: Info,
    provider_id: strawberry.ID,
    gold_only: bool = False,
    confidence_min: float = 0.2,
    thresholds: list[float] | None = None,
) -> Agreement:
    """AI against people: a provider's current answers beside approved classifications that people made.

    Confusion: each medium once, by the most numerous label of people and the surest of AI; BLANK where there is none.
    Precision and recall: each label of each medium, at each threshold of confidence. The filter does not apply.

    provider_id: The provider.
    gold_only: Whether only media of the gold standard are compared.
    confidence_min: Below it, a label of AI does not count in the confusion matrix.
    thresholds: The thresholds, at most 100; by default every 0.05.
    """
    checks.within("confidenceMin", confidence_min, 0, 1)
    limits = agreement_service.THRESHOLDS if thresholds is None else thresholds
    if len(limits) > THRESHOLDS_MAX:
        raise Invalid("thresholds", f"At most {THRESHOLDS_MAX} thresholds may be given.")
    for threshold in limits:
        checks.within("thresholds", threshold, 0, 1)
    key = provider_key(provider_id)
    provider = await info.context.load.read(AIProvider, key)
    if provider is None:
        raise ids.nothing_with(provider_id, AIProvider.__name__)
    async with info.context.reading() as session:
        return await agreement_service.agreement(
            session,
            root.project.id,
            provider.id,
            gold_only=gold_only,
            confidence_min=confidence_min,
            thresholds=sorted(set(limits)),
        )


async def progress(root: strawberry.Parent[WildlifeStatistics], info: Info) -> ProjectProgress:
    """Media by the state of their classification. The filter does not apply."""
    async with info.context.reading() as session:
        total, deployments = await progress_service.progress(session, root.project.id)
    return ProjectProgress(total, deployments)


async def camera_health(
    root: strawberry.Parent[WildlifeStatistics], info: Info, silent_days: int = health.SILENT_DAYS
) -> list[CameraProblem]:
    """What is wrong with the cameras of the research project, as far as their media show it. The filter does not apply.

    silent_days: After how many days without media a camera is reported, 1 to 366.
    """
    checks.within("silentDays", silent_days, 1, OCCASION_DAYS_MAX)
    async with info.context.reading() as session:
        problems = await health.camera_health(session, root.project.research_project_id, silent_days=silent_days)
    return list(problems)


def species_id(root: strawberry.Parent[Any]) -> strawberry.ID | None:
    """The id of the species or the higher taxon; null where only the observation type is known."""
    return None if root.species_id is None else ids.encode_key(Species, root.species_id)


async def scientific_name(root: strawberry.Parent[Any], info: Info) -> str | None:
    """The scientific name."""
    row = None if root.species_id is None else await info.context.load.one(Species, root.species_id)
    return row.scientific_name if isinstance(row, Species) else None


def deployment_id(root: strawberry.Parent[Any]) -> strawberry.ID | None:
    """The id of the deployment."""
    return None if root.deployment_id is None else ids.encode_key(Deployment, root.deployment_id)


def station_id(root: strawberry.Parent[StationEffort | StationHistory]) -> strawberry.ID:
    """The id of the location or the deployment, whichever counts as a station."""
    return ids.encode_key(Location if root.station is Station.LOCATION else Deployment, root.station_id)
