"""Proposals of consultants: an amount and a number of days."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import consulting as limits
from app.models.accounts import User
from app.models.base import Record, not_exported
from app.models.billing.ledger import MONEY
from app.models.consulting.requests import ConsultingRequest
from app.models.kinds.consulting import ConsultingNotification


class ConsultingProposalState(Enum):
    """Whether a proposal can be accepted. All but OPEN are final.

    OPEN: The client can accept it.
    ACCEPTED: The client accepted it.
    DECLINED: The client declined it, or accepted another.
    WITHDRAWN: The consultant withdrew it.
    EXPIRED: It was not accepted in time.
    """

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class ConsultingProposal(Record):
    """What a consultant offers to do a request for. It does not change: withdraw it and make another."""

    __tablename__ = "consulting_proposals"
    __owned_by__ = ("consultant_user_id",)
    __notified_as__ = ConsultingNotification.CONSULTING
    __table_args__ = (
        CheckConstraint("amount_usd > 0 AND amount_usd <> 'NaN'", name="amount_usd"),
        CheckConstraint(f"delay_days BETWEEN 1 AND {limits.CONSULTING_DELAY_DAYS_MAX}", name="delay_days"),
        Index(
            "uq_consulting_proposals_open",
            "request_id",
            "consultant_user_id",
            unique=True,
            postgresql_where=text("state = 'OPEN'"),
            info={"conflict": "You have an open proposal for this request. Withdraw it first."},
        ),
        Index(
            "uq_consulting_proposals_accepted",
            "request_id",
            unique=True,
            postgresql_where=text("state = 'ACCEPTED'"),
            info={"conflict": "Another proposal for this request was accepted."},
        ),
        Index(None, "request_id", "id"),
        Index(None, "consultant_user_id", "id"),
        Index("ix_consulting_proposals_open", "expires_at", postgresql_where=text("state = 'OPEN'")),
    )

    request_id: Mapped[int] = mapped_column(
        ForeignKey("consulting_requests.id", ondelete="CASCADE"), info=not_exported("a proposal belongs to who made it")
    )
    consultant_user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    amount_usd: Mapped[Decimal] = mapped_column(MONEY, doc="The price in US dollars.")
    delay_days: Mapped[int] = mapped_column(doc="How many days the work may take.")
    message: Mapped[str] = mapped_column(
        String(limits.CONSULTING_TEXT_LENGTH_MAX), doc="What the consultant writes with it."
    )
    state: Mapped[ConsultingProposalState] = mapped_column(default=ConsultingProposalState.OPEN)
    expires_at: Mapped[datetime] = mapped_column(doc="From this instant on it cannot be accepted.")

    request: Mapped[ConsultingRequest | None] = relationship(
        back_populates="proposals", lazy="raise", doc="The request; null once the viewer may no longer see it."
    )
    consultant_user: Mapped[User | None] = relationship(lazy="raise", doc="Who made it.")
