"""The steps of a request, from one state to the next: each is claimed in SQL, so that of two at once one is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, type_coerce, update

from app import events
from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.models.consulting.history import ConsultingStep, ConsultingStepKind
from app.models.consulting.proposals import ConsultingProposal, ConsultingProposalState
from app.models.consulting.requests import UNDER_CONTRACT, ConsultingRequest, ConsultingState
from app.policies import AnyViewer, Viewer, signed_in, visible
from app.policies.consulting import Standing, takes_part
from app.services.system import notifications

LATE = (
    "The deadline of this contract has passed, so it ends by itself: submitted work counts as approved, and what is "
    "held for other work returns to the client."
)


def topic(request_id: int) -> str:
    """The topic of events about a request."""
    return f"consulting:{request_id}"


@dataclass(frozen=True)
class Step:
    """A step to record: who does what, about how much, and what they write."""

    kind: ConsultingStepKind
    actor_id: int | None
    message: str
    usd: Decimal | None = None
    note: str | None = None


def is_in_time() -> ColumnElement[bool]:
    """Whether the deadline of a request has not come at this moment: at its very instant it has."""
    return or_(ConsultingRequest.due_at.is_(None), ConsultingRequest.due_at > func.clock_timestamp())


def can_be_accepted() -> ColumnElement[bool]:
    """Whether a proposal is open at this moment: at the very instant of its expiry it is not."""
    open_ = ConsultingProposal.state == ConsultingProposalState.OPEN
    return and_(open_, ConsultingProposal.expires_at > func.clock_timestamp())


def state_now(viewer: AnyViewer) -> ColumnElement[ConsultingState]:
    """The state. Deadlines that have passed count, even before what they decide is carried out."""
    del viewer
    columns, state = ConsultingRequest.__table__.c, ConsultingRequest.state
    live = select(ConsultingProposal.id).where(ConsultingProposal.request_id == columns.id, can_be_accepted())
    expression = case(
        (~is_in_time() & ConsultingRequest.is_submitted, ConsultingState.FINISHED.value),
        (~is_in_time(), ConsultingState.FAILED.value),
        ((state == ConsultingState.PROPOSED) & ~live.correlate(columns.id.table).exists(), ConsultingState.OPEN.value),
        else_=state,
    )
    return type_coerce(expression, state.type)


async def locked_request(session: WriteSession, viewer: Viewer, request_id: int) -> Standing:
    """A request that the viewer sees, locked, and whether they take part in it; NotFound if they do not see it."""
    signed_in(viewer)
    query = visible(ConsultingRequest, viewer).add_columns(takes_part(viewer))
    query = query.where(ConsultingRequest.id == request_id).with_for_update(of=ConsultingRequest)
    row = (await session.execute(query.execution_options(populate_existing=True))).one_or_none()
    if row is None:
        raise NotFound("There is no such consulting request.")
    return Standing(*row)


async def move(
    session: WriteSession,
    request: ConsultingRequest,
    to: ConsultingState,
    step: Step,
    *,
    of: Sequence[ConsultingState],
    **values: Any,
) -> ConsultingStep:
    """Brings a locked request into another state, or leaves it in this one, before its deadline.

    Conflict if it is in none of the states `of`, or too late: nothing is changed.
    """
    claim = update(ConsultingRequest).where(ConsultingRequest.id == request.id, ConsultingRequest.state.in_(of))
    # Of a request that has ended nothing is changed, whatever the values: it is in none of the states.
    claim = claim.where(is_in_time()).values({"state": to} | values | _ending(to))
    await _claim(session, request, claim, of)
    return await record(session, request, step)


async def _claim(session: WriteSession, request: ConsultingRequest, claim: Any, of: Sequence[ConsultingState]) -> None:
    await session.flush()
    claimed = await session.scalar(claim.returning(ConsultingRequest.id).execution_options(synchronize_session=False))
    await session.refresh(request)
    if claimed is None:
        if request.state in of:
            raise Conflict(LATE)
        states = ", ".join(state.value for state in of)
        raise Conflict(f"This request is {request.state.value}. This needs one that is {states}.")


def _ending(to: ConsultingState) -> dict[str, Any]:
    """What no longer holds of a request in a final state."""
    if to in UNDER_CONTRACT:
        return {}
    ended = {"due_at": None, "settlement_usd": None, "settlement_user_id": None}
    return ended | ({} if to in (ConsultingState.OPEN, ConsultingState.PROPOSED) else {"ended_at": func.now()})


async def record(session: WriteSession, request: ConsultingRequest, step: Step) -> ConsultingStep:
    """Adds a step to the history, and tells whoever takes part, but for who did it."""
    made = ConsultingStep(
        request_id=request.id, user_id=step.actor_id, kind=step.kind, state=request.state, usd=step.usd, note=step.note
    )
    session.add(made)
    await session.flush()
    events.record(session, topic(request.id), {"step": made.id})
    for user_id in parties_but(request, step.actor_id):
        notifications.notify(session, user_id, step.message, about=request, event=f"step {made.id}")
    return made


def parties_but(request: ConsultingRequest, user_id: int | None) -> list[int]:
    """The client and the consultant, without the one who knows already."""
    return [id for id in (request.user_id, request.consultant_user_id) if id is not None and id != user_id]


async def now(session: ReadSession) -> datetime:
    """The time by the database's clock, after whatever was waited for."""
    moment: datetime = (await session.scalars(select(func.clock_timestamp()))).one()
    return moment
