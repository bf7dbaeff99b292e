"""What changes consulting requests."""

from decimal import Decimal

import strawberry

from app.models.accounts import Team
from app.models.automl.machines import Machine
from app.models.consulting.history import ConsultingFile, ConsultingMessage
from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import ConsultingCategory, ConsultingRequest
from app.services.consulting import contracts, correspondence, deadlines, proposals, requests, settlements
from app.services.consulting.proposals import Offer
from app.services.consulting.requests import Brief
from app.services.system.files import uploads
from app.services.system.files.uploads import UploadLink
from resolvers import ids
from resolvers.context import Info


async def request_consulting(
    info: Info,
    category: ConsultingCategory,
    description: str,
    budget_estimation: Decimal | None = None,
    team_id: strawberry.ID | None = None,
    machine_id: strawberry.ID | None = None,
) -> ConsultingRequest:
    """Asks for help by a consultant. Everybody who is signed in sees the request until there is a contract.

    category: What help is asked for.
    description: What is to be done, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    budget_estimation: About how many US dollars it may cost. Nothing is held yet.
    team_id: A team of the viewer's that it is for: its members see it and take part. The viewer pays.
    machine_id: A machine of the viewer's, or of their team, that it is about.
    """
    team = None if team_id is None else ids.key(team_id, Team)
    machine = None if machine_id is None else ids.key(machine_id, Machine)
    context = info.context
    async with requests.limit_rate(context.rates, context.viewer), context.writing() as session:
        brief = Brief(category, description, budget_estimation, team, machine)
        return await requests.ask(session, context.viewer, brief)


async def propose_consulting(
    info: Info, request_id: strawberry.ID, amount_usd: Decimal, delay_days: int, message: str
) -> ConsultingProposal:
    """Proposes to do a request. The client alone sees the proposal.

    It can be accepted for {settings.consulting_proposal_days} days.

    request_id: The request.
    amount_usd: The price in US dollars.
    delay_days: How many days the work may take, from 1 to {consulting.CONSULTING_DELAY_DAYS_MAX}.
    message: What the client should know, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    key, offer = ids.key(request_id, ConsultingRequest), Offer(amount_usd, delay_days, message)
    context = info.context
    async with requests.limit_rate(context.rates, context.viewer), context.writing() as session:
        return await proposals.propose(session, context.viewer, key, offer)


async def withdraw_consulting_proposal(info: Info, id: strawberry.ID) -> ConsultingProposal:
    """Withdraws the viewer's proposal.

    id: The proposal.
    """
    async with info.context.writing() as session:
        return await proposals.withdraw(session, info.context.viewer, ids.key(id, ConsultingProposal))


async def decline_consulting_proposal(info: Info, id: strawberry.ID) -> ConsultingProposal:
    """Declines a proposal for the viewer's request.

    id: The proposal.
    """
    async with info.context.writing() as session:
        return await proposals.decline(session, info.context.viewer, ids.key(id, ConsultingProposal))


async def accept_consulting_proposal(info: Info, id: strawberry.ID) -> ConsultingRequest:
    """Accepts a proposal for the viewer's request. Its price moves from the viewer's balance into escrow.

    All other proposals are declined. The contract begins now.

    id: The proposal.
    """
    async with info.context.writing() as session:
        return await proposals.accept(session, info.context.viewer, ids.key(id, ConsultingProposal))


async def submit_consulting_work(info: Info, id: strawberry.ID, note: str) -> ConsultingRequest:
    """Submits the work of a contract. For the consultant.

    The client has {settings.consulting_review_days} days to approve it or to ask for changes; then it counts as
    approved, and is paid.

    id: The request.
    note: What was done, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        return await contracts.submit(session, info.context.viewer, ids.key(id, ConsultingRequest), note=note)


async def request_consulting_changes(info: Info, id: strawberry.ID, note: str) -> ConsultingRequest:
    """Asks for changes of submitted work. For the client.

    The consultant has {settings.consulting_review_days} days at least to submit it again; then what is held returns.

    id: The request.
    note: What to change, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(id, ConsultingRequest)
        return await contracts.request_changes(session, info.context.viewer, key, note=note)


async def release_consulting_payment(info: Info, id: strawberry.ID, usd: Decimal) -> ConsultingRequest:
    """Pays a part of what is in escrow to the consultant. The rest stays. For the client.

    id: The request.
    usd: How much, less than what is in escrow. `approveConsultingWork` pays all of it.
    """
    async with info.context.writing() as session:
        return await contracts.release(session, info.context.viewer, ids.key(id, ConsultingRequest), usd=usd)


async def approve_consulting_work(info: Info, id: strawberry.ID) -> ConsultingRequest:
    """Pays all that is in escrow to the consultant, and ends the contract. For the client.

    id: The request.
    """
    async with info.context.writing() as session:
        return await contracts.approve(session, info.context.viewer, ids.key(id, ConsultingRequest))


async def cancel_consulting_request(info: Info, id: strawberry.ID, note: str) -> ConsultingRequest:
    """Cancels a request: for the client before a contract, for the consultant under one.

    All that is in escrow returns to the client.

    id: The request.
    note: The reason, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        return await contracts.cancel(session, info.context.viewer, ids.key(id, ConsultingRequest), note=note)


async def offer_consulting_settlement(
    info: Info, id: strawberry.ID, consultant_usd: Decimal, note: str
) -> ConsultingRequest:
    """Offers to end a contract with a split of what is in escrow. For both parties; a new offer replaces the last.

    The deadline of the contract stays.

    id: The request.
    consultant_usd: How much the consultant would get, from 0. The rest would return to the client.
    note: The reason, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(id, ConsultingRequest)
        return await settlements.offer(session, info.context.viewer, key, consultant_usd=consultant_usd, note=note)


async def accept_consulting_settlement(info: Info, id: strawberry.ID, consultant_usd: Decimal) -> ConsultingRequest:
    """Accepts the settlement that the other party offers, which ends the contract.

    id: The request.
    consultant_usd: What the offer gives the consultant, so that nobody accepts one that has changed meanwhile.
    """
    async with info.context.writing() as session:
        key = ids.key(id, ConsultingRequest)
        return await settlements.accept(session, info.context.viewer, key, consultant_usd=consultant_usd)


async def dispute_consulting_request(info: Info, id: strawberry.ID, reason: str) -> ConsultingRequest:
    """Asks staff to decide about a contract. For both parties.

    If staff do not decide within {settings.consulting_dispute_days} days, the contract ends as it would have ended
    without the dispute: submitted work is paid, and what is held for other work returns.

    id: The request.
    reason: What the dispute is about, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(id, ConsultingRequest)
        return await settlements.dispute(session, info.context.viewer, key, reason=reason)


async def decide_consulting_dispute(
    info: Info, id: strawberry.ID, consultant_usd: Decimal, reason: str
) -> ConsultingRequest:
    """Decides a dispute, which ends the contract. For staff, except for their own contracts; it is audited.

    id: The request.
    consultant_usd: How much of what is in escrow the consultant gets, from 0. The rest returns to the client.
    reason: The reason, which both parties see, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    async with info.context.writing() as session:
        key = ids.key(id, ConsultingRequest)
        return await settlements.decide(session, info.context.viewer, key, consultant_usd=consultant_usd, reason=reason)


async def settle_consulting_deadline(info: Info, id: strawberry.ID) -> ConsultingRequest:
    """Carries out what a deadline that has passed decides. A worker does so, too, within a minute.

    id: The request.
    """
    async with info.context.writing() as session:
        return await deadlines.settle(session, info.context.viewer, ids.key(id, ConsultingRequest))


async def send_consulting_message(info: Info, request_id: strawberry.ID, content: str) -> ConsultingMessage:
    """Sends a message to all who take part in a request.

    request_id: The request.
    content: The text, at most {consulting.CONSULTING_TEXT_LENGTH_MAX} characters.
    """
    context, key = info.context, ids.key(request_id, ConsultingRequest)
    async with requests.limit_rate(context.rates, context.viewer), context.writing() as session:
        return await correspondence.send_message(session, context.viewer, key, content=content)


async def request_consulting_upload(info: Info, media_type: str, bytes: int) -> UploadLink:
    """Returns a link to upload a file for a request; pass its `upload` to `addConsultingFile` afterwards.

    media_type: PDF, PNG, JPEG, WebP, ZIP, XLSX, DOCX, CSV, JSON, Markdown or plain text, as a media type.
    bytes: The size in bytes, at most {consulting.CONSULTING_FILE_BYTES_MAX}.
    """
    viewer = info.context.viewer
    async with uploads.pace_bytes(info.context.rates, viewer, bytes=bytes), info.context.writing() as session:
        return await correspondence.upload(session, viewer, media_type=media_type, bytes=bytes)


async def add_consulting_file(info: Info, request_id: strawberry.ID, upload: str, name: str) -> ConsultingFile:
    """Adds an uploaded file to a request. Its content must be of the type that its link was for.

    request_id: The request.
    upload: The `upload` value of the link the file was uploaded to.
    name: The name of the file, at most {consulting.CONSULTING_FILE_NAME_LENGTH_MAX} characters.
    """
    context, key = info.context, ids.key(request_id, ConsultingRequest)
    async with (
        requests.limit_rate(context.rates, context.viewer),
        correspondence.looked_at(context.database, context.viewer, key, upload, name=name) as kept,
        context.writing() as session,
    ):
        return await correspondence.add_file(session, context.viewer, key, kept)
