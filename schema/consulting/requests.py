"""GraphQL types for consulting requests, and what belongs to them."""

from decimal import Decimal

import strawberry
from strawberry import auto

from app.models.consulting import history as history_tables
from app.models.consulting import proposals as proposal_tables
from app.models.consulting import requests as tables
from resolvers.consulting import requests as resolve
from resolvers.enums import show_enum
from schema.accounts.teams import Team
from schema.accounts.users import User
from schema.automl.machines import Machine
from schema.fields import Connection, computed, connection, cursor, field, many, one, subscription
from schema.row import Row, shows

show_enum(history_tables.ConsultingStepKind)


class ConsultingProposal(Row, of=proposal_tables.ConsultingProposal):
    created_at: auto
    amount_usd: auto
    delay_days: auto
    message: auto
    state: proposal_tables.ConsultingProposalState = computed(resolve.proposal_state, needs_read=True)
    expires_at: auto
    request: "ConsultingRequest | None" = one(proposal_tables.ConsultingProposal.request)
    consultant_user: User | None = one(proposal_tables.ConsultingProposal.consultant_user)


class ConsultingMessage(Row, of=history_tables.ConsultingMessage):
    created_at: auto
    content: auto
    user: User | None = one(history_tables.ConsultingMessage.user)


class ConsultingFile(Row, of=history_tables.ConsultingFile):
    created_at: auto
    name: auto
    media_type: auto
    size_bytes: auto
    link: str = field(resolve.link)
    user: User | None = one(history_tables.ConsultingFile.user)


class ConsultingStep(Row, of=history_tables.ConsultingStep):
    created_at: auto
    kind: auto
    state: auto
    usd: auto
    note: auto
    user: User | None = one(history_tables.ConsultingStep.user)


class ConsultingRequest(Row, of=tables.ConsultingRequest):
    created_at: auto
    date_time_creation: auto
    category: auto
    category_code: auto
    description: auto
    budget_estimation: auto
    state: tables.ConsultingState = computed(resolve.state, needs_read=True)
    is_status_request_open: bool = computed(resolve.is_status_request_open, needs_read=True)
    is_status_waiting_consultant_approval: bool = computed(
        resolve.is_status_waiting_consultant_approval, needs_read=True
    )
    is_status_contract: bool = computed(resolve.is_status_contract, needs_read=True)
    is_status_contract_finished: bool = computed(resolve.is_status_contract_finished, needs_read=True)
    is_status_contract_failed: bool = computed(resolve.is_status_contract_failed, needs_read=True)
    is_status_contract_cancel: bool = computed(resolve.is_status_contract_cancel, needs_read=True)
    waiting_consultant_approval_date_time: auto
    contract_start_date_time: auto
    contract_end_date_time: auto
    ended_at: auto
    due_at: auto
    amount_usd: auto
    delay_days: auto
    escrow_usd: Decimal = computed(resolve.escrow_usd, needs_read=True)
    released_usd: auto
    commission_usd: auto
    commission_percentage: auto
    refunded_usd: auto
    settlement_usd: auto
    user: User | None = one(tables.ConsultingRequest.user)
    team: Team | None = one(tables.ConsultingRequest.team)
    machine: Machine | None = one(tables.ConsultingRequest.machine)
    consultant_user: User | None = one(tables.ConsultingRequest.consultant_user)
    settlement_user: User | None = one(tables.ConsultingRequest.settlement_user)
    proposals: Connection[ConsultingProposal] = many(tables.ConsultingRequest.proposals)
    messages: Connection[ConsultingMessage] = many(tables.ConsultingRequest.messages)
    files: Connection[ConsultingFile] = many(tables.ConsultingRequest.files)
    steps: Connection[ConsultingStep] = many(tables.ConsultingRequest.steps)


@shows(resolve.ConsultingEvent)
class ConsultingEvent:
    cursor: str = cursor()
    request: ConsultingRequest = strawberry.field(description="The request as it is now.")
    step: ConsultingStep | None = strawberry.field(description="The step that was taken, if one was.")
    message: ConsultingMessage | None = strawberry.field(description="The message that was sent, if one was.")
    file: ConsultingFile | None = strawberry.field(description="The file that was added, if one was.")
    proposal: ConsultingProposal | None = strawberry.field(
        description="The proposal that was made, withdrawn or declined, if one was."
    )


@strawberry.type
class ConsultingRequestsQuery:
    consulting_request: ConsultingRequest | None = field(resolve.consulting_request)
    consulting_requests: Connection[ConsultingRequest] = connection(resolve.consulting_requests)
    consulting_proposals: Connection[ConsultingProposal] = connection(resolve.consulting_proposals)


@strawberry.type
class ConsultingRequestsSubscription:
    consulting_request_updated: ConsultingEvent = subscription(resolve.consulting_request_updated)
