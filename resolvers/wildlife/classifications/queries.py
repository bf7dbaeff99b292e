"""Classifications of media, and their filter."""

from dataclasses import replace
from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import BigInteger, Select, literal

from app.models.accounts import User
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.collections import Collection
from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource
from app.models.wildlife.media import Sequence as MediaSequence
from app.models.wildlife.observations import Age, Behaviour, ObservationLevel, ObservationType, Sex
from app.models.wildlife.species import Species
from app.pagination import Order
from app.policies import visible
from app.policies.accounts import is_by
from app.services.wildlife.classifications import filters
from app.services.wildlife.classifications.paging import in_order
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.wildlife import choices  # noqa: F401 -- registers the enums that inputs name
from resolvers.wildlife.providers.queries import provider_key

if TYPE_CHECKING:
    from app.models.wildlife.media import ResourceType


# Its enum is registered with the type of media, which may be declared after this.
MediaKind = Annotated["ResourceType", strawberry.lazy("app.models.wildlife.media")]


class ClassificationOrder(Order):
    """By age, by when the media were recorded, or by how much a look at them would settle; only FINAL rows know these.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    RECORDED: The earliest recorded medium first.
    RECORDED_LAST: The latest recorded medium first.
    MOST_INFORMATIVE: Media on which AI and people disagree first, then those of which AI is least sure; of media alike,
        the first of each sequence come first, and approved ones last.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    RECORDED = ("recorded_at", False)
    RECORDED_LAST = ("recorded_at", True)
    MOST_INFORMATIVE = ("informativeness", True)


@strawberry.input(
    description="Which classifications are meant. What is asked of observations holds for one and the same observation."
)
class ClassificationFilter:
    """Which classifications are meant."""

    classification_type: ClassificationType | None = strawberry.field(
        default=ClassificationType.FINAL,
        description="Only rows of this type, of AI, people and feedback the current ones; null for all rows.",
    )
    approved: bool | None = strawberry.field(default=None, description="Whether the medium has an approved row.")
    feedback: bool | None = strawberry.field(
        default=None, description="Whether there is feedback on the approved row that is not accepted yet."
    )
    classified: bool | None = strawberry.field(default=None, description="Whether a person has classified the medium.")
    classified_ai: bool | None = strawberry.field(default=None, description="Whether AI has classified the medium.")
    disagreement: bool | None = strawberry.field(
        default=None, description="Whether AI and people disagree on what is there, or on its species."
    )
    needs_review: bool | None = strawberry.field(
        default=None, description="Whether the work of a person waits for an approver: a row or feedback."
    )
    is_blank: bool | None = strawberry.field(default=None, description="Whether it is marked as blank.")
    is_setup: bool | None = strawberry.field(default=None, description="Whether it is marked as a set-up.")
    is_gold_standard: bool | None = strawberry.field(default=None, description="Whether it is a gold standard.")
    bboxes: bool | None = strawberry.field(default=None, description="Whether an observation has a box.")
    species_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only with one of these species, their synonyms and all that is part of them."
    )
    observation_types: list[ObservationType] | None = strawberry.field(
        default=None, description="Only with an observation of one of these types."
    )
    observation_level: ObservationLevel | None = strawberry.field(
        default=None, description="Only with an object, or only with a group."
    )
    sex: list[Sex] | None = strawberry.field(default=None, description="Only with one of these sexes.")
    age: list[Age] | None = strawberry.field(default=None, description="Only with one of these age classes.")
    behaviour: list[Behaviour] | None = strawberry.field(default=None, description="Only with one of these behaviours.")
    individual_id: str | None = strawberry.field(default=None, description="Only with this individual.")
    confidence_min: float | None = strawberry.field(
        default=None, description="Only with an observation of at least this confidence, 0 to 1."
    )
    confidence_max: float | None = strawberry.field(
        default=None, description="Only with an observation of at most this confidence, 0 to 1."
    )
    ai_provider_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only media of which this AI provider has a current row."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only media of which this user has a current row."
    )
    resource_id: strawberry.ID | None = strawberry.field(default=None, description="Only this medium.")
    deployment_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only media of these deployments."
    )
    location_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only media of these locations."
    )
    collection_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only media in these collections, or in these project collections."
    )
    sequence_id: strawberry.ID | None = strawberry.field(default=None, description="Only media of this sequence.")
    owner_id: strawberry.ID | None = strawberry.field(default=None, description="Only media that this user added.")
    resource_type: Annotated["ResourceType", strawberry.lazy("app.models.wildlife.media")] | None = strawberry.field(
        default=None, description="Only pictures, videos or sounds."
    )
    recorded_from: datetime | None = strawberry.field(
        default=None, description="Only media recorded at this time or later."
    )
    recorded_until: datetime | None = strawberry.field(
        default=None, description="Only media recorded before this time."
    )
    time_from: time | None = strawberry.field(
        default=None, description="Only media recorded at this local time of day or later."
    )
    time_until: time | None = strawberry.field(
        default=None,
        description="Only media recorded before this local time of day; if it is before `timeFrom`, of the next day.",
    )


def classifications(
    info: Info, classification_project_id: strawberry.ID | None = None, filter: ClassificationFilter | None = None
) -> Select[Classification]:
    """Classifications: by default one row for each medium, which shows what is approved or what there is to approve.

    classification_project_id: Only classifications of this project.
    filter: Only those that are meant by it.
    """
    project = _key(classification_project_id, ClassificationProject)
    criteria = filter or ClassificationFilter()
    plain = replace(plain_filter(criteria), project_id=project)
    seen = visible(Classification, info.context.viewer)
    for person in (_key(criteria.user_id, User), _key(criteria.owner_id, User)):
        if person is not None:
            # Nothing is found by somebody whom the viewer does not see.
            seen = seen.where(is_by(info.context.viewer, literal(person, BigInteger), person))
    return in_order(seen, plain, visible(ClassificationProject, info.context.viewer))


def plain_filter(filter: ClassificationFilter) -> filters.Filter:
    """The filter with keys for ids."""
    links = [id for id in filter.collection_ids or () if ids.decode(id)[0] == ClassificationProjectCollection.__name__]
    plain = [id for id in filter.collection_ids or () if id not in links]
    has_links, has_plain = bool(links), bool(plain) or filter.collection_ids == []
    return filters.Filter(
        **{name: getattr(filter, name) for name in SAME},
        species_ids=_keys(filter.species_ids, Species),
        provider_id=None if filter.ai_provider_id is None else provider_key(filter.ai_provider_id),
        user_id=_key(filter.user_id, User),
        resource_id=_key(filter.resource_id, Resource),
        deployment_ids=_keys(filter.deployment_ids, Deployment),
        location_ids=_keys(filter.location_ids, Location),
        collection_ids=_keys(plain, Collection) if has_plain else None,
        project_collection_ids=_keys(links, ClassificationProjectCollection) if has_links else None,
        sequence_id=_key(filter.sequence_id, MediaSequence),
        owner_id=_key(filter.owner_id, User),
    )


SAME = (
    "classification_type",
    "approved",
    "feedback",
    "classified",
    "classified_ai",
    "disagreement",
    "needs_review",
    "is_blank",
    "is_setup",
    "is_gold_standard",
    "bboxes",
    "observation_types",
    "observation_level",
    "sex",
    "age",
    "behaviour",
    "individual_id",
    "confidence_min",
    "confidence_max",
    "resource_type",
    "recorded_from",
    "recorded_until",
    "time_from",
    "time_until",
)


def _key(id: str | None, model: Any) -> int | None:
    return None if id is None else ids.key(id, model)


def _keys(global_ids: list[strawberry.ID] | None, model: Any) -> list[int] | None:
    return None if global_ids is None else [ids.key(id, model) for id in global_ids]


async def classification(info: Info, id: strawberry.ID) -> RowOrReference[Classification]:
    """A classification by its id.

    id: The id of the classification.
    """
    return await info.context.find(Classification, id)
