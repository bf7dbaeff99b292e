"""How a contract ends otherwise: by a settlement of the two, by a dispute that staff decide, or by its deadline."""

from datetime import timedelta
from decimal import Decimal

from app.database import WriteSession
from app.errors import Conflict, Invalid
from app.models.billing.ledger import Currency
from app.models.consulting.history import ConsultingStepKind
from app.models.consulting.requests import (
    AT_WORK,
    UNDER_CONTRACT,
    ConsultingRequest,
    ConsultingState,
)
from app.policies import Viewer, is_viewer, require, signed_in
from app.policies.consulting import may_decide_this_dispute, may_end_this_consulting_request
from app.services.billing import amounts
from app.services.billing.amounts import SMALLEST, ZERO, rounded, written
from app.services.billing.errors import InsufficientFunds
from app.services.consulting import contracts, escrow
from app.services.consulting.requests import text_of
from app.services.consulting.transitions import Step, locked_request, move, now
from app.services.system import audit
from app.settings import settings


def share(field: str, usd: Decimal) -> Decimal:
    """What the consultant would get: nothing, or an amount."""
    if not usd.is_finite() or usd < 0:
        raise Invalid(field, f"Use 0, or an amount from {written(SMALLEST)} to what is in escrow.")
    return amounts.positive(field, usd) if usd else ZERO


async def offer(
    session: WriteSession, viewer: Viewer, request_id: int, *, consultant_usd: Decimal, note: str
) -> ConsultingRequest:
    """Offers the other party to end the contract, with a part of what is in escrow for the consultant."""
    consultant_usd, note = share("consultantUsd", consultant_usd), text_of("note", note)
    request, _ = await locked_request(session, viewer, request_id)
    require(may_end_this_consulting_request, viewer, request)
    text = f"A settlement was offered: {written(consultant_usd)} USD for the consultant, the rest for the client."
    step = Step(ConsultingStepKind.SETTLEMENT_OFFERED, signed_in(viewer), text, usd=consultant_usd, note=note)
    states = [request.state] if request.state in UNDER_CONTRACT else UNDER_CONTRACT
    offered = {"settlement_usd": consultant_usd, "settlement_user_id": signed_in(viewer)}
    await move(session, request, request.state, step, of=states, **offered)
    _require_in_escrow(request, consultant_usd)
    return request


def _require_in_escrow(request: ConsultingRequest, usd: Decimal) -> None:
    if usd > (left := escrow.left_of(request)):
        raise InsufficientFunds(required=usd, available=left, currency=Currency.USD)


async def accept(
    session: WriteSession, viewer: Viewer, request_id: int, *, consultant_usd: Decimal
) -> ConsultingRequest:
    """Accepts the settlement that the other party offered."""
    request, _ = await locked_request(session, viewer, request_id)
    require(may_end_this_consulting_request, viewer, request)
    if request.settlement_usd is None:
        raise Conflict("No settlement is offered.")
    if is_viewer(viewer, request.settlement_user_id):
        raise Conflict("You offered this settlement yourself. The other party has to accept it.")
    if request.settlement_usd != consultant_usd:
        raise Conflict(f"The offer is {written(request.settlement_usd)} USD for the consultant now. Look at it again.")
    usd = request.settlement_usd
    text = f"The settlement was accepted: {written(usd)} USD went to the consultant, and the rest to the client."
    step = Step(ConsultingStepKind.SETTLED, signed_in(viewer), text, usd=usd)
    # What both agree to undo is cancelled, and has not failed.
    state = None if usd else ConsultingState.CANCELLED
    await contracts.end(session, request, step, consultant_usd=usd, state=state)
    return request


async def dispute(session: WriteSession, viewer: Viewer, request_id: int, *, reason: str) -> ConsultingRequest:
    """Asks staff to decide. If they do not, the contract ends as it would have ended without the dispute."""
    reason = text_of("reason", reason)
    request, _ = await locked_request(session, viewer, request_id)
    require(may_end_this_consulting_request, viewer, request)
    due_at = await now(session) + timedelta(days=settings.consulting_dispute_days)
    text = f"There is a dispute about a contract. Staff decide it before {due_at:%d %B %Y}."
    step = Step(ConsultingStepKind.DISPUTED, signed_in(viewer), text, note=reason)
    states = [*AT_WORK, ConsultingState.SUBMITTED]
    await move(session, request, ConsultingState.DISPUTED, step, of=states, due_at=due_at)
    return request


async def decide(
    session: WriteSession, viewer: Viewer, request_id: int, *, consultant_usd: Decimal, reason: str
) -> ConsultingRequest:
    """Decides a dispute: how much of what is in escrow the consultant gets."""
    consultant_usd, reason = share("consultantUsd", consultant_usd), text_of("reason", reason)
    request, _ = await locked_request(session, viewer, request_id)
    require(may_decide_this_dispute, viewer, request)
    if request.state is not ConsultingState.DISPUTED:
        raise Conflict(f"This request is {request.state.value}. Only disputes are decided.")
    _require_in_escrow(request, consultant_usd)
    returned = rounded(escrow.left_of(request) - consultant_usd)
    text = f"The dispute was decided: {written(consultant_usd)} USD for the consultant, {written(returned)} USD back."
    step = Step(ConsultingStepKind.DECIDED, signed_in(viewer), text, usd=consultant_usd, note=reason)
    await contracts.end(session, request, step, consultant_usd=consultant_usd)
    paid = {"consultant_usd": written(consultant_usd), "client_usd": written(returned)}
    audit.record(session, signed_in(viewer), "decideConsultingDispute", about=request, user_id=request.user_id, **paid)
    return request
