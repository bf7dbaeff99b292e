"""What each mutation of consulting is given: requests of the owner's, and contracts between the two."""

from decimal import Decimal
from typing import Any

from app.database import Database
from app.models.base import Record
from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import ConsultingRequest
from app.policies import Viewer
from app.services.consulting import correspondence, settlements
from tests.billing.books import give
from tests.consulting.people import Contract, asked, contract_between, proposed
from tests.fixtures import Person
from tests.permissions.works.made import Works, uploaded

CONTRACTS = ("to submit", "to change", "to release", "to approve", "to cancel", "to offer", "to settle", "to dispute")
OF_OTHERS = ("to submit", "to cancel")


async def make(database: Database, owner: Person, other: Person, number: int, inside: str = "inside") -> Works:
    """A request for each mutation; `inside` stands in what is never public."""
    del number, inside
    rows: dict[str, Record] = {}
    await give(database, owner.id, 100)
    rows["request"] = await _request(database, await asked(database, owner))
    rows["request of other"] = await _request(database, await asked(database, other))
    for name, by in (("to accept", other), ("to decline", other)):
        rows[name] = await _proposal(database, await proposed(database, by, await asked(database, owner)))
    rows["to withdraw"] = await _proposal(database, await proposed(database, owner, await asked(database, other)))
    for name in (*CONTRACTS, "to decide", "late"):
        client, consultant = (other, owner) if name in OF_OTHERS else (owner, other)
        made = await contract_between(database, client, consultant)
        await _bring(made, name)
        rows[name] = await made.row()
    return Works(rows, {"file": await uploaded(database, owner, correspondence.USE)})


async def _bring(made: Contract, name: str) -> None:
    """As far as it must be."""
    if name == "to change":
        await made.submit()
    if name == "to decide":
        await made.dispute()
    if name == "late":
        await made.pass_deadline()
    if name == "to settle":
        async with made.database.writing() as session:
            viewer, usd = Viewer(made.consultant.id), Decimal(5)
            await settlements.offer(session, viewer, made.request_id, consultant_usd=usd, note="Let us part.")


async def _request(database: Database, id: int) -> ConsultingRequest:
    async with database.reading() as session:
        return await session.get_one(ConsultingRequest, id)


async def _proposal(database: Database, id: int) -> ConsultingProposal:
    async with database.reading() as session:
        return await session.get_one(ConsultingProposal, id)


def inputs(made: Works) -> dict[str, dict[str, Any]]:
    """What the mutations of consulting are given, by their names."""
    request = made.id("request")
    return {
        "requestConsulting": {"category": "OTHER", "description": "Help me."},
        "proposeConsulting": {
            "requestId": made.id("request of other"),
            "amountUsd": "10",
            "delayDays": 3,
            "message": "I can.",
        },
        "withdrawConsultingProposal": {"id": made.id("to withdraw")},
        "declineConsultingProposal": {"id": made.id("to decline")},
        "acceptConsultingProposal": {"id": made.id("to accept")},
        "submitConsultingWork": {"id": made.id("to submit"), "note": "Done."},
        "requestConsultingChanges": {"id": made.id("to change"), "note": "More."},
        "releaseConsultingPayment": {"id": made.id("to release"), "usd": "1"},
        "approveConsultingWork": {"id": made.id("to approve")},
        "cancelConsultingRequest": {"id": made.id("to cancel"), "note": "I am ill."},
        "offerConsultingSettlement": {"id": made.id("to offer"), "consultantUsd": "1", "note": "Let us part."},
        "acceptConsultingSettlement": {"id": made.id("to settle"), "consultantUsd": "5"},
        "disputeConsultingRequest": {"id": made.id("to dispute"), "reason": "It does not run."},
        "decideConsultingDispute": {"id": made.id("to decide"), "consultantUsd": "1", "reason": "So it is."},
        "settleConsultingDeadline": {"id": made.id("late")},
        "sendConsultingMessage": {"requestId": request, "content": "Hello."},
        "requestConsultingUpload": {"mediaType": "text/plain", "bytes": 10},
        "addConsultingFile": {"requestId": request, "upload": made.more["file"], "name": "notes.json"},
    }
