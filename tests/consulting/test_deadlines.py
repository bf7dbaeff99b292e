"""Nobody's silence keeps money: what a deadline decides holds from its instant on, carried out or not."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.errors import Conflict
from app.models.consulting.proposals import ConsultingProposal, ConsultingProposalState
from app.models.consulting.requests import ConsultingRequest, ConsultingState
from app.policies import Viewer
from app.services.consulting import contracts, deadlines, escrow
from resolvers import ids
from tests.billing.books import broken
from tests.consulting.people import (
    Contract,
    asked,
    contract_between,
    escrowed,
    expire_proposals,
    person,
    proposed,
)

SHOWN = "query ($id: ID!) { consultingRequest(id: $id) { state isStatusContract isStatusContractFinished } }"


@pytest.fixture
async def contract(database, owner, other) -> Contract:
    return await contract_between(database, owner, other)


async def change_of(contract: Contract) -> None:
    async with contract.database.writing() as session:
        await contracts.request_changes(session, Viewer(contract.client.id), contract.request_id, note="More.")


async def test_silence_of_the_client_pays(contract, database):
    await contract.submit()
    await contract.pass_deadline()
    await deadlines.carry_out_due(database)
    assert await contract.state() is ConsultingState.FINISHED
    assert await contract.both() == (0, 90)
    assert await broken(database) == {}


@pytest.mark.parametrize("are_changes_wanted", [False, True])
async def test_silence_of_the_consultant_returns_what_is_held(contract, database, are_changes_wanted):
    if are_changes_wanted:
        await contract.submit()
        await change_of(contract)
    await contract.pass_deadline()
    await deadlines.carry_out_due(database)
    assert await contract.state() is ConsultingState.FAILED
    assert await contract.both() == (100, 0)
    assert await broken(database) == {}


@pytest.mark.parametrize("is_submitted", [True, False])
async def test_silence_of_staff_ends_a_dispute_as_it_would_have_ended_without_one(contract, database, is_submitted):
    if is_submitted:
        await contract.submit()
    await contract.dispute()
    await contract.pass_deadline()
    await deadlines.carry_out_due(database)
    state = ConsultingState.FINISHED if is_submitted else ConsultingState.FAILED
    assert (await contract.state(), *await contract.both()) == ((state, 0, 90) if is_submitted else (state, 100, 0))
    assert await broken(database) == {}


async def test_a_deadline_counts_from_its_very_instant_on_without_a_sweep(ask, refuse, contract, owner, other):
    await contract.submit()
    await contract.pass_deadline()
    shown = (await ask(SHOWN, viewer=other, id=contract.id))["consultingRequest"]
    assert shown == {"state": "FINISHED", "isStatusContract": False, "isStatusContractFinished": True}
    listed = "{ consultingRequests(state: FINISHED) { nodes { id } } }"
    assert (await ask(listed, viewer=owner))["consultingRequests"]["nodes"] == [{"id": contract.id}]
    for name, viewer, input in (
        ("requestConsultingChanges", owner, {"note": "More."}),
        ("releaseConsultingPayment", owner, {"usd": "1"}),
        ("disputeConsultingRequest", owner, {"reason": "It does not run."}),
        ("approveConsultingWork", owner, {}),
        ("cancelConsultingRequest", other, {"note": "I am ill."}),
        ("offerConsultingSettlement", other, {"consultantUsd": "1", "note": "Let us part."}),
    ):
        late = await refuse(name, viewer=viewer, id=contract.id, **input)
        assert (late["code"], "deadline" in late["message"]) == ("CONFLICT", True), name
    assert await contract.both() == (0, 0)


async def test_before_its_instant_a_deadline_decides_nothing(contract, database):
    """The clock stands still within a transaction's own time: a microsecond before, and at the instant."""
    async with database.writing() as session:
        row = update(ConsultingRequest).where(ConsultingRequest.id == contract.request_id)
        await session.execute(row.values(due_at=func.clock_timestamp() + timedelta(hours=1)))
        request = await session.get_one(ConsultingRequest, contract.request_id, with_for_update=True)
        assert not await deadlines.carry_out(session, request)
    assert await contract.state() is ConsultingState.CONTRACT


async def test_a_party_carries_out_a_deadline_without_a_worker(change, refuse, contract, database, owner, other):
    early = await refuse("settleConsultingDeadline", viewer=other, id=contract.id)
    assert early["message"] == "This request has no deadline that has passed."
    await contract.submit()
    await contract.pass_deadline()
    stranger = await person(database, "stranger")
    assert (await refuse("settleConsultingDeadline", viewer=stranger, id=contract.id))["code"] == "NOT_FOUND"
    settled = await change("settleConsultingDeadline", "state escrowUsd", viewer=other, id=contract.id)
    assert (settled["state"], settled["escrowUsd"]) == ("FINISHED", "0.00000000")
    again = await refuse("settleConsultingDeadline", viewer=owner, id=contract.id)
    assert again["code"] == "CONFLICT"
    assert await contract.both() == (0, 90)


async def test_one_that_cannot_be_carried_out_stops_no_other(contract, database, monkeypatch, owner, other):
    second = await contract_between(database, owner, other)
    await contract.pass_deadline(by=timedelta(minutes=1))
    await second.pass_deadline()
    pay = escrow.pay

    async def refuses_the_first(session, request, *about, **more):
        if request.id == contract.request_id:
            raise Conflict("Not this one.")
        return await pay(session, request, *about, **more)

    monkeypatch.setattr(escrow, "pay", refuses_the_first)
    await deadlines.carry_out_due(database)
    assert (await contract.state(), await second.state()) == (ConsultingState.CONTRACT, ConsultingState.FAILED)
    monkeypatch.undo()
    await deadlines.carry_out_due(database)
    assert await contract.state() is ConsultingState.FAILED
    assert (await escrowed(database), await broken(database)) == (0, {})


async def test_proposals_that_have_expired_open_a_request_again(ask, database, owner, other):
    request_id = await asked(database, owner)
    await proposed(database, other, request_id)
    await expire_proposals(database)
    await deadlines.carry_out_due(database)
    async with database.reading() as session:
        assert (await session.scalars(select(ConsultingProposal.state))).all() == [ConsultingProposalState.EXPIRED]
        assert (await session.get_one(ConsultingRequest, request_id)).state is ConsultingState.OPEN
    shown = await ask(SHOWN, viewer=owner, id=ids.encode_key(ConsultingRequest, request_id))
    assert shown["consultingRequest"]["state"] == "OPEN"
