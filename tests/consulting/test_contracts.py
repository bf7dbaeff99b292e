"""A contract from its beginning to its end: what each party may do, and where the money goes."""

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.models.accounts import TeamMembership
from app.models.billing.ledger import Operation, OperationCause
from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import ConsultingRequest, ConsultingState
from app.models.system import AuditEntry, UserNotification
from app.policies import Viewer
from app.services.consulting import settlements
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.billing.books import broken, give
from tests.consulting.people import Contract, asked, contract_between, escrowed, person, proposed

STATE = "state escrowUsd releasedUsd commissionUsd refundedUsd"
WHOLE = """query ($id: ID!) { consultingRequest(id: $id) {
    state amountUsd delayDays escrowUsd
    isStatusRequestOpen isStatusWaitingConsultantApproval isStatusContract
    isStatusContractFinished isStatusContractFailed isStatusContractCancel
    user { username } consultantUser { username } proposals { totalCount } messages { totalCount }
    steps(orderBy: OLDEST) { nodes { kind state usd note user { username } } }
} }"""


@pytest.fixture
async def contract(database, owner, other) -> Contract:
    """A contract for 100 USD between `owner`, who pays, and `other`."""
    return await contract_between(database, owner, other)


async def shown(ask, contract: Contract, viewer) -> dict:
    return (await ask(WHOLE, viewer=viewer, id=contract.id))["consultingRequest"]


async def proposal_of(database, number: int) -> str:
    return ids.encode_key(ConsultingProposal, number)


async def test_of_a_contract_that_has_ended_nothing_is_paid_offered_or_changed(change, refuse, contract, owner, other):
    await change("submitConsultingWork", viewer=other, id=contract.id, note="Done.")
    await change("approveConsultingWork", viewer=owner, id=contract.id)
    had = await contract.both()
    for name, viewer, given in (
        ("releaseConsultingPayment", owner, {"usd": "0.5"}),
        ("offerConsultingSettlement", owner, {"consultantUsd": "1", "note": "Let us part."}),
        ("submitConsultingWork", other, {"note": "Again."}),
        ("requestConsultingChanges", owner, {"note": "Not so."}),
        ("approveConsultingWork", owner, {}),
    ):
        assert (await refuse(name, viewer=viewer, id=contract.id, **given))["code"] == "CONFLICT", name
    assert await contract.both() == had


async def test_from_a_request_to_the_payment(ask, change, database, owner, other):
    await give(database, owner.id, "150.50")
    made = await change(
        "requestConsulting",
        "state category categoryCode budgetEstimation",
        viewer=owner,
        category="API_INTEGRATION",
        description="Connect my machine.",
        budgetEstimation="120",
    )
    assert (made["state"], made["categoryCode"], made["budgetEstimation"]) == ("OPEN", "3", "120.00000000")
    listed = await ask(
        "{ consultingRequests(state: OPEN, category: API_INTEGRATION) { nodes { id description } } }", viewer=other
    )
    assert listed["consultingRequests"]["nodes"] == [{"id": made["id"], "description": "Connect my machine."}]
    proposal = await change(
        "proposeConsulting",
        "state amountUsd delayDays",
        viewer=other,
        requestId=made["id"],
        amountUsd="100.00000001",
        delayDays=5,
        message="Two days of work.",
    )
    assert (proposal["state"], proposal["amountUsd"]) == ("OPEN", "100.00000001")
    contract = Contract(database, ids.key(made["id"], ConsultingRequest), owner, other)
    assert (await shown(ask, contract, owner))["isStatusWaitingConsultantApproval"] is True
    accepted = await change("acceptConsultingProposal", STATE, viewer=owner, id=proposal["id"])
    assert (accepted["state"], accepted["escrowUsd"]) == ("CONTRACT", "100.00000001")
    assert await contract.both() == (Decimal("50.49999999"), 0)
    row = await contract.row()
    assert (
        row.contract_end_date_time - row.contract_start_date_time == 5 * (row.due_at - row.contract_end_date_time) / 7
    )
    submitted = await change("submitConsultingWork", "state", viewer=other, id=made["id"], note="It runs.")
    assert submitted["state"] == "SUBMITTED"
    wanted = await change("requestConsultingChanges", "state", viewer=owner, id=made["id"], note="Not at noon.")
    assert wanted["state"] == "CHANGES_WANTED"
    await change("submitConsultingWork", "state", viewer=other, id=made["id"], note="Now at noon, too.")
    released = await change("releaseConsultingPayment", STATE, viewer=owner, id=made["id"], usd="30.5")
    assert (released["releasedUsd"], released["commissionUsd"]) == ("30.50000000", "3.05000000")
    finished = await change("approveConsultingWork", STATE, viewer=owner, id=made["id"])
    assert finished == finished | {
        "state": "FINISHED",
        "escrowUsd": "0.00000000",
        "releasedUsd": "100.00000001",
        "commissionUsd": "10.00000000",
        "refundedUsd": "0.00000000",
    }
    assert await contract.both() == (Decimal("50.49999999"), Decimal("90.00000001"))
    whole = await shown(ask, contract, other)
    assert [(step["kind"], step["state"], step["usd"], step["note"]) for step in whole["steps"]["nodes"]] == [
        ("REQUESTED", "OPEN", None, None),
        ("ACCEPTED", "CONTRACT", "100.00000001", None),
        ("SUBMITTED", "SUBMITTED", None, "It runs."),
        ("CHANGES_REQUESTED", "CHANGES_WANTED", None, "Not at noon."),
        ("SUBMITTED", "SUBMITTED", None, "Now at noon, too."),
        ("RELEASED", "SUBMITTED", "30.50000000", None),
        ("APPROVED", "FINISHED", "69.50000001", None),
    ]
    assert await broken(database) == {}


async def test_parts_pay_the_same_commission_as_the_whole(change, database, owner, other):
    contract = await contract_between(database, owner, other, usd="1")
    for _ in range(7):
        await change("releaseConsultingPayment", viewer=owner, id=contract.id, usd="0.00000005")
    finished = await change("approveConsultingWork", STATE, viewer=owner, id=contract.id)
    assert (finished["releasedUsd"], finished["commissionUsd"]) == ("1.00000000", "0.10000000")
    assert await broken(database) == {}


async def test_exactly_one_of_the_former_booleans_is_true(ask, database, owner, other):
    flags = {
        ConsultingState.OPEN: "isStatusRequestOpen",
        ConsultingState.PROPOSED: "isStatusWaitingConsultantApproval",
        ConsultingState.CONTRACT: "isStatusContract",
        ConsultingState.FINISHED: "isStatusContractFinished",
        ConsultingState.FAILED: "isStatusContractFailed",
        ConsultingState.CANCELLED: "isStatusContractCancel",
    }
    contract = await contract_between(database, owner, other)
    for state in (
        ConsultingState.CONTRACT,
        ConsultingState.FINISHED,
        ConsultingState.FAILED,
        ConsultingState.CANCELLED,
    ):
        if state is not ConsultingState.CONTRACT:
            contract = await contract_between(database, owner, other)
            usd = {ConsultingState.FINISHED: 100, ConsultingState.FAILED: 1, ConsultingState.CANCELLED: 0}[state]
            await settle(contract, usd)
        answer = await shown(ask, contract, owner)
        assert [name for name in flags.values() if answer[name]] == [flags[state]]
        assert answer["state"] == state.value
    request_id = await asked(database, owner)
    open_ = Contract(database, request_id, owner, other)
    assert (await shown(ask, open_, owner))[flags[ConsultingState.OPEN]] is True
    await proposed(database, other, request_id)
    answer = await shown(ask, open_, owner)
    assert [name for name in flags.values() if answer[name]] == [flags[ConsultingState.PROPOSED]]


async def settle(contract: Contract, usd: int) -> None:
    share = Decimal(usd)
    async with contract.database.writing() as session:
        await settlements.offer(
            session, Viewer(contract.client.id), contract.request_id, consultant_usd=share, note="Let us part."
        )
    async with contract.database.writing() as session:
        await settlements.accept(session, Viewer(contract.consultant.id), contract.request_id, consultant_usd=share)


async def test_a_settlement_splits_what_is_held(change, refuse, contract, owner, other, database):
    await change("releaseConsultingPayment", viewer=owner, id=contract.id, usd="20")
    offered = await change(
        "offerConsultingSettlement",
        "settlementUsd settlementUser { username }",
        viewer=other,
        id=contract.id,
        consultantUsd="30",
        note="Half of it is done.",
    )
    assert (offered["settlementUsd"], offered["settlementUser"]) == ("30.00000000", {"username": "other"})
    own = await refuse("acceptConsultingSettlement", viewer=other, id=contract.id, consultantUsd="30")
    assert own["code"] == "CONFLICT"
    changed = await refuse("acceptConsultingSettlement", viewer=owner, id=contract.id, consultantUsd="29")
    assert (changed["code"], "30 USD" in changed["message"]) == ("CONFLICT", True)
    failed = await change("acceptConsultingSettlement", STATE, viewer=owner, id=contract.id, consultantUsd="30")
    assert (failed["state"], failed["releasedUsd"], failed["refundedUsd"]) == ("FAILED", "50.00000000", "50.00000000")
    assert await contract.both() == (50, 45)
    assert await broken(database) == {}


async def test_a_release_takes_an_offer_away(change, refuse, contract, owner, other):
    await change("offerConsultingSettlement", viewer=other, id=contract.id, consultantUsd="90", note="Let us part.")
    await change("releaseConsultingPayment", viewer=owner, id=contract.id, usd="20")
    late = await refuse("acceptConsultingSettlement", viewer=owner, id=contract.id, consultantUsd="90")
    assert late["message"] == "No settlement is offered."


async def test_a_settlement_of_nothing_cancels(change, contract, owner, other):
    await change("offerConsultingSettlement", viewer=owner, id=contract.id, consultantUsd="0", note="Let us part.")
    ended = await change("acceptConsultingSettlement", STATE, viewer=other, id=contract.id, consultantUsd="0")
    assert (ended["state"], ended["refundedUsd"]) == ("CANCELLED", "100.00000000")
    assert await contract.both() == (100, 0)


async def test_the_client_cancels_before_a_contract_and_the_consultant_under_one(
    change, refuse, database, contract, owner, other
):
    refused = await refuse("cancelConsultingRequest", viewer=owner, id=contract.id, note="I changed my mind.")
    assert refused["code"] == "CONFLICT"
    cancelled = await change("cancelConsultingRequest", STATE, viewer=other, id=contract.id, note="I am ill.")
    assert (cancelled["state"], cancelled["refundedUsd"]) == ("CANCELLED", "100.00000000")
    assert await contract.both() == (100, 0)
    again = await refuse("cancelConsultingRequest", viewer=owner, id=contract.id, note="I changed my mind.")
    assert again["message"] == "This request is CANCELLED already."
    request_id = await asked(database, owner)
    proposal_id = await proposed(database, other, request_id)
    open_ = ids.encode_key(ConsultingRequest, request_id)
    ended = await change("cancelConsultingRequest", STATE, viewer=owner, id=open_, note="I changed my mind.")
    assert (ended["state"], ended["escrowUsd"]) == ("CANCELLED", "0.00000000")
    late = await refuse("acceptConsultingProposal", viewer=owner, id=ids.encode_key(ConsultingProposal, proposal_id))
    assert (late["code"], "DECLINED" in late["message"]) == ("CONFLICT", True)
    assert await broken(database) == {}


async def test_staff_decide_a_dispute_and_it_is_audited(change, refuse, ask, database, contract, owner, other, staff):
    early = await refuse("decideConsultingDispute", viewer=staff, id=contract.id, consultantUsd="1", reason="So it is.")
    assert early["code"] == "CONFLICT"
    await contract.submit()
    await change("disputeConsultingRequest", viewer=owner, id=contract.id, reason="It does not run.")
    too_much = await refuse(
        "decideConsultingDispute", viewer=staff, id=contract.id, consultantUsd="100.00000001", reason="So it is."
    )
    assert too_much == too_much | {
        "code": "INSUFFICIENT_FUNDS",
        "required": "100.00000001",
        "available": "100.00000000",
    }
    for stranger in (owner, other):
        mine = await refuse("decideConsultingDispute", viewer=stranger, id=contract.id, consultantUsd="1", reason="Me.")
        assert mine["code"] == "FORBIDDEN"
    decided = await change(
        "decideConsultingDispute", STATE, viewer=staff, id=contract.id, consultantUsd="40", reason="Half of it runs."
    )
    assert (decided["state"], decided["releasedUsd"], decided["refundedUsd"]) == (
        "FAILED",
        "40.00000000",
        "60.00000000",
    )
    assert await contract.both() == (60, 36)
    async with database.reading() as session:
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "decideConsultingDispute"))).one()
    assert (entry.actor_id, entry.subject_key) == (staff.id, contract.request_id)
    assert entry.details == {"consultant_usd": "40", "client_usd": "60"}
    last = (await shown(ask, contract, other))["steps"]["nodes"][-1]
    assert (last["kind"], last["note"]) == ("DECIDED", "Half of it runs.")


async def test_staff_do_not_decide_about_their_own_contract(refuse, database, other, staff):
    contract = await contract_between(database, staff, other)
    await contract.dispute()
    refused = await refuse("decideConsultingDispute", viewer=staff, id=contract.id, consultantUsd="0", reason="Mine.")
    assert refused["code"] == "FORBIDDEN"


async def test_nobody_else_touches_a_contract(refuse, contract, database, owner, other):
    stranger = await person(database, "stranger")
    consultant = {"submitConsultingWork": {"note": "Done."}}
    client = {
        "requestConsultingChanges": {"note": "More."},
        "releaseConsultingPayment": {"usd": "1"},
        "approveConsultingWork": {},
    }
    for name, input in (consultant | client).items():
        assert (await refuse(name, viewer=stranger, id=contract.id, **input))["code"] == "NOT_FOUND"
        wrong = owner if name in consultant else other
        assert (await refuse(name, viewer=wrong, id=contract.id, **input))["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "amount", ["0.000000001", "NaN", "1e30", "-5", "0", "1,5", "Infinity", "5 USD", "99999999999999"]
)
async def test_amounts_that_are_none_are_refused(refuse, contract, owner, other, database, amount):
    request = ids.encode_key(ConsultingRequest, await asked(database, owner))
    for name, viewer, input in (
        ("proposeConsulting", other, {"requestId": request, "amountUsd": amount, "delayDays": 1, "message": "Yes."}),
        ("releaseConsultingPayment", owner, {"id": contract.id, "usd": amount}),
        ("offerConsultingSettlement", owner, {"id": contract.id, "consultantUsd": amount, "note": "Let us part."}),
    ):
        if amount == "0" and name == "offerConsultingSettlement":
            continue
        refused = await refuse(name, viewer=viewer, **input)
        assert refused["code"] in {"INVALID_INPUT", "BAD_REQUEST"}, name
    assert await contract.both() == (0, 0)


async def test_no_more_is_released_than_is_held(refuse, contract, owner):
    more = await refuse("releaseConsultingPayment", viewer=owner, id=contract.id, usd="100.00000001")
    assert more == more | {"code": "INSUFFICIENT_FUNDS", "required": "100.00000001", "available": "100.00000000"}
    all_ = await refuse("releaseConsultingPayment", viewer=owner, id=contract.id, usd="100")
    assert (all_["code"], all_["field"]) == ("INVALID_INPUT", "usd")


async def test_coupons_and_tokens_pay_no_consultant(refuse, change, database, owner, other, staff):
    """They are the platform's gifts for its own work: a contract takes dollars, of which there are none."""
    for currency in ("COUPON", "EAML"):
        given = await change(
            "grantCredit",
            viewer=staff,
            userId=ids.encode(owner.user),
            name="Welcome",
            currency=currency,
            amount="500",
            reason="A campaign.",
        )
        assert given["__typename"] == "Grant"
    proposal = await proposed(database, other, await asked(database, owner))
    poor = await refuse("acceptConsultingProposal", viewer=owner, id=ids.encode_key(ConsultingProposal, proposal))
    assert (poor["code"], poor["available"], poor["currency"]) == ("INSUFFICIENT_FUNDS", "0.00000000", "USD")
    assert await broken(database) == {}


async def test_a_team_takes_part_and_one_pays(ask, change, refuse, database, owner, other):
    member = await person(database, "member")
    team = await factories.team(database, owner.id)
    await factories.add(database, TeamMembership(team_id=team.id, user_id=member.id))
    made = await change(
        "requestConsulting",
        "team { name }",
        viewer=owner,
        category="DATA_ENGINEERING",
        description="Clean our data.",
        teamId=ids.encode(team),
    )
    assert made["team"]["name"] == team.name
    await give(database, member.id, 500)
    request_id = ids.key(made["id"], ConsultingRequest)
    proposal = ids.encode_key(ConsultingProposal, await proposed(database, other, request_id))
    assert (await refuse("acceptConsultingProposal", viewer=member, id=proposal))["code"] == "FORBIDDEN"
    await give(database, owner.id, 100)
    await change("acceptConsultingProposal", viewer=owner, id=proposal)
    said = await change("sendConsultingMessage", "content", viewer=member, requestId=made["id"], content="Welcome!")
    assert said["content"] == "Welcome!"
    contract = Contract(database, request_id, owner, other)
    assert (await shown(ask, contract, member))["messages"] == {"totalCount": 1}
    assert (await refuse("approveConsultingWork", viewer=member, id=contract.id))["code"] == "FORBIDDEN"
    stranger = await person(database, "stranger")
    foreign = await refuse(
        "requestConsulting", viewer=stranger, category="OTHER", description="Hello.", teamId=ids.encode(team)
    )
    assert foreign["code"] == "NOT_FOUND"


async def test_the_other_side_is_told_of_each_step_but_not_of_its_own(change, contract, database, owner, other):
    async with database.writing() as session:
        await session.execute(UserNotification.__table__.delete())
    await change("submitConsultingWork", viewer=other, id=contract.id, note="Done.")
    await change("approveConsultingWork", viewer=owner, id=contract.id)
    async with database.reading() as session:
        told = (await session.execute(select(UserNotification.user_id, UserNotification.kind))).all()
    assert sorted((row.user_id, str(row.kind)) for row in told) == sorted(
        [(owner.id, "CONSULTING"), (other.id, "CONSULTING")]
    )


async def test_the_commission_is_that_of_the_day_of_the_contract(change, contract, owner, monkeypatch):
    monkeypatch.setattr(settings, "consulting_commission_percentage", Decimal(50))
    finished = await change("approveConsultingWork", "commissionUsd commissionPercentage", viewer=owner, id=contract.id)
    assert (finished["commissionUsd"], finished["commissionPercentage"]) == ("10.00000000", "10.0000")


async def test_operations_say_what_they_are_about(change, ask, contract, owner, database):
    await change("approveConsultingWork", viewer=owner, id=contract.id)
    answer = await ask(
        "{ operations(cause: CONSULTING) { nodes { isPayABillOperation subject { id } } } }", viewer=owner
    )
    assert answer["operations"]["nodes"] == [{"isPayABillOperation": True, "subject": {"id": contract.id}}] * 2
    async with database.reading() as session:
        operations = select(func.count()).select_from(Operation).where(Operation.cause == OperationCause.CONSULTING)
        assert await session.scalar(operations) == 2
    assert await escrowed(database) == 0
