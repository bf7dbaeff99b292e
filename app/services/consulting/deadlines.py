"""Deadlines: nobody's silence keeps money. What they decide holds from their instant on, carried out or not."""

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import func, select, update

from app.database import Database, WriteSession
from app.errors import Conflict
from app.models.consulting.history import ConsultingStepKind
from app.models.consulting.proposals import ConsultingProposal, ConsultingProposalState
from app.models.consulting.requests import UNDER_CONTRACT, ConsultingRequest, ConsultingState
from app.policies import Viewer, require
from app.policies.consulting import may_write_about_this_consulting_request
from app.services.billing.amounts import ZERO, written
from app.services.consulting import escrow, proposals
from app.services.consulting.transitions import Step, locked_request, now, record

SETTLED_AT_ONCE = 100
log = structlog.get_logger()


async def settle(session: WriteSession, viewer: Viewer, request_id: int) -> ConsultingRequest:
    """Carries out what a deadline has decided, before a worker does."""
    standing = await locked_request(session, viewer, request_id)
    require(may_write_about_this_consulting_request, viewer, standing)
    if not await carry_out(session, standing.request):
        raise Conflict("This request has no deadline that has passed.")
    return standing.request


async def carry_out(session: WriteSession, request: ConsultingRequest) -> bool:
    """Ends a locked contract whose deadline has passed; false if it has none that has."""
    if request.due_at is None or request.due_at > await now(session):
        return False
    is_paid, left = request.is_submitted, escrow.left_of(request)
    usd = left if is_paid else ZERO
    ended = update(ConsultingRequest).where(
        ConsultingRequest.id == request.id, ConsultingRequest.state.in_(UNDER_CONTRACT)
    )
    await session.execute(
        ended.values(
            state=ConsultingState.FINISHED if is_paid else ConsultingState.FAILED,
            due_at=None,
            settlement_usd=None,
            settlement_user_id=None,
            ended_at=func.now(),
        ).execution_options(synchronize_session=False)
    )
    await session.refresh(request)
    await escrow.pay(session, request, usd, refunded=left - usd, actor_id=None)
    text = (
        f"Nobody objected to submitted work in time: {written(left)} USD went to the consultant."
        if is_paid
        else f"No work was submitted in time: {written(left)} USD returned to the client."
    )
    await record(session, request, Step(ConsultingStepKind.DEADLINE_PASSED, None, text, usd=usd))
    return True


async def carry_out_due(database: Database) -> None:
    """Carries out what deadlines have decided, each in its own transaction: one that fails stops no other."""
    contracts = select(ConsultingRequest.id).where(ConsultingRequest.due_at <= func.now())
    expired = ConsultingProposal.state == ConsultingProposalState.OPEN, ConsultingProposal.expires_at <= func.now()
    requests = select(ConsultingProposal.request_id).where(*expired).distinct()
    async with database.reading() as reading:
        due = (await reading.scalars(contracts.order_by(ConsultingRequest.due_at).limit(SETTLED_AT_ONCE))).all()
        reopened = (await reading.scalars(requests.limit(SETTLED_AT_ONCE))).all()
    for id in due:
        await _alone(database, id, _carry_out)
    for id in reopened:
        await _alone(database, id, proposals.expire_due)


async def _carry_out(session: WriteSession, request_id: int) -> None:
    request = await session.get_one(ConsultingRequest, request_id, with_for_update=True, populate_existing=True)
    await carry_out(session, request)


async def _alone(database: Database, id: int, deed: Callable[[WriteSession, int], Awaitable[None]]) -> None:
    try:
        async with database.writing() as session:
            await deed(session, id)
    except Exception:
        log.exception("a deadline of consulting was not carried out", request=id)
