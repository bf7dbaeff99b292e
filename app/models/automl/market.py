"""The market: what owners offer of their machines, who bought it, and what buyers say of it."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import automl as limits
from app.models.accounts import User
from app.models.automl.machines import Machine
from app.models.base import WITHHELD, BigInt, Record, not_exported
from app.models.billing.ledger import MONEY, Operation
from app.models.kinds.billing import BillingNotification
from app.models.names import Name

NONE, NO = text("0"), text("false")


class ListingKind(Enum):
    """What is offered of a machine: its answers, the right to read its lines, or a copy of it.

    API_SOLVING: Answers of the machine.
    DATA_SOURCE: The right to read its lines.
    MACHINE_COPY: A copy of it.
    """

    API_SOLVING = "API_SOLVING"
    DATA_SOURCE = "DATA_SOURCE"
    MACHINE_COPY = "MACHINE_COPY"


class PurchaseKind(Enum):
    """What was bought: the right to read lines, a copy, or an update of a copy.

    DATA_SOURCE: The right to read lines.
    MACHINE_COPY: A copy.
    MACHINE_COPY_UPDATE: An update of a copy.
    """

    DATA_SOURCE = "DATA_SOURCE"
    MACHINE_COPY = "MACHINE_COPY"
    MACHINE_COPY_UPDATE = "MACHINE_COPY_UPDATE"


class PurchaseState(Enum):
    """Whether the buyer has what was bought. One that FAILED cost nothing.

    PENDING: It is being delivered.
    COMPLETED: The buyer has it.
    FAILED: It could not be delivered, and cost nothing.
    """

    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Listing(Record):
    """An offer of a machine in the market. A machine has at most one for each kind; closing it ends no purchase."""

    __tablename__ = "listings"
    __owned_by__ = ("machine_id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        Index(
            "uq_listings_machine_id_kind",
            "machine_id",
            "kind",
            unique=True,
            info={"conflict": "This machine is being listed already. Try again."},
        ),
        Index(None, "seller_id", "id"),
        Index(None, "machine_id", "id"),
        Index("ix_listings_open", "id", postgresql_where=text("is_open")),
        Index("ix_listings_price", "price_usd", "id", postgresql_where=text("is_open")),
        Index("ix_listings_rating", "rating", "id", postgresql_where=text("is_open")),
        Index("ix_listings_buyers", "buyers_count", "id", postgresql_where=text("is_open")),
        CheckConstraint("price_usd >= 0 AND price_usd <> 'NaN'", name="price"),
        CheckConstraint("update_price_usd >= 0 AND update_price_usd <> 'NaN'", name="update_price"),
        CheckConstraint("caller_lines_per_day_notice > 0", name="notice"),
        CheckConstraint("caller_lines_per_day_max > 0", name="limit"),
        CheckConstraint("buyers_count >= 0 AND reviews_count >= 0", name="counts"),
    )

    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    seller_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), info=not_exported("it belongs to its machine, as does the seller")
    )
    kind: Mapped[ListingKind] = mapped_column(doc="What is offered.")
    is_open: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether it is offered now. Closing it ends no purchase."
    )
    price_usd: Mapped[Decimal] = mapped_column(
        MONEY, server_default=NONE, doc="The price in US dollars: of one answer, of the lines, or of a copy; 0 is free."
    )
    update_price_usd: Mapped[Decimal] = mapped_column(
        MONEY, server_default=NONE, doc="The price in US dollars of bringing a copy up to date; 0 is free."
    )
    summary: Mapped[str] = mapped_column(
        String(limits.LISTING_SUMMARY_LENGTH_MAX),
        default="",
        server_default="",
        doc="What it is, in the seller's words.",
    )
    licence: Mapped[str] = mapped_column(
        Name(limits.LICENCE_LENGTH_MAX),
        default=limits.LICENCE_DEFAULT,
        server_default=limits.LICENCE_DEFAULT,
        doc="The name of the licence, such as `CC-BY-4.0`.",
    )
    licence_terms: Mapped[str] = mapped_column(
        String(limits.LICENCE_TERMS_LENGTH_MAX), default="", server_default="", doc="The terms of the licence."
    )
    sample_line_count: Mapped[int] = mapped_column(
        SmallInteger, default=0, server_default=NONE, doc="How many of its lines everybody may see."
    )
    caller_lines_per_day_notice: Mapped[int | None] = mapped_column(
        doc="Once an account has had this many lines answered in a day (UTC), it is notified; null for never."
    )
    caller_lines_per_day_max: Mapped[int | None] = mapped_column(
        doc="How many lines of an account are answered in a day (UTC); null for no limit."
    )
    buyers_count: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default=NONE, doc="How many accounts have bought it or asked it."
    )
    reviews_count: Mapped[int] = mapped_column(default=0, server_default=NONE, doc="How many accounts reviewed it.")
    rating: Mapped[float] = mapped_column(
        default=0.0, server_default=NONE, doc="The mean of the stars of its reviews; 0 if there are none."
    )

    machine: Mapped[Machine] = relationship(
        back_populates="listings", lazy="raise", doc="The machine; null for those who do not see it."
    )
    seller: Mapped[User] = relationship(lazy="raise", doc="Who offers it: the owner of the machine.")
    reviews: Mapped[list["ListingReview"]] = relationship(
        back_populates="listing", lazy="raise", doc="What buyers say of it."
    )


class Purchase(Record):
    """What somebody bought in the market, with its price and terms as they were then."""

    __tablename__ = "purchases"
    __owned_by__ = ("buyer_id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        # A copy that was deleted may be bought again, and what failed, too.
        Index(
            "uq_purchases_bought",
            "buyer_id",
            "machine_id",
            "kind",
            unique=True,
            postgresql_where=text(
                "state <> 'FAILED' AND (kind = 'DATA_SOURCE' OR (kind = 'MACHINE_COPY' AND copy_id IS NOT NULL))"
            ),
            info={"conflict": "You have bought this already; it is among your `purchases`. Nothing was charged."},
        ),
        Index(None, "buyer_id", "id"),
        Index(None, "machine_id"),
        Index(None, "listing_id"),
        Index(None, "copy_id"),
        Index(None, "operation_id"),
        Index("ix_purchases_pending", "job_key", postgresql_where=text("state = 'PENDING'")),
        CheckConstraint("price_usd >= 0 AND price_usd <> 'NaN'", name="price"),
        CheckConstraint("operation_id IS NULL OR price_usd > 0", name="operation"),
    )

    buyer_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    listing_id: Mapped[int | None] = mapped_column(ForeignKey("listings.id", ondelete="SET NULL"))
    machine_id: Mapped[int | None] = mapped_column(ForeignKey("machines.id", ondelete="SET NULL"))
    copy_id: Mapped[int | None] = mapped_column(ForeignKey("machines.id", ondelete="SET NULL"))
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))
    # The job that copies the lines. No key: jobs are deleted, and purchases stay.
    job_key: Mapped[int | None] = mapped_column(BigInteger, info=WITHHELD)
    kind: Mapped[PurchaseKind] = mapped_column(doc="What was bought.")
    state: Mapped[PurchaseState] = mapped_column(
        default=PurchaseState.COMPLETED, doc="Whether the buyer has it. What is PENDING is held, and not paid yet."
    )
    machine_name: Mapped[str] = mapped_column(
        Name(limits.MACHINE_NAME_LENGTH_MAX), doc="The name of the machine at that time."
    )
    price_usd: Mapped[Decimal] = mapped_column(MONEY, doc="The price in US dollars at that time.")
    licence: Mapped[str] = mapped_column(Name(limits.LICENCE_LENGTH_MAX), doc="The licence at that time.")
    licence_terms: Mapped[str] = mapped_column(
        String(limits.LICENCE_TERMS_LENGTH_MAX),
        doc="The terms of the licence at that time. They hold for this purchase.",
    )

    buyer: Mapped[User] = relationship(lazy="raise", doc="Who bought it.")
    listing: Mapped[Listing | None] = relationship(lazy="raise", doc="The offer; null once it is closed or deleted.")
    machine: Mapped[Machine | None] = relationship(
        foreign_keys=machine_id, lazy="raise", doc="The machine that was offered; null if it was deleted."
    )
    copy: Mapped[Machine | None] = relationship(
        foreign_keys=copy_id, lazy="raise", doc="The copy; null if it was deleted, or if lines were bought."
    )
    operation: Mapped[Operation | None] = relationship(
        lazy="raise", doc="The operation that paid for it; null if it is not paid yet, or was free."
    )


class ListingUsage(Record):
    """What an account asked of somebody else's machine on one day (UTC), and what it paid."""

    __tablename__ = "listing_usages"
    __owned_by__ = ("user_id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        Index("uq_listing_usages_listing_id_user_id_day", "listing_id", "user_id", "day", unique=True),
        Index(None, "user_id", "id"),
        CheckConstraint("calls_count > 0 AND lines_count > 0", name="counts"),
        CheckConstraint("price_usd >= 0 AND price_usd <> 'NaN'", name="price"),
    )

    listing_id: Mapped[int] = mapped_column(
        ForeignKey("listings.id", ondelete="CASCADE"), info=not_exported("it belongs to the caller")
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    day: Mapped[date] = mapped_column(doc="The day.")
    calls_count: Mapped[int] = mapped_column(doc="How many requests were answered.")
    lines_count: Mapped[BigInt] = mapped_column(doc="How many lines were answered.")
    price_usd: Mapped[Decimal] = mapped_column(MONEY, doc="What the answers cost in US dollars.")
    licence: Mapped[str] = mapped_column(Name(limits.LICENCE_LENGTH_MAX), doc="The licence of the last of them.")
    licence_terms: Mapped[str] = mapped_column(
        String(limits.LICENCE_TERMS_LENGTH_MAX), doc="The terms of the licence of the last of them."
    )

    listing: Mapped[Listing] = relationship(lazy="raise", doc="The offer; null for those who do not see it any more.")
    user: Mapped[User] = relationship(lazy="raise", doc="Who asked.")


class ListingReview(Record):
    """What somebody who bought an offer says of it: one review for each account and offer."""

    __tablename__ = "listing_reviews"
    __owned_by__ = ("user_id",)
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        Index(
            "uq_listing_reviews_listing_id_user_id",
            "listing_id",
            "user_id",
            unique=True,
            info={"conflict": "Your review is being written already. Try again."},
        ),
        Index(None, "listing_id", "id"),
        Index(None, "user_id", "id"),
        CheckConstraint(
            f"stars BETWEEN {limits.REVIEW_STARS_MIN} AND {limits.REVIEW_STARS_MAX}",
            name="stars",
        ),
    )

    listing_id: Mapped[int] = mapped_column(
        ForeignKey("listings.id", ondelete="CASCADE"), info=not_exported("it belongs to who wrote it")
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    stars: Mapped[int] = mapped_column(
        SmallInteger, doc=f"The stars, from {limits.REVIEW_STARS_MIN} to {limits.REVIEW_STARS_MAX}."
    )
    comment: Mapped[str] = mapped_column(
        String(limits.REVIEW_LENGTH_MAX), default="", server_default="", doc="The review in words; empty for none."
    )
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"), doc="When it was last changed.")

    listing: Mapped[Listing] = relationship(back_populates="reviews", lazy="raise", doc="The offer.")
    user: Mapped[User] = relationship(lazy="raise", doc="Who wrote it; null for those who do not see the account.")
