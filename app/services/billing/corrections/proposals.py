"""Proposals: what one of the staff proposes, another one posts or rejects."""

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import func, select

from app.database import WriteSession
from app.errors import Conflict, Forbidden, NotFound
from app.models.billing.adjustments import AdjustmentState, Proposal
from app.models.billing.ledger import Operation
from app.policies import Viewer, is_viewer, require, signed_in
from app.policies.billing import may_move_money_of_users

P = TypeVar("P", bound=Proposal)


async def locked(session: WriteSession, viewer: Viewer, kind: type[P], id: int) -> P:
    """A proposal that waits for a decision, locked until the transaction ends."""
    require(may_move_money_of_users, viewer, None)
    sought = select(kind).where(kind.id == id).with_for_update()
    made = await session.scalar(sought.execution_options(populate_existing=True))
    name = kind.__name__.lower()
    if made is None:
        raise NotFound(f"There is no such {name}.")
    if made.state is not AdjustmentState.PROPOSED:
        raise Conflict(f"This {name} is {made.state.value} already.")
    return made


def require_another(viewer: Viewer, made: Proposal, user_ids: Collection[int]) -> None:
    """Forbidden for who proposed it, and for those whose money it moves."""
    name = type(made).__name__.lower()
    if is_viewer(viewer, made.proposed_by_id):
        raise Forbidden(f"You proposed this {name}. Somebody else of the staff has to post it.")
    if any(is_viewer(viewer, user_id) for user_id in user_ids):
        raise Forbidden(f"This {name} is about your own balance. Somebody else of the staff has to post it.")


async def mark_posted(session: WriteSession, viewer: Viewer, made: Proposal, operation: Operation) -> None:
    """Marks it as posted by the viewer, by an operation."""
    made.operation_id = operation.id
    await _decide(session, viewer, made, AdjustmentState.POSTED)


async def mark_rejected(session: WriteSession, viewer: Viewer, made: Proposal) -> None:
    """Marks it as rejected by the viewer."""
    await _decide(session, viewer, made, AdjustmentState.REJECTED)


async def _decide(session: WriteSession, viewer: Viewer, made: Proposal, state: AdjustmentState) -> None:
    made.state, made.decided_by_id = state, signed_in(viewer)
    made.decided_at = (await session.scalars(select(func.now()))).one()
    await session.flush()
