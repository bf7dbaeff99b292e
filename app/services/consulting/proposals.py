"""Proposals: made and withdrawn by consultants, accepted or declined by the client."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func, select, update

from app import checks, events
from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.limits.consulting import CONSULTING_DELAY_DAYS_MAX
from app.models.accounts import User
from app.models.consulting.history import ConsultingStepKind
from app.models.consulting.proposals import ConsultingProposal, ConsultingProposalState
from app.models.consulting.requests import BEFORE_CONTRACT, ConsultingRequest, ConsultingState
from app.policies import Viewer, is_viewer, require, signed_in, visible
from app.policies.consulting import may_decide_for_the_client_of_this_consulting_request, may_withdraw_this_proposal
from app.services.billing import amounts
from app.services.consulting import escrow
from app.services.consulting.requests import decline_open, text_of
from app.services.consulting.transitions import Step, can_be_accepted, locked_request, move, now, topic
from app.services.system import notifications
from app.settings import settings

GONE = "There is no such proposal."


@dataclass(frozen=True)
class Offer:
    """What a consultant offers."""

    amount_usd: Decimal
    delay_days: int
    message: str


async def propose(session: WriteSession, viewer: Viewer, request_id: int, offer: Offer) -> ConsultingProposal:
    """Proposes to do a request for an amount, within a number of days."""
    user_id = signed_in(viewer)
    amount = amounts.positive("amountUsd", offer.amount_usd)
    checks.within("delayDays", offer.delay_days, 1, CONSULTING_DELAY_DAYS_MAX)
    message = text_of("message", offer.message)
    request, _ = await locked_request(session, viewer, request_id)
    if is_viewer(viewer, request.user_id):
        raise Conflict("This is your own request. Somebody else has to propose.")
    if request.state not in BEFORE_CONTRACT:
        raise Conflict(f"This request is {request.state.value}. Only requests without a contract take proposals.")
    await _expire(session, request)
    moment = await now(session)
    made = ConsultingProposal(
        request_id=request.id,
        consultant_user_id=user_id,
        amount_usd=amount,
        delay_days=offer.delay_days,
        message=message,
        expires_at=moment + timedelta(days=settings.consulting_proposal_days),
    )
    session.add(made)
    request.state = ConsultingState.PROPOSED
    request.waiting_consultant_approval_date_time = request.waiting_consultant_approval_date_time or moment
    await session.flush()
    events.record(session, topic(request.id), {"proposal": made.id})
    text = f"A consultant proposes to do your request for {amounts.written(amount)} USD."
    notifications.notify(session, request.user_id, text, about=made, event="proposed")
    return made


async def withdraw(session: WriteSession, viewer: Viewer, proposal_id: int) -> ConsultingProposal:
    """Withdraws a proposal, which can no longer be accepted."""
    proposal, request = await _locked(session, viewer, proposal_id)
    require(may_withdraw_this_proposal, viewer, proposal)
    await _close(session, proposal, request, ConsultingProposalState.WITHDRAWN)
    return proposal


async def decline(session: WriteSession, viewer: Viewer, proposal_id: int) -> ConsultingProposal:
    """Declines a proposal."""
    proposal, request = await _locked(session, viewer, proposal_id)
    require(may_decide_for_the_client_of_this_consulting_request, viewer, request)
    await _close(session, proposal, request, ConsultingProposalState.DECLINED)
    text = "Your proposal for a consulting request was declined."
    notifications.notify(session, proposal.consultant_user_id, text, about=proposal, event="declined")
    return proposal


async def accept(session: WriteSession, viewer: Viewer, proposal_id: int) -> ConsultingRequest:
    """Makes a contract of a proposal: its price moves from the client's balance into escrow."""
    proposal, request = await _locked(session, viewer, proposal_id)
    require(may_decide_for_the_client_of_this_consulting_request, viewer, request)
    is_active = select(User.id).where(User.id == proposal.consultant_user_id, User.is_active)
    if await session.scalar(is_active) is None:
        raise Conflict("The account of this consultant is closed. Choose another proposal.")
    await _claim(session, proposal, ConsultingProposalState.ACCEPTED)
    request.consultant_user_id, start = proposal.consultant_user_id, await now(session)
    end = start + timedelta(days=proposal.delay_days)
    step = Step(ConsultingStepKind.ACCEPTED, signed_in(viewer), "Your proposal was accepted.", usd=proposal.amount_usd)
    account_id = await escrow.fund(session, request, proposal.amount_usd)
    await move(
        session,
        request,
        ConsultingState.CONTRACT,
        step,
        of=[ConsultingState.PROPOSED],
        escrow_account_id=account_id,
        amount_usd=proposal.amount_usd,
        delay_days=proposal.delay_days,
        commission_percentage=settings.consulting_commission_percentage,
        contract_start_date_time=start,
        contract_end_date_time=end,
        due_at=end + timedelta(days=settings.consulting_late_days),
    )
    await decline_open(session, request)
    return request


async def _locked(
    session: WriteSession, viewer: Viewer, proposal_id: int
) -> tuple[ConsultingProposal, ConsultingRequest]:
    """A proposal that the viewer sees, and its request: the request is locked first, as everywhere."""
    signed_in(viewer)
    seen = visible(ConsultingProposal, viewer).where(ConsultingProposal.id == proposal_id)
    request_id = await session.scalar(seen.with_only_columns(ConsultingProposal.request_id))
    if request_id is None:
        raise NotFound(GONE)
    sought = select(ConsultingRequest).where(ConsultingRequest.id == request_id).with_for_update()
    request = (await session.scalars(sought.execution_options(populate_existing=True))).one()
    proposal = await session.get_one(ConsultingProposal, proposal_id, with_for_update=True, populate_existing=True)
    return proposal, request


async def _claim(session: WriteSession, proposal: ConsultingProposal, state: ConsultingProposalState) -> None:
    """Ends an open proposal; Conflict if it is not open at this moment."""
    claim = update(ConsultingProposal).where(ConsultingProposal.id == proposal.id, can_be_accepted())
    claimed = await session.scalar(claim.values(state=state).returning(ConsultingProposal.id))
    await session.refresh(proposal)
    if claimed is None:
        is_open = proposal.state is ConsultingProposalState.OPEN
        raise Conflict(f"This proposal is {'EXPIRED' if is_open else proposal.state.value}. It can no longer be used.")


async def _close(
    session: WriteSession, proposal: ConsultingProposal, request: ConsultingRequest, state: ConsultingProposalState
) -> None:
    await _claim(session, proposal, state)
    await _reopen(session, request)
    events.record(session, topic(request.id), {"proposal": proposal.id})


async def _expire(session: WriteSession, request: ConsultingRequest) -> None:
    """Marks proposals of a locked request that can no longer be accepted."""
    over = ConsultingProposal.state == ConsultingProposalState.OPEN, ConsultingProposal.expires_at <= func.now()
    expired = update(ConsultingProposal).where(ConsultingProposal.request_id == request.id, *over)
    await session.execute(expired.values(state=ConsultingProposalState.EXPIRED))


async def _reopen(session: WriteSession, request: ConsultingRequest) -> None:
    """A request without open proposals is open again."""
    live = ConsultingProposal.request_id == request.id, ConsultingProposal.state == ConsultingProposalState.OPEN
    is_left = await session.scalar(select(ConsultingProposal.id).where(*live).limit(1))
    if is_left is None and request.state is ConsultingState.PROPOSED:
        request.state = ConsultingState.OPEN
        await session.flush()


async def expire_due(session: WriteSession, request_id: int) -> None:
    """Marks the proposals of a request that have expired; nobody can accept them already."""
    request = await session.get_one(ConsultingRequest, request_id, with_for_update=True, populate_existing=True)
    await _expire(session, request)
    await _reopen(session, request)


async def withdraw_all(session: WriteSession, request: ConsultingRequest, user_id: int) -> None:
    """Withdraws what a consultant has proposed for a locked request."""
    open_ = ConsultingProposal.request_id == request.id, ConsultingProposal.state == ConsultingProposalState.OPEN
    own = update(ConsultingProposal).where(*open_, ConsultingProposal.consultant_user_id == user_id)
    await session.execute(own.values(state=ConsultingProposalState.WITHDRAWN))
    await _reopen(session, request)
