"""A contract from its beginning to its end: work is submitted, looked at, and paid, or money returns.

Each change locks the request first, then claims its state: of a payment and a refund at once, one gets it.
"""

from datetime import timedelta
from decimal import Decimal

from app.database import WriteSession
from app.errors import Conflict, Invalid
from app.models.billing.ledger import Currency
from app.models.consulting.history import ConsultingStepKind
from app.models.consulting.requests import (
    AT_WORK,
    BEFORE_CONTRACT,
    UNDER_CONTRACT,
    ConsultingRequest,
    ConsultingState,
)
from app.policies import Viewer, is_viewer, require, signed_in
from app.policies.consulting import (
    may_decide_for_the_client_of_this_consulting_request,
    may_end_this_consulting_request,
    may_work_on_this_consulting_request,
)
from app.services.billing import amounts
from app.services.billing.amounts import ZERO, written
from app.services.billing.errors import InsufficientFunds
from app.services.consulting import escrow
from app.services.consulting.requests import cancel_before_contract, text_of
from app.services.consulting.transitions import Step, locked_request, move, now
from app.settings import settings


async def submit(session: WriteSession, viewer: Viewer, request_id: int, *, note: str) -> ConsultingRequest:
    """Submits the work. The client has some days to look at it; silence approves it."""
    note = text_of("note", note)
    request, _ = await locked_request(session, viewer, request_id)
    require(may_work_on_this_consulting_request, viewer, request)
    due_at = await now(session) + timedelta(days=settings.consulting_review_days)
    text = f"Work was submitted. Approve it or ask for changes before {due_at:%d %B %Y}; then it counts as approved."
    step = Step(ConsultingStepKind.SUBMITTED, signed_in(viewer), text, note=note)
    await move(session, request, ConsultingState.SUBMITTED, step, of=AT_WORK, due_at=due_at, is_submitted=True)
    return request


async def request_changes(session: WriteSession, viewer: Viewer, request_id: int, *, note: str) -> ConsultingRequest:
    """Asks for changes of submitted work. The consultant has as many days as the client had, or until the end."""
    note = text_of("note", note)
    request, _ = await locked_request(session, viewer, request_id)
    require(may_decide_for_the_client_of_this_consulting_request, viewer, request)
    due_at = await now(session) + timedelta(days=settings.consulting_review_days)
    if request.contract_end_date_time is not None:
        due_at = max(due_at, request.contract_end_date_time + timedelta(days=settings.consulting_late_days))
    text = f"The client wants changes of your work. Submit it again before {due_at:%d %B %Y}."
    step = Step(ConsultingStepKind.CHANGES_REQUESTED, signed_in(viewer), text, note=note)
    submitted = [ConsultingState.SUBMITTED]
    await move(session, request, ConsultingState.CHANGES_WANTED, step, of=submitted, due_at=due_at, is_submitted=False)
    return request


async def release(session: WriteSession, viewer: Viewer, request_id: int, *, usd: Decimal) -> ConsultingRequest:
    """Pays a part of the price before the end."""
    usd = amounts.positive("usd", usd)
    request, _ = await locked_request(session, viewer, request_id)
    require(may_decide_for_the_client_of_this_consulting_request, viewer, request)
    left = escrow.left_of(request)
    text = f"{written(usd)} USD of a contract were paid to you."
    step = Step(ConsultingStepKind.RELEASED, signed_in(viewer), text, usd=usd)
    await move(session, request, request.state, step, of=_under_contract(request), **_no_offer())
    if usd > left:
        raise InsufficientFunds(required=usd, available=left, currency=Currency.USD)
    if usd == left:
        raise Invalid("usd", "This is all that is in escrow. Approve the work to pay it.")
    await escrow.pay(session, request, usd, actor_id=signed_in(viewer))
    return request


def _under_contract(request: ConsultingRequest) -> list[ConsultingState]:
    """The state that a contract has, if it is one."""
    return [request.state] if request.state in UNDER_CONTRACT else list(UNDER_CONTRACT)


def _no_offer() -> dict[str, None]:
    """An offer is about what was in escrow when it was made."""
    return {"settlement_usd": None, "settlement_user_id": None}


async def approve(session: WriteSession, viewer: Viewer, request_id: int) -> ConsultingRequest:
    """Pays all that is in escrow to the consultant, and ends the contract."""
    request, _ = await locked_request(session, viewer, request_id)
    require(may_decide_for_the_client_of_this_consulting_request, viewer, request)
    left = escrow.left_of(request)
    text = f"Your work was approved, and {written(left)} USD were paid to you."
    step = Step(ConsultingStepKind.APPROVED, signed_in(viewer), text, usd=left)
    await end(session, request, step, consultant_usd=left)
    return request


async def end(
    session: WriteSession,
    request: ConsultingRequest,
    step: Step,
    *,
    consultant_usd: Decimal,
    state: ConsultingState | None = None,
    reason: str | None = None,
) -> None:
    """Ends a contract: so much of what is in escrow goes to the consultant, and the rest returns to the client."""
    left = escrow.left_of(request)
    if state is None:
        state = ConsultingState.FINISHED if consultant_usd == left else ConsultingState.FAILED
    await move(session, request, state, step, of=UNDER_CONTRACT)
    await escrow.pay(
        session, request, consultant_usd, refunded=left - consultant_usd, actor_id=step.actor_id, reason=reason
    )


async def cancel(session: WriteSession, viewer: Viewer, request_id: int, *, note: str) -> ConsultingRequest:
    """Ends a request: by the client before a contract; then by the consultant, and all that is held returns."""
    note = text_of("note", note)
    request, _ = await locked_request(session, viewer, request_id)
    require(may_end_this_consulting_request, viewer, request)
    if request.state in BEFORE_CONTRACT:
        await cancel_before_contract(session, request, actor_id=signed_in(viewer), note=note)
        return request
    if is_viewer(viewer, request.user_id):
        raise Conflict(
            "There is a contract. Offer a settlement to the consultant, approve the work, or open a dispute."
            if request.state in UNDER_CONTRACT
            else f"This request is {request.state.value} already."
        )
    await give_back(session, request, actor_id=signed_in(viewer), note=note)
    return request


async def give_back(
    session: WriteSession, request: ConsultingRequest, *, actor_id: int | None, note: str | None
) -> None:
    """Ends a contract that the consultant does not go on with: all that is held returns to the client."""
    left = escrow.left_of(request)
    text = f"The consultant has cancelled the contract. {written(left)} USD returned to your balance."
    step = Step(ConsultingStepKind.CANCELLED, actor_id, text, usd=ZERO, note=note)
    await end(session, request, step, consultant_usd=ZERO, state=ConsultingState.CANCELLED)
