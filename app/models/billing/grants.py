"""Grants: coupons and promotional tokens that the platform gives."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits.billing import GRANT_NAME_LENGTH_MAX, GRANT_PRIORITY_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Record, not_exported
from app.models.billing.ledger import MONEY, Currency, LedgerAccount, Operation, OperationCause
from app.models.kinds.billing import BillingNotification
from app.models.names import Name

BY_STAFF = not_exported("it is about the account whose money it moves")


class Grant(Record):
    """Coupons or promotional tokens granted to a user. They pay for the platform's work, and go to nobody else."""

    __tablename__ = "grants"
    __owned_by__ = ("user_id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        CheckConstraint("currency IN ('EAML', 'COUPON')", name="granted"),
        CheckConstraint("amount > 0 AND amount <> 'NaN'", name="amount"),
        CheckConstraint(f"priority BETWEEN 1 AND {GRANT_PRIORITY_MAX}", name="priority"),
        CheckConstraint("expires_at > starts_at", name="dates"),
        CheckConstraint("cardinality(pays_for) > 0", name="pays_for"),
        UniqueConstraint("account_id"),
        Index(None, "user_id", "id"),
        Index(None, "operation_id"),
        Index(None, "granted_by_id"),
        Index(
            "uq_grants_coupon_code",
            "coupon_code_id",
            "user_id",
            unique=True,
            postgresql_where=text("coupon_code_id IS NOT NULL"),
            info={"conflict": "You have redeemed this code already."},
        ),
        Index("ix_grants_to_end", "expires_at", postgresql_where=text("ended_at IS NULL")),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("ledger_accounts.id"))
    operation_id: Mapped[int] = mapped_column(ForeignKey("operations.id"))
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), info=BY_STAFF)
    coupon_code_id: Mapped[int | None] = mapped_column(ForeignKey("coupon_codes.id"), info=WITHHELD)
    name: Mapped[str] = mapped_column(Name(GRANT_NAME_LENGTH_MAX), doc="The name, such as that of a campaign.")
    currency: Mapped[Currency] = mapped_column(doc="COUPON or EAML. A coupon pays for work like one token.")
    amount: Mapped[Decimal] = mapped_column(MONEY, doc="How much was granted.")
    priority: Mapped[int] = mapped_column(
        SmallInteger, doc="Among grants of one currency those with a lower number are spent first."
    )
    pays_for: Mapped[list[OperationCause] | None] = mapped_column(
        ARRAY(EnumColumn(OperationCause, native_enum=False, length=columns.KIND_LENGTH_MAX)),
        doc="What it pays for; null for all work that costs tokens.",
    )
    starts_at: Mapped[datetime] = mapped_column(doc="From this instant on it can be spent.")
    expires_at: Mapped[datetime | None] = mapped_column(
        doc="From this instant on it cannot be spent; null for never. Work it was held for is still paid."
    )
    ended_at: Mapped[datetime | None] = mapped_column(doc="When what was left of it was taken back.")

    user: Mapped[User] = relationship(foreign_keys=user_id, lazy="raise", doc="The user who received it.")
    account: Mapped[LedgerAccount] = relationship(lazy="raise")
    operation: Mapped[Operation] = relationship(lazy="raise", doc="The operation that gave it.")
