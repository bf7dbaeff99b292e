"""Whatever people do with money, one after another or at once: a plain model agrees, and the books are right."""

import asyncio
from collections import defaultdict
from decimal import Decimal
from random import Random

import pytest

from app.database import Database
from app.errors import DomainError
from app.models.billing.ledger import Operation
from app.services.billing import ledger
from app.services.billing.balances import balances_of
from tests import factories
from tests.billing.books import broken, give, move
from tests.fuzz import FACTOR

SMALLEST = Decimal("0.00000001")
ACTS = ("give", "move", "move", "move", "reverse")


class Model:
    """What people have, in a dictionary of decimals."""

    def __init__(self) -> None:
        self.has: dict[int, Decimal] = defaultdict(Decimal)
        self.moved: dict[int, dict[int, Decimal]] = {}

    def apply(self, operation_id: int, changes: dict[int, Decimal]) -> bool:
        """Whether everybody can afford it; if so, they have it."""
        if any(self.has[id] + change < 0 for id, change in changes.items()):
            return False
        for id, change in changes.items():
            self.has[id] += change
        self.moved[operation_id] = changes
        return True


def amount_for(random: Random, has: Decimal) -> Decimal:
    amounts = [SMALLEST, Decimal("0.005"), Decimal(random.randint(1, 10**9)) * SMALLEST, has, has + SMALLEST]
    return random.choice(amounts) or SMALLEST


async def step(database: Database, random: Random, people: list[int], model: Model) -> None:
    act, (payer, payee) = random.choice(ACTS), random.sample(people, 2)
    amount = amount_for(random, model.has[payer])
    changes = {payer: amount} if act == "give" else {payer: -amount, payee: amount}
    try:
        if act == "give":
            made = await give(database, payer, amount)
        elif act == "move":
            made = await move(database, payer, payee, amount)
        elif model.moved:
            chosen = random.choice(list(model.moved))
            changes = {id: -change for id, change in model.moved.pop(chosen).items()}
            async with database.writing() as session:
                made = await ledger.reverse(session, chosen, actor_id=None, reason="A mistake.")
        else:
            return
    except DomainError:
        assert any(model.has[id] + change < 0 for id, change in changes.items()), (act, changes)
    else:
        assert model.apply(made.id, changes), (act, changes)
        if act == "reverse":
            del model.moved[made.id]


@pytest.mark.fuzz
async def test_one_after_another_they_come_to_what_a_plain_model_comes_to(database):
    for seed in range(FACTOR):
        random, model = Random(seed), Model()
        people = [(await factories.user(database, f"person{seed}x{number}")).user.id for number in range(4)]
        for _ in range(40):
            await step(database, random, people, model)
        async with database.reading() as session:
            found = await balances_of(session, people)
        assert {id: found[id].usd for id in people} == {id: model.has[id] for id in people}, f"seed {seed}"
        assert await broken(database) == {}, f"seed {seed}"


async def test_at_once_nothing_is_lost_and_nobody_has_less_than_nothing(database):
    people = [(await factories.user(database, f"person{number}")).user.id for number in range(4)]
    for person in people:
        await give(database, person, 10)

    async def client(seed: int) -> int:
        random, done = Random(seed), 0
        for _ in range(10):
            payer, payee = random.sample(people, 2)
            try:
                made = await move(database, payer, payee, Decimal(random.randint(1, 5)), commission="0.1")
                if random.random() < 0.2:
                    async with database.writing() as session:
                        made = await ledger.reverse(session, made.id, actor_id=None, reason="A mistake.")
            except DomainError:
                continue
            done += isinstance(made, Operation)
        return done

    async def look() -> list[dict[str, list[int]]]:
        return [await broken(database) for _ in range(5)]

    *done, seen = await asyncio.gather(*(client(seed) for seed in range(4)), look())
    assert sum(done) > 0
    assert [found for found in seen if found] == []
    assert await broken(database) == {}
