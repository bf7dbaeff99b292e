"""Automatic top-ups: the card that a user has saved, when it is charged, how that went, and cards no longer saved."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits.billing import PROVIDER_KEY_LENGTH_MAX
from app.models.accounts import OfUser, User
from app.models.base import WITHHELD, Record
from app.models.billing.ledger import MONEY
from app.models.kinds.billing import BillingNotification


class AutomaticTopUp(OfUser):
    """The rule by which a user's saved card tops up the balance. It is off until the user sets it."""

    __tablename__ = "automatic_top_ups"
    __owned_by__ = ("id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        # Each top-up brings the balance to the threshold at least: so one crossing is one top-up.
        CheckConstraint("below_usd > 0 AND usd >= below_usd AND month_usd_max >= usd", name="amounts"),
        CheckConstraint("NOT is_on OR num_nulls(below_usd, usd, month_usd_max) = 0", name="is_on"),
        Index("ix_automatic_top_ups_due", "next_try_at", postgresql_where=text("is_on")),
    )

    below_usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="Once less than this is available in US dollars, the card is charged."
    )
    usd: Mapped[Decimal | None] = mapped_column(MONEY, doc="How much the card is charged each time.")
    month_usd_max: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="How much the card is charged at most by this rule in a calendar month (UTC)."
    )
    is_on: Mapped[bool] = mapped_column(default=False, server_default=text("false"), doc="Whether the rule is on.")
    failures_count: Mapped[int] = mapped_column(
        SmallInteger, default=0, server_default=text("0"), doc="How many tries have failed one after another."
    )
    next_try_at: Mapped[datetime | None] = mapped_column(
        doc="When it is tried again after a failure, or after the month's limit; null if nothing is waited for."
    )
    # What the provider knows the card by; the number of the card never comes here.
    customer_key: Mapped[str] = mapped_column(String(PROVIDER_KEY_LENGTH_MAX), info=WITHHELD)

    user: Mapped[User] = relationship(lazy="raise", doc="Whose card is charged.")


class ForgottenCard(Record):
    """What the provider knew a card by that is no longer saved. It names nobody, and stays: nothing saves it again."""

    __tablename__ = "forgotten_cards"
    __table_args__ = (
        UniqueConstraint("customer_key"),
        Index("ix_forgotten_cards_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
    )

    customer_key: Mapped[str] = mapped_column(String(PROVIDER_KEY_LENGTH_MAX))
    # When the provider is asked again to detach it; null once it has done so.
    next_try_at: Mapped[datetime | None]
