"""Reservations: money that is held for work before it starts, and posted or returned with its end."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits.billing import SUBJECT_TYPE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Record, not_exported
from app.models.billing.ledger import MONEY, Currency, LedgerAccount, Operation, OperationCause


class ReservationState(Enum):
    """Whether money is held, was posted, was returned, or was held for too long. The last three are final.

    HELD: The money is held.
    POSTED: The money was paid.
    VOID: The money was returned.
    EXPIRED: The money was held for too long, and returned.
    """

    HELD = "HELD"
    POSTED = "POSTED"
    VOID = "VOID"
    EXPIRED = "EXPIRED"


class Reservation(Record):
    """Money that is held until the work it pays for ends."""

    __tablename__ = "reservations"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint("amount > 0 AND amount <> 'NaN'", name="amount"),
        CheckConstraint("posted BETWEEN 0 AND amount", name="posted"),
        CheckConstraint("(posted > 0) = (operation_id IS NOT NULL)", name="operation"),
        CheckConstraint("posted = 0 OR state = 'POSTED'", name="state"),
        CheckConstraint("(currency = 'USD') = (payee_id IS NOT NULL)", name="payee"),
        CheckConstraint("commission BETWEEN 0 AND amount", name="commission"),
        Index("uq_reservations_job", "job_key", unique=True, postgresql_where=text("state = 'HELD'")),
        Index(None, "user_id", "id"),
        Index("ix_reservations_held", "expires_at", postgresql_where=text("state = 'HELD'")),
        Index(None, "subject_type", "subject_key"),
        Index(None, "operation_id"),
        Index(None, "job_key"),
        Index(None, "actor_id"),
        Index(None, "payee_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    # Who started the work, if not the payer: a member of a team works with the machine of its owner, who pays.
    actor_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id"), info=not_exported("it is the payer's; the actor's work has its own rows")
    )
    # Who is paid in US dollars, such as the seller of a copy; None for the platform, which is paid in tokens.
    payee_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id"), info=not_exported("it is the payer's; the payee gets an entry once it is posted")
    )
    # What of it the platform gets if it is posted to a payee.
    commission: Mapped[Decimal] = mapped_column(MONEY, server_default=text("0"), info=WITHHELD)
    cause: Mapped[OperationCause] = mapped_column(doc="What it is held for.")
    currency: Mapped[Currency] = mapped_column(doc="The currency. Coupons count as tokens.")
    amount: Mapped[Decimal] = mapped_column(MONEY, doc="How much is held.")
    posted: Mapped[Decimal] = mapped_column(
        MONEY, server_default=text("0"), doc="How much was posted; the rest returned."
    )
    state: Mapped[ReservationState] = mapped_column(
        default=ReservationState.HELD, doc="The state. One past `expiresAt` holds nothing, even while this says HELD."
    )
    expires_at: Mapped[datetime] = mapped_column(doc="From this instant on it holds nothing.")
    count_of_lines: Mapped[int | None] = mapped_column(doc="How many lines, tiles or media it pays for.")
    count_of_training_epoch: Mapped[int | None] = mapped_column(doc="How many epochs it pays for.")
    subject_type: Mapped[str | None] = mapped_column(String(SUBJECT_TYPE_LENGTH_MAX))
    subject_key: Mapped[int | None] = mapped_column(BigInteger)
    # The job whose end posts it. No key: jobs are deleted, and what was held for them stays.
    job_key: Mapped[int | None] = mapped_column(BigInteger, info=WITHHELD)
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))

    user: Mapped[User] = relationship(foreign_keys=user_id, lazy="raise", doc="Whose money it is.")
    operation: Mapped[Operation | None] = relationship(lazy="raise", doc="The operation that posted it.")
    parts: Mapped[list["ReservationPart"]] = relationship(back_populates="reservation", lazy="raise")


class ReservationPart(Record):
    """What a reservation holds of one account."""

    __tablename__ = "reservation_parts"
    __owned_by__ = ("reservation_id",)
    __table_args__ = (
        CheckConstraint("amount > 0 AND amount <> 'NaN'", name="amount"),
        Index(None, "reservation_id", "id"),
        Index("ix_reservation_parts_open", "account_id", postgresql_where=text("is_open")),
    )

    reservation_id: Mapped[int] = mapped_column(ForeignKey("reservations.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("ledger_accounts.id"))
    amount: Mapped[Decimal] = mapped_column(MONEY)
    # Both as its reservation says, so that an account's open parts are found by one index.
    is_open: Mapped[bool] = mapped_column(default=True)
    expires_at: Mapped[datetime]

    reservation: Mapped[Reservation] = relationship(back_populates="parts", lazy="raise")
    account: Mapped[LedgerAccount] = relationship(lazy="raise")
