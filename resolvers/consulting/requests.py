"""Consulting requests, and what belongs to them."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

import strawberry
from sqlalchemy import ColumnElement, Select, case, cast, func, literal, type_coerce

from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.base import Record
from app.models.billing.ledger import MONEY
from app.models.consulting.history import ConsultingFile, ConsultingMessage, ConsultingStep
from app.models.consulting.proposals import ConsultingProposal, ConsultingProposalState
from app.models.consulting.requests import UNDER_CONTRACT, ConsultingCategory, ConsultingRequest, ConsultingState
from app.policies import AnyViewer, names_viewer, signed_in, visible
from app.policies.consulting import is_of_client
from app.services.consulting import correspondence, transitions
from resolvers import ids
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.loaders import RowOrReference


class ConsultingRole(Enum):
    """What the viewer is in a request: CLIENT, for themselves or their team, or CONSULTANT of its contract.

    CLIENT: Asks for help, for themselves or their team.
    CONSULTANT: Has the contract.
    """

    CLIENT = "CLIENT"
    CONSULTANT = "CONSULTANT"


for enum in (ConsultingCategory, ConsultingState, ConsultingRole, ConsultingProposalState):
    show_enum(enum)


@dataclass(frozen=True)
class ConsultingEvent:
    """Something that happened to a request: a step, a message, a file, or a proposal."""

    cursor: str
    request: ConsultingRequest
    step: ConsultingStep | None = None
    message: ConsultingMessage | None = None
    file: ConsultingFile | None = None
    proposal: ConsultingProposal | None = None

    @classmethod
    def of(cls, cursor: str, request: ConsultingRequest, row: Record) -> "ConsultingEvent":
        """What a row of the request tells."""
        return cls(
            cursor,
            request,
            step=row if isinstance(row, ConsultingStep) else None,
            message=row if isinstance(row, ConsultingMessage) else None,
            file=row if isinstance(row, ConsultingFile) else None,
            proposal=row if isinstance(row, ConsultingProposal) else None,
        )


PARTS: dict[str, type[Record]] = {
    "step": ConsultingStep,
    "message": ConsultingMessage,
    "file": ConsultingFile,
    "proposal": ConsultingProposal,
}
"""What an event may be about, by its name in the payload."""


def state(viewer: AnyViewer) -> ColumnElement[ConsultingState]:
    """How far it is. A deadline counts from its instant on, even before what it decides is carried out."""
    return transitions.state_now(viewer)


def _is(name: str, doc: str, *states: ConsultingState) -> Callable[[AnyViewer], ColumnElement[bool]]:
    def expression(viewer: AnyViewer) -> ColumnElement[bool]:
        return transitions.state_now(viewer).in_(states)

    expression.__name__, expression.__doc__ = name, doc
    return expression


is_status_request_open = _is("is_status_request_open", "Whether it waits for proposals.", ConsultingState.OPEN)
is_status_waiting_consultant_approval = _is(
    "is_status_waiting_consultant_approval",
    "Whether there are proposals that the client can accept.",
    ConsultingState.PROPOSED,
)
is_status_contract = _is("is_status_contract", "Whether there is a contract that has not ended.", *UNDER_CONTRACT)
is_status_contract_finished = _is(
    "is_status_contract_finished", "Whether the contract was fulfilled and paid.", ConsultingState.FINISHED
)
is_status_contract_failed = _is(
    "is_status_contract_failed", "Whether the contract ended without being fulfilled.", ConsultingState.FAILED
)
is_status_contract_cancel = _is("is_status_contract_cancel", "Whether it was cancelled.", ConsultingState.CANCELLED)


def escrow_usd(viewer: AnyViewer) -> ColumnElement[Decimal]:
    """How many US dollars are in escrow now."""
    del viewer
    paid = ConsultingRequest.released_usd + ConsultingRequest.refunded_usd
    return cast(func.coalesce(ConsultingRequest.amount_usd - paid, 0), MONEY)


def proposal_state(viewer: AnyViewer) -> ColumnElement[ConsultingProposalState]:
    """Whether it can be accepted. It expires at its instant, even before that is noted."""
    del viewer
    column = ConsultingProposal.state
    is_over = (column == ConsultingProposalState.OPEN) & ~transitions.can_be_accepted()
    expired = literal(ConsultingProposalState.EXPIRED.value)
    return type_coerce(case((is_over, expired), else_=column), column.type)


def link(root: strawberry.Parent[ConsultingFile], info: Info) -> str:
    """A temporary link to download it."""
    return correspondence.file_link(info.context.viewer, root)


async def consulting_request(info: Info, id: strawberry.ID) -> RowOrReference[ConsultingRequest] | None:
    """A consulting request; null if there is none, or the viewer may not see it.

    id: The request.
    """
    return await info.context.load.one(ConsultingRequest, ids.key(id, ConsultingRequest))


def consulting_requests(
    info: Info,
    state: ConsultingState | None = None,
    category: ConsultingCategory | None = None,
    role: ConsultingRole | None = None,
) -> Select[ConsultingRequest]:
    """Consulting requests that the viewer sees, newest first: their own, and those that wait for proposals.

    state: Only requests in this state.
    category: Only requests of this category.
    role: Only requests in which the viewer is this.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(ConsultingRequest, viewer)
    if state is not None:
        query = query.where(transitions.state_now(viewer) == state)
    if category is not None:
        query = query.where(ConsultingRequest.category == category)
    if role is ConsultingRole.CLIENT:
        query = query.where(is_of_client(viewer))
    if role is ConsultingRole.CONSULTANT:
        query = query.where(names_viewer(viewer, ConsultingRequest.consultant_user_id))
    return query


def consulting_proposals(info: Info, state: ConsultingProposalState | None = None) -> Select[ConsultingProposal]:
    """The viewer's own proposals, newest first.

    state: Only proposals in this state.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(ConsultingProposal, viewer).where(names_viewer(viewer, ConsultingProposal.consultant_user_id))
    return query if state is None else query.where(proposal_state(viewer) == state)


async def consulting_request_updated(
    info: Info, id: strawberry.ID, after: str | None = None
) -> SourceStream[ConsultingEvent]:
    """What happens to a request, as far as the viewer may see it.

    id: The request.
    after: The cursor to continue after; missed events come first. Without it, only new events.
    """
    context, key = info.context, ids.key(id, ConsultingRequest)
    await context.read(ConsultingRequest, id)

    async def read(event: StreamEvent) -> ConsultingEvent | None:
        load, [(what, row_id)] = context.renewed().load, event.payload.items()
        request, row = await load.read(ConsultingRequest, key), await load.read(PARTS[what], row_id)
        return None if request is None or row is None else ConsultingEvent.of(event.position.cursor, request, row)

    return await SourceStream.since(after, context.events, transitions.topic(key), read)
