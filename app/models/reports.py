"""Reports of posts, messages, users and other things to staff."""

from datetime import datetime
from enum import Enum

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits.social import EVIDENCE_LENGTH_MAX
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Record, not_exported
from app.models.kinds.social import SocialNotification


class ReportReason(Enum):
    """Why something was reported.

    SPAM: Unwanted advertising, or the same again and again.
    HARASSMENT: It attacks or intimidates somebody.
    HATE: It attacks people for what they are.
    VIOLENCE: It threatens, shows or glorifies violence.
    SEXUAL: It is sexual.
    ILLEGAL: It is against the law.
    OTHER: Another reason.
    """

    SPAM = "SPAM"
    HARASSMENT = "HARASSMENT"
    HATE = "HATE"
    VIOLENCE = "VIOLENCE"
    SEXUAL = "SEXUAL"
    ILLEGAL = "ILLEGAL"
    OTHER = "OTHER"


class ReportState(Enum):
    """Whether a report is open, and how it was decided.

    OPEN: Staff have not decided yet.
    ACTED_UPON: Staff removed the content, or warned or suspended the user.
    DISMISSED: Staff dismissed it.
    """

    OPEN = "OPEN"
    ACTED_UPON = "ACTED_UPON"
    DISMISSED = "DISMISSED"


class ReportAction(Enum):
    """What staff do about a report: dismiss it, remove the content, warn the user or suspend them.

    DISMISS: Do nothing.
    REMOVE_CONTENT: Remove the content.
    WARN: Warn the user.
    SUSPEND: Suspend the user.
    """

    DISMISS = "DISMISS"
    REMOVE_CONTENT = "REMOVE_CONTENT"
    WARN = "WARN"
    SUSPEND = "SUSPEND"


class Report(Record):
    """A report of something to staff."""

    __tablename__ = "reports"
    __owned_by__ = ("user_id",)
    __notified_as__ = SocialNotification.MODERATION
    __table_args__ = (
        Index(None, "state", "id"),
        Index(None, "user_id", "id"),
        Index(None, "accused_id"),
        Index(None, "subject_type", "subject_key", "id"),
        Index(
            "uq_reports_open",
            "user_id",
            "subject_type",
            "subject_key",
            unique=True,
            postgresql_where=text("state = 'OPEN'"),
            info={"conflict": "You have already reported this."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    subject_type: Mapped[str] = mapped_column(String(columns.KIND_LENGTH_MAX))
    subject_key: Mapped[int] = mapped_column(BigInteger)
    accused_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), info=not_exported("a report belongs to who made it")
    )
    # Kept, since whose it is may change it or take it back, and staff read nobody's messages.
    evidence: Mapped[str | None] = mapped_column(
        String(EVIDENCE_LENGTH_MAX),
        doc="The reported text, as it was then; null once the account of its author was deleted.",
    )
    # Its picture, whose files stay for as long as the report is open.
    evidence_key: Mapped[str | None] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    reason: Mapped[ReportReason] = mapped_column(doc="Why it was reported.")
    comment: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="The reporter's comment.")
    state: Mapped[ReportState] = mapped_column(
        default=ReportState.OPEN, doc="Whether the report is open, and how it was decided."
    )
    action: Mapped[ReportAction | None] = mapped_column(doc="What staff did; null until they decide.")
    resolution: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="The reason that staff gave.")
    resolved_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True, info=not_exported("a report belongs to who made it")
    )
    resolved_at: Mapped[datetime | None] = mapped_column(doc="When staff decided.")

    user: Mapped[User] = relationship(foreign_keys=user_id, lazy="raise", doc="Who reported it.")
    accused: Mapped[User] = relationship(foreign_keys=accused_id, lazy="raise", doc="The accused user.")
    resolved_by: Mapped[User | None] = relationship(foreign_keys=resolved_by_id, lazy="raise", doc="Who decided.")
