"""Coupon codes: staff issue one, and so many users redeem it, each once."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits.billing import COUPON_CODE_LENGTH_MAX, GRANT_NAME_LENGTH_MAX, GRANT_PRIORITY_MAX
from app.models.accounts import User
from app.models.base import Record, not_exported
from app.models.billing.ledger import MONEY
from app.models.names import Name


class CouponCode(Record):
    """A code that gives coupons to each user who redeems it, as often as it has uses. For staff."""

    __tablename__ = "coupon_codes"
    __table_args__ = (
        CheckConstraint("amount > 0 AND amount <> 'NaN'", name="amount"),
        CheckConstraint("uses BETWEEN 0 AND uses_max", name="uses"),
        CheckConstraint(f"priority BETWEEN 1 AND {GRANT_PRIORITY_MAX}", name="priority"),
        UniqueConstraint("coupon_code", info={"conflict": "There is such a code already. Choose another one."}),
        Index(None, "issued_by_id"),
    )

    issued_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"), info=not_exported("codes are the installation's"))
    coupon_code: Mapped[str] = mapped_column(
        String(COUPON_CODE_LENGTH_MAX), doc="The code: capital letters and digits. Whoever has it can redeem it."
    )
    name: Mapped[str] = mapped_column(Name(GRANT_NAME_LENGTH_MAX), doc="The name that users see, such as a campaign's.")
    amount: Mapped[Decimal] = mapped_column(MONEY, doc="How many coupons each user gets.")
    priority: Mapped[int] = mapped_column(
        SmallInteger, doc="Among grants of one currency those with a lower number are spent first."
    )
    uses: Mapped[int] = mapped_column(default=0, server_default=text("0"), doc="How often it was redeemed.")
    uses_max: Mapped[int] = mapped_column(doc="How often it can be redeemed, once by each user.")
    expires_at: Mapped[datetime | None] = mapped_column(
        doc="From this instant on it cannot be redeemed; null for never."
    )
    coupons_expire_at: Mapped[datetime | None] = mapped_column(
        doc="From this instant on its coupons cannot be spent; null for never."
    )

    issued_by: Mapped[User] = relationship(lazy="raise", doc="Who of the staff issued it.")
