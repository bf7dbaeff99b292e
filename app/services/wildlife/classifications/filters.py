"""Which classifications are meant: the same conditions for lists and for approvals in bulk."""

from collections.abc import Collection as SomeOf
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Time,
    and_,
    any_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from app import checks
from app.errors import Invalid
from app.models.wildlife.classification_projects import ClassificationProjectCollection
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.collections import CollectionResource
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.observations import (
    Age,
    Behaviour,
    ClassificationDynamicAttrs,
    ObservationLevel,
    ObservationType,
    Sex,
)
from app.models.wildlife.species import Species

Attrs = ClassificationDynamicAttrs


@dataclass(frozen=True)
class Filter:
    """What is asked of classifications. None asks nothing.

    What is asked of observations holds for one and the same observation: of a FINAL for one that it shows.
    """

    project_id: int | None = None
    classification_type: ClassificationType | None = None
    # Of the FINAL of the medium
    approved: bool | None = None
    feedback: bool | None = None
    classified: bool | None = None
    classified_ai: bool | None = None
    disagreement: bool | None = None
    needs_review: bool | None = None
    is_blank: bool | None = None
    is_setup: bool | None = None
    is_gold_standard: bool | None = None
    # Of its observations
    bboxes: bool | None = None
    species_ids: SomeOf[int] | None = None
    observation_types: SomeOf[ObservationType] | None = None
    observation_level: ObservationLevel | None = None
    sex: SomeOf[Sex] | None = None
    age: SomeOf[Age] | None = None
    behaviour: SomeOf[Behaviour] | None = None
    individual_id: str | None = None
    confidence_min: float | None = None
    confidence_max: float | None = None
    # Of those who classified
    provider_id: int | None = None
    user_id: int | None = None
    # Of its medium
    resource_id: int | None = None
    deployment_ids: SomeOf[int] | None = None
    location_ids: SomeOf[int] | None = None
    collection_ids: SomeOf[int] | None = None
    project_collection_ids: SomeOf[int] | None = None
    sequence_id: int | None = None
    owner_id: int | None = None
    resource_type: ResourceType | None = None
    recorded_from: datetime | None = None
    recorded_until: datetime | None = None
    time_from: time | None = None
    time_until: time | None = None


def filtered(sought: Select[Classification], filter: Filter) -> Select[Classification]:
    """The classifications that are meant, of those in a select."""
    return sought.where(*conditions(filter))


def conditions(filter: Filter) -> list[ColumnElement[bool]]:
    """What holds for those that are meant."""
    asked = [*_own(filter), *_of_final(filter), *_of_people(filter), *_of_medium(filter)]
    observed = _of_observations(filter)
    return asked if observed is None else [*asked, observed]


def _own(filter: Filter) -> list[ColumnElement[bool]]:
    conditions = []
    if filter.project_id is not None:
        conditions.append(Classification.project_id == filter.project_id)
    if filter.classification_type is not None:
        # Written out: partial indexes hold the rows of one type.
        name: ColumnElement[Any] = literal_column(f"'{filter.classification_type.value}'")
        conditions.append(Classification.classification_type == name)
        if filter.classification_type is not ClassificationType.FINAL:
            conditions.append(Classification.superseded_at.is_(None))
    return conditions


FLAGS = {
    "approved": "is_approved",
    "feedback": "has_feedback",
    "classified": "is_classified",
    "classified_ai": "is_classified_ai",
    "disagreement": "disagrees",
    "needs_review": "needs_review",
    "is_gold_standard": "is_gold_standard",
}
OF_EVERY_ROW = ("is_blank", "is_setup")
OF_OBSERVATIONS = (
    "species_ids",
    "observation_types",
    "observation_level",
    "sex",
    "age",
    "behaviour",
    "individual_id",
    "confidence_min",
    "confidence_max",
)


def _of_final(filter: Filter) -> list[ColumnElement[bool]]:
    """The flags of the FINAL, also where the rows below it are listed."""
    own = [_flag(getattr(Classification, name), getattr(filter, name)) for name in OF_EVERY_ROW]
    conditions = [each for each in own if each is not None]
    is_final = filter.classification_type is ClassificationType.FINAL
    final = Classification if is_final else aliased(Classification)
    flags = [_flag(getattr(final, column), getattr(filter, name)) for name, column in FLAGS.items()]
    asked = [each for each in flags if each is not None]
    if is_final or not asked:
        return [*conditions, *asked]
    of_medium = final.id == func.coalesce(Classification.final_id, Classification.id)
    return [*conditions, select(final.id).where(of_medium, *asked).correlate(Classification).exists()]


def _flag(column: Any, value: bool | None) -> ColumnElement[bool] | None:
    if value is None:
        return None
    # As the partial indexes have it: the column itself, or its opposite.
    flag: ColumnElement[bool] = column if value else ~column
    return flag


def asked_of_observations(filter: Filter) -> list[ColumnElement[bool]]:
    """What is asked of one and the same observation."""
    conditions: list[ColumnElement[bool]] = []
    if filter.species_ids is not None:
        conditions.append(Attrs.species_id == any_(with_descendants(filter.species_ids)))
    for column, values in (
        (Attrs.observation_type, filter.observation_types),
        (Attrs.sex, filter.sex),
        (Attrs.age, filter.age),
        (Attrs.behaviour, filter.behaviour),
    ):
        if values is not None:
            conditions.append(column.in_(values))
    if filter.observation_level is not None:
        conditions.append(Attrs.observation_level == filter.observation_level)
    if filter.individual_id is not None:
        conditions.append(Attrs.individual_id == filter.individual_id)
    if filter.confidence_min is not None:
        least = checks.within("confidenceMin", filter.confidence_min, 0, 1)
        conditions.append(Attrs.classification_confidence >= least)
    if filter.confidence_max is not None:
        most = checks.within("confidenceMax", filter.confidence_max, 0, 1)
        conditions.append(Attrs.classification_confidence <= most)
    if filter.bboxes:
        conditions.append(Attrs.bboxes.is_not(None))
    return conditions


def without_observations(filter: Filter) -> Filter:
    """The filter without what is asked of one observation; that none has a box is asked of all."""
    asked_of_all = None if filter.bboxes else filter.bboxes
    return replace(filter, **dict.fromkeys(OF_OBSERVATIONS), bboxes=asked_of_all)


def _of_observations(filter: Filter) -> ColumnElement[bool] | None:
    conditions = asked_of_observations(filter)
    observed = _shown(filter, conditions) if conditions else None
    if filter.bboxes is False:
        without = ~_shown(filter, [Attrs.bboxes.is_not(None)])
        return without if observed is None else and_(observed, without)
    return observed


def _shown(filter: Filter, conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Whether an observation that a row shows meets the conditions."""
    if filter.project_id is not None:
        conditions = [Attrs.project_id == filter.project_id, *conditions]
    shown = exists().where(Attrs.shown_by_id == Classification.id, *conditions).correlate(Classification)
    if filter.classification_type is ClassificationType.FINAL:
        return shown
    own = exists().where(Attrs.classification_id == Classification.id, *conditions).correlate(Classification)
    return own if filter.classification_type is not None else own | shown


def with_descendants(species_ids: SomeOf[int]) -> Any:
    """The taxa with their synonyms, and all that is part of them: one array, looked up once."""
    whole = select(Species.id).where(
        Species.id.in_(species_ids) | Species.id.in_(select(Species.accepted_id).where(Species.id.in_(species_ids)))
    )
    tree = whole.cte(recursive=True)
    child = aliased(Species)
    below = select(child.id).join(tree, or_(child.parent_id == tree.c.id, child.accepted_id == tree.c.id))
    tree = tree.union(below)
    return func.array(select(tree.c.id).scalar_subquery())


def _of_people(filter: Filter) -> list[ColumnElement[bool]]:
    """A FINAL is meant if one of its current rows is by this provider or person."""
    conditions = []
    for column, key in ((Classification.model_id, filter.provider_id), (Classification.user_id, filter.user_id)):
        if key is None:
            continue
        if filter.classification_type not in {None, ClassificationType.FINAL}:
            conditions.append(column == key)
            continue
        row = aliased(Classification)
        current = or_(row.superseded_at.is_(None), row.id == Classification.source_id)
        below = exists().where(row.final_id == Classification.id, getattr(row, column.key) == key, current)
        conditions.append(below if filter.classification_type else below | (column == key))
    return conditions


def _of_medium(filter: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filter.resource_id is not None:
        conditions.append(Classification.resource_id == filter.resource_id)
    if filter.collection_ids is not None or filter.project_collection_ids is not None:
        # One of the two alone is a plain condition, which finds them by an index.
        through = [] if filter.project_collection_ids is None else [_through(filter.project_collection_ids)]
        within = [] if filter.collection_ids is None else [_in(filter.collection_ids)]
        conditions.append(or_(*within, *through))
    if filter.sequence_id is not None or filter.owner_id is not None or filter.resource_type is not None:
        conditions.append(Classification.resource_id.in_(select(Resource.id).where(*_of_resource(filter))))
    return [*conditions, *_of_place_and_time(filter)]


def _in(collection_ids: SomeOf[int]) -> ColumnElement[bool]:
    members = select(CollectionResource.resource_id).where(CollectionResource.collection_id.in_(collection_ids))
    return Classification.resource_id.in_(members)


def _through(link_ids: SomeOf[int]) -> ColumnElement[bool]:
    link = ClassificationProjectCollection
    members = (
        select(CollectionResource.resource_id)
        .join(link, link.collection_id == CollectionResource.collection_id)
        .where(link.id.in_(link_ids))
    )
    of_project = select(link.project_id).where(link.id.in_(link_ids))
    return Classification.resource_id.in_(members) & Classification.project_id.in_(of_project)


def _of_resource(filter: Filter) -> list[ColumnElement[bool]]:
    asked = (
        (Resource.sequence_id, filter.sequence_id),
        (Resource.owner_id, filter.owner_id),
        (Resource.resource_type, filter.resource_type),
    )
    return [column == value for column, value in asked if value is not None]


def _of_place_and_time(filter: Filter) -> list[ColumnElement[bool]]:
    """Where and when: a FINAL knows it itself, other rows ask their medium."""
    is_final = filter.classification_type is ClassificationType.FINAL
    of: Any = Classification if is_final else Resource
    conditions: list[ColumnElement[bool]] = []
    if filter.deployment_ids is not None:
        conditions.append(of.deployment_id.in_(filter.deployment_ids))
    if filter.location_ids is not None:
        there = select(Deployment.id).where(Deployment.location_id.in_(filter.location_ids))
        conditions.append(of.deployment_id.in_(there))
    if filter.recorded_from is not None:
        conditions.append(of.recorded_at >= checks.moment("recordedFrom", filter.recorded_from))
    if filter.recorded_until is not None:
        conditions.append(of.recorded_at < checks.moment("recordedUntil", filter.recorded_until))
    if filter.time_from is not None or filter.time_until is not None:
        conditions.append(_at_time_of_day(of, filter.time_from, filter.time_until))
    if is_final or not conditions:
        return conditions
    return [Classification.resource_id.in_(select(Resource.id).where(*conditions))]


def _at_time_of_day(of: Any, since: time | None, until: time | None) -> ColumnElement[bool]:
    """Whether it was recorded within these local times; a range that ends before it begins goes over midnight."""
    since, until = since or time(0), until or time(0)
    for field, value in (("timeFrom", since), ("timeUntil", until)):
        if value.tzinfo is not None:
            raise Invalid(field, "Give a local time without an offset, such as 21:30.")
    local = cast(local_time(of.recorded_at, Location.timezone, Location.ignore_dst), Time)
    begins, ends = literal(since, Time), literal(until, Time)
    in_range = and_(local >= begins, local < ends) if since < until else or_(local >= begins, local < ends)
    if until == time(0):  # midnight ends the day
        in_range = local >= begins
    at = select(Location.id).join(Deployment, Deployment.location_id == Location.id)
    return at.where(Deployment.id == of.deployment_id, in_range).correlate(Classification, Resource).exists()


def local_time(moment: Any, zone: Any, ignore_dst: Any) -> Any:
    """A moment as clocks at a place show it; cameras that ignore summer time stay on standard time all year."""
    january = func.date_trunc("year", moment, "UTC")
    july = january + func.make_interval(0, 6)
    standard = func.timezone("UTC", moment) + func.least(_utc_offset(january, zone), _utc_offset(july, zone))
    return case((ignore_dst, standard), else_=func.timezone(zone, moment))


def _utc_offset(moment: Any, zone: Any) -> Any:
    return func.timezone(zone, moment) - func.timezone("UTC", moment)
