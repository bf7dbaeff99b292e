"""Approvals of classifications: one by one, and in bulk."""

from datetime import datetime
from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import User
from app.models.base import Json, Record, add_relationship, not_exported
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification


class ApprovalAction(Enum):
    """What an approver did.

    APPROVED: Approved a classification.
    UNAPPROVED: Withdrew an approval.
    REVERTED: Undid a bulk approval.
    """

    APPROVED = "APPROVED"
    UNAPPROVED = "UNAPPROVED"
    REVERTED = "REVERTED"


class ApprovalOutcome(Enum):
    """What came of one classification in a bulk approval.

    APPROVED: It was approved.
    ALREADY_APPROVED: It was approved before.
    APPROVED_OTHERWISE: Another row is approved already.
    AMBIGUOUS: The medium has several rows that could be approved.
    BELOW_CONFIDENCE: Its confidence is too low.
    EXCLUDED_SPECIES: Its species was excluded.
    NOTHING_TO_APPROVE: No current row of AI or a person is there.
    """

    APPROVED = "APPROVED"
    ALREADY_APPROVED = "ALREADY_APPROVED"
    APPROVED_OTHERWISE = "APPROVED_OTHERWISE"
    AMBIGUOUS = "AMBIGUOUS"
    BELOW_CONFIDENCE = "BELOW_CONFIDENCE"
    EXCLUDED_SPECIES = "EXCLUDED_SPECIES"
    NOTHING_TO_APPROVE = "NOTHING_TO_APPROVE"


class BulkApproval(Record):
    """An approval of many classifications at once. It can be undone while nothing was approved over it."""

    __tablename__ = "bulk_approvals"
    __owned_by__ = ("user_id",)
    __table_args__ = (Index(None, "project_id", "id"), Index(None, "user_id", "id"))

    project_id: Mapped[int] = mapped_column(
        ForeignKey("classification_projects.id", ondelete="CASCADE"),
        info=not_exported("an approval belongs to its approver"),
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    criteria: Mapped[Json] = mapped_column(doc="What it was asked for: the filter, the limit and the conditions.")
    approved_count: Mapped[int] = mapped_column(default=0, doc="The number of classifications it approved.")
    skipped_count: Mapped[int] = mapped_column(default=0, doc="The number of those it left alone.")
    reverted_at: Mapped[datetime | None] = mapped_column(doc="When it was undone.")
    reverted_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), info=not_exported("an approval belongs to its approver")
    )

    project: Mapped[ClassificationProject] = relationship(lazy="raise", doc="The classification project.")
    user: Mapped[User] = relationship(lazy="raise", foreign_keys=[user_id], doc="Who approved.")
    reverted_by: Mapped[User | None] = relationship(lazy="raise", foreign_keys=[reverted_by_id], doc="Who undid it.")
    items: Mapped[list["BulkApprovalItem"]] = relationship(
        back_populates="bulk_approval", lazy="raise", doc="What came of each classification."
    )


class BulkApprovalItem(Record):
    """What came of one medium in a bulk approval."""

    __tablename__ = "bulk_approval_items"
    __table_args__ = (
        UniqueConstraint("bulk_approval_id", "final_id"),
        Index(None, "bulk_approval_id", "id"),
        Index(None, "final_id"),
        Index(None, "classification_id"),
    )

    bulk_approval_id: Mapped[int] = mapped_column(
        ForeignKey("bulk_approvals.id", ondelete="CASCADE"),
        info=not_exported("an item belongs to its bulk approval, which is exported"),
    )
    final_id: Mapped[int] = mapped_column(
        ForeignKey("classifications.id", ondelete="CASCADE"),
        info=not_exported("an item belongs to its bulk approval, which is exported"),
    )
    classification_id: Mapped[int | None] = mapped_column(ForeignKey("classifications.id", ondelete="SET NULL"))
    outcome: Mapped[ApprovalOutcome] = mapped_column(doc="What came of it.")
    # The FINAL's values before, for the undo.
    was_blank: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    was_setup: Mapped[bool] = mapped_column(default=False, server_default=text("false"))

    bulk_approval: Mapped[BulkApproval] = relationship(back_populates="items", lazy="raise", doc="The bulk approval.")
    final_classification: Mapped[Classification] = relationship(
        lazy="raise", foreign_keys=[final_id], doc="The FINAL of the medium."
    )
    classification: Mapped[Classification | None] = relationship(
        lazy="raise", foreign_keys=[classification_id], doc="The row that was to be approved, if there is one."
    )


class ClassificationApproval(Record):
    """An entry of the history of a FINAL: an approval, or its withdrawal."""

    __tablename__ = "classification_approvals"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint("(action = 'APPROVED') = (source_id IS NOT NULL)", name="source"),
        Index(None, "final_id", "id"),
        Index(None, "source_id"),
        Index(None, "user_id", "id"),
        Index(None, "bulk_approval_id"),
    )

    final_id: Mapped[int] = mapped_column(
        ForeignKey("classifications.id", ondelete="CASCADE"), info=not_exported("an approval belongs to its approver")
    )
    action: Mapped[ApprovalAction] = mapped_column(doc="What was done.")
    source_id: Mapped[int | None] = mapped_column(BigInteger)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    bulk_approval_id: Mapped[int | None] = mapped_column(ForeignKey("bulk_approvals.id", ondelete="SET NULL"))
    version: Mapped[int] = mapped_column(doc="The version of the FINAL from then on.")

    final_classification: Mapped[Classification] = relationship(
        back_populates="approvals", lazy="raise", foreign_keys=[final_id], doc="The FINAL."
    )
    source_classification: Mapped[Classification | None] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin="foreign(ClassificationApproval.source_id) == Classification.id",
        doc="The row that was approved, if it is still there.",
    )
    user: Mapped[User | None] = relationship(lazy="raise", doc="Who did it.")
    bulk_approval: Mapped[BulkApproval | None] = relationship(
        lazy="raise", doc="The bulk approval that it was part of, if it was."
    )


CLASSIFICATION_APPROVALS = add_relationship(
    Classification,
    "approvals",
    relationship(
        ClassificationApproval,
        back_populates="final_classification",
        foreign_keys=[ClassificationApproval.final_id],
        lazy="raise",
        doc="Of a FINAL: its approvals and their withdrawals, the newest first.",
    ),
)
