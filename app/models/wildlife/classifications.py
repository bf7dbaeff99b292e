"""Classifications of media by AI and people, and what they saw."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import Json, Record, add_relationship, not_exported
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.models.wildlife.classificators import ClassificatorVersion
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.media import Resource
from app.models.wildlife.providers import AIProvider

if TYPE_CHECKING:
    from app.models.wildlife.observations import ClassificationDynamicAttrs


class ClassificationType(Enum):
    """What a classification is.

    FINAL: What is approved, or still to be: each medium of a project has one.
    AI: The answer of a model.
    USER: The answer of a person.
    FEEDBACK: A correction of what was approved.
    """

    FINAL = "FINAL"
    AI = "AI"
    USER = "USER"
    FEEDBACK = "FEEDBACK"


IS_FINAL = text("classification_type = 'FINAL'")
IS_CURRENT = "superseded_at IS NULL AND classification_type = '{}'"

RULES = {
    "model": "(model_id IS NOT NULL) = (classification_type = 'AI')",
    "user": "(user_id IS NOT NULL) = (classification_type IN ('USER', 'FEEDBACK'))",
    "final": "(final_id IS NULL) = (classification_type = 'FINAL')",
    "frames": "frames_sha256 IS NULL OR classification_type <> 'FINAL'",
    "approved": "is_approved = (classification_type = 'FINAL' AND source_id IS NOT NULL)",
    "approved_at": "is_approved = (approved_at IS NOT NULL)",
    "approved_by": "is_approved OR (approved_by_id IS NULL AND bulk_approval_id IS NULL)",
    "source": "CASE classification_type WHEN 'AI' THEN source_id IS NULL WHEN 'FEEDBACK' THEN source_id IS NOT NULL "
    "ELSE true END",
    "not_itself": "source_id <> id AND final_id <> id",
    "gold_standard": "is_approved OR NOT is_gold_standard",
    "superseded": "superseded_at IS NULL OR classification_type <> 'FINAL'",
    "kept": "classification_type = 'FINAL' OR NOT (is_classified OR is_classified_ai OR has_feedback OR disagrees)",
    "version": "version > 0",
}


class Classification(Record):
    """A classification of a medium in a project.

    A FINAL has no observations of its own: it shows those of the row that its `sourceClassification` names.
    """

    __tablename__ = "classifications"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        *(CheckConstraint(rule, name=name) for name, rule in RULES.items()),
        # What source and FINAL are found by, so that they are of the same medium and project.
        UniqueConstraint("id", "project_id", "resource_id"),
        ForeignKeyConstraint(
            ["project_id", "research_project_id"],
            ["classification_projects.id", "classification_projects.research_project_id"],
            name="fk_classifications_project",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["resource_id", "research_project_id"],
            ["resources.id", "resources.research_project_id"],
            name="fk_classifications_resource",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["project_collection_id", "project_id"],
            ["classification_project_collections.id", "classification_project_collections.project_id"],
            name="fk_classifications_project_collection",
            ondelete="SET NULL (project_collection_id)",
        ),
        ForeignKeyConstraint(
            ["source_id", "project_id", "resource_id"],
            ["classifications.id", "classifications.project_id", "classifications.resource_id"],
            name="fk_classifications_source",
            info={"conflict": "Other classifications rest on this one, so it cannot be deleted."},
        ),
        ForeignKeyConstraint(
            ["final_id", "project_id", "resource_id"],
            ["classifications.id", "classifications.project_id", "classifications.resource_id"],
            name="fk_classifications_final",
            ondelete="CASCADE",
        ),
        Index("uq_classifications_final", "project_id", "resource_id", unique=True, postgresql_where=IS_FINAL),
        Index(
            "uq_classifications_user",
            "final_id",
            "user_id",
            unique=True,
            postgresql_where=text(IS_CURRENT.format("USER")),
            info={"conflict": "You classified this medium at the same time elsewhere. Reload it and try again."},
        ),
        Index(
            "uq_classifications_ai",
            "final_id",
            "model_id",
            unique=True,
            postgresql_where=text(IS_CURRENT.format("AI")),
        ),
        Index(
            "uq_classifications_feedback",
            "source_id",
            "user_id",
            unique=True,
            postgresql_where=text(IS_CURRENT.format("FEEDBACK")),
            info={"conflict": "You gave feedback on this classification at the same time elsewhere. Reload it."},
        ),
        Index(None, "project_id", "classification_type", "id"),
        Index(
            "ix_classifications_pending",
            "project_id",
            "id",
            postgresql_where=text("classification_type = 'FINAL' AND NOT is_approved"),
        ),
        Index(
            "ix_classifications_approved",
            "project_id",
            "id",
            postgresql_where=text("classification_type = 'FINAL' AND is_approved"),
        ),
        Index("ix_classifications_of_project", "project_id", "id", postgresql_where=IS_FINAL),
        # What figures of a project need of what is approved, in the order of the rows that it shows.
        Index(
            "ix_classifications_counted",
            "project_id",
            "source_id",
            postgresql_where=text("classification_type = 'FINAL' AND is_approved"),
            postgresql_include=["id", "resource_id", "deployment_id", "recorded_at", "is_blank", "is_setup"],
        ),
        Index("ix_classifications_review", "project_id", "id", postgresql_where=text("needs_review")),
        Index("ix_classifications_disagreement", "project_id", "id", postgresql_where=text("disagrees")),
        Index("ix_classifications_deployment", "project_id", "deployment_id", "id", postgresql_where=IS_FINAL),
        Index("ix_classifications_recorded", "project_id", "recorded_at", "id", postgresql_where=IS_FINAL),
        # Walked backwards, an index has its nulls first: a list has them last either way.
        Index(
            "ix_classifications_recorded_last",
            "project_id",
            text("recorded_at DESC NULLS LAST"),
            text("id DESC"),
            postgresql_where=IS_FINAL,
        ),
        Index(None, "recorded_at", "id"),
        Index(None, "resource_id", "id"),
        Index(None, "final_id", "id"),
        Index(None, "source_id", "id", postgresql_where=text("source_id IS NOT NULL")),
        Index(None, "project_collection_id", "id"),
        Index(
            "ix_classifications_of_user",
            "project_id",
            "user_id",
            "final_id",
            postgresql_where=text("user_id IS NOT NULL"),
        ),
        Index(
            "ix_classifications_of_model",
            "project_id",
            "model_id",
            "final_id",
            postgresql_where=text("model_id IS NOT NULL"),
        ),
        Index(None, "user_id", "id", postgresql_where=text("user_id IS NOT NULL")),
        Index(None, "model_id", "id", postgresql_where=text("model_id IS NOT NULL")),
        Index(None, "informativeness", "id"),
        Index(
            "ix_classifications_informativeness",
            "project_id",
            "informativeness",
            "id",
            postgresql_where=text("classification_type = 'FINAL'"),
        ),
        Index(None, "bulk_approval_id", postgresql_where=text("bulk_approval_id IS NOT NULL")),
    )

    project_id: Mapped[int] = mapped_column(BigInteger, info=not_exported("a classification belongs to its author"))
    research_project_id: Mapped[int] = mapped_column(
        BigInteger, info=not_exported("a classification belongs to its author")
    )
    project_collection_id: Mapped[int | None] = mapped_column(BigInteger)
    resource_id: Mapped[int] = mapped_column(BigInteger, info=not_exported("a classification belongs to its author"))
    classification_type: Mapped[ClassificationType] = mapped_column(doc="What it is.")
    model_id: Mapped[int | None] = mapped_column(ForeignKey("ai_providers.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    source_id: Mapped[int | None] = mapped_column(BigInteger)
    final_id: Mapped[int | None] = mapped_column(
        BigInteger, info=not_exported("a classification belongs to its author")
    )
    version: Mapped[int] = mapped_column(
        default=1,
        server_default=text("1"),
        doc="Of a FINAL: rises with each change that an approver should see first. Approvals name it.",
    )
    is_approved: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Of a FINAL: whether a classification is approved."
    )
    is_blank: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether no animal, person or vehicle is present."
    )
    is_setup: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Whether it is a test shot or shows the set-up of the camera. Most figures leave it out.",
    )
    is_gold_standard: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Whether it is confirmed as fully correct: objects found, classified and tracked. Good for training.",
    )
    approved_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"),
        info=not_exported("the approval is exported with the history of approvals"),
    )
    approved_at: Mapped[datetime | None] = mapped_column(doc="When it was approved.")
    bulk_approval_id: Mapped[int | None] = mapped_column(ForeignKey("bulk_approvals.id", ondelete="SET NULL"))
    superseded_at: Mapped[datetime | None] = mapped_column(
        doc="When a newer row took its place; null while it is current. It stays if it is approved."
    )
    classificator_version_id: Mapped[int | None] = mapped_column(ForeignKey("classificator_versions.id"), index=True)
    static_attrs: Mapped[Json] = mapped_column(
        default=dict, server_default=text("'{}'"), doc="The project's own attributes of the whole medium."
    )
    comments: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="A comment by its author.")
    frames_sha256: Mapped[str | None] = mapped_column(
        String(limits.SHA256_LENGTH), doc="The content address of its file of frames."
    )
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )
    # Kept by the database, of FINAL rows.
    deployment_id: Mapped[int | None] = mapped_column(ForeignKey("deployments.id", ondelete="SET NULL"))
    recorded_at: Mapped[datetime | None] = mapped_column(doc="Of a FINAL: when its medium was recorded.")
    is_classified: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Of a FINAL: whether a person has classified the medium."
    )
    is_classified_ai: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Of a FINAL: whether AI has classified the medium."
    )
    has_feedback: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Of a FINAL: whether there is feedback on what is approved that is not accepted yet.",
    )
    disagrees: Mapped[bool] = mapped_column(
        default=False,
        server_default=text("false"),
        doc="Of a FINAL: whether AI and people disagree on what is there, or on its species.",
    )
    needs_review: Mapped[bool] = mapped_column(
        Computed(
            "classification_type = 'FINAL' AND (has_feedback OR is_classified AND NOT is_approved)", persisted=True
        ),
        doc="Of a FINAL: whether the work of a person waits for an approver.",
    )

    informativeness: Mapped[float] = mapped_column(
        default=0.3,
        server_default=text("0.3"),
        doc="Of a FINAL: how much a look at it would settle or teach. AI and people disagree: 2; plus 1 minus the "
        "confidence of the least sure AI observation, rounded to tenths, or 0.3 before AI has seen the medium; plus up "
        "to 0.09 for the first media of a sequence. 0 once it is approved.",
    )

    project: Mapped[ClassificationProject] = relationship(
        lazy="raise",
        primaryjoin="foreign(Classification.project_id) == ClassificationProject.id",
        doc="The classification project.",
    )
    project_collection: Mapped[ClassificationProjectCollection | None] = relationship(
        back_populates="classifications",
        lazy="raise",
        primaryjoin="foreign(Classification.project_collection_id) == ClassificationProjectCollection.id",
        doc="The collection that brought its medium into the project; null once the medium has left it.",
    )
    resource: Mapped[Resource] = relationship(
        lazy="raise", primaryjoin="foreign(Classification.resource_id) == Resource.id", doc="The medium."
    )
    deployment: Mapped[Deployment | None] = relationship(lazy="raise", doc="Of a FINAL: the deployment of its medium.")
    model: Mapped[AIProvider | None] = relationship(lazy="raise", doc="Of an AI row: the provider whose answer it is.")
    user: Mapped[User | None] = relationship(
        lazy="raise", foreign_keys=[user_id], doc="Of a USER or FEEDBACK row: the author."
    )
    approved_by: Mapped[User | None] = relationship(
        lazy="raise", foreign_keys=[approved_by_id], doc="Of a FINAL: who approved it."
    )
    source_classification: Mapped["Classification | None"] = relationship(
        lazy="raise",
        primaryjoin="foreign(Classification.source_id) == remote(Classification.id)",
        doc="Of a FINAL: the approved row. Of a USER row: the row it was forked from. Of FEEDBACK: what it corrects.",
    )
    final_classification: Mapped["Classification | None"] = relationship(
        back_populates="candidates",
        lazy="raise",
        primaryjoin="foreign(Classification.final_id) == remote(Classification.id)",
        doc="The FINAL of the medium; null for a FINAL.",
    )
    candidates: Mapped[list["Classification"]] = relationship(
        back_populates="final_classification",
        lazy="raise",
        primaryjoin="Classification.id == remote(foreign(Classification.final_id))",
        doc="Of a FINAL: the rows of AI and people on the medium, and feedback; older ones, too.",
    )
    classificator_version: Mapped[ClassificatorVersion | None] = relationship(
        lazy="raise", doc="The version of the classificator that its attributes were checked against."
    )
    dynamic_attrs: Mapped[list["ClassificationDynamicAttrs"]] = relationship(
        back_populates="classification",
        lazy="raise",
        primaryjoin="foreign(ClassificationDynamicAttrs.classification_id) == Classification.id",
        doc="The observations of this row. A FINAL has none of its own: see `observations`.",
    )
    observations: Mapped[list["ClassificationDynamicAttrs"]] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin="foreign(ClassificationDynamicAttrs.shown_by_id) == Classification.id",
        doc="Of a FINAL: the observations of the approved row; while none is approved, those of all current rows of "
        "AI and people.",
    )


# Kept by the database: which FINALs are in which linked collection, so that a page of a collection is found in order.
IN_COLLECTIONS = Table(
    "classifications_in_collections",
    Classification.metadata,
    Column(
        "project_collection_id",
        ForeignKey("classification_project_collections.id", ondelete="CASCADE"),
        primary_key=True,
        info=not_exported("the media of a collection are exported with the media"),
    ),
    Column(
        "classification_id",
        ForeignKey("classifications.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
        info=not_exported("the media of a collection are exported with the media"),
    ),
)


RESOURCE_CLASSIFICATIONS = add_relationship(
    Resource,
    "classifications",
    relationship(
        Classification,
        viewonly=True,
        lazy="raise",
        primaryjoin="foreign(Classification.resource_id) == Resource.id",
        doc="The classifications of the medium, in all projects that the viewer sees.",
    ),
)
