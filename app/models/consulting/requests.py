"""Consulting requests, each with its contract. Triggers of the database allow only the steps that there are."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import consulting as limits
from app.models.accounts import Team, User
from app.models.automl.machines import Machine
from app.models.base import WITHHELD, Record, not_exported
from app.models.billing.ledger import MONEY, LedgerAccount
from app.models.kinds.consulting import ConsultingNotification

if TYPE_CHECKING:
    from app.models.consulting.history import ConsultingFile, ConsultingMessage, ConsultingStep
    from app.models.consulting.proposals import ConsultingProposal

NONE = text("0")
PERCENTAGE = Numeric(7, 4)


class ConsultingCategory(Enum):
    """What help is asked for.

    DATA_ENGINEERING: Preparing data.
    MACHINE_PERFORMANCE: Making a machine more accurate.
    API_INTEGRATION: Connecting a program to the API.
    OTHER: Something else.
    """

    DATA_ENGINEERING = "DATA_ENGINEERING"
    MACHINE_PERFORMANCE = "MACHINE_PERFORMANCE"
    API_INTEGRATION = "API_INTEGRATION"
    OTHER = "OTHER"


CODES = {category: str(number) for number, category in enumerate(ConsultingCategory, 1)}


class ConsultingState(Enum):
    """How far a request is. FINISHED, FAILED and CANCELLED are final; from CONTRACT to DISPUTED money is in escrow.

    OPEN: Consultants can make proposals.
    PROPOSED: There are proposals to choose from.
    CONTRACT: A consultant is at work.
    SUBMITTED: The work waits for the client's approval.
    CHANGES_WANTED: The client asked for changes.
    DISPUTED: Staff will decide.
    FINISHED: The work was approved or settled.
    FAILED: The contract failed.
    CANCELLED: The request was cancelled.
    """

    OPEN = "OPEN"
    PROPOSED = "PROPOSED"
    CONTRACT = "CONTRACT"
    SUBMITTED = "SUBMITTED"
    CHANGES_WANTED = "CHANGES_WANTED"
    DISPUTED = "DISPUTED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


BEFORE_CONTRACT = (ConsultingState.OPEN, ConsultingState.PROPOSED)
AT_WORK = (ConsultingState.CONTRACT, ConsultingState.CHANGES_WANTED)
UNDER_CONTRACT = (*AT_WORK, ConsultingState.SUBMITTED, ConsultingState.DISPUTED)


class ConsultingRequest(Record):
    """A request for help by a consultant, and the contract that comes of it. Its price is held in escrow."""

    __tablename__ = "consulting_requests"
    __owned_by__ = ("user_id", "consultant_user_id")
    __notified_as__ = ConsultingNotification.CONSULTING
    __table_args__ = (
        CheckConstraint("amount_usd > 0 AND amount_usd <> 'NaN'", name="amount_usd"),
        CheckConstraint("budget_estimation > 0 AND budget_estimation <> 'NaN'", name="budget_estimation"),
        CheckConstraint(f"delay_days BETWEEN 1 AND {limits.CONSULTING_DELAY_DAYS_MAX}", name="delay_days"),
        CheckConstraint(
            "released_usd >= 0 AND refunded_usd >= 0 AND released_usd + refunded_usd <= coalesce(amount_usd, 0)",
            name="paid",
        ),
        CheckConstraint("commission_usd BETWEEN 0 AND released_usd", name="commission_usd"),
        CheckConstraint("settlement_usd >= 0 AND settlement_usd <> 'NaN'", name="settlement_usd"),
        CheckConstraint("consultant_user_id <> user_id", name="others"),
        CheckConstraint(
            "(state IN ('CONTRACT', 'SUBMITTED', 'CHANGES_WANTED', 'DISPUTED')) = (due_at IS NOT NULL)", name="due_at"
        ),
        CheckConstraint(
            "state NOT IN ('CONTRACT', 'SUBMITTED', 'CHANGES_WANTED', 'DISPUTED', 'FINISHED', 'FAILED') OR "
            "(amount_usd IS NOT NULL AND delay_days IS NOT NULL AND consultant_user_id IS NOT NULL "
            "AND escrow_account_id IS NOT NULL AND contract_start_date_time IS NOT NULL)",
            name="contract",
        ),
        CheckConstraint("state <> 'SUBMITTED' OR is_submitted", name="submitted"),
        CheckConstraint("state NOT IN ('CONTRACT', 'CHANGES_WANTED') OR NOT is_submitted", name="not_submitted"),
        UniqueConstraint("escrow_account_id"),
        Index(None, "user_id", "id"),
        Index(None, "consultant_user_id", "id"),
        Index(None, "team_id", "id"),
        Index(None, "machine_id"),
        Index(None, "settlement_user_id"),
        Index(None, "state", "id"),
        Index("ix_consulting_requests_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    # A contract outlives the team and the machine that it is about: money is held for it.
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    machine_id: Mapped[int | None] = mapped_column(ForeignKey("machines.id", ondelete="SET NULL"))
    consultant_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    category: Mapped[ConsultingCategory] = mapped_column(doc="What help is asked for.")
    description: Mapped[str] = mapped_column(
        String(limits.CONSULTING_TEXT_LENGTH_MAX), doc="What is to be done, as the client describes it."
    )
    budget_estimation: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="About how many US dollars the client wants to spend. Nothing is held for it."
    )
    state: Mapped[ConsultingState] = mapped_column(default=ConsultingState.OPEN)
    amount_usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="The price in US dollars, as the accepted proposal has it; null before a contract."
    )
    delay_days: Mapped[int | None] = mapped_column(doc="How many days the work may take; null before a contract.")
    waiting_consultant_approval_date_time: Mapped[datetime | None] = mapped_column(
        doc="When the first proposal was made; null if there was none."
    )
    contract_start_date_time: Mapped[datetime | None] = mapped_column(
        doc="When the client accepted a proposal; null before that."
    )
    contract_end_date_time: Mapped[datetime | None] = mapped_column(
        doc="When the work should be done: `delayDays` after the start. Null before a contract."
    )
    ended_at: Mapped[datetime | None] = mapped_column(doc="When it came to its final state; null before that.")
    due_at: Mapped[datetime | None] = mapped_column(
        doc="The deadline of the contract. If nobody acts before it, submitted work counts as approved, and what is "
        "held for other work returns to the client. Null without a contract."
    )
    # Whether work is submitted and not sent back, also while there is a dispute about it: then the deadline pays.
    is_submitted: Mapped[bool] = mapped_column(default=False, server_default=text("false"), info=WITHHELD)
    commission_percentage: Mapped[Decimal | None] = mapped_column(
        PERCENTAGE,
        doc="What the platform keeps of each payment to the consultant, in percent; set with the contract.",
    )
    released_usd: Mapped[Decimal] = mapped_column(
        MONEY,
        default=Decimal(0),
        server_default=NONE,
        doc="How much was paid out of escrow so far, commission included.",
    )
    commission_usd: Mapped[Decimal] = mapped_column(
        MONEY, default=Decimal(0), server_default=NONE, doc="How much of that the platform kept."
    )
    refunded_usd: Mapped[Decimal] = mapped_column(
        MONEY, default=Decimal(0), server_default=NONE, doc="How much returned to the client."
    )
    settlement_usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="The offered settlement: how much of what is in escrow the consultant would get. Null for no offer."
    )
    settlement_user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id"), info=not_exported("the request belongs to both of its parties already")
    )
    escrow_account_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_accounts.id"), info=WITHHELD)

    user: Mapped[User | None] = relationship(
        foreign_keys=user_id, lazy="raise", doc="The client, who pays; null if the account was deleted."
    )
    team: Mapped[Team | None] = relationship(lazy="raise", doc="The team it is for; its members see it and take part.")
    machine: Mapped[Machine | None] = relationship(lazy="raise", doc="The machine it is about.")
    consultant_user: Mapped[User | None] = relationship(
        foreign_keys=consultant_user_id, lazy="raise", doc="The consultant; null before a contract."
    )
    settlement_user: Mapped[User | None] = relationship(
        foreign_keys=settlement_user_id, lazy="raise", doc="Who offered the settlement; null for no offer."
    )
    escrow_account: Mapped[LedgerAccount | None] = relationship(lazy="raise")
    proposals: Mapped[list["ConsultingProposal"]] = relationship(
        back_populates="request", lazy="raise", doc="The proposals, as far as the viewer may see them."
    )
    messages: Mapped[list["ConsultingMessage"]] = relationship(
        back_populates="request", lazy="raise", doc="The messages of those who take part; for nobody else."
    )
    files: Mapped[list["ConsultingFile"]] = relationship(
        back_populates="request", lazy="raise", doc="The files that belong to it."
    )
    steps: Mapped[list["ConsultingStep"]] = relationship(
        back_populates="request", lazy="raise", doc="Its history, for those who take part."
    )

    @property
    def category_code(self) -> str:
        """The category as a digit, from 1 to 4, as former clients know it."""
        return CODES[self.category]

    @property
    def date_time_creation(self) -> datetime:
        """When it was created."""
        return self.created_at
