"""The former table of bills, as a view over operations and their entries."""

from datetime import date as day
from decimal import Decimal

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import User
from app.models.base import VIEW, Record, not_exported
from app.models.billing.ledger import MONEY

SHOWN_BY_OPERATIONS = not_exported("a view: operations are exported themselves")


class Billing(Record):
    """An operation as the former table of bills showed it. Read-only; use `Operation` for new clients."""

    __tablename__ = "billings"
    __table_args__ = (VIEW,)

    date: Mapped[day] = mapped_column(doc="The day.")
    machine_owner_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), info=SHOWN_BY_OPERATIONS)
    operation_user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), info=SHOWN_BY_OPERATIONS)
    operation_is_training: Mapped[bool | None] = mapped_column(doc="True for trainings, otherwise null.")
    count_of_lines_training: Mapped[int | None] = mapped_column(doc="How many lines were learned from.")
    count_of_training_epoch: Mapped[int | None] = mapped_column(doc="How many epochs the training had.")
    training_cost_machine_usd: Mapped[Decimal | None] = mapped_column(MONEY, doc="What the training cost.")
    operation_is_solving: Mapped[bool | None] = mapped_column(doc="True for predictions, otherwise null.")
    count_of_lines_solved_owner: Mapped[int | None] = mapped_column(doc="How many lines the owner solved.")
    solving_cost_machine_usd: Mapped[Decimal | None] = mapped_column(MONEY, doc="What the predictions cost.")
    operation_is_solving_api: Mapped[bool | None] = mapped_column(doc="True for predictions by API, otherwise null.")
    count_of_lines_solved_api: Mapped[int | None] = mapped_column(doc="How many lines were solved by API.")
    solving_api_income_usd: Mapped[Decimal | None] = mapped_column(MONEY, doc="What the owner earned by API.")
    solving_cost_machine_api_total_usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="What the caller paid for predictions by API."
    )
    operation_is_buy_data_source: Mapped[bool | None] = mapped_column(doc="True if data were bought, otherwise null.")
    machine_buy_data_source_income_usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="What the owner earned from the data."
    )
    operation_is_machine_copy: Mapped[bool | None] = mapped_column(doc="True if a copy was bought, otherwise null.")
    machine_copy_cost_income_usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="What the owner earned from the copy."
    )
    operation_is_machine_copy_update: Mapped[bool | None] = mapped_column(
        doc="True if an update of a copy was bought, otherwise null."
    )
    machine_copy_update_income_usd: Mapped[Decimal | None] = mapped_column(
        MONEY, doc="What the owner earned from the update."
    )
    credit_from_ixioo: Mapped[Decimal | None] = mapped_column(MONEY, doc="What the platform gave: grants.")
    credit_from_user: Mapped[Decimal | None] = mapped_column(MONEY, doc="What the user paid in.")

    machine_owner_user: Mapped[User | None] = relationship(
        foreign_keys=machine_owner_user_id, lazy="raise", doc="The user who owns what was used or bought."
    )
    operation_user: Mapped[User | None] = relationship(
        foreign_keys=operation_user_id, lazy="raise", doc="The user who did it."
    )
