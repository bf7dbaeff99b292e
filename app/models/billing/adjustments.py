"""What two of the staff agree on: adjustments of balances, and reversals of operations."""

from datetime import datetime
from decimal import Decimal
from enum import Enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship
from sqlalchemy.sql.schema import SchemaItem

from app.limits.billing import REASON_LENGTH_MAX
from app.models.accounts import User
from app.models.base import Record
from app.models.billing.grants import BY_STAFF
from app.models.billing.ledger import MONEY, Currency, Operation


class AdjustmentState(Enum):
    """Whether an adjustment or a reversal was proposed, posted, or refused. The last two are final.

    PROPOSED: It waits for a second member of staff.
    POSTED: It was posted to the ledger.
    REJECTED: It was refused.
    """

    PROPOSED = "PROPOSED"
    POSTED = "POSTED"
    REJECTED = "REJECTED"


class Proposal(Record):
    """Base of what one of the staff proposes and another one posts."""

    __abstract__ = True

    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"), info=BY_STAFF)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), info=BY_STAFF)
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH_MAX), doc="The reason.")
    state: Mapped[AdjustmentState] = mapped_column(default=AdjustmentState.PROPOSED, doc="The state.")
    decided_at: Mapped[datetime | None] = mapped_column(doc="When it was posted or rejected.")

    @declared_attr
    @classmethod
    def proposed_by(cls) -> Mapped[User]:
        """Of the staff."""
        return relationship(foreign_keys=[cls.proposed_by_id], lazy="raise", doc="Who proposed it.")

    @declared_attr
    @classmethod
    def decided_by(cls) -> Mapped[User | None]:
        """Of the staff."""
        return relationship(foreign_keys=[cls.decided_by_id], lazy="raise", doc="Who posted or rejected it.")

    @declared_attr
    @classmethod
    def operation(cls) -> Mapped[Operation | None]:
        """None before it is posted."""
        return relationship(foreign_keys=[cls.operation_id], lazy="raise", doc="The operation that posted it.")


def agreed_by_two() -> tuple[SchemaItem, ...]:
    """What the table of a proposal has: nobody posts what they proposed, and what was posted has its operation."""
    return (
        CheckConstraint("(state = 'PROPOSED') = (decided_by_id IS NULL)", name="decided"),
        CheckConstraint("state <> 'POSTED' OR decided_by_id <> proposed_by_id", name="second_person"),
        CheckConstraint("(state = 'POSTED') = (operation_id IS NOT NULL)", name="operation"),
        Index(None, "state", "id"),
        Index(None, "operation_id"),
        Index(None, "proposed_by_id"),
        Index(None, "decided_by_id"),
    )


class Adjustment(Proposal):
    """A correction of a user's balance that one of the staff proposes and another one posts."""

    __tablename__ = "adjustments"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        *agreed_by_two(),
        CheckConstraint("currency IN ('USD', 'EAML')", name="adjusted"),
        CheckConstraint("change <> 0 AND change <> 'NaN'", name="change"),
        CheckConstraint("state <> 'POSTED' OR decided_by_id <> user_id", name="not_ones_own"),
        Index(None, "user_id", "id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    currency: Mapped[Currency] = mapped_column(doc="USD or EAML.")
    change: Mapped[Decimal] = mapped_column(MONEY, doc="What it adds to the balance; negative if it takes.")

    user: Mapped[User] = relationship(foreign_keys=user_id, lazy="raise", doc="Whose balance it corrects.")


class Reversal(Proposal):
    """The opposite of an operation, which one of the staff proposes and another one posts."""

    __tablename__ = "reversals"
    __table_args__ = (
        *agreed_by_two(),
        Index(
            "uq_reversals_proposed",
            "reverses_id",
            unique=True,
            postgresql_where=text("state = 'PROPOSED'"),
            info={"conflict": "A reversal of this operation is proposed already."},
        ),
        Index(None, "reverses_id"),
    )

    reverses_id: Mapped[int] = mapped_column(ForeignKey("operations.id"))

    reverses: Mapped[Operation] = relationship(
        foreign_keys=reverses_id, lazy="raise", doc="The operation that it reverses."
    )
