"""Clients that all work with money at once, and what goes wrong meanwhile."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
from sqlalchemy import func, update

from app.database import Database
from app.errors import DomainError
from app.models.billing.ledger import Operation, OperationCause
from app.models.billing.reservations import Reservation, ReservationPart, ReservationState
from app.models.system import JobState
from app.services.billing import reservations, sales
from app.services.billing.reservations import Purpose
from app.services.billing.sales import Sale
from app.services.system import jobs
from app.services.system.jobs import Claim, LeaseLost
from tests import factories
from tests.billing.books import move
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

    async def client(self, seed: int) -> None:
        random = Random(seed)
        for _ in range(4 if FACTOR == 1 else 10 * FACTOR):
            payer, payee = random.sample(self.people, 2)
            amount = Decimal(random.randint(1, 3))
            act = random.random()
            if act < 0.3:
                made = await tried(move(self.database, payer, payee, amount, commission="0.1"))
                self.done.append(type(made).__name__)
            elif act < 0.5:
                made = await tried(self.buy(payer, payee, amount))
                self.done.append(type(made).__name__)
            elif act < 0.7:
                await self.deliver(payer, payee, amount)
            elif isinstance(held := await tried(self.hold(payer, amount)), int):
                came = await asyncio.gather(tried(self.end(held)), tried(self.end(held)))
                assert sum(isinstance(each, Operation) for each in came) <= 1

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


async def sweep_all(database: Database) -> None:
    async with database.writing() as session:
        held = Reservation.state == ReservationState.HELD
        await session.execute(update(Reservation).where(held).values(expires_at=func.now()))
        await session.execute(update(ReservationPart).where(ReservationPart.is_open).values(expires_at=func.now()))
    async with database.writing() as session:
        while await reservations.sweep(session):
            pass
