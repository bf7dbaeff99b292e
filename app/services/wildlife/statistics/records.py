"""The rows that all figures rest on: what classifications say of a medium, one record for each taxon."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Select,
    Text,
    any_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.orm import aliased

from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationLevel, ObservationType
from app.models.wildlife.species import Species
from app.services.wildlife.statistics.choices import EventCount, Filter, Station

HALF_A_YEAR = text("interval '181 days'")


def records(project_id: int, chosen: Filter) -> CTE:
    """One row for each medium and taxon: where, when, and how many.

    Of a medium with groups and objects of a taxon only the groups count: an expert counted the same animals again.
    """
    query, final, seen, event = observed(project_id, chosen)
    is_group = seen.observation_level == ObservationLevel.GROUP
    rows = query.with_only_columns(
        final.resource_id.label("resource_id"),
        final.deployment_id.label("deployment_id"),
        Deployment.location_id.label("location_id"),
        event.label("event"),
        final.recorded_at.label("at"),
        _accepted(seen).label("species_id"),
        cast(seen.observation_type, Text).label("observation_type"),
        func.coalesce(func.sum(seen.count).filter(is_group), func.sum(seen.count)).label("individuals"),
        func.bool_or(is_group).label("is_group"),
    )
    return rows.group_by(text("1, 2, 3, 4, 5, 6, 7")).cte("records")


class Observed(NamedTuple):
    """A select of the observations that count, and of what it selects."""

    rows: Select[Any, *tuple[Any, ...]]
    final: Any
    seen: Any
    # The sequence; a medium without one is one by itself.
    event: ColumnElement[int]


def observed(project_id: int, chosen: Filter) -> Observed:
    """The observations that count, each with its medium's FINAL."""
    final, row, seen = aliased(Classification), _row(chosen), aliased(ClassificationDynamicAttrs)
    query = (
        select(seen.id)
        .select_from(final)
        .join(seen, seen.classification_id == row(final))
        .join(Deployment, Deployment.id == final.deployment_id)
        .outerjoin(Resource, Resource.id == final.resource_id)
        # The project of the observations, too: so an index has all that is asked of them.
        .where(*_finals(project_id, chosen, final), seen.project_id == project_id, *_observations(chosen, seen))
    )
    return Observed(query, final, seen, func.coalesce(Resource.sequence_id, -final.resource_id))


def _accepted(seen: Any) -> ColumnElement[int]:
    """The taxon with the accepted name."""
    species = aliased(Species)
    accepted = select(species.accepted_id).where(species.id == seen.species_id, species.accepted_id.is_not(None))
    return func.coalesce(accepted.correlate(seen).scalar_subquery(), seen.species_id)


def _row(chosen: Filter) -> Any:
    """The row of a medium that counts: the approved one; if need be the newest of a person, then of AI."""
    if chosen.approved_only:
        return lambda final: final.source_id

    def best(final: Any) -> ColumnElement[int]:
        own = aliased(Classification)
        candidates = own.classification_type.in_((ClassificationType.USER, ClassificationType.AI))
        newest = (
            select(own.id)
            .where(own.final_id == final.id, own.superseded_at.is_(None), candidates)
            .order_by((own.classification_type == ClassificationType.USER).desc(), own.id.desc())
            .limit(1)
            .correlate(final)
        )
        return func.coalesce(final.source_id, newest.scalar_subquery())

    return best


def _finals(project_id: int, chosen: Filter, final: Any) -> list[ColumnElement[bool]]:
    conditions = [
        final.project_id == project_id,
        # Written out: partial indexes hold the rows of one type.
        final.classification_type == literal_column(f"'{ClassificationType.FINAL.value}'"),
        final.recorded_at.is_not(None),
    ]
    if chosen.approved_only:
        conditions.append(final.is_approved)
    if not chosen.include_setup:
        conditions.append(~final.is_setup)
    if ObservationType.BLANK not in chosen.observation_types:
        conditions.append(~final.is_blank)
    if chosen.deployment_ids is not None:
        conditions.append(final.deployment_id.in_(chosen.deployment_ids))
    if chosen.recorded_from is not None:
        conditions.append(final.recorded_at >= chosen.recorded_from)
    if chosen.recorded_until is not None:
        conditions.append(final.recorded_at < chosen.recorded_until)
    return conditions


def _observations(chosen: Filter, seen: Any) -> list[ColumnElement[bool]]:
    conditions = [seen.observation_type.in_(list(chosen.observation_types))]
    if chosen.species_ids is not None:
        conditions.append(seen.species_id == any_(func.array(_below(chosen.species_ids).scalar_subquery())))
    if chosen.confidence_min is not None:
        # People give no confidence: what they say counts.
        conditions.append(func.coalesce(seen.classification_confidence, 1) >= chosen.confidence_min)
    return conditions


def _below(species_ids: Sequence[int]) -> Select[int]:
    """Taxa, their synonyms, and everything below them."""
    own = aliased(Species)
    top = select(Species.id).where(Species.id.in_(species_ids)).cte("taxa", recursive=True)
    taxa = top.union(select(own.id).join(top, or_(own.parent_id == top.c.id, own.accepted_id == top.c.id)))
    return select(taxa.c.id)


def individuals_of_event(rows: CTE, how: EventCount) -> ColumnElement[int]:
    """How many individuals of a taxon a sequence shows, for a query that is grouped by both.

    If experts counted groups in any of its media, these counts alone: of the same animals, objects are counted, too.
    """
    counted = func.max if how is EventCount.LARGEST else func.sum
    number: ColumnElement[int] = func.coalesce(
        counted(rows.c.individuals).filter(rows.c.is_group), counted(rows.c.individuals)
    )
    return number


def station_of(rows: CTE, station: Station) -> ColumnElement[int]:
    """What counts as one place of a record."""
    column: ColumnElement[int] = rows.c.location_id if station is Station.LOCATION else rows.c.deployment_id
    return column


def local(at: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """A time by the clock of `Location`: in its zone, or on standard time all year if its cameras stay on it."""
    year = func.date_trunc("year", at, "UTC")
    standard = func.least(_offset(year), _offset(year + HALF_A_YEAR))
    own: ColumnElement[datetime] = case(
        (Location.ignore_dst, func.timezone("UTC", at) + standard), else_=func.timezone(Location.timezone, at)
    )
    return own


def _offset(at: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.timezone(Location.timezone, at) - func.timezone("UTC", at)


def second_of(at: ColumnElement[datetime]) -> ColumnElement[int]:
    """The second since 1970 in which it was."""
    return cast(func.floor(func.date_part("epoch", at)), BigInteger)
