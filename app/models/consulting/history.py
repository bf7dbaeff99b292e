"""What belongs to a consulting request: messages, files, and its history."""

from decimal import Decimal
from enum import Enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits import consulting as limits
from app.models.accounts import User
from app.models.base import APPEND_ONLY, Record, names_file, not_exported
from app.models.billing.ledger import MONEY
from app.models.consulting.requests import ConsultingRequest, ConsultingState

OF_AUTHOR = not_exported("it belongs to who wrote it")


class ConsultingMessage(Record):
    """A message about a request, to all who take part."""

    __tablename__ = "consulting_messages"
    __owned_by__ = ("user_id",)
    __table_args__ = (Index(None, "request_id", "id"), Index(None, "user_id", "id"))

    request_id: Mapped[int] = mapped_column(ForeignKey("consulting_requests.id", ondelete="CASCADE"), info=OF_AUTHOR)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    content: Mapped[str] = mapped_column(String(limits.CONSULTING_TEXT_LENGTH_MAX), doc="The text.")

    request: Mapped[ConsultingRequest | None] = relationship(
        back_populates="messages", lazy="raise", doc="The request."
    )
    user: Mapped[User | None] = relationship(lazy="raise", doc="Who wrote it; null if the account was deleted.")


class ConsultingFile(Record):
    """A file that belongs to a request. Before a contract everybody who sees the request sees its files."""

    __tablename__ = "consulting_files"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint(f"size_bytes BETWEEN 1 AND {limits.CONSULTING_FILE_BYTES_MAX}", name="size_bytes"),
        UniqueConstraint("storage_key"),
        Index(None, "request_id", "id"),
        Index(None, "user_id", "id"),
    )

    request_id: Mapped[int] = mapped_column(ForeignKey("consulting_requests.id", ondelete="CASCADE"), info=OF_AUTHOR)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(limits.CONSULTING_FILE_NAME_LENGTH_MAX), doc="The name of the file.")
    media_type: Mapped[str] = mapped_column(
        String(limits.MEDIA_TYPE_LENGTH_MAX), doc="The media type, as its content shows it."
    )
    size_bytes: Mapped[int] = mapped_column(doc="The size in bytes.")
    storage_key: Mapped[str] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=names_file("{}"))

    request: Mapped[ConsultingRequest | None] = relationship(back_populates="files", lazy="raise", doc="The request.")
    user: Mapped[User | None] = relationship(lazy="raise", doc="Who added it; null if the account was deleted.")


class ConsultingStepKind(Enum):
    """What was done to a request.

    REQUESTED: The client asked for help.
    ACCEPTED: The client accepted a proposal.
    SUBMITTED: The consultant submitted the work.
    CHANGES_REQUESTED: The client asked for changes.
    RELEASED: The client released a part of the price.
    APPROVED: The client approved the work.
    SETTLEMENT_OFFERED: One side offered a settlement.
    SETTLED: Both sides agreed on a settlement.
    DISPUTED: One side opened a dispute.
    DECIDED: Staff decided a dispute.
    CANCELLED: The request was cancelled.
    DEADLINE_PASSED: A deadline passed.
    """

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    SUBMITTED = "SUBMITTED"
    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    RELEASED = "RELEASED"
    APPROVED = "APPROVED"
    SETTLEMENT_OFFERED = "SETTLEMENT_OFFERED"
    SETTLED = "SETTLED"
    DISPUTED = "DISPUTED"
    DECIDED = "DECIDED"
    CANCELLED = "CANCELLED"
    DEADLINE_PASSED = "DEADLINE_PASSED"


class ConsultingStep(Record):
    """A step in the history of a request. Steps are never changed or removed."""

    __tablename__ = "consulting_steps"
    __owned_by__ = ("user_id",)
    __table_args__ = (Index(None, "request_id", "id"), Index(None, "user_id", "id"), APPEND_ONLY)

    request_id: Mapped[int] = mapped_column(ForeignKey("consulting_requests.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[ConsultingStepKind] = mapped_column(doc="What was done.")
    state: Mapped[ConsultingState] = mapped_column(doc="The state of the request after it.")
    usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="How many US dollars it was about: held, paid to the consultant, or offered."
    )
    note: Mapped[str | None] = mapped_column(String(limits.CONSULTING_TEXT_LENGTH_MAX), doc="What was written with it.")

    request: Mapped[ConsultingRequest | None] = relationship(back_populates="steps", lazy="raise", doc="The request.")
    user: Mapped[User | None] = relationship(
        lazy="raise", doc="Who did it; null for deadlines, and if the account was deleted."
    )
