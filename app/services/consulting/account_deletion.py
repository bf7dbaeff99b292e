"""What becomes of requests when an account is deleted: no money stays locked, and what was written stays nameless.

A request without a contract is cancelled, and so are open proposals. A consultant who leaves gives back what is held.
When a client leaves, the contract goes on: submitted work counts as approved at its deadline.
"""

from sqlalchemy import or_, select

from app.database import WriteSession
from app.models.consulting.proposals import ConsultingProposal, ConsultingProposalState
from app.models.consulting.requests import BEFORE_CONTRACT, UNDER_CONTRACT, ConsultingRequest
from app.services.accounts.users.deletion import on_parting
from app.services.consulting import contracts, deadlines, proposals, requests


@on_parting
async def leave_requests(session: WriteSession, user_id: int) -> None:
    """Ends what the account has in requests."""
    own = (ConsultingRequest.user_id == user_id) & ConsultingRequest.state.in_(BEFORE_CONTRACT)
    works_on = (ConsultingRequest.consultant_user_id == user_id) & ConsultingRequest.state.in_(UNDER_CONTRACT)
    proposed = select(ConsultingProposal.request_id).where(
        ConsultingProposal.consultant_user_id == user_id, ConsultingProposal.state == ConsultingProposalState.OPEN
    )
    concerned = select(ConsultingRequest).where(or_(own, works_on, ConsultingRequest.id.in_(proposed)))
    locked = concerned.order_by(ConsultingRequest.id).with_for_update().execution_options(populate_existing=True)
    for request in (await session.scalars(locked)).all():
        if request.state in UNDER_CONTRACT and request.consultant_user_id == user_id:
            if not await deadlines.carry_out(session, request):
                await contracts.give_back(session, request, actor_id=user_id, note=None)
        elif request.user_id == user_id and request.state in BEFORE_CONTRACT:
            await requests.cancel_before_contract(session, request, actor_id=user_id, note=None)
        elif request.state in BEFORE_CONTRACT:
            await proposals.withdraw_all(session, request, user_id)
