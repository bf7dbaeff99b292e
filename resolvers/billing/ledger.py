"""Operations, entries and balances."""

from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import strawberry
from sqlalchemy import Select

from app.models.accounts import User
from app.models.base import Record
from app.models.billing.ledger import (
    Credit,
    CreditIXIOO,
    Debit,
    DebitIXIOO,
    LedgerEntry,
    Operation,
    OperationCause,
    OperationKind,
)
from app.models.billing.legacy import Billing
from app.policies import is_viewer, names_viewer, signed_in, visible
from app.policies.billing import may_see_balances_of
from app.services.billing import sales
from app.services.billing.balances import Balances, balances_of
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.system.nodes import SHOWN
from resolvers.time_ranges import created_within

E = TypeVar("E", bound=LedgerEntry)


async def subject(root: strawberry.Parent[Operation], info: Info) -> RowOrReference[Record] | None:
    """What was paid for; null if it was deleted or the viewer may not see it."""
    model = SHOWN.get(root.subject_type or "")
    return None if model is None or root.subject_key is None else await info.context.load.one(model, root.subject_key)


async def operation_user(root: strawberry.Parent[Operation], info: Info) -> RowOrReference[User] | None:
    """The user who did it; null for the seller of what was bought in the market."""
    is_hidden = root.cause in sales.CAUSES and not _may_know(info, root.operation_user_id)
    return await _user(info, None if is_hidden else root.operation_user_id)


async def billing_user(root: strawberry.Parent[Billing], info: Info) -> RowOrReference[User] | None:
    """The user who did it; null for the seller of what was bought in the market."""
    is_sale = (
        root.operation_is_buy_data_source or root.operation_is_machine_copy or root.operation_is_machine_copy_update
    )
    is_hidden = (is_sale or root.operation_is_solving_api) and not _may_know(info, root.operation_user_id)
    return await _user(info, None if is_hidden else root.operation_user_id)


def _may_know(info: Info, user_id: int | None) -> bool:
    return info.context.viewer.is_staff or is_viewer(info.context.viewer, user_id)


async def _user(info: Info, user_id: int | None) -> RowOrReference[User] | None:
    return None if user_id is None else await info.context.load.one(User, user_id)


async def _balances(user: User, info: Info) -> Balances | None:
    if not may_see_balances_of(info.context.viewer, user):
        return None
    balances: Balances = await info.context.load.about(balances_of, user.id)
    return balances


async def user_balance(root: strawberry.Parent[User], info: Info) -> Decimal | None:
    """The balance in US dollars. Null unless the viewer is the owner or staff."""
    balances = await _balances(root, info)
    return None if balances is None else balances.usd


async def user_ixioo_balance(root: strawberry.Parent[User], info: Info) -> Decimal | None:
    """The balance in EAML tokens, which pay for work. Null unless the viewer is the owner or staff."""
    balances = await _balances(root, info)
    return None if balances is None else balances.eaml


async def coupon_balance(root: strawberry.Parent[User], info: Info) -> Decimal | None:
    """What is left of coupons; each pays for work like one token. Null unless the viewer is the owner or staff."""
    balances = await _balances(root, info)
    return None if balances is None else balances.coupon


def operations(
    info: Info,
    kind: OperationKind | None = None,
    cause: OperationCause | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[Operation]:
    """What moved the viewer's money, newest first; for staff, all operations.

    kind: Only operations of this kind.
    cause: Only operations with this cause.
    since: Only operations at or after this time.
    until: Only operations before this time.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(Operation, viewer)
    if kind is not None:
        query = query.where(Operation.kind == kind)
    if cause is not None:
        query = query.where(Operation.cause == cause)
    return created_within(query, Operation, since, until)


def credits(info: Info, since: datetime | None = None, until: datetime | None = None) -> Select[Credit]:
    """US dollars that came to the viewer's balance, newest first.

    since: Only entries at or after this time.
    until: Only entries before this time.
    """
    return _entries(info, Credit, since, until)


def debits(info: Info, since: datetime | None = None, until: datetime | None = None) -> Select[Debit]:
    """US dollars that left the viewer's balance, newest first.

    since: Only entries at or after this time.
    until: Only entries before this time.
    """
    return _entries(info, Debit, since, until)


def credits_ixioo(info: Info, since: datetime | None = None, until: datetime | None = None) -> Select[CreditIXIOO]:
    """EAML tokens that came to the viewer's balance, newest first.

    since: Only entries at or after this time.
    until: Only entries before this time.
    """
    return _entries(info, CreditIXIOO, since, until)


def debits_ixioo(info: Info, since: datetime | None = None, until: datetime | None = None) -> Select[DebitIXIOO]:
    """EAML tokens that left the viewer's balance, newest first.

    since: Only entries at or after this time.
    until: Only entries before this time.
    """
    return _entries(info, DebitIXIOO, since, until)


def _entries(info: Info, kind: type[E], since: datetime | None, until: datetime | None) -> Select[E]:
    viewer = info.context.viewer
    signed_in(viewer)
    own = visible(kind, viewer).where(names_viewer(viewer, kind.user_id))
    return created_within(own, kind, since, until)


def billings(info: Info) -> Select[Billing]:
    """What the viewer did and earned, as the former table of bills showed it, newest first; for staff, all."""
    signed_in(info.context.viewer)
    return visible(Billing, info.context.viewer)
