"""What people say of media, and what admins approve of it."""

from datetime import datetime, time
from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.models.base import Json
from app.models.wildlife.approvals import BulkApproval
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification
from app.models.wildlife.media import Resource
from app.models.wildlife.media import Sequence as MediaSequence
from app.models.wildlife.observations import Age, Behaviour, ObservationLevel, ObservationType, Sex
from app.models.wildlife.species import Species
from app.services.wildlife.classifications import classifying, marking
from app.services.wildlife.classifications.approvals import approving, bulk, bulk_approvals, feedback
from app.services.wildlife.classifications.approvals.bulk import BulkApprovalPreview, Criteria
from app.services.wildlife.classifications.classifying import Content
from app.services.wildlife.classifications.marking import ItemResults, Marks
from app.services.wildlife.classifications.observations import Observation
from resolvers import ids as global_ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.wildlife import choices  # noqa: F401 -- registers the enums that inputs name
from resolvers.wildlife.classifications.queries import ClassificationFilter, plain_filter


@strawberry.input(description="What was observed: one object, or a group that an expert counted.")
class ObservationInput:
    """What was observed."""

    observation_type: ObservationType = strawberry.field(description="What it is.")
    observation_level: ObservationLevel = strawberry.field(
        default=ObservationLevel.OBJECT, description="One object, or a group: a count without a box."
    )
    species_id: strawberry.ID | None = strawberry.field(default=None, description="The species, or a higher taxon.")
    sex: Sex = strawberry.field(default=Sex.UNKNOWN, description="The sex.")
    age: Age = strawberry.field(default=Age.UNKNOWN, description="The age class.")
    behaviour: Behaviour = strawberry.field(default=Behaviour.UNDEFINED, description="What it does.")
    count: int = strawberry.field(default=1, description="The number of individuals; of a group, its size.")
    count_new: int | None = strawberry.field(
        default=None, description="How many of them were not seen before in the sequence."
    )
    individual_id: str | None = strawberry.field(default=None, description="The mark or tag of the individual.")
    classification_confidence: float | None = strawberry.field(default=None, description="The confidence, 0 to 1.")
    bboxes: list[float] | None = strawberry.field(
        default=None, description="The box of its first occurrence, [xmin, ymin, width, height] as shares, 0 to 1."
    )
    first_frame_index: int = strawberry.field(
        default=0, description="The frame of its first occurrence in a video; 0 for pictures."
    )
    distance: float | None = strawberry.field(
        default=None, description="Metres from the camera at its first occurrence."
    )
    attrs: JSON | None = strawberry.field(
        default=None, description="The project's own attributes, as its classificator has them."
    )
    attr_confidence: JSON | None = strawberry.field(
        default=None, description="The confidence in each attribute, 0 to 1."
    )

    def plain(self) -> Observation:
        """The observation with keys for ids."""
        values = vars(self) | {
            "species_id": None if self.species_id is None else global_ids.key(self.species_id, Species),
            "attrs": {} if self.attrs is None else self.attrs,
            "attr_confidence": {} if self.attr_confidence is None else self.attr_confidence,
        }
        return Observation(**values)


def _content(
    observations: list[ObservationInput],
    is_blank: bool | None,
    is_setup: bool,
    static_attrs: Any,
    comments: str | None,
) -> Content:
    plain = [one.plain() for one in observations]
    return Content(plain, is_blank, is_setup, {} if static_attrs is None else static_attrs, comments)


async def classify(
    info: Info,
    classification_project_id: strawberry.ID,
    resource_id: strawberry.ID,
    observations: list[ObservationInput],
    is_blank: bool | None = None,
    is_setup: bool = False,
    static_attrs: JSON | None = None,
    comments: str | None = None,
    source_classification_id: strawberry.ID | None = None,
    expected_version: int | None = None,
) -> Classification:
    """Says what is on a medium: creates or replaces the viewer's row. For members of the classification project.

    If the viewer's row is approved it stays as it is: an admin makes a new row, which is approved, and anybody else
    gives feedback.

    classification_project_id: The classification project.
    resource_id: The medium.
    observations: Everything that is there; it replaces the viewer's earlier classification.
    is_blank: Whether nothing of interest is there; by default, if all observations are of the type BLANK.
    is_setup: Whether it is a test shot or shows the set-up of the camera.
    static_attrs: The project's own attributes of the whole medium.
    comments: A comment, at most {texts.NOTE_LENGTH_MAX} characters.
    source_classification_id: The row of AI or a person that this one was made from.
    expected_version: The version of the FINAL that the viewer looked at; refused if it has changed.
    """
    source = None if source_classification_id is None else global_ids.key(source_classification_id, Classification)
    async with info.context.writing() as session:
        return await classifying.classify(
            session,
            info.context.viewer,
            project_id=global_ids.key(classification_project_id, ClassificationProject),
            resource_id=global_ids.key(resource_id, Resource),
            content=_content(observations, is_blank, is_setup, static_attrs, comments),
            source_id=source,
            expected_version=expected_version,
        )


async def classify_sequence(
    info: Info,
    classification_project_id: strawberry.ID,
    sequence_id: strawberry.ID,
    observations: list[ObservationInput],
    is_blank: bool | None = None,
    is_setup: bool = False,
    static_attrs: JSON | None = None,
    comments: str | None = None,
) -> ItemResults:
    """Says the same of all media of a sequence, as `classify` does of one.

    classification_project_id: The classification project.
    sequence_id: The sequence.
    observations: Everything that is there, usually groups.
    is_blank: Whether nothing of interest is there.
    is_setup: Whether they are test shots or show the set-up of the camera.
    static_attrs: The project's own attributes of each medium.
    comments: A comment, at most {texts.NOTE_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        return await marking.classify_sequence(
            session,
            info.context.viewer,
            project_id=global_ids.key(classification_project_id, ClassificationProject),
            sequence_id=global_ids.key(sequence_id, MediaSequence),
            content=_content(observations, is_blank, is_setup, static_attrs, comments),
        )


async def approve_classification(info: Info, id: strawberry.ID, expected_version: int) -> Classification:
    """Approves a row of AI or a person: the FINAL of the medium then shows it. For admins of the project.

    Approving the approved row again changes nothing.

    id: The row to approve.
    expected_version: The `version` of the FINAL that the viewer looked at; refused if it has changed.
    """
    async with info.context.writing() as session:
        return await approving.approve_classification(
            session, info.context.viewer, global_ids.key(id, Classification), expected_version=expected_version
        )


async def unapprove_classification(info: Info, id: strawberry.ID, expected_version: int) -> Classification:
    """Takes an approval back; the rows of AI and people stay. For admins of the project.

    id: The FINAL, or any row of the medium.
    expected_version: The `version` of the FINAL that the viewer looked at; refused if it has changed.
    """
    async with info.context.writing() as session:
        return await approving.unapprove_classification(
            session, info.context.viewer, global_ids.key(id, Classification), expected_version=expected_version
        )


async def give_classification_feedback(
    info: Info,
    id: strawberry.ID,
    observations: list[ObservationInput],
    is_blank: bool | None = None,
    is_setup: bool = False,
    static_attrs: JSON | None = None,
    comments: str | None = None,
    expected_version: int | None = None,
) -> Classification:
    """Says how an approved classification should be. It changes nothing until an admin accepts it.

    id: The FINAL, or the row that it shows.
    observations: Everything that is there.
    is_blank: Whether nothing of interest is there.
    is_setup: Whether it is a test shot or shows the set-up of the camera.
    static_attrs: The project's own attributes of the whole medium.
    comments: A comment, at most {texts.NOTE_LENGTH_MAX} characters.
    expected_version: The version of the FINAL that the viewer looked at; refused if it has changed.
    """
    async with info.context.writing() as session:
        return await feedback.give_feedback(
            session,
            info.context.viewer,
            global_ids.key(id, Classification),
            content=_content(observations, is_blank, is_setup, static_attrs, comments),
            expected_version=expected_version,
        )


async def accept_classification_feedback(info: Info, id: strawberry.ID, expected_version: int) -> Classification:
    """Copies feedback to a USER row of its author and approves that. For admins of the project.

    id: The feedback.
    expected_version: The `version` of the FINAL that the viewer looked at; refused if it has changed.
    """
    async with info.context.writing() as session:
        return await feedback.accept_feedback(
            session, info.context.viewer, global_ids.key(id, Classification), expected_version=expected_version
        )


async def mark_classifications(
    info: Info,
    ids: list[strawberry.ID],
    is_blank: bool | None = None,
    is_setup: bool | None = None,
    is_gold_standard: bool | None = None,
) -> ItemResults:
    """Sets or takes back marks of media, each with a result of its own. For admins of the project.

    ids: FINALs, or any rows of the media.
    is_blank: Whether nothing of interest is there.
    is_setup: Whether it is a test shot or shows the set-up of the camera.
    is_gold_standard: Whether the approved row is confirmed as fully correct. It must be a person's.
    """
    async with info.context.writing() as session:
        return await marking.mark_classifications(
            session,
            info.context.viewer,
            [_key(id) for id in ids],
            Marks(is_blank=is_blank, is_setup=is_setup, is_gold_standard=is_gold_standard),
        )


def _key(id: str) -> int:
    return global_ids.key(id, Classification)


def _criteria(
    project_id: str,
    rows: list[strawberry.ID] | None,
    filter: ClassificationFilter | None,
    limit: int | None,
    minimum_confidence: float | None,
    exclude_species: list[strawberry.ID] | None,
) -> Criteria:
    as_requested: Json = {"limit": limit, "minimumConfidence": minimum_confidence, "excludeSpecies": exclude_species}
    as_requested |= {"ids": rows and len(rows), "filter": filter and _told(filter)}
    return Criteria(
        project_id=global_ids.key(project_id, ClassificationProject),
        ids=None if rows is None else [_key(id) for id in rows],
        filter=None if filter is None else plain_filter(filter),
        limit=limit,
        minimum_confidence=minimum_confidence,
        exclude_species=[global_ids.key(id, Species) for id in exclude_species or ()],
        as_requested={name: value for name, value in as_requested.items() if value is not None},
    )


def _told(filter: ClassificationFilter) -> Json:
    return {name: _plain(value) for name, value in vars(filter).items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | time):
        return value.isoformat()
    return getattr(value, "name", value)


async def bulk_approval_preview(
    info: Info,
    classification_project_id: strawberry.ID,
    ids: list[strawberry.ID] | None = None,
    filter: ClassificationFilter | None = None,
    limit: int | None = None,
    minimum_confidence: float | None = None,
    exclude_species: list[strawberry.ID] | None = None,
) -> BulkApprovalPreview:
    """Counts by species what `approveClassifications` would approve with the same arguments. Nothing is changed.

    classification_project_id: The classification project.
    ids: Rows of AI and people, at most one of each medium.
    filter: What is meant, as in `classifications`.
    limit: How many are approved at most.
    minimum_confidence: Rows with an observation below this confidence are left alone.
    exclude_species: Rows with one of these species, or with a part of it, are left alone.
    """
    criteria = _criteria(classification_project_id, ids, filter, limit, minimum_confidence, exclude_species)
    async with info.context.reading() as session:
        return await bulk.preview(session, info.context.viewer, criteria)


async def approve_classifications(
    info: Info,
    classification_project_id: strawberry.ID,
    ids: list[strawberry.ID] | None = None,
    filter: ClassificationFilter | None = None,
    limit: int | None = None,
    minimum_confidence: float | None = None,
    exclude_species: list[strawberry.ID] | None = None,
) -> BulkApproval:
    """Approves many classifications at once, with a result for each. For admins of the project.

    Of each medium without an approved row, its only row of AI or a person is approved; a filter by provider or user
    chooses among several. `bulkApprovalPreview` says before what would be approved, and `revertBulkApproval` undoes it.

    classification_project_id: The classification project.
    ids: Rows of AI and people, at most one of each medium.
    filter: What is meant, as in `classifications`.
    limit: How many are approved at most.
    minimum_confidence: Rows with an observation below this confidence are left alone.
    exclude_species: Rows with one of these species, or with a part of it, are left alone.
    """
    criteria = _criteria(classification_project_id, ids, filter, limit, minimum_confidence, exclude_species)
    async with info.context.writing() as session:
        return await bulk_approvals.approve_classifications(session, info.context.viewer, criteria)


async def revert_bulk_approval(info: Info, id: strawberry.ID) -> BulkApproval:
    """Undoes a bulk approval, unless something was approved over it since. For admins of the project.

    id: The bulk approval.
    """
    async with info.context.writing() as session:
        return await bulk_approvals.revert_bulk_approval(session, info.context.viewer, bulk_key(id))


def bulk_key(id: str) -> int:
    """The key of a bulk approval."""
    return global_ids.key(id, BulkApproval)


async def bulk_approval(info: Info, id: strawberry.ID) -> RowOrReference[BulkApproval]:
    """A bulk approval by its id.

    id: The id of the bulk approval.
    """
    return await info.context.find(BulkApproval, id)
