"""Proposals: who may accept one, and until when."""

from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import ConsultingRequest
from resolvers import ids
from tests.billing.books import give
from tests.consulting.people import asked, expire_proposals, person, proposed


async def test_a_proposal_is_accepted_by_who_asked_alone(refuse, change, database, owner, other):
    await give(database, other.id, 500)
    request_id = await asked(database, owner)
    proposal = ids.encode_key(ConsultingProposal, await proposed(database, other, request_id))
    stranger = await person(database, "stranger")
    assert (await refuse("acceptConsultingProposal", viewer=stranger, id=proposal))["code"] == "NOT_FOUND"
    assert (await refuse("acceptConsultingProposal", viewer=other, id=proposal))["code"] == "FORBIDDEN"
    assert (await refuse("declineConsultingProposal", viewer=other, id=proposal))["code"] == "FORBIDDEN"
    poor = await refuse("acceptConsultingProposal", viewer=owner, id=proposal)
    assert poor == poor | {
        "code": "INSUFFICIENT_FUNDS",
        "required": "100.00000000",
        "available": "0.00000000",
        "currency": "USD",
    }
    declined = await change("declineConsultingProposal", "state request { state }", viewer=owner, id=proposal)
    assert (declined["state"], declined["request"]) == ("DECLINED", {"state": "OPEN"})


async def test_a_proposal_can_be_withdrawn_and_made_again(change, refuse, database, owner, other):
    request_id = await asked(database, owner)
    request = ids.encode_key(ConsultingRequest, request_id)
    input = {"requestId": request, "amountUsd": "10", "delayDays": 1, "message": "Quickly done."}
    own = await refuse("proposeConsulting", viewer=owner, **input)
    assert own["message"].startswith("This is your own request.")
    made = await change("proposeConsulting", viewer=other, **input)
    twice = await refuse("proposeConsulting", viewer=other, **input)
    assert twice["message"].startswith("You have an open proposal for this request.")
    withdrawn = await change("withdrawConsultingProposal", "state request { state }", viewer=other, id=made["id"])
    assert (withdrawn["state"], withdrawn["request"]) == ("WITHDRAWN", {"state": "OPEN"})
    assert (await refuse("acceptConsultingProposal", viewer=owner, id=made["id"]))["code"] == "CONFLICT"
    assert (await change("proposeConsulting", "state", viewer=other, **input))["state"] == "OPEN"


async def test_a_proposal_that_has_expired_is_not_accepted_swept_or_not(ask, refuse, change, database, owner, other):
    await give(database, owner.id, 500)
    request_id = await asked(database, owner)
    proposal = ids.encode_key(ConsultingProposal, await proposed(database, other, request_id))
    await expire_proposals(database)
    late = await refuse("acceptConsultingProposal", viewer=owner, id=proposal)
    assert (late["code"], "EXPIRED" in late["message"]) == ("CONFLICT", True)
    answer = await ask(
        "query ($id: ID!) { node(id: $id) { ... on ConsultingProposal { state request { state } } } }",
        viewer=owner,
        id=proposal,
    )
    assert answer["node"] == {"state": "EXPIRED", "request": {"state": "OPEN"}}
    # Another one can be made at once.
    await proposed(database, other, request_id)
