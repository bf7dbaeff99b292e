"""Whatever people do with money, one after another or at once: a plain model agrees, and the books are right."""

import asyncio
from collections import defaultdict
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, update

from app.database import Database
from app.errors import DomainError
from app.models.billing.ledger import Currency
from app.models.billing.reservations import Reservation, ReservationPart
from app.policies import Viewer
from app.services.billing import holds, ledger, reservations
from app.services.billing.balances import balances_of
from app.services.billing.promotions import grants
from app.services.billing.promotions.grants import Terms
from app.services.billing.reservations import Purpose
from app.services.billing.top_ups import topping_up
from tests import factories
from tests.billing.books import broken, give, move
from tests.billing.consulting_acts import ConsultingActs
from tests.billing.crowd import WORK, Crowd, break_connections, ends, watch
from tests.billing.market_acts import HOUR, MarketActs
from tests.billing.money_model import SMALLEST, Given, Held, Model
from tests.consulting.people import escrowed
from tests.fuzz import FACTOR

# 40 000 operations in `make fuzz`.
STEPS = 60 if FACTOR == 1 else 2_000 * FACTOR


class Run(ConsultingActs, MarketActs):
    """One sequence of acts, each done and thought through: `refused` says what the model expects."""

    def __init__(self, database: Database, people: list[int], staff: int, seed: int) -> None:
        self.database, self.people, self.random = database, people, Random(seed)
        self.staff = Viewer(staff, is_staff=True)
        self.model = Model()

    def amount(self, has: Decimal) -> Decimal:
        chosen = [SMALLEST, Decimal("0.005"), Decimal(self.random.randint(1, 10**9)) * SMALLEST, has, has + SMALLEST]
        return self.random.choice(chosen) or SMALLEST

    async def step(self) -> None:
        act = self.random.choice([getattr(self, name) for name in dir(type(self)) if name.startswith("do_")])
        await act()

    async def outcome(self, deed: Any, *, refused: bool) -> Any:
        """What was done; None if it was refused, as expected."""
        try:
            async with self.database.writing() as session:
                made = await deed(session)
        except DomainError:
            if refused:
                return None
            raise
        assert not refused, "unexpectedly done"
        return made if made is not None else True

    async def do_top_up(self) -> None:
        person = self.random.choice(self.people)
        amount = self.amount(self.model.usd[person])
        await give(self.database, person, amount)
        self.model.usd[person] += amount

    async def do_move(self) -> None:
        payer, payee = self.random.sample(self.people, 2)
        amount = self.amount(self.model.usd[payer])
        commission = (amount / 7).quantize(SMALLEST)
        is_refused = amount > self.model.free(payer)
        try:
            made = await move(self.database, payer, payee, amount, commission=commission)
        except DomainError:
            assert is_refused
            return
        assert not is_refused
        self.model.moved[made.id] = {payer: amount, payee: commission - amount}
        self.model.usd[payer] -= amount
        self.model.usd[payee] += amount - commission

    async def do_reverse(self) -> None:
        if not self.model.moved:
            return
        chosen = self.random.choice(list(self.model.moved))
        changes = self.model.moved[chosen]
        refused = any(self.model.free(person) + change < 0 for person, change in changes.items())

        async def deed(session):
            return await ledger.reverse(session, chosen, actor_id=None, reason="A mistake.")

        if await self.outcome(deed, refused=refused):
            del self.model.moved[chosen]
            for person, change in changes.items():
                self.model.usd[person] += change

    async def do_buy_tokens(self) -> None:
        person = self.random.choice(self.people)
        amount = self.amount(self.model.usd[person])

        async def deed(session):
            return await topping_up.buy_tokens(session, Viewer(person), usd=amount)

        if await self.outcome(deed, refused=amount > self.model.free(person)):
            self.model.usd[person] -= amount
            self.model.eaml[person] += amount

    async def do_grant(self) -> None:
        person, currency = self.random.choice(self.people), self.random.choice([Currency.EAML, Currency.COUPON])
        terms = Terms("A gift", currency, self.amount(Decimal(1)), self.random.randint(1, 3))

        async def deed(session):
            return await grants.grant(session, self.staff, person, terms, reason="A campaign.")

        made = await self.outcome(deed, refused=False)
        self.model.grants[made.id] = Given(person, currency, terms.priority, terms.amount)

    async def do_end_grant(self) -> None:
        if not self.model.grants:
            return
        chosen = self.random.choice(list(self.model.grants))

        async def deed(session):
            return await grants.end_grant(session, self.staff, chosen)

        given = self.model.grants[chosen]
        if await self.outcome(deed, refused=given.has_ended):
            given.has_ended = True
            given.left = given.held

    async def do_hold(self) -> None:
        person = self.random.choice(self.people)
        sources = self.model.sources(person)
        free = sum((amount for _, amount in sources), Decimal(0))
        amount = self.amount(free)

        async def deed(session):
            return await reservations.hold(session, person, amount, Purpose(WORK), for_=HOUR)

        made = await self.outcome(deed, refused=amount > free)
        if made:
            self.model.reservations[made.id] = Held(person, self.model.take(person, amount))

    async def do_post(self) -> None:
        if not self.model.reservations:
            return
        chosen = self.random.choice(list(self.model.reservations))
        held = self.model.reservations[chosen]
        whole = sum(amount for _, amount in held.parts)
        amount = self.random.choice([whole, SMALLEST, (whole / 3).quantize(SMALLEST)])

        async def deed(session):
            return await reservations.post(session, chosen, amount)

        if await self.outcome(deed, refused=not held.is_held or held.has_expired):
            self.model.release(held, posted=amount)

    async def do_void(self) -> None:
        if not self.model.reservations:
            return
        chosen = self.random.choice(list(self.model.reservations))
        held = self.model.reservations[chosen]

        async def deed(session):
            return await reservations.void(session, chosen)

        if await self.outcome(deed, refused=not held.is_held or held.has_expired):
            self.model.release(held)

    async def do_expire(self) -> None:
        if not (open_ := [id for id, held in self.model.reservations.items() if held.is_held]):
            return
        chosen = self.random.choice(open_)

        async def deed(session):
            for table, column in ((ReservationPart, ReservationPart.reservation_id), (Reservation, Reservation.id)):
                await session.execute(update(table).where(column == chosen).values(expires_at=func.now()))

        await self.outcome(deed, refused=False)
        self.model.expire(self.model.reservations[chosen])

    async def do_sweep(self) -> None:
        async def deed(session):
            await reservations.sweep(session)
            await grants.end_due(session)

        await self.outcome(deed, refused=False)
        for held in self.model.reservations.values():
            held.is_held = held.is_held and not held.has_expired
        for given in self.model.grants.values():
            given.left = given.held if given.has_ended else given.left

    async def agree(self) -> None:
        """Passes if the database has what the model has."""
        async with self.database.reading() as session:
            has = await balances_of(session, self.people)
            free = {person: await holds.available_for(session, person, WORK) for person in self.people}
            usd = {person: await holds.available(session, person, Currency.USD) for person in self.people}
        given = defaultdict(Decimal)
        for each in self.model.grants.values():
            if not each.has_ended:
                given[each.user, each.currency] += each.left
        for person in self.people:
            assert has[person].usd == self.model.usd[person]
            assert usd[person] == self.model.free(person)
            assert has[person].eaml == self.model.eaml[person] + given[person, Currency.EAML]
            assert has[person].coupon == given[person, Currency.COUPON]
            assert free[person] == sum(amount for _, amount in self.model.sources(person))
        assert await escrowed(self.database) == sum(each.left for each in self.model.contracts.values())
        assert await broken(self.database) == {}


@pytest.fixture(autouse=True)
def _busy_soon(monkeypatch):
    """Wallets are divided after a few entries."""
    monkeypatch.setattr(ledger, "BUSY_ENTRIES", 5)


@pytest.mark.fuzz
async def test_one_after_another_they_come_to_what_a_plain_model_comes_to(database, monkeypatch):
    seed = 1
    # One connection does all: it takes part by part, as many would.
    monkeypatch.setattr(ledger, "_turn", partial(_any_turn, Random(seed)))
    people = [(await factories.user(database, f"person{number}")).user.id for number in range(4)]
    staff = (await factories.user(database, "giver", is_staff=True)).user.id
    run = Run(database, people, staff, seed)
    for number in range(STEPS):
        try:
            await run.step()
            # All entries are read each time: often at first, and then not after every few.
            if number % (20 if number < 1_000 else 400) == 0 or number == STEPS - 1:
                await run.agree()
        except AssertionError as wrong:
            raise AssertionError(f"seed {seed}, step {number}") from wrong


async def _any_turn(random: Random, _: object) -> int:
    return random.randrange(ledger.STRIPES * ledger.WALLET_PARTS)


@pytest.mark.fuzz
async def test_at_once_and_with_connections_that_break_nothing_is_lost(database, servers):
    """16 clients, each message twice, no sweep, and connections that end in the middle, before and after commits."""
    people = [(await factories.user(database, f"person{number}")).user.id for number in range(4)]
    for person in people:
        await give(database, person, 10)
        await give(database, person, 10, Currency.EAML)
    crowd = Crowd(database, people)
    with servers.connect("postgres") as connection:
        working = asyncio.gather(*map(crowd.client, range(16)), break_connections(connection))
        await asyncio.gather(working, watch(database, working))
    assert "Operation" in crowd.done
    assert await broken(database) == {}
    await ends(database)
