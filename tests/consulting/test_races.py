"""Of a payment and a refund at once one happens; what the database refuses whoever writes."""

import asyncio
from decimal import Decimal

import pytest

from app.errors import DomainError
from app.models.consulting.requests import ConsultingRequest, ConsultingState
from app.policies import Viewer
from app.services.consulting import contracts, deadlines, proposals, settlements
from resolvers import ids
from tests.billing.books import attack, broken, give
from tests.consulting.people import Contract, asked, contract_between, escrowed, person, proposed


@pytest.fixture
async def contract(database, owner, other) -> Contract:
    return await contract_between(database, owner, other)


async def at_once(database, *deeds) -> list[str]:
    """What each came to, all begun together, each in its own transaction."""

    async def tried(deed) -> str:
        try:
            async with database.writing() as session:
                await deed(session)
        except DomainError as error:
            return type(error).__name__
        return "done"

    return list(await asyncio.gather(*map(tried, deeds)))


def accepting(client, id: int):
    return lambda session: proposals.accept(session, Viewer(client.id), id)


async def test_a_refund_and_a_payment_at_once(contract, database, owner, other):
    """Case B15: the consultant cancels while the client approves."""
    await contract.submit()
    came = await at_once(
        database,
        lambda session: contracts.approve(session, Viewer(owner.id), contract.request_id),
        lambda session: contracts.cancel(session, Viewer(other.id), contract.request_id, note="I am ill."),
    )
    assert sorted(came) == ["Conflict", "done"]
    paid = await contract.state() is ConsultingState.FINISHED
    assert await contract.both() == ((0, 90) if paid else (100, 0))
    assert await broken(database) == {}


async def test_two_releases_of_the_last_at_once(contract, database, owner):
    """Case B16: both approve."""
    came = await at_once(
        database,
        *[lambda session: contracts.approve(session, Viewer(owner.id), contract.request_id)] * 4,
    )
    assert sorted(came) == ["Conflict"] * 3 + ["done"]
    assert await contract.both() == (0, 90)
    assert await broken(database) == {}


async def test_parts_at_once_never_pay_more_than_is_held(contract, database, owner):
    came = await at_once(
        database,
        *[lambda session: contracts.release(session, Viewer(owner.id), contract.request_id, usd=Decimal(30))] * 6,
    )
    assert sorted(came) == ["InsufficientFunds"] * 3 + ["done"] * 3
    assert (await contract.usd(contract.consultant), await escrowed(database)) == (81, 10)
    assert await broken(database) == {}


async def test_a_deadline_and_a_decision_at_once(contract, database, staff):
    await contract.dispute()
    await contract.pass_deadline()
    decide = {"consultant_usd": Decimal(50), "reason": "Half of it runs."}
    await asyncio.gather(
        at_once(
            database,
            lambda session: settlements.decide(session, Viewer(staff.id, is_staff=True), contract.request_id, **decide),
        ),
        deadlines.carry_out_due(database),
        deadlines.carry_out_due(database),
    )
    assert await contract.state() is ConsultingState.FAILED
    assert await contract.both() == (100, 0)
    assert await broken(database) == {}


async def test_two_proposals_accepted_at_once_make_one_contract(database, owner, other):
    await give(database, owner.id, 300)
    third = await person(database, "third")
    request_id = await asked(database, owner)
    made = [await proposed(database, by, request_id) for by in (other, third)]
    came = await at_once(database, *(accepting(owner, id) for id in made))
    assert sorted(came) == ["Conflict", "done"]
    assert await escrowed(database) == 100
    assert await broken(database) == {}


async def test_two_contracts_at_once_from_money_for_one(database, owner, other):
    await give(database, owner.id, 150)
    made = [await proposed(database, other, await asked(database, owner)) for _ in range(2)]
    came = await at_once(database, *(accepting(owner, id) for id in made))
    assert sorted(came) == ["InsufficientFunds", "done"]
    assert await escrowed(database) == 100
    assert await broken(database) == {}


async def test_a_payment_that_is_sent_twice_with_its_key_pays_once(api, contract, owner):
    sent = {
        "query": """mutation ($input: ReleaseConsultingPaymentInput!) { releaseConsultingPayment(input: $input) {
            ... on ConsultingRequest { releasedUsd } ... on Problem { code } } }""",
        "variables": {"input": {"id": contract.id, "usd": "10"}},
    }
    headers = {"Authorization": f"Bearer {owner.token}", "Idempotency-Key": "the-same"}
    first, second = [(await api.post("/graphql", json=sent, headers=headers)).json() for _ in range(2)]
    assert first["data"] == second["data"] == {"releaseConsultingPayment": {"releasedUsd": "10.00000000"}}
    sent["variables"] = {"input": {"id": contract.id, "usd": "11"}}
    other_body = (await api.post("/graphql", json=sent, headers=headers)).json()
    assert other_body["errors"]
    assert await contract.usd(contract.consultant) == 9


UPDATE = "UPDATE consulting_requests SET"
FORGED = {
    f"{UPDATE} state = 'FINISHED', due_at = NULL": "ck_consulting_requests_escrow",
    f"{UPDATE} state = 'OPEN', due_at = NULL": "ck_consulting_requests_transition",
    f"{UPDATE} released_usd = 1": "ck_consulting_requests_escrow",
    f"{UPDATE} released_usd = 101": "ck_consulting_requests_paid",
    f"{UPDATE} amount_usd = 50": "ck_consulting_requests_frozen",
    f"{UPDATE} commission_percentage = 0": "ck_consulting_requests_frozen",
    f"{UPDATE} due_at = NULL": "ck_consulting_requests_due_at",
    "UPDATE consulting_steps SET note = 'Other words'": "can only be added to",
    "DELETE FROM consulting_steps": "can only be added to",
}


@pytest.mark.parametrize("statement", FORGED)
async def test_the_database_refuses_what_is_no_step(contract, servers, statement):
    del contract
    with servers.connect("tests") as connection:
        assert FORGED[statement] in attack(connection, statement)


async def test_an_unknown_contract_is_not_found(refuse, owner):
    gone = ids.encode_key(ConsultingRequest, 10**9)
    assert (await refuse("approveConsultingWork", viewer=owner, id=gone))["code"] == "NOT_FOUND"
