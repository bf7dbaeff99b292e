"""Top-ups by card: what a payment provider says of each, and what was posted for it."""

from decimal import Decimal
from enum import Enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits.billing import CHECKOUT_URL_LENGTH_MAX, PROVIDER_KEY_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Record
from app.models.billing.ledger import MONEY
from app.models.kinds.billing import BillingNotification
from app.models.system import Job

NONE = text("0")


class TopUpState(Enum):
    """How far a top-up is. A paid one may be refunded or disputed later.

    CREATED: The payment page is being opened.
    OPEN: The user can pay.
    PAID: It was paid.
    FAILED: It was not paid.
    EXPIRED: It was not paid in time.
    """

    CREATED = "CREATED"
    OPEN = "OPEN"
    PAID = "PAID"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class TopUp(Record):
    """US dollars that a user pays by card."""

    __tablename__ = "top_ups"
    __owned_by__ = ("user_id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        CheckConstraint("usd > 0 AND usd <> 'NaN'", name="usd"),
        CheckConstraint("paid_usd >= 0 AND refunded_usd >= 0 AND disputed_usd >= 0", name="told"),
        UniqueConstraint("provider_key"),
        Index(None, "user_id", "id"),
        Index(None, "job_id"),
        Index(
            "uq_top_ups_automatic",
            "user_id",
            unique=True,
            postgresql_where=text("is_automatic AND state = 'CREATED'"),
            info={"conflict": "An automatic top-up is under way."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    usd: Mapped[Decimal] = mapped_column(MONEY, doc="How much is to be paid.")
    state: Mapped[TopUpState] = mapped_column(default=TopUpState.CREATED, doc="How far it is.")
    is_automatic: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether the saved card is charged, by the user's rule."
    )
    saves_card: Mapped[bool] = mapped_column(
        default=False, server_default=text("false"), doc="Whether the card is saved for automatic top-ups."
    )
    checkout_url: Mapped[str | None] = mapped_column(
        String(CHECKOUT_URL_LENGTH_MAX), doc="Where to pay; null until the payment provider has answered."
    )
    provider_key: Mapped[str | None] = mapped_column(String(PROVIDER_KEY_LENGTH_MAX), info=WITHHELD)
    # What the provider has reported, in whatever order. What was posted follows from it.
    paid_usd: Mapped[Decimal] = mapped_column(MONEY, server_default=NONE, doc="How much was paid.")
    refunded_usd: Mapped[Decimal] = mapped_column(MONEY, server_default=NONE, doc="How much was refunded.")
    disputed_usd: Mapped[Decimal] = mapped_column(
        MONEY, server_default=NONE, doc="How much is in dispute, or was lost in one."
    )
    is_dispute_closed: Mapped[bool] = mapped_column(default=False, server_default=text("false"), info=WITHHELD)
    credited_usd: Mapped[Decimal] = mapped_column(
        MONEY, server_default=NONE, doc="How much of it is credited to the balance now."
    )

    user: Mapped[User] = relationship(lazy="raise", doc="Who pays.")
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The job that asks the payment provider.")


class PaymentEvent(Record):
    """An event of a payment provider that was received, by its id: each is acted on once."""

    __tablename__ = "payment_events"
    __table_args__ = (UniqueConstraint("event_key"),)

    event_key: Mapped[str] = mapped_column(String(PROVIDER_KEY_LENGTH_MAX))
    kind: Mapped[str] = mapped_column(String(PROVIDER_KEY_LENGTH_MAX))
