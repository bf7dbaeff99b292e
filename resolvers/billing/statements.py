"""Statements, and balances as of an instant."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import strawberry

from app.models.accounts import User
from app.models.billing.ledger import Currency
from app.services.billing import statement_files, statements
from app.services.billing.statement_files import StatementFormat
from app.services.billing.statements import Line, Statement
from resolvers import ids
from resolvers.context import Info


async def statement(
    info: Info, currency: Currency, since: datetime, until: datetime, user_id: strawberry.ID | None = None
) -> Statement:
    """The viewer's statement of a period. Statements of parts of a period add up to that of the whole.

    currency: The currency.
    since: From this instant on.
    until: Before this instant. What is posted later is not part of it.
    user_id: Whose; by default the viewer's. Staff may see another's, and each look is recorded in the audit log.
    """
    key = None if user_id is None else ids.key(user_id, User)
    # It may record that staff look at it.
    async with info.context.database.writing() as session:
        return await statements.of_viewer(
            session, info.context.viewer, user_id=key, currency=currency, since=since, until=until
        )


async def balance_at(info: Info, currency: Currency, at: datetime, user_id: strawberry.ID | None = None) -> Decimal:
    """What the viewer had before an instant.

    currency: The currency.
    at: The instant; what was posted at it or later does not count.
    user_id: Whose; by default the viewer's. Staff may see another's, and each look is recorded in the audit log.
    """
    key = None if user_id is None else ids.key(user_id, User)
    async with info.context.database.writing() as session:
        return await statements.balance_of_viewer(session, info.context.viewer, user_id=key, currency=currency, at=at)


def file(root: strawberry.Parent[Statement], format: StatementFormat) -> str:
    """The statement as a file.

    format: CSV, BEANCOUNT, CAMT053 (US dollars only), or INVOICE, a page in HTML.
    """
    return statement_files.render(root, format)


def lines(root: strawberry.Parent[Statement]) -> Sequence[Line]:
    """The lines, oldest first."""
    return root.lines
