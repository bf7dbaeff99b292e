"""GraphQL types for classifications, observations and approvals."""

import strawberry
from strawberry import auto

from app.models.wildlife import approvals as approval_tables
from app.models.wildlife import classifications as tables
from app.models.wildlife import observations as observation_tables
from app.services.wildlife.classifications import marking
from app.services.wildlife.classifications.approvals import bulk
from app.settings import settings
from resolvers.wildlife import frames as resolve_frames
from resolvers.wildlife.classifications import changes as change
from resolvers.wildlife.classifications import queries as resolve
from schema.accounts import User
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput
from schema.row import Row, adds_fields, shows
from schema.wildlife.classifications.classificators import ClassificatorVersion
from schema.wildlife.classifications.projects import ClassificationProject, ClassificationProjectCollection
from schema.wildlife.frames import Frames
from schema.wildlife.media.types import Resource
from schema.wildlife.places.types import Deployment
from schema.wildlife.problems import StaleClassification
from schema.wildlife.providers.types import AIProvider
from schema.wildlife.species import Species


class ClassificationDynamicAttrs(Row, of=observation_tables.ClassificationDynamicAttrs):
    observation_type: auto
    observation_level: auto
    sex: auto
    age: auto
    behaviour: auto
    count: auto
    count_new: auto
    individual_id: auto
    classification_confidence: auto
    bboxes: auto
    first_frame_index: auto
    distance: auto
    attrs: auto
    attr_confidence: auto
    raw_label: auto
    created_at: auto
    classification: "Classification" = one(
        observation_tables.ClassificationDynamicAttrs.classification, needs_read=True
    )
    species: Species | None = one(observation_tables.ClassificationDynamicAttrs.species)


class Classification(Row, of=tables.Classification):
    classification_type: auto
    version: auto
    is_approved: auto
    is_blank: auto
    is_setup: auto
    is_gold_standard: auto
    approved_at: auto
    superseded_at: auto
    static_attrs: auto
    comments: auto
    recorded_at: auto
    is_classified: auto
    is_classified_ai: auto
    has_feedback: auto
    disagrees: auto
    informativeness: auto
    needs_review: auto
    created_at: auto
    last_modified: auto
    frames_msgpack: str | None = field(resolve_frames.frames_msgpack)
    frames: Frames | None = field(resolve_frames.frames)
    project: ClassificationProject = one(tables.Classification.project, needs_read=True)
    project_collection: ClassificationProjectCollection | None = one(tables.Classification.project_collection)
    resource: Resource = one(tables.Classification.resource, needs_read=True)
    deployment: Deployment | None = one(tables.Classification.deployment)
    model: AIProvider | None = one(tables.Classification.model)
    user: User | None = one(tables.Classification.user)
    approved_by: User | None = one(tables.Classification.approved_by)
    source_classification: "Classification | None" = one(tables.Classification.source_classification)
    final_classification: "Classification | None" = one(tables.Classification.final_classification)
    classificator_version: ClassificatorVersion | None = one(tables.Classification.classificator_version)
    candidates: Connection["Classification"] = many(tables.Classification.candidates)
    dynamic_attrs: Connection[ClassificationDynamicAttrs] = many(tables.Classification.dynamic_attrs)
    observations: Connection[ClassificationDynamicAttrs] = many(tables.Classification.observations)
    approvals: Connection["ClassificationApproval"] = many(approval_tables.CLASSIFICATION_APPROVALS)


@adds_fields(Resource)
class OfResources:
    classifications: Connection[Classification] = many(tables.RESOURCE_CLASSIFICATIONS)


class BulkApproval(Row, of=approval_tables.BulkApproval):
    criteria: auto
    approved_count: auto
    skipped_count: auto
    reverted_at: auto
    created_at: auto
    project: ClassificationProject = one(approval_tables.BulkApproval.project, needs_read=True)
    user: User | None = one(approval_tables.BulkApproval.user)
    reverted_by: User | None = one(approval_tables.BulkApproval.reverted_by)
    items: Connection["BulkApprovalItem"] = many(
        approval_tables.BulkApproval.items, size_max=settings.bulk_items_page_size_max
    )


class BulkApprovalItem(Row, of=approval_tables.BulkApprovalItem):
    outcome: auto
    bulk_approval: BulkApproval = one(approval_tables.BulkApprovalItem.bulk_approval, needs_read=True)
    final_classification: Classification = one(approval_tables.BulkApprovalItem.final_classification, needs_read=True)
    classification: Classification | None = one(approval_tables.BulkApprovalItem.classification)


class ClassificationApproval(Row, of=approval_tables.ClassificationApproval):
    action: auto
    version: auto
    created_at: auto
    final_classification: Classification = one(
        approval_tables.ClassificationApproval.final_classification, needs_read=True
    )
    source_classification: Classification | None = one(approval_tables.ClassificationApproval.source_classification)
    user: User | None = one(approval_tables.ClassificationApproval.user)
    bulk_approval: BulkApproval | None = one(approval_tables.ClassificationApproval.bulk_approval)


@shows(marking.ItemResult)
class ClassificationItem:
    classification: Classification = strawberry.field(description="The classification as it is now.")
    outcome: marking.ItemOutcome = strawberry.field(description="What came of it.")
    reason: str | None = strawberry.field(description="Why it was refused, if it was.")


@shows(marking.ItemResults)
class ClassificationItems:
    items: list[ClassificationItem] = strawberry.field(description="A result for each medium.")


@shows(bulk.OutcomeCount)
class ApprovalOutcomeCount:
    outcome: approval_tables.ApprovalOutcome = strawberry.field(description="The outcome.")
    count: int = strawberry.field(description="The number of media.")


@shows(bulk.SpeciesCount)
class ApprovalSpeciesCount:
    observation_type: observation_tables.ObservationType = strawberry.field(description="What was observed.")
    species: Species | None = strawberry.field(description="The species; null for observations without one.")
    media: int = strawberry.field(description="The number of media that show it.")
    individuals: int = strawberry.field(description="The number of individuals in them.")


@shows(bulk.BulkApprovalPreview)
class BulkApprovalPreview:
    approvable: int = strawberry.field(description="The number of classifications that would be approved.")
    outcomes: list[ApprovalOutcomeCount] = strawberry.field(description="The number of media by outcome.")
    species: list[ApprovalSpeciesCount] = strawberry.field(description="What would be approved, by species.")


@strawberry.type
class ClassificationsQuery:
    classification: Classification | None = field(resolve.classification)
    classifications: Connection[Classification] = connection(resolve.classifications, order=resolve.ClassificationOrder)
    bulk_approval: BulkApproval | None = field(change.bulk_approval)
    bulk_approval_preview: BulkApprovalPreview = field(change.bulk_approval_preview)


@strawberry.type
class ClassificationsMutation:
    classify: Classification | InvalidInput | Conflict | StaleClassification = mutation(change.classify)
    classify_sequence: ClassificationItems | InvalidInput | Conflict = mutation(change.classify_sequence)
    approve_classification: Classification | InvalidInput | Conflict | StaleClassification = mutation(
        change.approve_classification
    )
    unapprove_classification: Classification | Conflict | StaleClassification = mutation(
        change.unapprove_classification
    )
    give_classification_feedback: Classification | InvalidInput | Conflict | StaleClassification = mutation(
        change.give_classification_feedback
    )
    accept_classification_feedback: Classification | InvalidInput | Conflict | StaleClassification = mutation(
        change.accept_classification_feedback
    )
    mark_classifications: ClassificationItems | InvalidInput | Conflict = mutation(change.mark_classifications)
    approve_classifications: BulkApproval | InvalidInput | Conflict = mutation(change.approve_classifications)
    revert_bulk_approval: BulkApproval | Conflict = mutation(change.revert_bulk_approval)
