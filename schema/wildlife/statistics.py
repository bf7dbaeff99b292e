"""GraphQL types for figures of classification projects."""

from datetime import date, datetime

import strawberry

from app.models.wildlife.observations import ObservationLevel, ObservationType
from app.services.wildlife.statistics import agreement, choices, counts, health, histories, rates
from app.services.wildlife.statistics.independence import TaxonRecords as TaxonRecordsRow
from app.services.wildlife.statistics.operations import StationEffort as StationEffortRow
from app.services.wildlife.statistics.progress import Progress as ProgressRow
from app.services.wildlife.statistics.species import species_lists
from app.services.wildlife.statistics.time_of_day import circular
from resolvers.enums import show_enum
from resolvers.wildlife.media import pictures
from resolvers.wildlife.statistics import figures
from resolvers.wildlife.statistics import queries as resolve
from schema.fields import field
from schema.row import shows

for enum in (
    choices.ClockTime,
    choices.Comparator,
    choices.EffortMethod,
    choices.EventCount,
    choices.MeasuredFrom,
    choices.OccasionStart,
    choices.RateUnit,
    choices.Station,
    health.HealthProblem,
):
    show_enum(enum)

TYPE = "The observation type, such as ANIMAL."


@shows(StationEffortRow)
class StationEffort:
    station_id: strawberry.ID = field(resolve.station_id)
    name: str = strawberry.field(description="The name of the location, or the id of the deployment.")
    deployments: int = strawberry.field(description="The number of deployments there.")
    seconds: float = strawberry.field(description="The seconds in which a camera watched.")
    days: float = strawberry.field(description="The same in days of 24 hours.")
    failed_seconds: float = strawberry.field(description="The seconds that failures took.")


@shows(figures.Effort)
class Effort:
    seconds: float = strawberry.field(description="The seconds of all stations.")
    days: float = strawberry.field(description="The same in days of 24 hours.")
    stations: list[StationEffort] = strawberry.field(description="Each station, by name.")


@shows(rates.DetectionRate)
class DetectionRate:
    species_id: strawberry.ID | None = field(resolve.species_id)
    scientific_name: str | None = field(resolve.scientific_name)
    observation_type: str = strawberry.field(description=TYPE)
    station: StationEffort = strawberry.field(description="The station with its effort.")
    unit: choices.RateUnit = strawberry.field(description="What the rate counts.")
    records: int = strawberry.field(description="Media with the taxon.")
    sequences: int = strawberry.field(description="Sequences with the taxon.")
    independent: int = strawberry.field(description="Independent records.")
    individuals: int = strawberry.field(description="Individuals of all sequences.")
    days_seen: int = strawberry.field(description="Dates with a record, by the location's clock.")
    rate: float | None = strawberry.field(description="100 × n / effort in days; null without effort.")


@shows(TaxonRecordsRow)
class TaxonRecords:
    species_id: strawberry.ID | None = field(resolve.species_id)
    scientific_name: str | None = field(resolve.scientific_name)
    observation_type: str = strawberry.field(description=TYPE)
    records: int = strawberry.field(description="Media with the taxon.")
    independent: int = strawberry.field(description="Those that are independent.")
    dependent: int = strawberry.field(description="Those that are too close to another one.")


@shows(figures.IndependentRecords)
class IndependentRecords:
    records: int = strawberry.field(description="All records.")
    independent: int = strawberry.field(description="Those that are independent.")
    dependent: int = strawberry.field(description="Those that are too close to another one.")
    taxa: list[TaxonRecords] = strawberry.field(description="Each taxon, the most frequent first.")


@shows(counts.ObservationCount)
class ObservationCount:
    level: ObservationLevel = strawberry.field(description="Objects or groups.")
    observation_type: ObservationType | None = strawberry.field(description="The type; null for all types together.")
    observations: int = strawberry.field(description="The number of observations.")
    media: int = strawberry.field(description="The number of media with them.")
    sequences: int = strawberry.field(description="The number of sequences with them.")
    individuals: int = strawberry.field(description="The sum of their counts.")


@shows(species_lists.TaxonSeen)
class TaxonSeen:
    species_id: strawberry.ID | None = field(resolve.species_id)
    scientific_name: str | None = field(resolve.scientific_name)
    observation_type: str = strawberry.field(description=TYPE)
    records: int = strawberry.field(description="Media with the taxon.")
    sequences: int = strawberry.field(description="Sequences with the taxon.")
    individuals: int = strawberry.field(description="Individuals of all sequences.")
    stations: int = strawberry.field(description="Stations where it was seen.")
    first_seen_at: datetime = strawberry.field(description="When it was first seen.")
    last_seen_at: datetime = strawberry.field(description="When it was last seen.")


@shows(species_lists.AccumulationPoint)
class AccumulationPoint:
    stations: int = strawberry.field(description="The number of stations.")
    species: float = strawberry.field(description="The expected number of species.")


@shows(species_lists.FirstSeen)
class FirstSeen:
    at: datetime = strawberry.field(description="When the species was first seen.")
    species_id: strawberry.ID | None = field(resolve.species_id)
    scientific_name: str | None = field(resolve.scientific_name)
    species: int = strawberry.field(description="The number of species seen until then.")


@shows(figures.Occupancy)
class Occupancy:
    species_id: strawberry.ID | None = field(resolve.species_id)
    scientific_name: str | None = field(resolve.scientific_name)
    share: float = strawberry.field(description="The share of stations, 0 to 1.")


@shows(species_lists.SpeciesList)
class SpeciesList:
    taxa: list[TaxonSeen] = strawberry.field(description="The taxa, the most frequent first.")
    richness: int = strawberry.field(
        description="The number of species. Subspecies count as their species; genera and higher ranks do not count."
    )
    chao1: float = strawberry.field(description="The estimated number of species, by how often each was seen.")
    chao2: float = strawberry.field(description="The estimated number of species, by where each was seen.")
    stations: int = strawberry.field(description="The number of stations.")
    naive_occupancy: list[Occupancy] = field(resolve.naive_occupancy)
    accumulation: list[AccumulationPoint] = strawberry.field(description="Expected species by number of stations.")
    first_seen: list[FirstSeen] = strawberry.field(description="When the number of species rose, by time.")


@shows(circular.Activity)
class Activity:
    count: int = strawberry.field(description="The number of independent records.")
    hours: list[int] = strawberry.field(description="The records of each hour of the day, 24 numbers from midnight on.")
    mean_hour: float | None = strawberry.field(description="The mean time, 0 to 24; null if there is none.")
    concentration: float | None = strawberry.field(
        description="How closely the records lie round the mean: 0 is all over the day, 1 all at the same time."
    )
    radians: list[float] = strawberry.field(description="The times as angles, by the age of the record.")


@shows(histories.StationHistory)
class StationHistory:
    station_id: strawberry.ID = field(resolve.station_id)
    name: str = strawberry.field(description="The name of the location, or the id of the deployment.")
    first_date: date = strawberry.field(description="The first date of the first occasion.")
    detections: list[int | None] = strawberry.field(description="For each occasion 1, 0, or null if nobody watched.")
    effort_days: list[float | None] = strawberry.field(description="The effort of each occasion, in days.")


@shows(histories.History)
class DetectionHistory:
    occasion_days: int = strawberry.field(description="The dates of an occasion.")
    occasions: int = strawberry.field(description="The number of occasions.")
    stations: list[StationHistory] = strawberry.field(description="The stations, by name.")
    unwatched_dates: int = strawberry.field(
        description="Dates with a record on which nobody watched, by the deployments: they are left out."
    )
    csv: str = field(resolve.csv)


@shows(agreement.ConfusionCell)
class ConfusionCell:
    truth: str = strawberry.field(description="The label that people gave.")
    predicted: str = strawberry.field(description="The label that AI gave.")
    count: int = strawberry.field(description="The number of media.")


@shows(agreement.ThresholdFigures)
class ThresholdFigures:
    label: str = strawberry.field(description="The label.")
    threshold: float = strawberry.field(description="The least confidence that counts.")
    true_positives: int = strawberry.field(description="Media with the label by both.")
    false_positives: int = strawberry.field(description="Media with the label by AI alone.")
    false_negatives: int = strawberry.field(description="Media with the label by people alone.")
    precision: float | None = strawberry.field(description="TP / (TP + FP).")
    recall: float | None = strawberry.field(description="TP / (TP + FN).")
    f1: float | None = strawberry.field(description="2 TP / (2 TP + FP + FN).")


@shows(agreement.Agreement)
class Agreement:
    media: int = strawberry.field(description="The media that are compared.")
    accuracy: float | None = strawberry.field(description="The share of media with the same label, 0 to 1.")
    confusion: list[ConfusionCell] = strawberry.field(description="The confusion matrix; cells of 0 are left out.")
    figures: list[ThresholdFigures] = strawberry.field(description="Precision and recall, by label and threshold.")


@shows(ProgressRow)
class Progress:
    deployment_id: strawberry.ID | None = field(resolve.deployment_id)
    name: str | None = strawberry.field(description="The id of the deployment; null for a whole project.")
    total: int = strawberry.field(description="The number of media.")
    approved: int = strawberry.field(description="Approved.")
    classified: int = strawberry.field(description="Classified by a person, and not approved.")
    classified_ai: int = strawberry.field(description="Classified by AI alone, and not approved.")
    unclassified: int = strawberry.field(description="Classified by nobody.")
    setup: int = strawberry.field(description="Test shots and set-up, among all.")
    blank: int = strawberry.field(description="Blank, among all.")
    needs_review: int = strawberry.field(description="Waiting for an approver, among all.")


@shows(figures.ProjectProgress)
class ProjectProgress:
    total: Progress = strawberry.field(description="The whole project.")
    deployments: list[Progress] = strawberry.field(description="Each deployment; media without one come last.")


@shows(health.CameraProblem)
class CameraProblem:
    deployment_id: strawberry.ID | None = field(resolve.deployment_id)
    problem: health.HealthProblem = strawberry.field(description="What is wrong.")
    count: int = strawberry.field(description="The number of media that show it.")
    starts_at: datetime | None = strawberry.field(description="When it begins.")
    ends_at: datetime | None = strawberry.field(description="When it ends.")
    message: str = strawberry.field(description="The same in a sentence.")


@shows(figures.WildlifeStatistics)
class WildlifeStatistics:
    effort: Effort = field(resolve.effort)
    detection_rates: list[DetectionRate] = field(resolve.detection_rates)
    independent_records: IndependentRecords = field(resolve.independent_records)
    observations: list[ObservationCount] = field(resolve.observations)
    species: SpeciesList = field(resolve.species)
    activity: Activity = field(resolve.activity)
    detection_history: DetectionHistory = field(resolve.detection_history)
    agreement: Agreement = field(resolve.agreement)
    progress: ProjectProgress = field(resolve.progress)
    camera_health: list[CameraProblem] = field(resolve.camera_health)
    overview_chart: str = field(pictures.overview_chart)
    deployment_map: str = field(pictures.deployment_map)


@strawberry.type
class StatisticsQuery:
    wildlife_statistics: WildlifeStatistics | None = field(resolve.wildlife_statistics)
