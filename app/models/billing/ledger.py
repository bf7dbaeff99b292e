"""The ledger: accounts, operations and entries. Triggers of the database keep it right, whoever writes."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    FetchedValue,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits.billing import AMOUNT_DECIMALS, AMOUNT_DIGITS, REASON_LENGTH_MAX, SUBJECT_TYPE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import APPEND_ONLY, WITHHELD, Record
from app.models.kinds.billing import BillingNotification

MONEY = Numeric(AMOUNT_DIGITS, AMOUNT_DECIMALS)


class Currency(Enum):
    """US dollars, the EAML tokens that pay for work, and coupons, each of which pays for work like one token.

    USD: US dollars.
    EAML: Tokens that pay for work.
    COUPON: Coupons; each pays for work like one token.
    """

    USD = "USD"
    EAML = "EAML"
    COUPON = "COUPON"


class AccountKind(Enum):
    """What an account of the ledger is for. Users have wallets and grants; the others are the platform's."""

    WALLET = "WALLET"
    GRANT = "GRANT"
    ESCROW = "ESCROW"
    REVENUE = "REVENUE"
    COMMISSION = "COMMISSION"
    EXTERNAL = "EXTERNAL"
    CONVERSION = "CONVERSION"
    PROMOTION = "PROMOTION"
    ADJUSTMENT = "ADJUSTMENT"


class OperationKind(Enum):
    """The nine kinds of operations. Every operation has exactly one.

    TRAINING: A training.
    SOLVING: Answers, predictions and other work with a trained model.
    SOLVING_WITH_API: Answers through the API of the own machine.
    SOLVING_WITH_API_MARKET: Answers through the API of a machine on the market.
    BUY_DATA_SOURCE: The right to read the lines of a machine.
    MACHINE_COPY: A copy of a machine.
    MACHINE_COPY_UPDATE: An update of a copy.
    CREDIT_FROM_USER: Money that comes in: a top-up, a grant, an adjustment.
    PAY_A_BILL: Money that goes: storage, consulting, tokens, a returned top-up, the end of a grant.
    """

    TRAINING = "TRAINING"
    SOLVING = "SOLVING"
    SOLVING_WITH_API = "SOLVING_WITH_API"
    SOLVING_WITH_API_MARKET = "SOLVING_WITH_API_MARKET"
    BUY_DATA_SOURCE = "BUY_DATA_SOURCE"
    MACHINE_COPY = "MACHINE_COPY"
    MACHINE_COPY_UPDATE = "MACHINE_COPY_UPDATE"
    CREDIT_FROM_USER = "CREDIT_FROM_USER"
    PAY_A_BILL = "PAY_A_BILL"


class OperationCause(Enum):
    """What exactly was paid for, or why money came or went.

    TRAINING: A training of a model.
    PREDICTION: A prediction.
    AI_JOB: An AI job on media.
    SPECIES_TRAINING: A training of a species classifier.
    MACHINE_TRAINING: A training of a machine.
    MACHINE_SOLVING: Answers of a machine.
    MACHINE_SOLVING_API: Answers of a machine through its API.
    MARKET_SOLVING: Answers of a machine on the market.
    LINES_STORAGE: Storage of a machine's lines.
    DATA_SOURCE: The right to read the lines of a machine.
    MACHINE_COPY: A copy of a machine.
    MACHINE_COPY_UPDATE: An update of a copy.
    CONSULTING: Consulting.
    TOP_UP: A top-up.
    TOP_UP_RETURNED: A top-up that was refunded or disputed.
    TOKENS: An exchange of dollars for tokens.
    GRANT: A grant by staff.
    GRANT_ENDED: A grant that ended.
    ADJUSTMENT: An adjustment by staff.
    """

    TRAINING = "TRAINING"
    PREDICTION = "PREDICTION"
    AI_JOB = "AI_JOB"
    SPECIES_TRAINING = "SPECIES_TRAINING"
    MACHINE_TRAINING = "MACHINE_TRAINING"
    MACHINE_SOLVING = "MACHINE_SOLVING"
    MACHINE_SOLVING_API = "MACHINE_SOLVING_API"
    MARKET_SOLVING = "MARKET_SOLVING"
    LINES_STORAGE = "LINES_STORAGE"
    DATA_SOURCE = "DATA_SOURCE"
    MACHINE_COPY = "MACHINE_COPY"
    MACHINE_COPY_UPDATE = "MACHINE_COPY_UPDATE"
    CONSULTING = "CONSULTING"
    TOP_UP = "TOP_UP"
    TOP_UP_RETURNED = "TOP_UP_RETURNED"
    TOKENS = "TOKENS"
    GRANT = "GRANT"
    GRANT_ENDED = "GRANT_ENDED"
    ADJUSTMENT = "ADJUSTMENT"


class LedgerAccount(Record):
    """An account of the ledger. Triggers keep its balance and count; nothing else can change them."""

    __tablename__ = "ledger_accounts"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint(
            "balance >= 0 OR kind IN ('EXTERNAL', 'CONVERSION', 'PROMOTION', 'ADJUSTMENT')",
            name="balance",
            info={"conflict": "The balance is too low for this. Nothing was moved."},
        ),
        CheckConstraint("(user_id IS NOT NULL) = (kind IN ('WALLET', 'GRANT', 'ESCROW'))", name="owner"),
        CheckConstraint(
            "(currency <> 'COUPON' OR kind IN ('GRANT', 'PROMOTION', 'REVENUE')) "
            "AND (currency <> 'USD' OR kind <> 'GRANT')",
            name="coupon",
        ),
        Index(
            "uq_ledger_accounts_wallet",
            "user_id",
            "currency",
            "stripe",
            unique=True,
            postgresql_where=text("kind = 'WALLET'"),
        ),
        Index(
            "uq_ledger_accounts_platform",
            "kind",
            "currency",
            "stripe",
            unique=True,
            postgresql_where=text("user_id IS NULL"),
        ),
        Index(None, "user_id", "id"),
        APPEND_ONLY,
    )

    kind: Mapped[AccountKind] = mapped_column(doc="What the account is for.")
    currency: Mapped[Currency] = mapped_column(doc="The currency.")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    # Every operation touches an account of the platform: each is divided, and an operation takes any part of it. Busy
    # wallets are divided, too: 0 is the first part of a wallet, and the only one of most.
    stripe: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    balance: Mapped[Decimal] = mapped_column(MONEY, server_default=text("0"), doc="The sum of its entries.")
    entries_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), doc="The number of its entries.")
    # The time of its last entry: those of one account have times in their order, whatever the clock does.
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now(), info=WITHHELD)


class Operation(Record):
    """Something that moved money: at least two entries, whose changes add up to zero in each currency."""

    __tablename__ = "operations"
    __owned_by__ = ("operation_user_id", "owner_user_id")
    __notified_as__ = BillingNotification.BILLING
    __table_args__ = (
        UniqueConstraint("uuid"),
        UniqueConstraint(
            "reverses_id", info={"conflict": "This operation is already reversed. It can be reversed once."}
        ),
        CheckConstraint("count_of_lines >= 0", name="count_of_lines"),
        CheckConstraint("count_of_training_epoch >= 0", name="count_of_training_epoch"),
        CheckConstraint("reverses_id <> id", name="reverses"),
        Index("uq_operations_job", "job_key", unique=True, postgresql_where=text("reverses_id IS NULL")),
        Index(None, "operation_user_id", "id"),
        Index(None, "owner_user_id", "id"),
        APPEND_ONLY,
    )

    uuid: Mapped[UUID] = mapped_column(default=uuid4, doc="The UUID of the operation.")
    kind: Mapped[OperationKind] = mapped_column(doc="The kind, one of nine.")
    cause: Mapped[OperationCause] = mapped_column(doc="What exactly was paid for.")
    operation_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    owner_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))
    reason: Mapped[str | None] = mapped_column(
        String(REASON_LENGTH_MAX), doc="The reason, where a person decided: adjustments, grants and reversals."
    )
    count_of_lines: Mapped[int | None] = mapped_column(doc="How many lines, tiles or media were paid for.")
    count_of_training_epoch: Mapped[int | None] = mapped_column(doc="How many epochs the training had.")
    # What was paid for. No key: jobs and rows are deleted, and what was paid stays.
    subject_type: Mapped[str | None] = mapped_column(String(SUBJECT_TYPE_LENGTH_MAX))
    subject_key: Mapped[int | None] = mapped_column(BigInteger)
    job_key: Mapped[int | None] = mapped_column(BigInteger, info=WITHHELD)
    # Its transaction, by which a trigger knows that entries belong to it; nobody can add any later.
    xid: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue(), info=WITHHELD)

    operation_user: Mapped[User | None] = relationship(
        foreign_keys=operation_user_id, lazy="raise", doc="The user who did it."
    )
    owner_user: Mapped[User | None] = relationship(
        foreign_keys=owner_user_id, lazy="raise", doc="The user who owns what was used or bought."
    )
    reverses: Mapped["Operation | None"] = relationship(
        remote_side="Operation.id", lazy="raise", doc="The operation that this one reverses."
    )
    entries: Mapped[list["LedgerEntry"]] = relationship(
        back_populates="operation", lazy="raise", doc="The entries, as far as the viewer may see them."
    )

    @property
    def is_training_operation(self) -> bool:
        """Whether a training was paid."""
        return self.kind is OperationKind.TRAINING

    @property
    def is_solving_operation(self) -> bool:
        """Whether the owner paid for predictions."""
        return self.kind is OperationKind.SOLVING

    @property
    def is_solving_with_api_operation(self) -> bool:
        """Whether predictions by API on one's own machine were paid."""
        return self.kind is OperationKind.SOLVING_WITH_API

    @property
    def is_solving_with_api_market_operation(self) -> bool:
        """Whether predictions by API on somebody else's machine were paid."""
        return self.kind is OperationKind.SOLVING_WITH_API_MARKET

    @property
    def is_buy_data_source_operation(self) -> bool:
        """Whether data were bought."""
        return self.kind is OperationKind.BUY_DATA_SOURCE

    @property
    def is_machine_copy_operation(self) -> bool:
        """Whether a copy of a machine was bought."""
        return self.kind is OperationKind.MACHINE_COPY

    @property
    def is_machine_copy_update_operation(self) -> bool:
        """Whether an update of a copy was bought."""
        return self.kind is OperationKind.MACHINE_COPY_UPDATE

    @property
    def is_credit_from_user_operation(self) -> bool:
        """Whether money came to a user's balance: a top-up, a grant or an adjustment."""
        return self.kind is OperationKind.CREDIT_FROM_USER

    @property
    def is_pay_a_bill_operation(self) -> bool:
        """Whether a bill was paid, or money left a user's balance otherwise."""
        return self.kind is OperationKind.PAY_A_BILL


class EntryType(Enum):
    """Which of the types of entries shows an entry."""

    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
    CREDIT_IXIOO = "CREDIT_IXIOO"
    DEBIT_IXIOO = "DEBIT_IXIOO"
    CREDIT_COUPON = "CREDIT_COUPON"
    DEBIT_COUPON = "DEBIT_COUPON"
    PLATFORM = "PLATFORM"


class LedgerEntry(Record):
    """One entry of an operation. Entries are never changed or removed."""

    __tablename__ = "ledger_entries"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        CheckConstraint("change <> 0 AND change <> 'NaN'", name="change"),
        UniqueConstraint("account_id", "position"),
        Index(None, "operation_id", "id"),
        Index(None, "user_id", "entry_type", "id"),
        Index(None, "user_id", "currency", "created_at", "id"),
        APPEND_ONLY,
    )
    __mapper_args__ = {"polymorphic_on": "entry_type", "polymorphic_abstract": True}  # noqa: RUF012

    operation_id: Mapped[int] = mapped_column(ForeignKey("operations.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("ledger_accounts.id"))
    change: Mapped[Decimal] = mapped_column(MONEY, doc="What it adds to the balance; negative if it takes.")
    amount: Mapped[Decimal] = mapped_column(
        MONEY, Computed("abs(change)", persisted=True), doc="The amount, always positive; the type says the direction."
    )
    # The trigger that adds the entry to its account fills these, whatever was given.
    position: Mapped[int] = mapped_column(
        BigInteger, server_default=FetchedValue(), doc="Its place in the order of the account, from 1 without gaps."
    )
    balance: Mapped[Decimal] = mapped_column(
        MONEY, server_default=FetchedValue(), doc="The balance of the account after it."
    )
    currency: Mapped[Currency] = mapped_column(server_default=FetchedValue(), doc="The currency.")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), server_default=FetchedValue())
    entry_type: Mapped[EntryType] = mapped_column(server_default=FetchedValue())

    operation: Mapped[Operation] = relationship(back_populates="entries", lazy="raise", doc="The operation.")
    account: Mapped[LedgerAccount] = relationship(lazy="raise", doc="The account.")
    user: Mapped[User | None] = relationship(lazy="raise", doc="The owner of the account; null for the platform.")

    @property
    def date_time(self) -> datetime:
        """When it was posted."""
        return self.created_at


class Credit(LedgerEntry):
    """US dollars that came to a user's balance."""

    __mapper_args__ = {"polymorphic_identity": EntryType.CREDIT}  # noqa: RUF012


class Debit(LedgerEntry):
    """US dollars that left a user's balance."""

    __mapper_args__ = {"polymorphic_identity": EntryType.DEBIT}  # noqa: RUF012


class CreditIXIOO(LedgerEntry):
    """EAML tokens that came to a user's balance."""

    __mapper_args__ = {"polymorphic_identity": EntryType.CREDIT_IXIOO}  # noqa: RUF012


class DebitIXIOO(LedgerEntry):
    """EAML tokens that left a user's balance."""

    __mapper_args__ = {"polymorphic_identity": EntryType.DEBIT_IXIOO}  # noqa: RUF012


class CreditCoupon(LedgerEntry):
    """Coupons of a user."""

    __mapper_args__ = {"polymorphic_identity": EntryType.CREDIT_COUPON}  # noqa: RUF012


class DebitCoupon(LedgerEntry):
    """Coupons that a user spent, or that ended."""

    __mapper_args__ = {"polymorphic_identity": EntryType.DEBIT_COUPON}  # noqa: RUF012


class PlatformEntry(LedgerEntry):
    """An entry of an account of the platform. Only staff see it."""

    __mapper_args__ = {"polymorphic_identity": EntryType.PLATFORM}  # noqa: RUF012
