"""GraphQL mutations of consulting."""

import strawberry

from app.models.choices import Scope
from app.models.kinds.system import SystemRateLimit
from resolvers.consulting import changes as resolve
from schema.billing.problems import InsufficientFunds
from schema.consulting.requests import ConsultingFile, ConsultingMessage, ConsultingProposal, ConsultingRequest
from schema.fields import mutation
from schema.files import UploadLink
from schema.problems import Conflict, InvalidInput, LimitReached


@strawberry.type
class ConsultingChangesMutation:
    request_consulting: ConsultingRequest | InvalidInput = mutation(resolve.request_consulting)
    propose_consulting: ConsultingProposal | InvalidInput | Conflict = mutation(resolve.propose_consulting)
    withdraw_consulting_proposal: ConsultingProposal | Conflict = mutation(resolve.withdraw_consulting_proposal)
    decline_consulting_proposal: ConsultingProposal | Conflict = mutation(resolve.decline_consulting_proposal)
    accept_consulting_proposal: ConsultingRequest | Conflict | InsufficientFunds = mutation(
        resolve.accept_consulting_proposal, needs_key=True
    )
    submit_consulting_work: ConsultingRequest | InvalidInput | Conflict = mutation(resolve.submit_consulting_work)
    request_consulting_changes: ConsultingRequest | InvalidInput | Conflict = mutation(
        resolve.request_consulting_changes
    )
    release_consulting_payment: ConsultingRequest | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.release_consulting_payment, needs_key=True
    )
    approve_consulting_work: ConsultingRequest | Conflict = mutation(resolve.approve_consulting_work, needs_key=True)
    cancel_consulting_request: ConsultingRequest | InvalidInput | Conflict = mutation(
        resolve.cancel_consulting_request, needs_key=True
    )
    offer_consulting_settlement: ConsultingRequest | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.offer_consulting_settlement
    )
    accept_consulting_settlement: ConsultingRequest | InvalidInput | Conflict = mutation(
        resolve.accept_consulting_settlement, needs_key=True
    )
    dispute_consulting_request: ConsultingRequest | InvalidInput | Conflict = mutation(
        resolve.dispute_consulting_request
    )
    decide_consulting_dispute: ConsultingRequest | InvalidInput | Conflict | InsufficientFunds = mutation(
        resolve.decide_consulting_dispute, scope=Scope.ADMIN, needs_key=True
    )
    settle_consulting_deadline: ConsultingRequest | Conflict = mutation(
        resolve.settle_consulting_deadline, needs_key=True
    )
    send_consulting_message: ConsultingMessage | InvalidInput = mutation(resolve.send_consulting_message)
    request_consulting_upload: UploadLink | InvalidInput = mutation(
        resolve.request_consulting_upload, rate_limit=SystemRateLimit.UPLOADS
    )
    add_consulting_file: ConsultingFile | InvalidInput | LimitReached = mutation(resolve.add_consulting_file)
