"""Answers that cost tokens: paid once, by who asks or by the owner, and not given without."""

from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.models.billing.ledger import Currency, Operation, OperationCause
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.automl import learned
from tests.automl.learned import SIZE
from tests.billing.books import give

ROWS = [{SIZE: 1}, {SIZE: 2}]
# Three inputs and two outputs.
PRICE = Decimal("0.5") * len(ROWS) * 5
SOLVE = "mutation($input: SolveInput!) { solve(input: $input) { __typename ... on Solved { rows { outputs } } } }"


@pytest.fixture(autouse=True)
def price(monkeypatch):
    monkeypatch.setattr(settings, "machine_solving_price_tokens", Decimal("0.5"))


@pytest.fixture
def operations(database):
    async def operations():
        async with database.reading() as session:
            found = await session.scalars(select(Operation).where(Operation.cause.in_(SOLVED)).order_by(Operation.id))
            return [(each.cause, each.operation_user_id, each.owner_user_id, each.count_of_lines) for each in found]

    return operations


SOLVED = (OperationCause.MACHINE_SOLVING, OperationCause.MACHINE_SOLVING_API, OperationCause.MARKET_SOLVING)


async def test_without_tokens_there_are_no_answers(refuse, database, owner, operations):
    machine = await learned.machine(database, owner.id)
    refused = await refuse("solve", viewer=owner, machineId=ids.encode(machine), rows=ROWS)
    assert (refused["code"], Decimal(refused["required"])) == ("INSUFFICIENT_FUNDS", PRICE)
    assert await operations() == []


async def test_answers_are_paid_once_for_one_key(api, database, owner, operations):
    await give(database, owner.id, 100, Currency.EAML)
    machine = await learned.machine(database, owner.id)
    body = {"query": SOLVE, "variables": {"input": {"machineId": ids.encode(machine), "rows": ROWS}}}
    headers = {"Authorization": f"Bearer {owner.token}", "Idempotency-Key": str(uuid4())}
    first, again = [(await api.post("/graphql", json=body, headers=headers)).json() for _ in range(2)]
    assert first["data"] == again["data"]
    assert len(first["data"]["solve"]["rows"]) == 2
    assert await operations() == [(OperationCause.MACHINE_SOLVING, owner.id, owner.id, 2)]


async def test_what_answers_have_cost_the_owner_is_added_up(change, look, database, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "token_price_usd", Decimal("0.01"))
    await give(database, owner.id, 100, Currency.EAML)
    await give(database, other.id, 100, Currency.EAML)
    id = ids.encode(await learned.machine(database, owner.id, machine_api_solving_is_public=True))
    costs = []
    for viewer in (owner, owner, other):
        await change("solve", "version", viewer=viewer, machineId=id, rows=ROWS)
        costs.append(Decimal((await look(id, "machineBillingCostSolvingUsd"))["machineBillingCostSolvingUsd"]))
    # Others pay for themselves.
    assert costs == [PRICE / 100, 2 * PRICE / 100, 2 * PRICE / 100]


async def test_what_is_refused_costs_nothing(refuse, database, owner, operations):
    await give(database, owner.id, 100, Currency.EAML)
    machine = await learned.machine(database, owner.id)
    await refuse("solve", viewer=owner, machineId=ids.encode(machine), rows=[{"nothing": 1}])
    assert await operations() == []


async def test_the_owner_pays_for_a_team_and_others_pay_for_themselves(
    change, refuse, database, owner, other, staff, operations
):
    team = await factories.team(database, owner.id, other.id)
    machine = await learned.machine(
        database, owner.id, machine_owner_team_id=team.id, machine_api_solving_is_public=True
    )
    refused = await refuse("solve", viewer=other, machineId=ids.encode(machine), rows=ROWS)
    assert (refused["code"], "owner" in refused["message"]) == ("CONFLICT", True)
    await give(database, owner.id, 100, Currency.EAML)
    await change("solve", "version", viewer=other, machineId=ids.encode(machine), rows=ROWS)
    third = await factories.user(database, "third")
    await give(database, third.user.id, 100, Currency.EAML)
    await change("solve", "version", viewer=third, machineId=ids.encode(machine), rows=ROWS)
    assert await operations() == [
        (OperationCause.MACHINE_SOLVING, other.id, owner.id, 2),
        (OperationCause.MARKET_SOLVING, third.user.id, third.user.id, 2),
    ]
