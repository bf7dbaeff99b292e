"""What users set for their spending: limits by the month, and when they are notified."""

from decimal import Decimal

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import OfUser, User
from app.models.billing.ledger import MONEY
from app.models.kinds.billing import BillingNotification


class SpendingRules(OfUser):
    """Limits that a user sets for what work may cost in a calendar month (UTC), and when the user is notified."""

    __tablename__ = "spending_rules"
    __owned_by__ = ("id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        CheckConstraint("month_tokens_notice >= 0", name="month_tokens_notice"),
        CheckConstraint("month_tokens_max >= 0", name="month_tokens_max"),
        CheckConstraint("low_balance_tokens >= 0", name="low_balance_tokens"),
        CheckConstraint("month_usd_notice >= 0", name="month_usd_notice"),
        CheckConstraint("month_usd_max >= 0", name="month_usd_max"),
    )

    month_tokens_notice: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="Once work of a month costs this much, the user is notified; null for never."
    )
    month_tokens_max: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="Work that would bring the month above this does not start; null for no limit."
    )
    low_balance_tokens: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="Once less than this is available, the user is notified, once a day; null for never."
    )
    month_usd_notice: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="Once purchases of a month cost this much in US dollars, the user is notified; null for never."
    )
    month_usd_max: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="What would bring the purchases of the month above this is not sold; null for no limit."
    )

    user: Mapped[User] = relationship(lazy="raise", doc="The user.")
