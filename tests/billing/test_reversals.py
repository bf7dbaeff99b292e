"""Reversals: two of the staff move back what an operation moved, once, and nobody comes below zero."""

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
import xmlschema
from sqlalchemy import func, select, update

from app.gateways.card_payments import Event
from app.models.accounts import User
from app.models.billing.adjustments import Reversal
from app.models.billing.grants import Grant
from app.models.billing.ledger import AccountKind, Currency, Operation, OperationCause
from app.models.billing.top_ups import TopUp
from app.models.system import AuditEntry, UserNotification
from app.policies import Viewer
from app.services.billing import ledger, reservations, sales, statement_files, statements
from app.services.billing.balances import Balances, balances_of
from app.services.billing.corrections import reversals as services
from app.services.billing.ledger import About, Leg
from app.services.billing.promotions import grants
from app.services.billing.promotions.grants import Terms
from app.services.billing.reservations import Purpose
from app.services.billing.sales import Sale
from app.services.billing.top_ups import card_top_ups
from resolvers import ids
from tests import factories
from tests.billing.books import broken, give, move
from tests.billing.test_statements import EARLY, LATE, checked

HOUR = timedelta(hours=1)
WHY = "Charged twice."


@pytest.fixture
def propose(change, staff):
    """Proposes to reverse an operation; the id of the reversal."""

    async def propose(operation: Operation, viewer=staff, **given) -> str:
        about = {"operationId": ids.encode(operation), "reason": WHY} | given
        return (await change("proposeReversal", "id", viewer=viewer, **about))["id"]

    return propose


@pytest.fixture
async def sale(database, owner, other) -> Operation:
    """The owner has paid 4 of 10 dollars to the other, of which the platform keeps 0.4."""
    await give(database, owner.id, 10)
    return await move(database, owner.id, other.id, 4, commission="0.4")


async def have(database, *people) -> list[Decimal]:
    async with database.reading() as session:
        balances: dict[int, Balances] = await balances_of(session, [person.id for person in people])
    return [balances[person.id].usd for person in people]


async def notes(database, person) -> Sequence[str]:
    async with database.reading() as session:
        own = select(UserNotification.message).where(UserNotification.user_id == person.id)
        return (await session.scalars(own.order_by(UserNotification.id))).all()


async def posted(database, cause: OperationCause, user_id: int, subject=None) -> Operation:
    """An operation with this cause, that takes a dollar."""
    async with database.writing() as session:
        legs = [
            *await ledger.debits(session, user_id, Currency.USD, Decimal(1)),
            Leg(await ledger.platform(session, AccountKind.EXTERNAL, Currency.USD), Decimal(1)),
        ]
        return await ledger.post(session, About(cause, user_id, user_id, subject=subject), legs)


async def test_two_of_the_staff_reverse_an_operation(
    ask, change, propose, database, owner, other, staff, other_staff, sale
):
    id = await propose(sale)
    assert await have(database, owner, other) == [6, Decimal("3.6")]
    shown = "state operation { kind cause reason reverses { uuid } }"
    made = await change("postReversal", shown, viewer=other_staff, id=id)
    operation = {"kind": "PAY_A_BILL", "cause": "TOKENS", "reason": WHY, "reverses": {"uuid": str(sale.uuid)}}
    assert (made["state"], made["operation"]) == ("POSTED", operation)
    assert await have(database, owner, other) == [10, 0]
    assert await notes(database, owner) == [f"An operation was reversed, which adds 4 USD to your balance: {WHY}"]
    assert await notes(database, other) == [f"An operation was reversed, which adds -3.6 USD to your balance: {WHY}"]
    listed = "{ reversals(state: POSTED) { nodes { reason reverses { uuid } proposedBy { id } decidedBy { id } } } }"
    [row] = (await ask(listed, viewer=staff))["reversals"]["nodes"]
    assert (row["reverses"], row["reason"]) == ({"uuid": str(sale.uuid)}, WHY)
    assert [row[name]["id"] for name in ("proposedBy", "decidedBy")] == [
        ids.encode(each.user) for each in (staff, other_staff)
    ]
    assert (await ask(listed, viewer=owner))["reversals"]["nodes"] == []
    async with database.reading() as session:
        entries = select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.user_id).order_by(AuditEntry.id)
        assert [tuple(row) for row in await session.execute(entries)] == [
            (action, actor.id, user.id)
            for action, actor in (("proposeReversal", staff), ("postReversal", other_staff))
            for user in (owner, other)
        ]
    assert await broken(database) == {}


async def test_a_reversal_is_linked_in_every_statement(ask, change, propose, database, owner, other_staff, sale):
    await change("postReversal", viewer=other_staff, id=await propose(sale))
    document = """query ($since: DateTime!, $until: DateTime!) {
        statement(currency: USD, since: $since, until: $until) { lines { change reverses } } }"""
    answer = await ask(document, viewer=owner, since=EARLY.isoformat(), until=LATE.isoformat())
    assert answer["statement"]["lines"] == [
        {"change": "10.00000000", "reverses": None},
        {"change": "-4.00000000", "reverses": None},
        {"change": "4.00000000", "reverses": str(sale.uuid)},
    ]
    async with database.reading() as session:
        whole = await statements.statement(session, owner.user, currency=Currency.USD, since=EARLY, until=LATE)
    rows = list(csv.DictReader(io.StringIO(statement_files.as_csv(whole), newline="")))
    assert [row["reverses"] for row in rows] == ["", "", "", str(sale.uuid), ""]
    camt = statement_files.as_camt053(whole)
    schema = xmlschema.XMLSchema(Path(__file__).with_name("camt.053.001.08.xsd"))
    assert [error.reason for error in schema.iter_errors(camt)] == []
    assert camt.count("<RvslInd>true</RvslInd>") == 1


async def test_plain_text_accounting_knows_the_reversal(change, propose, database, owner, other_staff, sale, tmp_path):
    await change("postReversal", viewer=other_staff, id=await propose(sale))
    async with database.reading() as session:
        whole = await statements.statement(session, owner.user, currency=Currency.USD, since=EARLY, until=LATE)
    file = tmp_path / "statement.beancount"
    file.write_text(statement_files.as_beancount(whole))
    assert checked(file) == (0, "")
    assert file.read_text().count(f'reverses: "{sale.uuid}"') == 1


async def test_who_proposed_it_and_whose_money_it_is_do_not_post_it(
    refuse, propose, database, owner, staff, other_staff, sale
):
    id = await propose(sale)
    refused = await refuse("postReversal", viewer=staff, id=id)
    assert (refused["code"], "You proposed" in refused["message"]) == ("FORBIDDEN", True)
    assert (await refuse("postReversal", viewer=owner, id=id))["code"] == "FORBIDDEN"
    assert (await refuse("rejectReversal", viewer=owner, id=id))["code"] == "FORBIDDEN"
    about = {"operationId": ids.encode(sale), "reason": WHY}
    assert (await refuse("proposeReversal", viewer=owner, **about))["code"] == "FORBIDDEN"
    own = await propose(await give(database, other_staff.id, 5))
    refused = await refuse("postReversal", viewer=other_staff, id=own)
    assert (refused["code"], "your own balance" in refused["message"]) == ("FORBIDDEN", True)


async def test_what_was_spent_or_is_held_is_not_taken(
    refuse, change, propose, database, owner, other, other_staff, sale
):
    id = await propose(sale)
    job = await factories.job(database, user_id=other.id)
    async with database.writing() as session:
        held = Sale(OperationCause.MARKET_SOLVING, other.id, owner.id, Decimal("0.00000001"), ("Machine", 1))
        reservation = await sales.hold(session, held, job)
    refused = await refuse("postReversal", viewer=other_staff, id=id)
    told = {name: refused[name] for name in ("code", "required", "available", "currency")}
    assert told == {
        "code": "INSUFFICIENT_FUNDS",
        "required": "3.60000000",
        "available": "3.59999999",
        "currency": "USD",
    }
    assert await have(database, owner, other) == [6, Decimal("3.6")]
    # It still waits, and can be posted once there is enough.
    async with database.writing() as session:
        await reservations.void(session, reservation.id)
    assert (await change("postReversal", "state", viewer=other_staff, id=id))["state"] == "POSTED"
    assert await broken(database) == {}


async def test_an_operation_is_reversed_once_and_a_reversal_is_not(
    refuse, change, propose, database, staff, other_staff, sale
):
    id = await propose(sale)
    about = {"operationId": ids.encode(sale), "reason": WHY}
    refused = await refuse("proposeReversal", viewer=other_staff, **about)
    assert (refused["code"], "proposed already" in refused["message"]) == ("CONFLICT", True)
    await change("postReversal", viewer=other_staff, id=id)
    for name in ("postReversal", "rejectReversal"):
        refused = await refuse(name, viewer=other_staff, id=id)
        assert (refused["code"], "POSTED already" in refused["message"]) == ("CONFLICT", True)
    refused = await refuse("proposeReversal", viewer=staff, **about)
    assert (refused["code"], "already reversed" in refused["message"]) == ("CONFLICT", True)
    async with database.reading() as session:
        back = (await session.scalars(select(Operation).where(Operation.reverses_id == sale.id))).one()
    refused = await refuse("proposeReversal", viewer=staff, **about | {"operationId": ids.encode(back)})
    assert (refused["code"], "itself a reversal" in refused["message"]) == ("CONFLICT", True)


async def test_money_that_something_else_keeps_an_account_of_is_not_reversed(refuse, database, owner, staff):
    await give(database, owner.id, 10)
    top_up = await factories.add(database, TopUp(user_id=owner.id, usd=Decimal(20)))
    about = {"currency": "usd", "metadata": {"top_up": str(top_up.id)}}
    paid = {"amount_total": 2_000, "payment_status": "paid"}
    async with database.writing() as session:
        await card_top_ups.apply_event(session, Event("evt_1", "checkout.session.completed", about | paid))
    async with database.writing() as session:
        terms = Terms("A gift", Currency.COUPON, Decimal(1), 1)
        given = await grants.grant(session, Viewer(staff.id, is_staff=True), owner.id, terms, reason="A gift.")
    async with database.writing() as session:
        await grants.end_grant(session, Viewer(staff.id, is_staff=True), given.id)
    await posted(database, OperationCause.CONSULTING, owner.id)
    await posted(database, OperationCause.TOP_UP_RETURNED, owner.id, ("TopUp", top_up.id))
    async with database.reading() as session:
        made = {
            (each.cause, each.subject_type): each
            for each in await session.scalars(select(Operation).order_by(Operation.id))
        }
    said = {
        (OperationCause.TOP_UP, "TopUp"): "paid by card",
        (OperationCause.GRANT, None): "End the grant",
        (OperationCause.GRANT_ENDED, None): "Give a new grant",
        (OperationCause.CONSULTING, None): "dispute",
        (OperationCause.TOP_UP_RETURNED, "TopUp"): "Propose an adjustment",
    }
    assert made.keys() - said.keys() == {(OperationCause.TOP_UP, None)}
    for kind, words in said.items():
        refused = await refuse("proposeReversal", viewer=staff, operationId=ids.encode(made[kind]), reason=WHY)
        assert (refused["code"], words in refused["message"]) == ("CONFLICT", True), kind


@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_the_money_of_a_deleted_account_is_not_moved(
    refuse, propose, database, owner, staff, other_staff, sale, when
):
    id = await propose(sale) if when == "meanwhile" else None
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == owner.id).values(anonymised_at=func.now()))
    if id is None:
        refused = await refuse("proposeReversal", viewer=staff, operationId=ids.encode(sale), reason=WHY)
    else:
        refused = await refuse("postReversal", viewer=other_staff, id=id)
    assert (refused["code"], "was deleted" in refused["message"]) == ("CONFLICT", True)


async def test_bad_input_is_refused(refuse, staff, owner, sale):
    for wrong, code in (
        ({"reason": " "}, "INVALID_INPUT"),
        ({"reason": "x" * 501}, "INVALID_INPUT"),
        ({"operationId": ids.encode(owner.user)}, "NOT_FOUND"),
        ({"operationId": ids.global_ids("Operation")[10**9]}, "NOT_FOUND"),
    ):
        about = {"operationId": ids.encode(sale), "reason": WHY} | wrong
        assert (await refuse("proposeReversal", viewer=staff, **about))["code"] == code, wrong
    refused = await refuse("postReversal", viewer=staff, id=ids.global_ids("Reversal")[10**9])
    assert refused["code"] == "NOT_FOUND"


async def test_a_rejected_one_moves_nothing_and_may_be_proposed_again(
    change, refuse, propose, database, owner, other, staff, other_staff, sale
):
    id = await propose(sale)
    made = await change("rejectReversal", "state operation { id }", viewer=staff, id=id)
    assert (made["state"], made["operation"]) == ("REJECTED", None)
    assert (await refuse("postReversal", viewer=other_staff, id=id))["code"] == "CONFLICT"
    assert await have(database, owner, other) == [6, Decimal("3.6")]
    assert await notes(database, owner) == []
    await change("postReversal", viewer=other_staff, id=await propose(sale))
    assert await have(database, owner, other) == [10, 0]


async def test_of_many_who_post_it_at_once_one_does(change, propose, database, owner, other, other_staff, sale):
    third = await factories.user(database, "third", is_staff=True)
    id = await propose(sale)
    both = (other_staff, third)
    came = await asyncio.gather(*(change("postReversal", "state", viewer=both[n % 2], id=id) for n in range(8)))
    assert sorted(each.get("code", "done") for each in came) == ["CONFLICT"] * 7 + ["done"]
    assert await have(database, owner, other) == [10, 0]
    assert len(await notes(database, owner)) == 1
    assert await broken(database) == {}


async def test_of_two_reversals_at_once_of_one_operation_one_is_posted(
    propose, database, owner, other, other_staff, sale
):
    """Whoever finds a way round the one proposal still meets the ledger's own rule."""
    id = ids.key(await propose(sale), Reversal)

    async def post() -> Reversal:
        async with database.writing() as session:
            return await services.post(session, Viewer(other_staff.id, is_staff=True), id)

    async def reverse() -> Operation:
        async with database.writing() as session:
            return await ledger.reverse(session, sale.id, actor_id=None, reason=WHY)

    came = await asyncio.gather(post(), reverse(), post(), reverse(), return_exceptions=True)
    assert sum(isinstance(each, Operation | Reversal) for each in came) == 1
    assert await have(database, owner, other) == [10, 0]
    assert await broken(database) == {}


@pytest.mark.parametrize("name", ["proposeReversal", "postReversal"])
async def test_a_request_that_is_repeated_with_its_key_is_answered_alike(
    api, propose, database, owner, staff, other_staff, sale, name
):
    given = {"operationId": ids.encode(sale), "reason": WHY}
    viewer = staff
    if name == "postReversal":
        given, viewer = {"id": await propose(sale)}, other_staff
    kind = f"{name[0].upper()}{name[1:]}Input!"
    document = f"mutation ($input: {kind}) {{ {name}(input: $input) {{ ... on Reversal {{ id state }} }} }}"
    body = {"query": document, "variables": {"input": given}}
    headers = {"Authorization": f"Bearer {viewer.token}"}
    without = (await api.post("/graphql", json=body, headers=headers)).json()
    assert "errors" in without
    headers |= {"Idempotency-Key": str(uuid4())}
    came = [(await api.post("/graphql", json=body, headers=headers)).json()["data"][name] for _ in range(2)]
    assert came[0] == came[1]
    assert came[0]["state"] == ("POSTED" if name == "postReversal" else "PROPOSED")
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Reversal)) == 1
    assert await have(database, owner) == [10 if name == "postReversal" else 6]


async def test_what_returns_to_a_grant_that_has_ended_returns_to_the_platform(
    change, propose, database, owner, staff, other_staff
):
    async with database.writing() as session:
        terms = Terms("A gift", Currency.COUPON, Decimal(5), 1, expires_at=datetime(2090, 1, 1, tzinfo=UTC))
        given = await grants.grant(session, Viewer(staff.id, is_staff=True), owner.id, terms, reason="A gift.")
        held = await reservations.hold(session, owner.id, Decimal(2), Purpose(OperationCause.TRAINING), for_=HOUR)
        training = await reservations.post(session, held.id)
    async with database.writing() as session:
        await grants.end_grant(session, Viewer(staff.id, is_staff=True), given.id)
    await change("postReversal", viewer=other_staff, id=await propose(training))
    async with database.reading() as session:
        # It cannot be spent any more.
        assert (await balances_of(session, [owner.id]))[owner.id].coupon == 0
    async with database.writing() as session:
        assert await grants.end_due(session) == 1
        assert await grants.end_due(session) == 0
        ended = await session.get_one(Grant, given.id)
        assert ended.ended_at is not None
        assert (await session.get_one(ledger.LedgerAccount, given.account_id)).balance == 0
    assert await broken(database) == {}


async def test_work_that_coupons_and_tokens_paid_is_paid_back_to_both(change, propose, database, owner, staff):
    await give(database, owner.id, 10, Currency.EAML)
    third = await factories.user(database, "third", is_staff=True)
    async with database.writing() as session:
        terms = Terms("A gift", Currency.COUPON, Decimal(5), 1)
        await grants.grant(session, Viewer(staff.id, is_staff=True), owner.id, terms, reason="A gift.")
        held = await reservations.hold(session, owner.id, Decimal(7), Purpose(OperationCause.TRAINING), for_=HOUR)
        training = await reservations.post(session, held.id)
    await change("postReversal", viewer=third, id=await propose(training))
    async with database.reading() as session:
        has = (await balances_of(session, [owner.id]))[owner.id]
    assert (has.eaml, has.coupon) == (10, 5)
    assert (await notes(database, owner))[-1].startswith("An operation was reversed, which adds 5 COUPON and 2 EAML to")
    assert await broken(database) == {}


async def test_a_sale_that_is_reversed_counts_against_itself(ask, change, propose, database, owner, other, other_staff):
    await give(database, owner.id, 10)
    machine = await factories.machine(database, other.id)
    async with database.writing() as session:
        sold = Sale(OperationCause.DATA_SOURCE, owner.id, other.id, Decimal(5), ("Machine", machine.id))
        operation = await sales.pay(session, sold)
    await change("postReversal", viewer=other_staff, id=await propose(operation))
    today = datetime.now(UTC).date()
    income = f"""{{ marketIncome(since: "{today - timedelta(1)}", until: "{today + timedelta(1)}",
        machineId: "{ids.encode(machine)}") {{ salesCount grossUsd netUsd }} }}"""
    zero = "0.00000000"
    assert (await ask(income, viewer=other))["marketIncome"] == [{"salesCount": 0, "grossUsd": zero, "netUsd": zero}]
    assert await have(database, owner, other) == [10, 0]
