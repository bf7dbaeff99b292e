"""Clients that all work with money at once, and what goes wrong meanwhile."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
from sqlalchemy import func, select, update

from app.database import Database
from app.errors import DomainError
from app.models.base import Record
from app.models.billing.grants import Grant
from app.models.billing.ledger import Currency, Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationPart, ReservationState
from app.models.consulting.requests import ConsultingRequest
from app.models.system import JobState
from app.policies import Viewer
from app.services.billing import ledger, reservations, sales
from app.services.billing.promotions import grants
from app.services.billing.promotions.grants import Terms
from app.services.billing.reservations import Purpose
from app.services.billing.sales import Sale
from app.services.billing.top_ups import topping_up
from app.services.consulting import contracts, proposals, requests
from app.services.consulting.proposals import Offer
from app.services.system import jobs
from app.services.system.jobs import Claim, LeaseLost
from tests import factories
from tests.billing.books import broken, move
from tests.billing.consulting_acts import BRIEF
from tests.fuzz import FACTOR

HOUR = timedelta(hours=1)
WORK = OperationCause.TRAINING


async def tried(deed: Any) -> Any:
    """What it came to. It may be refused, find everything too busy, or never learn its outcome: the books tell."""
    try:
        return await deed
    except (DomainError, LeaseLost) as error:
        return error


class Crowd:
    """Clients that all work at once, and send each message twice."""

    def __init__(self, database: Database, people: list[int]) -> None:
        self.database, self.people = database, people
        self.done: list[str] = []
        self._moved: list[int] = []

    async def client(self, seed: int) -> None:
        random = Random(seed)
        acts = (
            *(self.move, self.sell, self.deliver, self.hold_and_end),
            *(self.buy_tokens, self.reverse, self.grant_and_end, self.agree),
        )
        for _ in range(4 if FACTOR == 1 else 10 * FACTOR):
            payer, payee = random.sample(self.people, 2)
            await random.choice(acts)(payer, payee, Decimal(random.randint(1, 3)))

    async def move(self, payer: int, payee: int, amount: Decimal) -> None:
        made = await tried(move(self.database, payer, payee, amount, commission="0.1"))
        self.done.append(type(made).__name__)
        if isinstance(made, Operation):
            self._moved.append(made.id)

    async def sell(self, buyer: int, seller: int, price: Decimal) -> None:
        self.done.append(type(await tried(self.buy(buyer, seller, price))).__name__)

    async def hold_and_end(self, payer: int, payee: int, amount: Decimal) -> None:
        del payee
        if isinstance(held := await tried(self.hold(payer, amount)), int):
            await self.once(self.end(held), self.end(held))

    async def buy_tokens(self, payer: int, payee: int, amount: Decimal) -> None:
        del payee

        async def deed() -> Operation:
            async with self.database.writing() as session:
                return await topping_up.buy_tokens(session, Viewer(payer), usd=amount)

        self.done.append(type(await tried(deed())).__name__)

    async def reverse(self, payer: int, payee: int, amount: Decimal) -> None:
        del payer, payee, amount
        if not self._moved:
            return
        chosen = self._moved.pop(0)

        async def deed() -> Operation:
            async with self.database.writing() as session:
                return await ledger.reverse(session, chosen, actor_id=None, reason="A mistake.")

        await self.once(deed(), deed())

    async def grant_and_end(self, giver: int, user: int, amount: Decimal) -> None:
        """Coupons that staff give, and take back what is left of."""
        staff = Viewer(giver, is_staff=True)

        async def given() -> int:
            async with self.database.writing() as session:
                terms = Terms("A gift", Currency.COUPON, amount, 1)
                return (await grants.grant(session, staff, user, terms, reason="A gift.")).id

        async def ended(id: int) -> Grant:
            async with self.database.writing() as session:
                return await grants.end_grant(session, staff, id)

        made = await tried(given())
        if isinstance(made, int) and made % 2:
            await self.once(ended(made), ended(made))

    async def agree(self, client: int, consultant: int, price: Decimal) -> None:
        """A contract, which the client approves while the consultant gives it back."""
        signed = await tried(self.sign(client, consultant, price))
        if not isinstance(signed, int):
            return

        async def approve() -> ConsultingRequest:
            async with self.database.writing() as session:
                return await contracts.approve(session, Viewer(client), signed)

        async def give_back() -> ConsultingRequest:
            async with self.database.writing() as session:
                return await contracts.cancel(session, Viewer(consultant), signed, note="I am ill.")

        await self.once(approve(), give_back())

    async def sign(self, client: int, consultant: int, price: Decimal) -> int:
        async with self.database.writing() as session:
            request = await requests.ask(session, Viewer(client), BRIEF)
        async with self.database.writing() as session:
            offer = Offer(price, 5, "Yes.")
            proposal = await proposals.propose(session, Viewer(consultant), request.id, offer)
        async with self.database.writing() as session:
            return (await proposals.accept(session, Viewer(client), proposal.id)).id

    async def once(self, *deeds: Any) -> None:
        """Does them at once: one of them is done at most."""
        came = await asyncio.gather(*(tried(deed) for deed in deeds))
        done = [each for each in came if isinstance(each, Record)]
        assert len(done) <= 1
        self.done += [type(each).__name__ for each in done]

    async def buy(self, buyer: int, seller: int, price: Decimal) -> Operation | None:
        async with self.database.writing() as session:
            return await sales.pay(session, Sale(OperationCause.DATA_SOURCE, buyer, seller, price, ("Machine", 1)))

    async def deliver(self, buyer: int, seller: int, price: Decimal) -> None:
        """A job for which a price is held. Its worker loses the lease to another, and both say that they are done."""
        job_id = await tried(self.order(buyer, seller, price))
        first = await tried(self.begin(job_id)) if isinstance(job_id, int) else None
        if not isinstance(first, Claim):
            return
        await tried(self.lose(first))
        second = await tried(self.begin(first.job_id))
        workers = [claim for claim in (first, second) if isinstance(claim, Claim)]
        came = await asyncio.gather(*(tried(self.finish(claim)) for claim in workers))
        assert came.count(True) <= 1
        if True in came:
            self.done.append("delivered")

    async def order(self, buyer: int, seller: int, price: Decimal) -> int:
        job = await factories.job(self.database, user_id=buyer)
        async with self.database.writing() as session:
            sale = Sale(OperationCause.MARKET_SOLVING, buyer, seller, price, ("Machine", 1))
            await sales.hold(session, sale, job)
        return job.id

    async def begin(self, job_id: int) -> Claim | None:
        async with self.database.writing() as session:
            return await jobs.begin(session, job_id)

    async def lose(self, claim: Claim) -> None:
        async with self.database.writing() as session:
            lost = [lease for lease in await jobs.leases(session) if lease.job_id == claim.job_id]
            await jobs.release(session, lost)

    async def finish(self, claim: Claim) -> bool:
        async with self.database.writing() as session:
            await jobs.end(session, claim, JobState.DONE)
        return True

    async def hold(self, person: int, amount: Decimal) -> int:
        async with self.database.writing() as session:
            return (await reservations.hold(session, person, amount, Purpose(WORK), for_=HOUR)).id

    async def end(self, id: int) -> Operation | None:
        async with self.database.writing() as session:
            return await reservations.post(session, id, Decimal(1))


async def break_connections(connection: psycopg.Connection) -> None:
    """Ends some connection of the application's, again and again, whatever it is doing."""
    theirs = "datname = 'tests' AND usename <> current_user"
    one = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {theirs} ORDER BY random() LIMIT 1"
    for _ in range(10 * FACTOR):
        await asyncio.sleep(0.02)
        await asyncio.to_thread(connection.execute, one)


async def watch(database: Database, working: asyncio.Future[Any]) -> None:
    """Looks again and again while others work: the books are right in every snapshot."""
    while not working.done():
        seen = await tried(broken(database))
        assert isinstance(seen, DomainError) or seen == {}, seen
        await asyncio.sleep(0.2)


async def ends(database: Database) -> None:
    """Faults have stopped: whatever was held past its end goes with one sweep, and the books are right."""
    await sweep_all(database)
    async with database.reading() as session:
        held = Reservation.state == ReservationState.HELD
        assert await session.scalar(select(func.count()).select_from(Reservation).where(held)) == 0
    assert await broken(database) == {}


async def sweep_all(database: Database) -> None:
    async with database.writing() as session:
        held = Reservation.state == ReservationState.HELD
        await session.execute(update(Reservation).where(held).values(expires_at=func.now()))
        await session.execute(update(ReservationPart).where(ReservationPart.is_open).values(expires_at=func.now()))
    async with database.writing() as session:
        while await reservations.sweep(session):
            pass
