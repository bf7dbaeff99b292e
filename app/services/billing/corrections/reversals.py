"""Reversals: the opposite of an operation, which one of the staff proposes and another one posts.

A reversal moves money alone: what was trained, answered or bought stays. Money that something else keeps an account of
is moved there, or the two would disagree; what is only held is no operation, and returns by itself.
"""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import func, select, update

from app import checks
from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.limits.billing import REASON_LENGTH_MAX
from app.models.billing.adjustments import Reversal
from app.models.billing.grants import Grant
from app.models.billing.ledger import LedgerEntry, Operation, OperationCause
from app.policies import Viewer, require, signed_in, visible
from app.policies.billing import may_move_money_of_users
from app.services.billing import amounts, ledger
from app.services.billing.corrections import proposals
from app.services.billing.promotions.grants import open_account_of
from app.services.system import audit, notifications

ELSEWHERE = {
    OperationCause.CONSULTING: "The contract says what is in escrow, paid and returned. Decide its dispute instead.",
    OperationCause.GRANT: "End the grant instead.",
    OperationCause.GRANT_ENDED: "Give a new grant instead.",
    OperationCause.TOP_UP_RETURNED: "The payment provider returned this payment. Propose an adjustment instead.",
}
BY_CARD = "This top-up was paid by card. Refund it with the payment provider: the balance follows."


async def propose(session: WriteSession, viewer: Viewer, operation_id: int, *, reason: str) -> Reversal:
    """Proposes to reverse an operation. Nothing is moved yet."""
    require(may_move_money_of_users, viewer, None)
    operation = await session.scalar(visible(Operation, viewer).where(Operation.id == operation_id))
    if operation is None:
        raise NotFound("There is no such operation.")
    reason = checks.text("reason", reason, length_max=REASON_LENGTH_MAX, is_one_line=False)
    await ledger.require_reversible(session, operation)
    _require_kept_here(operation)
    user_ids = await _owners(session, viewer, operation)
    made = Reversal(reverses_id=operation.id, proposed_by_id=signed_in(viewer), reason=reason)
    session.add(made)
    await session.flush()
    _record(session, viewer, "proposeReversal", made, user_ids)
    return made


async def post(session: WriteSession, viewer: Viewer, reversal_id: int) -> Reversal:
    """Posts a reversal that somebody else proposed, and that moves nothing of one's own.

    InsufficientFunds if somebody has less left than they got.
    """
    made = await proposals.locked(session, viewer, Reversal, reversal_id)
    user_ids = await _owners(session, viewer, await session.get_one(Operation, made.reverses_id))
    proposals.require_another(viewer, made, user_ids)
    operation = await ledger.reverse(session, made.reverses_id, actor_id=signed_in(viewer), reason=made.reason)
    await _let_grants_end_again(session, operation)
    await proposals.mark_posted(session, viewer, made, operation)
    _record(session, viewer, "postReversal", made, user_ids)
    await _tell(session, operation)
    return made


async def reject(session: WriteSession, viewer: Viewer, reversal_id: int) -> Reversal:
    """Rejects a reversal, or takes back one's own proposal. Nothing is moved."""
    made = await proposals.locked(session, viewer, Reversal, reversal_id)
    await proposals.mark_rejected(session, viewer, made)
    _record(session, viewer, "rejectReversal", made, await ledger.owners(session, made.reverses_id))
    return made


def _require_kept_here(operation: Operation) -> None:
    """Conflict for money that something else keeps an account of."""
    if operation.cause is OperationCause.TOP_UP and operation.subject_key is not None:
        raise Conflict(BY_CARD)
    if (instead := ELSEWHERE.get(operation.cause)) is not None:
        raise Conflict(f"This operation cannot be reversed. {instead}")


async def _owners(session: WriteSession, viewer: Viewer, operation: Operation) -> Sequence[int]:
    """Whose money it moved; Conflict if an account was deleted."""
    user_ids = await ledger.owners(session, operation.id)
    for user_id in user_ids:
        await open_account_of(session, viewer, user_id)
    return user_ids


def _record(session: WriteSession, viewer: Viewer, action: str, made: Reversal, user_ids: Sequence[int]) -> None:
    for user_id in user_ids:
        audit.record(session, signed_in(viewer), action, about=made, user_id=user_id)


async def _let_grants_end_again(session: WriteSession, operation: Operation) -> None:
    """What returns to a grant that has ended goes with the next sweep, as everything that is left of it."""
    touched = select(LedgerEntry.account_id).where(LedgerEntry.operation_id == operation.id)
    ended = update(Grant).where(Grant.account_id.in_(touched), Grant.ended_at.is_not(None))
    await session.execute(ended.values(ended_at=None))


async def _tell(session: WriteSession, operation: Operation) -> None:
    own = LedgerEntry.operation_id == operation.id, LedgerEntry.user_id.is_not(None)
    columns = LedgerEntry.user_id, LedgerEntry.currency, func.sum(LedgerEntry.change).label("change")
    sums = select(*columns).where(*own).group_by(LedgerEntry.user_id, LedgerEntry.currency)
    changes: dict[int, list[str]] = defaultdict(list)
    for row in await session.execute(sums.order_by(LedgerEntry.user_id, LedgerEntry.currency)):
        changes[row.user_id].append(f"{amounts.written(row.change)} {row.currency.value}")
    for user_id, moved in changes.items():
        message = f"An operation was reversed, which adds {' and '.join(moved)} to your balance: {operation.reason}"
        notifications.notify(session, user_id, message, about=operation, event="reversed")
